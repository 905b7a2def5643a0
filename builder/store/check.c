/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check - every digest, link and record of the store.
 *
 * Blobs come first, then what names blobs, then what names those: what a repair removes is missed by the next.
 */
#include "builder/store/prune.h"

#include "builder/store/reach.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct check {
	struct store *store;
	bool repair;
	struct strv *findings;
};

static void
found(struct check *c, const char *where, const char *name, const char *what)
{
	autofree char *safe = text_safe(name);

	strv_printf(c->findings, "%s/%s: %s", where, safe, what);
}

static int
damaged(struct check *c, enum store_dir dir, const char *name, const char *what, struct error *e)
{
	found(c, store_dir_name(dir), name, what);
	return c->repair ? tmp_discard(c->store, c->store->dirs[dir], name, e) : 0;
}

/** What is wrong with @name, as a text that lives long enough; NULL: nothing. */
typedef const char *entry_test(struct check *c, int dir, const char *name);

static int
check_dir(struct check *c, enum store_dir which, entry_test *test, struct error *e)
{
	int fd = c->store->dirs[which];
	autodir DIR *dir = fd_opendir(fd, e);
	const struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		const char *what;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		what = test(c, fd, entry->d_name);
		if (what && damaged(c, which, entry->d_name, what, e) < 0)
			return -1;
	}
	return 0;
}

/* A regular file of ours that only we can write to. */
static const char *
test_file(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return "cannot be read";
	if (!S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_uid != geteuid())
		return "belongs to another user";
	if (st.st_mode & 022)
		return "can be written to by others";
	return NULL;
}

static const char *
test_blob(struct check *c, int dir, const char *name)
{
	const char *what = test_file(dir, name);
	struct error ignored = ERROR_INIT;
	struct digest wanted;
	struct digest digest;
	autofd int fd = -1;

	(void)c;
	if (what)
		return what;
	if (digest_parse_hex(name, &wanted, &ignored) < 0)
		return "has a name that is no digest";
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || digest_of_fd(fd, &digest, NULL, &ignored) < 0)
		return "cannot be read";
	return digest_equal(&wanted, &digest) ? NULL : "its bytes have another digest";
}

static const char *
test_listing(struct check *c, int dir, const char *name)
{
	const char *what = test_file(dir, name);
	auto(buf) struct buf b = { 0 };
	struct error ignored = ERROR_INIT;
	struct digest diff_id;

	if (what)
		return what;
	if (digest_parse_hex(name, &diff_id, &ignored) < 0)
		return "has a name that is no digest";
	return store_listing_get(c->store, &diff_id, &b, &ignored) > 0 ? NULL : "is damaged";
}

