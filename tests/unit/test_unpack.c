/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unpack - hostile archives do no harm, honest ones come out right (SECURITY rows A1 to A19, F17, F18).
 */
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

static int
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

static int
teardown(void **state)
{
	close(root);
	close(canary);
	apply_result_release(&result);
	listing_free_at(&listing);
	return unit_folder_end(state);
}

static void
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
static int
apply_bytes(const void *bytes, size_t length, const struct apply_limits *limits)
{
	autofd int fd = file_of(bytes, length);
	struct layer_source source = { .fd = fd };
	int done;

	apply_result_release(&result);
	listing_free_at(&listing);
	error_clear(&failure);
	done = layer_apply(&source, root, limits, &listing, &result, &failure);
	assert_canary();
	return done;
}

static int
apply(const struct buf *b)
{
	return apply_bytes(b->data, b->len, NULL);
}

static int
add_archive(const struct buf *b, const char *dest)
{
	autofd int fd = file_of(b->data, b->len);
	struct archive_options options = { .dest = dest, .dest_uid = 0, .dest_gid = 0 };
	int done;

	apply_result_release(&result);
	error_clear(&failure);
	done = archive_apply(fd, root, &options, &result, &failure);
	assert_canary();
	return done;
}

#define assert_applied(b) assert_ok(apply(b), &failure)
#define assert_refused(b, words)                              \
	do {                                                  \
		assert_int_equal(apply(b), -1);               \
		assert_non_null(strstr(failure.text, words)); \
	} while (0)

static bool
has_note(const char *words)
{
	for (size_t i = 0; i < result.notes.count; i++)
		if (strstr(result.notes.items[i], words))
			return true;
	return false;
}

/* A path below the root that mirrors one outside. */
static const char *
mirrored(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", canary_path + 1, name);
	return path;
}

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
	const char *rounds = getenv("CROZE_RACE_ROUNDS");
	int n = rounds ? (int)strtol(rounds, NULL, 10) : 5;
	pid_t pid;

	(void)state;
	NEED_NAMESPACE();
	for (int i = 0; i < 500; i++) {
		char name[40];

		snprintf(name, sizeof(name), "d/f%d", i);
		ADD(&b, .name = name, .text = "x");
		snprintf(name, sizeof(name), "e%d", i); /* makes the folder be opened anew */
		ADD(&b, .name = name);
	}
	add_end(&b);
	assert_int_equal(mkdirat(root, "d", 0755), 0);
	pid = start_swapper();
	for (int i = 0; i < n; i++)
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
	struct timespec start, end;

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		char bytes[40960] = { 0 };

		memcpy(bytes, formats[i].bytes, formats[i].length);
		memset(bytes + 100, 'y', 2000);
		if (i == 2) /* ISO 9660 as well */
			memcpy(bytes + 32769, "CD001", 5);
		clock_gettime(CLOCK_MONOTONIC, &start);
		assert_int_equal(apply_bytes(bytes, sizeof(bytes), NULL), -1);
		clock_gettime(CLOCK_MONOTONIC, &end);
		if (!strstr(failure.text, "not a tar archive"))
			fail_msg("format %zu: %s", i, failure.text);
		assert_true(end.tv_sec - start.tv_sec < 2);
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

/* `tar c f | xz` of one file "f" that holds "x" */
static const unsigned char xz_of_f[] = {
#include "tests/data/unpack/f.tar.xz.h"
};
static const unsigned char bzip2_of_f[] = {
#include "tests/data/unpack/f.tar.bz2.h"
};

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

