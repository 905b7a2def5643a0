/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable - processes stay such that they can be looked into, though they change their user. Only within runtime/sandbox/.
 *
 * Whoever changes a user or group id becomes undumpable (prctl(2), PR_SET_DUMPABLE): into such a process nobody looks without CAP_SYS_PTRACE.
 * So it is traced for the time of that call (ptrace(2)), and when the call is made, it makes another one before it goes on: it becomes
 * dumpable again. That is done by registers alone: the instruction that makes a call stands just before the one that is next. Its memory
 * can then be read by processes of its user in the step, as after execve(2).
 */
#ifndef CROZE_SECCOMP_READABLE_H
#define CROZE_SECCOMP_READABLE_H

#include "seccomp/call.h"

/* As rows of a table: those that are answered by readable_answer(). Of prctl(2) also others than the one that is meant. */
#define READABLE_CALLS(ALWAYS, IF_EQUAL)                                                          \
	ALWAYS(setuid, readable), ALWAYS(setgid, readable), ALWAYS(setreuid, readable),           \
	    ALWAYS(setregid, readable), ALWAYS(setresuid, readable), ALWAYS(setresgid, readable), \
	    ALWAYS(setfsuid, readable), ALWAYS(setfsgid, readable),                               \
	    IF_EQUAL(prctl, 1, 0, readable)

/** Answers such a call, in a thread that may trace the caller but for its user (pose.h), and has procfs as its working directory. */
void readable_answer(const struct call *c);
/** Who could not be looked into may have been on the way: waits until nobody is. */
void readable_settle(void);

#endif
