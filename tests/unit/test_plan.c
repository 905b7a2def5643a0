/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plan - from a Dockerfile to stages and steps; the messages for broken files.
 *
 * tests/data/dockerfile/broken/NAME.dockerfile is reported as NAME.expected says. With
 * CROZE_UPDATE=1 in the environment the expectations are written anew, to be read before they are
 * committed.
 */
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "builder/plan/planner.h"
#include "tests/unit/table.h"

#include <dirent.h>
#include <time.h>

/** A Dockerfile and its plan. */
struct planned {
	struct dockerfile file;
	struct diagnostics diagnostics;
	struct plan plan;
	struct plan_options options;
	struct strv arguments;
	struct strv environment;
	int result;
};

/** Stands for the store: images whose name begins with "missing" or "bulder" are not there. */
static int
resolve(void *arg, const char *reference, const struct platform *wanted,
    struct image_config **config, char **id, struct error *e)
{
	auto(platform) struct platform platform = { 0 };
	size_t *count = arg;

	(void)wanted;
	(*count)++;
	if (text_starts_with(reference, "missing") || text_starts_with(reference, "bulder") ||
	    reference[0] == '\033') {
		(void)error_set(e, ERR_NOT_FOUND, "no image '%s' in the store", reference);
		return error_hint(e, "load it with: croze load");
	}
	assert_ok(platform_parse("linux/amd64", &platform, e), e);
	*config = xcalloc(1, sizeof(**config));
	image_config_init_scratch(*config, &platform);
	strv_add(&(*config)->env, "PATH=/bin");
	strv_add(&(*config)->env, "BASE=1");
	strv_add(&(*config)->cmd, "sh");
	if (strstr(reference, "workdir"))
		image_config_set_text(&(*config)->workdir, "/base");
	if (strcmp(reference, "onbuild:bad") == 0)
		strv_add(&(*config)->onbuild, "RNU x");
	if (strcmp(reference, "onbuild:user") == 0)
		strv_add(&(*config)->onbuild, "USER -1");
	if (strcmp(reference, "onbuild:copy") == 0) {
		strv_add(&(*config)->onbuild, "COPY --from=builder /a /b");
		strv_add(&(*config)->onbuild, "RUN touch /c");
	}
	*id = xasprintf("id-of-%s", reference);
	return 0;
}

static size_t n_resolved;

static void
start(struct planned *p)
{
	*p = (struct planned){ 0 };
	p->options = (struct plan_options){
		.os = "linux",
		.architecture = "amd64",
		.variant = "",
		.resolve = resolve,
		.arg = &n_resolved,
		.build_args = &p->arguments,
		.environment = &p->environment,
	};
	n_resolved = 0;
}

static void
run(struct planned *p, const char *text, size_t length)
{
	diagnostics_init(&p->diagnostics, "Dockerfile");
	(void)dockerfile_parse(&p->file, text, length, &p->diagnostics);
	p->result = plan_make(&p->plan, &p->file, &p->options, &p->diagnostics);
}

static void
planned_release(struct planned *p)
{
	plan_release(&p->plan);
	dockerfile_release(&p->file);
	diagnostics_release(&p->diagnostics);
	strv_release(&p->arguments);
	strv_release(&p->environment);
}

static void
must_plan(struct planned *p, const char *text)
{
	run(p, text, strlen(text));
	if (p->result < 0) {
		auto(buf) struct buf b = { 0 };

		diagnostics_write(&p->diagnostics, &b);
		fail_msg("%s", buf_text(&b));
	}
}

static const struct plan_stage *
target(const struct planned *p)
{
	return &p->plan.stages[p->plan.target];
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
check_broken(const char *name)
{
	autofree char *input = xasprintf("dockerfile/broken/%s", name);
	autofree char *output =
	    xasprintf("%.*s.expected", (int)(strlen(input) - strlen(".dockerfile")), input);
	auto(buf) struct buf text = { 0 }, shown = { 0 }, expected = { 0 };
	struct planned p;

	data_read(input, &text);
	start(&p);
	run(&p, buf_text(&text), text.len);
	diagnostics_write(&p.diagnostics, &shown);
	if (getenv("CROZE_UPDATE"))
		write_expected(output, &shown);
	data_read(output, &expected);
	if (strcmp(buf_text(&shown), buf_text(&expected)) != 0)
		fail_msg("%s:\n%s--- expected:\n%s", name, buf_text(&shown), buf_text(&expected));
	assert_int_equal(p.result, -1);
	planned_release(&p);
}

static void
broken_files_are_reported_as_expected(void **state)
{
	autofree char *path = xasprintf("%s/tests/data/dockerfile/broken", getenv("CROZE_SOURCE"));
	autodir DIR *dir = opendir(path);
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		if (!text_ends_with(d->d_name, ".dockerfile"))
			continue;
		check_broken(d->d_name);
		count++;
	}
	assert_true(count >= 60);
}

