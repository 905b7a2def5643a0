/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unpack - hostile archives do no harm (SECURITY rows A1 to A19).
 */
#include "tests/unit/unpack_unit.h"

static void
a1_parent_components_stay_inside(void **state)
{
	auto(buf) struct buf b = { 0 };
	char name[200];

	(void)state;
	NEED_NAMESPACE();
	snprintf(name, sizeof(name), "../../../../../../../../..%s/pwn", canary_path);
	ADD(&b, .name = name, .text = "x");
	ADD(&b, .name = "../outside", .text = "y");
	ADD(&b, .name = "a/../../b/./../c", .text = "z");
	add_end(&b);
	assert_applied(&b);
	assert_string_equal(text_of(root, mirrored("pwn")), "x");
	assert_string_equal(text_of(root, "outside"), "y");
	assert_string_equal(text_of(root, "c"), "z");
	assert_ok(add_archive(&b, "/sub"), &failure);
	assert_string_equal(text_of(root, "sub/outside"), "y");
}

static void
a2_links_made_earlier_lead_nowhere_outside(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "old", .text = "old");
	ADD(&b, .name = "l", .type = '2', .link = canary_path);
	ADD(&b, .name = "l/pwn", .text = "x");
	ADD(&b, .name = "l/dir/", .type = '5', .mode = 0700);
	ADD(&b, .name = "l/fifo2", .type = '6');
	ADD(&b, .name = "l/hard", .type = '1', .link = "old");
	ADD(&b, .name = "l/secret", .text = "mine", .mode = 0600);
	add_end(&b);
	assert_applied(&b);
	assert_string_equal(text_of(root, mirrored("pwn")), "x");
	assert_string_equal(text_of(root, mirrored("hard")), "old");
	assert_string_equal(text_of(root, mirrored("secret")), "mine");
	assert_true(S_ISFIFO(stat_of(root, mirrored("fifo2")).st_mode));
	assert_ok(add_archive(&b, "/"), &failure);
}

static void
a3_hard_links_do_not_reach_outside(void **state)
{
	auto(buf) struct buf b = { 0 }, c = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "l", .type = '2', .link = canary_path);
	ADD(&b, .name = "h", .type = '1', .link = "l/secret");
	add_end(&b);
	assert_refused(&b, "'h'");
	assert_int_equal(add_archive(&b, "/"), -1);
	ADD(&c, .name = "s", .type = '2', .link = "/etc/passwd");
	ADD(&c, .name = "h", .type = '1', .link = "s");
	add_end(&c);
	assert_applied(&c); /* a hard link to the symbolic link itself */
	assert_true(S_ISLNK(stat_of(root, "h").st_mode));
	assert_int_equal(stat_of(root, "h").st_ino, stat_of(root, "s").st_ino);
}

static void
a4_the_root_is_a_directory(void **state)
{
	static const char *const names[] = { ".", "./", "/", "a/..", "//./" };

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto(buf) struct buf b = { 0 };

		ADD(&b, .name = names[i], .type = '2', .link = canary_path);
		ADD(&b, .name = "pwn", .text = "x");
		add_end(&b);
		assert_refused(&b, "root");
		assert_int_equal(add_archive(&b, "/"), -1);
	}
}

static void
root_entry_sets_the_root(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "./", .type = '5', .mode = 0711, .mtime = 1000);
	ADD(&b, .name = "./f", .text = "x");
	add_end(&b);
	assert_applied(&b);
	assert_int_equal(stat_of(root, ".").st_mode & 07777, 0711);
	assert_int_equal(stat_of(root, ".").st_mtim.tv_sec, 1000);
}

/* Swaps a directory and a link to the canary until it is killed. */
static pid_t
start_swapper(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (symlinkat(canary_path, root, "link") < 0)
		_exit(1);
	for (;;) {
		(void)renameat2(root, "d", root, "link", RENAME_EXCHANGE);
		(void)mkdirat(root, "d", 0755);
	}
}

static void
a5_a_swapped_parent_stays_inside(void **state)
{
	auto(buf) struct buf b = { 0 };
	int rounds = getenv("CROZE_TEST_LONG") ? 1000 : 5;
	pid_t pid;

	(void)state;
	NEED_NAMESPACE();
	for (int i = 0; i < 1000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "d/f%d", i);
		ADD(&b, .name = name, .text = "x");
		snprintf(name, sizeof(name), "e%d", i); /* makes the folder be opened anew */
		ADD(&b, .name = name);
	}
	add_end(&b);
	assert_int_equal(mkdirat(root, "d", 0755), 0);
	pid = start_swapper();
	for (int i = 0; i < rounds; i++)
		(void)apply(&b); /* may fail; the canary decides */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_canary();
}

