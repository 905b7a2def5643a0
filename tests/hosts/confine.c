/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine - runs a command as container engines do by default: their capabilities, and a filter that refuses namespaces and mounts.
 *
 * usage: confine COMMAND [ARGUMENT...]
 *
 * Compiled with -DREFUSED_TOO=SYS_call it refuses that call too.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef REFUSED_TOO
#define REFUSED_TOO SYS_bpf
#endif
#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	    CLONE_NEWCGROUP)

static const int refused[] = { SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root,
	SYS_fsopen, SYS_fsmount, SYS_fsconfig, SYS_fspick, SYS_open_tree, SYS_move_mount,
	SYS_mount_setattr, SYS_bpf, SYS_perf_event_open, REFUSED_TOO };

static const int kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE,
	CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE };

static struct sock_filter code[128];
static unsigned short length;

static void
emit(unsigned short operation, uint32_t k, unsigned char if_true, unsigned char if_false)
{
	code[length++] = (struct sock_filter){ operation, if_true, if_false, k };
}

static void
make_filter(void)
{
	emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
		emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	}
	emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3);
	emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args), 0, 0);
	emit(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1);
	emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		mask |= 1ULL << kept[i];
	for (int i = 0; i < 64; i++)
		if (!(mask >> i & 1))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	data[0].effective = data[0].permitted = (uint32_t)mask;
	data[1].effective = data[1].permitted = (uint32_t)(mask >> 32);
	return (int)syscall(SYS_capset, &header, data);
}

int
main(int argc, char **argv)
{
	struct sock_fprog program = { 0, code };

	if (argc < 2)
		return 2;
	make_filter();
	program.len = length;
	/* an ordinary user cannot load a filter otherwise */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return 125;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ||
	    (geteuid() == 0 && drop_capabilities() < 0)) {
		perror("confine");
		return 125;
	}
	(void)execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
