#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The remote system call protocol, byte by byte, against rump_server."""
import contextlib
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys

import harness
import rumpsp
from harness import check
from rumpsp import (AUTH, COPYIN, COPYINSTR, COPYOUT, ERROR, EXEC, FORK, GUEST,
                    HANDSHAKE, PREFORK, RAISE, REQ, RESP, SYSCALL, Client,
                    Gone, frame)

SERVER = f"{harness.STAGE}/bin/rump_server"
PATIENCE = 180

(SYS_READ, SYS_WRITE, SYS_OPEN, SYS_CLOSE, SYS_GETPID, SYS_GETPPID, SYS_FCNTL,
 SYS_WRITEV, SYS_REBOOT, SYS_PIPE2, SYS_GETUID, SYS_SETUID, SYS_NANOSLEEP,
 SYS_FCHOWN) = (
     3, 4, 5, 6, 20, 39, 92, 121, 208, 453, 24, 23, 430, 123)
O_RDWR, O_CREAT, O_CLOEXEC = 2, 0x200, 0x400000
F_GETFD = 1
EPERM, EINTR, EBADF, EACCES, EFAULT, EBUSY, EPIPE, ENAMETOOLONG, ENOSYS = (
    1, 4, 9, 13, 14, 16, 32, 63, 78)
# Of the protocol.
E_AUTH, E_PREFORK, E_INEXEC, E_MALFORMED = 2, 3, 5, 7


class Server:
    def __init__(self, directory, url, options=()):
        self.url = url
        self.log = f"{directory}/log"
        pidfile = f"{directory}/pid"
        with open(self.log, "wb") as log:
            self.status = subprocess.run(
                [SERVER, "--pid-file", pidfile, *options, url],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                timeout=PATIENCE, env=harness.clean_env(), cwd=directory,
                check=False).returncode
        self.pidfd = None
        if self.status == 0:
            with open(pidfile, encoding="ascii") as f:
                self.pid = int(f.read())
            self.pidfd = os.pidfd_open(self.pid)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def guest(self):
        return Client(self.url).guest()

    def ended(self, patience=PATIENCE):
        return bool(select.select([self.pidfd], [], [], patience)[0])

    def well(self):
        """Others are served as ever."""
        check(not self.ended(0), "the server has ended")
        with self.guest() as c:
            check(c.call(SYS_GETPID).error == 0, "getpid")

    def stop(self):
        if self.pidfd is None:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)
        if not self.ended():
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            raise AssertionError("the server does not end")
        os.close(self.pidfd)


@contextlib.contextmanager
def serving(url=None, options=()):
    with harness.scratch() as directory:
        server = Server(directory, url or f"unix://{directory}/sock", options)
        try:
            check(server.status == 0, server.said())
            yield server
        finally:
            server.stop()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def expect_error(client, reqno, code, closed):
    f = client.wait(reqno)
    check((f.cls, f.type, f.u, f.data) == (ERROR, 0, code, b""), f)
    if closed:
        check(client.at_end(), "not closed")


def open_file(client, path="/tmp/file", flags=O_RDWR | O_CREAT, mode=0o644):
    r = client.call(SYS_OPEN, client.text(path), flags, mode)
    check(r.error == 0, r)
    return r.r0


def make_pipe(client):
    fds = client.memory.room(8)
    r = client.call(SYS_PIPE2, fds, 0)
    check(r.error == 0, r)
    return struct.unpack("<ii", client.memory.read(fds, 8))


# Greeting


def the_banner_is_one_line_in_one_piece():
    with serving() as s, Client(s.url) as c:
        check(c.banner.startswith(b"RUMPSP-0.4-NetBSD-7.99.34/amd64"),
              c.banner)
        check(c.banner.endswith(b"\n") and len(c.banner) <= 95, c.banner)
        check(c.banner.count(b"\n") == 1, c.banner)
        c.request(HANDSHAKE, GUEST, b"x\0")
        check(c.receive().type == HANDSHAKE, "nothing came in between")


