/* SPDX-License-Identifier: Apache-2.0 */
/*
 * referrers - the tag under which a registry without a list of referrers keeps one.
 */
#include "builder/registry/referrers.h"

#include "builder/image/index.h"
#include "runtime/base/mem.h"

int
referrers_subject(const struct buf *body, struct digest *subject, struct error *e)
{
	autojson struct json *j = json_parse(buf_text(body), body->len, e);
	auto(descriptor) struct descriptor d = { 0 };

	if (!j)
		return -1;
	if (!json_get(j, "subject"))
		return 0;
	if (descriptor_read(json_get(j, "subject"), "subject", &d, e) < 0)
		return -1;
	*subject = d.digest;
	return 1;
}

char *
referrers_tag(const struct digest *subject)
{
	char hex[DIGEST_HEX_LEN + 1];

	return xasprintf("sha256-%s", digest_hex(subject, hex));
}

/* As a member of the list: what kind of thing it is, and its annotations. */
static int
describe(
    const struct descriptor *d, const struct buf *body, struct descriptor *member, struct error *e)
{
	autojson struct json *j = json_parse(buf_text(body), body->len, e);
	const struct json *annotations = json_get(j, "annotations");
	const char *type = json_text(json_get(j, "artifactType"));

	if (!j)
		return -1;
	if (!type)
		type = json_text(json_get(json_get(j, "config"), "mediaType"));
	descriptor_init(member, d->media_type, &d->digest, d->size);
	if (type)
		member->artifact_type = xstrdup(type);
	if (json_type(annotations) == JSON_OBJECT)
		member->annotations = json_copy(annotations);
	return 0;
}

int
referrers_add(const struct buf *before, const struct descriptor *d, const struct buf *body,
    struct buf *after, struct error *e)
{
	auto(index) struct index index = { 0 };
	auto(descriptor) struct descriptor member = { 0 };

	if (before->len > 0 && index_parse(buf_text(before), before->len, NULL, &index, e) < 0)
		return error_ctx(e, "the list of referrers");
	for (size_t n = 0; n < index.n_manifests; n++)
		if (digest_equal(&index.manifests[n].digest, &d->digest))
			return 0;
	if (describe(d, body, &member, e) < 0)
		return -1;
	index_add(&index, &member);
	index_write(&index, after);
	return 1;
}
