/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings - limits of config.json as files of a cgroup (kernel: admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1).
 *
 * config.json speaks the language of v1. Shares and weights have other ranges in v2 and are carried over linearly, as other runtimes do.
 */
#include "runtime/cgroup/settings.h"

#include "runtime/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void
settings_release(struct settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->items[i].file);
		free(s->items[i].other_file);
		free(s->items[i].value);
	}
	free(s->items);
	*s = (struct settings){ 0 };
}

/* Takes @value over. */
static struct setting *
add(struct settings *s, const char *member, const char *controller, const char *file, char *value)
{
	struct setting *one;

	xgrow(&s->items, s->count + 1, &s->room, sizeof(s->items[0]));
	one = &s->items[s->count++];
	*one = (struct setting){
		.member = member, .controller = controller, .file = xstrdup(file), .value = value
	};
	return one;
}

/* A number, or @none for no limit; nothing when it is not given. */
static void
add_limit(struct settings *s, const char *member, const char *controller, const char *file,
    int64_t value, const char *none)
{
	if (value == OCI_UNSET)
		return;
	add(s, member, controller, file,
	    value == -1 && none ? xstrdup(none) : xasprintf("%" PRId64, value));
}

static int
has_no_file(const char *member, const char *version, struct error *e)
{
	return error_set(e, ERR_HOST,
	    "'linux.resources.%s' cannot be set: cgroup %s has no such limit", member, version);
}

/* -1 with @e for the first of them that is given. */
static int
refuse_given(const char *const *members, const int64_t *values, size_t n, const char *version,
    struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (values[i] != OCI_UNSET)
			return has_no_file(members[i], version, e);
	return 0;
}

static int
memory_v2(const struct oci_resources *r, struct settings *s, struct error *e)
{
	static const char *const members[] = { "memory.kernel", "memory.kernelTCP",
		"memory.swappiness", "memory.disableOOMKiller" };
	const int64_t values[] = { r->memory_kernel, r->memory_kernel_tcp, r->memory_swappiness,
		r->disable_oom_killer };

	if (refuse_given(members, values, ARRAY_LEN(values), "v2", e) < 0)
		return -1;
	if (r->memory_swap > 0 && r->memory_limit <= 0)
		return error_set(e, ERR_INPUT,
		    "'linux.resources.memory.swap' is memory and swap together, and needs 'limit'");
	/* a swap limit below what is used now would be refused once the memory is smaller */
	if (r->memory_swap != OCI_UNSET && r->memory_swap != 0)
		add(s, "memory.swap", "memory", "memory.swap.max",
		    r->memory_swap == -1 ? xstrdup("max")
					 : xasprintf("%" PRId64, r->memory_swap - r->memory_limit));
	if (r->memory_limit != 0)
		add_limit(s, "memory.limit", "memory", "memory.max", r->memory_limit, "max");
	if (r->memory_reservation != 0)
		add_limit(
		    s, "memory.reservation", "memory", "memory.low", r->memory_reservation, "max");
	return 0;
}

static int
cpu_v2(const struct oci_resources *r, struct settings *s, struct error *e)
{
	static const char *const members[] = { "cpu.realtimeRuntime", "cpu.realtimePeriod" };
	const int64_t values[] = { r->cpu_realtime_runtime, r->cpu_realtime_period };

	if (refuse_given(members, values, ARRAY_LEN(values), "v2", e) < 0)
		return -1;
	add_limit(s, "cpu.idle", "cpu", "cpu.idle", r->cpu_idle, NULL);
	if (r->cpu_shares != OCI_UNSET)
		add(s, "cpu.shares", "cpu", "cpu.weight",
		    xasprintf("%" PRId64, 1 + (r->cpu_shares - 2) * 9999 / 262142));
	if (r->cpu_quota != OCI_UNSET || r->cpu_period != OCI_UNSET) {
		char *quota = r->cpu_quota == OCI_UNSET || r->cpu_quota == -1
		                  ? xstrdup("max")
		                  : xasprintf("%" PRId64, r->cpu_quota);

		add(s, r->cpu_quota == OCI_UNSET ? "cpu.period" : "cpu.quota", "cpu", "cpu.max",
		    r->cpu_period == OCI_UNSET ? xstrdup(quota)
					       : xasprintf("%s %" PRId64, quota, r->cpu_period));
		free(quota);
	}
	add_limit(s, "cpu.burst", "cpu", "cpu.max.burst", r->cpu_burst, NULL);
	return 0;
}

