/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cache - what --cache-to and --cache-from say, and the records of a cache: as they are written, and as they may not be.
 */
#include "builder/cache/cache.h"
#include "builder/image/descriptor.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX64
#define LAYER                                                                                     \
	"{\"variant\":\"gzip:0\",\"diffID\":\"" DIGEST "\",\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP \
	"\",\"digest\":\"" DIGEST "\",\"size\":10,\"uncompressed\":20}"

/* ---- places ---- */

static struct cache_place
place(const char *text, enum cache_direction direction)
{
	struct cache_place p;
	struct error e = ERROR_INIT;

	assert_ok(cache_place_parse(text, direction, &p, &e), &e);
	return p;
}

static void
a_text_without_keys_is_a_reference(void **state)
{
	struct cache_place p = place("registry.example/team/cache:main", CACHE_TO);

	(void)state;
	assert_int_equal(p.kind, CACHE_REGISTRY);
	assert_string_equal(p.ref, "registry.example/team/cache:main");
	assert_false(p.max);
	assert_false(p.strict);
	assert_false(p.has_compression);
	assert_int_equal(p.timeout, CACHE_TIMEOUT_DEFAULT);
	cache_place_release(&p);
}

static void
words_behind_mounts_are_ids(void **state)
{
	struct cache_place p =
	    place("type=registry,mounts=npm,/root/.cache,go build,ref=x,mode=max", CACHE_TO);

	(void)state;
	assert_int_equal(p.mounts.count, 3);
	assert_string_equal(p.mounts.items[0], "npm");
	assert_string_equal(p.mounts.items[1], "/root/.cache");
	assert_string_equal(p.mounts.items[2], "go build");
	assert_true(p.max);
	cache_place_release(&p);
}

static void
keys_have_the_meaning_of_buildx(void **state)
{
	struct cache_place p =
	    place("type=local,dest=/tmp/x,tag=t,compression=zstd,compression-level=19,"
		  "force-compression=true,ignore-error=false,timeout=1m30s",
		CACHE_TO);

	(void)state;
	assert_int_equal(p.kind, CACHE_LOCAL);
	assert_string_equal(p.dir, "/tmp/x");
	assert_string_equal(p.tag, "t");
	assert_true(p.has_compression);
	assert_int_equal(p.compression, COMPRESSION_ZSTD);
	assert_int_equal(p.level, 19);
	assert_true(p.force);
	assert_true(p.strict);
	assert_int_equal(p.timeout, 90);
	cache_place_release(&p);
	p = place("type=gha,url_v2=http://x/,token=t,version=2", CACHE_FROM);
	assert_string_equal(p.url, "http://x/");
	assert_string_equal(p.token, "t");
	assert_string_equal(p.scope, "croze");
	assert_null(strstr(p.label, p.token));
	cache_place_release(&p);
}

/* ---- records ---- */

static void
set(struct digest *d, unsigned char byte)
{
	memset(d->bytes, byte, sizeof(d->bytes));
}

static void
fill(struct cache_records *r)
{
	struct cache_record step = { .created = { 1700000000, 5000000 },
		.has_layer = true,
		.layer = { .compression = COMPRESSION_ZSTD,
		    .level = 3,
		    .has_time = true,
		    .time = 7,
		    .size = 100,
		    .uncompressed = 1000 } };
	struct cache_record alias = { .is_alias = true };
	struct cache_record empty = { .created = { 1, 0 }, .empty = true };
	struct cache_mount mount = { .id = "npm", .layer = step.layer };

	set(&step.key, 9);
	set(&step.layer.digest, 1);
	set(&step.layer.diff_id, 2);
	set(&step.layer.pack, 3);
	step.layer.in_pack = true;
	step.layer.offset = 4096;
	set(&alias.key, 5);
	set(&alias.alias_of, 9);
	set(&empty.key, 7);
	*r = (struct cache_records){ 0 };
	cache_records_add(r, &step);
	cache_records_add(r, &alias);
	cache_records_add(r, &empty);
	cache_records_add(r, &alias); /* again: it is there */
	cache_records_add_mount(r, &mount);
}

static void
assert_filled(const struct cache_records *r)
{
	struct digest key;
	const struct cache_record *found;

	assert_int_equal(r->count, 3);
	assert_int_equal(r->n_mounts, 1);
	assert_string_equal(r->mounts[0].id, "npm");
	set(&key, 9);
	found = cache_records_find(r, &key);
	assert_non_null(found);
	assert_true(found->has_layer);
	assert_int_equal(found->created.tv_nsec, 5000000);
	assert_int_equal(found->layer.compression, COMPRESSION_ZSTD);
	assert_int_equal(found->layer.level, 3);
	assert_int_equal(found->layer.time, 7);
	assert_true(found->layer.in_pack);
	assert_int_equal(found->layer.offset, 4096);
	set(&key, 5);
	found = cache_records_find(r, &key);
	assert_true(found && found->is_alias && found->alias_of.bytes[0] == 9);
	set(&key, 7);
	assert_true(cache_records_find(r, &key)->empty);
	set(&key, 8);
	assert_null(cache_records_find(r, &key));
}

