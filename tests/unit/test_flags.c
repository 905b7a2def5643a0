/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_flags - from what is typed behind croze build to its options; templates of --format.
 */
#include "unit.h"

#include "builder/cli/build_flags.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/platform.h"
#include "runtime/base/mem.h"

#include <sys/resource.h>
#include <unistd.h>

struct typed {
	struct build_flags flags;
	struct build_options options;
	struct strv words;
	struct error e;
	int result;
};

/* Parses @line, words with single blanks between, as the command does. */
static void
type(struct typed *t, const char *line)
{
	auto(strv) struct strv argv = { 0 };

	*t = (struct typed){ .flags = BUILD_FLAGS_INIT };
	strv_add(&argv, "build");
	strv_split(&argv, line, ' ');
	t->result = options_parse(command_find(command_table, "build"), (int)argv.count, argv.items,
	    &t->flags, &t->words, &t->e);
	if (t->result == 0)
		t->result = build_flags_apply(&t->flags, &t->words, &t->options, &t->e);
}

static void
typed_release(struct typed *t)
{
	build_options_release(&t->options);
	build_flags_release(&t->flags);
	strv_release(&t->words);
}

static int
in_a_context(void **state)
{
	char path[] = "/tmp/test_flags.XXXXXX";
	FILE *file;

	unsetenv("SOURCE_DATE_EPOCH");
	unsetenv("DOCKER_DEFAULT_PLATFORM");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chdir(path), 0);
	file = fopen("Dockerfile", "w");
	assert_non_null(file);
	fputs("FROM scratch\n", file);
	fclose(file);
	*state = xstrdup(path);
	return 0;
}

