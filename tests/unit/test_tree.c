/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree - looking paths up in stacks of listings and snapshots, and in directories.
 */
#include "tests/unit/unit.h"

#include "builder/step/tree.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* One line of a layer: type ('d', 'f', 'l', 'w' whiteout, 'o' opaque directory) and path. */
struct line {
	char type;
	const char *path;
	const char *link;
};

static struct listing *
make_listing(const struct line *lines, size_t count)
{
	struct listing_builder *builder = listing_builder_new();
	struct error e = ERROR_INIT;
	struct listing *listing;

	for (size_t i = 0; i < count; i++) {
		struct entry entry = { .path = lines[i].path };

		switch (lines[i].type) {
		case 'o':
			entry.whiteout = ENTRY_OPAQUE;
			entry.mode = S_IFDIR | 0700;
			break;
		case 'd':
			entry.mode = S_IFDIR | 0711;
			break;
		case 'w':
			entry.whiteout = ENTRY_REMOVES;
			break;
		case 'l':
			entry.mode = S_IFLNK | 0777;
			entry.link = lines[i].link;
			break;
		default:
			entry.mode = S_IFREG | 0644;
		}
		entry.uid = (uid_t)i;
		listing_builder_add(builder, &entry);
	}
	listing = listing_builder_finish(builder, &e);
	assert_non_null(listing);
	return listing;
}

#define LISTING(...)                                       \
	make_listing((const struct line[]){ __VA_ARGS__ }, \
	    ARRAY_LEN(((const struct line[]){ __VA_ARGS__ })))

/* 'd', 'f', 'l', or '-' when nothing is there. */
static char
type_at(struct tree *tree, const char *path)
{
	struct error e = ERROR_INIT;
	struct tree_item item;
	int found = tree_lookup(tree, path, &item, &e);

	assert_ok(found, &e);
	if (found == 0)
		return '-';
	return S_ISDIR(item.mode) ? 'd' : S_ISLNK(item.mode) ? 'l' : 'f';
}

static void
check_resolve(struct tree *tree, const char *path, const char *expected, bool exists)
{
	struct error e = ERROR_INIT;
	struct tree_place place;

	assert_ok(tree_resolve(tree, path, &place, &e), &e);
	assert_string_equal(place.path, expected);
	if (tree_place_exists(&place) != exists)
		fail_msg("'%s': exists: %d", path, !exists);
	tree_place_release(&place);
}

static void
empty_tree_has_a_root(void **state)
{
	autotree struct tree *tree = tree_new();

	(void)state;
	assert_int_equal(type_at(tree, ""), 'd');
	assert_int_equal(type_at(tree, "a"), '-');
	check_resolve(tree, "/", "", true);
	check_resolve(tree, "/a/../b", "b", false);
	check_resolve(tree, "/../..", "", true);
}

static void
upper_layers_hide_lower_ones(void **state)
{
	autolisting struct listing *low =
	    LISTING({ 'd', "a" }, { 'f', "a/x" }, { 'f', "a/y" }, { 'd', "b" }, { 'f', "b/x" },
		{ 'd', "c" }, { 'f', "c/x" }, { 'f', "d" }, { 'd', "e" }, { 'f', "e/x" });
	autolisting struct listing *high = LISTING({ 'd', "a" }, { 'w', "a/x" }, { 'w', "b" },
	    { 'o', "c" }, { 'f', "c/z" }, { 'd', "d" }, { 'f', "d/n" }, { 'f', "e" });
	autotree struct tree *tree = tree_new();

	(void)state;
	tree_add_listing(tree, low);
	assert_int_equal(type_at(tree, "a/x"), 'f');
	tree_add_listing(tree, high);
	assert_int_equal(type_at(tree, "a"), 'd');
	assert_int_equal(type_at(tree, "a/x"), '-');
	assert_int_equal(type_at(tree, "a/y"), 'f');
	assert_int_equal(type_at(tree, "b"), '-');
	assert_int_equal(type_at(tree, "b/x"), '-');
	assert_int_equal(type_at(tree, "c"), 'd');
	assert_int_equal(type_at(tree, "c/x"), '-');
	assert_int_equal(type_at(tree, "c/z"), 'f');
	assert_int_equal(type_at(tree, "d/n"), 'f');
	assert_int_equal(type_at(tree, "e"), 'f');
	assert_int_equal(type_at(tree, "e/x"), '-');
}

