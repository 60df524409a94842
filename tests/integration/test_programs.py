#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Unmodified programs on an NFS export that the host does not mount.

Each runs under rumpkit on /data and natively on the exported directory;
output, standard error and exit status must be equal.
"""
import functools
import os
import random
import sys
import zipfile

import harness

PY = "/usr/bin/python3"


def write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def populate(top):
    rng = random.Random(20)
    blob = bytes(rng.randrange(256) for _ in range(4096))
    write(f"{top}/empty", b"")
    write(f"{top}/one", b"x")
    write(f"{top}/text", b"".join(b"line %d of the text\n" % i
                                  for i in range(5000)))
    write(f"{top}/text2", b"".join(b"line %d of the text\n" % i
                                   for i in range(4999)) + b"other\n")
    write(f"{top}/numbers", b"".join(b"%d\n" % rng.randrange(10**6)
                                     for _ in range(20000)))
    write(f"{top}/big", b"".join(
        (i % 251).to_bytes(1, "little") * 13 + blob for i in range(2500)))
    write(f"{top}/page", blob)
    write(f"{top}/page1", blob + b"!")
    write(f"{top}/secret", b"not for everybody\n", 0o600)
    write(f"{top}/run.sh", b"#!/bin/sh\necho hello\n", 0o755)
    write(f"{top}/name with spaces \xc3\xa9", b"odd name\n")
    with open(f"{top}/sparse", "wb") as f:
        f.truncate(300000)
        f.seek(100000)
        f.write(b"island")
    os.chmod(f"{top}/sparse", 0o644)
    os.makedirs(f"{top}/tree/a/b/c")
    os.makedirs(f"{top}/tree/closed", mode=0o700)
    for d in ("tree", "tree/a", "tree/a/b", "tree/a/b/c"):
        for i in range(5):
            write(f"{top}/{d}/file{i}", b"content of %d in %s\n" % (
                i, d.encode()) * (i * 50))
    os.mkdir(f"{top}/many")
    for i in range(1500):
        write(f"{top}/many/entry-{i:04d}-{'n' * (i % 40)}", b"%d" % i)
    os.symlink("text", f"{top}/link")
    os.symlink("tree/a/../a/b", f"{top}/dirlink")
    os.symlink("/data/text", f"{top}/abslink")
    os.symlink("nowhere", f"{top}/dangling")
    os.symlink("loop1", f"{top}/loop2")
    os.symlink("loop2", f"{top}/loop1")
    os.symlink("/etc/hostname", f"{top}/tohost")
    os.symlink("../etc/passwd", f"{top}/updown")
    os.link(f"{top}/one", f"{top}/hard")
    os.mkfifo(f"{top}/fifo")
    os.makedirs(f"{top}/package/inner")
    write(f"{top}/package/__init__.py", b"NAME = 'package'\n")
    write(f"{top}/package/inner/__init__.py",
          b"from .. import NAME\nVALUE = NAME * 2\n")
    with zipfile.ZipFile(f"{top}/zipped.zip", "w") as z:
        z.writestr("zipmod.py", "ANSWER = 'from a zip'\n")
    os.chmod(f"{top}/zipped.zip", 0o644)
    for d, _, files in os.walk(top):
        for n in files:
            if not os.path.islink(f"{d}/{n}"):
                os.utime(f"{d}/{n}", (1700000000, 1700000000 + len(n)))


# {d} is the directory.  A case is (name, argument vector).
COMMANDS = [
    ("sha256sum of a file", ["sha256sum", "{d}/big"]),
    ("sha256sum of many files", ["sh", "-c",
                                 "cd {d} && exec sha256sum text numbers page "
                                 "page1 one empty sparse"]),
    ("cat", ["cat", "{d}/text", "{d}/empty", "{d}/one"]),
    ("cat of a missing file", ["cat", "{d}/missing"]),
    ("cat of a directory", ["cat", "{d}/tree"]),
    ("cat of a file without permission", ["cat", "{d}/secret"]),
    ("cat through a file", ["cat", "{d}/text/x"]),
    ("cat of a symbolic link loop", ["cat", "{d}/loop1"]),
    ("cat of a dangling link", ["cat", "{d}/dangling"]),
    ("head", ["head", "-c", "10000", "{d}/big"]),
    ("head of lines", ["head", "-n", "3", "{d}/text"]),
    ("tail", ["tail", "-n", "5", "{d}/text"]),
    ("tail of bytes", ["tail", "-c", "5000", "{d}/big"]),
    ("wc", ["wc", "{d}/text", "{d}/numbers", "{d}/big"]),
    ("cmp of equal files", ["cmp", "{d}/one", "{d}/hard"]),
    ("cmp of different files", ["cmp", "{d}/page", "{d}/page1"]),
    ("diff of files", ["diff", "{d}/text", "{d}/text2"]),
    ("diff -r", ["diff", "-r", "{d}/tree/a", "{d}/tree/a/b"]),
    ("ls", ["ls", "{d}"]),
    ("ls of a large directory", ["ls", "-f", "{d}/many"]),
    ("ls -lR", ["ls", "-lR", "{d}"]),
    ("ls -li of a file", ["ls", "-li", "{d}/hard", "{d}/one", "{d}/link"]),
    ("ls of a closed directory", ["ls", "{d}/tree/closed"]),
    ("find", ["find", "{d}"]),
    ("find -ls", ["find", "{d}/tree", "-ls"]),
    ("find -type", ["find", "{d}", "-type", "l", "-printf", "%p %l\\n"]),
    ("find -newer", ["find", "{d}", "-newer", "{d}/one", "-size", "+1k"]),
    ("stat", ["stat", "-c", "%n %s %b %a %u %g %h %i %F %Y %Z", "{d}/text",
              "{d}/tree", "{d}/link", "{d}/fifo", "{d}/hard"]),
    ("stat -L", ["stat", "-L", "-c", "%n %s %F", "{d}/link", "{d}/dirlink"]),
    ("du", ["du", "-a", "{d}/tree/a"]),
    ("du -s --apparent-size", ["du", "-sb", "{d}/big", "{d}/many"]),
    ("grep -r", ["grep", "-r", "content of 3", "{d}/tree/a"]),
    ("grep -c", ["grep", "-c", "7", "{d}/numbers"]),
    ("tar cf -", ["tar", "--exclude=secret", "--exclude=closed", "-C", "{d}",
                  "-cf", "-", "tree", "text", "link", "hard", "one"]),
    ("dd", ["dd", "if={d}/big", "bs=4097", "skip=13", "count=700",
            "status=none"]),
    ("dd by single bytes", ["dd", "if={d}/one", "bs=1", "status=none"]),
    ("sort", ["sort", "-n", "{d}/numbers"]),
    ("file", ["file", "{d}/text", "{d}/zipped.zip", "{d}/link", "{d}/run.sh",
              "{d}/empty", "{d}/fifo"]),
    ("od of a sparse file", ["od", "-A", "d", "-c", "{d}/sparse"]),
    ("readlink -f", ["readlink", "-f", "{d}/dirlink/c/file1"]),
    ("realpath of what is missing", ["realpath", "-m", "{d}/x/../y"]),
    ("test -r -w -x", ["sh", "-c",
                       "for f in text secret run.sh tree tree/closed; do "
                       "for o in r x e d f s; do test -$o {d}/$f && "
                       "echo $o $f; done; done"]),
    ("shell redirection", ["bash", "-c",
                           "read -r l < {d}/text; echo \"$l\"; "
                           "mapfile -t a < {d}/text2; echo ${{#a[@]}}"]),
    ("cd and relative paths", ["bash", "-c",
                               "cd {d}/tree/a && echo *; cd b/c && echo *; "
                               "cd ../.. && echo *; read -r x < a/file1; "
                               "echo \"$x\"; pwd; cd /; "
                               "read -r x < {d}/one; echo $x; exit 3"]),
    ("a name with spaces", ["cat", "{d}/name with spaces é"]),
    ("absolute link into the mount", ["head", "-n1", "{d}/link"]),
    ("absolute link to the host", ["cat", "{d}/tohost"]),
    ("python3 os.walk", [PY, "-c", """
