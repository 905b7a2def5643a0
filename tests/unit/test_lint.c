/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lint - the lint rules, what `# check=` does with them, and the answers for tools.
 *
 * tests/data/dockerfile/lint/NAME.dockerfile is reported as NAME.expected says; every rule that
 * looks at no image has a file of its name, with its number in front where it is one of section 14. CROZE_UPDATE=1 writes the expectations anew.
 */
#include "builder/dockerfile/dump.h"
#include "builder/dockerfile/lint.h"
#include "builder/dockerfile/report.h"
#include "builder/dockerfile/rules.h"
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "tests/unit/table.h"

#include <dirent.h>

struct linted {
	struct dockerfile file;
	struct diagnostics diagnostics;
	struct plan plan;
	struct strv arguments;
};

static int
resolve(void *arg, const char *reference, const struct platform *wanted,
    struct image_config **config, char **id, struct error *e)
{
	auto(platform) struct platform platform = { 0 };

	(void)wanted;
	(void)arg;
	if (text_starts_with(reference, "missing"))
		return error_set(e, ERR_NOT_FOUND, "no image '%s' in the store", reference);
	assert_ok(
	    platform_parse(
		text_starts_with(reference, "arm64") ? "linux/arm64" : "linux/amd64", &platform, e),
	    e);
	*config = xcalloc(1, sizeof(**config));
	image_config_init_scratch(*config, &platform);
	strv_add(&(*config)->env, "PATH=/bin");
	strv_add(&(*config)->env, "BASE=1");
	*id = xstrdup(reference);
	return 0;
}

static bool
is_ignored(void *arg, const char *path)
{
	(void)arg;
	return text_starts_with(path, "ignored");
}

static int
read_file(void *arg, const char *path, struct buf *text)
{
	(void)arg;
	if (strcmp(path, "package.json") != 0 && strcmp(path, "sub/package.json") != 0)
		return 0;
	buf_add_text(text,
	    "{\"scripts\":{\"build\":\"NODE_ENV=x tsc -p . && node x\",\"plain\":\"node x; "
	    "express\","
	    "\"indirect\":\"npm run loop && npm run build\",\"loop\":\"npm run loop\","
	    "\"test\":\"cross-env CI=1 jest\"},\"devDependencies\":{\"typescript\":\"5\",\"jest\":"
	    "\"29\",\"express\":\"4\"},\"dependencies\":{\"express\":\"4\"}}");
	return 1;
}

static void
lint(struct linted *l, const char *text, size_t length)
{
	struct plan_options options = {
		.flags = PLAN_CHECK | PLAN_ALL,
		.os = "linux",
		.architecture = "amd64",
		.variant = "",
		.build_args = &l->arguments,
		.resolve = resolve,
		.is_ignored = is_ignored,
		.read_file = read_file,
	};

	diagnostics_init(&l->diagnostics, "Dockerfile");
	(void)dockerfile_parse(&l->file, text, length, &l->diagnostics);
	(void)plan_make(&l->plan, &l->file, &options, &l->diagnostics);
}

static void
linted_release(struct linted *l)
{
	plan_release(&l->plan);
	dockerfile_release(&l->file);
	diagnostics_release(&l->diagnostics);
	strv_release(&l->arguments);
}

