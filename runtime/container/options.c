/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - mount options of config.json (runtime-spec, config.md, "Linux mount options").
 */
#include "runtime/container/options.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned int set;
	unsigned int clear;
} flags[] = {
	{ "defaults", 0, 0 },
	{ "bind", 0, 0 },
	{ "rbind", CONTAINER_MOUNT_RECURSIVE, 0 },
	{ "ro", CONTAINER_MOUNT_READ_ONLY, 0 },
	{ "rw", 0, CONTAINER_MOUNT_READ_ONLY },
	{ "nosuid", CONTAINER_MOUNT_NOSUID, 0 },
	{ "suid", 0, CONTAINER_MOUNT_NOSUID },
	{ "nodev", CONTAINER_MOUNT_NODEV, 0 },
	{ "dev", 0, CONTAINER_MOUNT_NODEV },
	{ "noexec", CONTAINER_MOUNT_NOEXEC, 0 },
	{ "exec", 0, CONTAINER_MOUNT_NOEXEC },
	{ "noatime", CONTAINER_MOUNT_NOATIME, CONTAINER_MOUNT_STRICTATIME },
	{ "atime", 0, CONTAINER_MOUNT_NOATIME },
	{ "strictatime", CONTAINER_MOUNT_STRICTATIME, CONTAINER_MOUNT_NOATIME },
	{ "nostrictatime", 0, CONTAINER_MOUNT_STRICTATIME },
	{ "relatime", 0, CONTAINER_MOUNT_NOATIME | CONTAINER_MOUNT_STRICTATIME },
	{ "nodiratime", CONTAINER_MOUNT_NODIRATIME, 0 },
	{ "diratime", 0, CONTAINER_MOUNT_NODIRATIME },
	/* no mount of a container is shared with the host, so these ask for what there is */
	{ "private", 0, 0 },
	{ "rprivate", 0, 0 },
	{ "slave", 0, 0 },
	{ "rslave", 0, 0 },
};

static const struct {
	const char *type;
	enum container_mount_kind kind;
} kinds[] = {
	{ "bind", CONTAINER_MOUNT_BIND },
	{ "tmpfs", CONTAINER_MOUNT_TMPFS },
	{ "proc", CONTAINER_MOUNT_PROC },
	{ "sysfs", CONTAINER_MOUNT_SYS },
	{ "devpts", CONTAINER_MOUNT_PTS },
	{ "mqueue", CONTAINER_MOUNT_MQUEUE },
	{ "cgroup", CONTAINER_MOUNT_CGROUP },
	{ "cgroup2", CONTAINER_MOUNT_CGROUP },
};

static bool
is_flag(const char *option, unsigned int *value)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(flags[i].name, option) == 0) {
			*value = (*value | flags[i].set) & ~flags[i].clear;
			return true;
		}
	return false;
}

/* Which file systems take options of their own here. */
static bool
takes_data(enum container_mount_kind kind)
{
	return kind == CONTAINER_MOUNT_TMPFS || kind == CONTAINER_MOUNT_NODES ||
	       kind == CONTAINER_MOUNT_PTS;
}

static int
find_kind(const struct oci_mount *m, enum container_mount_kind *kind, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, m->type) != 0)
			continue;
		*kind = kinds[i].kind;
		if (*kind == CONTAINER_MOUNT_TMPFS && strcmp(m->destination, "/dev") == 0)
			*kind = CONTAINER_MOUNT_NODES;
		return 0;
	}
	return error_set(e, ERR_HOST, "file system type '%s' is not supported", m->type);
}

int
options_of_mount(
    const struct oci_mount *m, struct container_mount *mount, char **data, struct error *e)
{
	auto(buf) struct buf own = { 0 };
	int source = mount->source;

	*mount = (struct container_mount){ .target = m->destination, .source = source };
	if (find_kind(m, &mount->kind, e) < 0)
		return -1;
	for (size_t i = 0; i < m->options.count; i++) {
		const char *option = m->options.items[i];

		if (is_flag(option, &mount->flags))
			continue;
		if (!takes_data(mount->kind))
			return error_set(e, ERR_HOST,
			    "mount option '%s' is not supported for type '%s'", option, m->type);
		buf_printf(&own, "%s%s", own.len ? "," : "", option);
	}
	if (own.len > 0) {
		*data = buf_steal(&own);
		mount->options = *data;
	}
	return 0;
}