import os
for d, dirs, files in os.walk('{d}'):
    dirs.sort()
    print(d, dirs, sorted(files))
"""]),
    ("python3 open and seek", [PY, "-c", """
with open('{d}/big', 'rb') as f:
    f.seek(-100, 2); print(f.tell(), f.read(50)); f.seek(12345)
    print(f.read(64).hex(), f.tell())
with open('{d}/text') as f:
    print(sum(len(l) for l in f))
"""]),
    ("python3 hashlib", [PY, "-c", """
import hashlib
with open('{d}/big', 'rb') as f:
    print(hashlib.file_digest(f, 'sha1').hexdigest())
"""]),
    ("python3 mmap", [PY, "-c", """
import mmap, hashlib
with open('{d}/big', 'rb') as f, mmap.mmap(
        f.fileno(), 0, access=mmap.ACCESS_READ) as m:
    print(len(m), hashlib.md5(m).hexdigest(), m.find(b'\\x07' * 13))
    print(m[-10:].hex(), m[5000:5010].hex())
"""]),
    ("python3 mmap written to the host", [PY, "-c", """
import mmap, os
with open('{d}/text2', 'rb') as f, mmap.mmap(
        f.fileno(), 0, access=mmap.ACCESS_READ) as m:
    os.write(1, memoryview(m)[:20000])
