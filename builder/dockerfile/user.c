/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - the texts "user[:group]" of USER and --chown, and the modes of --chmod.
 */
#include "builder/dockerfile/user.h"

#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

static bool
is_number(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return length > 0;
}

/** A sign or hexadecimal: surely meant as a number, and looked up as a name it would surprise. */
static bool
is_odd_number(const char *text, size_t length)
{
	if (length > 1 && (text[0] == '-' || text[0] == '+') && isdigit((unsigned char)text[1]))
		return true;
	if (length < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return false;
	for (size_t i = 2; i < length; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

static int
check_name(const char *text, size_t length, const char *what, struct error *e)
{
	if (length >= sizeof(((struct user_part *)0)->name))
		return error_set(e, ERR_INPUT, "the %s name has more than 255 bytes", what);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c == 0x7f)
			return error_set(e, ERR_INPUT,
			    "the %s name '%.*s' has a blank or control character", what,
			    (int)length, text);
		if (strchr("/,\"'\\", c))
			return error_set(e, ERR_INPUT, "the %s name '%.*s' has a '%c'", what,
			    (int)length, text, c);
	}
	return 0;
}

static int
parse_part(
    const char *text, size_t length, const char *what, struct user_part *part, struct error *e)
{
	uint64_t id;

	part->given = length > 0;
	if (length == 0)
		return 0;
	if (is_odd_number(text, length))
		return error_set(e, ERR_INPUT,
		    "the %s '%.*s' is neither a name nor a decimal number", what, (int)length,
		    text);
	if (check_name(text, length, what, e) < 0)
		return -1;
	memcpy(part->name, text, length);
	part->name[length] = '\0';
	if (!is_number(text, length))
		return 0;
	if (parse_u64(part->name, 0, USER_MAX_ID, what, &id, e) < 0)
		return error_set(
		    e, ERR_INPUT, "the %s id %s is larger than %d", what, part->name, USER_MAX_ID);
	part->numeric = true;
	part->id = (uint32_t)id;
	part->name[0] = '\0';
	return 0;
}

int
user_parse(const char *text, struct user_spec *spec, struct error *e)
{
	const char *colon = strchr(text, ':');
	struct user_spec parsed = { 0 };

	if (colon && strchr(colon + 1, ':'))
		return error_set(e, ERR_INPUT, "'%s' has more than one ':'", text);
	if (parse_part(
		text, colon ? (size_t)(colon - text) : strlen(text), "user", &parsed.user, e) < 0)
		return -1;
	if (colon && parse_part(colon + 1, strlen(colon + 1), "group", &parsed.group, e) < 0)
		return -1;
	*spec = parsed;
	return 0;
}

#define WHO_USER (S_ISUID | S_IRWXU)
#define WHO_GROUP (S_ISGID | S_IRWXG)
#define WHO_OTHER (S_ISVTX | S_IRWXO)
#define WHO_ALL (WHO_USER | WHO_GROUP | WHO_OTHER)

static const char *
parse_who(const char *p, mode_t *who)
{
	for (*who = 0; *p != '\0'; p++) {
		if (*p == 'u')
			*who |= WHO_USER;
		else if (*p == 'g')
			*who |= WHO_GROUP;
		else if (*p == 'o')
			*who |= WHO_OTHER;
		else if (*p == 'a')
			*who |= WHO_ALL;
		else
			break;
	}
	if (*who == 0)
		*who = WHO_ALL;
	return p;
}

/** The permissions behind an operator. */
static const char *
parse_bits(const char *p, struct mode_change *change)
{
	static const struct {
		char letter;
		mode_t bits;
	} letters[] = {
		{ 'r', 0444 },
		{ 'w', 0222 },
		{ 'x', 0111 },
		{ 's', S_ISUID | S_ISGID },
		{ 't', S_ISVTX },
	};

	if (*p == 'u' || *p == 'g' || *p == 'o') {
		change->copy_from = *p;
		return p + 1;
	}
	for (;; p++) {
		size_t i = 0;

		while (i < sizeof(letters) / sizeof(letters[0]) && letters[i].letter != *p)
			i++;
		if (i < sizeof(letters) / sizeof(letters[0]))
			change->bits |= letters[i].bits;
		else if (*p == 'X')
			change->execute_if = true;
		else
			return p;
	}
}

static int
parse_symbolic(const char *text, struct mode_spec *spec, struct error *e)
{
	const char *p = text;
	mode_t who;

	spec->symbolic = true;
	for (;;) {
		p = parse_who(p, &who);
		do {
			struct mode_change *change = &spec->changes[spec->n_changes];

			if (*p == '\0' || !strchr("=+-", *p))
				return error_set(e, ERR_INPUT,
				    "mode '%s' is neither octal nor of the form u=rwX,go=rX", text);
			if (spec->n_changes == MODE_MAX_CHANGES)
				return error_set(e, ERR_INPUT, "mode '%s' has more than %d changes",
				    text, MODE_MAX_CHANGES);
			*change = (struct mode_change){ .who = who, .operation = *p };
			p = parse_bits(p + 1, change);
			spec->n_changes++;
		} while (*p != '\0' && strchr("=+-", *p));
		if (*p == '\0')
			return 0;
		if (*p != ',')
			return error_set(
			    e, ERR_INPUT, "mode '%s': '%c' is no permission", text, *p);
		p++;
	}
}

int
mode_parse(const char *text, struct mode_spec *spec, struct error *e)
{
	uint32_t mode;

	*spec = (struct mode_spec){ 0 };
	if (text[0] == '\0')
		return error_set(e, ERR_INPUT, "the mode is empty");
	if (!isdigit((unsigned char)text[0]))
		return parse_symbolic(text, spec, e);
	if (strspn(text, "01234567") != strlen(text))
		return error_set(e, ERR_INPUT, "mode '%s' is not an octal number", text);
	if (parse_octal(text, 07777, "mode", &mode, e) < 0)
		return error_set(e, ERR_INPUT, "mode '%s' is larger than 07777", text);
	spec->mode = mode;
	return 0;
}

/** The rwx of one class of @mode, in all three places. */
static mode_t
copied_bits(char from, mode_t mode)
{
	unsigned shift = from == 'u' ? 6 : from == 'g' ? 3 : 0;
	mode_t bits = (mode >> shift) & 07;

	return bits | bits << 3 | bits << 6;
}

mode_t
mode_apply(const struct mode_spec *spec, mode_t mode)
{
	mode_t result = mode & 07777;

	if (!spec->symbolic)
		return spec->mode;
	for (size_t i = 0; i < spec->n_changes; i++) {
		const struct mode_change *change = &spec->changes[i];
		mode_t bits =
		    change->copy_from ? copied_bits(change->copy_from, result) : change->bits;

		if (change->execute_if && (S_ISDIR(mode) || (result & 0111)))
			bits |= 0111;
		bits &= change->who;
		if (change->operation == '=')
			result = (result & ~change->who) | bits;
		else if (change->operation == '+')
			result |= bits;
		else
			result &= ~bits;
	}
	return result;
}
