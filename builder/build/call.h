/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - questions about a Dockerfile that are answered without building it.
 */
#ifndef CROZE_BUILDER_BUILD_CALL_H
#define CROZE_BUILDER_BUILD_CALL_H

#include "builder/build/options.h"
#include "runtime/base/buf.h"

enum build_call {
	BUILD_CALL_CHECK,   /* what is wrong or could be better */
	BUILD_CALL_OUTLINE, /* what the target can be given: arguments, secrets, agents */
	BUILD_CALL_TARGETS, /* the stages */
	BUILD_CALL_DUMP,    /* the parsed file; JSON always */
};

enum build_call_format {
	BUILD_CALL_TEXT,
	BUILD_CALL_JSON,
	BUILD_CALL_SARIF, /* CHECK only */
};

/**
 * Appends the answer to @out. *@found: CHECK found something, or the file cannot be read as one. -1 only when there is no
 * answer: no Dockerfile, no build context.
 */
int build_call(const struct build_options *options, enum build_call call,
    enum build_call_format format, struct buf *out, bool *found, struct error *e);

#endif
