# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# mounts - RUN --mount of every type, with every option (DOCKERFILE.md 6, T35-T39).

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# counts N M: the last output says so many steps cached and run.
counts()
{
	says "$1 cached, $2 run"
}

# absent PATH...: not in the image "app".
absent()
{
	local path
	for path in "$@"; do
		equal "$(entry app "$path")" "" || return 1
	done
	[ -n "$(entry app /etc/passwd)" ]
}

@test "6.1 bind: the context, read-only, without what is ignored, as root's" {
	mkdir c/d
	echo kept >c/d/kept
	echo left >c/d/left
	echo d/left >c/.dockerignore
	chmod 0640 c/d/kept
	mkfifo c/fifo
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=target=/ctx find /ctx -type f | sort; stat -c %a:%u:%g /ctx/d/kept; \
		    touch /ctx/x 2>&1 | grep -o Read-only
	EOF
	run build -t app
	ok
	says /ctx/d/kept 640:0:0 Read-only
	says_not /ctx/d/left
	absent /ctx
}

@test "6.1 bind: a file and a folder, relative to WORKDIR, names with wildcards in them" {
	mkdir 'c/a[b]*'
	echo inside >'c/a[b]*/f'
	echo file >'c/w?'
	dockerfile <<-'EOF'
		FROM busybox:musl
		WORKDIR /w
		RUN --mount=source=a[b]*,target=rel --mount=src=w?,dst=./one cat rel/f one
		RUN --mount=type=bind,source=/../a[b]*/f,destination=/abs cat /abs
	EOF
	run build -t app
	ok
	says inside file
}

@test "6.1 T37 bind: what is written with rw is seen by that RUN and then gone" {
	echo old >c/f
	dockerfile <<-'EOF'
		FROM busybox:musl AS one
		RUN echo stage >/s
		FROM busybox:musl
		RUN --mount=target=/ctx,rw --mount=from=one,target=/one,readwrite \
		    echo new >/ctx/f && echo more >/ctx/g && echo changed >/one/s && rm /one/bin/true && cat /ctx/f /ctx/g /one/s
		RUN --mount=target=/ctx,rw=true --mount=from=one,target=/one,ro=false \
		    cat /ctx/f /one/s; ls /ctx; ls -d /one/bin/true
	EOF
	run build -t app
	ok
	says new more changed old stage /one/bin/true
	equal "$(cat c/f)" old
	[ ! -e c/g ]
	absent /one /ctx
}

@test "6.1 bind: from a stage, an image, a named context and an index; links stay inside" {
	mkdir n
	echo named >n/f
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir /out && echo first >/out/f && ln -s /out /link && ln -s /etc/passwd /out/abs
		FROM busybox:musl
		RUN --mount=from=0,source=link,target=/a cat /a/f && head -1 /a/abs
		RUN --mount=from=busybox:musl,source=/etc/group,target=/g head -1 /g
		RUN --mount=from=ctx,target=/n cat /n/f
	EOF
	run build -t app --build-context ctx=n
	ok
	says first root:x:0 named
}

@test "6.1 bind: stages that only a mount reads are needed, others are not built" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS unused
		RUN false
		FROM busybox:musl AS used
		RUN echo here >/f
		FROM busybox:musl
		RUN --mount=from=used,source=f,target=/f cat /f
	EOF
	run build -t app
	ok
	says here
	says_not unused
}

@test "6.1 bind: a source that is not there names the line, the mount and what is near" {
	echo x >c/source
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=source=sourcee,target=/x true
	EOF
	run build -t app
	fails 2
	says Dockerfile:2 "target=/x" "'sourcee'" source
	dockerfile <<-'EOF'
		FROM busybox:musl AS one
		RUN true
		FROM busybox:musl
		RUN --mount=from=one,source=nowhere,target=/x true
	EOF
	run build -t app
	fails 1
	says Dockerfile:4 "nowhere" "stage 'one'"
}

