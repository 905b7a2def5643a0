/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the image config: how a container of the image starts, and where the image came from (image-spec,
 * config.md, with docker's Healthcheck, Shell, OnBuild and ArgsEscaped).
 *
 * What is not known here is kept: the JSON that was read is patched on writing.
 */
#ifndef CROZE_IMAGE_CONFIG_H
#define CROZE_IMAGE_CONFIG_H

#include "builder/image/descriptor.h"
#include "runtime/base/map.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct history {
	bool has_created;
	struct timespec created;
	char *created_by; /* this and the next two may be NULL */
	char *comment;
	char *author;
	bool empty_layer;
};

struct image_config {
	struct json *raw; /* as it was read; NULL for a new one */
	bool has_created;
	struct timespec created;
	char *author; /* NULL: none */
	struct platform platform;

	char *user; /* NULL: none; so for the next two */
	char *workdir;
	char *stop_signal;
	struct strv env; /* "NAME=value", unique names */
	struct strv cmd;
	struct strv entrypoint;
	struct strv shell;
	struct strv onbuild;
	struct strv volumes;      /* a set, sorted */
	struct strv ports;        /* "80/tcp"; a set, sorted */
	struct map labels;        /* values are char *, owned here: use the functions below */
	struct json *healthcheck; /* or NULL */
	bool args_escaped;

	struct digest *diff_ids; /* lowest first */
	size_t n_diff_ids;
	struct history *history;
	size_t n_history;
};

void image_config_release(struct image_config *c);
void image_config_copy(struct image_config *to, const struct image_config *from);
/** An image without layers for @platform. */
void image_config_init_scratch(struct image_config *c, const struct platform *platform);
/** ERR_INPUT for a wrong type anywhere, a rootfs that is missing or of another type, a platform that is no plain word. */
int image_config_parse(const char *text, size_t length, struct image_config *c, struct error *e);
/** Appends the JSON, members sorted by name: same content, same bytes. */
void image_config_write(const struct image_config *c, struct buf *b);

void image_config_set_label(struct image_config *c, const char *key, const char *value);
void image_config_unset_label(struct image_config *c, const char *key);
const char *image_config_label(const struct image_config *c, const char *key);
/** Adds to a sorted set (volumes, ports), once. */
void image_config_add_to_set(struct strv *set, const char *text);
/** Replaces the text at @member (user, workdir, stop_signal, author); NULL or "" clears it. */
void image_config_set_text(char **member, const char *text);
void image_config_add_diff_id(struct image_config *c, const struct digest *diff_id);
/** Appends a copy of @h. */
void image_config_add_history(struct image_config *c, const struct history *h);
/** Drops all rows of history. */
void image_config_clear_history(struct image_config *c);
/**
 * Makes the rows of history that have a layer as many as there are layers, for images whose makers kept no or half a
 * history: missing rows are added at the end, rows too many become empty ones.
 */
void image_config_align_history(struct image_config *c);
/** ERR_INPUT unless there are exactly @n_layers diff IDs. */
int image_config_check_layers(const struct image_config *c, size_t n_layers, struct error *e);
/** Chain ID of the @count lowest layers (image-spec, config.md, "Layer ChainID"); @count >= 1. */
void image_config_chain_id(const struct image_config *c, size_t count, struct digest *chain_id);

#endif
