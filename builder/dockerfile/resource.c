/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource - what a source of ADD, or a build context, names: a path, something to be fetched by HTTP, or a repository.
 */
#include "builder/dockerfile/resource.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define UNNAMED "__unnamed__"
#define COMMIT_MIN 7
#define COMMIT_MAX 64

void
resource_release(struct resource *s)
{
	free(s->url);
	free(s->ref);
	free(s->subdir);
	free(s->checksum);
	*s = (struct resource){ 0 };
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool
is_http(const char *text)
{
	return has_prefix(text, "http://") || has_prefix(text, "https://");
}

/* USER@HOST:PATH, as scp has it: no slash in front of the colon, no scheme. */
static bool
is_scp(const char *text)
{
	size_t length = strcspn(text, ":/");
	const char *at = memchr(text, '@', length);

	return text[length] == ':' && at && at > text && at + 1 < text + length &&
	       text[length + 1] != '\0' && !text_starts_with(text + length, "://");
}

static bool
is_git(const char *text)
{
	size_t length = strcspn(text, "?#");

	/* what resource_parse_own() alone takes, from here on in another form */
	if (has_prefix(text, "file://"))
		return true;
	if (has_prefix(text, "git://") || has_prefix(text, "ssh://") || is_scp(text))
		return true;
	return is_http(text) && length > 4 && strncmp(text + length - 4, ".git", 4) == 0;
}

bool
resource_is_remote(const char *text)
{
	return !has_prefix(text, "file://") && (is_http(text) || is_git(text));
}

/* ---- pieces ---- */

static int
check_characters(const char *text, struct error *e)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '\\')
			return error_set(e, ERR_INPUT,
			    "a URL has no blanks, control characters and backslashes");
	return 0;
}

/* Where the host begins: behind the scheme and the user. */
static const char *
host_of(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *start = scheme ? scheme + 3 : url;
	size_t length = strcspn(start, scheme ? "/?#" : ":/");
	const char *at = memrchr(start, '@', length);

	return at ? at + 1 : start;
}

char *
resource_host(const char *url)
{
	const char *host = host_of(url);
	size_t length = strcspn(host, "/?#");

	return length > 0 ? xstrndup(host, length) : NULL;
}

/* ssh takes what begins with '-' for an option, be it a user, a host or a path. */
static int
check_authority(const char *url, struct error *e)
{
	const char *scheme = strstr(url, "://");
	const char *start = scheme ? scheme + 3 : url, *host = host_of(url);

	if (has_prefix(url, "file://"))
		return 0;
	if (*start == '-' || *host == '-')
		return error_set(e, ERR_INPUT, "a host or user does not begin with '-'");
	if (*host == '\0' || strchr("/:?#", *host))
		return error_set(e, ERR_INPUT, "there is no host");
	if (!scheme && host[strcspn(host, ":") + 1] == '-')
		return error_set(e, ERR_INPUT, "a path does not begin with '-'");
	return 0;
}

/* As git-check-ref-format(1) has it; and nothing that git could take for more than a name. */
static int
check_ref(const char *ref, struct error *e)
{
	if (*ref == '-')
		return error_set(e, ERR_INPUT, "a ref does not begin with '-': '%s'", ref);
	if (*ref == '\0' || strpbrk(ref, "~^:?*[\\ ") || strstr(ref, "..") || strstr(ref, "//") ||
	    strstr(ref, "@{") || *ref == '/' || text_ends_with(ref, "/") ||
	    text_ends_with(ref, ".") || text_ends_with(ref, ".lock") || strlen(ref) > 1024)
		return error_set(
		    e, ERR_INPUT, "'%s' is no name of a branch or tag, and no commit", ref);
	for (const unsigned char *c = (const unsigned char *)ref; *c; c++)
		if (iscntrl(*c))
			return error_set(e, ERR_INPUT, "a ref has no control characters");
	return 0;
}

/* A directory of the repository, which may not be left. */
static int
take_subdir(struct resource *s, const char *text, struct error *e)
{
	autofree char *clean = path_clean(text);
	const char *relative = clean + strspn(clean, "/");
	auto(strv) struct strv parts = { 0 };

	strv_split(&parts, text, '/');
	for (size_t i = 0; i < parts.count; i++)
		if (strcmp(parts.items[i], "..") == 0)
			return error_set(
			    e, ERR_INPUT, "the directory '%s' leaves the repository", text);
	if (s->subdir)
		return error_set(e, ERR_INPUT, "the directory is given twice");
	if (*relative != '\0' && strcmp(relative, ".") != 0)
		s->subdir = xstrdup(relative);
	return 0;
}

