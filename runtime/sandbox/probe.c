/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - what this host or pod lets us do, found out by doing it.
 *
 * A row a mechanism. Its function runs in a worker: it fills in the result, or returns an error, whose text and hint become
 * "no" and the remedy.
 */
#include "runtime/sandbox/probe.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/binfmt.h"
#include "runtime/sandbox/chroot.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/diagnose.h"
#include "runtime/sandbox/fuseoverlay.h"
#include "runtime/sandbox/jail_net.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/machine.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/overlay.h"
#include "runtime/sandbox/tier.h"
#include "runtime/sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int probe_fn(const char *store, struct probe_result *r, struct error *e);

struct probe {
	const char *label;
	const char *lost; /* when it is not there */
	probe_fn *fn;
};

__attribute__((format(printf, 2, 3))) static void
say(struct probe_result *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(r->text, sizeof(r->text), format, arguments);
	va_end(arguments);
}

static int
try_userns(const char *store, struct probe_result *r, struct error *e)
{
	int64_t limit = diagnose_number("/proc/sys/user/max_user_namespaces", -1);

	(void)store; /* not its concern */
	if (chroot_unshare_user() < 0)
		return userns_explain(errno, e);
	say(r, "%lld allowed", (long long)limit);
	return 0;
}

static void
say_range(const struct id_map *map, struct buf *b)
{
	for (size_t i = 0; i < map->count; i++)
		buf_printf(b, "%s%u:%u", i > 0 ? ", " : "", map->extents[i].outside,
		    map->extents[i].count);
}

static int
try_subids(const char *store, struct probe_result *r, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	struct id_map map = { 0 };
	enum tier tier;
	struct userns u = { 0 };
	uint64_t total = 0;

	(void)store; /* not its concern */
	if (tier_choose(TIER_USERNS, &tier, NULL, e) < 0)
		return -1;
	if (geteuid() == 0) {
		say(r, "running as root: all ids that it has");
		return 0;
	}
	if (userns_subordinate_ids(false, &map, e) < 0)
		return -1;
	for (size_t i = 0; i < map.count; i++)
		total += map.extents[i].count;
	say_range(&map, &text);
	id_map_release(&map);
	say(r, "%.180s, newuidmap", buf_text(&text));
	if (userns_enter(NULL, &u, e) < 0)
		return -1;
	if (total < 65535) {
		r->state = PROBE_PART;
		snprintf(r->lost, sizeof(r->lost), "images with ids up to 65535 may not unpack");
		snprintf(r->fix, sizeof(r->fix),
		    "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER");
	}
	return 0;
}

