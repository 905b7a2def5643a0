/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passfd - descriptors through sockets (unix(7), SCM_RIGHTS).
 */
#include "runtime/sandbox/passfd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

int
passfd_send(int socket, int fd, struct error *e)
{
	union control control = { 0 };
	char byte = 'f';
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, PASSFD_FLAGS) != 1)
		return error_sys(e, "cannot pass a descriptor");
	return 0;
}

int
passfd_receive(int socket, struct error *e)
{
	union control control = { 0 };
	char byte;
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_sys(e, "cannot receive a descriptor");
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return error_set(e, ERR_SYSTEM, "no descriptor was received");
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}