def a_guest_is_a_process_with_a_console():
    with serving() as s, s.guest() as c:
        for fd in 0, 1, 2:
            check(c.call(SYS_FCNTL, fd, F_GETFD, 0).error == 0, fd)
        check(open_file(c) == 3, "the first descriptor")
        check(c.call(SYS_GETPPID).r0 == 1, "the parent")
        with s.guest() as d:
            check(d.call(SYS_GETPID).r0 != c.call(SYS_GETPID).r0, "pids")
            check(open_file(d) == 3, "a table of its own")


def handshakes_have_an_answer_of_28_bytes():
    with serving() as s, Client(s.url) as c:
        c.send(frame(REQ, HANDSHAKE, 0x1122334455667788, GUEST, b"name\0"))
        data = b""
        while len(data) < 28:
            data += c.sock.recv(28 - len(data))
        check(data == struct.pack("<QQHHIi", 28, 0x1122334455667788, RESP,
                                  HANDSHAKE, 0, 0), data)
        check(c.idle(), "more came")


def strangers_are_sent_away():
    rows = [(REQ, SYSCALL, SYS_GETPID), (REQ, PREFORK, 0), (REQ, COPYIN, 0),
            (REQ, 99, 0), (REQ, HANDSHAKE, AUTH), (REQ, HANDSHAKE, EXEC),
            (REQ, HANDSHAKE, 77), (RESP, SYSCALL, 0), (9, 9, 9)]
    with serving() as s:
        for cls, type_, u in rows:
            with Client(s.url) as c:
                c.send(frame(cls, type_, 5, u, b"x\0"))
                expect_error(c, 5, E_AUTH, True)
        s.well()


def a_second_handshake_is_refused():
    with serving() as s:
        for kind in GUEST, FORK, AUTH, 77:
            with s.guest() as c:
                reqno = c.request(HANDSHAKE, kind, bytes(20))
                expect_error(c, reqno, E_MALFORMED, True)


def what_only_servers_ask_is_refused_and_the_connection_stays():
    with serving() as s, s.guest() as c:
        for cls, type_ in [(REQ, COPYIN), (REQ, COPYOUT), (REQ, RAISE),
                           (REQ, 99), (ERROR, 0), (9, SYSCALL)]:
            c.send(frame(cls, type_, 7, 0, b"payload"))
            expect_error(c, 7, E_MALFORMED, False)
        c.send(frame(RESP, COPYIN, 4711, 0, b"to nobody"))
        check(c.call(SYS_GETPID).error == 0, "the connection stays")


def names_are_not_trusted():
    with serving() as s:
        with Client(s.url) as c:
            expect_error(c, c.request(HANDSHAKE, GUEST), E_MALFORMED, True)
        for name in b"\0", b"no end", b"n" * 4000, b"a\0b\0", b"\xff\x80\n\0":
            with Client(s.url) as c:
                c.guest(name)
                check(c.call(SYS_GETPID).error == 0, name)
        s.well()


# System calls


def frames_may_come_byte_by_byte():
    with serving() as s, Client(s.url) as c:
        for byte in frame(REQ, HANDSHAKE, 1, GUEST, b"slow\0"):
            c.send(bytes([byte]))
        check(c.wait(1).type == HANDSHAKE, "handshake")
        for byte in frame(REQ, SYSCALL, 2, SYS_GETPID) * 2:
            c.send(bytes([byte]))
        check(c.result(2).error == 0, "getpid")


def many_frames_may_come_at_once():
    with serving() as s, s.guest() as c:
        c.send(b"".join(frame(REQ, SYSCALL, 1000 + i, SYS_GETPID)
                        for i in range(50)))
        for i in range(50):
            check(c.result(1000 + i).error == 0, i)


def results_have_no_undefined_bytes():
    with serving() as s, s.guest() as c:
        for _ in range(100):
            f = c.wait(c.start(SYS_GETUID))
            check(len(f.data) == 24 and f.data[:8] == bytes(8) and
                  f.data[12:16] == bytes(4), f)
            f = c.wait(c.start(SYS_CLOSE, 4711))
            check(f.data == struct.pack("<iiqq", EBADF, 0, 0, 0) or
                  f.data == struct.pack("<iiqq", EBADF, 0, -1, 0), f)


