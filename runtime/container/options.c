/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - mount options of config.json (runtime-spec, config.md, "Linux mount options").
 *
 * One table of names: the parser, `features` and the manual's check read it. What the table does not have is an option of the file system,
 * which the kernel judges.
 */
#include "runtime/container/options.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <sys/mount.h>

enum role {
	ROLE_NONE,        /* says what is so anyway */
	ROLE_ATTRIBUTE,   /* of this mount: @set, @clear */
	ROLE_BELOW,       /* of this mount and all below */
	ROLE_BIND,        /* bind or rbind */
	ROLE_PROPAGATION, /* @set is MS_*, @clear whether below too */
	ROLE_SYSTEM,      /* of the file system, which a bind mount cannot change: passed on */
	ROLE_SYSTEM_OFF,  /* the same, and what is so anyway for a bind mount */
	ROLE_IDS,         /* @set: below too */
	ROLE_SOURCE,      /* how the source is opened */
	ROLE_REFUSED,
};

#define ATIMES (CONTAINER_MOUNT_NOATIME | CONTAINER_MOUNT_STRICTATIME | CONTAINER_MOUNT_RELATIME)

static const struct option {
	const char *name;
	enum role role;
	unsigned int set;
	unsigned int clear;
} table[] = {
	{ "acl", ROLE_SYSTEM, 0, 0 },
	{ "async", ROLE_SYSTEM_OFF, 0, 0 },
	{ "atime", ROLE_ATTRIBUTE, CONTAINER_MOUNT_RELATIME, ATIMES },
	{ "bind", ROLE_BIND, 0, 0 },
	{ "defaults", ROLE_NONE, 0, 0 },
	{ "dest-nofollow", ROLE_ATTRIBUTE, CONTAINER_MOUNT_TARGET_LINK, 0 },
	{ "dev", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_NODEV },
	{ "diratime", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_NODIRATIME },
	{ "dirsync", ROLE_SYSTEM, 0, 0 },
	{ "exec", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_NOEXEC },
	{ "idmap", ROLE_IDS, 0, 0 },
	{ "iversion", ROLE_SYSTEM, 0, 0 },
	{ "lazytime", ROLE_SYSTEM, 0, 0 },
	{ "loud", ROLE_NONE, 0, 0 },
	{ "mand", ROLE_SYSTEM, 0, 0 },
	{ "noacl", ROLE_SYSTEM, 0, 0 },
	{ "noatime", ROLE_ATTRIBUTE, CONTAINER_MOUNT_NOATIME, ATIMES },
	{ "nodev", ROLE_ATTRIBUTE, CONTAINER_MOUNT_NODEV, 0 },
	{ "nodiratime", ROLE_ATTRIBUTE, CONTAINER_MOUNT_NODIRATIME, 0 },
	{ "noexec", ROLE_ATTRIBUTE, CONTAINER_MOUNT_NOEXEC, 0 },
	{ "noiversion", ROLE_SYSTEM_OFF, 0, 0 },
	{ "nolazytime", ROLE_SYSTEM_OFF, 0, 0 },
	{ "nomand", ROLE_SYSTEM_OFF, 0, 0 },
	{ "norelatime", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_RELATIME },
	{ "nostrictatime", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_STRICTATIME },
	{ "nosuid", ROLE_ATTRIBUTE, CONTAINER_MOUNT_NOSUID, 0 },
	{ "nosymfollow", ROLE_ATTRIBUTE, CONTAINER_MOUNT_NOSYMFOLLOW, 0 },
	{ "private", ROLE_PROPAGATION, MS_PRIVATE, 0 },
	{ "ratime", ROLE_BELOW, CONTAINER_MOUNT_RELATIME, ATIMES },
	{ "rbind", ROLE_BIND, CONTAINER_MOUNT_RECURSIVE, 0 },
	{ "rdev", ROLE_BELOW, 0, CONTAINER_MOUNT_NODEV },
	{ "rdiratime", ROLE_BELOW, 0, CONTAINER_MOUNT_NODIRATIME },
	{ "relatime", ROLE_ATTRIBUTE, CONTAINER_MOUNT_RELATIME, ATIMES },
	{ "remount", ROLE_REFUSED, 0, 0 },
	{ "rexec", ROLE_BELOW, 0, CONTAINER_MOUNT_NOEXEC },
	{ "ridmap", ROLE_IDS, 1, 0 },
	{ "rnoatime", ROLE_BELOW, CONTAINER_MOUNT_NOATIME, ATIMES },
	{ "rnodev", ROLE_BELOW, CONTAINER_MOUNT_NODEV, 0 },
	{ "rnodiratime", ROLE_BELOW, CONTAINER_MOUNT_NODIRATIME, 0 },
	{ "rnoexec", ROLE_BELOW, CONTAINER_MOUNT_NOEXEC, 0 },
	{ "rnorelatime", ROLE_BELOW, 0, CONTAINER_MOUNT_RELATIME },
	{ "rnostrictatime", ROLE_BELOW, 0, CONTAINER_MOUNT_STRICTATIME },
	{ "rnosuid", ROLE_BELOW, CONTAINER_MOUNT_NOSUID, 0 },
	{ "rnosymfollow", ROLE_BELOW, CONTAINER_MOUNT_NOSYMFOLLOW, 0 },
	{ "ro", ROLE_ATTRIBUTE, CONTAINER_MOUNT_READ_ONLY, 0 },
	{ "rprivate", ROLE_PROPAGATION, MS_PRIVATE, 1 },
	{ "rrelatime", ROLE_BELOW, CONTAINER_MOUNT_RELATIME, ATIMES },
	{ "rro", ROLE_BELOW, CONTAINER_MOUNT_READ_ONLY, 0 },
	{ "rrw", ROLE_BELOW, 0, CONTAINER_MOUNT_READ_ONLY },
	{ "rshared", ROLE_PROPAGATION, MS_SHARED, 1 },
	{ "rslave", ROLE_PROPAGATION, MS_SLAVE, 1 },
	{ "rstrictatime", ROLE_BELOW, CONTAINER_MOUNT_STRICTATIME, ATIMES },
	{ "rsuid", ROLE_BELOW, 0, CONTAINER_MOUNT_NOSUID },
	{ "rsymfollow", ROLE_BELOW, 0, CONTAINER_MOUNT_NOSYMFOLLOW },
	{ "runbindable", ROLE_PROPAGATION, MS_UNBINDABLE, 1 },
	{ "rw", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_READ_ONLY },
	{ "shared", ROLE_PROPAGATION, MS_SHARED, 0 },
	{ "silent", ROLE_NONE, 0, 0 },
	{ "slave", ROLE_PROPAGATION, MS_SLAVE, 0 },
	{ "src-nofollow", ROLE_SOURCE, 0, 0 },
	{ "strictatime", ROLE_ATTRIBUTE, CONTAINER_MOUNT_STRICTATIME, ATIMES },
	{ "suid", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_NOSUID },
	{ "symfollow", ROLE_ATTRIBUTE, 0, CONTAINER_MOUNT_NOSYMFOLLOW },
	{ "sync", ROLE_SYSTEM, 0, 0 },
	{ "tmpcopyup", ROLE_ATTRIBUTE, CONTAINER_MOUNT_COPY_UP, 0 },
	{ "unbindable", ROLE_PROPAGATION, MS_UNBINDABLE, 0 },
};

