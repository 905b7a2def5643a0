/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_cases - the rules of COPY and ADD as a table: a source, a destination, and what comes out.
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
#ifndef CROZE_TESTS_COPY_CASES_H
#define CROZE_TESTS_COPY_CASES_H

#include <stdbool.h>
#include <sys/types.h>

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
	bool add;
	bool chown;
	uid_t uid;
	gid_t gid;
	bool rootfs;
	bool needs_ids; /* more than one user id */
};

#define SOURCE "f a 644 A\nf b 600 B\nd d 755\nf d/x 644 X\nd d/sub 750\nf d/sub/y 755 Y\n"

/* a case says only what it is about */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const struct copy_case cases[] = {
	/* where files go */
	{ "file_to_new_name", SOURCE, "", "a", "/x", "f x 644 A\n" },
	{ "file_to_new_directory", SOURCE, "", "a", "/x/", "d x 755\nf x/a 644 A\n" },
	{ "file_into_existing_directory", SOURCE, "d x 711\n", "a", "/x",
	    "d x 711\nf x/a 644 A\n" },
	{ "file_into_existing_directory_with_slash", SOURCE, "d x 711\n", "a", "/x/",
	    "d x 711\nf x/a 644 A\n" },
	{ "file_into_the_root", SOURCE, "", "a", "/", "f a 644 A\n" },
	{ "file_below_missing_parents", SOURCE, "", "a", "/p/q/r",
	    "d p 755\nd p/q 755\nf p/q/r 644 A\n" },
	{ "file_replaces_file", SOURCE, "f x 755 old\n", "a", "/x", "f x 644 A\n" },
	{ "file_replaces_file_in_directory", SOURCE, "d x 755\nf x/a 755 old\nf x/k 644 K\n", "a",
	    "/x/", "d x 755\nf x/a 644 A\nf x/k 644 K\n" },
	{ "several_files", SOURCE, "", "a b", "/x/", "d x 755\nf x/a 644 A\nf x/b 600 B\n" },
	{ "several_files_into_existing_directory", SOURCE, "d x 700\n", "b a", "/x",
	    "d x 700\nf x/a 644 A\nf x/b 600 B\n" },
	{ "several_files_need_a_directory", SOURCE, "", "a b", "/x",
	    .error = "several sources need a directory" },
	{ "several_files_over_a_file", SOURCE, "f x 644 old\n", "a b", "/x",
	    .error = "several sources need a directory" },
	{ "file_and_directory", SOURCE, "", "d a", "/x/",
	    "d x 755\nf x/a 644 A\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "slash_after_a_file", SOURCE, "f x 644 old\n", "a", "/x/",
	    .error = "is not a directory" },
	{ "parent_is_a_file", SOURCE, "f x 644 old\n", "a", "/x/y", .error = "is not a directory" },
	{ "later_source_wins", "d p 755\nf p/a 644 one\nd q 755\nf q/a 755 two\n", "", "p q", "/x/",
	    "d x 755\nf x/a 755 two\n" },
	{ "same_file_twice", SOURCE, "", "a a", "/x/", "d x 755\nf x/a 644 A\n" },
	{ "empty_file", "f e 640\n", "", "e", "/e", "f e 640\n" },
	/* directories */
	{ "directory_is_its_content", SOURCE, "", "d", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "new_directory_without_slash_is_755", "d d 700\nf d/x 644 X\n", "", "d", "/n",
	    "d n 755\nf n/x 644 X\n" },
	{ "new_directory_with_slash_is_755", "d d 700\nf d/x 644 X\n", "", "d", "/n/",
	    "d n 755\nf n/x 644 X\n" },
	{ "slash_after_source_changes_nothing", SOURCE, "", "d/", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "directory_into_directory_makes_no_level", SOURCE, "d x 755\nd x/d 755\n", "d", "/x/",
	    "d x 755\nd x/d 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "existing_top_keeps_its_mode", SOURCE, "d x 1777\n", "d", "/x",
	    "d x 1777\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "existing_nested_directory_gets_the_mode", SOURCE,
	    "d x 755\nd x/sub 700\nf x/sub/k 644 K\n", "d", "/x",
	    "d x 755\nd x/sub 750\nf x/sub/k 644 K\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "directories_merge",
	    "d p 755\nd p/s 755\nf p/s/a 644 A\nd q 755\nd q/s 700\nf q/s/b 644 B\n", "", "p q",
	    "/", "d s 700\nf s/a 644 A\nf s/b 644 B\n" },
	{ "directory_to_the_root", SOURCE, "d sub 755\n", "d", "/",
	    "d sub 750\nf sub/y 755 Y\nf x 644 X\n" },
	{ "whole_context_to_new_directory", "f a 644 A\nd s 700\n", "", ".", "/app",
	    "d app 755\nf app/a 644 A\nd app/s 700\n" },
	{ "whole_context_to_the_root", "f a 644 A\n", "", ".", "/", "f a 644 A\n" },
	{ "whole_context_by_slash", "f a 644 A\n", "", "/", "/app/", "d app 755\nf app/a 644 A\n" },
	{ "empty_directory", "d e 711\n", "", "e", "/n", "d n 755\n" },
	{ "empty_directory_with_slash", "d e 711\n", "", "e", "/n/", "d n 755\n" },
	{ "empty_directory_to_existing_one", "d e 711\n", "d n 700\n", "e", "/n" },
	{ "directory_over_file", SOURCE, "f x 644 old\n", "d", "/x",
	    .error = "cannot copy directory 'd' of the source over file '/x'" },
	{ "nested_directory_over_file", SOURCE, "d x 755\nf x/sub 644 old\n", "d", "/x",
	    .error = "cannot copy directory 'd/sub' of the source over file '/x/sub'" },
	{ "file_over_directory", SOURCE, "d x 755\nd x/a 755\n", "a", "/x/",
	    .error = "cannot copy file 'a' of the source over directory '/x/a'" },
	{ "nested_file_over_directory", SOURCE, "d x 755\nd x/sub 755\nd x/sub/y 755\n", "d", "/x",
	    .error = "cannot copy file 'd/sub/y' of the source over directory '/x/sub/y'" },
	{ "sources_that_contradict", "d p 755\nf p/n 644 N\nd q 755\nd q/n 755\n", "", "p q", "/x/",
	    .error = "over file '/x/n'" },
	{ "modes_0711_0555_0000",
	    "d m 755\nd m/a 711\nf m/a/f 0 F\nd m/b 555\nf m/b/f 444 F\nd m/c 0\n", "", "m", "/x",
	    "d x 755\nd x/a 711\nf x/a/f 0 F\nd x/b 555\nf x/b/f 444 F\nd x/c 0\n" },
	{ "setid_and_sticky_bits", "d m 755\nf m/s 4755 S\nf m/g 2755 G\nd m/t 1777\nd m/u 2755\n",
	    "", "m", "/x", "d x 755\nf x/g 2755 G\nf x/s 4755 S\nd x/t 1777\nd x/u 2755\n" },
	{ "order_by_components",
	    "d t 755\nd t/a 755\nf t/a/z 644 Z\nf t/a.b 644 1\nf t/a-b 644 2\nf t/a0 644 3\n", "",
	    "t", "/", "d a 755\nf a-b 644 2\nf a.b 644 1\nf a/z 644 Z\nf a0 644 3\n" },
	/* clamping */
	{ "absolute_source", SOURCE, "", "/a", "/x", "f x 644 A\n" },
	{ "dots_stop_at_the_context", SOURCE, "", "../../../a", "/x", "f x 644 A\n" },
	{ "dots_inside", SOURCE, "", "d/../d/./x", "/x", "f x 644 X\n" },
	{ "dots_of_destination_stop_at_the_root", SOURCE, "l up ../../../..\n", "a", "/up/x",
	    "f x 644 A\nl up ../../../..\n" },
	{ "missing_source", SOURCE, "", "nosuch", "/x",
	    .error = "source 'nosuch' is not in the source" },
	{ "missing_source_names_what_is_near", "f Makefile 644 M\n", "", "makefile", "/x",
	    .error = "there is 'Makefile'" },
	{ "missing_source_names_the_same_elsewhere", "d out 755\nf out/server 755 S\n", "",
	    "server", "/x", .error = "there is 'out/server'" },
	{ "missing_source_in_a_stage", "d out 755\nf out/server 755 S\n", "", "/server", "/x",
	    .error = "there is '/out/server'", .rootfs = true },
	/* wildcards */
	{ "wildcard", "f a.c 644 A\nf b.c 644 B\nf c.h 644 C\n", "", "*.c", "/x/",
	    "d x 755\nf x/a.c 644 A\nf x/b.c 644 B\n" },
	{ "wildcard_of_one_file_to_a_name", "f app-1.jar 644 J\n", "", "*.jar", "/app.jar",
	    "f app.jar 644 J\n" },
	{ "wildcard_of_several_needs_a_directory", "f a.c 644 A\nf b.c 644 B\n", "", "*.c", "/x",
	    .error = "several sources need a directory" },
	{ "wildcard_without_match_copies_nothing", SOURCE, "f k 644 K\n", "*.zip", "/x/",
	    .note = "'*.zip' matches nothing" },
	{ "wildcard_without_match_beside_a_file", SOURCE, "", "a *.zip", "/x/",
	    "d x 755\nf x/a 644 A\n", .note = "*.zip" },
	{ "wildcard_matches_hidden_names", "f .env 644 E\nf a 644 A\n", "", "*", "/x/",
	    "d x 755\nf x/.env 644 E\nf x/a 644 A\n" },
	{ "wildcard_directory_is_its_content", SOURCE, "", "d*", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\nf x/x 644 X\n" },
	{ "wildcard_in_the_middle", "d p 755\nf p/f 644 P\nd q 755\nf q/g 644 Q\n", "", "*/f",
	    "/x/", "d x 755\nf x/f 644 P\n" },
	{ "wildcard_question_mark_and_class", "f a1 644 1\nf a2 644 2\nf b1 644 3\n", "", "[a]?",
	    "/x/", "d x 755\nf x/a1 644 1\nf x/a2 644 2\n" },
	{ "escaped_wildcard_is_a_name", "f a*b 644 S\nf axb 644 N\n", "", "a\\*b", "/x",
	    "f x 644 S\n" },
	{ "wildcard_does_not_go_through_links", "d p 755\nf p/f 644 F\nl q p\n", "", "q*/f", "/x/",
	    .note = "matches nothing", .expect = "" },
	{ "two_stars_are_one_level",
	    "d a 755\nf a/f.go 644 F\nd a/b 755\nf a/b/g.go 644 G\nd a/b/c 755\nf a/b/c/h.go 644 "
	    "H\n",
	    "", "**/*.go", "/x/", "d x 755\nf x/f.go 644 F\n", .note = "2 deeper ones" },
	{ "wildcard_follows_links_it_matches", "f t 644 T\nl k1 t\n", "", "k*", "/x/",
	    "d x 755\nf x/k1 644 T\n" },
	{ "wrong_pattern", SOURCE, "", "a[", "/x/", .error = "source 'a['" },
	/* links in sources */
	{ "top_link_to_file_is_followed", "f t 640 T\nl k t\n", "", "k", "/x/",
	    "d x 755\nf x/k 640 T\n" },
	{ "top_link_to_directory_is_followed", "d t 755\nf t/a 644 A\nl k t\n", "", "k", "/x/",
	    "d x 755\nf x/a 644 A\n" },
	{ "absolute_top_link_stays_inside", "f t 644 T\nl k /t\n", "", "k", "/x", "f x 644 T\n" },
	{ "top_link_with_surplus_dots_stays_inside", "f t 644 T\nl k ../../../t\n", "", "k", "/x",
	    "f x 644 T\n" },
	{ "link_in_a_parent_of_the_source", "d t 755\nf t/a 644 A\nl k /t\n", "", "k/a", "/x",
	    "f x 644 A\n" },
	{ "dangling_top_link", "l k nowhere\n", "", "k", "/x", .error = "source 'k' is not in" },
	{ "link_loop", "l k m\nl m k\n", "", "k", "/x", .error = "too many symbolic links" },
	{ "nested_links_are_copied", "d t 755\nl t/k /etc/passwd\nl t/r ../../x\nl t/n nowhere\n",
	    "", "t", "/x", "d x 755\nl x/k /etc/passwd\nl x/n nowhere\nl x/r ../../x\n" },
	{ "link_loop_inside_is_copied", "d t 755\nl t/a b\nl t/b a\n", "", "t", "/x",
	    "d x 755\nl x/a b\nl x/b a\n" },
	/* links in the destination */
	{ "destination_link_to_directory", SOURCE, "d t 755\nl k t\n", "a", "/k",
	    "l k t\nd t 755\nf t/a 644 A\n" },
	{ "destination_link_in_a_parent", SOURCE, "d t 755\nl k /t\n", "a", "/k/x",
	    "l k /t\nd t 755\nf t/x 644 A\n" },
	{ "destination_link_to_file", SOURCE, "f t 600 old\nl k t\n", "a", "/k",
	    "l k t\nf t 644 A\n" },
	{ "destination_dangling_link", SOURCE, "l k /new/deep\n", "a", "/k/x",
	    "l k /new/deep\nd new 755\nd new/deep 755\nf new/deep/x 644 A\n" },
	{ "destination_link_loop", SOURCE, "l k m\nl m k\n", "a", "/k/x",
	    .error = "too many symbolic links" },
	{ "destination_link_is_replaced_inside", SOURCE, "d x 755\nl x/a /etc/passwd\n", "a", "/x/",
	    "d x 755\nf x/a 644 A\n" },
	{ "merged_usr",
	    "d r 755\nd r/bin 755\nf r/bin/tool 755 T\nd r/usr 755\nd r/usr/bin 755\nf "
	    "r/usr/bin/more 755 M\n",
	    "l bin usr/bin\nd usr 755\nd usr/bin 755\nf usr/bin/sh 755 S\n", "r", "/",
	    "l bin usr/bin\nd usr 755\nd usr/bin 755\nf usr/bin/more 755 M\nf usr/bin/sh 755 S\nf "
	    "usr/bin/tool 755 T\n" },
	{ "directory_over_dangling_link", SOURCE, "d x 755\nl x/sub nowhere\n", "d", "/x",
	    .error = "cannot copy directory" },
	{ "var_run", "f pid 644 1\n", "d run 755\nd var 755\nl var/run /run\n", "pid", "/var/run/",
	    "d run 755\nf run/pid 644 1\nd var 755\nl var/run /run\n" },
	{ "link_over_file", "d t 755\nl t/k target\n", "d x 755\nf x/k 644 old\n", "t", "/x",
	    "d x 755\nl x/k target\n" },
	/* hard links, attributes, special files */
	{ "hard_links_are_kept", "d t 755\nf t/a 644 A\nh t/b t/a\nd t/c 755\nh t/c/d t/a\n", "",
	    "t", "/x", "d x 755\nf x/a 644 A\nh x/b x/a\nd x/c 755\nh x/c/d x/a\n" },
	{ "hard_links_among_sources", "f a 644 A\nh b a\n", "", "b a", "/x/",
	    "d x 755\nf x/a 644 A\nh x/b x/a\n" },
	{ "hard_link_to_what_is_not_copied", "d t 755\nf o 644 A\nh t/b o\n", "", "t", "/x",
	    "d x 755\nf x/b 644 A\n" },
	{ "attributes_are_kept",
	    "d t 755\nx t top=no\nd t/d 755\nx t/d color=blue\nf t/a 644 A\nx t/a mime=text\nx t/a "
	    "b=c\n",
	    "", "t", "/x",
	    "d x 755\nf x/a 644 A\nx x/a b=c\nx x/a mime=text\nd x/d 755\nx x/d color=blue\n" },
	{ "fifo", "d t 755\np t/p 640\n", "", "t", "/x", "d x 755\np x/p 640\n" },
	{ "top_fifo", "p p 640\n", "", "p", "/x", "p x 640\n" },
	{ "socket_is_skipped", "d t 755\ns t/s\nf t/a 644 A\n", "", "t", "/x",
	    "d x 755\nf x/a 644 A\n", .note = "sockets are not copied" },
	{ "odd_names",
	    "d t 755\nf t/new\\nline 644 1\nf t/-dash 644 2\nf t/\xff\xfe 644 3\nf t/\xc3\xa4 644 "
	    "4\nf t/back\\\\slash 644 5\n",
	    "", "t", "/x",
	    "d x 755\nf x/-dash 644 2\nf x/back\\\\slash 644 5\nf x/new\\nline 644 1\nf x/\xc3\xa4 "
	    "644 4\nf x/\xff\xfe 644 3\n" },
	/* --chown, --chmod */
	{ "chown", SOURCE, "", "d", "/x/",
	    "d x 755\no x 12:34\nd x/sub 750\no x/sub 12:34\nf x/sub/y 755 Y\no x/sub/y 12:34\nf "
	    "x/x 644 X\no x/x 12:34\n",
	    .chown = true, .uid = 12, .gid = 34, .needs_ids = true },
	{ "chown_of_parents", SOURCE, "d p 755\n", "a", "/p/q/r/",
	    "d p 755\nd p/q 755\no p/q 12:34\nd p/q/r 755\no p/q/r 12:34\nf p/q/r/a 644 A\no "
	    "p/q/r/a 12:34\n",
	    .chown = true, .uid = 12, .gid = 34, .needs_ids = true },
	{ "chown_leaves_an_existing_top", "d t 755\nf t/a 644 A\nl t/k a\n", "d x 700\n", "t", "/x",
	    "d x 700\nf x/a 644 A\no x/a 5:6\nl x/k a\no x/k 5:6\n", .chown = true, .uid = 5,
	    .gid = 6, .needs_ids = true },
	{ "chown_keeps_setid", "f s 4755 S\n", "", "s", "/s", "f s 4755 S\no s 5:6\n",
	    .chown = true, .uid = 5, .gid = 6, .needs_ids = true },
	{ "context_files_belong_to_root", "f a 644 A\no a 7:8\n", "", "a", "/x", "f x 644 A\n",
	    .needs_ids = true },
	{ "stage_files_keep_owners", "f a 644 A\no a 7:8\n", "", "a", "/x", "f x 644 A\no x 7:8\n",
	    .rootfs = true, .needs_ids = true },
	{ "stage_directory_keeps_owners",
	    "d t 755\no t 3:3\nd t/d 755\no t/d 4:4\nf t/a 644 A\no t/a 7:8\n", "", "t", "/x",
	    "d x 755\nf x/a 644 A\no x/a 7:8\nd x/d 755\no x/d 4:4\n", .rootfs = true,
	    .needs_ids = true },
	{ "stage_files_with_chown", "f a 644 A\no a 7:8\n", "", "a", "/x", "f x 644 A\no x 1:2\n",
	    .rootfs = true, .chown = true, .uid = 1, .gid = 2, .needs_ids = true },
	{ "chmod_octal_hits_directories_too", SOURCE, "", "d", "/x",
	    "d x 644\nd x/sub 644\nf x/sub/y 644 Y\nf x/x 644 X\n", .chmod = "644" },
	{ "chmod_symbolic", SOURCE, "", "d", "/x",
	    "d x 755\nd x/sub 755\nf x/sub/y 755 Y\nf x/x 644 X\n", .chmod = "u=rwX,go=rX" },
	{ "chmod_plus_x", SOURCE, "", "a", "/x", "f x 755 A\n", .chmod = "+x" },
	{ "chmod_of_new_parents", SOURCE, "", "a", "/p/q/x", "d p 700\nd p/q 700\nf p/q/x 700 A\n",
	    .chmod = "700" },
	{ "chmod_leaves_an_existing_top", SOURCE, "d x 711\n", "a", "/x/",
	    "d x 711\nf x/a 4755 A\n", .chmod = "4755" },
	{ "chmod_leaves_links", "d t 755\nl t/k a\n", "", "t", "/x", "d x 700\nl x/k a\n",
	    .chmod = "700" },
	/* ignore files */
	{ "ignored_files_stay", SOURCE, "", ".", "/x/",
	    "d x 755\nf x/a 644 A\nd x/d 755\nf x/d/x 644 X\n", .ignore = "b\nd/sub\n" },
	{ "ignored_source_is_missing", SOURCE, "", "b", "/x",
	    .error = "it is left out by 'b', line 1", .ignore = "b\n" },
	{ "wildcard_skips_ignored", SOURCE, "", "[ab]", "/x/", "d x 755\nf x/a 644 A\n",
	    .ignore = "b\n" },
	{ "taken_back_in", SOURCE, "", ".", "/x/",
	    "d x 755\nd x/d 755\nd x/d/sub 750\nf x/d/sub/y 755 Y\n", .ignore = "*\n!d/sub/y\n" },
	{ "taken_back_in_by_directory", SOURCE, "", "d", "/x/",
	    "d x 755\nd x/sub 750\nf x/sub/y 755 Y\n", .ignore = "d\n!d/sub\n" },
	{ "nothing_taken_back_leaves_no_directory", SOURCE, "", ".", "/x/",
	    "d x 755\nf x/a 644 A\nf x/b 600 B\n", .ignore = "d\n!d/none\n" },
	{ "link_to_ignored_file", "f t 644 T\nl k t\n", "", "k", "/x", .error = "is not in",
	    .ignore = "t\n" },
};

#endif
