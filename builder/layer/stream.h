/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - a tar that is there already to a layer: the same bytes that the writer would have made of its entries.
 */
#ifndef CROZE_LAYER_STREAM_H
#define CROZE_LAYER_STREAM_H

#include "builder/layer/writer.h"

/**
 * Reads the tar @in to its end and writes it to @out, compressed as @options says; times are left as they are. Sets all of
 * @result but n_entries. No thread is started with options->threads of 0 or 1.
 */
int layer_stream(int in, int out, const struct layer_options *options, struct layer_result *result,
    struct error *e);

#endif