static void
dockerfiles_of_the_article_plan_without_a_word(void **state)
{
	static const char *const names[] = { "args", "distroless", "go-basic", "go-full",
		"go-scratch", "go-single", "node", "node-cache", "python" };

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		autofree char *name = xasprintf("dockerfile/article/%s.dockerfile", names[n]);
		auto(buf) struct buf text = { 0 };
		struct planned p;

		data_read(name, &text);
		start(&p);
		must_plan(&p, buf_text(&text));
		assert_int_equal(p.diagnostics.count, 0);
		planned_release(&p);
	}
}

static void
run_gets_shell_environment_and_history(void **state)
{
	const struct plan_step *s;
	struct planned p;

	(void)state;
	start(&p);
	strv_add(&p.arguments, "V=2");
	must_plan(&p, "FROM a\nARG V=1\nARG HIDDEN=x\nENV HIDDEN=y\nUSER 5:6\nWORKDIR /w\nRUN make "
		      "\\\n  $V\n");
	assert_int_equal(target(&p)->n_steps, 6);
	s = &target(&p)->steps[5];
	assert_int_equal(s->kind, PLAN_RUN);
	assert_string_equal(s->argv.items[0], "/bin/sh");
	assert_string_equal(s->argv.items[2], "make   $V");
	assert_string_equal(s->workdir, "/w");
	assert_string_equal(s->user, "5:6");
	assert_string_equal(env_get(&s->env, "V"), "2");
	assert_string_equal(env_get(&s->env, "HIDDEN"), "y");
	assert_string_equal(env_get(&s->env, "BASE"), "1");
	assert_string_equal(env_get(&s->env, "PATH"), "/bin");
	assert_string_equal(s->created_by, "RUN |2 V=2 HIDDEN=y /bin/sh -c make   $V # buildkit");
	assert_string_equal(s->text, "RUN make   $V");
	assert_string_equal(s->record,
	    "{\"argv\":[\"/bin/sh\",\"-c\",\"make   "
	    "$V\"],\"env\":[\"BASE=1\",\"HIDDEN=y\",\"PATH=/bin\",\"V=2\"],"
	    "\"kind\":\"RUN\",\"platform\":\"linux/amd64\",\"user\":\"5:6\",\"workdir\":\"/w\"}");
	assert_int_equal(s->line, 7);
	assert_int_equal(s->end_line, 8);
	planned_release(&p);
}

static void
only_what_the_target_needs_is_planned_and_resolved(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p,
	    "FROM missing AS no\nFROM a AS one\nFROM missing:2\nFROM b\nCOPY --from=one x y\n"
	    "COPY --from=c:1 x y\n");
	assert_int_equal(p.plan.n_stages, 2);
	assert_int_equal(n_resolved, 3);
	assert_string_equal(p.plan.stages[0].name, "one");
	assert_string_equal(p.plan.stages[1].name, "3");
	assert_int_equal(target(&p)->steps[0].source, PLAN_FROM_STAGE);
	assert_int_equal(target(&p)->steps[0].from, 0);
	assert_int_equal(target(&p)->steps[1].source, PLAN_FROM_IMAGE);
	assert_string_equal(p.plan.images[target(&p)->steps[1].from].reference, "c:1");
	planned_release(&p);
}

static void
stages_that_are_the_same_for_all_platforms_are_planned_once(void **state)
{
	auto(platform) struct platform arm64 = { 0 }, s390x = { 0 };
	struct error e = ERROR_INIT;
	struct platform both[2];
	struct planned p;

	(void)state;
	assert_ok(platform_parse("linux/arm64", &arm64, &e), &e);
	assert_ok(platform_parse("linux/s390x", &s390x, &e), &e);
	both[0] = arm64;
	both[1] = s390x;
	start(&p);
	p.options.platforms = both;
	p.options.n_platforms = 2;
	must_plan(&p, "FROM --platform=$BUILDPLATFORM a AS one\nRUN x\n"
		      "FROM --platform=$BUILDPLATFORM one AS two\nARG TARGETARCH\nRUN $TARGETARCH\n"
		      "FROM b\nCOPY --from=one x /\nCOPY --from=two x /\n");
	/* "one" once; of "two" and the last one two each */
	assert_int_equal(p.plan.n_stages, 5);
	assert_int_equal(p.plan.n_images, 3);
	assert_int_equal(p.plan.n_targets, 2);
	assert_true(platform_equal(&p.plan.targets[1].platform, &s390x));
	for (size_t n = 0; n < 2; n++) {
		const struct plan_stage *last;

		plan_look_at(&p.plan, n);
		last = target(&p);
		assert_int_equal(last->steps[0].from, 0);
		assert_string_equal(p.plan.stages[last->steps[1].from].name, "two");
		assert_true(platform_equal(
		    &p.plan.stages[last->steps[1].from].target, &p.plan.targets[n].platform));
		assert_true(platform_equal(
		    &p.plan.images[last->base].platform, &p.plan.targets[n].platform));
	}
	planned_release(&p);
}

