/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_digests - the memory of file digests, and reading many files at once.
 */
#include "tests/unit/unit.h"

#include "builder/context/digests.h"
#include "builder/context/hasher.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NS INT64_C(1000000000)

static char scratch[] = "/tmp/test_digests.XXXXXX";
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

static struct digests_key
key_number(uint64_t n)
{
	return (struct digests_key){
		.device = 1, .inode = n, .size = 5, .mtime = 7, .ctime = 1000 * NS
	};
}

static struct digest
digest_number(uint64_t n)
{
	struct digest d;

	digest_of(&n, sizeof(n), &d);
	return d;
}

static void
fill(struct digests *digests, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		struct digests_key key = key_number(i);
		struct digest d = digest_number(i);

		assert_true(
		    digests_add(digests, &key, &d, i % 2 ? DIGESTS_NO_XATTRS : 0, digests_clock()));
	}
}

static size_t
count_found(struct digests *digests, uint64_t from, uint64_t to)
{
	size_t count = 0;

	for (uint64_t i = from; i < to; i++) {
		struct digests_key key = key_number(i);
		struct digest d, expected = digest_number(i);
		unsigned flags;

		if (!digests_find(digests, &key, &d, &flags))
			continue;
		assert_true(digest_equal(&d, &expected));
		assert_int_equal(flags, i % 2 ? DIGESTS_NO_XATTRS : 0);
		count++;
	}
	return count;
}

static void
save_range(uint64_t from, uint64_t to)
{
	struct error e = ERROR_INIT;
	struct digests *digests = digests_open(top, &e);

	assert_non_null(digests);
	fill(digests, from, to);
	assert_ok(digests_save(digests, &e), &e);
	digests_free(digests);
}

static size_t
count_saved(uint64_t from, uint64_t to)
{
	struct error e = ERROR_INIT;
	struct digests *digests = digests_open(top, &e);
	size_t count;

	assert_non_null(digests);
	count = count_found(digests, from, to);
	digests_free(digests);
	return count;
}

static void
what_is_saved_is_found(void **state)
{
	(void)state;
	assert_int_equal(count_saved(0, 10), 0);
	save_range(0, 5000);
	assert_int_equal(count_saved(0, 5000), 5000);
	assert_int_equal(count_saved(5000, 6000), 0);
	save_range(5000, 6000);
	assert_int_equal(count_saved(0, 6000), 6000);
}

static void
every_member_of_the_key_counts(void **state)
{
	struct digests *digests = digests_new();
	struct digests_key key = key_number(1), other;

	(void)state;
	fill(digests, 1, 2);
	assert_true(digests_find(digests, &key, NULL, NULL));
	other = key, other.device++;
	assert_false(digests_find(digests, &other, NULL, NULL));
	other = key, other.inode++;
	assert_false(digests_find(digests, &other, NULL, NULL));
	other = key, other.size++;
	assert_false(digests_find(digests, &other, NULL, NULL));
	other = key, other.mtime++;
	assert_false(digests_find(digests, &other, NULL, NULL));
	other = key, other.ctime++;
	assert_false(digests_find(digests, &other, NULL, NULL));
	digests_free(digests);
}

static void
two_builds_that_write_keep_both(void **state)
{
	struct error e = ERROR_INIT;
	struct digests *a = digests_open(top, &e), *b = digests_open(top, &e);

	(void)state;
	fill(a, 0, 100);
	fill(b, 100, 200);
	assert_ok(digests_save(a, &e), &e);
	assert_ok(digests_save(b, &e), &e);
	digests_free(a);
	digests_free(b);
	assert_int_equal(count_saved(0, 200), 200);
}

static void
recently_changed_files_are_not_remembered(void **state)
{
	struct digests *digests = digests_new();
	int64_t now = digests_clock();
	struct digests_key key = key_number(1);
	struct digest d = digest_number(1);

	(void)state;
	key.ctime = now;
	assert_false(digests_add(digests, &key, &d, 0, now));
	key.ctime = now - NS;
	assert_false(digests_add(digests, &key, &d, 0, now));
	key.ctime = now + 3600 * NS; /* the clock was set back */
	assert_false(digests_add(digests, &key, &d, 0, now));
	key.ctime = now - 3 * NS;
	assert_true(digests_add(digests, &key, &d, 0, now));
	digests_free(digests);
}

