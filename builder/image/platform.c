/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform - operating system, architecture and variant an image is for.
 */
#include "builder/image/platform.h"

#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <sys/utsname.h>

#define PART_MAX 64

void
platform_release(struct platform *p)
{
	free(p->os);
	free(p->architecture);
	free(p->variant);
	free(p->os_version);
	*p = (struct platform){ 0 };
}

static char *
copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void
platform_copy(struct platform *to, const struct platform *from)
{
	struct platform copy = {
		.os = copy_text(from->os),
		.architecture = copy_text(from->architecture),
		.variant = copy_text(from->variant),
		.os_version = copy_text(from->os_version),
	};

	platform_release(to);
	*to = copy;
}

static bool
part_is_valid(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > PART_MAX)
		return false;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
	    length)
		return false;
	return text[0] != '.' && text[0] != '-';
}

static void
replace(char **member, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;

	free(*member);
	*member = copy;
}

/* Spellings that mean the same, with the variant that each implies (as containerd's platforms package reads them). */
static const struct spelling {
	const char *from;
	const char *to;
	const char *variant; /* NULL: keeps what there is */
} spellings[] = {
	{ "x86_64", "amd64", NULL },
	{ "x86-64", "amd64", NULL },
	{ "i386", "386", NULL },
	{ "i486", "386", NULL },
	{ "i586", "386", NULL },
	{ "i686", "386", NULL },
	{ "aarch64", "arm64", NULL },
	{ "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },
	{ "armv5l", "arm", "v5" },
	{ "armv6l", "arm", "v6" },
	{ "armv7l", "arm", "v7" },
	{ "armv8l", "arm", "v7" },
	{ "loongarch64", "loong64", NULL },
};

static void
lower(char *text)
{
	for (; text && *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text += 'a' - 'A';
}

static void
normalise_variant(struct platform *p)
{
	if (p->variant && !*p->variant)
		replace(&p->variant, NULL);
	if (strcmp(p->architecture, "arm64") == 0) {
		if (p->variant && (strcmp(p->variant, "v8") == 0 || strcmp(p->variant, "8") == 0))
			replace(&p->variant, NULL);
	} else if (strcmp(p->architecture, "amd64") == 0) {
		if (p->variant && strcmp(p->variant, "v1") == 0)
			replace(&p->variant, NULL);
	} else if (strcmp(p->architecture, "arm") == 0) {
		if (!p->variant)
			replace(&p->variant, "v7");
		else if (p->variant[0] >= '5' && p->variant[0] <= '8' && !p->variant[1])
			replace(&p->variant, (const char[]){ 'v', p->variant[0], 0 });
	}
}

void
platform_normalise(struct platform *p)
{
	lower(p->os);
	lower(p->architecture);
	lower(p->variant);
	if (p->os && strcmp(p->os, "macos") == 0)
		replace(&p->os, "darwin");
	if (!p->architecture)
		return;
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		if (strcmp(p->architecture, spellings[i].from) != 0)
			continue;
		replace(&p->architecture, spellings[i].to);
		if (spellings[i].variant && !p->variant)
			replace(&p->variant, spellings[i].variant);
		break;
	}
	normalise_variant(p);
}

static const char *const known_systems[] = { "linux", "windows", "darwin", "freebsd", NULL };

int
platform_parse(const char *text, struct platform *p, struct error *e)
{
	auto(strv) struct strv parts = { 0 };
	size_t first = 1;

	strv_split(&parts, text, '/');
	for (size_t i = 0; i < parts.count; i++)
		if (!part_is_valid(parts.items[i]))
			goto invalid;
	if (parts.count == 0 || parts.count > 3)
		goto invalid;
	platform_release(p);
	if (parts.count == 1) {
		for (size_t i = 0; known_systems[i]; i++)
			if (strcmp(parts.items[0], known_systems[i]) == 0)
				goto invalid;
		first = 0;
	}
	p->os = xstrdup(first ? parts.items[0] : "linux");
	p->architecture = xstrdup(parts.items[first]);
	p->variant = copy_text(parts.count > first + 1 ? parts.items[first + 1] : NULL);
	platform_normalise(p);
	return 0;
invalid:
	error_set(e, ERR_USAGE, "'%s' is no platform", text);
	return error_hint(e, "platforms are written OS/ARCH[/VARIANT], for example linux/amd64");
}

void
platform_native(struct platform *p)
{
	struct utsname name = { 0 };

	platform_release(p);
	p->os = xstrdup("linux");
	p->architecture = xstrdup(uname(&name) == 0 ? name.machine : "amd64");
	platform_normalise(p);
}

bool
platform_is_set(const struct platform *p)
{
	return p->os != NULL;
}

static bool
text_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool
platform_equal(const struct platform *a, const struct platform *b)
{
	return text_equal(a->os, b->os) && text_equal(a->architecture, b->architecture) &&
	       text_equal(a->variant, b->variant);
}

static int
arm_level(const char *variant)
{
	return variant && variant[0] == 'v' && variant[1] >= '0' && variant[1] <= '9' && !variant[2]
	           ? variant[1] - '0'
	           : 7;
}

int
platform_match(const struct platform *wanted, const struct platform *have)
{
	auto(platform) struct platform w = { 0 };
	auto(platform) struct platform h = { 0 };
	int level;

	platform_copy(&w, wanted);
	platform_copy(&h, have);
	platform_normalise(&w);
	platform_normalise(&h);
	if (!text_equal(w.os, h.os) || !text_equal(w.architecture, h.architecture))
		return 0;
	if (text_equal(w.variant, h.variant))
		return 100;
	if (text_equal(w.architecture, "arm")) {
		level = arm_level(h.variant);
		return level <= arm_level(w.variant) ? 10 + level : 0;
	}
	/* amd64/v3 serves no plain amd64; a plain one serves every variant. */
	return h.variant ? 0 : 50;
}

void
platform_add_text(struct buf *b, const struct platform *p)
{
	if (!p->os)
		return;
	buf_printf(b, "%s/%s", p->os, p->architecture ? p->architecture : "");
	if (p->variant)
		buf_printf(b, "/%s", p->variant);
}

static int
read_part(const struct json *j, const char *key, const char *path, char **member, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, key, path, &text, e) < 0)
		return -1;
	if (!text || !*text)
		return 0;
	if (!part_is_valid(text))
		return error_set(
		    e, ERR_INPUT, "'%s%s%s' is no plain word", path, *path ? "." : "", key);
	*member = xstrdup(text);
	return 0;
}

int
platform_read(const struct json *j, const char *path, struct platform *p, struct error *e)
{
	auto(platform) struct platform read = { 0 };

	if (read_part(j, "os", path, &read.os, e) < 0 ||
	    read_part(j, "architecture", path, &read.architecture, e) < 0 ||
	    read_part(j, "variant", path, &read.variant, e) < 0 ||
	    read_part(j, "os.version", path, &read.os_version, e) < 0)
		return -1;
	if (!read.os || !read.architecture)
		return error_set(e, ERR_INPUT, "'%s%s%s' is missing", path, *path ? "." : "",
		    read.os ? "architecture" : "os");
	platform_release(p);
	*p = read;
	read = (struct platform){ 0 };
	return 0;
}

void
platform_write(const struct platform *p, struct json *object)
{
	json_set_text(object, "architecture", p->architecture ? p->architecture : "");
	json_set_text(object, "os", p->os ? p->os : "");
	if (p->os_version)
		json_set_text(object, "os.version", p->os_version);
	if (p->variant)
		json_set_text(object, "variant", p->variant);
}
