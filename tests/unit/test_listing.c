/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_listing - the table of contents of a layer: in order, found again, and refused when damaged.
 */
#include "builder/layer/listing.h"
#include "runtime/base/mem.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/sysmacros.h>

static struct error failure;

static void
add(struct listing_builder *b, const char *path, mode_t mode, enum entry_whiteout whiteout)
{
	listing_builder_add(
	    b, &(struct entry){
		   .path = path, .mode = mode, .size = 7, .uid = 3, .whiteout = whiteout });
}

static void
add_all(struct listing_builder *b, const char *const *paths)
{
	for (; *paths; paths++)
		add(b, *paths, S_IFREG | 0644, ENTRY_KEEPS);
}

/* All paths with a blank between. */
static char *
paths_of(const struct listing *l)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < listing_count(l); i++) {
		listing_add_path(l, i, &text);
		buf_add_char(&text, ' ');
	}
	return buf_steal(&text);
}

static struct listing *
finish(struct listing_builder *b)
{
	struct listing *l = listing_builder_finish(b, &failure);

	assert_non_null(l);
	return l;
}

static void
order_does_not_depend_on_arrival(void **state)
{
	static const char *const sorted[] = { "a", "b/c/d", "b/e", "b.x", "zz", NULL };
	static const char *const mixed[] = { "zz", "b/e", "a", "b.x", "b/c/d", NULL };
	struct listing_builder *x = listing_builder_new(), *y = listing_builder_new();
	autolisting struct listing *l = NULL, *m = NULL;
	autofree char *text = NULL;
	size_t length, other;
	const char *bytes;

	(void)state;
	add_all(x, sorted);
	add_all(y, mixed);
	l = finish(x);
	m = finish(y);
	text = paths_of(l);
	assert_string_equal(text, " a b b/c b/c/d b/e b.x zz ");
	free(text);
	text = paths_of(m);
	assert_string_equal(text, " a b b/c b/c/d b/e b.x zz ");
	bytes = listing_bytes(l, &length);
	assert_non_null(bytes);
	(void)listing_bytes(m, &other);
	assert_int_equal(length, other);
}

static void
every_path_is_found_and_no_other(void **state)
{
	struct listing_builder *b = listing_builder_new();
	autolisting struct listing *l = NULL;
	char path[64];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "d%d/e%d/f%d", i * 7919 % 13, i % 37, i);
		add(b, path, S_IFREG | 0644, ENTRY_KEEPS);
	}
	l = finish(b);
	for (int i = 0; i < 3000; i++) {
		struct buf text = { 0 };
		size_t index;

		snprintf(path, sizeof(path), "d%d/e%d/f%d", i * 7919 % 13, i % 37, i);
		index = listing_find(l, path);
		assert_int_not_equal(index, SIZE_MAX);
		listing_add_path(l, index, &text);
		assert_string_equal(buf_text(&text), path);
		buf_release(&text);
		snprintf(path, sizeof(path), "d%d/e%d/g%d", i * 7919 % 13, i % 37, i);
		assert_int_equal(listing_find(l, path), SIZE_MAX);
	}
	assert_int_equal(listing_find(l, ""), 0);
}

static void
children_come_in_order(void **state)
{
	static const char *const paths[] = { "d/z", "d/a/1", "d/a/2", "d/m", "e", NULL };
	struct listing_builder *b = listing_builder_new();
	autolisting struct listing *l = NULL;
	struct listing_item item;
	char names[16] = "";
	size_t dir, at;

	(void)state;
	add_all(b, paths);
	l = finish(b);
	dir = listing_find(l, "d");
	for (at = listing_child(l, dir, 0); at; at = listing_child(l, dir, at)) {
		listing_at(l, at, &item);
		strncat(names, item.name, 2);
		assert_int_equal(item.parent, dir);
	}
	assert_string_equal(names, "amz");
	listing_at(l, dir, &item);
	assert_int_equal(item.flags, LISTING_IMPLIED);
	assert_true(S_ISDIR(item.mode));
	assert_int_equal(listing_child(l, listing_find(l, "e"), 0), 0);
}

static void
the_last_entry_of_a_path_counts(void **state)
{
	struct listing_builder *b = listing_builder_new();
	autolisting struct listing *l = NULL;
	autofree char *text = NULL;
	struct listing_item item;

	(void)state;
	add(b, "d", S_IFDIR | 0755, ENTRY_KEEPS);
	add(b, "d/old", S_IFREG | 0644, ENTRY_KEEPS);
	add(b, "d", S_IFREG | 0600, ENTRY_KEEPS);
	add(b, "e/x", S_IFREG | 0644, ENTRY_KEEPS);
	add(b, "e", S_IFDIR | 0700, ENTRY_KEEPS);
	l = finish(b);
	text = paths_of(l);
	assert_string_equal(text, " d e e/x ");
	listing_at(l, listing_find(l, "d"), &item);
	assert_int_equal(item.mode, S_IFREG | 0600);
	listing_at(l, listing_find(l, "e"), &item);
	assert_int_equal(item.flags, 0);
	assert_int_equal(item.mode, S_IFDIR | 0700);
}

