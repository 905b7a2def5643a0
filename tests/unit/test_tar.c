/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tar - the bytes of layers: the same for the same entries, and what other readers make of them.
 */
#include "builder/layer/compress.h"
#include "builder/layer/tar.h"
#include "builder/layer/writer.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct error failure;

static size_t
head_length(const struct entry *entry)
{
	auto(buf) struct buf b = { 0 };

	assert_ok(tar_add_header(&b, entry, &failure), &failure);
	return b.len;
}

/* Leaves small numbers in the memory that is given out next: such a window size was once believed. */
static void
soil_memory(unsigned number)
{
	size_t length = 4U << 20;
	unsigned char *bytes;

	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	bytes = malloc(length);
	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = i % 2 ? 0 : (unsigned char)number;
	__asm__ volatile("" : : "r"(bytes) : "memory"); /* the compiler keeps these writes */
	free(bytes);
}

static size_t
compress_once(enum compression kind, const unsigned char *in, size_t length, unsigned char **out)
{
	struct compressor *c;
	size_t room;
	ssize_t written;

	assert_ok(compressor_new(kind, 0, &c, &failure), &failure);
	room = compressor_bound(c, length);
	*out = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(*out != MAP_FAILED);
	written = compressor_run(c, in, length, *out, room, &failure);
	assert_true(written > 0);
	compressor_free(c);
	return (size_t)written;
}

static void
compressed_bytes_do_not_depend_on_what_memory_held(void **state)
{
	static unsigned char in[512 << 10];
	static const enum compression kinds[] = { COMPRESSION_GZIP, COMPRESSION_ZSTD };

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)((i * i >> 7) ^ (i >> 3));
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		unsigned char *first, *other;
		size_t length = compress_once(kinds[k], in, sizeof(in), &first);

		for (unsigned seed = 1; seed < 20; seed++) {
			soil_memory(seed);
			assert_int_equal(compress_once(kinds[k], in, sizeof(in), &other), length);
			assert_memory_equal(first, other, length);
		}
	}
}

/*
 * What a block of text starts with, from its third byte on, comes again later: whether the match is found was once a
 * question of the address of the compressor's state. The texts go through all hashes that the word can have.
 */
static void
compressed_bytes_do_not_depend_on_the_compressor(void **state)
{
	struct compressor *c[8];
	unsigned char in[1500], out[2][4096];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		assert_ok(compressor_new(COMPRESSION_GZIP, 0, &c[i], &failure), &failure);
	for (uint32_t i = 0; i < 8192; i++) {
		uint32_t word = i << 19, noise = i + 1;
		ssize_t length, other;

		for (size_t k = 0; k < sizeof(in); k++) {
			noise = noise * 1664525 + 1013904223;
			in[k] = (unsigned char)(noise >> 27); /* else it is stored as it is */
		}
		memcpy(in + 2, &word, sizeof(word));
		memcpy(in + 600, in + 2, 40);
		length = compressor_run(c[0], in, sizeof(in), out[0], sizeof(out[0]), &failure);
		assert_true(length > 0);
		other =
		    compressor_run(c[1 + i % 7], in, sizeof(in), out[1], sizeof(out[1]), &failure);
		assert_int_equal(length, other);
		assert_memory_equal(out[0], out[1], (size_t)length);
	}
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		compressor_free(c[i]);
}

#define LENGTH(...) head_length(&(struct entry){ .mode = S_IFREG | 0644, __VA_ARGS__ })

static void
extended_headers_only_where_ustar_is_too_small(void **state)
{
	char long_name[120], split_name[220];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	long_name[101] = '\0';
	memset(split_name, 'y', sizeof(split_name));
	split_name[120] = '/';
	split_name[200] = '\0';
	assert_int_equal(LENGTH(.path = "f"), 512);
	assert_int_equal(LENGTH(.path = split_name), 512);
	assert_int_equal(LENGTH(.path = "f", .uid = 2097151, .size = 077777777777), 512);
	assert_int_equal(LENGTH(.path = long_name), 1536);
	assert_int_equal(LENGTH(.path = "caf\xc3\xa9"), 1536);
	assert_int_equal(LENGTH(.path = "f", .uid = 2097152), 1536);
	assert_int_equal(LENGTH(.path = "f", .size = 1ULL << 33), 1536);
	assert_int_equal(LENGTH(.path = "f", .mtime = { -1, 0 }), 1536);
	assert_int_equal(LENGTH(.path = "f", .mtime = { 1, 1 }), 1536);
	assert_int_equal(LENGTH(.path = "f", .whiteout = ENTRY_REMOVES), 512);
	assert_int_equal(head_length(&(struct entry){
			     .path = "d", .mode = S_IFDIR | 0755, .whiteout = ENTRY_OPAQUE }),
	    1024);
}

