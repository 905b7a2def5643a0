/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_oci - config.json: what is read, and that what is wrong or cannot be had is named by its path.
 */
#include "tests/unit/table.h"

#include "runtime/base/json.h"
#include "runtime/container/features.h"
#include "runtime/container/options.h"
#include "runtime/oci/config.h"

#include <string.h>

static const char base[] =
    "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"x\"],\"cwd\":\"/\"},"
    "\"root\":{\"path\":\"rootfs\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},"
    "{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"network\"},"
    "{\"type\":\"user\"},{\"type\":\"time\"}]}}";

/* Puts @value at "a.b.c", making the objects on the way. */
static void
put(struct json *root, const char *path, struct json *value)
{
	auto(strv) struct strv keys = { 0 };
	struct json *at = root;

	strv_split(&keys, path, '.');
	for (size_t i = 0; i + 1 < keys.count; i++) {
		struct json *next = json_get_mutable(at, keys.items[i]);

		at = next ? next : json_set(at, keys.items[i], json_new_object());
	}
	json_set(at, keys.items[keys.count - 1], value);
}

/* What config.json says with one member changed. */
static int
parse_with(const char *path, const char *value, struct oci_config *c, struct error *e)
{
	autojson struct json *root = json_parse(base, sizeof(base) - 1, e);
	struct json *member = json_parse(value, strlen(value), e);
	auto(buf) struct buf text = { 0 };

	if (!root || !member)
		fail_msg("the test's own JSON: %s", e->text);
	put(root, path, member);
	json_write(root, 0, &text);
	return oci_config_parse(buf_text(&text), text.len, c, e);
}

static size_t failures; /* of the table: all of them are shown */

static void
check_case(char *const *fields, size_t line)
{
	autofree char *wanted = xasprintf("config.json: %s", fields[2]);
	autofree char *section = xasprintf("see \"%s\" in config", fields[3]);
	struct error e = ERROR_INIT;
	struct oci_config c;
	int result = parse_with(fields[0], fields[1], &c, &e);

	if (result == 0)
		oci_config_release(&c);
	if (!fields[2][0] && result < 0)
		print_error("line %zu: refused: %s\n", line, e.text), failures++;
	if (!fields[2][0])
		return;
	if (result == 0)
		print_error("line %zu: was accepted\n", line), failures++;
	if (result < 0 && (strcmp(e.text, wanted) != 0 || !text_starts_with(e.hint, section)))
		failures++, print_error("line %zu:\n  is     %s\n  wanted %s\n  hint   %s\n", line,
				e.text, wanted, e.hint);
}

static void
each_wrong_value_is_named_by_its_path_and_its_section(void **state)
{
	(void)state;
	assert_true(table_run("oci/wrong.tsv", 4, check_case) > 100);
	assert_int_equal(failures, 0);
}

