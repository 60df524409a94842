#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs and libraries that lie on a mount, executed from there.

What execve(2) makes of each kind of file is compared with the same on the
exported directory; scripts name their interpreters by paths of both kernels.
"""
import glob
import os
import shutil
import subprocess

import harness

PY = "/usr/bin/python3"

EXECUTE = """
import os, sys
way, path = sys.argv[1:]
try:
    if way == "relative":
        os.chdir(os.path.dirname(path))
        path = "./" + os.path.basename(path)
    if way.startswith("descriptor"):
        path = os.open(path, os.O_RDONLY)
        os.set_inheritable(path, way == "descriptor")
    os.execve(path, ["zero", "one", "", "two words"], {"LC_ALL": "C"})
except OSError as e:
    print(e.errno, e.strerror)
"""


def populate(top):
    def script(name, text, mode=0o755):
        with open(f"{top}/{name}", "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(f"{top}/{name}", mode)
    shutil.copy("/bin/echo", f"{top}/echo")
    shutil.copy(PY, f"{top}/python")
    script("script", "#! /bin/sh -e  \necho \"$0\" \"$#\" \"$@\"\n")
    script("unended", "#!/bin/echo an argument\tof words")
    script("nested", f"#!{top}/script x y \n")
    script("outside", f"#!{top}/echo says\n")
    script("loop", f"#!{top}/loop\n")
    script("dangling", "#!/nonexistent\n")
    script("blank", "#!   \n")
    script("long", "#!/" + "x" * 300 + "\n")
    script("text", "echo text \"$0\" \"$@\"\n")
    script("empty", "")
    script("unset", "#!/bin/sh\n", 0o644)
    script("others", "#!/bin/sh\n", 0o744)
    shutil.copy("/bin/echo", f"{top}/unset-elf")
    os.chmod(f"{top}/unset-elf", 0o644)
    os.mkdir(f"{top}/dir")
    os.mkfifo(f"{top}/fifo")
    os.symlink("script", f"{top}/link")
    os.symlink("/bin/echo", f"{top}/away")
    os.symlink("nowhere", f"{top}/broken")


NAMES = ["echo", "script", "unended", "nested", "outside", "loop", "dangling",
         "blank", "long", "text", "empty", "unset", "others", "unset-elf",
         "dir", "fifo", "link", "away", "broken", "missing", "echo/below", ""]


def execute(way, names, server, directory):
    """Compare; the mount has the directory's own name, for scripts' sake."""
    for name in names:
        argv = [PY, "-c", EXECUTE, way, f"{directory}/{name}"]
        plain = harness.native(argv)
        hijacked = harness.rumpkit(argv, [(directory, server.url())])
        try:
            harness.same(hijacked, plain, directory, directory)
        except AssertionError as e:
            raise AssertionError(f"{name} ({way}): {e}") from e


def kinds():
    with harness.export(populate) as (directory, server):
        execute("path", NAMES, server, directory)


def ways():
    with harness.export(populate) as (directory, server):
        execute("relative", ["echo", "script", "nested"], server, directory)
        execute("descriptor", ["echo", "script"], server, directory)
        execute("descriptor closed on exec", ["echo", "script"], server,
                directory)


def tool():
    """rumpkit run finds what only the kernel can."""
    with harness.export(populate) as (directory, server):
        mounts = [("/data", server.url())]

        def run(*argv, **env):
            r = harness.rumpkit(argv, mounts, env=harness.clean_env(**env))
            return r.returncode, r.stdout.decode(), r.stderr.decode()
        harness.check(run("/data/echo", "a", "b") == (0, "a b\n", ""), "path")
        path = "/data:/usr/bin:/bin"
        for argv, want in ((("script", "x"), "/data/script 1 x\n"),
                           (("text", "x"), "text /data/text x\n")):
            got = run(*argv, PATH=path)
            harness.check(got == (0, want, ""), f"{argv}: {got}")
        for name, status, text in (
                ("/data/missing", 127, "command not found"),
                ("/data/unset", 126, "cannot be executed: Permission denied"),
                ("/data/dir", 126, "cannot be executed: Permission denied")):
            got = run(name)
            harness.check(got[0] == status and got[2] ==
                          f"rumpkit: {name}: {text}\n", f"{name}: {got}")
        got = run("bash", "-c", "exec script from a shell", PATH=path)
        harness.check(got == (0, "/data/script 3 from a shell\n", ""), got)


def whole_program():
    """A large program of the mount works on the mount's files."""
    code = ("import sys, os; open('made', 'w').write('x' * 5000);"
            "print(sys.argv, os.getcwd(), os.path.getsize('made'))")
    with harness.export(populate) as (directory, server):
        os.chmod(directory, 0o777)
        r = harness.rumpkit(
            ["env", "-C", "/data", "./python", "-c", code, "arg"],
            [("/data", server.url())])
        harness.check(r.stdout == b"['-c', 'arg'] /data 5000\n" and
                      r.returncode == 0, r)


