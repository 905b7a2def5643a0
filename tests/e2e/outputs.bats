#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# outputs - what is written, and that skopeo, umoci, podman and Buildah read it.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# example: a small image of two layers over the base.
example()
{
	dockerfile <<-'EOF'
		FROM busybox:musl
		RUN mkdir /d && echo one >/d/f && ln /d/f /d/hard && ln -s f /d/link && chown 5:6 /d/f
		COPY --chown=7 f /f
		LABEL a=b
		ENTRYPOINT ["/bin/echo"]
		CMD ["hello"]
	EOF
	echo x >c/f
}

# peer_home: Buildah and podman with folders and settings of their own.
peer_home()
{
	export HOME=$W/home XDG_RUNTIME_DIR=$W/run
	mkdir -p "$HOME/.config/containers" "$XDG_RUNTIME_DIR"
	chmod 0700 "$XDG_RUNTIME_DIR"
	printf '[storage]\ndriver = "vfs"\n' >"$HOME/.config/containers/storage.conf"
	printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$HOME/.config/containers/policy.json"
}

@test "type=oci writes an archive that skopeo reads" {
	need skopeo
	example
	run build -t app -o type=oci,dest=out.tar
	ok
	run skopeo inspect --raw oci-archive:out.tar
	ok
	mkdir x
	tar -xf out.tar -C x
	image_ok app x || image_ok docker.io/library/app:latest x
	equal "$("$PYTHON" "$LIB/oci_tree.py" list x)" "$(tree app)"
}

@test "type=oci,tar=false writes a layout that umoci and skopeo read" {
	need umoci skopeo
	example
	run build -t app:1.0 -o type=oci,dest=out,tar=false
	ok
	image_ok app:1.0 out
	run umoci list --layout out
	ok
	says 1.0
	run skopeo inspect --config "oci:out:$output"
	ok
	says '"/bin/echo"' '"hello"'
}

@test "type=docker writes an archive that skopeo and podman read" {
	need skopeo
	example
	run build -t app:1.0 -o type=docker,dest=out.tar
	ok
	run skopeo inspect --config docker-archive:out.tar:docker.io/library/app:1.0
	ok
	says '"/bin/echo"'
	run tar -xOf out.tar manifest.json
	says RepoTags app:1.0
}

@test "a path that ends in .tar is read as both kinds of archive" {
	need skopeo
	example
	run build -t app:1.0 -o out.tar
	ok
	run skopeo inspect --config docker-archive:out.tar:docker.io/library/app:1.0
	ok
	run skopeo inspect --config oci-archive:out.tar
	ok
}

@test "podman loads it and names it as it was named" {
	need podman
	example
	run build -t example.com/team/app:1.0 -o out.tar
	ok
	peer_home
	run timeout 60 podman load -q -i out.tar
	ok
	says example.com/team/app:1.0
	run timeout 60 podman image inspect example.com/team/app:1.0
	ok
	says '"/bin/echo"'
}

@test "Buildah builds on it, and the store itself is a layout that it reads" {
	need buildah skopeo umoci
	example
	run build -t app:1.0 -o type=oci,dest=out,tar=false
	ok
	local copy=$W/copy name
	cp -r "$CROZE_ROOT" "$copy"
	peer_home
	name=$("$PYTHON" -c 'import json,sys; print([n for m in json.load(open(sys.argv[1]))["manifests"]
	    for n in m.get("annotations", {}).values() if "app:1.0" in n][0])' "$copy/index.json")
	run timeout 60 skopeo inspect "oci:$copy:$name"
	ok
	skopeo copy -q "oci:out:$(umoci list --layout out)" containers-storage:localhost/app:1.0
	mkdir b
	printf 'FROM localhost/app:1.0\nRUN test "$(cat /d/f)" = one && test "$(cat /f)" = x && touch /more\n' >b/Dockerfile
	run timeout 60 buildah bud --isolation chroot -t more b
	ok
}

@test "type=local writes the files" {
	example
	run build -o type=local,dest=out
	ok
	equal "$(cat out/f)" x
	equal "$(readlink out/d/link)" f
	equal "$(stat -c %i out/d/f)" "$(stat -c %i out/d/hard)"
	run build -o out2
	ok
	equal "$(cat out2/d/f)" one
}

@test "type=tar writes the files as an archive, also to standard output" {
	example
	run build -o type=tar,dest=out.tar
	ok
	run tar -tvf out.tar
	says "d/f" "5/6"
	croze build -o type=tar,dest=- c >stdout.tar
	equal "$(tar -xOf stdout.tar f 2>/dev/null || tar -xOf stdout.tar ./f)" x
	croze build -o - c >stdout2.tar
	tar -tf stdout2.tar >/dev/null
}

