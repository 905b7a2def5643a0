#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# remote - ADD and contexts by HTTP and from repositories, served on loopback (DOCKERFILE.md 7 and 11; SECURITY.md C1 to C4, C10).

load ../lib/common
load ../lib/canary

setup_file()
{
	croze_suite
}

teardown_file()
{
	[ -z "${SERVER-}" ] || kill "$SERVER" 2>/dev/null || true
	croze_suite_end
}

# serve: files and repositories of the folder www at $URL; requests in the file log.
serve()
{
	mkdir -p www
	: >log
	mkfifo stop port
	"$PYTHON" "$LIB/remote_server.py" www log <stop >port 2>server.err 3>&- &
	exec 9>stop
	read -r PORT <port
	URL=http://127.0.0.1:$PORT
}

stop_server()
{
	exec 9>&-
}

g()
{
	git -c user.name=t -c user.email=t@example.invalid -c init.defaultBranch=main -c protocol.file.allow=always \
	    -c commit.gpgsign=false "$@"
}

# repository [NAME]: www/NAME.git with two commits, a branch, tags and a folder.
repository()
{
	local name=${1:-r} work
	work=work-$name
	g init -q "$work"
	mkdir -p "$work/sub/deep" "$work/docker"
	echo one >"$work/a"
	echo s >"$work/sub/s"
	ln -s a "$work/l"
	printf '#!/bin/sh\n' >"$work/run.sh"
	chmod 755 "$work/run.sh"
	chmod 600 "$work/a"
	printf 'FROM scratch\nCOPY . /x/\n' >"$work/Dockerfile"
	printf 'FROM scratch\nCOPY a /other\n' >"$work/docker/other"
	echo sub >"$work/.dockerignore"
	g -C "$work" add -A
	GIT_COMMITTER_DATE='2001-02-03T04:05:06Z' g -C "$work" commit -qm one
	g -C "$work" tag v1
	g -C "$work" tag -a -m annotated v1-annotated
	FIRST=$(git -C "$work" rev-parse HEAD)
	echo two >"$work/a"
	GIT_COMMITTER_DATE='2002-02-03T04:05:06Z' g -C "$work" commit -qam two
	SECOND=$(git -C "$work" rev-parse HEAD)
	g -C "$work" checkout -q -b feature/x
	echo three >"$work/a"
	g -C "$work" commit -qam three
	THIRD=$(git -C "$work" rev-parse HEAD)
	g -C "$work" checkout -q main
	mkdir -p www
	g clone -q --bare "$work" "www/$name.git"
}

# size NAME PATH
size()
{
	entry "$1" "$2" | cut -d' ' -f4
}

# created NAME: when the image says it was made.
created()
{
	croze inspect "$1" | jq -r '.[0].Created // .[0].created'
}

# ---- HTTP ----

@test "7.18 T31 ADD of a URL: mode 0600, the time of Last-Modified, named after the path where the destination ends in a slash" {
	serve
	echo hello >www/f.txt
	printf 'Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\n' >www/f.txt.headers
	printf 'FROM busybox:musl\nADD %s/f.txt /d/\nADD %s/f.txt?x=1#y /named\nADD %s/f.txt /etc\n' "$URL" "$URL" "$URL" >c/Dockerfile
	run build -t app
	ok
	image_ok app
	equal "$(entry app /d/f.txt | cut -d' ' -f1-4)" "f 0600 0:0 6"
	equal "$(size app /named)" 6
	equal "$(size app /etc/f.txt)" 6
	echo 'RUN test "$(stat -c %Y /d/f.txt)" = 1445412480' >>c/Dockerfile
	run build -t app
	ok
	says "4 cached, 1 run"
	stop_server
	nothing_left
}

@test "7.9 7.18 ADD of a URL: --chmod, --chown, --link, no unpacking unless --unpack" {
	serve
	echo x >x
	tar --owner=3 --group=4 -czf www/t.tgz x
	dockerfile <<-EOF
		FROM scratch
		ADD $URL/t.tgz /plain/
		ADD --unpack=true $URL/t.tgz /unpacked/
		ADD --chmod=755 --chown=5:6 --link $URL/t.tgz /x/
	EOF
	run build -t app
	ok
	entry app /plain/t.tgz | grep '^f'
	equal "$(entry app /unpacked/x | cut -d' ' -f1,3)" "f 3:4"
	equal "$(entry app /x/t.tgz | cut -d' ' -f2-3)" "0755 5:6"
	stop_server
}

