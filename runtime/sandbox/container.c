/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container - one command in namespaces of its own; the parent's side.
 *
 * clone(2) rather than clone3(2): it is all that is needed, and outer seccomp filters let it pass. Namespaces that belong to the
 * caller's user namespace cannot be joined from the nested one, so a short-lived process between joins them first, and makes a time
 * namespace where one is asked for, and then the container as our child (CLONE_PARENT). It shares our descriptors, and our memory
 * unless clocks are concerned, which the kernel refuses to change for several users of one memory.
 */
#include "runtime/sandbox/container.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/emulate.h"
#include "runtime/sandbox/init.h"
#include "runtime/sandbox/jail.h"
#include "runtime/sandbox/join.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/passfd.h"
#include "runtime/sandbox/rootfs.h"
#include "runtime/sandbox/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOIN_STACK (256U << 10)
#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* What comes back from the process between, which may have memory of its own. */
struct outcome {
	pid_t pid;
	int pidfd;
	int error_number; /* of what the process between could not do */
	const char *failed;
	bool joining; /* @failed is the type of a namespace */
};

struct start {
	struct init init;
	unsigned long flags;
	int socket; /* the parent's end; the child that kept it open would never see the parent end */
	struct outcome *outcome; /* shared */
};

void
container_spec_init(struct container_spec *spec)
{
	*spec = (struct container_spec){
		.namespaces = NAMESPACES,
		.hold_read = -1,
		.hold_write = -1,
		.rootfs = -1,
		.scratch = -1,
		.cwd = "/",
		.umask = 022,
		.seccomp = seccomp_default(),
		.oom_score_adj = -1001,
		.network = CONTAINER_NETWORK_NEW,
		.netns = -1,
		.in = -1,
		.out = -1,
		.err = -1,
		.mounts = container_default_mounts,
		.n_mounts = container_n_default_mounts,
	};
	caps_set_mask(&spec->caps, caps_default);
}

const char *
container_hostname(const struct container_spec *spec)
{
	return spec->hostname ? spec->hostname : "localhost";
}

static int
write_map(pid_t pid, const char *name, const struct id_map *own, const struct id_map *parent,
    struct error *e)
{
	auto(buf) struct buf text = { 0 };
	auto(id_map) struct id_map nested = { 0 };
	autofd int fd = -1;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (!own)
		id_map_nested(parent, &nested);
	id_map_text(own ? own : &nested, &text);
	/* the kernel takes a map in one write() only */
	if (write(fd, text.data, text.len) != (ssize_t)text.len)
		return error_sys(e, "cannot map the ids of the container (%s)", name);
	return 0;
}

/* Detached copies of what is bound, made here: the child's mount namespace is another one. Where there are none, the child makes them. */
static int
clone_sources(const struct container_spec *spec, struct rootfs *r, struct error *e)
{
	size_t n = spec->n_mounts + spec->n_extra_mounts;

	r->sources = xcalloc(n + 1, sizeof(r->sources[0]));
	memset(r->sources, -1, (n + 1) * sizeof(r->sources[0]));
	for (size_t i = 0; i < n; i++) {
		const struct container_mount *m = rootfs_mount_at(spec, i);

		if (m->kind != CONTAINER_MOUNT_BIND)
			continue;
		r->sources[i] =
		    m->flags & CONTAINER_MOUNT_DETACHED || mount_is_classic()
			? fcntl(m->source, F_DUPFD_CLOEXEC, 3)
			: mount_clone(m->source, m->flags & CONTAINER_MOUNT_RECURSIVE, e);
		if (r->sources[i] < 0 ||
		    (!mount_is_classic() && rootfs_propagate(spec, m, r->sources[i], e) < 0))
			return error_ctx(e, "'%s'", m->target);
	}
	return 0;
}