static void
twin_merged_usr_and_absolute_links(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "usr/bin/", .type = '5', .mode = 0755);
	ADD(&b, .name = "bin", .type = '2', .link = "usr/bin");
	ADD(&b, .name = "bin/tool", .text = "tool", .mode = 0755);
	ADD(&b, .name = "run/", .type = '5', .mode = 0755);
	ADD(&b, .name = "var/run", .type = '2', .link = "/run");
	ADD(&b, .name = "var/run/x", .text = "x");
	ADD(&b, .name = "up", .type = '2', .link = "../../../../usr");
	ADD(&b, .name = "up/share/y", .text = "y");
	ADD(&b, .name = "dangling", .type = '2', .link = "/not/there");
	ADD(&b, .name = "dangling/z", .text = "z");
	ADD(&b, .name = "loop1", .type = '2', .link = "loop2");
	ADD(&b, .name = "loop2", .type = '2', .link = "loop1");
	ADD(&b, .name = "etc/passwd", .type = '2', .link = "/usr/etc/passwd");
	ADD(&b, .name = "usr/h", .type = '1', .link = "/bin/tool");
	add_end(&b);
	assert_applied(&b);
	assert_string_equal(text_of(root, "usr/bin/tool"), "tool");
	assert_true(S_ISLNK(stat_of(root, "bin").st_mode));
	assert_string_equal(text_of(root, "run/x"), "x");
	assert_string_equal(text_of(root, "usr/share/y"), "y");
	assert_string_equal(text_of(root, "not/there/z"), "z");
	assert_int_equal(stat_of(root, "usr/h").st_ino, stat_of(root, "usr/bin/tool").st_ino);
}

static void
twin_directories_without_permissions(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "a/", .type = '5', .mode = 0555, .mtime = 100);
	ADD(&b, .name = "a/f", .text = "x");
	ADD(&b, .name = "z/", .type = '5', .mode = 0711, .mtime = 200);
	ADD(&b, .name = "z/zero/", .type = '5', .mode = 01000, .mtime = 300);
	ADD(&b, .name = "z/zero/f", .text = "y");
	ADD(&b, .name = "shm/", .type = '5', .mode = 01777, .mtime = 400);
	ADD(&b, .name = "implied/sub/f", .text = "x");
	add_end(&b);
	assert_applied(&b);
	assert_int_equal(stat_of(root, "a").st_mode & 07777, 0555);
	assert_int_equal(stat_of(root, "a").st_mtim.tv_sec, 100);
	assert_int_equal(stat_of(root, "z").st_mtim.tv_sec, 200);
	assert_int_equal(stat_of(root, "z/zero").st_mode & 07777, 01000);
	assert_int_equal(stat_of(root, "z/zero").st_mtim.tv_sec, 300);
	assert_int_equal(stat_of(root, "shm").st_mode & 07777, 01777);
	assert_int_equal(stat_of(root, "implied/sub").st_mode & 07777, 0755);
}

static void
twin_owners_modes_and_capabilities(void **state)
{
	static const char capability[20] = "\x01\x00\x00\x02\x00\x20\x00\x00"; /* cap_net_raw=ep */
	auto(buf) struct buf b = { 0 };
	char value[32];
	struct stat st;
	autofd int fd = -1;

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "suid", .text = "x", .mode = 04755, .uid = 0, .gid = 42);
	ADD(&b, .name = "sgid", .text = "x", .mode = 06711, .uid = 1, .gid = 1);
	add_pax(&b, "SCHILY.xattr.security.capability", capability, sizeof(capability));
	ADD(&b, .name = "ping", .text = "x", .mode = 0755, .uid = 7);
	ADD(&b, .name = "link", .type = '2', .link = "x", .uid = 5, .gid = 6, .mtime = 77);
	ADD(&b, .name = "fifo", .type = '6', .mode = 0622, .uid = 3, .gid = 4, .mtime = 88);
	ADD(&b, .name = "gdir/", .type = '5', .mode = 02775, .uid = 0, .gid = 50);
	ADD(&b, .name = "gdir/f", .text = "x");
	add_end(&b);
	assert_applied(&b);
	st = stat_of(root, "suid");
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(st.st_gid, 42);
	assert_int_equal(stat_of(root, "sgid").st_mode & 07777, 06711);
	assert_int_equal(stat_of(root, "link").st_uid, 5);
	assert_int_equal(stat_of(root, "link").st_mtim.tv_sec, 77);
	st = stat_of(root, "fifo");
	assert_int_equal(st.st_mode & 07777, 0622);
	assert_int_equal(st.st_uid, 3);
	assert_int_equal(st.st_mtim.tv_sec, 88);
	assert_int_equal(stat_of(root, "gdir").st_mode & 07777, 02775);
	assert_int_equal(stat_of(root, "gdir/f").st_gid, 0);
	fd = openat(root, "ping", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "security.capability", value, sizeof(value)), 20);
	assert_memory_equal(value, capability, 20);
}

