#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
go_proxy - a folder that Go takes modules from (GOPROXY=file://...), with one module in it.

usage: go_proxy.py SOURCE MODULE VERSION FOLDER     prints the lines of go.sum

The files are those of the module proxy protocol (go.dev/ref/mod); a hash of go.sum is the SHA-256 of the
list of SHA-256 sums of all files.
"""
import base64
import hashlib
import os
import sys
import zipfile


def sum_of(files):
    lines = "".join("%s  %s\n" % (hashlib.sha256(files[name]).hexdigest(), name) for name in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def main(source, module, version, folder):
    place = os.path.join(folder, module, "@v")
    os.makedirs(place, exist_ok=True)
    files = {}
    for name in sorted(os.listdir(source)):
        with open(os.path.join(source, name), "rb") as f:
            files[name] = f.read()
    whole = {"%s@%s/%s" % (module, version, name): data for name, data in files.items()}
    with zipfile.ZipFile(os.path.join(place, version + ".zip"), "w") as z:
        for name, data in whole.items():
            z.writestr(zipfile.ZipInfo(name), data)
    for name, data in ((version + ".mod", files["go.mod"]), ("list", (version + "\n").encode()),
                       (version + ".info", b'{"Version":"%s","Time":"2024-01-01T00:00:00Z"}' % version.encode())):
        with open(os.path.join(place, name), "wb") as f:
            f.write(data)
    print(module, version, sum_of(whole))
    print(module, version + "/go.mod", sum_of({"go.mod": files["go.mod"]}))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__.strip())
    main(*sys.argv[1:])
