/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - which cgroup hierarchies there are, and where the calling process is in them (cgroups(7), proc_pid_mountinfo(5)).
 */
#include "runtime/cgroup/layout.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (4U << 20)
#define MOUNTINFO_FIELDS 10

static bool forced_none;

void
layout_force_none(bool on)
{
	forced_none = on;
}

void
layout_release(struct layout *l)
{
	for (size_t i = 0; i < l->count; i++) {
		strv_release(&l->items[i].controllers);
		free(l->items[i].mount);
		free(l->items[i].own);
	}
	free(l->items);
	*l = (struct layout){ 0 };
}

static void
read_file(const char *path, struct buf *b)
{
	struct error ignored = ERROR_INIT;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fd_read_all(fd, b, FILE_MAX, path, &ignored) < 0)
		buf_clear(b);
}

/* mountinfo writes blanks and the like as octal numbers. */
static char *
unescape(const char *text)
{
	char *result = xstrdup(text);
	char *to = result;

	for (const char *from = result; *from; from++) {
		if (*from == '\\' && from[1] && from[2] && from[3]) {
			*to++ =
			    (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return result;
}

/* The options of the file system that are controllers or the name of a v1 hierarchy. */
static void
add_controllers(struct strv *to, const char *options)
{
	static const char *const others[] = { "rw", "ro", "noprefix", "xattr", "clone_children",
		"cpuset_v2_mode" };
	auto(strv) struct strv words = { 0 };

	strv_split(&words, options, ',');
	for (size_t i = 0; i < words.count; i++) {
		bool other = text_starts_with(words.items[i], "release_agent=");

		for (size_t k = 0; k < ARRAY_LEN(others); k++)
			other = other || strcmp(words.items[i], others[k]) == 0;
		if (!other)
			strv_add(to, words.items[i]);
	}
}

static void
add_v2_controllers(struct hierarchy *h)
{
	autofree char *path = xasprintf("%s/cgroup.controllers", h->mount);
	auto(buf) struct buf text = { 0 };
	char *end;

	read_file(path, &text);
	end = strchr(buf_text(&text), '\n');
	if (end)
		buf_truncate(&text, (size_t)(end - buf_text(&text)));
	if (text.len > 0)
		strv_split(&h->controllers, buf_text(&text), ' ');
}

/* A later mount on the same place hides an earlier one. */
static void
add_mount(struct layout *l, const char *mount, bool v2, const char *root, const char *options)
{
	struct hierarchy *h;

	xgrow(&l->items, l->count + 1, &l->room, sizeof(l->items[0]));
	h = &l->items[l->count++];
	*h = (struct hierarchy){ .v2 = v2, .mount = unescape(mount), .own = unescape(root) };
	if (v2)
		add_v2_controllers(h);
	else
		add_controllers(&h->controllers, options);
}

static void
read_mounts(struct layout *l)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };

	read_file("/proc/self/mountinfo", &text);
	strv_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count; i++) {
		auto(strv) struct strv f = { 0 };
		size_t dash = 6;

		strv_split(&f, lines.items[i], ' ');
		while (dash < f.count && strcmp(f.items[dash], "-") != 0)
			dash++;
		if (f.count < MOUNTINFO_FIELDS || dash + 3 >= f.count ||
		    !text_starts_with(f.items[4], "/sys/fs/cgroup"))
			continue;
		if (strcmp(f.items[4], "/sys/fs/cgroup") == 0)
			layout_release(l); /* all that was seen before lies under it */
		if (strcmp(f.items[dash + 1], "cgroup2") == 0)
			add_mount(l, f.items[4], true, f.items[3], NULL);
		else if (strcmp(f.items[dash + 1], "cgroup") == 0)
			add_mount(l, f.items[4], false, f.items[3], f.items[dash + 3]);
	}
}

/* "/docker/abc/x" of a process is "/x" below a mount whose root is "/docker/abc"; outside of it, "/". */
static char *
below_root(const char *path, const char *root)
{
	size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0') ||
	    strstr(path, "/.."))
		return xstrdup("/");
	return xstrdup(path[length] ? path + length : "/");
}

static bool
is_line_of(const struct hierarchy *h, const char *controllers)
{
	auto(strv) struct strv words = { 0 };

	if (h->v2)
		return *controllers == '\0';
	strv_split(&words, controllers, ',');
	for (size_t i = 0; i < words.count; i++)
		if (*words.items[i] && strv_has(&h->controllers, words.items[i]))
			return true;
	return false;
}

static void
read_own(struct layout *l)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };

	read_file("/proc/self/cgroup", &text);
	strv_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < l->count; i++) {
		char *own = xstrdup("/");

		for (size_t k = 0; k < lines.count; k++) {
			char *first = strchr(lines.items[k], ':');
			char *second = first ? strchr(first + 1, ':') : NULL;
			autofree char *names = NULL;

			if (!second)
				continue;
			names = xstrndup(first + 1, (size_t)(second - first - 1));
			if (!is_line_of(&l->items[i], names))
				continue;
			free(own);
			own = below_root(second + 1, l->items[i].own);
		}
		free(l->items[i].own); /* was the root of the mount until here */
		l->items[i].own = own;
	}
}

void
layout_read(struct layout *l)
{
	size_t n_v2 = 0;

	*l = (struct layout){ 0 };
	if (forced_none)
		return;
	read_mounts(l);
	read_own(l);
	for (size_t i = 0; i < l->count; i++)
		n_v2 += l->items[i].v2 ? 1 : 0;
	if (l->count > 0)
		l->kind = n_v2 == l->count ? CGROUP_V2 : n_v2 > 0 ? CGROUP_HYBRID : CGROUP_V1;
}
