/* SPDX-License-Identifier: Apache-2.0 */
/*
 * licence - is what a database says of a licence an SPDX licence expression (SPDX 2.3, annex D)?
 *
 * The identifiers that are known here are those in use among packages; another one is taken for free text, which both
 * formats of a bill of materials have a place for.
 */
#ifndef CROZE_ATTEST_LICENCE_H
#define CROZE_ATTEST_LICENCE_H

#include <stdbool.h>

enum licence_kind {
	LICENCE_TEXT,       /* no expression */
	LICENCE_ID,         /* one identifier */
	LICENCE_EXPRESSION, /* several, with AND, OR, WITH */
};

/** *@spelled, to be freed, gets an ID or an expression as SPDX spells it; NULL for a text. */
enum licence_kind licence_read(const char *text, char **spelled);
/** The n-th known identifier; NULL past the last. */
const char *licence_id(unsigned n);

#endif
