/* SPDX-License-Identifier: Apache-2.0 */
/*
 * without - does without something that this host has, so that what is done in its place can be tested.
 */
#include "runtime/container/without.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/strv.h"
#include "runtime/cgroup/layout.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/userns.h"

#include <string.h>

static const struct {
	const char *word;
	void (*force)(bool on);
} switches[] = {
	{ "openat2", path_force_walk },
	{ "cgroup", layout_force_none },
	{ "newuidmap", userns_force_no_helpers },
	{ "mounts", mount_force_classic },
	{ "pidfd", process_force_no_pidfd },
};

int
without(const char *words, struct error *e)
{
	auto(strv) struct strv list = { 0 };

	strv_split(&list, words, ',');
	for (size_t i = 0; i < list.count; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(switches) && strcmp(switches[k].word, list.items[i]) != 0)
			k++;
		if (k == ARRAY_LEN(switches))
			return error_set(e, ERR_USAGE,
			    "CROZE_TEST_WITHOUT: '%s' is not one of openat2, cgroup, newuidmap, "
			    "mounts, pidfd",
			    list.items[i]);
		switches[k].force(true);
	}
	return 0;
}
