/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - a file by HTTP, for ADD and as a build context.
 */
#ifndef CROZE_CONTEXT_HTTP_H
#define CROZE_CONTEXT_HTTP_H

#include "builder/fetch/fetch.h"

struct http_request {
	const char *url;
	const struct digest *digest; /* that it must have; NULL: any */
	const char *authorization;   /* value of that header, for the server of @url alone; NULL */
	/* of what is there already: the server may say that it has not changed; NULL or "" */
	const char *etag;
	const char *last_modified;
	int dir;          /* the file is made here, */
	const char *name; /* under this name, with mode 0600 */
};

struct http_result {
	bool has_time; /* Last-Modified, which the file gets too */
	int64_t time;
	bool not_modified; /* nothing was made */
	char *etag;        /* NULL when the server gave none */
	char *last_modified;
};

void http_result_release(struct http_result *result);

/** Fetches it; @result is to be released. ERR_NETWORK, ERR_NOT_FOUND, ERR_INPUT for another digest, each with the URL. */
int http_fetch(struct fetch *fetch, const struct http_request *request, struct http_result *result,
    struct error *e);

#endif
