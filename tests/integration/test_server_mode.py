#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel in a server: what a single process sees of it must not differ from
what it sees of a kernel of its own."""
import contextlib
import functools
import hashlib
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import harness
from harness import check

PY = "/usr/bin/python3"
TMPFS = [(harness.MOUNT, "tmpfs:")]
SOCKIN = ["--net", "sockin"]
LARGE = bytes(range(256)) * 8192 + b"tail"  # not a multiple of anything


def argv(command, mounts=(), options=()):
    out = [harness.RUMPKIT, "run"]
    for path, source in mounts:
        out += ["--mount", f"{path}={source}"]
    return harness.as_user(out + list(options) + ["--"] + list(command))


def served(command, mounts=TMPFS, options=(), timeout=180, **kw):
    return subprocess.run(argv(command, mounts, options),
                          stdin=kw.pop("stdin", subprocess.DEVNULL),
                          capture_output=True, timeout=timeout,
                          env=kw.pop("env", harness.clean_env()), cwd="/",
                          **kw)


def python(text, **kw):
    return served([PY, "-c", text], **kw)


def shell(text, **kw):
    return served(["/bin/sh", "-c", text], **kw)


def prints(out, text):
    if isinstance(text, str):
        text = text.encode()
    check(out.returncode == 0 and out.stdout == text and out.stderr == b"",
          str(out)[:3000])


def populate(top):
    os.mkdir(f"{top}/out")
    os.chmod(f"{top}/out", 0o777)
    with open(f"{top}/large", "wb") as f:
        f.write(LARGE)
    os.symlink("/data/large", f"{top}/absolute")
    os.symlink("out/../large", f"{top}/relative")


# --- files ------------------------------------------------------------------

def shell_tools():
    prints(shell("""
set -e
cd /data
echo one > a; mkdir d; ln -s ../a d/link; mv a b; ln -s b a
cat d/link a b
ls
test "$(stat -c %s d/link)" = 4
cp -r d e; rm -r d; ls e
"""), "one\none\none\na\nb\nd\nlink\n")


def blocks_of_all_sizes():
    for size in (1, 511, 4096, 30000, 32768, 65536, 100001, 1 << 20):
        out = shell(f"""
cd /data
dd if=/dev/urandom of=x bs={10000 if size == 1 else 3000000} count=1 status=none
dd if=x of=y bs={size} status=none
cmp x y && echo same
""")
        prints(out, "same\n")


def vectors():
    prints(python("""
import os
fd = os.open("/data/v", os.O_RDWR | os.O_CREAT)
parts = [bytes([i]) * (i * 997) for i in range(100)]
assert os.writev(fd, parts) == sum(map(len, parts))
into = [bytearray(len(p)) for p in reversed(parts)]
assert os.preadv(fd, into, 0) == sum(map(len, parts))
assert b"".join(into) == b"".join(parts)
print("right")
"""), "right\n")


def bad_memory():
    prints(python("""
import ctypes, errno, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("/data/f", os.O_RDWR | os.O_CREAT)
os.write(fd, b"x" * 100000)
def call(name, *args):
    ctypes.set_errno(0)
    r = getattr(libc, name)(*args)
    print(name, r, errno.errorcode.get(ctypes.get_errno(), 0))
bad = ctypes.c_void_p(4096)
for size in (1, 4096, 65536):
    call("pread", fd, bad, size, 0)
    call("pwrite", fd, bad, size, 0)
call("open", bad, 0)
call("fstat", fd, bad)
call("readv", fd, bad, 2)
m = mmap.mmap(-1, 8192)
there = ctypes.addressof(ctypes.c_char.from_buffer(m))
libc.mprotect(ctypes.c_void_p(there + 4096), 4096, 0)
call("pread", fd, ctypes.c_void_p(there + 4090), 3, 0)
call("open", ctypes.c_void_p(there + 4095), 0)
"""), "".join(f"{name} -1 EFAULT\n" for name in (
        ["pread", "pwrite"] * 3 + ["open", "fstat", "readv"]))
           + "pread 3 0\nopen -1 ENOENT\n")


def many_threads():
    prints(python("""
import os, threading
def work(i):
    for j in range(100):
        p = f"/data/{i}.{j % 3}"
        with open(p, "w") as f:
            f.write(str(i) * j * 37)
        with open(p) as f:
            assert f.read() == str(i) * j * 37
        os.stat(p)
threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
for t in threads: t.start()
for t in threads: t.join()
print(len(os.listdir("/data")))
"""), "48\n")


def threads_come_and_go():
    """A thread leaves nothing behind, here and in the server."""
    prints(python("""
