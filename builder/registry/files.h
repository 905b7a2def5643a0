/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files - the user's configuration files: where they are, and reading them.
 */
#ifndef CROZE_REGISTRY_FILES_H
#define CROZE_REGISTRY_FILES_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#define FILES_MAX_BYTES (4U << 20)

/** "$HOME/@name", or NULL without a home; to be freed. */
char *files_home(const char *name);
/** "${XDG_CONFIG_HOME:-~/.config}/@name"; to be freed; NULL without a home. */
char *files_config(const char *name);
/** "${DOCKER_CONFIG:-~/.docker}/config.json"; to be freed; NULL without a home. */
char *files_docker(void);
/** Reads the file at @path: 1, 0 when it is not there (or @path is NULL), -1. */
int files_read(const char *path, struct buf *b, struct error *e);
/** The same as JSON, which must be an object; an empty file is an empty object. */
int files_read_json(const char *path, struct json **j, struct error *e);
/** Names in the directory @path, sorted; 0 when there is none. */
int files_list(const char *path, struct strv *names, struct error *e);
/** Writes @j to @path, 0600, whole or not at all; its folder is made when it is not there. */
int files_write_json(const char *path, const struct json *j, struct error *e);

#endif
