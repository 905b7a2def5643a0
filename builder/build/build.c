/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - a whole build, from the Dockerfile to the image in the store and its outputs.
 */
#include "builder/build/build.h"

#include "builder/build/agents.h"
#include "builder/build/attest.h"
#include "builder/build/exchange.h"
#include "builder/build/findings.h"
#include "builder/build/remote.h"
#include "builder/build/result.h"
#include "builder/build/schedule.h"
#include "builder/build/sources.h"
#include "builder/build/state.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/fuseoverlay.h"
#include "runtime/sandbox/probe.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>
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

/* ---- what runs ---- */

/* Tried where the snapshots are, with a real whiteout, opaque folder and executable. */
static int
try_driver(struct build *b, enum store_driver driver, struct error *e)
{
	autofd int dir = store_tmp_dir(b->store, NULL, e);
	int ok = -1;

	if (dir < 0)
		return -1;
	switch (driver) {
	case STORE_OVERLAY:
		ok = probe_stack_in(dir, overlay_mount, e);
		break;
	case STORE_FUSE:
		ok = fuseoverlay_check(e);
		if (ok == 0) /* the program goes without attributes, the store's readers do not */
			ok = probe_copies_in(dir, tier_records(b->tier), e);
		if (ok == 0)
			ok = probe_stack_in(dir, fuseoverlay_mount, e);
		break;
	case STORE_COPY:
		ok = probe_copies_in(dir, tier_records(b->tier), e);
		break;
	}
	if (ok == 0)
		store_set_driver(b->store, driver);
	return ok;
}

static int
refuse_driver(const struct build *b, struct error *e)
{
	error_ctx(e, "--snapshots %s", build_snapshots_name(b->options->snapshots));
	return e->hint[0] ? -1
	                  : error_hint(e, "leave out --snapshots, or put the store on a local "
					  "ext4, xfs, btrfs or tmpfs: --root DIR");
}

/* Asked for by name it serves all the same; else an image must not depend on where it was built. */
static int
check_groups(struct build *b, struct error *e)
{
	struct error lacking = ERROR_INIT;
	autofd int dir = store_tmp_dir(b->store, NULL, e);

	if (dir < 0)
		return -1;
	if (probe_groups_in(dir, fuseoverlay_mount, &lacking) == 0)
		return 0;
	if (b->options->snapshots == BUILD_SNAPSHOTS_AUTO) {
		*e = lacking;
		return error_ctx(e, "fuse-overlayfs");
	}
	progress_note(
	    b->progress, "fuse-overlayfs of this machine: %s, as they do elsewhere", lacking.text);
	return 0;
}

/* The first that works. What is worse than the best is said. */
static int
find_driver(struct build *b, struct error *e)
{
	struct error overlay = ERROR_INIT, fuse = ERROR_INIT;

	if (try_driver(b, STORE_OVERLAY, &overlay) == 0)
		return 0;
	if (try_driver(b, STORE_FUSE, &fuse) == 0 && check_groups(b, &fuse) == 0) {
		progress_note(b->progress,
		    "no overlay on the store (%s), so that fuse-overlayfs stacks the files of "
		    "steps",
		    overlay.text);
		return 0;
	}
	if (try_driver(b, STORE_COPY, e) < 0)
		return -1;
	progress_note(b->progress,
	    "no overlay on the store (%s; %s), so that every step works on a copy of its files",
	    overlay.text, fuse.text);
	return 0;
}

static int
choose_driver(struct build *b, struct error *e)
{
	static const enum store_driver drivers[] = {
		[BUILD_SNAPSHOTS_OVERLAY] = STORE_OVERLAY,
		[BUILD_SNAPSHOTS_FUSE] = STORE_FUSE,
		[BUILD_SNAPSHOTS_COPY] = STORE_COPY,
	};
	enum build_snapshots wanted = b->options->snapshots;

	if (!tier_mounts(b->tier) && wanted != BUILD_SNAPSHOTS_AUTO &&
	    wanted != BUILD_SNAPSHOTS_COPY)
		return error_set(e, ERR_USAGE, "--snapshots %s: the isolation '%s' has no mounts",
		    build_snapshots_name(wanted), tier_name(b->tier));
	if (!tier_mounts(b->tier))
		return try_driver(b, STORE_COPY, e);
	if (wanted == BUILD_SNAPSHOTS_AUTO)
		return find_driver(b, e);
	if (try_driver(b, drivers[wanted], e) < 0)
		return refuse_driver(b, e);
	return wanted == BUILD_SNAPSHOTS_FUSE ? check_groups(b, e) : 0;
}

static int
enter_namespace(struct build *b, struct error *e)
{
	if (tier_enter(b->tier, &b->run.userns, e) < 0)
		return -1;
	b->in_namespace = true;
	if (store_reopen(b->store, e) < 0 || choose_driver(b, e) < 0)
		return -1;
	return store_clean_tmp(b->store, e);
}