import os, threading
for i in range(2000):
    t = threading.Thread(target=os.stat, args=("/data",))
    t.start()
    t.join()
print(len([m for m in open("/proc/self/maps") if "rumpkit" in m]) < 8)
"""), "True\n")


def in_a_closed_process():
    """A process that nobody may look into."""
    prints(python("""
import ctypes, os
libc = ctypes.CDLL(None)
assert libc.prctl(4, 0, 0, 0, 0) == 0
fd = os.open("/data/f", os.O_RDWR | os.O_CREAT)
data = os.urandom(300001)
os.write(fd, data)
assert os.pread(fd, 400000, 0) == data
assert os.path.realpath("/data/f") == "/data/f"
print("right")
"""), "right\n")


def in_a_confined_process():
    """A process that allows itself few calls: no futex, no message, no poll."""
    prints(python("""
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("/data/f", os.O_RDWR | os.O_CREAT)
allowed = [0, 1, 8, 9, 11, 12, 231]  # read write lseek mmap munmap brk exit
code = struct.pack("=HBBI", 0x20, 0, 0, 0)
for i, nr in enumerate(allowed):
    code += struct.pack("=HBBI", 0x15, len(allowed) - i, 0, nr)
code += struct.pack("=HBBI", 6, 0, 0, 0x80000000)  # kill
code += struct.pack("=HBBI", 6, 0, 0, 0x7fff0000)  # allow
buf = ctypes.create_string_buffer(code)
prog = struct.pack("=HxxxxxxQ", len(allowed) + 3, ctypes.addressof(buf))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, prog, 0, 0) != 0:
    raise OSError(ctypes.get_errno(), "prctl")
data = b"confined" * 20000
os.write(fd, data)
os.lseek(fd, 0, 0)
os.write(1, b"right\\n" if os.read(fd, len(data)) == data else b"wrong\\n")
os._exit(0)
"""), "right\n")


def umask_and_modes():
    prints(python("""
import os
os.close(os.open("/data/a", os.O_CREAT, 0o666))
os.umask(0o077)
os.close(os.open("/data/b", os.O_CREAT, 0o666))
print([oct(os.stat(p).st_mode & 0o777) for p in ("/data/a", "/data/b")])
print(os.stat("/data/a").st_uid == os.getuid())
""", preexec_fn=functools.partial(os.umask, 0o027)),
           "['0o640', '0o600']\nTrue\n")
    prints(shell("umask 007; exec /bin/sh -c '>/data/f; stat -c %a /data/f'"),
           "660\n")


# --- NFS --------------------------------------------------------------------

def nfs(directory, server):
    mounts = [(harness.MOUNT, server.url())]
    digest = hashlib.md5(LARGE).hexdigest()
    for name in ("large", "absolute", "relative"):
        prints(served(["md5sum", f"/data/{name}"], mounts),
               f"{digest}  /data/{name}\n")
    prints(shell("cp /data/large /data/out/copy && cmp /data/large "
                 "/data/out/copy && echo same", mounts=mounts), "same\n")
    with open(f"{directory}/out/copy", "rb") as f:
        check(f.read() == LARGE, "the copy on the server differs")
    prints(python("""
import mmap, os
fd = os.open("/data/out/copy", os.O_RDWR)
m = mmap.mmap(fd, 0)
m[4096:4100] = b"mine"
m.flush()
with open("/data/out/other", "wb") as f:
    f.write(m)
print(os.pread(fd, 4, 4096))
""", mounts=mounts), "b'mine'\n")
    with open(f"{directory}/out/copy", "rb") as f:
        check(f.read() == LARGE[:4096] + b"mine" + LARGE[4100:],
              "what was stored into a mapping is not on the server")


# --- signals ----------------------------------------------------------------

def interrupted_sleeps():
    """A handler runs while a call sleeps in the kernel; with SA_RESTART the call
    goes on, without it fails, and the connection is as good as before."""
    prints(python("""
import fcntl, os, signal, sys
armed = False
def handler(*_):
    global armed
    if armed:
        armed = False
        print("handler", flush=True)
        raise InterruptedError
signal.signal(signal.SIGALRM, handler)
fd = os.open("/data/lock", os.O_RDWR | os.O_CREAT)
r, w = os.pipe()
gone, go = os.pipe()
pid = os.fork()
if pid == 0:
    mine = os.open("/data/lock", os.O_RDWR)
    fcntl.flock(mine, fcntl.LOCK_EX)
    os.write(w, b"x")
    os.read(gone, 1)
    os._exit(0)