static int
out_of_it(void **state)
{
	assert_int_equal(unlink("Dockerfile"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(*state), 0);
	free(*state);
	return 0;
}

static void
good(struct typed *t, const char *line)
{
	type(t, line);
	assert_ok(t->result, &t->e);
}

static void
bad(const char *line, const char *text)
{
	struct typed t;

	type(&t, line);
	if (t.result >= 0)
		fail_msg("'%s' was taken", line);
	assert_int_equal(t.e.kind, ERR_USAGE);
	if (strstr(t.e.text, text) == NULL)
		fail_msg("'%s': '%s' instead of '%s'", line, t.e.text, text);
	typed_release(&t);
}

static void
defaults_are_those_of_docker(void **state)
{
	struct typed t;

	(void)state;
	good(&t, ".");
	assert_int_equal(t.options.context.kind, BUILD_CONTEXT_DIR);
	assert_string_equal(t.options.dockerfile, "Dockerfile");
	assert_int_equal(t.options.network, BUILD_NETWORK_DEFAULT);
	assert_int_equal(t.options.compression, BUILD_COMPRESSION_GZIP);
	assert_int_equal(t.options.compression_level, -1);
	assert_false(t.options.has_timestamp);
	assert_true(t.options.jobs >= 1);
	typed_release(&t);
}

static void
tags_become_whole_references_once(void **state)
{
	struct typed t;

	(void)state;
	good(&t, "-t app -t docker.io/library/app:latest -t localhost:5000/x:1 .");
	assert_int_equal(t.options.tags.count, 2);
	assert_string_equal(t.options.tags.items[0], "docker.io/library/app:latest");
	assert_string_equal(t.options.tags.items[1], "localhost:5000/x:1");
	typed_release(&t);
	bad("-t App .", "--tag");
	bad("-t a@sha256:0000000000000000000000000000000000000000000000000000000000000000 .",
	    "digest");
}

static void
build_arguments_come_from_the_environment_too(void **state)
{
	struct typed t;

	(void)state;
	setenv("FROM_HERE", "yes", 1);
	unsetenv("NOT_THERE");
	good(&t, "--build-arg A=1 --build-arg FROM_HERE --build-arg NOT_THERE --build-arg A=2 .");
	assert_int_equal(t.options.build_args.count, 2);
	assert_string_equal(t.options.build_args.items[0], "A=2");
	assert_string_equal(t.options.build_args.items[1], "FROM_HERE=yes");
	typed_release(&t);
	bad("--build-arg =x .", "no name");
}

static void
timestamp_beats_argument_beats_environment(void **state)
{
	struct typed t;

	(void)state;
	setenv("SOURCE_DATE_EPOCH", "3", 1);
	good(&t, ".");
	assert_int_equal(t.options.timestamp, 3);
	typed_release(&t);
	good(&t, "--build-arg SOURCE_DATE_EPOCH=2 .");
	assert_int_equal(t.options.timestamp, 2);
	typed_release(&t);
	good(&t, "--build-arg SOURCE_DATE_EPOCH=2 --timestamp 0 .");
	assert_true(t.options.has_timestamp);
	assert_int_equal(t.options.timestamp, 0);
	typed_release(&t);
	unsetenv("SOURCE_DATE_EPOCH");
	bad("--timestamp now .", "--timestamp");
}

static void
outputs_have_short_and_long_forms(void **state)
{
	static const struct {
		const char *line;
		enum build_output_kind kind;
		const char *dest;
		bool directory;
	} rows[] = {
		{ "-o app.tar .", BUILD_OUTPUT_HYBRID, "app.tar", false },
		{ "-o out .", BUILD_OUTPUT_LOCAL, "out", false },
		{ "-o type=local,dest=x.tar .", BUILD_OUTPUT_LOCAL, "x.tar", false },
		{ "-o type=oci,dest=x .", BUILD_OUTPUT_OCI, "x", false },
		{ "-o type=oci,dest=x/ .", BUILD_OUTPUT_OCI, "x/", true },
		{ "-o type=oci,tar=false,dest=x .", BUILD_OUTPUT_OCI, "x", true },
		{ "-o type=docker,dest=x .", BUILD_OUTPUT_DOCKER, "x", false },
		{ "-o type=tar,dest=x .", BUILD_OUTPUT_TAR, "x", false },
		{ "-o type=image,name=x .", BUILD_OUTPUT_STORE, NULL, false },
		{ "-o type=cacheonly .", BUILD_OUTPUT_NONE, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct typed t;

		good(&t, rows[i].line);
		assert_int_equal(t.options.n_outputs, 1);
		assert_int_equal(t.options.outputs[0].kind, rows[i].kind);
		assert_int_equal(t.options.outputs[0].directory, rows[i].directory);
		if (rows[i].dest != NULL)
			assert_string_equal(t.options.outputs[0].dest, rows[i].dest);
		else
			assert_null(t.options.outputs[0].dest);
		typed_release(&t);
	}
	bad("-o type=oci,dest=x,colour=red .", "unknown key 'colour'");
	bad("-o type=tarball,dest=x .", "unknown type 'tarball'");
	bad("-o type=oci,dest=x,push=true .", "'push' does not go with type=oci");
	bad("-o type=image,push=maybe .", "push=maybe");
	bad("--push .", "--push");
	bad("-o dest=x .", "'type' is missing");
	bad("-o type=local .", "'dest' is missing");
	bad("-o type=cacheonly -o x .", "cacheonly");
	bad("-o type=cacheonly -t x .", "cacheonly");
}

static void
named_contexts_are_directories_images_or_layouts(void **state)
{
	static const char digest[] =
	    "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	autofree char *line = xasprintf(
	    "--build-context a=. --build-context b=docker-image://x:1 --build-context "
	    "c=oci-layout://p/q:gcr.io/n:5@%s --build-context d=oci-layout://p --build-context "
	    "e=oci:p:q .",
	    digest);
	struct typed t;

	(void)state;
	good(&t, line);
	assert_int_equal(t.options.n_contexts, 5);
	assert_int_equal(t.options.contexts[0].kind, BUILD_CONTEXT_DIR);
	assert_int_equal(t.options.contexts[1].kind, BUILD_CONTEXT_IMAGE);
	assert_string_equal(t.options.contexts[1].path, "x:1");
	assert_int_equal(t.options.contexts[2].kind, BUILD_CONTEXT_LAYOUT);
	assert_string_equal(t.options.contexts[2].path, "p/q");
	assert_string_equal(t.options.contexts[2].ref, "gcr.io/n:5");
	assert_string_equal(t.options.contexts[2].digest, digest);
	assert_null(t.options.contexts[3].ref);
	assert_string_equal(t.options.contexts[4].path, "oci:p:q");
	typed_release(&t);
	bad("--build-context a .", "NAME=VALUE");
	bad("--build-context a=git@-x:y .", "does not begin with '-'");
	bad("--build-context a=https://x/y.git#-x .", "does not begin with '-'");
	bad("--build-context a=target:x .", "bake");
	bad("--build-context a::nosuch/x/y/z=. .", "nosuch");
	bad("--build-context ::linux/amd64=. .", "no name");
	bad("--build-context a=Dockerfile .", "not a directory");
	bad("--build-context a=oci-layout://:x .", "path is empty");
}

static void
urls_are_contexts(void **state)
{
	struct typed t;

	(void)state;
	good(&t, "--build-context a=https://x/y.tar --build-context b=ssh://x/y "
		 "--build-context c=file:///r.git https://github.com/x/y.git#main:sub");
	assert_int_equal(t.options.context.kind, BUILD_CONTEXT_GIT);
	assert_string_equal(t.options.context.path, "https://github.com/x/y.git#main:sub");
	assert_null(t.options.dockerfile);
	assert_int_equal(t.options.contexts[0].kind, BUILD_CONTEXT_HTTP);
	assert_int_equal(t.options.contexts[1].kind, BUILD_CONTEXT_GIT);
	assert_int_equal(t.options.contexts[2].kind, BUILD_CONTEXT_GIT);
	typed_release(&t);
	good(&t, "-f sub/Dockerfile http://x/Dockerfile");
	assert_int_equal(t.options.context.kind, BUILD_CONTEXT_HTTP);
	assert_string_equal(t.options.dockerfile, "sub/Dockerfile");
	typed_release(&t);
	bad("https://x/y.git?depth=1", "unknown key 'depth'");
	bad("s3://x/y", "cannot be fetched");
}

static void
contexts_for_platforms_that_nobody_wants_are_not_there(void **state)
{
	auto(platform) struct platform native = { 0 };
	auto(buf) struct buf text = { 0 };
	autofree char *line = NULL;
	struct typed t;

	(void)state;
	platform_native(&native);
	platform_add_text(&text, &native);
	line = xasprintf("--build-context a=docker-image://1 --build-context "
			 "a::plan9/mips=docker-image://2 --build-context b=docker-image://3 "
			 "--build-context a::%s=docker-image://4 .",
	    buf_text(&text));
	good(&t, line);
	assert_int_equal(t.options.n_contexts, 3);
	assert_string_equal(t.options.contexts[0].path, "1");
	assert_string_equal(t.options.contexts[1].path, "3");
	assert_string_equal(t.options.contexts[2].path, "4");
	assert_string_equal(t.options.contexts[2].name, "a");
	typed_release(&t);
	good(&t, "--platform linux/s390x --build-context a::linux/s390x=docker-image://1 .");
	assert_int_equal(t.options.n_contexts, 1);
	typed_release(&t);
}

static void
platforms_are_a_list_without_repetition(void **state)
{
	struct typed t;

	(void)state;
	good(&t, "--platform linux/amd64,linux/arm64/v8 --platform aarch64,linux/arm/v6 .");
	assert_string_equal(t.options.platform, "linux/amd64,linux/arm64,linux/arm/v6");
	assert_int_equal(t.options.n_platforms, 3);
	typed_release(&t);
	good(&t, ".");
	assert_int_equal(t.options.n_platforms, 0);
	typed_release(&t);
	bad("--platform linux/amd64,linux/arm64 -o type=docker,dest=x .", "one platform");
	bad("--platform linux/amd64,linux/arm64 -o type=local,dest=x,platform-split=false .",
	    "2 platforms");
	bad("--platform linux/amd64, .", "no platform");
}

static void
annotations_say_what_they_are_of(void **state)
{
	static const struct {
		const char *line, *platform, *key, *value;
		unsigned of;
	} rows[] = {
		{ "--annotation a=b .", NULL, "a", "b", BUILD_ANNOTATE_MANIFEST },
		{ "--annotation org.a:b=c:d .", NULL, "org.a:b", "c:d", BUILD_ANNOTATE_MANIFEST },
		{ "--annotation index:a .", NULL, "a", "", BUILD_ANNOTATE_INDEX },
		{ "--annotation index,manifest-descriptor:a=b .", NULL, "a", "b",
		    BUILD_ANNOTATE_INDEX | BUILD_ANNOTATE_DESCRIPTOR },
		{ "--annotation manifest[linux/arm64/v8]:a=b .", "linux/arm64", "a", "b",
		    BUILD_ANNOTATE_MANIFEST },
		{ "-o type=image,annotation-index.a.b=c .", NULL, "a.b", "c",
		    BUILD_ANNOTATE_INDEX },
		{ "-o type=image,annotation[linux/arm64].a=c .", "linux/arm64", "a", "c",
		    BUILD_ANNOTATE_MANIFEST },
		{ "-o type=image,annotation.a.b=c .", NULL, "a.b", "c", BUILD_ANNOTATE_MANIFEST },
	};
	struct typed t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		good(&t, rows[i].line);
		assert_int_equal(t.options.n_annotations, 1);
		assert_int_equal(t.options.annotations[0].of, rows[i].of);
		assert_string_equal(t.options.annotations[0].key, rows[i].key);
		assert_string_equal(t.options.annotations[0].value, rows[i].value);
		if (rows[i].platform)
			assert_string_equal(t.options.annotations[0].platform, rows[i].platform);
		else
			assert_null(t.options.annotations[0].platform);
		typed_release(&t);
	}
	bad("--annotation =b .", "no key");
	bad("--annotation layer:a=b .", "'layer' is not manifest");
	bad("--annotation index[linux/arm64]:a=b .", "all platforms");
	bad("--annotation index-descriptor:a=b .", "not supported");
}

