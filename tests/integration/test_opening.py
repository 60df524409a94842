#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""O_PATH, openat2(2), renameat2(2), locks of open files, cloning ioctls.

One program does a list of calls on a mount and, natively, on the exported
directory; what it prints has to be the same.  Where the file system is asked for
what NFS has not, the answers of a Linux NFS mount are written down here.
"""
import os
import subprocess

import harness

PY = "/usr/bin/python3"

PRELUDE = """
import ctypes, errno, fcntl, os, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
top = sys.argv[1]
def call(nr, *args):
    r = libc.syscall(nr, *[a if isinstance(a, bytes) else ctypes.c_long(a)
                           for a in args])
    return r if r >= 0 else -ctypes.get_errno()
def name(r):
    return errno.errorcode[-r] if r < 0 else "ok"
"""

NAMES = PRELUDE + """
os.umask(0)
for p in ("fifo", "secret", "locked", "link", "tolink", "file", "dir",
          "broken", "missing", "fifo/", "deep/up"):
    for flags in (0, os.O_NOFOLLOW, os.O_DIRECTORY,
                  os.O_NOFOLLOW | os.O_DIRECTORY):
        try:
            fd = os.open(f"{top}/{p}", os.O_PATH | flags)
        except OSError as e:
            print(p, flags, errno.errorcode[e.errno])
            continue
        st = os.fstat(fd)
        print(p, flags, stat.filemode(st.st_mode), st.st_size
              if stat.S_ISREG(st.st_mode) else "")
        for f in (lambda: os.read(fd, 1), lambda: os.fchmod(fd, 0o600)):
            try:
                f()
            except OSError as e:
                print(errno.errorcode[e.errno])
        os.close(fd)
for p in "fifo", "secret", "file", "dir":
    fd = os.open(f"{top}/{p}", os.O_PATH | os.O_NOFOLLOW)
    os.chmod(f"/proc/self/fd/{fd}", 0o751)
    os.utime(f"/proc/self/fd/{fd}", (10**9, 10**9))
    st = os.lstat(f"{top}/{p}")
    print(p, stat.filemode(st.st_mode), int(st.st_mtime))
os.mkfifo(f"{top}/made", 0o640)
os.chmod(f"{top}/made", 0o604)
print(stat.filemode(os.stat(f"{top}/made").st_mode))
print(libc.fchmodat(-100, f"{top}/made".encode(), 0o611, 0x100))
print(stat.filemode(os.stat(f"{top}/made").st_mode))
"""

OPENAT2 = PRELUDE + """
XDEV, MAGIC, SYMLINKS, BENEATH, ROOT, CACHED = 1, 2, 4, 8, 16, 32
start = os.open(top, os.O_PATH)
below = os.open(top + "/deep", os.O_RDONLY | os.O_DIRECTORY)
def openat2(dirfd, path, resolve, flags=0, mode=0):
    how = struct.pack("QQQ", flags, mode, resolve)
    return call(437, dirfd, path.encode(), how, len(how))
def show(label, r):
    if r < 0:
        print(label, name(r))
        return
    st = os.fstat(r)
    where = "" if stat.S_ISLNK(st.st_mode) else \
        os.readlink(f"/proc/self/fd/{r}")
    print(label, stat.filemode(st.st_mode), where)
    os.close(r)
PATHS = ["file", "dir/inner", "dir/../file", "..", "../file", "deep/../..",
         "/file", "/", "", ".", "dir/", "file/", "link", "tolink", "broken",
         "deep/up", "deep/away", "deep/down/../x", "missing/x", "dir/./inner",
         "deep/up/dir/inner", "absolute", "absolute/", "loop", "dirlink/inner",
         "dirlink/", "dirlink/../file", "/deep/up", "//dir//inner",
         "dir/../../../file"]
for resolve in BENEATH, ROOT, SYMLINKS, BENEATH | SYMLINKS, ROOT | XDEV, \\
        BENEATH | MAGIC:
    for path in PATHS:
        if path[:1] == "/" and resolve == SYMLINKS:
            continue
        if resolve == SYMLINKS and path in ("deep/../..", "dir/../../../file",
                                            "..", "../file"):
            continue
        for flags in 0, os.O_PATH | os.O_NOFOLLOW, os.O_DIRECTORY:
            show((resolve, path, flags),
                 openat2(start, path, resolve, flags))
