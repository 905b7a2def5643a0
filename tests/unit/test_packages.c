/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_packages - what databases of packages and programs say; damaged ones; merging; licences.
 *
 * tests/data/attest/<name>.<parser> beside <name>.<parser>.expected: a line a package, "! " before what is noted.
 */
#include "builder/attest/licence.h"
#include "builder/attest/parsers.h"
#include "builder/attest/sbom.h"
#include "builder/attest/scan.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *suffix;
	parse_fn *parse;
} parsers[] = {
	{ ".dpkg", dpkg_parse },
	{ ".apk", apk_parse },
	{ ".rpm", rpm_parse },
	{ ".rpm-other", rpm_refuse },
	{ ".npm", npm_parse },
	{ ".npm-lock", npm_parse_lock },
	{ ".python", python_parse },
	{ ".program", program_parse },
	{ ".os-release", os_release_parse },
};

static int
open_data(void)
{
	const char *top = getenv("CROZE_SOURCE");
	autofree char *path = xasprintf("%s/tests/data/attest", top ? top : ".");
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(dir >= 0);
	return dir;
}

static void
add_member(struct buf *b, const char *name, const char *value)
{
	if (value)
		buf_printf(b, " %s=%s", name, value);
}

static void
show(const struct inventory *inv, struct buf *b)
{
	if (inv->os.id)
		buf_printf(b, "os %s %s %s\n", inv->os.id, inv->os.version, inv->os.title);
	for (size_t n = 0; n < inv->count; n++) {
		const struct package *p = &inv->packages[n];
		autofree char *places = strv_join(&p->locations, ",");

		buf_add_text(b, p->purl);
		add_member(b, "licence", p->licence);
		add_member(b, "supplier", p->supplier);
		add_member(b, "homepage", p->homepage);
		add_member(b, "checksum", p->checksum);
		add_member(b, "in", places);
		buf_add_char(b, '\n');
	}
	for (size_t n = 0; n < inv->notes.count; n++)
		buf_printf(b, "! %s\n", inv->notes.items[n]);
}

static void
parse_name(int dir, const char *name, struct inventory *inv)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct file_range range = { .fd = fd };
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	range.size = (uint64_t)st.st_size;
	for (size_t n = 0; n < ARRAY_LEN(parsers); n++)
		if (text_ends_with(name, parsers[n].suffix))
			parsers[n].parse(&range, name, inv);
}

static void
parse_bytes(parse_fn *parse, const void *bytes, size_t length, struct inventory *inv)
{
	autofd int fd = memfd_create("test", MFD_CLOEXEC);
	struct file_range range = { .fd = fd, .size = length };

	assert_int_equal(write(fd, bytes, length), length);
	parse(&range, "file", inv);
}

static void
each_file_says_what_is_expected(void **state)
{
	autofd int dir = open_data();
	struct error e = ERROR_INIT;
	autodir DIR *names = fd_opendir(dir, &e);
	const struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(names);
	while ((entry = readdir(names))) {
		auto(inventory) struct inventory inv = { 0 };
		auto(buf) struct buf found = { 0 };
		auto(buf) struct buf wanted = { 0 };
		autofree char *expected = xasprintf("%s.expected", entry->d_name);

		if (entry->d_name[0] == '.' || text_ends_with(entry->d_name, ".expected"))
			continue;
		parse_name(dir, entry->d_name, &inv);
		inventory_finish(&inv);
		show(&inv, &found);
		assert_ok(path_read_file(dir, expected, &wanted, 1 << 20, &e), &e);
		if (strcmp(buf_text(&found), buf_text(&wanted)) != 0) {
			fprintf(stderr, "found in %s:\n%s", entry->d_name, buf_text(&found));
			fail_msg("%s is not as expected", entry->d_name);
		}
		count++;
	}
	assert_true(count >= 15);
}

static void
files_cut_anywhere_do_no_harm(void **state)
{
	static const char *const names[] = { "go-inline.program", "go-pointers.program",
		"rpmdb.rpm", "status.dpkg", "installed.apk", "scoped.npm", "requests.python" };
	autofd int dir = open_data();
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		auto(buf) struct buf bytes = { 0 };

		assert_ok(path_read_file(dir, names[n], &bytes, 1 << 20, &e), &e);
		for (size_t length = 0; length < bytes.len; length += 1 + bytes.len / 500) {
			auto(inventory) struct inventory inv = { 0 };

			for (size_t p = 0; p < ARRAY_LEN(parsers); p++)
				if (text_ends_with(names[n], parsers[p].suffix))
					parse_bytes(parsers[p].parse, bytes.data, length, &inv);
			inventory_finish(&inv);
			assert_true(inv.count <= 20);
		}
	}
}

