/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_prune - what pruning keeps and removes, and which damage a check finds and mends.
 */
#include "builder/store/prune.h"
#include "tests/unit/image_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static struct store *
open_alone(void)
{
	struct error e = ERROR_INIT;
	autofree char *path = in_base("store");
	struct store *store = store_open(path, STORE_EXCLUSIVE, &e);

	if (!store)
		fail_msg("%s", e.text);
	return store;
}

static void
put_named(struct store *store, const struct made_image *m, char *name)
{
	struct error e = ERROR_INIT;
	struct digest digest;
	auto(store_names) struct store_names names = { 0 };

	assert_ok(store_blob_put(store, m->layer.data, m->layer.len, &digest, &e), &e);
	assert_ok(store_blob_put(store, m->config.data, m->config.len, &digest, &e), &e);
	assert_ok(store_blob_put(store, m->manifest.data, m->manifest.len, &digest, &e), &e);
	store_names_add(&names,
	    &(struct store_name){ .name = name, .digest = digest, .size = m->manifest.len });
	assert_ok(store_names_set(store, &names, NULL, &e), &e);
}

static void
put_snapshot(struct store *store, const char *id)
{
	struct error e = ERROR_INIT;
	struct snapshot_writer w = SNAPSHOT_WRITER_INIT;
	char name[SNAPSHOT_ID_MAX + 1];

	snprintf(name, sizeof(name), "%s", id);
	assert_ok(snapshot_writer_open(&w, store, &e), &e);
	assert_int_equal(mkdirat(w.fs, "dir", 0755), 0);
	assert_ok(snapshot_writer_commit(&w, name, NULL, &e), &e);
}

/* A step record with a snapshot of its own, last used @age seconds ago. */
static struct digest
put_step(struct store *store, uint8_t number, const char *snapshot, time_t age)
{
	struct error e = ERROR_INIT;
	autojson struct json *record = json_new_object();
	struct digest key = { { number } };
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *name = xasprintf("store/steps/%s.json", digest_hex(&key, hex));
	autofree char *path = in_base(name);
	struct timespec times[2] = { { .tv_sec = time(NULL) - age },
		{ .tv_sec = time(NULL) - age } };

	put_snapshot(store, snapshot);
	json_append(json_set(record, "snapshots", json_new_array()), json_new_text(snapshot));
	assert_ok(store_step_put(store, &key, record, &e), &e);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	return key;
}

static const struct prune_options keep_all = { .keep_bytes = UINT64_MAX,
	.keep_seconds = UINT64_MAX };

static void
what_names_and_records_lead_to_stays(void **state)
{
	autostore struct store *store = open_alone();
	auto(made_image) struct made_image named;
	auto(made_image) struct made_image lost;
	struct prune_result result;
	struct error e = ERROR_INIT;
	struct digest digest;
	char chain[DIGEST_HEX_LEN + 1];
	char name[] = "docker.io/library/app:1";

	(void)state;
	make_image(&named, "named", NULL);
	make_image(&lost, "lost", NULL);
	put_named(store, &named, name);
	assert_ok(store_blob_put(store, lost.layer.data, lost.layer.len, &digest, &e), &e);
	put_snapshot(store, "orphan");
	put_snapshot(store, digest_hex(&named.layer_descriptor.digest, chain));
	assert_ok(store_listing_put(store, &named.layer_descriptor.digest, "x", 1, &e), &e);
	assert_ok(store_listing_put(store, &digest, "x", 1, &e), &e);
	(void)put_step(store, 1, "step", 10);
	assert_ok(store_prune(store, &keep_all, &result, &e), &e);
	assert_int_equal(result.blobs, 1);
	assert_int_equal(result.snapshots, 1);
	assert_int_equal(result.listings, 1);
	assert_int_equal(result.steps, 0);
	assert_true(result.bytes > 0);
	assert_true(store_blob_has(store, &named.layer_descriptor.digest));
	assert_true(store_blob_has(store, &named.config_descriptor.digest));
	assert_true(store_snapshot_has(store, chain));
	assert_true(store_snapshot_has(store, "step"));
	assert_false(store_snapshot_has(store, "orphan"));
	assert_ok(store_prune(store, &keep_all, &result, &e), &e);
	assert_int_equal(result.bytes, 0);
}