@test "7.18 ADD of a URL: what came decides about the cache, not when" {
	serve
	echo 1 >www/f
	printf 'FROM scratch\nADD %s/f /f\n' "$URL" >c/Dockerfile
	run build -t app
	ok
	printf 'Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\n' >www/f.headers
	run build -t app
	ok
	says "2 cached, 0 run"
	echo 2 >www/f
	rm www/f.headers
	run build -t app
	ok
	says "1 cached, 1 run"
	equal "$(size app /f)" 2
	stop_server
}

@test "7.18 ADD of a URL: what was fetched before is asked for, and not fetched again; with --checksum not even asked for" {
	serve
	head -c 100000 /dev/urandom >www/f
	cp www/f www/g
	printf 'ETag: "one"\n' >www/f.headers
	printf 'Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\n' >www/g.headers
	local digest
	digest=$(sha256sum <www/f | cut -d' ' -f1)
	printf 'FROM scratch\nADD %s/f /f\nADD %s/g /g\n' "$URL" "$URL" >c/Dockerfile
	run build -t app
	ok
	equal "$(grep -c unchanged log || true)" 0
	run build -t app
	ok
	says "3 cached, 0 run"
	equal "$(grep -c unchanged log)" 2
	echo other >www/f
	printf 'ETag: "two"\n' >www/f.headers
	run build -t app
	ok
	equal "$(size app /f)" 6
	cp www/g www/f
	printf 'FROM scratch\nADD --checksum=sha256:%s %s/g /g\n' "$digest" "$URL" >c/Dockerfile
	: >log
	run build -t app
	ok
	equal "$(cat log)" ""
	equal "$(size app /g)" 100000
	run build --no-cache -t app
	ok
	equal "$(grep -c '^GET /g' log)" 1
	# a damaged one is fetched anew
	chmod u+w "$CROZE_ROOT/blobs/sha256/$digest"
	printf x | dd of="$CROZE_ROOT/blobs/sha256/$digest" conv=notrunc status=none
	printf 'FROM scratch\nADD %s/g /g\nLABEL a=b\n' "$URL" >c/Dockerfile
	run build -t app
	ok
	content_digest=$(entry app /g | cut -d' ' -f5)
	equal "$content_digest" "$digest"
	stop_server
}

@test "7.7 ADD --checksum: the digest is checked, and another one is refused with both" {
	serve
	echo x >www/f
	local digest
	digest=$(sha256sum <www/f | cut -d' ' -f1)
	printf 'FROM scratch\nARG D=%s\nADD --checksum=sha256:$D %s/f /f\n' "$digest" "$URL" >c/Dockerfile
	run build -t app
	ok
	sed -i "s/D=${digest:0:4}/D=0000/" c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says "$digest" f
	printf 'FROM scratch\nADD --checksum=sha1:00 %s/f /f\nADD --checksum=abc %s/f /f\n' "$URL" "$URL" >c/Dockerfile
	run build -t app
	fails 2
	says Dockerfile:2 Dockerfile:3
	stop_server
}

@test "7.18 ADD of a URL that is not there names line and URL, and nothing is run" {
	serve
	printf 'FROM busybox:musl\nRUN touch /ran\nADD %s/nosuch /f\n' "$URL" >c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says Dockerfile:3 "$URL/nosuch" 404
	says_not "| RUN"
	printf 'FROM scratch\nADD http://127.0.0.1:1/x /f\n' >c/Dockerfile
	CROZE_NETWORK_TIMEOUT=5 run build -t app
	[ "$status" -ne 0 ]
	says "127.0.0.1:1/x"
	printf 'FROM scratch\nCOPY %s/x /f\n' "$URL" >c/Dockerfile
	run build -t app
	fails 2
	says "COPY takes no URL"
	stop_server
}

@test "5.1 only what the target needs is fetched" {
	serve
	echo x >www/f
	dockerfile <<-EOF
		FROM scratch AS unused
		ADD $URL/f /f
		FROM scratch
		COPY Dockerfile /
	EOF
	run build -t app --build-context other="$URL/f"
	ok
	equal "$(cat log)" ""
	stop_server
}

@test "C10 the name of a file that is fetched is one component, whatever server and URL say" {
	serve
	canary_make
	echo x >www/f
	printf 'Content-Disposition: attachment; filename="../../%s/pwn"\n' "$CANARY" >www/f.headers
	cp www/f www/passwd
	printf 'FROM scratch\nADD %s/f /d/\nADD %s/a/%%2e%%2e%%2fpasswd /d/\nADD %s/x/..%%2ff /d/\n' "$URL" "$URL" "$URL" >c/Dockerfile
	attack croze build -t attack c
	refused_or_confined
	equal "$(tree attack | grep -c '^/d/')" 2
	entry attack /d/f | grep '^f'
	entry attack /d/passwd | grep '^f'
	stop_server
}

