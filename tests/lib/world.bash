# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034
#
# world.bash - a network namespace that plays the world, for tests of what a step reaches: network.bats,
# network_emulate.bats, network_chroot.bats.
#
# croze runs in it, with servers on addresses of an interface (lib/outside.py). Clients of this machine are put into the network of a
# step by tests/e2e/inside.

FOUR=198.51.100.7
SIX=2001:db8::7

# world SCRIPT [pasta]: runs it in bash as root of a namespace with a range of ids, beside the servers. Its output is that of the script.
# With "pasta" /dev/net/tun can be opened, and what is at the two addresses stands at the other end of a cable, since pasta gives a step
# the machine's own addresses. $INSIDE is given to tests/e2e/inside.
world()
{
	local pasta=${2-}
	need ip unshare
	[ -x "$CROZE_BUILD/tests/e2e/inside" ] || skip "tests/e2e/inside is not built"
	mkdir -p "$W/www"
	echo greetings >"$W/www/hello"
	cat >"$W/world.sh" <<-END
		set -eu
		W="$W"
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
		inside() { CROZE_LIBEXEC="$CROZE_BUILD" timeout 60 "$CROZE_BUILD/tests/e2e/inside" ${INSIDE-} "\$@"; }
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

# CLIENTS: each client that is installed fetches it; prints its name and "yes" or "no".
CLIENTS='
	try() { name=$1; shift; command -v "$1" >/dev/null || return 0; if inside "${rule[@]}" -- "$@" 2>/dev/null | grep -q greetings; then echo "$name yes"; else echo "$name no"; fi; }
	fetch() {
	    try curl curl -sS -m 10 "$1"
	    try wget wget -q -T 5 -t 1 -O - "$1"
	    try python '"/usr/bin/python3"' -c "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())" "$1"
	    try node node -e "fetch(process.argv[1]).then(r => r.text()).then(console.log)" "$1"
	    try perl perl -MIO::Socket::IP -e "\$s = IO::Socket::IP->new(PeerHost => \"test.example\", PeerPort => 80, Timeout => 10) or exit 1; print \$s \"GET /hello HTTP/1.0\r\n\r\n\"; print <\$s>"
	}'

# git, npm and apt, each with a name that is allowed and one that is not.
PACKAGERS='
	    export HOME=/mnt GIT_CONFIG_NOSYSTEM=1
	    if command -v git >/dev/null; then
	        git init -q /mnt/r && git -C /mnt/r -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
	        git -C /mnt/r update-server-info && cp -r /mnt/r/.git "$W/www/r.git"
	        inside -- git ls-remote http://test.example/r.git | grep -q HEAD && echo git
	        inside --allow other.example -- git ls-remote http://test.example/r.git 2>&1 | grep -q "not resolve" && echo git-denied
	    else echo git; echo git-denied; fi
	    if command -v npm >/dev/null; then
	        printf "{\"name\":\"x\",\"dist-tags\":{\"latest\":\"1.2.3\"},\"versions\":{\"1.2.3\":{\"name\":\"x\",\"version\":\"1.2.3\"}}}" >"$W/www/x"
	        inside -- npm view x version --registry http://test.example/ 2>&1 | grep -q 1.2.3 && echo npm
	        inside --allow other.example -- npm --cache /mnt/other view x version --registry http://test.example/ --fetch-retries 0 >/dev/null 2>&1 || echo npm-denied
	    else echo npm; echo npm-denied; fi
	    if [ -x /usr/lib/apt/apt-helper ]; then
	        inside -- /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file http://test.example/hello /mnt/got >/dev/null && grep -q greetings /mnt/got && echo apt
	        inside --allow other.example -- /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file http://test.example/hello /mnt/not >/dev/null 2>&1 || echo apt-denied
	    else echo apt; echo apt-denied; fi'

# go_client: makes $W/go/client, which prints what is at its argument.
go_client()
{
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
}

# names_are_asked: inside, at the machine's resolver on loopback, by datagram and by stream; a name that nobody knows is none.
names_are_asked()
{
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

# strangers_are_turned_away: two steps serve at the same port, each its own client; a process beside them reaches neither.
strangers_are_turned_away()
{
	cat >"$W/server.py" <<-'END'
		import socket, sys
		s = socket.create_server(("0.0.0.0", 8080))
		print("up", flush=True)
		sys.stdin.readline()
		c = socket.create_connection(("127.0.0.1", 8080))
		c.sendall(sys.argv[1].encode())
		got, _ = s.accept()
		print("got " + got.recv(100).decode(), flush=True)
	END
	cat >"$W/stranger.py" <<-'END'
		import socket, subprocess
		n = 0
		for line in subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout.splitlines():
		    at, port = line.split()[3].rsplit(":", 1)
		    if at.startswith("127.") and at not in ("127.0.0.1", "127.0.0.53"):
		        c = socket.create_connection((at, int(port)), 5)
		        c.sendall(b"stranger")
		        n += 1
		print("strangers", n, flush=True)
	END
	need ss mkfifo
	run world 'mkfifo "$W/one" "$W/two"
	    inside -- '"$PYTHON"' "$W/server.py" one <"$W/one" >"$W/out1" & inside -- '"$PYTHON"' "$W/server.py" two <"$W/two" >"$W/out2" &
	    exec 5>"$W/one" 6>"$W/two"
	    for i in $(seq 100); do grep -q up "$W/out1" && grep -q up "$W/out2" && break; sleep 0.1; done
	    '"$PYTHON"' "$W/stranger.py"; echo >&5; echo >&6; wait %2 %3; cat "$W/out1" "$W/out2"'
	ok
	says "strangers 2" "got one" "got two"
	says_not "got stranger"
}

# matrix_is_right: what was run has succeeded, and every client was let in after "allowed" and "open", none after "denied".
matrix_is_right()
{
	ok
	echo "$output"
	equal "$(sed -n '/^allowed/,/^denied/p;/^open/,$p' <<<"$output" | grep -c ' no$' || true)" 0
	equal "$(sed -n '/^denied/,/^open/p' <<<"$output" | grep -c ' yes$' || true)" 0
	[ "$(grep -c ' yes$' <<<"$output")" -ge 6 ]
}