static void
cpu_v1(const struct oci_resources *r, struct settings *s)
{
	add_limit(s, "cpu.idle", "cpu", "cpu.idle", r->cpu_idle, NULL);
	add_limit(s, "cpu.shares", "cpu", "cpu.shares", r->cpu_shares, NULL);
	add_limit(s, "cpu.period", "cpu", "cpu.cfs_period_us", r->cpu_period, NULL);
	add_limit(s, "cpu.quota", "cpu", "cpu.cfs_quota_us", r->cpu_quota, NULL);
	add_limit(s, "cpu.burst", "cpu", "cpu.cfs_burst_us", r->cpu_burst, NULL);
	add_limit(s, "cpu.realtimePeriod", "cpu", "cpu.rt_period_us", r->cpu_realtime_period, NULL);
	add_limit(
	    s, "cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", r->cpu_realtime_runtime, NULL);
}

static void
memory_v1(const struct oci_resources *r, struct settings *s)
{
	static const char file[] = "memory.limit_in_bytes";

	if (r->memory_limit != 0)
		add_limit(s, "memory.limit", "memory", file, r->memory_limit, NULL);
	if (r->memory_swap != 0)
		add_limit(s, "memory.swap", "memory", "memory.memsw.limit_in_bytes", r->memory_swap,
		    NULL);
	/* neither may pass the other on the way: whichever was refused the first time is written again */
	if (r->memory_limit != 0 && r->memory_limit != OCI_UNSET && r->memory_swap != OCI_UNSET)
		add_limit(s, "memory.limit", "memory", file, r->memory_limit, NULL);
	if (r->memory_reservation != 0)
		add_limit(s, "memory.reservation", "memory", "memory.soft_limit_in_bytes",
		    r->memory_reservation, NULL);
	if (r->memory_kernel != 0)
		add_limit(s, "memory.kernel", "memory", "memory.kmem.limit_in_bytes",
		    r->memory_kernel, NULL);
	if (r->memory_kernel_tcp != 0)
		add_limit(s, "memory.kernelTCP", "memory", "memory.kmem.tcp.limit_in_bytes",
		    r->memory_kernel_tcp, NULL);
	add_limit(
	    s, "memory.swappiness", "memory", "memory.swappiness", r->memory_swappiness, NULL);
	add_limit(s, "memory.disableOOMKiller", "memory", "memory.oom_control",
	    r->disable_oom_killer, NULL);
}

static void
cpuset(const struct oci_resources *r, struct settings *s)
{
	if (r->cpus && *r->cpus)
		add(s, "cpu.cpus", "cpuset", "cpuset.cpus", xstrdup(r->cpus));
	if (r->mems && *r->mems)
		add(s, "cpu.mems", "cpuset", "cpuset.mems", xstrdup(r->mems));
}

static const char *const block_members[] = {
	[OCI_BLOCK_WEIGHT] = "blockIO.weightDevice",
	[OCI_BLOCK_LEAF_WEIGHT] = "blockIO.weightDevice",
	[OCI_BLOCK_READ_BPS] = "blockIO.throttleReadBpsDevice",
	[OCI_BLOCK_WRITE_BPS] = "blockIO.throttleWriteBpsDevice",
	[OCI_BLOCK_READ_IOPS] = "blockIO.throttleReadIOPSDevice",
	[OCI_BLOCK_WRITE_IOPS] = "blockIO.throttleWriteIOPSDevice",
};

