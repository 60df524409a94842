#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The hijack library with servers that speak the classic protocol only: ours on
tcp://, ours with the banner of a genuine one, and one that has been written in
Python from the description of the protocol."""
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys

import harness
import rumpserver
import rumpsp
from harness import check
from rumpserver import Genuine, Liar, Relay
from test_sysproxy import free_port, serving

PY = "/usr/bin/python3"
PATIENCE = 180
LIBRARY = f"{harness.STAGE}/lib/librumphijack.so.0"


def environment(url, hijack="path=/rump,socket=inet", **more):
    return harness.clean_env(LD_PRELOAD=LIBRARY, RUMPHIJACK=hijack,
                             RUMP_SERVER=url, **more)


def start(url, argv, **kw):
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=kw.pop("stdin", pipe), stdout=pipe,
                            stderr=pipe, cwd="/",
                            env=environment(url, **kw.pop("more", {})), **kw)


def run(url, argv, data=b"", **more):
    with start(url, argv, more=more) as p:
        try:
            out, err = p.communicate(data, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            p.kill()
            raise
    return subprocess.CompletedProcess(argv, p.returncode, out, err)


def prints(done, text):
    check(done.returncode == 0 and done.stderr == b"" and
          done.stdout.decode() == text, str(done))


@contextlib.contextmanager
def each_server():
    """Yields a function that runs a case with each kind of server of ours."""
    url = f"tcp://127.0.0.1:{free_port()}/"
    with serving(url, ["--insecure-tcp"]) as tcp, serving() as unix:
        path = unix.url[7:]
        with Relay(f"{os.path.dirname(path)}/relay", path) as relay:
            def with_each(case):
                for server in tcp.url, relay.url:
                    case(server)
                tcp.well()
                unix.well()
            yield with_each


def on_each(case):
    def function():
        with each_server() as with_each:
            with_each(case)
    return function


# --- programs ---------------------------------------------------------------

def shell_tools(url):
    prints(run(url, ["sh", "-c", """
        set -e; cd /rump/tmp; mkdir d; echo one > d/f
        cat d/f; cp d/f d/g; cmp d/f d/g; /bin/pwd
        ls -l d/g | cut -c1-10; mv d/g d/h; ln -s h d/l; readlink d/l
        dd if=/dev/zero of=big bs=77777 count=30 2> /dev/null
        dd if=big bs=4096 2> /dev/null | wc -c
        chmod 600 d/f; stat -c '%a %s' d/f; ls d; rm -r big d; ls"""]),
           "one\n/rump/tmp\n-rw-r--r--\nh\n2333310\n600 4\nf\nh\nl\n")


def bash(url):
    prints(run(url, ["bash", "-c", r"""
        cd /rump/tmp; exec 7<> both
        for i in 1 2 3; do echo "line $i"; done >&7
        { read a; read b; } < both; echo "$a, $b"
        (echo sub >&7; exec cat both) | tr a-z A-Z
        cat <(sed -n 1p both) - <<< here
        while read x; do echo "<$x>"; done < <(tail -n 2 both) > out 2>&1
        cat out; wait; exec 7>&-; ls /proc/self/fd | wc -w; rm both out"""]),
           "line 1, line 2\nLINE 1\nLINE 2\nLINE 3\nSUB\nline 1\nhere\n"
           "<line 3>\n<sub>\n4\n")


def programs_on_rump_paths(url):
    prints(run(url, ["sh", "-c", """
        cd /rump/tmp; cp /bin/echo e; ./e copied; rm e
        printf '#!/bin/sh\\necho script $1\\n' > s; chmod +x s; ./s x; rm s
        """]), "copied\nscript x\n")


def everything_through_python(url):
    prints(run(url, [PY, "-c", """
import mmap, os, subprocess, threading
os.chdir("/rump/tmp")
with open("f", "w+b") as f:
    f.write(bytes(range(256)) * 1000)
    f.flush()
    try:
        mmap.mmap(f.fileno(), 0)
    except OSError as e:
        print(os.strerror(e.errno))
    print(os.pread(f.fileno(), 4, 255))
def child(n):
    out = subprocess.run(["wc", "-c", "f"], capture_output=True)
    assert out.stdout == b"256000 f\\n", out
threads = [threading.Thread(target=child, args=(n,)) for n in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
pid = os.fork()
if pid == 0:
    os.write(os.open("g", os.O_CREAT | os.O_WRONLY), b"child")
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), open("g").read())
try:
    os.read(os.open("/rump/tmp", os.O_RDONLY), 1)
except OSError as e:
    print(e.strerror)
