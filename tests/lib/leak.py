#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
leak - whether a text is in any file of a folder, compressed blobs and what archives hold included: as it is, in
base64 at any place of a longer text, in hexadecimal digits, and in names and targets of links.

usage: leak.py TEXT PATH...     folders and files; prints the files; the status is 1 when there is one
"""
import base64
import gzip
import io
import os
import stat
import subprocess
import sys
import tarfile

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def contents(data):
    """The bytes, and those that they hold compressed."""
    yield data
    if data.startswith(GZIP):
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, ValueError):
            pass
    elif data.startswith(ZSTD):
        yield subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=False).stdout
    elif data[257:262] == b"ustar":
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
                for blob in (tar.extractfile(t).read() for t in tar if t.isreg()):
                    if blob.startswith((GZIP, ZSTD)):  # all else is in the bytes of the archive as it is
                        yield from contents(blob)
        except Exception:  # an archive made to break its readers; its bytes have been looked at
            pass


def content(path):
    with open(path, "rb") as f:
        return f.read(64 << 20)


def files(path):
    """(path, name) of all that is at the path and below it."""
    yield path, os.path.basename(path)
    for where, folders, names in os.walk(path, onerror=None):
        for name in folders + names:
            yield os.path.join(where, name), name


def spellings(text):
    """The text, and what is sure to be in an encoding of whatever holds it."""
    found = [text, text.hex().encode(), text.hex().upper().encode()]
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + text)
        found.append(encoded[(0, 2, 3)[shift]:len(encoded) - (4 if (shift + len(text)) % 3 else 0)])
    return [f for f in found if len(f) >= 8]


def main(args):
    texts, found = spellings(args[0].encode()), False
    seen = set()  # a program of 400 names is read once
    for path, name in (f for root in args[1:] if os.path.lexists(root) for f in files(root)):
        try:
            st = os.lstat(path)
            data = [name.encode("utf-8", "surrogateescape")]
            if stat.S_ISLNK(st.st_mode):
                data.append(os.readlink(path).encode("utf-8", "surrogateescape"))
            if stat.S_ISREG(st.st_mode) and (st.st_dev, st.st_ino) not in seen:
                data.extend(contents(content(path)))
                seen.add((st.st_dev, st.st_ino))
            if any(t in c for t in texts for c in data):
                print(path)
                found = True
        except PermissionError:
            continue
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
