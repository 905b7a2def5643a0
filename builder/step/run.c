/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - RUN: a command in a container over the files of the steps before it.
 */
#include "builder/step/run.h"

#include "builder/step/devices.h"
#include "builder/step/kept.h"
#include "builder/step/points.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/user.h"
#include "seccomp/owner.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define RESOLV_CONF_MAX (64U << 10)

static int
put_file(int dir, const char *name, const struct buf *text, struct error *e)
{
	if (path_write_file(dir, name, buf_text(text), text->len, 0644, false, e) < 0)
		return -1;
	return path_open(dir, name, O_PATH | O_NOFOLLOW, 0, PATH_NO_SYMLINKS, e);
}

/* What the host says besides its name servers: where short names are looked for, and how. */
static void
add_options(const struct buf *host, struct buf *text)
{
	auto(strv) struct strv lines = { 0 };

	strv_split(&lines, buf_text(host), '\n');
	for (size_t i = 0; i < lines.count; i++)
		if (text_starts_with(lines.items[i], "search") ||
		    text_starts_with(lines.items[i], "domain") ||
		    text_starts_with(lines.items[i], "options"))
			buf_printf(text, "%s\n", lines.items[i]);
}

static int
write_resolv_conf(struct run_environment *environment, int dir, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	auto(buf) struct buf host_text = { 0 };
	struct error ignored = ERROR_INIT;
	autofd int host = -1;

	/* a host without the file has no name servers to offer */
	host = path_open_user("/etc/resolv.conf", O_RDONLY | O_NONBLOCK, 0, &ignored);
	if (host >= 0 && fd_read_all(host, &host_text, RESOLV_CONF_MAX, "/etc/resolv.conf", e) < 0)
		return -1;
	if (environment->netns.resolver) {
		buf_printf(&text, "nameserver %s\n", environment->netns.resolver);
		add_options(&host_text, &text);
	} else {
		buf_add(&text, host_text.data, host_text.len);
	}
	environment->resolv_conf = put_file(dir, "resolv.conf", &text, e);
	return environment->resolv_conf < 0 ? -1 : 0;
}

/* Of the step; NULL: of those that say nothing of it. */
static enum netns_mode
network_of(const struct run_environment *environment, const struct plan_step *step)
{
	if (step && step->network == PLAN_NETWORK_NONE)
		return NETNS_NONE;
	if (step && step->network == PLAN_NETWORK_HOST)
		return NETNS_HOST;
	return environment->network;
}

/* Can the command have another host name than the machine that it is on? A chroot has it by who answers for its network. */
static bool
gives_hostname(const struct run_environment *environment, const struct plan_step *step)
{
	return !environment->chroot || network_of(environment, step) == NETNS_DEFAULT;
}

static const char *
hostname_of(const struct run_environment *environment, const struct plan_step *step)
{
	if (step && step->hostname)
		return step->hostname;
	return environment->hostname ? environment->hostname : "buildkitsandbox";
}

/* The file /etc/hosts for the command of @step, or with NULL for those that say nothing of names and network; -1. */
static int
write_hosts(const struct run_environment *environment, const struct plan_step *step, int dir,
    struct error *e)
{
	const char *name = hostname_of(environment, step);
	auto(buf) struct buf text = { 0 };
	struct utsname names;

	if (!gives_hostname(environment, step) && uname(&names) == 0)
		name = names.nodename;
	/* a program that looks for its own name (sudo) would ask for it outside, and wait */
	buf_printf(&text, "127.0.0.1\tlocalhost %s\n", name);
	buf_add_text(&text, "::1\tlocalhost ip6-localhost ip6-loopback\n");
	buf_add_text(&text, environment->host_lines);
	return put_file(dir, "hosts", &text, e);
}

/* What the step sees as /etc/hosts is a file of its own. */
static bool
has_own_hosts(const struct run_environment *environment, const struct plan_step *step)
{
	return step->hostname ||
	       gives_hostname(environment, step) != gives_hostname(environment, NULL);
}

static char *
host_lines(const struct run_host *hosts, size_t n_hosts)
{
	auto(buf) struct buf text = { 0 };

	for (size_t i = 0; i < n_hosts; i++)
		buf_printf(&text, "%s\t%s\n", hosts[i].address, hosts[i].name);
	return buf_steal(&text);
}

