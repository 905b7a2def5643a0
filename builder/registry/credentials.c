/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials - who we are to a registry: auth files and credential helpers.
 */
#include "builder/registry/credentials.h"

#include "builder/registry/files.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
credentials_release(struct credentials *c)
{
	mem_free_secret_at(&c->secret);
	mem_free_secret_at(&c->identity_token);
	mem_free_secret_at(&c->registry_token);
	free(c->user);
	free(c->source);
	*c = (struct credentials){ 0 };
}

char *
credentials_key(const char *text)
{
	const char *scheme = strstr(text, "://");
	autofree char *key = NULL;
	char *slash;

	key = xstrdup(scheme ? scheme + 3 : text);
	slash = strchr(key, '/');
	/* Of a URL only the host counts; "host/v1/" is one that lost its scheme. */
	if (slash && (scheme || strncmp(slash, "/v1", 3) == 0 || strncmp(slash, "/v2", 3) == 0 ||
			 slash[1] == '\0'))
		*slash = '\0';
	if (strcmp(key, "index.docker.io") == 0 || strcmp(key, "registry-1.docker.io") == 0)
		return xstrdup("docker.io");
	return steal_ptr(&key);
}

/* ---- one entry ---- */

static int
read_auth(const char *text, struct credentials *c, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	const char *colon;

	if (text_parse_base64(text, &b, e) < 0)
		return error_set(e, ERR_INPUT, "'auth' is no base64");
	while (b.len > 0 && b.data[b.len - 1] == '\0')
		buf_truncate(&b, b.len - 1);
	colon = b.len > 0 ? memchr(b.data, ':', b.len) : NULL;
	if (!colon)
		return error_set(e, ERR_INPUT, "'auth' is no USER:PASSWORD");
	c->user = xstrndup(b.data, (size_t)(colon - b.data));
	c->secret = xstrndup(colon + 1, b.len - (size_t)(colon - b.data) - 1);
	explicit_bzero(b.data, b.len);
	return 0;
}

static char *
copy_text(const struct json *entry, const char *key)
{
	const char *text = json_text(json_get(entry, key));

	return text && *text ? xstrdup(text) : NULL;
}

/* 1 when there is something in it; docker leaves empty entries where a helper has the secret. */
static int
read_entry(const struct json *entry, struct credentials *c, struct error *e)
{
	const char *auth = json_text(json_get(entry, "auth"));

	c->identity_token = copy_text(entry, "identitytoken");
	c->registry_token = copy_text(entry, "registrytoken");
	if (auth && *auth) {
		if (read_auth(auth, c, e) < 0)
			return -1;
	} else {
		c->user = copy_text(entry, "username");
		c->secret = copy_text(entry, "password");
	}
	return c->identity_token || c->registry_token || (c->user && c->secret);
}

/* Is @key @name itself or one of its parents? */
static bool
is_parent(const char *key, const char *name)
{
	size_t length = strlen(key);

	return strncmp(key, name, length) == 0 && (name[length] == '\0' || name[length] == '/');
}

/* The member of @auths with the longest key that is @name or a parent of it. */
static const struct json *
find_entry(const struct json *auths, const char *name)
{
	const struct json *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < json_count(auths); i++) {
		autofree char *key = credentials_key(json_key_at(auths, i));

		if (*key && is_parent(key, name) && strlen(key) >= longest) {
			longest = strlen(key);
			best = json_at(auths, i);
		}
	}
	return best;
}

/* ---- one file ---- */

static const char *
find_helper(const struct json *file, const char *host)
{
	const struct json *helpers = json_get(file, "credHelpers");

	for (size_t i = 0; i < json_count(helpers); i++) {
		autofree char *key = credentials_key(json_key_at(helpers, i));
		const char *name = json_text(json_at(helpers, i));

		if (strcmp(key, host) == 0 && name && *name)
			return name;
	}
	return NULL;
}

static const char *
find_store(const struct json *file)
{
	const char *name = json_text(json_get(file, "credsStore"));

	return name && *name ? name : NULL;
}

static int
find_in_file(const struct json *file, bool is_legacy, const char *host, const char *name,
    struct credentials *c, struct error *e)
{
	const char *helper = is_legacy ? NULL : find_helper(file, host);
	const struct json *entry;
	int found = 0;

	if (helper)
		found = helper_get(helper, host, c, e);
	if (found != 0)
		return found;
	entry = find_entry(is_legacy ? file : json_get(file, "auths"), name);
	if (entry)
		found = read_entry(entry, c, e);
	if (found != 0)
		return found;
	credentials_release(c);
	helper = is_legacy ? NULL : find_store(file);
	return helper ? helper_get(helper, host, c, e) : 0;
}

enum find_flags {
	FIND_LEGACY = 1 << 0, /* its top level is the map */
	FIND_NAMED = 1 << 1,  /* by --authfile: it has to be there */
};

static int
find_at(const char *path, enum find_flags flags, const char *host, const char *name,
    struct credentials *c, struct error *e)
{
	autojson struct json *file = NULL;
	int found = files_read_json(path, &file, e);

