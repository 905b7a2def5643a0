/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - a whole build, from the Dockerfile to the image in the store and its outputs.
 */
#include "builder/build/build.h"

#include "builder/build/agents.h"
#include "builder/build/attest.h"
#include "builder/build/exchange.h"
#include "builder/build/findings.h"
#include "builder/build/host.h"
#include "builder/build/remote.h"
#include "builder/build/result.h"
#include "builder/build/schedule.h"
#include "builder/build/sources.h"
#include "builder/build/state.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the layers' form ---- */

static const enum compression compressions[] = {
	[BUILD_COMPRESSION_GZIP] = COMPRESSION_GZIP,
	[BUILD_COMPRESSION_ZSTD] = COMPRESSION_ZSTD,
	[BUILD_COMPRESSION_NONE] = COMPRESSION_NONE,
};

static void
choose_layers(struct build *b)
{
	static const char *const names[] = {
		[BUILD_COMPRESSION_GZIP] = "gzip",
		[BUILD_COMPRESSION_ZSTD] = "zstd",
		[BUILD_COMPRESSION_NONE] = "none",
	};
	const struct build_options *options = b->options;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	b->layers.compression = compressions[options->compression];
	b->layers.level = options->compression_level < 0 ? 0 : options->compression_level;
	b->layers.threads = processors > 0 ? (unsigned)processors : 1;
	b->layers.clamp = b->has_timestamp;
	b->layers.clamp_to.tv_sec = b->timestamp;
	if (b->has_timestamp)
		b->variant = xasprintf("%s:%d:%lld", names[options->compression], b->layers.level,
		    (long long)b->timestamp);
	else
		b->variant = xasprintf("%s:%d", names[options->compression], b->layers.level);
}

/* ---- the display ---- */

/* Is the stage of that number in the plan for several platforms, each in its own way? */
static bool
is_split(const struct build *b, const struct plan_stage *plan)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		if (&b->plan.stages[s] != plan && b->plan.stages[s].number == plan->number)
			return true;
	return false;
}

/* "linux/amd64->arm64 ": runs here, for there. */
static void
add_platforms(const struct plan_stage *plan, struct buf *text)
{
	const struct platform *runs_as = plan_stage_platform(plan);
	bool is_foreign = platform_match(&plan->target, runs_as) == 0;

	platform_add_text(text, is_foreign ? runs_as : &plan->target);
	if (is_foreign)
		buf_printf(text, "->%s%s%s", plan->target.architecture,
		    plan->target.variant ? "/" : "",
		    plan->target.variant ? plan->target.variant : "");
	buf_add_char(text, ' ');
}

/* A stage without a name is shown as docker shows it: "stage-1", or "linux/arm64 stage-1". */
static char *
shown_name(const struct build *b, const struct plan_stage *plan)
{
	autofree char *number = xasprintf("%zu", plan->number);
	auto(buf) struct buf text = { 0 };

	if (is_split(b, plan))
		add_platforms(plan, &text);
	buf_printf(&text, "%s%s", strcmp(plan->name, number) == 0 ? "stage-" : "", plan->name);
	return buf_steal(&text);
}

static void
show_stage(struct build *b, struct stage_state *stage)
{
	const struct plan_stage *plan = state_plan(b, stage);
	struct progress_step from = { .state = PROGRESS_CACHED,
		.text = plan->text,
		.file = b->dockerfile.path,
		.line = plan->line };
	autofree char *name = shown_name(b, plan);
	size_t n_shown = 1;

	for (size_t i = 0; i < plan->n_steps; i++)
		if (step_makes_layer(&plan->steps[i]))
			stage->steps[i].shown = n_shown++;
	stage->shown = progress_stage(b->progress, name, n_shown);
	progress_step(b->progress, stage->shown, 0, &from);
	for (size_t i = 0; i < plan->n_steps; i++) {
		struct progress_step report = { .text = plan->steps[i].text,
			.file = b->dockerfile.path,
			.line = plan->steps[i].line };

		if (!step_makes_layer(&plan->steps[i]))
			continue;
		report.state = stage->steps[i].run ? PROGRESS_WAITING : PROGRESS_CACHED;
		progress_step(b->progress, stage->shown, stage->steps[i].shown, &report);
	}
}

static void
show_stages(struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		if (b->stages[s].needed)
			show_stage(b, &b->stages[s]);
}

/* ---- what steps require ---- */

