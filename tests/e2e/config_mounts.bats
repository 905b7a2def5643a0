#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# config_mounts - root, mounts, devices and paths of config.json: each is set, and seen from inside.
# shellcheck disable=SC2154

load ../lib/bundle

setup()
{
	bundle_setup
	mkdir -p rootfs/m source/sub
	echo content >source/file
}

teardown()
{
	bundle_teardown
}

# mount OPTIONS...: a jq filter that binds source on /m with these options.
mount_filter()
{
	local list
	list=$(printf '"%s",' "$@")
	printf '.mounts += [{destination: "/m", source: "source", type: "bind", options: [%s]}]' "${list%,}"
}

# attributes: how /m is mounted, as /proc/self/mountinfo has it: options and optional fields.
info='grep " /m " /proc/self/mountinfo | cut -d" " -f6-7'

@test "root.readonly" {
	run inside 'touch /x 2>&1; echo $?' '.root.readonly = true'
	has "Read-only file system"
	run inside 'touch /x && echo written' '.root.readonly = false'
	is written
	[ -e rootfs/x ]
}

@test "nothing of the host is above the root of a container, read-only or not" {
	for readonly in true false; do
		run inside 'ls /..; cat /../etc/hostname 2>&1; cd /.. && ls; cut -d" " -f5 /proc/self/mountinfo | grep -cx /; true' \
		    ".root.readonly = $readonly"
		[ "$status" -eq 0 ]
		[[ "$output" != *home* && "$output" != *usr* ]] || { echo "$output"; return 1; }
		[[ "$output" == *"/../etc/hostname': No such file"* || "$output" == *"can't open"* ]] || { echo "$output"; return 1; }
		[ "${lines[-1]}" = 1 ]
	done
}

@test "each attribute of a bind mount, and its opposite" {
	while read -r option seen; do
		run inside "$info" "$(mount_filter bind "$option")"
		[ "$status" -eq 0 ] && [[ ",${output%% *}," == *",$seen,"* ]] || { echo "$option: $output"; return 1; }
	done <<'END'
ro ro
rw rw
nosuid nosuid
nodev nodev
noexec noexec
nosymfollow nosymfollow
END
	for option in suid dev exec symfollow defaults silent loud async nolazytime nomand noiversion norelatime nostrictatime diratime; do
		run inside "$info" "$(mount_filter bind "$option")"
		[ "$status" -eq 0 ] && [[ ",$output," != *nosuid* ]] || { echo "$option: $output"; return 1; }
	done
}

@test "ro and what an attribute does is felt inside" {
	cp /bin/busybox source/busybox
	ln -s file source/link
	run inside 'touch /m/x 2>&1' "$(mount_filter bind ro) | .process.args[2] += \"; true\""
	has "Read-only file system"
	run inside '/m/busybox true 2>&1; echo $?' "$(mount_filter bind noexec)"
	has 126
	run inside 'cat /m/link 2>&1; true' "$(mount_filter bind nosymfollow)"
	has "Too many levels of symbolic links"
	run inside 'cat /m/link' "$(mount_filter bind)"
	is content
}

@test "attributes for all that is below: rro, rnosuid and the others" {
	# a tree of two mounts is made outside, in a namespace of this test's own
	while read -r options top below; do
		IFS=, read -ra words <<<"$options"
		bundle 'for p in /m /m/sub; do grep " $p " /proc/self/mountinfo | cut -d" " -f6; done' \
		    "$(mount_filter rbind "${words[@]}")"
		run unshare --user --map-root-user --map-auto --mount sh -c 'mount -t tmpfs x source/sub && exec "$0" run tree' "$runtime"
		[ "$status" -eq 0 ] || { echo "$options: $output"; return 1; }
		[[ ",${lines[0]}," == *",$top,"* && ",${lines[1]}," == *",$below,"* ]] ||
		    { echo "$options: $output"; return 1; }
	done <<'END'
ro ro rw
rro ro ro
rnosuid nosuid nosuid
rnodev nodev nodev
rnoexec noexec noexec
rnosymfollow nosymfollow nosymfollow
ro,rrw rw rw
rsuid,rdev,rexec,rsymfollow rw rw
END
}

