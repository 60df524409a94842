#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""reaper.py REPORT SECONDS command [argument ...]

Run a command and everything it starts, for SECONDS at most.  Orphans become
children of this process, so that nothing outlives it: what is still there
GRACE seconds behind the command, or when the time is over, is killed.  REPORT
gets a JSON object: status (as a shell has it, null when the time was over) and
left, the names of the processes that had to be killed.
"""
import ctypes
import json
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE = 30


def parents():
    """Each process's parent, name and state."""
    out = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as f:
                text = f.read().decode(errors="replace")
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        out[int(entry)] = (int(parent), name, state)
    return out


def descendants():
    """Processes below this one that live, by number."""
    table = parents()
    below = {os.getpid()}
    while True:
        more = {pid for pid, row in table.items()
                if row[0] in below and pid not in below}
        if not more:
            break
        below |= more
    return {pid: table[pid][1] for pid in below - {os.getpid()}
            if table[pid][2] != "Z"}


class Alarm(Exception):
    """The time is over."""


def on_alarm(_signo, _frame):
    raise Alarm


def wait_for(pid):
    """Wait for pid, or with 0 for all; the status of pid."""
    while True:
        try:
            which, status = os.wait()
        except ChildProcessError:
            return None
        if which == pid:
            return os.waitstatus_to_exitcode(status)


def within(seconds, function, *args):
    """function(), or Alarm."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function(*args)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def kill_rest():
    left = descendants()
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        living = descendants()
        if not living:
            break
        for pid in living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            within(0.1, wait_for, 0)
        except Alarm:
            pass
    return sorted(left.values())


def main():
    report, seconds, argv = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGALRM, on_alarm)
    out = {"status": None, "left": []}
    pid = os.posix_spawnp(argv[0], argv, os.environ,
                          setsigdef=(signal.SIGPIPE, signal.SIGXFSZ))
    try:
        status = within(seconds, wait_for, pid)
        out["status"] = status if status >= 0 else 128 - status
        within(GRACE, wait_for, 0)
    except Alarm:
        out["left"] = kill_rest()
    with open(report, "w", encoding="utf-8") as f:
        json.dump(out, f)


if __name__ == "__main__":
    main()