static bool
has_run(const struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (b->plan.stages[s].steps[i].kind == PLAN_RUN &&
			    b->stages[s].steps[i].run)
				return true;
	return false;
}

static void
give_secrets(struct build *b)
{
	const struct build_options *options = b->options;
	struct run_secret *secrets = xcalloc(options->n_secrets + 1, sizeof(*secrets));

	for (size_t i = 0; i < options->n_secrets; i++)
		secrets[i] = (struct run_secret){ options->secrets[i].id, options->secrets[i].bytes,
			options->secrets[i].length };
	b->run.secrets = secrets;
	b->run.n_secrets = options->n_secrets;
}

/* Commands for other architectures: whether they run is found out before the first step does. */
static int
serve_platforms(struct build *b, struct error *e)
{
	for (size_t s = 0; s < b->plan.n_stages; s++) {
		const struct plan_stage *stage = &b->plan.stages[s];

		for (size_t i = 0; i < stage->n_steps; i++) {
			const struct plan_step *step = &stage->steps[i];

			if (step->kind != PLAN_RUN || !b->stages[s].steps[i].run)
				continue;
			if (run_environment_serve(&b->run, plan_stage_platform(stage), e) < 0)
				return error_ctx(
				    e, "%s:%u: %s", b->dockerfile.path, step->line, step->text);
			break;
		}
	}
	return 0;
}

static int
open_limits(struct build *b, struct error *e)
{
	const struct build_options *options = b->options;
	autofree struct container_rlimit *rlimits =
	    xcalloc(options->n_ulimits + 1, sizeof(*rlimits));

	for (size_t i = 0; i < options->n_ulimits; i++)
		rlimits[i] = (struct container_rlimit){ .resource = options->ulimits[i].resource,
			.limit = { options->ulimits[i].soft, options->ulimits[i].hard } };
	if (limits_open(&options->limits, options->cgroup_parent, rlimits, options->n_ulimits,
		&b->limits, e) < 0)
		return -1;
	if (b->limits.note[0])
		progress_note(b->progress, "%s", b->limits.note);
	b->run.limits = &b->limits;
	return 0;
}

static int
open_environment(struct build *b, struct error *e)
{
	static const enum netns_mode modes[] = {
		[BUILD_NETWORK_DEFAULT] = NETNS_DEFAULT,
		[BUILD_NETWORK_NONE] = NETNS_NONE,
		[BUILD_NETWORK_HOST] = NETNS_HOST,
	};
	const struct build_options *options = b->options;
	autofree struct run_host *hosts = xcalloc(options->n_hosts + 1, sizeof(*hosts));

	for (size_t i = 0; i < options->n_hosts; i++)
		hosts[i] = (struct run_host){ options->hosts[i].name, options->hosts[i].address };
	b->run.network = modes[options->network];
	b->run.egress = options->egress;
	b->run.n_egress = options->n_egress;
	b->run.chroot = b->tier == TIER_CHROOT;
	b->run.emulate = b->tier == TIER_EMULATE;
	if (!tier_mounts(b->tier) && options->network == BUILD_NETWORK_NONE)
		return error_set(e, ERR_HOST,
		    "--network=none: the isolation '%s' has no network of its own",
		    tier_name(b->tier));
	if (!tier_mounts(b->tier) && options->n_egress > 0)
		return error_set(e, ERR_HOST,
		    "--allow-egress: the isolation '%s' has no network of its own",
		    tier_name(b->tier));
	if (!tier_mounts(b->tier) && options->network == BUILD_NETWORK_DEFAULT) {
		b->run.network = NETNS_HOST;
		progress_note(b->progress,
		    "namespaces are not to be had here (%s): steps are kept apart by %s",
		    b->tier_lacks.text[0] ? b->tier_lacks.text : "asked for by name",
		    b->run.chroot
			? "chroot, capabilities, seccomp and Landlock, have the network of this "
			  "container and no /proc"
			: "a supervisor of their system calls, seccomp and Landlock, have the "
			  "network of this container, and see its host name and process numbers");
	}
	if (open_limits(b, e) < 0)
		return -1;
	b->run.shm_size = options->shm_size;
	b->run.proxies = &b->plan.proxies;
	if (run_environment_open(&b->run, b->store, hosts, options->n_hosts, e) < 0)
		return -1;
	b->has_environment = true;
	if (serve_platforms(b, e) < 0)
		return -1;
	give_secrets(b);
	if (agents_wanted(b)) {
		b->agents = agents_start(b->store, b->options->agents, b->options->n_agents, e);
		if (!b->agents)
			return -1;
		b->run.agents = agents_list(b->agents, &b->run.n_agents);
	}
	if (b->run.network == NETNS_DEFAULT && !b->run.netns.outside && b->run.netns.reason[0])
		progress_note(b->progress, "%s", b->run.netns.reason);
	return 0;
}

