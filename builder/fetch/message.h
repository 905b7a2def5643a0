/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - one JSON object and a few descriptors through a SOCK_SEQPACKET socket: how fetch.c and croze-fetch talk.
 */
#ifndef CROZE_FETCH_MESSAGE_H
#define CROZE_FETCH_MESSAGE_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"

#include <stdbool.h>
#include <stddef.h>

#define MESSAGE_MAX \
	(160U << 10) /* below what a socket of the kernel's default size takes at once */
#define MESSAGE_FDS 2

/** Sends @j with @n_fds descriptors, which stay the caller's. ERR_INPUT when it is too large, ERR_SYSTEM when the other end is gone. */
int fetch_message_send(
    int socket, const struct json *j, const int *fds, size_t n_fds, struct error *e);
/** As fetch_message_send() without descriptors, but never waits: when the socket is full nothing is sent. */
void fetch_message_offer(int socket, const struct json *j);
/** Returns 1 with *@j set and @n_fds descriptors (close-on-exec, the caller's) in @fds; 0 when the other end is closed; -1. */
int fetch_message_receive(
    int socket, struct json **j, int fds[MESSAGE_FDS], size_t *n_fds, struct error *e);

#endif
