/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_image - manifests, indexes, configs and platforms: what is read, kept, written and refused.
 */
#include "builder/image/config.h"
#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "tests/unit/unit.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "sha256:3333333333333333333333333333333333333333333333333333333333333333"

static const char manifest_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\","
    "\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"" D1 "\",\"size\":100},"
    "\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP "\",\"digest\":\"" D2 "\",\"size\":200,"
    "\"annotations\":{\"a\":\"b\"}},"
    "{\"mediaType\":\"" MEDIA_OCI_LAYER_ZSTD "\",\"digest\":\"" D3 "\",\"size\":300}],"
    "\"annotations\":{\"x\":\"y\"},\"org.example\":{\"kept\":true}}";

static const char index_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":["
    "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" D1 "\",\"size\":1,"
    "\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\"}},"
    "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" D2 "\",\"size\":2,"
    "\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}},"
    "{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" D3 "\",\"size\":3,"
    "\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"},"
    "\"platform\":{\"architecture\":\"unknown\",\"os\":\"unknown\"}}]}";

static const char config_text[] =
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-05-01T10:00:00.5Z\","
    "\"author\":\"me\","
    "\"config\":{\"User\":\"app\",\"WorkingDir\":\"/srv\",\"Env\":[\"PATH=/bin\",\"A=1\",\"A=2\"],"
    "\"Cmd\":[\"sh\"],\"Entrypoint\":[\"/e\"],\"Shell\":[\"/bin/bash\",\"-c\"],\"OnBuild\":[\"RUN "
    "x\"],"
    "\"Volumes\":{\"/b\":{},\"/a\":{}},\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"l\":\"v\"},"
    "\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":5000000000},\"StopSignal\":\"SIGINT\","
    "\"ArgsEscaped\":true,\"Domainname\":\"kept\"},"
    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\",\"" D2 "\"]},"
    "\"history\":[{\"created\":\"2024-05-01T10:00:00Z\",\"created_by\":\"ADD\"},"
    "{\"created_by\":\"ENV\",\"empty_layer\":true},{\"created_by\":\"RUN\",\"comment\":\"c\","
    "\"author\":\"a\"}],"
    "\"moby.buildkit.cache.v0\":\"kept\"}";

static void
a_manifest_is_read_and_written_with_what_is_unknown(void **state)
{
	auto(manifest) struct manifest m = { 0 };
	auto(manifest) struct manifest copy = { 0 };
	auto(buf) struct buf b = { 0 };
	auto(buf) struct buf again = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(
	    manifest_parse(manifest_text, strlen(manifest_text), MEDIA_OCI_MANIFEST, &m, &e), &e);
	assert_int_equal(m.n_layers, 2);
	assert_int_equal(m.layers[1].size, 300);
	assert_string_equal(descriptor_annotation(&m.layers[0], "a"), "b");
	assert_int_equal(media_packing(m.layers[1].media_type), PACKING_ZSTD);
	manifest_write(&m, &b);
	assert_string_equal(buf_text(&b), manifest_text);
	manifest_copy(&copy, &m);
	manifest_write(&copy, &again);
	assert_string_equal(buf_text(&again), manifest_text);
}

