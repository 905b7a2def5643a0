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

/* May the caller change attributes? "user." is a matter of writing, the rest of owning. 0 or an errno. */
static int
check_change(const struct call *c)
{
	struct spot spot = SPOT_INIT;
	char name[XATTR_NAME_MAX + 1] = "";
	int failed;

	if (creds_are_plain(c->creds) || is_by_fd(c->data->nr))
		return 0;
	failed = spot_of(c, AT_FDCWD, c->data->args[0], 0, follows(c->data->nr), &spot);
	if (failed == 0)
		failed = call_read_text(c, c->data->args[1], name, sizeof(name));
	if (failed == 0 && !spot.is_foreign && !spot.exists)
		failed = ENOENT;
	else if (failed == 0 && !spot.is_foreign && strncmp(name, "user.", 5) == 0)
		failed = access_may(c->creds, &spot.st, W_OK) ? 0 : EACCES;
	else if (failed == 0 && !spot.is_foreign && spot.st.st_uid != c->creds->fsuid &&
		 !creds_have(c->creds, CAP_FOWNER))
		failed = EPERM;
	spot_release(&spot);
	return failed;
}

static void
change(struct call *c, int ours)
{
	int failed = is_ours(c, c->data->args[1]) ? ours : check_change(c);

	if (failed)
		call_fail(c, failed);
	else
		call_continue(c);
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
	if (is_ours(c, c->data->args[1]))
		call_fail(c, ENODATA);
	else
		call_continue(c);
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
	char path[CALL_PATH_MAX], *names;
	size_t room = (size_t)c->data->args[2], length;
	ssize_t n = -1;

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
