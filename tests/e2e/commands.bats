#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# commands - the commands around a build: listing, naming, saving, running, cleaning up.

bats_require_minimum_version 1.5.0
load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# ---- images ----

@test "images lists names with tags, ids and sizes" {
	run croze images
	ok
	says "REPOSITORY" "IMAGE ID" "busybox" "musl"
	run croze images -q busybox
	ok
	[[ "$output" =~ ^[0-9a-f]{12}$ ]]
	run croze images --format '{{.Repository}}:{{.Tag}}' busybox
	ok
	equal "$output" "busybox:musl"
	run croze images --format json --no-trunc busybox
	ok
	equal "$(jq -r .ID <<<"$output")" "$(croze inspect -f '{{.Id}}' busybox:musl)"
}

@test "images of a store that is not there are none" {
	run croze images -q --root "$W/nowhere"
	ok
	equal "$output" ""
	[ ! -e "$W/nowhere" ]
}

@test "images filters by reference, label and dangling" {
	dockerfile <<<$'FROM scratch\nLABEL a=b'
	run build -t one:1 -q
	ok
	equal "$(croze images -f label=a=b --format '{{.Repository}}')" one
	equal "$(croze images -f label=a=c --format '{{.Repository}}')" ""
	equal "$(croze images -f 'reference=on*' --format '{{.Tag}}')" 1
	run croze images -f since=one
	fails 2
	says "'since=one' is not supported"
}

@test "a tag is another name, and rmi takes names away one by one" {
	croze tag busybox:musl other:1
	equal "$(croze inspect -f '{{.Id}}' other:1)" "$(croze inspect -f '{{.Id}}' busybox:musl)"
	run croze rmi other:1
	ok
	equal "$output" "Untagged: other:1"
	run croze rmi busybox:musl
	ok
	says "Untagged: busybox:musl" "Deleted: sha256:"
	run croze rmi busybox:musl
	fails 2
	says "there is no image 'busybox:musl'"
	run croze rmi -f busybox:musl
	ok
}

@test "an id with several names is removed by force only" {
	croze tag busybox:musl other:1
	id=$(croze images -q other)
	run croze rmi "$id"
	fails 2
	says "several names" "--force"
	run croze rmi --force "$id"
	ok
	says "Untagged: other:1" "Untagged: busybox:musl" "Deleted: "
}

@test "history has the instructions, the latest first" {
	dockerfile <<<$'FROM busybox:musl\nENV A=1\nCMD ["true"]'
	build -t app -q
	run croze history --format '{{.CreatedBy}}' app
	ok
	[[ "${lines[0]}" == 'CMD ["true"]'* ]]
	[[ "${lines[1]}" == ENV* ]]
	run croze history app
	ok
	says "IMAGE" "CREATED BY" "<missing>"
}

@test "inspect shows the config under docker's names" {
	dockerfile <<<$'FROM busybox:musl\nENV A=1\nLABEL x.y=z\nUSER 5'
	build -t app -q
	run croze inspect app
	ok
	equal "$(jq -r '.[0].Config.User' <<<"$output")" 5
	equal "$(jq -r '.[0].RepoTags[0]' <<<"$output")" app:latest
	equal "$(jq -r '.[0].Id' <<<"$output")" "$(croze inspect --format '{{.Id}}' app)"
	equal "$(croze inspect -f '{{index .Config.Labels "x.y"}}' app)" z
	run croze inspect nothing
	fails 2
	says "there is no image 'nothing'" "hint:"
	run croze inspect -f '{{range .Layers}}' app
	fails 2
	says "not understood"
}

# ---- in and out ----

@test "what save writes load reads, through a pipe and packed too" {
	croze save -o app.tar busybox:musl
	id=$(croze inspect -f '{{.Id}}' busybox:musl)
	for way in 'croze load -i app.tar' 'croze load < app.tar' 'gzip -c app.tar | croze load'; do
		rm -rf "$W/other"
		run env CROZE_ROOT="$W/other" bash -c "$way"
		ok
		equal "$output" "Loaded image: busybox:musl"
		equal "$(croze inspect --root "$W/other" -f '{{.Id}}' busybox:musl)" "$id"
	done
}

