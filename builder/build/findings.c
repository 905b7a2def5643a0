/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings - what will go wrong with the image that was built, or should not be in it.
 *
 * The files are looked at in a worker: a stranger's file that makes it fail costs the answer, not the build.
 */
#include "builder/build/findings.h"

#include "builder/dockerfile/lint.h"
#include "builder/dockerfile/rules.h"
#include "runtime/base/mem.h"

#include <inttypes.h>
#include <string.h>

#define FINDINGS_VERSION 1
#define FINDINGS_MAX 100

static void
findings_release(struct findings *f)
{
	for (size_t n = 0; n < f->count; n++) {
		free(f->items[n].text);
		free(f->items[n].fix);
	}
	free(f->items);
	*f = (struct findings){ 0 };
}

static void
add(struct findings *f, const struct finding *finding)
{
	(void)xgrow(&f->items, f->count, &f->room, sizeof(*f->items));
	f->items[f->count++] = *finding;
}

void
findings_add(struct look *l, const char *rule, uint32_t line, char *text, char *fix)
{
	if (l->found->count < FINDINGS_MAX) {
		add(l->found, &(struct finding){ rule, line, text, fix });
		return;
	}
	free(text);
	free(fix);
}

uint32_t
findings_line(const struct build *b, enum instruction_kind kind)
{
	const struct plan_stage *stage = &b->plan.stages[b->plan.target];

	for (const struct plan_stage *s = stage;; s = &b->plan.stages[s->base]) {
		for (size_t n = s->n_steps; n > 0; n--) {
			const struct instruction *i = s->steps[n - 1].instruction;

			if (i && i->def->kind == kind)
				return s->steps[n - 1].line;
		}
		if (s->base_kind != PLAN_BASE_STAGE)
			return stage->line;
	}
}

bool
findings_is_brought(const struct look *l, const char *path)
{
	const struct final_layer *layer = final_tree_layer(&l->tree, path);

	return layer && !layer->is_base;
}

uint32_t
findings_line_of(const struct look *l, const char *path, uint32_t other)
{
	return findings_is_brought(l, path) ? final_tree_layer(&l->tree, path)->line : other;
}

/* ---- keeping the answer ---- */

static struct json *
to_json(const struct findings *f)
{
	struct json *object = json_new_object(), *list;

	json_set(object, "version", json_new_u64(FINDINGS_VERSION));
	json_set(object, "root", json_new_bool(f->runs_as_root));
	list = json_set(object, "findings", json_new_array());
	for (size_t n = 0; n < f->count; n++) {
		struct json *item = json_append(list, json_new_object());

		json_set_text(item, "rule", f->items[n].rule);
		json_set(item, "line", json_new_u64(f->items[n].line));
		json_set_text(item, "text", f->items[n].text);
		json_set_text(item, "fix", f->items[n].fix);
	}
	return object;
}

/* false: not of this version. */
static bool
from_json(const struct json *object, struct findings *f)
{
	const struct json *list = json_get(object, "findings");
	struct error ignored = ERROR_INIT;
	uint64_t version = 0;

	if (json_read_u64(object, "version", "findings", &version, &ignored) < 0 ||
	    version != FINDINGS_VERSION)
		return false;
	f->runs_as_root = json_is_true(json_get(object, "root"));
	for (size_t n = 0; n < json_count(list); n++) {
		const struct json *item = json_at(list, n);
		const char *rule = json_text(json_get(item, "rule"));
		const char *text = json_text(json_get(item, "text"));
		const char *fix = json_text(json_get(item, "fix"));
		const struct rule_def *def = rule ? rule_find(rule) : NULL;
		uint64_t line = 0;

		if (!def || !text || !fix ||
		    json_read_u64(item, "line", "findings", &line, &ignored) < 0 ||
		    line > UINT32_MAX)
			return false;
		add(f, &(struct finding){ def->name, (uint32_t)line, xstrdup(text), xstrdup(fix) });
	}
	return true;
}