os.read(r, 1)
for i in range(20):
    try:
        armed = True
        # Again and again: the first may come before the call.
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        fcntl.flock(fd, fcntl.LOCK_EX)
        print("locked?")
    except InterruptedError:
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
os.write(go, b"x")
fcntl.flock(fd, fcntl.LOCK_EX)
os.waitpid(pid, 0)
print("locked")
"""), "handler\n" * 20 + "locked\n")


def signals_and_threads_and_children():
    """Signals hit calls of several threads while children are made."""
    prints(python("""
import os, signal, threading
hits = 0
def handler(*_):
    global hits
    hits += 1
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
wrong = []
def work(i):
    path = f"/data/{i}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    for j in range(300):
        data = bytes([i]) * (j * 131 % 70000)
        os.pwrite(fd, data, 0)
        if os.pread(fd, len(data), 0) != data or os.stat(path).st_uid != uid:
            wrong.append((i, j))
uid = os.getuid()
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for t in threads: t.start()
for k in range(30):
    pid = os.fork()
    if pid == 0:
        signal.setitimer(signal.ITIMER_REAL, 0)
        ok = os.stat("/data").st_mode
        fd = os.open(f"/data/child{k}", os.O_WRONLY | os.O_CREAT)
        os._exit(0 if os.write(fd, b"child") == 5 else 1)
    if os.waitpid(pid, 0)[1] != 0:
        wrong.append(k)
for t in threads: t.join()
signal.setitimer(signal.ITIMER_REAL, 0)
print(wrong, hits > 10, len(os.listdir("/data")))
"""), "[] True 34\n")


def killed_in_a_sleep():
    out = subprocess.Popen(argv([PY, "-c", """
import fcntl, os
a = os.open("/data/lock", os.O_RDWR | os.O_CREAT)
b = os.open("/data/lock", os.O_RDWR)
fcntl.flock(a, fcntl.LOCK_EX)
print("waiting", flush=True)
fcntl.flock(b, fcntl.LOCK_EX)
"""], TMPFS), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           env=harness.clean_env(), cwd="/")
    with out:
        check(out.stdout.readline() == b"waiting\n", "not waiting")
        out.send_signal(signal.SIGINT)
        check(out.wait(timeout=120) != 0, "not ended by SIGINT")


# --- sockets ----------------------------------------------------------------

@contextlib.contextmanager
def echo_server():
    """Of the host: sends back what it gets."""
    def serve(listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    def talk(peer):
        with peer:
            while data := peer.recv(65536):
                peer.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def sockets():
    with echo_server() as port:
        prints(python(f"""
import selectors, socket, threading
def talk(i):
    with socket.create_connection(("127.0.0.1", {port})) as s:
        data = bytes([i]) * 300000
        threading.Thread(target=s.sendall, args=(data,)).start()
        got = b""
        while len(got) < len(data):
            got += s.recv(1 << 20)
        assert got == data
threads = [threading.Thread(target=talk, args=(i,)) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
s = socket.create_connection(("127.0.0.1", {port}))
with selectors.DefaultSelector() as sel:
    sel.register(s, selectors.EVENT_READ)
    assert sel.select(0) == []
    s.send(b"ready")
    assert len(sel.select(10)) == 1
assert s.recv(5, socket.MSG_PEEK) == b"ready"
s.settimeout(0.05)
s.recv(5)
try:
    s.recv(5)
except TimeoutError:
    print("timed out")
assert s.getsockopt(socket.SOL_SOCKET, 39) == 2
print(s.getpeername())
""", mounts=(), options=SOCKIN), f"timed out\n('127.0.0.1', {port})\n")


def out_of_descriptors():
    prints(python("""
import os, resource, socket
s = socket.create_server(("127.0.0.1", 0))
s.setblocking(False)
c = socket.create_connection(s.getsockname())
c.send(b"patient")
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (c.fileno() + 3, hard))
while True:
    try: last = os.dup(c.fileno())
    except OSError: break
try: s.accept()
except OSError as e: print(e.errno)
os.close(last)
print(s.accept()[0].recv(10))
""", mounts=(), options=SOCKIN), "24\nb'patient'\n")


def broken_pipe():
    out = python("""
import signal, socket, sys
signal.signal(signal.SIGPIPE, lambda *_: print("SIGPIPE", flush=True))
l = socket.create_server(("127.0.0.1", 0))
s = socket.create_connection(l.getsockname())
p, _ = l.accept()
s.shutdown(socket.SHUT_WR)
try:
    s.send(b"x")
except BrokenPipeError:
    print("EPIPE")
