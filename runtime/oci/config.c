/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - config.json of a bundle (runtime-spec, config.md): the document as a whole.
 */
#include "runtime/oci/config.h"

#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"
#include "runtime/oci/parts.h"
#include "runtime/oci/read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ID_LENGTH_MAX 255
#define NAME_MAX_LENGTH 64 /* __NEW_UTS_LEN */

void
oci_config_release(struct oci_config *c)
{
	oci_process_release(&c->process);
	oci_mounts_release(c);
	oci_linux_release(c);
	oci_hooks_release(&c->hooks);
	oci_landlock_release(&c->landlock);
	free(c->root_path);
	free(c->hostname);
	free(c->domainname);
	json_free(c->json);
	*c = (struct oci_config){ 0 };
}

static int
read_process(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *j;

	if (read_member(root, "process", "", JSON_OBJECT, &j, e) < 0)
		return -1;
	if (!j)
		return error_set(e, ERR_INPUT, "'process' is missing: there is nothing to run");
	return oci_process_read(j, "process", &c->process, e);
}

static int
read_root(const struct json *root, struct oci_config *c, struct error *e)
{
	const struct json *j;

	if (read_member(root, "root", "", JSON_OBJECT, &j, e) < 0 ||
	    read_text(j, "path", "root", &c->root_path, e) < 0 ||
	    json_read_bool(j, "readonly", "root", &c->root_readonly, e) < 0)
		return -1;
	if (!c->root_path || !*c->root_path)
		return error_set(e, ERR_INPUT, "'root.path' is missing");
	return 0;
}

static int
read_uts_name(const struct json *root, const char *key, char **name, const struct oci_config *c,
    struct error *e)
{
	if (read_text(root, key, "", name, e) < 0)
		return -1;
	if (!*name || !**name)
		return 0;
	if (strlen(*name) > NAME_MAX_LENGTH)
		return error_set(
		    e, ERR_INPUT, "'%s' is longer than %d bytes", key, NAME_MAX_LENGTH);
	if (!(c->namespaces & OCI_UTS))
		return error_set(e, ERR_INPUT, "'%s' needs a namespace of type 'uts'", key);
	return 0;
}

static int
read_version(const struct json *root, struct error *e)
{
	const char *version = NULL;

	if (json_type(root) != JSON_OBJECT)
		return error_set(e, ERR_INPUT, "it must be an object");
	if (json_read_text(root, "ociVersion", "", &version, e) < 0)
		return -1;
	if (!version || !text_starts_with(version, "1."))
		return error_set(
		    e, ERR_INPUT, "'ociVersion' must be 1.x, and is '%s'", version ? version : "");
	return 0;
}

static int
read_annotations(const struct json *root, struct oci_config *c, struct error *e)
{
	if (read_member(root, "annotations", "", JSON_OBJECT, &c->annotations, e) < 0)
		return -1;
	for (size_t i = 0; i < json_count(c->annotations); i++)
		if (!*json_key_at(c->annotations, i) || !json_text(json_at(c->annotations, i)))
			return error_set(e, ERR_INPUT,
			    "'annotations' must have strings under names that are not empty");
	return oci_landlock_read(c->annotations, &c->landlock, e);
}

static int
read_document(struct oci_config *c, struct error *e)
{
	if (read_version(c->json, e) < 0 || read_process(c->json, c, e) < 0 ||
	    read_root(c->json, c, e) < 0 || oci_mounts_read(c->json, c, e) < 0 ||
	    oci_linux_read(c->json, c, e) < 0 || oci_hooks_read(c->json, &c->hooks, e) < 0 ||
	    read_annotations(c->json, c, e) < 0 ||
	    read_uts_name(c->json, "hostname", &c->hostname, c, e) < 0)
		return -1;
	return read_uts_name(c->json, "domainname", &c->domainname, c, e);
}

int
oci_config_parse(const char *text, size_t length, struct oci_config *c, struct error *e)
{
	*c = (struct oci_config){ 0 };
	oci_resources_init(&c->resources);
	c->json = json_parse(text, length, e);
	if (c->json && read_document(c, e) == 0)
		return 0;
	if (c->json)
		oci_section(e);
	oci_config_release(c);
	return error_ctx(e, "config.json");
}

int
oci_config_read(int bundle, struct oci_config *c, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (path_read_file(bundle, "config.json", &text, JSON_MAX_BYTES, e) < 0)
		return -1;
	return oci_config_parse(buf_text(&text), text.len, c, e);
}

int
oci_check_id(const char *id, struct error *e)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)id[i]) && !strchr("_+.-", id[i]))
			return error_set(
			    e, ERR_USAGE, "a container's name has letters, digits and _+.- only");
	if (length == 0 || length > ID_LENGTH_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return error_set(e, ERR_USAGE, "'%.40s' is no name for a container", id);
	return 0;
}
