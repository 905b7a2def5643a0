#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
leak - whether a text is in any file of a folder, compressed blobs included.

usage: leak.py TEXT FOLDER...     prints the files; the status is 1 when there is one
"""
import gzip
import os
import stat
import subprocess
import sys


def contents(path):
    with open(path, "rb") as f:
        data = f.read(64 << 20)
    yield data
    if data[:2] == b"\x1f\x8b":
        try:
            yield gzip.decompress(data)
        except (OSError, EOFError, ValueError):
            pass
    if data[:4] == b"\x28\xb5\x2f\xfd":
        yield subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=False).stdout


def main(args):
    text, found = args[0].encode(), False
    for folder in args[1:]:
        for where, _, names in os.walk(folder, onerror=None):
            for name in names:
                path = os.path.join(where, name)
                try:
                    if stat.S_ISREG(os.lstat(path).st_mode) and any(text in c for c in contents(path)):
                        print(path)
                        found = True
                except PermissionError:
                    continue
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
