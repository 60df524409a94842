#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What processes leave when they end without being asked: locks that others
want, data that cannot be saved any more."""
import os
import signal
import subprocess
import sys

import harness
from harness import check

PY = "/usr/bin/python3"

# Whoever has waited for a process finds its locks gone.
LOCKS = """
import fcntl, os, struct, sys
name = sys.argv[1] + "/file"
open(name, "w").close()
record = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
F_OFD_SETLK = 37
ways = {
    "lockf": lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
    "flock": lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
    "ofd": lambda fd: fcntl.fcntl(fd, F_OFD_SETLK, record),
}
for kind, lock in ways.items():
    late = 0
    for i in range(ROUNDS):
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            lock(os.open(name, os.O_RDWR))
            os.write(w, b"x")
            os.close(r)
            os.read(os.pipe()[0], 1)
        os.read(r, 1)
        os.close(r)
        os.close(w)
        fd = os.open(name, os.O_RDWR)
        try:
            lock(fd)
            print("not locked")
        except BlockingIOError:
            pass
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        try:
            lock(fd)
        except BlockingIOError:
            late += 1
        os.close(fd)
    print(kind, late)
"""


def locks():
    out = subprocess.run(
        harness.as_user([harness.RUMPKIT, "run", "--mount",
                         f"{harness.MOUNT}=tmpfs:", "--", PY, "-c",
                         LOCKS.replace("ROUNDS", "100"), harness.MOUNT]),
        capture_output=True, timeout=120, env=harness.clean_env(), cwd="/",
        stdin=subprocess.DEVNULL, check=False)
    check((out.returncode, out.stdout, out.stderr) ==
          (0, b"lockf 0\nflock 0\nofd 0\n", b""), str(out)[-600:])


def populate(top):
    os.mkdir(f"{top}/out")
    os.chmod(f"{top}/out", 0o777)


# A process ends whose data the server does not want any more.
UNSAVED = """
import mmap, os, signal, sys
fd = os.open(sys.argv[1], os.O_RDWR)
if sys.argv[2] == "mapping":
    m = mmap.mmap(fd, 4096)
    os.close(fd)
    m[0] = ord("y")
else:
    os.pwrite(fd, b"y", 0)
print("ready", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def unsaved(how):
    def run():
        with harness.export(populate) as (directory, server):
            name = f"{directory}/out/file"
            with open(name, "wb") as f:
                f.write(b"x" * 4096)
            os.chown(name, 65534, 65534)
            p = subprocess.Popen(
                harness.as_user([harness.RUMPKIT, "run", "--mount",
                                 f"{harness.MOUNT}={server.url()}", "--", PY,
                                 "-c", UNSAVED, f"{harness.MOUNT}/out/file",
                                 how]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=harness.clean_env(), cwd="/")
            check(p.stdout.readline() == b"ready\n", "it does not start")
            os.chown(name, 0, 0)
            os.chmod(name, 0o600)
            _, err = p.communicate(b"\n", timeout=180)
            check(b"/data/out/file: not everything that was written could be "
                  b"saved: permission denied\n" in err, str(err))
    return run


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(harness.run([
        ("locks", locks),
        ("what cannot be saved is said, mapping", unsaved("mapping")),
        ("what cannot be saved is said, descriptor", unsaved("descriptor")),
    ]))
