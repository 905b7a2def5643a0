/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_call - which calls of a step are answered, by what, and the threads that do.
 *
 * Nothing that is answered here goes on in the kernel with an argument in memory: only calls whose arguments are numbers do, so that nobody
 * can change them behind the answer.
 */
#include "runtime/sandbox/emulate_private.h"

#include "runtime/base/mem.h"
#include "runtime/sandbox/stepnet.h"
#include "seccomp/crew.h"
#include "seccomp/notify.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBERS_MAX 512

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#define SYS_FILE_SETATTR 469
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif

/* of the file system ext4, whose header is not among the kernel's for programs */
#define EXT4_IOC_SETVERSION_OWN ((uint32_t)_IOW('f', 4, long))
#define EXT4_IOC_MIGRATE ((uint32_t)_IO('f', 9))
#define EXT4_IOC_ALLOC_DA_BLKS ((uint32_t)_IO('f', 12))

struct row {
	struct notify_call call;
	emu_fn *fn;
	call_fn *shared;                   /* with the tier userns-single, where @fn is NULL */
	enum { ANY, AROUND, OWN } network; /* of steps with which it is asked for */
};

#define ALWAYS(name, function)                                                 \
	{                                                                      \
		{ SYS_##name, 0, NOTIFY_ALWAYS, 0 }, emu_##function, NULL, ANY \
	}
#define OWN_ALWAYS(name, function)                                                 \
	{                                                                          \
		{ SYS_##name, 0, NOTIFY_ALWAYS, 0 }, emu_net_##function, NULL, OWN \
	}
#define OWN_IF_SET(name, argument, function)                                              \
	{                                                                                 \
		{ SYS_##name, argument, NOTIFY_IF_SET, 0 }, emu_net_##function, NULL, OWN \
	}
#define OWN_IF_EQUAL(name, argument, value, function)                                             \
	{                                                                                         \
		{ SYS_##name, argument, NOTIFY_IF_EQUAL, (value) }, emu_net_##function, NULL, OWN \
	}
#define OWN_UNLESS_EQUAL(name, argument, value, function)                                         \
	{                                                                                         \
		{ SYS_##name, argument, NOTIFY_UNLESS_EQUAL, (value) }, emu_net_##function, NULL, \
		    OWN                                                                           \
	}
#define SHARED(name, function)                                                    \
	{                                                                         \
		{ SYS_##name, 0, NOTIFY_ALWAYS, 0 }, NULL, answer_##function, ANY \
	}
#define IF_EQUAL(name, argument, value, function)                                             \
	{                                                                                     \
		{ SYS_##name, argument, NOTIFY_IF_EQUAL, (value) }, emu_##function, NULL, ANY \
	}
#define IF_ANY(name, argument, function)                                                        \
	{                                                                                       \
		{ SYS_##name, argument, NOTIFY_IF_BITS, UINT32_MAX }, emu_##function, NULL, ANY \
	}
#define NEWER(number)                                                     \
	{                                                                 \
		{ (number), 0, NOTIFY_ALWAYS, 0 }, emu_missing, NULL, ANY \
	}

/* Rows of one call stand together. */
static const struct row rows[] = {
#ifdef SYS_open
	ALWAYS(open, open),
	ALWAYS(stat, stat),
	ALWAYS(lstat, lstat),
	ALWAYS(creat, creat),
	ALWAYS(chown, chown),
	ALWAYS(lchown, lchown),
	ALWAYS(chmod, chmod),
	ALWAYS(mkdir, mkdir),
	ALWAYS(mknod, mknod),
	ALWAYS(symlink, symlink),
	ALWAYS(link, link),
	ALWAYS(unlink, unlink),
	ALWAYS(rmdir, rmdir),
	ALWAYS(rename, rename),
	ALWAYS(access, access),
	ALWAYS(readlink, readlink),
	ALWAYS(utime, utime),
	ALWAYS(utimes, utimes),
	ALWAYS(futimesat, futimesat),
#endif
	ALWAYS(openat, openat),
	ALWAYS(newfstatat, newfstatat),
	ALWAYS(fstat, fstat),
	ALWAYS(statx, statx),
	ALWAYS(readlinkat, readlinkat),
	ALWAYS(openat2, openat2),
	ALWAYS(faccessat, faccessat),
	ALWAYS(faccessat2, faccessat),
	ALWAYS(getcwd, getcwd),
	ALWAYS(chdir, chdir),
	ALWAYS(fchdir, fchdir),
	ALWAYS(umask, umask),
	ALWAYS(statfs, statfs),
	ALWAYS(fchown, fchown),
	ALWAYS(fchownat, fchownat),
	ALWAYS(fchmod, fchmod),
	ALWAYS(fchmodat, fchmodat),
	ALWAYS(fchmodat2, fchmodat),
	ALWAYS(utimensat, utimensat),
	ALWAYS(mkdirat, mkdirat),
	ALWAYS(mknodat, mknodat),
	ALWAYS(symlinkat, symlinkat),
	ALWAYS(linkat, linkat),
	ALWAYS(unlinkat, unlinkat),
#ifdef SYS_renameat
	ALWAYS(renameat, renameat),
#endif
	ALWAYS(renameat2, renameat2),
	ALWAYS(truncate, truncate),
	ALWAYS(uname, uname),
	IF_EQUAL(ioctl, 1, (uint32_t)FS_IOC_SETFLAGS, ioctl),
	IF_EQUAL(ioctl, 1, (uint32_t)FS_IOC_SETVERSION, ioctl),
	IF_EQUAL(ioctl, 1, (uint32_t)FS_IOC_FSSETXATTR, ioctl),
	IF_EQUAL(ioctl, 1, (uint32_t)FS_IOC_ENABLE_VERITY, ioctl),
	IF_EQUAL(ioctl, 1, EXT4_IOC_SETVERSION_OWN, ioctl),
	IF_EQUAL(ioctl, 1, EXT4_IOC_MIGRATE, ioctl),
	IF_EQUAL(ioctl, 1, EXT4_IOC_ALLOC_DA_BLKS, ioctl),
	{ { SYS_flock, 1, NOTIFY_UNLESS_EQUAL, LOCK_UN }, emu_flock, NULL, ANY },
	IF_EQUAL(fcntl, 1, F_SETLEASE, refused),
	ALWAYS(fsync, sync),
	ALWAYS(fdatasync, sync),
	ALWAYS(syncfs, sync),
	ALWAYS(sync_file_range, sync),
	CALL_ATTRIBUTES(ALWAYS),
	CALL_CREDENTIALS(SHARED),
	IF_EQUAL(prctl, 0, PR_SET_DUMPABLE, prctl),
	CALL_PRCTL(IF_EQUAL),
	ALWAYS(kill, kill),
	ALWAYS(tkill, pid_argument),
	ALWAYS(tgkill, signal_thread),
	ALWAYS(rt_sigqueueinfo, pid_argument),
	ALWAYS(rt_tgsigqueueinfo, signal_thread),
	ALWAYS(pidfd_open, pidfd_open),
	SHARED(pidfd_send_signal, pidfd_signal),
	SHARED(pidfd_getfd, pidfd_getfd),
	SHARED(process_madvise, pidfd_advise),
	SHARED(process_vm_readv, look),
	SHARED(process_vm_writev, look),
	SHARED(kcmp, kcmp),
	{ { SYS_get_robust_list, 0, NOTIFY_IF_BITS, UINT32_MAX }, NULL, answer_look, ANY },
	IF_ANY(prlimit64, 0, pid_argument),
	IF_ANY(sched_setaffinity, 0, pid_argument),
	IF_ANY(sched_setscheduler, 0, pid_argument),
	IF_ANY(sched_setparam, 0, pid_argument),
	IF_ANY(sched_setattr, 0, pid_argument),
	ALWAYS(setpriority, priority),
	ALWAYS(ioprio_set, priority),
	{ { SYS_socket, 0, NOTIFY_IF_EQUAL, AF_UNIX }, emu_socket, NULL, AROUND },
	{ { SYS_socket, 0, NOTIFY_ALWAYS, 0 }, emu_socket, NULL, OWN },
	IF_EQUAL(socketpair, 0, AF_UNIX, socket),
	ALWAYS(connect, connect),
	ALWAYS(bind, bind),
	ALWAYS(getsockname, socket_name),
	ALWAYS(getpeername, socket_name),
	IF_EQUAL(getsockopt, 2, SO_PEERCRED, net_get_option),
	STEPNET_CALLS(OWN_ALWAYS, OWN_IF_SET, OWN_IF_EQUAL, OWN_UNLESS_EQUAL),
	ALWAYS(ptrace, refused),
	ALWAYS(chroot, refused),
	ALWAYS(inotify_add_watch, refused),
	ALWAYS(name_to_handle_at, refused),
	{ { SYS_execve, 0, NOTIFY_TRACE, 0 }, NULL, NULL, ANY },
	{ { SYS_execveat, 0, NOTIFY_TRACE, 0 }, NULL, NULL, ANY },
	/* setxattrat(2) and its kin, file_getattr(2), file_setattr(2) */
	NEWER(CALL_XATTRAT),
	NEWER(CALL_XATTRAT + 1),
	NEWER(CALL_XATTRAT + 2),
	NEWER(CALL_XATTRAT + 3),
	NEWER(SYS_FILE_SETATTR - 1),
	NEWER(SYS_FILE_SETATTR),
};

const struct notify_program *
emu_program(bool own_network)
{
	static struct notify_program programs[2];
	struct notify_program *program = &programs[own_network];
	struct notify_call calls[ARRAY_LEN(rows)];
	size_t n = 0;

	if (program->length > 0)
		return program;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].network != (own_network ? AROUND : OWN))
			calls[n++] = rows[i].call;
	notify_compile(program, calls, n, NOTIFY_FOREIGN_NOTIFIED);
	return program;
}

static const struct row *
row_of(int number)
{
	static const struct row *by_number[NUMBERS_MAX]; /* filled before there are threads */

	if (!by_number[SYS_openat])
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			assert(rows[i].call.number < NUMBERS_MAX);
			by_number[rows[i].call.number] = &rows[i];
		}
	return number >= 0 && number < NUMBERS_MAX ? by_number[number] : NULL;
}

bool
emu_answers(uint64_t number)
{
	const struct row *row = number < NUMBERS_MAX ? row_of((int)number) : NULL;

	return row && (row->fn || row->shared);
}

void
emu_conclude(struct emu_call *x, int failed)
{
	if (failed)
		call_fail(&x->c, failed);
	else
		call_return(&x->c, 0);
}

void
emu_refuse(struct emu_call *x, const char *name, int error_number)
{
	unsigned int number = (unsigned int)x->c.data->nr % sizeof(x->em->told);
	bool tell;

	(void)pthread_mutex_lock(&x->em->lock);
	tell = !x->em->told[number];
	x->em->told[number] = 1;
	(void)pthread_mutex_unlock(&x->em->lock);
	if (tell && x->em->log >= 0)
		(void)dprintf(
		    x->em->log, "croze: the isolation 'emulate' does not serve %s\n", name);
	call_fail(&x->c, error_number);
}

static bool
is_native(const struct seccomp_data *data)
{
#if defined(__x86_64__)
	return data->arch == AUDIT_ARCH_X86_64 && (data->nr & 0x40000000) == 0;
#elif defined(__aarch64__)
	return data->arch == AUDIT_ARCH_AARCH64;
#else
	return false;
#endif
}

static void
serve_one(void *arg, const struct seccomp_notif *request)
{
	struct emulation *em = arg;
	const struct row *row = row_of(request->data.nr);
	struct emu_call x;

	if (!emu_call_begin(&x, em, (pid_t)request->pid)) {
		emu_call_end(&x);
		notify_answer(em->listener, request->id, 0, ENOSYS); /* a caller that has ended */
		return;
	}
	x.c.id = request->id;
	x.c.data = &request->data;
	if (!is_native(&request->data))
		emu_refuse(&x, "system calls of another architecture (32-bit programs)", ENOSYS);
	else if (!row || (!row->fn && !row->shared))
		emu_refuse(&x, "a system call", ENOSYS);
	else if (row->fn)
		row->fn(&x);
	else
		row->shared(&x.c);
	emu_call_end(&x);
}

int
emu_serve(struct emulation *em, struct error *e)
{
	(void)row_of(SYS_openat);
	em->crew = crew_start(
	    &(struct crew_options){
		.listener = em->listener, .threads = CREW_MAX, .serve = serve_one, .arg = em },
	    e);
	return em->crew ? 0 : -1;
}
