/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_import - images from layouts, archives and the store: by name, ID and digest; damaged and hostile ones.
 */
#include "builder/import/resolve.h"
#include "tests/unit/image_fixture.h"

static char *
outside(const char *transport, const char *name, const char *rest)
{
	return xasprintf("%s:%s/%s%s", transport, base, name, rest);
}

static void
expect_image(struct store *store, const char *text, const struct made_image *m)
{
	auto(image) struct image image = { 0 };
	struct error e = ERROR_INIT;

	assert_ok(image_resolve(store, text, NULL, &image, &e), &e);
	assert_true(digest_equal(&image.manifest.config.digest, &m->config_descriptor.digest));
	assert_true(store_blob_has(store, &m->layer_descriptor.digest));
}

static void
expect_failure(struct store *store, const char *text, enum error_kind kind, const char *part)
{
	auto(image) struct image image = { 0 };
	struct error e = ERROR_INIT;

	if (image_resolve(store, text, NULL, &image, &e) == 0)
		fail_msg("'%s' was taken", text);
	if (!strstr(e.text, part))
		fail_msg("'%s' does not say '%s'", e.text, part);
	assert_int_equal(e.kind, kind);
}

/* "layout" with two images, one of them named in full. */
static void
make_two(struct made_image *a, struct made_image *b)
{
	auto(index) struct index x = { 0 };

	make_image(a, "layer a", NULL);
	make_image(b, "layer b", NULL);
	make_layout("layout");
	put_image("layout", a);
	put_image("layout", b);
	name_in(&x, &a->target, "registry.example:5000/team/app:1.0");
	name_in(&x, &b->target, "docker.io/library/debian:12");
	put_index("layout", &x);
}

static void
a_layout_is_asked_by_name_with_slashes_and_colons(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	autofree char *full = outside("oci", "layout", ":registry.example:5000/team/app:1.0");
	autofree char *familiar = outside("oci", "layout", ":debian:12");
	autofree char *none = outside("oci", "layout", ":none");
	autofree char *any = outside("oci", "layout", "");

	(void)state;
	make_two(&a, &b);
	expect_image(store, full, &a);
	expect_image(store, familiar, &b);
	expect_failure(store, none, ERR_NOT_FOUND, "has no image 'none'");
	expect_failure(store, any, ERR_USAGE, "has several images");
	expect_failure(store, "oci:/does/not/exist:x", ERR_SYSTEM, "/does/not/exist");
	expect_failure(store, "oci::x", ERR_USAGE, "the path is empty");
}

static void
a_layout_is_asked_by_digest(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	char text[DIGEST_TEXT_LEN + 1];
	autofree char *alone = NULL;
	autofree char *both = NULL;
	autofree char *wrong = NULL;

	(void)state;
	make_two(&a, &b);
	alone = xasprintf("oci:%s/layout@%s", base, digest_text(&a.target.digest, text));
	both = xasprintf("oci:%s/layout:debian:12@%s", base, digest_text(&b.target.digest, text));
	wrong = xasprintf("oci:%s/layout:debian:12@%s", base, digest_text(&a.target.digest, text));
	expect_image(store, alone, &a);
	expect_image(store, both, &b);
	expect_failure(store, wrong, ERR_INPUT, "is not sha256:");
}

static void
a_blob_that_is_a_link_is_refused_without_a_leak(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	autofree char *name = NULL;
	autofree char *path = NULL;
	autofree char *text = outside("oci", "layout", ":debian:12");
	auto(image) struct image image = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	make_two(&a, &b);
	put_file("canary", "secret-canary", 13);
	name = blob_name("layout", &b.config_descriptor.digest);
	path = in_base(name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("../../../canary", path), 0);
	assert_int_equal(image_resolve(store, text, NULL, &image, &e), -1);
	assert_non_null(strstr(e.text, "symbolic link"));
	assert_null(strstr(e.text, "secret-canary"));
}

