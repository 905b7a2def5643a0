/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover - the first run after a reboot distrusts what may not have reached the disk.
 *
 * Nothing is synced on its own; names_write() syncs everything and then renames index.json, whose time therefore says up
 * to when all is there. What changed later (its ctime cannot be set by anybody) is suspect if the machine was started
 * anew since: blobs and listings are compared with their digests, step records parsed, snapshots dropped. The file
 * "state" holds the boot ID of the last run, so that all others pay for one comparison.
 */
#include "builder/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define STATE_FILE "state"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

/* Where /proc is masked no reboot is seen; a container's store seldom outlives one. */
static void
read_boot_id(char text[BOOT_ID_MAX])
{
	struct error ignored = ERROR_INIT;
	autofd int fd = path_open_user(BOOT_ID_FILE, O_RDONLY, 0, &ignored);
	ssize_t length = fd < 0 ? -1 : read(fd, text, BOOT_ID_MAX - 1);

	if (length <= 0) {
		snprintf(text, BOOT_ID_MAX, "unknown\n");
		return;
	}
	text[length] = '\0';
}

static bool
is_same_boot(struct store *store, const char *boot)
{
	autofd int fd =
	    openat(store->root, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[BOOT_ID_MAX];
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (length <= 0)
		return false;
	text[length] = '\0';
	return strcmp(text, boot) == 0;
}

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec >= b->tv_nsec;
}

/* Is the suspect @name good after all? */
typedef bool suspect_test(struct store *store, int dir, const char *name);

static bool
blob_is_good(struct store *store, int dir, const char *name)
{
	struct error ignored = ERROR_INIT;
	struct digest wanted;
	struct digest found;
	autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	(void)store;
	return fd >= 0 && digest_parse_hex(name, &wanted, &ignored) == 0 &&
	       digest_of_fd(fd, &found, NULL, &ignored) == 0 && digest_equal(&wanted, &found);
}

static bool
listing_is_good(struct store *store, int dir, const char *name)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	struct digest diff_id;

	(void)dir;
	return digest_parse_hex(name, &diff_id, &ignored) == 0 &&
	       store_listing_get(store, &diff_id, &b, &ignored) > 0;
}

static bool
step_is_good(struct store *store, int dir, const char *name)
{
	struct error ignored = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	autojson struct json *record = NULL;

	if (record_read(dir, name, &b, &ignored) <= 0)
		return false;
	record = json_parse(buf_text(&b), b.len, &ignored);
	return json_type(record) == JSON_OBJECT && record_is_whole(store, record);
}

static bool
snapshot_is_good(struct store *store, int dir, const char *name)
{
	(void)store;
	(void)dir;
	(void)name;
	return false; /* nothing says what should be in it */
}

/* Its folder changes its time but seldom; each use is written into the time of its record. */
static bool
mount_is_good(struct store *store, int dir, const char *name)
{
	struct stat index = { 0 };
	time_t used = mount_last_used(dir, name);

	if (fstatat(store->root, "index.json", &index, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return used > 0 && used < index.st_mtim.tv_sec;
}

/* Snapshots and blobs before the step records that name them. */
static const struct suspect_row {
	enum store_dir dir;
	suspect_test *is_good;
} suspect_rows[] = {
	{ DIR_BLOBS, blob_is_good },
	{ DIR_LISTINGS, listing_is_good },
	{ DIR_SNAPSHOTS, snapshot_is_good },
	{ DIR_MOUNTS, mount_is_good },
	{ DIR_STEPS, step_is_good },
};

static int
drop(struct store *store, int dir, const char *name, struct error *e)
{
	struct error failed = ERROR_INIT;

	if (tmp_discard(store, dir, name, &failed) == 0)
		return 0;
	/* It is out of its place; what is left of it in tmp/ needs a user namespace. */
	if ((failed.sys == EACCES || failed.sys == EPERM) &&
	    faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	*e = failed;
	return -1;
}

static int
recover_dir(struct store *store, const struct suspect_row *row, const struct timespec *synced,
    struct error *e)
{
	int fd = store->dirs[row->dir];
	autodir DIR *dir = fd_opendir(fd, e);
	const struct dirent *entry;
	struct stat st;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (row->dir != DIR_MOUNTS && !is_later(&st.st_ctim, synced))
			continue;
		if (row->is_good(store, fd, name))
			continue;
		if (drop(store, fd, name, e) < 0)
			return error_ctx(
			    e, "cannot recover '%s/%s'", store->path, store_dir_name(row->dir));
	}
	return 0;
}

int
store_recover(struct store *store, struct error *e)
{
	char boot[BOOT_ID_MAX];
	autofd int lock = -1;
	struct stat index = { 0 };

	read_boot_id(boot);
	if (is_same_boot(store, boot))
		return 0;
	lock = names_lock(store, e);
	if (lock < 0)
		return -1;
	if (is_same_boot(store, boot))
		return 0;
	/* No index.json: nothing was ever synced. */
	if (fstatat(store->root, "index.json", &index, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return error_sys(e, "cannot read '%s/index.json'", store->path);
	for (size_t i = 0; i < ARRAY_LEN(suspect_rows); i++)
		if (recover_dir(store, &suspect_rows[i], &index.st_mtim, e) < 0)
			return -1;
	return tmp_write_record(store, store->root, STATE_FILE, boot, strlen(boot), e);
}
