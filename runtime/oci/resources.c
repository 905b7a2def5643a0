/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resources - linux.resources of config.json (runtime-spec, config-linux.md, "Control groups").
 */
#include "runtime/oci/resources.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/oci/read.h"

#include <stdlib.h>
#include <string.h>

#define CPU_SHARES_MIN 2
#define CPU_SHARES_MAX 262144

static const struct oci_word device_types[] = {
	{ "a", 'a' },
	{ "c", 'c' },
	{ "b", 'b' },
	{ "u", 'c' },
	{ 0 },
};

void
oci_resources_init(struct oci_resources *r)
{
	*r = (struct oci_resources){
		.memory_limit = OCI_UNSET,
		.memory_reservation = OCI_UNSET,
		.memory_swap = OCI_UNSET,
		.memory_kernel = OCI_UNSET,
		.memory_kernel_tcp = OCI_UNSET,
		.memory_swappiness = OCI_UNSET,
		.disable_oom_killer = OCI_UNSET,
		.cpu_shares = OCI_UNSET,
		.cpu_quota = OCI_UNSET,
		.cpu_burst = OCI_UNSET,
		.cpu_period = OCI_UNSET,
		.cpu_idle = OCI_UNSET,
		.cpu_realtime_runtime = OCI_UNSET,
		.cpu_realtime_period = OCI_UNSET,
		.pids_limit = OCI_UNSET,
		.block_weight = OCI_UNSET,
		.block_leaf_weight = OCI_UNSET,
		.network_class = OCI_UNSET,
	};
}

void
oci_resources_release(struct oci_resources *r)
{
	free(r->cpus);
	free(r->mems);
	free(r->block);
	for (size_t i = 0; i < r->n_huge; i++)
		free(r->huge[i].page_size);
	free(r->huge);
	strv_release(&r->network_priorities);
	for (size_t i = 0; i < r->n_rdma; i++)
		free(r->rdma[i].device);
	free(r->rdma);
	strv_release(&r->unified);
	free(r->devices);
	oci_resources_init(r);
}

static char *
below(const char *path, const char *key)
{
	return xasprintf("%s%s%s", path, *path ? "." : "", key);
}

static int
read_memory(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "memory");
	const struct json *j;
	bool no_killer = false;
	const struct {
		const char *key;
		int64_t *value;
	} sizes[] = { { "limit", &r->memory_limit }, { "reservation", &r->memory_reservation },
		{ "swap", &r->memory_swap }, { "kernel", &r->memory_kernel },
		{ "kernelTCP", &r->memory_kernel_tcp } };

	if (read_member(above, "memory", above_path, JSON_OBJECT, &j, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (read_i64(j, sizes[i].key, path, -1, INT64_MAX, sizes[i].value, e) < 0)
			return -1;
	if (read_i64(j, "swappiness", path, 0, 100, &r->memory_swappiness, e) < 0 ||
	    json_read_bool(j, "disableOOMKiller", path, &no_killer, e) < 0 ||
	    json_read_bool(j, "checkBeforeUpdate", path, &r->check_before_update, e) < 0)
		return -1;
	if (no_killer)
		r->disable_oom_killer = 1;
	if (r->memory_swap > 0 && r->memory_limit > r->memory_swap)
		return error_set(e, ERR_INPUT,
		    "'%s.swap' is memory and swap together, and is below 'limit'", path);
	return 0;
}

static int
read_cpu(const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "cpu");
	const struct json *j;

	if (read_member(above, "cpu", above_path, JSON_OBJECT, &j, e) < 0 ||
	    read_i64(j, "shares", path, 0, CPU_SHARES_MAX, &r->cpu_shares, e) < 0 ||
	    read_i64(j, "quota", path, -1, INT64_MAX, &r->cpu_quota, e) < 0 ||
	    read_i64(j, "burst", path, 0, INT64_MAX, &r->cpu_burst, e) < 0 ||
	    read_i64(j, "period", path, 0, INT64_MAX, &r->cpu_period, e) < 0 ||
	    read_i64(j, "idle", path, 0, 1, &r->cpu_idle, e) < 0 ||
	    read_i64(j, "realtimeRuntime", path, -1, INT64_MAX, &r->cpu_realtime_runtime, e) < 0 ||
	    read_i64(j, "realtimePeriod", path, 0, INT64_MAX, &r->cpu_realtime_period, e) < 0 ||
	    read_text(j, "cpus", path, &r->cpus, e) < 0 ||
	    read_text(j, "mems", path, &r->mems, e) < 0)
		return -1;
	/* callers write 0 and "" for what they do not want */
	if (r->cpu_shares == 0)
		r->cpu_shares = OCI_UNSET;
	else if (r->cpu_shares != OCI_UNSET && r->cpu_shares < CPU_SHARES_MIN)
		r->cpu_shares = CPU_SHARES_MIN;
	if (r->cpu_quota == 0)
		r->cpu_quota = OCI_UNSET;
	if (r->cpu_period == 0)
		r->cpu_period = OCI_UNSET;
	if (r->cpus && *r->cpus && read_check_list(r->cpus, "cpus", path, e) < 0)
		return -1;
	return r->mems && *r->mems ? read_check_list(r->mems, "mems", path, e) : 0;
}