def data_travel_by_copies():
    with serving() as s, s.guest() as c:
        fd = open_file(c, "/tmp/data")
        request, = (r for r in c.seen if r.type == COPYINSTR)
        check(struct.unpack("<QQ", request.data)[0] == 1024, "of a path")
        check(c.call(SYS_WRITE, fd, c.memory.put(b"text"), 4).r0 == 4, "write")
        check(c.seen[-1].type == COPYIN, c.seen[-1])
        other = open_file(c, "/tmp/data", O_RDWR)
        room = c.memory.put(b"........")
        check(c.call(SYS_READ, other, room, 8).r0 == 4, "read")
        check(c.memory.read(room, 8) == b"text....", "what was read")
        check(c.seen[-1].type == COPYOUT, c.seen[-1])
        for _ in range(3):
            check(c.call(SYS_READ, other, room, 8).r0 == 0, "the end")


def large_data_arrive_whole():
    blob = bytes((i * i + i // 251) & 0xff for i in range(1 << 20))
    with serving() as s, s.guest() as c:
        fd = open_file(c, "/tmp/large")
        address = c.memory.put(blob)
        check(c.call(SYS_WRITE, fd, address, len(blob)).r0 == len(blob),
              "write")
        other = open_file(c, "/tmp/large", O_RDWR)
        room = c.memory.room(len(blob))
        check(c.call(SYS_READ, other, room, len(blob)).r0 == len(blob), "read")
        check(c.memory.read(room, len(blob)) == blob, "the data")


def vectors_are_copied_piece_by_piece():
    with serving() as s, s.guest() as c:
        fd = open_file(c, "/tmp/vector")
        pieces = [c.memory.put(t) for t in (b"one ", b"two ", b"three")]
        iov = c.memory.put(b"".join(
            struct.pack("<QQ", a, n) for a, n in zip(pieces, (4, 4, 5))))
        check(c.call(SYS_WRITEV, fd, iov, 3).r0 == 13, "writev")
        room = c.memory.room(13)
        fd = open_file(c, "/tmp/vector", O_RDWR)
        check(c.call(SYS_READ, fd, room, 13).r0 == 13, "read")
        check(c.memory.read(room, 13) == b"one two three", "the data")


def null_is_a_fault_without_a_question():
    with serving() as s, s.guest() as c:
        fd = open_file(c)
        asked = len(c.seen)
        check(c.call(SYS_WRITE, fd, 0, 4).error == EFAULT, "write")
        check(c.call(SYS_OPEN, 0, 0, 0).error == EFAULT, "open")
        check(len(c.seen) == asked, c.seen[asked:])
        check(c.call(SYS_WRITE, fd, 0, 0) == (0, 0, 0), "nothing to write")


def bad_memory_is_a_fault():
    """By the empty answers that clients of ours give."""
    with serving() as s, s.guest() as c:
        fd = open_file(c)
        check(c.call(SYS_WRITE, fd, 8, 4).error == EFAULT, "write")
        check(c.call(SYS_OPEN, 8, 0, 0).error == EFAULT, "open")
        check(c.call(SYS_GETPID).error == 0, "and on")


def answers_of_a_wrong_length_are_faults():
    with serving() as s, s.guest() as c:
        fd = open_file(c)
        for answer in b"", b"abc", b"abcde", b"x" * 100000:
            reqno = c.start(SYS_WRITE, fd, 0x1000, 4)
            request = c.receive()
            check(request.type == COPYIN, request)
            c.send(frame(RESP, COPYIN, request.reqno, 0, answer))
            check(c.result(reqno).error == EFAULT, answer[:10])
        for answer, error in [(b"", EFAULT), (b"x" * 1024, ENAMETOOLONG),
                              (b"no end", ENAMETOOLONG),
                              (b"x" * 100000 + b"\0", EFAULT)]:
            reqno = c.start(SYS_OPEN, 0x1000, 0, 0)
            request = c.receive()
            check(request.type == COPYINSTR, request)
            c.send(frame(RESP, COPYIN, request.reqno, 0, answer))
            check(c.result(reqno).error in (error, EFAULT), answer[:10])
        s.well()


def numbers_and_lengths_of_calls_are_checked():
    with serving() as s, s.guest() as c:
        for number in -1, -4096, 512, 513, 1 << 20, 0x7fffffff, 0, 1, 2:
            r = c.call(number)
            check(r.error == ENOSYS, (number, r))
        fd = open_file(c)
        for data in b"", struct.pack("<Q", fd), struct.pack("<QQ", fd, 8), \
                b"\xff" * 23:
            f = c.wait(c.request(SYSCALL, SYS_WRITE, data))
            check((f.cls, f.u) == (ERROR, E_MALFORMED) or
                  struct.unpack("<i", f.data[:4])[0] != 0, f)
        check(c.call(SYS_GETPID).error == 0, "and on")
        # More arguments than it takes are of no interest.
        check(c.call(SYS_GETPID, 1, 2, 3, 4).error == 0, "too many")


def answers_come_in_any_order():
    with serving() as s, s.guest() as c:
        r, w = make_pipe(c)
        room = c.memory.room(5)
        blocked = c.start(SYS_READ, r, room, 5)
        check(c.call(SYS_GETPID).error == 0, "while another is blocked")
        check(c.call(SYS_WRITE, w, c.memory.put(b"hello"), 5).r0 == 5, "write")
        check(c.result(blocked).r0 == 5, "read")
        check(c.memory.read(room, 5) == b"hello", "the data")


def a_hundred_calls_wait_at_a_time():
    with serving() as s, s.guest() as c, s.guest() as other:
        r, w = make_pipe(c)
        rooms = [c.memory.room(1) for _ in range(100)]
        waiting = [c.start(SYS_READ, r, a, 1) for a in rooms]
        check(c.call(SYS_GETPID).error == 0, "one more")
        check(other.call(SYS_GETPID).error == 0, "another's")
        text = bytes(range(100))
        check(c.call(SYS_WRITE, w, c.memory.put(text), 100).r0 == 100, "write")
        for reqno in waiting:
            check(c.result(reqno).r0 == 1, "read")
        check(sorted(c.memory.read(a, 1)[0] for a in rooms) == list(text),
              "each byte once")


def a_broken_pipe_raises_its_signal_first():
    with serving() as s, s.guest() as c:
        r, w = make_pipe(c)
        c.call(SYS_CLOSE, r)
        asked = len(c.seen)
        check(c.call(SYS_WRITE, w, c.memory.put(b"x"), 1).error == EPIPE,
              "write")
        raised = [f for f in c.seen[asked:] if f.type == RAISE]
        check([(f.u, f.data) for f in raised] == [(13, b"")], raised)


# Fork


def a_child_is_a_copy():
    with serving() as s, s.guest() as c:
        fd = open_file(c, "/tmp/shared")
        key = c.prefork()
        check(len(key) == 16, key)
        check(c.prefork() != key, "keys are random")
        c.call(SYS_CLOSE, fd)
        with Client(s.url) as d:
            f = d.wait(d.fork(key))
            check((f.cls, f.type, f.data) == (RESP, HANDSHAKE, bytes(4)), f)
            check(d.call(SYS_WRITE, fd, d.memory.put(b"x"), 1).r0 == 1,
                  "the descriptor is the child's")
            check(d.call(SYS_GETPPID).r0 == 1, "the parent")
            check(d.call(SYS_GETPID).r0 != c.call(SYS_GETPID).r0, "pids")
        check(c.call(SYS_FCNTL, fd, F_GETFD, 0).error == EBADF,
              "the parent's is closed")


def a_child_may_come_when_its_parent_has_gone():
    with serving() as s:
        with s.guest() as c:
            fd = open_file(c)
            key = c.prefork()
        with Client(s.url) as d:
            f = d.wait(d.fork(key))
            check((f.cls, f.type) == (RESP, HANDSHAKE), f)
            check(d.call(SYS_FCNTL, fd, F_GETFD, 0).error == 0, "descriptor")


def keys_are_good_once():
    with serving() as s, s.guest() as c:
        key = c.prefork()
        with Client(s.url) as d:
            check(d.wait(d.fork(key)).cls == RESP, "once")
        for bad in key, bytes(16), b"\xff" * 16:
            with Client(s.url) as d:
                expect_error(d, d.fork(bad), E_PREFORK, True)


def a_fork_can_be_cancelled():
    with serving() as s, s.guest() as c:
        key = c.prefork()
        with Client(s.url) as d:
            d.fork(key, 1)
            check(d.at_end(), "no answer")
        with Client(s.url) as d:
            expect_error(d, d.fork(key), E_PREFORK, True)


def fork_handshakes_have_20_bytes():
    with serving() as s, s.guest() as c:
        key = c.prefork()
        for data in b"", key, key + bytes(3), key + bytes(5):
            with Client(s.url) as d:
                reqno = d.request(HANDSHAKE, FORK, data)
                expect_error(d, reqno, E_MALFORMED, True)
        with Client(s.url) as d:
            check(d.wait(d.fork(key)).cls == RESP, "the key is still good")


# Exec


def an_exec_keeps_the_process():
    with serving() as s, s.guest() as c:
        pid = c.call(SYS_GETPID).r0
        kept = open_file(c, "/tmp/kept")
        closed = open_file(c, "/tmp/closed", O_RDWR | O_CREAT | O_CLOEXEC)
        f = c.wait(c.request(HANDSHAKE, EXEC, b"other\0"))
        check((f.cls, f.type, f.data) == (RESP, HANDSHAKE, bytes(4)), f)
        check(c.call(SYS_GETPID).r0 == pid, "the pid")
        check(c.call(SYS_FCNTL, kept, F_GETFD, 0).error == 0, "kept")
        check(c.call(SYS_FCNTL, closed, F_GETFD, 0).error == EBADF, "closed")


def an_exec_ends_calls_that_wait():
    with serving() as s, s.guest() as c:
        r, _ = make_pipe(c)
        waiting = [c.start(SYS_READ, r, c.memory.room(1), 1)
                   for _ in range(5)]
        # Its answer shows that the calls before are with the kernel.
        check(c.call(SYS_GETPID).error == 0, "getpid")
        f = c.wait(c.request(HANDSHAKE, EXEC, b"other\0"))
        check((f.cls, f.type) == (RESP, HANDSHAKE), f)
        for reqno in waiting:
            check(c.result(reqno).error == EINTR, "interrupted")


def during_an_exec_little_is_permitted():
    """An answer that is owed keeps the exec waiting."""
    for request in (PREFORK, 0, b""), (HANDSHAKE, EXEC, b"twice\0"):
        with serving() as s, s.guest() as c:
            fd = open_file(c)
            c.start(SYS_WRITE, fd, 0x1000, 4)
            copyin = c.receive()
            check(copyin.type == COPYIN, copyin)
            c.request(HANDSHAKE, EXEC, b"other\0")
            r = c.call(SYS_GETPID)
            check((r.error, r.r0) == (EBUSY, -1), r)
            expect_error(c, c.request(*request), E_INEXEC, True)
            s.well()


def names_of_execs_are_not_trusted():
    with serving() as s, s.guest() as c:
        reqno = c.request(HANDSHAKE, EXEC)
        expect_error(c, reqno, E_MALFORMED, True)
        s.well()


# Hostility


def lengths_that_cannot_be_end_the_connection():
    rows = [0, 1, 23, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]
    with serving() as s:
        for length in rows:
            for greeted in False, True:
                with Client(s.url) as c:
                    if greeted:
                        c.guest()
                    c.send(frame(REQ, SYSCALL, 1, SYS_GETPID, length=length))
                    check(c.at_end(), length)
        s.well()


def whoever_hangs_up_in_mid_frame_is_forgotten():
    with serving() as s:
        for data in b"", b"x", frame(REQ, HANDSHAKE, 1, GUEST, b"n\0")[:-1]:
            with Client(s.url) as c:
                c.send(data)
        for n in range(1, 24, 5):
            with s.guest() as c:
                c.send(frame(REQ, SYSCALL, 1, SYS_GETPID)[:n])
        s.well()


def whoever_hangs_up_in_mid_call_is_forgotten():
    with serving() as s:
        for _ in range(5):
            with s.guest() as c:
                fd = open_file(c)
                r, _ = make_pipe(c)
                for _ in range(10):
                    c.start(SYS_READ, r, 0x1000, 1)
                    c.start(SYS_WRITE, fd, 0x1000, 1)
        s.well()


def whoever_does_not_read_harms_nobody():
    with serving() as s:
        with s.guest() as c:
            c.sock.settimeout(5)
            with contextlib.suppress(Gone, TimeoutError):
                for _ in range(200000):
                    c.send(frame(REQ, SYSCALL, 1, SYS_GETPID))
            s.well()
        s.well()


def many_connections_come_and_go():
    with serving() as s:
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                for _ in range(300):
                    try:
                        c = stack.enter_context(Client(s.url))
                        c.guest()
                    except (Gone, OSError):
                        break
        s.well()


def noise_harms_nobody():
    state = 12345
    with serving() as s:
        for i in range(60):
            noise = bytearray()
            for _ in range(400):
                state = (state * 1103515245 + 12345) & 0x7fffffff
                noise.append(state >> 16 & 0xff)
            with Client(s.url) as c, contextlib.suppress(Gone):
                if i % 2:
                    c.guest()
                    for at in range(0, 400, 40):
                        u, cls, type_ = noise[at] * 2, noise[at + 1] % 3, \
                            noise[at + 2] % 10
                        if u == SYS_REBOOT:
                            continue
                        c.send(frame(cls, type_, noise[at + 3], u,
                                     bytes(noise[at + 4:at + 40])))
                else:
                    c.send(bytes(noise))
        s.well()


# Life of the server


def a_client_can_halt_the_server():
    with harness.scratch() as directory:
        s = Server(directory, f"unix://{directory}/sock")
        check(s.status == 0, s.said())
        with s.guest() as c, s.guest() as other:
            r = c.call(SYS_REBOOT, 0, 0)
            check(r == (0, 0, 0), r)
            check(c.at_end() and other.at_end(), "not closed")
        check(s.ended(), "the server goes on")
        check(not os.path.exists(f"{directory}/sock"), "the socket is there")
        os.close(s.pidfd)


def the_socket_is_for_its_owner():
    with serving() as s:
        path = s.url[len("unix://"):]
        check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "mode")
        if os.geteuid() != 0:
            raise harness.Skip("only root can be somebody else")
        os.chmod(path, 0o666)
        done = subprocess.run(
            harness.as_user(["/usr/bin/python3", "-c", f"""
import socket
s = socket.socket(socket.AF_UNIX)
s.connect({path!r})
print(s.recv(95))
"""]), capture_output=True, timeout=PATIENCE, check=False,
            env=harness.clean_env())
        check(done.stdout == b"b''\n", done)
        s.well()


def another_user_is_that_user():
    if os.geteuid() != 0:
        raise harness.Skip("only root can be somebody else")
    with serving(options=["--all-users"]) as s:
        done = subprocess.run(
            harness.as_user(["/usr/bin/python3", "-c", f"""
import rumpsp
c = rumpsp.Client({s.url!r}).guest()
print(c.call({SYS_GETUID}).r0, c.call({SYS_SETUID}, 0).error,
      c.call({SYS_REBOOT}, 0, 0).error)
"""]), capture_output=True, timeout=PATIENCE, check=False,
            env=harness.clean_env(PYTHONPATH=os.environ["PYTHONPATH"]))
        check(done.stdout == f"{harness.NOBODY} {EPERM} {EPERM}\n".encode(),
              done)
        s.well()
        with s.guest() as c:
            check(c.call(SYS_GETUID).r0 == 0, "root is root")


def root_of_a_user_namespace_is_not_root():
    if os.geteuid() != 0:
        raise harness.Skip("only root can be somebody else")
    within = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*within, "true"], capture_output=True,
                      check=False).returncode != 0:
        raise harness.Skip("no user namespaces")
    with serving() as s:
        with s.guest() as c:
            fd = open_file(c, "/tmp/secret", mode=0o600)
            check(c.call(SYS_FCHOWN, fd, 1000, 1000).error == 0, "fchown")
        done = subprocess.run(
            [*within, "/usr/bin/python3", "-c", f"""
import rumpsp
c = rumpsp.Client({s.url!r}).guest()
print(c.call({SYS_GETUID}).r0,
      c.call({SYS_OPEN}, c.text("/tmp/secret"), 0, 0).error,
      c.call({SYS_SETUID}, 1000).error, c.call({SYS_REBOOT}, 0, 0).error)
"""], capture_output=True, timeout=PATIENCE, check=False,
            env=harness.clean_env(PYTHONPATH=os.environ["PYTHONPATH"]))
        check(done.stdout == f"0 {EACCES} {EPERM} {EPERM}\n".encode(), done)
        s.well()


