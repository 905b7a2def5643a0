/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planner - what the files that make a plan share.
 */
#ifndef CROZE_PLAN_PLANNER_H
#define CROZE_PLAN_PLANNER_H

#include "builder/dockerfile/expand.h"
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "runtime/base/buf.h"

/** More ARGs or ENVs in a stage, and more bytes of values and environments, are refused. */
#define PLANNER_MAX_VARIABLES 10000
#define PLANNER_MAX_BYTES (32U << 20)

/** An ARG that is in scope. */
struct argument {
	char *name;
	char *value; /* NULL: none was given */
};

struct arguments {
	struct argument *items;
	size_t count;
	size_t room;
};

/** What FROM or --from name. */
enum origin_kind {
	ORIGIN_NONE, /* not known; has been reported, or is reported by who asked */
	ORIGIN_SCRATCH,
	ORIGIN_STAGE,   /* index into the file's stages */
	ORIGIN_CONTEXT, /* index into the options' contexts: a folder */
	ORIGIN_IMAGE,   /* index into the plan's images */
};

struct origin {
	enum origin_kind kind;
	size_t index;
};

/** What lint rules remember from one instruction of a stage to the next. */
struct lint_state {
	bool workdir_set;  /* by a WORKDIR of the file */
	bool unknown_base; /* what it sets is not known */
	bool guessed;      /* the instruction uses something of it, as if it were empty */
	const struct instruction *production; /* RUN that left the dev dependencies out; NULL */
	char folder[256]; /* of the context, where package.json is; "" for the top */
};

/** A stage of the file while the plan is made. */
struct node {
	bool needed;
	struct origin base;
	bool replaced;                 /* by a named context: its instructions do not run */
	char *base_text;               /* FROM's image, expanded */
	struct platform platform;      /* --platform, else what is built for */
	struct instruction **triggers; /* of the base image; owned by the plan */
	size_t n_triggers;
	size_t planned;             /* index in the plan's stages, once it is there */
	struct arguments arguments; /* in scope behind its last instruction */
	bool is_planned;
	struct lint_state lint; /* behind its last instruction */
};

struct planner {
	struct plan *plan;
	const struct dockerfile *f;
	const struct plan_options *options;
	struct diagnostics *diagnostics;
	struct strv given; /* build arguments with those of the client's environment */
	struct platform native;
	struct platform wanted;    /* what is built for */
	struct arguments platform; /* TARGETARCH and so on */
	struct arguments global;   /* ARGs before the first FROM */
	struct node *nodes;        /* as the file's stages */
	size_t target;             /* index into the file's stages */
	size_t n_bytes;            /* of all values and environments of RUNs so far */
	bool stopped;              /* the plan has grown too large */
	bool has_devices;          /* plan.devices were looked up */
};

/** A stage while its instructions are obeyed. */
struct building {
	struct planner *p;
	size_t number; /* in the file */
	size_t index;  /* in the plan */
	struct image_config *config;
	struct arguments arguments;
	bool has_cmd; /* CMD was set in this stage */
	bool is_trigger;
	struct expansion expansion;
	struct lint_state lint;
	/* what is expanded just now: for what is said of a variable that is not set */
	const struct instruction *instruction;
	uint32_t offset;  /* in the instruction; of a body: its first line */
	const char *body; /* of a heredoc; NULL */
};

/* arguments.c: build arguments and their scopes */
void arguments_release(struct arguments *a);
void arguments_copy(struct arguments *to, const struct arguments *from);
void arguments_set(struct arguments *a, const char *name, const char *value);
const struct argument *arguments_find(const struct arguments *a, const char *name);
/** Build arguments, platform, proxies, the ARGs before the first FROM, SOURCE_DATE_EPOCH. */
void arguments_prepare(struct planner *p);
/** ARG in a stage. */
int arguments_apply(struct building *b, const struct instruction *i);
/** Looks a variable up for FROM (arg: struct planner *). */
const char *arguments_lookup_global(void *arg, const char *name);
/** Looks a variable up in a stage, where ENV wins (arg: struct building *). */
const char *arguments_lookup(void *arg, const char *name);
/** Warns of build arguments that no ARG names. */
void arguments_warn_unused(struct planner *p);

/* epoch.c */
#define EPOCH_NAME "SOURCE_DATE_EPOCH"
/** Takes SOURCE_DATE_EPOCH from what was given or the global ARG; what it names is found, and its value is then a number. */
void epoch_set(struct planner *p);
int epoch_parse(const char *text, int64_t *epoch, struct error *e);

/* stages.c: which stages there are, what they stand on and which are needed */
#define NO_STAGE ((size_t)-1)
/** The last stage of that name, in any case, before stage @end; NO_STAGE. */
size_t stages_find(const struct planner *p, const char *name, size_t end);
/** Finds the target. Returns 0 or -1. */
int stages_find_target(struct planner *p);
/** Checks all froms of the file that name stages, those in stages that are not needed too. */
void stages_check_references(struct planner *p);
/** After errors: also reports --from that look like a mistyped stage. */
void stages_check_names(struct planner *p);
/** Marks what the target needs, and resolves its base images and their triggers. */
void stages_mark_needed(struct planner *p);
/**
 * What @from, of @i's froms, means in stage @number; an image is resolved. ORIGIN_NONE: has been
 * reported.
 */
struct origin stages_origin(
    struct planner *p, const struct instruction *i, const struct word *from, size_t number);

