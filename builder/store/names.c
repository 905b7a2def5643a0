/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - index.json: what each name stands for.
 *
 * The file is written whole, under a lock, and renamed: a reader needs no lock. Two annotations say the name: what
 * containerd reads has it whole, the one of the image-spec has it as other tools are asked for it (oci:STORE:app:latest).
 * Members and annotations that are not known here stay as they are.
 *
 * Before the rename one syncfs(2) brings all that the names stand for to the disk, so the time of index.json says up to
 * when everything is there: recover.c goes by that.
 */
#include "builder/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define INDEX_FILE "index.json"
#define LOCK_FILE "names.lock"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define WHOLE_NAME "io.containerd.image.name"
#define SHORT_NAME "org.opencontainers.image.ref.name"

void
store_name_release(struct store_name *n)
{
	free(n->name);
	free(n->short_name);
	free(n->media_type);
	*n = (struct store_name){ 0 };
}

void
store_names_release(struct store_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		store_name_release(&names->items[i]);
	free(names->items);
	*names = (struct store_names){ 0 };
}

void
store_names_add(struct store_names *names, const struct store_name *n)
{
	xgrow(&names->items, names->count, &names->room, sizeof(*names->items));
	names->items[names->count++] = (struct store_name){
		.name = n->name ? xstrdup(n->name) : NULL,
		.short_name = n->short_name ? xstrdup(n->short_name) : NULL,
		.media_type = xstrdup(n->media_type ? n->media_type : MANIFEST_TYPE),
		.digest = n->digest,
		.size = n->size,
	};
}

int
names_lock(struct store *store, struct error *e)
{
	autofd int fd = -1;

	if (store->flags & STORE_READ_ONLY)
		return error_set(
		    e, ERR_HOST, "the store '%s' was opened only to read", store->path);
	fd = openat(store->root, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "cannot open '%s/%s'", store->path, LOCK_FILE);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot lock '%s/%s'", store->path, LOCK_FILE);
	return steal_fd(&fd);
}

struct json *
index_read(struct store *store, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	autojson struct json *index = NULL;
	int there = record_read(store->root, INDEX_FILE, &b, e);

	if (there < 0)
		return NULL;
	if (there > 0)
		index = json_parse(buf_text(&b), b.len, e);
	else
		error_set(e, ERR_INPUT, "it is not there");
	if (index && json_type(json_get(index, "manifests")) != JSON_ARRAY) {
		error_set(e, ERR_INPUT, "'manifests' must be an array");
		json_free(steal_ptr(&index));
	}
	if (!index) {
		error_ctx(e, "'%s/%s' is damaged", store->path, INDEX_FILE);
		error_hint(e, "croze store check --repair makes it anew");
	}
	return steal_ptr(&index);
}

static int
write_whole(struct store *store, const struct json *index, const char *tmp, int fd, struct error *e)
{
	auto(buf) struct buf b = { 0 };

	json_write(index, JSON_INDENT, &b);
	if (b.len > RECORD_MAX)
		return error_set(e, ERR_INPUT, "there are too many names in the store");
	if (fd_write_all(fd, b.data, b.len, e) < 0)
		return -1;
	if (syncfs(store->root) < 0)
		return error_sys(e, "cannot write the store to the disk");
	if (renameat(store->session_dir, tmp, store->root, INDEX_FILE) < 0)
		return error_sys(e, "cannot rename '%s'", INDEX_FILE);
	return 0;
}

int
names_write(struct store *store, const struct json *index, struct error *e)
{
	char tmp[32];
	autofd int fd = tmp_make_file(store, tmp, sizeof(tmp), e);

	if (fd < 0)
		return -1;
	if (write_whole(store, index, tmp, fd, e) == 0)
		return 0;
	(void)unlinkat(store->session_dir, tmp, 0); /* else store_close() removes it */
	return error_ctx(e, "cannot write '%s/%s'", store->path, INDEX_FILE);
}

int
store_sync(struct store *store, struct error *e)
{
	autofd int lock = names_lock(store, e);
	autojson struct json *index = NULL;

	if (lock < 0)
		return -1;
	index = index_read(store, e);
	return index ? names_write(store, index, e) : -1;
}

/* ---- members ---- */

