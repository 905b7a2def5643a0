/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - finding, making, checking, locking and opening the store.
 *
 * Whoever could write to the root could plant links or foreign files in it, so it must be ours and closed to others;
 * below it everything is opened by descriptor with O_NOFOLLOW. A link at the root's own path is followed only when it
 * is ours or root's: /tmp may hold links of strangers (SECURITY S3, S10).
 */
#include "builder/store/private.h"

#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define VERSION_TEXT "{\"version\": 1}\n"
#define LAYOUT_FILE "oci-layout"
#define LAYOUT_TEXT "{\"imageLayoutVersion\": \"1.0.0\"}\n"
#define INDEX_FILE "index.json"
#define INDEX_TEXT                                                                            \
	"{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.oci.image.index.v1+json\", " \
	"\"manifests\": []}\n"
#define TEMPORARY_PREFIX ".tmp-" /* of path_write_file() */
#define LINKS_MAX 8

/* Shared users wait for a prune to end, a prune for builds: one is a matter of time, the other may take for ever. */
#define SHARED_WAIT_MS 600000
#define EXCLUSIVE_WAIT_MS 30000
#define POLL_MS 20

static const char *const dir_names[DIR_COUNT] = {
	[DIR_BLOBS] = "blobs/sha256",
	[DIR_SNAPSHOTS] = "snapshots",
	[DIR_LISTINGS] = "listings",
	[DIR_STEPS] = "steps",
	[DIR_BUILDS] = "builds",
	[DIR_CONTEXT] = "context",
	[DIR_MOUNTS] = "mounts",
	[DIR_TMP] = "tmp",
};

/* All that may stand in a store of which the making was cut short. */
static const char *const known_names[] = { "blobs", "snapshots", "listings", "steps", "builds",
	"context", "tmp", "mounts", STORE_VERSION_FILE, LAYOUT_FILE, INDEX_FILE, STORE_LOCK_FILE,
	"names.lock", "state", "lost+found", ".", "..", NULL };

const char *
store_dir_name(enum store_dir dir)
{
	return dir_names[dir];
}

