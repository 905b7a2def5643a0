/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptor - media type, digest and size of a blob (image-spec, descriptor.md), and the media types known here.
 */
#ifndef CROZE_IMAGE_DESCRIPTOR_H
#define CROZE_IMAGE_DESCRIPTOR_H

#include "builder/image/platform.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stdint.h>

#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define MEDIA_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"

#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_CREATED "org.opencontainers.image.created"
#define ANNOTATION_BASE_NAME "org.opencontainers.image.base.name"
#define ANNOTATION_BASE_DIGEST "org.opencontainers.image.base.digest"
#define ANNOTATION_IMAGE_NAME "io.containerd.image.name"

/** What a media type says a blob is. */
enum media_class {
	MEDIA_OTHER, /* not known here (attestations, artifacts, foreign layers) */
	MEDIA_INDEX,
	MEDIA_MANIFEST,
	MEDIA_CONFIG,
	MEDIA_LAYER,
};

/** How a layer's bytes are packed, as its media type says. */
enum media_packing {
	PACKING_NONE,
	PACKING_GZIP,
	PACKING_ZSTD,
	PACKING_UNKNOWN,
};

enum media_class media_class(const char *media_type);
enum media_packing media_packing(const char *media_type);

struct descriptor {
	char *media_type; /* never empty once read */
	struct digest digest;
	uint64_t size;
	struct json *annotations; /* object of strings, or NULL */
	struct platform platform; /* of members of an index; os is NULL when there is none */
	char *artifact_type;      /* NULL when there is none */
};

/** Largest size a descriptor may claim: what an off_t holds. */
#define DESCRIPTOR_SIZE_MAX ((uint64_t)INT64_MAX)

void descriptor_release(struct descriptor *d);
void descriptor_copy(
    struct descriptor *to, const struct descriptor *from); /* replaces what @to held */
void descriptor_init(
    struct descriptor *d, const char *media_type, const struct digest *digest, uint64_t size);

/** Reads @j; @path names it in errors ("layers[2]"). ERR_INPUT for a missing, negative or huge size, a bad digest, a wrong type. */
int descriptor_read(const struct json *j, const char *path, struct descriptor *d, struct error *e);
/** As a new JSON object. */
struct json *descriptor_write(const struct descriptor *d);
/** Text of annotation @key; NULL when it is not there. */
const char *descriptor_annotation(const struct descriptor *d, const char *key);
void descriptor_set_annotation(struct descriptor *d, const char *key, const char *value);

#endif
