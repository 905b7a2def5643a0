/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_diff - what is read from a real overlay upper: the rules of whiteouts, opaque folders, copied-up files.
 *
 * Each test changes a tree through an overlay mount, reads the upper, and where it says so applies the layer to a copy of the
 * tree below and compares with what the mount showed.
 */
#include "builder/layer/apply.h"
#include "builder/layer/diff.h"
#include "builder/layer/writer.h"
#include "runtime/base/strv.h"
#include "runtime/sandbox/overlay.h"
#include "tests/unit/layer_unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static int lower = -1, upper = -1, mount_fd = -1, below = -1;
static struct strv entries; /* what the diff gave, in text */
static struct strv notes;
static struct diff_stats stats;
static struct error failure;

static int
setup(void **state)
{
	if (unit_folder(state) < 0)
		return -1;
	lower = make_folder("lower");
	upper = make_folder("upper");
	return 0;
}

static int
teardown(void **state)
{
	fd_close_at(&mount_fd);
	fd_close_at(&below);
	fd_close_at(&lower);
	fd_close_at(&upper);
	strv_release(&entries);
	strv_release(&notes);
	return unit_folder_end(state);
}

/* Mounts the tree for changes; from now on the lower directory stays as it is. */
static void
start_step(void)
{
	autofd int work = make_folder("work");
	struct overlay_spec spec = {
		.lowers = &lower, .n_lowers = 1, .upper = upper, .work = work
	};
	struct overlay_spec view = { .lowers = &lower, .n_lowers = 1, .upper = -1, .work = -1 };

	assert_ok(diff_prepare_upper(upper, lower, &failure), &failure);
	mount_fd = overlay_mount(&spec, &failure);
	assert_ok(mount_fd, &failure);
	below = overlay_mount(&view, &failure);
	assert_ok(below, &failure);
}

static int
collect(void *arg, const struct entry *entry, int content, struct error *e)
{
	static const char *const marks[] = { "", "-", "!" };

	(void)arg;
	(void)e;
	strv_printf(&entries, "%s%s%s%s%s%s", marks[entry->whiteout],
	    *entry->path ? entry->path : ".", S_ISDIR(entry->mode) ? "/" : "",
	    entry->is_hardlink ? "=" : "", entry->is_hardlink ? entry->link : "",
	    content >= 0 && entry->size > 0 ? "*" : "");
	return 0;
}

static void
take_note(void *arg, const char *text)
{
	(void)arg;
	strv_add(&notes, text);
}

/* The diff as one line: "-gone !opaque/ dir/ file* link=first". */
static char *
diff_text(void)
{
	struct diff_options options = { .upper = upper, .lower = below, .note = take_note };

	strv_clear(&entries);
	assert_ok(diff_upper(&options, collect, NULL, &stats, &failure), &failure);
	return strv_join(&entries, " ");
}

#define assert_diff(expected)                         \
	do {                                          \
		autofree char *text_ = diff_text();   \
		assert_string_equal(text_, expected); \
	} while (0)

