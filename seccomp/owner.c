/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner - whose a file is where only one id is mapped: the record that stands for the real owner.
 */
#include "seccomp/owner.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ext4 and XFS keep 34 bits of seconds, up to the year 2446. */
#define FIRST_SECOND ((int64_t)1 << 33)
#define LAST_SECOND (FIRST_SECOND + UINT32_MAX)
#define NANOSECONDS 1000000000U

size_t
owner_format(const struct owner *owner, char text[OWNER_TEXT_MAX])
{
	return (size_t)snprintf(text, OWNER_TEXT_MAX, "%u:%u", owner->uid, owner->gid);
}

/* A number of a record; the character after it in *@end. */
static bool
parse_number(const char *text, uint32_t *number, const char **end)
{
	uint64_t value = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*number = (uint32_t)value;
	*end = text;
	return true;
}

static bool
parse_pair(const char *text, uint32_t *first, uint32_t *second)
{
	const char *end;

	return parse_number(text, first, &end) && *end == ':' &&
	       parse_number(end + 1, second, &end) && *end == '\0';
}

bool
owner_parse(const char *value, size_t length, struct owner *owner)
{
	char text[OWNER_TEXT_MAX];

	if (length >= sizeof(text))
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	return parse_pair(text, &owner->uid, &owner->gid);
}

size_t
owner_device_format(mode_t mode, dev_t rdev, char text[OWNER_TEXT_MAX])
{
	return (size_t)snprintf(
	    text, OWNER_TEXT_MAX, "%c:%u:%u", S_ISCHR(mode) ? 'c' : 'b', major(rdev), minor(rdev));
}

bool
owner_device_parse(const char *value, size_t length, mode_t *mode, dev_t *rdev)
{
	char text[OWNER_TEXT_MAX];
	uint32_t first, second;

	if (length >= sizeof(text) || length < 2)
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	if ((text[0] != 'c' && text[0] != 'b') || text[1] != ':' ||
	    !parse_pair(text + 2, &first, &second))
		return false;
	*mode = (*mode & 07777) | (text[0] == 'c' ? S_IFCHR : S_IFBLK);
	*rdev = makedev(first, second);
	return true;
}

bool
owner_of_time(const struct timespec *atime, struct owner *owner)
{
	if (atime->tv_sec < FIRST_SECOND || atime->tv_sec > LAST_SECOND)
		return false;
	owner->uid = (uid_t)(atime->tv_sec - FIRST_SECOND);
	owner->gid = (gid_t)atime->tv_nsec;
	return true;
}

bool
owner_to_time(const struct owner *owner, struct timespec *atime)
{
	if (owner->gid >= NANOSECONDS)
		return false;
	atime->tv_sec = FIRST_SECOND + owner->uid;
	atime->tv_nsec = (long)owner->gid;
	return true;
}

int
owner_set(int fd, const struct owner *owner)
{
	char text[OWNER_TEXT_MAX];

	if (owner->uid != 0 || owner->gid != 0)
		return fsetxattr(fd, OWNER_XATTR, text, owner_format(owner, text), 0);
	if (fremovexattr(fd, OWNER_XATTR) == 0 || errno == ENODATA || errno == ENOTSUP)
		return 0;
	return -1;
}

int
owner_set_at(int dir, const char *name, const struct owner *owner)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct owner old;
	struct stat st;

	if (owner->uid != 0 || owner->gid != 0) {
		if (!owner_to_time(owner, &times[0])) {
			errno = ERANGE;
			return -1;
		}
		return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (!owner_of_time(&st.st_atim, &old))
		return 0;
	times[0].tv_nsec = UTIME_NOW;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

int
owner_make_dirs(
    int root, const char *path, const struct owner *owner, bool recorded, struct error *e)
{
	autofree char *clean = path_absolute(path);

	if (!recorded)
		return path_make_dirs(root, path, 0755, owner->uid, owner->gid, e);
	/* one at a time, so that each gets its owner */
	for (char *end = clean + 1;; *end++ = '/') {
		autofd int fd = -1;
		autofd int made = -1;
		bool is_last;

		end += strcspn(end, "/");
		is_last = *end == '\0';
		*end = '\0';
		fd = path_try_open(root, clean, O_PATH | O_DIRECTORY, 0, PATH_IN_ROOT);
		if (fd < 0) {
			fd = path_make_dirs(root, clean, 0755, (uid_t)-1, (gid_t)-1, e);
			made = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd < 0)
				return -1;
			if (made < 0 || owner_set(made, owner) < 0)
				return error_sys(e, "cannot set the owner of '%s'", clean);
		}
		if (is_last)
			return steal_fd(&fd);
	}
}

mode_t
owner_mode_kept(mode_t mode)
{
	return mode | (S_ISDIR(mode) ? 0700 : 0600);
}

bool
owner_mode_parse(const char *value, size_t length, mode_t *mode)
{
	mode_t read = 0;

	if (length != 4)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '7')
			return false;
		read = read << 3 | (mode_t)(value[i] - '0');
	}
	*mode = read;
	return true;
}

mode_t
owner_mode_of(const char *path, mode_t mode)
{
	char value[8];
	mode_t recorded;
	ssize_t n = getxattr(path, OWNER_MODE, value, sizeof(value));

	return n > 0 && owner_mode_parse(value, (size_t)n, &recorded) ? recorded : mode & 07777;
}

int
owner_set_mode(const char *path, mode_t mode)
{
	char text[8];

	if (chmod(path, owner_mode_kept(mode) & 07777) < 0)
		return -1;
	if (owner_mode_kept(mode) != mode) {
		(void)snprintf(text, sizeof(text), "%04o", (unsigned int)(mode & 07777));
		return setxattr(path, OWNER_MODE, text, 4, 0);
	}
	if (removexattr(path, OWNER_MODE) == 0 || errno == ENODATA || errno == ENOTSUP ||
	    errno == EPERM)
		return 0;
	return -1;
}

mode_t
owner_mode_made(mode_t mode)
{
	return owner_is_ordinary() ? owner_mode_kept(mode) : mode;
}

int
owner_fchmod(int fd, mode_t mode)
{
	char text[8];

	if (fchmod(fd, owner_mode_made(mode) & 07777) < 0)
		return -1;
	if (!owner_is_ordinary())
		return 0;
	if (owner_mode_kept(mode) != mode) {
		(void)snprintf(text, sizeof(text), "%04o", (unsigned int)(mode & 07777));
		return fsetxattr(fd, OWNER_MODE, text, 4, 0);
	}
	return fremovexattr(fd, OWNER_MODE) == 0 || errno == ENODATA || errno == ENOTSUP ? 0 : -1;
}

/* The number of ids that a map file of the process has. */
static uint64_t
count_ids(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long inside, outside, count;
	uint64_t total = 0;

	if (!file)
		return UINT32_MAX; /* no procfs: nothing says that ids are missing */
	while (fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3)
		total += count;
	(void)fclose(file); /* read-only */
	return total;
}

bool
owner_is_ordinary(void)
{
	return geteuid() != 0;
}

bool
owner_is_recorded(void)
{
	return owner_is_ordinary() || count_ids("/proc/self/uid_map") == 1 ||
	       count_ids("/proc/self/gid_map") == 1;
}
