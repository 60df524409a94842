#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the host ends and the mount begins: working directories and exec,
names of descriptors, missing parents of a mount point, calls with two paths."""
import functools
import os
import re
import sys

import harness

PY = "/usr/bin/python3"
DATA = b"a line of the file\n"


def populate(top):
    os.makedirs(f"{top}/dir/sub")
    for name in ("file", "dir/file", "dir/sub/file", "hostname"):
        with open(f"{top}/{name}", "wb") as f:
            f.write(DATA)
    os.symlink("file", f"{top}/link")


def python(text, server, mounts=None, **kw):
    """Run a program that prints what it finds; return its lines."""
    out = harness.rumpkit([PY, "-c", text],
                          mounts or [(harness.MOUNT, server.url())], **kw)
    harness.check(out.returncode == 0, f"{out.stdout} {out.stderr.decode()}")
    return out.stdout.decode().splitlines()


def shell(text, server, options=()):
    return harness.rumpkit(["sh", "-c", text],
                           [(harness.MOUNT, server.url())], options)


def expect(lines, *wanted):
    harness.check(lines == list(wanted), f"{lines}, not {list(wanted)}")


def summary_without_stderr(_, server):
    out = harness.rumpkit(["ls", "/data"], [("/data", server.url())],
                          ["--summary"])
    harness.check(b"summary: " in out.stderr, out.stderr.decode())


def trace_without_stderr(_, server):
    out = harness.rumpkit(
        [PY, "-c", "import os; os.close(2); os.stat('/data/file')"],
        [("/data", server.url())], ["--trace"])
    harness.check(re.search(rb"/data/file.*<rump:/data>", out.stderr),
                  out.stderr.decode())


def trace_of_bad_pointers(_, server):
    lines = harness.rumpkit([PY, "-c", """
import ctypes, os
c = ctypes.CDLL(None, use_errno=True).syscall
fd = os.open('/data/file', os.O_RDONLY)
for nr in (0, 2, 4, 5, 16, 17, 19, 42, 44, 46, 82, 89, 217, 257, 262, 332, 437):
    print(nr, c(nr, fd, 8, 8, 8, 8, 8), c(nr, 8, 8, -1, 8, -1, 8))
"""], [("/data", server.url())], ["--trace"])
    harness.check(lines.returncode == 0, str(lines))
    harness.check(b"readv(" in lines.stderr, lines.stderr.decode())


def exec_keeps_directory(_, server):
    out = shell("cd /data/dir && exec cat sub/file", server)
    harness.check(out.stdout == DATA and out.stderr == b"", str(out))


def exec_finds_directory(_, server):
    out = shell("cd /data/dir/sub && exec sh -c 'cd .. && exec python3 -c "
                "\"import os; print(os.getcwd(), sorted(os.listdir()))\"'",
                server)
    harness.check(out.stdout == b"/data/dir ['file', 'sub']\n", str(out))


def exec_to_the_host(_, server):
    out = shell("cd /data/dir && cd /etc && exec cat hostname", server)
    with open("/etc/hostname", "rb") as f:
        harness.check(out.stdout == f.read(), str(out))


def child_does_not_fall_through(_, server):
    """The host's directory is /etc, and has a file of that name."""
    out = harness.rumpkit(["sh", "-c", "cd /data && cat hostname; echo $?"],
                          [("/data", server.url())], cwd="/etc")
    harness.check(out.stdout == b"1\n", str(out))
    harness.check(b"rump kernel is in" in out.stderr, out.stderr.decode())


def spawned_child_does_not_fall_through(_, server):
    lines = python("""
import os, subprocess
os.chdir('/data')
r = subprocess.run(['cat', 'hostname'], capture_output=True)
print(r.returncode, r.stdout, b'rump kernel is in' in r.stderr)
""", server, cwd="/etc")
    expect(lines, "1 b'' True")


