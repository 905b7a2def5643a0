/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights - what the calls on files and processes of others answer to one who is not root, a line a check, so that two tiers can be compared.
 *
 * usage: rights [plain]. As root, in a folder that all may search. A child that has become somebody else makes each call on files, folders
 * and sockets of several owners and modes, which are made anew after each call that worked; what that has changed of them is printed.
 * "plain": without the calls that the tier emulate does not serve.
 *
 * Not asked is what the tier userns-single does not check (seccomp/ids.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define A 1000 /* who asks; of the groups A and G */
#define B 2000
#define G 3000

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
fail(const char *what)
{
	printf("%s: errno %d\n", what, errno);
	fflush(stdout);
	_exit(99);
}

static int
must(long result, const char *what)
{
	if (result < 0)
		fail(what);
	return (int)result;
}

/* ---- who asks ---- */

static void
lower_effective(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	must(syscall(SYS_capset, &head, none), "capset");
}

static void
user(void)
{
	must(setgroups(1, (gid_t[]){ G }), "setgroups");
	must(setresgid(A, A, A), "setresgid");
	must(setresuid(A, A, A), "setresuid");
	prctl(PR_SET_DUMPABLE, 1); /* as after execve(2) */
}

static void
effective(void)
{
	must(setgroups(1, (gid_t[]){ G }), "setgroups");
	must(setegid(A), "setegid");
	must(seteuid(A), "seteuid");
	prctl(PR_SET_DUMPABLE, 1);
}

static void
bare(void)
{
	must(setgroups(0, NULL), "setgroups");
	lower_effective();
}

struct person {
	const char *name;
	void (*become)(void);
};
static const struct person persons[] = { { "user", user }, { "effective", effective }, { "bare", bare } };

/* ---- what there is ---- */

struct thing {
	const char *name;
	mode_t type;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* Folders stand before what is in them. */
static const struct thing things[] = {
	{ "r0600", S_IFREG, 0600, 0, 0 },
	{ "r0644", S_IFREG, 0644, 0, 0 },
	{ "r0666", S_IFREG, 0666, 0, 0 },
	{ "g0660", S_IFREG, 0660, 0, G },
	{ "g0606", S_IFREG, 0606, 0, G }, /* less for the group than for others */
	{ "a0600", S_IFREG, 0600, A, A },
	{ "a0066", S_IFREG, 0066, A, A },
	{ "a6755", S_IFREG, 06755, A, B },
	{ "b0644", S_IFREG, 0644, B, B },
	{ "b0622", S_IFREG, 0622, B, B },
	{ "b4777", S_IFREG, 04777, B, B },
	{ "closed", S_IFDIR, 0700, 0, 0 },
	{ "closed/f", S_IFREG, 0666, 0, 0 },
	{ "closed/d", S_IFDIR, 0777, 0, 0 },
	{ "closed/s", S_IFSOCK, 0777, 0, 0 },
	{ "listed", S_IFDIR, 0744, 0, 0 },
	{ "listed/f", S_IFREG, 0666, 0, 0 },
	{ "blind", S_IFDIR, 0711, 0, 0 },
	{ "blind/f", S_IFREG, 0644, 0, 0 },
	{ "open", S_IFDIR, 0777, 0, 0 },
	{ "open/r", S_IFREG, 0644, 0, 0 },
	{ "open/a", S_IFREG, 0644, A, A },
	{ "sticky", S_IFDIR, 01777, 0, 0 },
	{ "sticky/r", S_IFREG, 0644, 0, 0 },
	{ "sticky/a", S_IFREG, 0644, A, A },
	{ "sticky/d", S_IFDIR, 0777, B, B },
	{ "own", S_IFDIR, 01755, A, A },
	{ "own/r", S_IFREG, 0600, 0, 0 },
	{ "own/d", S_IFDIR, 0700, 0, 0 },
	{ "group", S_IFDIR, 02770, 0, G },
	{ "group/b", S_IFREG, 0640, B, G },
	{ "none", S_IFDIR, 0, A, A },
	{ "none/f", S_IFREG, 0666, A, A },
	{ "s0755", S_IFSOCK, 0755, 0, 0 },
	{ "s0777", S_IFSOCK, 0777, 0, 0 },
	{ "sa", S_IFSOCK, 0700, A, A },
	{ "p0600", S_IFIFO, 0600, 0, 0 },
	{ "p0666", S_IFIFO, 0666, B, B },
	{ "link", S_IFLNK, 0, 0, 0 },   /* to r0644 */
	{ "deep", S_IFLNK, 0, A, A },   /* to closed/f */
	{ "broken", S_IFLNK, 0, B, B }, /* to own/new */
};

/* What is named in calls besides: names that are not there. */
static const char *const absent[] = { "new", "open/new", "sticky/new", "own/new", "closed/new", "group/new", "blind/new",
	"own/d/new", "r0644/", "r0600/new", "closed/", "closed/d/..", "sa/x", "", "." };

#define PATHS (N(things) + N(absent))

static const char *
path_of(size_t i)
{
	return i < N(things) ? things[i].name : absent[i - N(things)];
}

static int listening[512], n_listening; /* sockets that are bound */

static void
make_socket(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = must(socket(AF_UNIX, type, 0), "socket");

	strcpy(address.sun_path, path);
	must(bind(fd, (void *)&address, sizeof(address)), path);
	if (type == SOCK_STREAM)
		must(listen(fd, 5), "listen");
	listening[n_listening++] = fd;
}

static void
make(const struct thing *t, int type)
{
	const char *target = strcmp(t->name, "link") == 0 ? "r0644" : t->name[0] == 'd' ? "closed/f" : "own/new";
	int fd;

	if (t->type == S_IFDIR) {
		must(mkdir(t->name, 0700), t->name);
	} else if (t->type == S_IFSOCK) {
		make_socket(t->name, type);
	} else if (t->type == S_IFIFO) {
		must(mkfifo(t->name, 0600), t->name);
	} else if (t->type == S_IFLNK) {
		must(symlink(target, t->name), t->name);
	} else {
		fd = must(creat(t->name, 0600), t->name);
		must(write(fd, "#!/bin/true\n", 12), t->name);
		must(fsetxattr(fd, "user.x", "y", 1, 0), "fsetxattr");
		close(fd);
	}
	must(lchown(t->name, t->uid, t->gid), t->name);
	if (t->type != S_IFLNK)
		must(chmod(t->name, t->mode), t->name);
}

static bool is_to_be_made[N(things)];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

/* Also what is in it. */
static void
remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Makes what is not as it was, and all that is in it. */
static void
make_missing(int type)
{
	static const char *const new[] = { "new", "open/new", "sticky/new", "own/new", "closed/new", "group/new", "blind/new",
		"own/d/new", "none/new", "open/moved", "open/linked" };

	for (size_t i = 0; i < N(new); i++)
		remove_tree(new[i]);
	for (size_t i = 0; i < N(things); i++) {
		const char *slash = strchr(things[i].name, '/');

		for (size_t j = 0; slash && j < i; j++)
			if (is_to_be_made[j] && strlen(things[j].name) == (size_t)(slash - things[i].name) &&
			    strncmp(things[j].name, things[i].name, strlen(things[j].name)) == 0)
				is_to_be_made[i] = true;
		if (!is_to_be_made[i])
			continue;
		remove_tree(things[i].name);
		make(&things[i], type);
	}
	memset(is_to_be_made, 0, sizeof(is_to_be_made));
}

static void
make_all(int type)
{
	must(mkdir("t", 0755), "t");
	must(chdir("t"), "t");
	umask(022);
	memset(is_to_be_made, 1, sizeof(is_to_be_made));
	make_missing(type);
}

static void
remove_all(void)
{
	for (int i = 0; i < n_listening; i++)
		close(listening[i]);
	n_listening = 0;
	must(chdir(".."), "..");
	remove_tree("t");
}

/* Prints what thing @i is now, if it is not as it was. */
static bool
print_change(size_t i)
{
	const struct thing *t = &things[i];
	struct stat st;
	char mark[4];

	if (lstat(t->name, &st) < 0)
		return printf("  gone %s\n", t->name) > 0;
	if (t->type == S_IFLNK)
		st.st_mode = S_IFLNK;
	if (st.st_mode != (t->type | t->mode) || st.st_uid != t->uid || st.st_gid != t->gid ||
	    (t->type == S_IFREG && (st.st_nlink != 1 || st.st_size != 12)))
		return printf("  now %s %o %d:%d %d %d\n", t->name, st.st_mode, (int)st.st_uid, (int)st.st_gid,
			   (int)st.st_nlink * !S_ISDIR(st.st_mode), (int)st.st_size * S_ISREG(st.st_mode)) > 0;
	if (t->type != S_IFREG)
		return false;
	if (getxattr(t->name, "user.x", mark, sizeof(mark)) != 1)
		return printf("  now %s without its attribute\n", t->name) > 0;
	return getxattr(t->name, "user.new", mark, sizeof(mark)) >= 0 && printf("  now %s with an attribute\n", t->name) > 0;
}

static void
print_changes(void)
{
	struct stat st;

	for (size_t i = 0; i < N(things); i++)
		is_to_be_made[i] = print_change(i);
	for (size_t i = 0; i < N(absent); i++)
		if (strstr(absent[i], "new") && lstat(absent[i], &st) == 0)
			printf("  made %s %o %d:%d\n", absent[i], st.st_mode, (int)st.st_uid, (int)st.st_gid);
	if (lstat("open/moved", &st) == 0 || lstat("open/linked", &st) == 0)
		printf("  there is a new name\n");
}

/* ---- calls by path ---- */

static long c_open_r(const char *p) { return open(p, O_RDONLY | O_NONBLOCK); }
static long c_open_w(const char *p) { return open(p, O_WRONLY | O_NONBLOCK); }
static long c_open_rw(const char *p) { return open(p, O_RDWR | O_NONBLOCK | O_APPEND); }
static long c_open_t(const char *p) { return open(p, O_RDONLY | O_TRUNC | O_NONBLOCK); }
static long c_open_c(const char *p) { return open(p, O_RDONLY | O_CREAT | O_NONBLOCK, 06777); }
static long c_open_x(const char *p) { return open(p, O_WRONLY | O_CREAT | O_EXCL, 0600); }
static long c_open_d(const char *p) { return open(p, O_RDONLY | O_DIRECTORY); }
static long c_open_n(const char *p) { return open(p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK); }
static long c_open_path(const char *p) { return open(p, O_PATH); }
static long c_open_noatime(const char *p) { return open(p, O_RDONLY | O_NOATIME | O_NONBLOCK); }
static long c_open_tmp(const char *p) { return open(p, O_RDWR | O_TMPFILE, 0600); }
static long c_stat(const char *p) { struct stat s; return stat(p, &s); }
static long c_lstat(const char *p) { struct stat s; return lstat(p, &s); }
static long c_statx(const char *p) { struct statx s; return statx(AT_FDCWD, p, 0, STATX_MODE, &s); }
static long c_statfs(const char *p) { struct statfs s; return statfs(p, &s); }
static long c_access_f(const char *p) { return access(p, F_OK); }
static long c_access_r(const char *p) { return access(p, R_OK); }
static long c_access_w(const char *p) { return access(p, W_OK); }
static long c_access_x(const char *p) { return access(p, X_OK); }
static long c_eaccess_r(const char *p) { return syscall(SYS_faccessat2, AT_FDCWD, p, R_OK, AT_EACCESS); }
static long c_eaccess_x(const char *p) { return syscall(SYS_faccessat2, AT_FDCWD, p, X_OK, AT_EACCESS); }
static long c_chdir(const char *p) { return chdir(p); }
static long c_chroot(const char *p) { return chroot(p); }
static long c_truncate(const char *p) { return truncate(p, 3); }
static long c_chmod(const char *p) { return chmod(p, 0707); }
static long c_chmod_s(const char *p) { return chmod(p, 06755); }
static long c_chown_a(const char *p) { return chown(p, A, A); }
static long c_chgrp(const char *p) { return chown(p, -1, G); }
static long c_chgrp_b(const char *p) { return lchown(p, -1, B); }
static long c_chown_no(const char *p) { return chown(p, -1, -1); }
static long c_utime_now(const char *p) { return utimensat(AT_FDCWD, p, NULL, 0); }
static long c_utime_set(const char *p) { return utimensat(AT_FDCWD, p, (struct timespec[2]){ { 5, 0 }, { 6, 0 } }, 0); }
static long c_utime_half(const char *p) { return utimensat(AT_FDCWD, p, (struct timespec[2]){ { 0, UTIME_OMIT }, { 0, UTIME_NOW } }, 0); }
static long c_utime_link(const char *p) { return utimensat(AT_FDCWD, p, NULL, AT_SYMLINK_NOFOLLOW); }
static long c_utimes(const char *p) { return utimes(p, (struct timeval[2]){ { 5, 0 }, { 6, 0 } }); }
static long c_mkdir(const char *p) { return mkdir(p, 0777); }
static long c_mknod(const char *p) { return mknod(p, S_IFREG | 0644, 0); }
static long c_mkfifo(const char *p) { return mkfifo(p, 0666); }
static long c_device(const char *p) { return mknod(p, S_IFCHR | 0666, 0x103); }
static long c_symlink(const char *p) { return symlink("x", p); }
static long c_unlink(const char *p) { return unlink(p); }
static long c_rmdir(const char *p) { return rmdir(p); }
static long c_rename(const char *p) { return rename(p, "open/moved"); }
static long c_rename_to(const char *p) { return rename("open/a", p); }
static long c_rename_sticky(const char *p) { return rename("sticky/r", p); }
static long c_exchange(const char *p) { return renameat2(AT_FDCWD, "open/a", AT_FDCWD, p, RENAME_EXCHANGE); }
static long c_link(const char *p) { return link(p, "open/linked"); }
static long c_link_to(const char *p) { return link("open/a", p); }
static long c_link_follow(const char *p) { return linkat(AT_FDCWD, p, AT_FDCWD, "open/linked", AT_SYMLINK_FOLLOW); }
static long c_get(const char *p) { char v[9]; return getxattr(p, "user.x", v, sizeof(v)); }
static long c_get_none(const char *p) { char v[9]; return lgetxattr(p, "user.none", v, sizeof(v)); }
static long c_get_acl(const char *p) { char v[99]; return getxattr(p, "system.posix_acl_access", v, sizeof(v)); }
static long c_get_capability(const char *p) { char v[99]; return getxattr(p, "security.capability", v, sizeof(v)); }
static long c_list(const char *p) { char v[999]; long n = listxattr(p, v, sizeof(v)); return n > 0 ? 0 : n; }
static long c_llist(const char *p) { char v[999]; long n = llistxattr(p, v, sizeof(v)); return n > 0 ? 0 : n; }
static long c_set(const char *p) { return setxattr(p, "user.new", "v", 1, 0); }
static long c_set_link(const char *p) { return lsetxattr(p, "user.new", "v", 1, 0); }
static long c_remove(const char *p) { return removexattr(p, "user.x"); }
static long c_set_trusted(const char *p) { return setxattr(p, "trusted.x", "v", 1, 0); }
static long c_watch(const char *p) { return inotify_add_watch(inotify_init(), p, IN_OPEN); }
static long c_watch_link(const char *p) { return inotify_add_watch(inotify_init(), p, IN_OPEN | IN_DONT_FOLLOW); }
static long
c_exec(const char *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(p, p, (char *)NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	return status == 0 ? 0 : -1;
}
static long c_handle(const char *p)
{
	struct { struct file_handle h; char room[128]; } h = { .h.handle_bytes = 0 };
	int mount;
	long n = name_to_handle_at(AT_FDCWD, p, &h.h, &mount, 0);

	return n < 0 && (errno == EOVERFLOW || errno == EOPNOTSUPP) ? 0 : n; /* it was reached */
}
static long
reach(const char *p, int type, int how)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct iovec part = { "x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1 } };
	int fd = must(socket(AF_UNIX, type, 0), "socket");

	strcpy(address.sun_path, p);
	if (how == 1)
		return sendto(fd, "x", 1, 0, (void *)&address, sizeof(address));
	if (how == 2)
		return sendmsg(fd, &m.msg_hdr, 0);
	if (how == 3)
		return sendmmsg(fd, &m, 1, 0);
	if (how == 4)
		return bind(fd, (void *)&address, sizeof(address));
	return connect(fd, (void *)&address, sizeof(address));
}
static long c_connect(const char *p) { return reach(p, SOCK_STREAM, 0); }
static long c_connect_d(const char *p) { return reach(p, SOCK_DGRAM, 0); }
static long c_sendto(const char *p) { return reach(p, SOCK_DGRAM, 1); }
static long c_sendmsg(const char *p) { return reach(p, SOCK_DGRAM, 2); }
static long c_sendmmsg(const char *p) { return reach(p, SOCK_DGRAM, 3); }
static long c_bind(const char *p) { return *p ? reach(p, SOCK_STREAM, 4) : 0; } /* any name */

/* ---- the same by a descriptor that root has opened ---- */

static int given = -1; /* O_RDONLY; O_PATH for links and sockets */

static long c_fchmod(const char *p) { return fchmod(given, 0707); }
static long c_fchown(const char *p) { return fchown(given, A, A); }
static long c_fchgrp(const char *p) { return fchown(given, -1, G); }
static long c_futimens(const char *p) { return futimens(given, (struct timespec[2]){ { 5, 0 }, { 6, 0 } }); }
static long c_futime_now(const char *p) { return futimens(given, NULL); }
static long c_fget(const char *p) { char v[9]; return fgetxattr(given, "user.x", v, sizeof(v)); }
static long c_flist(const char *p) { char v[999]; long n = flistxattr(given, v, sizeof(v)); return n > 0 ? 0 : n; }
static long c_fset(const char *p) { return fsetxattr(given, "user.new", "v", 1, 0); }
static long c_fremove(const char *p) { return fremovexattr(given, "user.x"); }
static long c_at(const char *p) { return openat(given, "f", O_RDONLY); }
static long c_at_new(const char *p) { return openat(given, "new", O_WRONLY | O_CREAT, 0600); }
static long c_at_up(const char *p) { return openat(given, "../r0644", O_RDONLY); }
static long c_again(const char *p) { char path[64]; snprintf(path, sizeof(path), "/proc/self/fd/%d", given); return open(path, O_RDWR | O_NONBLOCK); }

struct path_call {
	const char *name;
	long (*fn)(const char *path);
	int how;
};
#define PLAIN 1    /* the tier emulate serves it */
#define GIVEN 2    /* by descriptor */
#define DATAGRAM 4 /* the sockets are of datagrams */
#define CHANGES 8  /* the caller or the files */
#define CALL(name, how) { #name, c_##name, how }

static const struct path_call path_calls[] = { CALL(open_r, PLAIN), CALL(open_w, PLAIN), CALL(open_rw, PLAIN), CALL(open_t, PLAIN | CHANGES),
	CALL(open_c, PLAIN | CHANGES), CALL(open_x, PLAIN | CHANGES), CALL(open_d, PLAIN), CALL(open_n, PLAIN), CALL(open_path, 0), CALL(open_noatime, PLAIN),
	CALL(open_tmp, PLAIN | CHANGES), CALL(stat, PLAIN), CALL(lstat, PLAIN), CALL(statx, PLAIN), CALL(statfs, PLAIN), CALL(access_f, PLAIN),
	CALL(access_r, PLAIN), CALL(access_w, PLAIN), CALL(access_x, PLAIN), CALL(eaccess_r, PLAIN), CALL(eaccess_x, PLAIN),
	CALL(chdir, PLAIN | CHANGES), CALL(chroot, CHANGES), CALL(truncate, PLAIN | CHANGES), CALL(chmod, PLAIN | CHANGES), CALL(chmod_s, PLAIN | CHANGES), CALL(chown_a, PLAIN | CHANGES),
	CALL(chgrp, PLAIN | CHANGES), CALL(chgrp_b, PLAIN | CHANGES), CALL(chown_no, PLAIN | CHANGES), CALL(utime_now, PLAIN), CALL(utime_set, PLAIN),
	CALL(utime_half, PLAIN), CALL(utime_link, PLAIN), CALL(utimes, PLAIN), CALL(mkdir, PLAIN | CHANGES), CALL(mknod, PLAIN | CHANGES), CALL(mkfifo, PLAIN | CHANGES),
	CALL(device, PLAIN | CHANGES), CALL(symlink, PLAIN | CHANGES), CALL(unlink, PLAIN | CHANGES), CALL(rmdir, PLAIN | CHANGES), CALL(rename, PLAIN | CHANGES), CALL(rename_to, PLAIN | CHANGES),
	CALL(rename_sticky, PLAIN | CHANGES), CALL(exchange, PLAIN | CHANGES), CALL(link, PLAIN | CHANGES), CALL(link_to, PLAIN | CHANGES), CALL(link_follow, PLAIN | CHANGES),
	CALL(get, PLAIN), CALL(get_none, PLAIN), CALL(get_acl, PLAIN), CALL(get_capability, PLAIN), CALL(list, PLAIN), CALL(llist, PLAIN),
	CALL(set, PLAIN | CHANGES), CALL(set_link, PLAIN | CHANGES), CALL(remove, PLAIN | CHANGES), CALL(set_trusted, PLAIN | CHANGES), CALL(watch, 0), CALL(watch_link, 0),
	CALL(exec, PLAIN), CALL(handle, 0), CALL(connect, PLAIN), CALL(connect_d, DATAGRAM), CALL(sendto, DATAGRAM),
	CALL(sendmsg, DATAGRAM), CALL(sendmmsg, DATAGRAM), CALL(bind, PLAIN | CHANGES), CALL(fchmod, PLAIN | GIVEN | CHANGES), CALL(fchown, PLAIN | GIVEN | CHANGES),
	CALL(fchgrp, PLAIN | GIVEN | CHANGES), CALL(futimens, PLAIN | GIVEN), CALL(futime_now, PLAIN | GIVEN), CALL(fget, PLAIN | GIVEN),
	CALL(flist, PLAIN | GIVEN), CALL(fset, PLAIN | GIVEN | CHANGES), CALL(fremove, PLAIN | GIVEN | CHANGES), CALL(at, PLAIN | GIVEN),
	CALL(at_new, PLAIN | GIVEN | CHANGES), CALL(at_up, PLAIN | GIVEN), CALL(again, PLAIN | GIVEN) };


/* Makes the call on all paths from @from on, up to the first where it works and changes something: that comes after it, or 0. */
static int
ask_paths(const struct person *who, const struct path_call *c, size_t from)
{
	long result;

	who->become();
	for (size_t i = from; i < PATHS; i++) {
		errno = 0;
		result = c->fn(path_of(i));
		printf("%s %s '%s': %d\n", who->name, c->name, path_of(i), result < 0 ? errno : 0);
		if (result >= 0 && c->how & CHANGES)
			return (int)i + 1;
		if (c->how & GIVEN)
			return (int)i + 1; /* the next one has another descriptor */
	}
	return 0;
}

static bool
open_given(const char *path, bool plain)
{
	given = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	if (given < 0 && !plain)
		given = open(path, O_PATH | O_NOFOLLOW);
	return given >= 0;
}

static void
try_paths(const struct person *who, const struct path_call *c, bool plain)
{
	size_t next = 0;
	int status;
	pid_t pid;

	do {
		if (c->how & GIVEN && !open_given(path_of(next), plain)) {
			next++;
			continue;
		}
		fflush(stdout);
		pid = must(fork(), "fork");
		if (pid == 0) {
			next = (size_t)ask_paths(who, c, next);
			fflush(stdout);
			_exit((int)next);
		}
		waitpid(pid, &status, 0);
		next = WEXITSTATUS(status);
		if (!WIFEXITED(status))
			printf("%s %s: status %x\n", who->name, c->name, status);
		if (c->how & GIVEN)
			close(given);
		if (c->how & CHANGES && next > 0) {
			print_changes();
			make_missing(c->how & DATAGRAM ? SOCK_DGRAM : SOCK_STREAM);
		}
	} while (next > 0 && next < PATHS);
}

/* ---- programs ---- */

static void
copy(const char *from, const char *to, const char *old, const char *new)
{
	static char bytes[4 << 20];
	int in = must(open(from, O_RDONLY), from), out = must(creat(to, 0755), to);
	ssize_t n = must(read(in, bytes, sizeof(bytes)), from);

	for (char *at = bytes; old && (at = memmem(at, (size_t)(bytes + n - at), old, strlen(old)));)
		memcpy(at, new, strlen(new));
	must(write(out, bytes, (size_t)n), to);
	close(in);
	close(out);
}

static void
write_script(const char *path, const char *line)
{
	int fd = must(creat(path, 0755), path);

	must(write(fd, line, strlen(line)), path);
	close(fd);
}

/* Scripts and programs whose interpreters are for root alone, or cannot be reached. */
static void
programs(const struct person *who)
{
	static const char *const names[] = { "./free", "./one", "./two", "./far", "./near", "./linked", "./argument", "./data", "./away" };
	static const char loader[] = "/lib/ld-musl-x86_64.so.1";

	must(mkdir("c", 0700), "c");
	copy("/bin/busybox", "tool", NULL, NULL);
	copy("/bin/busybox", "c/tool", NULL, NULL);
	must(symlink("c/tool", "way"), "way");
	write_script("data.txt", "x\n");
	must(chmod("tool", 0700), "tool");
	must(chmod("data.txt", 0644), "data.txt");
	write_script("free", "#!/bin/true\n");
	write_script("one", "#!./tool true\n");
	write_script("two", "#! ./one\n");
	write_script("far", "#!c/tool true\n");
	write_script("near", "#!./c/../free\n");
	write_script("linked", "#!./way true\n");
	write_script("argument", "#!/bin/busybox true\n");
	write_script("data", "#!./data.txt\n");
	write_script("away", "#!/nowhere/at/all\n");
	if (access(loader, R_OK) == 0) {
		copy(loader, "/lib/ld-secr-x86_64.so.1", NULL, NULL);
		must(chmod("/lib/ld-secr-x86_64.so.1", 0700), "loader");
		copy("/bin/busybox", "true", "ld-musl", "ld-secr");
	}
	fflush(stdout);
	if (fork() == 0) {
		who->become();
		for (size_t i = 0; i < N(names); i++) {
			errno = 0;
			printf("%s program '%s': %d\n", who->name, names[i], c_exec(names[i]) < 0 ? errno : 0);
		}
		if (access(loader, R_OK) == 0)
			printf("%s program of a loader of root: %d\n", who->name, c_exec("./true") < 0 ? errno : 0);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	for (size_t i = 0; i < N(names); i++)
		unlink(names[i]);
	unlink("/lib/ld-secr-x86_64.so.1");
	unlink("true");
	unlink("tool");
	unlink("c/tool");
	unlink("way");
	unlink("data.txt");
	rmdir("c");
}

/* ---- processes ---- */

static long p_kill_0(pid_t p) { return kill(p, 0); }
static long p_kill(pid_t p) { return kill(p, SIGWINCH); }
static long p_continue(pid_t p) { return kill(p, SIGCONT); }
static long p_tkill(pid_t p) { return syscall(SYS_tkill, p, SIGWINCH); }
static long p_tgkill(pid_t p) { return syscall(SYS_tgkill, p, p, SIGWINCH); }
static long p_tgkill_0(pid_t p) { return syscall(SYS_tgkill, p, p, 0); }
static long p_sigqueue(pid_t p) { return sigqueue(p, SIGWINCH, (union sigval){ 0 }); }
static long
p_tgsigqueue(pid_t p)
{
	siginfo_t info = { .si_signo = SIGWINCH, .si_code = SI_QUEUE };

	return syscall(SYS_rt_tgsigqueueinfo, p, p, SIGWINCH, &info);
}
static long p_pidfd_open(pid_t p) { return syscall(SYS_pidfd_open, p, 0); }
static long p_pidfd_signal(pid_t p) { return syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, p, 0), SIGWINCH, NULL, 0); }
static long p_pidfd_getfd(pid_t p) { return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, p, 0), 1, 0); }
static long p_proc_signal(pid_t p) { char path[64]; snprintf(path, sizeof(path), "/proc/%d", p); return syscall(SYS_pidfd_send_signal, open(path, O_RDONLY), SIGWINCH, NULL, 0); }
static long p_attach(pid_t p) { long r = ptrace(PTRACE_ATTACH, p, NULL, NULL); if (r == 0) { waitpid(p, NULL, __WALL); ptrace(PTRACE_DETACH, p, NULL, NULL); } return r; }
static long p_seize(pid_t p) { return ptrace(PTRACE_SEIZE, p, NULL, NULL); }
static long word = 42;
static long p_read(pid_t p) { long to; struct iovec a = { &to, sizeof(to) }, b = { &word, sizeof(word) }; return process_vm_readv(p, &a, 1, &b, 1, 0); }
static long p_write(pid_t p) { long to = 42; struct iovec a = { &to, sizeof(to) }, b = { &word, sizeof(word) }; return process_vm_writev(p, &a, 1, &b, 1, 0); }
static long p_kcmp(pid_t p) { long r = syscall(SYS_kcmp, getpid(), p, 2, 0, 0); return r < 0 ? r : 0; }
static long p_limit_get(pid_t p) { struct rlimit l; return prlimit(p, RLIMIT_CORE, NULL, &l); }
static long p_limit_set(pid_t p) { struct rlimit l; prlimit(0, RLIMIT_CORE, NULL, &l); return prlimit(p, RLIMIT_CORE, &l, NULL); }
static long p_affinity_get(pid_t p) { cpu_set_t s; return sched_getaffinity(p, sizeof(s), &s); }
static long p_affinity(pid_t p) { cpu_set_t s; sched_getaffinity(0, sizeof(s), &s); return sched_setaffinity(p, sizeof(s), &s); }
static long p_scheduler(pid_t p) { struct sched_param s = { 0 }; return syscall(SYS_sched_setscheduler, p, SCHED_BATCH, &s); }
static long p_param(pid_t p) { struct sched_param s = { 0 }; return syscall(SYS_sched_setparam, p, &s); }
static long p_attr(pid_t p) { struct { unsigned size, policy; unsigned long flags; int nice; unsigned priority; unsigned long t[3]; } a = { sizeof(a), SCHED_BATCH }; return syscall(SYS_sched_setattr, p, &a, 0); }
static long p_priority(pid_t p) { return setpriority(PRIO_PROCESS, p, 3); }
static long p_priority_get(pid_t p) { errno = 0; getpriority(PRIO_PROCESS, p); return errno ? -1 : 0; }
static long p_io(pid_t p) { return syscall(SYS_ioprio_set, 1, p, 2 << 13 | 5); }
static long p_robust(pid_t p) { void *head; size_t n; return syscall(SYS_get_robust_list, p, &head, &n); }
static long p_advise(pid_t p) { struct iovec b = { &word, 0 }; return syscall(SYS_process_madvise, syscall(SYS_pidfd_open, p, 0), &b, 1, 20, 0); }

