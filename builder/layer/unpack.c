/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack - the entries of a tar, made clean and given to where they go.
 *
 * libarchive is the codec: tar alone is enabled, so other formats are refused before any of their
 * code runs. The program never leaves the C locale: libarchive then gives names as the bytes they
 * are and does not normalise them.
 */
#include "builder/layer/unpack.h"

#include "builder/layer/place.h"
#include "builder/layer/scan.h"
#include "runtime/base/fd.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define READ_SIZE ((size_t)512 << 10)
#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META ".wh..wh." /* of aufs: never content */
#define XATTRS_MAX 4096

struct unpack {
	const struct unpack_request *request;
	struct archive *archive;
	int tar;
	char *bytes;
	struct scan scan;
	struct listing_builder *builder;
	struct place *place;
	struct unpack_answer *answer;
	struct buf *notes;
	size_t n_notes;
	struct buf path;
	struct buf link;
	struct entry_xattr *xattrs;
	size_t xattr_room;
	struct map picked; /* the names that are wanted: pointers into @picks */
	size_t *picks;     /* the numbers of their lines */
};

static void
add_note(void *arg, const char *text)
{
	struct unpack *u = arg;

	if (u->n_notes++ >= UNPACK_NOTES_MAX || strlen(text) > 16384)
		return;
	buf_add_text(u->notes, text);
	buf_add_char(u->notes, '\n');
}

/* libarchive's read callback: what it gets, the scanner has seen. */
static la_ssize_t
give_bytes(struct archive *a, void *arg, const void **bytes)
{
	struct unpack *u = arg;
	struct error e = ERROR_INIT;
	ssize_t got;

	do
		got = read(u->tar, u->bytes, READ_SIZE);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		archive_set_error(a, errno, "cannot read the archive");
		return -1;
	}
	if (scan_bytes(&u->scan, u->bytes, (size_t)got, &e) < 0) {
		archive_set_error(a, EINVAL, "%s", e.text);
		return -1;
	}
	*bytes = u->bytes;
	return got;
}

/* The next bytes of the entry at hand (a place_content_fn). */
static int
give_content(void *arg, const void **bytes, size_t *length, uint64_t *offset, struct error *e)
{
	struct unpack *u = arg;
	la_int64_t at = 0;
	int result = archive_read_data_block(u->archive, bytes, length, &at);

	if (result == ARCHIVE_EOF)
		return 0;
	if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
		return error_set(e, ERR_INPUT, "%s", archive_error_string(u->archive));
	if (at < 0)
		return error_set(e, ERR_INPUT, "its content has a negative offset");
	*offset = (uint64_t)at;
	return 1;
}

/*
 * A name as components below the root: no "", ".", no "..", which stops at the root. Done on the
 * text, so that the same name means the same wherever it is unpacked.
 */
static void
clean_name(struct buf *b, const char *name)
{
	buf_clear(b);
	buf_add_text(b, "");
	while (*name) {
		size_t length = strcspn(name, "/");

		if (length == 2 && name[0] == '.' && name[1] == '.') {
			const char *slash = strrchr(buf_text(b), '/');

			buf_truncate(b, slash ? (size_t)(slash - buf_text(b)) : 0);
		} else if (length > 1 || (length == 1 && name[0] != '.')) {
			if (b->len)
				buf_add_char(b, '/');
			buf_add(b, name, length);
		}
		name += length;
		name += *name == '/';
	}
}

static int
check_id(la_int64_t id, const char *what, struct error *e)
{
	if (id >= 0 && id < UINT32_MAX)
		return 0;
	return error_set(e, ERR_INPUT, "its %s %lld is out of range", what, (long long)id);
}

static int
take_xattrs(struct unpack *u, struct archive_entry *from, struct entry *entry, struct error *e)
{
	const char *name;
	const void *value;
	size_t length;

	(void)archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &name, &value, &length) == ARCHIVE_OK) {
		if (entry->n_xattrs >= XATTRS_MAX)
			return error_set(e, ERR_INPUT, "it has too many attributes");
		if (!name)
			return error_set(
			    e, ERR_INPUT, "an attribute has a name that cannot be read");
		(void)xgrow(&u->xattrs, entry->n_xattrs, &u->xattr_room, sizeof(*u->xattrs));
		u->xattrs[entry->n_xattrs++] =
		    (struct entry_xattr){ .name = name, .value = value, .length = length };
	}
	entry->xattrs = u->xattrs;
	return 0;
}

/* libarchive reads the extended header's "-5.25" as 0.25 s after -5 instead of before. */
static struct timespec
time_of(struct archive_entry *from)
{
	struct timespec time = { .tv_sec = archive_entry_mtime(from),
		.tv_nsec = archive_entry_mtime_nsec(from) };

	if (time.tv_nsec < 0 || time.tv_nsec > 999999999)
		time.tv_nsec = 0;
	if (time.tv_sec < 0 && time.tv_nsec > 0) {
		time.tv_sec--;
		time.tv_nsec = 1000000000 - time.tv_nsec;
	}
	return time;
}

