/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - the life of a stage worker: it makes some steps of one stage, in order, and tells the main process.
 *
 * For each step: find its key (a COPY from another stage learns here what it copies), ask the store once more, and
 * then unpack the layer it has, or run it. The record is stored before the main process is told, so that what was made
 * stays made whatever happens next.
 */
#include "builder/build/exchange.h"
#include "builder/build/message.h"
#include "builder/build/state.h"
#include "builder/step/listings.h"
#include "builder/step/pack.h"
#include "builder/step/step.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/user.h"

#include <assert.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

struct stage_worker {
	struct build *build;
	struct stage_state *stage;
	size_t index; /* of the step that is being made */
	int out;
	int log;               /* for what the step's command prints; -1: it has none */
	struct message report; /* about that step */
	struct run_files files;
	struct layer_record
	    empty; /* the layer of a step that changed nothing; variant NULL: not made yet */
};

static const struct plan_step *
plan_of(const struct stage_worker *w)
{
	return &state_plan(w->build, w->stage)->steps[w->index];
}

static struct step_state *
state_of(const struct stage_worker *w)
{
	return &w->stage->steps[w->index];
}

static void
send_note(void *arg, const char *text)
{
	struct stage_worker *w = arg;
	struct message m = { .type = MESSAGE_NOTE, .step = w->index };
	struct error ignored = ERROR_INIT; /* a main process that is gone ends this one too */

	if (w->out < 0)
		return; /* told already, when the step was made */

	m.text = xstrdup(text);
	(void)message_send(w->out, &m, &ignored);
	message_release(&m);
}

/* With the line of the step. */
static void
send_warning(void *arg, const char *text)
{
	struct stage_worker *w = arg;
	struct message m = { .type = MESSAGE_WARNING, .step = w->index };
	struct error ignored = ERROR_INIT; /* as above */

	m.text = xasprintf("%s:%u: %s", w->build->dockerfile.path, plan_of(w)->line, text);
	(void)message_send(w->out, &m, &ignored);
	message_release(&m);
}

static void
send_notes(struct stage_worker *w, const struct strv *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		send_note(w, notes->items[i]);
}

/* ---- the files before a step ---- */

/* What a step looks its destination up in. */
struct parent_files {
	int root; /* the files themselves, or -1 */
	struct tree *tree;
	struct listing **listings;
	size_t n_listings;
};

static void
parent_files_release(struct parent_files *files)
{
	tree_free(files->tree);
	for (size_t i = 0; i < files->n_listings; i++)
		listing_free(files->listings[i]);
	free(files->listings);
	fd_close_at(&files->root);
}

static int
add_listing(struct build *b, struct parent_files *files, const struct digest *blob,
    const struct digest *diff_id, struct error *e)
{
	struct listing *listing = listings_get(b->store, blob, diff_id, e);

	if (!listing)
		return -1;
	files->listings =
	    xrealloc(files->listings, files->n_listings + 1, sizeof(*files->listings));
	files->listings[files->n_listings++] = listing;
	tree_add_listing(files->tree, listing);
	return 0;
}

static int
add_listings(struct build *b, struct parent_files *files, const struct stage_state *stage,
    size_t count, struct error *e)
{
	const struct plan_stage *plan = state_plan(b, stage);
	const struct image_state *image;

	if (plan->base_kind == PLAN_BASE_STAGE && add_listings(b, files, &b->stages[plan->base],
						      b->plan.stages[plan->base].n_steps, e) < 0)
		return -1;
	if (plan->base_kind == PLAN_BASE_IMAGE) {
		image = state_image(b, plan->base);
		for (size_t i = 0; i < image->manifest.n_layers; i++)
			if (add_listing(b, files, &image->manifest.layers[i].digest,
				&image->config.diff_ids[i], e) < 0)
				return -1;
	}
	for (size_t i = 0; i < count; i++) {
		const struct layer_record *layer;

		if (!step_makes_layer(&plan->steps[i]))
			continue;
		layer = step_record_layer(&stage->steps[i].record, b->variant);
		assert(layer); /* needs.c asks for the files otherwise */
		if (add_listing(b, files, &layer->digest, &layer->diff_id, e) < 0)
			return -1;
	}
	return 0;
}

