/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soak - threads, vfork, clone, signals and job control, over and over: every process comes back, with the status that it ended with.
 *
 * usage: soak ROUNDS. Leaves processes behind on purpose: some that have ended, and one that sleeps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define SIGNALS 20

extern char **environ;
static volatile sig_atomic_t caught;

static void
fail(const char *what, int number)
{
	printf("%s: %d, errno %d\n", what, number, errno);
	exit(1);
}

/* Waits for @pid, which must end with @status. */
static void
expect(const char *what, pid_t pid, int status)
{
	int got = 0;
	pid_t ended;

	if (pid < 0)
		fail(what, (int)pid);
	do
		ended = waitpid(pid, &got, 0);
	while (ended < 0 && errno == EINTR);
	if (ended != pid || !WIFEXITED(got) || WEXITSTATUS(got) != status)
		fail(what, got);
}

static void *
work(void *arg)
{
	char path[64];
	struct stat st;
	int n = (int)(long)arg, fd;
	pid_t pid;

	snprintf(path, sizeof(path), "/t%d", n);
	for (int i = 0; i < 10; i++) {
		fd = open(path, O_CREAT | O_RDWR, 0644);
		if (fd < 0 || fstat(fd, &st) < 0 || stat(path, &st) < 0 || close(fd) < 0 ||
		    unlink(path) < 0)
			fail("a thread's file", n);
	}
	pid = fork();
	if (pid == 0)
		_exit(stat("/", &st) == 0 ? n : 99);
	expect("a thread's child", pid, n);
	return NULL;
}

static void
threads(void)
{
	pthread_t thread[THREADS];

	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)i) != 0)
			fail("a thread", (int)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void
programs(void)
{
	char *args[] = { "soak", "--status", "5", NULL };
	pid_t pid = vfork();

	if (pid == 0) {
		execv("/proc/self/exe", args);
		_exit(98);
	}
	expect("vfork", pid, 5);
	if (posix_spawn(&pid, "/soak", NULL, NULL, args, environ) != 0)
		fail("posix_spawn", 0);
	expect("posix_spawn", pid, 5);
	/* refused, so that the C library goes on with clone(2) */
	if (syscall(SYS_clone3, NULL, 0) >= 0 || (errno != ENOSYS && errno != EINVAL))
		fail("clone3", 0);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_FS, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(chdir("/dev") == 0 ? 6 : 97);
	expect("clone", pid, 6);
	if (access("null", F_OK) < 0 || chdir("/") < 0)
		fail("the folder of both", 0);
}

static void
catch(int number)
{
	(void)number;
	caught++;
}

/* One at a time, each answered, while calls that are answered elsewhere are interrupted. */
static void
signals(void)
{
	struct sigaction action = { .sa_handler = catch };
	struct stat st;
	int pipes[2];
	pid_t pid;
	char byte;

	sigaction(SIGUSR1, &action, NULL);
	if (pipe(pipes) < 0)
		fail("pipe", 0);
	caught = 0;
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		for (int seen = -1; caught < SIGNALS;) {
			if (caught != seen) {
				seen = caught;
				(void)!write(pipes[1], "", 1);
			}
			if (stat("/soak", &st) < 0)
				_exit(96);
		}
		_exit(caught);
	}
	close(pipes[1]);
	while (read(pipes[0], &byte, 1) == 1)
		kill(pid, SIGUSR1);
	close(pipes[0]);
	expect("signals", pid, SIGNALS);
}

static void
jobs(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	if (kill(-pid, SIGSTOP) < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		fail("a stop", status);
	if (kill(-pid, SIGCONT) < 0 || waitpid(pid, &status, WCONTINUED) != pid ||
	    !WIFCONTINUED(status))
		fail("going on", status);
	if (kill(-pid, SIGTERM) < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGTERM)
		fail("an end", status);
}

/* Children that nobody waits for: of a parent that has ended. */
static void
orphans(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			if (fork() == 0)
				_exit(0);
		_exit(4);
	}
	expect("a parent", pid, 4);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;

	if (argc > 2 && strcmp(argv[1], "--status") == 0)
		return atoi(argv[2]);
	for (int i = 0; i < rounds; i++) {
		threads();
		programs();
		signals();
		jobs();
		orphans();
	}
	errno = 0;
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		fail("children at the end", 0);
	if (fork() == 0) {
		setsid();
		sleep(7317);
		_exit(0);
	}
	printf("> %d rounds\n", rounds);
	return 0;
}
