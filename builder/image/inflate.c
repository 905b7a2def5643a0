/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate - an archive that was packed with gzip as a whole (docker save | gzip), unpacked to a file.
 */
#include "builder/image/tarball.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <unistd.h>
#include <zlib.h>

#define PIECE (256U << 10)
#define GZIP_WINDOW (15 + 16) /* zlib: largest window, gzip header and trailer */

bool
tarball_is_gzip(int fd)
{
	unsigned char magic[3];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) && magic[0] == 0x1f &&
	       magic[1] == 0x8b && magic[2] == 8;
}

struct inflation {
	z_stream z;
	int from, to;
	uint64_t written, max;
	unsigned char *in, *out;
	bool ended; /* a gzip member ended here */
};

static int
refill(struct inflation *f, struct error *e)
{
	ssize_t got = read(f->from, f->in, PIECE);

	if (got < 0)
		return error_sys(e, "cannot read the archive");
	f->z.next_in = f->in;
	f->z.avail_in = (uInt)got;
	return got > 0;
}

static int
step(struct inflation *f, struct error *e)
{
	size_t length;
	int result;

	if (f->ended && inflateReset(&f->z) != Z_OK)
		return error_set(e, ERR_INPUT, "the archive cannot be unpacked");
	f->ended = false;
	f->z.next_out = f->out;
	f->z.avail_out = PIECE;
	result = inflate(&f->z, Z_NO_FLUSH);
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return error_set(e, ERR_INPUT, "the gzip data of the archive are damaged");
	f->ended = result == Z_STREAM_END;
	length = PIECE - f->z.avail_out;
	f->written += length;
	if (f->written > f->max)
		return error_set(e, ERR_POLICY, "the archive unpacks to more than %llu bytes",
		    (unsigned long long)f->max);
	return fd_write_all(f->to, f->out, length, e);
}

static int
run(struct inflation *f, struct error *e)
{
	for (;;) {
		if (f->z.avail_in == 0) {
			int more = refill(f, e);

			if (more < 0)
				return -1;
			if (more == 0)
				break;
		}
		/* Zeros behind the last member are padding (RFC 1952 says nothing of them; gzip(1) ignores them). */
		if (f->ended && *f->z.next_in == 0) {
			f->z.next_in++;
			f->z.avail_in--;
			continue;
		}
		do {
			if (step(f, e) < 0)
				return -1;
		} while (f->z.avail_out == 0 && !f->ended);
	}
	if (!f->ended)
		return error_set(e, ERR_INPUT, "the archive is cut short");
	return 0;
}

int
tarball_inflate(int from, int to, uint64_t max, struct error *e)
{
	autofree unsigned char *in = xmalloc(PIECE);
	autofree unsigned char *out = xmalloc(PIECE);
	struct inflation f = { .from = from, .to = to, .max = max, .in = in, .out = out };
	int result;

	if (inflateInit2(&f.z, GZIP_WINDOW) != Z_OK)
		return error_set(e, ERR_HOST, "zlib cannot be used");
	result = run(&f, e);
	(void)inflateEnd(&f.z); /* frees memory, nothing to fail */
	return result;
}