/* @mounted: them, if they are to be written to; -1. They are looked at before. */
static int
parent_files_open(struct stage_worker *w, int mounted, struct parent_files *files, struct error *e)
{
	auto(chain) struct chain chain = { 0 };

	*files = (struct parent_files){ .root = -1, .tree = tree_new() };
	if (step_is_independent(plan_of(w)))
		return 0;
	if (!w->stage->base_tree)
		return add_listings(w->build, files, w->stage, w->index, e);
	if (mounted >= 0 && !plan_of(w)->is_link) {
		files->root = fcntl(mounted, F_DUPFD_CLOEXEC, 3);
		if (files->root < 0)
			return error_sys(e, "cannot copy a descriptor");
	} else {
		state_chain(w->build, w->stage, w->index, &chain);
		files->root = chain_open(w->build->store, &chain, e);
	}
	if (files->root < 0)
		return -1;
	if (!plan_of(w)->is_link)
		tree_add_root(files->tree, files->root);
	return 0;
}

/* The snapshots that a step is made over. */
static void
parent_chain(const struct stage_worker *w, struct chain *chain)
{
	if (!plan_of(w)->is_link)
		state_chain(w->build, w->stage, w->index, chain);
}

/* ---- owners ---- */

static void
add_part(struct buf *text, const struct user_part *part)
{
	if (part->numeric)
		buf_printf(text, "%u", part->id);
	else if (part->given)
		buf_add_text(text, part->name);
}

static int
resolve_chown(const struct plan_step *step, int root, uid_t *uid, gid_t *gid, struct error *e)
{
	struct user_files files = { 0 };
	auto(buf) struct buf text = { 0 };
	int ok = 0;

	add_part(&text, &step->chown.user);
	if (step->chown.group.given) {
		buf_add_char(&text, ':');
		add_part(&text, &step->chown.group);
	}
	if (!user_spec_is_numeric(buf_text(&text)))
		ok = user_files_read(root, &files, e);
	if (ok == 0)
		ok = user_resolve_owner(&files, buf_text(&text), uid, gid, e);
	user_files_release(&files);
	return ok < 0 ? error_ctx(e, "--chown=%s", buf_text(&text)) : 0;
}

static int
resolve_owner(const struct plan_step *step, int root, uid_t *uid, gid_t *gid, struct error *e)
{
	struct user user = { 0 };
	struct user_spec spec;

	*uid = 0;
	*gid = 0;
	if (step->kind != PLAN_WORKDIR)
		return step->has_chown ? resolve_chown(step, root, uid, gid, e) : 0;
	if (!step->user[0])
		return 0;
	if (user_parse(step->user, &spec, e) < 0)
		return -1;
	if (spec.user.numeric && (spec.group.numeric || !spec.group.given)) {
		*uid = spec.user.id;
		*gid =
		    spec.group.given ? spec.group.id : spec.user.id; /* as --chown, not as a RUN */
		return 0;
	}
	if (user_resolve_in(root, step->user, &user, e) < 0)
		return error_ctx(e, "USER %s", step->user);
	*uid = user.uid;
	*gid = user.gid;
	user_release(&user);
	return 0;
}

/* ---- making a step ---- */

static void
note_layer(struct stage_worker *w, const struct layer_result *result)
{
	struct layer_record layer = { .variant = w->build->variant,
		.diff_id = result->diff_id,
		.media_type = (char *)(uintptr_t)layer_media_type(w->build->layers.compression),
		.digest = result->digest,
		.size = result->size,
		.uncompressed = result->tar_size };

	step_record_set_layer(&state_of(w)->record, &layer);
}

static int
copy_into(struct stage_worker *w, struct step_context *context, int root,
    struct step_result *result, struct error *e)
{
	const struct plan_step *step = plan_of(w);
	uid_t uid;
	gid_t gid;

	if (resolve_owner(step, root, &uid, &gid, e) < 0)
		return -1;
	if (step->kind == PLAN_WORKDIR)
		return step_workdir(context, step->workdir, uid, gid, result, e);
	return step_copy(context, state_of(w)->copy, uid, gid, result, e);
}

/* What is copied or unpacked is made anew, in the place of what is there. */
static int
mount_files(struct stage_worker *w, const struct chain *chain, struct snapshot_writer *upper,
    struct error *e)
{
	struct store *store = w->build->store;

	if (w->build->run.emulate)
		return chain_link(store, chain, upper, e);
	return chain_mount(store, chain, -1, upper, e);
}

