/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - the flags of RUN: --mount, --network, --security; devices.c has --device.
 */
#include "builder/plan/planner.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <limits.h>
#include <string.h>

#define SECRETS "/run/secrets"
#define AGENTS "/run/buildkit/ssh_agent"

/** A --mount while its values are expanded. */
struct expanding {
	struct building *b;
	const struct instruction *i;
	const struct flag *flag;
};

static char *
expand_value(void *arg, const char *value)
{
	const struct expanding *x = arg;

	return planner_expand(x->b, x->i, value, x->flag->offset);
}

static int
refuse(const struct building *b, const struct instruction *i, const struct flag *flag,
    const char *what, const char *hint)
{
	struct error e = ERROR_INIT;

	(void)error_set(&e, ERR_INPUT, "RUN --%s=%s: %s", flag->def->name, flag->value, what);
	if (hint)
		(void)error_hint(&e, "%s", hint);
	return planner_error(b, i, flag->offset, &e);
}

static char *
absolute(const struct building *b, const char *path)
{
	autofree char *joined = path_join(steps_workdir(b), path);

	return path_absolute(joined);
}

static int
name_secret(struct building *b, const struct expanding *x, struct plan_mount *mount)
{
	struct mountspec *spec = &mount->spec;
	const char *name;

	if (!spec->id)
		spec->id = xstrdup(path_base(mount->target));
	if (mount->target || spec->env)
		return 0;
	name = path_base(spec->id);
	if (!path_is_name(name))
		return refuse(b, x->i, x->flag, "the id ends in no name; give a target", NULL);
	mount->target = xasprintf(SECRETS "/%s", name);
	return 0;
}

static void
name_cache(const struct building *b, struct mountspec *spec)
{
	const char *prefix = planner_given(b->p, "BUILDKIT_CACHE_MOUNT_NS");
	autofree char *id = spec->id ? xstrdup(spec->id) : path_clean(spec->target);

	free(spec->id);
	spec->id = prefix ? xasprintf("%s/%s", prefix, id) : xstrdup(id);
}

/** Names and places that were not given. @n_agents: of those before. */
static int
complete(struct building *b, const struct expanding *x, struct plan_mount *mount, size_t n_agents)
{
	struct mountspec *spec = &mount->spec;

	if (spec->target)
		mount->target = absolute(b, spec->target);
	if (spec->type == MOUNT_SECRET && name_secret(b, x, mount) < 0)
		return -1;
	if (spec->type == MOUNT_SSH && !mount->target)
		mount->target = xasprintf(AGENTS ".%zu", n_agents);
	if (spec->type == MOUNT_SSH && !spec->id)
		spec->id = xstrdup("default");
	if (spec->type == MOUNT_CACHE)
		name_cache(b, spec);
	if (mount->target && strcmp(mount->target, "/") == 0)
		return refuse(b, x->i, x->flag, "the root cannot be the target of a mount", NULL);
	if (mount->target && strlen(mount->target) >= PATH_MAX)
		return refuse(b, x->i, x->flag, "the target is too long", NULL);
	return 0;
}

/** Where a bind, or a cache that begins with something, takes its files from. */
static int
find_files(struct building *b, const struct expanding *x, struct plan_mount *mount)
{
	const struct mountspec *spec = &mount->spec;

	if (spec->type != MOUNT_BIND && spec->type != MOUNT_CACHE)
		return 0;
	if (!spec->from || strcmp(spec->from, "scratch") == 0) {
		if (spec->type == MOUNT_BIND && spec->from)
			return refuse(b, x->i, x->flag, "there are no files in scratch", NULL);
		mount->has_files = spec->type == MOUNT_BIND;
		mount->source = PLAN_FROM_CONTEXT;
		return 0;
	}
	mount->has_files = true;
	for (size_t n = 0; n < x->i->n_froms; n++)
		if (x->i->froms[n].offset == x->flag->offset)
			return planner_find_source(
			    b, x->i, &x->i->froms[n], &mount->source, &mount->from);
	return refuse(b, x->i, x->flag, "its source was not read", NULL);
}

