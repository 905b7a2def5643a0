/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_path - what is below a directory is found there, and nothing else is.
 *
 * Every test of opening runs twice, with openat2() and with the walk in user space, and both must agree.
 */
#include "runtime/base/path.h"

#include "tests/unit/unit.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct place {
	char path[64];
	int root;    /* .../root */
	int outside; /* the directory that holds root/, and secret */
};

static void
write_at(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int
set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	snprintf(p->path, sizeof(p->path), "/tmp/test_path.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->outside = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->outside >= 0);
	assert_int_equal(mkdirat(p->outside, "root", 0755), 0);
	p->root = openat(p->outside, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_at(p->outside, "secret", "secret");
	assert_int_equal(mkdirat(p->root, "a", 0755), 0);
	assert_int_equal(mkdirat(p->root, "a/b", 0755), 0);
	write_at(p->root, "a/b/file", "inside");
	write_at(p->root, "secret", "root's own");
	assert_int_equal(symlinkat("a/b", p->root, "link"), 0);
	assert_int_equal(symlinkat("/a/b", p->root, "absolute"), 0);
	assert_int_equal(symlinkat("../../../secret", p->root, "up"), 0);
	assert_int_equal(symlinkat("../secret", p->root, "a/beside"), 0);
	assert_int_equal(symlinkat("/nowhere/new", p->root, "dangling"), 0);
	assert_int_equal(symlinkat("loop2", p->root, "loop1"), 0);
	assert_int_equal(symlinkat("loop1", p->root, "loop2"), 0);
	assert_int_equal(symlinkat("a/b/", p->root, "slash"), 0);
	assert_int_equal(symlinkat("secret/", p->root, "file_slash"), 0);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	path_force_walk(false);
	close(p->root);
	close(p->outside);
	assert_ok(path_remove_tree(tmp, p->path + strlen("/tmp/"), &e), &e);
	close(tmp);
	free(p);
	return 0;
}

/* "-" and the errno's number, or the text of the file, or "dir". */
static char *
outcome(int fd)
{
	char text[64] = "";
	struct stat st;

	if (fd < 0)
		return xasprintf("-%s", strerrorname_np(errno));
	assert_int_equal(fstat(fd, &st), 0);
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		return xasprintf("dir %lu", (unsigned long)st.st_ino);
	}
	if (S_ISLNK(st.st_mode)) {
		close(fd);
		return xstrdup("link");
	}
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	return xstrdup(text);
}

static void
assert_opens(
    const struct place *p, const char *path, int flags, enum path_resolve how, const char *expected)
{
	for (int walk = 0; walk < 2; walk++) {
		autofree char *got = NULL;

		path_force_walk(walk == 1);
		got = outcome(path_try_open(p->root, path, flags, 0, how));
		if (expected && strncmp(got, expected, strlen(expected)) != 0)
			fail_msg("'%s' (walk %d): %s, not %s", path, walk, got, expected);
	}
}

static void
beneath_refuses_to_leave(void **state)
{
	static const char *const leaving[] = { "/", "/a", "..", "../secret", "a/../..",
		"a/../../secret", "up", "absolute", "absolute/file", "a/b/../../../root/secret" };

	for (size_t i = 0; i < ARRAY_LEN(leaving); i++)
		assert_opens(*state, leaving[i], O_RDONLY, PATH_BENEATH, "-EXDEV");
	assert_opens(*state, "a/b/file", O_RDONLY, PATH_BENEATH, "inside");
	assert_opens(*state, "link/file", O_RDONLY, PATH_BENEATH, "inside");
	assert_opens(*state, "a/../link/./file", O_RDONLY, PATH_BENEATH, "inside");
	assert_opens(*state, "a/beside", O_RDONLY, PATH_BENEATH, "root's own");
}

static void
in_root_stays_inside(void **state)
{
	static const char *const same[] = { "/secret", "secret", "../secret", "../../../../secret",
		"up", "a/../../secret", "a/beside", "link/../../secret", "absolute/../../up",
		"///secret", "a/b/../../up" };

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_opens(*state, same[i], O_RDONLY, PATH_IN_ROOT, "root's own");
	assert_opens(*state, "absolute/file", O_RDONLY, PATH_IN_ROOT, "inside");
	assert_opens(*state, "/absolute//file", O_RDONLY, PATH_IN_ROOT, "inside");
}

static void
no_symlinks_refuses_links(void **state)
{
	assert_opens(*state, "link", O_RDONLY, PATH_NO_SYMLINKS, "-ELOOP");
	assert_opens(*state, "link/file", O_RDONLY, PATH_NO_SYMLINKS, "-ELOOP");
	assert_opens(*state, "a/b/file", O_RDONLY, PATH_NO_SYMLINKS, "inside");
	assert_opens(*state, "link", O_PATH | O_NOFOLLOW, PATH_NO_SYMLINKS, "link");
}

/* Every path of up to four of these components, with every flag and way: both must agree. */
static void
walk_agrees_with_openat2(void **state)
{
	static const char *const parts[] = { "a", "b", "file", "..", ".", "link", "absolute", "up",
		"loop1", "dangling", "missing", "slash", "file_slash", "secret", "beside", "" };
	static const int flags[] = { O_RDONLY, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_NOFOLLOW,
		O_RDONLY | O_DIRECTORY, O_PATH | O_DIRECTORY | O_NOFOLLOW };
	const struct place *p = *state;
	size_t n = ARRAY_LEN(parts);
	size_t checked = 0;

	for (size_t number = 0; number < n * n * n; number++) {
		autofree char *path = xasprintf(
		    "%s/%s/%s", parts[number % n], parts[number / n % n], parts[number / n / n]);

		for (size_t i = 0; i < ARRAY_LEN(flags) * 3; i++) {
			enum path_resolve how = (enum path_resolve)(i % 3);
			int flag = flags[i / 3];
			autofree char *kernel = NULL;
			autofree char *walk = NULL;
			int fd;

			path_force_walk(false);
			fd = path_try_open(p->root, path, flag, 0, how);
			kernel = fd >= 0 && (flag & O_PATH) != 0 ? xstrdup("opened") : outcome(fd);
			if (fd >= 0 && (flag & O_PATH) != 0)
				close(fd);
			path_force_walk(true);
			fd = path_try_open(p->root, path, flag, 0, how);
			walk = fd >= 0 && (flag & O_PATH) != 0 ? xstrdup("opened") : outcome(fd);
			if (fd >= 0 && (flag & O_PATH) != 0)
				close(fd);
			/* Which of two faults of one path is told first is not promised. */
			if (kernel[0] == '-' && walk[0] == '-')
				continue;
			if (strcmp(kernel, walk) != 0)
				fail_msg("'%s' how %d flags %o: kernel %s, walk %s", path, (int)how,
				    flag, kernel, walk);
			checked++;
		}
	}
	assert_true(checked > 1000);
}

/* Links of procfs that are more than their text are followed in neither way; those that are names are (SECURITY R1). */
static void
r1_magic_links_are_followed_by_neither_openat2_nor_the_walk(void **state)
{
	static const struct {
		const char *path;
		int error_number;
	} cases[] = { { "self/cwd", ELOOP }, { "self/root", ELOOP }, { "self/exe", ELOOP },
		{ "self/fd/0", ELOOP }, { "self/cwd/x", ELOOP }, { "thread-self/root", ELOOP },
		{ "self/ns/mnt", ELOOP }, { "self/status", 0 }, { "mounts", 0 },
		{ "thread-self/status", 0 }, { "net/dev", 0 } };
	autofd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int zero = open("/proc/self/fd/0", O_PATH | O_CLOEXEC);

	(void)state;
	if (proc < 0 || zero < 0)
		skip_because("/proc is not mounted, or there is no descriptor 0");
	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		bool walk = i % 2;
		int fd, failed;

		path_force_walk(walk);
		fd = path_try_open(proc, cases[i / 2].path, O_PATH, 0, PATH_IN_ROOT);
		failed = fd < 0 ? errno : 0;
		if (fd >= 0)
			close(fd);
		if (failed != cases[i / 2].error_number)
			fail_msg("'%s', walk %d: %s", cases[i / 2].path, walk, strerror(failed));
	}
	path_force_walk(false);
}

