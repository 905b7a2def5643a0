/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_socket - sockets with a name in the file system (unix(7)), and connections.
 *
 * bind(2) and connect(2) are done by the supervisor, on its own copies of socket and address: were they let through, another thread could
 * exchange the address behind the answer, and reach a socket outside. Where pidfd_getfd(2) is refused there are no copies; then
 * no socket of this family can be made, only connected pairs. Sockets of datagrams, which take an address with each message, never.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/thread.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/stepnet.h"
#include "seccomp/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define TYPE_MASK 0xf
#define BOUND_MAX 256
#define THREAD_STACK (128U << 10)
#define PATH_AT offsetof(struct sockaddr_un, sun_path)

/** A socket that was given a name. */
struct emu_bound {
	struct emu_bound *next;
	int dir; /* kept open, so that the name that the kernel has stands for it alone */
	char kernel[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1]; /* as the step called it */
};

bool
emu_has_copies(void)
{
	autofd int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	autofd int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, pidfd, 0);

	return fd >= 0;
}

/* The caller's socket; -1 with errno. */
static int
copy_of(const struct emu_call *x, int fd)
{
	autofd int pidfd = (int)syscall(SYS_pidfd_open, x->process->pid, 0);

	return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

static int
option_of(int fd, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

/* Is it about a socket of the step's own network, and answered? Others are looked at here. */
static bool
net_answers(struct emu_call *x, stepnet_fn *fn)
{
	return x->em->net && stepnet_answer(x->em->net, &x->c, x->process->pid, fn);
}

void
emu_socket(struct emu_call *x)
{
	int type = (int)x->c.data->args[1] & TYPE_MASK;
	bool pair = x->c.data->nr == SYS_socketpair;

	if ((int)x->c.data->args[0] != AF_UNIX) {
		(void)net_answers(x, stepnet_socket); /* asked for by steps with one alone */
		return;
	}
	if (type != SOCK_DGRAM && type != SOCK_RAW && (pair || x->em->has_copies))
		call_continue(&x->c);
	else
		emu_refuse(x, pair ? "socketpair(SOCK_DGRAM)" : "socket(AF_UNIX, SOCK_DGRAM)",
		    EAFNOSUPPORT);
}

/* ---- connecting, which may take its time ---- */

struct job {
	struct emulation *em;
	uint64_t id;
	int fd;
	int target; /* of a name in the file system; -1 */
	struct sockaddr_storage address;
	socklen_t length;
};

static void
job_free(struct job *j)
{
	(void)close(j->fd); /* the caller has its own */
	if (j->target >= 0)
		(void)close(j->target); /* O_PATH */
	free(j);
}

static void *
job_main(void *arg)
{
	struct job *j = arg;
	int failed = connect(j->fd, (struct sockaddr *)&j->address, j->length) < 0 ? errno : 0;

	/* an abstract socket of others, from which Landlock keeps us, is none that the step knows of */
	if (failed == EPERM && j->em->net)
		failed = ECONNREFUSED;
	notify_answer(j->em->listener, j->id, 0, failed);
	job_free(j);
	return NULL;
}

/* Answers, now or later. */
static void
job_start(struct emu_call *x, struct job *j)
{
	int failed, flags = fcntl(j->fd, F_GETFL);

	if (flags & O_NONBLOCK) {
		(void)job_main(j);
		return;
	}
	failed = thread_start(job_main, j, THREAD_STACK);
	if (failed) {
		call_fail(&x->c, failed);
		job_free(j);
	}
}

/* The name of an address; false for an abstract one and for none. */
static bool
name_of(const struct sockaddr_storage *address, socklen_t length, char name[PATH_MAX])
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)address;

	if (length <= PATH_AT || un->sun_path[0] == '\0')
		return false;
	length -= (socklen_t)PATH_AT;
	if (length > sizeof(un->sun_path))
		length = sizeof(un->sun_path);
	memcpy(name, un->sun_path, length);
	name[length] = '\0';
	return true;
}

static socklen_t
put_name(struct sockaddr_storage *address, const char *name)
{
	struct sockaddr_un *un = (struct sockaddr_un *)address;

	un->sun_family = AF_UNIX;
	memset(un->sun_path, 0, sizeof(un->sun_path));
	memcpy(un->sun_path, name, strnlen(name, sizeof(un->sun_path) - 1));
	return (socklen_t)(PATH_AT + strlen(un->sun_path) + 1);
}

static int
aim(const struct emu_call *x, struct job *j)
{
	char name[PATH_MAX], path[EMU_FD_PATH];
	struct emu_spot spot;
	int failed;

	/* with a network of its own the others are looked at before; this one was exchanged meanwhile */
	if (option_of(j->fd, SO_DOMAIN) != AF_UNIX)
		return x->em->net ? EISCONN : 0;
	/* an abstract one, which is of the network: where Landlock does not keep it from those of others, it has none */
	if (!name_of(&j->address, j->length, name))
		return x->em->spec->network == CONTAINER_NETWORK_HOST || landlock_scopes()
		           ? 0
		           : ECONNREFUSED;
	failed = emu_find(x, AT_FDCWD, name, EMU_FOLLOW | EMU_TARGET, &spot);
	if (!failed && spot.target < 0)
		failed = ENOENT;
	if (!failed && !access_may(x->c.creds, &spot.st, W_OK))
		failed = EACCES;
	if (!failed && !S_ISSOCK(spot.st.st_mode))
		failed = ECONNREFUSED;
	if (!failed) {
		j->target = spot.target;
		spot.target = -1;
		j->length = put_name(&j->address, emu_fd_path(j->target, path));
	}
	emu_spot_release(&spot);
	return failed;
}