static int
clean_main(void *arg, struct buf *result, struct error *e)
{
	struct build *b = arg;
	struct userns userns;

	(void)result;
	if (tier_enter(b->tier, &userns, e) < 0 || store_reopen(b->store, e) < 0)
		return -1;
	return store_clean_tmp(b->store, e);
}

/* What a killed build left behind may take the ids of the namespace to be removed; this build needs none itself. */
static void
clean_up(struct build *b)
{
	struct error problem = ERROR_INIT;
	auto(buf) struct buf nothing = { 0 };
	struct worker worker;

	if (!store_tmp_needs_userns(b->store))
		return;
	if (worker_start(&worker, clean_main, b, &problem) < 0 ||
	    worker_finish(&worker, &nothing, &problem) < 0)
		progress_warn(b->progress, "cannot remove what an earlier build left behind: %s",
		    problem.text);
}

/* Which step cannot be without namespaces, by name. */
static int
refuse_files(const struct build *b, struct error *e)
{
	const struct plan_step *step = NULL;
	const char *what = "a COPY from a stage or a file of the base image";

	for (size_t s = 0; !step && s < b->plan.n_stages; s++)
		for (size_t i = 0; !step && i < b->plan.stages[s].n_steps; i++)
			if (b->stages[s].steps[i].run &&
			    b->plan.stages[s].steps[i].kind == PLAN_RUN)
				step = &b->plan.stages[s].steps[i];
	if (b->tier_lacks.text[0]) {
		*e = b->tier_lacks;
		return step ? error_ctx(e, "%s:%u: '%s' needs a namespace", b->dockerfile.path,
				  step->line, step->text)
		            : error_ctx(e, "%s needs a namespace", what);
	}
	if (step)
		error_set(e, ERR_HOST, "%s:%u: '%s' needs a namespace, and the isolation is none",
		    b->dockerfile.path, step->line, step->text);
	else
		error_set(e, ERR_HOST, "%s needs a namespace, and the isolation is none", what);
	return error_hint(e, "leave out --isolation none; croze doctor tells what this host has");
}

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

static int
do_work(struct build *b, struct error *e)
{
	bool squashes = b->options->squash != BUILD_SQUASH_NONE && b->tier != TIER_NONE;

	if (!needs_namespace(b) && !squashes)
		clean_up(b);
	else if (b->tier == TIER_NONE)
		return refuse_files(b, e);
	else if (enter_namespace(b, e) < 0)
		return -1;
	if (!needs_work(b))
		return 0;
	exchange_restore_mounts(b);
	if (has_run(b) && open_environment(b, e) < 0)
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

/* Those that keep owners wherever they are; what others do depends on who mounted them, and on servers. */
static bool
is_sure_of_owners(int dir)
{
	static const unsigned long sure[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(sure); i++)
		if ((unsigned long)fs.f_type == sure[i])
			return true;
	return false;
}

static int
owners_main(void *arg, struct buf *result, struct error *e)
{
	const int *dir = arg;
	struct userns userns;

	(void)result; /* success has nothing to say */
	return tier_enter(TIER_USERNS, &userns, e) < 0 ? -1 : probe_copies_in(*dir, false, e);
}

/* Where the store cannot keep real owners (NFS, FUSE), records of them do. Tried in a child, which is left as it becomes. */
static int
choose_owners(struct build *b, struct error *e)
{
	struct error refused = ERROR_INIT;
	autofd int dir = -1;
	struct worker w;

	if (b->options->isolation != TIER_AUTO || b->tier != TIER_USERNS ||
	    is_sure_of_owners(store_dir(b->store)))
		return 0;
	dir = store_tmp_dir(b->store, NULL, e);
	if (dir < 0)
		return -1;
	if ((worker_start(&w, owners_main, &dir, &refused) < 0 ||
		worker_finish(&w, NULL, &refused) < 0) &&
	    refused.sys == EPERM) {
		b->tier = TIER_USERNS_SINGLE;
		b->tier_lacks = refused;
	}
	return 0;
}

static int
choose_tier(struct build *b, struct error *e)
{
	autofree char *with_driver = NULL;

	if (tier_choose(b->options->isolation, &b->tier, &b->tier_lacks, e) < 0 ||
	    choose_owners(b, e) < 0)
		return -1;
	with_driver = xasprintf("%s+%s", tier_name(b->tier),
	    !tier_mounts(b->tier) ? "copy"
	    : b->options->snapshots == BUILD_SNAPSHOTS_AUTO
		? "overlay"
		: build_snapshots_name(b->options->snapshots));
	progress_tier(b->progress, b->tier == TIER_NONE ? tier_name(b->tier) : with_driver);
	if (tier_records(b->tier))
		store_record_owners(b->store);
	return 0;
}

static int
open_store(struct build *b, struct error *e)
{
	char *path;

	if (!b->store)
		b->store = store_open(b->options->root, 0, e);
	if (!b->store || choose_tier(b, e) < 0)
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