static void
links_in_the_place_of_folders_and_indexes_are_refused(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	autofree char *blobs = in_base("layout/blobs");
	autofree char *index = in_base("layout/index.json");
	autofree char *moved = in_base("moved");
	autofree char *moved_index = in_base("moved.json");
	autofree char *text = outside("oci", "layout", ":debian:12");

	(void)state;
	make_two(&a, &b);
	assert_int_equal(rename(blobs, moved), 0);
	assert_int_equal(symlink("../moved", blobs), 0);
	expect_failure(store, text, ERR_SYSTEM, "layout");
	assert_int_equal(unlink(blobs), 0);
	assert_int_equal(rename(moved, blobs), 0);
	expect_image(store, text, &b);
	assert_int_equal(rename(index, moved_index), 0);
	assert_int_equal(symlink("../moved.json", index), 0);
	expect_failure(store, text, ERR_SYSTEM, "layout");
}

static void
damaged_blobs_are_refused(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	autofree char *name = NULL;
	autofree char *text = outside("oci", "layout", ":debian:12");

	(void)state;
	make_two(&a, &b);
	name = blob_name("layout", &b.layer_descriptor.digest);
	put_file(name, "layer B", 7);
	expect_failure(store, text, ERR_INPUT, "another digest");
	put_file(name, "layer b, and more", 17);
	expect_failure(store, text, ERR_INPUT, "has 17 bytes, not 7");
	put_file(name, "layer b", 7);
	expect_image(store, text, &b);
}

static void
a_layout_of_several_platforms_keeps_what_is_there(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image native;
	auto(made_image) struct made_image other;
	auto(made_image) struct made_image absent;
	auto(index) struct index inner = { 0 };
	auto(index) struct index outer = { 0 };
	auto(buf) struct buf bytes = { 0 };
	auto(descriptor) struct descriptor d = { 0 };
	auto(import_result) struct import_result result = { 0 };
	auto(platform) struct platform s390x = { 0 };
	auto(image) struct image image = { 0 };
	struct error e = ERROR_INIT;
	autofree char *path = in_base("layout");

	(void)state;
	make_image(&native, "native", NULL);
	make_image(&other, "other", "linux/s390x");
	make_image(&absent, "absent", "linux/ppc64le");
	make_layout("layout");
	put_image("layout", &native);
	put_image("layout", &other);
	index_add(&inner, &absent.target);
	index_add(&inner, &other.target);
	index_add(&inner, &native.target);
	index_write(&inner, &bytes);
	put_blob("layout", &bytes);
	describe_bytes(&d, MEDIA_OCI_INDEX, &bytes);
	name_in(&outer, &d, "multi:1");
	put_index("layout", &outer);
	assert_ok(import_layout(store, path, 0, &result, &e), &e);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.items[0].name, "docker.io/library/multi:1");
	assert_true(digest_equal(&result.items[0].target.digest, &d.digest));
	expect_image(store, "multi:1", &native);
	assert_ok(platform_parse("linux/s390x", &s390x, &e), &e);
	assert_ok(image_resolve(store, "multi:1", &s390x, &image, &e), &e);
	assert_true(digest_equal(&image.descriptor.digest, &other.target.digest));
	assert_false(store_blob_has(store, &absent.target.digest));
}

static void
a_name_that_is_taken_is_moved_only_when_asked_for(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	auto(index) struct index x = { 0 };
	auto(import_result) struct import_result result = { 0 };
	struct error e = ERROR_INIT;
	autofree char *path = in_base("layout");

	(void)state;
	make_two(&a, &b);
	assert_ok(import_layout(store, path, 0, &result, &e), &e);
	assert_int_equal(result.count, 2);
	import_result_release(&result);
	name_in(&x, &a.target, "debian:12");
	put_index("layout", &x);
	assert_int_equal(import_layout(store, path, 0, &result, &e), -1);
	assert_int_equal(e.kind, ERR_POLICY);
	expect_image(store, "debian:12", &b);
	assert_ok(import_layout(store, path, IMPORT_REPLACE, &result, &e), &e);
	assert_true(result.items[0].replaced);
	assert_true(digest_equal(&result.items[0].previous, &b.target.digest));
	expect_image(store, "debian:12", &a);
}

static void
a_lone_tag_is_a_tag_of_the_layouts_name(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(index) struct index x = { 0 };
	auto(import_result) struct import_result result = { 0 };
	struct error e = ERROR_INIT;
	autofree char *path = in_base("app");

	(void)state;
	make_image(&a, "a", NULL);
	make_layout("app");
	put_image("app", &a);
	name_in(&x, &a.target, "latest");
	put_index("app", &x);
	assert_ok(import_layout(store, path, 0, &result, &e), &e);
	assert_string_equal(result.items[0].name, "docker.io/library/app:latest");
	expect_image(store, "app", &a);
}

