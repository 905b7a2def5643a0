/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata - what a file has besides its content, from one tree to another.
 */
#include "builder/layer/metadata.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

bool
metadata_has_mark(int fd, const char *name, char value)
{
	char got[2];

	return fgetxattr(fd, name, got, sizeof(got)) == 1 && got[0] == value;
}

/* All attributes but the overlay's own, whose escaped ones lose a level. */
static int
copy_xattrs(int from, int to, const char *path, struct error *e)
{
	autofree char *names = xmalloc(XATTR_LIST_MAX);
	autofree char *value = xmalloc(XATTR_SIZE_MAX);
	ssize_t length = flistxattr(from, names, XATTR_LIST_MAX);

	if (length < 0)
		return errno == ENOTSUP ? 0 : error_sys(e, "cannot list attributes of '%s'", path);
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		autofree char *kept = NULL;
		ssize_t size;

		if (text_starts_with(name, OVERLAY_PREFIX) &&
		    !text_starts_with(name, OVERLAY_ESCAPED))
			continue;
		if (text_starts_with(name, OVERLAY_ESCAPED))
			kept = xasprintf("%s%s", OVERLAY_PREFIX, name + strlen(OVERLAY_ESCAPED));
		if (text_starts_with(name, "security.") && strcmp(name, "security.capability") != 0)
			continue;
		size = fgetxattr(from, name, value, XATTR_SIZE_MAX);
		if (size < 0 || fsetxattr(to, kept ? kept : name, value, (size_t)size, 0) < 0)
			return error_sys(e, "cannot copy attribute '%s' of '%s'", name, path);
	}
	return 0;
}

/* Owner before mode, which chown(2) clears set-id bits of; attributes behind both. */
int
metadata_copy(int from, int to, const struct stat *st, const char *path, struct error *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return error_sys(e, "cannot set owner and mode of '%s'", path);
	if (copy_xattrs(from, to, path, e) < 0)
		return -1;
	return futimens(to, times) < 0 ? error_sys(e, "cannot set the times of '%s'", path) : 0;
}
