/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_unit - what the tests of layers share: a folder of their own, a user namespace, tar archives byte by byte.
 */
#ifndef CROZE_TESTS_LAYER_UNIT_H
#define CROZE_TESTS_LAYER_UNIT_H

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/userns.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Why no user namespace can be had; "" when the tests are in one. */
static char no_namespace[ERROR_TEXT_MAX];
static char work_path[64];
static int work_dir = -1;

#define NEED_NAMESPACE()                            \
	do {                                        \
		if (*no_namespace)                  \
			skip_because(no_namespace); \
	} while (0)

/* Once, before all tests. */
static inline int
unit_enter(void **state)
{
	struct error e = ERROR_INIT;
	struct userns ns = { 0 };

	(void)state;
	umask(0);
	if (userns_enter(&(struct userns_options){ 0 }, &ns, &e) < 0)
		snprintf(no_namespace, sizeof(no_namespace), "%s", e.text);
	userns_release(&ns);
	return 0;
}

/* Before each test: an empty folder. */
static inline int
unit_folder(void **state)
{
	(void)state;
	snprintf(work_path, sizeof(work_path), "/tmp/croze-layer-XXXXXX");
	if (!mkdtemp(work_path))
		return -1;
	work_dir = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return work_dir < 0 ? -1 : 0;
}

static inline int
unit_folder_end(void **state)
{
	struct error e = ERROR_INIT;

	(void)state;
	close(work_dir);
	work_dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (path_remove_tree(work_dir, work_path + strlen("/tmp/"), &e) < 0)
		print_message("# %s\n", e.text);
	close(work_dir);
	return 0;
}

#define UNIT_TEST(f) cmocka_unit_test_setup_teardown(f, unit_folder, unit_folder_end)

/* Runs the tests of @tests in a user namespace where there is one. */
#define LAYER_MAIN(tests)                                               \
	int main(int argc, char **argv)                                 \
	{                                                               \
		if (argc > 1)                                           \
			cmocka_set_test_filter(argv[1]);                \
		return cmocka_run_group_tests(tests, unit_enter, NULL); \
	}                                                               \
	int main(int argc, char **argv)

static inline int
make_folder(const char *name)
{
	int fd;

	assert_int_equal(mkdirat(work_dir, name, 0755), 0);
	fd = openat(work_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void
put_file(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct error e = ERROR_INIT;

	assert_true(fd >= 0);
	assert_ok(fd_write_all(fd, text, strlen(text), &e), &e);
	close(fd);
}

/* The content of a file, or "(none)". */
static inline const char *
text_of(int dir, const char *path)
{
	static char text[4096];
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0)
		return "(none)";
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static inline bool
exists(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline struct stat
stat_of(int dir, const char *path)
{
	struct stat st;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("'%s' is not there", path);
	return st;
}

/* One member of an archive. */
struct member {
	const char *name;
	char type; /* 0: '0' */
	unsigned mode;
	unsigned uid, gid;
	const char *text;
	const char *link;
	unsigned major, minor;
	uint64_t size; /* instead of the length of @text */
	long mtime;
};

static inline void
put_octal_field(char *field, size_t width, uint64_t value)
{
	for (size_t i = width; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
}

static inline void
add_padded(struct buf *b, const void *bytes, size_t length)
{
	static const char zeros[512];

	buf_add(b, bytes, length);
	buf_add(b, zeros, -length & 511);
}

static inline void
add_member(struct buf *b, const struct member *m)
{
	char h[512] = { 0 };
	size_t length = m->text ? strlen(m->text) : 0;
	unsigned sum = 0;

	memcpy(h, m->name, strnlen(m->name, 100));
	put_octal_field(h + 100, 7, m->mode ? m->mode : 0644);
	put_octal_field(h + 108, 7, m->uid);
	put_octal_field(h + 116, 7, m->gid);
	put_octal_field(h + 124, 11, m->size ? m->size : length);
	put_octal_field(h + 136, 11, (uint64_t)m->mtime);
	memset(h + 148, ' ', 8);
	h[156] = m->type ? m->type : '0';
	if (m->link)
		memcpy(h + 157, m->link, strnlen(m->link, 100));
	memcpy(h + 257,
	    "ustar\0"
	    "00",
	    8);
	put_octal_field(h + 329, 7, m->major);
	put_octal_field(h + 337, 7, m->minor);
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	put_octal_field(h + 148, 6, sum);
	h[154] = '\0';
	buf_add(b, h, 512);
	if (m->text)
		add_padded(b, m->text, length);
}

#define ADD(b, ...) add_member(b, &(struct member){ __VA_ARGS__ })

/* An extended header of one record. */
static inline void
add_pax(struct buf *b, const char *key, const char *value, size_t value_length)
{
	auto(buf) struct buf record = { 0 };
	size_t body = strlen(key) + value_length + 3, digits = 1;

	while (snprintf(NULL, 0, "%zu", body + digits) != (int)digits)
		digits++;
	buf_printf(&record, "%zu %s=", body + digits, key);
	buf_add(&record, value, value_length);
	buf_add_char(&record, '\n');
	ADD(b, .name = "PaxHeaders/x", .type = 'x', .size = record.len);
	add_padded(b, record.data, record.len);
}

static inline void
add_end(struct buf *b)
{
	static const char zeros[1024];

	buf_add(b, zeros, sizeof(zeros));
}

/* The bytes as a file at its start. */
static inline int
file_of(const void *bytes, size_t length)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	struct error e = ERROR_INIT;

	assert_true(fd >= 0);
	assert_ok(fd_write_all(fd, bytes, length, &e), &e);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

#endif
