/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records - small files by name: step records, listings, directories of builds.
 *
 * A listing has its SHA-256 behind it, so that one cut short can be told from a whole one. The time of a step record's
 * last change is when it was last used, to the hour.
 */
#include "builder/store/private.h"

#include "runtime/base/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define LISTING_MAX ((size_t)1 << 30)
#define TOUCH_SECONDS 3600
#define BUILDS_MAX 250  /* records of builds; then the oldest go, */
#define BUILDS_KEPT 200 /* so many at once that most builds need not */

static int
read_file(int dir, const char *name, size_t max, struct buf *b, struct stat *st, struct error *e)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t length;
	char *bytes;
	int got;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "cannot open '%s' in the store", name);
	if (fstat(fd, st) < 0)
		return error_sys(e, "cannot read '%s' in the store", name);
	if (!S_ISREG(st->st_mode))
		return error_set(e, ERR_INPUT, "'%s' in the store is no regular file", name);
	if ((uint64_t)st->st_size > max)
		return error_set(
		    e, ERR_INPUT, "'%s' in the store is larger than %zu bytes", name, max);
	length = (size_t)st->st_size;
	/* it came here whole and is never written to: one read gets all of it */
	bytes = buf_reserve(b, length);
	got = length > 0 ? fd_read_exact(fd, bytes, length, e) : 1;
	if (got < 0)
		return error_ctx(e, "'%s' in the store", name);
	if (got == 0)
		return error_set(e, ERR_INPUT, "'%s' in the store is cut short", name);
	buf_added(b, length);
	return 1;
}

int
record_read(int dir, const char *name, struct buf *b, struct error *e)
{
	struct stat st;

	return read_file(dir, name, RECORD_MAX, b, &st, e);
}

/* ---- step records ---- */

static void
step_name(const struct digest *key, char name[DIGEST_HEX_LEN + 6])
{
	char hex[DIGEST_HEX_LEN + 1];

	snprintf(name, DIGEST_HEX_LEN + 6, "%s.json", digest_hex(key, hex));
}

bool
record_is_whole(struct store *store, const struct json *record)
{
	const struct json *snapshots = json_get(record, "snapshots");
	const struct json *blobs = json_get(record, "blobs");

	for (size_t i = 0; i < json_count(snapshots); i++) {
		const char *id = json_text(json_at(snapshots, i));

		if (!id || !store_snapshot_has(store, id))
			return false;
	}
	for (size_t i = 0; i < json_count(blobs); i++) {
		const char *text = json_text(json_at(blobs, i));
		struct error ignored = ERROR_INIT;
		struct digest digest;

		if (!text || digest_parse(text, &digest, &ignored) < 0 ||
		    !store_blob_has(store, &digest))
			return false;
	}
	return true;
}

static void
touch(struct store *store, const char *name, const struct stat *st)
{
	time_t now = time(NULL);
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };

	if ((store->flags & STORE_READ_ONLY) ||
	    (now >= st->st_mtime && now - st->st_mtime < TOUCH_SECONDS))
		return;
	/* Only the order of pruning depends on it. */
	(void)utimensat(store->dirs[DIR_STEPS], name, times, AT_SYMLINK_NOFOLLOW);
}

int
store_step_get(struct store *store, const struct digest *key, struct json **record, struct error *e)
{
	char name[DIGEST_HEX_LEN + 6];
	auto(buf) struct buf b = { 0 };
	autojson struct json *found = NULL;
	struct error ignored = ERROR_INIT;
	struct stat st;
	int there;

	step_name(key, name);
	there = read_file(store->dirs[DIR_STEPS], name, RECORD_MAX, &b, &st, e);
	if (there <= 0)
		return there;
	/* A damaged record is one that is not there: the step runs again and writes it anew. */
	found = json_parse(buf_text(&b), b.len, &ignored);
	if (json_type(found) != JSON_OBJECT || !record_is_whole(store, found))
		return 0;
	touch(store, name, &st);
	*record = steal_ptr(&found);
	return 1;
}

int
store_step_put(
    struct store *store, const struct digest *key, const struct json *record, struct error *e)
{
	char name[DIGEST_HEX_LEN + 6];
	auto(buf) struct buf b = { 0 };

