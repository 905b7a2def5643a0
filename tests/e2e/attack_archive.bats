#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# attack_archive - archives and layers that try to leave the image (SECURITY.md, rows A1 to A23).
#
# The canary rule of lib/canary.bash holds for each.

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

@test "A1 a name that leads outside is refused or stays inside: ADD" {
	local c
	canary_make
	for c in \
	    A1_dotdot_absolute \
	    A1_dotdot_middle \
	    A1_absolute_name \
	    A1_dotdot_pax_path; do
		echo "case $c"
		add_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A1 a name that leads outside is refused or stays inside: layer" {
	local c
	canary_make
	for c in \
	    A1_dotdot_absolute \
	    A1_dotdot_middle \
	    A1_absolute_name \
	    A1_dotdot_pax_path; do
		echo "case $c"
		layer_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A2 an entry through a link of the same archive is refused or stays inside: ADD" {
	local c
	canary_make
	for c in \
	    A2_link_then_file \
	    A2_link_then_overwrite \
	    A2_link_then_dir \
	    A2_link_then_fifo \
	    A2_link_then_hardlink \
	    A2_link_then_chmod \
	    A2_link_then_symlink \
	    A2_relative_link \
	    A2_chain_of_links \
	    A2_file_over_link; do
		echo "case $c"
		add_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A2 an entry through a link of the same archive is refused or stays inside: layer" {
	local c
	canary_make
	for c in \
	    A2_link_then_file \
	    A2_link_then_overwrite \
	    A2_link_then_dir \
	    A2_link_then_fifo \
	    A2_link_then_hardlink \
	    A2_link_then_chmod \
	    A2_link_then_symlink \
	    A2_relative_link \
	    A2_chain_of_links \
	    A2_file_over_link; do
		echo "case $c"
		layer_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A3 a hard link to a file outside is refused or stays inside: ADD" {
	local c
	canary_make
	for c in \
	    A3_hardlink_through_link \
	    A3_hardlink_absolute \
	    A3_hardlink_dotdot \
	    A3_hardlink_to_link; do
		echo "case $c"
		add_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A3 a hard link to a file outside is refused or stays inside: layer" {
	local c
	canary_make
	for c in \
	    A3_hardlink_through_link \
	    A3_hardlink_absolute \
	    A3_hardlink_dotdot \
	    A3_hardlink_to_link; do
		echo "case $c"
		layer_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A4 the root of the archive as a link is refused or stays inside: ADD" {
	local c
	canary_make
	for c in \
	    A4_root_is_link \
	    A4_root_slash_is_link \
	    A4_empty_name_is_link \
	    A4_slash_is_link; do
		echo "case $c"
		add_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A4 the root of the archive as a link is refused or stays inside: layer" {
	local c
	canary_make
	for c in \
	    A4_root_is_link \
	    A4_root_slash_is_link \
	    A4_empty_name_is_link \
	    A4_slash_is_link; do
		echo "case $c"
		layer_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A1 ADD and a base layer answer alike" {
	local c added
	canary_make
	for c in A1_dotdot_absolute A1_dotdot_middle A2_link_then_file A3_hardlink_through_link A4_root_is_link; do
		add_build "$c"
		added=$status
		layer_build "$c"
		echo "case $c: ADD $added, layer $status"
		[ $((added == 0)) -eq $((status == 0)) ]
		ns rm -rf "$W/layout"
	done
}

@test "A5 a context that is exchanged while it is read gives nothing of the outside" {
	local i swapper
	canary_make
	mkdir -p c/d c/other
	echo inside >c/d/secret
	printf 'FROM scratch\nCOPY . /c/\n' >c/Dockerfile
	(
		set +e
		while :; do
			mv c/d c/.real && ln -s "$CANARY" c/d
			rm -f c/d && mv c/.real c/d
		done 2>/dev/null
	) &
	swapper=$!
	disown
	for ((i = 0; i < ${CROZE_TEST_LONG:+980+}20; i++)); do
		timeout 20 croze build --no-cache -q -t race c >>"$W/race.log" 2>&1 || true
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null || true
	output=$(cat "$W/race.log") status=0
	canary_holds
}

