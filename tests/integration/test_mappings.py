#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mappings of files by several processes of a tree.  Each program runs on the
host, in a directory there, and under rumpkit, and has to say the same."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import harness
from harness import check

PY = "/usr/bin/python3"
TMPFS = [(harness.MOUNT, "tmpfs:")]

# Two processes that take turns.
PRELUDE = """
import mmap, os, signal, sys
PAGE = 4096
name = sys.argv[1] + "/file"

class Turn:
    def __init__(self):
        self.r, self.w = os.pipe()
    def give(self):
        os.write(self.w, b"x")
    def take(self):
        if os.read(self.r, 1) != b"x":
            os._exit(9)

def touch(m, off):
    "How a child ends that reads there."
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        m[off]
        os._exit(0)
    return os.waitpid(pid, 0)[1]

def say(*what):
    print(*what, flush=True)

def together(other, main):
    a, b = Turn(), Turn()
    pid = os.fork()
    if pid == 0:
        os.close(a.w)
        try:
            other(a.take, b.give)
        except BaseException as e:
            say("other:", repr(e))
        os._exit(0)
    os.close(b.w)
    try:
        main(b.take, a.give)
    finally:
        say(os.waitpid(pid, 0)[1])
"""

TRUNCATED = """
def other(take, give):
    fd = os.open(name, os.O_RDWR)
    shared = mmap.mmap(fd, 4 * PAGE)
    private = mmap.mmap(fd, 4 * PAGE, flags=mmap.MAP_PRIVATE)
    shared[2 * PAGE] = ord("s")
    private[2 * PAGE] = ord("p")
    sum(bytes(shared))
    give(); take()
    # Cut off after 100 bytes of the second page.
    say([touch(m, i * PAGE) for m in (shared, private) for i in range(4)])
    say(shared[PAGE + 99], shared[PAGE + 100])
    give(); take()
    # Longer again.
    say([touch(shared, i * PAGE) for i in range(4)])
    say(shared[3 * PAGE], shared[3 * PAGE + 5], private[2 * PAGE])
    shared[2 * PAGE] = ord("t")
    give(); take()
    say(touch(shared, 0))

def main(take, give):
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
    os.write(fd, b"x" * 4 * PAGE)
    take()
    os.ftruncate(fd, PAGE + 100)
    give(); take()
    os.pwrite(fd, b"end", 3 * PAGE + 5)
    give(); take()
    say(os.pread(fd, 2, 2 * PAGE), os.fstat(fd).st_size)
    os.ftruncate(fd, 0)
    give()

fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
os.write(fd, b"x" * 4 * PAGE)
together(other, main)
os.fsync(fd)
say(os.fstat(fd).st_size)
"""

STOPPED = """
def other(take, give):
    fd = os.open(name, os.O_RDWR)
    m = mmap.mmap(fd, 2 * PAGE)
    m[PAGE]
    give(); take()
    m[PAGE]

def main(take, give):
    take()
    os.kill(child(), signal.SIGSTOP)
    os.truncate(name, PAGE)
    os.kill(child(), signal.SIGCONT)
    give()

def child():
    with open("/proc/thread-self/children") as f:
        return int(f.read().split()[0])

with open(name, "wb") as f:
    f.write(b"x" * 2 * PAGE)
together(other, main)
"""

# Pages that a parent gives up are still its child's.
GIVEN_UP = """
SIZE = 40 << 20
def other(take, give):
    give(); take()
    bad = [i for i in range(0, SIZE, PAGE) if small[i] != i // PAGE & 0x7f]
    say(bad[:5])

with open(name, "wb") as f:
    for i in range(SIZE // PAGE):
        f.write(bytes([i & 0x7f]) * PAGE)
fd = os.open(name, os.O_RDONLY)
small = mmap.mmap(fd, SIZE, prot=mmap.PROT_READ)
for i in range(0, 8 << 20, PAGE):
    small[i]

def main(take, give):
    take()
    for i in range(0, SIZE, PAGE):
        small[i]
    give()
together(other, main)
"""

EXCHANGED = """
def other(take, give):
    fd = os.open(name, os.O_RDWR)
    m = mmap.mmap(fd, 8 * PAGE)
    for i in range(20):
        take()
        m[i % 8 * PAGE] = i
        m.flush() if i % 3 == 0 else None
        give()

def main(take, give):
    fd = os.open(name, os.O_RDWR)
    m = mmap.mmap(fd, 8 * PAGE)
    for i in range(20):
        m[i % 8 * PAGE + 1] = i
        os.pwrite(fd, b"w", i % 8 * PAGE + 2)
        if i % 4 == 0:
            os.fsync(fd)
        give(); take()
        say(m[i % 8 * PAGE : i % 8 * PAGE + 3],
            os.pread(fd, 3, i % 8 * PAGE))

with open(name, "wb") as f:
    f.write(b"x" * 8 * PAGE)
together(other, main)
say([open(name, "rb").read()[i * PAGE:i * PAGE + 4] for i in range(8)])
"""


