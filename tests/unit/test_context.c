/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_context - build contexts: Dockerfiles, ignore files, and walking what is in them.
 */
#include "tests/unit/unit.h"

#include "builder/context/context.h"
#include "builder/context/traverse.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[PATH_MAX] = "/tmp/test_context.XXXXXX";
static int top = -1; /* scratch/context; scratch/outside is beside it */

static void
put(const char *path, const char *text)
{
	autofd int fd = openat(top, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("cannot write %s", path);
}

static void
put_link(const char *target, const char *path)
{
	(void)unlinkat(top, path, 0);
	assert_int_equal(symlinkat(target, top, path), 0);
}

static int
open_scratch(void **state)
{
	(void)state;
	snprintf(scratch, sizeof(scratch), "/tmp/test_context.XXXXXX");
	if (!mkdtemp(scratch) || chdir(scratch) < 0 || mkdir("context", 0755) < 0 ||
	    mkdir("outside", 0755) < 0)
		return -1;
	top = open("context", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -1;
	put("../outside/secret", "SECRET");
	put("../outside/Dockerfile", "FROM outside");
	return 0;
}

static int
close_scratch(void **state)
{
	struct error e = ERROR_INIT;
	autofd int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	fd_close_at(&top);
	return chdir("/") < 0 ? -1 : path_remove_tree(tmp, path_base(scratch), &e);
}

/*
 * Reads the Dockerfile as -f @file finds it; checks its text, or that the error holds @expected
 * when it begins with '!'.
 */
static void
check_dockerfile(const char *file, const char *expected)
{
	struct error e = ERROR_INIT;
	struct context context;
	struct context_dockerfile dockerfile;
	int result;

	assert_ok(context_open(&context, "context", &e), &e);
	result = context_read_dockerfile(&context, file, &dockerfile, &e);
	if (*expected == '!') {
		assert_int_equal(result, -1);
		if (!strstr(e.text, expected + 1))
			fail_msg("'%s' is not in '%s'", expected + 1, e.text);
		assert_null(strstr(e.text, "SECRET"));
	} else {
		assert_ok(result, &e);
		assert_string_equal(buf_text(&dockerfile.text), expected);
		context_dockerfile_release(&dockerfile);
	}
	context_release(&context);
}

/*
 * Reads the ignore file; @expected is what its canonical text begins with, or the error after '!'.
 */
static void
check_ignore(const char *dockerfile, const char *expected)
{
	struct error e = ERROR_INIT;
	struct context context;
	int result;

	assert_ok(context_open(&context, "context", &e), &e);
	result = context_read_ignore(&context, dockerfile, NULL, &e);
	if (*expected == '!') {
		assert_int_equal(result, -1);
		if (!strstr(e.text, expected + 1))
			fail_msg("'%s' is not in '%s'", expected + 1, e.text);
		assert_null(strstr(e.text, "SECRET"));
	} else {
		assert_ok(result, &e);
		assert_true(ignore_match(&context.ignore, expected, false));
	}
	context_release(&context);
}

static void
dockerfile_is_found_by_its_names(void **state)
{
	(void)state;
	check_dockerfile(NULL, "!there is no Dockerfile in 'context'");
	put("Containerfile", "FROM c");
	check_dockerfile(NULL, "FROM c");
	put("dockerfile", "FROM b");
	check_dockerfile(NULL, "FROM b");
	put("Dockerfile", "FROM a");
	check_dockerfile(NULL, "FROM a");
}

static void
named_dockerfile_is_looked_up_here_then_in_the_context(void **state)
{
	(void)state;
	put("app.Dockerfile", "FROM app");
	check_dockerfile("app.Dockerfile", "FROM app");
	check_dockerfile("context/app.Dockerfile", "FROM app");
	check_dockerfile("outside/Dockerfile", "FROM outside");
	put("../app.Dockerfile", "FROM here");
	check_dockerfile("app.Dockerfile", "FROM here");
	check_dockerfile("nosuch", "!Dockerfile 'nosuch' is not there");
	check_dockerfile("context", "!is a directory");
}

static void
c5_dockerfile_that_links_out_of_the_context_is_refused(void **state)
{
	(void)state;
	put_link("../outside/secret", "Dockerfile");
	check_dockerfile(NULL, "!leaves the build context");
	check_dockerfile("context/Dockerfile", "!leaves the build context");
	check_dockerfile("./context/../context/Dockerfile", "!leaves the build context");
	put_link("/etc/passwd", "Dockerfile");
	check_dockerfile(NULL, "!leaves the build context");
	assert_int_equal(symlinkat("../outside", top, "dir"), 0);
	check_dockerfile("context/dir/secret", "!leaves the build context");
	(void)unlinkat(top, "Dockerfile", 0);
	assert_int_equal(mkfifoat(top, "Dockerfile", 0644), 0);
	check_dockerfile(NULL, "!not a regular file");
}

static void
dockerfile_may_be_a_link_inside(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(top, "docker", 0755), 0);
	put("docker/prod", "FROM prod");
	put_link("docker/prod", "Dockerfile");
	check_dockerfile(NULL, "FROM prod");
	check_dockerfile("context/Dockerfile", "FROM prod");
	put("../mine", "FROM mine");
	assert_int_equal(symlink("mine", "my.link"), 0); /* the user's own */
	check_dockerfile("my.link", "FROM mine");
}

static void
ignore_files_have_an_order(void **state)
{
	(void)state;
	put("Dockerfile", "FROM a");
	put(".dockerignore", "by-docker\n");
	check_ignore("Dockerfile", "by-docker");
	put(".containerignore", "by-container\n");
	check_ignore(NULL, "by-container");
	put("Dockerfile.dockerignore", "by-dockerfile\n");
	check_ignore("Dockerfile", "by-dockerfile");
	check_ignore("context/Dockerfile", "by-dockerfile");
	check_ignore("-", "by-container");
	put("../outside/Dockerfile.dockerignore", "by-outside\n");
	check_ignore("outside/Dockerfile", "by-outside");
}

static void
c5_ignore_file_that_links_out_of_the_context_is_refused(void **state)
{
	(void)state;
	put_link("../outside/secret", ".dockerignore");
	check_ignore(NULL, "!leaves the build context");
	put_link("../outside/secret", "Dockerfile.dockerignore");
	check_ignore("Dockerfile", "!leaves the build context");
	(void)unlinkat(top, "Dockerfile.dockerignore", 0);
	(void)unlinkat(top, ".dockerignore", 0);
	assert_int_equal(mkfifoat(top, ".dockerignore", 0644), 0);
	check_ignore(NULL, "!not a regular file");
	(void)unlinkat(top, ".dockerignore", 0);
	put("real", "inside\n");
	put_link("real", ".dockerignore");
	check_ignore(NULL, "inside");
	put(".dockerignore", "a[\n");
	check_ignore(NULL, "!.dockerignore:1");
}

static void
c17_huge_files_are_refused(void **state)
{
	autofd int fd = -1;

	(void)state;
	put(".dockerignore", "");
	fd = openat(top, ".dockerignore", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	check_ignore(NULL, "!.dockerignore");
	put_link(".dockerignore", "Dockerfile");
	check_dockerfile(NULL, "!Dockerfile");
}

static void
wrong_contexts_are_refused(void **state)
{
	struct error e = ERROR_INIT;
	struct context context;

	(void)state;
	assert_int_equal(context_open(&context, "nosuch", &e), -1);
	assert_string_equal(e.text, "build context 'nosuch' is not there");
	assert_int_equal(e.kind, ERR_USAGE);
	assert_int_equal(context_open(&context, "outside/secret", &e), -1);
	assert_string_equal(e.text, "build context 'outside/secret' is not a directory");
	assert_non_null(strstr(e.hint, "-f"));
	assert_int_equal(context_open(&context, "https://example.org/x.git", &e), -1);
	assert_non_null(strstr(e.text, "not supported"));
	context_none(&context);
	assert_ok(context_read_ignore(&context, NULL, NULL, &e), &e);
	context_release(&context);
}

static void
check_stream(const char *bytes, size_t length, bool is_fine)
{
	struct error e = ERROR_INIT;
	struct context_dockerfile dockerfile;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], bytes, length), (ssize_t)length);
	close(ends[1]);
	if (is_fine) {
		assert_ok(context_read_dockerfile_stream(ends[0], &dockerfile, &e), &e);
		assert_int_equal(dockerfile.text.len, length);
		context_dockerfile_release(&dockerfile);
	} else {
		assert_int_equal(context_read_dockerfile_stream(ends[0], &dockerfile, &e), -1);
		assert_non_null(strstr(e.text, "archive"));
	}
	close(ends[0]);
}

