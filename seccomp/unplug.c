/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unplug - a process that makes no socket by which it could reach a network.
 *
 * i386 has two ways to make a socket: by a number of its own, and by socketcall(2), whose arguments are in memory, where a filter
 * sees nothing. x32 has the numbers of x86-64 with a bit.
 */
#include "seccomp/unplug.h"

#include "seccomp/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CODE_MAX 64

/* Of the programs of 32 bits that a kernel of ours runs too; SOCKETCALL 0: there is none. */
#if defined(__x86_64__)
#define OTHER_ARCH AUDIT_ARCH_I386
#define OTHER_SOCKET 359
#define OTHER_SOCKETCALL 102
#define X32_BIT 0x40000000U
#elif defined(__aarch64__)
#define OTHER_ARCH AUDIT_ARCH_ARM
#define OTHER_SOCKET 281
#define OTHER_SOCKETCALL 0
#endif

struct code {
	struct sock_filter lines[CODE_MAX];
	struct filter f;
};

/* The number is loaded; a call of @number is decided by its family. */
static void
emit_socket(struct filter *f, uint32_t number, enum unplug_kept kept)
{
	filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
	filter_load(f, filter_argument(0));
	filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1);
	filter_return(f,
	    kept == UNPLUG_UNIX ? (uint32_t)SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	filter_return(f, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
}

static void
emit(struct code *c, enum unplug_kept kept)
{
	struct filter *f = &c->f;

	*f = (struct filter){ c->lines, CODE_MAX, 0 };
	filter_load(f, offsetof(struct seccomp_data, arch));
#ifdef OTHER_ARCH
	filter_emit(
	    f, BPF_JMP | BPF_JEQ | BPF_K, OTHER_ARCH, 0, 9); /* the nine lines that follow */
	filter_load(f, offsetof(struct seccomp_data, nr));
	emit_socket(f, OTHER_SOCKET, kept);
	filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, OTHER_SOCKETCALL, 0, OTHER_SOCKETCALL ? 1 : 0);
	filter_return(
	    f, OTHER_SOCKETCALL ? SECCOMP_RET_ERRNO | ENOSYS : (uint32_t)SECCOMP_RET_ALLOW);
	filter_return(f, SECCOMP_RET_ALLOW);
	filter_load(f, offsetof(struct seccomp_data, arch));
#endif
	/* whoever is of no known architecture has no call that is known */
	filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	filter_return(f, SECCOMP_RET_ERRNO | ENOSYS);
	filter_load(f, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
	filter_emit(f, BPF_JMP | BPF_JEQ | BPF_K, X32_BIT | SYS_socket, 0, 1);
	filter_return(f, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
#endif
	emit_socket(f, SYS_socket, kept);
	filter_return(f, SECCOMP_RET_ALLOW);
}

uint32_t
unplug_action(enum unplug_kept kept, const struct seccomp_data *call)
{
	struct code c;

	emit(&c, kept);
	return filter_run(c.lines, c.f.length, call);
}

int
unplug_load(enum unplug_kept kept, struct error *e)
{
	struct code c;
	struct sock_fprog program = { .filter = c.lines };

	emit(&c, kept);
	program.len = (unsigned short)c.f.length;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	error_sys(e, "cannot load a seccomp filter");
	e->kind = ERR_HOST;
	return -1;
}
