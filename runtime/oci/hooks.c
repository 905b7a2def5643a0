/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks - programs that are run as the life of a container goes on (runtime-spec, config.md, "POSIX-platform Hooks").
 */
#include "runtime/base/mem.h"
#include "runtime/oci/parts.h"
#include "runtime/oci/read.h"

#include <stdlib.h>

const char *const oci_hook_names[OCI_HOOK_KINDS] = {
	[OCI_PRESTART] = "prestart",
	[OCI_CREATE_RUNTIME] = "createRuntime",
	[OCI_CREATE_CONTAINER] = "createContainer",
	[OCI_START_CONTAINER] = "startContainer",
	[OCI_POSTSTART] = "poststart",
	[OCI_POSTSTOP] = "poststop",
};

void
oci_hooks_release(struct oci_hooks *h)
{
	for (size_t kind = 0; kind < OCI_HOOK_KINDS; kind++) {
		for (size_t i = 0; i < h->count[kind]; i++) {
			free(h->items[kind][i].path);
			strv_release(&h->items[kind][i].args);
			strv_release(&h->items[kind][i].env);
		}
		free(h->items[kind]);
	}
}

static int
read_hook(const struct json *j, const char *path, struct oci_hook *h, struct error *e)
{
	uint64_t timeout = 0;

	if (read_text(j, "path", path, &h->path, e) < 0 ||
	    json_read_strv(j, "args", path, &h->args, e) < 0 ||
	    json_read_strv(j, "env", path, &h->env, e) < 0 ||
	    read_u64(j, "timeout", path, 1, 1U << 30, &timeout, e) < 0)
		return -1;
	if (!h->path || h->path[0] != '/')
		return error_set(e, ERR_INPUT, "'%s.path' must be an absolute path", path);
	if (h->args.count == 0)
		strv_add(&h->args, h->path);
	h->env_given = json_type(json_get(j, "env")) == JSON_ARRAY;
	h->timeout = (uint32_t)timeout;
	return 0;
}

int
oci_hooks_read(const struct json *root, struct oci_hooks *h, struct error *e)
{
	const struct json *hooks;

	if (read_member(root, "hooks", "", JSON_OBJECT, &hooks, e) < 0)
		return -1;
	for (size_t kind = 0; kind < OCI_HOOK_KINDS; kind++) {
		autofree char *path = xasprintf("hooks.%s", oci_hook_names[kind]);
		const struct json *list;

		if (read_member(hooks, oci_hook_names[kind], "hooks", JSON_ARRAY, &list, e) < 0)
			return -1;
		h->items[kind] = xcalloc(json_count(list) + 1, sizeof(struct oci_hook));
		for (size_t i = 0; i < json_count(list); i++) {
			autofree char *item = read_item(list, i, path, e);

			h->count[kind] = i + 1;
			if (!item || read_hook(json_at(list, i), item, &h->items[kind][i], e) < 0)
				return -1;
		}
	}
	return 0;
}
