/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - one system call that waits for its answer, and the process that made it. Only within seccomp/, and emulate*.c and stepnet*.c of
 * runtime/sandbox/.
 *
 * A thread that serves has the container's root as its own and procfs of the host's side as its working directory: a path of the caller
 * is either absolute, and means the same here, or relative to "PID/cwd" or "PID/fd/N".
 */
#ifndef CROZE_SECCOMP_CALL_H
#define CROZE_SECCOMP_CALL_H

#include "seccomp/ids.h"
#include "seccomp/owner.h"
#include "seccomp/seen.h"

#include <linux/limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/** Room for the prefix and a whole path of the caller. */
#define CALL_PATH_MAX (PATH_MAX + 64)

/** Credentials, shared by processes and never changed once they are (credentials(7)). */
struct creds {
	unsigned int references;
	uid_t ruid, euid, suid, fsuid;
	gid_t rgid, egid, sgid, fsgid;
	uint64_t permitted, effective, inheritable, bounding, ambient;
	bool keep_caps;
	bool no_new_privs;
	size_t n_groups;
	gid_t groups[];
};

/** A process of the container: those that made a notified call, and their parents. */
struct task {
	struct task *next;    /* of its bucket */
	pid_t pid;            /* of the process; in an entry of a thread, of that */
	struct task *process; /* NULL, or whose thread it is; all below is in that then */
	int pidfd;
	struct creds *creds;
	bool
	    starting; /* the first process, before its command: its changes of user are answered, and are done already */
	bool has_root;         /* it, or one of its parents, called chroot(2) */
	struct creds *pending; /* what execve(2) of @pending_* will make of it; NULL */
	dev_t pending_dev;
	ino_t pending_ino;
};

struct ids {
	struct ids_options options;
	bool
	    no_chroot; /* nobody here can change his root: a filter around the container refuses it */
	struct seen *seen;
	pthread_mutex_t lock; /* of all that follows */
	struct task **buckets;
	size_t n_new;   /* since the last look for those that ended */
	int64_t swept;  /* when that was, in milliseconds */
	pid_t first;    /* the container's first process */
	ino_t pids;     /* its pid namespace; 0: not looked at yet */
	bool any_other; /* some process is not root, or was when this was last looked at */
};

struct call {
	struct ids *ids;
	int listener;
	uint64_t id;
	pid_t tid;
	bool poses; /* its memory may have to be reached as its user (pose.h) */
	const struct seccomp_data *data;
	struct creds *creds; /* the caller's now; held */
	struct task task;    /* a copy, without its links */
	bool passes;         /* it is not answered: others may, or the kernel */
};

typedef void call_fn(struct call *c);

/* ---- answers: exactly one a call that does not pass ---- */

void call_continue(const struct call *c);
void call_return(const struct call *c, int64_t value);
void call_fail(const struct call *c, int error_number);
/** call_fail() with an errno in @failed, else call_continue(). */
void call_let_or_fail(const struct call *c, int failed);

/**
 * Answers uname(2) with @hostname for the name of the machine ("": its own). Who asked for names of another kind (personality(2)) gets
 * those of the kernel.
 */
void call_answer_uname(const struct call *c, const char *hostname);

/* ---- the caller's memory ---- */

/** 0 or EFAULT. */
int call_read(const struct call *c, uint64_t address, void *to, size_t length);
int call_write(const struct call *c, uint64_t address, const void *from, size_t length);
/** 0, EFAULT or ENAMETOOLONG. */
int call_read_text(const struct call *c, uint64_t address, char *text, size_t room);
/**
 * The path that the caller means with (@dirfd, text at @address), as it is called here. With AT_EMPTY_PATH in @flags an empty text is
 * @dirfd itself; *@is_fd is then set: the path is a link of procfs to be followed. 0 or an errno.
 */
int call_path(const struct call *c, int dirfd, uint64_t address, int flags,
    char path[CALL_PATH_MAX], bool *is_fd);
