/* SPDX-License-Identifier: Apache-2.0 */
/*
 * default - the config.json that `spec` writes.
 *
 * A template in JSON, so that it can be read as what comes out; what depends on the caller is put in.
 */
#include "runtime/base/mem.h"
#include "runtime/oci/config.h"

#include <assert.h>
#include <string.h>

#define CAPABILITIES "[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]"

static const char template[] =
    "{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},"
    "\"args\":[\"sh\"],"
    "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
    "bin\",\"TERM=xterm\"],\"cwd\":\"/\","
    "\"capabilities\":{\"bounding\":" CAPABILITIES ",\"effective\":" CAPABILITIES
    ",\"permitted\":" CAPABILITIES "},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":"
    "true},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"croze\",\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/"
    "dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"strictatime\",\"mode="
    "755\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/"
    "pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\","
    "\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]},"
    "{\"destination\":\"/dev/"
    "shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\",\"noexec\",\"nodev\","
    "\"mode=1777\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/"
    "mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\","
    "\"nodev\"]},"
    "{\"destination\":\"/"
    "sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\","
    "\"ro\"]},"
    "{\"destination\":\"/sys/fs/"
    "cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"nosuid\",\"noexec\","
    "\"nodev\",\"relatime\",\"ro\"]}],"
    "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{"
    "\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}],"
    "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/interrupts\",\"/proc/kallsyms\",\"/"
    "proc/kcore\",\"/proc/keys\","
    "\"/proc/latency_stats\",\"/proc/sched_debug\",\"/proc/scsi\",\"/proc/timer_list\",\"/proc/"
    "timer_stats\",\"/sys/devices/virtual/powercap\",\"/sys/firmware\"],"
    "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/"
    "sysrq-trigger\"]}}";

static void
map_one(struct json *linux_part, const char *key, uint64_t id)
{
	struct json *list = json_set(linux_part, key, json_new_array());
	struct json *mapping = json_append(list, json_new_object());

	json_set(mapping, "containerID", json_new_u64(0));
	json_set(mapping, "hostID", json_new_u64(id));
	json_set(mapping, "size", json_new_u64(1));
}

struct json *
oci_config_default(bool rootless, uid_t uid, gid_t gid)
{
	struct error e = ERROR_INIT;
	struct json *root = json_parse(template, sizeof(template) - 1, &e);
	struct json *linux_part = json_get_mutable(root, "linux");

	assert(root);
	if (!rootless)
		return root;
	json_set_text(json_append(json_get_mutable(linux_part, "namespaces"), json_new_object()),
	    "type", "user");
	/* tools add ranges behind the mapping of the caller, so it must stand there */
	map_one(linux_part, "uidMappings", uid);
	map_one(linux_part, "gidMappings", gid);
	return root;
}
