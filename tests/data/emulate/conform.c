/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conform - what system calls on paths, processes, signals and ids answer, a line a check, so that two tiers can be compared.
 *
 * Every call is made on every kind of path, each in a fresh folder and a process of its own; what is left in the folder is printed too.
 * Numbers that differ from run to run (inodes, process numbers, times) are not.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

extern char **environ;
static const char *self;

static void
say(const char *name, const char *kind, long result)
{
	int e = errno;

	printf("%s '%.40s': %s %d\n", name, kind, result < 0 ? "fails" : "works", result < 0 ? e : 0);
}

/* ---- calls on paths ---- */

static long c_open_r(const char *p) { return open(p, O_RDONLY | O_NONBLOCK); }
static long c_open_w(const char *p) { return open(p, O_WRONLY | O_NONBLOCK); }
static long c_open_rw(const char *p) { return open(p, O_RDWR | O_NONBLOCK); }
static long c_open_c(const char *p) { return open(p, O_RDWR | O_CREAT | O_NONBLOCK, 0640); }
static long c_open_x(const char *p) { return open(p, O_RDWR | O_CREAT | O_EXCL, 0640); }
static long c_open_t(const char *p) { return open(p, O_WRONLY | O_TRUNC | O_NONBLOCK); }
static long c_open_d(const char *p) { return open(p, O_RDONLY | O_DIRECTORY); }
static long c_open_n(const char *p) { return open(p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK); }
static long c_open_dn(const char *p) { return open(p, O_RDONLY | O_NOFOLLOW | O_DIRECTORY); }
static long c_creat(const char *p) { return creat(p, 0600); }
static long c_stat(const char *p) { struct stat s; int r = stat(p, &s); if (!r) printf("%o %d %d ", s.st_mode, (int)s.st_uid, (int)s.st_gid); return r; }
static long c_lstat(const char *p) { struct stat s; int r = lstat(p, &s); if (!r) printf("%o %d ", s.st_mode, (int)s.st_nlink * !S_ISDIR(s.st_mode)); return r; }
static long c_statx(const char *p) { struct statx s; int r = statx(AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, STATX_ALL, &s); if (!r) printf("%o ", s.stx_mode); return r; }
static long c_access_r(const char *p) { return access(p, R_OK); }
static long c_access_w(const char *p) { return access(p, W_OK); }
static long c_access_x(const char *p) { return access(p, X_OK); }
static long c_eaccess(const char *p) { return faccessat(AT_FDCWD, p, F_OK, AT_EACCESS); }
static long c_readlink(const char *p) { char b[99]; long n = readlink(p, b, sizeof(b)); if (n >= 0) printf("%.*s ", (int)n, b); return n; }
static long c_unlink(const char *p) { return unlink(p); }
static long c_rmdir(const char *p) { return rmdir(p); }
static long c_mkdir(const char *p) { return mkdir(p, 0750); }
static long c_mkfifo(const char *p) { return mkfifo(p, 0644); }
static long c_mknod(const char *p) { return mknod(p, S_IFREG | 0600, 0); }
static long c_symlink(const char *p) { return symlink("to", p); }
static long c_link_from(const char *p) { return link(p, "new"); }
static long c_link_to(const char *p) { return link("f", p); }
static long c_link_follow(const char *p) { return linkat(AT_FDCWD, p, AT_FDCWD, "new", AT_SYMLINK_FOLLOW); }
static long c_rename_from(const char *p) { return rename(p, "new"); }
static long c_rename_to(const char *p) { return rename("f", p); }
static long c_rename_dir(const char *p) { return rename("e", p); }
static long c_rename_no(const char *p) { return syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, p, 1); }
static long c_rename_ex(const char *p) { return syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, p, 2); }
static long c_chdir(const char *p) { char b[4096]; int r = chdir(p); if (!r) printf("%s ", getcwd(b, sizeof(b))); return r; }
static long c_truncate(const char *p) { return truncate(p, 1); }
static long c_chmod(const char *p) { return chmod(p, 0705); }
static long c_chown(const char *p) { return chown(p, 3, 4); }
static long c_lchown(const char *p) { return lchown(p, 3, 4); }
static long c_utimens(const char *p) { struct timespec t[2] = { { 5, 0 }, { 6, 0 } }; return utimensat(AT_FDCWD, p, t, 0); }
static long c_lutimens(const char *p) { struct timespec t[2] = { { 5, 0 }, { 6, 0 } }; return utimensat(AT_FDCWD, p, t, AT_SYMLINK_NOFOLLOW); }
static long c_utime(const char *p) { return utime(p, NULL); }
static long c_statfs(const char *p) { struct statfs s; return statfs(p, &s); }
static long c_setxattr(const char *p) { return setxattr(p, "user.t", "v", 1, 0); }
static long c_getxattr(const char *p) { char b[9]; return getxattr(p, "user.none", b, 9); }
static long c_listxattr(const char *p) { char b[999]; return listxattr(p, b, sizeof(b)); }
static long c_exec(const char *p) { return execl(p, "x", (char *)NULL); }
static long c_opendir(const char *p) { return opendir(p) ? 0 : -1; }
static long c_realpath(const char *p) { char b[4096]; char *r = realpath(p, b); if (r) printf("%s ", r); return r ? 0 : -1; }

