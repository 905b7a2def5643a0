/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pose - a thread of root's takes the ids of a process that it is to look into. Only within seccomp/ and runtime/sandbox/.
 *
 * Without CAP_SYS_PTRACE the kernel lets nobody look into a process of another user, not even root (ptrace(2), access mode checking): real ids
 * count for its memory and for tracing it, those of the file system for what procfs says of its descriptors. The effective ones stay, and
 * with them all capabilities.
 */
#ifndef CROZE_SECCOMP_POSE_H
#define CROZE_SECCOMP_POSE_H

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/types.h>

struct pose {
	struct __user_cap_data_struct caps[2];
};

/**
 * The calling thread, whose working directory is procfs, takes the ids of thread @tid. false when that helps nothing: it has the same, or
 * others as real than as effective and saved ones, which nobody can have with it. errno stays.
 */
bool pose_begin(struct pose *pose, pid_t tid);
/** Goes back. errno stays. */
void pose_end(const struct pose *pose);

#endif