static void
standard_input_is_a_dockerfile(void **state)
{
	char tar[512] = "a";

	(void)state;
	memcpy(tar + 257, "ustar", 5);
	check_stream("FROM a\n", 7, true);
	check_stream("", 0, true);
	check_stream("\x1f\x8b\x08\x00", 4, false);
	check_stream(tar, sizeof(tar), false);
}

/* ---- walking ---- */

struct seen {
	struct strv names;
	size_t depth;
};

static int
see(void *arg, const struct traverse_item *item, uint32_t *token, struct error *e)
{
	struct seen *s = arg;

	(void)e;
	*token = item->parent + 1;
	if (s->depth < *token)
		s->depth = *token;
	strv_printf(&s->names, "%u%s%s", item->parent, item->excluded ? "!" : ":", item->name);
	return 1;
}

static void
check_walk(const struct ignore *ignore, const char *expected)
{
	struct seen seen = { 0 };
	struct traverse traverse = {
		.root = top, .start = ".", .ignore = ignore, .visit = see, .arg = &seen
	};
	struct error e = ERROR_INIT;
	autofree char *joined = NULL;

	assert_ok(traverse_run(&traverse, &e), &e);
	joined = strv_join(&seen.names, " ");
	assert_string_equal(joined, expected);
	strv_release(&seen.names);
}

