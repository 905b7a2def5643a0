/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_policy - rules that allow, deny or replace what a build takes from elsewhere: images, files by HTTP, repositories.
 *
 * The file is that of the reference builder (sourcepolicy/pb/policy.proto as JSON). A source is written as there:
 * "docker-image://docker.io/library/alpine:3.19", "https://host/file", "git://host/path#ref".
 */
#ifndef CROZE_DOCKERFILE_SOURCE_POLICY_H
#define CROZE_DOCKERFILE_SOURCE_POLICY_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>

struct source_policy;

/** Parses the rules; @name (of the file) is for messages. NULL with ERR_USAGE naming what is wrong. */
struct source_policy *source_policy_parse(
    const char *name, const struct buf *text, struct error *e);
void source_policy_free(struct source_policy *p);

/** What the rules make of a source. */
struct source_decision {
	char *instead;  /* what is taken; NULL: what was asked for */
	char *checksum; /* that it must have ("sha256:..."); NULL */
};

void source_decision_release(struct source_decision *d);

/**
 * Asks the rules in their order: the last one that allows or denies counts, and after one that replaces they are asked again. @checksum is what
 * the Dockerfile demands, NULL for nothing. ERR_POLICY with the rule when @identifier is denied. A policy that is NULL allows all.
 */
int source_policy_ask(const struct source_policy *p, const char *identifier, const char *checksum,
    struct source_decision *d, struct error *e);

#endif
