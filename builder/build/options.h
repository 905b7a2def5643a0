/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - everything that the command line, and only it, decides about a build.
 *
 * The command `croze build` fills it from flags and environment, checked: whoever reads it need not look
 * at the environment again. All text is owned by the struct.
 */
#ifndef CROZE_BUILDER_BUILD_OPTIONS_H
#define CROZE_BUILDER_BUILD_OPTIONS_H

#include "builder/attest/sbom.h"
#include "builder/cache/place.h"
#include "builder/dockerfile/source_policy.h"
#include "builder/image/platform.h"
#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/json.h"
#include "runtime/base/strv.h"
#include "runtime/oci/resources.h"
#include "runtime/sandbox/egress.h"
#include "runtime/sandbox/tier.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum build_network {
	BUILD_NETWORK_DEFAULT,
	BUILD_NETWORK_NONE,
	BUILD_NETWORK_HOST,
};

enum build_snapshots {
	BUILD_SNAPSHOTS_AUTO, /* the first of those below that works on the store */
	BUILD_SNAPSHOTS_OVERLAY,
	BUILD_SNAPSHOTS_FUSE,
	BUILD_SNAPSHOTS_COPY,
};
#define BUILD_SNAPSHOTS_CHOICES "auto|overlay|fuse-overlayfs|copy"

enum build_pull {
	BUILD_PULL_MISSING, /* a name that is in the store is taken from there, else from its registry */
	BUILD_PULL_ALWAYS, /* the registry is asked what the name stands for now */
	BUILD_PULL_NEVER,  /* the store alone */
};

enum build_squash {
	BUILD_SQUASH_NONE,
	BUILD_SQUASH_NEW, /* what the build adds is one layer */
	BUILD_SQUASH_ALL, /* the image is one layer */
};

enum build_compression {
	BUILD_COMPRESSION_GZIP,
	BUILD_COMPRESSION_ZSTD,
	BUILD_COMPRESSION_NONE,
};

enum build_provenance {
	BUILD_PROVENANCE_NONE,
	BUILD_PROVENANCE_MIN,
	BUILD_PROVENANCE_MAX, /* with build arguments, steps and the Dockerfile */
};

enum build_context_kind {
	BUILD_CONTEXT_DIR,    /* @path is a directory */
	BUILD_CONTEXT_NONE,   /* there is none: a COPY from the context is an error */
	BUILD_CONTEXT_STREAM, /* an archive from standard input, of which @head was read */
	BUILD_CONTEXT_GIT,    /* @path is the URL of a repository */
	BUILD_CONTEXT_HTTP,   /* @path is the URL of an archive, or of a Dockerfile */
	BUILD_CONTEXT_IMAGE,  /* named contexts only: docker-image://REF; @path is REF */
	BUILD_CONTEXT_LAYOUT, /* named contexts only: oci-layout://PATH[:NAME][@DIGEST] */
};

struct build_context {
	enum build_context_kind kind;
	char
	    *name; /* named contexts: as given ("alpine:3.19", "src"); NULL for the build context */
	char *path; /* directory or layout as the user named it, or the image's reference */
	char
	    *ref; /* LAYOUT: NAME, may hold slashes and colons; NULL: the only or the first image */
	char *digest;   /* LAYOUT: "sha256:..."; NULL */
	char *platform; /* named contexts: for this platform alone; NULL: for all */
	char *head;     /* STREAM */
	size_t head_length;
};

enum build_output_kind {
	BUILD_OUTPUT_HYBRID, /* a tar that oci-archive: and docker-archive: readers open */
	BUILD_OUTPUT_OCI,    /* an OCI image layout: a tar, or a directory when @directory */
	BUILD_OUTPUT_DOCKER, /* a docker archive */
	BUILD_OUTPUT_LOCAL,  /* the image's files in a directory */
	BUILD_OUTPUT_TAR,    /* the image's files as a tar */
	BUILD_OUTPUT_STORE,  /* type=image: the store, under @name as well */
	BUILD_OUTPUT_NONE,   /* type=cacheonly */
};

struct build_output {
	enum build_output_kind kind;
	char *dest;     /* "-": the output stream; NULL for STORE and NONE */
	char *name;     /* name inside the archive or layout instead of the tags; NULL */
	bool push;      /* STORE: and to the registry */
	bool not_split; /* LOCAL, TAR: no folder for each platform, of which there is one */
	bool directory; /* OCI with tar=false, or a dest that ends in '/' */
};

struct build_ulimit {
	char *name;    /* "nofile" */
	int resource;  /* RLIMIT_NOFILE */
	uint64_t soft; /* UINT64_MAX: unlimited */
	uint64_t hard;
};

struct build_host {
	char *name;
	char *address; /* a valid IPv4 or IPv6 address */
};

/** --secret */
struct build_secret {
	char *id;
	char *bytes;
	size_t length;
};

/** --ssh */
struct build_agent {
	char *id;
	char *socket;     /* of an agent; NULL: one is started for the keys */
	struct strv keys; /* files */
};

/** --allow: what the Dockerfile may have when it asks for it. */
enum build_allowed {
	BUILD_ALLOW_NETWORK_HOST = 1 << 0,
	BUILD_ALLOW_INSECURE = 1 << 1,
	BUILD_ALLOW_DEVICES = 1 << 2,
};

