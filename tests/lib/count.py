#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""count.py TESTLOG ...: what failed, and one closing line for several logs.

A TAP test counts as its cases, any other as one.  The failures are named once
more at the end, with what they said, for readers who see only the end of a
long output.
"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok \d+(.*)$", re.MULTILINE)
PLAIN = {"OK": 0, "EXPECTEDFAIL": 0, "SKIP": 2}


def cases(entry):
    """Yield 0 passed, 1 failed, 2 skipped for each case of a test."""
    found = list(CASE.finditer(entry.get("stdout") or ""))
    for m in found:
        if m.group(1):
            yield 1
        else:
            yield 2 if "# SKIP" in m.group(2) else 0
    plain = PLAIN.get(entry["result"], 1)
    if not found or (plain == 1 and not any(m.group(1) for m in found)):
        yield plain


def complaint(entry):
    """What a failed test said: its failed cases with the comments that
    follow them, or its last lines; at most 40 lines of at most 300 bytes."""
    output = (entry.get("stdout") or "").splitlines()
    said = []
    telling = False
    for line in output:
        if CASE.match(line):
            telling = line.startswith("not ")
        if telling:
            said.append(line)
    if not said:
        said = (output + (entry.get("stderr") or "").splitlines())[-40:]
    return [line[:300] for line in said[:40]]


def main():
    count = [0, 0, 0]
    failures = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            for line in f:
                entry = json.loads(line)
                results = list(cases(entry))
                for result in results:
                    count[result] += 1
                if 1 in results:
                    failures.append(f"failed: {entry['name']} ({path})")
                    failures += ["  " + said for said in complaint(entry)]
    for line in failures:
        print(line)
    print("{} passed, {} failed, {} skipped".format(*count))
    return 1 if count[1] or not count[0] else 0


if __name__ == "__main__":
    sys.exit(main())
