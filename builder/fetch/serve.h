/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve - the loop of croze-fetch: takes requests from a socket and answers each when its transfer is done.
 */
#ifndef CROZE_FETCH_SERVE_H
#define CROZE_FETCH_SERVE_H

#include "runtime/base/error.h"

/** Returns 0 when the other end of @socket is closed. */
int serve_run(int socket, struct error *e);

#endif
