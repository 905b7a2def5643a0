#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cache_liar - makes a local cache (an OCI layout) say what is not so.

usage: cache_liar.py LAYOUT LIE

LIE is one of LIES, or "list" to print them. Lies in the records are signed: config and manifest get digests that are right again, as
somebody who may write the cache could do it.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile


class Layout:
    def __init__(self, path):
        self.path = path
        self.index = json.load(open(f"{path}/index.json"))
        self.entry = self.index["manifests"][0]
        self.manifest = json.loads(self.read(self.entry["digest"]))
        self.records = json.loads(self.read(self.manifest["config"]["digest"]))

    def file(self, digest):
        return f"{self.path}/blobs/sha256/{digest[7:]}"

    def read(self, digest):
        with open(self.file(digest), "rb") as f:
            return f.read()

    def put(self, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        with open(self.file(digest), "wb") as f:
            f.write(data)
        return {"digest": digest, "size": len(data)}

    def layers(self):
        """Records with a layer."""
        return [r for r in self.records["records"] if "layer" in r]

    def save(self, text=None):
        if text is None:
            text = json.dumps(self.records)
        self.manifest["config"].update(self.put(text.encode() if isinstance(text, str) else text))
        self.entry.update(self.put(json.dumps(self.manifest).encode()))
        with open(f"{self.path}/index.json", "w") as f:
            json.dump(self.index, f)

    def each_layer(self, **members):
        for record in self.layers():
            record["layer"].update(members)
        self.save()


def tar_of(name, data):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return b.getvalue()


def flip(x):
    for digest in {r["layer"]["digest"] for r in x.layers()}:
        data = bytearray(x.read(digest))
        data[len(data) // 2] ^= 4
        open(x.file(digest), "wb").write(data)


def cut(x):
    for digest in {r["layer"]["digest"] for r in x.layers()}:
        data = x.read(digest)
        open(x.file(digest), "wb").write(data[:-5])


def gone(x):
    for digest in {r["layer"]["digest"] for r in x.layers()}:
        os.unlink(x.file(digest))


def link(x):
    for digest in {r["layer"]["digest"] for r in x.layers()}:
        os.rename(x.file(digest), x.file(digest) + ".real")
        os.symlink(x.file(digest) + ".real", x.file(digest))


def swap(x):
    """Another blob, well named, under the diff ID of the right one."""
    blob = x.put(gzip.compress(tar_of("etc/poison", b"poison"), mtime=0))
    x.each_layer(**blob)


def not_a_tar(x):
    x.each_layer(**x.put(gzip.compress(b"no tar at all" * 100, mtime=0)))


def not_a_tar_told(x):
    data = b"no tar at all" * 100
    x.each_layer(diffID="sha256:" + hashlib.sha256(data).hexdigest(), uncompressed=len(data),
                 **x.put(gzip.compress(data, mtime=0)))


def bomb(x):
    x.each_layer(**x.put(gzip.compress(bytes(64 << 20), mtime=0)))


LIES = {
    "a bit flipped in every layer": flip,
    "layers cut short": cut,
    "layers that are gone": gone,
    "layers that are links": link,
    "layers swapped for another one": swap,
    "layers that are no tar": not_a_tar,
    "layers that are no tar and say so rightly": not_a_tar_told,
    "layers that unpack to more than was told": bomb,
    "wrong diff IDs": lambda x: x.each_layer(diffID="sha256:" + "5" * 64),
    "a wrong size": lambda x: x.each_layer(size=17),
    "a size of nothing": lambda x: x.each_layer(size=0),
    "a huge size": lambda x: x.each_layer(size=2**62),
    "a negative size": lambda x: x.each_layer(size=-1),
    "a wrong unpacked size": lambda x: x.each_layer(uncompressed=1024),
    "a huge unpacked size": lambda x: x.each_layer(uncompressed=2**60),
    "a digest that is a path": lambda x: x.each_layer(digest="sha256:../../../../etc/passwd"),
    "a digest of another kind": lambda x: x.each_layer(digest="sha512:" + "5" * 128),
    "a variant that is not known": lambda x: x.each_layer(variant="brotli:1"),
    "a media type that is another": lambda x: x.each_layer(mediaType="application/vnd.oci.image.layer.v1.tar+zstd"),
    "a layer that is a list": lambda x: (x.layers()[0].update(layer=[]), x.save()),
    "a time that is none": lambda x: (x.layers()[0].update(created="yesterday"), x.save()),
    "a step without layer and time": lambda x: (x.records["records"].append({"key": "sha256:" + "0" * 64}), x.save()),
    "a key twice": lambda x: (x.records["records"].append(x.records["records"][0]), x.save()),
    "an alias of itself": lambda x: ([r.update(aliasOf=r["key"]) for r in x.records["records"] if "aliasOf" in r], x.save()),
    "another version": lambda x: (x.records.update(version=2), x.save()),
    "records that are no list": lambda x: (x.records.update(records={}), x.save()),
    "no JSON": lambda x: x.save("{"),
    "JSON of great depth": lambda x: x.save("[" * 100000 + "]" * 100000),
    "records of five megabytes": lambda x: x.save(json.dumps(x.records) + " " * (5 << 20)),
    "an index that is no JSON": lambda x: open(f"{x.path}/index.json", "w").write("no"),
    "an index of another layout": lambda x: open(f"{x.path}/index.json", "w").write('{"schemaVersion":2,"manifests":[]}'),
    "a manifest with other bytes": lambda x: open(x.file(x.entry["digest"]), "ab").write(b" "),
    "records with other bytes": lambda x: open(x.file(x.manifest["config"]["digest"]), "ab").write(b" "),
    "a config of another type": lambda x: (x.manifest["config"].update(mediaType="application/x-sh"), x.save()),
}

if sys.argv[-1] == "list":
    print("\n".join(LIES))
else:
    LIES[sys.argv[2]](Layout(sys.argv[1]))