/* libarchive's entry as ours; the path and a hard link's target are clean. */
static int
take_entry(struct unpack *u, struct archive_entry *from, struct entry *entry, struct error *e)
{
	const char *hardlink = archive_entry_hardlink(from);
	la_int64_t uid = archive_entry_uid(from), gid = archive_entry_gid(from),
		   size = archive_entry_size(from);

	*entry = (struct entry){
		.path = buf_text(&u->path),
		.mode = archive_entry_mode(from),
		.mtime = time_of(from),
	};
	if (check_id(uid, "owner", e) < 0 || check_id(gid, "group", e) < 0)
		return -1;
	entry->uid = (uid_t)uid;
	entry->gid = (gid_t)gid;
	if (size < 0)
		return error_set(e, ERR_INPUT, "its size is negative");
	if (hardlink) {
		clean_name(&u->link, hardlink);
		entry->link = buf_text(&u->link);
		entry->is_hardlink = true;
		if (!S_ISREG(entry->mode) || !(entry->mode & S_IFMT))
			entry->mode = S_IFREG | (entry->mode & 07777);
		return 0;
	}
	if (S_ISREG(entry->mode))
		entry->size = (uint64_t)size;
	else if (S_ISLNK(entry->mode))
		entry->link = archive_entry_symlink(from);
	else if (S_ISCHR(entry->mode) || S_ISBLK(entry->mode))
		entry->rdev = makedev(archive_entry_rdevmajor(from), archive_entry_rdevminor(from));
	return take_xattrs(u, from, entry, e);
}

/* A component that begins as whiteouts do. */
static const char *
find_whiteout(const char *path)
{
	const char *found = path;

	while ((found = strstr(found, WHITEOUT))) {
		if (found == path || found[-1] == '/')
			return found;
		found++;
	}
	return NULL;
}

static int
take_whiteout(struct unpack *u, const char *mark, struct error *e)
{
	struct entry entry = { .mode = S_IFDIR | 0755, .whiteout = ENTRY_OPAQUE };
	autofree char *path = xstrndup(buf_text(&u->path), (size_t)(mark - buf_text(&u->path)));
	size_t length = strlen(path);

	if (text_starts_with(mark, WHITEOUT_META) && strcmp(mark, WHITEOUT_OPAQUE) != 0) {
		autofree char *safe = text_safe(buf_text(&u->path));
		autofree char *line = xasprintf("'%s': dropped, it belongs to aufs", safe);

		add_note(u, line);
		return 0;
	}
	if (strchr(mark, '/'))
		return error_set(e, ERR_INPUT, "a whiteout cannot be a directory");
	if (!strcmp(mark, WHITEOUT_OPAQUE)) {
		if (length)
			path[length - 1] = '\0';
		listing_builder_hide(u->builder, path);
		return u->place ? place_opaque(u->place, path, e) : 0;
	}
	entry.whiteout = ENTRY_REMOVES;
	buf_truncate(&u->link, 0);
	buf_add_text(&u->link, path);
	buf_add_text(&u->link, mark + strlen(WHITEOUT));
	entry.path = buf_text(&u->link);
	mark += strlen(WHITEOUT);
	if (!*mark || !strcmp(mark, ".") || !strcmp(mark, ".."))
		return error_set(e, ERR_INPUT, "this whiteout names nothing");
	if (u->place && place_removal(u->place, entry.path, e) < 0)
		return -1;
	listing_builder_add(u->builder, &entry);
	return 0;
}

static void
note_lost(struct unpack *u, struct archive_entry *from)
{
	autofree char *safe = NULL;
	autofree char *line = NULL;

	if (archive_entry_acl_types(from) == 0)
		return;
	safe = text_safe(buf_text(&u->path));
	line = xasprintf("'%s': dropped an access control list in text form", safe);
	add_note(u, line);
}

/* The lines that say which files are wanted: what @listing holds before anything is written to it. */
static int
read_picks(struct unpack *u, struct error *e)
{
	auto(buf) struct buf lines = { 0 };
	auto(strv) struct strv names = { 0 };

	if (fd_read_all(u->request->listing, &lines, UNPACK_NAMES_MAX, "the list of files", e) < 0)
		return -1;
	strv_split(&names, buf_text(&lines), '\n');
	u->picks = xcalloc(names.count + 1, sizeof(*u->picks));
	for (size_t n = 0; n < names.count; n++) {
		u->picks[n] = n;
		if (!map_has(&u->picked, names.items[n]))
			(void)map_set(&u->picked, names.items[n], &u->picks[n]);
	}
	return 0;
}

