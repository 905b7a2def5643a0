/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - croze run: a command in a container of an image; what it changes is gone afterwards.
 *
 * As in docker run: --entrypoint replaces the image's entrypoint and forgets its command; words behind the image replace the command.
 * Exit status: that of the command; 127 not found, 126 not executable, 125 when no command was run.
 */
#include "builder/step/run.h"
#include "builder/build/options.h"
#include "builder/cli/build_flags.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/import/resolve.h"
#include "builder/step/chain.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/container/console.h"
#include "runtime/sandbox/user.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_NOT_RUN 125
#define MOUNTS_MAX 64

struct run_flags {
	const char *root;
	const char *entrypoint;
	const char *workdir;
	const char *user;
	const char *network;
	const char *hostname;
	const char *shm_size;
	struct strv env;
	struct strv env_files;
	struct strv volumes;
	struct strv tmpfs;
	struct strv hosts;
	struct strv ulimits;
	const char *isolation;
	const char *platform;
	bool interactive;
	bool tty;
	bool rm;
	bool read_only;
};

#define MEMBER(name) offsetof(struct run_flags, name)
#define REFUSED(option, instead)                                           \
	{                                                                  \
		.name = option, .type = OPTION_REFUSED, .refused = instead \
	}

const struct option_def run_option_table[] = {
	{ .name = "interactive",
	    .short_name = 'i',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(interactive),
	    .group = "Common",
	    .help = "pass standard input on" },
	{ .name = "tty",
	    .short_name = 't',
	    .type = OPTION_FLAG,
	    .offset = MEMBER(tty),
	    .group = "Common",
	    .help = "give the command a terminal" },
	{ .name = "platform",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(platform),
	    .argument = "OS/ARCH[/VARIANT]",
	    .group = "Common",
	    .help = "which image of an index (default: this machine's)" },
	{ .name = "rm",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(rm),
	    .group = "Common",
	    .help = "remove what it leaves behind, which is always done" },
	{ .name = "entrypoint",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(entrypoint),
	    .argument = "COMMAND",
	    .group = "Common",
	    .help = "instead of the image's; '' for none" },
	{ .name = "env",
	    .short_name = 'e',
	    .type = OPTION_LIST,
	    .offset = MEMBER(env),
	    .argument = "NAME[=VALUE]",
	    .group = "Common",
	    .help = "set a variable; without =VALUE to what it is here" },
	{ .name = "env-file",
	    .type = OPTION_LIST,
	    .offset = MEMBER(env_files),
	    .argument = "FILE",
	    .group = "Common",
	    .help = "set variables from lines NAME=VALUE" },
	{ .name = "workdir",
	    .short_name = 'w',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(workdir),
	    .argument = "DIR",
	    .group = "Common",
	    .help = "where the command starts" },
	{ .name = "user",
	    .short_name = 'u',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(user),
	    .argument = "USER[:GROUP]",
	    .group = "Common",
	    .help = "who runs it" },
	{ .name = "volume",
	    .short_name = 'v',
	    .type = OPTION_LIST,
	    .offset = MEMBER(volumes),
	    .argument = "PATH:TARGET[:ro]",
	    .group = "Files",
	    .help = "a file or directory of this machine" },
	{ .name = "tmpfs",
	    .type = OPTION_LIST,
	    .offset = MEMBER(tmpfs),
	    .argument = "TARGET[:size=N]",
	    .group = "Files",
	    .help = "an empty directory in memory" },
	{ .name = "read-only",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(read_only),
	    .group = "Files",
	    .help = "the image's files cannot be changed" },
	{ .name = "shm-size",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(shm_size),
	    .argument = "SIZE",
	    .group = "Files",
	    .help = "size of /dev/shm (default: 64m)" },
	{ .name = "network",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(network),
	    .argument = "MODE",
	    .group = "Network",
	    .help = "default, none or host" },
	{ .name = "net", .alias_of = "network" },
	{ .name = "hostname",
	    .short_name = 'h',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(hostname),
	    .argument = "NAME",
	    .group = "Network",
	    .help = "name of the container for itself" },
	{ .name = "add-host",
	    .type = OPTION_LIST,
	    .offset = MEMBER(hosts),
	    .argument = "NAME:ADDRESS",
	    .group = "Network",
	    .help = "a line in /etc/hosts" },
	{ .name = "ulimit",
	    .type = OPTION_LIST,
	    .offset = MEMBER(ulimits),
	    .argument = "NAME=SOFT[:HARD]",
	    .group = "Limits",
	    .help = "a resource limit" },
	{ .name = "isolation",
	    .type = OPTION_CHOICE,
	    .offset = offsetof(struct run_flags, isolation),
	    .choices = TIER_CHOICES,
	    .group = "Limits",
	    .help = "how the container is kept apart from this machine" },
	ROOT_OPTION,
	{ .name = "detach",
	    .short_name = 'd',
	    .type = OPTION_REFUSED,
	    .refused = "use your shell: croze run IMAGE &" },
	{ .name = "publish",
	    .short_name = 'p',
	    .type = OPTION_REFUSED,
	    .refused = "use --network=host" },
	{ .name = "publish-all",
	    .short_name = 'P',
	    .type = OPTION_REFUSED,
	    .refused = "use --network=host" },
	{ .name = "memory",
	    .short_name = 'm',
	    .type = OPTION_REFUSED,
	    .refused = "use systemd-run --user --scope -p MemoryMax=SIZE croze run" },
	{ .name = "label",
	    .short_name = 'l',
	    .type = OPTION_REFUSED,
	    .refused = "containers are not kept, so nothing is there to label" },
	REFUSED("cpus", "use systemd-run --user --scope -p CPUQuota=N% croze run"),
	REFUSED("cap-add", "the default capabilities are always used"),
	REFUSED("cap-drop", "the default capabilities are always used"),
	REFUSED("cgroupns", "there is no cgroup of its own"),
	REFUSED("cidfile", "containers have no ID"),
	REFUSED("device", "the usual devices are there; bind others with --volume"),
	REFUSED("dns", "use --volume FILE:/etc/resolv.conf"),
	REFUSED("gpus", "bind the devices with --volume"),
	REFUSED("group-add", "use --user USER:GROUP"),
	REFUSED("init", "use an init in the image as --entrypoint"),
	REFUSED("ipc", "it always has its own"),
	REFUSED("mount", "use --volume or --tmpfs"),
	REFUSED("name", "containers are not kept, so they need no name"),
	REFUSED("pid", "it always has its own"),
	REFUSED("privileged", "nothing here can be more than the user who starts it"),
	REFUSED("pull", "nothing is pulled; use croze import or croze load"),
	REFUSED("restart", "use your service manager"),
	REFUSED("security-opt", "the default seccomp profile is always used"),
	REFUSED("stop-signal", "send any signal to croze run, it is passed on"),
	REFUSED("userns", "it always has its own"),
	{ 0 },
};

