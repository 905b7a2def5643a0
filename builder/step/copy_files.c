/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_files - a placed copy plan to files in a root filesystem.
 *
 * Each directory is opened below the root, no link followed, and its files are made by name in it:
 * whatever somebody exchanges in the tree meanwhile, nothing is made elsewhere. Directories are
 * made so that they can be written to, and get their mode and times when all is in them, the
 * deepest first.
 */
#include "builder/context/traverse.h"
#include "builder/layer/apply.h"
#include "builder/step/copy_nodes.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SMALL_SIZE (256U << 10)

/* A directory that gets its mode and times at the end. */
struct unfinished {
	char *path;
	mode_t mode; /* 0: stays */
	struct timespec mtime;
};

struct maker {
	struct copy_plan *plan;
	int root;
	const struct inodes *shared; /* files in it that are not to be changed; NULL */
	uid_t uid;                   /* what is made belongs to them by itself */
	gid_t gid;
	bool recorded; /* owners are records (seccomp/owner.h) */
	struct copy_opener opener;
	struct copy_entry entry;
	struct buf dir_path; /* of @dir */
	int dir;             /* destination directory that is open; -1 */
	bool inherits;       /* what is made in @dir gets a group or access list of its */
	bool noted_xattr;
	struct unfinished *unfinished;
	size_t n_unfinished;
	size_t unfinished_room;
	char *bytes;
};

/*
 * Opens the directory that holds @path, which is then named @name in it. Returns it, borrowed, or
 * -1.
 */
static int
open_parent(struct maker *m, const char *path, const char **name, struct error *e)
{
	size_t length;
	struct stat st;

	*name = path_base(path);
	length = *name == path ? 0 : (size_t)(*name - path) - 1;
	if (m->dir >= 0 && m->dir_path.len == length &&
	    memcmp(buf_text(&m->dir_path), path, length) == 0)
		return m->dir;
	fd_close_at(&m->dir);
	buf_clear(&m->dir_path);
	buf_add(&m->dir_path, path, length);
	m->dir =
	    traverse_open(m->root, length ? buf_text(&m->dir_path) : ".", O_RDONLY | O_DIRECTORY);
	if (m->dir < 0 || fstat(m->dir, &st) < 0)
		return error_sys(e, "cannot open directory '/%s'", buf_text(&m->dir_path));
	m->inherits =
	    (st.st_mode & S_ISGID) || fgetxattr(m->dir, "system.posix_acl_default", NULL, 0) > 0;
	return m->dir;
}

/* Removes what is at @name, to be made anew; a directory is not removed. */
static int
make_room(int dir, const char *name, const char *path, struct error *e)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		return error_set(e, ERR_USAGE, "cannot copy a file over directory '/%s'", path);
	return error_sys(e, "cannot replace '/%s'", path);
}

/* An attribute that cannot be set is said once. */
static void
note_xattr(struct maker *m, const char *name, const char *path)
{
	if (!m->noted_xattr)
		copy_note(m->plan, "'/%s': extended attribute '%s' is not kept: %s", path, name,
		    strerror(errno));
	m->noted_xattr = true;
}

static void
set_xattrs(struct maker *m, int fd, const char *path)
{
	const struct entry *entry = &m->entry.entry;

	if (m->inherits) {
		(void)fremovexattr(
		    fd, "system.posix_acl_access"); /* of the directory, not of the source */
		(void)fremovexattr(fd, "system.posix_acl_default");
	}
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		if (fsetxattr(fd, entry_made_xattr(entry->xattrs[i].name), entry->xattrs[i].value,
			entry->xattrs[i].length, 0) < 0)
			note_xattr(m, entry->xattrs[i].name, path);
	}
}

/*
 * Sets the owner of an open file. One that has no place in the id map is written beside it. Returns
 * 1 when changed.
 */
static int
set_owner(struct maker *m, int fd, const char *path, struct error *e)
{
	const struct entry *entry = &m->entry.entry;
	char text[32];
	int length;

	if (m->recorded) {
		if (owner_set(fd, &(struct owner){ entry->uid, entry->gid }) < 0)
			return error_sys(e, "cannot record the owner %u:%u of '/%s'", entry->uid,
			    entry->gid, path);
		return entry->uid != 0 || entry->gid != 0;
	}
	if (entry->uid == m->uid && entry->gid == m->gid && !m->inherits)
		return 0;
	if (fchown(fd, entry->uid, entry->gid) == 0)
		return 1;
	if (errno != EINVAL)
		return error_sys(
		    e, "cannot set the owner of '/%s' to %u:%u", path, entry->uid, entry->gid);
	length = snprintf(text, sizeof(text), "%u:%u", entry->uid, entry->gid);
	if (fchown(fd, ENTRY_FOREIGN_ID, ENTRY_FOREIGN_ID) < 0 ||
	    fsetxattr(fd, ENTRY_XATTR_OWNER, text, (size_t)length, 0) < 0)
		return error_sys(e, "cannot keep the owner %s of '/%s'", text, path);
	return 1;
}

