/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk - what walks through file trees have in common that are deeper than there may be descriptors.
 */
#include "builder/layer/walk.h"

#include <limits.h>

int
walk_check_path(const struct buf *path, struct error *e)
{
	if (path->len < PATH_MAX)
		return 0;
	return error_set(e, ERR_INPUT, "'%.60s...' is longer than a path can be", buf_text(path));
}

void
walk_add_name(struct buf *path, const char *name)
{
	if (path->len > 0)
		buf_add_char(path, '/');
	buf_add_text(path, name);
}

int
walk_open_again(int *dir, int below, struct error *e)
{
	if (*dir >= 0)
		return 0;
	*dir = openat(below, "..", WALK_OPEN_DIR);
	return *dir < 0 ? error_sys(e, "cannot go back to a parent directory") : 0;
}