@test "6.1 T35 bind: files of the context are part of the key, times and what is ignored are not" {
	mkdir c/d
	echo 1 >c/d/f
	echo x >c/ignored
	echo ignored >c/.dockerignore
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=source=d,target=/d cat /d/f
		RUN --mount=target=/all ls /all
	EOF
	run build -t app
	ok
	touch -d 2001-01-01 c/d/f c/d
	echo y >c/ignored
	run build -t app
	counts 3 0
	echo 2 >c/d/f
	run build -t app
	counts 1 2
	chmod 0600 c/d/f
	run build -t app
	counts 1 2
	says "an input changed"
}

@test "6.1 T35 bind: files of a stage are part of the key by their content" {
	dockerfile <<-'EOF'
		FROM busybox:musl AS one
		ARG V
		RUN mkdir /o && echo "${V%-*}" >/o/f
		FROM busybox:musl
		RUN --mount=from=one,source=/o,target=/o cat /o/f
	EOF
	run build -t app --build-arg V=a-1
	ok
	run build -t app --build-arg V=a-2
	ok
	counts 3 1
	run build -t app --build-arg V=b-1
	counts 2 2
	run build -t app --build-arg V=a-2
	ok
	says "0 run"
}

@test "6.2 6.4 T36 cache and secret: their content is not part of the key" {
	echo one >secret
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=secret,id=s --mount=type=cache,target=/k wc -c </run/secrets/s; date >/k/now
	EOF
	run build -t app --secret id=s,src=secret
	ok
	echo another >secret
	run build -t app --secret id=s,src=secret
	counts 2 0
	run build -t app
	counts 2 0
}

@test "6.3 tmpfs: of a size, gone afterwards, and nothing of it in the layer" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=tmpfs,target=/t,size=1m stat -c %a /t; df -k /t | tail -1 | awk '{print "size " $2}'; \
		    dd if=/dev/zero of=/t/f bs=64k count=64 2>&1 | grep -o 'No space'; ! echo x >/t/g
		RUN ls -d /t 2>&1 | grep -o 'No such'
	EOF
	run build -t app
	ok
	says 1777 "size 1024" "No space" "No such"
	absent /t
}

@test "6.4 secret: a file on a tmpfs of mode 0400, read-only, at the default place" {
	printf 'line\n' >secret
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=secret,id=dir/name rev /run/secrets/name; cat /run/secrets/name; stat -c %a:%u:%g /run/secrets/name; \
		    grep -c ' /run/secrets/name tmpfs ' /proc/mounts; echo x 2>&1 >/run/secrets/name || echo refused
		RUN ls /run/secrets 2>&1 | grep -o 'No such'
	EOF
	run build -t app --secret id=dir/name,src=secret
	ok
	# what is printed of it is not shown
	says enil "***" 400:0:0 refused "No such"
	says_not "   line"
	absent /run /run/secrets
}

@test "6.4 secret: target, mode, uid, gid, source as an alias, a name from the target" {
	echo text >secret
	dockerfile <<-'EOF'
		FROM busybox:musl
		USER 5:7
		WORKDIR /w
		RUN --mount=type=secret,source=s,target=rel/file,mode=0440,uid=5,gid=7 rev rel/file; stat -c %a:%u:%g rel/file
		RUN --mount=type=secret,target=/a/s,uid=5 rev /a/s
	EOF
	run build -t app --secret id=s,src=secret
	ok
	equal "$(printf '%s\n' "$output" | grep -c ' txet$')" 2
	says 440:5:7
	absent /w/rel /a
}

