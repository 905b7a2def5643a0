/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux - the member "linux" of config.json but for mappings and resources (runtime-spec, config-linux.md).
 */
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/oci/parts.h"
#include "runtime/oci/read.h"

#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>

#ifndef MPOL_WEIGHTED_INTERLEAVE_NUMBER
#define MPOL_WEIGHTED_INTERLEAVE_NUMBER 6
#endif
#define DEVICE_NUMBER_MAX ((1U << 20) - 1)
#define INTERFACE_NAME_MAX 15

static const struct oci_word namespace_types[] = {
	{ "pid", OCI_PID },
	{ "network", OCI_NETWORK },
	{ "mount", OCI_MOUNT },
	{ "ipc", OCI_IPC },
	{ "uts", OCI_UTS },
	{ "user", OCI_USER },
	{ "cgroup", OCI_CGROUP },
	{ "time", OCI_TIME },
	{ 0 },
};

static const struct oci_word device_types[] = {
	{ "c", S_IFCHR },
	{ "u", S_IFCHR },
	{ "b", S_IFBLK },
	{ "p", S_IFIFO },
	{ 0 },
};

/* The r of "rslave" and its kin is a bit of its own. */
#define RECURSIVE 0x100
static const struct oci_word propagations[] = {
	{ "shared", OCI_PROPAGATION_SHARED },
	{ "rshared", OCI_PROPAGATION_SHARED | RECURSIVE },
	{ "slave", OCI_PROPAGATION_SLAVE },
	{ "rslave", OCI_PROPAGATION_SLAVE | RECURSIVE },
	{ "private", OCI_PROPAGATION_PRIVATE },
	{ "rprivate", OCI_PROPAGATION_PRIVATE | RECURSIVE },
	{ "unbindable", OCI_PROPAGATION_UNBINDABLE },
	{ "runbindable", OCI_PROPAGATION_UNBINDABLE | RECURSIVE },
	{ "", OCI_PROPAGATION_UNSET },
	{ 0 },
};

static const struct oci_word domains[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
	{ 0 },
};

static const struct oci_word memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },
	{ "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_LOCAL", MPOL_LOCAL },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE_NUMBER },
	{ 0 },
};

static const struct oci_word memory_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ 0 },
};

void
oci_linux_release(struct oci_config *c)
{
	for (size_t i = 0; i < OCI_NAMESPACE_TYPES; i++)
		free(c->namespace_paths[i]);
	for (size_t i = 0; i < c->n_devices; i++)
		free(c->devices[i].path);
	free(c->devices);
	for (size_t i = 0; i < c->n_net_devices; i++) {
		free(c->net_devices[i].name);
		free(c->net_devices[i].container);
	}
	free(c->net_devices);
	free(c->uids.items);
	free(c->gids.items);
	strv_release(&c->sysctl);
	strv_release(&c->masked_paths);
	strv_release(&c->readonly_paths);
	free(c->mount_label);
	free(c->memory_policy.nodes);
	free(c->rdt.clos_id);
	strv_release(&c->rdt.schemata);
	free(c->cgroups_path);
	oci_resources_release(&c->resources);
}

void
oci_namespace_names(struct strv *names)
{
	for (const struct oci_word *w = namespace_types; w->name; w++)
		strv_add(names, w->name);
	strv_sort(names);
}

static int
read_namespace(const struct json *j, const char *path, struct oci_config *c, struct error *e)
{
	uint64_t bit = 0;
	char **file;

	if (read_word_member(namespace_types, j, "type", path, &bit, e) < 0)
		return -1;
	if (!bit)
		return error_set(e, ERR_INPUT, "'%s.type' is missing", path);
	if (c->namespaces & bit)
		return error_set(e, ERR_INPUT, "'%s.type': '%s' is given twice", path,
		    json_text(json_get(j, "type")));
	c->namespaces |= (unsigned int)bit;
	file = &c->namespace_paths[__builtin_ctzll(bit)];
	if (read_text(j, "path", path, file, e) < 0)
		return -1;
	if (*file && !**file) {
		free(*file);
		*file = NULL;
	}
	if (*file && **file != '/')
		return error_set(e, ERR_INPUT, "'%s.path' must be an absolute path", path);
	return 0;
}

