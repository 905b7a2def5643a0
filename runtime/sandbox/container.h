/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container - one command in namespaces of its own.
 *
 * The command itself is pid 1: when it ends, so does everything it started. The caller works in the namespaces of
 * userns_enter(); the container gets a user namespace nested in them, so that its root holds nothing over the caller's mounts.
 * Everything is mounted by descriptor, resolved below the rootfs; no link in the rootfs leads outside.
 */
#ifndef CROZE_SANDBOX_CONTAINER_H
#define CROZE_SANDBOX_CONTAINER_H

#include "runtime/base/error.h"
#include "runtime/base/inodes.h"
#include "runtime/base/strv.h"
#include "runtime/sandbox/attributes.h"
#include "runtime/sandbox/caps.h"
#include "runtime/sandbox/egress.h"
#include "runtime/sandbox/kit.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/stubs.h"
#include "runtime/sandbox/userns.h"
#include "seccomp/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

enum container_network {
	CONTAINER_NETWORK_JOIN, /* container_spec.netns */
	CONTAINER_NETWORK_HOST, /* the caller's */
	CONTAINER_NETWORK_NEW,  /* own, only lo, up */
};

enum container_mount_kind {
	CONTAINER_MOUNT_BIND, /* @source */
	CONTAINER_MOUNT_TMPFS,
	CONTAINER_MOUNT_NODES, /* a tmpfs for /dev with nodes and links, and nothing mounted in it */
	CONTAINER_MOUNT_PROC, /* fresh; the existing one where the kernel refuses that (masked /proc of an outer container) */
	CONTAINER_MOUNT_DEV, /* a tmpfs with the usual nodes and links, pts and shm in it */
	CONTAINER_MOUNT_SYS, /* read-only; without any cgroup */
	CONTAINER_MOUNT_PTS, /* a devpts instance of its own */
	CONTAINER_MOUNT_MQUEUE,
	CONTAINER_MOUNT_OTHER, /* file system @type, as far as the kernel lets a container mount it */
	CONTAINER_MOUNT_CGROUP, /* cgroup2 where it can be mounted, otherwise an empty read-only folder */
};

enum container_mount_flags {
	CONTAINER_MOUNT_READ_ONLY = 1 << 0,
	CONTAINER_MOUNT_NOSUID = 1 << 1,
	CONTAINER_MOUNT_NODEV = 1 << 2,
	CONTAINER_MOUNT_NOEXEC = 1 << 3,
	CONTAINER_MOUNT_RECURSIVE = 1 << 4, /* bind: with what is mounted below it */
	CONTAINER_MOUNT_OPTIONAL = 1 << 5,  /* left out where the kernel refuses it */
	CONTAINER_MOUNT_NOATIME = 1 << 6,
	CONTAINER_MOUNT_STRICTATIME = 1 << 7,
	CONTAINER_MOUNT_NODIRATIME = 1 << 8,
	CONTAINER_MOUNT_RELATIME = 1 << 9,
	CONTAINER_MOUNT_NOSYMFOLLOW = 1 << 10,
	CONTAINER_MOUNT_DETACHED =
	    1 << 11, /* bind: @source is a detached mount already, made for this container */
	CONTAINER_MOUNT_COPY_UP = 1 << 12, /* tmpfs: begins with what is at @target in the rootfs */
	CONTAINER_MOUNT_TARGET_LINK =
	    1 << 13, /* a link at the end of @target is mounted on, not followed */
	CONTAINER_MOUNT_OWN =
	    1
	    << 14, /* bind: the source is this container's alone while it runs, and may be moved to @target (standin.h) */
};

/** Further attributes of a mount, as config.json has them. */
struct container_mount_extra {
	unsigned int
	    clear; /* enum container_mount_flags that are taken away where the source has them */
	unsigned int set_below, clear_below; /* and for this mount with all below it */
	unsigned long propagation;           /* MS_SHARED ...; 0: private */
	bool propagation_below;
};

struct container_mount {
	enum container_mount_kind kind;
	const char *target; /* absolute, in the container; made when it is not there */
	int source; /* bind: directory or file, opened (O_PATH will do) in the caller's mount namespace */
	unsigned int flags;  /* enum container_mount_flags */
	uint64_t size;       /* tmpfs, and the shm of a DEV: bytes; 0: the default (shm: 64 MiB) */
	mode_t mode;         /* tmpfs: of its root; 0: 01777 */
	const char *options; /* options of the file system, "a=b,c" as mount(8) has them; NULL */
	const char *type;    /* other: the file system */
	const char *source_name; /* other: what is mounted; NULL */
	const struct container_mount_extra
	    *extra; /* NULL: @flags hold for all that is bound, which is private */
};