@test "C10 a server that redirects to a nearer address or to a file gives nothing" {
	serve
	canary_make
	printf 'Location: file://%s/secret\n' "$CANARY" >www/r.headers
	printf 'FROM scratch\nADD %s/r /f\n' "$URL" >c/Dockerfile
	attack croze build --progress=plain -t attack c
	refused "/r"
	stop_server
}

@test "11.4 a URL as context: an archive with its Dockerfile, one with -f, a Dockerfile alone" {
	serve
	mkdir -p t/sub
	echo x >t/sub/x
	printf 'FROM scratch\nCOPY sub /x/\n' >t/Dockerfile
	printf 'FROM scratch\nCOPY sub/x /other\n' >t/other
	tar -C t -czf www/c.tgz .
	run timeout 60 croze build --progress=plain -t app "$URL/c.tgz"
	ok
	entry app /x/x | grep '^f'
	run timeout 60 croze build -t app -f other "$URL/c.tgz"
	ok
	entry app /other | grep '^f'
	printf 'FROM busybox:musl\nRUN touch /made\n' >www/Dockerfile
	run timeout 60 croze build -t app "$URL/Dockerfile"
	ok
	entry app /made | grep '^f'
	printf 'FROM scratch\nCOPY a /\n' >www/Dockerfile
	run timeout 60 croze build -t app "$URL/Dockerfile"
	fails 2
	says "no build context"
	run croze build -t app -f - "$URL/c.tgz" <<<$'FROM scratch\nCOPY sub/x /stdin'
	ok
	run timeout 60 croze build -t app "$URL/nosuch"
	[ "$status" -ne 0 ]
	says nosuch 404
	stop_server
	nothing_left
}

@test "11.6 a URL as named context: an archive, or one file" {
	serve
	mkdir t
	echo x >t/x
	tar -C t -cf www/n.tar .
	echo y >www/file
	printf 'FROM scratch\nCOPY --from=n x /x\nCOPY --from=m file /y\nCOPY --from=m . /all/\n' >c/Dockerfile
	run build -t app --build-context n="$URL/n.tar" --build-context m="$URL/file"
	ok
	entry app /x | grep '^f'
	entry app /y | grep '^f'
	entry app /all/file | grep '^f'
	stop_server
}

# ---- repositories ----

@test "7.19 ADD of a repository: its files, 0644 and 0755, without .git" {
	need git
	serve
	repository
	printf 'FROM busybox:musl\nADD %s/r.git /r\nADD %s/r.git#main:sub /s/\n' "$URL" "$URL" >c/Dockerfile
	run build -t app
	ok
	image_ok app
	equal "$(size app /r/a)" 4
	equal "$(entry app /r/a | cut -d' ' -f1-3)" "f 0644 0:0"
	equal "$(entry app /r/run.sh | cut -d' ' -f2)" 0755
	equal "$(entry app /r/docker | cut -d' ' -f1-3)" "d 0755 0:0"
	equal "$(entry app /r/l | cut -d' ' -f1,4)" "l a"
	equal "$(tree app | grep -c '/\.git')" 0
	entry app /s/s | grep '^f'
	run build -t app
	ok
	says "3 cached, 0 run"
	stop_server
	nothing_left
}

@test "7.19 ADD of a repository at a branch, a tag, an annotated tag, a commit, an abbreviated commit" {
	need git
	serve
	repository
	local n=0 ref
	printf 'FROM scratch\n' >c/Dockerfile
	for ref in "#v1" "#refs/tags/v1" "#v1-annotated" "?tag=v1" "#$FIRST" "?commit=$FIRST" "#${FIRST:0:9}" "?ref=v1&checksum=${FIRST:0:8}" \
	    "?fetch-by-commit=true&commit=$FIRST" "#feature/x" "?branch=feature/x" "#$THIRD" "" "#main" "#HEAD" "?checksum=${SECOND:0:10}"; do
		n=$((n + 1))
		printf 'ADD %s/r.git%s /%s/\n' "$URL" "$ref" "$n" >>c/Dockerfile
	done
	run build -t app
	ok
	# one, three, two: 4, 6 and 4 bytes
	for ((i = 1; i <= 9; i++)); do
		equal "$i $(size app /$i/a)" "$i 4"
		equal "$(entry app /$i/a)" "$(entry app /1/a)"
	done
	for i in 10 11 12; do equal "$i $(size app /$i/a)" "$i 6"; done
	for i in 13 14 15 16; do
		equal "$i $(size app /$i/a)" "$i 4"
		[ "$(entry app /$i/a)" != "$(entry app /1/a)" ]
	done
	stop_server
}

