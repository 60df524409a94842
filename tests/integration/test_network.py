#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Unmodified network programs with rump sockets (--net sockin).

Each case runs three times: the server native and the client hijacked, the
other way round, and both hijacked; what the client says must be what it says
when both are native.  Servers bind a port that was free a moment ago.
"""
import contextlib
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import harness
from ganesha import free_ports

PY = "/usr/bin/python3"
NET = ("--net", "sockin")


def popen(argv, hijacked, **kw):
    argv = (harness.rumpkit_argv(argv, options=NET) if hijacked
            else harness.as_user(argv))
    return subprocess.Popen(argv, stdin=kw.pop("stdin", subprocess.DEVNULL),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=harness.clean_env(), cwd=kw.pop("cwd", "/"),
                            **kw)


def run(argv, hijacked, **kw):
    if hijacked:
        return harness.rumpkit(argv, options=NET, **kw)
    return harness.native(argv, **kw)


def wait_for(condition, what, process=None):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if condition():
            return
        if process is not None and process.poll() is not None:
            raise AssertionError(
                f"{what}: the server has ended with {process.returncode}: "
                f"{process.stderr.read()[-1500:]}")
        time.sleep(0.01)
    raise AssertionError(f"{what}: not ready")


def listening(port, kind="tcp"):
    """Does some socket of this host listen at port (udp: have it)?"""
    for family in ("", "6"):
        with open(f"/proc/net/{kind}{family}", encoding="ascii") as f:
            for line in f.readlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                if int(local.split(":")[1], 16) == port and \
                        (kind == "udp" or state == "0A"):
                    return True
    return False


@contextlib.contextmanager
def server(argv, hijacked, port, kind="tcp", **kw):
    process = popen(argv, hijacked, start_new_session=True, **kw)
    try:
        wait_for(lambda: listening(port, kind), argv[0], process)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


# A case: (name, server's argv, kind, client's argv[, files of its own]).  {p}
# is the port, {d} a directory with files for the servers.
ECHO = """
import socketserver, socket
class H(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())
class S(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    address_family = socket.{family}
S(('{host}', {port}), H).serve_forever()
"""
UDP_ECHO = """
import socketserver, socket
class H(socketserver.BaseRequestHandler):
    def handle(self):
        data, s = self.request
        s.sendto(data[::-1], self.client_address)
class S(socketserver.ThreadingUDPServer):
    address_family = socket.{family}
S(('{host}', {port}), H).serve_forever()
"""
STORM = """
import socket, threading
def one(k):
    for i in range(20):
        with socket.create_connection(('{host}', {p})) as s:
            s.sendall(b'hello %d %d\\n' % (k, i)); s.shutdown(socket.SHUT_WR)
            out = b''
            while b := s.recv(100): out += b
            assert out == b'HELLO %d %d\\n' % (k, i), out
t = [threading.Thread(target=one, args=(k,)) for k in range(16)]
[x.start() for x in t]; [x.join() for x in t]; print('done')
"""
ASYNC_SERVER = """
import asyncio
async def handle(r, w):
    while line := await r.readline():
        w.write(line.swapcase()); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(handle, '127.0.0.1', {p}, backlog=200)
    async with s: await s.serve_forever()
asyncio.run(main())
"""
ASYNC_CLIENT = """
import asyncio
async def one(k):
    r, w = await asyncio.open_connection('127.0.0.1', {p})
    out = []
    for i in range(10):
        w.write(b'Client %d says %d\\n' % (k, i)); await w.drain()
        out.append(await r.readline())
    w.close(); await w.wait_closed(); return out
async def main():
    for r in await asyncio.gather(*[one(k) for k in range(100)]): print(r)
asyncio.run(main())
"""
CASES = [
    ("curl from http.server",
     [PY, "-m", "http.server", "-b", "127.0.0.1", "-d", "{d}", "{p}"], "tcp",
     ["curl", "-s", "http://127.0.0.1:{p}/big", "http://127.0.0.1:{p}/small",
      "http://127.0.0.1:{p}/missing"]),
    ("curl over IPv6",
     [PY, "-m", "http.server", "-b", "::1", "-d", "{d}", "{p}"], "tcp",
     ["curl", "-s", "-6", "http://localhost:{p}/small"]),
    ("wget from http.server",
     [PY, "-m", "http.server", "-b", "127.0.0.1", "-d", "{d}", "{p}"], "tcp",
     ["wget", "-q", "-O", "-", "http://127.0.0.1:{p}/big"]),
    ("python3 urllib",
     [PY, "-m", "http.server", "-b", "127.0.0.1", "-d", "{d}", "{p}"], "tcp",
     [PY, "-c", """
import urllib.request, hashlib
for n in ('big', 'small'):
    with urllib.request.urlopen('http://localhost:{p}/' + n, timeout=120) as r:
        print(r.status, hashlib.sha1(r.read()).hexdigest())
try: urllib.request.urlopen('http://127.0.0.1:{p}/missing')
except urllib.error.HTTPError as e: print(e)
"""]),
    ("python3 socketserver with threads",
     [PY, "-c", ECHO.replace("{host}", "127.0.0.1")
      .replace("{port}", "{p}").replace("{family}", "AF_INET")], "tcp",
     [PY, "-c", STORM.replace("{host}", "127.0.0.1")]),
    ("python3 socketserver with threads over IPv6",
     [PY, "-c", ECHO.replace("{host}", "::1")
      .replace("{port}", "{p}").replace("{family}", "AF_INET6")], "tcp",
     [PY, "-c", STORM.replace("{host}", "::1")]),
    ("python3 datagrams",
     [PY, "-c", UDP_ECHO.replace("{host}", "127.0.0.1")
      .replace("{port}", "{p}").replace("{family}", "AF_INET")], "udp",
     [PY, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(120)
for n in (0, 1, 1000, 1472, 9000, 65000):
    s.sendto(bytes(range(256)) * 300 if n > 60000 else b'ab' * (n // 2),
             ('127.0.0.1', {p}))
    d, a = s.recvfrom(70000) if n <= 60000 else (b'', None); print(len(d), a)
""".replace("65000", "8000")]),
    ("python3 connected datagrams over IPv6",
     [PY, "-c", UDP_ECHO.replace("{host}", "::1")
      .replace("{port}", "{p}").replace("{family}", "AF_INET6")], "udp",
     [PY, "-c", """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.settimeout(120)
s.connect(('::1', {p}))
for i in range(100): s.send(b'n%d' % i); print(s.recv(100))
print(s.getpeername())
"""]),
    ("python3 asyncio", [PY, "-c", ASYNC_SERVER], "tcp",
     [PY, "-c", ASYNC_CLIENT]),
    ("nc to socat",
     ["socat", "-u", "OPEN:{d}/big",
      "TCP4-LISTEN:{p},reuseaddr,bind=127.0.0.1"],
     "tcp", ["nc", "-d", "127.0.0.1", "{p}"]),
    ("socat to nc",
     ["bash", "-c", "exec nc -l -N 127.0.0.1 {p} > {d}/out"], "tcp",
     ["socat", "-u", "OPEN:{d}/big", "TCP4:127.0.0.1:{p}"]),
    ("socat datagrams",
     ["socat", "UDP4-LISTEN:{p},bind=127.0.0.1", "PIPE"], "udp",
     ["bash", "-c", "exec socat -t 5 - UDP4:127.0.0.1:{p} <<< datagram"]),
    ("redis",
     ["redis-server", "--port", "{p}", "--bind", "127.0.0.1", "--save", "",
      "--daemonize", "no", "--dir", "/tmp"], "tcp",
     ["bash", "-c", """exec redis-cli -p {p} <<'X'
set a 1
incr a
lpush l x y z
lrange l 0 -1
eval "return redis.call('get', 'a')" 0
dbsize
X
"""]),
    ("redis-benchmark",
     ["redis-server", "--port", "{p}", "--bind", "127.0.0.1", "--save", "",
      "--dir", "/tmp"], "tcp",
     ["redis-benchmark", "-p", "{p}", "-n", "2000", "-c", "50", "-P", "4",
      "-q", "-t", "set,get,lrange_100"]),
    ("memcached",
     ["memcached", "-p", "{p}", "-l", "127.0.0.1", "-t", "4", "-U", "0"],
     "tcp",
     [PY, "-c", """
import socket, threading
def work(k):
    s = socket.create_connection(('127.0.0.1', {p})); f = s.makefile('rwb')
    for i in range(50):
        v = bytes([65 + k]) * (i * 100)
        f.write(b'set k%d-%d 0 0 %d\\r\\n%s\\r\\n' % (k, i, len(v), v)); f.flush()
        assert f.readline() == b'STORED\\r\\n'
        f.write(b'get k%d-%d\\r\\n' % (k, i)); f.flush()
        f.readline(); assert f.read(len(v)) == v; f.readline(); f.readline()
t = [threading.Thread(target=work, args=(k,)) for k in range(8)]
[x.start() for x in t]; [x.join() for x in t]; print('done')
"""]),
    ("iperf3",
     ["iperf3", "-s", "-1", "-p", "{p}", "-B", "127.0.0.1"], "tcp",
     ["iperf3", "-c", "127.0.0.1", "-p", "{p}", "-n", "20M", "-P", "2"]),
    ("iperf3 in reverse",
     ["iperf3", "-s", "-1", "-p", "{p}"], "tcp",
     ["iperf3", "-c", "::1", "-p", "{p}", "-n", "20M", "-R"]),
    ("iperf3 of datagrams",
     ["iperf3", "-s", "-1", "-p", "{p}", "-B", "127.0.0.1"], "tcp",
     ["iperf3", "-c", "127.0.0.1", "-p", "{p}", "-u", "-n", "2M", "-b",
      "100M"]),
    ("dig and host from dnsmasq",
     ["dnsmasq", "--no-daemon", "--port={p}", "--listen-address=127.0.0.1",
      "--bind-interfaces", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
      "--user=", "--group=", "--pid-file=", "--local=/test/",
      "--address=/a.test/192.0.2.7", "--address=/a.test/2001:db8::7",
      "--txt-record=t.test,a text"], "tcp",
     ["dig", "+short", "@127.0.0.1", "-p", "{p}", "a.test", "A", "a.test",
      "AAAA", "t.test", "TXT", "+tcp", "a.test", "A"]),
]
VARY = ("iperf3", "redis-benchmark")  # figures in their output


