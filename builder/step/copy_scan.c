/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_scan - from a source to nodes: what is there, with its metadata.
 *
 * Files of a context cost one stat() each when their digest is remembered: the memory also knows
 * that a file has no extended attributes. Files of a root filesystem go through the one reader that
 * knows how snapshots keep owners and devices.
 */
#include "builder/step/copy_nodes.h"

#include "builder/context/traverse.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/xattr.h>
#include <unistd.h>

struct copy_links {
	struct copy_link {
		dev_t device;
		ino_t inode;
		uint32_t group;
	} * slots;
	size_t n_slots;
	size_t count;
};

struct scan {
	struct copy_plan *plan;
	struct copy_links *links;
	uint32_t source;
	struct entry_reader reader;
};

void
copy_note(const struct copy_plan *plan, const char *format, ...)
{
	va_list arguments;
	autofree char *text = NULL;

	if (!plan->note)
		return;
	va_start(arguments, format);
	text = xvasprintf(format, arguments);
	va_end(arguments);
	plan->note(plan->note_arg, text);
}

void
copy_links_free(struct copy_links *links)
{
	if (links)
		free(links->slots);
	free(links);
}

static struct copy_link *
links_slot(struct copy_links *links, dev_t device, ino_t inode)
{
	size_t slot = (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 20) + (size_t)device;

	for (;; slot++) {
		struct copy_link *at = &links->slots[slot & (links->n_slots - 1)];

		if (at->group == 0 || (at->device == device && at->inode == inode))
			return at;
	}
}

static void
links_grow(struct copy_links *links)
{
	struct copy_links old = *links;

	links->n_slots = old.n_slots ? old.n_slots * 2 : 256;
	links->slots = xcalloc(links->n_slots, sizeof(*links->slots));
	for (size_t i = 0; i < old.n_slots; i++) {
		if (old.slots[i].group)
			*links_slot(links, old.slots[i].device, old.slots[i].inode) = old.slots[i];
	}
	free(old.slots);
}

/* The number of the group of hard links that @st belongs to. */
static uint32_t
links_group(struct scan *s, const struct stat *st)
{
	struct copy_link *at;

	if (s->links->count * 2 >= s->links->n_slots)
		links_grow(s->links);
	at = links_slot(s->links, st->st_dev, st->st_ino);
	if (at->group == 0) {
		s->links->count++;
		*at = (struct copy_link){ st->st_dev, st->st_ino, ++s->plan->n_groups };
	}
	return at->group;
}

/* Keeps a text among the names. Returns 0 or -1. */
static int
add_text(struct copy_plan *plan, const char *text, size_t length, uint32_t *offset, struct error *e)
{
	if (plan->names.len + length + 1 > UINT32_MAX)
		return error_set(e, ERR_INPUT, "too many files in one copy");
	*offset = (uint32_t)plan->names.len;
	buf_add(&plan->names, text, length);
	buf_add_char(&plan->names, '\0');
	return 0;
}

static void
pack_u32(struct buf *b, size_t value)
{
	uint32_t v = (uint32_t)value;

	buf_add(b, &v, sizeof(v));
}

static int
pack_xattrs(struct copy_plan *plan, struct copy_node *node, const struct entry_xattr *xattrs,
    size_t count, struct error *e)
{
	if (plan->xattrs.len > UINT32_MAX - (16U << 20))
		return error_set(e, ERR_INPUT, "too many extended attributes in one copy");
	node->flags |= NODE_XATTRS;
	node->xattrs = count ? (uint32_t)plan->xattrs.len + 1 : 0;
	if (count > 0)
		pack_u32(&plan->xattrs, count);
	for (size_t i = 0; i < count; i++) {
		buf_add(&plan->xattrs, xattrs[i].name, strlen(xattrs[i].name) + 1);
		pack_u32(&plan->xattrs, xattrs[i].length);
		buf_add(&plan->xattrs, xattrs[i].value, xattrs[i].length);
	}
	return 0;
}

/* Access control lists of a context name users of this host: they stay behind. */
static bool
context_keeps_xattr(const char *name)
{
	return (strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0) &&
	       entry_keeps_xattr(name);
}

static int
compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct entry_xattr *)a)->name, ((const struct entry_xattr *)b)->name);
}

