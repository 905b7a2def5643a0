/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rows - rows of the rules of the language, one file each: what comes out of the plan, or the
 * messages.
 *
 * tests/data/dockerfile/rows/NUMBER-TEXT.dockerfile is planned, with the build arguments of
 * NUMBER-TEXT.args where there are some ("target=NAME" is --target), and shown as
 * NUMBER-TEXT.expected. The numbers are those of tests/data/dockerfile/rows.tsv. CROZE_UPDATE=1 writes the expectations anew, to be read before they are
 * committed.
 */
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "tests/unit/table.h"

#include <dirent.h>
#include <sys/stat.h>

static int
resolve(void *arg, const char *reference, const struct platform *wanted,
    struct image_config **config, char **id, struct error *e)
{
	auto(platform) struct platform platform = { 0 };
	struct image_config *c;

	(void)wanted;
	(void)arg;
	if (text_starts_with(reference, "missing"))
		return error_set(e, ERR_NOT_FOUND, "no image '%s' in the store", reference);
	assert_ok(platform_parse("linux/amd64", &platform, e), e);
	c = xcalloc(1, sizeof(*c));
	image_config_init_scratch(c, &platform);
	if (!text_starts_with(reference, "nopath"))
		strv_add(&c->env, "PATH=/bin");
	strv_add(&c->env, "BASE=1");
	strv_add(&c->cmd, "sh");
	if (strstr(reference, "workdir")) {
		image_config_set_text(&c->workdir, "/base");
		image_config_set_text(&c->user, "baseuser");
	}
	if (strcmp(reference, "onbuild:copy") == 0) {
		strv_add(&c->onbuild, "COPY --from=builder /a /b");
		strv_add(&c->onbuild, "RUN touch /c");
	}
	*config = c;
	*id = xasprintf("id-of-%s", reference);
	return 0;
}

/* ---- showing a plan ---- */

static void
add_list(struct buf *b, const char *name, const struct strv *v)
{
	if (v->count == 0)
		return;
	buf_printf(b, "  %s:", name);
	for (size_t n = 0; n < v->count; n++) {
		autofree char *safe = text_safe(v->items[n]);
		size_t length = strlen(safe);

		if (length > 200)
			buf_printf(b, " [%zu bytes]", length);
		else
			buf_printf(b, " [%s]", safe);
	}
	buf_add_char(b, '\n');
}

static void
add_text(struct buf *b, const char *name, const char *text)
{
	autofree char *safe = text ? text_safe(text) : NULL;

	if (!safe || *safe == '\0')
		return;
	if (strlen(safe) > 200)
		buf_printf(b, "  %s: %zu bytes\n", name, strlen(safe));
	else
		buf_printf(b, "  %s: %s\n", name, safe);
}

/** Does the step come from no line of the file's own, but from an ONBUILD of its base? */
static bool
is_trigger(const struct dockerfile *f, const struct plan_step *s)
{
	for (size_t n = 0; n < f->count; n++)
		if (s->instruction == &f->instructions[n])
			return false;
	return s->instruction != NULL;
}

static void
add_step(struct buf *b, const struct dockerfile *f, const struct plan_step *s)
{
	static const char *const kinds[] = { "RUN", "COPY", "ADD", "WORKDIR", "config" };
	autofree char *safe = text_safe(s->text ? s->text : "");

	buf_printf(b, " %s%s at %u: %.200s\n", is_trigger(f, s) ? "trigger " : "", kinds[s->kind],
	    (unsigned)s->line, safe);
	add_text(b, "history", s->created_by);
	add_list(b, "argv", &s->argv);
	add_list(b, "env", &s->env);
	if (s->kind != PLAN_COPY && s->kind != PLAN_ADD)
		add_text(b, "workdir", s->workdir);
	add_text(b, "user", s->user);
	add_list(b, "sources", &s->sources);
	add_text(b, "to", s->destination);
}

static void
add_config(struct buf *b, const struct image_config *c)
{
	buf_add_text(b, "config\n");
	add_list(b, "env", &c->env);
	add_list(b, "cmd", &c->cmd);
	add_list(b, "entrypoint", &c->entrypoint);
	add_list(b, "shell", &c->shell);
	add_list(b, "ports", &c->ports);
	add_list(b, "volumes", &c->volumes);
	add_list(b, "onbuild", &c->onbuild);
	add_text(b, "user", c->user);
	add_text(b, "workdir", c->workdir);
	add_text(b, "stop signal", c->stop_signal);
	add_text(b, "author", c->author);
	for (size_t n = 0; n < c->labels.count; n++)
		buf_printf(b, "  label: %s=%s\n", c->labels.items[n].key,
		    (const char *)c->labels.items[n].value);
	if (c->healthcheck) {
		buf_add_text(b, "  healthcheck: ");
		json_write(c->healthcheck, 0, b);
		buf_add_char(b, '\n');
	}
}

static void
add_plan(struct buf *b, const struct dockerfile *f, const struct plan *plan)
{
	static const char *const bases[] = { "scratch", "stage", "image" };

	for (size_t n = 0; n < plan->n_stages; n++) {
		const struct plan_stage *s = &plan->stages[n];

		buf_printf(b, "stage %s: %s (%s)\n", s->name, s->text, bases[s->base_kind]);
		for (size_t m = 0; m < s->n_steps; m++)
			add_step(b, f, &s->steps[m]);
	}
	add_config(b, plan->stages[plan->target].config);
	if (plan->has_epoch)
		buf_printf(b, "epoch %lld\n", (long long)plan->epoch);
	add_list(b, "proxies", &plan->proxies);
}

