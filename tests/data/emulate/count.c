/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count - a library for LD_PRELOAD: what a program makes in folders, a line each at the end of the file $COUNT.
 *
 * "file NAME" for a new file, also one without a name, "symlink NAME" and "link NAME". Programs that it starts without that environment are
 * not counted.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int out = -1;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("COUNT");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		out = fcntl(fd, F_DUPFD_CLOEXEC, 700);
	if (fd >= 0)
		(void)close(fd);
}

static int
tell(const char *kind, const char *name, int result)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "%s %.400s\n", kind, name);

	if (result >= 0 && out >= 0)
		(void)!write(out, line, (size_t)length);
	return result;
}

static int
open_it(int dir, const char *name, int flags, mode_t mode)
{
	int fd = (int)syscall(SYS_openat, dir, name, flags, mode);

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) || (flags & O_TMPFILE) == O_TMPFILE)
		return tell("file", name, fd);
	return fd;
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	return open_it(dir, name, flags, mode);
}

int
openat64(int dir, const char *name, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = va_arg(list, mode_t);
	va_end(list);
	return open_it(dir, name, flags, mode);
}

int
symlinkat(const char *text, int dir, const char *name)
{
	return tell("symlink", name, (int)syscall(SYS_symlinkat, text, dir, name));
}

int
linkat(int from, const char *old, int to, const char *name, int flags)
{
	return tell("link", name, (int)syscall(SYS_linkat, from, old, to, name, flags));
}
