#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# platforms - several platforms in one build, commands of other architectures, and indexes made of images.
load ../lib/common
load ../lib/registry

# whole NAME: the image with all its platforms, from the images that a developer has.
whole()
{
	[ -n "${CROZE_TEST_IMAGES-}" ] || skip "set CROZE_TEST_IMAGES: an index of real images is needed"
	croze copy -q --all "oci:$CROZE_TEST_IMAGES:$1" "$1" >/dev/null
}

# emulator ARCHITECTURE
emulator()
{
	need "qemu-$1-static"
	croze doctor | grep -q '^ other architectures .* ok' || skip "this kernel has no binfmt_misc for user namespaces"
}

# platforms NAME: of its index in the store, in their order.
platforms()
{
	croze index inspect --raw "$1" | jq -r '[.manifests[].platform | "\(.os)/\(.architecture)\(if .variant then "/" + .variant else "" end)"] | join(" ")'
}

# config_of NAME PLATFORM FILTER: of the image's config.
config_of()
{
	croze inspect --platform "$2" --format '{{json .}}' "$1" | jq -r "$3"
}

two_platforms()
{
	dockerfile <<-END
	FROM --platform=\$BUILDPLATFORM $BUSYBOX AS builder
	RUN cat /proc/sys/kernel/random/uuid >/out
	FROM --platform=\$BUILDPLATFORM $BUSYBOX AS each
	ARG TARGETARCH
	RUN echo "\$TARGETARCH" >/arch
	FROM scratch
	ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDARCH
	COPY --from=builder /out /
	COPY --from=each /arch /
	ENV T=\$TARGETPLATFORM O=\$TARGETOS A=\$TARGETARCH V=\$TARGETVARIANT B=\$BUILDPLATFORM
	END
}

@test "several platforms make one index, and a stage that is the same for all runs once" {
	two_platforms
	run build --platform linux/arm64,linux/arm/v7 -t two -o two.tar -o type=local,dest=files -o type=tar,dest=files.tar \
	    -o type=oci,dest=layout,tar=false
	ok
	says "linux/amd64->arm64 each " "linux/amd64->arm/v7 each " "for linux/arm64,linux/arm/v7"
	equal "$(grep -c '| RUN cat' <<<"$output")" 1
	equal "$(platforms two)" "linux/arm64 linux/arm/v7"
	cmp files/linux_arm64/out files/linux_arm_v7/out
	equal "$(cat files/linux_arm64/arch files/linux_arm_v7/arch)" $'arm64\narm'
	equal "$(tar xOf files.tar linux_arm_v7/arch)" arm
	equal "$(config_of two linux/arm64 '.Architecture, (.Config.Env | join(" "))')" \
	    $'arm64\n'"$(printf 'PATH=%s T=linux/arm64 O=linux A=arm64 V= B=linux/amd64' /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
	equal "$(config_of two linux/arm/v7 '.Architecture, .Variant, (.Config.Env | join(" ") | sub(".* T"; "T"))')" \
	    $'arm\nv7\nT=linux/arm/v7 O=linux A=arm V=v7 B=linux/amd64'
	equal "$(jq -r '.manifests[0].digest' layout/index.json)" "$(croze index inspect --format '{{.Digest}}' two)"
	run croze load -q -i two.tar
	ok
	run build --platform linux/arm64,linux/arm/v7 -t two
	ok
	says "0 run"
	run croze store check
	ok
}

