# SPDX-License-Identifier: BSD-2-Clause
"""What a program sees of its sockets, as lines of text.

test_sockets.py runs this natively and under rumpkit: both must print the same.
Ports, descriptors and inode numbers are left out of what is printed.
"""
import array
import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
import threading

LO = "127.0.0.1"
LIBC = ctypes.CDLL(None, use_errno=True)
IP_PKTINFO, IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_TTL, IP_TOS = \
    8, 11, 12, 13, 2, 1
IP_MTU_DISCOVER, IP_MTU, IP_FREEBIND, IP_TRANSPARENT = 10, 14, 15, 19
IP_BIND_ADDRESS_NO_PORT = 24
MSG_ERRQUEUE, MSG_MORE, MSG_CONFIRM = 0x2000, 0x8000, 0x800
SO_TIMESTAMP, SO_TIMESTAMPNS, SO_PEEK_OFF = 29, 35, 42
UDP_SEGMENT, UDP_GRO, UDP_CORK = 103, 104, 1
SIOCOUTQ, FIONREAD, SIOCATMARK = 0x5411, 0x541b, 0x8905
FIOASYNC = 0x5452
SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFINDEX = \
    0x8912, 0x8913, 0x8915, 0x8933
RECVFROM, ACCEPT4, FUTEX = "45", "288", "202"
CASES = []


def case(function):
    CASES.append(function)
    return function


def say(*what):
    print("   ", *what, flush=True)


def attempt(what, function, *args):
    """Print the result of function(*args), or its error."""
    try:
        result = function(*args)
    except OSError as e:
        result = errno.errorcode.get(e.errno, type(e).__name__)
    except (OverflowError, ValueError) as e:
        result = type(e).__name__
    if isinstance(result, socket.socket):
        result = "a socket"
    say(what, result)
    return result


def listener(family=socket.AF_INET, host=LO):
    s = socket.socket(family)
    s.bind((host, 0))
    s.listen(8)
    return s


def pair(family=socket.AF_INET, host=LO):
    with listener(family, host) as s:
        c = socket.create_connection(s.getsockname()[:2])
        a, _ = s.accept()
    return c, a


def udp_pair(family=socket.AF_INET, host=LO):
    a, b = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    a.bind((host, 0))
    b.bind((host, 0))
    a.connect(b.getsockname())
    b.connect(a.getsockname())
    return a, b


def readable(s, what=select.POLLIN):
    p = select.poll()
    p.register(s, what)
    return p.poll(10000) != []


def dead_port():
    with listener() as s:
        return s.getsockname()[1]


@case
def types_and_protocols():
    for family in (socket.AF_INET, socket.AF_INET6):
        for kind in range(1, 12):
            for proto in (0, 1, 6, 17, 58, 132, 136, 262, 99, 256, -1):
                attempt((family, kind, proto), socket.socket, family, kind,
                        proto)


@case
def identity():
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(socket.AF_INET6, kind)
        for name in (socket.SO_TYPE, socket.SO_DOMAIN, socket.SO_PROTOCOL,
                     socket.SO_ACCEPTCONN, socket.SO_ERROR):
            attempt(name, s.getsockopt, socket.SOL_SOCKET, name)
        st = os.fstat(s.fileno())
        say(oct(st.st_mode), st.st_size, st.st_nlink, st.st_blksize,
            stat.S_ISSOCK(st.st_mode), st.st_uid == os.getuid())
        say(fcntl.fcntl(s, fcntl.F_GETFL), fcntl.fcntl(s, fcntl.F_GETFD))
        attempt("lseek", os.lseek, s.fileno(), 0, os.SEEK_SET)
        attempt("pread", os.pread, s.fileno(), 1, 0)
        attempt("pwrite", os.pwrite, s.fileno(), b"x", 0)
        attempt("ftruncate", os.ftruncate, s.fileno(), 0)
        attempt("fsync", os.fsync, s.fileno())
        attempt("read 0", os.read, s.fileno(), 0)


OPTIONS = [(1, n) for n in range(1, 80)] + \
    [(0, n) for n in range(1, 60)] + [(41, n) for n in range(1, 82)] + \
    [(6, n) for n in range(1, 46)] + [(17, n) for n in (1, 100, 101, 102, 103,
                                                        104)] + \
    [(255, 1), (300, 1), (-1, 1), (0x48000001, 2)]
# What differs from one socket or moment to the next: cookies, the processor,
# pointers, addresses with a port.
VARIES = {(1, 49), (1, 55), (1, 56), (1, 57), (6, 11), (6, 26), (6, 35),
          (0, 80), (41, 80), (6, 16), (6, 24)}


