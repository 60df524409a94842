#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""manpages.py ROOT: mandoc has nothing to say about the manual pages."""
import shutil
import subprocess
import sys

import sources


def main():
    root = sys.argv[1]
    if shutil.which("mandoc") is None:
        print("mandoc is not installed")
        return 77
    pages = list(sources.files(f"{root}/docs/man", ".1", ".3", ".5", ".7"))
    if not pages:
        print("there are no manual pages")
        return 1
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages],
                          cwd=f"{root}/docs/man", capture_output=True,
                          text=True)
    print(done.stdout + done.stderr)
    return 1 if done.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