/* Reads the second and third argument; -1 when answered. */
static int
read_address(struct emu_call *x, struct sockaddr_storage *address, socklen_t *length)
{
	memset(address, 0, sizeof(*address));
	*length = (socklen_t)x->c.data->args[2];
	if (x->c.data->args[2] > sizeof(*address))
		call_fail(&x->c, EINVAL);
	else if (call_read(&x->c, x->c.data->args[1], address, *length) != 0)
		call_fail(&x->c, EFAULT);
	else
		return 0;
	return -1;
}

void
emu_connect(struct emu_call *x)
{
	struct job *j;
	int failed;

	if (net_answers(x, stepnet_connect))
		return;
	if (!x->em->has_copies) {
		/* there is no socket that a path could be given to, and those of the network are to be known */
		if (x->em->net)
			call_fail(&x->c, EISCONN);
		else
			call_continue(&x->c);
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->em = x->em;
	j->id = x->c.id;
	j->target = j->fd = -1;
	if (read_address(x, &j->address, &j->length) < 0) {
		free(j);
		return;
	}
	j->fd = copy_of(x, (int)x->c.data->args[0]);
	failed = j->fd < 0 ? errno : aim(x, j);
	if (!failed) {
		job_start(x, j);
		return;
	}
	if (j->fd >= 0)
		(void)close(j->fd); /* the caller has its own */
	free(j);
	call_fail(&x->c, failed);
}

/* ---- names ---- */

static int
remember(struct emulation *em, int *dir, const char *kernel, const char *name)
{
	struct emu_bound *b = xcalloc(1, sizeof(*b));
	int failed = 0;

	b->dir = *dir;
	/* both come from addresses */
	memcpy(b->kernel, kernel, strnlen(kernel, sizeof(b->kernel) - 1));
	memcpy(b->name, name, strnlen(name, sizeof(b->name) - 1));
	(void)pthread_mutex_lock(&em->lock);
	if (em->n_bound < BOUND_MAX) {
		b->next = em->bound;
		em->bound = b;
		em->n_bound++;
	} else {
		failed = ENOBUFS;
	}
	(void)pthread_mutex_unlock(&em->lock);
	if (failed)
		free(b);
	else
		*dir = -1;
	return failed;
}

static int
bind_at(const struct emu_call *x, int fd, struct emu_spot *spot, const char *name)
{
	char kernel[PATH_MAX], path[EMU_FD_PATH];
	struct sockaddr_storage address = { 0 };
	struct stat folder;
	struct owner owner;
	int failed = emu_look_at_folder(x, spot, &folder);

	if (failed)
		return failed;
	owner = owner_of_new(&x->c, &folder);

	(void)snprintf(kernel, sizeof(kernel), "%s/%s", emu_fd_path(spot->dir, path), spot->name);
	if (strlen(kernel) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return ENAMETOOLONG;
	emu_names_hold(x);
	failed = bind(fd, (struct sockaddr *)&address, put_name(&address, kernel)) < 0 ? errno : 0;
	emu_names_let_go(x);
	if (failed)
		return failed;
	if (fchmodat(spot->dir, spot->name, 0777 & ~x->fs->umask, 0) < 0)
		return errno;
	if ((owner.uid != 0 || owner.gid != 0) && owner_set_at(spot->dir, spot->name, &owner) < 0)
		return errno;
	failed = remember(x->em, &spot->dir, kernel, name);
	if (failed)
		(void)unlinkat(spot->dir, spot->name, 0); /* made just now */
	return failed;
}

void
emu_bind(struct emu_call *x)
{
	struct sockaddr_storage address;
	struct emu_spot spot = EMU_SPOT_INIT;
	char name[PATH_MAX];
	socklen_t length;
	int fd, failed = 0;

	if (net_answers(x, stepnet_bind))
		return;
	if (!x->em->has_copies) {
		/* Landlock lets the caller make no socket in the file system */
		if (x->em->net)
			call_fail(&x->c, EINVAL);
		else
			call_continue(&x->c);
		return;
	}
	if (read_address(x, &address, &length) < 0)
		return;
	fd = copy_of(x, (int)x->c.data->args[0]);
	if (fd < 0) {
		call_fail(&x->c, errno);
		return;
	}
	if (option_of(fd, SO_DOMAIN) == AF_UNIX && name_of(&address, length, name)) {
		failed = emu_find(x, AT_FDCWD, name, EMU_PARENT, &spot);
		if (!failed && spot.target >= 0)
			failed = EADDRINUSE;
		if (!failed)
			failed = emu_may_change(x, &spot);
		if (!failed)
			failed = bind_at(x, fd, &spot, name);
		emu_spot_release(&spot);
	} else if (x->em->net && option_of(fd, SO_DOMAIN) != AF_UNIX) {
		failed = EINVAL; /* exchanged meanwhile, as above */
	} else if (bind(fd, (struct sockaddr *)&address, length) < 0) {
		failed = errno;
	}
	(void)close(fd); /* the caller has its own */
	emu_conclude(x, failed);
}

/* Exchanges the name that the kernel has for the step's. */
static void
translate(struct emulation *em, struct sockaddr_storage *address, socklen_t *length)
{
	char name[PATH_MAX];

	if (!name_of(address, *length, name))
		return;
	(void)pthread_mutex_lock(&em->lock);
	for (const struct emu_bound *b = em->bound; b; b = b->next)
		if (strcmp(b->kernel, name) == 0) {
			*length = put_name(address, b->name);
			break;
		}
	(void)pthread_mutex_unlock(&em->lock);
}

/* getsockname(2), getpeername(2) */
void
emu_socket_name(struct emu_call *x)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address), room = 0;
	bool peer = x->c.data->nr == SYS_getpeername;
	autofd int fd = -1;
	int failed = 0;

	if (net_answers(x, stepnet_name))
		return;
	fd = copy_of(x, (int)x->c.data->args[0]);
	if (fd < 0 || option_of(fd, SO_DOMAIN) != AF_UNIX) {
		call_continue(&x->c);
		return;
	}
	if ((peer ? getpeername(fd, (struct sockaddr *)&address, &length)
		  : getsockname(fd, (struct sockaddr *)&address, &length)) < 0)
		failed = errno;
	else
		translate(x->em, &address, &length);
	if (!failed)
		failed = call_read(&x->c, x->c.data->args[2], &room, sizeof(room));
	if (!failed && (int)room < 0)
		failed = EINVAL;
	if (!failed)
		failed =
		    call_write(&x->c, x->c.data->args[1], &address, room < length ? room : length);
	if (!failed)
		failed = call_write(&x->c, x->c.data->args[2], &length, sizeof(length));
	emu_conclude(x, failed);
}

