/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_nodes - the inside of a copy plan; for the files copy_*.c alone.
 *
 * One fixed-size node a path, and names and attributes packed into buffers: about 110 bytes a file.
 * The children of a directory stand side by side, and an order of node numbers goes through them as
 * layers do. Paths are put together from names when they are needed.
 */
#ifndef CROZE_STEP_COPY_NODES_H
#define CROZE_STEP_COPY_NODES_H

#include "builder/step/copy_plan.h"
#include "runtime/base/buf.h"

#define COPY_NO_NODE UINT32_MAX

enum copy_node_flags {
	NODE_DIGEST = 1 << 0, /* @digest is known */
	NODE_XATTRS = 1 << 1, /* @xattrs is known */
	/* a directory that is left out, unless something below it is not */
	NODE_EXCLUDED = 1 << 2,
	NODE_DROPPED = 1 << 3, /* nothing below it is */
	/* placed: a link to a directory is there; content goes where it leads */
	NODE_REDIRECTED = 1 << 5,
	NODE_KEPT = 1 << 6,     /* placed: not written: only what is in it is copied */
	NODE_REPLACED = 1 << 7, /* placed: a later source has the same path */
};

struct copy_node {
	uint32_t parent; /* COPY_NO_NODE for the source itself */
	uint32_t name;   /* in names */
	/* link: its target in names; regular file: number of its hard-link group, 0 for none */
	uint32_t extra;
	uint32_t xattrs; /* in xattrs, plus 1; 0: none */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t source;
	uint32_t flags;
	uint32_t mtime_ns;
	int64_t mtime;
	int64_t ctime; /* as in struct digests_key */
	/* device: its number; directory: number of its first child << 32 | count */
	uint64_t size;
	struct digest digest;
};

/** One source, or one match of a pattern. */
struct copy_source {
	char *path;     /* resolved, relative to the root, "." is the root itself */
	char *name;     /* it gets in a destination directory */
	uint32_t first; /* its nodes */
	uint32_t end;
	size_t order; /* where its nodes begin in plan.order */
	size_t n_order;
	struct copy_from from; /* its name is owned */
	bool is_dir;
	bool is_archive; /* unpacked */
	char *text;      /* its bytes, instead of a path; NULL */
	char *dest;      /* placed: path of its first node; of an archive the directory */
};

/** A directory above what is copied. */
struct copy_parent {
	char *path;
	bool exists;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
};

struct copy_redirect {
	uint32_t node;
	char *path;
};

struct copy_plan {
	struct copy_from from;        /* of the source that is looked at; borrowed then */
	const struct ignore *exclude; /* while sources are looked at */
	const struct ignore *include; /* the same, for what --parents keeps */
	char *dest;
	unsigned flags;
	bool has_chmod;
	struct mode_spec chmod;
	struct digests *digests;
	entry_note_fn *note;
	void *note_arg;
	size_t n_words; /* sources as written, extras too */

	bool is_directory; /* copy_plan_directory() */
	uid_t uid;         /* is_directory: owner; placed: of --chown */
	gid_t gid;
	struct timespec now;

	struct copy_node *nodes;
	size_t n_nodes;
	size_t nodes_room;
	struct buf names;
	struct buf xattrs;
	struct copy_source *sources;
	size_t n_sources;
	size_t sources_room;
	uint32_t n_groups; /* of hard links */
	uint32_t *order;
	size_t n_order;
	size_t order_room;

	struct copy_parent *parents; /* placed, in the order of layers */
	size_t n_parents;
	size_t parents_room;
	struct copy_redirect *redirects; /* by node */
	size_t n_redirects;
	size_t redirects_room;
	uint32_t *placed; /* order of what is placed, when it is not @order */
	size_t n_placed;
	bool is_placed;
};

/* copy_scan.c */

/** Remembers which inode is which hard-link group while sources are scanned. */
struct copy_links;

/**
 * Adds a source: the resolved @path (relative to plan->from.root, "." for itself), called @name in the
 * destination. A socket, and a directory in which plan->include finds nothing, add none.
 */
int copy_scan(struct copy_plan *plan, struct copy_links **links, const char *path, const char *name,
    struct error *e);
void copy_links_free(struct copy_links *links);
/** Adds a source that is no file: @length bytes of @text. */
int copy_scan_text(
    struct copy_plan *plan, const char *text, size_t length, const char *name, struct error *e);
void copy_note(const struct copy_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Reads the attributes of an open context file into its node. */
int copy_read_xattrs(struct copy_plan *plan, struct copy_node *node, int fd, struct error *e);

/* copy_nodes.c */

/** What a node's source is below, for messages. */
const char *copy_node_from(const struct copy_plan *plan, uint32_t node);
/** The path of a node's source below the root, in @b. */
void copy_node_source_path(const struct copy_plan *plan, uint32_t node, struct buf *b);
/** The path of a node relative to its source ("" for itself). */
void copy_node_relative_path(const struct copy_plan *plan, uint32_t node, struct buf *b);
/** The path of a node in the destination. */
void copy_node_dest_path(const struct copy_plan *plan, uint32_t node, struct buf *b);
const char *copy_node_name(const struct copy_plan *plan, const struct copy_node *node);

/** Directories of the source that stay open from one file to the next. Set up with dir = -1. */
struct copy_opener {
	const struct copy_plan *plan;
	uint32_t source; /* of the directory that is open */
	uint32_t parent;
	int dir;
	struct buf path;
};
#define COPY_OPENER_INIT(p)                                                          \
	{                                                                            \
		.plan = (p), .source = UINT32_MAX, .parent = COPY_NO_NODE, .dir = -1 \
	}
void copy_opener_release(struct copy_opener *opener);
/** The directory that holds @node's source, borrowed, and its name there in @name; -1 with @e. */
int copy_opener_dir(struct copy_opener *opener, uint32_t node, const char **name, struct error *e);
/** Opens a regular file for reading. */
int copy_opener_file(struct copy_opener *opener, uint32_t node, struct error *e);
/**
 * The same, and makes sure that it is what the plan has seen: ERR_TEMPORARY when it was changed.
 * @st (may be NULL) is what it is now.
 */
int copy_opener_checked(
    struct copy_opener *opener, uint32_t node, struct stat *st, struct error *e);

/**
 * Fills @entry but for its path and whether it is a hard link. @xattrs is grown as needed and owned
 * by the caller.
 */
struct copy_entry {
	struct entry entry;
	struct entry_xattr *xattrs;
	size_t room;
};
void copy_entry_fill(const struct copy_plan *plan, uint32_t node, struct copy_entry *to);

/** Goes through a placed plan in the order of layers. */
struct copy_walk {
	const struct copy_plan *plan;
	size_t next; /* in the order of nodes */
	size_t next_parent;
	uint32_t dir;    /* whose path is in @path, up to @prefix */
	struct buf path; /* of the current one */
	size_t prefix;
	uint32_t *firsts; /* of each hard-link group: the node that came first, plus 1 */
	const struct copy_parent *parent; /* the current one, or NULL */
	uint32_t node;                    /* else this */
	uint32_t link_to;                 /* it is another name of this node; COPY_NO_NODE */
};
void copy_walk_init(struct copy_walk *walk, const struct copy_plan *plan);
void copy_walk_release(struct copy_walk *walk);
bool copy_walk_next(struct copy_walk *walk);
/** Goes through it once more. */
void copy_walk_rewind(struct copy_walk *walk);

#endif
