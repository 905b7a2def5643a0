/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_unit - what the tests of unpacking share: a root to fill, and beside it a canary that must never change.
 */
#ifndef CROZE_TESTS_UNPACK_UNIT_H
#define CROZE_TESTS_UNPACK_UNIT_H

#include "builder/layer/apply.h"
#include "builder/layer/compress.h"
#include "runtime/base/text.h"
#include "tests/unit/layer_unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

static int root = -1;
static int canary = -1;
static char canary_path[128];
static struct apply_result result;
static struct listing *listing;
static struct error failure;

static inline int
setup(void **state)
{
	if (unit_folder(state) < 0)
		return -1;
	root = make_folder("root");
	canary = make_folder("canary");
	snprintf(canary_path, sizeof(canary_path), "%s/canary", work_path);
	put_file(canary, "secret", "SECRET");
	put_file(canary, "passwd", "root:x:0:0");
	assert_int_equal(mkdirat(canary, "dir", 0755), 0);
	assert_int_equal(mkfifoat(canary, "fifo", 0644), 0);
	return 0;
}

static inline int
teardown(void **state)
{
	close(root);
	close(canary);
	apply_result_release(&result);
	listing_free_at(&listing);
	return unit_folder_end(state);
}

static inline void
assert_canary(void)
{
	autodir DIR *dir = fdopendir(openat(canary, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct stat st = stat_of(canary, "secret");
	int count = 0;

	assert_string_equal(text_of(canary, "secret"), "SECRET");
	assert_string_equal(text_of(canary, "passwd"), "root:x:0:0");
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mode & 07777, 0644);
	while (readdir(dir))
		count++;
	assert_int_equal(count, 2 + 4);
	assert_int_equal(stat_of(canary, "dir").st_nlink, 2);
}

/* Applies @b as a layer. 0 or -1, with the text in failure. */
static inline int
apply_bytes(const void *bytes, size_t length, const struct apply_limits *limits)
{
	autofd int fd = file_of(bytes, length);
	struct layer_source source = { .fd = fd };
	int done;

	apply_result_release(&result);
	listing_free_at(&listing);
	error_clear(&failure);
	done = layer_apply(
	    &source, &(struct apply_root){ root, NULL }, limits, &listing, &result, &failure);
	assert_canary();
	return done;
}

static inline int
apply(const struct buf *b)
{
	return apply_bytes(b->data, b->len, NULL);
}

static inline int
add_archive(const struct buf *b, const char *dest)
{
	autofd int fd = file_of(b->data, b->len);
	struct archive_options options = { .dest = dest, .dest_uid = 0, .dest_gid = 0 };
	int done;

	apply_result_release(&result);
	error_clear(&failure);
	done = archive_apply(fd, &(struct apply_root){ root, NULL }, &options, &result, &failure);
	assert_canary();
	return done;
}

#define assert_applied(b) assert_ok(apply(b), &failure)
#define assert_refused(b, words)                              \
	do {                                                  \
		assert_int_equal(apply(b), -1);               \
		assert_non_null(strstr(failure.text, words)); \
	} while (0)

static inline bool
has_note(const char *words)
{
	for (size_t i = 0; i < result.notes.count; i++)
		if (strstr(result.notes.items[i], words))
			return true;
	return false;
}

/* A path below the root that mirrors one outside. */
static inline const char *
mirrored(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", canary_path + 1, name);
	return path;
}

/* `tar c f | xz` of one file "f" that holds "x" */
static const unsigned char xz_of_f[] = {
#include "tests/data/unpack/f.tar.xz.h"
};
static const unsigned char bzip2_of_f[] = {
#include "tests/data/unpack/f.tar.bz2.h"
};

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* main() for the table @tests; the helper program stands at the top of the build tree. */
static inline int
run_rows(const struct CMUnitTest *tests, size_t count, int argc, char **argv)
{
	const char *build = getenv("CROZE_BUILD");

	if (build)
		setenv("CROZE_LIBEXEC", build, 0);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests("unpack", tests, count, unit_enter, NULL);
}

#endif
