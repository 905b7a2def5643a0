/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - one build: what is asked for, what is known of each step, what still has to be done.
 *
 * The main process owns it. A stage worker is a fork: it works on its copy and tells the main process what it did
 * (message.h). Three passes make the list of things to do before anything runs:
 *
 *	keys    each step's cache key, and what the store has under it        (keys.c)
 *	needs   from the result backwards: whose files, whose layers          (needs.c)
 *	jobs    images to unpack, parts of stages to run, layers to pack      (schedule.c)
 *
 * A step that nobody needs is not run, fetched, unpacked, or turned into a layer.
 */
#ifndef CROZE_BUILDER_BUILD_STATE_H
#define CROZE_BUILDER_BUILD_STATE_H

#include "builder/build/options.h"
#include "builder/build/product.h"
#include "builder/cache/records.h"
#include "builder/context/context.h"
#include "builder/context/digests.h"
#include "builder/fetch/fetch.h"
#include "builder/image/config.h"
#include "builder/image/manifest.h"
#include "builder/layer/writer.h"
#include "builder/plan/plan.h"
#include "builder/progress/progress.h"
#include "builder/step/chain.h"
#include "builder/step/copy_plan.h"
#include "builder/step/record.h"
#include "builder/step/run.h"
#include "builder/store/store.h"
#include "runtime/base/loop.h"
#include "runtime/base/process.h"

#include <stdbool.h>
#include <stddef.h>

struct agents;
struct exchange;

/** An image that the Dockerfile names. Those that only metadata is taken from are never unpacked. */
struct image_state {
	char *reference; /* as the plan asks for it */
	struct platform platform;
	char *id; /* digest of the manifest, as text */
	struct manifest manifest;
	struct image_config config;
	bool needs_tree;
	bool ready; /* unpacked, or not needed */
	struct worker
	    pull; /* brings its layers; pid -1: they are there, or schedule.c waits for it */
	bool is_arriving; /* they are not all there yet */
};

enum step_status {
	STEP_MISSING, /* the store has nothing usable */
	STEP_CACHED,  /* it has a record */
	STEP_DONE,    /* made by this build */
};

/** A RUN --mount of files. */
struct mount_state {
	struct copy_plan *files; /* of a context: made before anything runs; NULL for others */
	struct digest content;   /* of a context; of a stage in a stage worker */
};

/** A source of ADD that was fetched. */
struct step_remote {
	int dir;    /* where it is; -1: not yet */
	char *path; /* in it, "." for all of it */
	char *name;
	bool has_time;
	int64_t time;
};

struct step_state {
	enum step_status status;
	bool has_key;
	bool
	    is_assumed; /* the key is that of an alias, and there is no record: good as long as it is not run */
	struct digest key;
	struct step_record record; /* CACHED and DONE */
	/* the record is one of --cache-from, and its layer not here yet: number of the place, from 1 */
	size_t from_cache;

	struct copy_plan
	    *copy; /* COPY and ADD from a context: made before anything runs; NULL for others */
	struct mount_state *mounts;  /* RUN: as the plan's; NULL when it has none */
	struct step_remote *remotes; /* as plan_step.remotes, once they are fetched */
	size_t n_remotes;
	struct digest content; /* of what it copies */
	bool is_archive;       /* ADD that unpacks something: needs a snapshot */

	bool offered; /* its layer goes to a cache: exchange.c */

	/* what needs.c found */
	bool run;       /* has to be executed, for its files or for its layer */
	bool want_tree; /* its snapshot is read by a later step, a stage, or an output */
	bool want_layer;
	bool settled; /* nothing is left for a stage worker to do */
	bool packing; /* a worker is making its layer */
	size_t shown; /* number in the display */
};

struct stage_state {
	size_t index; /* in plan.stages */
	size_t shown; /* number in the display; SIZE_MAX: not shown */
	bool has_final_key;
	struct digest final_key; /* of its last step */
	struct step_state *steps;
	bool needed;
	bool whole_tree; /* all of its files are read by others */
	bool base_tree;  /* some step needs the files of the base */
	bool running;
};

struct build {
	const struct build_options *options;
	struct progress *progress;
	struct build_result *result;

