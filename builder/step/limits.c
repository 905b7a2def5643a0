/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits - how much of the machine the command of a step may take.
 */
#include "builder/step/limits.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
has_rlimit(const struct limits *l, int resource)
{
	for (size_t i = 0; i < l->n_rlimits; i++)
		if (l->rlimits[i].resource == resource)
			return true;
	return false;
}

/* Never more than there is. */
static void
add_rlimit(struct limits *l, int resource, uint64_t value)
{
	struct rlimit now;

	if (has_rlimit(l, resource) || getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		value = now.rlim_max;
	l->rlimits[l->n_rlimits++] = (struct container_rlimit){ resource, { value, value } };
}

static int
make(const struct limits *l, struct cgroup *cgroup, struct error *e)
{
	autofree char *id = xasprintf("build-%d", (int)getpid());
	autofree char *path = l->parent ? xasprintf("/%s/croze-%s", l->parent, id) : NULL;
	struct cgroup_wish wish = {
		.path = path, .id = id, .resources = l->resources, .own_users = true
	};

	return cgroup_make(&wish, cgroup, e);
}

/* The cause alone, without the name that config.json has for the limit. */
static const char *
cause_of(const struct error *why)
{
	const char *cause = strstr(why->text, "cannot be set: ");

	return cause ? cause + strlen("cannot be set: ") : why->text;
}

/* What only a cgroup can do; NULL. */
static const char *
needs_cgroup(const struct limits *l)
{
	const struct oci_resources *r = l->resources;

	if (l->parent)
		return "--cgroup-parent";
	if (r->memory_swap != OCI_UNSET)
		return "--memory-swap";
	if (r->cpu_quota != OCI_UNSET || r->cpu_period != OCI_UNSET)
		return "--cpus and --cpu-quota";
	if (r->cpu_shares != OCI_UNSET)
		return "--cpu-shares";
	return r->cpus ? "--cpuset-cpus" : r->mems ? "--cpuset-mems" : NULL;
}

/* What else can hold a command back. */
static int
fall_back(struct limits *l, const struct error *why, struct error *e)
{
	const char *option = needs_cgroup(l);
	bool memory = l->resources->memory_limit > 0, pids = l->resources->pids_limit > 0;

	if (option) {
		error_set(e, ERR_HOST, "%s: %.300s", option, cause_of(why));
		return error_hint(e, "%s", why->hint);
	}
	if (memory)
		add_rlimit(l, RLIMIT_DATA, (uint64_t)l->resources->memory_limit);
	if (pids)
		add_rlimit(l, RLIMIT_NPROC, (uint64_t)l->resources->pids_limit);
	snprintf(l->note, sizeof(l->note), "no cgroup can be limited here (%.300s), so that %s%s%s",
	    cause_of(why), memory ? "--memory holds for each process of a step by itself" : "",
	    memory && pids ? ", and " : "", pids ? "--pids-limit for each of its users" : "");
	return 0;
}

int
limits_open(const struct oci_resources *resources, const char *parent,
    const struct container_rlimit *rlimits, size_t n_rlimits, struct limits *l, struct error *e)
{
	struct error refused = ERROR_INIT, ignored = ERROR_INIT;
	struct cgroup cgroup = CGROUP_INIT;

	*l = (struct limits){ .resources = resources,
		.parent = parent,
		.rlimits = xcalloc(n_rlimits + 3, sizeof(*rlimits)) };
	for (; l->n_rlimits < n_rlimits; l->n_rlimits++)
		l->rlimits[l->n_rlimits] = rlimits[l->n_rlimits];
	if (oci_resources_any(resources) || parent) {
		l->by_cgroup = make(l, &cgroup, &refused) == 0 && cgroup.path;
		if (l->by_cgroup)
			(void)cgroup_remove(&cgroup, &ignored); /* nobody is in it */
		cgroup_release(&cgroup);
		if (!l->by_cgroup && fall_back(l, &refused, e) < 0)
			return -1;
	}
	if (resources->pids_limit == OCI_UNSET)
		add_rlimit(l, RLIMIT_NPROC, LIMITS_PROCESSES);
	return 0;
}

void
limits_release(struct limits *l)
{
	free(l->rlimits);
	*l = (struct limits){ 0 };
}

static int
on_created(void *arg, pid_t pid, struct error *e)
{
	const struct limits_group *g = arg;

	return cgroup_attach(&g->cgroup, pid, e);
}

int
limits_begin(
    const struct limits *l, struct limits_group *g, struct container_spec *spec, struct error *e)
{
	*g = (struct limits_group){ 0 };
	spec->rlimits = l->rlimits;
	spec->n_rlimits = l->n_rlimits;
	if (!l->by_cgroup)
		return 0;
	if (make(l, &g->cgroup, e) < 0)
		return error_ctx(e, "the limits of the step");
	g->made = true;
	g->events = (struct container_events){ .arg = g, .created = on_created };
	spec->events = &g->events;
	return 0;
}

/* "oom_kill 1" among the lines of memory.events, and of memory.oom_control before cgroup v2. */
bool
limits_ran_out(const struct limits_group *g)
{
	static const char *const files[] = { "memory.events", "memory.oom_control" };

	for (size_t i = 0; g->made && i < ARRAY_LEN(files); i++) {
		auto(buf) struct buf text = { 0 };
		struct error ignored = ERROR_INIT; /* one of the two is not there */
		const char *line;

		if (cgroup_read(&g->cgroup, "memory", files[i], &text, &ignored) < 0)
			continue;
		line = strstr(buf_text(&text), "oom_kill ");
		return line && strtoull(line + strlen("oom_kill "), NULL, 10) > 0;
	}
	return false;
}

void
limits_end(struct limits_group *g)
{
	struct error ignored = ERROR_INIT; /* the step's result counts; what is left is empty */

	if (!g->made)
		return;
	(void)cgroup_remove(&g->cgroup, &ignored);
	cgroup_release(&g->cgroup);
	g->made = false;
}
