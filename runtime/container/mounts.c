/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - mounts and devices of config.json, opened for a container.
 */
#include "runtime/container/mounts.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/mapns.h"
#include "runtime/sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define DEVICE_MODE 0666

void
mounts_release(struct mounts *m)
{
	for (size_t i = 0; i < m->count; i++) {
		fd_close_at(&m->items[i].source);
		free(m->options[i].data);
	}
	free(m->options);
	free(m->items);
	for (size_t i = 0; i < m->n_devices; i++)
		fd_close_at(&m->devices[i].source);
	free(m->devices);
	*m = (struct mounts){ 0 };
}

static bool
wants(const struct oci_mount *m, const char *name)
{
	return strv_has(&m->options, name);
}

bool
mounts_want_slaves(const struct oci_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (wants(&c->mounts[i], "slave") || wants(&c->mounts[i], "rslave") ||
		    wants(&c->mounts[i], "shared") || wants(&c->mounts[i], "rshared"))
			return true;
	return c->root_propagation == OCI_PROPAGATION_SLAVE;
}

void
mounts_set_root(const struct oci_config *c, struct container_spec *spec)
{
	static const unsigned long types[] = { [OCI_PROPAGATION_UNSET] = 0,
		[OCI_PROPAGATION_SHARED] = MS_SHARED,
		[OCI_PROPAGATION_SLAVE] = MS_SLAVE,
		[OCI_PROPAGATION_PRIVATE] = MS_PRIVATE,
		[OCI_PROPAGATION_UNBINDABLE] = MS_UNBINDABLE };

	spec->root_propagation = types[c->root_propagation];
	spec->root_propagation_below = c->root_propagation_recursive;
}

/* A mapping of the mount's own, or that of the container. */
static int
map_ids(const struct oci_config *c, const struct oci_mount *m, const struct mount_options *o,
    mounts_translate_fn *translate, void *arg, int fd, struct error *e)
{
	const struct oci_id_mappings *uids = m->uids.count ? &m->uids : &c->uids;
	const struct oci_id_mappings *gids = m->gids.count ? &m->gids : &c->gids;
	auto(id_map) struct id_map uid_map = { 0 };
	auto(id_map) struct id_map gid_map = { 0 };
	autofd int namespace = -1;

	if (uids->count == 0 || gids->count == 0)
		return error_set(e, ERR_INPUT,
		    "neither the mount nor the container ('linux.uidMappings') has ids to map by");
	if (translate(arg, uids, false, &uid_map, "uidMappings", e) < 0 ||
	    translate(arg, gids, true, &gid_map, "gidMappings", e) < 0)
		return -1;
	namespace = mapns_open(&uid_map, &gid_map, e);
	return namespace < 0 ? -1 : mount_map_ids(fd, namespace, o->map_below, e);
}

/* A path that leads the caller nowhere is a mistake in config.json. */
static int
open_source(
    const struct oci_mount *m, const struct mount_options *o, const char *bundle, struct error *e)
{
	autofree char *path = path_join(bundle, m->source);
	int fd = path_open_user(path, O_PATH | (o->source_link ? O_NOFOLLOW : 0), 0, e);

	if (fd < 0 &&
	    (e->sys == ENOENT || e->sys == EACCES || e->sys == ENOTDIR || e->sys == ELOOP))
		e->kind = ERR_INPUT;
	return fd;
}

static int
open_one(const struct oci_config *c, size_t n, const char *bundle, mounts_translate_fn *translate,
    void *arg, struct mounts *to, struct error *e)
{
	const struct oci_mount *m = &c->mounts[n];
	struct mount_options *o = &to->options[n];
	struct container_mount *mount = &to->items[n];
	bool below;
	int clone;

	if (options_of_mount(m, o, e) < 0)
		return error_ctx(e, "config.json: 'mounts[%zu]'", n);
	*mount = o->mount;
	mount->extra = &o->extra;
	mount->options = o->data;
	if (mount->kind != CONTAINER_MOUNT_BIND)
		return 0;
	mount->source = open_source(m, o, bundle, e);
	if (mount->source < 0)
		return error_ctx(e, "config.json: 'mounts[%zu].source'", n);
	if (!o->map_ids)
		return 0;
	below = mount->flags & CONTAINER_MOUNT_RECURSIVE;
	clone = mount_is_classic() ? mount_map_ids(-1, -1, below, e)
	                           : mount_clone(mount->source, below, e);
	fd_close_at(&mount->source);
	mount->source = clone;
	if (clone < 0 || map_ids(c, m, o, translate, arg, mount->source, e) < 0)
		return error_ctx(e, "config.json: 'mounts[%zu].uidMappings'", n);
	mount->flags |= CONTAINER_MOUNT_DETACHED;
	return 0;
}

/* The node of the host with the same path, when it is that device. */
static int
open_node(const struct oci_device *d)
{
	struct error ignored = ERROR_INIT;
	autofd int fd = -1;
	struct stat st;

	if (d->type == S_IFIFO)
		return -1;
	fd = path_open_user(d->path, O_PATH | O_NOFOLLOW, 0, &ignored);
	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != d->type ||
	    st.st_rdev != makedev(d->major, d->minor))
		return -1;
	return steal_fd(&fd);
}

static void
open_devices(const struct oci_config *c, struct mounts *to)
{
	to->devices = xcalloc(c->n_devices + 1, sizeof(to->devices[0]));
	to->n_devices = c->n_devices;
	for (size_t i = 0; i < c->n_devices; i++) {
		const struct oci_device *d = &c->devices[i];

		to->devices[i] = (struct container_device){ .path = d->path,
			.type = d->type,
			.major = d->major,
			.minor = d->minor,
			.mode = d->mode == (mode_t)-1 ? DEVICE_MODE : d->mode,
			.uid = d->uid,
			.gid = d->gid,
			.source = open_node(d) };
	}
}

int
mounts_init(const struct oci_config *c, const char *bundle, mounts_translate_fn *translate,
    void *arg, struct mounts *m, struct error *e)
{
	m->options = xcalloc(c->n_mounts + 1, sizeof(m->options[0]));
	m->items = xcalloc(c->n_mounts + 1, sizeof(m->items[0]));
	for (size_t i = 0; i < c->n_mounts; i++) {
		m->items[i].source = -1;
		m->count = i + 1;
		if (open_one(c, i, bundle, translate, arg, m, e) < 0)
			return -1;
	}
	open_devices(c, m);
	return 0;
}
