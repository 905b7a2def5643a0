#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# emulate_base - the tier emulate: steps work on further names of their base's files, and change copies.
#
# Judge and container: tests/lib/emulate.bash.

load ../lib/common
load ../lib/emulate

setup_file()
{
	emulate_suite
	gcc -D_GNU_SOURCE -static -O1 -w -o "$SUITE/base" "$CROZE_SOURCE/tests/data/emulate/base.c"
}

teardown_file()
{
	croze_suite_end
}

# snapshots: all that is said of the files of the snapshots, but what their further names move: st_nlink, st_ctime, and st_atime.
snapshots()
{
	"$PYTHON" - "$W/emulate/snapshots" <<-'EOF'
		import hashlib, os, stat, sys
		os.chdir(sys.argv[1])
		for folder, folders, files in os.walk("."):
		    for name in sorted(folders + files):
		        path = os.path.join(folder, name)
		        st = os.lstat(path)
		        kind = stat.S_IFMT(st.st_mode)
		        data = b""
		        attributes = []
		        if kind == stat.S_IFLNK:
		            data = os.readlink(path).encode()
		        if kind == stat.S_IFREG:
		            data = open(path, "rb").read()
		        if kind in (stat.S_IFREG, stat.S_IFDIR):
		            attributes = [(a, os.getxattr(path, a)) for a in sorted(os.listxattr(path))]
		        record = st.st_atime_ns if st.st_atime_ns >> 33 > 10 ** 9 else 0
		        print(path, oct(st.st_mode), st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns, record, st.st_ino,
		              hashlib.sha256(data).hexdigest(), attributes)
	EOF
}

# unchanged: the snapshots of the file before are as they were, and have no further names.
unchanged()
{
	snapshots | grep -F "$(awk '{ split($1, p, "/"); print p[2] }' before | sort -u)" >after
	cmp before after
	[ "$(find "$W/emulate/snapshots" -links +1 ! -type d -exec stat -c %i {} + | sort | uniq -u | wc -l)" = 0 ]
}

# prepare COMMAND...: c/Dockerfile with what makes files, whose snapshots are noted in the file before, and the commands on top of it.
prepare()
{
	cp "$SUITE/base" c/base
	printf '%s\n' 'FROM alpine:3.19 AS made' 'COPY base /bin/base' 'RUN base make' 'FROM made' "${@/#/RUN }" | dockerfile
	run confined --target made -t made
	ok
	snapshots >before
}

@test "emulate: what a step changes of its base, in every way that there is, is as on an overlay, and the base stays as it was" {
	prepare 'base change >/out' 'base change >/again; cat /b/* >/all; rm /bin/base'
	same
	tree app "$W/emulate" | grep -q '^/out '
	unchanged
}

@test "emulate: processes that are the first to change a file at once, a thousand times: nothing is lost, in the file or in the base" {
	prepare 'base race 1000'
	run confined -t app
	ok
	says "1000 of 1000 are whole"
	unchanged
}

