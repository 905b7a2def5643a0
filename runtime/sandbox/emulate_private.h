/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_private - what the files of the emulation share. Only within emulate*.c.
 *
 * The supervisor lives in /proc: a path like "self/fd/3" or "PID/fd/3" is relative to that. Its threads share root, folder and umask (0).
 * One thread, the first, traces (emulate_trace.c); the others answer notifications (emulate_call.c).
 */
#ifndef CROZE_SANDBOX_EMULATE_PRIVATE_H
#define CROZE_SANDBOX_EMULATE_PRIVATE_H

#include "runtime/sandbox/container.h"
#include "runtime/sandbox/emulate.h"
#include "runtime/sandbox/emulate_load.h"
#include "seccomp/call.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define EMU_MOUNTS_MAX 128
#define EMU_BUCKETS 1024
#define EMU_FD_PATH 48

/** Something that is seen at a place of the tree. The first one is the root. */
struct emu_mount {
	char *path; /* clean, absolute and without links: as the command calls it */
	char *real; /* as the kernel calls it */
	int fd;     /* O_PATH */
	dev_t dev;
	ino_t ino;
	const struct emu_mount *below; /* that the mount point is in; NULL: the root */
	int parent;                    /* O_PATH: the folder of the mount point; -1: the root */
	dev_t point_dev;
	ino_t point_ino;
	bool read_only;
	bool
	    has_name; /* false: a file in memory, which Landlock lets everybody have who has come by it */
	bool is_proc;
	bool is_pts; /* emulate_terminal.c */
	bool hidden; /* a later one is on it, or on a folder above */
};

/** A working directory; never changed. */
struct emu_folder {
	unsigned int references;
	int fd; /* O_PATH */
	const struct emu_mount *mount;
	char *name; /* its path where a mount is below it, which then cannot move; NULL: none is */
};

/** Where processes are; shared by those that were made with CLONE_FS. */
struct emu_fs {
	unsigned int references;
	struct emu_folder *folder;
	mode_t umask;
};

/** A program that a process is about to become. */
struct emu_pending {
	int program;
	int interpreter;     /* -1: none */
	char *exe;           /* as the command calls the program's file */
	struct creds *creds; /* that it will have; NULL: as before */
	struct emulate_load load;
};

struct emu_process {
	unsigned int references; /* threads, and calls that are being answered */
	pid_t pid;
	struct emu_fs *fs;
	char *exe;
	struct emu_pending *next;    /* between execve(2) and its success */
	struct emu_pending *current; /* until the loader has asked for both */
};

/** One thread of the step. */
struct emu_thread {
	struct emu_thread *next;
	pid_t tid;
	struct emu_process *process; /* NULL: it has stopped before its parent told of it */
	bool in_exec;                /* what it was before execve(2) was rewritten: */
	uint64_t number, args[6];
};

struct emulation {
	const struct container_spec *spec;
	struct ids ids;
	int listener;
	struct crew *crew; /* that serves it until the process ends */
	int log;
	struct emu_mount mounts[EMU_MOUNTS_MAX];
	size_t n_mounts;
	uid_t uid; /* of the supervisor: whose all files are */
	gid_t gid;
	struct emu_shared *shared; /* NULL: all files are the step's alone */
	char *loader;              /* real path */
	bool has_copies;           /* of the step's descriptors (pidfd_getfd(2)) */
	pthread_mutex_t lock;      /* of all that follows */
	uint64_t load_address;
	struct emu_thread *threads[EMU_BUCKETS];
	unsigned char told[512]; /* calls whose refusal is in the log, by number */
	pid_t first;
	int first_status;
	struct emu_bound *bound;
	size_t n_bound;
	struct stepnet *net; /* the step's own network; NULL: it has that around it */
};

/** A call that is being answered. */
struct emu_call {
	struct call c; /* for what is shared with the other tiers */
	struct emulation *em;
	struct emu_process *process; /* held */
	struct emu_fs *fs;           /* held */
	struct emu_folder *folder;   /* held: where the caller is */
};

typedef void emu_fn(struct emu_call *x);

/* ---- emulate_table.c: processes ---- */

/** Finds the thread; NULL. */
struct emu_thread *emu_thread_find(struct emulation *em, pid_t tid);
struct emu_thread *emu_thread_add(struct emulation *em, pid_t tid, struct emu_process *process);
void emu_thread_remove(struct emulation *em, pid_t tid);
struct emu_process *emu_process_new(pid_t pid, struct emu_fs *fs, const char *exe);
struct emu_process *emu_process_hold(struct emu_process *p);
void emu_process_drop(struct emu_process *p);
/** @fd is taken over. */
struct emu_folder *emu_folder_new(
    const struct emulation *em, int fd, const struct emu_mount *mount);
