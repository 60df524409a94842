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
LIMIT = 180
# Without Syscall User Dispatch only what has been patched is caught.
EAGER = ["child_has_its_own", "vfork_child_changes_nothing", "spawn_actions",
         "threads_spawn", "nested", "shared_until_exec", "shared_both_ways",
         "shared_exec", "shared_fork"]


def run(argv, **env):
    try:
        out = subprocess.run(argv, stdin=subprocess.DEVNULL, cwd="/",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=harness.clean_env(**env), timeout=LIMIT)
        return out.returncode, out.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as e:
        return "time out", (e.stdout or b"").decode(errors="replace")


def empty_directory():
    path = tempfile.mkdtemp(prefix="rumpkit-test.")
    os.chmod(path, 0o1777)  # as the root of a tmpfs
    return path


def case(name, **env):
    directory = empty_directory()
    try:
        host = run([LIVES, name, directory])
    finally:
        shutil.rmtree(directory)
    os.mkdir(directory, 0o1777)
    try:
        rump = run([harness.RUMPKIT, "run", "--mount", f"{directory}=tmpfs:",
                    "--", LIVES, name, directory], **env)
        left = os.listdir(directory)
    finally:
        shutil.rmtree(directory)
    harness.check(rump == host, f"on the host: {host}, under rumpkit: {rump}")
    harness.check(left == [], f"on the host: {left}")


def a_guest():
    """A process that shares its parent's memory while that is in the kernel is
    refused by name, and never reaches the host."""
    directory = empty_directory()
    try:
        out = run([harness.RUMPKIT, "run", "--mount", f"{directory}=tmpfs:",
                   "--", LIVES, "--act", "guest", directory])
        left = os.listdir(directory)
    finally:
        shutil.rmtree(directory)
    harness.check(left == [], f"on the host: {left}")
    harness.check(out[0] == 0 and "clone(2) with CLONE_VM alone" in out[1] and
                  "all refused\nexited 0\n" in out[1], f"{out}")


def main():
    names = sys.argv[1:] or subprocess.run(
        [LIVES, "--list"], capture_output=True, check=True,
        text=True).stdout.split()
    cases = [(name.replace("_", " "), functools.partial(case, name))
             for name in names]
    if not sys.argv[1:]:
        cases.append(("a guest", a_guest))
        cases += [(f"{name.replace('_', ' ')}, by patches alone",
                   functools.partial(case, name, RUMPKIT_ENGINE="eager"))
                  for name in EAGER]
    return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