static const struct {
	const char *name;
	long (*fn)(const char *);
} calls[] = {
#define C(x) { #x, c_##x }
	C(open_r), C(open_w), C(open_rw), C(open_c), C(open_x), C(open_t), C(open_d), C(open_n), C(open_dn), C(creat), C(stat),
	C(lstat), C(statx), C(access_r), C(access_w), C(access_x), C(eaccess), C(readlink), C(unlink), C(rmdir), C(mkdir), C(mkfifo),
	C(mknod), C(symlink), C(link_from), C(link_to), C(link_follow), C(rename_from), C(rename_to), C(rename_dir), C(rename_no),
	C(rename_ex), C(chdir), C(truncate), C(chmod), C(chown), C(lchown), C(utimens), C(lutimens), C(utime), C(statfs), C(setxattr),
	C(getxattr), C(listxattr), C(exec), C(opendir), C(realpath),
};

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const kinds[] = { "f", "d", "e", "lf", "ld", "lnone", "loop", "none", "f/x", "f/", "d/", "e/", "lf/", "ld/",
	"lnone/", "none/", "none/x", "d/.", "d/..", "d/in", "ld/in", "ld/../f", "", ".", "..", "./f", "d//in", "abs", "fifo",
	LONG LONG "a", "d/" LONG };

