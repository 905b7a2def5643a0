/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_fixture - small images, layouts and archives, for the tests of import and output.
 */
#ifndef CROZE_TESTS_IMAGE_FIXTURE_H
#define CROZE_TESTS_IMAGE_FIXTURE_H

#include "builder/image/config.h"
#include "builder/image/index.h"
#include "builder/image/manifest.h"
#include "builder/layer/tar.h"
#include "builder/store/store.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];

static int
make_base(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/test_image.XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int
remove_base(void **state)
{
	struct error e = ERROR_INIT;
	autofd int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	return path_remove_tree(tmp, path_base(base), &e);
}

static inline char *
in_base(const char *name)
{
	return xasprintf("%s/%s", base, name);
}

static inline struct store *
open_store(const char *name)
{
	struct error e = ERROR_INIT;
	autofree char *path = in_base(name);
	struct store *store = store_open(path, 0, &e);

	if (!store)
		fail_msg("%s", e.text);
	return store;
}

static inline void
put_file(const char *name, const void *bytes, size_t length)
{
	struct error e = ERROR_INIT;
	autofree char *path = in_base(name);
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_ok(fd_write_all(fd, bytes, length, &e), &e);
}

/** An image of one layer with the bytes @content: as blobs, and the documents of it. */
struct made_image {
	struct buf layer;
	struct buf config;
	struct buf manifest;
	struct descriptor target;
	struct descriptor config_descriptor;
	struct descriptor layer_descriptor;
};

static inline void
made_image_release(struct made_image *m)
{
	buf_release(&m->layer);
	buf_release(&m->config);
	buf_release(&m->manifest);
	descriptor_release(&m->target);
	descriptor_release(&m->config_descriptor);
	descriptor_release(&m->layer_descriptor);
}

static inline void
describe_bytes(struct descriptor *d, const char *type, const struct buf *b)
{
	struct digest digest;

	digest_of(b->data, b->len, &digest);
	descriptor_init(d, type, &digest, b->len);
}

static inline void
make_image(struct made_image *m, const char *content, const char *architecture)
{
	auto(image_config) struct image_config c = { 0 };
	auto(manifest) struct manifest manifest = { 0 };
	auto(platform) struct platform p = { 0 };
	struct error e = ERROR_INIT;

	*m = (struct made_image){ 0 };
	if (architecture)
		assert_ok(platform_parse(architecture, &p, &e), &e);
	else
		platform_native(&p);
	buf_add_text(&m->layer, content);
	describe_bytes(&m->layer_descriptor, MEDIA_OCI_LAYER, &m->layer);
	image_config_init_scratch(&c, &p);
	image_config_add_diff_id(&c, &m->layer_descriptor.digest);
	image_config_write(&c, &m->config);
	describe_bytes(&m->config_descriptor, MEDIA_OCI_CONFIG, &m->config);
	descriptor_copy(&manifest.config, &m->config_descriptor);
	manifest_add_layer(&manifest, &m->layer_descriptor);
	manifest_write(&manifest, &m->manifest);
	describe_bytes(&m->target, MEDIA_OCI_MANIFEST, &m->manifest);
	platform_copy(&m->target.platform, &p);
}

static inline char *
blob_name(const char *layout, const struct digest *digest)
{
	char hex[DIGEST_HEX_LEN + 1];

	return xasprintf("%s/blobs/sha256/%s", layout, digest_hex(digest, hex));
}

static inline void
put_blob(const char *layout, const struct buf *b)
{
	struct digest digest;
	autofree char *name = NULL;

	digest_of(b->data, b->len, &digest);
	name = blob_name(layout, &digest);
	put_file(name, b->data, b->len);
}

static inline void
make_layout(const char *layout)
{
	static const char version[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char *const folders[] = { "", "/blobs", "/blobs/sha256" };
	autofree char *name = xasprintf("%s/oci-layout", layout);

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		autofree char *path = xasprintf("%s/%s%s", base, layout, folders[i]);

		assert_int_equal(mkdir(path, 0755), 0);
	}
	put_file(name, version, strlen(version));
}

static inline void
put_image(const char *layout, const struct made_image *m)
{
	put_blob(layout, &m->layer);
	put_blob(layout, &m->config);
	put_blob(layout, &m->manifest);
}

static inline void
name_in(struct index *x, const struct descriptor *d, const char *name)
{
	auto(descriptor) struct descriptor entry = { 0 };

	descriptor_copy(&entry, d);
	if (name)
		descriptor_set_annotation(&entry, ANNOTATION_REF_NAME, name);
	index_add(x, &entry);
}

static inline void
put_index(const char *layout, const struct index *x)
{
	auto(buf) struct buf b = { 0 };
	autofree char *name = xasprintf("%s/index.json", layout);

	index_write(x, &b);
	put_file(name, b.data, b.len);
}

/* ---- tars ---- */

static inline void
tar_add(struct buf *tar, const char *name, const void *bytes, size_t length)
{
	struct error e = ERROR_INIT;
	const struct entry entry = { .path = name, .mode = S_IFREG | 0644, .size = length };

	assert_ok(tar_add_header(tar, &entry, &e), &e);
	buf_add(tar, bytes, length);
	while (tar->len % TAR_BLOCK)
		buf_add_char(tar, '\0');
}

static inline void
tar_add_link(struct buf *tar, const char *name, const char *target)
{
	struct error e = ERROR_INIT;
	const struct entry entry = { .path = name, .mode = S_IFLNK | 0777, .link = target };

	assert_ok(tar_add_header(tar, &entry, &e), &e);
}

static inline void
tar_end(struct buf *tar)
{
	for (int i = 0; i < 2 * TAR_BLOCK; i++)
		buf_add_char(tar, '\0');
}

#endif