/** Likewise with the path itself in @text. */
int call_path_of(const struct call *c, int dirfd, const char *text, int flags,
    char path[CALL_PATH_MAX], bool *is_fd);
/** Does the folder of @path give its group to what is made in it, and is that not root's? */
bool call_gives_group(const char *path);
/** Takes the first component off @rest, a path that is walked. 0 or ENAMETOOLONG. */
int call_take_name(char *rest, char name[NAME_MAX + 1]);
/** Puts the @length bytes of @target, a link's, in front of @rest, which has @room. 0 or ENAMETOOLONG. */
int call_put_target(char *rest, size_t room, const char *target, size_t length);
/** Is descriptor @fd of the caller one of O_PATH, by which nothing is changed (open(2))? */
bool call_is_path_only(const struct call *c, int fd);
/** The umask of the caller. */
mode_t call_umask(const struct call *c);

/* ---- task.c ---- */

struct creds *creds_new(size_t n_groups);
/** A copy to be changed, with room for @n_groups groups; the first of them copied. */
struct creds *creds_copy(const struct creds *from, size_t n_groups);
struct creds *creds_hold(struct creds *creds);
void creds_drop(struct creds *creds);
/** Root as it was born: the kernel's answers are right as they are. */
bool creds_are_plain(const struct creds *creds);
bool creds_have(const struct creds *creds, int capability);
bool creds_in_group(const struct creds *creds, gid_t gid);

/** Finds the caller, or its parents. */
void task_find(struct ids *ids, pid_t tid, struct call *c);
/** Gives the caller's process other credentials; takes @creds over. */
void task_set_creds(struct call *c, struct creds *creds);
/** The caller's process executes a file that gives it @creds (taken over), unless that fails. */
void task_set_pending(struct call *c, struct creds *creds, const struct stat *file);
void task_set_flags(struct call *c, bool starting, bool has_root);
/** What children of the caller inherited is written down before the caller changes or ends. */
void task_settle_children(struct call *c);
/** Makes process @pid the first one, with the options' credentials. Its program is executed already, or will be without being asked. */
void task_begin(struct ids *ids, pid_t pid);
/** Where every fork is seen: @child is a new process of process @parent. */
void task_born(struct ids *ids, pid_t parent, pid_t child);
/** Process @pid becomes one with @creds (taken over) by executing a file. */
void task_become(struct ids *ids, pid_t pid, struct creds *creds);
/** Is process @pid of the host's side in the container's pid namespace? Numbers of the host begin again some time, and say nothing. */
bool task_is_inside(struct ids *ids, pid_t pid);
/** The credentials of process @pid as the container numbers it; NULL. To be dropped. */
struct creds *task_creds_of(const struct call *c, pid_t pid);
/** Likewise of process @pid of the host's side. */
struct creds *task_creds_here(const struct call *c, pid_t pid);
/**
 * The credentials of the process that thread @tid of the container is of; NULL when it is the caller's own, or there is none. Of one that
 * cannot be found they are root's. To be dropped.
 */
struct creds *task_other(const struct call *c, pid_t tid);
/**
 * May the caller look into process or thread @pid of the container as a user with these ids (ptrace(2), "Ptrace access mode checking")?
 * Into what cannot be found it may not, unless it may look into all.
 */
bool task_may_trace(const struct call *c, pid_t pid, uid_t uid, gid_t gid);

/** The beginning of a file of procfs, by its path relative to that, or the container's by an absolute one; "" when it cannot be read. */
void task_read(const char *path, char *text, size_t room);
/** Likewise of the status of process @pid. */
#define TASK_STATUS_MAX 2048
void task_status(pid_t pid, char text[TASK_STATUS_MAX]);
/** What the container calls process @pid of the host's side; 0. */
pid_t task_inner_pid(pid_t pid);

/* ---- access.c ---- */

/** What stat(2) shows, with the recorded owner and device. false: it is as the kernel shows it. */
bool access_owner(const char *path, bool follow, struct stat *st);
/** Likewise; what was found is remembered. */
bool access_owner_of(struct ids *ids, const char *path, bool follow, struct stat *st);
/** May @creds do @want (R_OK | W_OK | X_OK) with a file of @st, whose owner is the recorded one? */
bool access_may(const struct creds *creds, const struct stat *st, int want);

