/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry - images from and to registries (distribution-spec 1.1), by the user's configuration of containers.
 *
 * The files that are read are those of config.h, credentials.h, certs.h and policy.h.
 */
#ifndef CROZE_REGISTRY_REGISTRY_H
#define CROZE_REGISTRY_REGISTRY_H

#include "builder/image/descriptor.h"
#include "builder/image/platform.h"
#include "builder/image/reference.h"
#include "builder/store/store.h"

#include <stdbool.h>

enum registry_tls {
	REGISTRY_TLS_CONFIGURED, /* as registries.conf says; this machine may speak http */
	REGISTRY_TLS_VERIFY,     /* --tls-verify=true */
	REGISTRY_TLS_SKIP,       /* --tls-verify=false: http and unknown certificates are fine */
};

/** All text is borrowed. */
struct registry_options {
	const char *creds; /* "USER:PASSWORD" */
	const char *authfile;
	const char *cert_dir;
	enum registry_tls tls;
	unsigned attempts; /* at each request; 0: the default */
	unsigned delay;    /* milliseconds before the second one; 0: the default */
	void (*note)(void *arg, const char *text); /* something worth telling; may be NULL */
	/** Bytes that came or went, of those that have to; may be NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *arg;
	/** A push: a blob that the store lacks is none to send when the registry has it. */
	bool blobs_may_be_there;
};

struct registry;

/** Reads registries.conf. Connects to nothing. */
struct registry *registry_new(const struct registry_options *options, struct error *e);
void registry_free(struct registry *r);
void registry_free_at(struct registry **r);
#define autoregistry __attribute__((cleanup(registry_free_at)))

struct pull_result;

struct pull_options {
	const struct platform *platform; /* of an index; NULL: this machine's */
	bool all_platforms;
	bool no_names; /* blobs only */
	/** The name that the image gets in the store; NULL: the one it was asked for by. */
	const char *name;
	/**
	 * Called when the manifests and configs are in the store, before the layers are asked for: they will be those of
	 * @result->target or the pull fails. NULL: nobody waits for them.
	 */
	int (*documents)(void *arg, const struct pull_result *result, struct error *e);
	void *arg;
};

struct pull_result {
	char *name;               /* whole, as it was found: "docker.io/library/alpine:3.19" */
	struct descriptor target; /* manifest or index */
	uint64_t bytes;           /* that came */
	size_t n_blobs;           /* that came */
	bool was_there;           /* nothing had to come but the manifest */
};

void pull_result_release(struct pull_result *r);
/**
 * Brings the image that @name stands for into the store. Every blob is checked before it gets its name there. Of an index
 * the members for other platforms stay behind unless @all_platforms. ERR_NETWORK, ERR_NOT_FOUND, ERR_POLICY.
 */
int registry_pull(struct registry *registry, struct store *store, const char *name,
    const struct pull_options *options, struct pull_result *result, struct error *e);

/** What @name stands for in the registry now, without the blobs. */
int registry_resolve(
    struct registry *registry, const char *name, struct descriptor *d, struct error *e);

/** The same, with the manifest or index itself. */
int registry_document(struct registry *registry, const char *name, struct descriptor *d,
    struct buf *body, struct error *e);

struct push_result {
	char *name;                        /* whole */
	uint64_t bytes;                    /* that went */
	size_t n_sent, n_mounted, n_there; /* blobs */
};

void push_result_release(struct push_result *r);
/**
 * Sends the manifest or index @d of the store, with all it names, as @name. Blobs that are there stay; those that another
 * repository of the same registry has are mounted. The digest stays the same: what the registry says it got is compared.
 */
int registry_push(struct registry *registry, struct store *store, const struct descriptor *d,
    const char *name, struct push_result *result, struct error *e);

/* ---- what is no image (artifact.c) ---- */

/**
 * Reads the config of the manifest @name, of at most @max bytes; of an index that of the member for @platform (NULL: this
 * machine's). @media_type (to be freed) says what it is. Nothing is stored.
 */
int registry_read_config(struct registry *registry, const char *name,
    const struct platform *platform, uint64_t max, char **media_type, struct buf *config,
    struct error *e);

struct registry_blob {
	struct digest digest;
	uint64_t size;
	struct error error; /* ERR_NONE: the store has it */
};

/**
 * Brings the blobs that the store lacks from the repository of @name, several at a time; each is checked before it gets its
 * name. -1 when the registry cannot be asked at all; what became of each is in its @error.
 */
int registry_fetch_blobs(struct registry *registry, struct store *store, const char *name,
    struct registry_blob *blobs, size_t n_blobs, struct error *e);

/** Are the credentials good for @host? ERR_NETWORK when not. */
int registry_check_login(struct registry *registry, const char *host, struct error *e);
/** All tags of the repository @name. */
int registry_tags(struct registry *registry, const char *name, struct strv *tags, struct error *e);

#endif
