#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random calls on sockets: ours do what the host's do.

netcrowd/ makes random calls on a handful of TCP and UDP sockets and prints each
with what came of it.  On the host's sockets and on ours it must print the same:
in a tree and in process, where data go straight to the host's socket and where
they pass the kernel.
"""
import functools
import os
import subprocess
import sys
import tempfile

import harness
from harness import check

NETCROWD = os.environ["NETCROWD"]
NET = ["--net", "sockin"]
STEPS = 400
CONTEXT = 8
# A busy host may deliver later than the next call looks.
TRIES = 5


def ran(argv, seed):
    out = subprocess.run(harness.as_user([*argv, NETCROWD, str(seed),
                                          str(STEPS)]),
                         stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=120, env=harness.clean_env(), cwd="/",
                         check=False)
    text = out.stdout.decode("latin-1")
    # A summary is no failure.
    return text.split("\n") + [f"status {out.returncode}"] + (
        out.stderr.decode("latin-1").split("\n") if out.returncode else [])


def difference(seed, options):
    """What differs first, or None."""
    plain = ran([], seed)
    check("status 0" in plain and len(plain) > STEPS,
          "\n".join(plain[-5:]))
    ours = ran([harness.RUMPKIT, "run", *options, *NET, "--"], seed)
    if plain == ours:
        return None
    for i, (a, b) in enumerate(zip(plain, ours)):
        if a != b:
            return "\n".join([
                f"seed {seed}", *plain[max(0, i - CONTEXT):i],
                *(f"the host {line}" for line in plain[i:i + CONTEXT]),
                *(f"here     {line}" for line in ours[i:i + CONTEXT])])
    return "\n".join(ours[-5:])


def compare(seeds, options):
    for seed in seeds:
        for _ in range(TRIES):
            found = difference(seed, options)
            if found is None:
                break
        check(found is None, found)


def compare_captured(seeds):
    with tempfile.TemporaryDirectory(prefix="rumpkit-test.") as top:
        os.chmod(top, 0o777)
        compare(seeds, ["--in-process", "--pcap", f"{top}/%p.pcap"])


def is_routed():
    r = subprocess.run(harness.as_user(
        [harness.RUMPKIT, "run", "--trace=socket", *NET, "--", NETCROWD, "1",
         str(STEPS)]), stdin=subprocess.DEVNULL, capture_output=True,
        timeout=120, env=harness.clean_env(), cwd="/", check=False)
    check(b"socket(AF_INET, " in r.stderr and b"<rump:" in r.stderr,
          r.stderr.decode(errors="replace")[:1500])


def main():
    return harness.run([
        ("the sockets are routed", is_routed),
        ("in a tree", functools.partial(compare, range(1, 13), [])),
        ("in process",
         functools.partial(compare, range(21, 33), ["--in-process"])),
        ("in a tree that counts",
         functools.partial(compare, range(41, 53), ["--summary", "-q"])),
        ("in process with a capture",
         functools.partial(compare_captured, range(61, 73))),
    ])


sys.exit(main())