@test "7.7 7.19 ADD of a repository: what is not there, and another commit than was asked for" {
	need git
	serve
	repository
	local ref
	for ref in "#nosuch" "#0123456789abcdef0123456789abcdef01234567" "?ref=main&checksum=$FIRST" "#main:nosuch" "#main:a" "?tag=main"; do
		echo "case $ref"
		printf 'FROM scratch\nADD %s/r.git%s /r\n' "$URL" "$ref" >c/Dockerfile
		run build -t app
		[ "$status" -ne 0 ]
		says Dockerfile:2
	done
	printf 'FROM scratch\nADD --checksum=%s %s/r.git#v1 /r\n' "$FIRST" "$URL" >c/Dockerfile
	run build -t app
	ok
	printf 'FROM scratch\nADD --checksum=%s %s/r.git#main /r\n' "$FIRST" "$URL" >c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says "$FIRST" "$SECOND"
	printf 'FROM scratch\nADD %s/nosuch.git /r\n' "$URL" >c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says "nosuch.git"
	stop_server
}

@test "7.8 ADD --keep-git-dir keeps .git, the same from one build to the next, and no password" {
	need git
	serve
	repository
	printf 'FROM busybox:musl\nADD --keep-git-dir=true http://user:pass-4711@127.0.0.1:%s/r.git#v1 /r\n' "$PORT" >c/Dockerfile
	run build -t app
	ok
	entry app /r/.git/HEAD | grep '^f'
	run build -t app
	ok
	says "2 cached, 0 run"
	says_not pass-4711
	lacks pass-4711 <(croze save app 2>/dev/null | cat)
	printf 'FROM scratch\nADD --keep-git-dir=false %s/r.git?keep-git-dir=true /r\n' "$URL" >c/Dockerfile
	run build -t app
	fails 2
	says "says otherwise"
	printf 'FROM scratch\nADD %s/r.git?keep-git-dir=true /r\n' "$URL" >c/Dockerfile
	run build -t app
	ok
	entry app /r/.git/HEAD | grep '^f'
	stop_server
}

@test "7.19 ADD of a repository: times of the commit where they are asked for" {
	need git
	serve
	repository
	printf 'FROM busybox:musl\nADD %s/r.git?ref=v1&mtime=commit /r\nRUN test "$(stat -c %%Y /r/a)" = 981173106\n' "$URL" >c/Dockerfile
	run build -t app
	ok
	stop_server
}

@test "7.19 ADD of a repository with submodules, and without them" {
	need git
	serve
	repository inner
	repository outer
	g -C work-outer -c protocol.allow=always submodule -q add "$URL/inner.git" vendor/inner
	g -C work-outer commit -qam "with a submodule"
	g -C work-outer push -q "$W/www/outer.git" main
	printf 'FROM scratch\nADD %s/outer.git /with\nADD %s/outer.git?submodules=false /without\n' "$URL" "$URL" >c/Dockerfile
	run build -t app
	ok
	entry app /with/vendor/inner/a | grep '^f'
	equal "$(entry app /without/vendor/inner/a)" ""
	equal "$(tree app | grep -cE '/\.git ')" 0
	stop_server
}

@test "11.4 11.7 a repository as context: its Dockerfile, -f in it, a subdirectory, no ignore file" {
	need git
	serve
	repository
	run timeout 60 croze build --progress=plain -t app "$URL/r.git#v1"
	ok
	entry app /x/sub/s | grep '^f'
	equal "$(tree app | grep -c '^/x/.git/')" 0
	run timeout 60 croze build -t app -f docker/other "$URL/r.git"
	ok
	entry app /other | grep '^f'
	run timeout 60 croze build -t app -f other "$URL/r.git#main:docker"
	fails 2
	says "other:2: error: source 'a' is not in the build context"
	run croze build -t app -f - "$URL/r.git#main:sub" <<<$'FROM scratch\nCOPY s /from-sub'
	ok
	entry app /from-sub | grep '^f'
	run timeout 60 croze build -t app --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$URL/r.git"
	ok
	says_not "no effect"
	entry app /x/.git/HEAD | grep '^f'
	stop_server
	nothing_left
}

