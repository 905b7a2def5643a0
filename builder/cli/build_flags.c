/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_flags - from what was typed, and the environment, to checked options.
 */
#include "builder/cli/build_flags.h"

#include "builder/cli/registry_flags.h"
#include "builder/image/platform.h"
#include "builder/image/reference.h"
#include "builder/layer/apply.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/oci/cdi.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCKERFILE_MAX (16U << 20)

void
build_flags_release(struct build_flags *flags)
{
	strv_release(&flags->platforms);
	strv_release(&flags->tags);
	strv_release(&flags->build_args);
	strv_release(&flags->build_contexts);
	strv_release(&flags->labels);
	strv_release(&flags->annotations);
	strv_release(&flags->hosts);
	strv_release(&flags->ulimits);
	strv_release(&flags->outputs);
	strv_release(&flags->cache_from);
	strv_release(&flags->cache_to);
	strv_release(&flags->attest);
	strv_release(&flags->policies);
	strv_release(&flags->secrets);
	strv_release(&flags->agents);
	strv_release(&flags->allowed);
	strv_release(&flags->egress);
	strv_release(&flags->device_dirs);
	strv_release(&flags->resources);
	strv_release(&flags->build_arg_files);
	strv_release(&flags->env);
	strv_release(&flags->unset_env);
	strv_release(&flags->unset_labels);
	strv_release(&flags->cpp_flags);
}

static char *
copy_text(const char *text)
{
	return text != NULL && *text != '\0' ? xstrdup(text) : NULL;
}

/* ---- the build context and the Dockerfile ---- */

/* The beginning of standard input: enough to tell an archive. */
static int
read_head(struct buf *b, struct error *e)
{
	while (b->len < ARCHIVE_BEGINNING) {
		ssize_t got = read(STDIN_FILENO, buf_reserve(b, 4096), 4096);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read standard input");
		if (got == 0)
			break;
		buf_added(b, (size_t)got);
	}
	buf_add(b, "", 0);
	return 0;
}

/* The rest of a Dockerfile whose beginning is in @b. */
static int
read_dockerfile_from_stdin(struct build_options *options, struct buf *b, struct error *e)
{
	if (fd_read_all(STDIN_FILENO, b, DOCKERFILE_MAX, "standard input", e) < 0)
		return -1;
	options->dockerfile = xstrdup("-");
	options->dockerfile_length = b->len;
	options->dockerfile_text = buf_steal(b);
	return 0;
}

/* "-" as context: an archive, or a Dockerfile without a context. */
static int
apply_stdin(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	auto(buf) struct buf b = { 0 };

	if (read_head(&b, e) < 0)
		return -1;
	if (archive_begins(b.data, b.len)) {
		options->context.kind = BUILD_CONTEXT_STREAM;
		options->context.head_length = b.len;
		options->context.head = buf_steal(&b);
		options->dockerfile = copy_text(flags->file);
		return 0;
	}
	if (flags->file != NULL) {
		error_set(e, ERR_USAGE,
		    "--file=%s names a file in the archive on standard input, and that is none",
		    flags->file);
		return error_hint(e, "for a Dockerfile on standard input, leave --file out");
	}
	options->context.kind = BUILD_CONTEXT_NONE;
	return read_dockerfile_from_stdin(options, &b, e);
}

static int
apply_dockerfile_stdin(struct build_options *options, struct error *e)
{
	auto(buf) struct buf b = { 0 };

	if (read_head(&b, e) < 0)
		return -1;
	if (!archive_begins(b.data, b.len))
		return read_dockerfile_from_stdin(options, &b, e);
	error_set(e, ERR_USAGE, "standard input is an archive, and no Dockerfile");
	return error_hint(e, "as a build context it is named -: croze build -");
}

static bool
is_file(const char *path)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, 0) == 0 && !S_ISDIR(st.st_mode);
}

