/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host - what of this machine a build is made with: the tier, how snapshots are stacked, and what the commands of RUN have.
 */
#include "builder/build/host.h"

#include "builder/build/agents.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/fuseoverlay.h"
#include "runtime/sandbox/jail_net.h"
#include "runtime/sandbox/probe.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>

/* ---- the tier ---- */

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

int
host_choose_tier(struct build *b, struct error *e)
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

/* ---- how snapshots are stacked ---- */

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
			ok = fuseoverlay_probe(dir, e);
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

/* The first that works. What is worse than the best is said. */
static int
find_driver(struct build *b, struct error *e)
{
	struct error overlay = ERROR_INIT, fuse = ERROR_INIT;

	if (try_driver(b, STORE_OVERLAY, &overlay) == 0)
		return 0;
	if (try_driver(b, STORE_FUSE, &fuse) == 0) {
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
	return 0;
}

/* ---- entering it ---- */

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

/* The first RUN that has to be made, or NULL. */
static const struct plan_step *
first_run(const struct build *b)
{
	for (size_t s = 0; s < b->plan.n_stages; s++)
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++)
			if (b->plan.stages[s].steps[i].kind == PLAN_RUN &&
			    b->stages[s].steps[i].run)
				return &b->plan.stages[s].steps[i];
	return NULL;
}

/* Which step cannot be without namespaces, by name. */
static int
refuse_files(const struct build *b, struct error *e)
{
	const struct plan_step *step = first_run(b);
	const char *what = "a COPY from a stage or a file of the base image";

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

int
host_open(struct build *b, bool needs_namespace, struct error *e)
{
	if (needs_namespace)
		return b->tier == TIER_NONE ? refuse_files(b, e) : enter_namespace(b, e);
	clean_up(b);
	return 0;
}

/* ---- what the commands of RUN have ---- */

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

static void
tell_confinement(const struct build *b, const struct error *lacks)
{
	bool around = b->run.network == NETNS_HOST;

	progress_note(b->progress,
	    "namespaces are not to be had here (%s): steps are kept apart by %s, have %s%s%s%s%s",
	    b->tier_lacks.text[0] ? b->tier_lacks.text : "asked for by name",
	    b->run.chroot ? "chroot, capabilities, seccomp and Landlock"
			  : "a supervisor of their system calls, seccomp and Landlock",
	    around ? "the network of this container with all that it reaches"
	    : b->run.network == NETNS_NONE ? "no network"
					   : "the connections that croze makes for them",
	    around ? " (" : "", around ? lacks->text : "", around ? ")" : "",
	    b->run.chroot ? " and no /proc" : ", and see its process numbers");
}

/* In a chroot there may be no network of a step's own, which is said: then it is that of the container around it. */
static int
choose_network(struct build *b, struct error *e)
{
	struct error lacks = ERROR_INIT;

	if (tier_mounts(b->tier) || b->options->network == BUILD_NETWORK_HOST)
		return 0;
	if (b->run.chroot && b->run.network == NETNS_DEFAULT && jail_net_check(&lacks) < 0) {
		if (b->options->n_egress > 0) {
			*e = lacks;
			return error_ctx(e, "--allow-egress: steps of the isolation 'chroot' can "
					    "be given no network "
					    "of their own");
		}
		b->run.network = NETNS_HOST;
	}
	tell_confinement(b, &lacks);
	return 0;
}

int
host_open_environment(struct build *b, struct error *e)
{
	static const enum netns_mode modes[] = {
		[BUILD_NETWORK_DEFAULT] = NETNS_DEFAULT,
		[BUILD_NETWORK_NONE] = NETNS_NONE,
		[BUILD_NETWORK_HOST] = NETNS_HOST,
	};
	const struct build_options *options = b->options;
	autofree struct run_host *hosts = NULL;

	if (!first_run(b))
		return 0;
	hosts = xcalloc(options->n_hosts + 1, sizeof(*hosts));
	for (size_t i = 0; i < options->n_hosts; i++)
		hosts[i] = (struct run_host){ options->hosts[i].name, options->hosts[i].address };
	b->run.network = modes[options->network];
	b->run.egress = options->egress;
	b->run.n_egress = options->n_egress;
	b->run.chroot = b->tier == TIER_CHROOT;
	b->run.emulate = b->tier == TIER_EMULATE;
	if (choose_network(b, e) < 0)
		return -1;
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
