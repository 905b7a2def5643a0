/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_copy - the rules of COPY and ADD: each case is carried out twice, as files below a mount and as a layer that is
 * unpacked over the destination, and both must give the tree that is expected.
 *
 * Trees are described line by line: type, path, and what belongs to the type:
 *	d app 755           a directory
 *	f app/a 644 text    a file with its content
 *	l app/l target      a symbolic link
 *	h app/h app/a       a hard link
 *	p app/p 644         a FIFO
 *	o app/a 12:34       changes an owner
 *	x app/a name=value  sets user.name
 */
#include "tests/unit/unit.h"

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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct copy_case {
	const char *name;
	const char *source; /* the tree that is copied from */
	const char *tree;   /* the destination before */
	const char *words;  /* sources, a blank between */
	const char *dest;
	const char *expect; /* the destination after; NULL: as before */
	const char *error;  /* instead: part of the message or of its hint */
	const char *note;   /* part of what is noted */
	const char *ignore; /* patterns */
	const char *chmod;
	bool chown;
	uid_t uid;
	gid_t gid;
	bool rootfs;
	bool needs_ids; /* more than one user id */
};

#define SOURCE "f a 644 A\nf b 600 B\nd d 755\nf d/x 644 X\nd d/sub 750\nf d/sub/y 755 Y\n"

