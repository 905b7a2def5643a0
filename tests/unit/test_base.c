/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_base - errors, buffers, lists, maps, digests and descriptors.
 */
#include "runtime/base/buf.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/fd.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static void
an_error_gathers_context(void **state)
{
	struct error e = ERROR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(error_sys(&e, "cannot open '%s'", "x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(error_ctx(&e, "step %d", 2), -1);
	assert_string_equal(e.text, "step 2: cannot open 'x': No such file or directory");
	assert_int_equal(e.kind, ERR_SYSTEM);
	error_hint(&e, "first");
	error_hint(&e, "second");
	assert_string_equal(e.hint, "first");
	errno = ENOSPC;
	error_sys(&e, "cannot write");
	assert_int_equal(e.kind, ERR_TEMPORARY);
	assert_string_equal(e.hint, "");
	assert_int_equal(error_exit_status(&e), 75);
	error_set(&e, ERR_INTERRUPTED, "stopped");
	e.sys = SIGTERM;
	assert_int_equal(error_exit_status(&e), 143);
	error_clear(&e);
	assert_int_equal(error_exit_status(&e), 0);
}

static void
a_long_error_is_cut(void **state)
{
	struct error e = ERROR_INIT;
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&e, ERR_INPUT, "%s", text);
	assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
	assert_string_equal(e.text + ERROR_TEXT_MAX - 4, "...");
	error_ctx(&e, "in front");
	assert_memory_equal(e.text, "in front: xxx", 13);
	assert_string_equal(e.text + ERROR_TEXT_MAX - 4, "...");
}

static void
a_buffer_is_always_text(void **state)
{
	auto(buf) struct buf b = { 0 };
	autofree char *text = NULL;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(strlen(b.data), b.len);
	buf_truncate(&b, 8);
	assert_string_equal(buf_text(&b), "0,1,2,3,");
	buf_add(&b, NULL, 0);
	buf_printf(&b, "%200s", "x");
	assert_int_equal(b.len, 208);
	text = buf_steal(&b);
	assert_int_equal(strlen(text), 208);
	free(buf_steal(&b));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
}

static void
lists_own_their_strings(void **state)
{
	auto(strv) struct strv v = { 0 };
	auto(strv) struct strv w = { 0 };
	autofree char *joined = NULL;

	(void)state;
	assert_null(strv_array(&v)[0]);
	strv_split(&v, "b,,a", ',');
	assert_int_equal(v.count, 3);
	strv_sort(&v);
	joined = strv_join(&v, "+");
	assert_string_equal(joined, "+a+b");
	strv_copy(&w, &v);
	assert_true(strv_equal(&v, &w));
	strv_append(&w, &w);
	assert_int_equal(w.count, 6);
	assert_null(w.items[6]);
	strv_remove(&w, 0);
	assert_string_equal(w.items[0], "a");
	assert_true(strv_has(&w, "b"));
	assert_false(strv_has(&w, "c"));
	strv_clear(&w);
	assert_null(strv_array(&w)[0]);
}

static void
environments_have_unique_names_in_place(void **state)
{
	auto(strv) struct strv v = { 0 };
	autofree char *joined = NULL;

	(void)state;
	env_set(&v, "A", "1");
	env_set(&v, "AB", "2");
	env_set(&v, "A", "3=4");
	assert_string_equal(env_get(&v, "A"), "3=4");
	assert_null(env_get(&v, "B"));
	env_set(&v, "E", "");
	assert_string_equal(env_get(&v, "E"), "");
	env_unset(&v, "AB");
	env_unset(&v, "AB");
	joined = strv_join(&v, " ");
	assert_string_equal(joined, "A=3=4 E=");
}

static void
maps_keep_the_order_of_insertion(void **state)
{
	auto(map) struct map m = { 0 };
	static char values[1000];
	char key[16];

	(void)state;
	assert_null(map_get(&m, "x"));
	assert_false(map_has(&m, "x"));
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_null(map_set(&m, key, &values[i]));
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_ptr_equal(map_get(&m, key), &values[i]);
		assert_string_equal(m.items[i].key, key);
	}
	assert_ptr_equal(map_set(&m, "key5", NULL), &values[5]);
	assert_true(map_has(&m, "key5"));
	assert_null(map_get(&m, "key5"));
	assert_int_equal(m.count, 1000);
}

