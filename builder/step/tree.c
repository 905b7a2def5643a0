/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - looking paths up in a root filesystem, whether or not it is unpacked.
 *
 * A level of the stack answers for one path: it has it, it hides it (a whiteout, an opaque
 * directory or something that is no directory on the way), or it knows nothing and the next lower
 * one is asked.
 */
#include "builder/step/tree.h"

#include "builder/context/traverse.h"
#include "builder/layer/metadata.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LINKS_MAX 40
#define SUGGEST_DEPTH 4
#define SUGGEST_NAMES 2000

enum level_kind { LEVEL_LISTING, LEVEL_UPPER, LEVEL_ROOT };

struct level {
	enum level_kind kind;
	const struct listing *listing;
	int fd;
};

struct tree {
	struct level *levels; /* lowest first */
	size_t count;
	size_t room;
	struct buf link; /* of the last item */
	struct entry_reader reader;
};

enum answer {
	ANSWER_NOTHING, /* ask below */
	ANSWER_HIDDEN,
	ANSWER_IMPLIED, /* a directory whose metadata stands below */
	ANSWER_FOUND,
	ANSWER_ERROR,
};

struct tree *
tree_new(void)
{
	return xcalloc(1, sizeof(struct tree));
}

void
tree_free(struct tree *tree)
{
	if (!tree)
		return;
	free(tree->levels);
	buf_release(&tree->link);
	entry_reader_release(&tree->reader);
	free(tree);
}

void
tree_free_at(struct tree **tree)
{
	tree_free(*tree);
}

static void
tree_add(struct tree *tree, struct level level)
{
	xgrow(&tree->levels, tree->count, &tree->room, sizeof(*tree->levels));
	tree->levels[tree->count++] = level;
}

void
tree_add_listing(struct tree *tree, const struct listing *listing)
{
	tree_add(tree, (struct level){ .kind = LEVEL_LISTING, .listing = listing, .fd = -1 });
}

void
tree_add_upper(struct tree *tree, int upper)
{
	tree_add(tree, (struct level){ .kind = LEVEL_UPPER, .fd = upper });
}

void
tree_add_root(struct tree *tree, int root)
{
	tree_add(tree, (struct level){ .kind = LEVEL_ROOT, .fd = root });
}

/* The next component of *@path into @name; 0 at the end, -1 when it cannot be a name. */
static int
next_component(const char **path, char name[NAME_MAX + 1])
{
	const char *start = *path + strspn(*path, "/");
	size_t length = strcspn(start, "/");

	if (length == 0)
		return 0;
	if (length > NAME_MAX)
		return -1;
	memcpy(name, start, length);
	name[length] = '\0';
	*path = start + length;
	return 1;
}

static void
item_of_listing(struct tree *tree, const struct listing_item *from, struct tree_item *item)
{
	buf_clear(&tree->link);
	if (S_ISLNK(from->mode))
		buf_add_text(&tree->link, from->link);
	*item = (struct tree_item){ .mode = from->mode,
		.uid = from->uid,
		.gid = from->gid,
		.mtime = from->mtime,
		.link = buf_text(&tree->link) };
}

static enum answer
listing_lookup(struct tree *tree, const struct listing *l, const char *path, struct tree_item *item)
{
	enum answer missing = ANSWER_NOTHING;
	const char *rest = path;
	struct listing_item at;
	size_t index = 0;

	listing_at(l, 0, &at);
	for (;;) {
		char name[NAME_MAX + 1];
		int more = next_component(&rest, name);

		if (more < 0)
			return ANSWER_HIDDEN;
		if (more == 0)
			break;
		if (at.flags & LISTING_OPAQUE)
			missing = ANSWER_HIDDEN;
		index = listing_find_child(l, index, name, strlen(name));
		if (index == SIZE_MAX)
			return missing;
		listing_at(l, index, &at);
		if (at.flags & LISTING_REMOVES)
			return ANSWER_HIDDEN;
		if (!S_ISDIR(at.mode) && rest[strspn(rest, "/")] != '\0')
			return ANSWER_HIDDEN;
	}
	item_of_listing(tree, &at, item);
	return at.flags & LISTING_IMPLIED ? ANSWER_IMPLIED : ANSWER_FOUND;
}

