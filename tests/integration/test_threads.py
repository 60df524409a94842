#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's own threads in the program's process: a file that was written to
and not closed makes the kernel have one.  The program must not notice."""
import functools
import os
import sys

import harness

PY = "/usr/bin/python3"
DATA = b"written by a program\n"

# own(): a thread of the kernel's is there; it is the one that libc did not make.
# Threads that have ended are listed a while longer.
PRELUDE = f"""
import ctypes, os, signal, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
DATA = {DATA!r}
def tasks():
    return [int(t) for t in os.listdir("/proc/self/task")]
def own():
    while True:
        ours = [t for t in tasks() if t != os.getpid()
                and t not in [x.native_id for x in threading.enumerate()]]
        if len(ours) < 2:
            return ours
def write(name):
    fd = os.open("/data/out/" + name, os.O_WRONLY | os.O_CREAT, 0o666)
    os.write(fd, DATA)
    return fd
def expect(condition, *what):
    if not condition:
        print("unexpected:", *what, tasks(), own(), file=sys.stderr)
        os._exit(1)
"""


def populate(top):
    os.mkdir(f"{top}/out")
    os.chmod(f"{top}/out", 0o777)


def python(text, server, **kw):
    return harness.rumpkit([PY, "-c", PRELUDE + text],
                           [(harness.MOUNT, server.url())], **kw)


def succeeds(out):
    harness.check(out.returncode == 0, str(out))


def holds(directory, name):
    with open(f"{directory}/out/{name}", "rb") as f:
        data = f.read()
    harness.check(data == DATA, f"{name}: {data!r}")


def alone_for_unshare(directory, server):
    probe = harness.native([PY, "-c", "import ctypes, sys; "
                            "sys.exit(ctypes.CDLL(None).unshare(0x10000000))"])
    if probe.returncode != 0:
        raise harness.Skip("user namespaces are not permitted")
    succeeds(python("""
fd = write("unshare")
expect(len(own()) == 1, "no thread of the kernel's")
expect(libc.unshare(0x10000000) == 0, "unshare", ctypes.get_errno())
expect(len(own()) == 1, "the thread has not come back")
os.close(fd)
""", server))
    holds(directory, "unshare")


def one_descriptor_table(directory, server):
    """The kernel's threads have the program's descriptors, whatever it does."""
    succeeds(python("""
def shared():
    host = os.open("/dev/null", os.O_RDONLY)
    there = [os.path.exists(f"/proc/self/task/{t}/fdinfo/{host}")
             for t in own()]
    os.close(host)
    return there
fd = write("tables")
expect(shared() == [True], "at first", shared())
for flags in (2, 6):
    expect(libc.close_range(500, 600, flags) == 0, ctypes.get_errno())
    expect(shared() == [True], "close_range", flags)
expect(libc.unshare(0x400) == 0, ctypes.get_errno())
expect(shared() == [True], "unshare")
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
for call, *arguments in ((libc.unshare, 0x400),
                         (libc.close_range, 500, 600, 2)):
    expect(call(*arguments) == -1 and ctypes.get_errno() == 22, call)
done.set()
thread.join()
os.close(fd)
""", server))
    holds(directory, "tables")


def identity_of_all(directory, server):
    succeeds(python("""
def ids(tid):
    for line in open(f"/proc/self/task/{tid}/status"):
        if line.startswith(("Uid:", "Gid:", "Groups:", "CapEff:")):
            yield line
fd = write("setuid")
expect(len(own()) == 1, "no thread of the kernel's")
os.setresuid(os.getuid(), os.getuid(), os.getuid())
threading.Thread(target=lambda: os.setresgid(*[os.getgid()] * 3)).start()
for tid in own():
    expect(list(ids(tid)) == list(ids(os.getpid())), "another user")
os.close(fd)
""", server))
    holds(directory, "setuid")


def identity_of_many(directory, server):
    """libc makes all threads call setresuid(2) at once."""
    succeeds(python("""
fd = write("many")
stop = False
def work():
    while not stop:
        os.pwrite(fd, DATA, 0)
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
for i in range(50):
    os.setresuid(*[os.getuid()] * 3)
stop = True
for t in threads:
    t.join()
os.close(fd)
""", server))
    holds(directory, "many")


def end_of_the_last_thread(directory, server):
    succeeds(python("""
fd = write("pthread_exit")
expect(len(own()) == 1, "no thread of the kernel's")
done = os.open("/data/out/later", os.O_WRONLY | os.O_CREAT, 0o666)
def outlive():
    while open("/proc/self/stat").read().split()[2] != "Z":
        os.sched_yield()
    os.write(done, DATA)
    libc.syscall(60, 0)
threading.Thread(target=outlive).start()
libc.syscall(60, 0)
""", server))
    holds(directory, "pthread_exit")
    holds(directory, "later")


def fork_and_wait(directory, server):
    succeeds(python("""
fd = write("fork")
expect(len(own()) == 1, "no thread of the kernel's")
for i in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if len(tasks()) == 1 else 1)
    expect(os.waitpid(pid, 0)[1] == 0, "a child has threads")
expect(len(own()) == 1, "the thread is gone")
os.close(fd)
""", server))
    holds(directory, "fork")


def signals_of_the_program(directory, server):
    succeeds(python("""
fd = write("signals")
blocked = {}
for line in open(f"/proc/self/task/{own()[0]}/status"):
    if line.startswith("SigBlk:"):
        blocked = int(line.split()[1], 16)
all_but_two = ~(1 << signal.SIGKILL - 1 | 1 << signal.SIGSTOP - 1)
expect(blocked == all_but_two & (1 << 64) - 1, "open to signals", hex(blocked))
os.close(fd)
""", server))
    holds(directory, "signals")


CASES = [
    ("unshare of a user name space", alone_for_unshare),
    ("one table of descriptors", one_descriptor_table),
    ("a change of the user concerns our threads", identity_of_all),
    ("all threads of a program change the user at once", identity_of_many),
    ("the process ends with the program's last thread",
     end_of_the_last_thread),
    ("a child of fork has no thread of ours", fork_and_wait),
    ("our threads take no signals", signals_of_the_program),
]


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with harness.export(populate) as (directory, server):
        return harness.run([(name, functools.partial(f, directory, server))
                            for name, f in CASES])


if __name__ == "__main__":
    sys.exit(main())