@test "emulate: builds at once from one base change what is theirs, and their images are as if each were alone" {
	local n
	for n in 1 2 3; do
		mkdir "c$n"
		cat >"c$n/Dockerfile" <<-EOF
			FROM alpine:3.19
			RUN for i in 1 2 3 4 5 6; do for f in /etc/* /lib/apk/db/*; do if test -f \$f -a ! -h \$f; then echo $n >>\$f; chmod o-r \$f; fi; done; done
			COPY --from=alpine:3.19 /etc/passwd /etc/group /srv/
			RUN chown -h $n:$n /bin/* && rm -r /media && mv /etc/profile /srv && ln /srv/passwd /srv/link
		EOF
	done
	printf 'FROM alpine:3.19\nRUN true\n' >c/Dockerfile
	run confined -t base
	ok
	snapshots >before
	for n in 1 2 3; do
		FOLDER=$W/c$n confined -t "app$n" >"log$n" 2>&1 3>&- &
	done
	wait
	for n in 1 2 3; do
		FOLDER=$W/c$n judged
		alike "app$n" || { cat "log$n"; return 1; }
	done
	unchanged
	run env CROZE_ROOT="$W/emulate" croze store check
	ok
}

@test "emulate: locks of the base's files are the step's own: flock(2) excludes those of the step, and no other build" {
	local pid
	dockerfile <<-'EOF'
		FROM alpine:3.19 AS made
		COPY base /bin/
		RUN mkdir /l && cd /l && touch a b c d e f && ln e e2
		FROM made
		RUN cd /l && { flock a sleep 2 & sleep 0.5; ! flock -n a true && ! flock -n -s a true && wait && flock -n a true; }
		RUN cd /l && ( flock 9 && ! flock -n b true && flock -n 9 ) 9<b && flock -n b true
		RUN cd /l && exec 9<c && flock -n 9 && ! flock -n c true && flock -u 9 && flock -n c true && ! flock -n 9 9<&- 2>/dev/null
		RUN cd /l && exec 8<d 9<d && flock -s 8 && flock -s -n 9 && ! flock -n d true && flock -n -s d true && flock -u 8 && flock -u 9 && flock -n d true
		RUN cd /l && exec 9<b && flock 9 && base wait b >/wait && flock -u 9 && flock a base wait a >>/wait && flock a true && base wait a >>/wait
		RUN cd /l && flock -n e true && flock -n e2 true && echo 1 >>f && flock -n f cat f
	EOF
	cp "$SUITE/base" c/
	run confined --target made -t made
	ok
	snapshots >before
	same
	[ "$(CROZE_ROOT=$W/userns croze run --rm --network none app cat /wait | tr '\n' ' ')" = 'interrupted interrupted had ' ]
	unchanged

	mkdir c1 c2
	printf 'FROM made\nRUN flock /l/a flock /etc/group flock -s /bin/busybox sleep 6.3716\n' >c1/Dockerfile
	cat >c2/Dockerfile <<-'EOF'
		FROM made
		RUN for f in /l/a /etc/group /bin/busybox; do flock -n $f true || exit 7; done; flock -n -s /l/a true && flock /l/a echo had
	EOF
	FOLDER=$W/c1 confined -t one >log 2>&1 3>&- &
	pid=$!
	while ! pgrep -f 'sleep 6.371[6]' >/dev/null; do
		kill -0 "$pid"
		sleep 0.05
	done
	FOLDER=$W/c2 run confined -t two
	ok
	says had
	pgrep -f 'sleep 6.371[6]' >/dev/null # the other one had them all the time
	wait "$pid"
	unchanged
}

@test "emulate: a file of the base is another one in a mount of it: it is copied over, and stays when that of the root changes" {
	dockerfile <<-'EOF'
		FROM alpine:3.19 AS made
		RUN mkdir /l && cd /l && for i in a b c d e; do echo $i >$i; touch -d @1 $i; done && ln -s a s
		FROM made
		RUN --mount=type=bind,from=made,source=/l,target=/mnt cd /l && cp /mnt/a a && cp -a /mnt/b b && cp -a /mnt/s s && ! [ a -ef /mnt/a ] && [ a -ef ./a ]
		RUN --mount=type=bind,from=made,target=/mnt exec 3</mnt/l/c 4</l/c && echo 2 >/l/c && cat <&3 >/seen && cat <&4 >>/seen
		RUN --mount=type=bind,from=made,target=/mnt exec 3</l/d 4</mnt/l/d && echo 2 >>/l/d && cat <&3 >>/seen && cat <&4 >>/seen
		RUN --mount=type=bind,from=made,target=/mnt flock /mnt/l/e true && exec 3</mnt/l/e && flock -n 3 && ! flock -n /mnt/l/e true && flock -n /l/e true
		RUN --mount=type=bind,from=made,source=/l/a,target=/l/f stat -c %i /l/f >/n && [ $(stat -c %i /l/f) != $(stat -c %i /l/a) ] && rm /n && cat /l/f >>/seen
	EOF
	run confined --target made -t made
	ok
	snapshots >before
	same
	[ "$(CROZE_ROOT=$W/userns croze run --rm --network none app cat /seen | tr '\n' ' ')" = 'c 2 d 2 d a ' ]
	unchanged
}

# The tree of a step that runs: the folder whose files are the base's too.
@test "emulate: the tree of a step has the base's files; copies of other tiers are copies" {
	local file pid
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN test "$(stat -c %h /etc/passwd)" = 1 && sleep 3.7316
	EOF
	confined >log 2>&1 3>&- &
	pid=$!
	while ! pgrep -f 'sleep 3.731[6]' >/dev/null; do
		kill -0 "$pid"
		sleep 0.05
	done
	file=$(find "$W/emulate/snapshots" -path '*/fs/etc/passwd')
	[ "$(stat -c %h "$file")" = 2 ]
	[ "$(find "$W/emulate/tmp" -samefile "$file" | wc -l)" = 1 ]
	wait "$pid"
	[ "$(stat -c %h "$file")" = 1 ]
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN test "$(stat -c %h /etc/passwd)" = 1 && echo changed >>/etc/passwd
		RUN test "$(stat -c %h /etc/passwd /bin/busybox | tr '\n' ' ')" = '1 1 ' && tail -n 1 /etc/passwd
	EOF
	for tier in userns-single userns; do
		run build --isolation "$tier" --snapshots copy --network host
		ok
		run find "$CROZE_ROOT/snapshots" -type f -links +1 -path '*/etc/*'
		equal "$output" ""
	done
}

