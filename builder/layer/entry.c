/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry - one file of a root filesystem as a layer records it.
 */
#include "builder/layer/entry.h"

#include "builder/layer/metadata.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OWN_PREFIX "user.croze."
#define CAPABILITY "security.capability"

/* The kernel's own limits (limits.h: XATTR_LIST_MAX, XATTR_SIZE_MAX). */
#define NAMES_MAX 65536
#define VALUE_MAX 65536

int
entry_path_compare(const char *a, const char *b)
{
	size_t i = 0;
	int x, y;

	while (a[i] && a[i] == b[i])
		i++;
	x = a[i] == '/' ? 1 : a[i] ? (unsigned char)a[i] + 1 : 0;
	y = b[i] == '/' ? 1 : b[i] ? (unsigned char)b[i] + 1 : 0;
	return x - y;
}

static bool
is_image_attribute(const char *name)
{
	return text_starts_with(name, "user.") && !text_starts_with(name, OVERLAY_PREFIX) &&
	       !text_starts_with(name, OWN_PREFIX);
}

bool
entry_loses_xattr(const char *name)
{
	return is_image_attribute(name) && strchr(name, '=');
}

bool
entry_keeps_xattr(const char *name)
{
	static const char *const kept[] = { "security.capability", "system.posix_acl_access",
		"system.posix_acl_default" };

	if (text_starts_with(name, "user."))
		return is_image_attribute(name) && !strchr(name, '=');
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (!strcmp(name, kept[i]))
			return true;
	return false;
}

const char *
entry_made_xattr(const char *name)
{
	return owner_is_ordinary() && !strcmp(name, CAPABILITY) ? OWNER_CAPABILITY : name;
}

static char *
copy_bytes(char **to, const void *from, size_t length)
{
	char *at = *to;

	memcpy(at, from, length);
	*to += length;
	return at;
}

struct entry *
entry_copy(const struct entry *from)
{
	size_t size = strlen(from->path) + 1 + (from->link ? strlen(from->link) + 1 : 0);
	struct entry_xattr *xattrs;
	struct entry *entry;
	char *at;

	for (size_t i = 0; i < from->n_xattrs; i++)
		size += sizeof(*xattrs) + strlen(from->xattrs[i].name) + 1 + from->xattrs[i].length;
	entry = xmalloc(sizeof(*entry) + size);
	xattrs = (struct entry_xattr *)(entry + 1);
	at = (char *)(xattrs + from->n_xattrs);
	*entry = *from;
	entry->path = copy_bytes(&at, from->path, strlen(from->path) + 1);
	if (from->link)
		entry->link = copy_bytes(&at, from->link, strlen(from->link) + 1);
	for (size_t i = 0; i < from->n_xattrs; i++) {
		const struct entry_xattr *x = &from->xattrs[i];

		xattrs[i].name = copy_bytes(&at, x->name, strlen(x->name) + 1);
		xattrs[i].value = copy_bytes(&at, x->value, x->length);
		xattrs[i].length = x->length;
	}
	entry->xattrs = xattrs;
	return entry;
}

void
entry_reader_release(struct entry_reader *reader)
{
	buf_release(&reader->names);
	buf_release(&reader->values);
	buf_release(&reader->link);
	free(reader->xattrs);
	*reader = (struct entry_reader){ 0 };
}

/* Is ENTRY_FOREIGN_ID inside one of the ranges of a map file (user_namespaces(7))? */
static int
map_has_foreign_id(const char *path, bool *has, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	autofd int fd = path_open_user(path, O_RDONLY, 0, e);
	unsigned long inside, outside, count;
	const char *line;

	if (fd < 0)
		return -1;
	if (fd_read_all(fd, &text, 65536, path, e) < 0)
		return -1;
	*has = false;
	for (line = buf_text(&text); line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%lu %lu %lu", &inside, &outside, &count) != 3)
			break;
		if (inside <= ENTRY_FOREIGN_ID && ENTRY_FOREIGN_ID - inside < count)
			*has = true;
	}
	return 0;
}

