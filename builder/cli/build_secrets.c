/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_secrets - the grammars of --secret, --ssh and --allow.
 *
 * Secrets are read here, once, by the process of the user, and stay in memory.
 */
#include "builder/cli/build_flags.h"

#include "builder/dockerfile/mountspec.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Larger than any secret, as the reference builder has it. */
#define SECRET_MAX (500U << 10)

/* ---- --secret id=ID[,src=FILE][,env=VARIABLE][,type=file|env] ---- */

struct secret_fields {
	char *id;
	char *file;
	char *variable;
	char *type;
};

static void
secret_fields_release(struct secret_fields *f)
{
	free(f->id);
	free(f->file);
	free(f->variable);
	free(f->type);
}

static int
set_field(struct secret_fields *f, const char *field, struct error *e)
{
	const struct {
		const char *key;
		char **to;
	} keys[] = {
		{ "id", &f->id },
		{ "src", &f->file },
		{ "source", &f->file },
		{ "env", &f->variable },
		{ "type", &f->type },
	};
	const char *equals = strchr(field, '=');
	size_t length = equals ? (size_t)(equals - field) : strlen(field);

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strlen(keys[i].key) != length || strncasecmp(keys[i].key, field, length) != 0)
			continue;
		if (!equals || !equals[1])
			return error_set(e, ERR_USAGE, "'%s' needs a value", field);
		if (*keys[i].to)
			return error_set(e, ERR_USAGE, "'%s' is given twice", keys[i].key);
		*keys[i].to = xstrdup(equals + 1);
		return 0;
	}
	return error_set(
	    e, ERR_USAGE, "'%s' is unknown; there are id=, src=, env= and type=", field);
}

/* What is not said follows from what is: a variable of the name of the secret, else a file of that name. */
static int
complete_secret(struct secret_fields *f, struct error *e)
{
	bool wants_env = f->type && strcmp(f->type, "env") == 0;

	if (!f->id)
		return error_set(e, ERR_USAGE, "id=... is missing");
	if (f->type && !wants_env && strcmp(f->type, "file") != 0)
		return error_set(
		    e, ERR_USAGE, "type=%s is unknown; there are file and env", f->type);
	if (wants_env && !f->variable)
		f->variable = steal_ptr(&f->file); /* docker's "type=env,src=VARIABLE" */
	if (f->file && f->variable)
		return error_set(e, ERR_USAGE, "src=... and env=... exclude each other");
	if (f->type && !wants_env && f->variable)
		return error_set(e, ERR_USAGE, "type=file does not go with env=...");
	if (f->file || f->variable)
		return 0;
	if (wants_env || (!f->type && getenv(f->id)))
		f->variable = xstrdup(f->id);
	else
		f->file = xstrdup(f->id);
	return 0;
}

