/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - where a cache is kept: what --cache-to and --cache-from say.
 */
#include "builder/cache/place.h"

#include "builder/image/reference.h"
#include "runtime/base/digest.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX 3600
#define LEVEL_GZIP_MAX 9
#define LEVEL_ZSTD_MAX 19

enum key_use {
	USE_REGISTRY = 1 << CACHE_REGISTRY,
	USE_LOCAL = 1 << CACHE_LOCAL,
	USE_INLINE = 1 << CACHE_INLINE,
	USE_GHA = 1 << CACHE_GHA,
	USE_FROM = 1 << 8,
	USE_TO = 1 << 9,
};

#define USE_STORED (USE_REGISTRY | USE_LOCAL | USE_GHA)

enum key {
	KEY_REF,
	KEY_SRC,
	KEY_DEST,
	KEY_TAG,
	KEY_DIGEST,
	KEY_SCOPE,
	KEY_URL,
	KEY_URL_V2,
	KEY_TOKEN,
	KEY_VERSION,
	KEY_TIMEOUT,
	KEY_MOUNTS,
	KEY_MODE,
	KEY_COMPRESSION,
	KEY_LEVEL,
	KEY_FORCE,
	KEY_IGNORE_ERROR,
	KEY_IMAGE_MANIFEST,
	KEY_OCI_MEDIATYPES,
	KEY_COUNT
};

static const struct {
	const char *name;
	unsigned use; /* enum key_use */
} keys[] = {
	[KEY_REF] = { "ref", USE_REGISTRY | USE_FROM | USE_TO },
	[KEY_SRC] = { "src", USE_LOCAL | USE_FROM },
	[KEY_DEST] = { "dest", USE_LOCAL | USE_TO },
	[KEY_TAG] = { "tag", USE_LOCAL | USE_FROM | USE_TO },
	[KEY_DIGEST] = { "digest", USE_LOCAL | USE_FROM },
	[KEY_SCOPE] = { "scope", USE_GHA | USE_FROM | USE_TO },
	[KEY_URL] = { "url", USE_GHA | USE_FROM | USE_TO },
	[KEY_URL_V2] = { "url_v2", USE_GHA | USE_FROM | USE_TO },
	[KEY_TOKEN] = { "token", USE_GHA | USE_FROM | USE_TO },
	[KEY_VERSION] = { "version", USE_GHA | USE_FROM | USE_TO },
	[KEY_TIMEOUT] = { "timeout", USE_STORED | USE_FROM | USE_TO },
	[KEY_MOUNTS] = { "mounts", USE_STORED | USE_FROM | USE_TO },
	[KEY_MODE] = { "mode", USE_STORED | USE_INLINE | USE_TO },
	[KEY_COMPRESSION] = { "compression", USE_STORED | USE_TO },
	[KEY_LEVEL] = { "compression-level", USE_STORED | USE_TO },
	[KEY_FORCE] = { "force-compression", USE_STORED | USE_TO },
	[KEY_IGNORE_ERROR] = { "ignore-error", USE_STORED | USE_TO },
	[KEY_IMAGE_MANIFEST] = { "image-manifest", USE_REGISTRY | USE_LOCAL | USE_TO },
	[KEY_OCI_MEDIATYPES] = { "oci-mediatypes", USE_REGISTRY | USE_LOCAL | USE_TO },
};

static const char *const kinds[] = {
	[CACHE_REGISTRY] = "registry",
	[CACHE_LOCAL] = "local",
	[CACHE_INLINE] = "inline",
	[CACHE_GHA] = "gha",
};

void
cache_place_release(struct cache_place *place)
{
	free(place->label);
	free(place->ref);
	free(place->dir);
	free(place->tag);
	free(place->digest);
	free(place->scope);
	free(place->url);
	mem_free_secret_at(&place->token);
	strv_release(&place->mounts);
	*place = (struct cache_place){ 0 };
}