static void
hosts_and_limits_are_checked(void **state)
{
	struct typed t;

	(void)state;
	good(&t,
	    "--add-host a:10.0.0.1 --add-host b=[::1] --ulimit nofile=10:20 --ulimit core=-1 .");
	assert_string_equal(t.options.hosts[0].name, "a");
	assert_string_equal(t.options.hosts[1].address, "::1");
	assert_int_equal(t.options.ulimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(t.options.ulimits[0].soft, 10);
	assert_int_equal(t.options.ulimits[0].hard, 20);
	assert_true(t.options.ulimits[1].hard == UINT64_MAX);
	typed_release(&t);
	bad("--add-host a .", "NAME:ADDRESS");
	bad("--add-host a:host-gateway .", "not an IPv4 or IPv6 address");
	bad("--ulimit nofile=20:10 .", "above the hard one");
	bad("--ulimit files=1 .", "no limit 'files'");
}

/** The flags of docker buildx, buildah, podman, kaniko, img and Charliecloud. */
static void
section_3_every_flag_of_the_other_tools_is_recognised(void **state)
{
	static const char *const names[] = { "file", "tag", "target", "build-arg", "build-context",
		"label", "annotation", "platform", "no-cache", "pull", "quiet", "progress",
		"iidfile", "metadata-file", "output", "cache-from", "cache-to", "secret", "ssh",
		"network", "add-host", "ulimit", "shm-size", "cgroup-parent", "allow", "sbom",
		"provenance", "attest", "call", "check", "no-cache-filter", "policy", "resource",
		"load", "push", "builder", "debug", "oci-layout", "trace", "source-policy-file",
		"proxy-network", "ref-file", "debug-json-cache-metrics", "registry-auth-tlscontext",
		"all-platforms", "arch", "os", "variant", "os-version", "os-feature", "authfile",
		"creds", "cert-dir", "tls-verify", "build-arg-file", "cache-ttl", "cap-add",
		"cap-drop", "cgroupns", "ipc", "pid", "uts", "userns", "userns-uid-map",
		"userns-gid-map", "compat-volumes", "compress", "compression-format",
		"compression-level", "force-compression", "cpp-flag", "cpu-shares", "cpu-period",
		"cpu-quota", "cpuset-cpus", "cpuset-mems", "memory", "memory-swap",
		"created-annotation", "cw", "decryption-key", "device", "dns", "dns-option",
		"dns-search", "env", "unsetenv", "unsetlabel", "unsetannotation", "force-rm", "rm",
		"format", "from", "group-add", "hooks-dir", "http-proxy", "identity-label",
		"ignorefile", "iidfile-raw", "inherit-annotations", "inherit-labels", "isolation",
		"jobs", "layer-label", "layers", "logfile", "logsplit", "manifest", "mount",
		"no-hostname", "no-hosts", "omit-history", "retry", "retry-delay",
		"rewrite-timestamp", "runtime", "runtime-flag", "save-stages", "stage-labels",
		"sbom-scanner-image", "sbom-scanner-command", "sbom-merge-strategy", "sbom-output",
		"sbom-image-output", "sbom-purl-output", "sbom-image-purl-output", "security-opt",
		"sign-by", "skip-unused-stages", "source-date-epoch", "timestamp", "squash",
		"squash-all", "stdin", "volume", "signature-policy", "context", "context-sub-path",
		"git", "destination", "no-push", "no-push-cache", "cache", "cache-repo",
		"cache-dir", "cache-copy-layers", "cache-run-layers", "compressed-caching",
		"compression", "snapshot-mode", "single-snapshot", "use-new-run", "reproducible",
		"custom-platform", "cleanup", "force", "kaniko-dir", "ignore-path",
		"ignore-var-run", "force-build-metadata", "digest-file",
		"image-name-with-digest-file", "image-name-tag-with-digest-file", "oci-layout-path",
		"tar-path", "insecure", "insecure-pull", "insecure-registry", "skip-tls-verify",
		"skip-tls-verify-pull", "skip-tls-verify-registry", "registry-certificate",
		"registry-client-cert", "registry-map", "registry-mirror",
		"skip-default-registry-fallback", "push-retry", "push-ignore-immutable-tag-errors",
		"image-fs-extract-retry", "image-download-retry", "skip-push-permission-check",
		"verbosity", "log-format", "log-timestamp", "dockerfile", "no-console", "dry-run",
		"parse-only", "rebuild", "force-cmd", "bind", "cache-large", "xattrs", "auth",
		"break", "profile" };

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		const struct option_def *o = build_option_table;

		while (o->name != NULL && strcmp(o->name, names[n]) != 0)
			o++;
		if (o->name == NULL)
			fail_msg("--%s is not recognised", names[n]);
	}
}

