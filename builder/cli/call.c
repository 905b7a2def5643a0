/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call - croze check, outline, targets and dump, and croze build --call.
 */
#include "builder/build/call.h"

#include "builder/cli/build_flags.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/dockerfile/rules.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <string.h>

#define MEMBER(name) offsetof(struct build_flags, name)

/* Exit status when something was found: as for a Dockerfile that cannot be built. */
#define STATUS_FOUND 2

#define COMMON_ROWS                                                                             \
	{ .name = "file",                                                                       \
		.short_name = 'f',                                                              \
		.type = OPTION_TEXT,                                                            \
		.offset = MEMBER(file),                                                         \
		.argument = "FILE",                                                             \
		.help = "the Dockerfile; - reads it from standard input" },                     \
	    { .name = "target",                                                                 \
		    .type = OPTION_TEXT,                                                        \
		    .offset = MEMBER(target),                                                   \
		    .argument = "STAGE",                                                        \
		    .help = "look at what this stage needs" },                                  \
	    { .name = "build-arg",                                                              \
		    .type = OPTION_LIST,                                                        \
		    .offset = MEMBER(build_args),                                               \
		    .argument = "NAME[=VALUE]",                                                 \
		    .help = "set an ARG" },                                                     \
	    { .name = "build-context",                                                          \
		    .type = OPTION_LIST,                                                        \
		    .offset = MEMBER(build_contexts),                                           \
		    .argument = "NAME=VALUE",                                                   \
		    .help = "a directory or image under a name" },                              \
	{                                                                                       \
		.name = "root", .type = OPTION_TEXT, .offset = MEMBER(root), .argument = "DIR", \
		.help = "of images and cache"                                                   \
	}

const struct option_def check_option_table[] = {
	COMMON_ROWS,
	{ .name = "format",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(format),
	    .choices = "text|json|sarif",
	    .help = "form of the answer" },
	{ .name = "rules", .type = OPTION_FLAG, .offset = MEMBER(rules), .help = "list the rules" },
	{ 0 },
};

const struct option_def outline_option_table[] = {
	COMMON_ROWS,
	{ .name = "format",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(format),
	    .choices = "text|json",
	    .help = "form of the answer" },
	{ 0 },
};

const struct option_def dump_option_table[] = {
	{ .name = "file",
	    .short_name = 'f',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(file),
	    .argument = "FILE",
	    .help = "the Dockerfile; - reads it from standard input" },
	{ 0 },
};

/* What is asked for, and how it is to be said. */
struct request {
	enum build_call call;
	enum build_call_format format;
	bool ignore_status;
	bool describe; /* which calls there are, instead */
};

/* As users write them; "frontend.NAME" is what tools ask the reference frontend for. */
static const struct {
	const char *name;
	enum build_call call;
	const char *description; /* NULL: another name of one before */
	const char *version;
} calls[] = {
	{ "lint", BUILD_CALL_CHECK, "what is wrong with the Dockerfile", "1.0.0" },
	{ "outline", BUILD_CALL_OUTLINE, "what the target can be given", "1.0.0" },
	{ "targets", BUILD_CALL_TARGETS, "which stages there are", "1.0.0" },
	{ "check", BUILD_CALL_CHECK, NULL, NULL },
};

#define DESCRIBE "subrequests.describe"
#define FRONTEND "frontend."

/* The members that the reference frontend answers with. */
static int
describe_calls(enum build_call_format format)
{
	autojson struct json *answer = json_new_object();
	struct json *requests = json_set(answer, "Requests", json_new_array());
	auto(buf) struct buf out = { 0 };

	for (size_t n = 0; n < ARRAY_LEN(calls); n++) {
		autofree char *name = xasprintf(FRONTEND "%s", calls[n].name);
		struct json *request;

		if (calls[n].description == NULL)
			continue;
		buf_printf(&out, "%-20s %-8s %s\n", name, calls[n].version, calls[n].description);
		request = json_append(requests, json_new_object());
		json_set_text(request, "Name", name);
		json_set_text(request, "Version", calls[n].version);
		json_set_text(request, "Type", "rpc");
		json_set_text(request, "Description", calls[n].description);
	}
	if (format == BUILD_CALL_JSON) {
		buf_clear(&out);
		json_write(answer, JSON_INDENT, &out);
	}
	return command_print(&out);
}