/* images.c: images and named contexts */
/**
 * The named context @name, as an image name or a stage's; ORIGIN_NONE when there is none or after
 * an error, which sets @e. One for @platform alone comes before one for all.
 */
struct origin images_context(
    struct planner *p, const char *name, const struct platform *platform, struct error *e);
/** Is there one of exactly that name, for what is built for? */
bool images_has_context(const struct planner *p, const char *name);
/** Resolves image @reference, or finds it among those that were. ORIGIN_NONE: see @e. */
struct origin images_resolve(struct planner *p, const char *reference, const char *name,
    const struct platform *platform, struct error *e);

/**
 * PLAN_CHECK: stands for an image that is not there, unless the error @e is another one or @name is
 * near to a stage's.
 */
struct origin images_unknown(
    struct planner *p, const char *name, const struct platform *platform, const struct error *e);

/* merge.c */
/** Moves what @one has and @plan has not into @plan; releases @one. */
void plan_merge(struct plan *plan, struct plan *one);

/* plan_lint.c: lint rules that need values, images or the build context */
/** FROM of all stages: arguments that are not declared, or have no default. */
void plan_lint_from(struct planner *p);
/** The base image that FROM @i of the file names. */
void plan_lint_base(struct planner *p, const struct instruction *i, const struct node *node);
/** After errors, when nothing is expanded any more: reports ${ that do not end and the like. */
void plan_check_words(struct planner *p);
/** Before instruction @i is obeyed. */
void plan_lint_instruction(struct building *b, const struct instruction *i);
/** WORKDIR @path, COPY and ADD of @source: expanded. */
void plan_lint_workdir(struct building *b, const struct instruction *i, const char *path);
void plan_lint_source(
    struct building *b, const struct instruction *i, const struct word *word, const char *source);
/** ARG, ENV and LABEL: @value at byte @offset of @i. */
void plan_lint_value(struct building *b, const struct instruction *i, uint32_t offset,
    const char *name, const char *value);
/** Told by the expansion (arg: struct building *). */
void plan_lint_unset(void *arg, const char *name, size_t at);

/* directives.c: what the comments at the top ask for */
/** Does @name, of `# syntax=`, mean the built-in language? */
bool directives_syntax_is_builtin(const char *name);
/** Checks the frontend, and obeys `# check=` on what has been reported so far. */
void directives_obey(struct planner *p);

/* metadata.c, steps.c: what instructions do */
int metadata_apply(struct building *b, const struct instruction *i);
int steps_apply(struct building *b, const struct instruction *i);
/** What relative paths are joined to. */
const char *steps_workdir(const struct building *b);
/** A heredoc that becomes a file; takes @content over. */
void steps_add_file(struct plan_step *step, const char *name, char *content);
/** Appends a step for @i (NULL: for FROM itself). */
struct plan_step *steps_add(
    struct building *b, enum plan_step_kind kind, const struct instruction *i);

/* copies.c: COPY and ADD */
int copies_apply(struct building *b, const struct instruction *i);
/** The step that FROM of a named folder means: all of it is copied to /. */
void copies_add_context(struct building *b, size_t context);

/* mounts.c: the flags of RUN */
int mounts_apply(struct building *b, const struct instruction *i, struct plan_step *step);
/* devices.c: RUN --device */
int devices_apply(struct building *b, const struct instruction *i, struct plan_step *step);

/* history.c: texts as the reference frontend writes them */
/** ["a" "b"], as Go's %q. */
void history_add_quoted_list(struct buf *b, const struct strv *v);
/** [a b], as Go's %v. */
void history_add_list(struct buf *b, const struct strv *v);
/** &{["CMD" "x"] "30s" "3s" "0s" "0s" '\x03'}. */
void history_add_healthcheck(struct buf *b, const struct json *healthcheck);
/** "|2 a=1 b=2 " when there are arguments, else nothing. */
void history_add_arguments(struct buf *b, const struct building *building);

/* record.c: what enters the cache key */
void record_run(
    const struct plan_options *options, const struct platform *platform, struct plan_step *step);
void record_copy(struct plan_step *step, const char *chown, const char *chmod);
void record_workdir(struct plan_step *step);

/* plan.c */
/** What @from, of @i's froms, is to a step. Returns 0, or -1 after an error was reported. */
int planner_find_source(struct building *b, const struct instruction *i, const struct word *from,
    enum plan_source *source, size_t *index);
/** A build argument that is for the builder itself (BUILDKIT_...); NULL. */
const char *planner_given(const struct planner *p, const char *name);
/** Counts what the plan grows by. Returns -1, and stops the planning, when that is too much. */
int planner_count(struct building *b, const struct instruction *i, size_t n_bytes);
/**
 * Expands @text, which stands at byte @offset of @i outside of a stage. To be freed; NULL after an error was reported.
 */
char *planner_expand_with(struct planner *p, struct expansion *x, const struct instruction *i,
    const char *text, uint32_t offset);
/** Reports an error at byte @offset of @i. Returns -1. */
int planner_error(
    const struct building *b, const struct instruction *i, uint32_t offset, const struct error *e);
/**
 * Expands @text, which stands at byte @offset of @i. To be freed; NULL after an error was reported.
 */
char *planner_expand(
    struct building *b, const struct instruction *i, const char *text, uint32_t offset);
/** The body of a heredoc, expanded unless its word was quoted. As planner_expand(). */
char *planner_expand_body(
    struct building *b, const struct instruction *i, const struct heredoc *doc);

#endif