/* All that has to be released at the end. */
struct session {
	const struct run_flags *flags;
	struct build_options typed; /* hosts and limits: the same grammar as in build */
	struct store *store;
	struct image image;
	struct run_environment environment;
	struct container_rlimit rlimits[16];
	struct limits limits;
	struct snapshot_writer upper;
	struct user user;
	int rootfs;
	struct strv argv;
	struct strv env;
	struct strv targets; /* of mounts, which borrow them */
	struct container_mount mounts[MOUNTS_MAX];
	size_t n_mounts;
	struct container_mount standard[16];
	int status;
};

static const char *
own_hostname(const struct session *s)
{
	return s->flags->hostname && *s->flags->hostname ? s->flags->hostname : "croze";
}

static const char *
container_workdir(const struct session *s)
{
	const char *workdir =
	    s->flags->workdir != NULL ? s->flags->workdir : s->image.config.workdir;

	return workdir != NULL && *workdir != '\0' ? workdir : "/";
}

/* ---- what is run ---- */

static int
make_argv(struct session *s, const struct strv *words, struct error *e)
{
	const struct image_config *config = &s->image.config;
	const char *entrypoint = s->flags->entrypoint;

	if (entrypoint == NULL)
		strv_append(&s->argv, &config->entrypoint);
	else if (*entrypoint != '\0')
		strv_add(&s->argv, entrypoint);
	for (size_t i = 1; i < words->count; i++)
		strv_add(&s->argv, words->items[i]);
	if (words->count == 1 && entrypoint == NULL)
		strv_append(&s->argv, &config->cmd);
	if (s->argv.count > 0)
		return 0;
	error_set(e, ERR_USAGE, "the image '%s' names no command", words->items[0]);
	return error_hint(e, "croze run %s COMMAND", words->items[0]);
}

