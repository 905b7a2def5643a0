/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source - OCI layouts to read from: a directory or a tar (image-spec, image-layout.md).
 *
 * Below a directory nothing is opened through a link: a blob that is a link could be any file of the host (SECURITY A21).
 */
#include "builder/import/private.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYOUT_FILE "oci-layout"
#define INDEX_FILE "index.json"
#define BLOBS "blobs/sha256"
#define ARCHIVE_MAX ((uint64_t)1 << 40) /* bytes of an unpacked archive */

void
source_release(struct source *s)
{
	free(s->label);
	fd_close_at(&s->dir);
	fd_close_at(&s->blobs);
	tarball_release(&s->tar);
	fd_close_at(&s->archive);
	index_release(&s->index);
	*s = (struct source)SOURCE_INIT;
}

void
piece_release(struct piece *p)
{
	if (p->owned)
		fd_close_at(&p->fd);
	*p = (struct piece){ .fd = -1 };
}

/* ---- the head of a layout ---- */

static int
check_version(const struct buf *b, struct error *e)
{
	autojson struct json *j = json_parse(buf_text(b), b->len, e);
	const char *version = NULL;

	if (!j || json_read_text(j, "imageLayoutVersion", "", &version, e) < 0)
		return error_ctx(e, "'%s'", LAYOUT_FILE);
	if (!version || strcmp(version, "1.0.0") != 0)
		return error_set(e, ERR_INPUT, "'%s': the version is not 1.0.0", LAYOUT_FILE);
	return 0;
}

static int
read_top(const struct source *s, const char *name, struct buf *b, struct error *e)
{
	const struct tarball_member *m;

	if (s->dir >= 0)
		return path_read_file(s->dir, name, b, DOCUMENT_MAX, e);
	m = tarball_find(&s->tar, name, e);
	return m ? tarball_read(&s->tar, m, DOCUMENT_MAX, b, e) : -1;
}

int
source_read_index(struct source *s, struct error *e)
{
	auto(buf) struct buf version = { 0 };
	auto(buf) struct buf index = { 0 };

	if (read_top(s, LAYOUT_FILE, &version, e) < 0)
		return error_ctx(e, "'%s' is no OCI layout", s->label);
	if (check_version(&version, e) < 0 || read_top(s, INDEX_FILE, &index, e) < 0 ||
	    index_parse(buf_text(&index), index.len, NULL, &s->index, e) < 0)
		return error_ctx(e, "the OCI layout '%s'", s->label);
	return 0;
}

int
source_open_layout(struct source *s, const char *path, struct error *e)
{
	*s = (struct source)SOURCE_INIT;
	s->label = xstrdup(path);
	s->dir = path_open_user(path, O_RDONLY | O_DIRECTORY, 0, e);
	if (s->dir < 0) {
		error_ctx(e, "an OCI layout is a directory");
		goto fail;
	}
	if (source_read_index(s, e) < 0)
		goto fail;
	s->blobs = path_open(s->dir, BLOBS, O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);
	if (s->blobs < 0) {
		error_ctx(e, "the OCI layout '%s'", path);
		goto fail;
	}
	return 0;
fail:
	source_release(s);
	return -1;
}

/* ---- archives ---- */