int
store_random_name(char name[RANDOM_NAME_LEN + 1], struct error *e)
{
	unsigned char bytes[RANDOM_NAME_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_sys(e, "cannot get random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(name + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* ---- where it is ---- */

static char *
default_path(struct error *e)
{
	const char *set = getenv("CROZE_ROOT");
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (set && *set)
		return xstrdup(set);
	if (data && data[0] == '/')
		return xasprintf("%s/croze", data);
	if (home && home[0] == '/')
		return xasprintf("%s/.local/share/croze", home);
	error_set(e, ERR_HOST, "there is no folder for the store: HOME is not set");
	error_hint(e, "set HOME, or name the folder with --root or CROZE_ROOT");
	return NULL;
}

static char *
absolute_path(const char *root, struct error *e)
{
	autofree char *path = root ? xstrdup(root) : default_path(e);
	autofree char *here = NULL;

	if (!path)
		return NULL;
	if (!*path) {
		error_set(e, ERR_USAGE, "the path of the store is empty");
		return NULL;
	}
	if (*path == '/')
		return steal_ptr(&path);
	here = getcwd(NULL, 0);
	if (!here) {
		error_sys(e, "cannot find the working directory");
		return NULL;
	}
	return xasprintf("%s/%s", here, path);
}

/* Follows a link at @path when its owner may be trusted with it; *@path is where it leads. */
static int
follow_own_link(char **path, struct error *e)
{
	char target[4096];
	ssize_t length;
	struct stat st;

	if (lstat(*path, &st) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return error_set(e, ERR_HOST,
		    "the store '%s' is a symbolic link of another user (%u)", *path, st.st_uid);
	length = readlink(*path, target, sizeof(target) - 1);
	if (length < 0)
		return error_sys(e, "cannot read the link '%s'", *path);
	target[length] = '\0';
	if (target[0] == '/') {
		free(*path);
		*path = xstrdup(target);
	} else {
		char *slash = strrchr(*path, '/');
		char *joined = xasprintf("%.*s/%s", (int)(slash - *path), *path, target);

		free(*path);
		*path = joined;
	}
	return 1;
}

static int
open_root(struct store *store, struct error *e)
{
	struct error failed = ERROR_INIT;
	int fd;

	for (int i = 0, more = 1; more; i++) {
		if (i == LINKS_MAX)
			return error_set(
			    e, ERR_HOST, "the store '%s' is a chain of links", store->path);
		more = follow_own_link(&store->path, e);
		if (more < 0)
			return -1;
	}
	fd = path_open_user(store->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &failed);
	if (fd < 0 && failed.sys == ENOENT) {
		if (store->flags & STORE_READ_ONLY)
			return error_set(
			    e, ERR_NOT_FOUND, "there is no store at '%s'", store->path);
		if (path_make_dirs_user(store->path, e) < 0)
			return error_ctx(e, "cannot make the store");
		error_clear(&failed);
		fd = path_open_user(store->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &failed);
	}
	if (fd >= 0)
		return fd;
	*e = failed;
	return error_ctx(e, "cannot open the store");
}

static int
check_owner(struct store *store, struct error *e)
{
	struct stat st;

	if (fstat(store->root, &st) < 0)
		return error_sys(e, "cannot read the store '%s'", store->path);
	if (st.st_uid != geteuid()) {
		error_set(e, ERR_HOST, "the store '%s' belongs to another user (%u)", store->path,
		    st.st_uid);
		return error_hint(e, "name another folder with --root or CROZE_ROOT");
	}
	if (st.st_mode & 022) {
		error_set(e, ERR_HOST, "the store '%s' can be written to by others (mode %04o)",
		    store->path, st.st_mode & 07777);
		return error_hint(
		    e, "if nobody else has been there: chmod 700 '%.400s'", store->path);
	}
	/* Layers hold set-uid programs and files with wide modes: nobody else may reach them. */
	if ((st.st_mode & 077) && !(store->flags & STORE_READ_ONLY) &&
	    fchmod(store->root, 0700) < 0)
		return error_sys(e, "cannot close the store '%s' to others", store->path);
	return 0;
}

/* ---- locks ---- */

static int
lock_wait(int fd, int how, long limit_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	for (long waited = 0;; waited += POLL_MS) {
		if (flock(fd, how | LOCK_NB) == 0)
			return 0;
		if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= limit_ms)
			return -1;
		(void)nanosleep(&pause, NULL); /* woken early: asks again early */
	}
}

static int
refuse_lock(const struct store *store, struct error *e)
{
	error_sys(e, "cannot lock '%s/%s'", store->path, STORE_LOCK_FILE);
	e->kind = ERR_HOST;
	return error_hint(e,
	    "its file system has no locks: put the store on a local one with --root "
	    "DIR or CROZE_ROOT");
}

static int
take_lock(struct store *store, struct error *e)
{
	bool exclusive = store->flags & STORE_EXCLUSIVE;

	store->lock =
	    openat(store->root, STORE_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock < 0)
		return error_sys(e, "cannot open '%s/%s'", store->path, STORE_LOCK_FILE);
	if (lock_wait(store->lock, exclusive ? LOCK_EX : LOCK_SH,
		exclusive ? EXCLUSIVE_WAIT_MS : SHARED_WAIT_MS) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return refuse_lock(store, e);
	error_set(e, ERR_TEMPORARY, "the store '%s' is in use: %s", store->path,
	    exclusive ? "a build or a container is running" : "it is being pruned");
	return error_hint(e, "try again when that has ended");
}

/* ---- making it ---- */

static int
refuse_foreign(struct store *store, struct error *e)
{
	autodir DIR *dir = fd_opendir(store->root, e);
	const struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		bool known = false;

		if (text_starts_with(entry->d_name, TEMPORARY_PREFIX))
			continue;
		for (size_t i = 0; known_names[i] && !known; i++)
			known = strcmp(entry->d_name, known_names[i]) == 0;
		if (!known) {
			error_set(e, ERR_USAGE, "'%s' is not empty and is no store", store->path);
			return error_hint(e, "name an empty folder, or one that does not exist");
		}
	}
	if (faccessat(store->root, LAYOUT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    faccessat(store->root, STORE_LOCK_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		error_set(e, ERR_USAGE, "'%s' is an OCI layout, but no store", store->path);
		return error_hint(
		    e, "bring its images into a store: croze import %.400s", store->path);
	}
	return 0;
}

static int
make_dir(int parent, const char *name, struct error *e)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return error_sys(e, "cannot make '%s' in the store", name);
	return 0;
}

static int
make_file(struct store *store, const char *name, const char *text, struct error *e)
{
	if (faccessat(store->root, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return path_write_file(store->root, name, text, strlen(text), 0644, true, e);
}

/* The version file comes last: it says that all the rest is there. */
static int
make_layout(struct store *store, struct error *e)
{
	if (make_dir(store->root, "blobs", e) < 0)
		return -1;
	for (int i = 0; i < DIR_COUNT; i++)
		if (make_dir(store->root, dir_names[i], e) < 0)
			return -1;
	if (make_file(store, INDEX_FILE, INDEX_TEXT, e) < 0 ||
	    make_file(store, LAYOUT_FILE, LAYOUT_TEXT, e) < 0)
		return -1;
	return make_file(store, STORE_VERSION_FILE, VERSION_TEXT, e);
}

static int
check_version(const struct buf *b, struct store *store, struct error *e)
{
	autojson struct json *j = NULL;
	uint64_t version = 0;

	if (b->len == strlen(VERSION_TEXT) && memcmp(b->data, VERSION_TEXT, b->len) == 0)
		return 0;
	j = json_parse(b->data, b->len, e);
	if (!j || json_read_u64(j, "version", "", &version, e) < 0)
		return error_ctx(e, "'%s/%s'", store->path, STORE_VERSION_FILE);
	if (version != 1)
		return error_set(e, ERR_HOST,
		    "the store '%s' has version %llu; this program knows 1", store->path,
		    (unsigned long long)version);
	return 0;
}

/* What a process that was killed left in the root itself. */
static int
remove_temporary(struct store *store, struct error *e)
{
	autodir DIR *dir = fd_opendir(store->root, e);
	const struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		if (text_starts_with(entry->d_name, TEMPORARY_PREFIX) &&
		    unlinkat(store->root, entry->d_name, 0) < 0)
			return error_sys(e, "cannot remove '%s/%s'", store->path, entry->d_name);
	return 0;
}

static bool
is_made(struct store *store)
{
	struct stat st;

	return fstatat(store->root, STORE_VERSION_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size > 0;
}

/* Several processes may make the store at once: one of them does, under the lock that they all will share. */
static int
make_store(struct store *store, struct error *e)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	autofd int lock = -1;

	if (refuse_foreign(store, e) < 0)
		return -1;
	if (store->flags & STORE_READ_ONLY)
		return error_set(e, ERR_NOT_FOUND, "there is no store at '%s'", store->path);
	lock =
	    openat(store->root, STORE_LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		return error_sys(e, "cannot make '%s/%s'", store->path, STORE_LOCK_FILE);
	while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return refuse_lock(store, e);
		if (is_made(store))
			return 0;
		(void)nanosleep(&pause, NULL); /* woken early: asks again early */
	}
	if (is_made(store))
		return 0;
	if (remove_temporary(store, e) < 0 || make_layout(store, e) < 0)
		return error_ctx(e, "cannot make the store '%s'", store->path);
	return 0;
}

static int
check_or_make(struct store *store, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	int there = record_read(store->root, STORE_VERSION_FILE, &b, e);

	if (there < 0)
		return -1;
	/* After a power failure a file that was just made can be empty. */
	if (there > 0 && b.len > 0)
		return check_version(&b, store, e);
	if (make_store(store, e) < 0)
		return -1;
	buf_clear(&b);
	if (record_read(store->root, STORE_VERSION_FILE, &b, e) < 0)
		return -1;
	return check_version(&b, store, e);
}

/* ---- opening ---- */

static int
open_dir_of_ours(struct store *store, const char *name, struct error *e)
{
	int fd = openat(store->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !(store->flags & STORE_READ_ONLY)) {
		if (make_dir(store->root, "blobs", e) < 0 || make_dir(store->root, name, e) < 0)
			return -1;
		fd = openat(store->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return error_sys(e, "cannot open '%s/%s'", store->path, name);
	return fd;
}

static int
open_dirs(struct store *store, struct error *e)
{
	struct stat st;

	for (int i = 0; i < DIR_COUNT; i++) {
		/* a store of the time before there were any, which is only to be read */
		if (i == DIR_MOUNTS && store->flags & STORE_READ_ONLY &&
		    faccessat(store->root, dir_names[i], F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		store->dirs[i] = open_dir_of_ours(store, dir_names[i], e);
		if (store->dirs[i] < 0)
			return -1;
		if (fstat(store->dirs[i], &st) < 0)
			return error_sys(e, "cannot read '%s/%s'", store->path, dir_names[i]);
		if (st.st_uid != geteuid() || (st.st_mode & 022))
			return error_set(e, ERR_HOST,
			    "'%s/%s' belongs to another user or can be written to by others",
			    store->path, dir_names[i]);
	}
	return 0;
}

static void
close_dirs(struct store *store)
{
	for (int i = 0; i < DIR_COUNT; i++) {
		fd_close_at(&store->dirs[i]);
		store->dirs[i] = -1;
	}
	fd_close_at(&store->root);
	store->root = -1;
}

static int
open_all(struct store *store, const char *root, struct error *e)
{
	store->path = absolute_path(root, e);
	if (!store->path)
		return -1;
	store->root = open_root(store, e);
	if (store->root < 0 || check_owner(store, e) < 0 || check_or_make(store, e) < 0)
		return -1;
	if (store->flags & STORE_READ_ONLY)
		return open_dirs(store, e);
	if (take_lock(store, e) < 0 || open_dirs(store, e) < 0 || store_recover(store, e) < 0)
		return -1;
	return tmp_clean(store, e);
}

static void
release(struct store *store)
{
	close_dirs(store);
	fd_close_at(&store->session_dir);
	fd_close_at(&store->session_lock);
	fd_close_at(&store->lock);
	free(store->path);
	free(store);
}

struct store *
store_open(const char *root, enum store_flags flags, struct error *e)
{
	struct store *store = xcalloc(1, sizeof(*store));

	store->flags = flags;
	store->root = -1;
	store->lock = -1;
	store->session_dir = -1;
	store->session_lock = -1;
	store->owner = getpid();
	for (int i = 0; i < DIR_COUNT; i++)
		store->dirs[i] = -1;
	if (open_all(store, root, e) < 0) {
		release(store);
		return NULL;
	}
	return store;
}

void
store_close(struct store *store)
{
	if (!store)
		return;
	if (store->owner == getpid())
		tmp_end_session(store);
	release(store);
}

void
store_close_at(struct store **store)
{
	int saved = errno;

	store_close(*store);
	*store = NULL;
	errno = saved;
}

int
store_reopen(struct store *store, struct error *e)
{
	struct stat before;
	struct stat after;

	if (fstat(store->root, &before) < 0)
		return error_sys(e, "cannot read the store '%s'", store->path);
	close_dirs(store);
	store->root = path_open_user(store->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (store->root < 0)
		return error_ctx(e, "cannot open the store again");
	if (fstat(store->root, &after) < 0)
		return error_sys(e, "cannot read the store '%s'", store->path);
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return error_set(
		    e, ERR_HOST, "the store '%s' was replaced by another", store->path);
	if (open_dirs(store, e) < 0)
		return -1;
	return tmp_reopen(store, e);
}

int
store_dir(const struct store *store)
{
	return store->root;
}

const char *
store_path(const struct store *store)
{
	return store->path;
}

int
store_context_dir(const struct store *store)
{
	return store->dirs[DIR_CONTEXT];
}