/* The host's nodes, likewise. */
static int
clone_devices(const struct container_spec *spec, struct rootfs *r, struct error *e)
{
	r->devices = xcalloc(spec->n_devices + 1, sizeof(r->devices[0]));
	memset(r->devices, -1, (spec->n_devices + 1) * sizeof(r->devices[0]));
	for (size_t i = 0; i < spec->n_devices; i++) {
		int source = spec->devices[i].source;

		if (source < 0)
			continue;
		r->devices[i] = mount_is_classic() ? fcntl(source, F_DUPFD_CLOEXEC, 3)
		                                   : mount_clone(source, false, e);
		if (r->devices[i] < 0 || (!mount_is_classic() && mount_propagate(r->devices[i],
								     MS_PRIVATE, false, e) < 0))
			return error_ctx(e, "'%s'", spec->devices[i].path);
	}
	return 0;
}

/* Is @target inside an earlier mount, so that its mount point is not in the rootfs? */
static bool
is_covered(const struct container_spec *spec, size_t n)
{
	autofree char *target = path_absolute(rootfs_mount_at(spec, n)->target);

	for (size_t i = 0; i < n; i++) {
		autofree char *earlier = path_absolute(rootfs_mount_at(spec, i)->target);

		if (path_is_below(target, earlier))
			return true;
	}
	return false;
}

static int
make_stubs(
    const struct container_spec *spec, const struct rootfs *r, struct stubs *stubs, struct error *e)
{
	const struct container_mount *m;

	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++) {
		autofd int fd = -1;
		struct stat st;
		bool directory = true;

		if (m->target[0] != '/')
			return error_set(
			    e, ERR_USAGE, "mount target '%s' is not absolute", m->target);
		if (is_covered(spec, i))
			continue;
		if (r->sources[i] >= 0 && fstat(r->sources[i], &st) == 0)
			directory = S_ISDIR(st.st_mode);
		fd = stubs_open(stubs, r->root, m->target, directory, e);
		if (fd < 0)
			return -1;
	}
	return 0;
}

/* A mount of the container's own, so that what is done to it leaves the caller's as it is. */
static int
take_rootfs(int fd, struct error *e)
{
	struct error refused = ERROR_INIT;
	bool classic = mount_is_classic();
	int clone = classic ? -1 : mount_clone(fd, true, &refused);

	if (clone >= 0)
		return clone;
	if (!classic && refused.sys != EINVAL) {
		*e = refused;
		return error_ctx(e, "rootfs");
	}
	/* before Linux 6.15 a detached mount cannot be copied, only used */
	clone = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return clone < 0 ? error_sys(e, "cannot copy a descriptor") : clone;
}

static void
release_rootfs(struct rootfs *r, const struct container_spec *spec)
{
	for (size_t i = 0; r->sources && i < spec->n_mounts + spec->n_extra_mounts; i++)
		if (r->sources[i] >= 0)
			(void)close(r->sources[i]); /* a mount */
	for (size_t i = 0; r->devices && i < spec->n_devices; i++)
		fd_close_at(&r->devices[i]);
	free(r->devices);
	free(r->sources);
	fd_close_at(&r->root);
	fd_close_at(&r->dev);
	fd_close_at(&r->sys);
}

/* What was made ahead, unless this container wants it otherwise. */
static void
take_kit(const struct container_spec *spec, struct rootfs *r)
{
	const struct container_mount *m;

	if (!spec->kit || spec->uids || spec->gids)
		return;
	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++) {
		if (m->kind == CONTAINER_MOUNT_DEV && m->size == 0 && r->dev < 0)
			r->dev = steal_fd(&spec->kit->dev);
		if (m->kind == CONTAINER_MOUNT_SYS && !spec->masked_paths && r->sys < 0)
			r->sys = steal_fd(&spec->kit->sys);
	}
}

/* The new process, or its pid in the outcome. */
static int
clone_container(struct start *s, unsigned long flags)
{
	unsigned long hold = process_has_no_pidfd() ? 0 : CLONE_PIDFD;
	int pidfd = -1;
	long pid = syscall(SYS_clone, flags | hold | SIGCHLD, 0, &pidfd, 0, 0);

	if (pid == 0) {
		(void)close(s->socket);
		init_main(&s->init);
	}
	s->outcome->pid = (pid_t)pid;
	s->outcome->pidfd = pidfd;
	return pid < 0 ? -1 : 0;
}