@test "6.4 secret: env is a variable and no file, unless a target is given; in no history" {
	printf 'pass word' >secret
	dockerfile <<-'EOF'
		FROM busybox:musl
		ENV TOKEN=of-the-image
		RUN --mount=type=secret,id=s,env=TOKEN [ "$TOKEN" = "pass w$(echo ord)" ] && ls /run/secrets 2>&1 | grep -o 'No such'
		RUN --mount=type=secret,id=s,env=TOKEN,target=/t [ "$TOKEN" = "$(cat /t)" ]
		RUN [ "$TOKEN" = of-the-image ]
	EOF
	run build -t app --secret id=s,src=secret
	ok
	says "No such"
	run croze history --no-trunc app
	says_not "pass word"
	TOKEN="pass word" run build -t app --no-cache --secret id=s,env=TOKEN
	ok
}

@test "6.4 T38 secret: one that is missing and not required is silently absent" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=secret,id=s,env=V --mount=type=secret,id=t,target=/t,required=false \
		    [ -z "${V+x}" ] && [ ! -e /t ] && [ ! -e /run/secrets ]
	EOF
	run build -t app
	ok
}

@test "6.4 secret: a required one that is missing stops the build before anything runs" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN echo first
		RUN --mount=type=secret,id=s,required true
		RUN --mount=type=ssh,required true
	EOF
	run build -t app
	fails 2
	says "Dockerfile:3" "secret 's' is required" "--secret id=s,src=FILE" "Dockerfile:4" "--ssh default" "2 errors"
	says_not "RUN echo first  "
}

@test "6.10 T39 mount points are removed again, with the folders that were made for them" {
	echo x >c/f
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=source=f,target=/new/deep/f --mount=type=cache,target=/var/cache/x --mount=type=tmpfs,target=/opt/t true
		RUN mkdir -p /keep/dir
		RUN --mount=type=tmpfs,target=/keep/dir touch /keep/dir/x; echo y >/keep/y
	EOF
	run build -t app
	ok
	absent /new /var/cache /opt /keep/dir/x
	[ -n "$(entry app /keep/dir)" ]
	[ -n "$(entry app /keep/y)" ]
	# the first RUN has changed nothing: its layer is the one of a step that does nothing
	printf "FROM busybox:musl\nRUN true\n" >c/Dockerfile
	run build -t nothing
	equal "$(croze inspect app | grep -A2 '"Layers"' | tail -1)" "$(croze inspect nothing | grep -A2 '"Layers"' | tail -1 | sed 's/$/,/')"
	croze inspect nothing | grep -A2 '"Layers"' | tail -1 | grep -q sha256
}

@test "6.10 mounts inside of mounts: parents come first, whatever the order in the file" {
	mkdir -p c/src/node_modules
	echo s >c/src/s
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=cache,target=/src/node_modules --mount=source=src,target=/src \
		    cat /src/s && echo k >/src/node_modules/k && ls /src/node_modules
		RUN --mount=source=src,target=/src --mount=type=cache,target=/src/node_modules ls /src/node_modules
	EOF
	run build -t app
	ok
	says k
	[ -z "$(ls c/src/node_modules)" ]
}

@test "6.6 mounts: values are expanded, from is not; keys in any case; RFC quotes" {
	echo x >'c/a,b'
	dockerfile <<-'EOF'
		FROM busybox:musl
		ARG DIR=/var/k
		ENV ID=some
		RUN --mount=TYPE=Cache,Target=${DIR},id=$ID-id,SHARING=Locked echo in >$DIR/f; cat /var/k/f
		RUN --mount='"source=a,b","target=/q,r"' cat '/q,r'
		RUN --mount=type=cache,target=/other,id=some-id cat /other/f
	EOF
	run build -t app
	ok
	says in x
	run build -t app --build-arg DIR=/elsewhere
	fails 1
}

@test "6.6 mounts: options that mean nothing are warned of" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --mount=type=tmpfs,target=/t,id=x,from=y true
	EOF
	run build -t app
	ok
	says "warning" "'id' means nothing there" "'from' means nothing there"
}