/* The whole name of a member; other tools write only the short one. NULL: it has none. */
static const char *
entry_name(const struct json *entry)
{
	const struct json *annotations = json_get(entry, "annotations");
	const char *name = json_text(json_get(annotations, WHOLE_NAME));

	return name ? name : json_text(json_get(annotations, SHORT_NAME));
}

static const char *
entry_digest(const struct json *entry)
{
	const char *text = json_text(json_get(entry, "digest"));

	return text ? text : "";
}

int
names_read_entry(const struct json *entry, struct store_name *n, struct error *e)
{
	const char *type = json_text(json_get(entry, "mediaType"));
	const char *name = entry_name(entry);
	const char *short_name = json_text(json_get(json_get(entry, "annotations"), SHORT_NAME));
	struct digest digest;
	uint64_t size = 0;

	if (digest_parse(entry_digest(entry), &digest, e) < 0 ||
	    json_read_u64(entry, "size", "manifests[]", &size, e) < 0)
		return -1;
	store_name_release(n);
	n->name = name ? xstrdup(name) : NULL;
	n->short_name = short_name ? xstrdup(short_name) : NULL;
	n->media_type = xstrdup(type ? type : MANIFEST_TYPE);
	n->digest = digest;
	n->size = size;
	return 0;
}

static struct json *
make_entry(const struct store_name *n)
{
	struct json *entry = json_new_object();
	struct json *annotations;
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(entry, "mediaType", n->media_type ? n->media_type : MANIFEST_TYPE);
	json_set_text(entry, "digest", digest_text(&n->digest, text));
	json_set(entry, "size", json_new_u64(n->size));
	if (!n->name)
		return entry;
	annotations = json_set(entry, "annotations", json_new_object());
	json_set_text(annotations, WHOLE_NAME, n->name);
	json_set_text(annotations, SHORT_NAME, n->short_name ? n->short_name : n->name);
	return entry;
}

static bool
is_named(const struct json *entry, const char *name)
{
	const char *own = entry_name(entry);

	return own && strcmp(own, name) == 0;
}

/* Index of the member that @n would replace or already is; SIZE_MAX: none. */
static size_t
find_entry(const struct json *manifests, const struct store_name *n)
{
	char text[DIGEST_TEXT_LEN + 1];

	(void)digest_text(&n->digest, text);
	for (size_t i = 0; i < json_count(manifests); i++) {
		const struct json *entry = json_at(manifests, i);

		if (n->name ? is_named(entry, n->name) : strcmp(entry_digest(entry), text) == 0)
			return i;
	}
	return SIZE_MAX;
}

int
store_name_get(struct store *store, const char *name, struct store_name *n, struct error *e)
{
	autojson struct json *index = index_read(store, e);
	const struct json *manifests = json_get(index, "manifests");

	if (!index)
		return -1;
	for (size_t i = 0; i < json_count(manifests); i++)
		if (is_named(json_at(manifests, i), name))
			return names_read_entry(json_at(manifests, i), n, e) < 0
			           ? error_ctx(e, "the name '%s' in '%s/%s'", name, store->path,
					 INDEX_FILE)
			           : 1;
	return 0;
}

int
store_names_list(struct store *store, struct store_names *names, struct error *e)
{
	autojson struct json *index = index_read(store, e);
	const struct json *manifests = json_get(index, "manifests");

	if (!index)
		return -1;
	for (size_t i = 0; i < json_count(manifests); i++) {
		auto(store_name) struct store_name n = { 0 };

		if (names_read_entry(json_at(manifests, i), &n, e) < 0)
			return error_ctx(e, "'%s/%s'", store->path, INDEX_FILE);
		store_names_add(names, &n);
	}
	return 0;
}

/* ---- changes ---- */

/* A copy of @manifests with member @at replaced by @entry (NULL: left out), or @entry appended when @at is SIZE_MAX. */
static struct json *
with_entry(const struct json *manifests, size_t at, struct json *entry)
{
	struct json *copy = json_new_array();

	for (size_t i = 0; i < json_count(manifests); i++) {
		if (i != at)
			json_append(copy, json_copy(json_at(manifests, i)));
		else if (entry)
			json_append(copy, entry);
	}
	if (at == SIZE_MAX && entry)
		json_append(copy, entry);
	return copy;
}

