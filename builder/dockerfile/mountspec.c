/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountspec - the value of RUN --mount.
 *
 * A row a key: which types have it, which take it and do nothing with it, and what reads its value. The
 * type may stand anywhere, so it is read first.
 */
#include "builder/dockerfile/mountspec.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BIND (1U << MOUNT_BIND)
#define CACHE (1U << MOUNT_CACHE)
#define TMPFS (1U << MOUNT_TMPFS)
#define SECRET (1U << MOUNT_SECRET)
#define SSH (1U << MOUNT_SSH)
#define ALL (BIND | CACHE | TMPFS | SECRET | SSH)

#define ID_MAX_VALUE (UINT32_MAX - 1)

const char *const mount_type_names[] = {
	[MOUNT_BIND] = "bind",
	[MOUNT_CACHE] = "cache",
	[MOUNT_TMPFS] = "tmpfs",
	[MOUNT_SECRET] = "secret",
	[MOUNT_SSH] = "ssh",
	NULL,
};

const char *const mount_sharing_names[] = {
	[MOUNT_SHARED] = "shared",
	[MOUNT_PRIVATE] = "private",
	[MOUNT_LOCKED] = "locked",
	NULL,
};

/** What is being read. */
struct reading_mount {
	struct mountspec *m;
	bool has_access; /* ro or rw was given */
	struct error *e;
};

typedef int set_fn(struct reading_mount *r, const char *key, const char *value);

struct key_def {
	const char *name; /* NULL ends the table */
	const char *same_as;
	unsigned types;   /* that have it */
	unsigned ignored; /* that take it in vain; others refuse it */
	bool alone;       /* may stand without a value */
	set_fn *set;
};

void
mountspec_release(struct mountspec *m)
{
	free(m->target);
	free(m->source);
	free(m->from);
	free(m->id);
	free(m->env);
	strv_release(&m->ignored);
	*m = (struct mountspec){ 0 };
}

/* ---- values ---- */

static int
choose(const struct reading_mount *r, const char *key, const char *value, const char *const *names,
    int *chosen)
{
	const char *near = text_suggest(value, names);
	auto(strv) struct strv all = { 0 };
	autofree char *list = NULL;

	for (int n = 0; names[n]; n++) {
		if (strcasecmp(names[n], value) == 0) {
			*chosen = n;
			return 0;
		}
		strv_add(&all, names[n]);
	}
	if (near)
		return error_set(
		    r->e, ERR_INPUT, "unknown %s '%s', did you mean %s?", key, value, near);
	list = strv_join(&all, ", ");
	return error_set(r->e, ERR_INPUT, "unknown %s '%s'; there are %s", key, value, list);
}

static int
set_type(struct reading_mount *r, const char *key, const char *value)
{
	int chosen = 0;

	if (choose(r, key, value, mount_type_names, &chosen) < 0)
		return -1;
	r->m->type = (enum mount_type)chosen;
	return 0;
}

static int
set_sharing(struct reading_mount *r, const char *key, const char *value)
{
	int chosen = 0;

	if (choose(r, key, value, mount_sharing_names, &chosen) < 0)
		return -1;
	r->m->sharing = (enum mount_sharing)chosen;
	return 0;
}

static void
set_text(char **to, const char *value)
{
	free(*to);
	*to = value[0] ? xstrdup(value) : NULL;
}

static int
set_target(struct reading_mount *r, const char *key, const char *value)
{
	(void)key;
	set_text(&r->m->target, value);
	return 0;
}

static int
set_source(struct reading_mount *r, const char *key, const char *value)
{
	(void)key;
	set_text(&r->m->source, value);
	return 0;
}

static int
set_from(struct reading_mount *r, const char *key, const char *value)
{
	(void)key;
	set_text(&r->m->from, value);
	return 0;
}

static int
set_id(struct reading_mount *r, const char *key, const char *value)
{
	(void)key;
	set_text(&r->m->id, value);
	return 0;
}

static int
set_env(struct reading_mount *r, const char *key, const char *value)
{
	size_t length =
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (length == 0 || value[length] != '\0' || isdigit((unsigned char)value[0]))
		return error_set(
		    r->e, ERR_INPUT, "%s=%s: that is no name of a variable", key, value);
	set_text(&r->m->env, value);
	return 0;
}

