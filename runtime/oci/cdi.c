/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdi - devices of this machine by name (Container Device Interface, SPEC.md), and what each adds to a container.
 */
#include "runtime/oci/cdi.h"

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/oci/read.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX JSON_MAX_BYTES
#define DEVICES_MAX 10000
/* Of an annotation: devices of one group have the same word. */
#define GROUP_KEY "org.mobyproject.buildkit.device.class"

const char *const cdi_mount_options[] = { "bind", "rbind", "ro", "rw", "nosuid", "suid", "nodev",
	"dev", "noexec", "exec", "private", "rprivate", "slave", "rslave", "noatime", "relatime",
	NULL };

static void
device_release(struct cdi_device *d)
{
	for (size_t n = 0; n < d->n_nodes; n++) {
		free(d->nodes[n].path);
		free(d->nodes[n].host_path);
	}
	for (size_t n = 0; n < d->n_mounts; n++) {
		free(d->mounts[n].path);
		free(d->mounts[n].host_path);
		strv_release(&d->mounts[n].options);
	}
	free(d->nodes);
	free(d->mounts);
	free(d->kind);
	free(d->name);
	free(d->full_name);
	free(d->group);
	free(d->file);
	strv_release(&d->env);
	strv_release(&d->left_out);
	*d = (struct cdi_device){ 0 };
}

void
cdi_release(struct cdi *cdi)
{
	for (size_t n = 0; n < cdi->n_devices; n++)
		device_release(&cdi->devices[n]);
	free(cdi->devices);
	strv_release(&cdi->unread);
	*cdi = (struct cdi){ 0 };
}

void
cdi_default_dirs(struct strv *dirs)
{
	strv_add(dirs, "/etc/cdi");
	strv_add(dirs, "/var/run/cdi");
}

/* ---- what a device adds ---- */

/** Member @key as an absolute path, cleaned; @otherwise (may be NULL) when it is not there. */
static int
read_path(const struct json *j, const char *key, const char *path, const char *otherwise,
    char **value, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, key, path, &text, e) < 0)
		return -1;
	text = text ? text : otherwise;
	if (!text || text[0] != '/')
		return error_set(e, ERR_INPUT, "'%s.%s' is no absolute path", path, key);
	*value = path_absolute(text);
	return 0;
}

static int
read_node(const struct json *j, const char *path, struct cdi_node *node, struct error *e)
{
	static const struct oci_word types[] = {
		{ "c", S_IFCHR },
		{ "u", S_IFCHR },
		{ "b", S_IFBLK },
		{ "p", S_IFIFO },
		{ 0 },
	};
	uint64_t type = 0, major = 0, minor = 0;

	if (read_path(j, "path", path, NULL, &node->path, e) < 0 ||
	    read_path(j, "hostPath", path, node->path, &node->host_path, e) < 0 ||
	    read_word_member(types, j, "type", path, &type, e) < 0 ||
	    read_u64(j, "major", path, 0, 0xfff, &major, e) < 0 ||
	    read_u64(j, "minor", path, 0, 0xfffff, &minor, e) < 0)
		return -1;
	if (!path_is_below(node->path, "/dev") || strcmp(node->path, "/dev") == 0)
		return error_set(
		    e, ERR_INPUT, "'%s.path' is not below /dev: '%s'", path, node->path);
	node->type = (mode_t)type;
	node->has_numbers = major > 0;
	node->major = (unsigned)major;
	node->minor = (unsigned)minor;
	return 0;
}

static bool
is_mount_option(const char *text)
{
	for (size_t n = 0; cdi_mount_options[n]; n++)
		if (strcmp(cdi_mount_options[n], text) == 0)
			return true;
	return false;
}

static int
read_mount(const struct json *j, const char *path, struct cdi_mount *mount, struct error *e)
{
	const char *type = NULL;

	if (read_path(j, "containerPath", path, NULL, &mount->path, e) < 0 ||
	    read_path(j, "hostPath", path, NULL, &mount->host_path, e) < 0 ||
	    json_read_text(j, "type", path, &type, e) < 0 ||
	    json_read_strv(j, "options", path, &mount->options, e) < 0)
		return -1;
	if (type && *type && strcmp(type, "bind") != 0 && strcmp(type, "none") != 0)
		return error_set(
		    e, ERR_INPUT, "'%s.type' is '%s', and only files can be mounted", path, type);
	for (size_t n = 0; n < mount->options.count; n++)
		if (!is_mount_option(mount->options.items[n]))
			return error_set(e, ERR_INPUT, "'%s.options' has the unknown '%s'", path,
			    mount->options.items[n]);
	if (strcmp(mount->path, "/") == 0)
		return error_set(e, ERR_INPUT, "'%s.containerPath' is the root", path);
	return 0;
}