static int
check_ids(struct entry_reader *reader, struct error *e)
{
	bool uids = false, gids = false;

	if (reader->checked_ids)
		return 0;
	if (map_has_foreign_id("/proc/self/uid_map", &uids, e) < 0 ||
	    map_has_foreign_id("/proc/self/gid_map", &gids, e) < 0)
		return error_ctx(e, "cannot tell which owners are mapped");
	reader->is_recorded = owner_is_recorded();
	reader->foreign_is_error = !reader->is_recorded && (!uids || !gids);
	reader->checked_ids = true;
	return 0;
}

bool
entry_reader_is_recorded(struct entry_reader *reader, struct error *e)
{
	return check_ids(reader, e) == 0 && reader->is_recorded;
}

/* Appends the value of attribute @name to the values; returns its length or -1 (with @e). */
static ssize_t
read_value(struct entry_reader *reader, int fd, const char *name, const char *path, struct error *e)
{
	ssize_t length = fgetxattr(fd, name, buf_reserve(&reader->values, 256), 256);

	if (length < 0 && errno == ERANGE)
		length = fgetxattr(fd, name, buf_reserve(&reader->values, VALUE_MAX), VALUE_MAX);
	if (length < 0)
		return error_sys(e, "cannot read attribute '%s' of '%s'", name, path);
	buf_added(&reader->values, (size_t)length);
	return length;
}

/*
 * A file capability whose root is the root of our user namespace is, for the image, one without a
 * root id (capabilities(7), "File capability extended attribute versioning"). Returns the new
 * length.
 */
static size_t
normalise_capability(char *value, size_t length)
{
	struct vfs_ns_cap_data data;
	uint32_t magic;

	if (length != XATTR_CAPS_SZ_3)
		return length;
	memcpy(&data, value, sizeof(data));
	magic = le32toh(data.magic_etc);
	if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3 || data.rootid != 0)
		return length;
	magic = htole32((magic & VFS_CAP_FLAGS_MASK) | VFS_CAP_REVISION_2);
	memcpy(value, &magic, sizeof(magic));
	return XATTR_CAPS_SZ_2;
}

/* Attributes that the overlay keeps for itself in a layer (kernel: filesystems/overlayfs.rst). */
static void
note_overlay_mark(struct entry_reader *reader, const char *name, const char *value, size_t length)
{
	if (!strcmp(name, OVERLAY_PREFIX "opaque")) {
		reader->is_opaque = length == 1 && *value == 'y';
		reader->has_whiteouts = length == 1 && *value == 'x';
	} else if (!strcmp(name, OVERLAY_PREFIX "whiteout")) {
		reader->is_whiteout = true;
	}
}

static int
parse_device(const char *value, size_t length, struct entry *entry)
{
	char text[40], type;
	unsigned major_number, minor_number;
	int end = 0;

	if (length >= sizeof(text))
		return -1;
	memcpy(text, value, length);
	text[length] = '\0';
	if (sscanf(text, "%c:%u:%u%n", &type, &major_number, &minor_number, &end) != 3)
		return -1;
	if ((size_t)end != length || (type != 'c' && type != 'b'))
		return -1;
	entry->mode = (entry->mode & 07777) | (type == 'c' ? S_IFCHR : S_IFBLK);
	entry->rdev = makedev(major_number, minor_number);
	return 0;
}

static int
parse_owner(const char *value, size_t length, struct entry *entry)
{
	char text[40];
	unsigned uid, gid;
	int end = 0;

	if (length >= sizeof(text))
		return -1;
	memcpy(text, value, length);
	text[length] = '\0';
	if (sscanf(text, "%u:%u%n", &uid, &gid, &end) != 2 || (size_t)end != length)
		return -1;
	if (entry->uid == ENTRY_FOREIGN_ID)
		entry->uid = uid;
	if (entry->gid == ENTRY_FOREIGN_ID)
		entry->gid = gid;
	return 0;
}