""", mounts=(), options=SOCKIN)
    prints(out, "SIGPIPE\nEPIPE\n")


# --- ends -------------------------------------------------------------------

def server_pids():
    """Processes that are servers of private kernels."""
    out = set()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                if f.read().startswith("rumpkit-kernel"):
                    out.add(int(pid))
    return out


def lost_server():
    """The server is killed: calls fail, and nobody waits for ever."""
    before = server_pids()
    with subprocess.Popen(argv([PY, "-c", """
import fcntl, os, sys, threading
a = os.open("/data/lock", os.O_RDWR | os.O_CREAT)
b = os.open("/data/lock", os.O_RDWR)
fcntl.flock(a, fcntl.LOCK_EX)
def wait():
    try:
        fcntl.flock(b, fcntl.LOCK_EX)
    except OSError as e:
        print(e.strerror)
t = threading.Thread(target=wait)
t.start()
print("waiting", flush=True)
sys.stdin.readline()
t.join()
for i in range(2):
    try:
        os.stat("/data/lock")
    except OSError as e:
        print(e.strerror)
print(os.path.exists("/etc/passwd"))
"""], TMPFS), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, cwd="/",
                          env=harness.clean_env()) as p:
        check(p.stdout.readline() == b"waiting\n", "not waiting")
        servers = [s for s in server_pids() - before]
        if len(servers) != 1:
            p.kill()
            raise harness.Skip("other servers come and go here")
        os.kill(servers[0], signal.SIGKILL)
        out, err = p.communicate(b"\n", timeout=120)
    said = "Transport endpoint is not connected\n" * 3 + "True\n"
    check(out.decode() == said, f"{out!r} {err!r}")
    check(err.count(b"has ended") == 1, repr(err))


# --- servers that listen ----------------------------------------------------

def hijacked(directory, **more):
    return harness.clean_env(
        LD_PRELOAD=f"{harness.STAGE}/lib/librumphijack.so.0",
        RUMPHIJACK="path=/rump", RUMP_SERVER=f"unix://{directory}/socket",
        **more)


def tool(*args):
    done = subprocess.run(harness.as_user([harness.RUMPKIT, *args]),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=120, env=harness.clean_env(), cwd="/",
                          check=False)
    check(done.returncode == 0, str(done))
    return done.stdout.decode()


@contextlib.contextmanager
def listening(directory):
    url = f"unix://{directory}/socket"
    tool("server", url)
    try:
        yield url
    finally:
        with contextlib.suppress(AssertionError):
            tool("halt", "--server", url)


def two_clients():
    """Clients of one server are processes of one kernel, and no relations."""
    with harness.scratch() as top, listening(top) as url:
        env = hijacked(top)
        first = subprocess.run(
            harness.as_user(["/bin/sh", "-c", "echo one > /rump/tmp/f; "
                             "mkdir /rump/tmp/d; cd /rump/tmp/d; pwd; "
                             "exec /bin/pwd"]),
            env=env, capture_output=True, timeout=120, check=False)
        prints(first, "/rump/tmp/d\n/rump/tmp/d\n")
        second = subprocess.run(
            harness.as_user(["/bin/cat", "/rump/tmp/f"]), env=env,
            capture_output=True, timeout=120, check=False)
        prints(second, "one\n")
        check(" cat\n" not in tool("ps", "--server", url),
              "a client is left")


RETRY = """
import errno, os, sys
fd = os.open("/rump/tmp/f", os.O_RDWR | os.O_CREAT)
def attempt(what, *args):
    try:
        return what(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
print(os.write(fd, b"x"), flush=True)
sys.stdin.readline()
print(attempt(os.stat, "/rump/tmp/f"), flush=True)
sys.stdin.readline()
print(attempt(os.stat, "/rump/tmp/f"), attempt(os.write, fd, b"y"))
new = attempt(os.open, "/rump/tmp/g", os.O_RDWR | os.O_CREAT)
print(attempt(os.write, new, b"z"), attempt(os.write, fd, b"y"))
"""


def lost_and_found(retry, said, status=0):
    with harness.scratch() as top:
        env = hijacked(top, RUMPHIJACK_RETRYCONNECT=retry)
        with listening(top), subprocess.Popen(
                harness.as_user([PY, "-c", RETRY]), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                cwd="/") as p:
            check(p.stdout.readline() == b"1\n", "no server")
            tool("halt", "--server", f"unix://{top}/socket")
            p.stdin.write(b"\n")
            p.stdin.flush()
            line = p.stdout.readline()
            with contextlib.ExitStack() as stack:
                if status == 0:
                    stack.enter_context(listening(top))
                out, err = p.communicate(b"\n", timeout=120)
            check((line + out).decode() == said, f"{line + out!r} {err!r}")
            check(p.returncode == status, f"{p.returncode} {err!r}")
            check(b"has ended" in err, repr(err))


def comes_back():
    lost_and_found("20", "ENOTCONN\nENOENT EBADF\n1 EBADF\n")
    lost_and_found("once", "ENOTCONN\nENOENT EBADF\n1 EBADF\n")
    lost_and_found("inftime", "ENOTCONN\nENOENT EBADF\n1 EBADF\n")


def never_comes_back():
    lost_and_found("die", "", 1)


def by_hand(**variables):
    return harness.clean_env(
        LD_PRELOAD=f"{harness.STAGE}/lib/librumphijack.so.0",
        RUMPHIJACK="path=/data", **variables)


def other_sockets():
    for kind in (socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        with ours, theirs:
            number = theirs.fileno()
            out = subprocess.run(
                ["/bin/true"], env=by_hand(RUMPKIT_KERNEL=str(number)),
                pass_fds=[number], timeout=120, capture_output=True,
                check=False, stdin=subprocess.DEVNULL)
            check(out.returncode == 125 and
                  b"does not name a connection" in out.stderr, str(out))


def fill(sock):
    sock.setblocking(False)
    try:
        while True:
            sock.send(bytes(4096))
    except BlockingIOError:
        sock.setblocking(True)


def waits_to_send(pid):
    """It sleeps in poll(2), on one descriptor, for room."""
    call = pathlib.Path(f"/proc/{pid}/syscall").read_text().split()
    if call[0] != "7" or call[2:4] != ["0x1", "0xffffffffffffffff"]:
        return False
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(int(call[1], 16))
        return struct.unpack("=ih", memory.read(6))[1] & select.POLLOUT != 0


def server_that_does_not_read():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        number = theirs.fileno()
        fill(theirs)
        with subprocess.Popen(
                ["cat", "/data/file"], stdin=subprocess.DEVNULL,
                env=by_hand(RUMPKIT_KERNEL=str(number)),
                pass_fds=[number]) as child:
            while not waits_to_send(child.pid):
                check(child.poll() is None, child.returncode)
                time.sleep(0.01)
            child.terminate()
            check(child.wait(120) == -signal.SIGTERM, child.returncode)


def nowhere():
    env = by_hand()
    for more, words in (
            ({}, "neither RUMPKIT_KERNEL, RUMP_SERVER nor"),
            ({"RUMPKIT_KERNEL": "0"}, "does not name a connection"),
            ({"RUMPKIT_KERNEL": "999"}, "does not name a connection"),
            ({"RUMP_SERVER": "nonsense"}, "does not begin with unix://"),
            ({"RUMP_SERVER": "unix:///nonexistent/socket"},
             "cannot be connected to"),
            ({"RUMP_SERVER": "unix:///nonexistent/socket",
              "RUMPHIJACK_RETRYCONNECT": "soon"},
             "die, inftime, once, or seconds")):
        out = subprocess.run(["/bin/true"], env={**env, **more}, timeout=120,
                             capture_output=True, check=False,
                             stdin=subprocess.DEVNULL)
        check(out.returncode in (1, 125) and words.encode() in out.stderr,
              str(out))


def with_nfs(case):
    def run():
        with harness.export(populate) as (directory, server):
            case(directory, server)
    return run


if __name__ == "__main__":
    sys.exit(harness.run([
        ("shell tools", shell_tools),
        ("blocks of all sizes", blocks_of_all_sizes),
        ("vectors", vectors),
        ("bad memory is EFAULT", bad_memory),
        ("many threads", many_threads),
        ("threads come and go", threads_come_and_go),
        ("in a process that nobody may look into", in_a_closed_process),
        ("in a process that confines itself", in_a_confined_process),
        ("umask and modes", umask_and_modes),
        ("NFS: read, write, links, mappings", with_nfs(nfs)),
        ("interrupted sleeps", interrupted_sleeps),
        ("signals, threads and children", signals_and_threads_and_children),
        ("killed in a sleep", killed_in_a_sleep),
        ("sockets", sockets),
        ("out of descriptors", out_of_descriptors),
        ("a broken pipe", broken_pipe),
        ("the server is lost", lost_server),
        ("two clients of one server", two_clients),
        ("a server comes back", comes_back),
        ("to die with the server", never_comes_back),
        ("no server to be found", nowhere),
        ("sockets that are no connection", other_sockets),
        ("a server that does not read", server_that_does_not_read),
    ]))
