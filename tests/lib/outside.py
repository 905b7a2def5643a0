#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""outside - servers for tests of the network, in a network namespace that plays the world.

usage: outside.py ADDRESS ADDRESS6 FOLDER [far | near]

HTTP with the files of FOLDER at both addresses (port 80) and, with the word "host-secret" alone, at 127.0.0.1, [::1] and
169.254.169.254; datagrams are sent back at port 7777; names are answered at 127.0.0.53, by datagram and by stream: test.example has
both addresses, rebind.example 127.0.0.1, others do not exist. The abstract socket "host-secret" accepts. "ready" is printed. With "far"
there is only what is at the two addresses, with "near" all else.
"""
import http.server
import os
import socket
import struct
import sys
import threading

FOUR, SIX, FOLDER = sys.argv[1:4]
PARTS = sys.argv[4:] or ["far", "near"]
HOSTS = {"test.example": (FOUR, SIX), "also.example": (FOUR, SIX), "rebind.example": ("127.0.0.1", "::1")}


class Secret(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"host-secret")

    def log_message(self, *args):
        pass


class Files(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args):
        super().__init__(*args, directory=FOLDER)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address[:2]


class Server6(Server):
    address_family = socket.AF_INET6


def answer(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    kind = struct.unpack(">H", query[at + 1:at + 3])[0]
    question = query[12:at + 5]
    found = HOSTS.get(".".join(labels))
    data = b""
    if found and kind == 1:
        data = socket.inet_aton(found[0])
    if found and kind == 28:
        data = socket.inet_pton(socket.AF_INET6, found[1])
    body = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    return query[:2] + (b"\x81\x80" if found else b"\x81\x83") + struct.pack(">HHHH", 1, 1 if data else 0, 0, 0) + question + body


def datagrams(address, port, fn):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        data, peer = s.recvfrom(65535)
        s.sendto(fn(data), peer)


def name_streams():
    s = socket.create_server(("127.0.0.53", 53))
    while True:
        c, _ = s.accept()
        with c, c.makefile("rb") as f:
            head = f.read(2)
            while len(head) == 2:
                a = answer(f.read(struct.unpack(">H", head)[0]))
                c.sendall(struct.pack(">H", len(a)) + a)
                head = f.read(2)


def start(fn, *args):
    threading.Thread(target=fn, args=args, daemon=True).start()


os.chdir("/")
SERVERS = {"far": ((Server, FOUR, Files), (Server6, SIX, Files)),
           "near": ((Server, "127.0.0.1", Secret), (Server6, "::1", Secret), (Server, "169.254.169.254", Secret))}
ECHOES = {"far": (FOUR, SIX), "near": ("127.0.0.1",)}
abstract = socket.socket(socket.AF_UNIX)
for part in PARTS:
    for server, address, handler in SERVERS[part]:
        start(server((address, 80), handler).serve_forever)
    for address in ECHOES[part]:
        start(datagrams, address, 7777, lambda data: data[::-1])
if "near" in PARTS:
    start(datagrams, "127.0.0.53", 53, answer)
    start(name_streams)
    abstract.bind("\0host-secret")
    abstract.listen()
print("ready", flush=True)
threading.Event().wait()
