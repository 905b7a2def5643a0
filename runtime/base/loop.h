/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - one thread waiting for descriptors, processes, timers and signals (epoll).
 */
#ifndef CROZE_BASE_LOOP_H
#define CROZE_BASE_LOOP_H

#include "runtime/base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct loop;
struct loop_source;

/** @events: EPOLLIN and so on. Return 0, or -1 with @e to end loop_run() with that error. */
typedef int loop_fd_fn(void *arg, int fd, uint32_t events, struct error *e);
/** @status as from waitpid(2). The source is gone when this is called. */
typedef int loop_child_fn(void *arg, pid_t pid, int status, struct error *e);
typedef int loop_timer_fn(void *arg, struct error *e);
typedef int loop_signal_fn(void *arg, int signal, struct error *e);

struct loop *loop_new(struct error *e);
void loop_free(struct loop *loop);

/** @fd stays the caller's. Several sources on one descriptor are not possible. */
struct loop_source *loop_add_fd(
    struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg, struct error *e);
/** Watches child @pid through a pidfd (or SIGCHLD where pidfds are refused) and reaps it. */
struct loop_source *loop_add_child(
    struct loop *loop, pid_t pid, loop_child_fn *fn, void *arg, struct error *e);
/** First after @first_ms, then every @repeat_ms (0: once; the source is then gone). */
struct loop_source *loop_add_timer(struct loop *loop, uint64_t first_ms, uint64_t repeat_ms,
    loop_timer_fn *fn, void *arg, struct error *e);
/** Blocks @signal and delivers it here; loop_free() restores the mask. */
struct loop_source *loop_add_signal(
    struct loop *loop, int signal, loop_signal_fn *fn, void *arg, struct error *e);
void loop_remove(struct loop_source *source); /* NULL is fine; safe inside callbacks */
void loop_set_events(struct loop_source *source, uint32_t events);

/** Runs until loop_stop() or until a callback fails. Returns 0 or -1 with @e. */
int loop_run(struct loop *loop, struct error *e);
void loop_stop(struct loop *loop);

#endif