/* The mode of a file that keeps the rights of its owner for our sake. */
static void
apply_mode(const char *value, size_t length, struct entry *entry)
{
	mode_t mode;

	if (owner_mode_parse(value, length, &mode))
		entry->mode = (entry->mode & ~(mode_t)07777) | mode;
}

/*
 * What our own attributes say. A step can write them too, but gains nothing: they only name what
 * its layer holds.
 */
static void
apply_own_mark(const struct entry_reader *reader, const char *name, const char *value,
    size_t length, struct entry *entry)
{
	struct owner owner;

	if (reader->is_recorded && !strcmp(name, OWNER_XATTR) &&
	    owner_parse(value, length, &owner)) {
		entry->uid = owner.uid;
		entry->gid = owner.gid;
	}
	if (reader->is_recorded && !strcmp(name, OWNER_MODE))
		apply_mode(value, length, entry);
	if (!strcmp(name, ENTRY_XATTR_OWNER))
		(void)parse_owner(value, length, entry); /* not our form: not our mark */
	else if (!strcmp(name, ENTRY_XATTR_DEVICE) && S_ISREG(entry->mode) && !entry->size)
		(void)parse_device(value, length, entry);
}

static int
compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct entry_xattr *)a)->name, ((const struct entry_xattr *)b)->name);
}

/*
 * The name under which a layer keeps attribute @name (changed in place), or NULL when it does not.
 */
static const char *
kept_name(const struct entry_reader *reader, char *name)
{
	size_t shift = strlen(OVERLAY_ESCAPED) - strlen(OVERLAY_PREFIX);

	if (reader->is_recorded && !strcmp(name, OWNER_CAPABILITY))
		return CAPABILITY;
	if (!text_starts_with(name, OVERLAY_PREFIX))
		return entry_keeps_xattr(name) ? name : NULL;
	if (!reader->in_overlay)
		return name;
	if (!text_starts_with(name, OVERLAY_ESCAPED))
		return NULL;
	memcpy(name + shift, "user.", 5);
	return name + shift;
}

/* Reads one attribute; kept ones are counted in entry->n_xattrs, their values still as offsets. */
static int
read_xattr(struct entry_reader *reader, int fd, char *name, struct entry *entry, struct error *e)
{
	bool overlay = reader->in_overlay && text_starts_with(name, OVERLAY_PREFIX);
	size_t start = reader->values.len;
	ssize_t length;
	const char *kept;
	char *value;

	if (entry_loses_xattr(name))
		snprintf(reader->lost_xattr, sizeof(reader->lost_xattr), "%s", name);
	if (!overlay && !text_starts_with(name, OWN_PREFIX) && !kept_name(reader, name))
		return 0;
	length = read_value(reader, fd, name, entry->path, e);
	if (length < 0)
		return -1;
	value = reader->values.data + start;
	kept = kept_name(reader, name);
	if (!kept) {
		if (overlay)
			note_overlay_mark(reader, name, value, (size_t)length);
		else
			apply_own_mark(reader, name, value, (size_t)length, entry);
		buf_truncate(&reader->values, start);
		return 0;
	}
	if (!strcmp(kept, "security.capability"))
		length = (ssize_t)normalise_capability(value, (size_t)length);
	buf_truncate(&reader->values, start + (size_t)length);
	(void)xgrow(&reader->xattrs, entry->n_xattrs, &reader->xattr_room, sizeof(*reader->xattrs));
	reader->xattrs[entry->n_xattrs++] =
	    (struct entry_xattr){ .name = kept, .value = (char *)start, .length = (size_t)length };
	return 0;
}