def refused():
    """What cannot be hijacked is refused on a mount, too."""
    def static(top):
        populate(top)
        subprocess.run(["gcc", "-static", "-x", "c", "-", "-o",
                        f"{top}/static"], check=True,
                       input=b"int main(void) { return 0; }\n")
        shutil.copy("/bin/echo", f"{top}/setid")
        os.chmod(f"{top}/setid", 0o4755)
    with harness.export(static) as (_, server):
        mounts = [("/data", server.url())]
        r = harness.rumpkit(["/data/static"], mounts)
        harness.check(r.returncode == 126 and
                      b"/data/static: statically linked" in r.stderr, r)
        harness.need_set_id()
        # Without no_new_privs, which as_user() sets.
        argv = harness.rumpkit_argv(["/data/setid"], mounts)
        argv = [a for a in argv if a != "--no-new-privs"]
        r = subprocess.run(argv, capture_output=True, check=False, cwd="/",
                           env=harness.clean_env(), timeout=180)
        harness.check(r.returncode == 126 and b"set-user-id" in r.stderr, r)


FILE_GROUP = """
import ctypes, os, subprocess, sys
os.setgroups([int(sys.argv[2])])
ctypes.CDLL(None).setfsgid(int(sys.argv[1]))
print(subprocess.run(["/bin/echo", "run"], stdout=subprocess.PIPE, text=True)
      .stdout.strip())
"""


def another_group_for_files():
    """The host's dynamic linker would leave the library out, silently."""
    if os.geteuid() != 0:
        raise harness.Skip("needs root")
    def execute(fsgid, group):
        return subprocess.run(
            [harness.RUMPKIT, "run", "--mount", "/m=tmpfs:", "--", PY, "-c",
             FILE_GROUP, str(fsgid), str(group)], capture_output=True,
            check=False, env=harness.clean_env(), timeout=180,
            stdin=subprocess.DEVNULL)
    egid = os.getegid()
    for fsgid, group in (egid, 5000), (5000, egid):
        r = execute(fsgid, group)
        harness.check(r.stdout == b"run\n" and r.stderr == b"", r)
    r = execute(5000, 5001)
    harness.check(b"PermissionError" in r.stderr and
                  b"effective identity" in r.stderr, r)


LIBRARY = b"""
static int table[20000] = { 1, 2, 3 };
static const char *const text = "relocated";
int next(int i) { return table[i]++; }
const char *word(void) { return text; }
"""
LOAD = """
import ctypes, sys
sys.path.insert(0, "/data")
l = ctypes.CDLL("/data/lib.so")
l.word.restype = ctypes.c_char_p
print([l.next(i) for i in (0, 0, 1, 19999, 19999)], l.word())
import _sqlite3
print(_sqlite3.__file__)
import sqlite3
print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchall())
import extension_that_is_not_there
"""


def libraries():
    def build(top):
        subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o",
                        f"{top}/lib.so"], check=True, input=LIBRARY)
        for f in glob.glob("/usr/lib/python3.*/lib-dynload/_sqlite3.*.so"):
            shutil.copy(f, top)
    with harness.export(build) as (_, server):
        r = harness.rumpkit([PY, "-c", LOAD], [("/data", server.url())])
    lines = r.stdout.decode().splitlines()
    harness.check(len(lines) == 3, r)
    harness.check(lines[0] == "[1, 2, 2, 0, 1] b'relocated'", r)
    harness.check(lines[1].startswith("/data/_sqlite3."), r)
    harness.check(lines[2] == "[(42,)]", r)
    harness.check(r.stderr.endswith(
        b"No module named 'extension_that_is_not_there'\n"), r)


if __name__ == "__main__":
    raise SystemExit(harness.run([
        ("execve tells kinds of files apart as on the host", kinds),
        ("relative paths and descriptors", ways),
        ("rumpkit run looks for commands on mounts", tool),
        ("a large program from a mount", whole_program),
        ("what cannot be hijacked is refused", refused),
        ("libraries and extension modules", libraries),
        ("another group for files", another_group_for_files),
    ]))
