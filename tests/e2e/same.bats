#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# same - the same image out of every tier, with every way of stacking files, for a set of Dockerfiles (tests/same).
#
# A few of them in the tiers of an ordinary user here; CROZE_TEST_LONG=1 takes all of them, with base images made of Debian's packages. Root
# runs tests/same/run for the cells of root and of a container that runc makes.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

@test "a few Dockerfiles give equal digests in the tiers of a user, on overlays and on copies" {
	need gcc
	CROZE_TEST_IMAGES=$SUITE/bases run timeout 280 "$CROZE_SOURCE/tests/same/run" --work "$W/same" \
	    --cells 'user/userns/overlay user/userns-single/overlay user/userns-single/copy user/emulate/copy' 01 03 04 20 23
	printf '%s\n' "$output"
	ok
	equal "$(grep -c ' = = =$' <<<"$output")" 5
}

@test "all Dockerfiles give equal digests (long)" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "CROZE_TEST_LONG is not set"
	[ -n "${CROZE_TEST_IMAGES-}" ] || skip "a Debian base image is needed: CROZE_TEST_IMAGES"
	need gcc
	run timeout 5400 "$CROZE_SOURCE/tests/same/run" --work "$W/same" \
	    --cells 'user/userns/overlay user/userns/copy user/userns-single/overlay user/userns-single/copy user/emulate/copy'
	printf '%s\n' "$output"
	ok
}

# owners TIER: what is there, of what type, with whose and which rights.
owners()
{
	tree app "$W/$1" | awk '{ print $1, $2, $3, $4 }'
}

@test "apt-get install of 20 packages gives every file the owner, mode and type that real ids give (long)" {
	[ -n "${CROZE_TEST_LONG-}" ] || skip "CROZE_TEST_LONG is not set"
	[ -n "${CROZE_TEST_IMAGES-}" ] || skip "a Debian base image is needed: CROZE_TEST_IMAGES"
	local tier
	"$LIB/apt-sources" c/apt
	dockerfile <<-'EOF'
		FROM base
		COPY apt /etc/apt/
		RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends at cron sudo openssh-client ssl-cert screen \
		    man-db libcap2-bin git make rsync tmux dbus polkitd plocate uuid-runtime fuse3 iputils-ping tcpdump logrotate
		RUN echo "> $(dpkg -l | grep -c ^ii) packages"
	EOF
	for tier in userns userns-single; do
		cp -a "$SUITE/template" "$W/$tier"
		CROZE_ROOT=$W/$tier LIMIT=1500 run build --isolation "$tier" --network host --timestamp 0 -t app \
		    --build-context "base=oci-layout://$CROZE_TEST_IMAGES:docker.io/library/debian:bookworm-slim"
		ok
		printf '%s\n' "$output" | grep -o '> [0-9]* packages'
		owners "$tier" >"$W/$tier.owners"
	done
	wc -l "$W/userns.owners"
	[ "$(wc -l <"$W/userns.owners")" -gt 5000 ]
	diff "$W/userns.owners" "$W/userns-single.owners"
}