	enum tier tier;
	struct error
	    tier_lacks; /* what a better tier would need; its text is "" when this is the best */
	struct store *store;
	struct digests *digests; /* of context files */
	struct fetch *fetch;     /* NULL: nothing was fetched yet */
	bool registry_failed;    /* an image could not be had because of a registry */
	struct context context;
	struct context *contexts; /* named directories, as options->contexts; dir -1 for images */
	struct context_dockerfile dockerfile;
	struct dockerfile file;
	struct diagnostics diagnostics;
	struct plan plan;
	struct image_state **images;
	size_t n_images;
	struct stage_state *stages; /* as plan.stages */
	bool checking;              /* nothing is built: images come from the store or not at all */
	struct product product;     /* what was made */
	struct json *materials;     /* what was fetched for it (provenance.h); NULL: nothing */
	struct json *last;          /* what the last build knew of its steps; NULL: nothing */

	bool has_timestamp; /* of the options, or SOURCE_DATE_EPOCH of the Dockerfile */
	int64_t timestamp;
	struct layer_options layers;
	char *variant;           /* of the layers: compression, level, time */
	struct timespec started; /* CLOCK_REALTIME */

	bool in_namespace;
	struct run_environment run; /* network, hosts, limits: the same for every RUN */
	bool has_environment;
	struct limits limits;
	struct agents *agents;     /* those of --ssh; NULL: none is wanted */
	struct exchange *exchange; /* what --cache-from has; NULL: nothing was taken */
	bool assumes_nothing;      /* keys of aliases without a record are not used */
	char *build_id;
	int record_dir; /* builds/<id> */
};

/* keys.c */

/** Scans what is copied from contexts, makes all keys that can be known, looks them up. */
int keys_find(struct build *b, struct error *e);
/**
 * Key of a COPY from another stage, from what it copies (@content) rather than from how that was made.
 */
void keys_of_copy(const struct digest *parent, const struct plan_step *step,
    const struct digest *content, struct digest *key);
/** Key of a RUN with files of stages mounted, from what they are (mount_state.content). */
void keys_of_mounts(const struct build *b, const struct digest *parent,
    const struct plan_step *step, const struct step_state *state, struct digest *key);
/** Does the key of @step depend on files of a stage, which are known when that is there? */
bool keys_wait(const struct plan_step *step);
/** Key of step @index after @parent; *@known tells whether it depends on content that is not there yet. */
void keys_of_step(const struct build *b, const struct plan_step *step,
    const struct step_state *state, const struct digest *parent, bool *known, struct digest *key);
/** The key of all before step @index of @stage; false when it is not known. */
bool keys_parent(
    const struct build *b, const struct stage_state *stage, size_t index, struct digest *key);
/** What step @index is based on for its own key: all before it, unless it is independent of that. */
bool keys_base(
    const struct build *b, const struct stage_state *stage, size_t index, struct digest *key);
/** How a key was found. */
struct keys_way {
	bool by_alias;     /* @key was replaced, though there may be no record */
	size_t from_cache; /* as step_state.from_cache */
};

/** Looks @key up, through an alias too (then @key is replaced), in what was taken of --cache-from too. Returns 1, 0, -1. */
int keys_look_up(struct build *b, struct digest *key, struct step_record *record,
    struct keys_way *way, struct error *e);
/** Forgets what was found and looks all keys up again, after something was taken or turned out not to be there. */
int keys_again(struct build *b, struct error *e);
/**
 * How a step that reads files of stages is known before those are there: by the keys of the stages. False when one has none yet.
 */
bool keys_of_definition(const struct build *b, const struct digest *parent,
    const struct plan_step *step, const struct step_state *state, struct digest *key);
/** The key of what is known by a text alone; @what says what it is. */
void keys_of_text(const char *what, const char *text, struct digest *key);
/** How the files of a context that are mounted are known as a snapshot. */
void keys_of_bind(const struct digest *content, struct digest *key);
/** Reads a record, without looking at --no-cache and aliases. Returns 1, 0, -1. */
int keys_read(
    struct build *b, const struct digest *key, struct step_record *record, struct error *e);

