/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attest - what is attached to the images of a build: the software in them, and how they were made.
 */
#include "builder/build/attest.h"

#include "builder/attest/scan.h"
#include "builder/attest/statement.h"
#include "builder/build/provenance.h"
#include "builder/import/resolve.h"
#include "runtime/base/mem.h"

#include <time.h>

static struct json *
make_sbom(struct build *b, const struct descriptor *d, struct error *e)
{
	auto(inventory) struct inventory inv = { 0 };
	auto(image) struct image image = { 0 };
	struct sbom_subject subject = { .digest = &d->digest, .platform = &d->platform };

	if (image_load(b->store, &d->digest, &d->platform, &image, e) < 0 ||
	    inventory_scan(b->store, &image.manifest, &image.config, &inv, e) < 0) {
		error_ctx(e, "the software in the image cannot be listed");
		return NULL;
	}
	subject.name = b->options->tags.count ? b->options->tags.items[0] : NULL;
	subject.created.tv_sec = b->timestamp;
	if (!b->has_timestamp)
		(void)clock_gettime(CLOCK_REALTIME, &subject.created); /* cannot fail */
	for (size_t n = 0; n < inv.notes.count; n++)
		progress_warn(
		    b->progress, "the list of software is incomplete: %s", inv.notes.items[n]);
	return sbom_make(b->options->sbom_format, &subject, &inv);
}

int
attest_image(struct build *b, size_t index, struct error *e)
{
	const struct build_options *o = b->options;
	const struct descriptor *image = &b->product.images[index].manifest;
	autojson struct json *sbom = NULL, *provenance = NULL;
	auto(descriptor) struct descriptor d = { 0 };
	struct statement statements[2];
	size_t count = 0;

	if (o->sbom) {
		sbom = make_sbom(b, image, e);
		if (!sbom)
			return -1;
		statements[count++] =
		    (struct statement){ sbom_predicate_type(o->sbom_format), sbom };
	}
	if (o->provenance != BUILD_PROVENANCE_NONE) {
		provenance = provenance_make(b);
		statements[count++] = (struct statement){ PROVENANCE_PREDICATE, provenance };
	}
	if (count == 0)
		return 0;
	if (statements_put(b->store, image, &o->tags, statements, count, &d, e) < 0)
		return -1;
	product_attach(b, &d);
	return 0;
}
