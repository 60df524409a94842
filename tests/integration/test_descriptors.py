#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Descriptors of both kernels: numbers, exec and fork, readiness, limits."""
import functools
import importlib.util
import os
import resource
import subprocess
import sys

import harness

PY = "/usr/bin/python3"
LINES = b"pear\napple\nquince\nfig\n"
SOCKETS = ["--hijack", "socket=inet"]


def populate(top):
    for name in ("file", "other", "removed"):
        with open(f"{top}/{name}", "wb") as f:
            f.write(LINES)
    for name in ("appended", "written"):
        with open(f"{top}/{name}", "wb") as f:
            os.fchmod(f.fileno(), 0o666)


def shell(text, server, program="bash", options=(), **kw):
    return harness.rumpkit([program, "-c", text],
                           [(harness.MOUNT, server.url())], options, **kw)


def python(text, server, options=(), **kw):
    return harness.rumpkit([PY, "-c", text],
                           [(harness.MOUNT, server.url())], options, **kw)


def expect(done, stdout, stderr=b""):
    harness.check(done.stdout == stdout and done.stderr == stderr and
                  done.returncode == 0,
                  f"{done.returncode}\n{done.stdout}\n{done.stderr.decode()}")


# --- exec ------------------------------------------------------------------

def standard_input(_, server):
    expect(shell("exec sort < /data/file", server),
           b"apple\nfig\npear\nquince\n")


def position(_, server):
    expect(shell("exec 3< /data/file; read -r x <&3; read -r x <&3; "
                 "exec cat <&3", server, "dash"), b"quince\nfig\n")


def shared_position(_, server):
    """Two numbers of one description, and a third that is alone."""
    expect(shell("""
exec 3< /data/file 4<&3 5< /data/other
exec python3 -c '
import os
print(os.read(3, 5), os.read(4, 6), os.read(5, 5), os.read(3, 99))
os.lseek(4, 0, 0)
print(os.read(3, 4), os.pread(5, 3, 1))'""", server),
           b"b'pear\\n' b'apple\\n' b'pear\\n' b'quince\\nfig\\n'\n"
           b"b'pear' b'ear'\n")


def twice(_, server):
    expect(shell("exec 7< /data/file; exec sh -c 'exec sh -c \"exec cat <&7\"'",
                 server), LINES)


def marked(_, server):
    """Close-on-exec is honoured, and numbers that stay keep their flags."""
    expect(python("""
import os
a = os.open('/data/file', os.O_RDONLY)
b = os.open('/data/other', os.O_RDONLY | os.O_NONBLOCK)
os.set_inheritable(b, True)
os.dup2(b, 9)
os.execv('/usr/bin/python3', ['python3', '-c', '''
import errno, fcntl, os
try:
    os.fstat(%d)
except OSError as e:
    print(errno.errorcode[e.errno])
for fd in (%d, 9):
    print(fcntl.fcntl(fd, fcntl.F_GETFD), os.get_blocking(fd),
          os.readlink(f'/proc/self/fd/{fd}'))
''' % (a, b)])""", server),
           b"EBADF\n0 False /data/other\n0 False /data/other\n")


def output(exported, server):
    """What one image has written is followed by what the next one writes."""
    expect(shell("""
exec 3>> /data/appended 4> /data/written
echo one >&3; echo one >&4
exec sh -c 'echo two >&3; echo two >&4; exec 3>&-; echo three >&4'
""", server), b"")
    for name, text in (("appended", b"one\ntwo\n"),
                       ("written", b"one\ntwo\nthree\n")):
        with open(f"{exported}/{name}", "rb") as f:
            harness.check(f.read() == text, name)


def directory(_, server):
    expect(shell("exec 3< /data; exec ls /dev/fd/3", server),
           b"appended\nfile\nother\nremoved\nwritten\n")


def another_file(exported, server):
    """A file that was replaced is not handed on."""
    argv = harness.rumpkit_argv([PY, "-c", """
import os
fd = os.open('/data/removed', os.O_RDONLY)
os.dup2(fd, 5)
print('opened', flush=True)
input()
os.execv('/usr/bin/python3', ['python3', '-c', 'import os; os.read(5, 1)'])
"""], [(harness.MOUNT, server.url())])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, cwd="/",
                          env=harness.clean_env()) as p:
        p.stdout.readline()
        os.rename(f"{exported}/removed", f"{exported}/kept")
        with open(f"{exported}/removed", "wb") as f:
            f.write(b"other")
        _, stderr = p.communicate(b"go\n", 60)
    os.rename(f"{exported}/kept", f"{exported}/removed")
    harness.check(b"descriptor 5: /data/removed" in stderr and
                  b"another file" in stderr and
                  b"Bad file descriptor" in stderr and p.returncode == 1,
                  stderr.decode())


