/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbom - a list of packages as a software bill of materials: what both formats have in common.
 */
#include "builder/attest/sbom.h"

#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>

static const struct {
	const char *name;
	const char *predicate;
	struct json *(*make)(const struct sbom_subject *subject, const struct inventory *inv);
} formats[] = {
	[SBOM_SPDX] = { "spdx-json", "https://spdx.dev/Document", spdx_make },
	[SBOM_CYCLONEDX] = { "cyclonedx-json", "https://cyclonedx.org/bom", cyclonedx_make },
};

const char *
sbom_format_name(enum sbom_format format)
{
	return (size_t)format < ARRAY_LEN(formats) ? formats[format].name : NULL;
}

const char *
sbom_predicate_type(enum sbom_format format)
{
	return formats[format].predicate;
}

struct json *
sbom_make(enum sbom_format format, const struct sbom_subject *subject, const struct inventory *inv)
{
	return formats[format].make(subject, inv);
}

char *
sbom_subject_name(const struct sbom_subject *subject)
{
	char text[DIGEST_TEXT_LEN + 1];

	return xstrdup(subject->name ? subject->name : digest_text(subject->digest, text));
}

char *
sbom_subject_purl(const struct sbom_subject *subject)
{
	auto(reference) struct reference r = { 0 };
	struct error ignored = ERROR_INIT; /* a name that is none: no address */
	auto(buf) struct buf b = { 0 };
	autofree char *repository = NULL;
	char text[DIGEST_TEXT_LEN + 1];

	if (!subject->name || reference_parse(subject->name, &r, &ignored) < 0)
		return NULL;
	repository = reference_repository(&r);
	buf_add_text(&b, "pkg:oci/");
	purl_add(&b, path_base(r.path));
	buf_add_char(&b, '@');
	purl_add(&b, digest_text(subject->digest, text));
	if (subject->platform && subject->platform->architecture) {
		buf_add_text(&b, "?arch=");
		purl_add(&b, subject->platform->architecture);
	}
	buf_printf(&b, "%crepository_url=", strchr(buf_text(&b), '?') ? '&' : '?');
	purl_add(&b, repository);
	if (r.tag) {
		buf_add_text(&b, "&tag=");
		purl_add(&b, r.tag);
	}
	return buf_steal(&b);
}

/* RFC 9562, version 8: 122 bits of a digest. */
char *
sbom_unique_name(
    const char *format, const struct sbom_subject *subject, const struct inventory *inv)
{
	autohash struct hash *hash = hash_new();
	autofree char *time = sbom_time(&subject->created);
	struct digest d;
	char hex[DIGEST_HEX_LEN + 1];

	hash_add_text(hash, format);
	hash_add_text(hash, subject->name ? subject->name : "");
	hash_add(hash, subject->digest->bytes, DIGEST_SIZE);
	hash_add_text(hash, time);
	for (size_t n = 0; n < inv->count; n++)
		hash_add_text(hash, inv->packages[n].purl);
	hash_finish(hash, &d);
	d.bytes[6] = (uint8_t)((d.bytes[6] & 0x0f) | 0x80);
	d.bytes[8] = (uint8_t)((d.bytes[8] & 0x3f) | 0x80);
	digest_hex(&d, hex);
	return xasprintf(
	    "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

char *
sbom_time(const struct timespec *time)
{
	struct timespec seconds = { .tv_sec = time->tv_sec };
	struct buf b = { 0 };

	text_add_rfc3339(&b, &seconds);
	return buf_steal(&b);
}

bool
sbom_is_address(const char *text)
{
	if (!text || (!text_starts_with(text, "http://") && !text_starts_with(text, "https://")))
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("<>\"\\^`{|}[]", *c))
			return false;
	return true;
}
