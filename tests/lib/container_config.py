#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
container_config - a bundle as engines make it, for a command that has the programs of this machine.

usage: container_config.py [--restricted [--namespaces] [--network]] BUNDLE FOLDER COMMAND [ARGUMENT...]

The container has /usr and /etc of this machine, read-only, and FOLDER; its store is $CROZE_ROOT, or FOLDER/store-runc. Its filter is that
of containers-common ($CROZE_TEST_PROFILE). It is root's with the capabilities that engines give, or, with --restricted, as clusters
restrict it: user 1000, no capability, no new privileges, a root that is read-only. That one is for root of a user namespace with a
range, whose id 0 is 1000 in the container; namespaces and mounts, which that filter lets it have, are refused as other engines do, but for
--namespaces. With --network the container has the network that there is.
"""
import json
import os
import sys

CAPS = ["CAP_" + c for c in ("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
                             "SYS_CHROOT KILL AUDIT_WRITE").split()]
ORDINARY = 1000
NEW_NAMESPACES = 0x7E020000  # the flags of clone(2)
REFUSED = ("unshare setns mount umount umount2 pivot_root fsopen fsmount fsconfig fspick open_tree move_mount mount_setattr bpf "
           "perf_event_open").split()
PLACES = ("usr", "etc", "proc", "dev", "sys", "tmp", "root", "run", "store")


def applies(rule, caps):
    wants, not_with = rule.get("includes") or {}, rule.get("excludes") or {}
    return (all(c in caps for c in wants.get("caps") or []) and not any(c in caps for c in not_with.get("caps") or []) and
            "amd64" in (wants.get("arches") or ["amd64"]) and "amd64" not in (not_with.get("arches") or []))


def seccomp(caps):
    with open(os.environ.get("CROZE_TEST_PROFILE") or "/usr/share/containers/seccomp.json") as f:
        filters = json.load(f)
    return {"defaultAction": filters["defaultAction"], "defaultErrnoRet": filters.get("defaultErrnoRet", 38),
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "syscalls": [{k: v for k, v in rule.items() if k in ("names", "action", "args", "errnoRet") and v not in (None, [])}
                         for rule in filters["syscalls"] if applies(rule, caps)]}


def without_namespaces(filters):
    for rule in filters["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name not in REFUSED + ["clone", "clone3"]]
    filters["syscalls"] = [rule for rule in filters["syscalls"] if rule["names"]] + [
        {"names": REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]
    return filters


def make_rootfs(root, folders):
    for place in PLACES:
        os.makedirs(os.path.join(root, place), exist_ok=True)
    for link in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink("/" + link) and not os.path.lexists(os.path.join(root, link)):
            os.symlink("usr/" + link, os.path.join(root, link))
    for folder in folders:
        os.makedirs(root + folder, exist_ok=True)


def main(args):
    options = [a for a in args[:3] if a.startswith("--")]
    restricted, network = "--restricted" in options, "--network" in options
    bundle, folder, *command = args[len(options):]
    build, images = os.environ["CROZE_BUILD"], os.environ["CROZE_TEST_IMAGES"]
    make_rootfs(os.path.join(bundle, "rootfs"), (folder, build, images))
    caps = [] if restricted else CAPS
    user = ORDINARY if restricted else 0
    bind = [("/usr", True), ("/etc", True), (build, True), (images, True), (folder, False)]
    namespaces = ["pid", "ipc", "uts", "mount"] + ([] if network else ["network"]) + (["user"] if restricted else [])
    filters = seccomp(caps)
    if restricted and "--namespaces" not in options:
        filters = without_namespaces(filters)
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": user, "gid": user}, "cwd": "/", "args": command, "noNewPrivileges": restricted,
                    "env": ["PATH=%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" % build, "HOME=/tmp", "NO_COLOR=1",
                            "LC_ALL=C.UTF-8", "CROZE_LIBEXEC=%s" % build,
                            "CROZE_ROOT=" + (os.environ.get("CROZE_ROOT") or "%s/store-runc" % folder)],
                    "capabilities": {k: caps for k in ("bounding", "effective", "permitted")}},
        "root": {"path": "rootfs", "readonly": restricted},
        "hostname": "container",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
                   {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
                    "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
                   {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777"]},
                   {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
                   {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}] +
                  [{"destination": p, "type": "bind", "source": p, "options": ["rbind", "ro" if ro else "rw"]} for p, ro in bind],
        "linux": {"namespaces": [{"type": t} for t in namespaces], "seccomp": filters,
                  "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                                  "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
                  "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}}
    if restricted:
        for kind in ("uidMappings", "gidMappings"):
            config["linux"][kind] = [{"containerID": 0, "hostID": 1, "size": 1}, {"containerID": user, "hostID": 0, "size": 1}]
    with open(os.path.join(bundle, "config.json"), "w") as f:
        json.dump(config, f)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
