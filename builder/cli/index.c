/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index - croze index: images of several platforms under one name, put together from wherever they are.
 *
 *	create [NAME] IMAGE...    an index of the images; of an image that is an index, all its members
 *	inspect IMAGE             what is in it
 *	annotate NAME [MEMBER]    annotations of the index or of a member, or a member's platform
 */
#include "builder/image/index.h"
#include "builder/cli/commands.h"
#include "builder/cli/registry_flags.h"
#include "builder/cli/show.h"
#include "builder/cli/words.h"
#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <string.h>

struct index_flags {
	struct registry_flags registry;
	struct strv tags;
	struct strv annotations;
	const char *platform;
	const char *format;
	bool append;
	bool push;
	bool dry_run;
	bool raw;
};

#define MEMBER(name) offsetof(struct index_flags, name)

const struct option_def index_option_table[] = {
	{ .name = "tag",
	    .short_name = 't',
	    .type = OPTION_LIST,
	    .offset = MEMBER(tags),
	    .argument = "NAME",
	    .group = "create",
	    .help = "a name for it; may be repeated, and all words are images then" },
	{ .name = "append",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(append),
	    .group = "create",
	    .help = "keep what NAME has; an image takes the place of one for the same platform" },
	{ .name = "dry-run",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(dry_run),
	    .group = "create",
	    .help = "print the index, and give it no name" },
	{ .name = "annotation",
	    .type = OPTION_LIST,
	    .offset = MEMBER(annotations),
	    .argument = "KEY=VALUE",
	    .group = "create, annotate",
	    .help = "of the index, or of the member that annotate is given" },
	{ .name = "push",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(push),
	    .group = "create, annotate",
	    .help = "and send it, with its images, to the registry of its name" },
	{ .name = "platform",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(platform),
	    .argument = "OS/ARCH[/VARIANT]",
	    .group = "annotate",
	    .help = "what the member is for" },
	{ .name = "raw",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(raw),
	    .group = "inspect",
	    .help = "print its bytes" },
	{ .name = "format",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(format),
	    .argument = "FORMAT",
	    .group = "inspect",
	    .help = "json, or a template such as '{{.Digest}}'" },
	QUIET_OPTION("print the digest only"),
	{ .name = "amend", .type = OPTION_REFUSED, .refused = "use --append" },
	{ .name = "all",
	    .type = OPTION_REFUSED,
	    .refused = "not needed: all members of an index are taken" },
	{ .name = "arch", .type = OPTION_REFUSED, .refused = "use --platform OS/ARCH" },
	{ .name = "os", .type = OPTION_REFUSED, .refused = "use --platform OS/ARCH" },
	{ .name = "variant", .type = OPTION_REFUSED, .refused = "use --platform OS/ARCH/VARIANT" },
	CREDS_OPTION,
	REGISTRY_OPTIONS,
	ROOT_OPTION,
	{ 0 },
};

/* While the command runs. */
struct work {
	const struct index_flags *flags;
	struct registry_display display;
	struct registry *registry; /* opened when first needed */
	struct store *store;
	struct index index;
	size_t n_kept; /* its first members: what --append found */
};

static void
work_release(struct work *w)
{
	index_release(&w->index);
	registry_free(w->registry);
	store_close(w->store);
	registry_display_end(&w->display);
}

static int
open_registry(struct work *w, struct error *e)
{
	if (!w->registry)
		w->registry = registry_flags_open(&w->flags->registry, &w->display, e);
	return w->registry ? 0 : -1;
}

/* ---- what is taken ---- */

/* Manifest or index, in the store with all that belongs to it. */
static int
bring(struct work *w, const char *text, struct descriptor *d, struct error *e)
{
	const struct pull_options options = { .all_platforms = true, .no_names = true };
	auto(pull_result) struct pull_result result = { 0 };

	if (!text_starts_with(text, "docker://"))
		return image_find_target(w->store, text, d, e);
	if (open_registry(w, e) < 0 ||
	    registry_pull(w->registry, w->store, text, &options, &result, e) < 0)
		return -1;
	descriptor_copy(d, &result.target);
	return 0;
}