static void
key_of(const struct build *b, struct digest *key)
{
	autohash struct hash *hash = hash_new();
	char text[DIGEST_TEXT_LEN + 1];

	hash_add_text(hash, "findings");
	hash_add_u64(hash, FINDINGS_VERSION);
	hash_add_text(hash, digest_text(&b->product.images[b->plan.current].manifest.digest, text));
	hash_add_text(hash, b->options->target ? b->options->target : "");
	hash_add_text(hash, b->file.text);
	hash_finish(hash, key);
}

/* ---- looking ---- */

static int
look_at_all(struct look *l, struct error *e)
{
	if (final_tree_open(&l->tree, l->b, e) < 0 || findings_start(l, e) < 0)
		return -1;
	findings_zone(l);
	return findings_secrets(l, e);
}

static int
look_main(void *arg, struct buf *result, struct error *e)
{
	struct build *b = arg;
	struct findings found = { 0 };
	struct look l = {
		.b = b, .config = b->plan.stages[b->plan.target].config, .found = &found
	};
	struct json *object;
	int ok = look_at_all(&l, e);

	final_tree_release(&l.tree);
	user_release(&l.user);
	if (ok < 0)
		return -1;
	object = to_json(&found);
	json_write(object, 0, result);
	json_free(object);
	return 0;
}

static int
find(struct build *b, struct findings *f, struct error *e)
{
	autojson struct json *record = NULL;
	struct digest key;

	key_of(b, &key);
	if (!b->options->no_cache && store_step_get(b->store, &key, &record, e) < 0)
		return -1;
	if (record && from_json(record, f))
		return 0;
	findings_release(f);
	json_free(record);
	record = state_ask_worker(b, look_main, b, e); /* strangers made the files */
	if (!record)
		return -1;
	if (!from_json(record, f))
		return error_set(e, ERR_SYSTEM, "the worker's answer is none");
	return store_step_put(b->store, &key, record, e);
}

/* ---- telling ---- */

static size_t
tell(struct build *b, const struct findings *f)
{
	const char *given = env_get(&b->options->build_args, "BUILDKIT_DOCKERFILE_CHECK");
	size_t n_errors = 0;

	for (size_t n = 0; n < f->count; n++) {
		const struct finding *item = &f->items[n];
		bool error = false;

		if (!lint_wants(&b->file, given, item->rule, item->line, &error))
			continue;
		n_errors += error;
		progress_warn(b->progress, "%s:%" PRIu32 ": %s (%s)", b->dockerfile.path,
		    item->line, item->text, item->rule);
		progress_note(
		    b->progress, "%s:%" PRIu32 ": %s", b->dockerfile.path, item->line, item->fix);
	}
	return n_errors;
}

static int
keep_policy(const struct build *b, const struct findings *f, struct error *e)
{
	const char *user = b->plan.stages[b->plan.target].config->user;

	if (!b->options->require_nonroot || !f->runs_as_root)
		return 0;
	error_set(e, ERR_POLICY, "%s:%" PRIu32 ": the policy require-nonroot is not kept: %s%s%s",
	    b->dockerfile.path, findings_line(b, INSTRUCTION_USER),
	    user && *user ? "USER " : "no USER is set, so the image runs as root",
	    user && *user ? user : "", user && *user ? " is root" : "");
	return error_hint(e, "name another user in the last stage: USER 65532:65532; the image was "
			     "made, its outputs "
			     "were not");
}

int
findings_report(struct build *b, struct error *e)
{
	struct findings found = { 0 };
	struct error problem = ERROR_INIT;
	size_t n_errors;
	int ok;

	if (find(b, &found, &problem) < 0) {
		findings_release(&found);
		if (b->options->require_nonroot) {
			*e = problem;
			return error_ctx(e, "the policy require-nonroot cannot be checked");
		}
		progress_warn(b->progress, "the image was not looked at: %s", problem.text);
		return 0;
	}
	n_errors = tell(b, &found);
	ok = keep_policy(b, &found, e);
	findings_release(&found);
	if (ok < 0 || n_errors == 0)
		return ok;
	error_set(e, ERR_POLICY, "%s: %zu finding%s in the image, and '# check=error=true'",
	    b->dockerfile.path, n_errors, n_errors == 1 ? "" : "s");
	return error_hint(e, "the image was made, its outputs were not");
}
