#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# check - what is said of a Dockerfile without building it, and the same findings in builds.

load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# lint [ARGUMENT...]: croze check of the folder c; for "run lint ...".
lint()
{
	timeout --kill-after=5 60 croze check "$@" c
}

# json EXPRESSION: of the last output, evaluated by Python with the object as j.
json()
{
	printf '%s' "$output" | "$PYTHON" -c "import json,sys; j = json.load(sys.stdin); print($1)"
}

@test "14 a check reports findings with place, rule and help, and fails with status 2" {
	printf 'FROM busybox:musl AS Build\nENV a b\nCMD x\n' >c/Dockerfile
	run lint
	fails 2
	says "Dockerfile:1:22: warning: the stage name 'Build'" "(StageNameCasing)" "write NAME=VALUE" "3 warnings"
}

@test "14 a Dockerfile without findings passes the check with status 0" {
	printf 'FROM busybox:musl\nCMD ["x"]\n' >c/Dockerfile
	run lint
	ok
	says "Dockerfile: no warnings"
}

@test "14 build --check and --call=check are the same, and nothing is built" {
	local how
	printf 'FROM busybox:musl\nENV a b\nRUN exit 1\n' >c/Dockerfile
	for how in --check --call=check --call=lint; do
		run build "$how"
		fails 2
		says "(LegacyKeyValueFormat)"
		says_not "exit status"
	done
	run build --call=check,ignorestatus=true
	ok
	run build --call=nothing
	fails 2
	says "check, outline, targets"
	run build --call=outline,format=sarif
	fails 2
	says "text, json"
}

@test "14 a build warns with the name of the rule, and goes on" {
	printf 'FROM busybox:musl\nENV a b\n' >c/Dockerfile
	run build -t app
	ok
	says "Dockerfile:2: ENV a VALUE is the old form of ENV a=VALUE (LegacyKeyValueFormat)"
	printf '# check=skip=LegacyKeyValueFormat\nFROM busybox:musl\nENV a b\n' >c/Dockerfile
	run build -t app
	ok
	says_not LegacyKeyValueFormat
}

@test "14 check=error=true lets nothing be built" {
	printf '# check=error=true\nFROM busybox:musl\nENV a b\nRUN true\n' >c/Dockerfile
	run build -t app
	fails 2
	says "Dockerfile:3:5: error: ENV a VALUE" "nothing was run"
	run build -t app --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all
	ok
}

@test "14 JSON and SARIF are what tools read" {
	printf 'FROM busybox:musl\nENV a b\n' >c/Dockerfile
	run lint --format json
	fails 2
	equal "$(json 'j["warnings"][0]["ruleName"]')" LegacyKeyValueFormat
	equal "$(json '__import__("base64").b64decode(j["sources"][0]["data"]).decode().split()[0]')" FROM
	run lint --format sarif
	fails 2
	equal "$(json 'j["version"], j["runs"][0]["results"][0]["ruleId"]')" "2.1.0 LegacyKeyValueFormat"
	equal "$(json 'len(j["runs"][0]["tool"]["driver"]["rules"]) >= 22')" True
	printf 'FROM busybox:musl\nRNU x\n' >c/Dockerfile
	run lint --format sarif
	fails 2
	equal "$(json 'j["runs"][0]["results"][0]["level"], j["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"]')" "error 2"
	run lint --format json
	equal "$(json 'j["buildError"]["location"]["ranges"][0]["start"]["line"]')" 2
}

@test "14 all stages are checked without a target, one with it; images need not be there" {
	printf 'FROM no/such AS one\nENV a b\nFROM busybox:musl AS two\n' >c/Dockerfile
	run lint
	fails 2
	says "no/such" "(LegacyKeyValueFormat)"
	run lint --target two
	fails 2
	says_not "no/such"
}

@test "14 a check takes no image in: one that a layout or an archive has is not looked at" {
	printf 'FROM busybox:musl\n' >c/Dockerfile
	run build -t base -o type=oci,tar=false,dest=layout
	ok
	printf 'FROM named\nFROM oci:layout\nENV a b\n' >c/Dockerfile
	run lint --build-context named=oci-layout://layout
	fails 2
	says "(LegacyKeyValueFormat)" "is not in the store"
	says_not " error:"
}

