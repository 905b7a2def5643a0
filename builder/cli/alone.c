/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alone - having the store to oneself, with the rights that removing snapshots needs.
 */
#include "builder/cli/alone.h"

#include "runtime/sandbox/userns.h"

struct store *
store_open_with_ids(const char *root, enum store_flags flags, struct error *e)
{
	struct userns userns = { 0 };
	struct error no_namespace = ERROR_INIT;
	int entered;

	/* Who cannot have the namespace has never run a step in it either: there is nothing of other ids. */
	if (userns_check(NULL, &no_namespace) < 0)
		return store_open(root, flags, e);
	entered = userns_enter(NULL, &userns, e);
	userns_release(&userns);
	return entered < 0 ? NULL : store_open(root, flags, e);
}

struct store *
store_open_alone(const char *root, struct error *e)
{
	return store_open_with_ids(root, STORE_EXCLUSIVE, e);
}
