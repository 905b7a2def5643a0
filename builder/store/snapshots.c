/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshots - directories that are an overlay's lower or upper: snapshots/<id>/{fs,meta}.
 *
 * They are made below tmp/ with a work directory beside, and renamed whole. What is named is never changed again.
 */
#include "builder/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool
snapshot_id_is_valid(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length <= SNAPSHOT_ID_MAX &&
	       strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz-") == length;
}

/* What the names of snapshots with recorded owners begin with. */
#define RECORDED_PREFIX "ids-"

void
store_record_owners(struct store *store)
{
	store->records_owners = true;
}

void
snapshot_name_of_chain(const struct digest *chain_id, bool recorded, char id[SNAPSHOT_ID_MAX + 1])
{
	char hex[DIGEST_HEX_LEN + 1];

	(void)digest_hex(chain_id, hex);
	if (recorded) /* 240 bits of it are name enough */
		(void)snprintf(id, SNAPSHOT_ID_MAX + 1, RECORDED_PREFIX "%.60s", hex);
	else
		(void)snprintf(id, SNAPSHOT_ID_MAX + 1, "%s", hex);
}

void
store_snapshot_of_chain(
    const struct store *store, const struct digest *chain_id, char id[SNAPSHOT_ID_MAX + 1])
{
	snapshot_name_of_chain(chain_id, store->records_owners, id);
}

bool
store_snapshot_fits(const struct store *store, const char *id)
{
	return (strncmp(id, RECORDED_PREFIX, strlen(RECORDED_PREFIX)) == 0) ==
	       store->records_owners;
}

/* A fresh name. */
static int
make_name(const struct store *store, char id[SNAPSHOT_ID_MAX + 1], struct error *e)
{
	char random[RANDOM_NAME_LEN + 1];

	if (store_random_name(random, e) < 0)
		return -1;
	(void)snprintf(
	    id, SNAPSHOT_ID_MAX + 1, "%s%s", store->records_owners ? RECORDED_PREFIX : "", random);
	return 0;
}

void
store_set_driver(struct store *store, enum store_driver driver)
{
	store->driver = driver;
}

enum store_driver
store_driver(const struct store *store)
{
	return store->driver;
}

static int
check_id(const char *id, struct error *e)
{
	if (snapshot_id_is_valid(id))
		return 0;
	return error_set(e, ERR_INPUT, "'%.80s' is no name of a snapshot", id);
}

static int
make_part(int dir, const char *name, mode_t mode, struct error *e)
{
	int fd;

	if (mkdirat(dir, name, 0700) < 0)
		return error_sys(e, "cannot make a snapshot");
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open a new snapshot");
	if (fchmod(fd, mode) < 0) {
		error_sys(e, "cannot make a snapshot");
		fd_close_at(&fd);
		return -1;
	}
	return fd;
}

int
snapshot_writer_open(struct snapshot_writer *w, struct store *store, struct error *e)
{
	*w = (struct snapshot_writer){ .store = store, .dir = -1, .fs = -1, .work = -1 };
	w->dir = tmp_make_dir(store, w->name, sizeof(w->name), e);
	if (w->dir < 0)
		return -1;
	w->fs = make_part(w->dir, "fs", 0755, e);
	if (w->fs >= 0)
		w->work = make_part(w->dir, "work", 0700, e);
	if (w->work >= 0)
		return 0;
	snapshot_writer_release(w);
	return -1;
}

char *
snapshot_writer_path(const struct snapshot_writer *w)
{
	return xasprintf("%s/tmp/%s/%s", w->store->path, w->store->session, w->name);
}

static void
close_writer(struct snapshot_writer *w)
{
	fd_close_at(&w->fs);
	fd_close_at(&w->work);
	fd_close_at(&w->dir);
	if (w->extra)
		w->free_extra(w->extra);
	w->extra = NULL;
	w->fs = w->work = w->dir = -1;
}

