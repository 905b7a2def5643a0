/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login - croze login and croze logout: the passwords of registries.
 */
#include "builder/cli/commands.h"
#include "builder/cli/registry_flags.h"
#include "builder/cli/show.h"
#include "builder/registry/config.h"
#include "builder/registry/credentials.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 65536

struct login_flags {
	struct registry_flags registry;
	const char *user;
	const char *password;
	bool from_stdin;
	bool get_login;
};

#define MEMBER(name) offsetof(struct login_flags, name)

const struct option_def login_option_table[] = {
	{ .name = "username",
	    .short_name = 'u',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(user),
	    .argument = "NAME",
	    .help = "the user (default: asked for)" },
	{ .name = "password-stdin",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(from_stdin),
	    .help = "read the password from standard input" },
	{ .name = "password",
	    .short_name = 'p',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(password),
	    .argument = "PASSWORD",
	    .help = "other users of this machine see it: --password-stdin is better" },
	{ .name = "get-login",
	    .type = OPTION_FLAG,
	    .offset = MEMBER(get_login),
	    .help = "print the user that is logged in, change nothing" },
	REGISTRY_OPTIONS,
	{ 0 },
};

struct logout_flags {
	struct registry_flags registry;
	bool all;
};

const struct option_def logout_option_table[] = {
	{ .name = "all",
	    .short_name = 'a',
	    .type = OPTION_FLAG,
	    .offset = offsetof(struct logout_flags, all),
	    .help = "of every registry in the file" },
	{ .name = "authfile",
	    .type = OPTION_TEXT,
	    .offset = REGISTRY_FLAG(authfile),
	    .argument = "FILE",
	    .group = REGISTRY_GROUP,
	    .help = "in this file (default: $REGISTRY_AUTH_FILE)" },
	{ 0 },
};

/* ---- asking ---- */

static void
trim_line(struct buf *b)
{
	while (b->len > 0 && (b->data[b->len - 1] == '\n' || b->data[b->len - 1] == '\r'))
		buf_truncate(b, b->len - 1);
}

static int
read_line(struct buf *b, struct error *e)
{
	char c;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, &c, 1);

		if (got < 0)
			return error_sys(e, "cannot read standard input");
		if (got == 0 || c == '\n' || b->len > PASSWORD_MAX)
			return 0;
		buf_add_char(b, c);
	}
}

/* On the terminal, without showing it when it is @hidden. */
static int
ask(const char *question, bool hidden, struct buf *b, struct error *e)
{
	struct termios before, quiet;
	int result;

	if (isatty(STDIN_FILENO) != 1) {
		error_set(e, ERR_USAGE, "there is no terminal to ask for '%s'", question);
		return error_hint(e, "croze login --username NAME --password-stdin REGISTRY <FILE");
	}
	fprintf(stderr, "%s: ", question);
	if (hidden && tcgetattr(STDIN_FILENO, &before) == 0) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		result = read_line(b, e);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
		return result;
	}
	return read_line(b, e);
}

static int
get_password(const struct login_flags *flags, struct buf *password, struct error *e)
{
	if (flags->password != NULL && flags->from_stdin)
		return error_set(
		    e, ERR_USAGE, "--password and --password-stdin exclude each other");
	if (flags->password != NULL) {
		buf_add_text(password, flags->password);
		return 0;
	}
	if (!flags->from_stdin)
		return ask("Password", true, password, e);
	if (flags->user == NULL)
		return error_set(e, ERR_USAGE, "--password-stdin needs --username");
	if (fd_read_all(STDIN_FILENO, password, PASSWORD_MAX, "the password", e) < 0)
		return -1;
	trim_line(password);
	return 0;
}

/* ---- the registry ---- */

/* "docker.io" when none is named, as docker does. */
static char *
registry_host(const struct strv *words, struct error *e)
{
	autofree char *host = NULL;

	if (words->count > 1) {
		error_set(e, ERR_USAGE, "one registry is wanted");
		return NULL;
	}
	host = words->count == 1 ? credentials_key(words->items[0]) : xstrdup("docker.io");
	if (*host == '\0' || strchr(host, '/') != NULL || strchr(host, '@') != NULL ||
	    strpbrk(host, " \t\n?#\\") != NULL) {
		error_set(e, ERR_USAGE, "'%s' is no registry: HOST[:PORT]", words->items[0]);
		return NULL;
	}
	return steal_ptr(&host);
}