static void
write_expected(const char *name, const struct buf *b)
{
	autofree char *path = xasprintf("%s/tests/data/%s", getenv("CROZE_SOURCE"), name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fwrite(buf_text(b), 1, b->len, f);
	fclose(f);
}

static void
check_file(const char *name)
{
	autofree char *input = xasprintf("dockerfile/lint/%s.dockerfile", name);
	autofree char *output = xasprintf("dockerfile/lint/%s.expected", name);
	auto(buf) struct buf text = { 0 }, shown = { 0 }, expected = { 0 };
	struct linted l = { 0 };

	data_read(input, &text);
	lint(&l, buf_text(&text), text.len);
	diagnostics_write(&l.diagnostics, &shown);
	if (getenv("CROZE_UPDATE"))
		write_expected(output, &shown);
	data_read(output, &expected);
	if (strcmp(buf_text(&shown), buf_text(&expected)) != 0)
		fail_msg("%s:\n%s--- expected:\n%s", name, buf_text(&shown), buf_text(&expected));
	linted_release(&l);
}

static void
section_14_every_rule_finds_what_its_file_shows(void **state)
{
	size_t standard = 0;

	(void)state;
	for (const struct rule_def *r = rule_table; r->name; r++) {
		bool own = r->flags & RULE_OWN;
		autofree char *name =
		    own ? xstrdup(r->name) : xasprintf("14.%zu-%s", ++standard, r->name);
		autofree char *output = xasprintf("dockerfile/lint/%s.expected", name);
		autofree char *tag = xasprintf("(%s)\n", r->name);
		auto(buf) struct buf expected = { 0 };

		if (r->flags & RULE_IMAGE)
			continue;
		check_file(name);
		data_read(output, &expected);
		if (!strstr(buf_text(&expected), tag))
			fail_msg("%s finds nothing in its own file", r->name);
	}
	assert_int_equal(standard, 22);
}

static void
section_2_check_directives_and_comments_choose_the_findings(void **state)
{
	static const char *const names[] = { "ConsistentInstructionCasing-lower",
		"InvalidDefinitionDescription-off", "skip-all", "skip-some", "skip-lines",
		"error-true", "unknown-rule", "unknown-image" };

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		check_file(names[n]);
}

static void
section_2_build_argument_replaces_the_directive(void **state)
{
	struct linted l = { 0 };
	const char *text = "# check=skip=all\nFROM a\nENV a b\nCMD x\n";

	(void)state;
	strv_add(&l.arguments, "BUILDKIT_DOCKERFILE_CHECK=skip=JSONArgsRecommended;error=true");
	lint(&l, text, strlen(text));
	assert_int_equal(l.diagnostics.count, 1);
	assert_int_equal(l.diagnostics.n_errors, 1);
	assert_string_equal(l.diagnostics.items[0].rule, "LegacyKeyValueFormat");
	linted_release(&l);
}

static void
rules_have_addresses_that_their_names_make(void **state)
{
	static const struct {
		const char *name, *end;
	} rules[] = {
		{ "jsonargsrecommended", "/json-args-recommended/" },
		{ "StageNameCasing", "/stage-name-casing/" },
		{ "UndefinedVar", "/undefined-var/" },
		{ "FromPlatformFlagConstDisallowed", "/from-platform-flag-const-disallowed/" },
	};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(rules); n++) {
		auto(buf) struct buf url = { 0 };

		rule_add_url(&url, rule_find(rules[n].name));
		assert_true(text_ends_with(buf_text(&url), rules[n].end));
	}
	assert_null(rule_find("Nothing"));
	assert_string_equal(rule_suggest("UndefinedVra"), "UndefinedVar");
}

static const struct json *
path(const struct json *j, const char *const *keys)
{
	for (; *keys && j; keys++)
		j = (*keys)[0] >= '0' && (*keys)[0] <= '9' ? json_at(j, (size_t)((*keys)[0] - '0'))
		                                           : json_get(j, *keys);
	return j;
}

#define PATH(j, ...) path(j, (const char *const[]){ __VA_ARGS__, NULL })

