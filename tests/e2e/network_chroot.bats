#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# network_chroot - what a step of the tier chroot reaches, which has no namespace for its network (rows N of the security catalogue).
#
# As network_emulate.bats; the commands run in the machine's own tree, as root with the capabilities that engines leave to it.

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

export INSIDE=--chroot

@test "chroot: streams and datagrams outside, by IPv4 and IPv6" {
	run world 'for a in '"$FOUR $SIX"'; do for w in blocking polled options threaded datagram datagrams; do client $w $a; done; done'
	all_yes 12
}

@test "N1, N2 chroot: loopback, link-local and abstract sockets of the machine are out of reach; twin: the step's own are not" {
	run world "for w in alone inner story interrupted many named; do client \$w $FOUR; done"
	all_yes 6
}

@test "N1, N6 chroot: no race for addresses and descriptors, no used socket, no other kind of socket and no option leads to the machine" {
	run world "for w in race again torn swapped kinds listening; do client \$w $FOUR; done"
	all_yes 6
}

@test "N1 chroot: who is not of the step reaches none of its servers, and steps none of each other" {
	strangers_are_turned_away
}

@test "chroot: names are asked at the machine's resolver on loopback, by datagram and by stream" {
	names_are_asked
}

@test "chroot: processes that change their user are served, in whichever way they do; twin: one that is not to be looked into is refused" {
	need setpriv su
	run world "client dropped $FOUR; echo; client mixed $FOUR"
	ok
	equal "$(grep -c '^yes$' <<<"$output")" 2
	says "whose real and effective users differ" "--network=host"
	equal "$(sed '/^$/q' <<<"$output" | grep -c croze: || true)" 0
	run world 'inside -- setpriv --reuid 7777 --regid 7777 --clear-groups curl -sS http://test.example/hello
	    inside -- setpriv --reuid 7777 --regid 7777 --clear-groups --inh-caps +chown,+dac_override --ambient-caps +chown,+dac_override curl -sS http://test.example/hello
	    inside -- su -s /bin/sh nobody -c "curl -sS http://test.example/hello"'
	ok
	equal "$(grep -c greetings <<<"$output")" 3
}

@test "matrix chroot: clients reach a name that is allowed, and none that is not" {
	run world "$CLIENTS"'
	    rule=(--allow test.example:80); echo allowed; fetch http://test.example/hello
	    rule=(--allow other.example); echo denied; fetch http://test.example/hello
	    rule=(); echo open; fetch http://test.example/hello'
	matrix_is_right
}

@test "matrix chroot: git, npm and apt through a step's network; apt as the user that it takes for downloads" {
	run world "$PACKAGERS"'
	    if [ -x /usr/lib/apt/apt-helper ]; then
	        mkdir -p /mnt/d && chown _apt /mnt/d && inside -- /usr/lib/apt/apt-helper download-file http://test.example/hello /mnt/d/got
	        grep -q greetings /mnt/d/got && echo apt-as-user
	    else echo apt-as-user; fi'
	ok
	says git git-denied npm npm-denied apt apt-denied apt-as-user
	says_not croze:
}

@test "N6 chroot: with no network nothing is reached" {
	export INSIDE="--chroot --none"
	run world "client nothing $FOUR"
	says "Address family not supported"
}

# chroot_build: makes $W/confine, as which a build has this tier. In a namespace without power over devices they have to be there already.
chroot_build()
{
	need gcc
	gcc -D_GNU_SOURCE -o "$W/confine" "$CROZE_SOURCE/tests/hosts/confine.c"
	mkdir -p "$W/c/dev" && (cd "$W/c/dev" && touch null zero full random urandom tty)
}

@test "builds chroot: nothing outlives a build that is killed, with a network of its own, that around it, or none" {
	chroot_build
	dockerfile <<-END
		FROM alpine:3.19
		COPY dev /dev
		RUN (trap "" TERM HUP INT; sleep 4321) & echo started; sleep 4321
	END
	run world 'for n in default host none; do
	        "$W/confine" croze build --progress=plain --isolation chroot --no-cache --network=$n c >log 2>&1 & pid=$!
	        for i in $(seq 100); do grep -qE "(^| )started$" log && break; sleep 0.1; done
	        echo $n $(pgrep -cx sleep); kill -9 $pid; wait $pid || true
	        for i in $(seq 50); do pgrep -x sleep >/dev/null || break; sleep 0.1; done
	        echo left $(pgrep -cx sleep)
	    done'
	ok
	printf '%s\n' "$output"
	says "default 2" "host 2" "none 2"
	equal "$(grep -c '^left 0$' <<<"$output")" 3
}

@test "builds chroot: what is reached is said and recorded; --network=none, --allow-egress; without ptrace(2) the network around is named, and no list taken" {
	chroot_build
	gcc -D_GNU_SOURCE -DREFUSED_TOO=SYS_ptrace -o "$W/without" "$CROZE_SOURCE/tests/hosts/confine.c"
	dockerfile <<-END
		FROM alpine:3.19
		COPY dev /dev
		RUN wget -q -T 5 -O - http://test.example/hello | sed 's/^/> /'; wget -q -T 5 -O - http://169.254.169.254/; wget -q -T 5 -O - http://127.0.0.1/; true
		RUN su -s /bin/sh nobody -c 'wget -q -T 5 -O - http://test.example/hello' | sed 's/^/> dropped: /'
		RUN mkdir /a /b && touch /a/x && ln /a/x /b/x && mv /a /b/ && echo '> linked'
		RUN --network=none wget -q -T 5 -O - http://$FOUR/hello | sed 's/^/> none: /'
		RUN echo "> here: \$(hostname) \$(sed -n 's/^127.0.0.1.*localhost //p' /etc/hosts)"
		RUN --network=none echo "> there: \$(hostname) \$(sed -n 's/^127.0.0.1.*localhost //p' /etc/hosts)"
	END
	run world 'build() { timeout 90 "$W/${with-confine}" croze build --progress=plain --isolation chroot --no-cache "$@" -t app c; }
	    build --metadata-file m.json; cat m.json; cat "$CROZE_ROOT"/builds/*/network.json; echo; echo limited; build --allow-egress other.example; echo none; build --network=none
	    echo without; with=without; build --allow-egress test.example || true; build'
	ok
	says "> greetings" "> linked" "> dropped: greetings" "network: reached test.example:80; refused 169.254.169.254:80" '"croze.network"' \
	    "the connections that croze makes for them" "refused test.example, 169.254.169.254:80" "have no network"
	says_not "> none: greetings"
	says "> here: buildkitsandbox buildkitsandbox" "> there: $(hostname) $(hostname)" # with sockets of its own it has a name of its own
	says "--allow-egress: steps of the isolation 'chroot' can be given no network of their own" "hint: " \
	    "the network of this container with all that it reaches (a process that has dropped its user cannot be looked into)"
	equal "$(grep -c '> greetings' <<<"$output")" 2
	# only where the network around was named
	equal "$(sed '/^without$/,$d' <<<"$output" | grep -c host-secret || true)" 0
}
