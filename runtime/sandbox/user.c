/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - what USER, --user and --chown name, looked up in the passwd and group files of a rootfs.
 *
 * The files are an image's, so they may be anything: a link out, a FIFO, a device, a line of a gigabyte. Links are followed
 * inside the rootfs only, what is no regular file is refused without waiting for it, and the size is bounded.
 */
#include "runtime/sandbox/user.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_MAX INT32_MAX
#define GROUPS_MAX 65536

/* One field of a line, not terminated. */
struct field {
	const char *text;
	size_t length;
};

/* name:password:uid:gid:gecos:home:shell, name:password:gid:members */
enum { PASSWD_NAME = 0, PASSWD_UID = 2, PASSWD_GID = 3, PASSWD_HOME = 5, PASSWD_FIELDS = 7 };
enum { GROUP_NAME = 0, GROUP_GID = 2, GROUP_MEMBERS = 3, GROUP_FIELDS = 4 };

/* The two halves of "user:group". */
struct parts {
	char *user;
	char *group; /* NULL when there is no colon */
};

void
user_files_release(struct user_files *files)
{
	buf_release(&files->passwd);
	buf_release(&files->group);
}

void
user_release(struct user *u)
{
	free(u->groups);
	free(u->home);
	free(u->name);
	*u = (struct user){ 0 };
}

static int
read_one(int rootfs, const char *path, struct buf *b, struct error *e)
{
	autofd int fd = path_try_open(rootfs, path, O_RDONLY | O_NONBLOCK, 0, PATH_IN_ROOT);
	struct stat st;

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return error_sys(e, "cannot open '/%s' of the image", path);
	}
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '/%s' of the image", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "'/%s' of the image is no regular file", path);
	if (st.st_size > USER_FILE_MAX)
		return error_set(e, ERR_INPUT, "'/%s' of the image is larger than %u MiB", path,
		    USER_FILE_MAX >> 20);
	return fd_read_all(fd, b, USER_FILE_MAX, path, e);
}

int
user_files_read(int rootfs, struct user_files *files, struct error *e)
{
	*files = (struct user_files){ 0 };
	if (read_one(rootfs, "etc/passwd", &files->passwd, e) < 0 ||
	    read_one(rootfs, "etc/group", &files->group, e) < 0) {
		user_files_release(files);
		return -1;
	}
	return 0;
}

/* Splits the line at *@line into at most @n fields and moves on to the next one. False at the end. */
static bool
next_line(const char **line, const char *end, struct field *fields, size_t n)
{
	const char *at = *line;
	const char *stop;

	if (at >= end)
		return false;
	stop = memchr(at, '\n', (size_t)(end - at));
	*line = stop ? stop + 1 : end;
	if (!stop)
		stop = end;
	for (size_t i = 0; i < n; i++) {
		const char *colon = at <= stop ? memchr(at, ':', (size_t)(stop - at)) : NULL;

		if (at > stop) {
			fields[i] = (struct field){ "", 0 };
			continue;
		}
		if (!colon)
			colon = stop;
		fields[i] = (struct field){ at, (size_t)(colon - at) };
		at = colon + 1;
	}
	return true;
}

static bool
field_is(const struct field *f, const char *text)
{
	return f->length == strlen(text) && memcmp(f->text, text, f->length) == 0;
}

