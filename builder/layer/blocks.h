/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks - a stream cut into blocks, which are digested, compressed, digested again and written,
 * on one thread or several.
 *
 * Only within layer/. The blocks are 512 KiB, whatever the number of threads; at most threads + 3
 * of them exist.
 */
#ifndef CROZE_LAYER_BLOCKS_H
#define CROZE_LAYER_BLOCKS_H

#include "builder/layer/writer.h"

#define BLOCK_SIZE ((size_t)512 << 10)
#define BLOCK_THREADS_MAX 8

struct blocks;

/** @out as layer_writer_open(). No thread is started before the first block is full. */
int blocks_open(int out, enum compression kind, int level, unsigned threads, struct blocks **blocks,
    struct error *e);
/**
 * Where the next bytes go, and how many at most (never 0). NULL with @e when an earlier block could
 * not be written.
 */
void *blocks_room(struct blocks *b, size_t *room, struct error *e);
/** @length bytes were put there. */
void blocks_add(struct blocks *b, size_t length);
/** Sends on what is left, waits for all of it. Sets all of @result but n_entries. */
int blocks_finish(struct blocks *b, struct layer_result *result, struct error *e);
/** Stops the threads, frees. */
void blocks_close(struct blocks *b);

#endif
