/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - entries to files below an open directory.
 *
 * Owners outside the id map and devices cannot be made by the root of a user namespace: they are
 * remembered in attributes (entry.h). Modes and times of directories are set at the end, when
 * nothing is made in them any more; the deeper ones first, so that a directory nobody may search
 * does not hide what is below it.
 */
#include "builder/layer/place.h"

#include "builder/layer/names.h"
#include "runtime/base/fd.h"
#include "runtime/base/filecopy.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A directory whose mode and time wait. */
struct waiting {
	char *path; /* below the root */
	mode_t mode;
	struct timespec mtime;
	size_t number; /* in the order of the archive */
};

/* A hard link whose target is not there yet. */
struct pending {
	char *path; /* below the base, both */
	char *link;
};

struct place {
	struct place_options options;
	struct buf path;         /* of the entry at hand, below the root */
	struct buf parent_path;  /* of @parent */
	int parent;              /* -1: none */
	bool parent_is_stale;    /* something that could have led to it is gone */
	bool is_root;            /* what we make is owned by 0:0 */
	bool parent_gives_group; /* set-group-ID: what is made there is not ours by itself */
	bool parent_gives_acl;   /* a default ACL: what is made there inherits from it */
	struct waiting *waiting;
	size_t n_waiting;
	size_t waiting_room;
	struct pending *pending;
	size_t n_pending;
	size_t pending_room;
	bool at_end;
};

struct place *
place_new(const struct place_options *options)
{
	struct place *p = xcalloc(1, sizeof(*p));

	p->options = *options;
	p->parent = -1;
	p->is_root = options->recorded || (geteuid() == 0 && getegid() == 0);
	return p;
}

void
place_free(struct place *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_waiting; i++)
		free(p->waiting[i].path);
	free(p->waiting);
	for (size_t i = 0; i < p->n_pending; i++) {
		free(p->pending[i].path);
		free(p->pending[i].link);
	}
	free(p->pending);
	buf_release(&p->path);
	buf_release(&p->parent_path);
	fd_close_at(&p->parent);
	free(p);
}

static void
note(const struct place *p, const char *format, const char *detail)
{
	autofree char *safe = text_safe(buf_text(&p->path));
	autofree char *safe_detail = text_safe(detail);
	autofree char *line = xasprintf("'%s': %s '%s'", safe, format, safe_detail);

	if (p->options.note)
		p->options.note(p->options.note_arg, line);
}

/* ---- the folder ---- */

static void
forget_parent(struct place *p)
{
	fd_close_at(&p->parent);
	buf_clear(&p->parent_path);
	p->parent_is_stale = false;
}

static void
set_path(struct buf *b, const char *base, const char *path)
{
	buf_clear(b);
	buf_add_text(b, base);
	if (*base && *path)
		buf_add_char(b, '/');
	buf_add_text(b, path);
}

/* The last component of @path; the length of what is before it in @length. */
static const char *
split(const char *path, size_t *length)
{
	const char *slash = strrchr(path, '/');

	*length = slash ? (size_t)(slash - path) : 0;
	return slash ? slash + 1 : path;
}

/* Opens @path below the root, making what is not there of it. */
static int
open_folder(const struct place *p, const char *path, struct error *e)
{
	autofd int made = -1;
	int fd;

	if (!*path)
		path = ".";
	fd = path_try_open(p->options.root, path, O_RDONLY | O_DIRECTORY, 0, PATH_IN_ROOT);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return error_sys(e, "its folder cannot be opened");
	made = path_make_dirs(p->options.root, path, 0755, (uid_t)-1, (gid_t)-1, e);
	if (made < 0)
		return -1;
	fd = openat(made, ".", OPEN_DIRECTORY);
	return fd < 0 ? error_sys(e, "its folder cannot be opened") : fd;
}