struct process_call {
	const char *name;
	long (*fn)(pid_t pid);
	int how;
};
#define PROCESS(name, how) { #name, p_##name, how }
static const struct process_call process_calls[] = { PROCESS(kill_0, PLAIN), PROCESS(kill, PLAIN), PROCESS(continue, PLAIN), PROCESS(tkill, PLAIN),
	PROCESS(tgkill, PLAIN), PROCESS(tgkill_0, PLAIN), PROCESS(sigqueue, PLAIN), PROCESS(tgsigqueue, PLAIN), PROCESS(pidfd_open, PLAIN),
	PROCESS(pidfd_signal, PLAIN), PROCESS(pidfd_getfd, PLAIN), PROCESS(proc_signal, 0), PROCESS(read, PLAIN), PROCESS(write, PLAIN),
	PROCESS(kcmp, PLAIN), PROCESS(limit_get, PLAIN), PROCESS(limit_set, PLAIN), PROCESS(affinity_get, PLAIN), PROCESS(affinity, PLAIN),
	PROCESS(scheduler, PLAIN), PROCESS(param, PLAIN), PROCESS(attr, PLAIN), PROCESS(priority, PLAIN), PROCESS(priority_get, PLAIN),
	PROCESS(io, PLAIN), PROCESS(robust, PLAIN), PROCESS(advise, PLAIN), PROCESS(attach, 0), PROCESS(seize, 0) };

