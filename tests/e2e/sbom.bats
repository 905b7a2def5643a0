#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# sbom - the software that images hold: as their package managers say it, in documents that the published schemas accept,
# whatever is in the files.

bats_require_minimum_version 1.5.0
load ../lib/common

setup_file()
{
	croze_suite
}

teardown_file()
{
	croze_suite_end
}

# real NAME: the image of that name among the real ones, in the store under it.
real()
{
	[ -n "${CROZE_TEST_IMAGES-}" ] || skip "set CROZE_TEST_IMAGES to a layout with real images"
	croze copy "oci:$CROZE_TEST_IMAGES:$1" "$1" >/dev/null
}

# listed TYPE IMAGE: "NAME VERSION" of each package of that type, sorted.
listed()
{
	croze sbom --format spdx-json --timestamp 0 "$2" | jq -r --arg type "pkg:$1/" '.packages[] |
	    select(.externalRefs[0].referenceLocator // "" | startswith($type)) | "\(.name) \(.versionInfo)"' | sort
}

# same NAME: the files $1.croze and $1.theirs, which must not be empty.
same()
{
	[ -s "$1.theirs" ]
	diff -u "$1.theirs" "$1.croze"
}

# host_usr: an image in which programs of this machine run, with its /usr mounted.
host_usr()
{
	local name
	mkdir -p c/usr c/tmp
	for name in bin lib lib64; do
		ln -s usr/$name c/$name
	done
}

# The schemas of CycloneDX, of a package that has them; fetched once.
cyclonedx_schemas()
{
	need npm
	"$PYTHON" -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
	[ -d "$SUITE/schemas/package" ] || {
		mkdir -p "$SUITE/schemas"
		(cd "$SUITE/schemas" && timeout 60 npm pack @cyclonedx/cyclonedx-library@10.3.0 &&
		    tar -xzf ./*.tgz package/res/schema) >"$SUITE/schemas/log" 2>&1 || {
			rm -rf "$SUITE/schemas/package"
			skip "the published schemas cannot be fetched"
		}
	}
}

# valid SCHEMA DOCUMENT [FOLDER]: by its JSON schema; other schemas are in FOLDER.
valid()
{
	"$PYTHON" - "$@" <<-'EOF'
		import json, os, sys, warnings
		import jsonschema
		warnings.simplefilter("ignore")
		schema = json.load(open(sys.argv[1]))
		store = {}
		for name in os.listdir(sys.argv[3]) if len(sys.argv) > 3 else []:
		    if name.endswith(".json"):
		        other = json.load(open(os.path.join(sys.argv[3], name)))
		        store[other["$id"]] = store["http://cyclonedx.org/schema/" + name] = other
		resolver = jsonschema.RefResolver.from_schema(schema, store=store)
		kind = jsonschema.validators.validator_for(schema)
		problems = list(kind(schema, resolver=resolver, format_checker=jsonschema.FormatChecker()).iter_errors(
		    json.load(open(sys.argv[2]))))
		for p in problems[:10]:
		    print(list(p.absolute_path), p.message[:300])
		sys.exit(bool(problems))
	EOF
}

@test "Debian: the packages are those that dpkg-query in the image lists" {
	real docker.io/library/debian:bookworm-slim
	croze run --rm docker.io/library/debian:bookworm-slim dpkg-query -W -f '${Package} ${Version}\n' | sort >deb.theirs
	listed deb docker.io/library/debian:bookworm-slim >deb.croze
	same deb
	croze sbom --format spdx-json docker.io/library/debian:bookworm-slim |
	    grep -F '"pkg:deb/debian/libc6@2.36-9%2Bdeb12u' | grep -F 'arch=amd64&distro=debian-12&upstream=glibc'
}

@test "Alpine: the packages are those that apk in the image lists, with their licences" {
	real "$ALPINE"
	croze run --rm "$ALPINE" apk list -I 2>/dev/null >apk.list
	sed -E 's/^([^ ]+)-([^-]+-r[0-9]+) .*/\1 \2/' apk.list | sort >apk.theirs
	listed apk "$ALPINE" >apk.croze
	same apk
	sed -E 's/^([^ ]+)-([^-]+-r[0-9]+) .*\}? \((.*)\) \[.*/\1 \3/' apk.list | sort >licence.theirs
	croze sbom --format cyclonedx-json "$ALPINE" | jq -r '.components[] | select(.purl) |
	    "\(.name) \(.licenses[0].license.id // .licenses[0].license.name // .licenses[0].expression)"' | sort >licence.croze
	same licence
}

@test "distroless: the packages are those that dpkg-query finds in status.d" {
	local name=gcr.io/distroless/base-debian12:latest
	need dpkg-query
	real "$name"
	printf 'FROM %s\n' "$name" >c/Dockerfile
	croze build -o out c
	mkdir -p admin/info admin/updates
	for file in out/var/lib/dpkg/status.d/*; do
		[[ $file = *.md5sums ]] || { sed '/^Package:/aStatus: install ok installed' "$file" && echo; }
	done >admin/status
	dpkg-query --admindir=admin -W -f '${Package} ${Version}\n' | sort >deb.theirs
	listed deb "$name" >deb.croze
	same deb
}

@test "npm: the packages are those that npm in the image lists" {
	local root=$W/c/app name
	need npm node
	host_usr
	mkdir -p "$root"
	for name in left right @team/scoped deep; do
		mkdir -p "src/$name"
		printf '{"name": "%s", "version": "1.2.3", "license": "MIT"}\n' "$name" >"src/$name/package.json"
	done
	printf '{"name": "deep", "version": "2.0.0", "dependencies": {"left": "file:%s"}}\n' "$W/left-1.2.3.tgz" >src/deep/package.json
	for name in left right @team/scoped deep; do
		npm pack --silent "./src/$name" >>packed
	done
	printf '{"name": "app", "version": "0.1.0", "license": "ISC"}\n' >"$root/package.json"
	(cd "$root" && npm install --silent --offline --no-audit --no-fund "$W"/*.tgz) >log 2>&1 || { cat log; false; }
	# an own copy of another version, below the package that needs it
	mkdir -p "$root/node_modules/deep/node_modules/left"
	printf '{"name": "left", "version": "0.9.0"}\n' >"$root/node_modules/deep/node_modules/left/package.json"
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	run build -t app
	ok
	croze run --rm -v /usr:/usr:ro -w /app app npm ls --all --parseable --long 2>/dev/null |
	    sed -E 's/^[^:]*:([^:]*)@([^:@]*).*/\1 \2/' | sort -u >npm.theirs
	listed npm app >npm.croze
	same npm
	[ "$(wc -l <npm.croze)" -eq 6 ]
	# the lock file knows what the archives were
	croze sbom --format cyclonedx-json app | jq -e '[.components[] | select(.purl == "pkg:npm/right@1.2.3") | .hashes[0].alg] == ["SHA-512"]'
}

@test "Python: the packages are those that pip in the image lists" {
	/usr/bin/python3 -m pip --version >/dev/null 2>&1 || skip "python3-pip is not installed"
	host_usr
	"$PYTHON" - <<-'EOF'
		import zipfile
		for name, version, extra in (("alpha", "1.0", "License: MIT\n"), ("Beta_pkg", "2.5.1", "License-Expression: Apache-2.0\n"),
		    ("gamma", "0.1.dev3", "")):
		    with zipfile.ZipFile(f"{name}-{version}-py3-none-any.whl", "w") as z:
		        z.writestr(f"{name.lower()}.py", "")
		        info = f"{name}-{version}.dist-info"
		        z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extra}")
		        z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
		        z.writestr(f"{info}/RECORD", "")
	EOF
	/usr/bin/python3 -m pip install --quiet --no-index --no-deps --target c/opt/site ./*.whl >log 2>&1 || { cat log; false; }
	printf 'Metadata-Version: 1.0\nName: old-one\nVersion: 3.0\n' >c/opt/site/old_one-3.0.egg-info
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	run build -t app
	ok
	croze run --rm -v /usr:/usr:ro app python3 -m pip list --path /opt/site --format freeze 2>/dev/null |
	    sed 's/==/ /' | sort >pip.theirs
	listed pypi app >pip.croze
	same pip
}

@test "rpm: the packages are those that rpm lists" {
	local name
	need rpm rpmbuild
	mkdir rpms
	for name in one two; do
		printf '%s\n' "Name: $name" 'Version: 1.5' 'Release: 3' 'Epoch: 2' 'Summary: s' 'License: MIT' 'BuildArch: noarch' \
		    '%description' 'd' '%files' >"$name.spec"
		rpmbuild --quiet --define "_topdir $W/top" --define "_rpmdir $W/rpms" -bb "$name.spec" >log 2>&1 || { cat log; false; }
	done
	mkdir -p c/root
	ns rpm --root "$W/c/root" --dbpath /var/lib/rpm --define '_db_backend sqlite' --nodeps --noscripts -i rpms/noarch/*.rpm \
	    >log 2>&1 || { cat log; skip "rpm does not install here"; }
	ns rpm --root "$W/c/root" --dbpath /var/lib/rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' | sort >rpm.theirs
	ns chmod -R a+rX c/root
	printf 'FROM scratch\nCOPY root/var/lib/rpm /var/lib/rpm\n' >c/Dockerfile
	run build -t app
	ok
	listed rpm app >rpm.croze
	same rpm
	croze sbom --format spdx-json app | grep -F 'pkg:rpm/one@1.5-3?arch=noarch&epoch=2&upstream=one-1.5-3.src.rpm'
}

@test "Go: the modules are those that go version -m lists" {
	local version
	need go
	mkdir -p c/dep
	printf 'module example.com/dep\n' >c/dep/go.mod
	printf 'package dep\n\nconst X = 1\n' >c/dep/dep.go
	printf 'module example.com/team/clock\n\nrequire example.com/dep v1.2.3\n\nreplace example.com/dep => ./dep\n' >c/go.mod
	printf 'package main\n\nimport "example.com/dep"\n\nfunc main() { println(dep.X) }\n' >c/main.go
	(cd c && GOFLAGS=-mod=mod GOPROXY=off GOCACHE=$W/cache CGO_ENABLED=0 go build -ldflags='-s -w' -o clock .)
	printf 'FROM scratch\nCOPY --chmod=755 clock /clock\n' >c/Dockerfile
	run build -t app
	ok
	version=$(go version c/clock | sed 's/.*: go//')
	{
		printf 'stdlib %s\n' "$version"
		go version -m c/clock | awk '$1 == "mod" { print $2, "null" } $1 == "dep" { print $2, $3 }'
	} | sort >go.theirs
	listed golang app >go.croze
	same go
}

@test "what a layer further up removes or replaces is not listed" {
	mkdir -p c/a/site/one-1.dist-info c/a/site/two-1.dist-info c/b/site/two-1.dist-info
	printf 'Name: one\nVersion: 1\n' >c/a/site/one-1.dist-info/METADATA
	printf 'Name: two\nVersion: 1\n' >c/a/site/two-1.dist-info/METADATA
	printf 'Name: two\nVersion: 1.1\n' >c/b/site/two-1.dist-info/METADATA
	cat >c/Dockerfile <<-EOF
		FROM $BUSYBOX
		COPY a /
		RUN rm -r /site/one-1.dist-info
		COPY b /
	EOF
	run build -t app
	ok
	[ "$(listed pypi app)" = "two 1.1" ]
}

@test "files over a link in a lower layer are found where it points" {
	mkdir -p c/a/usr/lib/apk/db c/b/lib/apk/db
	ln -s usr/lib c/a/lib
	printf 'P:old\nV:1-r0\n\n' >c/a/usr/lib/apk/db/installed
	printf 'P:new\nV:2-r0\n\n' >c/b/lib/apk/db/installed
	printf 'FROM scratch\nCOPY a /\nCOPY b /\n' >c/Dockerfile
	run build -t app
	ok
	[ "$(listed apk app)" = "new 2-r0" ]
}

@test "hostile: links, devices, huge and broken files: no host file is read, and what is missing is told" {
	mkdir -p c/var/lib/dpkg c/app/node_modules/{deep,ok} c/site/bad.dist-info c/lib/apk/db
	printf 'Package: %s\nVersion: 1\n' canary-of-the-host >"$SUITE/canary"
	ln -s "$SUITE/canary" c/var/lib/dpkg/status
	ln -s ../../../../../../../../../../../../etc/passwd c/lib/apk/db/installed
	ln -s loop c/loop
	"$PYTHON" -c 'print("[" * 100000)' >c/app/node_modules/deep/package.json
	printf '{"name": "\\u001b]0;x", "version": "1\\n2", "license": {"type": 5}}' >c/app/node_modules/ok/package.json
	truncate -s 100M c/site/bad.dist-info/METADATA
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	run build -t app
	ok
	run timeout 60 croze sbom app
	ok
	says "app/node_modules/deep/package.json" "site/bad.dist-info/METADATA is larger than"
	says_not canary
	[[ $output != *$'\e'* ]]
	croze sbom --format cyclonedx-json app 2>/dev/null >x.json
	jq -e '.compositions[0].aggregate == "incomplete" and (.metadata.properties | length) == 2' x.json
	run ! grep -a canary x.json
}

@test "a database of rpm that is not read is told" {
	mkdir -p c/var/lib/rpm
	printf 'not empty' >c/var/lib/rpm/Packages.db
	printf 'FROM scratch\nCOPY . /\n' >c/Dockerfile
	run build -t app
	ok
	run croze sbom app
	ok
	says "var/lib/rpm/Packages.db: rpm's database in the form of Berkeley DB or ndb is not read"
}

@test "the same image, name and time make the same document, also into a file" {
	real "$ALPINE"
	for format in spdx-json cyclonedx-json; do
		croze sbom --format $format --timestamp 1700000000 "$ALPINE" >a
		SOURCE_DATE_EPOCH=1700000000 croze sbom --format $format -o b "$ALPINE"
		cmp a b
		grep -q 2023-11-14T22:13:20Z a
	done
	run croze sbom --timestamp x "$ALPINE"
	fails 2
	run croze sbom --format xml "$ALPINE"
	fails 2
	run croze sbom
	fails 2
	run croze sbom nosuchimage
	[ "$status" -ne 0 ]
	says "there is no image 'nosuchimage' in the store"
}

@test "CycloneDX documents are valid by the published schema" {
	local name
	cyclonedx_schemas
	for name in "$ALPINE" gcr.io/distroless/base-debian12:latest "$BUSYBOX"; do
		real "$name"
		croze sbom --format cyclonedx-json "$name" >x.json
		valid "$SUITE"/schemas/package/res/schema/bom-1.6.*schema.json x.json "$SUITE/schemas/package/res/schema"
	done
	# and it would say so
	jq '.components[0].type = "thing"' x.json >y.json
	run ! valid "$SUITE"/schemas/package/res/schema/bom-1.6.*schema.json y.json "$SUITE/schemas/package/res/schema"
}

# spdx_members FILE: which of its members SPDX 2.3 does not know, or wants and does not find; nothing when it is good.
spdx_members()
{
	"$PYTHON" - "$1" <<-'EOF'
		import json, re, sys

		algorithms = {"SHA1", "SHA256", "SHA384", "SHA512"}
		purposes = {"APPLICATION", "CONTAINER", "FRAMEWORK", "LIBRARY"}
		d = json.load(open(sys.argv[1]))

		def look(where, what, wanted, allowed):
		    for name in wanted - set(what):
		        print(where, "has no", name)
		    for name in set(what) - wanted - allowed:
		        print(where, "cannot have", name)

		look("document", d, {"SPDXID", "spdxVersion", "dataLicense", "name", "documentNamespace", "creationInfo"},
		     {"comment", "packages", "relationships", "hasExtractedLicensingInfos"})
		look("creationInfo", d["creationInfo"], {"created", "creators"}, set())
		if d["spdxVersion"] != "SPDX-2.3" or d["dataLicense"] != "CC0-1.0" or d["SPDXID"] != "SPDXRef-DOCUMENT":
		    print("the head is wrong")
		if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", d["creationInfo"]["created"]):
		    print("created is no time")
		if not re.fullmatch(r"[a-z]+:[^#]+", d["documentNamespace"]):
		    print("documentNamespace is no URI")
		ids = {d["SPDXID"]}
		texts = {t["licenseId"] for t in d.get("hasExtractedLicensingInfos", [])}
		for t in d.get("hasExtractedLicensingInfos", []):
		    look("text", t, {"licenseId", "extractedText"}, {"name"})
		for p in d["packages"]:
		    look(p["name"], p, {"SPDXID", "name", "downloadLocation"}, {"versionInfo", "filesAnalyzed", "licenseConcluded",
		         "licenseDeclared", "copyrightText", "sourceInfo", "supplier", "originator", "homepage", "checksums", "externalRefs",
		         "primaryPackagePurpose", "summary"})
		    if not re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", p["SPDXID"]) or p["SPDXID"] in ids:
		        print(p["SPDXID"], "is no identifier of its own")
		    ids.add(p["SPDXID"])
		    if p.get("primaryPackagePurpose", "LIBRARY") not in purposes:
		        print(p["name"], p["primaryPackagePurpose"])
		    for c in p.get("checksums", []):
		        if set(c) != {"algorithm", "checksumValue"} or c["algorithm"] not in algorithms:
		            print(p["name"], c)
		    for r in p.get("externalRefs", []):
		        if set(r) != {"referenceCategory", "referenceType", "referenceLocator"} or r["referenceCategory"] != "PACKAGE-MANAGER":
		            print(p["name"], r)
		    for actor in ("supplier", "originator"):
		        if actor in p and not re.match(r"(Person|Organization): .", p[actor]):
		            print(p["name"], p[actor])
		    for name in re.findall(r"LicenseRef-[A-Za-z0-9.-]+", p.get("licenseDeclared", "")):
		        if name not in texts:
		            print(name, "is explained nowhere")
		for r in d["relationships"]:
		    if set(r) != {"spdxElementId", "relationshipType", "relatedSpdxElement"} or r["relationshipType"] not in ("DESCRIBES", "CONTAINS") or \
		       not {r["spdxElementId"], r["relatedSpdxElement"]} <= ids:
		        print(r)
	EOF
}

@test "SPDX documents have the members and values that SPDX 2.3 has" {
	local name
	mkdir -p c/site/one-1.dist-info c/var/lib/rpm
	printf 'Name: one\nVersion: 1\nLicense: Public Domain, or so\nAuthor: A <a@example.com>\n' >c/site/one-1.dist-info/METADATA
	printf 'not read' >c/var/lib/rpm/Packages
	printf 'FROM %s\nCOPY . /\n' "$ALPINE" >c/Dockerfile
	run build -t app
	ok
	for name in app "$BUSYBOX"; do
		croze sbom --format spdx-json "$name" >x.json 2>/dev/null
		[ -z "$(spdx_members x.json)" ] || { spdx_members x.json; false; }
	done
	croze sbom --format spdx-json app 2>/dev/null | jq '.packages[1].primaryPackagePurpose = "OPERATING-SYSTEM"' >y.json
	[ -n "$(spdx_members y.json)" ]
}

@test "SPDX documents are valid by the published schema" {
	local name
	[ -n "${CROZE_TEST_SPDX_SCHEMA-}" ] || skip "set CROZE_TEST_SPDX_SCHEMA to the JSON schema of SPDX 2.3"
	"$PYTHON" -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
	for name in "$ALPINE" gcr.io/distroless/base-debian12:latest "$BUSYBOX"; do
		real "$name"
		croze sbom --format spdx-json "$name" >x.json
		valid "$CROZE_TEST_SPDX_SCHEMA" x.json
	done
	jq 'del(.spdxVersion)' x.json >y.json
	run ! valid "$CROZE_TEST_SPDX_SCHEMA" y.json
}
