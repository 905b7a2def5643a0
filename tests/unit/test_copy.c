/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_copy - the rules of COPY and ADD: each case is carried out twice, as files below a mount and
 * as a layer that is unpacked over the destination, and both must give the tree that is expected.
 */
#include "tests/unit/unit.h"

#include "tests/unit/copy_cases.h"

#include "builder/layer/diff.h"
#include "builder/step/copy_plan.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- making and showing trees ---- */

static char scratch[] = "/tmp/test_copy.XXXXXX";
static bool one_id; /* only one user id is to be had */

static void
die_on(bool failed, const char *what)
{
	if (failed)
		fail_msg("%s: %s", what, strerror(errno));
}

/* Takes a word; "\n" and "\\" in it stand for a newline and a backslash. To be freed. */
static char *
take_word(const char **at)
{
	auto(buf) struct buf word = { 0 };

	*at += strspn(*at, " ");
	for (; **at && **at != ' ' && **at != '\n'; (*at)++) {
		if (**at == '\\' && (*at)[1]) {
			(*at)++;
			buf_add_char(&word, **at == 'n' ? '\n' : **at);
		} else {
			buf_add_char(&word, **at);
		}
	}
	return buf_steal(&word);
}

static void
make_socket(int dir, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, path);
	die_on(fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0, path);
}

static void
set_xattr(int dir, const char *path, const char *assignment)
{
	autofree char *name = xasprintf("user.%.*s", (int)strcspn(assignment, "="), assignment);
	autofd int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	const char *value = assignment + strcspn(assignment, "=") + 1;

	die_on(fd < 0 || fsetxattr(fd, name, value, strlen(value), 0) < 0, path);
}

static void
set_times(int dir, const char *path)
{
	struct timespec times[2] = { { .tv_sec = 1000 },
		{ .tv_sec = 1000000000, .tv_nsec = 123456789 } };

	die_on(utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW) < 0, path);
}

static void
make_line(int dir, char type, const char *path, const char *one, const char *two)
{
	mode_t mode = (mode_t)strtoul(one, NULL, 8);

	if (type == 'd') {
		die_on(mkdirat(dir, path, 0755) < 0 || fchmodat(dir, path, mode, 0) < 0, path);
	} else if (type == 'f') {
		autofd int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		die_on(fd < 0 || write(fd, two, strlen(two)) < 0 || fchmod(fd, mode) < 0, path);
	} else if (type == 'l') {
		die_on(symlinkat(one, dir, path) < 0, path);
	} else if (type == 'h') {
		die_on(linkat(dir, one, dir, path, 0) < 0, path);
	} else if (type == 'p') {
		die_on(mkfifoat(dir, path, 0600) < 0 || fchmodat(dir, path, mode, 0) < 0, path);
	} else if (type == 's') {
		make_socket(dir, path);
	} else if (type == 'x') {
		set_xattr(dir, path, one);
	} else if (type == 'o') {
		char *rest;
		uid_t uid = (uid_t)strtoul(one, &rest, 10);
		struct stat st;

		die_on(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0, path);
		die_on(fchownat(dir, path, uid, (gid_t)strtoul(rest + 1, NULL, 10),
			   AT_SYMLINK_NOFOLLOW) < 0,
		    path);
		die_on(
		    !S_ISLNK(st.st_mode) && fchmodat(dir, path, st.st_mode & 07777, 0) < 0, path);
	}
	set_times(dir, path);
}

/* Makes @spec in a new directory called @name and opens it. */
static int
make_tree(const char *name, const char *spec)
{
	autofree char *top = xasprintf("%s/%s", scratch, name);
	int dir;

	die_on(mkdir(top, 0755) < 0, top);
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (const char *at = spec; *at; at += strspn(at, "\n")) {
		autofree char *type = take_word(&at);
		autofree char *path = take_word(&at);
		autofree char *one = take_word(&at);
		autofree char *two = take_word(&at);

		make_line(dir, *type, path, one, two);
	}
	/* what was made in a directory has changed its time */
	for (const char *at = spec; *at; at += strspn(at, "\n")) {
		autofree char *type = take_word(&at);
		autofree char *path = take_word(&at);

		at += strcspn(at, "\n");
		if (*type == 'd')
			set_times(dir, path);
	}
	return dir;
}