static int
read_nodes(const struct json *j, const char *path, struct cdi_device *d, struct error *e)
{
	autofree char *where = xasprintf("%s.deviceNodes", path);
	const struct json *list;

	if (read_member(j, "deviceNodes", path, JSON_ARRAY, &list, e) < 0)
		return -1;
	d->nodes = xrealloc(d->nodes, d->n_nodes + json_count(list) + 1, sizeof(*d->nodes));
	for (size_t n = 0; n < json_count(list); n++) {
		autofree char *item = read_item(list, n, where, e);

		if (!item)
			return -1;
		d->nodes[d->n_nodes] = (struct cdi_node){ 0 };
		if (read_node(json_at(list, n), item, &d->nodes[d->n_nodes++], e) < 0)
			return -1;
	}
	return 0;
}

static int
read_mounts(const struct json *j, const char *path, struct cdi_device *d, struct error *e)
{
	autofree char *where = xasprintf("%s.mounts", path);
	const struct json *list;

	if (read_member(j, "mounts", path, JSON_ARRAY, &list, e) < 0)
		return -1;
	d->mounts = xrealloc(d->mounts, d->n_mounts + json_count(list) + 1, sizeof(*d->mounts));
	for (size_t n = 0; n < json_count(list); n++) {
		autofree char *item = read_item(list, n, where, e);

		if (!item)
			return -1;
		d->mounts[d->n_mounts] = (struct cdi_mount){ 0 };
		if (read_mount(json_at(list, n), item, &d->mounts[d->n_mounts++], e) < 0)
			return -1;
	}
	return 0;
}

/** What is asked for and not done. */
static int
read_left_out(const struct json *j, const char *path, struct cdi_device *d, struct error *e)
{
	static const char *const others[] = { "intelRdt", "additionalGids", "netDevices" };
	autofree char *where = xasprintf("%s.hooks", path);
	const struct json *list;

	if (read_member(j, "hooks", path, JSON_ARRAY, &list, e) < 0)
		return -1;
	for (size_t n = 0; n < json_count(list); n++) {
		autofree char *item = read_item(list, n, where, e);
		const char *name = NULL;
		auto(strv) struct strv arguments = { 0 };

		if (!item || json_read_text(json_at(list, n), "hookName", item, &name, e) < 0 ||
		    json_read_strv(json_at(list, n), "args", item, &arguments, e) < 0)
			return -1;
		strv_printf(&d->left_out, "the hook %s (%s)", name ? name : "without a name",
		    arguments.count > 0 ? arguments.items[arguments.count > 1] : "no arguments");
	}
	for (size_t n = 0; n < ARRAY_LEN(others); n++)
		if (json_type(json_get(j, others[n])) != JSON_NULL)
			strv_add(&d->left_out, others[n]);
	return 0;
}

/** The member containerEdits of @j, added to @d. */
static int
read_edits(const struct json *j, const char *path, struct cdi_device *d, struct error *e)
{
	autofree char *where = xasprintf("%s%scontainerEdits", path, *path ? "." : "");
	auto(strv) struct strv env = { 0 };
	const struct json *edits;

	if (read_member(j, "containerEdits", path, JSON_OBJECT, &edits, e) < 0)
		return -1;
	if (!edits)
		return 0;
	if (json_read_strv(edits, "env", where, &env, e) < 0 ||
	    read_nodes(edits, where, d, e) < 0 || read_mounts(edits, where, d, e) < 0)
		return -1;
	for (size_t n = 0; n < env.count; n++)
		if (strchr(env.items[n], '=') == NULL || env.items[n][0] == '=')
			return error_set(e, ERR_INPUT, "'%s.env' has '%s', which is no NAME=value",
			    where, env.items[n]);
	strv_append(&d->env, &env);
	return read_left_out(edits, where, d, e);
}

/* ---- files ---- */

/** "vendor.com/class": letters, digits and -_. with letters or digits around them. */
static bool
is_kind(const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || slash[1] == '\0' || strchr(slash + 1, '/'))
		return false;
	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_./", *c))
			return false;
	return isalpha((unsigned char)text[0]) && isalpha((unsigned char)slash[1]);
}

static bool
is_device_name(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.:", *c))
			return false;
	return *text != '\0';
}

static const struct cdi_device *
find_exactly(const struct cdi *cdi, const char *full_name, size_t *index)
{
	for (size_t n = 0; n < cdi->n_devices; n++) {
		if (strcmp(cdi->devices[n].full_name, full_name) != 0)
			continue;
		*index = n;
		return &cdi->devices[n];
	}
	return NULL;
}

/** Takes @d over; two of one name in one directory are an error. */
static int
add_device(struct cdi *cdi, const char *dir, struct cdi_device *d, struct error *e)
{
	size_t index = 0;
	const struct cdi_device *other = find_exactly(cdi, d->full_name, &index);

	if (other && text_starts_with(other->file, dir) && other->file[strlen(dir)] == '/') {
		(void)error_set(
		    e, ERR_INPUT, "the device '%s' is in '%s' too", d->full_name, other->file);
		device_release(d);
		return -1;
	}
	if (other) {
		device_release(&cdi->devices[index]);
		cdi->devices[index] = *d;
		return 0;
	}
	cdi->devices = xrealloc(cdi->devices, cdi->n_devices + 1, sizeof(*cdi->devices));
	cdi->devices[cdi->n_devices++] = *d;
	return 0;
}

