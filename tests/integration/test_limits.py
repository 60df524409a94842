#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Hard limits on the size of files, under which a kernel has to start."""
import functools
import resource
import signal
import subprocess
import sys

import harness
from harness import check

MIB = 1 << 20
PROGRAM = "echo text >{0}/f && read a <{0}/f && echo $a && ulimit -H -f"


def run(limit, options):
    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with harness.scratch() as directory:
        argv = [harness.RUMPKIT, "run", *options, "--mount",
                f"{directory}=tmpfs:", "--", "/bin/sh", "-c",
                PROGRAM.format(directory)]
        return subprocess.run(harness.as_user(argv), stdin=subprocess.DEVNULL,
                              capture_output=True, cwd="/", timeout=180,
                              text=True, env=harness.clean_env(),
                              preexec_fn=lower)


def starts(limit, *options):
    out = run(limit, options)
    # The program's own limit stays, in blocks of 512 bytes.
    check((out.returncode, out.stdout, out.stderr) ==
          (0, f"text\n{limit // 512}\n", ""), f"{out}")


def says_why(limit, *options):
    out = run(limit, options)
    check(out.returncode == 125, f"{out}")
    check("RLIMIT_FSIZE" in out.stderr, f"{out}")


# All is small: what is written, but not what a kernel has for itself.
LOWERED = """
cp /bin/true t
ulimit -f 0
: >empty && echo made
(echo x >full) 2>&- || echo $?
mkdir d && ln -s target d/link && ls d
for i in 1 2 3 4 5; do sh -c 'exec 3<>new; exec cat empty' || echo $?; done
echo piped | cat
./t 2>&1 || echo $?
"""


def lowers_it():
    """A program lowers the limit to nothing; one that lies on the mount would
    have to be copied."""
    out = subprocess.run(
        harness.as_user([harness.RUMPKIT, "run", "--mount", "/m=tmpfs:",
                         "--", "/bin/sh", "-c", "cd /m;" + LOWERED]),
        stdin=subprocess.DEVNULL, capture_output=True, cwd="/", timeout=180,
        text=True, env=harness.clean_env(), check=False)
    lines = out.stdout.splitlines()
    check(lines[:4] == ["made", str(128 + signal.SIGXFSZ), "link", "piped"],
          f"{out}")
    check("RLIMIT_FSIZE leaves no room for a copy" in lines[4] and
          lines[-1] == "126", f"{out}")


HERE = "--in-process"
CASES = [
    ("a user's tree starts with little room",
     functools.partial(starts, 80 * MIB)),
    ("a user's program starts with little room, in process",
     functools.partial(starts, 80 * MIB, HERE)),
    ("a user hears why his tree does not start",
     functools.partial(says_why, MIB)),
    ("a user hears why his program does not start, in process",
     functools.partial(says_why, MIB, HERE)),
    ("a program in a tree lowers its own", lowers_it),
]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
