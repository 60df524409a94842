#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tmpfs: as a file system of the host's, in one process and for trees of them.

Random calls are compared with the same calls on a directory of the host, and
programs with the same programs there.
"""
import os
import shutil
import subprocess
import sys

import harness
from harness import MOUNT, check

PY = "/usr/bin/python3"
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "tmpfs_model.py")
TMPFS = [(MOUNT, "tmpfs:")]
STEPS = int(os.environ.get("TMPFS_STEPS", "6000"))
# A difference that nobody knew of is found by others, not by who changes
# something else.
SEED = int(os.environ.get("TMPFS_SEED", "1"))


def model(argv_of, seeds):
    for seed in seeds:
        with harness.scratch() as host:
            st = os.stat(host)
            source = f"tmpfs:?mode=0777&uid={st.st_uid}&gid={st.st_gid}"
            argv = argv_of([PY, MODEL, host, MOUNT, str(seed), str(STEPS)],
                           source)
            out = subprocess.run(argv, stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=300,
                                 env=harness.clean_env(), cwd="/",
                                 check=False)
            check(out.returncode == 0, out.stdout + out.stderr)


def random_calls_of_a_user_are_those_of_the_host():
    model(lambda argv, source: harness.rumpkit_argv(
        argv, [(MOUNT, source)]), range(SEED, SEED + 2))


def random_calls_of_several_users_are_those_of_the_host():
    if os.geteuid() != 0:
        raise harness.Skip("only root can become other users")
    model(lambda argv, source: [
        harness.RUMPKIT, "run", "--in-process", "--mount",
        f"{MOUNT}={source}", "--", *argv], range(SEED + 2, SEED + 4))


def ok(out):
    check(out.returncode == 0, f"status {out.returncode}\n"
          f"{out.stdout.decode()}{out.stderr.decode()}")
    return out.stdout.decode()


def run_python(code, mounts=TMPFS):
    return ok(harness.rumpkit([PY, "-c", code], mounts))


SIZE = """
import os, errno
sv = os.statvfs("/data")
assert sv.f_blocks * sv.f_frsize == 4 << 20, sv
free = sv.f_bfree
fd = os.open("/data/f", os.O_RDWR | os.O_CREAT)
written = 0
try:
    while True:
        written += os.write(fd, b"x" * 100000)
except OSError as e:
    assert e.errno == errno.ENOSPC, e
assert written // 4096 in (free, free - 1), (written, free)
assert os.statvfs("/data").f_bfree == 0
os.unlink("/data/f")
os.close(fd)
assert os.statvfs("/data").f_bfree == free
print("fine")
"""


def the_size_is_a_limit():
    out = run_python(SIZE, [(MOUNT, "tmpfs:?size=4m")])
    check(out == "fine\n", out)


MEMORY = """
import os, re, shutil
def used():
    text = open("/kern/metrics").read()
    return int(re.search(r"^rump_vfs_memory_files_bytes (\\d+)", text,
                         re.M).group(1))
def resident():
    text = open("/proc/self/status").read()
    return int(re.search(r"RssShmem:\\s+(\\d+)", text).group(1)) << 10
os.mkdir("/data/top")
before = used()
for d in range(20):
    os.mkdir(f"/data/top/{d}")
    for i in range(100):
        with open(f"/data/top/{d}/{i}", "wb") as f:
            f.write(b"x" * 20000)
assert used() > before + 2000 * 20000
assert resident() > 2000 * 20000
shutil.rmtree("/data/top")
os.mkdir("/data/top")
assert used() == before, (used(), before)
assert resident() < 8 << 20, resident()
print("fine")
"""


def memory_comes_back():
    out = run_python(MEMORY, TMPFS + [("/kern", "kernfs:")])
    check(out == "fine\n", out)


LARGE = """
import os
os.chdir("/data")
os.mkdir("d")
for i in range(100000):
    os.close(os.open(f"d/{i}", os.O_CREAT | os.O_WRONLY))
assert len(os.listdir("d")) == 100000
seen = 0
with os.scandir("d") as listing:
    for e in listing:
        os.unlink(e.path)
        seen += 1
