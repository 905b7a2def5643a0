/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_move - names that go, change or come: unlink(2), rename(2), link(2).
 *
 * Root's calls go on in the kernel, and so do those that another user may make: the files stay whose they are.
 */
#include "seccomp/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* May the caller take the name of what is there away? (unlink(2): also the sticky bit) 0 or an errno. */
static int
check_removal(const struct creds *creds, const struct spot *spot)
{
	if (!access_may(creds, &spot->dir_st, W_OK | X_OK))
		return EACCES;
	return spot->dir_st.st_mode & S_ISVTX && spot->st.st_uid != creds->fsuid &&
	               spot->dir_st.st_uid != creds->fsuid && !creds_have(creds, CAP_FOWNER)
	           ? EPERM
	           : 0;
}

static void
remove_name(struct call *c, int dirfd, uint64_t address, bool folder)
{
	struct spot spot = SPOT_INIT;
	int failed = 0;

	if (!creds_are_plain(c->creds)) {
		failed = spot_of(c, dirfd, address, 0, false, &spot);
		/* the kernel says what is none, and what "name/" is */
		if (failed == 0 && !spot.is_foreign && spot.exists && spot.name[0] &&
		    (folder || !spot.wants_folder))
			failed = check_removal(c->creds, &spot);
		spot_release(&spot);
	}
	call_let_or_fail(c, failed);
}

void
answer_unlink(struct call *c)
{
	remove_name(c, AT_FDCWD, c->data->args[0], false);
}

void
answer_unlinkat(struct call *c)
{
	remove_name(c, (int)c->data->args[0], c->data->args[1], c->data->args[2] & AT_REMOVEDIR);
}

void
answer_rmdir(struct call *c)
{
	remove_name(c, AT_FDCWD, c->data->args[0], true);
}

/* May the caller put a name there? */
static int
check_arrival(const struct creds *creds, const struct spot *spot)
{
	return access_may(creds, &spot->dir_st, W_OK | X_OK) ? 0 : EACCES;
}

/* Is what is asked for impossible for whomever? */
static bool
is_no_rename(const struct spot *old, const struct spot *new, bool exchanges)
{
	if (old->is_foreign || new->is_foreign || !old->exists || !old->name[0] || !new->name[0] ||
	    (exchanges && !new->exists))
		return true;
	if ((old->wants_folder || (new->wants_folder && !exchanges)) && !S_ISDIR(old->st.st_mode))
		return true;
	if (exchanges && new->wants_folder && !S_ISDIR(new->st.st_mode))
		return true;
	return (S_ISDIR(old->st.st_mode) && spot_is_within(new->dir, &old->st)) ||
	       (new->exists &&S_ISDIR(new->st.st_mode) && spot_is_within(old->dir, &new->st));
}

/* In the kernel's order, which answers itself where a name is none or is not there. */
static int
check_rename(const struct call *c, const struct spot *old, const struct spot *new, bool exchanges)
{
	int failed = 0;

	if (is_no_rename(old, new, exchanges))
		return -1;
	/* two names of one file: nothing is done */
	if (new->exists && old->st.st_ino == new->st.st_ino && old->st.st_dev == new->st.st_dev)
		return -1;
	failed = check_removal(c->creds, old);
	if (!failed)
		failed = new->exists ? check_removal(c->creds, new) : check_arrival(c->creds, new);
	if (!failed && new->exists && !exchanges &&
	    !S_ISDIR(old->st.st_mode) != !S_ISDIR(new->st.st_mode))
		return -1;
	if (!failed)
		failed =
		    access_may_move(c->creds, &old->st, &old->dir_st, &new->dir_st) ? 0 : EACCES;
	if (!failed && exchanges)
		failed =
		    access_may_move(c->creds, &new->st, &new->dir_st, &old->dir_st) ? 0 : EACCES;
	return failed;
}

static void
rename_file(struct call *c, const __u64 *from, const __u64 *to, unsigned int flags)
{
	struct spot old = SPOT_INIT, new = SPOT_INIT;
	int failed = 0;

	if (!creds_are_plain(c->creds)) {
		failed = spot_of(c, (int)from[0], from[1], 0, false, &old);
		if (failed == 0)
			failed = spot_of(c, (int)to[0], to[1], 0, false, &new);
		if (failed == 0 && (!(flags & RENAME_NOREPLACE) || !new.exists))
			failed = check_rename(c, &old, &new, flags & RENAME_EXCHANGE);
		spot_release(&old);
		spot_release(&new);
	}
	call_let_or_fail(c, failed);
}

void
answer_rename(struct call *c)
{
	const __u64 from[2] = { (__u64)AT_FDCWD, c->data->args[0] };
	const __u64 to[2] = { (__u64)AT_FDCWD, c->data->args[1] };

	rename_file(c, from, to, 0);
}

void
answer_renameat(struct call *c)
{
	bool has_flags = c->data->nr == SYS_renameat2;

	rename_file(c, &c->data->args[0], &c->data->args[2],
	    has_flags ? (unsigned int)c->data->args[4] : 0);
}

/* In the kernel's order. */
static int
check_link(const struct call *c, const __u64 *from, const __u64 *to, int flags)
{
	struct spot old = SPOT_INIT, new = SPOT_INIT;
	int failed = spot_there(
	    c, (int)from[0], from[1], flags & AT_EMPTY_PATH, flags & AT_SYMLINK_FOLLOW, &old);

	if (failed == 0)
		failed = spot_of(c, (int)to[0], to[1], 0, false, &new);
	if (failed == 0 && !new.exists && !new.is_foreign &&new.name[0]) {
		if (!access_may_link(c->creds, &old.st))
			failed = EPERM;
		else if (!access_may(c->creds, &new.dir_st, W_OK | X_OK))
			failed = EACCES;
	}
	spot_release(&old);
	spot_release(&new);
	return failed;
}

void
answer_link(struct call *c)
{
	const __u64 from[2] = { (__u64)AT_FDCWD, c->data->args[0] };
	const __u64 to[2] = { (__u64)AT_FDCWD, c->data->args[1] };

	call_let_or_fail(c, creds_are_plain(c->creds) ? 0 : check_link(c, from, to, 0));
}

void
answer_linkat(struct call *c)
{
	const __u64 *args = c->data->args;

	call_let_or_fail(
	    c, creds_are_plain(c->creds) ? 0 : check_link(c, &args[0], &args[2], (int)args[4]));
}
