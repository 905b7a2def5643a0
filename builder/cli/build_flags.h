/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_flags - the flags of croze build as they are typed, and their way into struct build_options.
 */
#ifndef CROZE_BUILDER_CLI_BUILD_FLAGS_H
#define CROZE_BUILDER_CLI_BUILD_FLAGS_H

#include "builder/build/options.h"
#include "runtime/base/options.h"

struct build_flags {
	const char *file;
	struct strv tags;
	const char *target;
	struct strv build_args;
	struct strv build_contexts;
	struct strv labels;
	struct strv annotations;
	struct strv hosts;
	struct strv ulimits;
	struct strv outputs;
	struct strv cache_from;
	struct strv cache_to;
	struct strv secrets;
	struct strv agents;
	struct strv allowed;
	struct strv egress;
	struct strv platforms;
	struct strv device_dirs;
	const char *source_policy;
	struct strv resources;
	const char *memory;
	const char *memory_swap;
	const char *cpu_shares;
	const char *cpu_period;
	const char *cpu_quota;
	const char *cpuset_cpus;
	const char *cpuset_mems;
	const char *cpus;
	const char *pids_limit;
	const char *cgroup_parent;
	const char *ignore_file;
	const char *progress;
	const char *network;
	const char *isolation;
	const char *snapshots;
	const char *timestamp;
	const char *shm_size;
	const char *iidfile;
	const char *metadata_file;
	const char *compression;
	const char *compression_level;
	const char *root;
	uint64_t jobs;
	const char *call;
	const char *from;
	struct strv build_arg_files;
	struct strv env;
	struct strv unset_env;
	struct strv unset_labels;
	struct strv cpp_flags;
	bool omit_history;
	bool squash;
	bool squash_all;
	struct strv policies;
	const char *format; /* of the commands check, outline, targets */
	bool check;
	bool rules;
	bool no_cache;
	const char *pull;
	bool push;
	const char *creds;
	const char *authfile;
	const char *cert_dir;
	const char *tls_verify;
	uint64_t retry;
	const char *retry_delay;
	bool quiet;
	bool load;
	/* what is always so here, and what never is: the other value is refused */
	bool layers;
	bool rm;
	bool skip_unused_stages;
	struct strv attest;
	const char *provenance;
	const char *sbom;
};

/* What holds when nothing is typed. */
#define BUILD_FLAGS_INIT                                                           \
	{                                                                          \
		.layers = true, .rm = true, .skip_unused_stages = true, .retry = 3 \
	}

extern const struct option_def build_option_table[];

/** Was --check or --call given, other than --call=build? */
bool call_wanted(const struct build_flags *flags);
/** Answers it; returns the exit status. */
int call_of_build(const struct build_flags *flags, const struct build_options *options);

void build_flags_release(struct build_flags *flags);
/** Checks everything and fills @options; @words are what was not a flag: the build context, or nothing. ERR_USAGE. */
int build_flags_apply(const struct build_flags *flags, const struct strv *words,
    struct build_options *options, struct error *e);

/* build_attest.c */
/** --attest, --sbom, --provenance; the outputs are known. */
int build_attest_apply(
    const struct build_flags *flags, struct build_options *options, struct error *e);

/* build_extras.c: flags of buildah */
/** The lines NAME=VALUE of --build-arg-file; later files win. */
int build_extras_arguments(
    const struct build_flags *flags, struct build_options *options, struct error *e);
/** --env, --unsetenv, --unsetlabel, --from, --omit-history. */
int build_extras_apply(
    const struct build_flags *flags, struct build_options *options, struct error *e);
/** --memory, --cpu-quota and so on, and --resource, after which those count. */
int build_limits_apply(
    const struct build_flags *flags, struct build_options *options, struct error *e);
/** --source-policy-file, else EXPERIMENTAL_BUILDKIT_SOURCE_POLICY of the environment. */
int build_extras_source_policy(
    const struct build_flags *flags, struct build_options *options, struct error *e);
/** --cpp-flag: the text of the Dockerfile through cpp. */
int build_extras_preprocess(
    const struct build_flags *flags, struct build_options *options, struct error *e);

/* The flags whose values have a grammar of their own; each appends to @options. */
int build_annotation_parse(const char *text, struct build_options *options, struct error *e);
int build_output_parse(const char *text, struct build_options *options, struct error *e);
int build_context_parse(const char *text, struct build_options *options, struct error *e);
/** 1 when @text is the URL of a repository or file and @context is set, 0 when it is something else, -1. */
int build_context_parse_url(const char *text, struct build_context *context, struct error *e);
/** The name that a command's machine shall have, "" for the usual one: 0, or -1 with @what in the message. */
int build_hostname_check(const char *name, const char *what, struct error *e);
int build_host_parse(const char *text, struct build_options *options, struct error *e);
int build_ulimit_parse(const char *text, struct build_options *options, struct error *e);
int build_secret_parse(const char *text, struct build_options *options, struct error *e);
int build_agent_parse(const char *text, struct build_options *options, struct error *e);
int build_allow_parse(const char *text, struct build_options *options, struct error *e);
int build_compression_parse(const char *text, enum build_compression *value, struct error *e);

#endif