@test "11.6 a repository as named context, and one of this machine that the user names" {
	need git
	serve
	repository
	printf 'FROM scratch\nCOPY --from=r a /a\nCOPY --from=f sub/s /s\n' >c/Dockerfile
	run build -t app --build-context "r=$URL/r.git#v1" --build-context "f=file://$W/www/r.git"
	ok
	entry app /a | grep '^f'
	entry app /s | grep '^f'
	run timeout 60 croze build -t app "file://$W/www/r.git"
	ok
	stop_server
}

# ---- attacks ----

@test "C2 the directory of a repository that leaves it, or is a link out of it, is refused" {
	need git
	serve
	canary_make
	repository
	ln -s "$CANARY" work-r/out
	ln -s ../../../../../../../../../.. work-r/up
	ln -s sub work-r/inlink
	g -C work-r add -A
	g -C work-r commit -qm links
	g -C work-r push -q "$W/www/r.git" main
	local dir
	for dir in .. ../.. sub/../../.. %2e%2e out out/x up up/etc inlink inlink/deep /etc/../..; do
		echo "case $dir"
		printf 'FROM scratch\nADD %s/r.git#main:%s /x\n' "$URL" "$dir" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		[ "$status" -ne 0 ]
		canary_holds
		attack croze build --progress=plain -t attack "$URL/r.git#main:$dir"
		[ "$status" -ne 0 ]
		canary_holds
	done
	stop_server
}

@test "C3 refs, hosts and URLs that are options or commands are refused before git is started" {
	need git strace
	canary_make
	local url
	for url in "https://h/x.git#--upload-pack=touch $CANARY/pwn" "https://h/x.git#-x" "https://h/x.git?ref=--upload-pack=x" \
	    "ssh://-oProxyCommand=touch%20$CANARY/pwn/x" "git@-oProxyCommand=touch:x" "git@h:-x" "https://h/x.git#main:../.." \
	    "https://h/x.git?upload-pack=x"; do
		echo "case $url"
		printf 'FROM scratch\nADD ["%s", "/x"]\n' "$url" >c/Dockerfile
		attack strace -f -qq -e trace=execve,connect -o "$W/trace" croze build --progress=plain -t attack c
		fails 2
		canary_holds
		equal "$(grep -c execve "$W/trace")" 1
		lacks AF_INET "$W/trace"
		attack strace -f -qq -e trace=execve,connect -o "$W/trace" croze build --progress=plain -t attack "$url"
		fails 2
		canary_holds
		equal "$(grep -c execve "$W/trace")" 1
	done
}

@test "C3 ext:: and file:// in a Dockerfile are paths of the context, and nothing else" {
	need git strace
	canary_make
	repository
	local url
	for url in "ext::sh -c touch% $CANARY/pwn" "file://$W/www/r.git" "$W/www/r.git" "fd::17"; do
		echo "case $url"
		printf 'FROM scratch\nADD ["%s", "/x"]\n' "$url" >c/Dockerfile
		attack strace -f -qq -e trace=execve -o "$W/trace" croze build --progress=plain -t attack c
		fails 2
		canary_holds
		equal "$(grep -c execve "$W/trace")" 1
	done
}

@test "C4 hooks, configuration and filters of user and repository are not run" {
	need git
	serve
	canary_make
	repository
	mkdir -p "$HOME/hooks"
	printf '#!/bin/sh\ntouch %s/pwn\n' "$CANARY" >"$HOME/hooks/post-checkout"
	chmod +x "$HOME/hooks/post-checkout"
	cp "$HOME/hooks/post-checkout" www/r.git/hooks/post-checkout
	echo '* filter=x' >work-r/.gitattributes
	printf '[core]\n\thooksPath = %s\n\tfsmonitor = %s\n[filter "x"]\n\tsmudge = %s\n[init]\n\ttemplateDir = %s\n' "$HOME/hooks" \
	    "$HOME/hooks/post-checkout" "$HOME/hooks/post-checkout" "$HOME" >work-r/.gitconfig
	g -C work-r add -A
	g -C work-r commit -qm filters
	g -C work-r push -q "$W/www/r.git" main
	cp work-r/.gitconfig "$HOME/.gitconfig"
	canary_state >"$W/canary.before"
	printf 'FROM scratch\nADD %s/r.git /x\n' "$URL" >c/Dockerfile
	GIT_SSH_COMMAND="touch $CANARY/pwn" GIT_EXEC_PATH="$HOME/hooks" GIT_CONFIG_GLOBAL=$HOME/.gitconfig \
	    GIT_TEMPLATE_DIR=$HOME attack croze build --progress=plain -t attack c
	ok
	canary_holds
	entry attack /x/a | grep '^f'
	rm -rf "$HOME/.gitconfig" "$HOME/hooks"
	stop_server
}