@test "15 outline shows the secrets and agents that steps ask for" {
	printf 'FROM busybox:musl\nRUN --mount=type=secret,id=key,required true\nRUN --mount=type=ssh true\nRUN --mount=type=cache,target=/c true\n' >c/Dockerfile
	run croze outline c
	ok
	says "SECRET" "key" "required" "SSH" "default"
	run croze outline --format json c
	equal "$(json 'j["secrets"][0]["name"], j["secrets"][0]["required"], j["ssh"][0]["name"], j["cacheMounts"][0]["ID"]')" "key True default /c"
}

@test "14 CopyIgnoredFile reads the ignore file, NpmDevDependencies reads package.json" {
	echo secret.txt >c/.dockerignore
	echo '{"scripts":{"build":"tsc"},"devDependencies":{"typescript":"5"}}' >c/package.json
	cat >c/Dockerfile <<-'EOF'
		FROM busybox:musl
		COPY secret.txt /
		COPY package.json .
		RUN npm ci --only=production
		RUN npm run build
	EOF
	run lint
	fails 2
	says "Dockerfile:2:6: warning: COPY of 'secret.txt'" "(CopyIgnoredFile)" \
	    "Dockerfile:5:1: warning: the script 'build' runs 'tsc' of the dev dependency 'typescript', which the installation at line 4"
	ln -sf /etc/hostname c/package.json
	run lint
	says_not NpmDevDependencies
}

@test "15 outline shows arguments with values and descriptions, targets the stages" {
	cat >c/Dockerfile <<-'EOF'
		# VERSION of the base
		ARG VERSION=musl
		ARG UNUSED=1
		# build compiles
		FROM busybox:$VERSION AS build
		# DEBUG turns it on
		ARG DEBUG
		FROM scratch
		ARG FAST=yes
	EOF
	run croze outline --target build --build-arg DEBUG=1 c
	ok
	says "TARGET: build - compiles" "VERSION" "musl" "of the base" "DEBUG" "turns it on"
	says_not UNUSED FAST
	run croze build --call=outline,format=json c
	ok
	equal "$(json '[(a["name"], a["value"]) for a in j["args"]]')" "[('FAST', 'yes')]"
	run croze targets c
	ok
	says "build" "compiles" "- (default)" "scratch"
	run croze targets --format json c
	equal "$(json '[(t.get("name"), t.get("default"), t["base"]) for t in j["targets"]]')" \
	    "[('build', None, 'busybox:\$VERSION'), (None, True, 'scratch')]"
}

@test "dump prints a parsed Dockerfile with its errors, and needs neither store nor image" {
	printf 'FROM a\nCOPY --from=b x y\nRNU z\n' >c/Dockerfile
	export CROZE_ROOT=$W/nowhere
	run croze dump c
	fails 2
	equal "$(json 'j["instructions"][1]["flags"][0]["value"], j["diagnostics"][0]["line"]')" "b 3"
	[ ! -e "$W/nowhere" ]
	printf 'FROM a\n' >c/Dockerfile
	run croze dump c
	ok
}

@test "the rules are listed with what to do" {
	run croze check --rules
	ok
	says InvalidDefinitionDescription experimental NpmDevDependencies
}

@test "15 which questions there are is an answer, and each may be asked by its whole name" {
	printf 'FROM scratch AS one\n' >c/Dockerfile
	run croze build --call=subrequests.describe c
	ok
	says frontend.lint frontend.outline frontend.targets
	run croze build --call=frontend.subrequests.describe,format=json c
	ok
	equal "$(json '[r["Name"] for r in j["Requests"]]')" "['frontend.lint', 'frontend.outline', 'frontend.targets']"
	run croze build --call=frontend.targets c
	ok
	says one
	run croze build --call=frontend.lint c
	ok
	run croze build --call=convertllb c
	fails 2
	says "--call=convertllb" "subrequests.describe"
}
