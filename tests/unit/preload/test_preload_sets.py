#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_preload_sets.py LIBRARY SETS: readiness of rump sockets is the host's.

Runs the program SETS with a number of seeds, on the host and under the hijack
library with sockets and files of a rump kernel, and compares what it prints.
"""
import difflib
import os
import subprocess
import sys
import tempfile

SEEDS = 20
STEPS = 3000
TRIES = 5


def run(program, directory, seed, env):
    done = subprocess.run([program, directory, str(seed), str(STEPS)],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=180, env=env, check=False)
    return (done.stdout + done.stderr).decode() + f"status {done.returncode}\n"


def compare(program, library, seed):
    """The host's output, once the same as ours; None when it never is.

    When an acknowledgement arrives is the host's secret, and an edge-triggered
    member tells: now and then two runs on the host differ as well.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith("RUMP")}
    hijacked = {**env, "LD_PRELOAD": library, "RUMPKIT_IN_PROCESS": "1",
                "RUMPHIJACK": "path=/rump,socket=inet"}
    host, rump = [], []
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory() as directory:
            host.append(run(program, directory, seed, env))
        rump.append(run(program, "/rump/tmp", seed, hijacked))
        for text in rump:
            if text in host:
                return text
    diff = difflib.unified_diff(host[0].splitlines(), rump[0].splitlines(),
                                "host", "rump", lineterm="", n=8)
    print(f"seed {seed}")
    print("\n".join(list(diff)[:60]))
    return None


def main():
    library, program = map(os.path.abspath, sys.argv[1:])
    waits = 0
    for seed in range(SEEDS):
        text = compare(program, library, seed)
        if text is None or not text.endswith("status 0\n"):
            print(text)
            return 1
        waits += sum(line.startswith(("wait", "poll", "select"))
                     for line in text.splitlines())
    print(f"{waits} waits, all the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
