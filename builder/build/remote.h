/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote - what has to be brought here before it can be copied: archives as build context, repositories, files by HTTP.
 *
 * All of it becomes directories below the store's tmp/, which end with the build. It is fetched before anything runs, by
 * the user's own process, and only what the target needs; keys are made from what came, so that the same content is found
 * in the cache wherever it came from.
 */
#ifndef CROZE_BUILDER_BUILD_REMOTE_H
#define CROZE_BUILDER_BUILD_REMOTE_H

#include "builder/build/state.h"

/** Does @from name something that is not a directory of this machine, nor an image? */
bool remote_is_context(const struct build_context *from);
/**
 * Opens such a context. @dockerfile (may be NULL) gets the text when what came is a Dockerfile and no archive; there is no
 * context then, and without @dockerfile it is one file.
 */
int remote_open_context(struct build *b, const struct build_context *from, struct context *context,
    struct context_dockerfile *dockerfile, struct error *e);
/** Fetches named context @index when it is one to be fetched, and was not. */
int remote_fetch_context(struct build *b, size_t index, struct error *e);
/** The time of what @resource is: its commit's, its Last-Modified, or that of its newest file. */
int remote_time(struct build *b, const struct resource *resource, bool *has_time, int64_t *time,
    struct error *e);
/** Fetches what the plan needs: the named contexts it copies from, the sources of its ADDs. ERR_INPUT goes to the diagnostics. */
int remote_fetch_all(struct build *b, struct error *e);

#endif
