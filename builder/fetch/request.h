/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request - requests and responses as the JSON that goes between fetch.c and croze-fetch.
 */
#ifndef CROZE_FETCH_REQUEST_H
#define CROZE_FETCH_REQUEST_H

#include "builder/fetch/fetch.h"
#include "runtime/base/json.h"

/** Proxies as the environment names them; members may be NULL. */
struct fetch_proxies {
	const char *http;
	const char *https;
	const char *none; /* hosts reached without one, ',' between; "*": all */
};

/** Descriptors are not part of it: out, then in, go along in that order. */
struct json *request_write(
    uint64_t id, const struct fetch_request *r, const struct fetch_proxies *proxies);
/** All text of @r and @proxies is borrowed from @j; @headers and @digest get what they point to. */
int request_read(const struct json *j, uint64_t *id, struct fetch_request *r,
    struct fetch_proxies *proxies, struct strv *headers, struct digest *digest, struct error *e);

struct json *response_write(uint64_t id, const struct fetch_response *r);
/** @response was released before. */
int response_read(
    const struct json *j, uint64_t *id, struct fetch_response *response, struct error *e);

/** The proxy for @host over @scheme; NULL: none. @none is matched as curl(1) does: whole names, or what ends in ".name". */
const char *request_proxy(
    const struct fetch_proxies *proxies, const char *scheme, const char *host);

#endif
