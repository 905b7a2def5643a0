/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strict - short lists of system calls for processes of ours that read bytes from outside.
 *
 * Compiled by libseccomp: names are stable ones, and an unknown name of a newer kernel is left out.
 */
#include "runtime/sandbox/landlock.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static const char *const parse_calls[] = {
	"brk",
	"clock_gettime",
	"close",
	"copy_file_range",
	"dup",
	"dup2",
	"dup3",
	"exit",
	"exit_group",
	"fcntl",
	"fadvise64",
	"fstat",
	"fsync",
	"fdatasync",
	"ftruncate",
	"futex",
	"getpid",
	"getrandom",
	"gettid",
	"ioctl",
	"lseek",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	"newfstatat",
	"poll",
	"ppoll",
	"pread64",
	"pwrite64",
	"read",
	"readv",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sendfile",
	"splice",
	"statx",
	"write",
	"writev",
	/* the C library's qsort() asks for the size of memory */
	"sysinfo",
	/* abort() in an assertion must end in SIGABRT and not in a riddle */
	"tgkill",
};

static const char *const unpack_calls[] = {
	"fallocate",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchownat",
	"fgetxattr",
	"flistxattr",
	"fremovexattr",
	"fsetxattr",
	"fstatfs",
	"getdents64",
	"getegid",
	"geteuid",
	"lgetxattr",
	"linkat",
	"llistxattr",
	"lremovexattr",
	"lsetxattr",
	"mkdirat",
	"mknodat",
	"openat",
	"openat2",
	"readlinkat",
	"renameat",
	"renameat2",
	"symlinkat",
	"umask",
	"unlinkat",
	"utimensat",
};

/* At most 60 calls: it begins anew, the list of parsers has more than it needs. */
static const char *const fetch_calls[] = {
	"bind",
	"brk",
	"clock_gettime",
	"clock_nanosleep",
	"close",
	"connect",
	"dup",
	"eventfd2",
	"exit",
	"exit_group",
	"fcntl",
	"fstat",
	"ftruncate",
	"futex",
	"getdents64",
	"getpeername",
	"getpid",
	"getrandom",
	"getsockname",
	"getsockopt",
	"gettid",
	"ioctl",
	"lseek",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	"newfstatat",
	"openat",
	"pipe2",
	"poll",
	"ppoll",
	"pread64",
	"pwrite64",
	"read",
	"readlinkat",
	"recvfrom",
	"recvmsg",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_getaffinity",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"set_robust_list",
	"setsockopt",
	"shutdown",
	"socketpair",
	"statx",
	"sysinfo",
	"tgkill",
	"uname",
	"write",
	"writev",
};

static int
allow(scmp_filter_ctx context, const char *const *names, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int failed;

		if (number == __NR_SCMP_ERROR || number < 0)
			continue; /* newer than the library, or not on this architecture */
		failed = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
		if (failed < 0) {
			errno = -failed;
			return error_sys(e, "cannot allow %s in a filter", names[i]);
		}
	}
	return 0;
}

/* Threads but no processes; sockets of the internet, and those that the C library resolves names with. */
static int
allow_fetch(scmp_filter_ctx context, struct error *e)
{
	static const unsigned families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	int failed;

	if (allow(context, fetch_calls, ARRAY_LEN(fetch_calls), e) < 0)
		return -1;
	/* Its flags lie in memory, where a filter cannot look: the C library then takes clone(2). */
	failed = seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SYS_clone3, 0);
	if (failed == 0)
		failed = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_NEWUSER, CLONE_THREAD));
	for (size_t i = 0; failed == 0 && i < ARRAY_LEN(families); i++)
		failed = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, families[i]));
	if (failed == 0)
		return 0;
	errno = -failed;
	return error_sys(e, "cannot make a filter");
}

static int
load(scmp_filter_ctx context, enum strict_role role, struct error *e)
{
	int failed;

	if (role == STRICT_FETCH && allow_fetch(context, e) < 0)
		return -1;
	if (role != STRICT_FETCH && allow(context, parse_calls, ARRAY_LEN(parse_calls), e) < 0)
		return -1;
	if (role == STRICT_UNPACK && allow(context, unpack_calls, ARRAY_LEN(unpack_calls), e) < 0)
		return -1;
	failed = seccomp_load(context);
	if (failed == 0)
		return 0;
	errno = -failed;
	return error_sys(e, "cannot load the filter of a worker");
}

/* Sanitizers make system calls of their own, which no list of ours has. */
#ifdef CROZE_SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

int
strict_filter(enum strict_role role, struct error *e)
{
	scmp_filter_ctx context;
	int result;

	if (is_sanitized)
		return 0;
	context = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!context)
		return error_set(e, ERR_SYSTEM, "cannot make a filter");
	result = load(context, role, e); /* sets no_new_privs too */
	seccomp_release(context);
	return result;
}

int
strict_parse(struct error *e)
{
	return landlock_restrict(NULL, 0, e) < 0 ? -1 : strict_filter(STRICT_PARSE, e);
}
