/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - registries.conf: where a name's bytes come from, and what a short name means.
 */
#include "builder/registry/config.h"

#include "builder/registry/files.h"
#include "builder/registry/toml.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <stdlib.h>
#include <string.h>

void
registries_release(struct registries *r)
{
	json_free(r->rows);
	strv_release(&r->search);
	strv_release(&r->helpers);
	json_free(r->aliases);
	free(r->mode);
	*r = (struct registries){ 0 };
}

void
endpoint_release(struct endpoint *p)
{
	free(p->host);
	free(p->repository);
	*p = (struct endpoint){ 0 };
}

void
endpoints_release(struct endpoints *p)
{
	for (size_t i = 0; i < p->count; i++)
		endpoint_release(&p->items[i]);
	free(p->items);
	*p = (struct endpoints){ 0 };
}

/* ---- reading ---- */

static bool
is_one_of(const char *key, const char *const *keys)
{
	for (; *keys; keys++)
		if (strcmp(key, *keys) == 0)
			return true;
	return false;
}

/* An unknown key could be one that forbids something: it is refused. */
static int
check_keys(const struct json *table, const char *name, const char *const *keys, struct error *e)
{
	for (size_t i = 0; i < json_count(table); i++)
		if (!is_one_of(json_key_at(table, i), keys))
			return error_set(
			    e, ERR_INPUT, "%s: unknown key '%s'", name, json_key_at(table, i));
	return 0;
}

static int
check_mirror(const struct json *mirror, struct error *e)
{
	static const char *const keys[] = { "location", "insecure", "pull-from-mirror", NULL };
	static const char *const uses[] = { "all", "digest-only", "tag-only", NULL };
	const char *location = NULL, *use = NULL;
	bool insecure;

	if (check_keys(mirror, "[[registry.mirror]]", keys, e) < 0 ||
	    json_read_text(mirror, "location", "mirror", &location, e) < 0 ||
	    json_read_text(mirror, "pull-from-mirror", "mirror", &use, e) < 0 ||
	    json_read_bool(mirror, "insecure", "mirror", &insecure, e) < 0)
		return -1;
	if (!location || !*location)
		return error_set(e, ERR_INPUT, "[[registry.mirror]]: 'location' is missing");
	if (use && !is_one_of(use, uses))
		return error_set(e, ERR_INPUT,
		    "[[registry.mirror]]: 'pull-from-mirror' is '%s', not all, digest-only or "
		    "tag-only",
		    use);
	return 0;
}

static int
check_row(const struct json *row, struct error *e)
{
	static const char *const keys[] = { "prefix", "location", "insecure", "blocked",
		"mirror-by-digest-only", "mirror", NULL };
	const struct json *mirrors = json_get(row, "mirror");
	const char *prefix = NULL, *location = NULL;
	bool ignored;

	if (check_keys(row, "[[registry]]", keys, e) < 0 ||
	    json_read_text(row, "prefix", "registry", &prefix, e) < 0 ||
	    json_read_text(row, "location", "registry", &location, e) < 0 ||
	    json_read_bool(row, "insecure", "registry", &ignored, e) < 0 ||
	    json_read_bool(row, "blocked", "registry", &ignored, e) < 0 ||
	    json_read_bool(row, "mirror-by-digest-only", "registry", &ignored, e) < 0)
		return -1;
	if ((!prefix || !*prefix) && (!location || !*location))
		return error_set(
		    e, ERR_INPUT, "[[registry]]: neither 'prefix' nor 'location' is given");
	if (location && (strstr(location, "://") || text_ends_with(location, "/")))
		return error_set(e, ERR_INPUT,
		    "[[registry]]: location '%s' has a scheme or ends in '/': it is "
		    "HOST[:PORT][/PATH]",
		    location);
	for (size_t i = 0; i < json_count(mirrors); i++)
		if (check_mirror(json_at(mirrors, i), e) < 0)
			return -1;
	return 0;
}

