#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# network - what a step reaches (rows N of the security catalogue).
#
# The world is a network namespace of the test's own (lib/world.bash). Clients of this machine are put into the network of a step by
# tests/e2e/inside; builds use the images of the suite.

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

@test "streams: waiting, polled by epoll from before, with options, from threads; by IPv4 and IPv6" {
	run world 'for a in '"$FOUR $SIX"'; do for w in blocking polled options threaded; do client $w $a; done; done'
	all_yes 8
}

@test "streams: a port that nobody listens on refuses, and the socket serves once more" {
	run world "client refused $FOUR; client refused $SIX"
	all_yes 2
}

@test "datagrams: with and without a connection; by IPv4 and IPv6" {
	run world 'for a in '"$FOUR $SIX"'; do client datagram $a; client datagrams $a; done'
	all_yes 4
}

@test "N1, N2: loopback, link-local and abstract sockets of the machine are out of reach; twin: the step's own are not" {
	run world "client alone $FOUR; client inner $FOUR"
	all_yes 2
}

@test "N1: neither a race for the address nor a used socket leads to the machine" {
	run world "client race $FOUR; client again $FOUR"
	all_yes 2
}

@test "names: asked at the machine's resolver on loopback, by datagram and by stream" {
	names_are_asked
}

@test "matrix: clients reach a name that is allowed, and none that is not" {
	run world "$CLIENTS"'
	    rule=(--allow test.example:80); echo allowed; fetch http://test.example/hello
	    rule=(--allow other.example); echo denied; fetch http://test.example/hello
	    rule=(--allow test.example:81); echo denied; fetch http://test.example/hello
	    rule=(); echo open; fetch http://test.example/hello'
	matrix_is_right
}

@test "matrix: git, npm and apt through a step's network" {
	run world "$PACKAGERS"
	ok
	says git git-denied npm npm-denied apt apt-denied
}

@test "an allowed name that leads to the machine leads nowhere; twin: an address that is named is reached" {
	run world 'inside --record --allow rebind.example --allow 169.254.169.254 -- curl -sS -m 5 http://rebind.example/ || true
	    echo; inside --allow 169.254.169.254 -- curl -sS -m 5 http://169.254.169.254/'
	ok
	equal "$(grep -c host-secret <<<"$output")" 1
}

with_pasta()
{
	need pasta
	[ -c "${CROZE_TEST_TUN-}" ] || skip "no /dev/net/tun that an ordinary user may open (for root tests/lib/with-tun makes one)"
}

@test "pasta: the same clients, by IPv4 and IPv6, and the interface is pasta's" {
	with_pasta
	run world 'inside -- ip -o -4 address show scope global | grep -q 198.51.100.1/24 && echo yes
	    for a in '"$FOUR $SIX"'; do for w in blocking polled options threaded datagram datagrams; do client $w $a; done; done' pasta
	all_yes 13
}

@test "N1, N2: by pasta neither loopback nor link-local nor abstract sockets of the machine are reached" {
	with_pasta
	run world "client alone $FOUR; client inner $FOUR" pasta
	all_yes 2
}

@test "matrix by pasta: every client, by name; what was reached is recorded" {
	with_pasta
	run world "$CLIENTS"'
	    rule=(); echo open; fetch http://test.example/hello
	    rule=(--allow test.example:80); echo allowed; fetch http://test.example/hello
	    rule=(--allow other.example); echo denied; fetch http://test.example/hello
	    inside --record -- curl -sS -m 10 http://test.example/hello' pasta
	ok
	echo "$output"
	says '"protocol":"tcp","name":"test.example"'
	equal "$(sed -n '/^open/,/^denied/p' <<<"$output" | grep -c ' no$' || true)" 0
	equal "$(sed -n '/^denied/,$p' <<<"$output" | grep -c ' yes$' || true)" 0
	[ "$(grep -c ' yes$' <<<"$output")" -ge 6 ]
}

@test "builds: both tiers reach the same by pasta, and record it" {
	local tier
	with_pasta
	dockerfile <<-END
		FROM alpine:3.19
		RUN ip -o -4 address | sed 's/^/> /'; wget -q -T 5 -O - http://test.example/hello | sed 's/^/> /'; wget -q -T 5 -O - http://169.254.169.254/; wget -q -T 5 -O - http://127.0.0.1/; true
	END
	for tier in userns userns-single; do
		run world 'timeout 90 croze build --progress=plain --isolation '"$tier"' --no-cache -t app c' pasta
		ok
		says "> greetings" "198.51.100.1/24" "network: reached test.example:80; refused 169.254.169.254:80"
		says_not host-secret
	done
}

@test "matrix: a Go program, whose resolver and sockets are its own" {
	go_client
	run world '
	    inside -- "'"$W"'/go/client" http://test.example/hello
	    inside --allow test.example -- "'"$W"'/go/client" http://test.example/hello
	    inside -- "'"$W"'/go/client" "http://['"$SIX"']/hello"
	    inside --allow other.example -- "'"$W"'/go/client" http://test.example/hello || echo denied by name
	    inside --allow other.example -- "'"$W"'/go/client" http://'"$FOUR"'/hello || echo denied by address'
	ok
	equal "$(grep -c '^greetings$' <<<"$output")" 3
	says "denied by name" "denied by address"
	if [ -c "${CROZE_TEST_TUN-}" ] && command -v pasta >/dev/null; then
		run world 'inside -- "'"$W"'/go/client" http://test.example/hello' pasta
		ok
		says greetings
	fi
}

@test "builds: both tiers reach the same, say it, and record it" {
	local tier
	dockerfile <<-END
		FROM alpine:3.19
		RUN wget -q -T 5 -O - http://test.example/hello | sed 's/^/> /'; wget -q -T 5 -O - http://169.254.169.254/; wget -q -T 5 -O - http://127.0.0.1/; true
	END
	for tier in userns userns-single; do
		run world 'timeout 90 croze build --progress=plain --isolation '"$tier"' --no-cache --metadata-file m.json -t app c; cat m.json; cat "$CROZE_ROOT"/builds/*/network.json'
		ok
		says "> greetings" "network: reached test.example:80; refused 169.254.169.254:80" '"croze.network"' "\"address\": \"$FOUR\""
		says_not host-secret
		[ "$(grep -c '"name": "test.example"' <<<"$output")" -ge 2 ]
		rm -f m.json
		ns rm -rf "$CROZE_ROOT/builds"
		run world 'timeout 90 croze build --progress=plain --isolation '"$tier"' --no-cache --allow-egress other.example -t app c'
		ok
		says "refused test.example, 169.254.169.254:80"
		says_not "> greetings"
	done
}

@test "N6: --network=none has loopback alone, whatever is asked for" {
	dockerfile <<-END
		FROM alpine:3.19
		RUN --network=none wget -q -T 2 -O - http://$FOUR/hello; ip -o address | grep -vc ' lo ' | sed 's/^/> others: /'; nslookup test.example; true
	END
	run world 'timeout 90 croze build --progress=plain -t app c'
	ok
	says "> others: 0"
	says_not greetings "network: "
}

@test "--allow-egress: what is no host, and what does not go with it, is refused" {
	dockerfile <<<"FROM scratch"
	run build --allow-egress 'a b'
	fails 2
	says "--allow-egress: 'a b' is no host"
	run build --allow-egress example.org:99999
	fails 2
	says port
	run build --allow-egress example.org --network=host
	fails 2
	says "does not go with --network=host"
	run build --allow-egress example.org --allow network.host
	fails 2
	says "does not go with --allow network.host"
}