/* The item for what fstatat() says of @name in @dir. */
static int
item_of_file(struct tree *tree, int dir, const char *name, const struct stat *st,
    struct tree_item *item, struct error *e)
{
	char target[PATH_MAX];
	ssize_t length = 0;

	*item = (struct tree_item){
		.mode = st->st_mode, .uid = st->st_uid, .gid = st->st_gid, .mtime = st->st_mtim
	};
	if (S_ISLNK(st->st_mode)) {
		length = readlinkat(dir, name, target, sizeof(target));
		if (length < 0)
			return error_sys(e, "cannot read link '%s'", name);
	}
	if (S_ISDIR(st->st_mode) &&
	    (entry_reader_is_recorded(&tree->reader, e) ||
		(*name && (st->st_uid == ENTRY_FOREIGN_ID || st->st_gid == ENTRY_FOREIGN_ID)))) {
		struct entry entry;
		autofd int fd = -1;

		if (entry_read_at(&tree->reader, dir, *name ? name : ".", name, &entry, &fd, e) < 0)
			return -1;
		item->uid = entry.uid;
		item->gid = entry.gid;
	}
	buf_clear(&tree->link);
	buf_add(&tree->link, target, (size_t)length);
	item->link = buf_text(&tree->link);
	return 0;
}

/* Steps from directory *@at to its child @name: what is there, with its status. */
static enum answer
upper_step(int at, const char *name, bool is_opaque_here, struct stat *st)
{
	if (fstatat(at, name, st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return ANSWER_ERROR;
		return is_opaque_here ? ANSWER_HIDDEN : ANSWER_NOTHING;
	}
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0))
		return ANSWER_HIDDEN;
	return ANSWER_FOUND;
}

static enum answer
upper_lookup(
    struct tree *tree, int upper, const char *path, struct tree_item *item, struct error *e)
{
	bool hides = false;
	const char *rest = path;
	struct stat st;
	autofd int at = openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0 || fstat(at, &st) < 0)
		goto failed;
	if (*path == '\0')
		return item_of_file(tree, at, "", &st, item, e) < 0 ? ANSWER_ERROR : ANSWER_FOUND;
	for (;;) {
		char name[NAME_MAX + 1];
		enum answer answer;
		int next;

		if (next_component(&rest, name) <= 0)
			return ANSWER_HIDDEN;
		hides |= metadata_has_mark(at, OVERLAY_PREFIX "opaque", 'y');
		answer = upper_step(at, name, hides, &st);
		if (answer == ANSWER_ERROR)
			goto failed;
		if (answer != ANSWER_FOUND)
			return answer;
		if (rest[strspn(rest, "/")] == '\0')
			return item_of_file(tree, at, name, &st, item, e) < 0 ? ANSWER_ERROR
			                                                      : ANSWER_FOUND;
		if (!S_ISDIR(st.st_mode))
			return ANSWER_HIDDEN;
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			goto failed;
		(void)close(at); /* a directory */
		at = next;
	}
failed:
	error_sys(e, "cannot look up '%s'", path);
	return ANSWER_ERROR;
}

static enum answer
root_lookup(struct tree *tree, int root, const char *path, struct tree_item *item, struct error *e)
{
	autofree char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	const char *name = path_base(path);
	autofd int dir = -1;
	struct stat st;

	if (slash)
		*slash = '\0';
	dir = traverse_open(root, slash ? parent : ".", O_PATH | O_DIRECTORY);
	if (dir < 0 || fstatat(dir, *path ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG)
			return ANSWER_HIDDEN;
		error_sys(e, "cannot look up '%s'", path);
		return ANSWER_ERROR;
	}
	return item_of_file(tree, dir, *path ? name : "", &st, item, e) < 0 ? ANSWER_ERROR
	                                                                    : ANSWER_FOUND;
}

static enum answer
level_lookup(struct tree *tree, const struct level *level, const char *path, struct tree_item *item,
    struct error *e)
{
	switch (level->kind) {
	case LEVEL_LISTING:
		return listing_lookup(tree, level->listing, path, item);
	case LEVEL_UPPER:
		return upper_lookup(tree, level->fd, path, item, e);
	case LEVEL_ROOT:
		break;
	}
	return root_lookup(tree, level->fd, path, item, e);
}