int
run_environment_open(struct run_environment *environment, struct store *store,
    const struct run_host *hosts, size_t n_hosts, struct error *e)
{
	autofd int dir = store_tmp_dir(store, NULL, e);
	struct netns_options network = { .mode = environment->network,
		.rules = environment->egress,
		.n_rules = environment->n_egress,
		.in_place = environment->chroot || environment->emulate,
		.notes = !environment->emulate };

	environment->resolv_conf = -1;
	environment->hosts = -1;
	environment->points = store_tmp_dir(store, NULL, e);
	environment->binfmt = (struct binfmt)BINFMT_INIT;
	environment->netns = (struct netns)NETNS_INIT;
	environment->kit = xcalloc(1, sizeof(*environment->kit));
	*environment->kit = (struct container_kit)CONTAINER_KIT_INIT;
	if (dir < 0 || environment->points < 0 || netns_open(&network, &environment->netns, e) < 0)
		return -1;
	environment->host_lines = host_lines(hosts, n_hosts);
	if (points_make(environment->points, e) == 0 &&
	    write_resolv_conf(environment, dir, e) == 0) {
		environment->hosts = write_hosts(environment, NULL, dir, e);
		if (environment->hosts >= 0)
			return 0;
	}
	run_environment_close(environment);
	return -1;
}

void
run_environment_close(struct run_environment *environment)
{
	netns_close(&environment->netns);
	binfmt_close(&environment->binfmt);
	if (environment->kit)
		container_kit_release(environment->kit);
	free(environment->kit);
	environment->kit = NULL;
	fd_close_at(&environment->resolv_conf);
	fd_close_at(&environment->hosts);
	free(environment->host_lines);
	environment->host_lines = NULL;
	fd_close_at(&environment->points);
	environment->resolv_conf = -1;
	environment->hosts = -1;
	environment->points = -1;
}

int
run_environment_serve(
    struct run_environment *environment, const struct platform *platform, struct error *e)
{
	return binfmt_serve(&environment->binfmt, platform->architecture,
	    !environment->chroot && !environment->userns.stayed, e);
}

static double
children_cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage); /* cannot fail with these arguments */
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The environment of the command: the plan's, the client's proxies, and HOME as the runtime knows it. */
static void
make_environment(const struct run_request *request, const struct user *user,
    const struct strv *of_mounts, struct strv *env)
{
	strv_copy(env, &request->step->env);
	devices_set_environment(request->step, env);
	for (size_t i = 0; i < of_mounts->count; i++) {
		const char *item = of_mounts->items[i];
		autofree char *name = xstrndup(item, strcspn(item, "="));

		/* a secret is what its mount says; where the agent is, a Dockerfile may have said */
		if (strcmp(name, "SSH_AUTH_SOCK") != 0 || !env_get(env, name))
			env_set(env, name, item + strlen(name) + 1);
	}
	for (size_t i = 0;
	     request->environment->proxies && i < request->environment->proxies->count; i++) {
		const char *item = request->environment->proxies->items[i];
		autofree char *name = xstrndup(item, strcspn(item, "="));

		if (!env_get(env, name))
			strv_add(env, item);
	}
	if (!env_get(env, "HOME"))
		env_set(env, "HOME", user->home);
}

/* The scripts of the step, in a folder of their own. -1 with @e. */
static int
write_scripts(const struct run_request *request, struct error *e)
{
	const struct plan_step *step = request->step;
	autofd int dir = store_tmp_dir(request->store, NULL, e);

	if (dir < 0 || fchmod(dir, 0755) < 0)
		return dir < 0 ? -1 : error_sys(e, "cannot set the mode of a new folder");
	for (size_t i = 0; i < step->n_files; i++)
		if (path_write_file(dir, step->files[i].name, step->files[i].content,
			strlen(step->files[i].content), 0755, false, e) < 0)
			return -1;
	return steal_fd(&dir);
}