/* One file; what it says replaces what earlier ones said: rows by prefix (at the lookup), lists whole, aliases one by one. */
static int
take_file(struct registries *r, const struct json *file, struct error *e)
{
	static const char *const keys[] = { "unqualified-search-registries", "registry",
		"short-name-mode", "credential-helpers", "aliases",
		"additional-layer-store-auth-helper", NULL };
	const struct json *rows = json_get(file, "registry");
	const struct json *aliases = json_get(file, "aliases");
	const char *mode = NULL;

	if (json_get(file, "registries")) {
		error_set(e, ERR_INPUT, "[registries] is version 1, which is not supported");
		return error_hint(e, "write unqualified-search-registries and [[registry]]");
	}
	if (check_keys(file, "top level", keys, e) < 0 ||
	    json_read_text(file, "short-name-mode", "top level", &mode, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(rows); i++) {
		if (check_row(json_at(rows, i), e) < 0)
			return -1;
		json_append(r->rows, json_copy(json_at(rows, i)));
	}
	for (size_t i = 0; i < json_count(aliases); i++) {
		if (!json_text(json_at(aliases, i)))
			return error_set(
			    e, ERR_INPUT, "[aliases]: '%s' is no string", json_key_at(aliases, i));
		json_set_text(r->aliases, json_key_at(aliases, i), json_text(json_at(aliases, i)));
	}
	if (json_get(file, "unqualified-search-registries")) {
		r->has_search = true;
		strv_clear(&r->search);
		if (json_read_strv(
			file, "unqualified-search-registries", "top level", &r->search, e) < 0)
			return -1;
	}
	if (json_get(file, "credential-helpers")) {
		strv_clear(&r->helpers);
		if (json_read_strv(file, "credential-helpers", "top level", &r->helpers, e) < 0)
			return -1;
	}
	if (mode && strcmp(mode, "enforcing") != 0 && strcmp(mode, "permissive") != 0 &&
	    strcmp(mode, "disabled") != 0)
		return error_set(e, ERR_INPUT,
		    "'short-name-mode' is '%s', not enforcing, permissive or disabled", mode);
	if (mode) {
		free(r->mode);
		r->mode = xstrdup(mode);
	}
	return 0;
}

static int
load_file(struct registries *r, const char *path, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	autojson struct json *file = NULL;
	int found = files_read(path, &b, e);

	if (found <= 0)
		return found;
	file = toml_parse(buf_text(&b), b.len, e);
	if (!file || take_file(r, file, e) < 0)
		return error_ctx(e, "'%s'", path);
	return 1;
}

static int
load_folder(struct registries *r, const char *path, struct error *e)
{
	auto(strv) struct strv names = { 0 };

	if (files_list(path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		autofree char *file = xasprintf("%s/%s", path, names.items[i]);

		if (text_ends_with(names.items[i], ".conf") && load_file(r, file, e) < 0)
			return -1;
	}
	return 0;
}

int
registries_load(struct registries *r, struct error *e)
{
	const char *named = getenv("CONTAINERS_REGISTRIES_CONF");
	autofree char *own = files_config("containers/registries.conf");
	autofree char *folder = NULL;
	int found;

	registries_release(r);
	r->rows = json_new_array();
	r->aliases = json_new_object();
	if (named && *named) {
		found = load_file(r, named, e);
		if (found == 0)
			return error_set(e, ERR_INPUT,
			    "'%s', which CONTAINERS_REGISTRIES_CONF names, is not there", named);
		folder = xasprintf("%s.d", named);
		return found < 0 ? -1 : load_folder(r, folder, e);
	}
	found = load_file(r, own, e);
	if (found == 0)
		found = load_file(r, "/etc/containers/registries.conf", e);
	if (found < 0 || load_folder(r, "/etc/containers/registries.conf.d", e) < 0)
		return -1;
	folder = own ? xasprintf("%s.d", own) : NULL;
	return load_folder(r, folder, e);
}

/* ---- choosing ---- */

static const char *
row_prefix(const struct json *row)
{
	const char *prefix = json_text(json_get(row, "prefix"));

	return prefix && *prefix ? prefix : json_text(json_get(row, "location"));
}

/*
 * How many bytes of @name are the prefix: to its end, or to where a new component, tag or digest begins; of "*.host" the
 * whole host. 0: none.
 */
static size_t
match(const char *prefix, const char *name)
{
	size_t length = strlen(prefix);

	if (text_starts_with(prefix, "*.")) {
		size_t host = strcspn(name, "/");
		size_t tail = length - 1;

		return host > tail && strncmp(name + host - tail, prefix + 1, tail) == 0 ? host : 0;
	}
	if (strncmp(prefix, name, length) != 0)
		return 0;
	/* a prefix without a path is a host: its port belongs to it */
	if (name[length] == '\0' || name[length] == '/' ||
	    (strchr(prefix, '/') && (name[length] == ':' || name[length] == '@')))
		return length;
	return 0;
}

/* The row with the longest prefix; of equals the last, that of the later file. */
static const struct json *
find_row(const struct registries *registries, const char *name, size_t *matched)
{
	const struct json *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < json_count(registries->rows); i++) {
		const struct json *row = json_at(registries->rows, i);
		size_t length = match(row_prefix(row), name);

		if (length == 0 || strlen(row_prefix(row)) < longest)
			continue;
		best = row;
		longest = strlen(row_prefix(row));
		*matched = length;
	}
	return best;
}

static int
add_endpoint(struct endpoints *endpoints, const char *location, const char *rest, bool insecure,
    bool is_mirror, struct error *e)
{
	autofree char *name = xasprintf("%s%s", location, rest);
	char *slash = strchr(name, '/');
	struct endpoint *p;

	if (!slash || slash == name || !slash[1])
		return error_set(e, ERR_INPUT,
		    "registries.conf: location '%s' gives '%s', which names no repository",
		    location, name);
	xgrow(&endpoints->items, endpoints->count, &endpoints->room, sizeof(*endpoints->items));
	p = &endpoints->items[endpoints->count++];
	*p = (struct endpoint){ .host = xstrndup(name, (size_t)(slash - name)),
		.repository = xstrdup(slash + 1),
		.insecure = insecure,
		.is_mirror = is_mirror };
	return 0;
}

static bool
mirror_is_for(const struct json *row, const struct json *mirror, const struct reference *r)
{
	const char *use = json_text(json_get(mirror, "pull-from-mirror"));

	if (json_is_true(json_get(row, "mirror-by-digest-only")) && !r->digest)
		return false;
	if (!use || strcmp(use, "all") == 0)
		return true;
	return (strcmp(use, "digest-only") == 0) == (r->digest != NULL);
}

int
registries_endpoints(const struct registries *registries, const struct reference *r, bool push,
    struct endpoints *endpoints, struct error *e)
{
	autofree char *whole = reference_text(r);
	autofree char *repository = reference_repository(r);
	size_t matched = 0;
	const struct json *row = find_row(registries, whole, &matched);
	const struct json *mirrors = json_get(row, "mirror");
	const char *location = json_text(json_get(row, "location"));
	const char *rest;

	if (!row)
		return add_endpoint(endpoints, repository, "", false, false, e);
	if (json_is_true(json_get(row, "blocked")))
		return error_set(e, ERR_POLICY, "'%s' is blocked by registries.conf", whole);
	if (matched > strlen(repository))
		matched = strlen(repository); /* a prefix with tag or digest */
	rest = repository + matched;
	for (size_t i = 0; i < json_count(mirrors) && !push; i++) {
		const struct json *mirror = json_at(mirrors, i);

		if (mirror_is_for(row, mirror, r) &&
		    add_endpoint(endpoints, json_text(json_get(mirror, "location")), rest,
			json_is_true(json_get(mirror, "insecure")), true, e) < 0)
			return -1;
	}
	if (!location || !*location) {
		location = repository;
		rest = "";
	}
	return add_endpoint(
	    endpoints, location, rest, json_is_true(json_get(row, "insecure")), false, e);
}

/* ---- short names ---- */

static bool
has_registry(const char *text)
{
	size_t length = strcspn(text, "/");

	if (text[length] == '\0')
		return false;
	return memchr(text, '.', length) || memchr(text, ':', length) ||
	       (length == 9 && strncmp(text, "localhost", 9) == 0);
}

int
registries_names(
    const struct registries *registries, const char *text, struct strv *names, struct error *e)
{
	size_t length = strcspn(text, "@");
	const char *colon = memchr(text, ':', length);
	autofree char *bare = NULL;
	const char *alias;

	if (has_registry(text)) {
		strv_add(names, text);
		return 0;
	}
	if (colon)
		length = (size_t)(colon - text);
	bare = xstrndup(text, length);
	alias = json_text(json_get(registries->aliases, bare));
	if (alias && (!registries->mode || strcmp(registries->mode, "disabled") != 0)) {
		strv_printf(names, "%s%s", alias, text + length);
		return 0;
	}
	if (!registries->has_search) {
		strv_add(names, text);
		return 0;
	}
	if (registries->search.count == 0) {
		error_set(e, ERR_NOT_FOUND,
		    "registries.conf has no registry to search for the short name '%s'", text);
		return error_hint(e, "name the registry: docker.io/library/%s", text);
	}
	if (registries->search.count > 1 && registries->mode &&
	    strcmp(registries->mode, "enforcing") == 0) {
		error_set(e, ERR_POLICY,
		    "the short name '%s' may stand for an image of %zu registries, and "
		    "registries.conf has short-name-mode = enforcing",
		    text, registries->search.count);
		return error_hint(e, "name the registry: %s/%s", registries->search.items[0], text);
	}
	for (size_t i = 0; i < registries->search.count; i++) {
		const char *host = registries->search.items[i];
		bool is_hub = strcmp(host, "docker.io") == 0 && !strchr(bare, '/');

		strv_printf(names, "%s/%s%s", host, is_hub ? "library/" : "", text);
	}
	return 0;
}