static void
warnings_for_several_platforms_are_told_once(void **state)
{
	auto(platform) struct platform arm64 = { 0 }, s390x = { 0 };
	struct error e = ERROR_INIT;
	struct platform both[2];
	size_t n_warnings;
	struct planned p;

	(void)state;
	assert_ok(platform_parse("linux/arm64", &arm64, &e), &e);
	assert_ok(platform_parse("linux/s390x", &s390x, &e), &e);
	both[0] = arm64;
	both[1] = s390x;
	start(&p);
	must_plan(&p, "FROM scratch\nWORKDIR a\nCMD echo\n");
	n_warnings = p.diagnostics.n_warnings;
	assert_true(n_warnings > 0);
	planned_release(&p);
	start(&p);
	p.options.platforms = both;
	p.options.n_platforms = 2;
	must_plan(&p, "FROM scratch\nWORKDIR a\nCMD echo\n");
	assert_int_equal(p.diagnostics.n_warnings, n_warnings);
	planned_release(&p);
}

static void
context_for_a_platform_wins_over_one_for_all(void **state)
{
	const struct plan_context contexts[] = {
		{ .name = "c", .kind = PLAN_CONTEXT_IMAGE, .value = "all" },
		{ .name = "c",
		    .kind = PLAN_CONTEXT_IMAGE,
		    .value = "here",
		    .platform = "linux/amd64" },
		{ .name = "d",
		    .kind = PLAN_CONTEXT_IMAGE,
		    .value = "there",
		    .platform = "linux/arm64" },
	};
	struct planned p;

	(void)state;
	start(&p);
	p.options.contexts = contexts;
	p.options.n_contexts = 3;
	must_plan(&p,
	    "FROM --platform=linux/arm64 c AS foreign\nFROM --platform=linux/arm64 d AS own\n"
	    "FROM d AS other\nFROM c\nCOPY --from=foreign x /\nCOPY --from=own x /\n"
	    "COPY --from=other x /\n");
	assert_string_equal(p.plan.images[target(&p)->base].reference, "here");
	assert_string_equal(p.plan.images[p.plan.stages[0].base].reference, "all");
	assert_string_equal(p.plan.images[p.plan.stages[1].base].reference, "there");
	assert_string_equal(p.plan.images[p.plan.stages[2].base].reference, "d");
	planned_release(&p);
}

/** Stands for a store that has nothing but "stored". */
static bool
is_stored(void *arg, const char *reference)
{
	(void)arg;
	return strcmp(reference, "stored") == 0;
}

/** How many images are resolved for a COPY --from=@from behind stages "builder", "store" and "try". */
static size_t
resolved_for(const char *from, const char *expected)
{
	auto(buf) struct buf b = { 0 };
	autofree char *text = xasprintf("FROM scratch AS builder\nFROM scratch AS store\n"
					"FROM scratch AS try\nFROM scratch\nCOPY --from=%s /a /b\n",
	    from);
	struct planned p;

	start(&p);
	p.options.is_stored = is_stored;
	run(&p, text, strlen(text));
	diagnostics_write(&p.diagnostics, &b);
	if (expected)
		assert_non_null(strstr(buf_text(&b), expected));
	assert_int_equal(p.result, expected ? -1 : 0);
	planned_release(&p);
	return n_resolved;
}

static char told[256];

static void
keep_text(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(told, sizeof(told), "%s", text);
}

/** What is told before @base of a second stage is resolved, behind stage "builder"; "" for nothing. */
static const char *
told_of(const char *base)
{
	autofree char *text = xasprintf("FROM scratch AS builder\nFROM %s\n", base);
	struct planned p;

	told[0] = '\0';
	start(&p);
	p.options.is_stored = is_stored;
	p.options.tell = keep_text;
	run(&p, text, strlen(text));
	planned_release(&p);
	return told;
}

static void
from_of_a_name_one_letter_off_a_stage_is_told_before_it_is_resolved(void **state)
{
	static const char *const silent[] = { "blder", "builder", "builder:1", "stored" };

	(void)state;
	assert_non_null(strstr(told_of("bulder"), ":2: FROM bulder is no stage, so an image"));
	assert_non_null(strstr(told, "; stage 'builder' begins at line 1"));
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		assert_string_equal(told_of(silent[i]), "");
}

static void
name_one_letter_off_a_stage_is_looked_for_in_the_store_alone(void **state)
{
	(void)state;
	assert_int_equal(
	    resolved_for("bulder", "note: no registry was asked: for an image of that name, write "
				   "bulder:latest"),
	    0);
	assert_int_equal(resolved_for("biulder", "'builder' is defined at line 1"), 0);
	assert_int_equal(resolved_for("stored", NULL), 1);
	assert_int_equal(resolved_for("missing", "load it with"), 1);
	assert_int_equal(resolved_for("blder", NULL), 1);
	assert_int_equal(resolved_for("builder:1", NULL), 1);
	assert_int_equal(resolved_for("trx", NULL), 1);
}

