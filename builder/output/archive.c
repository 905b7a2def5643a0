/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive - images as one tar: OCI layout, docker archive, or both over the same blobs.
 *
 * Members are sorted by name. A docker archive is a manifest.json that says where config and layers are; in the hybrid it
 * points into blobs/, so nothing is there twice. Readers that know OCI layouts find oci-layout and index.json.
 */
#include "builder/output/collect.h"
#include "builder/output/file.h"
#include "builder/output/layout.h"
#include "builder/store/layout.h"

#include "builder/layer/tar.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

/* ---- tar ---- */

static int
add_header(int fd, const struct output_target *target, const char *path, mode_t mode, uint64_t size,
    struct error *e)
{
	auto(buf) struct buf b = { 0 };
	const struct entry entry = {
		.path = path, .mode = mode, .size = size, .mtime = target->time
	};

	if (tar_add_header(&b, &entry, e) < 0)
		return -1;
	return fd_write_all(fd, b.data, b.len, e);
}

static int
add_padding(int fd, uint64_t size, struct error *e)
{
	static const char zeros[TAR_BLOCK];

	return fd_write_all(fd, zeros, tar_padding(size), e);
}

static int
add_bytes(int fd, const struct output_target *target, const char *path, const struct buf *b,
    struct error *e)
{
	if (add_header(fd, target, path, S_IFREG | 0644, b->len, e) < 0 ||
	    fd_write_all(fd, buf_text(b), b->len, e) < 0)
		return -1;
	return add_padding(fd, b->len, e);
}

static int
add_blob(int fd, struct store *store, const struct output_target *target, const char *path,
    const struct collected_blob *blob, struct error *e)
{
	if (add_header(fd, target, path, S_IFREG | 0644, blob->size, e) < 0 ||
	    collect_copy(store, blob, fd, e) < 0)
		return -1;
	return add_padding(fd, blob->size, e);
}

static int
add_end(int fd, struct error *e)
{
	static const char zeros[2 * TAR_BLOCK];

	return fd_write_all(fd, zeros, sizeof(zeros), e);
}

/* ---- what stands where ---- */

static char *
blob_path(const struct digest *digest)
{
	char hex[DIGEST_HEX_LEN + 1];

	return xasprintf("blobs/sha256/%s", digest_hex(digest, hex));
}

/* In a docker archive; names tell readers that go by them how a layer is packed. */
static char *
docker_path(const struct descriptor *d)
{
	char hex[DIGEST_HEX_LEN + 1];
	const char *suffix = ".tar";

	(void)digest_hex(&d->digest, hex);
	if (media_class(d->media_type) == MEDIA_CONFIG)
		suffix = ".json";
	else if (media_packing(d->media_type) == PACKING_GZIP)
		suffix = ".tar.gz";
	else if (media_packing(d->media_type) == PACKING_ZSTD)
		suffix = ".tar.zst";
	return xasprintf("%s%s", hex, suffix);
}

static char *
place(enum output_format format, const struct descriptor *d)
{
	return format == OUTPUT_DOCKER ? docker_path(d) : blob_path(&d->digest);
}

/* manifest.json (docker's image spec v1.2, "Combined Image JSON + Filesystem Changeset Format"). */
static void
docker_manifest(enum output_format format, const struct collected *c, struct buf *b)
{
	autojson struct json *j = json_new_array();

	for (size_t i = 0; i < c->n_images; i++) {
		const struct manifest *m = &c->images[i].manifest;
		struct json *image = json_append(j, json_new_object());
		autofree char *config = place(format, &m->config);
		struct json *layers;

		json_set_text(image, "Config", config);
		if (c->tags[i].count > 0)
			json_set(image, "RepoTags", json_new_strv(&c->tags[i]));
		else
			json_set(image, "RepoTags", json_new_null());
		layers = json_set(image, "Layers", json_new_array());
		for (size_t k = 0; k < m->n_layers; k++) {
			autofree char *path = place(format, &m->layers[k]);

			json_append(layers, json_new_text(path));
		}
	}
	json_write(j, 0, b);
}

