/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resources - linux.resources of config.json, which update takes too (runtime-spec, config-linux.md, "Control groups").
 */
#ifndef CROZE_OCI_RESOURCES_H
#define CROZE_OCI_RESOURCES_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A number that was not given. */
#define OCI_UNSET INT64_MIN

/** A limit of one block device. */
struct oci_block_limit {
	enum oci_block_kind {
		OCI_BLOCK_WEIGHT,
		OCI_BLOCK_LEAF_WEIGHT,
		OCI_BLOCK_READ_BPS,
		OCI_BLOCK_WRITE_BPS,
		OCI_BLOCK_READ_IOPS,
		OCI_BLOCK_WRITE_IOPS,
	} kind;
	unsigned int major, minor;
	uint64_t value;
};

/** linux.resources.devices */
struct oci_device_rule {
	bool allow;
	char type;            /* 'a', 'c', 'b' */
	int64_t major, minor; /* -1: any */
	char access[4];       /* of r, w, m */
};

struct oci_huge_limit {
	char *page_size; /* "2MB" */
	uint64_t limit;
};

struct oci_rdma_limit {
	char *device;
	int64_t handles, objects; /* OCI_UNSET */
};

/** Numbers are OCI_UNSET, and texts NULL, when they are not given. */
struct oci_resources {
	int64_t memory_limit, memory_reservation, memory_swap, memory_kernel,
	    memory_kernel_tcp;      /* bytes; -1: no limit */
	int64_t memory_swappiness;  /* 0 to 100 */
	int64_t disable_oom_killer; /* 0 or 1 */
	bool check_before_update;
	int64_t cpu_shares, cpu_quota, cpu_burst, cpu_period, cpu_idle;
	int64_t cpu_realtime_runtime, cpu_realtime_period;
	char *cpus, *mems;
	int64_t pids_limit; /* 0 or -1: no limit */
	int64_t block_weight, block_leaf_weight;
	struct oci_block_limit *block;
	size_t n_block, block_room;
	struct oci_huge_limit *huge;
	size_t n_huge;
	int64_t network_class;
	struct strv network_priorities; /* "eth0 5" */
	struct oci_rdma_limit *rdma;
	size_t n_rdma;
	struct strv unified; /* "memory.high=1000" */
	struct oci_device_rule *devices;
	size_t n_devices;
};

void oci_resources_init(struct oci_resources *r);
void oci_resources_release(struct oci_resources *r);
/** Reads @j (may be NULL), which stands at @path ("linux.resources"; "" for the file that update is given). */
int oci_resources_read(
    const struct json *j, const char *path, struct oci_resources *r, struct error *e);
/** Is anything but device rules asked for? */
bool oci_resources_any(const struct oci_resources *r);

#endif