static void
add_block(struct oci_resources *r, enum oci_block_kind kind, uint64_t major, uint64_t minor,
    uint64_t value)
{
	xgrow(&r->block, r->n_block + 1, &r->block_room, sizeof(r->block[0]));
	r->block[r->n_block++] =
	    (struct oci_block_limit){ kind, (unsigned int)major, (unsigned int)minor, value };
}

static int
read_numbers(
    const struct json *j, const char *path, uint64_t *major, uint64_t *minor, struct error *e)
{
	*major = *minor = UINT64_MAX;
	if (read_u64(j, "major", path, 0, UINT32_MAX, major, e) < 0 ||
	    read_u64(j, "minor", path, 0, UINT32_MAX, minor, e) < 0)
		return -1;
	if (*major == UINT64_MAX || *minor == UINT64_MAX)
		return error_set(e, ERR_INPUT, "'%s' needs 'major' and 'minor'", path);
	return 0;
}

static int
read_block_weight(const struct json *j, const char *path, struct oci_resources *r, struct error *e)
{
	uint64_t major, minor, weight = 0, leaf = 0;

	if (read_numbers(j, path, &major, &minor, e) < 0 ||
	    read_u64(j, "weight", path, 0, 1000, &weight, e) < 0 ||
	    read_u64(j, "leafWeight", path, 0, 1000, &leaf, e) < 0)
		return -1;
	if (weight)
		add_block(r, OCI_BLOCK_WEIGHT, major, minor, weight);
	if (leaf)
		add_block(r, OCI_BLOCK_LEAF_WEIGHT, major, minor, leaf);
	return 0;
}

static int
read_block_list(const struct json *block, const char *key, const char *above,
    enum oci_block_kind kind, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above, key);
	const struct json *list;

	if (read_member(block, key, above, JSON_ARRAY, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *item = read_item(list, i, path, e);
		const struct json *j = json_at(list, i);
		uint64_t major, minor, rate = 0;

		if (!item)
			return -1;
		if (kind == OCI_BLOCK_WEIGHT) {
			if (read_block_weight(j, item, r, e) < 0)
				return -1;
			continue;
		}
		if (read_numbers(j, item, &major, &minor, e) < 0 ||
		    json_read_u64(j, "rate", item, &rate, e) < 0)
			return -1;
		add_block(r, kind, major, minor, rate);
	}
	return 0;
}

static int
read_block(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	static const struct {
		const char *key;
		enum oci_block_kind kind;
	} lists[] = { { "weightDevice", OCI_BLOCK_WEIGHT },
		{ "throttleReadBpsDevice", OCI_BLOCK_READ_BPS },
		{ "throttleWriteBpsDevice", OCI_BLOCK_WRITE_BPS },
		{ "throttleReadIOPSDevice", OCI_BLOCK_READ_IOPS },
		{ "throttleWriteIOPSDevice", OCI_BLOCK_WRITE_IOPS } };
	autofree char *path = below(above_path, "blockIO");
	const struct json *j;

	if (read_member(above, "blockIO", above_path, JSON_OBJECT, &j, e) < 0 ||
	    read_i64(j, "weight", path, 0, 1000, &r->block_weight, e) < 0 ||
	    read_i64(j, "leafWeight", path, 0, 1000, &r->block_leaf_weight, e) < 0)
		return -1;
	if (r->block_weight == 0)
		r->block_weight = OCI_UNSET;
	if (r->block_leaf_weight == 0)
		r->block_leaf_weight = OCI_UNSET;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (read_block_list(j, lists[i].key, path, lists[i].kind, r, e) < 0)
			return -1;
	return 0;
}

