/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_place - where each path of a copy plan goes in a root filesystem.
 *
 * The destination is looked at only as far as it can matter: a directory that is made hides
 * nothing, so nothing below it is looked up.
 */
#include "builder/step/copy_nodes.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#define PLACED_FLAGS ((uint32_t)(NODE_REDIRECTED | NODE_KEPT | NODE_REPLACED))

struct placer {
	struct copy_plan *plan;
	struct tree *tree;
	struct tree_place dest;
	bool is_dir;   /* the destination is there and a directory */
	bool is_slash; /* written with a slash at its end */
};

static void
forget_placement(struct copy_plan *plan)
{
	for (size_t i = 0; i < plan->n_parents; i++)
		free(plan->parents[i].path);
	for (size_t i = 0; i < plan->n_redirects; i++)
		free(plan->redirects[i].path);
	for (size_t i = 0; plan->is_placed && i < plan->n_nodes; i++)
		plan->nodes[i].flags &= ~PLACED_FLAGS;
	for (size_t i = 0; i < plan->n_sources; i++) {
		free(plan->sources[i].dest);
		plan->sources[i].dest = NULL;
	}
	free(plan->placed);
	plan->placed = NULL;
	plan->n_parents = 0;
	plan->n_redirects = 0;
	plan->n_placed = 0;
	plan->is_placed = false;
}

static bool
has_parent(const struct copy_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->n_parents; i++) {
		if (strcmp(plan->parents[i].path, path) == 0)
			return true;
	}
	return false;
}

/* Adds one directory above what is copied: as it is, or as it will be made. */
static int
add_parent(struct placer *p, const char *path, struct error *e)
{
	struct copy_plan *plan = p->plan;
	struct copy_parent parent = { .mode = S_IFDIR | 0755, .mtime = plan->now };
	struct tree_item item;
	int found;

	if (has_parent(plan, path))
		return 0;
	found = tree_lookup(p->tree, path, &item, e);
	if (found < 0)
		return -1;
	if (found > 0) {
		parent.exists = true;
		parent.mode = item.mode;
		parent.uid = item.uid;
		parent.gid = item.gid;
		parent.mtime = item.mtime;
	} else {
		if (plan->has_chmod)
			parent.mode = S_IFDIR | (mode_apply(&plan->chmod, parent.mode) & 07777);
		if (plan->is_directory || (plan->flags & COPY_CHOWN)) {
			parent.uid = plan->uid;
			parent.gid = plan->gid;
		}
	}
	parent.path = xstrdup(path);
	xgrow(&plan->parents, plan->n_parents, &plan->parents_room, sizeof(*plan->parents));
	plan->parents[plan->n_parents++] = parent;
	return 0;
}

