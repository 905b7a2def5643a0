/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_move - names that go or change: unlink(2), rename(2).
 */
#include "runtime/sandbox/emulate_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE (1 << 1)
#endif

/* May the caller take away what is at @spot? (unlink(2): also the sticky bit) */
static int
check_removal(const struct emu_call *x, const struct emu_spot *spot)
{
	struct stat folder;
	int failed;

	if (spot->is_point)
		return EBUSY;
	failed = emu_may_change(x, spot);
	if (failed || creds_are_plain(x->c.creds))
		return failed;
	failed = emu_look_at_folder(x, spot, &folder);
	if (failed)
		return failed;
	if (folder.st_mode & S_ISVTX && spot->st.st_uid != x->c.creds->fsuid &&
	    folder.st_uid != x->c.creds->fsuid && !creds_have(x->c.creds, CAP_FOWNER))
		return EPERM;
	return 0;
}

static void
remove_name(struct emu_call *x, int dirfd, uint64_t address, unsigned int flags)
{
	bool folder = (flags & AT_REMOVEDIR) != 0;
	char path[PATH_MAX];
	struct emu_spot spot = EMU_SPOT_INIT;
	int failed = call_read_text(&x->c, address, path, sizeof(path));
	size_t length = failed ? 0 : strlen(path);

	if (!failed && folder && length > 0) {
		while (length > 1 && path[length - 1] == '/')
			path[--length] = '\0';
		if (strcmp(path, ".") == 0 || (length > 1 && strcmp(path + length - 2, "/.") == 0))
			failed = EINVAL;
	}
	if (!failed)
		failed = emu_find(x, dirfd, path, EMU_PARENT | EMU_ROUGH, &spot);
	if (!failed && spot.target < 0)
		failed = ENOENT;
	if (!failed && spot.wants_folder && spot.name[0] && !folder)
		failed = S_ISDIR(spot.st.st_mode) ? EISDIR : ENOTDIR;
	if (!failed && spot.name[0] == '\0')
		failed = folder ? spot.is_point ? EBUSY : ENOTEMPTY : EISDIR;
	if (!failed)
		failed = check_removal(x, &spot);
	emu_names_hold(x);
	if (!failed && unlinkat(spot.dir, spot.name, folder ? AT_REMOVEDIR : 0) < 0)
		failed = errno;
	emu_names_let_go(x);
	emu_spot_release(&spot);
	emu_conclude(x, failed);
}

void
emu_unlink(struct emu_call *x)
{
	remove_name(x, AT_FDCWD, x->c.data->args[0], 0);
}

void
emu_rmdir(struct emu_call *x)
{
	remove_name(x, AT_FDCWD, x->c.data->args[0], AT_REMOVEDIR);
}

void
emu_unlinkat(struct emu_call *x)
{
	remove_name(
	    x, (int)x->c.data->args[0], x->c.data->args[1], (unsigned int)x->c.data->args[2]);
}

/* Is a mount inside the folder at @spot? Its place would move along, which the table does not. */
static bool
holds_mount(const struct emu_call *x, const struct emu_spot *spot)
{
	char path[EMU_FD_PATH], name[PATH_MAX];

	return spot->target >= 0 && S_ISDIR(spot->st.st_mode) &&
	       emu_name_of(x->em, emu_fd_path(spot->target, path), name) == 0 &&
	       emu_holds_mount(x->em, name);
}

/* May folders get other parents? */
static int
check_move(
    const struct emu_call *x, const struct emu_spot *from, const struct emu_spot *to, bool exchange)
{
	const struct creds *creds = x->c.creds;
	struct stat old, new;

	if (creds_are_plain(creds))
		return 0;
	if (fstat(from->dir, &old) < 0 || fstat(to->dir, &new) < 0)
		return errno;
	if (!access_may_move(creds, &from->st, &old, &new) ||
	    (exchange && !access_may_move(creds, &to->st, &new, &old)))
		return EACCES;
	return 0;
}

/* Two names of one file: nothing is done. Those of a file of the base are two files once one moves (emulate_change.c), as on an overlay. */
static bool
is_same_file(const struct emu_call *x, const struct emu_spot *from, const struct emu_spot *to)
{
	struct stat old, new;

	if (from->target < 0 || to->target < 0 || !from->name[0] || !to->name[0] ||
	    from->mount != to->mount || from->st.st_ino != to->st.st_ino ||
	    from->st.st_dev != to->st.st_dev)
		return false;
	if (emu_shared_names(x->em, &from->st) < 2)
		return true;
	return strcmp(from->name, to->name) == 0 && fstat(from->dir, &old) == 0 &&
	       fstat(to->dir, &new) == 0 && old.st_ino == new.st_ino &&old.st_dev == new.st_dev;
}

