/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_keys - asks the ssh agent at $SSH_AUTH_SOCK which keys it has (draft-miller-ssh-agent, 3.5), and prints their number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
main(void)
{
	static const unsigned char question[5] = { 0, 0, 0, 1, 11 };
	unsigned char answer[9];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("SSH_AUTH_SOCK");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t n = 0;

	if (!path || fd < 0)
		return 1;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(fd, question, sizeof(question)) != sizeof(question)) {
		perror(path);
		return 1;
	}
	while (n < sizeof(answer)) {
		ssize_t got = read(fd, answer + n, sizeof(answer) - n);

		if (got <= 0)
			return 1;
		n += (size_t)got;
	}
	printf("agent has %u keys\n", answer[8]);
	return answer[4] == 12 ? 0 : 1;
}
