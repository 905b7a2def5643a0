/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_exec - what execve(2) would find: the program, the interpreters of scripts, the interpreter of the program.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_SIZE 256 /* of a script that the kernel looks at */
#define SCRIPTS_MAX 5
#define PARTS_MAX 64

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

/* What is being found. */
struct finding {
	struct emu_call *x;
	struct emu_pending *p;
	char path[PATH_MAX];      /* as it was called */
	char head[HEAD_SIZE + 1]; /* of the file */
	struct stat st;
	size_t prefix_length;
};

/* Puts @text in front of what is there. */
static int
put_before(struct finding *f, const char *text)
{
	size_t length = strlen(text) + 1;

	if (length + f->prefix_length > sizeof(f->p->load.prefix))
		return E2BIG;
	memmove(f->p->load.prefix + length, f->p->load.prefix, f->prefix_length);
	memcpy(f->p->load.prefix, text, length);
	f->prefix_length += length;
	f->p->load.n_prefix++;
	return 0;
}

/* Opens a file that is to be executed. */
static int
open_file(struct finding *f, int dirfd, unsigned int flags, int *fd)
{
	struct emu_spot spot;
	char path[EMU_FD_PATH], name[PATH_MAX];
	ssize_t n;
	int failed = emu_find(f->x, dirfd, f->path, flags | EMU_TARGET, &spot);

	if (!failed && spot.target < 0)
		failed = ENOENT;
	if (!failed && S_ISLNK(spot.st.st_mode))
		failed = ELOOP;
	if (!failed && !S_ISREG(spot.st.st_mode))
		failed = EACCES;
	if (!failed && !access_may(f->x->c.creds, &spot.st, X_OK))
		failed = EACCES;
	if (!failed) {
		*fd = openat(
		    AT_FDCWD, emu_fd_path(spot.target, path), O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
		failed = *fd < 0 ? errno : 0;
	}
	if (!failed && emu_name_of(f->x->em, path, name) == 0) {
		free(f->p->exe);
		f->p->exe = xstrdup(name);
	}
	f->st = spot.st;
	emu_spot_release(&spot);
	if (failed)
		return failed;
	n = pread(*fd, f->head, HEAD_SIZE, 0);
	f->head[n < 0 ? 0 : n] = '\0';
	return n < 0 ? errno : 0;
}

/* The first line of a script: what it names is to be executed with the script as an argument (execve(2)). */
static int
take_script(struct finding *f)
{
	char *line = f->head + 2, *end = strchr(line, '\n'), *name, *argument;
	int failed;

	if (!end && strlen(f->head) == HEAD_SIZE) {
		/* the name of the interpreter must be whole */
		end = line + strlen(line);
		if (!strpbrk(line + strspn(line, " \t"), " \t"))
			return ENOEXEC;
	}
	if (end)
		*end = '\0';
	for (end = line + strlen(line); end > line && (end[-1] == ' ' || end[-1] == '\t');)
		*--end = '\0';
	name = line + strspn(line, " \t");
	if (*name == '\0')
		return ENOEXEC;
	argument = name + strcspn(name, " \t");
	if (*argument)
		*argument++ = '\0';
	argument += strspn(argument, " \t");
	/* the first script's own path takes the place of the first argument; that of a further one is there already */
	failed = f->p->load.n_prefix == 0 ? put_before(f, f->path) : 0;
	if (!failed && *argument)
		failed = put_before(f, argument);
	if (!failed)
		failed = put_before(f, name);
	if (!failed)
		(void)snprintf(f->path, sizeof(f->path), "%s", name);
	return failed;
}

/* The path of the interpreter of a program; "" when it has none. */
static int
read_interpreter(int fd, char path[PATH_MAX])
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

static int
find_interpreter(struct finding *f)
{
	struct emu_pending *p = f->p;
	char *exe = p->exe;
	int failed = read_interpreter(p->program, f->path);

	if (failed == EINVAL) {
		if (f->x->em->log >= 0)
			(void)dprintf(f->x->em->log,
			    "croze: the isolation 'emulate' does not run '%s', a program for "
			    "another "
			    "machine or of 32 bits\n",
			    exe);
		return ENOEXEC;
	}
	if (failed || f->path[0] == '\0')
		return failed;
	p->exe = NULL; /* that of the program is kept */
	failed = open_file(f, AT_FDCWD, EMU_FOLLOW, &p->interpreter);
	free(p->exe);
	p->exe = exe;
	return failed;
}

static void
set_ids(struct finding *f, const struct creds *creds)
{
	f->p->load.uid = creds->ruid;
	f->p->load.euid = creds->euid;
	f->p->load.gid = creds->rgid;
	f->p->load.egid = creds->egid;
}

static int
find_all(struct finding *f, int dirfd, unsigned int flags)
{
	struct emu_pending *p = f->p;
	char path[EMU_FD_PATH];
	const char *slash;
	int failed = 0;

	slash = strrchr(f->path, '/');
	/* as much of it as the kernel keeps */
	(void)snprintf(p->load.name, sizeof(p->load.name), "%.*s", (int)sizeof(p->load.name) - 1,
	    slash ? slash + 1 : f->path);
	(void)snprintf(p->load.path, sizeof(p->load.path), "%s", f->path);
	for (int i = 0; i <= SCRIPTS_MAX; i++) {
		if (i == SCRIPTS_MAX)
			return ELOOP;
		failed = open_file(f, dirfd, flags, &p->program);
		if (failed || f->head[0] != '#' || f->head[1] != '!')
			break;
		(void)close(p->program); /* read-only */
		p->program = -1;
		failed = take_script(f);
		if (failed)
			break;
		dirfd = AT_FDCWD;
		flags = EMU_FOLLOW;
	}
	if (failed)
		return failed;
	p->creds = creds_after_exec(&f->x->c, emu_fd_path(p->program, path), &f->st);
	set_ids(f, p->creds ? p->creds : f->x->c.creds);
	return find_interpreter(f);
}

int
emu_prepare(struct emu_call *x, int dirfd, const char *path, unsigned int flags,
    struct emu_pending **pending)
{
	autofree struct finding *f = xcalloc(1, sizeof(*f));
	int failed;

	f->x = x;
	f->p = xcalloc(1, sizeof(*f->p));
	f->p->program = f->p->interpreter = -1;
	(void)snprintf(f->path, sizeof(f->path), "%s", path);
	failed = find_all(f, dirfd, flags);
	if (failed)
		emu_pending_free(f->p);
	else
		*pending = f->p;
	return failed;
}
