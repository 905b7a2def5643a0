/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_registry - what registries and configuration files say, read.
 */
#include "builder/registry/challenge.h"
#include "builder/registry/credentials.h"
#include "builder/registry/referrers.h"
#include "builder/registry/remote.h"
#include "builder/registry/toml.h"
#include "runtime/base/mem.h"
#include "unit.h"

#include <string.h>

static void
read_challenge(struct challenge *c, const char *first, const char *second)
{
	auto(strv) struct strv headers = { 0 };

	strv_printf(&headers, "www-authenticate: %s", first);
	if (second)
		strv_printf(&headers, "www-authenticate: %s", second);
	challenge_read(c, &headers);
}

static void
challenges_are_read(void **state)
{
	auto(challenge) struct challenge c = { 0 };

	(void)state;
	read_challenge(
	    &c, "Basic realm=\"x\"", "Bearer realm=\"https://a/t\", service=s,scope=\"r:x:pull\"");
	assert_int_equal(c.scheme, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "https://a/t");
	assert_string_equal(c.service, "s");
	assert_string_equal(c.scope, "r:x:pull");
	read_challenge(&c, "Negotiate, bearer realm=\"a\\\"b\", Basic realm=c", NULL);
	assert_int_equal(c.scheme, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "a\"b");
	read_challenge(&c, "Bearer service=x", NULL); /* without a realm it is of no use */
	assert_int_equal(c.scheme, CHALLENGE_NONE);
	read_challenge(&c, "Basic", NULL);
	assert_int_equal(c.scheme, CHALLENGE_BASIC);
	read_challenge(&c, "Bearer realm=\"never ends", NULL);
	assert_string_equal(c.realm, "never ends");
	read_challenge(&c, ",,= \"", NULL);
	assert_int_equal(c.scheme, CHALLENGE_NONE);
}

static void
G2_sites_are_told_apart(void **state)
{
	static const struct {
		const char *registry, *realm;
		bool same;
	} rows[] = {
		{ "docker.io", "auth.docker.io", true },
		{ "registry.gitlab.com", "gitlab.com", true },
		{ "localhost:5000", "localhost", true },
		{ "127.0.0.1:5000", "127.0.0.1", true },
		{ "[::1]:5000", "::1", true },
		{ "quay.io", "quay.io", true },
		{ "a.example.com", "b.example.com", true },
		{ "a.co.uk", "b.co.uk", false },
		{ "x.a.co.uk", "y.a.co.uk", true },
		{ "127.0.0.1", "127.0.0.2", false },
		{ "10.0.0.1", "1.0.0.1", false },
		{ "docker.io", "docker.io.evil.example", false },
		{ "example.com", "notexample.com", false },
		{ "localhost", "host", false },
		{ "registry", "other", false },
		{ "a.com", "b.com", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (challenge_same_site(rows[i].registry, rows[i].realm) != rows[i].same)
			fail_msg("%s and %s", rows[i].registry, rows[i].realm);
}

static void
toml_is_read_and_refused_by_line(void **state)
{
	static const char good[] =
	    "a = \"x\\n\" # c\n[t.'q.r']\nb = [ 1, # one\n 2, ]\n"
	    "[[l]]\nc = true\n[[l]]\nc = false\n[[l.m]]\nd = { e = 'lit\\' }\n";
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "\n\na = ", "line 3" },
		{ "a = 1\na = 2", "given twice" },
		{ "a = \"x", "does not end" },
		{ "a = \"\"\"x\"\"\"", "several lines" },
		{ "a = 1 b = 2", "more on the line" },
		{ "[a\n", "']' is missing" },
		{ "a = 1\n[a]\n", "a value and a table" },
		{ "a = 1\n[[a]]\n", "a value and a table" },
		{ "a = 1.5", "a value is wanted" },
		{ "= 1", "a key is missing" },
		{ "a = [[[[[[[[[[[[[[[[[[[[", "too deep" },
	};
	struct error e = ERROR_INIT;
	autojson struct json *j = toml_parse(good, strlen(good), &e);
	const struct json *second;

	(void)state;
	assert_non_null(j);
	assert_string_equal(json_text(json_get(j, "a")), "x\n");
	assert_int_equal(json_count(json_get(json_get(json_get(j, "t"), "q.r"), "b")), 2);
	second = json_at(json_get(j, "l"), 1);
	assert_string_equal(
	    json_text(json_get(json_get(json_at(json_get(second, "m"), 0), "d"), "e")), "lit\\");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		error_clear(&e);
		assert_null(toml_parse(bad[i].text, strlen(bad[i].text), &e));
		if (!strstr(e.text, bad[i].says))
			fail_msg("'%s' instead of '%s'", e.text, bad[i].says);
	}
}

