/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask - takes secrets out of what a command prints, before it reaches the display and the record of the build.
 *
 * A secret is found wherever it stands in the stream, in however many pieces it comes. Encodings of it are not.
 */
#ifndef CROZE_BUILDER_BUILD_MASK_H
#define CROZE_BUILDER_BUILD_MASK_H

#include "runtime/base/buf.h"

#include <stddef.h>

/** What stands in the place of a secret. */
#define MASK_TEXT "***"
/** Shorter ones are in any text by chance, and stay. */
#define MASK_MIN 4

struct mask;

struct mask *mask_new(void);
void mask_free(struct mask *mask);
/** Adds a secret; line ends behind it do not count. @bytes are borrowed. Too short a one is left alone. */
void mask_add(struct mask *mask, const void *bytes, size_t length);
/** Takes the next bytes; appends to @out all that cannot be the beginning of a secret. */
void mask_feed(struct mask *mask, const void *bytes, size_t length, struct buf *out);
/** Appends what was held back: no more comes. */
void mask_flush(struct mask *mask, struct buf *out);

#endif