/* As docker: relative to the current directory. As buildah: else relative to the context, and Containerfile is a name too. */
static int
find_dockerfile(const char *file, struct build_options *options, struct error *e)
{
	static const char *const usual[] = { "Dockerfile", "dockerfile", "Containerfile", NULL };
	autofree char *lower = NULL;
	const char *given[] = { file, NULL, NULL };
	const char *const *names = file != NULL ? given : usual;

	if (file != NULL && strcmp(path_base(file), "Dockerfile") == 0)
		given[1] = lower = xasprintf("%.*sdockerfile", (int)(path_base(file) - file), file);
	for (size_t i = 0; file != NULL && names[i] != NULL; i++) {
		if (is_file(names[i])) {
			options->dockerfile = xstrdup(names[i]);
			return 0;
		}
	}
	for (size_t i = 0; options->context.kind == BUILD_CONTEXT_DIR && names[i] != NULL; i++) {
		autofree char *path = path_join(options->context.path, names[i]);

		if (is_file(path)) {
			options->dockerfile = steal_ptr(&path);
			return 0;
		}
	}
	if (file != NULL)
		return error_set(e, ERR_USAGE, "no Dockerfile '%s'", file);
	error_set(e, ERR_USAGE, "no Dockerfile in '%s'", options->context.path);
	return error_hint(e, "name it with --file, or give another directory");
}

static int
apply_context(const struct build_flags *flags, const struct strv *words,
    struct build_options *options, struct error *e)
{
	const char *path = words->count > 0 ? words->items[0] : ".";
	bool file_is_stdin = flags->file != NULL && strcmp(flags->file, "-") == 0;
	struct stat st;
	int is_url;

	if (words->count > 1)
		return error_set(e, ERR_USAGE, "one build context is wanted, not %zu ('%s', '%s')",
		    words->count, words->items[0], words->items[1]);
	if (strcmp(path, "-") == 0 && file_is_stdin)
		return error_set(
		    e, ERR_USAGE, "standard input cannot be both the Dockerfile and the context");
	if (strcmp(path, "-") == 0)
		return apply_stdin(flags, options, e);
	is_url = build_context_parse_url(path, &options->context, e);
	if (is_url < 0) {
		e->kind = ERR_USAGE;
		return error_ctx(e, "the build context");
	}
	if (is_url > 0 && file_is_stdin)
		return apply_dockerfile_stdin(options, e);
	if (is_url > 0) {
		options->dockerfile = copy_text(flags->file);
		return 0;
	}
	if (text_starts_with(path, "s3://") || text_starts_with(path, "gs://")) {
		error_set(e, ERR_USAGE, "the build context '%s' cannot be fetched", path);
		return error_hint(e, "fetch it first, and name the directory: croze build DIR");
	}
	if (fstatat(AT_FDCWD, path, &st, 0) < 0)
		return error_set(e, ERR_USAGE, "no build context '%s': %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(e, ERR_USAGE, "the build context '%s' is not a directory", path);
	options->context.kind = BUILD_CONTEXT_DIR;
	options->context.path = xstrdup(path);
	return file_is_stdin ? apply_dockerfile_stdin(options, e)
	                     : find_dockerfile(flags->file, options, e);
}

/* ---- names and values ---- */

static int
apply_tags(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	for (size_t i = 0; i < flags->tags.count; i++) {
		autofree char *text = NULL;
		auto(reference) struct reference r = { 0 };

		if (reference_parse(flags->tags.items[i], &r, e) < 0) {
			e->kind = ERR_USAGE;
			return error_ctx(e, "--tag");
		}
		if (r.digest != NULL)
			return error_set(e, ERR_USAGE, "--tag: '%s' has a digest; a tag has none",
			    flags->tags.items[i]);
		text = reference_text(&r);
		if (!strv_has(&options->tags, text))
			strv_take(&options->tags, steal_ptr(&text));
	}
	return 0;
}

static int
apply_build_args(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	const char *hostname;

	for (size_t i = 0; i < flags->build_args.count; i++) {
		const char *text = flags->build_args.items[i];
		const char *equals = strchr(text, '=');
		autofree char *name = NULL;

		if (*text == '\0' || equals == text)
			return error_set(e, ERR_USAGE, "--build-arg: '%s' has no name", text);
		name = equals != NULL ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);
		if (equals != NULL)
			env_set(&options->build_args, name, equals + 1);
		else if (getenv(name) != NULL)
			env_set(&options->build_args, name, getenv(name));
	}
	hostname = env_get(&options->build_args, "BUILDKIT_SANDBOX_HOSTNAME");
	if (!hostname)
		return 0;
	return build_hostname_check(hostname, "--build-arg BUILDKIT_SANDBOX_HOSTNAME", e);
}

