/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - which image of an OCI layout is meant, and all of them at once.
 */
#include "builder/import/private.h"

#include "builder/image/reference.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <unistd.h>

#define NESTING_MAX 4
#define NAMES_SHOWN 8

static bool
is_image(const struct descriptor *d)
{
	enum media_class class = media_class(d->media_type);

	return class == MEDIA_MANIFEST || class == MEDIA_INDEX;
}

/* Do both texts mean the same image? */
static bool
names_agree(const char *a, const char *b)
{
	auto(reference) struct reference x = { 0 };
	auto(reference) struct reference y = { 0 };
	struct error ignored = ERROR_INIT;

	if (!a)
		return false;
	if (strcmp(a, b) == 0)
		return true;
	return reference_parse(a, &x, &ignored) == 0 && reference_parse(b, &y, &ignored) == 0 &&
	       reference_equal(&x, &y);
}

static bool
is_named(const struct descriptor *d, const char *name)
{
	return names_agree(descriptor_annotation(d, ANNOTATION_IMAGE_NAME), name) ||
	       names_agree(descriptor_annotation(d, ANNOTATION_REF_NAME), name);
}

static void
hint_names(const struct source *s, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	size_t shown = 0;

	for (size_t i = 0; i < s->index.n_manifests && shown < NAMES_SHOWN; i++) {
		const struct descriptor *d = &s->index.manifests[i];
		const char *name = descriptor_annotation(d, ANNOTATION_REF_NAME);

		if (!is_image(d) || !name)
			continue;
		buf_add_text(&b, shown++ ? ", " : "");
		text_add_safe(&b, name, strlen(name));
	}
	if (shown > 0)
		error_hint(e, "it has: %s%s", buf_text(&b), shown == NAMES_SHOWN ? ", ..." : "");
}

static const struct descriptor *
find_named(const struct source *s, const char *name, struct error *e)
{
	const struct descriptor *found = NULL;

	/* A name that stands there to the letter goes before one that means the same. */
	for (size_t i = 0; i < s->index.n_manifests; i++) {
		const char *text =
		    descriptor_annotation(&s->index.manifests[i], ANNOTATION_REF_NAME);

		if (is_image(&s->index.manifests[i]) && text && strcmp(text, name) == 0)
			return &s->index.manifests[i];
	}
	for (size_t i = 0; i < s->index.n_manifests && !found; i++)
		if (is_image(&s->index.manifests[i]) && is_named(&s->index.manifests[i], name))
			found = &s->index.manifests[i];
	if (!found) {
		autofree char *safe = text_safe(name);

		error_set(e, ERR_NOT_FOUND, "'%s' has no image '%.300s'", s->label, safe);
		hint_names(s, e);
	}
	return found;
}

static const struct descriptor *
find_only(const struct source *s, struct error *e)
{
	const struct descriptor *found = NULL;

	for (size_t i = 0; i < s->index.n_manifests; i++) {
		const struct descriptor *d = &s->index.manifests[i];

		if (!is_image(d))
			continue;
		if (found && !digest_equal(&found->digest, &d->digest)) {
			error_set(e, ERR_USAGE, "'%s' has several images: say which", s->label);
			hint_names(s, e);
			return NULL;
		}
		found = d;
	}
	if (!found)
		error_set(e, ERR_NOT_FOUND, "'%s' has no image", s->label);
	return found;
}

static const struct descriptor *
find_digest(const struct source *s, const struct digest *digest)
{
	for (size_t i = 0; i < s->index.n_manifests; i++)
		if (is_image(&s->index.manifests[i]) &&
		    digest_equal(&s->index.manifests[i].digest, digest))
			return &s->index.manifests[i];
	return NULL;
}

const struct descriptor *
layout_find(const struct source *s, const char *name, const struct digest *digest, struct error *e)
{
	const struct descriptor *found;
	char text[DIGEST_TEXT_LEN + 1];

	if (!name && !digest)
		return find_only(s, e);
	if (!name) {
		found = find_digest(s, digest);
		if (!found)
			error_set(e, ERR_NOT_FOUND, "'%s' has no image %s", s->label,
			    digest_text(digest, text));
		return found;
	}
	found = find_named(s, name, e);
	if (found && digest && !digest_equal(&found->digest, digest)) {
		error_set(e, ERR_INPUT, "'%s' in '%s' is not %s", name, s->label,
		    digest_text(digest, text));
		error_hint(e, "it is %s", digest_text(&found->digest, text));
		return NULL;
	}
	return found;
}