def sockets(_, server):
    """A server executes itself anew with its sockets; the rest is closed."""
    expect(python("""
import os, socket, sys
if len(sys.argv) == 1:
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    s.listen()
    a = socket.create_connection(s.getsockname())
    b = s.accept()[0]
    closed = socket.create_connection(s.getsockname())
    c = s.accept()[0]
    for x in (s, a, b, c):
        x.set_inheritable(True)
    a.setblocking(False)
    a.send(b'sent before')
    n = [str(os.dup(x.fileno())) for x in (s, a, b, c)]
    for x in n:
        os.set_inheritable(int(x), True)
    try:
        os.execv('/nonexistent', ['x'])
    except FileNotFoundError:
        pass
    os.execv(sys.executable, [sys.executable, '-c', sys.orig_argv[2]] + n)
s, a, b, c = (socket.socket(fileno=int(n)) for n in sys.argv[1:])
print(b.recv(99), c.recv(1), a.getpeername() == b.getsockname(),
      os.get_blocking(a.fileno()))
s.settimeout(120)
d = socket.create_connection(s.getsockname())
e = s.accept()[0]
e.send(b'sent after')
print(d.recv(99))
""", server, SOCKETS), b"b'sent before' b'' True False\nb'sent after'\n")


def by_hand(_, server):
    """Nobody but an image of ours says what is open: no number of the program's
    is closed or led elsewhere, and no file is changed."""
    ours = range(2048 - 128, 2048)  # where those of ours are, or
    left = [os.open("/", os.O_PATH) for _ in range(len(ours) + 4)]
    sockets_ = [f"{fd},s,0,{n},0,0,;"
                for fd, n in zip(left, (1024, 4096, 20000, *ours))]
    done = python(f"""
import os
with open('/data/file') as f:
    print(f.readline().strip())
    try:
        print(os.read({left[-1]}, 4))
    except OSError as e:
        print(e.strerror)
""", server, pass_fds=left, env=harness.clean_env(
        RUMPKIT_FDS="".join(sockets_) +
        f"{left[-1]},k,0,0,0,0,;0+1+2,x,0,0,0,0,;"
        "2,f,577,0,0,10,/data/file;1,s,0,4294967296,0,0,;"
        f"3,f,{-1 << 63},{-1 << 63},0,10,/data/file;"
        "99999999999999999999,f,0,0,0,10,/data/file;+,x,0,0,0,0,;bad"))
    for fd in left:
        os.close(fd)
    said = done.stderr.splitlines()
    harness.check(done.stdout == b"pear\nBad file descriptor\n" and
                  done.returncode == 0 and len(said) == len(left) + 1 and
                  said[-1] == b"rumpkit: RUMPKIT_FDS is not understood",
                  f"{done.returncode}\n{done.stdout}\n{done.stderr.decode()}")


# --- fork and messages -----------------------------------------------------

def child_holds_nothing(_, server):
    """A forked child does not keep its parent's connections open."""
    expect(python("""
import os, socket
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen()
a = socket.create_connection(s.getsockname())
b, _ = s.accept()
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(w)
    os.read(r, 1)
    os._exit(0)
b.settimeout(120)
a.close()
print(b.recv(1))
os.close(w)
os.waitpid(pid, 0)
""", server, SOCKETS), b"b''\n")


def child_program(_, server):
    """A program in a child knows what its inherited numbers are."""
    done = shell("exec 3< /data/file; cat <&3; echo $?", server, "dash")
    harness.check(done.stdout == b"1\n" and
                  b": the rump kernel is in process" in done.stderr,
                  str(done))


def child_input(_, server):
    """... also as its standard input, which a child of vfork() set up."""
    expect(python("""
import subprocess
with open('/data/file') as f:
    done = subprocess.run(['cat'], stdin=f, capture_output=True)
print(done.returncode, b': the rump kernel is in process' in done.stderr)
""", server), b"1 True\n")