static int
write_meta(int dir, const struct json *meta, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	autofd int fd =
	    openat(dir, "meta", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_sys(e, "cannot write a snapshot's record");
	if (meta)
		json_write(meta, JSON_SORTED, &b);
	else
		buf_add_text(&b, "{}");
	return fd_write_all(fd, b.data, b.len, e);
}

static void
kept_name(const char *keep, const char *id, char name[NAME_MAX + 1])
{
	(void)snprintf(name, NAME_MAX + 1, "%s-%s", keep, id);
}

/* Away with work/: removed, or for somebody to take. */
static int
put_away(const struct snapshot_writer *w, const char *id, struct error *e)
{
	char name[NAME_MAX + 1];

	kept_name(w->keep, id, name);
	if (w->keep[0] && renameat(w->dir, "work", w->store->session_dir, name) == 0)
		return 0;
	/* another one of the same name is there already */
	return path_remove_tree(w->dir, "work", e) < 0
	           ? error_ctx(e, "cannot remove a work directory")
	           : 0;
}

int
snapshot_writer_take(struct snapshot_writer *w, const char *keep, const char *id, struct error *e)
{
	char name[NAME_MAX + 1];
	int fd;

	kept_name(keep, id, name);
	/* over the empty one */
	if (renameat(w->store->session_dir, name, w->dir, "work") < 0)
		return errno == ENOENT ? 0 : error_sys(e, "cannot take a kept directory");
	fd = openat(w->dir, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open a kept directory");
	fd_close_at(&w->work);
	w->work = fd;
	return 1;
}

int
snapshot_writer_commit(struct snapshot_writer *w, char id[SNAPSHOT_ID_MAX + 1],
    const struct json *meta, struct error *e)
{
	struct store *store = w->store;

	if (!*id && make_name(store, id, e) < 0)
		return -1;
	if (check_id(id, e) < 0 || write_meta(w->dir, meta, e) < 0)
		return -1;
	if (put_away(w, id, e) < 0)
		return -1;
	if (renameat(store->session_dir, w->name, store->dirs[DIR_SNAPSHOTS], id) == 0) {
		close_writer(w);
		return 0;
	}
	if (errno != EEXIST && errno != ENOTEMPTY)
		return error_sys(e, "cannot name snapshot '%s'", id);
	snapshot_writer_release(w);
	return 0;
}

void
snapshot_writer_keep(struct snapshot_writer *w)
{
	struct error ignored = ERROR_INIT; /* it is only made anew then */

	if (w->dir >= 0 && w->keep[0])
		(void)put_away(w, "", &ignored);
	snapshot_writer_release(w);
}

void
snapshot_writer_release(struct snapshot_writer *w)
{
	struct error ignored = ERROR_INIT;

	if (w->dir < 0)
		return;
	close_writer(w);
	/* What cannot be removed now, store_close() or the next run removes. */
	(void)path_remove_tree(w->store->session_dir, w->name, &ignored);
}

bool
store_snapshot_has(struct store *store, const char *id)
{
	struct stat st;

	return snapshot_id_is_valid(id) &&
	       fstatat(store->dirs[DIR_SNAPSHOTS], id, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int
open_snapshot(struct store *store, const char *id, struct error *e)
{
	int fd;

	if (check_id(id, e) < 0)
		return -1;
	fd =
	    openat(store->dirs[DIR_SNAPSHOTS], id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(e, ERR_NOT_FOUND, "the store has no snapshot '%s'", id);
	if (fd < 0)
		return error_sys(e, "cannot open snapshot '%s'", id);
	return fd;
}

int
store_snapshot_open(struct store *store, const char *id, struct error *e)
{
	autofd int dir = open_snapshot(store, id, e);
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open the files of snapshot '%s'", id);
	return fd;
}

char *
store_snapshot_path(struct store *store, const char *id)
{
	return xasprintf("%s/%s/%s/fs", store->path, store_dir_name(DIR_SNAPSHOTS), id);
}

struct json *
store_snapshot_meta(struct store *store, const char *id, struct error *e)
{
	autofd int dir = open_snapshot(store, id, e);
	auto(buf) struct buf b = { 0 };
	struct json *meta = NULL;
	int there;

	if (dir < 0)
		return NULL;
	there = record_read(dir, "meta", &b, e);
	if (there == 0)
		error_set(e, ERR_INPUT, "it is not there");
	if (there > 0)
		meta = json_parse(buf_text(&b), b.len, e);
	if (!meta)
		error_ctx(e, "the record of snapshot '%s'", id);
	return meta;
}

int
store_snapshot_remove(struct store *store, const char *id, struct error *e)
{
	if (check_id(id, e) < 0)
		return -1;
	return tmp_discard(store, store->dirs[DIR_SNAPSHOTS], id, e);
}
