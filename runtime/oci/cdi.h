/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdi - devices of this machine by name (Container Device Interface, SPEC.md), and what each adds to a container.
 *
 * Whoever installs a device describes it in a file below /etc/cdi or /var/run/cdi: device nodes, files that are mounted, variables.
 * Files in JSON are read; what they ask for besides that is told by name, so that nobody believes it was done.
 */
#ifndef CROZE_OCI_CDI_H
#define CROZE_OCI_CDI_H

#include "runtime/base/error.h"
#include "runtime/base/strv.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cdi_node {
	char *path;      /* in the container; below /dev */
	char *host_path; /* absolute */
	mode_t type;     /* S_IFCHR, S_IFBLK, S_IFIFO; 0: not said */
	bool has_numbers;
	unsigned int major, minor;
};

struct cdi_mount {
	char *path; /* in the container; absolute and clean */
	char *host_path;
	struct strv options; /* as mount(8) has them; each is one of cdi_mount_options */
};

/** All options that a mount may have. */
extern const char *const cdi_mount_options[];

struct cdi_device {
	char *kind; /* "vendor.com/class" */
	char *name;
	char *full_name; /* "vendor.com/class=name" */
	char *group;     /* the word that stands for several devices; NULL */
	char *file;      /* that describes it */
	struct cdi_node *nodes;
	size_t n_nodes;
	struct cdi_mount *mounts;
	size_t n_mounts;
	struct strv env; /* NAME=value */
	struct strv
	    left_out; /* what is not done for a container: "the hook createContainer (nvidia-ctk)" */
};

struct cdi {
	struct cdi_device *devices; /* by full name */
	size_t n_devices;
	struct strv unread; /* files that may describe devices and are of another form */
};

/** "/etc/cdi" and "/var/run/cdi" */
void cdi_default_dirs(struct strv *dirs);
/**
 * Reads all files of @dirs; a device of a later directory is instead of one of the same name in an earlier one. A directory that is not
 * there has none. ERR_INPUT names file and member; ERR_SYSTEM what cannot be read.
 */
int cdi_load(struct cdi *cdi, const struct strv *dirs, struct error *e);
void cdi_release(struct cdi *cdi);

/**
 * The devices that @name means: "vendor.com/class=name", "vendor.com/class=*" (all), "vendor.com/class" (the first), or the word for a group
 * of them. *@found is an array of *@count pointers into @cdi, to be freed; NULL for none.
 */
void cdi_find(
    const struct cdi *cdi, const char *name, const struct cdi_device ***found, size_t *count);

#endif
