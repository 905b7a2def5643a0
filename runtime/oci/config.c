/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - config.json of a bundle (runtime-spec, config.md, config-linux.md).
 */
#include "runtime/oci/config.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/oci/refuse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#define ID_LENGTH_MAX 255

void
oci_config_release(struct oci_config *c)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		free(c->mounts[i].destination);
		free(c->mounts[i].type);
		free(c->mounts[i].source);
		strv_release(&c->mounts[i].options);
	}
	free(c->mounts);
	strv_release(&c->process.args);
	strv_release(&c->process.env);
	free(c->process.cwd);
	free(c->process.groups);
	free(c->process.rlimits);
	free(c->root_path);
	free(c->hostname);
	free(c->network_path);
	free(c->uids.items);
	free(c->gids.items);
	strv_release(&c->masked_paths);
	strv_release(&c->readonly_paths);
	json_free(c->json);
	*c = (struct oci_config){ 0 };
}

static int
wrong_type(const char *path, const char *what, struct error *e)
{
	return error_set(e, ERR_INPUT, "'%s' must be %s", path, what);
}

/* Member @key, which must be of @type when it is there; *@value is NULL when it is not. */
static int
get(const struct json *j, const char *key, const char *path, enum json_type type,
    const struct json **value, struct error *e)
{
	const struct json *v = json_get(j, key);
	autofree char *full = xasprintf("%s%s%s", path, *path ? "." : "", key);

	*value = NULL;
	if (json_type(v) == JSON_NULL)
		return 0;
	if (json_type(v) != type)
		return wrong_type(full, type == JSON_ARRAY ? "an array" : "an object", e);
	*value = v;
	return 0;
}

static int
read_id(const struct json *j, const char *key, const char *path, uint32_t *id, struct error *e)
{
	uint64_t value = *id;

	if (json_read_u64(j, key, path, &value, e) < 0)
		return -1;
	if (value > UINT32_MAX - 1)
		return error_set(e, ERR_INPUT, "'%s.%s' is no id: %" PRIu64, path, key, value);
	*id = (uint32_t)value;
	return 0;
}

static int
parse_groups(const struct json *user, struct oci_process *p, struct error *e)
{
	const struct json *list;

	if (get(user, "additionalGids", "process.user", JSON_ARRAY, &list, e) < 0)
		return -1;
	p->n_groups = json_count(list);
	p->groups = xcalloc(p->n_groups + 1, sizeof(p->groups[0]));
	for (size_t i = 0; i < p->n_groups; i++) {
		const char *number = json_number(json_at(list, i));
		uint64_t value;

		if (!number || parse_u64(number, 0, UINT32_MAX - 1, "gid", &value, e) < 0)
			return error_set(
			    e, ERR_INPUT, "'process.user.additionalGids[%zu]' is no group id", i);
		p->groups[i] = (gid_t)value;
	}
	return 0;
}

static int
parse_user(const struct json *process, struct oci_process *p, struct error *e)
{
	const struct json *user;
	uint32_t uid = 0, gid = 0, mask = 022;

	if (get(process, "user", "process", JSON_OBJECT, &user, e) < 0)
		return -1;
	if (read_id(user, "uid", "process.user", &uid, e) < 0 ||
	    read_id(user, "gid", "process.user", &gid, e) < 0 ||
	    read_id(user, "umask", "process.user", &mask, e) < 0)
		return -1;
	if (mask > 0777)
		return error_set(e, ERR_INPUT, "'process.user.umask' is larger than 0777");
	p->uid = uid;
	p->gid = gid;
	p->umask = mask;
	return parse_groups(user, p, e);
}

