/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor - croze doctor: what this host lets croze do, found out by trying, and what would mend the rest.
 */
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/progress/terminal.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/probe.h"
#include "runtime/sandbox/tier.h"

#include <stddef.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LABEL_COLUMNS 34
#define STATE_COLUMNS 5

struct doctor_flags {
	const char *root;
	bool json;
	bool kubernetes;
};

const struct option_def doctor_option_table[] = {
	{ .name = "json",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct doctor_flags, json),
	    .help = "for programs" },
	{ .name = "kubernetes",
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct doctor_flags, kubernetes),
	    .help = "the fields of a pod that raise what is possible here" },
	{ .name = "fix", .type = OPTION_REFUSED, .refused = "run the commands it prints" },
	ROOT_OPTION,
	{ 0 },
};

struct findings {
	struct probe_result items[PROBE_COUNT + 2];
	size_t count;
};

static struct probe_result *
add_finding(struct findings *f, const char *label, enum probe_state state)
{
	struct probe_result *result = &f->items[f->count++];

	*result = (struct probe_result){ .id = PROBE_COUNT, .label = label, .state = state };
	return result;
}

static void
find_kernel(struct findings *f)
{
	struct utsname name;
	struct probe_result *result = add_finding(f, "kernel", PROBE_OK);

	if (uname(&name) == 0)
		snprintf(result->text, sizeof(result->text), "%s %s", name.release, name.machine);
}

static void
find_store(struct findings *f, struct store *store, const struct error *e)
{
	struct probe_result *result = add_finding(f, "store", store != NULL ? PROBE_OK : PROBE_NO);
	auto(buf) struct buf text = { 0 };
	struct statvfs fs;

	if (store == NULL) {
		snprintf(result->text, sizeof(result->text), "%.250s", e->text);
		snprintf(result->lost, sizeof(result->lost), "nothing can be kept");
		snprintf(result->fix, sizeof(result->fix), "%.500s", e->hint);
		return;
	}
	buf_add_text(&text, store_path(store));
	if (fstatvfs(store_dir(store), &fs) == 0) {
		buf_add_text(&text, ", ");
		text_add_size(&text, (uint64_t)fs.f_bavail * fs.f_frsize);
		buf_add_text(&text, " free");
	}
	snprintf(result->text, sizeof(result->text), "%.250s", buf_text(&text));
}

static void
find_all(struct findings *f, const char *root)
{
	struct probe_result probes[PROBE_COUNT] = { 0 };
	struct error e = ERROR_INIT;
	autostore struct store *store = store_open(root, 0, &e);

	find_kernel(f);
	probe_all(store != NULL ? store_path(store) : NULL, probes);
	for (size_t i = 0; i < PROBE_COUNT; i++)
		f->items[f->count++] = probes[i];
	find_store(f, store, &e);
}

static bool
has(const struct findings *f, enum probe_id id)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].id == id)
			return f->items[i].state != PROBE_NO;
	return false;
}

/* What a build here would choose, by what was found. */
static enum tier
tier_of(const struct findings *f)
{
	if (has(f, PROBE_USERNS) && has(f, PROBE_CONTAINER) && has(f, PROBE_SUBIDS))
		return TIER_USERNS;
	if (has(f, PROBE_USERNS) && has(f, PROBE_CONTAINER) && has(f, PROBE_NOTIFY))
		return TIER_USERNS_SINGLE;
	if (has(f, PROBE_CHROOT))
		return TIER_CHROOT;
	return has(f, PROBE_EMULATE) ? TIER_EMULATE : TIER_NONE;
}

static bool
can_run(const struct findings *f)
{
	return tier_of(f) != TIER_NONE;
}

/* Of no use to a build here, there or not. */
static bool
is_moot(const struct findings *f, const struct probe_result *result)
{
	return (result->id == PROBE_CHROOT && tier_of(f) != TIER_NONE) ||
	       (result->id == PROBE_EMULATE && tier_of(f) != TIER_NONE) ||
	       (result->id == PROBE_FUSE && (has(f, PROBE_OVERLAY) || !tier_mounts(tier_of(f)))) ||
	       (result->id == PROBE_NOTIFY && tier_of(f) == TIER_USERNS);
}

static size_t
count_lacking(const struct findings *f)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->items[i].state != PROBE_OK && !is_moot(f, &f->items[i]);
	return count;
}

static const char *
driver_of(const struct findings *f)
{
	if (!tier_mounts(tier_of(f)))
		return "copy";
	return has(f, PROBE_OVERLAY) ? "overlay" : has(f, PROBE_FUSE) ? "fuse-overlayfs" : "copy";
}

/* ---- three ways to show it ---- */