/** A device node or FIFO that is made, or where that is not allowed bound from the host. */
struct container_device {
	const char *path; /* absolute, in the container */
	mode_t type;      /* S_IFCHR, S_IFBLK, S_IFIFO */
	unsigned int major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int source; /* the node of the host by O_PATH, checked to be it; -1: there is none */
};

/** A namespace that is there already: an open file of /proc/PID/ns, or a bind mount of one. */
struct container_join {
	int type; /* CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWPID, CLONE_NEWCGROUP, CLONE_NEWTIME */
	int fd;
};

/** What is added to the clocks of a time namespace (time_namespaces(7)). */
struct container_clocks {
	struct timespec monotonic;
	struct timespec boottime;
};

/**
 * Called while a container is being made; a member that is NULL costs nothing. Each returns 0, or -1 with @e, which ends the
 * container. @pid is that of the container's process as the caller of container_start() knows it.
 */
struct container_events {
	void *arg;
	int (*created)(void *arg, pid_t pid,
	    struct error *e); /* in the caller: namespaces are there, nothing is mounted */
	int (*mounted)(void *arg, pid_t pid,
	    struct error *e); /* in the caller: the file tree is whole, and not entered yet */
	int (*entering)(void *arg, pid_t pid,
	    struct error
		*e); /* in the container's process, right after: the host's files are still seen */
	int (*starting)(void *arg, pid_t pid,
	    struct error *
		e); /* in the container's process, in its root, before limits, filter and user change */
	/* in the caller: @listener answers the calls of container_spec.seccomp that are to be notified, and is closed afterwards */
	int (*listener)(void *arg, pid_t pid, int listener, struct error *e);
};

struct container_rlimit {
	int resource; /* RLIMIT_NOFILE ... */
	struct rlimit limit;
};

/** Room for the number of a process. */
#define CONTAINER_PID_TEXT "0000000000"

/** Start from container_spec_init(), which gives what a build step gets; pointers are borrowed for the call. */
struct container_spec {
	const struct userns *userns; /* of the caller */
	const struct id_map *
	    uids; /* the container's own ids in terms of the caller's; NULL: all of them, same numbers */
	const struct id_map *gids;
	/*
	 * CLONE_NEW... of the namespaces that are made for it; the default is all but the network, of which @network tells. CLONE_NEWNS is
	 * always needed. What is neither made nor joined is the caller's; ids are as the caller's without CLONE_NEWUSER.
	 */
	unsigned long namespaces;
	const struct container_join *joins; /* entered before others are made */
	size_t n_joins;
	struct container_kit *kit; /* parts made ahead; NULL: everything is made at the start */
	int rootfs;     /* mount of overlay_mount(), or any open directory, which is then bound */
	bool read_only; /* the rootfs */
	char *const *argv; /* argv[0] without a slash is looked up in the PATH of @envp */
	char *const *envp;
	char *
	    own_pid; /* as long as CONTAINER_PID_TEXT, in @envp: gets the number that the process itself knows; NULL */
	const char *cwd; /* "/" */
	bool make_cwd;   /* make @cwd (0755, @uid:@gid) when it is not there; otherwise ERR_STEP */
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary; NULL: none */
	size_t n_groups;
	mode_t umask; /* 022 */
	const char *
	    hostname; /* "buildkitsandbox" is docker's for builds; NULL: "localhost", "": left as it is */
	bool
	    hostname_may_stay; /* where an outer filter refuses to set it, the name of the outer container stays */
	const char *domainname;              /* NULL: left as it is */
	char *const *sysctl;                 /* "net.ipv4.ip_forward=1" ...; NULL */
	const struct attributes *attributes; /* NULL */
	const char *mount_label; /* of SELinux, for new tmpfs and devpts; NULL: the policy's */
	const struct landlock_profile *landlock; /* NULL */
	struct caps caps;                      /* bounding = permitted = effective = caps_default */
	const struct seccomp_program *seccomp; /* NULL: no filter. Default: seccomp_default() */
	bool no_new_privs;                     /* false: sudo and su work in a build step */
	bool chroot;                           /* no namespaces and no mounts: jail.h */
	bool emulate;                          /* no root directory either: emulate.h */
	const struct inodes *
	    shared; /* with @emulate: files and links below @rootfs that others have, too, who must not see a change; NULL: none */
	int scratch; /* with @emulate: a folder on disk, for what is in memory otherwise */
	bool
	    record_ids; /* users, owners and devices are recorded and answered for (seccomp/ids.h): where one id alone is mapped */
	const struct container_rlimit *rlimits; /* RLIMIT_CORE is 0 unless it is here */
	size_t n_rlimits;
	int oom_score_adj;              /* -1001: unchanged */
	enum container_network network; /* CONTAINER_NETWORK_NEW */
	int netns;
	const struct egress *egress; /* who answers for what it reaches outside; NULL: nobody */
	uint32_t egress_number;      /* of this container there */
	unsigned int egress_asks; /* enum egress_asks; EGRESS_REFUSED with seccomp_default() only */
	const struct container_clocks *clocks; /* makes a time namespace; NULL: none */
	const struct container_events *events; /* NULL */
	int in, out, err; /* 0, 1, 2 of the container; -1: /dev/null. Unused with @terminal */
	bool
	    terminal; /* a pseudo-terminal of the container's own; its master comes back in container.console */
	unsigned short rows, columns;         /* its size; 0: unset */
	const struct container_mount *mounts; /* in order; default: container_default_mounts */
	size_t n_mounts;
	const struct container_mount *extra_mounts; /* after those, in order */
	size_t n_extra_mounts;
	const struct container_device *devices; /* after the mounts */
	size_t n_devices;
	unsigned long root_propagation; /* MS_SHARED, MS_SLAVE, MS_UNBINDABLE; 0: private */
	bool root_propagation_below;
	char *const *masked_paths; /* NULL: container_masked_paths and what /sys should not show */
	char *const *readonly_paths; /* NULL: container_readonly_paths */
	bool outlives;               /* it goes on when the calling process ends */
	bool
	    no_pivot; /* enter the rootfs by a move and chroot, where pivot_root(2) cannot work: the host is on a ramdisk */
	bool new_keyring; /* a session keyring of its own */
	int preserve_fds; /* so many descriptors from 3 on are the command's too, with their numbers */
	/*
	 * Not -1: two FIFOs, open for reading and writing, and for writing. container_start() then returns once everything is ready but for
	 * execve, which a byte in the first one sets off; container_let_go() must follow. A struct error in the second one is a failure, its
	 * closing success.
	 */
	int hold_read, hold_write;
};