static const char *
file_system_name(int fd)
{
	static const struct {
		long magic;
		const char *name;
	} names[] = { { EXT4_SUPER_MAGIC, "ext4" }, { TMPFS_MAGIC, "tmpfs" },
		{ XFS_SUPER_MAGIC, "xfs" }, { BTRFS_SUPER_MAGIC, "btrfs" },
		{ NFS_SUPER_MAGIC, "nfs" }, { FUSE_SUPER_MAGIC, "fuse" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { F2FS_SUPER_MAGIC, "f2fs" },
		{ 0x2fc12fc1, "zfs" }, { RAMFS_MAGIC, "ramfs" } };
	struct statfs fs;

	for (size_t i = 0; fstatfs(fd, &fs) == 0 && i < ARRAY_LEN(names); i++)
		if ((unsigned long)fs.f_type == (unsigned long)names[i].magic)
			return names[i].name;
	return "a file system of another kind";
}

/* The nearest folder above @store, or it, that is there. */
static int
open_near(const char *store, struct error *e)
{
	autofree char *path = xstrdup(store);

	for (;;) {
		struct error ignored = ERROR_INIT;
		int fd = path_open_user(path, O_RDONLY | O_DIRECTORY, 0, &ignored);
		char *slash = strrchr(path, '/');

		if (fd >= 0)
			return fd;
		if (ignored.sys != ENOENT || !slash || slash == path) {
			*e = ignored;
			return -1;
		}
		*slash = '\0';
	}
}

/* With a range of ids or with one; what does not depend on owners is asked in whichever is to be had. */
static int
enter(struct userns *u, struct error *e)
{
	struct error ignored = ERROR_INIT;
	enum tier tier;

	return tier_enter(
	    tier_choose(TIER_USERNS, &tier, NULL, &ignored) == 0 ? TIER_USERNS : TIER_USERNS_SINGLE,
	    u, e);
}

static int
try_stack(const char *store, int (*try_in)(int dir, struct error *e), struct probe_result *r,
    struct error *e)
{
	char name[] = ".croze-probe-XXXXXX";
	autofree char *path = NULL;
	autofd int base = -1, dir = -1;
	struct error ignored = ERROR_INIT;
	struct statvfs space;
	struct userns u;
	int result;

	if (enter(&u, e) < 0)
		return -1;
	userns_release(&u);
	base = open_near(store ? store : "/tmp", e);
	if (base < 0)
		return -1;
	path = xasprintf("/proc/self/fd/%d/%s", base, name);
	if (!mkdtemp(path))
		return error_sys(e, "cannot write to the store's file system");
	dir = openat(base, path_base(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = dir < 0 ? error_sys(e, "cannot open a folder in the store") : try_in(dir, e);
	(void)path_remove_tree(base, path_base(path), &ignored); /* the probe's result counts */
	if (result < 0) {
		error_ctx(e, "%s", file_system_name(base));
		return e->hint[0] ? -1
		                  : error_hint(e, "put the store on a local ext4, xfs, btrfs or "
						  "tmpfs: croze --root DIR");
	}
	if (fstatvfs(base, &space) == 0)
		say(r, "%s, %llu GB free", file_system_name(base),
		    (unsigned long long)space.f_bavail * space.f_frsize / 1000000000);
	return 0;
}

static int
overlay_in(int dir, struct error *e)
{
	return probe_stack_in(dir, overlay_mount, e);
}

static int
try_overlay(const char *store, struct probe_result *r, struct error *e)
{
	return try_stack(store, overlay_in, r, e);
}

/* All that a build asks of it before it takes it by itself. */
static int
fuse_in(int dir, struct error *e)
{
	return fuseoverlay_probe(dir, e);
}

static int
try_fuse(const char *store, struct probe_result *r, struct error *e)
{
	return fuseoverlay_check(e) < 0 ? -1 : try_stack(store, fuse_in, r, e);
}

/* A container around an empty rootfs: its command cannot be there, and that is the proof that all else was. */
static int
try_command(const struct userns *u, bool record_ids, struct error *e)
{
	char *const argv[] = { (char[]){ "/none" }, NULL };
	char *const envp[] = { NULL };
	autofd int tree = mount_new("tmpfs", "size=64k", 0, e);
	struct container_spec spec;
	struct container c;

	if (tree < 0)
		return -1;
	container_spec_init(&spec);
	spec.userns = u;
	spec.rootfs = tree;
	spec.argv = argv;
	spec.envp = envp;
	spec.record_ids = record_ids;
	spec.hostname_may_stay = true; /* as for steps */
	if (container_start(&spec, &c, e) == 0)
		return error_set(e, ERR_SYSTEM, "a command that is not there was executed");
	if (e->kind != ERR_STEP)
		return -1;
	error_clear(e);
	return 0;
}

static int
try_container(const char *store, struct probe_result *r, struct error *e)
{
	struct userns u;

	(void)store; /* not its concern */
	if (enter(&u, e) < 0 || try_command(&u, false, e) < 0)
		return -1;
	say(r, "pid, mount, network, ipc, uts and cgroup namespaces");
	return 0;
}

static int
try_network(const char *store, struct probe_result *r, struct error *e)
{
	char reason[NETNS_REASON_MAX];
	struct error refused = ERROR_INIT;
	enum tier tier;

	(void)store; /* not its concern */
	(void)e;     /* having none is no error */
	if (tier_choose(TIER_AUTO, &tier, NULL, &refused) == 0 && tier == TIER_CHROOT) {
		if (jail_net_check(&refused) == 0) {
			say(r, "connections are made by croze (there are no namespaces)");
			return 0;
		}
		r->state = PROBE_PART;
		say(r, "that of this container with all that it reaches, or none (%.120s)",
		    refused.text);
		snprintf(r->fix, sizeof(r->fix), "%.200s", refused.hint);
		return 0;
	}
	refused = (struct error)ERROR_INIT;
	if (netns_try_egress(&refused) == 0) {
		if (netns_has_pasta(reason))
			say(r, "pasta");
		else
			say(r, "connections are made by croze (%.120s)", reason);
		return 0;
	}
	r->state = PROBE_NO;
	say(r, "%.200s", refused.text);
	snprintf(r->fix, sizeof(r->fix), "croze build --network=host");
	return 0;
}

static int
try_cgroup(const char *store, struct probe_result *r, struct error *e)
{
	char line[512], path[640];
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool unified = false;

	(void)store; /* not its concern */
	(void)e;     /* having none is no error */
	path[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) == 0)
			snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", line + 3);
	}
	if (file)
		(void)fclose(file); /* read-only */
	unified = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	if (unified && path[0] && access(path, W_OK) == 0) {
		say(r, "cgroup v2, delegated");
		return 0;
	}
	r->state = PROBE_PART;
	say(r, unified ? "cgroup v2, not delegated" : "no unified cgroup v2");
	snprintf(r->fix, sizeof(r->fix),
	    unified ? "sudo loginctl enable-linger $USER"
		    : "boot with systemd.unified_cgroup_hierarchy=1");
	return 0;
}

static int
try_seccomp(const char *store, struct probe_result *r, struct error *e)
{
	const struct seccomp_program *program = seccomp_default();

	(void)store; /* not its concern */
	if (!program)
		return error_set(e, ERR_HOST, "there is no filter for this architecture");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_program_load(program, e) < 0)
		return -1;
	say(r, "%u instructions", program->length);
	return 0;
}

