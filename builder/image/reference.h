/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference - names of images as docker reads them: [DOMAIN/]PATH[:TAG][@DIGEST].
 *
 * A first part without '.', ':' or capitals that is not "localhost" belongs to the path, the domain then is docker.io,
 * and a path of one part stands below library/. "app" is docker.io/library/app:latest.
 */
#ifndef CROZE_IMAGE_REFERENCE_H
#define CROZE_IMAGE_REFERENCE_H

#include "runtime/base/error.h"

#include <stdbool.h>

struct reference {
	char *domain; /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;   /* "library/app" */
	char *tag;    /* "latest" when neither tag nor digest was given; NULL for a digest alone */
	char *digest; /* "sha256:..." or NULL */
};

void reference_release(struct reference *r);
void reference_copy(
    struct reference *to, const struct reference *from); /* replaces what @to held */
/** ERR_INPUT says which part is wrong and why. Digests other than SHA-256 are refused. */
int reference_parse(const char *text, struct reference *r, struct error *e);
/** Whole: "docker.io/library/app:latest". To be freed. */
char *reference_text(const struct reference *r);
/** As people write it: "app:latest". To be freed. */
char *reference_short(const struct reference *r);
/** Whole, without tag and digest: "docker.io/library/app". To be freed. */
char *reference_repository(const struct reference *r);
bool reference_equal(const struct reference *a, const struct reference *b);
/** Is @tag usable as a tag: a letter, digit or '_', then up to 127 of those, '.' and '-'? */
bool reference_tag_is_valid(const char *tag);

#endif