def files(top):
    with open(f"{top}/big", "wb") as f:
        f.write(b"".join(b"%d\n" % i for i in range(500000)))
    with open(f"{top}/small", "wb") as f:
        f.write(b"small\n")


def fill(argv, port, top):
    return [a.replace("{p}", str(port)).replace("{d}", top) for a in argv]


def once(case, top, server_hijacked, client_hijacked):
    name, argv, kind, client = case[:4]
    for program in (argv[0], client[0]):
        if shutil.which(program) is None:
            raise harness.Skip(f"{program} is not installed")
    port = free_ports(1)[0]
    for file, text in (case[4] if len(case) > 4 else {}).items():
        with open(f"{top}/{file}", "w", encoding="utf-8") as f:
            f.write(fill([text], port, top)[0])
    received = f"{top}/out"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(received)
    with server(fill(argv, port, top), server_hijacked, port, kind) as process:
        out = run(fill(client, port, top), client_hijacked, timeout=180)
        if "{d}/out" in argv[-1]:
            process.wait(30)
            with open(received, "rb") as f:
                out.stdout += f.read()
    name_of_port = re.compile(rb"(?<=[:, ])%d\b" % port)
    out.stdout = name_of_port.sub(b"PORT", out.stdout)
    out.stderr = name_of_port.sub(b"PORT", out.stderr)
    if name.startswith(VARY):
        out.stdout = b""
    return out