	step_name(key, name);
	json_write(record, JSON_SORTED, &b);
	if (b.len > RECORD_MAX)
		return error_set(e, ERR_INPUT, "the record of a step has %zu bytes", b.len);
	return tmp_write_record(store, store->dirs[DIR_STEPS], name, b.data, b.len, e);
}

int
store_step_remove(struct store *store, const struct digest *key, struct error *e)
{
	char name[DIGEST_HEX_LEN + 6];

	step_name(key, name);
	if (unlinkat(store->dirs[DIR_STEPS], name, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove the record of a step");
	return 0;
}

/* ---- listings ---- */

int
listing_open(struct buf *b, struct error *e)
{
	struct digest found;

	if (b->len < DIGEST_SIZE)
		return error_set(e, ERR_INPUT, "the listing is cut short");
	digest_of(b->data, b->len - DIGEST_SIZE, &found);
	if (memcmp(found.bytes, b->data + b->len - DIGEST_SIZE, DIGEST_SIZE) != 0)
		return error_set(e, ERR_INPUT, "the listing is damaged");
	buf_truncate(b, b->len - DIGEST_SIZE);
	return 0;
}

int
store_listing_put(struct store *store, const struct digest *diff_id, const void *bytes,
    size_t length, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	struct digest digest;
	const struct iovec parts[] = {
		{ (void *)(uintptr_t)bytes, length }, /* only read; it is large */
		{ digest.bytes, DIGEST_SIZE },
	};

	if (length > LISTING_MAX - DIGEST_SIZE)
		return error_set(e, ERR_INPUT, "a listing of %zu bytes is too large", length);
	digest_of(bytes, length, &digest);
	return tmp_write_parts(
	    store, store->dirs[DIR_LISTINGS], digest_hex(diff_id, hex), parts, ARRAY_LEN(parts), e);
}

int
store_listing_get(struct store *store, const struct digest *diff_id, struct buf *b, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	struct error ignored = ERROR_INIT;
	struct stat st;
	int there;

	buf_clear(b);
	there =
	    read_file(store->dirs[DIR_LISTINGS], digest_hex(diff_id, hex), LISTING_MAX, b, &st, e);
	if (there <= 0)
		return there;
	/* Damaged is as good as not there: it is made again from the layer. */
	return listing_open(b, &ignored) < 0 ? 0 : 1;
}

bool
store_listing_has(struct store *store, const struct digest *diff_id)
{
	char hex[DIGEST_HEX_LEN + 1];
	struct stat st;

	return fstatat(store->dirs[DIR_LISTINGS], digest_hex(diff_id, hex), &st,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

/* ---- builds ---- */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names begin with the time, so the oldest sort first. */
static int
trim_builds(struct store *store, struct error *e)
{
	autodir DIR *dir = fd_opendir(store->dirs[DIR_BUILDS], e);
	auto(strv) struct strv names = { 0 };
	const struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			strv_add(&names, entry->d_name);
	if (names.count <= BUILDS_MAX)
		return 0;
	qsort(names.items, names.count, sizeof(*names.items), compare_names);
	for (size_t i = 0; i + BUILDS_KEPT < names.count; i++)
		if (tmp_discard(store, store->dirs[DIR_BUILDS], names.items[i], e) < 0)
			return -1;
	return 0;
}

int
store_build_begin(struct store *store, char **id, struct error *e)
{
	char random[RANDOM_NAME_LEN + 1];
	char stamp[32];
	autofree char *name = NULL;
	time_t now = time(NULL);
	struct tm tm;
	int fd;

	if (trim_builds(store, e) < 0 || store_random_name(random, e) < 0)
		return -1;
	if (!gmtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return error_set(e, ERR_HOST, "the clock shows no usable time");
	name = xasprintf("%s-%.8s", stamp, random);
	if (mkdirat(store->dirs[DIR_BUILDS], name, 0700) < 0)
		return error_sys(e, "cannot make '%s/builds/%s'", store->path, name);
	fd = openat(store->dirs[DIR_BUILDS], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s/builds/%s'", store->path, name);
	*id = steal_ptr(&name);
	return fd;
}