/* Digits and nothing else, at most ID_MAX. */
static bool
field_id(const struct field *f, uint32_t *id)
{
	uint64_t value = 0;

	if (f->length == 0 || f->length > 10)
		return false;
	for (size_t i = 0; i < f->length; i++) {
		if (f->text[i] < '0' || f->text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(f->text[i] - '0');
	}
	*id = (uint32_t)value;
	return value <= ID_MAX;
}

static bool
is_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static int
parse_id(const char *text, const char *what, uint32_t *id, struct error *e)
{
	uint64_t value;

	if (parse_u64(text, 0, ID_MAX, what, &value, e) < 0)
		return -1;
	*id = (uint32_t)value;
	return 0;
}

/* The first line of passwd with this name, or with this uid when @name is NULL. */
static bool
find_user(const struct buf *passwd, const char *name, uint32_t uid, struct field *fields)
{
	const char *line = buf_text(passwd);
	const char *end = line + passwd->len;
	uint32_t found;

	while (next_line(&line, end, fields, PASSWD_FIELDS)) {
		if (!field_id(&fields[PASSWD_UID], &found) || fields[PASSWD_NAME].length == 0)
			continue;
		if (name ? field_is(&fields[PASSWD_NAME], name) : found == uid)
			return true;
	}
	return false;
}

static bool
find_group(const struct buf *group, const char *name, uint32_t *gid)
{
	const char *line = buf_text(group);
	const char *end = line + group->len;
	struct field fields[GROUP_FIELDS];

	while (next_line(&line, end, fields, GROUP_FIELDS))
		if (field_is(&fields[GROUP_NAME], name) && field_id(&fields[GROUP_GID], gid))
			return true;
	return false;
}

static bool
is_member(const struct field *members, const struct field *name)
{
	const char *at = members->text;
	const char *end = members->text + members->length;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - at) == name->length &&
		    memcmp(at, name->text, name->length) == 0)
			return true;
		at = stop + 1;
	}
	return false;
}

static void
add_group(struct user *u, gid_t gid, size_t *room)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return;
	xgrow(&u->groups, u->n_groups + 1, room, sizeof(u->groups[0]));
	u->groups[u->n_groups++] = gid;
}

static int
add_memberships(const struct buf *group, const struct field *name, struct user *u, size_t *room,
    struct error *e)
{
	const char *line = buf_text(group);
	const char *end = line + group->len;
	struct field fields[GROUP_FIELDS];
	uint32_t gid;

	while (next_line(&line, end, fields, GROUP_FIELDS)) {
		if (!field_id(&fields[GROUP_GID], &gid) || !is_member(&fields[GROUP_MEMBERS], name))
			continue;
		add_group(u, gid, room);
		if (u->n_groups > GROUPS_MAX)
			return error_set(e, ERR_INPUT, "user '%.*s' is in more than %d groups",
			    (int)name->length, name->text, GROUPS_MAX);
	}
	return 0;
}

static int
split(const char *spec, struct parts *p, struct error *e)
{
	const char *colon;

	if (!spec || !*spec)
		spec = "0";
	colon = strchr(spec, ':');
	p->user = colon ? xstrndup(spec, (size_t)(colon - spec)) : xstrdup(spec);
	p->group = colon && colon[1] ? xstrdup(colon + 1) : NULL;
	if ((p->user[0] || p->group) && !(p->group && strchr(p->group, ':')))
		return 0;
	return error_set(
	    e, ERR_INPUT, "'%s' names no user: it must be user, user:group, uid or uid:gid", spec);
}

static void
parts_release(struct parts *p)
{
	free(p->user);
	free(p->group);
}

static int
unknown(const char *what, const char *name, struct error *e)
{
	autofree char *safe = text_safe(name);

	error_set(e, ERR_INPUT, "the image has no %s '%s' in '%s'", what, safe,
	    strcmp(what, "user") == 0 ? "/etc/passwd" : "/etc/group");
	return error_hint(e, "add it in an earlier RUN, or give its number");
}

/* Fills @u from the user half; *@fields is the passwd entry, found or not. */
static int
resolve_user(const struct user_files *files, const char *name, struct user *u, struct field *fields,
    bool *known, struct error *e)
{
	uint32_t uid = 0, gid = 0;

	if (is_digits(name)) {
		if (parse_id(name, "user id", &uid, e) < 0)
			return -1;
		*known = find_user(&files->passwd, NULL, uid, fields);
	} else {
		*known = find_user(&files->passwd, name, 0, fields);
		if (!*known && strcmp(name, "root") != 0)
			return unknown("user", name, e);
	}
	if (*known) {
		(void)field_id(&fields[PASSWD_UID], &uid); /* find_user() has checked it */
		if (!field_id(&fields[PASSWD_GID], &gid))
			return error_set(e, ERR_INPUT,
			    "the entry of user '%s' in '/etc/passwd' of the image has no group id",
			    name);
	}
	u->uid = uid;
	u->gid = gid;
	u->name =
	    *known ? xstrndup(fields[PASSWD_NAME].text, fields[PASSWD_NAME].length) : xstrdup(name);
	return 0;
}

