/* SPDX-License-Identifier: Apache-2.0 */
/*
 * npm - package.json of installed packages, and what lock files know of them.
 */
#include "builder/attest/parsers.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>

static struct json *
read_json(const struct file_range *file, const char *path, struct inventory *inv)
{
	auto(buf) struct buf text = { 0 };
	struct error problem = ERROR_INIT;
	size_t skip;
	struct json *j;

	if (!parse_whole(file, path, JSON_MAX_BYTES, &text, inv))
		return NULL;
	skip = text_starts_with(buf_text(&text), "\xef\xbb\xbf") ? 3 : 0;
	j = json_parse(buf_text(&text) + skip, text.len - skip, &problem);
	if (!j)
		inventory_note(inv, "%s: %s", path, problem.text);
	return j;
}

/* A text, { "type": ... }, or in old packages a list of these. */
static void
set_licence(struct package *p, const struct json *j)
{
	const struct json *licence = json_get(j, "license");
	const struct json *list = json_get(j, "licenses");
	auto(buf) struct buf all = { 0 };

	package_set_text(&p->licence, json_text(licence));
	if (!p->licence)
		package_set_text(&p->licence, json_text(json_get(licence, "type")));
	for (size_t n = 0; !p->licence && n < json_count(list); n++) {
		const struct json *item = json_at(list, n);
		const char *text =
		    json_text(item) ? json_text(item) : json_text(json_get(item, "type"));

		if (!text)
			continue;
		if (all.len > 0)
			buf_add_text(&all, " OR ");
		buf_add_text(&all, text);
	}
	if (all.len > 0)
		package_set(&p->licence, buf_text(&all), all.len);
}

static void
set_author(struct package *p, const struct json *author)
{
	const char *name = json_text(json_get(author, "name"));
	const char *email = json_text(json_get(author, "email"));

	if (json_text(author)) {
		package_set_text(&p->supplier, json_text(author));
	} else if (name && email) {
		autofree char *both = xasprintf("%s <%s>", name, email);

		package_set_text(&p->supplier, both);
	} else {
		package_set_text(&p->supplier, name);
	}
}

void
npm_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	autojson struct json *j = read_json(file, path, inv);
	struct package p = { .type = PACKAGE_NPM };
	const char *name = json_text(json_get(j, "name"));
	const char *version = json_text(json_get(j, "version"));
	const char *slash = name && name[0] == '@' ? strchr(name, '/') : NULL;
	autofree char *place = xstrndup(path, (size_t)(path_base(path) - path));

	if (!name || !*name || !version || !*version)
		return;
	if (slash)
		package_set(&p.space, name, (size_t)(slash - name));
	package_set_text(&p.name, slash ? slash + 1 : name);
	package_set_text(&p.version, version);
	set_licence(&p, j);
	set_author(&p, json_get(j, "author"));
	package_set_text(&p.homepage, json_text(json_get(j, "homepage")));
	if (*place)
		place[strlen(place) - 1] = '\0';
	inventory_add(inv, &p, *place ? place : ".");
}

/* "sha512-BASE64 ...", the first one; as hexadecimal digits. */
static void
set_integrity(struct package *p, const char *text)
{
	static const struct {
		const char *name;
		size_t bytes;
	} known[] = { { "sha512", 64 }, { "sha384", 48 }, { "sha256", 32 }, { "sha1", 20 } };
	auto(buf) struct buf bytes = { 0 };
	auto(buf) struct buf digits = { 0 };
	struct error ignored = ERROR_INIT; /* no checksum, then */
	const char *dash = text ? strchr(text, '-') : NULL;
	autofree char *encoded = dash ? xstrndup(dash + 1, strcspn(dash + 1, " ?")) : NULL;

	if (!encoded || text_parse_base64(encoded, &bytes, &ignored) < 0)
		return;
	for (size_t n = 0; n < ARRAY_LEN(known); n++) {
		if (strlen(known[n].name) != (size_t)(dash - text) ||
		    strncmp(text, known[n].name, (size_t)(dash - text)) != 0 ||
		    bytes.len != known[n].bytes)
			continue;
		buf_printf(&digits, "%s:", known[n].name);
		for (size_t i = 0; i < bytes.len; i++)
			buf_printf(&digits, "%02x", (unsigned char)bytes.data[i]);
		package_set(&p->checksum, buf_text(&digits), digits.len);
	}
}

void
npm_parse_lock(const struct file_range *file, const char *path, struct inventory *inv)
{
	autojson struct json *j = read_json(file, path, inv);
	const struct json *packages = json_get(j, "packages");
	autofree char *folder = xstrndup(path, (size_t)(path_base(path) - path));
	size_t length = strlen(folder);

	/* npm's own copy of the lock file lies in node_modules and speaks of what is beside that */
	if (text_ends_with(folder, "node_modules/"))
		folder[length - strlen("node_modules/")] = '\0';
	for (size_t n = 0; n < json_count(packages); n++) {
		const struct json *item = json_at(packages, n);
		struct package p = { .type = PACKAGE_LOCKED };
		autofree char *place = xasprintf("%s%s", folder, json_key_at(packages, n));

		package_set_text(&p.version, json_text(json_get(item, "version")));
		set_integrity(&p, json_text(json_get(item, "integrity")));
		if (p.checksum && p.version)
			inventory_add(inv, &p, place);
		else
			package_release(&p);
	}
}
