/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate - starts a step under emulation: the tree that it sees, its supervisor, and its first process.
 *
 *	caller ── supervisor (this file; emulate_trace.c, and threads of emulate_call.c) ── first process ── ...
 *
 * The supervisor is the child of the caller and the reaper of all below it. The first process waits until it is traced, loads the filters,
 * sends the listener, and executes the loader, for which everything is prepared then.
 */
#include "runtime/sandbox/emulate.h"

#include "runtime/base/buf.h"
#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/become.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/emulate_private.h"
#include "runtime/sandbox/exec.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/passfd.h"
#include "runtime/sandbox/rootfs.h"
#include "runtime/sandbox/stepnet.h"
#include "seccomp/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE_OPTIONS                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	    PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

struct emulate {
	struct stubs stubs;
	int scratch;   /* folder of its own, for what stands in for /dev and tmpfs; -1 */
	char name[64]; /* of it, in the folder that the caller has given */
	int place;
	unsigned int n_folders;
};

/* ---- what the step sees ---- */

static char *
real_path(int fd)
{
	char path[64], real[PATH_MAX];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, real, sizeof(real) - 1);
	real[n < 0 ? 0 : n] = '\0';
	return xstrdup(real);
}

/* Opens the place of @mount, the newest, and gives it its path: links may lead to another one, and into another mount. */
static int
open_point(
    struct emulation *em, struct emulate *m, struct emu_mount *mount, bool folder, struct error *e)
{
	for (int i = 0; i < EMU_MOUNTS_MAX; i++) {
		const char *rest;
		const struct emu_mount *below =
		    emu_mount_at(em, em->n_mounts - 1, mount->path, &rest);
		autofree char *inside = NULL;
		autofree char *real = NULL;
		autofree char *path = NULL;
		autofd int point = -1;

		/* on another mount: where that is */
		below = *rest ? below : below->below;
		inside = xstrdup(mount->path + strlen(emu_prefix(below)));
		point = stubs_open(&m->stubs, below->fd, inside, folder, e);
		if (point < 0)
			return -1;
		real = real_path(point);
		if (!path_is_below(real, below->real))
			break;
		path = xasprintf("%s%s", emu_prefix(below), real + strlen(below->real));
		if (strcmp(path, mount->path) == 0) {
			mount->below = below;
			return steal_fd(&point);
		}
		free(mount->path);
		mount->path = steal_ptr(&path);
	}
	return error_set(e, ERR_STEP, "mount point '%s' is moving", mount->path);
}

/* Adds what @fd (taken over) is at @target. */
static int
add_mount(struct emulation *em, struct emulate *m, const char *target, int fd, bool read_only,
    struct error *e)
{
	struct emu_mount *mount = &em->mounts[em->n_mounts];
	autofd int point = -1;
	autofree char *folder = NULL;
	struct stat st;