@test "C4 submodules from this machine, by ext:: and with names that are options are not fetched" {
	need git
	serve
	canary_make
	repository secret
	repository outer
	local url n=0
	for url in "file://$W/www/secret.git" "$W/www/secret.git" "ext::sh -c touch% $CANARY/pwn" "-u$CANARY/pwn" "../secret.git/../../../$CANARY"; do
		n=$((n + 1))
		echo "case $url"
		g init -q "evil$n"
		printf '[submodule "x"]\n\tpath = x\n\turl = %s\n' "$url" >"evil$n/.gitmodules"
		g -C "evil$n" add .gitmodules
		g -C "evil$n" update-index --add --cacheinfo "160000,$FIRST,x"
		g -C "evil$n" commit -qm evil
		g clone -q --bare "evil$n" "www/evil$n.git" 2>/dev/null
		printf 'FROM scratch\nADD %s/evil%s.git /x\n' "$URL" "$n" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		[ "$status" -ne 0 ]
		canary_holds
		says submodules
		printf 'FROM scratch\nADD %s/evil%s.git?submodules=false /x\n' "$URL" "$n" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		ok
		canary_holds
	done
	stop_server
}

@test "C4 git reads nothing of the user, and writes nowhere but to its own folder" {
	need git strace
	serve
	canary_make
	repository
	# git refuses to add such a link itself: a tree of one is made from its parts
	g -C work-r update-index --add --cacheinfo "100644,$(printf %s "$CANARY/secret" | git -C work-r hash-object -w --stdin),gitmodules"
	g -C work-r commit -qm "a link in the place of .gitmodules"
	git -C work-r cat-file tree "HEAD^{tree}" | sed 's/100644 gitmodules/120000 .gitmodules/' >hostile-tree
	git -C work-r update-ref refs/heads/main "$(g -C work-r commit-tree -m link -p main "$(git -C work-r hash-object -t tree -w --literally --stdin <hostile-tree)")"
	g -C work-r push -q "$W/www/r.git" main
	printf 'FROM scratch\nADD %s/r.git /x\n' "$URL" >c/Dockerfile
	attack croze build --progress=plain -t attack c
	canary_holds
	printf 'FROM scratch\nADD %s/r.git#v1 /x\n' "$URL" >c/Dockerfile
	attack strace -f -qq -e trace=openat -o "$W/trace" croze build --progress=plain -t attack c
	ok
	canary_holds
	[ "$(grep -c "\"$HOME/.*= [0-9]" "$W/trace" | head -n 1)" -eq 0 ]
	stop_server
}

@test "C2 C3 C4 twin: names with slashes, dots and dashes inside, a link that stays inside, a deep folder" {
	need git
	serve
	repository
	g -C work-r checkout -q -b release/1.0-rc.1
	mkdir -p "work-r/a-b/c.d/-e"
	echo deep >"work-r/a-b/c.d/-e/f"
	ln -s ../../a "work-r/a-b/c.d/l"
	g -C work-r add -A
	g -C work-r commit -qm deep
	g -C work-r push -q "$W/www/r.git" release/1.0-rc.1
	printf 'FROM scratch\nADD %s/r.git#release/1.0-rc.1:a-b/c.d /x\n' "$URL" >c/Dockerfile
	run build -t app
	ok
	entry app /x/-e/f | grep '^f'
	equal "$(entry app /x/l | cut -d' ' -f1,4)" "l ../../a"
	stop_server
}

# ---- secrets, times ----

@test "7.18 HTTP_AUTH_TOKEN_<host> and HTTP_AUTH_HEADER_<host> go to that host, and nowhere else" {
	serve
	echo x >www/f
	echo "Bearer tok-4711" >www/f.secret
	echo y >www/g
	echo "Basic aGVhZGVy" >www/g.secret
	printf 'Location: http://localhost:%s/h\n' "$PORT" >www/away.headers
	echo z >www/h
	printf 'FROM scratch\nADD %s/f /f\n' "$URL" >c/Dockerfile
	run build -t app
	[ "$status" -ne 0 ]
	says 401
	echo tok-4711 >token
	run build -t app --secret id=HTTP_AUTH_TOKEN_127.0.0.1,src=token
	ok
	run build -t app --no-cache --secret "id=HTTP_AUTH_TOKEN_127.0.0.1:$PORT,src=token"
	ok
	printf 'FROM scratch\nADD %s/g /g\nADD %s/away /h\n' "$URL" "$URL" >c/Dockerfile
	HEADER="Basic aGVhZGVy" run build -t app --secret id=HTTP_AUTH_HEADER_127.0.0.1,env=HEADER
	ok
	equal "$(grep ' /h ' log)" "GET /h -"
	run timeout 60 croze build -t app --secret id=HTTP_AUTH_TOKEN_127.0.0.1,src=token -f - "$URL/f" <<<$'FROM scratch\nCOPY f /f'
	ok
	no_leak tok-4711 "$CROZE_ROOT"
	stop_server
}

