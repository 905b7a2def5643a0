/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer_creds - who a process is: set*id(2), groups, capabilities (credentials(7), capabilities(7)).
 */
#include "seccomp/call.h"

#include "runtime/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NO_ID ((uint32_t)-1)
#define GROUPS_MAX 65536
#define FS_CAPABILITIES                                                               \
	(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH | \
	    1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_LINUX_IMMUTABLE |   \
	    1ULL << CAP_MKNOD | 1ULL << CAP_MAC_OVERRIDE)

/* The first process became who it is when it was entered in the table. */
static bool
is_starting(struct call *c)
{
	if (c->task.starting)
		call_return(c, 0);
	return c->task.starting;
}

/* "Effect of user ID changes on capabilities" of capabilities(7). */
static void
adjust_capabilities(const struct creds *old, struct creds *new)
{
	bool was_root = old->ruid == 0 || old->euid == 0 || old->suid == 0;
	bool is_root = new->ruid == 0 || new->euid == 0 || new->suid == 0;

	if (was_root && !is_root) {
		new->ambient = 0;
		if (!new->keep_caps)
			new->permitted = 0;
		new->effective = 0;
	}
	if (old->euid == 0 && new->euid != 0)
		new->effective = 0;
	if (old->euid != 0 && new->euid == 0)
		new->effective = new->permitted;
}

static void
take(struct call *c, struct creds *new, bool users)
{
	if (users)
		adjust_capabilities(c->creds, new);
	new->fsuid = new->euid;
	new->fsgid = new->egid;
	task_set_creds(c, new);
	call_return(c, 0);
}

static bool
is_one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == a || id == b || id == c;
}

void
answer_id(struct call *c)
{
	switch (c->data->nr) {
	case SYS_getuid:
		call_return(c, c->creds->ruid);
		break;
	case SYS_geteuid:
		call_return(c, c->creds->euid);
		break;
	case SYS_getgid:
		call_return(c, c->creds->rgid);
		break;
	default:
		call_return(c, c->creds->egid);
		break;
	}
}

void
answer_setuid(struct call *c)
{
	uid_t uid = (uid_t)c->data->args[0];
	struct creds *new;

	if (is_starting(c))
		return;
	if (uid == NO_ID) {
		call_fail(c, EINVAL);
		return;
	}
	if (!creds_have(c->creds, CAP_SETUID) && uid != c->creds->ruid && uid != c->creds->suid) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(c->creds, c->creds->n_groups);
	if (creds_have(c->creds, CAP_SETUID))
		new->ruid = new->suid = uid;
	new->euid = uid;
	take(c, new, true);
}

void
answer_setgid(struct call *c)
{
	gid_t gid = (gid_t)c->data->args[0];
	struct creds *new;

	if (is_starting(c))
		return;
	if (gid == NO_ID) {
		call_fail(c, EINVAL);
		return;
	}
	if (!creds_have(c->creds, CAP_SETGID) && gid != c->creds->rgid && gid != c->creds->sgid) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(c->creds, c->creds->n_groups);
	if (creds_have(c->creds, CAP_SETGID))
		new->rgid = new->sgid = gid;
	new->egid = gid;
	take(c, new, false);
}

void
answer_setreuid(struct call *c)
{
	uid_t r = (uid_t)c->data->args[0], e = (uid_t)c->data->args[1];
	const struct creds *old = c->creds;
	struct creds *new;

	if (is_starting(c))
		return;
	if (!creds_have(old, CAP_SETUID) &&
	    ((r != NO_ID && r != old->ruid && r != old->euid) ||
		(e != NO_ID && !is_one_of(e, old->ruid, old->euid, old->suid)))) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(old, old->n_groups);
	new->ruid = r == NO_ID ? old->ruid : r;
	new->euid = e == NO_ID ? old->euid : e;
	if (r != NO_ID || (e != NO_ID && e != old->ruid))
		new->suid = new->euid;
	take(c, new, true);
}