/* reasons.c */

/** Reads what the last build of this Dockerfile knew; nothing when that cannot be read. */
void reasons_load(struct build *b);
/** Is there anything that reasons_load() would read? */
bool reasons_known(const struct build *b);
/**
 * Why step @index is made although there is a cache, as one short clause ("never built here"), to be freed. NULL when that
 * is plain: --no-cache, or the first build of this Dockerfile. Of the step's key all must be known that can be.
 */
char *reasons_text(const struct build *b, const struct stage_state *stage, size_t index);
/** Remembers the steps that are there now; of the others what was remembered. */
int reasons_save(const struct build *b, struct error *e);

/* needs.c */

/** Marks what has to be there, from the result backwards; what was marked before is forgotten. */
void needs_find(struct build *b);
/** Has any step to be run, of those whose key is assumed when @assumed? */
bool needs_runs(const struct build *b, bool assumed);
/** Is there anything for workers to do? */
bool needs_work(const struct build *b);
/** Does any of it need the namespaces? */
bool needs_namespace(const struct build *b);

/* mounts.c */

/** Makes the digests of what @step mounts from stages, which are finished. */
int mounts_digest(
    struct build *b, const struct plan_step *step, struct step_state *state, struct error *e);
/** run_step() with the files that the step mounts; fills in @request->sources for the call. */
int mounts_run(struct build *b, struct step_state *state, struct run_request *request,
    struct run_result *result, struct error *e);

/* worker.c */

/**
 * The life of a stage worker: steps [@first, @end) of @stage. @out: messages (message.h). A failed step is reported there, with 0 as
 * result; -1 means that nothing could be reported.
 */
int worker_main(
    struct build *b, struct stage_state *stage, size_t first, size_t end, int out, struct error *e);

/**
 * Makes the layer of a step whose files are there, into its record: what a pack worker does. @notes gets what is not kept in layers.
 */
int worker_pack(
    struct build *b, struct stage_state *stage, size_t index, struct strv *notes, struct error *e);

/* assemble.c */

/** Writes config and manifest of the target, and adds that image to the product. */
int assemble_image(struct build *b, struct error *e);

/* state.c */

bool step_makes_layer(const struct plan_step *step);
/**
 * RUN finds out what it changes by running, so does unpacking an archive: their layer is made from the snapshot. Others know it before.
 */
bool step_packs_snapshot(const struct plan_step *step, const struct step_state *state);
/** Does --chown name an account, which only the files before the step tell the number of? */
bool step_has_names(const struct plan_step *step);
/** COPY --link: is its result the same whatever is below? */
bool step_is_independent(const struct plan_step *step);
/** The stack of snapshots after the first @count steps of @stage; those of its base included. */
void state_chain(
    const struct build *b, const struct stage_state *stage, size_t count, struct chain *chain);
/** Image state of plan.images[@index]. */
struct image_state *state_image(const struct build *b, size_t index);
/**
 * What a COPY or ADD from a context asks for; notes go to the display. *@extras, which the request borrows, is to be freed.
 */
void state_copy_request(struct build *b, const struct plan_step *step,
    const struct step_state *state, struct copy_extra **extras, struct copy_request *request);
/**
 * What a mount of files asks for: all of its source, as STATE_BIND in an empty tree. @pattern and its list are to live as long
 * as @request; the source is a context's, unless the caller fills in another root.
 */
void state_bind_request(struct build *b, const struct plan_mount *mount, char *pattern[1],
    struct copy_request *request);
/** Where mounted files of a context are in their snapshot. */
#define STATE_BIND "/b"
/** Does the mount show a whole root file system? */
bool state_mount_is_whole(const struct plan_mount *mount);
/**
 * Runs @fn in a process of its own, whose result is JSON: it may enter namespaces, start threads, and fail over what strangers
 * made. NULL with @e.
 */
struct json *state_ask_worker(struct build *b, worker_fn *fn, void *arg, struct error *e);
const struct plan_stage *state_plan(const struct build *b, const struct stage_state *stage);
/** Shows @text: for whoever has notes for its user. @arg: the build. */
void state_note(void *arg, const char *text);

#endif