/* 0, -1 when there is nothing to do, or an errno. */
static int
check_rename(const struct emu_call *x, const struct emu_spot *from, const struct emu_spot *to,
    unsigned int flags)
{
	bool exchange = (flags & RENAME_EXCHANGE) != 0;
	int failed = 0;

	/* in the kernel's order */
	if (from->name[0] == '\0')
		failed = EBUSY;
	else if (to->name[0] == '\0')
		failed = flags & RENAME_NOREPLACE ? EEXIST : EBUSY;
	else if (from->target < 0)
		failed = ENOENT;
	else if (flags & RENAME_NOREPLACE && to->target >= 0)
		failed = EEXIST;
	else if (exchange && to->target < 0)
		failed = ENOENT;
	else if (exchange && to->wants_folder && !S_ISDIR(to->st.st_mode))
		failed = ENOTDIR;
	else if (!S_ISDIR(from->st.st_mode) &&
		 (from->wants_folder || (!exchange && to->wants_folder)))
		failed = ENOTDIR;
	else if (S_ISDIR(from->st.st_mode) && spot_is_within(to->dir, &from->st))
		failed = EINVAL;
	else if (to->target >= 0 && S_ISDIR(to->st.st_mode) && spot_is_within(from->dir, &to->st))
		failed = exchange ? EINVAL : ENOTEMPTY;
	else if (is_same_file(x, from, to))
		return -1;
	if (!failed)
		failed = check_removal(x, from);
	if (!failed)
		failed = to->target >= 0 ? check_removal(x, to) : emu_may_change(x, to);
	if (!failed)
		failed = check_move(x, from, to, exchange);
	if (!failed && from->mount != to->mount)
		failed = EXDEV;
	return failed;
}

static void
rename_file(struct emu_call *x, const __u64 *from, const __u64 *to, unsigned int flags)
{
	struct emu_spot old = EMU_SPOT_INIT, new = EMU_SPOT_INIT;
	int failed = flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE) ? EINVAL : 0;

	if (!failed)
		failed = emu_find_at(x, (int)from[0], from[1], EMU_PARENT | EMU_ROUGH, &old);
	if (!failed)
		failed = emu_find_at(x, (int)to[0], to[1], EMU_PARENT | EMU_ROUGH, &new);
	if (!failed)
		failed = check_rename(x, &old, &new, flags);
	if (failed < 0) {
		emu_spot_release(&old);
		emu_spot_release(&new);
		call_return(&x->c, 0);
		return;
	}
	if (!failed &&
	    (holds_mount(x, &old) || (flags & RENAME_EXCHANGE && holds_mount(x, &new)))) {
		emu_spot_release(&old);
		emu_spot_release(&new);
		emu_refuse(x, "rename of a folder that holds a mount", EBUSY);
		return;
	}
	/* one name of several moves; else rename(2) would do nothing to two of one file */
	if (!failed && emu_shared_names(x->em, &old.st) > 1)
		failed = emu_before_change(x, &old);
	if (!failed && flags & RENAME_EXCHANGE && emu_shared_names(x->em, &new.st) > 1)
		failed = emu_before_change(x, &new);
	emu_names_hold(x);
	if (!failed && (flags ? syscall(SYS_renameat2, old.dir, old.name, new.dir, new.name, flags)
			      : renameat(old.dir, old.name, new.dir, new.name)) < 0)
		failed = errno;
	emu_names_let_go(x);
	emu_spot_release(&old);
	emu_spot_release(&new);
	emu_conclude(x, failed);
}

void
emu_rename(struct emu_call *x)
{
	rename_file(x, (__u64[2]){ (__u64)AT_FDCWD, x->c.data->args[0] },
	    (__u64[2]){ (__u64)AT_FDCWD, x->c.data->args[1] }, 0);
}

void
emu_renameat(struct emu_call *x)
{
	rename_file(x, &x->c.data->args[0], &x->c.data->args[2], 0);
}

void
emu_renameat2(struct emu_call *x)
{
	rename_file(x, &x->c.data->args[0], &x->c.data->args[2], (unsigned int)x->c.data->args[4]);
}
