# SPDX-License-Identifier: BSD-2-Clause
"""NFS: unmodified programs under rumpkit against libnfs and its tools.

One server for both, on loopback; server and clients each keep to processors of
their own if there are two, the same for us and for the peers.
"""
import contextlib
import functools
import hashlib
import itertools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import ganesha
from measure import call, interleaved, report, seconds

MIB = 256
FILES = 10000
READS = 16384
THREADS = 16
ROUNDS = 7

META = """
import os, sys, time
old, new, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
def create(i):
    os.close(os.open(f"{new}/{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                     0o644))
def timed(work):
    begin = time.monotonic()
    for i in range(n):
        work(i)
    return time.monotonic() - begin
phases = {"s": lambda i: os.stat(f"{old}/{i}"), "c": create,
          "u": lambda i: os.unlink(f"{new}/{i}")}
print(*(timed(phases[letter]) for letter in sys.argv[4]))
"""


def cpu_seconds(pid):
    """What the threads of a process have used of processors."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat",
                      encoding="ascii") as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            continue
    return total / 1e9


class Setup:
    """A server, its export, and how to run either client on it."""

    def __init__(self, build, top, server):
        cpus = sorted(os.sched_getaffinity(0))
        mine = cpus[:max(len(cpus) // 2, 1)]
        theirs = cpus[len(mine):] or mine
        os.sched_setaffinity(server.process.pid, theirs)
        for task in os.listdir(f"/proc/{server.process.pid}/task"):
            os.sched_setaffinity(int(task), theirs)
        self.pin = ["taskset", "-c", ",".join(map(str, mine))]
        self.server = server.process.pid
        self.build = build
        self.directory = f"{top}/export"
        self.options = f"nfsport={server.nfs}&mountport={server.mnt}"
        self.url = f"nfs://127.0.0.1/export?{self.options}"

    def file_url(self, name):
        return f"nfs://127.0.0.1/export/{name}?{self.options}"

    def ours(self, *argv, options=()):
        return [*self.pin, f"{self.build}/stage/usr/local/bin/rumpkit", "run",
                "--in-process", *options, "--mount", f"/data={self.url}",
                *argv]

    def loop(self, what, *argv):
        return [*self.pin, f"{self.build}/benchmarks/libnfs_loop", what,
                self.url, *argv]

    def busy(self, run):
        """A run whose figure is how long the server was busy meanwhile."""
        begin = cpu_seconds(self.server)
        run()
        return cpu_seconds(self.server) - begin

    def verify_routed(self, *argv):
        out = subprocess.run(self.ours(*argv, options=["--summary"]),
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, check=True)
        if not re.search(r" [1-9]\d* calls routed", out.stderr):
            sys.exit(f"nothing was routed: {out.stderr!r}")


@contextlib.contextmanager
def served(build, populate, where=None):
    with tempfile.TemporaryDirectory(dir=where) as top:
        os.chmod(top, 0o755)
        os.mkdir(f"{top}/export")
        populate(f"{top}/export")
        with ganesha.Ganesha(f"{top}/export", f"{top}/server",
                             f"{build}/tests/lib/ganesha_noreg.so",
                             attr="60") as server:
            yield Setup(build, top, server)


def missing(build, name):
    """Why the benchmark cannot run, printed; or None."""
    if os.geteuid() != 0 or shutil.which("ganesha.nfsd") is None:
        print(f"{name}: needs root and nfs-ganesha")
        return True
    if not os.path.exists(f"{build}/benchmarks/libnfs_loop"):
        print(f"{name}: needs libnfs-dev when the tree is built")
        return True
    return False


def file_of(name, mib):
    def populate(directory):
        with open(f"{directory}/{name}", "wb") as f:
            for _ in range(mib):
                f.write(os.urandom(1 << 20))
    return populate


def figure(argv):
    """What a program prints of itself."""
    return float(call(argv))


def best(peers):
    """The quicker peer's name and figure."""
    return min(peers.items(), key=lambda item: item[1])