def child_set(_, server):
    """The parent's epoll set outlives what a child does with it."""
    expect(python("""
import os, select, socket
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a.bind(('127.0.0.1', 0))
e = select.epoll()
e.register(a, select.EPOLLIN)
pid = os.fork()
if pid == 0:
    os.close(a.fileno())
    e.close()
    os._exit(0)
os.waitpid(pid, 0)
a.sendto(b'x', a.getsockname())
print([m for f, m in e.poll(20)])
""", server, SOCKETS), b"[1]\n")


def rights(_, server):
    """A rump descriptor is not passed on; one of the host is."""
    done = python("""
import array, os, socket
a, b = socket.socketpair()
def send(fd):
    a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                        array.array('i', [0, fd]))])
for name in ('/data/file', '/etc/passwd'):
    fd = os.open(name, os.O_RDONLY)
    try:
        send(fd)
        print(len(socket.recv_fds(b, 1, 2)[1]))
    except OSError as e:
        print(e.strerror)
""", server, ["--trace=refused"])
    harness.check(done.stdout == b"Operation not supported\n2\n" and
                  b"sendmsg(" in done.stderr and
                  b"cannot be passed" in done.stderr,
                  f"{done.stdout} {done.stderr}")


# --- numbers ---------------------------------------------------------------

def nothing_shows(_, server):
    """What the program sees of its descriptors is what it opened."""
    expect(shell("exec 3< /data/file; ls /proc/self/fd /dev/fd | wc -w",
                 server), shell("exec 3< /etc/passwd; "
                                "ls /proc/self/fd /dev/fd | wc -w",
                                server).stdout)
    expect(python("""
import os
os.closerange(3, 256)
fd = os.open('/data/file', os.O_RDONLY)
s = sorted(os.listdir('/proc/self/fd'), key=int)
print(fd, s, os.readlink('/proc/self/fd/3'), os.readlink('/dev/fd/3'))
task = f'/proc/self/task/{os.getpid()}'
print(len(os.listdir(f'{task}/fd')), len(os.listdir('/proc/self/fdinfo')),
      os.readlink(f'{task}/fd/3'), open(f'{task}/fd/3').readline().strip())
""", server), b"3 ['0', '1', '2', '3', '4'] /data/file /data/file\n"
           b"5 5 /data/file pear\n")


def close_everything(_, server):
    """close_range() over all numbers: the mount goes on working."""
    expect(python("""
import ctypes, os
c = ctypes.CDLL(None, use_errno=True)
fd = os.open('/data/file', os.O_RDONLY)
for flags in (4, 0, 2):
    if c.close_range(3, ctypes.c_uint(-1), flags) != 0:
        print(flags, ctypes.get_errno())
    print(open('/data/other').readline().strip())
""", server), b"pear\n" * 3)


def standard_numbers(_, server):
    """A rump file as 0, 1 or 2, and back."""
    expect(python("""
import os, sys
saved = os.dup(0)
os.close(0)
print(os.open('/data/file', os.O_RDONLY), sys.stdin.readline().strip(),
      open('/dev/stdin').readline().strip(), os.readlink('/proc/self/fd/0'))
os.dup2(saved, 0)
print(os.read(0, 1))
""", server), b"0 pear pear /data/file\nb''\n")


def any_number(_, server):
    """dup2() onto every number up to the limit: ours are not among them."""
    expect(python("""
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 4096))
fd = os.open('/data/file', os.O_RDONLY)
for n in range(fd + 1, 300):
    os.dup2(fd, n)
os.lseek(fd, 5, 0)
print(os.read(299, 5))
os.close(299)
print([n for n in os.listdir('/proc/self/fd') if int(n) >= 300])
for n in range(fd + 1, 299):
    os.close(n)
print(open('/data/other').readline().strip())
""", server), b"b'apple'\n[]\npear\n")


