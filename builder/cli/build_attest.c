/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build_attest - --attest, --sbom and --provenance.
 */
#include "builder/cli/build_flags.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

struct fields {
	const char *type; /* of the flag, or the field */
	const char *mode;
	const char *format;
	const char *builder_id;
	const char *version;
	const char *disabled;
};

static int
take_field(const char *flag, char *field, struct fields *fields, struct error *e)
{
	const struct {
		const char *key;
		const char **member;
	} known[] = {
		{ "type", &fields->type },
		{ "mode", &fields->mode },
		{ "format", &fields->format },
		{ "builder-id", &fields->builder_id },
		{ "version", &fields->version },
		{ "disabled", &fields->disabled },
	};
	char *equals = strchr(field, '=');

	for (size_t n = 0; equals && n < ARRAY_LEN(known); n++) {
		if (strncmp(field, known[n].key, (size_t)(equals - field)) == 0 &&
		    known[n].key[equals - field] == '\0') {
			*known[n].member = equals + 1;
			return 0;
		}
	}
	error_set(e, ERR_USAGE, "%s: '%s' is not supported", flag, field);
	if (text_starts_with(field, "generator"))
		return error_hint(e,
		    "croze has a scanner of its own; another one can be run on the "
		    "image");
	return error_hint(e, "there is type=sbom[,format=spdx-json|cyclonedx-json] and "
			     "type=provenance[,mode=min|max][,builder-id=URI]");
}

static int
apply_sbom(const char *flag, const struct fields *f, struct build_options *options, struct error *e)
{
	if (f->mode || f->builder_id || f->version)
		return error_set(
		    e, ERR_USAGE, "%s: an sbom has no mode, builder-id or version", flag);
	options->sbom = true;
	if (!f->format)
		return 0;
	for (enum sbom_format n = 0; sbom_format_name(n); n++) {
		if (strcmp(f->format, sbom_format_name(n)) == 0) {
			options->sbom_format = n;
			return 0;
		}
	}
	return error_set(e, ERR_USAGE,
	    "%s: 'format=%s' is not supported; there are spdx-json and cyclonedx-json", flag,
	    f->format);
}

static int
apply_provenance(
    const char *flag, const struct fields *f, struct build_options *options, struct error *e)
{
	if (f->format)
		return error_set(e, ERR_USAGE, "%s: provenance has no format", flag);
	if (f->version && strcmp(f->version, "v1") != 0)
		return error_set(e, ERR_USAGE, "%s: 'version=%s' is not supported; SLSA's v1 is",
		    flag, f->version);
	if (f->mode && strcmp(f->mode, "min") != 0 && strcmp(f->mode, "max") != 0)
		return error_set(
		    e, ERR_USAGE, "%s: 'mode=%s' is neither min nor max", flag, f->mode);
	options->provenance =
	    f->mode && strcmp(f->mode, "max") == 0 ? BUILD_PROVENANCE_MAX : BUILD_PROVENANCE_MIN;
	if (f->builder_id) {
		if (!strchr(f->builder_id, ':'))
			return error_set(
			    e, ERR_USAGE, "%s: 'builder-id=%s' is no URI", flag, f->builder_id);
		free(options->builder_id);
		options->builder_id = xstrdup(f->builder_id);
	}
	return 0;
}

static int
apply(const char *flag, const struct fields *f, struct build_options *options, struct error *e)
{
	bool is_sbom = f->type && strcmp(f->type, "sbom") == 0;

	if (!is_sbom && (!f->type || strcmp(f->type, "provenance") != 0))
		return error_set(e, ERR_USAGE, "%s: 'type' must be sbom or provenance", flag);
	if (!f->disabled || strcmp(f->disabled, "false") == 0)
		return is_sbom ? apply_sbom(flag, f, options, e)
		               : apply_provenance(flag, f, options, e);
	if (strcmp(f->disabled, "true") != 0)
		return error_set(
		    e, ERR_USAGE, "%s: 'disabled=%s' is neither true nor false", flag, f->disabled);
	if (is_sbom)
		options->sbom = false;
	else
		options->provenance = BUILD_PROVENANCE_NONE;
	return 0;
}

static int
parse(const char *flag, const char *type, const char *text, struct build_options *options,
    struct error *e)
{
	struct fields fields = { .type = type };
	auto(strv) struct strv parts = { 0 };

	strv_split(&parts, text, ',');
	for (size_t n = 0; n < parts.count; n++) {
		char *part = parts.items[n];

		/* the short forms: --sbom=true, --provenance=max */
		if (type && n == 0 && (strcmp(part, "true") == 0 || strcmp(part, "1") == 0))
			continue;
		if (type && n == 0 && (strcmp(part, "false") == 0 || strcmp(part, "0") == 0))
			fields.disabled = "true";
		else if (type && n == 0 && (strcmp(part, "min") == 0 || strcmp(part, "max") == 0))
			fields.mode = part;
		else if (take_field(flag, part, &fields, e) < 0)
			return -1;
	}
	return apply(flag, &fields, options, e);
}

int
build_attest_apply(const struct build_flags *flags, struct build_options *options, struct error *e)
{
	for (size_t n = 0; n < flags->attest.count; n++)
		if (parse("--attest", NULL, flags->attest.items[n], options, e) < 0)
			return -1;
	if (flags->sbom && parse("--sbom", "sbom", flags->sbom, options, e) < 0)
		return -1;
	if (flags->provenance &&
	    parse("--provenance", "provenance", flags->provenance, options, e) < 0)
		return -1;
	if (!options->sbom && options->provenance == BUILD_PROVENANCE_NONE)
		return 0;
	if (options->discard)
		return error_set(
		    e, ERR_USAGE, "--attest: type=cacheonly makes no image to say something of");
	for (size_t n = 0; n < options->n_outputs; n++) {
		if (options->outputs[n].kind != BUILD_OUTPUT_DOCKER)
			continue;
		error_set(e, ERR_USAGE, "--output: type=docker has no place for attestations");
		return error_hint(e, "type=oci holds them");
	}
	return 0;
}
