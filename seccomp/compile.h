/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile - filters that a config.json brings (runtime-spec, config-linux.md, "Seccomp"), through libseccomp.
 */
#ifndef CROZE_SECCOMP_COMPILE_H
#define CROZE_SECCOMP_COMPILE_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"
#include "seccomp/profile.h"

/**
 * Compiles @profile; @path is where it stands ("linux.seccomp"), for errors: ERR_INPUT for what is wrong, ERR_HOST for actions, flags or
 * listeners that are not supported. A system call that this libseccomp does not know by name is left out, so that @profile's default
 * action holds for it.
 *
 * Returns a program to be given to seccomp_compiled_free(), NULL on failure.
 */
struct seccomp_program *seccomp_compile(
    const struct json *profile, const char *path, struct error *e);

/** Words of the specification that seccomp_compile() knows. */
enum seccomp_vocabulary {
	SECCOMP_ACTIONS,
	SECCOMP_OPERATORS,
	SECCOMP_ARCHITECTURES,
	SECCOMP_FLAGS,
};
/** Appends them, sorted. */
void seccomp_words(enum seccomp_vocabulary which, struct strv *names);

void seccomp_compiled_free(struct seccomp_program *program);

#endif
