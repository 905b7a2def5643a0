/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base - files that a step has from the step below, and all ways to change them.
 *
 * usage: base make | change | race COUNT | wait FILE
 *
 * make: the files of /b, in a step of its own. change: each way once; what the step sees then. race: processes that are the first to change
 * a file at once. wait: for a lock of FILE, which ends with a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#define FILES 64
#define RACES 1000
#define WRITERS 4
#define OLD 1000000000

static void
name_of(int number, char name[64])
{
	snprintf(name, 64, "/b/%02d", number);
}

static void
fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void
make_file(const char *name, const char *text, int number)
{
	struct timespec times[2] = { { OLD, 5 }, { OLD, 7 } };
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(name);
	if (number % 3 == 1 && fchown(fd, 7, 8) < 0)
		fail(name);
	if (number % 3 == 2 && fsetxattr(fd, "user.a", name, strlen(name), 0) < 0)
		fail(name);
	if (number % 4 == 1 && fchmod(fd, 04750) < 0)
		fail(name);
	if (futimens(fd, times) < 0)
		fail(name);
	close(fd);
}

static void
make(void)
{
	struct timespec times[2] = { { OLD, 0 }, { OLD, 0 } };
	char name[64], other[80];

	mkdir("/b", 0755);
	mkdir("/r", 0755);
	for (int i = 0; i < FILES; i++) {
		name_of(i, name);
		make_file(name, "as it was\n", i);
		if (i >= 48) {
			snprintf(other, sizeof(other), "%s.link", name);
			link(name, other);
		}
	}
	for (int i = 0; i < RACES; i++) {
		snprintf(name, sizeof(name), "/r/%d", i);
		make_file(name, "", 0);
	}
	utimensat(AT_FDCWD, "/b", times, 0);
	utimensat(AT_FDCWD, "/r", times, 0);
}

