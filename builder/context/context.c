/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - the build context: a directory of the user's, what of it is left out, and its
 * Dockerfile.
 *
 * A file named with -f counts as one of the context when its name, or the place of its directory,
 * is below the context's: then it is resolved there and may not lead out. Any other is the user's
 * own business.
 */
#include "builder/context/context.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

int
context_open(struct context *context, const char *path, struct error *e)
{
	struct error why = ERROR_INIT;

	*context = (struct context){ .dir = -1 };
	if (strstr(path, "://") || text_starts_with(path, "git@"))
		return error_set(e, ERR_USAGE,
		    "build context '%s': remote build contexts are not supported", path);
	context->dir = path_open_user(path, O_RDONLY | O_DIRECTORY, 0, &why);
	if (context->dir < 0) {
		if (why.sys == ENOTDIR) {
			error_set(e, ERR_USAGE, "build context '%s' is not a directory", path);
			return error_hint(
			    e, "a Dockerfile is named with -f: croze build -f '%s' .", path);
		}
		if (why.sys == ENOENT)
			return error_set(e, ERR_USAGE, "build context '%s' is not there", path);
		*e = why;
		return error_ctx(e, "build context");
	}
	context->path = xstrdup(path);
	return 0;
}

void
context_none(struct context *context)
{
	*context = (struct context){ .dir = -1, .path = xstrdup("-") };
}

void
context_release(struct context *context)
{
	if (context->dir >= 0)
		(void)close(context->dir); /* a directory */
	free(context->path);
	free(context->ignore_file);
	ignore_release(&context->ignore);
	*context = (struct context){ .dir = -1 };
}

void
context_dockerfile_release(struct context_dockerfile *dockerfile)
{
	free(dockerfile->path);
	buf_release(&dockerfile->text);
	*dockerfile = (struct context_dockerfile){ 0 };
}

/* @path below directory @top, relative to it, or NULL. To be freed. */
static char *
relative_to(const char *path, const char *top)
{
	size_t length = strlen(top);

	if (!path_is_below(path, top) || strcmp(path, top) == 0)
		return NULL;
	return xstrdup(path + (strcmp(top, "/") == 0 ? 1 : length + 1));
}

/*
 * Where the user's directory @path really is, without links; NULL when it is not there. To be
 * freed.
 */
