# SPDX-License-Identifier: BSD-2-Clause
"""Sockets that ride on the host's against the host's own.

One process of two is hijacked, the other one is native; both kinds of run take
turns.
"""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time

from measure import call, interleaved, report

ROUTED = {"RUMPHIJACK": "socket=inet:inet6", "RUMPKIT_IN_PROCESS": "1"}


@contextlib.contextmanager
def serving(program):
    with subprocess.Popen([program, "serve"], stdout=subprocess.PIPE,
                          text=True) as server:
        yield server.stdout.readline().strip()
        server.kill()


def bench_net(build, library):
    program = f"{build}/benchmarks/bench_net"
    routed = {"LD_PRELOAD": library, **ROUTED}
    with serving(program) as port:
        for what, unit, target in (("tcp", "us", "<= 1.25"),
                                   ("udp", "us", "<= 1.25"),
                                   ("send", "GB/s", ">= 0.9"),
                                   ("recv", "GB/s", ">= 0.9")):
            ours, peer = interleaved(
                11, lambda w=what: float(call([program, w, port], **routed)),
                lambda w=what: float(call([program, w, port])))
            report(f"sockin {what} / native", ours / peer, target,
                   f"({ours:.2f} and {peer:.2f} {unit})")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def redis(**env):
    """Its port; the server and the benchmark have a processor each."""
    port = str(free_port())
    with subprocess.Popen(
            ["taskset", "-c", "1", "redis-server", "--port", port, "--save",
             "", "--appendonly", "no"], stdout=subprocess.DEVNULL,
            env={**os.environ, **env}) as server:
        while subprocess.run(["redis-cli", "-p", port, "ping"], check=False,
                             capture_output=True).stdout != b"PONG\n":
            time.sleep(0.05)
        yield port
        server.kill()


def requests(port, depth):
    out = call(["taskset", "-c", "0", "redis-benchmark", "-p", port, "-t",
                "get", "-q", "-n", str(100000 * min(depth, 8)), "-P",
                str(depth)])
    return float(re.findall(r"GET: ([0-9.]+) requests", out)[-1])


def bench_redis(build, library):
    if shutil.which("redis-server") is None or \
            shutil.which("redis-benchmark") is None:
        print("redis: needs redis-server and redis-benchmark")
        return
    with redis(LD_PRELOAD=library, **ROUTED) as ours, redis() as peer:
        for depth in (1, 16):
            a, b = interleaved(7, lambda d=depth: requests(ours, d),
                               lambda d=depth: requests(peer, d))
            report(f"redis-benchmark GET -P {depth} / native", a / b,
                   ">= 0.9", f"({a:.0f} and {b:.0f} requests/s)")


BENCHES = {"net": bench_net, "redis": bench_redis}