def bench_read(build):
    if missing(build, "nfs"):
        return
    with served(build, file_of("file", MIB)) as s:
        cat, loop = s.ours("cat", "/data/file"), s.loop("read", "/file")
        nfs_cat = [*s.pin, "nfs-cat", s.file_url("file")]
        reader = s.ours(f"{build}/benchmarks/bench_seqio", "read",
                        "/data/file")
        digests = {hashlib.sha256(subprocess.run(
            argv, check=True, capture_output=True).stdout).hexdigest()
            for argv in (cat, nfs_cat)}
        if len(digests) != 1:
            sys.exit("the two clients read different bytes")
        s.verify_routed("cat", "/data/file")
        whole = interleaved(ROUNDS, *(functools.partial(seconds, argv)
                                      for argv in (cat, nfs_cat, loop)))
        reading = interleaved(ROUNDS, *(functools.partial(figure, argv)
                                        for argv in (reader, loop)))
        busy = s.busy(lambda: seconds(cat))
    name, peer = best({"nfs-cat": whole[1], "libnfs loop": whole[2]})
    report(f"NFS sequential read {MIB} MiB / {name}", peer / whole[0],
           ">= 1.1", f"({MIB / whole[0]:.0f}; nfs-cat {MIB / whole[1]:.0f}, "
           f"loop {MIB / whole[2]:.0f} MiB/s; server busy {busy * 1e3:.0f} of "
           f"{whole[0] * 1e3:.0f} ms)")
    report("the same without starting and mounting / loop",
           reading[1] / reading[0], "", f"({MIB / reading[0]:.0f} and "
           f"{MIB / reading[1]:.0f} MiB/s)")


def bench_write(build):
    if missing(build, "nfswrite"):
        return
    with served(build, lambda directory: None) as s, \
            tempfile.TemporaryDirectory() as local:
        os.chmod(s.directory, 0o777)
        file_of("file", MIB)(local)
        source = f"{local}/file"
        names = (f"copy{n}" for n in itertools.count())

        def copy(argv):
            """Each copy has a name of its own: nfs-cp does not overwrite,
            and the server remembers names that go behind its back."""
            name = next(names)
            took = seconds(argv(name))
            target = f"{s.directory}/{name}"
            if subprocess.run(["cmp", "-s", source, target],
                              check=False).returncode != 0:
                sys.exit("what was written is not what is there")
            os.unlink(target)
            return took

        def local_copy(name):
            return [*s.pin, "dd", f"if={source}", f"of={s.directory}/{name}",
                    "bs=1M", "conv=fsync"]

        ours, cp, loop, disk = interleaved(
            ROUNDS,
            lambda: copy(lambda name: s.ours(
                "dd", f"if={source}", f"of=/data/{name}", "bs=1M",
                "conv=fsync")),
            lambda: copy(lambda name: [*s.pin, "nfs-cp", source,
                                       s.file_url(name)]),
            lambda: copy(lambda name: s.loop("write", f"/{name}", source)),
            lambda: copy(local_copy))
    name, peer = best({"nfs-cp": cp, "libnfs loop": loop})
    report(f"NFS write + fsync {MIB} MiB / {name}", peer / ours, ">= 1.1",
           f"({MIB / ours:.0f}; nfs-cp {MIB / cp:.0f}, loop "
           f"{MIB / loop:.0f}, no NFS at all {MIB / disk:.0f} MiB/s)")


def bench_overwrite(build):
    """Over what a file in memory has: neither disk nor allocation of pages at
    the server hides the clients."""
    if missing(build, "nfsoverwrite"):
        return
    with served(build, file_of("file", MIB), "/dev/shm") as s, \
            tempfile.TemporaryDirectory(dir="/dev/shm") as local:
        os.chmod(f"{s.directory}/file", 0o666)
        file_of("file", MIB)(local)
        source = f"{local}/file"
        writer = s.ours(f"{build}/benchmarks/bench_seqio", "write",
                        "/data/file", source)
        loop = s.loop("write", "/file", source)
        call(writer)
        if subprocess.run(["cmp", "-s", source, f"{s.directory}/file"],
                          check=False).returncode != 0:
            sys.exit("what was written is not what is there")
        ours, peer = interleaved(ROUNDS, lambda: figure(writer),
                                 lambda: figure(loop))
        busy = s.busy(lambda: call(writer))
    report(f"NFS overwrite + fsync {MIB} MiB in memory / loop", peer / ours,
           "", f"({MIB / ours:.0f} and {MIB / peer:.0f} MiB/s; server busy "
           f"{busy * 1e3:.0f} of {ours * 1e3:.0f} ms)")


