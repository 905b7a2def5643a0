/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package - one piece of software that an image holds, and the list of all of them.
 */
#include "builder/attest/package.h"

#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/base/unicode.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define NOTES_MAX 100

/* The texts of a package and of a distribution: freed, sent and compared one by one. */
static const size_t package_texts[] = {
	offsetof(struct package, space),
	offsetof(struct package, name),
	offsetof(struct package, version),
	offsetof(struct package, arch),
	offsetof(struct package, epoch),
	offsetof(struct package, licence),
	offsetof(struct package, supplier),
	offsetof(struct package, homepage),
	offsetof(struct package, source),
	offsetof(struct package, source_version),
	offsetof(struct package, checksum),
};

static const size_t distribution_texts[] = {
	offsetof(struct distribution, id),
	offsetof(struct distribution, version),
	offsetof(struct distribution, title),
};

static char **
text_at(const void *structure, size_t offset)
{
	return (char **)((uintptr_t)structure + offset);
}

void
package_release(struct package *p)
{
	for (size_t n = 0; n < ARRAY_LEN(package_texts); n++)
		free(*text_at(p, package_texts[n]));
	free(p->purl);
	strv_release(&p->locations);
	*p = (struct package){ 0 };
}

void
inventory_release(struct inventory *inv)
{
	for (size_t n = 0; n < inv->count; n++)
		package_release(&inv->packages[n]);
	free(inv->packages);
	for (size_t n = 0; n < ARRAY_LEN(distribution_texts); n++)
		free(*text_at(&inv->os, distribution_texts[n]));
	strv_release(&inv->notes);
	*inv = (struct inventory){ 0 };
}

const char *
package_type_name(enum package_type type)
{
	static const char *const names[PACKAGE_TYPES] = {
		[PACKAGE_DEB] = "deb",
		[PACKAGE_APK] = "apk",
		[PACKAGE_RPM] = "rpm",
		[PACKAGE_NPM] = "npm",
		[PACKAGE_PYPI] = "pypi",
		[PACKAGE_GOLANG] = "golang",
		[PACKAGE_GENERIC] = "generic",
		[PACKAGE_LOCKED] = "locked",
	};

	return names[type];
}

void
package_set(char **member, const char *text, size_t length)
{
	auto(buf) struct buf clean = { 0 };

	free(*member);
	*member = NULL;
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	while (length > 0 && isspace((unsigned char)*text)) {
		text++;
		length--;
	}
	while (length > 0 && clean.len < PACKAGE_TEXT_MAX) {
		uint32_t code = 0;
		size_t n = unicode_decode(text, length, &code);

		if (n == 0)
			buf_add_text(&clean, "\xef\xbf\xbd");
		else if (code < 0x20 || code == 0x7f)
			buf_add_char(&clean, ' ');
		else
			buf_add(&clean, text, n);
		n += n == 0;
		text += n;
		length -= n;
	}
	if (clean.len > 0)
		*member = buf_steal(&clean);
}

void
package_set_text(char **member, const char *text)
{
	if (text)
		package_set(member, text, strlen(text));
}

char *
package_full_name(const struct package *p)
{
	bool has_space = p->space && (p->type == PACKAGE_NPM || p->type == PACKAGE_GOLANG);

	return has_space ? xasprintf("%s/%s", p->space, p->name) : xstrdup(p->name);
}

void
inventory_note(struct inventory *inv, const char *format, ...)
{
	autofree char *text = NULL, *safe = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	safe = text_safe(text);
	if (inv->notes.count < NOTES_MAX && !strv_has(&inv->notes, safe))
		strv_add(&inv->notes, safe);
}

void
inventory_add(struct inventory *inv, struct package *p, const char *location)
{
	char *clean = NULL;

	if (!p->name && p->type != PACKAGE_LOCKED) {
		package_release(p);
		return;
	}
	if (inv->count >= PACKAGES_MAX) {
		inventory_note(
		    inv, "there are more than %d packages: the others are left out", PACKAGES_MAX);
		package_release(p);
		return;
	}
	package_set_text(&clean, location);
	if (clean)
		strv_take(&p->locations, clean);
	(void)xgrow(&inv->packages, inv->count, &inv->room, sizeof(*inv->packages));
	inv->packages[inv->count++] = *p;
	*p = (struct package){ 0 };
}

