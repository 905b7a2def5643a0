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
#include "runtime/sandbox/copyup.h"
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
#include <sys/sysmacros.h>
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

#define STACKED_MAX 64

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
attributes(unsigned int flags)
{
	static const struct {
		unsigned int flag;
		unsigned int attribute;
	} pairs[] = {
		{ CONTAINER_MOUNT_READ_ONLY, MOUNT_READ_ONLY },
		{ CONTAINER_MOUNT_NOSUID, MOUNT_NOSUID },
		{ CONTAINER_MOUNT_NODEV, MOUNT_NODEV },
		{ CONTAINER_MOUNT_NOEXEC, MOUNT_NOEXEC },
		{ CONTAINER_MOUNT_NOATIME, MOUNT_NOATIME },
		{ CONTAINER_MOUNT_STRICTATIME, MOUNT_STRICTATIME },
		{ CONTAINER_MOUNT_RELATIME, MOUNT_RELATIME },
		{ CONTAINER_MOUNT_NODIRATIME, MOUNT_NODIRATIME },
		{ CONTAINER_MOUNT_NOSYMFOLLOW, MOUNT_NOSYMFOLLOW },
	};
	unsigned int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		result |= flags & pairs[i].flag ? pairs[i].attribute : 0;
	return result;
}

static unsigned int
attributes_of(const struct container_mount *m)
{
	return attributes(m->flags);
}

