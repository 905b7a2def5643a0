/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_xattr - extended attributes: our records are not seen and not touched, others are for those who may.
 */
#include "seccomp/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* How the three forms of each call name the file. */
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

/* Is the attribute at @address one of ours? */
static bool
is_ours(const struct call *c, uint64_t address)
{
	char name[XATTR_NAME_MAX + 1];

	return call_read_text(c, address, name, sizeof(name)) == 0 &&
	       strncmp(name, OWNER_PREFIX, strlen(OWNER_PREFIX)) == 0;
}

static int
find(const struct call *c, struct spot *spot)
{
	if (is_by_fd(c->data->nr) && call_is_path_only(c, (int)c->data->args[0]))
		return EBADF;
	if (is_by_fd(c->data->nr))
		return spot_there(c, (int)c->data->args[0], 0, AT_EMPTY_PATH, true, spot);
	return spot_there(c, AT_FDCWD, c->data->args[0], 0, follows(c->data->nr), spot);
}

/* May the caller read or change the attribute? 0, -1 for the kernel, or an errno. */
static int
check(const struct call *c, bool changes)
{
	struct spot spot = SPOT_INIT;
	char name[XATTR_NAME_MAX + 1] = "";
	int failed;

	if (creds_are_plain(c->creds))
		return 0;
	failed = find(c, &spot);
	if (failed == 0)
		failed = call_read_text(c, c->data->args[1], name, sizeof(name));
	if (failed == ENAMETOOLONG && spot.exists)
		failed = ERANGE;
	if (failed == 0)
		failed = access_may_attribute(c->creds, &spot.st, name, changes);
	spot_release(&spot);
	return failed;
}

static void
change(struct call *c, int ours)
{
	int failed = check(c, true);

	if (failed <= 0 && is_ours(c, c->data->args[1]))
		failed = ours;
	call_let_or_fail(c, failed);
}

void
answer_setxattr(struct call *c)
{
	change(c, EPERM);
}

void
answer_removexattr(struct call *c)
{
	change(c, ENODATA);
}

void
answer_getxattr(struct call *c)
{
	int failed = check(c, false);

	if (failed <= 0 && is_ours(c, c->data->args[1]))
		failed = ENODATA;
	call_let_or_fail(c, failed);
}

/* Takes the names of ours out of a list; the length of what is left. */
static size_t
leave_out(char *names, size_t length)
{
	size_t kept = 0;

	for (size_t at = 0, size; at < length; at += size) {
		size = strlen(names + at) + 1;
		if (strncmp(names + at, OWNER_PREFIX, strlen(OWNER_PREFIX)) == 0)
			continue;
		memmove(names + kept, names + at, size);
		kept += size;
	}
	return kept;
}

void
answer_listxattr(struct call *c)
{
	bool by_fd = is_by_fd(c->data->nr), is_fd;
	struct spot spot = SPOT_INIT;
	int failed = creds_are_plain(c->creds) || by_fd ? 0 : find(c, &spot);
	char path[CALL_PATH_MAX], *names;
	size_t room = (size_t)c->data->args[2], length;
	ssize_t n = -1;

	spot_release(&spot);
	if (failed > 0) {
		call_fail(c, failed);
		return;
	}
	if (call_path(c, by_fd ? (int)c->data->args[0] : AT_FDCWD, by_fd ? 0 : c->data->args[0],
		by_fd ? AT_EMPTY_PATH : 0, path, &is_fd) != 0) {
		call_continue(c);
		return;
	}
	names = malloc(XATTR_LIST_MAX);
	if (names)
		n = follows(c->data->nr) ? listxattr(path, names, XATTR_LIST_MAX)
		                         : llistxattr(path, names, XATTR_LIST_MAX);
	length = n > 0 ? leave_out(names, (size_t)n) : 0;
	if (n < 0 || length == (size_t)n)
		call_continue(c);
	else if (room > 0 && room < length)
		call_fail(c, ERANGE);
	else if (room > 0 && call_write(c, c->data->args[1], names, length) != 0)
		call_fail(c, EFAULT);
	else
		call_return(c, (int64_t)length);
	free(names);
}
