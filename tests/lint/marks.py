#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""marks.py ROOT: no unfinished marks, and a licence line in every source."""
import re
import sys

import sources

MARK = re.compile(r"\b(X{3}|FIX{1}ME|HA{1}CK|TO{1}DO)\b")


def main():
    root, bad = sys.argv[1], []
    for name in sources.files(root, ".c", ".h", ".S", ".py", ".sh",
                              "meson.build"):
        with open(f"{root}/{name}", encoding="utf-8") as f:
            text = f.read()
        if "SPDX-License-Identifier: BSD-2-Clause" not in text[:300]:
            bad.append(f"{name}: no SPDX line at its head")
        bad += [f"{name}:{n}: unfinished mark" for n, line in
                enumerate(text.splitlines(), 1) if MARK.search(line)]
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
