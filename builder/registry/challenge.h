/* SPDX-License-Identifier: Apache-2.0 */
/*
 * challenge - what a registry asks for: WWW-Authenticate (RFC 9110, 11.6.1) and the token endpoint that it names.
 */
#ifndef CROZE_REGISTRY_CHALLENGE_H
#define CROZE_REGISTRY_CHALLENGE_H

#include "runtime/base/strv.h"

#include <stdbool.h>

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	char *realm; /* BEARER: the URL of the token endpoint */
	char *service;
	char *scope;
	char *error; /* "insufficient_scope" and the like */
};

void challenge_release(struct challenge *c);
/** The strongest challenge in @headers ("www-authenticate: ..." lines); CHALLENGE_NONE when none is understood. */
void challenge_read(struct challenge *c, const struct strv *headers);
/**
 * May credentials for @registry (host[:port]) be sent to @realm (a host without port)? Yes for the host itself at any port,
 * and for names of the same site: registry.example.com and auth.example.com, but not a.co.uk and b.co.uk.
 */
bool challenge_same_site(const char *registry, const char *realm);

#endif
