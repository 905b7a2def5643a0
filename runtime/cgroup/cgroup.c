/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup - the cgroup of a container: made, limited, entered, frozen, emptied, removed.
 */
#include "runtime/cgroup/cgroup.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/cgroup/devices.h"
#include "runtime/cgroup/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIDS_MAX (8U << 20)
#define WAIT_STEP_NS 2000000
#define WAIT_STEPS 2500 /* five seconds */

void
cgroup_release(struct cgroup *c)
{
	for (size_t i = 0; i < c->count; i++) {
		fd_close_at(&c->places[i].dir);
		fd_close_at(&c->places[i].procs);
		free(c->places[i].folder);
	}
	free(c->places);
	free(c->path);
	layout_release(&c->layout);
	*c = (struct cgroup)CGROUP_INIT;
}

/* "user-a.slice" lies in "user.slice": "/user.slice/user-a.slice". */
static void
add_slices(struct buf *path, const char *slice)
{
	size_t length = strlen(slice) - (text_ends_with(slice, ".slice") ? strlen(".slice") : 0);

	for (size_t i = 1; length > 1 && i <= length; i++)
		if (i == length || slice[i] == '-')
			buf_printf(path, "/%.*s.slice", (int)i, slice);
}

/* Below the hierarchies, clean; systemd's "slice:prefix:name" is written out. NULL when it is none. */
static char *
path_of(const char *wished)
{
	auto(strv) struct strv parts = { 0 };
	auto(buf) struct buf path = { 0 };

	if (strchr(wished, ':')) {
		strv_split(&parts, wished, ':');
		if (parts.count != 3 || strchr(wished, '/') || !*parts.items[2])
			return NULL;
		add_slices(&path, *parts.items[0] ? parts.items[0] : "system.slice");
		buf_printf(&path, "/%s%s%s.scope", parts.items[1], *parts.items[1] ? "-" : "",
		    parts.items[2]);
		return path_absolute(buf_text(&path));
	}
	return path_absolute(wished);
}

/* Beside the calling process, where it may make a cgroup; otherwise below itself. */
static char *
own_path(const struct layout *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct hierarchy *h = &l->items[i];
		autofree char *parent = xasprintf("%s/..", h->own);
		autofree char *above = path_absolute(parent);
		autofree char *procs = xasprintf("%s%s/cgroup.procs", h->mount, above);

		if (!h->v2 || strcmp(h->own, "/") == 0)
			continue;
		return xasprintf("%s/croze-%s",
		    access(procs, W_OK) == 0 ? (strcmp(above, "/") == 0 ? "" : above) : h->own, id);
	}
	return xasprintf("/croze-%s", id);
}

