#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""generate.py TABLE OUT: make one of the files derived from a table.

What is made follows from the names: netbsd.tbl and linux.tbl each have their
own grammar, written at their heads, and their own list of outputs.
"""
import os
import sys

import linux
import netbsd
import table

TABLES = {
    "netbsd.tbl": (netbsd.Table, netbsd.OUTPUTS),
    "linux.tbl": (linux.Table, linux.OUTPUTS),
}


def main(argv):
    if len(argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    path, out = argv
    kind, name = os.path.basename(path), os.path.basename(out)
    if kind not in TABLES or name not in TABLES[kind][1]:
        sys.exit(f"{kind} makes no {name}")
    parse, outputs = TABLES[kind]
    text = outputs[name](parse(path))
    with open(out, "w", encoding="ascii") as f:
        f.write(text)


if __name__ == "__main__":
    table.run(main)