/* COPY, ADD and WORKDIR: into a layer, a snapshot, or both. */
static int
make_copy(struct stage_worker *w, struct error *e)
{
	struct build *b = w->build;
	struct step_state *state = state_of(w);
	struct snapshot_writer upper = SNAPSHOT_WRITER_INIT;
	auto(parent_files) struct parent_files files = { .root = -1 };
	auto(chain) struct chain chain = { 0 };
	struct step_result result = { 0 };
	struct step_context context = { .store = b->store, .root = -1 };
	char id[SNAPSHOT_ID_MAX + 1] = "";
	bool want_files = state->want_tree && !state->record.snapshot && !state->record.empty;
	int ok = 0;

	/* with files, the layer is written beside the steps that follow (worker_pack) */
	context.layer = state->want_layer && !state->is_archive && !want_files ? &b->layers : NULL;
	(void)clock_gettime(CLOCK_REALTIME, &context.now); /* cannot fail */
	if (want_files) {
		parent_chain(w, &chain);
		ok = snapshot_writer_open(&upper, b->store, e);
		if (ok == 0)
			context.root = mount_files(w, &chain, &upper, e);
		ok = context.root < 0 ? -1 : 0;
		context.shared = chain_shared(b->store, &upper);
	}
	if (ok == 0)
		ok = parent_files_open(w, context.root, &files, e);
	context.parent = files.tree;
	if (ok == 0)
		ok = copy_into(w, &context, files.root, &result, e);
	fd_close_at(&files.root); /* may be one of the mount's */
	if (ok == 0 && want_files)
		ok = chain_settle(b->store, context.root, &upper, e);
	fd_close_at(&context.root);
	if (ok == 0 && want_files && result.is_empty) {
		state->record.empty = true;
		snapshot_writer_keep(&upper);
	} else if (ok == 0 && want_files) {
		ok = snapshot_writer_commit(&upper, id, NULL, e);
	}
	snapshot_writer_release(&upper);
	if (id[0])
		state->record.snapshot = xstrdup(id);
	if (ok == 0 && result.has_layer)
		note_layer(w, &result.layer);
	step_result_release(&result);
	return ok;
}

static int
pack_layer(struct stage_worker *w, int upper, int lower, struct strv *notes, struct error *e)
{
	struct layer_record layer = { 0 };

	if (pack_snapshot(w->build->store, upper, lower, &w->build->layers, notes, &layer, e) < 0)
		return -1;
	layer.variant = xstrdup(w->build->variant);
	step_record_set_layer(&state_of(w)->record, &layer);
	layer_record_release(&layer);
	return 0;
}

/* All steps that changed nothing have one layer in common. */
static int
pack_empty(struct stage_worker *w, struct error *e)
{
	struct build *b = w->build;

	if (!w->empty.variant) {
		if (pack_nothing(b->store, &b->layers, &w->empty, e) < 0)
			return -1;
		w->empty.variant = xstrdup(b->variant);
	}
	step_record_set_layer(&state_of(w)->record, &w->empty);
	return 0;
}

static int
make_run(struct stage_worker *w, struct error *e)
{
	struct build *b = w->build;
	struct step_state *state = state_of(w);
	auto(chain) struct chain parents = { 0 };
	struct run_request request = { .store = b->store,
		.environment = &b->run,
		.step = plan_of(w),
		.parents = &parents,
		.note = send_note,
		.warn = send_warning,
		.note_arg = w,
		.files = &w->files,
		.log = w->log };
	struct run_result result = { 0 };
	int ok;

	state_chain(b, w->stage, w->index, &parents);
	ok = mounts_run(b, state, &request, &result, e);
	w->report.cpu_seconds = result.cpu_seconds;
	w->report.exit_status = result.exit_status;
	w->report.reached = result.reached;
	w->report.command_ran = result.ran;
	if (ok < 0)
		return -1;
	state->record.empty = result.empty;
	if (!result.empty)
		state->record.snapshot = xstrdup(result.snapshot);
	return result.empty && state->want_layer ? pack_empty(w, e) : 0;
}

static int
unpack_layer(struct stage_worker *w, struct error *e)
{
	struct step_state *state = state_of(w);
	const struct layer_record *layer = &state->record.layers[0];
	auto(chain) struct chain parents = { 0 };
	auto(strv) struct strv notes = { 0 };
	char id[SNAPSHOT_ID_MAX + 1] = "";

	parent_chain(w, &parents);
	if (chain_unpack_layer(
		w->build->store, &parents, &layer->digest, &layer->diff_id, id, &notes, e) < 0)
		return -1;
	send_notes(w, &notes);
	state->record.snapshot = xstrdup(id);
	return 0;
}

