/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuseoverlay - file trees from stacked directories by the program fuse-overlayfs.
 *
 * The mount is made here, detached, and the program is given the other end of it: libfuse serves a mount that is there already when it is
 * called "/dev/fd/N". /dev/fuse must be opened in the user namespace that the mount is to belong to.
 *
 * What the program makes other than the kernel's overlay does is put right while it serves, by what is loaded into it: fuseoverlay_load.c.
 */
#include "runtime/sandbox/fuseoverlay.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/fuseoverlay_load.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROGRAM "fuse-overlayfs"
#define DEVICE "/dev/fuse"
#define SAID_MAX (4U << 10)
#define DEPTH_MAX 400 /* two descriptors a level */
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

#define OPAQUE "user.overlay.opaque"
#define WHITEOUT_PREFIX ".wh."
#define OPAQUE_NAME ".wh..wh..opq"

/* What the program marks folders and files with, by its version and its rights. */
static const char *const foreign_prefixes[] = { "user.fuseoverlayfs.", "trusted.overlay.", OPAQUE,
	"user.overlay.origin", "user.overlay.impure" };

static int
explain_program(struct error *e)
{
	error_set(e, ERR_HOST, PROGRAM " is not installed");
	return error_hint(e, "install the package fuse-overlayfs");
}

int
fuseoverlay_check(struct error *e)
{
	autofree char *program = process_find(PROGRAM);
	autofd int device = -1;

	if (!program)
		return explain_program(e);
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (device >= 0)
		return 0;
	error_sys(e, "cannot open '" DEVICE "'");
	e->kind = ERR_HOST;
	return error_hint(e, "give it to the container (docker: --device /dev/fuse), or: "
			     "sudo chmod 666 /dev/fuse");
}

/* ---- mounting ---- */

static char *
options_text(const struct overlay_spec *spec)
{
	auto(buf) struct buf b = { 0 };

	buf_add_text(&b, "noacl,lowerdir=");
	for (size_t i = spec->n_lowers; i-- > 0;)
		buf_printf(&b, "/proc/self/fd/%d%s", spec->lowers[i], i > 0 ? ":" : "");
	if (spec->upper >= 0)
		buf_printf(&b, ",volatile,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
		    spec->upper, spec->work);
	return xstrdup(buf_text(&b));
}

/* The caller's environment, and for what is loaded into the program where there is an upper. */
static void
add_environment(const struct overlay_spec *spec, struct strv *environment)
{
	autofree char *load = process_helper(FUSEOVERLAY_LOAD), *both = NULL;
	auto(buf) struct buf lowers = { 0 };
	const char *others;
	char number[16];

	for (char **item = environ; *item; item++)
		strv_add(environment, *item);
	if (spec->upper < 0)
		return;
	others = env_get(environment, "LD_PRELOAD");
	both = xasprintf("%s%s%s", load, others ? ":" : "", others ? others : "");
	snprintf(number, sizeof(number), "%d", spec->upper);
	env_set(environment, "LD_PRELOAD", both);
	env_set(environment, FUSEOVERLAY_UPPER, number);
	for (size_t i = spec->n_lowers; i-- > 0;)
		buf_printf(&lowers, "%d ", spec->lowers[i]);
	env_set(environment, FUSEOVERLAY_LOWERS, buf_text(&lowers));
}

/* The program goes into the background when it serves; until then it says what it has to say to @said. */
static int
serve(const struct overlay_spec *spec, int device, int said, struct error *e)
{
	autofree char *options = options_text(spec);
	autofree char *end = xasprintf("/dev/fd/%d", device);
	autofree int *keep = xcalloc(spec->n_lowers + 3, sizeof(*keep));
	auto(strv) struct strv environment = { 0 };
	auto(buf) struct buf text = { 0 };
	size_t n = 0;
	int status;
	char *argv[] = { (char[]){ PROGRAM }, (char[]){ "-o" }, options, end, NULL };

	for (size_t i = 0; i < spec->n_lowers; i++)
		keep[n++] = spec->lowers[i];
	keep[n++] = device;
	if (spec->upper >= 0) {
		keep[n++] = spec->upper;
		keep[n++] = spec->work;
	}
	add_environment(spec, &environment);
	status = process_run(&(struct process_spec){ .path = PROGRAM,
				 .argv = argv,
				 .envp = strv_array(&environment),
				 .in = -1,
				 .out = -1,
				 .err = said,
				 .keep = keep,
				 .n_keep = n },
	    NULL, 0, e);
	if (status == 0)
		return 0;
	if (status > 0) {
		(void)lseek(said, 0, SEEK_SET); /* a file in memory */
		(void)fd_read_all(said, &text, SAID_MAX, PROGRAM, e);
		text.len = strcspn(buf_text(&text), "\n");
		error_set(e, ERR_HOST, PROGRAM " ended with status %d: %.*s", status, (int)text.len,
		    buf_text(&text));
	}
	return -1;
}

static int
mount_stack(const struct overlay_spec *spec, struct error *e)
{
	autofd int device = open(DEVICE, O_RDWR | O_CLOEXEC);
	autofd int said = memfd_create(PROGRAM, MFD_CLOEXEC);
	autofd int fd = -1;
	char options[128];

	if (device < 0 || said < 0)
		return device < 0 ? fuseoverlay_check(e) : error_sys(e, "cannot make a file");
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device);
	fd = mount_new_from("fuse", PROGRAM, options, 0, e);
	if (fd < 0 || serve(spec, device, said, e) < 0)
		return -1;
	return steal_fd(&fd);
}