/* ---- package URLs ---- */

void
purl_add(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr(".-_~:", c))
			buf_add_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* A path, of which each part is encoded. */
static void
add_path(struct buf *b, const char *text)
{
	auto(strv) struct strv parts = { 0 };

	strv_split(&parts, text, '/');
	for (size_t n = 0; n < parts.count; n++) {
		if (!*parts.items[n])
			continue;
		buf_add_char(b, '/');
		purl_add(b, parts.items[n]);
	}
}

static void
add_qualifier(struct buf *b, bool *first, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(b, "%c%s=", *first ? '?' : '&', name);
	purl_add(b, value);
	*first = false;
}

static bool
is_of_distribution(enum package_type type)
{
	return type == PACKAGE_DEB || type == PACKAGE_APK || type == PACKAGE_RPM;
}

/* The vendor of a package of a distribution: the image's, or whose format it is. */
static const char *
space_of(const struct package *p, const struct distribution *os)
{
	if (p->space || !is_of_distribution(p->type))
		return p->space;
	if (os->id)
		return os->id;
	return p->type == PACKAGE_DEB ? "debian" : p->type == PACKAGE_APK ? "alpine" : NULL;
}

/* What the type's rules want in small letters; pypi takes '_' for '-'. */
static char *
spelled(enum package_type type, const char *text)
{
	char *copy = xstrdup(text);
	bool small = type != PACKAGE_RPM && type != PACKAGE_NPM && type != PACKAGE_GENERIC;

	for (char *c = copy; *c; c++) {
		if (small)
			*c = (char)tolower((unsigned char)*c);
		if (type == PACKAGE_PYPI && *c == '_')
			*c = '-';
	}
	return copy;
}

static void
add_qualifiers(struct buf *b, const struct package *p, const struct distribution *os)
{
	autofree char *distro = NULL, *upstream = NULL;
	bool first = true;

	if (is_of_distribution(p->type) && os->id)
		distro = os->version ? xasprintf("%s-%s", os->id, os->version) : xstrdup(os->id);
	if (p->source && p->source_version)
		upstream = xasprintf("%s@%s", p->source, p->source_version);
	else if (p->source && strcmp(p->source, p->name) != 0)
		upstream = xstrdup(p->source);
	add_qualifier(b, &first, "arch", p->arch);
	add_qualifier(b, &first, "distro", distro);
	add_qualifier(b, &first, "epoch", p->epoch);
	add_qualifier(b, &first, "upstream", upstream);
}

static char *
make_purl(const struct package *p, const struct distribution *os)
{
	autofree char *name = spelled(p->type, p->name);
	autofree char *before = p->space ? spelled(p->type, p->space) : NULL;
	auto(buf) struct buf b = { 0 };

	buf_printf(&b, "pkg:%s", package_type_name(p->type));
	if (before)
		add_path(&b, before);
	buf_add_char(&b, '/');
	purl_add(&b, name);
	if (p->version) {
		buf_add_char(&b, '@');
		purl_add(&b, p->version);
	}
	add_qualifiers(&b, p, os);
	return buf_steal(&b);
}

/* ---- bringing together ---- */

static int
compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int
compare(const void *a, const void *b)
{
	const struct package *p = a, *q = b;
	int order = (int)p->type - (int)q->type;

	if (order == 0)
		order = compare_texts(p->space, q->space);
	if (order == 0)
		order = compare_texts(p->name, q->name);
	if (order == 0)
		order = compare_texts(p->version, q->version);
	if (order == 0)
		order = compare_texts(p->arch, q->arch);
	/* of the same one, in the order of the places, so that the first that says something is always the same */
	if (order == 0 && p->locations.count && q->locations.count)
		order = strcmp(p->locations.items[0], q->locations.items[0]);
	for (size_t n = 0; order == 0 && n < ARRAY_LEN(package_texts); n++)
		order = compare_texts(*text_at(p, package_texts[n]), *text_at(q, package_texts[n]));
	return order;
}