struct shower {
	struct buf *out;
	bool times;
	struct strv names; /* hard links: "inode path" */
};

static void
show_name(struct buf *out, const char *path)
{
	for (; *path; path++) {
		if (*path == '\n')
			buf_add_text(out, "\\n");
		else if (*path == '\\')
			buf_add_text(out, "\\\\");
		else
			buf_add_char(out, *path);
	}
}

static int
show_entry(void *arg, const struct entry *entry, int content, struct error *e)
{
	struct shower *s = arg;
	auto(buf) struct buf text = { 0 };

	if (*entry->path == '\0')
		return 0;
	if (content >= 0 && S_ISREG(entry->mode) && !entry->is_hardlink &&
	    fd_read_all(content, &text, 1 << 20, entry->path, e) < 0)
		return -1;
	buf_printf(s->out, "%c ",
	    entry->is_hardlink      ? 'h'
	    : S_ISDIR(entry->mode)  ? 'd'
	    : S_ISLNK(entry->mode)  ? 'l'
	    : S_ISFIFO(entry->mode) ? 'p'
	    : S_ISREG(entry->mode)  ? 'f'
				    : '?');
	show_name(s->out, entry->path);
	if (entry->is_hardlink || S_ISLNK(entry->mode))
		buf_printf(s->out, " %s", entry->link);
	else
		buf_printf(s->out, " %o", entry->mode & 07777);
	if (text.len > 0)
		buf_printf(s->out, " %s", buf_text(&text));
	if (s->times && !entry->is_hardlink)
		buf_printf(
		    s->out, " @%lld.%ld", (long long)entry->mtime.tv_sec, entry->mtime.tv_nsec);
	buf_add_char(s->out, '\n');
	if ((entry->uid || entry->gid) && !entry->is_hardlink)
		buf_printf(s->out, "o %s %u:%u\n", entry->path, entry->uid, entry->gid);
	for (size_t i = 0; !entry->is_hardlink && i < entry->n_xattrs; i++)
		buf_printf(s->out, "x %s %s=%.*s\n", entry->path, entry->xattrs[i].name + 5,
		    (int)entry->xattrs[i].length, (const char *)entry->xattrs[i].value);
	return 0;
}

/* All that is in a directory, in the order of layers. */
static void
show_tree(int dir, bool times, struct buf *out)
{
	struct diff_options options = { .upper = dir, .lower = -1, .upper_is_mount = true };
	struct shower s = { .out = out, .times = times };
	struct diff_stats stats = { 0 };
	struct error e = ERROR_INIT;

	assert_ok(diff_upper(&options, show_entry, &s, &stats, &e), &e);
}

/* Sorts the lines: expectations need not be in order. */
static char *
sorted(const char *text)
{
	auto(strv) struct strv lines = { 0 };

	strv_split(&lines, text, '\n');
	strv_sort(&lines);
	return strv_join(&lines, "\n");
}

static int
list_entry(void *arg, const struct entry *entry, int content, struct error *e)
{
	(void)content;
	(void)e;
	listing_builder_add(arg, entry);
	return 0;
}

static struct listing *
list_tree(int dir)
{
	struct diff_options options = { .upper = dir, .lower = -1, .upper_is_mount = true };
	struct listing_builder *builder = listing_builder_new();
	struct diff_stats stats = { 0 };
	struct error e = ERROR_INIT;
	struct listing *listing;

	assert_ok(diff_upper(&options, list_entry, builder, &stats, &e), &e);
	listing = listing_builder_finish(builder, &e);
	assert_non_null(listing);
	return listing;
}

/* ---- carrying a case out ---- */

static void
take_note(void *arg, const char *text)
{
	struct buf *notes = arg;

	buf_printf(notes, "%s\n", text);
}