int
fuseoverlay_mount(const struct overlay_spec *spec, struct error *e)
{
	if (spec->n_lowers == 0 || (spec->n_lowers == 1 && spec->upper < 0))
		return overlay_mount(spec, e); /* no stack: a bind */
	if (spec->n_lowers > OVERLAY_LOWERS_MAX)
		return error_set(e, ERR_INPUT, "%zu layers in one mount, at most %d are stacked",
		    spec->n_lowers, OVERLAY_LOWERS_MAX);
	return mount_stack(spec, e);
}

int
fuseoverlay_probe(int dir, struct error *e)
{
	if (probe_stack_in(dir, fuseoverlay_mount, e) < 0)
		return -1;
	if (probe_kept_in(dir, fuseoverlay_mount, e) == 0)
		return 0;
	/* it works without what is loaded into it: a program without shared libraries, or another libfuse */
	return error_hint(e,
	    "--snapshots copy, or the fuse-overlayfs of a distribution: one that is "
	    "linked statically cannot be completed");
}

/* ---- what it leaves in an upper ---- */

/*
 * Takes away the program's own attributes. Marks of opaque folders go, too: the program copies that of a lower folder up, which would hide
 * what it is to show; where it made one itself, there is OPAQUE_NAME.
 */
static int
settle_attributes(int fd, struct error *e)
{
	char names[4096];
	ssize_t length = flistxattr(fd, names, sizeof(names));

	if (length < 0)
		return errno == ENOTSUP || errno == ERANGE
		           ? 0
		           : error_sys(e, "cannot list attributes of a snapshot's file");
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		bool is_foreign = false;

		for (size_t i = 0; i < ARRAY_LEN(foreign_prefixes) && !is_foreign; i++)
			is_foreign = text_starts_with(name, foreign_prefixes[i]);
		if (!is_foreign)
			continue;
		if (fremovexattr(fd, name) < 0 && errno != ENODATA)
			return error_sys(e, "cannot remove attribute '%s'", name);
	}
	return 0;
}

static int
settle_whiteout(int dir, const char *name, struct error *e)
{
	const char *hidden = name + strlen(WHITEOUT_PREFIX);
	struct stat st;

	if (unlinkat(dir, name, 0) < 0)
		return error_sys(e, "cannot remove '%s'", name);
	/* marks of the program's that hide nothing: ".wh..opq" beside an opaque folder's, and those of marks */
	if (strcmp(hidden, ".opq") == 0 || text_starts_with(hidden, WHITEOUT_PREFIX) ||
	    fstatat(dir, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return mknodat(dir, hidden, S_IFCHR, makedev(0, 0)) < 0
	           ? error_sys(e, "cannot make a whiteout for '%s'", hidden)
	           : 0;
}

static int settle_folder(int dir, unsigned depth, struct error *e);

static int
settle_entry(int dir, const char *name, unsigned depth, struct error *e)
{
	autofd int fd = -1;
	struct stat st;

	if (text_starts_with(name, WHITEOUT_PREFIX))
		return settle_whiteout(dir, name, e);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot look at '%s'", name);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", name);
	return S_ISDIR(st.st_mode) ? settle_folder(fd, depth + 1, e) : settle_attributes(fd, e);
}

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int
refuse_depth(struct error *e)
{
	error_set(e, ERR_INPUT, "folders are more than %d deep", DEPTH_MAX);
	return error_hint(e, "--snapshots copy has no such limit");
}

static int
settle_folder(int dir, unsigned depth, struct error *e)
{
	autodir DIR *list = NULL;
	const struct dirent *entry;
	bool opaque;
	struct stat st;

	if (depth > DEPTH_MAX)
		return refuse_depth(e);
	list = fd_opendir(dir, e);
	if (!list)
		return -1;
	if (fstat(dir, &st) < 0)
		return error_sys(e, "cannot look at a snapshot's folder");
	opaque = unlinkat(dir, OPAQUE_NAME, 0) == 0;
	while ((entry = readdir(list)))
		if (!is_dot(entry->d_name) && strcmp(entry->d_name, OPAQUE_NAME) != 0 &&
		    settle_entry(dir, entry->d_name, depth, e) < 0)
			return -1;
	if (settle_attributes(dir, e) < 0)
		return -1;
	if (opaque && fsetxattr(dir, OPAQUE, "y", 1, 0) < 0)
		return error_sys(e, "cannot mark an opaque folder");
	/* what was removed has moved its time */
	if (futimens(dir, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
		return error_sys(e, "cannot set the times of a snapshot's folder");
	return 0;
}

int
fuseoverlay_settle(int upper, int mount, struct error *e)
{
	autofd int dir = openat(mount, ".", OPEN_DIR);

	/* what the kernel still holds back of written files and times; the disk is the store's business */
	if (dir < 0 || syncfs(dir) < 0)
		return error_sys(e, "cannot write out the files of a step");
	return settle_folder(upper, 1, e);
}
