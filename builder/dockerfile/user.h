/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - the texts "user[:group]" of USER and --chown, and the modes of --chmod.
 */
#ifndef CROZE_DOCKERFILE_USER_H
#define CROZE_DOCKERFILE_USER_H

#include "runtime/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Largest numeric id: what every runtime takes. Larger ones would wrap (SECURITY C19). */
#define USER_MAX_ID 2147483647

/** One half: a number is never looked up as a name (SECURITY C18). */
struct user_part {
	bool given;
	bool numeric;
	uint32_t id;    /* when numeric */
	char name[256]; /* when not */
};

struct user_spec {
	struct user_part user;
	struct user_part group;
};

/**
 * Parses "user", "user:group", ":group". Numbers are decimal, 0 to USER_MAX_ID; signs, hexadecimal,
 * blanks, '/', control bytes and over-long names are ERR_INPUT. An empty half is not given.
 */
int user_parse(const char *text, struct user_spec *spec, struct error *e);

#define MODE_MAX_CHANGES 16

/** --chmod: a whole mode, or changes to the one a file has. */
struct mode_spec {
	bool symbolic;
	mode_t mode; /* when not symbolic: at most 07777 */
	struct mode_change {
		mode_t who;      /* mask: 04700, 02070, 01007 or their sum */
		char operation;  /* '=', '+', '-' */
		mode_t bits;     /* rwxst in all three places */
		bool execute_if; /* X */
		char copy_from;  /* 'u', 'g', 'o' or 0 */
	} changes[MODE_MAX_CHANGES];
	size_t n_changes;
};

/** Octal up to 07777, or chmod(1)'s symbols ("u=rwX,go=rX", "+x", "g=u"). */
int mode_parse(const char *text, struct mode_spec *spec, struct error *e);
/**
 * The new permission bits of something that has @mode (with its type bits: X asks for directories).
 */
mode_t mode_apply(const struct mode_spec *spec, mode_t mode);

#endif
