/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_user - any text as USER or --chown and as --chmod, looked up in any passwd and group file.
 *
 * The input is three texts with NUL between them: what is named, /etc/passwd and /etc/group.
 */
#include "builder/dockerfile/user.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/user.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/** The bytes up to the next NUL; moves behind it. */
static char *
take_text(const uint8_t **bytes, size_t *length)
{
	const uint8_t *end = *length > 0 ? memchr(*bytes, 0, *length) : NULL;
	size_t count = end ? (size_t)(end - *bytes) : *length;
	char *text = xstrndup((const char *)*bytes, count);

	*bytes += end ? count + 1 : count;
	*length -= end ? count + 1 : count;
	return text;
}

/** What is promised of a text that was taken. */
static void
check_spec(const struct user_spec *spec)
{
	must(!spec->user.numeric || spec->user.id <= USER_MAX_ID);
	must(!spec->group.numeric || spec->group.id <= USER_MAX_ID);
	must(spec->user.given || (!spec->user.numeric && spec->user.name[0] == '\0'));
	must(!spec->user.given || spec->user.numeric != (spec->user.name[0] != '\0'));
}

/** Digits are the id, whatever the files say (SECURITY C18). */
static void
check_user(const struct user_spec *spec, const struct user *u)
{
	bool found = false;

	must(u->home && u->name);
	must(u->uid <= USER_MAX_ID && u->gid <= USER_MAX_ID);
	must(!spec->user.numeric || u->uid == spec->user.id);
	must(!spec->group.numeric || u->gid == spec->group.id);
	for (size_t n = 0; n < u->n_groups; n++)
		found = found || u->groups[n] == u->gid;
	must(found);
}

static void
check_mode(const char *text)
{
	struct mode_spec mode;
	struct error e = ERROR_INIT;

	if (mode_parse(text, &mode, &e) < 0) {
		must(e.kind == ERR_INPUT);
		return;
	}
	must((mode_apply(&mode, 0100644) & ~(mode_t)07777) == 0);
	must((mode_apply(&mode, 0047777) & ~(mode_t)07777) == 0);
	must(mode.symbolic || mode_apply(&mode, 0100644) == mode.mode);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	autofree char *text = take_text(&bytes, &length);
	autofree char *passwd = take_text(&bytes, &length), *group = take_text(&bytes, &length);
	struct user_files files = { 0 };
	struct user_spec spec = { 0 };
	struct user user = { 0 };
	struct error e = ERROR_INIT;
	uid_t uid;
	gid_t gid;
	bool parsed = user_parse(text, &spec, &e) == 0;

	must(parsed || e.kind == ERR_INPUT);
	check_mode(text);
	if (parsed)
		check_spec(&spec);
	buf_add_text(&files.passwd, passwd);
	buf_add_text(&files.group, group);
	if (user_resolve(&files, text, &user, &e) == 0 && parsed)
		check_user(&spec, &user);
	user_release(&user);
	if (user_resolve_owner(&files, text, &uid, &gid, &e) == 0)
		must(uid <= USER_MAX_ID && gid <= USER_MAX_ID);
	if (user_spec_is_numeric(text) && user_resolve_owner(NULL, text, &uid, &gid, &e) == 0)
		must(!parsed || !spec.user.numeric || uid == spec.user.id);
	user_files_release(&files);
	return 0;
}
