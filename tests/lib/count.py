#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""count.py TESTLOG ...: one closing line for several meson test logs.

A TAP test counts as its cases, any other as one.
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


def main():
    count = [0, 0, 0]
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            for line in f:
                for result in cases(json.loads(line)):
                    count[result] += 1
    print("{} passed, {} failed, {} skipped".format(*count))
    return 1 if count[1] or not count[0] else 0


if __name__ == "__main__":
    sys.exit(main())
