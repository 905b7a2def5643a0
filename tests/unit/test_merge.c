/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_merge - trees made by copying layers, and what is told of their changes.
 */
#include "tests/unit/unit.h"

#include "builder/layer/collect.h"
#include "builder/layer/merge.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* More levels than descriptors. */
#define DEPTH 200
#define DESCRIPTORS 60

static char scratch[] = "/tmp/test_merge.XXXXXX";

struct fixture {
	int top;
	int lower;
	int tree;
	int upper;
};

static int
make_dir(int top, const char *name)
{
	assert_int_equal(mkdirat(top, name, 0755), 0);
	return openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	memcpy(scratch + sizeof(scratch) - 7, "XXXXXX", 6);
	if (!mkdtemp(scratch))
		return -1;
	f->top = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->lower = make_dir(f->top, "lower");
	f->tree = make_dir(f->top, "tree");
	f->upper = make_dir(f->top, "upper");
	*state = f;
	return f->upper < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	autofd int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	close(f->lower);
	close(f->tree);
	close(f->upper);
	close(f->top);
	free(f);
	if (path_remove_tree(tmp, path_base(scratch), &e) == 0)
		return 0;
	print_error("%s\n", e.text);
	return -1;
}

static void
put(int dir, const char *path, const char *text)
{
	autofd int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static bool
has(int dir, const char *path, const char *text)
{
	autofd int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char got[16] = "";

	return fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0 && strcmp(got, text) == 0;
}

static bool
is_whiteout(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

/* "d/d/…/" of @depth folders, which are made below @dir. */
static char *
make_deep(int dir, unsigned depth)
{
	char *path = xcalloc(depth + 1, 2);

	for (unsigned n = 0; n < depth; n++) {
		memcpy(path + (size_t)2 * n, "d", 2);
		assert_true(mkdirat(dir, path, 0755) == 0 || errno == EEXIST);
		memcpy(path + (size_t)2 * n, "d/", 3);
	}
	return path;
}

static char *
in(const char *folder, const char *name)
{
	return xasprintf("%s%s", folder, name);
}

static void
a_change_of_a_deep_tree_is_collected_with_few_descriptors(void **state)
{
	struct fixture *f = *state;
	autofree char *deep = make_deep(f->lower, DEPTH);
	autofree char *kept = in(deep, "kept"), *changed = in(deep, "changed");
	autofree char *removed = in(deep, "removed"), *added = in(deep, "added");
	struct rlimit before, few;
	struct collect_state *memory;
	struct error e = ERROR_INIT;

	put(f->lower, kept, "1");
	put(f->lower, changed, "1");
	put(f->lower, removed, "1");
	put(f->lower, "d/d/gone", "1");
	put(f->lower, "d/same", "1");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = DESCRIPTORS;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);

	assert_ok(merge_layers(&f->lower, 1, f->tree, NULL, &e), &e);
	assert_true(has(f->tree, kept, "1"));
	memory = collect_remember(f->tree, NULL, &e);
	assert_ok(memory ? 0 : -1, &e);
	put(f->tree, changed, "2");
	put(f->tree, added, "3");
	assert_int_equal(unlinkat(f->tree, removed, 0), 0);
	assert_int_equal(unlinkat(f->tree, "d/d/gone", 0), 0);
	assert_ok(collect_changes(memory, f->tree, f->upper, &e), &e);
	collect_state_free(memory);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

	assert_true(has(f->upper, changed, "2"));
	assert_true(has(f->upper, added, "3"));
	assert_true(is_whiteout(f->upper, removed));
	assert_true(is_whiteout(f->upper, "d/d/gone"));
	assert_int_equal(faccessat(f->upper, kept, F_OK, 0), -1);
	assert_int_equal(faccessat(f->upper, "d/same", F_OK, 0), -1);
}

static void
a_folder_that_was_made_anew_is_opaque(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	struct collect_state *memory;
	char mark = 0;
	autofd int d = -1;

	assert_int_equal(mkdirat(f->lower, "d", 0755), 0);
	put(f->lower, "d/old", "1");
	assert_ok(merge_layers(&f->lower, 1, f->tree, NULL, &e), &e);
	memory = collect_remember(f->tree, NULL, &e);
	assert_ok(memory ? 0 : -1, &e);
	assert_int_equal(unlinkat(f->tree, "d/old", 0), 0);
	assert_int_equal(unlinkat(f->tree, "d", AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(f->tree, "d", 0755), 0);
	put(f->tree, "d/new", "2");
	assert_ok(collect_changes(memory, f->tree, f->upper, &e), &e);
	collect_state_free(memory);
	d = openat(f->upper, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(d >= 0);
	assert_int_equal(fgetxattr(d, "user.overlay.opaque", &mark, 1), 1);
	assert_int_equal(mark, 'y');
	assert_true(has(d, "new", "2"));
	assert_int_equal(faccessat(d, "old", F_OK, 0), -1);
}

static void
a_tree_deeper_than_a_path_can_be_is_refused(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	int dir = dup(f->lower);

	for (unsigned n = 0; n < 2100; n++) {
		int below;

		assert_int_equal(mkdirat(dir, "d", 0755), 0);
		below = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		close(dir);
		dir = below;
	}
	close(dir);
	assert_int_equal(merge_layers(&f->lower, 1, f->tree, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.text, "is longer than a path can be"));
}

static struct stat
stat_of(int dir, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static bool
same_file(int a, const char *path_a, int b, const char *path_b)
{
	return stat_of(a, path_a).st_ino == stat_of(b, path_b).st_ino;
}

static void
files_of_a_layer_are_shared_and_counted_by_its_names_alone(void **state)
{
	struct fixture *f = *state;
	auto(inodes) struct inodes shared = { 0 };
	struct error e = ERROR_INIT;
	struct stat st;

	put(f->lower, "a", "1");
	put(f->lower, "marked", "1");
	assert_int_equal(symlinkat("a", f->lower, "l"), 0);
	assert_int_equal(mkfifoat(f->lower, "p", 0600), 0);
	assert_int_equal(linkat(f->lower, "a", f->lower, "b", 0), 0);
	assert_int_equal(linkat(f->lower, "a", f->top, "elsewhere", 0), 0);
	{
		autofd int fd = openat(f->lower, "marked", O_RDONLY | O_CLOEXEC);

		assert_int_equal(fsetxattr(fd, "user.overlay.origin", "", 0, 0), 0);
	}
	assert_ok(merge_layers(&f->lower, 1, f->tree, &shared, &e), &e);
	assert_true(same_file(f->lower, "a", f->tree, "a"));
	assert_true(same_file(f->lower, "b", f->tree, "b"));
	assert_true(same_file(f->lower, "l", f->tree, "l"));
	assert_false(same_file(f->lower, "p", f->tree, "p"));
	assert_false(same_file(f->lower, "marked", f->tree, "marked"));
	st = stat_of(f->tree, "a");
	assert_int_equal(inodes_find(&shared, &st)->names, 2);
	st = stat_of(f->tree, "marked");
	assert_null(inodes_find(&shared, &st));
}

static void
a_shared_file_that_was_renamed_is_collected_as_a_copy(void **state)
{
	struct fixture *f = *state;
	auto(inodes) struct inodes shared = { 0 };
	struct collect_state *memory;
	struct error e = ERROR_INIT;
	struct stat before;

	assert_int_equal(mkdirat(f->lower, "d", 0755), 0);
	put(f->lower, "a", "1");
	put(f->lower, "d/a", "2");
	put(f->lower, "same", "3");
	assert_int_equal(linkat(f->lower, "d/a", f->lower, "d/b", 0), 0);
	assert_int_equal(symlinkat("a", f->lower, "d/l"), 0);
	before = stat_of(f->lower, "d");
	assert_ok(merge_layers(&f->lower, 1, f->tree, &shared, &e), &e);
	memory = collect_remember(f->tree, &shared, &e);
	assert_ok(memory ? 0 : -1, &e);
	assert_int_equal(linkat(f->lower, "same", f->top, "elsewhere", 0), 0); /* another tree */
	assert_int_equal(renameat(f->tree, "a", f->tree, "c"), 0);
	assert_int_equal(renameat(f->tree, "d", f->tree, "n"), 0);
	assert_ok(collect_changes(memory, f->tree, f->upper, &e), &e);
	collect_state_free(memory);
	assert_int_equal(faccessat(f->upper, "same", F_OK, 0), -1);
	assert_true(is_whiteout(f->upper, "a"));
	assert_true(is_whiteout(f->upper, "d"));
	assert_true(has(f->upper, "c", "1"));
	assert_true(has(f->upper, "n/a", "2"));
	assert_false(same_file(f->lower, "a", f->upper, "c"));
	assert_false(same_file(f->lower, "d/a", f->upper, "n/a"));
	assert_false(same_file(f->lower, "d/l", f->upper, "n/l"));
	assert_true(same_file(f->upper, "n/a", f->upper, "n/b"));
	assert_int_equal(
	    stat_of(f->upper, "n/a").st_mtim.tv_nsec, stat_of(f->lower, "d/a").st_mtim.tv_nsec);
	assert_int_equal(stat_of(f->upper, "n").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

/* What is below the folder has the times that it had. */
static void
a_folder_that_came_into_another_of_the_old_name_is_collected_whole(void **state)
{
	struct fixture *f = *state;
	struct collect_state *memory;
	struct error e = ERROR_INIT;

	assert_int_equal(mkdirat(f->lower, "d", 0755), 0);
	assert_int_equal(mkdirat(f->lower, "d/sub", 0755), 0);
	put(f->lower, "d/sub/f", "1");
	assert_ok(merge_layers(&f->lower, 1, f->tree, NULL, &e), &e);
	memory = collect_remember(f->tree, NULL, &e);
	assert_ok(memory ? 0 : -1, &e);
	assert_int_equal(renameat(f->tree, "d", f->tree, "old"), 0);
	assert_int_equal(mkdirat(f->tree, "d", 0755), 0);
	assert_int_equal(renameat(f->tree, "old/sub", f->tree, "d/sub"), 0);
	assert_ok(collect_changes(memory, f->tree, f->upper, &e), &e);
	collect_state_free(memory);
	assert_true(has(f->upper, "d/sub/f", "1"));
}

static void
the_table_of_shared_files_is_read_as_it_was_written(void **state)
{
	struct fixture *f = *state;
	auto(inodes) struct inodes one = { 0 };
	auto(inodes) struct inodes two = { 0 };
	auto(inodes) struct inodes three = { 0 };
	struct error e = ERROR_INIT;
	struct stat st = { .st_dev = 7 };
	autofd int fd = openat(f->top, "table", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	for (unsigned n = 1; n <= 5000; n++) {
		st.st_ino = (ino_t)n * 8;
		(void)inodes_add(&one, &st);
	}
	(void)inodes_add(&one, &st);
	assert_ok(inodes_write(&one, fd, &e), &e);
	assert_ok(inodes_read(&two, fd, &e), &e);
	assert_int_equal(two.count, 5000);
	assert_int_equal(inodes_find(&two, &st)->names, 2);
	st.st_ino = 8;
	assert_int_equal(inodes_find(&two, &st)->names, 1);
	st.st_ino = 9;
	assert_null(inodes_find(&two, &st));
	st.st_ino = 8;
	st.st_dev = 8;
	assert_null(inodes_find(&two, &st));
	assert_int_equal(ftruncate(fd, 1000), 0);
	assert_int_equal(inodes_read(&three, fd, &e), -1);
	assert_non_null(strstr(e.text, "a table of files is damaged"));
}

static void
beside_an_upper_there_is_what_it_names_and_all_below_its_opaque_folders(void **state)
{
	struct fixture *f = *state;
	struct error e = ERROR_INIT;
	autofd int opaque = -1;

	for (const char *const *dir =
		 (const char *const[]){ "d", "d/in", "o", "o/in", "file", "other", NULL };
	     *dir; dir++) {
		autofree char *one = in(*dir, "/1"), *two = in(*dir, "/2");

		assert_int_equal(mkdirat(f->lower, *dir, 0755), 0);
		put(f->lower, one, "1");
		put(f->lower, two, "2");
	}
	assert_int_equal(mkdirat(f->upper, "d", 0755), 0);
	put(f->upper, "d/1", "new");
	put(f->upper, "file", "in the place of a folder");
	opaque = make_dir(f->upper, "o");
	assert_int_equal(fsetxattr(opaque, "user.overlay.opaque", "y", 1, 0), 0);
	assert_ok(merge_layers_like(&f->lower, 1, f->tree, f->upper, &e), &e);
	assert_true(has(f->tree, "d/1", "1"));
	assert_int_equal(faccessat(f->tree, "d/2", F_OK, 0), -1);
	assert_int_equal(faccessat(f->tree, "d/in", F_OK, 0), -1);
	assert_true(has(f->tree, "o/1", "1") && has(f->tree, "o/in/2", "2"));
	assert_int_equal(faccessat(f->tree, "file", F_OK, 0), 0);
	assert_int_equal(faccessat(f->tree, "file/1", F_OK, 0), -1);
	assert_int_equal(faccessat(f->tree, "other", F_OK, 0), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	TEST(a_change_of_a_deep_tree_is_collected_with_few_descriptors),
	TEST(a_folder_that_was_made_anew_is_opaque),
	TEST(a_tree_deeper_than_a_path_can_be_is_refused),
	TEST(a_folder_that_came_into_another_of_the_old_name_is_collected_whole),
	TEST(files_of_a_layer_are_shared_and_counted_by_its_names_alone),
	TEST(a_shared_file_that_was_renamed_is_collected_as_a_copy),
	TEST(the_table_of_shared_files_is_read_as_it_was_written),
	TEST(beside_an_upper_there_is_what_it_names_and_all_below_its_opaque_folders),
};

UNIT_MAIN(tests);
