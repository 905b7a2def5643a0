/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - the build context: a directory of the user's, what of it is left out, and its
 * Dockerfile.
 *
 * The directory is opened once; everything in it is then resolved below that descriptor. Whoever
 * wrote the files in it is not trusted: a Dockerfile or an ignore file in it that is a link to
 * outside, a FIFO or a device is refused (SECURITY C5), and a huge one too.
 */
#ifndef CROZE_CONTEXT_CONTEXT_H
#define CROZE_CONTEXT_CONTEXT_H

#include "builder/dockerfile/ignore.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CONTEXT_DOCKERFILE_MAX (16U << 20)

struct context {
	int dir;    /* O_PATH is not used: it can be read; -1: there is no context */
	char *path; /* as the user named it, for messages */
	/* it was brought here: -f names a file in it, and no ignore file in it counts */
	bool is_foreign;
	bool has_time; /* of the commit, the newest entry, Last-Modified */
	int64_t time;
	struct ignore ignore;
	char *ignore_file; /* name of the ignore file for messages, NULL when there is none */
};

/**
 * Opens the directory @path (of the user's own). No ignore file is read yet.
 * On success @context is to be released. ERR_USAGE with a hint when it is not a directory.
 */
int context_open(struct context *context, const char *path, struct error *e);
/** A build without files: a COPY from it fails with ERR_USAGE. */
void context_none(struct context *context);
void context_release(struct context *context);

/** What a Dockerfile is called and what stands in it. */
struct context_dockerfile {
	/* for messages: "Dockerfile", "docker/app.Dockerfile"; "-" for standard input */
	char *path;
	struct buf text;
};
void context_dockerfile_release(struct context_dockerfile *dockerfile);

/**
 * Finds and reads the Dockerfile: @file as given with -f (looked up from the working directory,
 * then from the context; from a foreign context only), or, when it is NULL, "Dockerfile", then "dockerfile", then
 * "Containerfile" in the context. In a file below the context links may not leave it; a file
 * elsewhere is the user's own and opened as any other. ERR_USAGE with a hint when there is none.
 */
int context_read_dockerfile(const struct context *context, const char *file,
    struct context_dockerfile *dockerfile, struct error *e);
/**
 * Reads a Dockerfile from a stream (-f -, or the context "-"). An archive there is refused by name.
 */
int context_read_dockerfile_stream(int fd, struct context_dockerfile *dockerfile, struct error *e);

/**
 * Reads the ignore patterns: @own when it is not NULL (--ignorefile, a file of the user's), else
 * "<Dockerfile>.dockerignore" beside the Dockerfile (as @dockerfile
 * names it; NULL or "-": none), else ".containerignore", else ".dockerignore" at the top of the
 * context. None of them is fine.
 */
int context_read_ignore(
    struct context *context, const char *dockerfile, const char *own, struct error *e);

#endif
