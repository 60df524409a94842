# SPDX-License-Identifier: BSD-2-Clause
"""A tree of processes on one kernel in a server, against the host.

Work that touches files is done on a tmpfs of the rump kernel and on one of the
host (/dev/shm); both start from the same state and take turns.
"""
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import tempfile

from measure import call, interleaved, report

DATA = "/rumpkit-bench"
MOUNT = f"{DATA}=tmpfs:"


def check_free():
    if os.path.exists(DATA):
        raise SystemExit(f"there is a {DATA} on this host: cannot tell what "
                         "is routed")


@contextlib.contextmanager
def server(rumpkit, cpu):
    """The URL of a server that runs on one processor."""
    with tempfile.TemporaryDirectory() as top:
        url = f"unix://{top}/kernel"
        subprocess.run(["taskset", "-c", str(cpu), rumpkit, "server",
                        "--mount", MOUNT, url], check=True)
        try:
            yield url
        finally:
            subprocess.run([rumpkit, "halt", "--server", url], check=True)


def calls(program, size, before):
    return float(call([*before, program, f"{DATA}/file", str(size)]))


def handover(build, cpu):
    return float(call([f"{build}/benchmarks/bench_handover", "0", str(cpu)]))


def bench_calls(build, rumpkit, _library):
    """Calls into a server on the client's processor, and on another one.

    The peers are the host's own call and what just passing the turn to another
    process and back takes there: the targets were set where that was 1.7 us on
    one processor and 0.33 us on two.
    """
    check_free()
    program = f"{build}/benchmarks/bench_pread"
    with server(rumpkit, 0) as same, server(rumpkit, 1) as other:
        for name, size, limits in (
                ("null call (lseek)", 0, (2.5, 0.8)),
                ("pread of 4 KiB", 4096, (4, 4)),
                ("pread of 64 KiB", 65536, (12, 12))):
            runs = [lambda url=url, n=size: calls(
                program, n, ["taskset", "-c", "0", rumpkit, "run", "--server",
                             url, "--mount", MOUNT])
                    for url in (same, other)]
            one, two, host, sleep, spin = interleaved(
                5, *runs, lambda n=size: float(call(
                    ["taskset", "-c", "0", program, "/dev/shm/rumpkit-bench",
                     str(n)])),
                lambda: handover(build, 0), lambda: handover(build, 1))
            for where, ours, bare, limit, design in (
                    ("the same CPU", one, sleep, limits[0], 1.7),
                    ("another CPU", two, spin, limits[1], 0.33)):
                report(f"{name}, server on {where} / native", ours / host,
                       f"<= {limit} us", f"({ours / 1e3:.2f} us)")
                report(f"{name}, server on {where} / bare hand-over",
                       ours / bare, f"<= {limit / design:.2f}",
                       f"({bare / 1e3:.2f} us bare)")


def make_project(top, files=60):
    os.mkdir(top)
    names = [f"part{i}" for i in range(files)]
    for i, name in enumerate(names):
        body = "".join(
            f"static int f{j}(int x) {{ for (int i = 0; i < {j + 3}; i++) "
            f"x = x * {2 * i + 1} + (x >> {j % 7 + 1}) + i; return x; }}\n"
            for j in range(60))
        total = " + ".join(f"f{j}(x)" for j in range(60))
        with open(f"{top}/{name}.c", "w", encoding="ascii") as f:
            f.write("#include <stdio.h>\n#include <stdlib.h>\n"
                    "#include <string.h>\n#include \"all.h\"\n"
                    f"{body}int {name}(int x) {{ return {total}; }}\n")
    with open(f"{top}/all.h", "w", encoding="ascii") as f:
        f.writelines(f"int {name}(int);\n" for name in names)
    with open(f"{top}/main.c", "w", encoding="ascii") as f:
        f.write("#include <stdio.h>\n#include \"all.h\"\nint main(void) { "
                "int x = 1;\n" + "".join(f"x = {n}(x);\n" for n in names) +
                "printf(\"%d\\n\", x); return 0; }\n")
    with open(f"{top}/Makefile", "w", encoding="ascii") as f:
        f.write("OBJS := $(patsubst %.c,%.o,$(wildcard *.c))\n"
                "prog: $(OBJS)\n\t$(CC) -o $@ $^\n"
                "%.o: %.c all.h\n\t$(CC) -O1 -c -o $@ $<\n")


def make_repository(top, megabytes=50):
    rng = random.Random(1)
    os.mkdir(top)
    git = ["git", "-C", top, "-c", "user.name=b", "-c", "user.email=b@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    for i in range(megabytes * 8):
        os.makedirs(f"{top}/d{i % 40}", exist_ok=True)
        with open(f"{top}/d{i % 40}/f{i}", "wb") as f:
            f.write(rng.randbytes(128 * 1024))
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)


def timed_script(script, data, before=()):
    """Seconds that the shell says the script took, started in data."""
    text = (f"cd {data} && begin=$(date +%s%N) && {{ {script}; }} >/dev/null "
            "&& echo $(($(date +%s%N) - begin))")
    return int(call([*before, "bash", "-c", text])) / 1e9


