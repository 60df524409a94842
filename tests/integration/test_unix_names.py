#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""AF_UNIX sockets whose names are paths of a rump file system.

What one process sees of them is compared with the host's, with the kernel in the
process and in a server, on a tmpfs and on an NFS export; trees/unixnames.tbl has
programs.  The rest is what cannot be compared: who may connect, and what is left
on the host.
"""
import contextlib
import functools
import os
import signal
import subprocess
import sys
import time

import harness
from harness import MOUNT, check

PY = "/usr/bin/python3"
TMPFS = "tmpfs:?mode=0777"

# Runs in its directory, with its absolute path as argument, and "links" where a
# socket may have several names: nfs-ganesha loses it when it is removed by one.
PROBE = r"""
import array, ctypes, errno, os, select, socket, stat, struct, sys, threading
top = sys.argv[1]
os.chdir(top)
os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)
STREAM, DGRAM, SEQ = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
def new(kind=STREAM): return socket.socket(socket.AF_UNIX, kind)
def attempt(f, *a):
    try: return f(*a)
    except OSError as e: return errno.errorcode[e.errno]
def show(*a): print(*a, flush=True)
def raw(path, pad=0): return struct.pack("H", 1) + path + bytes(pad)
def call(name, s, addr, n=None):
    r = getattr(libc, name)(s.fileno(), addr, len(addr) if n is None else n)
    return r if r >= 0 else errno.errorcode[ctypes.get_errno()]
def told(name, s, room):
    buf = ctypes.create_string_buffer(b"\xff" * 200, 200); n = ctypes.c_int(room)
    r = getattr(libc, name)(s.fileno(), buf, ctypes.byref(n))
    return r >= 0, n.value, buf.raw.rstrip(b"\xff")

def make_hard():
    if sys.argv[2] != "links": return os.rename("moved", "hard")
    os.link("moved", "hard"); os.unlink("moved")

# stream
s = new(); show(attempt(s.bind, top + "/s"), oct(os.stat("s").st_mode), s.getsockname())
show(attempt(new().connect, "s")); s.listen(5)
c = new(); show(attempt(c.connect, "s"), c.getpeername(), repr(c.getsockname()))
a, who = s.accept(); show(repr(who), a.getsockname(), a.send(b"x"), c.recv(5))
b = new(); b.bind("b"); b.connect(top + "/s"); a, who = s.accept(); show(who, a.getpeername())
show(struct.unpack("3i", a.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0] == os.getpid())
n = new(); n.setblocking(False); show([attempt(k.connect, "s") for k in [n] + [new() for i in range(3)]]); full = [new() for i in range(8)]
for k in full: k.setblocking(False)
show([attempt(k.connect, "s") for k in full]); t = threading.Thread(target=lambda: [s.accept() for i in range(5)]); t.start(); w = new(); show(attempt(w.connect, "s")); t.join()
show(attempt(s.bind, "other"), os.path.exists("other"), attempt(new().bind, "s"), attempt(new().bind, "none/x"), attempt(new().bind, "s/x"), attempt(new().bind, "sub/"))
show(attempt(new(DGRAM).connect, "s"), attempt(new(SEQ).connect, "s"))

# addresses
for path in (b"e" * 108, b"r/../f" + b"g" * 102):
    os.makedirs("r", exist_ok=True); k = new(); show(call("bind", k, raw(path)), k.getsockname() == path.decode() or len(k.getsockname()), told("getsockname", k, 200))
