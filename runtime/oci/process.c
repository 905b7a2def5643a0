/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - the process of a container (runtime-spec, config.md, "Process", "POSIX process", "Linux Process").
 */
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/oci/config.h"
#include "runtime/oci/read.h"

#include <inttypes.h>
#include <linux/sched.h> /* not <sched.h>, which names the policies too */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#define RLIMIT_LOCKS_NUMBER 10

static const struct oci_word resources[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS_NUMBER },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
	{ 0 },
};

static const struct oci_word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", 4 }, /* reserved, and refused by every kernel so far */
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ 0 },
};

static const struct oci_word scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ 0 },
};

static const struct oci_word io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
	{ 0 },
};

void
oci_process_release(struct oci_process *p)
{
	strv_release(&p->args);
	strv_release(&p->env);
	free(p->cwd);
	free(p->groups);
	free(p->rlimits);
	free(p->initial_cpus);
	free(p->final_cpus);
	free(p->apparmor_profile);
	free(p->selinux_label);
	*p = (struct oci_process){ 0 };
}

/* "process" and "user" make "process.user"; "" and "user" make "user". */
static char *
below(const char *path, const char *key)
{
	return xasprintf("%s%s%s", path, *path ? "." : "", key);
}

static int
read_groups(const struct json *user, const char *path, struct oci_process *p, struct error *e)
{
	const struct json *list;

	if (read_member(user, "additionalGids", path, JSON_ARRAY, &list, e) < 0)
		return -1;
	p->n_groups = json_count(list);
	p->groups = xcalloc(p->n_groups + 1, sizeof(p->groups[0]));
	for (size_t i = 0; i < p->n_groups; i++) {
		const char *number = json_number(json_at(list, i));
		uint64_t value;

		if (!number || parse_u64(number, 0, UINT32_MAX - 1, "gid", &value, e) < 0)
			return error_set(
			    e, ERR_INPUT, "'%s.additionalGids[%zu]' is no group id", path, i);
		p->groups[i] = (gid_t)value;
	}
	return 0;
}

static int
read_user(const struct json *process, const char *above, struct oci_process *p, struct error *e)
{
	autofree char *path = below(above, "user");
	const struct json *user;
	uint32_t uid = 0, gid = 0, mask = 022;

	if (read_member(process, "user", above, JSON_OBJECT, &user, e) < 0 ||
	    read_id(user, "uid", path, &uid, e) < 0 || read_id(user, "gid", path, &gid, e) < 0 ||
	    read_id(user, "umask", path, &mask, e) < 0)
		return -1;
	if (mask > 0777)
		return error_set(e, ERR_INPUT, "'%s.umask' is larger than 0777", path);
	p->uid = uid;
	p->gid = gid;
	p->umask = mask;
	return read_groups(user, path, p, e);
}