static void
a8_programs_of_the_image_do_not_run(void **state)
{
	auto(buf) struct buf b = { 0 };
	struct compressor *compressor;
	char packed[8192], path[256];
	ssize_t length;

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(mkdirat(root, "bin", 0755), 0);
	put_file(root, "bin/gzip", "#!/bin/sh\ntouch ran\n");
	assert_int_equal(fchmodat(root, "bin/gzip", 0755, 0), 0);
	snprintf(path, sizeof(path), "%s/root/bin", work_path);
	setenv("PATH", path, 1);
	ADD(&b, .name = "f", .text = "content");
	add_end(&b);
	assert_ok(compressor_new(COMPRESSION_GZIP, 1, &compressor, &failure), &failure);
	length = compressor_run(compressor, b.data, b.len, packed, sizeof(packed), &failure);
	compressor_free(compressor);
	assert_ok(length, &failure);
	assert_ok(apply_bytes(packed, (size_t)length, NULL), &failure);
	assert_string_equal(text_of(root, "f"), "content");
	assert_false(exists(root, "ran") || exists(work_dir, "ran"));
}

static void
a9_whiteouts_do_not_reach_outside(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "l", .type = '2', .link = canary_path);
	ADD(&b, .name = "l/.wh.secret");
	ADD(&b, .name = "l/.wh..wh..opq");
	ADD(&b, .name = "../../.wh.canary");
	add_end(&b);
	assert_applied(&b);
}

static void
whiteouts_that_name_nothing_are_refused(void **state)
{
	static const char *const names[] = { ".wh.", "a/.wh..", "a/.wh...", ".wh.d/x" };

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto(buf) struct buf b = { 0 };

		ADD(&b, .name = names[i]);
		add_end(&b);
		assert_refused(&b, "whiteout");
	}
}

static void
whiteouts_remove_what_is_below_and_not_what_is_new(void **state)
{
	auto(buf) struct buf b = { 0 };
	struct listing_item item;

	(void)state;
	NEED_NAMESPACE();
	mkdirat(root, "d", 0755);
	put_file(root, "d/old", "old");
	put_file(root, "gone", "x");
	mkdirat(root, "tree", 0755);
	mkdirat(root, "tree/sub", 0755);
	put_file(root, "tree/sub/f", "x");
	ADD(&b, .name = "d/new", .text = "new");
	ADD(&b, .name = "d/.wh..wh..opq");
	ADD(&b, .name = "d/newer", .text = "newer");
	ADD(&b, .name = ".wh.gone");
	ADD(&b, .name = ".wh.tree");
	ADD(&b, .name = ".wh.never-was");
	ADD(&b, .name = "no/such/.wh.folder");
	add_end(&b);
	assert_applied(&b);
	assert_false(exists(root, "d/old") || exists(root, "gone") || exists(root, "tree"));
	assert_string_equal(text_of(root, "d/new"), "new");
	assert_string_equal(text_of(root, "d/newer"), "newer");
	assert_false(exists(root, "no"));
	listing_at(listing, listing_find(listing, "d"), &item);
	assert_int_equal(item.flags & LISTING_OPAQUE, LISTING_OPAQUE);
	listing_at(listing, listing_find(listing, "gone"), &item);
	assert_int_equal(item.flags, LISTING_REMOVES);
}

static void
a12_declared_sizes_take_no_memory(void **state)
{
	struct rusage usage;
	static const uint64_t sizes[] = { 2ULL << 30, 1ULL << 30, 512ULL << 20 };
	static const char types[] = { 'x', 'L', 'K', 'g' };

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(sizes) * sizeof(types); i++) {
		auto(buf) struct buf b = { 0 };

		ADD(&b, .name = "big", .type = types[i % 4], .size = sizes[i / 4], .text = "12345");
		ADD(&b, .name = "f", .text = "x");
		add_end(&b);
		assert_int_equal(apply(&b), -1);
	}
	getrusage(RUSAGE_CHILDREN, &usage);
#ifndef CROZE_SANITIZED
	assert_true(usage.ru_maxrss < 64 * 1024);
#endif
}

static void
a12_impossible_sizes_are_refused(void **state)
{
	static const unsigned char sizes[][12] = {
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, /* -1 */
		{ 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, /* 2^63 - 1 */
		{ 0x80, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0 },
	};

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		auto(buf) struct buf b = { 0 };
		unsigned sum = 0;

		ADD(&b, .name = "f", .text = "x");
		memcpy(b.data + 124, sizes[i], 12);
		memset(b.data + 148, ' ', 8);
		for (size_t j = 0; j < 512; j++)
			sum += (unsigned char)b.data[j];
		put_octal_field(b.data + 148, 6, sum);
		b.data[154] = '\0';
		add_end(&b);
		assert_int_equal(apply(&b), -1);
	}
}