static void
remove_member(struct index *x, size_t i)
{
	descriptor_release(&x->manifests[i]);
	x->n_manifests--;
	memmove(
	    x->manifests + i, x->manifests + i + 1, (x->n_manifests - i) * sizeof(*x->manifests));
}

/* An image that is replaced, and what says something of it. */
static void
replace_member(struct work *w, size_t i)
{
	char digest[DIGEST_TEXT_LEN + 1];

	digest_text(&w->index.manifests[i].digest, digest);
	remove_member(&w->index, i);
	w->n_kept--;
	for (size_t k = w->index.n_manifests; k-- > 0;) {
		const char *of =
		    descriptor_annotation(&w->index.manifests[k], ANNOTATION_REFERENCE_DIGEST);

		if (!of || strcmp(of, digest) != 0)
			continue;
		remove_member(&w->index, k);
		w->n_kept -= k < w->n_kept;
	}
}

static int
add_member(struct work *w, const struct descriptor *d, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	for (size_t i = 0; i < w->index.n_manifests; i++)
		if (digest_equal(&w->index.manifests[i].digest, &d->digest))
			return 0;
	for (size_t i = 0; i < w->index.n_manifests && platform_is_set(&d->platform); i++) {
		const struct descriptor *other = &w->index.manifests[i];

		if (index_is_attestation(d) || index_is_attestation(other) ||
		    !platform_equal(&other->platform, &d->platform))
			continue;
		if (i < w->n_kept) {
			replace_member(w, i);
			break;
		}
		platform_add_text(&text, &d->platform);
		error_set(e, ERR_USAGE, "two of the images are for %s", buf_text(&text));
		return error_hint(e, "leave one out, or say what it is for: croze index annotate");
	}
	index_add(&w->index, d);
	return 0;
}

static int
add_members(struct work *w, const struct descriptor *d, struct error *e)
{
	auto(index) struct index members = { 0 };
	auto(buf) struct buf text = { 0 }, missing = { 0 };

	if (store_blob_read(w->store, &d->digest, JSON_MAX_BYTES, &text, e) < 0 ||
	    index_parse(buf_text(&text), text.len, d->media_type, &members, e) < 0)
		return -1;
	for (size_t i = 0; i < members.n_manifests; i++) {
		const struct descriptor *member = &members.manifests[i];

		if (!store_blob_has(w->store, &member->digest)) {
			buf_add_text(&missing, missing.len > 0 ? ", " : "");
			platform_add_text(&missing, &member->platform);
		} else if (add_member(w, member, e) < 0) {
			return -1;
		}
	}
	if (missing.len == 0)
		return 0;
	error_set(e, ERR_NOT_FOUND, "of it the store lacks %s", buf_text(&missing));
	return error_hint(
	    e, "croze pull --all-platforms brings all of it, and so does docker://NAME");
}

static int
add_source(struct work *w, const char *text, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	auto(image) struct image image = { 0 };

	if (bring(w, text, &d, e) < 0)
		return -1;
	if (media_class(d.media_type) == MEDIA_INDEX)
		return add_members(w, &d, e) < 0 ? error_ctx(e, "'%s'", text) : 0;
	if (image_load(w->store, &d.digest, NULL, &image, e) < 0)
		return error_ctx(e, "'%s'", text);
	platform_copy(&image.descriptor.platform, &image.config.platform);
	platform_normalise(&image.descriptor.platform);
	return add_member(w, &image.descriptor, e);
}

/* What NAME stands for now, with its annotations. */
static int
load_kept(struct work *w, const char *name, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	auto(buf) struct buf text = { 0 };

	if (image_find_target(w->store, name, &d, e) < 0)
		return -1;
	if (media_class(d.media_type) != MEDIA_INDEX)
		return error_set(e, ERR_USAGE, "'%s' is an image, and no index", name);
	if (store_blob_read(w->store, &d.digest, JSON_MAX_BYTES, &text, e) < 0 ||
	    index_parse(buf_text(&text), text.len, d.media_type, &w->index, e) < 0)
		return error_ctx(e, "'%s'", name);
	w->n_kept = w->index.n_manifests;
	return 0;
}

