/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept - whether a step has left a secret in its files.
 */
#include "builder/step/kept.h"

#include "builder/layer/diff.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (256U << 10)

struct search {
	const struct run_secret *secrets;
	size_t n_secrets;
	struct strv *found;
	char *bytes; /* the end of the block before, then a block */
	size_t overlap;
};

static size_t
length_of(const struct run_secret *secret)
{
	const char *bytes = secret->bytes;
	size_t length = secret->length;

	while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	return length < KEPT_MIN ? 0 : length;
}

/** The secret that is in @bytes; NULL. */
static const struct run_secret *
secret_in(const struct search *s, const char *bytes, size_t length)
{
	for (size_t n = 0; n < s->n_secrets; n++) {
		size_t wanted = length_of(&s->secrets[n]);

		if (wanted > 0 && memmem(bytes, length, s->secrets[n].bytes, wanted))
			return &s->secrets[n];
	}
	return NULL;
}

static int
search_file(const struct search *s, int content, const struct run_secret **secret, struct error *e)
{
	size_t kept = 0;

	*secret = NULL;
	for (;;) {
		ssize_t n = read(content, s->bytes + kept, BLOCK);
		size_t length;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "cannot look for secrets in a file of the step");
		if (n == 0)
			return 0;
		length = kept + (size_t)n;
		*secret = secret_in(s, s->bytes, length);
		if (*secret)
			return 0;
		kept = length < s->overlap ? length : s->overlap;
		memmove(s->bytes, s->bytes + length - kept, kept);
	}
}

static int
look_at(void *arg, const struct entry *entry, int content, struct error *e)
{
	const struct search *s = arg;
	const struct run_secret *secret = NULL;

	if (s->found->count >= KEPT_MAX)
		return 0;
	if (content >= 0 && search_file(s, content, &secret, e) < 0)
		return -1;
	if (!secret && entry->link)
		secret = secret_in(s, entry->link, strlen(entry->link));
	if (secret) {
		autofree char *path = text_safe(entry->path);
		autofree char *id = text_safe(secret->id);

		strv_printf(s->found, "the secret '%s' is in the file '/%s' that the step has left",
		    id, path);
	}
	return 0;
}

int
kept_find(int upper, const struct run_secret *secrets, size_t n_secrets, struct strv *found,
    struct error *e)
{
	const struct diff_options diff = { .upper = upper, .lower = -1 };
	struct search s = { .secrets = secrets, .n_secrets = n_secrets, .found = found };
	autofree char *bytes = NULL;
	struct diff_stats stats = { 0 };
	size_t longest = 0;
	int ok;

	for (size_t n = 0; n < n_secrets; n++)
		if (length_of(&secrets[n]) > longest)
			longest = length_of(&secrets[n]);
	if (longest == 0)
		return 0;
	s.overlap = longest - 1;
	bytes = xmalloc(BLOCK + s.overlap);
	s.bytes = bytes;
	ok = diff_upper(&diff, look_at, &s, &stats, e);
	explicit_bzero(bytes, BLOCK + s.overlap);
	return ok;
}