static void
digests_are_sha256(void **state)
{
	static const char empty[] =
	    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char abc[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	autohash struct hash *h = hash_new();
	char text[DIGEST_TEXT_LEN + 1];
	char hex[DIGEST_HEX_LEN + 1];
	struct error e = ERROR_INIT;
	struct digest d, again;

	(void)state;
	digest_of("", 0, &d);
	assert_string_equal(digest_text(&d, text), empty);
	assert_ok(digest_parse(empty, &again, &e), &e);
	assert_true(digest_equal(&d, &again));
	for (int i = 0; i < 2; i++) {
		hash_add(h, "ab", 2);
		hash_add(h, "c", 1);
		hash_finish(h, &d);
		assert_string_equal(digest_hex(&d, hex), abc);
	}
	assert_true(digest_compare(&d, &again) < 0);
	hash_add_text(h, "a");
	hash_add_text(h, "bc");
	hash_finish(h, &d);
	hash_add_text(h, "ab");
	hash_add_text(h, "c");
	hash_finish(h, &again);
	assert_false(digest_equal(&d, &again));
	hash_add_u64(h, 0x0102030405060708);
	hash_finish(h, &d);
	digest_of("\1\2\3\4\5\6\7\10", 8, &again);
	assert_true(digest_equal(&d, &again));
}

static void
c9_digests_are_refused_unless_exact(void **state)
{
	static const char *const bad[] = { "", "sha256", "sha256:", "sha256:../../../etc/passwd",
		"sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
		"SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		" sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85" };
	struct error e = ERROR_INIT;
	struct digest d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(digest_parse(bad[i], &d, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	digest_parse(bad[4], &d, &e);
	assert_string_equal(e.text, "digest algorithm 'sha512' is not supported: only sha256 is");
}

/* A file of its own without a name. */
static int
temporary(void)
{
	int fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void
assert_same(int a, int b)
{
	struct error e = ERROR_INIT;
	struct digest first, second;
	uint64_t size = 0;
	uint64_t other = 0;

	lseek(a, 0, SEEK_SET);
	lseek(b, 0, SEEK_SET);
	assert_ok(digest_of_fd(a, &first, &size, &e), &e);
	assert_ok(digest_of_fd(b, &second, &other, &e), &e);
	assert_int_equal(size, other);
	assert_true(digest_equal(&first, &second));
}

static void
copies_keep_holes(void **state)
{
	struct error e = ERROR_INIT;
	autofd int from = temporary();
	autofd int to = temporary();
	uint64_t copied = 0;
	struct stat st;

	(void)state;
	assert_int_equal(pwrite(from, "begin", 5, 0), 5);
	assert_int_equal(pwrite(from, "middle", 6, 10 << 20), 6);
	assert_int_equal(ftruncate(from, 20 << 20), 0);
	assert_ok(fd_copy(from, to, UINT64_MAX, &copied, &e), &e);
	assert_int_equal(copied, 20 << 20);
	assert_int_equal(lseek(to, 0, SEEK_CUR), 20 << 20);
	assert_int_equal(fstat(to, &st), 0);
	assert_true(st.st_blocks < 2048);
	assert_same(from, to);
}

static void
copies_go_from_and_to_where_the_positions_are(void **state)
{
	struct error e = ERROR_INIT;
	autofd int from = temporary();
	autofd int to = temporary();
	char text[32] = "";
	uint64_t copied = 0;

	(void)state;
	assert_int_equal(write(from, "0123456789", 10), 10);
	assert_int_equal(write(to, "abcdefghij", 10), 10);
	lseek(from, 2, SEEK_SET);
	lseek(to, 1, SEEK_SET);
	assert_ok(fd_copy(from, to, 3, &copied, &e), &e);
	assert_int_equal(copied, 3);
	assert_ok(fd_copy(from, to, 1, &copied, &e), &e);
	assert_int_equal(pread(to, text, 31, 0), 10);
	assert_string_equal(text, "a2345fghij");
	lseek(to, 0, SEEK_END);
	assert_ok(fd_copy(from, to, UINT64_MAX, &copied, &e), &e);
	assert_int_equal(copied, 4);
	assert_int_equal(pread(to, text, 31, 0), 14);
	assert_string_equal(text, "a2345fghij6789");
}

static void
copies_from_pipes_and_proc(void **state)
{
	struct error e = ERROR_INIT;
	autofd int to = temporary();
	autofd int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int ends[2];
	uint64_t copied = 0;
	char text[8] = "";

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	assert_ok(fd_copy(ends[0], to, 4, &copied, &e), &e);
	assert_int_equal(copied, 4);
	assert_int_equal(pread(to, text, 7, 0), 4);
	assert_string_equal(text, "hell");
	close(ends[0]);
	close(ends[1]);
	assert_ok(fd_copy(proc, to, UINT64_MAX, &copied, &e), &e);
	assert_true(copied > 100);
}

static void
reading_has_limits(void **state)
{
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	autofd int fd = temporary();
	char bytes[8];

	(void)state;
	assert_ok(fd_write_all(fd, "0123456789", 10, &e), &e);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_all(fd, &b, 9, "it", &e), -1);
	assert_string_equal(e.text, "it is larger than 9 bytes");
	lseek(fd, 0, SEEK_SET);
	assert_ok(fd_read_all(fd, &b, 10, "it", &e), &e);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_exact(fd, bytes, 8, &e), 1);
	assert_int_equal(fd_read_exact(fd, bytes, 8, &e), -1);
	assert_string_equal(e.text, "the input ends after 2 of 8 bytes");
	assert_int_equal(fd_read_exact(fd, bytes, 8, &e), 0);
}

static void
descriptors_are_marked_except_those_kept(void **state)
{
	int fds[4];
	int keep[2];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fds[i] = open("/", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fcntl(fds[i], F_SETFD, 0), 0);
	}
	keep[0] = fds[1];
	keep[1] = fds[2];
	fd_cloexec_from(3, keep, 2);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD), i == 1 || i == 2 ? 0 : FD_CLOEXEC);
		close(fds[i]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_error_gathers_context),
	cmocka_unit_test(a_long_error_is_cut),
	cmocka_unit_test(a_buffer_is_always_text),
	cmocka_unit_test(lists_own_their_strings),
	cmocka_unit_test(environments_have_unique_names_in_place),
	cmocka_unit_test(maps_keep_the_order_of_insertion),
	cmocka_unit_test(digests_are_sha256),
	cmocka_unit_test(c9_digests_are_refused_unless_exact),
	cmocka_unit_test(copies_keep_holes),
	cmocka_unit_test(copies_go_from_and_to_where_the_positions_are),
	cmocka_unit_test(copies_from_pipes_and_proc),
	cmocka_unit_test(reading_has_limits),
	cmocka_unit_test(descriptors_are_marked_except_those_kept),
};

UNIT_MAIN(tests)
