/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings_needs - what a program needs besides itself: an interpreter, libraries, certificates, time zones.
 *
 * Programs and libraries of the base image are taken for whole; what steps brought is looked at.
 */
#include "builder/build/findings.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>

#define LIBRARIES_MAX 64
#define SCRIPT_DEPTH 4
#define CONFIG_MAX (64U << 10)

static uint32_t
line_of(const struct look *l, const char *path)
{
	return findings_line_of(l, path, l->b->plan.stages[l->b->plan.target].line);
}

/* ---- where libraries are looked for ---- */

static void
add_list(struct strv *directories, const char *text, const char *separators)
{
	while (text && *text != '\0') {
		size_t length = strcspn(text, separators);

		if (length > 0 && *text == '/')
			strv_take(directories, xstrndup(text, length));
		text += length + (text[length] != '\0');
	}
}

/* $ORIGIN is the directory of the file itself. */
static void
add_runpath(struct strv *directories, const struct elf *elf, const char *path)
{
	autofree char *origin = xasprintf("/%.*s", (int)(path_base(path) - path), path);

	for (size_t n = 0; n < elf->runpath.count; n++) {
		const char *item = elf->runpath.items[n];

		if (text_starts_with(item, "$ORIGIN"))
			strv_take(directories, xasprintf("%s%s", origin, item + strlen("$ORIGIN")));
		else if (text_starts_with(item, "${ORIGIN}"))
			strv_take(
			    directories, xasprintf("%s%s", origin, item + strlen("${ORIGIN}")));
		else
			strv_add(directories, item);
	}
}

static bool
is_musl(const struct elf *elf)
{
	return elf->interpreter && strstr(elf->interpreter, "ld-musl-") != NULL;
}

/* musl: one file names the directories, or these are they. */
static int
add_musl(const struct look *l, struct strv *directories, const struct elf *elf, struct error *e)
{
	const char *arch = strstr(elf->interpreter, "ld-musl-") + strlen("ld-musl-");
	autofree char *name = xasprintf("etc/ld-musl-%.*s.path", (int)strcspn(arch, "."), arch);
	auto(buf) struct buf text = { 0 };
	int found = final_tree_text(&l->tree, name, CONFIG_MAX, &text, e);

	if (found < 0)
		return -1;
	if (found)
		add_list(directories, buf_text(&text), ":\n");
	else
		add_list(directories, "/lib:/usr/local/lib:/usr/lib", ":");
	return 0;
}

static void
add_glibc(struct strv *directories, const struct elf *elf)
{
	static const char *const triplets[] = { "x86_64-linux-gnu", "i386-linux-gnu",
		"aarch64-linux-gnu", "arm-linux-gnueabihf", "powerpc64le-linux-gnu",
		"s390x-linux-gnu", "riscv64-linux-gnu" };

	add_list(directories,
	    elf->is_64 ? "/lib64:/usr/lib64:/lib:/usr/lib" : "/lib:/usr/lib:/lib32:/usr/lib32",
	    ":");
	for (size_t n = 0; n < ARRAY_LEN(triplets); n++) {
		strv_printf(directories, "/lib/%s", triplets[n]);
		strv_printf(directories, "/usr/lib/%s", triplets[n]);
	}
}

/* ld.so.conf and what it includes: read only when a library is in none of the usual directories. */
static int
add_configured(const struct look *l, struct strv *directories, struct error *e)
{
	auto(strv) struct strv names = { 0 };
	auto(buf) struct buf text = { 0 };
	autofree char *folder = NULL;

	if (final_tree_text(&l->tree, "etc/ld.so.conf", CONFIG_MAX, &text, e) < 0)
		return -1;
	add_list(directories, buf_text(&text), " \t\n");
	if (!final_tree_has(&l->tree, "etc/ld.so.conf.d", &folder))
		return 0;
	if (tree_names(l->tree.tree, folder, 100, &names, e) < 0)
		return -1;
	for (size_t n = 0; n < names.count; n++) {
		autofree char *path = xasprintf("%s/%s", folder, names.items[n]);
		auto(buf) struct buf part = { 0 };

		if (!text_ends_with(path, ".conf"))
			continue;
		if (final_tree_text(&l->tree, path, CONFIG_MAX, &part, e) < 0)
			return -1;
		add_list(directories, buf_text(&part), " \t\n");
	}
	return 0;
}

/* ---- libraries ---- */

/* One program and the libraries that it loads. */
struct loading {
	struct look *l;
	const struct elf *program;
	struct strv directories;
	bool configured;  /* ld.so.conf was read */
	struct strv seen; /* names */
	struct strv missing;
};

