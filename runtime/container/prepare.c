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
#include "seccomp/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILESYSTEMS_MAX (16U << 10)

/* Is @type among the file systems of this kernel? */
static bool
kernel_has(const char *type)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	struct error ignored = ERROR_INIT; /* then it is not seen to have it */
	autofree char *line = xasprintf("nodev\t%s", type);
	autofd int fd = open("/proc/filesystems", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fd_read_all(fd, &text, FILESYSTEMS_MAX, "/proc/filesystems", &ignored) < 0)
		return false;
	strv_split(&lines, buf_text(&text), '\n');
	return strv_has(&lines, line);
}

/* What config.json may ask for, and is not done: the host has nothing for it, or nothing here uses what it has. */
static int
refuse_rest(const struct oci_config *c, struct error *e)
{
	if (c->rdt.given)
		return error_set(e, ERR_HOST,
		    "config.json: 'linux.intelRdt': %s (runtime-spec, config-linux.md, "
		    "\"IntelRdt\")",
		    kernel_has("resctrl") ? "croze-runtime makes no resctrl groups"
					  : "this kernel and processor have no resctrl");
	if (c->mount_label && *c->mount_label && !attributes_selinux_is_on())
		return error_set(e, ERR_HOST,
		    "config.json: 'linux.mountLabel': this kernel runs without SELinux "
		    "(runtime-spec, config-linux.md, \"Mount Label\")");
	return 0;
}

int
prepare_read(struct prepared *p, const char *bundle, struct error *e)
{
	autofd int dir = -1;

	*p = (struct prepared){ .rootfs = -1 };
	p->path = realpath(bundle, NULL);
	if (!p->path)
		return error_sys(e, "cannot find the bundle '%s'", bundle);
	dir = path_open_user(p->path, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0 || oci_config_read(dir, &p->config, e) < 0)
		return -1;
	return refuse_rest(&p->config, e);
}

