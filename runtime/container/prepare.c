/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare - from config.json to what a container is made of.
 *
 * config.json is read before anything is entered. Ids in it are the host's; the containers of the library know those of the namespace
 * that this process enters first, so they are translated, range by range.
 */
#include "runtime/container/prepare.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/container/options.h"
#include "seccomp/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
prepare_read(struct prepared *p, const char *bundle, struct error *e)
{
	autofd int dir = -1;

	*p = (struct prepared){ .netns = -1, .rootfs = -1 };
	p->path = realpath(bundle, NULL);
	if (!p->path)
		return error_sys(e, "cannot find the bundle '%s'", bundle);
	dir = path_open_user(p->path, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0 || oci_config_read(dir, &p->config, e) < 0)
		return -1;
	return 0;
}

void
prepared_release(struct prepared *p)
{
	for (size_t i = 0; p->mounts && i < p->config.n_mounts; i++) {
		fd_close_at(&p->mounts[i].source);
		free(p->mount_options[i]);
	}
	free(p->mounts);
	free(p->mount_options);
	free(p->rlimits);
	id_map_release(&p->uids);
	id_map_release(&p->gids);
	userns_release(&p->userns);
	seccomp_compiled_free(p->seccomp);
	fd_close_at(&p->netns);
	fd_close_at(&p->rootfs);
	oci_config_release(&p->config);
	free(p->path);
}

static bool
is_one(const struct oci_id_mappings *m, uint32_t id)
{
	return m->count == 1 && m->items[0].size == 1 && m->items[0].host == id;
}

/* Only the caller's own ids, as `spec --rootless` writes: no helper is needed for them. */
static bool
own_ids_suffice(const struct oci_config *c)
{
	return geteuid() != 0 && is_one(&c->uids, geteuid()) && is_one(&c->gids, getegid());
}

/* Cuts one mapping at the borders of the extents that hold its host ids. */
static int
translate_one(const struct oci_id_mapping *m, const struct id_map *outer, struct id_map *map,
    const char *key, struct error *e)
{
	uint32_t done = 0;

	while (done < m->size) {
		const struct id_extent *x = NULL;
		uint32_t host = m->host + done;
		uint32_t count;

		for (size_t i = 0; i < outer->count && !x; i++)
			if (host >= outer->extents[i].outside &&
			    host - outer->extents[i].outside < outer->extents[i].count)
				x = &outer->extents[i];
		if (!x) {
			error_set(e, ERR_HOST,
			    "config.json: 'linux.%s': host id %u is not the caller's", key, host);
			return error_hint(
			    e, "ids that may be used are in /etc/subuid and /etc/subgid");
		}
		count = x->count - (host - x->outside);
		if (count > m->size - done)
			count = m->size - done;
		id_map_add(map, m->container + done, x->inside + (host - x->outside), count);
		done += count;
	}
	return 0;
}

static int
translate(const struct oci_id_mappings *m, const struct id_map *outer, struct id_map *map,
    const char *key, struct error *e)
{
	for (size_t i = 0; i < m->count; i++)
		if (translate_one(&m->items[i], outer, map, key, e) < 0)
			return -1;
	return 0;
}

int
prepare_enter(struct prepared *p, struct error *e)
{
	struct userns_options options = { .own_id_only = own_ids_suffice(&p->config) };

	if (userns_enter(&options, &p->userns, e) < 0)
		return -1;
	if (translate(&p->config.uids, &p->userns.uids, &p->uids, "uidMappings", e) < 0)
		return -1;
	return translate(&p->config.gids, &p->userns.gids, &p->gids, "gidMappings", e);
}

static int
open_source(const struct oci_mount *m, const char *bundle, struct error *e)
{
	autofree char *path = path_join(bundle, m->source);

	return path_open_user(path, O_PATH, 0, e);
}