/* The C library of musl is its interpreter, under all of these names. */
static bool
is_own_of_musl(const char *name)
{
	static const char *const names[] = { "libc.", "libpthread.", "librt.", "libm.", "libdl.",
		"libutil.", "libxnet." };

	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		if (text_starts_with(name, names[n]))
			return true;
	return false;
}

static bool
find_in(const struct loading *load, const char *name, char **path)
{
	for (size_t n = 0; n < load->directories.count; n++) {
		autofree char *file = xasprintf("%s/%s", load->directories.items[n], name);

		if (final_tree_has(&load->l->tree, file, path))
			return true;
	}
	return false;
}

static int
find_library(struct loading *load, const char *name, char **path, struct error *e)
{
	if (strchr(name, '/'))
		return final_tree_has(&load->l->tree, name, path);
	if (find_in(load, name, path))
		return 1;
	if (load->configured || is_musl(load->program))
		return 0;
	load->configured = true;
	if (add_configured(load->l, &load->directories, e) < 0)
		return -1;
	return find_in(load, name, path);
}

static int load_all(struct loading *load, const struct elf *elf, const char *path, struct error *e);

/* What a library that a step brought needs in turn. */
static int
load_further(struct loading *load, const char *path, struct error *e)
{
	struct error damaged = ERROR_INIT; /* the loader will say it */
	struct file_range range;
	autofd int fd = -1;
	auto(elf) struct elf elf = { 0 };
	int found;

	if (!findings_is_brought(load->l, path))
		return 0;
	found = final_tree_read(&load->l->tree, path, &fd, &range, e);
	if (found <= 0)
		return found;
	if (elf_read(&range, &elf, &damaged) != 1)
		return 0;
	return load_all(load, &elf, path, e);
}

static int
load_one(struct loading *load, const char *name, struct error *e)
{
	autofree char *path = NULL;
	int found;

	if (strv_has(&load->seen, name) || load->seen.count >= LIBRARIES_MAX)
		return 0;
	strv_add(&load->seen, name);
	if ((is_musl(load->program) && is_own_of_musl(name)) ||
	    strcmp(name, path_base(load->program->interpreter)) == 0)
		return 0;
	found = find_library(load, name, &path, e);
	if (found < 0)
		return -1;
	if (found)
		return load_further(load, path, e);
	strv_add(&load->missing, name);
	return 0;
}

static int
load_all(struct loading *load, const struct elf *elf, const char *path, struct error *e)
{
	add_runpath(&load->directories, elf, path);
	for (size_t n = 0; n < elf->needed.count; n++)
		if (load_one(load, elf->needed.items[n], e) < 0)
			return -1;
	return 0;
}

static void
add_missing(struct look *l, const char *path, const struct strv *missing)
{
	autofree char *names = strv_join(missing, "', '");

	findings_add(l, "MissingLibrary", line_of(l, path),
	    xasprintf("'/%s' needs '%s', which the image does not have where it is looked for",
		path, names),
	    xstrdup("install the package that has it in the last stage, copy it there, or link "
		    "statically"));
}

static int
check_libraries(struct look *l, const struct elf *elf, const char *path, struct error *e)
{
	struct loading load = { .l = l, .program = elf };
	int ok = 0;

	add_list(&load.directories, env_get(&l->config->env, "LD_LIBRARY_PATH"), ":");
	if (is_musl(elf))
		ok = add_musl(l, &load.directories, elf, e);
	else
		add_glibc(&load.directories, elf);
	if (ok == 0)
		ok = load_all(&load, elf, path, e);
	if (ok == 0 && load.missing.count > 0)
		add_missing(l, path, &load.missing);
	strv_release(&load.directories);
	strv_release(&load.seen);
	strv_release(&load.missing);
	return ok;
}

/* ---- interpreters ---- */

static const char *
library_of(const char *interpreter)
{
	if (strstr(interpreter, "ld-musl-"))
		return "musl";
	return strstr(interpreter, "ld-linux") || strstr(interpreter, "ld64.so") ? "glibc" : NULL;
}

static void
add_no_interpreter(struct look *l, const struct elf *elf, const char *path)
{
	const char *library = library_of(elf->interpreter);
	bool has_musl = final_tree_has(&l->tree, "lib/ld-musl-x86_64.so.1", NULL) ||
	                final_tree_has(&l->tree, "lib/ld-musl-aarch64.so.1", NULL);

	findings_add(l, "MissingInterpreter", line_of(l, path),
	    xasprintf(
		"'/%s' is dynamically linked%s%s and needs the interpreter '%s', which the image "
		"does not have%s",
		path, library ? " with " : "", library ? library : "", elf->interpreter,
		has_musl ? ": the image has musl" : ""),
	    xstrdup(
		"link it statically (CGO_ENABLED=0 for Go, -static for C), or take a last stage "
		"with the C library that it was built with"));
}