/* What a directory does to the files that are made in it. */
static int
look_at_parent(struct place *p, struct error *e)
{
	struct stat st;

	if (fstat(p->parent, &st) < 0)
		return error_sys(e, "its folder cannot be read");
	p->parent_gives_group = (st.st_mode & S_ISGID) != 0;
	p->parent_gives_acl = fgetxattr(p->parent, "system.posix_acl_default", NULL, 0) > 0;
	return 0;
}

/*
 * Opens the folder of the entry at hand; entries of one folder mostly follow each other. Returns the entry's name.
 */
static const char *
enter_parent(struct place *p, struct error *e)
{
	size_t length;
	const char *name = split(buf_text(&p->path), &length);
	int fd;

	if (p->parent >= 0 && !p->parent_is_stale && p->parent_path.len == length &&
	    !memcmp(buf_text(&p->parent_path), buf_text(&p->path), length))
		return name;
	forget_parent(p);
	buf_add(&p->parent_path, buf_text(&p->path), length);
	fd = open_folder(p, buf_text(&p->parent_path), e);
	if (fd < 0)
		return NULL;
	p->parent = fd;
	return look_at_parent(p, e) < 0 ? NULL : name;
}

/* ---- removing ---- */

/* Makes room for something that is no directory, or a directory where there is none. */
static int
clear_place(struct place *p, const char *name, struct error *e)
{
	struct stat st;

	if (fstatat(p->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "what is in its place cannot be read");
	p->parent_is_stale = !S_ISREG(st.st_mode);
	if (!S_ISDIR(st.st_mode) && unlinkat(p->parent, name, 0) < 0 && errno != ENOENT)
		return error_sys(e, "what is in its place cannot be removed");
	if (S_ISDIR(st.st_mode) && path_remove_tree(p->parent, name, e) < 0)
		return error_ctx(e, "what is in its place cannot be removed");
	return 0;
}

static bool
is_added(const struct place *p, const char *path)
{
	return p->options.added && listing_builder_has(p->options.added, path);
}

/*
 * Removes what is in directory @dir, whose path below the base is @path, but what this layer added.
 */
static int
remove_others(struct place *p, int dir, const char *path, struct error *e)
{
	auto(names) struct names names = { 0 };
	int result = names_read(&names, dir, "", e);

	for (size_t i = 0; i < names.count && result == 0; i++) {
		const char *name = names_at(&names, i);
		autofree char *child = xasprintf("%s%s%s", path, *path ? "/" : "", name);
		autofd int sub = -1;

		if (!is_added(p, child)) {
			result = path_remove_tree(dir, name, e);
			continue;
		}
		sub = openat(dir, name, OPEN_DIRECTORY);
		if (sub >= 0)
			result = remove_others(p, sub, child, e);
	}
	return result;
}

/*
 * The directory of @path below the root without making it; -1 without an error (errno) when it is
 * not there.
 */
static int
find_folder(struct place *p, const char *path, size_t length)
{
	autofree char *folder = length ? xstrndup(path, length) : xstrdup(".");

	return path_try_open(p->options.root, folder, O_RDONLY | O_DIRECTORY, 0, PATH_IN_ROOT);
}

static bool
is_absence(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

int
place_removal(struct place *p, const char *path, struct error *e)
{
	autofd int folder = -1, dir = -1;
	size_t length;
	const char *name;

	set_path(&p->path, p->options.base, path);
	name = split(buf_text(&p->path), &length);
	if (!path_is_name(name))
		return error_set(e, ERR_INPUT, "this whiteout names nothing");
	folder = find_folder(p, buf_text(&p->path), length);
	if (folder < 0)
		return is_absence(errno) ? 0 : error_sys(e, "its folder cannot be opened");
	forget_parent(p);
	if (!is_added(p, path))
		return path_remove_tree(folder, name, e);
	dir = openat(folder, name, OPEN_DIRECTORY);
	return dir < 0 ? 0 : remove_others(p, dir, path, e);
}

int
place_opaque(struct place *p, const char *path, struct error *e)
{
	autofd int dir = -1;

	set_path(&p->path, p->options.base, path);
	dir = path_try_open(p->options.root, p->path.len ? buf_text(&p->path) : ".",
	    O_RDONLY | O_DIRECTORY, 0, PATH_IN_ROOT);
	if (dir < 0)
		return is_absence(errno) ? 0 : error_sys(e, "the directory cannot be opened");
	forget_parent(p);
	return remove_others(p, dir, path, e);
}

/* ---- metadata ---- */

/* Ids that are not mapped here become ENTRY_FOREIGN_ID, and the file remembers them. */
static int
set_foreign_owner(int fd, uid_t uid, gid_t gid, struct error *e)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%u:%u", uid, gid);

	if (fchown(fd, uid, (gid_t)-1) < 0 &&
	    (errno != EINVAL || fchown(fd, ENTRY_FOREIGN_ID, (gid_t)-1) < 0))
		return error_sys(
		    e, "its owner %u cannot be set or replaced by %u", uid, ENTRY_FOREIGN_ID);
	if (fchown(fd, (uid_t)-1, gid) < 0 &&
	    (errno != EINVAL || fchown(fd, (uid_t)-1, ENTRY_FOREIGN_ID) < 0))
		return error_sys(
		    e, "its group %u cannot be set or replaced by %u", gid, ENTRY_FOREIGN_ID);
	if (fsetxattr(fd, ENTRY_XATTR_OWNER, text, (size_t)length, 0) < 0)
		return error_sys(e, "its owner %s, outside the id map, cannot be remembered", text);
	return 0;
}

static int
set_owner(const struct place *p, int fd, uid_t uid, gid_t gid, struct error *e)
{
	if (p->options.recorded) {
		if (owner_set(fd, &(struct owner){ uid, gid }) < 0)
			return error_sys(e, "its owner %u:%u cannot be recorded", uid, gid);
		return 0;
	}
	if (fchown(fd, uid, gid) == 0)
		return 0;
	if (errno != EINVAL)
		return error_sys(e, "its owner cannot be set to %u:%u", uid, gid);
	return set_foreign_owner(fd, uid, gid, e);
}

/* For what has no descriptor and no attributes. */
static int
set_owner_at(struct place *p, const char *name, uid_t uid, gid_t gid, struct error *e)
{
	if (p->options.recorded) {
		if (owner_set_at(p->parent, name, &(struct owner){ uid, gid }) < 0)
			return error_sys(e, "its owner %u:%u cannot be recorded", uid, gid);
		return 0;
	}
	if (fchownat(p->parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != EINVAL)
		return error_sys(e, "its owner cannot be set to %u:%u", uid, gid);
	error_set(e, ERR_HOST,
	    "its owner %u:%u is outside the id map, which only files and directories can remember",
	    uid, gid);
	return error_hint(e, "give the user a larger range in /etc/subuid and /etc/subgid");
}

/* Attributes that a filesystem cannot hold are lost with a note. */
static int
set_xattrs(struct place *p, int fd, const struct entry *entry, struct error *e)
{
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct entry_xattr *x = &entry->xattrs[i];

		if (!entry_keeps_xattr(x->name)) {
			note(p, "dropped attribute", x->name);
			continue;
		}
		if (fsetxattr(fd, entry_made_xattr(x->name), x->value, x->length, 0) == 0)
			continue;
		if (errno != ENOTSUP && errno != E2BIG && errno != ENOSPC && errno != ERANGE)
			return error_sys(e, "its attribute '%s' cannot be set", x->name);
		note(p, "the file system cannot hold attribute", x->name);
	}
	return 0;
}

static void
note_lost_xattrs(struct place *p, const struct entry *entry)
{
	for (size_t i = 0; i < entry->n_xattrs; i++)
		note(p, "only files and directories keep attributes; dropped",
		    entry->xattrs[i].name);
}

/* A directory that was there loses the attributes that are not the entry's. */
static int
remove_xattrs(int fd, struct error *e)
{
	char names[4096];
	ssize_t length = flistxattr(fd, names, sizeof(names));

	if (length < 0)
		return errno == ENOTSUP ? 0 : error_sys(e, "its attributes cannot be listed");
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		if (!entry_keeps_xattr(name) && strcmp(name, ENTRY_XATTR_OWNER) != 0)
			continue;
		if (fremovexattr(fd, name) < 0 && errno != ENODATA)
			return error_sys(e, "its attribute '%s' cannot be removed", name);
	}
	return 0;
}

