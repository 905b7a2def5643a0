/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask - takes secrets out of what a command prints.
 *
 * What has come is held while a secret could begin in it. Where several secrets match, the longest one is taken.
 */
#include "builder/build/mask.h"

#include "runtime/base/mem.h"

#include <stdbool.h>
#include <string.h>

struct secret {
	const char *bytes;
	size_t length;
};

struct mask {
	struct secret *secrets;
	size_t count;
	struct buf held;
};

struct mask *
mask_new(void)
{
	return xcalloc(1, sizeof(struct mask));
}

void
mask_free(struct mask *mask)
{
	if (!mask)
		return;
	if (mask->held.data)
		explicit_bzero(mask->held.data, mask->held.room);
	buf_release(&mask->held);
	free(mask->secrets);
	free(mask);
}

void
mask_add(struct mask *mask, const void *bytes, size_t length)
{
	const char *text = bytes;

	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	if (length < MASK_MIN)
		return;
	mask->secrets = xrealloc(mask->secrets, mask->count + 1, sizeof(*mask->secrets));
	mask->secrets[mask->count++] = (struct secret){ text, length };
}

/* How many bytes at @text are a secret; 0: none. *@wait: more bytes could make one. */
static size_t
secret_at(const struct mask *mask, const char *text, size_t length, bool *wait)
{
	size_t found = 0;

	*wait = false;
	for (size_t i = 0; i < mask->count; i++) {
		const struct secret *s = &mask->secrets[i];
		size_t n = s->length < length ? s->length : length;

		if (memcmp(text, s->bytes, n) != 0)
			continue;
		if (n < s->length)
			*wait = true;
		else if (s->length > found)
			found = s->length;
	}
	return found;
}

/* Goes through what is held; @last: nothing more comes. */
static void
scan(struct mask *mask, bool last, struct buf *out)
{
	const char *text = buf_text(&mask->held);
	size_t at = 0, plain = 0, length = mask->held.len;

	while (at < length) {
		bool wait;
		size_t found = secret_at(mask, text + at, length - at, &wait);

		if (wait && !last)
			break;
		if (found == 0) {
			at++;
			continue;
		}
		buf_add(out, text + plain, at - plain);
		buf_add_text(out, MASK_TEXT);
		at += found;
		plain = at;
	}
	buf_add(out, text + plain, at - plain);
	if (at > 0 && at < length)
		memmove(mask->held.data, mask->held.data + at, length - at);
	buf_truncate(&mask->held, length - at);
}

void
mask_feed(struct mask *mask, const void *bytes, size_t length, struct buf *out)
{
	if (mask->count == 0) {
		buf_add(out, bytes, length);
		return;
	}
	buf_add(&mask->held, bytes, length);
	scan(mask, false, out);
}

void
mask_flush(struct mask *mask, struct buf *out)
{
	scan(mask, true, out);
}
