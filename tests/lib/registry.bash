# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034
#
# registry.bash - registries on loopback for end-to-end tests: Debian's docker-registry, and registry_server.py, which
# misbehaves as it is told. They end with the test, and so does what it wrote of passwords and configuration. Loaded behind
# common.bash, this is the whole frame of a file of tests.

SERVERS=()

setup_file() { croze_suite; }
teardown_file() { croze_suite_end; }

eval "common_teardown() $(declare -f teardown | tail -n +2)"
teardown()
{
	stop_servers
	rm -rf "$HOME"/.docker "$HOME"/.dockercfg "$HOME"/.config "$XDG_RUNTIME_DIR"/containers
	common_teardown
}

free_port()
{
	"$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port_open()
{
	(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

stop_servers()
{
	local pid
	for pid in "${SERVERS[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	SERVERS=()
}

# real_registry [CERT KEY] [HTPASSWD]: $REGISTRY is its host:port.
real_registry()
{
	need docker-registry
	local port tls='' auth=''
	port=$(free_port)
	mkdir -p "$W/registry"
	[ -z "${1-}" ] || tls="  tls: {certificate: $1, key: $2}"
	[ -z "${3-}" ] || auth="auth: {htpasswd: {realm: test, path: $3}}"
	cat >"$W/registry.yml" <<-END
	version: 0.1
	log: {level: error, accesslog: {disabled: true}}
	storage:
	  filesystem: {rootdirectory: $W/registry}
	  delete: {enabled: true}
	$auth
	http:
	  addr: 127.0.0.1:$port
	$tls
	END
	docker-registry serve "$W/registry.yml" >"$W/registry.log" 2>&1 3>&- &
	SERVERS+=($!)
	wait_for port_open "$port"
	REGISTRY=127.0.0.1:$port
}

# fake_registry NAME [OPTION...]: its folder is $W/NAME, its port in $PORT; it serves the base images.
fake_registry()
{
	local name=$1
	shift
	mkdir -p "$W/$name"
	"$PYTHON" "$LIB/registry_server.py" "$SUITE/bases" "$W/$name" "$@" >"$W/$name/log" 2>&1 3>&- &
	SERVERS+=($!)
	wait_for test -e "$W/$name/port"
	PORT=$(cat "$W/$name/port")
}

# fault NAME LINE...: what the server does from now on.
fault()
{
	local name=$1
	shift
	printf '%s\n' "$@" >"$W/$name/fault"
}

# asked NAME PATTERN: how many requests match (a JSON object each).
asked()
{
	grep -cE -e "$2" "$W/$1/requests" || true
}

# empty_store: a store without the base images.
empty_store()
{
	export CROZE_ROOT=$W/${1:-empty}
	rm -rf "$CROZE_ROOT"
}

pull()
{
	timeout --kill-after=5 60 croze pull --retry-delay 10ms "$@"
}

# ca NAME...: a CA of our own in ca.crt, and a certificate for the names in server.crt and server.key.
ca()
{
	need openssl
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.crt 2>/dev/null
	certificate server "$@"
}

# certificate FILE NAME...: signed by the CA.
certificate()
{
	local file=$1 names='' n
	shift
	for n in "$@"; do
		case $n in
		*[!0-9.]*) names+=,DNS:$n ;;
		*) names+=,IP:$n ;;
		esac
	done
	openssl req -newkey "rsa:${BITS:-2048}" -nodes -subj "/CN=$1" -keyout "$file.key" -out "$file.csr" 2>/dev/null
	openssl x509 -req -in "$file.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "${DAYS:-2}" \
	    -extfile <(echo "subjectAltName=${names#,}") -out "$file.crt" 2>/dev/null
}
