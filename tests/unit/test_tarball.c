/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tarball - the reader of archives that hold images: honest tars of several kinds, and hostile ones.
 */
#include "builder/image/tarball.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

struct made {
	struct buf b;
};

static void
made_release(struct made *m)
{
	buf_release(&m->b);
}

/* Puts a text into a field, cut to @width. */
static void
field(char *block, size_t at, size_t width, const char *text)
{
	size_t length = strlen(text);

	memcpy(block + at, text, length < width ? length : width);
}

static void
seal(char *block)
{
	unsigned sum = 0;
	char digits[16];

	memset(block + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)block[i];
	snprintf(digits, sizeof(digits), "%06o", sum);
	memcpy(block + 148, digits, 7);
}

struct member {
	const char *name;
	char type;
	const char *link;
	const char *bytes;
	const char *size;  /* instead of the length of @bytes */
	const char *magic; /* NULL: ustar */
	const char *prefix;
	bool bad_sum;
};

static void
add(struct made *m, const struct member *from)
{
	char block[512] = { 0 };
	size_t length = from->bytes ? strlen(from->bytes) : 0;
	char size[32];

	snprintf(size, sizeof(size), "%011zo", length);
	field(block, 0, 100, from->name);
	field(block, 100, 8, "0000644");
	field(block, 124, 12, from->size ? from->size : size);
	block[156] = from->type;
	field(block, 157, 100, from->link ? from->link : "");
	memcpy(block + 257, from->magic ? from->magic : "ustar\00000", 8);
	field(block, 345, 155, from->prefix ? from->prefix : "");
	seal(block);
	if (from->bad_sum)
		block[0] ^= 1;
	buf_add(&m->b, block, sizeof(block));
	if (length > 0)
		buf_add(&m->b, from->bytes, length);
	while (m->b.len % 512)
		buf_add_char(&m->b, '\0');
}

static void
add_end(struct made *m)
{
	for (int i = 0; i < 1024; i++)
		buf_add_char(&m->b, '\0');
}

static int
file_of(const void *bytes, size_t length)
{
	struct error e = ERROR_INIT;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_ok(fd_write_all(fd, bytes, length, &e), &e);
	return fd;
}

static void
expect_text(const struct tarball *t, const char *name, const char *expected)
{
	struct error e = ERROR_INIT;
	const struct tarball_member *m = tarball_find_linked(t, name, &e);
	auto(buf) struct buf b = { 0 };

	if (!m)
		fail_msg("%s", e.text);
	assert_ok(tarball_read(t, m, 4096, &b, &e), &e);
	assert_string_equal(buf_text(&b), expected);
}

static void
members_are_found_by_their_clean_name(void **state)
{
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "dir/", .type = '5' });
	add(&m, &(struct member){ .name = "dir/a", .type = '0', .bytes = "A" });
	add(&m, &(struct member){ .name = "./b", .type = '\0', .bytes = "B" });
	add(&m, &(struct member){ .name = "/c//d", .type = '7', .bytes = "C" });
	add(&m,
	    &(struct member){ .name = "n", .prefix = "long/prefix", .type = '0', .bytes = "P" });
	add(&m, &(struct member){
		    .name = "old", .magic = "\0\0\0\0\0\0\0", .type = '0', .bytes = "O" });
	add_end(&m);
	fd = file_of(m.b.data, m.b.len);
	assert_ok(tarball_open(&t, fd, &e), &e);
	expect_text(&t, "dir/a", "A");
	expect_text(&t, "b", "B");
	expect_text(&t, "c/d", "C");
	expect_text(&t, "long/prefix/n", "P");
	expect_text(&t, "old", "O");
	assert_null(tarball_find(&t, "dir", &e));
	assert_null(tarball_find(&t, "none", &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void
long_names_are_read_in_both_dialects(void **state)
{
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "././@LongLink", .type = 'L', .bytes = "gnu/long" });
	add(&m, &(struct member){ .name = "gnu", .type = '0', .bytes = "G" });
	add(&m, &(struct member){
		    .name = "pax", .type = 'x', .bytes = "17 path=pax/long\n17 comment=x y z\n" });
	add(&m, &(struct member){ .name = "pax", .type = '0', .bytes = "P" });
	add(&m, &(struct member){ .name = "glob", .type = 'g', .bytes = "14 comment=xy\n" });
	add(&m, &(struct member){ .name = "after", .type = '0', .bytes = "Q" });
	add_end(&m);
	fd = file_of(m.b.data, m.b.len);
	assert_ok(tarball_open(&t, fd, &e), &e);
	expect_text(&t, "gnu/long", "G");
	expect_text(&t, "pax/long", "P");
	expect_text(&t, "after", "Q");
}

static void
a_base_256_size_is_read(void **state)
{
	static const char size[12] = "\x80\0\0\0\0\0\0\0\0\0\0\x03";
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "a", .type = '0', .bytes = "xyz" });
	memcpy(m.b.data + 124, size, sizeof(size));
	seal(m.b.data);
	fd = file_of(m.b.data, m.b.len); /* without the end: as some tools write it */
	assert_ok(tarball_open(&t, fd, &e), &e);
	expect_text(&t, "a", "xyz");
}

