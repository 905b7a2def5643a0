/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer - one request in croze-fetch: the curl handle that serves it, what came so far, and what comes next.
 *
 * Only croze-fetch has this: nothing else links libcurl.
 */
#ifndef CROZE_FETCH_TRANSFER_H
#define CROZE_FETCH_TRANSFER_H

#include "builder/fetch/request.h"

#include <curl/curl.h>

#define TRANSFER_HOPS_MAX 10
#define TRANSFER_TEXT_MAX (16U << 10)
#define TRANSFER_HEADERS_MAX (1U << 20) /* bytes of all header lines of one answer */
#define TRANSFER_DOCUMENT_IDLES 10      /* idle limits that a document may take in all */

struct transfer {
	struct transfer *next;
	int socket; /* where progress is told */
	uint64_t id;
	struct json *message; /* has the text of @request */
	struct fetch_request request;
	struct fetch_proxies proxies;
	struct strv headers;
	struct digest digest;
	int fds[2]; /* that came with it */
	size_t n_fds;

	/* the attempt that runs */
	CURL *easy;
	struct curl_slist *lines;
	char *url;
	const char *proxy; /* of this hop; NULL: none */
	unsigned hops;     /* redirects followed */
	bool is_away;      /* not at the origin: no credentials, no certificates */
	bool body_begun;
	uint64_t asked;    /* first byte asked for with Range; 0: all */
	uint64_t at_start; /* @received when it began */
	uint64_t sent;     /* of the body to send */
	size_t header_bytes;
	struct error refused; /* by a callback of ours: no second attempt */

	/* all attempts */
	struct fetch_response response;
	struct hash *hash;
	uint64_t received; /* bytes in the output */
	char *etag;        /* strong, of what is in the output; NULL */
	bool no_range;     /* the server cannot */
	bool was_fresh;    /* a wrong digest has led to a new beginning already */
	unsigned tries;    /* since there was progress */
	uint64_t due;      /* milliseconds of the clock when the next attempt begins; 0: it runs */
	uint64_t told;     /* when progress was told */
};

/** Takes @message and @fds over. NULL with @e; *@id is set when the message had one. */
struct transfer *transfer_new(
    struct json *message, const int *fds, size_t n_fds, int socket, uint64_t *id, struct error *e);
void transfer_free(struct transfer *t);
/** Makes the handle for the next attempt or hop. */
int transfer_prepare(struct transfer *t, struct error *e);
/** Lets the handle go. */
void transfer_drop_handle(struct transfer *t);
/** Forgets the bytes that came: the next attempt begins anew. */
int transfer_start_over(struct transfer *t, struct error *e);
uint64_t transfer_clock(void); /* milliseconds */
/** Seconds without bytes after which it is given up. */
unsigned transfer_idle(const struct transfer *t);
/** Is what comes bounded but of unknown size, and little sent? That has to be whole in some time, however steadily it drips. */
bool transfer_is_document(const struct transfer *t);

enum transfer_next {
	TRANSFER_AGAIN, /* prepare it and go on: at once, or at @due */
	TRANSFER_DONE,  /* the response is whole */
};
/** What comes after curl has ended with @code (outcome.c). */
enum transfer_next transfer_ended(struct transfer *t, CURLcode code);
/** Are two URLs of one scheme, host and port? */
bool transfer_same_origin(const char *a, const char *b);
/** Host (without brackets) and scheme of @url, to be freed; ERR_INPUT for what is no http or https URL, or has a user in it. */
int transfer_split_url(const char *url, char **scheme, char **host, struct error *e);
/** Is the server at @ip one that we may ask now? Sets @refused. */
bool transfer_may_reach(struct transfer *t, const char *ip);

#endif
