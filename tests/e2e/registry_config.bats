#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# registry_config - passwords and places: every source of credentials, every key of registries.conf, policy.json, certs.d.
load ../lib/common
load ../lib/registry

# The password that the token endpoint got last: "user:secret", empty for none.
sent()
{
	grep -a '"path": "/token' r/requests | tail -n 1 | jq -r '.headers.Authorization // ""' | sed 's/^Basic //' | base64 -d
}

# auth FILE KEY USER:SECRET
auth()
{
	mkdir -p "$(dirname "$1")"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$2" "$(printf %s "$3" | base64)" >"$1"
}

# ask [NAME] [OPTION...]: pulls from the server that wants tokens; "sent" tells with what.
ask()
{
	empty_store
	: >r/requests
	pull "${@:2}" "$HOST/${1:-app}:latest" >out 2>&1 || { cat out; return 1; }
}

start()
{
	fake_registry r --token
	HOST=127.0.0.1:$PORT
}

# helper NAME: docker-credential-NAME, which notes what it is asked in NAME.log and answers from NAME.get.
helper()
{
	mkdir -p bin
	cat >"bin/docker-credential-$1" <<END
#!/bin/sh
read -r line
echo "\$1 \$line" >>$W/$1.log
[ "\$1" != list ] || cat $W/$1.list
[ "\$1" != get ] || { cat $W/$1.get; exit \$(cat $W/$1.status 2>/dev/null || echo 0); }
END
	chmod +x "bin/docker-credential-$1"
	export PATH=$W/bin:$PATH
}

@test "credentials 0: --creds, --authfile, REGISTRY_AUTH_FILE and DOCKER_AUTH_CONFIG are the only ones asked" {
	start
	auth "$HOME/.docker/config.json" "$HOST" docker:d
	auth named.json "$HOST" named:n
	auth other.json other.example x:y
	ask app --creds me:a:b
	equal "$(sent)" me:a:b
	ask app --authfile named.json
	equal "$(sent)" named:n
	ask app --authfile other.json
	equal "$(sent)" ''
	REGISTRY_AUTH_FILE=$W/named.json ask
	equal "$(sent)" named:n
	DOCKER_AUTH_CONFIG=$(sed s/"$(printf named:n | base64)"/"$(printf env:e | base64)"/ named.json) ask
	equal "$(sent)" env:e
	DOCKER_AUTH_CONFIG=nonsense run ask
	fails 1
	says "DOCKER_AUTH_CONFIG is not what docker writes"
	run ask app --authfile none.json
	fails 1
	says "--authfile: there is no file 'none.json'"
	DOCKER_AUTH_CONFIG='{"credsStore":"missing"}' run ask
	fails 1
	says "docker-credential-missing" "credential helper"
}

@test "credentials 1, 2, 3 and 5: auth.json of the session, of the user, docker's, DOCKER_CONFIG, .dockercfg" {
	start
	printf '{"%s":{"auth":"%s"}}' "https://$HOST/v1/" "$(printf legacy:l | base64)" >"$HOME/.dockercfg"
	ask
	equal "$(sent)" legacy:l
	auth "$HOME/.docker/config.json" "$HOST" docker:d
	ask
	equal "$(sent)" docker:d
	auth elsewhere/config.json "$HOST" variable:v
	DOCKER_CONFIG=$W/elsewhere ask
	equal "$(sent)" variable:v
	auth "$HOME/.config/containers/auth.json" "$HOST" config:c
	ask
	equal "$(sent)" config:c
	auth "$XDG_RUNTIME_DIR/containers/auth.json" "$HOST" session:s
	ask
	equal "$(sent)" session:s
	XDG_RUNTIME_DIR=$W/missing ask
	equal "$(sent)" config:c
	has "XDG_RUNTIME_DIR names '$W/missing'" out
	auth xdg/containers/auth.json "$HOST" xdg:x
	XDG_RUNTIME_DIR=$W/missing XDG_CONFIG_HOME=$W/xdg ask
	equal "$(sent)" xdg:x
}