/* For what is neither file nor directory. */
static int
set_owner_at(const struct maker *m, int dir, const char *name)
{
	const struct entry *entry = &m->entry.entry;

	if (m->recorded)
		return owner_set_at(dir, name, &(struct owner){ entry->uid, entry->gid });
	if (entry->uid == m->uid && entry->gid == m->gid && !m->inherits)
		return 0;
	return fchownat(dir, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW);
}

/* Owner, attributes, mode and time of a new file that is open. */
static int
finish_file(struct maker *m, int fd, const char *path, struct error *e)
{
	const struct entry *entry = &m->entry.entry;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->mtime };
	mode_t mode = S_IFREG | (entry->mode & 07777); /* a device is a file here */
	int changed = set_owner(m, fd, path, e);

	if (changed < 0)
		return -1;
	set_xattrs(m, fd, path);
	/* Changing the owner and writing clear the set-id bits. */
	if ((changed > 0 || m->inherits || (entry->mode & 07000) ||
		owner_mode_made(mode) != mode) &&
	    owner_fchmod(fd, mode) < 0)
		return error_sys(e, "cannot set the mode of '/%s'", path);
	if (futimens(fd, times) < 0)
		return error_sys(e, "cannot set the time of '/%s'", path);
	return 0;
}

static int
create_file(struct maker *m, const char *path, struct error *e)
{
	const char *name;
	int dir = open_parent(m, path, &name, e);
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
	mode_t mode = owner_mode_made(S_IFREG | (m->entry.entry.mode & 0777)) & 0777;
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, name, flags, mode);
	if (fd < 0 && errno == EEXIST) {
		if (make_room(dir, name, path, e) < 0)
			return -1;
		fd = openat(dir, name, flags, mode);
	}
	return fd < 0 ? error_sys(e, "cannot make '/%s'", path) : fd;
}

/* One read and one write for a small file; else as the kernel copies best. */
static int
copy_bytes(struct maker *m, int from, int to, uint64_t size, struct error *e)
{
	uint64_t copied = 0;

	if (size <= SMALL_SIZE) {
		ssize_t got = read(from, m->bytes, (size_t)size + 1);

		if (got >= 0 && (uint64_t)got == size)
			return fd_write_all(to, m->bytes, (size_t)size, e);
		if (got < 0)
			return error_sys(e, "cannot read");
	} else {
		if (fd_copy(from, to, UINT64_MAX, &copied, e) < 0)
			return -1;
		if (copied == size)
			return 0;
	}
	error_set(e, ERR_TEMPORARY, "changed while it was copied");
	return error_hint(e, "build again when nothing writes to it");
}

static int
make_file(struct maker *m, const struct copy_walk *walk, struct error *e)
{
	struct copy_node *node = &m->plan->nodes[walk->node];
	const char *path = buf_text(&walk->path);
	autofd int from = copy_opener_checked(&m->opener, walk->node, NULL, e);
	autofd int to = -1;

	if (from < 0)
		return -1;
	if (!(node->flags & NODE_XATTRS) && copy_read_xattrs(m->plan, node, from, e) < 0)
		return -1;
	copy_entry_fill(m->plan, walk->node, &m->entry);
	to = create_file(m, path, e);
	if (to < 0)
		return -1;
	if (node->size > 0 && copy_bytes(m, from, to, node->size, e) < 0)
		return error_ctx(e, "'/%s'", path);
	return finish_file(m, to, path, e);
}

/* Another name of a file that was made before; a copy where there may be no more names. */
static int
make_link(struct maker *m, const struct copy_walk *walk, struct error *e)
{
	auto(buf) struct buf first = { 0 };
	const char *path = buf_text(&walk->path), *name, *slash;
	autofree char *parent = NULL;
	autofd int from = -1;
	int dir = open_parent(m, path, &name, e);

	if (dir < 0)
		return -1;
	copy_node_dest_path(m->plan, walk->link_to, &first);
	slash = strrchr(buf_text(&first), '/');
	parent = xstrndup(buf_text(&first), slash ? (size_t)(slash - first.data) : 0);
	from = traverse_open(m->root, *parent ? parent : ".", O_PATH | O_DIRECTORY);
	if (from < 0)
		return error_sys(e, "cannot open directory '/%s'", parent);
	for (int attempt = 0; attempt < 2; attempt++) {
		if (linkat(from, path_base(buf_text(&first)), dir, name, 0) == 0)
			return 0;
		if (errno == EMLINK)
			return make_file(m, walk, e);
		if (errno != EEXIST || make_room(dir, name, path, e) < 0)
			break;
	}
	return error_sys(e, "cannot link '/%s' to '/%s'", path, buf_text(&first));
}

