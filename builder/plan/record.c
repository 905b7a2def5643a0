/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - the canonical text of what a step's cache key is made of, as far as the plan knows it.
 *
 * JSON with sorted members, so that two records can be compared member by member when somebody asks
 * why a step ran again. Metadata steps have none: what they change enters the RUNs behind them.
 */
#include "builder/plan/planner.h"

#include "runtime/base/json.h"
#include "runtime/base/mem.h"

static void
finish(struct plan_step *step, struct json *object)
{
	struct buf b = { 0 };

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

void
record_run(struct plan_step *step)
{
	autojson struct json *object = json_new_object();
	auto(strv) struct strv env = { 0 };

	strv_copy(&env, &step->env);
	strv_sort(&env);
	json_set_text(object, "kind", "RUN");
	json_set(object, "argv", json_new_strv(&step->argv));
	json_set(object, "env", json_new_strv(&env));
	json_set_text(object, "user", step->user);
	json_set_text(object, "workdir", step->workdir);
	set_files(object, step);
	finish(step, object);
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