/* Puts @n into @index; returns whether that changed anything. */
static bool
put_name(struct json *index, const struct store_name *n, struct store_names *replaced)
{
	const struct json *manifests = json_get(index, "manifests");
	size_t at = find_entry(manifests, n);
	auto(store_name) struct store_name before = { 0 };
	struct error ignored = ERROR_INIT;

	if (at != SIZE_MAX && !n->name)
		return false;
	if (at != SIZE_MAX && names_read_entry(json_at(manifests, at), &before, &ignored) == 0) {
		if (digest_equal(&before.digest, &n->digest) && before.size == n->size)
			return false;
		if (replaced)
			store_names_add(replaced, &before);
	}
	json_set(index, "manifests", with_entry(manifests, at, make_entry(n)));
	return true;
}

/* An entry without a name has done its work once its image has one. */
static void
drop_unnamed(struct json *index, const struct store_name *n)
{
	const struct json *manifests = json_get(index, "manifests");
	char text[DIGEST_TEXT_LEN + 1];

	if (!n->name)
		return;
	(void)digest_text(&n->digest, text);
	for (size_t i = 0; i < json_count(manifests); i++) {
		const struct json *entry = json_at(manifests, i);

		if (!entry_name(entry) && strcmp(entry_digest(entry), text) == 0) {
			json_set(index, "manifests", with_entry(manifests, i, NULL));
			return;
		}
	}
}

int
store_names_set(struct store *store, const struct store_names *names, struct store_names *replaced,
    struct error *e)
{
	autofd int lock = names_lock(store, e);
	autojson struct json *index = NULL;
	bool changed = false;

	if (lock < 0)
		return -1;
	index = index_read(store, e);
	if (!index)
		return -1;
	for (size_t i = 0; i < names->count; i++) {
		if (!put_name(index, &names->items[i], replaced))
			continue;
		drop_unnamed(index, &names->items[i]);
		changed = true;
	}
	if (!changed)
		return 0;
	json_set_text(index, "mediaType", INDEX_TYPE);
	return names_write(store, index, e);
}

int
store_name_set(struct store *store, const struct store_name *n, struct error *e)
{
	auto(store_names) struct store_names names = { 0 };

	store_names_add(&names, n);
	return store_names_set(store, &names, NULL, e);
}

typedef bool entry_test(const struct json *entry, const void *arg);

static bool
has_name(const struct json *entry, const void *arg)
{
	return is_named(entry, arg);
}

static bool
has_digest(const struct json *entry, const void *arg)
{
	return strcmp(entry_digest(entry), arg) == 0;
}

/* Removes the members that @test finds; returns how many. */
static int
remove_entries(struct store *store, entry_test *test, const void *arg, struct store_names *removed,
    struct error *e)
{
	autofd int lock = names_lock(store, e);
	autojson struct json *index = NULL;
	struct json *kept;
	const struct json *manifests;
	int count = 0;

	if (lock < 0)
		return -1;
	index = index_read(store, e);
	if (!index)
		return -1;
	manifests = json_get(index, "manifests");
	kept = json_new_array();
	for (size_t i = 0; i < json_count(manifests); i++) {
		const struct json *entry = json_at(manifests, i);
		auto(store_name) struct store_name n = { 0 };
		struct error ignored = ERROR_INIT;

		if (!test(entry, arg)) {
			json_append(kept, json_copy(entry));
			continue;
		}
		count++;
		if (removed && names_read_entry(entry, &n, &ignored) == 0)
			store_names_add(removed, &n);
	}
	json_set(index, "manifests", kept);
	if (count > 0 && names_write(store, index, e) < 0)
		return -1;
	return count;
}

int
store_name_remove(struct store *store, const char *name, struct error *e)
{
	int count = remove_entries(store, has_name, name, NULL, e);

	return count > 0 ? 1 : count;
}

int
store_digest_remove(
    struct store *store, const struct digest *digest, struct store_names *removed, struct error *e)
{
	char text[DIGEST_TEXT_LEN + 1];

	return remove_entries(store, has_digest, digest_text(digest, text), removed, e) < 0 ? -1
	                                                                                    : 0;
}

static bool
has_no_name(const struct json *entry, const void *arg)
{
	(void)arg;
	return !entry_name(entry);
}

int
names_remove_unnamed(struct store *store, struct error *e)
{
	return remove_entries(store, has_no_name, NULL, NULL, e) < 0 ? -1 : 0;
}
