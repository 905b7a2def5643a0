/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - a file by HTTP, for ADD and as a build context.
 */
#include "builder/context/http.h"

#include "builder/dockerfile/resource.h"
#include "builder/fetch/headers.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void
http_result_release(struct http_result *result)
{
	free(result->etag);
	free(result->last_modified);
	*result = (struct http_result){ 0 };
}

static void
take_validators(const struct fetch_response *response, struct http_result *result)
{
	const char *etag = headers_get(&response->headers, "etag");
	const char *last_modified = headers_get(&response->headers, "last-modified");

	result->etag = etag ? xstrdup(etag) : NULL;
	result->last_modified = last_modified ? xstrdup(last_modified) : NULL;
}

static int
take_time(
    int fd, const struct fetch_response *response, struct http_result *result, struct error *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	time_t time;

	result->has_time = headers_date(headers_get(&response->headers, "last-modified"), &time);
	if (!result->has_time)
		return 0;
	result->time = time;
	times[1].tv_sec = time;
	return futimens(fd, times) < 0 ? error_sys(e, "cannot set the time of what was fetched")
	                               : 0;
}

int
http_fetch(struct fetch *fetch, const struct http_request *request, struct http_result *result,
    struct error *e)
{
	autofree char *shown = resource_shown(request->url);
	auto(strv) struct strv headers = { 0 };
	autofd int fd = openat(
	    request->dir, request->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct fetch_request get = { .method = "GET",
		.url = request->url,
		.headers = &headers,
		.authorization = request->authorization,
		.has_out = true,
		.out = fd,
		.digest = request->digest };
	struct fetch_response response = { 0 };
	int ok;

	*result = (struct http_result){ 0 };
	if (fd < 0)
		return error_sys(e, "cannot make a file for '%s'", shown);
	strv_add(&headers, "Accept-Encoding: identity"); /* what is stored is what is asked for */
	if (request->etag && *request->etag)
		strv_printf(&headers, "If-None-Match: %s", request->etag);
	if (request->last_modified && *request->last_modified)
		strv_printf(&headers, "If-Modified-Since: %s", request->last_modified);
	ok = fetch_perform(fetch, &get, &response, e);
	result->not_modified = ok == 0 && headers.count > 1 && response.status == 304;
	if (result->not_modified) {
		(void)unlinkat(request->dir, request->name, 0); /* empty */
		fetch_response_release(&response);
		return 0;
	}
	if (ok == 0 && (response.status < 200 || response.status > 299))
		ok = fetch_status_error(&response, e);
	if (ok == 0)
		ok = take_time(fd, &response, result, e);
	if (ok == 0)
		take_validators(&response, result);
	fetch_response_release(&response);
	return ok < 0 ? error_ctx(e, "'%s'", shown) : 0;
}
