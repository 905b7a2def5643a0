/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - RUN: a command in a container over the files of the steps before it.
 */
#ifndef CROZE_BUILDER_STEP_RUN_H
#define CROZE_BUILDER_STEP_RUN_H

#include "builder/plan/plan.h"
#include "builder/step/chain.h"
#include "builder/step/limits.h"
#include "builder/step/mounts.h"
#include "builder/store/store.h"
#include "runtime/sandbox/binfmt.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/userns.h"

#include <stdbool.h>
#include <stdint.h>

/** What all commands of a build share. */
struct run_environment {
	struct userns userns;
	struct binfmt binfmt; /* for commands of other platforms */
	bool chroot;          /* without namespaces: jail.h */
	enum netns_mode network;
	const struct egress_rule
	    *egress; /* with NETNS_DEFAULT all that may be reached; none: everything outside */
	size_t n_egress;
	struct netns netns;
	int resolv_conf; /* file that becomes /etc/resolv.conf; -1: none */
	const char
	    *hostname; /* of commands whose step has none of its own; NULL: docker's for builds */
	char *host_lines; /* of /etc/hosts, besides those of the machine itself */
	int hosts;        /* /etc/hosts for that name */
	int points;       /* the lowest layer of every command's files; see points.h */
	const struct limits *limits;
	bool emulate;      /* no chroot either: emulate.h */
	uint64_t shm_size; /* bytes; 0: the default */
	const struct strv *proxies;
	const struct run_secret *secrets;
	size_t n_secrets;
	const struct run_agent *agents;
	size_t n_agents;
	struct container_kit
	    *kit; /* made by the process that runs the steps, after it was forked */
};

/** A host name with its address, for /etc/hosts. */
struct run_host {
	const char *name;
	const char *address;
};

/** Files with a command's changes, kept from a step that changed nothing for the next one over the same snapshots. */
struct run_files {
	struct snapshot_writer upper;
	int root; /* the mount; -1: there is none */
	struct chain parents;
};

#define RUN_FILES_INIT                                    \
	{                                                 \
		.upper = SNAPSHOT_WRITER_INIT, .root = -1 \
	}

struct run_request {
	struct store *store;
	const struct run_environment *environment;
	const struct plan_step *step;
	const struct chain *parents;
	const struct run_source *sources; /* one for each mount of the step; NULL: none has files */
	mounts_note_fn *note;             /* what a user should know meanwhile; may be NULL */
	mounts_note_fn *warn;             /* of what is dangerous; may be NULL */
	void *note_arg;                   /* of both */
	struct run_files *files;          /* of the process that runs one step after the other */
	int log;                          /* standard output and error of the command */
};

struct run_result {
	bool ran; /* the command was started */
	int exit_status; /* of the command; 128+n for a signal; 127 and 126 when it could not be executed */
	double cpu_seconds;
	struct json *reached; /* what was reached, as egress_take(); NULL: not known. To be freed */
	bool empty;           /* no path was changed: there is no snapshot */
	char snapshot[SNAPSHOT_ID_MAX + 1];
};

/**
 * Opens the network and writes the files that commands see. In the namespaces of userns_enter(), whose result
 * is in @environment already.
 */
int run_environment_open(struct run_environment *environment, struct store *store,
    const struct run_host *hosts, size_t n_hosts, struct error *e);
void run_environment_close(struct run_environment *environment);
/** Sees to it that commands for @platform run. ERR_HOST with what would mend it. */
int run_environment_serve(
    struct run_environment *environment, const struct platform *platform, struct error *e);

/**
 * Runs the step and makes a snapshot of what it changed. ERR_STEP when the command ended with another status than 0 or could not be
 * started; nothing is kept then.
 */
int run_step(const struct run_request *request, struct run_result *result, struct error *e);
void run_files_release(struct run_files *files);

#endif