static void
the_cache_goes_when_asked_for_images_stay(void **state)
{
	const struct prune_options options = {
		.flags = PRUNE_CACHE,
		.keep_bytes = UINT64_MAX,
		.keep_seconds = UINT64_MAX,
	};
	autostore struct store *store = open_alone();
	auto(made_image) struct made_image named;
	struct prune_result result;
	struct error e = ERROR_INIT;
	char name[] = "docker.io/library/app:1";

	(void)state;
	make_image(&named, "named", NULL);
	put_named(store, &named, name);
	(void)put_step(store, 1, "step", 10);
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_int_equal(result.steps, 1);
	assert_int_equal(result.snapshots, 1);
	assert_true(store_blob_has(store, &named.layer_descriptor.digest));
}

static void
old_records_go_by_age(void **state)
{
	const struct prune_options options = { .keep_bytes = UINT64_MAX, .keep_seconds = 3600 };
	autostore struct store *store = open_alone();
	autojson struct json *record = NULL;
	struct prune_result result;
	struct error e = ERROR_INIT;
	struct digest old;
	struct digest young;

	(void)state;
	old = put_step(store, 1, "old", 7200);
	young = put_step(store, 2, "young", 60);
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_int_equal(result.steps, 1);
	assert_int_equal(store_step_get(store, &old, &record, &e), 0);
	assert_int_equal(store_step_get(store, &young, &record, &e), 1);
}

static void
the_least_recently_used_go_first_for_size(void **state)
{
	struct prune_options options = { .keep_seconds = UINT64_MAX };
	autostore struct store *store = open_alone();
	struct prune_result result;
	struct store_usage usage;
	struct error e = ERROR_INIT;

	(void)state;
	(void)put_step(store, 1, "a", 300);
	(void)put_step(store, 2, "b", 100);
	(void)put_step(store, 3, "c", 200);
	assert_ok(store_usage(store, &usage, &e), &e);
	assert_int_equal(usage.steps, 3);
	options.keep_bytes = usage.snapshot_bytes / 3;
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_int_equal(result.steps, 2);
	assert_true(store_snapshot_has(store, "b"));
	assert_false(store_snapshot_has(store, "a"));
}

static void
a_record_in_use_becomes_the_latest(void **state)
{
	struct prune_options options = { .keep_seconds = 3600, .keep_bytes = UINT64_MAX };
	autostore struct store *store = open_alone();
	autojson struct json *record = NULL;
	struct prune_result result;
	struct error e = ERROR_INIT;
	struct digest key;

	(void)state;
	key = put_step(store, 1, "a", 100000);
	assert_int_equal(store_step_get(store, &key, &record, &e), 1);
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_int_equal(result.steps, 0);
}

static void
a_dry_run_removes_nothing(void **state)
{
	struct prune_options options = keep_all;
	autostore struct store *store = open_alone();
	struct prune_result result;
	struct error e = ERROR_INIT;

	(void)state;
	options.flags = PRUNE_CACHE | PRUNE_DRY_RUN | PRUNE_UNNAMED;
	(void)put_step(store, 1, "a", 100);
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_int_equal(result.snapshots, 1);
	assert_true(store_snapshot_has(store, "a"));
}

static void
images_without_a_name_go_when_asked_for(void **state)
{
	struct prune_options options = keep_all;
	autostore struct store *store = open_alone();
	auto(made_image) struct made_image m;
	auto(store_names) struct store_names names = { 0 };
	struct prune_result result;
	struct error e = ERROR_INIT;

	(void)state;
	make_image(&m, "m", NULL);
	put_named(store, &m, NULL);
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_true(store_blob_has(store, &m.target.digest));
	options.flags = PRUNE_UNNAMED;
	assert_ok(store_prune(store, &options, &result, &e), &e);
	assert_int_equal(result.images, 1);
	assert_int_equal(result.blobs, 3);
	assert_ok(store_names_list(store, &names, &e), &e);
	assert_int_equal(names.count, 0);
}

static void
only_one_process_prunes(void **state)
{
	autostore struct store *store = open_store("store");
	struct prune_result result;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(store_prune(store, &keep_all, &result, &e), -1);
}

/* ---- builds and prunes at once ---- */

#define N_PROCESSES 6
#define N_ROUNDS 12