/* Files of procfs, and how they are opened. */
static const struct {
	const char *name;
	int flags;
} process_files[] = { { "environ", O_RDONLY }, { "auxv", O_RDONLY }, { "maps", O_RDONLY }, { "mem", O_RDWR }, { "fd", O_RDONLY },
	{ "stat", O_RDONLY }, { "status", O_RDONLY }, { "cmdline", O_RDONLY }, { "cwd/r0644", O_RDONLY }, { "root/etc/passwd", O_RDONLY },
	{ "limits", O_RDONLY }, { "oom_score_adj", O_RDONLY }, { "oom_score_adj", O_WRONLY }, { "clear_refs", O_WRONLY },
	{ "coredump_filter", O_WRONLY }, { "task", O_RDONLY }, { "fdinfo", O_RDONLY }, { "fd/0", O_RDONLY }, { "sched", O_WRONLY } };

static pid_t
begin(void (*become)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	must(pipe(ready), "pipe");
	fflush(stdout);
	pid = must(fork(), "fork");
	if (pid == 0) {
		if (become)
			become();
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	must(read(ready[0], &byte, 1), "read");
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void
user_b(void)
{
	must(setgroups(0, NULL), "setgroups");
	must(setresgid(B, B, B), "setresgid");
	must(setresuid(B, B, B), "setresuid");
	prctl(PR_SET_DUMPABLE, 1);
}

static void
saved(void) /* its saved user is root */
{
	must(setgroups(0, NULL), "setgroups");
	must(setresgid(A, A, A), "setresgid");
	must(setresuid(A, A, 0), "setresuid");
	prctl(PR_SET_DUMPABLE, 1);
}

static void
ask_process(const struct person *who, const char *name, pid_t pid, bool plain)
{
	char path[64];
	int fd;

	for (size_t i = 0; i < N(process_calls); i++) {
		if (plain && !(process_calls[i].how & PLAIN))
			continue;
		errno = 0;
		printf("%s %s of %s: %d\n", who->name, process_calls[i].name, name, process_calls[i].fn(pid) < 0 ? errno : 0);
	}
	for (size_t i = 0; i < N(process_files) && !plain; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, process_files[i].name);
		errno = 0;
		fd = open(path, process_files[i].flags);
		printf("%s %s%s of %s: %d\n", who->name, process_files[i].flags == O_WRONLY ? "writes " : "", process_files[i].name, name,
		    fd < 0 ? errno : 0);
		if (fd >= 0)
			close(fd);
	}
	fflush(stdout);
}

static void
processes(const struct person *who, bool plain)
{
	static const struct { const char *name; void (*become)(void); } others[] = { { "root", NULL }, { "another", user_b },
		{ "the same", user }, { "the same, once root", saved }, { "root for now the same", effective } };

	for (size_t i = 0; i < N(others); i++) {
		pid_t pid = begin(others[i].become);

		if (fork() == 0) {
			who->become();
			ask_process(who, others[i].name, pid, plain);
			_exit(0);
		}
		wait(NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* All of a user's, of a group: those are met that may be, and it fails when there is none. */
static void
many(const struct person *who)
{
	static const char *const names[] = { "root", "another", "the same" };
	static void (*const become[])(void) = { NULL, user_b, user };
	pid_t all[3];
	int status, result, ended[3];

	for (int group = 0; group < 2; group++) {
		for (int i = 0; i < 3; i++) {
			all[i] = begin(become[i]);
			ended[i] = 0;
			if (group)
				must(setpgid(all[i], all[0]), "setpgid");
		}
		if (fork() == 0) {
			setpgid(0, 0);
			who->become();
			result = kill(group ? -all[0] : -1, SIGTERM);
			printf("%s kills %s: %d\n", who->name, group ? "a group" : "all", result < 0 ? errno : 0);
			fflush(stdout);
			_exit(0);
		}
		for (int left = 4; left > 0; left--) {
			pid_t pid = wait(&status);

			for (int i = 0; i < 3; i++)
				ended[i] = pid == all[i] ? WTERMSIG(status) : ended[i];
			/* who was not met is ended by root, when the caller and the one that was met have */
			if (left == 3)
				for (int i = 0; i < 3; i++)
					kill(all[i], SIGKILL);
		}
		for (int i = 0; i < 3; i++)
			printf("%s: %s ended by %d\n", who->name, names[i], ended[i]);
	}
}

int
main(int argc, char **argv)
{
	bool plain = argc > 1 && strcmp(argv[1], "plain") == 0;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int how = 0; how <= (plain ? 0 : DATAGRAM); how += DATAGRAM) {
		make_all(how ? SOCK_DGRAM : SOCK_STREAM);
		for (size_t c = 0; c < N(path_calls); c++)
			for (size_t w = 0; w < N(persons); w++)
				if ((path_calls[c].how & DATAGRAM) == how && (!plain || path_calls[c].how & PLAIN))
					try_paths(&persons[w], &path_calls[c], plain);
		remove_all();
	}
	for (size_t w = 0; w < N(persons); w++) {
		programs(&persons[w]);
		processes(&persons[w], plain);
	}
	many(&persons[0]);
	return 0;
}
