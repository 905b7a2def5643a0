/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reasons - why a step is not cached, told from what the last build of the same Dockerfile knew of it.
 *
 * A key is a hash: it tells that something is different, not what. So the members of each step's key are remembered,
 * in one file a Dockerfile, context and target (context/last-<hash>.json), which nothing but these sentences depends on:
 *
 *	{"version":1,"stages":{"builder":[{"record":"...","parent":"sha256:...","input":"sha256:...","files":"..."}]}}
 *
 * "record" is the plan's (record.h), "files" the lines of copy_plan_lines(). Builds that run nothing leave the file alone.
 */
#include "builder/build/state.h"

#include "runtime/base/fd.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_VERSION 1
#define MEMORY_PREFIX "last-"
#define KEEP_SECONDS (30 * 86400)
/* A copy of more paths than that has no "files": its change is told without their number. */
#define FILES_MAX (1U << 20)
#define FILES_MAX_ALL (3U << 20)

/* ---- the file ---- */

static char *
memory_name(const struct build *b)
{
	autohash struct hash *hash = hash_new();
	char hex[DIGEST_HEX_LEN + 1];
	struct digest digest;
	struct stat st = { 0 };

	if (b->context.dir >= 0)
		(void)fstat(b->context.dir, &st); /* open: cannot fail */
	hash_add_u64(hash, st.st_dev);
	hash_add_u64(hash, st.st_ino);
	hash_add_text(hash, b->dockerfile.path);
	hash_add_text(hash, b->options->target ? b->options->target : "");
	hash_finish(hash, &digest);
	digest_hex(&digest, hex);
	return xasprintf(MEMORY_PREFIX "%.32s.json", hex);
}

void
reasons_load(struct build *b)
{
	autofree char *name = memory_name(b);
	auto(buf) struct buf text = { 0 };
	struct error ignored = ERROR_INIT; /* missing or damaged: nothing is remembered */
	uint64_t version = 0;

	if (path_read_file(store_context_dir(b->store), name, &text, JSON_MAX_BYTES, &ignored) < 0)
		return;
	b->last = json_parse(buf_text(&text), text.len, &ignored);
	if (!b->last || json_read_u64(b->last, "version", "last", &version, &ignored) < 0 ||
	    version != MEMORY_VERSION) {
		json_free(b->last);
		b->last = NULL;
	}
}

static const struct json *
last_stage(const struct build *b, const struct stage_state *stage)
{
	return json_get(json_get(b->last, "stages"), state_plan(b, stage)->name);
}

static const char *
member(const struct json *entry, const char *key)
{
	const char *text = json_text(json_get(entry, key));

	return text ? text : "";
}

/* ---- remembering ---- */

static bool
copies_context(const struct plan_step *step)
{
	return (step->kind == PLAN_COPY || step->kind == PLAN_ADD) &&
	       (step->source == PLAN_FROM_CONTEXT || step->source == PLAN_FROM_NAMED_CONTEXT);
}

static void
remember_input(
    const struct step_state *state, const struct json *old, struct json *entry, size_t *room)
{
	char text[DIGEST_TEXT_LEN + 1];
	auto(buf) struct buf lines = { 0 };
	struct copy_stats stats;

	digest_text(&state->content, text);
	json_set_text(entry, "input", text);
	if (!strcmp(member(old, "input"), text)) {
		buf_add_text(&lines, member(old, "files"));
	} else {
		copy_plan_stats(state->copy, &stats);
		if (stats.n_entries < FILES_MAX / 20)
			copy_plan_lines(state->copy, &lines);
	}
	if (!lines.len || lines.len > FILES_MAX || lines.len > *room)
		return;
	*room -= lines.len;
	json_set_text(entry, "files", buf_text(&lines));
}

