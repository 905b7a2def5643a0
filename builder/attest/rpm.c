/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm - headers of rpm's database (rpm's manual, "RPM v4 header format").
 *
 * A header is two counts, an index of 16 bytes a tag, and the values; all numbers big-endian. The database of today is a
 * table of such headers in SQLite. Those of Berkeley DB and rpm's own ndb are not read, and that is told.
 */
#include "builder/attest/parsers.h"
#include "runtime/base/mem.h"

#include <string.h>

#define ENTRIES_MAX 100000

enum tag {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_VENDOR = 1011,
	TAG_LICENCE = 1014,
	TAG_URL = 1020,
	TAG_ARCH = 1022,
	TAG_SOURCE = 1044,
};

enum value_type {
	VALUE_INT32 = 4,
	VALUE_TEXT = 6,
	VALUE_TRANSLATED = 9, /* texts, the first one in the C locale */
};

struct header {
	const unsigned char *index;
	size_t count;
	const unsigned char *values;
	size_t length;
};

static uint32_t
number(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* The value of a tag, and how many bytes there are from it on; NULL when there is none of that type. */
static const unsigned char *
find(const struct header *h, enum tag tag, bool is_text, size_t *left)
{
	for (size_t n = 0; n < h->count; n++) {
		const unsigned char *entry = h->index + 16 * n;
		uint32_t type = number(entry + 4), offset = number(entry + 8);

		if (number(entry) != tag || offset >= h->length)
			continue;
		if (is_text ? type != VALUE_TEXT && type != VALUE_TRANSLATED : type != VALUE_INT32)
			continue;
		*left = h->length - offset;
		return h->values + offset;
	}
	return NULL;
}

static void
set_text(char **member, const struct header *h, enum tag tag)
{
	size_t left;
	const unsigned char *text = find(h, tag, true, &left);

	if (text)
		package_set(member, (const char *)text, strnlen((const char *)text, left));
}

static void
set_version(struct package *p, const struct header *h)
{
	autofree char *version = NULL, *release = NULL, *both = NULL, *epoch = NULL;
	size_t left;
	const unsigned char *value = find(h, TAG_EPOCH, false, &left);

	set_text(&version, h, TAG_VERSION);
	set_text(&release, h, TAG_RELEASE);
	both =
	    xasprintf("%s%s%s", version ? version : "", release ? "-" : "", release ? release : "");
	package_set_text(&p->version, both);
	if (!value || left < 4)
		return;
	epoch = xasprintf("%u", number(value));
	package_set_text(&p->epoch, epoch);
}

void
rpm_parse_header(
    const unsigned char *bytes, size_t length, const char *location, struct inventory *inv)
{
	struct package p = { .type = PACKAGE_RPM };
	struct header h;

	h.count = length >= 8 ? number(bytes) : 0;
	h.length = length >= 8 ? number(bytes + 4) : 0;
	if (h.count == 0 || h.count > ENTRIES_MAX || h.count * 16 > length - 8 ||
	    h.length > length - 8 - h.count * 16) {
		inventory_note(inv, "%s: a damaged header of a package", location);
		return;
	}
	h.index = bytes + 8;
	h.values = h.index + h.count * 16;
	set_text(&p.name, &h, TAG_NAME);
	set_version(&p, &h);
	set_text(&p.arch, &h, TAG_ARCH);
	set_text(&p.licence, &h, TAG_LICENCE);
	set_text(&p.supplier, &h, TAG_VENDOR);
	set_text(&p.homepage, &h, TAG_URL);
	set_text(&p.source, &h, TAG_SOURCE);
	/* keys that packages are checked with are kept as if they were packages */
	if (p.name && strcmp(p.name, "gpg-pubkey") == 0)
		package_release(&p);
	else
		inventory_add(inv, &p, location);
}

struct table {
	const char *path;
	struct inventory *inv;
};

static void
take_blob(void *arg, const unsigned char *bytes, size_t length)
{
	const struct table *t = arg;

	rpm_parse_header(bytes, length, t->path, t->inv);
}

void
rpm_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	struct table table = { path, inv };
	struct error problem = ERROR_INIT;

	if (sqlite_each_blob(file, "Packages", take_blob, &table, &problem) < 0)
		inventory_note(inv, "%s: %s", path, problem.text);
}

void
rpm_refuse(const struct file_range *file, const char *path, struct inventory *inv)
{
	if (file->size > 0)
		inventory_note(inv,
		    "%s: rpm's database in the form of Berkeley DB or ndb is not read: its "
		    "packages are missing here (rpmdb --rebuilddb with %%_db_backend sqlite "
		    "makes one that is)",
		    path);
}
