/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_resource - URLs and repositories as sources and contexts (tests/data/dockerfile/resource.tsv).
 */
#include "builder/dockerfile/resource.h"
#include "tests/unit/table.h"

static void
describe(const struct resource *r, struct buf *b)
{
	static const char *const kinds[] = { "path", "http", "git" };

	buf_add_text(b, kinds[r->kind]);
	if (r->url)
		buf_printf(b, " %s", r->url);
	if (r->ref)
		buf_printf(b, " ref=%s", r->ref);
	if (r->subdir)
		buf_printf(b, " subdir=%s", r->subdir);
	if (r->checksum)
		buf_printf(b, " checksum=%s", r->checksum);
	if (r->keep_git_dir != RESOURCE_UNSAID)
		buf_add_text(b, r->keep_git_dir == RESOURCE_YES ? " keep" : " nokeep");
	if (r->submodules != RESOURCE_UNSAID)
		buf_add_text(b, r->submodules == RESOURCE_YES ? " sub" : " nosub");
	if (r->mtime_of_commit)
		buf_add_text(b, " mtime");
	if (r->by_commit)
		buf_add_text(b, " bycommit");
}

static void
check(char *const *fields, size_t line)
{
	auto(buf) struct buf b = { 0 };
	struct resource r;
	struct error e = ERROR_INIT;

	if (resource_parse(fields[0], &r, &e) < 0) {
		if (!text_starts_with(fields[1], "error: ") || !strstr(e.text, fields[1] + 7))
			fail_msg("line %zu: '%s': %s", line, fields[0], e.text);
		if (!strstr(e.text, fields[0]))
			fail_msg("line %zu: '%s' does not name what is wrong", line, e.text);
		return;
	}
	describe(&r, &b);
	resource_release(&r);
	if (strcmp(buf_text(&b), fields[1]) != 0)
		fail_msg(
		    "line %zu: '%s': '%s', not '%s'", line, fields[0], buf_text(&b), fields[1]);
}

static void
c2_c3_sources_are_what_the_table_says(void **state)
{
	(void)state;
	assert_true(table_run("dockerfile/resource.tsv", 2, check) > 90);
}

static void
c3_own_command_lines_may_name_this_machine(void **state)
{
	static const char *const urls[][2] = {
		{ "file:///a/b.git#main", "git file:///a/b.git ref=main" },
		{ "github.com/a/b", "git https://github.com/a/b.git" },
		{ "github.com/a/b.git#v1:x", "git https://github.com/a/b.git ref=v1 subdir=x" },
		{ "github.com/a/b#v1", "git https://github.com/a/b.git ref=v1" },
		{ "./a", "path" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		auto(buf) struct buf b = { 0 };
		struct resource r;
		struct error e = ERROR_INIT;

		assert_ok(resource_parse_own(urls[i][0], &r, &e), &e);
		describe(&r, &b);
		resource_release(&r);
		assert_string_equal(buf_text(&b), urls[i][1]);
		assert_ok(resource_parse(urls[i][0], &r, &e), &e);
		assert_int_equal(r.kind, RESOURCE_PATH);
	}
}

static void
c10_file_names_are_one_component_or_made_up(void **state)
{
	static const char *const names[][2] = {
		{ "https://x/a/b.tar?c=/d", "b.tar" },
		{ "https://x/a/", "a" },
		{ "https://x/a%20b", "a b" },
		{ "https://x/%2e%2e%2fpasswd", "passwd" },
		{ "https://x/a/%2e%2e", "__unnamed__" },
		{ "https://x/..", "__unnamed__" },
		{ "https://x", "__unnamed__" },
		{ "https://x/", "__unnamed__" },
		{ "https://x/a%00b", "__unnamed__" },
		{ "https://x/a%0ab", "__unnamed__" },
		{ "https://x/%", "__unnamed__" },
		{ "https://x/a#b/c", "a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *name = resource_file_name(names[i][0]);

		assert_string_equal(name, names[i][1]);
	}
}

static void
users_and_passwords_are_not_shown(void **state)
{
	autofree char *one = resource_shown("https://u:p@x/y?z@w"),
		      *two = resource_shown("git@x:y");
	autofree char *three = resource_shown("https://x/a@b"),
		      *host = resource_host("https://u@x:1/y");

	(void)state;
	assert_string_equal(one, "https://x/y?z@w");
	assert_string_equal(two, "git@x:y");
	assert_string_equal(three, "https://x/a@b");
	assert_string_equal(host, "x:1");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(c2_c3_sources_are_what_the_table_says),
	cmocka_unit_test(c3_own_command_lines_may_name_this_machine),
	cmocka_unit_test(c10_file_names_are_one_component_or_made_up),
	cmocka_unit_test(users_and_passwords_are_not_shown),
};

UNIT_MAIN(tests)
