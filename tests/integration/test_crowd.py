#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Several users at one directory: ours treats them as the host does.

crowd/ makes random calls as root, as owners of files, members of their groups
and strangers, by set-uid programs and file servers (setfsuid(2)), and prints
each with its result and with all that it has changed in the tree: names, modes,
owners, links, contents, and which times.  On the host's memory file system and
on ours it must print the same; on NFS, but for what the protocol does not know.
"""
import difflib
import functools
import os
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import MOUNT, check

CROWD = os.environ["CROWD"]
MEMORY = "/dev/shm"
PY = "/usr/bin/python3"  # other users can execute it
STEPS = 300
CONTEXT = 8
TRIES = 5


def ran(argv):
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=240, env=harness.clean_env(), cwd="/",
                         check=False)
    text = (out.stdout + out.stderr).decode("latin-1")
    return text.split("\n") + [f"status {out.returncode}"]


def on_the_host(seed, more):
    top = tempfile.mkdtemp(prefix="rumpkit-test.", dir=MEMORY)
    try:
        return ran([CROWD, top, str(seed), str(STEPS), *more])
    finally:
        shutil.rmtree(top, ignore_errors=True)


def compare(seed, options, source="tmpfs:", more=()):
    if os.geteuid() != 0:
        raise harness.Skip("it takes root to be several users")
    if not os.path.isdir(MEMORY):
        raise harness.Skip(f"no {MEMORY}")
    ours = ran([harness.RUMPKIT, "run", *options, "--mount",
                f"{MOUNT}={source}", "--", CROWD, MOUNT, str(seed),
                str(STEPS), *more])
    # Whether the host stamps a later access depends on the order of two times
    # that a tick of its clock in the midst of a call tells apart.
    for _ in range(TRIES):
        plain = on_the_host(seed, more)
        check(plain[-1] == "status 0" and len(plain) > STEPS,
              "\n".join(plain[-5:]))
        if plain == ours:
            return
    for i, (a, b) in enumerate(zip(plain, ours)):
        check(a == b, "\n".join([
            *plain[max(0, i - CONTEXT):i],
            *(f"the host {line}" for line in plain[i:i + CONTEXT]),
            *(f"here     {line}" for line in ours[i:i + CONTEXT])]))
    check(len(plain) == len(ours), "\n".join(ours[-5:]))


# A file server: each thread works for somebody else, by calls that libc would
# make in all threads.
THREADS = """
import ctypes, os, sys, threading
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
SETRESUID, SETGROUPS, SETFSUID, SETFSGID = 117, 116, 122, 123

def said(who):
    for path in ("root", "group", "user"):
        try:
            os.close(os.open(path, os.O_RDWR))
            print(who, path, "ok")
        except OSError as e:
            print(who, path, e.strerror)
    os.close(os.open("by " + who, os.O_CREAT, 0o600))
    status = os.stat("by " + who)
    print(who, "made", status.st_uid, status.st_gid, flush=True)

def in_thread(function, *args):
    t = threading.Thread(target=function, args=args)
    t.start()
    t.join()

def by_files(who, uid, gid):
    libc.syscall(SETFSGID, gid)
    libc.syscall(SETFSUID, uid)
    said(who)

def by_all(who, uid, group):
    libc.syscall(SETGROUPS, 1, (ctypes.c_uint * 1)(group))
    libc.syscall(SETRESUID, uid, uid, 0)
    said(who)
    libc.syscall(SETRESUID, 0, 0, 0)
    said(who + " again root")
    libc.syscall(SETRESUID, uid, uid, 0)

def with_children(who, uid):
    by_files(who, uid, uid)
    in_thread(said, who + "'s thread")
    child = os.fork()
    if child == 0:
        said(who + "'s child")
        os._exit(0)
    os.waitpid(child, 0)

def at_once(who, uid, barrier):
    libc.syscall(SETFSUID, uid)
    for i in range(200):
        barrier.wait()
        os.close(os.open(f"{who} {i}", os.O_CREAT, 0o600))

def at_one_time():
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=at_once, args=(f"x{n}", n, barrier))
               for n in (1001, 1002, 1003, 0)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(sorted({(name.split()[0], os.stat(name).st_uid)
                  for name in os.listdir() if name[0] == "x"}))

os.umask(0)
os.chmod(".", 0o777)
for path, uid, gid, mode in (("root", 0, 0, 0o600), ("group", 0, 1002, 0o660),
                             ("user", 1001, 1001, 0o600)):
    os.close(os.open(path, os.O_CREAT))
    os.chown(path, uid, gid)
    os.chmod(path, mode)
said("main")
in_thread(by_files, "server", 1001, 1001)
said("main after it")
in_thread(by_files, "other", 1003, 1002)
in_thread(by_all, "all", 1003, 1002)
if len(sys.argv) == 2:
    in_thread(with_children, "parent", 1001)
in_thread(said, "late")
at_one_time()
by_files("main as user", 1001, 1001)
in_thread(said, "its thread")
libc.syscall(SETFSUID, 0)
libc.syscall(SETFSGID, 0)
os.setgroups([1002])
os.seteuid(1003)
said("all threads")
in_thread(said, "another")
os.seteuid(0)
said("root again")
if len(sys.argv) > 2:
    sys.exit()
os.setresuid(1001, 1001, 1001)
os.execv(sys.executable, [sys.executable, "-c",
    "import os; os.open('executed', os.O_CREAT);"
    "print(os.stat('executed').st_uid)"])
"""


def compare_threads(options, *more):
    if os.geteuid() != 0:
        raise harness.Skip("it takes root to be several users")
    if not os.path.isdir(MEMORY):
        raise harness.Skip(f"no {MEMORY}")
    top = tempfile.mkdtemp(prefix="rumpkit-test.", dir=MEMORY)
    try:
        plain = ran([PY, "-c", THREADS, top, *more])
    finally:
        shutil.rmtree(top, ignore_errors=True)
    check(plain[-1] == "status 0", "\n".join(plain))
    ours = ran([harness.RUMPKIT, "run", *options, "--mount",
                f"{MOUNT}=tmpfs:", "--", PY, "-c", THREADS,
                MOUNT, *more])
    check(plain == ours, "\n".join(
        difflib.unified_diff(plain, ours, "the host", "here", lineterm="")))


def compare_nfs(seed):
    with harness.export(lambda top: os.chmod(top, 0o777)) as (_, server):
        compare(seed, (), server.url(), ("nfs",))


def main():
    # Seeds that meet none of the known differences: the time of access of a file
    # that copy_file_range(2) copies within itself, and on NFS the order of errors
    # in sticky directories.
    cases = []
    for seed in (1, 2, 3):
        cases.append((f"in a tree, seed {seed}",
                      functools.partial(compare, seed, ())))
    for seed in (7, 8):
        cases.append((f"in process, seed {seed}",
                      functools.partial(compare, seed, ("--in-process",))))
    cases.append(("on NFS, seed 7", functools.partial(compare_nfs, 7)))
    cases.append(("threads that are somebody else, in a tree",
                  functools.partial(compare_threads, ())))
    cases.append(("threads that are somebody else, in process",
                  functools.partial(compare_threads, ("--in-process",),
                                    "alone")))
    return harness.run(cases)


sys.exit(main())