static void
walk_is_sorted_and_follows_no_link(void **state)
{
	(void)state;
	put("b", "");
	put("a.b", "");
	assert_int_equal(mkdirat(top, "a", 0755), 0);
	put("a/z", "");
	put("a/y", "");
	put_link("../outside", "out");
	check_walk(NULL, "0:a 0:a.b 0:b 0:out 1:y 1:z");
}

static void
t46_excluded_directories_are_walked_for_what_is_taken_back(void **state)
{
	auto(ignore) struct ignore ignore = { 0 };
	struct error e = ERROR_INIT;
	const char *text = "a\nc\n!a/y\n";

	(void)state;
	assert_int_equal(mkdirat(top, "a", 0755), 0);
	assert_int_equal(mkdirat(top, "c", 0755), 0);
	put("a/x", "");
	put("a/y", "");
	put("c/x", "");
	assert_ok(ignore_parse(&ignore, text, strlen(text), "x", &e), &e);
	check_walk(&ignore, "0!a 1:y");
}

static void
f15_two_thousand_levels(void **state)
{
	struct seen seen = { 0 };
	struct traverse traverse = { .root = top, .start = ".", .visit = see, .arg = &seen };
	struct error e = ERROR_INIT;
	autofd int at = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int next;

		assert_int_equal(mkdirat(at, "level", 0755), 0);
		next = openat(at, "level", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	assert_ok(traverse_run(&traverse, &e), &e);
	assert_int_equal(seen.depth, 2000);
	strv_release(&seen.names);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_scratch, close_scratch)

static const struct CMUnitTest tests[] = {
	TEST(dockerfile_is_found_by_its_names),
	TEST(named_dockerfile_is_looked_up_here_then_in_the_context),
	TEST(c5_dockerfile_that_links_out_of_the_context_is_refused),
	TEST(dockerfile_may_be_a_link_inside),
	TEST(ignore_files_have_an_order),
	TEST(c5_ignore_file_that_links_out_of_the_context_is_refused),
	TEST(c17_huge_files_are_refused),
	TEST(wrong_contexts_are_refused),
	TEST(standard_input_is_a_dockerfile),
	TEST(walk_is_sorted_and_follows_no_link),
	TEST(t46_excluded_directories_are_walked_for_what_is_taken_back),
	TEST(f15_two_thousand_levels),
};

UNIT_MAIN(tests);
