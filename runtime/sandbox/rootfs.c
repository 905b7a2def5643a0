/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs - puts a container's file tree together and enters it; for the container's own process only.
 *
 * Every target is resolved below the root's descriptor, as the container would resolve it, and mounted on by descriptor: a link in
 * an image, or one that another container swaps in while we work, leads nowhere else (SECURITY R7-R9). The sources of masks are
 * our own: a checked null device and an empty tmpfs (R4).
 */
#include "runtime/sandbox/rootfs.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/mask.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

const struct container_mount container_default_mounts[] = {
	{ .kind = CONTAINER_MOUNT_PROC,
	    .target = "/proc",
	    .source = -1,
	    .flags = CONTAINER_MOUNT_NOSUID | CONTAINER_MOUNT_NODEV | CONTAINER_MOUNT_NOEXEC },
	{ .kind = CONTAINER_MOUNT_DEV, .target = "/dev", .source = -1 },
	{ .kind = CONTAINER_MOUNT_SYS, .target = "/sys", .source = -1 },
	{ .kind = CONTAINER_MOUNT_MQUEUE,
	    .target = "/dev/mqueue",
	    .source = -1,
	    .flags = CONTAINER_MOUNT_NOSUID | CONTAINER_MOUNT_NODEV | CONTAINER_MOUNT_NOEXEC |
	             CONTAINER_MOUNT_OPTIONAL },
};
const size_t container_n_default_mounts = ARRAY_LEN(container_default_mounts);

static char *const masked[] = {
	(char[]){ "/proc/acpi" },
	(char[]){ "/proc/asound" },
	(char[]){ "/proc/interrupts" },
	(char[]){ "/proc/kallsyms" },
	(char[]){ "/proc/kcore" },
	(char[]){ "/proc/keys" },
	(char[]){ "/proc/kmsg" },
	(char[]){ "/proc/latency_stats" },
	(char[]){ "/proc/sched_debug" },
	(char[]){ "/proc/scsi" },
	(char[]){ "/proc/timer_list" },
	(char[]){ "/proc/timer_stats" },
	NULL,
};
char *const *const container_masked_paths = masked;

static char *const read_only[] = {
	(char[]){ "/proc/bus" },
	(char[]){ "/proc/fs" },
	(char[]){ "/proc/irq" },
	(char[]){ "/proc/sys" },
	(char[]){ "/proc/sysrq-trigger" },
	NULL,
};
char *const *const container_readonly_paths = read_only;

static char *const sysctls[] = { (char[]){ "/proc/sys" }, NULL };

const struct container_mount *
rootfs_mount_at(const struct container_spec *spec, size_t n)
{
	if (n < spec->n_mounts)
		return &spec->mounts[n];
	n -= spec->n_mounts;
	return n < spec->n_extra_mounts ? &spec->extra_mounts[n] : NULL;
}

static unsigned int
attributes_of(const struct container_mount *m)
{
	return (m->flags & CONTAINER_MOUNT_READ_ONLY ? MOUNT_READ_ONLY : 0) |
	       (m->flags & CONTAINER_MOUNT_NOSUID ? MOUNT_NOSUID : 0) |
	       (m->flags & CONTAINER_MOUNT_NODEV ? MOUNT_NODEV : 0) |
	       (m->flags & CONTAINER_MOUNT_NOEXEC ? MOUNT_NOEXEC : 0) |
	       (m->flags & CONTAINER_MOUNT_NOATIME ? MOUNT_NOATIME : 0) |
	       (m->flags & CONTAINER_MOUNT_STRICTATIME ? MOUNT_STRICTATIME : 0) |
	       (m->flags & CONTAINER_MOUNT_NODIRATIME ? MOUNT_NODIRATIME : 0);
}

static bool
is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* A new procfs, or the outer container's with its masks where the kernel will not show more than those leave. */
static int
new_proc(const struct container_mount *m, struct error *e)
{
	struct error refused = ERROR_INIT;
	int fd = mount_new("proc", NULL, attributes_of(m), &refused);

	if (fd >= 0)
		return fd;
	if (refused.sys != EPERM) {
		*e = refused;
		return -1;
	}
	fd = mount_clone_path("/proc", true, e);
	if (fd < 0)
		return error_hint(e,
		    "the outer container hides parts of /proc: run it with unmasked paths "
		    "(podman: --security-opt unmask=ALL; Kubernetes: procMount: Unmasked)");
	return fd;
}