/* Of 10 to 1000, 1 to 10000. */
static uint64_t
io_weight(uint64_t weight)
{
	return weight <= 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

static int
block_v2(const struct oci_resources *r, struct settings *s, struct error *e)
{
	static const char *const keys[] = { [OCI_BLOCK_READ_BPS] = "rbps",
		[OCI_BLOCK_WRITE_BPS] = "wbps",
		[OCI_BLOCK_READ_IOPS] = "riops",
		[OCI_BLOCK_WRITE_IOPS] = "wiops" };

	if (r->block_leaf_weight != OCI_UNSET)
		return has_no_file("blockIO.leafWeight", "v2", e);
	if (r->block_weight != OCI_UNSET)
		add(s, "blockIO.weight", "io", "io.weight",
		    xasprintf("default %" PRIu64, io_weight((uint64_t)r->block_weight)));
	for (size_t i = 0; i < r->n_block; i++) {
		const struct oci_block_limit *b = &r->block[i];

		if (b->kind == OCI_BLOCK_LEAF_WEIGHT)
			return has_no_file("blockIO.weightDevice[].leafWeight", "v2", e);
		if (b->kind == OCI_BLOCK_WEIGHT)
			add(s, block_members[b->kind], "io", "io.weight",
			    xasprintf("%u:%u %" PRIu64, b->major, b->minor, io_weight(b->value)));
		else
			add(s, block_members[b->kind], "io", "io.max",
			    xasprintf(
				"%u:%u %s=%" PRIu64, b->major, b->minor, keys[b->kind], b->value));
	}
	return 0;
}

static void
block_v1(const struct oci_resources *r, struct settings *s)
{
	static const char *const files[] = { [OCI_BLOCK_WEIGHT] = "blkio.weight_device",
		[OCI_BLOCK_LEAF_WEIGHT] = "blkio.leaf_weight_device",
		[OCI_BLOCK_READ_BPS] = "blkio.throttle.read_bps_device",
		[OCI_BLOCK_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[OCI_BLOCK_READ_IOPS] = "blkio.throttle.read_iops_device",
		[OCI_BLOCK_WRITE_IOPS] = "blkio.throttle.write_iops_device" };

	if (r->block_weight != OCI_UNSET)
		add(s, "blockIO.weight", "blkio", "blkio.weight",
		    xasprintf("%" PRId64, r->block_weight))
		    ->other_file = xstrdup("blkio.bfq.weight");
	if (r->block_leaf_weight != OCI_UNSET)
		add(s, "blockIO.leafWeight", "blkio", "blkio.leaf_weight",
		    xasprintf("%" PRId64, r->block_leaf_weight));
	for (size_t i = 0; i < r->n_block; i++) {
		const struct oci_block_limit *b = &r->block[i];
		struct setting *one = add(s, block_members[b->kind], "blkio", files[b->kind],
		    xasprintf("%u:%u %" PRIu64, b->major, b->minor, b->value));

		if (b->kind == OCI_BLOCK_WEIGHT)
			one->other_file = xstrdup("blkio.bfq.weight_device");
	}
}

static void
others(const struct oci_resources *r, bool v2, struct settings *s)
{
	add_limit(s, "pids.limit", "pids", "pids.max", r->pids_limit, "max");
	for (size_t i = 0; i < r->n_huge; i++) {
		autofree char *file =
		    xasprintf("hugetlb.%s.%s", r->huge[i].page_size, v2 ? "max" : "limit_in_bytes");

		add(s, "hugepageLimits", "hugetlb", file, xasprintf("%" PRIu64, r->huge[i].limit));
	}
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct oci_rdma_limit *l = &r->rdma[i];
		auto(buf) struct buf text = { 0 };

		buf_add_text(&text, l->device);
		if (l->handles != OCI_UNSET)
			buf_printf(&text, " hca_handle=%" PRId64, l->handles);
		if (l->objects != OCI_UNSET)
			buf_printf(&text, " hca_object=%" PRId64, l->objects);
		add(s, "rdma", "rdma", "rdma.max", buf_steal(&text));
	}
}

static int
network(const struct oci_resources *r, bool v2, struct settings *s, struct error *e)
{
	if (v2 && r->network_class != OCI_UNSET)
		return has_no_file("network.classID", "v2", e);
	if (v2 && r->network_priorities.count > 0)
		return has_no_file("network.priorities", "v2", e);
	add_limit(s, "network.classID", "net_cls", "net_cls.classid", r->network_class, NULL);
	for (size_t i = 0; i < r->network_priorities.count; i++)
		add(s, "network.priorities", "net_prio", "net_prio.ifpriomap",
		    xstrdup(r->network_priorities.items[i]));
	return 0;
}

/* The controller of a file is what stands before its first dot. */
static int
unified(const struct oci_resources *r, bool v2, struct settings *s, struct error *e)
{
	static const char *const controllers[] = { "cpuset", "cpu", "io", "memory", "hugetlb",
		"pids", "rdma", "misc", "dmem", "cgroup" };

	if (!v2 && r->unified.count > 0)
		return has_no_file("unified", "v1", e);
	for (size_t i = 0; i < r->unified.count; i++) {
		const char *item = r->unified.items[i];
		const char *value = strchr(item, '=');
		autofree char *file = xstrndup(item, (size_t)(value - item));
		size_t length = strcspn(file, ".");
		const char *controller = NULL;

		for (size_t k = 0; k < ARRAY_LEN(controllers) && !controller; k++)
			if (strlen(controllers[k]) == length &&
			    strncmp(file, controllers[k], length) == 0)
				controller = controllers[k];
		if (!controller)
			return error_set(e, ERR_HOST,
			    "'linux.resources.unified': '%s' is no file of a cgroup controller",
			    file);
		add(s, "unified", controller, file, xstrdup(value + 1));
	}
	return 0;
}

int
settings_of(const struct oci_resources *r, bool v2, struct settings *s, struct error *e)
{
	if (v2) {
		if (memory_v2(r, s, e) < 0 || cpu_v2(r, s, e) < 0 || block_v2(r, s, e) < 0)
			return -1;
	} else {
		memory_v1(r, s);
		cpu_v1(r, s);
		block_v1(r, s);
	}
	cpuset(r, s);
	others(r, v2, s);
	if (network(r, v2, s, e) < 0)
		return -1;
	return unified(r, v2, s, e);
}
