#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a program sees of its sockets is the same natively and under rumpkit.

socket_probe.py prints it, one section a case; both runs are compared section
by section, and the run under rumpkit must have had rump sockets.
"""
import functools
import os
import subprocess
import sys

import harness
from harness import check

PY = "/usr/bin/python3"
PROBE = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                     "socket_probe.py")
NET = ["--net", "sockin"]


def sections(text):
    out, name = {}, None
    for line in text.decode(errors="replace").splitlines():
        if not line.startswith(" "):
            name = line
            out[name] = []
        else:
            out[name].append(line)
    return out


@functools.lru_cache(None)
def outputs():
    """Natively, with the kernel in process, and in a tree."""
    argv = [PY, "-B", PROBE]
    runs = (harness.native(argv, timeout=240),
            harness.rumpkit(argv, options=NET, timeout=240),
            subprocess.run(harness.as_user(
                [harness.RUMPKIT, "run", *NET, "--", *argv]),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=240,
                env=harness.clean_env(), cwd="/", check=False))
    for r in runs:
        check(r.returncode == 0, f"{r.returncode}\n" +
              r.stderr.decode(errors="replace")[-1500:] +
              r.stdout.decode(errors="replace")[-300:])
    return [sections(r.stdout) for r in runs]


def compare(name):
    for number in 1, 2:
        compare_run(name, number)


def compare_run(name, number):
    plain, hijacked = (outputs()[i].get(name) for i in (0, number))
    check(plain, "no output natively")
    check(hijacked is not None, "not reached under rumpkit")
    different = [f"natively {a.strip()}\n  hijacked {b.strip()}"
                 for a, b in zip(plain, hijacked) if a != b]
    check(not different and len(plain) == len(hijacked),
          f"{len(plain)} lines natively, {len(hijacked)} hijacked; "
          f"{len(different)} differ\n" + "\n".join(different[:20]))


def is_routed():
    """The sections mean nothing when the sockets are the host's own."""
    r = harness.rumpkit([PY, "-B", PROBE, "identity"],
                        options=NET + ["--trace=socket"])
    check(b"socket(AF_INET6, " in r.stderr and b"<rump:" in r.stderr,
          r.stderr.decode(errors="replace")[:1500])


def main():
    r = harness.native([PY, "-B", PROBE, "--list"])
    names = r.stdout.decode().split()
    check(len(names) > 30, r.stderr.decode())
    return harness.run(
        [("the sockets are routed", is_routed)] +
        [(name.replace("_", " "), functools.partial(compare, name))
         for name in names])


sys.exit(main())
