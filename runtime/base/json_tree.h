/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_tree - what a struct json holds; for json.c, json_parse.c and json_write.c alone.
 */
#ifndef CROZE_BASE_JSON_TREE_H
#define CROZE_BASE_JSON_TREE_H

#include "runtime/base/json.h"

struct json {
	enum json_type type;
	bool truth; /* JSON_BOOL */
	char *text; /* JSON_STRING, and JSON_NUMBER as it stands */
	struct json_item {
		char *key; /* NULL in an array */
		struct json *value;
	} * items;
	size_t count;
	size_t room;
};

struct json *json_node(enum json_type type);
/** Appends; takes over both. The caller sees to it that @key is new. */
void json_add(struct json *j, char *key, struct json *value);

#endif