static int
parse_capability_set(
    const struct json *capabilities, const char *key, uint64_t *mask, struct error *e)
{
	auto(strv) struct strv names = { 0 };
	cap_value_t number;

	if (json_read_strv(capabilities, key, "process.capabilities", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (strncasecmp(names.items[i], "cap_", 4) != 0 ||
		    cap_from_name(names.items[i], &number) < 0)
			return error_set(e, ERR_INPUT,
			    "'process.capabilities.%s[%zu]': unknown capability '%s'", key, i,
			    names.items[i]);
		*mask |= 1ULL << number;
	}
	return 0;
}

static int
parse_capabilities(const struct json *process, struct oci_capabilities *c, struct error *e)
{
	const struct json *j;
	const struct {
		const char *key;
		uint64_t *mask;
	} sets[] = { { "bounding", &c->bounding }, { "permitted", &c->permitted },
		{ "effective", &c->effective }, { "inheritable", &c->inheritable },
		{ "ambient", &c->ambient } };

	if (get(process, "capabilities", "process", JSON_OBJECT, &j, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (parse_capability_set(j, sets[i].key, sets[i].mask, e) < 0)
			return -1;
	return 0;
}

static int
resource_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = { { "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE },
		{ "RLIMIT_CPU", RLIMIT_CPU }, { "RLIMIT_DATA", RLIMIT_DATA },
		{ "RLIMIT_FSIZE", RLIMIT_FSIZE }, { "RLIMIT_LOCKS", 10 },
		{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
		{ "RLIMIT_NICE", RLIMIT_NICE }, { "RLIMIT_NOFILE", RLIMIT_NOFILE },
		{ "RLIMIT_NPROC", RLIMIT_NPROC }, { "RLIMIT_RSS", RLIMIT_RSS },
		{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO }, { "RLIMIT_RTTIME", RLIMIT_RTTIME },
		{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	return -1;
}

static int
parse_rlimit(const struct json *j, size_t n, struct oci_process *p, struct error *e)
{
	autofree char *path = xasprintf("process.rlimits[%zu]", n);
	struct oci_rlimit *r = &p->rlimits[n];
	const char *type = NULL;
	uint64_t soft = 0, hard = 0;

	if (json_read_text(j, "type", path, &type, e) < 0 ||
	    json_read_u64(j, "soft", path, &soft, e) < 0 ||
	    json_read_u64(j, "hard", path, &hard, e) < 0)
		return -1;
	r->resource = type ? resource_number(type) : -1;
	if (r->resource < 0)
		return error_set(
		    e, ERR_INPUT, "'%s.type': unknown limit '%s'", path, type ? type : "");
	for (size_t i = 0; i < n; i++)
		if (p->rlimits[i].resource == r->resource)
			return error_set(
			    e, ERR_INPUT, "'%s.type': '%s' is given twice", path, type);
	if (soft > hard)
		return error_set(e, ERR_INPUT, "'%s.soft' is above 'hard'", path);
	r->limit = (struct rlimit){ .rlim_cur = soft, .rlim_max = hard };
	return 0;
}

static int
parse_rlimits(const struct json *process, struct oci_process *p, struct error *e)
{
	const struct json *list;

	if (get(process, "rlimits", "process", JSON_ARRAY, &list, e) < 0)
		return -1;
	p->n_rlimits = json_count(list);
	p->rlimits = xcalloc(p->n_rlimits + 1, sizeof(p->rlimits[0]));
	for (size_t i = 0; i < p->n_rlimits; i++)
		if (parse_rlimit(json_at(list, i), i, p, e) < 0)
			return -1;
	return 0;
}

static int
parse_console(const struct json *process, struct oci_process *p, struct error *e)
{
	const struct json *size;
	uint64_t rows = 0, columns = 0;

	if (get(process, "consoleSize", "process", JSON_OBJECT, &size, e) < 0 ||
	    json_read_u64(size, "height", "process.consoleSize", &rows, e) < 0 ||
	    json_read_u64(size, "width", "process.consoleSize", &columns, e) < 0)
		return -1;
	if (rows > UINT16_MAX || columns > UINT16_MAX)
		return error_set(e, ERR_INPUT, "'process.consoleSize' is too large");
	p->rows = (unsigned short)rows;
	p->columns = (unsigned short)columns;
	return json_read_bool(process, "terminal", "process", &p->terminal, e);
}

static int
parse_process(const struct json *root, struct oci_process *p, struct error *e)
{
	const struct json *j;
	const char *cwd = NULL;
	int64_t score = -1001;

	p->oom_score_adj = -1001;
	p->umask = 022;
	if (get(root, "process", "", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return error_set(e, ERR_INPUT, "'process' is missing: there is nothing to run");
	if (json_read_strv(j, "args", "process", &p->args, e) < 0 ||
	    json_read_strv(j, "env", "process", &p->env, e) < 0 ||
	    json_read_text(j, "cwd", "process", &cwd, e) < 0 ||
	    json_read_bool(j, "noNewPrivileges", "process", &p->no_new_privileges, e) < 0 ||
	    json_read_i64(j, "oomScoreAdj", "process", &score, e) < 0)
		return -1;
	if (p->args.count == 0)
		return error_set(e, ERR_INPUT, "'process.args' is missing or empty");
	if (!cwd || cwd[0] != '/')
		return error_set(e, ERR_INPUT, "'process.cwd' must be an absolute path");
	if (score < -1001 || score > 1000)
		return error_set(e, ERR_INPUT, "'process.oomScoreAdj' must be from -1000 to 1000");
	p->cwd = xstrdup(cwd);
	p->oom_score_adj = (int)score;
	if (parse_console(j, p, e) < 0 || parse_user(j, p, e) < 0)
		return -1;
	return parse_capabilities(j, &p->capabilities, e) < 0 || parse_rlimits(j, p, e) < 0 ? -1
	                                                                                    : 0;
}

static int
parse_root(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *j;
	const char *path = NULL;

	if (get(root, "root", "", JSON_OBJECT, &j, e) < 0 ||
	    json_read_text(j, "path", "root", &path, e) < 0 ||
	    json_read_bool(j, "readonly", "root", &c->root_readonly, e) < 0)
		return -1;
	if (!path || !*path)
		return error_set(e, ERR_INPUT, "'root.path' is missing");
	c->root_path = xstrdup(path);
	return 0;
}

static int
parse_mount(const struct json *j, size_t n, struct oci_config *c, struct error *e)
{
	autofree char *path = xasprintf("mounts[%zu]", n);
	struct oci_mount *m = &c->mounts[n];
	const char *destination = NULL, *type = NULL, *source = NULL;

	if (json_type(j) != JSON_OBJECT)
		return wrong_type(path, "an object", e);
	if (json_read_text(j, "destination", path, &destination, e) < 0 ||
	    json_read_text(j, "type", path, &type, e) < 0 ||
	    json_read_text(j, "source", path, &source, e) < 0 ||
	    json_read_strv(j, "options", path, &m->options, e) < 0)
		return -1;
	if (!destination || destination[0] != '/')
		return error_set(e, ERR_INPUT, "'%s.destination' must be an absolute path", path);
	if (json_count(json_get(j, "uidMappings")) > 0 ||
	    json_count(json_get(j, "gidMappings")) > 0)
		return error_set(
		    e, ERR_HOST, "'%s': mounts with mapped ids are not supported", path);
	if (strv_has(&m->options, "bind") || strv_has(&m->options, "rbind"))
		type = "bind";
	if (!type)
		return error_set(e, ERR_INPUT, "'%s.type' is missing", path);
	if (strcmp(type, "bind") == 0 && (!source || !*source))
		return error_set(e, ERR_INPUT, "'%s.source' is missing", path);
	m->destination = xstrdup(destination);
	m->type = xstrdup(type);
	m->source = source ? xstrdup(source) : NULL;
	return 0;
}

static int
parse_mounts(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *list;

	if (get(root, "mounts", "", JSON_ARRAY, &list, e) < 0)
		return -1;
	c->n_mounts = json_count(list);
	c->mounts = xcalloc(c->n_mounts + 1, sizeof(c->mounts[0]));
	for (size_t i = 0; i < c->n_mounts; i++)
		if (parse_mount(json_at(list, i), i, c, e) < 0)
			return -1;
	return 0;
}

static int
parse_namespace(const struct json *j, size_t n, struct oci_config *c, struct error *e)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} names[] = { { "pid", OCI_PID }, { "network", OCI_NETWORK }, { "mount", OCI_MOUNT },
		{ "ipc", OCI_IPC }, { "uts", OCI_UTS }, { "user", OCI_USER },
		{ "cgroup", OCI_CGROUP } };
	autofree char *where = xasprintf("linux.namespaces[%zu]", n);
	const char *type = NULL, *path = NULL;
	unsigned int bit = 0;

	if (json_read_text(j, "type", where, &type, e) < 0 ||
	    json_read_text(j, "path", where, &path, e) < 0)
		return -1;
	for (size_t i = 0; type && i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, type) == 0)
			bit = names[i].bit;
	if (!bit)
		return error_set(
		    e, ERR_INPUT, "'%s.type': '%s' is not supported", where, type ? type : "");
	if (c->namespaces & bit)
		return error_set(e, ERR_INPUT, "'%s.type': '%s' is given twice", where, type);
	c->namespaces |= bit;
	if (path && bit != OCI_NETWORK)
		return error_set(
		    e, ERR_HOST, "'%s.path': only a network namespace can be joined", where);
	if (path)
		c->network_path = xstrdup(path);
	return 0;
}

static int
parse_namespaces(const struct json *linux_part, struct oci_config *c, struct error *e)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} needed[] = { { "mount", OCI_MOUNT }, { "pid", OCI_PID }, { "ipc", OCI_IPC },
		{ "uts", OCI_UTS } };
	const struct json *list;

	if (get(linux_part, "namespaces", "linux", JSON_ARRAY, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(list); i++)
		if (parse_namespace(json_at(list, i), i, c, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!(c->namespaces & needed[i].bit))
			return error_set(e, ERR_HOST,
			    "'linux.namespaces' has no '%s': sharing the caller's is not supported",
			    needed[i].name);
	return 0;
}

static int
parse_mappings(
    const struct json *linux_part, const char *key, struct oci_id_mappings *m, struct error *e)
{
	const struct json *list;

	if (get(linux_part, key, "linux", JSON_ARRAY, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *path = xasprintf("linux.%s[%zu]", key, i);
		const struct json *j = json_at(list, i);
		struct oci_id_mapping x = { 0 };

		if (read_id(j, "containerID", path, &x.container, e) < 0 ||
		    read_id(j, "hostID", path, &x.host, e) < 0 ||
		    read_id(j, "size", path, &x.size, e) < 0)
			return -1;
		if (x.size == 0 || x.size > UINT32_MAX - x.container ||
		    x.size > UINT32_MAX - x.host)
			return error_set(e, ERR_INPUT, "'%s.size' is 0 or too large", path);
		xgrow(&m->items, m->count + 1, &m->room, sizeof(m->items[0]));
		m->items[m->count++] = x;
	}
	return 0;
}

static int
parse_linux(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *j;

	if (get(root, "linux", "", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (parse_namespaces(j, c, e) < 0 || parse_mappings(j, "uidMappings", &c->uids, e) < 0 ||
	    parse_mappings(j, "gidMappings", &c->gids, e) < 0 ||
	    json_read_strv(j, "maskedPaths", "linux", &c->masked_paths, e) < 0 ||
	    json_read_strv(j, "readonlyPaths", "linux", &c->readonly_paths, e) < 0)
		return -1;
	if (c->uids.count > 0 && !(c->namespaces & OCI_USER))
		return error_set(
		    e, ERR_INPUT, "'linux.uidMappings' needs a namespace of type 'user'");
	return get(j, "seccomp", "linux", JSON_OBJECT, &c->seccomp, e);
}

static int
parse_version(const struct json *root, struct error *e)
{
	const char *version = NULL;

	if (json_type(root) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "it must be an object");
	if (json_read_text(root, "ociVersion", "", &version, e) < 0)
		return -1;
	if (!version || !text_starts_with(version, "1."))
		return error_set(
		    e, ERR_INPUT, "'ociVersion' must be 1.x, and is '%s'", version ? version : "");
	return 0;
}

static int
parse_document(struct oci_config *c, struct error *e)
{
	const char *hostname = NULL;

	if (parse_version(c->json, e) < 0 || parse_process(c->json, &c->process, e) < 0 ||
	    parse_root(c->json, c, e) < 0 || parse_mounts(c->json, c, e) < 0 ||
	    parse_linux(c->json, c, e) < 0 ||
	    json_read_text(c->json, "hostname", "", &hostname, e) < 0)
		return -1;
	if (hostname && strlen(hostname) > 64)
		return error_set(e, ERR_INPUT, "'hostname' is longer than 64 bytes");
	c->hostname = hostname ? xstrdup(hostname) : NULL;
	return refuse_members(c->json, e);
}

int
oci_config_parse(const char *text, size_t length, struct oci_config *c, struct error *e)
{
	*c = (struct oci_config){ 0 };
	c->json = json_parse(text, length, e);
	if (c->json && parse_document(c, e) == 0)
		return 0;
	oci_config_release(c);
	return error_ctx(e, "config.json");
}

int
oci_config_read(int bundle, struct oci_config *c, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (path_read_file(bundle, "config.json", &text, JSON_MAX_BYTES, e) < 0)
		return -1;
	return oci_config_parse(buf_text(&text), text.len, c, e);
}

int
oci_check_id(const char *id, struct error *e)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)id[i]) && !strchr("_+.-", id[i]))
			return error_set(
			    e, ERR_USAGE, "a container's name has letters, digits and _+.- only");
	if (length == 0 || length > ID_LENGTH_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return error_set(e, ERR_USAGE, "'%.40s' is no name for a container", id);
	return 0;
}