static void
set_time(int dir, const char *path, long seconds, long nanoseconds)
{
	struct timespec times[2] = { { seconds, nanoseconds }, { seconds, nanoseconds } };

	assert_int_equal(utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* A change of a directory's content changes its time, which is an entry; most tests do not look at that. */
static void
keep_time(int dir, const char *path)
{
	struct stat st = stat_of(below, path);

	set_time(dir, path, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void
nothing_changed_is_an_empty_layer(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "f", "x");
	mkdirat(lower, "d", 0755);
	start_step();
	assert_diff("");
	assert_int_equal(stats.n_entries, 0);
}

static void
entries_come_by_components(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	start_step();
	mkdirat(mount_fd, "a", 0755);
	put_file(mount_fd, "a/z", "x");
	put_file(mount_fd, "a.b", "x");
	put_file(mount_fd, "a-b", "x");
	put_file(mount_fd, "B", "");
	assert_diff("B a/ a/z* a-b* a.b*");
}

static void
whiteout_hides_a_lower_file(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "gone", "x");
	put_file(lower, "kept", "x");
	mkdirat(lower, "d", 0755);
	put_file(lower, "d/f", "x");
	start_step();
	unlinkat(mount_fd, "gone", 0);
	unlinkat(mount_fd, "d/f", 0);
	unlinkat(mount_fd, "d", AT_REMOVEDIR);
	assert_diff("-d -gone");
	assert_int_equal(stats.n_removed, 2);
}

static void
whiteout_of_nothing_is_dropped(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "f", "x");
	start_step();
	fd_close_at(&below);
	below = make_folder("empty");
	unlinkat(mount_fd, "f", 0);
	assert_diff("");
}

static void
made_and_removed_leaves_nothing(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	start_step();
	put_file(mount_fd, "f", "x");
	unlinkat(mount_fd, "f", 0);
	assert_diff("");
}

static void
opaque_directory_comes_before_its_children(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "d", 0755);
	put_file(lower, "d/old", "x");
	mkdirat(lower, "e", 0755);
	start_step();
	unlinkat(mount_fd, "d/old", 0);
	unlinkat(mount_fd, "d", AT_REMOVEDIR);
	mkdirat(mount_fd, "d", 0755);
	put_file(mount_fd, "d/new", "x");
	unlinkat(mount_fd, "e", AT_REMOVEDIR); /* was empty: nothing to hide */
	mkdirat(mount_fd, "e", 0700);
	assert_diff("!d/ d/new* e/");
}

static void
copied_up_and_equal_is_dropped(void **state)
{
	autofd int fd = -1;

	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "usr", 0755);
	put_file(lower, "usr/a", "aaaa");
	put_file(lower, "usr/b", "bbbb");
	start_step();
	assert_int_equal(fchmodat(mount_fd, "usr/a", 0644, 0), 0);
	fd = openat(mount_fd, "usr/b", O_RDWR | O_CLOEXEC); /* copies up */
	assert_int_equal(fchownat(mount_fd, "usr", 0, 0, 0), 0);
	assert_diff("");
	assert_int_equal(stats.n_unchanged, 2);
}

static void
equal_metadata_with_other_bytes_is_kept(void **state)
{
	struct stat st;

	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "f", "aaaa");
	start_step();
	st = stat_of(lower, "f");
	put_file(mount_fd, "f", "bbbb");
	set_time(mount_fd, "f", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	assert_diff("f*");
}

static void
metadata_changes_ship_the_file(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "mode", "1234");
	put_file(lower, "owner", "1234");
	put_file(lower, "time", "1234");
	put_file(lower, "attr", "1234");
	start_step();
	assert_int_equal(fchmodat(mount_fd, "mode", 0600, 0), 0);
	assert_int_equal(fchownat(mount_fd, "owner", 5, 5, 0), 0);
	set_time(mount_fd, "time", 1000, 1);
	{
		autofd int fd = openat(mount_fd, "attr", O_RDONLY | O_CLOEXEC);

		assert_int_equal(fsetxattr(fd, "user.x", "y", 1, 0), 0);
	}
	assert_diff("attr* mode* owner* time*");
	assert_int_equal(stats.n_metadata, 3);
}

static void
directories_are_bare_headers(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "d", 0755);
	put_file(lower, "d/f", "x");
	mkdirat(lower, "t", 0755);
	start_step();
	assert_int_equal(fchmodat(mount_fd, "d", 0700, 0), 0);
	set_time(mount_fd, "t", 5, 5);
	assert_diff("d/ t/");
}

static void
types_change(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "file", "x");
	mkdirat(lower, "dir", 0755);
	put_file(lower, "dir/in", "x");
	assert_int_equal(symlinkat("file", lower, "link"), 0);
	start_step();
	unlinkat(mount_fd, "file", 0);
	mkdirat(mount_fd, "file", 0755);
	unlinkat(mount_fd, "dir/in", 0);
	unlinkat(mount_fd, "dir", AT_REMOVEDIR);
	put_file(mount_fd, "dir", "now a file");
	unlinkat(mount_fd, "link", 0);
	assert_int_equal(symlinkat("elsewhere", mount_fd, "link"), 0);
	assert_diff("dir* file/ link");
}

