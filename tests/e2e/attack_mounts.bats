# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# attack_mounts - RUN --mount that tries to leave the image (SECURITY.md, rows M1 to M14), each with the honest thing beside it.
#
# CROZE_TEST_LONG=1 runs the races 1,000 times.

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

rounds()
{
	if [ -n "${CROZE_TEST_LONG-}" ]; then echo 1000; else echo 8; fi
}

# unseen: no file of the canary can be read below /m; for the end of a RUN.
unseen()
{
	# shellcheck disable=SC2016
	printf '! cat /m/secret /m%s/secret /m/passwd 2>/dev/null | grep canary' "$CANARY"
}

@test "M1 a source of another stage that is a link to / is that stage's root" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl AS a
		RUN ln -s / /link && ln -s $CANARY /out && ln -s ../../../../../../..$CANARY /up && mkdir /real && echo honest >/real/f && ln -s real /twin
		FROM busybox:musl
		RUN --mount=type=bind,from=a,source=/link,target=/m,rw ls /m/real && touch /m$W/pwn /m/pwn; $(unseen)
		RUN --mount=type=bind,from=a,source=/twin,target=/m cat /m/f
	EOF
	attack croze build --progress=plain -t attack c
	confined
	says honest
	[ ! -e "$W/pwn" ]
	for link in out up; do
		printf 'FROM busybox:musl AS a\nRUN ln -s %s /out && ln -s ../../../../../../..%s /up\nFROM busybox:musl\nRUN --mount=type=bind,from=a,source=/%s,target=/m,rw touch /m/pwn; %s\n' \
		    "$CANARY" "$CANARY" "$link" "$(unseen)" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused_or_confined
	done
}

# swapper STOP COUNT: a RUN in which /k/sub, a folder, and a link to the canary change places all the time.
swapper()
{
	cat <<-EOF
		COPY probe /probe
		RUN --mount=type=cache,id=k,target=/k rm -f /k/stop; mkdir -p /k/sub; ln -sfn $CANARY /k/link; /probe exchange /k/sub /k/link $1 $2
	EOF
}

# seen FILE: at how many tries the victims of a log got the folder, and at how many what the link means inside.
seen()
{
	echo "folder $(grep -c ' at /sub$' "$1"), link $(grep -c " at .*/canary\$" "$1")"
}

# at /m: where in the cache the mount leads, as the kernel knows it.
where_is()
{
	# shellcheck disable=SC2016
	printf 'grep " %s " /proc/self/mountinfo | head -1 | cut -d" " -f4 | sed "s|.*/fs||; s|^|at |"' "$1"
}

@test "M2 a source that is exchanged by a stage beside it stays inside of the cache" {
	local n i
	canary_make
	probe
	n=$(rounds)
	{
		printf 'FROM busybox:musl AS swap\n'
		swapper /k/stop 100000000
		echo "FROM busybox:musl AS victim"
		for ((i = 0; i < n; i++)); do
			echo "RUN --mount=type=cache,id=k,source=sub,target=/m touch /m/pwn; $(where_is /m); $(unseen) # $i"
		done
		echo 'RUN --mount=type=cache,id=k,target=/k touch /k/stop'
		printf 'FROM busybox:musl\nCOPY --from=swap /etc/passwd /a\nCOPY --from=victim /etc/passwd /b\n'
	} >c/Dockerfile
	LIMIT=900 attack croze build --progress=plain --jobs 2 -t attack c
	confined
	printf '%s\n' "$output" >log
	seen log
	# every try was made, and the folder and the link were both met
	equal "$(grep -c ' at /' log)" "$n"
	[ -z "${CROZE_TEST_LONG-}" ] || [[ "$(seen log)" != *" 0"* ]]
}