static int
set_clocks(const struct container_clocks *clocks)
{
	autofd int fd = -1;

	if (unshare(CLONE_NEWTIME) < 0)
		return -1;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	return dprintf(fd, "monotonic %lld %ld\nboottime %lld %ld\n",
		   (long long)clocks->monotonic.tv_sec, clocks->monotonic.tv_nsec,
		   (long long)clocks->boottime.tv_sec, clocks->boottime.tv_nsec) < 0
	           ? -1
	           : 0;
}

static int
join(struct start *s)
{
	const struct container_spec *spec = s->init.spec;
	autofree struct container_join *all = xcalloc(spec->n_joins + 1, sizeof(all[0]));
	size_t n = spec->n_joins;

	if (n > 0)
		memcpy(all, spec->joins, n * sizeof(all[0]));
	if (spec->network == CONTAINER_NETWORK_JOIN)
		all[n++] = (struct container_join){ CLONE_NEWNET, spec->netns };
	s->outcome->failed = join_all(all, n);
	s->outcome->joining = s->outcome->failed != NULL;
	if (s->outcome->failed)
		return -1;
	if (!spec->clocks || set_clocks(spec->clocks) == 0)
		return 0;
	s->outcome->failed = "set the clocks of the container ('linux.timeOffsets')";
	return -1;
}

static int
join_main(void *arg)
{
	struct start *s = arg;

	if (join(s) == 0 && clone_container(s, s->flags | CLONE_PARENT) == 0)
		return 0;
	s->outcome->error_number = errno;
	return 1;
}

static bool
concerns_clocks(const struct container_spec *spec)
{
	bool clocks = spec->clocks != NULL;

	for (size_t i = 0; i < spec->n_joins; i++)
		clocks = clocks || spec->joins[i].type == CLONE_NEWTIME;
	return clocks;
}

