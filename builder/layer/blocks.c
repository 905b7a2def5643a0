/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks - a stream cut into blocks, which are digested, compressed, digested again and written,
 * on one thread or several.
 *
 * The blocks form a ring. Three things happen to each: the digest of what it holds (in order),
 * compression (in any order), and digest and write of what came out (in order). Whoever is free,
 * the caller too when the ring is full, takes the most urgent one that can be done: the later the
 * stage, the more urgent, since it is what frees a block.
 */
#include "builder/layer/blocks.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define THREAD_STACK ((size_t)512 << 10)

struct block {
	char *in;
	size_t in_length;
	char *out;
	size_t out_length;
	bool compressed;
};

enum stage { STAGE_DIGEST, STAGE_COMPRESS, STAGE_WRITE, STAGE_NONE };

struct helper {
	struct blocks *blocks;
	pthread_t thread;
	struct compressor *compressor;
};

struct blocks {
	int out;
	enum compression kind;
	int level;
	unsigned n_threads;
	bool started;

	struct block *ring;
	size_t n_ring;
	struct block *filling;         /* NULL: none at hand */
	struct compressor *compressor; /* the caller's */
	struct helper *helpers;
	size_t n_helpers;

	struct hash *tar_hash;
	struct hash *out_hash;
	uint64_t tar_size;
	uint64_t size;

	/* Below: under @lock once threads run. Numbers of blocks since the start. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t n_filled;
	uint64_t n_digested;
	uint64_t n_taken; /* for compression */
	uint64_t n_written;
	bool digesting;
	bool writing;
	bool stopping;
	bool failed;
	struct error error;
};

static struct block *
block_at(const struct blocks *b, uint64_t number)
{
	return &b->ring[number % b->n_ring];
}

int
blocks_open(int out, enum compression kind, int level, unsigned threads, struct blocks **blocks,
    struct error *e)
{
	struct compressor *compressor;
	struct blocks *b;

	if (compressor_new(kind, level, &compressor, e) < 0)
		return -1;
	b = xcalloc(1, sizeof(*b));
	b->out = out;
	b->kind = kind;
	b->level = level;
	b->n_threads = threads > BLOCK_THREADS_MAX ? BLOCK_THREADS_MAX : threads ? threads : 1;
	b->n_ring = b->n_threads == 1 ? 1 : b->n_threads + 3;
	b->ring = xcalloc(b->n_ring, sizeof(*b->ring));
	b->compressor = compressor;
	b->tar_hash = hash_new();
	b->out_hash = hash_new();
	(void)pthread_mutex_init(&b->lock, NULL); /* cannot fail */
	(void)pthread_cond_init(&b->changed, NULL);
	*blocks = b;
	return 0;
}

void
blocks_close(struct blocks *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
	for (size_t i = 0; i < b->n_helpers; i++) {
		(void)pthread_join(b->helpers[i].thread, NULL);
		compressor_free(b->helpers[i].compressor);
	}
	free(b->helpers);
	compressor_free(b->compressor);
	for (size_t i = 0; i < b->n_ring; i++) {
		free(b->ring[i].in);
		free(b->ring[i].out);
	}
	free(b->ring);
	hash_free(b->tar_hash);
	hash_free(b->out_hash);
	(void)pthread_mutex_destroy(&b->lock);
	(void)pthread_cond_destroy(&b->changed);
	free(b);
}

/* The most urgent thing that can be done now; marks it as taken. */
static enum stage
take_stage(struct blocks *b, struct block **block)
{
	if (b->failed)
		return STAGE_NONE;
	*block = block_at(b, b->n_written);
	if (!b->writing && b->n_written < b->n_digested && (*block)->compressed) {
		b->writing = true;
		return STAGE_WRITE;
	}
	*block = block_at(b, b->n_digested);
	if (!b->digesting && b->n_digested < b->n_filled) {
		b->digesting = true;
		return STAGE_DIGEST;
	}
	*block = block_at(b, b->n_taken);
	if (b->n_taken < b->n_filled) {
		b->n_taken++;
		return STAGE_COMPRESS;
	}
	return STAGE_NONE;
}

static int
compress_block(
    struct blocks *b, struct block *block, struct compressor *compressor, struct error *e)
{
	size_t room;
	ssize_t written;

	if (b->kind == COMPRESSION_NONE)
		return 0;
	room = compressor_bound(compressor, BLOCK_SIZE);
	if (!block->out)
		block->out = xmalloc(room);
	written = compressor_run(compressor, block->in, block->in_length, block->out, room, e);
	if (written < 0)
		return -1;
	block->out_length = (size_t)written;
	return 0;
}

static int
write_block(struct blocks *b, const struct block *block, struct error *e)
{
	const char *bytes = b->kind == COMPRESSION_NONE ? block->in : block->out;
	size_t length = b->kind == COMPRESSION_NONE ? block->in_length : block->out_length;

	if (b->kind != COMPRESSION_NONE)
		hash_add(b->out_hash, bytes, length);
	b->size += length;
	return b->out < 0 ? 0 : fd_write_all(b->out, bytes, length, e);
}

