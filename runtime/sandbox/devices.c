/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - the /dev of a container (runtime-spec, config-linux.md, "Default Devices" and "Dev symbolic links").
 *
 * A user namespace cannot make device nodes, so those of the host are bound, each on an empty file in a tmpfs that only this
 * container has. Nothing in the rootfs is used or trusted.
 */
#include "runtime/sandbox/devices.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

const struct device_node devices_usual[DEVICES_NODES] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
};

static const struct {
	const char *name;
	const char *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },
	{ "ptmx", "pts/ptmx" },
};

static int
open_node(const struct device_node *node, struct error *e)
{
	char path[32];
	autofd int fd = -1;
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", node->name);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_sys(e, "cannot open '%s' of the host", path);
		e->kind = ERR_HOST;
		return -1;
	}
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(node->major, node->minor))
		return error_set(e, ERR_HOST, "'%s' of the host is not character device %u:%u",
		    path, node->major, node->minor);
	return steal_fd(&fd);
}

int
devices_open(const char *name, struct error *e)
{
	for (size_t i = 0; i < DEVICES_NODES; i++)
		if (strcmp(devices_usual[i].name, name) == 0)
			return open_node(&devices_usual[i], e);
	return error_set(e, ERR_SYSTEM, "'%s' is no device of containers", name);
}

static int
bind_node(int dev, const struct device_node *node, struct error *e)
{
	autofd int source = open_node(node, e);
	autofd int target = -1;

	if (source < 0)
		return -1;
	target = openat(dev, node->name, O_CREAT | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (target < 0)
		return error_sys(e, "cannot make '/dev/%s'", node->name);
	if (mount_bind(source, target, 0, false, e) < 0)
		return error_ctx(e, "'/dev/%s'", node->name);
	return 0;
}

int
devices_links(int dev, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return error_sys(e, "cannot make '/dev/%s'", links[i].name);
	return 0;
}

int
devices_nodes(int dev, struct error *e)
{
	for (size_t i = 0; i < DEVICES_NODES; i++)
		if (bind_node(dev, &devices_usual[i], e) < 0)
			return -1;
	return devices_links(dev, e);
}

int
devices_new(struct error *e)
{
	return mount_new("tmpfs", "mode=755,size=64m", MOUNT_NOSUID | MOUNT_NOEXEC, e);
}

int
devices_new_pts(const char *more, struct error *e)
{
	struct error first = ERROR_INIT;
	unsigned int attributes = MOUNT_NOSUID | MOUNT_NOEXEC;
	autofree char *options =
	    xasprintf("newinstance,ptmxmode=0666,mode=0620%s%s", *more ? "," : "", more);
	autofree char *with_group = xasprintf("%s,gid=5", options);
	int fd = mount_new("devpts", with_group, attributes, &first);

	/* gid 5, "tty" everywhere, may not be mapped */
	return fd >= 0 ? fd : mount_new("devpts", options, attributes, e);
}

int
devices_new_shm(uint64_t size, struct error *e)
{
	char options[64];

	snprintf(options, sizeof(options), "mode=1777,size=%llu",
	    (unsigned long long)(size ? size : DEVICES_SHM_SIZE));
	return mount_new("tmpfs", options, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, e);
}

/* Takes over @mount. */
static int
attach_at(int dev, const char *name, int mount, struct error *e)
{
	autofd int owned = mount;
	autofd int target = -1;

	if (owned < 0)
		return -1;
	if (mkdirat(dev, name, 0755) < 0 && errno != EEXIST)
		return error_sys(e, "cannot make '/dev/%s'", name);
	target = openat(dev, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return error_sys(e, "cannot open '/dev/%s'", name);
	return mount_attach(owned, target, e);
}

int
devices_fill(int dev, uint64_t shm_size, struct error *e)
{
	mode_t before = umask(0);
	int result = devices_nodes(dev, e);

	if (result == 0)
		result = attach_at(dev, "pts", devices_new_pts("", e), e);
	if (result == 0)
		result = attach_at(dev, "shm", devices_new_shm(shm_size, e), e);
	if (result == 0 && mkdirat(dev, "mqueue", 0755) < 0 && errno != EEXIST)
		result = error_sys(e, "cannot make '/dev/mqueue'");
	umask(before);
	return result;
}

int
devices_open_terminal(
    int pts, unsigned short rows, unsigned short columns, int *master, struct error *e)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	autofd int ours = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	int locked = 0;
	int other;

	if (ours < 0)
		return error_sys(e, "cannot open a terminal");
	if (fstatfs(ours, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return error_set(e, ERR_SYSTEM, "the terminal is not from devpts");
	if (ioctl(ours, TIOCSPTLCK, &locked) < 0)
		return error_sys(e, "cannot unlock the terminal");
	other = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0)
		return error_sys(e, "cannot open the other side of the terminal");
	if (rows > 0 && columns > 0)
		(void)ioctl(other, TIOCSWINSZ, &size); /* only its looks */
	*master = steal_fd(&ours);
	return other;
}