static void
note_lost_xattrs(
    const struct copy_plan *plan, const struct copy_node *node, const char *names, size_t length)
{
	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		if (entry_loses_xattr(name))
			copy_note(plan,
			    "'%s': the attribute '%s' is left out: a layer cannot hold its name",
			    copy_node_name(plan, node), name);
}

/* Reads the values of those of @names that are kept. */
static int
collect_xattrs(int fd, const char *names, size_t length, struct entry_xattr **xattrs, size_t *count,
    struct error *e)
{
	size_t room = 0;

	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		char *value;
		ssize_t got;

		if (!context_keeps_xattr(name))
			continue;
		value = xmalloc(XATTR_SIZE_MAX);
		got = fgetxattr(fd, name, value, XATTR_SIZE_MAX);
		if (got < 0) {
			free(value);
			if (errno == ENODATA)
				continue; /* removed since it was listed */
			return error_sys(e, "cannot read extended attribute '%s'", name);
		}
		xgrow(xattrs, *count, &room, sizeof(**xattrs));
		(*xattrs)[(*count)++] =
		    (struct entry_xattr){ name, xrealloc(value, (size_t)got + 1, 1), (size_t)got };
	}
	return 0;
}

int
copy_read_xattrs(struct copy_plan *plan, struct copy_node *node, int fd, struct error *e)
{
	char names[XATTR_LIST_MAX];
	struct entry_xattr *xattrs = NULL;
	size_t count = 0;
	ssize_t length = flistxattr(fd, names, sizeof(names));
	int result;

	if (length <= 0) {
		if (length < 0 && errno != ENOTSUP)
			return error_sys(e, "cannot list extended attributes");
		node->flags |= NODE_XATTRS;
		return 0;
	}
	note_lost_xattrs(plan, node, names, (size_t)length);
	result = collect_xattrs(fd, names, (size_t)length, &xattrs, &count, e);
	if (count > 1)
		qsort(xattrs, count, sizeof(*xattrs), compare_xattrs);
	if (result == 0)
		result = pack_xattrs(plan, node, xattrs, count, e);
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)xattrs[i].value);
	free(xattrs);
	return result;
}

static void
set_metadata(const struct copy_plan *plan, struct copy_node *node, const struct stat *st)
{
	struct digests_key key;

	digests_key_of(st, &key);
	node->mode = st->st_mode;
	node->mtime = st->st_mtim.tv_sec;
	node->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	node->ctime = key.ctime;
	if (S_ISREG(st->st_mode))
		node->size = (uint64_t)st->st_size;
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		node->size = st->st_rdev;
	if (plan->has_chmod && !S_ISLNK(node->mode))
		node->mode = (node->mode & S_IFMT) | (mode_apply(&plan->chmod, node->mode) & 07777);
}

static int
read_link(struct scan *s, struct copy_node *node, int dir, const char *name, struct error *e)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dir, name, target, sizeof(target));

	if (length < 0)
		return error_sys(e, "cannot read the link");
	if ((size_t)length == sizeof(target))
		return error_set(e, ERR_INPUT, "the link is too long");
	return add_text(s->plan, target, (size_t)length, &node->extra, e);
}

/* Attributes of a directory, or of a file whose digest is remembered and that has some. */
static int
read_xattrs_at(struct scan *s, struct copy_node *node, int dir, const char *name, struct error *e)
{
	autofd int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "cannot open");
	return copy_read_xattrs(s->plan, node, fd, e);
}

/* What only the kind of file decides, in a context. */
static int
fill_context(struct scan *s, struct copy_node *node, int dir, const char *name,
    const struct stat *st, struct error *e)
{
	struct digests_key key;
	unsigned flags = 0;

	set_metadata(s->plan, node, st);
	if (S_ISLNK(st->st_mode)) {
		node->flags |= NODE_XATTRS; /* links have none that are kept */
		return read_link(s, node, dir, name, e);
	}
	if (S_ISDIR(st->st_mode))
		return read_xattrs_at(s, node, dir, name, e);
	if (!S_ISREG(st->st_mode)) {
		node->flags |= NODE_XATTRS;
		return 0;
	}
	if (st->st_nlink > 1)
		node->extra = links_group(s, st);
	digests_key_of(st, &key);
	if (!s->plan->digests || !digests_find(s->plan->digests, &key, &node->digest, &flags))
		return 0; /* read later, with all others */
	node->flags |= NODE_DIGEST;
	if (!(flags & DIGESTS_NO_XATTRS))
		return read_xattrs_at(s, node, dir, name, e);
	node->flags |= NODE_XATTRS;
	return 0;
}