@test "A6 a snapshot that is exchanged while a stage is copied from gives nothing of the outside" {
	local swapper fs
	canary_make
	mkdir c/s
	printf 'FROM busybox:musl AS a\nRUN mkdir /d && echo x >/d/secret\nFROM scratch\nCOPY --from=a /d /d\n' >c/Dockerfile
	build --target a -t a
	fs=$(find "$CROZE_ROOT/snapshots" -maxdepth 3 -name d -path '*/fs/d' | head -1)
	[ -n "$fs" ]
	(
		set +e
		while :; do
			mv "$fs" "$fs.real" && ln -s "$CANARY" "$fs"
			rm -f "$fs" && mv "$fs.real" "$fs"
		done 2>/dev/null
	) &
	swapper=$!
	disown
	for ((i = 0; i < ${CROZE_TEST_LONG:+985+}15; i++)); do
		timeout 20 croze build -q --label "n=$i" -t race c >>"$W/race.log" 2>&1 || true
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null || true
	output=$(cat "$W/race.log") status=0
	canary_holds
}

@test "A7 names of users come from the image's own files, and none of its libraries is loaded" {
	canary_make
	# a library that is opened is a pipe that nobody writes to: the build would never end
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir -p /lib /usr/lib && mkfifo /lib/libnss_evil.so.2 && echo 'passwd: evil' >/etc/nsswitch.conf && \
		    echo 'app:x:1234:2345::/:/bin/sh' >>/etc/passwd
		COPY --chown=app f /f
	EOF
	echo x >c/f
	attack croze build -t attack c
	confined
	[[ $(entry attack /f) == *" 1234:2345 "* ]]
}

@test "A8 no decompressor of the image is started" {
	canary_make
	mkdir c/t
	echo x >c/t/x
	tar -C c/t -czf c/a.tar.gz x
	tar -C c/t -cJf c/a.tar.xz x
	tar -C c/t -cjf c/a.tar.bz2 x
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN for p in gzip gunzip unpigz pigz xz unxz bzip2 bunzip2 zstd unzstd tar bsdtar; do \
		    rm -f /bin/$p; printf '#!/bin/sh\necho ran >/ran\n' >/bin/$p; chmod +x /bin/$p; done
		ADD a.tar.gz a.tar.xz a.tar.bz2 /x/
	EOF
	attack croze build -t attack c
	confined
	equal "$(entry attack /ran)" ""
	entry attack /x/x | grep '^f '
}

@test "A9 whiteouts through a link remove nothing outside" {
	local c
	canary_make
	for c in A9_whiteout_through_link A9_opaque_through_link A9_whiteout_of_dotdot; do
		echo "case $c"
		layer_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A9 whiteouts in an ADDed archive are refused by name" {
	canary_make
	add_build A9_whiteout_through_link
	refused .wh.
}