@test "import moves names only with --replace" {
	dockerfile <<<$'FROM scratch\nLABEL a=b'
	build -t busybox:musl -q
	run croze import "$SUITE/bases"
	fails 5
	says "--replace"
	equal "$(croze inspect -f '{{index .Config.Labels "a"}}' busybox:musl)" b
	run croze import --replace "$SUITE/bases"
	ok
	says "busybox:musl"
	equal "$(croze inspect -f '{{index .Config.Labels "a"}}' busybox:musl)" ""
}

@test "an archive does not go to a terminal, an unknown format nowhere" {
	need script
	run script -qec "croze save busybox:musl" /dev/null
	fails 2
	says "not written to a terminal"
	run croze save --format tarball busybox:musl
	fails 2
	says "hybrid|oci-archive|docker-archive|oci-dir"
}

# ---- run ----

@test "run starts what the image says, and words replace the command" {
	dockerfile <<-'EOF'
		FROM busybox:musl
		ENV A=image B=image
		WORKDIR /deep/er
		USER 7:8
		ENTRYPOINT ["/bin/sh", "-c", "echo $0 $A $B; pwd; id -u; id -g"]
		CMD ["fromcmd"]
	EOF
	build -t app -q
	run croze run --rm app
	ok
	equal "$output" $'fromcmd image image\n/deep/er\n7\n8'
	run croze run --rm -e A=flag -e B= -w /tmp -u 0 app word
	ok
	equal "$output" $'word flag\n/tmp\n0\n0'
	run croze run --rm --entrypoint /bin/echo app a b
	ok
	equal "$output" "a b"
	run croze run --rm --entrypoint '' app
	fails 125
	says "names no command"
}

@test "run ends as the command does" {
	run croze run --rm busybox:musl sh -c 'exit 7'
	fails 7
	run -127 croze run --rm busybox:musl nosuch
	run croze run --rm busybox:musl /etc
	fails 126
	run croze run --rm nosuch true
	fails 125
	run croze run --nosuch
	fails 125
}

@test "run passes standard input on only with -i" {
	run bash -c 'echo in | croze run -i --rm busybox:musl cat'
	ok
	equal "$output" in
	run bash -c 'echo in | croze run --rm busybox:musl cat'
	ok
	equal "$output" ""
	run bash -c 'echo in | croze run -it --rm busybox:musl cat'
	fails 125
	says "standard input is no terminal"
}

@test "run -t gives a terminal of its own with the size of the user's" {
	need script
	run script -qec "stty rows 31 columns 77; croze run -it --rm busybox:musl sh -c 'tty; stty size; exit 3'" /dev/null
	fails 3
	says "/dev/pts/0" "31 77"
}

@test "run ends a command that does nothing about SIGINT" {
	croze run --rm busybox:musl sh -c 'echo started; exec sleep 60' >log &
	pid=$!
	wait_for grep -q started log
	kill -INT $pid
	code=0
	wait $pid || code=$?
	[ "$code" -eq 130 ]
}

@test "run forwards SIGTERM to a command that handles it" {
	croze run --rm busybox:musl sh -c 'trap "exit 9" TERM; echo started; sleep 60 & wait' >log &
	pid=$!
	wait_for grep -q started log
	kill -TERM $pid
	code=0
	wait $pid || code=$?
	[ "$code" -eq 9 ]
}

@test "run binds files of the user, read-only when asked" {
	mkdir d
	echo mine >d/f
	run croze run --rm -v "$W/d:/d" busybox:musl sh -c 'cat /d/f; echo new >/d/g; stat -c %u /d/f'
	ok
	equal "$output" $'mine\n0'
	equal "$(stat -c %u d/g)" "$(id -u)"
	run croze run --rm -v "$W/d:/d:ro" busybox:musl touch /d/h
	fails 1
	says "Read-only file system"
	run croze run --rm -v name:/d busybox:musl true
	fails 125
	says "no named volumes"
	run croze run --rm -v "$W/none:/d" busybox:musl true
	fails 125
	says "$W/none"
}

@test "what run changes is gone afterwards" {
	run croze run --rm busybox:musl sh -c 'echo x >/made; ls /made'
	ok
	run croze run --rm busybox:musl ls /made
	fails 1
	run croze run --rm --read-only --tmpfs /t:size=1m busybox:musl sh -c 'touch /t/x && ! touch /x'
	ok
	[ -z "$(ls "$CROZE_ROOT/tmp")" ]
}