static int
read_namespaces(const struct json *j, struct oci_config *c, struct error *e)
{
	const struct json *list;

	if (read_member(j, "namespaces", "linux", JSON_ARRAY, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *path = read_item(list, i, "linux.namespaces", e);

		if (!path || read_namespace(json_at(list, i), path, c, e) < 0)
			return -1;
	}
	return 0;
}

static int
read_clock(const struct json *offsets, const char *key, struct oci_clock *clock, struct error *e)
{
	autofree char *path = xasprintf("linux.timeOffsets.%s", key);
	const struct json *j;
	uint64_t nanoseconds = 0;

	if (read_member(offsets, key, "linux.timeOffsets", JSON_OBJECT, &j, e) < 0 ||
	    json_read_i64(j, "secs", path, &clock->seconds, e) < 0 ||
	    read_u64(j, "nanosecs", path, 0, 999999999, &nanoseconds, e) < 0)
		return -1;
	clock->nanoseconds = (uint32_t)nanoseconds;
	return 0;
}

static int
read_clocks(const struct json *linux_part, struct oci_config *c, struct error *e)
{
	const struct json *offsets;

	if (read_member(linux_part, "timeOffsets", "linux", JSON_OBJECT, &offsets, e) < 0)
		return -1;
	if (json_count(offsets) == 0)
		return 0;
	c->clocks_given = true;
	for (size_t i = 0; i < json_count(offsets); i++)
		if (strcmp(json_key_at(offsets, i), "monotonic") != 0 &&
		    strcmp(json_key_at(offsets, i), "boottime") != 0)
			return error_set(e, ERR_INPUT,
			    "'linux.timeOffsets.%s': the clocks are monotonic and boottime",
			    json_key_at(offsets, i));
	if (read_clock(offsets, "monotonic", &c->monotonic, e) < 0)
		return -1;
	return read_clock(offsets, "boottime", &c->boottime, e);
}

static int
read_device(const struct json *j, const char *path, struct oci_device *d, struct error *e)
{
	uint64_t type = 0, major = UINT64_MAX, minor = UINT64_MAX, mode = UINT64_MAX;
	uint32_t uid = 0, gid = 0;

	if (read_text(j, "path", path, &d->path, e) < 0 ||
	    read_word_member(device_types, j, "type", path, &type, e) < 0 ||
	    read_u64(j, "major", path, 0, DEVICE_NUMBER_MAX, &major, e) < 0 ||
	    read_u64(j, "minor", path, 0, DEVICE_NUMBER_MAX, &minor, e) < 0 ||
	    read_u64(j, "fileMode", path, 0, 07777 | S_IFMT, &mode, e) < 0 ||
	    read_id(j, "uid", path, &uid, e) < 0 || read_id(j, "gid", path, &gid, e) < 0)
		return -1;
	if (!d->path || d->path[0] != '/')
		return error_set(e, ERR_INPUT, "'%s.path' must be an absolute path", path);
	if (!type)
		return error_set(e, ERR_INPUT, "'%s.type' is missing", path);
	if (type != S_IFIFO && (major == UINT64_MAX || minor == UINT64_MAX))
		return error_set(e, ERR_INPUT, "'%s' needs 'major' and 'minor'", path);
	d->type = (mode_t)type;
	d->major = type == S_IFIFO ? 0 : (unsigned int)major;
	d->minor = type == S_IFIFO ? 0 : (unsigned int)minor;
	/* callers copy st_mode whole */
	d->mode = mode == UINT64_MAX ? (mode_t)-1 : (mode_t)(mode & 07777);
	d->uid = uid;
	d->gid = gid;
	return 0;
}

static int
read_devices(const struct json *linux_part, struct oci_config *c, struct error *e)
{
	const struct json *list;

	if (read_member(linux_part, "devices", "linux", JSON_ARRAY, &list, e) < 0)
		return -1;
	c->devices = xcalloc(json_count(list) + 1, sizeof(c->devices[0]));
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *path = read_item(list, i, "linux.devices", e);

		c->n_devices = i + 1;
		if (!path || read_device(json_at(list, i), path, &c->devices[i], e) < 0)
			return -1;
	}
	return 0;
}