static int
try_landlock(const char *store, struct probe_result *r, struct error *e)
{
	(void)store; /* not its concern */
	if (landlock_abi() == 0) {
		error_set(e, ERR_HOST, "not in this kernel, or not among its security modules");
		return error_hint(e, "add landlock to the kernel parameter lsm=");
	}
	if (landlock_restrict(NULL, 0, e) < 0)
		return -1;
	say(r, "ABI %d", landlock_abi());
	return 0;
}

static int
try_openat2(const char *store, struct probe_result *r, struct error *e)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT };
	struct utsname name;

	(void)store; /* not its concern */
	if (syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how)) < 0) {
		error_sys(e, "refused");
		return error_hint(e,
		    "a seccomp profile of the outer container is too old, or Linux 5.6 is needed");
	}
	uname(&name);
	say(r, "Linux %.60s", name.release);
	return 0;
}

static int
try_notify(const char *store, struct probe_result *r, struct error *e)
{
	struct userns u;

	(void)store; /* not its concern */
	if (tier_enter(TIER_USERNS_SINGLE, &u, e) < 0 || try_command(&u, true, e) < 0)
		return -1;
	say(r, "seccomp notification: one id is enough, also without new privileges");
	return 0;
}

static int
try_chroot(const char *store, struct probe_result *r, struct error *e)
{
	enum tier tier;

	(void)store; /* not its concern */
	if (tier_choose(TIER_CHROOT, &tier, NULL, e) < 0)
		return -1;
	say(r, "root with CAP_SYS_CHROOT");
	return 0;
}

static int
try_emulate(const char *store, struct probe_result *r, struct error *e)
{
	enum tier tier;

	(void)store; /* not its concern */
	if (tier_choose(TIER_EMULATE, &tier, NULL, e) < 0)
		return -1;
	say(r, "seccomp notification, ptrace, Landlock; process numbers and System V "
	       "IPC stay those of this container");
	return 0;
}

static int
try_mount_api(const char *store, struct probe_result *r, struct error *e)
{
	struct userns u;
	autofd int fd = -1;

	(void)store; /* not its concern */
	if (enter(&u, e) < 0)
		return -1;
	if (mount_is_classic())
		error_set(e, ERR_HOST, "mounts by descriptor (fsopen(2) and its kin) are refused");
	else
		fd = mount_new("tmpfs", "size=4k", MOUNT_READ_ONLY, e);
	if (fd < 0)
		return error_hint(e, "Linux 5.12 is needed, and a seccomp profile of an outer "
				     "container that allows fsopen(2) and its kin");
	say(r, "fsopen, open_tree, move_mount, mount_setattr");
	return 0;
}