@test "credentials: the longest key of auths counts, URLs are hosts, an auth is split at its first colon" {
	start
	cat >a.json <<-END
	{"auths":{"$HOST":{"auth":"$(printf host:h | base64)"},
	 "$HOST/team":{"auth":"$(printf team:t | base64)"},
	 "$HOST/team/app":{"auth":"$(printf app:a | base64)"}}}
	END
	ask other --authfile a.json
	equal "$(sent)" host:h
	ask team/x --authfile a.json
	equal "$(sent)" team:t
	ask team/app --authfile a.json
	equal "$(sent)" app:a
	ask team/application --authfile a.json
	equal "$(sent)" team:t
	auth b.json "http://$HOST/v1/" url:u
	ask x --authfile b.json
	equal "$(sent)" url:u
	auth c.json "$HOST" 'me:with:colons'
	ask x --authfile c.json
	equal "$(sent)" me:with:colons
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$HOST" "$(printf 'nul:n\0\0' | base64)" >d.json
	ask x --authfile d.json
	equal "$(sent)" nul:n
	printf '{"auths":{"%s":{"username":"plain","password":"p"}}}' "$HOST" >f.json
	ask x --authfile f.json
	equal "$(sent)" plain:p
}

@test "credentials: identity tokens are exchanged, registry tokens go as they are" {
	start
	printf '{"auths":{"%s":{"registrytoken":"token-mine"}}}' "$HOST" >a.json
	ask x --authfile a.json
	equal "$(asked r '"path": "/token')" 0
	has "Bearer token-mine" r/requests
	printf '{"auths":{"%s":{"identitytoken":"refresh"}}}' "$HOST" >b.json
	run ask x --authfile b.json
	has '"method": "POST", "path": "/token' r/requests
	lacks refresh r/requests
}

@test "credential helpers: credHelpers before auths, credsStore behind it, none, <token> and a failure" {
	start
	helper one
	helper all
	printf '{"ServerURL":"x","Username":"one","Secret":"1"}' >one.get
	printf '{"ServerURL":"x","Username":"all","Secret":"2"}' >all.get
	cat >a.json <<-END
	{"auths":{"$HOST":{"auth":"$(printf file:f | base64)"}},"credHelpers":{"$HOST":"one"},"credsStore":"all"}
	END
	ask x --authfile a.json
	equal "$(sent)" one:1
	equal "$(cat one.log)" "get $HOST"
	printf 'credentials not found in native keychain\n' >one.get
	echo 1 >one.status
	ask x --authfile a.json
	equal "$(sent)" file:f
	printf '{"auths":{"%s":{}},"credsStore":"all"}' "$HOST" >b.json
	ask x --authfile b.json
	equal "$(sent)" all:2
	printf 'the keychain is locked\n' >all.get
	echo 1 >all.status
	run ask x --authfile b.json
	fails 1
	says "docker-credential-all get' failed: the keychain is locked"
	rm all.status
	printf '{"Username":"<token>","Secret":"refresh"}' >all.get
	run ask x --authfile b.json
	has '"method": "POST", "path": "/token' r/requests
	printf '{"credsStore":"../x"}' >c.json
	run ask x --authfile c.json
	fails 1
	says "is no name of a credential helper"
}

