#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""remote_server - files and git repositories by HTTP on loopback, for tests.

usage: remote_server.py FOLDER LOG

Serves what is in FOLDER: NAME.git by git http-backend, all else as files. Prints the port that the kernel chose, and ends with
standard input. Each request is a line of LOG: method, path, Authorization ("-" for none). FOLDER/NAME.headers holds header lines
for NAME; FOLDER/NAME.secret an Authorization that NAME asks for.
"""
import http.server
import os
import subprocess
import sys
import threading
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, what=None):
        with open(sys.argv[2], "a", encoding="utf-8") as log:
            log.write("%s %s %s\n" % (what or self.command, self.path, self.headers.get("Authorization", "-")))

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.note()
        path = urllib.parse.unquote(self.path.split("?")[0])
        if ".git/" in path:
            return self.git()
        name = os.path.join(sys.argv[1], os.path.basename(path.rstrip("/")))
        if os.path.exists(name + ".secret"):
            with open(name + ".secret", encoding="utf-8") as secret:
                if self.headers.get("Authorization") != secret.read().strip():
                    return self.answer(401, b"no\n", [("WWW-Authenticate", "Bearer")])
        headers = []
        if os.path.exists(name + ".headers"):
            with open(name + ".headers", encoding="utf-8") as lines:
                headers = [line.rstrip("\n").split(": ", 1) for line in lines]
        for key, value in headers:
            if key == "Location":
                return self.answer(302, b"", [(key, value)])
            if (key, value) in (("ETag", self.headers.get("If-None-Match")),
                                ("Last-Modified", self.headers.get("If-Modified-Since"))):
                self.note("unchanged")
                return self.answer(304, b"", headers)
        try:
            with open(name, "rb") as file:
                return self.answer(200, file.read(), headers)
        except OSError:
            return self.answer(404, b"nothing here\n")

    do_HEAD = do_GET

    def do_POST(self):
        self.note()
        self.git()

    def git(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    break
        env = dict(
            os.environ,
            GIT_PROJECT_ROOT=sys.argv[1],
            GIT_HTTP_EXPORT_ALL="1",
            PATH_INFO=path,
            QUERY_STRING=query,
            REQUEST_METHOD=self.command,
            CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(body)),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="safe.directory",
            GIT_CONFIG_VALUE_0="*",
        )
        out = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=False).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            elif name:
                headers.append((name, value))
        self.answer(status, rest, headers)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
