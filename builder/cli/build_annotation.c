/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_annotation - the grammar of --annotation, which is that of docker buildx.
 *
 *	KEY=VALUE                                 of the manifest of each image
 *	index:KEY=VALUE                           of the index
 *	manifest[linux/arm64]:KEY=VALUE           of one image
 *	index,manifest-descriptor:KEY=VALUE       of several things
 */
#include "builder/cli/build_flags.h"
#include "builder/image/platform.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned of;
} places[] = {
	{ "manifest", BUILD_ANNOTATE_MANIFEST },
	{ "index", BUILD_ANNOTATE_INDEX },
	{ "manifest-descriptor", BUILD_ANNOTATE_DESCRIPTOR },
};

/* The length of a list of places with their platforms, up to its colon; 0 when the text begins with a key. */
static size_t
places_length(const char *text)
{
	size_t length = strcspn(text, "[:=");

	if (text[length] == '[')
		length += strcspn(text + length, "]=");
	length += strcspn(text + length, ":=");
	if (text[length] != ':')
		return 0;
	/* a key may have a colon, too; what is none of these words is a key */
	return strspn(text, "abcdefghijklmnopqrstuvwxyz-,") == strcspn(text, "[:") ? length : 0;
}

static int
parse_place(const char *word, struct build_annotation *annotation, struct error *e)
{
	autofree char *name = xstrndup(word, strcspn(word, "["));
	auto(platform) struct platform platform = { 0 };
	auto(buf) struct buf text = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (strcmp(places[i].name, name) == 0)
			annotation->of |= places[i].of;
	if (strcmp(name, "index-descriptor") == 0)
		return error_set(e, ERR_USAGE,
		    "--annotation: 'index-descriptor' is not supported: names have no annotations");
	if (annotation->of == 0)
		return error_set(e, ERR_USAGE,
		    "--annotation: '%s' is not manifest, index or manifest-descriptor", name);
	word += strlen(name);
	if (*word == '\0')
		return 0;
	if (!text_ends_with(word, "]"))
		return error_set(e, ERR_USAGE, "--annotation: '%s' is no [PLATFORM]", word);
	if (annotation->of & BUILD_ANNOTATE_INDEX)
		return error_set(
		    e, ERR_USAGE, "--annotation: an index is for all platforms, not for %s", word);
	buf_add(&text, word + 1, strlen(word) - 2);
	if (platform_parse(buf_text(&text), &platform, e) < 0)
		return error_ctx(e, "--annotation");
	buf_clear(&text);
	platform_add_text(&text, &platform);
	free(annotation->platform);
	annotation->platform = buf_steal(&text);
	return 0;
}

static int
parse_places(const char *text, size_t length, struct build_annotation *a, struct error *e)
{
	autofree char *list = xstrndup(text, length);
	auto(strv) struct strv words = { 0 };

	if (length == 0)
		a->of = BUILD_ANNOTATE_MANIFEST;
	strv_split(&words, list, ',');
	for (size_t i = 0; length > 0 && i < words.count; i++)
		if (parse_place(words.items[i], a, e) < 0)
			return -1;
	return 0;
}

int
build_annotation_parse(const char *text, struct build_options *options, struct error *e)
{
	size_t length = places_length(text);
	const char *key = text + length + (length > 0 ? 1 : 0);
	struct build_annotation annotation = { 0 };
	size_t key_length = strcspn(key, "=");

	if (key_length == 0)
		return error_set(e, ERR_USAGE, "--annotation: '%s' has no key", text);
	if (parse_places(text, length, &annotation, e) < 0) {
		free(annotation.platform);
		return -1;
	}
	annotation.key = xstrndup(key, key_length);
	annotation.value = xstrdup(key[key_length] ? key + key_length + 1 : "");
	options->annotations = xrealloc(
	    options->annotations, options->n_annotations + 1, sizeof(*options->annotations));
	options->annotations[options->n_annotations++] = annotation;
	return 0;
}
