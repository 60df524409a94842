# SPDX-License-Identifier: BSD-2-Clause
"""A server of the classic protocol in Python, from its description alone: a
kernel of a few calls and files in memory, which knows nothing of rumpkit.  Also
a relay, which makes a server of ours look like a genuine one.
"""
import contextlib
import itertools
import os
import queue
import secrets
import socket
import struct
import threading

BANNER = b"RUMPSP-0.4-NetBSD-7.99.34/amd64\n"
HEADER = struct.Struct("<QQHHI")
REQ, RESP, ERROR = range(3)
(HANDSHAKE, SYSCALL, COPYIN, COPYINSTR, COPYOUT, COPYOUTSTR, ANONMMAP, PREFORK,
 RAISE) = range(9)
GUEST, AUTH, FORK, EXEC = range(4)
E_AUTH, E_PREFORK, E_MALFORMED = 2, 3, 7

(READ, WRITE, CLOSE, GETPID, DUP, UMASK, FCNTL, SETRLIMIT, LSEEK, POLL,
 FDATASYNC, FSTAT, OPENAT) = (
     3, 4, 6, 20, 41, 60, 92, 195, 199, 209, 241, 440, 468)
ENOENT, EINTR, EBADF, EFAULT, ENOSYS = 2, 4, 9, 14, 78
O_CREAT, O_TRUNC = 0x200, 0x400
F_GETFD, F_SETFD, F_GETFL, F_SETFL = 1, 2, 3, 4
S_IFREG, S_IFCHR = 0o100000, 0o020000
# struct stat, version 50.
STAT = struct.Struct("<QI4xQIII4xQ8xq8xq8xq8xqqqiI12x")
POLLFD = struct.Struct("<ihh")
POLLIN, POLLOUT = 1, 4


class Gone(Exception):
    """The client has hung up."""


class Broken(Exception):
    """The client has sent what the protocol does not allow."""


class Process:
    numbers = itertools.count(2)

    def __init__(self, files, flags=None):
        self.pid = next(self.numbers)
        self.files = dict(files)        # number -> [content, position]
        self.flags = dict(flags or {})  # number -> close-on-exec
        self.name = ""


