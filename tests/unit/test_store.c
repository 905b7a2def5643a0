/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_store - the store: commit, names, snapshots, records, tmp of the dead, strangers' stores, concurrency.
 */
#include "builder/store/prune.h"
#include "builder/store/store.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char base[64];
static char root[80];
static pid_t test_process;

static int
make_base(void **state)
{
	(void)state;
	test_process = getpid();
	snprintf(base, sizeof(base), "/tmp/test_store.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(root, sizeof(root), "%s/store", base);
	return 0;
}

static int
remove_base(void **state)
{
	struct error e = ERROR_INIT;
	autofd int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	return path_remove_tree(tmp, path_base(base), &e);
}

/* A child must not return into the loop of tests. */
#define child_ok(result, e)                                                       \
	do {                                                                      \
		if ((result) < 0) {                                               \
			if (getpid() == test_process)                             \
				fail_msg("%s: %s", #result, (e)->text);           \
			dprintf(2, "# in a child: %s: %s\n", #result, (e)->text); \
			_exit(1);                                                 \
		}                                                                 \
	} while (0)

static struct store *
open_store(void)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(root, 0, &e);

	child_ok(store ? 0 : -1, &e);
	return store;
}

static char *
in_root(const char *name)
{
	return xasprintf("%s/%s", root, name);
}

static bool
exists(const char *name)
{
	autofree char *path = in_root(name);

	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t
count_entries(const char *name)
{
	autofree char *path = in_root(name);
	autodir DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static void
write_file(const char *name, const char *text)
{
	autofree char *path = in_root(name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct digest
put_blob(struct store *store, const char *text)
{
	struct error e = ERROR_INIT;
	struct digest digest;

	child_ok(store_blob_put(store, text, strlen(text), &digest, &e), &e);
	return digest;
}

static void
set_name(struct store *store, const char *name, const struct digest *digest, uint64_t size)
{
	struct error e = ERROR_INIT;
	auto(store_names) struct store_names names = { 0 };
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", name ? name : "");
	store_names_add(&names,
	    &(struct store_name){ .name = name ? copy : NULL, .digest = *digest, .size = size });
	child_ok(store_names_set(store, &names, NULL, &e), &e);
}

static void
a_new_store_is_an_oci_layout_closed_to_others(void **state)
{
	autostore struct store *store = open_store();
	struct stat st;

	(void)state;
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(exists("oci-layout"));
	assert_true(exists("index.json"));
	assert_true(exists("blobs/sha256"));
	assert_string_equal(store_path(store), root);
}

static void
a_blob_is_found_by_its_digest(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	struct digest digest = put_blob(store, "hello");
	uint64_t size = 0;
	autofd int fd = store_blob_open(store, &digest, &size, &e);

	(void)state;
	assert_ok(fd, &e);
	assert_int_equal(size, 5);
	assert_true(store_blob_has(store, &digest));
	assert_ok(store_blob_read(store, &digest, 100, &b, &e), &e);
	assert_string_equal(buf_text(&b), "hello");
	assert_int_equal(put_blob(store, "hello").bytes[0], digest.bytes[0]);
	assert_int_equal(count_entries("blobs/sha256"), 1);
}

static void
a_missing_blob_is_not_found(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	struct digest digest = { { 1 } };

	(void)state;
	assert_int_equal(store_blob_open(store, &digest, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_false(store_blob_has(store, &digest));
}

static void
a_blob_that_is_a_link_is_refused(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	struct digest digest;
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *name = NULL;
	autofree char *path = NULL;

	(void)state;
	digest_of("x", 1, &digest);
	name = xasprintf("blobs/sha256/%s", digest_hex(&digest, hex));
	path = in_root(name);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(store_blob_open(store, &digest, NULL, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_false(store_blob_has(store, &digest));
}

static void
a_blob_of_the_wrong_length_is_not_committed(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	struct blob_writer w = BLOB_WRITER_INIT;
	struct digest digest;

	(void)state;
	digest_of("abc", 3, &digest);
	assert_ok(blob_writer_open(&w, store, &e), &e);
	assert_ok(fd_write_all(w.fd, "abc", 3, &e), &e);
	assert_int_equal(blob_writer_commit(&w, &digest, 4, &e), -1);
	assert_false(store_blob_has(store, &digest));
	assert_int_equal(count_entries("tmp"), 1); /* our directory, empty */
}

static void
a_damaged_blob_is_noticed_when_read(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	struct digest digest = put_blob(store, "hello");
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *name = xasprintf("blobs/sha256/%s", digest_hex(&digest, hex));

	(void)state;
	write_file(name, "hellO");
	assert_int_equal(store_blob_read(store, &digest, 100, &b, &e), -1);
	assert_non_null(strstr(e.text, "damaged"));
}

static void
names_are_set_moved_and_removed(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	auto(store_name) struct store_name n = { 0 };
	auto(store_names) struct store_names names = { 0 };
	auto(store_names) struct store_names replaced = { 0 };
	struct digest a = put_blob(store, "a");
	struct digest b = put_blob(store, "b");
	char name[] = "docker.io/library/app:latest";
	char short_name[] = "app:latest";

	(void)state;
	assert_int_equal(store_name_get(store, name, &n, &e), 0);
	store_names_add(&names,
	    &(struct store_name){ .name = name, .short_name = short_name, .digest = a, .size = 1 });
	assert_ok(store_names_set(store, &names, &replaced, &e), &e);
	assert_int_equal(replaced.count, 0);
	assert_int_equal(store_name_get(store, name, &n, &e), 1);
	assert_true(digest_equal(&n.digest, &a));
	assert_string_equal(n.short_name, short_name);
	names.items[0].digest = b;
	assert_ok(store_names_set(store, &names, &replaced, &e), &e);
	assert_int_equal(replaced.count, 1);
	assert_true(digest_equal(&replaced.items[0].digest, &a));
	assert_int_equal(store_name_remove(store, name, &e), 1);
	assert_int_equal(store_name_remove(store, name, &e), 0);
	assert_int_equal(store_name_get(store, name, &n, &e), 0);
}

static void
an_image_without_a_name_gives_way_to_its_name(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	auto(store_names) struct store_names names = { 0 };
	struct digest a = put_blob(store, "a");

	(void)state;
	set_name(store, NULL, &a, 1);
	set_name(store, NULL, &a, 1);
	assert_ok(store_names_list(store, &names, &e), &e);
	assert_int_equal(names.count, 1);
	assert_null(names.items[0].name);
	set_name(store, "docker.io/library/x:1", &a, 1);
	set_name(store, NULL, &a, 1);
	store_names_release(&names);
	assert_ok(store_names_list(store, &names, &e), &e);
	assert_int_equal(names.count, 1);
	assert_string_equal(names.items[0].name, "docker.io/library/x:1");
	assert_ok(store_digest_remove(store, &a, NULL, &e), &e);
	store_names_release(&names);
	assert_ok(store_names_list(store, &names, &e), &e);
	assert_int_equal(names.count, 0);
}

static void
a_snapshot_appears_whole_and_keeps_its_record(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
	char id[SNAPSHOT_ID_MAX + 1] = "";
	autojson struct json *meta = json_new_object();
	autojson struct json *read = NULL;
	autofd int fs = -1;

	(void)state;
	json_set_text(meta, "parent", "none");
	assert_ok(snapshot_writer_open(&w, store, &e), &e);
	assert_int_equal(mkdirat(w.fs, "etc", 0755), 0);
	assert_int_equal(mkdirat(w.work, "work", 0), 0);
	assert_int_equal(count_entries("snapshots"), 0);
	assert_ok(snapshot_writer_commit(&w, id, meta, &e), &e);
	assert_int_equal(w.dir, -1);
	assert_true(store_snapshot_has(store, id));
	fs = store_snapshot_open(store, id, &e);
	assert_ok(fs, &e);
	assert_int_equal(faccessat(fs, "etc", F_OK, 0), 0);
	read = store_snapshot_meta(store, id, &e);
	assert_string_equal(json_text(json_get(read, "parent")), "none");
	assert_ok(store_snapshot_remove(store, id, &e), &e);
	assert_false(store_snapshot_has(store, id));
	assert_int_equal(count_entries("snapshots"), 0);
}

static void
the_first_snapshot_of_a_name_stays(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	char id[SNAPSHOT_ID_MAX + 1] = "abc";

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
		autojson struct json *meta = json_new_object();
		autojson struct json *read = NULL;

		json_set(meta, "number", json_new_i64(i));
		assert_ok(snapshot_writer_open(&w, store, &e), &e);
		assert_ok(snapshot_writer_commit(&w, id, meta, &e), &e);
		read = store_snapshot_meta(store, id, &e);
		assert_string_equal(json_number(json_get(read, "number")), "0");
	}
}

static void
names_of_snapshots_cannot_leave_the_store(void **state)
{
	static const char *const bad[] = { "..", ".", "", "a/b", "A", "a.b", "../x", "x\n" };
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(store_snapshot_has(store, bad[i]));
		assert_int_equal(store_snapshot_open(store, bad[i], &e), -1);
		assert_int_equal(store_snapshot_remove(store, bad[i], &e), -1);
	}
}

static void
a_step_record_counts_only_with_all_it_names(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	autojson struct json *record = json_new_object();
	autojson struct json *read = NULL;
	struct digest key = { { 7 } };
	struct digest blob = put_blob(store, "layer");
	char text[DIGEST_TEXT_LEN + 1];
	char hex[DIGEST_HEX_LEN + 1];

	(void)state;
	json_append(
	    json_set(record, "blobs", json_new_array()), json_new_text(digest_text(&blob, text)));
	assert_int_equal(store_step_get(store, &key, &read, &e), 0);
	assert_ok(store_step_put(store, &key, record, &e), &e);
	assert_int_equal(store_step_get(store, &key, &read, &e), 1);
	assert_true(json_equal(record, read));
	{
		autofree char *name = xasprintf("blobs/sha256/%s", digest_hex(&blob, hex));
		autofree char *path = in_root(name);

		assert_int_equal(unlink(path), 0);
	}
	json_free(steal_ptr(&read));
	assert_int_equal(store_step_get(store, &key, &read, &e), 0);
	assert_ok(store_step_remove(store, &key, &e), &e);
}

static void
a_damaged_record_is_one_that_is_not_there(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	autojson struct json *read = NULL;
	struct digest key = { { 7 } };
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *name = xasprintf("steps/%s.json", digest_hex(&key, hex));

	(void)state;
	write_file(name, "{\"snapshots\": [");
	assert_int_equal(store_step_get(store, &key, &read, &e), 0);
	write_file(name, "");
	assert_int_equal(store_step_get(store, &key, &read, &e), 0);
	write_file(name, "[]");
	assert_int_equal(store_step_get(store, &key, &read, &e), 0);
}

static void
a_damaged_listing_is_one_that_is_not_there(void **state)
{
	autostore struct store *store = open_store();
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	struct digest id = { { 9 } };
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *name = xasprintf("listings/%s", digest_hex(&id, hex));

	(void)state;
	assert_int_equal(store_listing_get(store, &id, &b, &e), 0);
	assert_ok(store_listing_put(store, &id, "bytes", 5, &e), &e);
	assert_true(store_listing_has(store, &id));
	assert_int_equal(store_listing_get(store, &id, &b, &e), 1);
	assert_string_equal(buf_text(&b), "bytes");
	write_file(name, "some other bytes, longer than a digest of 32");
	assert_int_equal(store_listing_get(store, &id, &b, &e), 0);
}

static void
closing_leaves_nothing_in_tmp(void **state)
{
	struct store *store = open_store();
	struct error e = ERROR_INIT;
	autofree char *path = NULL;
	autofd int dir = store_tmp_dir(store, &path, &e);
	autofd int file = store_tmp_file(store, &e);

	(void)state;
	assert_ok(dir, &e);
	assert_ok(file, &e);
	assert_int_equal(access(path, F_OK), 0);
	store_close(store);
	assert_int_equal(count_entries("tmp"), 0);
}

static void
what_the_dead_left_goes_what_the_living_have_stays(void **state)
{
	struct store *living = open_store();
	struct store *next = NULL;
	struct error e = ERROR_INIT;
	struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
	int status = 0;
	pid_t pid;

	(void)state;
	assert_ok(snapshot_writer_open(&w, living, &e), &e);
	pid = fork();
	if (pid == 0) {
		struct store *dying = store_open(root, 0, &e);
		struct snapshot_writer lost = SNAPSHOT_WRITER_INIT;

		if (!dying || snapshot_writer_open(&lost, dying, &e) < 0 ||
		    mkdirat(lost.fs, "closed", 0755) < 0 || mkdirat(lost.fs, "closed/x", 0) < 0 ||
		    fchmodat(lost.fs, "closed", 0, 0) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_entries("tmp"), 2);
	next = open_store();
	assert_false(store_tmp_needs_userns(next));
	assert_int_equal(count_entries("tmp"), 1);
	snapshot_writer_release(&w);
	store_close(next);
	store_close(living);
	assert_int_equal(count_entries("tmp"), 0);
}

static void
a_child_keeps_the_directory_of_a_dead_parent(void **state)
{
	struct error e = ERROR_INIT;
	int status = 0;
	int ready[2];
	int go[2];
	char c = 0;
	pid_t pid;

	(void)state;
	store_close(open_store());
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		struct store *store = store_open(root, 0, &e);
		struct snapshot_writer w = SNAPSHOT_WRITER_INIT;

		if (!store || snapshot_writer_open(&w, store, &e) < 0)
			_exit(1);
		if (fork() == 0) { /* lives on */
			close(go[1]);
			(void)!write(ready[1], "x", 1);
			(void)!read(go[0], &c, 1);
			_exit(0);
		}
		_exit(0);
	}
	close(go[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(ready[0], &c, 1), 1);
	store_close(open_store());
	assert_int_equal(count_entries("tmp"), 1);
	close(go[1]);
	for (int i = 0; i < 200 && count_entries("tmp") > 0; i++) {
		struct timespec pause = { .tv_nsec = 10000000 };

		nanosleep(&pause, NULL);
		store_close(open_store());
	}
	assert_int_equal(count_entries("tmp"), 0);
	close(ready[0]);
	close(ready[1]);
}

static void
expect_refused(const char *part)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(root, 0, &e);

	assert_null(store);
	if (!strstr(e.text, part))
		fail_msg("'%s' does not say '%s'", e.text, part);
}

static void
a_store_open_to_others_is_refused(void **state)
{
	autofree char *steps = in_root("steps");

	(void)state;
	store_close(open_store());
	assert_int_equal(chmod(root, 0777), 0);
	expect_refused("can be written to by others");
	assert_int_equal(chmod(root, 0755), 0);
	store_close(open_store()); /* closed to others then */
	assert_int_equal(chmod(steps, 0770), 0);
	expect_refused("can be written to by others");
}

static void
a_store_of_another_user_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip_because("only root can give a directory away");
	store_close(open_store());
	assert_int_equal(chown(root, 12345, 12345), 0);
	expect_refused("belongs to another user (12345)");
	assert_int_equal(chown(root, 0, 0), 0);
}

static void
a_link_of_another_user_is_refused_ones_own_followed(void **state)
{
	autofree char *real = xasprintf("%s/real", base);

	(void)state;
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink("real", root), 0);
	store_close(open_store());
	if (geteuid() == 0) {
		assert_int_equal(lchown(root, 12345, 12345), 0);
		expect_refused("symbolic link of another user");
	}
}

static void
links_in_place_of_folders_are_refused(void **state)
{
	static const char *const names[] = { "steps", "snapshots", "tmp", "builds", "context",
		"listings" };

	(void)state;
	store_close(open_store());
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *path = in_root(names[i]);

		assert_int_equal(rmdir(path), 0);
		assert_int_equal(symlink("/tmp", path), 0);
		expect_refused(names[i]);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	store_close(open_store());
}

static void
links_in_place_of_files_are_refused(void **state)
{
	static const char *const names[] = { "store.json", "lock" };

	(void)state;
	store_close(open_store());
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *path = in_root(names[i]);
		autofree char *target = xasprintf("%s/target", base);

		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink(target, path), 0);
		expect_refused(names[i]);
		assert_int_equal(access(target, F_OK), -1);
		assert_int_equal(unlink(path), 0);
		store_close(open_store());
	}
}

static void
a_folder_with_other_things_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(root, 0700), 0);
	write_file("notes.txt", "mine");
	expect_refused("is not empty and is no store");
}

static void
an_oci_layout_is_not_taken_for_a_store(void **state)
{
	(void)state;
	assert_int_equal(mkdir(root, 0700), 0);
	write_file("oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}");
	write_file("index.json", "{}");
	expect_refused("is an OCI layout, but no store");
}

static void
a_later_version_is_refused(void **state)
{
	(void)state;
	store_close(open_store());
	write_file("store.json", "{\"version\": 2}");
	expect_refused("has version 2");
}

static void
a_store_cut_short_in_the_making_is_made_whole(void **state)
{
	autofree char *version = in_root("store.json");
	autofree char *index = in_root("index.json");

	(void)state;
	store_close(open_store());
	assert_int_equal(unlink(version), 0);
	assert_int_equal(unlink(index), 0);
	store_close(open_store());
	assert_true(exists("store.json"));
	assert_true(exists("index.json"));
}

static void
opening_only_to_read_makes_nothing(void **state)
{
	struct error e = ERROR_INIT;
	struct digest digest;
	struct store *store = store_open(root, STORE_READ_ONLY, &e);

	(void)state;
	assert_null(store);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_int_equal(access(root, F_OK), -1);
	store_close(open_store());
	store = store_open(root, STORE_READ_ONLY, &e);
	assert_non_null(store);
	assert_int_equal(store_blob_put(store, "x", 1, &digest, &e), -1);
	store_close(store);
}

static void
pretend_reboot(void)
{
	write_file("state", "another boot\n");
}

static void
after_a_reboot_what_was_not_synced_is_checked(void **state)
{
	struct store *store = open_store();
	struct error e = ERROR_INIT;
	struct digest synced = put_blob(store, "synced");
	struct digest good;
	struct digest torn;
	struct digest key = { { 3 } };
	struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
	struct timespec pause = { .tv_nsec = 20000000 };
	char old_id[SNAPSHOT_ID_MAX + 1] = "";
	char new_id[SNAPSHOT_ID_MAX + 1] = "";
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *step = xasprintf("steps/%s.json", digest_hex(&key, hex));
	autofree char *name = NULL;

	(void)state;
	assert_ok(snapshot_writer_open(&w, store, &e), &e);
	assert_ok(snapshot_writer_commit(&w, old_id, NULL, &e), &e);
	nanosleep(&pause, NULL);
	set_name(store, "docker.io/library/x:1", &synced, 6);
	good = put_blob(store, "good");
	torn = put_blob(store, "torn");
	name = xasprintf("blobs/sha256/%s", digest_hex(&torn, hex));
	write_file(name, "");
	write_file(step, "");
	assert_ok(snapshot_writer_open(&w, store, &e), &e);
	assert_ok(snapshot_writer_commit(&w, new_id, NULL, &e), &e);
	store_close(store);
	pretend_reboot();
	store = open_store();
	assert_true(store_blob_has(store, &synced));
	assert_true(store_blob_has(store, &good));
	assert_false(store_blob_has(store, &torn));
	assert_true(store_snapshot_has(store, old_id));
	assert_false(store_snapshot_has(store, new_id));
	assert_false(exists(step));
	store_close(store);
	assert_int_equal(count_entries("tmp"), 0);
}

#define N_WRITERS 8
#define N_NAMES 10

static void
many_processes_set_names_and_none_is_lost(void **state)
{
	pid_t pids[N_WRITERS];
	struct error e = ERROR_INIT;
	auto(store_names) struct store_names names = { 0 };
	struct store *store;

	(void)state;
	for (int i = 0; i < N_WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			store = open_store(); /* makes it, all at once */
			for (int j = 0; j < N_NAMES; j++) {
				struct digest digest = put_blob(store, "same");
				char name[64];

				snprintf(name, sizeof(name), "docker.io/library/n%d-%d:1", i, j);
				set_name(store, name, &digest, 4);
				set_name(store, "docker.io/library/shared:1", &digest, 4);
			}
			store_close(store);
			_exit(0);
		}
	}
	for (int i = 0; i < N_WRITERS; i++) {
		int status = 0;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	store = open_store();
	assert_ok(store_names_list(store, &names, &e), &e);
	assert_int_equal(names.count, N_WRITERS * N_NAMES + 1);
	store_close(store);
	assert_int_equal(count_entries("tmp"), 0);
}

static void
change_for_ever(void)
{
	struct store *store = open_store();
	struct error e = ERROR_INIT;

	for (unsigned i = 0;; i++) {
		char text[32];
		char id[SNAPSHOT_ID_MAX + 1] = "";
		struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
		struct digest digest;
		autojson struct json *record = json_new_object();

		snprintf(text, sizeof(text), "%d %u", (int)getpid(), i);
		digest = put_blob(store, text);
		if (snapshot_writer_open(&w, store, &e) < 0 ||
		    snapshot_writer_commit(&w, id, NULL, &e) < 0)
			_exit(1);
		json_append(json_set(record, "snapshots", json_new_array()), json_new_text(id));
		if (store_step_put(store, &digest, record, &e) < 0)
			_exit(1);
		set_name(store, "docker.io/library/app:latest", &digest, strlen(text));
	}
}

static void
a_process_killed_at_any_moment_leaves_a_good_store(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct timespec pause = { .tv_nsec = 1000000L * (i % 20) + 137000L * (i % 7) };
		struct error e = ERROR_INIT;
		auto(store_name) struct store_name n = { 0 };
		struct store *store;
		int status = 0;
		int found;
		pid_t pid = fork();

		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			change_for_ever();
		}
		nanosleep(&pause, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		store = open_store();
		found = store_name_get(store, "docker.io/library/app:latest", &n, &e);
		assert_ok(found, &e);
		if (found)
			assert_true(store_blob_has(store, &n.digest));
		store_close(store);
		assert_int_equal(count_entries("tmp"), 0);
	}
}

static void
opening_and_reading_thirty_records_is_quick(void **state)
{
	struct store *store = open_store();
	struct error e = ERROR_INIT;
	autojson struct json *record = json_new_object();
	struct timespec start;
	struct timespec end;
	double best = 1e9;

	(void)state;
	json_set_text(
	    record, "instruction", "RUN apt-get update && apt-get install -y build-essential");
	json_set_text(record, "cwd", "/usr/src/app");
	for (uint8_t i = 0; i < 30; i++)
		assert_ok(store_step_put(store, &(struct digest){ { i } }, record, &e), &e);
	store_close(store);
	for (int round = 0; round < 20; round++) {
		double spent;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		store = open_store();
		for (uint8_t i = 0; i < 30; i++) {
			autojson struct json *read = NULL;

			assert_int_equal(
			    store_step_get(store, &(struct digest){ { i } }, &read, &e), 1);
		}
		store_close(store);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		spent = (double)(end.tv_sec - start.tv_sec) * 1e3 +
		        (double)(end.tv_nsec - start.tv_nsec) / 1e6;
		best = spent < best ? spent : best;
	}
	print_message("# open and 30 records: %.3f ms\n", best);
	assert_true(
	    best < 50.0); /* 1 ms is the goal; a loaded machine or a sanitizer takes longer */
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

static const struct CMUnitTest tests[] = {
	STORE_TEST(a_new_store_is_an_oci_layout_closed_to_others),
	STORE_TEST(a_blob_is_found_by_its_digest),
	STORE_TEST(a_missing_blob_is_not_found),
	STORE_TEST(a_blob_that_is_a_link_is_refused),
	STORE_TEST(a_blob_of_the_wrong_length_is_not_committed),
	STORE_TEST(a_damaged_blob_is_noticed_when_read),
	STORE_TEST(names_are_set_moved_and_removed),
	STORE_TEST(an_image_without_a_name_gives_way_to_its_name),
	STORE_TEST(a_snapshot_appears_whole_and_keeps_its_record),
	STORE_TEST(the_first_snapshot_of_a_name_stays),
	STORE_TEST(names_of_snapshots_cannot_leave_the_store),
	STORE_TEST(a_step_record_counts_only_with_all_it_names),
	STORE_TEST(a_damaged_record_is_one_that_is_not_there),
	STORE_TEST(a_damaged_listing_is_one_that_is_not_there),
	STORE_TEST(closing_leaves_nothing_in_tmp),
	STORE_TEST(what_the_dead_left_goes_what_the_living_have_stays),
	STORE_TEST(a_child_keeps_the_directory_of_a_dead_parent),
	STORE_TEST(a_store_open_to_others_is_refused),
	STORE_TEST(a_store_of_another_user_is_refused),
	STORE_TEST(a_link_of_another_user_is_refused_ones_own_followed),
	STORE_TEST(links_in_place_of_folders_are_refused),
	STORE_TEST(links_in_place_of_files_are_refused),
	STORE_TEST(a_folder_with_other_things_is_refused),
	STORE_TEST(an_oci_layout_is_not_taken_for_a_store),
	STORE_TEST(a_later_version_is_refused),
	STORE_TEST(a_store_cut_short_in_the_making_is_made_whole),
	STORE_TEST(opening_only_to_read_makes_nothing),
	STORE_TEST(after_a_reboot_what_was_not_synced_is_checked),
	STORE_TEST(many_processes_set_names_and_none_is_lost),
	STORE_TEST(a_process_killed_at_any_moment_leaves_a_good_store),
	STORE_TEST(opening_and_reading_thirty_records_is_quick),
};

UNIT_MAIN(tests);