static struct copy_plan *
plan_case(const struct copy_case *c, int source, const struct ignore *ignore,
    struct digests *digests, struct buf *notes, struct error *e)
{
	auto(strv) struct strv words = { 0 }, lines = { 0 };
	auto(ignore) struct ignore exclude = { 0 };
	struct copy_extra heredoc = { .position = 9 };
	autofree char *name = NULL;
	struct mode_spec mode;
	struct copy_request request = {
		.from = { .root = source,
		    .name = "the source",
		    .is_rootfs = c->rootfs,
		    .ignore = c->ignore ? ignore : NULL,
		    .ignore_file = ".dockerignore" },
		.dest = c->dest,
		.flags = (c->chown ? COPY_CHOWN : 0) | (c->add ? COPY_ADD : 0) |
		         (c->parents ? COPY_PARENTS : 0),
		.exclude = c->exclude ? &exclude : NULL,
		.chmod = c->chmod ? &mode : NULL,
		.digests = digests,
		.note = take_note,
		.note_arg = notes,
	};

	if (c->chmod)
		assert_ok(mode_parse(c->chmod, &mode, e), e);
	if (c->heredoc) {
		name = xstrndup(c->heredoc, strcspn(c->heredoc, " "));
		heredoc.name = name;
		heredoc.text = c->heredoc + strlen(name) + 1;
		heredoc.length = strlen(heredoc.text);
		request.extras = &heredoc;
		request.n_extras = 1;
	}
	if (c->exclude)
		strv_split(&lines, c->exclude, '\n');
	for (size_t i = 0; i < lines.count; i++)
		assert_ok(ignore_add(&exclude, lines.items[i], e), e);
	if (*c->words)
		strv_split(&words, c->words, ' ');
	request.sources = strv_array(&words);
	request.n_sources = words.count;
	return copy_plan_make(&request, e);
}

static int
place_case(const struct copy_case *c, struct copy_plan *plan, struct tree *tree, struct error *e)
{
	struct copy_placement placement = {
		.tree = tree, .uid = c->uid, .gid = c->gid, .now = { .tv_sec = 1600000000 }
	};

	return copy_plan_place(plan, &placement, e);
}

/* As files. */
static int
run_files(const struct copy_case *c, struct copy_plan *plan, int dest, struct error *e)
{
	autotree struct tree *tree = tree_new();

	tree_add_root(tree, dest);
	if (place_case(c, plan, tree, e) < 0)
		return -1;
	return copy_plan_materialise(plan, &(struct apply_root){ dest, NULL }, e);
}

/* As a layer, placed by a listing alone, that tar unpacks over the destination. */
static int
run_layer(const struct copy_case *c, struct copy_plan *plan, int dest, struct error *e)
{
	struct layer_options options = { .compression = COMPRESSION_NONE };
	autolisting struct listing *listing = list_tree(dest);
	autotree struct tree *tree = tree_new();
	autofree char *file = xasprintf("%s/layer.tar", scratch);
	autofree char *command = NULL;
	struct layer_writer *writer;
	struct layer_result result;
	autofd int out = -1;

	tree_add_listing(tree, listing);
	if (place_case(c, plan, tree, e) < 0)
		return -1;
	out = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_ok(layer_writer_open(out, &options, NULL, &writer, e), e);
	if (copy_plan_write(plan, writer, e) < 0) {
		layer_writer_abort(writer);
		return -1;
	}
	assert_ok(layer_writer_finish(writer, &result, e), e);
	assert_true(copy_plan_is_empty(plan) == (result.n_entries == 0));
	command = xasprintf("tar -C /proc/%d/fd/%d -xpf %s --numeric-owner --xattrs "
			    "--xattrs-include='*' --warning=none",
	    (int)getpid(), dest, file);
	if (result.n_entries > 0)
		assert_int_equal(system(command), 0);
	return 0;
}

static void
check_error(const struct copy_case *c, const struct error *e)
{
	if (!strstr(e->text, c->error) && !strstr(e->hint, c->error))
		fail_msg("expected '%s', got '%s' (%s)", c->error, e->text, e->hint);
}

static void
check_tree(const struct copy_case *c, int dest, const char *how)
{
	auto(buf) struct buf got = { 0 };
	autofree char *a = NULL, *b = NULL;

	show_tree(dest, false, &got);
	a = sorted(c->expect ? c->expect : c->tree);
	b = sorted(buf_text(&got));
	if (strcmp(a, b) != 0)
		fail_msg("%s: expected:\n%s\ngot:\n%s", how, a, b);
}

