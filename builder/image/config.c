/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - the image config: holding it, changing it, reading it. Writing is in config_write.c.
 */
#include "builder/image/config.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#define HISTORY_MAX 65536
#define DIFF_IDS_MAX 4096

void
image_config_clear_history(struct image_config *c)
{
	for (size_t i = 0; i < c->n_history; i++) {
		free(c->history[i].created_by);
		free(c->history[i].comment);
		free(c->history[i].author);
	}
	free(c->history);
	c->history = NULL;
	c->n_history = 0;
}

void
image_config_release(struct image_config *c)
{
	json_free(c->raw);
	free(c->author);
	platform_release(&c->platform);
	free(c->user);
	free(c->workdir);
	free(c->stop_signal);
	strv_release(&c->env);
	strv_release(&c->cmd);
	strv_release(&c->entrypoint);
	strv_release(&c->shell);
	strv_release(&c->onbuild);
	strv_release(&c->volumes);
	strv_release(&c->ports);
	map_release_with(&c->labels, free);
	json_free(c->healthcheck);
	free(c->diff_ids);
	image_config_clear_history(c);
	*c = (struct image_config){ 0 };
}

static char *
copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void
image_config_copy(struct image_config *to, const struct image_config *from)
{
	struct image_config copy = {
		.has_created = from->has_created,
		.created = from->created,
		.author = copy_text(from->author),
		.user = copy_text(from->user),
		.workdir = copy_text(from->workdir),
		.stop_signal = copy_text(from->stop_signal),
		.args_escaped = from->args_escaped,
	};

	copy.raw = from->raw ? json_copy(from->raw) : NULL;
	platform_copy(&copy.platform, &from->platform);
	strv_copy(&copy.env, &from->env);
	strv_copy(&copy.cmd, &from->cmd);
	strv_copy(&copy.entrypoint, &from->entrypoint);
	strv_copy(&copy.shell, &from->shell);
	strv_copy(&copy.onbuild, &from->onbuild);
	strv_copy(&copy.volumes, &from->volumes);
	strv_copy(&copy.ports, &from->ports);
	for (size_t i = 0; i < from->labels.count; i++)
		image_config_set_label(
		    &copy, from->labels.items[i].key, (const char *)from->labels.items[i].value);
	copy.healthcheck = from->healthcheck ? json_copy(from->healthcheck) : NULL;
	for (size_t i = 0; i < from->n_diff_ids; i++)
		image_config_add_diff_id(&copy, &from->diff_ids[i]);
	for (size_t i = 0; i < from->n_history; i++)
		image_config_add_history(&copy, &from->history[i]);
	image_config_release(to);
	*to = copy;
}

void
image_config_init_scratch(struct image_config *c, const struct platform *platform)
{
	*c = (struct image_config){ 0 };
	platform_copy(&c->platform, platform);
}

void
image_config_set_label(struct image_config *c, const char *key, const char *value)
{
	free(map_set(&c->labels, key, xstrdup(value)));
}

void
image_config_unset_label(struct image_config *c, const char *key)
{
	struct map kept = { 0 };

	for (size_t i = 0; i < c->labels.count; i++) {
		if (strcmp(c->labels.items[i].key, key) == 0)
			free(c->labels.items[i].value);
		else
			(void)map_set(&kept, c->labels.items[i].key, c->labels.items[i].value);
	}
	map_release(&c->labels);
	c->labels = kept;
}

const char *
image_config_label(const struct image_config *c, const char *key)
{
	return map_get(&c->labels, key);
}

void
image_config_add_to_set(struct strv *set, const char *text)
{
	if (strv_has(set, text))
		return;
	strv_add(set, text);
	strv_sort(set);
}

void
image_config_set_text(char **member, const char *text)
{
	char *copy = text && *text ? xstrdup(text) : NULL;

	free(*member);
	*member = copy;
}

void
image_config_add_diff_id(struct image_config *c, const struct digest *diff_id)
{
	c->diff_ids = xrealloc(c->diff_ids, c->n_diff_ids + 1, sizeof(*c->diff_ids));
	c->diff_ids[c->n_diff_ids++] = *diff_id;
}

void
image_config_add_history(struct image_config *c, const struct history *h)
{
	c->history = xrealloc(c->history, c->n_history + 1, sizeof(*c->history));
	c->history[c->n_history++] = (struct history){
		.has_created = h->has_created,
		.created = h->created,
		.created_by = copy_text(h->created_by),
		.comment = copy_text(h->comment),
		.author = copy_text(h->author),
		.empty_layer = h->empty_layer,
	};
}