static void
target_is_found_whatever_its_case(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	p.options.target = "BUILD";
	must_plan(&p, "FROM a AS Build\nRUN x\nFROM missing\n");
	assert_string_equal(target(&p)->name, "build");
	planned_release(&p);
}

static void
unknown_target_names_the_stages(void **state)
{
	auto(buf) struct buf b = { 0 };
	struct planned p;

	(void)state;
	start(&p);
	p.options.target = "biuld";
	run(&p, "FROM a AS build\nFROM b\n", 23);
	diagnostics_write(&p.diagnostics, &b);
	assert_string_equal(buf_text(&b),
	    "Dockerfile: error: --target=biuld: no stage of that name; stages: build\n"
	    "Dockerfile:1: note: 'build' is defined at line 1\n1 error, nothing was run.\n");
	planned_release(&p);
}

static void
t4_t5_t6_t7_env(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "FROM scratch\nENV a b=c\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc "
		      "q='x y' e=a\\ b \"n m\"=1\n");
	assert_string_equal(env_get(&target(&p)->config->env, "a"), "b=c");
	assert_string_equal(env_get(&target(&p)->config->env, "def"), "hello");
	assert_string_equal(env_get(&target(&p)->config->env, "ghi"), "bye");
	assert_string_equal(env_get(&target(&p)->config->env, "q"), "x y");
	assert_string_equal(env_get(&target(&p)->config->env, "e"), "a b");
	assert_string_equal(env_get(&target(&p)->config->env, "n m"), "1");
	assert_string_equal(target(&p)->config->env.items[0], "PATH=" PLAN_DEFAULT_PATH);
	planned_release(&p);
}

static void
t8_t9_t10_arguments(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	strv_add(&p.arguments, "GIVEN=$A");
	must_plan(&p, "ARG A=1\nARG B=${A}2\nARG GIVEN=x\nFROM a\nARG B\nARG C=$B-$GIVEN\nARG "
		      "GIVEN\nARG NONE\n"
		      "ENV E=$A$B$C$GIVEN\nENV B=env\nRUN x\n");
	assert_string_equal(env_get(&target(&p)->config->env, "E"), "1212-$A");
	assert_string_equal(env_get(&target(&p)->steps[6].env, "B"), "env");
	assert_null(env_get(&target(&p)->steps[6].env, "NONE"));
	assert_null(env_get(&target(&p)->steps[6].env, "A"));
	assert_string_equal(target(&p)->steps[0].created_by, "ARG B=12");
	assert_string_equal(target(&p)->steps[3].created_by, "ARG NONE");
	assert_string_equal(target(&p)->steps[6].created_by,
	    "RUN |4 B=env C=12- GIVEN=$A NONE= /bin/sh -c x # buildkit");
	planned_release(&p);
}

static void
t11_unknown_build_argument_warns(void **state)
{
	auto(buf) struct buf b = { 0 };
	struct planned p;

	(void)state;
	start(&p);
	strv_add(&p.arguments, "VERSON=1");
	must_plan(&p, "FROM a\nARG VERSION\n");
	diagnostics_write(&p.diagnostics, &b);
	assert_string_equal(buf_text(&b),
	    "Dockerfile: warning: the build argument VERSON is not used: no ARG has "
	    "that name, did you mean VERSION?\n");
	planned_release(&p);
}

static void
t12_proxies_reach_run_but_no_key_or_history(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	strv_add(&p.environment, "HTTP_PROXY=http://proxy");
	strv_add(&p.environment, "OTHER=x");
	must_plan(&p, "FROM a\nRUN x\nARG HTTP_PROXY\nRUN y\n");
	assert_int_equal(p.plan.proxies.count, 1);
	assert_string_equal(p.plan.proxies.items[0], "HTTP_PROXY=http://proxy");
	assert_null(strstr(target(&p)->steps[0].record, "proxy"));
	assert_null(strstr(target(&p)->steps[0].created_by, "proxy"));
	assert_non_null(strstr(target(&p)->steps[2].record, "proxy"));
	assert_non_null(strstr(target(&p)->steps[2].created_by, "|1 HTTP_PROXY=http://proxy "));
	assert_int_equal(p.diagnostics.count, 0);
	planned_release(&p);
}

static void
t13_from_sees_global_arguments_and_the_platform(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	strv_add(&p.arguments, "TAG=9");
	must_plan(&p, "ARG TAG=1\nFROM --platform=$TARGETPLATFORM img-$TARGETARCH:$TAG\nARG "
		      "TARGETARCH\nARG TAG\nENV X=$TAG/$TARGETARCH/$TARGETOS\n");
	assert_string_equal(p.plan.images[0].reference, "img-amd64:9");
	assert_string_equal(env_get(&target(&p)->config->env, "X"), "9/amd64/");
	planned_release(&p);
}

