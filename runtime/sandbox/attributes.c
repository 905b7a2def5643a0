/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes - what a process inherits over execve and no namespace holds: scheduling, memory policy, execution domain, labels.
 *
 * Labels are written to a procfs of our own, never to what is mounted at /proc of a container (SECURITY R6, R10).
 */
#include "runtime/sandbox/attributes.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched/types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_SHIFT 13
#define LIST_MAX 65536
#define BITS_OF_LONG (8 * sizeof(unsigned long))

static int
refused(const char *member, struct error *e)
{
	error_sys(e, "config.json: '%s' is refused by the kernel", member);
	e->kind = ERR_HOST;
	return -1;
}

/* A list like "0-3,7", already checked, as bits; NULL when a number is too large. To be freed. */
static unsigned long *
parse_list(const char *list)
{
	autofree unsigned long *bits = xcalloc(LIST_MAX / BITS_OF_LONG, sizeof(bits[0]));
	auto(strv) struct strv parts = { 0 };
	struct error ignored = ERROR_INIT;

	strv_split(&parts, list, ',');
	for (size_t i = 0; i < parts.count; i++) {
		char *dash = strchr(parts.items[i], '-');
		uint64_t first, last;

		if (dash)
			*dash = '\0';
		if (parse_u64(parts.items[i], 0, LIST_MAX - 1, "", &first, &ignored) < 0)
			return NULL;
		last = first;
		if (dash && parse_u64(dash + 1, first, LIST_MAX - 1, "", &last, &ignored) < 0)
			return NULL;
		for (uint64_t n = first; n <= last; n++)
			bits[n / BITS_OF_LONG] |= 1UL << n % BITS_OF_LONG;
	}
	return steal_ptr(&bits);
}

static int
set_cpus(const char *list, const char *member, struct error *e)
{
	autofree unsigned long *bits = parse_list(list);

	if (!bits)
		return error_set(e, ERR_INPUT, "config.json: '%s' is no list of CPUs", member);
	if (syscall(SYS_sched_setaffinity, 0, LIST_MAX / 8, bits) < 0) {
		error_sys(e, "config.json: '%s': none of the CPUs %s can be used", member, list);
		e->kind = ERR_HOST;
		return -1;
	}
	return 0;
}

static int
set_scheduler(const struct attributes *a, struct error *e)
{
	struct sched_attr attr = {
		.size = SCHED_ATTR_SIZE_VER0,
		.sched_policy = a->policy,
		.sched_flags = a->scheduler_flags,
		.sched_nice = a->nice,
		.sched_priority = a->priority,
		.sched_runtime = a->runtime,
		.sched_deadline = a->deadline,
		.sched_period = a->period,
	};

	if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return refused("process.scheduler", e);
	return 0;
}

static int
set_memory_policy(const struct attributes *a, struct error *e)
{
	const char *nodes = a->memory_nodes && *a->memory_nodes ? a->memory_nodes : NULL;
	autofree unsigned long *bits = nodes ? parse_list(nodes) : NULL;

	if (nodes && !bits)
		return error_set(
		    e, ERR_INPUT, "config.json: 'linux.memoryPolicy.nodes' is no list of nodes");
	/* the kernel looks at one bit less than it is told, and refuses bits of nodes that no kernel has */
	if (syscall(SYS_set_mempolicy, a->memory_mode, bits, bits ? LIST_MAX + 1 : 0) < 0 &&
	    (errno != EINVAL ||
		syscall(SYS_set_mempolicy, a->memory_mode, bits, bits ? 1025 : 0) < 0))
		return refused("linux.memoryPolicy", e);
	return 0;
}

/* Writes to a file of this process in a procfs that nobody else has. */
static int
write_label(const char *file, const char *text, const char *member, struct error *e)
{
	autofree char *path = xasprintf("thread-self/attr/%s", file);
	autofd int proc = -1;
	autofd int fd = -1;

	if (mount_is_classic()) {
		error_set(e, ERR_HOST, "config.json: '%s' cannot be set", member);
		return error_hint(e,
		    "it takes a procfs that nobody can reach (fsopen(2)), which is refused here");
	}
	proc = mount_new("proc", NULL, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, e);
	if (proc < 0)
		return error_ctx(e, "config.json: '%s'", member);
	fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return refused(member, e);
	return 0;
}

static int
set_apparmor(const char *profile, struct error *e)
{
	autofree char *text = xasprintf("exec %s", profile);
	struct error first = ERROR_INIT;

	if (write_label("apparmor/exec", text, "process.apparmorProfile", &first) == 0)
		return 0;
	/* the only place before Linux 5.8 */
	return write_label("exec", text, "process.apparmorProfile", e);
}

int
attributes_apply_initial(const struct attributes *a, struct error *e)
{
	return a->initial_cpus ? set_cpus(a->initial_cpus, "process.execCPUAffinity.initial", e)
	                       : 0;
}

int
attributes_apply(const struct attributes *a, struct error *e)
{
	if (a->final_cpus && set_cpus(a->final_cpus, "process.execCPUAffinity.final", e) < 0)
		return -1;
	if (a->scheduler && set_scheduler(a, e) < 0)
		return -1;
	if (a->io_class && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
			       a->io_class << IOPRIO_CLASS_SHIFT | a->io_priority) < 0)
		return refused("process.ioPriority", e);
	if (a->memory && set_memory_policy(a, e) < 0)
		return -1;
	if (a->domain && personality(a->personality) < 0)
		return refused("linux.personality", e);
	if (a->apparmor && set_apparmor(a->apparmor, e) < 0)
		return -1;
	if (a->selinux && write_label("exec", a->selinux, "process.selinuxLabel", e) < 0)
		return -1;
	return 0;
}

static bool
apparmor_is_on(void)
{
	autofd int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char answer = 'N';

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

bool
attributes_selinux_is_on(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

int
attributes_check(const struct attributes *a, struct error *e)
{
	if (a->apparmor && !apparmor_is_on())
		return error_set(e, ERR_HOST,
		    "'process.apparmorProfile' is '%s', and this kernel runs without "
		    "AppArmor",
		    a->apparmor);
	if (a->selinux && !attributes_selinux_is_on())
		return error_set(e, ERR_HOST,
		    "'process.selinuxLabel' is '%s', and this kernel runs without "
		    "SELinux",
		    a->selinux);
	return 0;
}