@case
def options_are_read():
    for family, kind in ((socket.AF_INET, socket.SOCK_STREAM),
                         (socket.AF_INET6, socket.SOCK_STREAM),
                         (socket.AF_INET, socket.SOCK_DGRAM),
                         (socket.AF_INET6, socket.SOCK_DGRAM)):
        s = socket.socket(family, kind)
        for level, name in OPTIONS:
            if (level, name) not in VARIES:
                for length in (0, 1, 2, 4, 8, 64):
                    attempt((level, name, length), s.getsockopt, level, name,
                            length)


@case
def options_are_set():
    """Each value is read back; one that locks the socket is not tried."""
    skip = {(1, 26), (1, 27), (1, 44), (1, 50), (1, 51), (1, 52),
            (6, 19), (6, 20)} | VARIES
    for family, kind in ((socket.AF_INET, socket.SOCK_STREAM),
                         (socket.AF_INET6, socket.SOCK_DGRAM),
                         (socket.AF_INET, socket.SOCK_DGRAM)):
        for level, name in OPTIONS:
            if (level, name) in skip:
                continue
            with socket.socket(family, kind) as s:
                for value in (b"", b"\1", b"\1\0", struct.pack("i", 1),
                              struct.pack("i", -1), struct.pack("i", 70000),
                              struct.pack("ii", 1, 5),
                              struct.pack("iii", 0, 0x100007f, 1),
                              struct.pack("ll", 2, 5000),
                              struct.pack("ll", 2, 1000000),
                              struct.pack("ll", -1, 0), b"\0" * 20,
                              b"\0" * 300):
                    attempt((level, name, len(value)), s.setsockopt, level,
                            name, value)
                    attempt("  now", s.getsockopt, level, name, 16)


@case
def buffers_and_timeouts():
    s = socket.socket()
    for name in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        for value in (0, 1000, 30000, 1 << 20):
            s.setsockopt(socket.SOL_SOCKET, name, value)
            say(name, value, s.getsockopt(socket.SOL_SOCKET, name))
    c, a = pair()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                 struct.pack("ll", 0, 20000))
    attempt("recv", c.recv, 1)
    attempt("recvmsg", c.recvmsg, 1)
    say(struct.unpack("ll", c.getsockopt(socket.SOL_SOCKET,
                                         socket.SO_RCVTIMEO, 16)))
    a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                 struct.pack("ll", 0, 20000))
    try:
        while True:
            a.send(b"x" * 65536)
    except BlockingIOError:
        say("send EAGAIN")
    s = listener()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                 struct.pack("ll", 0, 20000))
    attempt("accept", s.accept)


@case
def multicast():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group = socket.inet_aton("239.1.2.3")
    lo = socket.inet_aton(LO)
    index = socket.if_nametoindex("lo")
    for name, value in (
            (socket.IP_MULTICAST_IF, lo),
            (socket.IP_MULTICAST_IF, b"\0" * 4 + lo + struct.pack("i", index)),
            (socket.IP_MULTICAST_TTL, b"\5"),
            (socket.IP_MULTICAST_TTL, struct.pack("i", 7)),
            (socket.IP_MULTICAST_LOOP, b"\1"),
            (socket.IP_ADD_MEMBERSHIP, group + lo),
            (socket.IP_ADD_MEMBERSHIP, group + lo),
            (socket.IP_DROP_MEMBERSHIP, group + lo),
            (socket.IP_DROP_MEMBERSHIP, group + lo),
            (socket.IP_ADD_MEMBERSHIP, group + lo + struct.pack("i", index)),
            (socket.IP_ADD_MEMBERSHIP, b"\1\2\3\4" + lo)):
        attempt(name, s.setsockopt, socket.IPPROTO_IP, name, value)
    s.bind(("", 0))
    s.sendto(b"to all", ("239.1.2.3", s.getsockname()[1]))
    say(readable(s) and s.recv(100))


@case
def connecting():
    s = socket.socket()
    attempt("refused", s.connect, (LO, dead_port()))
    attempt("error", s.getsockopt, 1, socket.SO_ERROR)
    s = socket.socket()
    s.setblocking(False)
    say("now", errno.errorcode[s.connect_ex((LO, dead_port()))])
    readable(s, select.POLLOUT)
    say(errno.errorcode[s.getsockopt(1, socket.SO_ERROR)],
        s.getsockopt(1, socket.SO_ERROR))
    with listener() as one:
        s = socket.socket()
        s.setblocking(False)
        say(errno.errorcode[s.connect_ex(one.getsockname())])
        readable(s, select.POLLOUT)
        say(s.connect_ex(one.getsockname()))
        say(errno.errorcode[s.connect_ex(one.getsockname())])
        say(s.getpeername() == one.getsockname())
        s = socket.socket()
        s.connect(one.getsockname())
        attempt("again", s.connect, one.getsockname())
        attempt("send", s.send, b"x")
    attempt("not connected", socket.socket().getpeername)
    attempt("recv", socket.socket().recv, 1)
    attempt("send", socket.socket().send, b"x", socket.MSG_NOSIGNAL)
    attempt("shutdown", socket.socket().shutdown, socket.SHUT_RD)
    attempt("accept", socket.socket().accept)
    attempt("wrong family", socket.socket(socket.AF_INET6).connect_ex,
            ("::ffff:127.0.0.1", dead_port()))