/* Opens folder @name, in which there is to be a folder with the files. */
static const char *
test_folder(int dir, const char *name, int *fd)
{
	struct stat st;

	*fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? "is no directory" : "cannot be read";
	if (fstatat(*fd, "fs", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return "has no directory 'fs'";
	return NULL;
}

static const char *
test_snapshot(struct check *c, int dir, const char *name)
{
	struct error ignored = ERROR_INIT;
	autojson struct json *meta = NULL;
	const char *what;
	autofd int fd = -1;

	if (!snapshot_id_is_valid(name))
		return "has a name that is no snapshot's";
	what = test_folder(dir, name, &fd);
	if (what)
		return what;
	meta = store_snapshot_meta(c->store, name, &ignored);
	return json_type(meta) == JSON_OBJECT ? NULL : "its record is damaged";
}

static const char *
test_mount(struct check *c, int dir, const char *name)
{
	struct error ignored = ERROR_INIT;
	autojson struct json *meta = NULL;
	const char *what;
	autofd int fd = -1;

	(void)c;
	if (!mount_name_is_valid(name))
		return "has a name that is no cache mount's";
	what = test_folder(dir, name, &fd);
	if (what)
		return what;
	if (test_file(fd, "lock"))
		return "has no lock that is ours";
	meta = mount_read_meta(dir, name, &ignored);
	return json_text(json_get(meta, "id")) ? NULL : "its record is damaged";
}

static const char *
test_step(struct check *c, int dir, const char *name)
{
	const char *what = test_file(dir, name);
	auto(buf) struct buf b = { 0 };
	autofree char *hex = xstrndup(name, strcspn(name, "."));
	struct error ignored = ERROR_INIT;
	struct digest key;
	autojson struct json *record = NULL;

	if (what)
		return what;
	if (digest_parse_hex(hex, &key, &ignored) < 0 || strcmp(name + strlen(hex), ".json") != 0)
		return "has a name that is no step's";
	if (record_read(dir, name, &b, &ignored) > 0)
		record = json_parse(buf_text(&b), b.len, &ignored);
	if (json_type(record) != JSON_OBJECT)
		return "is damaged";
	return record_is_whole(c->store, record) ? NULL
	                                         : "names a snapshot or a blob that is not there";
}

/* ---- names ---- */

/* What is wrong with a member of index.json; "" when nothing is. */
static void
test_name(struct check *c, const struct json *entry, struct buf *what)
{
	auto(store_name) struct store_name n = { 0 };
	struct error e = ERROR_INIT;
	char missing[DIGEST_TEXT_LEN + 1] = "";
	char text[DIGEST_TEXT_LEN + 1];
	uint64_t size = 0;
	autofd int fd = -1;

	if (names_read_entry(entry, &n, &e) < 0) {
		buf_add_text(what, "an entry is damaged");
		return;
	}
	buf_printf(what, "'%s': ", n.name ? n.name : digest_text(&n.digest, text));
	fd = store_blob_open(c->store, &n.digest, &size, &e);
	if (fd < 0)
		buf_printf(what, "%s is not there", digest_text(&n.digest, text));
	else if (size != n.size)
		buf_printf(what, "%s has another size", digest_text(&n.digest, text));
	else if (!reach_is_whole(c->store, &n.digest, missing))
		buf_printf(what, "%s is not there", missing);
	else
		buf_clear(what);
}

static int
check_names(struct check *c, struct error *e)
{
	autofd int lock = names_lock(c->store, e);
	autojson struct json *index = NULL;
	autojson struct json *fresh = NULL;
	struct json *kept;
	const struct json *manifests;
	bool changed = false;

	if (lock < 0)
		return -1;
	index = index_read(c->store, e);
	if (!index) {
		strv_printf(c->findings, "index.json: %s", e->text);
		error_clear(e);
		changed = true;
	}
	fresh = index ? json_copy(index) : json_new_object();
	kept = json_new_array();
	manifests = json_get(index, "manifests");
	for (size_t i = 0; i < json_count(manifests); i++) {
		auto(buf) struct buf what = { 0 };

		test_name(c, json_at(manifests, i), &what);
		if (what.len == 0) {
			json_append(kept, json_copy(json_at(manifests, i)));
			continue;
		}
		strv_printf(c->findings, "index.json: %s", buf_text(&what));
		changed = true;
	}
	json_set(fresh, "schemaVersion", json_new_u64(2));
	json_set(fresh, "manifests", kept);
	return c->repair && changed ? names_write(c->store, fresh, e) : 0;
}

/* ---- the rest ---- */

static int
check_tmp(struct check *c, struct error *e)
{
	size_t count = 0;

	if (tmp_count_dead(c->store, &count, e) < 0)
		return -1;
	if (count == 0)
		return 0;
	strv_printf(
	    c->findings, "tmp: %zu directories were left by processes that are gone", count);
	return c->repair ? tmp_clean(c->store, e) : 0;
}

static int
check_layout_file(struct check *c, struct error *e)
{
	static const char text[] = "{\"imageLayoutVersion\": \"1.0.0\"}\n";
	auto(buf) struct buf b = { 0 };
	autojson struct json *j = NULL;
	struct error ignored = ERROR_INIT;
	const char *version = NULL;

	if (record_read(c->store->root, "oci-layout", &b, &ignored) > 0)
		j = json_parse(buf_text(&b), b.len, &ignored);
	version = json_text(json_get(j, "imageLayoutVersion"));
	if (version && strcmp(version, "1.0.0") == 0)
		return 0;
	strv_add(c->findings, "oci-layout: is damaged");
	if (!c->repair)
		return 0;
	return tmp_write_record(c->store, c->store->root, "oci-layout", text, strlen(text), e);
}

int
store_check(struct store *store, bool repair, struct strv *findings, struct error *e)
{
	struct check c = { .store = store, .repair = repair, .findings = findings };
	static const struct {
		enum store_dir dir;
		entry_test *test;
	} rows[] = {
		{ DIR_BLOBS, test_blob },
		{ DIR_SNAPSHOTS, test_snapshot },
		{ DIR_LISTINGS, test_listing },
		{ DIR_STEPS, test_step },
		{ DIR_MOUNTS, test_mount },
	};

	if (repair && !(store->flags & STORE_EXCLUSIVE))
		return error_set(
		    e, ERR_HOST, "a store is repaired by one process that has it alone");
	if (check_layout_file(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (check_dir(&c, rows[i].dir, rows[i].test, e) < 0)
			return error_ctx(e, "cannot check '%s'", store_dir_name(rows[i].dir));
	if (check_names(&c, e) < 0 || check_tmp(&c, e) < 0)
		return -1;
	return (int)findings->count;
}
