/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - the names in one directory, sorted bytewise.
 */
#include "builder/layer/names.h"

#include "runtime/base/mem.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DENTS_SIZE 32768

static int
compare(const void *a, const void *b, void *texts)
{
	return strcmp(
	    (const char *)texts + *(const uint32_t *)a, (const char *)texts + *(const uint32_t *)b);
}

static int
add(struct names *n, const char *name, const char *path, struct error *e)
{
	size_t length = strlen(name) + 1;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (n->texts.len + length > UINT32_MAX)
		return error_set(e, ERR_INPUT, "'%s' has too many entries", path);
	(void)xgrow(&n->order, n->count, &n->room, sizeof(*n->order));
	n->order[n->count++] = (uint32_t)n->texts.len;
	buf_add(&n->texts, name, length);
	return 0;
}

int
names_read(struct names *n, int dir, const char *path, struct error *e)
{
	char dents[DENTS_SIZE] __attribute__((aligned(8)));
	const struct dirent64 *entry;
	ssize_t got;

	n->count = 0;
	buf_clear(&n->texts);
	if (lseek(dir, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read the directory '%s'", path);
	while ((got = getdents64(dir, dents, sizeof(dents))) > 0) {
		for (ssize_t at = 0; at < got; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(dents + at);
			if (add(n, entry->d_name, path, e) < 0)
				return -1;
		}
	}
	if (got < 0)
		return error_sys(e, "cannot read the directory '%s'", path);
	if (n->count > 1)
		qsort_r(n->order, n->count, sizeof(*n->order), compare, n->texts.data);
	return 0;
}

const char *
names_at(const struct names *n, size_t index)
{
	return n->texts.data + n->order[index];
}

void
names_release(struct names *n)
{
	buf_release(&n->texts);
	free(n->order);
	*n = (struct names){ 0 };
}