static int
build_rounds(int number)
{
	autofree char *path = in_base("store");
	struct error e = ERROR_INIT;

	for (int i = 0; i < N_ROUNDS; i++) {
		struct store *store = store_open(path, number == 0 ? STORE_EXCLUSIVE : 0, &e);
		struct prune_result result;

		if (!store)
			return 1;
		if (number == 0) {
			if (store_prune(store, &keep_all, &result, &e) < 0)
				return 2;
		} else {
			auto(made_image) struct made_image m;
			autofree char *content = xasprintf("%d %d", number, i);
			char name[64];
			auto(store_name) struct store_name n = { 0 };

			snprintf(name, sizeof(name), "docker.io/library/n%d:1", number);
			make_image(&m, content, NULL);
			put_named(store, &m, name);
			if (store_name_get(store, name, &n, &e) != 1 ||
			    !store_blob_has(store, &n.digest) ||
			    !store_blob_has(store, &m.layer_descriptor.digest))
				return 3;
		}
		store_close(store);
	}
	return 0;
}

static void
builds_and_prunes_at_once_lose_nothing(void **state)
{
	pid_t pids[N_PROCESSES];
	auto(strv) struct strv findings = { 0 };
	struct error e = ERROR_INIT;
	struct store *store;

	(void)state;
	for (int i = 0; i < N_PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(build_rounds(i));
	}
	for (int i = 0; i < N_PROCESSES; i++) {
		int status = 0;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	store = open_alone();
	assert_int_equal(store_check(store, false, &findings, &e), 0);
	store_close(store);
}

/* ---- check ---- */

struct damage {
	const char *
	    path; /* below the store; %1 layer, %2 config, %3 manifest, %4 step, %5 listing stand for digests */
	enum { FLIP, CUT, EMPTY, REMOVE, LINK, REPLACE, WIDE, ADD, ADD_DIR } how;
	const char *text; /* REPLACE, ADD */
	const char *says;
};

static const struct damage damages[] = {
	{ "blobs/sha256/%1", FLIP, NULL, "another digest" },
	{ "blobs/sha256/%1", CUT, NULL, "another digest" },
	{ "blobs/sha256/%1", EMPTY, NULL, "another digest" },
	{ "blobs/sha256/%1", REMOVE, NULL, "is not there" },
	{ "blobs/sha256/%1", LINK, NULL, "no regular file" },
	{ "blobs/sha256/%1", WIDE, NULL, "written to by others" },
	{ "blobs/sha256/%2", FLIP, NULL, "another digest" },
	{ "blobs/sha256/%2", REMOVE, NULL, "is not there" },
	{ "blobs/sha256/%3", FLIP, NULL, "another digest" },
	{ "blobs/sha256/%3", REMOVE, NULL, "is not there" },
	{ "blobs/sha256/%3", REPLACE, "{}", "another digest" },
	{ "blobs/sha256/strange", ADD, "x", "no digest" },
	{ "blobs/sha256/folder", ADD_DIR, NULL, "no regular file" },
	{ "steps/%4.json", EMPTY, NULL, "is damaged" },
	{ "steps/%4.json", CUT, NULL, "is damaged" },
	{ "steps/%4.json", REPLACE, "[]", "is damaged" },
	{ "steps/%4.json", REPLACE, "{\"snapshots\":[\"none\"]}", "not there" },
	{ "steps/%4.json", REPLACE, "{\"snapshots\":[\"../x\"]}", "not there" },
	{ "steps/%4.json", REPLACE, "{\"blobs\":[\"sha256:x\"]}", "not there" },
	{ "steps/%4.json", LINK, NULL, "no regular file" },
	{ "steps/strange.json", ADD, "{}", "no step's" },
	{ "snapshots/snap/meta", REMOVE, NULL, "record is damaged" },
	{ "snapshots/snap/meta", EMPTY, NULL, "record is damaged" },
	{ "snapshots/snap/meta", LINK, NULL, "record is damaged" },
	{ "snapshots/Strange", ADD_DIR, NULL, "no snapshot's" },
	{ "snapshots/halfway", ADD_DIR, NULL, "no directory 'fs'" },
	{ "snapshots/file", ADD, "x", "no directory" },
	{ "listings/%5", FLIP, NULL, "is damaged" },
	{ "listings/%5", CUT, NULL, "is damaged" },
	{ "listings/strange", ADD, "x", "no digest" },
	{ "index.json", CUT, NULL, "is damaged" },
	{ "index.json", EMPTY, NULL, "is damaged" },
	{ "index.json", REMOVE, NULL, "is damaged" },
	{ "index.json", REPLACE, "{\"manifests\":[{}]}", "an entry is damaged" },
	{ "index.json", REPLACE, "{\"manifests\":{}}", "is damaged" },
	{ "oci-layout", EMPTY, NULL, "is damaged" },
	{ "oci-layout", REMOVE, NULL, "is damaged" },
	{ "tmp/half", ADD_DIR, NULL, "left by processes" },
};

static char *
expand(const char *path, const struct made_image *m)
{
	struct digest step = { { 9 } };
	const struct digest *digests[] = { &m->layer_descriptor.digest,
		&m->config_descriptor.digest, &m->target.digest, &step,
		&m->layer_descriptor.digest };
	const char *at = strchr(path, '%');
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *expanded = NULL;
	autofree char *name = NULL;

	if (at)
		expanded = xasprintf("%.*s%s%s", (int)(at - path), path,
		    digest_hex(digests[at[1] - '1'], hex), at + 2);
	name = xasprintf("store/%s", at ? expanded : path);
	return in_base(name);
}

static void
flip(const char *path)
{
	autofd int fd = open(path, O_RDWR | O_CLOEXEC);
	char c = 0;

	assert_int_equal(pread(fd, &c, 1, 1), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, 1), 1);
}

