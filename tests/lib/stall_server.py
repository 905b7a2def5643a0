#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""stall_server - between a client and a server, as slow or as silent as it is told, and a way between network namespaces.

usage: stall_server.py LISTEN CONNECT [MODE]

LISTEN and CONNECT are ports of 127.0.0.1 or paths of sockets. MODE: pass (the default); silent: takes connections and says nothing;
slow: one byte a second comes back; steady: so do 100 kB; FILE: passes until that file exists, and is silent then.
"""
import os
import socket
import sys
import threading
import time

listen, connect, mode = (sys.argv[1:] + ["pass"])[:3]


def is_silent():
    return mode == "silent" or ("/" in mode and os.path.exists(mode))


def copy(source, target, slow):
    try:
        while data := source.recv(65536):
            if is_silent():
                time.sleep(3600)
            size = {"": len(data), "slow": 1, "steady": 10000}[slow]
            for i in range(0, len(data), size):
                target.sendall(data[i : i + size])
                if slow:
                    time.sleep(1 if slow == "slow" else 0.1)
    except OSError:
        pass
    for s in source, target:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    if is_silent():
        time.sleep(3600)
    if "/" in connect:
        server = socket.socket(socket.AF_UNIX)
        server.connect(connect)
    else:
        server = socket.create_connection(("127.0.0.1", int(connect)))
    threading.Thread(target=copy, args=(client, server, ""), daemon=True).start()
    copy(server, client, mode if mode in ("slow", "steady") else "")


if "/" in listen:
    s = socket.socket(socket.AF_UNIX)
    s.bind(listen + ".new")
    s.listen(64)
    os.chmod(listen + ".new", 0o666)
    os.rename(listen + ".new", listen)
else:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(listen)))
    s.listen(64)
while True:
    client, _ = s.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
