/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_owner_record - owners where one id alone is mapped: what stands for them, and that it comes back.
 */
#include "runtime/base/fd.h"
#include "seccomp/owner.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static void
text_of_an_owner_is_read_back(void **state)
{
	static const struct owner owners[] = { { 0, 1 }, { 1000, 1000 }, { 65534, 65534 },
		{ 2147483647, 4294967294U } };
	char text[OWNER_TEXT_MAX];
	struct owner again;

	(void)state;
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		size_t length = owner_format(&owners[i], text);

		assert_true(owner_parse(text, length, &again));
		assert_int_equal(again.uid, owners[i].uid);
		assert_int_equal(again.gid, owners[i].gid);
	}
}

static void
what_is_no_owner_is_refused(void **state)
{
	static const char *const texts[] = { "", ":", "1:", ":1", "1", "1:2:3", "-1:0", " 1:2",
		"1:2 ", "4294967296:0", "0x1:1", "1:1\n", "11111111111111111111111111111111:1" };
	struct owner owner;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (owner_parse(texts[i], strlen(texts[i]), &owner))
			fail_msg("'%s' is taken for an owner", texts[i]);
}

static void
device_is_read_back_and_nothing_else_is_one(void **state)
{
	static const char *const wrong[] = { "", "c", "c:", "p:1:3", "c:1", "c:1:", "c1:3",
		"c:1:3x" };
	char text[OWNER_TEXT_MAX];
	mode_t mode = S_IFREG | 0640;
	dev_t rdev = 0;
	size_t length = owner_device_format(S_IFBLK | 0600, makedev(259, 70000), text);

	(void)state;
	assert_true(owner_device_parse(text, length, &mode, &rdev));
	assert_int_equal(mode, S_IFBLK | 0640);
	assert_int_equal(major(rdev), 259);
	assert_int_equal(minor(rdev), 70000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (owner_device_parse(wrong[i], strlen(wrong[i]), &mode, &rdev))
			fail_msg("'%s' is taken for a device", wrong[i]);
}

static void
owner_of_a_link_is_in_its_access_time(void **state)
{
	static const struct owner owners[] = { { 1, 0 }, { 0, 1 }, { 1000, 50 },
		{ UINT32_MAX - 1, 999999999 } };
	char folder[] = "/tmp/croze-owner.XXXXXX";
	autofd int dir = -1;

	(void)state;
	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(symlinkat("target", dir, "l"), 0);
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		struct owner got = { 7, 7 };
		char target[16];
		struct stat st;

		assert_int_equal(owner_set_at(dir, "l", &owners[i]), 0);
		/* following it is what updates an access time */
		assert_int_equal(readlinkat(dir, "l", target, sizeof(target)), 6);
		assert_int_equal(fstatat(dir, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_true(owner_of_time(&st.st_atim, &got));
		assert_int_equal(got.uid, owners[i].uid);
		assert_int_equal(got.gid, owners[i].gid);
	}
	assert_int_equal(owner_set_at(dir, "l", &(struct owner){ 0, 0 }), 0);
	{
		struct owner got;
		struct stat st;

		assert_int_equal(fstatat(dir, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_false(owner_of_time(&st.st_atim, &got));
	}
	assert_int_equal(owner_set_at(dir, "l", &(struct owner){ 0, 1000000000 }), -1);
	assert_int_equal(errno, ERANGE);
	(void)unlinkat(dir, "l", 0);
	(void)rmdir(folder);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(text_of_an_owner_is_read_back),
	cmocka_unit_test(what_is_no_owner_is_refused),
	cmocka_unit_test(device_is_read_back_and_nothing_else_is_one),
	cmocka_unit_test(owner_of_a_link_is_in_its_access_time),
};

UNIT_MAIN(tests)