static void
t14_names_compare_in_lower_case_and_numbers_count(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "FROM a AS One\nFROM ONE AS two\nFROM scratch\nCOPY --from=oNe /a /b\nCOPY "
		      "--from=1 /a /b\n");
	assert_int_equal(p.plan.stages[1].base_kind, PLAN_BASE_STAGE);
	assert_int_equal(p.plan.stages[1].base, 0);
	assert_int_equal(target(&p)->steps[0].from, 0);
	assert_int_equal(target(&p)->steps[1].from, 1);
	planned_release(&p);
}

static void
t16_contexts_replace_stages_images_and_sources(void **state)
{
	static const struct plan_context contexts[] = {
		{ "builder", PLAN_CONTEXT_IMAGE, "oci-layout:///x:y" },
		{ "alpine", PLAN_CONTEXT_IMAGE, "docker-image://other" },
		{ "src", PLAN_CONTEXT_DIRECTORY, "/dir" },
	};
	struct planned p;

	(void)state;
	start(&p);
	p.options.contexts = contexts;
	p.options.n_contexts = ARRAY_LEN(contexts);
	must_plan(&p, "FROM missing AS builder\nRUN x\nFROM src AS tree\nFROM "
		      "docker.io/library/alpine:latest\n"
		      "COPY --from=builder /a /b\nCOPY --from=src /c /d\nCOPY --from=tree /e /f\n");
	assert_int_equal(p.plan.n_stages, 2);
	assert_int_equal(p.plan.stages[0].base_kind, PLAN_BASE_SCRATCH);
	assert_int_equal(p.plan.stages[0].n_steps, 1);
	assert_int_equal(p.plan.stages[0].steps[0].source, PLAN_FROM_NAMED_CONTEXT);
	assert_int_equal(p.plan.stages[0].steps[0].from, 2);
	assert_string_equal(p.plan.images[target(&p)->base].reference, "docker-image://other");
	assert_int_equal(target(&p)->steps[0].source, PLAN_FROM_IMAGE);
	assert_string_equal(
	    p.plan.images[target(&p)->steps[0].from].reference, "oci-layout:///x:y");
	assert_int_equal(target(&p)->steps[1].source, PLAN_FROM_NAMED_CONTEXT);
	assert_int_equal(target(&p)->steps[2].source, PLAN_FROM_STAGE);
	planned_release(&p);
}

static void
stage_with_the_name_of_a_context_is_the_context(void **state)
{
	static const struct plan_context context = { "builder", PLAN_CONTEXT_IMAGE,
		"oci-layout:///x:y" };
	struct planned p;

	(void)state;
	start(&p);
	p.options.contexts = &context;
	p.options.n_contexts = 1;
	must_plan(&p, "FROM missing AS builder\nRUN x\n");
	assert_int_equal(p.plan.stages[0].n_steps, 0);
	assert_int_equal(p.plan.stages[0].base_kind, PLAN_BASE_IMAGE);
	planned_release(&p);
}

static void
t17_t18_entrypoint_cmd_and_shell(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p,
	    "FROM a AS one\nENTRYPOINT [\"e\"]\nFROM a AS two\nCMD [\"c\"]\nENTRYPOINT e f\n"
	    "FROM two AS three\nSHELL [\"/bin/bash\",\"-c\"]\nHEALTHCHECK CMD h\nENTRYPOINT "
	    "[]\nCMD c d\n"
	    "FROM a\nCOPY --from=one x y\nCOPY --from=two x y\nCOPY --from=three x y\n");
	assert_int_equal(p.plan.stages[0].config->cmd.count, 0);
	assert_string_equal(p.plan.stages[1].config->cmd.items[0], "c");
	assert_true(p.plan.stages[1].config->args_escaped);
	assert_string_equal(p.plan.stages[1].config->entrypoint.items[2], "e f");
	assert_int_equal(p.plan.stages[2].config->entrypoint.count, 0);
	assert_string_equal(p.plan.stages[2].config->cmd.items[0], "/bin/bash");
	assert_string_equal(
	    json_text(json_at(json_get(p.plan.stages[2].config->healthcheck, "Test"), 0)),
	    "CMD-SHELL");
	assert_string_equal(p.plan.stages[2].steps[2].created_by, "ENTRYPOINT []");
	assert_string_equal(
	    p.plan.stages[2].steps[3].created_by, "CMD [\"/bin/bash\" \"-c\" \"c d\"]");
	planned_release(&p);
}

static void
t19_t20_workdir(void **state)
{
	const struct plan_stage *s;
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p,
	    "FROM workdir\nWORKDIR sub/\nWORKDIR ../../..\nWORKDIR ~\nUSER app\nWORKDIR /tmp/\n");
	s = target(&p);
	assert_string_equal(s->steps[0].workdir, "/base/sub");
	assert_int_equal(s->steps[1].kind, PLAN_METADATA);
	assert_true(s->steps[1].empty_layer);
	assert_string_equal(s->steps[1].created_by, "WORKDIR /");
	assert_string_equal(s->steps[2].workdir, "/~");
	assert_string_equal(s->steps[4].workdir, "/tmp");
	assert_string_equal(s->steps[4].user, "app");
	assert_false(s->steps[4].empty_layer);
	assert_string_equal(s->config->workdir, "/tmp");
	planned_release(&p);
}

