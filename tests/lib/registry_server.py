#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""registry_server - a registry that misbehaves as it is told, for tests on loopback.

usage: registry_server.py LAYOUT DIRECTORY [--address IP] [--https CERT KEY] [--token]

Any repository has one tag, latest: the image of busybox in an OCI layout. It listens on a port of the kernel's choice, which it writes to
DIRECTORY/port; what it is asked, with all headers, goes to DIRECTORY/requests, one JSON object a line. The faults are read
from DIRECTORY/fault at each request: lines "WHAT COUNT FAULT [ARGUMENT]", where WHAT is ping, manifest, config, blob, token,
head, post, patch, put or any, and COUNT how many requests of that kind are treated so (0: all).
"""
import argparse
import hashlib
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

INDEX = "application/vnd.oci.image.index.v1+json"


class Registry:
    def __init__(self, layout, directory, token):
        self.blobs = os.path.join(layout, "blobs", "sha256")
        self.directory = directory
        self.token = token
        self.used = {}
        self.uploads = {}
        self.stored = {}
        self.lock = threading.Lock()
        self.expired = set()
        with open(os.path.join(layout, "index.json")) as f:
            self.index = json.load(f)
        self.base = None

    def blob(self, digest):
        if digest in self.stored:
            return self.stored[digest]
        path = os.path.join(self.blobs, digest.removeprefix("sha256:"))
        if not digest.startswith("sha256:") or "/" in digest or not os.path.exists(path):
            return None
        with open(path, "rb") as f:
            return f.read()

    def manifest(self, reference):
        """Bytes and media type."""
        if reference.startswith("sha256:"):
            data = self.blob(reference)
            if data is None:
                return None, None
            return data, json.loads(data).get("mediaType", INDEX)
        for d in self.index["manifests"]:
            if reference == "latest" and "busybox" in json.dumps(d.get("annotations", {})):
                return self.blob(d["digest"]), d["mediaType"]
        return self.stored.get("tag:" + reference, (None, None))

    def fault(self, what):
        """The fault for the next request of this kind, and its argument."""
        try:
            with open(os.path.join(self.directory, "fault")) as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            return "", ""
        with self.lock:
            for line in lines:
                kind, count, name, *rest = line.split(" ", 3)
                if kind not in (what, "any"):
                    continue
                used = self.used.get(line, 0)
                if count != "0" and used >= int(count):
                    continue
                self.used[line] = used + 1
                return name, rest[0] if rest else ""
        return "", ""

    def record(self, handler):
        line = json.dumps({"method": handler.command, "path": handler.path,
                           "headers": dict(handler.headers)})
        with self.lock, open(os.path.join(self.directory, "requests"), "a") as f:
            f.write(line + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *_):
        pass

    # ---- answers ----

    def reply(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length is not False:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def error(self, status, code, headers=()):
        self.reply(status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(),
                   [("Content-Type", "application/json"), *headers])

    def send_part(self, data, headers):
        """data, or the rest of it that Range asks for."""
        wanted = self.headers.get("Range", "")
        if wanted.startswith("bytes=") and wanted.endswith("-"):
            first = int(wanted[6:-1])
            if first >= len(data):
                return self.reply(416)
            return self.reply(206, data[first:], [
                *headers, ("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")])
        return self.reply(200, data, headers)

    def misbehave(self, name, argument, data, headers):
        """True when the request is answered."""
        half = data[:len(data) // 2]
        rest = [*headers]
        if name.isdigit():
            extra = [("Retry-After", argument)] if argument else []
            self.error(int(name), "FAULT", extra)
        elif name == "reset-before":
            self.reset()
        elif name == "reset-header":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
            self.wfile.flush()
            self.reset()
        elif name == "reset-body":
            self.reply(200, half, rest, len(data))
            self.wfile.flush()
            self.reset()
        elif name == "truncated":
            self.reply(200, half, rest, len(data))
            self.close_connection = True
        elif name == "too-long":
            self.reply(200, data + b"x" * 100, rest)
        elif name == "too-short":
            self.reply(200, half, rest)
        elif name == "no-length":
            self.close_connection = True
            self.reply(200, data, [*rest, ("Connection", "close")], False)
        elif name == "no-length-cut":
            self.close_connection = True
            self.reply(200, half, [*rest, ("Connection", "close")], False)
        elif name == "http10":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" +
                             b"".join(f"{k}: {v}\r\n".encode() for k, v in rest) + b"\r\n" + data)
        elif name == "flip":
            position = int(argument) % (len(data) * 8)
            changed = bytearray(data)
            changed[position // 8] ^= 1 << position % 8
            self.reply(200, bytes(changed), rest)
        elif name == "cut":
            self.reply(200, data[:int(argument) % len(data)], rest)
        elif name == "wrong-type":
            self.reply(200, data, [("Content-Type", argument or "text/html")])
        elif name == "stall":
            self.reply(200, data[:10], rest, len(data))
            self.wfile.flush()
            time.sleep(60)
        elif name == "hold":
            self.reply(200, half, rest, len(data))
            self.wfile.flush()
            for _ in range(600):
                if os.path.exists(argument):
                    break
                time.sleep(0.05)
            self.wfile.write(data[len(half):])
        elif name == "cut-link":
            subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
            time.sleep(60)
        elif name == "stall-header":
            time.sleep(60)
        elif name == "trickle":
            self.reply(200, b"", rest, len(data))
            for byte in data[:60]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)
        elif name == "drip":
            self.reply(200, b"", rest, 1000000)
            for _ in range(600):
                self.wfile.write(b" " * 1000)
                self.wfile.flush()
                time.sleep(0.1)
        elif name == "redirect":
            self.reply(307, b"", [("Location", argument or self.path)])
        elif name == "redirect-blob":
            self.reply(307, b"", [("Location", argument + self.path)])
        elif name == "range-ignored":
            self.reply(200, data, rest)
        elif name == "range-wrong":
            if "Range" in self.headers:
                self.reply(206, data, [*rest, ("Content-Range", f"bytes 0-{len(data) - 1}/{len(data)}")])
            else:
                self.reply(200, half, rest, len(data))
                self.close_connection = True
        elif name == "chunked":
            self.send_chunks([data], rest)
        elif name == "chunked-bad":
            self.send_chunks([half], rest, b"zzzz\r\nxx")
        elif name == "chunked-endless":
            self.send_chunks([b"x" * 65536] * 2000, rest)
        elif name == "gzip":
            import gzip
            self.reply(200, gzip.compress(data), [*rest, ("Content-Encoding", "gzip")])
        elif name == "transfer-gzip":
            import gzip
            self.close_connection = True
            self.reply(200, gzip.compress(data), [*rest, ("Transfer-Encoding", "gzip")], False)
        elif name == "wrong-digest":
            other = [h for h in rest if h[0] != "Docker-Content-Digest"]
            self.reply(200, data, [*other, ("Docker-Content-Digest", "sha256:" + "0" * 64)])
        elif name == "body":
            self.reply(200, argument.encode(), [h for h in rest if h[0] != "Docker-Content-Digest"])
        elif name == "wrong-data":
            self.reply(200, bytes(len(data)), rest)
        else:
            return False
        return True

    def send_chunks(self, chunks, headers, end=b"0\r\n\r\n"):
        self.send_response(200)
        for name, value in [*headers, ("Transfer-Encoding", "chunked")]:
            self.send_header(name, value)
        self.end_headers()
        try:
            for chunk in chunks:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.write(end)
        except OSError:
            pass
        self.close_connection = True

    # ---- tokens ----

    def allowed(self):
        r = self.registry
        if not r.token:
            return True
        given = self.headers.get("Authorization", "")
        if given.startswith("Bearer token-") and given not in r.expired:
            return True
        realm = f"{r.base}/token"
        name, argument = r.fault("realm")
        if name:
            realm = argument
        self.reply(401, b"", [("WWW-Authenticate",
                               f'Bearer realm="{realm}",service="test",scope="repository:x:pull"')])
        return False

    def give_token(self):
        name, argument = self.registry.fault("token")
        text = f"token-{time.time_ns()}"
        body = {"token": text, "expires_in": 300}
        if name == "expires":
            body["expires_in"] = int(argument)
        if name == "no-expiry":
            del body["expires_in"]
        if name == "access":
            body = {"access_token": text}
        data = json.dumps(body).encode()
        if name and self.misbehave(name, argument, data, []):
            return
        self.reply(200, data, [("Content-Type", "application/json")])

    # ---- requests ----

    def do_GET(self):
        r = self.registry
        r.record(self)
        path = self.path.split("?")[0]
        if path == "/token":
            return self.give_token()
        if path == "/v2/":
            name, argument = r.fault("ping")
            if name and self.misbehave(name, argument, b"{}", []):
                return None
            return self.reply(200, b"{}") if self.allowed() else None
        parts = path.split("/")
        kind, reference = (parts[-2], parts[-1]) if len(parts) > 4 else ("", "")
        if "uploads" in parts:
            return self.upload_status(path)
        if not self.allowed():
            return None
        if kind == "manifests":
            data, media_type = r.manifest(reference)
            if data is None:
                return self.error(404, "MANIFEST_UNKNOWN")
            headers = [("Content-Type", media_type), ("Docker-Content-Digest",
                       "sha256:" + hashlib.sha256(data).hexdigest())]
            name, argument = r.fault("manifest")
        elif kind == "blobs":
            data = r.blob(reference)
            if data is None:
                return self.error(404, "BLOB_UNKNOWN")
            headers = [("Content-Type", "application/octet-stream")]
            name, argument = r.fault("config" if data[:1] == b"{" else "blob")
            if name == "expire":
                r.expired.add(self.headers.get("Authorization", ""))
                return self.allowed()
        else:
            return self.error(404, "NOT_FOUND")
        if name and self.misbehave(name, argument, data, headers):
            return None
        return self.send_part(data, headers)

    def do_HEAD(self):
        r = self.registry
        r.record(self)
        name, argument = r.fault("head")
        if name and self.misbehave(name, argument, b"", []):
            return None
        if not self.allowed():
            return None
        digest = self.path.split("/")[-1]
        if digest in r.stored:
            return self.reply(200, b"", [("Docker-Content-Digest", digest)], len(r.stored[digest]))
        return self.reply(404)

    def read_body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self):
        r = self.registry
        r.record(self)
        self.read_body()
        name, argument = r.fault("post")
        if name == "no-location":
            return self.reply(202)
        if name and self.misbehave(name, argument, b"", []):
            return None
        if not self.allowed():
            return None
        query = self.path.partition("?")[2]
        if "mount=" in query and name != "mount-denied" and r.fault("mount")[0] == "yes":
            digest = query.split("mount=")[1].split("&")[0]
            r.stored[digest] = r.blob(digest) or b""
            return self.reply(201, b"", [("Location", f"/v2/x/blobs/{digest}")])
        if "mount=" in query and name == "mount-denied":
            return self.error(403, "DENIED")
        session = f"/v2/x/blobs/uploads/{time.time_ns()}"
        with r.lock:
            r.uploads[session] = b""
        return self.reply(202, b"", [("Location", session), ("Range", "0-0")])

    def upload_status(self, path):
        data = self.registry.uploads.get(path)
        if data is None:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        return self.reply(204, b"", [("Location", path), ("Range", f"0-{max(len(data) - 1, 0)}")])

    def do_PATCH(self):
        r = self.registry
        r.record(self)
        name, argument = r.fault("patch")
        length = int(self.headers.get("Content-Length", 0))
        if name == "reset-body":
            r.uploads[self.path] += self.rfile.read(length // 2)
            return self.reset()
        body = self.read_body()
        if name == "lost":
            r.uploads.pop(self.path, None)
        if name and self.misbehave(name, argument, b"", []):
            return None
        if self.path not in r.uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        if not self.allowed():
            return None
        first = int(self.headers.get("Content-Range", "0-0").split("-")[0])
        if first != len(r.uploads[self.path]):
            return self.error(416, "RANGE_INVALID")
        r.uploads[self.path] += body
        return self.reply(202, b"", [("Location", self.path),
                                     ("Range", f"0-{len(r.uploads[self.path]) - 1}")])

    def do_PUT(self):
        r = self.registry
        r.record(self)
        body = self.read_body()
        name, argument = r.fault("put-manifest" if "/manifests/" in self.path else "put")
        if name == "lost":
            r.uploads.pop(self.path.split("?")[0], None)
        elif name and self.misbehave(name, argument, b"", []):
            return None
        if not self.allowed():
            return None
        if "/manifests/" in self.path:
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            reference = self.path.split("/")[-1]
            r.stored[digest] = body
            if not reference.startswith("sha256:"):
                r.stored["tag:" + reference] = (body, self.headers.get("Content-Type"))
            headers = [("Docker-Content-Digest", digest)]
            subject = json.loads(body).get("subject") if r.referrers else None
            if subject:
                headers.append(("OCI-Subject", subject["digest"]))
            return self.reply(201, b"", headers)
        session, _, query = self.path.partition("?")
        if session not in r.uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        data = r.uploads.pop(session) + body
        digest = query.split("digest=")[1]
        if digest != "sha256:" + hashlib.sha256(data).hexdigest():
            return self.error(400, "DIGEST_INVALID")
        r.stored[digest] = data
        return self.reply(201, b"", [("Location", f"/v2/x/blobs/{digest}")])


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("layout")
    parser.add_argument("directory")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--https", nargs=2)
    parser.add_argument("--referrers", action="store_true")
    parser.add_argument("--token", action="store_true")
    args = parser.parse_args()
    server = Server((args.address, 0), Handler)
    port = server.server_address[1]
    Handler.registry = Registry(args.layout, args.directory, args.token)
    Handler.registry.referrers = args.referrers
    Handler.registry.base = f"http{'s' if args.https else ''}://{args.address}:{port}"
    if args.https:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # weak keys are for the client to refuse
        context.load_cert_chain(*args.https)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(os.path.join(args.directory, "port.new"), "w") as f:
        f.write(str(port))
    os.rename(os.path.join(args.directory, "port.new"), os.path.join(args.directory, "port"))
    server.serve_forever()


if __name__ == "__main__":
    main()