static int
clone_joined(struct start *s)
{
	int flags = CLONE_VFORK | CLONE_FILES | SIGCHLD;
	void *stack = mmap(NULL, JOIN_STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pid_t between;

	if (stack == MAP_FAILED)
		return -1;
	if (!concerns_clocks(s->init.spec))
		flags |= CLONE_VM;
	between = clone(join_main, (char *)stack + JOIN_STACK, flags, s);
	if (between > 0)
		while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
			;
	(void)munmap(stack, JOIN_STACK); /* ours */
	if (between > 0 && s->outcome->error_number)
		errno = s->outcome->error_number;
	return between < 0 || s->outcome->error_number ? -1 : 0;
}

/* Which namespaces are made new. */
static unsigned long
clone_flags(const struct container_spec *spec)
{
	unsigned long flags = spec->namespaces;

	if (spec->network == CONTAINER_NETWORK_NEW)
		flags |= CLONE_NEWNET;
	for (size_t i = 0; i < spec->n_joins; i++)
		flags &= ~(unsigned long)spec->joins[i].type;
	return flags;
}

static int
refuse_joining(const struct outcome *o, struct error *e)
{
	if (o->joining)
		error_sys(e, "cannot join the %s namespace", o->failed);
	else
		error_sys(e, "cannot %s", o->failed);
	e->kind = ERR_HOST;
	return -1;
}

static int
clone_any(struct start *s, struct error *e)
{
	const struct container_spec *spec = s->init.spec;
	int result;

	s->flags = clone_flags(spec);
	s->init.cgroup_namespace =
	    spec->events && spec->events->created && s->flags & CLONE_NEWCGROUP;
	if (s->init.cgroup_namespace)
		s->flags &= ~(unsigned long)CLONE_NEWCGROUP;
	result = spec->network == CONTAINER_NETWORK_JOIN || spec->n_joins > 0 || spec->clocks
	             ? clone_joined(s)
	             : clone_container(s, s->flags);
	if (result == 0)
		return 0;
	if (s->outcome->failed)
		return refuse_joining(s->outcome, e);
	if (errno == EPERM || errno == ENOSPC || errno == EUSERS)
		return userns_explain(errno, e);
	return error_sys(e, "cannot make the namespaces of a container");
}

static ssize_t
hear(int socket, struct error *told, int flags)
{
	ssize_t n;

	do
		n = recv(socket, told, sizeof(*told), flags);
	while (n < 0 && errno == EINTR);
	return n;
}

static void
say_go(int socket, const struct container *c)
{
	struct init_go go = { .pid = c->pid };

	(void)send(socket, &go, sizeof(go), MSG_NOSIGNAL); /* a dead child is seen next */
}

static int
pass_listener(const struct container_spec *spec, int socket, struct container *c, struct error *e)
{
	autofd int listener = passfd_receive(socket, e);

	if (listener < 0)
		return -1;
	return spec->events->listener(spec->events->arg, c->pid, listener, e);
}

/* One word of the child, which the descriptor of a terminal comes with. Returns 1 when there will be no other for now. */
static int
obey(const struct container_spec *spec, int socket, struct container *c, struct error *e)
{
	char word = 0;

	if (recv(socket, &word, 1, MSG_PEEK) == 1 && word == INIT_CONSOLE) {
		c->console = passfd_receive(socket, e);
		return c->console < 0 ? -1 : 0;
	}
	(void)recv(socket, &word, 1, 0); /* as it was seen */
	if (word == INIT_READY)
		return 1;
	if (word == INIT_LISTENER && spec->events && spec->events->listener)
		return pass_listener(spec, socket, c, e);
	if (word != INIT_MOUNTED)
		return error_set(e, ERR_SYSTEM, "a container's first process cannot be understood");
	if (spec->events->mounted(spec->events->arg, c->pid, e) < 0)
		return -1;
	say_go(socket, c);
	return 0;
}

/* Hears how it went: words, and then nothing and the end of the connection is success. */
static int
await(const struct container_spec *spec, int socket, struct container *c, struct error *e)
{
	struct error told;
	ssize_t n;

	while ((n = hear(socket, &told, MSG_PEEK | MSG_TRUNC)) == 1) {
		int result = obey(spec, socket, c, e);

		if (result != 0)
			return result < 0 ? -1 : 0;
	}
	if (n == 0 && spec->hold_read < 0)
		return 0;
	if (n != (ssize_t)sizeof(told) || hear(socket, &told, 0) != n)
		return error_set(e, ERR_SYSTEM, "a container's first process ended without a word");
	*e = told;
	return -1;
}

int
init_await(const struct container_spec *spec, int socket, struct container *c, struct error *e)
{
	say_go(socket, c);
	return await(spec, socket, c, e);
}

static void
reap(struct container *c)
{
	if (c->pid <= 0)
		return;
	(void)kill(c->pid, SIGKILL); /* may have ended already */
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

static int
go(const struct container_spec *spec, int socket, struct container *c, struct error *e)
{
	if (spec->namespaces & CLONE_NEWUSER &&
	    (write_map(c->pid, "uid_map", spec->uids, &spec->userns->uids, e) < 0 ||
		write_map(c->pid, "gid_map", spec->gids, &spec->userns->gids, e) < 0))
		return -1;
	if (spec->events && spec->events->created &&
	    spec->events->created(spec->events->arg, c->pid, e) < 0)
		return -1;
	return init_await(spec, socket, c, e);
}

/* Did it die before execve without being able to say so? Then the connection ended too. */
static int
start_child(struct start *s, struct container *c, struct error *e)
{
	autofd int ours = -1;
	autofd int theirs = -1;
	autofd int ids = -1;
	int pair[2];

	/* before the sockets: it must hold none of them */
	if (s->init.spec->record_ids) {
		c->supervisor = supervisor_start(s->init.spec, &ids, e);
		if (c->supervisor < 0)
			return -1;
	}
	s->init.ids = ids;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	s->init.socket = theirs;
	s->socket = ours;
	s->outcome = mmap(
	    NULL, sizeof(*s->outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->outcome == MAP_FAILED)
		return error_sys(e, "cannot map memory");
	if (clone_any(s, e) == 0) {
		c->pid = s->outcome->pid;
		c->pidfd = s->outcome->pidfd;
	}
	(void)munmap(s->outcome, sizeof(*s->outcome)); /* ours */
	if (c->pid == 0)
		return -1;
	(void)close(steal_fd(&theirs)); /* the child's */
	fd_close_at(&ids);              /* likewise */
	if (go(s->init.spec, ours, c, e) < 0)
		return -1;
	if (s->init.spec->hold_read >= 0)
		c->socket = steal_fd(&ours);
	return 0;
}

static int
start_jail(const struct container_spec *spec, struct container *c, struct error *e)
{
	struct error ignored = ERROR_INIT;

	if (jail_start(spec, c, &c->jail, e) == 0)
		return 0;
	(void)container_finish(c, &ignored); /* the first failure counts */
	return -1;
}

static int
start_emulated(const struct container_spec *spec, struct container *c, struct error *e)
{
	struct error ignored = ERROR_INIT;

	if (emulate_start(spec, c, &c->emulate, e) == 0)
		return 0;
	(void)container_finish(c, &ignored); /* the first failure counts */
	return -1;
}

int
container_start(const struct container_spec *spec, struct container *c, struct error *e)
{
	struct start s = {
		.init = { .spec = spec, .rootfs = { .root = -1, .dev = -1, .sys = -1 }, .ids = -1 }
	};
	struct rootfs *r = &s.init.rootfs;
	int result = -1;

	assert(!spec->egress_asks || spec->egress);
	assert(!(spec->egress_asks & EGRESS_REFUSED) || spec->seccomp == seccomp_default());
	*c = (struct container)CONTAINER_INIT;
	if (spec->egress && !spec->record_ids)
		(void)egress_program(spec->egress_asks); /* made once, for all containers */
	if (spec->emulate)
		return start_emulated(spec, c, e);
	if (spec->chroot)
		return start_jail(spec, c, e);
	take_kit(spec, r);
	r->root = take_rootfs(spec->rootfs, e);
	if (r->root >= 0 && (spec->userns->stayed || spec->userns->slave) && !mount_is_classic() &&
	    mount_propagate(
		r->root, spec->root_propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE, true, e) < 0)
		result = error_ctx(e, "rootfs");
	else if (r->root >= 0 && clone_sources(spec, r, e) == 0 && clone_devices(spec, r, e) == 0 &&
		 make_stubs(spec, r, &c->stubs, e) == 0)
		result = start_child(&s, c, e);
	release_rootfs(r, spec);
	if (result < 0) {
		struct error ignored = ERROR_INIT;

		(void)container_finish(c, &ignored); /* the first failure counts */
	} else if (spec->kit) {
		container_kit_prepare(spec->kit);
	}
	return result;
}

int
container_exec_status(const struct error *e)
{
	if (e->kind != ERR_STEP)
		return 0;
	return e->sys == ENOENT ? 127 : 126;
}

int
container_wait(struct container *c, int *status, struct error *e)
{
	pid_t pid;

	do
		pid = waitpid(c->pid, status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return error_sys(e, "cannot wait for a container");
	c->pid = 0;
	return 0;
}

void
container_signal(const struct container *c, int signal)
{
	if (c->pid <= 0)
		return;
	if (c->pidfd >= 0 && syscall(SYS_pidfd_send_signal, c->pidfd, signal, NULL, 0) == 0)
		return;
	(void)kill(c->pid, signal); /* ESRCH: has ended */
}

int
container_let_go(struct container *c, struct error *e)
{
	struct init_go go = { .pid = c->pid };
	ssize_t n = send(c->socket, &go, sizeof(go), MSG_NOSIGNAL);

	fd_close_at(&c->socket);
	if (n != (ssize_t)sizeof(go))
		return error_set(e, ERR_SYSTEM, "a container's first process has ended");
	return 0;
}

int
container_finish(struct container *c, struct error *e)
{
	int result;

	reap(c);
	supervisor_stop(c->supervisor);
	result = stubs_undo(&c->stubs, e);
	if (jail_finish(c->jail, e) < 0 || emulate_finish(c->emulate, e) < 0)
		result = -1;
	if (c->pidfd >= 0)
		(void)close(c->pidfd);
	if (c->console >= 0)
		(void)close(c->console);
	fd_close_at(&c->socket);
	*c = (struct container)CONTAINER_INIT;
	return result;
}