void
image_config_align_history(struct image_config *c)
{
	static char comment[] = "buildkit.exporter.image.v0";
	size_t n_layers = 0;

	for (size_t i = 0; i < c->n_history; i++) {
		if (c->history[i].empty_layer)
			continue;
		if (n_layers == c->n_diff_ids)
			c->history[i].empty_layer = true;
		else
			n_layers++;
	}
	for (; n_layers < c->n_diff_ids; n_layers++)
		image_config_add_history(c, &(struct history){
						.has_created = c->has_created,
						.created = c->created,
						.comment = comment,
					    });
}

int
image_config_check_layers(const struct image_config *c, size_t n_layers, struct error *e)
{
	if (c->n_diff_ids == n_layers)
		return 0;
	return error_set(e, ERR_INPUT, "the manifest has %zu layers, but the config %zu diff IDs",
	    n_layers, c->n_diff_ids);
}

void
image_config_chain_id(const struct image_config *c, size_t count, struct digest *chain_id)
{
	char text[2 * DIGEST_TEXT_LEN + 2];

	*chain_id = c->diff_ids[0];
	for (size_t i = 1; i < count; i++) {
		(void)digest_text(chain_id, text);
		text[DIGEST_TEXT_LEN] = ' ';
		(void)digest_text(&c->diff_ids[i], text + DIGEST_TEXT_LEN + 1);
		digest_of(text, 2 * DIGEST_TEXT_LEN + 1, chain_id);
	}
}

/* ---- reading ---- */

static int
read_copy(const struct json *j, const char *key, const char *path, char **member, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, key, path, &text, e) < 0)
		return -1;
	if (text && *text)
		*member = xstrdup(text);
	return 0;
}

static int
read_time(const struct json *j, const char *path, bool *has, struct timespec *time, struct error *e)
{
	const char *text = NULL;

	if (json_read_text(j, "created", path, &text, e) < 0)
		return -1;
	if (!text || !*text)
		return 0;
	if (parse_rfc3339(text, time, e) < 0)
		return error_ctx(e, "'%s%screated'", path, *path ? "." : "");
	*has = true;
	return 0;
}