/* What the command sees besides its files: the build's own, the scripts of the step, its mounts, and the environment with them. */
struct extra_mounts {
	struct container_mount *items;
	size_t count;
	int scripts;
	int hosts; /* -1: that of the build */
	struct mounts *mounts;
	struct devices devices;
	struct strv env;
};

static void
extra_mounts_release(struct extra_mounts *x)
{
	free(x->items);
	fd_close_at(&x->scripts);
	fd_close_at(&x->hosts);
	mounts_close(x->mounts);
	devices_release(&x->devices);
	mounts_wipe(&x->env);
}

static void
add_file(struct extra_mounts *x, const char *target, int source)
{
	if (source < 0)
		return;
	/* read-only, as the reference builder has them: all steps of the build share the first two */
	x->items[x->count++] = (struct container_mount){ .kind = CONTAINER_MOUNT_BIND,
		.target = target,
		.source = source,
		.flags =
		    CONTAINER_MOUNT_READ_ONLY | (source == x->scripts ? CONTAINER_MOUNT_OWN : 0U) };
}

static int
extra_mounts_open(const struct run_request *request, const struct mounts_request *wanted,
    struct extra_mounts *x, struct error *e)
{
	const struct run_environment *environment = request->environment;
	const struct container_mount *items;
	size_t n_items;

	if (request->step->n_files > 0) {
		x->scripts = write_scripts(request, e);
		if (x->scripts < 0)
			return -1;
	}
	if (has_own_hosts(environment, request->step)) {
		autofd int dir = store_tmp_dir(request->store, NULL, e);

		x->hosts = dir < 0 ? -1 : write_hosts(environment, request->step, dir, e);
		if (x->hosts < 0)
			return -1;
	}
	if (devices_open_all(request->step, &x->devices, e) < 0)
		return -1;
	x->mounts = mounts_open(wanted, e);
	if (!x->mounts)
		return -1;
	items = mounts_items(x->mounts, &n_items);
	x->items = xcalloc(n_items + x->devices.n_mounts + 3, sizeof(*x->items));
	add_file(x, "/etc/resolv.conf", environment->resolv_conf);
	add_file(x, "/etc/hosts", x->hosts >= 0 ? x->hosts : environment->hosts);
	add_file(x, PLAN_SCRIPTS, x->scripts);
	for (size_t i = 0; i < x->devices.n_mounts; i++)
		x->items[x->count++] = x->devices.mounts[i];
	for (size_t i = 0; i < n_items; i++)
		x->items[x->count++] = items[i];
	return 0;
}

/* The default ones, with a /dev/shm of the size that was asked for. */
static size_t
make_standard_mounts(
    const struct run_environment *environment, struct container_mount *mounts, size_t room)
{
	size_t n = container_n_default_mounts;

	assert(n <= room);
	memcpy(mounts, container_default_mounts, n * sizeof(mounts[0]));
	for (size_t i = 0; i < n; i++)
		if (mounts[i].kind == CONTAINER_MOUNT_DEV)
			mounts[i].size = environment->shm_size;
	return n;
}

static void
set_network(const struct run_request *request, struct container_spec *spec)
{
	enum netns_mode mode = network_of(request->environment, request->step);

	spec->network = mode == NETNS_HOST ? CONTAINER_NETWORK_HOST : CONTAINER_NETWORK_JOIN;
	spec->netns = request->environment->netns.fd;
	/* the build's own namespace may reach outside, or not be there at all */
	if (mode == NETNS_NONE && (request->environment->network != NETNS_NONE || spec->netns < 0))
		spec->network = CONTAINER_NETWORK_NEW;
}

/* Who is asked for what the step may do, and told of what it may not. */
static void
set_egress(const struct run_request *request, struct container_spec *spec)
{
	const struct egress *egress = &request->environment->netns.egress;

	if (!egress->pid)
		return;
	if (spec->network == CONTAINER_NETWORK_JOIN &&
	    (egress->answers || egress->names_by_stream != 0))
		spec->egress_asks |= EGRESS_NETWORK;
	if (spec->seccomp && !spec->emulate)
		spec->egress_asks |= EGRESS_REFUSED;
	spec->egress = spec->egress_asks ? egress : NULL;
	spec->egress_number = (uint32_t)getpid(); /* a process runs one step at a time */
}

