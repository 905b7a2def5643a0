#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
apk_repository - a small signed package repository for Alpine, made of files of this machine.

usage: apk_repository.py FOLDER     writes FOLDER/x86_64/..., FOLDER/keys/test.rsa.pub

Packages: ca-certificates (the machine's bundle), tzdata (a few zones), and gcc and musl-dev, which hold nothing but
a note: what the article installs them for is built with CGO_ENABLED=0. A package is three gzip streams
in a row (here two: only the index is signed, it holds the packages' checksums).
"""
import base64
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile

ARCH = {"x86_64": "x86_64", "aarch64": "aarch64"}.get(os.uname().machine, os.uname().machine)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b"none on this machine\n"


PACKAGES = {
    "ca-certificates": {"etc/ssl/certs/ca-certificates.crt": read(BUNDLE)},
    "tzdata": {"usr/share/zoneinfo/" + z: read("/usr/share/zoneinfo/" + z) for z in ZONES},
    "gcc": {"usr/share/doc/gcc/note": b"nothing is compiled with it here\n"},
    "musl-dev": {"usr/share/doc/musl-dev/note": b"nothing is compiled with it here\n"},
}


def tar_bytes(files, end):
    b = io.BytesIO()
    tar = tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT)
    made = set()
    for name, data in files.items():
        parts = name.split("/")[:-1]
        for i in range(1, len(parts) + 1):
            folder = "/".join(parts[:i])
            if folder not in made:
                made.add(folder)
                t = tarfile.TarInfo(folder)
                t.type, t.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(t)
        t = tarfile.TarInfo(name)
        t.size, t.mode = len(data), 0o644
        if not name.startswith("."):
            t.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(data).hexdigest()}
        tar.addfile(t, io.BytesIO(data))
    size = tar.offset
    tar.close()
    return b.getvalue() if end else b.getvalue()[:size]


def zipped(data):
    return gzip.compress(data, 9, mtime=0)


def package(folder, name, files):
    """Writes one package; returns its paragraph of the index."""
    data = zipped(tar_bytes(files, True))
    size = sum(len(d) for d in files.values())
    info = ("pkgname = %s\npkgver = 1.0-r0\npkgdesc = %s for tests\nurl = none\nbuilddate = 0\npackager = tests\n"
            "size = %d\narch = %s\norigin = %s\nlicense = none\ndatahash = %s\n") % (
                name, name, size, ARCH, name, hashlib.sha256(data).hexdigest())
    control = zipped(tar_bytes({".PKGINFO": info.encode()}, False))
    with open(os.path.join(folder, "%s-1.0-r0.apk" % name), "wb") as f:
        f.write(control + data)
    checksum = "Q1" + base64.b64encode(hashlib.sha1(control).digest()).decode()
    return "C:%s\nP:%s\nV:1.0-r0\nA:%s\nS:%d\nI:%d\nT:%s for tests\nU:none\nL:none\no:%s\nm:tests\nt:0\n\n" % (
        checksum, name, ARCH, len(control + data), size, name, name)


def sign(folder, keys, index):
    key = os.path.join(keys, "test.rsa")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", key + ".pub"], check=True, stderr=subprocess.DEVNULL)
    signature = subprocess.run(["openssl", "dgst", "-sha1", "-sign", key], input=index, stdout=subprocess.PIPE,
                               check=True).stdout
    os.unlink(key)
    head = zipped(tar_bytes({".SIGN.RSA.test.rsa.pub": signature}, False))
    with open(os.path.join(folder, "APKINDEX.tar.gz"), "wb") as f:
        f.write(head + index)


def main(root):
    folder, keys = os.path.join(root, ARCH), os.path.join(root, "keys")
    os.makedirs(folder, exist_ok=True)
    os.makedirs(keys, exist_ok=True)
    index = "".join(package(folder, name, files) for name, files in PACKAGES.items())
    sign(folder, keys, zipped(tar_bytes({"DESCRIPTION": b"tests", "APKINDEX": index.encode()}, True)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__.strip())
    main(sys.argv[1])