@test "access times" {
	while read -r option seen; do
		run inside 'grep " /m " /proc/self/mountinfo | cut -d" " -f6' \
		    ".mounts += [{destination: \"/m\", source: \"x\", type: \"tmpfs\", options: [\"$option\"]}]"
		[ "$status" -eq 0 ] && [[ ",$output," == *",$seen,"* ]] || { echo "$option: $output"; return 1; }
	done <<'END'
noatime noatime
relatime relatime
atime relatime
nodiratime nodiratime
END
	run inside 'grep " /m " /proc/self/mountinfo | cut -d" " -f6' \
	    '.mounts += [{destination: "/m", source: "x", type: "tmpfs", options: ["strictatime"]}]'
	[ "$status" -eq 0 ]
	[[ "$output" != *atime* ]]
}

@test "propagation of mounts" {
	while read -r option seen; do
		run inside "$info" "$(mount_filter bind "$option")"
		[ "$status" -eq 0 ] && [[ "$output" == *"$seen"* ]] || { echo "$option: $output"; return 1; }
	done <<'END'
shared shared:
rshared shared:
unbindable unbindable
runbindable unbindable
private  -
rprivate  -
END
}

@test "a slave hears of what is mounted on the host, a private one does not" {
	cat >outer <<'END'
mount --make-rprivate / && mount -t tmpfs s source && mount --make-shared source && mkdir source/late || exit 1
"$1" run slave >out 2>&1 &
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ! grep -q ready out 2>/dev/null || break; sleep 0.1; done
mount -t tmpfs late source/late && touch source/late/seen source/go
wait
END
	for option in rslave rprivate; do
		bundle 'echo ready; n=0; while [ ! -e /m/go ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; ls /m/late' \
		    "$(mount_filter rbind $option)"
		run unshare --user --map-root-user --map-auto --mount sh outer "$runtime"
		[ "$status" -eq 0 ] || { echo "$output"; return 1; }
		if [ "$option" = rslave ]; then grep -qx seen out; else ! grep -qx seen out; fi || { echo "$option"; cat out; return 1; }
	done
}

@test "linux.rootfsPropagation" {
	while read -r value seen; do
		run inside 'grep " / / " /proc/self/mountinfo | head -1 | cut -d" " -f7; grep " / " /proc/self/mountinfo | cut -d" " -f5-7' \
		    ".linux.rootfsPropagation = \"$value\""
		[ "$status" -eq 0 ] && [[ "$output" == *"$seen"* ]] || { echo "$value: $output"; return 1; }
	done <<'END'
shared shared:
rshared shared:
unbindable unbindable
private -
slave /
END
}

@test "tmpfs: size, mode, owner and number of files" {
	run inside 'df -k /m | tail -1 | tr -s " " | cut -d" " -f2; stat -c "%a %u" /m' \
	    '.mounts += [{destination: "/m", source: "x", type: "tmpfs", options: ["size=64k", "mode=710", "nr_inodes=20"]}]'
	is "64
710 0"
	run inside 'dd if=/dev/zero of=/m/x bs=1k count=100 2>&1; true' \
	    '.mounts += [{destination: "/m", source: "x", type: "tmpfs", options: ["size=64k"]}]'
	has "No space left on device"
	run inside 'echo started' '.mounts += [{destination: "/m", source: "x", type: "tmpfs", options: ["frob=1"]}]'
	refused "'/m'" "frob"
}

@test "tmpcopyup: a tmpfs begins with what is there" {
	mkdir -p rootfs/m/d
	echo one >rootfs/m/d/file
	chmod 0750 rootfs/m/d
	chmod 0640 rootfs/m/d/file
	ln -s d/file rootfs/m/link
	ln -s /etc/passwd rootfs/m/outside
	touch -d @1000000000 rootfs/m/d/file
	chmod 0711 rootfs/m
	run inside 'cat /m/link; stat -c "%a %Y" /m/d/file; stat -c %a /m /m/d; readlink /m/outside; echo two >/m/d/file' \
	    '.mounts += [{destination: "/m", source: "x", type: "tmpfs", options: ["tmpcopyup"]}]'
	is "one
640 1000000000
711
750
/etc/passwd"
	[ "$(cat rootfs/m/d/file)" = one ]
	run inside 'echo started' "$(mount_filter bind tmpcopyup)"
	refused "'mounts[" "'tmpcopyup' is for tmpfs only"
}

