/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_oci - config.json: what is read, and that what is wrong or cannot be had is named by its path.
 */
#include "tests/unit/unit.h"

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/oci/config.h"

#include <string.h>

#define REST                                                                               \
	"\"root\":{\"path\":\"rootfs\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{" \
	"\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]}}"
#define HEAD "{\"ociVersion\":\"1.2.0\","
#define PROCESS "\"process\":{\"args\":[\"x\"],\"cwd\":\"/\""
#define FINE HEAD PROCESS "}," REST
#define WITH_PROCESS(members) HEAD PROCESS "," members "}," REST
#define WITH_ROOT(members) HEAD members "," PROCESS "}," REST
#define WITH_LINUX(members)                                                                        \
	HEAD PROCESS "},\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}" \
		     ",{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]," members "}}"

static const struct {
	const char *text;
	const char *error; /* NULL: accepted */
} cases[] = {
	{ FINE, NULL },
	{ WITH_ROOT("\"somethingNew\":{\"a\":1}"), NULL },
	{ WITH_ROOT("\"hooks\":{\"prestart\":[],\"poststop\":null}"), NULL },
	{ WITH_LINUX(
	      "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],\"memory\":{}}"),
	    NULL },
	{ WITH_LINUX("\"rootfsPropagation\":\"rslave\""), NULL },
	{ "[]", "config.json: it must be an object" },
	{ "{}", "config.json: 'ociVersion' must be 1.x, and is ''" },
	{ "{\"ociVersion\":\"2.0\"}", "config.json: 'ociVersion' must be 1.x, and is '2.0'" },
	{ "{\"ociVersion\":1}", "config.json: 'ociVersion' must be a string" },
	{ HEAD REST, "config.json: 'process' is missing: there is nothing to run" },
	{ HEAD "\"process\":[]," REST, "config.json: 'process' must be an object" },
	{ HEAD "\"process\":{\"cwd\":\"/\"}," REST,
	    "config.json: 'process.args' is missing or empty" },
	{ HEAD "\"process\":{\"args\":[\"x\"],\"cwd\":\"tmp\"}," REST,
	    "config.json: 'process.cwd' must be an absolute path" },
	{ WITH_PROCESS("\"terminal\":1"), "config.json: 'process.terminal' must be true or false" },
	{ WITH_PROCESS("\"user\":{\"uid\":-1}"), "config.json: 'process.user.uid' must be a whole "
						 "number from 0 to 18446744073709551615" },
	{ WITH_PROCESS("\"user\":{\"uid\":4294967295}"),
	    "config.json: 'process.user.uid' is no id: 4294967295" },
	{ WITH_PROCESS("\"user\":{\"gid\":4294967296}"),
	    "config.json: 'process.user.gid' is no id: 4294967296" },
	{ WITH_PROCESS("\"user\":{\"additionalGids\":[1,\"2\"]}"),
	    "config.json: 'process.user.additionalGids[1]' is no group id" },
	{ WITH_PROCESS("\"user\":{\"umask\":512}"),
	    "config.json: 'process.user.umask' is larger than 0777" },
	{ WITH_PROCESS("\"capabilities\":{\"bounding\":[\"CAP_NOPE\"]}"),
	    "config.json: 'process.capabilities.bounding[0]': unknown capability 'CAP_NOPE'" },
	{ WITH_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]"),
	    "config.json: 'process.rlimits[0].type': unknown limit 'RLIMIT_X'" },
	{ WITH_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]"),
	    "config.json: 'process.rlimits[0].soft' is above 'hard'" },
	{ WITH_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},{\"type\":"
		       "\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]"),
	    "config.json: 'process.rlimits[1].type': 'RLIMIT_CPU' is given twice" },
	{ WITH_PROCESS("\"oomScoreAdj\":1001"),
	    "config.json: 'process.oomScoreAdj' must be from -1000 to 1000" },
	{ WITH_PROCESS("\"apparmorProfile\":\"x\""),
	    "config.json: 'process.apparmorProfile' is not supported: AppArmor profiles are not "
	    "applied" },
	{ WITH_ROOT("\"hooks\":{\"poststop\":[{\"path\":\"/x\"}]}"),
	    "config.json: 'hooks' is not supported: hooks are not run" },
	{ WITH_ROOT("\"mounts\":[1]"), "config.json: 'mounts[0]' must be an object" },
	{ WITH_ROOT("\"mounts\":[{\"destination\":\"x\",\"type\":\"proc\"}]"),
	    "config.json: 'mounts[0].destination' must be an absolute path" },
	{ WITH_ROOT("\"mounts\":[{\"destination\":\"/x\"}]"),
	    "config.json: 'mounts[0].type' is missing" },
	{ WITH_ROOT("\"mounts\":[{\"destination\":\"/x\",\"options\":[\"rbind\"]}]"),
	    "config.json: 'mounts[0].source' is missing" },
	{ WITH_ROOT("\"hostname\":5"), "config.json: 'hostname' must be a string" },
	{ WITH_LINUX("\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]"),
	    "config.json: 'linux.uidMappings' needs a namespace of type 'user'" },
	{ WITH_LINUX("\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]"),
	    "config.json: 'linux.gidMappings[0].size' is 0 or too large" },
	{ WITH_LINUX("\"resources\":{\"memory\":{\"limit\":1}}"),
	    "config.json: 'linux.resources.memory' is not supported: no cgroup is made, so the "
	    "limit would not hold" },
	{ WITH_LINUX("\"rootfsPropagation\":\"rshared\""),
	    "config.json: 'linux.rootfsPropagation' is not supported: no mount is shared with the "
	    "host" },
	{ HEAD PROCESS "},\"root\":{},\"linux\":{}}", "config.json: 'root.path' is missing" },
	{ HEAD PROCESS
	    "},\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
	    "config.json: 'linux.namespaces' has no 'pid': sharing the caller's is not supported" },
	{ HEAD PROCESS
	    "},\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"time\"}]}}",
	    "config.json: 'linux.namespaces[0].type': 'time' is not supported" },
	{ HEAD PROCESS "},\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"pid\","
		       "\"path\":\"/proc/1/ns/pid\"}]}}",
	    "config.json: 'linux.namespaces[0].path': only a network namespace can be joined" },
};

static void
each_mistake_is_named_by_its_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct oci_config c;
		struct error e = ERROR_INIT;
		int result = oci_config_parse(cases[i].text, strlen(cases[i].text), &c, &e);

		if (!cases[i].error) {
			assert_ok(result, &e);
			oci_config_release(&c);
			continue;
		}
		assert_int_equal(result, -1);
		assert_string_equal(e.text, cases[i].error);
	}
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_mistake_is_named_by_its_path),
	cmocka_unit_test(what_spec_writes_can_be_read),
	cmocka_unit_test(p7_names_of_containers_are_no_paths),
};

UNIT_MAIN(tests)
