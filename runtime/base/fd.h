/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd - descriptors: owning them, reading and writing whole, copying.
 */
#ifndef CROZE_BASE_FD_H
#define CROZE_BASE_FD_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void fd_close_at(int *fd); /* closes when >= 0 and sets it to -1, keeps errno */
void fd_closedir_at(DIR **dir);
#define autofd __attribute__((cleanup(fd_close_at)))
#define autodir __attribute__((cleanup(fd_closedir_at)))
#define steal_fd(p)                 \
	({                          \
		int stolen_ = *(p); \
		*(p) = -1;          \
		stolen_;            \
	})

/** Writes all of it, through EINTR and short writes. */
int fd_write_all(int fd, const void *bytes, size_t length, struct error *e);
/** Reads until the end, at most @max bytes (more is ERR_INPUT), appending to @b. @what names it in errors. */
int fd_read_all(int fd, struct buf *b, size_t max, const char *what, struct error *e);
/** Reads exactly @length bytes; returns 1, 0 at the end of the file before the first byte, -1. */
int fd_read_exact(int fd, void *bytes, size_t length, struct error *e);
/** Lets the process have as many descriptors as it may: a server with one or more for each process that it serves. */
void fd_raise_limit(void);
/** Copies @length bytes (UINT64_MAX: to the end) by reflink, copy_file_range or read/write; holes are kept where both are regular files. */
int fd_copy(int from, int to, uint64_t length, uint64_t *copied, struct error *e);
/** Opens a directory stream on a duplicate of @fd, rewound. */
DIR *fd_opendir(int fd, struct error *e);
/** Closes every descriptor >= @first, except those in @keep, which is sorted here. Async-signal-safe. */
void fd_close_others(int first, int *keep, size_t n_keep);
/** Marks every descriptor >= @first close-on-exec, except those in @keep (ascending). Async-signal-safe. */
void fd_cloexec_from(int first, const int *keep, size_t n_keep);

#endif
