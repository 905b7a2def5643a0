/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race - exchanges folders and links under a path while others are looking it up: nothing outside the root may be reached.
 *
 * usage: race CANARY ROUNDS: CANARY is a file outside, with the text "canary".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *canary;
static volatile int stop;
static char up[4096];

static void *
swap(void *arg)
{
	(void)arg;
	while (!stop) {
		syscall(SYS_renameat2, AT_FDCWD, "/r/d", AT_FDCWD, "/r/l", 2);
		syscall(SYS_renameat2, AT_FDCWD, "/r/deep/a/b", AT_FDCWD, "/r/b", 0);
		syscall(SYS_renameat2, AT_FDCWD, "/r/b", AT_FDCWD, "/r/deep/a/b", 0);
	}
	return NULL;
}

static int
reached(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY), made;

	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	made = strncmp(text, "canary", 6) == 0;
	return made;
}

int
main(int argc, char **argv)
{
	pthread_t threads[2];
	char path[8192];
	int rounds = argc > 2 ? atoi(argv[2]) : 1000, escapes = 0;

	canary = argv[1];
	for (int i = 0; i < 40; i++)
		strcat(up, "../");
	mkdir("/r", 0755);
	mkdir("/r/d", 0755);
	mkdir("/r/deep", 0755);
	mkdir("/r/deep/a", 0755);
	mkdir("/r/deep/a/b", 0755);
	mkdir("/r/deep/a/b/c", 0755);
	snprintf(path, sizeof(path), "%s%s", up, canary + 1);
	*strrchr(path, '/') = '\0';
	symlink(path, "/r/l");
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, swap, NULL);
	for (int i = 0; i < rounds; i++) {
		snprintf(path, sizeof(path), "/r/d%s", strrchr(canary, '/'));
		escapes += reached(path);
		snprintf(path, sizeof(path), "/r/deep/a/b/c/%s%s", up, canary + 1);
		escapes += reached(path);
		if (chdir("/r/deep/a/b/c") == 0) {
			snprintf(path, sizeof(path), "%s%s", up, canary + 1);
			escapes += reached(path);
			snprintf(path, sizeof(path), "../../%s%s", up, canary + 1);
			escapes += mkdir(path, 0755) == 0;
		}
		snprintf(path, sizeof(path), "/proc/self/root%s", canary);
		escapes += reached(path);
		snprintf(path, sizeof(path), "/proc/self/cwd/%s%s", up, canary + 1);
		escapes += reached(path);
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("%d rounds, %d escapes\n", rounds, escapes);
	return escapes != 0;
}
