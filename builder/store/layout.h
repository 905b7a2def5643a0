/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - the files of an OCI image layout that is not the store (image-spec, image-layout.md): what is written to a user's
 * directory.
 */
#ifndef CROZE_STORE_LAYOUT_H
#define CROZE_STORE_LAYOUT_H

#include "runtime/base/digest.h"
#include "runtime/base/error.h"

#include <stdint.h>

#define LAYOUT_VERSION_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define LAYOUT_BLOBS "blobs/sha256"

/** Makes the directory @dir a layout without index; returns its folder of blobs, open. ERR_USAGE when it holds something else. */
int layout_prepare(int dir, struct error *e);
/**
 * Puts a blob there, under another name until it is whole. @write writes its bytes to a descriptor. Returns 1, or 0 when it is there
 * with that size.
 */
int layout_put_blob(int blobs, const struct digest *digest, uint64_t size,
    int (*write)(void *arg, int fd, struct error *e), void *arg, struct error *e);

#endif