void
answer_setregid(struct call *c)
{
	gid_t r = (gid_t)c->data->args[0], e = (gid_t)c->data->args[1];
	const struct creds *old = c->creds;
	struct creds *new;

	if (is_starting(c))
		return;
	if (!creds_have(old, CAP_SETGID) &&
	    ((r != NO_ID && r != old->rgid && r != old->egid) ||
		(e != NO_ID && !is_one_of(e, old->rgid, old->egid, old->sgid)))) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(old, old->n_groups);
	new->rgid = r == NO_ID ? old->rgid : r;
	new->egid = e == NO_ID ? old->egid : e;
	if (r != NO_ID || (e != NO_ID && e != old->rgid))
		new->sgid = new->egid;
	take(c, new, false);
}

void
answer_setresuid(struct call *c)
{
	uid_t r = (uid_t)c->data->args[0], e = (uid_t)c->data->args[1], s = (uid_t)c->data->args[2];
	const struct creds *old = c->creds;
	struct creds *new;

	if (is_starting(c))
		return;
	if (!creds_have(old, CAP_SETUID) &&
	    ((r != NO_ID && !is_one_of(r, old->ruid, old->euid, old->suid)) ||
		(e != NO_ID && !is_one_of(e, old->ruid, old->euid, old->suid)) ||
		(s != NO_ID && !is_one_of(s, old->ruid, old->euid, old->suid)))) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(old, old->n_groups);
	new->ruid = r == NO_ID ? old->ruid : r;
	new->euid = e == NO_ID ? old->euid : e;
	new->suid = s == NO_ID ? old->suid : s;
	take(c, new, true);
}

void
answer_setresgid(struct call *c)
{
	gid_t r = (gid_t)c->data->args[0], e = (gid_t)c->data->args[1], s = (gid_t)c->data->args[2];
	const struct creds *old = c->creds;
	struct creds *new;

	if (is_starting(c))
		return;
	if (!creds_have(old, CAP_SETGID) &&
	    ((r != NO_ID && !is_one_of(r, old->rgid, old->egid, old->sgid)) ||
		(e != NO_ID && !is_one_of(e, old->rgid, old->egid, old->sgid)) ||
		(s != NO_ID && !is_one_of(s, old->rgid, old->egid, old->sgid)))) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(old, old->n_groups);
	new->rgid = r == NO_ID ? old->rgid : r;
	new->egid = e == NO_ID ? old->egid : e;
	new->sgid = s == NO_ID ? old->sgid : s;
	take(c, new, false);
}

/* Both answer with the id that was, whatever they do. */
void
answer_setfsuid(struct call *c)
{
	uid_t uid = (uid_t)c->data->args[0], was = c->creds->fsuid;
	const struct creds *old = c->creds;
	struct creds *new;

	if (uid != NO_ID && uid != was &&
	    (creds_have(old, CAP_SETUID) || is_one_of(uid, old->ruid, old->euid, old->suid))) {
		new = creds_copy(old, old->n_groups);
		new->fsuid = uid;
		if (was == 0)
			new->effective &= ~FS_CAPABILITIES;
		else if (uid == 0)
			new->effective |= new->permitted &FS_CAPABILITIES;
		task_set_creds(c, new);
	}
	call_return(c, was);
}

void
answer_setfsgid(struct call *c)
{
	gid_t gid = (gid_t)c->data->args[0], was = c->creds->fsgid;
	const struct creds *old = c->creds;
	struct creds *new;

	if (gid != NO_ID && gid != was &&
	    (creds_have(old, CAP_SETGID) || is_one_of(gid, old->rgid, old->egid, old->sgid))) {
		new = creds_copy(old, old->n_groups);
		new->fsgid = gid;
		task_set_creds(c, new);
	}
	call_return(c, was);
}

static void
write_three(struct call *c, const uint32_t ids[3])
{
	for (int i = 0; i < 3; i++)
		if (call_write(c, c->data->args[i], &ids[i], sizeof(ids[i])) != 0) {
			call_fail(c, EFAULT);
			return;
		}
	call_return(c, 0);
}

void
answer_getresuid(struct call *c)
{
	write_three(c, (uint32_t[3]){ c->creds->ruid, c->creds->euid, c->creds->suid });
}

void
answer_getresgid(struct call *c)
{
	write_three(c, (uint32_t[3]){ c->creds->rgid, c->creds->egid, c->creds->sgid });
}

