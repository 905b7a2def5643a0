/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features - croze-runtime features: what config.json may ask for, as JSON (runtime-spec, features.md).
 */
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/cli/commands.h"
#include "runtime/oci/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>

static struct json *
texts(const char *const *list)
{
	struct json *j = json_new_array();

	for (; *list; list++)
		json_append(j, json_new_text(*list));
	return j;
}

static struct json *
capabilities(void)
{
	struct json *j = json_new_array();

	for (cap_value_t i = 0; i < cap_max_bits(); i++) {
		char *name = cap_to_name(i);

		for (char *c = name; c && *c; c++)
			*c = (char)toupper((unsigned char)*c);
		if (name)
			json_append(j, json_new_text(name));
		cap_free(name);
	}
	return j;
}

static struct json *
features(void)
{
	static const char *const namespaces[] = { "cgroup", "ipc", "mount", "network", "pid",
		"user", "uts", NULL };
	struct json *j = json_new_object();
	struct json *part;

	json_set_text(j, "ociVersionMin", "1.0.0");
	json_set_text(j, "ociVersionMax", OCI_VERSION);
	part = json_set(j, "linux", json_new_object());
	json_set(part, "namespaces", texts(namespaces));
	json_set(part, "capabilities", capabilities());
	json_set(json_set(part, "apparmor", json_new_object()), "enabled", json_new_bool(false));
	json_set(json_set(part, "selinux", json_new_object()), "enabled", json_new_bool(false));
	part = json_set(j, "annotations", json_new_object());
	json_set_text(part, "org.croze.version", CROZE_VERSION);
	return j;
}

static int
run_features(int argc, char **argv, const struct command *self)
{
	auto(strv) struct strv words = { 0 };
	auto(buf) struct buf text = { 0 };
	autojson struct json *j = NULL;
	struct error e = ERROR_INIT;
	int parsed = options_parse(self, argc, argv, NULL, &words, &e);

	if (parsed != 0)
		return parsed > 0 ? 0 : command_fail(&e);
	if (words.count > 0) {
		error_set(&e, ERR_USAGE, "features takes no arguments");
		return command_fail(&e);
	}
	j = features();
	json_write(j, JSON_INDENT, &text);
	(void)fputs(buf_text(&text), stdout); /* command_main() looks at its result */
	return 0;
}

const struct command command_features = {
	.name = "features",
	.summary = "print what config.json may ask for, as JSON",
	.run = run_features,
};