@test "login writes through the helper, logout removes the addressed key and no other" {
	start
	helper keep
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"other.example":{"auth":"%s"}},"HttpHeaders":{"a":"b"}}' "$(printf o:p | base64)" >"$HOME/.docker/config.json"
	run croze login -u me --password-stdin "$HOST" <<<secret
	ok
	equal "$(jq -r '.auths | keys | length' "$HOME/.docker/config.json")" 2
	equal "$(jq -r .HttpHeaders.a "$HOME/.docker/config.json")" b
	run croze login --get-login "$HOST"
	ok
	equal "$output" me
	run croze logout "$HOST"
	ok
	equal "$(jq -r '.auths | keys[]' "$HOME/.docker/config.json")" other.example
	run croze logout "$HOST"
	fails 2
	printf '{"credsStore":"keep"}' >"$HOME/.docker/config.json"
	run croze login -u me --password-stdin "$HOST" <<<secret
	ok
	says "docker-credential-keep"
	has "store {\"ServerURL\":\"$HOST\",\"Username\":\"me\",\"Secret\":\"secret\"}" keep.log
	lacks secret "$HOME/.docker/config.json"
	run croze logout "$HOST"
	ok
	has "erase $HOST" keep.log
	auth "$XDG_RUNTIME_DIR/containers/auth.json" "$HOST" old:o
	rm "$HOME/.docker/config.json"
	run croze login -u new --password-stdin "$HOST" <<<secret
	ok
	says "containers/auth.json"
	[ ! -e "$HOME/.docker/config.json" ]
}

@test "credential-helpers of registries.conf: the first keeps what login gets, all are asked, logout empties them" {
	start
	helper one
	helper two
	auth "$HOME/.docker/config.json" "$HOST" file:f
	printf 'credentials not found in native keychain\n' >one.get
	echo 1 >one.status
	printf '{"Username":"two","Secret":"2"}' >two.get
	conf <<<'credential-helpers = ["one", "containers-auth.json", "two"]'
	ask
	equal "$(sent)" file:f
	run croze login -u me --password-stdin "$HOST" <<<secret
	ok
	says "docker-credential-one"
	has "store {\"ServerURL\":\"$HOST\",\"Username\":\"me\",\"Secret\":\"secret\"}" one.log
	run croze logout "$HOST"
	ok
	has "erase $HOST" one.log
	has "erase $HOST" two.log
	lacks "$HOST" "$HOME/.docker/config.json"
	ask
	equal "$(sent)" two:2
	run croze login --get-login "$HOST"
	ok
	equal "$output" two
}

@test "logout --all empties the helpers that files name" {
	helper one
	helper all
	echo '{"https://a.example/v1/":"me","b.example:5000":"me"}' >all.list
	mkdir -p "$HOME/.docker"
	echo '{"auths":{"c.example":{}},"credHelpers":{"d.example":"one"},"credsStore":"all"}' >"$HOME/.docker/config.json"
	run croze logout --all
	ok
	has "erase https://a.example/v1/" all.log
	has "erase b.example:5000" all.log
	has "erase d.example" one.log
	equal "$(jq -c .auths "$HOME/.docker/config.json")" '{}'
}

# conf: standard input becomes the registries.conf that is read.
conf()
{
	cat >registries.conf
	export CONTAINERS_REGISTRIES_CONF=$W/registries.conf
}

@test "registries.conf: the longest prefix chooses the location, wildcards cover hosts" {
	fake_registry r
	conf <<-END
	[[registry]]
	prefix = "registry.example"
	location = "127.0.0.1:$PORT/one"
	[[registry]]
	prefix = "registry.example/team"
	location = "127.0.0.1:$PORT/two"
	[[registry]]
	prefix = "*.wild.example"
	location = "127.0.0.1:$PORT"
	END
	empty_store
	pull registry.example/app:latest registry.example/team/app:latest a.wild.example/x/y:latest
	equal "$(grep -o '/v2/[^"]*/manifests/latest' r/requests | sort -u | tr '\n' ' ')" \
	    "/v2/one/app/manifests/latest /v2/two/app/manifests/latest /v2/x/y/manifests/latest "
	croze images | grep -q registry.example/team/app
	run pull registry.examples/app:latest --retry 0
	fails 4
}