/* ---- the words ---- */

static int
take_word(char *word, const char *values[KEY_COUNT], const char **type, struct error *e)
{
	char *equals = strchr(word, '=');

	if (!equals)
		return error_set(e, ERR_USAGE, "'%s' is not KEY=VALUE", word);
	*equals = '\0';
	if (strcmp(word, "type") == 0) {
		*type = equals + 1;
		return 0;
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(word, keys[i].name) == 0) {
			values[i] = equals + 1;
			return 0;
		}
	}
	error_set(e, ERR_USAGE, "unknown key '%s'", word);
	return error_hint(e, "keys are type, ref, src, dest, tag, digest, mode, mounts, timeout, "
			     "compression, compression-level, force-compression, ignore-error, "
			     "image-manifest, oci-mediatypes, scope, url_v2, token");
}

static int
find_kind(const char *type, enum cache_direction direction, enum cache_kind *kind, struct error *e)
{
	if (!type)
		return error_set(e, ERR_USAGE, "'type' is missing: registry, local, inline or gha");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(type, kinds[i]) != 0)
			continue;
		*kind = (enum cache_kind)i;
		if (*kind != CACHE_INLINE || direction == CACHE_TO)
			return 0;
		error_set(e, ERR_USAGE, "a cache inside an image is read by the image's name");
		return error_hint(e, "--cache-from type=registry,ref=IMAGE");
	}
	if (strcmp(type, "s3") == 0 || strcmp(type, "azblob") == 0) {
		error_set(e, ERR_USAGE, "type=%s is not supported", type);
		return error_hint(e, "use type=registry, type=local or type=gha");
	}
	return error_set(
	    e, ERR_USAGE, "unknown type '%s'; types are registry, local, inline and gha", type);
}

static int
check_keys(const char *const values[KEY_COUNT], enum cache_kind kind,
    enum cache_direction direction, struct error *e)
{
	unsigned way = direction == CACHE_TO ? USE_TO : USE_FROM;

	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (!values[i])
			continue;
		if (!(keys[i].use & (1U << kind)))
			return error_set(e, ERR_USAGE, "'%s' has no meaning with type=%s",
			    keys[i].name, kinds[kind]);
		if (!(keys[i].use & way))
			return error_set(e, ERR_USAGE, "'%s' is of %s", keys[i].name,
			    direction == CACHE_TO ? "--cache-from" : "--cache-to");
		if (!*values[i])
			return error_set(e, ERR_USAGE, "'%s' is empty", keys[i].name);
	}
	return 0;
}

/* ---- the values ---- */

static int
read_truth(const char *text, const char *key, bool *value, struct error *e)
{
	if (!text)
		return 0;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return error_set(e, ERR_USAGE, "'%s=%s' is neither true nor false", key, text);
	*value = strcmp(text, "true") == 0;
	return 0;
}

static int
set_fixed(const char *const values[KEY_COUNT], struct error *e)
{
	static const enum key fixed[] = { KEY_IMAGE_MANIFEST, KEY_OCI_MEDIATYPES };

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		bool value = true;

		if (read_truth(values[fixed[i]], keys[fixed[i]].name, &value, e) < 0)
			return -1;
		if (value)
			continue;
		error_set(e, ERR_USAGE, "'%s=false' is not supported", keys[fixed[i]].name);
		return error_hint(
		    e, "a cache is an image manifest of the OCI, which every registry takes");
	}
	return 0;
}

