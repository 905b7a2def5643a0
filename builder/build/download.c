/* SPDX-License-Identifier: Apache-2.0 */
/*
 * download - files by HTTP, and those that were fetched before.
 */
#include "builder/build/download.h"

#include "builder/fetch/headers.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_VERSION 1

/* What is remembered of a URL. */
struct kept {
	struct digest key;
	struct json *record; /* NULL: nothing */
	struct digest digest;
	const char *etag; /* "" when the server gave none */
	const char *last_modified;
};

/* A record that cannot be used is none. */
static void
look_up(struct build *b, const char *url, struct kept *kept)
{
	struct error ignored = ERROR_INIT;
	uint64_t version = 0;
	const char *digest;

	keys_of_text("croze download 1", url, &kept->key);
	kept->etag = kept->last_modified = "";
	if (b->options->no_cache ||
	    store_step_get(b->store, &kept->key, &kept->record, &ignored) <= 0)
		return;
	digest = json_text(json_at(json_get(kept->record, "blobs"), 0));
	if (json_read_u64(kept->record, "version", "download", &version, &ignored) == 0 &&
	    version == RECORD_VERSION && digest &&
	    digest_parse(digest, &kept->digest, &ignored) == 0 &&
	    json_read_text(kept->record, "etag", "download", &kept->etag, &ignored) == 0 &&
	    json_read_text(
		kept->record, "lastModified", "download", &kept->last_modified, &ignored) == 0)
		return;
	json_free(kept->record);
	kept->record = NULL;
}

static void
set_time(const struct kept *kept, struct http_result *result)
{
	time_t time;

	result->has_time = headers_date(kept->last_modified, &time);
	result->time = result->has_time ? time : 0;
}

/* Makes the file from the blob. Returns 1, 0 when the blob is not what its name says, -1. */
static int
place(struct build *b, const struct http_request *request, const struct kept *kept,
    struct http_result *result, struct error *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	autofd int blob = store_blob_open(b->store, &kept->digest, NULL, e);
	autofd int file = blob < 0 ? -1
	                           : openat(request->dir, request->name,
					 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct digest digest;
	uint64_t copied;

	if (blob < 0)
		return -1;
	if (file < 0)
		return error_sys(e, "cannot make a file for what was fetched before");
	if (fd_copy(blob, file, UINT64_MAX, &copied, e) < 0)
		return -1;
	if (lseek(file, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read what was fetched before");
	if (digest_of_fd(file, &digest, &copied, e) < 0)
		return -1;
	if (!digest_equal(&digest, &kept->digest)) {
		(void)unlinkat(request->dir, request->name, 0); /* was made just now */
		return 0;
	}
	set_time(kept, result);
	times[1].tv_sec = result->time;
	if (result->has_time && futimens(file, times) < 0)
		return error_sys(e, "cannot set the time of what was fetched before");
	return 1;
}

/* Remembers what came. */
static int
keep(struct build *b, const struct http_request *request, const struct kept *kept,
    const struct http_result *result, struct error *e)
{
	autojson struct json *record = json_new_object();
	struct blob_writer blob = BLOB_WRITER_INIT;
	char text[DIGEST_TEXT_LEN + 1];
	struct digest digest;
	uint64_t size, copied;
	autofd int file = openat(request->dir, request->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int ok;

	if (file < 0)
		return error_sys(e, "cannot open what was fetched");
	if (digest_of_fd(file, &digest, &size, e) < 0 || blob_writer_open(&blob, b->store, e) < 0)
		return -1;
	ok = lseek(file, 0, SEEK_SET) < 0 ? error_sys(e, "cannot read what was fetched")
	                                  : fd_copy(file, blob.fd, UINT64_MAX, &copied, e);
	if (ok == 0)
		ok = blob_writer_commit(&blob, &digest, size, e);
	blob_writer_release(&blob);
	if (ok < 0)
		return -1;
	json_set(record, "version", json_new_u64(RECORD_VERSION));
	json_append(
	    json_set(record, "blobs", json_new_array()), json_new_text(digest_text(&digest, text)));
	json_set_text(record, "etag", result->etag ? result->etag : "");
	json_set_text(record, "lastModified", result->last_modified ? result->last_modified : "");
	return store_step_put(b->store, &kept->key, record, e);
}

static int
fetch_or_keep(struct build *b, struct http_request *request, const struct kept *kept,
    struct http_result *result, struct error *e)
{
	int placed = 0;

	if (!b->fetch)
		b->fetch = fetch_new();
	if (kept->record && !request->digest) {
		request->etag = kept->etag;
		request->last_modified = kept->last_modified;
	}
	if (http_fetch(b->fetch, request, result, e) < 0)
		return -1;
	if (!result->not_modified)
		return keep(b, request, kept, result, e);
	placed = place(b, request, kept, result, e);
	if (placed != 0)
		return placed < 0 ? -1 : 0;
	request->etag = request->last_modified = NULL;
	http_result_release(result);
	return http_fetch(b->fetch, request, result, e);
}

int
download(struct build *b, const struct http_request *request, struct http_result *result,
    struct error *e)
{
	struct http_request asked = *request;
	struct kept kept = { 0 };
	int ok = 0;

	*result = (struct http_result){ 0 };
	look_up(b, request->url, &kept);
	if (kept.record && request->digest && digest_equal(request->digest, &kept.digest))
		ok = place(b, request, &kept, result, e);
	if (ok >= 0)
		ok = ok == 1 ? 0 : fetch_or_keep(b, &asked, &kept, result, e);
	json_free(kept.record);
	free(steal_ptr(&result->etag)); /* they are in the record now */
	free(steal_ptr(&result->last_modified));
	return ok;
}