/* What a program's note says and what the database says can differ in how much they say. */
static bool
is_same(const struct package *p, const struct package *q)
{
	return p->type == q->type && compare_texts(p->space, q->space) == 0 &&
	       compare_texts(p->name, q->name) == 0 && compare_texts(p->version, q->version) == 0 &&
	       compare_texts(p->arch, q->arch) == 0;
}

/* Adds what @from knows, a package of the same name, to @to. */
static void
unite(struct package *to, struct package *from)
{
	for (size_t n = 0; n < ARRAY_LEN(package_texts); n++) {
		char **have = text_at(to, package_texts[n]);

		if (!*have)
			*have = steal_ptr(text_at(from, package_texts[n]));
	}
	for (size_t n = 0; n < from->locations.count; n++)
		if (!to->locations.count || strcmp(to->locations.items[to->locations.count - 1],
						from->locations.items[n]) != 0)
			strv_add(&to->locations, from->locations.items[n]);
	package_release(from);
}

/* What a lock file says is of the package whose folder it names. */
static void
take_locked(struct inventory *inv)
{
	auto(map) struct map locked = { 0 };
	size_t kept = 0;

	for (size_t n = 0; n < inv->count; n++)
		if (inv->packages[n].type == PACKAGE_LOCKED && inv->packages[n].locations.count)
			(void)map_set(
			    &locked, inv->packages[n].locations.items[0], &inv->packages[n]);
	for (size_t n = 0; n < inv->count && locked.count; n++) {
		struct package *p = &inv->packages[n];
		const struct package *lock;

		if (p->type != PACKAGE_NPM || p->checksum || !p->version)
			continue;
		lock = map_get(&locked, p->locations.items[0]);
		if (lock && lock->checksum && lock->version &&
		    strcmp(lock->version, p->version) == 0)
			p->checksum = xstrdup(lock->checksum);
	}
	for (size_t n = 0; n < inv->count; n++) {
		if (inv->packages[n].type == PACKAGE_LOCKED)
			package_release(&inv->packages[n]);
		else
			inv->packages[kept++] = inv->packages[n];
	}
	inv->count = kept;
}

/* A package, or what it was built from, in a form in which rpm names the latter. */
static char *
known_as(enum package_type type, const char *name, const char *version)
{
	return xasprintf("%s %s-%s", package_type_name(type), name, version ? version : "");
}

static void
add_known(struct map *known, const struct package *p)
{
	const char *source = p->source ? p->source : p->name;
	size_t length = strlen(source);
	autofree char *by_name = known_as(p->type, p->name, p->version);
	autofree char *by_source =
	    known_as(p->type, source, p->source_version ? p->source_version : p->version);

	(void)map_set(known, by_name, known);
	(void)map_set(known, by_source, known);
	if (p->type == PACKAGE_RPM && text_ends_with(source, ".src.rpm")) {
		autofree char *by_file = xasprintf("%s %.*s", package_type_name(p->type),
		    (int)(length - strlen(".src.rpm")), source);

		(void)map_set(known, by_file, known);
	}
}

/* Programs of installed packages say again what the database says. */
static void
drop_notes(struct inventory *inv)
{
	auto(map) struct map known = { 0 };
	size_t kept = 0;

	for (size_t n = 0; n < inv->count; n++)
		if (!inv->packages[n].is_note)
			add_known(&known, &inv->packages[n]);
	for (size_t n = 0; n < inv->count; n++) {
		struct package *p = &inv->packages[n];
		autofree char *name = known_as(p->type, p->name, p->version);

		if (p->is_note && map_has(&known, name))
			package_release(p);
		else
			inv->packages[kept++] = *p;
	}
	inv->count = kept;
}

void
inventory_finish(struct inventory *inv)
{
	size_t kept = 0;

	take_locked(inv);
	drop_notes(inv);
	for (size_t n = 0; n < inv->count; n++) {
		const char *space = space_of(&inv->packages[n], &inv->os);

		if (space != inv->packages[n].space)
			inv->packages[n].space = xstrdup(space);
	}
	if (inv->count)
		qsort(inv->packages, inv->count, sizeof(*inv->packages), compare);
	for (size_t n = 0; n < inv->count; n++) {
		if (kept > 0 && is_same(&inv->packages[kept - 1], &inv->packages[n]))
			unite(&inv->packages[kept - 1], &inv->packages[n]);
		else
			inv->packages[kept++] = inv->packages[n];
	}
	inv->count = kept;
	for (size_t n = 0; n < inv->count; n++) {
		free(inv->packages[n].purl);
		inv->packages[n].purl = make_purl(&inv->packages[n], &inv->os);
	}
	strv_sort(&inv->notes);
}

