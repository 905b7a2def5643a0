/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - a tar that is there already to a layer.
 */
#include "builder/layer/stream.h"

#include "builder/layer/blocks.h"

#include <errno.h>
#include <unistd.h>

static int
read_all(int in, struct blocks *blocks, struct error *e)
{
	for (;;) {
		size_t room;
		void *bytes = blocks_room(blocks, &room, e);
		ssize_t got;

		if (!bytes)
			return -1;
		got = read(in, bytes, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read a tar");
		if (got == 0)
			return 0;
		blocks_add(blocks, (size_t)got);
	}
}

int
layer_stream(int in, int out, const struct layer_options *options, struct layer_result *result,
    struct error *e)
{
	struct blocks *blocks = NULL;
	int ok;

	*result = (struct layer_result){ 0 };
	if (blocks_open(out, options->compression, options->level, options->threads, &blocks, e) <
	    0)
		return -1;
	ok = read_all(in, blocks, e);
	if (ok == 0)
		ok = blocks_finish(blocks, result, e);
	blocks_close(blocks);
	return ok;
}