int
layout_choose(const struct source *s, const struct descriptor *d, const struct platform *platform,
    struct descriptor *manifest, struct error *e)
{
	auto(descriptor) struct descriptor at = { 0 };

	descriptor_copy(&at, d);
	for (int depth = 0; media_class(at.media_type) == MEDIA_INDEX; depth++) {
		auto(buf) struct buf b = { 0 };
		auto(buf) struct buf wanted = { 0 };
		auto(index) struct index index = { 0 };
		const struct descriptor *next;

		if (depth == NESTING_MAX)
			return error_set(e, ERR_INPUT,
			    "indexes in '%s' are nested more than %d deep", s->label, NESTING_MAX);
		if (source_read_blob(s, &at, &b, e) < 0 ||
		    index_parse(buf_text(&b), b.len, at.media_type, &index, e) < 0)
			return error_ctx(e, "'%s'", s->label);
		next = index_choose(&index, platform);
		platform_add_text(&wanted, platform);
		if (!next)
			return error_set(e, ERR_NOT_FOUND, "'%s' has no image for %s", s->label,
			    buf_text(&wanted));
		descriptor_copy(&at, next);
	}
	descriptor_copy(manifest, &at);
	return 0;
}

/* Layouts of other tools often hold only "latest" as a name: it is a tag of what the layout is called. */
static char *
full_name(const struct descriptor *d, const char *base)
{
	const char *text = descriptor_annotation(d, ANNOTATION_IMAGE_NAME);
	auto(reference) struct reference r = { 0 };
	struct error ignored = ERROR_INIT;
	autofree char *joined = NULL;

	if (!text)
		text = descriptor_annotation(d, ANNOTATION_REF_NAME);
	if (!text)
		return NULL;
	if (!strpbrk(text, ":/@")) {
		if (!base || !*base)
			return NULL;
		joined = xasprintf("%s:%s", base, text);
		text = joined;
	}
	if (reference_parse(text, &r, &ignored) < 0 || !r.tag)
		return NULL;
	free(r.digest);
	r.digest = NULL;
	return reference_text(&r);
}

int
layout_copy_all(struct store *store, const struct source *s, const char *base,
    struct import_result *result, struct error *e)
{
	for (size_t i = 0; i < s->index.n_manifests; i++) {
		const struct descriptor *d = &s->index.manifests[i];

		if (!is_image(d))
			continue;
		if (copy_image(store, s, d, e) < 0)
			return -1;
		result_add(result, full_name(d, base), d);
	}
	if (result->count == 0)
		return error_set(e, ERR_NOT_FOUND, "'%s' has no image", s->label);
	return 0;
}

int
import_layout(struct store *store, const char *path, enum import_flags flags,
    struct import_result *result, struct error *e)
{
	auto(source) struct source s = SOURCE_INIT;
	autofree char *clean = path_clean(path);

	*result = (struct import_result){ 0 };
	if (source_open_layout(&s, path, e) < 0)
		return -1;
	if (layout_copy_all(store, &s, path_base(clean), result, e) == 0 &&
	    result_commit(store, flags, result, e) == 0)
		return 0;
	import_result_release(result);
	return -1;
}

int
import_archive(struct store *store, int fd, const char *name, enum import_flags flags,
    struct import_result *result, struct error *e)
{
	auto(source) struct source s = SOURCE_INIT;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int copied;

	*result = (struct import_result){ 0 };
	if (own < 0)
		return error_sys(e, "cannot read the archive");
	if (source_open_archive(&s, store, own, name, e) < 0)
		return -1;
	if (source_has_layout(&s)) {
		copied = source_read_index(&s, e);
		if (copied == 0)
			copied = layout_copy_all(store, &s, NULL, result, e);
	} else {
		copied = docker_copy_all(store, &s, result, e);
	}
	if (copied == 0 && result_commit(store, flags, result, e) == 0)
		return 0;
	import_result_release(result);
	return -1;
}
