/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount - mounts as descriptors (open_tree(2), fsmount(2), move_mount(2)).
 *
 * Where a file system says why it refused, its words are part of the error: they are read from the descriptor of the
 * file system context (fsopen(2), "Message retrieval interface"). Where these calls are refused, mount_classic.h does it.
 */
#include "runtime/sandbox/mount.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/mount_classic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

bool
mount_is_classic(void)
{
	return classic_is_needed();
}

void
mount_force_classic(bool on)
{
	classic_force(on);
}

static uint64_t
kernel_attributes(unsigned int attributes)
{
	uint64_t a = 0;

	if (attributes & MOUNT_READ_ONLY)
		a |= MOUNT_ATTR_RDONLY;
	if (attributes & MOUNT_NOSUID)
		a |= MOUNT_ATTR_NOSUID;
	if (attributes & MOUNT_NODEV)
		a |= MOUNT_ATTR_NODEV;
	if (attributes & MOUNT_NOEXEC)
		a |= MOUNT_ATTR_NOEXEC;
	if (attributes & MOUNT_NOATIME)
		a |= MOUNT_ATTR_NOATIME;
	if (attributes & MOUNT_STRICTATIME)
		a |= MOUNT_ATTR_STRICTATIME;
	if (attributes & MOUNT_NODIRATIME)
		a |= MOUNT_ATTR_NODIRATIME;
	if (attributes & MOUNT_NOSYMFOLLOW)
		a |= MOUNT_ATTR_NOSYMFOLLOW;
	return a;
}

int
mount_refused(int context, const char *type, struct error *e)
{
	int saved = errno;
	char words[256];
	ssize_t n;

	n = read(context, words, sizeof(words) - 1);
	if (n > 0 && words[n - 1] == '\n')
		n--;
	words[n > 0 ? n : 0] = '\0';
	errno = saved;
	if (n > 2) /* the first two bytes are the level, "e " */
		error_sys(e, "cannot mount %s: %s", type, words + 2);
	else
		error_sys(e, "cannot mount %s", type);
	e->kind = ERR_HOST;
	return -1;
}

int
mount_clone(int fd, bool recursive, struct error *e)
{
	int flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int clone;

	if (mount_is_classic())
		return classic_clone(fd, recursive, e);
	clone = open_tree(fd, "", recursive ? flags | AT_RECURSIVE : flags);
	return clone < 0 ? error_sys(e, "cannot copy a mount") : clone;
}

int
mount_clone_path(const char *path, bool recursive, struct error *e)
{
	autofd int fd = open(path, O_PATH | O_CLOEXEC);
	int clone;

	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	clone = mount_clone(fd, recursive, e);
	return clone < 0 ? error_ctx(e, "'%s'", path) : clone;
}

/* "name" or "name=value"; a value in quotes may hold commas, and is given without them. */
static int
set_option(int context, char *word)
{
	char *value = strchr(word, '=');
	size_t length;

	if (!value)
		return fsconfig(context, FSCONFIG_SET_FLAG, word, NULL, 0);
	*value++ = '\0';
	length = strlen(value);
	if (length > 1 && value[0] == '"' && value[length - 1] == '"') {
		value[length - 1] = '\0';
		value++;
	}
	return fsconfig(context, FSCONFIG_SET_STRING, word, value, 0);
}

static int
set_options(int context, const char *options)
{
	autofree char *words = xstrdup(options ? options : "");
	bool quoted = false;
	char *word = words;

	for (char *c = words; *word; c++) {
		bool last = !*c;

		quoted = quoted != (*c == '"');
		if (!last && (quoted || *c != ','))
			continue;
		*c = '\0';
		if (*word && set_option(context, word) < 0)
			return -1;
		word = last ? c : c + 1;
	}
	return 0;
}

int
mount_new(const char *type, const char *options, unsigned int attributes, struct error *e)
{
	return mount_new_from(type, type, options, attributes, e);
}

int
mount_new_from(const char *type, const char *source, const char *options, unsigned int attributes,
    struct error *e)
{
	autofd int context = -1;
	int fd;

