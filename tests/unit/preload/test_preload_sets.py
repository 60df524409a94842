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


def run(program, directory, seed, env):
    done = subprocess.run([program, directory, str(seed), str(STEPS)],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, env=env, check=False)
    return (done.stdout + done.stderr).decode() + f"status {done.returncode}\n"


def main():
    library, program = map(os.path.abspath, sys.argv[1:])
    env = {k: v for k, v in os.environ.items() if not k.startswith("RUMP")}
    hijacked = {**env, "LD_PRELOAD": library, "RUMPKIT_IN_PROCESS": "1",
                "RUMPHIJACK": "path=/rump,socket=inet"}
    waits = 0
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as directory:
            host = run(program, directory, seed, env)
        rump = run(program, "/rump", seed, hijacked)
        diff = list(difflib.unified_diff(host.splitlines(), rump.splitlines(),
                                         "host", "rump", lineterm="", n=8))
        if diff or not host.endswith("status 0\n"):
            print(f"seed {seed}")
            print("\n".join(diff[:60] if diff else host.splitlines()[-5:]))
            return 1
        waits += sum(line.startswith(("wait", "poll", "select"))
                     for line in host.splitlines())
    print(f"{waits} waits, all the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