static void
what_a_layer_cannot_hold_is_refused(void **state)
{
	auto(buf) struct buf b = { 0 };
	struct entry_xattr xattr = { "user.a=b", "x", 1 };

	(void)state;
	assert_int_equal(
	    tar_add_header(&b, &(struct entry){ .path = "d/.wh.x", .mode = S_IFREG }, &failure),
	    -1);
	assert_non_null(strstr(failure.text, "d/.wh.x"));
	assert_int_equal(
	    tar_add_header(&b, &(struct entry){ .path = "s", .mode = S_IFSOCK }, &failure), -1);
	assert_int_equal(
	    tar_add_header(&b,
		&(struct entry){ .path = "x", .mode = S_IFREG, .xattrs = &xattr, .n_xattrs = 1 },
		&failure),
	    -1);
	assert_ok(
	    tar_add_header(&b, &(struct entry){ .path = "a.wh.b", .mode = S_IFREG }, &failure),
	    &failure);
}

static int
memory_file(const char *bytes, size_t length)
{
	int fd = memfd_create("content", MFD_CLOEXEC);

	assert_ok(fd_write_all(fd, bytes, length, &failure), &failure);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void
write_content(struct layer_writer *w, const char *path, size_t length)
{
	autofree char *bytes = xmalloc(length + 1);
	struct entry entry = { .path = path, .mode = S_IFREG | 0644, .size = length };
	autofd int fd = -1;

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(i * 2654435761U >> (i % 23));
	fd = memory_file(bytes, length);
	assert_ok(layer_writer_add(w, &entry, fd, &failure), &failure);
}

/* Sizes around blocks of the archive and of the compressor. */
static struct layer_result
write_layer(int out, const struct layer_options *options)
{
	static const size_t sizes[] = { 0, 1, 511, 512, 513, 523776, 524287, 524288, 524289,
		5000000, 100, 3 };
	struct layer_result result = { 0 };
	struct layer_writer *w;
	char path[20];

	assert_ok(layer_writer_open(out, options, NULL, &w, &failure), &failure);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		snprintf(path, sizeof(path), "f%02zu", i);
		write_content(w, path, sizes[i]);
	}
	assert_ok(layer_writer_finish(w, &result, &failure), &failure);
	return result;
}

static void
threads_never_change_the_bytes(void **state)
{
	struct layer_result first, other;

	(void)state;
	for (enum compression c = COMPRESSION_NONE; c <= COMPRESSION_ZSTD; c++) {
		first = write_layer(-1, &(struct layer_options){ .compression = c, .threads = 1 });
		for (unsigned threads = 2; threads < 12; threads += 3) {
			other = write_layer(
			    -1, &(struct layer_options){ .compression = c, .threads = threads });
			assert_true(digest_equal(&first.digest, &other.digest));
			assert_true(digest_equal(&first.diff_id, &other.diff_id));
			assert_int_equal(first.size, other.size);
		}
	}
}

static void
digests_are_of_the_bytes(void **state)
{
	autofd int fd = memfd_create("layer", MFD_CLOEXEC);
	struct layer_result result = write_layer(
	    fd, &(struct layer_options){ .compression = COMPRESSION_GZIP, .threads = 2 });
	struct digest digest;
	uint64_t size;

	(void)state;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_ok(digest_of_fd(fd, &digest, &size, &failure), &failure);
	assert_true(digest_equal(&digest, &result.digest));
	assert_int_equal(size, result.size);
	assert_int_equal(result.n_entries, 12);
}

