/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - the canonical text of what a step's cache key is made of, as far as the plan knows it.
 *
 * JSON with sorted members, so that two records can be compared member by member when somebody asks
 * why a step ran again. Metadata steps have none: what they change enters the RUNs behind them.
 */
#include "builder/plan/planner.h"

#include "runtime/base/digest.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/unicode.h"

#include <string.h>

/** Adds all texts below @value. Is one of them not UTF-8? */
static bool
hash_texts(const struct json *value, struct hash *hash)
{
	const char *text = json_text(value);
	bool odd = text && unicode_check(text, strlen(text)) < strlen(text);

	if (text)
		hash_add_text(hash, text);
	for (size_t n = 0; n < json_count(value); n++)
		if (hash_texts(json_at(value, n), hash))
			odd = true;
	return odd;
}

/** Bytes that are no UTF-8 are all the same in JSON; what they are is told by a digest of all texts. */
static void
finish(struct plan_step *step, struct json *object)
{
	autohash struct hash *hash = hash_new();
	char text[DIGEST_TEXT_LEN + 1];
	struct digest digest;
	struct buf b = { 0 };

	if (hash_texts(object, hash)) {
		hash_finish(hash, &digest);
		json_set_text(object, "bytes", digest_text(&digest, text));
	}
	json_write(object, JSON_SORTED, &b);
	step->record = buf_steal(&b);
}

static void
set_files(struct json *object, const struct plan_step *step)
{
	struct json *files;

	if (step->n_files == 0)
		return;
	files = json_set(object, "files", json_new_array());
	for (size_t n = 0; n < step->n_files; n++) {
		struct json *file = json_append(files, json_new_object());

		json_set_text(file, "name", step->files[n].name);
		json_set_text(file, "content", step->files[n].content);
	}
}

static void
set_given(struct json *object, const char *key, const char *text)
{
	if (text)
		json_set_text(object, key, text);
}

/** What a mount looks like; what files are in it is the scheduler's to know. */
static struct json *
mount_record(const struct plan_mount *mount)
{
	const struct mountspec *spec = &mount->spec;
	struct json *object = json_new_object();

	json_set_text(object, "type", mount_type_names[spec->type]);
	set_given(object, "target", mount->target);
	set_given(object, "source", spec->source);
	set_given(object, "id", spec->id);
	set_given(object, "env", spec->env);
	if (!spec->read_only)
		json_set_text(object, "access", "rw");
	if (spec->type == MOUNT_CACHE)
		json_set_text(object, "sharing", mount_sharing_names[spec->sharing]);
	if (spec->has_mode)
		json_set(object, "mode", json_new_u64(spec->mode));
	if (spec->has_uid)
		json_set(object, "uid", json_new_u64(spec->uid));
	if (spec->has_gid)
		json_set(object, "gid", json_new_u64(spec->gid));
	if (spec->size > 0)
		json_set(object, "size", json_new_u64(spec->size));
	return object;
}

static void
set_mounts(struct json *object, const struct plan_step *step)
{
	struct json *mounts;

	if (step->n_mounts == 0)
		return;
	mounts = json_set(object, "mounts", json_new_array());
	for (size_t n = 0; n < step->n_mounts; n++)
		json_append(mounts, mount_record(&step->mounts[n]));
}

void
record_run(
    const struct plan_options *options, const struct platform *platform, struct plan_step *step)
{
	autojson struct json *object = json_new_object();
	static const char *const network_names[] = {
		[PLAN_NETWORK_NONE] = "none",
		[PLAN_NETWORK_HOST] = "host",
	};
	auto(strv) struct strv env = { 0 }, devices = { 0 };
	auto(buf) struct buf runs_as = { 0 };

	strv_copy(&env, &step->env);
	strv_sort(&env);
	platform_add_text(&runs_as, platform);
	json_set_text(object, "kind", "RUN");
	/* above an image its digest says so too; above scratch nothing else does */
	json_set_text(object, "platform", buf_text(&runs_as));
	json_set(object, "argv", json_new_strv(&step->argv));
	json_set(object, "env", json_new_strv(&env));
	json_set_text(object, "user", step->user);
	json_set_text(object, "workdir", step->workdir);
	set_files(object, step);
	set_mounts(object, step);
	if (step->network != PLAN_NETWORK_DEFAULT)
		json_set_text(object, "network", network_names[step->network]);
	else if (options->network && strcmp(options->network, "default") != 0)
		json_set_text(object, "network", options->network);
	if (options->hosts && options->hosts->count > 0)
		json_set(object, "hosts", json_new_strv(options->hosts));
	if (options->limits && options->limits->count > 0)
		json_set(object, "limits", json_new_strv(options->limits));
	if (step->insecure)
		json_set_text(object, "security", "insecure");
	if (step->hostname)
		json_set_text(object, "hostname", step->hostname);
	for (size_t n = 0; n < step->n_devices; n++)
		strv_add(&devices, step->devices[n]->full_name);
	if (devices.count > 0)
		json_set(object, "devices", json_new_strv(&devices));
	finish(step, object);
}

/* Where each came from, without user and password; what came is part of the content. */
static void
set_remotes(struct json *object, const struct plan_step *step)
{
	struct json *remotes = json_set(object, "remotes", json_new_array());

	for (size_t n = 0; n < step->n_remotes; n++) {
		autofree char *shown = resource_shown(step->remotes[n].text);

		json_append(remotes, json_new_text(shown));
	}
	if (step->unpack_remotes)
		json_set(object, "unpackRemotes", json_new_bool(true));
	if (step->keep_git_dir)
		json_set(object, "keepGitDir", json_new_bool(true));
}

void
record_copy(struct plan_step *step, const char *chown, const char *chmod)
{
	autojson struct json *object = json_new_object();

	json_set_text(object, "kind", step->kind == PLAN_ADD ? "ADD" : "COPY");
	json_set(object, "sources", json_new_strv(&step->sources));
	json_set_text(object, "destination", step->destination);
	if (step->exclude_texts.count > 0)
		json_set(object, "exclude", json_new_strv(&step->exclude_texts));
	if (step->parents)
		json_set(object, "parents", json_new_bool(true));
	if (step->is_link)
		json_set(object, "link", json_new_bool(true));
	if (step->n_remotes > 0)
		set_remotes(object, step);
	if (step->kind == PLAN_ADD && !step->unpack)
		json_set(object, "unpack", json_new_bool(false));
	if (step->has_chown)
		json_set_text(object, "chown", chown);
	if (step->has_chmod)
		json_set_text(object, "chmod", chmod);
	set_files(object, step);
	finish(step, object);
}

void
record_workdir(struct plan_step *step)
{
	autojson struct json *object = json_new_object();

	json_set_text(object, "kind", "WORKDIR");
	json_set_text(object, "path", step->workdir);
	json_set_text(object, "user", step->user);
	finish(step, object);
}