static int
open_scratch(void **state)
{
	(void)state;
	memcpy(scratch + sizeof(scratch) - 7, "XXXXXX", 6);
	if (!mkdtemp(scratch) || chmod(scratch, 0755) < 0)
		return -1;
	return 0;
}

static int
close_scratch(void **state)
{
	struct error e = ERROR_INIT;

	autofd int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	return path_remove_tree(tmp, path_base(scratch), &e);
}

static void
run_case(void **state)
{
	const struct copy_case *c = *state;
	auto(buf) struct buf notes = { 0 }, with_times = { 0 }, with_times_too = { 0 };
	auto(ignore) struct ignore ignore = { 0 };
	autoplan struct copy_plan *plan = NULL;
	struct digest first, second;
	struct error e = ERROR_INIT;
	autofd int source = -1, files = -1, layer = -1;

	if (c->needs_ids && one_id)
		skip_because("one id only is mapped");
	source = make_tree("source", c->source);
	files = make_tree("files", c->tree);
	layer = make_tree("layer", c->tree);
	if (c->ignore)
		assert_ok(
		    ignore_parse(&ignore, c->ignore, strlen(c->ignore), ".dockerignore", &e), &e);
	plan = plan_case(c, source, &ignore, NULL, &notes, &e);
	if (c->error && (!plan || run_files(c, plan, files, &e) < 0)) {
		check_error(c, &e);
		error_clear(&e);
		if (plan) {
			assert_int_equal(run_layer(c, plan, layer, &e), -1);
			check_error(c, &e);
		}
		return;
	}
	if (!plan || c->error)
		fail_msg("%s", c->error ? "expected an error" : e.text);
	assert_ok(copy_plan_digest(plan, &first, &e), &e);
	if (!c->error || c->expect)
		assert_ok(run_files(c, plan, files, &e), &e);
	assert_ok(run_layer(c, plan, layer, &e), &e);
	check_tree(c, files, "files");
	check_tree(c, layer, "layer");
	assert_ok(copy_plan_digest(plan, &second, &e), &e);
	assert_true(digest_equal(&first, &second));
	show_tree(files, true, &with_times);
	show_tree(layer, true, &with_times_too);
	assert_string_equal(buf_text(&with_times), buf_text(&with_times_too));
	if (c->note && !strstr(buf_text(&notes), c->note))
		fail_msg("expected a note with '%s', got '%s'", c->note, buf_text(&notes));
	if (!c->note)
		assert_string_equal(buf_text(&notes), "");
}

/* An ordinary user gets a namespace of one id, so that what is made can belong to root. */
static int
become_root(void **state)
{
	autofree char *map = xasprintf("0 %u 1", geteuid());
	autofree char *group_map = xasprintf("0 %u 1", getegid());
	struct error e = ERROR_INIT;
	autofd int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct {
		const char *name, *text;
	} files[] = { { "setgroups", "deny" }, { "uid_map", map }, { "gid_map", group_map } };

	(void)state;
	umask(022);
	if (geteuid() == 0)
		return 0;
	one_id = true;
	if (unshare(CLONE_NEWUSER) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		autofd int fd = openat(proc, files[i].name, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || fd_write_all(fd, files[i].text, strlen(files[i].text), &e) < 0)
			return -1;
	}
	return 0;
}

/* ---- keys ---- */

static void
digest_of_case(const struct copy_case *c, int source, struct digest *digest)
{
	auto(ignore) struct ignore ignore = { 0 };
	auto(buf) struct buf notes = { 0 };
	struct error e = ERROR_INIT;
	autoplan struct copy_plan *plan = NULL;

	if (c->ignore)
		assert_ok(
		    ignore_parse(&ignore, c->ignore, strlen(c->ignore), ".dockerignore", &e), &e);
	plan = plan_case(c, source, &ignore, NULL, &notes, &e);
	if (!plan)
		fail_msg("%s", e.text);
	assert_ok(copy_plan_digest(plan, digest, &e), &e);
}