static int
write_file(int dir, const char *file, const char *value, struct error *e)
{
	autofd int fd = openat(dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return error_sys(e, "cannot write '%s' to '%s'", value, file);
	return 0;
}

static int
read_line(int dir, const char *file, char *line, size_t room)
{
	autofd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, line, room - 1);

	if (n < 0)
		return -1;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

/* A new cpuset of v1 has neither CPUs nor nodes, and takes no process before it has. */
static void
fill_cpuset(int parent, int dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	struct error ignored = ERROR_INIT;
	char line[4096];

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (read_line(dir, files[i], line, sizeof(line)) == 0 && !*line &&
		    read_line(parent, files[i], line, sizeof(line)) == 0 && *line)
			(void)write_file(
			    dir, files[i], line, &ignored); /* seen when it is entered */
}

/* Controllers of a v2 cgroup are handed down by each one above it. A controller that cannot be is missed when its file is. */
static void
hand_down(int dir, const struct strv *controllers)
{
	struct error ignored = ERROR_INIT;

	for (size_t i = 0; i < controllers->count; i++) {
		autofree char *word = xasprintf("+%s", controllers->items[i]);

		(void)write_file(dir, "cgroup.subtree_control", word, &ignored);
	}
}

/* Opens the cgroup of @h, making what is missing. */
static int
make_place(const struct hierarchy *h, const char *path, struct cgroup_place *place, struct error *e)
{
	auto(strv) struct strv names = { 0 };
	autofd int dir = path_open_user(h->mount, O_RDONLY | O_DIRECTORY, 0, e);
	bool cpuset = !h->v2 && strv_has(&h->controllers, "cpuset");

	*place = (struct cgroup_place){ .hierarchy = h, .dir = -1, .procs = -1 };
	if (dir < 0)
		return -1;
	strv_split(&names, path + 1, '/');
	for (size_t i = 0; i < names.count; i++) {
		autofd int above = dir;

		if (h->v2)
			hand_down(above, &h->controllers);
		place->made = mkdirat(above, names.items[i], 0755) == 0;
		dir = -1;
		if (!place->made && errno != EEXIST)
			return error_sys(e, "cannot make the cgroup '%s%s'", h->mount, path);
		dir =
		    openat(above, names.items[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0)
			return error_sys(e, "cannot open the cgroup '%s%s'", h->mount, path);
		if (cpuset)
			fill_cpuset(above, dir);
	}
	place->folder = xasprintf("%s%s", h->mount, path);
	place->procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (place->procs < 0)
		return error_sys(e, "cannot open '%s/cgroup.procs'", place->folder);
	place->dir = steal_fd(&dir);
	return 0;
}

static void
drop_place(struct cgroup_place *place)
{
	fd_close_at(&place->dir);
	fd_close_at(&place->procs);
	if (place->made && place->folder)
		(void)unlinkat(
		    AT_FDCWD, place->folder, AT_REMOVEDIR); /* it may be somebody else's by now */
	free(place->folder);
	*place = (struct cgroup_place){ .dir = -1, .procs = -1 };
}

static const struct cgroup_place *
place_of(const struct cgroup *c, const char *controller)
{
	for (size_t i = 0; i < c->count; i++)
		if (strv_has(&c->places[i].hierarchy->controllers, controller) ||
		    (c->places[i].hierarchy->v2 && strcmp(controller, "cgroup") == 0))
			return &c->places[i];
	return NULL;
}

static int
refuse_setting(const struct cgroup *c, const struct setting *s, struct error *e)
{
	error_set(e, ERR_HOST, "'linux.resources.%s' cannot be set: %s", s->member,
	    c->layout.kind == CGROUP_NONE ? "there is no cgroup file system here"
	    : c->path                     ? "no cgroup of this container has the controller"
					  : "no cgroup can be made here");
	return error_hint(e,
	    "the controller '%s' must be delegated to you: run inside 'systemd-run --user --scope "
	    "-p "
	    "Delegate=yes', or as root",
	    s->controller);
}

static bool
is_written_again(const struct settings *s, size_t n)
{
	for (size_t i = n + 1; i < s->count; i++)
		if (strcmp(s->items[i].file, s->items[n].file) == 0)
			return true;
	return false;
}

static int
apply_one(const struct cgroup *c, const struct settings *all, size_t n, struct error *e)
{
	const struct setting *s = &all->items[n];
	const struct cgroup_place *place = place_of(c, s->controller);
	struct error failed = ERROR_INIT;

	if (!place && (strcmp(s->value, "max") == 0 || strcmp(s->value, "-1") == 0))
		return 0; /* there is no limit without it either */
	if (!place)
		return refuse_setting(c, s, e);
	if (write_file(place->dir, s->file, s->value, &failed) == 0)
		return 0;
	if (failed.sys == ENOENT && s->other_file &&
	    write_file(place->dir, s->other_file, s->value, &failed) == 0)
		return 0;
	if (is_written_again(all, n))
		return 0;
	*e = failed;
	error_ctx(e, "'linux.resources.%s' cannot be set in '%s'", s->member, place->folder);
	e->kind = ERR_HOST;
	if (failed.sys == ENOENT)
		error_hint(e,
		    "the controller '%s' is not there or not handed down (cgroup.subtree_control)",
		    s->controller);
	return -1;
}

/* More memory in use than the new limit allows is a failure only for whoever wants to hear it. */
static int
check_usage(const struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	const struct cgroup_place *place = place_of(c, "memory");
	char line[64];
	uint64_t used;

	if (!r->check_before_update || r->memory_limit <= 0 || !place)
		return 0;
	if (read_line(place->dir, place->hierarchy->v2 ? "memory.current" : "memory.usage_in_bytes",
		line, sizeof(line)) < 0 ||
	    parse_u64(line, 0, UINT64_MAX, "memory in use", &used, e) < 0)
		return 0;
	if (used <= (uint64_t)r->memory_limit)
		return 0;
	return error_set(e, ERR_POLICY,
	    "'linux.resources.memory.limit' is %" PRId64 ", and %" PRIu64 " bytes are in use",
	    r->memory_limit, used);
}

/* In a hybrid layout v1 has the controllers that matter; "unified" is for the v2 one. */
int
cgroup_set(struct cgroup *c, const struct oci_resources *r, struct error *e)
{
	auto(settings) struct settings s = { 0 };

	if (settings_of(r, c->layout.kind == CGROUP_V2, &s, e) < 0 || check_usage(c, r, e) < 0)
		return -1;
	for (size_t i = 0; i < s.count; i++)
		if (apply_one(c, &s, i, e) < 0)
			return -1;
	return 0;
}

/* As many as can be made; what a limit misses is seen when it is set. */
static int
make_places(struct cgroup *c, struct error *first)
{
	c->places = xcalloc(c->layout.count + 1, sizeof(c->places[0]));
	for (size_t i = 0; i < c->layout.count; i++) {
		struct error e = ERROR_INIT;
		struct cgroup_place place;

		if (make_place(&c->layout.items[i], c->path, &place, &e) == 0) {
			c->places[c->count++] = place;
			continue;
		}
		drop_place(&place);
		if (first->kind == ERR_NONE)
			*first = e;
	}
	return (int)c->count;
}

/* The next cgroup below @dir, opened in *@below where that can be; NULL when there are no more. */
static const struct dirent *
next_below(DIR *list, int dir, int *below)
{
	const struct dirent *entry;

	while (list && (entry = readdir(list)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
			*below = openat(
			    dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			return entry;
		}
	return NULL;
}

/* Also by those that have no number here, as they live in another pid namespace. */
static bool
is_populated(int dir)
{
	char line[32];
	struct error ignored = ERROR_INIT;
	autodir DIR *list = NULL;
	bool populated = read_line(dir, "cgroup.procs", line, sizeof(line)) == 0 && *line;

	list = populated ? NULL : fd_opendir(dir, &ignored);
	while (!populated) {
		autofd int below = -1;

		if (!next_below(list, dir, &below))
			break;
		populated = below >= 0 && is_populated(below);
	}
	return populated;
}

/* What is in the container's cgroup is the container: it is frozen, signalled and in the end killed with it. */
static int
refuse_others(const struct cgroup *c, struct error *e)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->places[i].made && is_populated(c->places[i].dir)) {
			error_set(e, ERR_INPUT,
			    "'linux.cgroupsPath': there are processes in '%s' already",
			    c->places[i].folder);
			return error_hint(e, "give the container a cgroup of its own");
		}
	return 0;
}

static int
set_devices(const struct cgroup_wish *w, struct cgroup *c, struct error *e)
{
	const struct cgroup_place *v1 = place_of(c, "devices");
	const struct cgroup_place *v2 = place_of(c, "cgroup");

	if (w->own_users || w->resources->n_devices == 0)
		return 0;
	if (v1)
		return devices_write(v1->dir, w->resources, e);
	if (v2)
		return devices_attach(v2->dir, w->resources, e);
	return 0; /* as for other runtimes: without a cgroup, what may be opened is up to the modes of nodes */
}

int
cgroup_make(const struct cgroup_wish *w, struct cgroup *c, struct error *e)
{
	bool needed = oci_resources_any(w->resources);
	struct error first = ERROR_INIT;

	*c = (struct cgroup)CGROUP_INIT;
	if (!needed && !w->path)
		return 0;
	layout_read(&c->layout);
	if (w->path && *w->path) {
		c->path = path_of(w->path);
		if (!c->path || strcmp(c->path, "/") == 0) {
			cgroup_release(c);
			return error_set(e, ERR_INPUT,
			    "config.json: 'linux.cgroupsPath': '%s' is no path of a cgroup",
			    w->path);
		}
	} else {
		c->path = own_path(&c->layout, w->id);
	}
	if (make_places(c, &first) == 0) {
		free(c->path);
		c->path = NULL;
	}
	if (refuse_others(c, e) == 0 && cgroup_set(c, w->resources, e) == 0 &&
	    set_devices(w, c, e) == 0)
		return 0;
	if (first.kind != ERR_NONE && e->hint[0] == '\0')
		error_hint(e, "%s", first.text);
	error_ctx(e, "config.json");
	for (size_t i = 0; i < c->count; i++)
		drop_place(&c->places[i]);
	cgroup_release(c);
	return -1;
}

int
cgroup_open(const char *path, struct cgroup *c, struct error *e)
{
	*c = (struct cgroup)CGROUP_INIT;
	layout_read(&c->layout);
	c->path = xstrdup(path);
	c->places = xcalloc(c->layout.count + 1, sizeof(c->places[0]));
	for (size_t i = 0; i < c->layout.count; i++) {
		const struct hierarchy *h = &c->layout.items[i];
		autofree char *folder = xasprintf("%s%s", h->mount, path);
		struct error ignored = ERROR_INIT;
		int dir = path_open_user(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &ignored);

		if (dir < 0)
			continue;
		c->places[c->count++] = (struct cgroup_place){ .hierarchy = h,
			.folder = steal_ptr(&folder),
			.dir = dir,
			.procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NOFOLLOW),
			.made = true };
	}
	if (c->count > 0)
		return 0;
	cgroup_release(c);
	return error_set(e, ERR_NOT_FOUND, "the cgroup '%s' is not there any more", path);
}

int
cgroup_attach(const struct cgroup *c, pid_t pid, struct error *e)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);

	for (size_t i = 0; i < c->count; i++) {
		autofd int opened = -1;
		int procs = c->places[i].procs;

		if (procs < 0)
			procs = opened =
			    openat(c->places[i].dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
		if (procs < 0 || write(procs, text, (size_t)length) < 0) {
			error_sys(e, "cannot move the process into '%s'", c->places[i].folder);
			e->kind = ERR_HOST;
			return -1;
		}
	}
	return 0;
}