/* What is to be seen of a file. */
static void
show(const char *way, const char *name)
{
	char text[256] = "", value[64] = "", *at;
	struct stat st;
	int fd = open(name, O_RDONLY | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long position = n < 0 ? -1 : (long)lseek(fd, 0, SEEK_CUR);

	if (lstat(name, &st) < 0) {
		printf("%s: %s %s\n", way, name, strerror(errno));
		return;
	}
	text[n < 0 ? 0 : n] = '\0';
	for (at = text; *at; at++)
		*at = *at == '\n' ? '|' : *at;
	n = getxattr(name, "user.a", value, sizeof(value) - 1);
	value[n < 0 ? 0 : n] = '\0';
	printf("%s: %s '%s' %ld %o %u:%u %lu %lld %s [%s]\n", way, name, text, position,
	    st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink, (long long)st.st_size,
	    st.st_mtim.tv_sec == OLD && st.st_mtim.tv_nsec == 7 ? "old" : "new", value);
	close(fd);
}

static int
reader(int number)
{
	char name[64];
	int fd;

	name_of(number, name);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		fail(name);
	return fd;
}

static void
report(const char *way, int number, long result)
{
	char name[64];

	if (result < 0)
		printf("%s: %s\n", way, strerror(errno));
	name_of(number, name);
	show(way, name);
}

static void
by_opening(void)
{
	static const struct {
		const char *way;
		int flags;
	} ways[] = { { "write", O_WRONLY }, { "read and write", O_RDWR }, { "append", O_WRONLY | O_APPEND },
		{ "truncate", O_WRONLY | O_TRUNC }, { "truncate to read", O_RDONLY | O_TRUNC },
		{ "create", O_WRONLY | O_CREAT | O_TRUNC }, { "open to write alone", O_WRONLY },
		{ "exclusively", O_WRONLY | O_CREAT | O_EXCL } };

	for (int i = 0; i < 8; i++) {
		char name[64];
		int fd;

		name_of(i, name);
		fd = open(name, ways[i].flags, 0600);
		report(ways[i].way, i, fd < 0 ? -1 : i == 6 ? 0 : i == 4 ? 0 : write(fd, "new", 3));
		close(fd);
	}
}

static void
by_name(void)
{
	struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
	struct timeval micro[2] = { { 1, 2 }, { 3, 4 } };
	struct utimbuf whole = { 1, 3 };

	report("truncate", 8, truncate("/b/08", 4));
	report("chmod", 9, chmod("/b/09", 0600));
	report("chmod as it is", 10, chmod("/b/10", 0644));
	report("fchmodat", 11, fchmodat(AT_FDCWD, "/b/11", 0711, 0));
	report("chown", 12, chown("/b/12", 3, 4));
	report("lchown", 13, lchown("/b/13", 3, 4));
	report("chown of set-id", 17, chown("/b/17", 9, (gid_t)-1));
	report("utimensat", 14, utimensat(AT_FDCWD, "/b/14", times, 0));
	report("utimes", 15, utimes("/b/15", micro));
	report("utime", 16, utime("/b/16", &whole));
	report("setxattr", 18, setxattr("/b/18", "user.a", "x", 1, 0));
	report("lsetxattr", 19, lsetxattr("/b/19", "user.a", "x", 1, 0));
	report("removexattr", 20, removexattr("/b/20", "user.a"));
	report("lremovexattr", 23, lremovexattr("/b/23", "user.a"));
}

/* By a descriptor that was opened to read. */
static void
by_reader(void)
{
	struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
	char name[64], text[16] = "";
	struct stat st;
	int fd = reader(21), flags = FS_NODUMP_FL, other;

	report("fchmod", 21, fchmod(fd, 0600));
	printf("its descriptor: %o\n", fstat(fd, &st) < 0 ? 0 : st.st_mode);
	report("fchown", 22, fchown(reader(22), 5, 6));
	report("fchownat", 24, fchownat(reader(24), "", 5, 6, AT_EMPTY_PATH));
	report("futimens", 25, futimens(reader(25), times));
	report("fsetxattr", 26, fsetxattr(reader(26), "user.a", "y", 1, 0));
	report("fremovexattr", 29, fremovexattr(reader(29), "user.a"));
	/* a file system has such flags, or not */
	(void)ioctl(reader(27), FS_IOC_SETFLAGS, &flags);
	fd = reader(28);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	other = open(name, O_WRONLY);
	report("by procfs", 28, other < 0 ? -1 : write(other, "NEW", 3));
	/* that goes on reading, where it was */
	fd = reader(30);
	printf("read %zd\n", read(fd, text, 3));
	other = open("/b/30", O_WRONLY);
	printf("wrote %zd\n", write(other, "AS IT IS", 8));
	printf("read %zd '%s'\n", read(fd, text, 5), text);
	show("read and written", "/b/30");
	fd = reader(31);
	unlink("/b/31");
	(void)fchmod(fd, 0600); /* an overlay refuses it, other file systems do not */
	show("without a name", "/b/31");
}

static void
by_memory(void)
{
	int fd = open("/b/32", O_RDWR), from = reader(33);
	loff_t at = 0;
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	memcpy(map, "MAP", 3);
	munmap(map, 4096);
	report("mmap", 32, 0);
	report("fallocate", 34, fallocate(open("/b/34", O_RDWR), 0, 0, 100));
	report("ftruncate", 35, ftruncate(open("/b/35", O_RDWR), 2));
	report("sendfile", 36, sendfile(open("/b/36", O_WRONLY), from, NULL, 2));
	report("copy_file_range", 37,
	    syscall(SYS_copy_file_range, from, &at, open("/b/37", O_WRONLY), NULL, 3L, 0));
	(void)ioctl(open("/b/38", O_WRONLY), FICLONE, from);
	report("clone", 38, 0);
	printf("to a descriptor to read: %s %s %s\n",
	    write(from, "x", 1) < 0 && errno == EBADF ? "EBADF" : "wrote",
	    ftruncate(from, 0) < 0 && errno == EINVAL ? "EINVAL" : "wrote",
	    mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, from, 0) == MAP_FAILED ? "EACCES" : "mapped");
}

static void
by_renaming(void)
{
	int fd;

	printf("rename: %d\n", rename("/b/39", "/b/39.new"));
	show("rename", "/b/39");
	show("rename", "/b/39.new");
	fd = open("/b/39.new", O_WRONLY | O_APPEND);
	report("rename and write", 39, fd < 0 ? -1 : write(fd, "new", 3));
	show("rename and write", "/b/39.new");
	report("rename over", 40, rename("/b/41", "/b/40"));
	printf("exchange: %ld\n", syscall(SYS_renameat2, AT_FDCWD, "/b/42", AT_FDCWD, "/b/43", 2));
	show("exchange", "/b/42");
	show("exchange", "/b/43");
	unlink("/b/44");
	fd = open("/b/44", O_WRONLY | O_CREAT, 0600);
	report("unlink and create", 44, write(fd, "made", 4));
	report("link", 45, link("/b/45", "/b/45.new"));
	fd = open("/b/45.new", O_WRONLY);
	report("link and write", 45, write(fd, "LINK", 4));
	show("link and write", "/b/45.new");
	printf("away and back: %d %d\n", rename("/b/46", "/x"), rename("/x", "/b/46"));
	show("away and back", "/b/46");
}

