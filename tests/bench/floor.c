/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor - the bare system calls of one container of `spec --rootless`, and nothing else: what no runtime can do without.
 *
 * usage: floor ROOTFS COMMAND [ARGUMENT...]
 *
 * The namespaces of that file, one id, its mounts and device nodes, its masked and read-only paths, pivot_root, execve. No
 * config.json is read, nothing is checked, no state is kept; a failure ends it.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES                                                                  \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | \
	    CLONE_NEWCGROUP | CLONE_NEWNET)
#define ATTACH (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

static int root;

static void
must(const char *what, long result)
{
	if (result >= 0)
		return;
	perror(what);
	_exit(125);
}

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(path, fd);
	must(path, write(fd, text, strlen(text)));
	close(fd);
}

static int
at(const char *path)
{
	int fd = openat(root, path, O_PATH | O_CLOEXEC);

	return fd;
}

static void
attach(int mount, const char *path)
{
	int target = at(path);

	must(path, target);
	must(path, move_mount(mount, "", target, "", ATTACH));
	close(target);
	close(mount);
}

static int new (const char *type, const char *const *options, unsigned int attributes)
{
	int context = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	must(type, context);
	for (; options && *options; options += 2)
		must(type, fsconfig(context, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			       options[0], options[1], 0));
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	fd = fsmount(context, FSMOUNT_CLOEXEC, attributes);
	close(context);
	return fd;
}

static int
clone_of(const char *path, int dir)
{
	return open_tree(dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static void
make_dev(void)
{
	static const char *const dev[] = { "mode", "755", "size", "65536k", NULL };
	static const char *const pts[] = { "newinstance", NULL, "ptmxmode", "0666", "mode", "0620",
		NULL };
	static const char *const shm[] = { "mode", "1777", "size", "65536k", NULL };
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" },
		{ "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" }, { "/proc/kcore", "dev/core" },
		{ "pts/ptmx", "dev/ptmx" } };
	char host[32], path[32];

	attach(new ("tmpfs", dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME), "dev");
	close(root);
	root = open("/..", O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		snprintf(host, sizeof(host), "/dev/%s", nodes[i]);
		snprintf(path, sizeof(path), "dev/%s", nodes[i]);
		close(openat(root, path, O_CREAT | O_CLOEXEC, 0666));
		attach(clone_of(host, AT_FDCWD), path);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		must("symlink", symlinkat(links[i][0], root, links[i][1]));
	mkdirat(root, "dev/pts", 0755);
	mkdirat(root, "dev/shm", 0755);
	mkdirat(root, "dev/mqueue", 0755);
	attach(new ("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "dev/pts");
	attach(new ("tmpfs", shm, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
	    "dev/shm");
	attach(new ("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
	    "dev/mqueue");
}

static void
mask(void)
{
	static const char *const hidden[] = { "proc/acpi", "proc/asound", "proc/interrupts",
		"proc/kallsyms", "proc/kcore", "proc/keys", "proc/latency_stats",
		"proc/sched_debug", "proc/scsi", "proc/timer_list", "proc/timer_stats",
		"sys/devices/virtual/powercap", "sys/firmware" };
	static const char *const locked[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys",
		"proc/sysrq-trigger" };
	static const char *const options[] = { "size", "4k", "mode", "555", NULL };
	int empty = -1;

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		int fd = at(hidden[i]);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0)
			continue;
		close(fd);
		if (!S_ISDIR(st.st_mode)) {
			attach(clone_of("/dev/null", AT_FDCWD), hidden[i]);
			continue;
		}
		if (empty < 0)
			empty = new ("tmpfs", options, MOUNT_ATTR_RDONLY);
		attach(open_tree(empty, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
		    hidden[i]);
	}
	for (size_t i = 0; i < sizeof(locked) / sizeof(locked[0]); i++) {
		struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
		int fd =
		    open_tree(root, locked[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

		if (fd < 0)
			continue;
		must("mount_setattr",
		    mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)));
		attach(fd, locked[i]);
	}
}

static void
child(const char *rootfs, int ready, char **argv)
{
	unsigned int safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	char byte;
	int fd;

	must("read", read(ready, &byte, 1));
	must("setresgid", setresgid(0, 0, 0));
	must("setresuid", setresuid(0, 0, 0));
	must("setsid", setsid());
	fd = clone_of(rootfs, AT_FDCWD);
	must(rootfs, fd);
	must("move_mount", move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH));
	close(fd);
	root = open("/..", O_PATH | O_CLOEXEC);
	attach(new ("proc", NULL, 0), "proc");
	make_dev();
	fd = new ("sysfs", NULL, safe | MOUNT_ATTR_RDONLY);
	if (fd >= 0)
		attach(fd, "sys");
	fd = new ("cgroup2", NULL, safe | MOUNT_ATTR_RDONLY);
	if (fd >= 0)
		attach(fd, "sys/fs/cgroup");
	mask();
	must("mount_setattr", mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
	must("fchdir", fchdir(root));
	must("pivot_root", syscall(SYS_pivot_root, ".", "."));
	must("umount", umount2(".", MNT_DETACH));
	must("chdir", chdir("/"));
	must("sethostname", sethostname("floor", 5));
	for (int i = 0; i < 41; i++)
		if (i != 29 && i != 5 && i != 10)
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	must("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	execv(argv[0], argv);
	must(argv[0], -1);
}

int
main(int argc, char **argv)
{
	char path[64], text[64];
	int ends[2], status;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	if (argc < 3)
		return 2;
	must("pipe", pipe2(ends, O_CLOEXEC));
	pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, 0, 0, 0, 0);
	must("clone", pid);
	if (pid == 0)
		child(argv[1], ends[0], argv + 2);
	snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	write_file(path, "deny");
	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	snprintf(text, sizeof(text), "0 %u 1\n", uid);
	write_file(path, text);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	snprintf(text, sizeof(text), "0 %u 1\n", gid);
	write_file(path, text);
	must("write", write(ends[1], "", 1));
	must("waitpid", waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