/* The same in a root filesystem. */
static int
fill_rootfs(struct scan *s, struct copy_node *node, int dir, const char *name,
    const struct stat *st, struct error *e)
{
	struct entry entry;
	struct stat real = *st;
	autofd int fd = -1;

	if (entry_read_at(&s->reader, dir, name, name, &entry, &fd, e) < 0)
		return -1;
	real.st_mode = entry.mode;
	real.st_rdev = entry.rdev;
	set_metadata(s->plan, node, &real);
	node->uid = entry.uid;
	node->gid = entry.gid;
	if (S_ISLNK(entry.mode) &&
	    add_text(s->plan, entry.link, strlen(entry.link), &node->extra, e) < 0)
		return -1;
	if (S_ISREG(entry.mode) && st->st_nlink > 1)
		node->extra = links_group(s, st);
	return pack_xattrs(s->plan, node, entry.xattrs, entry.n_xattrs, e);
}

/* Adds a node for @name in @dir; its number in *@number. */
static int
add_node(struct scan *s, uint32_t parent, int dir, const char *name, const struct stat *st,
    uint32_t *number, struct error *e)
{
	struct copy_plan *plan = s->plan;
	struct copy_node *node;

	if (plan->n_nodes >= COPY_NO_NODE - 1)
		return error_set(e, ERR_INPUT, "too many files in one copy");
	xgrow(&plan->nodes, plan->n_nodes, &plan->nodes_room, sizeof(*plan->nodes));
	*number = (uint32_t)plan->n_nodes;
	node = &plan->nodes[plan->n_nodes];
	*node = (struct copy_node){ .parent = parent, .source = s->source };
	if (add_text(plan, name, strlen(name), &node->name, e) < 0)
		return -1;
	if ((plan->from.is_rootfs ? fill_rootfs : fill_context)(s, node, dir, name, st, e) < 0)
		return -1;
	plan->n_nodes++;
	return 0;
}

static int
visit(void *arg, const struct traverse_item *item, uint32_t *token, struct error *e)
{
	struct scan *s = arg;
	struct copy_plan *plan = s->plan;
	uint32_t number;

	if (S_ISSOCK(item->stat->st_mode)) {
		copy_note(plan, "'%s' in '%s': sockets are not copied", item->name,
		    plan->sources[s->source].path);
		return 0;
	}
	if (add_node(s, item->parent, item->dir, item->name, item->stat, &number, e) < 0)
		return -1;
	if (plan->nodes[item->parent].size == 0)
		plan->nodes[item->parent].size = (uint64_t)number << 32;
	plan->nodes[item->parent].size++;
	if (item->excluded)
		plan->nodes[number].flags |= NODE_EXCLUDED;
	*token = number;
	return 1;
}

/* Drops directories that are left out and have nothing below them that is not. */
static void
drop_excluded(struct copy_plan *plan, const struct copy_source *source)
{
	for (uint32_t i = source->first; i < source->end; i++) {
		if (plan->nodes[i].flags & NODE_EXCLUDED)
			plan->nodes[i].flags |= NODE_DROPPED;
	}
	for (uint32_t i = source->end; i-- > source->first;) {
		const struct copy_node *node = &plan->nodes[i];

		if (!(node->flags & NODE_DROPPED) && node->parent != COPY_NO_NODE)
			plan->nodes[node->parent].flags &= ~(uint32_t)NODE_DROPPED;
	}
}

static void
order_add(struct copy_plan *plan, uint32_t node)
{
	xgrow(&plan->order, plan->n_order, &plan->order_room, sizeof(*plan->order));
	plan->order[plan->n_order++] = node;
}

/* Puts the nodes of a source in the order of layers: each directory before what is in it. */
static void
order_source(struct copy_plan *plan, struct copy_source *source)
{
	uint32_t node = source->first;

	source->order = plan->n_order;
	for (;;) {
		const struct copy_node *n = &plan->nodes[node];

		if (!(n->flags & NODE_DROPPED)) {
			order_add(plan, node);
			if (S_ISDIR(n->mode) && (uint32_t)n->size > 0) {
				node = (uint32_t)(n->size >> 32);
				continue;
			}
		}
		/* the next one beside it, or beside a directory above it */
		while (node != source->first) {
			const struct copy_node *parent = &plan->nodes[plan->nodes[node].parent];

			if (node + 1 < (uint32_t)(parent->size >> 32) + (uint32_t)parent->size) {
				node++;
				break;
			}
			node = plan->nodes[node].parent;
		}
		if (node == source->first)
			break;
	}
	source->n_order = plan->n_order - source->order;
}

