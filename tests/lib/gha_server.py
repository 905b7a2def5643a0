#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""gha_server - the cache service of GitHub Actions, version 2, and its object store, for tests on loopback.

usage: gha_server.py DIRECTORY

It listens on a port of the kernel's choice, written to DIRECTORY/port. Requests go to DIRECTORY/requests, one JSON object a line.
Entries are immutable and found by the beginning of their key, the newest first. DIRECTORY/fault: a line "METHOD STATUS" makes that
method answer so; METHOD is a name of the service, put or get.
"""
import http.server
import json
import os
import secrets
import socketserver
import sys
import threading

SERVICE = "/twirp/github.actions.results.api.v1.CacheService/"
TOKEN = "Bearer the-runtime-token"
directory = sys.argv[1]
lock = threading.Lock()
entries = []  # [key, version, data or None, final]
urls = {}  # signed part → entry


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, **more):
        with lock, open(f"{directory}/requests", "a") as f:
            f.write(json.dumps({"method": self.command, "path": self.path.split("?")[0],
                                "headers": dict(self.headers), **more}) + "\n")

    def fault(self, what):
        try:
            for line in open(f"{directory}/fault"):
                name, status = line.split()
                if name == what:
                    return int(status)
        except FileNotFoundError:
            pass
        return 0

    def answer(self, status, data=b"", kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def say(self, value, status=200):
        self.answer(status, json.dumps(value).encode())

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def sign(self, entry):
        part = secrets.token_hex(8)
        urls[part] = entry
        return f"http://127.0.0.1:{port}/store/{part}?sig=secret-signature"

    def do_POST(self):
        body = self.body()
        method = self.path.removeprefix(SERVICE)
        self.note(body=body.decode())
        if self.headers.get("Authorization") != TOKEN:
            return self.say({"code": "unauthenticated"}, 401)
        if self.fault(method):
            return self.say({"code": "internal"}, self.fault(method))
        question = json.loads(body)
        key, version = question["key"], question["version"]
        with lock:
            if method == "CreateCacheEntry":
                if any(e[0] == key and e[1] == version for e in entries):
                    return self.say({"code": "already_exists"}, 409)
                entries.append([key, version, None, False])
                return self.say({"ok": True, "signed_upload_url": self.sign(entries[-1])})
            if method == "FinalizeCacheEntryUpload":
                for e in entries:
                    if e[0] == key and e[1] == version and e[2] is not None:
                        e[3] = str(len(e[2])) == question["size_bytes"]
                        return self.say({"ok": e[3], "entry_id": "1"})
                return self.say({"ok": False})
            if method == "GetCacheEntryDownloadURL":
                for wanted, exact in [(key, True)] + [(k, False) for k in question.get("restore_keys", [])]:
                    for e in reversed(entries):
                        if e[1] == version and e[3] and (e[0] == wanted if exact else e[0].startswith(wanted)):
                            return self.say({"ok": True, "signed_download_url": self.sign(e), "matched_key": e[0]})
                return self.say({"ok": False, "signed_download_url": "", "matched_key": ""})
        self.say({"code": "bad_route"}, 404)

    def entry(self):
        return urls.get(self.path.split("?")[0].removeprefix("/store/"))

    def do_PUT(self):
        data = self.body()
        self.note(size=len(data))
        entry = self.entry()
        if self.fault("put"):
            return self.answer(self.fault("put"))
        if entry is None or self.headers.get("x-ms-blob-type") != "BlockBlob" or "Authorization" in self.headers:
            return self.answer(400)
        entry[2] = data
        self.answer(201)

    def do_GET(self):
        self.note()
        entry = self.entry()
        if self.fault("get"):
            return self.answer(self.fault("get"))
        if entry is None or entry[2] is None or "Authorization" in self.headers:
            return self.answer(404)
        self.answer(200, entry[2], "application/octet-stream")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
port = server.server_port
with open(f"{directory}/port.new", "w") as f:
    f.write(str(port))
os.rename(f"{directory}/port.new", f"{directory}/port")
server.serve_forever()