static void
what_cannot_be_is_refused_by_name(void **state)
{
	(void)state;
	bad("-v /a:/b .", "'--volume'");
	bad("--break x .", "'--break'");
	bad("--platform plan9/mips .", "for Linux");
	bad("--network bridge .", "'bridge'");
	bad("a b", "one build context");
	bad("--colour .", "unknown option '--colour'");
	bad("nowhere", "no build context 'nowhere'");
}

static void
secrets_are_read_from_files_and_variables(void **state)
{
	struct typed t;

	(void)state;
	setenv("TOKEN", "of the environment", 1);
	good(&t, "--secret id=a,src=Dockerfile --secret id=b,env=TOKEN --secret id=TOKEN "
		 "--secret id=Dockerfile --secret type=env,id=c,src=TOKEN --secret "
		 "TYPE=file,ID=d,source=Dockerfile .");
	assert_int_equal(t.options.n_secrets, 6);
	assert_string_equal(t.options.secrets[1].id, "b");
	assert_string_equal(t.options.secrets[1].bytes, "of the environment");
	assert_int_equal(t.options.secrets[1].length, 18);
	assert_string_equal(t.options.secrets[2].bytes, "of the environment");
	assert_string_equal(t.options.secrets[4].bytes, "of the environment");
	assert_int_equal(t.options.secrets[0].length, t.options.secrets[3].length);
	assert_int_equal(t.options.secrets[0].length, t.options.secrets[5].length);
	typed_release(&t);
	unsetenv("TOKEN");
	bad("--secret src=x .", "id=... is missing");
	bad("--secret id=x .", "--secret id=x: cannot open 'x'");
	bad("--secret id=x,src=. .", "'.' is a directory");
	bad("--secret id=x,env=NOT_SET .", "the variable NOT_SET is not set");
	bad("--secret id=x,src=a,env=B .", "exclude each other");
	bad("--secret id=x,type=vault .", "type=vault is unknown");
	bad("--secret id=x,file=a .", "'file=a' is unknown");
	bad("--secret id=x,src= .", "'src=' needs a value");
	bad("--secret id=Dockerfile --secret id=Dockerfile .", "given twice");
}