static void
a_tree_of_pages_that_bites_its_tail_ends(void **state)
{
	autofd int dir = open_data();
	auto(buf) struct buf bytes = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(path_read_file(dir, "rpmdb.rpm", &bytes, 1 << 20, &e), &e);
	for (size_t at = 100; at < bytes.len; at += 7) {
		auto(inventory) struct inventory inv = { 0 };
		char saved = bytes.data[at];

		bytes.data[at] = (char)~saved;
		parse_bytes(rpm_parse, bytes.data, bytes.len, &inv);
		assert_true(inv.count <= 100);
		bytes.data[at] = saved;
	}
}

static void
what_a_lock_file_knows_is_given_to_the_package_at_its_place(void **state)
{
	autofd int dir = open_data();
	auto(inventory) struct inventory inv = { 0 };
	static const char json[] = "{\"name\":\"left-pad\",\"version\":\"1.3.0\"}";
	autofd int fd = memfd_create("test", MFD_CLOEXEC);
	struct file_range range = { .fd = fd, .size = sizeof(json) - 1 };

	(void)state;
	assert_int_equal(write(fd, json, sizeof(json) - 1), sizeof(json) - 1);
	parse_name(dir, "package-lock.npm-lock", &inv);
	npm_parse(&range, "node_modules/left-pad/package.json", &inv);
	npm_parse(&range, "other/node_modules/left-pad/package.json", &inv);
	inventory_finish(&inv);
	assert_int_equal(inv.count, 1);
	assert_true(text_starts_with(inv.packages[0].checksum, "sha512:5c8e4c3f3"));
	assert_int_equal(inv.packages[0].locations.count, 2);
}

static void
an_answer_is_read_back_as_it_was(void **state)
{
	autofd int dir = open_data();
	auto(inventory) struct inventory inv = { 0 };
	auto(inventory) struct inventory again = { 0 };
	auto(buf) struct buf bytes = { 0 };
	auto(buf) struct buf before = { 0 };
	auto(buf) struct buf after = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	parse_name(dir, "status.dpkg", &inv);
	parse_name(dir, "debian.os-release", &inv);
	inventory_note(&inv, "a note");
	inventory_write(&inv, &bytes);
	assert_ok(inventory_read(&again, &bytes, &e), &e);
	inventory_finish(&inv);
	inventory_finish(&again);
	show(&inv, &before);
	show(&again, &after);
	assert_string_equal(buf_text(&before), buf_text(&after));
	for (size_t length = 0; length < bytes.len; length++) {
		auto(inventory) struct inventory cut = { 0 };
		struct buf part = { .data = bytes.data, .len = length };

		assert_int_equal(inventory_read(&cut, &part, &e), -1);
	}
}

static void
text_from_outside_becomes_text_that_can_be_shown(void **state)
{
	autofree char *text = NULL;

	(void)state;
	package_set(&text, " a\x01\xff\tb\n", 7);
	assert_string_equal(text, "a \xef\xbf\xbd b");
	package_set(&text, "  ", 2);
	assert_null(text);
}

static void
licences_are_expressions_or_texts(void **state)
{
	static const struct {
		const char *text;
		enum licence_kind kind;
		const char *spelled;
	} rows[] = {
		{ "MIT", LICENCE_ID, "MIT" },
		{ "mit", LICENCE_ID, "MIT" },
		{ "GPL-2.0+", LICENCE_ID, "GPL-2.0-or-later" },
		{ "(MIT)", LICENCE_EXPRESSION, "(MIT)" },
		{ "MIT AND (BSD-2-Clause OR GPL-2.0-only WITH Classpath-exception-2.0)",
		    LICENCE_EXPRESSION,
		    "MIT AND (BSD-2-Clause OR GPL-2.0-only WITH Classpath-exception-2.0)" },
		{ "GPLv2+ and MIT", LICENCE_TEXT, NULL },
		{ "MIT AND", LICENCE_TEXT, NULL },
		{ "MIT and GPL-2.0-only", LICENCE_TEXT, NULL },
		{ "((MIT)", LICENCE_TEXT, NULL },
		{ "", LICENCE_TEXT, NULL },
		{ "((((((((((((((((((((((((MIT))))))))))))))))))))))))", LICENCE_TEXT, NULL },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(rows); n++) {
		autofree char *spelled = NULL;

		assert_int_equal(licence_read(rows[n].text, &spelled), rows[n].kind);
		if (rows[n].spelled)
			assert_string_equal(spelled, rows[n].spelled);
		else
			assert_null(spelled);
	}
}