/* ---- one row ---- */

static void
read_arguments(const char *name, struct strv *arguments, char **target)
{
	autofree char *file = xasprintf("dockerfile/rows/%s.args", name);
	autofree char *path = xasprintf("%s/tests/data/%s", getenv("CROZE_SOURCE"), file);
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	data_read(file, &text);
	strv_split(&lines, buf_text(&text), '\n');
	for (size_t n = 0; n < lines.count; n++) {
		if (text_starts_with(lines.items[n], "target="))
			*target = xstrdup(lines.items[n] + strlen("target="));
		else if (lines.items[n][0] != '\0')
			strv_add(arguments, lines.items[n]);
	}
}

static void
show(const char *name, const struct buf *text, struct buf *shown)
{
	static const struct plan_context contexts[] = {
		{ "ctx", PLAN_CONTEXT_IMAGE, "instead:1" },
	};
	auto(strv) struct strv arguments = { 0 };
	struct plan_options options = {
		.os = "linux",
		.architecture = "amd64",
		.variant = "",
		.build_args = &arguments,
		.resolve = resolve,
		.contexts = contexts,
		.n_contexts = strstr(name, "context") ? 1 : 0,
	};
	autofree char *target = NULL;
	struct diagnostics diagnostics;
	struct dockerfile file;
	struct plan plan;

	read_arguments(name, &arguments, &target);
	options.target = target;
	diagnostics_init(&diagnostics, "Dockerfile");
	(void)dockerfile_parse(&file, buf_text(text), text->len, &diagnostics);
	(void)plan_make(&plan, &file, &options, &diagnostics);
	diagnostics_write(&diagnostics, shown);
	if (diagnostics.n_errors == 0)
		add_plan(shown, &file, &plan);
	plan_release(&plan);
	dockerfile_release(&file);
	diagnostics_release(&diagnostics);
}

static void
check_row(const char *name)
{
	autofree char *input = xasprintf("dockerfile/rows/%s.dockerfile", name);
	autofree char *output = xasprintf("dockerfile/rows/%s.expected", name);
	auto(buf) struct buf text = { 0 }, shown = { 0 }, expected = { 0 };

	data_read(input, &text);
	show(name, &text, &shown);
	if (getenv("CROZE_UPDATE")) {
		autofree char *path = xasprintf("%s/tests/data/%s", getenv("CROZE_SOURCE"), output);
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		fwrite(buf_text(&shown), 1, shown.len, f);
		fclose(f);
	}
	data_read(output, &expected);
	if (strcmp(buf_text(&shown), buf_text(&expected)) != 0)
		fail_msg("%s:\n%s--- expected:\n%s", name, buf_text(&shown), buf_text(&expected));
}

/** All rows whose name begins with @prefix; there must be at least @least. */
static void
check_rows(const char *prefix, size_t least)
{
	autofree char *path = xasprintf("%s/tests/data/dockerfile/rows", getenv("CROZE_SOURCE"));
	autodir DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		autofree char *name = xstrdup(d->d_name);

		if (!text_starts_with(name, prefix) || !text_ends_with(name, ".dockerfile"))
			continue;
		name[strlen(name) - strlen(".dockerfile")] = '\0';
		check_row(name);
		count++;
	}
	assert_true(count >= least);
}

static void
section_1_lexical_layer(void **state)
{
	(void)state;
	check_rows("1.", 25);
}

static void
section_2_parser_directives(void **state)
{
	(void)state;
	check_rows("2.", 8);
}

static void
section_3_where_variables_are_expanded(void **state)
{
	(void)state;
	check_rows("3.", 6);
}

static void
section_4_instructions(void **state)
{
	(void)state;
	check_rows("4.", 28);
}

static void
section_5_stages_and_graph(void **state)
{
	(void)state;
	check_rows("5.", 12);
}

static void
section_6_flags_of_run(void **state)
{
	(void)state;
	check_rows("6.", 1);
}

static void
section_7_flags_of_copy_and_add(void **state)
{
	(void)state;
	check_rows("7.", 1);
}

static void
section_8_predefined_arguments(void **state)
{
	(void)state;
	check_rows("8.", 10);
}

static void
sections_12_and_13_history_and_time(void **state)
{
	(void)state;
	check_rows("12.", 1);
	check_rows("13.", 1);
}

static void
section_16_traps(void **state)
{
	static const unsigned traps[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
		18, 19, 20, 21, 43, 44, 45 };

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(traps); n++) {
		autofree char *prefix = xasprintf("T%u-", traps[n]);

		check_rows(prefix, 1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(section_1_lexical_layer),
	cmocka_unit_test(section_2_parser_directives),
	cmocka_unit_test(section_3_where_variables_are_expanded),
	cmocka_unit_test(section_4_instructions),
	cmocka_unit_test(section_5_stages_and_graph),
	cmocka_unit_test(section_6_flags_of_run),
	cmocka_unit_test(section_7_flags_of_copy_and_add),
	cmocka_unit_test(section_8_predefined_arguments),
	cmocka_unit_test(sections_12_and_13_history_and_time),
	cmocka_unit_test(section_16_traps),
};

UNIT_MAIN(tests);
