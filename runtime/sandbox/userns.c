/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userns - the user and mount namespace in which a whole build, or a runtime command, works.
 *
 * A child forked before stays outside, unless one id is all that is mapped: only there are newuidmap and newgidmap set-id
 * programs, and only a process there may write a map of more than one id. Both helpers run at the same time.
 */
#include "runtime/sandbox/userns.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/chroot.h"
#include "runtime/sandbox/diagnose.h"
#include "runtime/sandbox/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child that stays outside has to do. */
struct mapper {
	pid_t target;
	bool direct; /* write the files; otherwise by the helpers */
	const struct userns *userns;
	const struct userns_options *options;
	int64_t caps; /* of the caller, before it is in its namespace; -1: not known */
	int go; /* one byte arrives when @target is in its namespace; end of file: it is not */
};

void
userns_release(struct userns *u)
{
	id_map_release(&u->uids);
	id_map_release(&u->gids);
}

int
userns_subordinate_ids(bool groups, struct id_map *map, struct error *e)
{
	return subid_ranges(groups, getuid(), groups ? getgid() : getuid(), map, e);
}

static int
write_map(pid_t pid, const char *name, const struct id_map *map, struct error *e)
{
	autofree char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	auto(buf) struct buf text = { 0 };
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	id_map_text(map, &text);
	/* the kernel takes a map in one write() only */
	if (write(fd, text.data, text.len) != (ssize_t)text.len)
		return error_sys(e, "cannot write '%s'", path);
	return 0;
}

/* Without helpers: root's ids, or the caller's own alone. */
static int
map_directly(const struct mapper *m, struct error *e)
{
	autofree char *path = xasprintf("/proc/%d/setgroups", (int)m->target);

	if (m->userns->own_id_only) {
		autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "deny", 4) != 4)
			return error_sys(e, "cannot write '%s'", path);
	}
	if (write_map(m->target, "uid_map", &m->userns->uids, e) < 0 ||
	    write_map(m->target, "gid_map", &m->userns->gids, e) < 0) {
		diagnose_map(m->userns->outside_uid, m->caps, e);
		return -1;
	}
	return 0;
}

static pid_t
start_helper(const char *program, pid_t target, const struct id_map *map, int err, struct error *e)
{
	auto(strv) struct strv argv = { 0 };

	strv_add(&argv, program);
	strv_printf(&argv, "%d", (int)target);
	for (size_t i = 0; i < map->count; i++) {
		strv_printf(&argv, "%u", map->extents[i].inside);
		strv_printf(&argv, "%u", map->extents[i].outside);
		strv_printf(&argv, "%u", map->extents[i].count);
	}
	return process_spawn(
	    &(struct process_spec){
		.path = program, .argv = strv_array(&argv), .in = -1, .out = -1, .err = err },
	    e);
}

