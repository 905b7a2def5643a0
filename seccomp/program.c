/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program - scripts and programs, and who interprets them.
 */
#include "seccomp/program.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PARTS_MAX 64

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

int
program_script(char head[PROGRAM_HEAD + 1], char **name, char **argument)
{
	char *line = head + 2, *end = strchr(line, '\n');

	if (!end && strlen(head) == PROGRAM_HEAD) {
		/* the name of the interpreter must be whole */
		end = line + strlen(line);
		if (!strpbrk(line + strspn(line, " \t"), " \t"))
			return ENOEXEC;
	}
	if (end)
		*end = '\0';
	for (end = line + strlen(line); end > line && (end[-1] == ' ' || end[-1] == '\t');)
		*--end = '\0';
	*name = line + strspn(line, " \t");
	if (**name == '\0')
		return ENOEXEC;
	*argument = *name + strcspn(*name, " \t");
	if (**argument)
		*(*argument)++ = '\0';
	*argument += strspn(*argument, " \t");
	return 0;
}

int
program_interpreter(int fd, char path[PATH_MAX])
{
	Elf64_Phdr parts[PARTS_MAX];
	Elf64_Ehdr head;
	size_t length;

	path[0] = '\0';
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return ENOEXEC;
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != MACHINE)
		return EINVAL;
	length = head.e_phnum * sizeof(parts[0]);
	if ((head.e_type != ET_EXEC && head.e_type != ET_DYN) || head.e_phnum > PARTS_MAX ||
	    head.e_phentsize != sizeof(parts[0]) ||
	    pread(fd, parts, length, (off_t)head.e_phoff) != (ssize_t)length)
		return ENOEXEC;
	for (size_t i = 0; i < head.e_phnum; i++) {
		if (parts[i].p_type != PT_INTERP)
			continue;
		if (parts[i].p_filesz < 2 || parts[i].p_filesz >= PATH_MAX ||
		    pread(fd, path, parts[i].p_filesz, (off_t)parts[i].p_offset) !=
			(ssize_t)parts[i].p_filesz ||
		    path[parts[i].p_filesz - 1] != '\0')
			return ENOEXEC;
		break;
	}
	return 0;
}