static void
agents_and_rights_are_checked(void **state)
{
	struct typed t;

	(void)state;
	unsetenv("SSH_AUTH_SOCK");
	good(&t, "--ssh key=Dockerfile --allow network.host,security.insecure .");
	assert_int_equal(t.options.n_agents, 1);
	assert_string_equal(t.options.agents[0].id, "key");
	assert_string_equal(t.options.agents[0].keys.items[0], "Dockerfile");
	assert_null(t.options.agents[0].socket);
	assert_int_equal(t.options.allowed, BUILD_ALLOW_NETWORK_HOST | BUILD_ALLOW_INSECURE);
	typed_release(&t);
	bad("--ssh default .", "SSH_AUTH_SOCK is not set");
	bad("--ssh default=. .", "neither a socket nor a key");
	bad("--ssh =x .", "the id is missing");
	bad("--ssh a=Dockerfile --ssh a=Dockerfile .", "given twice");
	bad("--allow devices .", "--allow: 'devices' is unknown");
	bad("--allow device= .", "'device=' is unknown");
	bad("--allow network.HOST .", "'network.HOST' is unknown");
	bad("--allow '' .", "is unknown");
}

static void
flags_for_what_is_so_anyway_are_taken(void **state)
{
	struct typed t;

	(void)state;
	good(&t, "--layers --rm=true --force-rm --provenance=false --sbom=false --format oci "
		 "--isolation auto --skip-unused-stages=true .");
	typed_release(&t);
}

