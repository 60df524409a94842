#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""System calls one by one: ours do what the host's do.

calls/ makes them, section by section, on a directory of the host's memory file
system and on ours, and prints each with its result, its errno and what is there
afterwards.  Both must print the same: in a tree and in process, as an ordinary
user and as root; on NFS but for the lines that calls_nfs.py names.
"""
import ctypes
import difflib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile

import calls_nfs
import harness
from harness import MOUNT, check

CALLS = os.environ["CALLS"]
MEMORY = "/dev/shm"


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


def differences(plain, ours, may_differ):
    """Lines that differ and must not, each with the one in its place or ""."""
    opcodes = difflib.SequenceMatcher(None, plain, ours, False).get_opcodes()
    for tag, i, j, k, l in opcodes:
        if tag == "equal":
            continue
        rest = ours[k:l]
        for line in plain[i:j]:
            if rest and may_differ(line, rest[0]):
                rest.pop(0)
            elif not may_differ(line, ""):
                yield line, rest.pop(0) if rest else ""
        yield from (("", line) for line in rest)


def compare(section, root, argv, may_differ=lambda *_: False):
    plain, ours = on_the_host(section, root), ran(user(root)(argv))
    check(plain[-1] == "status 0" and len(plain) > 2, "\n".join(plain))
    different = [f"the host {a.strip()}\n  here     {b.strip()}"
                 for a, b in differences(
                     plain, ours, functools.partial(may_differ, section))]
    check(not different, f"{len(plain)} lines on the host, {len(ours)} here\n" +
          "\n".join(different[:20]))


GETFLAGS = 0x80086601
LISTXATTRAT = 465


def list_at(f):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(LISTXATTRAT, -1, f.name.encode(), 0, None, 0) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# What older kernels cannot do, by the beginning of sections' names.
PROBES = {
    "xattrs": lambda f: os.setxattr(f.fileno(), "user.x", b""),
    "xattrs-at": list_at,
    "flags": lambda f: fcntl.ioctl(f.fileno(), GETFLAGS, bytes(8)),
}


@functools.lru_cache(None)
def lacking(section):
    """Why the host cannot be compared with, or None."""
    for name, probe in PROBES.items():
        if not section.startswith(name):
            continue
        try:
            with tempfile.NamedTemporaryFile(dir=MEMORY) as f:
                probe(f)
        except OSError as e:
            return f"{name} on {MEMORY}: {e.strerror}"
    return None


def on_tmpfs(section, options, root=False):
    if root and os.geteuid() != 0:
        raise harness.Skip("root has rights of its own, which it takes root "
                           "to see")
    if not os.path.isdir(MEMORY):
        raise harness.Skip(f"no {MEMORY}")
    reason = lacking(section)
    if reason is not None:
        raise harness.Skip(reason)
    compare(section, root, [
        harness.RUMPKIT, "run", *options, "--mount",
        f"{MOUNT}=tmpfs:?mode=0777", "--", CALLS, MOUNT, section])


def on_nfs(sections):
    with harness.export(lambda top: os.chmod(top, 0o777)) as (_, server):
        for section in sections:
            if lacking(section) is not None:
                continue
            compare(section, False, [
                harness.RUMPKIT, "run", "--mount", f"{MOUNT}={server.url()}",
                "--", "sh", "-c",
                f"mkdir {MOUNT}/{section} && "
                f"exec {CALLS} {MOUNT}/{section} {section}"],
                calls_nfs.may_differ)


def names_on_nfs(sections):
    unknown = {name for _, name, _ in calls_nfs.DIFFERENT} - set(sections)
    check(not unknown, f"no such sections: {unknown}")


def main():
    sections = subprocess.run([CALLS], capture_output=True, text=True,
                              check=True).stdout.split()
    check(len(sections) > 60, f"{sections}")
    sockets = [s for s in sections if s.startswith("sockets-")]
    cases = []
    for section in sections:
        name = section.replace("-", ": ", 1)
        net = ("--net", "sockin") if section in sockets else ()
        for where, options, root in (
                ("in a tree", net, False),
                ("in process", (*net, "--in-process"), False),
                ("in a tree, as root", (), True)):
            # A child is another process, of which a tree consists.
            if section.startswith("sharing") and "--in-process" in options:
                continue
            # What root may do to sockets is the host's business.
            if net and root:
                continue
            cases.append((f"{name}, {where}", functools.partial(
                on_tmpfs, section, options, root)))
    cases.append(("on NFS", functools.partial(
        on_nfs, [s for s in sections if s not in sockets])))
    cases.append(("what differs on NFS", functools.partial(
        names_on_nfs, sections)))
    return harness.run(cases)


sys.exit(main())
