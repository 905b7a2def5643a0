/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files - files, sockets and descriptors that callers name: pid files, console sockets, preserved descriptors.
 *
 * They are found before namespaces are entered, and used afterwards.
 */
#ifndef CROZE_CONTAINER_FILES_H
#define CROZE_CONTAINER_FILES_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <sys/types.h>

/** Where a file will be written. */
struct file_place {
	int dir; /* -1: nowhere */
	char *name;
};

#define FILE_PLACE_INIT   \
	{                 \
		.dir = -1 \
	}

/** @path may be NULL. */
int file_find(const char *path, struct file_place *place, struct error *e);
/** Whole or not at all: somebody may be waiting for the file. */
int file_write_pid(const struct file_place *place, pid_t pid, struct error *e);
void file_remove(const struct file_place *place);
void file_release(struct file_place *place);

/** Connects to the stream socket at @path, however long that is. */
int file_connect(const char *path, struct error *e);

/** Are descriptors 3 to 2 + @n open? ERR_USAGE. To be called before others are opened. */
int file_check_preserved(int n, struct error *e);
/**
 * How many of the caller's descriptors systemd's socket activation has for the command (sd_listen_fds(3)); 0 when none.
 */
int file_activated(void);
/**
 * Tells the command of them; @preserved is how many it has. Returns what container_spec.own_pid is to be, within @env, as the value of
 * LISTEN_PID must be the number of the very process (sd_listen_fds(3)).
 */
char *file_add_activation(struct strv *env, int preserved);

#endif