static int
finish_helper(pid_t pid, const char *program, int words, struct error *e)
{
	auto(buf) struct buf said = { 0 };
	struct error ignored = ERROR_INIT;
	int status;

	if (process_wait(pid, &status, e) < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	(void)fd_read_all(words, &said, 4096, program, &ignored);
	while (said.len > 0 && said.data[said.len - 1] == '\n')
		buf_truncate(&said, said.len - 1);
	error_set(
	    e, ERR_HOST, "%s refused: %s", program, said.len ? buf_text(&said) : "no message");
	diagnose_helper(program, e);
	return -1;
}

static int
map_by_helpers(const struct mapper *m, struct error *e)
{
	const char *programs[2] = { m->options->newuidmap, m->options->newgidmap };
	const struct id_map *maps[2] = { &m->userns->uids, &m->userns->gids };
	pid_t pids[2] = { -1, -1 };
	int words[2][2] = { { -1, -1 }, { -1, -1 } };
	int result = 0;

	for (int i = 0; i < 2; i++) {
		if (pipe2(words[i], O_CLOEXEC) < 0)
			return error_sys(e, "cannot make a pipe");
		pids[i] = start_helper(programs[i], m->target, maps[i], words[i][1], e);
		(void)close(words[i][1]); /* the helper's */
		if (pids[i] < 0)
			result = -1;
	}
	for (int i = 0; i < 2; i++) {
		struct error second = ERROR_INIT;

		if (pids[i] > 0 &&
		    finish_helper(pids[i], programs[i], words[i][0], result < 0 ? &second : e) < 0)
			result = -1;
		(void)close(words[i][0]); /* read-only */
	}
	return result;
}

static int
mapper_main(void *arg, struct buf *result, struct error *e)
{
	const struct mapper *m = arg;
	char byte;

	(void)result; /* success has nothing to say */
	if (fd_read_exact(m->go, &byte, 1, e) != 1)
		return error_set(e, ERR_HOST, "no namespace was made");
	return m->direct ? map_directly(m, e) : map_by_helpers(m, e);
}

static bool no_helpers;

void
userns_force_no_helpers(bool on)
{
	no_helpers = on;
}

static int
check_helper(char **program, const char *name, struct error *e)
{
	if (!*program && !no_helpers)
		*program = process_find(name);
	if (*program)
		return 0;
	error_set(
	    e, ERR_HOST, "%s is not installed, so that the subordinate ids cannot be mapped", name);
	return error_hint(e, "sudo apt install uidmap, or on other systems the package of "
			     "shadow-utils with newuidmap");
}

/* The caller's ids: itself as 0, subordinate ones from 1 on. */
static int
plan_user(const struct userns_options *options, struct userns *u, struct error *e)
{
	if (!options->own_id_only) {
		if (subid_ranges(false, u->outside_uid, u->outside_uid, &u->uids, e) < 0 ||
		    subid_ranges(true, u->outside_uid, u->outside_gid, &u->gids, e) < 0)
			return -1;
		if (u->uids.count == 0 || u->gids.count == 0)
			return diagnose_no_ranges(u->outside_uid, u->uids.count == 0, e);
	}
	id_map_add(&u->uids, 0, u->outside_uid, 1);
	id_map_add(&u->gids, 0, u->outside_gid, 1);
	return 0;
}

/* Root keeps the ids that it has. */
static int
plan_root(struct userns *u, struct error *e)
{
	auto(id_map) struct id_map uids = { 0 };
	auto(id_map) struct id_map gids = { 0 };

	if (id_map_read("uid_map", &uids, e) < 0 || id_map_read("gid_map", &gids, e) < 0)
		return -1;
	id_map_nested(&uids, &u->uids);
	id_map_nested(&gids, &u->gids);
	return 0;
}

/* The host's has all ids by their own numbers. */
bool
userns_is_nested(void)
{
	auto(id_map) struct id_map uids = { 0 };
	struct error ignored = ERROR_INIT;

	if (id_map_read("uid_map", &uids, &ignored) < 0)
		return false;
	return uids.count != 1 || uids.extents[0].outside != uids.extents[0].inside ||
	       uids.extents[0].count != UINT32_MAX;
}

int
userns_pretend(struct userns *u)
{
	*u = (struct userns){ .outside_uid = geteuid(),
		.outside_gid = getegid(),
		.own_id_only = true,
		.stayed = true };
	id_map_add(&u->uids, 0, (uint32_t)geteuid(), 1);
	id_map_add(&u->gids, 0, (uint32_t)getegid(), 1);
	return 0;
}

bool
userns_is_root(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return geteuid() == 0 && syscall(SYS_capget, &header, data) == 0 &&
	       (data[0].effective & 1U << CAP_SYS_ADMIN) != 0;
}

/* setgroups(2) is refused for good where a user mapped his own group himself (user_namespaces(7)). */
bool
userns_groups_denied(pid_t pid)
{
	autofree char *path = xasprintf("/proc/%d/setgroups", (int)pid);
	char word[8] = "";
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, word, sizeof(word) - 1) > 0 && strncmp(word, "deny", 4) == 0;
}

/* Has a mount namespace that the user namespace does not own, so that nothing can be mounted in it, as after `unshare --user`? */
static bool
has_foreign_mounts(void)
{
	autofd int mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	autofd int owner = mounts < 0 ? -1 : ioctl(mounts, NS_GET_USERNS);
	struct stat own, of_mounts;

	if (mounts < 0)
		return false; /* told later, by who needs it */
	if (owner < 0)
		return errno == EPERM; /* it is a namespace above this one */
	return fstat(owner, &of_mounts) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       own.st_ino != of_mounts.st_ino;
}

int
userns_stay(struct userns *u, struct error *e)
{
	if (has_foreign_mounts() && unshare(CLONE_NEWNS) < 0)
		return error_sys(e, "cannot make a mount namespace");
	*u = (struct userns){ .stayed = true, .own_id_only = userns_groups_denied(getpid()) };
	return plan_root(u, e);
}