@test "6.6 mounts of an ONBUILD trigger, and of --target" {
	echo c >c/f
	dockerfile <<-'EOF'
		FROM busybox:musl AS data
		RUN echo d >/d
		FROM busybox:musl AS base
		ONBUILD RUN --mount=from=data,source=d,target=/d --mount=target=/ctx cat /d /ctx/f
		FROM base AS last
		FROM busybox:musl
		RUN false
	EOF
	run build -t app --target last
	ok
	says "RUN --mount=from=data" d c
}

@test "6.7 network: none has only lo, host is behind --allow" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --network=none tail -n +3 /proc/net/dev | cut -d: -f1; ping -c1 -w1 127.0.0.1 | grep -o '1 packets received'
		RUN --network=default true
	EOF
	run build -t app --network=host
	ok
	equal "$(printf '%s\n' "$output" | grep -E '^stage-0 2/3 \| +[0-9.]+ ' | awk '{ print $NF }' | tr '\n' ' ')" "lo received "
	printf 'FROM busybox:musl\nRUN --network=host readlink /proc/self/ns/net\n' >c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile:2" "--allow network.host"
	run build -t app --allow network.host
	ok
	says "$(readlink /proc/self/ns/net)"
}

@test "6.8 security: insecure is behind --allow, and is all of the step's own namespace, not more" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN grep -E 'CapEff|Seccomp:' /proc/self/status; mkdir /m; mount -t tmpfs none /m 2>&1 | grep -o 'denied\|not permitted'
		RUN --security=insecure grep -E 'CapEff|Seccomp:' /proc/self/status; mount -t tmpfs none /m && echo mounted; cat /proc/self/uid_map
	EOF
	run build -t app
	fails 2
	says "Dockerfile:3" "--allow security.insecure"
	run build -t app --allow security.insecure
	ok
	says "00000000a80425fb" "mounted" "000001ffffffffff"
}

# describe FILE: two devices, made of what every machine has.
describe()
{
	mkdir -p cdi files
	echo library >files/lib.so
	cat >"$1" <<-EOF
		{ "cdiVersion": "0.6.0", "kind": "vendor.com/gpu",
		  "containerEdits": { "env": ["GPU_ALL=yes"], "mounts": [
		    { "hostPath": "$W/files", "containerPath": "/usr/lib/gpu", "options": ["ro", "nosuid", "nodev", "rbind", "rprivate"] } ] },
		  "devices": [
		    { "name": "0", "annotations": { "org.mobyproject.buildkit.device.class": "gpus" },
		      "containerEdits": { "env": ["GPU=0"], "deviceNodes": [ { "path": "/dev/gpu/zero", "hostPath": "/dev/zero" } ] } },
		    { "name": "1", "annotations": { "org.mobyproject.buildkit.device.class": "gpus" },
		      "containerEdits": { "env": ["GPU=1"], "deviceNodes": [ { "path": "/dev/gpu1", "hostPath": "/dev/full", "type": "c", "major": 1, "minor": 7 } ],
		        "hooks": [ { "hookName": "createContainer", "path": "/usr/bin/nvidia-ctk", "args": ["nvidia-ctk", "update-ldcache"] } ] } } ] }
	EOF
}

@test "6.9 device: nodes, files and variables are given to that command, and nothing stays" {
	describe cdi/gpu.json
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --device=vendor.com/gpu=0 [ "$(head -c 3 /dev/gpu/zero | od -An -tx1 | tr -d ' ')" = 000000 ] && [ -c /dev/gpu/zero ] && \
		    echo "$GPU $GPU_ALL" && cat /usr/lib/gpu/lib.so && ! touch /usr/lib/gpu/x 2>/dev/null && [ ! -e /dev/gpu1 ]
		RUN [ ! -e /dev/gpu ] && [ ! -e /usr/lib/gpu ] && [ -z "$GPU$GPU_ALL" ] && touch /end
	EOF
	run build -t app --cdi-spec-dir cdi --allow device=vendor.com/gpu=0
	ok
	says "0 yes" library
	equal "$(config app | grep -c GPU)" 0
	absent /usr/lib/gpu /dev/gpu
	run build -t app --cdi-spec-dir cdi --allow device
	counts 3 0
}

