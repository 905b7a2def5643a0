/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - cache mounts: folders that outlive a step, known by an id.
 *
 * What a step holds is an flock on the folder's own lock file; a prune has the whole store alone and meets none. A folder is made
 * below tmp/, with its lock held, and renamed: whoever finds it finds it whole, and waits for who made it.
 */
#include "builder/store/mounts.h"

#include "builder/store/private.h"
#include "builder/store/reach.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK "lock"
#define META "meta"
#define FILES "fs"
#define LENT "lent"
/* Private ones of one id; more steps at a time than that do not run. */
#define NUMBERS_MAX 1024

/* In a tier in which owners are records, files are read in another way, so they are others. */
static void
name_of(const char *id, bool recorded, unsigned number, char *name, size_t size)
{
	autohash struct hash *hash = hash_new();
	char hex[DIGEST_HEX_LEN + 1];
	struct digest digest;

	hash_add_text(hash, id);
	if (recorded)
		hash_add_text(hash, "recorded owners");
	hash_finish(hash, &digest);
	snprintf(name, size, "%s-%u", digest_hex(&digest, hex), number);
}

int
store_mount_compare(const char *a, const char *b)
{
	char x[80], y[80];

	name_of(a, false, 0, x, sizeof(x));
	name_of(b, false, 0, y, sizeof(y));
	return strcmp(x, y);
}