def spawned_child_elsewhere(_, server):
    lines = python("""
import os, subprocess
os.chdir('/data')
for close in (True, False):
    r = subprocess.run(['cat', 'hostname'], capture_output=True, cwd='/etc',
                       close_fds=close)
    print(r.returncode, r.stdout == open('/etc/hostname', 'rb').read())
print(open('hostname').read(), end='')
""", server)
    expect(lines, "0 True", "0 True", DATA.decode().rstrip())


def socket_names_stay_off_the_host(_, server):
    lines = python("""
import errno, os, socket
s = socket.socket(socket.AF_UNIX)
os.chdir('/data/dir')
for call in (s.bind, s.connect):
    for name in ('sock', '/data/sock'):
        try: print(call(name))
        except OSError as e: print(errno.errorcode[e.errno])
""", server)
    # The export's directories are not the user's, and hold no socket.
    expect(lines, "EACCES", "EACCES", "ENOENT", "ENOENT")


def standard_input_by_name(_, server):
    for name in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-"):
        out = shell(f"exec < /data/file; read -r x; echo \"$x\"; . /dev/null; "
                    f"read -r x < {name} && echo \"$x\"", server)
        if name != "-":
            harness.check(out.stdout == DATA * 2, f"{name}: {out}")
    lines = python("""
import os
fd = os.open('/data/dir/sub/../file', os.O_RDONLY)
print(os.path.realpath(f'/proc/self/fd/{fd}'))
os.chdir('/data/dir'); fd = os.open('sub', os.O_RDONLY)
print(os.readlink(f'/dev/fd/{fd}'), os.listdir(f'/proc/self/fd/{fd}'))
print(os.statvfs(f'/proc/self/fd/{fd}/file').f_blocks ==
      os.statvfs('/data').f_blocks)
""", server)
    expect(lines, "/data/dir/file", "/data/dir/sub ['file']", "True")


def missing_parents(_, server):
    mounts = [("/r4a/b/c", server.url()), ("/r4a/b2", server.url()),
              ("/tmp/r4x/y", server.url())]
    lines = python("""
import os
print(os.listdir('/').count('r4a'), os.listdir('/tmp').count('r4x'))
print(sorted(os.listdir('/r4a')), os.listdir('/r4a/b'), os.listdir('/tmp/r4x'))
print(os.path.isdir('/r4a/b/c/dir'), os.path.exists('/r4a/b/x'))
print(os.path.exists('/r4a/../etc/passwd'), os.path.exists('/r4a/b/../b2/file'))
os.chdir('/r4a'); print(os.getcwd(), open('b/c/file').read(), end='')
os.chdir('..'); print(os.getcwd()); os.chdir('r4a/b'); print(os.getcwd())
os.chdir('c/dir'); print(os.getcwd()); os.chdir('../../../..'); print(os.getcwd())
d = os.open('/', os.O_RDONLY); print('r4a' in os.listdir(d))
print(open(os.open('r4a/b2/file', os.O_RDONLY, dir_fd=d)).read(), end='')
""", server, mounts)
    line = DATA.decode().rstrip()
    expect(lines, "1 1", "['b', 'b2'] ['c'] ['y']", "True False", "True True",
           f"/r4a {line}", "/", "/r4a/b", "/r4a/b/c/dir", "/", "True", line)


def positions_in_merged_listing(_, server):
    lines = python("""
import ctypes
c = ctypes.CDLL(None)
class Dirent(ctypes.Structure):
    _fields_ = [('ino', ctypes.c_ulong), ('off', ctypes.c_long),
                ('len', ctypes.c_ushort), ('type', ctypes.c_ubyte),
                ('name', ctypes.c_char * 256)]
c.opendir.restype = ctypes.c_void_p
c.readdir.restype = ctypes.POINTER(Dirent)
c.telldir.restype = ctypes.c_long
d = ctypes.c_void_p(c.opendir(b'/'))
def read():
    e = c.readdir(d)
    return e.contents.name if e else None
seen = []
while True:
    at = c.telldir(d); name = read()
    if name is None: break
    seen.append((at, name))
wrong = 0
for at, name in reversed(seen + [(at, None)]):
    c.seekdir(d, ctypes.c_long(at)); wrong += read() != name
c.rewinddir(d); n = 0
while read(): n += 1
print(wrong, n == len(seen), [n for a, n in seen].count(b'data'),
      [n for a, n in seen].count(b'other'))
""", server, [("/data", server.url()), ("/other", server.url())])
    expect(lines, "0 True 1 1")