def tcp_must_be_asked_for():
    with harness.scratch() as directory:
        url = f"tcp://127.0.0.1:{free_port()}/"
        s = Server(directory, url)
        check(s.status != 0 and "--insecure-tcp" in s.said(), s.said())
    with serving(url, ["--insecure-tcp"]) as s, s.guest() as c:
        check(c.call(SYS_GETPID).error == 0, "getpid")
        fd = open_file(c)
        blob = os.urandom(300000)
        check(c.call(SYS_WRITE, fd, c.memory.put(blob), len(blob)).r0 ==
              len(blob), "write")
        r, w = make_pipe(c)
        waiting = c.start(SYS_READ, r, c.memory.room(1), 1)
        c.call(SYS_WRITE, w, c.memory.put(b"x"), 1)
        check(c.result(waiting).r0 == 1, "read")


def addresses_that_cannot_be_served_are_refused():
    with harness.scratch() as directory:
        stale = f"{directory}/stale"
        with open(stale, "w", encoding="ascii"):
            pass
        for url in (f"unix://{stale}", "unix://", "tcp6://[::1]:1/", "http://x",
                    "nonsense", f"unix://{directory}/{'x' * 110}",
                    "tcp://localhost:1/", "unix:///nonexistent/sock"):
            s = Server(directory, url, ["--insecure-tcp"])
            check(s.status != 0, url)
            check(s.said() != "", url)
        check(os.path.exists(stale), "the file in the way is gone")