/*
 * --security=insecure: everything that the step's own user namespace has to give. It is root there and nobody outside, so the host
 * stays as far away as it is from any program of the user's.
 */
static void
lift_confinement(struct container_spec *spec)
{
	static char *const nothing[] = { NULL };

	caps_set_mask(&spec->caps, UINT64_MAX); /* the kernel knows which there are */
	spec->seccomp = NULL;
	spec->masked_paths = nothing;
	spec->readonly_paths = nothing;
}

/* What the tiers chroot and emulate have no namespaces for is refused, never left out. */
static int
check_tier(const struct run_request *request, struct error *e)
{
	const struct run_environment *environment = request->environment;
	const char *tier = environment->emulate ? "emulate" : "chroot";

	if (!environment->chroot && !environment->emulate)
		return 0;
	if (environment->emulate && environment->limits->by_cgroup)
		return error_set(e, ERR_HOST,
		    "RUN with --memory or another limit: the isolation '%s' has no cgroup", tier);
	if (request->step->hostname && !gives_hostname(environment, request->step)) {
		error_set(e, ERR_HOST,
		    "BUILDKIT_SANDBOX_HOSTNAME: steps of the isolation '%s' have the host name of "
		    "the container around them with this --network",
		    tier);
		return error_hint(e, "leave the build argument out");
	}
	if (request->step->n_devices > 0)
		return error_set(
		    e, ERR_HOST, "RUN --device: the isolation '%s' has no /dev of its own", tier);
	if (request->step->insecure)
		return error_set(e, ERR_HOST,
		    "RUN --security=insecure: the isolation '%s' would give the step all that the "
		    "container around it has",
		    tier);
	return 0;
}

static int
end_command(struct container *container, struct run_result *result, struct error *e)
{
	int status = 0;

	result->ran = true;
	if (container_wait(container, &status, e) < 0) {
		struct error second = ERROR_INIT;

		(void)container_finish(
		    container, &second); /* the first failure is the one to report */
		return -1;
	}
	result->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (container_finish(container, e) < 0)
		return -1;
	if (status != 0) {
		auto(buf) struct buf text = { 0 };

		process_status_text(status, &text);
		return error_set(e, ERR_STEP, "%s", buf_text(&text));
	}
	return 0;
}

static void
set_process(const struct user *user, struct container_spec *spec)
{
	spec->uid = user->uid;
	spec->gid = user->gid;
	spec->groups = user->groups;
	spec->n_groups = user->n_groups;
}

/* Also of a step that did not notice, whose files may lack something. */
static void
tell_memory(const struct run_request *request, int ended, struct error *e)
{
	const struct limits *limits = request->environment->limits;
	auto(buf) struct buf size = { 0 };

	if (ended == 0) {
		if (request->warn)
			request->warn(request->note_arg,
			    "out of memory: the kernel killed a process of the step, which went "
			    "on");
		return;
	}
	if (limits->resources->memory_limit > 0)
		text_add_size(&size, (uint64_t)limits->resources->memory_limit);
	error_ctx(e, "out of memory: the kernel killed a process of the step");
	(void)error_hint(
	    e, "the limit is %s (--memory)", size.len > 0 ? buf_text(&size) : "the cgroup's");
}

