/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan - what a Dockerfile asks for, with every text expanded: the stages that the target needs and
 * their steps.
 *
 * The plan is made before anything runs and depends on the Dockerfile, the options and the configs
 * of base images alone. Stages stand in an order in which each one comes after those it needs.
 */
#ifndef CROZE_PLAN_PLAN_H
#define CROZE_PLAN_PLAN_H

#include "builder/dockerfile/diagnostics.h"
#include "builder/dockerfile/ignore.h"
#include "builder/dockerfile/mountspec.h"
#include "builder/dockerfile/parser.h"
#include "builder/dockerfile/resource.h"
#include "builder/dockerfile/user.h"
#include "builder/image/platform.h"
#include "runtime/base/digest.h"
#include "runtime/base/strv.h"
#include "runtime/oci/cdi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_config;

/** --build-context NAME=VALUE. */
enum plan_context_kind {
	PLAN_CONTEXT_DIRECTORY,
	/* "oci-layout://...", "docker-image://..." or another spelling of an image */
	PLAN_CONTEXT_IMAGE,
};

struct plan_context {
	const char *name;
	enum plan_context_kind kind;
	const char *value;    /* the folder, or what resolve() is asked for */
	const char *platform; /* "linux/arm64": there for this platform alone; NULL: for all */
};

/**
 * Finds an image for @platform: @reference as FROM or COPY --from name it, or the value of a named
 * context. On success *@config is a new config that the plan takes over, and *@id a new text (the
 * manifest's digest) that enters cache keys.
 */
typedef int plan_resolve_fn(void *arg, const char *reference, const struct platform *platform,
    struct image_config **config, char **id, struct error *e);

enum plan_flags {
	/*
	 * Nothing will be built: an image that is not there is no error; what depends on it is
	 * not checked.
	 */
	PLAN_CHECK = 1 << 0,
	PLAN_ALL = 1 << 1, /* all stages are looked at when there is no target */
};

/** What the user lets the Dockerfile do, as --allow. */
enum plan_allowed {
	PLAN_ALLOW_NETWORK_HOST = 1 << 0,
	PLAN_ALLOW_INSECURE = 1 << 1,
	PLAN_ALLOW_DEVICES = 1 << 2, /* all of them */
};

#define PLAN_MAIN_CONTEXT SIZE_MAX

/** Whose time SOURCE_DATE_EPOCH asks for. */
struct plan_time_of {
	const struct resource *resource; /* what a stage fetches; NULL: a context */
	size_t context;                  /* PLAN_MAIN_CONTEXT, or of plan_options.contexts */
};

/** Sets *@time when there is one. */
typedef int plan_time_of_fn(
    void *arg, const struct plan_time_of *what, bool *has_time, int64_t *time, struct error *e);

struct plan_options {
	enum plan_flags flags;
	const char *target;            /* NULL: the last stage */
	const struct strv *build_args; /* "NAME=value"; may be NULL */
	/* of the client: proxies and SOURCE_DATE_EPOCH are read from it; may be NULL */
	const struct strv *environment;
	const struct strv *labels; /* --label "name=value" for the result; may be NULL */
	const char *from;          /* --from: in the place of the image of the first FROM; NULL */
	/* --env "NAME=value" that every stage begins with, and --unsetenv of the result; may be NULL */
	const struct strv *env;
	const struct strv *unset_env;
	const struct strv *unset_labels; /* --unsetlabel: of base images; may be NULL */
	const struct plan_context *contexts;
	size_t n_contexts;
	const char *os;           /* native platform: "linux" */
	const char *architecture; /* "amd64" */
	const char *variant;      /* "" when none */
	/* what is built for, each once; none: the native platform, whatever base images are for */
	const struct platform *platforms;
	size_t n_platforms;
	plan_resolve_fn *resolve;
	/* Would resolve() find it without a registry? NULL: it asks none. */
	bool (*is_stored)(void *arg, const char *reference);
	/* Told of what may be wrong before resolve() waits for a registry; NULL: nobody is. */
	void (*tell)(void *arg, const char *text);
	plan_time_of_fn *time_of; /* NULL: names give no time */
	/*
	 * For lint rules; both may be NULL. Does the ignore file of the build context leave @path
	 * out, and without taking others back in? Reads a small file of the build context: 1, 0.
	 */
	bool (*is_ignored)(void *arg, const char *path);
	int (*read_file)(void *arg, const char *path, struct buf *b);
	void *arg;
	unsigned allowed;                   /* enum plan_allowed */
	const struct strv *allowed_devices; /* names as in RUN --device; may be NULL */
	const struct strv *device_dirs;     /* where devices are described; NULL: there are none */
	/* of every RUN, for its key; may be NULL */
	const char *network;       /* "default", "none", "host" */
	const struct strv *hosts;  /* "name:address" */
	const struct strv *limits; /* "nofile=1024:2048" */
};