static void
a13_bombs_stop_at_the_budget(void **state)
{
	autofree char *zeros = xcalloc(1, 1 << 20);
	auto(buf) struct buf b = { 0 }, many = { 0 };
	struct compressor *compressor;
	char packed[8192];
	ssize_t length;

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "big", .size = 4ULL << 30);
	memcpy(zeros, b.data, b.len);
	buf_clear(&b);
	assert_ok(compressor_new(COMPRESSION_ZSTD, 1, &compressor, &failure), &failure);
	for (int i = 0; i < 4096; i++) {
		length =
		    compressor_run(compressor, zeros, 1 << 20, packed, sizeof(packed), &failure);
		assert_ok(length, &failure);
		buf_add(&b, packed, (size_t)length);
		memset(zeros, 0, 512);
	}
	compressor_free(compressor);
	assert_int_equal(
	    apply_bytes(b.data, b.len, &(struct apply_limits){ .bytes = 16 << 20 }), -1);
	assert_int_equal(failure.kind, ERR_POLICY);
	assert_true(stat_of(root, "big").st_size <= 16 << 20);
	for (int i = 0; i < 200; i++) {
		char name[20];

		snprintf(name, sizeof(name), "f%d", i);
		ADD(&many, .name = name);
	}
	add_end(&many);
	assert_int_equal(
	    apply_bytes(many.data, many.len, &(struct apply_limits){ .entries = 100 }), -1);
	assert_int_equal(failure.kind, ERR_POLICY);
}

static void
a14_truncation_inside_an_entry_is_refused(void **state)
{
	auto(buf) struct buf b = { 0 };
	bool boundary[400] = { 0 };
	char text[1400], name[40];
	size_t inside = 0;

	(void)state;
	NEED_NAMESPACE();
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		boundary[b.len / 512] = true;
		add_pax(&b, "comment", "x", 1);
		ADD(&b, .name = name, .text = i % 2 ? text : "");
	}
	boundary[b.len / 512] = true;
	for (size_t blocks = 0; blocks < b.len / 512; blocks++) {
		int done = apply_bytes(b.data, blocks * 512, NULL);

		if (!boundary[blocks]) {
			assert_int_equal(done, -1);
			assert_int_equal(failure.kind, ERR_INPUT);
			inside++;
		}
	}
	assert_true(inside > 60);
}

static void
a15_other_formats_are_no_tar(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} formats[] = {
		{ "Rar!\x1a\x07\x00", 7 },
		{ "Rar!\x1a\x07\x01\x00", 8 },
		{ "7z\xbc\xaf\x27\x1c", 6 },
		{ "PK\x03\x04\x14\0\0\0", 8 },
		{ "MSCF\0\0\0\0", 8 },
		{ "!<arch>\n", 8 },
		{ "070701000000010000", 18 },
		{ "WARC/1.0\r\n", 10 },
		{ "xar!\0\x1c", 6 },
		{ "#mtree\n/set", 11 },
		{ "--lh5-", 6 },
		{ "plain words\n", 12 },
	};

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		char bytes[40960] = { 0 };

		memcpy(bytes, formats[i].bytes, formats[i].length);
		memset(bytes + 100, 'y', 2000);
		if (i == 2) /* ISO 9660 as well */
			memcpy(bytes + 32769, "CD001", 5);
		assert_int_equal(apply_bytes(bytes, sizeof(bytes), NULL), -1);
		if (!strstr(failure.text, "not a tar archive"))
			fail_msg("format %zu: %s", i, failure.text);
	}
}

static void
a16_two_sizes_of_one_entry_are_refused(void **state)
{
	auto(buf) struct buf b = { 0 }, hidden = { 0 }, honest = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&hidden, .name = "hidden", .text = "evil");
	add_pax(&b, "size", "1024", 4);
	ADD(&b, .name = "f", .size = 0);
	buf_add(&b, hidden.data, hidden.len);
	add_end(&b);
	assert_refused(&b, "two sizes");
	add_pax(&honest, "size", "4", 1);
	ADD(&honest, .name = "f", .text = "evil");
	add_end(&honest);
	assert_applied(&honest);
}

static void
a16_what_follows_the_end_is_told(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "f", .text = "x");
	add_end(&b);
	ADD(&b, .name = "after", .text = "y");
	add_end(&b);
	assert_applied(&b);
	assert_false(exists(root, "after"));
	assert_true(has_note("behind the end"));
	assert_int_equal(result.tar_size, b.len);
}

