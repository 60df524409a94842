#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Processes of a tree that have no connection to the server until they need one.

Most of them are in every other test of trees.  Here is what could go wrong with
the door that they come by: its number, its user, its server.
"""
import os
import subprocess
import sys

import harness
from harness import MOUNT, check

PY = "/usr/bin/python3"
TMPFS = "tmpfs:?mode=0777"


def tree(program, *args, options=(), more=None, status=0):
    """What a program of python's prints in a tree."""
    out = subprocess.run(
        [harness.RUMPKIT, "run", "--mount", f"{MOUNT}={TMPFS}", *options, "--",
         PY, "-c", program, *args], env=harness.clean_env(**(more or {})),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        check=False)
    check(out.returncode == status, f"{out.returncode}: {out.stderr}")
    return out


COMMON = f"""
import os, select, subprocess, sys
MOUNT = {MOUNT!r}
def sh(script, **k):
    return subprocess.run(["/bin/sh", "-c", script], stdout=subprocess.PIPE,
                          text=True, check=True, **k).stdout
def door():
    return sh("echo $RUMPKIT_DOOR").strip()
"""


def announced_by_nobody():
    """ps has no line for them, and they have the kernel when they need it."""
    out = tree(COMMON + f"""
sh("printf contents > {MOUNT}/file")
os.stat(MOUNT + "/file")
r, w = os.pipe()
p = subprocess.Popen(["/bin/sh", "-c", "read x; cat {MOUNT}/file"], stdin=r)
lines = subprocess.run([{harness.RUMPKIT!r}, "ps"], stdout=subprocess.PIPE,
                       text=True, check=True).stdout.splitlines()
print(any(line.split()[0] == str(p.pid) for line in lines),
      any(line.split()[0] == str(os.getpid()) for line in lines), flush=True)
os.write(w, b"go\\n")
p.wait()
""")
    check(out.stdout == "False True\ncontents", out.stdout)


def what_a_child_inherits():
    """Who has something that counts there announces its children."""
    out = tree(COMMON + """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
if os.fork() == 0:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    fd = os.open(MOUNT + "/limited", os.O_WRONLY | os.O_CREAT)
    print(os.write(fd, bytes(3000)), flush=True)
    os._exit(0)
os.wait()
os.umask(0o027)
if os.fork() == 0:
    os.close(os.open(MOUNT + "/masked", os.O_WRONLY | os.O_CREAT, 0o666))
    os._exit(0)
os.wait()
print(oct(os.stat(MOUNT + "/masked").st_mode))
os.mkdir(MOUNT + "/d"); os.chdir(MOUNT + "/d")
if os.fork() == 0:
    open("here", "w").close()
    os._exit(0)
os.wait()
print(os.listdir("."))
""")
    check(out.stdout == "1000\n0o100640\n['here']\n", out.stdout)


def a_generation_later():
    """Grandchildren of a process that had nothing, whose parents are gone."""
    out = tree(COMMON + """
print(sh("(sh -c '(sh -c \\"echo deep > " + MOUNT + "/deep\\" &) &'); "
         "until test -s " + MOUNT + "/deep; do :; done; cat " + MOUNT + "/deep"),
      end="")
""")
    check(out.stdout == "deep\n", out.stdout)


def before_the_exec():
    """A vfork child needs the kernel for what is done between."""
    out = tree(COMMON + """
for name in "one", "two":
    pid = os.posix_spawn("/bin/echo", ["echo", name], os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, MOUNT + "/out", os.O_WRONLY | os.O_CREAT
         | os.O_APPEND, 0o600)])
    os.waitpid(pid, 0)
    sh("true")
print(open(MOUNT + "/out").read(), end="")
os.close(os.open(MOUNT + "/out", os.O_RDONLY))
print(sh("cat < " + MOUNT + "/out"), end="")
""")
    check(out.stdout == "one\ntwo\n" * 2, out.stdout)


def its_number_is_wanted():
    """The program puts something there: the door makes way."""
    out = tree(COMMON + """
number = int(door())
os.dup2(os.open(MOUNT + "/there", os.O_RDWR | os.O_CREAT), number)
os.write(number, b"mine")
print(int(door()) != number, sh("cat " + MOUNT + "/there"))
os.closerange(3, number + 100)
print(sh("cat " + MOUNT + "/there"))
os.dup2(os.open("/dev/null", os.O_RDWR), number)
os.fstat(number)
print(sh("cat " + MOUNT + "/there"))
""")
    check(out.stdout == "True mine\nmine\nmine\n", out.stdout)


