/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket - a connected socket in the place of another process's.
 *
 * An epoll instance knows what it watches by file and descriptor number (epoll_ctl(2)), and procfs tells what it watches, with events and
 * data (proc_pid_fdinfo(5)). The new socket is put at the same number in a process of ours that shares nothing but memory, and registered
 * from there: for the caller it is as if it had registered it itself.
 */
#include "seccomp/socket.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "seccomp/call.h"
#include "seccomp/network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK (16U << 10)
#define FDINFO_MAX (64U << 10)
#define PATH_LENGTH 80

int
socket_open_task(pid_t tid)
{
	char text[TASK_STATUS_MAX];
	int pidfd = process_pidfd(tid);
	const char *line;

	/* not of a thread that is not the first one */
	if (pidfd >= 0 || (errno != EINVAL && errno != ENOENT))
		return pidfd;
	task_status(tid, text);
	line = strstr(text, "\nTgid:\t");
	if (!line) {
		errno = ESRCH;
		return -1;
	}
	return process_pidfd((pid_t)strtol(line + 7, NULL, 10));
}

/* ---- the new socket ---- */

enum value_kind { NUMBER, DOUBLED, STRUCTURE };

/* What may have been set on a socket before it connects. */
static const struct {
	int level, name;
	enum value_kind kind;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, NUMBER },
	{ SOL_SOCKET, SO_REUSEADDR, NUMBER },
	{ SOL_SOCKET, SO_OOBINLINE, NUMBER },
	{ SOL_SOCKET, SO_PRIORITY, NUMBER },
	{ SOL_SOCKET, SO_RCVLOWAT, NUMBER },
	{ SOL_SOCKET, SO_TIMESTAMP, NUMBER },
	{ SOL_SOCKET, SO_RCVBUF, DOUBLED },
	{ SOL_SOCKET, SO_SNDBUF, DOUBLED },
	{ SOL_SOCKET, SO_LINGER, STRUCTURE },
	{ SOL_SOCKET, SO_RCVTIMEO, STRUCTURE },
	{ SOL_SOCKET, SO_SNDTIMEO, STRUCTURE },
	{ IPPROTO_TCP, TCP_NODELAY, NUMBER },
	{ IPPROTO_TCP, TCP_CORK, NUMBER },
	{ IPPROTO_TCP, TCP_KEEPIDLE, NUMBER },
	{ IPPROTO_TCP, TCP_KEEPINTVL, NUMBER },
	{ IPPROTO_TCP, TCP_KEEPCNT, NUMBER },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, NUMBER },
	{ IPPROTO_TCP, TCP_SYNCNT, NUMBER },
	{ IPPROTO_TCP, TCP_LINGER2, NUMBER },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, NUMBER },
	{ IPPROTO_TCP, TCP_CONGESTION, STRUCTURE },
	{ IPPROTO_IP, IP_TOS, NUMBER },
	{ IPPROTO_IP, IP_TTL, NUMBER },
	{ IPPROTO_IP, IP_RECVERR, NUMBER },
	{ IPPROTO_IPV6, IPV6_V6ONLY, NUMBER },
	{ IPPROTO_IPV6, IPV6_TCLASS, NUMBER },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, NUMBER },
	{ IPPROTO_IPV6, IPV6_RECVERR, NUMBER },
};

static void
copy_options(int from, int to)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		char set[32] = { 0 }, fresh[32] = { 0 };
		socklen_t length = sizeof(set), other = sizeof(fresh);
		int number;

		if (getsockopt(from, options[i].level, options[i].name, set, &length) < 0 ||
		    getsockopt(to, options[i].level, options[i].name, fresh, &other) < 0 ||
		    (length == other && memcmp(set, fresh, length) == 0))
			continue;
		if (options[i].kind == DOUBLED) { /* the kernel tells twice what it was given */
			memcpy(&number, set, sizeof(number));
			number /= 2;
			memcpy(set, &number, sizeof(number));
		}
		(void)setsockopt(to, options[i].level, options[i].name, set,
		    length); /* what this network does not allow is left as it is */
	}
}

static struct sock_filter
line(unsigned int code, uint32_t k, unsigned int if_true, unsigned int if_false)
{
	return (struct sock_filter){ (unsigned short)code, (unsigned char)if_true,
		(unsigned char)if_false, k };
}

/*
 * Packets of another peer are dropped: their version, their sender's address by words, their sender's port. In filters of sockets the
 * packet begins with the TCP header; what is before it has offsets from SKF_NET_OFF.
 */
static int
lock_to(int fd, const struct sockaddr *peer)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)peer;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)peer;
	bool mapped = peer->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
	bool short_form = mapped || peer->sa_family == AF_INET;
	const unsigned char *bytes = peer->sa_family == AF_INET
	                                 ? (const unsigned char *)&four->sin_addr
	                             : mapped ? six->sin6_addr.s6_addr + 12
	                                      : six->sin6_addr.s6_addr;
	in_port_t port = peer->sa_family == AF_INET ? four->sin_port : six->sin6_port;
	unsigned int words = short_form ? 1 : 4, n = 0;
	uint32_t at = (uint32_t)SKF_NET_OFF + (short_form ? 12 : 8);
	struct sock_filter code[16];
	struct sock_fprog program = { .filter = code };
	int one = 1;

	code[n++] = line(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF, 0, 0);
	code[n++] = line(BPF_ALU | BPF_RSH | BPF_K, 4, 0, 0);
	code[n++] = line(BPF_JMP | BPF_JEQ | BPF_K, short_form ? 4 : 6, 0, 2 * words + 3);
	for (unsigned int i = 0; i < words; i++) {
		uint32_t word = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
		                (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];

		code[n++] = line(BPF_LD | BPF_W | BPF_ABS, at + 4 * i, 0, 0);
		code[n++] = line(BPF_JMP | BPF_JEQ | BPF_K, word, 0, 2 * (words - i) + 1);
	}
	code[n++] = line(BPF_LD | BPF_H | BPF_ABS, 0, 0, 0);
	code[n++] = line(BPF_JMP | BPF_JEQ | BPF_K, ntohs(port), 0, 1);
	code[n++] = line(BPF_RET | BPF_K, UINT32_MAX, 0, 0);
	code[n++] = line(BPF_RET | BPF_K, 0, 0, 0);
	program.len = (unsigned short)n;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one));
}

