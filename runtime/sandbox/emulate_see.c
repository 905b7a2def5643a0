/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_see - files as a step sees them: owner, mode and device by their records (seccomp/owner.h).
 */
#include "runtime/sandbox/emulate_private.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#define NAMES_MAX 1024

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

/* A file without a name that is seen at the place of a mount. */
static bool
is_nameless(const struct emulation *em, const struct stat *st)
{
	for (size_t i = 0; st->st_nlink == 0 && i < em->n_mounts; i++)
		if (em->mounts[i].ino == st->st_ino && em->mounts[i].dev == st->st_dev)
			return true;
	return false;
}

bool
emu_see(const struct emulation *em, const char *path, struct stat *st)
{
	bool has_records = true;
	enum seen_state state;

	emu_see_shared(em, st);
	if (is_nameless(em, st))
		st->st_nlink = 1;
	/* all files are the supervisor's, who stands for root; what is of the host's root is that too */
	st->st_uid = st->st_uid == em->uid || st->st_uid == 0 ? 0 : 65534;
	st->st_gid = st->st_gid == em->gid || st->st_gid == 0 ? 0 : 65534;
	if (!owner_is_attribute(st->st_mode)) {
		(void)access_owner(path, true, st);
		emu_see_shared(em, st);
		return true;
	}
	state = seen_recall(em->ids.seen, st, &has_records);
	if (state == SEEN_KNOWN)
		return has_records;
	has_records = may_have_records(path);
	if (has_records)
		(void)access_owner(path, true, st);
	if (has_records && owner_is_attribute(st->st_mode)) /* no device */
		st->st_mode = (st->st_mode & ~(mode_t)07777) | owner_mode_of(path, st->st_mode);
	if (state == SEEN_NOT_YET)
		seen_remember(em->ids.seen, st, has_records);
	return has_records;
}
