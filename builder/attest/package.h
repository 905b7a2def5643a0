/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package - one piece of software that an image holds, and the list of all of them.
 *
 * What databases say of it is text from outside: it is made valid UTF-8 without control characters and cut to a bound
 * when it enters. A package is known by its package URL; the same one at several places is one package with several
 * locations.
 */
#ifndef CROZE_ATTEST_PACKAGE_H
#define CROZE_ATTEST_PACKAGE_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>

/** Bytes of one text, and packages of one image: what is more is cut, and told. */
#define PACKAGE_TEXT_MAX 4096
#define PACKAGES_MAX 200000

enum package_type {
	PACKAGE_DEB,
	PACKAGE_APK,
	PACKAGE_RPM,
	PACKAGE_NPM,
	PACKAGE_PYPI,
	PACKAGE_GOLANG,
	PACKAGE_GENERIC,
	PACKAGE_LOCKED, /* what a lock file says of the package at its location; none of its own */
	PACKAGE_TYPES
};

/** Texts are NULL where nothing says so. */
struct package {
	enum package_type type;
	bool is_note; /* a program says so, not a database */
	char *space;  /* of the name: the distribution, an npm scope, a Go path */
	char *name;
	char *version;
	char *arch;
	char *epoch;
	char *licence; /* as the database has it */
	char *supplier;
	char *homepage;
	char *source; /* name of what it was built from */
	char *source_version;
	char *checksum; /* "sha512:" and digits: of the archive it came in */
	struct strv locations;
	char *purl; /* set by inventory_finish() */
};

/** What kind of distribution the image is, by os-release(5). */
struct distribution {
	char *id; /* NULL: it says nothing */
	char *version;
	char *title; /* PRETTY_NAME */
};

struct inventory {
	struct package *packages;
	size_t count;
	size_t room;
	struct distribution os;
	struct strv notes; /* what could not be read, a line each: the list is incomplete then */
};

void package_release(struct package *p);
void inventory_release(struct inventory *inv);
/** The name of the type in package URLs. */
const char *package_type_name(enum package_type type);
/** Sets the text at @member to what of @text is fit to be shown; nothing when that is empty. */
void package_set(char **member, const char *text, size_t length);
/** The same for a whole text; NULL sets nothing. */
void package_set_text(char **member, const char *text);
/** As people write it: with the scope or the path that is a part of it. To be freed. */
char *package_full_name(const struct package *p);
/**
 * Takes @p over, with the place it was found at (a file, without leading '/'). A package without a name is dropped; the
 * first that is too many is told.
 */
void inventory_add(struct inventory *inv, struct package *p, const char *location);
void inventory_note(struct inventory *inv, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Makes package URLs, sorts, brings the same ones together, gives what lock files know to those they speak of. */
void inventory_finish(struct inventory *inv);

/** Bytes for another process, and back; ERR_SYSTEM for bytes that are none. @inv is added to. */
void inventory_write(const struct inventory *inv, struct buf *b);
int inventory_read(struct inventory *inv, const struct buf *b, struct error *e);

/** Appends @text percent-encoded as a part of a package URL (purl-spec). */
void purl_add(struct buf *b, const char *text);

#endif
