/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_xattr - extended attributes (xattr(7)): the records of this tier are not seen and not touched.
 *
 * security.capability is kept under a name of ours, as an ordinary user may not set it.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CAPABILITY "security.capability"

static bool
is_by_fd(int number)
{
	return number == SYS_fsetxattr || number == SYS_fgetxattr || number == SYS_flistxattr ||
	       number == SYS_fremovexattr;
}

static bool
follows(int number)
{
	return number != SYS_lsetxattr && number != SYS_lgetxattr && number != SYS_llistxattr &&
	       number != SYS_lremovexattr;
}

static int
find(const struct emu_call *x, struct emu_spot *spot)
{
	if (is_by_fd(x->c.data->nr))
		return emu_find_there(x, (int)x->c.data->args[0], 0, EMU_EMPTY | EMU_ROUGH, spot);
	return emu_find_there(x, AT_FDCWD, x->c.data->args[0],
	    (follows(x->c.data->nr) ? EMU_FOLLOW : 0U) | EMU_TARGET | EMU_ROUGH, spot);
}

/* The name of the attribute as it is kept; ENODATA for one of ours. */
static int
read_name(const struct emu_call *x, char name[XATTR_NAME_MAX + 1])
{
	int failed = call_read_text(&x->c, x->c.data->args[1], name, XATTR_NAME_MAX + 1);

	if (failed == ENAMETOOLONG)
		failed = ERANGE;
	if (!failed && strncmp(name, OWNER_PREFIX, strlen(OWNER_PREFIX)) == 0)
		failed = ENODATA;
	if (!failed && strcmp(name, CAPABILITY) == 0)
		memcpy(name, OWNER_CAPABILITY, sizeof(OWNER_CAPABILITY));
	return failed;
}

/* May the caller change it? */
static int
check_change(const struct emu_call *x, const struct emu_spot *spot, const char *name)
{
	const struct creds *creds = x->c.creds;

	if (spot->mount->read_only)
		return EROFS;
	if (strcmp(name, OWNER_CAPABILITY) == 0)
		return creds_have(creds, CAP_SETFCAP) ? S_ISREG(spot->st.st_mode) ? 0 : EINVAL
		                                      : EPERM;
	return access_may_attribute(creds, &spot->st, name, true);
}

void
emu_setxattr(struct emu_call *x)
{
	size_t length = (size_t)x->c.data->args[3];
	char name[XATTR_NAME_MAX + 1], path[EMU_FD_PATH];
	struct emu_spot spot = EMU_SPOT_INIT;
	autofree char *value = NULL;
	int failed = length > XATTR_SIZE_MAX ? E2BIG : read_name(x, name);

	if (failed == ENODATA)
		failed = EPERM;
	if (!failed)
		failed = find(x, &spot);
	if (!failed)
		failed = check_change(x, &spot, name);
	if (!failed) {
		value = xmalloc(length + 1);
		failed = call_read(&x->c, x->c.data->args[2], value, length);
	}
	if (!failed)
		failed = emu_before_change(x, &spot);
	if (!failed && setxattr(emu_fd_path(spot.target, path), name, value, length,
			   (int)x->c.data->args[4]) < 0)
		failed = errno;
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_removexattr(struct emu_call *x)
{
	char name[XATTR_NAME_MAX + 1], path[EMU_FD_PATH];
	struct emu_spot spot = EMU_SPOT_INIT;
	int failed = read_name(x, name);

	if (!failed)
		failed = find(x, &spot);
	if (!failed)
		failed = check_change(x, &spot, name);
	if (!failed)
		failed = emu_before_change(x, &spot);
	if (!failed && removexattr(emu_fd_path(spot.target, path), name) < 0)
		failed = errno;
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_getxattr(struct emu_call *x)
{
	size_t room = (size_t)x->c.data->args[3];
	char name[XATTR_NAME_MAX + 1], path[EMU_FD_PATH];
	struct emu_spot spot = EMU_SPOT_INIT;
	autofree char *value = NULL;
	ssize_t n = 0;
	int failed = read_name(x, name);

	if (!failed)
		failed = find(x, &spot);
	if (!failed && strcmp(name, OWNER_CAPABILITY) != 0)
		failed = access_may_attribute(x->c.creds, &spot.st, name, false);
	room = room > XATTR_SIZE_MAX ? XATTR_SIZE_MAX : room;
	value = xmalloc(room + 1);
	if (!failed) {
		n = getxattr(emu_fd_path(spot.target, path), name, value, room);
		failed = n < 0 ? errno : 0;
	}
	if (!failed && room > 0)
		failed = call_write(&x->c, x->c.data->args[2], value, (size_t)n);
	emu_spot_release(&spot);
	if (failed)
		call_fail(&x->c, failed);
	else
		call_return(&x->c, n);
}

/* Takes the names of ours out of a list, and gives that of the capability its own again; the length of what is left. */
static size_t
translate(char *names, size_t length)
{
	size_t kept = 0;

	for (size_t at = 0, size; at < length; at += size) {
		const char *name = names + at;

		size = strlen(name) + 1;
		if (strcmp(name, OWNER_CAPABILITY) == 0) {
			/* the shorter of the two */
			memcpy(names + kept, CAPABILITY, sizeof(CAPABILITY));
			kept += sizeof(CAPABILITY);
			continue;
		}
		if (strncmp(name, OWNER_PREFIX, strlen(OWNER_PREFIX)) == 0)
			continue;
		memmove(names + kept, name, size);
		kept += size;
	}
	return kept;
}

void
emu_listxattr(struct emu_call *x)
{
	size_t room = (size_t)x->c.data->args[2], length = 0;
	autofree char *names = xmalloc(XATTR_LIST_MAX);
	char path[EMU_FD_PATH];
	struct emu_spot spot;
	ssize_t n = 0;
	int failed = find(x, &spot);

	if (!failed) {
		n = listxattr(emu_fd_path(spot.target, path), names, XATTR_LIST_MAX);
		failed = n < 0 ? errno : 0;
	}
	length = n > 0 ? translate(names, (size_t)n) : 0;
	if (!failed && room > 0 && room < length)
		failed = ERANGE;
	if (!failed && room > 0)
		failed = call_write(&x->c, x->c.data->args[1], names, length);
	emu_spot_release(&spot);
	if (failed)
		call_fail(&x->c, failed);
	else
		call_return(&x->c, (int64_t)length);
}