/* What the folder's default ACL gave to a new file is none of the entry's. */
static int
remove_inherited(const struct place *p, int fd, struct error *e)
{
	static const char *const names[] = { "system.posix_acl_access",
		"system.posix_acl_default" };

	for (size_t i = 0; p->parent_gives_acl && i < ARRAY_LEN(names); i++)
		if (fremovexattr(fd, names[i]) < 0 && errno != ENODATA && errno != ENOTSUP &&
		    errno != EACCES)
			return error_sys(e, "an inherited ACL cannot be removed");
	return 0;
}

static uid_t
owner_of(const struct place *p, const struct entry *entry)
{
	return p->options.chown ? p->options.uid : entry->uid;
}

static gid_t
group_of(const struct place *p, const struct entry *entry)
{
	return p->options.chown ? p->options.gid : entry->gid;
}

/* Is a new file other than root's, as it is made? */
static bool
needs_owner(const struct place *p, const struct entry *entry)
{
	return owner_of(p, entry) != 0 || group_of(p, entry) != 0 || p->parent_gives_group ||
	       !p->is_root;
}

/*
 * Owner before mode (chown(2) clears set-user-ID), attributes after both (it clears capabilities
 * too), time last.
 */
static int
finish_file(struct place *p, int fd, const struct entry *entry, struct error *e)
{
	bool chowns = needs_owner(p, entry);
	struct timespec times[2] = { entry->mtime, entry->mtime };
	mode_t mode = S_IFREG | (entry->mode & 07777); /* a device is a file here */

	if (chowns && set_owner(p, fd, owner_of(p, entry), group_of(p, entry), e) < 0)
		return -1;
	if (remove_inherited(p, fd, e) < 0)
		return -1;
	if ((chowns || p->parent_gives_acl || (entry->mode & 07000) ||
		owner_mode_made(mode) != mode) &&
	    owner_fchmod(fd, mode) < 0)
		return error_sys(e, "its mode cannot be set");
	if (entry->n_xattrs && set_xattrs(p, fd, entry, e) < 0)
		return -1;
	if (futimens(fd, times) < 0)
		return error_sys(e, "its time cannot be set");
	return 0;
}

