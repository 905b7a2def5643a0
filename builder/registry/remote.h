/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote - one repository at one registry: its address, how it is reached, and who we are there. For the files of registry.
 */
#ifndef CROZE_REGISTRY_REMOTE_H
#define CROZE_REGISTRY_REMOTE_H

#include "builder/fetch/fetch.h"
#include "builder/registry/certs.h"
#include "builder/registry/challenge.h"
#include "builder/registry/config.h"
#include "builder/registry/credentials.h"
#include "builder/registry/registry.h"

#include <time.h>

#define DOCUMENT_MAX JSON_MAX_BYTES
#define ANSWER_MAX (1U << 20) /* of a token endpoint, a list of tags */
#define IN_FLIGHT 6

struct registry {
	struct registry_options options;
	struct registries registries;
	struct fetch *fetch;
	bool was_warned; /* of XDG_RUNTIME_DIR */
};

struct remote {
	struct registry *registry;
	char *host; /* as the user knows it */
	char *base; /* "https://registry-1.docker.io" */
	char *repository;
	enum fetch_flags flags;
	struct certs certs;
	enum reach reach; /* of the server */
	struct challenge challenge;
	struct credentials credentials;
	bool has_credentials;
	/* the token at hand */
	char *scope;
	char *authorization;
	time_t expires; /* 0: does not */
};

void remote_release(struct remote *r);
/** Finds out how @endpoint is reached and what it asks for. */
int remote_open(
    struct remote *r, struct registry *registry, const struct endpoint *endpoint, struct error *e);
/** "BASE/v2/REPOSITORY/@path..."; to be freed. */
char *remote_url(const struct remote *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/**
 * Fills in what every request of @r has, and the authorization for @scope ("repository:x:pull", blanks between several;
 * NULL: none). @request->url must be set; a URL of the server's own is checked as one.
 */
int remote_prepare(
    struct remote *r, struct fetch_request *request, const char *scope, struct error *e);
/** A 401 came: forgets the token, reads the challenge. Returns true when another attempt makes sense. */
bool remote_renew(struct remote *r, const struct fetch_response *response);
/** One request to its end, once more after a 401. */
int remote_perform(struct remote *r, struct fetch_request *request, const char *scope,
    struct fetch_response *response, struct error *e);
/** The same for a body of at most @max bytes. A status that is no success is an error. */
int remote_read(struct remote *r, struct fetch_request *request, const char *scope, uint64_t max,
    struct buf *body, struct fetch_response *response, struct error *e);
/** The error of a registry (distribution-spec, "Error Codes") in words: the status, and what it says itself. */
int remote_error(const struct fetch_response *response, struct error *e);
/** The scope of pulling from (and pushing to) @r; to be freed. */
char *remote_scope(const struct remote *r, const char *actions);
/** @location of a response to @url made whole; NULL when it is none. To be freed. */
char *remote_location(const char *url, const char *location);

void registry_note(struct registry *registry, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Parses @name with the search list and aliases; calls @fn for each meaning until one is found. */
int registry_each_name(struct registry *registry, const char *name,
    int (*fn)(void *arg, const struct reference *r, struct error *e), void *arg, struct error *e);

/** The manifest or index @reference (a tag or digest) of @r, checked: bytes in @body, @d set. */
int remote_manifest(struct remote *r, const char *reference, const struct digest *digest,
    struct buf *body, struct descriptor *d, struct error *e);
/** The same for what @name says: its digest, else its tag. */
int remote_target(struct remote *r, const struct reference *name, struct buf *body,
    struct descriptor *d, struct error *e);

#endif
