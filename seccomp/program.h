/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program - what else a file that is executed has executed: the interpreter of a script (execve(2), "Interpreter scripts"), that of a
 * program (ELF, PT_INTERP).
 */
#ifndef CROZE_SECCOMP_PROGRAM_H
#define CROZE_SECCOMP_PROGRAM_H

#include <limits.h>

#define PROGRAM_HEAD 256 /* of a script that the kernel looks at */
#define PROGRAM_SCRIPTS_MAX 5

/**
 * Takes the first line of a script apart. @head: the beginning of the file, 0 behind it; changed. *@name is the interpreter, *@argument its
 * argument or "". 0, or ENOEXEC.
 */
int program_script(char head[PROGRAM_HEAD + 1], char **name, char **argument);
/** The path of the interpreter of the program @fd; "" when it has none. 0; ENOEXEC; EINVAL for another machine or class. */
int program_interpreter(int fd, char path[PATH_MAX]);

#endif
