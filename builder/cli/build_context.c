/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_context - the grammars of --build-context, --add-host and --ulimit.
 */
#include "builder/cli/build_flags.h"

#include "builder/dockerfile/resource.h"
#include "builder/image/platform.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- --build-context NAME=VALUE ---- */

static int
parse_layout(const char *text, struct build_context *context, struct error *e)
{
	const char *at = strstr(text, "@sha256:");
	const char *end = at != NULL ? at : text + strlen(text);
	const char *colon = memchr(text, ':', (size_t)(end - text));
	const char *path_end = colon != NULL ? colon : end;
	struct digest digest;

	if (path_end == text)
		return error_set(e, ERR_USAGE, "oci-layout: the path is empty");
	if (at != NULL && digest_parse(at + 1, &digest, e) < 0)
		return -1;
	if (colon != NULL && colon + 1 == end)
		return error_set(e, ERR_USAGE, "oci-layout: the name behind the colon is empty");
	context->kind = BUILD_CONTEXT_LAYOUT;
	context->path = xstrndup(text, (size_t)(path_end - text));
	context->ref = colon != NULL ? xstrndup(colon + 1, (size_t)(end - colon - 1)) : NULL;
	context->digest = at != NULL ? xstrdup(at + 1) : NULL;
	return 0;
}

int
build_context_parse_url(const char *text, struct build_context *context, struct error *e)
{
	struct resource source;

	if (resource_parse_own(text, &source, e) < 0)
		return -1;
	if (source.kind == RESOURCE_PATH)
		return 0;
	context->kind = source.kind == RESOURCE_GIT ? BUILD_CONTEXT_GIT : BUILD_CONTEXT_HTTP;
	context->path = xstrdup(text);
	resource_release(&source);
	return 1;
}

static int
parse_directory(const char *text, struct build_context *context, struct error *e)
{
	struct stat st;

	if (fstatat(AT_FDCWD, text, &st, 0) < 0)
		return error_sys(e, "cannot read '%s'", text);
	if (!S_ISDIR(st.st_mode))
		return error_set(e, ERR_USAGE, "'%s' is not a directory", text);
	context->kind = BUILD_CONTEXT_DIR;
	context->path = xstrdup(text);
	return 0;
}

static int
parse_value(const char *text, struct build_context *context, struct error *e)
{
	int is_url;

	if (text_starts_with(text, "oci-layout://"))
		return parse_layout(text + strlen("oci-layout://"), context, e);
	if (text_starts_with(text, "docker-image://") || text_starts_with(text, "oci:") ||
	    text_starts_with(text, "oci-archive:") || text_starts_with(text, "docker-archive:")) {
		const char *name = text_starts_with(text, "docker-image://")
		                       ? text + strlen("docker-image://")
		                       : text;

		context->kind = BUILD_CONTEXT_IMAGE;
		context->path = xstrdup(name);
		return 0;
	}
	if (text_starts_with(text, "target:") || text_starts_with(text, "local:"))
		return error_set(e, ERR_USAGE,
		    "'%s' is a value of bake files, and means nothing on its own", text);
	is_url = build_context_parse_url(text, context, e);
	if (is_url != 0)
		return is_url < 0 ? -1 : 0;
	return parse_directory(text, context, e);
}

/* NAME::OS/ARCH is NAME, for that platform. */
static int
take_name(const char *text, size_t length, struct build_context *context, struct error *e)
{
	autofree char *name = xstrndup(text, length);
	char *colons = strstr(name, "::");
	auto(platform) struct platform platform = { 0 };
	auto(buf) struct buf b = { 0 };

	if (colons != NULL) {
		*colons = '\0';
		if (platform_parse(colons + 2, &platform, e) < 0)
			return -1;
		platform_add_text(&b, &platform);
		context->platform = buf_steal(&b);
	}
	if (*name == '\0')
		return error_set(e, ERR_USAGE, "there is no name in front of '::'");
	context->name = steal_ptr(&name);
	return 0;
}

