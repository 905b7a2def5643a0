/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - registries.conf (version 2): where a name's bytes come from, and what a short name means
 * (containers-registries.conf(5)).
 *
 * $CONTAINERS_REGISTRIES_CONF, else ${XDG_CONFIG_HOME:-~/.config}/containers/registries.conf, else
 * /etc/containers/registries.conf; then the files of registries.conf.d beside it, in the order of their names. Without any,
 * a name is what docker says it is.
 */
#ifndef CROZE_REGISTRY_CONFIG_H
#define CROZE_REGISTRY_CONFIG_H

#include "builder/image/reference.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>

struct registries {
	struct json *rows;    /* of [[registry]], those of later files behind */
	struct strv search;   /* unqualified-search-registries */
	struct json *aliases; /* short name → name */
	struct strv helpers;  /* credential-helpers */
	bool has_search;      /* some file says it */
	char *mode;           /* short-name-mode or NULL */
};

enum endpoint_use { ENDPOINT_ALL, ENDPOINT_DIGEST_ONLY, ENDPOINT_TAG_ONLY };

/** One place to ask. */
struct endpoint {
	char *host; /* "docker.io", "localhost:5000": as certificates and credentials know it */
	char *repository; /* there */
	bool insecure;    /* http and unknown certificates are fine */
	bool is_mirror;
};

struct endpoints {
	struct endpoint *items;
	size_t count;
	size_t room;
};

void registries_release(struct registries *r);
/** ERR_INPUT for what is not understood, naming file and line. */
int registries_load(struct registries *r, struct error *e);
void endpoint_release(struct endpoint *p);
void endpoints_release(struct endpoints *p);
/**
 * Where @r is pulled from: mirrors in order, then its own location. A push goes to the location alone.
 * ERR_POLICY when it is blocked.
 */
int registries_endpoints(const struct registries *registries, const struct reference *r, bool push,
    struct endpoints *endpoints, struct error *e);
/**
 * The names that @text, as a user writes it, may stand for: one, mostly. A name with a registry is itself; a short name is an
 * alias or one of the search registries when registries.conf has any, else docker.io's. ERR_POLICY for several search
 * registries in the mode enforcing: nobody is asked which.
 */
int registries_names(
    const struct registries *registries, const char *text, struct strv *names, struct error *e);

#endif