@test "one platform that was asked for makes an image for it, BUILDKIT_MULTI_PLATFORM an index" {
	printf 'FROM scratch\nCOPY Dockerfile /\n' | dockerfile
	build -q --platform linux/s390x -t one --iidfile id --metadata-file meta >/dev/null
	equal "$(croze inspect --format '{{.Architecture}}' one)" s390x
	equal "$(jq -r '."containerimage.config.digest"' meta)" "$(cat id)"
	build -q --platform linux/s390x,linux/386 -t several --iidfile id --metadata-file meta >/dev/null
	equal "$(jq -r '."containerimage.digest"' meta)" "$(cat id)"
	equal "$(jq -r '."containerimage.descriptor".mediaType' meta)" application/vnd.oci.image.index.v1+json
	equal "$(jq -r 'has("containerimage.config.digest")' meta)" false
	build -q --build-arg BUILDKIT_MULTI_PLATFORM=1 -t split -o out >/dev/null
	equal "$(platforms split)" linux/amd64
	[ -e out/linux_amd64/Dockerfile ]
	run build --platform linux/amd64,linux/s390x -o type=docker,dest=x.tar
	fails 2
	says "one platform" "type=oci"
	run build --platform windows/amd64
	fails 2
	says "images for Linux"
}

@test "annotations of the index, of one image and of its entry in the index" {
	printf 'FROM scratch\nCOPY Dockerfile /\n' | dockerfile
	build -q --platform linux/amd64,linux/arm64 -t a --annotation all=1 --annotation index:of-index=2 \
	    --annotation 'manifest[linux/arm64],manifest-descriptor[linux/arm64]:arm=3' >/dev/null
	equal "$(croze index inspect --raw a | jq -c '[.annotations, .manifests[].annotations]')" '[{"of-index":"2"},null,{"arm":"3"}]'
	for n in 0 1; do
		croze index inspect --raw a | jq -r ".manifests[$n].digest" | sed "s|sha256:|$CROZE_ROOT/blobs/sha256/|" | xargs jq -c .annotations
	done >found
	equal "$(cat found)" $'{"all":"1"}\n{"all":"1","arm":"3"}'
	run build --annotation index:a=b
	ok
	says "'a' is not written"
}

@test "SOURCE_DATE_EPOCH: the same index whoever builds it, alone or with others" {
	printf 'FROM scratch\nCOPY Dockerfile /\n' | dockerfile
	build -q --timestamp 0 --platform linux/amd64,linux/arm64 -t a >/dev/null
	empty_store
	build -q --timestamp 0 --platform linux/arm64 -t arm >/dev/null
	build -q --timestamp 0 --platform linux/amd64 -t amd >/dev/null
	run croze index create -q --annotation org.opencontainers.image.created=1970-01-01T00:00:00Z joined amd arm
	ok
	equal "$output" "$(CROZE_ROOT=$W/store croze index inspect --format '{{.Digest}}' a)"
}

@test "the right image of an index is taken: for FROM --platform, variants, contexts, and none when there is none" {
	whole "$BUSYBOX"
	dockerfile <<-END
	FROM --platform=linux/riscv64 $BUSYBOX AS other
	FROM $BUSYBOX
	COPY --from=other /bin/busybox /foreign
	END
	build -q --platform linux/arm/v7 -t mixed >/dev/null
	equal "$(croze inspect --format '{{.Architecture}}{{.Variant}}' mixed)" armv7
	build -q -o files >/dev/null
	equal "$(od -An -tu2 -j18 -N2 files/foreign | tr -d ' ')" 243
	run build --pull=never --platform linux/arm/v6
	fails 2
	says "no image for linux/arm/v6"
	printf 'FROM scratch\nCOPY Dockerfile /only-arm64\n' >c/Other
	build -q --platform linux/arm64 -f c/Other -t other >/dev/null
	printf 'FROM base\n' | dockerfile
	build -q --platform linux/arm64,linux/amd64 --build-context "base=docker-image://$BUSYBOX" \
	    --build-context base::linux/arm64=docker-image://other -o both >/dev/null
	[ -e both/linux_arm64/only-arm64 ]
	[ -e both/linux_amd64/bin/busybox ]
}

