/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle - runs the container that a bundle describes, from start to end (runtime-spec, bundle.md).
 */
#ifndef CROZE_CONTAINER_BUNDLE_H
#define CROZE_CONTAINER_BUNDLE_H

#include "runtime/base/error.h"

struct bundle_options {
	const char *path;     /* the bundle's folder */
	const char *id;       /* checked by oci_check_id() */
	const char *pid_file; /* gets the pid of the container's first process; NULL */
};

/**
 * Runs it in the foreground with this process's standard streams, or with a terminal when config.json says so. The calling process, which
 * must have one thread, is in namespaces of its own afterwards.
 *
 * Returns 0 with the container's exit @status (128 + n for signal n), or -1 with @e. A command that cannot be executed is ERR_STEP.
 */
int bundle_run(const struct bundle_options *options, int *status, struct error *e);

#endif