/* ---- what is made ---- */

/* "KEY=VALUE", with or without buildx's "index:" in front. */
static int
annotation_parts(const char *text, char **key, const char **value, struct error *e)
{
	const char *equals;

	if (text_starts_with(text, "index:"))
		text += strlen("index:");
	equals = strchr(text, '=');
	if (!equals || equals == text)
		return error_set(e, ERR_USAGE, "--annotation: '%s' is not KEY=VALUE", text);
	*key = xstrndup(text, (size_t)(equals - text));
	*value = equals + 1;
	return 0;
}

static int
annotate_index(struct work *w, struct error *e)
{
	for (size_t i = 0; i < w->flags->annotations.count; i++) {
		autofree char *key = NULL;
		const char *value = NULL; /* set with the key */

		if (annotation_parts(w->flags->annotations.items[i], &key, &value, e) < 0)
			return -1;
		if (!w->index.annotations)
			w->index.annotations = json_new_object();
		json_set_text(w->index.annotations, key, value);
	}
	return 0;
}

static int
push_name(struct work *w, const struct descriptor *d, const char *name, struct error *e)
{
	auto(push_result) struct push_result result = { 0 };

	return open_registry(w, e) < 0 ? -1
	                               : registry_push(w->registry, w->store, d, name, &result, e);
}

static int
give_name(struct work *w, const struct descriptor *d, const char *text, struct error *e)
{
	auto(reference) struct reference r = { 0 };
	autofree char *whole = NULL, *familiar = NULL;

	if (reference_parse(text, &r, e) < 0)
		return -1;
	if (r.digest)
		return error_set(e, ERR_USAGE, "'%s' has a digest; a name has none", text);
	whole = reference_text(&r);
	familiar = reference_short(&r);
	if (store_name_set(w->store,
		&(struct store_name){ .name = whole,
		    .short_name = familiar,
		    .media_type = d->media_type,
		    .digest = d->digest,
		    .size = d->size },
		e) < 0)
		return -1;
	return w->flags->push ? push_name(w, d, whole, e) : 0;
}

/* Writes the index, gives it its names and prints what came of it. */
static int
finish(struct work *w, const struct strv *names, struct buf *b, struct error *e)
{
	auto(descriptor) struct descriptor d = { 0 };
	auto(buf) struct buf text = { 0 };
	char shown[DIGEST_TEXT_LEN + 1];
	struct digest digest;

	index_write(&w->index, &text);
	if (w->flags->dry_run) {
		buf_printf(b, "%s\n", buf_text(&text));
		return 0;
	}
	if (store_blob_put(w->store, text.data, text.len, &digest, e) < 0)
		return -1;
	descriptor_init(
	    &d, w->index.media_type ? w->index.media_type : MEDIA_OCI_INDEX, &digest, text.len);
	digest_text(&digest, shown);
	for (size_t i = 0; i < names->count; i++) {
		if (give_name(w, &d, names->items[i], e) < 0)
			return -1;
		if (!w->flags->registry.quiet)
			buf_printf(b, "%s  %s\n", names->items[i], shown);
	}
	if (w->flags->registry.quiet)
		buf_printf(b, "%s\n", shown);
	return 0;
}

/* ---- the words ---- */

static int
create(struct work *w, const struct strv *words, struct buf *b, struct error *e)
{
	const struct strv *tags = &w->flags->tags;
	auto(strv) struct strv names = { 0 };
	size_t first = 1;

	if (tags->count > 0)
		strv_copy(&names, tags);
	else if (words->count > 1)
		strv_add(&names, words->items[first++]);
	if (names.count == 0 || (first == words->count && !w->flags->append))
		return error_set(e, ERR_USAGE, "create: name the index, and the images in it");
	if (w->flags->append && load_kept(w, names.items[0], e) < 0)
		return -1;
	for (size_t i = first; i < words->count; i++)
		if (add_source(w, words->items[i], e) < 0)
			return -1;
	return annotate_index(w, e) < 0 ? -1 : finish(w, &names, b, e);
}