static int
take_ref(struct resource *s, const char *prefix, const char *text, struct error *e)
{
	if (check_ref(text, e) < 0)
		return -1;
	if (s->ref)
		return error_set(
		    e, ERR_INPUT, "the ref is given twice: '%s' and '%s'", s->ref, text);
	s->ref = xasprintf("%s%s", text_starts_with(text, "refs/") ? "" : prefix, text);
	return 0;
}

int
resource_set_checksum(struct resource *s, const char *checksum, struct error *e)
{
	size_t length = strlen(checksum);

	if (length < COMMIT_MIN || length > COMMIT_MAX ||
	    strspn(checksum, "0123456789abcdefABCDEF") != length)
		return error_set(e, ERR_INPUT, "'%s' is no commit: %d to %d hexadecimal digits are",
		    checksum, COMMIT_MIN, COMMIT_MAX);
	if (s->checksum && strcasecmp(s->checksum, checksum) != 0)
		return error_set(
		    e, ERR_INPUT, "two commits are given: '%s' and '%s'", s->checksum, checksum);
	free(s->checksum);
	s->checksum = xstrdup(checksum);
	for (char *c = s->checksum; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

static int
take_choice(enum resource_choice *choice, const char *key, const char *value, struct error *e)
{
	if (*value == '\0' || strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*choice = RESOURCE_YES;
	else if (strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*choice = RESOURCE_NO;
	else
		return error_set(e, ERR_INPUT, "%s is true or false, not '%s'", key, value);
	return 0;
}

/* ---- query and fragment ---- */

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at;

	at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
	return at ? (int)(at - digits) : -1;
}

/* %41 is 'A'. Returns NULL when a '%' is followed by no number, or by that of NUL. To be freed. */
static char *
decode(const char *text, size_t length)
{
	struct buf b = { 0 };

	buf_add_text(&b, "");
	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (text[i] != '%') {
			buf_add_char(&b, text[i]);
			continue;
		}
		high = i + 2 < length ? hex_value(text[i + 1]) : -1;
		low = i + 2 < length ? hex_value(text[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0) {
			buf_release(&b);
			return NULL;
		}
		buf_add_char(&b, (char)(high * 16 + low));
		i += 2;
	}
	return buf_steal(&b);
}

static int
take_mtime(struct resource *s, const char *value, struct error *e)
{
	if (strcmp(value, "commit") != 0 && strcmp(value, "checkout") != 0)
		return error_set(e, ERR_INPUT, "mtime is checkout or commit, not '%s'", value);
	s->mtime_of_commit = strcmp(value, "commit") == 0;
	return 0;
}

static int
take_key(struct resource *s, const char *key, const char *value, struct error *e)
{
	enum resource_choice by_commit = RESOURCE_NO;

	if (strcmp(key, "ref") == 0)
		return take_ref(s, "", value, e);
	if (strcmp(key, "branch") == 0)
		return take_ref(s, "refs/heads/", value, e);
	if (strcmp(key, "tag") == 0)
		return take_ref(s, "refs/tags/", value, e);
	if (strcmp(key, "subdir") == 0)
		return take_subdir(s, value, e);
	if (strcmp(key, "checksum") == 0 || strcmp(key, "commit") == 0)
		return resource_set_checksum(s, value, e);
	if (strcmp(key, "keep-git-dir") == 0)
		return take_choice(&s->keep_git_dir, key, value, e);
	if (strcmp(key, "submodules") == 0)
		return take_choice(&s->submodules, key, value, e);
	if (strcmp(key, "mtime") == 0)
		return take_mtime(s, value, e);
	if (strcmp(key, "fetch-by-commit") == 0) {
		if (take_choice(&by_commit, key, value, e) < 0)
			return -1;
		s->by_commit = by_commit == RESOURCE_YES;
		return 0;
	}
	error_set(e, ERR_INPUT, "unknown key '%s' in the query", key);
	return error_hint(e,
	    "there are ref, branch, tag, subdir, checksum, keep-git-dir, submodules, "
	    "mtime and fetch-by-commit");
}

static int
take_query(struct resource *s, const char *query, size_t length, struct error *e)
{
	autofree char *text = xstrndup(query, length);
	auto(strv) struct strv parts = { 0 };

	strv_split(&parts, text, '&');
	for (size_t i = 0; i < parts.count; i++) {
		const char *part = parts.items[i];
		size_t key_length = strcspn(part, "=");
		autofree char *key = decode(part, key_length);
		const char *rest = part + key_length + (part[key_length] == '=');
		autofree char *value = decode(rest, strlen(rest));

		if (*part == '\0')
			continue;
		if (!key || !value)
			return error_set(e, ERR_INPUT, "'%s' in the query is badly encoded", part);
		if (take_key(s, key, value, e) < 0)
			return -1;
	}
	return 0;
}

static int
take_fragment(struct resource *s, const char *fragment, struct error *e)
{
	size_t length = strcspn(fragment, ":");
	autofree char *ref = decode(fragment, length);
	const char *behind = fragment + length + (fragment[length] == ':');
	autofree char *subdir = decode(behind, strlen(behind));

	if (!ref || !subdir)
		return error_set(e, ERR_INPUT, "'#%s' is badly encoded", fragment);
	if (*ref != '\0' && take_ref(s, "", ref, e) < 0)
		return -1;
	return *subdir != '\0' ? take_subdir(s, subdir, e) : 0;
}

static int
parse_git(const char *text, struct resource *s, struct error *e)
{
	size_t length = strcspn(text, "?#");
	const char *query = text[length] == '?' ? text + length + 1 : NULL;
	const char *fragment = strchr(text, '#');

	s->url = xstrndup(text, length);
	if (check_characters(text, e) < 0 || check_authority(s->url, e) < 0)
		return -1;
	if (query && take_query(s, query, strcspn(query, "#"), e) < 0)
		return -1;
	if (fragment && take_fragment(s, fragment + 1, e) < 0)
		return -1;
	if (s->by_commit && !s->checksum)
		return error_set(e, ERR_INPUT, "fetch-by-commit needs checksum, the commit");
	return 0;
}

static int
parse_remote(const char *text, struct resource *s, struct error *e)
{
	s->kind = is_git(text) ? RESOURCE_GIT : RESOURCE_HTTP;
	if (s->kind == RESOURCE_GIT && parse_git(text, s, e) == 0)
		return 0;
	if (s->kind == RESOURCE_HTTP) {
		s->url = xstrdup(text);
		if (check_characters(text, e) == 0 && check_authority(text, e) == 0)
			return 0;
	}
	resource_release(s);
	return error_ctx(e, "'%s'", text);
}

int
resource_parse(const char *text, struct resource *s, struct error *e)
{
	*s = (struct resource){ 0 };
	return resource_is_remote(text) ? parse_remote(text, s, e) : 0;
}

int
resource_parse_own(const char *text, struct resource *s, struct error *e)
{
	autofree char *https = NULL;

	*s = (struct resource){ 0 };
	if (text_starts_with(text, "github.com/"))
		https = xasprintf("https://%s", text);
	if (https && !is_git(https)) {
		size_t length = strcspn(https, "?#");
		char *dotted = xasprintf("%.*s.git%s", (int)length, https, https + length);

		free(https);
		https = dotted;
	}
	if (https)
		return parse_remote(https, s, e);
	if (resource_is_remote(text) || has_prefix(text, "file://"))
		return parse_remote(text, s, e);
	return 0;
}

char *
resource_file_name(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *path = scheme ? scheme + 3 : url;
	size_t length;
	autofree char *decoded = NULL;
	const char *name;

	path += strcspn(path, "/?#");
	length = strcspn(path, "?#");
	while (length > 0 && path[length - 1] == '/')
		length--;
	decoded = decode(path, length);
	name = decoded ? path_base(decoded) : "";
	if (!path_is_name(name))
		return xstrdup(UNNAMED);
	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		if (iscntrl(*c))
			return xstrdup(UNNAMED);
	return xstrdup(name);
}

char *
resource_shown(const char *url)
{
	const char *scheme = strstr(url, "://"), *start = scheme ? scheme + 3 : NULL;
	const char *at = start ? memrchr(start, '@', strcspn(start, "/?#")) : NULL;

	return at ? xasprintf("%.*s%s", (int)(start - url), url, at + 1) : xstrdup(url);
}