def raw_connect(s, address):
    n = LIBC.connect(s.fileno(), address, len(address))
    return n if n == 0 else errno.errorcode[ctypes.get_errno()]


def raw_bind(s, address):
    n = LIBC.bind(s.fileno(), address, len(address))
    return n if n == 0 else errno.errorcode[ctypes.get_errno()]


@case
def odd_addresses():
    any4 = struct.pack("H", 2) + b"\0" * 14
    for address in (b"", b"\2", any4[:8], any4[:15], any4,
                    struct.pack("H", 0) + b"\0" * 14,
                    struct.pack("H", 0) + b"\0\0\x7f\0\0\1" + b"\0" * 8,
                    struct.pack("H", 1) + b"/tmp/x" + b"\0" * 20,
                    struct.pack("H", 10) + b"\0" * 26,
                    struct.pack("H", 10) + b"\0" * 22,
                    struct.pack("H", 77) + b"\0" * 26,
                    struct.pack("H", 2) + b"\0\0\1\2\3\4" + b"\0" * 8,
                    b"\0" * 129):
        for family in (socket.AF_INET, socket.AF_INET6):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(family, kind) as s:
                    say(len(address), "bind", raw_bind(s, address))
    s, peer = udp_pair()
    say("dissolve", raw_connect(s, struct.pack("H", 0) + b"\0" * 14))
    attempt("peer", s.getpeername)
    attempt("send", s.send, b"x")
    attempt("sendto", s.sendto, b"x", peer.getsockname())
    c, _ = pair()
    say("dissolve", raw_connect(c, struct.pack("H", 0) + b"\0" * 14))
    attempt("peer", c.getpeername)
    for args in ((-1,), (0,), (15,), (16,), (129,)):
        n = LIBC.sendto(s.fileno(), b"x", 1, 0, any4, *args)
        say("sendto", args, n, errno.errorcode.get(ctypes.get_errno())
            if n < 0 else "")


@case
def names():
    s = listener()
    buf = ctypes.create_string_buffer(128)
    for size in (0, 1, 2, 8, 16, 128, -1):
        length = ctypes.c_int(size)
        ctypes.memset(buf, 0xaa, 128)
        n = LIBC.getsockname(s.fileno(), buf, ctypes.byref(length))
        say(size, n, length.value, buf.raw[:2], buf.raw[4:8], buf.raw[15:17])
    say(LIBC.getsockname(s.fileno(), None, ctypes.byref(length)))
    with socket.socket() as other:
        attempt("in use", other.bind, s.getsockname())
    with socket.socket() as other:
        attempt("not ours", other.bind, ("192.0.2.1", 0))
        attempt("bind", other.bind, (LO, 0))
        attempt("twice", other.bind, (LO, 0))
    six = socket.socket(socket.AF_INET6)
    say(six.getsockname())
    six.bind(("::1", 0))
    say(six.getsockname()[0], six.getsockname()[2:])


@case
def mapped_addresses():
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", 0))
    s.listen(1)
    c = socket.create_connection((LO, s.getsockname()[1]))
    a, peer = s.accept()
    say(peer[0], a.getsockname()[0])
    c.send(b"x")
    say(a.recv(1))


@case
def streams():
    for family, host in ((socket.AF_INET, LO), (socket.AF_INET6, "::1")):
        c, a = pair(family, host)
        c.sendall(b"hello")
        readable(a)
        say(a.recv(2, socket.MSG_PEEK), a.recv(2), a.recv(10))
        c.sendmsg([b"a", b"", b"bc", b"d" * 10])
        say(a.recvmsg(20)[:3])
        a.setblocking(False)
        attempt("none", a.recv, 1)
        attempt("none", a.recvmsg, 1)
        a.setblocking(True)
        attempt("dontwait", a.recv, 1, socket.MSG_DONTWAIT)
        c.send(b"0123456789")
        readable(a)
        say(LIBC.recv(a.fileno(), None, 4, socket.MSG_TRUNC), a.recv(10))
        c.send(b"12345")
        t = threading.Timer(0, c.send, (b"67890",))
        t.start()
        say(a.recv(10, socket.MSG_WAITALL))
        t.join()
        c.shutdown(socket.SHUT_WR)
        say(a.recv(1), a.recv(1))
        a.send(b"still")
        say(c.recv(10))
        attempt("after shutdown", c.send, b"x", socket.MSG_NOSIGNAL)
        a.close()
        say(c.recv(1))