@test "several outputs of one build" {
	example
	run build -t app -o type=oci,dest=a.tar -o type=docker,dest=b.tar -o type=local,dest=l
	ok
	[ -s a.tar ]
	[ -s b.tar ]
	[ -f l/f ]
	image_ok app
}

@test "zstd, gzip and uncompressed layers hold the same tree" {
	local kind
	example
	for kind in gzip zstd uncompressed; do
		run build -t app -o "type=oci,dest=$kind,tar=false,compression=$kind"
		ok
		image_ok app "$kind"
	done
	equal "$(tree app zstd)" "$(tree app gzip)"
	equal "$(tree app uncompressed)" "$(tree app gzip)"
	has tar+zstd <(cat zstd/blobs/sha256/* | head -c 3000000 | tr -d '\0' | grep -a -o 'tar+zstd' | head -1)
}

@test "--iidfile and --metadata-file tell digests" {
	example
	run build -t app --iidfile iid --metadata-file meta.json
	ok
	[[ $(cat iid) =~ ^sha256:[0-9a-f]{64}$ ]]
	has "$(manifest_digest app)" meta.json
	has containerimage.digest meta.json
	"$PYTHON" -m json.tool meta.json >/dev/null
}

@test "-q prints the image's id and nothing else" {
	example
	croze build -q -t app c >stdout 2>stderr
	[[ $(cat stdout) =~ ^sha256:[0-9a-f]{64}$ ]]
	equal "$(cat stderr)" ""
}

@test "an output that fails leaves no half file" {
	example
	run build -o type=oci,dest=no/such/folder/out.tar
	[ "$status" -ne 0 ]
	says no/such/folder
	[ ! -e no ]
	mkdir closed
	chmod 0555 closed
	run build -o type=oci,dest=closed/out.tar
	[ "$status" -ne 0 ]
	says closed
	nothing_left
}

@test "save and load: the same image by digest" {
	example
	run build -t app:1.0
	ok
	run croze save -o saved.tar app:1.0
	ok
	local before
	before=$(manifest_digest app:1.0)
	CROZE_ROOT=$W/other run croze load -i saved.tar
	ok
	says app:1.0
	equal "$(manifest_digest app:1.0 "$W/other")" "$before"
	croze save app:1.0 | CROZE_ROOT=$W/third croze load
	equal "$(manifest_digest app:1.0 "$W/third")" "$before"
}

@test "what podman, Buildah and skopeo save is loaded" {
	need skopeo
	local kind
	for kind in oci-archive docker-archive; do
		skopeo copy -q "oci:$SUITE/bases:docker.io/library/busybox:musl" "$kind:$kind.tar:docker.io/library/saved:$kind"
		CROZE_ROOT=$W/other run croze load -i "$kind.tar"
		ok
		says "saved:$kind"
		printf 'FROM %s:%s\nRUN true\n' "$kind" "$W/$kind.tar" >c/Dockerfile
		run build -t "from-$kind"
		ok
	done
	equal "$(tree from-oci-archive)" "$(tree busybox:musl)"
	printf 'FROM oci:%s:docker.io/library/busybox:musl\nRUN true\n' "$SUITE/bases" >c/Dockerfile
	run build -t from-layout
	ok
}

@test "image commands: images, inspect, history, tag, rmi, prune" {
	example
	run build -t app:1.0
	ok
	run croze images
	ok
	says app 1.0
	run croze inspect app:1.0
	ok
	says /bin/echo
	croze inspect app:1.0 | "$PYTHON" -m json.tool >/dev/null
	run croze history app:1.0
	ok
	says "COPY" "RUN"
	run croze tag app:1.0 other:2
	ok
	equal "$(manifest_digest other:2)" "$(manifest_digest app:1.0)"
	run croze rmi app:1.0
	ok
	run croze inspect app:1.0
	[ "$status" -ne 0 ]
	run croze prune --help
	ok
	run croze prune -f
	ok
	image_ok other:2
	run croze run --rm other:2 still here
	ok
	equal "$output" "still here"
}

@test "run: the command, an entry point, variables, user, folder, a mount, the status" {
	example
	run build -t app
	ok
	run croze run --rm app
	equal "$output" hello
	run croze run --rm app two words
	equal "$output" "two words"
	run croze run --rm --entrypoint /bin/sh app -c 'exit 9'
	equal "$status" 9
	run croze run --rm --entrypoint /bin/sh -e X=y -w /d -u 1000:1000 app -c 'echo $X $(pwd) $(id -u) $(id -g)'
	equal "$output" "y /d 1000 1000"
	mkdir v
	echo inside >v/f
	run croze run --rm --entrypoint cat -v "$W/v:/mnt" app /mnt/f
	equal "$output" inside
	echo piped | croze run -i --rm --entrypoint cat app >cat.out
	equal "$(cat cat.out)" piped
	run croze run --rm --entrypoint "" app ls /d
	says hard
	nothing_left
}
