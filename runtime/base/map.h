/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map - a hash table from text to pointers, in the order of insertion.
 */
#ifndef CROZE_BASE_MAP_H
#define CROZE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map {
	struct map_item {
		char *key;
		void *value;
	} * items;
	size_t count;
	size_t room;
	size_t *slots;
	size_t n_slots;
};

/** Frees keys and the table; values are the caller's unless @free_value is given. */
void map_release_with(struct map *m, void (*free_value)(void *));
void map_release(struct map *m);
void *map_get(const struct map *m, const char *key); /* NULL when not there */
bool map_has(const struct map *m, const char *key);
/** Sets; returns the value that was there before, or NULL. Copies the key. */
void *map_set(struct map *m, const char *key, void *value);

#endif