# race [refused]: c/Dockerfile is built again and again beside a swapper; each try has to end well, or may be refused with status 1.
race()
{
	local failed=0
	local i n swapping stop
	n=$(rounds)
	mkdir s
	probe s/probe
	{
		echo "FROM busybox:musl"
		swapper /k/stop 100000000
	} >s/Dockerfile
	timeout 1000 croze build --progress=plain --no-cache -t swapper s >"$W/swapper.log" 2>&1 &
	swapping=$!
	wait_for eval 'find "$CROZE_ROOT/mounts" -name link | grep .'
	for ((i = 0; i < n; i++)); do
		timeout 60 croze build --progress=plain --no-cache -t attack c >>"$W/log" 2>&1 || {
			if [ "$?" -ne 1 ] || [ "${1-}" != refused ]; then
				tail -n 30 "$W/log"
				return 1
			fi
			failed=$((failed + 1))
		}
	done
	stop=$W/stop
	mkdir "$stop"
	printf 'FROM busybox:musl\nRUN --mount=type=cache,id=k,target=/k touch /k/stop\n' >"$stop/Dockerfile"
	croze build --progress=quiet --no-cache "$stop" >/dev/null
	wait "$swapping"
	has "exchanged" "$W/swapper.log"
	[ "$failed" -lt "$n" ]
	lacks "$CANARY_SECRET" "$W/log"
	output='' status=0
}

@test "M3 a source that is exchanged by another build stays inside of the cache" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl
		RUN --mount=type=cache,id=k,source=sub,target=/m touch /m/pwn; $(where_is /m); $(unseen)
	EOF
	race
	canary_holds
	equal "$(grep -c ' at /' log)" "$(rounds)"
}

@test "M4 the clean-up of mount points follows no link that a step has put in the way" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl
		RUN --mount=type=tmpfs,target=/x/empty mv /x /y && ln -s $CANARY /x
		RUN --mount=type=tmpfs,target=/a/sub --mount=type=cache,target=/a/empty mv /a /b && ln -s /proc/1/root$CANARY /a
		RUN --mount=type=tmpfs,target=/d/e/f true
	EOF
	attack croze build --progress=plain -t attack c
	confined
	[ -n "$(entry attack /x)" ]
	equal "$(entry attack /d)" ""
}

# m4_steps FIRST COUNT: steps that end with a link or with the folder where their mount was, by chance.
m4_steps()
{
	local i
	printf 'FROM busybox:musl\nCOPY probe /probe\n'
	for ((i = $1; i < $1 + $2; i++)); do
		echo "RUN --mount=type=tmpfs,target=/x$i/empty mv /x$i /y$i && ln -s $CANARY /x$i && { /probe exchange /x$i /y$i /stop 100000000 & usleep $((i % 13 * 300)); }"
	done
}

@test "M4 the clean-up follows no link that changes places with the folder until the step ends" {
	local first n part
	canary_make
	probe
	n=$(rounds)
	part=$((n < 250 ? n : 250))
	for ((first = 0; first < n; first += part)); do
		m4_steps "$first" "$part" >c/Dockerfile
		LIMIT=600 attack croze build -q -t attack c
		confined
		tree attack >>tree
	done
	equal "$(grep -cE '^/[xy][0-9]+ l ' tree)" "$n"
	# the folder was made for the mount, and goes with it when it is there
	equal "$(grep -cE '^/[xy][0-9]+ d ' tree)" "$(grep -cE '^/x[0-9]+ l ' tree)"
	[ -z "${CROZE_TEST_LONG-}" ] || { grep -qE '^/x[0-9]+ l ' tree && grep -qE '^/y[0-9]+ l ' tree; }
}

@test "M5 the id of a cache is no path, whatever stands in it" {
	local id
	canary_make
	long=$(printf '%0300d' 7)
	for id in ../../.. "$CANARY" "$long" "a/../../b" . .. / '%2e%2e' 'a b'; do
		printf 'FROM busybox:musl\nARG ID\nRUN --mount=type=cache,id=$ID,target=/k echo "%s" >/k/pwn && ls /k | wc -l\n' x >c/Dockerfile
		attack croze build --progress=plain -t attack --build-arg "ID=$id" c
		confined
	done
	attack croze build --progress=plain -t attack --build-arg "ID=$(printf 'a\nb')" c
	confined
	attack croze build --progress=plain -t attack --build-arg ID= c
	confined
	equal "$(find "$CROZE_ROOT/mounts" -mindepth 1 -maxdepth 1 | sed 's|.*/||' | grep -vcE '^[0-9a-f]{64}-0$')" 0
	equal "$(find "$CROZE_ROOT/mounts" -mindepth 1 -maxdepth 1 | wc -l)" 11
	run croze cache ls
	ok
	says '../../..'
}