static int
set_variable(struct strv *env, const char *text, const char *flag, struct error *e)
{
	size_t length = strcspn(text, "=");
	autofree char *name = xstrndup(text, length);

	if (length == 0)
		return error_set(e, ERR_USAGE, "%s: '%s' has no name", flag, text);
	if (text[length] == '=')
		env_set(env, name, text + length + 1);
	else if (getenv(name) != NULL)
		env_set(env, name, getenv(name));
	return 0;
}

static int
read_env_file(struct strv *env, const char *path, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	autofd int fd = path_open_user(path, O_RDONLY, 0, e);

	if (fd < 0 || fd_read_all(fd, &text, 1U << 20, path, e) < 0)
		return -1;
	strv_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count; i++) {
		const char *line = lines.items[i] + strspn(lines.items[i], " \t");

		if (*line == '\0' || *line == '#')
			continue;
		if (set_variable(env, line, "--env-file", e) < 0)
			return -1;
	}
	return 0;
}

static int
make_env(struct session *s, struct error *e)
{
	const struct run_flags *flags = s->flags;

	strv_append(&s->env, &s->image.config.env);
	if (env_get(&s->env, "PATH") == NULL)
		env_set(&s->env, "PATH", PLAN_DEFAULT_PATH);
	env_set(&s->env, "HOSTNAME", own_hostname(s));
	if (flags->tty && env_get(&s->env, "TERM") == NULL)
		env_set(&s->env, "TERM", "xterm");
	for (size_t i = 0; i < flags->env_files.count; i++)
		if (read_env_file(&s->env, flags->env_files.items[i], e) < 0)
			return -1;
	for (size_t i = 0; i < flags->env.count; i++)
		if (set_variable(&s->env, flags->env.items[i], "--env", e) < 0)
			return -1;
	if (env_get(&s->env, "HOME") == NULL)
		env_set(&s->env, "HOME", s->user.home);
	return 0;
}

/* ---- mounts ---- */

static struct container_mount *
add_mount(struct session *s, enum container_mount_kind kind, const char *target, struct error *e)
{
	struct container_mount *mount;

	if (*target != '/') {
		error_set(e, ERR_USAGE, "the target '%s' of a mount is not absolute", target);
		return NULL;
	}
	if (s->n_mounts == MOUNTS_MAX) {
		error_set(e, ERR_USAGE, "more than %d mounts", MOUNTS_MAX);
		return NULL;
	}
	strv_take(&s->targets, path_clean(target));
	mount = &s->mounts[s->n_mounts++];
	*mount = (struct container_mount){ .kind = kind, .source = -1 };
	mount->target = s->targets.items[s->targets.count - 1];
	return mount;
}

/* PATH:TARGET[:ro|rw]. Descriptors must belong to the mount namespace of the build, so this comes after entering it. */
static int
add_volume(struct session *s, const char *text, struct error *e)
{
	auto(strv) struct strv parts = { 0 };
	struct container_mount *mount;
	const char *mode;

	strv_split(&parts, text, ':');
	if (parts.count < 2 || parts.count > 3)
		return error_set(e, ERR_USAGE, "--volume: '%s' is not PATH:TARGET[:ro]", text);
	mode = parts.count == 3 ? parts.items[2] : "rw";
	if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0)
		return error_set(
		    e, ERR_USAGE, "--volume: '%s' is not supported; there are ro and rw", mode);
	if (*parts.items[0] != '/' && *parts.items[0] != '.') {
		error_set(
		    e, ERR_USAGE, "--volume: there are no named volumes ('%s')", parts.items[0]);
		return error_hint(e, "name a directory: ./%s:%s", parts.items[0], parts.items[1]);
	}
	mount = add_mount(s, CONTAINER_MOUNT_BIND, parts.items[1], e);
	if (mount == NULL)
		return -1;
	mount->source = path_open_user(parts.items[0], O_PATH, 0, e);
	if (mount->source < 0)
		return error_ctx(e, "--volume");
	mount->flags = CONTAINER_MOUNT_RECURSIVE | CONTAINER_MOUNT_NOSUID | CONTAINER_MOUNT_NODEV;
	if (strcmp(mode, "ro") == 0)
		mount->flags |= CONTAINER_MOUNT_READ_ONLY;
	return 0;
}

