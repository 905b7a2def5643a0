/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pose - a thread of root's takes the ids of a process that it is to look into.
 *
 * By system calls of its own: those of the C library change all threads.
 */
#include "seccomp/pose.h"

#include "seccomp/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEEP ((uid_t)-1)

/* The one id of a line of procfs ("Uid:\t0\t0\t0\t0": real, effective, saved); false: there are several. */
static bool
one_id(const char *status, const char *name, uid_t *id)
{
	const char *line = strstr(status, name);
	unsigned int ids[3];

	if (!line || sscanf(line + strlen(name), "%u %u %u", &ids[0], &ids[1], &ids[2]) != 3)
		return false;
	*id = ids[0];
	return ids[0] == ids[1] && ids[1] == ids[2];
}

bool
pose_begin(struct pose *pose, pid_t tid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	char status[TASK_STATUS_MAX];
	int saved = errno;
	bool began;
	uid_t uid, gid;

	task_status(tid, status);
	if (!one_id(status, "\nUid:", &uid) || !one_id(status, "\nGid:", &gid) ||
	    (uid == getuid() && gid == getgid()) || syscall(SYS_capget, &header, pose->caps) < 0) {
		errno = saved;
		return false;
	}
	began = syscall(SYS_setresgid, gid, KEEP, KEEP) == 0 &&
	        syscall(SYS_setresuid, uid, KEEP, KEEP) == 0;
	if (began) {
		(void)syscall(SYS_setfsgid, gid); /* never fails, and may have changed nothing */
		(void)syscall(
		    SYS_setfsuid, uid); /* likewise; takes capabilities away, which come back */
		began = syscall(SYS_capset, &header, pose->caps) == 0;
	}
	errno = saved;
	if (!began)
		pose_end(pose);
	return began;
}

void
pose_end(const struct pose *pose)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	int saved = errno;

	/* to what is effective, and has to be possible */
	(void)syscall(SYS_setfsuid, geteuid());
	(void)syscall(SYS_setfsgid, getegid());
	if (syscall(SYS_setresuid, geteuid(), KEEP, KEEP) < 0 ||
	    syscall(SYS_setresgid, getegid(), KEEP, KEEP) < 0 ||
	    syscall(SYS_capset, &header, pose->caps) < 0)
		_exit(1);
	errno = saved;
}