static void
a_file_that_changes_is_named(void **state)
{
	struct entry entry = { .path = "dir/growing", .mode = S_IFREG | 0644, .size = 5 };
	autofd int longer = memory_file("123456", 6), shorter = memory_file("1234", 4);
	struct layer_writer *w;

	(void)state;
	assert_ok(
	    layer_writer_open(-1, &(struct layer_options){ 0 }, NULL, &w, &failure), &failure);
	assert_int_equal(layer_writer_add(w, &entry, longer, &failure), -1);
	assert_string_equal(failure.text, "'dir/growing' changed while it was read");
	layer_writer_abort(w);
	assert_ok(
	    layer_writer_open(-1, &(struct layer_options){ 0 }, NULL, &w, &failure), &failure);
	assert_int_equal(layer_writer_add(w, &entry, shorter, &failure), -1);
	assert_string_equal(failure.text, "'dir/growing' changed while it was read");
	layer_writer_abort(w);
}

static void
entries_out_of_order_are_refused(void **state)
{
	struct layer_writer *w;

	(void)state;
	assert_ok(
	    layer_writer_open(-1, &(struct layer_options){ 0 }, NULL, &w, &failure), &failure);
	assert_ok(
	    layer_writer_add(w, &(struct entry){ .path = "a/b", .mode = S_IFREG }, -1, &failure),
	    &failure);
	assert_ok(
	    layer_writer_add(w, &(struct entry){ .path = "a.b", .mode = S_IFREG }, -1, &failure),
	    &failure);
	assert_int_equal(
	    layer_writer_add(w, &(struct entry){ .path = "a/c", .mode = S_IFREG }, -1, &failure),
	    -1);
	layer_writer_abort(w);
}

static void
a_full_disk_is_an_error(void **state)
{
	autofd int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct layer_writer *w;
	struct layer_result result;

	(void)state;
	assert_ok(
	    layer_writer_open(full, &(struct layer_options){ .threads = 2 }, NULL, &w, &failure),
	    &failure);
	assert_ok(
	    layer_writer_add(w, &(struct entry){ .path = "a", .mode = S_IFREG }, -1, &failure),
	    &failure);
	assert_int_equal(layer_writer_finish(w, &result, &failure), -1);
	assert_int_equal(failure.kind, ERR_TEMPORARY);
}

static void
times_are_clamped_while_writing(void **state)
{
	struct layer_options clamp = { .clamp = true, .clamp_to = { 1000, 0 } },
			     rewrite = { .rewrite = true };
	struct layer_options options[] = { clamp, rewrite, { .whole_seconds = true } };
	static const long expected[] = { 1000, 0, 5000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		struct entry entry = { .path = "f", .mode = S_IFREG, .mtime = { 5000, 77 } };
		autofd int fd = memfd_create("layer", MFD_CLOEXEC);
		struct layer_result result;
		struct layer_writer *w;
		char head[512];

		assert_ok(layer_writer_open(fd, &options[i], NULL, &w, &failure), &failure);
		assert_ok(layer_writer_add(w, &entry, -1, &failure), &failure);
		assert_ok(layer_writer_finish(w, &result, &failure), &failure);
		assert_int_equal(pread(fd, head, sizeof(head), 0), 512);
		assert_int_equal(head[156], '0');
		assert_int_equal(strtol(head + 136, NULL, 8), expected[i]);
	}
}

static const struct entry_xattr one_xattr = { "user.key", "a\nb\0c", 5 };

static const struct entry corpus[] = {
	{ .path = "", .mode = S_IFDIR | 0755 },
	{ .path = "bad\xff\xfe", .mode = S_IFREG | 0644, .size = 3 },
	{ .path = "cafe\xcc\x81", .mode = S_IFREG | 0644, .size = 3, .mtime = { -1, 0 } },
	{ .path = "caf\xc3\xa9", .mode = S_IFLNK | 0777, .link = "t\xc3\xa9" },
	{ .path = "dev", .mode = S_IFCHR | 0666 },
	{ .path = "far",
	    .mode = S_IFREG | 04755,
	    .size = 3,
	    .uid = 2147483647,
	    .gid = 65536,
	    .mtime = { 9999999999, 123456789 } },
	{ .path = "fifo", .mode = S_IFIFO | 0600 },
	{ .path = "hard", .mode = S_IFREG | 0644, .link = "far", .is_hardlink = true },
	{ .path = "new\nline",
	    .mode = S_IFREG | 0644,
	    .size = 3,
	    .xattrs = &one_xattr,
	    .n_xattrs = 1 },
	{ .path = "x", .mode = S_IFDIR | 01777, .mtime = { 1, 500000000 } },
};