static int
read_secret(const struct secret_fields *f, struct buf *bytes, struct error *e)
{
	const char *value;
	autofd int fd = -1;
	struct stat st;

	if (f->variable) {
		value = getenv(f->variable);
		if (!value)
			return error_set(e, ERR_USAGE, "the variable %s is not set", f->variable);
		buf_add_text(bytes, value);
		return 0;
	}
	fd = path_open_user(f->file, O_RDONLY | O_NONBLOCK, 0, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '%s'", f->file);
	if (S_ISDIR(st.st_mode))
		return error_set(e, ERR_USAGE, "'%s' is a directory", f->file);
	return fd_read_all(fd, bytes, SECRET_MAX, f->file, e);
}

int
build_secret_parse(const char *text, struct build_options *options, struct error *e)
{
	auto(secret_fields) struct secret_fields f = { 0 };
	auto(strv) struct strv fields = { 0 };
	auto(buf) struct buf bytes = { 0 };
	size_t length;
	int ok = mountspec_split(text, &fields, e);

	for (size_t i = 0; ok == 0 && i < fields.count; i++)
		ok = set_field(&f, fields.items[i], e);
	if (ok == 0)
		ok = complete_secret(&f, e);
	for (size_t i = 0; ok == 0 && i < options->n_secrets; i++)
		if (strcmp(options->secrets[i].id, f.id) == 0)
			ok = error_set(e, ERR_USAGE, "the secret '%s' is given twice", f.id);
	if (ok == 0)
		ok = read_secret(&f, &bytes, e);
	if (ok < 0) {
		e->kind = ERR_USAGE;
		return error_ctx(e, "--secret %s", text);
	}
	length = bytes.len;
	options->secrets =
	    xrealloc(options->secrets, options->n_secrets + 1, sizeof(*options->secrets));
	options->secrets[options->n_secrets++] = (struct build_secret){
		.id = steal_ptr(&f.id),
		.length = length,
		.bytes = buf_steal(&bytes),
	};
	return 0;
}

/* ---- --ssh ID[=SOCKET|KEY[,KEY...]] ---- */

static int
add_path(struct build_agent *agent, const char *path, bool alone, struct error *e)
{
	autofd int fd = path_open_user(path, O_PATH, 0, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot look at '%s'", path);
	if (S_ISSOCK(st.st_mode) && !alone)
		return error_set(
		    e, ERR_USAGE, "'%s' is the socket of an agent, which stands alone", path);
	if (S_ISSOCK(st.st_mode))
		agent->socket = xstrdup(path);
	else if (S_ISREG(st.st_mode))
		strv_add(&agent->keys, path);
	else
		return error_set(e, ERR_USAGE, "'%s' is neither a socket nor a key", path);
	return 0;
}

static int
read_agent(const char *text, struct build_agent *agent, struct error *e)
{
	const char *equals = strchr(text, '=');
	auto(strv) struct strv paths = { 0 };
	const char *socket;

	agent->id = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(text);
	if (!agent->id[0])
		return error_set(e, ERR_USAGE, "the id is missing");
	if (equals && equals[1]) {
		strv_split(&paths, equals + 1, ',');
		for (size_t i = 0; i < paths.count; i++)
			if (add_path(agent, paths.items[i], paths.count == 1, e) < 0)
				return -1;
		return 0;
	}
	socket = getenv("SSH_AUTH_SOCK");
	if (!socket || !socket[0]) {
		error_set(e, ERR_USAGE, "no agent is running: SSH_AUTH_SOCK is not set");
		return error_hint(
		    e, "start one with: eval $(ssh-agent); or name a key: --ssh %s=KEY", agent->id);
	}
	if (add_path(agent, socket, true, e) < 0)
		return error_ctx(e, "SSH_AUTH_SOCK");
	if (!agent->socket)
		return error_set(e, ERR_USAGE, "SSH_AUTH_SOCK: '%s' is no socket", socket);
	return 0;
}

int
build_agent_parse(const char *text, struct build_options *options, struct error *e)
{
	struct build_agent *agent;
	int ok;

	options->agents =
	    xrealloc(options->agents, options->n_agents + 1, sizeof(*options->agents));
	agent = &options->agents[options->n_agents++];
	*agent = (struct build_agent){ 0 };
	ok = read_agent(text, agent, e);
	for (size_t i = 0; ok == 0 && i + 1 < options->n_agents; i++)
		if (strcmp(options->agents[i].id, agent->id) == 0)
			ok = error_set(e, ERR_USAGE, "the agent '%s' is given twice", agent->id);
	if (ok == 0)
		return 0;
	e->kind = ERR_USAGE;
	return error_ctx(e, "--ssh %s", text);
}

/* ---- --allow RIGHT[,RIGHT...] ---- */

int
build_allow_parse(const char *text, struct build_options *options, struct error *e)
{
	static const struct {
		const char *name;
		unsigned right;
	} rights[] = {
		{ "network.host", BUILD_ALLOW_NETWORK_HOST },
		{ "security.insecure", BUILD_ALLOW_INSECURE },
		{ "device", BUILD_ALLOW_DEVICES },
	};
	auto(strv) struct strv words = { 0 };

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.count; i++) {
		bool known = text_starts_with(words.items[i], "device=") &&
		             words.items[i][strlen("device=")] != '\0';

		if (known)
			strv_add(&options->allowed_devices, words.items[i] + strlen("device="));
		for (size_t n = 0; n < ARRAY_LEN(rights) && !known; n++) {
			known = strcmp(words.items[i], rights[n].name) == 0;
			options->allowed |= known ? rights[n].right : 0;
		}
		if (!known)
			return error_set(e, ERR_USAGE,
			    "--allow: '%s' is unknown; there are network.host, "
			    "security.insecure, device and device=NAME",
			    words.items[i]);
	}
	return 0;
}