static void
creating_follows_a_dangling_link_inside_the_root(void **state)
{
	struct place *p = *state;

	for (int walk = 0; walk < 2; walk++) {
		int fd;

		path_force_walk(walk == 1);
		assert_int_equal(
		    path_try_open(p->root, "dangling", O_WRONLY | O_CREAT, 0600, PATH_IN_ROOT), -1);
		assert_int_equal(errno, ENOENT);
		assert_int_equal(mkdirat(p->root, "nowhere", 0755), 0);
		fd = path_try_open(
		    p->root, "dangling", O_WRONLY | O_CREAT | O_EXCL, 0600, PATH_IN_ROOT);
		assert_int_equal(fd, -1);
		assert_int_equal(errno, EEXIST);
		fd = path_try_open(p->root, "dangling", O_WRONLY | O_CREAT, 0600, PATH_IN_ROOT);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(unlinkat(p->root, "nowhere/new", 0), 0);
		assert_int_equal(unlinkat(p->root, "nowhere", AT_REMOVEDIR), 0);
	}
}

static void
what_is_opened_is_closed_on_exec(void **state)
{
	struct place *p = *state;

	for (int walk = 0; walk < 2; walk++) {
		int fd;

		path_force_walk(walk == 1);
		fd = path_try_open(p->root, "a/b/file", O_RDONLY, 0, PATH_BENEATH);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
}

static void
the_walk_needs_few_descriptors_and_survives_many_levels(void **state)
{
	struct place *p = *state;
	struct buf path = { 0 };
	int first = dup(p->root);
	int fd, last;

	for (int i = 0; i < 500; i++)
		buf_add_text(&path, "d/");
	for (int i = 0; i < 100; i++)
		buf_add_text(&path, "../d/");
	fd = path_make_dirs(
	    p->root, buf_text(&path), 0755, (uid_t)-1, (gid_t)-1, &(struct error)ERROR_INIT);
	assert_true(fd >= 0);
	close(fd);
	path_force_walk(true);
	fd = path_try_open(p->root, buf_text(&path), O_PATH, 0, PATH_BENEATH);
	assert_true(fd >= 0);
	close(fd);
	last = dup(p->root);
	assert_true(last <= first + 1); /* nothing leaked */
	close(first);
	close(last);
	buf_release(&path);
}

static void
a_loop_of_links_ends(void **state)
{
	assert_opens(*state, "loop1", O_RDONLY, PATH_IN_ROOT, "-ELOOP");
	assert_opens(*state, "loop1/x", O_RDONLY, PATH_BENEATH, "-ELOOP");
}

static void
make_dirs_makes_parents_with_mode(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	struct stat st;
	mode_t before = umask(077);
	int fd =
	    path_make_dirs(p->root, "/new/one/../two//three/", 01755, (uid_t)-1, (gid_t)-1, &e);

	assert_ok(fd, &e);
	close(fd);
	umask(before);
	assert_int_equal(fstatat(p->root, "new/two/three", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 01755);
	assert_int_equal(fstatat(p->root, "new/one", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 01755);
	assert_int_equal(st.st_uid, geteuid());
}

static void
make_dirs_stays_inside_whatever_the_links_say(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	struct stat st;
	int fd;

	assert_int_equal(symlinkat("../../../escape/dir", p->root, "out"), 0);
	fd = path_make_dirs(p->root, "out/sub", 0755, (uid_t)-1, (gid_t)-1, &e);
	assert_ok(fd, &e);
	close(fd);
	assert_int_equal(fstatat(p->root, "escape/dir/sub", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(p->outside, "escape", &st, AT_SYMLINK_NOFOLLOW), -1);
	fd = path_make_dirs(p->root, "dangling", 0755, (uid_t)-1, (gid_t)-1, &e);
	assert_ok(fd, &e);
	close(fd);
	assert_int_equal(fstatat(p->root, "nowhere/new", &st, AT_SYMLINK_NOFOLLOW), 0);
}

static void
make_dirs_refuses_files_and_loops(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;

	assert_int_equal(path_make_dirs(p->root, "secret/x", 0755, (uid_t)-1, (gid_t)-1, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	assert_int_equal(path_make_dirs(p->root, "secret", 0755, (uid_t)-1, (gid_t)-1, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	assert_int_equal(path_make_dirs(p->root, "loop1/x", 0755, (uid_t)-1, (gid_t)-1, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_string_equal(
	    e.text, "cannot make directory 'loop1/x': Too many levels of symbolic links");
}

static void
remove_tree_goes_2000_levels_down(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	struct stat st;
	int dir = dup(p->root);

	for (int i = 0; i < 2000; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "deep", 0755), 0);
		if (i % 100 == 0)
			write_at(dir, "file", "x");
		next = openat(dir, "deep", O_PATH | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(dir);
		dir = next;
	}
	close(dir);
	assert_ok(path_remove_tree(p->root, "deep", &e), &e);
	assert_int_equal(fstatat(p->root, "deep", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void
remove_tree_removes_deep_ones_beside_each_other(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	char path[256] = "two";

	assert_int_equal(mkdirat(p->root, "two", 0755), 0);
	for (int side = 0; side < 2; side++) {
		size_t length = strlen("two");

		for (int i = 0; i < 100; i++) {
			path[length++] = '/';
			path[length++] = i == 0 ? (char)('a' + side) : 'd';
			path[length] = '\0';
			assert_int_equal(mkdirat(p->root, path, 0755), 0);
		}
	}
	assert_ok(path_remove_tree(p->root, "two", &e), &e);
}

static void
remove_tree_removes_many_beside_each_other(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	struct stat st;
	char name[64];

	assert_int_equal(mkdirat(p->root, "wide", 0755), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "wide/%d", i);
		if (i % 3 == 0)
			assert_int_equal(mkdirat(p->root, name, 0755), 0);
		else
			assert_int_equal(mknodat(p->root, name, S_IFREG | 0600, 0), 0);
	}
	assert_ok(path_remove_tree(p->root, "wide", &e), &e);
	assert_int_equal(fstatat(p->root, "wide", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void
remove_tree_opens_up_directories_of_any_mode(void **state)
{
	static const mode_t modes[] = { 0000, 0111, 0222, 0333, 0444, 0555, 0600, 0711, 02000,
		01000 };
	struct place *p = *state;
	struct error e = ERROR_INIT;
	struct stat st;
	char path[64];

	assert_int_equal(mkdirat(p->root, "m", 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		snprintf(path, sizeof(path), "m/%zu", i);
		assert_int_equal(mkdirat(p->root, path, 0755), 0);
		snprintf(path, sizeof(path), "m/%zu/sub", i);
		assert_int_equal(mkdirat(p->root, path, 0755), 0);
		snprintf(path, sizeof(path), "m/%zu/sub/file", i);
		write_at(p->root, path, "x");
		snprintf(path, sizeof(path), "m/%zu/sub", i);
		assert_int_equal(fchmodat(p->root, path, modes[i], 0), 0);
		snprintf(path, sizeof(path), "m/%zu", i);
		assert_int_equal(fchmodat(p->root, path, modes[i], 0), 0);
	}
	assert_int_equal(fchmodat(p->root, "m", 0, 0), 0);
	assert_ok(path_remove_tree(p->root, "m", &e), &e);
	assert_int_equal(fstatat(p->root, "m", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void
remove_tree_never_follows_links(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	struct stat st;

	assert_int_equal(mkdirat(p->outside, "keep", 0755), 0);
	write_at(p->outside, "keep/file", "x");
	assert_int_equal(symlinkat("../../keep", p->root, "a/keep"), 0);
	assert_int_equal(symlinkat("../keep", p->root, "keep"), 0);
	assert_ok(path_remove_tree(p->root, "a", &e), &e);
	assert_ok(path_remove_tree(p->root, "keep", &e), &e);
	assert_int_equal(fstatat(p->outside, "keep/file", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_ok(path_remove_tree(p->root, "keep", &e), &e); /* what is not there is removed */
}

static void
remove_tree_refuses_names_that_are_paths(void **state)
{
	static const char *const names[] = { "", ".", "..", "../secret", "/tmp", "a/b" };
	struct place *p = *state;
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(path_remove_tree(p->root, names[i], &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static void
read_file_takes_regular_files_only(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };

	assert_int_equal(mkfifoat(p->root, "fifo", 0644), 0);
	assert_int_equal(path_read_file(p->root, "fifo", &b, 100, &e), -1);
	assert_string_equal(e.text, "'fifo' is not a regular file");
	assert_int_equal(path_read_file(p->root, "a", &b, 100, &e), -1);
	assert_int_equal(path_read_file(p->root, "up", &b, 100, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	assert_int_equal(path_read_file(p->root, "a/b/file", &b, 5, &e), -1);
	assert_string_equal(e.text, "'a/b/file' is larger than 5 bytes");
	assert_ok(path_read_file(p->root, "a/b/file", &b, 6, &e), &e);
	assert_string_equal(buf_text(&b), "inside");
}

static void
write_file_replaces_and_leaves_nothing_behind(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	auto(buf) struct buf b = { 0 };
	struct stat st;

	assert_ok(path_write_file(p->root, "out", "one", 3, 0640, true, &e), &e);
	assert_ok(path_write_file(p->root, "out", "two", 3, 0604, false, &e), &e);
	assert_ok(path_read_file(p->root, "out", &b, 10, &e), &e);
	assert_string_equal(buf_text(&b), "two");
	assert_int_equal(fstatat(p->root, "out", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(path_write_file(p->root, "../out", "x", 1, 0600, false, &e), -1);
	assert_int_equal(
	    path_write_file(p->root, "a", "x", 1, 0600, false, &e), -1); /* a directory */
	assert_int_equal(e.sys, EISDIR);
	assert_int_equal(fcntl(p->root, F_GETFD), FD_CLOEXEC);
	{
		DIR *dir = fd_opendir(p->root, &e);
		struct dirent *entry;

		while ((entry = readdir(dir)) != NULL)
			assert_int_not_equal(strncmp(entry->d_name, ".tmp-", 5), 0);
		closedir(dir);
	}
	/* A link of that name is replaced, not followed. */
	assert_ok(path_write_file(p->root, "up", "x", 1, 0600, false, &e), &e);
	assert_int_equal(fstatat(p->root, "up", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void
make_dirs_user_makes_private_parents(void **state)
{
	struct place *p = *state;
	struct error e = ERROR_INIT;
	autofree char *path = xasprintf("%s/x/y/z", p->path);
	autofree char *bad = xasprintf("%s/secret/y", p->path);
	struct stat st;

	assert_ok(path_make_dirs_user(path, &e), &e);
	assert_ok(path_make_dirs_user(path, &e), &e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(path_make_dirs_user(bad, &e), -1);
}

static void
clean_is_as_in_go(void **state)
{
	/* The table that Go documents and tests path.Clean with, and some more. */
	static const char *const pairs[][2] = { { "", "." }, { "abc", "abc" },
		{ "abc/def", "abc/def" }, { ".", "." }, { "..", ".." }, { "../..", "../.." },
		{ "../../abc", "../../abc" }, { "/abc", "/abc" }, { "/", "/" }, { "abc/", "abc" },
		{ "abc/def/", "abc/def" }, { "./", "." }, { "../", ".." }, { "../../", "../.." },
		{ "/abc/", "/abc" }, { "abc//def//ghi", "abc/def/ghi" }, { "//abc", "/abc" },
		{ "///abc", "/abc" }, { "abc/./def", "abc/def" }, { "/./abc/def", "/abc/def" },
		{ "abc/.", "abc" }, { "abc/def/ghi/../jkl", "abc/def/jkl" },
		{ "abc/def/..", "abc" }, { "abc/def/../..", "." }, { "/abc/def/../..", "/" },
		{ "abc/def/../../..", ".." }, { "/abc/def/../../..", "/" },
		{ "abc/def/../../../ghi/jkl/../../../mno", "../../mno" }, { "abc/./../def", "def" },
		{ "abc//./../def", "def" }, { "abc/../../././../def", "../../def" },
		{ "a/../b//c/.", "b/c" }, { "...", "..." }, { ".a/..b", ".a/..b" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		autofree char *clean = path_clean(pairs[i][0]);

		assert_string_equal(clean, pairs[i][1]);
	}
}

static void
text_of_paths(void **state)
{
	autofree char *joined = path_join("a/b", "../c");
	autofree char *over = path_join("a/b", "/c/");
	autofree char *none = path_join("", "c");
	autofree char *absolute = path_absolute("../../x/./y");
	char name[300];

	(void)state;
	assert_string_equal(joined, "a/c");
	assert_string_equal(over, "/c");
	assert_string_equal(none, "c");
	assert_string_equal(absolute, "/x/y");
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a", "/"));
	assert_true(path_is_below("a", "."));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("../a", "."));
	assert_string_equal(path_base("/a/b"), "b");
	assert_string_equal(path_base("b"), "b");
	assert_true(path_is_name("..."));
	assert_false(path_is_name("a/"));
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	assert_false(path_is_name(name));
	name[255] = '\0';
	assert_true(path_is_name(name));
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	WITH_PLACE(beneath_refuses_to_leave),
	WITH_PLACE(in_root_stays_inside),
	WITH_PLACE(no_symlinks_refuses_links),
	WITH_PLACE(walk_agrees_with_openat2),
	WITH_PLACE(r1_magic_links_are_followed_by_neither_openat2_nor_the_walk),
	WITH_PLACE(creating_follows_a_dangling_link_inside_the_root),
	WITH_PLACE(what_is_opened_is_closed_on_exec),
	WITH_PLACE(the_walk_needs_few_descriptors_and_survives_many_levels),
	WITH_PLACE(a_loop_of_links_ends),
	WITH_PLACE(make_dirs_makes_parents_with_mode),
	WITH_PLACE(make_dirs_stays_inside_whatever_the_links_say),
	WITH_PLACE(make_dirs_refuses_files_and_loops),
	WITH_PLACE(remove_tree_goes_2000_levels_down),
	WITH_PLACE(remove_tree_removes_deep_ones_beside_each_other),
	WITH_PLACE(remove_tree_removes_many_beside_each_other),
	WITH_PLACE(remove_tree_opens_up_directories_of_any_mode),
	WITH_PLACE(remove_tree_never_follows_links),
	WITH_PLACE(remove_tree_refuses_names_that_are_paths),
	WITH_PLACE(read_file_takes_regular_files_only),
	WITH_PLACE(write_file_replaces_and_leaves_nothing_behind),
	WITH_PLACE(make_dirs_user_makes_private_parents),
	cmocka_unit_test(clean_is_as_in_go),
	cmocka_unit_test(text_of_paths),
};

UNIT_MAIN(tests)
