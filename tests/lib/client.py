#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""client - one way to use sockets each, from within a step's network; prints "yes" or what went wrong.

usage: client.py WAY ADDRESS
"""
import contextlib
import ctypes
import errno
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading

WAY, ADDRESS = sys.argv[1:3]
FAMILY = socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET
REQUEST = b"GET /hello HTTP/1.0\r\n\r\n"


def stream(family=FAMILY):
    return socket.socket(family, socket.SOCK_STREAM)


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
    if s.connect_ex("\0host-secret") not in (errno.ECONNREFUSED, errno.EPERM):
        return "abstract socket"
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.settimeout(1)
    try:
        d.sendto(b"abc", ("127.0.0.1", 7777))
        d.recv(100)
        return "datagram"
    except OSError:
        return True


def place(address, port):
    """A sockaddr_in, as two numbers of 64 bits of which the second is 0."""
    return int.from_bytes(struct.pack(">HH", socket.AF_INET << 8, port) + socket.inet_aton(address), sys.byteorder)


def message_to(address):
    """A msghdr of three bytes to @address, and what it is made of, which has to stay."""
    data = ctypes.create_string_buffer(b"abc")
    part = (ctypes.c_size_t * 2)(ctypes.addressof(data), 3)
    return (ctypes.c_size_t * 7)(ctypes.addressof(address), 16, ctypes.addressof(part), 1, 0, 0, 0), data, part


@contextlib.contextmanager
def meanwhile(fn):
    """Another thread does @fn all the time."""
    stop = []

    def work():
        while not stop:
            fn()

    t = threading.Thread(target=work)
    t.start()
    try:
        yield
    finally:
        stop.append(1)
        t.join()


def changing(address, port):
    """A change of @address, as a whole, to this machine and back."""
    fine, evil = place(ADDRESS, port), place("127.0.0.1", port)

    def change():
        address[0] = evil
        address[0] = fine
    return change


def race():
    """Another thread changes the address all the time: none of the connections may be one to this machine.

    It changes it as a whole: to an address that is half of each, nobody answers for seconds."""
    libc = ctypes.CDLL(None, use_errno=True)
    address = (ctypes.c_uint64 * 2)()
    seen = 0
    with meanwhile(changing(address, 80)):
        for _ in range(200):
            s = socket.socket()
            if libc.connect(s.fileno(), address, 16) == 0:
                seen += 1
                if s.getpeername()[0] != ADDRESS or b"host-secret" in (s.sendall(REQUEST) or s.recv(65536)):
                    return "reached the machine"
            s.close()
    return seen > 0


def again():
    """A socket from outside, closed by its peer, is neither bound, nor made to listen, nor connected to this machine, be it by sending."""
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


def torn():
    """Another thread changes the address of datagrams: whoever answers is never this machine, by sendto and by sendmsg."""
    libc = ctypes.CDLL(None, use_errno=True)
    address = (ctypes.c_uint64 * 2)()
    message, data, _part = message_to(address)
    sources = set()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.05)
    with meanwhile(changing(address, 7777)):
        for i in range(300):
            message[1] = 16
            if i % 2:
                libc.sendto(s.fileno(), data, 3, 0, address, 16)
            else:
                libc.sendmsg(s.fileno(), message, 0)
            try:
                sources.add(s.recvfrom(100)[1])
            except OSError:
                pass
    return sources == {(ADDRESS, 7777)} or str(sources)


def swapped():
    """Another thread exchanges the descriptor under calls that name this machine: for sockets that are connected, new, and of pairs."""
    libc = ctypes.CDLL(None, use_errno=True)
    address = (ctypes.c_uint64 * 2)(place("127.0.0.1", 7777))
    stream = (ctypes.c_uint64 * 2)(place("127.0.0.1", 80))
    message, data, _part = message_to(address)
    unix, other = socket.socketpair()
    datagrams, fresh, used = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(), socket.socket()
    used.connect((ADDRESS, 80))
    unix.setblocking(False)
    other.setblocking(False)
    number = os.dup(unix.fileno())

    def swap():
        for s in (datagrams, unix, fresh, used):
            os.dup2(s.fileno(), number)

    with meanwhile(swap):
        for _ in range(500):
            message[1] = 16
            libc.sendmsg(number, message, 0)
            libc.sendto(number, data, 3, socket.MSG_DONTWAIT, address, 16)
            libc.connect(number, stream, 16)
            try:
                other.recv(65536)
            except OSError:
                pass
    datagrams.settimeout(1)
    try:
        return "answered by %s" % (datagrams.recvfrom(100)[1],)
    except OSError:
        pass
    try:
        return "connected to %s" % (fresh.getpeername(),)
    except OSError:
        return used.getpeername()[0] == ADDRESS


def story():
    """Names of both sides, of a port that is taken outside and one that not everybody may have, by both families; then it is free again."""
    for family, at in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for port in (80, 7, 0):
            server = socket.create_server((at, port), family=family)
            name = server.getsockname()[:2]
            c = socket.create_connection(name, 10)
            got, peer = server.accept()
            if name[0] != at or (port and name[1] != port) or c.getpeername()[:2] != name or got.getsockname()[:2] != name:
                return "%s: %s %s" % (name, c.getpeername(), got.getsockname())
            if peer[:2] != c.getsockname()[:2] or got.getpeername() != peer or peer[0] != at:
                return "%s: %s %s" % (name, peer, c.getsockname())
            got.sendall(b"own")
            if c.recv(3) != b"own":
                return "data"
            got.close()
            if c.recv(1) != b"":
                return "its end is not seen"
            server.close()
            if stream(family).connect_ex(name) != errno.ECONNREFUSED:
                return "connected to a closed port"
            socket.create_server(name, family=family).close()
    both = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
    for at in ("127.0.0.1", "::1"):
        socket.create_connection((at, 80), 10)
        both.accept()
    if stream().connect_ex(("127.0.0.1", 7777)) != errno.ECONNREFUSED or both.getsockname()[:2] != ("::", 80):
        return "all addresses"
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.bind(("127.0.0.1", 7777))
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.sendto(b"ask", ("127.0.0.1", 7777))
    data, peer = d.recvfrom(10)
    d.sendto(data[::-1], peer)
    return c.recvfrom(10) == (b"ksa", ("127.0.0.1", 7777)) or "datagrams"


def interrupted():
    """A signal ends a call that waits."""
    class Alarm(Exception):
        pass

    def handler(*_):
        raise Alarm

    signal.signal(signal.SIGALRM, handler)
    server = socket.create_server(("127.0.0.1", 0))
    d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    d.bind(("127.0.0.1", 0))
    for fn in (server.accept, lambda: d.recvfrom(10)):
        signal.alarm(1)
        try:
            fn()
            return "was done"
        except Alarm:
            pass
    return True


def kinds():
    """No other sockets, and no options by which packets would go elsewhere."""
    for family in (f for f in range(64) if f != socket.AF_UNIX):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            for protocol in (0, 1, 132, 262, 255):
                try:
                    socket.socket(family, kind, protocol).close()
                except OSError:
                    continue
                if (family, protocol) != (socket.AF_NETLINK, 0) and \
                   (family not in (socket.AF_INET, socket.AF_INET6) or protocol != 0 or kind > socket.SOCK_DGRAM):
                    return "%s %s %s" % (family, kind, protocol)
    for s in (socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)):
        for level, name, value in ((0, 4, bytes([131, 7, 4, 127, 0, 0, 1, 0])), (0, 35, socket.inet_aton("224.0.0.1") + bytes(4)),
                                   (1, 25, b"lo\0"), (1, 36, bytes(4)), (41, 57, bytes(24))):
            try:
                s.setsockopt(level, name, value)
                return "option %s of %s" % (name, level)
            except OSError:
                pass
    return True


def many():
    """More sockets than there is room for at a time, each closed at once; and one that is open all the while."""
    server = socket.create_server(("127.0.0.1", 0))
    for _ in range(3000):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", 9))
        s.close()
        socket.socket().close()
    c = socket.create_connection(server.getsockname(), 10)
    return server.accept()[1] == c.getsockname()


NOBODY = 7777
LIBC = ctypes.CDLL(None, use_errno=True)


def among_threads():
    """The C library has all threads change their user."""
    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(20)]
    for t in threads:
        t.start()
    changed = LIBC.setgid(NOBODY) == 0 and LIBC.setuid(NOBODY) == 0
    over.set()
    return changed


def by_spawning():
    """A child that shares this process's memory until it executes changes its user; this one goes on as root."""
    os.posix_spawn("/bin/true", ["true"], {}, resetids=True)
    os.wait()