static void
keys_and_locations_are_made_whole(void **state)
{
	static const char *const keys[][2] = { { "https://index.docker.io/v1/", "docker.io" },
		{ "https://a.example:5000/v2/", "a.example:5000" }, { "a.example", "a.example" },
		{ "a.example/team/app", "a.example/team/app" }, { "a.example/v1/", "a.example" } };
	static const char *const locations[][2] = { { "/v2/x", "http://h:1/v2/x" },
		{ "y?a=b", "http://h:1/v2/u/y?a=b" }, { "https://o/z", "https://o/z" },
		{ "//o/z", "http://o/z" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		autofree char *key = credentials_key(keys[i][0]);

		assert_string_equal(key, keys[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(locations); i++) {
		autofree char *url = remote_location("http://h:1/v2/u/s?t", locations[i][0]);

		assert_string_equal(url, locations[i][1]);
	}
	assert_null(remote_location("http://h/", "file:///etc/passwd"));
	assert_null(remote_location("http://h/", NULL));
}

static void
a_referrer_is_listed_once(void **state)
{
	static const char text[] =
	    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\","
	    "\"artifactType\":\"application/x\",\"annotations\":{\"a\":\"b\"},\"subject\":{"
	    "\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"size\":1,\"digest\":\"sha256:"
	    "0000000000000000000000000000000000000000000000000000000000000000\"}}";
	auto(buf) struct buf body = { 0 };
	auto(buf) struct buf first = { 0 };
	auto(buf) struct buf second = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	struct buf none = { 0 };
	struct digest subject, digest = { { 1 } };
	autofree char *tag = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	buf_add_text(&body, text);
	assert_int_equal(referrers_subject(&body, &subject, &e), 1);
	tag = referrers_tag(&subject);
	assert_string_equal(
	    tag, "sha256-0000000000000000000000000000000000000000000000000000000000000000");
	descriptor_init(&d, MEDIA_OCI_MANIFEST, &digest, body.len);
	assert_int_equal(referrers_add(&none, &d, &body, &first, &e), 1);
	assert_non_null(strstr(buf_text(&first), "\"artifactType\":\"application/x\""));
	assert_non_null(strstr(buf_text(&first), "\"annotations\":{\"a\":\"b\"}"));
	assert_int_equal(referrers_add(&first, &d, &body, &second, &e), 0);
	d.digest.bytes[0] = 2;
	assert_int_equal(referrers_add(&first, &d, &body, &second, &e), 1);
	assert_non_null(strstr(buf_text(&second), "sha256:02"));
	/* a tag that stands for something else is left alone */
	buf_clear(&second);
	assert_int_equal(referrers_add(&body, &d, &body, &second, &e), -1);
	buf_clear(&body);
	buf_add_text(&body, "{}");
	assert_int_equal(referrers_subject(&body, &subject, &e), 0);
	buf_clear(&body);
	buf_add_text(&body, "{\"subject\":{\"digest\":\"../x\"}}");
	assert_int_equal(referrers_subject(&body, &subject, &e), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_referrer_is_listed_once),
	cmocka_unit_test(challenges_are_read),
	cmocka_unit_test(G2_sites_are_told_apart),
	cmocka_unit_test(toml_is_read_and_refused_by_line),
	cmocka_unit_test(keys_and_locations_are_made_whole),
};

UNIT_MAIN(tests)
