/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed - copies files of a stage, image or context into a directory, as COPY --from would.
 */
#include "builder/step/seed.h"

#include "builder/dockerfile/glob.h"
#include "builder/step/copy_plan.h"
#include "runtime/base/mem.h"

#include <time.h>

int
seed_directory(int root, const char *path, const char *name, int to, struct error *e)
{
	autofree char *pattern = glob_escape(path);
	char *sources[] = { pattern };
	struct copy_request request = {
		.from = { .root = root, .name = name, .is_rootfs = true },
		.sources = sources,
		.n_sources = 1,
		.dest = "/",
	};
	struct copy_placement placement = { 0 };
	autotree struct tree *empty = tree_new();
	autoplan struct copy_plan *plan = copy_plan_make(&request, e);

	if (!plan)
		return -1;
	placement.tree = empty;
	(void)clock_gettime(CLOCK_REALTIME, &placement.now); /* cannot fail */
	if (copy_plan_place(plan, &placement, e) < 0)
		return -1;
	return copy_plan_materialise(plan, &(struct apply_root){ to, NULL }, e);
}
