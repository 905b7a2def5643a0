#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# network_emulate - what a step of the tier emulate reaches, which has no namespace for its network (rows N of the security catalogue).
#
# As network.bats; the commands run in the machine's own tree, under emulation.

load ../lib/common
load ../lib/world

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

export INSIDE=--emulate

# without_copies: the world's "inside" runs where pidfd_getfd(2) is refused, as the engines' default profile does.
without_copies()
{
	need gcc
	cat >"$W/without.c" <<-'END'
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <stddef.h>
		#include <sys/prctl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			struct sock_filter code[] = {
				{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
				{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_pidfd_getfd },
				{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 1 },
				{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
			};
			struct sock_fprog program = { 4, code };
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (argc < 2 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
				return 98;
			execvp(argv[1], argv + 1);
			return 97;
		}
	END
	gcc -o "$W/without" "$W/without.c"
}

@test "emulate: streams and datagrams outside, by IPv4 and IPv6, with and without copies of descriptors" {
	without_copies
	run world 'for a in '"$FOUR $SIX"'; do for w in blocking polled options threaded datagram datagrams; do client $w $a; done; done
	    inside() { CROZE_LIBEXEC="$CROZE_BUILD" timeout 60 "$W/without" "$CROZE_BUILD/tests/e2e/inside" --emulate "$@"; }
	    for a in '"$FOUR $SIX"'; do for w in blocking polled datagram datagrams; do client $w $a; done; done; client story '"$FOUR"'; client race '"$FOUR"
	all_yes 22
}

@test "N1, N2 emulate: loopback, link-local and abstract sockets of the machine are out of reach; twin: the step's own are not" {
	run world "client alone $FOUR; client inner $FOUR; client story $FOUR; client interrupted $FOUR; client many $FOUR; client dropped $FOUR"
	all_yes 6
}

@test "N1, N6 emulate: no race for addresses and descriptors, no used socket, no other kind of socket and no option leads to the machine" {
	run world "for w in race again torn swapped kinds; do client \$w $FOUR; done"
	all_yes 5
}

@test "N1 emulate: who is not of the step reaches none of its servers, and steps none of each other" {
	strangers_are_turned_away
}

@test "emulate: names are asked at the machine's resolver on loopback, by datagram and by stream" {
	names_are_asked
}

@test "matrix emulate: clients reach a name that is allowed, and none that is not" {
	run world "$CLIENTS"'
	    rule=(--allow test.example:80); echo allowed; fetch http://test.example/hello
	    rule=(--allow other.example); echo denied; fetch http://test.example/hello
	    rule=(); echo open; fetch http://test.example/hello'
	matrix_is_right
}

@test "matrix emulate: git, npm and apt through a step's network" {
	run world "$PACKAGERS"
	ok
	says git git-denied npm npm-denied apt apt-denied
}

@test "matrix emulate: a Go program, whose resolver and sockets are its own" {
	go_client
	run world '
	    inside -- "$W/go/client" http://test.example/hello
	    inside -- "$W/go/client" "http://['"$SIX"']/hello"
	    inside --allow other.example -- "$W/go/client" http://test.example/hello || echo denied by name
	    inside --allow other.example -- "$W/go/client" http://'"$FOUR"'/hello || echo denied by address'
	ok
	equal "$(grep -c '^greetings$' <<<"$output")" 2
	says "denied by name" "denied by address"
}

@test "matrix emulate: skopeo, another Go program" {
	need skopeo
	run world 'ask() { inside "$@" -- skopeo inspect --tls-verify=false docker://test.example:80/x 2>&1 || true; }
	    ask | grep -q "404" && echo reached; ask --allow other.example | grep -qE "no such host|server misbehaving" && echo denied'
	ok
	says reached denied
}

@test "emulate: an allowed name that leads to the machine leads nowhere; twin: an address that is named is reached" {
	run world 'inside --record --allow rebind.example --allow 169.254.169.254 -- curl -sS -m 5 http://rebind.example/ || true
	    echo; inside --allow 169.254.169.254 -- curl -sS -m 5 http://169.254.169.254/'
	ok
	equal "$(grep -c host-secret <<<"$output")" 1
}

@test "N6 emulate: with no network nothing is reached, but the step's own loopback interface" {
	export INSIDE=--none
	run world "for w in nothing inner story kinds; do client \$w $FOUR; done; client nothing $FOUR"
	all_yes 5
}

@test "builds emulate: what is reached is said and recorded, by musl's resolver; --network=none and --allow-egress" {
	need gcc
	gcc -D_GNU_SOURCE -o "$W/confine" "$CROZE_SOURCE/tests/hosts/confine.c"
	dockerfile <<-END
		FROM alpine:3.19
		RUN wget -q -T 5 -O - http://test.example/hello | sed 's/^/> /'; wget -q -T 5 -O - http://169.254.169.254/; wget -q -T 5 -O - http://127.0.0.1/; true
		RUN --network=none wget -q -T 5 -O - http://$FOUR/hello | sed 's/^/> none: /'; ! ls /proc/net 2>/dev/null
	END
	run world 'build() { timeout 90 unshare --user --map-user=1000 --map-group=1000 -- "$W/confine" croze build --progress=plain --isolation emulate --no-cache "$@" -t app c; }
	    build --metadata-file m.json; cat m.json; cat "$CROZE_ROOT"/builds/*/network.json; echo; echo limited; build --allow-egress other.example; echo none; build --network=none'
	ok
	says "> greetings" "network: reached test.example:80; refused 169.254.169.254:80" '"croze.network"' "\"address\": \"$SIX\"" \
	    "the connections that croze makes for them" "refused test.example, 169.254.169.254:80" "have no network"
	says_not host-secret "> none: greetings"
	equal "$(grep -c '> greetings' <<<"$output")" 1
}
