/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - hands a compiled filter to the kernel (seccomp(2)).
 */
#include "seccomp/profile.h"

#include <stdint.h>

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int
seccomp_program_load(const struct seccomp_program *program, struct error *e)
{
	struct sock_filter *code =
	    (struct sock_filter *)(uintptr_t)program->code; /* the kernel only reads it */
	struct sock_fprog p = { .len = program->length, .filter = code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p) != 0) {
		error_sys(e, "cannot load the seccomp filter");
		e->kind = ERR_HOST;
		return -1;
	}
	return 0;
}
