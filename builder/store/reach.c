/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach - what can be reached from names: manifests, configs, layers, and what was unpacked of them.
 *
 * Documents are read only as far as they lead somewhere; what must not be in them is image/'s business. Snapshots of
 * images are named by chain ID (image-spec, config.md, "Layer ChainID").
 */
#include "builder/store/reach.h"

#include "runtime/base/strv.h"

#include <fcntl.h>
#include <unistd.h>

#define NESTING_MAX 6
#define DISK_DEPTH_MAX 200 /* deeper directories are not counted: each level holds a descriptor */

static char mark; /* what the members of a set point to */

void
reach_release(struct reach *r)
{
	map_release(&r->blobs);
	map_release(&r->snapshots);
	map_release(&r->listings);
}

void
reach_mark(struct map *set, const char *name)
{
	(void)map_set(set, name, &mark); /* set already: the same */
}

static bool
parse_digest(const struct json *text, struct digest *digest)
{
	struct error ignored = ERROR_INIT;

	return json_text(text) && digest_parse(json_text(text), digest, &ignored) == 0;
}

static void
mark_digest(struct map *set, const struct digest *digest)
{
	char hex[DIGEST_HEX_LEN + 1];

	reach_mark(set, digest_hex(digest, hex));
}

static struct json *
read_document(struct store *store, const struct digest *digest)
{
	auto(buf) struct buf b = { 0 };
	struct error ignored = ERROR_INIT;

	if (store_blob_read(store, digest, RECORD_MAX, &b, &ignored) < 0)
		return NULL;
	return json_parse(buf_text(&b), b.len, &ignored);
}

static void
chain_next(struct digest *chain, const struct digest *diff_id, bool is_first)
{
	char text[2 * DIGEST_TEXT_LEN + 2];

	if (is_first) {
		*chain = *diff_id;
		return;
	}
	(void)digest_text(chain, text);
	text[DIGEST_TEXT_LEN] = ' ';
	(void)digest_text(diff_id, text + DIGEST_TEXT_LEN + 1);
	digest_of(text, 2 * DIGEST_TEXT_LEN + 1, chain);
}

static void
mark_unpacked(struct store *store, struct reach *r, const struct digest *config)
{
	autojson struct json *j = read_document(store, config);
	const struct json *ids = json_get(json_get(j, "rootfs"), "diff_ids");
	struct digest chain = { 0 };
	char id[SNAPSHOT_ID_MAX + 1];

	for (size_t i = 0; i < json_count(ids); i++) {
		struct digest diff_id;

		if (!parse_digest(json_at(ids, i), &diff_id))
			return;
		chain_next(&chain, &diff_id, i == 0);
		mark_digest(&r->listings, &diff_id);
		for (int recorded = 0; recorded < 2; recorded++) {
			snapshot_name_of_chain(&chain, recorded, id);
			reach_mark(&r->snapshots, id);
		}
	}
}

static void
walk(struct store *store, struct reach *r, const struct digest *digest, int depth)
{
	char hex[DIGEST_HEX_LEN + 1];
	autojson struct json *j = NULL;
	const struct json *members;
	struct digest next;

	if (depth > NESTING_MAX || map_has(&r->blobs, digest_hex(digest, hex)))
		return;
	reach_mark(&r->blobs, hex);
	j = read_document(store, digest);
	members = json_get(j, "manifests");
	for (size_t i = 0; i < json_count(members); i++)
		if (parse_digest(json_get(json_at(members, i), "digest"), &next))
			walk(store, r, &next, depth + 1);
	members = json_get(j, "layers");
	for (size_t i = 0; i < json_count(members); i++)
		if (parse_digest(json_get(json_at(members, i), "digest"), &next))
			mark_digest(&r->blobs, &next);
	if (parse_digest(json_get(json_get(j, "config"), "digest"), &next)) {
		mark_digest(&r->blobs, &next);
		mark_unpacked(store, r, &next);
	}
}

void
reach_from_digest(struct store *store, struct reach *r, const struct digest *digest)
{
	walk(store, r, digest, 0);
}

void
reach_from_record(struct reach *r, const struct json *record)
{
	const struct json *snapshots = json_get(record, "snapshots");
	const struct json *blobs = json_get(record, "blobs");
	struct digest digest;

	for (size_t i = 0; i < json_count(snapshots); i++)
		if (json_text(json_at(snapshots, i)))
			reach_mark(&r->snapshots, json_text(json_at(snapshots, i)));
	for (size_t i = 0; i < json_count(blobs); i++)
		if (parse_digest(json_at(blobs, i), &digest))
			mark_digest(&r->blobs, &digest);
}

/* ---- what must be there ---- */

static bool
has(struct store *store, const struct json *descriptor, char *missing)
{
	struct digest digest;

	if (!parse_digest(json_get(descriptor, "digest"), &digest)) {
		snprintf(missing, DIGEST_TEXT_LEN + 1, "a digest");
		return false;
	}
	if (store_blob_has(store, &digest))
		return true;
	(void)digest_text(&digest, missing);
	return false;
}

static bool
is_whole(struct store *store, const struct digest *digest, int depth, char *missing)
{
	autojson struct json *j = read_document(store, digest);
	const struct json *layers = json_get(j, "layers");
	const struct json *manifests = json_get(j, "manifests");
	struct digest next;

	if (!j || depth > NESTING_MAX) {
		(void)digest_text(digest, missing);
		return false;
	}
	if (manifests) {
		(void)digest_text(digest, missing);
		for (size_t i = 0; i < json_count(manifests); i++)
			if (parse_digest(json_get(json_at(manifests, i), "digest"), &next) &&
			    store_blob_has(store, &next) &&
			    is_whole(store, &next, depth + 1, missing))
				return true;
		return false;
	}
	if (!has(store, json_get(j, "config"), missing))
		return false;
	for (size_t i = 0; i < json_count(layers); i++)
		if (!has(store, json_at(layers, i), missing))
			return false;
	return true;
}

bool
reach_is_whole(struct store *store, const struct digest *digest, char *missing)
{
	return is_whole(store, digest, 0, missing);
}

/* ---- disk ---- */

static uint64_t
size_below(int dir, const char *name, int depth)
{
	struct stat st;
	uint64_t size;
	int fd;
	DIR *stream;
	const struct dirent *entry;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	size = (uint64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode) || depth == 0)
		return size;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		fd_close_at(&fd);
		return size;
	}
	while ((entry = readdir(stream)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			size += size_below(dirfd(stream), entry->d_name, depth - 1);
	(void)closedir(stream); /* read-only */
	return size;
}

uint64_t
disk_size(int dir, const char *name)
{
	return size_below(dir, name, DISK_DEPTH_MAX);
}