@test "A12 sizes that lie are refused with little memory" {
	local c
	canary_make
	for c in A12_pax_of_2_gib A12_long_name_of_1_gib A12_xattr_of_512_mib A12_size_minus_one A12_size_2_63 \
	    A12_pax_size_huge A12_sparse_map_of_10_million; do
		echo "case $c"
		hostile_archive "$c"
		printf 'FROM busybox:musl\nADD a.tar /x/\nRUN true\n' >c/Dockerfile
		attack "$LIB/measure.py" -o "$W/m" croze build --progress=plain -t attack c
		refused_or_confined
		[ "$(sed 's/.*peak_process_kib": \([0-9]*\).*/\1/' "$W/m")" -lt 65536 ]
		layer_build "$c"
		refused_or_confined
		ns rm -rf "$W/layout"
	done
}

@test "A13 a bomb ends at the disk or the budget, and gives the space back" {
	local c
	[ -n "${CROZE_TEST_LONG-}" ] || skip "unpacks gigabytes: set CROZE_TEST_LONG=1"
	canary_make
	for c in A13_gzip_bomb A13_xz_bomb A13_nested_members; do
		echo "case $c"
		LIMIT=300 add_build "$c"
		refused_or_confined
		[ "$(du -sm "$CROZE_ROOT" | cut -f1)" -lt 200 ]
	done
}

@test "A14 an archive cut at any block is refused or is the archive's beginning" {
	local n size
	canary_make
	mkdir c/t
	for n in 1 2 3 4 5 6 7 8 9 10; do
		head -c $((n * 300)) /dev/zero >"c/t/f$n"
	done
	tar -C c/t --format=pax --xattrs -cf whole.tar .
	rm -r c/t
	size=$(stat -c %s whole.tar)
	printf 'FROM scratch\nADD a.tar /x/\n' >c/Dockerfile
	for ((n = 512; n < size; n += ${CROZE_TEST_LONG:+-1024+}1536)); do
		head -c "$n" whole.tar >c/a.tar
		attack croze build -q -t attack c
		[ "$status" -lt 4 ]
	done
	canary_holds
}

@test "A15 other formats are not archives: ADD copies them, a layer of them is refused" {
	local c
	canary_make
	for c in $("$PYTHON" "$LIB/hostile.py" list archive | grep '^A15_'); do
		echo "case $c"
		hostile_archive "$c"
		printf 'FROM scratch\nADD a.tar /x/\n' >c/Dockerfile
		attack croze build --progress=plain -t attack c
		confined
		entry attack /x/a.tar | grep -q '^f '
		layer_build "$c"
		# an image of a compact disc begins with zeros, which is an archive without entries
		[ "$c" = A15_iso ] || refused
		ns rm -rf "$W/layout"
	done
}

@test "A16 an archive has one reading" {
	local c
	canary_make
	for c in A16_pax_size_differs A16_after_the_end A16_bad_checksum A16_signed_checksum; do
		echo "case $c"
		add_build "$c"
		refused_or_confined
		if [ "$status" -eq 0 ]; then
			equal "$(entry attack /x/hidden)" ""
		fi
	done
}

@test "A17 a layer or an archive that ends too early is refused at once" {
	local c
	canary_make
	for c in A17_truncated_gzip A17_truncated_xz A17_truncated_bzip2 A17_truncated_tar; do
		echo "case $c"
		add_build "$c"
		refused a.tar
		layer_build "$c"
		refused
		ns rm -rf "$W/layout"
	done
}

@test "A18 extended attributes of the overlay file system are dropped, others kept" {
	local how
	canary_make
	for how in add layer; do
		"${how}_build" A18_overlay_xattrs
		confined
		tree attack | grep -E '^(/x)?/d(/f)? ' >found
		cat found
		equal "$(grep -c 'user.kept=796573' found)" 2
		# the blob of a base layer goes into the image as it is; nothing of it is in what is made here
		[ "$how" = layer ] || lacks overlay found
		ns rm -rf "$W/layout"
	done
}

@test "A19 a device of an archive is no device of the machine, and is in the layer" {
	local how
	canary_make
	for how in add layer; do
		hostile_archive A19_devices
		"${how}_build" A19_devices
		confined
		tree attack | grep -E '^(/x)?/zero c 0666 0:0 1,5$'
		tree attack | grep -E '^(/x)?/disk b 0666 0:0 254,0$'
		ns rm -rf "$W/layout"
	done
	dockerfile <<-'EOF'
		FROM attack
		RUN test -z "$(head -c 1 /zero)" && test -z "$(head -c 1 /disk)"
	EOF
	run build -t opened
	ok
}

@test "A20 a cycle of links in a docker archive is refused at once" {
	local c
	canary_make
	for c in A20_docker_archive_cycle A20_docker_archive_layer_cycle; do
		hostile_archive "$c" "$W/a.tar"
		attack croze load -i "$W/a.tar"
		refused
	done
}

@test "A21 a blob of a layout that is a link or a pipe is refused" {
	local c
	canary_make
	for c in A21_layer_is_a_link A21_config_is_a_link A21_manifest_is_a_link A21_layer_is_a_fifo; do
		echo "case $c"
		export CROZE_ROOT=$W/$c # a blob that the store has is not read again
		layer_build "$c"
		refused
		attack croze import "$W/layout"
		refused
		ns rm -rf "$W/layout"
	done
}

@test "A22 a docker archive whose members are links to the outside is refused" {
	local c
	canary_make
	for c in A22_config_is_a_link A22_layer_is_a_link A22_names_leave_the_archive; do
		echo "case $c"
		hostile_archive "$c" "$W/a.tar"
		attack croze load -i "$W/a.tar"
		refused
		printf 'FROM docker-archive:%s\nRUN true\n' "$W/a.tar" >c/Dockerfile
		attack croze build -t attack c
		refused
	done
}

@test "A23 files of the root file system that are links to the outside are not followed" {
	canary_make
	mkdir c/r
	ln -s "$CANARY/secret" c/r/resolv.conf
	ln -s "$CANARY/new" c/r/hosts
	ln -s "$CANARY/secret" c/r/hostname
	ln -s "$CANARY/passwd" c/r/group
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN rm -f /etc/hosts /etc/resolv.conf /etc/hostname /etc/group || true
		COPY r /etc/
		RUN cat /etc/resolv.conf /etc/hosts /etc/hostname; true
	EOF
	attack croze build --progress=plain -t attack c
	refused_or_confined
}

@test "S2 S11 a layout with wrong digests or sizes is refused" {
	local c
	canary_make
	for c in S2_layer_with_a_flipped_bit S11_size_negative S11_size_huge G_wrong_diff_id G_more_layers_than_diff_ids; do
		echo "case $c"
		export CROZE_ROOT=$W/$c # a blob that the store has is not read again
		layer_build "$c"
		refused
		ns rm -rf "$W/layout"
	done
}
