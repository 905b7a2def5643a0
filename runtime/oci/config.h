/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - config.json of a bundle (runtime-spec, config.md, config-linux.md).
 *
 * Members that the specification does not know are ignored, as it demands. Members that it knows and that are not obeyed here are
 * refused by their path in the file, unless they ask for nothing.
 */
#ifndef CROZE_OCI_CONFIG_H
#define CROZE_OCI_CONFIG_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum oci_namespaces {
	OCI_PID = 1 << 0,
	OCI_NETWORK = 1 << 1,
	OCI_MOUNT = 1 << 2,
	OCI_IPC = 1 << 3,
	OCI_UTS = 1 << 4,
	OCI_USER = 1 << 5,
	OCI_CGROUP = 1 << 6,
};

/** linux.uidMappings, linux.gidMappings: @container is the first id inside, @host the one outside. */
struct oci_id_mapping {
	uint32_t container;
	uint32_t host;
	uint32_t size;
};

struct oci_id_mappings {
	struct oci_id_mapping *items;
	size_t count;
	size_t room;
};

struct oci_rlimit {
	int resource; /* RLIMIT_NOFILE ... */
	struct rlimit limit;
};

/** process.capabilities; bit n is capability n. */
struct oci_capabilities {
	uint64_t bounding;
	uint64_t permitted;
	uint64_t effective;
	uint64_t inheritable;
	uint64_t ambient;
};

struct oci_process {
	struct strv args;
	struct strv env;
	char *cwd;
	bool terminal;
	unsigned short rows, columns;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	mode_t umask; /* 022 when it is not given */
	struct oci_capabilities capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	int oom_score_adj; /* -1001: not given */
};

struct oci_mount {
	char *destination; /* absolute */
	char *type;        /* "bind" when the options say so; else the file system */
	char *source;      /* NULL when it is not given */
	struct strv options;
};

struct oci_config {
	struct json *json; /* the whole document */
	struct oci_process process;
	char *root_path; /* as written: absolute, or relative to the bundle */
	bool root_readonly;
	char *hostname; /* NULL */
	struct oci_mount *mounts;
	size_t n_mounts;
	unsigned int namespaces; /* enum oci_namespaces */
	char *network_path;      /* a network namespace to join; NULL */
	struct oci_id_mappings uids;
	struct oci_id_mappings gids;
	struct strv masked_paths;
	struct strv readonly_paths;
	const struct json *seccomp; /* linux.seccomp; NULL. Part of @json */
};

void oci_config_release(struct oci_config *c);
/** ERR_INPUT for what is wrong, ERR_HOST for what is right and cannot be had here; both name the path in the file ("'process.cwd'"). */
int oci_config_parse(const char *text, size_t length, struct oci_config *c, struct error *e);
/** Reads config.json in the open directory @bundle. */
int oci_config_read(int bundle, struct oci_config *c, struct error *e);

/**
 * The starting file that `spec` writes. With @rootless there is a user namespace, in which root is @uid:@gid of the host, and nothing that
 * only root could do; otherwise all that a container of root gets.
 */
struct json *oci_config_default(bool rootless, uid_t uid, gid_t gid);

/** Is @id usable: letters, digits and _+.- , not "." or "..", at most 255? ERR_USAGE. */
int oci_check_id(const char *id, struct error *e);

#endif