static int
resolve_group(const struct user_files *files, const char *name, gid_t *gid, struct error *e)
{
	uint32_t found;

	if (is_digits(name)) {
		if (parse_id(name, "group id", &found, e) < 0)
			return -1;
	} else if (!find_group(&files->group, name, &found)) {
		return unknown("group", name, e);
	}
	*gid = found;
	return 0;
}

static char *
home_of(bool known, const struct field *fields, uid_t uid)
{
	const struct field *home = &fields[PASSWD_HOME];

	if (known && home->length > 0 && home->text[0] == '/' &&
	    !memchr(home->text, '\0', home->length))
		return xstrndup(home->text, home->length);
	return xstrdup(!known && uid == 0 ? "/root" : "/");
}

static int
resolve_parts(
    const struct user_files *files, const struct parts *p, struct user *u, struct error *e)
{
	struct field fields[PASSWD_FIELDS];
	size_t room = 0;
	bool known;

	if (resolve_user(files, p->user[0] ? p->user : "0", u, fields, &known, e) < 0)
		return -1;
	if (p->group && resolve_group(files, p->group, &u->gid, e) < 0)
		return -1;
	u->home = home_of(known, fields, u->uid);
	/* setgroups(2) without the primary group would lift what is denied to that group (SECURITY R13) */
	add_group(u, u->gid, &room);
	if (p->group || !known)
		return 0;
	return add_memberships(&files->group, &fields[PASSWD_NAME], u, &room, e);
}

int
user_resolve(const struct user_files *files, const char *spec, struct user *u, struct error *e)
{
	struct parts p = { 0 };
	int result;

	*u = (struct user){ 0 };
	result = split(spec, &p, e);
	if (result == 0)
		result = resolve_parts(files, &p, u, e);
	parts_release(&p);
	if (result < 0)
		user_release(u);
	return result;
}

int
user_resolve_in(int rootfs, const char *spec, struct user *u, struct error *e)
{
	auto(user_files) struct user_files files = { 0 };

	if (user_files_read(rootfs, &files, e) < 0)
		return -1;
	return user_resolve(&files, spec, u, e);
}

bool
user_spec_is_numeric(const char *spec)
{
	struct error ignored = ERROR_INIT;
	struct parts p = { 0 };
	bool numeric =
	    split(spec, &p, &ignored) == 0 && is_digits(p.user) && (!p.group || is_digits(p.group));

	parts_release(&p);
	return numeric;
}

static int
resolve_owner(
    const struct user_files *files, const struct parts *p, uid_t *uid, gid_t *gid, struct error *e)
{
	struct field fields[PASSWD_FIELDS];
	uint32_t found = 0, group = 0;

	if (is_digits(p->user)) {
		if (parse_id(p->user, "user id", &found, e) < 0)
			return -1;
		group = found;
	} else if (p->user[0] && !(files && find_user(&files->passwd, p->user, 0, fields))) {
		if (strcmp(p->user, "root") != 0)
			return unknown("user", p->user, e);
	} else if (p->user[0]) {
		(void)field_id(&fields[PASSWD_UID], &found); /* find_user() has checked it */
		if (!p->group && !field_id(&fields[PASSWD_GID], &group))
			return error_set(e, ERR_INPUT,
			    "the entry of user '%s' in '/etc/passwd' of the image has no group id",
			    p->user);
	}
	*uid = found;
	*gid = group;
	return p->group ? resolve_group(files, p->group, gid, e) : 0;
}

int
user_resolve_owner(
    const struct user_files *files, const char *spec, uid_t *uid, gid_t *gid, struct error *e)
{
	static const struct user_files none;
	struct parts p = { 0 };
	int result = split(spec, &p, e);

	if (result == 0)
		result = resolve_owner(files ? files : &none, &p, uid, gid, e);
	parts_release(&p);
	return result;
}