	if (mount_is_classic())
		return classic_new(type, source, options, attributes, e);
	context = fsopen(type, FSOPEN_CLOEXEC);
	if (context < 0) {
		error_sys(e, "cannot make a %s file system", type);
		e->kind = errno == ENODEV || e->sys == ENODEV ? ERR_HOST : e->kind;
		return -1;
	}
	(void)fsconfig(
	    context, FSCONFIG_SET_STRING, "source", source, 0); /* how it is called in mountinfo */
	if (set_options(context, options) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return mount_refused(context, type, e);
	fd = fsmount(context, FSMOUNT_CLOEXEC, (unsigned int)kernel_attributes(attributes));
	return fd < 0 ? mount_refused(context, type, e) : fd;
}

int
mount_restrict(int fd, unsigned int attributes, bool recursive, struct error *e)
{
	struct mount_attr a = { .attr_set = kernel_attributes(attributes) };
	int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	if (!attributes)
		return 0;
	if (attributes & (MOUNT_NOATIME | MOUNT_STRICTATIME))
		a.attr_clr = MOUNT_ATTR__ATIME;
	if (mount_is_classic())
		return classic_change(fd, attributes, 0, recursive, e);
	if (mount_setattr(fd, "", flags, &a, sizeof(a)) < 0)
		return error_sys(e, "cannot restrict a mount");
	return 0;
}

int
mount_change(int fd, unsigned int set, unsigned int clear, bool recursive, struct error *e)
{
	struct mount_attr a = { .attr_set = kernel_attributes(set),
		.attr_clr = kernel_attributes(clear & ~(unsigned int)MOUNT_STRICTATIME) };

	a.attr_clr &= ~(uint64_t)MOUNT_ATTR__ATIME;
	if ((set | clear) & (MOUNT_NOATIME | MOUNT_STRICTATIME | MOUNT_RELATIME))
		a.attr_clr |= MOUNT_ATTR__ATIME;
	if (!a.attr_set && !a.attr_clr)
		return 0;
	if (mount_is_classic()
		? classic_change(fd, set, clear, recursive, e) == 0
		: mount_setattr(
		      fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) == 0)
		return 0;
	if (!mount_is_classic())
		error_sys(e, "cannot change the attributes of a mount");
	if (e->sys != EPERM)
		return -1;
	e->kind = ERR_HOST;
	return error_hint(e, "what the host has mounted with ro, nosuid, nodev, noexec or other "
			     "access times keeps it in a user namespace");
}

int
mount_propagate(int fd, unsigned long type, bool recursive, struct error *e)
{
	struct mount_attr a = { .propagation = type };

	if (mount_is_classic())
		return classic_propagate(fd, type, recursive, e);
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) <
	    0)
		return error_sys(e, "cannot set the propagation of a mount");
	return 0;
}

int
mount_map_ids(int fd, int userns, bool recursive, struct error *e)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };

	if (mount_is_classic()) {
		error_set(e, ERR_HOST, "cannot map the ids of a mount without mount_setattr(2)");
		return error_hint(e, "that takes Linux 5.12 and filters that allow it");
	}
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) ==
	    0)
		return 0;
	error_sys(e, "cannot map the ids of a mount");
	e->kind = ERR_HOST;
	if (e->sys == EPERM)
		error_hint(e,
		    "only who may mount the file system itself may map its ids: root, for "
		    "the disks of a host");
	if (e->sys == EINVAL)
		error_hint(e, "this kernel cannot map the ids of that file system");
	return -1;
}

int
mount_attach(int fd, int target, struct error *e)
{
	if (mount_is_classic())
		return classic_attach(fd, target, e);
	if (move_mount(fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_sys(e, "cannot attach a mount");
	return 0;
}

int
mount_detach(int fd, struct error *e)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return umount2(path, MNT_DETACH) < 0 ? error_sys(e, "cannot unmount") : 0;
}

int
mount_bind(int source, int target, unsigned int attributes, bool recursive, struct error *e)
{
	autofd int clone = mount_clone(source, recursive, e);

	if (clone < 0 || mount_restrict(clone, attributes, recursive, e) < 0)
		return -1;
	return mount_attach(clone, target, e);
}
