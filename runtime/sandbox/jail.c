/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail - a command in a chroot, for the root of a container that may make no namespaces and no mounts.
 *
 *	caller ── watcher ── keeper ── command ── ...
 *
 * Processes that lose their parent become the keeper's children (PR_SET_CHILD_SUBREAPER), and it kills them when the command has ended, or
 * the watcher, which is all that the caller knows.
 */
#include "runtime/sandbox/jail.h"

#include "runtime/base/buf.h"
#include "runtime/base/child.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/become.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/init.h"
#include "runtime/sandbox/jail_net.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/rootfs.h"
#include "runtime/sandbox/standin.h"
#include "seccomp/unplug.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_MAX (1U << 20)
#define KILL_ROUNDS 100

/* A file of the rootfs whose content is another one for a while. */
struct lent {
	int fd;
	struct buf content;
	struct stat st;
};

struct jail {
	struct stubs stubs;
	struct standins standins;
	int dev;           /* /dev of the rootfs */
	struct stat st;    /* of it, before */
	unsigned int made; /* nodes, by bit */
	struct lent lent[4];
	size_t n_lent;
};

/* ---- what is put into the rootfs ---- */

static int
make_nodes(struct jail *j, int root, struct error *e)
{
	autofd int dev = stubs_open(&j->stubs, root, "/dev", true, e);

	if (dev < 0)
		return -1;
	j->dev = openat(dev, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dev < 0 || fstat(j->dev, &j->st) < 0)
		return error_sys(e, "cannot open '/dev' of the rootfs");
	for (size_t i = 0; i < DEVICES_NODES; i++) {
		if (mknodat(j->dev, devices_usual[i].name, S_IFCHR,
			makedev(devices_usual[i].major, devices_usual[i].minor)) < 0) {
			if (errno == EEXIST)
				continue;
			error_sys(e, "cannot make '/dev/%s'", devices_usual[i].name);
			e->kind = ERR_HOST;
			return error_hint(e,
			    "give the container CAP_MKNOD (docker: --cap-add MKNOD), and "
			    "keep its store on a file system without nodev");
		}
		j->made |= 1U << i;
		if (fchmodat(j->dev, devices_usual[i].name, 0666, 0) < 0)
			return error_sys(
			    e, "cannot set the mode of '/dev/%s'", devices_usual[i].name);
	}
	return 0;
}