/* One text for each mount of files, in their order: what is in it. */
static struct json *
mount_inputs(const struct build *b, const struct plan_step *step, const struct step_state *state)
{
	struct json *inputs = json_new_array();

	for (size_t n = 0; n < step->n_mounts; n++) {
		const struct plan_mount *mount = &step->mounts[n];
		char text[DIGEST_TEXT_LEN + 1];

		if (!mount->has_files)
			continue;
		switch (mount->source) {
		case PLAN_FROM_CONTEXT:
		case PLAN_FROM_NAMED_CONTEXT:
			digest_text(&state->mounts[n].content, text);
			json_append(inputs, json_new_text(text));
			break;
		case PLAN_FROM_IMAGE:
			json_append(inputs, json_new_text(state_image(b, mount->from)->id));
			break;
		case PLAN_FROM_STAGE:
			digest_text(&b->stages[mount->from].final_key, text);
			json_append(inputs, json_new_text(text));
			break;
		}
	}
	return inputs;
}

static struct json *
remember_step(const struct build *b, const struct stage_state *stage, size_t index,
    const struct json *old, size_t *room)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	const struct step_state *state = &stage->steps[index];
	struct json *entry;
	char text[DIGEST_TEXT_LEN + 1];
	struct digest parent;

	if (state->status == STEP_MISSING || !keys_base(b, stage, index, &parent))
		return old ? json_copy(old) : json_new_null();
	entry = json_new_object();
	json_set_text(entry, "record", step->record);
	json_set_text(entry, "parent", digest_text(&parent, text));
	if (copies_context(step) && state->copy)
		remember_input(state, old, entry, room);
	if (step->n_mounts > 0)
		json_set(entry, "mounts", mount_inputs(b, step, state));
	return entry;
}

static void
remember_stage(
    const struct build *b, const struct stage_state *stage, struct json *stages, size_t *room)
{
	const struct plan_stage *plan = state_plan(b, stage);
	const struct json *old = last_stage(b, stage);
	struct json *entries = json_new_array();

	for (size_t i = 0; i < plan->n_steps; i++)
		if (step_makes_layer(&plan->steps[i]))
			json_append(entries,
			    remember_step(b, stage, i, json_at(old, json_count(entries)), room));
	json_set(stages, plan->name, entries);
}

bool
reasons_known(const struct build *b)
{
	autofree char *name = memory_name(b);

	return faccessat(store_context_dir(b->store), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Drops what no build has written for KEEP_SECONDS. What cannot be looked at is left for the next time. */
static void
forget_old(const struct build *b)
{
	int dir = store_context_dir(b->store);
	struct error ignored = ERROR_INIT;
	autodir DIR *entries = fd_opendir(dir, &ignored);
	const struct dirent *entry;
	struct stat st;

	while (entries && (entry = readdir(entries)))
		if (text_starts_with(entry->d_name, MEMORY_PREFIX) &&
		    fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < b->started.tv_sec - KEEP_SECONDS)
			(void)unlinkat(
			    dir, entry->d_name, 0); /* another build may have been faster */
}

int
reasons_save(const struct build *b, struct error *e)
{
	autojson struct json *memory = json_new_object();
	autofree char *name = memory_name(b);
	auto(buf) struct buf text = { 0 };
	size_t room = FILES_MAX_ALL;
	struct json *stages;

	if (!reasons_known(b))
		forget_old(b);

	json_set(memory, "version", json_new_u64(MEMORY_VERSION));
	stages = json_set(memory, "stages", json_new_object());
	for (size_t s = 0; s < b->plan.n_stages; s++)
		remember_stage(b, &b->stages[s], stages, &room);
	json_write(memory, 0, &text);
	return path_write_file(
	    store_context_dir(b->store), name, text.data, text.len, 0600, false, e);
}

/* ---- comparing ---- */

static bool
has_record(const struct plan_stage *plan, const char *record)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].record && !strcmp(plan->steps[i].record, record))
			return true;
	return false;
}

/*
 * What was known of the step: one with the same text, else the one in its place that is gone from the stage. NULL: nothing.
 */