static int
read_device(
    const struct json *file, size_t n, const char *kind, struct cdi_device *d, struct error *e)
{
	const struct json *list = json_get(file, "devices"), *annotations;
	autofree char *path = read_item(list, n, "devices", e);
	const struct json *j = json_at(list, n);
	const char *name = NULL, *group = NULL;

	if (!path || json_read_text(j, "name", path, &name, e) < 0 ||
	    read_member(j, "annotations", path, JSON_OBJECT, &annotations, e) < 0 ||
	    json_read_text(annotations, GROUP_KEY, path, &group, e) < 0)
		return -1;
	if (!name || !is_device_name(name))
		return error_set(e, ERR_INPUT, "'%s.name' is no name of a device", path);
	d->kind = xstrdup(kind);
	d->name = xstrdup(name);
	d->full_name = xasprintf("%s=%s", kind, name);
	d->group = group ? xstrdup(group) : NULL;
	if (read_edits(j, path, d, e) < 0)
		return -1;
	return read_edits(file, "", d, e); /* what every device of the file adds */
}

static int
take_file(
    struct cdi *cdi, const char *dir, const char *path, const struct buf *text, struct error *e)
{
	autojson struct json *file = json_parse(buf_text(text), text->len, e);
	const struct json *list;
	const char *kind = NULL;

	if (!file || json_read_text(file, "kind", "", &kind, e) < 0 ||
	    read_member(file, "devices", "", JSON_ARRAY, &list, e) < 0)
		return -1;
	if (!kind || !is_kind(kind))
		return error_set(e, ERR_INPUT, "'kind' is not as vendor.com/class");
	if (json_count(list) + cdi->n_devices > DEVICES_MAX)
		return error_set(e, ERR_INPUT, "more than %d devices", DEVICES_MAX);
	for (size_t n = 0; n < json_count(list); n++) {
		struct cdi_device d = { 0 };

		d.file = xstrdup(path);
		if (read_device(file, n, kind, &d, e) < 0) {
			device_release(&d);
			return -1;
		}
		if (add_device(cdi, dir, &d, e) < 0)
			return -1;
	}
	return 0;
}

static int
load_dir(struct cdi *cdi, const char *path, struct error *e)
{
	struct error absent = ERROR_INIT;
	autofd int fd = path_open_user(path, O_RDONLY | O_DIRECTORY, 0, &absent);
	auto(strv) struct strv names = { 0 };
	autodir DIR *dir = NULL;

	if (fd < 0 && (absent.sys == ENOENT || absent.sys == ENOTDIR))
		return 0;
	if (fd < 0) {
		*e = absent;
		return -1;
	}
	dir = fd_opendir(fd, e);
	if (!dir)
		return -1;
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		if (text_ends_with(d->d_name, ".json"))
			strv_add(&names, d->d_name);
		else if (text_ends_with(d->d_name, ".yaml") || text_ends_with(d->d_name, ".yml"))
			strv_printf(&cdi->unread, "%s/%s", path, d->d_name);
	}
	strv_sort(&names);
	for (size_t n = 0; n < names.count; n++) {
		autofree char *file = xasprintf("%s/%s", path, names.items[n]);
		auto(buf) struct buf text = { 0 };
		autofd int in = path_open_user(file, O_RDONLY | O_NONBLOCK, 0, e);

		if (in < 0 || fd_read_all(in, &text, FILE_MAX, file, e) < 0)
			return -1;
		if (take_file(cdi, path, file, &text, e) < 0)
			return error_ctx(e, "'%s'", file);
	}
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(
	    ((const struct cdi_device *)a)->full_name, ((const struct cdi_device *)b)->full_name);
}

int
cdi_load(struct cdi *cdi, const struct strv *dirs, struct error *e)
{
	*cdi = (struct cdi){ 0 };
	for (size_t n = 0; n < dirs->count; n++)
		if (load_dir(cdi, dirs->items[n], e) < 0)
			return error_ctx(e, "devices");
	if (cdi->n_devices > 1)
		qsort(cdi->devices, cdi->n_devices, sizeof(*cdi->devices), compare);
	return 0;
}

/* ---- names ---- */

enum match { MATCH_NONE, MATCH_FIRST, MATCH_ALL };

static enum match
match(const struct cdi_device *d, const char *name)
{
	size_t length = strlen(d->kind);

	if (d->group && strcmp(d->group, name) == 0)
		return MATCH_ALL;
	if (strcmp(d->full_name, name) == 0 || strcmp(d->kind, name) == 0)
		return MATCH_FIRST;
	return strncmp(d->kind, name, length) == 0 && strcmp(name + length, "=*") == 0 ? MATCH_ALL
	                                                                               : MATCH_NONE;
}

void
cdi_find(const struct cdi *cdi, const char *name, const struct cdi_device ***found, size_t *count)
{
	*found = NULL;
	*count = 0;
	for (size_t n = 0; n < cdi->n_devices; n++) {
		enum match how = match(&cdi->devices[n], name);

		if (how == MATCH_NONE)
			continue;
		*found = xrealloc(*found, *count + 1, sizeof(**found));
		(*found)[(*count)++] = &cdi->devices[n];
		if (how == MATCH_FIRST)
			return;
	}
}