static int
read_huge(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "hugepageLimits");
	const struct json *list;

	if (read_member(above, "hugepageLimits", above_path, JSON_ARRAY, &list, e) < 0)
		return -1;
	r->huge = xcalloc(json_count(list) + 1, sizeof(r->huge[0]));
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *item = read_item(list, i, path, e);
		struct oci_huge_limit *h = &r->huge[i];

		r->n_huge = i + 1;
		if (!item || read_text(json_at(list, i), "pageSize", item, &h->page_size, e) < 0 ||
		    json_read_u64(json_at(list, i), "limit", item, &h->limit, e) < 0)
			return -1;
		if (!h->page_size || strspn(h->page_size, "0123456789") == 0 ||
		    strcmp(h->page_size + strspn(h->page_size, "0123456789") + 1, "B") != 0 ||
		    !strchr("KMG", h->page_size[strspn(h->page_size, "0123456789")]))
			return error_set(
			    e, ERR_INPUT, "'%s.pageSize' must be a size like '2MB' or '1GB'", item);
	}
	return 0;
}

static int
read_network(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "network");
	autofree char *list_path = below(path, "priorities");
	const struct json *j, *list;

	if (read_member(above, "network", above_path, JSON_OBJECT, &j, e) < 0 ||
	    read_i64(j, "classID", path, 0, UINT32_MAX, &r->network_class, e) < 0 ||
	    read_member(j, "priorities", path, JSON_ARRAY, &list, e) < 0)
		return -1;
	if (r->network_class == 0)
		r->network_class = OCI_UNSET;
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *item = read_item(list, i, list_path, e);
		const char *name = NULL;
		uint64_t priority = 0;

		if (!item || json_read_text(json_at(list, i), "name", item, &name, e) < 0 ||
		    read_u64(json_at(list, i), "priority", item, 0, UINT32_MAX, &priority, e) < 0)
			return -1;
		if (!name || !*name || strpbrk(name, " \n"))
			return error_set(e, ERR_INPUT, "'%s.name' names no device", item);
		strv_printf(&r->network_priorities, "%s %llu", name, (unsigned long long)priority);
	}
	return 0;
}

static int
read_rdma(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "rdma");
	const struct json *object;

	if (read_member(above, "rdma", above_path, JSON_OBJECT, &object, e) < 0)
		return -1;
	r->rdma = xcalloc(json_count(object) + 1, sizeof(r->rdma[0]));
	for (size_t i = 0; i < json_count(object); i++) {
		autofree char *item = below(path, json_key_at(object, i));
		const struct json *j = json_at(object, i);
		struct oci_rdma_limit *l = &r->rdma[i];

		r->n_rdma = i + 1;
		*l = (struct oci_rdma_limit){ xstrdup(json_key_at(object, i)), OCI_UNSET,
			OCI_UNSET };
		if (json_type(j) != JSON_OBJECT)
			return read_wrong_type(item, "an object", e);
		if (read_i64(j, "hcaHandles", item, 0, UINT32_MAX, &l->handles, e) < 0 ||
		    read_i64(j, "hcaObjects", item, 0, UINT32_MAX, &l->objects, e) < 0)
			return -1;
		if (l->handles == OCI_UNSET && l->objects == OCI_UNSET)
			return error_set(
			    e, ERR_INPUT, "'%s' needs 'hcaHandles' or 'hcaObjects'", item);
	}
	return 0;
}

