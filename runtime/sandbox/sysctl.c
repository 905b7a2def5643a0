/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - kernel parameters of the namespaces that the calling process is in.
 */
#include "runtime/sandbox/sysctl.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* "net/ipv4/conf/eth0.1/mtu" for "net.ipv4.conf.eth0/1.mtu", and for that path itself. */
static char *
path_of(const char *name)
{
	char *path = xstrdup(name);
	const char *first = strpbrk(name, "./");

	/* the first separator is the one that separates, and the other a letter */
	if (first && *first == '.')
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return path;
}

/* The files of the uts namespace are the host's root's to write; the calls behind them are for whoever has rights in the namespace. */
static bool
is_uts(const char *path)
{
	return strcmp(path, "kernel/hostname") == 0 || strcmp(path, "kernel/domainname") == 0;
}

static int
set_uts(const char *path, const char *value, struct error *e)
{
	int result = path_base(path)[0] == 'h' ? sethostname(value, strlen(value))
	                                       : setdomainname(value, strlen(value));

	return result < 0 ? error_sys(e, "cannot set '/proc/sys/%s'", path) : 0;
}

int
sysctl_set(int proc, const char *item, struct error *e)
{
	const char *value = strchr(item, '=');
	autofree char *name = xstrndup(item, (size_t)(value - item));
	autofree char *below = path_of(name);
	autofree char *path = xasprintf("sys/%s", below);
	autofd int fd =
	    path_try_open(proc, path, is_uts(below) ? O_PATH : O_WRONLY, 0, PATH_NO_SYMLINKS);

	value++;
	if (fd >= 0 && is_uts(below))
		return set_uts(below, value, e);
	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		error_sys(e, "config.json: 'linux.sysctl.%s' cannot be set to '%s'", name, value);
		e->kind = ERR_HOST;
		if (errno == ENOENT || e->sys == ENOENT)
			error_hint(e,
			    "this kernel has no /proc/sys/%s for the container's namespaces",
			    below);
		return -1;
	}
	return 0;
}
