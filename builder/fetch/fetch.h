/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch - HTTP through the confined helper program croze-fetch, the only one that links libcurl.
 *
 * The program is started by the first request and ends with the last descriptor of its socket. It can connect, and write to
 * the descriptors that a request brings; it sees no file but certificates and what names are resolved with. Connections are
 * kept and shared by the requests of one struct fetch; many requests run at once.
 *
 * Redirects are followed for GET and HEAD: never from https to http, never to an address nearer than that of the server
 * which sends us there (address.h; the address that was connected to is looked at, not a name), and credentials stay with
 * the origin (scheme, host and port of the request). What fails on the way is tried again, and goes on where it stopped.
 */
#ifndef CROZE_FETCH_FETCH_H
#define CROZE_FETCH_FETCH_H

#include "builder/fetch/address.h"
#include "runtime/base/buf.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stdint.h>

#define FETCH_PROGRAM "croze-fetch"
#define FETCH_SIZE_UNKNOWN UINT64_MAX
#define FETCH_IDLE_DEFAULT 30 /* seconds without bytes */
#define FETCH_ATTEMPTS_DEFAULT 4
#define FETCH_DELAY_DEFAULT 500 /* milliseconds before the first retry; doubled each time */

enum fetch_flags {
	FETCH_INSECURE = 1 << 0,   /* the certificate of the origin is not checked */
	FETCH_REPEATABLE = 1 << 1, /* may be sent again though it is neither GET nor HEAD */
};

/** All text is borrowed; everything but @method and @url may be left 0. */
struct fetch_request {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const char *url;    /* http: or https:, without user and password */
	enum fetch_flags flags;
	const struct strv *headers; /* "Name: value"; they go wherever redirects lead */
	const char *authorization;  /* value of that header: goes to the origin alone */
	const char *referrer;       /* the URL of the server that named @url; NULL: the user did */
	enum reach referrer_reach;  /* where that one was */

	/* Where the body of a 2xx goes: a regular file or memfd at its position 0. */
	bool has_out; /* @out is set */
	int out;
	uint64_t max;  /* bytes, more is ERR_POLICY; 0: no limit with @out, 1 MiB without */
	uint64_t size; /* that it must have; FETCH_SIZE_UNKNOWN or 0: any */
	const struct digest *digest; /* that it must have; NULL: any */

	/* A body to send: @in_length bytes of @in from @in_offset on. */
	bool has_in;
	int in;
	uint64_t in_offset, in_length;

	const char *ca;   /* PEM: accepted besides the system's, for the origin */
	const char *cert; /* PEM: the client's certificate and key, for the origin */
	const char *key;

	/* Seconds; 0: FETCH_IDLE_DEFAULT or $CROZE_NETWORK_TIMEOUT. What has a @max and no @size has ten times that in all. */
	unsigned idle;
	unsigned attempts; /* 0: FETCH_ATTEMPTS_DEFAULT; 1: no second one */
	unsigned delay;    /* milliseconds; 0: FETCH_DELAY_DEFAULT */
};

struct fetch_response {
	unsigned status;     /* of HTTP; 0 when none came */
	char *url;           /* the last one, after redirects; NULL when none */
	struct strv headers; /* "name: value", see headers.h */
	enum reach reach;    /* of the server that was asked first */
	uint64_t size;       /* bytes of the body of a 2xx */
	bool has_digest;
	struct digest digest; /* of them, when @has_out */
	struct buf
	    text; /* the beginning of the body of another status, at most 16 KiB, as it came */
	unsigned attempts; /* how often it was sent */
	bool
	    no_tls; /* https was asked for and TLS could not be begun; kept when fetch_perform() fails */
	struct error error; /* ERR_NONE: an answer came, whatever its status */
};

void fetch_response_release(struct fetch_response *r);

struct fetch;

/** Nothing is started yet. Proxies and limits are taken from the environment now ({http,https,all,no}_proxy, CROZE_NETWORK_TIMEOUT). */
struct fetch *fetch_new(void);
/** Ends the program and what it does. */
void fetch_free(struct fetch *f);
void fetch_free_at(struct fetch **f);
#define autofetch __attribute__((cleanup(fetch_free_at)))

/** Bytes that came (or went) for request @id so far; called from within fetch_wait(). */
typedef void fetch_progress_fn(void *arg, uint64_t id, uint64_t bytes);
void fetch_on_progress(struct fetch *f, fetch_progress_fn *fn, void *arg);

/** Sends @r off; *@id gets its number. At most about 16 should be under way at a time. */
int fetch_submit(struct fetch *f, const struct fetch_request *r, uint64_t *id, struct error *e);
/** Waits for any of them. -1 when the program has died. */
int fetch_wait(struct fetch *f, uint64_t *id, struct fetch_response *response, struct error *e);
/** One request to its end. 0: an answer came, look at @response->status. -1: none, with @e. */
int fetch_perform(struct fetch *f, const struct fetch_request *r, struct fetch_response *response,
    struct error *e);
/**
 * One request whose body of at most @max bytes goes to @body; a status other than 2xx is an error (fetch_status_error()).
 */
int fetch_read(struct fetch *f, const struct fetch_request *r, uint64_t max, struct buf *body,
    struct fetch_response *response, struct error *e);
/** Sets @e from a status that is no success: ERR_NETWORK, ERR_NOT_FOUND for 404 and 410. Returns -1. */
int fetch_status_error(const struct fetch_response *response, struct error *e);

#endif
