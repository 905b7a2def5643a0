/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify - system calls that another process answers (seccomp_unotify(2)).
 */
#include "seccomp/notify.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
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

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#define NATIVE_ARCH 0
#endif

#define REFUSED (SECCOMP_RET_ERRNO | ENOSYS)
#define X32_BIT 0x40000000U

static void
emit(struct notify_program *p, unsigned int operation, uint32_t k, size_t if_true, size_t if_false)
{
	assert(p->length < NOTIFY_CODE_MAX && if_true < 256 && if_false < 256);
	p->code[p->length++] = (struct sock_filter){
		.code = (unsigned short)operation,
		.jt = (unsigned char)if_true,
		.jf = (unsigned char)if_false,
		.k = k,
	};
}

static uint32_t
argument_offset(unsigned int n)
{
	uint32_t offset = (uint32_t)offsetof(struct seccomp_data, args) + 8 * n;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += 4;
#endif
	return offset;
}

/* The tests of one number, then the way on for none of them. */
static void
emit_tests(struct notify_program *p, const struct notify_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (calls[i].test == NOTIFY_ALWAYS || calls[i].test == NOTIFY_REFUSED ||
		    calls[i].test == NOTIFY_TRACE) {
			emit(p, BPF_RET | BPF_K,
			    calls[i].test == NOTIFY_REFUSED ? REFUSED
			    : calls[i].test == NOTIFY_TRACE ? SECCOMP_RET_TRACE
							    : SECCOMP_RET_USER_NOTIF,
			    0, 0);
			return;
		}
		emit(p, BPF_LD | BPF_W | BPF_ABS, argument_offset(calls[i].argument), 0, 0);
		if (calls[i].test == NOTIFY_IF_SET) {
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
			emit(p, BPF_LD | BPF_W | BPF_ABS, argument_offset(calls[i].argument) ^ 4, 0,
			    0);
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		} else if (calls[i].test == NOTIFY_IF_BITS) {
			emit(p, BPF_JMP | BPF_JSET | BPF_K, calls[i].value, 0, 1);
		} else {
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, calls[i].value, 0, 1);
		}
		emit(p, BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
	}
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

void
notify_compile(struct notify_program *p, const struct notify_call *calls, size_t n,
    enum notify_foreign foreign)
{
	uint32_t answer = foreign == NOTIFY_FOREIGN_REFUSED    ? REFUSED
	                  : foreign == NOTIFY_FOREIGN_NOTIFIED ? SECCOMP_RET_USER_NOTIF
	                                                       : SECCOMP_RET_ALLOW;

	p->length = 0;
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, arch), 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
	emit(p, BPF_RET | BPF_K, answer, 0, 0);
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr), 0, 0);
#if defined(__x86_64__)
	emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	emit(p, BPF_RET | BPF_K, answer, 0, 0);
#endif
	for (size_t i = 0, end; i < n; i = end) {
		size_t jump = p->length;

		for (end = i + 1; end < n && calls[end].number == calls[i].number;)
			end++;
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 0);
		emit_tests(p, calls + i, end - i);
		p->code[jump].jf = (unsigned char)(p->length - jump - 1);
	}
	emit(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
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
notify_answer_fd(int listener, uint64_t id, int fd, unsigned int flags)
{
	struct seccomp_notif_addfd add = { .id = id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = flags };
	int got = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (got >= 0 || errno != EINVAL)
		return got < 0 ? -1 : 0;
	add.flags = 0; /* before Linux 5.14 in two steps */
	got = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
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
notify_wake_together(int listener)
{
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}
