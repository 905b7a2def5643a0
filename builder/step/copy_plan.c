/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_plan - from the words of COPY and ADD to sources: links, patterns, what is left out, what is
 * missing.
 */
#include "builder/context/traverse.h"
#include "builder/dockerfile/glob.h"
#include "builder/layer/apply.h"
#include "builder/step/copy_nodes.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <unistd.h>

#define SUGGESTIONS 3

/* While sources are found. */
struct maker {
	struct copy_plan *plan;
	struct tree *tree; /* of the sources */
	struct copy_links *links;
	size_t n_matches; /* of the pattern that is looked at */
	const char *word; /* as written */
	bool unpacks;     /* archives */
};

static struct copy_plan *
plan_new(const struct copy_request *request)
{
	struct copy_plan *plan = xcalloc(1, sizeof(*plan));

	plan->from = request->from;
	if (!plan->from.name)
		plan->from.name = "the source";
	plan->exclude = request->exclude;
	plan->dest = xstrdup(request->dest);
	plan->flags = request->flags;
	plan->has_chmod = request->chmod != NULL;
	if (request->chmod)
		plan->chmod = *request->chmod;
	plan->digests = request->digests;
	plan->note = request->note;
	plan->note_arg = request->note_arg;
	plan->n_words = request->n_sources + request->n_extras;
	return plan;
}

struct copy_plan *
copy_plan_directory(const char *path, uid_t uid, gid_t gid)
{
	struct copy_request request = { .from = { .root = -1 }, .dest = path };
	struct copy_plan *plan = plan_new(&request);

	plan->is_directory = true;
	plan->uid = uid;
	plan->gid = gid;
	return plan;
}

void
copy_plan_free(struct copy_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_sources; i++) {
		free(plan->sources[i].path);
		free(plan->sources[i].name);
		free(plan->sources[i].text);
		free(plan->sources[i].dest);
		free((void *)(uintptr_t)plan->sources[i].from.name);
	}
	for (size_t i = 0; i < plan->n_parents; i++)
		free(plan->parents[i].path);
	for (size_t i = 0; i < plan->n_redirects; i++)
		free(plan->redirects[i].path);
	free(plan->sources);
	free(plan->parents);
	free(plan->redirects);
	free(plan->nodes);
	free(plan->order);
	free(plan->placed);
	buf_release(&plan->names);
	buf_release(&plan->xattrs);
	free(plan->dest);
	free(plan);
}

void
copy_plan_free_at(struct copy_plan **plan)
{
	copy_plan_free(*plan);
}

static int
missing(struct maker *m, const char *path, struct error *e)
{
	const struct copy_from *from = &m->plan->from;
	auto(strv) struct strv near = { 0 };
	autofree char *list = NULL;
	size_t line = 0;
	const char *reason = from->ignore ? ignore_reason(from->ignore, path, &line) : NULL;

	error_set(e, ERR_USAGE, "source '%s' is not in %s", m->word, m->plan->from.name);
	if (reason && ignore_match(from->ignore, path, false))
		return error_hint(e, "it is left out by '%s', line %zu of %s", reason, line,
		    from->ignore_file ? from->ignore_file : "the ignore file");
	tree_suggest(m->tree, path, SUGGESTIONS, &near);
	if (near.count == 0)
		return -1;
	for (size_t i = 0; from->is_rootfs && i < near.count; i++) {
		char *absolute = xasprintf("/%s", near.items[i]);

		free(near.items[i]);
		near.items[i] = absolute;
	}
	list = strv_join(&near, "', '");
	return error_hint(e, "there is '%s'", list);
}

/* Is @path left out, and with it all that could be below? */
static bool
is_ignored(const struct copy_plan *plan, const char *path, bool is_dir)
{
	const struct ignore *ignore = plan->from.ignore;

	if (!ignore || *path == '\0' || !ignore_match(ignore, path, is_dir))
		return false;
	return !is_dir || !ignore->has_negation || !ignore_may_reinclude_below(ignore, path);
}

/* ADD unpacks it when it is a regular file with an archive in it. */
static int
find_archive(const struct maker *m, struct copy_source *source, struct error *e)
{
	struct copy_plan *plan = m->plan;
	struct copy_opener opener = COPY_OPENER_INIT(plan);
	int answer = 0;
	int fd;

	if (!m->unpacks || !S_ISREG(plan->nodes[source->first].mode) ||
	    plan->nodes[source->first].size == 0)
		return 0;
	fd = copy_opener_file(&opener, source->first, e);
	if (fd >= 0) {
		answer = archive_detect(fd, e);
		(void)close(fd); /* read only */
	}
	copy_opener_release(&opener);
	if (fd < 0 || answer < 0)
		return -1;
	source->is_archive = answer > 0;
	return 0;
}