static void
key_of(const char *spec, const char *words, bool chown, struct digest *digest)
{
	struct copy_case c = { .words = words, .dest = "/x/", .chown = chown, .ignore = "*.log\n" };
	autofd int source = make_tree("key", spec);
	struct error e = ERROR_INIT;
	autofd int top = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);

	digest_of_case(&c, source, digest);
	assert_ok(path_remove_tree(top, "key", &e), &e);
}

static void
key_is_content_mode_owner_and_path(void **state)
{
	static const char *const different[] = {
		"d d 755\nf d/a 644 B\n",
		"d d 755\nf d/a 755 A\n",
		"d d 755\nf d/b 644 A\n",
		"d d 755\nl d/a A\n",
		"d d 755\nf d/a 644 A\nx d/a k=v\n",
		"d d 755\nf d/a 644 A\nd d/e 755\n",
		"d d 755\nf d/a 644 A\nh d/b d/a\n",
		"d d 755\nf d/a 644 A\nf d/b 644 A\n",
		"d d 755\np d/a 644\n",
	};
	struct digest first, other;

	(void)state;
	key_of("d d 755\nf d/a 644 A\n", "d", false, &first);
	for (size_t i = 0; i < ARRAY_LEN(different); i++) {
		key_of(different[i], "d", false, &other);
		if (digest_equal(&first, &other))
			fail_msg("case %zu has the same key", i);
	}
	key_of("d d 755\nf d/a 644 A\n", "d", false, &other);
	assert_true(digest_equal(&first, &other));
	/* a name that is not copied is nothing to the key */
	key_of("d d 755\nf d/a 644 A\nh elsewhere d/a\n", "d", false, &other);
	assert_true(digest_equal(&first, &other));
}

static void
t33_touching_a_directory_keeps_the_key(void **state)
{
	struct copy_case c = { .words = "d", .dest = "/x" };
	autofd int source = make_tree("source", "d d 755\nf d/a 644 A\n");
	struct digest before, after;

	(void)state;
	digest_of_case(&c, source, &before);
	assert_int_equal(utimensat(source, "d", NULL, 0), 0);
	assert_int_equal(utimensat(source, "d/a", NULL, 0), 0);
	digest_of_case(&c, source, &after);
	assert_true(digest_equal(&before, &after));
}

static void
t34_adding_an_ignored_file_keeps_the_key(void **state)
{
	struct digest before, after;

	(void)state;
	key_of("f a 644 A\n", ".", false, &before);
	key_of("f a 644 A\nf x.log 644 L\n", ".", false, &after);
	assert_true(digest_equal(&before, &after));
}

/* ---- attacks ---- */

static void
make_canary(void)
{
	autofd int fd = make_tree("canary", "f secret 644 SECRET\nd empty 755\np fifo 644\n");

	assert_true(fd >= 0);
}

/* Nobody wrote to the canary, and no byte of it is in the layer or the files. */
static void
check_canary(int dest)
{
	autofree char *path = xasprintf("%s/canary", scratch);
	auto(buf) struct buf shown = { 0 }, out = { 0 };
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	show_tree(fd, false, &shown);
	assert_string_equal(buf_text(&shown), "d empty 755\np fifo 644\nf secret 644 SECRET\n");
	show_tree(dest, false, &out);
	assert_null(strstr(buf_text(&out), "SECRET"));
}

static void
c6_links_never_bring_in_bytes_from_outside(void **state)
{
	static const char *const words[] = { "leak", "chain", "dir/secret", "dir", "up/secret",
		"tree", "l*", "fifo" };
	autofree char *spec = xasprintf("l leak %s/canary/secret\nl chain leak\nl dir %s/canary\nl "
					"up ../canary\nd tree 755\nl tree/k %s/canary/secret\n"
					"l tree/d %s/canary\nl fifo %s/canary/fifo\n",
	    scratch, scratch, scratch, scratch, scratch);
	autofd int source = make_tree("source", spec);
	autofd int files = make_tree("files", "");

	(void)state;
	make_canary();
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		for (int rootfs = 0; rootfs < 2; rootfs++) {
			struct copy_case c = { .words = words[i], .dest = "/x/", .rootfs = rootfs };
			auto(buf) struct buf notes = { 0 };
			struct error e = ERROR_INIT;
			autoplan struct copy_plan *plan =
			    plan_case(&c, source, NULL, NULL, &notes, &e);

			if (plan)
				assert_ok(run_files(&c, plan, files, &e), &e);
			else
				assert_non_null(strstr(e.text, words[i]));
			check_canary(files);
		}
	}
}

