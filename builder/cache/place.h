/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - where a cache is kept: what --cache-to and --cache-from say.
 *
 * The long form is a list of KEY=VALUE with commas between, the keys those of docker buildx; a text without "=" is the
 * reference of a cache in a registry. Behind mounts=ID, words without "=" are more ids.
 */
#ifndef CROZE_CACHE_PLACE_H
#define CROZE_CACHE_PLACE_H

#include "builder/layer/compress.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>

enum cache_kind {
	CACHE_REGISTRY, /* an artifact at @ref */
	CACHE_LOCAL,    /* an artifact in the OCI layout @dir */
	CACHE_INLINE,   /* in the config of the image that is made; --cache-to only */
	CACHE_GHA,      /* the cache service of GitHub Actions, version 2 */
};

enum cache_direction { CACHE_FROM, CACHE_TO };

#define CACHE_TIMEOUT_DEFAULT 30

struct cache_place {
	enum cache_kind kind;
	char *label;        /* how messages name it: "registry cache 'REF'" */
	char *ref;          /* REGISTRY */
	char *dir;          /* LOCAL */
	char *tag;          /* LOCAL: "latest" */
	char *digest;       /* LOCAL: "sha256:…", --cache-from only; NULL: by its tag */
	char *scope;        /* GHA: "buildkit" is not read; "croze" */
	char *url;          /* GHA: NULL: $ACTIONS_RESULTS_URL */
	char *token;        /* GHA: a secret; NULL: $ACTIONS_RUNTIME_TOKEN */
	struct strv mounts; /* ids of cache mounts that go along */
	unsigned timeout;   /* seconds in which something has to come */

	/* --cache-to */
	bool max;             /* steps of all stages, not of the image alone */
	bool has_compression; /* of the layers; else that of the image */
	enum compression compression;
	int level;   /* 0: the default */
	bool force;  /* also of layers that are there in another form */
	bool strict; /* ignore-error=false: that it cannot be written is a failure */
};

void cache_place_release(struct cache_place *place);
/** Reads @text. ERR_USAGE for a key or value that is not known, and for what is known and not to be had. */
int cache_place_parse(
    const char *text, enum cache_direction direction, struct cache_place *place, struct error *e);

#endif