/* Names of network devices as the kernel takes them (dev_valid_name()). */
static bool
is_interface(const char *name)
{
	return *name && strlen(name) <= INTERFACE_NAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\n\v\f\r%");
}

static int
read_net_devices(const struct json *linux_part, struct oci_config *c, struct error *e)
{
	const struct json *object;

	if (read_member(linux_part, "netDevices", "linux", JSON_OBJECT, &object, e) < 0)
		return -1;
	c->net_devices = xcalloc(json_count(object) + 1, sizeof(c->net_devices[0]));
	for (size_t i = 0; i < json_count(object); i++) {
		const char *name = json_key_at(object, i);
		autofree char *path = xasprintf("linux.netDevices.%s", name);
		struct oci_net_device *d = &c->net_devices[i];

		c->n_net_devices = i + 1;
		d->name = xstrdup(name);
		if (json_type(json_at(object, i)) != JSON_OBJECT)
			return read_wrong_type(path, "an object", e);
		if (read_text(json_at(object, i), "name", path, &d->container, e) < 0)
			return -1;
		if (!d->container || !*d->container) {
			free(d->container);
			d->container = xstrdup(name);
		}
		if (!is_interface(d->name) || !is_interface(d->container))
			return error_set(e, ERR_INPUT, "'%s' names no network device", path);
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->net_devices[k].container, d->container) == 0)
				return error_set(e, ERR_INPUT,
				    "'%s': two devices would be '%s' in the container", path,
				    d->container);
	}
	return 0;
}