/* Adds the directories above @path, and @path itself when @itself. The root is none of them. */
static int
add_parents(struct placer *p, const char *path, bool itself, struct error *e)
{
	autofree char *prefix = xstrdup(path);

	for (char *slash = strchr(prefix, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (add_parent(p, prefix, e) < 0)
			return -1;
		*slash = '/';
	}
	return itself && *path ? add_parent(p, path, e) : 0;
}

static int
compare_parents(const void *a, const void *b)
{
	return entry_path_compare(
	    ((const struct copy_parent *)a)->path, ((const struct copy_parent *)b)->path);
}

static int
refuse(const struct placer *p, uint32_t node, bool is_dir, const char *path, struct error *e)
{
	auto(buf) struct buf source = { 0 };

	copy_node_source_path(p->plan, node, &source);
	return error_set(e, ERR_USAGE, "cannot copy %s '%s' of %s over %s '/%s'",
	    is_dir ? "directory" : "file", buf_text(&source), copy_node_from(p->plan, node),
	    is_dir ? "file" : "directory", path);
}

static int place_children(struct placer *p, uint32_t dir, const char *dest, struct error *e);

/* A directory is copied to where a link stands: its content goes where the link leads. */
static int
place_over_link(struct placer *p, uint32_t node, const char *path, struct error *e)
{
	struct copy_plan *plan = p->plan;
	struct tree_place place;
	int result;

	if (tree_resolve(p->tree, path, &place, e) < 0)
		return -1;
	if (!tree_place_exists(&place) || !S_ISDIR(place.item.mode)) {
		tree_place_release(&place);
		return refuse(p, node, true, path, e);
	}
	xgrow(&plan->redirects, plan->n_redirects, &plan->redirects_room, sizeof(*plan->redirects));
	plan->redirects[plan->n_redirects++] = (struct copy_redirect){ node, xstrdup(place.path) };
	plan->nodes[node].flags |= NODE_REDIRECTED;
	result = add_parents(p, place.path, true, e);
	if (result == 0)
		result = place_children(p, node, place.path, e);
	tree_place_release(&place);
	return result;
}

static int
place_child(struct placer *p, uint32_t node, const char *path, struct error *e)
{
	bool is_dir = S_ISDIR(p->plan->nodes[node].mode);
	struct tree_item item;
	int found = tree_lookup(p->tree, path, &item, e);

	if (found <= 0)
		return found;
	if (!is_dir)
		return S_ISDIR(item.mode) ? refuse(p, node, false, path, e) : 0;
	if (S_ISDIR(item.mode))
		return place_children(p, node, path, e);
	if (S_ISLNK(item.mode))
		return place_over_link(p, node, path, e);
	return refuse(p, node, true, path, e);
}

/* Looks at what is in a directory that is copied to one that is there. */
static int
place_children(struct placer *p, uint32_t dir, const char *dest, struct error *e)
{
	const struct copy_plan *plan = p->plan;
	uint32_t first = (uint32_t)(plan->nodes[dir].size >> 32);
	uint32_t count = (uint32_t)plan->nodes[dir].size;

	for (uint32_t i = first; i < first + count; i++) {
		const char *name = copy_node_name(plan, &plan->nodes[i]);
		autofree char *path = NULL;

		if (plan->nodes[i].flags & NODE_DROPPED)
			continue;
		path = *dest ? xasprintf("%s/%s", dest, name) : xstrdup(name);
		if (place_child(p, i, path, e) < 0)
			return -1;
	}
	return 0;
}

/* The content of a directory or of an archive goes into the destination. */
static int
place_content(struct placer *p, struct copy_source *source, struct error *e)
{
	bool is_there = tree_place_exists(&p->dest);

	source->dest = xstrdup(p->dest.path);
	if (is_there && !p->is_dir)
		return refuse(p, source->first, true, p->dest.path, e);
	p->plan->nodes[source->first].flags |= NODE_KEPT;
	/* What the archive reader makes itself is not made here. */
	if (add_parents(p, source->dest, source->is_dir, e) < 0)
		return -1;
	return source->is_dir && is_there ? place_children(p, source->first, source->dest, e) : 0;
}

static int
place_file(struct placer *p, struct copy_source *source, struct error *e)
{
	const char *dest = p->dest.path;
	bool into = p->is_dir || p->is_slash;

	if (!into) {
		source->dest = xstrdup(dest);
		return add_parents(p, dest, false, e);
	}
	source->dest = *dest ? xasprintf("%s/%s", dest, source->name) : xstrdup(source->name);
	if (add_parents(p, dest, true, e) < 0)
		return -1;
	return p->is_dir ? place_child(p, source->first, source->dest, e) : 0;
}

static int
place_source(struct placer *p, struct copy_source *source, struct error *e)
{
	if (source->is_dir || source->is_archive)
		return place_content(p, source, e);
	return place_file(p, source, e);
}

/* While paths of several sources are brought into one order. */
struct path_node {
	char *path;
	uint32_t node;
	uint32_t number;
};

static int
compare_paths(const void *a, const void *b)
{
	const struct path_node *x = a, *y = b;
	int order = entry_path_compare(x->path, y->path);

	return order ? order : x->number < y->number ? -1 : 1;
}

/* Of nodes with one path the last one counts. */
static int
drop_replaced(struct placer *p, const struct path_node *paths, size_t count, struct error *e)
{
	for (size_t i = 1; i < count; i++) {
		struct copy_node *before = &p->plan->nodes[paths[i - 1].node];
		const struct copy_node *after = &p->plan->nodes[paths[i].node];

		if (strcmp(paths[i - 1].path, paths[i].path) != 0)
			continue;
		if (S_ISDIR(before->mode) != S_ISDIR(after->mode))
			return refuse(p, paths[i].node, S_ISDIR(after->mode), paths[i].path, e);
		before->flags |= NODE_REPLACED;
	}
	return 0;
}

static int
sort_nodes(struct placer *p, struct error *e)
{
	struct copy_plan *plan = p->plan;
	autofree struct path_node *paths = xcalloc(plan->n_order + 1, sizeof(*paths));
	auto(buf) struct buf path = { 0 };
	size_t count = 0;
	int result;

	for (size_t i = 0; i < plan->n_order; i++) {
		uint32_t node = plan->order[i];

		if (plan->nodes[node].flags & (NODE_KEPT | NODE_REDIRECTED))
			continue;
		copy_node_dest_path(plan, node, &path);
		paths[count] =
		    (struct path_node){ xstrdup(buf_text(&path)), node, (uint32_t)count };
		count++;
	}
	qsort(paths, count, sizeof(*paths), compare_paths);
	result = drop_replaced(p, paths, count, e);
	plan->placed = xcalloc(count + 1, sizeof(*plan->placed));
	plan->n_placed = count;
	for (size_t i = 0; i < count; i++) {
		plan->placed[i] = paths[i].node;
		free(paths[i].path);
	}
	return result;
}

static int
place_all(struct placer *p, struct error *e)
{
	struct copy_plan *plan = p->plan;

	p->is_slash = text_ends_with(plan->dest, "/") || (plan->flags & COPY_PARENTS);
	p->is_dir = tree_place_exists(&p->dest) && S_ISDIR(p->dest.item.mode);
	if (tree_place_exists(&p->dest) && !p->is_dir && (p->is_slash || plan->is_directory))
		return error_set(e, ERR_USAGE, "destination '%s' is not a directory", plan->dest);
	if (plan->is_directory)
		return add_parents(p, p->dest.path, true, e);
	if ((plan->n_words > 1 || plan->n_sources > 1) && !p->is_dir && !p->is_slash) {
		error_set(e, ERR_USAGE,
		    "several sources need a directory as destination, and '%s' is none",
		    plan->dest);
		return error_hint(e, "write '%s/'", plan->dest);
	}
	for (size_t i = 0; i < plan->n_sources; i++) {
		if (place_source(p, &plan->sources[i], e) < 0)
			return -1;
	}
	return plan->n_sources > 1 || plan->n_redirects > 0 ? sort_nodes(p, e) : 0;
}

int
copy_plan_place(struct copy_plan *plan, const struct copy_placement *placement, struct error *e)
{
	struct placer p = { .plan = plan, .tree = placement->tree };
	int result;

	forget_placement(plan);
	if (!plan->is_directory) {
		plan->uid = placement->uid;
		plan->gid = placement->gid;
	}
	plan->now = placement->now;
	plan->is_placed = true;
	if (tree_resolve(p.tree, plan->dest, &p.dest, e) < 0)
		return error_ctx(e, "destination '%s'", plan->dest);
	result = place_all(&p, e);
	if (plan->n_parents > 1)
		qsort(plan->parents, plan->n_parents, sizeof(*plan->parents), compare_parents);
	tree_place_release(&p.dest);
	return result;
}

bool
copy_plan_is_empty(const struct copy_plan *plan)
{
	for (size_t i = 0; i < plan->n_parents; i++) {
		if (!plan->parents[i].exists)
			return false;
	}
	for (size_t i = 0; i < plan->n_sources; i++) {
		const struct copy_source *source = &plan->sources[i];

		if (source->is_archive || source->n_order > 1 ||
		    !(plan->nodes[source->first].flags & NODE_KEPT))
			return false;
	}
	return true;
}
