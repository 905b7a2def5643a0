/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seen - what processes of a container see of files, remembered.
 */
#include "seccomp/seen.h"

#include "runtime/base/mem.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define FILES_MAX 16384U
#define SETTLED_NS 50000000LL         /* a tick of the kernel's clock has at most 10 ms */
#define SETTLED_WHOLE_NS 2000000000LL /* there are file systems whose times are whole seconds */

struct file {
	dev_t dev;
	ino_t ino;
	struct timespec changed;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	dev_t rdev;
	bool has_records;
};

struct seen {
	pthread_mutex_t lock;
	struct file files[FILES_MAX]; /* a later one takes the place of an earlier one */
};

struct seen *
seen_new(void)
{
	struct seen *seen = xcalloc(1, sizeof(*seen));

	(void)pthread_mutex_init(&seen->lock, NULL); /* cannot fail */
	return seen;
}

void
seen_free(struct seen *seen)
{
	free(seen);
}

static struct file *
place_of(struct seen *seen, const struct stat *st)
{
	uint64_t key = (uint64_t)st->st_ino * 0x9e3779b97f4a7c15U + st->st_dev;

	return &seen->files[(key >> 32) % FILES_MAX];
}

static bool
recall(struct seen *seen, struct stat *st, bool *has_records)
{
	const struct file *f = place_of(seen, st);
	bool found;

	(void)pthread_mutex_lock(&seen->lock);
	found = f->ino == st->st_ino && f->dev == st->st_dev &&
	        f->changed.tv_sec == st->st_ctim.tv_sec &&
	        f->changed.tv_nsec == st->st_ctim.tv_nsec;
	if (found) {
		st->st_uid = f->uid;
		st->st_gid = f->gid;
		st->st_mode = f->mode;
		st->st_rdev = f->rdev;
		*has_records = f->has_records;
	}
	(void)pthread_mutex_unlock(&seen->lock);
	return found;
}

/* Is the file's last change so long ago that the next one has another time? */
static bool
is_settled(const struct stat *st)
{
	struct timespec now;
	int64_t age;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	age = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000000000 + now.tv_nsec -
	      st->st_ctim.tv_nsec;
	return age > (st->st_ctim.tv_nsec ? SETTLED_NS : SETTLED_WHOLE_NS);
}

enum seen_state
seen_recall(struct seen *seen, struct stat *st, bool *has_records)
{
	if (recall(seen, st, has_records))
		return SEEN_KNOWN;
	return is_settled(st) ? SEEN_NOT_YET : SEEN_UNSETTLED;
}

void
seen_remember(struct seen *seen, const struct stat *st, bool has_records)
{
	struct file file = {
		.dev = st->st_dev,
		.ino = st->st_ino,
		.changed = st->st_ctim,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mode = st->st_mode,
		.rdev = st->st_rdev,
		.has_records = has_records,
	};

	(void)pthread_mutex_lock(&seen->lock);
	*place_of(seen, st) = file;
	(void)pthread_mutex_unlock(&seen->lock);
}
