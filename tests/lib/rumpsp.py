# SPDX-License-Identifier: BSD-2-Clause
"""The remote system call protocol in Python, from its description: a client
with memory of its own, which a test sees every byte of.
"""
import collections
import itertools
import re
import select
import socket
import struct

REQ, RESP, ERROR = range(3)
(HANDSHAKE, SYSCALL, COPYIN, COPYINSTR, COPYOUT, COPYOUTSTR, ANONMMAP, PREFORK,
 RAISE) = range(9)
GUEST, AUTH, FORK, EXEC = range(4)

HEADER = struct.Struct("<QQHHI")
COPY = struct.Struct("<QQ")
SYSRET = struct.Struct("<iiqq")
TIMEOUT = 120

Frame = collections.namedtuple("Frame", "reqno cls type u data")
Result = collections.namedtuple("Result", "error r0 r1")


class Gone(Exception):
    """The server has ended the connection."""


def frame(cls, type_, reqno, u=0, data=b"", length=None):
    if length is None:
        length = HEADER.size + len(data)
    return HEADER.pack(length & (1 << 64) - 1, reqno, cls, type_,
                       u & 0xffffffff) + data


def parse_url(url):
    if url.startswith("unix://"):
        return socket.AF_UNIX, url[7:]
    m = re.fullmatch(r"tcp://([\d.]+):(\d+)/", url)
    return socket.AF_INET, (m[1], int(m[2]))


class Memory:
    """What a client's pointers point to."""

    def __init__(self):
        self.regions = []
        self.next = 0x10000000

    def put(self, data):
        address = self.next
        self.regions.append((address, bytearray(data)))
        self.next += (len(data) + 0x1fff) & ~0xfff
        return address

    def room(self, size):
        return self.put(bytes(size))

    def find(self, address, size):
        for base, data in self.regions:
            if base <= address and address + size <= base + len(data):
                return data, address - base
        return None, 0

    def read(self, address, size):
        data, at = self.find(address, size)
        return None if data is None else bytes(data[at:at + size])

    def write(self, address, new):
        data, at = self.find(address, len(new))
        if data is not None:
            data[at:at + len(new)] = new

    def string(self, address, limit):
        for base, data in self.regions:
            if base <= address < base + len(data):
                return bytes(data[address - base:]).split(b"\0")[0] + b"\0"
        return None


class Client:
    """A connection.  Requests of the server are answered from self.memory
    whenever an answer is waited for, unless a test takes them itself."""

    def __init__(self, url):
        family, address = parse_url(url)
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(address)
        self.memory = Memory()
        self.buffer = b""
        self.numbers = itertools.count(1)
        self.seen = []      # requests of the server
        self.answers = {}   # that nobody has asked for yet
        self.banner = self.sock.recv(95)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        self.sock.close()

    # Frames.

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Gone from e

    def _fill(self, size):
        while len(self.buffer) < size:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError as e:
                raise Gone from e
            if not data:
                raise Gone
            self.buffer += data

    def receive(self):
        """The next frame, whatever it is."""
        self._fill(HEADER.size)
        length, reqno, cls, type_, u = HEADER.unpack(
            self.buffer[:HEADER.size])
        self._fill(length)
        data = self.buffer[HEADER.size:length]
        self.buffer = self.buffer[length:]
        return Frame(reqno, cls, type_, u, data)

    def idle(self):
        """Nothing has come that was not read?"""
        return not self.buffer and not select.select([self.sock], [], [],
                                                     0)[0]

    def at_end(self):
        """Wait for the end of the connection; no frame may come before."""
        try:
            return self.receive() and False
        except Gone:
            return True

    # Answers.

    def reply(self, request):
        self.seen.append(request)
        if request.type == COPYIN:
            size, address = COPY.unpack(request.data)
            self.send(frame(RESP, COPYIN, request.reqno,
                            data=self.memory.read(address, size) or b""))
        elif request.type == COPYINSTR:
            size, address = COPY.unpack(request.data)
            text = self.memory.string(address, size)
            self.send(frame(RESP, COPYIN, request.reqno,
                            data=(text or b"")[:size]))
        elif request.type in (COPYOUT, COPYOUTSTR):
            size, address = COPY.unpack(request.data[:16])
            assert size == len(request.data) - 16
            self.memory.write(address, request.data[16:])
        elif request.type == ANONMMAP:
            size, = struct.unpack("<Q", request.data)
            self.send(frame(RESP, ANONMMAP, request.reqno,
                            data=struct.pack("<Q", self.memory.room(size))))

    def wait(self, reqno):
        """The answer to request reqno."""
        while reqno not in self.answers:
            f = self.receive()
            if f.cls == REQ:
                self.reply(f)
            else:
                self.answers[f.reqno] = f
        return self.answers.pop(reqno)

    # Requests.

    def request(self, type_, u=0, data=b""):
        reqno = next(self.numbers)
        self.send(frame(REQ, type_, reqno, u, data))
        return reqno

    def guest(self, name=b"test\0"):
        f = self.wait(self.request(HANDSHAKE, GUEST, name))
        assert (f.cls, f.type, f.data) == (RESP, HANDSHAKE, bytes(4)), f
        return self

    def prefork(self):
        f = self.wait(self.request(PREFORK))
        assert (f.cls, f.type) == (RESP, PREFORK), f
        return f.data

    def fork(self, key, cancel=0):
        return self.request(HANDSHAKE, FORK, key + struct.pack("<i", cancel))

    def start(self, number, *args):
        data = b"".join(
            struct.pack("<Q", a & (1 << 64) - 1) for a in args)
        return self.request(SYSCALL, number, data)

    def result(self, reqno):
        f = self.wait(reqno)
        assert (f.cls, f.type, f.u) == (RESP, SYSCALL, 0), f
        error, zero, r0, r1 = SYSRET.unpack(f.data)
        assert zero == 0, f
        return Result(error, r0, r1)

    def call(self, number, *args):
        return self.result(self.start(number, *args))

    def text(self, string):
        return self.memory.put(string.encode() + b"\0")
