/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnose - why a host refuses user namespaces or ids, in words that lead to the remedy.
 */
#include "runtime/sandbox/diagnose.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Files of procfs have no size and may be links of the kernel's: plain reading. */
static bool
read_small(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	(void)close(fd); /* read-only */
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

int64_t
diagnose_number(const char *path, int64_t otherwise)
{
	char text[64];

	return read_small(path, text, sizeof(text)) ? strtoll(text, NULL, 10) : otherwise;
}

int64_t
diagnose_status(const char *name)
{
	char text[4096];
	const char *line;

	if (!read_small("/proc/self/status", text, sizeof(text)))
		return -1;
	for (line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (text_starts_with(line, name) && line[strlen(name)] == ':')
			return strtoll(
			    line + strlen(name) + 1, NULL, strcmp(name, "CapEff") == 0 ? 16 : 10);
	return -1;
}

static int
explain_eperm(struct error *e)
{
	if (diagnose_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		return error_hint(e, "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	if (diagnose_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) > 0)
		return error_hint(e,
		    "AppArmor restricts user namespaces on this system: install the profile of "
		    "croze, or sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
	if (diagnose_status("Seccomp") == 2)
		return error_hint(e, "a seccomp profile of the outer container forbids unshare(2): "
				     "run that container with a profile that allows user "
				     "namespaces (docker: --security-opt seccomp=unconfined)");
	return error_hint(e,
	    "a security module forbids it, or this process lives in a chroot; see: croze doctor");
}

int
diagnose_unshare(int error_number, struct error *e)
{
	errno = error_number;
	error_sys(e, "cannot make a user namespace");
	e->kind = ERR_HOST;
	switch (error_number) {
	case EPERM:
	case EACCES:
		return explain_eperm(e);
	case ENOSPC:
	case EUSERS:
		if (diagnose_number("/proc/sys/user/max_user_namespaces", 1) == 0) {
			error_ctx(e, "user.max_user_namespaces is 0");
			return error_hint(e, "sudo sysctl -w user.max_user_namespaces=63000");
		}
		return error_hint(e, "the limit user.max_user_namespaces is used up, here or in an "
				     "outer namespace, or namespaces are nested too deep");
	case EINVAL:
	case ENOSYS:
		return error_hint(
		    e, "the kernel was built without user namespaces (CONFIG_USER_NS)");
	default:
		return -1;
	}
}

void
diagnose_map(uid_t uid, int64_t caps, struct error *e)
{
	e->kind = ERR_HOST;
	if (e->sys != EPERM && e->sys != EACCES)
		return;
	if (diagnose_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) > 0) {
		(void)explain_eperm(e);
		return;
	}
	if (uid == 0 && caps >= 0 && !(caps & (1LL << CAP_SETFCAP)))
		error_hint(e,
		    "this root lacks CAP_SETFCAP, without which the kernel maps no id 0: give "
		    "the outer container that capability (docker: --cap-add SETFCAP)");
	else if (uid == 0)
		error_hint(e, "this root lacks CAP_SETUID or CAP_SETGID in its container: add them "
			      "(docker: --cap-add SETUID --cap-add SETGID)");
}

/* Set-id bit or file capabilities, on a mount that honours them? */
static bool
is_privileged(const char *program)
{
	struct statvfs fs;
	struct stat st;

	if (stat(program, &st) < 0 || statvfs(program, &fs) < 0)
		return false;
	if (fs.f_flag & ST_NOSUID)
		return false;
	return (st.st_mode & S_ISUID && st.st_uid == 0) ||
	       getxattr(program, "security.capability", NULL, 0) > 0;
}

int
diagnose_before(const char *program, struct error *e)
{
	if (diagnose_status("NoNewPrivs") == 1) {
		error_set(e, ERR_HOST,
		    "no_new_privs is set for this process, so that newuidmap cannot map ids");
		return error_hint(e,
		    "allow new privileges: Kubernetes allowPrivilegeEscalation: true, systemd "
		    "NoNewPrivileges=no, docker without --security-opt no-new-privileges");
	}
	if (!is_privileged(program)) {
		error_set(e, ERR_HOST,
		    "'%s' has no set-user-id bit, or its file system is mounted nosuid", program);
		return error_hint(e, "sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap");
	}
	if (diagnose_number("/proc/sys/user/max_user_namespaces", 1) == 0)
		return diagnose_unshare(ENOSPC, e);
	return 0;
}

void
diagnose_helper(const char *program, struct error *e)
{
	struct error before = ERROR_INIT;

	if (diagnose_before(program, &before) < 0) {
		error_ctx(e, "%s", before.text);
		error_hint(e, "%s", before.hint);
		return;
	}
	if (diagnose_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) > 0)
		(void)explain_eperm(e);
	else
		error_hint(e,
		    "compare /etc/subuid and /etc/subgid with the ranges in the message; in an "
		    "outer container newuidmap needs CAP_SETUID, CAP_SETGID and these ids mapped");
}

int
diagnose_no_ranges(uid_t uid, bool users, struct error *e)
{
	autofree char *name = subid_login_name(uid);
	const char *file = users ? "/etc/subuid" : "/etc/subgid";

	error_set(e, ERR_HOST, "%s has no range of subordinate ids for '%s'", file, name);
	return error_hint(
	    e, "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s", name);
}
