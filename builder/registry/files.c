/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files - the user's configuration files: where they are, and reading them.
 */
#include "builder/registry/files.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
files_home(const char *name)
{
	const char *home = getenv("HOME");

	return home && *home ? xasprintf("%s/%s", home, name) : NULL;
}

char *
files_config(const char *name)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	autofree char *below = NULL;

	if (config && *config)
		return xasprintf("%s/%s", config, name);
	below = xasprintf(".config/%s", name);
	return files_home(below);
}

char *
files_docker(void)
{
	const char *dir = getenv("DOCKER_CONFIG");

	return dir && *dir ? xasprintf("%s/config.json", dir) : files_home(".docker/config.json");
}

static bool
is_missing(int number)
{
	return number == ENOENT || number == ENOTDIR;
}

int
files_read(const char *path, struct buf *b, struct error *e)
{
	struct error problem = ERROR_INIT;
	autofd int fd = -1;
	struct stat st;

	if (!path)
		return 0;
	fd = path_open_user(path, O_RDONLY | O_NONBLOCK, 0, &problem);
	if (fd < 0) {
		/* One that may not be read could forbid something: it is not as if it were not there. */
		if (is_missing(problem.sys))
			return 0;
		*e = problem;
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "'%s' is no file", path);
	return fd_read_all(fd, b, FILES_MAX_BYTES, path, e) < 0 ? -1 : 1;
}

int
files_read_json(const char *path, struct json **j, struct error *e)
{
	auto(buf) struct buf b = { 0 };
	int found = files_read(path, &b, e);

	if (found <= 0)
		return found;
	*j = strspn(buf_text(&b), " \t\r\n") == b.len ? json_new_object()
	                                              : json_parse(buf_text(&b), b.len, e);
	if (!*j)
		return error_ctx(e, "'%s'", path);
	if (json_type(*j) == JSON_OBJECT)
		return 1;
	json_free(*j);
	*j = NULL;
	return error_set(e, ERR_INPUT, "'%s' is no JSON object", path);
}

int
files_list(const char *path, struct strv *names, struct error *e)
{
	struct error problem = ERROR_INIT;
	autofd int fd = path ? path_open_user(path, O_RDONLY | O_DIRECTORY, 0, &problem) : -1;
	autodir DIR *dir = NULL;
	struct dirent *entry;

	if (fd < 0) {
		if (!path || is_missing(problem.sys) || problem.sys == EACCES)
			return 0;
		*e = problem;
		return -1;
	}
	dir = fd_opendir(fd, e);
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			strv_add(names, entry->d_name);
	strv_sort(names);
	return 1;
}

int
files_write_json(const char *path, const struct json *j, struct error *e)
{
	const char *base = path_base(path);
	autofree char *folder = xstrndup(path, (size_t)(base - path));
	auto(buf) struct buf b = { 0 };
	autofd int dir = -1;

	if (*folder && path_make_dirs_user(folder, e) < 0)
		return -1;
	dir = path_open_user(*folder ? folder : ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	json_write(j, JSON_INDENT, &b);
	return path_write_file(dir, base, buf_text(&b), b.len, 0600, true, e);
}
