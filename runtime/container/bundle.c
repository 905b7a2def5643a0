/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - runs the container that a bundle describes, from start to end (runtime-spec, bundle.md).
 *
 * config.json is read before anything is entered. Ids in it are the host's; the containers of the library know those of the namespace
 * that this process enters first, so they are translated, range by range.
 */
#include "runtime/container/bundle.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/container/console.h"
#include "runtime/container/options.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/container.h"
#include "seccomp/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that a running bundle holds. */
struct bundle {
	struct oci_config config;
	struct userns userns;
	struct id_map uids;
	struct id_map gids;
	struct container_mount *mounts;
	char **mount_options; /* texts that @mounts points to */
	struct container_rlimit *rlimits;
	struct seccomp_program *seccomp;
	int netns;
	int rootfs;
};

static void
release(struct bundle *b)
{
	for (size_t i = 0; b->mounts && i < b->config.n_mounts; i++) {
		fd_close_at(&b->mounts[i].source);
		free(b->mount_options[i]);
	}
	free(b->mounts);
	free(b->mount_options);
	free(b->rlimits);
	id_map_release(&b->uids);
	id_map_release(&b->gids);
	userns_release(&b->userns);
	seccomp_compiled_free(b->seccomp);
	fd_close_at(&b->netns);
	fd_close_at(&b->rootfs);
	oci_config_release(&b->config);
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

static int
enter(struct bundle *b, struct error *e)
{
	struct userns_options options = { .own_id_only = own_ids_suffice(&b->config) };

	if (userns_enter(&options, &b->userns, e) < 0)
		return -1;
	if (translate(&b->config.uids, &b->userns.uids, &b->uids, "uidMappings", e) < 0)
		return -1;
	return translate(&b->config.gids, &b->userns.gids, &b->gids, "gidMappings", e);
}

static int
open_source(const struct oci_mount *m, const char *bundle, struct error *e)
{
	autofree char *path = path_join(bundle, m->source);

	return path_open_user(path, O_PATH, 0, e);
}

static int
prepare_mounts(struct bundle *b, const char *path, struct error *e)
{
	size_t n = b->config.n_mounts;

	b->mounts = xcalloc(n + 1, sizeof(b->mounts[0]));
	b->mount_options = xcalloc(n + 1, sizeof(b->mount_options[0]));
	for (size_t i = 0; i < n; i++)
		b->mounts[i].source = -1;
	for (size_t i = 0; i < n; i++) {
		const struct oci_mount *m = &b->config.mounts[i];

		if (options_of_mount(m, &b->mounts[i], &b->mount_options[i], e) < 0)
			return error_ctx(e, "config.json: 'mounts[%zu]'", i);
		if (b->mounts[i].kind == CONTAINER_MOUNT_BIND) {
			b->mounts[i].source = open_source(m, path, e);
			if (b->mounts[i].source < 0)
				return error_ctx(e, "config.json: 'mounts[%zu].source'", i);
		}
	}
	return 0;
}

static int
prepare_network(struct bundle *b, struct container_spec *spec, struct error *e)
{
	spec->network =
	    b->config.namespaces & OCI_NETWORK ? CONTAINER_NETWORK_NEW : CONTAINER_NETWORK_HOST;
	if (!b->config.network_path)
		return 0;
	b->netns = path_open_user(b->config.network_path, O_RDONLY, 0, e);
	if (b->netns < 0)
		return error_ctx(e, "config.json: network namespace");
	spec->network = CONTAINER_NETWORK_JOIN;
	spec->netns = b->netns;
	return 0;
}

static void
prepare_process(struct bundle *b, struct container_spec *spec)
{
	const struct oci_process *p = &b->config.process;

	spec->argv = strv_array(&p->args);
	spec->envp = strv_array(&p->env);
	spec->cwd = p->cwd;
	spec->make_cwd = !b->config.root_readonly;
	spec->uid = p->uid;
	spec->gid = p->gid;
	spec->groups = p->groups;
	spec->n_groups = p->n_groups;
	spec->umask = p->umask;
	spec->caps = (struct caps){ p->capabilities.bounding, p->capabilities.permitted,
		p->capabilities.effective, p->capabilities.inheritable, p->capabilities.ambient };
	/* generated files ask for ambient capabilities that are not inheritable, which no kernel grants; callers expect silence */
	spec->caps.ambient &= spec->caps.permitted & spec->caps.inheritable;
	spec->no_new_privs = p->no_new_privileges;
	spec->oom_score_adj = p->oom_score_adj;
	b->rlimits = xcalloc(p->n_rlimits + 1, sizeof(b->rlimits[0]));
	for (size_t i = 0; i < p->n_rlimits; i++)
		b->rlimits[i] =
		    (struct container_rlimit){ p->rlimits[i].resource, p->rlimits[i].limit };
	spec->rlimits = b->rlimits;
	spec->n_rlimits = p->n_rlimits;
}

static int
prepare_rootfs(struct bundle *b, const char *path, struct container_spec *spec, struct error *e)
{
	autofree char *root = path_join(path, b->config.root_path);

	b->rootfs = path_open_user(root, O_RDONLY | O_DIRECTORY, 0, e);
	if (b->rootfs < 0)
		return error_ctx(e, "config.json: 'root.path'");
	spec->rootfs = b->rootfs;
	spec->read_only = b->config.root_readonly;
	return 0;
}

/* After enter(): what is opened here belongs to the new mount namespace. */
static int
prepare(struct bundle *b, const char *path, struct container_spec *spec, struct error *e)
{
	container_spec_init(spec);
	spec->userns = &b->userns;
	spec->uids = b->uids.count ? &b->uids : NULL;
	spec->gids = b->gids.count ? &b->gids : NULL;
	spec->hostname = b->config.hostname;
	spec->masked_paths = strv_array(&b->config.masked_paths);
	spec->readonly_paths = strv_array(&b->config.readonly_paths);
	spec->seccomp = NULL;
	prepare_process(b, spec);
	if (prepare_rootfs(b, path, spec, e) < 0 || prepare_mounts(b, path, e) < 0 ||
	    prepare_network(b, spec, e) < 0)
		return -1;
	spec->mounts = b->mounts;
	spec->n_mounts = b->config.n_mounts;
	if (!b->config.seccomp)
		return 0;
	b->seccomp = seccomp_compile(b->config.seccomp, "linux.seccomp", e);
	if (!b->seccomp)
		return error_ctx(e, "config.json");
	spec->seccomp = b->seccomp;
	return 0;
}

/* Whole or not at all: somebody may be waiting for the file. */
static int
write_pid(const char *path, pid_t pid, struct error *e)
{
	autofree char *folder = xasprintf("%s/..", path);
	autofree char *clean = path_clean(folder);
	autofd int dir = path_open_user(clean, O_RDONLY | O_DIRECTORY, 0, e);
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);

	if (dir < 0 ||
	    path_write_file(dir, path_base(path), text, (size_t)length, 0644, false, e) < 0)
		return error_ctx(e, "pid file");
	return 0;
}