def compare(case, top):
    plain = once(case, top, False, False)
    harness.check(plain.returncode == 0 and (
        plain.stdout or case[0].startswith(VARY)), f"native: {plain}")
    for hijacked in ((False, True), (True, False), (True, True)):
        try:
            harness.same(once(case, top, *hijacked), plain, "/nonexistent")
        except Exception as e:
            raise AssertionError(
                f"server hijacked: {hijacked[0]}, client: {hijacked[1]}: {e}"
            ) from e


def is_routed():
    """The cases above would pass if nothing were routed: prove that it is."""
    port = free_ports(1)[0]
    with harness.scratch() as d:
        out = harness.rumpkit(
            [PY, "-c", f"import socket; s = socket.socket(); "
             f"s.bind(('127.0.0.1', {port})); s.listen(); "
             f"print(s.getsockname())"],
            options=[*NET, "--trace", f"--log-file={d}/trace"])
        harness.check(out.returncode == 0, str(out))
        with open(f"{d}/trace", encoding="utf-8") as f:
            lines = f.read().splitlines()
    for call in ("socket", "bind", "listen", "getsockname"):
        harness.check(any(f"{call}(" in line and "<rump:" in line
                          for line in lines), f"{call} was not routed:\n"
                      + "\n".join(lines[:40]))