@test "emulate: COPY, ADD and RUN by turns over one base, with hard links of an archive to its files" {
	mkdir -p c/d/etc a/etc
	echo 1 >c/d/etc/motd
	echo 2 >c/d/new
	ln c/d/new c/d/new2
	touch -d @1 a/etc/group a/etc/other
	ln -f a/etc/group a/etc/linked
	"$PYTHON" - <<-'EOF'
		import tarfile
		t = tarfile.open("c/links.tar", "w")
		for name in ("etc/group.link", "etc/group.more"):
		    i = tarfile.TarInfo(name)
		    i.type, i.linkname = tarfile.LNKTYPE, "etc/group"
		    t.addfile(i)
		t.close()
	EOF
	dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN echo 1 >>/etc/passwd
		COPY d/ /
		RUN echo 2 >>/etc/motd && mv /etc/shadow /etc/shadow2 && cat /new2 >>/new
		ADD links.tar /
		RUN echo 3 >>/etc/group.link && cat /etc/group >/srv/group && test "$(stat -c %h /etc/group)" = 3
		WORKDIR /etc/made
		RUN mv /etc/shadow2 /etc/shadow && ln -s x y && chown -h 3:4 y
	EOF
	same
}

# links FILE NAME=TARGET...: an archive of hard links; NAME alone: a file of the text NAME.
links()
{
	"$PYTHON" - "$@" <<-'EOF'
		import io, sys, tarfile
		t = tarfile.open(sys.argv[1], "w")
		for word in sys.argv[2:]:
		    name, _, target = word.partition("=")
		    i = tarfile.TarInfo(name)
		    if target:
		        i.type, i.linkname = tarfile.LNKTYPE, target
		    i.size = 0 if target else len(name)
		    t.addfile(i, io.BytesIO(name.encode()))
		t.close()
	EOF
}

@test "emulate: an archive's hard links to files of the base are as on an overlay, and leave the base as it is" {
	printf '%s\n' 'FROM alpine:3.19 AS made' \
	    'RUN mkdir /l && cd /l && echo a >a && chown 5:6 a && chmod 4751 a && ln a b && ln a b2 && ln -s a s && mkfifo p && touch -h -d @1 a s p . /' \
	    'FROM made' 'ADD one.tar two.tar /' 'ADD three.tar /l/' 'RUN ls -lni /l | cut -c 1-99 >/dev/null && echo >>/l/c && stat -c "%h %n" /l/* && cat /l/*f' |
	    dockerfile
	links c/one.tar l/c=l/a l/b=l/a l/s2=l/s l/p2=l/p l/b2=l/b2 l/f l/g=l/f
	links c/two.tar l/d=l/c l/h=l/g l/a l/s=l/f l/b3=l/b2
	links c/three.tar d=b2 d2=d b2 e=x x
	run confined --target made -t made
	ok
	snapshots >before
	same
	diff <(sed -n 's/^.*\([0-9] \/l\/.*\)/\1/p' userns.log) <(sed -n 's/^.*\([0-9] \/l\/.*\)/\1/p' emulate.log)
	[ "$(grep -c '[0-9] /l/' emulate.log)" -gt 12 ]
	unchanged
}

