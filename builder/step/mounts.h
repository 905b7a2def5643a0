/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - what RUN --mount shows a command, opened before it starts and gone after its end.
 */
#ifndef CROZE_BUILDER_STEP_MOUNTS_H
#define CROZE_BUILDER_STEP_MOUNTS_H

#include "builder/plan/plan.h"
#include "builder/step/agents.h"
#include "builder/step/chain.h"
#include "builder/store/mounts.h"
#include "builder/store/store.h"
#include "runtime/sandbox/container.h"

#include <stddef.h>

/** A --secret. */
struct run_secret {
	const char *id;
	const void *bytes;
	size_t length;
};

/** Where the files of a mount are, when it has some. */
struct run_source {
	struct chain chain;
	const char *path; /* in them; links are resolved inside */
	char *name;       /* for messages: "stage 'builder'" */
};

void run_source_release(struct run_source *source);

/** How a container comes to see them. */
enum mounts_way {
	MOUNTS_BOUND,    /* they are mounted */
	MOUNTS_ANSWERED, /* the container's calls are answered as if they were (emulate.h) */
	MOUNTS_MOVED, /* they are moved to their places (standin.h): each is a copy of the step's own, or a cache that it has alone */
};

/** Told what a user should know: that a lock is waited for. */
typedef void mounts_note_fn(void *arg, const char *text);

struct mounts_request {
	struct store *store;
	const struct plan_step *step;
	const struct run_source *sources; /* one for each of the step's mounts */
	const struct run_secret *secrets;
	size_t n_secrets;
	const struct run_agent *agents;
	size_t n_agents;
	enum mounts_way way;
	bool recorded;        /* owners are records: one id alone is mapped (seccomp/owner.h) */
	mounts_note_fn *note; /* may be NULL */
	void *note_arg;
};

struct mounts;

/**
 * Opens all mounts of the step; waits for locked caches. ERR_USAGE when something required was not given, ERR_STEP when a source
 * is not there, each with the mount's target. NULL on failure.
 */
struct mounts *mounts_open(const struct mounts_request *request, struct error *e);
/** For the container, parents before what is in them; valid until mounts_close(). */
const struct container_mount *mounts_items(const struct mounts *m, size_t *count);
/** NAME=value of secrets and SSH_AUTH_SOCK, for the command's environment and nothing else. */
const struct strv *mounts_environment(const struct mounts *m);
/** Releases an environment that those values were added to; none of them stays in memory. */
void mounts_wipe(struct strv *environment);
/** Gives @fs, a cache mount without files, the owner (@recorded: as a record) and the mode that @spec asks for. */
int mounts_give_cache(int fs, const struct mountspec *spec, bool recorded, struct error *e);
/** After the container's end, however it ended, where mounts are moved: sees to it that caches have their files for themselves again. */
int mounts_take_back(struct mounts *m, struct error *e);
/** After the command's end: unmounts, ends what served agents, forgets writes, lets go of locks. NULL is fine. */
void mounts_close(struct mounts *m);

#endif