extern const struct container_mount container_default_mounts[]; /* /proc, /dev, /sys, /dev/mqueue */
extern const size_t container_n_default_mounts;
extern char *const *const container_masked_paths;
extern char *const *const container_readonly_paths;

struct jail;
struct emulate;

struct container {
	pid_t pid;               /* child of the caller, for waitpid(2) or loop_add_child() */
	pid_t supervisor;        /* of its ids; 0: none */
	struct jail *jail;       /* without namespaces; NULL */
	struct emulate *emulate; /* without anything; NULL */
	int pidfd;               /* -1 where the kernel has none */
	int console;             /* master of the terminal; -1 */
	int socket;              /* to a first process that is held; -1 */
	struct stubs stubs;      /* mount points that were made in the rootfs */
};

#define CONTAINER_INIT                                   \
	{                                                \
		.pidfd = -1, .console = -1, .socket = -1 \
	}

void container_spec_init(struct container_spec *spec);
/** The name of the machine that the command shall see; "": that which it has around it. */
const char *container_hostname(const struct container_spec *spec);

/**
 * Starts the command and returns once it is executing. On failure nothing is left running, stubs are undone, and @e says what failed:
 * ERR_STEP with @e->sys ENOENT (exit status 127 by convention) or another errno (126) when the command or its folder is the
 * cause, ERR_HOST or ERR_SYSTEM when the container could not be made.
 *
 * The container dies with the calling process unless it @outlives it.
 */
int container_start(const struct container_spec *spec, struct container *c, struct error *e);
/**
 * A container that is held and all that belongs to it is on record: its first process goes on by itself to wait for its start.
 * Without this call it ends together with the calling process.
 */
int container_let_go(struct container *c, struct error *e);
/**
 * A further process in the container whose first one is @target: joins its namespaces and runs @spec->argv there; of @spec, what is of mounts,
 * namespaces, ids and the rootfs is not used, and of its events only @created. Otherwise as container_start(); the process is a
 * child of the caller.
 */
int container_enter(
    const struct container_spec *spec, pid_t target, struct container *c, struct error *e);
/** 127 for a command that is not there, 126 for one that cannot be executed, as shells have it; 0 when @e is of another kind. */
int container_exec_status(const struct error *e);
/** Waits for the end and reaps; @status as from waitpid(2). Not together with loop_add_child(). */
int container_wait(struct container *c, int *status, struct error *e);
/** Sends @signal to pid 1; SIGKILL ends everything inside. ESRCH is no failure. */
void container_signal(const struct container *c, int signal);
/**
 * After its end: removes the mount points that were made in the rootfs and nobody used, with the times of their folders
 * (stubs_undo()), and closes. Kills and reaps first when container_wait() has not yet.
 */
int container_finish(struct container *c, struct error *e);

#endif