print(sorted(os.listdir()))
os.unlink("f"), os.unlink("g")
"""]), "No such device\nb'\\xff\\x00\\x01\\x02'\n3 child\n"
           "Is a directory\n['f', 'g']\n")


def umask_and_descriptors(url):
    prints(run(url, ["sh", "-c", "umask 077; exec sh -c '"
                     "echo x > /rump/tmp/u; stat -c %a /rump/tmp/u;"
                     " rm /rump/tmp/u'"]), "600\n")


def extended_attributes(url):
    """Names and values that fill more than one message, and none that do."""
    prints(run(url, [PY, "-c", """
import errno, os
os.chdir("/rump/tmp")
fd = os.open("f", os.O_CREAT | os.O_RDWR)
big = bytes(range(256)) * 256
os.setxattr("f", "user.big", big); os.setxattr(fd, "user.none", b"")
print(os.getxattr(fd, "user.big") == big, os.getxattr("f", "user.none"))
print(sorted(os.listxattr("f")), os.listxattr("."))
for f in lambda: os.setxattr("f", "user.big", big + b"x"), \\
         lambda: os.setxattr("f", "user.none", b"", os.XATTR_CREATE), \\
         lambda: os.getxattr("f", "user.other"), \\
         lambda: os.setxattr("f", "user." + 300 * "n", b""):
    try: f()
    except OSError as e: print(errno.errorcode[e.errno], end=" ")
os.removexattr("f", "user.big"); print(os.listxattr(fd)); os.unlink("f")
"""]), "True b''\n['user.big', 'user.none'] []\n"
           "E2BIG EEXIST ENODATA ERANGE ['user.none']\n")


# --- sockets ----------------------------------------------------------------

SERVER = """
import select, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
p = select.poll()
p.register(c, select.POLLIN)
p.register(0, select.POLLIN)
size = 0
while True:
    ready = dict(p.poll())
    if 0 in ready:
        print("line", sys.stdin.readline().strip(), flush=True)
        p.unregister(0)
    if c.fileno() in ready:
        data = c.recv(100000)
        if not data:
            break
        size += len(data)
c.sendall(b"%d" % size)
print(select.select([c, s], [c], [], 0)[1] == [c])
"""

CLIENT = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"first")
sys.stdin.readline()
s.sendall(b"x" * 2000000)
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())
"""


def two_programs(url):
    """A mixed poll in one, of which first the one descriptor is ready, then the
    other."""
    with start(url, [PY, "-c", SERVER]) as server:
        port = server.stdout.readline().decode().strip()
        with start(url, [PY, "-c", CLIENT, port]) as client:
            server.stdin.write(b"of the host\n")
            server.stdin.flush()
            check(server.stdout.readline() == b"line of the host\n", "line")
            out, err = client.communicate(b"go\n", timeout=PATIENCE)
            check((out, err) == (b"2000005\n", b""), f"{out} {err}")
        out, err = server.communicate(timeout=PATIENCE)
        check((out, err) == (b"True\n", b""), f"{out} {err}")


SIGNALS = """
import os, select, signal, socket, threading, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
c = socket.create_connection(s.getsockname())
a, _ = s.accept()
class Alarm(Exception): pass
armed = False
def handler(*_):
    global armed
    if armed:
        armed = False
        raise Alarm
signal.signal(signal.SIGALRM, handler)
def interrupted(what, *args):
    global armed
    armed = True
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        what(*args)
    except Alarm:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return True
got = []
t = threading.Thread(target=lambda: got.append(c.recv(10)))
t.start()
print(interrupted(a.recv, 10), interrupted(s.accept),
      interrupted(select.select, [s], [], []),
      interrupted(select.select, [s, os.pipe()[0]], [], []))
a.send(b"there")
t.join()
print(got)
def send(*_):
    global armed
    if armed:
        armed = False
        a.send(b"hand")
signal.signal(signal.SIGALRM, send)
armed = True
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
print(c.recv(10))
signal.setitimer(signal.ITIMER_REAL, 0)
print(select.select([s], [], [], 0.01))
"""


def signals(url):
    """Calls of other threads go on."""
    prints(run(url, [PY, "-c", SIGNALS]),
           "True True True True\n[b'there']\nb'hand'\n([], [], [])\n")