static int
new_tmpfs(const struct container_mount *m, struct error *e)
{
	auto(buf) struct buf options = { 0 };

	/* what stands in the options comes later and so has the last word */
	buf_printf(&options, "mode=%o", (unsigned int)(m->mode ? m->mode : 01777));
	if (m->size)
		buf_printf(&options, ",size=%llu", (unsigned long long)m->size);
	if (m->options)
		buf_printf(&options, ",%s", m->options);
	return mount_new("tmpfs", buf_text(&options), attributes_of(m), e);
}

static int
new_cgroup(const struct container_mount *m, struct error *e)
{
	struct error refused = ERROR_INIT;
	int fd = mount_new("cgroup2", NULL, attributes_of(m), &refused);

	if (fd >= 0)
		return fd;
	return mount_new("tmpfs", "mode=755,size=4k", MOUNT_READ_ONLY, e);
}

/* The file system of @m, detached. */
static int
new_mount(struct rootfs *r, const struct container_mount *m, int source, struct error *e)
{
	switch (m->kind) {
	case CONTAINER_MOUNT_BIND:
		if (mount_restrict(
			source, attributes_of(m), m->flags & CONTAINER_MOUNT_RECURSIVE, e) < 0)
			return -1;
		return source;
	case CONTAINER_MOUNT_TMPFS:
		return new_tmpfs(m, e);
	case CONTAINER_MOUNT_NODES:
		/* not read-only before it is filled */
		return new_tmpfs(&(struct container_mount){ .kind = m->kind,
				     .flags = m->flags & ~(unsigned int)CONTAINER_MOUNT_READ_ONLY,
				     .size = m->size,
				     .mode = m->mode ? m->mode : 0755,
				     .options = m->options },
		    e);
	case CONTAINER_MOUNT_PROC:
		return new_proc(m, e);
	case CONTAINER_MOUNT_DEV:
		return r->dev >= 0 ? fcntl(r->dev, F_DUPFD_CLOEXEC, 3) : devices_new(e);
	case CONTAINER_MOUNT_SYS:
		return r->sys >= 0 ? steal_fd(&r->sys) : mask_new_sys(e);
	case CONTAINER_MOUNT_PTS:
		return m->options ? mount_new("devpts", m->options, attributes_of(m), e)
		                  : devices_new_pts(e);
	case CONTAINER_MOUNT_MQUEUE:
		return mount_new("mqueue", NULL, attributes_of(m), e);
	case CONTAINER_MOUNT_CGROUP:
		return new_cgroup(m, e);
	}
	return error_set(e, ERR_SYSTEM, "unknown kind of mount");
}

/* Targets inside other mounts are not in the rootfs and nobody removes them. */
static int
open_target(const struct rootfs *r, const struct container_mount *m, int fd, struct error *e)
{
	struct stubs made = { 0 };
	struct stat st;
	bool directory = fstat(fd, &st) < 0 || S_ISDIR(st.st_mode);
	int target = stubs_open(&made, r->root, m->target, directory, e);

	stubs_release(&made);
	return target;
}

