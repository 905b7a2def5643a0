/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse - members of config.json that ask for something which is not done here.
 *
 * linux.resources.devices stands in every generated file and asks for less than what a user namespace forbids anyway (no device can
 * be made or opened that is not bound), so it is no reason to refuse; any other limit is.
 */
#include "runtime/oci/refuse.h"

#include "runtime/base/mem.h"
#include "runtime/base/strv.h"

#include <string.h>

static const struct {
	const char *path;
	const char *why;
} members[] = {
	{ "hooks", "hooks are not run" },
	{ "domainname", "the NIS domain name cannot be set" },
	{ "process.apparmorProfile", "AppArmor profiles are not applied" },
	{ "process.selinuxLabel", "SELinux labels are not applied" },
	{ "process.scheduler", "schedulers are not set" },
	{ "process.ioPriority", "I/O priorities are not set" },
	{ "process.execCPUAffinity", "CPU affinity is not set" },
	{ "linux.devices", "devices beyond the usual ones cannot be made without root" },
	{ "linux.sysctl", "kernel parameters are not set" },
	{ "linux.timeOffsets", "time namespaces are not made" },
	{ "linux.mountLabel", "SELinux labels are not applied" },
	{ "linux.personality", "the execution domain is not set" },
	{ "linux.intelRdt", "there is no cache allocation" },
	{ "linux.netDevices", "network devices are not moved" },
	{ "linux.memoryPolicy", "memory policies are not set" },
	{ "linux.resources.memory", "no cgroup is made, so the limit would not hold" },
	{ "linux.resources.cpu", "no cgroup is made, so the limit would not hold" },
	{ "linux.resources.pids", "no cgroup is made, so the limit would not hold" },
	{ "linux.resources.blockIO", "no cgroup is made, so the limit would not hold" },
	{ "linux.resources.hugepageLimits", "no cgroup is made, so the limit would not hold" },
	{ "linux.resources.network", "no cgroup is made, so it would not hold" },
	{ "linux.resources.rdma", "no cgroup is made, so the limit would not hold" },
	{ "linux.resources.unified", "no cgroup is made, so it would not hold" },
};

static const struct json *
find(const struct json *j, const char *path)
{
	auto(strv) struct strv names = { 0 };

	strv_split(&names, path, '.');
	for (size_t i = 0; i < names.count; i++)
		j = json_get(j, names.items[i]);
	return j;
}

static bool
asks_for_something(const struct json *j)
{
	switch (json_type(j)) {
	case JSON_NULL:
		return false;
	case JSON_OBJECT:
		for (size_t i = 0; i < json_count(j); i++)
			if (asks_for_something(json_at(j, i)))
				return true;
		return false;
	case JSON_ARRAY:
		return json_count(j) > 0;
	case JSON_STRING:
		return *json_text(j) != '\0';
	default:
		return true;
	}
}

int
refuse_members(const struct json *root, struct error *e)
{
	const char *propagation = json_text(find(root, "linux.rootfsPropagation"));

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (asks_for_something(find(root, members[i].path)))
			return error_set(e, ERR_HOST, "'%s' is not supported: %s", members[i].path,
			    members[i].why);
	if (propagation && strstr(propagation, "shared"))
		return error_set(e, ERR_HOST,
		    "'linux.rootfsPropagation' is not supported: no mount is shared with the host");
	return 0;
}