def two_kernels(_, server):
    with harness.scratch() as d:
        os.symlink("/data/dir", f"{d}/in")
        with open(f"{d}/host", "wb") as f:
            f.write(b"x")
        os.chmod(f"{d}/host", 0o666)
        lines = python(f"""
import os, errno
def t(f, *a, **k):
    try: print(f.__name__, f(*a, **k))
    except OSError as e: print(f.__name__, errno.errorcode[e.errno])
t(os.rename, '{d}/host', '/data/x'); t(os.rename, '/data/file', '{d}/x')
t(os.rename, '{d}/in/file', '{d}/x'); t(os.link, '{d}/in/file', '{d}/x')
t(os.link, '{d}/host', '/data/x'); t(os.link, '/data/file', '{d}/x')
t(os.rename, '{d}/none', '/data/x'); t(os.getxattr, '{d}/in/file', 'user.x')
fd = os.open('/data/file', os.O_RDONLY); out = os.open('{d}/copy', os.O_CREAT | os.O_RDWR)
t(os.copy_file_range, fd, out, 10); t(os.copy_file_range, out, fd, 10)
t(os.sendfile, out, fd, 0, 10); t(os.sendfile, out, fd, 15, 10)
t(os.sendfile, fd, out, 0, 10)
""", server)
        expect(lines, "rename EXDEV", "rename EXDEV", "rename EXDEV",
               "link EXDEV", "link EXDEV", "link EXDEV", "rename EXDEV",
               "getxattr ENOTSUP", "copy_file_range 10",
               "copy_file_range EBADF", "sendfile 10", "sendfile 4",
               "sendfile EBADF")


def open_beneath(_, server):
    lines = python("""
import ctypes, os, struct
c = ctypes.CDLL(None, use_errno=True).syscall
def openat2(path, resolve, d=-100, flags=0):
    how = struct.pack('QQQ', flags, 0, resolve)
    r = c(437, d, path, how, len(how))
    return 'ok' if r >= 0 else os.strerror(ctypes.get_errno())
d = os.open('/data', os.O_RDONLY)
print(openat2(b'/data/file', 0), openat2(b'/data/none', 0))
print(openat2(b'/data/file', 2), openat2(b'file', 8, d))
e = os.open('/etc', os.O_RDONLY)
print(openat2(b'../data/file', 8, e), openat2(b'passwd', 8, e))
""", server)
    expect(lines, "ok No such file or directory",
           "ok ok", "Invalid cross-device link ok")


def own_directory_by_name(_, server):
    lines = python("""
import os
os.chdir('/data/dir')
print(os.readlink('/proc/self/cwd'), open('/proc/self/cwd/file').read(), end='')
print(sorted(os.listdir('/proc/self/cwd')), os.path.realpath('/proc/self/cwd/..'))
os.chdir('/etc')
print(os.readlink('/proc/self/cwd'))
""", server, cwd="/etc")
    expect(lines, f"/data/dir {DATA.decode().rstrip()}",
           "['file', 'sub'] /data", "/etc")


def programs_along_the_path(_, server):
    out = shell("PATH=/data/none:/data/dir:$PATH; exec env true", server)
    harness.check(out.returncode == 0 and out.stderr == b"", str(out))
    out = shell("exec /data/file", server)
    harness.check(out.returncode == 126 and b"Permission denied" in
                  out.stderr, str(out))


