/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_digest - the digest of what a copy copies, for the cache key.
 *
 * Canonical form: "croze copy 1", then for each source its kind and name, and for each of its paths
 * in the order of layers: the path relative to the source, mode with type, owner, content or link
 * target or device, hard-link group by first appearance, attributes. Numbers are 8 bytes,
 * big-endian; texts end in NUL.
 */
#include "builder/context/hasher.h"
#include "builder/step/copy_nodes.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <inttypes.h>
#include <unistd.h>

#define FLUSH_SIZE (64U << 10)
#define NS INT64_C(1000000000)

struct unknown {
	struct copy_plan *plan;
	uint32_t *nodes;
	size_t count;
	size_t room;
	uint64_t bytes;
	struct copy_opener opener;
};

static int
open_unknown(void *arg, size_t index, struct error *e)
{
	struct unknown *u = arg;

	return copy_opener_file(&u->opener, u->nodes[index], e);
}

static void
take_digest(void *arg, size_t index, const struct hasher_result *result)
{
	struct unknown *u = arg;
	struct copy_node *node = &u->plan->nodes[u->nodes[index]];

	node->digest = result->digest;
	node->flags |= NODE_DIGEST;
	/* what was read counts, should it have changed since the scan */
	node->size = result->key.size;
	node->ctime = result->key.ctime;
	node->mtime = result->key.mtime / NS;
	node->mtime_ns = (uint32_t)(result->key.mtime % NS);
	if (result->flags & DIGESTS_NO_XATTRS)
		node->flags |= NODE_XATTRS;
	if (u->plan->digests && !u->plan->sources[node->source].from.is_rootfs)
		digests_add(u->plan->digests, &result->key, &result->digest, result->flags,
		    result->read_at);
}

/* Reads the attributes of those files that turned out to have some. */
static int
read_missing_xattrs(struct unknown *u, struct error *e)
{
	for (size_t i = 0; i < u->count; i++) {
		struct copy_node *node = &u->plan->nodes[u->nodes[i]];
		autofd int fd = -1;

		if (node->flags & NODE_XATTRS)
			continue;
		fd = copy_opener_file(&u->opener, u->nodes[i], e);
		if (fd < 0 || copy_read_xattrs(u->plan, node, fd, e) < 0)
			return error_ctx(e, "'%s'", copy_node_name(u->plan, node));
	}
	return 0;
}

/* Makes all digests known. */
static int
read_unknown(struct copy_plan *plan, struct error *e)
{
	struct unknown u = { .plan = plan, .opener = COPY_OPENER_INIT(plan) };
	int result;

	for (size_t i = 0; i < plan->n_order; i++) {
		const struct copy_node *node = &plan->nodes[plan->order[i]];

		if (!S_ISREG(node->mode) || (node->flags & NODE_DIGEST))
			continue;
		xgrow(&u.nodes, u.count, &u.room, sizeof(*u.nodes));
		u.nodes[u.count++] = plan->order[i];
		u.bytes += node->size;
	}
	result = hasher_run(u.count, u.bytes, open_unknown, take_digest, &u, e);
	if (result == 0)
		result = read_missing_xattrs(&u, e);
	copy_opener_release(&u.opener);
	free(u.nodes);
	return result;
}

static void
add_u64(struct buf *b, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	buf_add(b, bytes, sizeof(bytes));
}

static void
add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text) + 1);
}

/* Numbers of hard-link groups in the order of their first appearance. One name alone is none, whatever names the file has elsewhere. */
struct groups {
	uint32_t *seen;
	uint32_t *members; /* two at most */
	uint32_t count;
};

static void
groups_init(struct groups *groups, const struct copy_plan *plan)
{
	*groups = (struct groups){ 0 };
	groups->seen = xcalloc((size_t)plan->n_groups + 1, sizeof(*groups->seen));
	groups->members = xcalloc((size_t)plan->n_groups + 1, sizeof(*groups->members));
	for (size_t i = 0; i < plan->n_sources; i++) {
		const struct copy_source *source = &plan->sources[i];
		size_t end = source->order + source->n_order;

		for (size_t k = source->order + source->is_dir; k < end; k++) {
			const struct copy_node *n = &plan->nodes[plan->order[k]];

			if (S_ISREG(n->mode) && n->extra && groups->members[n->extra] < 2)
				groups->members[n->extra]++;
		}
	}
}

static void
groups_release(struct groups *groups)
{
	free(groups->seen);
	free(groups->members);
}