/** What an annotation is of. */
enum build_annotated {
	BUILD_ANNOTATE_MANIFEST = 1 << 0,
	BUILD_ANNOTATE_INDEX = 1 << 1,
	BUILD_ANNOTATE_DESCRIPTOR = 1 << 2, /* of a manifest, in the index */
};

struct build_annotation {
	unsigned of;    /* enum build_annotated */
	char *platform; /* of that image alone; NULL: of all */
	char *key;
	char *value;
};

struct build_options {
	/* what is built */
	struct build_context context;
	/* path as the user named it, for messages; "-" for standard input; NULL: a usual name in the context */
	char *dockerfile;
	char *
	    dockerfile_text; /* the whole text when it came from standard input or a preprocessor, else NULL: read @dockerfile */
	size_t dockerfile_length;
	char *ignore_file; /* --ignorefile; NULL: those of the context */
	struct strv tags;  /* full references ("docker.io/library/app:1.0"), no duplicates */
	char *target;      /* NULL: the last stage */
	struct strv
	    build_args; /* NAME=value, environment values already filled in; a later one replaces an earlier one */
	struct strv env;          /* NAME=value, that every stage begins with */
	struct strv unset_env;    /* names, gone from the result */
	struct strv unset_labels; /* keys, not taken from base images */
	char *from;               /* instead of the image of the first FROM; NULL */
	enum build_squash squash;
	bool omit_history;  /* the config gets none */
	struct strv labels; /* key=value */
	struct build_annotation *annotations;
	size_t n_annotations;
	struct build_context *contexts; /* named ones */
	size_t n_contexts;
	char *platform; /* what is built for, as it is shown: "linux/amd64,linux/arm64" */
	struct platform *platforms; /* as asked for, each once; none: this machine's */
	size_t n_platforms;
	bool multi_platform; /* BUILDKIT_MULTI_PLATFORM: an index even of one image */

	/* how */
	bool no_cache;
	enum build_pull pull;
	bool push; /* every tag to its registry */
	char *
	    creds; /* for registries; the next ones too, as in struct registry_options. NULL: none */
	char *authfile;
	char *cert_dir;
	bool tls_given;
	bool tls_verify;
	unsigned attempts;
	unsigned retry_delay; /* milliseconds */
	enum build_network network;
	enum tier isolation;
	enum build_snapshots snapshots;
	bool
	    has_timestamp; /* --timestamp, or SOURCE_DATE_EPOCH as build argument or in the environment */
	int64_t timestamp; /* seconds: no time in the image is later */
	unsigned jobs;     /* steps at a time, >= 1 */
	struct egress_rule
	    *egress; /* --allow-egress: all that may be reached; none: everything outside */
	size_t n_egress;
	struct build_host *hosts; /* --add-host */
	size_t n_hosts;
	struct build_ulimit *ulimits;
	size_t n_ulimits;
	struct build_secret *secrets;
	size_t n_secrets;
	struct build_agent *agents;
	size_t n_agents;
	unsigned allowed;            /* enum build_allowed */
	struct strv allowed_devices; /* --allow device=NAME */
	struct strv device_dirs;     /* --cdi-spec-dir, else the usual ones */
	struct oci_resources limits; /* of each RUN */
	char *cgroup_parent; /* the cgroup that theirs is made in; NULL: beside this process */
	struct source_policy *source_policy; /* --source-policy-file; NULL: all is allowed */
	uint64_t shm_size;                   /* bytes; 0: the default of 64 MiB */
	char *root;                          /* of the store; NULL: the default */

	struct cache_place *cache_from; /* --cache-from */
	size_t n_cache_from;
	struct cache_place *cache_to; /* --cache-to */
	size_t n_cache_to;

	/* what becomes of it */
	struct build_output *outputs; /* besides the store */
	size_t n_outputs;
	bool sbom; /* attached to the image */
	enum sbom_format sbom_format;
	enum build_provenance provenance; /* so too */
	char *builder_id;                 /* a URI; NULL */
	bool require_nonroot;             /* --policy: the final user must not be root */
	bool discard;                     /* every output is of type cacheonly: no image is made */
	enum build_compression compression;
	int compression_level; /* -1: the default of the compressor */
	char *iidfile; /* written by the command from struct build_result, as the next one */
	char *metadata_file;
};

/** What a build has made. */
struct build_result {
	bool has_image;
	struct digest manifest; /* of the image, or of the index */
	uint64_t manifest_size;
	char *manifest_media_type;
	bool has_config;      /* there is one image */
	struct digest config; /* its config; of several images their index */
	char *build_id; /* name of the record below builds/ in the store; NULL when there is none */
	bool cache_failed;    /* the image is there; a cache that has to be written is not */
	bool failure_shown;   /* progress_fail() was called: the command prints nothing more */
	struct json *network; /* what steps reached (reached.h); NULL: nothing */
};

/** One of BUILD_SNAPSHOTS_CHOICES. */
const char *build_snapshots_name(enum build_snapshots snapshots);
/** Of a name out of BUILD_SNAPSHOTS_CHOICES. */
enum build_snapshots build_snapshots_named(const char *name);

/** Frees what is in it, not the struct. */
void build_context_release(struct build_context *context);
void build_options_release(struct build_options *options);
void build_result_release(struct build_result *result);

#endif
