/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm - every call about names, owners and metadata of files, on many small files.
 *
 * usage: storm [FOLDER [COUNT]]
 *
 * Makes FOLDER ("st") and COUNT (500) files in it, and removes the files again. Prints the microseconds that each kind of call took.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *folder = "st";
static long count = 500;

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int
create(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);

	return fd < 0 || write(fd, "x", 1) != 1 ? -1 : close(fd);
}

static int
look(const char *path)
{
	struct stat st;

	return lstat(path, &st);
}

static int
look_inside(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	return fd < 0 || fstat(fd, &st) < 0 ? -1 : close(fd);
}

static int
change_mode(const char *path)
{
	return chmod(path, 0640);
}

static int
keep_owner(const char *path)
{
	return chown(path, 0, 0);
}

static int
ask(const char *path)
{
	return access(path, R_OK);
}

static int
give(const char *path)
{
	return chown(path, 5, 6);
}

static int
move(const char *path)
{
	char to[256];

	(void)snprintf(to, sizeof(to), "%s-", path);
	return rename(path, to) < 0 ? -1 : rename(to, path);
}

static int
who(const char *path)
{
	return path && geteuid() == (uid_t)-1 ? -1 : 0;
}

static const struct {
	const char *name;
	int (*fn)(const char *path);
	int rounds;
} kinds[] = {
	{ "create", create, 1 },
	{ "lstat", look, 3 },
	{ "open, fstat", look_inside, 1 },
	{ "chmod", change_mode, 1 },
	{ "chown 0:0", keep_owner, 1 },
	{ "access", ask, 1 },
	{ "geteuid", who, 3 },
	{ "rename, twice", move, 1 },
	{ "chown 5:6", give, 1 },
	{ "lstat of 5:6", look, 3 },
	{ "unlink", unlink, 1 },
};

int
main(int argc, char **argv)
{
	char path[256];
	double first = now();

	folder = argc > 1 ? argv[1] : folder;
	count = argc > 2 ? atol(argv[2]) : count;
	(void)mkdir(folder, 0755);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		double start = now();

		for (long i = 0; i < kinds[k].rounds * count; i++) {
			(void)snprintf(path, sizeof(path), "%s/f%ld", folder, i % count);
			if (kinds[k].fn(path) < 0) {
				perror(kinds[k].name);
				return 1;
			}
		}
		printf("> %-14s %9.2f us\n", kinds[k].name,
		    (now() - start) / (double)(kinds[k].rounds * count));
	}
	printf("> all            %9.0f us\n", now() - first);
	return 0;
}
