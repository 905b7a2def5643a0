/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - an OCI image layout as a directory (image-spec, image-layout.md).
 *
 * Blobs first, index.json last, each renamed to its place: whoever reads the layout meanwhile sees it as it was or as it
 * will be.
 */
#include "builder/output/layout.h"

#include "builder/output/file.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".croze-new"

static bool
is_empty(int fd)
{
	struct error ignored = ERROR_INIT;
	autodir DIR *dir = fd_opendir(fd, &ignored);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return dir != NULL;
}

static int
open_dest(const char *path, struct error *e)
{
	autofd int fd = out_directory_open(path, e);

	if (fd < 0)
		return -1;
	if (!is_empty(fd) && faccessat(fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set(e, ERR_USAGE, "it is not empty and is no OCI layout");
	return steal_fd(&fd);
}

static int
open_blobs(int dest, struct error *e)
{
	if ((mkdirat(dest, "blobs", 0755) < 0 && errno != EEXIST) ||
	    (mkdirat(dest, "blobs/sha256", 0755) < 0 && errno != EEXIST))
		return error_sys(e, "cannot make 'blobs/sha256'");
	return path_open(dest, "blobs/sha256", O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);
}

static int
put_blob(struct store *store, int blobs, const struct collected_blob *blob, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	autofd int fd = -1;
	struct stat st;

	(void)digest_hex(&blob->digest, hex);
	if (fstatat(blobs, hex, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == blob->size)
		return 0;
	(void)unlinkat(blobs, TEMPORARY, 0); /* of a run that was cut short */
	fd = openat(blobs, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(e, "cannot write a blob");
	if (collect_copy(store, blob, fd, e) < 0) {
		(void)unlinkat(blobs, TEMPORARY, 0);
		return -1;
	}
	if (renameat(blobs, TEMPORARY, blobs, hex) < 0)
		return error_sys(e, "cannot name blob sha256:%s", hex);
	return 0;
}

static bool
takes_place_of(const struct collected *c, const struct descriptor *old)
{
	const char *name = descriptor_annotation(old, ANNOTATION_IMAGE_NAME);
	const char *ref = descriptor_annotation(old, ANNOTATION_REF_NAME);

	for (size_t i = 0; i < c->index.n_manifests; i++) {
		const struct descriptor *d = &c->index.manifests[i];
		const char *new_name = descriptor_annotation(d, ANNOTATION_IMAGE_NAME);
		const char *new_ref = descriptor_annotation(d, ANNOTATION_REF_NAME);

		if (name ? new_name && strcmp(name, new_name) == 0
			 : ref && new_ref && strcmp(ref, new_ref) == 0)
			return true;
		if (!name && !ref && digest_equal(&d->digest, &old->digest))
			return true;
	}
	return false;
}

static int
put_index(int dest, const struct collected *c, struct error *e)
{
	auto(buf) struct buf old_text = { 0 };
	auto(buf) struct buf text = { 0 };
	auto(index) struct index old = { 0 };
	auto(index) struct index merged = { 0 };
	size_t first;

	if (faccessat(dest, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (path_read_file(dest, "index.json", &old_text, JSON_MAX_BYTES, e) < 0 ||
		index_parse(buf_text(&old_text), old_text.len, NULL, &old, e) < 0))
		return error_ctx(e, "'index.json'");
	for (size_t i = 0; i < old.n_manifests; i++)
		if (!takes_place_of(c, &old.manifests[i]))
			index_add(&merged, &old.manifests[i]);
	first = merged.n_manifests;
	for (size_t i = 0; i < c->index.n_manifests; i++)
		index_add(&merged, &c->index.manifests[i]);
	collect_tell_apart(&merged, first);
	index_write(&merged, &text);
	return path_write_file(dest, "index.json", text.data, text.len, 0644, false, e);
}

int
layout_write(struct store *store, const struct collected *c, const char *path, struct error *e)
{
	autofd int dest = open_dest(path, e);
	autofd int blobs = -1;

	if (dest < 0)
		return -1;
	blobs = open_blobs(dest, e);
	if (blobs < 0)
		return -1;
	if (path_write_file(dest, "oci-layout", LAYOUT_VERSION_TEXT, strlen(LAYOUT_VERSION_TEXT),
		0644, false, e) < 0)
		return -1;
	for (size_t i = 0; i < c->n_blobs; i++)
		if (put_blob(store, blobs, &c->blobs[i], e) < 0)
			return -1;
	return put_index(dest, c, e);
}