static void
c12_destination_links_stay_inside(void **state)
{
	autofree char *spec = xasprintf(
	    "l wd %s/canary\nd d 755\nl d/k ../../../../../..%s/canary/secret\n", scratch, scratch);
	autofd int source = make_tree("source", "f f 644 F\nf k 644 K\nd empty 700\n");
	autofd int files = make_tree("files", spec);
	struct {
		const char *words, *dest;
	} copies[] = { { "f", "/wd/f" }, { "f", "/wd/" }, { "f", "/wd/empty/" }, { "k", "/d/k" },
		{ "k f", "/d/" }, { ".", "/wd/" } };
	autoplan struct copy_plan *workdir = copy_plan_directory("/wd/new/deep", 0, 0);
	struct copy_case none = { .dest = "/" };
	struct error e = ERROR_INIT;

	(void)state;
	make_canary();
	for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
		struct copy_case c = { .words = copies[i].words, .dest = copies[i].dest };
		auto(buf) struct buf notes = { 0 };
		autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);

		assert_non_null(plan);
		assert_ok(run_files(&c, plan, files, &e), &e);
		check_canary(files);
	}
	assert_ok(run_files(&none, workdir, files, &e), &e);
	check_canary(files);
}

/* Exchanges a directory and a link to the canary as fast as it can. */
static pid_t
start_swapper(const char *dir, const char *name)
{
	autofree char *a = xasprintf("%s/%s/%s", scratch, dir, name);
	autofree char *b = xasprintf("%s/%s.link", scratch, dir);
	autofree char *canary = xasprintf("%s/canary", scratch);
	pid_t parent = getpid(), pid;

	die_on(symlink(canary, b) < 0, b);
	pid = fork();
	if (pid == 0) {
		/* it ends with the test, however that ends */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(600);
		while (getppid() == parent)
			(void)renameat2(AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
		_exit(0);
	}
	return pid;
}

static void
stop_swapper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int
swaps(void)
{
	return getenv("CROZE_TEST_LONG") ? 1000 : 300;
}

static void
a5_a_swapped_destination_keeps_everything_inside(void **state)
{
	autofd int source = make_tree("source", "d t 755\nd t/v 755\nf t/v/1 644 A\nf t/v/2 644 "
						"B\nf t/v/3 644 C\nd t/v/w 755\nf t/v/w/4 644 D\n");
	autofd int files = make_tree("files", "d v 755\n");
	struct copy_case c = { .words = "t", .dest = "/" };
	unsigned good = 0;
	pid_t swapper;

	(void)state;
	make_canary();
	swapper = start_swapper("files", "v");
	for (int i = 0; i < swaps(); i++) {
		auto(buf) struct buf notes = { 0 };
		struct error e = ERROR_INIT;
		autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);

		good += plan && run_files(&c, plan, files, &e) == 0;
	}
	stop_swapper(swapper);
	check_canary(files);
	print_message("# %u of %d copies went through\n", good, swaps());
}

static void
a6_a_swapped_source_gives_no_bytes_from_outside(void **state)
{
	autofd int source = make_tree("source", "d v 755\nf v/secret 644 mine\n");
	autofd int files = make_tree("files", "");
	unsigned good = 0;
	pid_t swapper;

	(void)state;
	make_canary();
	swapper = start_swapper("source", "v");
	for (int i = 0; i < swaps(); i++) {
		struct copy_case c = {
			.words = i % 2 ? "v" : "v/secret", .dest = "/x/", .rootfs = i % 3 == 0
		};
		auto(buf) struct buf notes = { 0 };
		struct error e = ERROR_INIT;
		autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);

		good += plan && run_files(&c, plan, files, &e) == 0;
	}
	stop_swapper(swapper);
	check_canary(files);
	print_message("# %u of %d copies went through\n", good, swaps());
}

