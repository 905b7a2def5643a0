/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode - compressed bytes to a tar, digesting both.
 *
 * gzip (RFC 1952, any number of members), zstd (RFC 8878, any number of frames), xz, bzip2 or
 * nothing, told by the first bytes and never by a name or media type.
 */
#ifndef CROZE_LAYER_DECODE_H
#define CROZE_LAYER_DECODE_H

#include "builder/layer/unpack.h"

/**
 * Reads @in to its end and writes the uncompressed bytes to @out. ERR_INPUT for damaged bytes,
 * ERR_POLICY when there are more than
 * @max_bytes of them, ERR_SYSTEM with EPIPE when nobody reads them any more. Sets all of @answer
 * but its error.
 */
int decode_stream(
    int in, int out, uint64_t max_bytes, struct decode_answer *answer, struct error *e);

#endif
