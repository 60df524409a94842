#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Unmodified programs that write, on an NFS export that the host does not mount.

Each runs under rumpkit in a directory of the export and natively in one beside
it that was filled in the same way; afterwards output, standard error, exit
status and the two trees, looked at on the server's side, must be equal.
"""
import functools
import gzip
import hashlib
import os
import random
import stat
import subprocess
import sys

import harness

PY = "/usr/bin/python3"


def write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def populate(top):
    rng = random.Random(3)
    blob = rng.randbytes(70000)
    write(f"{top}/text", b"".join(b"line %d of the text\n" % i
                                  for i in range(3000)))
    write(f"{top}/other", b"".join(b"line %d of the text\n" % i
                                   for i in range(2990)) + b"changed\n")
    write(f"{top}/numbers", b"".join(b"%d\n" % rng.randrange(10**6)
                                     for _ in range(20000)))
    write(f"{top}/blob", blob * 40 + b"tail")
    write(f"{top}/empty", b"")
    write(f"{top}/locked", b"may be read\n", 0o444)
    write(f"{top}/script", b"#!/bin/sh\necho run\n", 0o755)
    os.makedirs(f"{top}/tree/a/b")
    os.mkdir(f"{top}/tree/void")
    for d in ("tree", "tree/a", "tree/a/b"):
        for i in range(12):
            write(f"{top}/{d}/f{i}", b"%d in %s\n" % (i, d.encode()) * i * 40)
    os.symlink("f1", f"{top}/tree/link")
    os.symlink("nowhere", f"{top}/tree/dangling")
    os.link(f"{top}/tree/f2", f"{top}/tree/a/hard")
    write(f"{top}/main.c", b"""