static void
one_link_is_followed_in_memory_and_only_where_asked(void **state)
{
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "one/layer.tar", .type = '0', .bytes = "L" });
	add(&m,
	    &(struct member){ .name = "two/layer.tar", .type = '2', .link = "../one/layer.tar" });
	add(&m, &(struct member){ .name = "hard", .type = '1', .link = "one/layer.tar" });
	add(&m, &(struct member){ .name = "three", .type = '2', .link = "two/layer.tar" });
	add(&m, &(struct member){ .name = "host", .type = '2', .link = "/etc/passwd" });
	add(&m, &(struct member){ .name = "up", .type = '2', .link = "../../../../etc/passwd" });
	add(&m, &(struct member){ .name = "loop", .type = '2', .link = "loop" });
	add_end(&m);
	fd = file_of(m.b.data, m.b.len);
	assert_ok(tarball_open(&t, fd, &e), &e);
	expect_text(&t, "two/layer.tar", "L");
	expect_text(&t, "hard", "L");
	assert_null(tarball_find(&t, "two/layer.tar", &e));
	assert_null(tarball_find_linked(&t, "three", &e));
	assert_null(tarball_find_linked(&t, "host", &e));
	assert_null(tarball_find_linked(&t, "up", &e));
	assert_null(tarball_find_linked(&t, "loop", &e));
}

static void
a_name_that_stands_there_twice_is_refused(void **state)
{
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "manifest.json", .type = '0', .bytes = "1" });
	add(&m, &(struct member){ .name = "x/../manifest.json", .type = '0', .bytes = "2" });
	add_end(&m);
	fd = file_of(m.b.data, m.b.len);
	assert_ok(tarball_open(&t, fd, &e), &e);
	assert_null(tarball_find(&t, "manifest.json", &e));
	assert_non_null(strstr(e.text, "more than once"));
}

static void
a_sparse_member_is_refused(void **state)
{
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "x", .type = 'x', .bytes = "22 GNU.sparse.major=1\n" });
	add(&m, &(struct member){ .name = "a", .type = '0', .bytes = "A" });
	add_end(&m);
	fd = file_of(m.b.data, m.b.len);
	assert_ok(tarball_open(&t, fd, &e), &e);
	assert_null(tarball_find(&t, "a", &e));
	assert_non_null(strstr(e.text, "sparse"));
}

