/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registers - those of a stopped thread that is traced (ptrace(2)), where the machine's are known.
 */
#ifndef CROZE_SECCOMP_REGISTERS_H
#define CROZE_SECCOMP_REGISTERS_H

#if defined(__x86_64__)

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

typedef struct user_regs_struct registers;

/** 0, or -1 with errno. */
static inline int
get_registers(pid_t tid, registers *r)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, r) < 0 ? -1 : 0;
}

static inline int
set_registers(pid_t tid, const registers *r)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, r) < 0 ? -1 : 0;
}

#endif

#endif
