/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table - every system call by number, and what a build step may do with it.
 *
 * Numbers, because names depend on the library that was there when the program was built; a number that the table does not have
 * is newer than it and answers ENOSYS, which every caller has a fallback for. (EPERM there would be taken for a real refusal.)
 */
#ifndef CROZE_SECCOMP_TABLE_H
#define CROZE_SECCOMP_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum call_action {
	CALL_ALLOWED,
	CALL_REFUSED,  /* EPERM */
	CALL_MISSING,  /* ENOSYS: callers fall back to something that is allowed */
	CALL_WITHHELD, /* ENOSYS too, but told of when a step fails: not every caller does without */
	CALL_BY_ARGUMENT, /* call_rules */
};

struct call_row {
	const char *name;
	short x86_64; /* -1: this architecture has no such call */
	short aarch64;
	enum call_action action;
};

extern const struct call_row call_table[];
extern const size_t call_table_length;

enum rule_test {
	RULE_END,
	RULE_EQUAL,   /* the argument is @value: answer @error_number (0: allowed) */
	RULE_ANY_BIT, /* it has one of the bits of @value */
	RULE_NOT,     /* it is not @value: answer; equal: go on */
	RULE_ELSE,    /* answer for all else; the last rule of a call */
};

/**
 * One question about the lower 32 bits of an argument: that is all of it that the kernel reads in these calls, so bits above
 * must not matter (SECURITY R17, R18).
 */
struct call_rule {
	const char *name; /* of the call; rules of one call stand together, asked in order */
	unsigned int argument;
	enum rule_test test;
	uint32_t value;
	int error_number;
};

extern const struct call_rule call_rules[]; /* ended by a NULL name */

/** The rules of call @name, up to and with RULE_ELSE. NULL when it has none. */
const struct call_rule *call_rules_of(const char *name);

#endif
