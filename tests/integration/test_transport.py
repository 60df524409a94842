#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""NFS over TCP and UDP, IPv4 and IPv6, found through port mappers of all
kinds, and what becomes of programs when the server goes away."""
import contextlib
import functools
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import harness
from harness import MOUNT, Skip, check

HOSTS = {"IPv4": "127.0.0.1", "IPv6": "::1"}
CONTENT = bytes(range(256)) * 20000 + b"end"

# Opens the file named by its argument, says so, waits for a line, reads on.
PATIENT = """
import hashlib, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
print("open", flush=True)
sys.stdin.readline()
h = hashlib.sha256()
while True:
    try:
        data = os.read(fd, 100000)
    except OSError as error:
        print(os.strerror(error.errno), flush=True)
        sys.exit(1)
    if not data:
        break
    h.update(data)
print(h.hexdigest(), flush=True)
"""


def need_family(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.bind((host, 0))
    except OSError as error:
        raise Skip(f"this host has no {host}") from error
    return family


def populate(directory):
    os.chmod(directory, 0o777)
    with open(f"{directory}/file", "wb") as f:
        f.write(CONTENT)
    os.chmod(f"{directory}/file", 0o644)


def export(host, **options):
    need_family(host)
    return harness.export(populate, bind=host, **options)


def read_and_write(directory, url):
    out = harness.rumpkit(
        ["dd", f"if={MOUNT}/file", f"of={MOUNT}/copy", "bs=77777",
         "conv=fsync"], [(MOUNT, url)])
    check(out.returncode == 0, str(out))
    with open(f"{directory}/copy", "rb") as f:
        check(f.read() == CONTENT, "the copy differs")
    os.unlink(f"{directory}/copy")


def every_transport(host):
    with export(host) as (directory, server):
        for options in ("", "&tcp", "&udp", "&udp&rsize=8192&wsize=8192",
                        "&proto=udp&rsize=1048576&wsize=60000",
                        "&udp&mountproto=tcp", "&mountproto=udp",
                        "&resvport"):
            read_and_write(directory, server.url(options))


class Mapper(threading.Thread):
    """A port mapper that knows the server's two programs."""

    def __init__(self, host, server, transports, versions):
        super().__init__(daemon=True)
        family = need_family(host)
        self.ports = {100003: server.nfs, 100005: server.mnt}
        self.versions = versions
        self.asked = []
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.bind((host, 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((host, self.port))
        if "tcp" in transports:
            self.tcp.listen(8)
            threading.Thread(target=self.serve_tcp, daemon=True).start()
        if "udp" in transports:
            threading.Thread(target=self.serve_udp, daemon=True).start()
        else:
            self.udp.close()

    def reply(self, call, transport):
        xid, _, _, program, version, procedure = struct.unpack(
            "!6I", call[:24])
        check(program == 100000 and procedure == 3, "not a port mapper call")
        self.asked.append((transport, version))
        head = struct.pack("!5I", xid, 1, 0, 0, 0)
        if version not in self.versions:
            return head + struct.pack("!3I", 2, min(self.versions),
                                      max(self.versions))
        wanted, = struct.unpack("!I", call[40:44])
        port = self.ports[wanted]
        if version == 2:
            return head + struct.pack("!2I", 0, port)
        uaddr = f"::.{port >> 8}.{port & 255}".encode()
        return (head + struct.pack("!2I", 0, len(uaddr)) + uaddr
                + bytes(-len(uaddr) % 4))

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                call, peer = self.udp.recvfrom(1000)
                if not call:  # the socket was shut down
                    return
                self.udp.sendto(self.reply(call, "udp"), peer)

    def serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                mark, = struct.unpack(
                    "!I", connection.recv(4, socket.MSG_WAITALL))
                call = connection.recv(mark & 0x7fffffff, socket.MSG_WAITALL)
                answer = self.reply(call, "tcp")
                connection.sendall(
                    struct.pack("!I", 0x80000000 | len(answer)) + answer)
                connection.recv(1)
                connection.close()

    def close(self):
        for s in (self.tcp, self.udp):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()


def through_mapper(host, transports, versions, options, asked):
    with export(host) as (directory, server):
        mapper = Mapper(host, server, transports, versions)
        try:
            address = f"[{host}]" if ":" in host else host
            read_and_write(
                directory, f"nfs://{address}/export"
                f"?pmapport={mapper.port}{options}")
            check(mapper.asked == asked, f"asked: {mapper.asked}")
        finally:
            mapper.close()


def port_mapper_of_the_family():
    through_mapper("127.0.0.1", {"tcp", "udp"}, {2, 3, 4}, "",
                   [("tcp", 2)] * 2)
    through_mapper("127.0.0.1", {"tcp"}, {3, 4}, "",
                   [("tcp", 2), ("tcp", 3)] * 2)
    through_mapper("::1", {"tcp", "udp"}, {2, 3, 4}, "", [("tcp", 4)] * 2)
    through_mapper("::1", {"tcp", "udp"}, {2, 3}, "&udp",
                   [("tcp", 4), ("tcp", 3)] * 2)


def port_mapper_over_udp():
    through_mapper("127.0.0.1", {"udp"}, {2}, "", [("udp", 2)] * 2)
    through_mapper("127.0.0.1", {"tcp", "udp"}, {2}, "&mountproto=udp",
                   [("udp", 2)] * 2)
    through_mapper("::1", {"udp"}, {4}, "&udp", [("udp", 4)] * 2)


def reserved_port():
    harness.need_root()
    with export("127.0.0.1", privileged="true") as (_, server):
        def read(options, argv):
            return subprocess.run(
                argv([harness.RUMPKIT, "run", "--in-process", "--mount",
                      f"{MOUNT}={server.url(options)}", "--", "cat",
                      f"{MOUNT}/file"]),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=180,
                env=harness.clean_env(), cwd="/", check=False)
        for options in ("&resvport", "&udp&resvport", ""):
            out = read(options, lambda argv: argv)
            check(out.stdout == CONTENT, f"{options}: {out.stderr}")
        out = read("&noresvport", lambda argv: argv)
        check(out.returncode != 0 and b"1024" in out.stderr, str(out.stderr))
        # Whoever may not have one is told by the server.
        if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start",
                    encoding="ascii").read()) > 1023:
            out = read("&resvport", harness.as_user)
            check(out.returncode != 0 and b"1024" in out.stderr,
                  str(out.stderr))