static void
rewrite(const char *path, const char *text)
{
	struct error e = ERROR_INIT;
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_ok(fd_write_all(fd, text, strlen(text), &e), &e);
}

static void
inflict(const struct damage *d, const char *path)
{
	struct stat st = { 0 };

	switch (d->how) {
	case FLIP:
		flip(path);
		break;
	case CUT:
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(truncate(path, st.st_size / 2), 0);
		break;
	case EMPTY:
		assert_int_equal(truncate(path, 0), 0);
		break;
	case LINK:
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink("/etc/passwd", path), 0);
		break;
	case REMOVE:
		assert_int_equal(unlink(path), 0);
		break;
	case REPLACE:
	case ADD:
		rewrite(path, d->text);
		break;
	case WIDE:
		assert_int_equal(chmod(path, 0666), 0);
		break;
	case ADD_DIR:
		assert_int_equal(mkdir(path, 0700), 0);
		break;
	}
}

static void
fill(struct made_image *m)
{
	autostore struct store *store = open_store("store");
	struct error e = ERROR_INIT;
	char name[] = "docker.io/library/app:1";

	make_image(m, "layer", NULL);
	put_named(store, m, name);
	(void)put_step(store, 9, "snap", 0);
	assert_ok(store_listing_put(store, &m->layer_descriptor.digest, "listing", 7, &e), &e);
}

static void
a_check_finds_damage_and_a_repair_ends_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		auto(made_image) struct made_image m;
		auto(strv) struct strv found = { 0 };
		auto(strv) struct strv mended = { 0 };
		auto(strv) struct strv left = { 0 };
		autofree char *path = NULL;
		autofree char *text = NULL;
		autofd int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct error e = ERROR_INIT;
		struct store *store;

		fill(&m);
		store = open_alone();
		assert_int_equal(store_check(store, false, &found, &e), 0);
		path = expand(damages[i].path, &m);
		inflict(&damages[i], path);
		assert_true(store_check(store, false, &found, &e) > 0);
		text = strv_join(&found, "\n");
		if (!strstr(text, damages[i].says))
			fail_msg("damage %zu: '%s' does not say '%s'", i, text, damages[i].says);
		assert_ok(store_check(store, true, &mended, &e), &e);
		if (store_check(store, false, &left, &e) != 0)
			fail_msg("damage %zu is still there: %s", i,
			    left.count ? left.items[0] : e.text);
		store_close(store);
		store_close(open_store("store"));
		assert_ok(path_remove_tree(dir, "store", &e), &e);
	}
}

#define PRUNE_TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

static const struct CMUnitTest tests[] = {
	PRUNE_TEST(what_names_and_records_lead_to_stays),
	PRUNE_TEST(the_cache_goes_when_asked_for_images_stay),
	PRUNE_TEST(old_records_go_by_age),
	PRUNE_TEST(the_least_recently_used_go_first_for_size),
	PRUNE_TEST(a_record_in_use_becomes_the_latest),
	PRUNE_TEST(a_dry_run_removes_nothing),
	PRUNE_TEST(images_without_a_name_go_when_asked_for),
	PRUNE_TEST(only_one_process_prunes),
	PRUNE_TEST(builds_and_prunes_at_once_lose_nothing),
	PRUNE_TEST(a_check_finds_damage_and_a_repair_ends_it),
};

UNIT_MAIN(tests);