static const struct cgroup_place *
freezer_of(const struct cgroup *c, bool *v2)
{
	const struct cgroup_place *v1 = place_of(c, "freezer");

	*v2 = !v1;
	return v1 ? v1 : place_of(c, "cgroup");
}

int
cgroup_is_frozen(const struct cgroup *c)
{
	bool v2;
	const struct cgroup_place *place = freezer_of(c, &v2);
	char line[256] = "";

	if (!place)
		return 0;
	if (!v2)
		return read_line(place->dir, "freezer.state", line, sizeof(line)) == 0 &&
		       strcmp(line, "FROZEN") == 0;
	if (read_line(place->dir, "cgroup.freeze", line, sizeof(line)) < 0)
		return 0;
	return strcmp(line, "1") == 0;
}

/* "frozen 1" in cgroup.events: all have come to a stop. */
static bool
has_settled(const struct cgroup_place *place, bool v2, bool frozen)
{
	auto(buf) struct buf text = { 0 };
	struct error ignored = ERROR_INIT;
	char line[64] = "";

	if (!v2)
		return read_line(place->dir, "freezer.state", line, sizeof(line)) == 0 &&
		       strcmp(line, frozen ? "FROZEN" : "THAWED") == 0;
	if (path_read_file(place->dir, "cgroup.events", &text, 4096, &ignored) < 0)
		return false;
	return strstr(buf_text(&text), frozen ? "frozen 1" : "frozen 0") != NULL;
}