@case
def low_water_mark():
    c, a = pair()
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    a.setsockopt(1, socket.SO_RCVLOWAT, 4)
    c.send(b"ab")
    buf = array.array("i", [0])
    while buf[0] != 2:
        fcntl.ioctl(a, FIONREAD, buf, True)
    p = select.poll()
    p.register(a, select.POLLIN)
    say(p.poll(0))
    attempt("nonblocking", a.recv, 2, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    c.send(b"cd")
    readable(a)
    say(a.recv(10))


@case
def more_and_cork():
    c, a = pair()
    c.send(b"first ", MSG_MORE)
    c.send(b"second")
    readable(a)
    say(a.recv(100)[:6])
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    say(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_CORK))
    u, v = udp_pair()
    u.send(b"one ", MSG_MORE)
    u.send(b"datagram")
    readable(v)
    say(v.recv(100))
    u.setsockopt(17, UDP_CORK, 1)
    u.send(b"cork")
    u.send(b"ed")
    u.setsockopt(17, UDP_CORK, 0)
    readable(v)
    say(v.recv(100))


@case
def urgent_data():
    c, a = pair()
    c.send(b"normal")
    c.send(b"!", socket.MSG_OOB)
    readable(a, select.POLLPRI)
    say(a.recv(10, socket.MSG_OOB))
    attempt("again", a.recv, 1, socket.MSG_OOB)
    say(a.recv(10))
    buf = array.array("i", [9])
    fcntl.ioctl(a, SIOCATMARK, buf, True)
    say("at mark", buf[0])
    a.setsockopt(1, socket.SO_OOBINLINE, 1)
    c.send(b"?", socket.MSG_OOB)
    readable(a)
    attempt("inline", a.recv, 1, socket.MSG_OOB)
    say(a.recv(5))


@case
def resets():
    c, a = pair()
    a.setsockopt(1, socket.SO_LINGER, struct.pack("ii", 1, 0))
    a.close()
    readable(c, select.POLLERR)
    attempt("recv", c.recv, 1)
    attempt("recv", c.recv, 1)
    attempt("send", c.send, b"x", socket.MSG_NOSIGNAL)
    c, a = pair()
    a.setsockopt(1, socket.SO_LINGER, struct.pack("ii", 1, 0))
    a.close()
    readable(c, select.POLLERR)
    attempt("error", c.getsockopt, 1, socket.SO_ERROR)
    attempt("error", c.getsockopt, 1, socket.SO_ERROR)
    attempt("send", c.send, b"x", socket.MSG_NOSIGNAL)


@case
def sigpipe():
    got = []
    signal.signal(signal.SIGPIPE, lambda *_: got.append("SIGPIPE"))
    c, _ = pair()
    c.shutdown(socket.SHUT_WR)
    for what, function, args in (
            ("send", c.send, (b"x",)),
            ("nosignal", c.send, (b"x", socket.MSG_NOSIGNAL)),
            ("write", os.write, (c.fileno(), b"x")),
            ("writev", os.writev, (c.fileno(), [b"x", b"y"])),
            ("sendmsg", c.sendmsg, ([b"x"],)),
            ("sendmsg nosignal", c.sendmsg, ([b"x"], [],
                                             socket.MSG_NOSIGNAL))):
        attempt(what, function, *args)
        say(got)
        got.clear()
    u, _ = udp_pair()
    u.shutdown(socket.SHUT_WR)
    attempt("udp", u.send, b"x")
    attempt("udp", os.write, u.fileno(), b"x")
    say(got)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    attempt("ignored", c.send, b"x")


@case
def datagrams():
    u, v = udp_pair()
    u.send(b"")
    u.send(b"a" * 100)
    os.write(u.fileno(), b"")
    u.send(b"b")
    readable(v)
    say(v.recv(10), v.recvmsg(10)[0::2], v.recv(10), v.recv(10))
    u.send(b"x" * 50)
    readable(v)
    say(len(v.recv(10, socket.MSG_PEEK | socket.MSG_TRUNC)),
        v.recv_into(bytearray(10), 10, socket.MSG_PEEK))
    buf = ctypes.create_string_buffer(10)
    say(LIBC.recv(v.fileno(), buf, 10, socket.MSG_TRUNC))
    attempt("too long", u.send, b"x" * 70000)
    attempt("sendto connected", u.sendto, b"other", v.getsockname())
    say(readable(v) and v.recvfrom(10)[0])
    w = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    attempt("no destination", w.send, b"x")
    attempt("broadcast", w.sendto, b"x", ("255.255.255.255", 9))
    w.connect((LO, dead_port()))
    attempt("first", w.send, b"x")
    readable(w, select.POLLERR)
    attempt("refused", w.recv, 1)
    attempt("then", w.recv, 1, socket.MSG_DONTWAIT)
    attempt("listen", w.listen, 1)
    attempt("accept", w.accept)
    attempt("shutdown", socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM).shutdown, socket.SHUT_RD)


