/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block - runs a command under a filter that refuses calls, as an outer container's does.
 *
 * usage: block EPERM|ENOSYS NAME[,NAME...] COMMAND [ARGUMENT...]
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int answer;

	if (argc < 4 || !filter)
		return 125;
	answer = strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM;
	for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ",")) {
		int number = seccomp_syscall_resolve_name(name);

		if (number == __NR_SCMP_ERROR ||
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned int)answer), number, 0) !=
			0) {
			fprintf(stderr, "block: %s\n", name);
			return 125;
		}
	}
	/* root keeps its way through set-user-ID programs */
	if (geteuid() == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (seccomp_load(filter) != 0)
		return 125;
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