static int
check_elf(struct look *l, const struct elf *elf, const char *path, struct error *e)
{
	const char *architecture = elf_architecture(elf);
	const char *wanted = l->config->platform.architecture;

	/* 32-bit programs run on the 64-bit machines of their kind */
	if (architecture && wanted && strcmp(architecture, wanted) != 0 &&
	    !(strcmp(architecture, "386") == 0 && strcmp(wanted, "amd64") == 0) &&
	    !(strcmp(architecture, "arm") == 0 && strcmp(wanted, "arm64") == 0)) {
		findings_add(l, "WrongArchitecture", line_of(l, path),
		    xasprintf(
			"'/%s' is for %s, and the image is for %s", path, architecture, wanted),
		    xstrdup("build it for the platform of the image: TARGETARCH says which"));
		return 0;
	}
	if (!elf->interpreter)
		return 0;
	if (final_tree_has(&l->tree, elf->interpreter, NULL))
		return check_libraries(l, elf, path, e);
	add_no_interpreter(l, elf, path);
	return 0;
}

/* ---- data that programs look for ---- */

static bool
has_certificates(const struct look *l)
{
	static const char *const files[] = { "etc/ssl/certs/ca-certificates.crt",
		"etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem",
		"etc/pki/tls/cacert.pem", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"etc/ssl/cert.pem" };
	static const char *const directories[] = { "etc/ssl/certs", "etc/pki/tls/certs" };
	const char *given = env_get(&l->config->env, "SSL_CERT_FILE");
	struct error ignored = ERROR_INIT; /* a directory that cannot be listed has none */

	if (given && final_tree_has(&l->tree, given, NULL))
		return true;
	given = env_get(&l->config->env, "SSL_CERT_DIR");
	if (given && final_tree_has(&l->tree, given, NULL))
		return true;
	for (size_t n = 0; n < ARRAY_LEN(files); n++)
		if (final_tree_has(&l->tree, files[n], NULL))
			return true;
	for (size_t n = 0; n < ARRAY_LEN(directories); n++) {
		auto(strv) struct strv names = { 0 };
		autofree char *path = NULL;

		if (final_tree_has(&l->tree, directories[n], &path) &&
		    tree_names(l->tree.tree, path, 1, &names, &ignored) == 0 && names.count > 0)
			return true;
	}
	return false;
}

static bool
has_zones(const struct look *l)
{
	const char *given = env_get(&l->config->env, "ZONEINFO");

	return (given && final_tree_has(&l->tree, given, NULL)) ||
	       final_tree_has(&l->tree, "usr/share/zoneinfo", NULL) ||
	       final_tree_has(&l->tree, "usr/lib/go/lib/time/zoneinfo.zip", NULL) ||
	       final_tree_has(&l->tree, "usr/local/go/lib/time/zoneinfo.zip", NULL);
}

/* Texts in a program that tell what it looks for at run time. */
enum wanted {
	WANTS_CERTIFICATES = 1 << 0, /* the file that all of them look for first */
	WANTS_ZONES = 1 << 1,        /* Go: only linked when a zone is loaded by name */
	HAS_ZONES = 1 << 2,          /* Go: the data are in the program */
};

static void
check_data(struct look *l, const struct file_range *range, const char *path)
{
	static const char certificates[] = "/etc/ssl/certs/ca-certificates.crt";
	/* names of functions, each with its end: LoadLocationFromTZData is in every program */
	static const char load[] = "time.LoadLocation", data[] = "time/tzdata.";
	static const struct file_text texts[] = { { certificates, sizeof(certificates) - 1 },
		{ load, sizeof(load) }, { data, sizeof(data) - 1 }, { 0 } };
	uint32_t wanted = file_range_search(range, texts);

	if (wanted & WANTS_CERTIFICATES && !has_certificates(l))
		findings_add(l, "MissingCertificates", line_of(l, path),
		    xasprintf(
			"'/%s' looks for CA certificates to check TLS connections with, and the "
			"image has none",
			path),
		    xstrdup("install ca-certificates in the last stage, or copy them: COPY "
			    "--from=STAGE /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/"));
	if (wanted & WANTS_ZONES && !(wanted & HAS_ZONES) && !has_zones(l))
		findings_add(l, "MissingTimeZones", line_of(l, path),
		    xasprintf("'/%s' loads time zones by name, and the image has no time zone data",
			path),
		    xstrdup("install tzdata in the last stage, copy /usr/share/zoneinfo there, or "
			    "import time/tzdata in the program"));
}

