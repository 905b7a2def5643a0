/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform - operating system, architecture and variant an image is for (image-spec, image-index.md).
 *
 * Every part is checked when it is read: letters, digits, '.', '_' and '-' only, so that text from an image is
 * never a path, a line or an option to anything.
 */
#ifndef CROZE_IMAGE_PLATFORM_H
#define CROZE_IMAGE_PLATFORM_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>

struct platform {
	char *os;           /* NULL in a platform that is not set at all */
	char *architecture; /* as Go spells it: amd64, arm64, arm, ... */
	char *variant;      /* NULL or "v7", "v8", ... */
	char *os_version;   /* NULL but for Windows images; kept, not compared */
};

void platform_release(struct platform *p);
void platform_copy(struct platform *to, const struct platform *from); /* replaces what @to held */

/** "os/arch[/variant]", or "arch" alone for linux; normalised (x86_64 → amd64, aarch64 → arm64, arm → arm/v7, arm64/v8 → arm64). ERR_USAGE. */
int platform_parse(const char *text, struct platform *p, struct error *e);
/** Brings the spellings of one platform together, in place. */
void platform_normalise(struct platform *p);
/** That of this machine. */
void platform_native(struct platform *p);
bool platform_is_set(const struct platform *p);
bool platform_equal(const struct platform *a, const struct platform *b);
/** How well an image for @have serves @wanted: 0 not at all, more is better (arm/v6 runs where arm/v7 is wanted). */
int platform_match(const struct platform *wanted, const struct platform *have);
/** Appends "linux/amd64", "linux/arm/v7"; nothing when it is not set. */
void platform_add_text(struct buf *b, const struct platform *p);

/** Reads os, architecture, variant and os.version of @j, a platform object or an image config; @path names it in errors. ERR_INPUT. */
int platform_read(const struct json *j, const char *path, struct platform *p, struct error *e);
/** Sets the members in @object; variant and os.version only when there is one. */
void platform_write(const struct platform *p, struct json *object);

#endif