def another_user_has_none():
    """It is shut before the process is somebody else, and the kernel stays."""
    if os.geteuid() != 0:
        raise harness.Skip("needs root")
    out = tree(COMMON + """
first = door()
open(MOUNT + "/secret", "w").write("x")
os.chmod(MOUNT + "/secret", 0o600)
if os.fork() == 0:
    os.setresuid(65534, 65534, 65534)
    again = door()
    print(first == again, sh("id -u").strip(), sh("cat " + MOUNT
          + "/secret 2>&1 || true").strip().split(": ")[-1],
          sh("echo his > " + MOUNT + "/his; cat " + MOUNT + "/his").strip(),
          flush=True)
    os._exit(0)
os.wait()
print(os.stat(MOUNT + "/his").st_uid, door() == first, sh("cat " + MOUNT
      + "/secret"))
""")
    check(out.stdout == "False 65534 Permission denied his\n65534 True x\n",
          out.stdout)


def who_stays_the_same_has_one():
    """Calls that name only who the process is already change nothing."""
    out = tree(COMMON + """
first = door()
os.setuid(os.getuid())
os.setregid(-1, os.getgid())
os.setresuid(-1, os.getuid(), -1)
print(first.isdigit(), door() == first)
""")
    check(out.stdout == "True True\n", out.stdout)


def an_exec_as_another_user():
    """Twice: a connection opens no second door."""
    if os.geteuid() != 0:
        raise harness.Skip("needs root")
    out = tree(COMMON + """
open(MOUNT + "/all", "w").write("for all")
print(sh("/bin/true; exec setpriv --reuid=65534 --clear-groups sh -c '"
         "echo $RUMPKIT_DOOR; cat " + MOUNT + "/all; true; cat "
         + MOUNT + "/all; echo; id -u'"))
""")
    lines = out.stdout.split()
    check(lines[0] == "shut" and lines[-1] == "65534"
          and out.stdout.count("for all") == 2, out.stdout)


def after_the_server():
    """Who comes too late is told, once, and goes on."""
    mark = f"DOORS_{os.getpid()}"
    out = tree(COMMON + """
import signal
def is_server(pid):
    try:
        return (open(f"/proc/{pid}/comm").read().startswith("rumpkit-kernel")
                and sys.argv[1] in open(f"/proc/{pid}/environ").read())
    except OSError:
        return False
sh("true")
(server,) = filter(is_server, filter(str.isdecimal, os.listdir("/proc")))
pidfd = os.pidfd_open(int(server))
os.kill(int(server), signal.SIGKILL)
select.select([pidfd], [], [])
print(sh("echo alive; cat " + MOUNT + "/file 2>&1 || true"), end="")
""", mark, more={mark: "1"})
    check(out.stdout.startswith("alive\n") and "the server of the rump kernel "
          "has ended" in out.stdout and "not connected" in out.stdout,
          out.stdout + out.stderr)


def what_is_counted_is_known_from_the_beginning():
    """A summary tells of all programs."""
    out = tree(COMMON + """
for i in range(3):
    sh("true")
""", options=["--summary"])
    check("4 programs" in out.stderr or " 4 " in out.stderr, out.stderr)


def no_door():
    env = {"LD_PRELOAD": f"{harness.STAGE}/lib/librumphijack.so.0",
           "RUMPHIJACK": "path=/data", "RUMPKIT_DOOR": "0"}
    out = subprocess.run(["/bin/true"], env=harness.clean_env(**env),
                         stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=120, check=False)
    check(out.returncode == 125 and "RUMPKIT_DOOR does not name" in out.stderr,
          str(out))


if __name__ == "__main__":
    sys.exit(harness.run([
        ("announced by nobody", announced_by_nobody),
        ("what a child inherits", what_a_child_inherits),
        ("a generation later", a_generation_later),
        ("before the exec", before_the_exec),
        ("its number is wanted", its_number_is_wanted),
        ("another user has none", another_user_has_none),
        ("who stays the same has one", who_stays_the_same_has_one),
        ("an exec as another user", an_exec_as_another_user),
        ("after the server", after_the_server),
        ("what is counted is known from the beginning",
         what_is_counted_is_known_from_the_beginning),
        ("no door", no_door),
    ]))