@test "registries.conf: mirrors in order, then the location; by digest or tag only; never for a push" {
	fake_registry m
	mirror=$PORT
	fake_registry r
	conf <<-END
	[[registry]]
	location = "127.0.0.1:$PORT"
	[[registry.mirror]]
	location = "127.0.0.1:$mirror/mirrored"
	[[registry.mirror]]
	location = "127.0.0.1:$mirror/bydigest"
	pull-from-mirror = "digest-only"
	END
	empty_store
	run pull "127.0.0.1:$PORT/app:latest"
	ok
	[ ! -e r/requests ]
	fault m 'manifest 0 404'
	empty_store other
	run pull "127.0.0.1:$PORT/app:latest"
	ok
	says "mirror '127.0.0.1:$mirror/mirrored/app' cannot serve it"
	equal "$(asked m bydigest)" 0
	digest=$(croze images --format '{{.Digest}}' | head -n 1)
	empty_store third
	run pull "127.0.0.1:$PORT/app@$digest"
	ok
	[ "$(asked m /v2/bydigest/app/manifests)" -gt 0 ]
	: >m/requests
	run croze push "$digest" "127.0.0.1:$PORT/app:pushed"
	ok
	equal "$(asked m .)" 0
}

@test "registries.conf: blocked, unknown keys, version 1 and bad TOML are refused by line" {
	fake_registry r
	conf <<<$'[[registry]]\nprefix = "127.0.0.1:'"$PORT"$'"\nblocked = true'
	empty_store
	run pull "127.0.0.1:$PORT/app:latest"
	fails 5
	says "blocked by registries.conf"
	conf <<<$'[[registry]]\nlocation = "x.example"\nblock = true'
	run pull "127.0.0.1:$PORT/app:latest"
	fails 2
	says "unknown key 'block'"
	conf <<<$'[registries.search]\nregistries = ["docker.io"]'
	run pull x
	fails 2
	says "version 1"
	conf <<<$'a = "b"\nunqualified-search-registries = ["docker.io"\n'
	run pull x
	fails 2
	says "line "
	[ ! -e r/requests ]
}

@test "registries.conf: short names go to docker.io, an alias or the search list; drop-in files are read in order" {
	fake_registry r
	mkdir -p registries.conf.d
	conf <<-END
	unqualified-search-registries = ["nobody.example"]
	[aliases]
	"short" = "127.0.0.1:$PORT/aliased/app"
	END
	empty_store
	run pull short:latest
	ok
	says "127.0.0.1:$PORT/aliased/app:latest"
	printf 'unqualified-search-registries = ["127.0.0.1:%s"]\n' "$PORT" >registries.conf.d/50-search.conf
	run pull found:latest
	ok
	says "127.0.0.1:$PORT/found:latest"
	echo 'short-name-mode = "enforcing"' >registries.conf.d/60-mode.conf
	run pull found:latest
	ok
	printf 'unqualified-search-registries = ["127.0.0.1:%s", "nobody.example"]\n' "$PORT" >registries.conf.d/70-two.conf
	run pull found:latest
	fails 5
	says "'found:latest' may stand for an image of 2 registries" "name the registry: 127.0.0.1:$PORT/found:latest"
	run pull short:latest
	ok
	conf <<<''
	rm -r registries.conf.d
	run pull --retry 0 found:latest
	fails 4
	says "docker.io/library/found:latest" "registry-1.docker.io"
}

@test "policy.json: reject, signatures and what is not known are refused; the longest scope counts" {
	fake_registry r
	empty_store
	mkdir -p "$HOME/.config/containers"
	policy=$HOME/.config/containers/policy.json
	name=127.0.0.1:$PORT/team/app:latest
	echo '{"default":[{"type":"reject"}]}' >"$policy"
	run pull "$name"
	fails 5
	says "rejects"
	echo '{"default":[{"type":"reject"}],"transports":{"docker":{"127.0.0.1:'"$PORT"'/team":[{"type":"insecureAcceptAnything"}]}}}' >"$policy"
	run pull "$name"
	ok
	for requirement in '{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k"}' '{"type":"sigstoreSigned","keyPath":"/k"}' '{"type":"new"}'; do
		echo '{"default":['"$requirement"']}' >"$policy"
		run pull "$name"
		fails 5
	done
	echo '{"default":[{"type":"insecureAcceptAnything"}],"more":1}' >"$policy"
	run pull "$name"
	fails 2
	says "unknown member 'more'"
	echo '{"default":[]}' >"$policy"
	run pull "$name"
	fails 2
}