static const struct {
	const char *type;
	enum container_mount_kind kind;
} kinds[] = {
	{ "bind", CONTAINER_MOUNT_BIND },
	{ "none", CONTAINER_MOUNT_BIND },
	{ "tmpfs", CONTAINER_MOUNT_TMPFS },
	{ "proc", CONTAINER_MOUNT_PROC },
	{ "sysfs", CONTAINER_MOUNT_SYS },
	{ "devpts", CONTAINER_MOUNT_PTS },
	{ "mqueue", CONTAINER_MOUNT_MQUEUE },
	{ "cgroup", CONTAINER_MOUNT_CGROUP },
	{ "cgroup2", CONTAINER_MOUNT_CGROUP },
};

size_t
options_names(struct strv *names)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].role != ROLE_REFUSED)
			strv_add(names, table[i].name);
	return names->count;
}

static const struct option *
find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static enum container_mount_kind
find_kind(const struct oci_mount *m)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, m->type) != 0)
			continue;
		if (kinds[i].kind == CONTAINER_MOUNT_TMPFS && strcmp(m->destination, "/dev") == 0)
			return CONTAINER_MOUNT_NODES;
		return kinds[i].kind;
	}
	return CONTAINER_MOUNT_OTHER;
}

/* Does the file system of @kind take options of its own? */
static bool
takes_data(enum container_mount_kind kind)
{
	return kind == CONTAINER_MOUNT_TMPFS || kind == CONTAINER_MOUNT_NODES ||
	       kind == CONTAINER_MOUNT_PTS || kind == CONTAINER_MOUNT_OTHER;
}

