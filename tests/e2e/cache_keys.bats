#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cache_keys - a key is what the step reads, and nothing else: what may change without a step being made again, and what may not.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# context: the reference; c and the named context n.
context()
{
	rm -rf c n
	mkdir -p c/d/sub n
	echo a >c/a
	echo b >c/d/b
	echo ba >c/d/ba
	echo s >c/d/sub/s
	echo ignored >c/x.log
	echo n >n/n
	ln -s b c/d/l
	ln c/d/ba c/d/hard
	chmod 755 c/d/sub
	tar -C c --mtime=@0 -cf c/t.tar a
	printf '*.log\n' >c/.dockerignore
	cat >c/Dockerfile <<-'OUTER'
		FROM busybox:musl AS one
		ARG V=1
		ENV E=1
		RUN echo "$V$E" >/one
		FROM busybox:musl
		WORKDIR /w
		COPY a d /copied/
		COPY --from=one /one /one
		COPY --from=named n /n
		ADD t.tar /t/
		COPY <<EOF /text
		text
		EOF
		USER 5:6
		SHELL ["/bin/sh", "-c"]
		RUN --mount=type=bind,source=d,target=/m cat /m/b >/dev/null
		RUN ["true"]
	OUTER
}

# keys NAME [OPTION...]: builds with a store of its own; its keys in the file NAME.
keys()
{
	local name=$1
	shift
	rm -rf "$W/root"
	cp -a "$SUITE/template" "$W/root"
	timeout 60 ${PREFIX[@]+"${PREFIX[@]}"} croze build --root "$W/root" -q -t app --build-context named=n "$@" "${CONTEXT:-c}" >out 2>&1 || {
		cat out
		return 1
	}
	# what a check of a whole image found is kept there too, under the digest of the image
	(cd "$W/root/steps" && grep -L '"findings"' -- *.json) | sort >"$name"
	ns rm -rf "$W/root"
	[ -s "$name" ]
}

same()
{
	if ! cmp -s reference changed; then
		echo "$1: other keys"
		diff reference changed
		return 1
	fi
}

@test "keys stay: times, inode order, folder, umask, locale, time zone, processors, unused arguments, comments, ignored files" {
	context
	keys reference
	find c n -exec touch -h -d 2001-02-03 {} +
	keys changed
	same "mtimes"
	# the same files, made in another order
	mv c old
	mkdir c
	(cd old && find . -depth -mindepth 1 ! -type d | sort -r | tar --no-recursion -cf - -T -) | tar -C c -xf -
	chmod 755 c/d/sub
	keys changed
	same "inode order"
	mkdir -p "elsewhere/with blank"
	mv c "elsewhere/with blank/ctx"
	CONTEXT="elsewhere/with blank/ctx" keys changed
	same folder
	context
	PREFIX=(sh -c 'umask 077; exec "$@"' sh)
	keys changed
	PREFIX=()
	same umask
	LC_ALL=POSIX LANG=tr_TR.UTF-8 TZ=Asia/Kathmandu keys changed
	same "locale and time zone"
	PREFIX=(taskset -c 0)
	keys changed
	PREFIX=()
	same processors
	PREFIX=(env -u HOME HOSTNAME=other USER=other LOGNAME=other)
	keys changed
	PREFIX=()
	same "names of user and host"
	keys changed --build-arg UNUSED=1 --label x=y --annotation a=b --compression zstd --timestamp 5 --jobs 1
	same "options that no step reads"
	http_proxy=http://127.0.0.1:1 keys changed --build-arg HTTPS_PROXY=http://x
	same "T12 proxies"
	keys changed --secret "id=s,src=$W/c/a"
	same "T36 secrets"
	sed -i '1i# a comment\n\n' c/Dockerfile
	echo 'LABEL last=1' >>c/Dockerfile
	keys changed
	same "comments and metadata"
	echo more >c/y.log
	rm c/x.log
	keys changed
	same "T34 ignored files"
	cp c/Dockerfile elsewhere/Other
	keys changed -f elsewhere/Other
	same "another Dockerfile with the same text"
}

@test "keys stay for another user on another host, where nothing is run" {
	need unshare
	context
	printf 'FROM scratch\nCOPY a d /copied/\nCOPY --link --chown=1:2 a /l/\nCOPY <<E /e\nx\nE\n' >c/Dockerfile
	keys reference
	PREFIX=(unshare --user --map-root-user --uts sh -c 'hostname other && exec "$@"' sh)
	keys changed
	PREFIX=()
	same "uid 0, hostname other"
}