static void
templates_print_members(void **state)
{
	static const struct {
		const char *format;
		const char *text; /* NULL: refused */
	} rows[] = {
		{ "{{.A}}-{{ .B.C }}\\n", "x-1\n" },
		{ "{{json .B}}", "{\"C\":1}" },
		{ "{{.L}}", "[a b]" },
		{ "{{.B}}", "map[C:1]" },
		{ "{{index .B \"C\"}}", "1" },
		{ "{{index .L 1}}", "b" },
		{ "{{.Nothing}}", "<no value>" },
		{ "plain", "plain" },
		{ "{{range .L}}", NULL },
		{ "{{.A | upper}}", NULL },
		{ "{{.A", NULL },
	};
	static const char json[] = "{\"A\":\"x\",\"B\":{\"C\":1},\"L\":[\"a\",\"b\"]}";
	struct error e = ERROR_INIT;
	autojson struct json *value = json_parse(json, strlen(json), &e);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto(buf) struct buf b = { 0 };
		int result = show_template(rows[i].format, value, &b, &e);

		assert_int_equal(result, rows[i].text != NULL ? 0 : -1);
		if (result == 0)
			assert_string_equal(buf_text(&b), rows[i].text);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(defaults_are_those_of_docker, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(tags_become_whole_references_once, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(
	    build_arguments_come_from_the_environment_too, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(
	    timestamp_beats_argument_beats_environment, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(outputs_have_short_and_long_forms, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(
	    named_contexts_are_directories_images_or_layouts, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(urls_are_contexts, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(
	    contexts_for_platforms_that_nobody_wants_are_not_there, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(
	    platforms_are_a_list_without_repetition, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(annotations_say_what_they_are_of, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(hosts_and_limits_are_checked, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(
	    secrets_are_read_from_files_and_variables, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(agents_and_rights_are_checked, in_a_context, out_of_it),
	cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_by_name, in_a_context, out_of_it),
	cmocka_unit_test(section_3_every_flag_of_the_other_tools_is_recognised),
	cmocka_unit_test_setup_teardown(
	    flags_for_what_is_so_anyway_are_taken, in_a_context, out_of_it),
	cmocka_unit_test(templates_print_members),
};

UNIT_MAIN(tests);