static void
whole_documents_that_are_none_are_refused(void **state)
{
	static const char *const texts[] = { "[]", "", "{", "5", "null" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct error e = ERROR_INIT;
		struct oci_config c;

		assert_int_equal(oci_config_parse(texts[i], strlen(texts[i]), &c, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static void
members_that_need_a_namespace_say_so(void **state)
{
	static const struct {
		const char *member;
		const char *value;
		const char *error;
	} needs[] = {
		{ "linux.uidMappings", "[{\"size\":1}]",
		    "'linux.uidMappings' needs a namespace of type 'user'" },
		{ "linux.gidMappings", "[{\"size\":1}]",
		    "'linux.gidMappings' needs a namespace of type 'user'" },
		{ "linux.timeOffsets", "{\"monotonic\":{\"secs\":1}}",
		    "'linux.timeOffsets' needs a new namespace of type 'time'" },
		{ "hostname", "\"x\"", "'hostname' needs a namespace of type 'uts'" },
		{ "domainname", "\"x\"", "'domainname' needs a namespace of type 'uts'" },
		{ "linux.sysctl", "{\"net.core.somaxconn\":\"1\"}",
		    "'linux.sysctl.net.core.somaxconn' needs a namespace of type 'network'" },
		{ "linux.sysctl", "{\"kernel/shmmax\":\"1\"}",
		    "'linux.sysctl.kernel/shmmax' needs a namespace of type 'ipc'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		autofree char *wanted = xasprintf("config.json: %s", needs[i].error);
		struct error e = ERROR_INIT;
		autojson struct json *root = json_parse(base, sizeof(base) - 1, &e);
		auto(buf) struct buf text = { 0 };
		struct oci_config c;

		put(root, "linux.namespaces", json_parse("[{\"type\":\"mount\"}]", 18, &e));
		put(root, needs[i].member, json_parse(needs[i].value, strlen(needs[i].value), &e));
		json_write(root, 0, &text);
		assert_int_equal(oci_config_parse(buf_text(&text), text.len, &c, &e), -1);
		assert_string_equal(e.text, wanted);
	}
}

static void
the_file_of_exec_is_named_without_a_word_before(void **state)
{
	static const char text[] = "{\"args\":[\"x\"],\"cwd\":\"/\",\"user\":{\"uid\":-1}}";
	struct error e = ERROR_INIT;
	autojson struct json *j = json_parse(text, sizeof(text) - 1, &e);
	struct oci_process p;

	(void)state;
	assert_int_equal(oci_process_read(j, "", &p, &e), -1);
	assert_string_equal(
	    e.text, "'user.uid' must be a whole number from 0 to 18446744073709551615");
	oci_process_release(&p);
}

static void
what_spec_writes_can_be_read(void **state)
{
	(void)state;
	for (int rootless = 0; rootless < 2; rootless++) {
		autojson struct json *j = oci_config_default(rootless, 1000, 1001);
		auto(buf) struct buf text = { 0 };
		struct error e = ERROR_INIT;
		struct oci_config c;

		json_write(j, JSON_INDENT, &text);
		assert_ok(oci_config_parse(buf_text(&text), text.len, &c, &e), &e);
		assert_string_equal(c.root_path, "rootfs");
		assert_true(c.root_readonly);
		assert_true(c.process.no_new_privileges);
		assert_int_equal(
		    c.process.capabilities.bounding, 1ULL << 29 | 1ULL << 5 | 1ULL << 10);
		assert_int_equal(c.n_mounts, 7);
		assert_int_equal(c.uids.count, rootless);
		if (rootless) {
			assert_int_equal(c.uids.items[0].host, 1000);
			assert_int_equal(c.gids.items[0].host, 1001);
		}
		oci_config_release(&c);
	}
}

static void
p7_names_of_containers_are_no_paths(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "a b", "a\n", "a\x80", "ä" };
	static const char *const good[] = { "a", "A.b-c_d+1", "...", "0" };
	char longest[257];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error e = ERROR_INIT;

		assert_int_equal(oci_check_id(bad[i], &e), -1);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct error e = ERROR_INIT;

		assert_ok(oci_check_id(good[i], &e), &e);
	}
	memset(longest, 'a', 256);
	longest[256] = '\0';
	assert_int_equal(oci_check_id(longest, &(struct error){ 0 }), -1);
	assert_int_equal(oci_check_id(longest + 1, &(struct error){ 0 }), 0);
}

/* Every word of the list is taken by config.json in its place. */
static void
features_are_what_the_parsers_take(void **state)
{
	autojson struct json *j = features_document();
	const struct json *linux_part = json_get(j, "linux");
	const struct json *list = json_get(j, "mountOptions");
	struct error e = ERROR_INIT;

	(void)state;
	assert_string_equal(json_text(json_get(j, "ociVersionMax")), OCI_VERSION);
	assert_int_equal(json_count(json_get(j, "hooks")), OCI_HOOK_KINDS);
	assert_true(json_count(list) > 60);
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_text(json_at(list, i));
		struct oci_mount m = { .destination = xstrdup("/x"), .source = xstrdup("x") };
		struct mount_options o = { 0 };
		bool tmpfs = strcmp(name, "tmpcopyup") == 0;
		int result;

		m.type = xstrdup(tmpfs ? "tmpfs" : "bind");
		strv_add(&m.options, name);
		result = options_of_mount(&m, &o, &e);
		if (result < 0 && !strstr(e.text, "is one of the file system"))
			fail_msg("'%s': %s", name, e.text);
		free(o.data);
		free(m.destination);
		free(m.source);
		free(m.type);
		strv_release(&m.options);
	}
	list = json_get(linux_part, "namespaces");
	assert_int_equal(json_count(list), OCI_NAMESPACE_TYPES);
	list = json_get(linux_part, "capabilities");
	assert_true(json_count(list) >= 41);
	assert_string_equal(json_text(json_at(list, 0)), "CAP_CHOWN");
	list = json_get(json_get(linux_part, "seccomp"), "actions");
	assert_int_equal(json_count(list), 9);
	assert_true(json_count(json_get(json_get(linux_part, "seccomp"), "operators")) == 7);
	assert_true(json_count(json_get(json_get(linux_part, "seccomp"), "archs")) >= 17);
	assert_int_equal(json_count(json_get(json_get(linux_part, "seccomp"), "knownFlags")), 4);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_wrong_value_is_named_by_its_path_and_its_section),
	cmocka_unit_test(whole_documents_that_are_none_are_refused),
	cmocka_unit_test(members_that_need_a_namespace_say_so),
	cmocka_unit_test(the_file_of_exec_is_named_without_a_word_before),
	cmocka_unit_test(features_are_what_the_parsers_take),
	cmocka_unit_test(what_spec_writes_can_be_read),
	cmocka_unit_test(p7_names_of_containers_are_no_paths),
};

UNIT_MAIN(tests)
