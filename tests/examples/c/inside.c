/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside - tells what a process sees of the container it runs in.
 */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static int
list(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return perror(path), 1;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			printf(" %s", entry->d_name);
	closedir(dir);
	return 0;
}

int
main(int argc, char **argv)
{
	int status;

	printf("process %d of user %d\nfiles in %s:", (int)getpid(), (int)getuid(),
	    argc > 1 ? argv[1] : ".");
	status = list(argc > 1 ? argv[1] : ".");
	printf("\n");
	return status;
}
