/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - what --source-policy-file says of an image, a URL or a repository before it is asked for.
 */
#ifndef CROZE_BUILDER_BUILD_POLICY_H
#define CROZE_BUILDER_BUILD_POLICY_H

#include "builder/build/state.h"
#include "builder/dockerfile/resource.h"

/** *@instead is the reference to take in the place of @reference, to be freed; NULL when that stays. ERR_POLICY when it is denied. */
int policy_image(const struct build *b, const char *reference, char **instead, struct error *e);

/** What is fetched for a URL. */
struct policy_url {
	char *url; /* never NULL */
	bool has_digest;
	struct digest digest; /* that it must have */
};

void policy_url_release(struct policy_url *p);
/** @wanted: the digest that the Dockerfile demands, NULL for none. */
int policy_http(const struct build *b, const char *url, const struct digest *wanted,
    struct policy_url *p, struct error *e);
/** A repository may be denied. */
int policy_git(const struct build *b, const struct resource *source, struct error *e);

#endif
