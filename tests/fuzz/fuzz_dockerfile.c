/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dockerfile - any bytes as a Dockerfile, up to the plan, its lint and its messages; as
 * package.json, too.
 */
#include "builder/dockerfile/dump.h"
#include "builder/dockerfile/report.h"
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

/** Every image is there and empty, but those whose name begins with 'm'; 't' has triggers. */
static int
resolve(void *arg, const char *reference, const struct platform *wanted,
    struct image_config **config, char **id, struct error *e)
{
	auto(platform) struct platform platform = { .os = xstrdup("linux"),
		.architecture = xstrdup("amd64") };

	(void)wanted;
	(void)arg;
	if (reference[0] == 'm')
		return error_set(e, ERR_NOT_FOUND, "no image '%s'", reference);
	*config = xcalloc(1, sizeof(**config));
	image_config_init_scratch(*config, &platform);
	if (reference[0] == 't') {
		strv_add(&(*config)->onbuild, "COPY --from=a b c");
		strv_add(&(*config)->onbuild, reference);
	}
	*id = xstrdup(reference);
	return 0;
}

/** What is fuzzed. */
struct input {
	const uint8_t *bytes;
	size_t length;
};

static bool
is_ignored(void *arg, const char *path)
{
	(void)arg;
	return path[0] == 'i';
}

/** package.json is a Dockerfile's end from its first '{' on. */
static int
read_file(void *arg, const char *path, struct buf *text)
{
	const struct input *input = arg;
	const uint8_t *brace = input->length > 0 ? memchr(input->bytes, '{', input->length) : NULL;

	(void)path;
	if (!brace)
		return 0;
	buf_add(text, brace, input->length - (size_t)(brace - input->bytes));
	return 1;
}

static void
report(const struct dockerfile *file, struct diagnostics *diagnostics, struct buf *shown)
{
	struct json *forms[] = { report_json(file, diagnostics), report_sarif(file, diagnostics),
		dump_dockerfile(file, diagnostics) };

	for (size_t n = 0; n < ARRAY_LEN(forms); n++) {
		json_write(forms[n], 0, shown);
		json_free(forms[n]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct plan_context contexts[] = {
		{ "ctx", PLAN_CONTEXT_DIRECTORY, "/x" },
		{ "img", PLAN_CONTEXT_IMAGE, "other" },
	};
	struct input input = { bytes, length };
	struct plan_options options = {
		.os = "linux",
		.architecture = "amd64",
		.variant = "",
		.contexts = contexts,
		.n_contexts = ARRAY_LEN(contexts),
		.resolve = resolve,
		.is_ignored = is_ignored,
		.read_file = read_file,
		.arg = &input,
		.flags = length % 2 ? PLAN_CHECK | PLAN_ALL : 0,
	};
	auto(buf) struct buf shown = { 0 };
	struct diagnostics diagnostics;
	struct dockerfile file;
	struct plan plan;

	diagnostics_init(&diagnostics, "Dockerfile");
	(void)dockerfile_parse(&file, (const char *)bytes, length, &diagnostics);
	(void)plan_make(&plan, &file, &options, &diagnostics);
	diagnostics_write(&diagnostics, &shown);
	if (length % 8 == 0) /* it takes longer than all the rest */
		report(&file, &diagnostics, &shown);
	plan_release(&plan);
	dockerfile_release(&file);
	diagnostics_release(&diagnostics);
	return 0;
}