/* An object whose members' values say nothing: {"80/tcp": {}}. */
static int
read_set(const struct json *j, const char *key, const char *path, struct strv *set, struct error *e)
{
	const struct json *object = json_get(j, key);

	if (json_type(object) == JSON_NULL)
		return 0;
	if (json_type(object) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'%s.%s' must be an object", path, key);
	for (size_t i = 0; i < json_count(object); i++)
		strv_add(set, json_key_at(object, i));
	strv_sort(set);
	return 0;
}

static int
read_labels(const struct json *j, struct image_config *c, struct error *e)
{
	const struct json *labels = json_get(j, "Labels");

	if (json_type(labels) == JSON_NULL)
		return 0;
	if (json_type(labels) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'config.Labels' must be an object");
	for (size_t i = 0; i < json_count(labels); i++) {
		const char *value = json_text(json_at(labels, i));

		if (!value)
			return error_set(e, ERR_INPUT, "'config.Labels' must hold strings only");
		image_config_set_label(c, json_key_at(labels, i), value);
	}
	return 0;
}

/* A name that is set twice has the last value, at the first place. */
static int
read_env(const struct json *j, struct image_config *c, struct error *e)
{
	auto(strv) struct strv read = { 0 };

	if (json_read_strv(j, "Env", "config", &read, e) < 0)
		return -1;
	for (size_t i = 0; i < read.count; i++) {
		char *equals = strchr(read.items[i], '=');

		if (!equals || equals == read.items[i]) {
			if (!strv_has(&c->env, read.items[i]))
				strv_add(&c->env, read.items[i]);
			continue;
		}
		*equals = '\0';
		env_set(&c->env, read.items[i], equals + 1);
	}
	return 0;
}

static int
read_run_members(const struct json *j, struct image_config *c, struct error *e)
{
	const struct json *healthcheck = json_get(j, "Healthcheck");

	if (json_type(j) == JSON_NULL)
		return 0;
	if (json_type(j) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'config' must be an object");
	if (read_copy(j, "User", "config", &c->user, e) < 0 ||
	    read_copy(j, "WorkingDir", "config", &c->workdir, e) < 0 ||
	    read_copy(j, "StopSignal", "config", &c->stop_signal, e) < 0 || read_env(j, c, e) < 0 ||
	    json_read_strv(j, "Cmd", "config", &c->cmd, e) < 0 ||
	    json_read_strv(j, "Entrypoint", "config", &c->entrypoint, e) < 0 ||
	    json_read_strv(j, "Shell", "config", &c->shell, e) < 0 ||
	    json_read_strv(j, "OnBuild", "config", &c->onbuild, e) < 0 ||
	    read_set(j, "Volumes", "config", &c->volumes, e) < 0 ||
	    read_set(j, "ExposedPorts", "config", &c->ports, e) < 0 || read_labels(j, c, e) < 0 ||
	    json_read_bool(j, "ArgsEscaped", "config", &c->args_escaped, e) < 0)
		return -1;
	if (json_type(healthcheck) == JSON_NULL)
		return 0;
	if (json_type(healthcheck) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'config.Healthcheck' must be an object");
	c->healthcheck = json_copy(healthcheck);
	return 0;
}

static int
read_rootfs(const struct json *j, struct image_config *c, struct error *e)
{
	const char *type = NULL;
	auto(strv) struct strv ids = { 0 };

	if (json_type(j) != JSON_OBJECT)
		return error_set(
		    e, ERR_INPUT, j ? "'rootfs' must be an object" : "'rootfs' is missing");
	if (json_read_text(j, "type", "rootfs", &type, e) < 0)
		return -1;
	if (!type || strcmp(type, "layers") != 0)
		return error_set(e, ERR_INPUT, "'rootfs.type' must be \"layers\"");
	if (json_read_strv(j, "diff_ids", "rootfs", &ids, e) < 0)
		return -1;
	if (ids.count > DIFF_IDS_MAX)
		return error_set(e, ERR_INPUT, "'rootfs.diff_ids' has %zu members", ids.count);
	for (size_t i = 0; i < ids.count; i++) {
		struct digest diff_id;

		if (digest_parse(ids.items[i], &diff_id, e) < 0)
			return error_ctx(e, "'rootfs.diff_ids[%zu]'", i);
		image_config_add_diff_id(c, &diff_id);
	}
	return 0;
}

static int
read_history_row(const struct json *j, const char *path, struct image_config *c, struct error *e)
{
	struct history *h;

	if (json_type(j) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "'%s' must be an object", path);
	image_config_add_history(c, &(struct history){ 0 });
	h = &c->history[c->n_history - 1];
	if (read_time(j, path, &h->has_created, &h->created, e) < 0 ||
	    read_copy(j, "created_by", path, &h->created_by, e) < 0 ||
	    read_copy(j, "comment", path, &h->comment, e) < 0 ||
	    read_copy(j, "author", path, &h->author, e) < 0)
		return -1;
	return json_read_bool(j, "empty_layer", path, &h->empty_layer, e);
}

static int
read_history(const struct json *j, struct image_config *c, struct error *e)
{
	char path[64];

	if (json_type(j) == JSON_NULL)
		return 0;
	if (json_type(j) != JSON_ARRAY || json_count(j) > HISTORY_MAX)
		return error_set(
		    e, ERR_INPUT, "'history' must be an array of at most %d", HISTORY_MAX);
	for (size_t i = 0; i < json_count(j); i++) {
		snprintf(path, sizeof(path), "history[%zu]", i);
		if (read_history_row(json_at(j, i), path, c, e) < 0)
			return -1;
	}
	return 0;
}

static int
read_all(struct image_config *c, struct error *e)
{
	if (json_type(c->raw) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "it must be an object");
	if (read_time(c->raw, "", &c->has_created, &c->created, e) < 0 ||
	    read_copy(c->raw, "author", "", &c->author, e) < 0 ||
	    platform_read(c->raw, "", &c->platform, e) < 0 ||
	    read_run_members(json_get(c->raw, "config"), c, e) < 0 ||
	    read_rootfs(json_get(c->raw, "rootfs"), c, e) < 0)
		return -1;
	return read_history(json_get(c->raw, "history"), c, e);
}

int
image_config_parse(const char *text, size_t length, struct image_config *c, struct error *e)
{
	auto(image_config) struct image_config read = { 0 };

	read.raw = json_parse(text, length, e);
	if (!read.raw || read_all(&read, e) < 0)
		return error_ctx(e, "bad image config");
	image_config_release(c);
	*c = read;
	read = (struct image_config){ 0 };
	return 0;
}