	if (em->n_mounts == EMU_MOUNTS_MAX) {
		(void)close(fd); /* O_PATH */
		return error_set(e, ERR_HOST, "more than %d mounts", EMU_MOUNTS_MAX);
	}
	*mount = (struct emu_mount){ .path = path_absolute(target),
		.real = real_path(fd),
		.fd = fd,
		.parent = -1,
		.read_only = read_only };
	em->n_mounts++;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at what is mounted on '%s'", target);
	mount->dev = st.st_dev;
	mount->ino = st.st_ino;
	mount->has_name = st.st_nlink > 0;
	if (em->n_mounts == 1)
		return 0;
	if (strcmp(mount->path, "/") == 0)
		return error_set(e, ERR_STEP, "nothing can be mounted on '/'");
	point = open_point(em, m, mount, S_ISDIR(st.st_mode), e);
	if (point < 0 || fstat(point, &st) < 0)
		return point < 0 ? -1 : error_sys(e, "cannot look at '%s'", target);
	mount->point_dev = st.st_dev;
	mount->point_ino = st.st_ino;
	for (struct emu_mount *other = &em->mounts[1]; other < mount; other++)
		other->hidden = other->hidden || path_is_below(other->path, mount->path);
	folder = real_path(point);
	*strrchr(folder, '/') = '\0';
	mount->parent = open(*folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return mount->parent < 0 ? error_sys(e, "cannot open the folder of '%s'", target) : 0;
}

/* A folder that stands in for a file system in memory. */
static int
make_folder(struct emulate *m, mode_t mode, struct error *e)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", m->n_folders++);
	if (mkdirat(m->scratch, name, 0700) < 0 || fchmodat(m->scratch, name, mode, 0) < 0)
		return error_sys(e, "cannot make a folder");
	return openat(m->scratch, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
add_host_path(
    struct emulation *em, struct emulate *m, const char *path, bool read_only, struct error *e)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0
		                                          : error_sys(e, "cannot open '%s'", path);
	return add_mount(em, m, path, fd, read_only, e);
}

/* Where the one of devpts is for nobody, as outside of containers, the node in /dev takes the place of the link to it. */
static int
add_ptmx(struct emulation *em, struct emulate *m, int dev, struct error *e)
{
	autofd int fd = -1;
	struct stat st;

	if (access("/dev/pts/ptmx", R_OK | W_OK) == 0 || access("/dev/ptmx", R_OK | W_OK) < 0)
		return 0;
	fd = open("/dev/ptmx", O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return 0;
	if (unlinkat(dev, "ptmx", 0) < 0)
		return error_sys(e, "cannot remove a link");
	return add_mount(em, m, "/dev/ptmx", steal_fd(&fd), false, e);
}

static int
add_dev(struct emulation *em, struct emulate *m, struct error *e)
{
	int dev = make_folder(m, 0755, e), shm;
	struct emu_mount *last;
	char path[64];

	if (dev < 0 || add_mount(em, m, "/dev", dev, false, e) < 0 || devices_links(dev, e) < 0)
		return -1;
	for (size_t i = 0; i < DEVICES_NODES; i++) {
		int fd = devices_open(devices_usual[i].name, e);

		if (fd < 0)
			return -1;
		(void)snprintf(path, sizeof(path), "/dev/%s", devices_usual[i].name);
		if (add_mount(em, m, path, fd, false, e) < 0)
			return -1;
	}
	if (add_host_path(em, m, "/dev/pts", false, e) < 0)
		return -1;
	last = &em->mounts[em->n_mounts - 1];
	last->is_pts = strcmp(last->path, "/dev/pts") == 0; /* it is there */
	if (add_ptmx(em, m, dev, e) < 0)
		return -1;
	shm = make_folder(m, 01777, e);
	return shm < 0 ? -1 : add_mount(em, m, "/dev/shm", shm, false, e);
}

static int
add_bind(
    struct emulation *em, struct emulate *m, const struct container_mount *mount, struct error *e)
{
	int fd;

	if (mount->kind == CONTAINER_MOUNT_TMPFS)
		fd = make_folder(m, mount->mode ? mount->mode : 01777, e);
	else
		fd = fcntl(mount->source, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_ctx(e, "'%s'", mount->target);
	return add_mount(
	    em, m, mount->target, fd, (mount->flags & CONTAINER_MOUNT_READ_ONLY) != 0, e);
}

static int
add_mounts(struct emulation *em, struct emulate *m, struct error *e)
{
	const struct container_spec *spec = em->spec;
	const struct container_mount *mount;
	struct emu_mount *last;
	int result = 0;

	if (add_mount(em, m, "/", fcntl(spec->rootfs, F_DUPFD_CLOEXEC, 3), false, e) < 0)
		return -1;
	for (size_t i = 0; result == 0 && (mount = rootfs_mount_at(spec, i)); i++)
		switch (mount->kind) {
		case CONTAINER_MOUNT_PROC:
			result = add_host_path(em, m, "/proc", false, e);
			last = &em->mounts[em->n_mounts - 1];
			last->is_proc = strcmp(last->path, "/proc") == 0; /* it is there */
			break;
		case CONTAINER_MOUNT_SYS:
			result = add_host_path(em, m, "/sys", true, e);
			break;
		case CONTAINER_MOUNT_DEV:
			result = add_dev(em, m, e);
			break;
		case CONTAINER_MOUNT_BIND:
		case CONTAINER_MOUNT_TMPFS:
			result = add_bind(em, m, mount, e);
			break;
		case CONTAINER_MOUNT_MQUEUE:
			break; /* without a place, as where the kernel refuses it */
		default:
			result = error_set(e, ERR_HOST,
			    "'%s' cannot be mounted: the isolation 'emulate' has no mounts of that "
			    "kind",
			    mount->target);
		}
	return result;
}

/* ---- the first process ---- */

static int
landlock_of_step(const struct emulation *em, struct error *e)
{
	autofd int loader = open(em->loader, O_PATH | O_CLOEXEC);
	struct landlock_rule rule = { .fd = loader, .access = LANDLOCK_EXECUTE };

	if (loader < 0)
		return error_sys(e, "cannot open '%s'", em->loader);
	if (landlock_restrict_files(&rule, 1, e) < 0)
		return -1;
	/* behind the supervisor, who does these for it */
	return em->net && landlock_knows_tcp() ? landlock_forbid_tcp(e) : 0;
}

static int
confine_step(const struct emulation *em, struct error *e)
{
	struct container_spec spec = *em->spec;

	if (setsid() < 0)
		return error_sys(e, "cannot start a session");
	if (become_stdio((int[3]){ spec.in, spec.out, spec.err }, 0, e) < 0 ||
	    landlock_of_step(em, e) < 0)
		return -1;
	for (size_t i = 0; i < spec.n_rlimits; i++)
		if (setrlimit(
			(__rlimit_resource_t)spec.rlimits[i].resource, &spec.rlimits[i].limit) < 0)
			return error_sys(
			    e, "cannot set resource limit %d", spec.rlimits[i].resource);
	if (fchdir(spec.rootfs) < 0 || setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) < 0)
		return error_sys(e, "cannot prepare a process");
	return 0;
}

static _Noreturn void
become_step(const struct emulation *em, int socket)
{
	struct error e = ERROR_INIT;
	autofd int listener = -1;
	char byte;

	child_reset_signals();
	if (confine_step(em, &e) == 0 && recv(socket, &byte, 1, 0) == 1) {
		listener = notify_load(emu_program(em->net != NULL), &e);
		if (listener >= 0 && passfd_send(socket, listener, &e) == 0 &&
		    seccomp_program_load(em->spec->seccomp, &e) == 0) {
			fd_cloexec_from(3, NULL, 0);
			(void)execve(em->loader, em->spec->argv, em->spec->envp);
			error_sys(&e, "cannot execute the loader '%s'", em->loader);
		}
	}
	(void)send(socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
	_exit(1);
}

/* ---- the supervisor ---- */

static int
restrict_self(const struct emulation *em, struct error *e)
{
	struct landlock_rule rules[EMU_MOUNTS_MAX + 1];
	autofd int loader = open(em->loader, O_PATH | O_CLOEXEC);
	size_t n = 0;

	for (size_t i = 0; i < em->n_mounts; i++)
		if (em->mounts[i].has_name)
			rules[n++] = (struct landlock_rule){ em->mounts[i].fd,
				em->mounts[i].read_only ? LANDLOCK_READ : LANDLOCK_ALL };
	if (loader < 0)
		return error_sys(e, "cannot open '%s'", em->loader);
	rules[n++] = (struct landlock_rule){ loader, LANDLOCK_EXECUTE };
	switch (landlock_restrict_files(rules, n, e)) {
	case 0:
		return 0;
	case 1:
		return error_set(e, ERR_HOST,
		    "the isolation 'emulate' needs Landlock, which this kernel has not");
	default:
		return -1;
	}
}

/* The command as execvp(3) would find it; ERR_STEP. */
static int
find_command(struct emu_call *x, struct emu_pending **pending, struct error *e)
{
	const struct container_spec *spec = x->em->spec;
	const char *name = spec->argv[0], *search = EXEC_DEFAULT_PATH;
	int worst = ENOENT;

	if (!name || !*name)
		return error_set(e, ERR_STEP, "there is no command to execute");
	for (char *const *v = spec->envp; *v; v++)
		if (text_starts_with(*v, "PATH="))
			search = *v + strlen("PATH=");
	for (const char *folder = strchr(name, '/') ? "" : search;; folder += *folder == ':') {
		size_t length = strcspn(folder, ":");
		autofree char *path =
		    xasprintf("%.*s%s%s", (int)length, folder, length ? "/" : "", name);
		int failed = emu_prepare(x, AT_FDCWD, path, EMU_FOLLOW, pending);

		if (!failed)
			return 0;
		worst = failed == ENOENT || failed == ENOTDIR ? worst : failed;
		folder += length;
		if (!*folder)
			break;
	}
	errno = worst;
	error_sys(e, "cannot execute '%s'", name);
	e->kind = ERR_STEP;
	if (worst == ENOENT)
		return error_hint(
		    e, "the image has no such program, or not the interpreter that it needs");
	return -1;
}

/* Where the first process begins. */
static int
enter_cwd(struct emu_call *x, struct error *e)
{
	const struct container_spec *spec = x->em->spec;
	const char *cwd = spec->cwd ? spec->cwd : "/";
	struct owner owner = { spec->uid, spec->gid };
	struct emu_spot spot;
	int fd, failed = emu_find(x, AT_FDCWD, cwd, EMU_FOLLOW, &spot);

	if (!failed && spot.target < 0) {
		emu_spot_release(&spot);
		failed = ENOENT;
	}
	if (failed == ENOENT && spec->make_cwd) {
		fd = owner_make_dirs(x->em->mounts[0].fd, cwd, &owner, true, e);
		if (fd < 0)
			return -1;
		(void)close(fd); /* O_PATH */
		failed = emu_find(x, AT_FDCWD, cwd, EMU_FOLLOW, &spot);
	}
	if (!failed && !S_ISDIR(spot.st.st_mode)) {
		emu_spot_release(&spot);
		failed = ENOTDIR;
	}
	if (failed) {
		errno = failed;
		error_sys(e, "cannot enter the working directory '%s'", cwd);
		e->kind = ERR_STEP;
		return -1;
	}
	emu_fs_move(x->em, x->fs, emu_folder_new(x->em, spot.target, spot.mount));
	spot.target = -1;
	emu_spot_release(&spot);
	return 0;
}

/* Enters the first process in the tables, and prepares its command. */
static int
prepare_first(struct emulation *em, pid_t pid, struct error *e)
{
	int root = fcntl(em->mounts[0].fd, F_DUPFD_CLOEXEC, 3), result;
	struct emu_fs *fs = emu_fs_new(emu_folder_new(em, root, &em->mounts[0]), em->spec->umask);
	struct emu_process *p = emu_process_new(pid, fs, "/");
	struct emu_pending *pending = NULL;
	struct emu_call x;

	em->first = pid;
	(void)emu_thread_add(em, pid, p);
	task_begin(&em->ids, pid);
	if (!emu_call_begin(&x, em, pid))
		return error_set(e, ERR_SYSTEM, "a command's process cannot be entered");
	result = enter_cwd(&x, e);
	emu_call_end(&x);
	if (result < 0)
		return -1;
	(void)emu_call_begin(&x, em, pid); /* from where it is now */
	result = find_command(&x, &pending, e);
	p->next = pending;
	emu_call_end(&x);
	return result;
}

static int
start_step(struct emulation *em, struct error *e)
{
	struct error told;
	int pair[2];
	pid_t pid;
	autofd int ours = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	ours = pair[0];
	pid = fork();
	if (pid == 0)
		become_step(em, pair[1]);
	(void)close(pair[1]); /* the child's */
	if (pid < 0)
		return error_sys(e, "cannot make a process");
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(uintptr_t)TRACE_OPTIONS) < 0) {
		error_sys(e, "cannot trace a process of our own");
		e->kind = ERR_HOST;
		return error_hint(e, "the seccomp profile of the container must allow ptrace(2)");
	}
	if (prepare_first(em, pid, e) < 0)
		return -1;
	(void)send(ours, "", 1, MSG_NOSIGNAL); /* a dead child is seen next */
	em->listener = passfd_receive(ours, e);
	em->ids.options.listener = em->listener;
	if (em->listener >= 0)
		return (em->net && stepnet_start(em->net, e) < 0) ? -1 : emu_serve(em, e);
	if (recv(ours, &told, sizeof(told), MSG_DONTWAIT) == (ssize_t)sizeof(told))
		*e = told;
	return -1;
}

/* All else is somebody else's: pipes whose end others wait for, the store, secrets. */
static void
close_others(const struct emulation *em, int socket)
{
	int keep[2 * EMU_MOUNTS_MAX + 7];
	size_t n = 0;

	for (size_t i = 0; i < em->n_mounts; i++) {
		keep[n++] = em->mounts[i].fd;
		keep[n++] = em->mounts[i].parent;
	}
	keep[n++] = em->spec->in;
	keep[n++] = em->spec->out;
	keep[n++] = em->spec->err;
	keep[n++] = em->spec->rootfs;
	keep[n++] = socket;
	keep[n++] = em->net ? em->net->asker : -1;
	keep[n++] = em->net ? em->net->epoll : -1;
	fd_close_others(STDERR_FILENO + 1, keep, n);
}

static int
set_up(struct emulation *em, int socket, struct error *e)
{
	const struct container_spec *spec = em->spec;
	struct stepnet_owner owner = { .arg = em, .each_process = emu_each_process };

	em->ids.options = (struct ids_options){ .uid = spec->uid,
		.gid = spec->gid,
		.groups = spec->groups,
		.n_groups = spec->groups ? spec->n_groups : 0,
		.capabilities = spec->caps.bounding };
	em->uid = geteuid();
	em->gid = getegid();
	em->log = spec->err;
	em->has_copies = emu_has_copies();
	(void)umask(0);
	fd_raise_limit();
	if (spec->network != CONTAINER_NETWORK_HOST && !(em->net = stepnet_new(spec, &owner, e)))
		return -1;
	close_others(em, socket);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || chdir("/proc") < 0)
		return error_sys(e, "cannot prepare a supervisor");
	return restrict_self(em, e);
}