static void
records_come_back_as_they_were_written(void **state)
{
	struct cache_records r, again, third;
	autojson struct json *json = NULL;
	auto(buf) struct buf text = { 0 };
	auto(buf) struct buf bytes = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	fill(&r);
	json = cache_records_to_json(&r);
	json_write(json, 0, &text);
	assert_ok(
	    cache_records_parse_confined(buf_text(&text), text.len, CACHE_MEDIA_TYPE, &again, &e),
	    &e);
	assert_filled(&again);
	cache_records_pack(&again, &bytes);
	assert_ok(cache_records_unpack(bytes.data, bytes.len, &third, &e), &e);
	assert_filled(&third);
	cache_records_release(&r);
	cache_records_release(&again);
	cache_records_release(&third);
}

static void
a_config_of_an_image_has_them_as_a_member(void **state)
{
	static const char with[] =
	    "{\"architecture\":\"amd64\",\"" CACHE_MEMBER "\":{\"version\":1,\"records\":[]}}";
	static const char without[] = "{\"architecture\":\"amd64\"}";
	struct cache_records r;
	struct error e = ERROR_INIT;

	(void)state;
	assert_ok(cache_records_parse(with, strlen(with), MEDIA_OCI_CONFIG, &r, &e), &e);
	cache_records_release(&r);
	assert_int_equal(
	    cache_records_parse(without, strlen(without), MEDIA_OCI_CONFIG, &r, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_int_equal(cache_records_parse(with, strlen(with), "application/x-sh", &r, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void
what_no_writer_says_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":2,\"records\":[]}",
		"{\"version\":\"1\",\"records\":[]}",
		"{\"version\":1}",
		"{\"version\":1,\"records\":{}}",
		"{\"version\":1,\"records\":[1]}",
		"{\"version\":1,\"records\":[{}]}",
		"{\"version\":1,\"records\":[{\"key\":\"" DIGEST "\"}]}",
		"{\"version\":1,\"records\":[{\"key\":\"sha256:../../etc\",\"aliasOf\":\"" DIGEST
		"\"}]}",
		"{\"version\":1,\"records\":[{\"key\":\"" DIGEST "\",\"aliasOf\":7}]}",
		"{\"version\":1,\"records\":[{\"key\":\"" DIGEST
		"\",\"created\":\"now\",\"layer\":" LAYER "}]}",
		"{\"version\":1,\"records\":[{\"key\":\"" DIGEST
		"\",\"created\":\"2024-01-01T00:00:00Z\"}]}",
		"{\"version\":1,\"records\":[{\"key\":\"" DIGEST "\",\"aliasOf\":\"" DIGEST
		"\"},{\"key\":\"" DIGEST "\",\"aliasOf\":\"" DIGEST "\"}]}",
		"{\"version\":1,\"records\":[],\"mounts\":[{\"layer\":" LAYER "}]}",
		"{\"version\":1,\"records\":[],\"mounts\":[{\"id\":\"x\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cache_records r;
		struct error e = ERROR_INIT;

		if (cache_records_parse(bad[i], strlen(bad[i]), CACHE_MEDIA_TYPE, &r, &e) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_null(r.items);
	}
}

/* A process that was taken over answers whatever it likes. */
static void
an_answer_with_any_byte_changed_is_a_good_one_or_none(void **state)
{
	struct cache_records r, again;
	auto(buf) struct buf bytes = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	fill(&r);
	cache_records_pack(&r, &bytes);
	for (size_t i = 0; i < bytes.len; i++) {
		char was = bytes.data[i];

		for (int change = 1; change < 256; change += 41) {
			bytes.data[i] = (char)(was ^ change);
			if (cache_records_unpack(bytes.data, bytes.len, &again, &e) < 0)
				continue;
			for (size_t k = 0; k < again.count; k++)
				if (again.items[k].has_layer)
					assert_true(again.items[k].layer.size <= CACHE_LAYER_MAX);
			cache_records_release(&again);
		}
		bytes.data[i] = was;
	}
	for (size_t length = 0; length < bytes.len; length++)
		assert_int_equal(cache_records_unpack(bytes.data, length, &again, &e), -1);
	cache_records_release(&r);
}

static void
variants_are_those_of_the_store(void **state)
{
	static const char *const good[] = { "gzip:0", "gzip:9", "zstd:19:0", "none:0:1700000000" };
	static const char *const bad[] = { "", "gzip", "gzip:", "gzip:23", "gzip:-1", "gzip:0:-1",
		"gzip:0:x", "brotli:1", "gzip:0:1:1", "gzip:0:253402300800" };
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct cache_layer layer = { 0 };
		autofree char *text = NULL;

		assert_ok(cache_layer_read_variant(good[i], &layer, &e), &e);
		text = cache_layer_variant(&layer);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cache_layer layer = { 0 };

		if (cache_layer_read_variant(bad[i], &layer, &e) == 0)
			fail_msg("taken: '%s'", bad[i]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_text_without_keys_is_a_reference),
	cmocka_unit_test(words_behind_mounts_are_ids),
	cmocka_unit_test(keys_have_the_meaning_of_buildx),
	cmocka_unit_test(records_come_back_as_they_were_written),
	cmocka_unit_test(a_config_of_an_image_has_them_as_a_member),
	cmocka_unit_test(what_no_writer_says_is_refused),
	cmocka_unit_test(an_answer_with_any_byte_changed_is_a_good_one_or_none),
	cmocka_unit_test(variants_are_those_of_the_store),
};

UNIT_MAIN(tests);