static const struct copy_case cases[] = {
	/* where files go */
	{ "file_to_new_name", SOURCE, "", "a", "/x", "f x 644 A\n" },
	{ "file_to_new_directory", SOURCE, "", "a", "/x/", "d x 755\nf x/a 644 A\n" },
	{ "file_into_existing_directory", SOURCE, "d x 711\n", "a", "/x", "d x 711\nf x/a 644 A\n" },
	{ "file_into_existing_directory_with_slash", SOURCE, "d x 711\n", "a", "/x/", "d x 711\nf x/a 644 A\n" },
	{ "file_into_the_root", SOURCE, "", "a", "/", "f a 644 A\n" },
	{ "file_below_missing_parents", SOURCE, "", "a", "/p/q/r", "d p 755\nd p/q 755\nf p/q/r 644 A\n" },
	{ "file_replaces_file", SOURCE, "f x 755 old\n", "a", "/x", "f x 644 A\n" },
	{ "file_replaces_file_in_directory", SOURCE, "d x 755\nf x/a 755 old\nf x/k 644 K\n", "a", "/x/",
	    "d x 755\nf x/a 644 A\nf x/k 644 K\n" },
	{ "several_files", SOURCE, "", "a b", "/x/", "d x 755\nf x/a 644 A\nf x/b 600 B\n" },
	{ "several_files_into_existing_directory", SOURCE, "d x 700\n", "b a", "/x",
	    "d x 700\nf x/a 644 A\nf x/b 600 B\n" },
	{ "several_files_need_a_directory", SOURCE, "", "a b", "/x", .error = "several sources need a directory" },
	{ "several_files_over_a_file", SOURCE, "f x 644 old\n", "a b", "/x", .error = "several sources need a directory" },
	{ "file_and_directory", SOURCE, "", "d a", "/x/",
	    "d x 755\nf x/a 644 A\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "slash_after_a_file", SOURCE, "f x 644 old\n", "a", "/x/", .error = "is not a directory" },
	{ "parent_is_a_file", SOURCE, "f x 644 old\n", "a", "/x/y", .error = "is not a directory" },
	{ "later_source_wins", "d p 755\nf p/a 644 one\nd q 755\nf q/a 755 two\n", "", "p q", "/x/",
	    "d x 755\nf x/a 755 two\n" },
	{ "same_file_twice", SOURCE, "", "a a", "/x/", "d x 755\nf x/a 644 A\n" },
	{ "empty_file", "f e 640\n", "", "e", "/e", "f e 640\n" },
	/* directories */
	{ "directory_is_its_content", SOURCE, "", "d", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "new_directory_without_slash_has_mode_of_source", "d d 700\nf d/x 644 X\n", "", "d", "/n",
	    "d n 700\nf n/x 644 X\n" },
	{ "new_directory_with_slash_is_755", "d d 700\nf d/x 644 X\n", "", "d", "/n/", "d n 755\nf n/x 644 X\n" },
	{ "slash_after_source_changes_nothing", SOURCE, "", "d/", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "directory_into_directory_makes_no_level", SOURCE, "d x 755\nd x/d 755\n", "d", "/x/",
	    "d x 755\nd x/d 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "existing_top_keeps_its_mode", SOURCE, "d x 1777\n", "d", "/x",
	    "d x 1777\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "existing_nested_directory_gets_the_mode", SOURCE, "d x 755\nd x/sub 700\nf x/sub/k 644 K\n", "d", "/x",
	    "d x 755\nd x/sub 750\nf x/sub/k 644 K\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "directories_merge", "d p 755\nd p/s 755\nf p/s/a 644 A\nd q 755\nd q/s 700\nf q/s/b 644 B\n", "", "p q", "/",
	    "d s 700\nf s/a 644 A\nf s/b 644 B\n" },
	{ "directory_to_the_root", SOURCE, "d sub 755\n", "d", "/", "d sub 750\nf sub/y 755 Y\nf x 644 X\n" },
	{ "whole_context_to_new_directory", "f a 644 A\nd s 700\n", "", ".", "/app", "d app 755\nf app/a 644 A\nd app/s 700\n" },
	{ "whole_context_to_the_root", "f a 644 A\n", "", ".", "/", "f a 644 A\n" },
	{ "whole_context_by_slash", "f a 644 A\n", "", "/", "/app/", "d app 755\nf app/a 644 A\n" },
	{ "empty_directory", "d e 711\n", "", "e", "/n", "d n 711\n" },
	{ "empty_directory_with_slash", "d e 711\n", "", "e", "/n/", "d n 755\n" },
	{ "empty_directory_to_existing_one", "d e 711\n", "d n 700\n", "e", "/n" },
	{ "directory_over_file", SOURCE, "f x 644 old\n", "d", "/x", .error = "cannot copy directory 'd' of the source over file '/x'" },
	{ "nested_directory_over_file", SOURCE, "d x 755\nf x/sub 644 old\n", "d", "/x",
	    .error = "cannot copy directory 'd/sub' of the source over file '/x/sub'" },
	{ "file_over_directory", SOURCE, "d x 755\nd x/a 755\n", "a", "/x/",
	    .error = "cannot copy file 'a' of the source over directory '/x/a'" },
	{ "nested_file_over_directory", SOURCE, "d x 755\nd x/sub 755\nd x/sub/y 755\n", "d", "/x",
	    .error = "cannot copy file 'd/sub/y' of the source over directory '/x/sub/y'" },
	{ "sources_that_contradict", "d p 755\nf p/n 644 N\nd q 755\nd q/n 755\n", "", "p q", "/x/",
	    .error = "over file '/x/n'" },
	{ "modes_0711_0555_0000", "d m 755\nd m/a 711\nf m/a/f 0 F\nd m/b 555\nf m/b/f 444 F\nd m/c 0\n", "", "m", "/x",
	    "d x 755\nd x/a 711\nf x/a/f 0 F\nd x/b 555\nf x/b/f 444 F\nd x/c 0\n" },
	{ "setid_and_sticky_bits", "d m 2755\nf m/s 4755 S\nf m/g 2755 G\nd m/t 1777\n", "", "m", "/x",
	    "d x 2755\nf x/g 2755 G\nf x/s 4755 S\nd x/t 1777\n" },
	{ "order_by_components", "d t 755\nd t/a 755\nf t/a/z 644 Z\nf t/a.b 644 1\nf t/a-b 644 2\nf t/a0 644 3\n", "", "t", "/",
	    "d a 755\nf a-b 644 2\nf a.b 644 1\nf a/z 644 Z\nf a0 644 3\n" },
	/* clamping */
	{ "absolute_source", SOURCE, "", "/a", "/x", "f x 644 A\n" },
	{ "dots_stop_at_the_context", SOURCE, "", "../../../a", "/x", "f x 644 A\n" },
	{ "dots_inside", SOURCE, "", "d/../d/./x", "/x", "f x 644 X\n" },
	{ "dots_of_destination_stop_at_the_root", SOURCE, "l up ../../../..\n", "a", "/up/x", "f x 644 A\nl up ../../../..\n" },
	{ "missing_source", SOURCE, "", "nosuch", "/x", .error = "source 'nosuch' is not in the source" },
	{ "missing_source_names_what_is_near", "f Makefile 644 M\n", "", "makefile", "/x", .error = "there is 'Makefile'" },
	{ "missing_source_names_the_same_elsewhere", "d out 755\nf out/server 755 S\n", "", "server", "/x",
	    .error = "there is 'out/server'" },
	{ "missing_source_in_a_stage", "d out 755\nf out/server 755 S\n", "", "/server", "/x",
	    .error = "there is '/out/server'", .rootfs = true },
	/* wildcards */
	{ "wildcard", "f a.c 644 A\nf b.c 644 B\nf c.h 644 C\n", "", "*.c", "/x/", "d x 755\nf x/a.c 644 A\nf x/b.c 644 B\n" },
	{ "wildcard_of_one_file_to_a_name", "f app-1.jar 644 J\n", "", "*.jar", "/app.jar", "f app.jar 644 J\n" },
	{ "wildcard_of_several_needs_a_directory", "f a.c 644 A\nf b.c 644 B\n", "", "*.c", "/x",
	    .error = "several sources need a directory" },
	{ "wildcard_without_match_copies_nothing", SOURCE, "f k 644 K\n", "*.zip", "/x/", .note = "'*.zip' matches nothing" },
	{ "wildcard_without_match_beside_a_file", SOURCE, "", "a *.zip", "/x/", "d x 755\nf x/a 644 A\n", .note = "*.zip" },
	{ "wildcard_matches_hidden_names", "f .env 644 E\nf a 644 A\n", "", "*", "/x/", "d x 755\nf x/.env 644 E\nf x/a 644 A\n" },
	{ "wildcard_directory_is_its_content", SOURCE, "", "d*", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "wildcard_in_the_middle", "d p 755\nf p/f 644 P\nd q 755\nf q/g 644 Q\n", "", "*/f", "/x/", "d x 755\nf x/f 644 P\n" },
	{ "wildcard_question_mark_and_class", "f a1 644 1\nf a2 644 2\nf b1 644 3\n", "", "[a]?", "/x/",
	    "d x 755\nf x/a1 644 1\nf x/a2 644 2\n" },
	{ "escaped_wildcard_is_a_name", "f a*b 644 S\nf axb 644 N\n", "", "a\\*b", "/x", "f x 644 S\n" },
	{ "wildcard_does_not_go_through_links", "d p 755\nf p/f 644 F\nl q p\n", "", "q*/f", "/x/", .note = "matches nothing",
	    .expect = "" },
	{ "two_stars_are_one_level", "d a 755\nf a/f.go 644 F\nd a/b 755\nf a/b/g.go 644 G\nd a/b/c 755\nf a/b/c/h.go 644 H\n", "",
	    "**/*.go", "/x/", "d x 755\nf x/f.go 644 F\n", .note = "2 deeper ones" },
	{ "wildcard_follows_links_it_matches", "f t 644 T\nl k1 t\n", "", "k*", "/x/", "d x 755\nf x/k1 644 T\n" },
	{ "wrong_pattern", SOURCE, "", "a[", "/x/", .error = "source 'a['" },
	/* links in sources */
	{ "top_link_to_file_is_followed", "f t 640 T\nl k t\n", "", "k", "/x/", "d x 755\nf x/k 640 T\n" },
	{ "top_link_to_directory_is_followed", "d t 755\nf t/a 644 A\nl k t\n", "", "k", "/x/", "d x 755\nf x/a 644 A\n" },
	{ "absolute_top_link_stays_inside", "f t 644 T\nl k /t\n", "", "k", "/x", "f x 644 T\n" },
	{ "top_link_with_surplus_dots_stays_inside", "f t 644 T\nl k ../../../t\n", "", "k", "/x", "f x 644 T\n" },
	{ "link_in_a_parent_of_the_source", "d t 755\nf t/a 644 A\nl k /t\n", "", "k/a", "/x", "f x 644 A\n" },
	{ "dangling_top_link", "l k nowhere\n", "", "k", "/x", .error = "source 'k' is not in" },
	{ "link_loop", "l k m\nl m k\n", "", "k", "/x", .error = "too many symbolic links" },
	{ "nested_links_are_copied", "d t 755\nl t/k /etc/passwd\nl t/r ../../x\nl t/n nowhere\n", "", "t", "/x",
	    "d x 755\nl x/k /etc/passwd\nl x/n nowhere\nl x/r ../../x\n" },
	{ "link_loop_inside_is_copied", "d t 755\nl t/a b\nl t/b a\n", "", "t", "/x", "d x 755\nl x/a b\nl x/b a\n" },
	/* links in the destination */
	{ "destination_link_to_directory", SOURCE, "d t 755\nl k t\n", "a", "/k", "l k t\nd t 755\nf t/a 644 A\n" },
	{ "destination_link_in_a_parent", SOURCE, "d t 755\nl k /t\n", "a", "/k/x", "l k /t\nd t 755\nf t/x 644 A\n" },
	{ "destination_link_to_file", SOURCE, "f t 600 old\nl k t\n", "a", "/k", "l k t\nf t 644 A\n" },
	{ "destination_dangling_link", SOURCE, "l k /new/deep\n", "a", "/k/x",
	    "l k /new/deep\nd new 755\nd new/deep 755\nf new/deep/x 644 A\n" },
	{ "destination_link_loop", SOURCE, "l k m\nl m k\n", "a", "/k/x", .error = "too many symbolic links" },
	{ "destination_link_is_replaced_inside", SOURCE, "d x 755\nl x/a /etc/passwd\n", "a", "/x/", "d x 755\nf x/a 644 A\n" },
	{ "merged_usr", "d r 755\nd r/bin 755\nf r/bin/tool 755 T\nd r/usr 755\nd r/usr/bin 755\nf r/usr/bin/more 755 M\n",
	    "l bin usr/bin\nd usr 755\nd usr/bin 755\nf usr/bin/sh 755 S\n", "r", "/",
	    "l bin usr/bin\nd usr 755\nd usr/bin 755\nf usr/bin/more 755 M\nf usr/bin/sh 755 S\nf usr/bin/tool 755 T\n" },
	{ "directory_over_dangling_link", SOURCE, "d x 755\nl x/sub nowhere\n", "d", "/x", .error = "cannot copy directory" },
	{ "var_run", "f pid 644 1\n", "d run 755\nd var 755\nl var/run /run\n", "pid", "/var/run/",
	    "d run 755\nf run/pid 644 1\nd var 755\nl var/run /run\n" },
	{ "link_over_file", "d t 755\nl t/k target\n", "d x 755\nf x/k 644 old\n", "t", "/x", "d x 755\nl x/k target\n" },
	/* hard links, attributes, special files */
	{ "hard_links_are_kept", "d t 755\nf t/a 644 A\nh t/b t/a\nd t/c 755\nh t/c/d t/a\n", "", "t", "/x",
	    "d x 755\nf x/a 644 A\nh x/b x/a\nd x/c 755\nh x/c/d x/a\n" },
	{ "hard_links_among_sources", "f a 644 A\nh b a\n", "", "b a", "/x/", "d x 755\nf x/a 644 A\nh x/b x/a\n" },
	{ "hard_link_to_what_is_not_copied", "d t 755\nf o 644 A\nh t/b o\n", "", "t", "/x", "d x 755\nf x/b 644 A\n" },
	{ "attributes_are_kept", "d t 755\nx t color=blue\nf t/a 644 A\nx t/a mime=text\nx t/a b=c\n", "", "t", "/x",
	    "d x 755\nx x color=blue\nf x/a 644 A\nx x/a b=c\nx x/a mime=text\n" },
	{ "fifo", "d t 755\np t/p 640\n", "", "t", "/x", "d x 755\np x/p 640\n" },
	{ "top_fifo", "p p 640\n", "", "p", "/x", "p x 640\n" },
	{ "socket_is_skipped", "d t 755\ns t/s\nf t/a 644 A\n", "", "t", "/x", "d x 755\nf x/a 644 A\n", .note = "sockets are not copied" },
	{ "odd_names", "d t 755\nf t/new\\nline 644 1\nf t/-dash 644 2\nf t/\xff\xfe 644 3\nf t/\xc3\xa4 644 4\nf t/back\\\\slash 644 5\n",
	    "", "t", "/x",
	    "d x 755\nf x/-dash 644 2\nf x/back\\\\slash 644 5\nf x/new\\nline 644 1\nf x/\xc3\xa4 644 4\nf x/\xff\xfe 644 3\n" },
	/* --chown, --chmod */
	{ "chown", SOURCE, "", "d", "/x/", "d x 755\no x 12:34\nd x/sub 750\no x/sub 12:34\nf x/sub/y 755 Y\no x/sub/y 12:34\nf x/x 644 X\no x/x 12:34\n",
	    .chown = true, .uid = 12, .gid = 34, .needs_ids = true },
	{ "chown_of_parents", SOURCE, "d p 755\n", "a", "/p/q/r/", "d p 755\nd p/q 755\no p/q 12:34\nd p/q/r 755\no p/q/r 12:34\nf p/q/r/a 644 A\no p/q/r/a 12:34\n",
	    .chown = true, .uid = 12, .gid = 34, .needs_ids = true },
	{ "chown_leaves_an_existing_top", "d t 755\nf t/a 644 A\nl t/k a\n", "d x 700\n", "t", "/x", "d x 700\nf x/a 644 A\no x/a 5:6\nl x/k a\no x/k 5:6\n",
	    .chown = true, .uid = 5, .gid = 6, .needs_ids = true },
	{ "chown_keeps_setid", "f s 4755 S\n", "", "s", "/s", "f s 4755 S\no s 5:6\n", .chown = true, .uid = 5, .gid = 6, .needs_ids = true },
	{ "context_files_belong_to_root", "f a 644 A\no a 7:8\n", "", "a", "/x", "f x 644 A\n", .needs_ids = true },
	{ "stage_files_keep_owners", "f a 644 A\no a 7:8\n", "", "a", "/x", "f x 644 A\no x 7:8\n", .rootfs = true, .needs_ids = true },
	{ "stage_directory_keeps_owners", "d t 755\no t 3:3\nf t/a 644 A\no t/a 7:8\n", "", "t", "/x",
	    "d x 755\no x 3:3\nf x/a 644 A\no x/a 7:8\n", .rootfs = true, .needs_ids = true },
	{ "stage_files_with_chown", "f a 644 A\no a 7:8\n", "", "a", "/x", "f x 644 A\no x 1:2\n", .rootfs = true, .chown = true,
	    .uid = 1, .gid = 2, .needs_ids = true },
	{ "chmod_octal_hits_directories_too", SOURCE, "", "d", "/x", "d x 644\nd x/sub 644\nf x/sub/y 644 Y\nf x/x 644 X\n", .chmod = "644" },
	{ "chmod_symbolic", SOURCE, "", "d", "/x", "d x 755\nd x/sub 755\nf x/sub/y 755 Y\nf x/x 644 X\n", .chmod = "u=rwX,go=rX" },
	{ "chmod_plus_x", SOURCE, "", "a", "/x", "f x 755 A\n", .chmod = "+x" },
	{ "chmod_of_new_parents", SOURCE, "", "a", "/p/q/x", "d p 700\nd p/q 700\nf p/q/x 700 A\n", .chmod = "700" },
	{ "chmod_leaves_an_existing_top", SOURCE, "d x 711\n", "a", "/x/", "d x 711\nf x/a 4755 A\n", .chmod = "4755" },
	{ "chmod_leaves_links", "d t 755\nl t/k a\n", "", "t", "/x", "d x 700\nl x/k a\n", .chmod = "700" },
	/* ignore files */
	{ "ignored_files_stay", SOURCE, "", ".", "/x/", "d x 755\nf x/a 644 A\nd x/d 755\nf x/d/x 644 X\n", .ignore = "b\nd/sub\n" },
	{ "ignored_source_is_missing", SOURCE, "", "b", "/x", .error = "it is left out by 'b', line 1", .ignore = "b\n" },
	{ "wildcard_skips_ignored", SOURCE, "", "[ab]", "/x/", "d x 755\nf x/a 644 A\n", .ignore = "b\n" },
	{ "taken_back_in", SOURCE, "", ".", "/x/", "d x 755\nd x/d 755\nd x/d/sub 750\nf x/d/sub/y 755 Y\n", .ignore = "*\n!d/sub/y\n" },
	{ "taken_back_in_by_directory", SOURCE, "", "d", "/x/", "d x 755\nd x/sub 750\nf x/sub/y 755 Y\n", .ignore = "d\n!d/sub\n" },
	{ "nothing_taken_back_leaves_no_directory", SOURCE, "", ".", "/x/", "d x 755\nf x/a 644 A\nf x/b 600 B\n", .ignore = "d\n!d/none\n" },
	{ "link_to_ignored_file", "f t 644 T\nl k t\n", "", "k", "/x", .error = "is not in", .ignore = "t\n" },
};

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
make_line(int dir, char type, const char *path, const char *one, const char *two)
{
	mode_t mode = (mode_t)strtoul(one, NULL, 8);
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000000000, .tv_nsec = 123456789 } };

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
		die_on(fchownat(dir, path, uid, (gid_t)strtoul(rest + 1, NULL, 10), AT_SYMLINK_NOFOLLOW) < 0, path);
		die_on(!S_ISLNK(st.st_mode) && fchmodat(dir, path, st.st_mode & 07777, 0) < 0, path);
	}
	die_on(utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW) < 0, path);
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
	buf_printf(s->out, "%c ", entry->is_hardlink ? 'h' : S_ISDIR(entry->mode) ? 'd' : S_ISLNK(entry->mode) ? 'l' :
	    S_ISFIFO(entry->mode) ? 'p' : S_ISREG(entry->mode) ? 'f' : '?');
	show_name(s->out, entry->path);
	if (entry->is_hardlink || S_ISLNK(entry->mode))
		buf_printf(s->out, " %s", entry->link);
	else
		buf_printf(s->out, " %o", entry->mode & 07777);
	if (text.len > 0)
		buf_printf(s->out, " %s", buf_text(&text));
	if (s->times && !entry->is_hardlink)
		buf_printf(s->out, " @%lld.%ld", (long long)entry->mtime.tv_sec, entry->mtime.tv_nsec);
	buf_add_char(s->out, '\n');
	if ((entry->uid || entry->gid) && !entry->is_hardlink)
		buf_printf(s->out, "o %s %u:%u\n", entry->path, entry->uid, entry->gid);
	for (size_t i = 0; !entry->is_hardlink && i < entry->n_xattrs; i++)
		buf_printf(s->out, "x %s %s=%.*s\n", entry->path, entry->xattrs[i].name + 5, (int)entry->xattrs[i].length,
		    (const char *)entry->xattrs[i].value);
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
plan_case(const struct copy_case *c, int source, const struct ignore *ignore, struct digests *digests, struct buf *notes,
    struct error *e)
{
	auto(strv) struct strv words = { 0 };
	struct mode_spec mode;
	struct copy_request request = {
		.from = { .root = source, .name = "the source", .is_rootfs = c->rootfs, .ignore = c->ignore ? ignore : NULL,
		    .ignore_file = ".dockerignore" },
		.dest = c->dest,
		.flags = c->chown ? COPY_CHOWN : 0,
		.chmod = c->chmod ? &mode : NULL,
		.digests = digests,
		.note = take_note,
		.note_arg = notes,
	};