struct emu_folder *emu_folder_hold(struct emu_folder *folder);
void emu_folder_drop(struct emu_folder *folder);
/** @folder is taken over. */
struct emu_fs *emu_fs_new(struct emu_folder *folder, mode_t umask);
struct emu_fs *emu_fs_hold(struct emu_fs *fs);
void emu_fs_drop(struct emu_fs *fs);
/** Those that share @fs are in @folder (taken over) from now on. */
void emu_fs_move(struct emulation *em, struct emu_fs *fs, struct emu_folder *folder);
void emu_pending_free(struct emu_pending *pending);
/** Is it a process or thread of the step? */
bool emu_is_ours(struct emulation *em, pid_t pid);
/** Fills @x for thread @tid; false when it is not known. To be followed by emu_call_end(). */
bool emu_call_begin(struct emu_call *x, struct emulation *em, pid_t tid);
void emu_call_end(struct emu_call *x);
/** Calls @fn for the number of each process. @arg: struct emulation. */
void emu_each_process(void *arg, void (*fn)(pid_t pid, void *with), void *with);

/* ---- emulate_path.c: paths ---- */

enum emu_flags {
	EMU_FOLLOW = 1 << 0, /* a link at the end */
	EMU_EMPTY =
	    1 << 1, /* an empty path is the folder itself, which need not be one (AT_EMPTY_PATH) */
	EMU_NO_LINKS = 1 << 2, /* RESOLVE_NO_SYMLINKS */
	EMU_PARENT =
	    1
	    << 3, /* a link at the end is not followed, even before a slash: it is made, removed or renamed */
	EMU_TARGET = 1 << 4, /* what is there is wanted alone, not the folder that it is in */
	EMU_ROUGH =
	    1 << 5, /* of what is there the type is wanted; owner and mode to check rights only */
};

/** Where a path leads. */
struct emu_spot {
	int dir; /* O_PATH: the folder of the last component; -1 when @target was named by descriptor, or EMU_TARGET */
	int target;              /* O_PATH; -1 when there is nothing */
	struct stat st;          /* of the target, as the command shall see it */
	char name[NAME_MAX + 1]; /* "" when the path ends in a folder itself: "/", ".", ".." */
	const struct emu_mount *mount; /* that the target is in, or would be */
	bool is_point;                 /* the target is the root of a mount */
	bool wants_folder;             /* it ends with a slash */
	bool is_empty;                 /* the path is empty: the target is a descriptor's */
	bool has_records;              /* the target may have some */
	char *link; /* what a link of procfs says instead of what the kernel says; NULL */
};

#define EMU_SPOT_INIT                   \
	{                               \
		.dir = -1, .target = -1 \
	}

void emu_spot_release(struct emu_spot *spot);
/** Walks @path from (@dirfd of the caller) with its rights. 0: the last folder was reached; or an errno. */
int emu_find(const struct emu_call *x, int dirfd, const char *path, unsigned int flags,
    struct emu_spot *spot);
/** Reads the path at @address of the caller, and walks. */
int emu_find_at(const struct emu_call *x, int dirfd, uint64_t address, unsigned int flags,
    struct emu_spot *spot);
/** Likewise; what is not there is ENOENT. */
int emu_find_there(const struct emu_call *x, int dirfd, uint64_t address, unsigned int flags,
    struct emu_spot *spot);
/** The folder of @spot as the command sees it. */
int emu_look_at_folder(const struct emu_call *x, const struct emu_spot *spot, struct stat *st);
/** May something be made or removed in the folder of @spot? 0 or an errno. */
int emu_may_change(const struct emu_call *x, const struct emu_spot *spot);
/** Descriptor @fd of the caller: a copy of it, or of its file by O_PATH where there are no copies; to be closed before the answer. -1 with errno. */
int emu_copy(const struct emu_call *x, int fd);
/** "self/fd/N" */
const char *emu_fd_path(int fd, char path[EMU_FD_PATH]);
/** How the command calls the file that the link @path of procfs leads to: 0 or an errno. Pipes and the like are called as the kernel does. */
int emu_name_of(const struct emulation *em, const char *path, char name[PATH_MAX]);
/** The mount that a real path is in; NULL. */
const struct emu_mount *emu_mount_of(const struct emulation *em, const char *real);
/** What comes before the paths in @mount: its own, or "" for the root. */
const char *emu_prefix(const struct emu_mount *mount);
/** The mount, of the first @n, that @path without links leads into, by names alone; what comes behind its root in *@rest. */
const struct emu_mount *emu_mount_at(
    const struct emulation *em, size_t n, const char *path, const char **rest);
/** Is a mount inside the folder @name? */
bool emu_holds_mount(const struct emulation *em, const char *name);

/* ---- emulate_see.c: files as the command sees them ---- */

/**
 * Turns what the kernel says of a file of ours into what the command shall see. @path: relative to /proc, followed. false: nothing is
 * recorded of it.
 */
bool emu_see(const struct emulation *em, const char *path, struct stat *st);

/* ---- emulate_change.c: files that snapshots have, too ---- */

struct emu_shared;
/** NULL when there are none. @files is borrowed. */
struct emu_shared *emu_shared_new(const struct inodes *files);
void emu_shared_free(struct emu_shared *shared);
/**
 * To be called before anything changes of what is at @spot, in content or attributes, and before it gets another name: a shared file is
 * replaced by a copy of the step's own, which @spot has for its target then. 0, or the errno that the call fails with.
 */
