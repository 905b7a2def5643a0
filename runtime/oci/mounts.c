/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - what is mounted in a container (runtime-spec, config.md, "Mounts", "POSIX-platform Mounts").
 *
 * Options are only read here; what each of them means is in runtime/container/options.c.
 */
#include "runtime/base/mem.h"
#include "runtime/oci/parts.h"
#include "runtime/oci/read.h"

#include <stdlib.h>
#include <string.h>

void
oci_mounts_release(struct oci_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		free(c->mounts[i].destination);
		free(c->mounts[i].type);
		free(c->mounts[i].source);
		strv_release(&c->mounts[i].options);
		free(c->mounts[i].uids.items);
		free(c->mounts[i].gids.items);
	}
	free(c->mounts);
}

int
oci_mappings_read(const struct json *above, const char *key, const char *above_path,
    struct oci_id_mappings *m, struct error *e)
{
	autofree char *path = xasprintf("%s.%s", above_path, key);
	const struct json *list;

	if (read_member(above, key, above_path, JSON_ARRAY, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *item = read_item(list, i, path, e);
		const struct json *j = json_at(list, i);
		struct oci_id_mapping x = { 0 };

		if (!item || read_id(j, "containerID", item, &x.container, e) < 0 ||
		    read_id(j, "hostID", item, &x.host, e) < 0 ||
		    read_id(j, "size", item, &x.size, e) < 0)
			return -1;
		if (x.size == 0 || x.size > UINT32_MAX - x.container ||
		    x.size > UINT32_MAX - x.host)
			return error_set(e, ERR_INPUT, "'%s.size' is 0 or too large", item);
		xgrow(&m->items, m->count + 1, &m->room, sizeof(m->items[0]));
		m->items[m->count++] = x;
	}
	return 0;
}

static bool
is_bind(const struct oci_mount *m)
{
	return strv_has(&m->options, "bind") || strv_has(&m->options, "rbind");
}

static int
read_mount(const struct json *j, const char *path, struct oci_mount *m, struct error *e)
{
	if (read_text(j, "destination", path, &m->destination, e) < 0 ||
	    read_text(j, "type", path, &m->type, e) < 0 ||
	    read_text(j, "source", path, &m->source, e) < 0 ||
	    json_read_strv(j, "options", path, &m->options, e) < 0 ||
	    oci_mappings_read(j, "uidMappings", path, &m->uids, e) < 0 ||
	    oci_mappings_read(j, "gidMappings", path, &m->gids, e) < 0)
		return -1;
	if (!m->destination || m->destination[0] != '/')
		return error_set(e, ERR_INPUT, "'%s.destination' must be an absolute path", path);
	if ((m->uids.count > 0) != (m->gids.count > 0))
		return error_set(
		    e, ERR_INPUT, "'%s' needs uidMappings and gidMappings, or none of them", path);
	if (is_bind(m)) {
		free(m->type);
		m->type = xstrdup("bind");
	}
	if (!m->type)
		return error_set(e, ERR_INPUT, "'%s.type' is missing", path);
	if (strcmp(m->type, "bind") == 0 && (!m->source || !*m->source))
		return error_set(e, ERR_INPUT, "'%s.source' is missing", path);
	return 0;
}

int
oci_mounts_read(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *list;

	if (read_member(root, "mounts", "", JSON_ARRAY, &list, e) < 0)
		return -1;
	c->mounts = xcalloc(json_count(list) + 1, sizeof(c->mounts[0]));
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *path = read_item(list, i, "mounts", e);

		c->n_mounts = i + 1;
		if (!path || read_mount(json_at(list, i), path, &c->mounts[i], e) < 0)
			return -1;
	}
	return 0;
}
