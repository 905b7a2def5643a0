/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_step - COPY and WORKDIR as a stage worker asks for them: a layer in the store, files, or both.
 */
#include "tests/unit/unit.h"

#include "builder/step/listings.h"
#include "builder/step/step.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[] = "/tmp/test_step.XXXXXX";

struct fixture {
	int top;
	int source;
	int root;
	struct store *store;
	struct tree *tree;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct error e = ERROR_INIT;
	autofree char *store = NULL;
	autofd int fd = -1;

	memcpy(scratch + sizeof(scratch) - 7, "XXXXXX", 6);
	if (!mkdtemp(scratch))
		return -1;
	f->top = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(f->top, "source", 0755) < 0 || mkdirat(f->top, "root", 0755) < 0)
		return -1;
	f->source = openat(f->top, "source", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->root = openat(f->top, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(f->source, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (write(fd, "A", 1) != 1)
		return -1;
	store = xasprintf("%s/store", scratch);
	f->store = store_open(store, 0, &e);
	f->tree = tree_new();
	*state = f;
	return f->store ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	autofd int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	store_close(f->store);
	tree_free(f->tree);
	close(f->source);
	close(f->root);
	close(f->top);
	free(f);
	return path_remove_tree(tmp, path_base(scratch), &e);
}

static struct copy_plan *
plan_of(const struct fixture *f, unsigned flags)
{
	static char name[] = "a";
	char *words[] = { name };
	struct error e = ERROR_INIT;
	struct copy_request request = {
		.from = { .root = f->source, .name = "the build context" },
		.sources = words,
		.n_sources = 1,
		.dest = "/d/",
		.flags = flags,
	};
	struct copy_plan *plan = copy_plan_make(&request, &e);

	if (!plan)
		fail_msg("%s", e.text);
	return plan;
}

static void
copy_makes_a_layer_and_its_listing(void **state)
{
	struct fixture *f = *state;
	struct layer_options options = { .compression = COMPRESSION_GZIP };
	struct step_context context = {
		.store = f->store, .parent = f->tree, .root = -1, .layer = &options
	};
	autoplan struct copy_plan *plan = plan_of(f, 0);
	auto(buf) struct buf bytes = { 0 };
	autolisting struct listing *listing = NULL;
	struct step_result result;
	struct error e = ERROR_INIT;
	struct stat st;

	assert_ok(step_copy(&context, plan, 0, 0, &result, &e), &e);
	assert_true(result.has_layer);
	assert_false(result.is_empty);
	assert_true(store_blob_has(f->store, &result.layer.digest));
	assert_int_equal(store_listing_get(f->store, &result.layer.diff_id, &bytes, &e), 1);
	listing = listing_load(bytes.data, bytes.len, &e);
	assert_non_null(listing);
	assert_int_equal(listing_count(listing), 3); /* the root, d, d/a */
	assert_true(listing_find(listing, "d/a") != SIZE_MAX);
	assert_int_equal(fstatat(f->root, "d", &st, 0), -1);
	step_result_release(&result);
}

static void
a_listing_of_another_version_is_made_again(void **state)
{
	static const char other[] = "a listing of another version";
	struct fixture *f = *state;
	struct layer_options options = { .compression = COMPRESSION_GZIP };
	struct step_context context = {
		.store = f->store, .parent = f->tree, .root = -1, .layer = &options
	};
	autoplan struct copy_plan *plan = plan_of(f, 0);
	autolisting struct listing *listing = NULL, *again = NULL;
	auto(buf) struct buf kept = { 0 };
	const char *build = getenv("CROZE_BUILD"); /* croze-unpack is there */
	struct step_result result;
	struct error e = ERROR_INIT;

	if (build)
		setenv("CROZE_LIBEXEC", build, 0);
	assert_ok(step_copy(&context, plan, 0, 0, &result, &e), &e);
	assert_ok(store_listing_put(f->store, &result.layer.diff_id, other, sizeof(other), &e), &e);
	listing = listings_get(f->store, &result.layer.digest, &result.layer.diff_id, &e);
	assert_ok(listing ? 0 : -1, &e);
	assert_true(listing_find(listing, "d/a") != SIZE_MAX);
	assert_int_equal(store_listing_get(f->store, &result.layer.diff_id, &kept, &e), 1);
	again = listing_take(&kept, &e);
	assert_non_null(again);
	step_result_release(&result);
}

static void
copy_makes_files_alone(void **state)
{
	struct fixture *f = *state;
	struct step_context context = { .store = f->store, .parent = f->tree, .root = f->root };
	autoplan struct copy_plan *plan = plan_of(f, 0);
	struct step_result result;
	struct error e = ERROR_INIT;
	struct stat st;

	if (geteuid() != 0)
		skip_because("what is copied belongs to root");
	assert_ok(step_copy(&context, plan, 0, 0, &result, &e), &e);
	assert_false(result.has_layer);
	assert_int_equal(fstatat(f->root, "d/a", &st, 0), 0);
	assert_int_equal(st.st_size, 1);
	step_result_release(&result);
}

static void
layer_is_the_same_with_and_without_files(void **state)
{
	struct fixture *f = *state;
	struct layer_options options = { .compression = COMPRESSION_NONE };
	struct step_context alone = {
		.store = f->store, .parent = f->tree, .root = -1, .layer = &options
	};
	struct step_context both = alone;
	autoplan struct copy_plan *plan = plan_of(f, 0);
	struct step_result a, b;
	struct error e = ERROR_INIT;

	if (geteuid() != 0)
		skip_because("what is copied belongs to root");
	both.root = f->root;
	assert_ok(step_copy(&alone, plan, 0, 0, &a, &e), &e);
	assert_ok(step_copy(&both, plan, 0, 0, &b, &e), &e);
	assert_true(digest_equal(&a.layer.diff_id, &b.layer.diff_id));
}

static void
t19_workdir_is_made_and_belongs_to_the_user(void **state)
{
	struct fixture *f = *state;
	struct layer_options options = { .compression = COMPRESSION_NONE };
	struct step_context context = {
		.store = f->store, .parent = f->tree, .root = -1, .layer = &options
	};
	auto(buf) struct buf bytes = { 0 };
	autolisting struct listing *listing = NULL;
	struct step_result result;
	struct listing_item item;
	struct error e = ERROR_INIT;

	assert_ok(step_workdir(&context, "/w/~", 7, 8, &result, &e), &e);
	assert_false(result.is_empty);
	assert_int_equal(store_listing_get(f->store, &result.layer.diff_id, &bytes, &e), 1);
	listing = listing_load(bytes.data, bytes.len, &e);
	for (size_t i = 1; i < listing_count(listing); i++) {
		listing_at(listing, i, &item);
		assert_int_equal(item.mode, S_IFDIR | 0755);
		assert_int_equal(item.uid, 7);
		assert_int_equal(item.gid, 8);
	}
	assert_int_equal(listing_count(listing), 3);
	tree_add_listing(f->tree, listing);
	assert_ok(step_workdir(&context, "/w/~", 0, 0, &result, &e), &e);
	assert_true(result.is_empty);
	assert_true(result.has_layer);
	assert_ok(step_workdir(&context, "/", 0, 0, &result, &e), &e);
	assert_true(result.is_empty);
}

static void
workdir_over_a_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct step_context context = { .store = f->store, .parent = f->tree, .root = -1 };
	struct step_result result;
	struct error e = ERROR_INIT;

	tree_add_root(f->tree, f->source);
	assert_int_equal(step_workdir(&context, "/a", 0, 0, &result, &e), -1);
	assert_string_equal(e.text, "destination '/a' is not a directory");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	TEST(copy_makes_a_layer_and_its_listing),
	TEST(a_listing_of_another_version_is_made_again),
	TEST(copy_makes_files_alone),
	TEST(layer_is_the_same_with_and_without_files),
	TEST(t19_workdir_is_made_and_belongs_to_the_user),
	TEST(workdir_over_a_file_is_refused),
};

UNIT_MAIN(tests);