/* Flags of other builders that only say what is so anyway. */
static int
check_fixed(const struct build_flags *flags, struct error *e)
{
	const struct {
		bool good;
		const char *text;
	} rules[] = {
		{ flags->rm, "--rm=false is not supported: no step leaves a container behind" },
		{ flags->skip_unused_stages, "--skip-unused-stages=false is not supported: only "
					     "what the target needs is built" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (!rules[i].good)
			return error_set(e, ERR_USAGE, "%s", rules[i].text);
	return 0;
}

static int
apply_policies(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	for (size_t i = 0; i < flags->policies.count; i++) {
		if (strcmp(flags->policies.items[i], "require-nonroot") != 0)
			return error_set(e, ERR_USAGE,
			    "--policy=%s: there is require-nonroot; policies in files are not "
			    "supported",
			    flags->policies.items[i]);
		options->require_nonroot = true;
	}
	return 0;
}

/* KEY=VALUE, or KEY alone for an empty value. */
static int
apply_pairs(const struct strv *pairs, const char *flag, struct strv *to, struct error *e)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const char *text = pairs->items[i];

		if (*text == '\0' || *text == '=')
			return error_set(e, ERR_USAGE, "%s: '%s' has no key", flag, text);
		strv_printf(to, "%s%s", text, strchr(text, '=') == NULL ? "=" : "");
	}
	return 0;
}

/** More platforms in one build are refused. */
#define PLATFORMS_MAX 64

static bool
is_asked_for(const struct build_options *options, const struct platform *platform)
{
	for (size_t i = 0; i < options->n_platforms; i++)
		if (platform_equal(&options->platforms[i], platform))
			return true;
	return false;
}

/* One word of --platform; "local" is this machine's. */
static int
add_platform(struct build_options *options, const char *text, struct error *e)
{
	auto(platform) struct platform platform = { 0 };

	if (strcmp(text, "local") == 0)
		platform_native(&platform);
	else if (platform_parse(text, &platform, e) < 0)
		return error_ctx(e, "--platform");
	if (strcmp(platform.os, "linux") != 0)
		return error_set(e, ERR_USAGE,
		    "--platform: '%s' is not supported: images for Linux are built", text);
	if (is_asked_for(options, &platform))
		return 0;
	if (options->n_platforms == PLATFORMS_MAX)
		return error_set(e, ERR_USAGE, "--platform: more than %d", PLATFORMS_MAX);
	options->platforms =
	    xrealloc(options->platforms, options->n_platforms + 1, sizeof(*options->platforms));
	options->platforms[options->n_platforms++] = platform;
	platform = (struct platform){ 0 };
	return 0;
}

static int
add_platforms(struct build_options *options, const char *text, struct error *e)
{
	auto(strv) struct strv words = { 0 };

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.count; i++)
		if (add_platform(options, words.items[i], e) < 0)
			return -1;
	return 0;
}

static int
apply_platform(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	const char *usual = getenv("DOCKER_DEFAULT_PLATFORM");
	auto(platform) struct platform native = { 0 };
	auto(buf) struct buf b = { 0 };

	for (size_t i = 0; i < flags->platforms.count; i++)
		if (add_platforms(options, flags->platforms.items[i], e) < 0)
			return -1;
	if (flags->platforms.count == 0 && usual != NULL && *usual != '\0' &&
	    add_platforms(options, usual, e) < 0)
		return error_ctx(e, "DOCKER_DEFAULT_PLATFORM");
	for (size_t i = 0; i < options->n_platforms; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		platform_add_text(&b, &options->platforms[i]);
	}
	platform_native(&native);
	if (options->n_platforms == 0)
		platform_add_text(&b, &native);
	options->platform = buf_steal(&b);
	return 0;
}