static unsigned
flags_of(const struct listing *l, const char *path)
{
	struct listing_item item;

	assert_int_not_equal(listing_find(l, path), SIZE_MAX);
	listing_at(l, listing_find(l, path), &item);
	return item.flags;
}

static void
whiteouts_and_their_neighbours(void **state)
{
	struct listing_builder *b = listing_builder_new();
	autolisting struct listing *l = NULL;

	(void)state;
	add(b, "gone", 0, ENTRY_REMOVES);
	add(b, "d/in", S_IFREG | 0644, ENTRY_KEEPS);
	add(b, "d", 0, ENTRY_REMOVES);
	add(b, "again", 0, ENTRY_REMOVES);
	add(b, "again", S_IFDIR | 0755, ENTRY_KEEPS);
	add(b, "file", 0, ENTRY_REMOVES);
	add(b, "file", S_IFREG | 0644, ENTRY_KEEPS);
	add(b, "deep", 0, ENTRY_REMOVES);
	add(b, "deep/x", S_IFREG | 0644, ENTRY_KEEPS);
	add(b, "op", S_IFDIR | 0755, ENTRY_OPAQUE);
	assert_false(listing_builder_has(b, "gone"));
	assert_true(listing_builder_has(b, "d"));
	l = finish(b);
	assert_int_equal(flags_of(l, "gone"), LISTING_REMOVES);
	assert_int_equal(flags_of(l, "d"), LISTING_IMPLIED | LISTING_OPAQUE);
	assert_int_equal(flags_of(l, "again"), LISTING_OPAQUE);
	assert_int_equal(flags_of(l, "file"), 0);
	assert_int_equal(flags_of(l, "deep"), LISTING_IMPLIED | LISTING_OPAQUE);
	assert_int_equal(flags_of(l, "op"), LISTING_OPAQUE);
}

static void
devices_and_links_keep_their_numbers_and_targets(void **state)
{
	struct listing_builder *b = listing_builder_new();
	autolisting struct listing *l = NULL;
	struct listing_item item;

	(void)state;
	listing_builder_add(
	    b, &(struct entry){ .path = "null", .mode = S_IFCHR | 0666, .rdev = makedev(1, 3) });
	listing_builder_add(
	    b, &(struct entry){ .path = "s", .mode = S_IFLNK | 0777, .link = "../target" });
	listing_builder_add(
	    b, &(struct entry){
		   .path = "h", .mode = S_IFREG | 0644, .link = "null", .is_hardlink = true });
	l = finish(b);
	listing_at(l, listing_find(l, "null"), &item);
	assert_int_equal(item.rdev, makedev(1, 3));
	assert_int_equal(item.size, 0);
	listing_at(l, listing_find(l, "s"), &item);
	assert_string_equal(item.link, "../target");
	listing_at(l, listing_find(l, "h"), &item);
	assert_int_equal(item.flags, LISTING_HARDLINK);
}

/* Every bit of the file form turned round: the loader refuses it, or what it gives can be used. */
static void
damage_is_refused_or_harmless(void **state)
{
	static const char *const paths[] = { "a/b/c", "a/d", "e", NULL };
	struct listing_builder *b = listing_builder_new();
	autolisting struct listing *l = NULL;
	autofree char *bytes = NULL;
	size_t length, refused = 0;
	const void *file;

	(void)state;
	add_all(b, paths);
	l = finish(b);
	file = listing_bytes(l, &length);
	bytes = xmemdup(file, length);
	for (size_t bit = 0; bit < length * 8; bit++) {
		struct error e = ERROR_INIT;
		autolisting struct listing *m = NULL;

		bytes[bit / 8] ^= (char)(1 << bit % 8);
		m = listing_load(bytes, length, &e);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (m) {
			autofree char *text = paths_of(m);

			assert_int_equal(listing_find(m, "nothing"), SIZE_MAX);
			assert_non_null(text);
		}
		refused += !m;
	}
	assert_true(refused > 200);
	for (size_t cut = 0; cut < length; cut++) {
		struct error e = ERROR_INIT;

		assert_null(listing_load(bytes, cut, &e));
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(order_does_not_depend_on_arrival),
	cmocka_unit_test(every_path_is_found_and_no_other),
	cmocka_unit_test(children_come_in_order),
	cmocka_unit_test(the_last_entry_of_a_path_counts),
	cmocka_unit_test(whiteouts_and_their_neighbours),
	cmocka_unit_test(devices_and_links_keep_their_numbers_and_targets),
	cmocka_unit_test(damage_is_refused_or_harmless),
};

UNIT_MAIN(tests)