assert seen == 100000, seen
os.rmdir("d")
print("fine")
"""


def a_large_directory_can_be_emptied_while_it_is_read():
    out = run_python(LARGE)
    check(out == "fine\n", out)


THREADS = """
import os, threading
os.chdir("/data")
problems = []
def work(n):
    try:
        for i in range(300):
            with open(f"t{n}", "w") as f:
                f.write(str(i))
            os.rename(f"t{n}", "common")
            with open("common") as f:
                f.read()
            os.mkdir(f"d{n}")
            os.rename(f"d{n}", f"e{n}")
            with open(f"e{n}/f", "w") as f:
                f.write("x" * 5000)
            os.link(f"e{n}/f", f"l{n}")
            os.unlink(f"e{n}/f")
            os.rmdir(f"e{n}")
            assert os.stat(f"l{n}").st_nlink == 1
            os.unlink(f"l{n}")
    except Exception as e:
        problems.append(repr(e))
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not problems, problems
assert os.listdir(".") == ["common"], os.listdir(".")
print("fine")
"""


def threads_work_in_one_directory():
    out = run_python(THREADS)
    check(out == "fine\n", out)


# Trees of processes, whose kernel is in a server.

def tree_argv(argv, source="tmpfs:"):
    return [harness.RUMPKIT, "run", "--mount", f"{MOUNT}={source}", "--",
            *argv]


def run_tree(argv, timeout=120):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, env=harness.clean_env(), cwd="/",
                          check=False)


def several_processes_make_random_calls():
    script = ['cd "$1" || exit 1']
    for i in range(4):
        script += [f'mkdir "$1/{i}" {MOUNT}/{i} || exit 1',
                   f'{PY} {MODEL} "$1/{i}" {MOUNT}/{i} {SEED + 10 + i} '
                   f'{STEPS // 3} & p{i}=$!']
    script += [f"wait $p{i} || exit 1" for i in range(4)]
    with harness.scratch() as host:
        ok(run_tree(harness.as_user(tree_argv(
            ["sh", "-c", "\n".join(script), "sh", host])), 300))


USERS = f"""
umask 022
echo secret > {MOUNT}/private && chmod 600 {MOUNT}/private || exit 1
echo open > {MOUNT}/public || exit 1
mkdir -m 1777 {MOUNT}/shared && echo mine > {MOUNT}/shared/root || exit 1
setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '
cat {MOUNT}/private && exit 1
cat {MOUNT}/public || exit 1
(echo x > {MOUNT}/public) && exit 1
rm -f {MOUNT}/shared/root && exit 1
mv {MOUNT}/shared/root {MOUNT}/shared/x && exit 1
echo theirs > {MOUNT}/shared/user || exit 1
test "$(stat -c %u:%g {MOUNT}/shared/user)" = 65534:65534 || exit 1
chown 0 {MOUNT}/shared/user && exit 1
exit 0' || exit 1
rm {MOUNT}/shared/user {MOUNT}/shared/root
"""


def users_of_a_tree_are_told_apart():
    if os.geteuid() != 0:
        raise harness.Skip("only root can become other users")
    ok(run_tree(tree_argv(["sh", "-c", USERS])))


LOCKS = """
import fcntl, os, struct, sys
def holder(fd):
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
    return struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, lock))[4]
os.chdir("/data")
r, w = os.pipe()
r2, w2 = os.pipe()
fd = os.open("f", os.O_RDWR | os.O_CREAT)
child = os.fork()
if child == 0:
    for lock in (fcntl.flock, fcntl.lockf):
        mine = os.open("f", os.O_RDWR)
        lock(mine, fcntl.LOCK_EX)
        os.write(w, b"locked")
        os.read(r2, 1)
        if lock is fcntl.flock:
            os.close(mine)
            os.write(w, b"closed")
            os.read(r2, 1)
    os._exit(0)
for lock in (fcntl.flock, fcntl.lockf):
    assert os.read(r, 6) == b"locked"
    try:
        lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise AssertionError("locked twice")
    except BlockingIOError:
        pass
    if lock is fcntl.lockf:
        assert holder(fd) == child, (holder(fd), child)
    os.write(w2, b"x")
    if lock is fcntl.flock:
        assert os.read(r, 6) == b"closed"
        lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock(fd, fcntl.LOCK_UN)
        os.write(w2, b"x")
# The end of the process is the end of its lock.
fcntl.lockf(fd, fcntl.LOCK_EX)
os.wait()
print("fine")
"""


def processes_lock_each_other_out():
    out = ok(run_tree(harness.as_user(tree_argv([PY, "-c", LOCKS]))))
    check(out == "fine\n", out)


KILLED = """
import os, subprocess, sys
def free():
    return os.statvfs("/data").f_bfree
