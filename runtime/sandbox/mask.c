/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask - hides and protects what /proc and /sys tell and take (SECURITY R4, R14, R27).
 *
 * Sources are our own: the null device of the host, checked to be it, and an empty tmpfs.
 */
#include "runtime/sandbox/mask.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESSORS_MAX 8192

void
mask_release(struct mask *m)
{
	fd_close_at(&m->null);
	fd_close_at(&m->empty);
	*m = (struct mask)MASK_INIT;
}

static bool
is_absent(int error_number)
{
	return error_number == ENOENT || error_number == ENOTDIR || error_number == EACCES;
}

static int
hide_file(struct mask *m, int target, struct error *e)
{
	if (m->null < 0)
		m->null = devices_open("null", e);
	return m->null < 0 ? -1 : mount_bind(m->null, target, 0, false, e);
}

/* The first folder gets the tmpfs itself: before Linux 6.15 only a mount that is attached can be copied. */
static int
hide_folder(struct mask *m, int target, struct error *e)
{
	if (m->empty >= 0)
		return mount_bind(m->empty, target, 0, false, e);
	m->empty = mount_new("tmpfs", "size=4k,mode=555", MOUNT_READ_ONLY, e);
	return m->empty < 0 ? -1 : mount_attach(m->empty, target, e);
}

static bool
is_out_of_reach(int fd)
{
	return faccessat(fd, "", R_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 && errno == EACCES &&
	       faccessat(fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 && errno == EACCES;
}

int
mask_path(struct mask *m, int root, const char *path, struct error *e)
{
	autofd int target = path_try_open(root, path, O_PATH, 0, PATH_IN_ROOT);
	struct stat st;

	if (target < 0 && is_absent(errno))
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return error_sys(e, "cannot hide '%s'", path);
	if (m->readable_only && !S_ISDIR(st.st_mode) && is_out_of_reach(target))
		return 0;
	if ((S_ISDIR(st.st_mode) ? hide_folder : hide_file)(m, target, e) < 0)
		return error_ctx(e, "cannot hide '%s'", path);
	return 0;
}

int
mask_protect(int root, const char *path, struct error *e)
{
	autofd int fd = path_try_open(root, path, O_PATH, 0, PATH_IN_ROOT);

	if (fd < 0 && is_absent(errno))
		return 0;
	if (fd < 0)
		return error_sys(e, "cannot protect '%s'", path);
	if (mount_bind(fd, fd, MOUNT_READ_ONLY, true, e) < 0)
		return error_ctx(e, "cannot protect '%s'", path);
	return 0;
}

int
mask_new_sys(struct error *e)
{
	unsigned int attributes = MOUNT_READ_ONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;
	autofd int fd = mount_clone_path("/sys", true, e);

	if (fd < 0 || mount_restrict(fd, attributes, true, e) < 0)
		return -1;
	return steal_fd(&fd);
}

int
mask_default_sys(struct mask *m, int sys, struct error *e)
{
	static const char *const paths[] = { "/firmware", "/devices/virtual/powercap",
		"/fs/cgroup" };
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (mask_path(m, sys, paths[i], e) < 0)
			return -1;
	/* times at which a processor was throttled tell what runs beside us */
	for (int i = 0; i < PROCESSORS_MAX; i++) {
		autofd int there = -1;

		snprintf(path, sizeof(path), "/devices/system/cpu/cpu%d/thermal_throttle", i);
		there = path_try_open(sys, path, O_PATH, 0, PATH_IN_ROOT);
		if (there < 0)
			break;
		if (mask_path(m, sys, path, e) < 0)
			return -1;
	}
	return 0;
}
