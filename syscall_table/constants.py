#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""constants.py (plain|rump) TABLE OUT: a C header from a constants table."""
import re
import sys

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
VALUE = re.compile(r"^-?(0x[0-9a-fA-F]+|[0-9]+)$")


def parse(path):
    group, rows, seen = None, [], set()
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("[") and line.endswith("]"):
                group = line[1:-1]
                continue
            words = line.split()
            if group is None or len(words) != 2 or not NAME.match(words[0]) \
                    or not VALUE.match(words[1]):
                sys.exit(f"{path}:{number}: expected NAME VALUE in a [group]")
            if words[0] in seen:
                sys.exit(f"{path}:{number}: {words[0]} is listed twice")
            seen.add(words[0])
            rows.append((group, words[0], words[1]))
    return rows


def main():
    style, table, out = sys.argv[1:]
    prefix, guard = {"plain": ("", "KERN_NETBSD_H"),
                     "rump": ("RUMP_", "RUMP_RUMPDEFS_H")}[style]
    last = None
    with open(out, "w", encoding="ascii") as f:
        f.write("/* Generated from netbsd_constants.tbl: do not edit. */\n")
        f.write(f"#ifndef {guard}\n#define {guard}\n")
        for group, name, value in parse(table):
            if group != last:
                f.write(f"\n/* {group} */\n")
                last = group
            if value.startswith("-"):
                value = f"({value})"
            f.write(f"#define {prefix}{name} {value}\n")
        f.write(f"\n#endif /* !{guard} */\n")


if __name__ == "__main__":
    main()