/* Each is tried as a build would: what runs by itself or by the host's set-up, and then what qemu runs. */
static int
try_foreign(const char *store, struct probe_result *r, struct error *e)
{
	auto(buf) struct buf good = { 0 }, bad = { 0 };
	struct binfmt binfmt = BINFMT_INIT;
	struct userns u = { 0 };
	bool is_own = enter(&u, e) == 0;

	(void)store; /* not its concern */
	for (size_t i = 0; i < machine_count; i++) {
		const struct machine *m = &machine_table[i];
		struct buf *list = &good;

		if (machine_is_native(m))
			continue;
		if (binfmt_serve(&binfmt, m->architecture, is_own, e) < 0)
			list = &bad;
		buf_printf(list, "%s%s", list->len > 0 ? " " : "", m->architecture);
	}
	binfmt_close(&binfmt);
	if (good.len == 0)
		return -1; /* why the last one does not run holds for all */
	say(r, "%s%s%s", buf_text(&good), bad.len > 0 ? "; missing: " : "", buf_text(&bad));
	if (bad.len == 0)
		return 0;
	r->state = PROBE_PART;
	snprintf(r->fix, sizeof(r->fix), "%.500s", e->hint);
	return 0;
}

static const struct probe probes[PROBE_COUNT] = {
	[PROBE_USERNS] = { "user namespaces", "RUN cannot be isolated; builds without RUN work",
	    try_userns },
	[PROBE_SUBIDS] = { "subordinate ids",
	    "owners of files are recorded by croze (--isolation userns-single)", try_subids },
	[PROBE_OVERLAY] = { "overlay on the store",
	    "every step works on a copy of its files (--snapshots copy)", try_overlay },
	[PROBE_FUSE] = { "fuse-overlayfs",
	    "every step works on a copy of its files (--snapshots copy)", try_fuse },
	[PROBE_CONTAINER] = { "containers", "RUN is refused", try_container },
	[PROBE_NETWORK] = { "network for RUN", "steps reach no network but their own loopback",
	    try_network },
	[PROBE_CGROUP] = { "cgroup delegation",
	    "memory is limited for each process and processes for each user, the rest not at all",
	    try_cgroup },
	[PROBE_SECCOMP] = { "seccomp", "steps cannot be kept from dangerous system calls",
	    try_seccomp },
	[PROBE_NOTIFY] = { "recorded owners",
	    "a range of ids is needed for RUN (--isolation userns)", try_notify },
	[PROBE_CHROOT] = { "chroot", "nothing where user namespaces are to be had", try_chroot },
	[PROBE_EMULATE] = { "emulation",
	    "RUN is refused where neither namespaces nor chroot are to be had", try_emulate },
	[PROBE_LANDLOCK] = { "Landlock", "archives are unpacked with seccomp alone around it",
	    try_landlock },
	[PROBE_FOREIGN] = { "other architectures", "a RUN for another platform is refused",
	    try_foreign },
	[PROBE_OPENAT2] = { "openat2", "paths are resolved more slowly", try_openat2 },
	[PROBE_MOUNT_API] = { "new mount calls",
	    "mounts are made by mount(2) alone, and their ids cannot be mapped", try_mount_api },
};

const char *
probe_state_text(enum probe_state state)
{
	return state == PROBE_OK ? "ok" : state == PROBE_PART ? "part" : "no";
}

struct question {
	const struct probe *probe;
	const char *store;
	struct probe_result *result;
};

static int
probe_main(void *arg, struct buf *answer, struct error *e)
{
	const struct question *q = arg;

	if (q->probe->fn(q->store, q->result, e) < 0)
		return -1;
	buf_add(answer, q->result, sizeof(*q->result));
	return 0;
}

void
probe_one(enum probe_id id, const char *store, struct probe_result *result)
{
	const struct probe *p = &probes[id];
	auto(buf) struct buf answer = { 0 };
	struct error e = ERROR_INIT;
	struct question q = { p, store, result };
	struct worker w;

	*result = (struct probe_result){ .id = id, .label = p->label, .state = PROBE_OK };
	if (worker_start(&w, probe_main, &q, &e) == 0 && worker_finish(&w, &answer, &e) == 0 &&
	    answer.len == sizeof(*result)) {
		memcpy(result, answer.data, sizeof(*result)); /* a fork: its pointers are ours */
	} else {
		result->state = PROBE_NO;
		snprintf(result->text, sizeof(result->text), "%.250s", e.text);
		snprintf(result->fix, sizeof(result->fix), "%.500s", e.hint);
	}
	if (result->state != PROBE_OK && !result->lost[0])
		snprintf(result->lost, sizeof(result->lost), "%s", p->lost);
}

void
probe_all(const char *store, struct probe_result results[PROBE_COUNT])
{
	for (int i = 0; i < PROBE_COUNT; i++)
		probe_one((enum probe_id)i, store, &results[i]);
}