	if (c->chmod)
		assert_ok(mode_parse(c->chmod, &mode, e), e);
	strv_split(&words, c->words, ' ');
	request.sources = strv_array(&words);
	request.n_sources = words.count;
	return copy_plan_make(&request, e);
}

static int
place_case(const struct copy_case *c, struct copy_plan *plan, struct tree *tree, struct error *e)
{
	struct copy_placement placement = { .tree = tree, .uid = c->uid, .gid = c->gid, .now = { .tv_sec = 1600000000 } };

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
	return copy_plan_materialise(plan, dest, e);
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
	command = xasprintf("tar -C /proc/%d/fd/%d -xpf %s --numeric-owner --xattrs --xattrs-include='*' --warning=none",
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
		skip();
	source = make_tree("source", c->source);
	files = make_tree("files", c->tree);
	layer = make_tree("layer", c->tree);
	if (c->ignore)
		assert_ok(ignore_parse(&ignore, c->ignore, strlen(c->ignore), ".dockerignore", &e), &e);
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
		assert_ok(ignore_parse(&ignore, c->ignore, strlen(c->ignore), ".dockerignore", &e), &e);
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
		"d d 755\nf d/a 644 B\n", "d d 755\nf d/a 755 A\n", "d d 755\nf d/b 644 A\n", "d d 755\nl d/a A\n",
		"d d 755\nf d/a 644 A\nx d/a k=v\n", "d d 755\nf d/a 644 A\nd d/e 755\n", "d d 755\nf d/a 644 A\nh d/b d/a\n",
		"d d 755\nf d/a 644 A\nf d/b 644 A\n", "d d 755\np d/a 644\n",
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
	static const char *const words[] = { "leak", "chain", "dir/secret", "dir", "up/secret", "tree", "l*", "fifo" };
	autofree char *spec = xasprintf(
	    "l leak %s/canary/secret\nl chain leak\nl dir %s/canary\nl up ../canary\nd tree 755\nl tree/k %s/canary/secret\n"
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
			autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);

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
	autofree char *spec = xasprintf("l wd %s/canary\nd d 755\nl d/k ../../../../../..%s/canary/secret\n", scratch, scratch);
	autofd int source = make_tree("source", "f f 644 F\nf k 644 K\nd empty 700\n");
	autofd int files = make_tree("files", spec);
	struct {
		const char *words, *dest;
	} copies[] = { { "f", "/wd/f" }, { "f", "/wd/" }, { "f", "/wd/empty/" }, { "k", "/d/k" }, { "k f", "/d/" },
		{ ".", "/wd/" } };
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
	pid_t pid;

	die_on(symlink(canary, b) < 0, b);
	pid = fork();
	if (pid == 0) {
		for (;;)
			(void)renameat2(AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
	}
	return pid;
}

static void
stop_swapper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#define SWAPS 300

static void
a5_a_swapped_destination_keeps_everything_inside(void **state)
{
	autofd int source = make_tree("source", "d t 755\nd t/v 755\nf t/v/1 644 A\nf t/v/2 644 B\nf t/v/3 644 C\nd t/v/w 755\nf t/v/w/4 644 D\n");
	autofd int files = make_tree("files", "d v 755\n");
	struct copy_case c = { .words = "t", .dest = "/" };
	unsigned good = 0;
	pid_t swapper;

	(void)state;
	make_canary();
	swapper = start_swapper("files", "v");
	for (int i = 0; i < SWAPS; i++) {
		auto(buf) struct buf notes = { 0 };
		struct error e = ERROR_INIT;
		autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);

		good += plan && run_files(&c, plan, files, &e) == 0;
	}
	stop_swapper(swapper);
	check_canary(files);
	print_message("# %u of %d copies went through\n", good, SWAPS);
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
	for (int i = 0; i < SWAPS; i++) {
		struct copy_case c = { .words = i % 2 ? "v" : "v/secret", .dest = "/x/", .rootfs = i % 3 == 0 };
		auto(buf) struct buf notes = { 0 };
		struct error e = ERROR_INIT;
		autoplan struct copy_plan *plan = plan_case(&c, source, NULL, NULL, &notes, &e);

		good += plan && run_files(&c, plan, files, &e) == 0;
	}
	stop_swapper(swapper);
	check_canary(files);
	print_message("# %u of %d copies went through\n", good, SWAPS);
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
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000000000, .tv_nsec = 123456789 } };
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

#define TEST(f) { #f, f, open_scratch, close_scratch, NULL }

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
};

static struct CMUnitTest tests[ARRAY_LEN(cases) + ARRAY_LEN(more)];

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tests[i] = (struct CMUnitTest){ cases[i].name, run_case, open_scratch, close_scratch,
			(void *)(uintptr_t)&cases[i] };
	memcpy(tests + ARRAY_LEN(cases), more, sizeof(more));
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, become_root, NULL);
}
