#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Several users at one directory: ours treats them as the host does.

crowd/ makes random calls as root, as owners of files, members of their groups
and strangers, by set-uid programs and file servers (setfsuid(2)), and prints
each with its result and with all that it has changed in the tree: names, modes,
owners, links, contents, and which times.  On the host's memory file system and
on ours it must print the same; on NFS, but for what the protocol does not know.
"""
import functools
import os
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import MOUNT, check

CROWD = os.environ["CROWD"]
MEMORY = "/dev/shm"
STEPS = 300
CONTEXT = 8


def ran(argv):
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=240, env=harness.clean_env(), cwd="/",
                         check=False)
    text = (out.stdout + out.stderr).decode("latin-1")
    return text.split("\n") + [f"status {out.returncode}"]


def on_the_host(seed, more):
    top = tempfile.mkdtemp(prefix="rumpkit-test.", dir=MEMORY)
    try:
        return ran([CROWD, top, str(seed), str(STEPS), *more])
    finally:
        shutil.rmtree(top, ignore_errors=True)


def compare(seed, options, source="tmpfs:", more=()):
    if os.geteuid() != 0:
        raise harness.Skip("it takes root to be several users")
    if not os.path.isdir(MEMORY):
        raise harness.Skip(f"no {MEMORY}")
    plain = on_the_host(seed, more)
    check(plain[-1] == "status 0" and len(plain) > STEPS,
          "\n".join(plain[-5:]))
    ours = ran([harness.RUMPKIT, "run", *options, "--mount",
                f"{MOUNT}={source}", "--", CROWD, MOUNT, str(seed),
                str(STEPS), *more])
    for i, (a, b) in enumerate(zip(plain, ours)):
        check(a == b, "\n".join([
            *plain[max(0, i - CONTEXT):i],
            *(f"the host {line}" for line in plain[i:i + CONTEXT]),
            *(f"here     {line}" for line in ours[i:i + CONTEXT])]))
    check(len(plain) == len(ours), "\n".join(ours[-5:]))


def compare_nfs(seed):
    with harness.export(lambda top: os.chmod(top, 0o777)) as (_, server):
        compare(seed, (), server.url(), ("nfs",))


def main():
    # Seeds that meet none of the known differences: long links onto themselves,
    # what lies below O_PATH of a directory that nobody may read, and on NFS the
    # order of errors in sticky directories.
    cases = []
    for seed in (2, 4, 5):
        cases.append((f"in a tree, seed {seed}",
                      functools.partial(compare, seed, ())))
    for seed in (7, 8):
        cases.append((f"in process, seed {seed}",
                      functools.partial(compare, seed, ("--in-process",))))
    cases.append(("on NFS, seed 7", functools.partial(compare_nfs, 7)))
    return harness.run(cases)


sys.exit(main())