static void
a_tag_and_a_digest_have_to_agree(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	auto(import_result) struct import_result result = { 0 };
	struct error e = ERROR_INIT;
	char text[DIGEST_TEXT_LEN + 1];
	autofree char *path = in_base("layout");
	autofree char *right = NULL;
	autofree char *wrong = NULL;
	autofree char *absent = NULL;

	(void)state;
	make_two(&a, &b);
	assert_ok(import_layout(store, path, 0, &result, &e), &e);
	right = xasprintf("debian:12@%s", digest_text(&b.target.digest, text));
	wrong = xasprintf("debian:12@%s", digest_text(&a.target.digest, text));
	absent = xasprintf("debian@sha256:%064d", 0);
	expect_image(store, right, &b);
	expect_failure(store, wrong, ERR_INPUT, "is not sha256:");
	expect_failure(store, absent, ERR_NOT_FOUND, "there is no image");
}

static void
an_image_is_found_by_its_id(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image a;
	auto(made_image) struct made_image b;
	auto(import_result) struct import_result result = { 0 };
	struct error e = ERROR_INIT;
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *path = in_base("layout");
	autofree char *whole = NULL;

	(void)state;
	make_two(&a, &b);
	assert_ok(import_layout(store, path, 0, &result, &e), &e);
	(void)digest_hex(&a.config_descriptor.digest, hex);
	expect_image(store, hex, &a);
	whole = xasprintf("sha256:%s", hex);
	expect_image(store, whole, &a);
	hex[12] = '\0';
	expect_image(store, hex, &a);
	(void)digest_hex(&b.target.digest, hex);
	expect_image(store, hex, &b);
	expect_failure(store, "00000000", ERR_NOT_FOUND, "there is no image");
	expect_failure(store, "No/Such", ERR_INPUT, "lower case");
}

static void
a_missing_image_says_how_to_provide_it(void **state)
{
	autostore struct store *store = open_store("store");
	auto(image) struct image image = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(image_resolve(store, "golang:1.26", NULL, &image, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e.hint, "--build-context golang:1.26=oci-layout://"));
}

/* ---- docker archives ---- */

static void
docker_manifest(struct buf *b, const char *config, const char *layer, const char *tag)
{
	buf_printf(b, "[{\"Config\":\"%s\",\"RepoTags\":[\"%s\"],\"Layers\":[\"%s\"]}]", config,
	    tag, layer);
}

struct docker_case {
	const char *config;      /* name in manifest.json; NULL: config.json */
	const char *layer_bytes; /* instead of the image's */
	bool config_is_link;
	bool manifest_is_link;
	bool layer_is_link;
	bool no_config;
};

static int
load_docker(struct store *store, const struct made_image *m, const struct docker_case *c,
    struct import_result *result, struct error *e)
{
	auto(buf) struct buf tar = { 0 };
	auto(buf) struct buf manifest = { 0 };
	const char *config = c->config ? c->config : "config.json";
	const char *layer = c->layer_bytes ? c->layer_bytes : buf_text(&m->layer);
	autofree char *path = in_base("docker.tar");
	autofd int fd = -1;