static int
run_container(
    struct container_spec *spec, bool terminal, const char *pid_file, int *status, struct error *e)
{
	struct container c = CONTAINER_INIT;
	struct console console = CONSOLE_INIT;
	int result = console_open(
	    &console, terminal ? CONSOLE_TERMINAL | CONSOLE_INPUT : CONSOLE_INPUT, spec, e);

	if (result == 0)
		result = container_start(spec, &c, e);
	if (result == 0 && pid_file)
		result = write_pid(pid_file, c.pid, e);
	if (result == 0) {
		result = console_run(&console, &c, status, e);
		if (result == 0)
			c.pid = 0; /* reaped */
	}
	if (container_finish(&c, result < 0 ? &(struct error){ 0 } : e) < 0)
		result = -1;
	console_close(&console);
	return result;
}

int
bundle_run(const struct bundle_options *options, int *status, struct error *e)
{
	autofree char *path = realpath(options->path, NULL);
	autofree char *pid_file = NULL;
	autofree char *here = getcwd(NULL, 0);
	struct bundle b = { .netns = -1, .rootfs = -1 };
	autofd int dir = -1;
	struct container_spec spec;
	int result = -1;

	if (!path)
		return error_sys(e, "cannot find the bundle '%s'", options->path);
	if (options->pid_file)
		pid_file = path_join(here ? here : "/", options->pid_file);
	dir = path_open_user(path, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	if (oci_config_read(dir, &b.config, e) == 0 && enter(&b, e) == 0 &&
	    prepare(&b, path, &spec, e) == 0)
		result = run_container(&spec, b.config.process.terminal, pid_file, status, e);
	release(&b);
	if (result == 0)
		*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
	return result;
}