@test "6.9 device: all of a kind, the first of it, those of a group; what is not done for them is said" {
	describe cdi/gpu.json
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN --device=vendor.com/gpu=* echo "all $(ls -d /dev/gpu/zero /dev/gpu1 | tr '\n' ' ')$GPU"
		RUN --device=vendor.com/gpu echo "first $GPU" && [ ! -e /dev/gpu1 ]
		RUN --device=name=gpus,required ls -d /dev/gpu1
	EOF
	run build -t app --cdi-spec-dir cdi --allow device
	ok
	says "all /dev/gpu/zero /dev/gpu1 1" "first 0" "Dockerfile:2" "the hook createContainer (update-ldcache)"
	says_not "Dockerfile:3: RUN --device"
	# which devices there are is part of the key
	sed -i 's/"name": "1"/"name": "2"/' cdi/gpu.json
	run build -t app --cdi-spec-dir cdi --allow device
	counts 1 3
}

@test "6.9 M10 device: what is not allowed is refused, by whatever name it is asked for" {
	local name
	describe cdi/gpu.json
	for name in vendor.com/gpu=0 vendor.com/gpu 'vendor.com/gpu=*' gpus; do
		printf 'FROM busybox:musl\nRUN --device=%s true\n' "$name" >c/Dockerfile
		for allow in network.host device=vendor.com/gpu=1 device=vendor.com/other; do
			run build -t app --cdi-spec-dir cdi --allow "$allow"
			fails 2
			says "Dockerfile:2" "may not have the device 'vendor.com/gpu=0'" "--allow device=vendor.com/gpu=0"
		done
	done
	run build --allow device=
	fails 2
	run build --allow devices
	fails 2
}

@test "6.9 device: one that is not there is left out with a warning, or an error when it is required" {
	printf 'FROM busybox:musl\nRUN --device=vendor.com/gpu=0 true\n' >c/Dockerfile
	run build -t app --cdi-spec-dir cdi
	ok
	says "Dockerfile:2" "none is described in 'cdi'" "left out"
	describe cdi/gpu.json
	touch cdi/other.yaml
	printf 'FROM busybox:musl\nRUN --device=vendor.com/gpu=7,required true\n' >c/Dockerfile
	run build -t app --cdi-spec-dir cdi
	fails 2
	says "Dockerfile:2" "vendor.com/gpu=0, vendor.com/gpu=1" "'cdi/other.yaml' is not read" "--format=json"
	# a check asks no machine
	run croze check --cdi-spec-dir cdi c
	fails 2
	run croze check c
	ok
}

@test "6.9 device: a description that is wrong, or not true of this machine, is an error with its file" {
	local edit
	printf 'FROM busybox:musl\nRUN --device=vendor.com/gpu=1 true\n' >c/Dockerfile
	for edit in 's|/dev/full|/dev/nowhere|' 's|"minor": 7|"minor": 8|' 's|"type": "c"|"type": "b"|' 's|/dev/full|/etc/passwd|' "s|$W/files|/nowhere|"; do
		describe cdi/gpu.json
		sed -i "$edit" cdi/gpu.json
		run build -t app --cdi-spec-dir cdi --allow device
		fails 3
		says "the device 'vendor.com/gpu=1' of 'cdi/gpu.json'"
	done
	for edit in 's|/dev/gpu1|/etc/gpu1|' 's|"rbind"|"remount"|' 's|vendor.com/gpu"|vendor"|' 's|"name": "1"|"name": "0"|' 's|"GPU=1"|"GPU"|' 's|"kind"|"kind|'; do
		describe cdi/gpu.json
		sed -i "$edit" cdi/gpu.json
		run build -t app --cdi-spec-dir cdi --allow device
		fails 2
		says "cdi/gpu.json"
	done
	# the later directory wins
	describe cdi/gpu.json
	mkdir cdi2
	sed 's/GPU=1/GPU=later/' cdi/gpu.json >cdi2/gpu.json
	printf 'FROM busybox:musl\nRUN --device=vendor.com/gpu=1 echo "$GPU"\n' >c/Dockerfile
	run build -t app --cdi-spec-dir cdi --cdi-spec-dir cdi2 --allow device
	ok
	says later
}

