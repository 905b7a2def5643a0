/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - one JSON object and a few descriptors through a socket (unix(7), SCM_RIGHTS).
 */
#include "builder/fetch/message.h"

#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
};

static int
send_text(int socket, const struct buf *text, const int *fds, size_t n_fds, int flags)
{
	union control control = { 0 };
	struct iovec bytes = { text->data, text->len };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };
	ssize_t sent;

	if (n_fds > 0) {
		struct cmsghdr *header;

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		assert(header); /* the room is there */
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)text->len ? 0 : -1;
}

int
fetch_message_send(int socket, const struct json *j, const int *fds, size_t n_fds, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	assert(n_fds <= MESSAGE_FDS);
	json_write(j, 0, &text);
	if (text.len > MESSAGE_MAX)
		return error_set(e, ERR_INPUT, "a request of %zu bytes is too large", text.len);
	if (send_text(socket, &text, fds, n_fds, 0) < 0)
		return error_sys(e, "cannot send a message");
	return 0;
}

void
fetch_message_offer(int socket, const struct json *j)
{
	auto(buf) struct buf text = { 0 };

	json_write(j, 0, &text);
	(void)send_text(socket, &text, NULL, 0, MSG_DONTWAIT); /* the next one says more */
}

static void
take_fds(struct msghdr *message, int fds[MESSAGE_FDS], size_t *n_fds)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t n;

	*n_fds = 0;
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return;
	n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n > MESSAGE_FDS)
		n = MESSAGE_FDS; /* the room holds no more */
	memcpy(fds, CMSG_DATA(header), n * sizeof(int));
	*n_fds = n;
}

int
fetch_message_receive(
    int socket, struct json **j, int fds[MESSAGE_FDS], size_t *n_fds, struct error *e)
{
	union control control = { 0 };
	autofree char *room = xmalloc(MESSAGE_MAX);
	struct iovec bytes = { room, MESSAGE_MAX };
	struct msghdr message = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got;

	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_sys(e, "cannot receive a message");
	take_fds(&message, fds, n_fds);
	if (got == 0)
		return 0;
	*j = NULL;
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		error_set(e, ERR_SYSTEM, "a message is too long");
	else
		*j = json_parse(room, (size_t)got, e);
	if (*j)
		return 1;
	for (size_t i = 0; i < *n_fds; i++)
		(void)close(fds[i]); /* nothing was written */
	return -1;
}