static void
hard_links_carry_the_data_once(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "old", "x");
	start_step();
	mkdirat(mount_fd, "d", 0755);
	put_file(mount_fd, "d/b", "data");
	assert_int_equal(linkat(mount_fd, "d/b", mount_fd, "a", 0), 0);
	assert_int_equal(linkat(mount_fd, "d/b", mount_fd, "z", 0), 0);
	assert_int_equal(linkat(mount_fd, "old", mount_fd, "new", 0), 0);
	assert_int_equal(symlinkat("t", mount_fd, "s1"), 0);
	assert_int_equal(linkat(mount_fd, "s1", mount_fd, "s2", 0), 0);
	assert_diff("a* d/ d/b=a new* old=new s1 s2=s1 z=a");
}

/* As further names of a snapshot's files are, on which a step of the tier emulate works. */
static void
names_elsewhere_make_no_hard_links(void **state)
{
	autofd int elsewhere = -1;

	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "same", "x");
	start_step();
	put_file(mount_fd, "a", "data");
	put_file(mount_fd, "b", "data");
	assert_int_equal(linkat(mount_fd, "b", mount_fd, "c", 0), 0);
	assert_int_equal(fchmodat(mount_fd, "same", 0600, 0), 0);
	assert_int_equal(fchmodat(mount_fd, "same", stat_of(below, "same").st_mode & 0777, 0), 0);
	elsewhere = make_folder("elsewhere");
	assert_int_equal(linkat(upper, "a", elsewhere, "a", 0), 0);
	assert_int_equal(linkat(upper, "b", elsewhere, "b", 0), 0);
	assert_int_equal(linkat(upper, "same", elsewhere, "same", 0), 0);
	assert_diff("a* b* c=b");
	assert_int_equal(stats.n_unchanged, 1);
}

static void
sockets_are_dropped_and_told(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "was-file", "x");
	start_step();
	unlinkat(mount_fd, "was-file", 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/was-file", mount_fd);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(mkfifoat(mount_fd, "fifo", 0600), 0);
	assert_diff("fifo -was-file");
	assert_int_equal(notes.count, 1);
	assert_non_null(strstr(notes.items[0], "was-file"));
}

static int
collect_xattrs(void *arg, const struct entry *entry, int content, struct error *e)
{
	(void)arg;
	(void)content;
	(void)e;
	for (size_t i = 0; i < entry->n_xattrs; i++)
		strv_printf(&entries, "%s:%s=%.*s", entry->path, entry->xattrs[i].name,
		    (int)entry->xattrs[i].length, (const char *)entry->xattrs[i].value);
	return 0;
}

static void
attributes_of_the_overlay_are_not_the_images(void **state)
{
	struct diff_options options = { .upper = upper };
	autofree char *text = NULL;
	autofd int fd = -1;

	(void)state;
	NEED_NAMESPACE();
	put_file(lower, "f", "x");
	mkdirat(lower, "d", 0755);
	start_step();
	options.lower = below;
	put_file(mount_fd, "f", "yy");
	put_file(mount_fd, "d/new", "x");
	fd = openat(mount_fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(fd, "user.mine", "1", 1, 0), 0);
	if (fsetxattr(fd, "user.overlay.opaque", "2", 1, 0) < 0)
		print_message("# this kernel does not escape overlay attributes\n");
	assert_ok(diff_upper(&options, collect_xattrs, NULL, NULL, &failure), &failure);
	text = strv_join(&entries, " ");
	if (fgetxattr(fd, "user.overlay.opaque", NULL, 0) < 0)
		assert_string_equal(text, "f:user.mine=1");
	else
		assert_string_equal(text, "f:user.mine=1 f:user.overlay.opaque=2");
}