/* Where passwords are: what @who has is borrowed from @registries. */
static int
find_places(const char *authfile, struct registries *registries, struct credentials_options *who,
    struct error *e)
{
	*who =
	    (struct credentials_options){ .authfile = authfile, .helpers = &registries->helpers };
	return registries_load(registries, e);
}

static int
show_login(const struct login_flags *flags, const char *host, struct buf *b, struct error *e)
{
	auto(registries) struct registries registries = { 0 };
	auto(credentials) struct credentials c = { 0 };
	struct credentials_options who;
	int found;

	if (find_places(flags->registry.authfile, &registries, &who, e) < 0)
		return -1;
	found = credentials_find(&who, host, "", &c, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(e, ERR_NOT_FOUND, "not logged in to '%s'", host);
	buf_printf(b, "%s\n", c.user != NULL ? c.user : "<token>");
	return 0;
}

static int
check_and_store(const struct login_flags *flags, const char *host, const char *user,
    const char *password, struct buf *b, struct error *e)
{
	autosecret char *creds = xasprintf("%s:%s", user, password);
	struct registry_flags own = flags->registry;
	struct registry_display display = { 0 };
	autoregistry struct registry *registry = NULL;
	auto(registries) struct registries registries = { 0 };
	struct credentials_options who;
	autofree char *where = NULL;
	int result = -1;

	if (find_places(flags->registry.authfile, &registries, &who, e) < 0)
		return -1;
	own.creds = creds;
	registry = registry_flags_open(&own, &display, e);
	if (registry != NULL)
		result = registry_check_login(registry, host, e);
	if (result < 0 || credentials_store(&who, host, user, password, &where, e) < 0)
		return -1;
	buf_printf(b, "logged in to %s, kept in %s\n", host, where);
	return 0;
}

static int
login(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct login_flags *flags = arg;
	autofree char *host = registry_host(words, e);
	auto(buf) struct buf user = { 0 };
	auto(buf) struct buf password = { 0 };
	int result;

	if (host == NULL)
		return -1;
	if (flags->get_login)
		return show_login(flags, host, b, e);
	if (flags->user != NULL)
		buf_add_text(&user, flags->user);
	else if (!flags->from_stdin && ask("Username", false, &user, e) < 0)
		return -1;
	if (get_password(flags, &password, e) < 0)
		return -1;
	if (user.len == 0 || password.len == 0)
		return error_set(
		    e, ERR_USAGE, "the %s is empty", user.len == 0 ? "user" : "password");
	if (strchr(buf_text(&user), ':') != NULL)
		return error_set(e, ERR_USAGE, "a user's name has no ':'");
	result = check_and_store(flags, host, buf_text(&user), buf_text(&password), b, e);
	explicit_bzero(password.data, password.len);
	return result;
}

int
login_main(int argc, char **argv, const struct command *self)
{
	struct login_flags flags = { .registry = REGISTRY_FLAGS_INIT };

	return command_perform(self, argc, argv, &flags, login);
}

static int
logout(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct logout_flags *flags = arg;
	auto(registries) struct registries registries = { 0 };
	struct credentials_options who;
	autofree char *host = NULL;
	int found;

	if (flags->all && words->count > 0)
		return error_set(e, ERR_USAGE, "--all goes without a registry");
	host = flags->all ? NULL : registry_host(words, e);
	if ((host == NULL && !flags->all) ||
	    find_places(flags->registry.authfile, &registries, &who, e) < 0)
		return -1;
	found = credentials_erase(&who, host, e);
	if (found < 0)
		return -1;
	if (found == 0)
		return error_set(
		    e, ERR_NOT_FOUND, "not logged in to '%s'", host != NULL ? host : "anything");
	buf_printf(b, "logged out of %s\n", host != NULL ? host : "all registries");
	return 0;
}

int
logout_main(int argc, char **argv, const struct command *self)
{
	struct logout_flags flags = { .registry = REGISTRY_FLAGS_INIT };

	return command_perform(self, argc, argv, &flags, logout);
}
