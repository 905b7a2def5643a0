/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter - runs a command and says how long it took, its processor time, and how large its largest process was.
 *
 * usage: meter FILE COMMAND [ARGUMENT...]
 *
 * Writes "SECONDS CPU_SECONDS KIB" to FILE and ends as the command does. A program of its own because the kernel counts in the size of a
 * process what it was before execve(2), too: a command started by an interpreter is never smaller than that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct timespec before, after;
	struct rusage usage;
	FILE *out;
	int status;
	pid_t pid;

	if (argc < 3 || !(out = fopen(argv[1], "we")))
		return 125;
	(void)prctl(PR_SET_PDEATHSIG, 9); /* the bench's guard kills this process */
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, 9);
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 125;
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	(void)getrusage(RUSAGE_CHILDREN, &usage);
	fprintf(out, "%.6f %.6f %ld\n",
	    (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9,
	    seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
	if (fclose(out) != 0)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
