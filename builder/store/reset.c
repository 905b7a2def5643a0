/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset - removing all that is in a store.
 *
 * The file that says that it is a store goes first, so that what an interruption leaves is begun anew by the next command. The lock stays:
 * another process may wait for it.
 */
#include "builder/store/private.h"

#include "runtime/base/text.h"

int
store_reset(struct store *store, struct error *e)
{
	autodir DIR *dir = NULL;
	const struct dirent *entry;

	if (path_remove_tree(store->root, STORE_VERSION_FILE, e) < 0)
		return -1;
	dir = fd_opendir(store->root, e);
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, STORE_LOCK_FILE) != 0 &&
		    strcmp(entry->d_name, "lost+found") != 0 &&
		    path_remove_tree(store->root, entry->d_name, e) < 0)
			return error_ctx(e, "cannot empty the store");
	return 0;
}