/** An image that the plan uses, as base or to copy from. */
struct plan_image {
	char *reference; /* as resolve() was asked */
	struct platform platform;
	char *name; /* as the Dockerfile names it */
	char *id;
	struct image_config *config;
	bool unknown; /* PLAN_CHECK: it is not there, the config says nothing */
};

enum plan_step_kind {
	PLAN_RUN,
	PLAN_COPY,
	PLAN_ADD,
	PLAN_WORKDIR,  /* makes a directory */
	PLAN_METADATA, /* changes the config only: nothing to run, nothing to key */
};

/** Where COPY and ADD read from. */
enum plan_source {
	PLAN_FROM_CONTEXT,       /* the build context */
	PLAN_FROM_NAMED_CONTEXT, /* plan_options.contexts[from] */
	PLAN_FROM_STAGE,         /* plan.stages[from], after its last step */
	PLAN_FROM_IMAGE,         /* plan.images[from] */
};

/** One RUN --mount. */
struct plan_mount {
	struct mountspec spec; /* values expanded; id filled in for caches, secrets and agents */
	char *target;          /* absolute and clean; NULL for a secret that is only a variable */
	/* bind, and a cache with `from`: the files that are mounted or that it begins with */
	bool has_files;
	enum plan_source source;
	size_t from;
};

enum plan_network {
	PLAN_NETWORK_DEFAULT, /* as the command line says */
	PLAN_NETWORK_NONE,
	PLAN_NETWORK_HOST,
};

/** A file whose text stands in the Dockerfile, as a heredoc. */
struct plan_file {
	char *name;    /* one component */
	char *content; /* expanded where it is to be */
};

/** A source of ADD that is fetched. */
struct plan_remote {
	size_t position; /* it stands in front of plan_step.sources[position] */
	char *text;      /* as written, expanded */
	struct resource source;
	bool has_digest; /* --checksum of what is fetched by HTTP */
	struct digest digest;
};

struct plan_step {
	enum plan_step_kind kind;
	const struct instruction
	    *instruction; /* borrowed; NULL for the copy that FROM of a named folder means */
	uint32_t line;    /* in the Dockerfile: first and last */
	uint32_t end_line;
	/* in one line, for the display: "RUN make", "COPY --from=builder /server /server" */
	char *text;
	char *created_by; /* of the history entry; NULL: none */
	bool empty_layer; /* in the history */
	/**
	 * Canonical JSON of all that enters the step's key from here; the parent's key and the
	 * digests of what is copied are the scheduler's. NULL for PLAN_METADATA.
	 */
	char *record;

	/*
	 * RUN: where it runs. WORKDIR: what is made. COPY, ADD: what a relative destination was
	 * joined to
	 */
	char *workdir;
	char *user; /* RUN, WORKDIR: as in Config.User, "" for root */

	/*
	 * COPY, ADD: sources besides @sources, mode 0644. RUN: a script that is executable, in
	 * PLAN_SCRIPTS while the command runs
	 */
	struct plan_file *files;
	size_t n_files;

	/* RUN */
	struct plan_mount *mounts;
	size_t n_mounts;
	const struct cdi_device **devices; /* of plan.devices */
	size_t n_devices;
	enum plan_network network;
	bool insecure;  /* --security=insecure */
	char *hostname; /* NULL: the default */