void
findings_zone(struct look *l)
{
	const char *zone = env_get(&l->config->env, "TZ");
	autofree char *path = NULL;

	if (!zone)
		return;
	zone += *zone == ':';
	/* "EST5EDT" and its like are rules and need no data; so does UTC */
	if (*zone == '\0' || strcasecmp(zone, "UTC") == 0 || strcasecmp(zone, "GMT") == 0 ||
	    (!strchr(zone, '/') && strpbrk(zone, "0123456789+-<,")))
		return;
	path = zone[0] == '/' ? xstrdup(zone) : xasprintf("usr/share/zoneinfo/%s", zone);
	if (strstr(zone, "..") || final_tree_has(&l->tree, path, NULL))
		return;
	findings_add(l, "MissingTimeZones", findings_line(l->b, INSTRUCTION_ENV),
	    xasprintf(
		"TZ is '%s', and the image has no data of that time zone: times will be UTC", zone),
	    xstrdup("install tzdata in the last stage, or copy /usr/share/zoneinfo there"));
}

/* ---- the program ---- */

static int needs(struct look *l, const char *path, unsigned depth, struct error *e);

/* "#!/usr/bin/env -S python3 -u": the interpreter, and for env what it starts. */
static int
check_script(struct look *l, const char *path, const char *line, unsigned depth, struct error *e)
{
	auto(strv) struct strv words = { 0 };
	autofree char *interpreter = NULL, *program = NULL;
	bool is_env;

	while (*line != '\0') {
		size_t length = strcspn(line, " \t");

		if (length > 0)
			strv_take(&words, xstrndup(line, length));
		line += length;
		line += strspn(line, " \t");
	}
	if (words.count == 0)
		return 0;
	if (text_ends_with(words.items[words.count - 1], "\r")) {
		findings_add(l, "EntrypointNotExecutable", line_of(l, path),
		    xasprintf(
			"the first line of '/%s' ends with a carriage return, which becomes part "
			"of the interpreter's name",
			path),
		    xstrdup("store the file with line ends of Unix (dos2unix, git's eol=lf)"));
		return 0;
	}
	if (!final_tree_has(&l->tree, words.items[0], &interpreter)) {
		findings_add(l, "MissingInterpreter", line_of(l, path),
		    xasprintf("'/%s' is a script for '%s', which the image does not have", path,
			words.items[0]),
		    xstrdup("take a base image with that interpreter, or install it in the last "
			    "stage"));
		return 0;
	}
	is_env = strcmp(path_base(words.items[0]), "env") == 0;
	if (is_env && words.count > 1 && strcmp(words.items[1], "-S") == 0)
		strv_remove(&words, 1);
	if (!is_env || words.count < 2 || words.items[1][0] == '-')
		return needs(l, interpreter, depth + 1, e);
	if (findings_in_path(l, words.items[1], &program))
		return needs(l, program, depth + 1, e);
	findings_add(l, "MissingInterpreter", line_of(l, path),
	    xasprintf("'/%s' is a script for '%s', which is in no directory of PATH", path,
		words.items[1]),
	    xstrdup("take a base image with that interpreter, or install it in the last stage"));
	return 0;
}

static int
check_content(struct look *l, const char *path, const struct file_range *range, unsigned depth,
    struct error *e)
{
	char head[256] = { 0 };
	size_t got = file_range_read(range, 0, head, sizeof(head) - 1);
	struct error damaged = ERROR_INIT;
	auto(elf) struct elf elf = { 0 };
	int is_elf;

	if (got >= 2 && head[0] == '#' && head[1] == '!') {
		head[strcspn(head, "\n")] = '\0';
		return check_script(l, path, head + 2, depth, e);
	}
	is_elf = elf_read(range, &elf, &damaged);
	if (is_elf == 1) {
		check_data(l, range, path);
		return check_elf(l, &elf, path, e);
	}
	findings_add(l, "EntrypointNotExecutable", line_of(l, path),
	    is_elf < 0 ? xasprintf("'/%s' cannot be started: %s", path, damaged.text)
		       : xasprintf("'/%s' is neither an ELF program nor a script with a first line "
				   "'#!/...'",
			     path),
	    xstrdup("begin the script with '#!/bin/sh', or name its interpreter in ENTRYPOINT"));
	return 0;
}

static int
needs(struct look *l, const char *path, unsigned depth, struct error *e)
{
	struct file_range range;
	autofd int fd = -1;
	int found;

	if (depth > SCRIPT_DEPTH || !findings_is_brought(l, path))
		return 0;
	found = final_tree_read(&l->tree, path, &fd, &range, e);
	return found <= 0 ? found : check_content(l, path, &range, depth, e);
}

int
findings_needs(struct look *l, const char *path, struct error *e)
{
	return needs(l, path, 0, e);
}