static void
sarif_names_rule_place_and_notes(void **state)
{
	const char *text = "FROM a\nCOPY package.json .\nENV \xc3\xa4=1 b=$\xf0\x9f\x98\x80$Q\n"
			   "RUN npm ci --omit=dev && npm run build\n";
	const struct json *result;
	autojson struct json *log = NULL;
	struct linted l = { 0 };

	(void)state;
	lint(&l, text, strlen(text));
	log = report_sarif(&l.file, &l.diagnostics);
	assert_string_equal(json_text(PATH(log, "version")), "2.1.0");
	assert_int_equal(json_count(PATH(log, "runs", "0", "results")), 2);
	result = PATH(log, "runs", "0", "results", "0");
	assert_string_equal(json_text(PATH(result, "ruleId")), "UndefinedVar");
	assert_string_equal(json_text(PATH(result, "level")), "warning");
	assert_string_equal(
	    json_number(PATH(result, "locations", "0", "physicalLocation", "region", "startLine")),
	    "3");
	/* 'ENV ä=1 b=$' is 11 units long, the emoji a pair of them */
	assert_string_equal(json_number(PATH(result, "locations", "0", "physicalLocation", "region",
				"startColumn")),
	    "14");
	result = PATH(log, "runs", "0", "results", "1");
	assert_string_equal(json_text(PATH(result, "ruleId")), "NpmDevDependencies");
	assert_int_equal(json_count(PATH(result, "relatedLocations")), 1);
	linted_release(&l);
}

static void
json_has_the_members_of_the_reference(void **state)
{
	const char *text = "FROM a\nENV a b\nRUN [1]\n";
	autojson struct json *answer = NULL;
	struct linted l = { 0 };

	(void)state;
	lint(&l, text, strlen("FROM a\nENV a b\n"));
	answer = report_json(&l.file, &l.diagnostics);
	assert_string_equal(
	    json_text(PATH(answer, "warnings", "0", "ruleName")), "LegacyKeyValueFormat");
	assert_string_equal(
	    json_number(PATH(answer, "warnings", "0", "location", "ranges", "0", "start", "line")),
	    "2");
	assert_string_equal(json_text(PATH(answer, "sources", "0", "filename")), "Dockerfile");
	assert_null(json_get(answer, "buildError"));
	linted_release(&l);
	json_free(answer);
	l = (struct linted){ 0 };
	lint(&l, text, strlen(text));
	answer = report_json(&l.file, &l.diagnostics);
	assert_non_null(PATH(answer, "buildError", "message"));
	linted_release(&l);
}

static void
dump_shows_what_was_read(void **state)
{
	const char *text =
	    "# escape=`\nARG V=1\n# b is it\nFROM a AS b\nCOPY --from=x --chmod=1 \"y\" z\n"
	    "RUN [\"a\", \"b\"]\nENV k=$V\nONBUILD RUN x\nRNU\n";
	autojson struct json *dump = NULL;
	struct linted l = { 0 };

	(void)state;
	diagnostics_init(&l.diagnostics, "D");
	(void)dockerfile_parse(&l.file, text, strlen(text), &l.diagnostics);
	dump = dump_dockerfile(&l.file, &l.diagnostics);
	assert_string_equal(json_text(PATH(dump, "escape")), "`");
	assert_null(PATH(dump, "instructions", "0", "stage"));
	assert_string_equal(json_text(PATH(dump, "instructions", "1", "comment")), " b is it\n");
	assert_string_equal(
	    json_text(PATH(dump, "instructions", "2", "flags", "1", "name")), "chmod");
	assert_string_equal(
	    json_text(PATH(dump, "instructions", "2", "words", "0", "text")), "\"y\"");
	assert_string_equal(json_text(PATH(dump, "instructions", "3", "form")), "exec");
	assert_string_equal(
	    json_text(PATH(dump, "instructions", "4", "pairs", "0", "value")), "$V");
	assert_string_equal(json_text(PATH(dump, "instructions", "5", "trigger", "name")), "RUN");
	assert_string_equal(json_text(PATH(dump, "stages", "0", "name")), "b");
	assert_string_equal(json_text(PATH(dump, "diagnostics", "0", "severity")), "error");
	linted_release(&l);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(section_14_every_rule_finds_what_its_file_shows),
	cmocka_unit_test(section_2_check_directives_and_comments_choose_the_findings),
	cmocka_unit_test(section_2_build_argument_replaces_the_directive),
	cmocka_unit_test(rules_have_addresses_that_their_names_make),
	cmocka_unit_test(sarif_names_rule_place_and_notes),
	cmocka_unit_test(json_has_the_members_of_the_reference),
	cmocka_unit_test(dump_shows_what_was_read),
};

UNIT_MAIN(tests);
