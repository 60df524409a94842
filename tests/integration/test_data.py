#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mappings that write, and calls that move data, on an NFS export.

The programs that print what they see are compared with themselves on a
directory of the host; what others leave behind is looked at on the server.
"""
import functools
import hashlib
import os
import sqlite3
import subprocess
import sys

import harness

PY = "/usr/bin/python3"
PAGE = 4096


def populate(top):
    os.chmod(top, 0o777)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def compare(program, directory, server):
    """The same program on a directory of the host and on the export."""
    with harness.scratch() as host:
        plain = harness.native([program, host])
    hijacked = harness.rumpkit([program, harness.MOUNT],
                               [(harness.MOUNT, server.url())], timeout=500)
    harness.same(hijacked, plain, directory)


def python(server, text, *args, status=0, **kw):
    out = harness.rumpkit([PY, "-c", "import mmap, os, sys\n" + text, *args],
                          [(harness.MOUNT, server.url())], timeout=500, **kw)
    harness.check(out.returncode == status,
                  f"status {out.returncode}\n"
                  f"{out.stderr.decode(errors='replace')[-2000:]}")
    return out


# Each makes /data/F and ends; b"here" has to be at 100000 on the server, and
# the file 200000 bytes long.
ENDINGS = {
    "msync": "m.flush(); os.kill(os.getpid(), 9)",
    "munmap": "m.close(); os.kill(os.getpid(), 9)",
    "fsync": "os.fsync(f); os.kill(os.getpid(), 9)",
    "close": "os.closerange(3, 200); os.kill(os.getpid(), 9)",
    "exit": "os._exit(0)",
    "return": "",
    "exec": "os.execv('/bin/true', ['true'])",
    "last thread's end": "import ctypes; ctypes.CDLL(None).syscall(60, 0)",
    "sync": "os.sync(); os.kill(os.getpid(), 9)",
}


def saved_at(how, directory, server):
    name = "at-" + how.replace(" ", "-").replace("'", "")
    python(server, f"""
f = os.open('/data/{name}', os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, 200000)
m = mmap.mmap(f, 200000)
m[100000:100004] = b'here'
os.pwrite(f, b'call', 50)
{ENDINGS[how]}
""", status=-9 if "kill" in ENDINGS[how] else 0)
    with open(f"{directory}/{name}", "rb") as f:
        data = f.read()
    harness.check(len(data) == 200000, f"{len(data)} bytes")
    harness.check(data[100000:100004] == b"here", "the store is not there")
    harness.check(data[50:54] == b"call", "the write is not there")
    harness.check(data.count(0) == 200000 - 8, "other bytes changed")


def killed_in_a_tree(_directory, server):
    """What it has written and stored is the server's, who goes on."""
    text = """
import mmap, os
f = os.open('/data/killed', os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, 200000)
m = mmap.mmap(f, 200000)
m[100000:100004] = b'here'
os.pwrite(f, b'call', 50)
os.kill(os.getpid(), 9)
"""
    out = subprocess.run(
        [harness.RUMPKIT, "run", "--mount", f"/data={server.url()}", "--",
         "sh", "-c", '"$0" -c "$1"; cat /data/killed', PY, text],
        env=harness.clean_env(), capture_output=True, timeout=180, check=True)
    harness.check(len(out.stdout) == 200000, f"{len(out.stdout)} bytes")
    harness.check(out.stdout[100000:100004] == b"here" and
                  out.stdout[50:54] == b"call", "they are not there")


def stores_after_saving(directory, server):
    """What is saved once is noticed again."""
    python(server, """
f = os.open('/data/again', os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, 100000)
m = mmap.mmap(f, 100000)
for i in range(200):
    m[i * 499] = 1 + i % 250
    if i % 3 == 0:
        os.fsync(f)
    elif i % 3 == 1:
        m.flush()
    m[i * 499 + 1] = 1 + i % 250
os._exit(0)
""")
    with open(f"{directory}/again", "rb") as f:
        data = f.read()
    for i in range(200):
        harness.check(data[i * 499] == data[i * 499 + 1] == 1 + i % 250,
                      f"store {i} is lost")


def end_of_page(directory, server):
    """Bytes behind the end of file are nobody's."""
    python(server, """
f = os.open('/data/tail', os.O_RDWR | os.O_CREAT, 0o644)
os.write(f, b'x' * 100)
m = mmap.mmap(f, 100)
import ctypes
a = ctypes.addressof(ctypes.c_char.from_buffer(m))
ctypes.memset(a + 50, ord('y'), 1000)
os.fsync(f)
os.pwrite(f, b'z', 2000)
assert os.pread(f, 1900, 100) == bytes(1900), os.pread(f, 1900, 100)[:50]
os._exit(0)
""")
    with open(f"{directory}/tail", "rb") as f:
        data = f.read()
    harness.check(data == b"x" * 50 + b"y" * 50 + bytes(1900) + b"z",
                  f"{len(data)} bytes, {data[:160]}")


def larger_than_the_cache(directory, server):
    """A mapping of 200 MiB, written everywhere and read again."""
    out = python(server, """
import hashlib
n = 200 << 20
f = os.open('/data/large', os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, n)
m = mmap.mmap(f, n)
block = os.urandom(1 << 20)
for i in range(0, n, 1 << 20):
    m[i:i + (1 << 20)] = block
    m[i] = i >> 20
h = hashlib.sha256(m).hexdigest()
m.close()
os.close(f)
print(h)
""")
    harness.check(out.stdout.decode().strip() == digest(f"{directory}/large"),
                  "contents differ")
    os.unlink(f"{directory}/large")


