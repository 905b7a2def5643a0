/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbom - croze sbom: the software that an image holds, as a table or as a bill of materials.
 */
#include "builder/attest/sbom.h"

#include "builder/attest/scan.h"
#include "builder/cli/commands.h"
#include "builder/cli/show.h"
#include "builder/image/reference.h"
#include "builder/output/file.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sbom_flags {
	const char *root;
	const char *format;
	const char *output;
	const char *platform;
	const char *timestamp;
};

#define MEMBER(name) offsetof(struct sbom_flags, name)

const struct option_def sbom_option_table[] = {
	{ .name = "format",
	    .type = OPTION_CHOICE,
	    .offset = MEMBER(format),
	    .argument = "FORMAT",
	    .choices = "text|spdx-json|cyclonedx-json",
	    .help = "text, spdx-json (SPDX 2.3) or cyclonedx-json (CycloneDX 1.6)" },
	{ .name = "output",
	    .short_name = 'o',
	    .type = OPTION_TEXT,
	    .offset = MEMBER(output),
	    .argument = "FILE",
	    .help = "write to FILE instead of the standard output" },
	{ .name = "platform",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(platform),
	    .argument = "OS/ARCH",
	    .help = "of an image for several platforms (default: this machine's)" },
	{ .name = "timestamp",
	    .type = OPTION_TEXT,
	    .offset = MEMBER(timestamp),
	    .argument = "SECONDS",
	    .help = "time of the document (default: SOURCE_DATE_EPOCH, else now)" },
	ROOT_OPTION,
	{ 0 },
};

static int
set_time(const struct sbom_flags *flags, struct timespec *time, struct error *e)
{
	const char *from = "--timestamp", *text = flags->timestamp;
	int64_t seconds;

	if (!text) {
		from = "SOURCE_DATE_EPOCH";
		text = getenv(from);
	}
	if (!text || !*text) {
		(void)clock_gettime(CLOCK_REALTIME, time); /* cannot fail */
		return 0;
	}
	if (parse_i64(text, 0, 253402300799, from, &seconds, e) < 0)
		return -1;
	*time = (struct timespec){ .tv_sec = seconds };
	return 0;
}

static void
write_table(const struct inventory *inv, struct buf *b)
{
	static const char *const headings[] = { "TYPE", "NAME", "VERSION", "LICENCE" };
	auto(table) struct table table = { .n_columns = ARRAY_LEN(headings) };

	for (size_t n = 0; n < ARRAY_LEN(headings); n++)
		table_add(&table, headings[n]);
	for (size_t n = 0; n < inv->count; n++) {
		const struct package *p = &inv->packages[n];
		autofree char *name = package_full_name(p);

		table_add(&table, package_type_name(p->type));
		table_add(&table, name);
		table_add(&table, p->version ? p->version : "");
		table_add(&table, p->licence ? p->licence : "");
	}
	table_write(&table, b);
}

static void
write_document(const struct sbom_flags *flags, const struct sbom_subject *subject,
    const struct inventory *inv, struct buf *b)
{
	for (enum sbom_format n = 0; sbom_format_name(n); n++) {
		if (strcmp(flags->format, sbom_format_name(n)) == 0) {
			autojson struct json *document = sbom_make(n, subject, inv);

			json_write(document, JSON_INDENT, b);
		}
	}
}

static int
write_file(const char *path, const struct buf *b, struct error *e)
{
	struct output_target target = { .dest = path, .stream = STDOUT_FILENO };
	struct out_file file = OUT_FILE_INIT;
	int ok = out_file_open(&file, &target, e);

	if (ok == 0)
		ok = fd_write_all(file.fd, b->data, b->len, e);
	if (ok == 0)
		ok = out_file_commit(&file, e);
	out_file_release(&file);
	return ok;
}

/* What the user called it, when that is a name. */
static char *
name_of(const char *text)
{
	auto(reference) struct reference r = { 0 };
	struct error ignored = ERROR_INIT; /* a file or an ID is no name */

	if (image_is_outside(text) || reference_parse(text, &r, &ignored) < 0)
		return NULL;
	return reference_text(&r);
}

static int
sbom(void *arg, const struct strv *words, struct buf *b, struct error *e)
{
	const struct sbom_flags *flags = arg;
	auto(inventory) struct inventory inv = { 0 };
	auto(platform) struct platform platform = { 0 };
	auto(image) struct image image = { 0 };
	autostore struct store *store = NULL;
	struct sbom_subject subject = { 0 };
	autofree char *name = NULL;

	if (words->count != 1)
		return error_set(e, ERR_USAGE, "name one image");
	if (set_time(flags, &subject.created, e) < 0 ||
	    (flags->platform && platform_parse(flags->platform, &platform, e) < 0))
		return -1;
	store = store_open(flags->root, 0, e);
	if (!store || image_resolve(store, words->items[0], flags->platform ? &platform : NULL,
			  &image, e) < 0)
		return -1;
	if (inventory_scan(store, &image.manifest, &image.config, &inv, e) < 0)
		return error_ctx(e, "image '%s'", words->items[0]);
	name = name_of(words->items[0]);
	subject.name = name;
	subject.digest = &image.descriptor.digest;
	subject.platform = &image.config.platform;
	if (!flags->format || strcmp(flags->format, "text") == 0)
		write_table(&inv, b);
	else
		write_document(flags, &subject, &inv, b);
	for (size_t n = 0; n < inv.notes.count; n++)
		fprintf(stderr, "croze: warning: %s\n", inv.notes.items[n]);
	if (!flags->output || strcmp(flags->output, "-") == 0)
		return 0;
	if (write_file(flags->output, b, e) < 0)
		return -1;
	buf_clear(b);
	return 0;
}

int
sbom_main(int argc, char **argv, const struct command *self)
{
	struct sbom_flags flags = { 0 };

	return command_perform(self, argc, argv, &flags, sbom);
}