"""]),
    ("python3 imports a package", [PY, "-c",
                                   "import sys; sys.path.insert(0, '{d}')\n"
                                   "from package.inner import VALUE\n"
                                   "print(VALUE)"]),
    ("python3 imports from a zip", [PY, "-c",
                                    "import sys\n"
                                    "sys.path.insert(0, '{d}/zipped.zip')\n"
                                    "import zipmod; print(zipmod.ANSWER)"]),
    ("python3 pathlib and glob", [PY, "-c", """
import pathlib, glob, shutil, filecmp
p = pathlib.Path('{d}')
print(sorted(str(x) for x in p.rglob('file2')))
print(sorted(glob.glob('{d}/many/entry-00*'))[:5], p.joinpath('one').stat().st_size)
print((p / 'link').resolve(), (p / 'link').is_symlink(), p.exists())
print(filecmp.cmp('{d}/text', '{d}/text2'), shutil.disk_usage('{d}').total > 0)
"""]),
    ("python3 dirfd functions", [PY, "-c", """
import os
d = os.open('{d}/tree', os.O_RDONLY | os.O_DIRECTORY)
print(sorted(os.listdir(d)))
print(os.stat('a/file1', dir_fd=d).st_size, os.stat(d).st_nlink)
f = os.open('a/b/file4', os.O_RDONLY, dir_fd=d)
print(os.pread(f, 20, 5), os.readlink('../dirlink', dir_fd=d))
os.fchdir(d); print(os.getcwd()); print(sorted(os.listdir()))
e = os.dup(f); os.lseek(e, 7, 0); print(os.read(f, 9)); os.close(f)
print(os.read(e, 9)); print(os.access('a/file0', os.R_OK, dir_fd=d))
os.chdir('/'); print(os.getcwd())
"""]),
    ("python3 reads on 16 threads", [PY, "-c", """
import threading, hashlib
names = ['{d}/many/' + n for n in sorted(__import__('os').listdir('{d}/many'))]
out = [None] * 16
def work(k):
    h = hashlib.sha1()
    for n in names[k::16]:
        with open(n, 'rb') as f: h.update(f.read())
    with open('{d}/big', 'rb') as f:
        for i in range(60):
            f.seek((k * 7919 + i * 104729) % 9000000); h.update(f.read(4096))
    out[k] = h.hexdigest()
