#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""thread_safety.py ROOT BUILD: kernel-side code keeps to its lock annotations,
as clang's -Wthread-safety sees it.

Left out is vfs/: that a block's pb_pc is the cache whose lock is held is more
than the analysis can follow.
"""
import os
import re
import shutil
import subprocess
import sys

import sources

KERNEL = {"kern", "net", "sockin", "nfs"}
HOST_HALF = re.compile(r"(^|/)user(_[a-z]+)?\.c$")
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-ffreestanding", "-fsyntax-only",
         "-Wthread-safety", "-Werror"]


def main():
    root, build = sys.argv[1:]
    if shutil.which("clang") is None:
        print("clang is not installed")
        return 77
    names = [n for n in sources.files(root, ".c")
             if n.split(os.sep)[0] in KERNEL and not HOST_HALF.search(n)]
    dirs = [f"-I{d}" for top in (root, build)
            for d in (top, os.path.join(top, "include"),
                      os.path.join(top, "syscall_table"))]
    return subprocess.run(["clang", *FLAGS, *dirs, *names], cwd=root,
                          check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