@test "run has no network but loopback with --network=none, and its own names" {
	run croze run --rm --network none --hostname here --add-host there:10.1.2.3 busybox:musl \
	    sh -c 'hostname; cat /etc/hosts; cat /proc/net/dev | tail -n +3 | wc -l'
	ok
	says here "10.1.2.3" there
	equal "${lines[-1]}" 1
}

# ---- keeping the house ----

@test "prune removes what no name leads to, and the store is sound" {
	dockerfile <<<$'FROM busybox:musl\nRUN echo x >/x'
	build -t app -q
	croze rmi app
	run croze prune --dry-run --all
	ok
	says "Total that can be reclaimed"
	run croze prune --all
	ok
	says "Total reclaimed space"
	run croze store check
	ok
	says ": ok"
	[ "$(find "$CROZE_ROOT/steps" -type f | wc -l)" -eq 0 ]
	run croze run --rm busybox:musl echo still
	ok
	equal "$output" still
}

@test "store check finds a damaged blob and repairs" {
	blob=$(find "$CROZE_ROOT/blobs/sha256" -size +100k | head -1)
	chmod u+w "$blob"
	printf x | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
	run croze store check
	fails 5
	says "blobs/sha256/" "--repair"
	run croze store check --repair
	ok
	run croze store check
	ok
	[ ! -e "$blob" ]
}

@test "doctor ends with 0 where RUN works, and says what it tried" {
	run croze doctor
	ok
	says "user namespaces" "overlay on the store" "result:"
	run croze doctor --json
	ok
	jq -e '.checks | length > 5' <<<"$output"
	run croze doctor --json --kubernetes
	fails 2
	says "two answers"
}

# ---- the command line ----

@test "options of other tools are refused with what to use instead" {
	dockerfile <<<'FROM scratch'
	run build --cache-repo registry.example/x
	fails 2
	says "'--cache-repo'" "--cache-to"
	run croze run -d busybox:musl true
	fails 125
	says "'--detach'"
	run build --tagg x
	fails 2
	says "did you mean '--tag'"
	run croze biuld
	fails 2
	says "did you mean 'build'"
}

@test "help fits a terminal and names every command" {
	run croze --help
	ok
	for c in build run images inspect history tag rmi load save import prune doctor version; do
		says "  $c "
		croze "$c" --help | awk 'length($0) > 80 { print; bad = 1 } END { exit bad }' >long ||
		    equal "$c: $(cat long)" ""
	done
}

@test "completion is a script of bash that knows commands and options" {
	run bash -c 'source <(croze completion bash); COMP_WORDS=(croze bui); COMP_CWORD=1; _croze; echo "${COMPREPLY[*]}"
		COMP_WORDS=(croze build --progress ""); COMP_CWORD=3; _croze; echo "${COMPREPLY[*]}"
		COMP_WORDS=(croze run bus); COMP_CWORD=2; _croze; echo "${COMPREPLY[*]}"'
	ok
	equal "${lines[0]}" build
	equal "${lines[1]}" "auto tty plain quiet"
	says "busybox:musl"
}

@test "a terminal shows the stages, and NO_COLOR keeps colours away" {
	need script
	dockerfile <<<$'FROM busybox:musl AS first\nRUN sleep 0.5; echo said\nFROM scratch\nCOPY --from=first /bin/busybox /b'
	run env -u CI TERM=xterm script -qec "croze build -t app c" /dev/null
	ok
	says "building app:latest" "first" "ctrl-c stops" "built in"
	says_not $'\e[3'
}

@test "iidfile and metadata-file say what was made, and are gone after a failure" {
	dockerfile <<<$'FROM scratch\nLABEL a=b'
	build -t app --iidfile iid --metadata-file meta
	equal "$(cat iid)" "$(croze inspect -f '{{.Id}}' app)"
	equal "$(jq -r '."containerimage.config.digest"' meta)" "$(cat iid)"
	equal "$(jq -r '."image.name"' meta)" docker.io/library/app:latest
	dockerfile <<<$'FROM busybox:musl\nRUN false'
	run build --iidfile iid --metadata-file meta
	fails 1
	[ ! -e iid ]
	[ ! -e meta ]
}

@test "the options of croze-runtime are in its manual" {
	for command in run spec; do
		for option in $(croze-runtime $command --help | grep -o -- ' --[a-z-]*'); do
			grep -q -- "Fl -${option#--}" "$CROZE_SOURCE/man/croze-runtime.1" || equal "$option" "in the manual"
		done
	done
}
