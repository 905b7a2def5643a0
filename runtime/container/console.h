/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console - between the user's terminal and a container: bytes, window size, signals.
 *
 * A container never gets a descriptor of the user's terminal: with one it could read what is typed elsewhere, or type itself.
 * What is no terminal (a pipe, a file) is passed on as it is.
 */
#ifndef CROZE_CONTAINER_CONSOLE_H
#define CROZE_CONTAINER_CONSOLE_H

#include "runtime/base/error.h"
#include "runtime/sandbox/container.h"

#include <stdbool.h>

enum console_flags {
	CONSOLE_INPUT = 1 << 0,    /* -i: what is typed or piped goes in */
	CONSOLE_TERMINAL = 1 << 1, /* -t: the container has a terminal of its own */
};

struct console {
	enum console_flags flags;
	int in_write; /* to the container's standard input; -1 */
	int out_read; /* from its standard output and error; -1 */
	int err_read;
	int given[3]; /* what the container gets; -1: its /dev/null */
};

#define CONSOLE_INIT                                                                    \
	{                                                                               \
		.in_write = -1, .out_read = -1, .err_read = -1, .given = { -1, -1, -1 } \
	}

/** Opens pipes where the streams of this process are terminals, and sets them in @spec, with the window's size. */
int console_open(
    struct console *c, enum console_flags flags, struct container_spec *spec, struct error *e);
/**
 * Relays until the container ends and all it wrote was shown; SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go to its
 * first process; one that does nothing about them is ended, as it would be outside. The terminal is as before when this returns, in every case. @status as from waitpid(2).
 */
int console_run(struct console *c, const struct container *container, int *status, struct error *e);
void console_close(struct console *c);

#endif
