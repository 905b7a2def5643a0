/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay - file trees from stacked directories, by the kernel's overlay file system.
 *
 * Three ways of naming the layers, the newest first; a kernel that does not know one gives EINVAL for its first parameter:
 * descriptors (Linux 6.13), one parameter a layer (6.5), and one string for all. The last is bounded by a page, so it names
 * descriptors relative to /proc/self/fd, and it goes through mount(2), which needs a place to mount on: a child with a mount
 * namespace of its own does that and sends back a detached copy.
 */
#include "runtime/sandbox/overlay.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/passfd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The only way that works is found once a process. */
static enum overlay_api api = OVERLAY_API_FD;

void
overlay_force_api(enum overlay_api forced)
{
	api = forced;
}

/* One directory: by descriptor, or by its name in /proc. */
static int
set_layer(int context, const char *key, int fd)
{
	char path[32];

	if (api == OVERLAY_API_FD)
		return fsconfig(context, FSCONFIG_SET_FD, key, NULL, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return fsconfig(context, FSCONFIG_SET_STRING, key, path, 0);
}

/* 0, 1 when the kernel does not know this way, -1. */
static int
set_layers(int context, const struct overlay_spec *spec)
{
	for (size_t i = spec->n_lowers; i-- > 0;)
		if (set_layer(context, "lowerdir+", spec->lowers[i]) < 0)
			return errno == EINVAL && i + 1 == spec->n_lowers ? 1 : -1;
	if (spec->upper >= 0 && (set_layer(context, "upperdir", spec->upper) < 0 ||
				    set_layer(context, "workdir", spec->work) < 0))
		return -1;
	if (spec->upper >= 0 && fsconfig(context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -1;
	return fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
}

/* A descriptor, -2 when the kernel does not know this way, -1. */
static int
mount_by_parameters(const struct overlay_spec *spec, struct error *e)
{
	autofd int context = fsopen("overlay", FSOPEN_CLOEXEC);
	int fd, set;

	if (context < 0)
		return error_sys(e, "cannot make an overlay");
	(void)fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay",
	    0); /* how it is called in mountinfo */
	set = set_layers(context, spec);
	if (set > 0)
		return -2;
	if (set < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return mount_refused(context, "overlay", e);
	fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? mount_refused(context, "overlay", e) : fd;
}

static void
string_options(const struct overlay_spec *spec, struct buf *b)
{
	buf_add_text(b, "userxattr,");
	if (spec->upper >= 0)
		buf_printf(b, "volatile,upperdir=%d,workdir=%d,", spec->upper, spec->work);
	buf_add_text(b, "lowerdir=");
	for (size_t i = spec->n_lowers; i-- > 0;)
		buf_printf(b, "%d%s", spec->lowers[i], i > 0 ? ":" : "");
}

struct by_string {
	const struct overlay_spec *spec;
	int socket;
};

/* The same directory in this process's mount namespace: the kernel refuses layers of another one. */
static int
reopen(int fd, struct error *e)
{
	char link[32], path[4096];
	struct stat before, after;
	autofd int again = -1;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return error_sys(e, "cannot read '%s'", link);
	path[n] = '\0';
	again = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (again < 0 || fstat(again, &after) < 0 || fstat(fd, &before) < 0)
		return error_sys(e, "cannot open layer '%s' again", path);
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return error_set(e, ERR_SYSTEM, "layer '%s' was replaced", path);
	return dup3(again, fd, O_CLOEXEC) < 0 ? error_sys(e, "cannot open layer '%s' again", path)
	                                      : 0;
}

static int
reopen_all(const struct overlay_spec *spec, struct error *e)
{
	for (size_t i = 0; i < spec->n_lowers; i++)
		if (reopen(spec->lowers[i], e) < 0)
			return -1;
	if (spec->upper < 0)
		return 0;
	return reopen(spec->upper, e) < 0 || reopen(spec->work, e) < 0 ? -1 : 0;
}

/* In a child with its own mount namespace, where covering /proc disturbs nobody. */
static int
mount_by_string(void *arg, struct buf *result, struct error *e)
{
	const struct by_string *s = arg;
	auto(buf) struct buf options = { 0 };
	autofd int fd = -1;

	(void)result; /* the answer is a descriptor */
	if (unshare(CLONE_NEWNS) < 0)
		return error_sys(e, "cannot make a mount namespace");
	if (reopen_all(s->spec, e) < 0)
		return -1;
	string_options(s->spec, &options);
	if (chdir("/proc/self/fd") < 0)
		return error_sys(e, "cannot use /proc/self/fd");
	if (mount("overlay", "/proc", "overlay", 0, buf_text(&options)) < 0) {
		error_sys(e, "cannot mount overlay");
		e->kind = ERR_HOST;
		return -1;
	}
	fd = mount_clone_path("/proc", false, e);
	return fd < 0 ? -1 : passfd_send(s->socket, fd, e);
}

static int
mount_in_child(const struct overlay_spec *spec, struct error *e)
{
	struct by_string s = { .spec = spec };
	autofd int ours = -1;
	autofd int theirs = -1;
	int pair[2], fd;
	struct worker w;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	s.socket = theirs;
	if (worker_start(&w, mount_by_string, &s, e) < 0 || worker_finish(&w, NULL, e) < 0)
		return -1;
	fd = passfd_receive(ours, e);
	return fd;
}

/* What is no stack needs no overlay. */
static int
mount_single(int directory, bool read_only, struct error *e)
{
	autofd int fd = mount_clone(directory, false, e);

	if (fd < 0 || mount_restrict(fd, read_only ? MOUNT_READ_ONLY : 0, false, e) < 0)
		return -1;
	return steal_fd(&fd);
}

int
overlay_mount(const struct overlay_spec *spec, struct error *e)
{
	int fd = -2;

	assert(spec->n_lowers > 0 || spec->upper >= 0);
	if (spec->n_lowers > OVERLAY_LOWERS_MAX)
		return error_set(e, ERR_INPUT, "%zu layers in one mount, the kernel takes %d",
		    spec->n_lowers, OVERLAY_LOWERS_MAX);
	if (spec->n_lowers == 0)
		return mount_single(spec->upper, false, e);
	if (spec->n_lowers == 1 && spec->upper < 0)
		return mount_single(spec->lowers[0], true, e);
	while (api != OVERLAY_API_STRING) {
		fd = mount_by_parameters(spec, e);
		if (fd != -2)
			break;
		api++;
	}
	return fd == -2 ? mount_in_child(spec, e) : fd;
}