/* Contexts for a platform that is neither built for nor this machine's are not there: their folders need not be. */
static void
drop_contexts(struct build_options *options)
{
	auto(platform) struct platform native = { 0 };
	size_t n_kept = 0;

	platform_native(&native);
	for (size_t i = 0; i < options->n_contexts; i++) {
		struct build_context *context = &options->contexts[i];
		auto(platform) struct platform platform = { 0 };
		struct error checked = ERROR_INIT; /* it was when it was read */

		if (context->platform != NULL &&
		    platform_parse(context->platform, &platform, &checked) == 0 &&
		    !platform_equal(&platform, &native) && !is_asked_for(options, &platform))
			build_context_release(context);
		else
			options->contexts[n_kept++] = *context;
	}
	options->n_contexts = n_kept;
}

/* What --pull, --push and the flags of registries say. */
static int
apply_registry(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	struct registry_flags own = { .creds = flags->creds,
		.authfile = flags->authfile,
		.cert_dir = flags->cert_dir,
		.tls_verify = flags->tls_verify,
		.retry = flags->retry,
		.retry_delay = flags->retry_delay };
	struct registry_display display = { 0 };
	struct registry_options how;
	const char *pull = flags->pull != NULL ? flags->pull : "missing";

	if (registry_flags_apply(&own, &display, &how, e) < 0)
		return -1;
	options->pull = strcmp(pull, "always") == 0 || strcmp(pull, "true") == 0 ? BUILD_PULL_ALWAYS
	                : strcmp(pull, "never") == 0                             ? BUILD_PULL_NEVER
	                                             : BUILD_PULL_MISSING;
	options->push = flags->push;
	if (flags->push && flags->tags.count == 0) {
		error_set(e, ERR_USAGE, "--push: the image has no name");
		return error_hint(e, "--tag REGISTRY/NAME:TAG");
	}
	options->creds = copy_text(flags->creds);
	options->authfile = copy_text(flags->authfile);
	options->cert_dir = copy_text(flags->cert_dir);
	options->tls_given = flags->tls_verify != NULL;
	options->tls_verify = how.tls == REGISTRY_TLS_VERIFY;
	options->attempts = how.attempts;
	options->retry_delay = how.delay;
	return 0;
}

/* The cache service of GitHub Actions is named by the environment. */
static int
add_places(const struct strv *texts, enum cache_direction direction, struct cache_place **places,
    size_t *n_places, struct error *e)
{
	for (size_t i = 0; i < texts->count; i++) {
		struct cache_place place;

		if (cache_place_parse(texts->items[i], direction, &place, e) < 0)
			return -1;
		if (place.kind == CACHE_GHA && place.url == NULL)
			place.url = copy_text(getenv("ACTIONS_RESULTS_URL"));
		if (place.kind == CACHE_GHA && place.token == NULL)
			place.token = copy_text(getenv("ACTIONS_RUNTIME_TOKEN"));
		*places = xrealloc(*places, *n_places + 1, sizeof(**places));
		(*places)[(*n_places)++] = place;
	}
	return 0;
}

static int
apply_caches(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	if (add_places(&flags->cache_from, CACHE_FROM, &options->cache_from, &options->n_cache_from,
		e) < 0 ||
	    add_places(&flags->cache_to, CACHE_TO, &options->cache_to, &options->n_cache_to, e) < 0)
		return -1;
	for (size_t i = 0; i < options->n_cache_to; i++)
		if (options->cache_to[i].kind == CACHE_INLINE &&
		    options->squash != BUILD_SQUASH_NONE)
			return error_set(e, ERR_USAGE,
			    "--cache-to type=inline: the image that --squash makes has no layers "
			    "of steps");
	return 0;
}