def a_relative_path_is_below_the_directory():
    with serving("unix://sock") as s:
        directory = os.path.dirname(s.log)
        s.url = f"unix://{directory}/sock"
        s.well()
    check(not os.path.exists(f"{directory}/sock"), "the socket is there")


CASES = [(f.__name__.replace("_", " "), f) for f in (
    the_banner_is_one_line_in_one_piece,
    a_guest_is_a_process_with_a_console,
    handshakes_have_an_answer_of_28_bytes,
    strangers_are_sent_away,
    a_second_handshake_is_refused,
    what_only_servers_ask_is_refused_and_the_connection_stays,
    names_are_not_trusted,
    frames_may_come_byte_by_byte,
    many_frames_may_come_at_once,
    results_have_no_undefined_bytes,
    data_travel_by_copies,
    large_data_arrive_whole,
    vectors_are_copied_piece_by_piece,
    null_is_a_fault_without_a_question,
    bad_memory_is_a_fault,
    answers_of_a_wrong_length_are_faults,
    numbers_and_lengths_of_calls_are_checked,
    answers_come_in_any_order,
    a_hundred_calls_wait_at_a_time,
    a_broken_pipe_raises_its_signal_first,
    a_child_is_a_copy,
    a_child_may_come_when_its_parent_has_gone,
    keys_are_good_once,
    a_fork_can_be_cancelled,
    fork_handshakes_have_20_bytes,
    an_exec_keeps_the_process,
    an_exec_ends_calls_that_wait,
    during_an_exec_little_is_permitted,
    names_of_execs_are_not_trusted,
    lengths_that_cannot_be_end_the_connection,
    whoever_hangs_up_in_mid_frame_is_forgotten,
    whoever_hangs_up_in_mid_call_is_forgotten,
    whoever_does_not_read_harms_nobody,
    many_connections_come_and_go,
    noise_harms_nobody,
    a_client_can_halt_the_server,
    the_socket_is_for_its_owner,
    another_user_is_that_user,
    root_of_a_user_namespace_is_not_root,
    tcp_must_be_asked_for,
    addresses_that_cannot_be_served_are_refused,
    a_relative_path_is_below_the_directory,
)]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