void
answer_getgroups(struct call *c)
{
	int room = (int)c->data->args[0];
	size_t n = c->creds->n_groups;

	if (room < 0 || (room > 0 && (size_t)room < n))
		call_fail(c, EINVAL);
	else if (room > 0 &&
		 call_write(c, c->data->args[1], c->creds->groups, n * sizeof(gid_t)) != 0)
		call_fail(c, EFAULT);
	else
		call_return(c, (int64_t)n);
}

void
answer_setgroups(struct call *c)
{
	size_t n = (size_t)(int)c->data->args[0];
	struct creds *new;

	if (is_starting(c))
		return;
	if (!creds_have(c->creds, CAP_SETGID) || n > GROUPS_MAX) {
		call_fail(c, n > GROUPS_MAX ? EINVAL : EPERM);
		return;
	}
	new = creds_copy(c->creds, n);
	if (call_read(c, c->data->args[1], new->groups, n * sizeof(gid_t)) != 0) {
		creds_drop(new);
		call_fail(c, EFAULT);
		return;
	}
	task_set_creds(c, new);
	call_return(c, 0);
}

/* ---- capabilities ---- */

struct capability_sets {
	uint64_t effective, permitted, inheritable;
};

/* Reads the head of capget(2) and capset(2): the number of 32-bit parts, 0 with an answer given. */
static unsigned int
read_head(struct call *c, struct __user_cap_header_struct *head)
{
	if (call_read(c, c->data->args[0], head, sizeof(*head)) != 0) {
		call_fail(c, EFAULT);
		return 0;
	}
	if (head->version == _LINUX_CAPABILITY_VERSION_3 ||
	    head->version == _LINUX_CAPABILITY_VERSION_2)
		return 2;
	if (head->version == _LINUX_CAPABILITY_VERSION_1)
		return 1;
	call_continue(c); /* the kernel tells which version it wants */
	return 0;
}

void
answer_capget(struct call *c)
{
	struct __user_cap_header_struct head = { 0 };
	struct __user_cap_data_struct data[2] = { 0 };
	unsigned int parts = read_head(c, &head);
	struct creds *of = NULL;
	const struct creds *creds = c->creds;

	if (parts == 0)
		return;
	if (head.pid != 0)
		of = task_creds_of(c, head.pid);
	creds = of ? of : creds;
	for (unsigned int i = 0; i < parts; i++) {
		data[i].effective = (uint32_t)(creds->effective >> 32 * i);
		data[i].permitted = (uint32_t)(creds->permitted >> 32 * i);
		data[i].inheritable = (uint32_t)(creds->inheritable >> 32 * i);
	}
	creds_drop(of);
	if (c->data->args[1] == 0 ||
	    call_write(c, c->data->args[1], data, parts * sizeof(data[0])) == 0)
		call_return(c, 0);
	else
		call_fail(c, EFAULT);
}

static bool
may_set(const struct creds *old, const struct capability_sets *new)
{
	uint64_t allowed = old->inheritable | old->permitted;

	if (creds_have(old, CAP_SETPCAP))
		allowed = old->inheritable | old->permitted | old->bounding;
	return !(new->permitted & ~old->permitted) && !(new->effective & ~new->permitted) &&
	       !(new->inheritable & ~allowed);
}

void
answer_capset(struct call *c)
{
	struct __user_cap_header_struct head = { 0 };
	struct __user_cap_data_struct data[2] = { 0 };
	struct capability_sets sets = { 0 };
	unsigned int parts;
	struct creds *new;

	parts = read_head(c, &head);
	if (parts == 0)
		return;
	if (call_read(c, c->data->args[1], data, parts * sizeof(data[0])) != 0) {
		call_fail(c, EFAULT);
		return;
	}
	for (unsigned int i = 0; i < parts; i++) {
		sets.effective |= (uint64_t)data[i].effective << 32 * i;
		sets.permitted |= (uint64_t)data[i].permitted << 32 * i;
		sets.inheritable |= (uint64_t)data[i].inheritable << 32 * i;
	}
	if (!may_set(c->creds, &sets)) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(c->creds, c->creds->n_groups);
	new->effective = sets.effective;
	new->permitted = sets.permitted;
	new->inheritable = sets.inheritable;
	new->ambient &= sets.permitted &sets.inheritable;
	task_set_creds(c, new);
	call_return(c, 0);
}

/* ---- prctl ---- */