static int
store_record(struct stage_worker *w, struct error *e)
{
	return step_record_put(w->build->store, &state_of(w)->key, &state_of(w)->record, e);
}

/* ---- keys that were not known before ---- */

/* A COPY from a stage or an image: looks at the files, which are there now. */
static int
scan_files(struct stage_worker *w, int *root, struct error *e)
{
	struct build *b = w->build;
	const struct plan_step *step = plan_of(w);
	struct step_state *state = state_of(w);
	auto(chain) struct chain chain = { 0 };
	autofree struct copy_extra *extras = NULL;
	struct copy_request request;
	autofree char *name = NULL;

	if (step->source == PLAN_FROM_STAGE) {
		state_chain(b, &b->stages[step->from], b->plan.stages[step->from].n_steps, &chain);
		name = xasprintf("stage '%s'", b->plan.stages[step->from].name);
	} else {
		chain_of_image(b->store, &state_image(b, step->from)->config, &chain);
		name = xasprintf("image '%s'", b->plan.images[step->from].name);
	}
	*root = chain_open(b->store, &chain, e);
	if (*root < 0)
		return -1;
	state_copy_request(b, step, state, &extras, &request);
	request.from.root = *root;
	request.from.name = name;
	request.from.is_rootfs = true;
	request.from.ignore = NULL;
	request.from.ignore_file = NULL;
	request.note = send_note;
	request.note_arg = w;
	state->copy = copy_plan_make(&request, e);
	return state->copy ? 0 : -1;
}

static int
put_alias(struct stage_worker *w, const struct digest *parent, struct error *e)
{
	struct step_record alias = { .is_alias = true, .alias_of = state_of(w)->key };
	const struct plan_step *step = plan_of(w);
	struct digest definition;

	if (!keys_of_definition(w->build, parent, step, state_of(w), &definition))
		return error_set(e, ERR_SYSTEM, "the key of the stage it reads is not known");
	return step_record_put(w->build->store, &definition, &alias, e);
}

static int
find_key(struct stage_worker *w, struct error *e)
{
	struct build *b = w->build;
	const struct plan_step *step = plan_of(w);
	struct step_state *state = state_of(w);
	struct keys_way way;
	struct digest parent;
	bool known = false;
	int found;

	if (state->has_key)
		return 0;
	if (!keys_base(b, w->stage, w->index, &parent))
		return error_set(e, ERR_SYSTEM, "the key of the step before is not known");
	if (step->kind == PLAN_RUN && keys_wait(step)) {
		if (mounts_digest(b, step, state, e) < 0)
			return -1;
		keys_of_mounts(b, &parent, step, state, &state->key);
		if (put_alias(w, &parent, e) < 0)
			return -1;
	} else if (state->copy && step->source == PLAN_FROM_STAGE) {
		if (copy_plan_digest(state->copy, &state->content, e) < 0)
			return -1;
		keys_of_copy(&parent, step, &state->content, &state->key);
		if (put_alias(w, &parent, e) < 0)
			return -1;
	} else {
		keys_of_step(b, step, state, &parent, &known, &state->key);
	}
	state->has_key = true;
	found = keys_look_up(b, &state->key, &state->record, &way, e);
	if (found > 0) {
		state->status = STEP_CACHED;
		state->from_cache = way.from_cache;
		if (way.from_cache && !exchange_bring(b, state, send_warning, w)) {
			step_record_release(&state->record);
			state->status = STEP_MISSING;
		}
	}
	return found < 0 ? -1 : 0;
}

/* ---- one step after the other ---- */

/* Is nothing left to do but to pack a layer from what is there, which the main process sees to? */
static bool
is_complete(const struct stage_worker *w)
{
	const struct step_state *state = state_of(w);
	bool has_tree = state->record.snapshot || state->record.empty;
	bool has_layer = step_record_layer(&state->record, w->build->variant);

	if (state->status == STEP_MISSING || (state->want_tree && !has_tree))
		return false;
	if (!state->want_layer || has_layer)
		return true;
	return has_tree && step_packs_snapshot(plan_of(w), state);
}

static bool
can_unpack(const struct stage_worker *w)
{
	const struct step_state *state = state_of(w);

	return state->status != STEP_MISSING && state->record.n_layers > 0 &&
	       !state->record.snapshot && !state->record.empty && state->want_tree &&
	       (!state->want_layer || step_record_layer(&state->record, w->build->variant));
}

