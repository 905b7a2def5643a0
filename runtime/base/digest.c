/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest - SHA-256 digests and their text form (image-spec, descriptor.md, "Digests").
 *
 * OpenSSL's algorithm is fetched once, and its configuration file is never read: a digest must not
 * depend on it, and reading it costs more than hashing a small file.
 */
#include "runtime/base/digest.h"

#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <unistd.h>

#define READ_SIZE (128U << 10)

struct hash {
	EVP_MD_CTX *ctx;
};

static EVP_MD *sha256;

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
digest_parse_hex(const char *text, struct digest *d, struct error *e)
{
	struct digest parsed;

	if (strlen(text) != DIGEST_HEX_LEN)
		return error_set(
		    e, ERR_INPUT, "digest '%.80s' does not have 64 hexadecimal digits", text);
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return error_set(e, ERR_INPUT,
			    "digest '%s' has other characters than 0-9 and a-f", text);
		parsed.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*d = parsed;
	return 0;
}

int
digest_parse(const char *text, struct digest *d, struct error *e)
{
	const char *colon = strchr(text, ':');

	if (!colon)
		return error_set(
		    e, ERR_INPUT, "digest '%.80s' does not begin with 'sha256:'", text);
	if (strncmp(text, "sha256:", 7) != 0)
		return error_set(e, ERR_INPUT,
		    "digest algorithm '%.*s' is not supported: only sha256 is",
		    colon - text > 40 ? 40 : (int)(colon - text), text);
	return digest_parse_hex(colon + 1, d, e);
}

int
digest_read(
    const struct json *j, const char *key, const char *path, struct digest *d, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, key, path, &text, e) < 0)
		return -1;
	if (!text)
		return error_set(e, ERR_INPUT, "'%s.%s' is missing", path, key);
	return digest_parse(text, d, e) < 0 ? error_ctx(e, "'%s.%s'", path, key) : 0;
}

const char *
digest_hex(const struct digest *d, char hex[DIGEST_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		hex[2 * i] = digits[d->bytes[i] >> 4];
		hex[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	hex[DIGEST_HEX_LEN] = '\0';
	return hex;
}

const char *
digest_text(const struct digest *d, char text[DIGEST_TEXT_LEN + 1])
{
	memcpy(text, "sha256:", 7);
	digest_hex(d, text + 7);
	return text;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

int
digest_compare(const void *a, const void *b)
{
	const struct digest *first = a;
	const struct digest *second = b;

	return memcmp(first->bytes, second->bytes, DIGEST_SIZE);
}

static void
fetch_sha256(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		abort(); /* libcrypto's built-in provider always has it */
}

static void
hash_begin(struct hash *h)
{
	if (EVP_DigestInit_ex2(h->ctx, sha256, NULL) != 1)
		abort(); /* fails only for want of memory */
}

struct hash *
hash_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct hash *h = xmalloc(sizeof(*h));

	(void)pthread_once(&once, fetch_sha256); /* fails only for a bad argument */
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx)
		abort();
	hash_begin(h);
	return h;
}

void
hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void
hash_free_at(struct hash **h)
{
	int saved = errno;

	hash_free(*h);
	errno = saved;
}

void
hash_add(struct hash *h, const void *bytes, size_t length)
{
	if (EVP_DigestUpdate(h->ctx, bytes, length) != 1)
		abort(); /* fails only after hash_finish() without a new beginning */
}

void
hash_add_text(struct hash *h, const char *text)
{
	hash_add(h, text, strlen(text) + 1);
}

void
hash_add_u64(struct hash *h, uint64_t value)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	hash_add(h, bytes, sizeof(bytes));
}

void
hash_finish(struct hash *h, struct digest *d)
{
	unsigned int length = 0;

	if (EVP_DigestFinal_ex(h->ctx, d->bytes, &length) != 1)
		abort();
	assert(length == DIGEST_SIZE);
	hash_begin(h);
}

void
digest_of(const void *bytes, size_t length, struct digest *d)
{
	autohash struct hash *h = hash_new();

	hash_add(h, bytes, length);
	hash_finish(h, d);
}

int
digest_of_fd(int fd, struct digest *d, uint64_t *size, struct error *e)
{
	autohash struct hash *h = hash_new();
	autofree char *bytes = xmalloc(READ_SIZE);
	uint64_t total = 0;

	for (;;) {
		ssize_t n = read(fd, bytes, READ_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot read");
		if (n == 0)
			break;
		hash_add(h, bytes, (size_t)n);
		total += (uint64_t)n;
	}
	hash_finish(h, d);
	if (size)
		*size = total;
	return 0;
}