static int
plan(struct userns_options *options, struct userns *u, char **programs, struct error *e)
{
	*u = (struct userns){ .outside_uid = geteuid(), .outside_gid = getegid() };
	u->own_id_only = options->own_id_only;
	if (u->outside_uid == 0 && !u->own_id_only)
		return plan_root(u, e);
	if (plan_user(options, u, e) < 0)
		return -1;
	if (u->own_id_only)
		return 0;
	for (int i = 0; i < 2; i++) {
		const char *given = i == 0 ? options->newuidmap : options->newgidmap;

		programs[i] = given ? xstrdup(given) : NULL;
		if (check_helper(&programs[i], i == 0 ? "newuidmap" : "newgidmap", e) < 0)
			return -1;
	}
	options->newuidmap = programs[0];
	options->newgidmap = programs[1];
	return 0;
}

int
userns_check(const struct userns_options *options, struct error *e)
{
	struct userns_options o = options ? *options : (struct userns_options){ 0 };
	autofree char *newuidmap = NULL;
	autofree char *newgidmap = NULL;
	char *programs[2] = { NULL, NULL };
	struct userns u;
	int result = plan(&o, &u, programs, e);

	newuidmap = programs[0];
	newgidmap = programs[1];
	if (result == 0 && newuidmap)
		result = diagnose_before(newuidmap, e);
	userns_release(&u);
	return result;
}

int
userns_explain(int error_number, struct error *e)
{
	return diagnose_unshare(error_number, e);
}

/* In the new namespaces, once the maps are there. */
static int
become_root(bool slave, struct error *e)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_sys(e, "cannot become root of the user namespace");
	if (mount(NULL, "/", NULL, MS_REC | (slave ? MS_SLAVE : MS_PRIVATE), NULL) < 0) {
		error_sys(e, "cannot make the mounts private");
		e->kind = ERR_HOST;
		return error_hint(
		    e, "a seccomp or AppArmor profile of the outer container forbids mount(2)");
	}
	return 0;
}

/* Maps are written, and much else is known, through procfs alone. */
static int
check_proc(struct error *e)
{
	struct statfs fs;

	if (statfs("/proc/self", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		return 0;
	error_set(e, ERR_HOST, "/proc is not mounted here");
	return error_hint(
	    e, "mount -t proc proc /proc in the outer container (bubblewrap: --proc /proc)");
}

static int
unshare_and_map(struct mapper *m, struct error *e)
{
	int pipe_ends[2];
	struct worker w;
	int saved;

	m->target = getpid();
	if (m->userns->own_id_only) { /* the kernel takes it from within */
		if (chroot_unshare_user() < 0)
			return diagnose_unshare(errno, e);
		return map_directly(m, e);
	}
	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	m->go = pipe_ends[0];
	if (worker_start(&w, mapper_main, m, e) < 0)
		goto fail;
	if (chroot_unshare_user() < 0) {
		saved = errno;
		worker_kill(&w);
		(void)diagnose_unshare(saved, e);
		goto fail;
	}
	(void)!write(pipe_ends[1], "", 1); /* a dead mapper is seen below */
	(void)close(pipe_ends[0]);
	(void)close(pipe_ends[1]);
	return worker_finish(&w, NULL, e);
fail:
	(void)close(pipe_ends[0]);
	(void)close(pipe_ends[1]);
	return -1;
}

int
userns_enter(const struct userns_options *options, struct userns *u, struct error *e)
{
	struct userns_options o = options ? *options : (struct userns_options){ 0 };
	autofree char *newuidmap = NULL;
	autofree char *newgidmap = NULL;
	char *programs[2] = { NULL, NULL };
	struct mapper m = { .userns = u, .options = &o, .caps = diagnose_status("CapEff") };
	int planned = plan(&o, u, programs, e);

	newuidmap = programs[0];
	newgidmap = programs[1];
	m.direct = u->outside_uid == 0 || u->own_id_only;
	if (check_proc(e) < 0 || planned < 0 || unshare_and_map(&m, e) < 0 ||
	    become_root(o.keep_slaves, e) < 0) {
		userns_release(u);
		return -1;
	}
	u->slave = o.keep_slaves;
	return 0;
}
