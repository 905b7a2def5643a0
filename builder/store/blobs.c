/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blobs - bytes under the name of their digest.
 */
#include "builder/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
store_blob_open(struct store *store, const struct digest *digest, uint64_t *size, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	autofd int fd = -1;
	struct stat st;

	/* O_NONBLOCK: a FIFO in that place must not hold us up. */
	fd = openat(store->dirs[DIR_BLOBS], digest_hex(digest, hex),
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(e, ERR_NOT_FOUND, "the store has no blob sha256:%s", hex);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "cannot open blob sha256:%s", hex);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "blob sha256:%s is no regular file", hex);
	if (size)
		*size = (uint64_t)st.st_size;
	return steal_fd(&fd);
}

bool
store_blob_has(struct store *store, const struct digest *digest)
{
	char hex[DIGEST_HEX_LEN + 1];
	struct stat st;

	return fstatat(store->dirs[DIR_BLOBS], digest_hex(digest, hex), &st, AT_SYMLINK_NOFOLLOW) ==
	           0 &&
	       S_ISREG(st.st_mode);
}

int
store_blob_read(
    struct store *store, const struct digest *digest, size_t max, struct buf *b, struct error *e)
{
	autofd int fd = store_blob_open(store, digest, NULL, e);
	char text[DIGEST_TEXT_LEN + 1];
	size_t before = b->len;
	struct digest found;

	if (fd < 0)
		return -1;
	if (fd_read_all(fd, b, max, digest_text(digest, text), e) < 0)
		return error_ctx(e, "blob");
	digest_of(b->data + before, b->len - before, &found);
	if (digest_equal(&found, digest))
		return 0;
	error_set(e, ERR_INPUT, "blob %s is damaged: its bytes have another digest", text);
	return error_hint(e, "croze store check --repair removes what is damaged");
}

int
store_blob_put(
    struct store *store, const void *bytes, size_t length, struct digest *digest, struct error *e)
{
	auto(blob_writer) struct blob_writer w = BLOB_WRITER_INIT;

	digest_of(bytes, length, digest);
	if (store_blob_has(store, digest))
		return 0;
	if (blob_writer_open(&w, store, e) < 0 || fd_write_all(w.fd, bytes, length, e) < 0)
		return error_ctx(e, "cannot write a blob");
	return blob_writer_commit(&w, digest, length, e);
}

int
blob_writer_open(struct blob_writer *w, struct store *store, struct error *e)
{
	*w = (struct blob_writer){ .store = store };
	w->fd = tmp_make_file(store, w->name, sizeof(w->name), e);
	return w->fd < 0 ? -1 : 0;
}

int
blob_writer_open_shared(
    struct blob_writer *w, struct store *store, const struct digest *digest, struct error *e)
{
	int session = tmp_session(store, e);

	*w = (struct blob_writer){ .store = store, .fd = -1 };
	if (session < 0)
		return -1;
	(void)digest_hex(digest, w->name);
	w->fd = openat(session, w->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (w->fd < 0 && errno == EEXIST)
		return blob_writer_open(w, store, e);
	return w->fd < 0 ? error_sys(e, "cannot make a file in '%s/tmp'", store->path) : 0;
}

int
store_blob_arriving(struct store *store, const struct digest *digest, struct error *e)
{
	int session = tmp_session(store, e);
	char hex[DIGEST_HEX_LEN + 1];
	int fd;

	if (session < 0)
		return -1;
	fd = openat(session, digest_hex(digest, hex), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(e, ERR_NOT_FOUND, "nobody writes blob sha256:%s", hex);
	return fd < 0 ? error_sys(e, "cannot open blob sha256:%s", hex) : fd;
}

/* Is there a blob of that name and size? One of another size was cut short by a power failure, and is replaced. */
static bool
is_there(struct store *store, const char *hex, uint64_t size)
{
	struct stat st;

	return fstatat(store->dirs[DIR_BLOBS], hex, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

static int
give_name(struct blob_writer *w, const struct digest *digest, uint64_t size, struct error *e)
{
	struct store *store = w->store;
	char hex[DIGEST_HEX_LEN + 1];
	struct stat st;

	(void)digest_hex(digest, hex);
	if (fstat(w->fd, &st) < 0)
		return error_sys(e, "cannot read blob sha256:%s", hex);
	if ((uint64_t)st.st_size != size)
		return error_set(e, ERR_INPUT, "blob sha256:%s has %llu bytes, not %llu", hex,
		    (unsigned long long)st.st_size, (unsigned long long)size);
	if (is_there(store, hex, size))
		return 0;
	if (renameat(store->session_dir, w->name, store->dirs[DIR_BLOBS], hex) < 0)
		return error_sys(e, "cannot name blob sha256:%s", hex);
	w->name[0] = '\0';
	return 0;
}

int
blob_writer_commit(
    struct blob_writer *w, const struct digest *digest, uint64_t size, struct error *e)
{
	int result = give_name(w, digest, size, e);

	blob_writer_release(w);
	return result;
}

void
blob_writer_release(struct blob_writer *w)
{
	if (w->fd < 0)
		return;
	fd_close_at(&w->fd);
	w->fd = -1;
	if (w->name[0])
		(void)unlinkat(
		    w->store->session_dir, w->name, 0); /* else store_close() removes it */
}
