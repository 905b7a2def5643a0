/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subid - the subordinate ids that the administrator has given to a user (subuid(5), subgid(5)).
 *
 * The files are read directly. libsubid, which brings PAM and SELinux libraries with it, is loaded only where
 * nsswitch.conf(5) names another source than files, and then in a child process.
 */
#include "runtime/sandbox/subid.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_SUBID
#include <shadow/subid.h>
#endif

#define FILE_MAX (4U << 20)

/* The file as text; empty when it cannot be read. */
static void
read_file(const char *path, struct buf *b)
{
	struct error ignored = ERROR_INIT;
	autofd int fd = path_open_user(path, O_RDONLY, 0, &ignored);

	if (fd < 0 || fd_read_all(fd, b, FILE_MAX, path, &ignored) < 0)
		buf_clear(b);
}

static bool
overlaps(const struct id_map *map, uint32_t start, uint32_t count)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_extent *x = &map->extents[i];

		if (start < x->outside + (uint64_t)x->count && x->outside < start + (uint64_t)count)
			return true;
	}
	return false;
}

static void
add_range(struct id_map *map, uint64_t start, uint64_t count, uint32_t own)
{
	uint64_t inside = 1;

	if (map->count > 0) {
		const struct id_extent *last = &map->extents[map->count - 1];

		inside = (uint64_t)last->inside + last->count;
	}
	if (count == 0 || start > UINT32_MAX - 1 || count > UINT32_MAX - start ||
	    inside + count > UINT32_MAX || map->count >= ID_MAP_MAX - 1)
		return;
	if ((own >= start && own < start + count) ||
	    overlaps(map, (uint32_t)start, (uint32_t)count))
		return;
	id_map_add(map, (uint32_t)inside, (uint32_t)start, (uint32_t)count);
}

static void
parse_line(char *line, const char *name, const char *number, uint32_t own, struct id_map *map)
{
	struct error ignored = ERROR_INIT;
	uint64_t start, count;
	char *first, *second;

	first = strchr(line, ':');
	second = first ? strchr(first + 1, ':') : NULL;
	if (!second)
		return;
	*first++ = '\0';
	*second++ = '\0';
	if (strcmp(line, name) != 0 && strcmp(line, number) != 0)
		return;
	if (parse_u64(first, 0, UINT32_MAX, "start", &start, &ignored) < 0 ||
	    parse_u64(second, 0, UINT32_MAX, "count", &count, &ignored) < 0)
		return;
	add_range(map, start, count, own);
}

void
subid_parse(const char *text, const char *name, uid_t uid, uint32_t own, struct id_map *map)
{
	autofree char *number = xasprintf("%u", (unsigned int)uid);

	while (*text) {
		size_t length = strcspn(text, "\n");
		autofree char *line = xstrndup(text, length);

		parse_line(line, name, number, own, map);
		text += length + (text[length] == '\n');
	}
}

char *
subid_login_name(uid_t uid)
{
	auto(buf) struct buf passwd = { 0 };
	autofree char *field = xasprintf(":%u:", (unsigned int)uid);
	const struct passwd *entry;
	const char *line;

	read_file("/etc/passwd", &passwd);
	for (line = buf_text(&passwd); *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t name = strcspn(line, ":\n");
		size_t password = line[name] == ':' ? strcspn(line + name + 1, ":\n") : 0;

		if (line[name] == ':' && text_starts_with(line + name + 1 + password, field))
			return xstrndup(line, name);
	}
	entry = getpwuid(uid);
	return entry ? xstrdup(entry->pw_name) : xasprintf("%u", (unsigned int)uid);
}

#ifdef HAVE_SUBID
/* Does nsswitch.conf name anything but files? */
static bool
other_source(void)
{
	auto(buf) struct buf b = { 0 };
	const char *line;

	read_file("/etc/nsswitch.conf", &b);
	for (line = buf_text(&b); *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *rest = line + strspn(line, " \t");

		if (!text_starts_with(rest, "subid:"))
			continue;
		rest += strlen("subid:");
		rest += strspn(rest, " \t");
		return !(text_starts_with(rest, "files") && !isalnum((unsigned char)rest[5]));
	}
	return false;
}

struct question {
	bool groups;
	const char *name;
};

/* In a child: asks the library, writes the answer as lines of subuid(5). */
static int
ask_library(void *arg, struct buf *result, struct error *e)
{
	const struct question *q = arg;
	struct subid_range *ranges = NULL;
	int (*ask)(const char *, struct subid_range **) = NULL;
	void *library = dlopen("libsubid.so.4", RTLD_NOW);
	int n;

	if (!library)
		library = dlopen("libsubid.so", RTLD_NOW);
	if (library)
		*(void **)&ask =
		    dlsym(library, q->groups ? "subid_get_gid_ranges" : "subid_get_uid_ranges");
	if (!ask)
		return error_set(e, ERR_HOST,
		    "nsswitch.conf names a source of subordinate ids, but libsubid cannot be "
		    "loaded");
	n = ask(q->name, &ranges);
	for (int i = 0; i < n; i++)
		buf_printf(result, "%s:%lu:%lu\n", q->name, (unsigned long)ranges[i].start,
		    (unsigned long)ranges[i].count);
	free(ranges);
	return 0;
}

static int
read_library(bool groups, const char *name, struct buf *text, struct error *e)
{
	struct question q = { groups, name };
	struct worker w;

	if (worker_start(&w, ask_library, &q, e) < 0)
		return -1;
	return worker_finish(&w, text, e);
}
#endif

int
subid_ranges(bool groups, uid_t uid, uint32_t own, struct id_map *map, struct error *e)
{
	autofree char *name = subid_login_name(uid);
	auto(buf) struct buf text = { 0 };

	(void)e; /* only asking the library can fail */
#ifdef HAVE_SUBID
	if (other_source()) {
		if (read_library(groups, name, &text, e) < 0)
			return -1;
		subid_parse(buf_text(&text), name, uid, own, map);
		return 0;
	}
#endif
	read_file(groups ? "/etc/subgid" : "/etc/subuid", &text);
	subid_parse(buf_text(&text), name, uid, own, map);
	return 0;
}