/* Of several names in the base one is changed. */
static void
by_link(void)
{
	int fd = open("/b/48", O_WRONLY);

	report("one of two", 48, write(fd, "ONE", 3));
	show("one of two", "/b/48.link");
	report("chmod of one of two", 50, chmod("/b/50.link", 0600));
	show("chmod of one of two", "/b/50.link");
	show("two", "/b/51");
	printf("unlink one of two: %d\n", unlink("/b/52"));
	show("unlink one of two", "/b/52.link");
	printf("one over the other: %d\n", rename("/b/53", "/b/53.link"));
	show("one over the other", "/b/53");
	show("one over the other", "/b/53.link");
	printf("both renamed: %d %d\n", rename("/b/54", "/b/54.a"), rename("/b/54.link", "/b/54.b"));
	show("both renamed", "/b/54.a");
	show("both renamed", "/b/54.b");
	report("a third name", 55, link("/b/55", "/b/55.third"));
	show("a third name", "/b/55.link");
	show("a third name", "/b/55.third");
}

static void
change(void)
{
	struct stat st;

	/* what comes first changes nothing in the folder */
	by_name();
	by_memory();
	printf("the folder: %s\n", stat("/b", &st) == 0 && st.st_mtim.tv_sec == OLD ? "old" : "new");
	by_opening();
	by_reader();
	by_renaming();
	by_link();
}

static void
append(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_APPEND);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(name);
	close(fd);
}

/* Waits until all are there. */
static void
meet(volatile int *count, int round)
{
	__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(count, __ATOMIC_SEQ_CST) < round * WRITERS)
		sched_yield();
}

static void
writer(int me, volatile int *count, int tries)
{
	char name[64], text[16];

	alarm(60); /* the others wait for one that has failed */
	for (int i = 0; i < tries; i++) {
		snprintf(name, sizeof(name), "/r/%d", i);
		snprintf(text, sizeof(text), "%d", me);
		meet(count, i + 1);
		switch (i % 4 == 0 ? 0 : me) {
		case 1:
			if (chmod(name, 0640) < 0 && errno != ENOENT)
				fail("chmod");
			append(name, text);
			break;
		case 2:
			if (i % 4 == 1) {
				char other[80];

				snprintf(other, sizeof(other), "%s.new", name);
				if (link(name, other) < 0 || unlink(other) < 0)
					fail("link");
			}
			append(name, text);
			break;
		default:
			append(name, text);
		}
	}
	exit(0);
}

/* All that was written is there, once. */
static int
is_whole(int number)
{
	char name[64], text[64] = "";
	int fd, bits = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "/r/%d", number);
	fd = open(name, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		bits |= 1 << (text[i] - '0');
	return n == WRITERS && bits == (1 << WRITERS) - 1;
}

static void
race(int tries)
{
	volatile int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, whole = 0;

	fflush(stdout);
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			writer(i, count, tries);
	for (int i = 0; i < WRITERS; i++) {
		if (wait(&status) < 0 || status != 0)
			printf("a writer failed: %x\n", status);
	}
	for (int i = 0; i < tries; i++)
		whole += is_whole(i);
	printf("%d of %d are whole\n", whole, tries);
}

static void
ring(int number)
{
	(void)number;
}

/* A handler that does not have calls restarted ends the waiting: by it programs have a limit of time. */
static void
wait_for_lock(const char *path)
{
	struct sigaction action = { .sa_handler = ring };
	int fd = open(path, O_RDONLY);

	(void)sigaction(SIGALRM, &action, NULL);
	(void)alarm(1);
	printf("%s\n", flock(fd, LOCK_EX) == 0 ? "had" : errno == EINTR ? "interrupted" : "failed");
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "make") == 0)
		make();
	else if (argc > 1 && strcmp(argv[1], "change") == 0)
		change();
	else if (argc > 2 && strcmp(argv[1], "race") == 0)
		race(atoi(argv[2]));
	else if (argc > 2 && strcmp(argv[1], "wait") == 0)
		wait_for_lock(argv[2]);
	else
		return 2;
	return 0;
}
