/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - what images that came in are called, and what that changes.
 */
#include "builder/import/private.h"

#include "builder/image/reference.h"
#include "runtime/base/mem.h"

void
import_result_release(struct import_result *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].name);
		descriptor_release(&r->items[i].target);
	}
	free(r->items);
	*r = (struct import_result){ 0 };
}

void
result_add(struct import_result *result, char *name, const struct descriptor *target)
{
	struct imported *item;

	xgrow(&result->items, result->count, &result->room, sizeof(*result->items));
	item = &result->items[result->count++];
	*item = (struct imported){ .name = name };
	descriptor_copy(&item->target, target);
}

static char *
short_name(const char *name)
{
	auto(reference) struct reference r = { 0 };
	struct error ignored = ERROR_INIT;

	return reference_parse(name, &r, &ignored) < 0 ? xstrdup(name) : reference_short(&r);
}

/* An archive must not move a name that stands for something else, unless that was asked for (SECURITY G14). */
static int
check_names(struct store *store, enum import_flags flags, const struct import_result *result,
    struct error *e)
{
	if (flags & IMPORT_REPLACE)
		return 0;
	for (size_t i = 0; i < result->count; i++) {
		const struct imported *item = &result->items[i];
		auto(store_name) struct store_name n = { 0 };
		int found = item->name ? store_name_get(store, item->name, &n, e) : 0;

		if (found < 0)
			return -1;
		if (found == 0 || digest_equal(&n.digest, &item->target.digest))
			continue;
		error_set(e, ERR_POLICY, "the store has another image named '%s'", item->name);
		return error_hint(e, "remove or rename that first: croze rmi, croze tag");
	}
	return 0;
}

static void
note_replaced(struct import_result *result, const struct store_names *replaced)
{
	for (size_t i = 0; i < replaced->count; i++) {
		const struct store_name *old = &replaced->items[i];

		for (size_t j = 0; j < result->count; j++) {
			struct imported *item = &result->items[j];

			if (!old->name || !item->name || strcmp(old->name, item->name) != 0)
				continue;
			item->replaced = true;
			item->previous = old->digest;
		}
	}
}

int
result_commit(
    struct store *store, enum import_flags flags, struct import_result *result, struct error *e)
{
	auto(store_names) struct store_names names = { 0 };
	auto(store_names) struct store_names replaced = { 0 };

	if (flags & IMPORT_NO_NAMES)
		return 0;
	if (check_names(store, flags, result, e) < 0)
		return -1;
	for (size_t i = 0; i < result->count; i++) {
		const struct imported *item = &result->items[i];
		autofree char *familiar = item->name ? short_name(item->name) : NULL;

		store_names_add(&names, &(struct store_name){
					    .name = item->name,
					    .short_name = familiar,
					    .media_type = item->target.media_type,
					    .digest = item->target.digest,
					    .size = item->target.size,
					});
	}
	if (store_names_set(store, &names, &replaced, e) < 0)
		return -1;
	note_replaced(result, &replaced);
	return 0;
}
