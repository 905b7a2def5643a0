/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - the names in one directory, sorted bytewise.
 *
 * Only within layer/.
 */
#ifndef CROZE_LAYER_NAMES_H
#define CROZE_LAYER_NAMES_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdint.h>

struct names {
	struct buf texts;
	uint32_t *order;
	size_t count;
	size_t room;
};

/**
 * Reads all names of @dir but "." and "..", from its start; @path names it in errors. ERR_INPUT
 * above 4 GiB.
 */
int names_read(struct names *n, int dir, const char *path, struct error *e);
const char *names_at(const struct names *n, size_t index);
void names_release(struct names *n);

#endif