def cmsgs(v, size=256, flags=0, length=100):
    data, control, got, _ = v.recvmsg(length, size, flags)
    out = []
    for level, kind, value in control:
        if (level, kind) in ((1, SO_TIMESTAMP), (1, SO_TIMESTAMPNS)):
            value = len(value)
        out.append((level, kind, value))
    return data, out, hex(got)


@case
def ancillary_data():
    u, v = udp_pair()
    for level, name in ((0, IP_PKTINFO), (0, IP_RECVTTL), (0, IP_RECVTOS),
                        (1, SO_TIMESTAMP)):
        attempt((level, name), v.setsockopt, level, name, 1)
    u.send(b"plain")
    readable(v)
    say(cmsgs(v))
    u.sendmsg([b"set"], [(0, IP_TTL, struct.pack("i", 9)),
                         (0, IP_TOS, struct.pack("i", 16)),
                         (0, IP_PKTINFO, struct.pack("i", 0) +
                          socket.inet_aton(LO) * 2)])
    readable(v)
    say(cmsgs(v))
    for size in (0, 8, 16, 20, 24, 32, 40, 60):
        u.send(b"short")
        readable(v)
        say(size, cmsgs(v, size))
    v.setsockopt(1, SO_TIMESTAMPNS, 1)
    u.send(b"ns")
    readable(v)
    say(cmsgs(v))
    for message in ((0, IP_TTL, b"\1"), (0, IP_TTL, struct.pack("i", 999)),
                    (0, 99, b"1234"), (99, 1, b"1234"), (1, 1, b"1234"),
                    (1, 2, b"\0" * 12), (0, IP_TTL, b"")):
        attempt(message, u.sendmsg, [b"x"], [message])
    u, v = udp_pair(socket.AF_INET6, "::1")
    for name in (socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT,
                 socket.IPV6_RECVTCLASS):
        v.setsockopt(socket.IPPROTO_IPV6, name, 1)
    u.sendmsg([b"six"], [
        (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, struct.pack("i", 7)),
        (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, struct.pack("i", 32)),
        (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO,
         socket.inet_pton(socket.AF_INET6, "::1") + struct.pack("i", 0))])
    readable(v)
    say(cmsgs(v))
    c, a = pair()
    attempt("descriptors", c.sendmsg, [b"x"],
            [(1, socket.SCM_RIGHTS, array.array("i", [0]))])
    say(a.recvmsg(10, 100)[:3])


@case
def error_queue():
    w = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    w.setsockopt(0, IP_RECVERR, 1)
    port = dead_port()
    w.sendto(b"lost", (LO, port))
    readable(w, select.POLLERR)
    attempt("recv", w.recv, 10, socket.MSG_DONTWAIT)
    data, control, flags, peer = w.recvmsg(100, 512, MSG_ERRQUEUE)
    say(data, hex(flags), peer == (LO, port))
    for level, kind, value in control:
        say(level, kind, value[:16])
    attempt("empty", w.recvmsg, 100, 512, MSG_ERRQUEUE)


@case
def segments():
    u, v = udp_pair()
    attempt("segment", u.setsockopt, 17, UDP_SEGMENT, 4)
    attempt("get", u.getsockopt, 17, UDP_SEGMENT)
    u.send(b"abcdefghij")
    readable(v)
    say(v.recv(100), v.recv(100), v.recv(100))
    u.setsockopt(17, UDP_SEGMENT, 0)
    u.sendmsg([b"12345678"], [(17, UDP_SEGMENT, struct.pack("H", 5))])
    readable(v)
    say(v.recv(100), v.recv(100))


@case
def peek_offset():
    c, a = pair()
    attempt("set", a.setsockopt, 1, SO_PEEK_OFF, 0)
    c.send(b"abcdef")
    readable(a)
    attempt("peek", a.recv, 2, socket.MSG_PEEK)
    attempt("peek", a.recv, 2, socket.MSG_PEEK)
    say(a.recv(10))


@case
def queued():
    c, a = pair()
    c.send(b"12345")
    readable(a)
    for request in (FIONREAD, SIOCOUTQ, SIOCATMARK):
        buf = array.array("i", [-1])
        attempt(hex(request), fcntl.ioctl, a, request, buf, True)
        say(buf[0])
    with listener() as s:
        buf = array.array("i", [-1])
        attempt("listening", fcntl.ioctl, s, FIONREAD, buf, True)