int
mountspec_bool(const char *text, const char *key, bool *value, struct error *e)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t n = 0; n < ARRAY_LEN(yes); n++) {
		*value = strcmp(text, yes[n]) == 0;
		if (*value || strcmp(text, no[n]) == 0)
			return 0;
	}
	return error_set(e, ERR_INPUT, "%s=%s: that is neither true nor false", key, text);
}

static int
set_read_only(struct reading_mount *r, const char *key, const char *value)
{
	r->has_access = true;
	r->m->read_only = true;
	if (value && mountspec_bool(value, key, &r->m->read_only, r->e) < 0)
		return -1;
	if (!r->m->read_only && (1U << r->m->type) & (SECRET | SSH))
		strv_printf(&r->m->ignored, "%s=%s", key, value);
	return 0;
}

static int
set_writable(struct reading_mount *r, const char *key, const char *value)
{
	bool writable = true;

	if (value && mountspec_bool(value, key, &writable, r->e) < 0)
		return -1;
	r->has_access = true;
	r->m->read_only = !writable;
	return 0;
}

static int
set_required(struct reading_mount *r, const char *key, const char *value)
{
	r->m->required = true;
	return value ? mountspec_bool(value, key, &r->m->required, r->e) : 0;
}

static int
set_size(struct reading_mount *r, const char *key, const char *value)
{
	return parse_size(value, key, &r->m->size, r->e);
}

static int
set_mode(struct reading_mount *r, const char *key, const char *value)
{
	uint32_t mode = 0;

	r->m->has_mode = true;
	if (parse_octal(value, 07777, key, &mode, r->e) < 0)
		return -1;
	r->m->mode = mode;
	return 0;
}

static int
set_uid(struct reading_mount *r, const char *key, const char *value)
{
	uint64_t id = 0;

	r->m->has_uid = true;
	if (parse_u64(value, 0, ID_MAX_VALUE, key, &id, r->e) < 0)
		return -1;
	r->m->uid = (uid_t)id;
	return 0;
}

static int
set_gid(struct reading_mount *r, const char *key, const char *value)
{
	uint64_t id = 0;

	r->m->has_gid = true;
	if (parse_u64(value, 0, ID_MAX_VALUE, key, &id, r->e) < 0)
		return -1;
	r->m->gid = (gid_t)id;
	return 0;
}

static const struct key_def keys[] = {
	{ .name = "type", .types = ALL, .set = set_type },
	{ .name = "target", .types = ALL, .set = set_target },
	{ .name = "dst", .same_as = "target", .types = ALL, .set = set_target },
	{ .name = "destination", .same_as = "target", .types = ALL, .set = set_target },
	{ .name = "source", .types = BIND | CACHE | SECRET, .ignored = TMPFS, .set = set_source },
	{ .name = "src",
	    .same_as = "source",
	    .types = BIND | CACHE | SECRET,
	    .ignored = TMPFS,
	    .set = set_source },
	{ .name = "from", .types = BIND | CACHE, .ignored = TMPFS | SSH, .set = set_from },
	{ .name = "id", .types = CACHE | SECRET | SSH, .ignored = BIND | TMPFS, .set = set_id },
	{ .name = "env", .types = SECRET, .set = set_env },
	{ .name = "ro", .same_as = "access", .types = ALL, .alone = true, .set = set_read_only },
	{ .name = "readonly",
	    .same_as = "access",
	    .types = ALL,
	    .alone = true,
	    .set = set_read_only },
	{ .name = "rw",
	    .same_as = "access",
	    .types = BIND | CACHE | TMPFS,
	    .ignored = SECRET | SSH,
	    .alone = true,
	    .set = set_writable },
	{ .name = "readwrite",
	    .same_as = "access",
	    .types = BIND | CACHE | TMPFS,
	    .ignored = SECRET | SSH,
	    .alone = true,
	    .set = set_writable },
	{ .name = "required", .types = SECRET | SSH, .alone = true, .set = set_required },
	{ .name = "sharing", .types = CACHE, .set = set_sharing },
	{ .name = "size", .types = TMPFS, .set = set_size },
	{ .name = "mode", .types = CACHE | SECRET | SSH, .set = set_mode },
	{ .name = "uid", .types = CACHE | SECRET | SSH, .set = set_uid },
	{ .name = "gid", .types = CACHE | SECRET | SSH, .set = set_gid },
	{ 0 },
};