/* ---- the kinds of entries ---- */

/* A new file under the name of the entry; what is there goes. */
static int
make_file(struct place *p, const char *name, mode_t mode, struct error *e)
{
	int fd;

	for (int i = 0; i < 2; i++) {
		fd = openat(
		    p->parent, name, NEW_FILE, owner_mode_made(S_IFREG | (mode & 0777)) & 0777);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST || i == 1)
			break;
		if (clear_place(p, name, e) < 0)
			return -1;
	}
	return error_sys(e, "it cannot be made");
}

static int
write_at(int fd, const char *bytes, size_t length, uint64_t offset, struct error *e)
{
	ssize_t written;

	while (length > 0) {
		written = pwrite(fd, bytes, length, (off_t)offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_sys(e, "it cannot be written");
		bytes += written;
		length -= (size_t)written;
		offset += (uint64_t)written;
	}
	return 0;
}

static int
place_regular(struct place *p, const char *name, const struct entry *entry,
    place_content_fn *content, void *arg, struct error *e)
{
	autofd int fd = make_file(p, name, entry->mode, e);
	uint64_t offset, end = 0;
	const void *bytes;
	size_t length;
	int more;

	if (fd < 0)
		return -1;
	while ((more = content(arg, &bytes, &length, &offset, e)) > 0) {
		if (length == 0)
			continue;
		if (write_at(fd, bytes, length, offset, e) < 0)
			return -1;
		end = offset + length;
	}
	if (more < 0)
		return -1;
	if (end < entry->size && ftruncate(fd, (off_t)entry->size) < 0)
		return error_sys(
		    e, "it cannot be made %llu bytes long", (unsigned long long)entry->size);
	return finish_file(p, fd, entry, e);
}

/*
 * A device becomes an empty file that remembers it: no entry makes a working device, whoever
 * unpacks.
 */
static int
place_device(struct place *p, const char *name, const struct entry *entry, struct error *e)
{
	char text[40];
	int length = snprintf(text, sizeof(text), "%c:%u:%u", S_ISCHR(entry->mode) ? 'c' : 'b',
	    major(entry->rdev), minor(entry->rdev));
	autofd int fd = make_file(p, name, entry->mode, e);

	if (fd < 0)
		return -1;
	if (fsetxattr(fd, ENTRY_XATTR_DEVICE, text, (size_t)length, 0) < 0)
		return error_sys(e, "device %s cannot be remembered", text);
	return finish_file(p, fd, entry, e);
}

/* That of a link or a FIFO may be the record of its owner. */
static struct timespec
access_time(const struct place *p, const struct entry *entry)
{
	return p->options.recorded ? (struct timespec){ .tv_nsec = UTIME_OMIT } : entry->mtime;
}

static int
place_fifo(struct place *p, const char *name, const struct entry *entry, struct error *e)
{
	struct timespec times[2] = { access_time(p, entry), entry->mtime };
	autofd int fd = -1;

	if (clear_place(p, name, e) < 0)
		return -1;
	note_lost_xattrs(p, entry);
	if (mknodat(p->parent, name, S_IFIFO | 0600, 0) < 0)
		return error_sys(e, "it cannot be made");
	fd = openat(p->parent, name,
	    O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC); /* never waits for the other end */
	if (fd < 0)
		return error_sys(e, "it cannot be opened");
	if (needs_owner(p, entry) &&
	    set_owner_at(p, name, owner_of(p, entry), group_of(p, entry), e) < 0)
		return -1;
	if (fchmod(fd, entry->mode & 07777) < 0 || futimens(fd, times) < 0)
		return error_sys(e, "its mode and time cannot be set");
	return 0;
}

static int
place_symlink(struct place *p, const char *name, const struct entry *entry, struct error *e)
{
	struct timespec times[2] = { access_time(p, entry), entry->mtime };
	int result;

	if (!entry->link || !*entry->link)
		return error_set(e, ERR_INPUT, "a symbolic link without a target");
	note_lost_xattrs(p, entry);
	result = symlinkat(entry->link, p->parent, name);
	if (result < 0 && errno == EEXIST) {
		if (clear_place(p, name, e) < 0)
			return -1;
		result = symlinkat(entry->link, p->parent, name);
	}
	if (result < 0)
		return error_sys(e, "it cannot be made");
	if (needs_owner(p, entry) &&
	    set_owner_at(p, name, owner_of(p, entry), group_of(p, entry), e) < 0)
		return -1;
	if (utimensat(p->parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "its time cannot be set");
	return 0;
}

/* Some writers name a file again before its first name; such links are made at the end. */
static int
postpone(struct place *p, const struct entry *entry, struct error *e)
{
	struct pending *pending;

	if (p->at_end)
		return error_set(
		    e, ERR_INPUT, "a hard link to '%s', which is not there", entry->link);
	(void)xgrow(&p->pending, p->n_pending, &p->pending_room, sizeof(*p->pending));
	pending = &p->pending[p->n_pending++];
	pending->path = xstrdup(entry->path);
	pending->link = xstrdup(entry->link);
	return 0;
}

/*
 * A file that is not to be changed gets another name only as a copy, which takes the place of the name that is linked to: so it is on an
 * overlay.
 */
static int
own_target(
    const struct place *p, int folder, const char *name, const struct stat *st, struct error *e)
{
	char temporary[FILECOPY_NAME];
	autofd int from = -1, fd = -1;

	if (!p->options.shared || !inodes_find(p->options.shared, st))
		return 0;
	if (S_ISLNK(st->st_mode))
		return filecopy_link(folder, name, st, e);
	from = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return error_sys(e, "the target of a hard link cannot be read");
	fd = filecopy_make(folder, from, st, temporary, e);
	return fd < 0 ? -1 : filecopy_place(folder, fd, temporary, name, e);
}

/* The name that is linked to is looked up as if the root were "/", and itself never followed. */
static int
place_hardlink(struct place *p, const char *name, const struct entry *entry, struct error *e)
{
	auto(buf) struct buf target = { 0 };
	autofd int folder = -1;
	const char *target_name;
	struct stat old, new;
	size_t length;

	if (!entry->link || !*entry->link)
		return error_set(e, ERR_INPUT, "a hard link without a target");
	set_path(&target, p->options.base, entry->link);
	target_name = split(buf_text(&target), &length);
	folder = find_folder(p, buf_text(&target), length);
	if (folder < 0 || fstatat(folder, target_name, &old, AT_SYMLINK_NOFOLLOW) < 0) {
		if (is_absence(errno))
			return postpone(p, entry, e);
		return error_sys(e, "the target of a hard link cannot be read");
	}
	if (S_ISDIR(old.st_mode))
		return error_set(e, ERR_INPUT, "a hard link to the directory '%s'", entry->link);
	if (fstatat(p->parent, name, &new, AT_SYMLINK_NOFOLLOW) == 0) {
		if (new.st_ino == old.st_ino &&new.st_dev == old.st_dev)
			return 0;
		if (clear_place(p, name, e) < 0)
			return -1;
	}
	if (own_target(p, folder, target_name, &old, e) < 0)
		return error_ctx(e, "'%s' cannot be copied to be linked to", entry->link);
	if (linkat(folder, target_name, p->parent, name, 0) < 0)
		return error_sys(e, "it cannot be linked to '%s'", entry->link);
	return 0;
}

static void
let_wait(struct place *p, const struct entry *entry)
{
	struct waiting *waiting;

	(void)xgrow(&p->waiting, p->n_waiting, &p->waiting_room, sizeof(*p->waiting));
	waiting = &p->waiting[p->n_waiting++];
	waiting->number = p->n_waiting;
	waiting->path = xstrdup(buf_text(&p->path));
	waiting->mode = entry->mode & 07777;
	waiting->mtime = entry->mtime;
}

/* Owner and attributes; the rest waits. */
static int
start_directory(struct place *p, int dir, const struct entry *entry, bool is_new, struct error *e)
{
	if (!is_new && remove_xattrs(dir, e) < 0)
		return -1;
	if (is_new && remove_inherited(p, dir, e) < 0)
		return -1;
	if (set_owner(p, dir, owner_of(p, entry), group_of(p, entry), e) < 0)
		return -1;
	return entry->n_xattrs ? set_xattrs(p, dir, entry, e) : 0;
}

static int
place_directory(struct place *p, const char *name, const struct entry *entry, struct error *e)
{
	autofd int dir = -1;
	bool is_new = true;
	struct stat st;

	let_wait(p, entry);
	if (mkdirat(p->parent, name, 0700 | (entry->mode & 0777)) < 0) {
		if (errno != EEXIST || fstatat(p->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_sys(e, "it cannot be made");
		is_new = !S_ISDIR(st.st_mode);
		if (is_new) {
			if (clear_place(p, name, e) < 0)
				return -1;
			if (mkdirat(p->parent, name, 0700 | (entry->mode & 0777)) < 0)
				return error_sys(e, "it cannot be made");
		}
	}
	if (is_new && !needs_owner(p, entry) && !entry->n_xattrs && !p->parent_gives_acl)
		return 0;
	dir = openat(p->parent, name, OPEN_DIRECTORY);
	if (dir < 0)
		return error_sys(e, "it cannot be opened");
	return start_directory(p, dir, entry, is_new, e);
}

static int
place_root(struct place *p, const struct entry *entry, struct error *e)
{
	autofd int dir = -1;

	if (!S_ISDIR(entry->mode) || entry->is_hardlink)
		return error_set(e, ERR_INPUT, "the root can only be a directory");
	dir = path_open(p->options.root, p->path.len ? buf_text(&p->path) : ".",
	    O_RDONLY | O_DIRECTORY, 0, PATH_IN_ROOT, e);
	if (dir < 0)
		return -1;
	let_wait(p, entry);
	return start_directory(p, dir, entry, false, e);
}

int
place_entry(struct place *p, const struct entry *entry, place_content_fn *content, void *arg,
    struct error *e)
{
	const char *name;

	set_path(&p->path, p->options.base, entry->path);
	if (!*entry->path)
		return place_root(p, entry, e);
	name = enter_parent(p, e);
	if (!name)
		return -1;
	if (entry->is_hardlink)
		return place_hardlink(p, name, entry, e);
	switch (entry->mode & S_IFMT) {
	case S_IFREG:
		return place_regular(p, name, entry, content, arg, e);
	case S_IFDIR:
		return place_directory(p, name, entry, e);
	case S_IFLNK:
		return place_symlink(p, name, entry, e);
	case S_IFCHR:
	case S_IFBLK:
		return place_device(p, name, entry, e);
	case S_IFIFO:
		return place_fifo(p, name, entry, e);
	default:
		return error_set(e, ERR_INPUT, "it is of a kind that no layer has");
	}
}

/* ---- the end ---- */

/* A directory that something else has replaced since is left alone. */
static int
finish_directory(struct place *p, const struct waiting *waiting, struct error *e)
{
	struct timespec times[2] = { waiting->mtime, waiting->mtime };
	autofd int folder = -1, dir = -1;
	size_t length;
	const char *name = split(waiting->path, &length);

	folder = find_folder(p, waiting->path, length);
	if (folder >= 0)
		dir = openat(folder, *name ? name : ".", OPEN_DIRECTORY);
	if (dir < 0)
		return is_absence(errno)
		           ? 0
		           : error_sys(e, "directory '%s' cannot be opened", waiting->path);
	if (owner_fchmod(dir, S_IFDIR | waiting->mode) < 0 || futimens(dir, times) < 0)
		return error_sys(e, "mode and time of directory '%s' cannot be set", waiting->path);
	return 0;
}

/* By path; entries of one path in the order in which they came. */
static int
compare_waiting(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;
	int order = entry_path_compare(x->path, y->path);

	return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* Unless something else has taken the name since. */
static int
finish_link(struct place *p, const struct pending *pending, struct error *e)
{
	struct entry entry = { .path = pending->path, .link = pending->link, .is_hardlink = true };
	struct stat st;
	const char *name;

	set_path(&p->path, p->options.base, pending->path);
	name = enter_parent(p, e);
	if (!name)
		return -1;
	if (fstatat(p->parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return place_hardlink(p, name, &entry, e);
}

static int
finish_links(struct place *p, struct error *e)
{
	p->at_end = true;
	for (size_t i = 0; i < p->n_pending; i++)
		if (finish_link(p, &p->pending[i], e) < 0)
			return error_ctx(e, "entry '%s'", p->pending[i].path);
	return 0;
}

int
place_finish(struct place *p, struct error *e)
{
	const char *last = NULL;

	if (finish_links(p, e) < 0)
		return -1;

	if (p->n_waiting > 1)
		qsort(p->waiting, p->n_waiting, sizeof(*p->waiting), compare_waiting);
	for (size_t i = p->n_waiting; i-- > 0;) {
		if (last && !strcmp(last, p->waiting[i].path))
			continue; /* a later entry of the same directory counts */
		last = p->waiting[i].path;
		if (finish_directory(p, &p->waiting[i], e) < 0)
			return -1;
	}
	return 0;
}