static int
add_tmpfs(struct session *s, const char *text, struct error *e)
{
	size_t length = strcspn(text, ":");
	autofree char *target = xstrndup(text, length);
	const char *option = text + length + (text[length] == ':');
	struct container_mount *mount = add_mount(s, CONTAINER_MOUNT_TMPFS, target, e);

	if (mount == NULL)
		return -1;
	mount->flags = CONTAINER_MOUNT_NOSUID | CONTAINER_MOUNT_NODEV;
	if (*option == '\0')
		return 0;
	if (!text_starts_with(option, "size="))
		return error_set(
		    e, ERR_USAGE, "--tmpfs: '%s' is not supported; there is size=N", option);
	return parse_size(option + strlen("size="), "--tmpfs size", &mount->size, e);
}

static int
make_mounts(struct session *s, struct error *e)
{
	const struct run_flags *flags = s->flags;
	struct container_mount *mount;

	mount = add_mount(s, CONTAINER_MOUNT_BIND, "/etc/resolv.conf", e);
	mount->source = s->environment.resolv_conf;
	mount = add_mount(s, CONTAINER_MOUNT_BIND, "/etc/hosts", e);
	mount->source = s->environment.hosts;
	for (size_t i = 0; i < flags->tmpfs.count; i++)
		if (add_tmpfs(s, flags->tmpfs.items[i], e) < 0)
			return -1;
	for (size_t i = 0; i < flags->volumes.count; i++)
		if (add_volume(s, flags->volumes.items[i], e) < 0)
			return -1;
	return 0;
}

/* ---- limits and network ---- */

static int
read_limits(struct session *s, struct error *e)
{
	const struct run_flags *flags = s->flags;
	struct build_options *typed = &s->typed;

	if (flags->hostname && build_hostname_check(flags->hostname, "--hostname", e) < 0)
		return -1;
	for (size_t i = 0; i < flags->hosts.count; i++)
		if (build_host_parse(flags->hosts.items[i], typed, e) < 0)
			return -1;
	for (size_t i = 0; i < flags->ulimits.count; i++)
		if (build_ulimit_parse(flags->ulimits.items[i], typed, e) < 0)
			return -1;
	if (typed->n_ulimits > ARRAY_LEN(s->rlimits))
		return error_set(e, ERR_USAGE, "--ulimit: too many");
	for (size_t i = 0; i < typed->n_ulimits; i++)
		s->rlimits[i] = (struct container_rlimit){ typed->ulimits[i].resource,
			{ typed->ulimits[i].soft, typed->ulimits[i].hard } };
	if (flags->shm_size != NULL &&
	    parse_size(flags->shm_size, "--shm-size", &typed->shm_size, e) < 0)
		return -1;
	oci_resources_init(&typed->limits);
	if (limits_open(&typed->limits, NULL, s->rlimits, typed->n_ulimits, &s->limits, e) < 0)
		return -1;
	s->environment.network = NETNS_DEFAULT;
	if (flags->network == NULL || strcmp(flags->network, "bridge") == 0)
		return 0;
	return netns_parse_mode(flags->network, &s->environment.network, e);
}

static int
open_environment(struct session *s, struct error *e)
{
	size_t n = s->typed.n_hosts;
	autofree struct run_host *hosts = xcalloc(n + 1, sizeof(*hosts));

	for (size_t i = 0; i < n; i++)
		hosts[i] = (struct run_host){ s->typed.hosts[i].name, s->typed.hosts[i].address };
	s->environment.hostname = own_hostname(s);
	if (run_environment_open(&s->environment, s->store, hosts, n, e) < 0)
		return -1;
	return run_environment_serve(&s->environment, &s->image.config.platform, e);
}