static void
a17_truncated_compression_is_refused(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	assert_ok(apply_bytes(xz_of_f, sizeof(xz_of_f), NULL), &failure);
	assert_string_equal(text_of(root, "f"), "x");
	assert_int_equal(apply_bytes(xz_of_f, sizeof(xz_of_f) / 2, NULL), -1);
	assert_ok(apply_bytes(bzip2_of_f, sizeof(bzip2_of_f), NULL), &failure);
	assert_int_equal(apply_bytes(bzip2_of_f, sizeof(bzip2_of_f) / 2, NULL), -1);
}

static void
a18_reserved_attributes_are_dropped_and_told(void **state)
{
	static const char *const names[] = { "user.overlay.redirect", "user.overlay.opaque",
		"user.overlay.overlay.opaque", "trusted.overlay.opaque", "trusted.x",
		"security.selinux", "user.croze.device", "user.croze.owner" };
	auto(buf) struct buf b = { 0 };
	char value[64], list[256];
	autofd int fd = -1;

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(value, sizeof(value), "SCHILY.xattr.%s", names[i]);
		add_pax(&b, value, "y", 1);
		ADD(&b, .name = i % 2 ? "d/" : "f", .type = i % 2 ? '5' : '0', .mode = 0755);
	}
	add_pax(&b, "SCHILY.xattr.user.kept", "v\0w", 3);
	ADD(&b, .name = "f");
	add_end(&b);
	assert_applied(&b);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_true(has_note(names[i]));
	fd = openat(root, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "user.kept", value, sizeof(value)), 3);
	assert_memory_equal(value, "v\0w", 3);
	assert_int_equal(flistxattr(fd, list, sizeof(list)), sizeof("user.kept"));
	close(fd);
	fd = openat(root, "d", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flistxattr(fd, list, sizeof(list)), 0);
}

static void
a19_devices_are_recorded_and_never_work(void **state)
{
	auto(buf) struct buf b = { 0 };
	struct entry_reader reader = { 0 };
	struct entry entry;
	int fd;

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "dev/mem", .type = '3', .mode = 0640, .major = 1, .minor = 1);
	ADD(&b, .name = "dev/sda", .type = '4', .mode = 0660, .major = 8);
	ADD(&b, .name = "dev/whiteout", .type = '3', .mode = 0600);
	add_end(&b);
	assert_applied(&b);
	assert_true(S_ISREG(stat_of(root, "dev/mem").st_mode));
	assert_true(S_ISREG(stat_of(root, "dev/whiteout").st_mode));
	assert_ok(
	    entry_read_at(&reader, root, "dev/mem", "dev/mem", &entry, &fd, &failure), &failure);
	assert_true(S_ISCHR(entry.mode));
	assert_int_equal(entry.mode & 07777, 0640);
	assert_int_equal(entry.rdev, makedev(1, 1));
	assert_int_equal(fd, -1);
	assert_ok(
	    entry_read_at(&reader, root, "dev/sda", "dev/sda", &entry, &fd, &failure), &failure);
	assert_true(S_ISBLK(entry.mode));
	assert_int_equal(entry.rdev, makedev(8, 0));
	entry_reader_release(&reader);
}

static const struct CMUnitTest tests[] = {
	ROW(a1_parent_components_stay_inside),
	ROW(a2_links_made_earlier_lead_nowhere_outside),
	ROW(a3_hard_links_do_not_reach_outside),
	ROW(a4_the_root_is_a_directory),
	ROW(root_entry_sets_the_root),
	ROW(a5_a_swapped_parent_stays_inside),
	ROW(a8_programs_of_the_image_do_not_run),
	ROW(a9_whiteouts_do_not_reach_outside),
	ROW(whiteouts_that_name_nothing_are_refused),
	ROW(whiteouts_remove_what_is_below_and_not_what_is_new),
	ROW(a12_declared_sizes_take_no_memory),
	ROW(a12_impossible_sizes_are_refused),
	ROW(a13_bombs_stop_at_the_budget),
	ROW(a14_truncation_inside_an_entry_is_refused),
	ROW(a15_other_formats_are_no_tar),
	ROW(a16_two_sizes_of_one_entry_are_refused),
	ROW(a16_what_follows_the_end_is_told),
	ROW(a17_truncated_compression_is_refused),
	ROW(a18_reserved_attributes_are_dropped_and_told),
	ROW(a19_devices_are_recorded_and_never_work),
};

int
main(int argc, char **argv)
{
	return run_rows(tests, ARRAY_LEN(tests), argc, argv);
}