/* Is the file at @path one that --exclude names? */
static bool
is_excluded(const struct maker *m, const char *path)
{
	return m->plan->exclude && *path && ignore_match(m->plan->exclude, path_base(path), false);
}

/*
 * Adds what is at @path, which is as written or as found: relative to the root, clean, "" for
 * itself; called @name in the destination.
 */
static int
add_source(struct maker *m, const char *path, const char *name, struct error *e)
{
	struct copy_plan *plan = m->plan;
	struct tree_place place;
	size_t before = plan->n_sources;
	bool is_there, is_dir;
	int result = 0;

	if (tree_resolve(m->tree, path, &place, e) < 0)
		return error_ctx(e, "source '%s' of %s", m->word, plan->from.name);
	is_dir = S_ISDIR(place.item.mode);
	is_there = tree_place_exists(&place) && !is_ignored(plan, path, is_dir) &&
	           !is_ignored(plan, place.path, is_dir);
	if (!is_there)
		result = missing(m, path, e);
	else if (is_dir || !is_excluded(m, path))
		result = copy_scan(plan, &m->links, *place.path ? place.path : ".", name, e);
	if (result == 0 && plan->n_sources > before)
		result = find_archive(m, &plan->sources[before], e);
	tree_place_release(&place);
	return result;
}

/*
 * Adds what stands below directory @path, which --parents does not keep; plan->include says which of it. A file in the
 * place of the directory is passed over where a pattern found it.
 */
static int
add_below(struct maker *m, const char *path, bool is_match, struct error *e)
{
	struct copy_plan *plan = m->plan;
	struct tree_place place;
	size_t before = plan->n_sources;
	int result = 0;

	if (tree_resolve(m->tree, path, &place, e) < 0)
		return error_ctx(e, "source '%s' of %s", m->word, plan->from.name);
	if (!tree_place_exists(&place) || is_ignored(plan, place.path, true))
		result = missing(m, path, e);
	else if (S_ISDIR(place.item.mode))
		result =
		    copy_scan(plan, &m->links, *place.path ? place.path : ".", path_base(path), e);
	else if (!is_match)
		result =
		    error_set(e, ERR_USAGE, "'%s' of %s is not a directory", path, plan->from.name);
	m->n_matches += plan->n_sources - before;
	tree_place_release(&place);
	return result;
}

static int expand(struct maker *m, const char *dir, const char *pattern, struct error *e);

/* @name in @dir is named by the first component of a pattern of which @rest is left. */
static int
expand_match(struct maker *m, const char *dir, const char *name, const char *rest, struct error *e)
{
	autofree char *path = *dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
	struct tree_item item;
	int found = tree_lookup(m->tree, path, &item, e);

	if (found <= 0)
		return found;
	if (is_ignored(m->plan, path, S_ISDIR(item.mode)))
		return 0;
	if (*rest == '\0' && (m->plan->flags & COPY_PARENTS))
		return add_below(m, path, true, e);
	if (*rest == '\0') {
		m->n_matches++;
		return add_source(m, path, path_base(path), e);
	}
	return S_ISDIR(item.mode) ? expand(m, path, rest, e) : 0;
}