/* By its digest, the beginning of it, or by its platform. */
static struct descriptor *
find_member(struct work *w, const char *text, struct error *e)
{
	auto(platform) struct platform wanted = { 0 };
	struct error ignored = ERROR_INIT;
	bool is_platform = platform_parse(text, &wanted, &ignored) == 0;
	struct descriptor *found = NULL;

	for (size_t i = 0; i < w->index.n_manifests; i++) {
		struct descriptor *d = &w->index.manifests[i];
		char digest[DIGEST_TEXT_LEN + 1];

		digest_text(&d->digest, digest);
		if ((is_platform && platform_equal(&wanted, &d->platform)) ||
		    (strlen(text) >= 4 && text_starts_with(digest + strlen("sha256:"), text)) ||
		    strcmp(digest, text) == 0) {
			if (found) {
				error_set(e, ERR_USAGE, "several members are '%s'", text);
				return NULL;
			}
			found = d;
		}
	}
	if (found)
		return found;
	error_set(e, ERR_NOT_FOUND, "the index has no member '%s'", text);
	error_hint(e, "name one by its digest or platform, as croze index inspect shows them");
	return NULL;
}

static int
annotate_member(struct work *w, const char *text, struct error *e)
{
	struct descriptor *d = find_member(w, text, e);

	if (!d)
		return -1;
	if (w->flags->platform && platform_parse(w->flags->platform, &d->platform, e) < 0)
		return error_ctx(e, "--platform");
	for (size_t i = 0; i < w->flags->annotations.count; i++) {
		autofree char *key = NULL;
		const char *value = NULL; /* set with the key */

		if (annotation_parts(w->flags->annotations.items[i], &key, &value, e) < 0)
			return -1;
		descriptor_set_annotation(d, key, value);
	}
	return 0;
}

static int
annotate(struct work *w, const struct strv *words, struct buf *b, struct error *e)
{
	auto(strv) struct strv names = { 0 };

	if (words->count < 2 || words->count > 3)
		return error_set(e, ERR_USAGE, "annotate: name the index, and perhaps a member");
	if (w->flags->annotations.count == 0 && !w->flags->platform)
		return error_set(e, ERR_USAGE, "annotate: --annotation or --platform says what");
	if (w->flags->platform && words->count == 2)
		return error_set(e, ERR_USAGE, "--platform is of a member: name one");
	if (load_kept(w, words->items[1], e) < 0)
		return -1;
	if (words->count == 3 ? annotate_member(w, words->items[2], e) < 0
			      : annotate_index(w, e) < 0)
		return -1;
	strv_add(&names, words->items[1]);
	return finish(w, &names, b, e);
}

static struct json *
describe(const char *name, const struct descriptor *d, const struct index *index)
{
	struct json *object = json_new_object();
	struct json *list;
	char digest[DIGEST_TEXT_LEN + 1];

	json_set_text(object, "Name", name);
	json_set_text(object, "MediaType", d->media_type);
	json_set_text(object, "Digest", digest_text(&d->digest, digest));
	json_set(object, "Size", json_new_u64(d->size));
	if (index->annotations)
		json_set(object, "Annotations", json_copy(index->annotations));
	list = json_set(object, "Manifests", json_new_array());
	for (size_t i = 0; i < index->n_manifests; i++)
		json_append(list, descriptor_write(&index->manifests[i]));
	return object;
}

static void
add_table(const struct index *index, struct buf *b)
{
	auto(table) struct table table = { .n_columns = 3 };

	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct descriptor *d = &index->manifests[i];
		const char *of = descriptor_annotation(d, ANNOTATION_REFERENCE_DIGEST);
		auto(buf) struct buf platform = { 0 };
		char digest[DIGEST_TEXT_LEN + 1];

		platform_add_text(&platform, &d->platform);
		table_add(&table, platform.len > 0 ? buf_text(&platform) : "-");
		table_add(&table, digest_text(&d->digest, digest));
		table_add(&table, index_is_attestation(d) ? (of ? of : "attestation") : "");
	}
	table_write(&table, b);
}

