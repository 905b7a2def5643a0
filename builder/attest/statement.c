/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement - what is said of an image, as in-toto statements in a manifest beside it.
 */
#include "builder/attest/statement.h"

#include "builder/attest/package.h"
#include "builder/image/index.h"
#include "builder/image/reference.h"
#include "runtime/base/mem.h"

#include <string.h>

/* in-toto, "Statement layer specification", version 1 */
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"

/* A name of the image as BuildKit writes it. */
static char *
subject_name(const struct descriptor *image, const char *name)
{
	auto(reference) struct reference r = { 0 };
	auto(buf) struct buf b = { 0 };
	auto(buf) struct buf platform = { 0 };
	struct error ignored = ERROR_INIT;
	autofree char *repository = NULL, *tag = NULL;

	if (!name || reference_parse(name, &r, &ignored) < 0)
		return xstrdup("_"); /* the specification's name for what has none */
	tag = steal_ptr(&r.tag);
	repository = reference_short(&r);
	buf_printf(&b, "pkg:docker/%.*s", (int)strcspn(repository, "@"), repository);
	if (tag) {
		buf_add_char(&b, '@');
		purl_add(&b, tag);
	}
	platform_add_text(&platform, &image->platform);
	if (platform.len > 0) {
		buf_add_text(&b, "?platform=");
		purl_add(&b, buf_text(&platform));
	}
	return buf_steal(&b);
}

static void
add_subject(struct json *subjects, const struct descriptor *image, const char *name)
{
	autofree char *text = subject_name(image, name);
	struct json *subject = json_append(subjects, json_new_object());
	char hex[DIGEST_HEX_LEN + 1];

	json_set_text(subject, "name", text);
	json_set_text(json_set(subject, "digest", json_new_object()), "sha256",
	    digest_hex(&image->digest, hex));
}

static struct json *
make_statement(const struct descriptor *image, const struct strv *names, const struct statement *s)
{
	struct json *statement = json_new_object(), *subjects;

	json_set_text(statement, "_type", STATEMENT_TYPE);
	subjects = json_set(statement, "subject", json_new_array());
	if (names->count == 0)
		add_subject(subjects, image, NULL);
	for (size_t n = 0; n < names->count; n++)
		add_subject(subjects, image, names->items[n]);
	json_set_text(statement, "predicateType", s->predicate_type);
	json_set(statement, "predicate", json_copy(s->predicate));
	return statement;
}

static int
put_json(struct store *store, const struct json *j, const char *media_type, struct descriptor *d,
    struct error *e)
{
	auto(buf) struct buf text = { 0 };
	struct digest digest;

	json_write(j, 0, &text);
	if (store_blob_put(store, text.data, text.len, &digest, e) < 0)
		return -1;
	descriptor_init(d, media_type, &digest, text.len);
	return 0;
}

/* The layers: a statement each. */
static int
put_statements(struct store *store, const struct descriptor *image, const struct strv *names,
    const struct statement *statements, size_t count, struct json *layers, struct error *e)
{
	for (size_t n = 0; n < count; n++) {
		autojson struct json *statement = make_statement(image, names, &statements[n]);
		auto(descriptor) struct descriptor layer = { 0 };

		if (put_json(store, statement, MEDIA_IN_TOTO, &layer, e) < 0)
			return -1;
		descriptor_set_annotation(
		    &layer, ANNOTATION_PREDICATE, statements[n].predicate_type);
		json_append(layers, descriptor_write(&layer));
	}
	return 0;
}

int
statements_put(struct store *store, const struct descriptor *image, const struct strv *names,
    const struct statement *statements, size_t count, struct descriptor *d, struct error *e)
{
	autojson struct json *manifest = json_new_object();
	autojson struct json *empty = json_new_object();
	auto(descriptor) struct descriptor config = { 0 };
	auto(descriptor) struct descriptor subject = { 0 };
	char text[DIGEST_TEXT_LEN + 1];
	struct json *layers;

	if (put_json(store, empty, MEDIA_OCI_EMPTY, &config, e) < 0)
		return -1;
	descriptor_init(&subject, image->media_type, &image->digest, image->size);
	json_set(manifest, "schemaVersion", json_new_u64(2));
	json_set_text(manifest, "mediaType", MEDIA_OCI_MANIFEST);
	json_set_text(manifest, "artifactType", ATTESTATION_ARTIFACT);
	json_set(manifest, "config", descriptor_write(&config));
	layers = json_set(manifest, "layers", json_new_array());
	if (put_statements(store, image, names, statements, count, layers, e) < 0)
		return -1;
	json_set(manifest, "subject", descriptor_write(&subject));
	if (put_json(store, manifest, MEDIA_OCI_MANIFEST, d, e) < 0)
		return -1;
	d->platform.os = xstrdup("unknown");
	d->platform.architecture = xstrdup("unknown");
	descriptor_set_annotation(d, ANNOTATION_REFERENCE_TYPE, "attestation-manifest");
	descriptor_set_annotation(
	    d, ANNOTATION_REFERENCE_DIGEST, digest_text(&image->digest, text));
	return 0;
}
