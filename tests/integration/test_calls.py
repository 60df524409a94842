#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""System calls one by one: ours do what the host's do.

calls/ makes them, section by section, on a directory of the host's memory file
system and on ours, and prints each with its result, its errno and what is there
afterwards.  Both must print the same: in a tree and in process, as an ordinary
user and as root; on NFS where what is printed is the protocol's business.
"""
import functools
import os
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import MOUNT, check

CALLS = os.environ["CALLS"]
MEMORY = "/dev/shm"
# Sections with lines that the protocol does not know, or that the server
# answers in its own way; their other lines are not compared either.
NOT_ON_NFS = {
    "opening-unnamed", "opening-at", "opening-how", "opening-limits",
    "data-seeking", "data-truncating", "data-allocating", "names-linking",
    "names-renaming", "names-removing", "names-making", "names-pointing",
    "names-listing", "names-working", "names-links", "attributes-owners",
    "attributes-times", "attributes-statfs", "attributes-ioctl",
}


def ran(argv):
    out = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                         timeout=120, env=harness.clean_env(), cwd="/",
                         check=False)
    text = (out.stdout + out.stderr).decode(errors="replace")
    return text.splitlines() + [f"status {out.returncode}"]


def user(root):
    return (lambda argv: argv) if root else harness.as_user


@functools.lru_cache(None)
def on_the_host(section, root):
    top = tempfile.mkdtemp(prefix="rumpkit-test.", dir=MEMORY)
    try:
        os.chmod(top, 0o777)
        return ran(user(root)([CALLS, top, section]))
    finally:
        shutil.rmtree(top, ignore_errors=True)


def compare(section, root, argv):
    plain, ours = on_the_host(section, root), ran(user(root)(argv))
    check(plain[-1] == "status 0" and len(plain) > 2, "\n".join(plain))
    different = [f"the host {a.strip()}\n  here     {b.strip()}"
                 for a, b in zip(plain, ours) if a != b]
    check(not different and len(plain) == len(ours),
          f"{len(plain)} lines on the host, {len(ours)} here\n" +
          "\n".join(different[:20]) +
          ("" if different else "\n" + "\n".join(ours[-5:])))


def on_tmpfs(section, options, root=False):
    if root and os.geteuid() != 0:
        raise harness.Skip("root has rights of its own, which it takes root "
                           "to see")
    if not os.path.isdir(MEMORY):
        raise harness.Skip(f"no {MEMORY}")
    compare(section, root, [
        harness.RUMPKIT, "run", *options, "--mount",
        f"{MOUNT}=tmpfs:?mode=0777", "--", CALLS, MOUNT, section])


def on_nfs(sections):
    with harness.export(lambda top: os.chmod(top, 0o777)) as (_, server):
        for section in sections:
            compare(section, False, [
                harness.RUMPKIT, "run", "--mount", f"{MOUNT}={server.url()}",
                "--", "sh", "-c",
                f"mkdir {MOUNT}/{section} && "
                f"exec {CALLS} {MOUNT}/{section} {section}"])


def main():
    sections = subprocess.run([CALLS], capture_output=True, text=True,
                              check=True).stdout.split()
    check(len(sections) > 40, f"{sections}")
    cases = []
    for section in sections:
        name = section.replace("-", ": ", 1)
        shared = section.startswith("sharing")
        for where, options, root in (
                ("in a tree", (), False),
                ("in process", ("--in-process",), False),
                ("in a tree, as root", (), True)):
            # A child is another process, of which a tree consists.
            if shared and options:
                continue
            cases.append((f"{name}, {where}", functools.partial(
                on_tmpfs, section, options, root)))
    cases.append(("on NFS", functools.partial(on_nfs, [
        s for s in sections if s not in NOT_ON_NFS])))
    return harness.run(cases)


sys.exit(main())
