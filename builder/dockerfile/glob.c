/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob - file name patterns as Go's filepath.Match knows them, for COPY and ADD sources.
 *
 * As '*' never passes a '/', only the last '*' has to be tried again: what an earlier one could
 * take more of within the same name, the later one can take as well.
 */
#include "builder/dockerfile/glob.h"

#include "runtime/base/mem.h"

#include <string.h>

/** Length of the well-formed UTF-8 sequence at @s, 1 for a byte that begins none. */
static size_t
sequence_length(const unsigned char *s)
{
	size_t n = 1;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 1;
	if ((s[0] == 0xe0 && n == 3 && s[1] < 0xa0) || (s[0] == 0xed && n == 3 && s[1] > 0x9f))
		return 1;
	if ((s[0] == 0xf0 && n == 4 && s[1] < 0x90) || (s[0] == 0xf4 && n == 4 && s[1] > 0x8f))
		return 1;
	return n;
}

uint32_t
glob_next_character(const char **text)
{
	const unsigned char *s = (const unsigned char *)*text;
	size_t n;
	uint32_t c;

	if (s[0] == '\0')
		return 0;
	n = sequence_length(s);
	*text += n;
	if (n == 1)
		return s[0] < 0x80 ? s[0] : 0x110000U + s[0];
	c = s[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = (c << 6) | (s[i] & 0x3f);
	return c;
}

/** One end of a range: a character, or an escaped one. 0: the class is wrong. */
static uint32_t
class_end(const char **p)
{
	if (**p == '\0' || **p == '-' || **p == ']')
		return 0;
	if (**p == '\\')
		(*p)++;
	return glob_next_character(p);
}

int
glob_match_class(const char **pattern, uint32_t c)
{
	const char *p = *pattern;
	bool negated = *p == '^', found = false, any = false;

	p += negated;
	while (!(*p == ']' && any)) {
		uint32_t low = class_end(&p), high = low;

		if (low == 0)
			return -1;
		if (*p == '-') {
			p++;
			high = class_end(&p);
			if (high == 0)
				return -1;
		}
		if (*p == '\0')
			return -1;
		found = found || (c >= low && c <= high);
		any = true;
	}
	*pattern = p + 1;
	return found != negated;
}

int
glob_check(const char *pattern, struct error *e)
{
	const char *p = pattern;

	while (*p != '\0') {
		const char *start = p;

		if (*p == '\\' && p[1] == '\0')
			return error_set(
			    e, ERR_INPUT, "wrong pattern '%s': nothing follows the '\\'", pattern);
		if (*p == '[') {
			p++;
			if (glob_match_class(&p, 'a') < 0)
				return error_set(e, ERR_INPUT,
				    "wrong pattern '%s': the '[' at character %zu has no proper "
				    "end",
				    pattern, (size_t)(start - pattern) + 1);
			continue;
		}
		p += *p == '\\' ? 2 : 1;
	}
	return 0;
}

/** Matches @c with the one element at *@pattern, which is no '*'; moves on when it does. */
static bool
match_element(const char **pattern, uint32_t c)
{
	const char *p = *pattern;
	bool matched;

	if (*p == '\0')
		return false;
	if (*p == '[') {
		p++;
		matched = glob_match_class(&p, c) == 1;
	} else if (*p == '?') {
		p++;
		matched = c != '/';
	} else {
		p += *p == '\\';
		matched = glob_next_character(&p) == c;
	}
	if (matched)
		*pattern = p;
	return matched;
}

bool
glob_match(const char *pattern, const char *name)
{
	const char *p = pattern, *n = name, *star_pattern = NULL, *star_name = NULL;
	struct error ignored = ERROR_INIT;

	if (glob_check(pattern, &ignored) < 0)
		return false;
	while (*n != '\0') {
		const char *next = n;
		uint32_t c = glob_next_character(&next);

		if (*p == '*') {
			while (*p == '*')
				p++;
			star_pattern = p;
			star_name = n;
			continue;
		}
		if (match_element(&p, c)) {
			n = next;
			continue;
		}
		if (!star_pattern || *star_name == '/')
			return false;
		(void)glob_next_character(&star_name);
		n = star_name;
		p = star_pattern;
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

/** Length of the first component of @pattern: up to a '/' that is in no class and not escaped. */
static size_t
component_length(const char *pattern)
{
	const char *p = pattern;

	while (*p != '\0' && *p != '/') {
		if (*p == '[') {
			p++;
			if (glob_match_class(&p, 'a') < 0)
				return strlen(pattern);
			continue;
		}
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	}
	return (size_t)(p - pattern);
}

bool
glob_may_match_below(const char *pattern, const char *dir)
{
	while (*dir != '\0') {
		size_t n_pattern = component_length(pattern), n_dir = strcspn(dir, "/");
		autofree char *part = xstrndup(pattern, n_pattern);
		autofree char *name = xstrndup(dir, n_dir);

		if (pattern[n_pattern] != '/' || !glob_match(part, name))
			return false;
		pattern += n_pattern + 1;
		dir += n_dir;
		dir += *dir == '/';
	}
	return true;
}

bool
glob_has_wildcard(const char *pattern)
{
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (strchr("*?[", *p))
			return true;
	}
	return false;
}

char *
glob_escape(const char *path)
{
	struct buf pattern = { 0 };

	for (; *path != '\0'; path++) {
		if (strchr("*?[\\", *path))
			buf_add_char(&pattern, '\\');
		buf_add_char(&pattern, *path);
	}
	return buf_steal(&pattern);
}

char *
glob_unescape(const char *pattern)
{
	struct buf b = { 0 };

	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_add_char(&b, *p);
	}
	return buf_steal(&b);
}
