/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_nodes - the inside of a copy plan: paths of nodes, opening their files, going through them
 * in order.
 */
#include "builder/step/copy_nodes.h"

#include "builder/context/hasher.h"
#include "builder/context/traverse.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

const char *
copy_node_name(const struct copy_plan *plan, const struct copy_node *node)
{
	return plan->names.data + node->name;
}

static void
add_component(struct buf *b, const char *name)
{
	if (b->len > 0)
		buf_add_char(b, '/');
	buf_add_text(b, name);
}

/* Appends the names from below @stop (not included) to @node. */
static void
add_names(const struct copy_plan *plan, uint32_t stop, uint32_t node, struct buf *b)
{
	uint32_t above[64];
	size_t count = 0;

	/* As many names as fit are put down at a time, those nearest to @stop first. */
	while (node != stop) {
		uint32_t at = node;

		for (count = 0; at != stop; at = plan->nodes[at].parent)
			above[count++ % 64] = at;
		for (size_t i = 0; i < count && i < 64; i++)
			add_component(
			    b, copy_node_name(plan, &plan->nodes[above[(count - 1 - i) % 64]]));
		if (count <= 64)
			return;
		stop = above[count % 64];
	}
}

void
copy_node_relative_path(const struct copy_plan *plan, uint32_t node, struct buf *b)
{
	buf_clear(b);
	add_names(plan, plan->sources[plan->nodes[node].source].first, node, b);
}

const char *
copy_node_from(const struct copy_plan *plan, uint32_t node)
{
	return plan->sources[plan->nodes[node].source].from.name;
}

void
copy_node_source_path(const struct copy_plan *plan, uint32_t node, struct buf *b)
{
	const struct copy_source *source = &plan->sources[plan->nodes[node].source];

	buf_clear(b);
	if (node == source->first || strcmp(source->path, ".") != 0)
		buf_add_text(b, source->path);
	add_names(plan, source->first, node, b);
}

static const char *
redirected_to(const struct copy_plan *plan, uint32_t node)
{
	for (size_t i = 0; i < plan->n_redirects; i++) {
		if (plan->redirects[i].node == node)
			return plan->redirects[i].path;
	}
	return "";
}

void
copy_node_dest_path(const struct copy_plan *plan, uint32_t node, struct buf *b)
{
	const struct copy_source *source = &plan->sources[plan->nodes[node].source];
	uint32_t top = node;

	buf_clear(b);
	while (top != source->first && !(plan->nodes[top].flags & NODE_REDIRECTED))
		top = plan->nodes[top].parent;
	buf_add_text(b, top == source->first ? source->dest : redirected_to(plan, top));
	add_names(plan, top, node, b);
}

void
copy_opener_release(struct copy_opener *opener)
{
	fd_close_at(&opener->dir);
	buf_release(&opener->path);
}

int
copy_opener_dir(struct copy_opener *opener, uint32_t node, const char **name, struct error *e)
{
	const struct copy_plan *plan = opener->plan;
	const struct copy_node *n = &plan->nodes[node];
	const char *path;
	char *slash;

	*name = n->parent == COPY_NO_NODE ? path_base(plan->sources[n->source].path)
	                                  : copy_node_name(plan, n);
	if (opener->dir >= 0 && opener->source == n->source && opener->parent == n->parent)
		return opener->dir;
	fd_close_at(&opener->dir);
	opener->dir = -1;
	copy_node_source_path(plan, n->parent == COPY_NO_NODE ? node : n->parent, &opener->path);
	path = buf_text(&opener->path);
	if (n->parent == COPY_NO_NODE) {
		slash = opener->path.len ? strrchr(opener->path.data, '/') : NULL;
		buf_truncate(&opener->path, slash ? (size_t)(slash - opener->path.data) : 0);
		path = slash ? buf_text(&opener->path) : ".";
	}
	opener->dir =
	    traverse_open(plan->sources[n->source].from.root, path, O_RDONLY | O_DIRECTORY);
	if (opener->dir < 0)
		return error_sys(
		    e, "cannot open directory '%s' of %s", path, copy_node_from(plan, node));
	opener->source = n->source;
	opener->parent = n->parent;
	return opener->dir;
}

