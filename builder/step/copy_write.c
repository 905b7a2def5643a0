/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_write - a placed copy plan straight to a layer: no file is made.
 */
#include "builder/context/hasher.h"
#include "builder/step/copy_nodes.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files up to this size are read into memory, so that their bytes are what was looked at. */
#define SMALL_SIZE (256U << 10)

struct layer_copy {
	struct copy_plan *plan;
	struct layer_writer *writer;
	struct copy_opener opener;
	struct copy_entry entry;
	struct buf link;
	char *bytes;
};

/* Reads a small file whole, and once more to see that it ends there. */
static int
read_small(struct layer_copy *c, int fd, uint64_t size, struct error *e)
{
	size_t done = 0;

	while (done < size + 1) {
		ssize_t got = read(fd, c->bytes + done, (size_t)size + 1 - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	if (done == size)
		return 0;
	error_set(e, ERR_TEMPORARY, "changed while it was copied");
	return error_hint(e, "build again when nothing writes to it");
}

/* Attributes and digest of a file that copy_plan_digest() has not read. */
static int
complete(struct layer_copy *c, uint32_t number, int fd, struct error *e)
{
	struct copy_node *node = &c->plan->nodes[number];
	struct hasher_result read;

	if (!(node->flags & NODE_DIGEST)) {
		if (hasher_read(fd, &read, e) < 0)
			return -1;
		node->digest = read.digest;
		node->flags |= NODE_DIGEST;
		if (c->plan->digests && !c->plan->sources[node->source].from.is_rootfs)
			digests_add(
			    c->plan->digests, &read.key, &read.digest, read.flags, read.read_at);
	}
	if (!(node->flags & NODE_XATTRS))
		return copy_read_xattrs(c->plan, node, fd, e);
	return 0;
}

static int
write_file(struct layer_copy *c, const struct copy_walk *walk, struct error *e)
{
	const struct copy_node *node = &c->plan->nodes[walk->node];
	struct stat before, after;
	autofd int fd = copy_opener_checked(&c->opener, walk->node, &before, e);

	if (fd < 0)
		return -1;
	if (complete(c, walk->node, fd, e) < 0)
		return error_ctx(e, "'%s'", buf_text(&walk->path));
	copy_entry_fill(c->plan, walk->node, &c->entry);
	c->entry.entry.path = buf_text(&walk->path);
	if (node->size <= SMALL_SIZE) {
		if (read_small(c, fd, node->size, e) < 0)
			return error_ctx(e, "'%s'", buf_text(&walk->path));
		return layer_writer_add_bytes(c->writer, &c->entry.entry, c->bytes, e);
	}
	if (layer_writer_add(c->writer, &c->entry.entry, fd, e) < 0)
		return -1;
	/* a snapshot's file is never changed, but a name that it gets in a step's tree moves its time */
	if (c->plan->sources[node->source].from.is_rootfs)
		return 0;
	if (fstat(fd, &after) < 0)
		return error_sys(e, "cannot look at '%s'", buf_text(&walk->path));
	if (before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
	    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec)
		return 0;
	error_set(e, ERR_TEMPORARY, "'%s' was changed while it was copied", buf_text(&walk->path));
	return error_hint(e, "build again when nothing writes to it");
}

static int
write_parent(struct layer_copy *c, const struct copy_parent *parent, struct error *e)
{
	struct entry entry = { .path = parent->path,
		.mode = parent->mode,
		.uid = parent->uid,
		.gid = parent->gid,
		.mtime = parent->mtime };

	return layer_writer_add(c->writer, &entry, -1, e);
}

static int
write_one(struct layer_copy *c, const struct copy_walk *walk, struct error *e)
{
	const struct copy_node *node;

	if (walk->parent)
		return write_parent(c, walk->parent, e);
	node = &c->plan->nodes[walk->node];
	if (S_ISREG(node->mode) && walk->link_to == COPY_NO_NODE)
		return write_file(c, walk, e);
	copy_entry_fill(c->plan, walk->node, &c->entry);
	c->entry.entry.path = buf_text(&walk->path);
	if (walk->link_to != COPY_NO_NODE) {
		copy_node_dest_path(c->plan, walk->link_to, &c->link);
		c->entry.entry.link = buf_text(&c->link);
		c->entry.entry.is_hardlink = true;
		c->entry.entry.size = 0;
	}
	return layer_writer_add(c->writer, &c->entry.entry, -1, e);
}

int
copy_plan_write(struct copy_plan *plan, struct layer_writer *writer, struct error *e)
{
	struct layer_copy c = { .plan = plan, .writer = writer, .opener = COPY_OPENER_INIT(plan) };
	struct copy_walk walk;
	int result = 0;

	assert(plan->is_placed);
	if (copy_plan_is_empty(plan))
		return 0;
	c.bytes = xmalloc(SMALL_SIZE + 1);
	copy_walk_init(&walk, plan);
	while (result == 0 && copy_walk_next(&walk))
		result = write_one(&c, &walk, e);
	copy_walk_release(&walk);
	copy_opener_release(&c.opener);
	buf_release(&c.link);
	free(c.entry.xattrs);
	free(c.bytes);
	return result;
}
