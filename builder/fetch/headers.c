/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers - the header fields of a response, and the values of those that steer a transfer.
 */
#include "builder/fetch/headers.h"

#include "runtime/base/error.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>

#define HEADERS_MAX 64
#define LINE_MAX_LENGTH 8192

static const char *const known[] = { "accept-ranges", "content-disposition", "content-encoding",
	"content-length", "content-range", "content-type", "docker-content-digest",
	"docker-distribution-api-version", "docker-upload-uuid", "etag", "last-modified", "link",
	"location", "oci-chunk-min-length", "oci-filters-applied", "oci-subject", "range",
	"retry-after", "www-authenticate", NULL };

static bool
is_known(const char *name)
{
	for (size_t i = 0; known[i]; i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

void
headers_add(struct strv *headers, const char *line, size_t length)
{
	const char *colon = memchr(line, ':', length);
	autofree char *name = NULL;
	const char *value;

	if (!colon || headers->count >= HEADERS_MAX || length > LINE_MAX_LENGTH)
		return;
	name = xstrndup(line, (size_t)(colon - line));
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!is_known(name))
		return;
	while (length > 0 && isspace((unsigned char)line[length - 1]))
		length--;
	value = colon + 1;
	while (value < line + length && (*value == ' ' || *value == '\t'))
		value++;
	for (const char *c = value; c < line + length; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			return;
	if (value < line + length)
		strv_printf(headers, "%s: %.*s", name, (int)(line + length - value), value);
}

const char *
headers_get(const struct strv *headers, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < headers->count; i++)
		if (strncmp(headers->items[i], name, length) == 0 &&
		    strncmp(headers->items[i] + length, ": ", 2) == 0)
			return headers->items[i] + length + 2;
	return NULL;
}

/* Digits at *@text, which is moved behind them. */
static bool
take_number(const char **text, uint64_t *value)
{
	size_t length = strspn(*text, "0123456789");
	autofree char *digits = xstrndup(*text, length);
	struct error ignored = ERROR_INIT;

	if (length == 0 || parse_u64(digits, 0, INT64_MAX, "number", value, &ignored) < 0)
		return false;
	*text += length;
	return true;
}

bool
headers_content_range(const char *text, uint64_t *first, uint64_t *last, uint64_t *total)
{
	if (!text || !text_starts_with(text, "bytes "))
		return false;
	text += strlen("bytes ");
	if (!take_number(&text, first) || *text++ != '-' || !take_number(&text, last) ||
	    *text++ != '/' || *first > *last)
		return false;
	if (strcmp(text, "*") == 0) {
		*total = UINT64_MAX;
		return true;
	}
	return take_number(&text, total) && *text == '\0' && *last < *total;
}

bool
headers_date(const char *text, time_t *time)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y" };

	for (size_t i = 0; text && i < ARRAY_LEN(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (!end || *end)
			continue;
		*time = timegm(&tm);
		return true;
	}
	return false;
}

bool
headers_retry_after(const char *text, time_t now, uint64_t *seconds)
{
	const char *rest = text;
	time_t then;

	if (!text)
		return false;
	if (take_number(&rest, seconds))
		return *rest == '\0';
	if (!headers_date(text, &then))
		return false;
	*seconds = then > now ? (uint64_t)(then - now) : 0;
	return true;
}
