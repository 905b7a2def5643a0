/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records - what one machine tells another of its steps: which key has which layer.
 *
 *	{"version":1,
 *	 "records":[{"key":"sha256:…","aliasOf":"sha256:…"},
 *	            {"key":"sha256:…","created":"…","empty":true,"layer":{…}}],
 *	 "mounts":[{"id":"…","layer":{…}}]}
 *
 * A layer has the members variant, diffID, mediaType, digest, size and uncompressed, as in the records of the store, and where it
 * is a part of a larger file, pack and offset. The document is the config of an OCI manifest whose layers are those that it
 * names, or the member CACHE_MEMBER of an image's config. It comes from outside: a reader believes nothing but that the
 * writer of the cache has made it, and every digest in it is checked against the bytes.
 *
 * The structs are plain values without pointers: the process that parses is confined, and hands them over as bytes.
 */
#ifndef CROZE_CACHE_RECORDS_H
#define CROZE_CACHE_RECORDS_H

#include "builder/layer/compress.h"
#include "runtime/base/buf.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CACHE_MEDIA_TYPE "application/vnd.croze.cache.config.v1+json"
#define CACHE_MEMBER "io.croze.cache.v1"
#define CACHE_DOCUMENT_MAX JSON_MAX_BYTES
/** Longest id of a cache mount that goes along. */
#define CACHE_MOUNT_ID_MAX 255
/** Larger layers are neither told nor believed. */
#define CACHE_LAYER_MAX (64ULL << 30)
#define CACHE_UNCOMPRESSED_MAX (256ULL << 30)

struct cache_layer {
	/* the variant: what made these bytes of the tar */
	enum compression compression;
	int level;
	bool has_time; /* times are bounded by @time */
	int64_t time;

	struct digest diff_id;
	struct digest digest; /* of the blob */
	uint64_t size;        /* of the blob */
	uint64_t uncompressed;

	bool in_pack; /* the blob is @size bytes from @offset of the pack @pack */
	struct digest pack;
	uint64_t offset;
};

struct cache_record {
	struct digest key;
	bool is_alias;
	struct digest alias_of;
	/* when it is no alias */
	struct timespec created;
	bool empty; /* the step changed no file */
	bool has_layer;
	struct cache_layer layer;
};

struct cache_mount {
	char id[CACHE_MOUNT_ID_MAX + 1];
	struct cache_layer layer;
};

struct cache_records {
	struct cache_record *items; /* by key, each once */
	size_t count;
	size_t room;
	struct cache_mount *mounts;
	size_t n_mounts;
	size_t mounts_room;
};

void cache_records_release(struct cache_records *r);
/** Adds a copy; one of the same key stays as it is. */
void cache_records_add(struct cache_records *r, const struct cache_record *record);
void cache_records_add_mount(struct cache_records *r, const struct cache_mount *mount);
/** NULL when there is none. */
const struct cache_record *cache_records_find(
    const struct cache_records *r, const struct digest *key);

/** The document as JSON, members in a fixed order: same records, same bytes. To be freed. */
struct json *cache_records_to_json(const struct cache_records *r);
/**
 * Reads a document. ERR_INPUT for what is not one of this version or says what cannot be (a size of nothing, a time that is
 * none, a name of a layer's form that is not known).
 */
int cache_records_from_json(const struct json *json, struct cache_records *r, struct error *e);
/**
 * The same from what @media_type says it is: the document itself, or an image's config with a document in it. ERR_NOT_FOUND for an
 * image without one, and for anything else.
 */
int cache_records_parse(const char *text, size_t length, const char *media_type,
    struct cache_records *r, struct error *e);
/** As cache_records_parse(), in a process that has no file, no network, and is ended by a wrong system call. */
int cache_records_parse_confined(const char *text, size_t length, const char *media_type,
    struct cache_records *r, struct error *e);

/** Appends them as bytes for cache_records_unpack(). */
void cache_records_pack(const struct cache_records *r, struct buf *b);
/** ERR_INPUT for anything that cache_records_parse() would not have made. */
int cache_records_unpack(
    const void *bytes, size_t length, struct cache_records *r, struct error *e);

/** "gzip:1" or "gzip:1:1700000000", as in the records of the store; to be freed. */
char *cache_layer_variant(const struct cache_layer *layer);
/** Reads that into @layer. */
int cache_layer_read_variant(const char *text, struct cache_layer *layer, struct error *e);

#endif
