/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reference - names of images: what docker takes, what it refuses, and how they are written.
 */
#include "builder/image/reference.h"
#include "runtime/base/mem.h"
#include "tests/unit/unit.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX
#define TEN "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN
#define TAG128 FIFTY FIFTY TEN TEN "aaaaaaaa"

static const struct {
	const char *text;
	const char *whole;
	const char *familiar;
} good[] = {
	{ "app", "docker.io/library/app:latest", "app:latest" },
	{ "app:1.0", "docker.io/library/app:1.0", "app:1.0" },
	{ "user/app", "docker.io/user/app:latest", "user/app:latest" },
	{ "a/b/c/d", "docker.io/a/b/c/d:latest", "a/b/c/d:latest" },
	{ "docker.io/app", "docker.io/library/app:latest", "app:latest" },
	{ "docker.io/library/app", "docker.io/library/app:latest", "app:latest" },
	{ "library/app", "docker.io/library/app:latest", "app:latest" },
	{ "index.docker.io/app", "docker.io/library/app:latest", "app:latest" },
	{ "index.docker.io/u/app:2", "docker.io/u/app:2", "u/app:2" },
	{ "docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
	{ "localhost/app", "localhost/app:latest", "localhost/app:latest" },
	{ "localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest" },
	{ "localhost:5000/app:x", "localhost:5000/app:x", "localhost:5000/app:x" },
	{ "registry.example.com/a/b:tag", "registry.example.com/a/b:tag",
	    "registry.example.com/a/b:tag" },
	{ "Example/app", "Example/app:latest", "Example/app:latest" },
	{ "EXAMPLE.com/app", "EXAMPLE.com/app:latest", "EXAMPLE.com/app:latest" },
	{ "127.0.0.1/app", "127.0.0.1/app:latest", "127.0.0.1/app:latest" },
	{ "127.0.0.1:80/app", "127.0.0.1:80/app:latest", "127.0.0.1:80/app:latest" },
	{ "[::1]/app", "[::1]/app:latest", "[::1]/app:latest" },
	{ "[2001:db8::1]:5000/app:v1", "[2001:db8::1]:5000/app:v1", "[2001:db8::1]:5000/app:v1" },
	{ "app@" DIGEST, "docker.io/library/app@" DIGEST, "app@" DIGEST },
	{ "app:1@" DIGEST, "docker.io/library/app:1@" DIGEST, "app:1@" DIGEST },
	{ "my_app", "docker.io/library/my_app:latest", "my_app:latest" },
	{ "my__app", "docker.io/library/my__app:latest", "my__app:latest" },
	{ "my-app", "docker.io/library/my-app:latest", "my-app:latest" },
	{ "my---app", "docker.io/library/my---app:latest", "my---app:latest" },
	{ "my.app", "docker.io/library/my.app:latest", "my.app:latest" },
	{ "my.app/x", "my.app/x:latest", "my.app/x:latest" },
	{ "1", "docker.io/library/1:latest", "1:latest" },
	{ "app:_x", "docker.io/library/app:_x", "app:_x" },
	{ "app:V1.2-rc_3", "docker.io/library/app:V1.2-rc_3", "app:V1.2-rc_3" },
	{ "app:" TAG128, "docker.io/library/app:" TAG128, "app:" TAG128 },
	{ "golang:1.26-bookworm", "docker.io/library/golang:1.26-bookworm",
	    "golang:1.26-bookworm" },
	{ "gcr.io/distroless/static-debian12:nonroot", "gcr.io/distroless/static-debian12:nonroot",
	    "gcr.io/distroless/static-debian12:nonroot" },
	{ "a-b.example/c", "a-b.example/c:latest", "a-b.example/c:latest" },
	{ "docker.io/lib.io/app", "docker.io/lib.io/app:latest", "docker.io/lib.io/app:latest" },
	{ "docker.io/localhost/app", "docker.io/localhost/app:latest",
	    "docker.io/localhost/app:latest" },
	{ "deadbeef", "docker.io/library/deadbeef:latest", "deadbeef:latest" },
};

static const struct {
	const char *text;
	const char *why;
} bad[] = {
	{ "", "empty" },
	{ ":tag", "empty" },
	{ "@" DIGEST, "empty" },
	{ "App", "lower case" },
	{ "user/App", "lower case" },
	{ "-app", "separators" },
	{ "app-", "separators" },
	{ "_app", "separators" },
	{ "app_", "separators" },
	{ ".app", "separators" },
	{ "app..x", "separators" },
	{ "app___x", "separators" },
	{ "app._x", "separators" },
	{ "a//b", "separators" },
	{ "/app", "separators" },
	{ "app/", "separators" },
	{ "../app", "host" },
	{ "a/../b", "separators" },
	{ "a/./b", "separators" },
	{ "app:", "tag" },
	{ "app:.x", "tag" },
	{ "app:-x", "tag" },
	{ "app:a b", "tag" },
	{ "app:" TAG128 "a", "tag" },
	{ "app:a:b", "separators" },
	{ "app@sha256:123", "is no image name" },
	{ "app@sha512:" HEX HEX, "sha512" },
	{ "app@" DIGEST "0", "is no image name" },
	{ "app@sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
	    "is no image name" },
	{ "app@sha256:../../../etc/passwd", "is no image name" },
	{ "app@", "is no image name" },
	{ HEX, "ID" },
	{ "a b", "separators" },
	{ "app\n", "separators" },
	{ "app\\x", "separators" },
	{ "-host.com/app", "host" },
	{ "host-.com/app", "host" },
	{ "host..com/app", "host" },
	{ "host.com:/app", "host" },
	{ "host.com:port/app", "host" },
	{ "host.com:123456/app", "host" },
	{ "host.com/", "empty" },
	{ "[::1/app", "host" },
	{ "[]/app", "separators" },
	{ "[zz]/app", "separators" },
	{ "\xc3\xa4pp", "separators" },
	{ "$(id)", "separators" },
	{ FIFTY "/" FIFTY "/" FIFTY "/" FIFTY "/" FIFTY "/" FIFTY, "255" },
};

static void
good_names_are_normalised(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto(reference) struct reference r = { 0 };
		auto(reference) struct reference again = { 0 };
		struct error e = ERROR_INIT;
		autofree char *whole = NULL;
		autofree char *familiar = NULL;

		assert_ok(reference_parse(good[i].text, &r, &e), &e);
		whole = reference_text(&r);
		familiar = reference_short(&r);
		assert_string_equal(whole, good[i].whole);
		assert_string_equal(familiar, good[i].familiar);
		assert_ok(reference_parse(familiar, &again, &e), &e);
		assert_true(reference_equal(&r, &again));
	}
}

static void
bad_names_are_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto(reference) struct reference r = { 0 };
		struct error e = ERROR_INIT;

		if (reference_parse(bad[i].text, &r, &e) == 0)
			fail_msg("'%s' was taken", bad[i].text);
		assert_int_equal(e.kind, ERR_INPUT);
		if (!strstr(e.text, bad[i].why))
			fail_msg("'%s': '%s' does not say '%s'", bad[i].text, e.text, bad[i].why);
	}
}

static void
a_repository_has_no_tag(void **state)
{
	auto(reference) struct reference r = { 0 };
	auto(reference) struct reference copy = { 0 };
	struct error e = ERROR_INIT;
	autofree char *repository = NULL;

	(void)state;
	assert_ok(reference_parse("app:1@" DIGEST, &r, &e), &e);
	reference_copy(&copy, &r);
	repository = reference_repository(&copy);
	assert_string_equal(repository, "docker.io/library/app");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(good_names_are_normalised),
	cmocka_unit_test(bad_names_are_refused_with_a_reason),
	cmocka_unit_test(a_repository_has_no_tag),
};

UNIT_MAIN(tests);