static int
read_xattrs(struct entry_reader *reader, int fd, struct entry *entry, struct error *e)
{
	ssize_t length;
	char *name, *next, *end;

	reader->lost_xattr[0] = '\0';
	buf_clear(&reader->names);
	buf_clear(&reader->values);
	length = flistxattr(fd, buf_reserve(&reader->names, 1024), 1024);
	if (length < 0 && errno == ERANGE)
		length = flistxattr(fd, buf_reserve(&reader->names, NAMES_MAX), NAMES_MAX);
	if (length < 0 && errno == ENOTSUP)
		return 0;
	if (length < 0)
		return error_sys(e, "cannot list the attributes of '%s'", entry->path);
	if (length == 0)
		return 0;
	buf_added(&reader->names, (size_t)length);
	end = reader->names.data + length;
	for (name = reader->names.data; name < end; name = next) {
		next = name + strlen(name) + 1;
		if (read_xattr(reader, fd, name, entry, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < entry->n_xattrs; i++)
		reader->xattrs[i].value = reader->values.data + (size_t)reader->xattrs[i].value;
	if (entry->n_xattrs > 1)
		qsort(reader->xattrs, entry->n_xattrs, sizeof(*reader->xattrs), compare_xattrs);
	entry->xattrs = reader->xattrs;
	return 0;
}

static int
read_link(
    struct entry_reader *reader, int dir, const char *name, struct entry *entry, struct error *e)
{
	size_t room = entry->size + 1;
	ssize_t length;

	for (;; room = 2 * room + 64) {
		buf_clear(&reader->link);
		length = readlinkat(dir, name, buf_reserve(&reader->link, room), room);
		if (length < 0)
			return error_sys(e, "cannot read the link '%s'", entry->path);
		if ((size_t)length < room)
			break;
	}
	buf_added(&reader->link, (size_t)length);
	entry->link = buf_text(&reader->link);
	entry->size = 0;
	return 0;
}

/* Fills @entry from @st and says whether a descriptor is wanted. */
static bool
take_stat(const struct stat *st, const char *path, bool recorded, struct entry *entry)
{
	*entry = (struct entry){
		.path = path,
		.mode = st->st_mode,
		/* where owners are records, who has none is root: it is the caller's own, whatever he is called */
		.uid = recorded && st->st_uid == geteuid() ? 0 : st->st_uid,
		.gid = recorded && st->st_gid == getegid() ? 0 : st->st_gid,
		.mtime = st->st_mtim,
	};
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		entry->size = (uint64_t)st->st_size;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		entry->rdev = st->st_rdev;
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

static int
check_owner(struct entry_reader *reader, const struct entry *entry, struct error *e)
{
	if (entry->uid != ENTRY_FOREIGN_ID && entry->gid != ENTRY_FOREIGN_ID)
		return 0;
	if (!reader->foreign_is_error)
		return 0;
	return error_set(
	    e, ERR_INPUT, "the owner of '%s' is outside the id map of this build", entry->path);
}

/* The owner of a link, FIFO or socket where owners are records. */
static void
take_time(const struct entry_reader *reader, const struct stat *st, struct entry *entry)
{
	struct owner owner;

	if (!reader->is_recorded || !owner_of_time(&st->st_atim, &owner))
		return;
	entry->uid = owner.uid;
	entry->gid = owner.gid;
}

int
entry_read_at(struct entry_reader *reader, int dir, const char *name, const char *path,
    struct entry *entry, int *fd, struct error *e)
{
	autofd int opened = -1;
	struct stat st;
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	*fd = -1;
	reader->is_opaque = reader->has_whiteouts = reader->is_whiteout = false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot read '%s'", path);
	reader->stat = st;
	if (check_ids(reader, e) < 0)
		return -1;
	if (!take_stat(&st, path, reader->is_recorded, entry)) {
		if (S_ISLNK(st.st_mode) && read_link(reader, dir, name, entry, e) < 0)
			return -1;
		if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
			return 0; /* a whiteout: whose it is does not matter */
		take_time(reader, &st, entry);
		return check_owner(reader, entry, e);
	}
	if (S_ISDIR(st.st_mode))
		flags |= O_DIRECTORY;
	opened = openat(dir, name, flags);
	if (opened < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (read_xattrs(reader, opened, entry, e) < 0)
		return -1;
	if (check_owner(reader, entry, e) < 0)
		return -1;
	if (S_ISREG(entry->mode) || S_ISDIR(entry->mode))
		*fd = steal_fd(&opened);
	return 0;
}