static void
owners_outside_the_map_are_remembered(void **state)
{
	auto(buf) struct buf b = { 0 }, link = { 0 };
	struct entry_reader reader = { 0 };
	struct entry entry;
	int fd;

	(void)state;
	NEED_NAMESPACE();
	add_pax(&b, "uid", "2147483647", 10);
	ADD(&b, .name = "far", .text = "x", .mode = 04755, .gid = 7);
	add_pax(&b, "gid", "3000000000", 10);
	ADD(&b, .name = "d/", .type = '5', .mode = 0750, .uid = 3);
	add_end(&b);
	assert_applied(&b);
	assert_ok(entry_read_at(&reader, root, "far", "far", &entry, &fd, &failure), &failure);
	assert_int_equal(entry.uid, 2147483647);
	assert_int_equal(entry.gid, 7);
	assert_int_equal(entry.mode, S_IFREG | 04755);
	assert_int_equal(entry.n_xattrs, 0);
	close(fd);
	assert_ok(entry_read_at(&reader, root, "d", "d", &entry, &fd, &failure), &failure);
	assert_int_equal(entry.uid, 3);
	assert_true(entry.gid == 3000000000U);
	close(fd);
	entry_reader_release(&reader);
	if (stat_of(root, "far").st_uid == 2147483647)
		return; /* everything is mapped here */
	add_pax(&link, "uid", "2147483647", 10);
	ADD(&link, .name = "foreign-link", .type = '2', .link = "x");
	add_end(&link);
	assert_refused(&link, "foreign-link");
}

static void
twin_types_change_and_the_last_entry_counts(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "a/", .type = '5', .mode = 0755);
	ADD(&b, .name = "a/x", .text = "x");
	ADD(&b, .name = "a", .text = "file now");
	ADD(&b, .name = "f", .text = "file");
	ADD(&b, .name = "f/", .type = '5', .mode = 0700);
	ADD(&b, .name = "f/in", .text = "in");
	ADD(&b, .name = "twice", .text = "one");
	ADD(&b, .name = "twice", .text = "two");
	ADD(&b, .name = "s", .type = '2', .link = "a");
	ADD(&b, .name = "s/", .type = '5', .mode = 0755);
	ADD(&b, .name = "dir/", .type = '5', .mode = 0700, .mtime = 1);
	ADD(&b, .name = "dir/", .type = '5', .mode = 0750, .mtime = 2);
	add_end(&b);
	assert_applied(&b);
	assert_string_equal(text_of(root, "a"), "file now");
	assert_string_equal(text_of(root, "f/in"), "in");
	assert_string_equal(text_of(root, "twice"), "two");
	assert_true(S_ISDIR(stat_of(root, "s").st_mode));
	assert_int_equal(stat_of(root, "dir").st_mode & 07777, 0750);
	assert_int_equal(stat_of(root, "dir").st_mtim.tv_sec, 2);
	assert_int_equal(listing_find(listing, "a/x"), SIZE_MAX);
}

static void
twin_hard_links_before_and_after_their_target(void **state)
{
	auto(buf) struct buf b = { 0 }, c = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "before", .type = '1', .link = "d/target");
	ADD(&b, .name = "d/target", .text = "x");
	ADD(&b, .name = "after", .type = '1', .link = "./d/../d/target");
	ADD(&b, .name = "after", .type = '1', .link = "d/target");
	ADD(&b, .name = "d/target", .type = '1', .link = "after");
	add_end(&b);
	assert_applied(&b);
	assert_int_equal(stat_of(root, "before").st_nlink, 3);
	ADD(&c, .name = "h", .type = '1', .link = "d");
	add_end(&c);
	assert_refused(&c, "directory");
}