/* ---- fields ---- */

/** A quoted field at @p (behind its first quote). Returns behind its last; NULL when that is missing. */
static const char *
read_quoted(const char *p, struct buf *field)
{
	for (; *p != '\0'; p++) {
		if (*p == '"' && p[1] != '"')
			return p + 1;
		if (*p == '"')
			p++;
		buf_add_char(field, *p);
	}
	return NULL;
}

int
mountspec_split(const char *text, struct strv *fields, struct error *e)
{
	const char *p = text;

	for (;;) {
		auto(buf) struct buf field = { 0 };

		if (*p == '"') {
			p = read_quoted(p + 1, &field);
			if (!p)
				return error_set(e, ERR_INPUT, "a quote \" is not closed");
			if (*p != ',' && *p != '\0')
				return error_set(e, ERR_INPUT,
				    "a closing quote \" is followed by '%c' instead of a comma",
				    *p);
		} else {
			size_t length = strcspn(p, ",");

			if (memchr(p, '"', length))
				return error_set(e, ERR_INPUT,
				    "a quote \" inside of '%.*s': quote the whole of it, "
				    "and write \"\" for one that stays",
				    (int)length, p);
			buf_add(&field, p, length);
			p += length;
		}
		strv_add(fields, buf_text(&field));
		if (*p == '\0')
			return 0;
		p++;
	}
}

/** KEY or KEY=VALUE. */
struct field {
	const struct key_def *key;
	const char *value; /* NULL: none */
};

static int
unknown_key(const char *name, const char *whole, struct error *e)
{
	const char *names[ARRAY_LEN(keys)] = { NULL }, *near;

	for (size_t n = 0; keys[n].name; n++)
		names[n] = keys[n].name;
	near = name[0] ? text_suggest(name, names) : NULL;
	if (near)
		return error_set(e, ERR_INPUT, "unknown key '%s', did you mean '%s'?", name, near);
	return error_set(e, ERR_INPUT, "unknown key '%s' in '%s'", name, whole);
}

static int
read_field(const char *text, struct field *field, struct error *e)
{
	size_t length = strcspn(text, "=");
	autofree char *name = xstrndup(text, length);

	if (text[0] == '\0')
		return error_set(e, ERR_INPUT, "a field is empty: KEY=VALUE,... is wanted");
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	*field = (struct field){ .value = text[length] == '=' ? text + length + 1 : NULL };
	for (const struct key_def *k = keys; k->name && !field->key; k++)
		if (strcmp(k->name, name) == 0)
			field->key = k;
	if (!field->key)
		return unknown_key(name, text, e);
	if (!field->value && !field->key->alone)
		return error_set(e, ERR_INPUT, "'%s' needs a value: %s=...", text, name);
	return 0;
}

static const char *
meaning_of(const struct key_def *key)
{
	return key->same_as ? key->same_as : key->name;
}

/** Reads all of @fields into @read; no key twice, whatever its spelling. */
static int
read_fields(const struct strv *fields, struct field *read, struct error *e)
{
	for (size_t n = 0; n < fields->count; n++) {
		if (read_field(fields->items[n], &read[n], e) < 0)
			return -1;
		for (size_t m = 0; m < n; m++) {
			if (strcmp(meaning_of(read[m].key), meaning_of(read[n].key)) != 0)
				continue;
			if (read[m].key == read[n].key)
				return error_set(
				    e, ERR_INPUT, "'%s' is given twice", read[n].key->name);
			return error_set(e, ERR_INPUT, "'%s' and '%s' are both given",
			    read[m].key->name, read[n].key->name);
		}
	}
	return 0;
}

/* ---- the whole ---- */

static int
set_field(
    struct reading_mount *r, const struct field *field, mountspec_expand_fn *expand, void *arg)
{
	const struct key_def *key = field->key;
	unsigned type = 1U << r->m->type;
	autofree char *value = NULL;