static char *
real_directory(const char *path)
{
	struct error ignored = ERROR_INIT;
	autofd int fd = path_open_user(path, O_PATH | O_DIRECTORY, 0, &ignored);
	char link[48], real[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = fd < 0 ? -1 : readlinkat(AT_FDCWD, link, real, sizeof(real));
	return length <= 0 || length == sizeof(real) ? NULL : xstrndup(real, (size_t)length);
}

/* The name of the user's @file within the context, or NULL when it is elsewhere. To be freed. */
static char *
name_in_context(const struct context *context, const char *file)
{
	autofree char *cwd = getcwd(NULL, 0);
	autofree char *absolute = path_join(cwd ? cwd : "/", file);
	autofree char *top = path_join(cwd ? cwd : "/", context->path);
	autofree char *parent = xstrndup(absolute, (size_t)(path_base(absolute) - absolute));
	autofree char *real_parent = NULL, *real_top = NULL, *real = NULL;
	char *name = relative_to(absolute, top);

	if (name)
		return name;
	real_parent = real_directory(*parent ? parent : "/");
	real_top = real_directory(top);
	if (!real_parent || !real_top)
		return NULL;
	real = path_join(real_parent, path_base(absolute));
	return relative_to(real, real_top);
}

/* Opens @name in the context; -1 with errno. */
static int
open_inside(const struct context *context, const char *name)
{
	return path_try_open(context->dir, name, O_RDONLY | O_NONBLOCK, 0, PATH_BENEATH);
}

static int
refuse_open(const char *file, struct error *e)
{
	if (errno == EXDEV)
		return error_set(
		    e, ERR_INPUT, "'%s' is a link that leaves the build context", file);
	return error_sys(e, "cannot open '%s'", file);
}

/* Reads what is open at @fd, which belongs to the context when @is_inside. */
static int
read_file(int fd, const char *file, bool is_inside, size_t max, struct buf *text, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '%s'", file);
	if (S_ISDIR(st.st_mode))
		return error_set(e, ERR_INPUT, "'%s' is a directory", file);
	if (is_inside && !S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "'%s' is not a regular file", file);
	return fd_read_all(fd, text, max, file, e);
}

/*
 * Opens a file that the user named: from the working directory, then from the context. Returns the
 * descriptor, or -1 with errno ENOENT, or -2 with @e.
 */
static int
open_named(const struct context *context, const char *file, bool *is_inside, struct error *e)
{
	autofree char *name = NULL;
	struct error why = ERROR_INIT;
	int fd;

	if (context->is_foreign)
		name = path_clean(file[0] == '/' ? file + 1 : file);
	else if (context->dir >= 0)
		name = name_in_context(context, file);
	*is_inside = name != NULL;
	/* A pipe is fine for what is the user's own: -f <(generate). */
	fd = name ? open_inside(context, name) : path_open_user(file, O_RDONLY, 0, &why);
	if (fd < 0 && !name)
		errno = why.sys;
	if (fd < 0 && errno == ENOENT && !name && context->dir >= 0 && file[0] != '/') {
		*is_inside = true;
		fd = open_inside(context, file);
	}
	if (fd < 0 && errno != ENOENT) {
		refuse_open(file, e);
		return -2;
	}
	return fd;
}

static int
dockerfile_read(struct context_dockerfile *dockerfile, int fd, const char *file, bool is_inside,
    struct error *e)
{
	*dockerfile = (struct context_dockerfile){ .path = xstrdup(file) };
	if (read_file(fd, file, is_inside, CONTEXT_DOCKERFILE_MAX, &dockerfile->text, e) < 0) {
		context_dockerfile_release(dockerfile);
		return -1;
	}
	return 0;
}

int
context_read_dockerfile(const struct context *context, const char *file,
    struct context_dockerfile *dockerfile, struct error *e)
{
	static const char *const names[] = { "Dockerfile", "dockerfile", "Containerfile" };
	autofree char *lower = NULL;
	autofd int fd = -1;
	bool is_inside = true;

	*dockerfile = (struct context_dockerfile){ 0 };
	if (file) {
		fd = open_named(context, file, &is_inside, e);
		if (fd == -2)
			return -1;
		if (fd < 0 && strcmp(path_base(file), "Dockerfile") == 0) {
			lower = xasprintf("%.*sdockerfile", (int)(path_base(file) - file), file);
			fd = open_named(context, lower, &is_inside, e);
			file = fd >= 0 ? lower : file;
		}
		if (fd == -2)
			return -1;
		if (fd >= 0)
			return dockerfile_read(dockerfile, fd, file, is_inside, e);
		return error_set(e, ERR_USAGE, "Dockerfile '%s' is not there%s%s", file,
		    context->is_foreign ? ": it is looked for in " : "",
		    context->is_foreign ? context->path : "");
	}
	for (size_t i = 0; context->dir >= 0 && i < ARRAY_LEN(names); i++) {
		fd = open_inside(context, names[i]);
		if (fd >= 0)
			return dockerfile_read(dockerfile, fd, names[i], true, e);
		if (errno != ENOENT)
			return refuse_open(names[i], e);
	}
	error_set(e, ERR_USAGE, "there is no Dockerfile in '%s'", context->path);
	return error_hint(e, "name one with -f");
}

/* Do @bytes begin as a tar or compressed archive does? */
static bool
looks_like_archive(const struct buf *b)
{
	static const struct {
		const char *magic;
		size_t length, offset;
	} kinds[] = {
		{ "\x1f\x8b", 2, 0 },
		{ "\x28\xb5\x2f\xfd", 4, 0 },
		{ "\xfd"
		  "7zXZ",
		    5, 0 },
		{ "BZh", 3, 0 },
		{ "ustar", 5, 257 },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (b->len >= kinds[i].offset + kinds[i].length &&
		    memcmp(b->data + kinds[i].offset, kinds[i].magic, kinds[i].length) == 0)
			return true;
	}
	return false;
}

int
context_read_dockerfile_stream(int fd, struct context_dockerfile *dockerfile, struct error *e)
{
	*dockerfile = (struct context_dockerfile){ .path = xstrdup("-") };
	if (fd_read_all(fd, &dockerfile->text, CONTEXT_DOCKERFILE_MAX, "standard input", e) < 0) {
		context_dockerfile_release(dockerfile);
		return -1;
	}
	if (looks_like_archive(&dockerfile->text)) {
		context_dockerfile_release(dockerfile);
		error_set(e, ERR_USAGE,
		    "standard input is an archive, and archives as build context are not "
		    "supported");
		return error_hint(e, "unpack it and name the directory");
	}
	return 0;
}

/* Takes the patterns of the file open at @fd. */
static int
ignore_read(struct context *context, int fd, const char *file, bool is_inside, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (read_file(fd, file, is_inside, IGNORE_MAX_BYTES, &text, e) < 0)
		return -1;
	if (ignore_parse(&context->ignore, buf_text(&text), text.len, file, e) < 0)
		return -1;
	context->ignore_file = xstrdup(file);
	return 0;
}

int
context_read_ignore(
    struct context *context, const char *dockerfile, const char *own, struct error *e)
{
	static const char *const names[] = { ".containerignore", ".dockerignore" };
	autofd int fd = -1;

	if (own) {
		fd = path_open_user(own, O_RDONLY, 0, e);
		return fd < 0 ? -1 : ignore_read(context, fd, own, false, e);
	}
	if (context->dir < 0 || context->is_foreign)
		return 0;
	if (dockerfile && strcmp(dockerfile, "-") != 0) {
		autofree char *beside = xasprintf("%s.dockerignore", dockerfile);
		bool is_inside = true;

		fd = open_named(context, beside, &is_inside, e);
		if (fd == -2)
			return -1;
		if (fd >= 0)
			return ignore_read(context, fd, beside, is_inside, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		fd = open_inside(context, names[i]);
		if (fd >= 0)
			return ignore_read(context, fd, names[i], true, e);
		if (errno != ENOENT)
			return refuse_open(names[i], e);
	}
	return 0;
}