/* What the step reached, and, where that may be why it failed, which calls it was refused. */
static void
take_record(
    const struct container_spec *spec, struct run_result *result, int ended, struct error *e)
{
	struct error ignored = ERROR_INIT; /* the step's result counts */
	autojson struct json *record =
	    spec->egress ? egress_take(spec->egress, spec->egress_number, &ignored) : NULL;
	const struct json *calls = json_get(record, "refused");
	auto(buf) struct buf text = { 0 };

	if (json_get(record, "reached"))
		result->reached = json_copy(json_get(record, "reached"));
	if (ended == 0 || json_count(calls) == 0)
		return;
	for (size_t i = 0; i < json_count(calls); i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", json_text(json_at(calls, i)));
	(void)error_hint(e, "the seccomp profile refused the step %s%s", buf_text(&text),
	    spec->chroot
		? "; the isolation 'chroot' cannot do without it"
		: "; 'RUN --security=insecure' and --allow security.insecure do without it");
}

static int
run_container(const struct run_request *request, struct container_spec *spec,
    struct run_result *result, struct error *e)
{
	struct container container = CONTAINER_INIT;
	struct limits_group group;
	int ended;

	if (limits_begin(request->environment->limits, &group, spec, e) < 0)
		return -1;
	if (container_start(spec, &container, e) < 0) {
		/* without an errno nothing was to be executed yet */
		result->exit_status = e->sys ? container_exec_status(e) : 0;
		limits_end(&group);
		return -1;
	}
	ended = end_command(&container, result, e);
	if (limits_ran_out(&group))
		tell_memory(request, ended, e);
	limits_end(&group);
	take_record(spec, result, ended, e);
	return ended;
}

static int
run_command(const struct run_request *request, int root, const struct user *user,
    struct run_result *result, struct error *e)
{
	const struct run_environment *environment = request->environment;
	const struct mounts_request wanted = { .store = request->store,
		.step = request->step,
		.sources = request->sources,
		.secrets = environment->secrets,
		.n_secrets = environment->n_secrets,
		.agents = environment->agents,
		.n_agents = environment->n_agents,
		.recorded = environment->userns.own_id_only,
		.way = environment->emulate  ? MOUNTS_ANSWERED
		       : environment->chroot ? MOUNTS_MOVED
		                             : MOUNTS_BOUND,
		.note = request->note,
		.note_arg = request->note_arg };
	auto(extra_mounts) struct extra_mounts extra = { .scripts = -1, .hosts = -1 };
	struct container_mount standard[16];
	struct container_spec spec;
	struct error second = ERROR_INIT;
	int ended;

	if (check_tier(request, e) < 0 || extra_mounts_open(request, &wanted, &extra, e) < 0)
		return -1;
	make_environment(request, user, mounts_environment(extra.mounts), &extra.env);
	container_spec_init(&spec);
	spec.userns = &environment->userns;
	spec.kit = environment->kit;
	spec.rootfs = root;
	spec.argv = strv_array(&request->step->argv);
	spec.envp = strv_array(&extra.env);
	spec.cwd = request->step->workdir;
	spec.make_cwd = true;
	spec.record_ids = environment->userns.own_id_only && !environment->chroot;
	spec.chroot = environment->chroot;
	spec.emulate = environment->emulate;
	spec.shared = chain_shared(request->store, &request->files->upper);
	spec.scratch = environment->points;
	set_process(user, &spec);
	spec.hostname = hostname_of(environment, request->step);
	spec.hostname_may_stay = !request->step->hostname;
	set_network(request, &spec);
	spec.in = -1;
	spec.out = request->log;
	spec.err = request->log;
	spec.mounts = standard;
	spec.n_mounts = make_standard_mounts(environment, standard, ARRAY_LEN(standard));
	spec.extra_mounts = extra.items;
	spec.n_extra_mounts = extra.count;
	if (request->step->insecure)
		lift_confinement(&spec);
	set_egress(request, &spec);
	ended = run_container(request, &spec, result, e);
	/* the first failure counts */
	if (mounts_take_back(extra.mounts, ended < 0 ? &second : e) < 0)
		ended = -1;
	return ended;
}

/* fstat(2), with the owner that is recorded, where it is. */
static int
look_at_root(int fs, struct stat *st)
{
	char value[OWNER_TEXT_MAX];
	struct owner owner;
	ssize_t n;

	if (fstat(fs, st) < 0)
		return -1;
	n = fgetxattr(fs, OWNER_XATTR, value, sizeof(value));
	if (n > 0 && owner_parse(value, (size_t)n, &owner)) {
		st->st_uid = owner.uid;
		st->st_gid = owner.gid;
	}
	return 0;
}

/* Has nothing been written to a fresh upper directory, and its root not been changed? */
static bool
is_untouched(int fs, const struct stat *before)
{
	struct error ignored = ERROR_INIT;
	autodir DIR *dir = fd_opendir(fs, &ignored);
	struct dirent *entry;
	struct stat now;

	if (!dir || look_at_root(fs, &now) < 0)
		return false;
	if (now.st_mode != before->st_mode || now.st_uid != before->st_uid ||
	    now.st_gid != before->st_gid)
		return false;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

void
run_files_release(struct run_files *files)
{
	fd_close_at(&files->root);
	files->root = -1;
	snapshot_writer_release(&files->upper);
	chain_release(&files->parents);
}

/* Are these the files that the step runs on? */
static bool
files_fit(const struct run_files *files, const struct chain *parents)
{
	const struct strv *have = &files->parents.snapshots;
	const struct strv *want = &parents->snapshots;

	if (files->root < 0 || have->count != want->count)
		return false;
	for (size_t i = want->count; i-- > 0;)
		if (strcmp(have->items[i], want->items[i]) != 0)
			return false;
	return true;
}

static int
files_open(const struct run_request *request, struct run_files *files, struct error *e)
{
	/* what a tree without mounts needs is made for as long as it runs */
	bool own = request->environment->chroot || request->environment->emulate;
	int bottom = own ? -1 : request->environment->points;

	if (files_fit(files, request->parents))
		return 0;
	run_files_release(files);
	if (snapshot_writer_open(&files->upper, request->store, e) < 0)
		return -1;
	strv_copy(&files->parents.snapshots, &request->parents->snapshots);
	/* what changes a file is done by the supervisor in that tier alone */
	files->root = request->environment->emulate
	                  ? chain_link(request->store, request->parents, &files->upper, e)
	                  : chain_mount(request->store, request->parents, bottom, &files->upper, e);
	return files->root < 0 ? -1 : 0;
}

/* Can the mount serve once more? Before Linux 6.15 the container took it itself, and it ended with that. */
static bool
files_last(const struct run_files *files)
{
	struct error ignored = ERROR_INIT;
	autofd int clone = mount_clone(files->root, true, &ignored);

	return clone >= 0;
}

static int
run_in(const struct run_request *request, struct run_files *files, struct run_result *result,
    struct error *e)
{
	struct user user = { 0 };
	struct stat before;
	int ok;

	if (files_open(request, files, e) < 0)
		return -1;
	if (look_at_root(files->upper.fs, &before) < 0)
		return error_sys(e, "cannot look at a fresh snapshot");
	if (user_resolve_in(files->root, request->step->user, &user, e) < 0)
		return error_ctx(e, "USER %s", request->step->user);
	ok = run_command(request, files->root, &user, result, e);
	user_release(&user);
	if (ok < 0 || chain_settle(request->store, files->root, &files->upper, e) < 0)
		return -1;
	result->empty = is_untouched(files->upper.fs, &before);
	return 0;
}

/* A step that was given secrets and keeps one is told of: whoever has the image has the secret. */
static int
tell_kept(const struct run_request *request, const struct run_files *files, struct error *e)
{
	auto(strv) struct strv found = { 0 };
	bool given = false;

	for (size_t i = 0; i < request->step->n_mounts; i++)
		if (request->step->mounts[i].spec.type == MOUNT_SECRET)
			given = true;
	if (!given || !request->warn)
		return 0;
	if (kept_find(files->upper.fs, request->environment->secrets,
		request->environment->n_secrets, &found, e) < 0)
		return -1;
	for (size_t i = 0; i < found.count; i++)
		request->warn(request->note_arg, found.items[i]);
	return 0;
}

int
run_step(const struct run_request *request, struct run_result *result, struct error *e)
{
	struct run_files *files = request->files;
	double before = children_cpu_seconds();
	int ok;

	memset(result, 0, sizeof(*result));
	ok = run_in(request, files, result, e);
	result->cpu_seconds = children_cpu_seconds() - before;
	/* a copy has told what was changed in it, and does so once */
	if (ok == 0 && result->empty && store_driver(request->store) != STORE_COPY &&
	    files_last(files))
		return 0;
	fd_close_at(&files->root);
	files->root = -1;
	if (ok == 0 && result->empty)
		snapshot_writer_keep(&files->upper);
	if (ok == 0 && !result->empty)
		ok = tell_kept(request, files, e);
	if (ok == 0 && !result->empty)
		ok = snapshot_writer_commit(&files->upper, result->snapshot, NULL, e);
	run_files_release(files);
	return ok;
}
