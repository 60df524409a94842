#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run one case of a trap test with its remedy, and without it.

traps.py LIBRARY BREAKABLE PROGRAM CASE [MODE [REMEDY]] [-- OPERAND ...]

With LIBRARY preloaded PROGRAM CASE must succeed.  With BREAKABLE, a build of
the same engine in which remedies can be switched off, and REMEDY (a name of
preload/engine/broken.h) switched off, it must fail: otherwise the case proves
nothing.
"""
import os
import re
import signal
import subprocess
import sys

HEADER = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                      "../../preload/engine/broken.h")
TIMEOUT = 90
TIMEOUT_BROKEN = 10


def remedies():
    with open(HEADER, encoding="ascii") as f:
        return re.findall(r"^\t(BREAK_\w+)", f.read(), re.M)


def run(library, mode, remedy, command, timeout):
    env = dict(os.environ, LD_PRELOAD=library, RUMPKIT_ENGINE=mode)
    if remedy:
        env["RUMPKIT_BREAK"] = str(remedies().index("BREAK_" + remedy))
    with subprocess.Popen(command, env=env, start_new_session=True,
                          stderr=subprocess.PIPE, text=True) as p:
        try:
            err = p.communicate(timeout=timeout)[1]
            return p.returncode, err
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            return "timeout", p.communicate()[1]


def main():
    args = sys.argv[1:]
    operands = []
    if "--" in args:
        at = args.index("--")
        args, operands = args[:at], args[at + 1:]
    library, breakable, program, case = args[:4]
    mode = args[4] if len(args) > 4 else "lazy"
    command = [program, case] + operands
    status, err = run(library, mode, None, command, TIMEOUT)
    if status == 77:
        return 77
    if status != 0:
        print(f"{case}: status {status}\n{err}")
        return 1
    if len(args) > 5:
        status, err = run(breakable, mode, args[5], command, TIMEOUT_BROKEN)
        if status == 0:
            print(f"{case}: succeeds even without {args[5]}")
            return 1
        print(f"{case}: without {args[5]}: {status} {err.strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
