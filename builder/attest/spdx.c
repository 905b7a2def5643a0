/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spdx - a bill of materials as SPDX 2.3, JSON.
 */
#include "builder/attest/licence.h"
#include "builder/attest/sbom.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>

#define NOTHING "NOASSERTION"
#define IMAGE_ID "SPDXRef-image"
#define SYSTEM_ID "SPDXRef-operating-system"

struct spdx {
	struct json *document;
	struct json *packages;
	struct json *relationships;
	struct map texts; /* licences that have no identifier: id → "" */
	struct json *extracted;
};

static void
relate(struct spdx *s, const char *from, const char *type, const char *to)
{
	struct json *r = json_append(s->relationships, json_new_object());

	json_set_text(r, "spdxElementId", from);
	json_set_text(r, "relationshipType", type);
	json_set_text(r, "relatedSpdxElement", to);
}

/* @id begins with what it is; letters, digits, '.' and '-' are allowed in what follows. */
static char *
make_id(const char *prefix, const char *type, const char *name, const char *unique)
{
	struct buf b = { 0 };
	struct digest d;
	char hex[DIGEST_HEX_LEN + 1];

	buf_printf(&b, "%s%s-", prefix, type);
	for (size_t n = 0; n < 40 && name[n]; n++)
		buf_add_char(&b, isalnum((unsigned char)name[n]) || name[n] == '.' ? name[n] : '-');
	digest_of(unique, strlen(unique), &d);
	buf_printf(&b, "-%.16s", digest_hex(&d, hex));
	return buf_steal(&b);
}

static void
add_reference(struct json *package, const char *purl)
{
	struct json *reference;

	if (!purl)
		return;
	reference =
	    json_append(json_set(package, "externalRefs", json_new_array()), json_new_object());
	json_set_text(reference, "referenceCategory", "PACKAGE-MANAGER");
	json_set_text(reference, "referenceType", "purl");
	json_set_text(reference, "referenceLocator", purl);
}

/* As an expression, or as a text of the document's own. */
static char *
licence_of(struct spdx *s, const char *text)
{
	char *spelled, *id;
	struct json *extracted;

	if (!text)
		return xstrdup(NOTHING);
	if (licence_read(text, &spelled) != LICENCE_TEXT)
		return spelled;
	id = make_id("LicenseRef", "", text, text);
	if (map_has(&s->texts, id))
		return id;
	(void)map_set(&s->texts, id, s);
	extracted = json_append(s->extracted, json_new_object());
	json_set_text(extracted, "licenseId", id);
	json_set_text(extracted, "name", text);
	json_set_text(extracted, "extractedText", text);
	return id;
}

static void
add_checksum(struct json *package, const char *checksum)
{
	const char *colon = checksum ? strchr(checksum, ':') : NULL;
	autofree char *name = NULL;
	struct json *entry;

	if (!colon)
		return;
	name = xstrndup(checksum, (size_t)(colon - checksum));
	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	entry = json_append(json_set(package, "checksums", json_new_array()), json_new_object());
	json_set_text(entry, "algorithm", name);
	json_set_text(entry, "checksumValue", colon + 1);
}

/* "Name <address>" is "Name (address)" there. */
static void
add_actor(struct json *package, const struct package *p)
{
	bool is_author = p->type == PACKAGE_NPM || p->type == PACKAGE_PYPI;
	autofree char *text = NULL;

	if (!p->supplier)
		return;
	text = xasprintf("%s: %s", is_author ? "Person" : "Organization", p->supplier);
	for (char *c = text; *c; c++)
		*c = *c == '<' ? '(' : *c == '>' ? ')' : *c;
	json_set_text(package, is_author ? "originator" : "supplier", text);
}

static struct json *
new_package(struct spdx *s, const char *id, const char *name, const char *version)
{
	struct json *package = json_append(s->packages, json_new_object());

	json_set_text(package, "SPDXID", id);
	json_set_text(package, "name", name);
	if (version)
		json_set_text(package, "versionInfo", version);
	json_set_text(package, "downloadLocation", NOTHING);
	json_set(package, "filesAnalyzed", json_new_bool(false));
	json_set_text(package, "licenseConcluded", NOTHING);
	json_set_text(package, "copyrightText", NOTHING);
	return package;
}