static int
run_stage(struct blocks *b, enum stage stage, struct block *block, struct compressor *compressor,
    struct error *e)
{
	if (stage == STAGE_WRITE)
		return write_block(b, block, e);
	if (stage == STAGE_COMPRESS)
		return compress_block(b, block, compressor, e);
	hash_add(b->tar_hash, block->in, block->in_length);
	b->tar_size += block->in_length;
	return 0;
}

static void
end_stage(struct blocks *b, enum stage stage, struct block *block)
{
	if (stage == STAGE_WRITE) {
		b->writing = false;
		block->compressed = false;
		b->n_written++;
	} else if (stage == STAGE_DIGEST) {
		b->digesting = false;
		b->n_digested++;
	} else {
		block->compressed = true;
	}
}

/* Does one thing; false when there is nothing to do now. Called and returns with the lock held. */
static bool
work_once(struct blocks *b, struct compressor *compressor)
{
	struct error e = ERROR_INIT;
	struct block *block;
	enum stage stage = take_stage(b, &block);
	int result;

	if (stage == STAGE_NONE)
		return false;
	pthread_mutex_unlock(&b->lock);
	result = run_stage(b, stage, block, compressor, &e);
	pthread_mutex_lock(&b->lock);
	end_stage(b, stage, block);
	if (result < 0 && !b->failed) {
		b->failed = true;
		b->error = e;
	}
	pthread_cond_broadcast(&b->changed);
	return true;
}

static void *
help(void *arg)
{
	struct helper *helper = arg;
	struct blocks *b = helper->blocks;

	pthread_mutex_lock(&b->lock);
	while (!b->stopping)
		if (!work_once(b, helper->compressor))
			pthread_cond_wait(&b->changed, &b->lock);
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/*
 * Fewer threads than asked for are no failure: the bytes are the same. Signals stay with the
 * caller's thread.
 */
static void
start_helpers(struct blocks *b)
{
	struct error ignored = ERROR_INIT;
	pthread_attr_t attributes;
	sigset_t all, old;

	b->started = true;
	if (b->n_threads == 1)
		return;
	b->helpers = xcalloc(b->n_threads - 1, sizeof(*b->helpers));
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, THREAD_STACK);
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &old);
	for (size_t i = 0; i + 1 < b->n_threads; i++) {
		struct helper *helper = &b->helpers[i];

		helper->blocks = b;
		if (compressor_new(b->kind, b->level, &helper->compressor, &ignored) < 0)
			break;
		if (pthread_create(&helper->thread, &attributes, help, helper) != 0) {
			compressor_free(helper->compressor);
			break;
		}
		b->n_helpers++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attributes);
}

/* Gives the block at hand to the others. */
static void
send_block(struct blocks *b)
{
	if (!b->started)
		start_helpers(b);
	pthread_mutex_lock(&b->lock);
	b->filling = NULL;
	b->n_filled++;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

/* Helps until the block after the last filled one is free (@all: until everything is written). */
static int
wait_written(struct blocks *b, bool all, struct error *e)
{
	int result = 0;

	pthread_mutex_lock(&b->lock);
	while (!b->failed && b->n_written < b->n_filled &&
	       (all || b->n_filled - b->n_written >= b->n_ring))
		if (!work_once(b, b->compressor))
			pthread_cond_wait(&b->changed, &b->lock);
	if (b->failed) {
		*e = b->error;
		result = -1;
	}
	pthread_mutex_unlock(&b->lock);
	return result;
}

void *
blocks_room(struct blocks *b, size_t *room, struct error *e)
{
	if (b->filling && b->filling->in_length == BLOCK_SIZE)
		send_block(b);
	if (!b->filling) {
		if (wait_written(b, false, e) < 0)
			return NULL;
		b->filling = block_at(b, b->n_filled);
		b->filling->in_length = 0;
		if (!b->filling->in)
			b->filling->in = xmalloc(BLOCK_SIZE);
	}
	*room = BLOCK_SIZE - b->filling->in_length;
	return b->filling->in + b->filling->in_length;
}

void
blocks_add(struct blocks *b, size_t length)
{
	b->filling->in_length += length;
}

int
blocks_finish(struct blocks *b, struct layer_result *result, struct error *e)
{
	if (b->filling && b->filling->in_length > 0) {
		b->started = b->started || b->n_filled == 0; /* one block: no threads for it */
		send_block(b);
	}
	if (wait_written(b, true, e) < 0)
		return -1;
	hash_finish(b->tar_hash, &result->diff_id);
	if (b->kind == COMPRESSION_NONE)
		result->digest = result->diff_id;
	else
		hash_finish(b->out_hash, &result->digest);
	result->tar_size = b->tar_size;
	result->size = b->size;
	return 0;
}