@test "13.3 SOURCE_DATE_EPOCH=context is the time of the commit, of Last-Modified, of the newest file" {
	need git
	serve
	repository
	run timeout 60 croze build -t app --build-arg SOURCE_DATE_EPOCH=context "$URL/r.git#v1"
	ok
	equal "$(created app)" 2001-02-03T04:05:06Z
	SOURCE_DATE_EPOCH=context run timeout 60 croze build -t app "$URL/r.git#v1"
	ok
	equal "$(created app)" 2001-02-03T04:05:06Z
	mkdir t
	printf 'FROM scratch\nCOPY a /a\n' >t/Dockerfile
	echo x >t/a
	touch -d 2003-01-01T00:00:00Z t/Dockerfile
	touch -d 2004-01-01T00:00:00Z t/a
	tar -C t -cf www/t.tar Dockerfile a
	run timeout 60 croze build -t app --build-arg SOURCE_DATE_EPOCH=context "$URL/t.tar"
	ok
	equal "$(created app)" 2004-01-01T00:00:00Z
	run timeout 60 croze build -t app --build-arg SOURCE_DATE_EPOCH=context - <www/t.tar
	ok
	equal "$(created app)" 2004-01-01T00:00:00Z
	printf 'Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\n' >www/t.tar.headers
	run timeout 60 croze build -t app --build-arg SOURCE_DATE_EPOCH=context "$URL/t.tar"
	ok
	equal "$(created app)" 2015-10-21T07:28:00Z
	run timeout 60 croze build -t app --build-arg SOURCE_DATE_EPOCH=context t
	ok
	[[ $(created app) == $(date -u +%Y)* ]]
	stop_server
}

@test "8.3 13.3 SOURCE_DATE_EPOCH names a context or a stage; RUN is given the number" {
	need git
	serve
	repository
	echo x >www/f
	printf 'Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\n' >www/f.headers
	dockerfile <<-EOF
		ARG SOURCE_DATE_EPOCH=Src
		FROM scratch AS src
		ARG PLACE=$URL
		ADD \$PLACE/f /
		FROM busybox:musl
		ARG SOURCE_DATE_EPOCH
		RUN test "\$SOURCE_DATE_EPOCH" = "\${WANT:-1445412480}"
	EOF
	run build -t app
	ok
	equal "$(created app)" 2015-10-21T07:28:00Z
	sed -i 's/WANT:-1445412480/WANT:-981173106/' c/Dockerfile
	run build -t app --build-arg SOURCE_DATE_EPOCH=named --build-context "named=$URL/r.git#v1"
	ok
	equal "$(created app)" 2001-02-03T04:05:06Z
	local text
	for text in nosuch busybox:musl; do
		run build -t app --build-arg SOURCE_DATE_EPOCH=$text
		fails 2
		says SOURCE_DATE_EPOCH "$text"
	done
	sed -i 's/^FROM scratch AS src/FROM busybox:musl AS src/' c/Dockerfile
	run build -t app
	fails 2
	says "stage 'src'" "not FROM scratch"
	printf 'ARG SOURCE_DATE_EPOCH=src\nFROM scratch AS src\nADD Dockerfile /\nFROM scratch\nCOPY Dockerfile /\n' >c/Dockerfile
	run build -t app
	fails 2
	says "'Dockerfile' is not fetched"
	stop_server
}