static int
set_compression(const char *const values[KEY_COUNT], struct cache_place *place, struct error *e)
{
	static const struct {
		const char *name;
		enum compression value;
		uint64_t max;
	} names[] = {
		{ "gzip", COMPRESSION_GZIP, LEVEL_GZIP_MAX },
		{ "zstd", COMPRESSION_ZSTD, LEVEL_ZSTD_MAX },
		{ "uncompressed", COMPRESSION_NONE, 0 },
	};
	const char *name = values[KEY_COMPRESSION], *level = values[KEY_LEVEL];
	uint64_t number = 0;
	size_t i;

	if (read_truth(values[KEY_FORCE], "force-compression", &place->force, e) < 0)
		return -1;
	if (!name && (level || values[KEY_FORCE]))
		return error_set(e, ERR_USAGE, "'%s' needs compression=gzip or zstd",
		    level ? "compression-level" : "force-compression");
	if (!name)
		return 0;
	for (i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i].name) == 0)
			break;
	if (i == ARRAY_LEN(names))
		return error_set(e, ERR_USAGE,
		    "unknown compression '%s'; there are gzip, zstd, uncompressed", name);
	if (level && parse_u64(level, 0, names[i].max, "compression-level", &number, e) < 0)
		return -1;
	place->has_compression = true;
	place->compression = names[i].value;
	place->level = (int)number;
	return 0;
}

static int
set_mode(const char *const values[KEY_COUNT], struct cache_place *place, struct error *e)
{
	const char *mode = values[KEY_MODE] ? values[KEY_MODE] : "min";
	bool ignore = true;

	if (strcmp(mode, "min") != 0 && strcmp(mode, "max") != 0)
		return error_set(e, ERR_USAGE, "unknown mode '%s'; there are min and max", mode);
	place->max = strcmp(mode, "max") == 0;
	if (place->max && place->kind == CACHE_INLINE) {
		error_set(e, ERR_USAGE, "mode=max has no meaning with type=inline");
		return error_hint(e, "an image has no place for the layers of other stages: "
				     "type=registry has");
	}
	if (read_truth(values[KEY_IGNORE_ERROR], "ignore-error", &ignore, e) < 0)
		return -1;
	place->strict = !ignore;
	return 0;
}

static int
set_timeout(const char *text, struct cache_place *place, struct error *e)
{
	int64_t nanoseconds = 0;
	uint64_t seconds = 0;

	place->timeout = CACHE_TIMEOUT_DEFAULT;
	if (!text)
		return 0;
	if (strspn(text, "0123456789") == strlen(text)) {
		if (parse_u64(text, 1, TIMEOUT_MAX, "timeout", &seconds, e) < 0)
			return -1;
	} else {
		if (parse_duration(text, "timeout", &nanoseconds, e) < 0)
			return -1;
		seconds = nanoseconds < 0 ? 0 : (uint64_t)nanoseconds / 1000000000;
	}
	if (seconds < 1 || seconds > TIMEOUT_MAX)
		return error_set(e, ERR_USAGE, "'timeout=%s' is not from 1 s to 1 h", text);
	place->timeout = (unsigned)seconds;
	return 0;
}

static char *
copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static int
set_registry(const char *const values[KEY_COUNT], struct cache_place *place, struct error *e)
{
	auto(reference) struct reference r = { 0 };

	if (!values[KEY_REF])
		return error_set(e, ERR_USAGE, "'ref' is missing: the name of the cache");
	if (reference_parse(values[KEY_REF], &r, e) < 0)
		return -1;
	place->ref = xstrdup(values[KEY_REF]);
	place->label = xasprintf("registry cache '%s'", place->ref);
	return 0;
}

static int
set_local(const char *const values[KEY_COUNT], enum cache_direction direction,
    struct cache_place *place, struct error *e)
{
	const char *dir = direction == CACHE_TO ? values[KEY_DEST] : values[KEY_SRC];
	struct digest digest;

	if (!dir)
		return error_set(e, ERR_USAGE, "'%s' is missing: a directory",
		    direction == CACHE_TO ? "dest" : "src");
	if (values[KEY_DIGEST] && digest_parse(values[KEY_DIGEST], &digest, e) < 0)
		return -1;
	place->dir = xstrdup(dir);
	place->tag = xstrdup(values[KEY_TAG] ? values[KEY_TAG] : "latest");
	place->digest = copy_text(values[KEY_DIGEST]);
	place->label = xasprintf("local cache '%s'", place->dir);
	return 0;
}