static void
warn_of_ignored(const struct expanding *x, const struct mountspec *spec)
{
	for (size_t n = 0; n < spec->ignored.count; n++)
		(void)diagnostics_add(x->b->p->diagnostics, SEVERITY_WARNING,
		    instruction_locate(x->i, x->flag->offset),
		    "RUN --mount=type=%s: '%s' means nothing there", mount_type_names[spec->type],
		    spec->ignored.items[n]);
}

static int
check_target(
    const struct expanding *x, const struct plan_step *step, const struct plan_mount *mount)
{
	for (size_t n = 0; n < step->n_mounts; n++) {
		const struct plan_mount *other = &step->mounts[n];

		if (other != mount && other->target && mount->target &&
		    strcmp(other->target, mount->target) == 0)
			return refuse(x->b, x->i, x->flag,
			    "another mount of this RUN has the same target", NULL);
	}
	return 0;
}

static int
add_mount(struct building *b, const struct instruction *i, const struct flag *flag,
    struct plan_step *step)
{
	struct expanding x = { b, i, flag };
	struct plan_mount *mount;
	struct error e = ERROR_INIT;
	size_t n_agents = 0;

	for (size_t n = 0; n < step->n_mounts; n++)
		n_agents += step->mounts[n].spec.type == MOUNT_SSH;
	step->mounts = xrealloc(step->mounts, step->n_mounts + 1, sizeof(*step->mounts));
	mount = &step->mounts[step->n_mounts++];
	*mount = (struct plan_mount){ 0 };
	if (mountspec_parse(flag->value, expand_value, &x, &mount->spec, &e) < 0) {
		if (e.kind != ERR_NONE)
			(void)error_ctx(&e, "RUN --mount");
		return e.kind == ERR_NONE ? -1 : planner_error(b, i, flag->offset, &e);
	}
	if (complete(b, &x, mount, n_agents) < 0 || find_files(b, &x, mount) < 0)
		return -1;
	warn_of_ignored(&x, &mount->spec);
	return check_target(&x, step, mount);
}

static int
set_network(struct building *b, const struct instruction *i, struct plan_step *step)
{
	const struct flag *flag = instruction_flag(i, "network");

	if (!flag || strcmp(flag->value, "default") == 0)
		return 0;
	step->network = PLAN_NETWORK_NONE;
	if (strcmp(flag->value, "host") != 0)
		return 0;
	step->network = PLAN_NETWORK_HOST;
	if (b->p->options->allowed & PLAN_ALLOW_NETWORK_HOST)
		return 0;
	return refuse(b, i, flag, "the Dockerfile may not have the network of this machine",
	    "allow it with: croze build --allow network.host");
}

static int
set_security(struct building *b, const struct instruction *i, struct plan_step *step)
{
	const struct flag *flag = instruction_flag(i, "security");

	if (!flag || strcmp(flag->value, "insecure") != 0)
		return 0;
	step->insecure = true;
	if (b->p->options->allowed & PLAN_ALLOW_INSECURE)
		return 0;
	return refuse(b, i, flag, "the Dockerfile may not do without confinement",
	    "allow it with: croze build --allow security.insecure");
}

int
mounts_apply(struct building *b, const struct instruction *i, struct plan_step *step)
{
	const char *hostname = planner_given(b->p, "BUILDKIT_SANDBOX_HOSTNAME");
	int result = set_network(b, i, step);

	if (hostname && *hostname)
		step->hostname = xstrdup(hostname);
	if (set_security(b, i, step) < 0)
		result = -1;
	for (size_t n = 0; n < i->n_flags; n++) {
		const struct flag *flag = &i->flags[n];

		if (strcmp(flag->def->name, "mount") == 0 && add_mount(b, i, flag, step) < 0)
			result = -1;
	}
	if (devices_apply(b, i, step) < 0)
		result = -1;
	return result;
}