static void
an_attribute_that_no_layer_can_name_is_told(void **state)
{
	struct diff_options options = { .upper = upper, .note = take_note };
	autofree char *text = NULL;
	autofd int fd = -1;

	(void)state;
	NEED_NAMESPACE();
	start_step();
	options.lower = below;
	put_file(mount_fd, "f", "x");
	fd = openat(mount_fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(fd, "user.a=b", "1", 1, 0), 0);
	assert_int_equal(fsetxattr(fd, "user.kept", "2", 1, 0), 0);
	assert_ok(diff_upper(&options, collect_xattrs, NULL, NULL, &failure), &failure);
	text = strv_join(&entries, " ");
	assert_string_equal(text, "f:user.kept=2");
	assert_int_equal(notes.count, 1);
	assert_non_null(strstr(notes.items[0], "'f': the attribute 'user.a=b'"));
}

static void
whiteouts_by_attribute_are_read(void **state)
{
	autofd int dir = -1, file = -1;

	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "d", 0755);
	put_file(lower, "d/gone", "x");
	start_step();
	mkdirat(upper, "d", 0755);
	keep_time(upper, "d");
	dir = openat(upper, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put_file(dir, "gone", "");
	put_file(dir, "empty", "");
	file = openat(dir, "gone", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(dir, "user.overlay.opaque", "x", 1, 0), 0);
	assert_int_equal(fsetxattr(file, "user.overlay.whiteout", "", 0, 0), 0);
	keep_time(upper, "d");
	assert_diff("d/ d/empty -d/gone");
}

static int
collect_metadata(void *arg, const struct entry *entry, int content, struct error *e)
{
	(void)arg;
	(void)content;
	(void)e;
	strv_printf(&entries, "%s:%o:%u:%ld:%zu", entry->path, (unsigned)entry->mode & 07777,
	    (unsigned)entry->uid, (long)entry->mtime.tv_sec, entry->n_xattrs);
	return 0;
}

static void
directories_above_an_entry_come_as_they_are(void **state)
{
	struct diff_options options = { .upper = upper };
	autofree char *text = NULL;
	autofd int fd = -1;

	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "a", 0700);
	mkdirat(lower, "a/b", 0711);
	mkdirat(lower, "a/c", 0755);
	put_file(lower, "a/b/f", "x");
	put_file(lower, "a/b/g", "x");
	put_file(lower, "a/c/same", "x");
	fd = openat(lower, "a/b", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(fd, "user.x", "y", 1, 0), 0);
	assert_int_equal(fchown(fd, 7, 7), 0);
	set_time(lower, "a/b", 1000, 0);
	set_time(lower, "a", 2000, 0);
	start_step();
	put_file(mount_fd, "a/b/f", "yy");
	set_time(mount_fd, "a/b/f", 3000, 0);
	assert_int_equal(fchmodat(mount_fd, "a/c/same", 0644, 0), 0); /* copied up, nothing else */
	options.lower = below;
	assert_ok(diff_upper(&options, collect_metadata, NULL, &stats, &failure), &failure);
	text = strv_join(&entries, " ");
	assert_string_equal(text, "a:700:0:2000:0 a/b:711:7:1000:1 a/b/f:644:0:3000:0");
	assert_int_equal(stats.n_entries, 3);
}

static void
directories_above_a_whiteout_come_too(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "a", 0755);
	mkdirat(lower, "a/b", 0755);
	put_file(lower, "a/b/f", "x");
	put_file(lower, "a/b/g", "x");
	start_step();
	unlinkat(mount_fd, "a/b/f", 0);
	unlinkat(mount_fd, "a/b/g", 0);
	keep_time(mount_fd, "a/b");
	assert_diff("a/ a/b/ -a/b/f -a/b/g");
}

static void
the_root_is_an_entry_when_its_mode_changes(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	fchmod(lower, 0555);
	start_step();
	put_file(mount_fd, "f", "x");
	assert_diff("f*");
	assert_int_equal(fchmodat(mount_fd, ".", 0711, 0), 0);
	assert_diff("./ f*");
}