@test "G10 certificates: self-signed, expired, another name and a weak key are refused, and taken only by --tls-verify=false" {
	need openssl
	ca 127.0.0.1
	mkdir -p "$HOME/.config"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
	    -keyout self.key -out self.crt 2>/dev/null
	DAYS=-1 certificate expired 127.0.0.1
	certificate othername other.example
	BITS=1024 certificate weak 127.0.0.1
	for kind in self expired othername weak server; do
		fake_registry $kind --https $kind.crt $kind.key
		name=127.0.0.1:$PORT/app:latest
		mkdir -p "$HOME/.config/containers/certs.d/127.0.0.1:$PORT"
		cp ca.crt "$HOME/.config/containers/certs.d/127.0.0.1:$PORT/"
		empty_store $kind.store
		run pull --retry 0 "$name"
		if [ $kind = server ]; then
			ok
			continue
		fi
		fails 4
		[ ! -e $kind/requests ]
		run pull --retry 0 --tls-verify=false "$name"
		ok
	done
}

@test "SSL_CERT_FILE and SSL_CERT_DIR stand for the system's certificates" {
	ca 127.0.0.1
	fake_registry r --https server.crt server.key
	mkdir roots
	cp ca.crt "roots/$(openssl x509 -hash -noout -in ca.crt).0"
	empty_store
	run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	fails 4
	SSL_CERT_FILE=$W/ca.crt run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	ok
	mkdir other
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other-ca -keyout other.key -out other/ca.crt 2>/dev/null
	SSL_CERT_FILE=$W/ca.crt run pull --retry 0 --cert-dir other "127.0.0.1:$PORT/app:latest"
	ok
	SSL_CERT_FILE=$W/none run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	fails 4
	says "hint: SSL_CERT_FILE and SSL_CERT_DIR"
	SSL_CERT_DIR=$W/roots run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	ok
}

@test "certs.d and --cert-dir give the client's certificate" {
	need openssl
	ca localhost 127.0.0.1
	certificate client me
	real_registry "$W/server.crt" "$W/server.key"
	stop_servers
	sed -i "s|tls: {|tls: {clientcas: [$W/ca.crt], |" registry.yml
	docker-registry serve registry.yml >registry.log 2>&1 3>&- &
	SERVERS+=($!)
	wait_for port_open "${REGISTRY#*:}"
	mkdir certs
	cp ca.crt certs/
	run croze push --retry 0 --cert-dir certs "$BUSYBOX" "$REGISTRY/x:1"
	fails 4
	cp client.crt certs/client.cert
	run croze push --retry 0 --cert-dir certs "$BUSYBOX" "$REGISTRY/x:1"
	fails 2
	says "client.key' is missing"
	cp client.key certs/
	run croze push --cert-dir certs "$BUSYBOX" "$REGISTRY/x:1"
	ok
}

@test "http is for this machine and for what is named as insecure" {
	fake_registry r
	ip=$(hostname -I | awk '{ print $1 }')
	[ -n "$ip" ] || skip "no address but loopback"
	fake_registry outside --address "$ip"
	empty_store
	run pull "localhost:$(cat r/port)/app:latest"
	ok
	run pull --retry 0 "$ip:$PORT/app:latest"
	fails 4
	says "--tls-verify=false" "insecure = true"
	run pull --tls-verify=false "$ip:$PORT/app:latest"
	ok
	conf <<<$'[[registry]]\nlocation = "'"$ip:$PORT"$'"\ninsecure = true'
	run pull "$ip:$PORT/app:latest"
	ok
}