bool
store_mount_has(struct store *store, const char *id)
{
	char name[80];
	struct stat st;

	name_of(id, store->records_owners, 0, name, sizeof(name));
	return fstatat(store->dirs[DIR_MOUNTS], name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

/* The time of the record is that of the last use: after a reboot it tells what may be half-written. */
static int
note_use(const struct store_mount *m)
{
	static const struct timespec now[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_nsec = UTIME_NOW } };

	return utimensat(m->dir, META, now, AT_SYMLINK_NOFOLLOW);
}

void
store_mount_close(struct store_mount *m)
{
	struct error ignored = ERROR_INIT;

	if (m->dir >= 0 && m->fs >= 0 && !m->fresh)
		(void)note_use(m); /* the time of its beginning is there */

	fd_close_at(&m->fs);
	fd_close_at(&m->dir);
	if (m->fresh) /* what cannot be removed now, store_close() or the next run removes */
		(void)path_remove_tree(m->store->session_dir, m->tmp, &ignored);
	fd_close_at(&m->lock);
	*m = (struct store_mount)STORE_MOUNT_INIT;
}

/* ---- one that is there ---- */

static int
open_parts(struct store_mount *m, struct error *e)
{
	m->fs = openat(m->dir, FILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->fs < 0)
		return error_sys(e, "cannot open the cache mount '%s'", m->name);
	if (note_use(m) < 0)
		return error_sys(e, "cannot note the use of the cache mount '%s'", m->name);
	return 0;
}

static int
wait_lock(const struct store_mount *m, int how, struct error *e)
{
	while (flock(m->lock, how) < 0)
		if (errno != EINTR)
			return error_sys(e, "cannot lock the cache mount '%s'", m->name);
	return 0;
}

/* Takes the lock. Returns 1, 0 when somebody else has it and waiting is not wanted, -1. */
static int
take_lock(struct store_mount *m, enum store_mount_use use, store_mount_wait_fn *wait, void *arg,
    struct error *e)
{
	int how = use == STORE_MOUNT_SHARED ? LOCK_SH : LOCK_EX;

	m->lock = openat(m->dir, LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (m->lock < 0)
		return error_sys(e, "cannot open the lock of the cache mount '%s'", m->name);
	if (flock(m->lock, how | LOCK_NB) == 0)
		return 1;
	if (errno != EWOULDBLOCK)
		return error_sys(e, "cannot lock the cache mount '%s'", m->name);
	if (use == STORE_MOUNT_PRIVATE)
		return 0;
	if (wait)
		wait(arg);
	return wait_lock(m, how, e) < 0 ? -1 : 1;
}

/* ---- one whose files were moved away ---- */

static bool
is_lent(const struct store_mount *m)
{
	return faccessat(m->dir, LENT, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Who had them, and holds no lock any more, has ended without bringing them back: what is in their place is something else. */
static int
empty(struct store_mount *m, enum store_mount_use use, struct error *e)
{
	struct stat st;

	if (use == STORE_MOUNT_SHARED && wait_lock(m, LOCK_EX, e) < 0)
		return -1;
	m->shared = use == STORE_MOUNT_SHARED;
	if (!is_lent(m))
		return m->shared ? wait_lock(m, LOCK_SH, e) : 0; /* another one was faster */
	if (fstatat(m->dir, FILES, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    tmp_discard(m->store, m->dir, FILES, e) < 0)
		return -1;
	if (mkdirat(m->dir, FILES, 0755) < 0 || fchmodat(m->dir, FILES, 0755, 0) < 0)
		return error_sys(e, "cannot make the cache mount '%s' anew", m->name);
	m->is_empty = true;
	return 0;
}

/* It has what it begins with. */
static int
refill(struct store_mount *m, struct error *e)
{
	m->is_empty = false;
	if (store_mount_returned(m, e) < 0)
		return -1;
	return m->shared ? wait_lock(m, LOCK_SH, e) : 0;
}

int
store_mount_lend(struct store_mount *m, struct error *e)
{
	return path_write_file(m->dir, LENT, "", 0, 0600, false, e);
}

int
store_mount_is_back(const struct store_mount *m, struct error *e)
{
	struct stat had, has;

	if (fstat(m->fs, &had) < 0)
		return error_sys(e, "cannot look at the cache mount '%s'", m->name);
	return fstatat(m->dir, FILES, &has, AT_SYMLINK_NOFOLLOW) == 0 && had.st_ino == has.st_ino &&
	       had.st_dev == has.st_dev;
}

int
store_mount_returned(struct store_mount *m, struct error *e)
{
	if (unlinkat(m->dir, LENT, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot note that the cache mount '%s' is back", m->name);
	return 0;
}

/* ---- a fresh one ---- */

static int
write_meta(int dir, const char *id, bool recorded, struct error *e)
{
	autojson struct json *meta = json_new_object();
	autofree char *shown = xstrndup(id, STORE_MOUNT_ID_SHOWN);
	auto(buf) struct buf b = { 0 };

	json_set(meta, "version", json_new_u64(1));
	json_set_text(meta, "id", shown);
	if (recorded)
		json_set(meta, "recorded", json_new_bool(true));
	json_set(meta, "created", json_new_u64((uint64_t)time(NULL)));
	json_write(meta, JSON_SORTED, &b);
	return path_write_file(dir, META, b.data, b.len, 0644, false, e);
}

static int
make_fresh(struct store_mount *m, const char *id, enum store_mount_use use, struct error *e)
{
	m->dir = tmp_make_dir(m->store, m->tmp, sizeof(m->tmp), e);
	if (m->dir < 0)
		return -1;
	m->fresh = true;
	m->is_empty = true;
	m->lock = openat(m->dir, LOCK, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->lock < 0 || flock(m->lock, use == STORE_MOUNT_SHARED ? LOCK_SH : LOCK_EX) < 0 ||
	    mkdirat(m->dir, FILES, 0755) < 0 || fchmodat(m->dir, FILES, 0755, 0) < 0)
		return error_sys(e, "cannot make a cache mount");
	m->fs = openat(m->dir, FILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->fs < 0)
		return error_sys(e, "cannot open a new cache mount");
	return write_meta(m->dir, id, m->store->records_owners, e);
}

int
store_mount_commit(struct store_mount *m, struct error *e)
{
	if (!m->fresh)
		return m->is_empty ? refill(m, e) : 0;
	m->is_empty = false;
	if (renameat(m->store->session_dir, m->tmp, m->store->dirs[DIR_MOUNTS], m->name) == 0) {
		m->fresh = false;
		return 0;
	}
	if (errno != EEXIST && errno != ENOTEMPTY)
		return error_sys(e, "cannot name the cache mount '%s'", m->name);
	store_mount_close(m);
	return 1;
}

/* ---- opening ---- */

/* Returns 1 when it is open, 0 when number @number is taken, -1. */
static int
try_number(struct store *store, const char *id, unsigned number, enum store_mount_use use,
    store_mount_wait_fn *wait, void *arg, struct store_mount *m, struct error *e)
{
	int locked;

	*m = (struct store_mount)STORE_MOUNT_INIT;
	m->store = store;
	name_of(id, store->records_owners, number, m->name, sizeof(m->name));
	m->dir = openat(
	    store->dirs[DIR_MOUNTS], m->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->dir < 0 && errno == ENOENT)
		return make_fresh(m, id, use, e) < 0 ? -1 : 1;
	if (m->dir < 0)
		return error_sys(e, "cannot open the cache mount '%s'", m->name);
	locked = take_lock(m, use, wait, arg, e);
	if (locked <= 0)
		return locked;
	if (is_lent(m) && empty(m, use, e) < 0)
		return -1;
	return open_parts(m, e) < 0 ? -1 : 1;
}

int
store_mount_open(struct store *store, const char *id, enum store_mount_use use,
    store_mount_wait_fn *wait, void *arg, struct store_mount *m, struct error *e)
{
	for (unsigned number = 0; number < NUMBERS_MAX; number++) {
		int got = try_number(store, id, number, use, wait, arg, m, e);

		if (got > 0)
			return 0;
		store_mount_close(m);
		if (got < 0)
			return -1;
	}
	return error_set(
	    e, ERR_TEMPORARY, "all %d folders of a private cache mount are taken", NUMBERS_MAX);
}

/* ---- what there is ---- */

void
store_mount_list_release(struct store_mount_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].id);
	}
	free(list->items);
	*list = (struct store_mount_list){ 0 };
}

bool
mount_name_is_valid(const char *name)
{
	size_t digits = strspn(name, "0123456789abcdef");

	return digits == DIGEST_HEX_LEN && name[digits] == '-' && name[digits + 1] != '\0' &&
	       strspn(name + digits + 1, "0123456789") == strlen(name + digits + 1) &&
	       strlen(name) < 80;
}

struct json *
mount_read_meta(int mounts, const char *name, struct error *e)
{
	autofd int dir = openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto(buf) struct buf b = { 0 };

	if (dir < 0) {
		error_sys(e, "cannot open the cache mount '%s'", name);
		return NULL;
	}
	return record_read(dir, META, &b, e) > 0 ? json_parse(buf_text(&b), b.len, e) : NULL;
}

time_t
mount_last_used(int mounts, const char *name)
{
	autofd int dir = openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (dir < 0 || fstatat(dir, META, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_mtime;
}

static bool
is_busy(int mounts, const char *name)
{
	autofd int dir = openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd int lock = -1;

	if (dir >= 0)
		lock = openat(dir, LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void
describe(struct store *store, const char *name, struct store_mount_info *info)
{
	int mounts = store->dirs[DIR_MOUNTS];
	struct error ignored = ERROR_INIT; /* what is damaged, store check names */
	autojson struct json *meta = mount_read_meta(mounts, name, &ignored);
	const char *id = json_text(json_get(meta, "id"));
	uint64_t number = 0, created = 0;

	(void)parse_u64(name + DIGEST_HEX_LEN + 1, 0, NUMBERS_MAX, "number", &number, &ignored);
	(void)json_read_u64(meta, "created", "meta", &created, &ignored);
	*info = (struct store_mount_info){
		.name = xstrdup(name),
		.id = id ? xstrdup(id) : NULL,
		.number = (unsigned)number,
		.recorded = json_get(meta, "recorded") != NULL,
		.created = (time_t)created,
		.used = mount_last_used(mounts, name),
		.bytes = disk_size(mounts, name),
		.busy = is_busy(mounts, name),
	};
}

static int
compare_infos(const void *a, const void *b)
{
	const struct store_mount_info *x = a, *y = b;
	int order = strcmp(x->id ? x->id : "", y->id ? y->id : "");

	if (order != 0)
		return order;
	return strcmp(x->name, y->name);
}

int
store_mounts_list(struct store *store, struct store_mount_list *list, struct error *e)
{
	autodir DIR *stream = NULL;
	const struct dirent *entry;

	if (store->dirs[DIR_MOUNTS] < 0)
		return 0;
	stream = fd_opendir(store->dirs[DIR_MOUNTS], e);
	if (!stream)
		return -1;
	while ((entry = readdir(stream)) != NULL) {
		if (!mount_name_is_valid(entry->d_name))
			continue;
		(void)xgrow(&list->items, list->count, &list->room, sizeof(*list->items));
		describe(store, entry->d_name, &list->items[list->count++]);
	}
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items), compare_infos);
	return 0;
}

int
store_mount_remove(struct store *store, const char *name, struct error *e)
{
	if (!(store->flags & STORE_EXCLUSIVE))
		return error_set(e, ERR_HOST,
		    "a cache mount is removed by one process that has the store alone");
	if (!mount_name_is_valid(name))
		return error_set(e, ERR_INPUT, "'%.100s' is no name of a cache mount", name);
	return tmp_discard(store, store->dirs[DIR_MOUNTS], name, e);
}