static void
add_package(struct spdx *s, const struct package *p)
{
	autofree char *name = package_full_name(p);
	autofree char *id = make_id("SPDXRef-", package_type_name(p->type), p->name, p->purl);
	autofree char *licence = licence_of(s, p->licence);
	autofree char *places = strv_join(&p->locations, ", ");
	autofree char *found = xasprintf("found in: %s", places);
	struct json *package = new_package(s, id, name, p->version);

	json_set_text(package, "licenseDeclared", licence);
	json_set_text(package, "sourceInfo", found);
	add_actor(package, p);
	if (sbom_is_address(p->homepage))
		json_set_text(package, "homepage", p->homepage);
	add_checksum(package, p->checksum);
	add_reference(package, p->purl);
	relate(s, IMAGE_ID, "CONTAINS", id);
}

static void
add_image(struct spdx *s, const struct sbom_subject *subject)
{
	autofree char *name = sbom_subject_name(subject);
	autofree char *purl = sbom_subject_purl(subject);
	char text[DIGEST_TEXT_LEN + 1], hex[DIGEST_HEX_LEN + 1];
	autofree char *checksum = xasprintf("sha256:%s", digest_hex(subject->digest, hex));
	struct json *package = new_package(s, IMAGE_ID, name, digest_text(subject->digest, text));

	json_set_text(package, "licenseDeclared", NOTHING);
	json_set_text(package, "primaryPackagePurpose", "CONTAINER");
	add_checksum(package, checksum);
	add_reference(package, purl);
	relate(s, "SPDXRef-DOCUMENT", "DESCRIBES", IMAGE_ID);
}

static void
add_system(struct spdx *s, const struct distribution *os)
{
	struct json *package;

	if (!os->id)
		return;
	/* without primaryPackagePurpose: the schemas of 2.3 and 2.3.1 spell that of a system differently */
	package = new_package(s, SYSTEM_ID, os->id, os->version);
	json_set_text(package, "licenseDeclared", NOTHING);
	if (os->title)
		json_set_text(package, "summary", os->title);
	relate(s, IMAGE_ID, "CONTAINS", SYSTEM_ID);
}

static void
add_head(struct spdx *s, const struct sbom_subject *subject, const struct inventory *inv)
{
	autofree char *name = sbom_subject_name(subject);
	autofree char *unique = sbom_unique_name("spdx", subject, inv);
	autofree char *time = sbom_time(&subject->created);
	autofree char *notes = strv_join(&inv->notes, "; ");
	struct json *info;

	json_set_text(s->document, "spdxVersion", "SPDX-2.3");
	json_set_text(s->document, "dataLicense", "CC0-1.0");
	json_set_text(s->document, "SPDXID", "SPDXRef-DOCUMENT");
	json_set_text(s->document, "name", name);
	json_set_text(s->document, "documentNamespace", unique);
	info = json_set(s->document, "creationInfo", json_new_object());
	json_set_text(info, "created", time);
	json_append(json_set(info, "creators", json_new_array()),
	    json_new_text("Tool: croze-" CROZE_VERSION));
	if (inv->notes.count > 0) {
		autofree char *comment = xasprintf("incomplete: %s", notes);

		json_set_text(s->document, "comment", comment);
	}
}

struct json *
spdx_make(const struct sbom_subject *subject, const struct inventory *inv)
{
	struct spdx s = { .document = json_new_object(),
		.packages = json_new_array(),
		.relationships = json_new_array(),
		.extracted = json_new_array() };

	add_head(&s, subject, inv);
	add_image(&s, subject);
	add_system(&s, &inv->os);
	for (size_t n = 0; n < inv->count; n++)
		add_package(&s, &inv->packages[n]);
	json_set(s.document, "packages", s.packages);
	if (json_count(s.extracted) > 0)
		json_set(s.document, "hasExtractedLicensingInfos", s.extracted);
	else
		json_free(s.extracted);
	json_set(s.document, "relationships", s.relationships);
	map_release(&s.texts);
	return s.document;
}