@test "tmpcopyup: file capabilities stay" {
	mkdir -p rootfs/m
	cp /bin/busybox rootfs/m/tool
	unshare --user --map-root-user -- python3 -c 'import os
os.setxattr("rootfs/m/tool", "security.capability", bytes.fromhex("0000000201" + 30 * "0"))' || skip "no file capabilities here"
	bundle 'sleep 20' '.mounts += [{destination: "/m", source: "x", type: "tmpfs", options: ["tmpcopyup"]}]'
	"$runtime" run --detach --pid-file pid "box-$$" </dev/null >out 2>&1
	run python3 -c 'import os, sys
print(os.getxattr(sys.argv[1], "security.capability")[4:5].hex())' "/proc/$(cat pid)/root/m/tool"
	"$runtime" delete --force "box-$$"
	is 01
}

@test "src-nofollow binds the link, dest-nofollow mounts on one" {
	ln -s /m/elsewhere link
	touch rootfs/l
	run inside 'readlink /l' '.mounts += [{destination: "/l", source: "link", type: "bind", options: ["bind", "src-nofollow"]}]'
	is /m/elsewhere
	run inside 'echo started' '.mounts += [{destination: "/l", source: "link", type: "bind", options: ["bind"]}]'
	[ "$status" -ne 0 ]
	ln -s /etc/target rootfs/at
	touch rootfs/etc/target
	run inside 'cat /at; cat /etc/target' '.mounts += [{destination: "/at", source: "source/file", type: "bind", options: ["bind", "dest-nofollow"]}]'
	is content
	run inside 'cat /etc/target' '.mounts += [{destination: "/at", source: "source/file", type: "bind", options: ["bind"]}]'
	is content
}

@test "uidMappings of a mount: refused by name for a disk of the host, done as root of a file system" {
	filter='.mounts += [{destination: "/m", source: "source", type: "bind", options: ["bind"],
	    uidMappings: [{containerID: 0, hostID: 0, size: 1}], gidMappings: [{containerID: 0, hostID: 0, size: 1}]}]'
	bundle 'echo started' "$filter"
	sed -i "s/\"hostID\": 0/\"hostID\": $(id -u)/" config.json
	run "$runtime" run mapped
	refused ".uidMappings'" "cannot map the ids of a mount"
	# a tmpfs of a user namespace is that namespace's to map
	[[ ",${CROZE_TEST_WITHOUT-}," != *,mounts,* ]] || return 0
	bundle 'stat -c "%u %g" /m/f' '.mounts += [{destination: "/m", source: "source", type: "bind", options: ["bind"],
	    uidMappings: [{containerID: 0, hostID: 5, size: 1}, {containerID: 5, hostID: 0, size: 1}],
	    gidMappings: [{containerID: 0, hostID: 0, size: 10}]}] | del(.linux.uidMappings, .linux.gidMappings)
	    | .linux.namespaces |= map(select(.type != "user"))'
	run unshare --user --map-root-user --map-auto --mount sh -c \
	    'mount -t tmpfs x source && touch source/f && exec "$0" run mapped' "$runtime"
	is "5 0"
}

@test "file systems of all kinds that a container may mount" {
	run inside 'stat -f -c %T /m' '.mounts += [{destination: "/m", source: "none", type: "ramfs"}]'
	[ "$status" -eq 0 ]
	mkdir -p rootfs/low rootfs/up rootfs/work
	run inside 'echo started' '.mounts += [{destination: "/m", source: "none", type: "nosuchfs"}]'
	refused "'/m'" "nosuchfs"
	run inside 'echo started' '.mounts += [{destination: "/m", source: "/dev/null", type: "ext4"}]'
	[ "$status" -ne 0 ]
	[[ "$output" == *"'/m'"*ext4* && "$output" != *started* ]]
}

