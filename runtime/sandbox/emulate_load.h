/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_load - what the loader of the emulation and its supervisor tell each other. Only within the emulation.
 *
 * The kernel looks for a program's interpreter below the real root directory, where it is not. So what is executed is always the loader,
 * a static program at an address that nobody else uses. It asks by openat(2) of a folder that cannot be, which the supervisor answers: once
 * for the program, with what else is to be known of it, and once for the interpreter of the program.
 */
#ifndef CROZE_SANDBOX_EMULATE_LOAD_H
#define CROZE_SANDBOX_EMULATE_LOAD_H

#include <stdint.h>

#define EMULATE_LOADER "croze-load"
#define EMULATE_LOAD (-7340033) /* a folder's descriptor that is none: asks for what follows */

#define EMULATE_PATH_MAX 4096
#define EMULATE_PREFIX_MAX 16384

/** In the loader's memory, at the address that it gives; the supervisor writes it but for the first members. */
struct emulate_load {
	char own_path[EMULATE_PATH_MAX]; /* of the loader, for the next execve(2) */
	int32_t interpreter;             /* descriptor; -1: the program has none */
	uint32_t uid, euid, gid, egid;
	uint32_t n_prefix;               /* arguments in the place of the first one; 0: none */
	char name[16];                   /* as /proc/PID/comm shows it */
	char path[EMULATE_PATH_MAX];     /* of the program */
	char prefix[EMULATE_PREFIX_MAX]; /* each ended by NUL */
};

#endif