static void
the_image_for_a_platform_is_chosen(void **state)
{
	static const struct {
		const char *platform;
		uint64_t size; /* 0: none */
	} rows[] = { { "linux/amd64", 2 }, { "linux/arm64", 1 }, { "linux/arm64/v8", 1 },
		{ "linux/amd64/v3", 2 }, { "linux/arm/v7", 0 }, { "windows/amd64", 0 } };
	auto(index) struct index x = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(index_parse(index_text, strlen(index_text), NULL, &x, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto(platform) struct platform p = { 0 };
		const struct descriptor *d;

		assert_ok(platform_parse(rows[i].platform, &p, &e), &e);
		d = index_choose(&x, &p);
		assert_int_equal(d ? d->size : 0, rows[i].size);
	}
	index_write(&x, &b);
	assert_string_equal(buf_text(&b), index_text);
}

static void
an_index_of_one_image_without_platform_serves_all(void **state)
{
	static const char text[] =
	    "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MEDIA_OCI_MANIFEST
	    "\",\"digest\":\"" D1 "\",\"size\":1}]}";
	auto(index) struct index x = { 0 };
	auto(platform) struct platform native = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	platform_native(&native);
	assert_ok(index_parse(text, strlen(text), NULL, &x, &e), &e);
	assert_non_null(index_choose(&x, &native));
}

static void
a_config_is_read(void **state)
{
	auto(image_config) struct image_config c = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(image_config_parse(config_text, strlen(config_text), &c, &e), &e);
	assert_string_equal(c.user, "app");
	assert_string_equal(env_get(&c.env, "A"), "2");
	assert_int_equal(c.env.count, 2);
	assert_string_equal(c.volumes.items[0], "/a");
	assert_string_equal(image_config_label(&c, "l"), "v");
	assert_true(c.args_escaped);
	assert_int_equal(c.n_diff_ids, 2);
	assert_int_equal(c.n_history, 3);
	assert_true(c.history[1].empty_layer);
	assert_int_equal(c.created.tv_nsec, 500000000);
	assert_ok(image_config_check_layers(&c, 2, &e), &e);
	assert_int_equal(image_config_check_layers(&c, 3, &e), -1);
}

static void
a_config_keeps_what_is_unknown_and_is_always_the_same_bytes(void **state)
{
	auto(image_config) struct image_config c = { 0 };
	auto(image_config) struct image_config copy = { 0 };
	auto(image_config) struct image_config again = { 0 };
	auto(buf) struct buf a = { 0 };
	auto(buf) struct buf b = { 0 };
	auto(buf) struct buf d = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(image_config_parse(config_text, strlen(config_text), &c, &e), &e);
	image_config_copy(&copy, &c);
	image_config_write(&c, &a);
	image_config_write(&copy, &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
	assert_non_null(strstr(buf_text(&a), "\"moby.buildkit.cache.v0\":\"kept\""));
	assert_non_null(strstr(buf_text(&a), "\"Domainname\":\"kept\""));
	assert_non_null(strstr(buf_text(&a), "\"created\":\"2024-05-01T10:00:00.5Z\""));
	assert_ok(image_config_parse(a.data, a.len, &again, &e), &e);
	image_config_write(&again, &d);
	assert_string_equal(buf_text(&a), buf_text(&d));
}

static void
what_is_emptied_is_left_out(void **state)
{
	auto(image_config) struct image_config c = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(image_config_parse(config_text, strlen(config_text), &c, &e), &e);
	strv_clear(&c.cmd);
	strv_clear(&c.onbuild);
	image_config_set_text(&c.user, "");
	json_free(c.healthcheck);
	c.healthcheck = NULL;
	c.args_escaped = false;
	image_config_write(&c, &b);
	assert_null(strstr(buf_text(&b), "\"Cmd\""));
	assert_null(strstr(buf_text(&b), "\"OnBuild\""));
	assert_null(strstr(buf_text(&b), "\"User\""));
	assert_null(strstr(buf_text(&b), "Healthcheck"));
	assert_null(strstr(buf_text(&b), "ArgsEscaped"));
}

static void
history_is_made_to_fit_the_layers(void **state)
{
	auto(image_config) struct image_config c = { 0 };
	struct digest id = { { 5 } };
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(image_config_parse(config_text, strlen(config_text), &c, &e), &e);
	image_config_add_diff_id(&c, &id);
	image_config_align_history(&c);
	assert_int_equal(c.n_history, 4);
	assert_string_equal(c.history[3].comment, "buildkit.exporter.image.v0");
	c.n_diff_ids = 1;
	image_config_align_history(&c);
	assert_true(c.history[2].empty_layer);
	assert_true(c.history[3].empty_layer);
}

static void
a_chain_id_is_that_of_the_image_spec(void **state)
{
	auto(image_config) struct image_config c = { 0 };
	struct error e = ERROR_INIT;
	struct digest chain;
	struct digest expected;

	(void)state;
	assert_ok(image_config_parse(config_text, strlen(config_text), &c, &e), &e);
	image_config_chain_id(&c, 1, &chain);
	assert_true(digest_equal(&chain, &c.diff_ids[0]));
	digest_of(D1 " " D2, strlen(D1 " " D2), &expected);
	image_config_chain_id(&c, 2, &chain);
	assert_true(digest_equal(&chain, &expected));
}

/* ---- mutants: each replaces @from by @to in a good document ---- */

struct mutant {
	const char *from;
	const char *to;
};

#define SIZE100 "\"size\":100"
#define DIGEST1 "\"digest\":\"" D1 "\""

static const struct mutant manifest_mutants[] = {
	{ "\"schemaVersion\":2", "\"schemaVersion\":1" },
	{ "\"schemaVersion\":2", "\"schemaVersion\":\"2\"" },
	{ "\"schemaVersion\":2", "\"schemaVersion\":null" },
	{ "\"schemaVersion\":2,", "" },
	{ "\"schemaVersion\":2", "\"schemaVersion\":2.5" },
	{ MEDIA_OCI_MANIFEST, MEDIA_OCI_INDEX },
	{ MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST },
	{ MEDIA_OCI_MANIFEST, "text/plain" },
	{ MEDIA_OCI_MANIFEST, "" },
	{ "\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"", "\"mediaType\":5" },
	{ SIZE100, "\"size\":-1" },
	{ SIZE100, "\"size\":9223372036854775808" },
	{ SIZE100, "\"size\":18446744073709551616" },
	{ SIZE100, "\"size\":1e3" },
	{ SIZE100, "\"size\":1.5" },
	{ SIZE100, "\"size\":\"100\"" },
	{ SIZE100, "\"size\":null" },
	{ SIZE100, "\"size\":true" },
	{ SIZE100, "\"size\":[]" },
	{ "," SIZE100, "" },
	{ DIGEST1, "\"digest\":\"sha256:123\"" },
	{ DIGEST1, "\"digest\":\"sha256:../../x\"" },
	{ DIGEST1, "\"digest\":\"sha512:"
		   "1111111111111111111111111111111111111111111111111111111111111111\"" },
	{ DIGEST1, "\"digest\":\"sha256:"
		   "111111111111111111111111111111111111111111111111111111111111111\"" },
	{ DIGEST1, "\"digest\":\"sha256:"
		   "111111111111111111111111111111111111111111111111111111111111111A\"" },
	{ DIGEST1, "\"digest\":\"" D1 "\\n\"" },
	{ DIGEST1, "\"digest\":\"" D1 "\\u0000\"" },
	{ DIGEST1, "\"digest\":\" " D1 "\"" },
	{ DIGEST1, "\"digest\":\"\"" },
	{ DIGEST1, "\"digest\":null" },
	{ DIGEST1, "\"digest\":1" },
	{ DIGEST1 ",", "" },
	{ "\"config\":{", "\"config\":5,\"x\":{" },
	{ "\"config\":{", "\"config\":null,\"x\":{" },
	{ "\"config\":{", "\"config\":[],\"x\":{" },
	{ "\"config\":{", "\"konfig\":{" },
	{ "\"layers\":[", "\"layers\":null,\"x\":[" },
	{ "\"layers\":[", "\"layers\":{},\"x\":[" },
	{ "\"layers\":[", "\"layers\":\"x\",\"x\":[" },
	{ "\"layers\":[", "\"layrs\":[" },
	{ "\"layers\":[", "\"layers\":[null," },
	{ "\"layers\":[", "\"layers\":[[]," },
	{ "\"layers\":[", "\"layers\":[\"x\"," },
	{ "\"layers\":[", "\"layers\":[{}," },
	{ "\"layers\":[", "\"manifests\":[],\"layers\":[" },
	{ "\"layers\":[", "\"manifests\":null,\"layers\":[" },
	{ "\"layers\":[", "\"fsLayers\":[],\"layers\":[" },
	{ "\"layers\":[", "\"layers\":[],\"layers\":[" },
	{ "{\"a\":\"b\"}", "{\"a\":1}" },
	{ "{\"a\":\"b\"}", "[]" },
	{ "{\"a\":\"b\"}", "\"a\"" },
	{ "{\"x\":\"y\"}", "{\"x\":{}}" },
	{ "{\"x\":\"y\"}", "[\"x\"]" },
	{ "\"" MEDIA_OCI_CONFIG "\"", "\"\"" },
	{ "\"" MEDIA_OCI_CONFIG "\"", "null" },
	{ "\"" MEDIA_OCI_CONFIG "\"", "{}" },
	{ "\"" MEDIA_OCI_CONFIG "\"", "\"a b\"" },
	{ "\"" MEDIA_OCI_CONFIG "\"", "\"a\\nb\"" },
	{ "}}", "}" },
	{ "{\"schema", "[{\"schema" },
};

static const struct mutant index_mutants[] = {
	{ "\"schemaVersion\":2", "\"schemaVersion\":3" },
	{ MEDIA_OCI_INDEX, MEDIA_OCI_MANIFEST },
	{ MEDIA_OCI_INDEX, "x" },
	{ "\"manifests\":[", "\"layers\":[],\"manifests\":[" },
	{ "\"manifests\":[", "\"config\":{},\"manifests\":[" },
	{ "\"manifests\":[", "\"manifest\":[" },
	{ "\"manifests\":[", "\"manifests\":5,\"x\":[" },
	{ "\"manifests\":[", "\"manifests\":[5," },
	{ "\"arm64\"", "\"../../x\"" },
	{ "\"arm64\"", "\"arm/64\"" },
	{ "\"arm64\"", "\"arm\\\\64\"" },
	{ "\"arm64\"", "\"arm\\n64\"" },
	{ "\"arm64\"", "\"\"" },
	{ "\"arm64\"", "5" },
	{ "\"arm64\"", "null" },
	{ "\"arm64\"", "\"-rf\"" },
	{ "\"arm64\"", "\"..\"" },
	{ "\"v8\"", "\"v/8\"" },
	{ "\"v8\"", "\"../v8\"" },
	{ "\"v8\"", "[]" },
	{ "{\"architecture\":\"amd64\",\"os\":\"linux\"}", "{}" },
	{ "{\"architecture\":\"amd64\",\"os\":\"linux\"}", "\"linux/amd64\"" },
	{ "\"size\":2", "\"size\":-2" },
};

static const struct mutant config_mutants[] = {
	{ "\"architecture\":\"amd64\"", "\"architecture\":\"../../x\"" },
	{ "\"architecture\":\"amd64\"", "\"architecture\":\"a\\nb\"" },
	{ "\"architecture\":\"amd64\"", "\"architecture\":null" },
	{ "\"architecture\":\"amd64\",", "" },
	{ "\"os\":\"linux\"", "\"os\":5" },
	{ "\"os\":\"linux\",", "" },
	{ "\"os\":\"linux\"", "\"os\":\"\"" },
	{ "\"rootfs\":{", "\"rootfs\":null,\"x\":{" },
	{ "\"rootfs\":{", "\"rootfs\":[],\"x\":{" },
	{ "\"rootfs\":{", "\"rotfs\":{" },
	{ "\"type\":\"layers\"", "\"type\":\"tar\"" },
	{ "\"type\":\"layers\"", "\"type\":null" },
	{ "\"type\":\"layers\",", "" },
	{ "\"diff_ids\":[", "\"diff_ids\":5,\"x\":[" },
	{ "\"diff_ids\":[", "\"diff_ids\":{},\"x\":[" },
	{ "\"diff_ids\":[", "\"diff_ids\":[null," },
	{ "\"diff_ids\":[", "\"diff_ids\":[5," },
	{ "\"diff_ids\":[", "\"diff_ids\":[\"x\"," },
	{ "\"diff_ids\":[", "\"diff_ids\":[\"sha256:../../x\"," },
	{ "\"diff_ids\":[", "\"diff_ids\":[\"\"," },
	{ "\"config\":{", "\"config\":5,\"x\":{" },
	{ "\"config\":{", "\"config\":[],\"x\":{" },
	{ "\"User\":\"app\"", "\"User\":5" },
	{ "\"User\":\"app\"", "\"User\":[\"app\"]" },
	{ "\"WorkingDir\":\"/srv\"", "\"WorkingDir\":{}" },
	{ "\"Env\":[", "\"Env\":{},\"x\":[" },
	{ "\"Env\":[", "\"Env\":\"A=1\",\"x\":[" },
	{ "\"Env\":[", "\"Env\":[5," },
	{ "\"Env\":[", "\"Env\":[null," },
	{ "\"Cmd\":[", "\"Cmd\":\"sh\",\"x\":[" },
	{ "\"Cmd\":[", "\"Cmd\":[[]," },
	{ "\"Entrypoint\":[", "\"Entrypoint\":5,\"x\":[" },
	{ "\"Shell\":[", "\"Shell\":{},\"x\":[" },
	{ "\"OnBuild\":[", "\"OnBuild\":\"RUN\",\"x\":[" },
	{ "\"Volumes\":{", "\"Volumes\":[],\"x\":{" },
	{ "\"Volumes\":{", "\"Volumes\":\"/a\",\"x\":{" },
	{ "\"ExposedPorts\":{", "\"ExposedPorts\":[],\"x\":{" },
	{ "\"Labels\":{", "\"Labels\":[],\"x\":{" },
	{ "\"Labels\":{", "\"Labels\":{\"m\":5," },
	{ "\"Healthcheck\":{", "\"Healthcheck\":[],\"x\":{" },
	{ "\"StopSignal\":\"SIGINT\"", "\"StopSignal\":2" },
	{ "\"ArgsEscaped\":true", "\"ArgsEscaped\":\"yes\"" },
	{ "\"created\":\"2024-05-01T10:00:00.5Z\"", "\"created\":5" },
	{ "\"created\":\"2024-05-01T10:00:00.5Z\"", "\"created\":\"yesterday\"" },
	{ "\"author\":\"me\"", "\"author\":{}" },
	{ "\"history\":[", "\"history\":{},\"x\":[" },
	{ "\"history\":[", "\"history\":[5," },
	{ "\"history\":[", "\"history\":[{\"created\":7}," },
	{ "\"history\":[", "\"history\":[{\"created_by\":[]}," },
	{ "\"history\":[", "\"history\":[{\"empty_layer\":1}," },
	{ "\"os\":\"linux\"", "\"os\":\"linux\",\"os\":\"windows\"" },
	{ "{\"architecture\"", "[{\"architecture\"" },
};

typedef int mutant_parse(const char *text, size_t length, struct error *e);

static int
parse_manifest(const char *text, size_t length, struct error *e)
{
	auto(manifest) struct manifest m = { 0 };

	return manifest_parse(text, length, MEDIA_OCI_MANIFEST, &m, e);
}

static int
parse_index(const char *text, size_t length, struct error *e)
{
	auto(index) struct index x = { 0 };

	return index_parse(text, length, MEDIA_OCI_INDEX, &x, e);
}

static int
parse_config(const char *text, size_t length, struct error *e)
{
	auto(image_config) struct image_config c = { 0 };

	return image_config_parse(text, length, &c, e);
}

static void
refuse_all(const char *text, const struct mutant *mutants, size_t count, mutant_parse *parse)
{
	for (size_t i = 0; i < count; i++) {
		const char *at = strstr(text, mutants[i].from);
		auto(buf) struct buf b = { 0 };
		struct error e = ERROR_INIT;

		if (!at)
			fail_msg("mutant %zu: '%s' is not there", i, mutants[i].from);
		buf_add(&b, text, (size_t)(at - text));
		buf_add_text(&b, mutants[i].to);
		buf_add_text(&b, at + strlen(mutants[i].from));
		if (parse(b.data, b.len, &e) == 0)
			fail_msg(
			    "mutant %zu was taken: '%s' → '%s'", i, mutants[i].from, mutants[i].to);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_true(strlen(e.text) > 0);
		/* Cut short anywhere, nothing is taken either. */
		assert_int_equal(parse(text, strlen(text) * (i + 1) / (count + 1), &e), -1);
	}
}

static void
damaged_manifests_are_refused(void **state)
{
	(void)state;
	refuse_all(manifest_text, manifest_mutants, ARRAY_LEN(manifest_mutants), parse_manifest);
}

static void
damaged_indexes_are_refused(void **state)
{
	(void)state;
	refuse_all(index_text, index_mutants, ARRAY_LEN(index_mutants), parse_index);
}

static void
damaged_configs_are_refused(void **state)
{
	(void)state;
	refuse_all(config_text, config_mutants, ARRAY_LEN(config_mutants), parse_config);
}

static void
what_other_tools_write_is_read(void **state)
{
	static const char *const configs[] = {
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":null}}",
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":null,\"history\":null,"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\",\"config\":{\"Env\":"
		"null,\"Cmd\":null,"
		"\"Labels\":null,\"Volumes\":null,\"User\":\"\"},\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[]}}",
		"{\"architecture\":\"amd64\",\"os\":\"windows\",\"os.version\":\"10.0.20348.1\","
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"0001-01-01T00:00:00Z\","
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"NOEQUALS\",\"="
		"x\"]},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
		struct error e = ERROR_INIT;

		assert_ok(parse_config(configs[i], strlen(configs[i]), &e), &e);
	}
}

static void
platforms_are_normalised(void **state)
{
	static const struct {
		const char *text;
		const char *expected; /* NULL: refused */
	} rows[] = {
		{ "linux/amd64", "linux/amd64" },
		{ "amd64", "linux/amd64" },
		{ "linux/x86_64", "linux/amd64" },
		{ "Linux/AMD64", "linux/amd64" },
		{ "linux/aarch64", "linux/arm64" },
		{ "linux/arm64/v8", "linux/arm64" },
		{ "linux/arm64/v9", "linux/arm64/v9" },
		{ "linux/arm", "linux/arm/v7" },
		{ "linux/arm/7", "linux/arm/v7" },
		{ "linux/arm/v6", "linux/arm/v6" },
		{ "linux/armhf", "linux/arm/v7" },
		{ "armel", "linux/arm/v6" },
		{ "linux/i386", "linux/386" },
		{ "linux/amd64/v1", "linux/amd64" },
		{ "linux/riscv64", "linux/riscv64" },
		{ "", NULL },
		{ "linux", NULL },
		{ "linux/", NULL },
		{ "/amd64", NULL },
		{ "linux/amd64/v1/x", NULL },
		{ "../amd64", NULL },
		{ "linux/am d64", NULL },
		{ "linux/amd64\n", NULL },
		{ "linux\\amd64", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto(platform) struct platform p = { 0 };
		auto(buf) struct buf b = { 0 };
		struct error e = ERROR_INIT;
		int result = platform_parse(rows[i].text, &p, &e);

		if (!rows[i].expected) {
			assert_int_equal(result, -1);
			assert_int_equal(e.kind, ERR_USAGE);
			continue;
		}
		assert_ok(result, &e);
		platform_add_text(&b, &p);
		assert_string_equal(buf_text(&b), rows[i].expected);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_manifest_is_read_and_written_with_what_is_unknown),
	cmocka_unit_test(the_image_for_a_platform_is_chosen),
	cmocka_unit_test(an_index_of_one_image_without_platform_serves_all),
	cmocka_unit_test(a_config_is_read),
	cmocka_unit_test(a_config_keeps_what_is_unknown_and_is_always_the_same_bytes),
	cmocka_unit_test(what_is_emptied_is_left_out),
	cmocka_unit_test(history_is_made_to_fit_the_layers),
	cmocka_unit_test(a_chain_id_is_that_of_the_image_spec),
	cmocka_unit_test(damaged_manifests_are_refused),
	cmocka_unit_test(damaged_indexes_are_refused),
	cmocka_unit_test(damaged_configs_are_refused),
	cmocka_unit_test(what_other_tools_write_is_read),
	cmocka_unit_test(platforms_are_normalised),
};

UNIT_MAIN(tests);
