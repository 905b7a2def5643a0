/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec - the last act of a container's own process: becoming the command, or saying why not.
 *
 * "No such file or directory" is the most frequent answer and the most misleading one: it is also what the kernel says when the
 * file is there and its interpreter is not (a dynamic program in an image FROM scratch), so the file is looked at.
 */
#include "runtime/sandbox/exec.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define HEAD_MAX 4096

static const struct {
	unsigned int number;
	const char *name;
} machines[] = {
	{ EM_X86_64, "x86-64" },
	{ EM_386, "i386" },
	{ EM_AARCH64, "aarch64" },
	{ EM_ARM, "arm" },
	{ EM_RISCV, "riscv" },
	{ EM_PPC64, "ppc64" },
	{ EM_S390, "s390" },
};

static const char *
machine_name(unsigned int number)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (machines[i].number == number)
			return machines[i].name;
	return "another kind";
}

/* The name in a PT_INTERP header within the first bytes of a 64-bit program; "" when there is none. */
static void
elf_interpreter(const char *head, size_t length, char *name, size_t room)
{
	Elf64_Ehdr file;
	Elf64_Phdr part;

	memcpy(&file, head, sizeof(file));
	for (size_t i = 0; i < file.e_phnum; i++) {
		uint64_t at = file.e_phoff + i * (uint64_t)sizeof(part);

		if (at > length || length - at < sizeof(part))
			return;
		memcpy(&part, head + at, sizeof(part));
		if (part.p_type != PT_INTERP || part.p_offset >= length ||
		    part.p_filesz > length - part.p_offset || part.p_filesz == 0 ||
		    part.p_filesz > room)
			continue;
		memcpy(name, head + part.p_offset, part.p_filesz);
		name[part.p_filesz - 1] = '\0';
		return;
	}
}

/* What the kernel would load to run @path; "" when that is @path itself or cannot be seen. */
static void
interpreter_of(const char *path, char *name, size_t room, unsigned int *machine)
{
	char head[HEAD_MAX + 1] = { 0 };
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, HEAD_MAX);

	if (fd >= 0)
		(void)close(fd); /* read-only */
	name[0] = '\0';
	if (n > 2 && head[0] == '#' && head[1] == '!') {
		const char *start = head + 2 + strspn(head + 2, " \t");
		size_t length = strcspn(start, " \t\n");

		if (length < room) {
			memcpy(name, start, length);
			name[length] = '\0';
		}
	} else if (n >= (ssize_t)sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0) {
		*machine = (unsigned char)head[18] | (unsigned int)(unsigned char)head[19] << 8;
		if (head[EI_CLASS] == ELFCLASS64)
			elf_interpreter(head, (size_t)n, name, room);
	}
}

static int
explain(const char *path, int error_number, struct error *e)
{
	autofree char *safe = text_safe(path);
	char interpreter[PATH_MAX];
	unsigned int machine = 0;

	errno = error_number;
	error_sys(e, "cannot execute '%s'", safe);
	e->kind = ERR_STEP;
	interpreter_of(path, interpreter, sizeof(interpreter), &machine);
	if (error_number == ENOENT && interpreter[0] && access(path, F_OK) == 0) {
		autofree char *name = text_safe(interpreter);

		errno = error_number;
		error_sys(e, "cannot execute '%s', which needs '%s'", safe, name);
		e->kind = ERR_STEP;
		return error_hint(e,
		    "the image has no '%s': link the program statically, or use a base image that "
		    "has it",
		    name);
	}
	if (error_number == ENOEXEC && machine)
		return error_hint(e, "it is a program for %s", machine_name(machine));
	if (error_number == ENOEXEC)
		return error_hint(e, "a script must begin with #! and its interpreter");
	return -1;
}

/* Tries each folder of PATH; the errno of the most telling failure. */
static int
try_path(char *const *argv, char *const *envp, const char *search, char *tried, size_t room)
{
	int worst = ENOENT;

	for (; *search; search += strcspn(search, ":"), search += *search == ':') {
		size_t length = strcspn(search, ":");
		char path[PATH_MAX];

		if (length + strlen(argv[0]) + 2 > sizeof(path))
			continue;
		memcpy(path, search, length);
		path[length] = '/';
		memcpy(path + length + 1, argv[0], strlen(argv[0]) + 1);
		execve(length ? path : argv[0], argv, envp);
		if (errno == ENOTDIR || (errno == ENOENT && access(path, F_OK) < 0))
			continue;
		if (worst != ENOENT && errno == ENOENT)
			continue;
		worst = errno;
		if (strlen(path) < room)
			memcpy(tried, path, strlen(path) + 1);
		if (errno != EACCES && errno != ENOENT)
			break;
	}
	return worst;
}

int
exec_command(char *const *argv, char *const *envp, struct error *e)
{
	const char *search = EXEC_DEFAULT_PATH;
	char tried[PATH_MAX] = "";
	int error_number;

	if (!argv[0] || !*argv[0])
		return error_set(e, ERR_STEP, "there is no command to execute");
	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, envp);
		return explain(argv[0], errno, e);
	}
	for (char *const *v = envp; *v; v++)
		if (text_starts_with(*v, "PATH="))
			search = *v + strlen("PATH=");
	error_number = try_path(argv, envp, search, tried, sizeof(tried));
	if (tried[0])
		return explain(tried, error_number, e);
	explain(argv[0], ENOENT, e);
	return error_hint(e, "it is in no folder of PATH=%s", search);
}

static bool
is_executable(const char *path)
{
	struct stat st;

	if (access(path, X_OK) < 0)
		return false;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return true; /* the kernel will say what it thinks of a device */
	errno = EACCES;
	return false;
}

int
exec_check(char *const *argv, char *const *envp, struct error *e)
{
	const char *search = EXEC_DEFAULT_PATH;
	int worst = ENOENT;

	if (!argv[0] || !*argv[0])
		return error_set(e, ERR_STEP, "there is no command to execute");
	if (strchr(argv[0], '/'))
		return is_executable(argv[0]) ? 0 : explain(argv[0], errno, e);
	for (char *const *v = envp; *v; v++)
		if (text_starts_with(*v, "PATH="))
			search = *v + strlen("PATH=");
	for (const char *folder = search; *folder;
	     folder += strcspn(folder, ":"), folder += *folder == ':') {
		autofree char *path =
		    xasprintf("%.*s/%s", (int)strcspn(folder, ":"), folder, argv[0]);

		if (is_executable(path))
			return 0;
		worst = errno == EACCES ? EACCES : worst;
	}
	explain(argv[0], worst, e);
	return error_hint(e, "it is in no folder of PATH=%s", search);
}