# differs WHAT: some key is another one.
differs()
{
	if cmp -s reference changed; then
		echo "$1: the same keys"
		return 1
	fi
}

@test "keys change with each of 40 inputs" {
	local n=0 line what command
	context
	keys reference
	while IFS= read -r line; do
		[ -n "$line" ] || continue
		what=${line%%: *}
		command=${line#*: }
		context
		EXTRA=()
		eval "$command"
		keys changed "${EXTRA[@]}" || {
			echo "$what"
			return 1
		}
		differs "$what"
		n=$((n + 1))
	done <<-'EOF'
		content of a file: echo A >c/a
		length of a file: echo aa >c/a
		mode of a file: chmod 600 c/a
		set-id bit: chmod 4755 c/a
		name of a file: mv c/d/b c/d/b2; ln -s b2 c/d/b; rm c/d/b; ln -sf b2 c/d/l; sed -i 's|/m/b|/m/b2|' c/Dockerfile
		a new file: echo new >c/d/new
		a new hidden file: echo new >c/d/.new
		a file less: rm c/d/sub/s
		an empty folder: mkdir c/d/empty
		mode of a folder: chmod 700 c/d/sub
		target of a link: ln -sf sub c/d/l
		a file in the place of a link: rm c/d/l; echo b >c/d/l
		a link in the place of a file: rm c/d/ba; ln -s b c/d/ba
		a copy in the place of a hard link: rm c/d/hard; cp c/d/ba c/d/hard
		an attribute: setfattr -n user.x -v 1 c/a
		what is ignored: echo d/ba >>c/.dockerignore
		what is taken back in: echo '!x.log' >>c/.dockerignore; sed -i 's/COPY a d/COPY a d x.log/' c/Dockerfile
		content of an archive: echo A >c/a; tar -C c --mtime=@0 -cf c/t.tar a; echo a >c/a
		content of a named context: echo N >n/n
		content of a heredoc: sed -i 's/^text/Text/' c/Dockerfile
		delimiter of a heredoc: sed -i 's/<<EOF/<<EOG/; s/^EOF/EOG/' c/Dockerfile
		destination: sed -i 's,/copied/,/Copied/,' c/Dockerfile
		order of sources: sed -i 's,COPY a d,COPY d a,' c/Dockerfile
		--chown: sed -i 's,COPY a,COPY --chown=5:6 a,' c/Dockerfile
		--chmod: sed -i 's,COPY a,COPY --chmod=u=rwX a,' c/Dockerfile
		--exclude: sed -i 's,COPY a,COPY --exclude=sub a,' c/Dockerfile
		--parents: sed -i 's,COPY a,COPY --parents a,' c/Dockerfile
		--link: sed -i 's,COPY a,COPY --link a,' c/Dockerfile
		--unpack: sed -i 's,ADD t,ADD --unpack=false t,' c/Dockerfile
		COPY instead of ADD: sed -i 's,ADD t,COPY t,' c/Dockerfile
		ARG: EXTRA=(--build-arg V=2)
		default of an ARG: sed -i 's,V=1,V=2,' c/Dockerfile
		ENV: sed -i 's,E=1,E=2,' c/Dockerfile
		WORKDIR: sed -i 's,WORKDIR /w,WORKDIR /W,' c/Dockerfile
		USER: sed -i 's,USER 5:6,USER 5:7,' c/Dockerfile
		SHELL: sed -i 's|"-c"\]|"-ec"]|' c/Dockerfile
		command: sed -i 's|>/dev/null|>/dev/full|; s|cat /m/b|! cat /m/b|' c/Dockerfile
		form of the command: sed -i 's|RUN \["true"\]|RUN true|' c/Dockerfile
		network: sed -i 's|RUN \["true|RUN --network=none ["true|' c/Dockerfile
		mount: sed -i 's|target=/m |target=/m,rw |' c/Dockerfile
		T35 content of a mounted folder: echo B >c/d/b; cp c/d/b c/keep; echo keep >>c/.dockerignore
		base image: sed -i '5s,busybox:musl,alpine:3.19,' c/Dockerfile
		a step more: sed -i '7iRUN true' c/Dockerfile
		order of steps: sed -i '8{h;d};9{G}' c/Dockerfile
	EOF
	[ "$n" -ge 40 ]
}