static bool
is_given(const struct build *b, const struct mountspec *spec)
{
	const struct build_options *options = b->options;

	for (size_t i = 0; spec->type == MOUNT_SECRET && i < options->n_secrets; i++)
		if (strcmp(options->secrets[i].id, spec->id) == 0)
			return true;
	for (size_t i = 0; spec->type == MOUNT_SSH && i < options->n_agents; i++)
		if (strcmp(options->agents[i].id, spec->id) == 0)
			return true;
	return !spec->required || (spec->type != MOUNT_SECRET && spec->type != MOUNT_SSH);
}

/* Reports what a step requires and nobody gave. */
static void
check_given(struct build *b, const struct plan_step *step)
{
	for (size_t n = 0; n < step->n_mounts; n++) {
		const struct mountspec *spec = &step->mounts[n].spec;
		struct location at = { .line = step->line };
		bool secret = spec->type == MOUNT_SECRET;

		if (is_given(b, spec))
			continue;
		(void)diagnostics_add(&b->diagnostics, SEVERITY_ERROR, at,
		    "RUN --mount=type=%s: %s '%s' is required, and was not given",
		    mount_type_names[spec->type], secret ? "the secret" : "the ssh agent",
		    spec->id);
		diagnostics_note(&b->diagnostics, at, "give it with: croze build --%s %s%s%s",
		    secret ? "secret" : "ssh", secret ? "id=" : "", spec->id,
		    secret ? ",src=FILE" : "");
	}
}

/* What steps require is asked for before any of them runs. */
static int
check_all_given(struct build *b, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (b->stages[s].steps[i].run)
				check_given(b, &b->plan.stages[s].steps[i]);
	return diagnostics_check(&b->diagnostics, e);
}

/* Caches are not a part of an image, with which the store is written to the disk; after a failure nothing else does it. */
static void
sync_caches(struct build *b)
{
	struct error ignored = ERROR_INIT; /* a failure is being reported; caches can be lost */

	for (size_t s = 0; s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct plan_step *step = &b->plan.stages[s].steps[i];

			for (size_t n = 0; n < step->n_mounts; n++) {
				if (b->stages[s].steps[i].run &&
				    step->mounts[n].spec.type == MOUNT_CACHE) {
					(void)store_sync(b->store, &ignored);
					return;
				}
			}
		}
	}
}

/* Are layers of base images still on their way? They belong to what is made, whether anything reads them here or not. */
static bool
is_arriving(const struct build *b)
{
	for (size_t i = 0; i < b->n_images; i++)
		if (b->images[i]->is_arriving)
			return true;
	return false;
}

static int
do_work(struct build *b, struct error *e)
{
	bool squashes = b->options->squash != BUILD_SQUASH_NONE && b->tier != TIER_NONE;

	if (host_open(b, needs_namespace(b) || squashes, e) < 0)
		return -1;
	if (!needs_work(b) && !is_arriving(b))
		return 0;
	exchange_restore_mounts(b);
	if (host_open_environment(b, e) < 0)
		return -1;
	if (schedule_run(b, e) == 0)
		return 0;
	sync_caches(b);
	return -1;
}

/* ---- the whole ---- */

static void
make_states(struct build *b)
{
	b->stages = xcalloc(b->plan.n_stages, sizeof(*b->stages));
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		b->stages[s].index = s;
		b->stages[s].shown = SIZE_MAX;
		b->stages[s].steps =
		    xcalloc(b->plan.stages[s].n_steps + 1, sizeof(*b->stages[s].steps));
	}
}

static int
open_store(struct build *b, struct error *e)
{
	char *path;

	if (!b->store)
		b->store = store_open(b->options->root, 0, e);
	if (!b->store || host_choose_tier(b, e) < 0)
		return -1;
	b->digests = digests_open(store_context_dir(b->store), e);
	if (!b->digests)
		return -1;
	b->record_dir = store_build_begin(b->store, &b->build_id, e);
	if (b->record_dir < 0)
		return -1;
	b->result->build_id = xstrdup(b->build_id);
	path = xasprintf("%s/builds/%s", store_path(b->store), b->build_id);
	progress_record(b->progress, b->record_dir, path);
	free(path);
	return 0;
}

/* What is told of a step that is not cached is no reason for a build to fail. */
static void
save_reasons(struct build *b)
{
	struct error problem = ERROR_INIT;

	if (reasons_save(b, &problem) < 0)
		progress_warn(b->progress, "cannot remember what was built: %s", problem.text);
}