@test "proxies are used, and not for what no_proxy names" {
	fake_registry r
	empty_store
	http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	fails 4
	http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 no_proxy=127.0.0.1 run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	ok
}

@test "proxies of docker's config.json: for registries, and for RUN without being a part of the key; variables come first" {
	fake_registry r
	mkdir -p "$HOME/.docker"
	printf 'FROM %s\nRUN echo "$http_proxy $HTTPS_PROXY $no_proxy" >/p\n' "$BUSYBOX" | dockerfile
	build -t app >/dev/null
	printf '{"proxies":{"default":{"httpProxy":"http://127.0.0.1:9","httpsProxy":"http://p.example:1","noProxy":"n.example"}}}' \
	    >"$HOME/.docker/config.json"
	run build -t again
	ok
	equal "$(manifest_digest again)" "$(manifest_digest app)"
	run build --no-cache -o out
	ok
	equal "$(cat out/p)" "http://127.0.0.1:9 http://p.example:1 n.example"
	empty_store
	run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	fails 4
	NO_PROXY=127.0.0.1 run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	ok
	echo '{"proxies":{"default":{"httpProxy":7}}}' >"$HOME/.docker/config.json"
	run pull --retry 0 "127.0.0.1:$PORT/app:latest"
	ok
	says "note: " "httpProxy"
}

@test "files of the system are read behind the user's own: /run/containers, /etc/containers, /etc/docker" {
	need unshare
	ca 127.0.0.1
	fake_registry r --https server.crt server.key --token
	HOST=127.0.0.1:$PORT
	mkdir -p upper/containers upper/docker work
	setfattr -n user.overlay.opaque -v y upper/containers && setfattr -n user.overlay.opaque -v y upper/docker ||
	    skip "no extended attributes"
	cat >inside <<-'END'
	mount -t overlay overlay -o "lowerdir=/etc,upperdir=$W/upper,workdir=$W/work,userxattr" /etc || exit 77
	mount -t tmpfs none /run
	unset XDG_RUNTIME_DIR
	ask()
	{
		rm -rf "$CROZE_ROOT"
		timeout 60 croze pull -q --retry 0 "$HOST/app:latest" >/dev/null 2>&1
		echo "$1 $?"
	}
	mkdir -p /run/containers/0 "/etc/docker/certs.d/$HOST" "/etc/containers/certs.d/$HOST"
	printf '{"auths":{"%s":{"auth":"cnVuOnI="}}}' "$HOST" >/run/containers/0/auth.json
	rmdir "/etc/containers/certs.d/$HOST"
	ask "no CA"
	cp ca.crt "/etc/docker/certs.d/$HOST/"
	ask "a CA of docker"
	mkdir "/etc/containers/certs.d/$HOST"
	cp ca.crt "/etc/containers/certs.d/$HOST/"
	rm -r "/etc/docker/certs.d"
	ask "a CA of containers"
	echo '{"default":[{"type":"reject"}]}' >/etc/containers/policy.json
	ask "a policy"
	mkdir -p "$HOME/.config/containers"
	echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$HOME/.config/containers/policy.json"
	ask "a policy of the user"
	printf '[[registry]]\nlocation = "%s"\nblocked = true\n' "$HOST" >/etc/containers/registries.conf
	ask "blocked"
	: >"$HOME/.config/containers/registries.conf"
	ask "not blocked by the user"
	END
	export HOST W CROZE_ROOT=$W/inner
	run unshare --user --map-root-user --mount bash ./inside
	[ "$status" -ne 77 ] || skip "no overlay over /etc"
	[[ $output != *"Operation not permitted"* ]] || skip "no user namespace"
	equal "$output" "no CA 4
a CA of docker 0
a CA of containers 0
a policy 5
a policy of the user 0
blocked 5
not blocked by the user 0"
	equal "$(sent)" run:r
}
