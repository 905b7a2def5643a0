/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expand - $name and ${name...} in the words of a Dockerfile, and the quotes around them.
 *
 * The forms are those of the Dockerfile reference, "Environment replacement": $n ${n} ${n:-w}
 * ${n-w} ${n:+w} ${n+w} ${n:?w} ${n?w} ${n#p} ${n##p} ${n%p} ${n%%p} ${n/p/r} ${n//p/r}.
 */
#ifndef CROZE_DOCKERFILE_EXPAND_H
#define CROZE_DOCKERFILE_EXPAND_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stddef.h>

/** Longest result, and longest pattern in ${n#p} and its like. */
#define EXPAND_MAX_VALUE (1U << 20)
#define EXPAND_MAX_PATTERN 1024

/** Value of a variable, NULL when it is not set. Borrowed until the expansion has ended. */
typedef const char *expand_lookup_fn(void *arg, const char *name);

struct expansion {
	char escape; /* '\\' or '`' */
	expand_lookup_fn *lookup;
	void *arg;
	size_t failed_at; /* set on failure: offset in the word */
	/*
	 * may be NULL; is told of each $name and ${name} that is not set and has no default. @at:
	 * offset of the '$'
	 */
	void (*unset)(void *arg, const char *name, size_t at);
};

/**
 * Expands one word: variables replaced, quotes and escapes removed. Appends to @result.
 * Returns 0 or -1 with @e ERR_INPUT and x->failed_at.
 */
int expand_word(struct expansion *x, const char *word, struct buf *result, struct error *e);
/**
 * The same, but blanks that are not quoted or escaped, those of values too, divide the result into
 * words.
 */
int expand_words(struct expansion *x, const char *word, struct strv *words, struct error *e);

/**
 * Expands the body of a heredoc: variables are replaced and escapes removed, quotes are text.
 */
int expand_body(struct expansion *x, const char *body, struct buf *result, struct error *e);

/** Lookup in a "NAME=value" list (arg: const struct strv *). */
const char *expand_lookup_env(void *arg, const char *name);

#endif
