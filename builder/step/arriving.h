/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arriving - the bytes of layers that another process of this build still brings.
 *
 * A layer is read while it comes: what its file has so far goes through a pipe, and more as it is there. Nothing of it has been
 * checked then, so that whoever reads has to check the digest of what it read, and begin anew with the whole blob when that is
 * not the layer's: the server may have sent it a second time.
 */
#ifndef CROZE_BUILDER_STEP_ARRIVING_H
#define CROZE_BUILDER_STEP_ARRIVING_H

#include "builder/image/descriptor.h"
#include "builder/store/store.h"
#include "runtime/base/process.h"

#include <stdbool.h>

struct arriving {
	int fd;        /* read here, to the end */
	bool is_whole; /* it is the blob of the store */
	struct worker feeder;
};

#define ARRIVING_INIT                          \
	{                                      \
		.fd = -1, .feeder = { -1, -1 } \
	}

/**
 * Waits until there is something to read: the blob, or, unless @only_whole, what came of it so far. Somebody has to bring it, or
 * this does not end.
 */
int arriving_open(struct store *store, const struct descriptor *layer, bool only_whole,
    struct arriving *a, struct error *e);
void arriving_release(struct arriving *a);

#endif