static void
changed_file_is_not_copied_under_the_old_key(void **state)
{
	struct copy_case c = { .words = "a", .dest = "/x" };
	autofd int source = make_tree("source", "f a 644 one\n");
	autofd int files = make_tree("files", "");
	auto(buf) struct buf notes = { 0 };
	struct error e = ERROR_INIT;
	autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);
	struct timespec times[2] = { { .tv_sec = 1000 },
		{ .tv_sec = 1000000000, .tv_nsec = 123456789 } };
	struct digest digest;
	autofd int fd = openat(source, "a", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_ok(copy_plan_digest(plan, &digest, &e), &e);
	usleep(20000);
	assert_int_equal(utimensat(source, "a", times, 0), 0);
	assert_ok(run_files(&c, plan, files, &e), &e); /* touched only */
	usleep(20000);
	assert_int_equal(pwrite(fd, "two", 3, 0), 3);
	assert_int_equal(utimensat(source, "a", times, 0), 0);
	assert_int_equal(run_files(&c, plan, files, &e), -1);
	assert_int_equal(e.kind, ERR_TEMPORARY);
	assert_non_null(strstr(e.text, "was changed during the build"));
}

static void
workdir_is_made_once(void **state)
{
	autofd int files = make_tree("files", "d a 700\n");
	autoplan struct copy_plan *plan = copy_plan_directory("/a/b/c", 0, 0);
	autoplan struct copy_plan *over = copy_plan_directory("/a/b/c", 0, 0);
	struct copy_case c = { .expect = "d a 700\nd a/b 755\nd a/b/c 755\n" };
	struct error e = ERROR_INIT;
	autotree struct tree *tree = tree_new();

	(void)state;
	assert_ok(run_files(&c, plan, files, &e), &e);
	check_tree(&c, files, "files");
	tree_add_root(tree, files);
	assert_ok(place_case(&c, over, tree, &e), &e);
	assert_true(copy_plan_is_empty(over));
}

static void
copy_without_a_context_says_so(void **state)
{
	struct copy_case c = { .words = "a", .dest = "/x" };
	auto(buf) struct buf notes = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	assert_null(plan_case(&c, -1, NULL, NULL, &notes, &e));
	assert_non_null(strstr(e.text, "there is no build context"));
}

/* Makes archive @name of directory "in" in the source with tar's @options. */
static void
make_archive(const char *name, const char *options)
{
	autofree char *command =
	    xasprintf("cd %s/source && tar %s -cf %s -C in .", scratch, options, name);

	assert_int_equal(system(command), 0);
}

/* The helper that unpacks stands beside the libraries that were built. */
static bool
has_helper(void)
{
	const char *build = getenv("CROZE_BUILD");

	if (!build)
		return getenv("CROZE_LIBEXEC") != NULL;
	return setenv("CROZE_LIBEXEC", build, 1) == 0;
}

static void
check_add(const struct copy_case *c, int source, uint64_t n_archives)
{
	auto(buf) struct buf notes = { 0 };
	struct error e = ERROR_INIT;
	autofd int files = make_tree("files", c->tree);
	autofd int top = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoplan struct copy_plan *plan = plan_case(c, source, NULL, NULL, &notes, &e);
	struct copy_stats stats;
	struct digest digest;

	if (!plan)
		fail_msg("%s", e.text);
	copy_plan_stats(plan, &stats);
	assert_int_equal(stats.n_archives, n_archives);
	assert_ok(copy_plan_digest(plan, &digest, &e), &e);
	assert_ok(run_files(c, plan, files, &e), &e);
	check_tree(c, files, c->words);
	assert_ok(path_remove_tree(top, "files", &e), &e);
}