def lone_stores(directory, server):
    """One byte in each of more pages than are writable at a time."""
    out = python(server, """
n, stores = 80 << 20, 12000
f = os.open('/data/lone', os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, n)
m = mmap.mmap(f, n)
for i in range(stores):
    m[(i * 7919 % (n // 4096)) * 4096 + i % 4096] = 1 + i % 255
print(sum(1 for _ in open('/proc/self/maps')))
""")
    with open(f"{directory}/lone", "rb") as f:
        data = f.read()
    pages = len(data) // PAGE
    for i in range(12000):
        at = (i * 7919 % pages) * PAGE + i % PAGE
        harness.check(data[at] == 1 + i % 255, f"store {i} is lost")
    harness.check(int(out.stdout) < 30000, f"{out.stdout} areas of memory")
    os.unlink(f"{directory}/lone")


def threads(directory, server):
    """Threads store, write, truncate and sync at once; then all agrees."""
    python(server, """
import threading
f = os.open('/data/threads', os.O_RDWR | os.O_CREAT, 0o644)
size = 1 << 20
os.ftruncate(f, size)
m = mmap.mmap(f, size)
def store(t):
    for i in range(3000):
        m[(i * 331 + t) % (size // 2) // 8 * 8 + t] = 1 + t
def call(t):
    for i in range(1000):
        os.pwrite(f, b'%d' % t, (size // 2 + i * 401) // 8 * 8 + t)
def save():
    for i in range(60):
        os.fsync(f)
        os.ftruncate(f, size + 4096 * (i % 3))
ts = [threading.Thread(target=store, args=(t,)) for t in range(3)]
ts += [threading.Thread(target=call, args=(t,)) for t in range(3, 5)]
ts += [threading.Thread(target=save)]
[t.start() for t in ts]
[t.join() for t in ts]
os.ftruncate(f, size)
os.fsync(f)
import hashlib
a = hashlib.sha256(m[:]).hexdigest()
b = hashlib.sha256(os.pread(f, size, 0)).hexdigest()
assert a == b
for t in range(3):
    for i in range(3000):
        assert m[(i * 331 + t) % (size // 2) // 8 * 8 + t] == 1 + t, (i, t)
open('/data/threads.sum', 'w').write(a)
""")
    with open(f"{directory}/threads.sum") as f:
        harness.check(f.read() == digest(f"{directory}/threads"),
                      "the server has other bytes than the mapping")


def child_cannot_lose_stores(directory, server):
    """A forked child sees the pages; a store of its own would be lost, and is
    refused."""
    out = python(server, """
f = os.open('/data/forked', os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(f, 4096)
m = mmap.mmap(f, 4096)
m[0] = 7
if os.fork() == 0:
    ok = m[0] == 7
    os.write(1, b'seen' if ok else b'lost')
    m[1] = 8
    os._exit(0)
_, status = os.wait()
print(' signal', os.WTERMSIG(status))
""")
    harness.check(out.stdout == b"seen signal 7\n", repr(out.stdout))
    harness.check(b"the kernel is in another process" in out.stderr,
                  "nothing is said")


def sqlite_wal(directory, server):
    """Its index is a shared mapping."""
    out = python(server, """
import sqlite3
d = sqlite3.connect('/data/wal.db')
print(d.execute('pragma journal_mode=wal').fetchone()[0])
d.execute('create table t(a integer primary key, b text)')
for k in range(20):
    with d:
        d.executemany('insert into t(b) values (?)',
                      [(str(i) * 20,) for i in range(500)])
e = sqlite3.connect('/data/wal.db')
print(e.execute('select count(*) from t').fetchone()[0])
print(e.execute('pragma integrity_check').fetchone()[0])
e.close()
d.close()
""")
    harness.check(out.stdout == b"wal\n10000\nok\n", repr(out.stdout))
    with sqlite3.connect(f"{directory}/wal.db") as db:
        count = db.execute("select count(*) from t").fetchone()[0]
        verdict = db.execute("pragma integrity_check").fetchone()[0]
    harness.check((count, verdict) == (10000, "ok"), f"{count} {verdict}")


def failure_at_exit_is_said():
    """The server has gone when the program ends with unsaved data."""
    with harness.export(populate) as (_, server):
        argv = harness.rumpkit_argv(
            [PY, "-c", """
import os, sys
f = os.open('/data/late', os.O_RDWR | os.O_CREAT, 0o644)
os.write(f, b'x' * 5000)
print('written', flush=True)
sys.stdin.readline()
os._exit(3)
"""], [(harness.MOUNT, server.url("&soft&timeo=2&retrans=1"))])
        child = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, cwd="/",
                                 env=harness.clean_env())
        child.stdout.readline()
        server.kill()
        _, err = child.communicate(b"go on\n", timeout=120)
        harness.check(child.returncode == 3, f"status {child.returncode}")
        harness.check(b"could be saved" in err, repr(err))


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    cases = [
        ("mappings behave as the host's",
         functools.partial(compare, os.environ["MAPS"])),
        ("transfers behave as the host's",
         functools.partial(compare, os.environ["TRANSFERS"])),
        ("stores after saving", stores_after_saving),
        ("what a killed program of a tree has written", killed_in_a_tree),
        ("end of page", end_of_page),
        ("larger than the cache", larger_than_the_cache),
        ("lone stores", lone_stores),
        ("threads", threads),
        ("a child cannot lose stores", child_cannot_lose_stores),
        ("sqlite with a write-ahead log", sqlite_wal),
    ] + [(f"saved at {how}", functools.partial(saved_at, how))
         for how in ENDINGS]
    with harness.export(populate) as (directory, server):
        return harness.run([
            (name, functools.partial(function, directory, server))
            for name, function in cases] + [
                ("failure at exit is said", failure_at_exit_is_said)])


if __name__ == "__main__":
    sys.exit(main())