static const struct json *
find_entry(
    const struct plan_stage *plan, const struct json *entries, size_t place, const char *record)
{
	const struct json *here = json_at(entries, place);

	if (!strcmp(member(here, "record"), record))
		return here;
	for (size_t i = 0; i < json_count(entries); i++)
		if (!strcmp(member(json_at(entries, i), "record"), record))
			return json_at(entries, i);
	return json_get(here, "record") && !has_record(plan, member(here, "record")) ? here : NULL;
}

static bool
has_text(const struct json *array, const char *text)
{
	for (size_t i = 0; i < json_count(array); i++)
		if (!strcmp(json_text(json_at(array, i)), text))
			return true;
	return false;
}

/* The first variable of @a that is not so in @b. Its value is nobody's business. */
static char *
other_variable(const struct json *a, const struct json *b)
{
	for (size_t i = 0; i < json_count(a); i++) {
		const char *text = json_text(json_at(a, i));

		if (!has_text(b, text))
			return xasprintf(
			    "the variable %.*s changed", (int)strcspn(text, "="), text);
	}
	return NULL;
}

static char *
record_reason(const char *old_text, const char *new_text)
{
	static const struct {
		const char *key;
		const char *reason;
	} members[] = {
		{ "user", "the user changed" },
		{ "workdir", "the working directory changed" },
		{ "network", "the network of the RUN changed" },
	};
	struct error ignored = ERROR_INIT; /* a damaged memory has less to say */
	autojson struct json *old = json_parse(old_text, strlen(old_text), &ignored);
	autojson struct json *new = json_parse(new_text, strlen(new_text), &ignored);
	char *reason;

	if (!old || strcmp(member(old, "kind"), "RUN") || strcmp(member(new, "kind"), "RUN") ||
	    !json_equal(json_get(old, "argv"), json_get(new, "argv")))
		return xstrdup("the instruction changed");
	if (strcmp(member(old, "platform"), member(new, "platform")) != 0)
		return xstrdup("the platform changed"); /* and variables with it */
	reason = other_variable(json_get(new, "env"), json_get(old, "env"));
	if (!reason)
		reason = other_variable(json_get(old, "env"), json_get(new, "env"));
	for (size_t i = 0; !reason && i < ARRAY_LEN(members); i++)
		if (strcmp(member(old, members[i].key), member(new, members[i].key)) != 0)
			reason = xstrdup(members[i].reason);
	return reason ? reason : xstrdup("the instruction changed");
}

/* Files by path, from the lines of copy_plan_lines(); values point into @lines. */
static void
map_lines(const struct strv *lines, struct map *map)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strlen(lines->items[i]) > COPY_LINE_PATH)
			(void)map_set(map, lines->items[i] + COPY_LINE_PATH, lines->items[i]);
}

static size_t
count_other(const struct strv *lines, const struct map *map, bool only_missing, const char **first)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->count; i++) {
		const char *path, *other;

		if (strlen(lines->items[i]) <= COPY_LINE_PATH)
			continue;
		path = lines->items[i] + COPY_LINE_PATH;
		other = map_get(map, path);
		if (other && (only_missing || !strcmp(other, lines->items[i])))
			continue;
		if (count++ == 0 && !*first)
			*first = path;
	}
	return count;
}

static char *
files_reason(const char *old_text, const char *new_text, const char *where)
{
	auto(strv) struct strv old_lines = { 0 }, new_lines = { 0 };
	struct map old = { 0 }, new = { 0 };
	const char *first = NULL;
	char *reason;
	size_t count;

	strv_split(&old_lines, old_text, '\n');
	strv_split(&new_lines, new_text, '\n');
	map_lines(&old_lines, &old);
	map_lines(&new_lines, &new);
	count = count_other(&new_lines, &old, false, &first);
	count += count_other(&old_lines, &new, true, &first);
	if (!count)
		reason = xasprintf("an input changed: the order or the owners in %s", where);
	else if (count == 1)
		reason = xasprintf("an input changed: '%s' of %s", first, where);
	else
		reason = xasprintf(
		    "an input changed: %zu files of %s, '%s' is the first", count, where, first);
	map_release(&old);
	map_release(&new);
	return reason;
}

