/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - the devices of RUN --device, opened before the command starts.
 *
 * A node of the host is bound, as a user namespace can make none; it is looked at through the descriptor that is bound, so that what is given is
 * what was looked at. The user needs the rights to it as outside: being root in the step opens nothing.
 */
#include "builder/step/devices.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool
has_mount(const struct devices *d, const char *path)
{
	for (size_t n = 0; n < d->n_mounts; n++)
		if (strcmp(d->mounts[n].target, path) == 0)
			return true;
	return false;
}

static int
check_node(const struct cdi_node *node, const struct stat *st, struct error *e)
{
	mode_t type = st->st_mode & S_IFMT;

	if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO)
		return error_set(e, ERR_HOST, "'%s' is no device", node->host_path);
	if (node->type && node->type != type)
		return error_set(
		    e, ERR_HOST, "'%s' is another type of device than described", node->host_path);
	if (node->has_numbers &&
	    (major(st->st_rdev) != node->major || minor(st->st_rdev) != node->minor))
		return error_set(e, ERR_HOST, "'%s' is device %u:%u, and described as %u:%u",
		    node->host_path, major(st->st_rdev), minor(st->st_rdev), node->major,
		    node->minor);
	return 0;
}

static unsigned
mount_flags(const struct strv *options)
{
	static const struct {
		const char *option;
		unsigned flag;
	} flags[] = {
		{ "ro", CONTAINER_MOUNT_READ_ONLY },
		{ "nosuid", CONTAINER_MOUNT_NOSUID },
		{ "nodev", CONTAINER_MOUNT_NODEV },
		{ "noexec", CONTAINER_MOUNT_NOEXEC },
		{ "noatime", CONTAINER_MOUNT_NOATIME },
		{ "rbind", CONTAINER_MOUNT_RECURSIVE },
	};
	unsigned result = 0;

	for (size_t n = 0; n < ARRAY_LEN(flags); n++)
		if (strv_has(options, flags[n].option))
			result |= flags[n].flag;
	return result;
}

/** Takes @source over. */
static void
add(struct devices *d, const char *target, int source, unsigned flags)
{
	d->mounts = xrealloc(d->mounts, d->n_mounts + 1, sizeof(*d->mounts));
	d->mounts[d->n_mounts++] = (struct container_mount){
		.kind = CONTAINER_MOUNT_BIND, .target = target, .source = source, .flags = flags
	};
}

static int
open_node(const struct cdi_node *node, struct devices *d, struct error *e)
{
	autofd int fd = -1;
	struct stat st;

	if (has_mount(d, node->path))
		return 0;
	fd = path_open_user(node->host_path, O_PATH, 0, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '%s'", node->host_path);
	if (check_node(node, &st, e) < 0)
		return -1;
	add(d, node->path, steal_fd(&fd), 0);
	return 0;
}

static int
open_mount(const struct cdi_mount *mount, struct devices *d, struct error *e)
{
	int fd;

	if (has_mount(d, mount->path))
		return 0;
	fd = path_open_user(mount->host_path, O_PATH, 0, e);
	if (fd < 0)
		return -1;
	add(d, mount->path, fd, mount_flags(&mount->options));
	return 0;
}

static int
open_device(const struct cdi_device *device, struct devices *d, struct error *e)
{
	for (size_t n = 0; n < device->n_nodes; n++)
		if (open_node(&device->nodes[n], d, e) < 0)
			return -1;
	for (size_t n = 0; n < device->n_mounts; n++)
		if (open_mount(&device->mounts[n], d, e) < 0)
			return -1;
	return 0;
}

int
devices_open_all(const struct plan_step *step, struct devices *d, struct error *e)
{
	for (size_t n = 0; n < step->n_devices; n++) {
		if (open_device(step->devices[n], d, e) == 0)
			continue;
		e->kind = ERR_HOST;
		return error_ctx(e, "the device '%s' of '%s'", step->devices[n]->full_name,
		    step->devices[n]->file);
	}
	return 0;
}

void
devices_release(struct devices *d)
{
	for (size_t n = 0; n < d->n_mounts; n++)
		fd_close_at(&d->mounts[n].source);
	free(d->mounts);
	*d = (struct devices){ 0 };
}

void
devices_set_environment(const struct plan_step *step, struct strv *env)
{
	for (size_t n = 0; n < step->n_devices; n++) {
		const struct strv *given = &step->devices[n]->env;

		for (size_t m = 0; m < given->count; m++) {
			autofree char *name =
			    xstrndup(given->items[m], strcspn(given->items[m], "="));

			env_set(env, name, given->items[m] + strlen(name) + 1);
		}
	}
}