static void
t30_archives_are_known_by_their_content(void **state)
{
	autofd int source = make_tree("source",
	    "d in 755\nf in/a 644 A\nd in/d 711\nf in/d/b 600 B\nl in/k /etc/passwd\n"
	    "f empty.tar.gz 644\nf text.tar 644 text\nf b 644 mine\nd dir 755\n");
	struct copy_case unpacked = { .tree = "d x 700\n",
		.dest = "/x/",
		.add = true,
		.expect = "d x 755\nf x/a 644 A\nd x/d 711\nf x/d/b 600 B\nl x/k /etc/passwd\n" };
	struct copy_case fresh = { .tree = "",
		.dest = "/p/x",
		.words = "one",
		.add = true,
		.expect = "d p 755\nd p/x 755\nf p/x/a 644 A\nd p/x/d 711\nf p/x/d/b 600 B\nl "
			  "p/x/k /etc/passwd\n" };
	struct copy_case copied = { .tree = "",
		.dest = "/x/",
		.words = "empty.tar.gz text.tar",
		.add = true,
		.expect = "d x 755\nf x/empty.tar.gz 644\nf x/text.tar 644 text\n" };
	struct copy_case mixed = { .tree = "l l d\nd d 755\n",
		.dest = "/l/",
		.words = "b one text.tar",
		.add = true,
		.expect = "l l d\nd d 755\nf d/a 644 A\nf d/b 644 mine\nd d/d 711\nf d/d/b 600 "
			  "B\nl d/k /etc/passwd\n"
			  "f d/text.tar 644 text\n" };
	struct copy_case chowned = { .tree = "",
		.dest = "/x/",
		.words = "one",
		.add = true,
		.chown = true,
		.uid = 3,
		.gid = 4,
		.expect = "d x 755\no x 3:4\nf x/a 644 A\no x/a 3:4\nd x/d 711\no x/d 3:4\nf x/d/b "
			  "600 B\no x/d/b 3:4\n"
			  "l x/k /etc/passwd\no x/k 3:4\n" };
	static const char *const ways[] = { "", "-z", "-J", "-j", "--zstd" };

	(void)state;
	if (!has_helper())
		skip_because("CROZE_BUILD names no build");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		make_archive("one", ways[i]);
		unpacked.words = "one";
		check_add(&unpacked, source, 1);
	}
	check_add(&fresh, source, 1);
	check_add(&copied, source, 0);
	check_add(&mixed, source, 1);
	if (!one_id)
		check_add(&chowned, source, 1);
}

static void
archives_inside_directories_are_copied(void **state)
{
	autofd int source = make_tree("source", "d in 755\nf in/a 644 A\nd dir 755\n");
	struct copy_case nested = { .tree = "", .dest = "/x/", .words = "dir", .add = true };
	struct copy_case plain = { .tree = "", .dest = "/x/", .words = "dir/one" };
	auto(buf) struct buf notes = { 0 };
	struct error e = ERROR_INIT;
	autoplan struct copy_plan *with_add = NULL, *with_copy = NULL;
	struct copy_stats stats;

	(void)state;
	if (!has_helper())
		skip_because("CROZE_BUILD names no build");
	make_archive("dir/one", "");
	with_add = plan_case(&nested, source, NULL, NULL, &notes, &e);
	copy_plan_stats(with_add, &stats);
	assert_int_equal(stats.n_archives, 0);
	with_copy = plan_case(&plain, source, NULL, NULL, &notes, &e);
	copy_plan_stats(with_copy, &stats);
	assert_int_equal(stats.n_archives, 0);
}

#define TEST(f)                                          \
	{                                                \
#f, f, open_scratch, close_scratch, NULL \
	}

static const struct CMUnitTest more[] = {
	TEST(key_is_content_mode_owner_and_path),
	TEST(t33_touching_a_directory_keeps_the_key),
	TEST(t34_adding_an_ignored_file_keeps_the_key),
	TEST(c6_links_never_bring_in_bytes_from_outside),
	TEST(c12_destination_links_stay_inside),
	TEST(a5_a_swapped_destination_keeps_everything_inside),
	TEST(a6_a_swapped_source_gives_no_bytes_from_outside),
	TEST(changed_file_is_not_copied_under_the_old_key),
	TEST(workdir_is_made_once),
	TEST(copy_without_a_context_says_so),
	TEST(t30_archives_are_known_by_their_content),
	TEST(archives_inside_directories_are_copied),
};

static struct CMUnitTest tests[ARRAY_LEN(cases) + ARRAY_LEN(more)];

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){ cases[i].name, run_case, open_scratch,
			close_scratch, (void *)(uintptr_t)&cases[i] };
	memcpy(tests + ARRAY_LEN(cases), more, sizeof(more));
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, become_root, NULL);
}