/* What cannot be read by offset as it is goes to a file of the store without a name. */
static int
make_seekable(struct store *store, int *fd, struct error *e)
{
	struct stat st;
	autofd int plain = -1;

	if (fstat(*fd, &st) < 0)
		return error_sys(e, "cannot read the archive");
	if (S_ISDIR(st.st_mode))
		return error_set(e, ERR_INPUT, "it is a directory");
	if (!S_ISREG(st.st_mode)) {
		plain = store_tmp_file(store, e);
		if (plain < 0 || fd_copy(*fd, plain, UINT64_MAX, NULL, e) < 0)
			return error_ctx(e, "cannot read the archive");
		fd_close_at(fd);
		*fd = steal_fd(&plain);
	}
	if (!tarball_is_gzip(*fd))
		return 0;
	plain = store_tmp_file(store, e);
	if (plain < 0)
		return -1;
	if (lseek(*fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read the archive");
	if (tarball_inflate(*fd, plain, ARCHIVE_MAX, e) < 0)
		return -1;
	fd_close_at(fd);
	*fd = steal_fd(&plain);
	return 0;
}

int
source_open_archive(
    struct source *s, struct store *store, int fd, const char *label, struct error *e)
{
	*s = (struct source)SOURCE_INIT;
	s->label = xstrdup(label);
	s->archive = fd;
	if (make_seekable(store, &s->archive, e) == 0 && tarball_open(&s->tar, s->archive, e) == 0)
		return 0;
	error_ctx(e, "the archive '%s'", label);
	source_release(s);
	return -1;
}

bool
source_has_layout(const struct source *s)
{
	return tarball_has(&s->tar, LAYOUT_FILE) && tarball_has(&s->tar, INDEX_FILE);
}

/* ---- blobs ---- */

static char *
member_name(const struct digest *digest)
{
	char hex[DIGEST_HEX_LEN + 1];

	return xasprintf("%s/%s", BLOBS, digest_hex(digest, hex));
}

bool
source_has_blob(const struct source *s, const struct digest *digest)
{
	char hex[DIGEST_HEX_LEN + 1];
	autofree char *name = NULL;

	if (s->dir >= 0)
		return faccessat(s->blobs, digest_hex(digest, hex), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	name = member_name(digest);
	return tarball_has(&s->tar, name);
}

static int
open_file(const struct source *s, const struct digest *digest, struct piece *p, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	struct stat st;

	/* O_NONBLOCK: a FIFO in that place must not hold us up. */
	p->fd = openat(
	    s->blobs, digest_hex(digest, hex), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (p->fd < 0 && errno == ENOENT)
		return error_set(e, ERR_NOT_FOUND, "'%s' has no blob sha256:%s", s->label, hex);
	if (p->fd < 0 && errno == ELOOP)
		return error_set(
		    e, ERR_INPUT, "blob sha256:%s in '%s' is a symbolic link", hex, s->label);
	if (p->fd < 0)
		return error_sys(e, "cannot open blob sha256:%s in '%s'", hex, s->label);
	p->owned = true;
	if (fstat(p->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		piece_release(p);
		return error_set(
		    e, ERR_INPUT, "blob sha256:%s in '%s' is no regular file", hex, s->label);
	}
	p->size = (uint64_t)st.st_size;
	p->is_whole = true;
	return 0;
}

int
source_open_blob(
    const struct source *s, const struct digest *digest, struct piece *p, struct error *e)
{
	const struct tarball_member *m;
	autofree char *name = NULL;

	*p = (struct piece){ .fd = -1 };
	if (s->dir >= 0)
		return open_file(s, digest, p, e);
	name = member_name(digest);
	m = tarball_find(&s->tar, name, e);
	if (!m)
		return error_ctx(e, "'%s'", s->label);
	*p = (struct piece){ .fd = s->tar.fd, .offset = m->offset, .size = m->size };
	return 0;
}

static int
read_piece(const struct piece *p, struct buf *b, struct error *e)
{
	char *to = buf_reserve(b, (size_t)p->size);
	size_t done = 0;

	while (done < p->size) {
		ssize_t got =
		    pread(p->fd, to + done, (size_t)p->size - done, (off_t)(p->offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read a blob");
		if (got == 0)
			return error_set(e, ERR_INPUT, "a blob is cut short");
		done += (size_t)got;
	}
	buf_added(b, done);
	return 0;
}

int
source_read_blob(const struct source *s, const struct descriptor *d, struct buf *b, struct error *e)
{
	auto(piece) struct piece p = { .fd = -1 };
	char text[DIGEST_TEXT_LEN + 1];
	struct digest found;

	if (source_open_blob(s, &d->digest, &p, e) < 0)
		return -1;
	(void)digest_text(&d->digest, text);
	if (p.size != d->size)
		return error_set(e, ERR_INPUT, "blob %s in '%s' has %llu bytes, not %llu", text,
		    s->label, (unsigned long long)p.size, (unsigned long long)d->size);
	if (p.size > DOCUMENT_MAX)
		return error_set(e, ERR_INPUT, "document %s in '%s' has %llu bytes, more than %u",
		    text, s->label, (unsigned long long)p.size, DOCUMENT_MAX);
	buf_clear(b);
	if (read_piece(&p, b, e) < 0)
		return error_ctx(e, "'%s'", s->label);
	digest_of(b->data, b->len, &found);
	if (!digest_equal(&found, &d->digest))
		return error_set(e, ERR_INPUT,
		    "blob %s in '%s' is damaged: its bytes have another digest", text, s->label);
	return 0;
}
