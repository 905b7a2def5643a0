#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""near - services of this machine that no step may reach: a port on loopback, whose number is written to FILE, and an abstract socket.

usage: near.py FILE NAME
"""
import os
import socket
import sys
import threading

FILE, NAME = sys.argv[1:3]


def serve(listener):
    while True:
        c, _ = listener.accept()
        c.sendall(b"host-secret")
        c.close()


port = socket.create_server(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0" + NAME)
abstract.listen()
threading.Thread(target=serve, args=(abstract,), daemon=True).start()
with open(FILE + ".new", "w") as f:
    print(port.getsockname()[1], file=f)
os.rename(FILE + ".new", FILE)
serve(port)
