/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify - system calls that another process answers (seccomp_unotify(2)).
 */
#include "seccomp/notify.h"

#include "runtime/base/mem.h"
#include "seccomp/filter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

#define REFUSED (SECCOMP_RET_ERRNO | ENOSYS)
#define X32_BIT 0x40000000U

/* What a call of this test is answered with at once; 0 when an argument is to be looked at. */
static uint32_t
answer_of(const struct notify_call *call)
{
	return call->test == NOTIFY_REFUSED  ? REFUSED
	       : call->test == NOTIFY_TRACE  ? SECCOMP_RET_TRACE
	       : call->test == NOTIFY_ALWAYS ? SECCOMP_RET_USER_NOTIF
	                                     : 0;
}

/* The tests of one number, then the way on for none of them. */
static void
emit_tests(struct filter *f, const struct notify_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (answer_of(&calls[i]) != 0) {
			filter_return(f, answer_of(&calls[i]));
			return;
		}
		filter_load(f, filter_argument(calls[i].argument));
		if (calls[i].test == NOTIFY_IF_SET) {
			filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
			filter_load(f, filter_argument(calls[i].argument) ^ 4);
			filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		} else if (calls[i].test == NOTIFY_UNLESS_EQUAL) {
			filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, calls[i].value, 1, 0);
		} else if (calls[i].test == NOTIFY_IF_BITS) {
			filter_emit(f, BPF_JMP | BPF_JSET | BPF_K, calls[i].value, 0, 1);
		} else {
			filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, calls[i].value, 0, 1);
		}
		filter_return(f, SECCOMP_RET_USER_NOTIF);
	}
	filter_return(f, SECCOMP_RET_ALLOW);
}

void
notify_compile(struct notify_program *p, const struct notify_call *calls, size_t n,
    enum notify_foreign foreign)
{
	uint32_t answer = foreign == NOTIFY_FOREIGN_REFUSED    ? REFUSED
	                  : foreign == NOTIFY_FOREIGN_NOTIFIED ? SECCOMP_RET_USER_NOTIF
	                                                       : SECCOMP_RET_ALLOW;
	struct filter f = { p->code, ARRAY_LEN(p->code), 0 };

	filter_begin(&f, answer);
#if defined(__x86_64__)
	filter_emit(&f, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	filter_return(&f, answer);
#endif
	for (size_t i = 0, end; i < n; i = end) {
		size_t jump = f.length;

		for (end = i + 1; end < n && calls[end].number == calls[i].number;)
			end++;
		filter_emit(&f, BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 0);
		emit_tests(&f, calls + i, end - i);
		f.code[jump].jf = (unsigned char)(f.length - jump - 1);
	}
	filter_return(&f, SECCOMP_RET_ALLOW);
	p->length = (unsigned short)f.length;
}

int
notify_load(const struct notify_program *p, struct error *e)
{
	struct sock_fprog program = { .len = p->length,
		.filter = (struct sock_filter *)(uintptr_t)p->code };
	unsigned long flags =
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	/* before Linux 5.19 a signal may interrupt a call that was already answered in part */
	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		    &program);
	if (fd >= 0)
		return (int)fd;
	error_sys(e, "cannot load a seccomp filter that notifies");
	e->kind = ERR_HOST;
	return error_hint(
	    e, e->sys == EBUSY
		   ? "an outer container listens to system calls already: run croze outside it"
		   : "Linux 5.9 with CONFIG_SECCOMP_FILTER is needed");
}

int
notify_receive(int listener, struct seccomp_notif *request)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	memset(request, 0, sizeof(*request)); /* the kernel insists */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0)
		return 1;
	if (errno != ENOENT && errno != EINTR)
		return 0;
	/* ENOENT: the caller was killed meanwhile, or nobody is left who could call */
	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP ? 0 : -1;
}

bool
notify_is_pending(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

void
notify_continue(int listener, uint64_t id)
{
	struct seccomp_notif_resp response = { .id = id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response); /* a caller that is gone */
}

void
notify_answer(int listener, uint64_t id, int64_t value, int error_number)
{
	struct seccomp_notif_resp response = {
		.id = id, .val = error_number ? 0 : value, .error = -error_number
	};

	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response); /* a caller that is gone */
}

int
notify_add_fd(int listener, uint64_t id, int fd, unsigned int flags)
{
	struct seccomp_notif_addfd add = { .id = id, .srcfd = (uint32_t)fd, .newfd_flags = flags };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}

int
notify_exchange_fd(int listener, uint64_t id, int fd, int number, unsigned int flags)
{
	struct seccomp_notif_addfd add = { .id = id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t)fd,
		.newfd = (uint32_t)number,
		.newfd_flags = flags };

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -1 : 0;
}

int
notify_answer_fd(int listener, uint64_t id, int fd, unsigned int flags)
{
	struct seccomp_notif_addfd add = { .id = id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = flags };
	int got = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (got >= 0 || errno != EINVAL)
		return got < 0 ? -1 : 0;
	got = notify_add_fd(listener, id, fd, flags); /* before Linux 5.14 in two steps */
	if (got < 0)
		return -1;
	notify_answer(listener, id, got, 0);
	return 0;
}

bool
notify_is_waiting(int listener, uint64_t id)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

void
notify_share_processor(int listener, bool share)
{
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	    share ? SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP : 0UL);
}