static char *
input_reason(const struct build *b, const struct plan_step *step, const struct step_state *state,
    const struct json *old)
{
	autofree char *where =
	    step->source == PLAN_FROM_CONTEXT
		? xstrdup("the build context")
		: xasprintf("the context '%s'", b->options->contexts[step->from].name);
	auto(buf) struct buf lines = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (!strcmp(member(old, "input"), digest_text(&state->content, text)))
		return NULL;
	if (!json_get(old, "files"))
		return xasprintf("an input changed: files of %s", where);
	copy_plan_lines(state->copy, &lines);
	return files_reason(member(old, "files"), buf_text(&lines), where);
}

/* The first mount that shows other files. */
static char *
mount_reason(const struct build *b, const struct plan_step *step, const struct step_state *state,
    const struct json *old)
{
	autojson struct json *now = mount_inputs(b, step, state);
	const struct json *then = json_get(old, "mounts");
	size_t k = 0;

	for (size_t n = 0; n < step->n_mounts; n++) {
		if (!step->mounts[n].has_files)
			continue;
		if (json_at(then, k) &&
		    strcmp(json_text(json_at(then, k)), json_text(json_at(now, k))) != 0)
			return xasprintf(
			    "an input changed: files of the mount at '%s'", step->mounts[n].target);
		k++;
	}
	return NULL;
}

/* Something before the step is not as it was. */
static char *
parent_reason(const struct build *b, const struct stage_state *stage, size_t place)
{
	const struct plan_stage *plan = state_plan(b, stage);

	if (place > 0)
		return xstrdup("a step before it changed");
	if (plan->base_kind == PLAN_BASE_STAGE)
		return xasprintf("the stage '%s' changed", b->plan.stages[plan->base].name);
	return xstrdup("the base image changed");
}

static char *
compare(const struct build *b, const struct stage_state *stage, size_t index, size_t place,
    const struct json *old)
{
	const struct plan_step *step = &state_plan(b, stage)->steps[index];
	const struct step_state *state = &stage->steps[index];
	char text[DIGEST_TEXT_LEN + 1];
	struct digest parent;
	char *reason = NULL;

	if (strcmp(member(old, "record"), step->record) != 0)
		return record_reason(member(old, "record"), step->record);
	if (copies_context(step) && state->copy)
		reason = input_reason(b, step, state, old);
	if (step->n_mounts > 0)
		reason = mount_reason(b, step, state, old);
	if (reason)
		return reason;
	if (!keys_base(b, stage, index, &parent) ||
	    strcmp(member(old, "parent"), digest_text(&parent, text)) != 0)
		return parent_reason(b, stage, place);
	if (step->kind != PLAN_COPY || copies_context(step))
		return xstrdup("what was kept of it is gone");
	if (step->source == PLAN_FROM_STAGE)
		return xasprintf(
		    "an input changed: files of stage '%s'", b->plan.stages[step->from].name);
	return xasprintf("an input changed: the image '%s'", b->plan.images[step->from].name);
}

char *
reasons_text(const struct build *b, const struct stage_state *stage, size_t index)
{
	const struct plan_stage *plan = state_plan(b, stage);
	const struct step_state *state = &stage->steps[index];
	const struct json *old;
	size_t place = 0;

	if (!b->last || b->options->no_cache)
		return NULL;
	if (state->status != STEP_MISSING && state->want_tree && !state->record.snapshot)
		return xstrdup("its files are needed, and only its layer is kept");
	if (state->status != STEP_MISSING)
		return xstrdup("its layer is needed, and only its files are kept");
	for (size_t i = 0; i < index; i++)
		place += step_makes_layer(&plan->steps[i]);
	old = find_entry(plan, last_stage(b, stage), place, plan->steps[index].record);
	return old ? compare(b, stage, index, place, old) : xstrdup("never built here");
}
