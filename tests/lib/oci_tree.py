#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
oci_tree - the flattened file tree and the configuration of an image, and how two images differ.

usage: oci_tree.py list IMAGE [NAME]       one line an entry, as "probe list" prints a directory
       oci_tree.py config IMAGE [NAME]     the normalised configuration as JSON
       oci_tree.py layers IMAGE [NAME]     every entry of every layer, whiteouts included
       oci_tree.py digest IMAGE [NAME]     the manifest's digest
       oci_tree.py check IMAGE [NAME]      every blob has its digest and every layer its diff ID

IMAGE is an OCI layout (a directory, or a croze store) or a directory as skopeo's "dir:" writes it.
The layers are read here with nothing but a tar reader and the rules of the image specification
(layer.md, "Applying Changesets"), so that what is compared does not pass through any tool under test.
"""
import gzip
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import tarfile

KINDS = {tarfile.REGTYPE: "f", tarfile.AREGTYPE: "f", tarfile.CONTTYPE: "f", tarfile.GNUTYPE_SPARSE: "f",
         tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b",
         tarfile.FIFOTYPE: "p"}


class Image:
    """An image on disk: its manifest, its configuration, its layers as tar archives."""

    def __init__(self, path, name=None):
        self.path = path
        if os.path.exists(os.path.join(path, "index.json")):
            self.open_layout(name)
        else:
            self.open_dir()
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))

    def open_layout(self, name):
        with open(os.path.join(self.path, "index.json")) as f:
            found = [m for m in json.load(f)["manifests"] if name is None or name in self.names(m)]
        if not found:
            raise SystemExit("no image '%s' in %s" % (name, self.path))
        self.digest = found[0]["digest"]
        self.manifest = json.loads(self.blob(self.digest))
        while "manifests" in self.manifest:
            self.digest = self.manifest["manifests"][0]["digest"]
            self.manifest = json.loads(self.blob(self.digest))

    @staticmethod
    def names(m):
        a = m.get("annotations", {})
        full = [a.get("org.opencontainers.image.ref.name"), a.get("io.containerd.image.name")]
        short = []
        for n in full:
            for prefix in ("docker.io/library/", "docker.io/", "localhost/"):
                if n and n.startswith(prefix):
                    short.append(n[len(prefix):])
        return [n for n in full + short if n] + [n[:-len(":latest")] for n in full + short
                                                if n and n.endswith(":latest")]

    def open_dir(self):
        with open(os.path.join(self.path, "manifest.json"), "rb") as f:
            data = f.read()
        self.digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.manifest = json.loads(data)

    def blob_path(self, digest):
        kind, value = digest.split(":", 1)
        path = os.path.join(self.path, "blobs", kind, value)
        return path if os.path.exists(path) else os.path.join(self.path, value)

    def blob(self, digest):
        with open(self.blob_path(digest), "rb") as f:
            return f.read()

    def layer(self, descriptor):
        """The uncompressed bytes of a layer."""
        data = self.blob(descriptor["digest"])
        if data[:2] == b"\x1f\x8b":
            return gzip.decompress(data)
        if data[:4] == b"\x28\xb5\x2f\xfd":
            return subprocess.run(["zstd", "-dcq", "--long=31"], input=data, stdout=subprocess.PIPE,
                                  check=True).stdout
        return data

    def members(self, data):
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8",
                          errors="surrogateescape") as tar:
            for t in tar:
                yield tar, t


class Entry:
    """One file system object; hard links share one."""

    def __init__(self, tar, t):
        self.kind = KINDS.get(t.type, "?")
        self.mode, self.uid, self.gid, self.mtime = t.mode & 0o7777, t.uid, t.gid, t.mtime
        self.size, self.target, self.sha = 0, "", ""
        self.device = (t.devmajor, t.devminor) if self.kind in "cb" else None
        self.xattrs = {k[len("SCHILY.xattr."):]: v.encode("utf-8", "surrogateescape")
                       for k, v in t.pax_headers.items() if k.startswith("SCHILY.xattr.")}
        if self.kind == "f":
            sha = hashlib.sha256()
            f = tar.extractfile(t)
            while True:
                part = f.read(1 << 20)
                if not part:
                    break
                sha.update(part)
                self.size += len(part)
            self.sha = sha.hexdigest()
        elif self.kind == "l":
            self.target, self.mode = t.linkname, 0o777


def clean(name):
    parts = [p for p in name.split("/") if p not in ("", ".")]
    if ".." in parts:
        raise SystemExit("entry with '..': " + name)
    return "/".join(parts)


def resolve(tree, path):
    """The path with every symbolic link of its parent folders followed inside the tree."""
    for _ in range(100):
        parts, done = path.split("/"), []
        for i, part in enumerate(parts[:-1]):
            done.append(part)
            e = tree.get("/".join(done))
            if e is None or e.kind != "l":
                continue
            start = [] if e.target.startswith("/") else done[:-1]
            for p in e.target.split("/"):
                if p == "..":
                    start = start[:-1]
                elif p not in ("", "."):
                    start = start + [p]
            path = "/".join(start + parts[i + 1:])
            break
        else:
            return path
    raise SystemExit("loop of links at " + path)


class Tree(dict):
    """Entries by path, and which are below a path: what replaces or hides a folder looks at what is in it only."""

    def __init__(self):
        super().__init__()
        self.names = {}  # folder: the paths just below it, as keys; a folder on the way needs no entry

    def __setitem__(self, path, entry):
        super().__setitem__(path, entry)
        while path:
            parent = path.rpartition("/")[0]
            known = self.names.setdefault(parent, {})
            if path in known:
                break
            known[path] = True
            path = parent

    def __delitem__(self, path):
        super().__delitem__(path)
        while path and path not in self and not self.names.get(path):
            self.names.pop(path, None)
            parent = path.rpartition("/")[0]
            del self.names[parent][path]
            path = parent

    def below(self, path):
        todo, found = [path], []
        while todo:
            names = list(self.names.get(todo.pop(), ()))
            todo += names
            found += [p for p in names if p in self]
        return found


def drop(tree, path):
    """Remove what is at the path and below it."""
    for p in tree.below(path) + [path]:
        if p in tree:
            del tree[p]


def hide(tree, path, seen):
    """Remove what lower layers have at the path or below; entries of this layer stay."""
    if path not in tree:
        return
    for p in tree.below(path) + [path]:
        if p not in seen:
            del tree[p]


def apply_layer(tree, image, data):
    seen = set()
    for tar, t in image.members(data):
        path = clean(t.name)
        base = path.rsplit("/", 1)[-1]
        parent = path[:-len(base)].rstrip("/")
        if base == ".wh..wh..opq":
            parent = resolve(tree, parent + "/x")[:-2] if parent else ""
            for p in tree.below(parent):
                if p not in seen:
                    del tree[p]
            continue
        if base.startswith(".wh."):
            hide(tree, resolve(tree, clean(parent + "/" + base[4:])), seen)
            continue
        path = resolve(tree, path) if path else ""
        if t.islnk():
            target = resolve(tree, clean(t.linkname))
            if target not in tree:
                raise SystemExit("hard link to nothing: %s -> %s" % (t.name, t.linkname))
            entry = tree[target]
        else:
            entry = Entry(tar, t)
        if path and not (entry.kind == "d" and path in tree and tree[path].kind == "d"):
            drop(tree, path)
        tree[path] = entry
        seen.add(path)
    return tree


def flatten(image):
    tree = Tree()
    for d in image.manifest["layers"]:
        apply_layer(tree, image, image.layer(d))
    tree.pop("", None)
    return tree


def escape(text):
    """Bytes outside of printable ASCII, blanks and the backslash as \\ooo."""
    return "".join(chr(b) if 33 <= b <= 126 and b != 92 else "\\%03o" % b
                   for b in text.encode("utf-8", "surrogateescape"))


def order(path):
    """The order of a walk: folder by folder, names as bytes."""
    return [part.encode("utf-8", "surrogateescape") for part in path.split("/")]


def describe(tree, ignored="-"):
    """{path: text} of a tree; the text of hard links names the first of them. Attributes @ignored* are left out."""
    first, counts = {}, {}
    for path in sorted(tree, key=order):
        first.setdefault(id(tree[path]), path)
        counts[id(tree[path])] = counts.get(id(tree[path]), 0) + 1
    out = {}
    for path, e in tree.items():
        fields = [e.kind, "%04o" % e.mode, "%d:%d" % (e.uid, e.gid)]
        if e.kind == "f":
            fields += [str(e.size), e.sha]
        if e.kind == "l":
            fields += [escape(e.target)]
        if e.device:
            fields += ["%d,%d" % e.device]
        if e.kind != "d" and counts[id(e)] > 1:
            fields += ["=" + escape(first[id(e)])]
        for k in sorted(k for k in e.xattrs if not k.startswith(ignored)):
            fields += ["%s=%s" % (escape(k), e.xattrs[k].hex())]
        out[path] = " ".join(fields)
    return out


def normal_config(image):
    """The members of the configuration that the Dockerfile decides, in one spelling."""
    c = {k: v for k, v in image.config.get("config", {}).items() if v not in (None, "", [], {})}
    labels = {k: v for k, v in c.get("Labels", {}).items() if k != "io.buildah.version"}
    return {"Env": c.get("Env", []), "Labels": labels, "Cmd": c.get("Cmd"),
            "Entrypoint": c.get("Entrypoint"), "User": c.get("User", ""),
            "WorkingDir": c.get("WorkingDir", "").rstrip("/") or "/",
            "ExposedPorts": sorted(c.get("ExposedPorts", {})), "Volumes": sorted(c.get("Volumes", {})),
            "StopSignal": c.get("StopSignal", ""), "Healthcheck": c.get("Healthcheck"),
            "Shell": c.get("Shell"), "OnBuild": c.get("OnBuild"), "author": image.config.get("author", ""),
            "architecture": image.config.get("architecture"), "os": image.config.get("os")}


def differences(a, b):
    """
    Lines that say how image @a differs from image @b, sorted; each begins with what differs. Of @b, a peer's,
    what its overlay file system left in the layers is not counted.
    """
    out = []
    ca, cb = normal_config(a), normal_config(b)
    for k in ca:
        if ca[k] != cb[k]:
            out.append("config.%s %s | %s" % (k, json.dumps(ca[k]), json.dumps(cb[k])))
    ta, tb = describe(flatten(a)), describe(flatten(b), "user.overlay.")
    for path in sorted(set(ta) | set(tb)):
        if ta.get(path) != tb.get(path):
            out.append("/%s %s | %s" % (escape(path), ta.get(path, "-"), tb.get(path, "-")))
    return out


def check(image):
    """Every blob has the digest it is named by, history and diff IDs are as the specification says."""
    problems = []
    for d in [image.manifest["config"]] + image.manifest["layers"]:
        data = image.blob(d["digest"])
        if "sha256:" + hashlib.sha256(data).hexdigest() != d["digest"] or len(data) != d["size"]:
            problems.append("blob %s is not what it is named" % d["digest"])
    ids = image.config["rootfs"]["diff_ids"]
    if len(ids) != len(image.manifest["layers"]):
        problems.append("%d diff IDs, %d layers" % (len(ids), len(image.manifest["layers"])))
    for d, want in zip(image.manifest["layers"], ids):
        if "sha256:" + hashlib.sha256(image.layer(d)).hexdigest() != want:
            problems.append("layer %s has not the diff ID %s" % (d["digest"], want))
    full = [h for h in image.config.get("history", []) if not h.get("empty_layer")]
    if image.config.get("history") and len(full) != len(ids):
        problems.append("history has %d layers, the image %d" % (len(full), len(ids)))
    return problems


def print_layers(image):
    for n, d in enumerate(image.manifest["layers"]):
        for tar, t in image.members(image.layer(d)):
            kind = "h" if t.islnk() else KINDS.get(t.type, "?")
            print(n, kind, "%04o" % t.mode, "%d:%d" % (t.uid, t.gid), t.size, t.mtime, escape(t.name),
                  escape(t.linkname), " ".join(sorted(t.pax_headers)))


def main(args):
    if len(args) not in (2, 3):
        raise SystemExit(__doc__.strip())
    image = Image(args[1], args[2] if len(args) == 3 else None)
    if args[0] == "list":
        texts = describe(flatten(image))
        for path in sorted(texts, key=order):
            print("/" + escape(path), texts[path])
    elif args[0] == "config":
        print(json.dumps(normal_config(image), indent=1, sort_keys=True))
    elif args[0] == "layers":
        print_layers(image)
    elif args[0] == "digest":
        print(image.digest)
    elif args[0] == "check":
        problems = check(image)
        print("\n".join(problems))
        sys.exit(1 if problems else 0)
    else:
        raise SystemExit(__doc__.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