/* Says that the step has begun, and where what its command prints is to be read. */
static int
send_started(struct stage_worker *w, struct error *e)
{
	struct message started = { .type = MESSAGE_STARTED, .step = w->index };
	int pipes[2], sent;

	if (plan_of(w)->kind == PLAN_RUN) {
		if (pipe2(pipes, O_CLOEXEC) < 0)
			return error_sys(e, "cannot make a pipe for the log of a step");
		started.has_log = true;
		started.log = pipes[0];
		w->log = pipes[1];
	}
	started.text = reasons_text(w->build, w->stage, w->index);
	sent = message_send(w->out, &started, e);
	message_release(&started);
	return sent;
}

static int
make_step(struct stage_worker *w, struct error *e)
{
	struct step_state *state = state_of(w);
	int made;

	if (can_unpack(w))
		return unpack_layer(w, e) < 0 ? -1 : store_record(w, e);
	if (send_started(w, e) < 0)
		return -1;
	if (state->status == STEP_MISSING)
		(void)clock_gettime(CLOCK_REALTIME, &state->record.created); /* cannot fail */
	made = plan_of(w)->kind == PLAN_RUN ? make_run(w, e) : make_copy(w, e);
	fd_close_at(&w->log);
	if (made < 0)
		return -1;
	state->status = STEP_DONE;
	return store_record(w, e);
}

static int
do_step(struct stage_worker *w, struct error *e)
{
	const struct plan_step *step = plan_of(w);
	struct step_state *state = state_of(w);
	bool reads_files = (step->kind == PLAN_COPY || step->kind == PLAN_ADD) && !state->copy;
	/* of a step whose layer is there, what it was copied from need not be */
	bool is_made = state->has_key && (is_complete(w) || can_unpack(w));
	autofd int root = -1;

	if (reads_files && !is_made && scan_files(w, &root, e) < 0)
		return -1;
	if (find_key(w, e) < 0)
		return -1;
	if (!is_complete(w) && make_step(w, e) < 0)
		return -1;
	w->report.type = state->status == STEP_DONE ? MESSAGE_DONE : MESSAGE_CACHED;
	w->report.has_key = true;
	w->report.key = state->key;
	w->report.has_record = true;
	step_record_copy(&w->report.record, &state->record);
	return message_send(w->out, &w->report, e);
}

int
worker_pack(
    struct build *b, struct stage_state *stage, size_t index, struct strv *notes, struct error *e)
{
	struct stage_worker w = {
		.build = b, .stage = stage, .index = index, .out = -1, .log = -1
	};
	struct step_state *state = &stage->steps[index];
	auto(chain) struct chain parents = { 0 };
	autofd int upper = -1, lower = -1, source = -1;

	if (!step_packs_snapshot(plan_of(&w), state)) {
		state->want_tree = false;
		if (plan_of(&w)->kind != PLAN_WORKDIR && !state->copy &&
		    scan_files(&w, &source, e) < 0)
			return -1;
		return make_copy(&w, e);
	}
	if (state->record.empty)
		return pack_empty(&w, e);
	parent_chain(&w, &parents);
	upper = store_snapshot_open(b->store, state->record.snapshot, e);
	if (upper < 0)
		return -1;
	lower = chain_open_beside(b->store, &parents, upper, e);
	if (lower < 0)
		return -1;
	return pack_layer(&w, upper, lower, notes, e);
}

static int
make_steps(struct stage_worker *w, size_t first, size_t end, struct error *e)
{
	for (w->index = first; w->index < end; w->index++) {
		if (!step_makes_layer(plan_of(w)) || state_of(w)->settled)
			continue;
		w->report = (struct message){ .step = w->index };
		if (do_step(w, e) < 0) {
			w->report.type = MESSAGE_FAILED;
			w->report.error = *e;
			return message_send(w->out, &w->report, e);
		}
		message_release(&w->report);
	}
	return 0;
}

int
worker_main(
    struct build *b, struct stage_state *stage, size_t first, size_t end, int out, struct error *e)
{
	struct stage_worker w = {
		.build = b, .stage = stage, .out = out, .log = -1, .files = RUN_FILES_INIT
	};
	int ok = make_steps(&w, first, end, e);

	fd_close_at(&w.log);
	run_files_release(&w.files);
	layer_record_release(&w.empty);
	return ok;
}