static void
two_thousand_levels_need_few_descriptors(void **state)
{
	autofd int at = -1;

	(void)state;
	NEED_NAMESPACE();
	mkdirat(lower, "d", 0755);
	at = openat(lower, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2000; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	put_file(at, "deep", "x");
	below = make_folder("empty");
	{
		struct diff_options options = { .upper = lower, .lower = below };

		assert_ok(diff_upper(&options, collect, NULL, &stats, &failure), &failure);
	}
	assert_int_equal(stats.n_entries, 2002);
	{
		struct diff_options options = { .upper = lower, .lower = lower };

		assert_ok(diff_upper(&options, collect, NULL, &stats, &failure), &failure);
	}
	assert_int_equal(stats.n_entries, 0);
}

/* Runs @script in the mounted tree. */
static void
run_in_mount(const char *script)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (fchdir(mount_fd) == 0)
			execl("/bin/sh", "sh", "-euc", script, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* A text of everything in a tree that a layer keeps. */
static char *
tree_text(const char *path)
{
	autofree char *command =
	    xasprintf("cd '%s' && { find . -mindepth 1 -printf '%%P|%%y|%%m|%%U:%%G|%%l|%%T@|' "
		      "\\( -type d -printf '\\n' -o -type f -printf '%%n|%%s|' -exec sha256sum {} "
		      "\\; -o -printf '%%n\\n' \\) "
		      "| LC_ALL=C sort; }; getfattr -hR -m '^user\\.[^o]|^security\\.cap' -d . "
		      "2>/dev/null || true",
		path);
	FILE *file = popen(command, "r");
	auto(buf) struct buf text = { 0 };
	char part[4096];
	size_t got;

	assert_non_null(file);
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(&text, part, got);
	pclose(file);
	return buf_steal(&text);
}

/* Lines of tree_text(), told apart one by one. */
static void
assert_same_lines(const char *a, const char *b)
{
	auto(strv) struct strv x = { 0 }, y = { 0 };

	strv_split(&x, a, '\n');
	strv_split(&y, b, '\n');
	assert_true(x.count > 20);
	for (size_t i = 0; i < x.count && i < y.count; i++)
		assert_string_equal(x.items[i], y.items[i]);
	assert_int_equal(x.count, y.count);
}

/* The layer of the upper, applied to another copy of the tree below, gives what the mount shows. */
static void
check_round_trip(const char *prepare, const char *script, enum compression compression)
{
	struct layer_options options = { .compression = compression, .threads = 2 };
	autofree char *shown = NULL, *applied = NULL, *path = NULL;
	struct diff_options diff = { .upper = upper };
	struct layer_result result;
	struct layer_writer *writer;
	autofd int at = -1, blob = memfd_create("blob", MFD_CLOEXEC), copy_fd = make_folder("copy");
	struct layer_source source = {
		.fd = blob, .digest = &result.digest, .diff_id = &result.diff_id
	};
	autolisting struct listing *listing = NULL;

	mount_fd = dup(lower);
	run_in_mount(prepare);
	fd_close_at(&mount_fd);
	path = xasprintf("cp -a '%s/lower/.' '%s/copy/'", work_path, work_path);
	assert_int_equal(system(path), 0);
	start_step();
	run_in_mount(script);
	free(path);
	path = xasprintf("%s/shown", work_path);
	assert_int_equal(mkdir(path, 0755), 0);
	at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(syscall(SYS_move_mount, mount_fd, "", at, "",
			     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
	    0);
	shown = tree_text(path);
	assert_int_equal(umount2(path, MNT_DETACH), 0);
	diff.lower = below;
	assert_ok(layer_writer_open(blob, &options, NULL, &writer, &failure), &failure);
	assert_ok(diff_upper(&diff, layer_writer_add, writer, NULL, &failure), &failure);
	assert_ok(layer_writer_finish(writer, &result, &failure), &failure);
	assert_int_equal(lseek(blob, 0, SEEK_SET), 0);
	assert_ok(layer_apply(&source, &(struct apply_root){ copy_fd, NULL }, NULL, &listing, NULL,
		      &failure),
	    &failure);
	assert_int_equal(listing_count(listing) > 0, 1);
	free(path);
	path = xasprintf("%s/copy", work_path);
	applied = tree_text(path);
	assert_same_lines(shown, applied);
}

static const char prepare_script[] =
    "mkdir -p d/sub e/deep usr/bin; echo 1 > d/a; echo 2 > d/sub/b; echo 3 > e/deep/c; echo 4 > f; "
    "ln -s usr/bin bin; echo t > usr/bin/tool;"
    "echo g > g; ln g g2; echo m > m; chmod 4755 usr/bin/tool; touch -d @1000.5 f; mkfifo p; mkdir "
    "-m 1777 tmp; mkdir -m 0 none; touch -d @1 .";
static const char change_script[] =
    "rm -rf d; mkdir d; echo new > d/n; rm e/deep/c; rmdir e/deep; echo file > e/deep; rm f; mkdir "
    "f; echo in > f/in; chown 7:8 usr/bin/tool;"
    "chmod 6711 usr/bin/tool; ln usr/bin/tool bin/tool2; mv m moved; echo x >> moved; ln -s "
    "/nowhere dangling; mkfifo q; chmod 600 p;"
    "n=$(printf 'caf\\303\\251'); echo u > \"$n\"; n=$(printf 'bad\\377\\376'); echo v > \"$n\"; "
    "n=$(printf 'new\\nline'); echo w > \"$n\";"
    "l=$(printf 'x%.0s' $(seq 200)); mkdir -p $l/$l; echo deep > $l/$l/$l; ln -s $l/$l/$l long; "
    "touch -d @-5.25 old; touch -d @9999999999.123456789 far;"
    "truncate -s 20M sparse; printf end >> sparse; chmod 0 none; chown 65530:65530 d/n; touch -d "
    "@2 . d e f usr usr/bin tmp; rm -rf tmp";

static void
a_corpus_goes_round_plain(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	check_round_trip(prepare_script, change_script, COMPRESSION_NONE);
}

static void
a_corpus_goes_round_gzip(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	check_round_trip(prepare_script, change_script, COMPRESSION_GZIP);
}

static void
a_corpus_goes_round_zstd(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	check_round_trip(prepare_script, change_script, COMPRESSION_ZSTD);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest tests[] = {
	ROW(nothing_changed_is_an_empty_layer),
	ROW(entries_come_by_components),
	ROW(whiteout_hides_a_lower_file),
	ROW(whiteout_of_nothing_is_dropped),
	ROW(made_and_removed_leaves_nothing),
	ROW(opaque_directory_comes_before_its_children),
	ROW(copied_up_and_equal_is_dropped),
	ROW(equal_metadata_with_other_bytes_is_kept),
	ROW(metadata_changes_ship_the_file),
	ROW(directories_are_bare_headers),
	ROW(types_change),
	ROW(hard_links_carry_the_data_once),
	ROW(names_elsewhere_make_no_hard_links),
	ROW(sockets_are_dropped_and_told),
	ROW(attributes_of_the_overlay_are_not_the_images),
	ROW(an_attribute_that_no_layer_can_name_is_told),
	ROW(whiteouts_by_attribute_are_read),
	ROW(directories_above_an_entry_come_as_they_are),
	ROW(directories_above_a_whiteout_come_too),
	ROW(the_root_is_an_entry_when_its_mode_changes),
	ROW(two_thousand_levels_need_few_descriptors),
	ROW(a_corpus_goes_round_plain),
	ROW(a_corpus_goes_round_gzip),
	ROW(a_corpus_goes_round_zstd),
};

int
main(int argc, char **argv)
{
	const char *build = getenv("CROZE_BUILD");

	if (build)
		setenv("CROZE_LIBEXEC", build, 0);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, unit_enter, NULL);
}
