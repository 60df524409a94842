#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A C program that uses stdio, directory, walk, mapping and thread calls."""
import functools
import os
import sys

import harness
import test_programs

READER = os.environ["READER"]
EXPORTER = os.environ["EXPORTER"]


def populate(top):
    test_programs.populate(top)
    with open(f"{top}/huge", "wb") as f:
        f.truncate(4 << 30)
        f.seek((2 << 30) + 7)
        f.write(b"\x05")
        f.seek((4 << 30) - 1)
        f.write(b"\x07")
    os.chmod(f"{top}/huge", 0o644)


def compare(mode, directory, server):
    hijacked = harness.rumpkit([READER, harness.MOUNT, mode],
                               [(harness.MOUNT, server.url())])
    plain = harness.native([READER, directory, mode])
    if mode == "walk":  # the order of a directory is the file system's own
        for result in (hijacked, plain):
            result.stdout = b"\n".join(sorted(
                result.stdout.replace(directory.encode(), b"/data")
                .split(b"\n")))
    harness.same(hijacked, plain, directory)


def foreign_symbols(directory, server):
    """A program that exports names like ours never sees a call of ours."""
    hijacked = harness.rumpkit([EXPORTER, f"{harness.MOUNT}/text"],
                               [(harness.MOUNT, server.url())])
    harness.same(hijacked, harness.native([EXPORTER, f"{directory}/text"]),
                 directory)


def threads_list_one_directory(_, server):
    out = harness.rumpkit(["/usr/bin/python3", "-c", """
import os, threading
want = None
bad = []
def work():
    for i in range(20):
        try: names = sorted(os.listdir('/data/many'))
        except OSError as e: names = str(e)
        if len(names) != 1500: bad.append(names)
t = [threading.Thread(target=work) for i in range(8)]
[x.start() for x in t]; [x.join() for x in t]
print(bad[:3])
"""], [(harness.MOUNT, server.url("&actimeo=0"))])
    harness.check(out.stdout == b"[]\n", str(out))


def fork_is_refused(_, server):
    out = harness.rumpkit([READER, harness.MOUNT, "fork"],
                          [(harness.MOUNT, server.url())])
    harness.check(out.stdout == b"child 42\nparent 0\n", str(out))
    lines = out.stderr.decode().strip().splitlines()
    harness.check(len(lines) == 1 and "fork" in lines[0], str(lines))


def writing_to_ro_is_erofs(_, server):
    out = harness.rumpkit([READER, harness.MOUNT, "erofs"],
                          [(harness.MOUNT, server.url("&ro"))])
    lines = out.stdout.decode().splitlines()
    harness.check(len(lines) == 15, str(out))
    for line in lines:
        want = "Invalid cross-device link" if "to host" in line \
            else "Read-only file system"
        harness.check(line.endswith(f"-1 {want}"), line)


def main():
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with harness.export(populate) as (directory, server):
        cases = [(mode, functools.partial(compare, mode, directory, server))
                 for mode in ("stdio", "dirs", "walk", "map", "share",
                              "sparse", "threads")]
        cases += [("a program that exports names like ours",
                   functools.partial(foreign_symbols, directory, server)),
                  ("threads list one directory", functools.partial(
                      threads_list_one_directory, directory, server)),
                  ("a forked child is refused by name",
                   functools.partial(fork_is_refused, directory, server)),
                  ("writing to a read-only mount is EROFS",
                   functools.partial(writing_to_ro_is_erofs, directory, server))]
        return harness.run(cases)


if __name__ == "__main__":
    sys.exit(main())