static int
make_symlink(struct maker *m, const char *path, struct error *e)
{
	const struct entry *entry = &m->entry.entry;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->mtime };
	const char *name;
	int dir = open_parent(m, path, &name, e);

	if (dir < 0)
		return -1;
	if (symlinkat(entry->link, dir, name) < 0) {
		if (errno != EEXIST)
			return error_sys(e, "cannot make link '/%s'", path);
		if (make_room(dir, name, path, e) < 0)
			return -1;
		if (symlinkat(entry->link, dir, name) < 0)
			return error_sys(e, "cannot make link '/%s'", path);
	}
	if (set_owner_at(m, dir, name) < 0)
		return error_sys(
		    e, "cannot set the owner of link '/%s' to %u:%u", path, entry->uid, entry->gid);
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the time of link '/%s'", path);
	return 0;
}

static int
make_fifo(struct maker *m, const char *path, struct error *e)
{
	const struct entry *entry = &m->entry.entry;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, entry->mtime };
	const char *name;
	int dir = open_parent(m, path, &name, e);

	if (dir < 0 || make_room(dir, name, path, e) < 0)
		return -1;
	if (mkfifoat(dir, name, entry->mode & 0777) < 0)
		return error_sys(e, "cannot make '/%s'", path);
	if (set_owner_at(m, dir, name) < 0)
		return error_sys(
		    e, "cannot set the owner of '/%s' to %u:%u", path, entry->uid, entry->gid);
	if ((entry->mode & 07000) && fchmodat(dir, name, entry->mode & 07777, 0) < 0)
		return error_sys(e, "cannot set the mode of '/%s'", path);
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the time of '/%s'", path);
	return 0;
}

/* No device is ever made: an empty file that says which one it stands for. */
static int
make_device(struct maker *m, const char *path, struct error *e)
{
	const struct entry *entry = &m->entry.entry;
	char text[48];
	int length = snprintf(text, sizeof(text), "%c:%u:%u", S_ISCHR(entry->mode) ? 'c' : 'b',
	    major(entry->rdev), minor(entry->rdev));
	autofd int fd = create_file(m, path, e);

	if (fd < 0)
		return -1;
	if (fsetxattr(fd, ENTRY_XATTR_DEVICE, text, (size_t)length, 0) < 0)
		return error_sys(e, "cannot keep device '/%s'", path);
	return finish_file(m, fd, path, e);
}

static void
finish_later(struct maker *m, const char *path, mode_t mode, struct timespec mtime)
{
	xgrow(&m->unfinished, m->n_unfinished, &m->unfinished_room, sizeof(*m->unfinished));
	m->unfinished[m->n_unfinished++] = (struct unfinished){ xstrdup(path), mode, mtime };
}

/* Makes a directory, or takes the one that is there, with the owner and attributes of m->entry. */
static int
make_dir(struct maker *m, const char *path, struct error *e)
{
	const struct entry *entry = &m->entry.entry;
	const char *name;
	int dir = open_parent(m, path, &name, e);
	bool is_new, is_plain;
	autofd int fd = -1;

	if (dir < 0)
		return -1;
	is_new = mkdirat(dir, name, (entry->mode & 0777) | 0700) == 0;
	if (!is_new && errno != EEXIST)
		return error_sys(e, "cannot make directory '/%s'", path);
	is_plain = is_new && !m->inherits && entry->uid == m->uid && entry->gid == m->gid &&
	           entry->n_xattrs == 0;
	finish_later(m, path, is_plain && (entry->mode & 07700) == 0700 ? 0 : S_IFDIR | entry->mode,
	    entry->mtime);
	if (is_plain)
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open directory '/%s'", path);
	if ((m->recorded || fchown(fd, entry->uid, entry->gid) < 0) &&
	    set_owner(m, fd, path, e) < 0)
		return -1;
	set_xattrs(m, fd, path);
	return 0;
}

static int
make_parent(struct maker *m, const struct copy_parent *parent, struct error *e)
{
	autofd int fd = -1;
	struct stat st;

	if (!parent->exists) {
		m->entry.entry = (struct entry){ .mode = parent->mode,
			.uid = parent->uid,
			.gid = parent->gid,
			.mtime = parent->mtime };
		return make_dir(m, parent->path, e);
	}
	fd = traverse_open(m->root, parent->path, O_PATH | O_DIRECTORY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "cannot open directory '/%s'", parent->path);
	finish_later(m, parent->path, 0, st.st_mtim);
	return 0;
}

