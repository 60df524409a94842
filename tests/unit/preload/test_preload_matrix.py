#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_preload_matrix.py LIBRARY MATRIX: the same on the host and on rump.

Runs the program MATRIX on a directory of the host, and under the hijack library
on the kernel's memory root, and compares what it prints.
"""
import difflib
import os
import subprocess
import sys
import tempfile


def run(matrix, directory, env):
    done = subprocess.run([matrix, directory], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=180, env=env,
                          check=False)
    text = done.stdout.decode() + done.stderr.decode()
    return text + f"status {done.returncode}\n"


def main():
    library, matrix = map(os.path.abspath, sys.argv[1:])
    env = {k: v for k, v in os.environ.items() if not k.startswith("RUMP")}
    with tempfile.TemporaryDirectory() as directory:
        host = run(matrix, directory, env)
    rump = run(matrix, "/rump/tmp", {**env, "LD_PRELOAD": library,
                                 "RUMPHIJACK": "path=/rump,socket=inet",
                                 "RUMPKIT_IN_PROCESS": "1"})
    diff = list(difflib.unified_diff(host.splitlines(), rump.splitlines(),
                                     "host", "rump", lineterm="", n=1))
    print("\n".join(diff) if diff else f"{len(host.splitlines())} the same")
    return 1 if diff or "status 0" not in host else 0


if __name__ == "__main__":
    sys.exit(main())
