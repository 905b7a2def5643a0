/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features - what config.json may ask for, as a document (runtime-spec, features.md, features-linux.md).
 */
#include "runtime/container/features.h"

#include "runtime/base/mem.h"
#include "runtime/base/strv.h"
#include "runtime/container/options.h"
#include "runtime/oci/config.h"
#include "seccomp/compile.h"

#include <ctype.h>
#include <seccomp.h>
#include <sys/capability.h>

static struct json *
object(struct json *above, const char *key)
{
	return json_set(above, key, json_new_object());
}

static void
set_bool(struct json *above, const char *key, bool value)
{
	json_set(above, key, json_new_bool(value));
}

static void
set_enabled(struct json *above, const char *key, bool value)
{
	set_bool(object(above, key), "enabled", value);
}

static void
add_capabilities(struct json *to)
{
	auto(strv) struct strv names = { 0 };

	for (cap_value_t i = 0; i < CAP_LAST_CAP + 1; i++) {
		char *name = cap_to_name(i);

		for (char *c = name; c && *c; c++)
			*c = (char)toupper((unsigned char)*c);
		if (name)
			strv_add(&names, name);
		cap_free(name);
	}
	json_set(to, "capabilities", json_new_strv(&names));
}

static void
add_words(struct json *to, const char *key, enum seccomp_vocabulary which)
{
	auto(strv) struct strv names = { 0 };

	seccomp_words(which, &names);
	json_set(to, key, json_new_strv(&names));
}

static void
add_seccomp(struct json *to)
{
	struct json *j = object(to, "seccomp");

	set_bool(j, "enabled", true);
	add_words(j, "actions", SECCOMP_ACTIONS);
	add_words(j, "operators", SECCOMP_OPERATORS);
	add_words(j, "archs", SECCOMP_ARCHITECTURES);
	add_words(j, "knownFlags", SECCOMP_FLAGS);
	add_words(j, "supportedFlags", SECCOMP_FLAGS);
}

static void
add_linux(struct json *to)
{
	auto(strv) struct strv namespaces = { 0 };
	struct json *j = object(to, "linux");
	struct json *part;

	oci_namespace_names(&namespaces);
	json_set(j, "namespaces", json_new_strv(&namespaces));
	add_capabilities(j);
	part = object(j, "cgroup");
	set_bool(part, "v1", true);
	set_bool(part, "v2", true);
	set_bool(part, "systemd", false);
	set_bool(part, "systemdUser", false);
	set_bool(part, "rdma", true);
	add_seccomp(j);
	set_enabled(j, "apparmor", true);
	set_enabled(j, "selinux", true);
	part = object(j, "intelRdt");
	set_bool(part, "enabled", false);
	set_bool(part, "schemata", false);
	set_bool(part, "monitoring", false);
	set_enabled(j, "memoryPolicy", true);
	set_enabled(object(j, "mountExtensions"), "idmap", true);
	set_enabled(j, "netDevices", true);
}

struct json *
features_document(void)
{
	const struct scmp_version *library = seccomp_version();
	auto(strv) struct strv options = { 0 };
	autofree char *version =
	    xasprintf("%u.%u.%u", library->major, library->minor, library->micro);
	struct json *j = json_new_object();
	struct json *part;

	json_set_text(j, "ociVersionMin", "1.0.0");
	json_set_text(j, "ociVersionMax", OCI_VERSION);
	part = json_set(j, "hooks", json_new_array());
	for (size_t i = 0; i < OCI_HOOK_KINDS; i++)
		json_append(part, json_new_text(oci_hook_names[i]));
	options_names(&options);
	json_set(j, "mountOptions", json_new_strv(&options));
	add_linux(j);
	part = object(j, "annotations");
	json_set_text(part, "org.croze.version", CROZE_VERSION);
	json_set_text(part, "org.croze.landlock.enabled", "true");
	json_set_text(part, "io.github.seccomp.libseccomp.version", version);
	part = json_set(j, "potentiallyUnsafeConfigAnnotations", json_new_array());
	return j;
}
