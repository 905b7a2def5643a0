/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper - programs docker-credential-NAME, which keep credentials in a keychain: a word as argument, the request on standard
 * input, the answer on standard output.
 */
#include "builder/registry/credentials.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ANSWER_MAX (1U << 20)
#define NONE_KNOWN "credentials not found in native keychain"
#define HUB_KEY "https://index.docker.io/v1/"

/* Helpers know Docker Hub by its old URL. */
static const char *
server_key(const char *host)
{
	return strcmp(host, "docker.io") == 0 ? HUB_KEY : host;
}

static int
check_name(const char *name, struct error *e)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return error_set(
			    e, ERR_INPUT, "'%s' is no name of a credential helper", name);
	return *name ? 0 : error_set(e, ERR_INPUT, "a credential helper without a name");
}

static void
trim(struct buf *b)
{
	while (b->len > 0 && isspace((unsigned char)b->data[b->len - 1]))
		buf_truncate(b, b->len - 1);
}

/* Runs it with @input; its exit status, or -1. */
static int
run(const char *name, const char *verb, const char *input, struct buf *out, struct error *e)
{
	autofree char *program = xasprintf("docker-credential-%s", name);
	autofree char *word = xstrdup(verb);
	char *const words[] = { program, word, NULL };
	autofd int in = memfd_create("croze-helper", MFD_CLOEXEC);
	struct process_spec spec = { .path = program, .argv = words, .err = STDERR_FILENO };
	int status;

	if (check_name(name, e) < 0)
		return -1;
	if (in < 0)
		return error_sys(e, "cannot make a file in memory");
	if (fd_write_all(in, input, strlen(input), e) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return error_ctx(e, "cannot ask '%s'", program);
	spec.in = in;
	status = process_run(&spec, out, ANSWER_MAX, e);
	if (status < 0) {
		e->kind = ERR_NETWORK;
		return error_hint(e,
		    "a configuration file names this credential helper; install it or remove the "
		    "line");
	}
	trim(out);
	return status;
}

static int
complain(const char *name, const char *verb, const struct buf *out, struct error *e)
{
	autofree char *said = text_safe(buf_text(out));

	return error_set(e, ERR_NETWORK,
	    "credential helper 'docker-credential-%s %s' failed: %.300s", name, verb,
	    *said ? said : "it said nothing");
}

static int
take_answer(const char *name, const struct buf *out, struct credentials *c, struct error *e)
{
	autojson struct json *j = json_parse(buf_text(out), out->len, e);
	const char *user = json_text(json_get(j, "Username"));
	const char *secret = json_text(json_get(j, "Secret"));

	if (!user || !secret) {
		/* What came is not shown: it may hold a secret. */
		return error_set(e, ERR_NETWORK,
		    "credential helper 'docker-credential-%s' gave no Username and Secret", name);
	}
	if (strcmp(user, "<token>") == 0)
		c->identity_token = xstrdup(secret);
	else {
		c->user = xstrdup(user);
		c->secret = xstrdup(secret);
	}
	c->source = xasprintf("helper docker-credential-%s", name);
	return 1;
}

int
helper_get(const char *name, const char *host, struct credentials *c, struct error *e)
{
	auto(buf) struct buf out = { 0 };
	int status = run(name, "get", server_key(host), &out, e);
	int result;

	if (status < 0)
		return -1;
	if (status != 0)
		return strcmp(buf_text(&out), NONE_KNOWN) == 0 ? 0 : complain(name, "get", &out, e);
	result = take_answer(name, &out, c, e);
	if (out.data)
		explicit_bzero(out.data, out.len);
	return result;
}

int
helper_store(
    const char *name, const char *host, const char *user, const char *secret, struct error *e)
{
	autojson struct json *j = json_new_object();
	auto(buf) struct buf input = { 0 };
	auto(buf) struct buf out = { 0 };
	int status;

	json_set_text(j, "ServerURL", server_key(host));
	json_set_text(j, "Username", user);
	json_set_text(j, "Secret", secret);
	json_write(j, 0, &input);
	status = run(name, "store", buf_text(&input), &out, e);
	explicit_bzero(input.data, input.len);
	if (status > 0)
		return complain(name, "store", &out, e);
	return status;
}

int
helper_list(const char *name, struct strv *servers, struct error *e)
{
	auto(buf) struct buf out = { 0 };
	autojson struct json *j = NULL;
	int status = run(name, "list", "", &out, e);

	if (status != 0)
		return status < 0 ? -1 : complain(name, "list", &out, e);
	j = json_parse(buf_text(&out), out.len, e);
	if (json_type(j) != JSON_OBJECT)
		return error_set(e, ERR_NETWORK,
		    "credential helper 'docker-credential-%s list' gave no list", name);
	for (size_t i = 0; i < json_count(j); i++)
		strv_add(servers, json_key_at(j, i));
	return 0;
}

int
helper_erase(const char *name, const char *host, struct error *e)
{
	auto(buf) struct buf out = { 0 };
	int status = run(name, "erase", server_key(host), &out, e);

	if (status > 0)
		return strcmp(buf_text(&out), NONE_KNOWN) == 0 ? 0
		                                               : complain(name, "erase", &out, e);
	return status < 0 ? -1 : 1;
}