@test "emulate: kill -9 while a step's tree is made, and while its files are changed: the store is sound, the base as it was" {
	local delay i
	# shellcheck disable=SC2046
	links c/links.tar $(for i in $(seq 400); do echo "srv/$i=bin/busybox srv/g$i=etc/group"; done)
	dockerfile <<-'EOF'
		FROM alpine:3.19
		ADD links.tar /
		RUN for i in $(seq 200); do for f in $(find /etc /lib /usr /sbin -type f); do chmod u+s $f; chmod u-s $f; done; done
	EOF
	printf 'FROM alpine:3.19\nRUN true\n' >base.Dockerfile
	run confined -t base -f base.Dockerfile
	ok
	snapshots >before
	for i in $(seq 12); do
		delay=$(awk -v i="$i" 'BEGIN { print 0.05 * i * i / 4 }')
		CROZE_ROOT=$W/emulate timeout -s KILL "$delay" "$SUITE/confine" croze build -q --no-cache c >log 2>&1 3>&- || :
		# what it has left ends by itself, and is away with the next one
	done
	sleep 1
	run confined -t again -f base.Dockerfile --no-cache
	ok
	unchanged
	run env CROZE_ROOT="$W/emulate" croze store check
	ok
}

# counted FILE ARGUMENT...: a build in the container; what croze makes itself in folders is in FILE, a line each (tests/data/emulate/count.c).
counted()
{
	local file=$W/$1

	shift
	[ -e "$SUITE/count.so" ] || gcc -D_GNU_SOURCE -shared -fPIC -O1 -w -o "$SUITE/count.so" "$CROZE_SOURCE/tests/data/emulate/count.c"
	: >"$file"
	COUNT=$file LD_PRELOAD=$SUITE/count.so confined "$@"
}

# costs STEP [NAMES]: on top of the image base (1,200 files and links of its own), between two RUNs, croze makes no more than 150 files and links,
# and of further names (of 1,600 files) those of one or two trees, or NAMES.
costs()
{
	printf '%s\n' '# syntax=docker/dockerfile:1' 'FROM base AS made' 'RUN echo 1 >/first' "$1" 'RUN echo 2 >/m/7 && ls /x' >c/Dockerfile
	run counted made -t app
	ok
	run grep -cE '^(file|symlink) ' made
	[ "$(grep -c '^link ' made)" -lt "${2:-3600}" ] || { echo "$(grep -c '^link ' made) names are made by: $1"; return 1; }
	[ "$output" -lt 150 ] || { echo "$output are made by: $1"; sort made | uniq -c | sort -n | tail -n 5; return 1; }
}

@test "emulate: no step copies its base: unpacking, ADD, COPY, WORKDIR, heredocs and mounts cost what they make" {
	mkdir -p c/s/d
	echo 1 >c/s/d/1
	tar -C c/s -cf c/small.tar .
	gzip -k c/small.tar
	echo 1 >c/file
	cat >c/base.Dockerfile <<-'EOF'
		FROM alpine:3.19
		RUN mkdir /m && for i in $(seq 300); do echo $i >/m/$i; ln -s $i /m/s$i; done
		RUN mkdir /n && for i in $(seq 300); do echo $i >/n/$i; done
		RUN mkdir /o && for i in $(seq 300); do echo $i >/o/$i; done
	EOF
	run confined -t base -f c/base.Dockerfile
	ok
	costs 'ADD small.tar /x' # its layers are unpacked, too
	costs 'ADD small.tar.gz small.tar /x/'
	costs 'COPY file /x'
	costs 'WORKDIR /x'
	costs 'COPY --chown=5:6 s file /x/'
	costs $'COPY <<E /x\ntext\nE'
	costs $'RUN <<E\ntrue\necho >/x\nE'
	costs $'COPY --from=alpine:3.19 /etc/passwd /x\nRUN true\nCOPY --from=base /m/1 /y' 7000
	costs $'RUN true\nWORKDIR /x\nWORKDIR /x\nRUN true' 5200
	costs $'ADD small.tar /\nRUN true\nADD small.tar /x\nRUN echo >>/m/8'
	costs $'RUN --mount=type=bind,from=base,target=/b cat /b/m/1 >/x'
	costs $'RUN echo >/x\nFROM made AS next\nCOPY --from=made /x /x2\nADD small.tar /x3\nRUN true\nCOPY --from=made /m/1 /x4' 5200
	run confined -t app --squash
	ok
	run env CROZE_ROOT="$W/emulate" croze store check
	ok
}
