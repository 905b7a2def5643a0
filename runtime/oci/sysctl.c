/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl - which kernel parameters belong to a namespace (runtime-spec, config-linux.md, "Sysctl").
 *
 * Anything else would change the host, and so is refused whatever rights the caller has.
 */
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/oci/parts.h"

#include <string.h>

static const struct {
	const char *prefix; /* with a dot at the end: all that is below */
	unsigned int namespace;
	const char *name;
} parameters[] = {
	{ "net.", OCI_NETWORK, "network" },
	{ "fs.mqueue.", OCI_IPC, "ipc" },
	{ "kernel.msgmax", OCI_IPC, "ipc" },
	{ "kernel.msgmnb", OCI_IPC, "ipc" },
	{ "kernel.msgmni", OCI_IPC, "ipc" },
	{ "kernel.msg_next_id", OCI_IPC, "ipc" },
	{ "kernel.sem", OCI_IPC, "ipc" },
	{ "kernel.sem_next_id", OCI_IPC, "ipc" },
	{ "kernel.shmall", OCI_IPC, "ipc" },
	{ "kernel.shmmax", OCI_IPC, "ipc" },
	{ "kernel.shmmni", OCI_IPC, "ipc" },
	{ "kernel.shm_next_id", OCI_IPC, "ipc" },
	{ "kernel.shm_rmid_forced", OCI_IPC, "ipc" },
	{ "kernel.hostname", OCI_UTS, "uts" },
	{ "kernel.domainname", OCI_UTS, "uts" },
	{ "user.", OCI_USER, "user" },
};

static bool
matches(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	if (prefix[length - 1] == '.')
		return strncmp(name, prefix, length) == 0;
	return strcmp(name, prefix) == 0;
}

int
oci_sysctl_check(const struct oci_config *c, struct error *e)
{
	for (size_t i = 0; i < c->sysctl.count; i++) {
		const char *item = c->sysctl.items[i];
		autofree char *name = xstrndup(item, (size_t)(strchr(item, '=') - item));
		autofree char *dotted = xstrdup(name);
		const char *first = strpbrk(name, "./");
		size_t k = 0;

		for (char *p = dotted; first && *first == '/' && *p; p++)
			*p = *p == '/' ? '.' : *p;
		while (k < ARRAY_LEN(parameters) && !matches(dotted, parameters[k].prefix))
			k++;
		if (k == ARRAY_LEN(parameters))
			return error_set(e, ERR_INPUT,
			    "'linux.sysctl.%s' belongs to no namespace and would change the host",
			    name);
		if (!(c->namespaces & parameters[k].namespace))
			return error_set(e, ERR_INPUT,
			    "'linux.sysctl.%s' needs a namespace of type '%s'", name,
			    parameters[k].name);
	}
	return 0;
}
