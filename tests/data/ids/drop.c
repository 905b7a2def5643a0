/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop - root becomes somebody else in every way that programs do it, and what that one may do is asked each time.
 *
 * usage: drop. As root, with "/secret" of root alone and "/sticky" (mode 1777) with root's "r" in it; also "drop ask", which asks alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 1234
#define THREADS 3

static void
fail(const char *what)
{
	printf("> %s: errno %d\n", what, errno);
	_exit(99);
}

static int
error_of(long result)
{
	return result < 0 ? errno : 0;
}

/* One line: who the caller is, and what is refused to it. */
static void
ask(const char *who)
{
	struct stat st;
	int fd = open("/secret", O_RDONLY), opened = error_of(fd);
	int accessed = error_of(access("/secret", R_OK));
	int removed = error_of(unlink("/sticky/r"));
	int moved = error_of(rename("/sticky/r", "/sticky/x"));
	int changed = error_of(chmod("/secret", 0644));
	int cut = error_of(truncate("/secret", 0));
	int made = error_of(mkdir("/new", 0755));
	int touched = error_of(utimensat(AT_FDCWD, "/secret", NULL, 0));

#ifdef SYS_utimes
	if (error_of(syscall(SYS_utimes, "/secret", NULL)) != touched ||
	    error_of(syscall(SYS_utime, "/secret", NULL)) != touched ||
	    error_of(syscall(SYS_futimesat, AT_FDCWD, "/secret", NULL)) != touched)
		fail("utimes");
#endif

	if (fd >= 0)
		close(fd);
	if (stat("/secret", &st) < 0)
		fail("stat");
	printf("> %s: %d:%d open %d access %d unlink %d rename %d chmod %d truncate %d mkdir %d touch %d, secret is %d's\n",
	    who, (int)geteuid(), (int)getegid(), opened, accessed, removed, moved, changed, cut, made, touched,
	    (int)st.st_uid);
}

static void
drop(void)
{
	if (setgid(SOMEBODY) < 0 || setuid(SOMEBODY) < 0)
		fail("setuid");
}

static void
expect(const char *what, pid_t pid, int options, int status)
{
	int got = 0;

	if (waitpid(pid, &got, options) != pid)
		fail(what);
	if (got != status)
		printf("> %s: status %x instead of %x\n", what, got, status);
}

static pid_t
child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	fn();
	_exit(7);
}

/* ---- as a debugger's program ---- */

static void
drop_traced(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		fail("PTRACE_TRACEME");
	raise(SIGSTOP);
	drop();
	ask("traced");
}

/* Follows @pid from call to call, as strace(1) does, until it has ended. */
static void
follow(pid_t pid)
{
	int status = 0, calls = 0;

	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		calls += WSTOPSIG(status) == SIGTRAP;
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
			fail("PTRACE_SYSCALL");
	}
	printf("> followed: status %x, %s\n", status, calls > 20 ? "many calls" : "few calls");
}

/* ---- as a debugger ---- */

static void
wait_long(void)
{
	for (;;)
		pause();
}

static volatile long word = 42;

static void
trace_dropped(void)
{
	long copy = 0;
	struct iovec here = { &copy, sizeof(copy) }, there = { (void *)&word, sizeof(word) };
	pid_t pid;

	drop();
	prctl(PR_SET_DUMPABLE, 1); /* as after execve(2) */
	pid = child(drop_traced);
	follow(pid);
	pid = child(wait_long);
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		fail("PTRACE_ATTACH");
	expect("attached", pid, 0, SIGSTOP << 8 | 0x7f);
	printf("> the word there: %ld, read %d\n", ptrace(PTRACE_PEEKDATA, pid, (void *)&word, NULL),
	    error_of(process_vm_readv(pid, &here, 1, &there, 1, 0)));
	if (ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		fail("PTRACE_DETACH");
	kill(pid, SIGKILL);
	expect("killed", pid, 0, SIGKILL);
	printf("> root's process: attach %d, seize %d, read %d\n",
	    error_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)),
	    error_of(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL)),
	    error_of(process_vm_readv(getppid(), &here, 1, &there, 1, 0)));
}

/* ---- threads ---- */

static pthread_barrier_t barrier;

static void *
ask_later(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_barrier_wait(&barrier); /* all are there */
	pthread_barrier_wait(&barrier); /* it has been done */
	pthread_mutex_lock(&lock);
	ask("thread");
	pthread_mutex_unlock(&lock);
	return arg;
}

static void
drop_with_threads(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, ask_later, NULL) != 0)
			fail("pthread_create");
	pthread_barrier_wait(&barrier);
	drop();
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* ---- and the rest ---- */

static void
drop_and_return(void)
{
	for (int i = 0; i < 3; i++) {
		if (setegid(SOMEBODY) < 0 || seteuid(SOMEBODY) < 0)
			fail("seteuid");
		ask("for now");
		if (seteuid(0) < 0 || setegid(0) < 0)
			fail("seteuid back");
		if (access("/secret", W_OK) < 0 || close(open("/secret", O_RDWR)) < 0)
			fail("root again");
	}
}

static void
drop_in_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		syscall(SYS_setgid, SOMEBODY);
		syscall(SYS_setuid, SOMEBODY);
		execl("/proc/self/exe", "drop", "ask", NULL);
		_exit(98);
	}
	expect("vfork", pid, 0, 0);
	if (geteuid() != 0 || close(open("/secret", O_RDWR)) < 0)
		fail("after vfork");
}

static int go_on[2]; /* that it was continued must have been seen before it stops again */

static void
stop_and_ask(void)
{
	char byte;

	drop();
	for (int i = 0; i < 3; i++) {
		raise(SIGSTOP);
		if (read(go_on[0], &byte, 1) != 1)
			fail("go on");
	}
	ask("stopped");
}

static void
control_job(void)
{
	pid_t pid;

	if (pipe(go_on) < 0)
		fail("pipe");
	pid = child(stop_and_ask);
	for (int i = 0; i < 3; i++) {
		expect("stopped", pid, WUNTRACED, SIGSTOP << 8 | 0x7f);
		kill(pid, SIGCONT);
		expect("continued", pid, WCONTINUED, 0xffff);
		if (write(go_on[1], "", 1) != 1)
			fail("go on");
	}
	expect("ended", pid, 0, 7 << 8);
}

int
main(int argc, char **argv)
{
	static void (*const children[])(void) = { trace_dropped, drop_with_threads,
		drop_and_return, drop_in_vfork, control_job };

	if (argc > 1) {
		ask(argv[1]);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* children end without writing what is left */
	follow(child(drop_traced));
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		expect("child", child(children[i]), 0, 7 << 8);
	return 0;
}
