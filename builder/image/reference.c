/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference - names of images as docker reads them.
 *
 * The grammar is that of the distribution project's reference package, walked by hand: every part is a run of
 * letters, digits and separators, so no part can be a path that leaves anything.
 */
#include "builder/image/reference.h"

#include "runtime/base/buf.h"
#include "runtime/base/digest.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH 128
#define DEFAULT_DOMAIN "docker.io"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

void
reference_release(struct reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){ 0 };
}

void
reference_copy(struct reference *to, const struct reference *from)
{
	struct reference copy = {
		.domain = from->domain ? xstrdup(from->domain) : NULL,
		.path = from->path ? xstrdup(from->path) : NULL,
		.tag = from->tag ? xstrdup(from->tag) : NULL,
		.digest = from->digest ? xstrdup(from->digest) : NULL,
	};

	reference_release(to);
	*to = copy;
}

bool
reference_tag_is_valid(const char *tag)
{
	size_t length = strlen(tag);

	if (length == 0 || length > TAG_MAX_LENGTH || tag[0] == '.' || tag[0] == '-')
		return false;
	return strspn(tag, LOWER UPPER DIGITS "_.-") == length;
}

/* One of: a dot, one or two underscores, any number of dashes. 0: no separator here. */
static size_t
separator_length(const char *text)
{
	if (*text == '.')
		return 1;
	if (*text == '_')
		return text[1] == '_' ? 2 : 1;
	return strspn(text, "-");
}

/* Runs of lower-case letters and digits with single separators between; '/' between components. */
static bool
path_is_valid(const char *path)
{
	for (;;) {
		size_t run = strspn(path, LOWER DIGITS);

		if (run == 0)
			return false;
		path += run;
		if (!*path)
			return true;
		if (*path == '/') {
			path++;
			continue;
		}
		run = separator_length(path);
		if (run == 0)
			return false;
		path += run;
	}
}

static bool
port_is_valid(const char *port)
{
	size_t length = strlen(port);

	return length > 0 && length <= 5 && strspn(port, DIGITS) == length;
}

static bool
domain_is_valid(const char *domain)
{
	const char *at = domain;

	if (*at == '[') {
		size_t run = strspn(at + 1, DIGITS "abcdefABCDEF:.");

		if (run < 2 || at[1 + run] != ']')
			return false;
		at += run + 2;
		return !*at || (*at == ':' && port_is_valid(at + 1));
	}
	for (;;) {
		size_t run = strspn(at, LOWER UPPER DIGITS "-");

		if (run == 0 || at[0] == '-' || at[run - 1] == '-')
			return false;
		at += run;
		if (*at != '.')
			break;
		at++;
	}
	return !*at || (*at == ':' && port_is_valid(at + 1));
}

static bool
part_is_domain(const char *part)
{
	return strpbrk(part, ".:" UPPER) != NULL || strcmp(part, "localhost") == 0;
}

static int
fail(struct error *e, const char *text, const char *why)
{
	autofree char *safe = text_safe(text);

	return error_set(e, ERR_INPUT, "'%.300s' is no image name: %s", safe, why);
}

static int
take_digest(char *name, const char *text, struct reference *r, struct error *e)
{
	char *at = strchr(name, '@');
	struct digest digest;

	if (!at)
		return 0;
	*at = '\0';
	if (digest_parse(at + 1, &digest, e) < 0) {
		autofree char *safe = text_safe(text);

		return error_ctx(e, "'%.300s' is no image name", safe);
	}
	r->digest = xstrdup(at + 1);
	return 0;
}

/* The tag stands behind the last ':' that no '/' follows. */
static int
take_tag(char *name, const char *text, struct reference *r, struct error *e)
{
	char *colon = strrchr(name, ':');

	if (!colon || strchr(colon, '/') || strchr(colon, ']'))
		return 0;
	*colon = '\0';
	if (!reference_tag_is_valid(colon + 1))
		return fail(e, text, "the tag is not made of letters, digits, '_', '.' and '-'");
	r->tag = xstrdup(colon + 1);
	return 0;
}

static int
take_name(const char *name, const char *text, struct reference *r, struct error *e)
{
	const char *slash = strchr(name, '/');
	autofree char *first = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
	const char *path = name;

	if (first && part_is_domain(first)) {
		if (!domain_is_valid(first))
			return fail(e, text, "the host is not one");
		r->domain = strcmp(first, "index.docker.io") == 0 ? xstrdup(DEFAULT_DOMAIN)
		                                                  : xstrdup(first);
		path = slash + 1;
	} else {
		r->domain = xstrdup(DEFAULT_DOMAIN);
	}
	if (!*path)
		return fail(e, text, "it is empty");
	if (strpbrk(path, UPPER))
		return fail(e, text, "it must be lower case");
	if (!path_is_valid(path))
		return fail(e, text,
		    "it is not made of lower-case letters, digits and single separators ('.', '_', "
		    "'__', '-', '/')");
	r->path = strcmp(r->domain, DEFAULT_DOMAIN) == 0 && !strchr(path, '/')
	              ? xasprintf("library/%s", path)
	              : xstrdup(path);
	if (strlen(r->domain) + 1 + strlen(r->path) > NAME_MAX_LENGTH)
		return fail(e, text, "it is longer than 255 characters");
	return 0;
}

int
reference_parse(const char *text, struct reference *r, struct error *e)
{
	auto(reference) struct reference read = { 0 };
	autofree char *name = xstrdup(text);

	if (strlen(name) == DIGEST_HEX_LEN && strspn(name, "0123456789abcdef") == DIGEST_HEX_LEN)
		return fail(e, text, "64 hexadecimal digits are an image's ID");
	if (take_digest(name, text, &read, e) < 0 || take_tag(name, text, &read, e) < 0 ||
	    take_name(name, text, &read, e) < 0)
		return -1;
	if (!read.tag && !read.digest)
		read.tag = xstrdup("latest");
	reference_release(r);
	*r = read;
	read = (struct reference){ 0 };
	return 0;
}

static char *
with_suffix(const struct reference *r, const char *prefix, const char *path)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s%s", prefix, path);
	if (r->tag)
		buf_printf(&b, ":%s", r->tag);
	if (r->digest)
		buf_printf(&b, "@%s", r->digest);
	return buf_steal(&b);
}

char *
reference_text(const struct reference *r)
{
	autofree char *prefix = xasprintf("%s/", r->domain);

	return with_suffix(r, prefix, r->path);
}

char *
reference_short(const struct reference *r)
{
	const char *slash = strchr(r->path, '/');
	autofree char *first = slash ? xstrndup(r->path, (size_t)(slash - r->path)) : NULL;

	/* Without its host, a path that begins like a host would be read as another name. */
	if (strcmp(r->domain, DEFAULT_DOMAIN) != 0 || !first || part_is_domain(first))
		return reference_text(r);
	if (strcmp(first, "library") == 0 && !strchr(slash + 1, '/'))
		return with_suffix(r, "", slash + 1);
	return with_suffix(r, "", r->path);
}

char *
reference_repository(const struct reference *r)
{
	return xasprintf("%s/%s", r->domain, r->path);
}

static bool
text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool
reference_equal(const struct reference *a, const struct reference *b)
{
	return text_equal(a->domain, b->domain) && text_equal(a->path, b->path) &&
	       text_equal(a->tag, b->tag) && text_equal(a->digest, b->digest);
}
