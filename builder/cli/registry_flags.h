/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_flags - the flags of all commands that speak to registries, and what they show meanwhile.
 */
#ifndef CROZE_BUILDER_CLI_REGISTRY_FLAGS_H
#define CROZE_BUILDER_CLI_REGISTRY_FLAGS_H

#include "builder/registry/registry.h"
#include "runtime/base/buf.h"
#include "runtime/base/options.h"

#include <stdbool.h>
#include <stdint.h>

/** The first member of a command's struct of flags. */
struct registry_flags {
	const char *root;
	const char *creds;
	const char *authfile;
	const char *cert_dir;
	const char *tls_verify; /* "true", "false" or NULL */
	uint64_t retry;
	const char *retry_delay;
	bool quiet;
};

#define REGISTRY_FLAGS_INIT \
	{                   \
		.retry = 3, \
	}

#define REGISTRY_GROUP "Registry"
#define REGISTRY_FLAG(member) offsetof(struct registry_flags, member)

/* Rows of those flags but --creds, --quiet and --root. */
#define REGISTRY_OPTIONS                                                                          \
	{ .name = "authfile",                                                                     \
		.type = OPTION_TEXT,                                                              \
		.offset = REGISTRY_FLAG(authfile),                                                \
		.argument = "FILE",                                                               \
		.group = REGISTRY_GROUP,                                                          \
		.help = "passwords are in this file and no other (default: "                      \
			"$REGISTRY_AUTH_FILE)" },                                                 \
	    { .name = "cert-dir",                                                                 \
		    .type = OPTION_TEXT,                                                          \
		    .offset = REGISTRY_FLAG(cert_dir),                                            \
		    .argument = "DIR",                                                            \
		    .group = REGISTRY_GROUP,                                                      \
		    .help = "certificates of the registry (*.crt, *.cert, *.key)" },              \
	    { .name = "tls-verify",                                                               \
		    .type = OPTION_CHOICE,                                                        \
		    .offset = REGISTRY_FLAG(tls_verify),                                          \
		    .argument = "BOOL",                                                           \
		    .choices = "true|false",                                                      \
		    .bare = "true",                                                               \
		    .group = REGISTRY_GROUP,                                                      \
		    .help = "false: http and unknown certificates are fine" },                    \
	    { .name = "retry",                                                                    \
		    .type = OPTION_U64,                                                           \
		    .offset = REGISTRY_FLAG(retry),                                               \
		    .argument = "N",                                                              \
		    .group = REGISTRY_GROUP,                                                      \
		    .help = "attempts after a failed one (default: 3)" },                         \
	{                                                                                         \
		.name = "retry-delay", .type = OPTION_TEXT, .offset = REGISTRY_FLAG(retry_delay), \
		.argument = "TIME", .group = REGISTRY_GROUP,                                      \
		.help = "before the first of them (default: 500ms)"                               \
	}

#define CREDS_OPTION                                                                      \
	{                                                                                 \
		.name = "creds", .type = OPTION_TEXT, .offset = REGISTRY_FLAG(creds),     \
		.argument = "USER:PASSWORD", .group = REGISTRY_GROUP,                     \
		.help = "instead of what files say; others see it: croze login is better" \
	}

#define QUIET_OPTION(text)                                               \
	{                                                                \
		.name = "quiet", .short_name = 'q', .type = OPTION_FLAG, \
		.offset = REGISTRY_FLAG(quiet), .help = text             \
	}

/** What was shown on a terminal. */
struct registry_display {
	bool quiet;
	bool tty;
	bool shown; /* a line that has to be cleared */
};

/** Checks the flags; notes and progress go to the error stream through @display. */
int registry_flags_apply(const struct registry_flags *flags, struct registry_display *display,
    struct registry_options *options, struct error *e);
/** The same, and the registries that are spoken to; NULL with @e. */
struct registry *registry_flags_open(
    const struct registry_flags *flags, struct registry_display *display, struct error *e);
/** Clears the line of progress. */
void registry_display_end(struct registry_display *display);
#define autodisplay __attribute__((cleanup(registry_display_end)))

#endif