static void
copy_paths_stay_inside_and_keep_their_slash(void **state)
{
	const struct plan_step *s;
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p,
	    "FROM a\nWORKDIR /w\nARG D=out\nCOPY --chown=${D}:5 --chmod=u=rwX ../../a ./b/ /c $D/\n"
	    "COPY . .\nCOPY [\"x y\", \"/z w\"]\nADD --chmod=644 f ..\n");
	s = &target(&p)->steps[2];
	assert_string_equal(s->sources.items[0], "a");
	assert_string_equal(s->sources.items[1], "b");
	assert_string_equal(s->sources.items[2], "c");
	assert_string_equal(s->destination, "/w/out/");
	assert_string_equal(s->chown.user.name, "out");
	assert_int_equal(s->chown.group.id, 5);
	assert_true(s->chmod.symbolic);
	assert_string_equal(
	    s->created_by, "COPY --chown=out:5 --chmod=u=rwX ../../a ./b/ /c out/ # buildkit");
	assert_string_equal(s[1].sources.items[0], ".");
	assert_string_equal(s[1].destination, "/w/");
	assert_string_equal(s[2].sources.items[0], "x y");
	assert_string_equal(s[2].destination, "/z w");
	assert_int_equal(s[3].kind, PLAN_ADD);
	assert_string_equal(s[3].destination, "/");
	assert_int_equal(s[3].chmod.mode, 0644);
	planned_release(&p);
}

static void
t43_expose_and_the_other_sets(void **state)
{
	const struct image_config *c;
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "FROM a\nENV P=\"90 91\"\nEXPOSE 8080-8082 53/UDP $P 127.0.0.1:1:70\nVOLUME "
		      "/v $BASE\nVOLUME [\"/w x\"]\n"
		      "LABEL a=b a=c \"x y\"=$BASE\nSTOPSIGNAL sigrtmin+3\nMAINTAINER Me <me@x>\n"
		      "HEALTHCHECK --interval=1m30s --retries=2 CMD [\"a\",\"b\"]\n");
	c = target(&p)->config;
	assert_int_equal(c->ports.count, 7);
	assert_string_equal(target(&p)->steps[1].created_by,
	    "EXPOSE [70/tcp 53/udp 8080/tcp 8081/tcp 8082/tcp 90/tcp 91/tcp]");
	assert_int_equal(c->volumes.count, 3);
	assert_string_equal(image_config_label(c, "a"), "c");
	assert_string_equal(image_config_label(c, "x y"), "1");
	assert_string_equal(c->stop_signal, "sigrtmin+3");
	assert_string_equal(c->author, "Me <me@x>");
	assert_string_equal(target(&p)->steps[2].created_by, "VOLUME [/v 1]");
	assert_string_equal(target(&p)->steps[7].created_by,
	    "HEALTHCHECK &{[\"CMD\" \"a\" \"b\"] \"1m30s\" \"0s\" \"0s\" \"0s\" '\\x02'}");
	planned_release(&p);
}

static void
t44_triggers_run_first_and_may_need_stages(void **state)
{
	const struct plan_stage *s;
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "FROM a AS builder\nFROM a AS base\nONBUILD RUN from-stage\nFROM "
		      "onbuild:copy AS one\nRUN own\n"
		      "FROM base\nCOPY --from=one x y\nONBUILD USER later\n");
	assert_int_equal(p.plan.n_stages, 4);
	s = &p.plan.stages[2];
	assert_int_equal(s->n_steps, 3);
	assert_ptr_equal(s->steps[0].instruction, p.plan.triggers[0]);
	assert_int_equal(s->steps[0].source, PLAN_FROM_STAGE);
	assert_string_equal(s->steps[1].text, "RUN touch /c");
	assert_int_equal(s->steps[1].line, 4);
	assert_string_equal(s->steps[2].text, "RUN own");
	assert_int_equal(s->config->onbuild.count, 0);
	assert_string_equal(target(&p)->steps[0].text, "RUN from-stage");
	assert_int_equal(target(&p)->config->onbuild.count, 1);
	assert_string_equal(target(&p)->config->onbuild.items[0], "USER later");
	assert_null(target(&p)->steps[2].created_by);
	planned_release(&p);
}

static void
arguments_are_inherited_by_stages(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "FROM a AS one\nARG V=1\nFROM one\nRUN x\n");
	assert_string_equal(env_get(&target(&p)->steps[0].env, "V"), "1");
	planned_release(&p);
}

/** The time of something fetched is the last digit of its URL. */
static int
time_of(void *arg, const struct plan_time_of *what, bool *has_time, int64_t *time, struct error *e)
{
	(void)arg;
	(void)e;
	assert_non_null(what->resource);
	*has_time = true;
	*time = what->resource->url[strlen(what->resource->url) - 1] - '0';
	return 0;
}