MIXED_THREADS = """
import os, select, socket, threading
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
def pair(results, i):
    c = socket.create_connection(s.getsockname())
    r, w = os.pipe()
    for n in range(20):
        if n % 2:
            os.write(w, b"x")
        else:
            c.sendall(b"y")
            c.recv(1)
        ready, _, _ = select.select([c, r], [], [], 0)
        if n % 2:
            assert ready == [r] and os.read(r, 1) == b"x", ready
    c.shutdown(socket.SHUT_WR)
    ready, _, _ = select.select([c, r], [], [])
    assert ready == [c] and c.recv(1) == b"", ready
    results[i] = True
def serve():
    conns = [s.accept()[0] for _ in range(8)]
    poll = select.poll()
    byfd = {c.fileno(): c for c in conns}
    for fd in byfd:
        poll.register(fd, select.POLLIN)
    while byfd:
        for fd, _ in poll.poll():
            data = byfd[fd].recv(100)
            if data:
                byfd[fd].sendall(data)
            else:
                poll.unregister(fd)
                byfd.pop(fd).close()
results = [False] * 8
threads = [threading.Thread(target=pair, args=(results, i)) for i in range(8)]
threads.append(threading.Thread(target=serve))
[t.start() for t in threads]
[t.join() for t in threads]
print(all(results))
"""


def threads_that_wait(url):
    prints(run(url, [PY, "-c", MIXED_THREADS]), "True\n")


FORKS_AND_SIGNALS = """
import os, signal, threading
fd = os.open("/rump/tmp/forks", os.O_CREAT | os.O_RDWR | os.O_TRUNC)
count = 0
def handler(*_):
    global count
    count += os.pwrite(fd, b"x", 0)
signal.signal(signal.SIGALRM, handler)
def fork():
    for n in range(60):
        pid = os.fork()
        if pid == 0:
            os.close(fd)
            os._exit(os.path.exists("/rump/tmp/forks"))
        assert os.waitpid(pid, 0)[1] == 1 << 8, n
t = threading.Thread(target=fork)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
t.start()
while t.is_alive():
    assert os.pread(fd, 1, 0) in (b"", b"x", b"y")
    os.write(fd, b"y" * 100)
signal.setitimer(signal.ITIMER_REAL, 0)
print(count > 0)
"""


def forks_and_signals(url):
    """A signal may come while another thread makes a child."""
    prints(run(url, [PY, "-c", FORKS_AND_SIGNALS]), "True\n")


# --- one that is not ours ---------------------------------------------------

@contextlib.contextmanager
def genuine(unix=True):
    with harness.scratch() as top:
        with Genuine(f"{top}/sock" if unix else None) as server:
            yield server
            check(not server.broken, f"{server.broken}")


def one_program():
    for unix in True, False:
        with genuine(unix) as server:
            server.files["/f"] = bytearray(b"content " * 20000)
            done = run(server.url, ["/bin/cat", "/rump/f"])
            check(done.stdout == server.files["/f"], str(done)[:300])
            server.wait_for("end")
            check(server.noted("guest", "fork", "exec") ==
                  [("guest", "cat")], server.seen)
            done = run(server.url, ["/bin/cat", "/rump/none"])
            check(b"No such file" in done.stderr, str(done))


def children():
    """Each child has a process there, made before it by its parent."""
    with genuine() as server:
        prints(run(server.url, ["/bin/sh", "-c",
                                "exec 5> /rump/f; (echo a >&5); (echo b >&5); "
                                "echo c >&5; /bin/cat < /rump/f"]),
               "a\nb\nc\n")
        server.wait_for("end", 4)
        check([n[0] for n in server.noted("guest", "prefork", "fork")] ==
              ["guest"] + ["prefork", "fork"] * 3, server.seen)
        check([n[:2] for n in server.noted("exec")] == [("exec", "cat")],
              server.seen)


def executed():
    """The connection stays; what is not to cross is closed by the server."""
    with genuine() as server:
        server.files["/f"] = bytearray(b"line\n")
        prints(run(server.url, [PY, "-c", """
import os
keep = os.open("/rump/f", os.O_RDONLY)
os.set_inheritable(keep, True)
gone = os.open("/rump/f", os.O_RDONLY)
try:
    os.execv("/nonexistent", ["x"])
except FileNotFoundError:
    print(len(os.read(gone, 2)), flush=True)
os.dup2(keep, 0)
os.execv("/bin/cat", ["cat"])
"""]), "2\nline\n")
        server.wait_for("end")
        check(server.noted("exec") == [("exec", "cat", [4])], server.seen)
        check(len(server.noted("guest", "fork")) == 1, server.seen)