static int
read_capability_set(const struct json *capabilities, const char *key, const char *path,
    uint64_t *mask, struct error *e)
{
	auto(strv) struct strv names = { 0 };
	cap_value_t number;

	if (json_read_strv(capabilities, key, path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (strncasecmp(names.items[i], "cap_", 4) != 0 ||
		    cap_from_name(names.items[i], &number) < 0)
			return error_set(e, ERR_INPUT, "'%s.%s[%zu]': unknown capability '%s'",
			    path, key, i, names.items[i]);
		*mask |= 1ULL << number;
	}
	return 0;
}

static int
read_capabilities(
    const struct json *process, const char *above, struct oci_capabilities *c, struct error *e)
{
	autofree char *path = below(above, "capabilities");
	const struct json *j;
	const struct {
		const char *key;
		uint64_t *mask;
	} sets[] = { { "bounding", &c->bounding }, { "permitted", &c->permitted },
		{ "effective", &c->effective }, { "inheritable", &c->inheritable },
		{ "ambient", &c->ambient } };

	if (read_member(process, "capabilities", above, JSON_OBJECT, &j, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (read_capability_set(j, sets[i].key, path, sets[i].mask, e) < 0)
			return -1;
	return 0;
}

static int
read_rlimit(
    const struct json *j, size_t n, const char *path, struct oci_process *p, struct error *e)
{
	struct oci_rlimit *r = &p->rlimits[n];
	uint64_t soft = 0, hard = 0, resource = UINT64_MAX;

	if (read_word_member(resources, j, "type", path, &resource, e) < 0 ||
	    json_read_u64(j, "soft", path, &soft, e) < 0 ||
	    json_read_u64(j, "hard", path, &hard, e) < 0)
		return -1;
	if (resource == UINT64_MAX)
		return error_set(e, ERR_INPUT, "'%s.type' is missing", path);
	r->resource = (int)resource;
	for (size_t i = 0; i < n; i++)
		if (p->rlimits[i].resource == r->resource)
			return error_set(e, ERR_INPUT, "'%s.type': '%s' is given twice", path,
			    json_text(json_get(j, "type")));
	if (soft > hard)
		return error_set(e, ERR_INPUT, "'%s.soft' is above 'hard'", path);
	r->limit = (struct rlimit){ .rlim_cur = soft, .rlim_max = hard };
	return 0;
}

static int
read_rlimits(const struct json *process, const char *above, struct oci_process *p, struct error *e)
{
	autofree char *path = below(above, "rlimits");
	const struct json *list;

	if (read_member(process, "rlimits", above, JSON_ARRAY, &list, e) < 0)
		return -1;
	p->n_rlimits = json_count(list);
	p->rlimits = xcalloc(p->n_rlimits + 1, sizeof(p->rlimits[0]));
	for (size_t i = 0; i < p->n_rlimits; i++) {
		autofree char *item = read_item(list, i, path, e);

		if (!item || read_rlimit(json_at(list, i), i, item, p, e) < 0)
			return -1;
	}
	return 0;
}

static int
read_console(const struct json *process, const char *above, struct oci_process *p, struct error *e)
{
	autofree char *path = below(above, "consoleSize");
	const struct json *size;
	uint64_t rows = 0, columns = 0;

	if (read_member(process, "consoleSize", above, JSON_OBJECT, &size, e) < 0 ||
	    read_u64(size, "height", path, 0, UINT16_MAX, &rows, e) < 0 ||
	    read_u64(size, "width", path, 0, UINT16_MAX, &columns, e) < 0)
		return -1;
	p->rows = (unsigned short)rows;
	p->columns = (unsigned short)columns;
	return json_read_bool(process, "terminal", above, &p->terminal, e);
}

static int
read_scheduler(
    const struct json *process, const char *above, struct oci_scheduler *s, struct error *e)
{
	autofree char *path = below(above, "scheduler");
	const struct json *j;
	uint64_t policy = UINT64_MAX, priority = 0;
	int64_t nice = 0;

	if (read_member(process, "scheduler", above, JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_word_member(policies, j, "policy", path, &policy, e) < 0 ||
	    read_i64(j, "nice", path, -20, 19, &nice, e) < 0 ||
	    read_u64(j, "priority", path, 0, 99, &priority, e) < 0 ||
	    read_words(scheduler_flags, j, "flags", path, &s->flags, e) < 0 ||
	    json_read_u64(j, "runtime", path, &s->runtime, e) < 0 ||
	    json_read_u64(j, "deadline", path, &s->deadline, e) < 0 ||
	    json_read_u64(j, "period", path, &s->period, e) < 0)
		return -1;
	if (policy == UINT64_MAX)
		return error_set(e, ERR_INPUT, "'%s.policy' is missing", path);
	if (priority > 0 && policy != SCHED_FIFO && policy != SCHED_RR)
		return error_set(
		    e, ERR_INPUT, "'%s.priority' is for SCHED_FIFO and SCHED_RR only", path);
	if ((s->runtime || s->deadline || s->period) && policy != SCHED_DEADLINE)
		return error_set(e, ERR_INPUT,
		    "'%s': runtime, deadline and period are for SCHED_DEADLINE only", path);
	s->given = true;
	s->policy = (uint32_t)policy;
	s->nice = (int32_t)nice;
	s->priority = (uint32_t)priority;
	return 0;
}

static int
read_io_priority(
    const struct json *process, const char *above, struct oci_process *p, struct error *e)
{
	autofree char *path = below(above, "ioPriority");
	const struct json *j;
	uint64_t class = 0, priority = 0;

	if (read_member(process, "ioPriority", above, JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_word_member(io_classes, j, "class", path, &class, e) < 0 ||
	    read_u64(j, "priority", path, 0, 7, &priority, e) < 0)
		return -1;
	if (class == 0)
		return error_set(e, ERR_INPUT, "'%s.class' is missing", path);
	p->io_class = (int)class;
	p->io_priority = (int)priority;
	return 0;
}

static int
read_affinity(const struct json *process, const char *above, struct oci_process *p, struct error *e)
{
	autofree char *path = below(above, "execCPUAffinity");
	const struct json *j;

	if (read_member(process, "execCPUAffinity", above, JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_text(j, "initial", path, &p->initial_cpus, e) < 0 ||
	    read_text(j, "final", path, &p->final_cpus, e) < 0)
		return -1;
	if (p->initial_cpus && *p->initial_cpus &&
	    read_check_list(p->initial_cpus, "initial", path, e) < 0)
		return -1;
	return p->final_cpus && *p->final_cpus ? read_check_list(p->final_cpus, "final", path, e)
	                                       : 0;
}

/* Members that are plain values. */
static int
read_plain(const struct json *j, const char *path, struct oci_process *p, struct error *e)
{
	const char *cwd = NULL;
	int64_t score = -1001;

	if (json_read_strv(j, "args", path, &p->args, e) < 0 ||
	    json_read_strv(j, "env", path, &p->env, e) < 0 ||
	    json_read_text(j, "cwd", path, &cwd, e) < 0 ||
	    json_read_bool(j, "noNewPrivileges", path, &p->no_new_privileges, e) < 0 ||
	    read_i64(j, "oomScoreAdj", path, -1000, 1000, &score, e) < 0 ||
	    read_text(j, "apparmorProfile", path, &p->apparmor_profile, e) < 0 ||
	    read_text(j, "selinuxLabel", path, &p->selinux_label, e) < 0)
		return -1;
	if (p->args.count == 0)
		return error_set(
		    e, ERR_INPUT, "'%s%sargs' is missing or empty", path, *path ? "." : "");
	if (!cwd || cwd[0] != '/')
		return error_set(
		    e, ERR_INPUT, "'%s%scwd' must be an absolute path", path, *path ? "." : "");
	for (size_t i = 0; i < p->env.count; i++)
		if (!strchr(p->env.items[i], '=') || p->env.items[i][0] == '=')
			return error_set(e, ERR_INPUT, "'%s%senv[%zu]' is not NAME=VALUE", path,
			    *path ? "." : "", i);
	p->cwd = xstrdup(cwd);
	p->oom_score_adj = (int)score;
	return 0;
}

int
oci_process_read(const struct json *j, const char *path, struct oci_process *p, struct error *e)
{
	*p = (struct oci_process){ .oom_score_adj = -1001, .umask = 022 };
	if (read_plain(j, path, p, e) < 0 || read_console(j, path, p, e) < 0 ||
	    read_user(j, path, p, e) < 0 || read_capabilities(j, path, &p->capabilities, e) < 0 ||
	    read_rlimits(j, path, p, e) < 0 || read_scheduler(j, path, &p->scheduler, e) < 0 ||
	    read_io_priority(j, path, p, e) < 0)
		return -1;
	return read_affinity(j, path, p, e);
}
