/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build - croze build: flags in, scheduler, and the files that say what came out.
 */
#include "builder/build/build.h"

#include "builder/cli/build_flags.h"
#include "builder/cli/commands.h"
#include "builder/image/reference.h"
#include "builder/progress/progress.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files that say what came out ---- */

/* Whole or not at all; but what is no regular file (a pipe, /dev/stdout) is written to. */
static int
write_file(const char *path, const struct buf *b, struct error *e)
{
	const char *base = path_base(path);
	autofree char *folder = xstrndup(path, (size_t)(base - path));
	autofd int fd = -1;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, 0) == 0 && !S_ISREG(st.st_mode)) {
		fd = path_open_user(path, O_WRONLY, 0, e);
		return fd < 0 ? -1 : fd_write_all(fd, buf_text(b), b->len, e);
	}
	fd = path_open_user(*folder != '\0' ? folder : ".", O_PATH | O_DIRECTORY, 0, e);
	if (fd < 0)
		return -1;
	return path_write_file(fd, base, buf_text(b), b->len, 0644, false, e);
}

static int
write_iidfile(const char *path, const struct build_result *result, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	buf_add_text(&b, digest_text(&result->config, text));
	if (write_file(path, &b, e) < 0)
		return error_ctx(e, "--iidfile");
	return 0;
}

/* The members that docker buildx writes. */
static int
write_metadata(
    const struct build_options *options, const struct build_result *result, struct error *e)
{
	autojson struct json *object = json_new_object();
	struct json *descriptor;
	auto(buf) struct buf b = { 0 };
	char text[DIGEST_TEXT_LEN + 1];

	if (result->build_id != NULL)
		json_set_text(object, "buildx.build.ref", result->build_id);
	if (result->has_image) {
		if (result->has_config)
			json_set_text(object, "containerimage.config.digest",
			    digest_text(&result->config, text));
		descriptor = json_set(object, "containerimage.descriptor", json_new_object());
		json_set_text(descriptor, "mediaType", result->manifest_media_type);
		json_set_text(descriptor, "digest", digest_text(&result->manifest, text));
		json_set(descriptor, "size", json_new_u64(result->manifest_size));
		json_set_text(object, "containerimage.digest", text);
	}
	if (options->tags.count > 0) {
		autofree char *names = strv_join(&options->tags, ",");

		json_set_text(object, "image.name", names);
	}
	if (result->network != NULL)
		json_set(object, "croze.network", json_copy(result->network));
	json_write(object, JSON_INDENT, &b);
	if (write_file(options->metadata_file, &b, e) < 0)
		return error_ctx(e, "--metadata-file");
	return 0;
}

/* What a workflow of GitHub reads after the step: outputs of their build action have these names. */
static int
write_github_output(const struct build_result *result, struct error *e)
{
	const char *path = getenv("GITHUB_OUTPUT");
	auto(buf) struct buf b = { 0 };
	autofd int fd = -1;
	char text[DIGEST_TEXT_LEN + 1];

	if (path == NULL || *path == '\0')
		return 0;
	buf_printf(&b, "imageid=%s\n", digest_text(&result->config, text));
	buf_printf(&b, "digest=%s\n", digest_text(&result->manifest, text));
	fd = path_open_user(path, O_WRONLY | O_APPEND | O_CREAT, 0644, e);
	if (fd < 0 || fd_write_all(fd, buf_text(&b), b.len, e) < 0)
		return error_ctx(e, "GITHUB_OUTPUT");
	return 0;
}

static int
write_results(
    const struct build_options *options, const struct build_result *result, struct error *e)
{
	if (options->metadata_file != NULL && write_metadata(options, result, e) < 0)
		return -1;
	if (!result->has_image)
		return 0;
	if (options->iidfile != NULL && write_iidfile(options->iidfile, result, e) < 0)
		return -1;
	return write_github_output(result, e);
}

/* ---- the build ---- */

static int
find_progress_mode(const struct build_flags *flags, enum progress_mode *mode, struct error *e)
{
	static const struct {
		const char *name;
		enum progress_mode mode;
	} names[] = {
		{ "auto", PROGRESS_AUTO },
		{ "tty", PROGRESS_TTY },
		{ "plain", PROGRESS_PLAIN },
		{ "quiet", PROGRESS_QUIET },
	};
	const char *text = flags->progress != NULL ? flags->progress : getenv("BUILDKIT_PROGRESS");

	*mode = flags->quiet ? PROGRESS_QUIET : PROGRESS_AUTO;
	if (flags->quiet || text == NULL || *text == '\0')
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i].name) == 0) {
			*mode = names[i].mode;
			return 0;
		}
	}
	return error_set(
	    e, ERR_USAGE, "BUILDKIT_PROGRESS=%s: there are auto, tty, plain and quiet", text);
}

static struct progress *
open_progress(enum progress_mode mode, const struct build_options *options)
{
	struct error ignored = ERROR_INIT;
	auto(reference) struct reference r = { 0 };
	autofree char *title = NULL;
	struct progress_options how = {
		.mode = mode,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.platform = options->platform,
	};

	if (options->tags.count > 0 && reference_parse(options->tags.items[0], &r, &ignored) == 0)
		title = reference_short(&r);
	how.title = title;
	return progress_new(&how);
}

/* An image ID of an earlier build must not be taken for that of one that failed. */
static int
remove_old(const char *path, struct error *e)
{
	struct stat st;

	if (path == NULL || fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	if (unlinkat(AT_FDCWD, path, 0) < 0 && errno != ENOENT)
		return error_sys(e, "cannot remove '%s'", path);
	return 0;
}

static int
build(const struct build_flags *flags, const struct build_options *options, struct error *e)
{
	auto(build_result) struct build_result result = { 0 };
	struct error ignored = ERROR_INIT;
	struct progress *progress;
	enum progress_mode mode;
	int status;

	if (find_progress_mode(flags, &mode, e) < 0 || remove_old(options->iidfile, e) < 0 ||
	    remove_old(options->metadata_file, e) < 0)
		return command_fail(e);
	progress = open_progress(mode, options);
	status = build_run(options, progress, &result, e);
	if (status == 0)
		status = write_results(options, &result, e);
	else if (result.cache_failed)
		(void)write_results(
		    options, &result, &ignored); /* the image is there all the same */
	progress_free(progress);
	if (status == 0)
		return 0;
	return result.failure_shown ? error_exit_status(e) : command_fail(e);
}

int
build_main(int argc, char **argv, const struct command *self)
{
	struct build_flags flags = BUILD_FLAGS_INIT;
	struct build_options options = { 0 };
	auto(strv) struct strv words = { 0 };
	struct error e = ERROR_INIT;
	int status = 0;
	int result = options_parse(self, argc, argv, &flags, &words, &e);

	if (result == 0)
		result = build_flags_apply(&flags, &words, &options, &e);
	if (result < 0)
		status = command_fail(&e);
	else if (result == 0 && call_wanted(&flags))
		status = call_of_build(&flags, &options);
	else if (result == 0)
		status = build(&flags, &options, &e);
	build_options_release(&options);
	build_flags_release(&flags);
	return status;
}