NUMBERS = """
import os, resource, select, socket, sys
LOW, HIGH = 1000, 2500  # ours are among them
SHOWN = (1900, 2046, 2047, 2048)
def numbers():
    return [int(n) for n in os.listdir('/proc/self/fd') if int(n) >= LOW]
if len(sys.argv) == 1:
    a = socket.create_server(('127.0.0.1', 0))
    b = socket.create_connection(a.getsockname())
    c = a.accept()[0]
    e = select.epoll()
    e.register(b, select.EPOLLIN)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (HIGH, hard))
    rump = os.open('/data/file', os.O_RDONLY)
    host = os.open('/etc/passwd', os.O_RDONLY)
    r, w = os.pipe()
    for n in range(LOW, HIGH):
        os.dup2((rump, host, c.fileno())[n % 3], n)
    for n in range(LOW, HIGH):
        if n % 3 < 2:
            assert os.pread(n, 4, 0) == (b'pear', b'root')[n % 3], n
        else:
            b.send(b'x')
            p, f = select.poll(), select.epoll()
            p.register(n, select.POLLIN)
            f.register(n, select.EPOLLIN)
            assert p.poll(20000) == f.poll(20) == [(n, select.POLLIN)], n
            f.unregister(n)
            f.close()
            assert os.read(n, 1) == b'x', n
        assert os.path.samestat(os.fstat(n), os.stat(f'/proc/self/fd/{n}')), n
    print(sorted(numbers()) == list(range(LOW, HIGH)))
    # What stood there works, and a set knows it.
    c.send(b'still')
    print(e.poll(20) == [(b.fileno(), select.EPOLLIN)], b.recv(9))
    e.modify(b, select.EPOLLOUT)
    e.unregister(b)
    for n in (1500, 1502, 2040, 2042):
        os.dup2(w, n)
        os.write(n, b'%d' % n)
        print(os.read(r, 9))
    x, y = socket.socketpair()
    socket.send_fds(x, [b'x'], [n for n in range(1900, 2060) if n % 3 == 1])
    got = socket.recv_fds(y, 1, 99)[1]
    print(len(got), all(os.pread(n, 4, 0) == b'root' for n in got))
    for n in [*got, *(n for n in range(LOW, HIGH) if n not in SHOWN)]:
        os.close(n)
    print(*sorted(numbers()), flush=True)
    os.execv(sys.executable, [sys.executable, '-c', sys.orig_argv[2], '1'])
c = socket.socket(fileno=2048)
print(*sorted(numbers()), os.pread(2046, 4, 0), os.read(1900, 4),
      c.getsockname()[0])
os.closerange(LOW, HIGH)
print(*numbers())
c.detach()
"""


def numbers_of_ours(_, server):
    """dup2() onto every number, those among them that something of ours has
    which cannot move: in process and in a tree, and across an exec."""
    expected = (b"True\nTrue b'still'\nb'1500'\nb'1502'\nb'2040'\nb'2042'\n"
                b"54 True\n1900 2046 2047 2048\n"
                b"1900 2046 2047 2048 b'pear' b'root' 127.0.0.1\n\n")
    for mode in "--in-process", "--quiet":
        expect(harness.native([
            harness.RUMPKIT, "run", mode, "--mount",
            f"{harness.MOUNT}={server.url()}", *SOCKETS, PY, "-c", NUMBERS]),
            expected)


SPAWNED = """
import os, socket
a = [socket.socket() for _ in range(8)]
for s in a:
    os.get_blocking(s.fileno())
import select
e = select.epoll()
for s in a:
    e.register(s, 0)
host, rump = (os.open(n, os.O_RDONLY) for n in ('/etc/passwd', '/data/file'))
wrong, refused = [], set()
for n in range(1900, 1940):
    for fd, text in (host, 'root'), (rump, 'pear'):
        if 'NO_RUMP' in os.environ and fd == rump:
            continue
        try:
            pid = os.posix_spawn(
                '/bin/dash', ['dash', '-c', f'read x < /dev/fd/{n}; '
                              'case $x in $0*) ;; *) exit 1;; esac', text],
                os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, fd, n)])
        except OSError:
            refused.add(n)
            continue
        if os.waitpid(pid, 0)[1] != 0:
            wrong.append((n, text))
print(wrong, len(refused) <= len(a) - 2)
a[0].bind(('127.0.0.1', 0))
a[0].listen()
b = socket.create_connection(a[0].getsockname())
print(len(e.poll(0)) > 0, a[0].accept()[1] == b.getsockname())
"""


def spawned_onto_ours(_, server):
    """posix_spawn() with dup2() onto numbers of ours: the child's are its own,
    but for those that it needs to reach the kernel."""
    for mode, env in ("--quiet", {}), ("--in-process", {"NO_RUMP": "1"}):
        done = harness.native([
            harness.RUMPKIT, "run", mode, "--mount",
            f"{harness.MOUNT}={server.url()}", *SOCKETS, PY, "-c", SPAWNED],
            env=harness.clean_env(**env))
        expect(done, b"[] True\nTrue True\n")