	if (found == 0 && flags & FIND_NAMED)
		return error_set(e, ERR_USAGE, "--authfile: there is no file '%s'", path);
	if (found > 0)
		found = find_in_file(file, flags & FIND_LEGACY, host, name, c, e);
	if (found < 0)
		return strstr(e->text, path) ? -1 : error_ctx(e, "'%s'", path);
	if (found > 0 && !c->source)
		c->source = xstrdup(path);
	return found;
}

/* ---- all of them ---- */

#define FILES_HELPER "containers-auth.json" /* among the helpers of registries.conf: the files */

enum { FILE_RUNTIME, FILE_CONFIG, FILE_DOCKER, FILE_LEGACY, FILES };

static char *
runtime_file(const struct credentials_options *o)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (!dir || !*dir)
		return xasprintf("/run/containers/%u/auth.json", getuid());
	if (o->warn && (fstatat(AT_FDCWD, dir, &st, 0) < 0 || !S_ISDIR(st.st_mode))) {
		autofree char *text =
		    xasprintf("XDG_RUNTIME_DIR names '%s', which is no directory", dir);

		o->warn(o->arg, text);
	}
	return xasprintf("%s/containers/auth.json", dir);
}

/* The file that is named explicitly; NULL when none is. */
static const char *
explicit_file(const struct credentials_options *o)
{
	const char *named = getenv("REGISTRY_AUTH_FILE");

	if (o->authfile)
		return o->authfile;
	return named && *named ? named : NULL;
}

static int
find_in_files(const struct credentials_options *o, const char *host, const char *name,
    struct credentials *c, struct error *e)
{
	char *paths[FILES] = { runtime_file(o), files_config("containers/auth.json"),
		files_docker(), files_home(".dockercfg") };
	int found = 0;

	for (size_t i = 0; i < FILES && found == 0; i++)
		if (paths[i])
			found =
			    find_at(paths[i], i == FILE_LEGACY ? FIND_LEGACY : 0, host, name, c, e);
	for (size_t i = 0; i < FILES; i++)
		free(paths[i]);
	return found;
}

static int
find_in_variable(
    const char *text, const char *host, const char *name, struct credentials *c, struct error *e)
{
	autojson struct json *j = json_parse(text, strlen(text), e);
	int found = j ? find_in_file(j, false, host, name, c, e) : -1;

	if (found < 0 && e->kind == ERR_INPUT) /* what it holds is not repeated */
		return error_set(e, ERR_INPUT, "DOCKER_AUTH_CONFIG is not what docker writes");
	if (found > 0 && !c->source)
		c->source = xstrdup("DOCKER_AUTH_CONFIG");
	return found;
}

static int
find_creds(const char *creds, struct credentials *c, struct error *e)
{
	const char *colon = strchr(creds, ':');

	if (!colon || colon == creds)
		return error_set(e, ERR_USAGE, "--creds is not USER:PASSWORD");
	c->user = xstrndup(creds, (size_t)(colon - creds));
	c->secret = xstrdup(colon + 1);
	c->source = xstrdup("--creds");
	return 1;
}

int
credentials_find(const struct credentials_options *o, const char *host, const char *repository,
    struct credentials *c, struct error *e)
{
	autofree char *name = xasprintf("%s%s%s", host, *repository ? "/" : "", repository);
	const char *variable = getenv("DOCKER_AUTH_CONFIG");
	const char *file = explicit_file(o);
	int found = 0;

	credentials_release(c);
	if (o->creds)
		return find_creds(o->creds, c, e);
	if (file)
		return find_at(file, o->authfile ? FIND_NAMED : 0, host, name, c, e);
	if (variable && *variable)
		return find_in_variable(variable, host, name, c, e);
	if (!o->helpers || o->helpers->count == 0)
		return find_in_files(o, host, name, c, e);
	for (size_t i = 0; i < o->helpers->count && found == 0; i++)
		found = strcmp(o->helpers->items[i], FILES_HELPER) == 0
		            ? find_in_files(o, host, name, c, e)
		            : helper_get(o->helpers->items[i], host, c, e);
	return found;
}

/* ---- changing them ---- */

static const char *
file_key(const char *host)
{
	return strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host;
}

static void
remove_keys(struct json *map, const char *host, bool *removed)
{
	for (size_t i = json_count(map); i-- > 0;) {
		autofree char *key = credentials_key(json_key_at(map, i));

		if (host && strcmp(key, host) != 0)
			continue;
		json_remove(map, json_key_at(map, i));
		*removed = true;
	}
}

static void
set_entry(struct json *file, const char *host, const char *user, const char *secret)
{
	struct json *auths = json_get_mutable(file, "auths");
	struct json *entry = json_new_object();
	auto(buf) struct buf plain = { 0 };
	auto(buf) struct buf text = { 0 };
	bool ignored;

	if (json_type(auths) != JSON_OBJECT)
		auths = json_set(file, "auths", json_new_object());
	remove_keys(auths, host, &ignored);
	if (strcmp(user, "<token>") == 0) {
		json_set_text(entry, "identitytoken", secret);
	} else {
		buf_printf(&plain, "%s:%s", user, secret);
		text_add_base64(&text, plain.data, plain.len);
		json_set_text(entry, "auth", buf_text(&text));
		explicit_bzero(plain.data, plain.len);
	}
	json_set(auths, file_key(host), entry);
}