/* A source that is no file, as one that is in memory only. */
static int
open_text(const struct copy_source *source, size_t length, struct stat *st, struct error *e)
{
	autofd int fd = memfd_create("heredoc", MFD_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "cannot make a file in memory");
	if (fd_write_all(fd, source->text, length, e) < 0)
		return error_ctx(e, "heredoc '%s'", source->name);
	if (lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, st) < 0)
		return error_sys(e, "cannot read heredoc '%s'", source->name);
	return steal_fd(&fd);
}

static int
open_file(struct copy_opener *opener, uint32_t node, struct stat *st, struct error *e)
{
	const struct copy_plan *plan = opener->plan;
	const struct copy_source *source = &plan->sources[plan->nodes[node].source];
	auto(buf) struct buf path = { 0 };
	const char *name;
	int dir, fd;

	if (source->text)
		return open_text(source, (size_t)plan->nodes[node].size, st, e);
	dir = copy_opener_dir(opener, node, &name, e);
	if (dir < 0)
		return -1;
	/* What was a file may be a FIFO by now: it must not block. */
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	copy_node_source_path(opener->plan, node, &path);
	if (fd < 0)
		return error_sys(e, "cannot open '%s' of %s", buf_text(&path), source->from.name);
	(void)close(fd); /* never read */
	return error_set(e, ERR_TEMPORARY, "'%s' of %s is no regular file any more",
	    buf_text(&path), source->from.name);
}

int
copy_opener_file(struct copy_opener *opener, uint32_t node, struct error *e)
{
	struct stat st;

	return open_file(opener, node, &st, e);
}

/* Its times differ from what the plan has seen: are its bytes still the same? */
static int
check_bytes(const struct copy_plan *plan, uint32_t node, int fd, struct error *e)
{
	const struct copy_node *n = &plan->nodes[node];
	auto(buf) struct buf path = { 0 };
	struct hasher_result now;

	if (n->flags & NODE_DIGEST) {
		if (hasher_read(fd, &now, e) < 0)
			return -1;
		if (digest_equal(&now.digest, &n->digest))
			return 0;
	}
	copy_node_source_path(plan, node, &path);
	error_set(e, ERR_TEMPORARY, "'%s' of %s was changed during the build", buf_text(&path),
	    copy_node_from(plan, node));
	return error_hint(e, "build again");
}

int
copy_opener_checked(struct copy_opener *opener, uint32_t node, struct stat *st, struct error *e)
{
	const struct copy_node *n = &opener->plan->nodes[node];
	const struct copy_source *source = &opener->plan->sources[n->source];
	struct digests_key key;
	struct stat now;
	autofd int fd = open_file(opener, node, &now, e);

	if (fd < 0)
		return -1;
	digests_key_of(&now, &key);
	/* of a snapshot's file a further name moves the time, and nothing else does */
	if (!source->text && !source->from.is_rootfs &&
	    (key.size != n->size || key.ctime != n->ctime) &&
	    check_bytes(opener->plan, node, fd, e) < 0)
		return -1;
	if (st)
		*st = now;
	return steal_fd(&fd);
}

/* Attributes are packed as: count, then for each name, NUL, length, value. */
static void
unpack_xattrs(const struct copy_plan *plan, uint32_t offset, struct copy_entry *to)
{
	const char *at = plan->xattrs.data + offset;
	uint32_t count, length;

	memcpy(&count, at, sizeof(count));
	at += sizeof(count);
	xgrow(&to->xattrs, count, &to->room, sizeof(*to->xattrs));
	for (uint32_t i = 0; i < count; i++) {
		to->xattrs[i].name = at;
		at += strlen(at) + 1;
		memcpy(&length, at, sizeof(length));
		at += sizeof(length);
		to->xattrs[i].value = at;
		to->xattrs[i].length = length;
		at += length;
	}
	to->entry.xattrs = to->xattrs;
	to->entry.n_xattrs = count;
}