static int
write_layout(int fd, struct store *store, enum output_format format, const struct collected *c,
    const struct output_target *target, struct error *e)
{
	auto(buf) struct buf index = { 0 };
	auto(buf) struct buf manifest = { 0 };
	auto(buf) struct buf version = { 0 };

	if (add_header(fd, target, "blobs", S_IFDIR | 0755, 0, e) < 0 ||
	    add_header(fd, target, "blobs/sha256", S_IFDIR | 0755, 0, e) < 0)
		return -1;
	for (size_t i = 0; i < c->n_blobs; i++) {
		autofree char *path = blob_path(&c->blobs[i].digest);

		if (add_blob(fd, store, target, path, &c->blobs[i], e) < 0)
			return -1;
	}
	index_write(&c->index, &index);
	docker_manifest(format, c, &manifest);
	buf_add_text(&version, LAYOUT_VERSION_TEXT);
	if (add_bytes(fd, target, "index.json", &index, e) < 0)
		return -1;
	if (format == OUTPUT_HYBRID && add_bytes(fd, target, "manifest.json", &manifest, e) < 0)
		return -1;
	return add_bytes(fd, target, "oci-layout", &version, e);
}

struct docker_member {
	char *path;
	struct collected_blob blob;
};

static int
compare_members(const void *a, const void *b)
{
	const struct docker_member *x = a;
	const struct docker_member *y = b;

	return strcmp(x->path, y->path);
}

static size_t
docker_members(const struct collected *c, struct docker_member *members)
{
	size_t count = 0;

	for (size_t i = 0; i < c->n_images; i++) {
		const struct manifest *m = &c->images[i].manifest;

		for (size_t k = 0; k <= m->n_layers; k++) {
			const struct descriptor *d = k < m->n_layers ? &m->layers[k] : &m->config;

			members[count++] = (struct docker_member){
				.path = docker_path(d),
				.blob = { .digest = d->digest, .size = d->size },
			};
		}
	}
	qsort(members, count, sizeof(*members), compare_members);
	return count;
}

static int
write_docker(int fd, struct store *store, const struct collected *c,
    const struct output_target *target, struct error *e)
{
	auto(buf) struct buf manifest = { 0 };
	struct docker_member *members;
	size_t count = c->n_images;
	int result = 0;

	for (size_t i = 0; i < c->n_images; i++)
		count += c->images[i].manifest.n_layers;
	members = xcalloc(count + 1, sizeof(*members));
	count = docker_members(c, members);
	for (size_t i = 0; i < count && result == 0; i++)
		if (i == 0 || strcmp(members[i].path, members[i - 1].path) != 0)
			result = add_blob(fd, store, target, members[i].path, &members[i].blob, e);
	for (size_t i = 0; i < count; i++)
		free(members[i].path);
	free(members);
	docker_manifest(OUTPUT_DOCKER, c, &manifest);
	return result < 0 ? -1 : add_bytes(fd, target, "manifest.json", &manifest, e);
}

static int
write_archive(struct store *store, enum output_format format, const struct collected *c,
    const struct output_target *target, struct error *e)
{
	auto(out_file) struct out_file f = OUT_FILE_INIT;
	int result;

	if (out_file_open(&f, target, e) < 0)
		return -1;
	result = format == OUTPUT_DOCKER ? write_docker(f.fd, store, c, target, e)
	                                 : write_layout(f.fd, store, format, c, target, e);
	if (result < 0 || add_end(f.fd, e) < 0)
		return -1;
	return out_file_commit(&f, e);
}

int
output_images(struct store *store, enum output_format format, const struct output_image *images,
    size_t count, const struct output_target *target, struct error *e)
{
	auto(collected) struct collected c = { 0 };

	if (target->directory && format != OUTPUT_OCI)
		return error_set(e, ERR_USAGE, "only an OCI layout can be a directory");
	if (collect(store, images, count, &c, e) < 0)
		return -1;
	if (target->directory ? layout_write(store, &c, target->dest, e) < 0
			      : write_archive(store, format, &c, target, e) < 0)
		return error_ctx(e, "cannot write '%s'", target->dest);
	return 0;
}
