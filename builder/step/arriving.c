/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arriving - the bytes of layers that another process of this build still brings.
 */
#include "builder/step/arriving.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WINDOW ((size_t)256 << 10)
#define PIPE_SIZE (1 << 20)
#define PAUSE_NS 3000000L /* between two looks at a file that does not grow */

struct feed {
	int file;
	int ends[2]; /* of the pipe */
	uint64_t size;
};

static void
rest(void)
{
	(void)nanosleep(
	    &(struct timespec){ .tv_nsec = PAUSE_NS }, NULL); /* woken early: looks early */
}

/* Waits for more; -1 when none will come, as the file was given up. */
static int
await_more(int file, struct error *e)
{
	struct stat st;

	rest();
	if (fstat(file, &st) < 0)
		return error_sys(e, "cannot look at a layer that comes");
	return st.st_nlink > 0 ? 0 : error_set(e, ERR_TEMPORARY, "the layer comes no further");
}

static int
feed_main(void *arg, struct buf *result, struct error *e)
{
	const struct feed *f = arg;
	autofree char *bytes = xmalloc(WINDOW);
	uint64_t at = 0;

	(void)result;            /* who reads sees the end of the pipe */
	(void)close(f->ends[0]); /* the reader's */
	while (at < f->size) {
		ssize_t got = pread(f->file, bytes, WINDOW, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read a layer that comes");
		if (got == 0 ? await_more(f->file, e) < 0
			     : fd_write_all(f->ends[1], bytes, (size_t)got, e) < 0)
			return -1;
		at += (uint64_t)got;
	}
	return 0;
}

static int
start_feeder(struct arriving *a, int file, uint64_t size, struct error *e)
{
	struct feed feed = { .file = file, .size = size };
	int ok;

	if (pipe2(feed.ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	(void)fcntl(feed.ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* only faster */
	ok = worker_start(&a->feeder, feed_main, &feed, e);
	(void)close(feed.ends[1]); /* the feeder's */
	a->fd = feed.ends[0];
	return ok;
}

int
arriving_open(struct store *store, const struct descriptor *layer, bool only_whole,
    struct arriving *a, struct error *e)
{
	for (;;) {
		struct error problem = ERROR_INIT;
		autofd int file = -1;

		a->is_whole = true;
		a->fd = store_blob_open(store, &layer->digest, NULL, &problem);
		if (a->fd < 0 && problem.kind == ERR_NOT_FOUND && !only_whole) {
			a->is_whole = false;
			error_clear(&problem);
			file = store_blob_arriving(store, &layer->digest, &problem);
		}
		if (a->fd >= 0)
			return 0;
		if (file >= 0)
			return start_feeder(a, file, layer->size, e);
		if (problem.kind != ERR_NOT_FOUND) {
			*e = problem;
			return -1;
		}
		rest();
	}
}

void
arriving_release(struct arriving *a)
{
	fd_close_at(&a->fd);
	worker_kill(&a->feeder);
}