/*
 * Where login writes: the named file; else the first of the files of the session and of docker that has something for the
 * host already, so that no older entry stands before the new one; else docker's.
 */
static char *
file_to_write(const struct credentials_options *o, const char *host, struct error *e)
{
	const char *named = explicit_file(o);
	autofree char *session = named ? NULL : runtime_file(o);
	autojson struct json *file = NULL;
	char *docker;

	if (named)
		return xstrdup(named);
	if (files_read_json(session, &file, e) < 0)
		return NULL;
	if (find_entry(json_get(file, "auths"), host) || find_helper(file, host))
		return steal_ptr(&session);
	docker = files_docker();
	if (!docker)
		error_set(e, ERR_USAGE, "HOME is not set; name a file with --authfile");
	return docker;
}

/* The helper of registries.conf that is asked first; NULL: files are, or one was named. */
static const char *
first_helper(const struct credentials_options *o)
{
	const char *first = o->helpers && o->helpers->count > 0 ? o->helpers->items[0] : NULL;

	return !first || explicit_file(o) || strcmp(first, FILES_HELPER) == 0 ? NULL : first;
}

int
credentials_store(const struct credentials_options *o, const char *host, const char *user,
    const char *secret, char **where, struct error *e)
{
	autofree char *path = NULL;
	autojson struct json *file = NULL;
	const char *helper = first_helper(o);

	if (!helper) {
		path = file_to_write(o, host, e);
		if (!path || files_read_json(path, &file, e) < 0)
			return -1;
		helper = find_helper(file, host);
	}
	if (!helper)
		helper = find_store(file);
	if (helper) {
		if (helper_store(helper, host, user, secret, e) < 0)
			return -1;
		*where = xasprintf("helper docker-credential-%s", helper);
		return 0;
	}
	if (!file)
		file = json_new_object();
	set_entry(file, host, user, secret);
	if (files_write_json(path, file, e) < 0)
		return error_ctx(e, "cannot keep the credentials");
	*where = steal_ptr(&path);
	return 0;
}

/* What the helper keeps for @host; NULL: all that it lists. */
static int
erase_with(const char *helper, const char *host, struct error *e)
{
	auto(strv) struct strv servers = { 0 };

	if (host)
		return helper_erase(helper, host, e);
	if (helper_list(helper, &servers, e) < 0)
		return -1;
	for (size_t i = 0; i < servers.count; i++)
		if (helper_erase(helper, servers.items[i], e) < 0)
			return -1;
	return servers.count > 0;
}

/* From the helpers that @file names: from that for @host; NULL: from all of them. */
static int
erase_from_helpers(const struct json *file, const char *host, struct error *e)
{
	const struct json *helpers = json_get(file, "credHelpers");
	const char *store = find_store(file);
	const char *own = host ? find_helper(file, host) : NULL;
	bool erased = false;
	int result;

	if (own)
		return helper_erase(own, host, e);
	for (size_t i = 0; !host && i < json_count(helpers); i++) {
		autofree char *key = credentials_key(json_key_at(helpers, i));
		const char *name = json_text(json_at(helpers, i));

		result = name && *name ? helper_erase(name, key, e) : 0;
		if (result < 0)
			return -1;
		erased = erased || result > 0;
	}
	result = store ? erase_with(store, host, e) : 0;
	return result < 0 ? -1 : erased || result > 0;
}

static int
erase_at(const char *path, const char *host, struct error *e)
{
	autojson struct json *file = NULL;
	bool removed = false;
	int erased;

	if (files_read_json(path, &file, e) < 0)
		return -1;
	if (!file)
		return 0;
	remove_keys(json_get_mutable(file, "auths"), host, &removed);
	if (removed && files_write_json(path, file, e) < 0)
		return error_ctx(e, "cannot forget the credentials");
	erased = erase_from_helpers(file, host, e);
	return erased < 0 ? -1 : removed || erased > 0;
}

static int
erase_in_files(const struct credentials_options *o, const char *host, struct error *e)
{
	autofree char *session = runtime_file(o);
	autofree char *docker = files_docker();
	int in_session = erase_at(session, host, e), in_docker;

	if (in_session < 0)
		return -1;
	in_docker = docker ? erase_at(docker, host, e) : 0;
	return in_docker < 0 ? -1 : in_session || in_docker;
}

int
credentials_erase(const struct credentials_options *o, const char *host, struct error *e)
{
	const char *named = explicit_file(o);
	bool removed = false;

	if (named)
		return erase_at(named, host, e);
	for (size_t i = 0; o->helpers && i < o->helpers->count; i++) {
		const char *helper = o->helpers->items[i];
		int result = strcmp(helper, FILES_HELPER) == 0 ? 0 : erase_with(helper, host, e);

		if (result < 0)
			return -1;
		removed = removed || result > 0;
	}
	switch (erase_in_files(o, host, e)) {
	case -1:
		return -1;
	case 0:
		return removed;
	default:
		return 1;
	}
}