@case
def splicing():
    """More than one page at a time, both ways, and what cannot be."""
    a, b = pair()
    inside, outside = os.pipe()
    data = bytes(range(256)) * 256
    sender = threading.Thread(target=a.sendall, args=(data,))
    sender.start()
    while len(b.recv(len(data), socket.MSG_PEEK)) < len(data):
        pass
    first = os.splice(b.fileno(), outside, 65536)
    got = os.read(inside, first)
    while len(got) < len(data):
        got += os.read(inside, os.splice(b.fileno(), outside, 65536))
    sender.join()
    say("pages", first > 4096, "same", got == data)
    os.write(outside, data[:5000])
    say("back", os.splice(inside, b.fileno(), 5000))
    say(len(a.recv(5000, socket.MSG_WAITALL)))
    attempt("offset", lambda: os.splice(b.fileno(), outside, 10, offset_src=0))
    attempt("two sockets", lambda: os.splice(b.fileno(), a.fileno(), 10))
    a.close()
    attempt("end", lambda: os.splice(b.fileno(), outside, 10))
    os.close(inside)
    os.close(outside)
    b.close()


@case
def interfaces():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    name = b"lo".ljust(40, b"\0")
    for request in (SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFINDEX):
        attempt(hex(request), fcntl.ioctl, s, request, name)
    attempt("none", fcntl.ioctl, s, SIOCGIFFLAGS, b"nosuch".ljust(40, b"\0"))
    buf = ctypes.create_string_buffer(40 * 64)
    conf = struct.pack("iP", len(buf), ctypes.addressof(buf))
    size = struct.unpack("iP", fcntl.ioctl(s, SIOCGIFCONF, conf))[0]
    say([buf.raw[i:i + 24] for i in range(0, size, 40)])
    attempt("terminal", fcntl.ioctl, s, 0x5401, b"\0" * 64)
    attempt("unknown", fcntl.ioctl, s, 0x12345678, b"\0" * 64)


@case
def signal_driven():
    got = []
    signal.signal(signal.SIGIO, lambda *_: got.append("SIGIO"))
    u, v = udp_pair()
    attempt("own", fcntl.fcntl, v, fcntl.F_SETOWN, os.getpid())
    say(fcntl.fcntl(v, fcntl.F_GETOWN) == os.getpid())
    say(fcntl.fcntl(v, fcntl.F_GETSIG))
    flags = fcntl.fcntl(v, fcntl.F_GETFL)
    attempt("async", fcntl.fcntl, v, fcntl.F_SETFL, flags | os.O_ASYNC)
    say(fcntl.fcntl(v, fcntl.F_GETFL) == flags | os.O_ASYNC)
    u.send(b"x")
    say(v.recv(1))
    while not got:
        pass
    say(got[0])
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def signals_from(signals, sender, receiver):
    """What the signal says that comes with a datagram: is it this number?"""
    sender.send(b"x")
    info = os.read(signals, 128)
    number, code, fd = struct.unpack("I4xi8xi", info[:24])
    say(number == signal.SIGRTMIN, code, fd == receiver.fileno())
    say(receiver.recv(1))


