/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs - certs.d: certificates for one registry (containers-certs.d(5)).
 *
 * The first of ${XDG_CONFIG_HOME:-~/.config}/containers/certs.d, /etc/containers/certs.d and /etc/docker/certs.d that has a
 * directory HOST[:PORT], spelled as in the name of the image.
 */
#ifndef CROZE_REGISTRY_CERTS_H
#define CROZE_REGISTRY_CERTS_H

#include "runtime/base/error.h"

struct certs {
	char *ca;   /* PEM of all *.crt; NULL */
	char *cert; /* PEM of NAME.cert and NAME.key; NULL */
	char *key;
};

void certs_release(struct certs *c);
/** @dir (may be NULL) is the directory for this registry itself: --cert-dir; then it has to be there. */
int certs_load(struct certs *c, const char *dir, const char *host, struct error *e);

#endif