static void
set_ambient(struct call *c)
{
	uint64_t bit = c->data->args[2] < 64 ? 1ULL << c->data->args[2] : 0;
	struct creds *new;

	if (c->data->args[1] == PR_CAP_AMBIENT_IS_SET) {
		call_return(c, (c->creds->ambient & bit) != 0);
		return;
	}
	if (c->data->args[1] == PR_CAP_AMBIENT_RAISE &&
	    !(c->creds->permitted & c->creds->inheritable & bit)) {
		call_fail(c, EPERM);
		return;
	}
	new = creds_copy(c->creds, c->creds->n_groups);
	if (c->data->args[1] == PR_CAP_AMBIENT_RAISE)
		new->ambient |= bit;
	else if (c->data->args[1] == PR_CAP_AMBIENT_LOWER)
		new->ambient &= ~bit;
	else
		new->ambient = 0;
	task_set_creds(c, new);
	call_return(c, 0);
}

static void
drop_bounding(struct call *c)
{
	struct creds *new;

	if (!creds_have(c->creds, CAP_SETPCAP)) {
		call_fail(c, EPERM);
		return;
	}
	if (c->data->args[1] > CAP_LAST_CAP) {
		call_fail(c, EINVAL);
		return;
	}
	new = creds_copy(c->creds, c->creds->n_groups);
	new->bounding &= ~(1ULL << c->data->args[1]);
	task_set_creds(c, new);
	call_return(c, 0);
}

void
answer_prctl(struct call *c)
{
	struct creds *new;

	switch ((int)c->data->args[0]) {
	case PR_GET_KEEPCAPS:
		call_return(c, c->creds->keep_caps);
		break;
	case PR_SET_KEEPCAPS:
		new = creds_copy(c->creds, c->creds->n_groups);
		new->keep_caps = c->data->args[1] != 0;
		task_set_creds(c, new);
		call_return(c, 0);
		break;
	case PR_CAPBSET_READ:
		if (c->data->args[1] > CAP_LAST_CAP)
			call_fail(c, EINVAL);
		else
			call_return(c, (c->creds->bounding >> c->data->args[1]) & 1);
		break;
	case PR_CAPBSET_DROP:
		drop_bounding(c);
		break;
	case PR_CAP_AMBIENT:
		set_ambient(c);
		break;
	case PR_GET_NO_NEW_PRIVS:
		/* set-id programs work here even where the whole build may have no new privileges */
		call_return(c, c->creds->no_new_privs);
		break;
	default: /* PR_SET_NO_NEW_PRIVS */
		new = creds_copy(c->creds, c->creds->n_groups);
		new->no_new_privs = true;
		task_set_creds(c, new);
		call_continue(c);
		break;
	}
}

/* ---- others ---- */

/* SO_PEERCRED: the kernel has the pid right, the ids are ours. */
void
answer_peer_credentials(struct call *c)
{
	struct ucred peer;
	socklen_t length = sizeof(peer), room = 0;
	struct creds *creds = NULL;
	int pidfd, fd = -1;

	if ((int)c->data->args[1] != SOL_SOCKET || c->task.pid <= 0) {
		call_continue(c);
		return;
	}
	pidfd = process_pidfd(c->task.pid);
	if (pidfd >= 0) {
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)c->data->args[0], 0);
		(void)close(pidfd); /* not written to */
	}
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	    peer.pid > 0) {
		struct call other = { .ids = c->ids, .tid = peer.pid };

		task_find(c->ids, peer.pid, &other);
		creds = other.creds;
	}
	if (fd >= 0)
		(void)close(fd); /* a copy of the caller's */
	if (!creds || call_read(c, c->data->args[4], &room, sizeof(room)) != 0 ||
	    room < sizeof(peer)) {
		creds_drop(creds);
		call_continue(c);
		return;
	}
	peer.pid = task_inner_pid(peer.pid);
	peer.uid = creds->euid;
	peer.gid = creds->egid;
	creds_drop(creds);
	if (peer.uid == 0 && peer.gid == 0)
		call_continue(c);
	else if (call_write(c, c->data->args[3], &peer, sizeof(peer)) == 0 &&
		 call_write(c, c->data->args[4], &length, sizeof(length)) == 0)
		call_return(c, 0);
	else
		call_fail(c, EFAULT);
}