def refused_connections():
    port = free_ports(1)[0]
    text = f"""
import socket, errno, select
s = socket.socket()
print(errno.errorcode[s.connect_ex(('127.0.0.1', {port}))]); s.close()
s = socket.socket(); s.setblocking(False)
print(s.connect_ex(('127.0.0.1', {port})) in (errno.EINPROGRESS, errno.ECONNREFUSED))
select.select([], [s], [], 10)
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED))
u = socket.socket(type=socket.SOCK_DGRAM); u.connect(('127.0.0.1', {port}))
u.send(b'x'); u.settimeout(120)
try: u.recv(1)
except ConnectionRefusedError as e: print(e)
for family in (socket.AF_INET, socket.AF_INET6):
    s = socket.socket(family)
    try: s.bind(('192.0.2.1', 80) if family == socket.AF_INET else ('2001:db8::1', 80))
    except OSError as e: print(e)
"""
    harness.same(run([PY, "-c", text], True), run([PY, "-c", text], False),
                 "/nonexistent")


def names():
    """getaddrinfo through the program's own resolv.conf and hosts."""
    if os.geteuid() != 0:
        raise harness.Skip("needs root for a network namespace of its own")
    if shutil.which("dnsmasq") is None:
        raise harness.Skip("dnsmasq is not installed")
    with harness.scratch() as d:
        with open(f"{d}/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:5\nsearch test\n")
        with open(f"{d}/hosts", "w", encoding="ascii") as f:
            f.write("127.0.0.1 localhost\n192.0.2.99 from-hosts\n")
        script = f"""
set -e
ip link set lo up
mount --bind {d}/resolv.conf "$(readlink -f /etc/resolv.conf)"
mount --bind {d}/hosts /etc/hosts
dnsmasq --no-daemon --port=53 --listen-address=127.0.0.1 --bind-interfaces \
    --no-resolv --no-hosts --conf-file=/dev/null --user= --group= --pid-file= \
    --local=/test/ --address=/a.test/192.0.2.7 --address=/a.test/2001:db8::7 &
dns=$!
trap 'kill $dns' EXIT
until grep -q ' 0100007F:0035 ' /proc/net/udp; do :; done
shift
"$@"
"""
        client = [PY, "-c", """
import socket
for name in ('a', 'a.test', 'from-hosts', 'localhost', 'missing.test'):
    try:
        print(name, sorted(set(x[4] for x in socket.getaddrinfo(name, 80,
              type=socket.SOCK_STREAM))))
    except socket.gaierror as e: print(name, e)
print(socket.gethostbyname('a'))
"""]
        out = []
        for argv in (harness.rumpkit_argv(client, options=NET),
                     harness.as_user(client)):
            out.append(subprocess.run(
                ["unshare", "-n", "-m", "bash", "-c", script, "names", "--",
                 *argv], stdin=subprocess.DEVNULL, capture_output=True,
                timeout=180, env=harness.clean_env(), check=False))
            out[-1].stderr = b""
        harness.check(b"192.0.2.7" in out[1].stdout, str(out[1]))
        harness.same(out[0], out[1], "/nonexistent")