/* What must be done in a mount once it is in place. */
static int
after_attach(struct rootfs *r, const struct container_mount *m, int fd, struct error *e)
{
	if (m->kind == CONTAINER_MOUNT_PROC && r->proc < 0) {
		r->proc = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (r->proc < 0 || !is_procfs(r->proc))
			return error_set(e, ERR_SYSTEM, "'%s' is no procfs", m->target);
	}
	if (m->kind == CONTAINER_MOUNT_DEV) {
		if (r->dev < 0 && devices_fill(fd, m->size, e) < 0)
			return -1;
		fd_close_at(&r->dev);
		r->pts = openat(fd, "pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return mount_restrict(fd, attributes_of(m), false, e);
	}
	if (m->kind == CONTAINER_MOUNT_NODES) {
		if (devices_nodes(fd, e) < 0)
			return -1;
		return mount_restrict(fd, attributes_of(m), false, e);
	}
	if (m->kind == CONTAINER_MOUNT_PTS)
		r->pts = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static int
add_mount(struct rootfs *r, const struct container_mount *m, int source, struct error *e)
{
	struct error refused = ERROR_INIT;
	bool hide = m->kind == CONTAINER_MOUNT_SYS && r->sys < 0 && r->hide_sys;
	autofd int fd = new_mount(r, m, source, &refused);
	autofd int target = -1;

	if (fd < 0 && m->flags & CONTAINER_MOUNT_OPTIONAL)
		return 0;
	if (fd < 0) {
		*e = refused;
		return error_ctx(e, "'%s'", m->target);
	}
	target = open_target(r, m, fd, e);
	if (target < 0 || mount_attach(fd, target, e) < 0 || after_attach(r, m, fd, e) < 0)
		return error_ctx(e, "'%s'", m->target);
	return hide ? mask_default_sys(&r->mask, fd, e) : 0;
}

/*
 * Without the host's root among the ids of the container, nothing in /proc is anybody's to write but what namespaces own, and that is
 * in /proc/sys. The owner of procfs's root is the host's, so its number tells.
 */
static bool
has_host_root(const struct rootfs *r)
{
	struct stat st;

	return r->proc < 0 || fstat(r->proc, &st) < 0 || st.st_uid == 0;
}

/* The default lists are for /proc; what is hidden of /sys is hidden when that is made. */
static int
mask_all(const struct rootfs *r, const struct container_spec *spec, struct error *e)
{
	char *const *hidden = spec->masked_paths ? spec->masked_paths : container_masked_paths;
	char *const *locked =
	    spec->readonly_paths ? spec->readonly_paths : container_readonly_paths;
	auto(mask) struct mask m = MASK_INIT;

	m.readable_only = !spec->masked_paths;
	if (!spec->readonly_paths && !has_host_root(r))
		locked = sysctls;
	for (; *hidden; hidden++)
		if (mask_path(&m, r->root, *hidden, e) < 0)
			return -1;
	for (; *locked; locked++)
		if (mask_protect(r->root, *locked, e) < 0)
			return -1;
	return 0;
}

/* By a procfs that is known to be one; a container without any is given it for this alone. */
static int
set_sysctl(const struct rootfs *r, const struct container_spec *spec, struct error *e)
{
	autofd int own = -1;

	if (!spec->sysctl || !spec->sysctl[0])
		return 0;
	if (r->proc < 0) {
		own = new_proc(&(struct container_mount){ .kind = CONTAINER_MOUNT_PROC }, e);
		if (own < 0)
			return error_ctx(e, "kernel parameters");
	}
	for (char *const *item = spec->sysctl; *item; item++)
		if (sysctl_set(r->proc < 0 ? own : r->proc, *item, e) < 0)
			return -1;
	return 0;
}

/* What will be read-only is mounted once more: the parent still needs the first to take its mount points away. */
static int
attach_root(struct rootfs *r, int host, bool again, struct error *e)
{
	autofd int first = -1;

	if (mount_attach(r->root, host, e) < 0)
		return -1;
	if (!again)
		return 0;
	first = r->root;
	r->root = mount_clone(first, true, e);
	return r->root < 0 ? -1 : mount_attach(r->root, first, e);
}

int
rootfs_build(struct rootfs *r, const struct container_spec *spec, struct error *e)
{
	const struct container_mount *m;
	autofd int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	r->pts = -1;
	r->proc = -1;
	r->hide_sys = !spec->masked_paths;
	r->mask = (struct mask)MASK_INIT;
	if (host < 0)
		return error_sys(e, "cannot open '/'");
	/* the copies that came with the namespace are still the peers of the host's */
	if (spec->userns->stayed && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_sys(e, "cannot make the mounts private");
	if (attach_root(r, host, spec->read_only, e) < 0)
		return error_ctx(e, "rootfs");
	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++)
		if (add_mount(r, m, r->sources[i], e) < 0)
			return -1;
	if (set_sysctl(r, spec, e) < 0 || mask_all(r, spec, e) < 0)
		return -1;
	return spec->read_only ? mount_restrict(r->root, MOUNT_READ_ONLY, false, e) : 0;
}

int
rootfs_enter(const struct rootfs *r, struct error *e)
{
	if (fchdir(r->root) < 0)
		return error_sys(e, "cannot enter the rootfs");
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		error_sys(e, "cannot make the rootfs the root directory");
		e->kind = ERR_HOST;
		return -1;
	}
	/* the old root is now mounted over the new one, at the same path */
	if (umount2(".", MNT_DETACH) < 0)
		return error_sys(e, "cannot let go of the host's files");
	return chdir("/") < 0 ? error_sys(e, "cannot enter the rootfs") : 0;
}