/* Puts the content of @source into the file @target. */
static int
lend(struct jail *j, int root, const char *target, int source, struct error *e)
{
	autofd int stub = stubs_open(&j->stubs, root, target, false, e);
	autofd int from = -1;
	auto(buf) struct buf bytes = { 0 };
	struct lent *lent = &j->lent[j->n_lent];
	char path[40];

	if (stub < 0)
		return -1;
	if (j->n_lent == ARRAY_LEN(j->lent))
		return error_set(e, ERR_HOST, "more files than can be put in place");
	/* both were opened by O_PATH, and are opened anew through procfs */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", source);
	from = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", stub);
	lent->fd = open(path, O_RDWR | O_CLOEXEC);
	if (from < 0 || lent->fd < 0 || fstat(lent->fd, &lent->st) < 0)
		return error_sys(e, "cannot put '%s' in place", target);
	j->n_lent++;
	if (fd_read_all(lent->fd, &lent->content, FILE_MAX, target, e) < 0 ||
	    fd_read_all(from, &bytes, FILE_MAX, target, e) < 0)
		return -1;
	if (ftruncate(lent->fd, 0) < 0 || lseek(lent->fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot put '%s' in place", target);
	return fd_write_all(lent->fd, bytes.data, bytes.len, e);
}

static int
put_mounts(struct jail *j, const struct container_spec *spec, struct error *e)
{
	const struct container_mount *m;
	struct stat st;

	for (size_t i = 0; (m = rootfs_mount_at(spec, i)); i++) {
		if (m->kind == CONTAINER_MOUNT_BIND && m->flags & CONTAINER_MOUNT_OWN) {
			if (standins_put(
				&j->standins, &j->stubs, spec->rootfs, m->target, m->source, e) < 0)
				return -1;
			continue;
		}
		if (m->kind == CONTAINER_MOUNT_BIND && fstat(m->source, &st) == 0 &&
		    S_ISREG(st.st_mode) && m->flags & CONTAINER_MOUNT_READ_ONLY) {
			if (lend(j, spec->rootfs, m->target, m->source, e) < 0)
				return -1;
			continue;
		}
		if (m->kind != CONTAINER_MOUNT_BIND && m->kind != CONTAINER_MOUNT_TMPFS)
			continue; /* /proc, /sys and the like, which a chroot does without */
		error_set(e, ERR_HOST,
		    "'%s' cannot be mounted: the isolation 'chroot' has no mounts", m->target);
		return error_hint(e, "allow user namespaces in the outer container (docker: "
				     "--security-opt seccomp=unconfined), or do without --mount");
	}
	return 0;
}

static int
give_back(struct lent *lent, struct error *e)
{
	struct timespec times[2] = { lent->st.st_atim, lent->st.st_mtim };
	int result = 0;

	if (ftruncate(lent->fd, 0) < 0 || lseek(lent->fd, 0, SEEK_SET) < 0)
		result = error_sys(e, "cannot put a file back as it was");
	else
		result = fd_write_all(lent->fd, lent->content.data, lent->content.len, e);
	if (result == 0 &&
	    (fchmod(lent->fd, lent->st.st_mode & 07777) < 0 || futimens(lent->fd, times) < 0))
		result = error_sys(e, "cannot put a file back as it was");
	fd_close_at(&lent->fd);
	buf_release(&lent->content);
	return result;
}

/* Nodes that are still ours, and the time of their folder unless something else changed there. */
static void
take_nodes(struct jail *j)
{
	struct timespec times[2] = { j->st.st_atim, j->st.st_mtim };

	for (size_t i = 0; i < DEVICES_NODES; i++) {
		struct stat st;

		if (j->made & 1U << i &&
		    fstatat(j->dev, devices_usual[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISCHR(st.st_mode) &&
		    st.st_rdev == makedev(devices_usual[i].major, devices_usual[i].minor))
			(void)unlinkat(j->dev, devices_usual[i].name, 0); /* looked at just now */
	}
	(void)futimens(j->dev, times); /* times only */
}

int
jail_finish(struct jail *j, struct error *e)
{
	struct error second = ERROR_INIT; /* the first failure counts */
	int result = 0;

	if (!j)
		return 0;
	for (size_t i = 0; i < j->n_lent; i++)
		if (give_back(&j->lent[i], result < 0 ? &second : e) < 0)
			result = -1;
	if (standins_undo(&j->standins, result < 0 ? &second : e) < 0)
		result = -1;
	if (j->dev >= 0)
		take_nodes(j);
	fd_close_at(&j->dev);
	if (stubs_undo(&j->stubs, result < 0 ? &second : e) < 0)
		result = -1;
	free(j);
	return result;
}

/* ---- the command ---- */

static uint64_t
own_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return 0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static bool
has_own_network(const struct container_spec *spec)
{
	return spec->network == CONTAINER_NETWORK_JOIN;
}

static int
confine(const struct container_spec *spec, struct error *e)
{
	struct landlock_rule rule = { .access = LANDLOCK_ALL };
	autofd int root = -1;

	if (fchdir(spec->rootfs) < 0 || chroot(".") < 0 || chdir("/") < 0) {
		error_sys(e, "cannot change the root directory");
		e->kind = ERR_HOST;
		return error_hint(
		    e, "give the container CAP_SYS_CHROOT (docker: --cap-add SYS_CHROOT)");
	}
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_sys(e, "cannot open '/'");
	rule.fd = root;
	/* a kernel without Landlock leaves the root directory, capabilities and the filter */
	if (!has_own_network(spec))
		return landlock_restrict_files(&rule, 1, e) < 0 ? -1 : 0;
	/* TCP behind who answers, and does it for it; in one, as a second ruleset would allow no link from one folder to another */
	return landlock_restrict(&rule, 1, e) < 0 ? -1 : 0;
}

/* Where the kernel does not keep it from the abstract sockets of others, it has none that could be given a name. */
static int
unplug(const struct container_spec *spec, struct error *e)
{
	if (spec->network == CONTAINER_NETWORK_HOST || has_own_network(spec))
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	return unplug_load(landlock_scopes() ? UNPLUG_UNIX : UNPLUG_PAIRS, e);
}

static _Noreturn void
become(const struct container_spec *given, int socket, pid_t keeper)
{
	struct container_spec spec = *given;
	struct error e = ERROR_INIT;
	uint64_t mask = spec.caps.bounding & own_capabilities() & ~CAPS_BIT(CAP_SYS_CHROOT) &
	                ~CAPS_BIT(CAP_MKNOD);

	caps_set_mask(&spec.caps, mask);
	spec.no_new_privs = true;
	child_reset_signals();
	if (child_die_with(keeper) < 0)
		_exit(1);
	if (setsid() < 0)
		error_sys(&e, "cannot start a session");
	else if (become_stdio((int[3]){ spec.in, spec.out, spec.err }, spec.uid, &e) == 0 &&
		 confine(&spec, &e) == 0 && unplug(&spec, &e) == 0 &&
		 (has_own_network(&spec) || become_asking(&spec, &e) == 0) &&
		 become_ready(&spec, socket, &e) == 0 && child_die_with(keeper) == 0 &&
		 (!has_own_network(&spec) || jail_net_join(&spec, socket, &e) == 0))
		(void)become_command(&spec, &e);
	(void)send(socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
	_exit(1);
}

/* Kills the children of this process; the number of those that there were. */
static int
kill_children(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	pid_t self = getpid();
	int n = 0;

	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    process_parent(dirfd(dir), entry->d_name) != self)
			continue;
		(void)kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL); /* a child of ours */
		n++;
	}
	if (dir)
		(void)closedir(dir); /* only read */
	return n;
}

static void
end_all(void)
{
	for (int i = 0; i < KILL_ROUNDS && kill_children() > 0; i++)
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
}

/* Dies with @parent as well, but not before it has ended all else: by SIGTERM, which waits in @signals with SIGCHLD. */
static int
outlive(pid_t parent, sigset_t *signals)
{
	(void)sigemptyset(signals);        /* cannot fail */
	(void)sigaddset(signals, SIGCHLD); /* likewise */
	(void)sigaddset(signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, signals, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != parent)
		return -1;
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Until @pid has ended: true with its status. false: all is to end. */
static bool
await_command(pid_t pid, const sigset_t *signals, int *status)
{
	for (;;) {
		siginfo_t info;
		pid_t ended;

		while ((ended = waitpid(-1, status, WNOHANG)) > 0)
			if (ended == pid)
				return true;
		if (ended < 0 && errno == ECHILD)
			return false;
		if (sigwaitinfo(signals, &info) == SIGTERM)
			return false;
	}
}

/* What the command writes to is not held open by those above it. */
static void
close_output(const struct container_spec *spec)
{
	if (spec->out > STDERR_FILENO)
		(void)close(spec->out);
	if (spec->err > STDERR_FILENO && spec->err != spec->out)
		(void)close(spec->err);
}

static _Noreturn void
end_as(bool ended, int status)
{
	if (ended && WIFSIGNALED(status)) {
		child_reset_signals();
		(void)raise(WTERMSIG(status));
	}
	_exit(ended && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static _Noreturn void
keep(void *arg, int socket, pid_t parent)
{
	const struct container_spec *spec = arg;
	pid_t self = getpid(), pid;
	struct error e = ERROR_INIT;
	sigset_t signals;
	int status = 0;
	bool ended;

	if (outlive(parent, &signals) < 0)
		_exit(1);
	/* while there is nobody but this process to be put anywhere */
	if (spec->events && spec->events->created &&
	    spec->events->created(spec->events->arg, self, &e) < 0) {
		(void)send(socket, &e, sizeof(e), MSG_NOSIGNAL); /* nobody else to tell */
		_exit(1);
	}
	pid = fork();
	if (pid == 0)
		become(spec, socket, self);
	(void)close(socket); /* the command's */
	close_output(spec);
	ended = pid > 0 && await_command(pid, &signals, &status);
	end_all();
	end_as(ended, status);
}

/* The child of the caller, who may kill it at any time: the keeper then ends what there is. */
static _Noreturn void
watch(void *arg, int socket, pid_t parent)
{
	const struct container_spec *spec = arg;
	pid_t self = getpid(), pid;
	int status = 0;

	child_reset_signals();
	if (child_die_with(parent) < 0)
		_exit(1);
	(void)setsid(); /* the terminal's signals are for others */
	if (has_own_network(spec))
		jail_net_watch(spec, keep, socket);
	pid = fork();
	if (pid == 0)
		keep(arg, socket, self);
	(void)close(socket); /* the command's */
	close_output(spec);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	end_as(pid > 0, status);
}

int
jail_start(
    const struct container_spec *spec, struct container *c, struct jail **jail, struct error *e)
{
	struct jail *j = xcalloc(1, sizeof(*j));

	*jail = j;
	j->dev = -1;
	if (make_nodes(j, spec->rootfs, e) < 0 || put_mounts(j, spec, e) < 0)
		return -1;
	if (has_own_network(spec))
		jail_net_prepare(spec);
	return become_apart(&c->pid, watch, (void *)(uintptr_t)spec, e);
}
