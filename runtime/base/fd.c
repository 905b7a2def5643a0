/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd - descriptors: owning them, reading and writing whole, copying.
 */
#include "runtime/base/fd.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COPY_SIZE (256U << 10)
#define RANGE_MAX (1U << 30)

void
fd_close_at(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* whoever must know of a late write error closes by hand */
	*fd = -1;
	errno = saved;
}

void
fd_closedir_at(DIR **dir)
{
	int saved = errno;

	if (*dir)
		(void)closedir(*dir); /* read-only */
	*dir = NULL;
	errno = saved;
}

int
fd_write_all(int fd, const void *bytes, size_t length, struct error *e)
{
	const char *from = bytes;

	while (length > 0) {
		ssize_t n = write(fd, from, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot write");
		from += n;
		length -= (size_t)n;
	}
	return 0;
}

int
fd_read_all(int fd, struct buf *b, size_t max, const char *what, struct error *e)
{
	size_t total = 0;

	for (;;) {
		size_t room = max - total < 65536 ? max - total + 1 : 65536;
		ssize_t n = read(fd, buf_reserve(b, room), room);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot read %s", what);
		if (n == 0)
			return 0;
		if ((size_t)n > max - total)
			return error_set(e, ERR_INPUT, "%s is larger than %zu bytes", what, max);
		buf_added(b, (size_t)n);
		total += (size_t)n;
	}
}

int
fd_read_exact(int fd, void *bytes, size_t length, struct error *e)
{
	size_t got = 0;

	while (got < length) {
		ssize_t n = read(fd, (char *)bytes + got, length - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot read");
		if (n == 0 && got == 0)
			return 0;
		if (n == 0)
			return error_set(
			    e, ERR_INPUT, "the input ends after %zu of %zu bytes", got, length);
		got += (size_t)n;
	}
	return 1;
}

static int
copy_stream(int from, int to, uint64_t length, uint64_t *copied, struct error *e)
{
	autofree char *bytes = xmalloc(COPY_SIZE);

	while (*copied < length) {
		uint64_t left = length - *copied;
		ssize_t n = read(from, bytes, left < COPY_SIZE ? (size_t)left : COPY_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot read");
		if (n == 0)
			break;
		if (fd_write_all(to, bytes, (size_t)n, e) < 0)
			return -1;
		*copied += (uint64_t)n;
	}
	return 0;
}

/* One stretch of data at explicit positions; 0 copied is the end of the file. */
static ssize_t
copy_range(int from, off_t at, int to, off_t to_at, size_t length, bool *in_kernel)
{
	char bytes[16384];
	ssize_t n;

	if (*in_kernel) {
		n = copy_file_range(from, &at, to, &to_at, length, 0);
		/* Some file systems answer 0 for files whose size they do not tell. */
		if (n > 0 || (n < 0 && (errno == EINTR || errno == ENOSPC || errno == EDQUOT ||
					   errno == EIO)))
			return n;
		*in_kernel = false;
	}
	n = pread(from, bytes, length < sizeof(bytes) ? length : sizeof(bytes), at);
	if (n <= 0)
		return n;
	return pwrite(to, bytes, (size_t)n, to_at);
}

struct copy {
	int from, to;
	off_t start, end; /* in @from */
	off_t shift;      /* add for the position in @to */
	bool sparse;      /* there is nothing in @to yet, so that holes can be left out */
	bool in_kernel;
};

/* The next stretch with data at or after @at, as [*data, *hole). */
static void
next_data(const struct copy *c, off_t at, off_t *data, off_t *hole)
{
	*data = at;
	*hole = c->end;
	if (!c->sparse)
		return;
	*data = lseek(c->from, at, SEEK_DATA);
	if (*data < 0)
		*data = errno == ENXIO ? c->end : at;
	*data = *data > c->end ? c->end : *data;
	if (*data == c->end)
		return;
	*hole = lseek(c->from, *data, SEEK_HOLE);
	if (*hole < 0 || *hole > c->end)
		*hole = c->end;
}

static int
copy_file(struct copy *c, off_t *reached, struct error *e)
{
	off_t at = c->start;
	off_t data, hole;

	while (at < c->end) {
		next_data(c, at, &data, &hole);
		for (at = data; at < hole;) {
			off_t left = hole - at;
			ssize_t n = copy_range(c->from, at, c->to, at + c->shift,
			    left < (off_t)RANGE_MAX ? (size_t)left : RANGE_MAX, &c->in_kernel);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return error_sys(e, "cannot copy");
			if (n == 0) { /* the file has become shorter */
				*reached = at;
				return 0;
			}
			at += n;
		}
	}
	*reached = c->end;
	return 0;
}

/* Both are regular files with a position: 1, else 0. */
static int
copy_begin(int from, int to, uint64_t length, struct copy *c)
{
	struct stat source, target;
	off_t to_at = lseek(to, 0, SEEK_CUR);
	off_t at = lseek(from, 0, SEEK_CUR);
	int flags = fcntl(to, F_GETFL);

	if (at < 0 || to_at < 0 || flags < 0 || (flags & O_APPEND) != 0)
		return 0;
	if (fstat(from, &source) < 0 || fstat(to, &target) < 0)
		return 0;
	/* Files of /proc and /sys tell no size. */
	if (!S_ISREG(source.st_mode) || !S_ISREG(target.st_mode) || source.st_size <= at)
		return 0;
	*c = (struct copy){
		.from = from, .to = to, .start = at, .end = source.st_size, .in_kernel = true
	};
	if (length < (uint64_t)(c->end - at))
		c->end = at + (off_t)length;
	c->shift = to_at - at;
	c->sparse = target.st_size <= to_at;
	return 1;
}

int
fd_copy(int from, int to, uint64_t length, uint64_t *copied, struct error *e)
{
	uint64_t done = 0;
	struct copy c;
	off_t reached = 0;

	if (!copied)
		copied = &done;
	*copied = 0;
	if (!copy_begin(from, to, length, &c))
		return copy_stream(from, to, length, copied, e);
	if (c.start == 0 && c.shift == 0 && c.sparse && length >= (uint64_t)c.end &&
	    ioctl(to, FICLONE, from) == 0)
		reached = c.end;
	else if (copy_file(&c, &reached, e) < 0)
		return -1;
	if (c.sparse && reached == c.end &&
	    ftruncate(to, c.end + c.shift) < 0) /* a hole at the end */
		return error_sys(e, "cannot set the size");
	if (lseek(from, reached, SEEK_SET) < 0 || lseek(to, reached + c.shift, SEEK_SET) < 0)
		return error_sys(e, "cannot seek");
	*copied = (uint64_t)(reached - c.start);
	return 0;
}

DIR *
fd_opendir(int fd, struct error *e)
{
	autofd int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (own < 0) {
		error_sys(e, "cannot open the directory");
		return NULL;
	}
	dir = fdopendir(own);
	if (!dir) {
		error_sys(e, "cannot read the directory");
		return NULL;
	}
	(void)steal_fd(&own); /* the stream has it */
	return dir;
}

static void
cloexec_range(unsigned int first, unsigned int last)
{
	struct rlimit limit;

	if (first > last || syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* An old kernel or an outer filter: one by one. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    last >= limit.rlim_cur)
		last = (unsigned int)limit.rlim_cur;
	for (unsigned int fd = first; fd <= last && fd < 1U << 20; fd++)
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* EBADF for those that are not open */
}

static void
close_range_of(int first, int last)
{
	struct rlimit limit;

	if (first > last ||
	    syscall(SYS_close_range, (unsigned int)first, (unsigned int)last, 0) == 0)
		return;
	/* An old kernel or an outer filter: one by one. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)last)
		last = (int)limit.rlim_cur;
	for (int fd = first; fd <= last && fd < 1 << 20; fd++)
		(void)close(fd); /* EBADF for those that are not open */
}

void
fd_close_others(int first, int *keep, size_t n_keep)
{
	for (size_t i = 1; i < n_keep; i++)
		for (size_t n = i; n > 0 && keep[n] < keep[n - 1]; n--) {
			int other = keep[n];

			keep[n] = keep[n - 1];
			keep[n - 1] = other;
		}
	for (size_t i = 0; i < n_keep; i++) {
		if (keep[i] < first)
			continue;
		close_range_of(first, keep[i] - 1);
		first = keep[i] + 1;
	}
	close_range_of(first, INT_MAX);
}

void
fd_cloexec_from(int first, const int *keep, size_t n_keep)
{
	unsigned int from = (unsigned int)first;

	for (size_t i = 0; i < n_keep; i++) {
		if (keep[i] < first)
			continue;
		if ((unsigned int)keep[i] > from)
			cloexec_range(from, (unsigned int)keep[i] - 1);
		from = (unsigned int)keep[i] + 1;
	}
	cloexec_range(from, ~0U);
}

void
fd_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* what there is has to do */
	}
}
