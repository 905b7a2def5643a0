/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal - a running program that a container cannot overwrite.
 *
 * A program that belongs to root of the host is nobody's to write in a container, so the copy is made for one's own only: in memory,
 * sealed (memfd_create(2)); where a filter forbids that, in a file without a name, which is this process's alone.
 */
#include "runtime/sandbox/seal.h"

#include "runtime/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool
is_safe(int program)
{
	struct stat st;

	return fstat(program, &st) < 0 || st.st_uid != geteuid() || st.st_nlink == 0 ||
	       fcntl(program, F_GET_SEALS) >= 0;
}

/* A file that is open for writing cannot be executed, so it is opened anew. */
static int
copy_to_file(int program, struct error *e)
{
	autofd int file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0500);
	char path[32];

	if (file < 0 || fd_copy(program, file, UINT64_MAX, NULL, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int
copy_to_memory(int program, struct error *e)
{
	autofd int memory = memfd_create("croze-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (memory < 0 || fd_copy(program, memory, UINT64_MAX, NULL, e) < 0 ||
	    fcntl(memory, F_ADD_SEALS, SEALS) < 0)
		return -1;
	return steal_fd(&memory);
}

int
seal_program(char **argv, struct error *e)
{
	autofd int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	autofd int copy = -1;
	struct error ignored = ERROR_INIT;

	if (program < 0 || is_safe(program))
		return 0; /* without /proc nothing can be done, and something else will say so */
	copy = copy_to_memory(program, &ignored);
	if (copy >= 0)
		(void)fexecve(copy, argv, environ);
	fd_close_at(&copy);
	if (lseek(program, 0, SEEK_SET) == 0)
		copy = copy_to_file(program, &ignored);
	if (copy >= 0)
		(void)fexecve(copy, argv, environ);
	error_sys(e, "cannot run as a copy of itself");
	e->kind = ERR_HOST;
	return error_hint(e, "a program that is root's needs none: sudo make install");
}