int
build_context_parse(const char *text, struct build_options *options, struct error *e)
{
	const char *equals = strchr(text, '=');
	struct build_context context = { 0 };

	if (equals == NULL || equals == text || equals[1] == '\0')
		return error_set(e, ERR_USAGE, "--build-context: '%s' is not NAME=VALUE", text);
	if (take_name(text, (size_t)(equals - text), &context, e) < 0 ||
	    parse_value(equals + 1, &context, e) < 0) {
		build_context_release(&context);
		e->kind = e->kind == ERR_INPUT ? ERR_USAGE : e->kind;
		return error_ctx(e, "--build-context %.*s", (int)(equals - text), text);
	}
	options->contexts =
	    xrealloc(options->contexts, options->n_contexts + 1, sizeof(*options->contexts));
	options->contexts[options->n_contexts++] = context;
	return 0;
}

/* ---- --add-host NAME:ADDRESS ---- */

static bool
is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

int
build_host_parse(const char *text, struct build_options *options, struct error *e)
{
	size_t name_length = strcspn(text, "=:");
	const char *address = text + name_length + 1;
	autofree char *bare = NULL;
	struct build_host *host;

	if (name_length == 0 || text[name_length] == '\0')
		return error_set(e, ERR_USAGE, "--add-host: '%s' is not NAME:ADDRESS", text);
	if (strcspn(text, " \t\r\n#") < name_length)
		return error_set(
		    e, ERR_USAGE, "--add-host: the name in '%s' is not one word", text);
	bare = xstrdup(address);
	if (*bare == '[' && text_ends_with(bare, "]")) {
		bare[strlen(bare) - 1] = '\0';
		memmove(bare, bare + 1, strlen(bare));
	}
	if (!is_address(bare))
		return error_set(
		    e, ERR_USAGE, "--add-host: '%s' is not an IPv4 or IPv6 address", address);
	options->hosts = xrealloc(options->hosts, options->n_hosts + 1, sizeof(*options->hosts));
	host = &options->hosts[options->n_hosts++];
	host->name = xstrndup(text, name_length);
	host->address = steal_ptr(&bare);
	return 0;
}

int
build_hostname_check(const char *name, const char *what, struct error *e)
{
	static const char known[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (name[strspn(name, known)] == '\0' && strlen(name) <= HOST_NAME_MAX)
		return 0;
	return error_set(e, ERR_USAGE,
	    "%s: '%s' is no host name, which has up to %d letters, digits, '-', '_' and '.'", what,
	    name, HOST_NAME_MAX);
}

/* ---- --ulimit NAME=SOFT[:HARD] ---- */

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

static int
parse_limit(const char *text, uint64_t *value, struct error *e)
{
	if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
		*value = UINT64_MAX;
		return 0;
	}
	return parse_u64(text, 0, INT64_MAX, "limit", value, e);
}

static int
parse_limits(char *text, struct build_ulimit *limit, struct error *e)
{
	char *colon = strchr(text, ':');

	if (colon != NULL)
		*colon = '\0';
	if (parse_limit(text, &limit->soft, e) < 0 ||
	    parse_limit(colon != NULL ? colon + 1 : text, &limit->hard, e) < 0)
		return -1;
	if (limit->soft > limit->hard)
		return error_set(e, ERR_USAGE, "the soft limit is above the hard one");
	return 0;
}

int
build_ulimit_parse(const char *text, struct build_options *options, struct error *e)
{
	autofree char *copy = xstrdup(text);
	char *equals = strchr(copy, '=');
	struct build_ulimit limit = { 0 };
	size_t i = 0;

	if (equals == NULL)
		return error_set(e, ERR_USAGE, "--ulimit: '%s' is not NAME=SOFT[:HARD]", text);
	*equals = '\0';
	while (i < ARRAY_LEN(limits) && strcmp(limits[i].name, copy) != 0)
		i++;
	if (i == ARRAY_LEN(limits))
		return error_set(e, ERR_USAGE, "--ulimit: there is no limit '%s'", copy);
	if (parse_limits(equals + 1, &limit, e) < 0) {
		e->kind = ERR_USAGE;
		return error_ctx(e, "--ulimit %s", copy);
	}
	limit.name = xstrdup(copy);
	limit.resource = limits[i].resource;
	options->ulimits =
	    xrealloc(options->ulimits, options->n_ulimits + 1, sizeof(*options->ulimits));
	options->ulimits[options->n_ulimits++] = limit;
	return 0;
}