@test "M6 options that are unknown, of other programs, or given twice are refused by name" {
	local option
	canary_make
	for option in bind-propagation=rshared,rw propagation=shared z Z relabel=shared U=true chown=true idmap nosuid \
	    upperdir=/x target=/y dst=/z source=a,src=b,x=y consistency=cached; do
		printf 'FROM busybox:musl\nRUN --mount=type=bind,target=/m,%s true\n' "$option" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		fails 2
		refused Dockerfile:2 "RUN --mount"
	done
	printf 'FROM busybox:musl\nRUN --mount=type=bind,target=/m,rw touch /m/x\n' >c/Dockerfile
	attack croze build --progress=plain -t attack c
	confined
}

@test "M7 a link of the context that leads out is no source" {
	local where
	canary_make
	ln -s "$CANARY" c/abs
	ln -s ../canary c/up
	ln -s "$CANARY/secret" c/file
	mkdir c/real
	echo honest >c/real/f
	ln -s real c/twin
	ln -s "$CANARY" c/real/inner
	for where in abs up file abs/secret up/sub ../canary "$CANARY"; do
		printf 'FROM busybox:musl\nRUN --mount=source=%s,target=/m,rw touch /m/pwn; cat /m; %s\n' "$where" "$(unseen)" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		refused_or_confined
	done
	printf 'FROM busybox:musl\nRUN --mount=source=twin,target=/m cat /m/f; %s; ! cat /m/inner/secret\n' "$(unseen)" >c/Dockerfile
	attack croze build --progress=plain -t attack c
	confined
	says honest
}

@test "M8 a target behind a link is made inside, and taken away again" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl
		RUN ln -s $CANARY /mt && ln -s ../../../../../../../..$CANARY /up && mkdir /real && ln -s /real /twin
		RUN --mount=type=tmpfs,target=/mt/pwn --mount=type=tmpfs,target=/up/pwn2 touch /mt/pwn/x && ls -d $CANARY/pwn
		RUN --mount=type=tmpfs,target=/twin/x touch /real/x/y && ls /twin/x
	EOF
	attack croze build --progress=plain -t attack c
	confined
	equal "$(entry attack "$CANARY")" ""
}

@test "M9 targets in a cache whose folders are exchanged meanwhile make nothing outside" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl
		RUN --mount=type=cache,id=k,target=/k --mount=type=tmpfs,target=/k/sub/pwn --mount=target=/k/sub/pwn2 $(where_is /k/sub/pwn); true
	EOF
	race refused
	canary_holds
}

@test "M10 rights are refused unless they are allowed, and unknown ones always" {
	local flag
	canary_make
	for flag in --network=host --security=insecure --network=HOST --network=bridge --network= --network=container:x --security= \
	    --security=Insecure --security=unconfined --device=x,required; do
		printf 'FROM busybox:musl\nRUN %s true\n' "$flag" >c/Dockerfile
		attack croze build --progress=plain -t attack c
		fails 2
		refused Dockerfile:2 "${flag%%=*}"
	done
	printf 'FROM busybox:musl\nARG N=host\nRUN --network=$N true\n' >c/Dockerfile
	attack croze build --progress=plain -t attack --allow network.host c
	fails 2
	printf 'FROM busybox:musl\nRUN --network=none --security=sandbox true\nRUN --network=default true\n' >c/Dockerfile
	attack croze build --progress=plain -t attack c
	confined
}

@test "M11 a secret that is used is in no layer, snapshot, config, history, log, key or record" {
	canary_make
	echo "$CANARY_SECRET" >s
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=secret,id=s,env=E --mount=type=secret,id=s,target=/etc/s --mount=type=cache,target=/k \
		    [ -n "$E" ] && grep -q canary /etc/s && ! ln /etc/s /k/hard 2>/dev/null && ! ln /etc/s /hard 2>/dev/null && \
		    sh -c 'exec 9</etc/s; sleep 100' & sleep 0.1; sha256sum /etc/s >/sum
		RUN [ -z "$E" ] && [ ! -e /etc/s ] && [ ! -e /run/secrets ] && ! ls /hard /k 2>/dev/null
	EOF
	attack croze build --progress=plain -t attack --secret id=s,src=s -o "type=oci,dest=$W/out.tar" c
	confined
	[ -s "$W/out.tar" ]
	no_leak "$CANARY_SECRET" "$W/out.tar"
	[ -n "$(entry attack /sum)" ]
}

