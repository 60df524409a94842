# SPDX-License-Identifier: BSD-2-Clause
"""What the benchmarks have in common: processes, medians, lines."""
import os
import statistics
import subprocess
import time


def call(argv, **env):
    return subprocess.run(argv, check=True, capture_output=True, text=True,
                          env={**os.environ, **env}).stdout


def seconds(argv, **env):
    begin = time.monotonic()
    with open("/dev/null", "wb") as null:
        subprocess.run(argv, check=True, stdout=null,
                       stderr=subprocess.DEVNULL,
                       env={**os.environ, **env})
    return time.monotonic() - begin


def interleaved(rounds, *runs):
    """The median of each run's figures, taken in turns, each of them first as
    often as the others."""
    figures = [[] for _ in runs]
    turns = list(zip(figures, runs))
    for _ in range(rounds):
        for kept, run in turns:
            kept.append(run())
        turns.append(turns.pop(0))
    return [statistics.median(kept) for kept in figures]


def report(name, ratio, target, detail):
    print(f"{name:44s} {ratio:8.3f}   target {target:10s} {detail}",
          flush=True)