static uint32_t
groups_number(struct groups *groups, const struct copy_node *n)
{
	if (groups->members[n->extra] < 2)
		return 0;
	if (!groups->seen[n->extra])
		groups->seen[n->extra] = ++groups->count;
	return groups->seen[n->extra];
}

static void
add_node(const struct copy_plan *plan, uint32_t number, struct copy_entry *entry,
    struct groups *groups, struct buf *b)
{
	const struct copy_node *n = &plan->nodes[number];
	bool given = plan->flags & COPY_CHOWN;

	copy_entry_fill(plan, number, entry);
	add_u64(b, n->mode);
	add_u64(b, given ? 0 : n->uid);
	add_u64(b, given ? 0 : n->gid);
	if (S_ISREG(n->mode)) {
		buf_add(b, n->digest.bytes, sizeof(n->digest.bytes));
		add_u64(b, groups_number(groups, n));
	} else if (S_ISLNK(n->mode)) {
		add_text(b, entry->entry.link);
	} else if (!S_ISDIR(n->mode)) {
		add_u64(b, n->size);
	}
	add_u64(b, entry->entry.n_xattrs);
	for (size_t i = 0; i < entry->entry.n_xattrs; i++) {
		add_text(b, entry->entry.xattrs[i].name);
		add_u64(b, entry->entry.xattrs[i].length);
		buf_add(b, entry->entry.xattrs[i].value, entry->entry.xattrs[i].length);
	}
}

/* The paths of a source. A directory's path is kept from one file in it to the next. */
static void
add_source(const struct copy_plan *plan, const struct copy_source *source, struct groups *groups,
    struct buf *b, struct hash *hash)
{
	auto(buf) struct buf path = { 0 };
	struct copy_entry entry = { 0 };
	uint32_t dir = COPY_NO_NODE;
	size_t prefix = 0;

	/* of a directory that is a source, nothing but its content is copied */
	for (size_t i = source->order + source->is_dir; i < source->order + source->n_order; i++) {
		uint32_t number = plan->order[i];
		const struct copy_node *n = &plan->nodes[number];

		if (n->parent == COPY_NO_NODE || n->parent != dir) {
			copy_node_relative_path(plan, number, &path);
			dir = n->parent;
			prefix =
			    path.len - (dir == COPY_NO_NODE ? 0 : strlen(copy_node_name(plan, n)));
		} else {
			buf_truncate(&path, prefix);
			buf_add_text(&path, copy_node_name(plan, n));
		}
		add_text(b, buf_text(&path));
		add_node(plan, number, &entry, groups, b);
		if (b->len >= FLUSH_SIZE) {
			hash_add(hash, b->data, b->len);
			buf_clear(b);
		}
	}
	free(entry.xattrs);
}

int
copy_plan_digest(struct copy_plan *plan, struct digest *digest, struct error *e)
{
	autohash struct hash *hash = hash_new();
	auto(buf) struct buf b = { 0 };
	struct groups groups;

	if (read_unknown(plan, e) < 0)
		return -1;
	groups_init(&groups, plan);
	add_text(&b, "croze copy 1");
	for (size_t i = 0; i < plan->n_sources; i++) {
		const struct copy_source *source = &plan->sources[i];

		add_text(&b, source->is_archive ? "archive"
			     : source->is_dir   ? "directory"
						: "file");
		add_text(&b, source->is_dir ? "" : source->name);
		add_u64(&b, source->n_order);
		add_source(plan, source, &groups, &b, hash);
	}
	hash_add(hash, buf_text(&b), b.len);
	hash_finish(hash, digest);
	groups_release(&groups);
	return 0;
}

/* FNV-1a: nobody gains from two files that look the same in a message. */
static uint64_t
fingerprint(const struct buf *b)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < b->len; i++)
		hash = (hash ^ (uint8_t)b->data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void
copy_plan_lines(const struct copy_plan *plan, struct buf *lines)
{
	auto(buf) struct buf path = { 0 }, node = { 0 };
	struct groups groups;
	struct copy_entry entry = { 0 };

	groups_init(&groups, plan);
	for (size_t i = 0; i < plan->n_sources; i++) {
		const struct copy_source *source = &plan->sources[i];
		size_t end = source->order + source->n_order;

		for (size_t k = source->order + source->is_dir; k < end; k++) {
			autofree char *safe = NULL;

			buf_clear(&node);
			copy_node_source_path(plan, plan->order[k], &path);
			add_node(plan, plan->order[k], &entry, &groups, &node);
			safe = text_safe(buf_text(&path));
			buf_printf(lines, "%016" PRIx64 " %s\n", fingerprint(&node), safe);
		}
	}
	free(entry.xattrs);
	groups_release(&groups);
}