@test "M11 a step that keeps a secret is told of, with its line, the secret and the file" {
	canary_make
	echo "$CANARY_SECRET" >s
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=secret,id=s cp /run/secrets/s /kept; chmod 000 /kept
		RUN --mount=type=secret,id=s,env=E mkdir /d && (dd if=/dev/zero bs=262140 count=1; echo "$E") >/d/far 2>/dev/null && ln -s "$E" /link && echo "$E"
		RUN --mount=type=secret,id=s,env=E base64 /run/secrets/s | md5sum >/fine
	EOF
	run croze build --progress=plain -t attack --secret id=s,src=s c
	ok
	says "Dockerfile:2: the secret 's' is in the file '/kept'" "Dockerfile:3: the secret 's' is in the file '/d/far'" "'/link'"
	says_not "Dockerfile:4: the secret" "$CANARY_SECRET"
	# in the image it is, by the step's own doing; in no record, log or key
	no_leak "$CANARY_SECRET" "$CROZE_ROOT/builds" "$CROZE_ROOT/steps" "$CROZE_ROOT/context"
}

@test "M12 the socket of an agent is gone after the step, and has no other name" {
	need ssh-agent ssh-add ssh-keygen
	canary_make
	ssh-keygen -q -t ed25519 -N '' -f key
	probe
	dockerfile <<-'EOF'
		FROM busybox:musl
		COPY probe /
		RUN --mount=type=ssh [ -S "$SSH_AUTH_SOCK" ] && echo "$SSH_AUTH_SOCK" >/was && [ "$(grep -c ssh_agent /proc/net/unix)" = 0 ]
		RUN ! ls "$(cat /was)" /run/buildkit 2>/dev/null && [ -z "$SSH_AUTH_SOCK" ] && [ "$(grep -c . /proc/net/unix)" -le 1 ]
	EOF
	attack croze build --progress=plain -t attack --ssh default=key c
	confined
}

@test "M13 labels and annotations of an image that look like ours do nothing" {
	canary_make
	dockerfile <<-EOF
		FROM busybox:musl
		LABEL croze.mount="type=bind,source=$CANARY,target=/m" croze.ids="0:0" io.buildah.version=1 \
		    moby.buildkit.cache.v0="e30=" org.opencontainers.image.ref.name="../../x" croze.allow=network.host
	EOF
	attack croze build --progress=plain -t attack c
	confined
	printf 'FROM attack\nRUN ls /m; %s\nRUN --network=host true\n' "$(unseen)" >c/Dockerfile
	attack croze build --progress=plain -t attack2 c
	fails 2
	refused "--allow network.host"
	printf 'FROM attack\nRUN ! ls /m; %s\n' "$(unseen)" >c/Dockerfile
	attack croze build --progress=plain -t attack2 c
	confined
}

@test "M14 a tmpfs ends at its size, the step fails, and the memory comes back" {
	canary_make
	before=$(awk '/^Shmem:/ { print $2 }' /proc/meminfo)
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=tmpfs,target=/t,size=32m dd if=/dev/zero of=/t/f bs=1M count=100
	EOF
	attack croze build --progress=plain -t attack c
	fails 1
	refused Dockerfile:2 "No space left"
	# of the whole machine: others have memory of their own, which comes and goes
	wait_for eval '[ $(($(awk "/^Shmem:/ { print \$2 }" /proc/meminfo) - before)) -lt 30000 ]'
	# without a size: at most half of the memory
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=tmpfs,target=/t [ "$(df -k /t | awk 'END { print $2 }')" -le "$(awk '/^MemTotal/ { print int($2 / 2) + 4 }' /proc/meminfo)" ]
	EOF
	attack croze build --progress=plain -t attack c
	confined
}