static _Noreturn void
supervise(void *arg, int socket, pid_t parent)
{
	struct emulation *em = arg;
	struct error e = ERROR_INIT;
	int status;

	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(1);
	(void)setsid(); /* the terminal's signals are for others */
	if (set_up(em, socket, &e) < 0 || start_step(em, &e) < 0) {
		(void)send(socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
		_exit(1);
	}
	(void)close(socket); /* it is executing */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		_exit(1);
	status = emu_trace(em);
	if (WIFSIGNALED(status)) {
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core of it */
		(void)raise(WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* ---- the caller ---- */

static int
make_scratch(struct emulate *m, const struct container_spec *spec, struct error *e)
{
	(void)snprintf(m->name, sizeof(m->name), "emulate.%d.%p", (int)getpid(), (void *)m);
	m->place = fcntl(spec->scratch, F_DUPFD_CLOEXEC, 3);
	if (m->place < 0 || mkdirat(m->place, m->name, 0700) < 0)
		return error_sys(e, "cannot make a folder for a command");
	m->scratch = openat(m->place, m->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->scratch < 0 ? error_sys(e, "cannot open a new folder") : 0;
}

static int
start(struct emulation *em, struct emulate *m, struct container *c, struct error *e)
{
	if (make_scratch(m, em->spec, e) < 0 || add_mounts(em, m, e) < 0)
		return -1;
	(void)emu_program(em->spec->network != CONTAINER_NETWORK_HOST);
	return become_apart(&c->pid, supervise, em, e);
}

static void
emulation_free(struct emulation *em)
{
	for (size_t i = 0; i < em->n_mounts; i++) {
		fd_close_at(&em->mounts[i].fd);
		fd_close_at(&em->mounts[i].parent);
		free(em->mounts[i].path);
		free(em->mounts[i].real);
	}
	seen_free(em->ids.seen);
	emu_shared_free(em->shared);
	free(em->loader);
	free(em);
}

int
emulate_start(const struct container_spec *spec, struct container *c, struct emulate **emulate,
    struct error *e)
{
	struct emulate *m = xcalloc(1, sizeof(*m));
	struct emulation *em = xcalloc(1, sizeof(*em));
	int result;

	*emulate = m;
	m->scratch = m->place = -1;
	em->spec = spec;
	em->listener = -1;
	em->loader = process_helper(EMULATE_LOADER);
	em->ids.seen = seen_new();
	em->shared = emu_shared_new(spec->shared);
	result = start(em, m, c, e);
	emulation_free(em);
	return result;
}

int
emulate_finish(struct emulate *m, struct error *e)
{
	int result;

	if (!m)
		return 0;
	result = stubs_undo(&m->stubs, e);
	fd_close_at(&m->scratch);
	if (m->place >= 0 && m->name[0] && path_remove_tree(m->place, m->name, e) < 0)
		result = -1;
	fd_close_at(&m->place);
	free(m);
	return result;
}

/* ---- is it to be had? ---- */

static int
check_main(void *arg, struct buf *result, struct error *e)
{
	pid_t pid;
	int status, listener;

	(void)arg;    /* nothing to be told */
	(void)result; /* nothing to tell */
	if (landlock_abi() < 1)
		return error_set(e, ERR_HOST, "the kernel has no Landlock");
	pid = fork();
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	if (pid < 0)
		return error_sys(e, "cannot make a process");
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(uintptr_t)TRACE_OPTIONS) < 0) {
		error_sys(e, "a process of our own cannot be traced");
		e->kind = ERR_HOST;
	}
	(void)kill(pid, SIGKILL); /* ours */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (e->text[0])
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	listener = notify_load(emu_program(true), e);
	return listener < 0 ? -1 : 0;
}

int
emulate_check(struct error *e)
{
	struct worker w;
	autofree char *loader = process_helper(EMULATE_LOADER);

	if (access("/proc/self/fd", X_OK) < 0) {
		error_sys(e, "there is no /proc");
		e->kind = ERR_HOST;
		return -1;
	}
	if (access(loader, X_OK) < 0)
		return error_sys(e, "the loader '%s' cannot be executed", loader);
#if !defined(__x86_64__)
	return error_set(e, ERR_HOST, "the isolation 'emulate' is for x86-64 alone");
#endif
	return worker_start(&w, check_main, NULL, e) < 0 ? -1 : worker_finish(&w, NULL, e);
}