static int
prepare_mounts(struct prepared *p, const char *path, struct error *e)
{
	size_t n = p->config.n_mounts;

	p->mounts = xcalloc(n + 1, sizeof(p->mounts[0]));
	p->mount_options = xcalloc(n + 1, sizeof(p->mount_options[0]));
	for (size_t i = 0; i < n; i++)
		p->mounts[i].source = -1;
	for (size_t i = 0; i < n; i++) {
		const struct oci_mount *m = &p->config.mounts[i];

		if (options_of_mount(m, &p->mounts[i], &p->mount_options[i], e) < 0)
			return error_ctx(e, "config.json: 'mounts[%zu]'", i);
		if (p->mounts[i].kind == CONTAINER_MOUNT_BIND) {
			p->mounts[i].source = open_source(m, path, e);
			if (p->mounts[i].source < 0)
				return error_ctx(e, "config.json: 'mounts[%zu].source'", i);
		}
	}
	return 0;
}

static int
prepare_network(struct prepared *p, struct container_spec *spec, struct error *e)
{
	spec->network =
	    p->config.namespaces & OCI_NETWORK ? CONTAINER_NETWORK_NEW : CONTAINER_NETWORK_HOST;
	if (!p->config.network_path)
		return 0;
	p->netns = path_open_user(p->config.network_path, O_RDONLY, 0, e);
	if (p->netns < 0)
		return error_ctx(e, "config.json: network namespace");
	spec->network = CONTAINER_NETWORK_JOIN;
	spec->netns = p->netns;
	return 0;
}

static void
prepare_process(struct prepared *p, struct container_spec *spec)
{
	const struct oci_process *o = &p->config.process;

	spec->argv = strv_array(&o->args);
	spec->envp = strv_array(&o->env);
	spec->cwd = o->cwd;
	spec->make_cwd = !p->config.root_readonly;
	spec->uid = o->uid;
	spec->gid = o->gid;
	spec->groups = o->groups;
	spec->n_groups = o->n_groups;
	spec->umask = o->umask;
	spec->caps = (struct caps){ o->capabilities.bounding, o->capabilities.permitted,
		o->capabilities.effective, o->capabilities.inheritable, o->capabilities.ambient };
	/* generated files ask for ambient capabilities that are not inheritable, which no kernel grants; callers expect silence */
	spec->caps.ambient &= spec->caps.permitted & spec->caps.inheritable;
	spec->no_new_privs = o->no_new_privileges;
	spec->oom_score_adj = o->oom_score_adj;
	p->rlimits = xcalloc(o->n_rlimits + 1, sizeof(p->rlimits[0]));
	for (size_t i = 0; i < o->n_rlimits; i++)
		p->rlimits[i] =
		    (struct container_rlimit){ o->rlimits[i].resource, o->rlimits[i].limit };
	spec->rlimits = p->rlimits;
	spec->n_rlimits = o->n_rlimits;
}

static int
prepare_rootfs(struct prepared *p, const char *path, struct container_spec *spec, struct error *e)
{
	autofree char *root = path_join(path, p->config.root_path);

	p->rootfs = path_open_user(root, O_RDONLY | O_DIRECTORY, 0, e);
	if (p->rootfs < 0)
		return error_ctx(e, "config.json: 'root.path'");
	spec->rootfs = p->rootfs;
	spec->read_only = p->config.root_readonly;
	return 0;
}

int
prepare_spec(struct prepared *p, struct error *e)
{
	struct container_spec *spec = &p->spec;
	const char *path = p->path;

	container_spec_init(spec);
	spec->userns = &p->userns;
	spec->uids = p->uids.count ? &p->uids : NULL;
	spec->gids = p->gids.count ? &p->gids : NULL;
	spec->hostname = p->config.hostname;
	spec->masked_paths = strv_array(&p->config.masked_paths);
	spec->readonly_paths = strv_array(&p->config.readonly_paths);
	spec->seccomp = NULL;
	prepare_process(p, spec);
	if (prepare_rootfs(p, path, spec, e) < 0 || prepare_mounts(p, path, e) < 0 ||
	    prepare_network(p, spec, e) < 0)
		return -1;
	spec->mounts = p->mounts;
	spec->n_mounts = p->config.n_mounts;
	if (!p->config.seccomp)
		return 0;
	p->seccomp = seccomp_compile(p->config.seccomp, "linux.seccomp", e);
	if (!p->seccomp)
		return error_ctx(e, "config.json");
	spec->seccomp = p->seccomp;
	return 0;
}
