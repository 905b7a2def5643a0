/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_extras - flags of croze build that come from buildah.
 */
#include "builder/cli/build_flags.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1U << 20)
#define DOCKERFILE_MAX (16U << 20)

/* ---- --build-arg-file ---- */

static int
take_line(
    const char *line, const char *file, size_t number, struct strv *arguments, struct error *e)
{
	const char *text = line + strspn(line, " \t"), *equals = strchr(text, '=');
	autofree char *name = NULL;

	if (*text == '\0' || *text == '#')
		return 0;
	if (equals == NULL || equals == text)
		return error_set(e, ERR_USAGE, "--build-arg-file: %s:%zu: '%s' is not NAME=VALUE",
		    file, number, text);
	name = xstrndup(text, (size_t)(equals - text));
	env_set(arguments, name, equals + 1);
	return 0;
}

static int
read_arguments(const char *file, struct strv *arguments, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	autofd int fd = path_open_user(file, O_RDONLY, 0, e);

	if (fd < 0 || fd_read_all(fd, &text, FILE_MAX, file, e) < 0)
		return error_ctx(e, "--build-arg-file");
	strv_split(&lines, buf_text(&text), '\n');
	for (size_t n = 0; n < lines.count; n++) {
		size_t length = strlen(lines.items[n]);

		if (length > 0 && lines.items[n][length - 1] == '\r')
			lines.items[n][length - 1] = '\0';
		if (take_line(lines.items[n], file, n + 1, arguments, e) < 0)
			return -1;
	}
	return 0;
}

int
build_extras_arguments(
    const struct build_flags *flags, struct build_options *options, struct error *e)
{
	for (size_t n = 0; n < flags->build_arg_files.count; n++)
		if (read_arguments(flags->build_arg_files.items[n], &options->build_args, e) < 0)
			return -1;
	return 0;
}

/* ---- what is changed of the image ---- */

static int
take_env(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	for (size_t n = 0; n < flags->env.count; n++) {
		const char *text = flags->env.items[n], *equals = strchr(text, '=');
		autofree char *name =
		    equals != NULL ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);
		const char *value = equals != NULL ? equals + 1 : getenv(name);

		if (*name == '\0')
			return error_set(e, ERR_USAGE, "--env: '%s' has no name", text);
		if (value != NULL)
			env_set(&options->env, name, value);
	}
	return 0;
}

int
build_extras_apply(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	strv_copy(&options->unset_env, &flags->unset_env);
	strv_copy(&options->unset_labels, &flags->unset_labels);
	options->omit_history = flags->omit_history;
	/* buildah's --layers=false: no cache of steps, and one layer */
	if (flags->squash || !flags->layers)
		options->squash = BUILD_SQUASH_NEW;
	if (flags->squash_all)
		options->squash = BUILD_SQUASH_ALL;
	if (flags->from != NULL && *flags->from == '\0')
		return error_set(e, ERR_USAGE, "--from: the name of the image is empty");
	if (flags->from != NULL)
		options->from = xstrdup(flags->from);
	return take_env(flags, options, e);
}

/* ---- --cpp-flag ---- */

/*
 * As buildah: cpp -E -traditional over a Dockerfile named *.in. A preprocessor includes any file that its user may read, so
 * it is only started when it is asked for, and never by the name alone.
 */
static int
run_cpp(const struct build_flags *flags, const char *file, struct buf *text, struct error *e)
{
	autofree char *program = process_find("cpp");
	const char *base = path_base(file);
	auto(strv) struct strv words = { 0 };
	struct process_spec spec = { .path = program, .out = -1, .err = STDERR_FILENO };
	autofd int in = path_open_user(file, O_RDONLY, 0, e);
	int status;

	if (in < 0)
		return -1;
	if (program == NULL) {
		error_set(e, ERR_HOST, "there is no program 'cpp'");
		return error_hint(e, "install it: apt-get install cpp");
	}
	strv_add(&words, "cpp");
	strv_add(&words, "-E");
	strv_add(&words, "-P");
	strv_add(&words, "-traditional");
	strv_add(&words, "-undef");
	strv_add(&words, "-iquote");
	strv_take(&words, base == file ? xstrdup(".") : xstrndup(file, (size_t)(base - file)));
	strv_append(&words, &flags->cpp_flags);
	strv_add(&words, "-");
	spec.argv = strv_array(&words);
	spec.in = in;
	status = process_run(&spec, text, DOCKERFILE_MAX, e);
	if (status > 0)
		return error_set(e, ERR_INPUT, "cpp ended with status %d", status);
	return status;
}

int
build_extras_preprocess(
    const struct build_flags *flags, struct build_options *options, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (flags->cpp_flags.count == 0)
		return 0;
	if (options->dockerfile_text != NULL || !text_ends_with(options->dockerfile, ".in"))
		return error_set(e, ERR_USAGE, "--cpp-flag: '%s' is no file whose name ends in .in",
		    options->dockerfile);
	if (run_cpp(flags, options->dockerfile, &text, e) < 0)
		return error_ctx(e, "'%s'", options->dockerfile);
	options->dockerfile_length = text.len;
	options->dockerfile_text = buf_steal(&text);
	return 0;
}

/* ---- --source-policy-file ---- */

int
build_extras_source_policy(
    const struct build_flags *flags, struct build_options *options, struct error *e)
{
	const char *file = flags->source_policy != NULL
	                       ? flags->source_policy
	                       : getenv("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY");
	auto(buf) struct buf text = { 0 };
	autofd int fd = -1;

	if (file == NULL || *file == '\0')
		return 0;
	fd = path_open_user(file, O_RDONLY, 0, e);
	if (fd < 0 || fd_read_all(fd, &text, FILE_MAX, file, e) < 0)
		return error_ctx(e, "--source-policy-file");
	options->source_policy = source_policy_parse(file, &text, e);
	return options->source_policy != NULL ? 0 : error_ctx(e, "--source-policy-file");
}
