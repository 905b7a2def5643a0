/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal - makes a terminal and uses it by each of its names; then tries those of others. A line for each thing that could be done.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void
say(int done, const char *what)
{
	if (done)
		printf("> %s\n", what);
	fflush(stdout);
}

static void
use_own(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char name[64], text[16] = "";
	struct stat st;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)) != 0) {
		perror("a terminal");
		return;
	}
	slave = open(name, O_RDWR | O_NOCTTY);
	say(slave >= 0 && isatty(slave), "a terminal");
	say(write(slave, "hello\n", 6) == 6 && read(master, text, sizeof(text)) == 7 && memcmp(text, "hello", 5) == 0, "its text");
	say(chmod(name, 0600) == 0 && stat(name, &st) == 0 && (st.st_mode & 0777) == 0600, "its mode");
	fflush(stdout);
	if (fork() == 0) {
		int own = -1;

		if (setsid() > 0 && open("/dev/tty", O_RDWR) < 0 && ioctl(slave, TIOCSCTTY, 0) == 0)
			own = open("/dev/tty", O_RDWR);
		say(own >= 0 && write(own, "x", 1) == 1, "its controlling one");
		_exit(0);
	}
	(void)wait(NULL);
	say(read(master, text, sizeof(text)) == 1 && text[0] == 'x', "what was written to that");
	(void)close(slave);
	(void)close(master);
	say(open(name, O_RDWR | O_NOCTTY) < 0, "gone");
}

static void
try_others(void)
{
	DIR *dir = opendir("/dev/pts");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[300];

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/dev/pts/%s", entry->d_name);
		printf("> sees %s\n", entry->d_name);
		say(open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK) >= 0, "opened to be read");
		say(open(path, O_WRONLY | O_NOCTTY) >= 0, "opened to be written");
		say(open(path, O_PATH) >= 0, "opened as a place");
		say(chmod(path, 0666) == 0, "changed");
		say(utimensat(AT_FDCWD, path, (struct timespec[2]){ { 0 }, { 0 } }, 0) == 0, "touched");
		say(truncate(path, 0) == 0, "truncated");
		say(unlink(path) == 0, "removed");
	}
}

int
main(void)
{
	use_own();
	try_others();
	return 0;
}