static int
read_document(
    struct work *w, const char *text, struct descriptor *d, struct buf *body, struct error *e)
{
	if (text_starts_with(text, "docker://"))
		return open_registry(w, e) < 0 ? -1
		                               : registry_document(w->registry, text, d, body, e);
	if (image_find_target(w->store, text, d, e) < 0)
		return -1;
	return store_blob_read(w->store, &d->digest, JSON_MAX_BYTES, body, e);
}

static int
inspect(struct work *w, const struct strv *words, struct buf *b, struct error *e)
{
	const char *format = w->flags->format;
	auto(descriptor) struct descriptor d = { 0 };
	autojson struct json *object = NULL;
	auto(buf) struct buf body = { 0 };

	if (words->count != 2)
		return error_set(e, ERR_USAGE, "inspect: name one image");
	if (read_document(w, words->items[1], &d, &body, e) < 0)
		return -1;
	if (w->flags->raw) {
		buf_add(b, body.data, body.len);
		return 0;
	}
	if (media_class(d.media_type) == MEDIA_INDEX &&
	    index_parse(buf_text(&body), body.len, d.media_type, &w->index, e) < 0)
		return error_ctx(e, "'%s'", words->items[1]);
	object = describe(words->items[1], &d, &w->index);
	if (format && strcmp(format, "json") == 0) {
		json_write(object, JSON_INDENT, b);
		return 0;
	}
	if (format) {
		if (show_template(format, object, b, e) < 0)
			return -1;
		buf_add_char(b, '\n');
		return 0;
	}
	buf_printf(b, "%s\n%s\n%s\n", words->items[1], d.media_type,
	    json_text(json_get(object, "Digest")));
	add_table(&w->index, b);
	return 0;
}

enum typed_options {
	TYPED_CREATE = 1 << 0, /* --tag, --append, --dry-run */
	TYPED_CHANGE = 1 << 1, /* --annotation, --push */
	TYPED_PLATFORM = 1 << 2,
	TYPED_SHOW = 1 << 3, /* --raw, --format */
};

static int
run_word(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct index_flags *flags = arg;
	static const struct {
		const char *name;
		int (*run)(struct work *, const struct strv *, struct buf *, struct error *);
		unsigned accepted; /* of enum typed_options */
	} actions[] = {
		{ "create", create, TYPED_CREATE | TYPED_CHANGE },
		{ "inspect", inspect, TYPED_SHOW },
		{ "annotate", annotate, TYPED_CHANGE | TYPED_PLATFORM },
	};
	const struct word_option options[] = {
		{ flags->tags.count > 0, TYPED_CREATE, "tag" },
		{ flags->append, TYPED_CREATE, "append" },
		{ flags->dry_run, TYPED_CREATE, "dry-run" },
		{ flags->annotations.count > 0, TYPED_CHANGE, "annotation" },
		{ flags->push, TYPED_CHANGE, "push" },
		{ flags->platform != NULL, TYPED_PLATFORM, "platform" },
		{ flags->raw, TYPED_SHOW, "raw" },
		{ flags->format != NULL, TYPED_SHOW, "format" },
	};
	auto(work) struct work w = { .flags = flags };

	for (size_t i = 0; words->count > 0 && i < ARRAY_LEN(actions); i++) {
		if (strcmp(words->items[0], actions[i].name) != 0)
			continue;
		if (words_check(
			options, ARRAY_LEN(options), actions[i].accepted, actions[i].name, e) < 0)
			return -1;
		w.store = store_open(flags->registry.root, 0, e);
		return w.store ? actions[i].run(&w, words, b, e) : -1;
	}
	return error_set(e, ERR_USAGE, "one of these is wanted: create, inspect, annotate");
}

int
index_main(int argc, char **argv, const struct command *self)
{
	struct index_flags flags = { .registry = REGISTRY_FLAGS_INIT };
	int status = command_perform(self, argc, argv, &flags, run_word);

	strv_release(&flags.tags);
	strv_release(&flags.annotations);
	return status;
}