static void
change(unsigned int *set, unsigned int *clear, const struct option *o)
{
	*set = (*set & ~o->clear) | o->set;
	*clear = ((*clear & ~o->set) | o->clear) & ~*set;
}

static int
add_data(const char *option, const struct oci_mount *m, enum container_mount_kind kind,
    struct buf *data, struct error *e)
{
	autofree char *safe = text_safe(option);

	if (!takes_data(kind))
		return error_set(
		    e, ERR_HOST, "mount option '%s' is not one for type '%s'", safe, m->type);
	buf_printf(data, "%s%s", data->len ? "," : "", option);
	return 0;
}

static int
add_option(const struct option *o, const struct oci_mount *m, struct mount_options *to,
    struct buf *data, struct error *e)
{
	struct container_mount *mount = &to->mount;

	switch (o->role) {
	case ROLE_NONE:
		return 0;
	case ROLE_ATTRIBUTE:
		change(&mount->flags, &to->extra.clear, o);
		return 0;
	case ROLE_BELOW:
		change(&to->extra.set_below, &to->extra.clear_below, o);
		return 0;
	case ROLE_BIND:
		mount->flags |= o->set;
		return 0;
	case ROLE_PROPAGATION:
		to->extra.propagation = o->set;
		to->extra.propagation_below = o->clear;
		return 0;
	case ROLE_IDS:
		to->map_ids = true;
		to->map_below = o->set;
		return 0;
	case ROLE_SOURCE:
		to->source_link = true;
		return 0;
	case ROLE_SYSTEM_OFF:
		if (mount->kind == CONTAINER_MOUNT_BIND)
			return 0;
		return add_data(o->name, m, mount->kind, data, e);
	case ROLE_SYSTEM:
		if (mount->kind == CONTAINER_MOUNT_BIND)
			return error_set(e, ERR_HOST,
			    "mount option '%s' is one of the file system, which a bind mount "
			    "cannot "
			    "change",
			    o->name);
		return add_data(o->name, m, mount->kind, data, e);
	case ROLE_REFUSED:
		break;
	}
	return error_set(e, ERR_INPUT, "mount option '%s' is not one for a container", o->name);
}

/* What is asked for together and cannot be. */
static int
check(const struct mount_options *o, const struct oci_mount *m, struct error *e)
{
	const struct container_mount *mount = &o->mount;

	if (mount->flags & CONTAINER_MOUNT_COPY_UP && mount->kind != CONTAINER_MOUNT_TMPFS)
		return error_set(e, ERR_INPUT, "mount option 'tmpcopyup' is for tmpfs only");
	if (o->source_link && mount->kind != CONTAINER_MOUNT_BIND)
		return error_set(
		    e, ERR_INPUT, "mount option 'src-nofollow' is for bind mounts only");
	if ((o->map_ids || m->uids.count > 0) && mount->kind != CONTAINER_MOUNT_BIND)
		return error_set(e, ERR_HOST, "ids are mapped for bind mounts only");
	return 0;
}

int
options_of_mount(const struct oci_mount *m, struct mount_options *o, struct error *e)
{
	auto(buf) struct buf data = { 0 };
	struct container_mount *mount = &o->mount;

	*o = (struct mount_options){
		.mount = { .target = m->destination,
		    .source = -1,
		    .kind = find_kind(m),
		    .type = m->type,
		    .source_name = m->source },
	};
	for (size_t i = 0; i < m->options.count; i++) {
		const char *name = m->options.items[i];
		const struct option *known = find_option(name);

		if (!*name)
			continue;
		if (known ? add_option(known, m, o, &data, e) < 0
			  : add_data(name, m, mount->kind, &data, e) < 0)
			return -1;
	}
	if (data.len > 0)
		o->data = buf_steal(&data);
	o->map_ids = o->map_ids || m->uids.count > 0;
	return check(o, m, e);
}