int
tree_lookup(struct tree *tree, const char *path, struct tree_item *item, struct error *e)
{
	struct tree_item implied = { .mode = S_IFDIR | 0755, .link = "" };
	bool is_implied = *path == '\0'; /* the root is always there */

	for (size_t i = tree->count; i-- > 0;) {
		switch (level_lookup(tree, &tree->levels[i], path, item, e)) {
		case ANSWER_FOUND:
			return 1;
		case ANSWER_ERROR:
			return -1;
		case ANSWER_IMPLIED:
			is_implied = true;
			break;
		case ANSWER_HIDDEN:
			i = 0;
			break;
		case ANSWER_NOTHING:
			break;
		}
		if (i == 0)
			break;
	}
	if (!is_implied)
		return 0;
	*item = implied;
	return 1;
}

void
tree_place_release(struct tree_place *place)
{
	free(place->path);
	*place = (struct tree_place){ 0 };
}

bool
tree_place_exists(const struct tree_place *place)
{
	return place->path[place->existing] == '\0';
}

/* Resolving: what is done, and what is still to be walked. */
struct resolver {
	struct buf done;
	size_t existing; /* length of the part of @done that is there */
	char *rest;
	int links;
};

static void
resolver_up(struct resolver *r)
{
	const char *slash = r->done.len ? strrchr(r->done.data, '/') : NULL;

	buf_truncate(&r->done, slash ? (size_t)(slash - r->done.data) : 0);
	if (r->existing > r->done.len)
		r->existing = r->done.len;
}

/* Replaces the link that was added last, at @parent bytes, by where it points. */
static int
resolver_follow(
    struct resolver *r, const char *link, size_t parent, const char *rest, struct error *e)
{
	char *joined;

	if (++r->links > LINKS_MAX)
		return error_set(
		    e, ERR_INPUT, "'/%s': too many symbolic links", buf_text(&r->done));
	joined = xasprintf("%s/%s", link, rest);
	free(r->rest);
	r->rest = joined;
	buf_truncate(&r->done, link[0] == '/' ? 0 : parent);
	r->existing = r->done.len;
	return 0;
}

/* Takes one component. Returns 1, 0 at the end, -1. */
static int
resolver_step(struct resolver *r, struct tree *tree, struct error *e)
{
	const char *start = r->rest + strspn(r->rest, "/");
	size_t length = strcspn(start, "/");
	autofree char *name = xstrndup(start, length);
	autofree char *rest = xstrdup(start + length);
	size_t parent = r->done.len;
	struct tree_item item;
	int found;

	if (length == 0)
		return 0;
	free(r->rest);
	r->rest = xstrdup(rest);
	if (strcmp(name, ".") == 0)
		return 1;
	if (strcmp(name, "..") == 0) {
		resolver_up(r);
		return 1;
	}
	if (length > NAME_MAX)
		return error_set(
		    e, ERR_INPUT, "'%.40s...': a name of %zu bytes is too long", name, length);
	if (parent > 0)
		buf_add_char(&r->done, '/');
	buf_add(&r->done, name, length);
	if (r->existing < parent)
		return 1; /* in a directory that is not there */
	found = tree_lookup(tree, buf_text(&r->done), &item, e);
	if (found <= 0)
		return found < 0 ? -1 : 1;
	if (S_ISLNK(item.mode))
		return resolver_follow(r, item.link, parent, rest, e) < 0 ? -1 : 1;
	r->existing = r->done.len;
	if (!S_ISDIR(item.mode) && rest[strspn(rest, "/")] != '\0')
		return error_set(e, ERR_INPUT, "'/%s' is not a directory", buf_text(&r->done));
	return 1;
}

int
tree_resolve(struct tree *tree, const char *path, struct tree_place *place, struct error *e)
{
	struct resolver r = { .rest = xstrdup(path) };
	autofree char *existing = NULL;
	int result;

	*place = (struct tree_place){ 0 };
	while ((result = resolver_step(&r, tree, e)) > 0)
		continue;
	free(r.rest);
	place->existing = r.existing;
	place->path = buf_steal(&r.done);
	if (result == 0) {
		existing = xstrndup(place->path, place->existing);
		result = tree_lookup(tree, existing, &place->item, e) < 0 ? -1 : 0;
	}
	if (result < 0)
		tree_place_release(place);
	return result;
}