static int
read_unified(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "unified");

	if (read_pairs(above, "unified", above_path, &r->unified, e) < 0)
		return -1;
	for (size_t i = 0; i < r->unified.count; i++) {
		const char *name = r->unified.items[i];

		if (!strchr(name, '.') || strchr(name, '.') > strchr(name, '=') ||
		    (size_t)(strchrnul(name, '/') - name) < strcspn(name, "="))
			return error_set(e, ERR_INPUT, "'%s': '%.*s' is no file of a cgroup", path,
			    (int)strcspn(name, "="), name);
	}
	return 0;
}

static int
read_device_rule(const struct json *j, const char *path, struct oci_device_rule *d, struct error *e)
{
	const char *access = NULL;
	uint64_t type = 'a';

	*d = (struct oci_device_rule){ .major = -1, .minor = -1 };
	if (json_read_bool(j, "allow", path, &d->allow, e) < 0 ||
	    read_word_member(device_types, j, "type", path, &type, e) < 0 ||
	    read_i64(j, "major", path, -1, UINT32_MAX, &d->major, e) < 0 ||
	    read_i64(j, "minor", path, -1, UINT32_MAX, &d->minor, e) < 0 ||
	    json_read_text(j, "access", path, &access, e) < 0)
		return -1;
	if (json_type(json_get(j, "allow")) == JSON_NULL)
		return error_set(e, ERR_INPUT, "'%s.allow' is missing", path);
	access = access ? access : "rwm";
	if (strlen(access) > 3 || strspn(access, "rwm") != strlen(access))
		return error_set(
		    e, ERR_INPUT, "'%s.access' must be of the letters r, w and m", path);
	memcpy(d->access, access, strlen(access) + 1);
	d->type = (char)type;
	return 0;
}

static int
read_device_rules(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "devices");
	const struct json *list;

	if (read_member(above, "devices", above_path, JSON_ARRAY, &list, e) < 0)
		return -1;
	r->devices = xcalloc(json_count(list) + 1, sizeof(r->devices[0]));
	for (size_t i = 0; i < json_count(list); i++) {
		autofree char *item = read_item(list, i, path, e);

		if (!item || read_device_rule(json_at(list, i), item, &r->devices[i], e) < 0)
			return -1;
		r->n_devices = i + 1;
	}
	return 0;
}

static int
read_pids(
    const struct json *above, const char *above_path, struct oci_resources *r, struct error *e)
{
	autofree char *path = below(above_path, "pids");
	const struct json *j;

	if (read_member(above, "pids", above_path, JSON_OBJECT, &j, e) < 0)
		return -1;
	if (read_i64(j, "limit", path, -1, INT64_MAX, &r->pids_limit, e) < 0)
		return -1;
	if (r->pids_limit == 0) /* callers write it for no limit */
		r->pids_limit = -1;
	return 0;
}

int
oci_resources_read(const struct json *j, const char *path, struct oci_resources *r, struct error *e)
{
	oci_resources_init(r);
	if (read_memory(j, path, r, e) < 0 || read_cpu(j, path, r, e) < 0 ||
	    read_pids(j, path, r, e) < 0 || read_block(j, path, r, e) < 0 ||
	    read_huge(j, path, r, e) < 0 || read_network(j, path, r, e) < 0 ||
	    read_rdma(j, path, r, e) < 0 || read_unified(j, path, r, e) < 0)
		return -1;
	return read_device_rules(j, path, r, e);
}

bool
oci_resources_any(const struct oci_resources *r)
{
	const int64_t numbers[] = { r->memory_limit, r->memory_reservation, r->memory_swap,
		r->memory_kernel, r->memory_kernel_tcp, r->memory_swappiness, r->cpu_shares,
		r->cpu_quota, r->cpu_burst, r->cpu_period, r->cpu_idle, r->cpu_realtime_runtime,
		r->cpu_realtime_period, r->pids_limit, r->block_weight, r->block_leaf_weight,
		r->network_class };

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i] != OCI_UNSET && numbers[i] != -1)
			return true;
	return r->disable_oom_killer == 1 || (r->cpus && *r->cpus) || (r->mems && *r->mems) ||
	       r->n_block > 0 || r->n_huge > 0 || r->network_priorities.count > 0 ||
	       r->n_rdma > 0 || r->unified.count > 0;
}