@test "the article's command: amd64 and arm64 Alpine in one go, pushed as one index; the arm64 RUN ran as arm64" {
	emulator aarch64
	whole "$ALPINE"
	real_registry
	dockerfile <<-END
	FROM --platform=\$BUILDPLATFORM $ALPINE AS builder
	RUN uname -m >/built-on
	FROM $ALPINE
	COPY --from=builder /built-on /
	RUN uname -m >/ran-as && cat /etc/apk/arch >>/ran-as && adduser -D app && su app -c 'id -un >/tmp/user'
	END
	run build --platform linux/amd64,linux/arm64 -t "$REGISTRY/myapp:latest" --push -o files
	ok
	says "pushed $REGISTRY/myapp:latest"
	equal "$(cat files/linux_amd64/{built-on,ran-as} files/linux_arm64/{built-on,ran-as} files/linux_arm64/tmp/user | tr '\n' ' ')" \
	    "x86_64 x86_64 x86_64 x86_64 aarch64 aarch64 app "
	digest=$(croze index inspect --format '{{.Digest}}' "$REGISTRY/myapp:latest")
	equal "$(croze index inspect --format '{{.Digest}}' "docker://$REGISTRY/myapp:latest")" "$digest"
	if command -v skopeo >/dev/null; then
		equal "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/myapp:latest" | jq -r '[.manifests[].platform.architecture] | join(" ")')" \
		    "amd64 arm64"
		equal "$(skopeo inspect --tls-verify=false --override-arch arm64 --format '{{.Architecture}}' "docker://$REGISTRY/myapp:latest")" arm64
	fi
	empty_store
	run pull --all-platforms "$REGISTRY/myapp:latest"
	ok
	says "$digest"
	run croze run --rm --platform linux/arm64 "$REGISTRY/myapp:latest" sh -c 'uname -m; cat /ran-as'
	ok
	equal "$output" $'aarch64\naarch64\naarch64'
	run croze run --rm "$REGISTRY/myapp:latest" uname -m
	ok
	equal "$output" x86_64
}

@test "the seven architectures of busybox each run a step, with many ids and with one" {
	emulator s390x
	whole "$BUSYBOX"
	printf 'FROM %s\nRUN uname -m >/arch && chown 5:6 /arch && [ "$(stat -c %%u:%%g /arch)" = 5:6 ]\n' "$BUSYBOX" | dockerfile
	all=linux/amd64,linux/arm64,linux/arm/v7,linux/386,linux/riscv64,linux/s390x,linux/ppc64le
	run build --timestamp 0 --platform "$all" -t all -o files
	ok
	equal "$(cat files/*/arch | sort | tr '\n' ' ')" "aarch64 armv7l i686 ppc64le riscv64 s390x x86_64 "
	equal "$(cat files/linux_386/arch)" i686
	run build --timestamp 0 --no-cache --isolation userns-single --platform "$all" -t one
	ok
	equal "$(croze index inspect --format '{{.Digest}}' one)" "$(croze index inspect --format '{{.Digest}}' all)"
	[ ! -e /proc/sys/fs/binfmt_misc/qemu-s390x ]
	nothing_left
}

@test "a RUN for another architecture: without qemu the package is named, without binfmt_misc what else there is" {
	emulator aarch64
	whole "$ALPINE"
	printf 'FROM %s\nRUN uname -m\n' "$ALPINE" | dockerfile
	# shellcheck disable=SC2016 # for the inner shell
	run unshare --user --map-root-user --mount sh -c 'mount --bind /dev/null /usr/bin/qemu-aarch64-static && exec "$@"' - \
	    timeout 60 croze build --progress=plain --platform linux/arm64 c
	fails 3
	says "Dockerfile:2: RUN uname -m" "programs for arm64 do not run here" "qemu-aarch64-static" "apt install qemu-user-static"
	if command -v strace >/dev/null; then
		strace -f -qq -e trace=fsopen -o trace timeout 60 croze build --isolation userns-single --platform linux/arm64 c >/dev/null 2>&1
		pid=$(awk '/binfmt_misc/ { print $1; exit }' trace)
		nth=$(awk -v p="$pid" '$1 == p && /fsopen/ { n++ } $1 == p && /binfmt_misc/ { print n; exit }' trace)
		run strace -f -qq -o /dev/null -e trace=fsopen -e "inject=fsopen:error=EPERM:when=$nth" \
		    timeout 60 croze build --progress=plain --no-cache --isolation userns-single --platform linux/arm64 c
		fails 3
		says "binfmt_misc" "Linux 6.7" "qemu-user-static binfmt-support"
	fi
	printf 'FROM scratch\nCOPY Dockerfile /\nRUN ["/Dockerfile"]\n' | dockerfile
	run build --platform linux/vax
	fails 3
	says "programs for vax do not run here" "no such architecture"
}