for path in "x", "../file", "up", "/x", "down/../../x", "away":
    for resolve in BENEATH, ROOT:
        show((resolve, path), openat2(below, path, resolve))
os.chdir(top)
for path in "file", "../file", "deep/up":
    show(path, openat2(-100, path, BENEATH))
    if path != "../file":
        show(path, openat2(-100, path, XDEV))
os.umask(0)
show("create", openat2(start, "dir/new", BENEATH, os.O_CREAT | os.O_RDWR,
                       0o640))
show("create", openat2(start, "dir/new", ROOT, os.O_CREAT | os.O_EXCL, 0o600))
show("create", openat2(start, "broken", ROOT, os.O_CREAT | os.O_RDWR, 0o600))
show("create", openat2(start, "link", ROOT, os.O_CREAT | os.O_EXCL, 0o600))
show("create", openat2(start, "dir/", ROOT, os.O_CREAT | os.O_RDWR, 0o600))
show("bad", openat2(start, "file", 64))
show("bad", openat2(start, "file", BENEATH | ROOT))
show("bad", openat2(start, "file", BENEATH, 1 << 40))
show("magic", openat2(-100, f"/proc/self/fd/{start}/file", MAGIC))
show("magic", openat2(-100, f"/proc/self/fd/{start}", SYMLINKS))
"""

LOCKS = PRELUDE + """
import threading
GET, SET, WAIT = fcntl.F_OFD_GETLK, fcntl.F_OFD_SETLK, fcntl.F_OFD_SETLKW
def lock(fd, cmd, kind, start, length, pid=0):
    try:
        b = fcntl.fcntl(fd, cmd, struct.pack("hhqqi4x", kind, 0, start, length,
                                             pid))
        return struct.unpack("hhqqi4x", b) if cmd in (GET, fcntl.F_GETLK) \\
            else "ok"
    except OSError as e:
        return errno.errorcode[e.errno]
R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
a, b = (os.open(top + "/file", os.O_RDWR) for _ in range(2))
c = os.dup(a)
r = os.open(top + "/file", os.O_RDONLY)
print(lock(a, SET, W, 0, 10), lock(b, SET, R, 5, 1), lock(c, SET, W, 3, 4))
print(lock(b, GET, W, 0, 100), lock(a, GET, W, 0, 100))
print(lock(b, SET, W, 10, 0), lock(a, SET, R, 9, 2), lock(a, SET, U, 2, 2))
print(lock(b, SET, R, 2, 2), lock(r, SET, W, 100, 1), lock(r, SET, R, 3, 1))
print(lock(a, SET, W, 0, 1, 7), lock(a, SET, 9, 0, 1))
print(lock(b, fcntl.F_SETLK, W, 0, 1), lock(b, fcntl.F_GETLK, W, 0, 1))
print(lock(r, GET, W, 0, 1)[4])
fcntl.flock(a, fcntl.LOCK_EX)
os.close(a)
print(lock(b, GET, W, 0, 1)[0] == W)
waiting = threading.Thread(target=lambda: print(lock(b, WAIT, W, 0, 0)))
waiting.start()
os.close(r)
os.close(c)
waiting.join()
fcntl.flock(b, fcntl.LOCK_EX | fcntl.LOCK_NB)
print(lock(b, SET, U, 0, 0))
d, other = os.dup(b), os.open(top + "/file", os.O_RDWR)
print(lock(b, fcntl.F_SETLK, W, 0, 0), lock(other, GET, W, 0, 0)[0])
os.close(d)
print(lock(other, GET, W, 0, 0)[0] == U)
print(lock(b, fcntl.F_SETLK, W, 0, 0), lock(other, GET, W, 0, 0)[0])
os.dup2(host := os.open("/dev/null", os.O_RDONLY), b)
print(lock(other, GET, W, 0, 0)[0] == U)
"""

# Closes one of two descriptors, and waits to be looked at.
DUPLICATE = PRELUDE + """
fd = os.open(top + "/file", os.O_WRONLY)
os.write(fd, b"x" * 100000)
other = os.dup(fd)
if sys.argv[2] == "close":
    os.close(other)
else:
    os.dup2(0, other)
print("closed", flush=True)
input()
"""

# Linux answers these before NFS is asked, or for it.
UNSUPPORTED = PRELUDE + """
AT = -100
def rename(a, b, flags):
    return name(call(316, AT, f"{top}/{a}".encode(), AT, f"{top}/{b}".encode(),
                     flags))