static int
apply_timestamp(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	const char *from = "--timestamp";
	const char *text = flags->timestamp;

	if (text == NULL) {
		from = "SOURCE_DATE_EPOCH";
		text = env_get(&options->build_args, from);
	}
	if (text == NULL)
		text = getenv(from);
	if (text == NULL || *text == '\0')
		return 0;
	/* the name of a context or stage: the plan finds out what that means */
	if (flags->timestamp == NULL && isalpha((unsigned char)*text))
		return 0;
	/* 253402300799 is the last second of the year 9999, the last that RFC 3339 can say. */
	if (parse_i64(text, 0, 253402300799, from, &options->timestamp, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	options->has_timestamp = true;
	return 0;
}

static int
apply_egress(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	options->egress = xcalloc(flags->egress.count + 1, sizeof(*options->egress));
	for (size_t i = 0; i < flags->egress.count; i++) {
		if (egress_rule_parse(flags->egress.items[i], &options->egress[i], e) < 0)
			return error_ctx(e, "--allow-egress");
		options->n_egress++;
	}
	if (options->n_egress > 0 && options->allowed & BUILD_ALLOW_NETWORK_HOST) {
		error_set(e, ERR_USAGE,
		    "--allow-egress does not go with --allow network.host, with which a step "
		    "reaches everything");
		return error_hint(e, "leave out one of the two");
	}
	if (options->n_egress == 0 || options->network == BUILD_NETWORK_DEFAULT)
		return 0;
	error_set(e, ERR_USAGE, "--allow-egress does not go with --network=%s", flags->network);
	return error_hint(e, "leave out --network: the default one is what can be limited");
}

static int
apply_network(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	static const struct {
		const char *name;
		enum build_network value;
	} names[] = {
		{ "default", BUILD_NETWORK_DEFAULT },
		{ "none", BUILD_NETWORK_NONE },
		{ "host", BUILD_NETWORK_HOST },
	};

	if (flags->isolation != NULL)
		options->isolation = tier_named(flags->isolation);
	if (flags->snapshots != NULL)
		options->snapshots = build_snapshots_named(flags->snapshots);
	for (size_t i = 0; flags->network != NULL && i < ARRAY_LEN(names); i++) {
		if (strcmp(flags->network, names[i].name) == 0) {
			options->network = names[i].value;
			return 0;
		}
	}
	if (flags->network == NULL)
		return 0;
	return error_set(e, ERR_USAGE,
	    "--network: '%s' is not supported; there are default, none and host", flags->network);
}

int
build_compression_parse(const char *text, enum build_compression *value, struct error *e)
{
	static const char *const names[] = {
		[BUILD_COMPRESSION_GZIP] = "gzip",
		[BUILD_COMPRESSION_ZSTD] = "zstd",
		[BUILD_COMPRESSION_NONE] = "uncompressed",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*value = (enum build_compression)i;
			return 0;
		}
	}
	return error_set(
	    e, ERR_USAGE, "unknown compression '%s'; there are gzip, zstd, uncompressed", text);
}

static int
apply_compression(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	uint64_t level = 0;

	if (flags->compression != NULL &&
	    build_compression_parse(flags->compression, &options->compression, e) < 0)
		return -1;
	if (flags->compression_level == NULL)
		return 0;
	if (parse_u64(flags->compression_level, 0, 22, "--compression-level", &level, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	options->compression_level = (int)level;
	return 0;
}

static int
apply_shm_size(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	if (flags->shm_size == NULL)
		return 0;
	if (parse_size(flags->shm_size, "--shm-size", &options->shm_size, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	return 0;
}

static int
apply_each(const struct strv *values,
    int (*parse)(const char *, struct build_options *, struct error *),
    struct build_options *options, struct error *e)
{
	for (size_t i = 0; i < values->count; i++)
		if (parse(values->items[i], options, e) < 0)
			return -1;
	return 0;
}

static unsigned
cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static bool
is_true(const char *text)
{
	return text != NULL && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

/* An archive of docker has one image under a name, and files of two images do not go into one folder. */
static int
check_split(struct build_options *options, struct error *e)
{
	bool several = options->n_platforms > 1;

	options->multi_platform = is_true(env_get(&options->build_args, "BUILDKIT_MULTI_PLATFORM"));
	for (size_t i = 0; i < options->n_outputs; i++) {
		const struct build_output *output = &options->outputs[i];

		if (output->not_split && several) {
			error_set(e, ERR_USAGE,
			    "--output: 'platform-split=false' does not go with %zu platforms",
			    options->n_platforms);
			return error_hint(e, "each gets a folder: linux_amd64, linux_arm64");
		}
		if (output->kind != BUILD_OUTPUT_DOCKER || (!several && !options->multi_platform))
			continue;
		error_set(e, ERR_USAGE,
		    "--output: type=docker holds the image of one platform, not an index");
		return error_hint(e, "type=oci holds all of them");
	}
	return 0;
}

static int
apply_outputs(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	size_t n_streams = 0;
	size_t n_none = 0;

	if (apply_each(&flags->outputs, build_output_parse, options, e) < 0)
		return -1;
	for (size_t i = 0; i < options->n_outputs; i++) {
		const char *dest = options->outputs[i].dest;

		n_streams += dest != NULL && strcmp(dest, "-") == 0;
		n_none += options->outputs[i].kind == BUILD_OUTPUT_NONE;
	}
	if (n_streams > 1)
		return error_set(e, ERR_USAGE, "--output: only one can go to the output stream");
	if (n_streams > 0 && flags->quiet)
		return error_set(e, ERR_USAGE,
		    "--quiet prints the image ID on the output stream, where --output writes");
	if (n_none > 0 && options->n_outputs > n_none)
		return error_set(e, ERR_USAGE, "--output: type=cacheonly does not go with others");
	if (n_none > 0 && (options->tags.count > 0 || flags->load))
		return error_set(e, ERR_USAGE, "--output: type=cacheonly makes no image to name");
	options->discard = n_none > 0;
	if (options->discard && options->require_nonroot)
		return error_set(
		    e, ERR_USAGE, "--policy: type=cacheonly makes no image to look at");
	return 0;
}

int
build_flags_apply(const struct build_flags *flags, const struct strv *words,
    struct build_options *options, struct error *e)
{
	if (check_fixed(flags, e) < 0 || apply_context(flags, words, options, e) < 0 ||
	    apply_tags(flags, options, e) < 0 || build_extras_preprocess(flags, options, e) < 0 ||
	    build_extras_arguments(flags, options, e) < 0 ||
	    apply_build_args(flags, options, e) < 0 || build_extras_apply(flags, options, e) < 0 ||
	    apply_pairs(&flags->labels, "--label", &options->labels, e) < 0 ||
	    apply_each(&flags->annotations, build_annotation_parse, options, e) < 0 ||
	    apply_each(&flags->build_contexts, build_context_parse, options, e) < 0 ||
	    apply_each(&flags->hosts, build_host_parse, options, e) < 0 ||
	    apply_each(&flags->ulimits, build_ulimit_parse, options, e) < 0 ||
	    apply_each(&flags->secrets, build_secret_parse, options, e) < 0 ||
	    apply_each(&flags->agents, build_agent_parse, options, e) < 0 ||
	    apply_each(&flags->allowed, build_allow_parse, options, e) < 0 ||
	    apply_platform(flags, options, e) < 0 || apply_timestamp(flags, options, e) < 0 ||
	    apply_policies(flags, options, e) < 0 || apply_network(flags, options, e) < 0 ||
	    apply_egress(flags, options, e) < 0 || apply_shm_size(flags, options, e) < 0 ||
	    build_extras_source_policy(flags, options, e) < 0 ||
	    build_limits_apply(flags, options, e) < 0)
		return -1;
	strv_copy(&options->device_dirs, &flags->device_dirs);
	if (options->device_dirs.count == 0)
		cdi_default_dirs(&options->device_dirs);
	options->compression_level = -1;
	if (apply_registry(flags, options, e) < 0 || apply_caches(flags, options, e) < 0)
		return -1;
	if (apply_compression(flags, options, e) < 0 || apply_outputs(flags, options, e) < 0 ||
	    build_attest_apply(flags, options, e) < 0 || check_split(options, e) < 0)
		return -1;
	drop_contexts(options);
	options->ignore_file = copy_text(flags->ignore_file);
	options->target = copy_text(flags->target);
	options->no_cache = flags->no_cache || !flags->layers;
	options->jobs = flags->jobs > 0 ? (unsigned)flags->jobs : cpus();
	options->root = copy_text(flags->root);
	options->iidfile = copy_text(flags->iidfile);
	options->metadata_file = copy_text(flags->metadata_file);
	return 0;
}