class Connection(threading.Thread):
    def __init__(self, server, sock):
        super().__init__(daemon=True)
        self.server, self.sock = server, sock
        self.process = None
        self.numbers = itertools.count()
        self.answers = {}           # number -> queue
        self.sending = threading.Lock()
        self.calls = set()          # threads
        self.stop = threading.Event()

    # Frames.

    def send(self, cls, type_, reqno, u=0, data=b""):
        with self.sending:
            self.sock.sendall(
                HEADER.pack(24 + len(data), reqno, cls, type_, u) + data)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise Gone
            data += more
        return data

    def frame(self):
        length, reqno, cls, type_, u = HEADER.unpack(self.exactly(24))
        if length < 24 or length > 1 << 26:
            raise Broken(f"length {length}")
        return reqno, cls, type_, u, self.exactly(length - 24)

    def ask(self, type_, data):
        reqno = next(self.numbers)
        answer = self.answers[reqno] = queue.Queue()
        self.send(REQ, type_, reqno, 0, data)
        return answer.get(timeout=120)

    def copyin(self, address, size):
        if address == 0:
            raise OSError(EFAULT, "NULL")
        data = self.ask(COPYIN, struct.pack("<QQ", size, address))
        if len(data) < size:
            raise Broken("a short answer to COPYIN")
        return data

    def copyinstr(self, address):
        data = self.ask(COPYINSTR, struct.pack("<QQ", 1024, address))
        if not data.endswith(b"\0") or len(data) > 1024:
            raise Broken("a string without an end")
        return data[:-1].decode()

    def copyout(self, address, data):
        self.send(REQ, COPYOUT, next(self.numbers), 0,
                  struct.pack("<QQ", len(data), address) + data)

    # System calls: what they return, or OSError with an errno of NetBSD's.

    def file(self, fd):
        if fd not in self.process.files:
            raise OSError(EBADF, "no such descriptor")
        return self.process.files[fd]

    def sys_openat(self, _, path, flags, *__):
        name = self.copyinstr(path)
        files = self.server.files
        if name not in files:
            if not flags & O_CREAT:
                raise OSError(ENOENT, name)
            files[name] = bytearray()
        if flags & O_TRUNC:
            del files[name][:]
        return self.install([name, 0])

    def install(self, file):
        files = self.process.files
        fd = min(set(range(len(files) + 1)) - set(files))
        files[fd] = file
        return fd

    def sys_dup(self, fd, *_):
        return self.install(self.file(fd))

    def sys_fdatasync(self, fd, *_):
        return self.file(fd) and 0

    def sys_read(self, fd, address, size, *_):
        file = self.file(fd)
        if file[0] == "/silent":
            self.server.note("waits", self.process.pid)
            if not self.stop.wait(30):
                raise Broken("nothing has ended the call")
            raise OSError(EINTR, "told to end")
        data = bytes(self.server.files[file[0]][file[1]:file[1] + size])
        file[1] += len(data)
        if data:
            self.copyout(address, data)
        return len(data)

    def sys_write(self, fd, address, size, *_):
        file, data = self.file(fd), self.copyin(address, size)
        self.server.files[file[0]][file[1]:file[1] + size] = data
        file[1] += size
        return size

    def sys_close(self, fd, *_):
        self.file(fd)
        del self.process.files[fd]
        self.process.flags.pop(fd, None)
        return 0

    def sys_fcntl(self, fd, command, argument, *_):
        self.file(fd)
        if command == F_SETFD:
            self.process.flags[fd] = argument & 1
        if command == F_GETFD:
            return self.process.flags.get(fd, 0)
        return 2 if command == F_GETFL else 0

    def sys_lseek(self, fd, _, offset, whence, *__):
        file = self.file(fd)
        base = (0, file[1], len(self.server.files[file[0]]))[whence]
        file[1] = base + offset
        return file[1]

    def sys_fstat(self, fd, address, *_):
        name = self.file(fd)[0]
        size = len(self.server.files[name])
        kind = S_IFCHR if name == "/silent" else S_IFREG
        self.copyout(address, STAT.pack(
            1, kind | 0o644, hash(name) & 0xffff, 1, 0, 0, 0, 0, 0, 0, 0, size,
            1, 512, 0))
        return 0

    def sys_poll(self, address, n, *_):
        """A silent file is not readable; nobody waits here."""
        ready = 0
        fds = self.copyin(address, n * POLLFD.size)
        out = b""
        for fd, events, _ in POLLFD.iter_unpack(fds):
            silent = self.file(fd)[0] == "/silent"
            found = events & (POLLOUT if silent else POLLIN | POLLOUT)
            ready += found != 0
            out += POLLFD.pack(fd, events, found)
        self.copyout(address, out)
        return ready

    def sys_getpid(self, *_):
        return self.process.pid

    def sys_umask(self, *_):
        return 0o22

    def sys_setrlimit(self, *_):
        return 0

    TABLE = {READ: sys_read, WRITE: sys_write, CLOSE: sys_close,
             GETPID: sys_getpid, UMASK: sys_umask, FCNTL: sys_fcntl,
             SETRLIMIT: sys_setrlimit, LSEEK: sys_lseek, POLL: sys_poll,
             FSTAT: sys_fstat, OPENAT: sys_openat, DUP: sys_dup,
             FDATASYNC: sys_fdatasync}

    def syscall(self, reqno, number, data):
        error = result = 0
        try:
            self.server.note("call", number)
            if number not in self.TABLE:
                raise OSError(ENOSYS, "no such call")
            args = struct.unpack(f"<{len(data) // 8}q", data)
            result = self.TABLE[number](self, *args)
        except Broken as e:
            self.server.broken.append(str(e))
        except OSError as e:
            error = e.errno
        # The padding has any bytes.
        with contextlib.suppress(OSError):
            self.send(RESP, SYSCALL, reqno, 0, struct.pack(
                "<i4sqq", error, b"\xde\xad\xbe\xef", result, 0))
        self.calls.discard(threading.current_thread())

    # Handshakes.

    def welcome(self, reqno):
        self.send(RESP, HANDSHAKE, reqno, 0, struct.pack("<i", 0))

    def close(self, reqno, code):
        self.send(ERROR, 0, reqno, code)
        raise Gone

    def name(self, data):
        if not data.endswith(b"\0") or len(data) < 2:
            raise Broken(f"the name {data!r}")
        self.process.name = data[:-1].decode()
        return self.process.name

    def greeted(self, reqno, kind, data):
        if kind == GUEST:
            console = ["/console", 0]
            self.process = Process({0: console, 1: console, 2: console})
            self.server.note("guest", self.name(data))
        elif kind == FORK:
            if len(data) != 20:
                self.close(reqno, E_MALFORMED)
            made = self.server.keys.pop(data[:16], None)
            if made is None:
                self.close(reqno, E_PREFORK)
            self.process = Process(made.files, made.flags)
            self.server.note("fork", self.process.pid)
        else:
            self.close(reqno, E_AUTH)
        self.welcome(reqno)

    def executed(self, reqno, data):
        self.stop.set()
        for call in list(self.calls):
            call.join(30)
        self.stop = threading.Event()
        process = self.process
        closed = [fd for fd, flag in process.flags.items() if flag]
        for fd in closed:
            process.files.pop(fd, None)
            del process.flags[fd]
        self.server.note("exec", self.name(data), closed)
        self.welcome(reqno)

    def forked(self, reqno):
        key = secrets.token_bytes(16)
        self.server.keys[key] = Process(self.process.files,
                                        self.process.flags)
        self.server.note("prefork", self.process.pid)
        self.send(RESP, PREFORK, reqno, 0, key)

    def request(self, reqno, type_, u, data):
        if self.process is None:
            if type_ != HANDSHAKE:
                self.close(reqno, E_AUTH)
            self.greeted(reqno, u, data)
        elif type_ == SYSCALL:
            call = threading.Thread(
                target=self.syscall, args=(reqno, u, data), daemon=True)
            self.calls.add(call)
            call.start()
        elif type_ == PREFORK and not data:
            self.forked(reqno)
        elif type_ == HANDSHAKE and u == EXEC:
            self.executed(reqno, data)
        else:
            raise Broken(f"a request of type {type_}, {u}")

    def hang_up(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def run(self):
        try:
            self.sock.sendall(BANNER)
            while True:
                reqno, cls, type_, u, data = self.frame()
                if cls == RESP:
                    self.answers.pop(reqno).put(data)
                elif cls == REQ:
                    self.request(reqno, type_, u, data)
                else:
                    raise Broken(f"a frame of class {cls}")
        except (Gone, OSError):
            pass
        except (Broken, KeyError, struct.error) as e:
            self.server.broken.append(repr(e))
        self.stop.set()
        if self.process is not None:
            self.server.note("end", self.process.pid)
        self.sock.close()


class Listener(threading.Thread):
    """Accepts at an address of its own until it is closed."""

    def __init__(self, path=None):
        super().__init__(daemon=True)
        family = socket.AF_INET if path is None else socket.AF_UNIX
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.bind(("127.0.0.1", 0) if path is None else path)
        self.sock.listen(64)
        self.url = (f"unix://{path}" if path is not None else
                    f"tcp://127.0.0.1:{self.sock.getsockname()[1]}/")
        if path is not None:
            os.chmod(path, 0o666)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def take(self, connection):
        raise NotImplementedError

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                self.take(self.sock.accept()[0])


class Genuine(Listener):
    def __init__(self, path=None):
        self.files = {"/console": bytearray(), "/silent": bytearray()}
        self.keys = {}
        self.connections = []
        self.broken = []    # what a client has done wrong
        self.seen = []
        self.changed = threading.Condition()
        super().__init__(path)

    def note(self, *what):
        with self.changed:
            self.seen.append(what)
            self.changed.notify_all()

    def wait_for(self, what, count=1):
        with self.changed:
            found = self.changed.wait_for(
                lambda: sum(n[0] == what for n in self.seen) >= count, 30)
        assert found, f"no {what}: {self.seen}"

    def noted(self, *kinds):
        return [n for n in self.seen if n[0] in kinds]

    def take(self, connection):
        self.connections.append(Connection(self, connection))
        self.connections[-1].start()


class Relay(Listener):
    """To a server of ours, with the banner of a genuine one."""

    def __init__(self, path, target):
        self.target = target
        super().__init__(path)

    def take(self, connection):
        threading.Thread(target=self.join, args=(connection,),
                         daemon=True).start()

    def join(self, connection):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with connection, server, contextlib.suppress(OSError):
            server.connect(self.target)
            banner = b""
            while not banner.endswith(b"\n"):
                more = server.recv(1)
                if not more:
                    return
                banner += more
            assert banner.split()[0] + b"\n" == BANNER, banner
            connection.sendall(BANNER)
            back = threading.Thread(target=self.pump,
                                    args=(server, connection), daemon=True)
            back.start()
            self.pump(connection, server)
            back.join()

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


class Liar(Listener):
    """Says what a test tells it to, whatever it is told: replies is called with
    the number of the connection and a socket."""

    def __init__(self, path, talk):
        self.talk = talk
        self.count = itertools.count()
        super().__init__(path)

    def take(self, connection):
        threading.Thread(target=self.converse, args=(connection,),
                         daemon=True).start()

    def converse(self, connection):
        with contextlib.suppress(OSError), connection:
            self.talk(next(self.count), connection)
