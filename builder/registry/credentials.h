/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials - who we are to a registry: auth files, credential helpers, and what login and logout change in them.
 *
 * Asked in this order; the first that has an answer wins, and one that is named explicitly is the only one asked:
 *
 *	--creds, --authfile, $REGISTRY_AUTH_FILE, $DOCKER_AUTH_CONFIG (the JSON itself)
 *	$XDG_RUNTIME_DIR/containers/auth.json, else /run/containers/$UID/auth.json
 *	${XDG_CONFIG_HOME:-~/.config}/containers/auth.json
 *	$DOCKER_CONFIG/config.json, else ~/.docker/config.json
 *	~/.dockercfg, whose top level is the map
 *
 * In a file: credHelpers by host, auths by the longest key, then credsStore. When registries.conf has credential-helpers, what is
 * not named explicitly is asked in their order, in which "containers-auth.json" stands for the files; the first one keeps
 * what login gets.
 */
#ifndef CROZE_REGISTRY_CREDENTIALS_H
#define CROZE_REGISTRY_CREDENTIALS_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#include <stdbool.h>

struct credentials {
	char *user;
	char *secret;
	char *identity_token; /* to get tokens with */
	char *registry_token; /* to be sent as it is */
	char *source;         /* file or helper, for messages */
};

struct credentials_options {
	const char *creds;                         /* "USER:PASSWORD"; NULL */
	const char *authfile;                      /* NULL */
	const struct strv *helpers;                /* credential-helpers of registries.conf; NULL */
	void (*warn)(void *arg, const char *text); /* may be NULL */
	void *arg;
};

void credentials_release(struct credentials *c);
/** For @repository ("library/app") at @host ("docker.io", "localhost:5000"). 1 with @c, 0 when there are none, -1. */
int credentials_find(const struct credentials_options *o, const char *host, const char *repository,
    struct credentials *c, struct error *e);
/** Keeps them for @host; *@where (to be freed) says where. With an identity token @user is "<token>". */
int credentials_store(const struct credentials_options *o, const char *host, const char *user,
    const char *secret, char **where, struct error *e);
/** Removes what is kept for @host, in files and by helpers, and nothing else: 1, 0 when nothing was. @host NULL: all. */
int credentials_erase(const struct credentials_options *o, const char *host, struct error *e);

/** The host of a key of auths: "https://index.docker.io/v1/" is "docker.io", a key without scheme keeps its path. To be freed. */
char *credentials_key(const char *text);

/* ---- helper.c: docker-credential-NAME ---- */

/** 1 with @c, 0 when the helper has none, -1 with what it said. */
int helper_get(const char *name, const char *host, struct credentials *c, struct error *e);
int helper_store(
    const char *name, const char *host, const char *user, const char *secret, struct error *e);
/** Adds the names of all servers that the helper has something for. */
int helper_list(const char *name, struct strv *servers, struct error *e);
/** 1, or 0 when there was nothing. */
int helper_erase(const char *name, const char *host, struct error *e);

#endif