def on_host(text):
    top = tempfile.mkdtemp()
    try:
        os.chmod(top, 0o777)
        return subprocess.run(harness.as_user([PY, "-c", text, top]),
                              capture_output=True, timeout=180, check=False,
                              env=harness.clean_env(), cwd="/",
                              stdin=subprocess.DEVNULL)
    finally:
        shutil.rmtree(top)


def served(text, mounts, top):
    argv = [harness.RUMPKIT, "run"]
    for path, source in mounts:
        argv += ["--mount", f"{path}={source}"]
    return subprocess.run(
        harness.as_user(argv + ["--", PY, "-c", text, top]), cwd="/",
        capture_output=True, timeout=180, env=harness.clean_env(),
        stdin=subprocess.DEVNULL, check=False)


def same(text, mounts, top):
    want, got = on_host(PRELUDE + text), served(PRELUDE + text, mounts, top)
    want, got = ((p.returncode, p.stdout.decode(), p.stderr.decode())
                 for p in (want, got))
    check(want[0] == 0 and want[2] == "", str(want))
    check(got == want, f"{got}\nnot as {want}")


def on_tmpfs(text):
    return lambda: same(text, TMPFS, harness.MOUNT)


def populate(top):
    os.mkdir(f"{top}/out")
    os.chmod(f"{top}/out", 0o777)


def on_nfs(text):
    def run():
        with harness.export(populate) as (_, server):
            same(text, [(harness.MOUNT, server.url())], f"{harness.MOUNT}/out")
    return run


# By then another user than the kernel's.
ANOTHER_USER = """
fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o666)
os.write(fd, b"x" * PAGE + b"last")
os.fchmod(fd, 0o644)
other = os.open(name + ".w", os.O_CREAT | os.O_RDWR, 0o666)
os.write(other, b"w" * PAGE)
os.fchmod(other, 0o666)
both = mmap.mmap(other, 0)
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
    say(both[0], os.pread(other, 4, PAGE), os.fstat(other).st_size)
    os.ftruncate(other, 0)
    os.ftruncate(other, PAGE)
    say(os.pread(other, 2, 0), both[:2])
    os._exit(0)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
other = os.open(name + ".w", os.O_RDWR)
stores = mmap.mmap(other, 0)
stores[0] = ord("s")
os.ftruncate(other, 2 * PAGE)
stores.resize(2 * PAGE)
stores[PAGE:PAGE + 4] = b"more"
stores.flush()
fd = os.open(name, os.O_RDONLY)
shared = mmap.mmap(fd, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
private = mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE)
private[0] = ord("p")
say(shared[0], private[0], shared[PAGE:], private[PAGE:])
try:
    mmap.mmap(fd, 0)
except OSError as e:
    say(e.errno)
"""


def another_user():
    if os.geteuid() != 0:
        raise harness.Skip("only root can become somebody else")
    for mounts, top in ((TMPFS, harness.MOUNT), (None, None)):
        if mounts is None:
            top = tempfile.mkdtemp()
            os.chmod(top, 0o755)
            argv = []
        else:
            argv = [harness.RUMPKIT, "run", "--mount",
                    f"{harness.MOUNT}=tmpfs:", "--"]
        p = subprocess.run(argv + [PY, "-c", PRELUDE + ANOTHER_USER, top],
                           capture_output=True, timeout=180, cwd="/",
                           env=harness.clean_env(), check=False,
                           stdin=subprocess.DEVNULL)
        check((p.returncode, p.stdout, p.stderr) ==
              (0, b"120 112 b'last' b'last'\n13\n"
               b"115 b'more' 8192\nb'\\x00\\x00' b'\\x00\\x00'\n", b""), str(p)[-600:])
        if mounts is None:
            shutil.rmtree(top)


def cases():
    for name, text in (("truncated", TRUNCATED),
                       ("truncated while stopped", STOPPED),
                       ("given up by one", GIVEN_UP),
                       ("exchanged", EXCHANGED)):
        yield f"{name}, tmpfs", on_tmpfs(text)
        yield f"{name}, NFS", on_nfs(text)
    yield "another user", another_user


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(harness.run(list(cases())))
