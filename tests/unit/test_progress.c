/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_progress - what the displays print for one made-up build.
 */
#include "unit.h"

#include "builder/progress/causes.h"
#include "builder/progress/progress.h"
#include "builder/progress/terminal.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static double now;

static double
fake_clock(void)
{
	return now;
}

struct fixture {
	struct progress *p;
	int out, err;
};

static void
open_fixture(struct fixture *f, enum progress_mode mode)
{
	struct progress_options options = {
		.mode = mode, .title = "app:1.4.2", .platform = "linux/amd64", .clock = fake_clock
	};

	setenv("NO_COLOR", "1", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("COLUMNS", "72", 1);
	setenv("LINES", "12", 1);
	unsetenv("GITHUB_ACTIONS");
	unsetenv("BUILDKIT_TTY_LOG_LINES");
	now = 100;
	f->out = memfd_create("out", MFD_CLOEXEC);
	f->err = memfd_create("err", MFD_CLOEXEC);
	options.out = f->out;
	options.err = f->err;
	f->p = progress_new(&options);
}

static char *
text_of(int fd)
{
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;

	lseek(fd, 0, SEEK_SET);
	assert_ok(fd_read_all(fd, &b, 1 << 20, "output", &e), &e);
	return buf_steal(&b);
}

static void
close_fixture(struct fixture *f)
{
	progress_free(f->p);
	close(f->out);
	close(f->err);
}

static void
say(struct fixture *f, size_t stage, size_t step, const char *text)
{
	progress_log(f->p, stage, step, text, strlen(text));
}

static void
step(struct fixture *f, size_t stage, size_t number, enum progress_state state, const char *text)
{
	struct progress_step report = {
		.state = state, .text = text, .file = "Dockerfile", .line = (unsigned)number + 1
	};

	progress_step(f->p, stage, number, &report);
}

static void
begin(struct fixture *f)
{
	progress_tier(f->p, "userns+overlay");
	assert_int_equal(progress_stage(f->p, "builder", 3), 0);
	assert_int_equal(progress_stage(f->p, "final", 2), 1);
	step(f, 0, 0, PROGRESS_CACHED, "FROM golang");
	step(f, 0, 1, PROGRESS_RUNNING, "RUN go build");
	now += 0.412;
	say(f, 0, 1, "internal/parse\ncmd/ser");
	now += 1;
	say(f, 0, 1, "ver\n10%\r50%\r\n\x1b[31mred\x1b[0m \x1b]0;title\abell\x1b[2J\n\ttab\xff");
}

static const struct progress_summary summary = {
	.name = "app:1.4.2",
	.digest = "sha256:4f1c",
	.image_id = "sha256:abcd",
	.size = 18700000,
	.compressed_size = 9400000,
	.n_layers = 3,
	.left_behind = 424700000,
	.n_left_stages = 1,
};

static void
plain_lines_have_the_stage_in_front(void **state)
{
	struct fixture f;
	autofree char *text = NULL;
	struct progress_step done = { .state = PROGRESS_DONE,
		.cpu_seconds = 3.5,
		.peak_memory = 912000000,
		.files = 14,
		.bytes = 9400000 };

	(void)state;
	open_fixture(&f, PROGRESS_PLAIN);
	begin(&f);
	now += 2;
	progress_step(f.p, 0, 1, &done);
	progress_warn(f.p, "only lo: %s", "no /dev/net/tun\x1b[2J");
	progress_finish(f.p, &summary);
	text = text_of(f.err);
	assert_string_equal(text,
	    "building app:1.4.2 for linux/amd64  tier: userns+overlay\n"
	    "builder 1/3 | cached  FROM golang\n"
	    "builder 2/3 | RUN go build        Dockerfile:2\n"
	    "builder 2/3 |    0.412 internal/parse\n"
	    "builder 2/3 |    1.412 cmd/server\n"
	    "builder 2/3 |    1.412 50%\n"
	    "builder 2/3 |    1.412 red bell\n"
	    "builder 2/3 |    3.412         tab\\xff\n"
	    "builder 2/3 | done 3.4 s  cpu 3.5 s  peak 912 MB  wrote 14 files, 9.4 MB\n"
	    "warning: only lo: no /dev/net/tun\\x1b[2J\n"
	    " app:1.4.2  sha256:4f1c  18.7 MB (9.4 MB compressed), 3 layers\n"
	    " built in 3.4 s: 1 cached, 1 run; slowest: builder 2/3 RUN go build 3.4 s\n"
	    " left behind 425 MB in 1 stage (95 % smaller than a single-stage build)\n"
	    " next: croze run --rm app:1.4.2 · croze history app:1.4.2\n");
	close_fixture(&f);
}

static void
quiet_prints_only_the_image_id_on_the_output_stream(void **state)
{
	struct fixture f;
	autofree char *out = NULL;
	autofree char *err = NULL;

	(void)state;
	open_fixture(&f, PROGRESS_QUIET);
	begin(&f);
	progress_note(f.p, "something");
	progress_finish(f.p, &summary);
	out = text_of(f.out);
	err = text_of(f.err);
	assert_string_equal(out, "sha256:abcd\n");
	assert_string_equal(err, "");
	close_fixture(&f);
}

static void
terminal_frame_shows_stages_and_the_last_lines(void **state)
{
	struct fixture f;
	struct progress_step waiting = { .state = PROGRESS_WAITING, .detail = "builder 3/3" };
	autofree char *text = NULL;

	(void)state;
	open_fixture(&f, PROGRESS_TTY);
	begin(&f);
	progress_step(f.p, 1, 0, &waiting);
	progress_tick(f.p);
	text = text_of(f.err);
	assert_string_equal(text,
	    "\r building app:1.4.2 for linux/amd64        tier: userns+overlay   1.4 s\x1b[K\n"
	    " builder  2/3    RUN go build                                     1.4 s\x1b[K\n"
	    "          | internal/parse\x1b[K\n"
	    "          | cmd/server\x1b[K\n"
	    "          | 50%\x1b[K\n"
	    "          | red bell\x1b[K\n"
	    " final    1/2    waiting for builder 3/3\x1b[K\n"
	    " 1 of 5 steps cached · ctrl-c stops, work so far is kept\x1b[K\n"
	    "\x1b[J");
	close_fixture(&f);
}

static void
terminal_frame_is_never_higher_than_the_window(void **state)
{
	struct fixture f;
	autofree char *text = NULL;
	size_t rows = 0;

	(void)state;
	open_fixture(&f, PROGRESS_TTY);
	for (int i = 0; i < 30; i++) {
		progress_stage(f.p, "s", 1);
		step(&f, (size_t)i, 0, i == 25 ? PROGRESS_RUNNING : PROGRESS_WAITING, "RUN true");
	}
	say(&f, 25, 0, "a\nb\nc\nd\ne\nf\ng\nh\n");
	progress_tick(f.p);
	text = text_of(f.err);
	for (const char *at = text; *at != '\0'; at++)
		rows += *at == '\n';
	assert_true(rows <= 10);
	assert_non_null(strstr(text, "RUN true"));
	assert_non_null(strstr(text, "and 23 more stages"));
	close_fixture(&f);
}

static void
failure_shows_the_place_the_log_and_what_to_do(void **state)
{
	static const char source[] =
	    "FROM golang AS builder\nCOPY . .\nRUN go build\nFROM scratch\n";
	struct fixture f;
	struct progress_failure failure = {
		.stage = 0,
		.step = 1,
		.file = "Dockerfile",
		.source = source,
		.source_length = sizeof(source) - 1,
		.first_line = 3,
		.last_line = 3,
		.what = "exit status 127",
		.exit_status = 127,
		.only_loopback = true,
	};
	autofree char *text = NULL;

	(void)state;
	open_fixture(&f, PROGRESS_TTY);
	begin(&f);
	now += 8.5;
	step(&f, 1, 0, PROGRESS_RUNNING, "RUN sleep");
	step(&f, 1, 0, PROGRESS_STOPPED, NULL);
	progress_fail(f.p, &failure);
	text = text_of(f.err);
	assert_string_equal(text,
	    "Dockerfile:3: builder 2/3 failed: exit status 127 after 9.9 s\n"
	    "\n"
	    "   1 | FROM golang AS builder\n"
	    "   2 | COPY . .\n"
	    "   3 > RUN go build\n"
	    "   4 | FROM scratch\n"
	    "\n"
	    "what it printed (5 lines):\n"
	    "   internal/parse\n"
	    "   cmd/server\n"
	    "   50%\n"
	    "   red bell\n"
	    "           tab\\xff\n"
	    "\n"
	    "1 other stage was stopped.\n"
	    "hint: the step had no network but loopback; --network=host gives it the network of "
	    "the host, croze doctor says what stands in the way of its own\n"
	    "hint: a command was not found: it is in none of the folders of PATH of this stage, or "
	    "the "
	    "interpreter it names is missing\n"
	    "try:  croze build …       continues at this step; steps before it are cached\n");
	close_fixture(&f);
}

static void
a_failure_without_a_command_tells_no_time(void **state)
{
	static const char source[] = "FROM golang AS builder\nCOPY . .\nRUN go build\n";
	struct fixture f;
	struct progress_failure failure = {
		.step = 1,
		.file = "Dockerfile",
		.source = source,
		.source_length = sizeof(source) - 1,
		.first_line = 2,
		.last_line = 2,
		.what = "the image has no user 'app'",
	};
	autofree char *text = NULL;

	(void)state;
	open_fixture(&f, PROGRESS_TTY);
	begin(&f);
	now += 8.5;
	step(&f, 0, 1, PROGRESS_FAILED, NULL);
	progress_fail(f.p, &failure);
	text = text_of(f.err);
	assert_non_null(strstr(text, "failed: the image has no user 'app'\n\n"));
	close_fixture(&f);
}

static void
github_gets_an_annotation_and_no_commands_from_the_log(void **state)
{
	struct fixture f;
	struct progress_options options = {
		.mode = PROGRESS_QUIET, .title = "a", .clock = fake_clock
	};
	struct progress_failure failure = { .file = "a,b:Dockerfile",
		.first_line = 3,
		.what = "exit status 1%\n",
		.exit_status = 1 };
	autofree char *text = NULL;

	(void)state;
	open_fixture(&f, PROGRESS_QUIET);
	progress_free(f.p);
	setenv("GITHUB_ACTIONS", "true", 1);
	options.out = f.out;
	options.err = f.err;
	f.p = progress_new(&options);
	progress_stage(f.p, "s", 1);
	step(&f, 0, 0, PROGRESS_RUNNING, "RUN x");
	say(&f, 0, 0, "::add-mask::x\n");
	progress_fail(f.p, &failure);
	text = text_of(f.err);
	assert_memory_equal(text,
	    "::error file=a%2Cb%3ADockerfile,line=3::s 1/1 failed: exit status 1%25\\n\n",
	    strlen("::error file=a%2Cb%3ADockerfile,line=3::s 1/1 failed: exit status 1%25\\n\n"));
	assert_non_null(strstr(text, "   | ::add-mask::x\n"));
	close_fixture(&f);
}

static void
records_hold_the_bytes_as_they_came(void **state)
{
	char path[] = "/tmp/test_progress.XXXXXX";
	struct fixture f;
	autofd int dir = -1;
	autofd int log = -1;
	autofree char *text = NULL;

	(void)state;
	assert_non_null(mkdtemp(path));
	dir = open(path, O_DIRECTORY | O_CLOEXEC);
	open_fixture(&f, PROGRESS_QUIET);
	progress_record(f.p, dir, path);
	begin(&f);
	log = openat(dir, "01-builder-02.log", O_RDONLY | O_CLOEXEC);
	assert_true(log >= 0);
	text = text_of(log);
	assert_string_equal(text, "internal/parse\ncmd/server\n10%\r50%\r\n\x1b[31mred\x1b[0m "
				  "\x1b]0;title\abell\x1b[2J\n\ttab\xff");
	close_fixture(&f);
	unlinkat(dir, "01-builder-02.log", 0);
	rmdir(path);
}

static void
a_long_line_is_cut_into_pieces(void **state)
{
	struct fixture f;
	autofree char *line = xmalloc(10001);
	autofree char *text = NULL;

	(void)state;
	memset(line, 'x', 10000);
	line[10000] = '\0';
	open_fixture(&f, PROGRESS_PLAIN);
	progress_stage(f.p, "s", 1);
	step(&f, 0, 0, PROGRESS_RUNNING, "RUN x");
	say(&f, 0, 0, line);
	say(&f, 0, 0, "\n");
	step(&f, 0, 0, PROGRESS_DONE, NULL);
	text = text_of(f.err);
	assert_int_equal(strspn(strstr(text, "xx"), "x"), 4096);
	close_fixture(&f);
}

static void
wide_characters_take_two_columns(void **state)
{
	struct terminal t = { .utf8 = true };
	auto(buf) struct buf b = { 0 };

	(void)state;
	assert_int_equal(text_columns("a\u4e2d\u0301", strlen("a\u4e2d\u0301")), 3);
	assert_int_equal(text_add_clipped(&b, "\u4e2d\u4e2d\u4e2d", 4, &t), 3);
	assert_string_equal(buf_text(&b), "\u4e2d\u2026");
}

static void
causes_need_their_condition(void **state)
{
	auto(strv) struct strv log = { 0 };
	auto(strv) struct strv hints = { 0 };
	struct causes_input input = { .text = "RUN x",
		.source = "",
		.what = "exit status 1",
		.exit_status = 1,
		.log = &log };

	(void)state;
	strv_add(&log, "sh: ./x: Permission denied");
	causes_find(&input, &hints);
	assert_int_equal(hints.count, 0);
	input.user = "1000";
	causes_find(&input, &hints);
	assert_int_equal(hints.count, 1);
	assert_non_null(strstr(hints.items[0], "--chown"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(plain_lines_have_the_stage_in_front),
	cmocka_unit_test(quiet_prints_only_the_image_id_on_the_output_stream),
	cmocka_unit_test(terminal_frame_shows_stages_and_the_last_lines),
	cmocka_unit_test(terminal_frame_is_never_higher_than_the_window),
	cmocka_unit_test(failure_shows_the_place_the_log_and_what_to_do),
	cmocka_unit_test(a_failure_without_a_command_tells_no_time),
	cmocka_unit_test(github_gets_an_annotation_and_no_commands_from_the_log),
	cmocka_unit_test(records_hold_the_bytes_as_they_came),
	cmocka_unit_test(a_long_line_is_cut_into_pieces),
	cmocka_unit_test(wide_characters_take_two_columns),
	cmocka_unit_test(causes_need_their_condition),
};

UNIT_MAIN(tests);