static int
write_zeros(int fd, uint64_t length, struct error *e)
{
	static const char zeros[4096];

	while (length > 0) {
		size_t part = length < sizeof(zeros) ? (size_t)length : sizeof(zeros);

		if (fd_write_all(fd, zeros, part, e) < 0)
			return -1;
		length -= part;
	}
	return 0;
}

/* The content of the entry at hand, holes as zeros. */
static int
pick_content(struct unpack *u, uint64_t size, struct error *e)
{
	uint64_t at = 0, offset;
	const void *bytes;
	size_t length;
	int more;

	while ((more = give_content(u, &bytes, &length, &offset, e)) > 0) {
		if (offset < at || offset >= size)
			continue;
		if (write_zeros(u->request->listing, offset - at, e) < 0)
			return -1;
		if (length > size - offset)
			length = (size_t)(size - offset);
		if (fd_write_all(u->request->listing, bytes, length, e) < 0)
			return -1;
		at = offset + length;
	}
	return more < 0 ? -1 : write_zeros(u->request->listing, size - at, e);
}

static int
pick(struct unpack *u, struct archive_entry *from, struct error *e)
{
	const size_t *index = map_get(&u->picked, buf_text(&u->path));
	struct unpack_picked head = { .index = index ? *index : 0 };
	la_int64_t size = archive_entry_size(from);

	if (!index || !S_ISREG(archive_entry_mode(from)) || archive_entry_hardlink(from) ||
	    size < 0)
		return 0;
	head.size = (uint64_t)size < UNPACK_PICK_MAX ? (uint64_t)size : UNPACK_PICK_MAX;
	if (fd_write_all(u->request->listing, &head, sizeof(head), e) < 0)
		return -1;
	return pick_content(u, head.size, e);
}

static int
handle_entry(struct unpack *u, struct archive_entry *from, struct error *e)
{
	const char *name = archive_entry_pathname(from);
	const char *mark;
	struct entry entry;

	if (!name || !*name)
		return error_set(e, ERR_INPUT, "an entry without a name");
	clean_name(&u->path, name);
	if (u->request->mode == UNPACK_PICK)
		return pick(u, from, e);
	mark = find_whiteout(buf_text(&u->path));
	if (mark && u->request->mode == UNPACK_ARCHIVE)
		return error_set(
		    e, ERR_INPUT, "a layer cannot hold a file whose name begins with '.wh.'");
	if (mark)
		return take_whiteout(u, mark, e);
	if (take_entry(u, from, &entry, e) < 0)
		return -1;
	if (!*entry.path && (!S_ISDIR(entry.mode) || entry.is_hardlink))
		return error_set(e, ERR_INPUT, "the root can only be a directory");
	note_lost(u, from);
	if (u->place && place_entry(u->place, &entry, give_content, u, e) < 0)
		return -1;
	if (u->builder)
		listing_builder_add(u->builder, &entry);
	return 0;
}

/* Names from the archive must do no harm to a terminal. */
static int
make_safe(struct error *e)
{
	autofree char *safe = text_safe(e->text);

	snprintf(e->text, sizeof(e->text), "%s", safe);
	return -1;
}

static int
fail_entry(struct archive_entry *from, struct error *e)
{
	const char *name = archive_entry_pathname(from);
	autofree char *safe = text_safe(name ? name : "");

	(void)make_safe(e);
	return error_ctx(e, "entry '%.300s'", safe);
}

static int
fail_archive(struct archive *a, struct error *e)
{
	const char *text = archive_error_string(a);

	if (text && strstr(text, "Unrecognized archive format"))
		return error_set(e, ERR_INPUT, "it is not a tar archive");
	error_set(e, ERR_INPUT, "damaged tar archive: %s", text ? text : "unknown reason");
	return make_safe(e);
}

static int
next_entry(struct unpack *u, struct archive_entry **from, struct error *e)
{
	int result = archive_read_next_header(u->archive, from);
	const char *text = archive_error_string(u->archive);

	if (result == ARCHIVE_EOF)
		return 0;
	if (result == ARCHIVE_WARN && text && !strstr(text, "can't be converted")) {
		autofree char *safe = text_safe(text);

		add_note(u, safe);
	}
	if (result == ARCHIVE_OK || result == ARCHIVE_WARN)
		return 1;
	return fail_archive(u->archive, e);
}

/*
 * An archive that begins with something else than a tar header is no archive to ADD, and no
 * failure.
 */
static int
detect(struct unpack *u)
{
	struct error ignored = ERROR_INIT;
	struct archive_entry *from;

	u->answer->is_archive = next_entry(u, &from, &ignored) > 0;
	return 0;
}