/* ---- the container ---- */

/* In a rootfs that the container cannot change its folder has to be there before. */
static int
make_workdir(struct session *s, struct error *e)
{
	autofree char *path = path_absolute(container_workdir(s));
	autofd int fd = -1;

	if (strcmp(path, "/") == 0)
		return 0;
	fd = path_make_dirs(s->rootfs, path + 1, 0755, (uid_t)-1, (gid_t)-1, e);
	return fd < 0 ? -1 : 0;
}

static int
open_rootfs(struct session *s, struct error *e)
{
	auto(chain) struct chain chain = { 0 };
	const char *user = s->flags->user != NULL ? s->flags->user : s->image.config.user;

	if (chain_unpack_image(s->store, &s->image.manifest, &s->image.config, NULL, e) < 0)
		return -1;
	chain_of_image(s->store, &s->image.config, &chain);
	if (snapshot_writer_open(&s->upper, s->store, e) < 0)
		return -1;
	s->rootfs = chain_mount(s->store, &chain, -1, &s->upper, e);
	if (s->rootfs < 0)
		return -1;
	if (s->flags->read_only && make_workdir(s, e) < 0)
		return -1;
	if (user_resolve_in(s->rootfs, user != NULL ? user : "", &s->user, e) < 0)
		return error_ctx(e, "--user");
	return 0;
}

static void
make_spec(struct session *s, struct container_spec *spec)
{
	const struct run_flags *flags = s->flags;

	container_spec_init(spec);
	spec->userns = &s->environment.userns;
	spec->rootfs = s->rootfs;
	spec->read_only = flags->read_only;
	spec->argv = strv_array(&s->argv);
	spec->envp = strv_array(&s->env);
	spec->cwd = container_workdir(s);
	spec->make_cwd = true;
	spec->uid = s->user.uid;
	spec->gid = s->user.gid;
	spec->groups = s->user.groups;
	spec->n_groups = s->user.n_groups;
	spec->hostname = own_hostname(s);
	spec->record_ids = s->environment.userns.own_id_only;
	spec->network =
	    s->environment.network == NETNS_HOST ? CONTAINER_NETWORK_HOST : CONTAINER_NETWORK_JOIN;
	spec->netns = s->environment.netns.fd;
	if (spec->network == CONTAINER_NETWORK_JOIN && s->environment.netns.egress.answers)
		spec->egress = &s->environment.netns.egress;
	spec->egress_asks = spec->egress ? EGRESS_NETWORK : 0;
	assert(container_n_default_mounts <= ARRAY_LEN(s->standard));
	for (size_t i = 0; i < container_n_default_mounts; i++) {
		s->standard[i] = container_default_mounts[i];
		if (s->standard[i].kind == CONTAINER_MOUNT_DEV)
			s->standard[i].size = s->typed.shm_size;
	}
	spec->mounts = s->standard;
	spec->n_mounts = container_n_default_mounts;
	spec->extra_mounts = s->mounts;
	spec->n_extra_mounts = s->n_mounts;
}

static int
run_container(struct session *s, struct error *e)
{
	enum console_flags how =
	    (s->flags->interactive ? CONSOLE_INPUT : 0) | (s->flags->tty ? CONSOLE_TERMINAL : 0);
	struct container container = CONTAINER_INIT;
	struct console console = CONSOLE_INIT;
	struct error second = ERROR_INIT;
	struct container_spec spec;
	struct limits_group group;
	int status = 0;
	int result;

	make_spec(s, &spec);
	result = limits_begin(&s->limits, &group, &spec, e);
	if (result == 0)
		result = console_open(&console, how, &spec, e);
	if (result == 0)
		result = container_start(&spec, &container, e);
	if (result == 0) {
		result = console_run(&console, &container, &status, e);
		if (container_finish(&container, &second) < 0 && result == 0) {
			*e = second;
			result = -1;
		}
		s->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	} else if (container_exec_status(e) != 0) {
		s->status = container_exec_status(e);
	}
	limits_end(&group);
	console_close(&console);
	return result;
}

