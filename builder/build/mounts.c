/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - the files that RUN --mount shows: what they are for the key, and where they are for the command.
 *
 * Files of a context become a snapshot, known by their content: nothing of the context that is ignored, a socket or a device is in it,
 * it has the owners that COPY gives, and it is what the key was made of, whatever happens to the context meanwhile. Files of a
 * stage or image are those of their snapshots.
 */
#include "builder/build/state.h"

#include "builder/step/tree.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <time.h>

int
mounts_digest(
    struct build *b, const struct plan_step *step, struct step_state *state, struct error *e)
{
	for (size_t n = 0; n < step->n_mounts; n++) {
		const struct plan_mount *mount = &step->mounts[n];
		auto(chain) struct chain chain = { 0 };
		autofree char *name = NULL;
		struct copy_request request;
		autoplan struct copy_plan *files = NULL;
		autofd int root = -1;
		char *pattern[1];

		if (!mount->has_files || mount->source != PLAN_FROM_STAGE ||
		    state_mount_is_whole(mount))
			continue;
		state_chain(
		    b, &b->stages[mount->from], b->plan.stages[mount->from].n_steps, &chain);
		root = chain_open(b->store, &chain, e);
		if (root < 0)
			return -1;
		name = xasprintf("stage '%s'", b->plan.stages[mount->from].name);
		state_bind_request(b, mount, pattern, &request);
		request.from = (struct copy_from){ .root = root, .name = name, .is_rootfs = true };
		request.note = NULL;
		files = copy_plan_make(&request, e);
		free(pattern[0]);
		if (!files || copy_plan_digest(files, &state->mounts[n].content, e) < 0)
			return error_ctx(e, "RUN --mount=type=%s,target=%s",
			    mount_type_names[mount->spec.type], mount->target);
	}
	return 0;
}

/* Files of a context as a snapshot, which stays for the next step or build that mounts the same. */
static int
snapshot_context(
    struct build *b, struct mount_state *mount, char id[SNAPSHOT_ID_MAX + 1], struct error *e)
{
	auto(step_record) struct step_record record = { 0 };
	struct snapshot_writer files = SNAPSHOT_WRITER_INIT;
	autotree struct tree *empty = tree_new();
	struct copy_placement placement = { .tree = empty };
	struct digest key;
	int found, ok;

	keys_of_bind(&mount->content, &key);
	found = keys_read(b, &key, &record, e);
	if (found < 0)
		return -1;
	if (found > 0 && record.snapshot) {
		(void)snprintf(id, SNAPSHOT_ID_MAX + 1, "%s", record.snapshot);
		return 0;
	}
	(void)clock_gettime(CLOCK_REALTIME, &placement.now); /* cannot fail */
	if (copy_plan_place(mount->files, &placement, e) < 0 ||
	    snapshot_writer_open(&files, b->store, e) < 0)
		return -1;
	id[0] = '\0';
	ok = copy_plan_materialise(mount->files, &(struct apply_root){ files.fs, NULL }, e);
	if (ok == 0)
		ok = snapshot_writer_commit(&files, id, NULL, e);
	snapshot_writer_release(&files);
	if (ok < 0)
		return -1;
	record.created = placement.now;
	record.snapshot = xstrdup(id); /* one for the other way of keeping owners stays */
	return step_record_put(b->store, &key, &record, e);
}

static int
find_source(struct build *b, const struct plan_mount *mount, struct mount_state *state,
    struct run_source *source, struct error *e)
{
	char id[SNAPSHOT_ID_MAX + 1];

	if (!mount->has_files)
		return 0;
	source->path = mount->spec.source ? mount->spec.source : "/";
	switch (mount->source) {
	case PLAN_FROM_STAGE:
		source->name = xasprintf("stage '%s'", b->plan.stages[mount->from].name);
		state_chain(b, &b->stages[mount->from], b->plan.stages[mount->from].n_steps,
		    &source->chain);
		return 0;
	case PLAN_FROM_IMAGE:
		source->name = xasprintf("image '%s'", b->plan.images[mount->from].name);
		chain_of_image(b->store, &state_image(b, mount->from)->config, &source->chain);
		return 0;
	case PLAN_FROM_CONTEXT:
	case PLAN_FROM_NAMED_CONTEXT:
		break;
	}
	source->name = xstrdup("the context");
	source->path = STATE_BIND;
	if (snapshot_context(b, state, id, e) < 0)
		return -1;
	strv_add(&source->chain.snapshots, id);
	return 0;
}

int
mounts_run(struct build *b, struct step_state *state, struct run_request *request,
    struct run_result *result, struct error *e)
{
	size_t n_mounts = request->step->n_mounts;
	autofree struct run_source *sources = xcalloc(n_mounts + 1, sizeof(*sources));
	int ok = 0;

	for (size_t n = 0; n < n_mounts && ok == 0; n++)
		ok = find_source(b, &request->step->mounts[n], &state->mounts[n], &sources[n], e);
	request->sources = sources;
	if (ok == 0)
		ok = run_step(request, result, e);
	for (size_t n = 0; n < n_mounts; n++)
		run_source_release(&sources[n]);
	return ok;
}