static void
make_folder(void)
{
	int fd = open("f", O_WRONLY | O_CREAT, 0644);

	(void)!write(fd, "text", 4);
	close(fd);
	mkdir("d", 0755);
	mkdir("e", 0755);
	close(open("d/in", O_WRONLY | O_CREAT, 0600));
	symlink("f", "lf");
	symlink("d", "ld");
	symlink("nothing", "lnone");
	symlink("loop", "loop");
	symlink("/c/w/d/in", "abs");
	mkfifo("fifo", 0644);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
print_folder(const char *path)
{
	char *names[100];
	int n = 0;
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		names[n++] = strdup(entry->d_name);
	qsort(names, (size_t)n, sizeof(names[0]), compare);
	for (int i = 0; i < n; i++) {
		if (fstatat(dirfd(dir), names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			printf(" %.9s:%o:%d:%d:%d", names[i], st.st_mode, (int)st.st_uid,
			    S_ISDIR(st.st_mode) ? 0 : (int)st.st_nlink, S_ISDIR(st.st_mode) ? 0 : (int)st.st_size);
		free(names[i]);
	}
	printf("\n");
	if (dir)
		closedir(dir);
}

static void
try_one(size_t call, size_t kind)
{
	pid_t pid;

	mkdir("/c", 0755);
	mkdir("/c/w", 0755);
	chdir("/c/w");
	make_folder();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(5);
		errno = 0;
		say(calls[call].name, kinds[kind], calls[call].fn(kinds[kind]));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	print_folder("/c/w");
	chdir("/");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", "/c", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

/* ---- ids ---- */

static void
print_ids(const char *name)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;
	gid_t groups[32];
	int n = getgroups(32, groups);

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	printf("%s: %d %d %d / %d %d %d / %d\n", name, (int)r, (int)e, (int)s, (int)rg, (int)eg, (int)sg, n);
	fflush(stdout);
}

static void
in_child(const char *name, void (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("%s ends: %x\n", name, (unsigned)status);
	fflush(stdout);
}

static void
ids(void)
{
	print_ids("root");
	say("setgroups", "", setgroups(2, (gid_t[]){ 7, 8 }));
	say("setresgid", "", setresgid(5, 6, 7));
	print_ids("groups");
	say("setresuid", "", setresuid(1000, 1001, 0));
	print_ids("users");
	say("seteuid", "0", seteuid(0));
	say("setuid", "1000", setuid(1000));
	print_ids("dropped");
	say("setuid", "0", setuid(0));
	say("setgid", "9", setgid(9));
	say("setgroups", "dropped", setgroups(0, NULL));
	say("open", "/etc/shadow", open("/etc/shadow", O_RDONLY));
	say("open w", "/etc/passwd", open("/etc/passwd", O_WRONLY));
	say("mkdir", "/etc/x", mkdir("/etc/x", 0755));
	say("chmod", "/etc/passwd", chmod("/etc/passwd", 0600));
	say("chown", "/etc/passwd", chown("/etc/passwd", 1, 1));
	say("utimes now", "/etc/passwd", utime("/etc/passwd", NULL));
	say("unlink", "/tmp/root", unlink("/tmp/root"));
	say("creat", "/tmp/mine", creat("/tmp/mine", 0666));
	c_stat("/tmp/mine");
	say("mkdir", "/tmp/minedir", mkdir("/tmp/minedir", 0777));
	c_stat("/tmp/minedir");
	say("symlink", "/tmp/minelink", symlink("x", "/tmp/minelink"));
	say("mknod", "char", mknod("/tmp/dev", S_IFCHR | 0600, makedev(1, 3)));
	say("chown", "mine to other", chown("/tmp/mine", 5, -1));
	say("chown", "mine to group", chown("/tmp/mine", -1, 5));
	say("kill", "parent", kill(getppid(), 0));
	say("access", "shadow", access("/etc/shadow", R_OK));
	say("chroot", "", chroot("/tmp"));
	say("chdir", "/root", chdir("/root"));
}

static void
set_id(void)
{
	char *argv[] = { "conform", "ids", NULL };

	chown("/tmp/suid", 77, 78);
	chmod("/tmp/suid", 06755);
	setresgid(50, 50, 50);
	setresuid(40, 40, 40);
	execv("/tmp/suid", argv);
	say("exec", "suid", -1);
}

/* ---- processes ---- */

static volatile int got;
static void
handler(int signal)
{
	got = signal;
}

static void *
thread_main(void *arg)
{
	*(int *)arg = chdir("/usr");
	return NULL;
}

static void
signals(void)
{
	int status, pipes[2];
	pid_t pid;
	char byte = 0;

	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	printf("raise: %d\n", got == SIGUSR1);
	pipe(pipes);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		(void)!write(pipes[1], "x", 1);
		for (;;)
			pause();
	}
	(void)!read(pipes[0], &byte, 1);
	say("kill", "STOP", kill(pid, SIGSTOP));
	waitpid(pid, &status, WUNTRACED);
	printf("stopped: %d %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	say("kill", "TERM ignored", kill(pid, SIGTERM));
	say("kill", "CONT", kill(pid, SIGCONT));
	waitpid(pid, &status, WCONTINUED);
	printf("continued: %d\n", WIFCONTINUED(status));
	printf("alive: %d\n", (int)waitpid(pid, &status, WNOHANG));
	say("kill", "KILL", kill(pid, SIGKILL));
	waitpid(pid, &status, 0);
	printf("killed: %d %d\n", WIFSIGNALED(status), WTERMSIG(status));
	say("kill", "gone", kill(pid, 0));
	say("waitpid", "none", waitpid(-1, &status, 0));
	say("kill", "own group 0", kill(0, 0));
	say("kill", "no group", kill(-999999, 0));
	say("kill", "bad signal", kill(getpid(), 999));
	say("setpgid", "self", setpgid(0, 0));
	printf("group: %d\n", getpgrp() == getpid());
	alarm(1);
	signal(SIGALRM, handler);
	say("pause", "", pause());
	printf("alarm: %d\n", got == SIGALRM);
}

/* What never fails with EINTR does not, whatever signals come. */
static void
storm(void)
{
	struct sigaction action = { .sa_handler = handler };
	struct itimerval timer = { { 0, 500 }, { 0, 500 } };
	struct stat st;
	time_t end = time(NULL) + 2;
	int failed = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (time(NULL) < end)
		for (int i = 0; i < 50; i++)
			failed += stat("/etc/passwd", &st) < 0;
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("failed: %d\n", failed);
}

static void
processes(void)
{
	char *argv[] = { "true", NULL }, buffer[4096], *bad[] = { "x", NULL };
	pthread_t thread;
	pid_t pid;
	int status, there = 1, fd;

	printf("spawn: %d\n", posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ));
	waitpid(pid, &status, 0);
	printf("status: %d\n", WEXITSTATUS(status));
	printf("spawn none: %d\n", posix_spawn(&pid, "/bin/none", NULL, NULL, argv, environ));
	pthread_create(&thread, NULL, thread_main, &there);
	pthread_join(thread, NULL);
	printf("thread: %d %s\n", there, getcwd(buffer, sizeof(buffer)));
	pid = vfork();
	if (pid == 0) {
		execve("/bin/false", bad, environ);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	printf("vfork: %d\n", WEXITSTATUS(status));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(chdir("/etc"));
	waitpid(pid, &status, 0);
	printf("cwd kept: %s\n", getcwd(buffer, sizeof(buffer)));
	fd = open("/etc", O_RDONLY | O_DIRECTORY);
	say("fchdir", "/etc", fchdir(fd));
	printf("%s\n", getcwd(buffer, sizeof(buffer)));
	say("openat", "passwd", openat(fd, "passwd", O_RDONLY));
	say("openat", "../etc/passwd", openat(fd, "../etc/passwd", O_RDONLY));
	say("openat", "bad fd", openat(99, "passwd", O_RDONLY));
	say("openat", "file", openat(open("/etc/passwd", O_RDONLY), "x", O_RDONLY));
	say("execveat", "fd", 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fd = open("/bin/true", O_PATH | O_CLOEXEC);
		if (fd < 0)
			fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	printf("execveat: %d\n", WEXITSTATUS(status));
	printf("argument: %s, exe: ", self);
	c_readlink("/proc/self/exe");
	printf("\n");
	say("exec folder", "", execl("/etc", "x", (char *)NULL));
	say("exec data", "", execl("/etc/passwd", "x", (char *)NULL));
}

/* ---- files ---- */

static void
sockets(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/tmp/socket" }, b;
	socklen_t length = sizeof(b);
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), d;
	char text[4] = "";

	say("connect", "none", connect(c, (void *)&a, sizeof(a)));
	say("bind", "", bind(s, (void *)&a, sizeof(a)));
	say("bind", "again", bind(c, (void *)&a, sizeof(a)));
	say("connect", "not listening", connect(c, (void *)&a, sizeof(a)));
	say("listen", "", listen(s, 5));
	say("connect", "", connect(c, (void *)&a, sizeof(a)));
	d = accept(s, NULL, NULL);
	(void)!write(c, "hey", 3);
	(void)!read(d, text, 3);
	printf("%s\n", text);
	getsockname(s, (void *)&b, &length);
	printf("%s %d\n", b.sun_path, (int)length);
	length = sizeof(b);
	memset(&b, 0, sizeof(b));
	getpeername(c, (void *)&b, &length);
	printf("%s\n", b.sun_path);
	c_stat("/tmp/socket");
	say("unlink", "socket", unlink("/tmp/socket"));
	say("socketpair", "", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }));
}

static void
files(void)
{
	struct stat st;
	int fd, other;
	char text[64] = "", path[64];
	void *map;

	umask(027);
	fd = open("/tmp/t", O_RDWR | O_CREAT | O_TRUNC, 0666);
	fstat(fd, &st);
	printf("umask: %o\n", st.st_mode);
	umask(022);
	(void)!write(fd, "hello", 5);
	say("fchmod", "0", fchmod(fd, 0));
	fstat(fd, &st);
	printf("mode: %o, nlink %d\n", st.st_mode, (int)st.st_nlink);
	other = open("/tmp/t", O_RDWR | O_APPEND);
	say("root opens mode 0", "", other);
	(void)!write(other, "!", 1);
	printf("%d %s\n", (int)pread(fd, text, 9, 0), text);
	say("flock", "", flock(fd, LOCK_EX | LOCK_NB));
	say("flock", "other", flock(other, LOCK_EX | LOCK_NB));
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memcpy(map, "J", 1);
	pread(other, text, 1, 0);
	printf("map: %c\n", text[0]);
	say("unlink", "open", unlink("/tmp/t"));
	fstat(fd, &st);
	printf("unlinked: %d %d\n", (int)st.st_nlink, (int)st.st_size);
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	say("tmpfile", "", fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say("linkat", "tmpfile", linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/linked", AT_SYMLINK_FOLLOW));
	c_stat("/tmp/linked");
	mkdir("/tmp/g", 0755);
	chown("/tmp/g", 0, 55);
	chmod("/tmp/g", 02775);
	close(open("/tmp/g/f", O_WRONLY | O_CREAT, 0644));
	mkdir("/tmp/g/d", 0755);
	c_stat("/tmp/g/f");
	c_stat("/tmp/g/d");
	close(open("/tmp/s", O_WRONLY | O_CREAT, 0755));
	chmod("/tmp/s", 06755);
	chown("/tmp/s", 5, 5);
	c_stat("/tmp/s");
	say("mknod", "char", mknod("/tmp/null", S_IFIFO | 0600, 0));
	chown("/tmp/null", 9, 9);
	c_stat("/tmp/null");
	symlink("x", "/tmp/sl");
	lchown("/tmp/sl", 11, 12);
	lstat("/tmp/sl", &st);
	printf("link: %d %d\n", (int)st.st_uid, (int)st.st_gid);
	say("mkdir", "cwd", mkdir("/tmp/cwd", 0755));
	chdir("/tmp/cwd");
	rename("/tmp/cwd", "/tmp/cwd2");
	printf("cwd: %s\n", getcwd(path, sizeof(path)));
	rmdir("/tmp/cwd2");
	say("getcwd", "gone", getcwd(path, sizeof(path)) ? 0 : -1);
	say("open", "in gone", open("x", O_RDONLY | O_CREAT, 0600));
	say("chdir", "/", chdir("/"));
	say("rename", "into itself", rename("/tmp", "/tmp/g/x"));
	say("rename", "mount", rename("/proc", "/x"));
	say("rmdir", "mount", rmdir("/proc"));
	say("link", "across", link("/etc/passwd", "/dev/shm/x"));
	say("rename", "across", rename("/etc/motd", "/dev/shm/x"));
	say("rmdir", "/", rmdir("/"));
	say("unlink", "/", unlink("/"));
	say("mkdir", "/", mkdir("/", 0755));
	say("truncate", "-1", truncate("/etc/passwd", -1));
	say("open", "NULL", open(NULL, O_RDONLY));
	say("stat", "bad buffer", syscall(SYS_stat, "/", (void *)8));
	say("creat", "/dev/full", creat("/dev/full", 0600));
	say("open", "/dev/null", open("/dev/null", O_RDWR));
	say("mkdir", "/proc/x", mkdir("/proc/x", 0755));
	say("access", "/proc/self/status", access("/proc/self/status", R_OK));
}

int
main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1 && strcmp(argv[1], "ids") == 0) {
		print_ids("after set-id");
		return 0;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			/* which would wait for the other side */
			if (calls[c].fn != c_creat || strcmp(kinds[k], "fifo") != 0)
				try_one(c, k);
	close(creat("/tmp/root", 0600));
	in_child("ids", ids);
	in_child("set-id", set_id);
	in_child("signals", signals);
	in_child("storm", storm);
	in_child("processes", processes);
	in_child("files", files);
	in_child("sockets", sockets);
	return 0;
}