SHARED = """
import ctypes, os, select, signal, socket, sys
CLONE_FILES = 0x400
libc = ctypes.CDLL(None)
a = socket.create_server(('127.0.0.1', 0))
b = socket.create_connection(a.getsockname())
c = a.accept()[0]
e = select.epoll()
for s in b, c:
    e.register(s, select.EPOLLIN)
print(e.poll(0), flush=True)
fd = os.open('/data/file', os.O_RDONLY)
if libc.syscall(56, CLONE_FILES | signal.SIGCHLD, 0, 0, 0, 0) == 0:
    try:
        print(os.pread(fd, 4, 0))
        c.close()
        print(b.recv(1))  # nobody else keeps it open
        d = socket.create_connection(a.getsockname())
        os.dup2(d.fileno(), 40)
        os.close(fd)
    except OSError as error:
        print(error)
    sys.stdout.flush()
    os._exit(0)
print(os.wait()[1])
c.detach()
try:
    print(os.pread(fd, 4, 0))
except OSError as error:
    print(error.strerror)
d, f = socket.socket(fileno=40), a.accept()[0]
f.send(b'hello')
print(d.recv(9))
"""


def shared_table(_, server):
    """clone(2) with CLONE_FILES and without CLONE_VM: sockets and files of a
    tree; in process, as after fork(2), the child has none."""
    tree = b"[]\nb'pear'\nb''\n0\nBad file descriptor\nb'hello'\n"
    done = harness.native([
        harness.RUMPKIT, "run", "--mount", f"{harness.MOUNT}={server.url()}",
        *SOCKETS, PY, "-c", SHARED])
    expect(done, tree)
    done = python(SHARED.replace("d, f = socket.socket(fileno=40)",
                                 "d, f = socket.create_connection("
                                 "a.getsockname())"),
                  server, SOCKETS)
    harness.check(
        done.stdout == b"[]\n[Errno 95] Operation not supported\n0\n"
        b"b'pear'\nb'hello'\n" and done.returncode == 0 and
        done.stderr.count(b"\n") == 1 and b"cannot be used" in done.stderr,
        f"{done.stdout}\n{done.stderr.decode()}")


def small_limit(_, server):
    """The program has as many descriptors as its limit says."""
    expect(python("""
import errno, os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 4096))
fds = []
try:
    while True:
        fds.append(os.open('/data/file', os.O_RDONLY))
except OSError as e:
    print(e.errno == errno.EMFILE, fds[-1])
print(resource.getrlimit(resource.RLIMIT_NOFILE))
for fd in fds[1:]:
    os.close(fd)
resource.setrlimit(resource.RLIMIT_NOFILE, (fds[0] + 1, fds[0] + 1))
print(os.read(fds[0], 4), resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 40)
""", server), b"True 39\n(40, 4096)\nb'pear' True\n")


def sockets_at_the_limit(_, server):
    """As many sockets as the limit says: each has a hidden one behind it."""
    expect(python("""
import errno, resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 4096))
s = []
try:
    while True:
        s.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
except OSError as e:
    print(e.errno == errno.EMFILE, s[-1].fileno())
print(resource.getrlimit(resource.RLIMIT_NOFILE))
""", server, SOCKETS), b"True 199\n(200, 4096)\n")


