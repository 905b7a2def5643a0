#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
wheels - makes wheels of Python packages that Debian has installed.

usage: wheels.py FOLDER NAME...     run where the packages are installed; NAME as in their metadata
"""
import importlib.metadata
import os
import sys
import zipfile


def wheel(folder, name):
    d = importlib.metadata.distribution(name)
    base = "%s-%s" % (d.metadata["Name"].replace("-", "_"), d.version)
    info = base + ".dist-info/"
    top = (d.read_text("top_level.txt") or name.replace("-", "_")).split()
    root = str(d.locate_file(""))
    files = {}
    for module in top:
        path = os.path.join(root, module)
        if os.path.isfile(path + ".py"):
            files[module + ".py"] = path + ".py"
        for where, _, names in os.walk(path):
            for n in names:
                if not n.endswith(".pyc"):
                    full = os.path.join(where, n)
                    files[os.path.relpath(full, root)] = full
    metadata = d.read_text("METADATA") or d.read_text("PKG-INFO")
    points = "".join("[%s]\n%s = %s\n" % (e.group, e.name, e.value) for e in d.entry_points if e.group == "console_scripts")
    with zipfile.ZipFile(os.path.join(folder, base + "-py3-none-any.whl"), "w", zipfile.ZIP_DEFLATED) as z:
        for arc in sorted(files):
            z.write(files[arc], arc)
        z.writestr(info + "METADATA", "\n".join(line for line in metadata.split("\n")
                                                if not line.startswith("Requires-Dist: ") or "extra ==" in line))
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        if points:
            z.writestr(info + "entry_points.txt", points)
        z.writestr(info + "RECORD", "".join("%s,,\n" % n for n in sorted(files)) + "".join(
            "%s%s,,\n" % (info, n) for n in ("METADATA", "WHEEL", "RECORD")))


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for package in sys.argv[2:]:
        wheel(sys.argv[1], package)