before = free()
child = subprocess.Popen([sys.executable, "-c", '''
import os
fd = os.open("/data/gone", os.O_RDWR | os.O_CREAT)
os.unlink("/data/gone")
os.write(fd, b"x" * (4 << 20))
print("written", flush=True)
os.read(0, 1)
'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert child.stdout.readline() == b"written\\n"
assert free() <= before - 1024, (free(), before)
child.kill()
child.wait()
while free() != before:
    os.sched_yield()
print("fine")
"""


def a_killed_process_gives_its_unlinked_files_back():
    out = ok(run_tree(harness.as_user(tree_argv([PY, "-c", KILLED]))))
    check(out == "fine\n", out)


# Programs: each in {d}, an empty directory, in one process; what they print is
# compared with the same on the host.

PYTHON_WORK = r"""
import dbm.dumb, fcntl, hashlib, io, mmap, os, shelve, shutil, sqlite3, stat
import sys, tarfile, tempfile, time, zipfile
os.chdir(sys.argv[1])
os.umask(0o022)
def show(*what): print(*what)

os.makedirs("a/b/c")
for i in range(20):
    with open(f"a/b/f{i}", "wb") as f: f.write(bytes([i]) * i * 1000)
os.symlink("../b/f3", "a/b/link")
os.link("a/b/f4", "a/hard")
shutil.copytree("a", "copy", symlinks=True)
for where, dirs, files in os.walk("."):
    dirs.sort()
    for n in sorted(files):
        st = os.lstat(os.path.join(where, n))
        show(where, n, oct(st.st_mode), st.st_nlink, st.st_size)
with tarfile.open("t.tar.gz", "w:gz") as t: t.add("a")
with tarfile.open("t.tar.gz") as t:
    show([m.name for m in t.getmembers()])
    t.extractall("from_tar")
with zipfile.ZipFile("z.zip", "w") as z: z.write("a/b/f9")
show(zipfile.ZipFile("z.zip").testzip())
db = sqlite3.connect("x.db")
show(db.execute("pragma journal_mode=wal").fetchone())
db.execute("create table t (a integer primary key, b text)")
for i in range(2000): db.execute("insert into t (b) values (?)", (str(i),))
db.commit()
show(db.execute("select count(*), sum(a) from t").fetchone())
db.execute("vacuum"); db.close()
with shelve.Shelf(dbm.dumb.open("shelf")) as s: s["k"] = list(range(100))
with shelve.Shelf(dbm.dumb.open("shelf")) as s: show(len(s["k"]))
fd = os.open("map", os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 200000)
m = mmap.mmap(fd, 200000)
m[100000:100005] = b"hello"
show(os.pread(fd, 5, 100000))
os.pwrite(fd, b"there", 100000)
show(m[100000:100005])
m.flush(); m.close()
fcntl.flock(fd, fcntl.LOCK_EX); fcntl.flock(fd, fcntl.LOCK_UN)
fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
os.posix_fallocate(fd, 0, 300000)
show(os.fstat(fd).st_size, os.fstat(fd).st_blocks * 512 >= 300000)
os.lseek(fd, 0, 0)
os.close(fd)
with open("sparse", "wb") as f:
    f.seek(1 << 20); f.write(b"x")
with open("sparse", "rb") as f:
    d = os.lseek(f.fileno(), 0, os.SEEK_DATA)
    show(d, os.lseek(f.fileno(), 0, os.SEEK_HOLE), os.stat("sparse").st_blocks)
with tempfile.NamedTemporaryFile(dir=".") as t: t.write(b"x"); t.flush()
with tempfile.TemporaryFile(dir=".") as t: t.write(b"x"); t.seek(0); show(t.read())
with tempfile.TemporaryDirectory(dir=".") as t: open(t + "/x", "w").close()
os.utime("map", ns=(5, 1700000000123456789))
show(os.stat("map").st_mtime_ns, os.stat("map").st_atime_ns)
for bad in (lambda: os.rmdir("a"), lambda: os.rename("a", "a/b/x"),
            lambda: os.mkdir("a"), lambda: os.open("a", os.O_WRONLY),
            lambda: os.rename("map", "a"), lambda: os.rename("a", "map"),
            lambda: os.link("a", "q"),
            lambda: os.open("a/hard/x", 0), lambda: os.unlink("a"),
            lambda: os.readlink("map"), lambda: os.open("n" * 256, 0)):
    try: bad()
    except OSError as e: show(e.errno)
os.mkfifo("fifo"); show(stat.S_ISFIFO(os.stat("fifo").st_mode))
os.mkdir("cwd"); os.chdir("cwd"); show(os.path.basename(os.getcwd()))
os.rmdir("../cwd")
try: show(os.getcwd())
except OSError as e: show(e.errno)
os.chdir("..")
names = sorted(os.listdir("."))
show(names)
h = hashlib.sha256()
for where, dirs, files in os.walk("from_tar"):
    dirs.sort()
    for n in sorted(files): h.update(open(os.path.join(where, n), "rb").read())
show(h.hexdigest())
for n in names:
    shutil.rmtree(n) if os.path.isdir(n) else os.unlink(n)
show(os.listdir("."))
"""

BASH_WORK = r"""
cd "$1" || exit 1
for i in 1 2 3; do echo "line $i" >> lines; done
while read -r a b; do echo "$b-$a"; done < lines
set -C; echo x > lines; echo "clobber $?"; set +C
mapfile -t all < lines; echo "${#all[@]}"
exec 5<> both; echo written >&5; exec 5>&-; read -r back < both; echo "$back"
exec 6> gone; echo gone >&6; exec 6>&-
[[ -s both && -f both && ! -d both && -w both && -O both ]] && echo tests
umask 077; : > private; umask 022
[[ both -nt lines || both -ef both ]] && echo newer
read -r -d '' text <<END
a here-document
END
echo "$text"
echo *
pwd > /dev/null; cd / && cd "$OLDPWD" && echo back
"""

PERL_WORK = r"""
chdir $ARGV[0] or die; mkdir "d", 0755 or die;
for my $i (1..200) { open my $f, '>', "d/$i" or die; print $f "x" x $i;
    close $f; }
opendir my $dh, "d"; my @n = sort grep { !/^\./ } readdir $dh; closedir $dh;
print scalar(@n), "\n"; my $sum = 0; $sum += -s "d/$_" for @n;
print "$sum\n"; rename "d/1", "d/one" or die; symlink "one", "d/sym" or die;
print readlink("d/sym"), "\n"; open my $f, '+<', "d/200"; seek $f, 100, 0;
print $f "yy"; truncate $f, 150; close $f; print -s "d/200", "\n";
open $f, '>>', "d/200"; print $f "end"; close $f; print -s "d/200", "\n";
flock STDIN, 2; chmod 0640, "d/2"; printf "%o\n", (stat "d/2")[2];
unlink glob "d/*"; rmdir "d" or die $!; print "done\n";
"""

PROGRAMS = [
    ("python3", [PY, "-c", PYTHON_WORK, "{d}"]),
    ("bash", ["bash", "-c", BASH_WORK, "bash", "{d}"]),
    ("perl", ["perl", "-e", PERL_WORK, "{d}"]),
    ("sqlite3", ["sqlite3", "{d}/s.db",
                 "create table t(a,b); begin; insert into t values(1,2),(3,4);"
                 "commit; create index i on t(a); vacuum; select * from t;"
                 "pragma integrity_check;"]),
    ("cp -rv", ["cp", "-rv", "/usr/include/linux/netfilter", "{d}/tree"]),
    ("dd", ["dd", "if=/dev/zero", "of={d}/z", "bs=70000", "count=30",
            "conv=fsync", "status=none"]),
    ("tar -cvf", ["tar", "-cvf", "{d}/x.tar", "-C", "/usr/include/linux",
                  "netfilter"]),
    ("git init", ["git", "init", "-q", "{d}/repository"]),
    ("mktemp", ["mktemp", "-d", "{d}/name.here"]),
    ("split -v", ["split", "--verbose", "-n", "5", "/etc/passwd", "{d}/part"]),
    ("vim -es", ["vim", "-es", "-u", "NONE", "-c", "normal ihello",
                 "-c", "w! {d}/v", "-c", "%print", "-c", "q!"]),
]


def compare(argv):
    def program():
        if shutil.which(argv[0]) is None:
            raise harness.Skip(f"{argv[0]} is not installed")
        hijacked = harness.rumpkit([a.replace("{d}", MOUNT) for a in argv],
                                   TMPFS, timeout=120)
        with harness.scratch() as host:
            plain = harness.native([a.replace("{d}", host) for a in argv])
            harness.same(hijacked, plain, host)
    return program


CASES = [(f.__name__.replace("_", " "), f) for f in (
    random_calls_of_a_user_are_those_of_the_host,
    random_calls_of_several_users_are_those_of_the_host,
    the_size_is_a_limit,
    memory_comes_back,
    a_large_directory_can_be_emptied_while_it_is_read,
    threads_work_in_one_directory,
    several_processes_make_random_calls,
    users_of_a_tree_are_told_apart,
    processes_lock_each_other_out,
    a_killed_process_gives_its_unlinked_files_back,
)] + [(f"{name} works on tmpfs", compare(argv)) for name, argv in PROGRAMS]

if __name__ == "__main__":
    print(f"# TMPFS_SEED={SEED}", flush=True)
    sys.exit(harness.run(CASES))