@test "index create joins images, indexes and what is in layouts and registries; --append replaces; annotate says what is what" {
	real_registry
	printf 'FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /$TARGETARCH\n' | dockerfile
	build -q --platform linux/amd64 -t "$REGISTRY/app:amd" --push >/dev/null
	build -q --platform linux/arm64 -t arm -o type=oci,dest=arm.tar >/dev/null
	build -q --platform linux/s390x,linux/ppc64le -t big >/dev/null
	run croze index create --push --annotation index:a.b=c -t "$REGISTRY/app:1" "docker://$REGISTRY/app:amd" oci-archive:arm.tar big
	ok
	equal "$(platforms "$REGISTRY/app:1")" "linux/amd64 linux/arm64 linux/s390x linux/ppc64le"
	equal "$(croze index inspect --raw "docker://$REGISTRY/app:1" | jq -r '.annotations."a.b"')" c
	run croze index create x arm arm big
	ok
	printf 'FROM scratch\nCOPY Dockerfile /new\n' | dockerfile
	build -q --platform linux/arm64 -t new >/dev/null
	run croze index create y arm new
	fails 2
	says "two of the images are for linux/arm64"
	run croze index create --append "$REGISTRY/app:1" new
	ok
	equal "$(platforms "$REGISTRY/app:1")" "linux/amd64 linux/s390x linux/ppc64le linux/arm64"
	equal "$(croze index inspect --raw "$REGISTRY/app:1" | jq -r '.annotations."a.b"')" c
	run croze index annotate "$REGISTRY/app:1" linux/arm64 --platform linux/arm64/v9 --annotation k=v
	ok
	equal "$(croze index inspect --format json "$REGISTRY/app:1" | jq -r '.Manifests[3] | .platform.variant, .annotations.k')" $'v9\nv'
	run croze index annotate "$REGISTRY/app:1" linux/mips --annotation k=v
	fails 2
	says "no member 'linux/mips'"
	run croze index annotate new --annotation k=v
	fails 2
	says "no index"
	run croze index create z
	fails 2
	run croze index inspect --push x
	fails 2
	says "'--push' does not go with inspect"
	run croze imagetools inspect x
	ok
	says "linux/arm64"
}

@test "images, inspect, save and rmi know an index whose platforms are all foreign" {
	printf 'FROM scratch\nCOPY Dockerfile /\n' | dockerfile
	build -q --platform linux/arm64,linux/s390x -t foreign >/dev/null
	equal "$(croze images --format '{{.Repository}} {{json .Platforms}}' foreign)" 'foreign ["linux/arm64","linux/s390x"]'
	equal "$(croze inspect foreign | jq -c '.[0] | [.Architecture, .Platforms]')" '["arm64",["linux/arm64","linux/s390x"]]'
	run croze inspect --platform linux/amd64 foreign
	fails 2
	says "no image for linux/amd64"
	run croze save -o foreign.tar foreign
	ok
	run croze rmi foreign
	ok
	run croze load -i foreign.tar
	ok
	equal "$(platforms foreign)" "linux/arm64 linux/s390x"
	run croze run --rm --platform linux/amd64 foreign true
	fails 125
	says "no image for linux/amd64"
}