/* A bind mount has the attributes of its source, but for those that something is said of. */
static int
change_bind(const struct container_mount *m, int fd, struct error *e)
{
	const struct container_mount_extra *x = m->extra;

	if (!x)
		return mount_restrict(
		    fd, attributes_of(m), m->flags & CONTAINER_MOUNT_RECURSIVE, e);
	if (mount_change(fd, attributes_of(m), attributes(x->clear), false, e) < 0)
		return -1;
	return mount_change(fd, attributes(x->set_below), attributes(x->clear_below), true, e);
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

/* In a user namespace the kernel takes labels for these kinds only. Categories in one are listed with commas. */
static void
add_label(const struct rootfs *r, struct buf *options)
{
	if (r->label)
		buf_printf(options, "%scontext=\"%s\"", options->len > 0 ? "," : "", r->label);
}

static int
new_tmpfs(const struct rootfs *r, const struct container_mount *m, struct error *e)
{
	auto(buf) struct buf options = { 0 };

	/* what stands in the options comes later and so has the last word */
	buf_printf(&options, "mode=%o", (unsigned int)(m->mode ? m->mode : 01777));
	if (m->size)
		buf_printf(&options, ",size=%llu", (unsigned long long)m->size);
	if (m->options)
		buf_printf(&options, ",%s", m->options);
	add_label(r, &options);
	return mount_new("tmpfs", buf_text(&options), attributes_of(m), e);
}

static int
new_pts(const struct rootfs *r, const struct container_mount *m, struct error *e)
{
	auto(buf) struct buf options = { 0 };

	if (m->options)
		buf_add_text(&options, m->options);
	add_label(r, &options);
	return m->options ? mount_new("devpts", buf_text(&options), attributes_of(m), e)
	                  : devices_new_pts(buf_text(&options), e);
}

/* For a build step the host's; by config.json the one of the container's network, where the kernel lets it be mounted. */
static int
new_sys(const struct rootfs *r, const struct container_mount *m, struct error *e)
{
	struct error refused = ERROR_INIT;
	autofd int fd = -1;

	if (r->hide_sys)
		return mask_new_sys(e);
	fd = mount_new("sysfs", NULL, attributes_of(m), &refused);
	if (fd >= 0)
		return steal_fd(&fd);
	fd = mount_clone_path("/sys", true, e);
	if (fd < 0 || mount_restrict(fd, attributes_of(m), true, e) < 0)
		return -1;
	return steal_fd(&fd);
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
		return change_bind(m, source, e) < 0 ? -1 : source;
	case CONTAINER_MOUNT_OTHER:
		return mount_new_from(m->type, m->source_name ? m->source_name : m->type,
		    m->options, attributes_of(m), e);
	case CONTAINER_MOUNT_TMPFS:
		return new_tmpfs(r, m, e);
	case CONTAINER_MOUNT_NODES:
		/* not read-only before it is filled */
		return new_tmpfs(r,
		    &(struct container_mount){ .kind = m->kind,
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
		return r->sys >= 0 ? steal_fd(&r->sys) : new_sys(r, m, e);
	case CONTAINER_MOUNT_PTS:
		return new_pts(r, m, e);
	case CONTAINER_MOUNT_MQUEUE:
		return mount_new("mqueue", m->options, attributes_of(m), e);
	case CONTAINER_MOUNT_CGROUP:
		return new_cgroup(m, e);
	}
	return error_set(e, ERR_SYSTEM, "unknown kind of mount");
}

/* A link at the end of @path itself; -1 when there is none. */
static int
open_link(const struct rootfs *r, const char *path)
{
	autofree char *folder = xasprintf("%s/..", path);
	autofree char *clean = path_absolute(folder);
	autofd int dir = path_try_open(r->root, clean, O_PATH | O_DIRECTORY, 0, PATH_IN_ROOT);
	struct stat st;

	if (dir < 0 || fstatat(dir, path_base(path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISLNK(st.st_mode))
		return -1;
	return openat(dir, path_base(path), O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static int
copy_up(const struct container_mount *m, int target, int fd, struct error *e)
{
	autofd int from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofd int to = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0 || to < 0)
		return error_sys(e, "cannot copy what is at '%s'", m->target);
	if (copyup(from, to, e) < 0)
		return error_ctx(e, "cannot copy what is there");
	return 0;
}

/* Targets inside other mounts are not in the rootfs and nobody removes them. */
static int
open_target(const struct rootfs *r, const struct container_mount *m, int fd, struct error *e)
{
	struct stubs made = { 0 };
	struct stat st;
	bool directory = fstat(fd, &st) < 0 || S_ISDIR(st.st_mode);
	int target = -1;

	if (m->flags & CONTAINER_MOUNT_TARGET_LINK)
		target = open_link(r, m->target);
	if (target < 0)
		target = stubs_open(&made, r->root, m->target, directory, e);
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
	if (target < 0 || (m->flags & CONTAINER_MOUNT_COPY_UP && copy_up(m, target, fd, e) < 0) ||
	    mount_attach(fd, target, e) < 0 || after_attach(r, m, fd, e) < 0)
		return error_ctx(e, "'%s'", m->target);
	/* what is bound was set right by the parent, which still could see the host's */
	if (m->extra && m->extra->propagation && m->kind != CONTAINER_MOUNT_BIND &&
	    mount_propagate(fd, m->extra->propagation, m->extra->propagation_below, e) < 0)
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

static int
make_node(int dir, const char *name, const struct container_device *d)
{
	mode_t before = umask(0);
	int result = mknodat(dir, name, d->type | d->mode, makedev(d->major, d->minor));

	umask(before);
	if (result < 0)
		return -1;
	return fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW);
}

/* A node made here has the owner and mode that are asked for; a bound one is the host's with its own. */
static int
bind_node(const struct rootfs *r, const struct container_device *d, int source, struct error *e)
{
	struct stubs made = { 0 };
	autofd int target = -1;

	if (source < 0) {
		error_set(
		    e, ERR_HOST, "it cannot be made without root, and the host has none to bind");
		return error_hint(e,
		    "the node of the host must have the same path and be device %u:%u", d->major,
		    d->minor);
	}
	target = stubs_open(&made, r->root, d->path, false, e);
	stubs_release(&made);
	if (target < 0)
		return -1;
	return mount_is_classic() ? mount_bind(source, target, 0, false, e)
	                          : mount_attach(source, target, e);
}

static int
add_device(const struct rootfs *r, const struct container_device *d, int source, struct error *e)
{
	autofree char *folder = xasprintf("%s/..", d->path);
	autofree char *clean = path_absolute(folder);
	autofd int dir = path_make_dirs(r->root, clean, 0755, (uid_t)-1, (gid_t)-1, e);
	const char *name = path_base(d->path);
	struct stat st;

	if (dir < 0)
		return -1;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (((st.st_mode & S_IFMT) == d->type &&
		 (d->type == S_IFIFO || st.st_rdev == makedev(d->major, d->minor))) ||
		strcmp(d->path, "/dev/ptmx") == 0)) /* of the container's own devpts */
		return 0;                           /* one of the usual ones */
	if (make_node(dir, name, d) == 0)
		return 0;
	if ((errno == EPERM || errno == EEXIST) && d->type != S_IFIFO)
		return bind_node(r, d, source, e);
	return error_sys(e, "cannot make a device node");
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
rootfs_propagate(
    const struct container_spec *spec, const struct container_mount *m, int fd, struct error *e)
{
	unsigned long asked =
	    m->extra && m->extra->propagation ? m->extra->propagation : MS_PRIVATE;
	bool below = m->extra && m->extra->propagation_below;

	if (asked == MS_SHARED)
		return mount_propagate(fd, asked, below, e);
	/* what is below must not be shared with the host either, whether or not something is said of it */
	if (asked == MS_SLAVE || spec->userns->stayed || spec->userns->slave)
		if (mount_propagate(fd, asked == MS_SLAVE ? MS_SLAVE : MS_PRIVATE, true, e) < 0)
			return -1;
	return asked == MS_UNBINDABLE ? mount_propagate(fd, asked, below, e) : 0;
}

static bool
wants_slaves(const struct container_spec *spec)
{
	const struct container_mount *m;

	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++)
		if (m->extra && m->extra->propagation == MS_SLAVE)
			return true;
	return spec->userns->slave || spec->root_propagation == MS_SLAVE;
}

/* Without descriptors for mounts the parent could make none ready: what it has opened is copied here. */
static int
clone_here(struct rootfs *r, const struct container_spec *spec, struct error *e)
{
	const struct container_mount *m;
	autofd int given = r->root;

	r->root = mount_clone(given, true, e);
	if (r->root < 0 ||
	    mount_propagate(
		r->root, spec->root_propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE, true, e) < 0)
		return error_ctx(e, "rootfs");
	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++) {
		autofd int source = r->sources[i];

		if (source < 0)
			continue;
		if (m->extra && m->extra->propagation == MS_SHARED && spec->userns->stayed)
			return error_set(e, ERR_HOST,
			    "'%s': a mount that is shared with the host takes open_tree(2), which "
			    "is refused here",
			    m->target);
		r->sources[i] = mount_clone(source, m->flags & CONTAINER_MOUNT_RECURSIVE, e);
		if (r->sources[i] < 0 || rootfs_propagate(spec, m, r->sources[i], e) < 0)
			return error_ctx(e, "'%s'", m->target);
	}
	return 0;
}

/* The copies that came with the namespace are still the peers of the host's. */
static int
leave_peers(const struct container_spec *spec, struct error *e)
{
	bool classic = mount_is_classic();

	if (!spec->userns->stayed && !classic)
		return 0;
	if (mount(NULL, "/", NULL, MS_REC | (classic && wants_slaves(spec) ? MS_SLAVE : MS_PRIVATE),
		NULL) < 0)
		return error_sys(e, "cannot make the mounts private");
	return 0;
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
	r->propagation = spec->root_propagation;
	r->propagation_below = spec->root_propagation_below;
	r->label = spec->mount_label;
	if (host < 0)
		return error_sys(e, "cannot open '/'");
	if (leave_peers(spec, e) < 0 || (mount_is_classic() && clone_here(r, spec, e) < 0))
		return -1;
	if (attach_root(r, host, spec->read_only, e) < 0)
		return error_ctx(e, "rootfs");
	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++)
		if (add_mount(r, m, r->sources[i], e) < 0)
			return -1;
	for (size_t i = 0; i < spec->n_devices; i++)
		if (add_device(r, &spec->devices[i], r->devices[i], e) < 0)
			return error_ctx(e, "'%s'", spec->devices[i].path);
	if (set_sysctl(r, spec, e) < 0 || mask_all(r, spec, e) < 0)
		return -1;
	return spec->read_only ? mount_restrict(r->root, MOUNT_READ_ONLY, false, e) : 0;
}

static uint64_t
mount_number(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return 0;
	return st.stx_mnt_id;
}

/*
 * Everything that is mounted over the new root goes: the old root, and whatever was mounted over that (the first mount of a rootfs that
 * is mounted once more, what an outer container left there). A single one that stayed would be the way out: "/.." of a root directory
 * leads to what is mounted on it.
 */
static int
leave_host(const struct rootfs *r, struct error *e)
{
	uint64_t own = mount_number(r->root);

	if (own == 0)
		return error_set(e, ERR_HOST, "this kernel does not number its mounts");
	for (int i = 0; i < STACKED_MAX; i++) {
		autofd int top = open("/..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (top < 0)
			return error_sys(e, "cannot open the root directory");
		if (mount_number(top) == own)
			return 0;
		if (umount2(".", MNT_DETACH) < 0)
			return error_sys(e, "cannot let go of the host's files");
	}
	return error_set(e, ERR_HOST, "too many mounts are on top of the host's root");
}

/* The old root stays below; only a holder of CAP_SYS_CHROOT could find it, and there is nothing else on a ramdisk. */
static int
move_root(struct error *e)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		return error_sys(e, "cannot make the rootfs the root directory");
	return chdir("/") < 0 ? error_sys(e, "cannot enter the rootfs") : 0;
}

int
rootfs_enter(const struct rootfs *r, bool no_pivot, struct error *e)
{
	if (fchdir(r->root) < 0)
		return error_sys(e, "cannot enter the rootfs");
	if (no_pivot)
		return move_root(e);
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		error_sys(e, "cannot make the rootfs the root directory: pivot_root(2)");
		e->kind = ERR_HOST;
		if (e->sys == EPERM || e->sys == ENOSYS)
			error_hint(e, "a seccomp profile of the outer container forbids it");
		if (e->sys == EINVAL)
			error_hint(e, "where the host's root directory is a ramdisk, --no-pivot "
				      "does without");
		return -1;
	}
	if (leave_host(r, e) < 0)
		return -1;
	if (r->propagation && r->propagation != MS_SLAVE && r->propagation != MS_PRIVATE &&
	    mount(NULL, ".", NULL, r->propagation | (r->propagation_below ? MS_REC : 0), NULL) < 0)
		return error_sys(e, "cannot set the propagation of the rootfs");
	return chdir("/") < 0 ? error_sys(e, "cannot enter the rootfs") : 0;
}