FULL = """
import ctypes, errno, fcntl, os, resource, socket
def result(f, *args):
    try:
        os.close(f(*args))
        return 'ok'
    except OSError as e:
        return errno.errorcode[e.errno]
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
a = socket.create_server(('127.0.0.1', 0))
clients = [socket.create_connection(a.getsockname()) for _ in range(3)]
for round in range(2):
    files = []
    try:
        while True:
            files.append(os.dup(0))
    except OSError as e:
        print(errno.errorcode[e.errno], end=' ')
    calls = [lambda: a._accept()[0], lambda: os.open('/m/x', os.O_CREAT),
             lambda: socket.socket().detach(), lambda: os.dup(0)]
    print(*map(result, calls))
    os.close(files.pop())
    print(*map(result, calls))
    for fd in files:
        os.close(fd)
last = limits[1] - 1
print(os.dup2(1, last) == last, os.dup2(a.fileno(), last) == last,
      fcntl.fcntl(a, fcntl.F_DUPFD, last - 1) == last - 1)
print(*map(result, [lambda: os.dup2(1, last + 1),
                    lambda: fcntl.fcntl(a, fcntl.F_DUPFD, last + 1)]))
os.close(last)
os.close(last - 1)
print(fcntl.fcntl(1, fcntl.F_DUPFD, last - 1) == last - 1,
      fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, last - 2) == last - 2,
      os.get_inheritable(last - 1), os.get_inheritable(last - 2))
print(*map(result, [lambda: fcntl.fcntl(1, fcntl.F_DUPFD, last + 1)]))
os.close(last - 1)
os.close(last - 2)
class Entry(ctypes.Structure):
    _fields_ = [('fd', ctypes.c_int), ('events', ctypes.c_short),
                ('revents', ctypes.c_short)]
libc = ctypes.CDLL(None, use_errno=True)
def polled(n, *asked):
    entries = (Entry * n)(*[Entry(-1, 1, 99)] * n)
    for at, fd in asked:
        entries[at].fd = fd
    ready = libc.poll(entries, n, 0)
    if ready < 0:
        return errno.errorcode[ctypes.get_errno()]
    return ready, [(i, e.revents) for i, e in enumerate(entries) if e.revents]
null = os.open('/dev/null', os.O_RDONLY)
print(polled(last + 1, (0, null), (100, null)), polled(last + 1, (last, -2)),
      polled(last + 1, (7, a.fileno()), (9, null)),
      polled(last + 2, (0, null)))
os.close(null)
print(limits == resource.getrlimit(resource.RLIMIT_NOFILE), limits, flush=True)
os.execlp('sh', 'sh', '-c', 'ulimit -Sn; ulimit -Hn')
"""


def no_number_left(options, *_):
    """The soft limit is the hard one, and all that it allows is taken: what
    fails fails with EMFILE, loses no connection, and works again."""
    limit = 400
    done = subprocess.run(
        harness.as_user([harness.RUMPKIT, "run", *options, "--net", "sockin",
                         "--mount", "/m=tmpfs:", PY, "-c", FULL]),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=100, cwd="/",
        env=harness.clean_env(), preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (limit, limit)))
    expect(done, b"EMFILE EMFILE EMFILE EMFILE EMFILE\nok ok ok ok\n" * 2 +
           b"True True True\nEBADF EINVAL\nTrue True True False\nEINVAL\n" +
           b"(2, [(0, 1), (100, 1)]) (0, []) (2, [(7, 1), (9, 1)]) EINVAL\n" +
           b"True (%d, %d)\n%d\n%d\n" % ((limit,) * 4))


TAKEN = """
import errno, os, socket
a = socket.create_server(('127.0.0.1', 0))
a.setblocking(False)
clients = [socket.create_connection(a.getsockname()) for _ in range(4)]
many = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
files, accepted, freed = [], [], 0
try:
    while True:
        files.append(os.dup(0))
except OSError as e:
    print(errno.errorcode[e.errno])
while len(accepted) < len(clients) and files:
    try:
        accepted.append(a.accept()[0])
    except OSError as e:
        if e.errno != errno.EMFILE:
            print(errno.errorcode[e.errno])
        os.close(files.pop())
names = {s.getpeername(): s for s in accepted}
for i, c in enumerate(clients):
    names[c.getsockname()].send(b'%d' % i)
    print(c.recv(1))
"""


def accepted_at_the_limit(options, *_):
    """Numbers for connections are given one by one: none is lost when there is
    one for the program and none for what stands behind it."""
    done = subprocess.run(
        harness.as_user([harness.RUMPKIT, "run", *options, "--net", "sockin",
                         "--", PY, "-c", TAKEN]),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=100, cwd="/",
        env=harness.clean_env(), preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (250, 250)))
    expect(done, b"EMFILE\nb'0'\nb'1'\nb'2'\nb'3'\n")


# --- readiness -------------------------------------------------------------