static int
make_one(struct maker *m, const struct copy_walk *walk, struct error *e)
{
	const struct copy_node *node = &m->plan->nodes[walk->node];
	const char *path = buf_text(&walk->path);

	if (walk->link_to != COPY_NO_NODE)
		return make_link(m, walk, e);
	if (S_ISREG(node->mode))
		return make_file(m, walk, e);
	copy_entry_fill(m->plan, walk->node, &m->entry);
	if (S_ISDIR(node->mode))
		return make_dir(m, path, e);
	if (S_ISLNK(node->mode))
		return make_symlink(m, path, e);
	if (S_ISFIFO(node->mode))
		return make_fifo(m, path, e);
	return make_device(m, path, e);
}

/* The directories, the deepest first. */
static int
finish_dirs(struct maker *m, struct error *e)
{
	for (size_t i = m->n_unfinished; i-- > 0;) {
		const struct unfinished *u = &m->unfinished[i];
		struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, u->mtime };
		autofd int fd = traverse_open(m->root, u->path, O_RDONLY | O_DIRECTORY);

		if (fd < 0)
			return error_sys(e, "cannot open directory '/%s'", u->path);
		if (u->mode && owner_fchmod(fd, u->mode) < 0)
			return error_sys(e, "cannot set the mode of '/%s'", u->path);
		if (futimens(fd, times) < 0)
			return error_sys(e, "cannot set the time of '/%s'", u->path);
	}
	return 0;
}

static int
make_archive(struct maker *m, const struct copy_source *source, struct error *e)
{
	struct archive_options options = {
		.dest = source->dest,
		.chown = m->plan->flags & COPY_CHOWN,
		.uid = m->plan->uid,
		.gid = m->plan->gid,
	};
	autofd int fd = copy_opener_checked(&m->opener, source->first, NULL, e);

	if (fd < 0)
		return -1;
	if (options.chown) {
		options.dest_uid = options.uid;
		options.dest_gid = options.gid;
	}
	if (archive_apply(fd, &(struct apply_root){ m->root, m->shared }, &options, NULL, e) < 0)
		return error_ctx(e, "'%s' of %s", source->path, source->from.name);
	fd_close_at(&m->dir); /* it may have been replaced */
	m->dir = -1;
	return 0;
}

/* Makes what comes from sources [@from, @to). */
static int
make_sources(struct maker *m, size_t from, size_t to, struct error *e)
{
	struct copy_walk walk;
	int result = 0;

	copy_walk_init(&walk, m->plan);
	while (result == 0 && copy_walk_next(&walk)) {
		if (walk.parent) {
			if (from == 0)
				result = make_parent(m, walk.parent, e);
			continue;
		}
		if (m->plan->nodes[walk.node].source >= from &&
		    m->plan->nodes[walk.node].source < to)
			result = make_one(m, &walk, e);
	}
	copy_walk_release(&walk);
	return result;
}

/* Archives and other sources in the order they are written in. */
static int
make_all(struct maker *m, struct error *e)
{
	size_t done = 0;

	for (size_t i = 0; i < m->plan->n_sources; i++) {
		if (!m->plan->sources[i].is_archive)
			continue;
		if ((i > done || done == 0) && make_sources(m, done, i, e) < 0)
			return -1;
		if (make_archive(m, &m->plan->sources[i], e) < 0)
			return -1;
		done = i + 1;
	}
	if ((done == 0 || done < m->plan->n_sources) &&
	    make_sources(m, done, m->plan->n_sources, e) < 0)
		return -1;
	return finish_dirs(m, e);
}

int
copy_plan_materialise(struct copy_plan *plan, const struct apply_root *root, struct error *e)
{
	struct maker m = { .plan = plan,
		.root = root->fd,
		.shared = root->shared,
		.uid = geteuid(),
		.gid = getegid(),
		.recorded = owner_is_recorded(),
		.dir = -1,
		.opener = COPY_OPENER_INIT(plan) };
	mode_t mask;
	int result;

	assert(plan->is_placed);
	if (copy_plan_is_empty(plan))
		return 0;
	mask = umask(0);
	m.bytes = xmalloc(SMALL_SIZE + 1);
	result = make_all(&m, e);
	(void)umask(mask);
	for (size_t i = 0; i < m.n_unfinished; i++)
		free(m.unfinished[i].path);
	free(m.unfinished);
	copy_opener_release(&m.opener);
	fd_close_at(&m.dir);
	buf_release(&m.dir_path);
	free(m.entry.xattrs);
	free(m.bytes);
	return result;
}
