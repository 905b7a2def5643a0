/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unpack_twins - honest archives come out right (SECURITY section 3, F15 to F18).
 */
#include "tests/unit/unpack_unit.h"

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
	assert_ok(archive_apply(fd, &(struct apply_root){ root, NULL }, &options, NULL, &failure),
	    &failure);
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

/* @n bytes of xz or bzip2 that unpack to a tar of 60 files that do not compress. */
static int
cut_archive(const char *program, size_t n)
{
	auto(buf) struct buf b = { 0 };
	autofree char *command = NULL, *path = xasprintf("%s/cut.tar", work_path);
	uint32_t random = 1;
	int fd;

	for (int i = 0; i < 60; i++) {
		char name[8], text[3001] = { 0 };

		snprintf(name, sizeof(name), "f%d", i);
		for (size_t k = 0; k < 3000; k++)
			text[k] = (char)((random = random * 1664525 + 1013904223) >> 24 | 1);
		ADD(&b, .name = name, .text = text);
	}
	add_end(&b);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, b.data, b.len), b.len);
	close(fd);
	command = xasprintf("%s '%s' -c >'%s.packed'", program, path, path);
	if (system(command) != 0)
		return -1;
	free(path);
	path = xasprintf("%s/cut.tar.packed", work_path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)n), 0);
	return fd;
}

static void
an_archive_that_is_cut_is_one(void **state)
{
	autofd int xz = cut_archive("xz", 90000), bzip2 = cut_archive("bzip2 -1", 150000);

	(void)state;
	if (xz < 0 || bzip2 < 0)
		skip_because("xz or bzip2 is not installed");
	assert_int_equal(archive_detect(xz, &failure), 1);
	assert_int_equal(archive_detect(bzip2, &failure), 1);
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
	add_padded(&empty, "CD001", 5); /* as the image of a disk begins */
	assert_int_equal(apply_bytes(empty.data, empty.len, NULL), -1);
	assert_non_null(strstr(failure.text, "no tar archive"));
}

static const struct CMUnitTest tests[] = {
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
	ROW(an_archive_that_is_cut_is_one),
	ROW(f18_members_and_frames_in_any_number),
	ROW(digests_are_checked_and_cover_the_tail),
	ROW(f17_no_end_blocks_and_empty_archives),
};

int
main(int argc, char **argv)
{
	return run_rows(tests, ARRAY_LEN(tests), argc, argv);
}