@test "6.11 8.5 host name, hosts, limits and the size of /dev/shm are what was asked for" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN hostname; cat /etc/hosts; ulimit -n; df -k /dev/shm | tail -1 | awk '{print "shm " $2}'
	EOF
	run build -t app --build-arg BUILDKIT_SANDBOX_HOSTNAME=worker7 --add-host db:192.0.2.7 --ulimit nofile=77:99 --shm-size 3m
	ok
	says worker7 77 "shm 3072" "localhost worker7" 192.0.2.7
	says_not buildkitsandbox
	run build -t app --build-arg BUILDKIT_SANDBOX_HOSTNAME=
	ok
	says "localhost buildkitsandbox"
	for name in "two words" $'line\n192.0.2.8 bank' "$(printf '%065d' 0)"; do
		run build -t app --build-arg "BUILDKIT_SANDBOX_HOSTNAME=$name"
		fails 2
		says "BUILDKIT_SANDBOX_HOSTNAME" "is no host name"
	done
	says_not "BUILDKIT_SANDBOX_HOSTNAME is not used"
}

@test "6.11 limits of memory and processors are obeyed, or refused where the user has no cgroups" {
	# shellcheck disable=SC2016
	printf 'FROM busybox:musl\nRUN x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo "${#x} bytes"\n' >c/Dockerfile
	run build -t app --memory 24m --memory-swap 24m
	if [ "$status" -eq 3 ]; then
		says "--memory-swap" "systemd-run --user --scope -p Delegate=yes"
		# what needs no limit is not refused
		printf 'FROM busybox:musl\nLABEL a=b\n' >c/Dockerfile
		run build -t app --memory 24m
		ok
	else
		fails 1
		says "killed by SIGKILL"
		says_not "100000000 bytes"
		run build -t app --resource memory=1g,cpuset-cpus=0
		ok
		says "100000000 bytes"
	fi
	for wrong in --memory=1 --cpu-period=1 --cpuset-cpus=a --resource=memory --resource=disk=1g "--memory=1g --memory-swap=1m"; do
		# shellcheck disable=SC2086
		run build -t app $wrong
		fails 2
		says "${wrong%%=*}"
	done
	equal "$(find /sys/fs/cgroup -maxdepth 4 -name 'croze-build-*' 2>/dev/null)" ""
}

@test "6.11 S1 network, hosts, limits and the size of /dev/shm of the command line are part of the key" {
	local flag
	printf 'FROM busybox:musl\nRUN true\n' >c/Dockerfile
	run build -t app
	ok
	for flag in --network=none --network=host --add-host=a:192.0.2.1 --add-host=a:192.0.2.2 --ulimit=nofile=50 --shm-size=1m; do
		run build -t app "$flag"
		counts 1 1
		run build -t app "$flag"
		counts 2 0
	done
	run build -t app
	counts 2 0
}

@test "6.11 without a cgroup --memory and --pids-limit hold for processes and users, and say so" {
	dockerfile <<-'END'
		FROM busybox:musl
		RUN f() { f | f & }; f; sleep 2; echo "> $(cat /proc/[0-9]*/stat | wc -l)"
	END
	run build -t app --memory 64m --pids-limit 40
	ok
	if [[ "$output" == *"no cgroup can be limited here"* ]]; then
		says "--memory holds for each process of a step by itself, and --pids-limit for each of its users"
	fi
	says "can't fork" "> "
	[ "$(sed -n 's/.*> \([0-9]*\)$/\1/p' <<<"$output")" -le 41 ]
}