static int
scan_source(struct scan *s, struct copy_source *source, struct error *e)
{
	struct copy_plan *plan = s->plan;
	autofree char *parent = xstrdup(source->path);
	char *slash = strrchr(parent, '/');
	const char *name = path_base(source->path);
	autofd int dir = -1;
	struct stat st;
	uint32_t first;

	if (slash)
		*slash = '\0';
	dir = traverse_open(plan->from.root, slash ? parent : ".", O_RDONLY | O_DIRECTORY);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot look at '%s' of %s", source->path, source->from.name);
	if (S_ISSOCK(st.st_mode)) {
		copy_note(
		    plan, "'%s' of %s: sockets are not copied", source->path, source->from.name);
		return 1;
	}
	if (add_node(s, COPY_NO_NODE, dir, name, &st, &first, e) < 0)
		return error_ctx(e, "'%s' of %s", source->path, source->from.name);
	source->first = first;
	source->is_dir = S_ISDIR(st.st_mode);
	if (source->is_dir) {
		struct traverse walk = { .root = plan->from.root,
			.start = source->path,
			.token = first,
			.ignore = plan->from.ignore,
			.exclude = plan->exclude,
			.include = plan->include,
			.visit = visit,
			.arg = s };

		if (traverse_run(&walk, e) < 0)
			return error_ctx(e, "%s", source->from.name);
	}
	return 0;
}

static struct copy_source *
source_add(struct copy_plan *plan, const char *path, const char *name)
{
	struct copy_source *source;

	xgrow(&plan->sources, plan->n_sources, &plan->sources_room, sizeof(*plan->sources));
	source = &plan->sources[plan->n_sources++];
	*source = (struct copy_source){
		.path = xstrdup(path), .name = xstrdup(name), .from = plan->from
	};
	source->from.name = xstrdup(plan->from.name);
	return source;
}

/* Takes the last source back. */
static void
source_drop(struct copy_plan *plan)
{
	struct copy_source *source = &plan->sources[--plan->n_sources];

	plan->n_order = source->n_order ? source->order : plan->n_order;
	free(source->path);
	free(source->name);
	free((void *)(uintptr_t)source->from.name);
}

int
copy_scan_text(
    struct copy_plan *plan, const char *text, size_t length, const char *name, struct error *e)
{
	uint32_t number = (uint32_t)plan->n_nodes, offset = 0;
	struct copy_source *source = source_add(plan, name, name);
	struct copy_node *node;

	source->text = xmalloc(length + 1);
	memcpy(source->text, text, length);
	if (add_text(plan, name, strlen(name), &offset, e) < 0)
		return -1;
	xgrow(&plan->nodes, plan->n_nodes, &plan->nodes_room, sizeof(*plan->nodes));
	node = &plan->nodes[plan->n_nodes++];
	*node = (struct copy_node){ .parent = COPY_NO_NODE,
		.name = offset,
		.mode = S_IFREG | 0644,
		.source = (uint32_t)plan->n_sources - 1,
		.flags = NODE_DIGEST | NODE_XATTRS,
		.size = length };
	if (plan->has_chmod)
		node->mode = S_IFREG | (mode_apply(&plan->chmod, node->mode) & 07777);
	digest_of(text, length, &node->digest);
	source->first = number;
	source->end = (uint32_t)plan->n_nodes;
	order_source(plan, source);
	return 0;
}

int
copy_scan(struct copy_plan *plan, struct copy_links **links, const char *path, const char *name,
    struct error *e)
{
	struct scan s = { .plan = plan, .source = (uint32_t)plan->n_sources };
	struct copy_source *source;
	int result;

	if (!*links)
		*links = xcalloc(1, sizeof(**links));
	s.links = *links;
	source = source_add(plan, path, name);
	result = scan_source(&s, source, e);
	entry_reader_release(&s.reader);
	if (result < 0)
		return -1;
	if (result == 0) {
		source->end = (uint32_t)plan->n_nodes;
		drop_excluded(plan, source);
		order_source(plan, source);
	}
	if (result == 1 || (plan->include && source->n_order == 1))
		source_drop(plan); /* nothing to copy */
	return 0;
}