/* Adds all below the real directory @dir that @pattern names. */
static int
expand(struct maker *m, const char *dir, const char *pattern, struct error *e)
{
	size_t length = strcspn(pattern, "/");
	autofree char *component = xstrndup(pattern, length);
	const char *rest = pattern + length + strspn(pattern + length, "/");
	struct traverse_names names = { 0 };
	autofd int fd = -1;
	int result = 0;

	if (!glob_has_wildcard(component)) {
		autofree char *plain = glob_unescape(component);

		return expand_match(m, dir, plain, rest, e);
	}
	fd = traverse_open(m->plan->from.root, *dir ? dir : ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return error_sys(e, "cannot open directory '%s' of %s", dir, m->plan->from.name);
	result = traverse_names_read(&names, fd, e);
	for (size_t i = 0; result == 0 && i < names.count; i++) {
		if (glob_match(component, names.items[i]))
			result = expand_match(m, dir, names.items[i], rest, e);
	}
	traverse_names_release(&names);
	return result;
}

struct deeper {
	const char *name;
	uint64_t count;
};

static int
count_deeper(void *arg, const struct traverse_item *item, uint32_t *token, struct error *e)
{
	struct deeper *d = arg;

	(void)e; /* counting cannot fail */
	*token = item->parent + 1;
	if (item->parent > 1 && S_ISREG(item->stat->st_mode) && glob_match(d->name, item->name))
		d->count++;
	return 1;
}

/*
 * A two-star component is one component, as in the reference builder: say so when that leaves files
 * behind.
 */
static void
note_deeper(struct maker *m, const char *dir, const char *pattern)
{
	struct deeper deeper = { .name = path_base(pattern) };
	struct traverse walk = { .root = m->plan->from.root,
		.start = *dir ? dir : ".",
		.token = 0,
		.ignore = m->plan->from.ignore,
		.visit = count_deeper,
		.arg = &deeper };
	struct error ignored = ERROR_INIT;

	if (!text_starts_with(pattern, "**/") || strchr(pattern + 3, '/'))
		return;
	if (traverse_run(&walk, &ignored) == 0 && deeper.count > 0)
		copy_note(m->plan,
		    "'%s' matches files one directory down only; %llu deeper ones are not copied",
		    m->word, (unsigned long long)deeper.count);
}

/*
 * The part of @pattern before the component with the first wildcard, as a path; *@rest is what
 * follows. To be freed.
 */
static char *
literal_prefix(const char *pattern, const char **rest)
{
	const char *at = pattern;
	autofree char *literal = NULL;

	for (;;) {
		size_t length = strcspn(at, "/");
		autofree char *component = xstrndup(at, length);

		if (glob_has_wildcard(component) || at[length] == '\0')
			break;
		at += length + 1;
	}
	*rest = at;
	literal = xstrndup(pattern, (size_t)(at - pattern));
	return glob_unescape(literal);
}

static int
add_pattern(struct maker *m, const char *pattern, struct error *e)
{
	const char *rest;
	autofree char *prefix = literal_prefix(pattern, &rest);
	struct tree_place place;
	int result = 0;

	if (tree_resolve(m->tree, prefix, &place, e) < 0)
		return error_ctx(e, "source '%s' of %s", m->word, m->plan->from.name);
	m->n_matches = 0;
	if (tree_place_exists(&place) && S_ISDIR(place.item.mode)) {
		result = expand(m, place.path, rest, e);
		if (result == 0 && !(m->plan->flags & COPY_PARENTS))
			note_deeper(m, place.path, rest);
	}
	tree_place_release(&place);
	return result;
}

static void
note_nothing(const struct maker *m)
{
	copy_note(
	    m->plan, "'%s' matches nothing in %s: nothing is copied", m->word, m->plan->from.name);
}

/* Is @path, kept below @base, there? What --parents copies is not looked for through links. */
static int
check_kept(struct maker *m, const char *base, const char *path, struct error *e)
{
	autofree char *joined = *base ? xasprintf("%s/%s", base, path) : xstrdup(path);
	struct tree_place place;
	bool is_there;

	if (tree_resolve(m->tree, joined, &place, e) < 0)
		return error_ctx(e, "source '%s' of %s", m->word, m->plan->from.name);
	is_there = tree_place_exists(&place);
	tree_place_release(&place);
	if (!is_there || is_ignored(m->plan, joined, false))
		return missing(m, joined, e);
	error_set(e, ERR_USAGE, "source '%s' goes through a link, which --parents does not follow",
	    m->word);
	return error_hint(e, "name where the link leads");
}

/* One word with --parents: @base, which is not kept, and @kept, a path or a pattern below it; "." is all of it. */
static int
add_kept(struct maker *m, const char *base, const char *kept, struct error *e)
{
	auto(ignore) struct ignore include = { 0 };
	bool is_plain = !glob_has_wildcard(base) && !glob_has_wildcard(kept);
	autofree char *plain_base = glob_unescape(base), *plain = glob_unescape(kept);
	int result;

	m->n_matches = 0;
	if (strcmp(kept, ".") != 0) {
		if (ignore_add_plain(&include, kept, e) < 0)
			return error_ctx(e, "source '%s'", m->word);
		m->plan->include = &include;
	}
	result =
	    glob_has_wildcard(base) ? add_pattern(m, base, e) : add_below(m, plain_base, false, e);
	m->plan->include = NULL;
	if (result < 0 || m->n_matches > 0 || (is_plain && m->plan->exclude))
		return result;
	if (is_plain)
		return check_kept(m, plain_base, plain, e);
	note_nothing(m);
	return 0;
}

/* The pivot of --parents: what follows "/./" is kept. */
static int
add_word_kept(struct maker *m, const char *word, struct error *e)
{
	const char *pivot = strstr(word, "/./");
	autofree char *before = xstrndup(word, pivot ? (size_t)(pivot - word) : 0);
	autofree char *base = path_absolute(before);
	autofree char *kept = path_absolute(pivot ? pivot + 2 : word);

	if (glob_check(base + 1, e) < 0 || glob_check(kept + 1, e) < 0)
		return error_ctx(e, "source '%s'", word);
	return add_kept(m, base + 1, kept[1] ? kept + 1 : ".", e);
}

/* One word of the instruction. Whatever it says, it stays below the root. */
static int
add_word(struct maker *m, const char *word, struct error *e)
{
	autofree char *absolute = path_absolute(word);
	const char *relative = absolute + 1;

	m->word = word;
	if (m->plan->flags & COPY_PARENTS)
		return add_word_kept(m, word, e);
	if (!glob_has_wildcard(relative)) {
		autofree char *plain = glob_unescape(relative);

		return add_source(m, plain, path_base(plain), e);
	}
	if (glob_check(relative, e) < 0)
		return error_ctx(e, "source '%s'", word);
	m->n_matches = 0;
	if (add_pattern(m, relative, e) < 0)
		return -1;
	if (m->n_matches == 0)
		note_nothing(m);
	return 0;
}

/* A heredoc, or something with a root of its own. */
static int
add_extra(struct maker *m, const struct copy_extra *extra, struct error *e)
{
	struct copy_plan *plan = m->plan;
	struct maker other = { .plan = plan,
		.tree = tree_new(),
		.links = m->links,
		.word = extra->name,
		.unpacks = extra->unpack };
	const struct copy_from own = plan->from;
	int result;

	if (extra->text) {
		tree_free(other.tree);
		return copy_scan_text(plan, extra->text, extra->length, extra->name, e);
	}
	plan->from = extra->from;
	tree_add_root(other.tree, extra->from.root);
	result =
	    add_source(&other, strcmp(extra->path, ".") == 0 ? "" : extra->path, extra->name, e);
	m->links = other.links;
	plan->from = own;
	tree_free(other.tree);
	return result;
}

static int
add_all(struct maker *m, const struct copy_request *request, struct error *e)
{
	size_t x = 0;

	for (size_t i = 0; i <= request->n_sources; i++) {
		for (; x < request->n_extras &&
		       (request->extras[x].position <= i || i == request->n_sources);
		     x++)
			if (add_extra(m, &request->extras[x], e) < 0)
				return -1;
		if (i < request->n_sources && add_word(m, request->sources[i], e) < 0)
			return -1;
	}
	return 0;
}

struct copy_plan *
copy_plan_make(const struct copy_request *request, struct error *e)
{
	autotree struct tree *tree = tree_new();
	autoplan struct copy_plan *plan = plan_new(request);
	struct maker m = { .plan = plan, .tree = tree, .unpacks = request->flags & COPY_ADD };
	int result;

	if (request->from.root < 0 && request->n_sources > 0) {
		error_set(e, ERR_USAGE, "there is no build context to copy '%s' from",
		    request->sources[0]);
		error_hint(e, "name a directory as context: croze build .");
		return NULL;
	}
	if (request->from.root >= 0)
		tree_add_root(tree, request->from.root);
	result = add_all(&m, request, e);
	copy_links_free(m.links);
	if (result < 0)
		return NULL;
	plan->from = (struct copy_from){ .root = -1 };
	plan->exclude = NULL;
	return steal_ptr(&plan);
}

void
copy_plan_stats(const struct copy_plan *plan, struct copy_stats *stats)
{
	*stats = (struct copy_stats){ .n_entries = plan->n_order };
	for (size_t i = 0; i < plan->n_order; i++) {
		const struct copy_node *node = &plan->nodes[plan->order[i]];

		if (!S_ISREG(node->mode))
			continue;
		stats->bytes += node->size;
		if (!(node->flags & NODE_DIGEST)) {
			stats->n_unknown++;
			stats->unknown_bytes += node->size;
		}
	}
	for (size_t i = 0; i < plan->n_sources; i++)
		stats->n_archives += plan->sources[i].is_archive;
}
