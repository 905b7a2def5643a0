#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# twins - honest images that fixes against the attacks must not break (SECURITY.md, chapter 3).
#
# Each archive is ADDed and is a layer of a base image; both trees must be what GNU tar makes of it.

load ../lib/common
load ../lib/canary

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# check_twin CASE LINE...: lines of the flattened tree, without the folder that ADD unpacks into.
check_twin()
{
	local c=$1 how line
	shift
	for how in add layer; do
		"${how}_build" "$c"
		confined
		tree attack >found
		[ "$how" = layer ] || sed -i 's|^/x/|/|' found
		for line in "$@"; do
			grep -E "^$line" found || {
				echo "$how: no line '$line' in:"
				grep -vE '^/(bin|etc|lib|usr/(bin|sbin))/' found
				return 1
			}
		done
		ns rm -rf "$W/layout"
	done
}

@test "a link /var/run to /run" {
	canary_make
	hostile_layout twin_var_run
	printf 'FROM hostile\nRUN cat /run/x /var/run/x\n' >c/Dockerfile
	attack croze build -t attack --build-context "hostile=oci-layout://$W/layout:hostile:latest" c
	confined
	entry attack /run/x | grep '^f '
}

@test "a merged /usr, and a link that earlier layers have" {
	canary_make
	# the second layer has a link where the first has a folder of programs, so that no step can run
	hostile_layout twin_merged_usr
	printf 'FROM hostile\nCOPY f /bin/y\n' >c/Dockerfile
	echo y >c/f
	attack croze build -t attack --build-context "hostile=oci-layout://$W/layout:hostile:latest" c
	confined
	tree attack | grep -E '^/bin l .* usr/bin$'
	tree attack | grep -E '^/usr/bin/x f 0755'
	tree attack | grep -E '^/usr/bin/y f 0644'
	add_build twin_merged_usr
	confined
	tree attack | grep -E '^/x/usr/bin/x f 0755'
}

@test "links with more .. than there are folders" {
	canary_make
	check_twin twin_surplus_dotdot_links "/a/rel l 0777 0:0 ../../../../../b" "/jdk l 0777"
}

@test "parents that the archive does not name" {
	canary_make
	check_twin twin_implied_parents "/x/y/z f 0644" "/p/q d 0711"
}

@test "folders that are closed or read-only, with files in them" {
	canary_make
	check_twin twin_closed_folders "/c d 0000" "/c/f f 0000" "/r d 0555" "/r/f f" "/s d 0711"
}

@test "hard links by relative, absolute and dotted names" {
	canary_make
	check_twin twin_hardlinks "/d/f f" "/h1 f .*=" "/h2 f .*=" "/h3 f .*=" "/h4 "
}

@test "a file that becomes a folder and a folder that becomes a file" {
	canary_make
	check_twin twin_type_changes "/a d" "/a/in f" "/b f"
}

@test "loops of links that nobody follows" {
	canary_make
	check_twin twin_loops "/l1 l .* l2" "/l2 l .* l1" "/self l"
}

@test "setuid, setgid, sticky and a pipe" {
	canary_make
	check_twin twin_modes "/su f 4755" "/sg f 2755" "/st d 1777" "/fifo p 0600"
}

@test "names that are not plain" {
	canary_make
	check_twin twin_names '/new\\012line f' '/caf\\303\\251 f' '/bad\\377 f' '/co:lon f' '/back\\134slash f' '/-dash f' \
	    '/\\040blank\\040 f' '/\.\.\. f' '/\.\.x f'
}

@test "a file capability" {
	canary_make
	check_twin twin_capability "/cap f 0755 .* security.capability=0100000200040000000000000000000000000000"
}

@test "names and links of the GNU form" {
	canary_make
	check_twin twin_gnu_longname "/d{90}/e{90}/f{90} f" "/s l 0777 0:0 d{90}/e"
}

@test "the form of 1979" {
	canary_make
	check_twin twin_v7 "/f f 0644" "/d d 0755"
}

@test "an archive without its end mark" {
	canary_make
	check_twin twin_no_end "/f f 0644"
}

@test "owners that the user has no id for" {
	canary_make
	check_twin twin_big_ids "/f f 0644 65536:2147483647" "/d d 0755 70000:70001"
}

@test "times before 1970, with nanoseconds, after 2106" {
	canary_make
	check_twin twin_times "/before f" "/nanos f" "/y2262 f" "/y2106 f"
}

@test "a global pax header" {
	canary_make
	check_twin twin_global_header "/f f"
}

@test "a sparse file" {
	canary_make
	check_twin twin_sparse "/s f 0644 0:0 1000003 "
}

@test "a docker archive whose layers are links to each other" {
	canary_make
	hostile_archive twin_docker_archive "$W/a.tar"
	attack croze load -i "$W/a.tar"
	confined
	equal "$(entry hostile /f | cut -d' ' -f1,4)" "f 1"
}

@test "an account file behind an absolute link" {
	canary_make
	hostile_layout twin_passwd_link
	echo x >c/f
	printf 'FROM hostile\nCOPY --chown=app f /f\nUSER app\nRUN test $(id -u) = 1234\n' >c/Dockerfile
	attack croze build -t attack --build-context "hostile=oci-layout://$W/layout:hostile:latest" c
	confined
}

@test "a destination whose parent is a dangling link" {
	echo x >c/f
	printf 'FROM busybox:musl\nRUN ln -s /not/yet /link\nCOPY f /link/\nCOPY f /link/g\nRUN cat /not/yet/f /not/yet/g\n' >c/Dockerfile
	run build -t app
	ok
}

@test "/dev/shm is there, writable by all, and not in the image" {
	printf 'FROM busybox:musl\nUSER 1000\nRUN echo x >/dev/shm/x && test "$(stat -c %%a /dev/shm)" = 1777\n' >c/Dockerfile
	run build -t app
	ok
	equal "$(tree app | grep -c '^/dev/')" "$(tree busybox:musl | grep -c '^/dev/')"
}
