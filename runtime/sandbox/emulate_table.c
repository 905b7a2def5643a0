/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_table - the processes and threads of a step, and where they are.
 *
 * Every one is entered before it makes its first call: the tracer sees it being made.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"

#include <stdlib.h>
#include <unistd.h>

static struct emu_thread **
bucket_of(struct emulation *em, pid_t tid)
{
	return &em->threads[(unsigned int)tid % EMU_BUCKETS];
}

/* Under the lock. */
static struct emu_thread *
look_up(struct emulation *em, pid_t tid)
{
	struct emu_thread *t = *bucket_of(em, tid);

	while (t && t->tid != tid)
		t = t->next;
	return t;
}

struct emu_thread *
emu_thread_find(struct emulation *em, pid_t tid)
{
	struct emu_thread *t;

	(void)pthread_mutex_lock(&em->lock);
	t = look_up(em, tid);
	(void)pthread_mutex_unlock(&em->lock);
	return t; /* removed by the tracer alone, which is who asks */
}

struct emu_thread *
emu_thread_add(struct emulation *em, pid_t tid, struct emu_process *process)
{
	struct emu_thread *t = xcalloc(1, sizeof(*t)), **bucket = bucket_of(em, tid);

	t->tid = tid;
	t->process = process;
	(void)pthread_mutex_lock(&em->lock);
	t->next = *bucket;
	*bucket = t;
	(void)pthread_mutex_unlock(&em->lock);
	return t;
}

void
emu_thread_remove(struct emulation *em, pid_t tid)
{
	struct emu_process *process = NULL;

	(void)pthread_mutex_lock(&em->lock);
	for (struct emu_thread **link = bucket_of(em, tid); *link; link = &(*link)->next)
		if ((*link)->tid == tid) {
			struct emu_thread *t = *link;

			*link = t->next;
			process = t->process;
			free(t);
			break;
		}
	(void)pthread_mutex_unlock(&em->lock);
	if (process)
		emu_process_drop(process);
}

struct emu_process *
emu_process_new(pid_t pid, struct emu_fs *fs, const char *exe)
{
	struct emu_process *p = xcalloc(1, sizeof(*p));

	p->references = 1;
	p->pid = pid;
	p->fs = fs;
	p->exe = xstrdup(exe);
	return p;
}

struct emu_process *
emu_process_hold(struct emu_process *p)
{
	__atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
	return p;
}

void
emu_process_drop(struct emu_process *p)
{
	if (__atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	emu_fs_drop(p->fs);
	emu_pending_free(p->next);
	emu_pending_free(p->current);
	free(p->exe);
	free(p);
}

struct emu_folder *
emu_folder_new(const struct emulation *em, int fd, const struct emu_mount *mount)
{
	struct emu_folder *folder = xcalloc(1, sizeof(*folder));
	char path[EMU_FD_PATH], name[PATH_MAX];

	folder->references = 1;
	folder->fd = fd;
	folder->mount = mount;
	if (emu_name_of(em, emu_fd_path(fd, path), name) == 0 && emu_holds_mount(em, name))
		folder->name = xstrdup(name);
	return folder;
}

struct emu_folder *
emu_folder_hold(struct emu_folder *folder)
{
	__atomic_add_fetch(&folder->references, 1, __ATOMIC_RELAXED);
	return folder;
}

void
emu_folder_drop(struct emu_folder *folder)
{
	if (!folder || __atomic_sub_fetch(&folder->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	(void)close(folder->fd); /* O_PATH */
	free(folder->name);
	free(folder);
}

struct emu_fs *
emu_fs_new(struct emu_folder *folder, mode_t umask)
{
	struct emu_fs *fs = xcalloc(1, sizeof(*fs));

	fs->references = 1;
	fs->folder = folder;
	fs->umask = umask;
	return fs;
}

struct emu_fs *
emu_fs_hold(struct emu_fs *fs)
{
	__atomic_add_fetch(&fs->references, 1, __ATOMIC_RELAXED);
	return fs;
}

void
emu_fs_drop(struct emu_fs *fs)
{
	if (!fs || __atomic_sub_fetch(&fs->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	emu_folder_drop(fs->folder);
	free(fs);
}

void
emu_fs_move(struct emulation *em, struct emu_fs *fs, struct emu_folder *folder)
{
	struct emu_folder *old;

	(void)pthread_mutex_lock(&em->lock);
	old = fs->folder;
	fs->folder = folder;
	(void)pthread_mutex_unlock(&em->lock);
	emu_folder_drop(old);
}

void
emu_pending_free(struct emu_pending *pending)
{
	if (!pending)
		return;
	if (pending->program >= 0)
		(void)close(pending->program); /* read-only */
	if (pending->interpreter >= 0)
		(void)close(pending->interpreter); /* read-only */
	creds_drop(pending->creds);
	free(pending->exe);
	free(pending);
}

bool
emu_is_ours(struct emulation *em, pid_t pid)
{
	const struct emu_thread *t;

	(void)pthread_mutex_lock(&em->lock);
	t = look_up(em, pid);
	(void)pthread_mutex_unlock(&em->lock);
	return t != NULL;
}

bool
emu_call_begin(struct emu_call *x, struct emulation *em, pid_t tid)
{
	struct emu_thread *t;

	*x = (struct emu_call){ .em = em,
		.c = { .ids = &em->ids, .listener = em->listener, .tid = tid } };
	(void)pthread_mutex_lock(&em->lock);
	t = look_up(em, tid);
	if (t && t->process) {
		x->process = emu_process_hold(t->process);
		x->fs = emu_fs_hold(t->process->fs);
		x->folder = emu_folder_hold(x->fs->folder);
	}
	(void)pthread_mutex_unlock(&em->lock);
	if (!x->process)
		return false;
	task_find(&em->ids, tid, &x->c);
	return x->c.creds != NULL;
}

void
emu_call_end(struct emu_call *x)
{
	creds_drop(x->c.creds);
	emu_folder_drop(x->folder);
	emu_fs_drop(x->fs);
	if (x->process)
		emu_process_drop(x->process);
}

void
emu_each_process(void *arg, void (*fn)(pid_t pid, void *with), void *with)
{
	struct emulation *em = arg;

	(void)pthread_mutex_lock(&em->lock);
	for (size_t i = 0; i < EMU_BUCKETS; i++)
		for (struct emu_thread *t = em->threads[i]; t; t = t->next)
			if (t->process && t->process->pid == t->tid)
				fn(t->tid, with);
	(void)pthread_mutex_unlock(&em->lock);
}