/* SO_PEERCRED: the kernel has the process right, the ids are records. */
static void
answer_peer(struct emu_call *x)
{
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer), room = 0;
	struct emu_call other;
	int fd = copy_of(x, (int)x->c.data->args[0]);
	int failed;

	if ((int)x->c.data->args[1] != SOL_SOCKET) {
		if (fd >= 0)
			(void)close(fd); /* a copy */
		call_continue(&x->c);
		return;
	}
	failed = fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? errno : 0;
	if (fd >= 0)
		(void)close(fd); /* a copy */
	/* who has connected is the supervisor for the kernel */
	if (!failed && peer.pid == getpid()) {
		emu_refuse(x, "getsockopt(SO_PEERCRED) of one that has connected", ENOPROTOOPT);
		return;
	}
	if (!failed && peer.pid > 0) {
		if (emu_call_begin(&other, x->em, peer.pid)) {
			peer.uid = other.c.creds->euid;
			peer.gid = other.c.creds->egid;
		} else {
			peer.uid = peer.gid = 0;
		}
		emu_call_end(&other);
	}
	if (!failed)
		failed = call_read(&x->c, x->c.data->args[4], &room, sizeof(room));
	if (!failed && room < sizeof(peer))
		failed = EINVAL;
	if (!failed)
		failed = call_write(&x->c, x->c.data->args[3], &peer, sizeof(peer));
	if (!failed)
		failed = call_write(&x->c, x->c.data->args[4], &length, sizeof(length));
	emu_conclude(x, failed);
}

void
emu_net_get_option(struct emu_call *x)
{
	if ((int)x->c.data->args[2] == SO_PEERCRED)
		answer_peer(x);
	else if (!net_answers(x, stepnet_get_option))
		call_continue(&x->c);
}

/* ---- of sockets of the step's own network, and of AF_UNIX, by which nobody is reached ---- */

void
emu_net_set_option(struct emu_call *x)
{
	if (!net_answers(x, stepnet_set_option))
		call_continue(&x->c);
}

void
emu_net_accept(struct emu_call *x)
{
	if (!net_answers(x, stepnet_accept))
		call_continue(&x->c);
}

void
emu_net_send(struct emu_call *x)
{
	if (!net_answers(x, stepnet_send))
		call_continue(&x->c);
}

void
emu_net_receive(struct emu_call *x)
{
	if (!net_answers(x, stepnet_receive))
		call_continue(&x->c);
}

/* By the copy: the caller's own may be another one by then. */
void
emu_net_listen(struct emu_call *x)
{
	int failed = 0;
	autofd int fd = -1;

	if (net_answers(x, stepnet_listen))
		return;
	fd = x->em->has_copies ? copy_of(x, (int)x->c.data->args[0]) : -1;
	if (fd < 0 || option_of(fd, SO_DOMAIN) != AF_UNIX)
		failed = EINVAL;
	else if (listen(fd, (int)x->c.data->args[1]) < 0)
		failed = errno;
	emu_conclude(x, failed);
}
