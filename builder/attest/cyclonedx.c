/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cyclonedx - a bill of materials as CycloneDX 1.6 (ECMA-424), JSON.
 */
#include "builder/attest/licence.h"
#include "builder/attest/sbom.h"
#include "runtime/base/mem.h"

#include <string.h>

#define IMAGE_REF "image"
#define SYSTEM_REF "operating-system"

static const struct {
	const char *ours;
	const char *theirs;
} algorithms[] = { { "sha1:", "SHA-1" }, { "sha256:", "SHA-256" }, { "sha384:", "SHA-384" },
	{ "sha512:", "SHA-512" } };

static void
add_hash(struct json *component, const char *checksum)
{
	for (size_t n = 0; checksum && n < ARRAY_LEN(algorithms); n++) {
		size_t length = strlen(algorithms[n].ours);
		struct json *hash;

		if (strncmp(checksum, algorithms[n].ours, length) != 0)
			continue;
		hash =
		    json_append(json_set(component, "hashes", json_new_array()), json_new_object());
		json_set_text(hash, "alg", algorithms[n].theirs);
		json_set_text(hash, "content", checksum + length);
		return;
	}
}

static void
add_licence(struct json *component, const char *text)
{
	autofree char *spelled = NULL;
	struct json *choice, *licence;
	enum licence_kind kind;

	if (!text)
		return;
	kind = licence_read(text, &spelled);
	choice = json_append(json_set(component, "licenses", json_new_array()), json_new_object());
	if (kind == LICENCE_EXPRESSION) {
		json_set_text(choice, "expression", spelled);
		return;
	}
	licence = json_set(choice, "license", json_new_object());
	json_set_text(licence, kind == LICENCE_ID ? "id" : "name", spelled ? spelled : text);
}

static void
add_property(struct json *properties, const char *name, const char *value)
{
	struct json *property = json_append(properties, json_new_object());

	json_set_text(property, "name", name);
	json_set_text(property, "value", value);
}

static void
add_actor(struct json *component, const struct package *p)
{
	struct json *actor;

	if (!p->supplier)
		return;
	if (p->type == PACKAGE_NPM || p->type == PACKAGE_PYPI)
		actor = json_append(
		    json_set(component, "authors", json_new_array()), json_new_object());
	else
		actor = json_set(component, "supplier", json_new_object());
	json_set_text(actor, "name", p->supplier);
}

static void
add_places(struct json *component, const struct package *p)
{
	struct json *evidence = json_set(component, "evidence", json_new_object());
	struct json *list = json_set(evidence, "occurrences", json_new_array());

	for (size_t n = 0; n < p->locations.count; n++)
		json_set_text(
		    json_append(list, json_new_object()), "location", p->locations.items[n]);
}

/* In the order of the standard's own examples. */
static struct json *
make_component(const struct package *p)
{
	bool has_group = p->space && p->type == PACKAGE_NPM;
	autofree char *name = has_group ? xstrdup(p->name) : package_full_name(p);
	struct json *component = json_new_object(), *reference;

	json_set_text(component, "type", "library");
	json_set_text(component, "bom-ref", p->purl);
	add_actor(component, p);
	if (has_group)
		json_set_text(component, "group", p->space);
	json_set_text(component, "name", name);
	if (p->version)
		json_set_text(component, "version", p->version);
	add_hash(component, p->checksum);
	add_licence(component, p->licence);
	json_set_text(component, "purl", p->purl);
	if (sbom_is_address(p->homepage)) {
		reference = json_append(
		    json_set(component, "externalReferences", json_new_array()), json_new_object());
		json_set_text(reference, "type", "website");
		json_set_text(reference, "url", p->homepage);
	}
	add_places(component, p);
	return component;
}

static struct json *
make_image(const struct sbom_subject *subject)
{
	autofree char *name = sbom_subject_name(subject);
	autofree char *purl = sbom_subject_purl(subject);
	char text[DIGEST_TEXT_LEN + 1];
	struct json *component = json_new_object();

	json_set_text(component, "type", "container");
	json_set_text(component, "bom-ref", IMAGE_REF);
	json_set_text(component, "name", name);
	json_set_text(component, "version", digest_text(subject->digest, text));
	add_hash(component, text);
	if (purl)
		json_set_text(component, "purl", purl);
	return component;
}

static struct json *
make_metadata(const struct sbom_subject *subject, const struct inventory *inv)
{
	struct json *metadata = json_new_object(), *tools, *tool, *properties;
	autofree char *time = sbom_time(&subject->created);

	json_set_text(metadata, "timestamp", time);
	tools = json_set(metadata, "tools", json_new_object());
	tool = json_append(json_set(tools, "components", json_new_array()), json_new_object());
	json_set_text(tool, "type", "application");
	json_set_text(tool, "name", "croze");
	json_set_text(tool, "version", CROZE_VERSION);
	json_set(metadata, "component", make_image(subject));
	if (inv->notes.count == 0)
		return metadata;
	properties = json_set(metadata, "properties", json_new_array());
	for (size_t n = 0; n < inv->notes.count; n++)
		add_property(properties, "croze:incomplete", inv->notes.items[n]);
	return metadata;
}

static void
add_system(struct json *components, const struct distribution *os)
{
	struct json *component;

	if (!os->id)
		return;
	component = json_append(components, json_new_object());
	json_set_text(component, "type", "operating-system");
	json_set_text(component, "bom-ref", SYSTEM_REF);
	json_set_text(component, "name", os->id);
	if (os->version)
		json_set_text(component, "version", os->version);
	if (os->title)
		json_set_text(component, "description", os->title);
}

/* The image has all of them; how they need each other is not looked at, and said so. */
static void
add_relations(struct json *document, const struct inventory *inv)
{
	struct json *dependency =
	    json_append(json_set(document, "dependencies", json_new_array()), json_new_object());
	struct json *composition, *list;

	json_set_text(dependency, "ref", IMAGE_REF);
	list = json_set(dependency, "dependsOn", json_new_array());
	if (inv->os.id)
		json_append(list, json_new_text(SYSTEM_REF));
	for (size_t n = 0; n < inv->count; n++)
		json_append(list, json_new_text(inv->packages[n].purl));
	composition =
	    json_append(json_set(document, "compositions", json_new_array()), json_new_object());
	json_set_text(composition, "aggregate", inv->notes.count ? "incomplete" : "unknown");
	json_append(
	    json_set(composition, "assemblies", json_new_array()), json_new_text(IMAGE_REF));
}

struct json *
cyclonedx_make(const struct sbom_subject *subject, const struct inventory *inv)
{
	autofree char *unique = sbom_unique_name("cyclonedx", subject, inv);
	struct json *document = json_new_object(), *components;

	json_set_text(document, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	json_set_text(document, "bomFormat", "CycloneDX");
	json_set_text(document, "specVersion", "1.6");
	json_set_text(document, "serialNumber", unique);
	json_set(document, "version", json_new_u64(1));
	json_set(document, "metadata", make_metadata(subject, inv));
	components = json_set(document, "components", json_new_array());
	add_system(components, &inv->os);
	for (size_t n = 0; n < inv->count; n++)
		json_append(components, make_component(&inv->packages[n]));
	add_relations(document, inv);
	return document;
}
