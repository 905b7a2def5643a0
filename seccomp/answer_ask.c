/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_ask - calls that change nothing of names and owners, but are not for everybody: access(2), chdir(2), chroot(2), truncate(2),
 * statfs(2), name_to_handle_at(2), inotify_add_watch(2).
 *
 * Root's go on in the kernel, and so does what another user may do.
 */
#include "seccomp/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0, -1 for the kernel, or an errno. A caller of no rights over what is found needs only get there: F_OK. */
static int
check(const struct call *c, int dirfd, uint64_t address, int flags, bool follow, int want)
{
	struct spot spot = SPOT_INIT;
	int failed = spot_there(c, dirfd, address, flags, follow, &spot);

	if (failed < 0)
		failed = spot_is_refused(c, &spot, want) ? EACCES : -1;
	else if (failed == 0 && !access_may(c->creds, &spot.st, want))
		failed = EACCES;
	spot_release(&spot);
	return failed;
}

/* access(2) asks for the real user, whose capabilities are none unless it is root. */
static void
ask(const struct call *c, int dirfd, uint64_t address, int want, int flags)
{
	struct call as = *c;
	int failed;

	if (creds_are_plain(c->creds) && (flags & AT_EACCESS || c->creds->ruid == 0)) {
		call_continue(c);
		return;
	}
	as.creds = creds_copy(c->creds, c->creds->n_groups);
	if (!(flags & AT_EACCESS)) {
		as.creds->fsuid = as.creds->ruid;
		as.creds->fsgid = as.creds->rgid;
		as.creds->effective = as.creds->ruid == 0 ? as.creds->permitted : 0;
	}
	failed = check(&as, dirfd, address, flags, !(flags & AT_SYMLINK_NOFOLLOW), want);
	creds_drop(as.creds);
	call_let_or_fail(c, failed);
}

void
answer_access(struct call *c)
{
	ask(c, AT_FDCWD, c->data->args[0], (int)c->data->args[1], 0);
}

void
answer_faccessat(struct call *c)
{
	bool has_flags = c->data->nr != SYS_faccessat;

	ask(c, (int)c->data->args[0], c->data->args[1], (int)c->data->args[2],
	    has_flags ? (int)c->data->args[3] : 0);
}

/* A folder that the caller may search. */
static int
check_folder(const struct call *c, uint64_t address)
{
	struct spot spot = SPOT_INIT;
	int failed;

	if (creds_are_plain(c->creds))
		return 0;
	failed = spot_there(c, AT_FDCWD, address, 0, true, &spot);
	if (failed < 0)
		failed = spot_is_refused(c, &spot, X_OK) ? EACCES : -1;
	else if (failed == 0 && !S_ISDIR(spot.st.st_mode))
		failed = ENOTDIR;
	else if (failed == 0 && !access_may(c->creds, &spot.st, X_OK))
		failed = EACCES;
	spot_release(&spot);
	return failed;
}

void
answer_chdir(struct call *c)
{
	call_let_or_fail(c, check_folder(c, c->data->args[0]));
}

void
answer_chroot(struct call *c)
{
	int failed = check_folder(c, c->data->args[0]);

	if (failed <= 0 && (c->ids->no_chroot || !creds_have(c->creds, CAP_SYS_CHROOT)))
		failed = EPERM;
	if (failed <= 0)
		task_set_flags(c, c->task.starting, true);
	call_let_or_fail(c, failed);
}

void
answer_truncate(struct call *c)
{
	struct spot spot = SPOT_INIT;
	int failed = 0;

	if (!creds_are_plain(c->creds)) {
		failed = spot_there(c, AT_FDCWD, c->data->args[0], 0, true, &spot);
		/* of what is no regular file the kernel says what it is */
		if (failed == 0 && S_ISREG(spot.st.st_mode) &&
		    !access_may(c->creds, &spot.st, W_OK))
			failed = EACCES;
		spot_release(&spot);
	}
	call_let_or_fail(c, failed);
}

void
answer_place(struct call *c)
{
	call_let_or_fail(
	    c, creds_are_plain(c->creds) ? 0 : check(c, AT_FDCWD, c->data->args[0], 0, true, F_OK));
}

void
answer_handle(struct call *c)
{
	int flags = (int)c->data->args[4];

	call_let_or_fail(c, creds_are_plain(c->creds)
				? 0
				: check(c, (int)c->data->args[0], c->data->args[1], flags,
				      flags & AT_SYMLINK_FOLLOW, F_OK));
}

void
answer_watch(struct call *c)
{
	call_let_or_fail(c, creds_are_plain(c->creds)
				? 0
				: check(c, AT_FDCWD, c->data->args[1], 0,
				      !((uint32_t)c->data->args[2] & IN_DONT_FOLLOW), R_OK));
}
