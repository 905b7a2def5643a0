/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dockerfile - any bytes as a Dockerfile, up to the plan and its messages.
 */
#include "builder/image/config.h"
#include "builder/plan/plan.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

/** Every image is there and empty, but those whose name begins with 'm'; 't' has triggers. */
static int
resolve(void *arg, const char *reference, struct image_config **config, char **id, struct error *e)
{
	auto(platform) struct platform platform = { .os = xstrdup("linux"),
		.architecture = xstrdup("amd64") };

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

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct plan_context contexts[] = {
		{ "ctx", PLAN_CONTEXT_DIRECTORY, "/x" },
		{ "img", PLAN_CONTEXT_IMAGE, "other" },
	};
	struct plan_options options = {
		.os = "linux",
		.architecture = "amd64",
		.variant = "",
		.contexts = contexts,
		.n_contexts = ARRAY_LEN(contexts),
		.resolve = resolve,
	};
	auto(buf) struct buf shown = { 0 };
	struct diagnostics diagnostics;
	struct dockerfile file;
	struct plan plan;

	diagnostics_init(&diagnostics, "Dockerfile");
	(void)dockerfile_parse(&file, (const char *)bytes, length, &diagnostics);
	(void)plan_make(&plan, &file, &options, &diagnostics);
	diagnostics_write(&diagnostics, &shown);
	plan_release(&plan);
	dockerfile_release(&file);
	diagnostics_release(&diagnostics);
	return 0;
}