/** May @creds give the file of @st to @uid and @gid, -1 for one that stays (chown(2))? Who asks for neither may, unless bits go with it. */
bool access_may_give(const struct creds *creds, const struct stat *st, uid_t uid, gid_t gid);
/**
 * May @creds make another name of the file of @st? Any may, unless the machine protects what is not theirs (proc(5),
 * /proc/sys/fs/protected_hardlinks), for which the kernel takes the caller for the owner of all files.
 */
bool access_may_link(const struct creds *creds, const struct stat *st);
/** May the folder or file of @st get another parent? A folder is written to then (rename(2)). */
bool access_may_move(const struct creds *creds, const struct stat *st, const struct stat *from,
    const struct stat *to);
/**
 * May @creds read or change attribute @name of the file of @st (xattr(7))? "user." is a matter of reading and writing, of files and folders
 * alone; the rest is changed by its owner or by root. 0 or an errno.
 */
int access_may_attribute(
    const struct creds *creds, const struct stat *st, const char *name, bool changes);
/** Is what procfs calls so in the folder of a process for those alone who may trace it (proc(5))? */
bool access_is_private(const char *name);
/** The mode of a new file in @folder: who is not of the group that a folder gives makes no program that gives it to others. */
mode_t access_mode_of_new(const struct creds *creds, const struct stat *folder, mode_t mode);

/** Where a path leads. */
struct spot {
	int dir; /* O_PATH, the folder of the last component; the target itself for "/" and ".." */
	struct stat dir_st;
	char name[NAME_MAX + 1]; /* "" when the path ends in the folder itself */
	bool exists;
	bool wants_folder; /* the path ends with a slash */
	int target;        /* O_PATH; -1 when it does not exist */
	struct stat st;
	bool is_foreign; /* of a file system of the kernel's (procfs): ours to answer is nothing */
	bool is_of_process; /* foreign, of another process: @st says whose that is */
	bool is_private;    /* and its contents are for those alone who may trace it */
};
#define SPOT_INIT                       \
	{                               \
		.dir = -1, .target = -1 \
	}
void spot_release(struct spot *spot);
/**
 * Walks @path as the caller would, with its rights. 0 when the folder of the last component was reached (which need not be there), or
 * the errno that the call shall fail with.
 */
int spot_find(const struct call *c, const char *path, bool follow, struct spot *spot);
/** Reads (dirfd, path) of the caller and walks. */
int spot_of(
    const struct call *c, int dirfd, uint64_t address, int flags, bool follow, struct spot *spot);

/**
 * Likewise, to something that shall be there. 0; -1: it is foreign; ENOENT when it is not there, ENOTDIR for "file/".
 */
int spot_there(
    const struct call *c, int dirfd, uint64_t address, int flags, bool follow, struct spot *spot);
int spot_there_at(const struct call *c, const char *path, bool follow, struct spot *spot);
/** Is @want (R_OK | W_OK | X_OK) of a foreign file refused to the caller? */
bool spot_is_refused(const struct call *c, const struct spot *spot, int want);
/** Is folder @dir that of @st, or in it? */
bool spot_is_within(int dir, const struct stat *st);
/** Finds where something new shall be: 0, -1 when it is foreign, or the errno that making it shall fail with. */
int spot_find_new(const struct call *c, const char *path, struct spot *spot);
/** Whose it will be in a folder of @folder. */
struct owner owner_of_new(const struct call *c, const struct stat *folder);
/** Records the owner of what was made at @spot; 0 or an errno. */
int spot_own(const struct spot *spot, const struct owner *owner);

/* ---- the answers, by subject ---- */