static void
epoch_of_a_stage_is_that_of_the_last_one_with_its_name(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	p.options.time_of = time_of;
	strv_add(&p.arguments, "SOURCE_DATE_EPOCH=src");
	must_plan(&p, "FROM scratch AS src\nADD https://x.invalid/1 /\n"
		      "FROM scratch AS SRC\nADD https://x.invalid/2 /\nFROM scratch\n");
	assert_true(p.plan.has_epoch && p.plan.epoch == 2);
	planned_release(&p);
}

static void
epoch_comes_from_argument_environment_or_file(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "ARG SOURCE_DATE_EPOCH=77\nFROM a\n");
	assert_true(p.plan.has_epoch && p.plan.epoch == 77);
	planned_release(&p);
	start(&p);
	strv_add(&p.environment, "SOURCE_DATE_EPOCH=78");
	must_plan(&p, "FROM a\n");
	assert_true(p.plan.has_epoch && p.plan.epoch == 78);
	planned_release(&p);
	start(&p);
	strv_add(&p.environment, "SOURCE_DATE_EPOCH=78");
	strv_add(&p.arguments, "SOURCE_DATE_EPOCH=79");
	must_plan(&p, "FROM a\n");
	assert_true(p.plan.has_epoch && p.plan.epoch == 79);
	planned_release(&p);
	start(&p);
	strv_add(&p.arguments, "SOURCE_DATE_EPOCH=x");
	run(&p, "FROM a\n", 7);
	assert_int_equal(p.result, -1);
	planned_release(&p);
}

static void
labels_of_the_command_line_are_for_the_result_only(void **state)
{
	auto(strv) struct strv labels = { 0 };
	struct planned p;

	(void)state;
	strv_add(&labels, "a=b=c");
	start(&p);
	p.options.labels = &labels;
	must_plan(&p, "FROM a AS one\nFROM one\n");
	assert_null(image_config_label(p.plan.stages[0].config, "a"));
	assert_string_equal(image_config_label(target(&p)->config, "a"), "b=c");
	assert_int_equal(target(&p)->n_steps, 0);
	planned_release(&p);
}

static void
standard_frontends_are_built_in(void **state)
{
	(void)state;
	assert_true(directives_syntax_is_builtin("docker/dockerfile"));
	assert_true(directives_syntax_is_builtin("docker.io/docker/dockerfile:1.7-labs"));
	assert_true(directives_syntax_is_builtin("docker/dockerfile-upstream:master"));
	assert_true(directives_syntax_is_builtin("docker/dockerfile@sha256:00"));
	assert_true(directives_syntax_is_builtin("dockerfile.v0"));
	assert_false(directives_syntax_is_builtin("docker/dockerfiles"));
	assert_false(directives_syntax_is_builtin("example.com/docker/dockerfile"));
}

static void
build_arguments_replace_directives(void **state)
{
	const char *text = "# syntax=example.com/x\n# check=error=true\nFROM a\nRUN a \\\n\n b\n";
	struct planned p;

	(void)state;
	start(&p);
	strv_add(&p.arguments, "BUILDKIT_SYNTAX=dockerfile.v0");
	strv_add(&p.arguments, "BUILDKIT_DOCKERFILE_CHECK=skip=all");
	must_plan(&p, text);
	assert_int_equal(p.diagnostics.count, 0);
	planned_release(&p);
	start(&p);
	run(&p, text, strlen(text));
	assert_int_equal(p.diagnostics.n_errors, 2);
	planned_release(&p);
}

static void
check_skips_rules(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "# check=skip=NoEmptyContinuation\nFROM a\nRUN a \\\n\n b\n");
	assert_int_equal(p.diagnostics.count, 0);
	assert_int_equal(p.diagnostics.n_warnings, 0);
	planned_release(&p);
}

/** Plans @text, which has to fail with an error that begins with @expected in at most a few seconds. */
static void
is_refused(const struct buf *text, const char *expected)
{
	struct planned p;
	bool found = false;

	start(&p);
	run(&p, buf_text(text), text->len);
	assert_int_equal(p.result, -1);
	for (size_t n = 0; n < p.diagnostics.count; n++)
		found = found || text_starts_with(p.diagnostics.items[n].text, expected);
	assert_true(found);
	planned_release(&p);
}

static void
all_ports_can_be_exposed(void **state)
{
	struct planned p;

	(void)state;
	start(&p);
	must_plan(&p, "FROM a\nEXPOSE 0-65535 0-65535/udp\nEXPOSE 80\n");
	assert_int_equal(target(&p)->config->ports.count, 2 * 65536);
	planned_release(&p);
}

