/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - hands a compiled filter to the kernel (seccomp(2)).
 */
#include "seccomp/profile.h"

#include "seccomp/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
load(const struct seccomp_program *program, unsigned int flags, struct error *e)
{
	struct sock_filter *code =
	    (struct sock_filter *)(uintptr_t)program->code; /* the kernel only reads it */
	struct sock_fprog p = { .len = program->length, .filter = code };
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | program->flags, &p);

	if (result >= 0)
		return (int)result;
	error_sys(e, "cannot load the seccomp filter");
	e->kind = ERR_HOST;
	return -1;
}

int
seccomp_program_errno(const struct seccomp_program *program, int number)
{
	struct seccomp_data data = { .nr = number, .arch = FILTER_ARCH };
	uint32_t action = filter_run(program->code, program->length, &data);

	return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO
	           ? (int)(action & SECCOMP_RET_DATA)
	           : 0;
}

int
seccomp_program_load(const struct seccomp_program *program, struct error *e)
{
	return load(program, SECCOMP_FILTER_FLAG_TSYNC, e) < 0 ? -1 : 0;
}

int
seccomp_program_listen(const struct seccomp_program *program, struct error *e)
{
	return load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER, e);
}
