/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_exec - what execve(2) would find: the program, the interpreters of scripts, the interpreter of the program.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"
#include "seccomp/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is being found. */
struct finding {
	struct emu_call *x;
	struct emu_pending *p;
	char path[PATH_MAX];         /* as it was called */
	char head[PROGRAM_HEAD + 1]; /* of the file */
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
	n = pread(*fd, f->head, PROGRAM_HEAD, 0);
	f->head[n < 0 ? 0 : n] = '\0';
	return n < 0 ? errno : 0;
}

/* What the first line of a script names is to be executed with the script as an argument. */
static int
take_script(struct finding *f)
{
	char *name, *argument;
	int failed = program_script(f->head, &name, &argument);

	/* the first script's own path takes the place of the first argument; that of a further one is there already */
	if (!failed && f->p->load.n_prefix == 0)
		failed = put_before(f, f->path);
	if (!failed && *argument)
		failed = put_before(f, argument);
	if (!failed)
		failed = put_before(f, name);
	if (!failed)
		(void)snprintf(f->path, sizeof(f->path), "%s", name);
	return failed;
}

static int
find_interpreter(struct finding *f)
{
	struct emu_pending *p = f->p;
	char *exe = p->exe;
	int failed = program_interpreter(p->program, f->path);

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
	for (int i = 0; i <= PROGRAM_SCRIPTS_MAX; i++) {
		if (i == PROGRAM_SCRIPTS_MAX)
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