def compare(name, target, rumpkit, script, rounds):
    def host():
        with tempfile.TemporaryDirectory(dir="/dev/shm") as data:
            return timed_script(script, data)

    ours, peer = interleaved(
        rounds, lambda: timed_script(script, DATA, [rumpkit, "run", "--mount",
                                                    MOUNT]), host)
    report(f"{name} / host", ours / peer, target,
           f"({ours:.2f} and {peer:.2f} s)")


def bench_make(_build, rumpkit, _library):
    check_free()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
        make_project(f"{top}/project")
        compare("make -j2 of a C project, on rump tmpfs", "<= 1.3", rumpkit,
                f"cp -r {top}/project . && cd project && make -s -j2 && "
                "./prog", 5)


def bench_clone(_build, rumpkit, _library):
    check_free()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
        make_repository(f"{top}/repository")
        compare("git clone of 50 MB, to rump tmpfs", "<= 1.3", rumpkit,
                f"git clone -q file://{top}/repository clone", 5)


def bench_exec(build, rumpkit, _library):
    """The same program natively, and in a tree."""
    check_free()
    program = [f"{build}/benchmarks/bench_spawn", "", "301"]
    ours, peer = interleaved(
        5, lambda: float(call([rumpkit, "run", "--mount", MOUNT,
                               *program]).split()[0]),
        lambda: float(call(program).split()[0]))
    report("/bin/true spawned in a tree / native", ours / peer, "<= 1.3",
           f"({ours:.0f} and {peer:.0f} us)")


SQLITE = """
import sqlite3, sys, time
base = sqlite3.connect(sys.argv[1] + "/base", isolation_level=None)
base.execute("pragma journal_mode=wal")
base.execute("pragma cache_size=10")
base.execute("create table t(a integer primary key, b blob)")
base.execute("begin")
for i in range(3000):
    base.execute("insert into t values(?, randomblob(900))", (i,))
base.execute("commit")
for text in ("select length(b) from t where a=?",
             "update t set b=randomblob(900) where a=?"):
    begin = time.monotonic()
    for i in range(3000):
        base.execute(text, (i * 7919 % 3000,)).fetchall()
    print(time.monotonic() - begin)
"""


def bench_sqlite(_build, rumpkit, _library):
    """A program that makes many small calls, with a processor to spare."""
    check_free()

    def seconds(before, data):
        out = call([*before, "/usr/bin/python3", "-c", SQLITE, data])
        return [float(line) for line in out.split()]

    def host():
        with tempfile.TemporaryDirectory(dir="/dev/shm") as data:
            return seconds([], data)

    ours, peer = [], []
    for _ in range(9):
        ours.append(seconds([rumpkit, "run", "--mount", MOUNT, "--"], DATA))
        peer.append(host())
    for i, name in enumerate(("lookups past its cache", "updates in WAL mode")):
        one, other = (statistics.median(t[i] for t in times)
                      for times in (ours, peer))
        report(f"sqlite3, 3000 {name}, on rump tmpfs / host", one / other, "",
               f"({one * 1e3:.0f} and {other * 1e3:.0f} ms)")


NGINX = """daemon off;
master_process {master};
worker_processes 1;
pid {top}/pid;
error_log {top}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {top}/a; proxy_temp_path {top}/b;
    fastcgi_temp_path {top}/c; uwsgi_temp_path {top}/d; scgi_temp_path {top}/e;
    server {{ listen 127.0.0.1:{port}; root {top}/www; }}
}}
"""


@contextlib.contextmanager
def nginx(port, before, master):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
        os.chmod(top, 0o755)
        os.mkdir(f"{top}/www")
        with open(f"{top}/www/index.html", "w", encoding="ascii") as f:
            f.write("x" * 600)
        with open(f"{top}/conf", "w", encoding="ascii") as f:
            f.write(NGINX.format(top=top, port=port, master=master))
        with subprocess.Popen(["taskset", "-c", "0", *before, "nginx", "-c",
                               f"{top}/conf"]) as daemon:
            try:
                subprocess.run(["curl", "-s", "-o", "/dev/null", "--retry",
                                "50", "--retry-connrefused", "--retry-delay",
                                "1", f"http://127.0.0.1:{port}/"], check=True)
                yield
            finally:
                daemon.terminate()


def requests(port, before, master):
    """Of a second, as wrk counts them."""
    with nginx(port, before, master):
        out = call(["taskset", "-c", "1", "wrk", "-t1", "-c16", "-d3s",
                    f"http://127.0.0.1:{port}/"])
    return float(next(line.split()[1] for line in out.splitlines()
                      if line.startswith("Requests/sec")))


def bench_nginx(_build, rumpkit, _library):
    from net_benches import free_port
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed")
    run = [rumpkit, "run", "--net", "sockin"]
    tree, here, host = interleaved(
        5, lambda: requests(free_port(), run, "on"),
        lambda: requests(free_port(), [*run, "--in-process"], "off"),
        lambda: requests(free_port(), [], "on"))
    report("nginx with wrk, in a tree / native", tree / host, ">= 0.7",
           f"({tree:.0f} and {host:.0f} a second)")
    report("nginx with wrk, in process / native", here / host, ">= 0.9",
           f"({here:.0f} a second)")


BENCHES = {"calls": bench_calls, "exec": bench_exec, "make": bench_make,
           "clone": bench_clone, "sqlite": bench_sqlite, "nginx": bench_nginx}
