/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - config.json of a bundle (runtime-spec 1.3: config.md, config-linux.md).
 *
 * Members that the specification does not know are ignored, as it demands. A value that is wrong is an error that names its path in the
 * file and, in the hint, the section of the specification. What is right and cannot be had on this host is found out when it is applied.
 */
#ifndef CROZE_OCI_CONFIG_H
#define CROZE_OCI_CONFIG_H

#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"
#include "runtime/oci/resources.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define OCI_VERSION "1.3.0"

enum oci_namespaces {
	OCI_PID = 1 << 0,
	OCI_NETWORK = 1 << 1,
	OCI_MOUNT = 1 << 2,
	OCI_IPC = 1 << 3,
	OCI_UTS = 1 << 4,
	OCI_USER = 1 << 5,
	OCI_CGROUP = 1 << 6,
	OCI_TIME = 1 << 7,
};
#define OCI_NAMESPACE_TYPES 8

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

/** process.scheduler, in the numbers of sched_setattr(2). */
struct oci_scheduler {
	bool given;
	uint32_t policy;
	int32_t nice;
	uint32_t priority;
	uint64_t flags;
	uint64_t runtime, deadline, period; /* nanoseconds */
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
	struct oci_scheduler scheduler;
	int io_class;    /* 0: not given; IOPRIO_CLASS_RT 1, _BE 2, _IDLE 3 */
	int io_priority; /* 0 to 7 */
	char *
	    initial_cpus; /* execCPUAffinity: lists like "0-3,7"; NULL. For exec alone, as the specification has it */
	char *final_cpus;
	char *apparmor_profile; /* NULL */
	char *selinux_label;    /* NULL */
};

struct oci_mount {
	char *destination; /* absolute */
	char *type;        /* "bind" when the options say so; else the file system */
	char *source;      /* NULL when it is not given */
	struct strv options;
	struct oci_id_mappings uids; /* of an id-mapped mount */
	struct oci_id_mappings gids;
};

/** linux.devices */
struct oci_device {
	char *path;  /* absolute, in the container */
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	unsigned int major, minor;
	mode_t mode; /* (mode_t)-1: not given */
	uid_t uid;   /* 0 when they are not given */
	gid_t gid;
};

/** linux.timeOffsets: what is added to a clock. */
struct oci_clock {
	int64_t seconds;
	uint32_t nanoseconds;
};

struct oci_net_device {
	char *name;      /* on the host */
	char *container; /* in the container; the same when it is not given */
};

/** linux.memoryPolicy, in the numbers of set_mempolicy(2). */
struct oci_memory_policy {
	bool given;
	int mode; /* flags included */
	char *nodes;
};

/** linux.intelRdt */
struct oci_rdt {
	bool given;
	char *clos_id;
	struct strv schemata; /* l3CacheSchema, memBwSchema and schemata, as lines */
	bool monitoring;
};

enum oci_hook_kind {
	OCI_PRESTART,
	OCI_CREATE_RUNTIME,
	OCI_CREATE_CONTAINER,
	OCI_START_CONTAINER,
	OCI_POSTSTART,
	OCI_POSTSTOP,
};
#define OCI_HOOK_KINDS 6
extern const char *const oci_hook_names[OCI_HOOK_KINDS];

struct oci_hook {
	char *path;
	struct strv args; /* with the first one; @path alone when it is not given */
	struct strv env;
	bool env_given;   /* otherwise the caller's environment */
	uint32_t timeout; /* seconds; 0: none */
};

struct oci_hooks {
	struct oci_hook *items[OCI_HOOK_KINDS];
	size_t count[OCI_HOOK_KINDS];
};

/** The annotation org.croze.landlock: JSON, paths in the container. What is not listed cannot be reached. */
struct oci_landlock {
	bool given;
	struct strv read;    /* read files, list folders */
	struct strv execute; /* and execute */
	struct strv write;   /* read, and change everything below */
	bool no_tcp;         /* neither bind nor connect */
	bool scoped;         /* no signals and no abstract sockets to what is outside */
};

enum oci_propagation {
	OCI_PROPAGATION_UNSET,
	OCI_PROPAGATION_SHARED,
	OCI_PROPAGATION_SLAVE,
	OCI_PROPAGATION_PRIVATE,
	OCI_PROPAGATION_UNBINDABLE,
};

struct oci_config {
	struct json *json; /* the whole document */
	struct oci_process process;
	char *root_path; /* as written: absolute, or relative to the bundle */
	bool root_readonly;
	enum oci_propagation root_propagation;
	bool root_propagation_recursive;
	char *hostname; /* NULL */
	char *domainname;
	struct oci_mount *mounts;
	size_t n_mounts;
	unsigned int namespaces;                    /* enum oci_namespaces */
	char *namespace_paths[OCI_NAMESPACE_TYPES]; /* by the number of the bit; NULL: a new one */
	struct oci_id_mappings uids;
	struct oci_id_mappings gids;
	bool clocks_given;
	struct oci_clock monotonic;
	struct oci_clock boottime;
	struct oci_device *devices;
	size_t n_devices;
	struct oci_net_device *net_devices;
	size_t n_net_devices;
	struct strv sysctl; /* "name=value" */
	struct strv masked_paths;
	struct strv readonly_paths;
	char *mount_label;
	bool personality_given;
	unsigned long personality; /* PER_LINUX, PER_LINUX32 */
	struct oci_memory_policy memory_policy;
	struct oci_rdt rdt;
	char *cgroups_path; /* NULL */
	struct oci_resources resources;
	struct oci_hooks hooks;
	struct oci_landlock landlock;
	const struct json *seccomp;     /* linux.seccomp; NULL. Part of @json */
	const struct json *annotations; /* an object of strings; NULL. Part of @json */
};

void oci_config_release(struct oci_config *c);
/** ERR_INPUT for what is wrong, naming the path in the file ("'process.cwd'"); the hint has the section of the specification. */
int oci_config_parse(const char *text, size_t length, struct oci_config *c, struct error *e);
/** Reads config.json in the open directory @bundle. */
int oci_config_read(int bundle, struct oci_config *c, struct error *e);

/** Reads @j, which stands at @path ("process"; "" for the file that exec is given); @p needs oci_process_release() even after a failure. */
int oci_process_read(
    const struct json *j, const char *path, struct oci_process *p, struct error *e);
void oci_process_release(struct oci_process *p);

/**
 * The starting file that `spec` writes. With @rootless there is a user namespace, in which root is @uid:@gid of the host, and nothing that
 * only root could do; otherwise all that a container of root gets.
 */
struct json *oci_config_default(bool rootless, uid_t uid, gid_t gid);

/** The types of linux.namespaces, sorted. */
void oci_namespace_names(struct strv *names);

/** Is @id usable: letters, digits and _+.- , not "." or "..", at most 255? ERR_USAGE. */
int oci_check_id(const char *id, struct error *e);

#endif