/* A scope becomes a part of keys, of which the service takes 512 bytes without commas. */
static int
set_gha(const char *const values[KEY_COUNT], struct cache_place *place, struct error *e)
{
	const char *scope = values[KEY_SCOPE] ? values[KEY_SCOPE] : "croze";

	if (strlen(scope) > 200)
		return error_set(e, ERR_USAGE, "'scope' is longer than 200 bytes");
	if (values[KEY_VERSION] && strcmp(values[KEY_VERSION], "2") != 0)
		return error_set(
		    e, ERR_USAGE, "version 2 of the cache service is the only one there is");
	if (values[KEY_URL]) {
		error_set(
		    e, ERR_USAGE, "'url' names version 1 of the cache service, which is gone");
		return error_hint(e, "use url_v2=URL, or $ACTIONS_RESULTS_URL");
	}
	place->scope = xstrdup(scope);
	place->url = copy_text(values[KEY_URL_V2]);
	place->token = copy_text(values[KEY_TOKEN]);
	place->label = xasprintf("gha cache '%s'", scope);
	return 0;
}

static int
set_all(const char *const values[KEY_COUNT], enum cache_direction direction,
    struct cache_place *place, struct error *e)
{
	if (check_keys(values, place->kind, direction, e) < 0 || set_fixed(values, e) < 0 ||
	    set_mode(values, place, e) < 0 || set_compression(values, place, e) < 0 ||
	    set_timeout(values[KEY_TIMEOUT], place, e) < 0)
		return -1;
	switch (place->kind) {
	case CACHE_REGISTRY:
		return set_registry(values, place, e);
	case CACHE_LOCAL:
		return set_local(values, direction, place, e);
	case CACHE_GHA:
		return set_gha(values, place, e);
	case CACHE_INLINE:
		place->label = xstrdup("inline cache");
		return 0;
	}
	return 0;
}

/* "mounts=a,b,key=…": words without "=" behind mounts= are ids. */
static int
take_words(struct strv *words, struct cache_place *place, const char *values[KEY_COUNT],
    const char **type, struct error *e)
{
	bool in_mounts = false;

	for (size_t i = 0; i < words->count; i++) {
		char *word = words->items[i];

		if (in_mounts && !strchr(word, '=') && *word) {
			strv_add(&place->mounts, word);
			continue;
		}
		if (take_word(word, values, type, e) < 0)
			return -1;
		in_mounts = strcmp(word, "mounts") == 0;
		if (in_mounts)
			strv_add(&place->mounts, values[KEY_MOUNTS]);
	}
	return 0;
}

static int
parse(const char *text, enum cache_direction direction, struct cache_place *place, struct error *e)
{
	const char *values[KEY_COUNT] = { 0 };
	const char *type = NULL;
	auto(strv) struct strv words = { 0 };

	if (!*text)
		return error_set(e, ERR_USAGE, "empty value");
	if (!strchr(text, '=')) {
		values[KEY_REF] = text;
		place->kind = CACHE_REGISTRY;
		return set_all(values, direction, place, e);
	}
	strv_split(&words, text, ',');
	if (take_words(&words, place, values, &type, e) < 0 ||
	    find_kind(type, direction, &place->kind, e) < 0)
		return -1;
	return set_all(values, direction, place, e);
}

int
cache_place_parse(
    const char *text, enum cache_direction direction, struct cache_place *place, struct error *e)
{
	*place = (struct cache_place){ 0 };
	if (parse(text, direction, place, e) == 0)
		return 0;
	cache_place_release(place);
	e->kind = ERR_USAGE;
	return error_ctx(e, "%s", direction == CACHE_TO ? "--cache-to" : "--cache-from");
}