	struct strv argv; /* RUN: with the shell in front for shell form */
	struct strv env;  /* RUN: NAME=value, all of it */

	/*
	 * COPY, ADD: patterns of glob.h, clean, relative to the root of @source; "." is the root
	 * itself
	 */
	struct strv sources;       /* with @parents "x/./y": y is kept in the destination */
	struct strv exclude_texts; /* as written */
	struct ignore exclude;
	bool parents;
	bool is_link;        /* its layer is made in an empty tree, and depends on nothing below */
	bool unpack;         /* archives among local sources */
	bool unpack_remotes; /* and among @remotes */
	bool keep_git_dir;
	struct plan_remote *remotes;
	size_t n_remotes;
	char *destination; /* absolute and clean, with a slash at the end where one was written */
	enum plan_source source;
	size_t from;
	bool has_chown;
	struct user_spec chown;
	bool has_chmod;
	struct mode_spec chmod;
};

enum plan_base {
	PLAN_BASE_SCRATCH,
	PLAN_BASE_STAGE, /* plan.stages[base] */
	PLAN_BASE_IMAGE, /* plan.images[base] */
};

struct plan_stage {
	char *
	    name; /* as the user knows it: AS name, else its number in the file, as --from counts */
	size_t number; /* in the file, from 0 */
	uint32_t line; /* of FROM */
	uint32_t end_line;
	char *text;             /* "FROM alpine:3.19 AS builder", expanded */
	struct platform target; /* what it was planned for; the first one that it serves */
	enum plan_base base_kind;
	size_t base;
	struct plan_step *steps;
	size_t n_steps;
	size_t steps_room;
	/* after the last step; history and diff IDs are the base image's, the scheduler adds */
	struct image_config *config;
	char *author; /* MAINTAINER; NULL for none */
};

/** An ARG that a build can be given. */
struct plan_argument {
	const struct instruction *instruction; /* ARG; borrowed */
	const struct pair *pair;               /* of it */
	char *value;                           /* what it is now; NULL: nothing */
};

/** What one platform's image is made of. */
struct plan_target {
	struct platform platform;
	bool is_explicit; /* it was asked for: the image says so, whatever its base says */
	size_t stage;
};

struct plan {
	struct plan_argument *arguments; /* of the planned stages and above the first FROM */
	size_t n_arguments;
	size_t arguments_room;
	struct plan_stage *stages;
	size_t n_stages;
	size_t stages_room;
	size_t target; /* of targets[current] */
	struct plan_target *targets;
	size_t n_targets; /* at least one in a plan without errors */
	size_t current;   /* the one that is looked at; moved by plan_look_at() */
	struct plan_image *images;
	size_t n_images;
	size_t images_room;
	bool has_epoch; /* SOURCE_DATE_EPOCH */
	int64_t epoch;  /* seconds */
	struct strv
	    proxies; /* proxy variables for every RUN, in no key and no history: "HTTP_PROXY=..." */
	struct cdi devices;            /* when a step asks for one; steps borrow them */
	struct instruction **triggers; /* parsed from base images; steps borrow them */
	size_t n_triggers;
	size_t triggers_room;
};

/**
 * Makes the plan. A stage that comes out the same for several platforms is in it once. Errors and warnings go to @diagnostics. @f must live as long as @plan; @options
 * and its contexts are not needed afterwards, but the numbering of the contexts is. After
 * dockerfile_parse() has failed it is to be called all the same: it then only adds what is wrong
 * with references between stages, so that everything is reported at once.
 * Returns 0, or -1 when there was an error; plan_release() in both cases.
 */
int plan_make(struct plan *plan, const struct dockerfile *f, const struct plan_options *options,
    struct diagnostics *diagnostics);
void plan_release(struct plan *plan);
/** Makes targets[@index] the current one. */
void plan_look_at(struct plan *plan, size_t index);
/** What a stage's commands run as: that of its base image, of an empty one what is built for. */
const struct platform *plan_stage_platform(const struct plan_stage *stage);

/** Where RUN <<EOF with #! is found and executed. */
#define PLAN_SCRIPTS "/dev/pipes"
/** PATH of a RUN whose image sets none. */
#define PLAN_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#endif