k = new(); show(call("bind", k, raw(b"h\0garbage", 20)), told("getsockname", k, 110)); k.listen(1)
for room in (0, 1, 2, 3, 4, 110): show(told("getsockname", k, room))
show(told("getsockname", k, -1)[0], libc.getsockname(k.fileno(), 8, 8), libc.getsockname(k.fileno(), None, ctypes.byref(ctypes.c_int(9))))
c = new(); show(call("connect", c, raw(b"h\0other")), told("getpeername", c, 5), told("accept", k, 7)[1:]); c = new(); c.connect("h"); show(libc.accept(k.fileno(), ctypes.c_void_p(8), ctypes.byref(ctypes.c_int(9))) >= 0)
show(call("bind", new(), raw(b"i" * 109)), call("bind", new(), raw(b"j"), 200), call("bind", new(), raw(b""), 2) == 0, call("bind", new(), b"\x01", 1), call("connect", new(), raw(b""), 2), call("bind", new(), struct.pack("H", 2) + b"k" * 14))
show([os.path.exists(x) for x in ("i" * 109, "j", "k" * 14)], attempt(new().bind, "\0" + top + "abstract"), attempt(new().connect, "\0" + top + "nobody"))
i4 = socket.socket(); show(call("bind", i4, raw(b"inet", 20)), call("connect", i4, raw(b"s", 20)), os.path.exists("inet"), libc.bind(999, raw(b"l"), 3), libc.connect(999, raw(b"s"), 3), os.path.exists("l"))
f = open("file", "w"); show(call("bind", f, raw(b"m")), call("connect", f, raw(b"s")), os.path.exists("m"))

# datagrams
x, y = new(DGRAM), new(DGRAM); x.bind("x"); y.bind(top + "/y")
show(x.sendto(b"one", "y"), y.recvfrom(9), y.sendto(b"two", top + "/x"), x.recvfrom(9), x.sendmsg([b"th", b"ree"], [], 0, "y"), y.recvmsg(9, 99)[::3], new(DGRAM).sendto(b"un", "y"), y.recvfrom(9))
class Msg(ctypes.Structure): _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p), ("iovlen", ctypes.c_size_t), ("ctl", ctypes.c_void_p), ("ctllen", ctypes.c_size_t), ("flags", ctypes.c_long), ("len", ctypes.c_uint)]
class Vec(ctypes.Structure): _fields_ = [("p", ctypes.c_void_p), ("n", ctypes.c_size_t)]
assert ctypes.sizeof(Msg) == 64 or sys.exit("struct mmsghdr is of another size")
def vector(names, datas, room=None):
    keep, out = [], (Msg * len(datas))()
    for m, name, data in zip(out, names, datas):
        addr = ctypes.create_string_buffer(raw(name) if room is None else room) if name is not None else None; buf = ctypes.create_string_buffer(data, len(data)); v = Vec(ctypes.addressof(buf), len(data)); keep += [addr, buf, v]
        m.name = ctypes.addressof(addr) if addr else None; m.namelen = (len(name) + 3 if room is None else room) if addr else 0; m.iov = ctypes.addressof(v); m.iovlen = 1
    return out, keep
out, keep = vector([b"x", b"y", b"x", b"none", b"x"], [b"a", b"bb", b"ccc", b"d", b"e"]); done = 0; log = []
while done < 5:
    r = libc.sendmmsg(y.fileno(), ctypes.byref(out, 64 * done), 5 - done, 0)
    log.append(errno.errorcode[ctypes.get_errno()] if r < 0 else "sent"); done += max(r, 1)
