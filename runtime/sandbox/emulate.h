/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate - a command in a root directory that no kernel call has made: for an ordinary user where namespaces, mounts and chroot are refused.
 *
 * A supervisor answers every system call of the command that names a file (seccomp_unotify(2)): it looks the path up below the root,
 * component by component, and does itself what was asked, or hands over a descriptor. What executes a file is rewritten by ptrace(2) to
 * execute a loader, which puts the real program in memory (emulate_load.h). Owners, devices and users are records (seccomp/ids.h).
 *
 * The command itself may touch no file at all but those that were opened for it: Landlock allows it to execute the loader and
 * nothing else, so a call that is not known here reaches nothing. The supervisor is kept by Landlock to the root, the mounts and procfs.
 * A command cannot signal, trace or read a process that is not its own, and its network is its own (stepnet.h) unless it is given that
 * around it. What is not apart: process numbers and System V IPC are those of the container around it,
 * and so is /dev/pts, in which it opens its own terminals alone.
 *
 * A call that cannot be served fails with EPERM or ENOSYS, and its name is in the step's log.
 */
#ifndef CROZE_SANDBOX_EMULATE_H
#define CROZE_SANDBOX_EMULATE_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"

struct emulate;

/** Can it be had here? Tries what it needs in a child. ERR_HOST with what is missing. */
int emulate_check(struct error *e);
/**
 * Starts @spec's command, whose filter (@spec->seccomp) is the default one or stricter: it refuses what is not looked at here (clone3(2),
 * unshare(2), io_uring), over @spec->rootfs, a directory that is nobody else's. As container_start(); the child of the caller is the
 * supervisor, which ends with the command's status once everything that the command has left running is killed.
 * *@emulate is to be given to emulate_finish() in any case.
 */
int emulate_start(const struct container_spec *spec, struct container *c, struct emulate **emulate,
    struct error *e);
/** After the end: takes away the mount points that were made in the rootfs. NULL is fine. */
int emulate_finish(struct emulate *emulate, struct error *e);

#endif