def ping():
    """An echo socket, where the host permits it (in a namespace it does)."""
    if os.geteuid() != 0:
        raise harness.Skip("needs root for a network namespace of its own")
    program = shutil.which("ping")
    if program is None:
        raise harness.Skip("ping is not installed")
    with harness.scratch() as d:
        copy = f"{d}/ping"
        shutil.copyfile(program, copy)  # without its file capabilities
        os.chmod(copy, 0o755)
        for address in ("127.0.0.1", "::1"):
            argv = [copy, "-n", "-c", "2", "-i", "0.2", address]
            script = ("ip link set lo up; "
                      "echo 0 70000 > /proc/sys/net/ipv4/ping_group_range; "
                      'exec "$@"')
            out = [subprocess.run(
                ["unshare", "-n", "-m", "bash", "-c", script, "ping", *a],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=180,
                env=harness.clean_env(), check=False)
                for a in (harness.rumpkit_argv(argv, options=NET),
                          harness.as_user(argv))]
            harness.check(out[1].returncode == 0, f"native: {out[1]}")
            harness.check(out[0].returncode == 0 and
                          b"2 received" in out[0].stdout, str(out[0]))


def peer_behaviour():
    """A peer that resets, dribbles, or is silent: as seen natively."""
    text = """
import socket, struct, threading, select, errno
def peer(ls):
    c, _ = ls.accept()                      # resets
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    c.recv(1); c.close()
    c, _ = ls.accept()                      # one byte at a time
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for b in b'dribble' * 50: c.send(bytes([b]))
    c.close()
    c, _ = ls.accept()                      # nothing
    c.recv(1); c.close()
    c, _ = ls.accept()                      # half-closes, then reads all
    c.sendall(b'bye'); c.shutdown(socket.SHUT_WR)
    n = 0
    while b := c.recv(65536): n += len(b)
    got.append(n); c.close()
got = []
ls = socket.create_server(('127.0.0.1', 0))
t = threading.Thread(target=peer, args=(ls,)); t.start()
a = ls.getsockname()
s = socket.create_connection(a); s.send(b'x')
try: print(s.recv(10))
except OSError as e: print(e)
try: s.send(b'x'); s.send(b'y')
except OSError as e: print(e)
s = socket.create_connection(a); out = b''
while b := s.recv(100): out += b
print(out == b'dribble' * 50, s.recv(10))
s = socket.create_connection(a); s.settimeout(0.3)
try: s.recv(1)
except TimeoutError as e: print(e)
print(select.select([s], [s], [], 0.1)[1] == [s]); s.send(b'z')
s.settimeout(120); print(s.recv(1))
s = socket.create_connection(a); print(s.recv(100), s.recv(100))
s.sendall(b'w' * 3000000); s.shutdown(socket.SHUT_WR); t.join(); print(got)
p = select.poll(); p.register(s, select.POLLIN | select.POLLHUP)
print([e for _, e in p.poll(10000)])
"""
    harness.same(run([PY, "-c", text], True), run([PY, "-c", text], False),
                 "/nonexistent")


