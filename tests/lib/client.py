#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""client - one way to use sockets each, from within a step's network; prints "yes" or what went wrong.

usage: client.py WAY ADDRESS
"""
import errno
import fcntl
import os
import select
import signal
import socket
import sys
import threading

WAY, ADDRESS = sys.argv[1:3]
FAMILY = socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET
REQUEST = b"GET /hello HTTP/1.0\r\n\r\n"


def stream():
    return socket.socket(FAMILY, socket.SOCK_STREAM)


def talks(s):
    s.setblocking(True)
    s.settimeout(10)
    s.sendall(REQUEST)
    text = b""
    while True:
        more = s.recv(65536)
        if not more:
            return b"greetings" in text
        text += more


def blocking():
    s = stream()
    s.connect((ADDRESS, 80))
    return s.getpeername()[:2] == (ADDRESS, 80) and talks(s)


def polled():
    """Registered before it connects, as event loops do; the registration must go over to the new socket."""
    s = stream()
    s.setblocking(False)
    e = select.epoll()
    e.register(s.fileno(), select.EPOLLOUT | select.EPOLLET)
    e.poll(0)  # what an unconnected socket has to say
    n = s.connect_ex((ADDRESS, 80))
    if n not in (0, errno.EINPROGRESS):
        raise OSError(n, os.strerror(n))
    events = e.poll(10)
    if [fd for fd, _ in events] != [s.fileno()] or s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return False
    e.modify(s.fileno(), select.EPOLLIN)
    s.setblocking(True)
    s.sendall(REQUEST)
    arrived = e.poll(10) == [(s.fileno(), select.EPOLLIN)]
    e.unregister(s.fileno())
    text = b""
    while b"greetings" not in text:
        text += s.recv(65536) or sys.exit("no: ended early")
    return arrived


def options():
    """What was set before is as it was; so is close-on-exec, and a copy of the descriptor is the same socket."""
    s = stream()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    before = s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    os.set_inheritable(s.fileno(), True)
    s.setblocking(False)
    other = os.dup(s.fileno())
    s.connect_ex((ADDRESS, 80))
    select.select([], [s], [], 10)
    return (s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1 and
            s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0 and
            s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 77 and
            s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before and
            os.get_inheritable(s.fileno()) and fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK != 0 and
            os.fstat(other).st_ino == os.fstat(s.fileno()).st_ino and talks(s))


def threaded():
    result = []
    threads = [threading.Thread(target=lambda: result.append(blocking())) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return result == [True] * 8


def refused():
    """A port that nobody listens on says so, waiting or not; the socket can be used again."""
    s = stream()
    n = s.connect_ex((ADDRESS, 81))
    if n != errno.ECONNREFUSED:
        return "%s, not refused" % errno.errorcode.get(n, n)
    s = stream()
    s.setblocking(False)
    s.connect_ex((ADDRESS, 81))
    select.select([], [s], [], 10)
    if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) not in (0, errno.ECONNREFUSED):
        return False
    s.setblocking(True)
    s.connect((ADDRESS, 80))
    return talks(s)


def datagram():
    s = socket.socket(FAMILY, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.connect((ADDRESS, 7777))
    s.send(b"abc")
    return s.recv(100) == b"cba"


def datagrams():
    """Without a connection, by sendto and sendmsg; what comes back is from the address that was asked."""
    s = socket.socket(FAMILY, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.sendto(b"abc", (ADDRESS, 7777))
    first, peer = s.recvfrom(100)
    s.sendmsg([b"de", b"f"], [], 0, (ADDRESS, 7777))
    second = s.recv(100)
    return first == b"cba" and peer[:2] == (ADDRESS, 7777) and second == b"fed"


def inner():
    """A server and its client inside, on loopback and on all addresses, by stream and datagram."""
    for at in ("127.0.0.1", "0.0.0.0"):
        server = socket.create_server((at, 0))
        c = socket.create_connection(("127.0.0.1", server.getsockname()[1]), 10)
        got, _ = server.accept()
        c.sendall(b"x")
        if got.recv(1) != b"x":
            return False
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.bind(("127.0.0.1", 0))
    d.settimeout(10)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"y", d.getsockname())
    if d.recv(1) != b"y":
        return False
    server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    socket.create_connection(server.getsockname()[:2], 10)
    return True


def alone():
    """No way to this machine: each of these fails, at once."""
    for place in (("127.0.0.1", 80), ("0.0.0.0", 80), ("127.1.2.3", 80), ("169.254.169.254", 80)):
        n = socket.socket().connect_ex(place)
        if n not in (errno.ECONNREFUSED, errno.EACCES):
            return "%s: %s" % (place, n)
    for place in (("::1", 80), ("::ffff:127.0.0.1", 80), ("::ffff:169.254.169.254", 80), ("::", 80), ("fe80::1", 80, 0, 1)):
        n = socket.socket(socket.AF_INET6).connect_ex(place)
        if n not in (errno.ECONNREFUSED, errno.EACCES):
            return "%s: %s" % (place, n)
    s = socket.socket(socket.AF_UNIX)
    if s.connect_ex("\0host-secret") != errno.ECONNREFUSED:
        return "abstract socket"
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.settimeout(1)
    try:
        d.sendto(b"abc", ("127.0.0.1", 7777))
        d.recv(100)
        return "datagram"
    except OSError:
        return True


def race():
    """Another thread changes the address all the time: none of the connections may be one to this machine.

    It changes it as a whole: to an address that is half of each, nobody answers for seconds."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    address = (ctypes.c_uint64 * 2)()
    fine, evil = (int.from_bytes(b"\x02\x00\x00\x50" + socket.inet_aton(a), sys.byteorder)
                  for a in (ADDRESS, "127.0.0.1"))
    stop = False

    def swap():
        while not stop:
            address[0] = evil
            address[0] = fine

    t = threading.Thread(target=swap)
    t.start()
    seen = 0
    for _ in range(200):
        s = socket.socket()
        if libc.connect(s.fileno(), address, 16) == 0:
            seen += 1
            if s.getpeername()[0] != ADDRESS or b"host-secret" in (s.sendall(REQUEST) or s.recv(65536)):
                stop = True
                return "reached the machine"
        s.close()
    stop = True
    t.join()
    return seen > 0


def again():
    """A socket from outside, closed by its peer, is neither bound, nor made to listen, nor connected to this machine, be it by sending."""
    import ctypes
    s = stream()
    s.connect((ADDRESS, 80))
    talks(s)
    s.shutdown(socket.SHUT_RDWR)
    signal.alarm(20)
    for fn in (lambda: s.bind(("0.0.0.0", 0)), lambda: s.listen(), lambda: s.connect(("127.0.0.1", 80))):
        try:
            fn()
            return "was done"
        except OSError:
            pass
    ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16)  # AF_UNSPEC: it has no peer any more
    for place in (("127.0.0.1", 80), ("127.0.0.1", 7)):
        try:
            s.sendmsg([REQUEST], [], socket.MSG_FASTOPEN, place)
            return "was sent"
        except OSError as e:
            if e.errno != errno.EOPNOTSUPP:
                return "sending: %s" % e
    return True


try:
    outcome = globals()[WAY]()
    print("yes" if outcome is True else "no: %s" % outcome)
except OSError as e:
    print("no: %s" % e)