@test "proc, sysfs, devpts, mqueue and cgroup are there, with their attributes" {
	run inside 'stat -f -c %t /proc /sys /dev/pts /dev/mqueue; awk '\''$5 == "/sys" { print $6 }'\'' /proc/self/mountinfo; ls /sys/class/net'
	has "9fa0
62656572
1cd1
19800202
ro,nosuid,nodev,noexec" lo
	run inside 'ls /sys/class/net' '.linux.namespaces |= map(select(.type != "network"))'
	[ "$status" -eq 0 ]
}

@test "linux.maskedPaths and readonlyPaths" {
	echo secret >rootfs/etc/secret
	mkdir rootfs/etc/folder
	touch rootfs/etc/folder/inside
	run inside 'cat /etc/secret; ls /etc/folder; touch /etc/ro/x 2>&1; mkdir /etc/folder/x 2>&1; true' \
	    '.root.readonly = false | .linux.maskedPaths = ["/etc/secret", "/etc/folder", "/no/such"] | .linux.readonlyPaths = ["/etc/ro", "/none"]'
	[ "$status" -eq 0 ]
	[[ "$output" != *secret$'\n'* && "$output" != *inside* ]]
	mkdir rootfs/etc/ro
	run inside 'touch /etc/ro/x 2>&1; true' '.root.readonly = false | .linux.readonlyPaths = ["/etc/ro"]'
	has "Read-only file system"
}

@test "linux.devices: a node of the host is bound, a FIFO is made, what is not there is refused by name" {
	run inside 'ls -l /dev/null2 2>&1; ls -l /dev/full; [ -p /dev/fifo ] && stat -c "%a" /dev/fifo; true' \
	    '.root.readonly = false | .linux.devices = [{path: "/dev/full", type: "c", major: 1, minor: 7}, {path: "/dev/fifo", type: "p", fileMode: 416}]'
	has "1,   7" 640
	# one that is not among the usual ones, of whatever kind this host has
	node=$(find /dev -maxdepth 1 \( -type c -o -type b \) ! -name null ! -name zero ! -name full ! -name random ! -name urandom ! -name tty ! -name ptmx \
	    ! -name console -printf '%p %y\n' | sort | head -n 1)
	[ -n "$node" ] || skip "/dev has the usual nodes alone"
	read -r path type <<<"$node"
	run inside "stat -c '%F %t:%T' $path; [ -L /dev/ptmx ] && echo own" ".linux.devices = [{path: \"$path\", type: \"$type\",
	    major: $((16#$(stat -c %t "$path"))), minor: $((16#$(stat -c %T "$path")))}, {path: \"/dev/ptmx\", type: \"c\", major: 5, minor: 2}]"
	has "special file $(stat -c %t:%T "$path")" own
	run inside 'echo started' '.linux.devices = [{path: "/dev/nowhere", type: "b", major: 7, minor: 999}]'
	refused "'/dev/nowhere'" "cannot be made without root"
}

@test "linux.mountLabel is refused by name and cause where the kernel runs without SELinux" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "SELinux is on: tests/vm looks at labels"
	run inside 'echo started' '.linux.mountLabel = "system_u:object_r:container_file_t:s0"'
	refused "'linux.mountLabel': this kernel runs without SELinux" "Mount Label"
}

@test "a wrong option is named with its mount" {
	run inside 'echo started' "$(mount_filter bind sync)"
	refused "'mounts[" "'sync' is one of the file system, which a bind mount cannot change"
	run inside 'echo started' "$(mount_filter bind remount)"
	refused "'mounts[" "'remount' is not one for a container"
	run inside 'echo started' "$(mount_filter bind frob)"
	refused "'mounts[" "'frob' is not one for type 'bind'"
	run inside 'echo started' '.mounts += [{destination: "/m", source: "no/such", type: "bind", options: ["bind"]}]'
	[ "$status" -ne 0 ]
	[[ "$output" == *"'mounts["*"].source'"*"no/such"* ]]
}