static void
twin_strange_names_are_kept(void **state)
{
	static const char *const names[] = { "new\nline", "tab\there", "quote'\"", "-dash",
		"caf\xc3\xa9", "cafe\xcc\x81", "bad\xff\xfe", "a:b\\c", "dot.", "..dots", "...",
		" blank " };
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (i % 2)
			add_pax(&b, "path", names[i], strlen(names[i]));
		ADD(&b, .name = i % 2 ? "short" : names[i], .text = "x");
	}
	add_end(&b);
	assert_applied(&b);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_string_equal(text_of(root, names[i]), "x");
		assert_int_not_equal(listing_find(listing, names[i]), SIZE_MAX);
	}
	assert_int_equal(result.n_entries, ARRAY_LEN(names));
}

static void
messages_show_no_control_bytes(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "e\x1b]0;x\x07", .type = '1', .link = "gone\x1b[2J");
	add_end(&b);
	assert_refused(&b, "entry");
	assert_null(strchr(failure.text, '\x1b'));
}

static void
add_refuses_whiteout_names(void **state)
{
	auto(buf) struct buf b = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "d/.wh.x", .text = "x");
	add_end(&b);
	assert_int_equal(add_archive(&b, "/"), -1);
	assert_non_null(strstr(failure.text, ".wh."));
}

static void
add_unpacks_below_its_destination(void **state)
{
	auto(buf) struct buf b = { 0 };
	autofd int fd = -1;
	struct archive_options options = {
		.dest = "/link/app", .chown = true, .uid = 11, .gid = 12
	};

	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(symlinkat("/opt/real", root, "link"), 0);
	ADD(&b, .name = "./", .type = '5', .mode = 0750);
	ADD(&b, .name = "./f", .text = "x", .uid = 5);
	ADD(&b, .name = "./h", .type = '1', .link = "./f");
	add_end(&b);
	fd = file_of(b.data, b.len);
	assert_ok(archive_apply(fd, root, &options, NULL, &failure), &failure);
	assert_string_equal(text_of(root, "opt/real/app/f"), "x");
	assert_int_equal(stat_of(root, "opt/real/app/f").st_uid, 11);
	assert_int_equal(stat_of(root, "opt/real/app/h").st_nlink, 2);
	assert_int_equal(stat_of(root, "opt/real/app").st_mode & 07777, 0750);
	assert_int_equal(stat_of(root, "opt/real/app").st_gid, 12);
}

static void
archives_are_told_by_content(void **state)
{
	auto(buf) struct buf b = { 0 };
	autofd int tar = -1, xz = -1, text = -1, empty = -1, not_tar = -1;

	(void)state;
	ADD(&b, .name = "f", .text = "x");
	add_end(&b);
	tar = file_of(b.data, b.len);
	xz = file_of(xz_of_f, sizeof(xz_of_f));
	text = file_of("hello, world", 12);
	empty = file_of("", 0);
	not_tar = file_of("BZhello", 7);
	assert_int_equal(lseek(xz, 3, SEEK_SET), 3);
	assert_int_equal(archive_detect(tar, &failure), 1);
	assert_int_equal(archive_detect(xz, &failure), 1);
	assert_int_equal(lseek(xz, 0, SEEK_CUR), 3);
	assert_int_equal(archive_detect(text, &failure), 0);
	assert_int_equal(archive_detect(empty, &failure), 0);
	assert_int_equal(archive_detect(not_tar, &failure), 0);
}

/* F18: @n members, each of @part bytes, with @tail behind. */
static void
check_compressed(
    enum compression kind, size_t part, const char *tail, size_t tail_length, bool good)
{
	auto(buf) struct buf b = { 0 }, packed = { 0 };
	struct compressor *compressor;
	struct digest expected;

