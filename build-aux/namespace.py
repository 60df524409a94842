#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Put kernel-side objects into the rumpns_ name space.

namespace.py kernel OUT.o ARCHIVE
    Join the archive into one relocatable object and rename every global
    symbol, defined or not, that is not rump*, RUMP* or __*: fd_dup becomes
    rumpns_fd_dup.  Sources read naturally; libraries export one prefix.

namespace.py test OUT.o ARCHIVE KERNEL.o ...
    The same for a test that calls kernel functions by their plain names:
    rename only what the given kernel objects define, libc's names excepted.
"""
import os
import re
import subprocess
import sys
import tempfile

PREFIX = "rumpns_"
KEEP = re.compile(r"^(rump|RUMP|__|_GLOBAL_OFFSET_TABLE_|\.|_ZN|DW\.)")
LIBC = {"memcpy", "memmove", "memset", "memcmp", "strlen", "strnlen",
        "strcmp", "strncmp", "strchr", "strrchr", "strlcpy"}


def symbols(path, *flags):
    out = subprocess.run(["nm", "-g", *flags, path], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[-1] for line in out.splitlines()
            if line.strip() and not line.endswith(":")}


def join(archive, out):
    subprocess.run(["ld", "-r", "-o", out, "--whole-archive", archive],
                   check=True)


def main():
    mode, out, archive, *kernels = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=os.path.dirname(out) or ".") as tmp:
        joined = os.path.join(tmp, "joined.o")
        join(archive, joined)
        names = symbols(joined)
        if mode == "kernel":
            wanted = {n for n in names if not KEEP.match(n)}
        else:
            known = set()
            for k in kernels:
                known |= {n[len(PREFIX):] for n in
                          symbols(k, "--defined-only")
                          if n.startswith(PREFIX)}
            wanted = (names & known) - LIBC
        mapping = os.path.join(tmp, "map")
        with open(mapping, "w", encoding="ascii") as f:
            for n in sorted(wanted):
                f.write(f"{n} {PREFIX}{n}\n")
        subprocess.run(["objcopy", f"--redefine-syms={mapping}", joined, out],
                       check=True)


if __name__ == "__main__":
    main()
