/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_user - user strings against passwd and group files, honest and hostile.
 */
#include "tests/unit/unit.h"

#include "runtime/base/mem.h"
#include "runtime/sandbox/user.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# a comment\n"
			     "\n"
			     "app:x:1000:1001:App:/home/app:/bin/sh\n"
			     "1000:x:0:0:a number as a name:/root:/bin/sh\n"
			     "nogid:x:7::x:/:/bin/sh\n"
			     "negative:x:-1:0::/:/bin/sh\n"
			     "huge:x:4294967296:0::/:/bin/sh\n"
			     "twice:x:50:50::/first:/bin/sh\n"
			     "twice:x:51:51::/second:/bin/sh\n"
			     "last:x:60:61::/l";
static const char group[] = "root:x:0:\n"
			    "app:x:1001:\n"
			    "wheel:x:10:root,app\n"
			    "audio:x:29:application,app,x\n"
			    "appx:x:30:appx\n"
			    "app2:x:31:xapp,\n"
			    "short:x\n"
			    "bad:x:99999999999:app\n";

static void
fill(struct user_files *files)
{
	*files = (struct user_files){ 0 };
	buf_add_text(&files->passwd, passwd);
	buf_add_text(&files->group, group);
}

static const struct {
	const char *spec;
	int uid; /* -1: refused */
	int gid;
	const char *groups;
	const char *home;
} cases[] = {
	{ NULL, 0, 0, "0 10", "/root" },
	{ "", 0, 0, "0 10", "/root" },
	{ "root", 0, 0, "0 10", "/root" },
	{ "0", 0, 0, "0 10", "/root" },
	{ "00", 0, 0, "0 10", "/root" },
	{ "app", 1000, 1001, "1001 10 29", "/home/app" },
	{ "1000", 1000, 1001, "1001 10 29", "/home/app" },
	{ "1000:", 1000, 1001, "1001 10 29", "/home/app" },
	{ "app:wheel", 1000, 10, "10", "/home/app" },
	{ "app:10", 1000, 10, "10", "/home/app" },
	{ "1000:1000", 1000, 1000, "1000", "/home/app" },
	{ "1234", 1234, 0, "0", "/" },
	{ "1234:5", 1234, 5, "5", "/" },
	{ "1234:app", 1234, 1001, "1001", "/" },
	{ ":wheel", 0, 10, "10", "/root" },
	{ "2147483647", 2147483647, 0, "0", "/" },
	{ "0:2147483647", 0, 2147483647, "2147483647", "/root" },
	{ "twice", 50, 50, "50", "/first" },
	{ "last", 60, 61, "61", "/l" },
	{ "51", 51, 51, "51", "/second" },
	{ "2147483648", -1 },
	{ "4294967295", -1 },
	{ "4294967296", -1 },
	{ "18446744073709551616", -1 },
	{ "-1", -1 },
	{ "+1", -1 },
	{ "0x0", -1 },
	{ " 0", -1 },
	{ "0 ", -1 },
	{ "1e3", -1 },
	{ "1:99999999999", -1 },
	{ "1:-1", -1 },
	{ "1:nobody", -1 },
	{ "nobody", -1 },
	{ "App", -1 },
	{ "app:wheel:x", -1 },
	{ ":", -1 },
	{ "::", -1 },
	{ "app\n", -1 },
	{ "x", -1 },
	{ "root:x", -1 },
	{ "nogid", -1 },
	{ "negative", -1 },
	{ "huge", -1 },
	{ "bad:bad", -1 },
	{ "app:bad", -1 },
	{ "app:short", -1 },
	{ "#", -1 },
	{ "# a comment", -1 },
};

static void
sixty_user_strings_give_exactly_these_ids(void **state)
{
	auto(user_files) struct user_files files;

	(void)state;
	fill(&files);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error e = ERROR_INIT;
		struct user u;
		auto(buf) struct buf groups = { 0 };
		int result = user_resolve(&files, cases[i].spec, &u, &e);

		if (cases[i].uid < 0) {
			if (result == 0)
				fail_msg("'%s' was accepted", cases[i].spec);
			assert_int_equal(e.kind, ERR_INPUT);
			continue;
		}
		if (result < 0)
			fail_msg("'%s': %s", cases[i].spec, e.text);
		for (size_t g = 0; g < u.n_groups; g++)
			buf_printf(&groups, "%s%u", g > 0 ? " " : "", (unsigned int)u.groups[g]);
		assert_int_equal(u.uid, cases[i].uid);
		assert_int_equal(u.gid, cases[i].gid);
		assert_string_equal(buf_text(&groups), cases[i].groups);
		assert_string_equal(u.home, cases[i].home);
		user_release(&u);
	}
}