def ended_by_a_signal():
    """A call that waits is ended by the handshake of an exec."""
    with genuine() as server:
        with start(server.url, [PY, "-c", """
import os, signal
class Alarm(Exception): pass
def handler(*_): raise Alarm
signal.signal(signal.SIGUSR1, handler)
other = os.open("/rump/f", os.O_CREAT | os.O_RDWR)
os.write(other, b"still there")
fd = os.open("/rump/silent", os.O_RDONLY)
try:
    os.read(fd, 1)
except Alarm:
    print(os.lseek(other, 0, 0))
print(os.read(other, 20))
"""]) as p:
            server.wait_for("waits")
            p.send_signal(signal.SIGUSR1)
            out, err = p.communicate(timeout=PATIENCE)
            check((out, err) == (b"0\nb'still there'\n", b""), f"{out} {err}")
        check(server.noted("exec")[0][2] == [], server.seen)


def killed_while_waiting():
    with genuine() as server:
        with start(server.url, ["/bin/cat", "/rump/silent"]) as p:
            server.wait_for("waits")
            p.send_signal(signal.SIGTERM)
            check(p.wait(PATIENCE) == -signal.SIGTERM, p.returncode)
        server.wait_for("end")


def a_server_that_ends():
    with harness.scratch() as top:
        path = f"{top}/sock"
        with Genuine(path) as server:
            p = start(server.url, [PY, "-c", """
import errno, os, sys
fd = os.open("/rump/f", os.O_CREAT | os.O_RDWR)
def attempt(what, *args):
    try:
        return what(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
print(attempt(os.write, fd, b"x"), flush=True)
sys.stdin.readline()
print(attempt(os.lseek, fd, 0, 0), flush=True)
sys.stdin.readline()
print(attempt(os.open, "/rump/g", os.O_CREAT | os.O_RDWR) > 0)
print(attempt(os.lseek, fd, 0, 0))
"""], more={"RUMPHIJACK_RETRYCONNECT": "30"})
            check(p.stdout.readline() == b"1\n", "no server")
        os.unlink(path)
        for c in list(server.connections):
            c.hang_up()
        with p:
            p.stdin.write(b"\n")
            p.stdin.flush()
            check(p.stdout.readline() == b"ENOTCONN\n", "not lost")
            with Genuine(path) as server:
                out, err = p.communicate(b"\n", timeout=PATIENCE)
            check(out == b"True\nEBADF\n", f"{out} {err}")
            check(b"connected again" in err, err)


def key_and_exec():
    """Of our server: what an exec ends is answered as what it was."""
    with serving() as server:
        for _ in range(50):
            with server.guest() as c:
                asked = next(c.numbers)
                said = next(c.numbers)
                c.send(rumpsp.frame(rumpsp.REQ, rumpsp.PREFORK, asked)
                       + rumpsp.frame(rumpsp.REQ, rumpsp.HANDSHAKE, said,
                                      rumpsp.EXEC, b"x\0"))
                key, done = c.wait(asked), c.wait(said)
                check((key.cls, key.type, key.u) in (
                    (rumpsp.RESP, rumpsp.PREFORK, 0), (rumpsp.ERROR, 0, 1)),
                      key)
                check((done.cls, done.type) == (rumpsp.RESP,
                                                rumpsp.HANDSHAKE), done)
        server.well()


# --- refusals ---------------------------------------------------------------

HEADER = rumpserver.HEADER


def reply(connection, cls, type_, u=0, data=b"", length=None):
    head = connection.recv(24, socket.MSG_WAITALL)
    size, reqno, _, _, _ = HEADER.unpack(head)
    connection.recv(size - 24, socket.MSG_WAITALL)
    connection.sendall(HEADER.pack(
        24 + len(data) if length is None else length, reqno, cls, type_, u)
        + data)


def welcome(connection):
    connection.sendall(rumpserver.BANNER)
    reply(connection, 1, 0, 0, bytes(4))
    for _ in range(2):  # umask, setrlimit
        reply(connection, 1, 1, 0, bytes(24))