t = [threading.Thread(target=work, args=(k,)) for k in range(16)]
[x.start() for x in t]; [x.join() for x in t]
print(out)
"""]),
]


def compare(argv, directory, server):
    def at(d):
        return [a.replace("{d}", d).replace("{{", "{").replace("}}", "}")
                for a in argv]
    hijacked = harness.rumpkit(at(harness.MOUNT),
                               [(harness.MOUNT, server.url())])
    harness.same(hijacked, harness.native(at(directory)), directory)


def ls_root(directory, server):
    out = harness.rumpkit(["ls", "/"], [(harness.MOUNT, server.url())])
    plain = harness.native(["ls", "/"])
    want = sorted(plain.stdout.split() + [b"data"])
    harness.check(out.stdout.split() == want, f"{out.stdout} {out.stderr}")


def cp_out(directory, server):
    with harness.scratch() as target:
        out = harness.rumpkit(["cp", "-r", "--preserve=mode,timestamps,links",
                               f"{harness.MOUNT}/tree/a",
                               f"{harness.MOUNT}/many",
                               f"{harness.MOUNT}/sparse",
                               f"{harness.MOUNT}/link", target],
                              [(harness.MOUNT, server.url())])
        harness.check(out.returncode == 0, out.stderr.decode())
        for name in ("many", "sparse"):
            diff = harness.native(["diff", "-r", f"{directory}/{name}",
                                   f"{target}/{name}"])
            harness.check(diff.returncode == 0, diff.stdout.decode())
        diff = harness.native(["diff", "-r", f"{directory}/tree/a",
                               f"{target}/a"])
        harness.check(diff.returncode == 0, diff.stdout.decode())


def absolute_link_inside(directory, server):
    out = harness.rumpkit(["head", "-n", "1", "/data/abslink"],
                          [(harness.MOUNT, server.url())])
    harness.check(out.stdout == b"line 0 of the text\n", str(out))


def relative_link_outside(directory, server):
    out = harness.rumpkit(["cat", "/data/updown"],
                          [(harness.MOUNT, server.url())])
    with open("/etc/passwd", "rb") as f:
        harness.check(out.stdout == f.read(), str(out))


def host_link_into_mount(directory, server):
    with harness.scratch() as d:
        os.symlink("/data/tree", f"{d}/in")
        out = harness.rumpkit(["cat", f"{d}/in/a/file1"],
                              [(harness.MOUNT, server.url())])
        with open(f"{directory}/tree/a/file1", "rb") as f:
            harness.check(out.stdout == f.read(), str(out))


def parent_of_mount(directory, server):
    out = harness.rumpkit(["sh", "-c", "cat /data/../etc/passwd"],
                          [(harness.MOUNT, server.url())])
    with open("/etc/passwd", "rb") as f:
        harness.check(out.stdout == f.read(), str(out))


def nested_mounts(directory, server):
    out = harness.rumpkit(
        [PY, "-c", """
import os
print(open('/data/one').read(), open('/data/tree/a/b/one').read())
print(sorted(os.listdir('/data/tree/a/b')))
print(sorted(os.listdir('/data/tree/a')))
"""],
        [(harness.MOUNT, server.url()),
         (f"{harness.MOUNT}/tree/a/b", server.url())])
    top = sorted(os.listdir(directory))
    middle = sorted(os.listdir(f"{directory}/tree/a"))
    harness.check(out.stdout.decode() == f"x x\n{top}\n{middle}\n", str(out))


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with harness.export(populate) as (directory, server):
        cases = [(name, functools.partial(compare, argv, directory, server))
                 for name, argv in COMMANDS]
        special = [("ls / shows the mount", ls_root),
                   ("cp -r out of the export", cp_out),
                   ("an absolute link resolves in the program's name space",
                    absolute_link_inside),
                   ("a relative link leads out of the mount",
                    relative_link_outside),
                   ("a host symlink leads into the mount",
                    host_link_into_mount),
                   ("/mount/.. is the host's parent", parent_of_mount),
                   ("mounts nest", nested_mounts)]
        cases += [(name, functools.partial(function, directory, server))
                  for name, function in special]
        return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
