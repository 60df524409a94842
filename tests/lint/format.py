#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""format.py ROOT: every C file is as clang-format leaves it."""
import shutil
import subprocess
import sys

import sources


def main():
    root = sys.argv[1]
    if shutil.which("clang-format") is None:
        print("clang-format is not installed")
        return 77
    names = list(sources.files(root, ".c", ".h"))
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *names],
                          cwd=root, stderr=subprocess.PIPE, text=True)
    bad = sorted({line.split(":")[0] for line in done.stderr.splitlines()
                  if "clang-format-violations" in line})
    for name in bad:
        print(f"{name}: clang-format would change it")
    return 1 if bad or done.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
