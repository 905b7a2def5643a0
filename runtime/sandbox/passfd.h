/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passfd - descriptors through sockets (unix(7), SCM_RIGHTS).
 */
#ifndef CROZE_SANDBOX_PASSFD_H
#define CROZE_SANDBOX_PASSFD_H

#include "runtime/base/error.h"

#include <sys/socket.h>

/** The flags of sendmsg(2) by which a descriptor is sent: nobody else has them together, and no connection is made by them. */
#define PASSFD_FLAGS (MSG_NOSIGNAL | MSG_PROXY)

/** Sends @fd with one byte. */
int passfd_send(int socket, int fd, struct error *e);
/** Receives one descriptor, close-on-exec. */
int passfd_receive(int socket, struct error *e);

#endif
