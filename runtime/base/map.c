/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map - a hash table from text to pointers, in the order of insertion.
 *
 * Slots hold item numbers plus one, found by linear probing; items stand in one array.
 */
#include "runtime/base/map.h"

#include "runtime/base/mem.h"

#include <stdint.h>

/* FNV-1a. */
static size_t
hash_key(const char *key)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 0x100000001b3;
	return (size_t)(hash ^ (hash >> 29));
}

/* The slot that holds @key, or the empty one where it belongs. */
static size_t *
find_slot(const struct map *m, const char *key)
{
	size_t at = hash_key(key) & (m->n_slots - 1);

	while (m->slots[at] != 0 && strcmp(m->items[m->slots[at] - 1].key, key) != 0)
		at = (at + 1) & (m->n_slots - 1);
	return &m->slots[at];
}

static void
grow_slots(struct map *m)
{
	m->n_slots = m->n_slots ? m->n_slots * 2 : 16;
	free(m->slots);
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < m->count; i++)
		*find_slot(m, m->items[i].key) = i + 1;
}

void
map_release_with(struct map *m, void (*free_value)(void *))
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->items[i].key);
		if (free_value)
			free_value(m->items[i].value);
	}
	free(m->items);
	mem_free_at(&m->slots);
	*m = (struct map){ 0 };
}

void
map_release(struct map *m)
{
	map_release_with(m, NULL);
}

void *
map_get(const struct map *m, const char *key)
{
	size_t slot = m->n_slots ? *find_slot(m, key) : 0;

	return slot ? m->items[slot - 1].value : NULL;
}

bool
map_has(const struct map *m, const char *key)
{
	return m->n_slots && *find_slot(m, key) != 0;
}

void *
map_set(struct map *m, const char *key, void *value)
{
	size_t *slot;
	void *before;

	if (m->count >= m->n_slots / 4 * 3)
		grow_slots(m);
	slot = find_slot(m, key);
	if (*slot != 0) {
		before = m->items[*slot - 1].value;
		m->items[*slot - 1].value = value;
		return before;
	}
	xgrow(&m->items, m->count, &m->room, sizeof(*m->items));
	m->items[m->count++] = (struct map_item){ .key = xstrdup(key), .value = value };
	*slot = m->count;
	return NULL;
}