/* ---- from process to process ---- */

static void
write_number(struct buf *b, uint32_t number)
{
	buf_add(b, &number, sizeof(number));
}

static void
write_text(struct buf *b, const char *text)
{
	write_number(b, text ? (uint32_t)strlen(text) : UINT32_MAX);
	if (text)
		buf_add_text(b, text);
}

static void
write_list(struct buf *b, const struct strv *v)
{
	write_number(b, (uint32_t)v->count);
	for (size_t n = 0; n < v->count; n++)
		write_text(b, v->items[n]);
}

void
inventory_write(const struct inventory *inv, struct buf *b)
{
	for (size_t n = 0; n < ARRAY_LEN(distribution_texts); n++)
		write_text(b, *text_at(&inv->os, distribution_texts[n]));
	write_list(b, &inv->notes);
	write_number(b, (uint32_t)inv->count);
	for (size_t n = 0; n < inv->count; n++) {
		write_number(b, (uint32_t)inv->packages[n].type);
		write_number(b, inv->packages[n].is_note);
		for (size_t t = 0; t < ARRAY_LEN(package_texts); t++)
			write_text(b, *text_at(&inv->packages[n], package_texts[t]));
		write_list(b, &inv->packages[n].locations);
	}
}

struct reader {
	const char *at;
	size_t left;
	bool broken;
};

static uint32_t
read_number(struct reader *r)
{
	uint32_t number = 0;

	if (r->left < sizeof(number)) {
		r->broken = true;
		return 0;
	}
	memcpy(&number, r->at, sizeof(number));
	r->at += sizeof(number);
	r->left -= sizeof(number);
	return number;
}

static char *
read_text(struct reader *r)
{
	uint32_t length = read_number(r);
	char *text = NULL;

	if (length == UINT32_MAX)
		return NULL;
	if (length > r->left) {
		r->broken = true;
		return NULL;
	}
	/* cleaned once more: the process that read the files may be theirs by now */
	package_set(&text, r->at, length);
	r->at += length;
	r->left -= length;
	return text;
}

static void
read_list(struct reader *r, struct strv *v)
{
	uint32_t count = read_number(r);

	for (uint32_t n = 0; n < count && !r->broken; n++) {
		char *text = read_text(r);

		if (text)
			strv_take(v, text);
	}
}

int
inventory_read(struct inventory *inv, const struct buf *b, struct error *e)
{
	struct reader r = { .at = buf_text(b), .left = b->len };
	auto(strv) struct strv notes = { 0 };
	uint32_t count;

	for (size_t n = 0; n < ARRAY_LEN(distribution_texts); n++) {
		char *text = read_text(&r);
		char **have = text_at(&inv->os, distribution_texts[n]);

		if (*have)
			free(text);
		else
			*have = text;
	}
	read_list(&r, &notes);
	for (size_t n = 0; n < notes.count; n++)
		inventory_note(inv, "%s", notes.items[n]);
	count = read_number(&r);
	for (uint32_t n = 0; n < count && !r.broken; n++) {
		struct package p = { 0 };
		uint32_t type = read_number(&r);
		uint32_t is_note = read_number(&r);
		auto(strv) struct strv places = { 0 };

		for (size_t t = 0; t < ARRAY_LEN(package_texts); t++)
			*text_at(&p, package_texts[t]) = read_text(&r);
		read_list(&r, &places);
		p.type = (enum package_type)type;
		p.is_note = is_note != 0;
		if (r.broken || type >= PACKAGE_TYPES || places.count == 0) {
			package_release(&p);
			r.broken = true;
			break;
		}
		inventory_add(inv, &p, places.items[0]);
	}
	if (r.broken || r.left > 0)
		return error_set(
		    e, ERR_SYSTEM, "the answer of the process that reads packages is none");
	return 0;
}