#include <stdio.h>
#include <string.h>
static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int main(int argc, char **argv)
{
	printf("%d %zu\\n", fib(argc + 10), strlen(argv[0]));
	return 0;
}
""")
    for d, dirs, files in os.walk(top):
        for n in dirs + files:
            os.utime(f"{d}/{n}", (1700000000, 1700000100),
                     follow_symlinks=False)
    subprocess.run(["tar", "-C", f"{top}/tree", "-cf", f"{top}/tree.tar", "."],
                   check=True)
    with open(f"{top}/edit.patch", "wb") as f:
        subprocess.run(["diff", "-u", "text", "other"], cwd=top, stdout=f,
                       check=False)
    with open(f"{top}/packed.gz", "wb") as f:
        f.write(gzip.compress(blob, mtime=0))
    for n in ("tree.tar", "edit.patch", "packed.gz"):
        os.utime(f"{top}/{n}", (1700000000, 1700000100))


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def snapshot(top, times):
    """What the tree is: name -> facts; hard links by their common names."""
    out, inodes = {}, {}
    for d, dirs, files in os.walk(top):
        for name in dirs + files:
            path = f"{d}/{name}"
            st = os.lstat(path)
            rel = os.path.relpath(path, top)
            facts = [stat.filemode(st.st_mode), st.st_uid, st.st_gid]
            if stat.S_ISLNK(st.st_mode):
                facts.append(os.readlink(path))
            elif stat.S_ISREG(st.st_mode):
                facts += [st.st_size, digest(path)]
                inodes.setdefault(st.st_ino, set()).add(rel)
            # FSAL_VFS accepts times for symbolic links and ignores them.
            if times and not stat.S_ISDIR(st.st_mode) and \
                    not stat.S_ISLNK(st.st_mode):
                facts.append(int(st.st_mtime))
            out[rel] = facts
    for names in inodes.values():
        for name in names:
            out[name].append(sorted(names))
    return out


# (name, command for the shell's own process or an argument vector, times
# matter).  The working directory is the case's.
SQL = """
pragma journal_mode={mode};
create table t (id integer primary key, k text, v blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
 insert into t select i, 'key ' || i, zeroblob(i % 700) from n;
create index k on t (k);
begin; update t set v = 'x' where id % 3 = 0; commit;
begin; delete from t where id < 500; rollback;
delete from t where id % 5 = 0;
pragma integrity_check; select count(*), sum(length(v)) from t;
{end}
"""
COMMANDS = [
    ("cp", ["cp", "blob", "copy"], False),
    ("cp over a file", ["cp", "blob", "text"], False),
    ("cp -r", ["cp", "-r", "tree", "copy"], False),
    ("cp -a", ["cp", "-a", "tree", "copy"], True),
    ("cp from the host", ["cp", "-rp", "/usr/share/common-licenses", "copy"],
     True),
    ("cp over a read-only file", ["cp", "text", "locked"], False),
    ("mv", ["mv", "tree", "moved"], True),
    ("mv over a file", ["mv", "-f", "text", "other"], True),
    ("mv of several", ["mv", "text", "blob", "tree/void"], True),
    ("mv into itself", ["mv", "tree", "tree/a"], True),
    ("rm -r", ["rm", "-r", "tree"], False),
    ("rm of a missing file", ["rm", "missing"], False),
    ("rm -rf of all", ["bash", "-c", "exec rm -rf *"], False),
    ("rmdir", ["rmdir", "tree/void"], False),
    ("rmdir of a full directory", ["rmdir", "tree"], False),
    ("mkdir -p", ["mkdir", "-p", "-m", "750", "x/y/z"], False),
    ("mkdir twice", ["mkdir", "tree"], False),
    ("touch", ["touch", "new", "empty"], False),
    ("touch -d", ["touch", "-d", "2001-02-03 04:05:06.789", "new", "empty"],
     True),
    ("touch -h of a link", ["touch", "-h", "-d", "2001-02-03", "tree/link"],
     True),
    ("touch -h of a file", ["touch", "-h", "-d", "2001-02-03", "text"], True),
    ("ln -s", ["ln", "-s", "text", "soft"], False),
    ("ln", ["ln", "text", "hard"], False),
    ("ln over an existing name", ["ln", "text", "blob"], False),
    ("ln -f", ["ln", "-f", "text", "blob"], False),
    ("chmod", ["chmod", "-R", "u=rwX,g=rX,o=", "tree"], False),
    ("chmod u+s", ["chmod", "u+s,g+s", "script"], False),
    ("mkfifo", ["mkfifo", "-m", "640", "pipe"], False),
    ("mknod without the right", ["mknod", "null", "c", "1", "3"], False),
    ("truncate shorter", ["truncate", "-s", "12345", "blob"], False),
    ("truncate longer", ["truncate", "-s", "1234567", "text"], False),
    ("truncate to nothing", ["truncate", "-s", "0", "blob"], False),
    ("dd", ["dd", "if=blob", "of=copy", "bs=4097", "status=none"], False),
    ("dd conv=notrunc", ["dd", "if=text", "of=blob", "bs=777", "seek=13",
                         "conv=notrunc", "status=none"], False),
    ("dd conv=fsync oflag=append", ["dd", "if=text", "of=other", "bs=1000",
                                    "oflag=append", "conv=notrunc,fsync",
                                    "status=none"], False),
    ("dd with holes", ["dd", "if=blob", "of=holes", "bs=1000", "seek=5000",
                       "count=3", "conv=sparse,fdatasync", "status=none"],
     False),
    ("dd by single bytes", ["dd", "if=locked", "of=copy", "bs=1",
                            "status=none"], False),
    ("tar xf", ["tar", "-xf", "tree.tar", "-C", "tree/void"], True),
    ("tar cf", ["tar", "--sort=name", "-cf", "made.tar", "tree", "text"],
     False),
    ("tar rf", ["tar", "-rf", "tree.tar", "text"], False),
    ("cpio -i", ["cpio", "-idm", "--quiet", "-F", "tree.tar"], True),
    ("zip", ["zip", "-qrX", "made.zip", "tree", "blob"], False),
    ("gzip", ["gzip", "blob"], True),
    ("gzip -d", ["gzip", "-d", "packed.gz"], True),
    ("xz", ["xz", "-T2", "blob"], True),
    ("sort -o", ["sort", "-n", "-o", "numbers", "numbers"], False),
    ("sort with temporary files", ["sort", "-S", "100k", "-T", ".", "-o",
                                   "sorted", "numbers"], False),
    ("split", ["split", "-b", "100000", "blob", "part."], False),
    ("patch", ["patch", "-s", "text", "edit.patch"], False),
    ("patch with a backup", ["patch", "-b", "-i", "edit.patch"], False),
    ("shuf and tee", ["tee", "one", "two"], False),
    ("install", ["install", "-m", "711", "script", "installed"], False),
    ("shred", ["shred", "-n", "1", "-u", "text"], False),
    ("sed -i", ["sed", "-i", "s/line/LINE/", "text"], False),
    ("ed", ["bash", "-c", "exec ed -s text <<< $'5d\\n$a\\nend\\n.\\nw\\nq'"],
     None),
    ("vim -es", ["vim", "-es", "-u", "NONE", "-c", "set viminfo=", "-c",
                 "%s/of the/OF THE/", "-c", "wq", "text"], False),
    ("perl -i", ["perl", "-pi.bak", "-e", "s/text/TEXT/", "text"], False),
    ("cc1", ["{cc1}", "-quiet", "-O2", "main.c", "-o", "main.s"], False),
    ("as", ["bash", "-c", "printf 'x: .long 1\\n' > x.s; exec as x.s -o x.o"],
     False),
    ("ar", ["ar", "rcD", "lib.a", "text", "other"], False),
    ("shell redirections", ["bash", "-c", """
echo one > out; echo two >> out; printf '%s\\n' {1..2000} > many
exec 3<> other; read -r line <&3; echo "over" >&3; exec 3>&-
: > empty; echo x >| locked; set -C; echo y > out
while read -r n; do echo "$n"; done < numbers > again
echo done >&2; exec 5> fd5; echo five >&5; exec 5>&-
umask 077; echo private > private; umask 0; echo all > all; cat /dev/null
"""], False),
    ("sqlite3 with a rollback journal", [
        "sqlite3", "db", SQL.format(mode="delete", end="vacuum;")], False),
    ("sqlite3 with a write-ahead log", [
        "sqlite3", "db", SQL.format(mode="wal", end="vacuum;")], None),
    ("sqlite3 truncating its journal", [
        "sqlite3", "db", SQL.format(mode="truncate", end="")], False),
    ("python3 files", [PY, "-c", """
import os
with open('f', 'w+b') as f:
    f.write(b'a' * 100000); f.seek(50); f.write(b'B' * 7)
    f.seek(200000); f.write(b'end'); f.flush(); print(f.tell())
    f.seek(40); print(f.read(30)); f.truncate(150000); print(f.seek(0, 2))
    f.seek(120000); print(f.read(5)); os.fsync(f.fileno())
    os.pwrite(f.fileno(), b'xyz', 149998); print(os.fstat(f.fileno()).st_size)
a = open('f', 'ab'); b = open('f', 'ab')
for i in range(50):
    a.write(b'A%d' % i); a.flush(); b.write(b'B%d' % i); b.flush()
print(a.tell(), b.tell()); a.close(); b.close()
os.rename('f', 'g'); os.replace('g', 'text'); print(os.path.getsize('text'))
fd = os.open('x', os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
try: os.open('x', os.O_CREAT | os.O_EXCL | os.O_RDWR)
except FileExistsError as e: print(e)
os.unlink('x'); os.write(fd, b'nameless'); print(os.pread(fd, 20, 0))
print(os.fstat(fd).st_nlink); os.close(fd); print(sorted(os.listdir()))
os.writev(os.open('v', os.O_CREAT | os.O_WRONLY), [b'a' * 10, b'', b'b' * 9])
print(os.statvfs('v').f_namemax, os.access('v', os.W_OK))
"""], False),
    ("python3 shutil", [PY, "-c", """
import shutil, os
shutil.copytree('tree', 'copy', symlinks=True); shutil.move('copy', 'moved')
shutil.copyfile('blob', 'b2'); shutil.copy2('text', 't2')
shutil.rmtree('moved/a'); shutil.make_archive('arch', 'tar', 'tree')
print(sorted(os.listdir('moved')), shutil.disk_usage('.').total > 0)
os.unlink('arch.tar')
"""], False),
    ("python3 tempfile", [PY, "-c", """
import tempfile, os
with tempfile.TemporaryDirectory(dir='.') as d:
    with tempfile.NamedTemporaryFile(dir=d) as f:
        f.write(b'x' * 9999); f.flush(); print(os.path.getsize(f.name))
    with tempfile.TemporaryFile(dir=d) as f:
        f.write(b'y' * 9999); f.seek(0); print(len(f.read()))
    with tempfile.SpooledTemporaryFile(100, dir=d) as f:
        f.write(b'z' * 9999); f.seek(9990); print(f.read())
    print(os.listdir(d))
"""], False),
    ("python3 zipfile", [PY, "-c", """
import zipfile
with zipfile.ZipFile('z.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    z.write('blob'); z.writestr('n/m', 'x' * 5000)
with zipfile.ZipFile('z.zip', 'a') as z: z.writestr('later', 'y')
with zipfile.ZipFile('z.zip') as z: print(z.testzip(), z.namelist())
import os; os.unlink('z.zip')
"""], False),
    ("python3 shelve", [PY, "-c", """
import shelve
with shelve.open('s') as s:
    for i in range(300): s[str(i)] = list(range(i))
with shelve.open('s', writeback=True) as s:
    s['5'].append('more'); del s['7']
with shelve.open('s') as s: print(len(s), s['5'], sum(map(len, s.values())))
import glob, os
[os.unlink(n) for n in glob.glob('s*') if n != 'script']
"""], False),
    ("python3 mmap", [PY, "-c", """
import mmap, os
with open('blob', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:
    m[10:20] = b'0123456789'; print(os.pread(f.fileno(), 12, 9))
    os.pwrite(f.fileno(), b'written', 5000); print(m[4999:5008])
    m[len(m) - 3:] = b'END'; m.flush(); m[70000] = 7
    print(m.find(b'END'), len(m)); m.move(100, 10, 10)
with open('new', 'w+b') as f:
    f.truncate(300000)
    with mmap.mmap(f.fileno(), 300000) as m:
        for i in range(0, 300000, 4096): m[i] = i // 4096 % 256
        m.resize(400000); m[399999] = 1
    print(os.fstat(f.fileno()).st_size)
with open('text', 'r+b') as f, mmap.mmap(f.fileno(), 0,
        access=mmap.ACCESS_COPY) as m:
    m[0:5] = b'COPY!'; print(m[0:8], f.read(5))
"""], False),
    ("python3 sendfile and copy_file_range", [PY, "-c", """
import os
a = os.open('blob', os.O_RDONLY); b = os.open('c1', os.O_CREAT | os.O_RDWR)
n = 0
while k := os.sendfile(b, a, n, 1 << 20): n += k
print(n); c = os.open('c2', os.O_CREAT | os.O_RDWR); n = 0
try:
    while k := os.copy_file_range(a, c, 1 << 20, n, n): n += k
    print(n)
except OSError as e: print(e)
"""], False),
    ("python3 locks", [PY, "-c", """
import fcntl, os
f = open('text', 'r+'); g = open('text', 'r+')
fcntl.flock(f, fcntl.LOCK_EX)
try: fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError as e: print(e)
fcntl.flock(f, fcntl.LOCK_UN); fcntl.flock(g, fcntl.LOCK_SH | fcntl.LOCK_NB)
fcntl.lockf(f, fcntl.LOCK_EX, 10, 5); fcntl.lockf(g, fcntl.LOCK_EX, 10, 5)
print('locked')
"""], False),
    ("python3 dirfd functions", [PY, "-c", """
import os
d = os.open('tree', os.O_RDONLY)
os.mkdir('new', dir_fd=d); os.rename('f1', 'new/g1', src_dir_fd=d, dst_dir_fd=d)
os.symlink('x', 'new/s', dir_fd=d); os.unlink('f3', dir_fd=d)
os.link('f4', 'new/f4', src_dir_fd=d, dst_dir_fd=d); os.rmdir('void', dir_fd=d)
os.mkfifo('fifo', dir_fd=d); os.chmod('f5', 0o611, dir_fd=d)
os.utime('f6', (1, 2), dir_fd=d); print(os.stat('f6', dir_fd=d).st_mtime)
os.utime('f6', ns=(10**18 + 5, 10**18 + 7), dir_fd=d)
print(os.stat('f6', dir_fd=d).st_mtime_ns)
os.truncate('tree/f7', 3); os.chdir(d); os.replace('f8', 'a/f8')
f = os.open('f9', os.O_WRONLY | os.O_TRUNC, dir_fd=d); os.write(f, b'9')
os.ftruncate(f, 100); os.fchmod(f, 0o640); os.fchown(f, -1, -1)
os.removedirs('nothing') if os.path.exists('nothing') else print(os.getcwd()[-4:])
try: os.setxattr('f9', 'user.x', b'1'); os.removexattr('f9', 'user.x')
except OSError as e: assert e.errno == 95, e
"""], None),
    ("python3 writes on 8 threads", [PY, "-c", """
import threading, os
f = os.open('shared', os.O_CREAT | os.O_RDWR)
def work(k):
    for i in range(100):
        os.pwrite(f, bytes([k]) * 1000, (i * 8 + k) * 1000)
    with open(f'own{k}', 'wb') as g:
        for i in range(200): g.write(b'%d %d\\n' % (k, i)); g.flush()
t = [threading.Thread(target=work, args=(k,)) for k in range(8)]
[x.start() for x in t]; [x.join() for x in t]
os.fsync(f); print(os.fstat(f).st_size)
"""], False),
    ("python3 changes names while signals come", [PY, "-c", """
import os, signal
signal.signal(signal.SIGALRM, lambda *a: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for i in range(300):
    os.mkdir(f'd{i}'); os.rename(f'd{i}', f'e{i}'); os.rmdir(f'e{i}')
    fd = os.open(f'f{i}', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    os.write(fd, b'x'); os.close(fd)
    os.link(f'f{i}', f'g{i}'); os.unlink(f'f{i}')
signal.setitimer(signal.ITIMER_REAL, 0)
print(len(os.listdir('.')))
"""], False),
    ("python3 makes and removes 2000 files", [PY, "-c", """
import os
os.mkdir('many')
for i in range(2000):
    with open(f'many/{i}', 'w') as f: f.write(str(i))
print(len(os.listdir('many')), sum(os.stat(f'many/{i}').st_size
      for i in range(2000)))
for i in range(0, 2000, 2): os.unlink(f'many/{i}')
for e in os.scandir('many'):
    if e.name.endswith('5'): os.rename(e.path, e.path + 'r')
"""], False),
]


def own(top):
    if os.geteuid() == 0:
        subprocess.run(["chown", "-hR", f"{harness.NOBODY}:{harness.NOBODY}",
                        top], check=True)


def make_pair(exported, beside, name):
    """The case's directory in both places, equal."""
    here = f"{exported}/{name}"
    there = f"{beside}/{name}"
    for d in (here, there):
        os.mkdir(d)
        populate(d)
        own(d)
    return here, there


def known(directory, times):
    """Archives have times and inode numbers of their own in them."""
    out = snapshot(directory, bool(times))
    for name, facts in out.items():
        if name.endswith((".gz", ".tar", ".zip")) and len(facts) > 4:
            facts[3] = facts[4] = "archive"
    return out


def compare(command, times, number, exported, beside, server):
    name = f"case{number}"
    here, there = make_pair(exported, beside, name)
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], text=True,
                         capture_output=True, check=True).stdout.strip()
    argv = [a.replace("{cc1}", cc1) for a in command]
    base = ["env", "-C"]
    hijacked = harness.rumpkit(["bash", "-c", 'cd "$0" && exec "$@"',
                                f"{harness.MOUNT}/{name}", *argv],
                               [(harness.MOUNT, server.url())])
    plain = harness.native([*base, there, *argv])
    harness.same(hijacked, plain, beside)
    got, want = known(here, times), known(there, times)
    lost = {k: v for k, v in want.items() if got.get(k) != v}
    more = {k: v for k, v in got.items() if want.get(k) != v}
    harness.check(not lost and not more,
                  f"the trees differ\n--- native\n{lost}\n--- export\n{more}")


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    os.umask(0o022)

    def prepare(directory):
        os.chmod(directory, 0o755)
    with harness.export(prepare) as (directory, server), \
            harness.scratch() as beside:
        cases = [(name, functools.partial(compare, command, times, number,
                                          directory, beside, server))
                 for number, (name, command, times) in enumerate(COMMANDS)]
        return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
