#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# network - what a step reaches (rows N of the security catalogue).
#
# The world is a network namespace of the test's own, in which croze runs, with servers on addresses of an interface (lib/outside.py).
# Clients of this machine are put into the network of a step by tests/e2e/inside; builds use the images of the suite.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

FOUR=198.51.100.7
SIX=2001:db8::7

# world SCRIPT [pasta]: runs it in bash as root of a namespace with a range of ids, beside the servers. Its output is that of the script.
# With "pasta" /dev/net/tun can be opened, and what is at the two addresses stands at the other end of a cable, since pasta gives a step
# the machine's own addresses.
world()
{
	local pasta=${2-}
	need ip unshare
	[ -x "$CROZE_BUILD/tests/e2e/inside" ] || skip "tests/e2e/inside is not built"
	mkdir -p "$W/www"
	echo greetings >"$W/www/hello"
	cat >"$W/world.sh" <<-END
		set -eu
		ip link set lo up
		ip link add out type veth peer name cable
		ip address add 169.254.169.254/32 dev lo
		at=$FOUR at6=$SIX
		if [ -n "$pasta" ]; then
			unshare --net sleep 200 &
			there=\$!
			while [ "\$(readlink /proc/\$there/ns/net)" = "\$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
			there() { nsenter --net=/proc/\$there/ns/net -- "\$@"; }
			ip link set cable netns \$there
			there ip link set lo up
			there ip address add $FOUR/24 dev cable
			there ip -6 address add $SIX/64 dev cable nodad
			there ip link set cable up
			there "$PYTHON" "$LIB/outside.py" $FOUR $SIX "$W/www" far >"$W/far" 2>&1 &
			mount --bind "${CROZE_TEST_TUN-}" /dev/net/tun
			at=198.51.100.1 at6=2001:db8::1
		else
			ip link set cable up
			echo ready >"$W/far"
		fi
		ip address add \$at/24 dev out
		ip -6 address add \$at6/64 dev out nodad
		ip link set out up
		ip route add default ${pasta:+via $FOUR} dev out
		ip -6 route add default ${pasta:+via $SIX} dev out
		mount -t tmpfs none /mnt
		echo "nameserver 127.0.0.53" >/mnt/resolv.conf
		mount --bind /mnt/resolv.conf /etc/resolv.conf
		: >"$W/servers"
		"$PYTHON" "$LIB/outside.py" $FOUR $SIX "$W/www" ${pasta:+near} >"$W/servers" 2>&1 &
		servers=\$!
		trap 'kill \$servers' EXIT
		for i in \$(seq 300); do grep -q ready "$W/servers" && grep -q ready "$W/far" && break; sleep 0.1; done
		grep -q ready "$W/servers" && grep -q ready "$W/far" || { cat "$W/servers" "$W/far"; exit 98; }
		inside() { timeout 60 "$CROZE_BUILD/tests/e2e/inside" "\$@"; }
		client() { inside -- "$PYTHON" "$LIB/client.py" "\$@"; }
		$1
	END
	unshare --user --map-root-user --map-auto --net --mount --pid --fork --mount-proc -- bash "$W/world.sh" 2>&1
}

# all_yes CALLS: each client of the last "run" said "yes", and nothing else was printed.
all_yes()
{
	ok
	printf '%s\n' "$output"
	equal "$(grep -c '^yes$' <<<"$output")" "$1"
	equal "$(grep -vc '^yes$' <<<"$output" || true)" 0
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
	run world 'inside --record -- getent ahosts test.example
	    inside -- '"$PYTHON"' -c "
import socket, struct
q = b\"\x12\x34\x01\x00\x00\x01\" + bytes(6) + b\"\x04test\x07example\0\0\x01\0\x01\"
s = socket.create_connection((\"127.0.0.11\", 53)); s.sendall(struct.pack(\">H\", len(q)) + q)
print(\"stream\", socket.inet_ntoa(s.recv(500)[-4:]))"
	    inside -- getent hosts other.example || echo none'
	ok
	says "$FOUR" "$SIX" "stream $FOUR" none
}

# clients RULE URL: each client that is installed fetches it; prints its name and "yes" or "no".
clients='
	try() { name=$1; shift; command -v "$1" >/dev/null || return 0; if inside "${rule[@]}" -- "$@" 2>/dev/null | grep -q greetings; then echo "$name yes"; else echo "$name no"; fi; }
	fetch() {
	    try curl curl -sS -m 10 "$1"
	    try wget wget -q -T 5 -t 1 -O - "$1"
	    try python '"/usr/bin/python3"' -c "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())" "$1"
	    try node node -e "fetch(process.argv[1]).then(r => r.text()).then(console.log)" "$1"
	    try perl perl -MIO::Socket::IP -e "\$s = IO::Socket::IP->new(PeerHost => \"test.example\", PeerPort => 80, Timeout => 10) or exit 1; print \$s \"GET /hello HTTP/1.0\r\n\r\n\"; print <\$s>"
	}'

@test "matrix: clients reach a name that is allowed, and none that is not" {
	run world "$clients"'
	    rule=(--allow test.example:80); echo allowed; fetch http://test.example/hello
	    rule=(--allow other.example); echo denied; fetch http://test.example/hello
	    rule=(--allow test.example:81); echo denied; fetch http://test.example/hello
	    rule=(); echo open; fetch http://test.example/hello'
	ok
	echo "$output"
	equal "$(sed -n '/^allowed/,/^denied/p;/^open/,$p' <<<"$output" | grep -c ' no$' || true)" 0
	equal "$(sed -n '/^denied/,/^open/p' <<<"$output" | grep -c ' yes$' || true)" 0
	[ "$(grep -c ' yes$' <<<"$output")" -ge 6 ]
}

@test "matrix: git, npm and apt through a step's network" {
	run world '
	    export HOME=/mnt GIT_CONFIG_NOSYSTEM=1
	    if command -v git >/dev/null; then
	        git init -q /mnt/r && git -C /mnt/r -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
	        git -C /mnt/r update-server-info && cp -r /mnt/r/.git "'"$W"'/www/r.git"
	        inside -- git ls-remote http://test.example/r.git | grep -q HEAD && echo git
	        inside --allow other.example -- git ls-remote http://test.example/r.git 2>&1 | grep -q "not resolve" && echo git-denied
	    else echo git; echo git-denied; fi
	    if command -v npm >/dev/null; then
	        printf "{\"name\":\"x\",\"dist-tags\":{\"latest\":\"1.2.3\"},\"versions\":{\"1.2.3\":{\"name\":\"x\",\"version\":\"1.2.3\"}}}" >"'"$W"'/www/x"
	        inside -- npm view x version --registry http://test.example/ 2>&1 | grep -q 1.2.3 && echo npm
	        inside --allow other.example -- npm --cache /mnt/other view x version --registry http://test.example/ --fetch-retries 0 >/dev/null 2>&1 || echo npm-denied
	    else echo npm; echo npm-denied; fi
	    if [ -x /usr/lib/apt/apt-helper ]; then
	        inside -- /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file http://test.example/hello /mnt/got >/dev/null && grep -q greetings /mnt/got && echo apt
	        inside --allow other.example -- /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file http://test.example/hello /mnt/not >/dev/null 2>&1 || echo apt-denied
	    else echo apt; echo apt-denied; fi'
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
	run world "$clients"'
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
	need go
	mkdir -p "$W/go"
	cat >"$W/go/main.go" <<-'END'
		package main

		import (
			"fmt"
			"io"
			"net/http"
			"os"
		)

		func main() {
			r, err := http.Get(os.Args[1])
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			b, _ := io.ReadAll(r.Body)
			fmt.Print(string(b))
		}
	END
	(cd "$W/go" && HOME=$W/go GOCACHE=$W/go/cache GO111MODULE=off CGO_ENABLED=0 timeout 200 go build -o client main.go)
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
