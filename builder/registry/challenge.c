/* SPDX-License-Identifier: Apache-2.0 */
/*
 * challenge - what a registry asks for.
 */
#include "builder/registry/challenge.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

void
challenge_release(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	*c = (struct challenge){ 0 };
}

#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"

static const char *
skip(const char *at)
{
	return at + strspn(at, " \t,");
}

/* The value behind "name=": a token or a quoted string; @at is moved behind it. */
static char *
take_value(const char **at)
{
	auto(buf) struct buf b = { 0 };
	const char *c = *at;

	if (*c != '"') {
		size_t length = strcspn(c, " \t,");

		*at = c + length;
		return xstrndup(c, length);
	}
	for (c++; *c && *c != '"'; c++) {
		if (*c == '\\' && c[1])
			c++;
		buf_add_char(&b, *c);
	}
	*at = *c ? c + 1 : c;
	return buf_steal(&b);
}

static void
set(char **member, char *value)
{
	free(*member);
	*member = value;
}

/* Reads parameters until something stands there that is none: the next scheme. */
static const char *
take_parameters(const char *at, struct challenge *c)
{
	for (;;) {
		const char *start = skip(at);
		size_t length = strspn(start, TOKEN);
		const char *equals = start + length + strspn(start + length, " \t");
		autofree char *name = xstrndup(start, length);
		autofree char *value = NULL;

		if (length == 0 || *equals != '=')
			return start;
		at = equals + 1 + strspn(equals + 1, " \t");
		value = take_value(&at);
		if (strcasecmp(name, "realm") == 0)
			set(&c->realm, steal_ptr(&value));
		else if (strcasecmp(name, "service") == 0)
			set(&c->service, steal_ptr(&value));
		else if (strcasecmp(name, "scope") == 0)
			set(&c->scope, steal_ptr(&value));
		else if (strcasecmp(name, "error") == 0)
			set(&c->error, steal_ptr(&value));
	}
}

static void
read_line(struct challenge *best, const char *at)
{
	for (;;) {
		struct challenge c = { 0 };
		size_t length;

		at = skip(at);
		length = strspn(at, TOKEN);
		if (length == 0)
			return;
		if (length == 6 && strncasecmp(at, "Bearer", 6) == 0)
			c.scheme = CHALLENGE_BEARER;
		else if (length == 5 && strncasecmp(at, "Basic", 5) == 0)
			c.scheme = CHALLENGE_BASIC;
		at = take_parameters(at + length, &c);
		if (c.scheme > best->scheme && (c.scheme != CHALLENGE_BEARER || c.realm)) {
			challenge_release(best);
			*best = c;
		} else {
			challenge_release(&c);
		}
	}
}

void
challenge_read(struct challenge *c, const struct strv *headers)
{
	static const char name[] = "www-authenticate: ";

	challenge_release(c);
	for (size_t i = 0; i < headers->count; i++)
		if (text_starts_with(headers->items[i], name))
			read_line(c, headers->items[i] + strlen(name));
}

/* ---- sites ---- */

static size_t
count_dots(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '.';
	return n;
}

/* The last two labels, or three below such as co.uk: who may register a name below that is one party. */
static const char *
site_of(const char *host)
{
	const char *last = strrchr(host, '.');
	const char *second, *third;
	size_t of_second;

	if (!last || last == host)
		return host;
	second = last;
	while (second > host && second[-1] != '.')
		second--;
	of_second = (size_t)(last - second);
	if (strlen(last + 1) > 2 || of_second > 3 || second == host)
		return second;
	third = second - 1;
	while (third > host && third[-1] != '.')
		third--;
	return third;
}

bool
challenge_same_site(const char *registry, const char *realm)
{
	autofree char *host = xstrdup(registry);
	char *colon = strrchr(host, ':');

	if (colon && !strchr(colon, ']'))
		*colon = '\0';
	if (*host == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	if (strcasecmp(host, realm) == 0)
		return true;
	/* Addresses and names without a dot have no site. */
	if (strspn(host, "0123456789.") == strlen(host) || strchr(host, ':') ||
	    strspn(realm, "0123456789.") == strlen(realm) || strchr(realm, ':') ||
	    count_dots(host) == 0 || count_dots(realm) == 0)
		return false;
	return count_dots(site_of(host)) > 0 && strcasecmp(site_of(host), site_of(realm)) == 0;
}