CHANGES = {
    "all": lambda: (os.setgroups([]), os.setresgid(NOBODY, NOBODY, NOBODY), os.setresuid(NOBODY, NOBODY, NOBODY)),
    "user": lambda: os.setuid(NOBODY),
    "group": lambda: os.setgid(NOBODY),
    "pairs": lambda: (os.setregid(NOBODY, NOBODY), os.setreuid(NOBODY, NOBODY)),
    "file system": lambda: (LIBC.setfsgid(NOBODY), LIBC.setfsuid(NOBODY)),
    "threads": among_threads,
    "spawning": by_spawning,
    "undumpable": lambda: LIBC.prctl(4, 0, 0, 0, 0),
}


def in_child(fn):
    """What @fn returns in a process of its own, or the error."""
    r, w = os.pipe()
    if os.fork() == 0:
        try:
            os.write(w, repr(fn()).encode())
        except OSError as e:
            os.write(w, str(e).encode())
        os._exit(0)
    os.close(w)
    os.wait()
    with os.fdopen(r) as f:
        return f.read()


def dropped():
    """Whoever has changed its user, in whatever way, is served as before; its children too."""
    def serves(change):
        change()
        return blocking() and datagram() and inner() and in_child(blocking) == "True"

    for name, change in CHANGES.items():
        got = in_child(lambda change=change: serves(change))
        if got != "True":
            return "%s: %s" % (name, got)
    return True