def bench_meta(build):
    """In memory the clients make the difference; on a disk, its journal."""
    if missing(build, "nfsmeta"):
        return
    meta(build, "/dev/shm", "in memory")
    meta(build, None, "on disk")


class Names:
    """Phases of META and the loop's, in turns, each run with a directory of
    its own for new files."""

    def __init__(self, served_tree, count):
        self.served, self.count = served_tree, str(count)
        self.fresh = itertools.count()

    @staticmethod
    def populate(directory):
        for name in ["old", *(f"new{i}" for i in range(4 * ROUNDS + 1))]:
            os.mkdir(f"{directory}/{name}")
            os.chmod(f"{directory}/{name}", 0o777)
        for i in range(FILES):
            with open(f"{directory}/old/{i}", "wb"):
                pass

    def ours(self, phases):
        return ["python3", "-c", META, "/data/old",
                f"/data/new{next(self.fresh)}", self.count, phases]

    def loop(self, phases):
        return self.served.loop("meta", "/old", f"/new{next(self.fresh)}",
                                self.count, phases)

    def medians(self, phases, peer_phases):
        ours, loop = [], []
        for _ in range(ROUNDS):
            ours.append(list(map(float, call(
                self.served.ours(*self.ours(phases))).split())))
            loop.append(list(map(float, call(
                self.loop(peer_phases)).split())))
        return [[statistics.median(column) for column in zip(*rows)]
                for rows in (ours, loop)]


def meta(build, where, place):
    """All files are made before the first is removed: a file system may look
    long for an inode that was not freed a moment ago (ext4 without a journal
    does), and would show what the run before has left."""
    with served(build, Names.populate, where) as s:
        s.verify_routed(*Names(s, 10).ours("scu"))
        names = Names(s, FILES)
        (stat, warm, create), (peer_stat, peer_create) = names.medians(
            "ssc", "sc")
        (_, unlink), (_, peer_unlink) = names.medians("cu", "cu")

    def line(what, mine, peer, target):
        report(f"NFS {what} of {FILES} files {place} / loop", peer / mine,
               target, f"({mine / FILES * 1e6:.1f} and "
               f"{peer / FILES * 1e6:.1f} us each)")
    line("stat", stat, peer_stat, ">= 1.5")
    line("warm stat", warm, peer_stat, ">= 20")
    line("create", create, peer_create, ">= 1.5")
    line("unlink", unlink, peer_unlink, ">= 1.5")


def bench_rand(build):
    if missing(build, "nfsrand"):
        return
    with served(build, file_of("file", 1024)) as s:
        program = f"{build}/benchmarks/bench_randread"
        many = [str(THREADS), str(READS)]
        s.verify_routed(program, "/data/file", "1", "10")
        argv = s.ours(program, "/data/file", *many)
        ours, loop, one = interleaved(
            ROUNDS, *(functools.partial(figure, argv) for argv in (
                argv, s.loop("rand", "/file", *many),
                s.loop("rand", "/file", "1", str(READS)))))
        busy = s.busy(lambda: call(argv))
    for peer, name in ((loop, f"{THREADS} libnfs loops"),
                       (one, "one libnfs loop")):
        report(f"NFS random 4 KiB, {THREADS} threads / {name}",
               peer / ours, ">= 1.3", f"({ours / READS * 1e6:.1f} and "
               f"{peer / READS * 1e6:.1f} us each; server busy "
               f"{busy / READS * 1e6:.1f} us each)")


BENCHES = {"nfs": bench_read, "nfswrite": bench_write, "nfsmeta": bench_meta,
           "nfsoverwrite": bench_overwrite, "nfsrand": bench_rand}