void
copy_entry_fill(const struct copy_plan *plan, uint32_t node, struct copy_entry *to)
{
	const struct copy_node *n = &plan->nodes[node];
	bool is_device = S_ISCHR(n->mode) || S_ISBLK(n->mode);

	to->entry = (struct entry){
		.mode = n->mode,
		.uid = plan->flags & COPY_CHOWN ? plan->uid : n->uid,
		.gid = plan->flags & COPY_CHOWN ? plan->gid : n->gid,
		.rdev = is_device ? (dev_t)n->size : 0,
		.size = S_ISREG(n->mode) ? n->size : 0,
		.mtime = { .tv_sec = n->mtime, .tv_nsec = n->mtime_ns },
		.link = S_ISLNK(n->mode) ? plan->names.data + n->extra : NULL,
	};
	if (plan->sources[n->source].text)
		to->entry.mtime = plan->now;
	if (n->xattrs)
		unpack_xattrs(plan, n->xattrs - 1, to);
}

void
copy_walk_init(struct copy_walk *walk, const struct copy_plan *plan)
{
	*walk = (struct copy_walk){ .plan = plan, .dir = COPY_NO_NODE };
	walk->firsts = xcalloc((size_t)plan->n_groups + 1, sizeof(*walk->firsts));
}

void
copy_walk_release(struct copy_walk *walk)
{
	buf_release(&walk->path);
	free(walk->firsts);
	walk->firsts = NULL;
}

void
copy_walk_rewind(struct copy_walk *walk)
{
	walk->next = 0;
	walk->next_parent = 0;
	walk->dir = COPY_NO_NODE;
	memset(walk->firsts, 0, ((size_t)walk->plan->n_groups + 1) * sizeof(*walk->firsts));
}

/* The number of the next node that is written, or COPY_NO_NODE. */
static uint32_t
walk_peek(struct copy_walk *walk)
{
	const struct copy_plan *plan = walk->plan;
	const uint32_t *order = plan->placed ? plan->placed : plan->order;
	size_t count = plan->placed ? plan->n_placed : plan->n_order;

	while (walk->next < count) {
		uint32_t node = order[walk->next];

		if (!(plan->nodes[node].flags & (NODE_KEPT | NODE_REDIRECTED | NODE_REPLACED)))
			return node;
		walk->next++;
	}
	return COPY_NO_NODE;
}

/*
 * Puts the path of @node into walk->path; the directory's part is kept from one file to the next.
 */
static void
walk_set_path(struct copy_walk *walk, uint32_t node)
{
	const struct copy_node *n = &walk->plan->nodes[node];

	if (n->parent == COPY_NO_NODE || n->parent != walk->dir) {
		copy_node_dest_path(walk->plan, node, &walk->path);
		walk->dir = n->parent;
		walk->prefix = walk->path.len;
		if (n->parent != COPY_NO_NODE)
			walk->prefix -= strlen(copy_node_name(walk->plan, n));
		return;
	}
	buf_truncate(&walk->path, walk->prefix);
	buf_add_text(&walk->path, copy_node_name(walk->plan, n));
}

static void
walk_set_link(struct copy_walk *walk, uint32_t node)
{
	const struct copy_node *n = &walk->plan->nodes[node];

	walk->link_to = COPY_NO_NODE;
	if (!S_ISREG(n->mode) || n->extra == 0)
		return;
	if (walk->firsts[n->extra])
		walk->link_to = walk->firsts[n->extra] - 1;
	else
		walk->firsts[n->extra] = node + 1;
}

bool
copy_walk_next(struct copy_walk *walk)
{
	const struct copy_plan *plan = walk->plan;
	uint32_t node = walk_peek(walk);
	int order = -1;

	if (node != COPY_NO_NODE)
		walk_set_path(walk, node);
	if (walk->next_parent < plan->n_parents) {
		const struct copy_parent *parent = &plan->parents[walk->next_parent];

		if (node != COPY_NO_NODE)
			order = entry_path_compare(parent->path, buf_text(&walk->path));
		if (order <= 0)
			walk->next_parent++;
		if (order < 0) {
			walk->parent = parent;
			walk->node = COPY_NO_NODE;
			buf_clear(&walk->path);
			buf_add_text(&walk->path, parent->path);
			walk->dir = COPY_NO_NODE;
			return true;
		}
	}
	walk->parent = NULL;
	walk->node = node;
	if (node == COPY_NO_NODE)
		return false;
	walk->next++;
	walk_set_link(walk, node);
	return true;
}
