/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chroot - user namespaces for root in a chroot, where the kernel refuses them.
 */
#ifndef CROZE_SANDBOX_CHROOT_H
#define CROZE_SANDBOX_CHROOT_H

/**
 * As unshare(CLONE_NEWUSER | CLONE_NEWNS). When that gives EPERM and the caller may mount, because it is root in a chroot, the
 * directory it lives in is made the root mount of a mount namespace of its own first. The current folder stays.
 *
 * Returns 0, or -1 with errno. After a failure the process may be in another mount namespace: end it.
 */
int chroot_unshare_user(void);

#endif
