#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Lives of processes: fork, vfork, exec, descriptors that travel, ends.

Each case of lives/*.c runs once in a directory of the host and once, under
rumpkit run, with a tmpfs mounted at that very place: exit status and output
must be the same, and the host's directory must have stayed empty.

Usage: test_process_life.py [case ...]
"""
import functools
import os
import shutil
import subprocess
import sys
import tempfile

import harness

LIVES = os.environ["LIVES"]
LIMIT = 60


def run(argv):
    try:
        out = subprocess.run(argv, stdin=subprocess.DEVNULL, cwd="/",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=harness.clean_env(), timeout=LIMIT)
        return out.returncode, out.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as e:
        return "time out", (e.stdout or b"").decode(errors="replace")


def empty_directory():
    path = tempfile.mkdtemp(prefix="rumpkit-test.")
    os.chmod(path, 0o1777)  # as the root of a tmpfs
    return path


def case(name):
    directory = empty_directory()
    try:
        host = run([LIVES, name, directory])
    finally:
        shutil.rmtree(directory)
    os.mkdir(directory, 0o1777)
    try:
        rump = run([harness.RUMPKIT, "run", "--mount", f"{directory}=tmpfs:",
                    "--", LIVES, name, directory])
        left = os.listdir(directory)
    finally:
        shutil.rmtree(directory)
    harness.check(rump == host, f"on the host: {host}, under rumpkit: {rump}")
    harness.check(left == [], f"on the host: {left}")


def main():
    names = sys.argv[1:] or subprocess.run(
        [LIVES, "--list"], capture_output=True, check=True,
        text=True).stdout.split()
    return harness.run([(name.replace("_", " "), functools.partial(case, name))
                        for name in names])


if __name__ == "__main__":
    sys.exit(main())
