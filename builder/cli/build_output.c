/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_output - the grammar of --output.
 *
 * Short forms: "-" is a tar of the files on the output stream, PATH.tar an image archive, any other PATH a directory that gets
 * the files. The long form is a list of KEY=VALUE with commas between.
 */
#include "builder/cli/build_flags.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <unistd.h>

struct output_fields {
	const char *type;
	const char *dest;
	const char *name;
	const char *tar;
	const char *push;
	const char *split;
	const char *compression;
	const char *compression_level;
};

static const struct {
	const char *name;
	enum build_output_kind kind;
} types[] = {
	{ "oci", BUILD_OUTPUT_OCI },
	{ "docker", BUILD_OUTPUT_DOCKER },
	{ "local", BUILD_OUTPUT_LOCAL },
	{ "tar", BUILD_OUTPUT_TAR },
	{ "image", BUILD_OUTPUT_STORE },
	{ "cacheonly", BUILD_OUTPUT_NONE },
};

/* Keys that ask for what is done anyway when they have this value, and for what cannot be done when not. */
static const struct {
	const char *key;
	const char *value;
	const char *instead;
} fixed_keys[] = {
	{ "push-by-digest", "false", "nothing is pushed" },
	{ "unpack", "false", "croze run unpacks what it needs" },
	{ "store", "true", "use type=cacheonly" },
	{ "oci-mediatypes", "true", "type=docker writes docker's" },
	{ "force-compression", "false", "layers of base images are passed on as they are" },
	{ "rewrite-timestamp", "true",
	    "--timestamp and SOURCE_DATE_EPOCH bound the times in layers too; without them none is "
	    "changed" },
	{ "name-canonical", "false", "names have no digest in them" },
};

static void
add_output(struct build_options *options, const struct build_output *output)
{
	options->outputs =
	    xrealloc(options->outputs, options->n_outputs + 1, sizeof(*options->outputs));
	options->outputs[options->n_outputs++] = *output;
}

static int
parse_fixed(const char *key, const char *value, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed_keys); i++) {
		if (strcmp(key, fixed_keys[i].key) != 0)
			continue;
		if (strcmp(value, fixed_keys[i].value) == 0)
			return 0;
		error_set(e, ERR_USAGE, "--output: '%s=%s' is not supported", key, value);
		return error_hint(e, "%s", fixed_keys[i].instead);
	}
	return error_set(e, ERR_USAGE,
	    "--output: unknown key '%s'; keys are type, dest, name, push, tar, compression, "
	    "compression-level, annotation.KEY",
	    key);
}

/* "annotation.KEY", "annotation-index.KEY", "annotation-manifest[linux/arm64].KEY": as --annotation in its own spelling. */
static int
parse_annotation(const char *key, const char *value, struct build_options *options, struct error *e)
{
	const char *what = key + strlen("annotation");
	const char *end = strchr(what, ']');
	const char *dot = strchr(end ? end : what, '.');
	autofree char *text = NULL;

	if (dot == NULL || (*what != '.' && *what != '-' && *what != '['))
		return parse_fixed(key, value, e);
	text = xasprintf("%s%.*s%s%s=%s", *what == '[' ? "manifest" : "",
	    (int)(dot - what - (*what == '-')), what + (*what == '-'), dot == what ? "" : ":",
	    dot + 1, value);
	return build_annotation_parse(text, options, e);
}

static int
parse_field(const char *key, const char *value, struct output_fields *fields,
    struct build_options *options, struct error *e)
{
	const struct {
		const char *key;
		const char **member;
	} members[] = {
		{ "type", &fields->type },
		{ "dest", &fields->dest },
		{ "name", &fields->name },
		{ "tar", &fields->tar },
		{ "push", &fields->push },
		{ "platform-split", &fields->split },
		{ "compression", &fields->compression },
		{ "compression-level", &fields->compression_level },
	};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if (strcmp(key, members[i].key) == 0) {
			*members[i].member = value;
			return 0;
		}
	}
	if (text_starts_with(key, "annotation"))
		return parse_annotation(key, value, options, e);
	return parse_fixed(key, value, e);
}

static int
find_type(const char *type, enum build_output_kind *kind, struct error *e)
{
	if (type == NULL)
		return error_set(e, ERR_USAGE,
		    "--output: 'type' is missing: oci, docker, local, tar, image or cacheonly");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(type, types[i].name) == 0) {
			*kind = types[i].kind;
			return 0;
		}
	}
	if (strcmp(type, "registry") == 0) {
		*kind = BUILD_OUTPUT_STORE;
		return 0;
	}
	return error_set(e, ERR_USAGE,
	    "--output: unknown type '%s'; types are oci, docker, local, tar, image, registry, "
	    "cacheonly",
	    type);
}