/* The fields of a pod that raise the tier, or that keep it. */
static void
add_kubernetes(struct buf *b, const struct findings *f)
{
	enum tier tier = tier_of(f);

	buf_printf(b, "# found here: tier %s\n", tier_name(tier));
	if (tier == TIER_NONE)
		buf_add_text(b,
		    "# user namespaces are refused, most often by the default seccomp profile; one "
		    "of:\n"
		    "# (a) a pod with user namespaces of its own (Kubernetes 1.30 and later)\n"
		    "spec:\n  hostUsers: false\n  containers:\n  - securityContext:\n"
		    "      procMount: Unmasked\n      seccompProfile: {type: Unconfined}\n"
		    "# (b) root with the engine's default profile and capabilities: tier chroot\n"
		    "# spec:\n#   containers:\n#   - securityContext: {runAsUser: 0}\n");
	else if (!tier_mounts(tier))
		buf_add_text(b, "# more isolation for RUN: user namespaces in the container\n"
				"spec:\n  containers:\n  - securityContext:\n"
				"      seccompProfile: {type: Unconfined}\n");
	else
		buf_add_text(b, "# nothing has to be set; this may be, and changes nothing:\n"
				"spec:\n  containers:\n  - securityContext:\n"
				"      runAsNonRoot: true\n"
				"      allowPrivilegeEscalation: false\n"
				"      capabilities: {drop: [ALL]}\n");
}

static void
add_finding_lines(struct buf *b, const struct terminal *t, const struct probe_result *r)
{
	static const enum colour colours[] = {
		[PROBE_OK] = COLOUR_GREEN,
		[PROBE_PART] = COLOUR_YELLOW,
		[PROBE_NO] = COLOUR_RED,
	};
	const char *state = probe_state_text(r->state);
	autofree char *text = text_safe(r->text);
	int indent = LABEL_COLUMNS + STATE_COLUMNS + 1;

	buf_printf(b, " %-*s", LABEL_COLUMNS, r->label);
	terminal_add(t, b, colours[r->state], state);
	buf_printf(b, "%*s%s\n", STATE_COLUMNS - (int)strlen(state), "", text);
	if (r->state == PROBE_OK)
		return;
	if (r->lost[0] != '\0')
		buf_printf(b, "%*swithout it: %s\n", indent, "", r->lost);
	if (r->fix[0] != '\0')
		buf_printf(b, "%*sfix: %s\n", indent, "", r->fix);
}

static void
add_text(struct buf *b, const struct findings *f)
{
	size_t lacking = count_lacking(f);
	struct terminal t;

	terminal_init(&t, STDOUT_FILENO);
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].state == PROBE_OK || !is_moot(f, &f->items[i]))
			add_finding_lines(b, &t, &f->items[i]);
	if (can_run(f))
		buf_printf(b, " result: tier %s+%s, all builds work. ", tier_name(tier_of(f)),
		    driver_of(f));
	else
		buf_add_text(b, " result: no isolation to be had, builds without RUN work. ");
	if (lacking == 0)
		buf_add_text(b, "Nothing to improve.\n");
	else
		buf_printf(b, "%zu thing%s to improve.\n", lacking, lacking == 1 ? "" : "s");
}

static void
add_json(struct buf *b, const struct findings *f)
{
	autojson struct json *object = json_new_object();
	struct json *list = json_set(object, "checks", json_new_array());

	for (size_t i = 0; i < f->count; i++) {
		struct json *item = json_append(list, json_new_object());

		json_set_text(item, "name", f->items[i].label);
		json_set_text(item, "state", probe_state_text(f->items[i].state));
		json_set_text(item, "text", f->items[i].text);
		json_set_text(item, "lost", f->items[i].lost);
		json_set_text(item, "fix", f->items[i].fix);
	}
	json_set_text(object, "tier", tier_name(tier_of(f)));
	if (can_run(f))
		json_set_text(object, "snapshots", driver_of(f));
	json_write(object, JSON_INDENT, b);
}

int
doctor_main(int argc, char **argv, const struct command *self)
{
	struct doctor_flags flags = { 0 };
	struct findings findings = { 0 };
	auto(strv) struct strv words = { 0 };
	auto(buf) struct buf b = { 0 };
	struct error e = ERROR_INIT;
	int result = options_parse(self, argc, argv, &flags, &words, &e);
	int printed;

	if (result > 0)
		return 0;
	if (result == 0 && words.count > 0)
		result = error_set(
		    &e, ERR_USAGE, "doctor takes no words, there is '%s'", words.items[0]);
	if (result == 0 && flags.json && flags.kubernetes)
		result =
		    error_set(&e, ERR_USAGE, "--json and --kubernetes are two answers: give one");
	if (result < 0)
		return command_fail(&e);
	find_all(&findings, flags.root);
	if (flags.kubernetes)
		add_kubernetes(&b, &findings);
	else if (flags.json)
		add_json(&b, &findings);
	else
		add_text(&b, &findings);
	printed = command_print(&b);
	e.kind = ERR_HOST;
	return can_run(&findings) ? printed : error_exit_status(&e);
}