static void
a_damaged_memory_never_gives_a_wrong_digest(void **state)
{
	auto(buf) struct buf bytes = { 0 };
	struct error e = ERROR_INIT;
	size_t found = 0;

	(void)state;
	save_range(0, 50);
	assert_ok(path_read_file(top, "digests", &bytes, 1 << 20, &e), &e);
	for (size_t i = 0; i < bytes.len; i++) {
		autofree char *copy = xmemdup(bytes.data, bytes.len);
		struct digests *digests;

		copy[i] = (char)(copy[i] ^ 0x41);
		digests = digests_from_bytes(copy, bytes.len);
		if (digests)
			found += count_found(digests, 0, 50); /* compares what it finds */
		digests_free(digests);
	}
	assert_true(found > 0);
}

static void
a_cut_memory_is_an_empty_one(void **state)
{
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	save_range(0, 50);
	fd = openat(top, "digests", O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 1000), 0);
	assert_int_equal(count_saved(0, 50), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(count_saved(0, 50), 0);
	assert_int_equal(unlinkat(top, "digests", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", top, "digests"), 0);
	assert_int_equal(count_saved(0, 50), 0);
	assert_ok(path_remove_tree(top, "digests", &e), &e);
	save_range(0, 50);
	assert_int_equal(count_saved(0, 50), 50);
}

/* ---- many files ---- */

struct many {
	size_t taken;
	int missing; /* number of a file that is not there, or -1 */
};

static int
open_number(void *arg, size_t index, struct error *e)
{
	const struct many *m = arg;
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "f%zu%s", index, (int)index == m->missing ? "x" : "");
	fd = openat(top, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_sys(e, "cannot open '%s'", name) : fd;
}

static void
take_number(void *arg, size_t index, const struct hasher_result *result)
{
	struct many *m = arg;
	struct digest expected = digest_number(index);

	assert_true(digest_equal(&result->digest, &expected));
	assert_int_equal(result->key.size, sizeof(uint64_t));
	m->taken++;
}

static void
make_numbers(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		char name[32];
		autofd int fd = -1;

		snprintf(name, sizeof(name), "f%llu", (unsigned long long)i);
		fd = openat(top, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, &i, sizeof(i)), sizeof(i));
	}
}

static void
many_files_are_read_by_several_processes(void **state)
{
	struct many m = { .missing = -1 };
	struct error e = ERROR_INIT;

	(void)state;
	make_numbers(500);
	assert_ok(hasher_run(500, UINT64_C(1) << 30, open_number, take_number, &m, &e), &e);
	assert_int_equal(m.taken, 500);
	m.taken = 0;
	assert_ok(hasher_run(3, 24, open_number, take_number, &m, &e), &e);
	assert_int_equal(m.taken, 3);
	assert_ok(hasher_run(0, 0, open_number, take_number, &m, &e), &e);
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
	struct many m = { .missing = 300 };
	struct error e = ERROR_INIT;

	(void)state;
	make_numbers(500);
	assert_int_equal(hasher_run(500, UINT64_C(1) << 30, open_number, take_number, &m, &e), -1);
	assert_non_null(strstr(e.text, "cannot open 'f300x'"));
}

static void
attributes_are_noticed(void **state)
{
	struct hasher_result result;
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	make_numbers(1);
	fd = openat(top, "f0", O_RDONLY | O_CLOEXEC);
	assert_ok(hasher_read(fd, &result, &e), &e);
	assert_int_equal(result.flags, DIGESTS_NO_XATTRS);
	assert_int_equal(fsetxattr(fd, "user.a", "b", 1, 0), 0);
	assert_ok(hasher_read(fd, &result, &e), &e);
	assert_int_equal(result.flags, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_scratch, close_scratch)

static const struct CMUnitTest tests[] = {
	TEST(what_is_saved_is_found),
	TEST(every_member_of_the_key_counts),
	TEST(two_builds_that_write_keep_both),
	TEST(recently_changed_files_are_not_remembered),
	TEST(a_damaged_memory_never_gives_a_wrong_digest),
	TEST(a_cut_memory_is_an_empty_one),
	TEST(many_files_are_read_by_several_processes),
	TEST(a_file_that_cannot_be_read_is_named),
	TEST(attributes_are_noticed),
};

UNIT_MAIN(tests);