/* ---- what else knows the old one ---- */

struct entry {
	int epoll;
	int number;
	int socket;
	struct epoll_event event;
};

static int
enter_main(void *arg)
{
	const struct entry *e = arg;

	if (dup3(e->socket, e->number, O_CLOEXEC) < 0 && errno != EINVAL)
		return 1;
	return epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->number,
		   (struct epoll_event *)(uintptr_t)&e->event) < 0;
}

/* In a process with a table of descriptors of its own, so that the number is free there. */
static void
enter(struct entry *e)
{
	autofree char *stack = xmalloc(STACK);
	pid_t pid;

	/* the epoll descriptor must not be what is overwritten */
	if (e->epoll == e->number)
		e->epoll = fcntl(e->epoll, F_DUPFD_CLOEXEC, e->number + 1);
	pid = clone(enter_main, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, e);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The lines of an epoll descriptor: "tfd: 5 events: 19 data: 5  pos:0 ino:1c2f sdev:9". */
static void
enter_where(
    const struct socket_exchange *x, int new, const char *text, int epoll_number, ino_t inode)
{
	for (const char *at = text; (at = strstr(at, "tfd:")); at++) {
		struct entry e = { .number = x->number, .socket = new };
		const char *ino = strstr(at, "ino:"), *end = strchr(at, '\n');
		const char *events = strstr(at, "events:"), *data = strstr(at, "data:");
		autofd int epoll = -1;

		if (!ino || !end || !events || !data || ino > end ||
		    strtol(at + 4, NULL, 10) != x->number || strtoul(ino + 4, NULL, 16) != inode)
			continue;
		epoll = (int)syscall(SYS_pidfd_getfd, x->pidfd, epoll_number, 0);
		if (epoll < 0)
			continue;
		e.epoll = epoll;
		e.event.events = (uint32_t)strtoul(events + 7, NULL, 16);
		e.event.data.u64 = strtoull(data + 5, NULL, 16);
		enter(&e);
		return;
	}
}

static void
read_fdinfo(pid_t task, int number, char *text, size_t room)
{
	char path[PATH_LENGTH];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)task, number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, room - 1);
	if (fd >= 0)
		(void)close(fd); /* read-only */
	text[n > 0 ? n : 0] = '\0';
}

static bool
is_cloexec(const struct socket_exchange *x, int number)
{
	char text[512];
	const char *flags;

	read_fdinfo(x->task, number, text, sizeof(text));
	flags = strstr(text, "flags:");
	return flags && strtoul(flags + 6, NULL, 8) & O_CLOEXEC;
}

static int
put(const struct socket_exchange *x, int new, int number)
{
	struct seccomp_notif_addfd add = { .id = x->id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t) new,
		.newfd = (uint32_t)number,
		.newfd_flags = is_cloexec(x, number) ? O_CLOEXEC : 0 };

	return ioctl(x->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? errno : 0;
}

/* Copies of the old descriptor, and the epoll instances that watch it, in the caller. */
static void
exchange_others(const struct socket_exchange *x, int new)
{
	char path[PATH_LENGTH], target[64], wanted[40];
	autofree char *text = NULL;
	autodir DIR *dir = NULL;
	const struct dirent *entry;
	struct stat st;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)x->task);
	dir = opendir(path);
	if (!dir || fstat(x->old, &st) < 0)
		return;
	(void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", (unsigned long)st.st_ino);
	while ((entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		int number = (int)strtol(entry->d_name, NULL, 10);

		target[n > 0 ? n : 0] = '\0';
		if (strcmp(target, wanted) == 0 && number != x->number) {
			(void)put(x, new, number); /* one that was closed meanwhile */
		} else if (strcmp(target, "anon_inode:[eventpoll]") == 0) {
			if (!text)
				text = xmalloc(FDINFO_MAX);
			read_fdinfo(x->task, number, text, FDINFO_MAX);
			enter_where(x, new, text, number, st.st_ino);
		}
	}
}

bool
socket_can_lock(void)
{
	struct sockaddr_in peer = { .sin_family = AF_INET };
	autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && lock_to(fd, (const struct sockaddr *)&peer) == 0;
}

int
socket_exchange(struct socket_exchange *x)
{
	int flags = fcntl(x->old, F_GETFL);
	int new = socket(x->domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int failed, put_failed;

	x->new = new;
	x->blocking = (flags & O_NONBLOCK) == 0;
	if (new < 0)
		return errno;
	copy_options(x->old, new);
	if (x->locks && lock_to(new, x->peer) < 0)
		return errno;
	failed = connect(new, x->peer, x->length) < 0 ? errno : 0;
	if (failed && failed != EINPROGRESS)
		return failed;
	if (x->blocking && fcntl(new, F_SETFL, fcntl(new, F_GETFL) & ~O_NONBLOCK) < 0)
		return errno;
	/* whoever waits for several at once never waits in connect */
	if (!x->blocking)
		exchange_others(x, new);
	put_failed = put(x, new, x->number);
	return put_failed ? put_failed : failed;
}
