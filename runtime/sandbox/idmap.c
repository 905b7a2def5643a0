/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap - which ids of a user namespace are which ids of its parent (user_namespaces(7), "User and group ID mappings").
 */
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/userns.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
id_map_release(struct id_map *map)
{
	free(map->extents);
	*map = (struct id_map){ 0 };
}

void
id_map_add(struct id_map *map, uint32_t inside, uint32_t outside, uint32_t count)
{
	size_t at = map->count;

	xgrow(&map->extents, map->count + 1, &map->room, sizeof(map->extents[0]));
	while (at > 0 && map->extents[at - 1].inside > inside) {
		map->extents[at] = map->extents[at - 1];
		at--;
	}
	map->extents[at] = (struct id_extent){ inside, outside, count };
	map->count++;
}

int
id_map_to_outside(const struct id_map *map, uint32_t inside, uint32_t *outside)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_extent *x = &map->extents[i];

		if (inside >= x->inside && inside - x->inside < x->count) {
			*outside = x->outside + (inside - x->inside);
			return 0;
		}
	}
	return -1;
}

int
id_map_to_inside(const struct id_map *map, uint32_t outside, uint32_t *inside)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_extent *x = &map->extents[i];

		if (outside >= x->outside && outside - x->outside < x->count) {
			*inside = x->inside + (outside - x->outside);
			return 0;
		}
	}
	return -1;
}

void
id_map_text(const struct id_map *map, struct buf *b)
{
	for (size_t i = 0; i < map->count; i++)
		buf_printf(b, "%u %u %u\n", map->extents[i].inside, map->extents[i].outside,
		    map->extents[i].count);
}

int
id_map_read(const char *name, struct id_map *map, struct error *e)
{
	autofree char *path = xasprintf("/proc/self/%s", name);
	autofree char *line = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "re");
	unsigned int inside, outside, count;

	if (!file)
		return error_sys(e, "cannot open '%s'", path);
	while (getline(&line, &room, file) > 0)
		if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3)
			id_map_add(map, inside, outside, count);
	(void)fclose(file); /* read-only */
	return 0;
}

void
id_map_nested(const struct id_map *parent, struct id_map *nested)
{
	for (size_t i = 0; i < parent->count; i++)
		id_map_add(nested, parent->extents[i].inside, parent->extents[i].inside,
		    parent->extents[i].count);
}

void
id_map_describe(const struct id_map *map, struct buf *b)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct id_extent *x = &map->extents[i];

		if (i > 0)
			buf_add_text(b, ", ");
		if (x->count == 1)
			buf_printf(b, "%u", x->inside);
		else
			buf_printf(b, "%u-%u", x->inside, x->inside + (x->count - 1));
	}
}