	ADD(&b, .name = "f", .text = "some content that is long enough to be cut");
	add_end(&b);
	digest_of(b.data, b.len, &expected);
	assert_ok(compressor_new(kind, 1, &compressor, &failure), &failure);
	for (size_t at = 0; at < b.len; at += part) {
		size_t length = b.len - at < part ? b.len - at : part;
		size_t room = compressor_bound(compressor, length);
		ssize_t written = compressor_run(
		    compressor, b.data + at, length, buf_reserve(&packed, room), room, &failure);

		assert_ok(written, &failure);
		buf_added(&packed, (size_t)written);
	}
	compressor_free(compressor);
	buf_add(&packed, tail, tail_length);
	assert_int_equal(apply(&packed), good ? 0 : -1);
	if (good)
		assert_true(digest_equal(&expected, &result.diff_id));
	if (good)
		assert_int_equal(result.size, packed.len);
}

static void
f18_members_and_frames_in_any_number(void **state)
{
	static const char zeros[700];

	(void)state;
	NEED_NAMESPACE();
	for (size_t part = 1; part < 3000; part = part * 3 + 1) {
		check_compressed(COMPRESSION_GZIP, part, NULL, 0, true);
		check_compressed(COMPRESSION_ZSTD, part, NULL, 0, true);
	}
	check_compressed(COMPRESSION_GZIP, 512, zeros, sizeof(zeros), true);
	check_compressed(COMPRESSION_GZIP, 512, "garbage", 7, false);
	check_compressed(
	    COMPRESSION_ZSTD, 512, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11, true); /* skippable */
	check_compressed(COMPRESSION_ZSTD, 512, "garbage", 7, false);
}

static void
digests_are_checked_and_cover_the_tail(void **state)
{
	auto(buf) struct buf b = { 0 };
	autofd int fd = -1;
	struct digest right, wrong = { { 1 } };
	struct layer_source source;

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "f", .text = "x");
	add_end(&b);
	buf_add_text(&b, "tail that no reader of tar looks at");
	digest_of(b.data, b.len, &right);
	fd = file_of(b.data, b.len);
	source = (struct layer_source){ .fd = fd, .digest = &right, .diff_id = &right };
	assert_ok(layer_list(&source, NULL, NULL, NULL, &failure), &failure);
	lseek(fd, 0, SEEK_SET);
	source.diff_id = &wrong;
	assert_int_equal(layer_list(&source, NULL, NULL, NULL, &failure), -1);
	assert_non_null(strstr(failure.text, "diff ID"));
	lseek(fd, 0, SEEK_SET);
	source = (struct layer_source){ .fd = fd, .digest = &wrong };
	assert_int_equal(layer_list(&source, NULL, NULL, NULL, &failure), -1);
	assert_int_equal(failure.kind, ERR_INPUT);
}

static void
f17_no_end_blocks_and_empty_archives(void **state)
{
	auto(buf) struct buf b = { 0 }, empty = { 0 };

	(void)state;
	NEED_NAMESPACE();
	ADD(&b, .name = "/absolute", .text = "x");
	assert_applied(&b);
	assert_string_equal(text_of(root, "absolute"), "x");
	add_end(&empty);
	assert_applied(&empty);
	assert_int_equal(result.n_entries, 0);
	assert_ok(apply_bytes("", 0, NULL), &failure);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
	ROW(twin_merged_usr_and_absolute_links),
	ROW(twin_directories_without_permissions),
	ROW(twin_owners_modes_and_capabilities),
	ROW(owners_outside_the_map_are_remembered),
	ROW(twin_types_change_and_the_last_entry_counts),
	ROW(twin_hard_links_before_and_after_their_target),
	ROW(twin_strange_names_are_kept),
	ROW(messages_show_no_control_bytes),
	ROW(add_refuses_whiteout_names),
	ROW(add_unpacks_below_its_destination),
	ROW(archives_are_told_by_content),
	ROW(f18_members_and_frames_in_any_number),
	ROW(digests_are_checked_and_cover_the_tail),
	ROW(f17_no_end_blocks_and_empty_archives),
};

/* The helper program stands at the top of the build tree. */
static void
find_helper(void)
{
	const char *build = getenv("CROZE_BUILD");

	if (build)
		setenv("CROZE_LIBEXEC", build, 0);
}

int
main(int argc, char **argv)
{
	find_helper();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, unit_enter, NULL);
}