int emu_before_change(const struct emu_call *x, struct emu_spot *spot);
/** Between these, and there alone, names are made, taken away and moved, and times of folders set. errno stays. Not around emu_before_change(). */
void emu_names_hold(const struct emu_call *x);
void emu_names_let_go(const struct emu_call *x);
/** The number of names that a shared file has in its snapshot; 0: it is the step's own. */
unsigned int emu_shared_names(const struct emulation *em, const struct stat *st);
/** What the kernel says of a file's names and time of change, without those that other trees have given it. */
void emu_see_shared(const struct emulation *em, struct stat *st);
/** Gives a file of the root that is in a mount, too, the number it has there. @path: relative to /proc, followed; @st: as it shall be seen otherwise. */
void emu_see_mounted(const struct emulation *em, const char *path, struct stat *st);
/** A descriptor to read the file of @st is given away. */
void emu_is_read(const struct emulation *em, const struct stat *st);

/* ---- emulate_proc.c: procfs ---- */

/**
 * A component of a path in procfs, before it is looked up. *@link (to be freed) is the target of a link that is other for the command. 0
 * to look it up as it is, ENOENT for what is not shown.
 */
int emu_proc_step(const struct emu_call *x, int dir, char name[NAME_MAX + 1], char **link);
/** A file of a process, open by O_PATH, is its user's: sets the owner in @st. */
void emu_proc_owner(const struct emu_call *x, int fd, struct stat *st);
/** Is what is at @spot for those alone who may trace its process, and the caller none of them? */
bool emu_proc_is_closed(const struct emu_call *x, const struct emu_spot *spot);
/** A descriptor with what the command shall read instead of a file of procfs; -1: the file itself. */
int emu_proc_open(const struct emu_call *x, const struct emu_spot *spot);

/* ---- emulate_terminal.c ---- */

/** Is it a terminal of devpts, of whoever? */
bool emu_terminal_is_at(const struct emu_spot *spot);
/** Has a process of the step its master? */
bool emu_terminal_is_ours(const struct emu_call *x, const struct emu_spot *spot);
/** Opens one of the step's own; -1 with errno, EACCES for another's. */
int emu_terminal_open(const struct emu_call *x, const struct emu_spot *spot, int flags);
/** Likewise the controlling one of the caller; -1 with errno, ENXIO when it has none. */
int emu_terminal_open_controlling(const struct emu_call *x, int flags);

/* ---- emulate_exec.c ---- */

/**
 * Prepares the execution of @path (from @dirfd) by the caller, whose arguments stay as they are. 0 with *@pending, or an errno.
 */
int emu_prepare(struct emu_call *x, int dirfd, const char *path, unsigned int flags,
    struct emu_pending **pending);

/* ---- emulate_call.c ---- */

struct notify_program;
/** The filter of the step's processes; @own_network: stepnet.h. */
const struct notify_program *emu_program(bool own_network);
/** Is call @number one that a thread answers? */
bool emu_answers(uint64_t number);
/** Starts the threads that answer. */
int emu_serve(struct emulation *em, struct error *e);
/** Fails the call; its name comes into the log, once. */
void emu_refuse(struct emu_call *x, const char *name, int error_number);
void emu_conclude(struct emu_call *x, int failed);

/* ---- emulate_socket.c ---- */

/** Can descriptors of other processes be copied here? */
bool emu_has_copies(void);

/* ---- emulate_trace.c ---- */

/** Traces until nothing of the step is left; its status. */
int emu_trace(struct emulation *em);

/* ---- the answers, by subject ---- */

emu_fn emu_open, emu_openat, emu_openat2, emu_creat;
emu_fn emu_mkdir, emu_mkdirat, emu_mknod, emu_mknodat, emu_symlink, emu_symlinkat, emu_link,
    emu_linkat, emu_unlink, emu_unlinkat, emu_rmdir, emu_rename, emu_renameat, emu_renameat2;
emu_fn emu_stat, emu_lstat, emu_fstat, emu_newfstatat, emu_statx, emu_statfs, emu_fstatfs,
    emu_access, emu_faccessat, emu_readlink, emu_readlinkat, emu_truncate, emu_chmod, emu_fchmod,
    emu_fchmodat, emu_chown, emu_lchown, emu_fchown, emu_fchownat, emu_utime, emu_utimes,
    emu_futimesat, emu_utimensat, emu_sync;
emu_fn emu_setxattr, emu_getxattr, emu_listxattr, emu_removexattr, emu_ioctl, emu_flock;
emu_fn emu_chdir, emu_fchdir, emu_getcwd, emu_umask, emu_uname, emu_kill, emu_signal_thread,
    emu_pid_argument, emu_pidfd_open, emu_priority, emu_prctl, emu_refused, emu_missing;
emu_fn emu_socket, emu_connect, emu_bind, emu_socket_name, emu_net_get_option, emu_net_set_option,
    emu_net_listen, emu_net_accept, emu_net_send, emu_net_receive;

#endif