static void
implied_parents_take_metadata_from_below(void **state)
{
	autolisting struct listing *low = LISTING({ 'd', "a" }, { 'd', "a/b" });
	autolisting struct listing *high = LISTING({ 'f', "a/b/c" }, { 'f', "n/x" });
	autotree struct tree *tree = tree_new();
	struct error e = ERROR_INIT;
	struct tree_item item;

	(void)state;
	tree_add_listing(tree, low);
	tree_add_listing(tree, high);
	assert_int_equal(tree_lookup(tree, "a/b", &item, &e), 1);
	assert_int_equal(item.mode, S_IFDIR | 0711);
	assert_int_equal(item.uid, 1);
	assert_int_equal(tree_lookup(tree, "n", &item, &e), 1);
	assert_int_equal(item.mode, S_IFDIR | 0755);
}

static void
links_are_followed_inside(void **state)
{
	autolisting struct listing *l = LISTING({ 'd', "usr" }, { 'd', "usr/bin" },
	    { 'f', "usr/bin/sh" }, { 'l', "bin", "usr/bin" }, { 'd', "run" }, { 'd', "var" },
	    { 'l', "var/run", "/run" }, { 'l', "up", "../../../../usr" },
	    { 'l', "gone", "/no/where" }, { 'l', "loop", "loop2" }, { 'l', "loop2", "loop" },
	    { 'f', "file" }, { 'l', "dot", "." });
	autotree struct tree *tree = tree_new();
	struct error e = ERROR_INIT;
	struct tree_place place;

	(void)state;
	tree_add_listing(tree, l);
	check_resolve(tree, "/bin/sh", "usr/bin/sh", true);
	check_resolve(tree, "/bin/new", "usr/bin/new", false);
	check_resolve(tree, "bin/../lib", "usr/lib", false);
	check_resolve(tree, "/var/run/x/", "run/x", false);
	check_resolve(tree, "/up/bin", "usr/bin", true);
	check_resolve(tree, "/gone", "no/where", false);
	check_resolve(tree, "/gone/x/../y", "no/where/y", false);
	check_resolve(tree, "/gone/../../../file", "file", true);
	check_resolve(tree, "/dot/dot/dot/file", "file", true);
	assert_int_equal(tree_resolve(tree, "/loop/x", &place, &e), -1);
	assert_non_null(strstr(e.text, "too many symbolic links"));
	assert_int_equal(tree_resolve(tree, "/file/x", &place, &e), -1);
	assert_non_null(strstr(e.text, "is not a directory"));
}

static void
names_are_merged(void **state)
{
	autolisting struct listing *low = LISTING({ 'd', "a" }, { 'f', "a/x" }, { 'f', "a/y" });
	autolisting struct listing *high =
	    LISTING({ 'd', "a" }, { 'w', "a/x" }, { 'f', "a/b" }, { 'f', "a/y" });
	autotree struct tree *tree = tree_new();
	auto(strv) struct strv names = { 0 };
	autofree char *joined = NULL;
	struct error e = ERROR_INIT;

	(void)state;
	tree_add_listing(tree, low);
	tree_add_listing(tree, high);
	assert_ok(tree_names(tree, "a", 100, &names, &e), &e);
	joined = strv_join(&names, " ");
	assert_string_equal(joined, "b y");
}

