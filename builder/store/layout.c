/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - the files of an OCI image layout that is not the store.
 */
#include "builder/store/layout.h"

#include "builder/store/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEMPORARY ".croze-new"

static bool
is_empty(int fd)
{
	struct error ignored = ERROR_INIT;
	autodir DIR *dir = fd_opendir(fd, &ignored);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return dir != NULL;
}

int
layout_prepare(int dir, struct error *e)
{
	if (faccessat(dir, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && !is_empty(dir))
		return error_set(e, ERR_USAGE, "it is not empty and is no OCI layout");
	if ((mkdirat(dir, "blobs", 0755) < 0 && errno != EEXIST) ||
	    (mkdirat(dir, LAYOUT_BLOBS, 0755) < 0 && errno != EEXIST))
		return error_sys(e, "cannot make '%s'", LAYOUT_BLOBS);
	if (path_write_file(dir, "oci-layout", LAYOUT_VERSION_TEXT, strlen(LAYOUT_VERSION_TEXT),
		0644, false, e) < 0)
		return -1;
	return path_open(dir, LAYOUT_BLOBS, O_RDONLY | O_DIRECTORY, 0, PATH_NO_SYMLINKS, e);
}

int
layout_put_blob(int blobs, const struct digest *digest, uint64_t size,
    int (*write)(void *arg, int fd, struct error *e), void *arg, struct error *e)
{
	char hex[DIGEST_HEX_LEN + 1];
	autofd int fd = -1;
	struct stat st;

	(void)digest_hex(digest, hex);
	if (fstatat(blobs, hex, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == size)
		return 0;
	(void)unlinkat(blobs, TEMPORARY, 0); /* of a run that was cut short */
	fd = openat(blobs, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(e, "cannot write a blob");
	if (write(arg, fd, e) < 0) {
		(void)unlinkat(blobs, TEMPORARY, 0); /* a failure is being reported */
		return -1;
	}
	if (renameat(blobs, TEMPORARY, blobs, hex) < 0)
		return error_sys(e, "cannot name blob sha256:%s", hex);
	return 1;
}