int
cgroup_freeze(const struct cgroup *c, bool frozen, struct error *e)
{
	struct timespec step = { 0, WAIT_STEP_NS };
	bool v2;
	const struct cgroup_place *place = freezer_of(c, &v2);

	if (!place)
		return error_set(e, ERR_HOST, "the container has no cgroup that could be paused");
	for (int i = 0; i < WAIT_STEPS; i++) {
		/* v1 forgets the request when a process is made at the wrong moment: it is written again */
		if ((i == 0 || !v2) &&
		    write_file(place->dir, v2 ? "cgroup.freeze" : "freezer.state",
			v2 ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED"), e) < 0) {
			e->kind = ERR_HOST;
			return error_ctx(e, "'%s'", place->folder);
		}
		if (has_settled(place, v2, frozen))
			return 0;
		(void)nanosleep(&step, NULL); /* an early end asks once more */
	}
	return error_set(e, ERR_TEMPORARY, "the processes of '%s' do not %s", place->folder,
	    frozen ? "stop" : "go on");
}

static void
add_pids(int dir, pid_t **pids, size_t *count, size_t *room)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	struct error ignored = ERROR_INIT;
	autofd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autodir DIR *list = NULL;

	if (fd >= 0 && fd_read_all(fd, &text, PIDS_MAX, "cgroup.procs", &ignored) == 0)
		strv_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count; i++) {
		uint64_t pid;

		if (parse_u64(lines.items[i], 1, INT32_MAX, "pid", &pid, &ignored) < 0)
			continue;
		xgrow(pids, *count + 1, room, sizeof(**pids));
		(*pids)[(*count)++] = (pid_t)pid;
	}
	list = fd_opendir(dir, &ignored);
	for (;;) {
		autofd int below = -1;

		if (!next_below(list, dir, &below))
			break;
		if (below >= 0)
			add_pids(below, pids, count, room);
	}
}

