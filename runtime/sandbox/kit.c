/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kit - parts of a container that are made ahead, while nobody waits for them.
 */
#include "runtime/sandbox/kit.h"

#include "runtime/base/error.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/devices.h"
#include "runtime/sandbox/mask.h"
#include "runtime/sandbox/mount.h"

#include <errno.h>

static int
make_dev(struct error *e)
{
	autofd int fd = devices_new(e);

	if (fd < 0 || devices_fill(fd, 0, e) < 0)
		return -1;
	return steal_fd(&fd);
}

static int
make_sys(struct error *e)
{
	auto(mask) struct mask m = MASK_INIT;
	autofd int fd = mask_new_sys(e);

	if (fd < 0 || mask_default_sys(&m, fd, e) < 0)
		return -1;
	return steal_fd(&fd);
}

void
container_kit_prepare(struct container_kit *kit)
{
	struct error e = ERROR_INIT;

	if (mount_is_classic())
		kit->refused = true;
	if (!kit->refused && kit->dev < 0)
		kit->dev = make_dev(&e);
	if (!kit->refused && kit->sys < 0)
		kit->sys = make_sys(&e);
	kit->refused = kit->dev < 0 || kit->sys < 0;
}

void
container_kit_release(struct container_kit *kit)
{
	fd_close_at(&kit->dev);
	fd_close_at(&kit->sys);
	*kit = (struct container_kit)CONTAINER_KIT_INIT;
}