def mixed_sets():
    """Rump sockets and host descriptors in one set, each way of waiting."""
    text = """
import socket, select, os, time, threading, signal
a = socket.create_server(('127.0.0.1', 0))
c = socket.create_connection(a.getsockname()); s, _ = a.accept()
r, w = os.pipe(); e = os.eventfd(0) if hasattr(os, 'eventfd') else r
def check(wait):
    out = []
    out.append(wait(0.05)); os.write(w, b'p'); out.append(wait(10))
    c.send(b'x'); time.sleep(0); select.select([s], [], [], 10)
    out.append(wait(10)); os.read(r, 1); out.append(wait(10)); s.recv(1)
    out.append(wait(0.05))
    t = threading.Timer(0.1, c.send, (b'later',)); t.start()
    out.append(wait(10)); s.recv(10); t.join()
    t = threading.Timer(0.1, os.write, (w, b'later')); t.start()
    out.append(wait(10)); os.read(r, 10); t.join()
    return out
name = {s.fileno(): 's', r: 'r', c.fileno(): 'c'}
def f_select(t): return sorted(name[x if isinstance(x, int) else x.fileno()]
                               for x in select.select([s, r], [], [], t)[0])
p = select.poll(); p.register(s, select.POLLIN); p.register(r, select.POLLIN)
def f_poll(t): return sorted((name[x], v) for x, v in p.poll(t * 1000))
ep = select.epoll(); ep.register(s, select.EPOLLIN); ep.register(r, select.EPOLLIN)
def f_epoll(t): return sorted((name[x], v) for x, v in ep.poll(t))
for f in (f_select, f_poll, f_epoll): print(check(f))
ep.modify(s, select.EPOLLIN | select.EPOLLET); c.send(b'1'); print(f_epoll(10))
print(f_epoll(0)); c.send(b'2'); print(f_epoll(10)); s.recv(10)
ep.modify(s, select.EPOLLIN | select.EPOLLONESHOT); c.send(b'1'); print(f_epoll(10))
c.send(b'1'); print(f_epoll(0.05)); ep.modify(s, select.EPOLLIN); print(f_epoll(10))
d = os.dup(s.fileno()); os.close(d); ep.unregister(s); print(f_epoll(0))
try: ep.unregister(s)
except FileNotFoundError as x: print(x)
p2 = select.poll(); p2.register(c, select.POLLIN | select.POLLOUT | select.POLLRDHUP)
s.close(); print([v for _, v in p2.poll(10000)])
"""
    harness.same(run([PY, "-c", text], True), run([PY, "-c", text], False),
                 "/nonexistent")


def small_sets():
    """More numbers named than the sets have: the host looks at its table."""
    text = """
import ctypes, mmap, resource, socket
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
c = ctypes.CDLL(None, use_errno=True)
m = mmap.mmap(-1, 8192); base = ctypes.addressof(ctypes.c_char.from_buffer(m))
c.mprotect(ctypes.c_void_p(base + 4096), 4096, 0)
sets = base + 4096 - 128; tv = (ctypes.c_long * 2)(0, 0)
a = socket.create_server(('127.0.0.1', 0))
b = socket.create_connection(a.getsockname()); d, _ = a.accept()
for fd in (b.fileno(), 0):
    for nfds in (1024, 1025, 5000, 65536, 1 << 20, (1 << 31) - 1):
        ctypes.memset(sets, 0, 128)
        ctypes.memset(sets + fd // 8, 1 << fd % 8, 1)
        print(c.select(nfds, None, ctypes.c_void_p(sets), None, tv),
              ctypes.get_errno(), m[4096 - 128:4096].hex())
"""
    harness.same(run([PY, "-c", text], True), run([PY, "-c", text], False),
                 "/nonexistent")


def main():
    with harness.scratch() as top:
        files(top)
        cases = [(case[0], functools.partial(compare, case, top))
                 for case in CASES]
        cases += [
            ("the sockets are the rump kernel's", is_routed),
            ("refused connections and addresses", refused_connections),
            ("peers that misbehave", peer_behaviour),
            ("mixed sets", mixed_sets),
            ("sets smaller than the numbers named", small_sets),
            ("names are resolved as the host does", names),
            ("ping", ping),
        ]
        return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
