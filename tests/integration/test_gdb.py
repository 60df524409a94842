#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is installed for gdb: it goes on where a system call arrives as SIGSYS.

gdb finds the script by the library's path, below its own directory for scripts.
The staged library has another path than an installed one, so the tests give gdb
a directory in which the script is where the staged one wants it.
"""
import glob
import os
import shutil
import subprocess
import sys

import harness
from harness import check

AUTO_LOAD = f"{harness.STAGE}/share/gdb/auto-load"
SUFFIX = "-gdb.gdb"


def gdb(commands, argv, options=()):
    """What gdb and the program print."""
    flags = [word for c in commands for word in ("-ex", c)]
    return subprocess.run(
        ["gdb", "-nx", "-batch", *options, *flags, "--args", *argv],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=180, env=harness.clean_env(),
        cwd="/", check=False).stdout.decode(errors="replace")


def need_gdb():
    if shutil.which("gdb") is None:
        raise harness.Skip("gdb is not installed")
    said = gdb(["run"], ["/bin/true"])
    if "exited normally" not in said:
        raise harness.Skip(f"gdb cannot run a program here: {said!r}")


def installed_script():
    found = glob.glob(f"{AUTO_LOAD}/**/*{SUFFIX}", recursive=True)
    check(len(found) == 1, found)
    return found[0]


def the_script_is_named_after_the_library():
    library = installed_script()[len(AUTO_LOAD):-len(SUFFIX)]
    staged = os.path.realpath(f"{harness.STAGE}/lib/librumphijack.so")
    check(staged.endswith(library), (staged, library))


def run_in_tree(commands, argv, scripts):
    with harness.scratch() as top:
        return gdb(commands, [harness.RUMPKIT, "run", "--mount",
                              f"{top}=tmpfs:", "--", *argv, top],
                   ["-iex", f"add-auto-load-safe-path {scripts}",
                    "-iex", f"add-auto-load-scripts-directory {scripts}"])


def a_program_runs_to_its_end():
    """SIGSYS may come, and is the program's still where it is not ours."""
    need_gdb()
    library = os.path.realpath(f"{harness.STAGE}/lib/librumphijack.so")
    with harness.scratch() as scripts:
        os.makedirs(scripts + os.path.dirname(library))
        shutil.copy(installed_script(), f"{scripts}{library}{SUFFIX}")
        said = run_in_tree(["run", "info signals SIGSYS"],
                           ["/bin/ls", "-ld"], scripts)
    check("drwxrwxrwt" in said and "exited normally" in said, said)
    check("SIGSYS," not in said, said)
    check("SIGSYS        No\tNo\tYes" in said, said)


CASES = [(f.__name__.replace("_", " "), f) for f in (
    the_script_is_named_after_the_library,
    a_program_runs_to_its_end,
)]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