void
prepared_release(struct prepared *p)
{
	mounts_release(&p->mounts);
	prepared_process_release(&p->process);
	id_map_release(&p->uids);
	id_map_release(&p->gids);
	userns_release(&p->userns);
	for (size_t i = 0; i < p->n_joins; i++)
		fd_close_at(&p->joins[i].fd);
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

/* The user namespace that config.json names: what is mounted for the container has to be seen from there. */
static int
join_user(struct prepared *p, const char *path, struct error *e)
{
	autofd int fd = path_open_user(path, O_RDONLY, 0, e);

	if (fd < 0) {
		e->kind = ERR_HOST;
		return error_ctx(e, "config.json: user namespace");
	}
	if (setns(fd, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0) {
		error_sys(e, "cannot enter the user namespace '%s'", path);
		e->kind = ERR_HOST;
		return -1;
	}
	/* an id 0 need not be there */
	if ((setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) && errno != EINVAL)
		return error_sys(e, "cannot become root of the user namespace");
	return userns_stay(&p->userns, e);
}

int
prepare_enter(struct prepared *p, struct error *e)
{
	struct userns_options options = { .own_id_only = own_ids_suffice(&p->config),
		.keep_slaves = mounts_want_slaves(&p->config) };
	const char *user = p->config.namespace_paths[__builtin_ctz(OCI_USER)];
	bool root = userns_is_root();
	int result;

	p->user_joined = user && !root;
	if (root)
		result = userns_stay(&p->userns, e);
	else if (user)
		result = join_user(p, user, e);
	else
		result = userns_enter(&options, &p->userns, e);
	if (result < 0)
		return -1;
	if (translate(&p->config.uids, &p->userns.uids, &p->uids, "uidMappings", e) < 0)
		return -1;
	return translate(&p->config.gids, &p->userns.gids, &p->gids, "gidMappings", e);
}

static int
translate_for_mount(void *arg, const struct oci_id_mappings *m, bool groups, struct id_map *map,
    const char *key, struct error *e)
{
	const struct prepared *p = arg;

	return translate(m, groups ? &p->userns.gids : &p->userns.uids, map, key, e);
}

static const struct {
	enum oci_namespaces oci;
	int type;
	const char *name;
} namespace_types[] = {
	{ OCI_USER, CLONE_NEWUSER, "user" },
	{ OCI_PID, CLONE_NEWPID, "pid" },
	{ OCI_IPC, CLONE_NEWIPC, "ipc" },
	{ OCI_UTS, CLONE_NEWUTS, "uts" },
	{ OCI_NETWORK, CLONE_NEWNET, "network" },
	{ OCI_CGROUP, CLONE_NEWCGROUP, "cgroup" },
	{ OCI_TIME, CLONE_NEWTIME, "time" },
};

static int
add_join(struct prepared *p, const char *path, int type, const char *name, struct error *e)
{
	int fd = path_open_user(path, O_RDONLY, 0, e);

	if (fd < 0) {
		e->kind = ERR_HOST;
		return error_ctx(e, "config.json: %s namespace", name);
	}
	p->joins[p->n_joins++] = (struct container_join){ type, fd };
	return 0;
}

/* The calling process is root of a user namespace of its own, or has rights where it is. In the first case the container is given a
 * nested one even when it is not asked for: otherwise its root would be that of the namespace with the mounts of ours. */
static bool
needs_user_namespace(const struct prepared *p)
{
	if (p->user_joined)
		return false;
	return !p->userns.stayed || p->config.namespaces & OCI_USER;
}

static int
prepare_namespaces(struct prepared *p, struct container_spec *spec, struct error *e)
{
	const struct oci_config *c = &p->config;

	if (!(c->namespaces & OCI_MOUNT) || c->namespace_paths[__builtin_ctz(OCI_MOUNT)])
		return error_set(e, ERR_HOST,
		    "config.json: 'linux.namespaces' must have a new one of type 'mount': what is "
		    "mounted for the container would be mounted for others too");
	spec->namespaces = CLONE_NEWNS | (needs_user_namespace(p) ? CLONE_NEWUSER : 0);
	spec->network = CONTAINER_NETWORK_HOST;
	for (size_t i = 0; i < ARRAY_LEN(namespace_types); i++) {
		enum oci_namespaces bit = namespace_types[i].oci;
		const char *path = c->namespace_paths[__builtin_ctz(bit)];

		if (!(c->namespaces & bit) || (bit == OCI_USER && (!path || p->user_joined)))
			continue;
		if (path &&
		    add_join(p, path, namespace_types[i].type, namespace_types[i].name, e) < 0)
			return -1;
		if (path && bit == OCI_USER)
			spec->namespaces &= ~(unsigned long)CLONE_NEWUSER;
		if (path)
			continue;
		if (bit == OCI_NETWORK)
			spec->network = CONTAINER_NETWORK_NEW;
		else if (bit == OCI_TIME)
			spec->clocks = &p->clocks;
		else
			spec->namespaces |= (unsigned long)namespace_types[i].type;
	}
	p->clocks = (struct container_clocks){
		.monotonic = { c->monotonic.seconds, c->monotonic.nanoseconds },
		.boottime = { c->boottime.seconds, c->boottime.nanoseconds },
	};
	spec->joins = p->joins;
	spec->n_joins = p->n_joins;
	return 0;
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
	spec->hostname = p->config.hostname ? p->config.hostname : "";
	spec->domainname =
	    p->config.domainname && *p->config.domainname ? p->config.domainname : NULL;
	spec->sysctl = strv_array(&p->config.sysctl);
	spec->masked_paths = strv_array(&p->config.masked_paths);
	spec->readonly_paths = strv_array(&p->config.readonly_paths);
	spec->make_cwd = !p->config.root_readonly;
	spec->mount_label =
	    p->config.mount_label && *p->config.mount_label ? p->config.mount_label : NULL;
	if (prepare_process(&p->config.process, &p->config, spec, &p->process, e) < 0)
		return error_ctx(e, "config.json");
	if (prepare_rootfs(p, path, spec, e) < 0 ||
	    mounts_init(&p->config, path, translate_for_mount, p, &p->mounts, e) < 0 ||
	    prepare_namespaces(p, spec, e) < 0)
		return -1;
	spec->mounts = p->mounts.items;
	spec->n_mounts = p->mounts.count;
	spec->devices = p->mounts.devices;
	spec->n_devices = p->mounts.n_devices;
	mounts_set_root(&p->config, spec);
	return 0;
}

/* ---- what is of a process alone ---- */

void
prepared_process_release(struct prepared_process *parts)
{
	free(parts->rlimits);
	free(parts->groups);
	seccomp_compiled_free(parts->seccomp);
	*parts = (struct prepared_process){ 0 };
}

/* Ids of a process are those of the container's own map. */
static bool
is_mapped(const struct oci_id_mappings *m, uint32_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (id >= m->items[i].container && id - m->items[i].container < m->items[i].size)
			return true;
	return m->count == 0; /* there is none of its own */
}

static int
check_ids(const struct oci_process *o, const struct oci_config *c, struct error *e)
{
	if (!is_mapped(&c->uids, o->uid))
		return error_set(e, ERR_INPUT,
		    "'process.user.uid' is %u, which 'linux.uidMappings' does not map",
		    (unsigned int)o->uid);
	if (!is_mapped(&c->gids, o->gid))
		return error_set(e, ERR_INPUT,
		    "'process.user.gid' is %u, which 'linux.gidMappings' does not map",
		    (unsigned int)o->gid);
	for (size_t i = 0; i < o->n_groups; i++)
		if (!is_mapped(&c->gids, o->groups[i]))
			return error_set(e, ERR_INPUT,
			    "'process.user.additionalGids[%zu]' is %u, which 'linux.gidMappings' "
			    "does not map",
			    i, (unsigned int)o->groups[i]);
	return 0;
}

/* The primary group stands among the supplementary ones, so that giving it up cannot lift what is denied to it (SECURITY R13). */
static int
prepare_groups(const struct oci_process *o, struct container_spec *spec,
    struct prepared_process *parts, struct error *e)
{
	bool there = false;

	if (spec->userns->own_id_only && o->n_groups > 0) {
		error_set(e, ERR_HOST,
		    "'process.user.additionalGids': only your own group is mapped, and the kernel "
		    "then allows no others");
		return error_hint(e, "map more ids in 'linux.gidMappings'");
	}
	parts->groups = xcalloc(o->n_groups + 1, sizeof(parts->groups[0]));
	for (size_t i = 0; i < o->n_groups; i++) {
		parts->groups[i] = o->groups[i];
		there = there || o->groups[i] == o->gid;
	}
	if (!there)
		parts->groups[o->n_groups] = o->gid;
	spec->groups = parts->groups;
	spec->n_groups = o->n_groups + (there ? 0 : 1);
	return 0;
}

static int
prepare_attributes(const struct oci_process *o, const struct oci_config *c,
    struct attributes *attributes, struct error *e)
{
	*attributes = (struct attributes){
		.scheduler = o->scheduler.given,
		.policy = o->scheduler.policy,
		.nice = o->scheduler.nice,
		.priority = o->scheduler.priority,
		.scheduler_flags = o->scheduler.flags,
		.runtime = o->scheduler.runtime,
		.deadline = o->scheduler.deadline,
		.period = o->scheduler.period,
		.io_class = o->io_class,
		.io_priority = o->io_priority,
		.domain = c->personality_given,
		.personality = c->personality,
		.memory = c->memory_policy.given,
		.memory_mode = c->memory_policy.mode,
		.memory_nodes = c->memory_policy.nodes,
		.apparmor =
		    o->apparmor_profile && *o->apparmor_profile ? o->apparmor_profile : NULL,
		.selinux = o->selinux_label && *o->selinux_label ? o->selinux_label : NULL,
	};
	return attributes_check(attributes, e);
}

static void
prepare_rlimits(
    const struct oci_process *o, struct container_spec *spec, struct prepared_process *parts)
{
	parts->rlimits = xcalloc(o->n_rlimits + 1, sizeof(parts->rlimits[0]));
	for (size_t i = 0; i < o->n_rlimits; i++)
		parts->rlimits[i] =
		    (struct container_rlimit){ o->rlimits[i].resource, o->rlimits[i].limit };
	spec->rlimits = parts->rlimits;
	spec->n_rlimits = o->n_rlimits;
}

static int
prepare_filters(const struct oci_config *c, struct container_spec *spec,
    struct prepared_process *parts, struct error *e)
{
	parts->landlock = (struct landlock_profile){ .read = strv_array(&c->landlock.read),
		.execute = strv_array(&c->landlock.execute),
		.write = strv_array(&c->landlock.write),
		.no_tcp = c->landlock.no_tcp,
		.scoped = c->landlock.scoped };
	spec->landlock = c->landlock.given ? &parts->landlock : NULL;
	if (c->seccomp) {
		parts->seccomp = seccomp_compile(c->seccomp, "linux.seccomp", e);
		if (!parts->seccomp)
			return -1;
	}
	spec->seccomp = parts->seccomp;
	return 0;
}

int
prepare_process(const struct oci_process *o, const struct oci_config *c,
    struct container_spec *spec, struct prepared_process *parts, struct error *e)
{
	spec->argv = strv_array(&o->args);
	spec->envp = strv_array(&o->env);
	spec->cwd = o->cwd;
	spec->uid = o->uid;
	spec->gid = o->gid;
	spec->umask = o->umask;
	spec->caps = (struct caps){ o->capabilities.bounding, o->capabilities.permitted,
		o->capabilities.effective, o->capabilities.inheritable, o->capabilities.ambient };
	/* generated files ask for ambient capabilities that are not inheritable, which no kernel grants; callers expect silence */
	spec->caps.ambient &= spec->caps.permitted & spec->caps.inheritable;
	spec->no_new_privs = o->no_new_privileges;
	spec->oom_score_adj = o->oom_score_adj;
	spec->terminal = o->terminal;
	spec->rows = o->rows;
	spec->columns = o->columns;
	spec->in = STDIN_FILENO;
	spec->out = STDOUT_FILENO;
	spec->err = STDERR_FILENO;
	prepare_rlimits(o, spec, parts);
	if (check_ids(o, c, e) < 0 || prepare_groups(o, spec, parts, e) < 0 ||
	    prepare_attributes(o, c, &parts->attributes, e) < 0)
		return -1;
	spec->attributes = &parts->attributes;
	return prepare_filters(c, spec, parts, e);
}
