#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""includes.py ROOT: includes point downwards, and kernel-side code is
freestanding.

A file of a layer may include headers of the layers listed for it and of its
own.  Kernel-side files (all of KERNEL but user.c and what user.c alone uses)
include no host header.
"""
import re
import sys

import sources

PUBLIC = {"include", "rump"}
MAY = {
    "rumpuser": PUBLIC,
    "kern": PUBLIC | {"syscall_table"},
    "vfs": PUBLIC | {"kern", "syscall_table"},
    "net": PUBLIC | {"kern", "syscall_table"},
    "sockin": PUBLIC | {"kern", "net"},
    "nfs": PUBLIC | {"kern", "vfs", "net"},
    "sysproxy": PUBLIC | {"rumpuser", "syscall_table"},
    "preload": PUBLIC | {"syscall_table", "sysproxy"},
    "tools": PUBLIC | {"preload", "syscall_table", "sysproxy"},
}
KERNEL = {"kern", "vfs", "net", "sockin", "nfs"}
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h",
                "stdatomic.h", "limits.h"}
HOST_HALF = re.compile(r"(^|/)(user|host)(_[a-z]+)?\.[ch]$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def check(root, name):
    layer = name.split("/")[0]
    if layer not in MAY:
        return
    kernel = layer in KERNEL and not HOST_HALF.search(name)
    with open(f"{root}/{name}", encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            m = INCLUDE.match(line)
            if m is None:
                continue
            kind, target = m.groups()
            if kind == '"':
                other = target.split("/")[0]
                if "/" not in target:
                    yield f"{name}:{number}: {target}: say which layer"
                elif other != layer and other not in MAY[layer]:
                    yield f"{name}:{number}: {layer} may not include {target}"
                elif target == "kern/netbsd.h" and name.endswith(".h"):
                    yield f"{name}:{number}: {target} belongs into .c files"
            elif kernel and target not in FREESTANDING:
                yield f"{name}:{number}: kernel-side code includes <{target}>"


def main():
    root = sys.argv[1]
    bad = [text for name in sources.files(root, ".c", ".h", ".S")
           for text in check(root, name)]
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