static const struct member hostile[] = {
	{ .name = "a", .type = '0', .bytes = "x", .bad_sum = true },
	{ .name = "a", .type = '0', .size = "77777777777" },
	{ .name = "a", .type = '0', .size = "99999999999" },
	{ .name = "a", .type = '0', .size = "-0000000001" },
	{ .name = "a", .type = '0', .size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ .name = "a", .type = '0', .size = "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ .name = "a", .type = 'x', .bytes = "no length\n" },
	{ .name = "a", .type = 'x', .bytes = "99999 path=a\n" },
	{ .name = "a", .type = 'x', .bytes = "0 path=a\n" },
	{ .name = "a", .type = 'x', .bytes = "5 a=b" },
	{ .name = "a", .type = 'x', .bytes = "6 abcd\n" },
	{ .name = "a", .type = 'x', .bytes = "10 path=a" },
	{ .name = "a", .type = 'x', .bytes = "13 size=abcd\n" },
	{ .name = "a", .type = 'x', .bytes = "11 size=-1\n" },
	{ .name = "a", .type = 'x', .bytes = "29 size=99999999999999999999\n" },
	{ .name = "a", .type = 'x', .bytes = "99999999999999999999 path=a\n" },
	{ .name = "a", .type = 'x', .size = "77777777" },
	{ .name = "a", .type = 'L', .size = "77777777" },
};

static void
hostile_headers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		auto(made) struct made m = { 0 };
		auto(tarball) struct tarball t = { .fd = -1 };
		struct error e = ERROR_INIT;
		autofd int fd = -1;

		add(&m, &hostile[i]);
		add(&m, &(struct member){ .name = "b", .type = '0', .bytes = "B" });
		add_end(&m);
		fd = file_of(m.b.data, m.b.len);
		if (tarball_open(&t, fd, &e) == 0)
			fail_msg("archive %zu was taken", i);
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static void
what_is_no_archive_is_refused(void **state)
{
	static const char text[2048] = "this is a text and no archive at all";
	static const size_t lengths[] = { 0, 1, 511, 512, 513, 2048 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		auto(tarball) struct tarball t = { .fd = -1 };
		struct error e = ERROR_INIT;
		autofd int fd = file_of(text, lengths[i]);

		assert_int_equal(tarball_open(&t, fd, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static void
an_archive_cut_short_anywhere_is_refused_or_whole(void **state)
{
	auto(made) struct made m = { 0 };
	char bytes[1500];

	(void)state;
	memset(bytes, 'x', sizeof(bytes) - 1);
	bytes[sizeof(bytes) - 1] = '\0';
	add(&m, &(struct member){ .name = "a", .type = '0', .bytes = bytes });
	add(&m, &(struct member){ .name = "b", .type = '0', .bytes = bytes });
	add_end(&m);
	for (size_t length = 0; length < m.b.len; length += 37) {
		auto(tarball) struct tarball t = { .fd = -1 };
		struct error e = ERROR_INIT;
		autofd int fd = file_of(m.b.data, length);

		if (tarball_open(&t, fd, &e) < 0)
			continue;
		for (size_t i = 0; i < t.count; i++) {
			auto(buf) struct buf b = { 0 };

			assert_ok(tarball_read(&t, &t.members[i], 4096, &b, &e), &e);
			assert_string_equal(buf_text(&b), bytes);
		}
	}
}

static void
too_large_a_member_is_not_read_into_memory(void **state)
{
	auto(made) struct made m = { 0 };
	auto(tarball) struct tarball t = { .fd = -1 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;
	autofd int fd = -1;

	(void)state;
	add(&m, &(struct member){ .name = "a", .type = '0', .bytes = "0123456789" });
	add_end(&m);
	fd = file_of(m.b.data, m.b.len);
	assert_ok(tarball_open(&t, fd, &e), &e);
	assert_int_equal(tarball_read(&t, tarball_find(&t, "a", &e), 9, &b, &e), -1);
	assert_non_null(strstr(e.text, "more than 9"));
}

static void
gzip(const void *bytes, size_t length, struct buf *out)
{
	z_stream z = { 0 };
	unsigned char *room = xmalloc(length + 1024);
	unsigned char *in = xmemdup(bytes, length);

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = in;
	z.avail_in = (uInt)length;
	z.next_out = room;
	z.avail_out = (uInt)(length + 1024);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_add(out, room, length + 1024 - z.avail_out);
	(void)deflateEnd(&z);
	free(room);
	free(in);
}

static void
a_packed_archive_is_unpacked_member_by_member(void **state)
{
	static char big[700000];
	auto(buf) struct buf packed = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;
	autofd int from = -1;
	autofd int to = memfd_create("plain", MFD_CLOEXEC);

	(void)state;
	memset(big, 'z', sizeof(big));
	gzip(big, sizeof(big), &packed);
	gzip("tail", 4, &packed);
	for (int i = 0; i < 100; i++)
		buf_add_char(&packed, '\0');
	from = file_of(packed.data, packed.len);
	assert_true(tarball_is_gzip(from));
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	assert_ok(tarball_inflate(from, to, UINT64_MAX, &e), &e);
	assert_int_equal(lseek(to, 0, SEEK_SET), 0);
	assert_ok(fd_read_all(to, &b, 1 << 20, "plain", &e), &e);
	assert_int_equal(b.len, sizeof(big) + 4);
	assert_memory_equal(b.data + sizeof(big), "tail", 4);
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	assert_int_equal(tarball_inflate(from, to, 1000, &e), -1);
	assert_int_equal(e.kind, ERR_POLICY);
}

static void
damaged_gzip_is_refused(void **state)
{
	auto(buf) struct buf packed = { 0 };

	(void)state;
	gzip("some text that is long enough", 29, &packed);
	for (size_t length = 0; length < packed.len; length++) {
		struct error e = ERROR_INIT;
		autofd int from = file_of(packed.data, length);
		autofd int to = memfd_create("plain", MFD_CLOEXEC);

		assert_int_equal(lseek(from, 0, SEEK_SET), 0);
		assert_int_equal(tarball_inflate(from, to, UINT64_MAX, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	for (size_t i = 10; i < packed.len; i++) {
		struct error e = ERROR_INIT;
		autofd int from = -1;
		autofd int to = memfd_create("plain", MFD_CLOEXEC);

		packed.data[i] ^= 0x55;
		from = file_of(packed.data, packed.len);
		packed.data[i] ^= 0x55;
		assert_int_equal(lseek(from, 0, SEEK_SET), 0);
		assert_int_equal(tarball_inflate(from, to, UINT64_MAX, &e), -1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(members_are_found_by_their_clean_name),
	cmocka_unit_test(long_names_are_read_in_both_dialects),
	cmocka_unit_test(a_base_256_size_is_read),
	cmocka_unit_test(one_link_is_followed_in_memory_and_only_where_asked),
	cmocka_unit_test(a_name_that_stands_there_twice_is_refused),
	cmocka_unit_test(a_sparse_member_is_refused),
	cmocka_unit_test(hostile_headers_are_refused),
	cmocka_unit_test(what_is_no_archive_is_refused),
	cmocka_unit_test(an_archive_cut_short_anywhere_is_refused_or_whole),
	cmocka_unit_test(too_large_a_member_is_not_read_into_memory),
	cmocka_unit_test(a_packed_archive_is_unpacked_member_by_member),
	cmocka_unit_test(damaged_gzip_is_refused),
};

UNIT_MAIN(tests);