static void
suggestions_are_near(void **state)
{
	autolisting struct listing *l = LISTING({ 'd', "app" }, { 'f', "app/server" },
	    { 'f', "app/Server" }, { 'd', "opt" }, { 'd', "opt/x" }, { 'f', "opt/x/tool" });
	autotree struct tree *tree = tree_new();
	auto(strv) struct strv paths = { 0 };

	(void)state;
	tree_add_listing(tree, l);
	tree_suggest(tree, "/app/serverr", 2, &paths);
	assert_int_equal(paths.count, 2);
	assert_string_equal(paths.items[0], "app/server");
	strv_clear(&paths);
	tree_suggest(tree, "/bin/tool", 3, &paths);
	assert_int_equal(paths.count, 1);
	assert_string_equal(paths.items[0], "opt/x/tool");
	strv_clear(&paths);
	tree_suggest(tree, "/", 3, &paths);
	assert_int_equal(paths.count, 0);
}

/* ---- directories ---- */

static char scratch[] = "/tmp/test_tree.XXXXXX";
static int top = -1;

static int
open_scratch(void **state)
{
	(void)state;
	memcpy(scratch + sizeof(scratch) - 7, "XXXXXX", 6);
	if (!mkdtemp(scratch))
		return -1;
	top = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top < 0 ? -1 : 0;
}

static int
close_scratch(void **state)
{
	struct error e = ERROR_INIT;
	autofd int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	fd_close_at(&top);
	return path_remove_tree(tmp, path_base(scratch), &e);
}

static void
make_file(const char *path)
{
	autofd int fd = openat(top, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
}

static void
directories_are_trees(void **state)
{
	autotree struct tree *tree = tree_new();

	(void)state;
	assert_int_equal(mkdirat(top, "a", 0755), 0);
	make_file("a/x");
	assert_int_equal(symlinkat("/a", top, "k"), 0);
	tree_add_root(tree, top);
	assert_int_equal(type_at(tree, ""), 'd');
	assert_int_equal(type_at(tree, "a/x"), 'f');
	assert_int_equal(type_at(tree, "a/y"), '-');
	assert_int_equal(type_at(tree, "k"), 'l');
	assert_int_equal(type_at(tree, "k/x"), '-');
	assert_int_equal(type_at(tree, "a/x/y"), '-');
	check_resolve(tree, "/k/x", "a/x", true);
	check_resolve(tree, "/k/../../../../tmp", "tmp", false);
}

static void
snapshots_hide_what_is_below(void **state)
{
	autolisting struct listing *low =
	    LISTING({ 'd', "a" }, { 'f', "a/x" }, { 'f', "a/y" }, { 'd', "b" }, { 'f', "b/x" });
	autotree struct tree *tree = tree_new();
	autofd int dir = -1;

	(void)state;
	assert_int_equal(mkdirat(top, "a", 0755), 0);
	if (mknodat(top, "a/x", S_IFCHR, makedev(0, 0)) < 0)
		skip_because("no whiteouts can be made");
	assert_int_equal(mkdirat(top, "b", 0755), 0);
	dir = openat(top, "b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsetxattr(dir, "user.overlay.opaque", "y", 1, 0), 0);
	make_file("b/n");
	tree_add_listing(tree, low);
	tree_add_upper(tree, top);
	assert_int_equal(type_at(tree, ""), 'd');
	assert_int_equal(type_at(tree, "a/x"), '-');
	assert_int_equal(type_at(tree, "a/y"), 'f');
	assert_int_equal(type_at(tree, "b/x"), '-');
	assert_int_equal(type_at(tree, "b/n"), 'f');
	assert_int_equal(type_at(tree, "b/n/z"), '-');
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(empty_tree_has_a_root),
	cmocka_unit_test(upper_layers_hide_lower_ones),
	cmocka_unit_test(implied_parents_take_metadata_from_below),
	cmocka_unit_test(links_are_followed_inside),
	cmocka_unit_test(names_are_merged),
	cmocka_unit_test(suggestions_are_near),
	cmocka_unit_test_setup_teardown(directories_are_trees, open_scratch, close_scratch),
	cmocka_unit_test_setup_teardown(snapshots_hide_what_is_below, open_scratch, close_scratch),
};

UNIT_MAIN(tests);