def hostile():
    """Whatever a server sends, it is the end of the connection and of nothing
    else."""
    def banner(text):
        def talk(_, connection):
            connection.sendall(text)
            connection.recv(1)
        return talk

    def greeting(*frame):
        def talk(_, connection):
            connection.sendall(rumpserver.BANNER)
            reply(connection, *frame)
            connection.recv(1)
        return talk

    def answer(*frame):
        def talk(_, connection):
            welcome(connection)
            reply(connection, *frame)
            connection.recv(100000)
        return talk

    sysret = struct.pack("<iiqq", 0, 0, -5, 0)
    wrong = struct.pack("<iiqq", 0, 0, 1 << 40, 0)
    copyout = struct.pack("<QQ", 4, 8) + b"abcd"
    lost, refused = b"has ended", b"does not want"
    for talk, words, status in (
            (banner(b"SSH-2.0-OpenSSH\r\n"), b"no rump kernel's server", 125),
            (banner(b"RUMPSP-0.5-NetBSD-9/amd64\n"), b"another version", 125),
            (banner(b"RUMPSP-0.4-NetBSD-9/sparc\n"), b"another kind", 125),
            (banner(b"x" * 200), b"no rump kernel's server", 125),
            (greeting(2, 0, 2), refused, 125),
            (greeting(1, 0, 0, bytes(3)), refused, 125),
            (greeting(1, 0, 0, struct.pack("<i", 5)), refused, 125),
            (greeting(1, 1, 0, bytes(24)), refused, 125),
            (greeting(0, 2, 0, bytes(16)), refused, 125),
            (answer(1, 1, 0, bytes(23)), lost, 1),
            (answer(1, 1, 0, sysret), lost, 1),
            (answer(1, 1, 0, wrong), lost, 1),
            (answer(1, 0, 0, bytes(4)), lost, 1),
            (answer(7, 1, 0, bytes(24)), lost, 1),
            (answer(1, 1, 0, b"", 23), lost, 1),
            (answer(1, 1, 0, b"", 1 << 63), lost, 1),
            (answer(0, 7), lost, 1),
            (answer(0, 2, 0, struct.pack("<QQ", 1 << 40, 8)), lost, 1),
            (answer(0, 4, 0, copyout[:-1]), lost, 1),
            (answer(0, 4, 0, bytes(3)), lost, 1),
            (answer(0, 6, 0, bytes(7)), lost, 1),
            (answer(2, 0, 7), b"Invalid argument", 1),
            (answer(2, 0, 99), b"Invalid argument", 1)):
        with harness.scratch() as top, Liar(f"{top}/sock", talk) as liar:
            done = run(liar.url, ["/bin/cat", "/rump/f"])
            check(done.returncode == status and words in done.stderr,
                  f"{words}: {done}")


def what_it_cannot_do(url):
    done = run(url, [PY, "-c", """
import errno, socket
s = socket.socket()
def attempt(what, *args):
    try:
        return what(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
a, b = socket.socketpair()
print(attempt(socket.send_fds, a, [b"x"], [s.fileno()]))
"""])
    check(done.stdout == b"ENOTSUP\n", str(done))
    done = subprocess.run(
        [harness.RUMPKIT, "run", "--server", url, "--mount",
         "/data=tmpfs:", "--", "true"], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=PATIENCE, env=harness.clean_env(),
        check=False)
    check(done.returncode == 125 and b"be asked" in done.stderr, str(done))


def the_tool(url):
    out = subprocess.run(
        [harness.RUMPKIT, "run", "--server", url, "--hijack",
         "path=/rump", "--", "sh", "-c", "echo x > /rump/tmp/t; cat /rump/tmp/t; rm /rump/tmp/t"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
        env=harness.clean_env(), check=False)
    prints(out, "x\n")
    for args, where in ((["run", "--server", url, "--check", "--", "true"],
                         f"server at {url}, over the classic protocol"),
                        (["doctor"],
                         f"RUMP_SERVER={url}: over the classic protocol")):
        out = subprocess.run([harness.RUMPKIT, *args],
                             stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=PATIENCE,
                             env=harness.clean_env(RUMP_SERVER=url),
                             check=False)
        check(where in out.stdout.decode(), str(out))


if __name__ == "__main__":
    sys.exit(harness.run([
        ("shell tools", on_each(shell_tools)),
        ("bash", on_each(bash)),
        ("programs that lie there", on_each(programs_on_rump_paths)),
        ("files, threads and children in Python",
         on_each(everything_through_python)),
        ("umask", on_each(umask_and_descriptors)),
        ("extended attributes", on_each(extended_attributes)),
        ("sockets of two programs", on_each(two_programs)),
        ("signals", on_each(signals)),
        ("threads that wait for both kernels", on_each(threads_that_wait)),
        ("forks and signals", on_each(forks_and_signals)),
        ("a key for a child, and an exec", key_and_exec),
        ("another's server: one program", one_program),
        ("another's server: children", children),
        ("another's server: exec", executed),
        ("another's server: a signal", ended_by_a_signal),
        ("another's server: the end of a program", killed_while_waiting),
        ("another's server: it ends", a_server_that_ends),
        ("hostile servers", hostile),
        ("what is refused", on_each(what_it_cannot_do)),
        ("rumpkit run --server", on_each(the_tool)),
    ]))
