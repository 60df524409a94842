#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Processes and threads at random, all in one tree on a tmpfs: lives/storm.c.

Usage: test_storm.py [SECONDS], over all rounds.  Without it rounds and seeds are
always the same; otherwise each round has a seed of its own, which is printed.
With STORM_SEED in the environment there is one round, with this seed.
"""
import os
import random
import subprocess
import sys

import harness

STORM = os.environ["STORM"]
SECONDS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 0
ROUND = 15  # seconds


def storm(seed, seconds):
    with harness.scratch() as directory:
        with subprocess.Popen(
                [harness.RUMPKIT, "run", "--mount", f"{directory}=tmpfs:",
                 "--", STORM, str(seed), str(seconds), directory],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, env=harness.clean_env(), cwd="/",
                start_new_session=True) as p:
            try:
                err = p.communicate(timeout=seconds * 3 + 60)[1]
            except subprocess.TimeoutExpired:
                os.killpg(p.pid, 9)
                err = p.communicate()[1]
                raise AssertionError(f"it hangs: {err}") from None
        harness.check(p.returncode == 0 and err == b"",
                      f"status {p.returncode}: {err.decode()}")
        harness.check(os.listdir(directory) == [], "files on the host")


def main():
    if "STORM_SEED" in os.environ:
        seeds = [int(os.environ["STORM_SEED"])]
    elif SECONDS == 0:
        seeds = range(1, 5)
    else:
        first = random.SystemRandom().randrange(1 << 30)
        seeds = range(first, first + max(1, SECONDS // ROUND))
    seconds = SECONDS // len(seeds) or ROUND
    return harness.run([(f"seed {seed}", lambda s=seed: storm(s, seconds))
                        for seed in seeds])


if __name__ == "__main__":
    sys.exit(main())