def mixed(_, server):
    """One set of everything, waited for by one thread, woken by another."""
    expect(python("""
import os, select, signal, socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(('127.0.0.1', 0))
ev = os.eventfd(0)
r, w = os.pipe()
e = select.epoll()
for fd in (u.fileno(), ev, r):
    e.register(fd, select.EPOLLIN)
p = select.poll()
p.register(u, select.POLLIN)
p.register(e, select.POLLIN)
def wait(what):
    if what == 'epoll':
        return [fd for fd, _ in e.poll(20)]
    if what == 'poll':
        return [fd for fd, _ in p.poll(20000)]
    return select.select([u, ev, r], [], [], 20)[0]
def later(fn, *args):
    t = threading.Thread(target=fn, args=args)
    t.start()
    return t
for what in ('epoll', 'poll', 'select'):
    t = later(u.sendto, b'x', u.getsockname())
    print(what, u.fileno() in wait(what) or u in wait(what))
    t.join()
    u.recv(1)
    t = later(os.write, w, b'x')
    print(what, len(wait(what)))
    t.join()
    os.read(r, 1)
print(select.select([u, open('/data/file')], [u], [], 0)[1] == [u])
try:
    e.register(os.open('/data/file', os.O_RDONLY))
except OSError as x:
    print(x.strerror)
""", server, SOCKETS),
           b"epoll True\nepoll 1\npoll True\npoll 1\nselect True\nselect 1\n"
           b"True\nOperation not permitted\n")


def signals(_, server):
    """A wait on a rump socket ends with a signal; its mask is the call's."""
    expect(python("""
import os, select, signal, socket, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def handler(*_):
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise InterruptedError
signal.signal(signal.SIGALRM, handler)
p = select.poll()
p.register(u, select.POLLIN)
e = select.epoll()
e.register(u, select.EPOLLIN)
for wait in (p.poll, e.poll, lambda: select.select([u], [], [])):
    try:
        # The first may come before the wait.
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        wait()
    except InterruptedError:
        print('interrupted')
""", server, SOCKETS), b"interrupted\n" * 3)


def python_tests(name, _, server):
    """CPython's own tests of waiting, on rump sockets."""
    if importlib.util.find_spec(f"test.{name}") is None:
        raise harness.Skip("CPython's tests are not installed "
                           "(libpython3-testsuite)")
    with harness.scratch() as top:
        done = harness.rumpkit(
            [PY, "-m", "unittest", "-q", f"test.{name}"], (), SOCKETS,
            timeout=300, cwd=top, env=harness.clean_env(TMPDIR=top))
        harness.check(done.returncode == 0,
                      done.stderr.decode(errors="replace")[-4000:])


CASES = [
    ("exec: standard input from the mount", standard_input),
    ("exec: a file is where it was", position),
    ("exec: duplicates share a position", shared_position),
    ("exec: from image to image", twice),
    ("exec: flags of descriptors and files", marked),
    ("exec: output goes on", output),
    ("exec: a directory", directory),
    ("exec: another file under the name", another_file),
    ("exec: sockets", sockets),
    ("exec: a list of files made by hand", by_hand),
    ("fork: a child holds no connection", child_holds_nothing),
    ("fork: a program in a child", child_program),
    ("fork: standard input of a child", child_input),
    ("fork: a child and its parent's epoll set", child_set),
    ("messages: rights", rights),
    ("numbers: nothing of ours shows", nothing_shows),
    ("numbers: close_range over everything", close_everything),
    ("numbers: 0, 1 and 2", standard_numbers),
    ("numbers: dup2 onto each", any_number),
    ("numbers: dup2 onto those of ours", numbers_of_ours),
    ("numbers: a child's onto those of ours", spawned_onto_ours),
    ("numbers: a table that is shared", shared_table),
    ("numbers: a small limit", small_limit),
    ("numbers: sockets up to the limit", sockets_at_the_limit),
    ("numbers: none left, in process",
     functools.partial(no_number_left, ["--in-process"])),
    ("numbers: none left, in a tree", functools.partial(no_number_left, [])),
    ("numbers: accepted one by one, in process",
     functools.partial(accepted_at_the_limit, ["--in-process"])),
    ("numbers: accepted one by one, in a tree",
     functools.partial(accepted_at_the_limit, [])),
    ("readiness: a mixed set", mixed),
    ("readiness: signals", signals),
] + [(f"readiness: test.{name}", functools.partial(python_tests, name))
     for name in ("test_selectors", "test_poll", "test_epoll", "test_select",
                  "test_asyncio.test_sock_lowlevel",
                  "test_asyncio.test_streams")]


def with_room(name, function, *args):
    """What is said of numbers needs some above those of ours."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if name.startswith("numbers:") and 0 <= hard < 4096:
        raise harness.Skip(f"there are {hard} descriptors at most")
    function(*args)


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with harness.export(populate) as (exported, server):
        return harness.run([
            (name, functools.partial(with_room, name, function, exported,
                                     server))
            for name, function in CASES])


if __name__ == "__main__":
    sys.exit(main())