int
cgroup_pids(const struct cgroup *c, pid_t **pids, struct error *e)
{
	const struct cgroup_place *place = place_of(c, "cgroup");
	size_t count = 0, room = 0;

	*pids = NULL;
	if (!place && c->count > 0)
		place = &c->places[0];
	if (!place)
		return error_set(e, ERR_HOST, "the container has no cgroup");
	add_pids(place->dir, pids, &count, &room);
	return (int)count;
}

/* A process that is made meanwhile is seen the next time round. */
int
cgroup_signal(const struct cgroup *c, int signal, struct error *e)
{
	const struct cgroup_place *v2 = place_of(c, "cgroup");
	struct error ignored = ERROR_INIT;
	autofree pid_t *pids = NULL;
	int n;

	if (signal == SIGKILL && v2 && write_file(v2->dir, "cgroup.kill", "1", &ignored) == 0)
		return 0;
	n = cgroup_pids(c, &pids, e);
	for (int i = 0; pids && i < n; i++)
		(void)kill(pids[i], signal); /* ESRCH: has ended */
	return n < 0 ? -1 : 0;
}

static int
remove_below(int dir)
{
	struct error ignored = ERROR_INIT;
	autodir DIR *list = fd_opendir(dir, &ignored);

	for (;;) {
		autofd int below = -1;
		const struct dirent *entry = next_below(list, dir, &below);

		if (!entry)
			break;
		if (below >= 0)
			(void)remove_below(below);
		if (unlinkat(dir, entry->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

/* A process that was killed takes a moment to leave. */
static int
remove_place(const struct cgroup *c, const struct cgroup_place *place, struct error *e)
{
	struct timespec step = { 0, WAIT_STEP_NS };
	autofree char *copy = xstrdup(place->folder);
	struct error ignored = ERROR_INIT;
	char *slash = strrchr(copy, '/');
	autofd int above = -1;

	*slash = '\0';
	above = path_open_user(copy, O_RDONLY | O_DIRECTORY, 0, e);
	if (above < 0)
		return e->sys == ENOENT ? 0 : -1;
	for (int i = 0; i < WAIT_STEPS; i++) {
		if (remove_below(place->dir) == 0 &&
		    (unlinkat(above, slash + 1, AT_REMOVEDIR) == 0 || errno == ENOENT))
			return 0;
		if (errno != EBUSY)
			break;
		(void)cgroup_signal(c, SIGKILL, &ignored);
		(void)nanosleep(&step, NULL); /* an early end asks once more */
	}
	return error_sys(e, "cannot remove the cgroup '%s'", place->folder);
}

int
cgroup_remove(struct cgroup *c, struct error *e)
{
	int result = 0;

	for (size_t i = 0; i < c->count; i++) {
		struct error one = ERROR_INIT;

		if (remove_place(c, &c->places[i], &one) == 0)
			continue;
		if (result == 0)
			*e = one;
		result = -1;
	}
	return result;
}

int
cgroup_read(const struct cgroup *c, const char *controller, const char *file, struct buf *text,
    struct error *e)
{
	const struct cgroup_place *place = place_of(c, controller);

	if (!place)
		return error_set(
		    e, ERR_HOST, "no cgroup of the container has the controller '%s'", controller);
	return path_read_file(place->dir, file, text, PIDS_MAX, e);
}