static int
parse_format(const char *text, struct request *r, struct error *e)
{
	if (text == NULL || strcmp(text, "text") == 0 || strcmp(text, "default") == 0)
		r->format = BUILD_CALL_TEXT;
	else if (strcmp(text, "json") == 0)
		r->format = BUILD_CALL_JSON;
	else if (strcmp(text, "sarif") == 0 && r->call == BUILD_CALL_CHECK)
		r->format = BUILD_CALL_SARIF;
	else
		return error_set(e, ERR_USAGE, "no format '%s'; there are text, json%s", text,
		    r->call == BUILD_CALL_CHECK ? " and sarif" : "");
	return 0;
}

static int
parse_call(const char *text, struct request *r, struct error *e)
{
	auto(strv) struct strv parts = { 0 };
	const char *name;
	size_t n = 0;

	strv_split(&parts, text, ',');
	name = parts.items[0];
	if (text_starts_with(name, FRONTEND))
		name += strlen(FRONTEND);
	while (n < ARRAY_LEN(calls) && strcmp(name, calls[n].name) != 0)
		n++;
	r->describe = strcmp(name, DESCRIBE) == 0;
	if (n == ARRAY_LEN(calls) && !r->describe)
		return error_set(e, ERR_USAGE,
		    "--call=%s: there are check, outline, targets, " DESCRIBE " and build",
		    parts.items[0]);
	r->call = r->describe ? BUILD_CALL_OUTLINE : calls[n].call;
	for (n = 1; n < parts.count; n++) {
		if (strncmp(parts.items[n], "format=", 7) == 0) {
			if (parse_format(parts.items[n] + 7, r, e) < 0)
				return error_ctx(e, "--call");
		} else if (strcmp(parts.items[n], "ignorestatus=true") == 0) {
			r->ignore_status = true;
		} else if (strcmp(parts.items[n], "ignorestatus=false") != 0) {
			return error_set(e, ERR_USAGE,
			    "--call: '%s' is neither format=FORMAT nor ignorestatus=BOOL",
			    parts.items[n]);
		}
	}
	return 0;
}

static int
answer(const struct request *r, const struct build_options *options)
{
	auto(buf) struct buf out = { 0 };
	struct error e = ERROR_INIT;
	bool found = false;
	int status;

	if (build_call(options, r->call, r->format, &out, &found, &e) < 0)
		return command_fail(&e);
	status = command_print(&out);
	if (status != 0)
		return status;
	return found && !r->ignore_status ? STATUS_FOUND : 0;
}

/* ---- croze build --call ---- */

bool
call_wanted(const struct build_flags *flags)
{
	return flags->check || (flags->call != NULL && strcmp(flags->call, "build") != 0);
}

int
call_of_build(const struct build_flags *flags, const struct build_options *options)
{
	struct request r = { .call = BUILD_CALL_CHECK };
	struct error e = ERROR_INIT;

	if (flags->call != NULL && strcmp(flags->call, "build") != 0 &&
	    parse_call(flags->call, &r, &e) < 0)
		return command_fail(&e);
	if (r.describe)
		return describe_calls(r.format);
	return answer(&r, options);
}

/* ---- the commands ---- */

static int
list_rules(void)
{
	auto(buf) struct buf b = { 0 };

	for (const struct rule_def *r = rule_table; r->name != NULL; r++) {
		buf_printf(&b, "%s%s\n    %s\n", r->name,
		    r->flags & RULE_EXPERIMENTAL ? " (experimental)" : "", r->description);
		buf_printf(&b, "    %s\n", r->help);
	}
	return command_print(&b);
}

static int
command(int argc, char **argv, const struct command *self, enum build_call call)
{
	struct build_flags flags = BUILD_FLAGS_INIT;
	struct build_options options = { 0 };
	auto(strv) struct strv words = { 0 };
	struct request r = { .call = call };
	struct error e = ERROR_INIT;
	int status = 0;
	int result = options_parse(self, argc, argv, &flags, &words, &e);

	if (result == 0 && flags.rules) {
		status = list_rules();
	} else if (result == 0) {
		result = build_flags_apply(&flags, &words, &options, &e);
		if (result == 0)
			result = parse_format(flags.format, &r, &e);
		if (result == 0)
			status = answer(&r, &options);
	}
	if (result < 0)
		status = command_fail(&e);
	build_options_release(&options);
	build_flags_release(&flags);
	return status;
}

int
check_main(int argc, char **argv, const struct command *self)
{
	return command(argc, argv, self, BUILD_CALL_CHECK);
}

int
outline_main(int argc, char **argv, const struct command *self)
{
	return command(argc, argv, self, BUILD_CALL_OUTLINE);
}

int
targets_main(int argc, char **argv, const struct command *self)
{
	return command(argc, argv, self, BUILD_CALL_TARGETS);
}

int
dump_main(int argc, char **argv, const struct command *self)
{
	return command(argc, argv, self, BUILD_CALL_DUMP);
}
