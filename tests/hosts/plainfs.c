/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plainfs - a file system that can do less: another folder, seen through FUSE, without what is named.
 *
 * usage: plainfs [xattr|link|owner|mode|device|time|lock],... SOURCE MOUNTPOINT
 *
 * What is named is refused: extended attributes (ENOTSUP), hard links (EPERM), giving files to others (EPERM, as where root is squashed),
 * set-id bits (silently, as where modes are those of the mount), device nodes (EPERM), access times, locks (ENOLCK). For root, for tests.
 */
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static int root;
static const char *without;

static bool
lacks(const char *what)
{
	const char *at = strstr(without, what);

	return at && (at == without || at[-1] == ',') && strchr(",", at[strlen(what)]);
}

static const char *
below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int
result(long value)
{
	return value < 0 ? -errno : 0;
}

/* xattr calls have no form with a folder */
static void
whole(const char *path, char text[PATH_MAX])
{
	(void)snprintf(text, PATH_MAX, "/proc/self/fd/%d/%s", root, below(path));
}

/* What was made belongs to whoever asked for it. */
static int
own(const char *path, long made)
{
	const struct fuse_context *asked = fuse_get_context();

	if (made < 0)
		return -errno;
	return result(fchownat(root, below(path), asked->uid, asked->gid, AT_SYMLINK_NOFOLLOW));
}

static int
p_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	return result(
	    fi ? fstat((int)fi->fh, st) : fstatat(root, below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int
p_readlink(const char *path, char *text, size_t size)
{
	ssize_t n = readlinkat(root, below(path), text, size - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static int
p_mknod(const char *path, mode_t mode, dev_t dev)
{
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && lacks("device"))
		return -EPERM;
	return own(path, mknodat(root, below(path), mode, dev));
}

static int
p_mkdir(const char *path, mode_t mode)
{
	return own(path, mkdirat(root, below(path), mode));
}

static int
p_unlink(const char *path)
{
	return result(unlinkat(root, below(path), 0));
}

static int
p_rmdir(const char *path)
{
	return result(unlinkat(root, below(path), AT_REMOVEDIR));
}

static int
p_symlink(const char *target, const char *path)
{
	return own(path, symlinkat(target, root, below(path)));
}

static int
p_rename(const char *from, const char *to, unsigned int flags)
{
	return result(renameat2(root, below(from), root, below(to), flags));
}

static int
p_link(const char *from, const char *to)
{
	return lacks("link") ? -EPERM : result(linkat(root, below(from), root, below(to), 0));
}

static int
p_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	if (lacks("mode"))
		mode &= 0777;
	return result(fi ? fchmod((int)fi->fh, mode) : fchmodat(root, below(path), mode, 0));
}

static int
p_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	struct stat st;

	if (fstatat(root, below(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (lacks("owner") &&
	    ((uid != (uid_t)-1 && uid != st.st_uid) || (gid != (gid_t)-1 && gid != st.st_gid)))
		return -EPERM;
	(void)fi;
	return result(fchownat(root, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int
p_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	int fd = fi ? (int)fi->fh : openat(root, below(path), O_WRONLY | O_CLOEXEC), failed;

	if (fd < 0)
		return -errno;
	failed = result(ftruncate(fd, size));
	if (!fi)
		(void)close(fd);
	return failed;
}

static int
p_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi)
{
	struct timespec set[2] = { times[0], times[1] };

	if (lacks("time"))
		set[0].tv_nsec = UTIME_NOW;
	return result(fi ? futimens((int)fi->fh, set)
			 : utimensat(root, below(path), set, AT_SYMLINK_NOFOLLOW));
}

static int
p_open(const char *path, struct fuse_file_info *fi)
{
	int fd = openat(root, below(path), (fi->flags & ~O_NOFOLLOW) | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	return 0;
}

static int
p_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	int fd = openat(root, below(path), fi->flags | O_CREAT | O_CLOEXEC, mode);
	int failed = own(path, fd);

	if (failed) {
		if (fd >= 0)
			(void)close(fd);
		return failed;
	}
	fi->fh = (uint64_t)fd;
	return 0;
}

static int
p_read(const char *path, char *bytes, size_t size, off_t at, struct fuse_file_info *fi)
{
	ssize_t n = pread((int)fi->fh, bytes, size, at);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int
p_write(const char *path, const char *bytes, size_t size, off_t at, struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, bytes, size, at);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int
p_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	(void)close((int)fi->fh);
	return 0;
}

static int
p_fsync(const char *path, int data, struct fuse_file_info *fi)
{
	(void)path;
	return result(data ? fdatasync((int)fi->fh) : fsync((int)fi->fh));
}

static int
p_flock(const char *path, struct fuse_file_info *fi, int how)
{
	(void)path;
	return lacks("lock") ? -ENOLCK : result(flock((int)fi->fh, how));
}

static int
p_statfs(const char *path, struct statvfs *fs)
{
	(void)path;
	return result(fstatvfs(root, fs));
}

static int
p_setxattr(const char *path, const char *name, const char *value, size_t size, int flags)
{
	char text[PATH_MAX];

	whole(path, text);
	return lacks("xattr") ? -ENOTSUP : result(lsetxattr(text, name, value, size, flags));
}

static int
p_getxattr(const char *path, const char *name, char *value, size_t size)
{
	char text[PATH_MAX];
	ssize_t n;

	whole(path, text);
	n = lacks("xattr") ? (errno = ENOTSUP, -1) : lgetxattr(text, name, value, size);
	return n < 0 ? -errno : (int)n;
}

static int
p_listxattr(const char *path, char *names, size_t size)
{
	char text[PATH_MAX];
	ssize_t n;

	whole(path, text);
	n = lacks("xattr") ? (errno = ENOTSUP, -1) : llistxattr(text, names, size);
	return n < 0 ? -errno : (int)n;
}

static int
p_removexattr(const char *path, const char *name)
{
	char text[PATH_MAX];

	whole(path, text);
	return lacks("xattr") ? -ENOTSUP : result(lremovexattr(text, name));
}

static int
p_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t at, struct fuse_file_info *fi,
    enum fuse_readdir_flags flags)
{
	int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	(void)at;
	(void)fi;
	(void)flags;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (fill(buf, entry->d_name, NULL, 0, 0))
			break;
	(void)closedir(dir);
	return 0;
}

static void *
p_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->use_ino = 1;
	config->nullpath_ok = 0;
	config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = p_init,
	.getattr = p_getattr,
	.readlink = p_readlink,
	.mknod = p_mknod,
	.mkdir = p_mkdir,
	.unlink = p_unlink,
	.rmdir = p_rmdir,
	.symlink = p_symlink,
	.rename = p_rename,
	.link = p_link,
	.chmod = p_chmod,
	.chown = p_chown,
	.truncate = p_truncate,
	.utimens = p_utimens,
	.open = p_open,
	.create = p_create,
	.read = p_read,
	.write = p_write,
	.release = p_release,
	.fsync = p_fsync,
	.flock = p_flock,
	.statfs = p_statfs,
	.setxattr = p_setxattr,
	.getxattr = p_getxattr,
	.listxattr = p_listxattr,
	.removexattr = p_removexattr,
	.readdir = p_readdir,
};

int
main(int argc, char **argv)
{
	char options[] = "default_permissions,allow_other,fsname=plainfs";
	char *arguments[] = { argv[0], "-o", options, argc > 3 ? argv[3] : NULL, NULL };

	if (argc != 4)
		return 2;
	without = argv[1];
	(void)umask(0);
	root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return 1;
	return fuse_main(4, arguments, &operations, NULL);
}