static int
run(struct unpack *u, struct error *e)
{
	struct archive_entry *from;
	int more;

	while ((more = next_entry(u, &from, e)) > 0) {
		if (++u->answer->n_entries > u->request->max_entries) {
			error_set(e, ERR_POLICY, "the archive has more than %llu entries",
			    (unsigned long long)u->request->max_entries);
			return error_hint(e, "raise the limit if the archive is to be trusted");
		}
		if (handle_entry(u, from, e) < 0)
			return fail_entry(from, e);
	}
	if (more < 0)
		return -1;
	if (u->place && place_finish(u->place, e) < 0)
		return make_safe(e);
	return 0;
}

/* libarchive stops at the end of the archive; the rest is part of the diff ID. */
static int
read_rest(struct unpack *u, struct error *e)
{
	ssize_t got;

	while ((got = read(u->tar, u->bytes, READ_SIZE)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read the archive");
		if (scan_bytes(&u->scan, u->bytes, (size_t)got, e) < 0)
			return -1;
	}
	/* the image of a disk begins with zeros as well */
	if (u->answer->n_entries == 0 && u->scan.data_after_end)
		return error_set(e, ERR_INPUT, "it is no tar archive");
	if (u->scan.entries_after_end)
		add_note(u, "there is more behind the end of the archive; it is ignored");
	return 0;
}

static int
write_listing(struct unpack *u, struct error *e)
{
	struct listing *listing;
	const void *bytes;
	size_t length;
	int result;

	if (u->request->listing < 0 || !u->builder)
		return 0;
	listing = listing_builder_finish(steal_ptr(&u->builder), e);
	if (!listing)
		return -1;
	bytes = listing_bytes(listing, &length);
	result = fd_write_all(u->request->listing, bytes, length, e);
	listing_free(listing);
	return result;
}

static int
open_tar(struct unpack *u, struct error *e)
{
	u->archive = archive_read_new();
	if (!u->archive || archive_read_support_format_tar(u->archive) != ARCHIVE_OK ||
	    archive_read_support_format_empty(u->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_none(u->archive) != ARCHIVE_OK)
		return error_set(e, ERR_HOST, "libarchive cannot read tar archives");
	if (archive_read_open(u->archive, u, NULL, give_bytes, NULL) != ARCHIVE_OK)
		return fail_archive(u->archive, e);
	return 0;
}

static void
open_place(struct unpack *u, const struct inodes *shared)
{
	const struct unpack_request *r = u->request;
	struct place_options options = {
		.root = r->root,
		.shared = shared,
		.base = r->dest,
		.whiteouts = r->mode == UNPACK_LAYER,
		.recorded = r->recorded,
		.chown = r->chown,
		.uid = r->uid,
		.gid = r->gid,
		.added = u->builder,
		.note = add_note,
		.note_arg = u,
	};

	if (r->mode == UNPACK_LAYER || r->mode == UNPACK_ARCHIVE)
		u->place = place_new(&options);
}

static void
add_notes_left_out(struct unpack *u)
{
	if (u->n_notes > UNPACK_NOTES_MAX)
		buf_printf(u->notes, "and %zu more\n", u->n_notes - UNPACK_NOTES_MAX);
}

static int
copy_tar(int tar, int out, struct error *e)
{
	autofree char *bytes = xmalloc(READ_SIZE);

	for (;;) {
		ssize_t got = read(tar, bytes, READ_SIZE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read the uncompressed bytes");
		if (got == 0)
			return 0;
		if (fd_write_all(out, bytes, (size_t)got, e) < 0)
			return -1;
	}
}

int
unpack_tar(const struct unpack_request *request, const struct inodes *shared, int tar,
    struct unpack_answer *answer, struct buf *notes, struct error *e)
{
	struct unpack u = { .request = request, .tar = tar, .answer = answer, .notes = notes };
	int result;

	if (request->mode == UNPACK_DECODE)
		return copy_tar(tar, request->listing, e);
	u.bytes = xmalloc(READ_SIZE);
	if (request->mode == UNPACK_LAYER || request->mode == UNPACK_LIST)
		u.builder = listing_builder_new();
	open_place(&u, shared);
	result = request->mode == UNPACK_PICK ? read_picks(&u, e) : 0;
	if (result == 0)
		result = open_tar(&u, e);
	if (request->mode == UNPACK_DETECT)
		result = result == 0 ? detect(&u) : 0;
	else if (result == 0)
		result = run(&u, e);
	if (result == 0 && request->mode != UNPACK_DETECT)
		result = read_rest(&u, e);
	if (result == 0)
		result = write_listing(&u, e);
	add_notes_left_out(&u);
	place_free(u.place);
	listing_builder_free(u.builder);
	(void)archive_read_free(u.archive); /* only read */
	map_release(&u.picked);
	free(u.picks);
	buf_release(&u.path);
	buf_release(&u.link);
	free(u.xattrs);
	free(u.bytes);
	return result;
}