	docker_manifest(&manifest, config, "abc/layer.tar", "team/app:1");
	if (c->manifest_is_link) {
		tar_add_link(&tar, "a", "b");
		tar_add_link(&tar, "b", "manifest.json");
		tar_add_link(&tar, "manifest.json", "a");
	} else {
		tar_add(&tar, "manifest.json", manifest.data, manifest.len);
	}
	if (c->config_is_link) {
		tar_add(&tar, "real.json", m->config.data, m->config.len);
		tar_add_link(&tar, config, "real.json");
	} else if (!c->no_config) {
		tar_add(&tar, config, m->config.data, m->config.len);
	}
	if (c->layer_is_link) {
		tar_add(&tar, "real/layer.tar", layer, strlen(layer));
		tar_add_link(&tar, "abc/layer.tar", "../real/layer.tar");
	} else {
		tar_add(&tar, "abc/layer.tar", layer, strlen(layer));
	}
	tar_end(&tar);
	put_file("docker.tar", tar.data, tar.len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return import_archive(store, fd, "a.tar", IMPORT_REPLACE, result, e);
}

static void
a_docker_archive_is_loaded(void **state)
{
	autostore struct store *store = open_store("store");
	auto(made_image) struct made_image m;
	autofree char *only = outside("docker-archive", "docker.tar", "");
	autofree char *named = outside("docker-archive", "docker.tar", ":team/app:1");
	autofree char *other = outside("docker-archive", "docker.tar", ":team/app:2");

	(void)state;
	make_image(&m, "layer", NULL);
	for (int linked = 0; linked < 2; linked++) {
		auto(import_result) struct import_result result = { 0 };
		struct error e = ERROR_INIT;

		assert_ok(load_docker(store, &m, &(struct docker_case){ .layer_is_link = linked },
			      &result, &e),
		    &e);
		assert_string_equal(result.items[0].name, "docker.io/team/app:1");
	}
	expect_image(store, "team/app:1", &m);
	expect_image(store, only, &m);
	expect_image(store, named, &m);
	expect_failure(store, other, ERR_NOT_FOUND, "no such image");
}

static void
hostile_docker_archives_are_refused(void **state)
{
	static const struct {
		struct docker_case c;
		const char *says;
	} rows[] = {
		{ { .config_is_link = true }, "no regular file" },
		{ { .manifest_is_link = true }, "no regular file" },
		{ { .no_config = true }, "has no 'config.json'" },
		{ { .config = "../../../etc/passwd", .no_config = true }, "has no '" },
		{ { .layer_bytes = "other" }, "another digest" },
		{ { .config =
			  "1111111111111111111111111111111111111111111111111111111111111111.json" },
		    "has the digest" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autostore struct store *store = open_store("store");
		auto(made_image) struct made_image m;
		auto(import_result) struct import_result result = { 0 };
		struct error e = ERROR_INIT;

		make_image(&m, "layer", NULL);
		assert_int_equal(load_docker(store, &m, &rows[i].c, &result, &e), -1);
		if (!strstr(e.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.text, rows[i].says);
	}
}

static void
what_is_no_image_archive_is_refused(void **state)
{
	autostore struct store *store = open_store("store");
	auto(buf) struct buf tar = { 0 };
	auto(import_result) struct import_result result = { 0 };
	struct error e = ERROR_INIT;
	autofree char *path = in_base("x.tar");
	autofd int fd = -1;
	autofd int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	tar_add(&tar, "file", "x", 1);
	tar_end(&tar);
	put_file("x.tar", tar.data, tar.len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(import_archive(store, fd, "a.tar", 0, &result, &e), -1);
	assert_non_null(strstr(e.text, "'a.tar'"));
	assert_non_null(strstr(e.text, "neither an OCI archive nor a docker archive"));
	assert_int_equal(import_archive(store, dir, "a.tar", 0, &result, &e), -1);
	assert_non_null(strstr(e.text, "it is a directory"));
}

#define IMPORT_TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

static const struct CMUnitTest tests[] = {
	IMPORT_TEST(a_layout_is_asked_by_name_with_slashes_and_colons),
	IMPORT_TEST(a_layout_is_asked_by_digest),
	IMPORT_TEST(a_blob_that_is_a_link_is_refused_without_a_leak),
	IMPORT_TEST(links_in_the_place_of_folders_and_indexes_are_refused),
	IMPORT_TEST(damaged_blobs_are_refused),
	IMPORT_TEST(a_layout_of_several_platforms_keeps_what_is_there),
	IMPORT_TEST(a_name_that_is_taken_is_moved_only_when_asked_for),
	IMPORT_TEST(a_lone_tag_is_a_tag_of_the_layouts_name),
	IMPORT_TEST(a_tag_and_a_digest_have_to_agree),
	IMPORT_TEST(an_image_is_found_by_its_id),
	IMPORT_TEST(a_missing_image_says_how_to_provide_it),
	IMPORT_TEST(a_docker_archive_is_loaded),
	IMPORT_TEST(hostile_docker_archives_are_refused),
	IMPORT_TEST(what_is_no_image_archive_is_refused),
};

UNIT_MAIN(tests);