/* Adds the names that a level has in @path, hidden or not. */
static void
level_names(const struct level *level, const char *path, struct strv *names)
{
	struct traverse_names found = { 0 };
	struct error ignored = ERROR_INIT;
	autofd int dir = -1;

	if (level->kind == LEVEL_LISTING) {
		size_t index = listing_find(level->listing, path);
		struct listing_item item;

		for (size_t child = 0; index != SIZE_MAX && (child = listing_child(level->listing,
								 index, child)) != 0;) {
			listing_at(level->listing, child, &item);
			strv_add(names, item.name);
		}
		return;
	}
	dir = traverse_open(level->fd, *path ? path : ".", O_RDONLY | O_DIRECTORY);
	if (dir < 0 || traverse_names_read(&found, dir, &ignored) < 0)
		found.count = 0; /* not there in this level */
	for (size_t i = 0; i < found.count; i++)
		strv_add(names, found.items[i]);
	traverse_names_release(&found);
}

static char *
child_path(const char *dir, const char *name)
{
	return *dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
}

int
tree_names(struct tree *tree, const char *path, size_t max, struct strv *names, struct error *e)
{
	auto(strv) struct strv all = { 0 };

	for (size_t i = tree->count; i-- > 0;) {
		level_names(&tree->levels[i], path, &all);
		if (tree->levels[i].kind == LEVEL_ROOT)
			break;
	}
	strv_sort(&all);
	for (size_t i = 0; i < all.count && names->count < max; i++) {
		autofree char *child = child_path(path, all.items[i]);
		struct tree_item item;
		int found;

		if (i > 0 && strcmp(all.items[i - 1], all.items[i]) == 0)
			continue;
		found = tree_lookup(tree, child, &item, e);
		if (found < 0)
			return -1;
		if (found > 0)
			strv_add(names, all.items[i]);
	}
	return 0;
}

/* Names beside the one that is missing that look like it. */
static void
suggest_beside(struct tree *tree, const char *dir, const char *name, size_t max, struct strv *paths)
{
	auto(strv) struct strv names = { 0 };
	struct error ignored = ERROR_INIT;

	if (tree_names(tree, dir, SUGGEST_NAMES, &names, &ignored) < 0)
		return;
	for (size_t limit = 0; limit <= 2; limit++) {
		for (size_t i = 0; i < names.count && paths->count < max; i++) {
			autofree char *path = child_path(dir, names.items[i]);

			if ((text_distance(names.items[i], name, 2) == limit ||
				strcasecmp(names.items[i], name) == 0) &&
			    !strv_has(paths, path))
				strv_add(paths, path);
		}
	}
}

/* Files called @name elsewhere, breadth first. */
static void
suggest_elsewhere(struct tree *tree, const char *name, size_t max, struct strv *paths)
{
	auto(strv) struct strv queue = { 0 };
	size_t level_end = 1, depth = 0, seen = 0;

	strv_add(&queue, "");
	for (size_t i = 0; i < queue.count && depth < SUGGEST_DEPTH && seen < SUGGEST_NAMES; i++) {
		auto(strv) struct strv names = { 0 };
		struct error ignored = ERROR_INIT;
		struct tree_item item;

		if (tree_names(tree, queue.items[i], SUGGEST_NAMES - seen, &names, &ignored) < 0)
			return;
		seen += names.count;
		for (size_t n = 0; n < names.count && paths->count < max; n++) {
			autofree char *path = child_path(queue.items[i], names.items[n]);

			if (strcmp(names.items[n], name) == 0 && !strv_has(paths, path))
				strv_add(paths, path);
			if (tree_lookup(tree, path, &item, &ignored) == 1 && S_ISDIR(item.mode))
				strv_add(&queue, path);
		}
		if (i + 1 == level_end) {
			level_end = queue.count;
			depth++;
		}
	}
}

void
tree_suggest(struct tree *tree, const char *path, size_t max, struct strv *paths)
{
	autofree char *clean = path_absolute(path);
	struct tree_place place;
	struct error ignored = ERROR_INIT;

	if (strcmp(clean, "/") == 0)
		return;
	if (tree_resolve(tree, clean, &place, &ignored) == 0) {
		autofree char *dir = xstrndup(place.path, place.existing);
		const char *missing = place.path + place.existing;
		char name[NAME_MAX + 1];

		if (next_component(&missing, name) > 0)
			suggest_beside(tree, dir, name, max, paths);
		tree_place_release(&place);
	}
	if (paths->count < max)
		suggest_elsewhere(tree, path_base(clean), max, paths);
}