@test "13.4 a source policy: images are denied, allowed and replaced, in the order of the rules" {
	cat >policy.json <<-'EOF'
		{ "rules": [
		  { "action": "DENY", "selector": { "identifier": "docker-image://docker.io/library/*" } },
		  { "action": "ALLOW", "selector": { "identifier": "docker-image://docker.io/library/busybox:musl", "matchType": "EXACT" } },
		  { "action": "CONVERT", "selector": { "identifier": "docker-image://docker.io/library/*:old-*" },
		    "updates": { "identifier": "docker-image://docker.io/library/${1}:${2}" } },
		  { "action": "DENY", "selector": { "identifier": "evil|untrusted", "matchType": "REGEX" } } ] }
	EOF
	printf 'FROM busybox:musl\nRUN echo built\nCOPY --from=busybox:old-musl /etc/passwd /p\n' >c/Dockerfile
	run build -t app --source-policy-file policy.json
	ok
	says "'docker.io/library/busybox:musl' in the place of 'docker.io/library/busybox:old-musl'"
	for image in alpine:3.19 busybox:evil registry.example/untrusted/x:1; do
		printf 'FROM busybox:musl\nRUN echo not here\nFROM %s\nCOPY --from=0 /etc/passwd /p\n' "$image" >c/Dockerfile
		run build -t app --source-policy-file policy.json
		fails 2
		says "Dockerfile:3" "is denied by rule" "policy.json"
		says_not "not here" "croze import"
	done
	EXPERIMENTAL_BUILDKIT_SOURCE_POLICY=policy.json run build -t app
	fails 2
	says "is denied by rule 4"
	run build -t app
	says_not policy
}

@test "13.4 a source policy: URLs and repositories are denied, a URL is replaced and checked" {
	need git
	serve
	repository
	echo one >www/f
	echo two >www/g
	cat >policy.json <<-EOF
		{ "rules": [
		  { "action": "CONVERT", "selector": { "identifier": "http://mirror.example/*" },
		    "updates": { "identifier": "$URL/\${1}", "attrs": { "http.checksum": "sha256:$(sha256sum <www/f | cut -d' ' -f1)" } } },
		  { "action": "DENY", "selector": { "identifier": "*/secret" } },
		  { "action": "DENY", "selector": { "identifier": "git://127.0.0.1:$PORT/r.git#main" } } ] }
	EOF
	printf 'FROM scratch\nADD http://mirror.example/f /\nADD %s/r.git#v1 /r\n' "$URL" >c/Dockerfile
	run build -t app --source-policy-file policy.json
	ok
	[ -n "$(entry app /f)" ]
	says "'$URL/f' in the place of 'http://mirror.example/f'"
	printf 'FROM scratch\nADD http://mirror.example/g /\n' >c/Dockerfile
	run build -t app --source-policy-file policy.json
	[ "$status" -ne 0 ]
	says "$(sha256sum <www/f | cut -d' ' -f1)"
	for source in "$URL/secret" "$URL/r.git#main"; do
		: >log
		printf 'FROM scratch\nADD %s /\n' "$source" >c/Dockerfile
		run build -t app --source-policy-file policy.json
		fails 5
		says "Dockerfile:2" "is denied by rule"
		equal "$(cat log)" ""
		run timeout 60 croze build --progress=plain -t app --source-policy-file policy.json "$source"
		fails 5
		equal "$(cat log)" ""
	done
	stop_server
}

@test "13.4 a source policy that is wrong is refused with its member" {
	local rule
	printf 'FROM busybox:musl\n' >c/Dockerfile
	while read -r rule; do
		echo "{ \"rules\": [ $rule ] }" >policy.json
		run build -t app --source-policy-file policy.json
		fails 2
		says policy.json "rules[0]"
	done <<-'EOF'
		{ "action": "FORBID", "selector": { "identifier": "x" } }
		{ "action": "DENY" }
		{ "action": "DENY", "selector": { "identifier": "(", "matchType": "REGEX" } }
		{ "action": "DENY", "selector": { "identifier": "\\d+", "matchType": "REGEX" } }
		{ "action": "DENY", "selector": { "identifier": "x", "matchType": "GLOB" } }
		{ "action": "CONVERT", "selector": { "identifier": "git://x" }, "updates": { "identifier": "git://y" } }
		{ "action": "CONVERT", "selector": { "identifier": "http://x" }, "updates": { "attrs": { "http.checksum": "md5:0" } } }
		{ "action": "DENY", "selector": { "identifier": "x", "constraints": [ { "key": "git.authtokensecret" } ] } }
	EOF
	echo '{ "rules": [ { "action": "CONVERT", "selector": { "identifier": "*:musl" }, "updates": { "identifier": "docker-image://a:glibc" } }, { "action": "CONVERT", "selector": { "identifier": "*:glibc" }, "updates": { "identifier": "docker-image://a:musl" } } ] }' >policy.json
	run build -t app --source-policy-file policy.json
	fails 2
	says "by each other without end"
	run build -t app --source-policy-file nowhere.json
	fails 1
	says nowhere.json
}