print(rename("file", "dir", 1), rename("missing", "new", 1),
      rename("missing", "file", 2), rename("file", "missing", 2),
      rename("file", "new", 1), rename("file", "dir/inner", 2),
      rename("file", "new", 8), rename("file", "new", 3))
def ioctl(fd, request, arg):
    try:
        return fcntl.ioctl(fd, request, arg)
    except OSError as e:
        return errno.errorcode[e.errno]
fd, other = os.open(top + "/file", os.O_RDWR), os.open(top + "/other",
                                                       os.O_RDWR)
host, dirfd = os.open("/etc/passwd", os.O_RDONLY), os.open(top, os.O_RDONLY)
print(ioctl(fd, 0x40049409, other), ioctl(fd, 0x40049409, host),
      ioctl(fd, 0x40049409, 9999), ioctl(dirfd, 0x40049409, other))
print(ioctl(fd, 0x4020940d, struct.pack("qQQQ", other, 0, 0, 0)),
      ioctl(fd, 0x80086601, bytes(8)))
"""
ANSWERS = """EEXIST ENOENT ENOENT ENOENT EINVAL EINVAL EINVAL EINVAL
ENOTSUP EXDEV EBADF EISDIR
ENOTSUP ENOTTY
"""


def populate(top):
    os.chmod(top, 0o777)

    def write(name, mode=0o644):
        with open(f"{top}/{name}", "w", encoding="ascii") as f:
            f.write(name)
        os.chmod(f"{top}/{name}", mode)
        os.chown(f"{top}/{name}", harness.NOBODY, harness.NOBODY)
    for d in "dir", "deep", "deep/down", "locked":
        os.mkdir(f"{top}/{d}")
        os.chown(f"{top}/{d}", harness.NOBODY, harness.NOBODY)
    for name in "file", "other", "dir/inner", "deep/x":
        write(name)
    write("secret", 0)
    os.mkfifo(f"{top}/fifo")
    os.chown(f"{top}/fifo", harness.NOBODY, harness.NOBODY)
    for name, target in (("link", "file"), ("tolink", "link"),
                         ("broken", "nowhere"), ("deep/up", "../"),
                         ("deep/away", "../../x"), ("absolute", "/dir"),
                         ("loop", "loop"), ("dirlink", "dir")):
        os.symlink(target, f"{top}/{name}")
    os.chmod(f"{top}/locked", 0)


def compare(code):
    with harness.export(populate) as (_, server):
        argv = [PY, "-c", code, harness.MOUNT]
        hijacked = harness.rumpkit(argv, [(harness.MOUNT, server.url())])
    # A second time, since the first has made and changed files.
    with harness.scratch() as top:
        os.mkdir(f"{top}/export")
        os.chmod(f"{top}/export", 0o755)
        populate(f"{top}/export")
        plain = harness.native([PY, "-c", code, f"{top}/export"])
        harness.same(hijacked, plain, f"{top}/export")


def unsupported():
    with harness.export(populate) as (_, server):
        r = harness.rumpkit([PY, "-c", UNSUPPORTED, harness.MOUNT],
                            [(harness.MOUNT, server.url())])
    harness.check(r.stdout.decode() == ANSWERS and r.returncode == 0, r)


def duplicate():
    with harness.export(populate) as (directory, server):
        mounts = [(harness.MOUNT, server.url())]
        for way in "close", "replace":
            os.truncate(f"{directory}/file", 0)
            with subprocess.Popen(
                    harness.rumpkit_argv([PY, "-c", DUPLICATE, harness.MOUNT,
                                          way], mounts),
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                    env=harness.clean_env(), cwd="/") as p:
                said = p.stdout.readline()
                size = os.path.getsize(f"{directory}/file")
                p.communicate("\n")
            harness.check((said, size, p.returncode) ==
                          ("closed\n", 100000, 0), (way, said, size))


if __name__ == "__main__":
    raise SystemExit(harness.run([
        ("O_PATH of every kind of file", lambda: compare(NAMES)),
        ("openat2 keeps to its restrictions", lambda: compare(OPENAT2)),
        ("locks of open files", lambda: compare(LOCKS)),
        ("closing a duplicate saves what was written", duplicate),
        ("what NFS has not is refused as on Linux", unsupported),
    ]))