static void
owner_without_a_group_takes_the_number_or_the_primary_group(void **state)
{
	auto(user_files) struct user_files files;
	struct error e = ERROR_INIT;
	uid_t uid;
	gid_t gid;

	(void)state;
	fill(&files);
	assert_ok(user_resolve_owner(NULL, "55", &uid, &gid, &e), &e);
	assert_int_equal(uid, 55);
	assert_int_equal(gid, 55);
	assert_ok(user_resolve_owner(&files, "app", &uid, &gid, &e), &e);
	assert_int_equal(uid, 1000);
	assert_int_equal(gid, 1001);
	assert_ok(user_resolve_owner(&files, "app:wheel", &uid, &gid, &e), &e);
	assert_int_equal(gid, 10);
	assert_ok(user_resolve_owner(&files, ":wheel", &uid, &gid, &e), &e);
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 10);
	assert_int_equal(user_resolve_owner(&files, "nobody", &uid, &gid, &e), -1);
	assert_true(user_spec_is_numeric("1:2"));
	assert_true(user_spec_is_numeric("1"));
	assert_false(user_spec_is_numeric("app:2"));
}

/* A rootfs with /etc in a new folder; its descriptor. */
static int
make_root(char *path)
{
	int fd;

	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(mkdirat(fd, "etc", 0755), 0);
	return fd;
}

static void
remove_root(int fd, const char *path)
{
	(void)unlinkat(fd, "etc/passwd", 0);
	(void)unlinkat(fd, "etc/passwd", AT_REMOVEDIR);
	(void)unlinkat(fd, "usr/passwd", 0);
	(void)unlinkat(fd, "usr", AT_REMOVEDIR);
	(void)unlinkat(fd, "etc", AT_REMOVEDIR);
	(void)close(fd);
	(void)rmdir(path);
}

static void
write_file(int root, const char *name, const char *text)
{
	int fd = openat(root, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/* C16, C17: whatever passwd is, the answer comes at once and is a refusal. */
static void
c16_c17_hostile_passwd_files_are_refused_at_once(void **state)
{
	char path[] = "/tmp/croze-test-user-XXXXXX";
	int root = make_root(path);
	struct user_files files;
	struct error e = ERROR_INIT;
	time_t start = time(NULL);
	int fd;

	(void)state;
	assert_int_equal(mkfifoat(root, "etc/passwd", 0644), 0);
	assert_int_equal(user_files_read(root, &files, &e), -1);
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(mkdirat(root, "etc/passwd", 0755), 0);
	assert_int_equal(user_files_read(root, &files, &e), -1);
	assert_int_equal(unlinkat(root, "etc/passwd", AT_REMOVEDIR), 0);
	fd = openat(root, "etc/passwd", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 2LL << 30), 0);
	(void)close(fd);
	assert_int_equal(user_files_read(root, &files, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_true(time(NULL) - start <= 1);
	remove_root(root, path);
}

static void
c16_a_link_out_of_the_rootfs_reads_nothing_outside(void **state)
{
	char path[] = "/tmp/croze-test-user-XXXXXX";
	int root = make_root(path);
	auto(user_files) struct user_files files = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(symlinkat("/../../../../../../etc/passwd", root, "etc/passwd"), 0);
	if (user_files_read(root, &files, &e) == 0)
		assert_int_equal(files.passwd.len, 0);
	remove_root(root, path);
}

static void
c20_an_absolute_link_inside_the_rootfs_works(void **state)
{
	char path[] = "/tmp/croze-test-user-XXXXXX";
	int root = make_root(path);
	struct error e = ERROR_INIT;
	struct user u;

	(void)state;
	assert_int_equal(mkdirat(root, "usr", 0755), 0);
	write_file(root, "usr/passwd", "inside:x:77:78::/in:/bin/sh\n");
	assert_int_equal(symlinkat("/usr/passwd", root, "etc/passwd"), 0);
	assert_ok(user_resolve_in(root, "inside", &u, &e), &e);
	assert_int_equal(u.uid, 77);
	assert_int_equal(u.gid, 78);
	assert_string_equal(u.home, "/in");
	user_release(&u);
	remove_root(root, path);
}

static void
an_image_without_files_knows_root_and_numbers(void **state)
{
	struct user_files files = { 0 };
	struct error e = ERROR_INIT;
	struct user u;

	(void)state;
	assert_ok(user_resolve(&files, "root", &u, &e), &e);
	assert_int_equal(u.uid, 0);
	assert_string_equal(u.home, "/root");
	user_release(&u);
	assert_ok(user_resolve(&files, "65534", &u, &e), &e);
	assert_int_equal(u.uid, 65534);
	user_release(&u);
	assert_int_equal(user_resolve(&files, "nobody", &u, &e), -1);
	assert_string_equal(e.text, "the image has no user 'nobody' in '/etc/passwd'");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(sixty_user_strings_give_exactly_these_ids),
	cmocka_unit_test(owner_without_a_group_takes_the_number_or_the_primary_group),
	cmocka_unit_test(c16_c17_hostile_passwd_files_are_refused_at_once),
	cmocka_unit_test(c16_a_link_out_of_the_rootfs_reads_nothing_outside),
	cmocka_unit_test(c20_an_absolute_link_inside_the_rootfs_works),
	cmocka_unit_test(an_image_without_files_knows_root_and_numbers),
};

UNIT_MAIN(tests)
