/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest - SHA-256 digests and their text form (image-spec, descriptor.md, "Digests").
 */
#ifndef CROZE_BASE_DIGEST_H
#define CROZE_BASE_DIGEST_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_LEN 64
#define DIGEST_TEXT_LEN 71 /* "sha256:" and 64 hexadecimal digits */

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

/** "sha256:" + 64 lower-case hexadecimal digits and nothing else. ERR_INPUT; other algorithms are refused by name. */
int digest_parse(const char *text, struct digest *d, struct error *e);
/** Member @key of @j, which has to be there; @path names the object in errors. */
int digest_read(
    const struct json *j, const char *key, const char *path, struct digest *d, struct error *e);
/** The 64 hexadecimal digits alone. */
int digest_parse_hex(const char *text, struct digest *d, struct error *e);
/** Writes "sha256:..." and a NUL. */
const char *digest_text(const struct digest *d, char text[DIGEST_TEXT_LEN + 1]);
/** Writes the 64 digits and a NUL. */
const char *digest_hex(const struct digest *d, char hex[DIGEST_HEX_LEN + 1]);
bool digest_equal(const struct digest *a, const struct digest *b);
int digest_compare(const void *a, const void *b); /* for qsort */

/* Incremental hashing. */
struct hash;
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_free_at(struct hash **h);
#define autohash __attribute__((cleanup(hash_free_at)))
void hash_add(struct hash *h, const void *bytes, size_t length);
/** The text and its NUL, so that fields cannot run into each other. */
void hash_add_text(struct hash *h, const char *text);
void hash_add_u64(struct hash *h, uint64_t value); /* big-endian, 8 bytes */
/** @h can be used again for a new digest afterwards. */
void hash_finish(struct hash *h, struct digest *d);

void digest_of(const void *bytes, size_t length, struct digest *d);
/** Of all that can be read from @fd's position on; *@size (may be NULL) gets the number of bytes. */
int digest_of_fd(int fd, struct digest *d, uint64_t *size, struct error *e);

#endif
