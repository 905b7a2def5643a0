#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
hostile - archives and layouts that try to reach outside of an image, and their honest twins.

usage: hostile.py archive CASE FILE CANARY         write one archive
       hostile.py layout CASE DEST CANARY BASES    write one OCI layout with the image "hostile:latest"
       hostile.py list archive|layout              the cases, one a line

CANARY is a folder outside of every image with a file "secret" in it, BASES a layout with busybox. CASE of a layout can be an archive:
it is the second layer then. Headers are written by hand here: the
writers of the standard library refuse most of what is needed.
"""
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import sys
import tarfile
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oci_layout  # noqa: E402

REG, HARD, SYM, CHR, BLK, DIR, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def header(name, kind=REG, size=0, mode=0o644, link=b"", uid=0, gid=0, device=(0, 0), mtime=0, raw_size=None,
           magic=b"ustar\x0000", checksum=None, prefix=b""):
    """One 512-byte header; nothing is checked."""
    name = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    link = link.encode("utf-8", "surrogateescape") if isinstance(link, str) else link
    h = name[:100].ljust(100, b"\0") + octal(mode, 8) + octal(uid, 8) + octal(gid, 8)
    h += (raw_size or octal(size, 12)) + octal(mtime, 12) + b" " * 8 + kind
    h += link[:100].ljust(100, b"\0") + magic.ljust(8, b"\0") + b"root".ljust(32, b"\0") * 2
    h += octal(device[0], 8) + octal(device[1], 8) + prefix.ljust(155, b"\0") + b"\0" * 12
    total = sum(h) if checksum is None else checksum
    return h[:148] + b"%06o\0 " % total + h[156:]


def padded(data):
    return data + b"\0" * (-len(data) % 512)


def entry(name, kind=REG, data=b"", **more):
    return header(name, kind, len(data), **more) + padded(data)


def pax(records, kind=b"x", declared=None):
    """A pax header; @declared replaces its size."""
    data = b""
    for key, value in records:
        rest = b" " + key.encode() + b"=" + value + b"\n"
        n = len(rest) + 1
        while len(str(n)) + len(rest) != n:
            n = len(str(n)) + len(rest)
        data += str(n).encode() + rest
    return header("PaxHeaders/x", kind, declared if declared is not None else len(data)) + padded(data)


END = b"\0" * 1024
ARCHIVES = {}
LAYOUTS = {}


def archive(function):
    ARCHIVES[function.__name__] = function
    return function


def layout(function):
    LAYOUTS[function.__name__] = function
    return function


def below(canary):
    return canary.lstrip("/")


# A1: names with ".."

@archive
def A1_dotdot_absolute(canary):
    return entry("../" * 9 + below(canary) + "/pwn", data=b"pwn") + END


@archive
def A1_dotdot_middle(canary):
    return entry("a", DIR) + entry("a/" + "../" * 20 + below(canary) + "/pwn", data=b"pwn") + END


@archive
def A1_absolute_name(canary):
    return entry(canary + "/pwn", data=b"pwn") + END


@archive
def A1_dotdot_pax_path(canary):
    return pax([("path", ("../" * 30 + below(canary) + "/pwn").encode())]) + entry("ok", data=b"pwn") + END


# A2, A3, A9: through a link made by the same archive

def through(canary, what):
    return entry("l", SYM, link=canary, mode=0o777) + what + END


@archive
def A2_link_then_file(canary):
    return through(canary, entry("l/pwn", data=b"pwn"))


@archive
def A2_link_then_overwrite(canary):
    return through(canary, entry("l/secret", data=b"pwn"))


@archive
def A2_link_then_dir(canary):
    return through(canary, entry("l/pwn", DIR, mode=0o755))


@archive
def A2_link_then_fifo(canary):
    return through(canary, entry("l/pwn", FIFO))


@archive
def A2_link_then_hardlink(canary):
    return entry("f", data=b"pwn") + through(canary, entry("l/pwn", HARD, link="f"))


@archive
def A2_link_then_chmod(canary):
    return through(canary, entry("l/empty", DIR, mode=0o777))


@archive
def A2_link_then_symlink(canary):
    return through(canary, entry("l/pwn", SYM, link="/", mode=0o777))


@archive
def A2_relative_link(canary):
    return entry("l", SYM, link="../" * 30 + below(canary)) + entry("l/pwn", data=b"pwn") + END


@archive
def A2_chain_of_links(canary):
    return (entry("a", SYM, link="b") + entry("b", SYM, link="c/x") + entry("c", DIR) +
            entry("c/x", SYM, link=canary) + entry("a/pwn", data=b"pwn") + END)


@archive
def A2_file_over_link(canary):
    return entry("l", SYM, link=canary + "/secret") + entry("l", data=b"pwn") + END


@archive
def A3_hardlink_through_link(canary):
    return through(canary, entry("h", HARD, link="l/secret"))


@archive
def A3_hardlink_absolute(canary):
    return entry("h", HARD, link=canary + "/secret") + END


@archive
def A3_hardlink_dotdot(canary):
    return entry("h", HARD, link="../" * 30 + below(canary) + "/secret") + END


@archive
def A3_hardlink_to_link(canary):
    return entry("s", SYM, link=canary + "/secret") + entry("h", HARD, link="s") + entry("h", data=b"pwn") + END


# A4: the root itself as a link

@archive
def A4_root_is_link(canary):
    return entry(".", SYM, link=canary) + entry("pwn", data=b"pwn") + END


@archive
def A4_root_slash_is_link(canary):
    return entry("./", SYM, link=canary) + entry("pwn", data=b"pwn") + END


@archive
def A4_empty_name_is_link(canary):
    return entry("", SYM, link=canary) + entry("pwn", data=b"pwn") + END


@archive
def A4_slash_is_link(canary):
    return entry("/", SYM, link=canary) + entry("pwn", data=b"pwn") + END


# A9: whiteouts through links (layers only)

@archive
def A9_whiteout_through_link(canary):
    return through(canary, entry("l/.wh.secret"))


@archive
def A9_opaque_through_link(canary):
    return through(canary, entry("l/.wh..wh..opq"))


@archive
def A9_whiteout_of_dotdot(canary):
    return entry("d", DIR) + entry("d/.wh...") + entry("d/.wh..") + entry(".wh.") + END


# A12: sizes

@archive
def A12_pax_of_2_gib(canary):
    return pax([("comment", b"x")], declared=2 << 30) + entry("f") + END


@archive
def A12_long_name_of_1_gib(canary):
    return header("././@LongLink", b"L", 1 << 30, magic=b"ustar  \0") + b"n" * 4096 + entry("f") + END


@archive
def A12_xattr_of_512_mib(canary):
    return pax([("SCHILY.xattr.user.x", b"y" * 65536)], declared=512 << 20) + entry("f") + END


@archive
def A12_size_minus_one(canary):
    return header("f", raw_size=b"\xff" * 12) + END


@archive
def A12_size_2_63(canary):
    return header("f", raw_size=b"\x80\0\0\0" + struct.pack(">Q", (1 << 63) - 1)) + END


@archive
def A12_pax_size_huge(canary):
    return pax([("size", b"9223372036854775807")]) + entry("f", data=b"x") + END


@archive
def A12_sparse_map_of_10_million(canary):
    return pax([("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", b"s"),
                ("GNU.sparse.realsize", b"99999999999")]) + entry("s", data=b"10000000\n" + b"1\n1\n" * 200) + END


# A13: bombs

@archive
def A13_gzip_bomb(canary):
    """8 GiB of zeros behind 8 MiB: the tar ends in the middle of its file."""
    plain = header("zeros", size=64 << 30) + b"\0" * (1 << 20)
    head = gzip.compress(plain, 9, mtime=0)
    block = gzip.compress(b"\0" * (64 << 20), 9, mtime=0)
    return head + block * 128


@archive
def A13_xz_bomb(canary):
    return lzma.compress(header("zeros", size=1 << 40) + b"\0" * (256 << 20), preset=1)


@archive
def A13_nested_members(canary):
    return gzip.compress(entry("a", data=b"a"), mtime=0) + gzip.compress(b"", mtime=0) * 20000 + gzip.compress(
        END, mtime=0)


# A15: other formats (libarchive would read many of them)

def zip_bytes(canary):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        z.writestr("../" * 20 + below(canary) + "/pwn", "pwn")
    return b.getvalue()


FORMATS = {
    "zip": zip_bytes,
    "seven_zip": lambda c: b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 600,
    "rar": lambda c: b"Rar!\x1a\x07\x00\xcf\x90\x73\0\0\x0d" + b"\0" * 600,
    "rar5": lambda c: b"Rar!\x1a\x07\x01\x00" + b"\x33\x92\xb5\xe5\x0a\x01\x05" + b"\0" * 600,
    "iso": lambda c: b"\0" * 32768 + b"\x01CD001\x01" + b"\0" * 4096,
    "cab": lambda c: b"MSCF\0\0\0\0" + b"\1" * 600,
    "lha": lambda c: b"\x2a\x2a-lh5-" + b"\1" * 600,
    "mtree": lambda c: b"#mtree\n./pwn type=file contents=" + c.encode() + b"/secret\n" + b"#" * 600,
    "warc": lambda c: b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Target-URI: file:///pwn\r\n"
                      b"Content-Length: 3\r\n\r\npwn\r\n\r\n" + b"\0" * 600,
    "xar": lambda c: b"xar!\0\x1c\0\1" + b"\0" * 600,
    "cpio": lambda c: b"070701" + b"0" * 104 + b"pwn\0" + b"\0" * 600,
    "ar": lambda c: b"!<arch>\n" + b"pwn/            0           0     0     644     3         `\npwn\n" + b" " * 600,
    "shar": lambda c: b"#!/bin/sh\ntouch " + c.encode() + b"/pwn\n" + b"#" * 600,
}

for kind, make in FORMATS.items():
    ARCHIVES["A15_" + kind] = make


# A16: two readings of one archive

@archive
def A16_pax_size_differs(canary):
    hidden = entry("hidden", data=b"h")
    return pax([("size", b"3")]) + header("f", size=len(hidden)) + padded(b"abc") + hidden + END


@archive
def A16_after_the_end(canary):
    return entry("seen", data=b"s") + END + entry("hidden", data=b"h") + END


@archive
def A16_bad_checksum(canary):
    return entry("f", data=b"x") + header("g", checksum=1) + END


@archive
def A16_signed_checksum(canary):
    h = header(b"caf\xe9", size=0, checksum=0)
    blank = h[:148] + b" " * 8 + h[156:]
    signed = sum(b if b < 128 else b - 256 for b in blank)
    return header(b"caf\xe9", size=0, checksum=signed) + END


# A17: archives that end too early

@archive
def A17_truncated_gzip(canary):
    return gzip.compress(b"".join(entry("f%d" % i, data=os.urandom(3000)) for i in range(60)) + END)[:90000]


@archive
def A17_truncated_xz(canary):
    return lzma.compress(b"".join(entry("f%d" % i, data=os.urandom(3000)) for i in range(60)) + END)[:90000]


@archive
def A17_truncated_bzip2(canary):
    # blocks of 100 kB, of which the first is whole: of less nothing shows that it is an archive
    return bz2.compress(b"".join(entry("f%d" % i, data=os.urandom(3000)) for i in range(60)) + END, 1)[:150000]


@archive
def A17_truncated_tar(canary):
    return (b"".join(entry("f%d" % i, data=b"x" * 3000) for i in range(60)))[:50000]


# A18: extended attributes with a meaning for the store

@archive
def A18_overlay_xattrs(canary):
    records = [("SCHILY.xattr.user.overlay.opaque", b"y"), ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
               ("SCHILY.xattr.trusted.overlay.opaque", b"y"), ("SCHILY.xattr.trusted.overlay.redirect", b"/"),
               ("SCHILY.xattr.user.overlay.whiteout", b"y"), ("SCHILY.xattr.user.kept", b"yes")]
    return pax(records) + entry("d", DIR, mode=0o755) + pax(records) + entry("d/f", data=b"x") + END


# A19: devices

@archive
def A19_devices(canary):
    return (entry("dev", DIR, mode=0o755) + entry("dev/mem", CHR, device=(1, 1), mode=0o666) +
            entry("zero", CHR, device=(1, 5), mode=0o666) + entry("disk", BLK, device=(254, 0), mode=0o666) +
            entry("whiteout", CHR, device=(0, 0), mode=0o666) + END)


# Honest twins (chapter 3)

@archive
def twin_var_run(canary):
    return (entry("var", DIR, mode=0o755) + entry("run", DIR, mode=0o755) + entry("var/run", SYM, link="/run") +
            entry("var/run/x", data=b"x") + END)


@archive
def twin_merged_usr(canary):
    return (entry("usr", DIR, mode=0o755) + entry("usr/bin", DIR, mode=0o755) + entry("bin", SYM, link="usr/bin") +
            entry("bin/x", data=b"x", mode=0o755) + END)


@archive
def twin_surplus_dotdot_links(canary):
    return (entry("a", DIR, mode=0o755) + entry("a/rel", SYM, link="../../../../../b") + entry("b", DIR, mode=0o755) +
            entry("a/rel/x", data=b"x") + entry("jdk", SYM, link="../../../../../../usr/share/zone") + END)


@archive
def twin_implied_parents(canary):
    return entry("x/y/z", data=b"x") + entry("./p/q/", DIR, mode=0o711) + END


@archive
def twin_closed_folders(canary):
    return (entry("c", DIR, mode=0) + entry("c/f", data=b"x", mode=0) + entry("r", DIR, mode=0o555) +
            entry("r/f", data=b"x") + entry("s", DIR, mode=0o711) + entry("s/f", data=b"x") + END)


@archive
def twin_hardlinks(canary):
    return (entry("d", DIR, mode=0o755) + entry("d/f", data=b"x") + entry("h1", HARD, link="d/f") +
            entry("h2", HARD, link="/d/f") + entry("h3", HARD, link="./d/f") + entry("s", SYM, link="d/f") +
            entry("h4", HARD, link="s") + END)


@archive
def twin_type_changes(canary):
    return (entry("a", data=b"x") + entry("a", DIR, mode=0o755) + entry("a/in", data=b"y") + entry("b", DIR) +
            entry("b/in", data=b"x") + entry("b", data=b"now a file") + END)


@archive
def twin_loops(canary):
    return entry("l1", SYM, link="l2") + entry("l2", SYM, link="l1") + entry("self", SYM, link="self") + END


@archive
def twin_modes(canary):
    return (entry("su", data=b"x", mode=0o4755) + entry("sg", data=b"x", mode=0o2755) +
            entry("st", DIR, mode=0o1777) + entry("fifo", FIFO, mode=0o600) + END)


@archive
def twin_names(canary):
    names = [b"new\nline", b"caf\xc3\xa9", b"bad\xff", b"co:lon", b"back\\slash", b"-dash", b" blank ", b"...", b"..x"]
    return b"".join(pax([("hdrcharset", b"BINARY"), ("path", n)]) + entry(n, data=b"x") for n in names) + END


@archive
def twin_capability(canary):
    value = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    return pax([("SCHILY.xattr.security.capability", value)]) + entry("cap", data=b"x", mode=0o755) + END


@archive
def twin_passwd_link(canary):
    return (entry("usr", DIR, mode=0o755) + entry("usr/etc", DIR, mode=0o755) + entry("etc", DIR, mode=0o755) +
            entry("usr/etc/passwd", data=b"root:x:0:0::/root:/bin/sh\napp:x:1234:2345::/:/bin/sh\n") +
            entry("etc/passwd", SYM, link="/usr/etc/passwd") + END)


@archive
def twin_gnu_longname(canary):
    long = b"d" * 90 + b"/" + b"e" * 90 + b"/" + b"f" * 90
    gnu = dict(magic=b"ustar  \0")
    return (header("././@LongLink", b"L", len(long) + 1, **gnu) + padded(long + b"\0") + entry(long, data=b"x", **gnu) +
            header("././@LongLink", b"K", len(long) + 1, **gnu) + padded(long + b"\0") +
            entry("s", SYM, link=long, **gnu) + END)


@archive
def twin_v7(canary):
    return entry("f", b"\0", data=b"x", magic=b"") + entry("d/", b"\0", magic=b"", mode=0o755) + END


@archive
def twin_no_end(canary):
    return entry("f", data=b"x")


@archive
def twin_big_ids(canary):
    return (pax([("uid", b"65536"), ("gid", b"2147483647")]) + entry("f", data=b"x") +
            pax([("uid", b"70000"), ("gid", b"70001")]) + entry("d", DIR, mode=0o755) + END)


@archive
def twin_times(canary):
    return (pax([("mtime", b"-1")]) + entry("before") + pax([("mtime", b"1.123456789")]) + entry("nanos") +
            pax([("mtime", b"9224318016")]) + entry("y2262") + pax([("mtime", b"4294967296")]) + entry("y2106") + END)


@archive
def twin_global_header(canary):
    return pax([("comment", b"0123456789abcdef")], kind=b"g") + entry("f", data=b"x") + END


@archive
def twin_sparse(canary):
    return (pax([("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.name", b"s"),
                 ("GNU.sparse.realsize", b"1000003")]) +
            entry("GNUSparseFile.0/s", data=padded(b"2\n0\n1\n1000002\n1\n") + b"az") + END)


# Layouts

BASES = {}


def busybox(dest, extra):
    """A layout "hostile:latest": the base image, and one more layer unless @extra is None."""
    name = "docker.io/library/busybox:musl"
    oci_layout.subset(BASES["path"], dest, [name])
    out = oci_layout.Layout(dest)
    _, parent = out.manifest(out.find(name))
    out.name(out.image([extra] if extra else [], base=parent), "hostile:latest")
    return out


def patch_manifest(out, change):
    _, m = out.manifest(out.find("hostile:latest"))
    change(m)
    out.name(out.put_json(m, oci_layout.MANIFEST), "hostile:latest")


def link_blob(out, digest, target):
    os.unlink(out.blob_path(digest))
    os.symlink(target, out.blob_path(digest))


@layout
def A21_layer_is_a_link(dest, canary):
    out = busybox(dest, None)
    _, m = out.manifest(out.find("hostile:latest"))
    link_blob(out, m["layers"][0]["digest"], canary + "/secret")
    return out


@layout
def A21_config_is_a_link(dest, canary):
    out = busybox(dest, None)
    _, m = out.manifest(out.find("hostile:latest"))
    link_blob(out, m["config"]["digest"], canary + "/secret")
    return out


@layout
def A21_manifest_is_a_link(dest, canary):
    out = busybox(dest, None)
    link_blob(out, out.find("hostile:latest")["digest"], canary + "/secret")
    return out


@layout
def A21_layer_is_a_fifo(dest, canary):
    out = busybox(dest, None)
    _, m = out.manifest(out.find("hostile:latest"))
    path = out.blob_path(m["layers"][0]["digest"])
    os.unlink(path)
    os.mkfifo(path)
    return out


@layout
def C9_digest_is_a_path(dest, canary):
    out = busybox(dest, None)
    patch_manifest(out, lambda m: m["layers"][0].update(digest="sha256:" + "../" * 20 + below(canary) + "/secret"))
    return out


@layout
def C9_digest_algorithm_is_a_path(dest, canary):
    out = busybox(dest, None)
    patch_manifest(out, lambda m: m["layers"][0].update(digest="../../.." + canary + ":secret"))
    return out


@layout
def C11_platform_is_a_path(dest, canary):
    out = busybox(dest, None)
    _, m = out.manifest(out.find("hostile:latest"))
    config = out.read_json(m["config"]["digest"])
    config["architecture"] = "../../x"
    config["os"] = "linux\n../"
    patch_manifest(out, lambda m: m.update(config=out.put_json(config, oci_layout.CONFIG)))
    return out


@layout
def S11_size_negative(dest, canary):
    out = busybox(dest, None)
    patch_manifest(out, lambda m: m["layers"][0].update(size=-1))
    return out


@layout
def S11_size_huge(dest, canary):
    out = busybox(dest, None)
    patch_manifest(out, lambda m: m["layers"][0].update(size=1 << 63))
    return out


@layout
def S2_layer_with_a_flipped_bit(dest, canary):
    out = busybox(dest, None)
    _, m = out.manifest(out.find("hostile:latest"))
    path = out.blob_path(m["layers"][0]["digest"])
    with open(path, "r+b") as f:
        f.seek(5000)
        b = f.read(1)
        f.seek(5000)
        f.write(bytes([b[0] ^ 1]))
    return out


@layout
def G_wrong_diff_id(dest, canary):
    out = busybox(dest, None)
    _, m = out.manifest(out.find("hostile:latest"))
    config = out.read_json(m["config"]["digest"])
    config["rootfs"]["diff_ids"][0] = "sha256:" + "0" * 64
    patch_manifest(out, lambda m: m.update(config=out.put_json(config, oci_layout.CONFIG)))
    return out


@layout
def G_more_layers_than_diff_ids(dest, canary):
    out = busybox(dest, None)
    patch_manifest(out, lambda m: m["layers"].append(m["layers"][0]))
    return out


# Docker archives (A20, A22)

def docker_archive(members):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as tar:
        for name, kind, value in members:
            t = tarfile.TarInfo(name)
            if kind == "link":
                t.type, t.linkname = tarfile.SYMTYPE, value
                tar.addfile(t)
            else:
                t.size = len(value)
                tar.addfile(t, io.BytesIO(value))
    return b.getvalue()


def docker_manifest(layers):
    return json.dumps([{"Config": "config.json", "RepoTags": ["hostile:latest"], "Layers": layers}]).encode()


def docker_config(layer):
    return json.dumps({"architecture": oci_layout.native(), "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()


@archive
def A20_docker_archive_cycle(canary):
    return docker_archive([("manifest.json", "link", "a"), ("a", "link", "b"), ("b", "link", "manifest.json")])


@archive
def A20_docker_archive_layer_cycle(canary):
    layer = entry("f", data=b"x") + END
    return docker_archive([("manifest.json", "file", docker_manifest(["l"])), ("config.json", "file",
                          docker_config(layer)), ("l", "link", "m"), ("m", "link", "l")])


@archive
def A22_config_is_a_link(canary):
    layer = entry("f", data=b"x") + END
    return docker_archive([("manifest.json", "file", docker_manifest(["layer.tar"])),
                           ("config.json", "link", canary + "/secret"), ("layer.tar", "file", layer)])


@archive
def A22_layer_is_a_link(canary):
    layer = entry("f", data=b"x") + END
    return docker_archive([("manifest.json", "file", docker_manifest(["layer.tar"])),
                           ("config.json", "file", docker_config(layer)), ("layer.tar", "link", canary + "/secret")])


@archive
def A22_names_leave_the_archive(canary):
    layer = entry("f", data=b"x") + END
    return docker_archive([("manifest.json", "file", docker_manifest(["../" * 20 + below(canary) + "/secret"])),
                           ("config.json", "file", docker_config(layer))])


@archive
def twin_docker_archive(canary):
    """docker save of old versions refers to equal layers by links."""
    layer = entry("f", data=b"x") + END
    config = json.loads(docker_config(layer))
    config["rootfs"]["diff_ids"] *= 2
    return docker_archive([("one/layer.tar", "file", layer), ("two/layer.tar", "link", "../one/layer.tar"),
                           ("config.json", "file", json.dumps(config).encode()),
                           ("manifest.json", "file", docker_manifest(["one/layer.tar", "two/layer.tar"]))])


def main(args):
    if args[:1] == ["list"] and len(args) == 2:
        print("\n".join(ARCHIVES if args[1] == "archive" else LAYOUTS))
    elif args[:1] == ["archive"] and len(args) == 4:
        with open(args[2], "wb") as f:
            f.write(ARCHIVES[args[1]](os.path.abspath(args[3])))
    elif args[:1] == ["layout"] and len(args) == 5:
        BASES["path"] = args[4]
        if args[1] in LAYOUTS:
            LAYOUTS[args[1]](args[2], os.path.abspath(args[3])).save()
        else:
            busybox(args[2], ARCHIVES[args[1]](os.path.abspath(args[3]))).save()
    else:
        raise SystemExit(__doc__.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
