/* SPDX-License-Identifier: Apache-2.0 */
/*
 * section - which section of the runtime specification is about a path of config.json.
 */
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/oci/parts.h"

#include <string.h>

/* The longest that a path begins with counts. */
static const struct {
	const char *prefix;
	const char *document;
	const char *section;
} sections[] = {
	{ "ociVersion", "config.md", "Specification version" },
	{ "root", "config.md", "Root" },
	{ "mounts", "config.md", "Mounts" },
	{ "process", "config.md", "Process" },
	{ "process.user", "config.md", "User" },
	{ "process.rlimits", "config.md", "POSIX process" },
	{ "process.capabilities", "config.md", "Linux Process" },
	{ "process.apparmorProfile", "config.md", "Linux Process" },
	{ "process.noNewPrivileges", "config.md", "Linux Process" },
	{ "process.oomScoreAdj", "config.md", "Linux Process" },
	{ "process.scheduler", "config.md", "Linux Process" },
	{ "process.selinuxLabel", "config.md", "Linux Process" },
	{ "process.ioPriority", "config.md", "Linux Process" },
	{ "process.execCPUAffinity", "config.md", "Linux Process" },
	{ "hostname", "config.md", "Hostname" },
	{ "domainname", "config.md", "Domainname" },
	{ "hooks", "config.md", "POSIX-platform Hooks" },
	{ "annotations", "config.md", "Annotations" },
	{ "linux", "config-linux.md", "Linux Container Configuration" },
	{ "linux.namespaces", "config-linux.md", "Namespaces" },
	{ "linux.uidMappings", "config-linux.md", "User namespace mappings" },
	{ "linux.gidMappings", "config-linux.md", "User namespace mappings" },
	{ "linux.timeOffsets", "config-linux.md", "Offset for Time Namespace" },
	{ "linux.devices", "config-linux.md", "Devices" },
	{ "linux.netDevices", "config-linux.md", "Network Devices" },
	{ "linux.cgroupsPath", "config-linux.md", "Cgroups Path" },
	{ "linux.resources", "config-linux.md", "Control groups" },
	{ "linux.resources.devices", "config-linux.md", "Allowed Device list" },
	{ "linux.resources.memory", "config-linux.md", "Memory" },
	{ "linux.resources.cpu", "config-linux.md", "CPU" },
	{ "linux.resources.blockIO", "config-linux.md", "Block IO" },
	{ "linux.resources.hugepageLimits", "config-linux.md", "Huge page limits" },
	{ "linux.resources.network", "config-linux.md", "Network" },
	{ "linux.resources.pids", "config-linux.md", "PIDs" },
	{ "linux.resources.rdma", "config-linux.md", "RDMA" },
	{ "linux.resources.unified", "config-linux.md", "Unified" },
	{ "linux.intelRdt", "config-linux.md", "IntelRdt" },
	{ "linux.memoryPolicy", "config-linux.md", "Memory policy" },
	{ "linux.sysctl", "config-linux.md", "Sysctl" },
	{ "linux.seccomp", "config-linux.md", "Seccomp" },
	{ "linux.rootfsPropagation", "config-linux.md", "Rootfs Mount Propagation" },
	{ "linux.maskedPaths", "config-linux.md", "Masked Paths" },
	{ "linux.readonlyPaths", "config-linux.md", "Readonly Paths" },
	{ "linux.mountLabel", "config-linux.md", "Mount Label" },
	{ "linux.personality", "config-linux.md", "Personality" },
};

void
oci_section(struct error *e)
{
	const char *path = strchr(e->text, '\'');
	size_t best = 0, longest = 0;

	if (!path)
		return;
	path++;
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		size_t length = strlen(sections[i].prefix);

		if (length > longest && text_starts_with(path, sections[i].prefix) &&
		    strchr(".['", path[length])) {
			best = i;
			longest = length;
		}
	}
	if (longest > 0)
		error_hint(e, "see \"%s\" in %s of the runtime specification",
		    sections[best].section, sections[best].document);
}