	if (field->value) {
		value = expand ? expand(arg, field->value) : xstrdup(field->value);
		if (!value)
			return -1;
	}
	if (!(type & (key->types | key->ignored)))
		return error_set(r->e, ERR_INPUT, "'%s' does not go with type=%s", key->name,
		    mount_type_names[r->m->type]);
	if (type & key->ignored)
		strv_add(&r->m->ignored, key->name);
	return key->set(r, key->name, value);
}

static const mode_t default_modes[] = {
	[MOUNT_BIND] = 0,
	[MOUNT_CACHE] = 0755,
	[MOUNT_TMPFS] = 0,
	[MOUNT_SECRET] = 0400,
	[MOUNT_SSH] = 0600,
};

/** Defaults, and what has to go together. */
static int
complete(struct reading_mount *r)
{
	struct mountspec *m = r->m;
	bool is_secret = m->type == MOUNT_SECRET;

	if (!r->has_access)
		m->read_only = m->type != MOUNT_CACHE && m->type != MOUNT_TMPFS;
	if (is_secret || m->type == MOUNT_SSH)
		m->read_only = true;
	if (!m->has_mode)
		m->mode = default_modes[m->type];
	if (is_secret && m->source && m->id)
		return error_set(r->e, ERR_INPUT,
		    "'source' is another word for 'id' of a secret; both are given");
	if (is_secret && m->source)
		m->id = steal_ptr(&m->source);
	if (is_secret && !m->id && !m->target)
		return error_set(r->e, ERR_INPUT, "type=secret needs id=... or target=...");
	if (!is_secret && m->type != MOUNT_SSH && !m->target)
		return error_set(
		    r->e, ERR_INPUT, "type=%s needs target=...", mount_type_names[m->type]);
	return 0;
}

static int
parse_fields(const struct strv *fields, mountspec_expand_fn *expand, void *arg, struct mountspec *m,
    struct error *e)
{
	autofree struct field *read = xcalloc(fields->count, sizeof(*read));
	struct reading_mount r = { .m = m, .e = e };

	if (read_fields(fields, read, e) < 0)
		return -1;
	for (size_t n = 0; n < fields->count; n++)
		if (read[n].key->set == set_type && set_field(&r, &read[n], expand, arg) < 0)
			return -1;
	for (size_t n = 0; n < fields->count; n++)
		if (read[n].key->set != set_type && set_field(&r, &read[n], expand, arg) < 0)
			return -1;
	return complete(&r);
}

int
mountspec_parse(
    const char *text, mountspec_expand_fn *expand, void *arg, struct mountspec *m, struct error *e)
{
	auto(strv) struct strv fields = { 0 };

	*m = (struct mountspec){ .type = MOUNT_BIND };
	if (mountspec_split(text, &fields, e) < 0)
		return -1;
	return parse_fields(&fields, expand, arg, m, e);
}

/** `from` of @fields, without variables. NULL when it is not given or empty. */
static int
check_from(const struct field *read, size_t n_fields, const char **from, struct error *e)
{
	for (size_t n = 0; n < n_fields; n++) {
		const char *value = read[n].value;

		if (read[n].key->set != set_from || !value || !value[0])
			continue;
		if (strchr(value, '$'))
			return error_set(e, ERR_INPUT,
			    "from=%s: variables are not replaced here; name a stage that is FROM "
			    "the image",
			    value);
		*from = value;
	}
	return 0;
}

int
mountspec_check(const char *text, char **from, struct error *e)
{
	auto(strv) struct strv fields = { 0 };
	autofree struct field *read = NULL;
	auto(mountspec) struct mountspec m = { 0 };
	const char *value = NULL;

	*from = NULL;
	if (mountspec_split(text, &fields, e) < 0)
		return -1;
	read = xcalloc(fields.count, sizeof(*read));
	if (read_fields(&fields, read, e) < 0 || check_from(read, fields.count, &value, e) < 0)
		return -1;
	if (!strchr(text, '$') && parse_fields(&fields, NULL, NULL, &m, e) < 0)
		return -1;
	/* a type that is a variable may turn out to be one that reads files */
	if (value && (strchr(text, '$') || m.from) && m.type != MOUNT_TMPFS && m.type != MOUNT_SSH)
		*from = xstrdup(value);
	return 0;
}
