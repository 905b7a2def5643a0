/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binfmt - programs of other architectures, run by qemu-user, without anybody's set-up.
 */
#include "runtime/sandbox/binfmt.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/strv.h"
#include "runtime/sandbox/machine.h"
#include "runtime/sandbox/mount.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOR_ALL "sudo apt install qemu-user-static binfmt-support"

/* ---- qemu ---- */

/* Headers of a program for this machine: does it need a loader, which no other root file system has? */
static bool
is_static(int fd)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (sizeof(void *) != sizeof(header.e_entry) ||
	    pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(segment))
		return false;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		off_t at = (off_t)(header.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment) ||
		    segment.p_type == PT_INTERP)
			return false;
	}
	return true;
}

/* A program in one folder, as a path that the kernel can open. */
static char *
find_in(const char *folder, const char *name)
{
	autofree char *path = xasprintf("%s/%s", folder, name);
	struct error ignored = ERROR_INIT;
	autofd int fd = -1;

	if (folder[0] != '/' || faccessat(AT_FDCWD, path, X_OK, 0) < 0)
		return NULL;
	fd = path_open_user(path, O_RDONLY, 0, &ignored);
	return fd >= 0 && is_static(fd) ? steal_ptr(&path) : NULL;
}

static char *
find_qemu(const struct machine *m)
{
	const char *given = getenv("PATH");
	autofree char *all = xasprintf("%s:/usr/local/bin:/usr/bin", given ? given : "");
	auto(strv) struct strv folders = { 0 };
	const char *const suffixes[] = { "-static", "" };

	strv_split(&folders, all, ':');
	for (size_t s = 0; s < ARRAY_LEN(suffixes); s++) {
		autofree char *name = xasprintf("qemu-%s%s", m->qemu, suffixes[s]);

		for (size_t i = 0; i < folders.count; i++) {
			char *path = find_in(folders.items[i], name);

			if (path)
				return path;
		}
	}
	return NULL;
}

/* ---- registering ---- */

static void
add_bytes(struct buf *b, const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buf_printf(b, "\\x%02x", bytes[i]);
	buf_add_char(b, ':');
}

/*
 * P: the command keeps its argv[0]. C: set-user-ID of the program counts, not qemu's. F: qemu is opened now.
 * (admin-guide/binfmt-misc.rst)
 */
static int
enlist(int fs, const struct machine *m, const char *qemu, struct error *e)
{
	unsigned char magic[MACHINE_IDENT], mask[MACHINE_IDENT];
	auto(buf) struct buf line = { 0 };
	autofd int fd = openat(fs, "register", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "cannot open the list of a new binfmt_misc");
	if (strpbrk(qemu, ":\n"))
		return error_set(e, ERR_HOST, "'%s' cannot be written into binfmt_misc", qemu);
	machine_magic(m, magic, mask);
	buf_printf(&line, ":qemu-%s:M::", m->qemu);
	add_bytes(&line, magic, MACHINE_IDENT);
	add_bytes(&line, mask, MACHINE_IDENT);
	buf_printf(&line, "%s:PCF", qemu);
	if (write(fd, line.data, line.len) != (ssize_t)line.len)
		return error_sys(e, "cannot register '%s' in binfmt_misc", qemu);
	return 0;
}

static int
refused(struct error *e)
{
	e->kind = ERR_HOST;
	return error_hint(e,
	    "a user namespace has a binfmt_misc of its own from Linux 6.7 on; on an older kernel, "
	    "and "
	    "in a container that may not mount it, register qemu for the whole machine: " FOR_ALL);
}

static int
emulate(struct binfmt *b, const struct machine *m, struct error *e)
{
	autofree char *qemu = find_qemu(m);

	if (!qemu) {
		error_set(e, ERR_HOST, "there is no 'qemu-%s-static' to run them", m->qemu);
		return error_hint(e, "sudo apt install qemu-user-static");
	}
	if (b->fs < 0)
		b->fs = mount_new("binfmt_misc", NULL, MOUNT_NOSUID | MOUNT_NODEV, e);
	if (b->fs < 0 || enlist(b->fs, m, qemu, e) < 0)
		return refused(e);
	if (machine_runs(m))
		return 0;
	error_set(e, ERR_HOST, "'%s' is registered for them, and does not run them", qemu);
	return error_hint(e, "try it: %s PROGRAM", qemu);
}

int
binfmt_serve(struct binfmt *b, const char *architecture, bool is_own, struct error *e)
{
	const struct machine *m = machine_find(architecture);
	int ok = -1;

	if (m && (machine_is_native(m) || machine_runs(m)))
		return 0;
	if (!m) {
		error_set(e, ERR_HOST, "no such architecture is known");
	} else if (is_own) {
		ok = emulate(b, m, e);
	} else {
		error_set(e, ERR_HOST,
		    "nothing is registered to run them, and without a user "
		    "namespace of its own croze registers nothing");
		error_hint(e, FOR_ALL);
	}
	return ok < 0 ? error_ctx(e, "programs for %s do not run here", architecture) : 0;
}

void
binfmt_close(struct binfmt *b)
{
	fd_close_at(&b->fs);
	b->fs = -1;
}
