/* SPDX-License-Identifier: Apache-2.0 */
/*
 * points - the mount points that every command needs, as a directory below all layers.
 */
#include "builder/step/points.h"

#include "runtime/base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
make_folder(int dir, const char *name, struct error *e)
{
	/* the mode again: the umask took part in mkdirat() */
	if (mkdirat(dir, name, 0755) < 0 || fchmodat(dir, name, 0755, 0) < 0)
		return error_sys(e, "cannot make mount point '%s'", name);
	return 0;
}

static int
make_file(int dir, const char *name, struct error *e)
{
	autofd int fd =
	    openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0 || fchmod(fd, 0644) < 0)
		return error_sys(e, "cannot make mount point '%s'", name);
	return 0;
}

int
points_make(int dir, struct error *e)
{
	autofd int etc = -1;

	if (fchmod(dir, 0755) < 0)
		return error_sys(e, "cannot make mount points");
	if (make_folder(dir, "proc", e) < 0 || make_folder(dir, "dev", e) < 0 ||
	    make_folder(dir, "sys", e) < 0 || make_folder(dir, "etc", e) < 0)
		return -1;
	etc = openat(dir, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return error_sys(e, "cannot open a new folder");
	return make_file(etc, "resolv.conf", e) < 0 ? -1 : make_file(etc, "hosts", e);
}