static int
do_all(struct build *b, struct error *e)
{
	bool works = needs_work(b);
	int ok;

	if (works)
		reasons_load(b);
	ok = do_work(b, e);
	if (works || !reasons_known(b))
		save_reasons(b);
	return ok;
}

/* What is found in the images is told when they have their names. */
static int
make_product(struct build *b, struct error *e)
{
	for (size_t i = 0; i < b->plan.n_targets; i++) {
		plan_look_at(&b->plan, i);
		if (assemble_image(b, e) < 0 || attest_image(b, i, e) < 0)
			return -1;
	}
	if (product_finish(b, e) < 0)
		return -1;
	for (size_t i = 0; i < b->plan.n_targets; i++) {
		plan_look_at(&b->plan, i);
		if (findings_report(b, e) < 0)
			return -1;
	}
	return 0;
}

static int
run(struct build *b, struct error *e)
{
	struct error cache_problem = ERROR_INIT;

	if (sources_open(b, e) < 0 || open_store(b, e) < 0 || sources_plan(b, e) < 0)
		return -1;
	make_states(b);
	if (remote_fetch_all(b, e) < 0)
		return -1;
	choose_layers(b);
	if (keys_find(b, e) < 0 || digests_save(b->digests, e) < 0 || exchange_settle(b, e) < 0)
		return -1;
	if (check_all_given(b, e) < 0)
		return -1;
	show_stages(b);
	if (do_all(b, e) < 0) {
		/* the good steps of a failed build are worth as much to others */
		if (e->kind == ERR_STEP)
			(void)exchange_give(b, NULL);
		return -1;
	}
	if (!b->options->discard && make_product(b, e) < 0)
		return -1;
	/* an image that stands is worth more than a cache: what is wrong with that comes last */
	if (exchange_give(b, &cache_problem) < 0)
		b->result->cache_failed = true;
	if (result_write(b, e) < 0)
		return -1;
	if (!b->result->cache_failed)
		return 0;
	*e = cache_problem;
	return -1;
}

static void
mounts_release(struct step_state *state, size_t n_mounts)
{
	for (size_t n = 0; state->mounts && n < n_mounts; n++)
		copy_plan_free(state->mounts[n].files);
	free(state->mounts);
}

static void
remotes_release(struct step_state *state)
{
	for (size_t i = 0; i < state->n_remotes; i++) {
		fd_close_at(&state->remotes[i].dir);
		free(state->remotes[i].path);
		free(state->remotes[i].name);
	}
	free(state->remotes);
}

static void
stages_release(struct build *b)
{
	for (size_t s = 0; b->stages && s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			mounts_release(&b->stages[s].steps[i], b->plan.stages[s].steps[i].n_mounts);
			copy_plan_free(b->stages[s].steps[i].copy);
			remotes_release(&b->stages[s].steps[i]);
			step_record_release(&b->stages[s].steps[i].record);
		}
		free(b->stages[s].steps);
	}
	free(b->stages);
}

static void
build_release(struct build *b)
{
	exchange_free(b->exchange);
	if (b->has_environment)
		run_environment_close(&b->run);
	agents_stop(b->agents);
	free((void *)(uintptr_t)b->run.secrets);
	limits_release(&b->limits);
	userns_release(&b->run.userns);
	stages_release(b);
	json_free(b->last);
	json_free(b->materials);
	sources_release(b);
	digests_free(b->digests);
	store_close(b->store);
	product_release(&b->product);
	fd_close_at(&b->record_dir);
	free(b->build_id);
	free(b->variant);
}

int
build_run(const struct build_options *options, struct progress *progress,
    struct build_result *result, struct error *e)
{
	struct build b = {
		.options = options, .progress = progress, .result = result, .record_dir = -1
	};
	int ok;

	memset(result, 0, sizeof(*result));
	(void)clock_gettime(CLOCK_REALTIME, &b.started); /* cannot fail */
	b.has_timestamp = options->has_timestamp;
	b.timestamp = options->timestamp;
	ok = run(&b, e);
	if (ok < 0 && b.diagnostics.n_errors > 0 && !result->failure_shown) {
		progress_stop(progress);
		sources_show_diagnostics(&b);
		result->failure_shown = true;
	}
	build_release(&b);
	return ok;
}