def mixed():
    """An effective user that is not the real one: such a process is not looked into, and reaches nothing."""
    os.seteuid(NOBODY)
    return stream().connect_ex((ADDRESS, 80)) == errno.EACCES


def named():
    """Sockets with names in the file system, by processes that change their user or are not dumpable too."""
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o777)
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            for name in ("user", "undumpable"):
                at = "%s/%s%d" % (folder, name, kind)
                server = socket.socket(socket.AF_UNIX, kind)
                server.bind(at)
                os.chmod(at, 0o777)
                server.listen()
                server.listen(5)

                def ask(name=name, at=at, kind=kind):
                    CHANGES[name]()
                    c = socket.socket(socket.AF_UNIX, kind)
                    c.connect(at)
                    c.sendall(b"x")
                    return True
                got = in_child(ask)
                c, _ = server.accept()
                if got != "True" or c.recv(9) != b"x" or c.recv(9) != b"" or server.getsockname() != at:
                    return got
                server.close()
                if socket.socket(socket.AF_UNIX, kind).connect_ex(at) != errno.ECONNREFUSED:
                    return "it still listens"
        c = socket.socket(socket.AF_UNIX)
        if c.connect_ex(at) == 0 or socket.socket(socket.AF_UNIX).connect_ex("%s/none" % folder) != errno.ENOENT:
            return "connected"
        d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        d.bind("%s/datagrams" % folder)
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"y", "%s/datagrams" % folder)
        return d.recv(9) == b"y"
    finally:
        shutil.rmtree(folder)


def listening():
    """Another thread exchanges the descriptor under calls that would have a socket listen: none does at an address of others."""
    def ports():
        with open("/proc/self/net/tcp", encoding="ascii") as f:
            lines = [line.split() for line in f]
        return {line[1] for line in lines if line[3] == "0A" and line[1].startswith("00000000")}

    before = ports()
    sockets = [socket.socket(socket.AF_UNIX), socket.socket()]
    number = os.dup(sockets[0].fileno())
    address = (ctypes.c_uint64 * 2)(place("0.0.0.0", 7070))
    with meanwhile(lambda: [os.dup2(s.fileno(), number) for s in sockets]):
        for i in range(2000):
            if i % 20 == 0:
                sockets[:] = [socket.socket(socket.AF_UNIX), socket.socket()]
            LIBC.listen(number, 5)
            LIBC.bind(number, address, 16)
    return ports() <= before or "listens"


def nothing():
    """Without an outside: no way anywhere."""
    for s, at in ((socket.socket(), (ADDRESS, 80)), (socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (ADDRESS, 7777))):
        if s.connect_ex(at) != errno.ENETUNREACH:
            return "connected"
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"abc", (ADDRESS, 7777))
        return "sent"
    except OSError as e:
        return e.errno == errno.ENETUNREACH or str(e)


try:
    outcome = globals()[WAY]()
    print("yes" if outcome is True else "no: %s" % outcome)
except OSError as e:
    print("no: %s" % e)
