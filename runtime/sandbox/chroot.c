/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chroot - user namespaces for root in a chroot, where the kernel refuses them.
 *
 * unshare(2): EPERM when the root directory of the caller is not that of its mount namespace. setns(2) to one's own mount
 * namespace leads back to the latter; a copy of the tree that the caller saw is mounted over it and becomes its root again.
 * Nothing of this is seen by other processes: the namespace is a new one, and its mounts are private before the first change.
 */
#include "runtime/sandbox/chroot.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/*
 * Helper programs are found beside this one by /proc/self/exe, which speaks of a mount of the old namespace afterwards: the folder
 * is remembered where process_helper() looks first.
 */
static int
keep_helper_folder(void)
{
	autofree char *helper = process_helper("croze-unpack");
	char *slash = strrchr(helper, '/');

	*slash = '\0';
	return setenv("CROZE_LIBEXEC", helper, 1);
}

/* To the root of the mount namespace this process is in. */
static int
go_to_namespace_root(void)
{
	autofd int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (self < 0 || setns(self, CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int
make_root_a_mount(void)
{
	char folder[PATH_MAX];
	autofd int tree = -1;

	if (!getcwd(folder, sizeof(folder)) || keep_helper_folder() < 0 || unshare(CLONE_NEWNS) < 0)
		return -1;
	tree = (int)syscall(
	    SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0 || go_to_namespace_root() < 0)
		return -1;
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -1;
	if (fchdir(tree) < 0 || chroot(".") < 0)
		return -1;
	return chdir(folder);
}

int
chroot_unshare_user(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
		return 0;
	if (errno != EPERM)
		return -1;
	if (make_root_a_mount() < 0) {
		errno = EPERM; /* what the kernel said first is what the caller has to know */
		return -1;
	}
	return unshare(CLONE_NEWUSER | CLONE_NEWNS);
}
