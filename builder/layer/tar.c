/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar - the headers of a layer's tar archive, always the same bytes for the same entry.
 */
#include "builder/layer/tar.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define NAME_FIELD 100
#define PREFIX_FIELD 155
#define ID_FIELD_MAX 07777777U         /* seven octal digits */
#define SIZE_FIELD_MAX 077777777777ULL /* eleven */

/* POSIX.1-2017, pax, "ustar Interchange Format" */
struct ustar {
	char name[NAME_FIELD];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char chksum[8];
	char typeflag;
	char linkname[NAME_FIELD];
	char magic[8]; /* "ustar", NUL and the version "00" */
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[PREFIX_FIELD];
	char pad[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is one block");

/* What of an entry goes into the extended header. */
struct needs {
	bool path;
	bool link;
	bool binary;
	bool size;
	bool uid;
	bool gid;
	bool mtime;
};

/* @width octal digits, without a NUL of its own: the header is zeroed. */
static void
put_octal(char *field, size_t width, uint64_t value)
{
	while (width-- > 0) {
		field[width] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

static void
put_checksum(struct ustar *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->chksum, ' ', sizeof(h->chksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += bytes[i];
	put_octal(h->chksum, 6, sum);
	h->chksum[6] = '\0';
}

static bool
is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/* Length of the UTF-8 sequence at @s (RFC 3629), 0 when it is none. */
static size_t
utf8_sequence(const unsigned char *s, size_t length)
{
	size_t n = s[0] < 0x80   ? 1
	           : s[0] < 0xc2 ? 0
	           : s[0] < 0xe0 ? 2
	           : s[0] < 0xf0 ? 3
	           : s[0] < 0xf5 ? 4
	                         : 0;

	if (n == 0 || n > length)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
		return 0;
	if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool
is_utf8(const char *text, size_t length)
{
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		n = utf8_sequence((const unsigned char *)text + i, length - i);
		if (n == 0)
			return false;
	}
	return true;
}

/*
 * Where the slash is that divides @path into prefix and name: 0 when it fits into the name alone,
 * SIZE_MAX when it does not fit at all.
 */
static size_t
split_path(const char *path, size_t length)
{
	if (length <= NAME_FIELD)
		return 0;
	for (size_t i = length > NAME_FIELD + 1 ? length - NAME_FIELD - 1 : 1; i < length - 1;
	     i++) {
		if (i > PREFIX_FIELD)
			break;
		if (path[i] == '/')
			return i;
	}
	return SIZE_MAX;
}

/* What readers that know no extended headers may show: ASCII, cut. */
static void
put_ascii(char *field, size_t room, const char *text, size_t length)
{
	for (size_t i = 0; i < length && i < room; i++)
		field[i] = (unsigned char)text[i] < 0x80 ? text[i] : '_';
}

static void
put_path(struct ustar *h, const char *path, size_t length, bool extended)
{
	size_t split = extended ? SIZE_MAX : split_path(path, length);

	if (split == SIZE_MAX) {
		put_ascii(h->name, NAME_FIELD, path, length);
	} else if (split == 0) {
		memcpy(h->name, path, length);
	} else {
		memcpy(h->prefix, path, split);
		memcpy(h->name, path + split + 1, length - split - 1);
	}
}

/* One record of an extended header: its length counts itself. */
static void
add_record(struct buf *b, const char *key, const void *value, size_t length)
{
	size_t body = 1 + strlen(key) + 1 + length + 1;
	size_t digits = 1, limit = 10;

	while (body + digits >= limit) {
		limit *= 10;
		digits++;
	}
	buf_printf(b, "%zu %s=", body + digits, key);
	buf_add(b, value, length);
	buf_add_char(b, '\n');
}

static void
add_number(struct buf *b, const char *key, uint64_t value)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

	add_record(b, key, text, (size_t)length);
}

/* Decimal seconds; the fraction without zeros at its end. */
static void
add_time(struct buf *b, const char *key, const struct timespec *time)
{
	long long seconds = time->tv_sec;
	long fraction = time->tv_nsec;
	const char *sign = "";
	char text[48];
	int length;

	if (seconds < 0) {
		sign = "-";
		seconds = -seconds;
		if (fraction > 0) {
			seconds--;
			fraction = 1000000000 - fraction;
		}
	}
	length = snprintf(text, sizeof(text), "%s%lld.%09ld", sign, seconds, fraction);
	while (text[length - 1] == '0')
		length--;
	if (text[length - 1] == '.')
		length--;
	add_record(b, key, text, (size_t)length);
}

static int
add_xattrs(struct buf *b, const struct entry *entry, struct error *e)
{
	char key[sizeof("SCHILY.xattr.") + 255];

	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct entry_xattr *x = &entry->xattrs[i];

		if (strchr(x->name, '=') || strlen(x->name) > 255)
			return error_set(e, ERR_INPUT,
			    "attribute '%s' of '%s' has a name that a layer cannot hold", x->name,
			    entry->path);
		snprintf(key, sizeof(key), "SCHILY.xattr.%s", x->name);
		add_record(b, key, x->value, x->length);
	}
	return 0;
}

static void
put_common(struct ustar *h, char typeflag)
{
	h->typeflag = typeflag;
	memcpy(h->magic,
	    "ustar\0"
	    "00",
	    8);
	put_octal(h->devmajor, 7, 0);
	put_octal(h->devminor, 7, 0);
}

/* The header of an extended header, then @records filled to a block. */
static void
add_extended(struct buf *b, const char *path, const struct buf *records)
{
	struct ustar h = { 0 };
	const char *slash = strrchr(path, '/');
	const char *base = slash && slash[1] ? slash + 1 : path;
	size_t padding = tar_padding(records->len);

	memcpy(h.name, "PaxHeaders/", 11);
	put_ascii(h.name + 11, NAME_FIELD - 12, base, strlen(base));
	put_common(&h, 'x');
	put_octal(h.mode, 7, 0644);
	put_octal(h.uid, 7, 0);
	put_octal(h.gid, 7, 0);
	put_octal(h.size, 11, records->len);
	put_octal(h.mtime, 11, 0);
	put_checksum(&h);
	buf_add(b, &h, sizeof(h));
	buf_add(b, records->data, records->len);
	memset(buf_reserve(b, padding + 1), 0, padding);
	buf_added(b, padding);
}

static char
type_of(const struct entry *entry)
{
	if (entry->is_hardlink)
		return '1';
	switch (entry->mode & S_IFMT) {
	case S_IFREG:
		return '0';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '\0';
	}
}

static struct needs
needs_of(const struct entry *entry, const char *path, size_t path_length, uint64_t size)
{
	struct needs needs = { 0 };
	size_t link_length = entry->link ? strlen(entry->link) : 0;
	bool ascii = is_ascii(path, path_length);
	bool ascii_link = is_ascii(entry->link, link_length);

	needs.path = !ascii || split_path(path, path_length) == SIZE_MAX;
	needs.link = !ascii_link || link_length > NAME_FIELD;
	needs.binary = (!ascii && !is_utf8(path, path_length)) ||
	               (!ascii_link && !is_utf8(entry->link, link_length));
	needs.size = size > SIZE_FIELD_MAX;
	needs.uid = entry->uid > ID_FIELD_MAX;
	needs.gid = entry->gid > ID_FIELD_MAX;
	needs.mtime = entry->mtime.tv_sec < 0 || entry->mtime.tv_nsec != 0 ||
	              (uint64_t)entry->mtime.tv_sec > SIZE_FIELD_MAX;
	return needs;
}

static int
add_records(struct buf *b, const struct entry *entry, const char *path, size_t path_length,
    const struct needs *needs, uint64_t size, struct error *e)
{
	auto(buf) struct buf records = { 0 };

	if (needs->binary)
		add_record(&records, "hdrcharset", "BINARY", 6);
	if (needs->path)
		add_record(&records, "path", path, path_length);
	if (needs->link)
		add_record(&records, "linkpath", entry->link, strlen(entry->link));
	if (needs->size)
		add_number(&records, "size", size);
	if (needs->uid)
		add_number(&records, "uid", entry->uid);
	if (needs->gid)
		add_number(&records, "gid", entry->gid);
	if (needs->mtime)
		add_time(&records, "mtime", &entry->mtime);
	if (!entry->is_hardlink && add_xattrs(&records, entry, e) < 0)
		return -1;
	if (records.len)
		add_extended(b, path, &records);
	return 0;
}

static int
add_one(
    struct buf *b, const struct entry *entry, const char *path, size_t path_length, struct error *e)
{
	char type = type_of(entry);
	uint64_t size = type == '0' ? entry->size : 0;
	struct needs needs = needs_of(entry, path, path_length, size);
	bool is_device = type == '3' || type == '4';
	struct ustar *h;

	if (!type)
		return error_set(
		    e, ERR_INPUT, "'%s' is a socket, which a layer cannot hold", entry->path);
	if (is_device && (major(entry->rdev) > ID_FIELD_MAX || minor(entry->rdev) > ID_FIELD_MAX))
		return error_set(
		    e, ERR_INPUT, "the device number of '%s' is too large", entry->path);
	if (add_records(b, entry, path, path_length, &needs, size, e) < 0)
		return -1;
	h = (struct ustar *)buf_reserve(b, TAR_BLOCK);
	memset(h, 0, TAR_BLOCK);
	put_common(h, type);
	put_path(h, path, path_length, needs.path);
	if (entry->link)
		put_ascii(h->linkname, NAME_FIELD, entry->link, strlen(entry->link));
	put_octal(h->mode, 7, entry->mode & 07777);
	put_octal(h->uid, 7, needs.uid ? 0 : entry->uid);
	put_octal(h->gid, 7, needs.gid ? 0 : entry->gid);
	put_octal(h->size, 11, needs.size ? 0 : size);
	put_octal(h->mtime, 11,
	    entry->mtime.tv_sec < 0 || (uint64_t)entry->mtime.tv_sec > SIZE_FIELD_MAX
		? 0
		: (uint64_t)entry->mtime.tv_sec);
	if (is_device) {
		put_octal(h->devmajor, 7, major(entry->rdev));
		put_octal(h->devminor, 7, minor(entry->rdev));
	}
	put_checksum(h);
	buf_added(b, TAR_BLOCK);
	return 0;
}

/* "dir/.wh.name", or "dir/.wh..wh..opq" when @name is NULL */
static int
add_whiteout(struct buf *b, const struct entry *entry, const char *dir, size_t dir_length,
    const char *name, struct error *e)
{
	struct entry mark = { .path = entry->path, .mode = S_IFREG, .mtime = entry->mtime };
	autofree char *path = xasprintf(
	    "%.*s%s.wh.%s", (int)dir_length, dir, dir_length ? "/" : "", name ? name : ".wh..opq");

	return add_one(b, &mark, path, strlen(path), e);
}

/*
 * An honest file whose name readers of layers would take for a whiteout (image-spec, layer.md,
 * "Whiteouts").
 */
static int
refuse_whiteout_name(const char *path, struct error *e)
{
	const char *found = path;

	while ((found = strstr(found, ".wh."))) {
		if (found == path || found[-1] == '/') {
			error_set(e, ERR_INPUT,
			    "'%s': a layer cannot hold a file whose name begins with '.wh.'", path);
			return error_hint(e, "rename or remove it in the same step");
		}
		found++;
	}
	return 0;
}

int
tar_add_header(struct buf *b, const struct entry *entry, struct error *e)
{
	size_t length = strlen(entry->path);
	const char *slash;
	char small[256];
	autofree char *large = NULL;
	char *path = small;

	if (refuse_whiteout_name(entry->path, e) < 0)
		return -1;
	if (entry->whiteout == ENTRY_REMOVES) {
		slash = strrchr(entry->path, '/');
		return add_whiteout(b, entry, entry->path,
		    slash ? (size_t)(slash - entry->path) : 0, slash ? slash + 1 : entry->path, e);
	}
	if (!S_ISDIR(entry->mode))
		return add_one(b, entry, entry->path, length, e);
	if (length + 3 > sizeof(small))
		path = large = xmalloc(length + 3);
	memcpy(path, length ? entry->path : ".", length ? length : 1);
	length = length ? length : 1;
	path[length++] = '/';
	path[length] = '\0';
	if (add_one(b, entry, path, length, e) < 0)
		return -1;
	if (entry->whiteout == ENTRY_OPAQUE)
		return add_whiteout(b, entry, entry->path, strlen(entry->path), NULL, e);
	return 0;
}