def mount_over_a_directory(_, server):
    with harness.scratch() as d:
        os.makedirs(f"{d}/m/dir")
        with open(f"{d}/m/dir/file", "wb") as f:
            f.write(b"the host's\n")
        os.symlink(f"{d}/m", f"{d}/in")
        os.symlink("m/dir/file", f"{d}/deep")
        lines = python(f"""
import os
os.chdir('{d}')
print(sorted(os.listdir('.')), sorted(os.listdir('m')))
for p in ('{d}/m/dir/file', 'm/dir/file', '{d}/in/dir/file', 'in/dir/file',
          'deep', './/m/../m/dir/file', 'in/../deep', 'm/../deep'):
    print(open(p).read(), end='')
print(os.lstat('in/').st_ino == os.stat('m').st_ino, os.path.islink('in'))
os.chdir('in/dir'); print(os.getcwd() == '{d}/m/dir', os.listdir('..'))
fd = os.open('{d}', os.O_RDONLY)
print(open(os.open('m/dir/file', os.O_RDONLY, dir_fd=fd)).read(), end='')
""", server, [(f"{d}/m", server.url())])
        line = DATA.decode().rstrip()
        top = ["dir", "file", "hostname", "link"]
        expect(lines, f"['deep', 'in', 'm'] {top}", *[line] * 8,
               "True True", f"True {lines[10][5:]}" if len(lines) > 10 else "", line)


def file_system(_, server):
    lines = python("""
import os
a, b = os.stat('/data/file'), os.stat('/')
print(a.st_dev != b.st_dev, os.major(a.st_dev), a.st_dev == os.stat('/data').st_dev)
print(os.stat('/data/..').st_ino == b.st_ino)
""", server)
    expect(lines, "True 4095 True", "True")
    out = shell("exec stat -f -c %T /data/file", server)
    harness.check(out.stdout == b"nfs\n", str(out))


def names_for_others_files(directory, server):
    """The host's rule holds; where a user goes by another number on the server,
    nobody here can tell what is his."""
    home = f"{directory}/home"
    os.mkdir(home)
    with open(f"{home}/sealed", "wb") as f:
        f.write(DATA)
    for path, mode in ((f"{home}/sealed", 0o444), (home, 0o777)):
        os.chown(path, 4321, 4321)
        os.chmod(path, mode)
    for number, (source, level, result) in enumerate((
            (server.url(), "1", "EPERM"), (server.url(), "0", "made"),
            (server.url("&uid=4321&gid=4321"), "1", "made"))):
        lines = python(f"""
import errno, os
try: os.link('/data/home/sealed', '/data/home/{number}'); print('made')
except OSError as e: print(errno.errorcode[e.errno])
""", None, [("/data", source)],
                       env=harness.clean_env(RUMP_PROTECTED_HARDLINKS=level))
        expect(lines, result)


CASES = [
    ("--summary of a program that closes standard error",
     summary_without_stderr),
    ("--trace of a program that closes standard error", trace_without_stderr),
    ("--trace with bad pointers", trace_of_bad_pointers),
    ("exec keeps the working directory", exec_keeps_directory),
    ("exec keeps the working directory twice", exec_finds_directory),
    ("exec from a directory of the host", exec_to_the_host),
    ("a child's relative paths do not fall through",
     child_does_not_fall_through),
    ("a spawned child's relative paths do not fall through",
     spawned_child_does_not_fall_through),
    ("a spawned child with a directory of its own", spawned_child_elsewhere),
    ("socket names stay off the host", socket_names_stay_off_the_host),
    ("names of standard input", standard_input_by_name),
    ("missing parents of mount points", missing_parents),
    ("positions in the listing of a mount's parent",
     positions_in_merged_listing),
    ("calls with two paths or descriptors", two_kernels),
    ("/proc/self/cwd", own_directory_by_name),
    ("programs along PATH", programs_along_the_path),
    ("a mount over a directory of the host", mount_over_a_directory),
    ("openat2", open_beneath),
    ("the file system's identity", file_system),
    ("names for files of others", names_for_others_files),
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
