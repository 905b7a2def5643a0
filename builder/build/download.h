/* SPDX-License-Identifier: Apache-2.0 */
/*
 * download - files by HTTP, and those that were fetched before.
 *
 * What came is kept as a blob with a record in steps/, under a key of its URL, so that prune knows its age and use:
 *
 *	{"version":1,"blobs":["sha256:..."],"etag":"...","lastModified":"..."}
 *
 * The next build asks the server whether it is still so, and fetches nothing when it is. With a digest that is known and
 * there, nobody is asked.
 */
#ifndef CROZE_BUILDER_BUILD_DOWNLOAD_H
#define CROZE_BUILDER_BUILD_DOWNLOAD_H

#include "builder/build/state.h"
#include "builder/context/http.h"

/** As http_fetch(), with b->fetch, which is made when something is asked for. Of @result, only the time is set. */
int download(struct build *b, const struct http_request *request, struct http_result *result,
    struct error *e);

#endif