static int
read_memory_policy(const struct json *linux_part, struct oci_memory_policy *p, struct error *e)
{
	static const char path[] = "linux.memoryPolicy";
	uint64_t mode = UINT64_MAX, flags = 0;
	const struct json *j;

	if (read_member(linux_part, "memoryPolicy", "linux", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (json_count(j) == 0)
		return 0;
	if (read_word_member(memory_modes, j, "mode", path, &mode, e) < 0 ||
	    read_words(memory_flags, j, "flags", path, &flags, e) < 0 ||
	    read_text(j, "nodes", path, &p->nodes, e) < 0)
		return -1;
	if (mode == UINT64_MAX)
		return error_set(e, ERR_INPUT, "'%s.mode' is missing", path);
	if (p->nodes && *p->nodes && read_check_list(p->nodes, "nodes", path, e) < 0)
		return -1;
	p->given = true;
	p->mode = (int)(mode | flags);
	return 0;
}

static int
read_rdt(const struct json *linux_part, struct oci_rdt *r, struct error *e)
{
	static const char path[] = "linux.intelRdt";
	const char *cache = NULL, *bandwidth = NULL;
	const struct json *j;

	if (read_member(linux_part, "intelRdt", "linux", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_text(j, "closID", path, &r->clos_id, e) < 0 ||
	    json_read_text(j, "l3CacheSchema", path, &cache, e) < 0 ||
	    json_read_text(j, "memBwSchema", path, &bandwidth, e) < 0 ||
	    json_read_strv(j, "schemata", path, &r->schemata, e) < 0 ||
	    json_read_bool(j, "enableMonitoring", path, &r->monitoring, e) < 0)
		return -1;
	if (r->clos_id && (!*r->clos_id || strchr(r->clos_id, '/') ||
			      strcmp(r->clos_id, ".") == 0 || strcmp(r->clos_id, "..") == 0))
		return error_set(e, ERR_INPUT, "'%s.closID' must be a name without '/'", path);
	if (cache)
		strv_add(&r->schemata, cache);
	if (bandwidth)
		strv_add(&r->schemata, bandwidth);
	r->given = true;
	return 0;
}

static int
read_personality(const struct json *linux_part, struct oci_config *c, struct error *e)
{
	static const char path[] = "linux.personality";
	uint64_t domain = UINT64_MAX;
	auto(strv) struct strv flags = { 0 };
	const struct json *j;

	if (read_member(linux_part, "personality", "linux", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_word_member(domains, j, "domain", path, &domain, e) < 0 ||
	    json_read_strv(j, "flags", path, &flags, e) < 0)
		return -1;
	if (domain == UINT64_MAX)
		return error_set(e, ERR_INPUT, "'%s.domain' is missing", path);
	if (flags.count > 0)
		return error_set(e, ERR_INPUT, "'%s.flags': there are none yet", path);
	c->personality_given = true;
	c->personality = (unsigned long)domain;
	return 0;
}

static int
read_propagation(const struct json *linux_part, struct oci_config *c, struct error *e)
{
	uint64_t value = 0;

	if (read_word_member(propagations, linux_part, "rootfsPropagation", "linux", &value, e) < 0)
		return -1;
	c->root_propagation = (enum oci_propagation)(value & ~(uint64_t)RECURSIVE);
	c->root_propagation_recursive = (value & RECURSIVE) != 0;
	return 0;
}

/* What one member says about another. */
static int
check_together(const struct oci_config *c, struct error *e)
{
	const char *user = c->namespace_paths[__builtin_ctz(OCI_USER)];
	const char *clock = c->namespace_paths[__builtin_ctz(OCI_TIME)];
	bool mapped = c->uids.count > 0 || c->gids.count > 0;

	if (mapped && !(c->namespaces & OCI_USER))
		return error_set(e, ERR_INPUT, "'linux.%s' needs a namespace of type 'user'",
		    c->uids.count ? "uidMappings" : "gidMappings");
	if (mapped && user)
		return error_set(e, ERR_INPUT,
		    "'linux.uidMappings': the user namespace that is joined has its own");
	if (c->n_net_devices > 0 && !(c->namespaces & OCI_NETWORK))
		return error_set(
		    e, ERR_INPUT, "'linux.netDevices' needs a namespace of type 'network'");
	if (c->clocks_given && (!(c->namespaces & OCI_TIME) || clock))
		return error_set(
		    e, ERR_INPUT, "'linux.timeOffsets' needs a new namespace of type 'time'");
	return oci_sysctl_check(c, e);
}

static int
read_lists(const struct json *j, struct oci_config *c, struct error *e)
{
	if (read_paths(j, "maskedPaths", "linux", &c->masked_paths, e) < 0 ||
	    read_paths(j, "readonlyPaths", "linux", &c->readonly_paths, e) < 0 ||
	    read_pairs(j, "sysctl", "linux", &c->sysctl, e) < 0 ||
	    read_text(j, "mountLabel", "linux", &c->mount_label, e) < 0 ||
	    read_text(j, "cgroupsPath", "linux", &c->cgroups_path, e) < 0)
		return -1;
	return read_member(j, "seccomp", "linux", JSON_OBJECT, &c->seccomp, e);
}

int
oci_linux_read(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *j, *resources;

	if (read_member(root, "linux", "", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (read_namespaces(j, c, e) < 0 ||
	    oci_mappings_read(j, "uidMappings", "linux", &c->uids, e) < 0 ||
	    oci_mappings_read(j, "gidMappings", "linux", &c->gids, e) < 0 ||
	    read_clocks(j, c, e) < 0 || read_devices(j, c, e) < 0 ||
	    read_net_devices(j, c, e) < 0 || read_memory_policy(j, &c->memory_policy, e) < 0 ||
	    read_rdt(j, &c->rdt, e) < 0 || read_personality(j, c, e) < 0 ||
	    read_propagation(j, c, e) < 0 || read_lists(j, c, e) < 0 ||
	    read_member(j, "resources", "linux", JSON_OBJECT, &resources, e) < 0 ||
	    oci_resources_read(resources, "linux.resources", &c->resources, e) < 0)
		return -1;
	return check_together(c, e);
}