static int
enter_tier(struct session *s, struct error *e)
{
	struct error lacking = ERROR_INIT;
	enum tier tier;

	if (tier_choose(s->flags->isolation ? tier_named(s->flags->isolation) : TIER_AUTO, &tier,
		&lacking, e) < 0)
		return -1;
	if (tier == TIER_NONE && lacking.text[0]) {
		*e = lacking;
		return error_ctx(e, "a command needs a namespace");
	}
	if (tier == TIER_NONE) {
		error_set(e, ERR_USAGE, "a command cannot be run with --isolation none");
		return error_hint(
		    e, "leave --isolation out, and what this machine allows is taken");
	}
	if (!tier_mounts(tier)) {
		error_set(e, ERR_HOST,
		    "croze run needs user namespaces; the isolation '%s' is for builds",
		    tier_name(tier));
		return error_hint(e, "croze doctor says what stands in the way of namespaces");
	}
	if (tier == TIER_USERNS_SINGLE)
		store_record_owners(s->store);
	return tier_enter(tier, &s->environment.userns, e);
}

/* Without --platform an image that is no index runs as what it is for, where that can be had. */
static int
find_image(struct session *s, const char *text, struct error *e)
{
	auto(platform) struct platform wanted = { 0 };

	if (!s->flags->platform)
		return image_resolve(s->store, text, NULL, &s->image, e);
	if (platform_parse(s->flags->platform, &wanted, e) < 0)
		return error_ctx(e, "--platform");
	if (image_resolve(s->store, text, &wanted, &s->image, e) < 0)
		return -1;
	if (image_check_platform(&s->image, &wanted, e) < 0)
		return error_ctx(e, "'%s'", text);
	return 0;
}

static int
run(struct session *s, const struct strv *words, struct error *e)
{
	if (words->count == 0)
		return error_set(e, ERR_USAGE, "name an image");
	if (read_limits(s, e) < 0)
		return -1;
	s->store = store_open(s->flags->root, 0, e);
	if (s->store == NULL || find_image(s, words->items[0], e) < 0 ||
	    make_argv(s, words, e) < 0 || enter_tier(s, e) < 0 || store_reopen(s->store, e) < 0 ||
	    open_rootfs(s, e) < 0 || open_environment(s, e) < 0 || make_env(s, e) < 0 ||
	    make_mounts(s, e) < 0)
		return -1;
	return run_container(s, e);
}

static void
session_release(struct session *s)
{
	for (size_t i = 2; i < s->n_mounts; i++) /* the first two are the environment's */
		fd_close_at(&s->mounts[i].source);
	fd_close_at(&s->rootfs);
	snapshot_writer_release(&s->upper);
	run_environment_close(&s->environment);
	limits_release(&s->limits);
	userns_release(&s->environment.userns);
	user_release(&s->user);
	image_release(&s->image);
	store_close(s->store);
	build_options_release(&s->typed);
	strv_release(&s->argv);
	strv_release(&s->env);
	strv_release(&s->targets);
}

static void
run_flags_release(struct run_flags *flags)
{
	strv_release(&flags->env);
	strv_release(&flags->env_files);
	strv_release(&flags->volumes);
	strv_release(&flags->tmpfs);
	strv_release(&flags->hosts);
	strv_release(&flags->ulimits);
}

int
run_main(int argc, char **argv, const struct command *self)
{
	struct run_flags flags = { 0 };
	auto(strv) struct strv words = { 0 };
	struct session session = {
		.flags = &flags,
		.upper = SNAPSHOT_WRITER_INIT,
		.environment = { .resolv_conf = -1,
		    .hosts = -1,
		    .netns = NETNS_INIT,
		    .binfmt = BINFMT_INIT },
		.rootfs = -1,
		.status = STATUS_NOT_RUN,
	};
	struct error e = ERROR_INIT;
	int result = options_parse(self, argc, argv, &flags, &words, &e);

	if (result == 0)
		result = run(&session, &words, &e);
	else if (result > 0)
		session.status = 0;
	if (result < 0)
		(void)command_fail(&e);
	session_release(&session);
	run_flags_release(&flags);
	return session.status;
}