class Program:
    """PATIENT on a mount."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            harness.rumpkit_argv(
                ["/usr/bin/python3", "-c", PATIENT, f"{MOUNT}/file"],
                [(MOUNT, url)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=harness.clean_env(), cwd="/")
        first = self.process.stdout.readline()
        if first != b"open\n":
            raise AssertionError(self.process.communicate(timeout=120))

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def wait_for_complaint(self):
        line = self.process.stderr.readline()
        check(b"not responding" in line, str(line))

    def end(self):
        out, err = self.process.communicate(timeout=180)
        return self.process.returncode, out, err


def expected():
    return hashlib.sha256(CONTENT).hexdigest().encode() + b"\n"


def server_comes_back(transport):
    with export("127.0.0.1") as (_, server):
        program = Program(server.url(f"&{transport}&timeo=2&readahead=0"))
        server.kill()
        program.go()
        program.wait_for_complaint()
        server.start()
        status, out, err = program.end()
        check((status, out) == (0, expected()), f"{status} {out} {err}")
        check(err.count(b"OK\n") == 1 and
              err.count(b"not responding") == 0, str(err))


def hard_wait_is_interrupted(transport):
    with export("127.0.0.1") as (_, server):
        program = Program(server.url(f"&{transport}&timeo=2"))
        server.kill()
        program.go()
        program.wait_for_complaint()
        program.process.send_signal(signal.SIGTERM)
        status, _, err = program.end()
        check(status == -signal.SIGTERM, f"{status} {err}")


def soft_wait_ends(transport):
    with export("127.0.0.1") as (_, server):
        program = Program(
            server.url(f"&{transport}&soft&timeo=2&retrans=2&noac"))
        server.kill()
        program.go()
        status, out, err = program.end()
        check(status == 1 and out in (b"Connection timed out\n",
                                      b"Connection refused\n"),
              f"{status} {out} {err}")


CASES = [(f"files are read and written over every transport of {name}",
          functools.partial(every_transport, host))
         for name, host in HOSTS.items()]
CASES += [
    ("the port mapper is asked in the version that knows the family",
     port_mapper_of_the_family),
    ("a port mapper is found over UDP", port_mapper_over_udp),
    ("a reserved port is used where it is permitted", reserved_port),
]
for what, case in (("a hard read goes on when the server is back",
                    server_comes_back),
                   ("a signal ends a hard wait", hard_wait_is_interrupted),
                   ("a soft wait ends by itself", soft_wait_ends)):
    CASES += [(f"{what}, over {name}", functools.partial(case, name))
              for name in ("tcp", "udp")]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
