# SPDX-License-Identifier: BSD-2-Clause
"""One active connection among many idle ones."""
import os
import resource
import statistics
import subprocess

from measure import report

IDLE = 10000


def round_trips(program, how, idle, **env):
    """Nanoseconds alone, and among idle connections."""
    with subprocess.Popen([program, "serve", how, str(idle)], text=True,
                          stdout=subprocess.PIPE,
                          env={**os.environ, **env}) as server:
        port = server.stdout.readline().strip()
        subprocess.run([program, "connect", port, str(idle)], check=True)
        alone, among = map(float, server.stdout.readline().split())
    return alone, among


def descriptors():
    """Connections that there is room for: a rump socket takes two numbers."""
    need = 2 * IDLE + 256
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, need))
    except ValueError:
        need = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(IDLE, (need - 256) // 2)


def bench(build, library):
    program = f"{build}/benchmarks/bench_idle"
    routed = {"LD_PRELOAD": library, "RUMPHIJACK": "socket=inet",
              "RUMPKIT_IN_PROCESS": "1"}
    idle = descriptors()
    for how, rounds in (("epoll", 5), ("poll", 1)):
        runs = [round_trips(program, how, idle, **env)
                for _ in range(rounds) for env in (routed, {})]
        alone, among = map(statistics.median, zip(*runs[::2]))
        native = [statistics.median(column) for column in zip(*runs[1::2])]
        report(f"{how}: 1 active among {idle} idle / alone", among / alone,
               "<= 1.2" if how == "epoll" else "",
               f"({among:.0f} and {alone:.0f} ns; native "
               f"{native[1]:.0f} and {native[0]:.0f})")