/* Where it goes; archives go to the output stream when nothing else is said. */
static int
set_dest(struct build_output *output, const struct output_fields *fields, struct error *e)
{
	bool in_store = output->kind == BUILD_OUTPUT_STORE || output->kind == BUILD_OUTPUT_NONE;
	const char *dest = fields->dest;

	if (in_store && dest != NULL)
		return error_set(
		    e, ERR_USAGE, "--output: 'dest' has no meaning with type=%s", fields->type);
	if (in_store)
		return 0;
	if (dest != NULL && *dest == '\0')
		return error_set(e, ERR_USAGE, "--output: 'dest' is empty");
	if (dest == NULL && (output->kind == BUILD_OUTPUT_LOCAL || output->directory))
		return error_set(e, ERR_USAGE, "--output: 'dest' is missing");
	if (dest == NULL)
		dest = "-";
	if (strcmp(dest, "-") == 0 && (output->kind == BUILD_OUTPUT_LOCAL || output->directory))
		return error_set(
		    e, ERR_USAGE, "--output: a directory cannot go to the output stream");
	if (strcmp(dest, "-") == 0 && isatty(STDOUT_FILENO) == 1)
		return error_set(e, ERR_USAGE,
		    "--output: an archive is not written to a terminal; add dest=FILE or redirect "
		    "it");
	if (output->kind == BUILD_OUTPUT_OCI && text_ends_with(dest, "/"))
		output->directory = true;
	output->dest = xstrdup(dest);
	return 0;
}

static int
set_tar(struct build_output *output, const struct output_fields *fields, struct error *e)
{
	if (fields->tar == NULL)
		return 0;
	if (strcmp(fields->tar, "true") == 0 && output->kind != BUILD_OUTPUT_LOCAL)
		return 0;
	if (strcmp(fields->tar, "false") == 0 && output->kind == BUILD_OUTPUT_OCI) {
		output->directory = true;
		return 0;
	}
	return error_set(
	    e, ERR_USAGE, "--output: 'tar=%s' does not go with type=%s", fields->tar, fields->type);
}

static int
set_compression(const struct output_fields *fields, struct build_options *options, struct error *e)
{
	uint64_t level;

	if (fields->compression != NULL &&
	    build_compression_parse(fields->compression, &options->compression, e) < 0)
		return error_ctx(e, "--output");
	if (fields->compression_level == NULL)
		return 0;
	if (parse_u64(fields->compression_level, 0, 22, "compression-level", &level, e) < 0)
		return error_ctx(e, "--output");
	options->compression_level = (int)level;
	return 0;
}

static int
set_push(struct build_output *output, const struct output_fields *fields, struct error *e)
{
	output->push = strcmp(fields->type, "registry") == 0;
	if (fields->push == NULL)
		return 0;
	if (strcmp(fields->push, "true") != 0 && strcmp(fields->push, "false") != 0)
		return error_set(
		    e, ERR_USAGE, "--output: 'push=%s' is neither true nor false", fields->push);
	if (output->kind != BUILD_OUTPUT_STORE && strcmp(fields->push, "true") == 0)
		return error_set(
		    e, ERR_USAGE, "--output: 'push' does not go with type=%s", fields->type);
	output->push = strcmp(fields->push, "true") == 0;
	return 0;
}

static int
set_split(struct build_output *output, const struct output_fields *fields, struct error *e)
{
	if (fields->split == NULL || strcmp(fields->split, "true") == 0)
		return 0;
	output->not_split = strcmp(fields->split, "false") == 0;
	if (!output->not_split)
		return error_set(e, ERR_USAGE,
		    "--output: 'platform-split=%s' is neither true nor false", fields->split);
	return 0;
}

static int
parse_long(const char *text, struct build_options *options, struct error *e)
{
	auto(strv) struct strv parts = { 0 };
	struct output_fields fields = { 0 };
	struct build_output output = { 0 };

	strv_split(&parts, text, ',');
	for (size_t i = 0; i < parts.count; i++) {
		char *equals = strchr(parts.items[i], '=');

		if (equals == NULL)
			return error_set(
			    e, ERR_USAGE, "--output: '%s' is not KEY=VALUE", parts.items[i]);
		*equals = '\0';
		if (parse_field(parts.items[i], equals + 1, &fields, options, e) < 0)
			return -1;
	}
	if (find_type(fields.type, &output.kind, e) < 0 || set_tar(&output, &fields, e) < 0 ||
	    set_push(&output, &fields, e) < 0 || set_split(&output, &fields, e) < 0 ||
	    set_compression(&fields, options, e) < 0 ||
	    set_dest(&output, &fields, e) < 0) /* the last: @output owns it */
		return -1;
	output.name = fields.name != NULL ? xstrdup(fields.name) : NULL;
	add_output(options, &output);
	return 0;
}

int
build_output_parse(const char *text, struct build_options *options, struct error *e)
{
	struct output_fields fields = { .type = "tar", .dest = text };
	struct build_output output = { .kind = BUILD_OUTPUT_TAR };

	if (strchr(text, '=') != NULL)
		return parse_long(text, options, e);
	if (*text == '\0')
		return error_set(e, ERR_USAGE, "--output: empty value");
	if (text_ends_with(text, ".tar"))
		output.kind = BUILD_OUTPUT_HYBRID;
	else if (strcmp(text, "-") != 0)
		output.kind = BUILD_OUTPUT_LOCAL;
	if (set_dest(&output, &fields, e) < 0)
		return -1;
	add_output(options, &output);
	return 0;
}