static void
files_that_would_grow_without_bound_are_refused(void **state)
{
	auto(buf) struct buf text = { 0 };

	(void)state;
	buf_add_text(&text, "FROM a\nARG");
	for (size_t n = 0; n < 10001; n++)
		buf_printf(&text, " a%zu", n);
	is_refused(&text, "more than 10000 arguments");
	buf_clear(&text);
	buf_add_text(&text, "FROM a\n");
	for (size_t n = 0; n < 10001; n++)
		buf_printf(&text, "ENV a%zu=1\n", n);
	is_refused(&text, "the environment has too many variables");
	buf_clear(&text);
	buf_add_text(&text, "FROM a\n");
	for (size_t n = 0; n < 10001; n++)
		buf_printf(&text, "ARG a%zu=1\n", n);
	is_refused(&text, "more than 10000 arguments");
	buf_clear(&text);
	buf_add_text(&text, "FROM a\nENV A=0123456789ABCDEF\n");
	for (size_t n = 0; n < 13; n++)
		buf_add_text(&text, "ENV A=$A$A\n");
	for (size_t n = 0; n < 3000; n++)
		buf_add_text(&text, "RUN x\n");
	is_refused(&text, "values and environments of RUNs grow beyond 32 MiB in all");
	buf_clear(&text);
	buf_add_text(&text, "FROM a\nENV A=0123456789ABCDEF\n");
	for (size_t n = 0; n < 15; n++)
		buf_add_text(&text, "ENV A=$A$A\n");
	for (size_t n = 0; n < 3000; n++)
		buf_printf(&text, "LABEL l%zu=$A\n", n);
	is_refused(&text, "values and environments of RUNs grow beyond 32 MiB in all");
}

static void
a_large_file_is_read_quickly(void **state)
{
	auto(buf) struct buf text = { 0 };
	struct timespec begin, end;
	struct planned p;

	(void)state;
	for (size_t stage = 0; stage < 1000; stage++) {
		buf_printf(
		    &text, "FROM %s%zu AS s%zu\n", stage ? "s" : "a", stage ? stage - 1 : 0, stage);
		for (size_t n = 0; n < 9; n++)
			buf_printf(&text, "RUN echo %01100d \\\n  # comment\n  x\n", (int)n);
	}
	assert_true(text.len > 9U << 20);
	start(&p);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	must_plan(&p, buf_text(&text));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(p.file.count, 10000);
	assert_int_equal(p.plan.n_stages, 1000);
	assert_true(end.tv_sec - begin.tv_sec < 20);
	planned_release(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(broken_files_are_reported_as_expected),
	cmocka_unit_test(dockerfiles_of_the_article_plan_without_a_word),
	cmocka_unit_test(run_gets_shell_environment_and_history),
	cmocka_unit_test(only_what_the_target_needs_is_planned_and_resolved),
	cmocka_unit_test(stages_that_are_the_same_for_all_platforms_are_planned_once),
	cmocka_unit_test(warnings_for_several_platforms_are_told_once),
	cmocka_unit_test(context_for_a_platform_wins_over_one_for_all),
	cmocka_unit_test(from_of_a_name_one_letter_off_a_stage_is_told_before_it_is_resolved),
	cmocka_unit_test(name_one_letter_off_a_stage_is_looked_for_in_the_store_alone),
	cmocka_unit_test(target_is_found_whatever_its_case),
	cmocka_unit_test(unknown_target_names_the_stages),
	cmocka_unit_test(t4_t5_t6_t7_env),
	cmocka_unit_test(t8_t9_t10_arguments),
	cmocka_unit_test(t11_unknown_build_argument_warns),
	cmocka_unit_test(t12_proxies_reach_run_but_no_key_or_history),
	cmocka_unit_test(t13_from_sees_global_arguments_and_the_platform),
	cmocka_unit_test(t14_names_compare_in_lower_case_and_numbers_count),
	cmocka_unit_test(t16_contexts_replace_stages_images_and_sources),
	cmocka_unit_test(stage_with_the_name_of_a_context_is_the_context),
	cmocka_unit_test(t17_t18_entrypoint_cmd_and_shell),
	cmocka_unit_test(t19_t20_workdir),
	cmocka_unit_test(copy_paths_stay_inside_and_keep_their_slash),
	cmocka_unit_test(t43_expose_and_the_other_sets),
	cmocka_unit_test(t44_triggers_run_first_and_may_need_stages),
	cmocka_unit_test(arguments_are_inherited_by_stages),
	cmocka_unit_test(epoch_comes_from_argument_environment_or_file),
	cmocka_unit_test(epoch_of_a_stage_is_that_of_the_last_one_with_its_name),
	cmocka_unit_test(labels_of_the_command_line_are_for_the_result_only),
	cmocka_unit_test(standard_frontends_are_built_in),
	cmocka_unit_test(build_arguments_replace_directives),
	cmocka_unit_test(check_skips_rules),
	cmocka_unit_test(all_ports_can_be_exposed),
	cmocka_unit_test(files_that_would_grow_without_bound_are_refused),
	cmocka_unit_test(a_large_file_is_read_quickly),
};

UNIT_MAIN(tests)
