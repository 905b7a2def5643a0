#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
oci_layout - writes OCI image layouts for tests: from tar archives, or a part of another layout.

usage: oci_layout.py subset SOURCE DEST NAME...      copy the native image of each name
       oci_layout.py base DEST BUSYBOX NAME...       one layer: a static busybox with its links
       oci_layout.py make DEST NAME CONFIG TAR...    an image of these layers (gzip when they are)
       oci_layout.py append DEST NAME FROM TAR...    the image FROM of DEST with more layers, as NAME

CONFIG is a JSON object, the "config" member of the image's configuration, or "-" for none.
"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "armv7l": "arm", "riscv64": "riscv64",
          "ppc64le": "ppc64le", "s390x": "s390x"}


def native():
    return ARCHES.get(os.uname().machine, os.uname().machine)


class Layout:
    """An OCI layout that is being written."""

    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.join(path, "blobs/sha256"), exist_ok=True)
        self.index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        if os.path.exists(os.path.join(path, "index.json")):
            with open(os.path.join(path, "index.json")) as f:
                self.index = json.load(f)

    def blob_path(self, digest):
        return os.path.join(self.path, "blobs", *digest.split(":", 1))

    def read(self, digest):
        with open(self.blob_path(digest), "rb") as f:
            return f.read()

    def read_json(self, digest):
        return json.loads(self.read(digest))

    def put(self, data, media_type):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with open(self.blob_path(digest), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def put_json(self, value, media_type):
        return self.put(json.dumps(value, sort_keys=True).encode(), media_type)

    def name(self, descriptor, name):
        entry = dict(descriptor)
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.index["manifests"] = [
            m for m in self.index["manifests"]
            if m.get("annotations", {}).get("org.opencontainers.image.ref.name") != name
        ] + [entry]

    def find(self, name):
        for m in self.index["manifests"]:
            a = m.get("annotations", {})
            if name in (a.get("org.opencontainers.image.ref.name"), a.get("io.containerd.image.name")):
                return m
        raise SystemExit("no image '%s' in %s" % (name, self.path))

    def manifest(self, descriptor):
        """The image manifest behind a descriptor; of an index, the native one."""
        value = self.read_json(descriptor["digest"])
        if "manifests" not in value:
            return descriptor, value
        for m in value["manifests"]:
            p = m.get("platform", {})
            if p.get("os") == "linux" and p.get("architecture") == native():
                return m, self.read_json(m["digest"])
        raise SystemExit("no image for linux/%s in %s" % (native(), self.path))

    def save(self):
        with open(os.path.join(self.path, "oci-layout"), "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')
        with open(os.path.join(self.path, "index.json"), "w") as f:
            json.dump(self.index, f)

    def image(self, layers, config=None, arch=None, base=None):
        """Write an image of layers (bytes of tar archives, gzip or plain); returns its descriptor."""
        cfg = {"architecture": arch or native(), "os": "linux", "config": config or {},
               "rootfs": {"type": "layers", "diff_ids": []}, "history": []}
        descriptors = []
        if base:
            cfg = self.read_json(base["config"]["digest"])
            if config:
                cfg["config"] = config
            descriptors = list(base["layers"])
        for data in layers:
            plain = data
            media = LAYER
            if data[:2] == b"\x1f\x8b":
                media += "+gzip"
                try:
                    plain = gzip.decompress(data)
                except (OSError, EOFError):
                    plain = data
            elif data[:4] == b"\x28\xb5\x2f\xfd":
                media += "+zstd"
                plain = subprocess.run(["zstd", "-dcq"], input=data, capture_output=True).stdout
            descriptors.append(self.put(data, media))
            cfg["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(plain).hexdigest())
            cfg.setdefault("history", []).append({"created": "1970-01-01T00:00:00Z",
                                                  "created_by": "test layer"})
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": self.put_json(cfg, CONFIG), "layers": descriptors}
        return self.put_json(manifest, MANIFEST)


def subset(source, dest, names):
    src, dst = Layout(source), Layout(dest)
    for name in names:
        d, m = src.manifest(src.find(name))
        for blob in [d, m["config"]] + m["layers"]:
            with open(dst.blob_path(blob["digest"]), "wb") as f:
                f.write(src.read(blob["digest"]))
        dst.name({k: d[k] for k in ("mediaType", "digest", "size")}, name)
    dst.save()


def add_member(tar, name, kind=tarfile.REGTYPE, data=b"", mode=0o755, link=""):
    t = tarfile.TarInfo(name)
    t.type, t.mode, t.linkname, t.size = kind, mode, link, len(data)
    tar.addfile(t, io.BytesIO(data))


def busybox_tar(program):
    """A root file system of one static busybox, as a tar archive."""
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for d in ("bin", "dev", "etc", "home", "proc", "root", "run", "sys", "usr", "usr/bin", "usr/sbin",
                  "usr/lib", "var", "var/log"):
            add_member(tar, d, tarfile.DIRTYPE)
        add_member(tar, "tmp", tarfile.DIRTYPE, mode=0o1777)
        add_member(tar, "sbin", tarfile.SYMTYPE, link="bin", mode=0o777)
        add_member(tar, "lib", tarfile.SYMTYPE, link="usr/lib", mode=0o777)
        add_member(tar, "var/run", tarfile.SYMTYPE, link="/run", mode=0o777)
        with open(program, "rb") as f:
            add_member(tar, "bin/busybox", data=f.read())
        for a in sorted(set(applets) - {"busybox"}):
            add_member(tar, "bin/" + a, tarfile.SYMTYPE, link="busybox", mode=0o777)
        add_member(tar, "etc/passwd", mode=0o644, data=b"root:x:0:0:root:/root:/bin/sh\n"
                   b"daemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\n"
                   b"www-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n")
        add_member(tar, "etc/group", mode=0o644, data=b"root:x:0:\ndaemon:x:1:\nbin:x:2:\nwheel:x:10:root\n"
                   b"www-data:x:33:\nusers:x:100:\nnobody:x:65534:\n")
    return out.getvalue()


def base(dest, program, names):
    layout = Layout(dest)
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["sh"]}
    d = layout.image([gzip.compress(busybox_tar(program), mtime=0)], config)
    for name in names:
        layout.name(d, name)
    layout.save()


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


def main(args):
    if len(args) >= 4 and args[0] == "subset":
        subset(args[1], args[2], args[3:])
    elif len(args) >= 4 and args[0] == "base":
        base(args[1], args[2], args[3:])
    elif len(args) >= 4 and args[0] == "make":
        layout = Layout(args[1])
        config = None if args[3] == "-" else json.loads(args[3])
        layout.name(layout.image([read_file(p) for p in args[4:]], config), args[2])
        layout.save()
    elif len(args) >= 4 and args[0] == "append":
        layout = Layout(args[1])
        _, parent = layout.manifest(layout.find(args[3]))
        layout.name(layout.image([read_file(p) for p in args[4:]], base=parent), args[2])
        layout.save()
    else:
        raise SystemExit(__doc__.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