/* setxattrat(2); behind it getxattrat(2), listxattrat(2) and removexattrat(2), on all machines. */
#define CALL_XATTRAT 463
/* Rows that every table of calls has: ROW(call, function), or ROW(call, argument, value, function). */
#define CALL_CREDENTIALS(ROW)                                                                      \
	ROW(getuid, id), ROW(geteuid, id), ROW(getgid, id), ROW(getegid, id), ROW(setuid, setuid), \
	    ROW(setgid, setgid), ROW(setreuid, setreuid), ROW(setregid, setregid),                 \
	    ROW(setresuid, setresuid), ROW(setresgid, setresgid), ROW(setfsuid, setfsuid),         \
	    ROW(setfsgid, setfsgid), ROW(getresuid, getresuid), ROW(getresgid, getresgid),         \
	    ROW(getgroups, getgroups), ROW(setgroups, setgroups), ROW(capget, capget),             \
	    ROW(capset, capset)
#define CALL_PRCTL(ROW)                                                                      \
	ROW(prctl, 0, PR_SET_KEEPCAPS, prctl), ROW(prctl, 0, PR_GET_KEEPCAPS, prctl),        \
	    ROW(prctl, 0, PR_CAPBSET_READ, prctl), ROW(prctl, 0, PR_CAPBSET_DROP, prctl),    \
	    ROW(prctl, 0, PR_CAP_AMBIENT, prctl), ROW(prctl, 0, PR_GET_NO_NEW_PRIVS, prctl), \
	    ROW(prctl, 0, PR_SET_NO_NEW_PRIVS, prctl)
#define CALL_ATTRIBUTES(ROW)                                                                   \
	ROW(setxattr, setxattr), ROW(lsetxattr, setxattr), ROW(fsetxattr, setxattr),           \
	    ROW(getxattr, getxattr), ROW(lgetxattr, getxattr), ROW(fgetxattr, getxattr),       \
	    ROW(listxattr, listxattr), ROW(llistxattr, listxattr), ROW(flistxattr, listxattr), \
	    ROW(removexattr, removexattr), ROW(lremovexattr, removexattr),                     \
	    ROW(fremovexattr, removexattr)

/** What procfs' status open at @from says of a process with @creds; a new descriptor, or -1. */
int call_copy_status(const struct creds *creds, int from);
/** The caller's credentials after it has executed the file at @path, of @st; NULL when they stay. */
struct creds *creds_after_exec(const struct call *c, const char *path, const struct stat *st);

call_fn answer_stat, answer_lstat, answer_fstat, answer_newfstatat, answer_statx;
call_fn answer_chown, answer_lchown, answer_fchown, answer_fchownat;
call_fn answer_utimensat, answer_utime, answer_futimesat, answer_chmod, answer_fchmod,
    answer_fchmodat;
call_fn answer_id, answer_setuid, answer_setgid, answer_setreuid, answer_setregid, answer_setresuid,
    answer_setresgid, answer_setfsuid, answer_setfsgid, answer_getresuid, answer_getresgid,
    answer_getgroups, answer_setgroups, answer_capget, answer_capset, answer_prctl,
    answer_peer_credentials, answer_exec, answer_execat, answer_exit;
call_fn answer_address; /* the calls of seccomp/network.h; may pass them on */
call_fn answer_kill, answer_signal, answer_signal_thread, answer_pidfd_signal, answer_pidfd_getfd,
    answer_pidfd_advise, answer_trace, answer_look, answer_kcmp, answer_limit, answer_schedule,
    answer_priority, answer_io_priority;
/** May the caller send a signal to process @pid of the host's side (kill(2))? */
bool process_may_signal(const struct call *c, pid_t pid);
call_fn answer_open, answer_openat, answer_openat2, answer_creat, answer_mkdir, answer_mkdirat,
    answer_mknod, answer_mknodat, answer_symlink, answer_symlinkat, answer_link, answer_linkat,
    answer_unlink, answer_unlinkat, answer_rmdir, answer_rename, answer_renameat;
call_fn answer_access, answer_faccessat, answer_chdir, answer_chroot, answer_truncate, answer_place,
    answer_handle, answer_watch;
call_fn answer_setxattr, answer_getxattr, answer_listxattr, answer_removexattr;

#endif
