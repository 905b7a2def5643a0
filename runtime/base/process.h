/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - children: programs and workers, their results and their end.
 */
#ifndef CROZE_BASE_PROCESS_H
#define CROZE_BASE_PROCESS_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** How to start a program. Descriptors not named here are not inherited. */
struct process_spec {
	const char *path; /* absolute path, or a name looked up in PATH */
	char *const *argv;
	char *const *envp; /* NULL: the caller's environment */
	int in, out, err;  /* -1: /dev/null */
	const int *keep;   /* further descriptors, inherited with their numbers */
	size_t n_keep;
	bool own_group; /* it leads a process group of its own */
};

/** Starts it; it dies with its parent (PR_SET_PDEATHSIG). Signal mask and handlers are reset. Returns the pid. An exec failure is reported here. */
pid_t process_spawn(const struct process_spec *spec, struct error *e);
/** A pidfd of @pid, close-on-exec; -1 with errno, ENOSYS or EPERM where there are none. */
int process_pidfd(pid_t pid);
/** For tests: there are none. */
void process_force_no_pidfd(bool on);
bool process_has_no_pidfd(void);
/** Waits for @pid. Returns the status as waitpid(2) gives it. */
int process_wait(pid_t pid, int *status, struct error *e);
/** Runs a program to its end with its stdout in @out (at most @max bytes, may be NULL). Returns the exit status (128+n for a signal) or -1. */
int process_run(const struct process_spec *spec, struct buf *out, size_t max, struct error *e);

/**
 * A worker: a fork without exec that runs @fn and sends back bytes or an error.
 * In the worker, @fn returns 0 with its answer in @result, or -1 with @e; then the worker ends.
 */
typedef int worker_fn(void *arg, struct buf *result, struct error *e);
struct worker {
	pid_t pid;
	int fd; /* the answer comes here */
};
int worker_start(struct worker *w, worker_fn *fn, void *arg, struct error *e);
/** Waits for the end; returns 0 with @result, or -1 with the worker's error (or that it died, and of what). */
int worker_finish(struct worker *w, struct buf *result, struct error *e);
/** Kills and reaps. Safe on a finished one. */
void worker_kill(struct worker *w);

/** Text for an ended child: "exit status 2", "killed by SIGKILL". */
void process_status_text(int status, struct buf *b);
/** The exit status as shells have it, of @status from waitpid(2): 128 + n for signal n. */
int process_exit_status(int status);
/** Looks a program up in PATH and the usual sbin folders; NULL when not there. To be freed. */
char *process_find(const char *name);
/** Path of a helper program of ours: $CROZE_LIBEXEC, beside the running program (uninstalled), or the libexec directory. To be freed. */
char *process_helper(const char *name);
/** The parent of the process that folder @name of procfs (open as @proc) is of; 0: it is gone. */
pid_t process_parent(int proc, const char *name);

#endif
