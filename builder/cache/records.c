/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records - what one machine tells another of its steps.
 */
#include "builder/cache/records.h"

#include "builder/image/descriptor.h"
#include "builder/layer/writer.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/landlock.h"

#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define LEVEL_MAX 22
#define TIME_MAX 253402300799 /* the last second that RFC 3339 can say */
#define RECORDS_MAX 100000
#define MAGIC 0x63727a6361636865ULL

void
cache_records_release(struct cache_records *r)
{
	free(r->items);
	free(r->mounts);
	*r = (struct cache_records){ 0 };
}

/* Where @key is, or would be. */
static size_t
place_of(const struct cache_records *r, const struct digest *key)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (digest_compare(&r->items[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
cache_records_add(struct cache_records *r, const struct cache_record *record)
{
	size_t at = place_of(r, &record->key);

	if (at < r->count && digest_equal(&r->items[at].key, &record->key))
		return;
	xgrow(&r->items, r->count, &r->room, sizeof(*r->items));
	memmove(r->items + at + 1, r->items + at, (r->count - at) * sizeof(*r->items));
	r->items[at] = *record;
	r->count++;
}

void
cache_records_add_mount(struct cache_records *r, const struct cache_mount *mount)
{
	xgrow(&r->mounts, r->n_mounts, &r->mounts_room, sizeof(*r->mounts));
	r->mounts[r->n_mounts++] = *mount;
}

const struct cache_record *
cache_records_find(const struct cache_records *r, const struct digest *key)
{
	size_t at = place_of(r, key);

	return at < r->count && digest_equal(&r->items[at].key, key) ? &r->items[at] : NULL;
}

/* ---- variants ---- */

static const char *const forms[] = {
	[COMPRESSION_NONE] = "none",
	[COMPRESSION_GZIP] = "gzip",
	[COMPRESSION_ZSTD] = "zstd",
};

char *
cache_layer_variant(const struct cache_layer *layer)
{
	if (!layer->has_time)
		return xasprintf("%s:%d", forms[layer->compression], layer->level);
	return xasprintf(
	    "%s:%d:%lld", forms[layer->compression], layer->level, (long long)layer->time);
}

int
cache_layer_read_variant(const char *text, struct cache_layer *layer, struct error *e)
{
	auto(strv) struct strv words = { 0 };
	uint64_t level;
	size_t form;

	strv_split(&words, text, ':');
	for (form = 0; form < ARRAY_LEN(forms); form++)
		if (words.count > 0 && strcmp(words.items[0], forms[form]) == 0)
			break;
	if (form == ARRAY_LEN(forms) || words.count < 2 || words.count > 3)
		return error_set(e, ERR_INPUT, "'%.60s' is no variant of a layer", text);
	if (parse_u64(words.items[1], 0, LEVEL_MAX, "level", &level, e) < 0)
		return -1;
	layer->compression = (enum compression)form;
	layer->level = (int)level;
	layer->has_time = words.count == 3;
	layer->time = 0;
	return words.count < 3 ? 0
	                       : parse_i64(words.items[2], 0, TIME_MAX, "time", &layer->time, e);
}

/* ---- writing ---- */

static void
set_digest(struct json *json, const char *key, const struct digest *digest)
{
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(json, key, digest_text(digest, text));
}

static struct json *
layer_to_json(const struct cache_layer *layer)
{
	autofree char *variant = cache_layer_variant(layer);
	struct json *json = json_new_object();

	json_set_text(json, "variant", variant);
	set_digest(json, "diffID", &layer->diff_id);
	json_set_text(json, "mediaType", layer_media_type(layer->compression));
	set_digest(json, "digest", &layer->digest);
	json_set(json, "size", json_new_u64(layer->size));
	json_set(json, "uncompressed", json_new_u64(layer->uncompressed));
	if (layer->in_pack) {
		set_digest(json, "pack", &layer->pack);
		json_set(json, "offset", json_new_u64(layer->offset));
	}
	return json;
}

static struct json *
record_to_json(const struct cache_record *record)
{
	struct json *json = json_new_object();
	auto(buf) struct buf created = { 0 };

	set_digest(json, "key", &record->key);
	if (record->is_alias) {
		set_digest(json, "aliasOf", &record->alias_of);
		return json;
	}
	text_add_rfc3339(&created, &record->created);
	json_set_text(json, "created", buf_text(&created));
	if (record->empty)
		json_set(json, "empty", json_new_bool(true));
	if (record->has_layer)
		json_set(json, "layer", layer_to_json(&record->layer));
	return json;
}

struct json *
cache_records_to_json(const struct cache_records *r)
{
	struct json *json = json_new_object();
	struct json *records, *mounts;

	json_set(json, "version", json_new_u64(VERSION));
	records = json_set(json, "records", json_new_array());
	for (size_t i = 0; i < r->count; i++)
		json_append(records, record_to_json(&r->items[i]));
	if (r->n_mounts == 0)
		return json;
	mounts = json_set(json, "mounts", json_new_array());
	for (size_t i = 0; i < r->n_mounts; i++) {
		struct json *mount = json_append(mounts, json_new_object());

		json_set_text(mount, "id", r->mounts[i].id);
		json_set(mount, "layer", layer_to_json(&r->mounts[i].layer));
	}
	return json;
}

/* ---- reading ---- */

/* What no writer of ours says; also of what a confined process hands over. */
static int
check_layer(const struct cache_layer *layer, struct error *e)
{
	if ((unsigned)layer->compression > COMPRESSION_ZSTD || layer->level < 0 ||
	    layer->level > LEVEL_MAX || layer->time < 0 || layer->time > TIME_MAX)
		return error_set(e, ERR_INPUT, "a layer of a form that is not known");
	if (layer->size == 0 || layer->size > CACHE_LAYER_MAX || layer->uncompressed == 0 ||
	    layer->uncompressed > CACHE_UNCOMPRESSED_MAX ||
	    layer->offset > INT64_MAX - CACHE_LAYER_MAX)
		return error_set(e, ERR_INPUT, "a layer of a size that cannot be");
	return 0;
}

static int
check_record(const struct cache_record *record, struct error *e)
{
	if (record->is_alias)
		return 0;
	if (record->created.tv_sec < 0 || record->created.tv_sec > TIME_MAX ||
	    record->created.tv_nsec < 0 || record->created.tv_nsec >= 1000000000)
		return error_set(e, ERR_INPUT, "a time that is none");
	if (!record->has_layer)
		return record->empty ? 0 : error_set(e, ERR_INPUT, "a step without a layer");
	return check_layer(&record->layer, e);
}

static int
read_layer(const struct json *json, struct cache_layer *layer, struct error *e)
{
	const char *variant = NULL, *media_type = NULL;

	if (json_type(json) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'layer' is no object");
	if (json_read_text(json, "variant", "layer", &variant, e) < 0 ||
	    json_read_text(json, "mediaType", "layer", &media_type, e) < 0 ||
	    digest_read(json, "diffID", "layer", &layer->diff_id, e) < 0 ||
	    digest_read(json, "digest", "layer", &layer->digest, e) < 0 ||
	    json_read_u64(json, "size", "layer", &layer->size, e) < 0 ||
	    json_read_u64(json, "uncompressed", "layer", &layer->uncompressed, e) < 0 ||
	    json_read_u64(json, "offset", "layer", &layer->offset, e) < 0)
		return -1;
	if (!variant || cache_layer_read_variant(variant, layer, e) < 0)
		return variant ? -1 : error_set(e, ERR_INPUT, "'layer.variant' is missing");
	if (!media_type || strcmp(media_type, layer_media_type(layer->compression)) != 0)
		return error_set(e, ERR_INPUT, "'layer.mediaType' does not go with its variant");
	layer->in_pack = json_get(json, "pack") != NULL;
	if (layer->in_pack && digest_read(json, "pack", "layer", &layer->pack, e) < 0)
		return -1;
	return check_layer(layer, e);
}

static int
read_record(const struct json *json, struct cache_record *record, struct error *e)
{
	const char *created = NULL;

	if (digest_read(json, "key", "record", &record->key, e) < 0)
		return -1;
	if (json_get(json, "aliasOf")) {
		record->is_alias = true;
		return digest_read(json, "aliasOf", "record", &record->alias_of, e);
	}
	if (json_read_text(json, "created", "record", &created, e) < 0 ||
	    json_read_bool(json, "empty", "record", &record->empty, e) < 0)
		return -1;
	if (!created)
		return error_set(e, ERR_INPUT, "'record.created' is missing");
	if (parse_rfc3339(created, &record->created, e) < 0)
		return -1;
	record->has_layer = json_get(json, "layer") != NULL;
	if (record->has_layer && read_layer(json_get(json, "layer"), &record->layer, e) < 0)
		return -1;
	return check_record(record, e);
}

static int
read_mount(const struct json *json, struct cache_mount *mount, struct error *e)
{
	const char *id = NULL;

	if (json_read_text(json, "id", "mount", &id, e) < 0)
		return -1;
	if (!id || strlen(id) > CACHE_MOUNT_ID_MAX)
		return error_set(e, ERR_INPUT, "'mount.id' is missing or too long");
	memcpy(mount->id, id, strlen(id));
	return read_layer(json_get(json, "layer"), &mount->layer, e);
}

static int
compare_records(const void *a, const void *b)
{
	return digest_compare(
	    &((const struct cache_record *)a)->key, &((const struct cache_record *)b)->key);
}

/* Two records of one key: the document cannot be believed. */
static int
sort_records(struct cache_records *r, struct error *e)
{
	if (r->count > 0)
		qsort(r->items, r->count, sizeof(*r->items), compare_records);
	for (size_t i = 1; i < r->count; i++)
		if (digest_equal(&r->items[i - 1].key, &r->items[i].key))
			return error_set(e, ERR_INPUT, "two records have one key");
	return 0;
}

static int
read_document(const struct json *json, struct cache_records *r, struct error *e)
{
	const struct json *records = json_get(json, "records"), *mounts = json_get(json, "mounts");
	uint64_t version = 0;

	if (json_type(json) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "it is no object");
	if (json_read_u64(json, "version", "cache", &version, e) < 0)
		return -1;
	if (version != VERSION)
		return error_set(
		    e, ERR_INPUT, "it is of unknown version %llu", (unsigned long long)version);
	if (json_type(records) != JSON_ARRAY || json_count(records) > RECORDS_MAX)
		return error_set(e, ERR_INPUT, "'records' is no list, or too long a one");
	for (size_t i = 0; i < json_count(records); i++) {
		xgrow(&r->items, r->count, &r->room, sizeof(*r->items));
		r->items[r->count] = (struct cache_record){ 0 };
		if (read_record(json_at(records, i), &r->items[r->count++], e) < 0)
			return error_ctx(e, "records[%zu]", i);
	}
	for (size_t i = 0; i < json_count(mounts); i++) {
		struct cache_mount mount = { 0 };

		if (read_mount(json_at(mounts, i), &mount, e) < 0)
			return error_ctx(e, "mounts[%zu]", i);
		cache_records_add_mount(r, &mount);
	}
	return sort_records(r, e);
}

int
cache_records_from_json(const struct json *json, struct cache_records *r, struct error *e)
{
	*r = (struct cache_records){ 0 };
	if (read_document(json, r, e) == 0)
		return 0;
	cache_records_release(r);
	return error_ctx(e, "bad cache");
}

int
cache_records_parse(const char *text, size_t length, const char *media_type,
    struct cache_records *r, struct error *e)
{
	autojson struct json *json = NULL;
	const struct json *document;

	*r = (struct cache_records){ 0 };
	if (strcmp(media_type, CACHE_MEDIA_TYPE) != 0 && media_class(media_type) != MEDIA_CONFIG)
		return error_set(e, ERR_NOT_FOUND, "it is no cache, but '%.100s'", media_type);
	json = json_parse(text, length, e);
	if (!json)
		return error_ctx(e, "bad cache");
	if (strcmp(media_type, CACHE_MEDIA_TYPE) == 0)
		return cache_records_from_json(json, r, e);
	document = json_get(json, CACHE_MEMBER);
	if (!document)
		return error_set(e, ERR_NOT_FOUND, "it is an image without a cache in it");
	return cache_records_from_json(document, r, e);
}

/* ---- from one process to another ---- */

struct header {
	uint64_t magic;
	uint64_t count;
	uint64_t n_mounts;
};

void
cache_records_pack(const struct cache_records *r, struct buf *b)
{
	struct header header = { MAGIC, r->count, r->n_mounts };

	buf_add(b, &header, sizeof(header));
	buf_add(b, r->items, r->count * sizeof(*r->items));
	buf_add(b, r->mounts, r->n_mounts * sizeof(*r->mounts));
}

/* A truth of another process may be any byte. */
static bool
is_truth(const bool *value)
{
	unsigned char byte;

	memcpy(&byte, value, 1);
	return byte <= 1;
}

static bool
are_truths(const struct cache_record *r)
{
	return is_truth(&r->is_alias) && is_truth(&r->empty) && is_truth(&r->has_layer) &&
	       is_truth(&r->layer.has_time) && is_truth(&r->layer.in_pack);
}

static int
check_all(const struct cache_records *r, struct error *e)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!are_truths(&r->items[i]))
			return error_set(e, ERR_INPUT, "a truth is neither true nor false");
		if (check_record(&r->items[i], e) < 0)
			return -1;
		if (i > 0 && compare_records(&r->items[i - 1], &r->items[i]) >= 0)
			return error_set(e, ERR_INPUT, "records are not in order");
	}
	for (size_t i = 0; i < r->n_mounts; i++) {
		if (!is_truth(&r->mounts[i].layer.has_time) ||
		    !is_truth(&r->mounts[i].layer.in_pack))
			return error_set(e, ERR_INPUT, "a truth is neither true nor false");
		if (check_layer(&r->mounts[i].layer, e) < 0)
			return -1;
		if (memchr(r->mounts[i].id, '\0', sizeof(r->mounts[i].id)) == NULL)
			return error_set(e, ERR_INPUT, "an id has no end");
	}
	return 0;
}

int
cache_records_unpack(const void *bytes, size_t length, struct cache_records *r, struct error *e)
{
	const char *at = bytes;
	struct header header;

	*r = (struct cache_records){ 0 };
	if (length < sizeof(header))
		return error_set(e, ERR_INPUT, "the answer of a process is cut short");
	memcpy(&header, at, sizeof(header));
	at += sizeof(header);
	length -= sizeof(header);
	if (header.magic != MAGIC || header.count > RECORDS_MAX || header.n_mounts > RECORDS_MAX ||
	    length != header.count * sizeof(*r->items) + header.n_mounts * sizeof(*r->mounts))
		return error_set(e, ERR_INPUT, "the answer of a process is no list of records");
	r->items = xcalloc(header.count + 1, sizeof(*r->items));
	r->mounts = xcalloc(header.n_mounts + 1, sizeof(*r->mounts));
	r->count = r->room = header.count;
	r->n_mounts = r->mounts_room = header.n_mounts;
	memcpy(r->items, at, r->count * sizeof(*r->items));
	memcpy(r->mounts, at + r->count * sizeof(*r->items), r->n_mounts * sizeof(*r->mounts));
	if (check_all(r, e) == 0)
		return 0;
	cache_records_release(r);
	return -1;
}

struct text {
	const char *text;
	size_t length;
	const char *media_type;
};

static int
parse_main(void *arg, struct buf *result, struct error *e)
{
	const struct text *t = arg;
	struct cache_records r;

	if (strict_parse(e) < 0 ||
	    cache_records_parse(t->text, t->length, t->media_type, &r, e) < 0)
		return -1;
	cache_records_pack(&r, result);
	cache_records_release(&r);
	return 0;
}

int
cache_records_parse_confined(const char *text, size_t length, const char *media_type,
    struct cache_records *r, struct error *e)
{
	struct text t = { text, length, media_type };
	auto(buf) struct buf answer = { 0 };
	struct worker worker;

	*r = (struct cache_records){ 0 };
	if (worker_start(&worker, parse_main, &t, e) < 0 || worker_finish(&worker, &answer, e) < 0)
		return -1;
	return cache_records_unpack(answer.data, answer.len, r, e);
}