show([m.len for m in out], "ENOENT" in log); got, keep2 = vector([b""] * 3, [b"-" * 5] * 3, 110); show(libc.recvmmsg(x.fileno(), got, 3, 0x40, None), [(m.len, m.namelen - len(top), ctypes.string_at(m.name, m.namelen)) for m in got], y.recv(9))
r, w = os.pipe(); x.sendmsg([b"fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [w]))], 0, "y"); data, anc, flags, who = y.recvmsg(9, 99); fd = array.array("i", anc[0][2])[0]; os.write(fd, b"passed"); show(data, who, os.read(r, 9))
y.connect("x"); show(y.getpeername(), y.send(b"con"), x.recvfrom(9)); z = new(DGRAM); z.bind("z"); show(attempt(z.sendto, b"p", "y"), attempt(x.sendto, b"p", "z"), z.recvfrom(9))
libc.connect(y.fileno(), struct.pack("H", 0), 2); show(attempt(y.getpeername), attempt(x.sendto, b"q", "gone"), attempt(x.sendto, b"q", "s"), attempt(x.sendto, b"q", "file"), attempt(x.sendto, b"q", "."))
x.settimeout(5); sel = select.poll(); sel.register(x, select.POLLIN); show(sel.poll(0)); y.sendto(b"r", "x"); show(len(sel.poll(5000)), x.recv(9))

# nodes
os.rename("y", "moved"); show(attempt(x.sendto, b"m", "moved"), y.recvfrom(9), y.getsockname()); make_hard(); show(attempt(x.sendto, b"n", "hard"), y.recv(9), os.stat("hard").st_nlink)
os.symlink(top + "/hard", "absolute"); os.symlink("../" + os.path.basename(top) + "/hard", "around"); show(attempt(x.sendto, b"o", "absolute"), y.recv(9), attempt(x.sendto, b"o", "around"), y.recv(9), attempt(new().bind, "absolute"))
os.unlink("hard"); show(attempt(x.sendto, b"p", "absolute"), y.getsockname()); k = new(DGRAM); k.bind("hard"); x.sendto(b"again", "absolute"); show(k.recvfrom(9), attempt(y.recv, 9, socket.MSG_DONTWAIT))
k.close(); show(attempt(x.sendto, b"q", "hard")); os.replace("x", "hard"); y.sendto(b"s", "hard"); show(x.recvfrom(9))
os.mknod("made", stat.S_IFSOCK | 0o640); show(oct(os.lstat("made").st_mode), attempt(new().connect, "made"), attempt(os.open, "made", os.O_RDWR), attempt(os.open, "s", os.O_RDONLY), attempt(os.truncate, "s", 0), os.path.getsize("s"))
os.umask(0o177); k = new(); k.bind("private"); show(oct(os.stat("private").st_mode)); k = new(); os.fchmod(k.fileno(), 0o600); os.umask(0); k.bind("chmodded"); show(oct(os.stat("chmodded").st_mode))
fd = os.open("s", os.O_PATH); show(stat.S_ISSOCK(os.fstat(fd).st_mode), attempt(new().connect, f"/proc/self/fd/{fd}")); d = os.open(".", os.O_RDONLY); show(attempt(new().connect, f"/proc/self/fd/{d}/s"), attempt(new().bind, f"/proc/self/fd/{d}/proc"), os.path.exists("proc"), attempt(new().connect, "/proc/self/cwd/s"), attempt(new().connect, f"/proc/self/fd/{f.fileno()}"), attempt(new().bind, f"/proc/self/fd/{f.fileno()}"))
show(sorted(e.name for e in os.scandir(".") if stat.S_ISSOCK(e.stat(follow_symlinks=False).st_mode)))
"""

FORKED = r"""
import os, socket, sys
os.chdir(sys.argv[1])
s = socket.socket(socket.AF_UNIX); s.bind("s"); s.listen()
c = socket.socket(socket.AF_UNIX); c.bind("c"); c.connect("s")
if os.fork() == 0:
    a, who = s.accept()
    print(who, a.getsockname(), a.getpeername(), c.getpeername(), flush=True)
    os._exit(0)
os.wait()
"""


def argv_of(options, source):
    return harness.as_user([harness.RUMPKIT, "run", *options, "--mount",
                            f"{MOUNT}={source}", "--"])


def run(argv, **kw):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=180, env=harness.clean_env(), cwd="/",
                          check=False, **kw)


@contextlib.contextmanager
def sources(kind):
    if kind == "tmpfs":
        yield TMPFS
        return

    def populate(path):
        os.chmod(path, 0o777)
    with harness.export(populate) as (_directory, server):
        yield server.url()


def compare(code, options, kind):
    with harness.scratch() as host, sources(kind) as source:
        work = f"{host}/data"
        os.mkdir(work)
        os.chmod(work, 0o777)
        argv = "links" if kind == "tmpfs" else "",
        plain = harness.native([PY, "-c", code, work, *argv])
        check(plain.returncode == 0, plain.stderr.decode()[-1500:])
        rump = run([*argv_of(options, source), PY, "-c", code, MOUNT,
                    *argv])
        harness.same(rump, plain, work)


def forked_child(options):
    compare(FORKED, options, "tmpfs")


# Bind, and say where the kernel has bound the host's socket to: /proc/net/unix
# has the inode of the socket and the path.
BIND = """
import os, socket, sys
def bound(kind, name):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(name)
    inode = os.fstat(s.fileno()).st_ino
    with open("/proc/net/unix") as f:
        lines = [line.split() for line in f]
    return s, [w[7] for w in lines if w[6] == str(inode)][0]
"""


def wait_until(condition, what):
    deadline = time.monotonic() + 120
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.01)


def ok(out):
    check(out.returncode == 0, f"status {out.returncode}\n"
          f"{out.stdout.decode()}{out.stderr.decode()[-1500:]}")
    return out.stdout.decode().split()


def nothing_is_left_on_the_host(options):
    code = BIND + """
s, path = bound(socket.SOCK_STREAM, "/data/s")
print(path, os.path.exists(path), end="")
if len(sys.argv) > 1: raise SystemExit(3)
"""
    for more, status in ([], 0), (["fail"], 3):
        out = run([*argv_of(options, TMPFS), PY, "-c", code, *more])
        check(out.returncode == status, str(out))
        path, there = out.stdout.decode().split()
        check(there == "True", f"{path} is not where the socket is")
        base = os.path.dirname(os.path.dirname(path))
        wait_until(lambda base=base: not os.path.exists(base),
                   f"{base} is still there")


def a_node_of_a_kernel_that_has_ended_is_refused(options):
    code = """
import os, socket
def connect():
    return socket.socket(socket.AF_UNIX).connect_ex("/data/s")
print(os.path.exists("/data/s"), connect())
if os.path.exists("/data/s"): os.unlink("/data/s")
s = socket.socket(socket.AF_UNIX); s.bind("/data/s"); s.listen(); print(connect())
"""
    with sources("nfs") as source:
        argv = [*argv_of(options, source), PY, "-c", code]
        check(ok(run(argv)) == ["False", "2", "0"], "the first time")
        check(ok(run(argv)) == ["True", "111", "0"], "the second time")


USERS = BIND + """
import os, pwd, signal
def as_user(uid, f):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([]); os.setgid(uid); os.setuid(uid)
        try: out = repr(f())
        except OSError as e: out = e.strerror
        os.write(w, out.encode()); os._exit(0)
    os.close(w); out = b""
    while b := os.read(r, 1000): out += b
    os.waitpid(pid, 0); return out.decode()
def connect(path="/data/d/s"):
    c = socket.socket(socket.AF_UNIX); c.connect(path); return c.getpeername()
def serve():
    os.mkdir("/data/d"); os.umask(0o177)
    s, path = bound(socket.SOCK_STREAM, "/data/d/s"); s.listen(20)
    os.write(w, path.encode() + b"\\n"); signal.pause()
r, w = os.pipe(); os.umask(0)
pid = os.fork()
if pid == 0: as_user(1000, serve)
path = os.read(r, 200).decode().strip()
print(as_user(1000, connect)); print(as_user(1001, connect)); print(repr(connect()))
os.chmod("/data/d/s", 0o777); print(as_user(1001, connect))
print(as_user(1001, lambda: connect(path)))
os.chmod("/data/d", 0o700); print(as_user(1001, connect))
os.chmod("/data/d", 0o711); os.chown("/data/d/s", 1001, 1001)
os.chmod("/data/d/s", 0o600); print(as_user(1001, connect)); print(as_user(1000, connect))
print(as_user(1002, lambda: socket.socket(socket.AF_UNIX).bind("/data/d/no")))
print(as_user(1002, lambda: socket.socket(socket.AF_UNIX).bind("/data/yes")))
print(os.stat("/data/yes").st_uid)
os.kill(0, signal.SIGTERM)
"""


def users_of_one_tree_reach_what_the_modes_let_them():
    if os.geteuid() != 0:
        raise harness.Skip("only root can become other users")
    # The tree ends by a signal, its parent too.
    out = run([harness.RUMPKIT, "run", "--mount", f"{MOUNT}={TMPFS}", "--",
               "setsid", "-w", PY, "-u", "-c", USERS])
    lines = out.stdout.decode().splitlines()
    denied, name = "Permission denied", "'/data/d/s'"
    check(lines == [name, denied, name, name, denied, denied, name, denied,
                    denied, "None", "1002"], f"{lines}\n{out.stderr.decode()}")


def the_trace_shows_the_programs_name(options):
    out = run([*argv_of([*options, "--trace"], TMPFS), PY, "-c", """
import socket
s = socket.socket(socket.AF_UNIX); s.bind("/data/s"); s.listen()
socket.socket(socket.AF_UNIX).connect("/data/s")
"""])
    text = out.stderr.decode()
    for call in "bind", "connect":
        lines = [line for line in text.splitlines()
                 if f" {call}(" in line and "/data/s" in line]
        check(lines and all("= 0" in line for line in lines) and
              "rumpkit-" not in "".join(lines), f"{call}: {text[-1500:]}")


def programs_of_one_server_reach_each_other():
    """A persistent server, and programs that come one after another."""
    with harness.scratch() as top:
        url = f"unix://{top}/s"
        out = run(harness.as_user([harness.RUMPKIT, "server", "--pid-file",
                                   f"{top}/pid", url]))
        check(out.returncode == 0, str(out))
        with open(f"{top}/pid", encoding="ascii") as f:
            pid = int(f.read())
        try:
            path = meet(["--server", url])
            check(os.path.exists(path), "the node is there, its file is not")
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(path), f"{path} is left")


def meet(options):
    """One program listens, and another that knows the mount by another name
    comes; where the host's socket is bound."""
    argv = [*argv_of(options, TMPFS), PY, "-c", BIND + """
s, path = bound(socket.SOCK_STREAM, "/data/s"); s.listen()
print(path, flush=True)
a, who = s.accept(); a.sendall(repr((who, a.getsockname())).encode())
"""]
    other = harness.as_user([harness.RUMPKIT, "run", *options, "--", PY, "-c",
                             """
import socket
c = socket.socket(socket.AF_UNIX); c.bind("/rump/data/c"); c.connect("/rump/data/s")
print(c.recv(100).decode(), c.getpeername())
"""])
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, cwd="/",
                          stdout=subprocess.PIPE,
                          env=harness.clean_env()) as listener:
        path = listener.stdout.readline().decode().strip()
        out = run(other)
        check(out.stdout == b"('/rump/data/c', '/data/s') /data/s\n", str(out))
        check(listener.wait(30) == 0, "the listener failed")
    return path


def main():
    modes = ("in process", ["--in-process"]), ("in a tree", [])
    cases = []
    for where, options in modes:
        for kind in "tmpfs", "nfs":
            cases.append((f"one process sees what it sees of the host's {where}"
                          f" on {kind}",
                          functools.partial(compare, PROBE, options, kind)))
        cases += [(f"{text} {where}", functools.partial(function, options))
                  for text, function in (
                      ("a forked child is told names", forked_child),
                      ("nothing is left on the host",
                       nothing_is_left_on_the_host),
                      ("a node of a kernel that has ended is refused",
                       a_node_of_a_kernel_that_has_ended_is_refused),
                      ("the trace shows the program's name",
                       the_trace_shows_the_programs_name))]
    cases += [("users of one tree reach what the modes let them",
               users_of_one_tree_reach_what_the_modes_let_them),
              ("programs of one server reach each other",
               programs_of_one_server_reach_each_other)]
    return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