/* Prints every member as Python's tarfile sees it. */
static const char python[] =
    "import sys,tarfile\n"
    "for m in tarfile.open(sys.argv[1], errors='surrogateescape'):\n"
    "  n=m.name.encode('utf-8','surrogateescape').hex()\n"
    "  "
    "print(n,m.type.decode(),oct(m.mode),m.uid,m.gid,m.size,repr(float(m.mtime)),m.linkname.encode("
    "'utf-8','surrogateescape').hex(),m.uname+m.gname+'.',"
    "m.pax_headers.get('SCHILY.xattr.user.key','').encode('utf-8','surrogateescape').hex())\n";

static const char seen_by_python[] = "2e 5 0o755 0 0 0 0.0  . \n"
				     "626164fffe 0 0o644 0 0 3 0.0  . \n"
				     "63616665cc81 0 0o644 0 0 3 -1.0  . \n"
				     "636166c3a9 2 0o777 0 0 0 0.0 74c3a9 . \n"
				     "646576 3 0o666 0 0 0 0.0  . \n"
				     "666172 0 0o4755 2147483647 65536 3 9999999999.123457  . \n"
				     "6669666f 6 0o600 0 0 0 0.0  . \n"
				     "68617264 1 0o644 0 0 0 0.0 666172 . \n"
				     "6e65770a6c696e65 0 0o644 0 0 3 0.0  . 610a620063\n"
				     "78 5 0o1777 0 0 0 1.5  . \n";

static void
write_corpus(int fd, enum compression compression)
{
	struct layer_result result;
	struct layer_writer *w;

	assert_ok(layer_writer_open(fd, &(struct layer_options){ .compression = compression }, NULL,
		      &w, &failure),
	    &failure);
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++)
		assert_ok(layer_writer_add_bytes(w, &corpus[i], "abc", &failure), &failure);
	assert_ok(layer_writer_finish(w, &result, &failure), &failure);
}

static void
run_reader(const char *command, struct buf *text)
{
	FILE *file = popen(command, "r");
	char part[4096];
	size_t got;

	assert_non_null(file);
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(text, part, got);
	assert_int_equal(pclose(file), 0);
}

static void
python_sees_what_was_written(void **state)
{
	char path[] = "/tmp/croze-tar-XXXXXX";
	autofd int fd = mkstemp(path);
	autofree char *command = xasprintf("python3 -c \"$PROGRAM\" %s", path);
	auto(buf) struct buf text = { 0 };

	(void)state;
	if (system("command -v python3 >/dev/null") != 0) {
		unlink(path);
		skip_because("python3 is not installed");
	}
	write_corpus(fd, COMPRESSION_GZIP);
	setenv("PROGRAM", python, 1);
	run_reader(command, &text);
	unlink(path);
	assert_string_equal(buf_text(&text), seen_by_python);
}

static void
gnu_tar_and_bsdtar_list_the_same_names(void **state)
{
	static const char *const readers[] = { "tar --quoting-style=escape -tf", "bsdtar -tf" };
	char path[] = "/tmp/croze-tar-XXXXXX";
	autofd int fd = mkstemp(path);

	(void)state;
	write_corpus(fd, COMPRESSION_NONE);
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		autofree char *command = xasprintf("LC_ALL=C %s %s | wc -l", readers[i], path);
		autofree char *present = xasprintf(
		    "command -v %.*s >/dev/null", (int)strcspn(readers[i], " "), readers[i]);
		auto(buf) struct buf text = { 0 };

		if (system(present) != 0)
			continue;
		run_reader(command, &text);
		assert_int_equal(strtol(buf_text(&text), NULL, 10), ARRAY_LEN(corpus));
	}
	unlink(path);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(extended_headers_only_where_ustar_is_too_small),
	cmocka_unit_test(what_a_layer_cannot_hold_is_refused),
	cmocka_unit_test(threads_never_change_the_bytes),
	cmocka_unit_test(digests_are_of_the_bytes),
	cmocka_unit_test(a_file_that_changes_is_named),
	cmocka_unit_test(entries_out_of_order_are_refused),
	cmocka_unit_test(compressed_bytes_do_not_depend_on_the_compressor),
	cmocka_unit_test(compressed_bytes_do_not_depend_on_what_memory_held),
	cmocka_unit_test(a_full_disk_is_an_error),
	cmocka_unit_test(times_are_clamped_while_writing),
	cmocka_unit_test(python_sees_what_was_written),
	cmocka_unit_test(gnu_tar_and_bsdtar_list_the_same_names),
};

UNIT_MAIN(tests)
