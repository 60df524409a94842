# SPDX-License-Identifier: BSD-2-Clause
"""NFS: unmodified programs under rumpkit against libnfs and its tools.

One server for both, on loopback; server and clients each keep to processors of
their own if there are two, the same for us and for the peers.
"""
import contextlib
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
d, n = sys.argv[1], int(sys.argv[2])
def timed(work):
    begin = time.monotonic()
    for i in range(n):
        work(i)
    return time.monotonic() - begin
def create(i):
    os.close(os.open(f"{d}/new{i}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
out = [timed(lambda i: os.stat(f"{d}/old{i}"))]
out.append(timed(lambda i: os.stat(f"{d}/old{i}")))
out.append(timed(create))
out.append(timed(lambda i: os.unlink(f"{d}/new{i}")))
print(*out)
"""


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

    def verify_routed(self, *argv):
        out = subprocess.run(self.ours(*argv, options=["--summary"]),
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True, check=True)
        if not re.search(r" [1-9]\d* calls routed", out.stderr):
            sys.exit(f"nothing was routed: {out.stderr!r}")


@contextlib.contextmanager
def served(build, populate):
    with tempfile.TemporaryDirectory() as top:
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


def best(peers):
    """The quicker peer's name and figure."""
    return min(peers.items(), key=lambda item: item[1])


def bench_read(build):
    if missing(build, "nfs"):
        return
    with served(build, file_of("file", MIB)) as s:
        digests = {hashlib.sha256(subprocess.run(
            argv, check=True, capture_output=True).stdout).hexdigest()
            for argv in (s.ours("cat", "/data/file"),
                         [*s.pin, "nfs-cat", s.file_url("file")])}
        if len(digests) != 1:
            sys.exit("the two clients read different bytes")
        s.verify_routed("cat", "/data/file")
        ours, cat, loop = interleaved(
            ROUNDS,
            lambda: seconds(s.ours("cat", "/data/file")),
            lambda: seconds([*s.pin, "nfs-cat", s.file_url("file")]),
            lambda: seconds(s.loop("read", "/file")))
    name, peer = best({"nfs-cat": cat, "libnfs loop": loop})
    report(f"NFS sequential read {MIB} MiB / {name}", peer / ours, ">= 1.1",
           f"({MIB / ours:.0f}; nfs-cat {MIB / cat:.0f}, loop "
           f"{MIB / loop:.0f} MiB/s)")


def bench_write(build):
    if missing(build, "nfswrite"):
        return
    with served(build, lambda directory: None) as s, \
            tempfile.TemporaryDirectory() as local:
        os.chmod(s.directory, 0o777)
        file_of("file", MIB)(local)
        source = f"{local}/file"

        names = (f"copy{n}" for n in itertools.count())

        def copy(argv, verify):
            """Each copy has a name of its own: nfs-cp does not overwrite,
            and the server remembers names that go behind its back."""
            name = next(names)
            took = seconds(argv(name))
            target = f"{s.directory}/{name}"
            if verify and subprocess.run(["cmp", "-s", source, target],
                                         check=False).returncode != 0:
                sys.exit("what was written is not what is there")
            os.unlink(target)
            return took

        ours, cp, loop = interleaved(
            ROUNDS,
            lambda: copy(lambda name: s.ours(
                "dd", f"if={source}", f"of=/data/{name}", "bs=1M",
                "conv=fsync"), True),
            lambda: copy(lambda name: [*s.pin, "nfs-cp", source,
                                       s.file_url(name)], True),
            lambda: copy(lambda name: s.loop("write", f"/{name}", str(MIB)),
                         False))
    name, figure = best({"nfs-cp": cp, "libnfs loop": loop})
    report(f"NFS write + fsync {MIB} MiB / {name}", figure / ours, ">= 1.1",
           f"({MIB / ours:.0f}; nfs-cp {MIB / cp:.0f}, loop "
           f"{MIB / loop:.0f} MiB/s)")


def bench_meta(build):
    if missing(build, "nfsmeta"):
        return

    def populate(directory):
        os.mkdir(f"{directory}/many")
        os.chmod(f"{directory}/many", 0o777)
        for i in range(FILES):
            with open(f"{directory}/many/old{i}", "wb"):
                pass

    with served(build, populate) as s:
        argv = ["python3", "-c", META, "/data/many", str(FILES)]
        s.verify_routed("python3", "-c", META, "/data/many", "10")
        ours, loop = [], []
        for _ in range(ROUNDS):
            ours.append(list(map(float, call(s.ours(*argv)).split())))
            loop.append(list(map(float, call(
                s.loop("meta", "/many", str(FILES))).split())))
    stat, warm, create, unlink = map(statistics.median, zip(*ours))
    peer_stat, peer_create, peer_unlink = map(statistics.median, zip(*loop))

    def line(what, mine, peer, target):
        report(f"NFS {what} of {FILES} files / libnfs loop", peer / mine,
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
        ours, loop, one = interleaved(
            ROUNDS,
            lambda: float(call(s.ours(program, "/data/file", *many))),
            lambda: float(call(s.loop("rand", "/file", *many))),
            lambda: float(call(s.loop("rand", "/file", "1", str(READS)))))
    for peer, name in ((loop, f"{THREADS} libnfs loops"),
                       (one, "one libnfs loop")):
        report(f"NFS random 4 KiB, {THREADS} threads / {name}",
               peer / ours, ">= 1.3", f"({ours / READS * 1e6:.1f} and "
               f"{peer / READS * 1e6:.1f} us each)")


BENCHES = {"nfs": bench_read, "nfswrite": bench_write, "nfsmeta": bench_meta,
           "nfsrand": bench_rand}