static void
paths_choose_the_parser(void **state)
{
	static const struct {
		const char *path;
		bool is_executable;
		parse_fn *parse;
	} rows[] = {
		{ "var/lib/dpkg/status", false, dpkg_parse },
		{ "home/var/lib/dpkg/status", false, NULL },
		{ "var/lib/dpkg/status.d/libc6", false, dpkg_parse },
		{ "var/lib/dpkg/status.d/libc6.md5sums", false, NULL },
		{ "lib/apk/db/installed", false, apk_parse },
		{ "var/lib/rpm/Packages", false, rpm_refuse },
		{ "a/foo-1.dist-info/METADATA", false, python_parse },
		{ "a/METADATA", false, NULL },
		{ "a/foo.egg-info", false, python_parse },
		{ "a/foo.egg-info/PKG-INFO", false, python_parse },
		{ "a/foo.egg/EGG-INFO/PKG-INFO", false, python_parse },
		{ "usr/bin/x", true, program_parse },
		{ "usr/lib/libx.so.1", false, program_parse },
		{ "usr/share/x", false, NULL },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(rows); n++)
		if (scan_parser(rows[n].path, rows[n].is_executable) != rows[n].parse)
			fail_msg("%s", rows[n].path);
}

/* ---- documents ---- */

static void
documents_are_the_same_for_the_same_image(void **state)
{
	autofd int dir = open_data();
	auto(inventory) struct inventory inv = { 0 };
	struct digest digest = { { 1, 2, 3 } };
	struct sbom_subject subject = { .name = "docker.io/library/app:1", .digest = &digest };

	(void)state;
	parse_name(dir, "status.dpkg", &inv);
	parse_name(dir, "rpmdb.rpm", &inv);
	inventory_finish(&inv);
	for (enum sbom_format n = 0; sbom_format_name(n); n++) {
		auto(buf) struct buf a = { 0 };
		auto(buf) struct buf b = { 0 };
		autojson struct json *first = sbom_make(n, &subject, &inv);
		autojson struct json *second = sbom_make(n, &subject, &inv);

		json_write(first, 0, &a);
		json_write(second, 0, &b);
		assert_string_equal(buf_text(&a), buf_text(&b));
		assert_non_null(strstr(buf_text(&a), "1970-01-01T00:00:00Z"));
		/* another time is another document */
		subject.created.tv_sec = 1;
		json_free(second);
		second = sbom_make(n, &subject, &inv);
		subject.created.tv_sec = 0;
		assert_false(json_equal(first, second));
	}
}

/* SPDX: every identifier once, of the allowed characters, and every licence that is referred to explained. */
static void
spdx_identifiers_are_unique_and_explained(void **state)
{
	autofd int dir = open_data();
	auto(inventory) struct inventory inv = { 0 };
	struct digest digest = { { 0 } };
	struct sbom_subject subject = { .digest = &digest };
	autojson struct json *document = NULL;
	auto(strv) struct strv seen = { 0 };
	const struct json *packages, *extracted;
	bool explained = false;

	(void)state;
	parse_name(dir, "status.dpkg", &inv);
	parse_name(dir, "rpmdb.rpm", &inv);
	inventory_finish(&inv);
	document = sbom_make(SBOM_SPDX, &subject, &inv);
	packages = json_get(document, "packages");
	extracted = json_get(document, "hasExtractedLicensingInfos");
	assert_int_equal(json_count(packages), inv.count + 1);
	for (size_t n = 0; n < json_count(packages); n++) {
		const char *id = json_text(json_get(json_at(packages, n), "SPDXID"));
		const char *licence = json_text(json_get(json_at(packages, n), "licenseDeclared"));

		assert_true(text_starts_with(id, "SPDXRef-"));
		assert_int_equal(strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					    "0123456789.-"),
		    strlen(id));
		assert_false(strv_has(&seen, id));
		strv_add(&seen, id);
		if (text_starts_with(licence, "LicenseRef-")) {
			assert_int_equal(json_count(extracted), 1);
			assert_string_equal(
			    json_text(json_get(json_at(extracted, 0), "licenseId")), licence);
			explained = true;
		}
	}
	assert_true(explained);
	assert_non_null(json_get(document, "comment"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_file_says_what_is_expected),
	cmocka_unit_test(files_cut_anywhere_do_no_harm),
	cmocka_unit_test(a_tree_of_pages_that_bites_its_tail_ends),
	cmocka_unit_test(what_a_lock_file_knows_is_given_to_the_package_at_its_place),
	cmocka_unit_test(an_answer_is_read_back_as_it_was),
	cmocka_unit_test(text_from_outside_becomes_text_that_can_be_shown),
	cmocka_unit_test(licences_are_expressions_or_texts),
	cmocka_unit_test(paths_choose_the_parser),
	cmocka_unit_test(documents_are_the_same_for_the_same_image),
	cmocka_unit_test(spdx_identifiers_are_unique_and_explained),
};

UNIT_MAIN(tests);
