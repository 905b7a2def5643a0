/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - policy.json: whether an image may be pulled.
 */
#include "builder/registry/policy.h"

#include "builder/registry/files.h"
#include "runtime/base/mem.h"

#include <string.h>

static int
check_requirement(const struct json *requirement, const char *name, struct error *e)
{
	const char *type = json_text(json_get(requirement, "type"));

	if (!type)
		return error_set(e, ERR_INPUT, "a requirement without a type");
	if (strcmp(type, "insecureAcceptAnything") == 0) {
		if (json_count(requirement) != 1)
			return error_set(e, ERR_INPUT,
			    "'insecureAcceptAnything' with a member that is not known");
		return 0;
	}
	if (strcmp(type, "reject") == 0)
		return error_set(e, ERR_POLICY, "it rejects '%s'", name);
	if (strcmp(type, "signedBy") == 0 || strcmp(type, "sigstoreSigned") == 0) {
		error_set(e, ERR_POLICY,
		    "it demands a signature of '%s' (%s), which croze cannot check", name, type);
		return error_hint(
		    e, "skopeo copy docker://%s oci:DIR checks it; croze import DIR then", name);
	}
	return error_set(e, ERR_POLICY, "requirement '%s' for '%s' is not known", type, name);
}

static int
check_list(const struct json *list, const char *name, struct error *e)
{
	if (json_type(list) != JSON_ARRAY || json_count(list) == 0)
		return error_set(e, ERR_INPUT, "a scope without requirements");
	for (size_t i = 0; i < json_count(list); i++)
		if (check_requirement(json_at(list, i), name, e) < 0)
			return -1;
	return 0;
}

/* The most particular scope that is there: name, repository, each namespace, host, "*.domain" of each length, "". */
static const struct json *
find_scope(const struct json *scopes, const struct reference *r)
{
	autofree char *whole = reference_text(r);
	autofree char *path = reference_repository(r);
	const struct json *found = json_get(scopes, whole);
	char *slash;

	while (!found) {
		found = json_get(scopes, path);
		slash = strrchr(path, '/');
		if (found || !slash)
			break;
		*slash = '\0';
	}
	for (const char *dot = strchr(r->domain, '.'); !found && dot; dot = strchr(dot + 1, '.')) {
		autofree char *wild = xasprintf("*%s", dot);

		found = json_get(scopes, wild);
	}
	return found ? found : json_get(scopes, "");
}

static int
check_file(const struct json *policy, const struct reference *r, struct error *e)
{
	autofree char *name = reference_text(r);
	const struct json *transports = json_get(policy, "transports");
	const struct json *found;

	for (size_t i = 0; i < json_count(policy); i++)
		if (strcmp(json_key_at(policy, i), "default") != 0 &&
		    strcmp(json_key_at(policy, i), "transports") != 0)
			return error_set(
			    e, ERR_INPUT, "unknown member '%s'", json_key_at(policy, i));
	if (!json_get(policy, "default"))
		return error_set(e, ERR_INPUT, "'default' is missing");
	found = find_scope(json_get(transports, "docker"), r);
	return check_list(found ? found : json_get(policy, "default"), name, e);
}

int
policy_check(const struct reference *r, struct error *e)
{
	autofree char *own = files_config("containers/policy.json");
	const char *path = own;
	autojson struct json *policy = NULL;
	int found = files_read_json(own, &policy, e);

	if (found == 0) {
		path = "/etc/containers/policy.json";
		found = files_read_json(path, &policy, e);
	}
	if (found <= 0)
		return found;
	if (check_file(policy, r, e) < 0)
		return error_ctx(e, "policy '%s'", path);
	return 0;
}