@case
def signals_name_the_descriptor():
    mask = 1 << (signal.SIGRTMIN - 1)
    bits = ctypes.create_string_buffer(struct.pack("Q", mask).ljust(128, b"\0"))
    signals = LIBC.signalfd(-1, bits, os.O_CLOEXEC)
    for way in "fcntl", "ioctl":
        u, v = udp_pair()
        os.set_inheritable(v.fileno(), way == "fcntl")
        fcntl.fcntl(v, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(v, fcntl.F_SETSIG, signal.SIGRTMIN)
        if way == "fcntl":
            flags = fcntl.fcntl(v, fcntl.F_GETFL)
            fcntl.fcntl(v, fcntl.F_SETFL, flags | os.O_ASYNC)
        else:
            fcntl.ioctl(v, FIOASYNC, struct.pack("i", 1))
        say(os.get_inheritable(v.fileno()))
        signals_from(signals, u, v)
        u.close()
        v.close()
    os.close(signals)


def asleep(tid, *calls):
    """Wait until the thread sleeps in one of these system calls."""
    while True:
        with open(f"/proc/self/task/{tid}/syscall", encoding="ascii") as f:
            if f.read().split()[0] in calls:
                return


def interrupt(tid, handled, sock):
    asleep(tid, RECVFROM)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    os.read(handled, 1)
    sock.send(b"late")


@case
def restarts():
    """A handler with and without SA_RESTART, with and without a timeout."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    handled, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup)
    for restart in (True, False):
        for timeout in (False, True):
            c, a = pair()
            if timeout:
                a.setsockopt(1, socket.SO_RCVTIMEO, struct.pack("ll", 60, 0))
            signal.siginterrupt(signal.SIGUSR1, not restart)
            buf = ctypes.create_string_buffer(8)
            t = threading.Thread(target=interrupt,
                                 args=(threading.get_native_id(), handled,
                                       c))
            t.start()
            n = LIBC.recv(a.fileno(), buf, 8, 0)
            say(restart, timeout, n, buf.value if n > 0
                else errno.errorcode[ctypes.get_errno()])
            t.join()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)


@case
def close_under_a_reader():
    c, a = pair()
    number = a.detach()
    result = []
    buf = ctypes.create_string_buffer(8)
    t = threading.Thread(target=lambda: result.append(
        LIBC.recv(number, buf, 8, 0)))
    t.start()
    asleep(t.native_id, RECVFROM)
    os.close(number)
    c.send(b"data")
    t.join()
    say(result, buf.value)


@case
def shutdown_under_sleepers():
    c, a = pair()
    result = []
    t = threading.Thread(target=lambda: result.append(a.recv(1)))
    t.start()
    asleep(t.native_id, RECVFROM)
    a.shutdown(socket.SHUT_RDWR)
    t.join()
    say(result)
    s = listener()
    t = threading.Thread(target=lambda: result.append(
        LIBC.accept4(s.fileno(), None, None, 0)))
    t.start()
    # A kernel in a server is waited for; afterwards the result is the same.
    asleep(t.native_id, ACCEPT4, FUTEX)
    s.shutdown(socket.SHUT_RDWR)
    t.join()
    say(result, c.recv(1))


@case
def bad_memory():
    c, a = pair()
    bad = ctypes.c_void_p(8)
    for what, n in (("send", LIBC.send(c.fileno(), bad, 4, 0)),
                    ("sendmsg", LIBC.sendmsg(c.fileno(), bad, 0)),
                    ("recvmsg", LIBC.recvmsg(c.fileno(), bad, 0)),
                    ("getsockopt", LIBC.getsockopt(c.fileno(), 1, 2, bad,
                                                   bad)),
                    ("setsockopt", LIBC.setsockopt(c.fileno(), 1, 2, bad, 4)),
                    ("setsockopt", LIBC.setsockopt(c.fileno(), 6, 4, bad, 4)),
                    ("bind", LIBC.bind(c.fileno(), bad, 16)),
                    ("getsockname", LIBC.getsockname(c.fileno(), bad, bad)),
                    ("ioctl", LIBC.ioctl(c.fileno(), FIONREAD, bad)),
                    ("ioctl", LIBC.ioctl(c.fileno(), SIOCGIFADDR, bad))):
        say(what, n)
    c.send(b"kept")
    readable(a)
    say("recv", LIBC.recv(a.fileno(), bad, 4, 0))
    say(a.recv(10))


@case
def many_vectors():
    c, a = pair()
    say(c.sendmsg([b"x"] * 1024))
    attempt("too many", c.sendmsg, [b"x"] * 1025)
    attempt("too many", os.writev, c.fileno(), [b"x"] * 1025)
    got = 0
    while got < 1024:
        got += a.recvmsg_into([bytearray(1) for _ in range(700)])[0]
    say(got)


@case
def zero_lengths():
    c, a = pair()
    say(c.send(b""), os.write(c.fileno(), b""), c.sendmsg([]))
    c.send(b"x")
    readable(a)
    say(a.recv(0), a.recvmsg(0), os.read(a.fileno(), 0), a.recv(1))


class Mmsg(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint),
                ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_size_t), ("len", ctypes.c_uint)]


@case
def many_messages():
    u, v = udp_pair()
    count = 4
    bufs = [ctypes.create_string_buffer(b"message %d" % i, 16)
            for i in range(count)]
    iovs = [(ctypes.c_size_t * 2)(ctypes.addressof(b), 9 + i)
            for i, b in enumerate(bufs)]
    vec = (Mmsg * count)()
    for m, iov in zip(vec, iovs):
        m.iov, m.iovlen = ctypes.addressof(iov), 1
    say(LIBC.sendmmsg(u.fileno(), vec, count, 0), [m.len for m in vec])
    readable(v)
    for m, iov in zip(vec, iovs):
        iov[1] = 16
    say(LIBC.recvmmsg(v.fileno(), vec, 3, 0, None), [m.len for m in vec])
    say(LIBC.recvmmsg(v.fileno(), vec, count, 0x10000, None), vec[0].len)
    spec = (ctypes.c_long * 2)(0, 2000000000)
    say(LIBC.recvmmsg(v.fileno(), vec, count, 0, spec), ctypes.get_errno())
    spec = (ctypes.c_long * 2)(0, 1)
    u.send(b"one")
    u.send(b"two")
    readable(v)
    say(LIBC.recvmmsg(v.fileno(), vec, count, 0, spec), list(spec))
    spec = (ctypes.c_long * 2)(1000, 0)
    say(LIBC.recvmmsg(v.fileno(), vec, 1, 0, spec), 900 < spec[0] < 1000)
    vec[0].iov = 8
    say(LIBC.sendmmsg(u.fileno(), vec, count, 0), ctypes.get_errno())


@case
def an_error_comes_before_many_messages():
    c, a = pair()
    c.send(b"data")
    c.setsockopt(1, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
    readable(a, select.POLLRDHUP)
    buf = ctypes.create_string_buffer(8)
    iov = (ctypes.c_size_t * 2)(ctypes.addressof(buf), 8)
    vec = (Mmsg * 2)()
    for m in vec:
        m.iov, m.iovlen = ctypes.addressof(iov), 1
    for _ in range(3):
        n = LIBC.recvmmsg(a.fileno(), vec, 2, 0, None)
        say(n, errno.errorcode[ctypes.get_errno()] if n < 0 else vec[0].len)


@case
def out_of_descriptors():
    """A connection that cannot get a descriptor waits for one."""
    s = listener()
    s.setblocking(False)
    c = socket.create_connection(s.getsockname())
    c.send(b"patient")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (c.fileno() + 3, hard))
    fill = []
    while attempt("dup", os.dup, c.fileno()) != "EMFILE":
        fill.append(0)
    attempt("accept", s.accept)
    attempt("socket", socket.socket)
    os.close(c.fileno() + 1)
    a = s.accept()[0]
    say(a.fileno() - c.fileno(), a.recv(10))
    attempt("nobody there", s.accept)
    a.close()
    attempt("nobody there", s.accept)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@case
def odd_messages():
    """What only the host can judge, in the order in which it does."""
    c, _ = pair()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    buf = ctypes.create_string_buffer(b"data", 8)
    iov = (ctypes.c_size_t * 2)(ctypes.addressof(buf), 4)
    for s in (c, u, socket.socket()):
        for length in (0, 1, 16, 126, 128):
            say("name", length, LIBC.sendto(
                s.fileno(), buf, 4, socket.MSG_NOSIGNAL, b"\x1d" * 128,
                length), errno.errorcode.get(ctypes.get_errno()))
        for lie in (0, 15, 17, 300):
            control = ctypes.create_string_buffer(
                struct.pack("Nii", lie, 0, IP_TTL), 40)
            m = Mmsg(iov=ctypes.addressof(iov), iovlen=1,
                     control=ctypes.addressof(control), controllen=32,
                     namelen=0xffffffff)
            say("control", lie, LIBC.sendmsg(
                s.fileno(), ctypes.byref(m), socket.MSG_NOSIGNAL),
                errno.errorcode.get(ctypes.get_errno()))
        say("length", LIBC.sendto(s.fileno(), ctypes.c_void_p(8),
                                  ctypes.c_size_t(-1), socket.MSG_NOSIGNAL,
                                  None, 0),
            errno.errorcode[ctypes.get_errno()])
    s = socket.socket()
    for time in (struct.pack("ll", 60, 0), struct.pack("lll", 60, 0, 0)):
        attempt("timeout", s.setsockopt, 1, socket.SO_RCVTIMEO, time)


@case
def accepting():
    s = listener()
    for flags in (0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC,
                  socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 1):
        c = socket.create_connection(s.getsockname())
        n = LIBC.accept4(s.fileno(), None, None, flags)
        if n < 0:
            say(flags, errno.errorcode[ctypes.get_errno()])
            continue
        say(flags, fcntl.fcntl(n, fcntl.F_GETFL), fcntl.fcntl(n,
                                                              fcntl.F_GETFD))
        os.close(n)
        c.close()
    while True:
        s.setblocking(False)
        try:
            s.accept()
        except BlockingIOError:
            break
    clients = [socket.create_connection(s.getsockname()) for _ in range(8)]
    say(sum(1 for _ in clients if s.accept()))
    attempt("none", s.accept)
    n = LIBC.accept(s.fileno(), None, None)
    say(n, errno.errorcode[ctypes.get_errno()])


@case
def nonblocking_both_ways():
    c, a = pair()
    for how in range(3):
        if how == 0:
            a.setblocking(False)
        elif how == 1:
            fcntl.fcntl(a, fcntl.F_SETFL, os.O_RDWR)
        else:
            fcntl.ioctl(a, 0x5421, struct.pack("i", 1))
        say(how, fcntl.fcntl(a, fcntl.F_GETFL))
        if how != 1:
            attempt("recv", a.recv, 1)
    d = a.dup()
    attempt("dup", d.recv, 1)
    d.close()
    c.send(b"x")
    readable(a)
    say(a.recv(1))


@case
def fast_open():
    s = listener()
    attempt("server", s.setsockopt, socket.IPPROTO_TCP, 23, 5)
    c = socket.socket()
    attempt("client", c.sendto, b"early", 0x20000000, s.getsockname())
    a = s.accept()[0]
    say(a.recv(10))


def main():
    names_wanted = sys.argv[1:]
    # For all threads: one that has been joined may not have ended yet, and would
    # take a signal that is for the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    if names_wanted == ["--list"]:
        print(*(function.__name__ for function in CASES))
        return
    for function in CASES:
        if names_wanted and function.__name__ not in names_wanted:
            continue
        print(function.__name__, flush=True)
        try:
            function()
        except Exception as e:  # pylint: disable=broad-except
            say("ended by", type(e).__name__, e)
        sys.stdout.flush()


main()
