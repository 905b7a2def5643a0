/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_write - the JSON of an image config: what was read, patched with what is known.
 *
 * Empty members are left out, as docker does, so that a config does not depend on how its members came to be empty.
 */
#include "builder/image/config.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

static void
put_text(struct json *object, const char *key, const char *text)
{
	if (text && *text)
		json_set_text(object, key, text);
	else
		json_remove(object, key);
}

static void
put_list(struct json *object, const char *key, const struct strv *list)
{
	if (list->count > 0)
		json_set(object, key, json_new_strv(list));
	else
		json_remove(object, key);
}

static void
put_set(struct json *object, const char *key, const struct strv *set)
{
	struct json *members;

	json_remove(object, key);
	if (set->count == 0)
		return;
	members = json_set(object, key, json_new_object());
	for (size_t i = 0; i < set->count; i++)
		json_set(members, set->items[i], json_new_object());
}

static void
put_time(struct json *object, bool has, const struct timespec *time)
{
	auto(buf) struct buf b = { 0 };

	json_remove(object, "created");
	if (!has)
		return;
	text_add_rfc3339(&b, time);
	json_set_text(object, "created", buf_text(&b));
}

static void
put_labels(struct json *object, const struct map *labels)
{
	struct json *members;

	json_remove(object, "Labels");
	if (labels->count == 0)
		return;
	members = json_set(object, "Labels", json_new_object());
	for (size_t i = 0; i < labels->count; i++)
		json_set_text(members, labels->items[i].key, (const char *)labels->items[i].value);
}

static void
put_run_members(struct json *j, const struct image_config *c)
{
	struct json *config = json_get_mutable(j, "config");

	if (json_type(config) != JSON_OBJECT)
		config = json_set(j, "config", json_new_object());
	put_text(config, "User", c->user);
	put_text(config, "WorkingDir", c->workdir);
	put_text(config, "StopSignal", c->stop_signal);
	put_list(config, "Env", &c->env);
	put_list(config, "Cmd", &c->cmd);
	put_list(config, "Entrypoint", &c->entrypoint);
	put_list(config, "Shell", &c->shell);
	put_list(config, "OnBuild", &c->onbuild);
	put_set(config, "Volumes", &c->volumes);
	put_set(config, "ExposedPorts", &c->ports);
	put_labels(config, &c->labels);
	json_remove(config, "ArgsEscaped");
	if (c->args_escaped)
		json_set(config, "ArgsEscaped", json_new_bool(true));
	json_remove(config, "Healthcheck");
	if (c->healthcheck)
		json_set(config, "Healthcheck", json_copy(c->healthcheck));
}

static void
put_rootfs(struct json *j, const struct image_config *c)
{
	struct json *rootfs = json_set(j, "rootfs", json_new_object());
	struct json *ids = json_set(rootfs, "diff_ids", json_new_array());
	char text[DIGEST_TEXT_LEN + 1];

	json_set_text(rootfs, "type", "layers");
	for (size_t i = 0; i < c->n_diff_ids; i++)
		json_append(ids, json_new_text(digest_text(&c->diff_ids[i], text)));
}

static void
put_history(struct json *j, const struct image_config *c)
{
	struct json *rows;

	json_remove(j, "history");
	if (c->n_history == 0)
		return;
	rows = json_set(j, "history", json_new_array());
	for (size_t i = 0; i < c->n_history; i++) {
		const struct history *h = &c->history[i];
		struct json *row = json_append(rows, json_new_object());

		put_time(row, h->has_created, &h->created);
		put_text(row, "created_by", h->created_by);
		put_text(row, "author", h->author);
		put_text(row, "comment", h->comment);
		if (h->empty_layer)
			json_set(row, "empty_layer", json_new_bool(true));
	}
}

void
image_config_write(const struct image_config *c, struct buf *b)
{
	autojson struct json *j = c->raw ? json_copy(c->raw) : json_new_object();

	put_time(j, c->has_created, &c->created);
	put_text(j, "author", c->author);
	json_remove(j, "variant");
	platform_write(&c->platform, j);
	put_run_members(j, c);
	put_rootfs(j, c);
	put_history(j, c);
	json_write(j, JSON_SORTED, b);
}
