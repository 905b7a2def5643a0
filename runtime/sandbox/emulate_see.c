/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_see - files as a step sees them: owner, mode and device by their records (seccomp/owner.h).
 *
 * Records are attributes, whose reading costs more than all else about stat(2). What was read is remembered by inode and time of change
 * (st_ctime): no attribute is changed without that, whoever does it. A time that is not past by more than a tick of the kernel's clock
 * could still be given to another change, so that such a file is not remembered.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>

#define FILES_MAX 16384U
#define SETTLED_NS 50000000LL /* a tick has at most 10 ms */
#define NAMES_MAX 1024

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

struct emu_seen {
	pthread_mutex_t lock;
	struct file files[FILES_MAX]; /* by inode; a later one takes the place of an earlier one */
};

struct emu_seen *
emu_seen_new(void)
{
	struct emu_seen *seen = xcalloc(1, sizeof(*seen));

	(void)pthread_mutex_init(&seen->lock, NULL); /* cannot fail */
	return seen;
}

void
emu_seen_free(struct emu_seen *seen)
{
	free(seen);
}

static struct file *
place_of(struct emu_seen *seen, const struct stat *st)
{
	return &seen->files[(uint64_t)st->st_ino % FILES_MAX];
}

static bool
recall(struct emu_seen *seen, struct stat *st, bool *has_records)
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

/* Is the file's last change so long ago that the next one has another time? To be asked before its records are read. */
static bool
is_settled(const struct stat *st)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	return (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000000000 +
	           (now.tv_nsec - st->st_ctim.tv_nsec) >
	       SETTLED_NS;
}

static void
remember(struct emu_seen *seen, const struct stat *st, bool has_records)
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

/* One call instead of one for each record: most files have none. */
static bool
may_have_records(const char *path)
{
	char names[NAMES_MAX];
	ssize_t n = listxattr(path, names, sizeof(names));

	if (n < 0)
		return errno != ENOTSUP;
	for (const char *at = names; at < names + n; at += strlen(at) + 1)
		if (strncmp(at, OWNER_PREFIX, strlen(OWNER_PREFIX)) == 0)
			return true;
	return false;
}

bool
emu_see(const struct emulation *em, const char *path, struct stat *st)
{
	bool has_records = true, settled;

	/* all files are the supervisor's, who stands for root; what is of the host's root is that too */
	st->st_uid = st->st_uid == em->uid || st->st_uid == 0 ? 0 : 65534;
	st->st_gid = st->st_gid == em->gid || st->st_gid == 0 ? 0 : 65534;
	if (!owner_is_attribute(st->st_mode)) {
		(void)access_owner(path, true, st);
		return true;
	}
	if (recall(em->seen, st, &has_records))
		return has_records;
	settled = is_settled(st);
	has_records = may_have_records(path);
	if (has_records)
		(void)access_owner(path, true, st);
	if (has_records && owner_is_attribute(st->st_mode)) /* no device */
		st->st_mode = (st->st_mode & ~(mode_t)07777) | owner_mode_of(path, st->st_mode);
	if (settled)
		remember(em->seen, st, has_records);
	return has_records;
}
