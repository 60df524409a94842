#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A C program on the kernel as a library, built as its author would do it: with
what pkg-config says of the installed tree."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import STAGE, check

SOURCE = pathlib.Path(__file__).with_name("api.c")


def pkg_config(*args):
    env = dict(os.environ, PKG_CONFIG_PATH=f"{STAGE}/lib/pkgconfig")
    done = subprocess.run(["pkg-config", "--define-prefix", *args], env=env,
                          capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, done.stderr)
    return done.stdout.split()


def build(directory, *packages):
    for tool in "cc", "pkg-config":
        if shutil.which(tool) is None:
            raise harness.Skip(f"{tool} is not installed")
    program = f"{directory}/api"
    done = subprocess.run(
        ["cc", "-Wall", "-Werror", "-o", program, str(SOURCE),
         *pkg_config("--cflags", "--libs", *packages)],
        capture_output=True, text=True, timeout=180)
    check(done.returncode == 0, done.stderr)
    return program


def run(program, *args):
    return subprocess.run([program, *args], capture_output=True, timeout=120,
                          stdin=subprocess.DEVNULL, text=True,
                          env=harness.clean_env(
                              LD_LIBRARY_PATH=f"{STAGE}/lib"))


def an_application_uses_files_disks_and_processes():
    with tempfile.TemporaryDirectory() as d:
        program = build(d, "rumpkit-tmpfs")
        content = bytes(range(256)) * 300 + b"end"
        pathlib.Path(d, "in").write_bytes(content)
        pathlib.Path(d, "out").write_bytes(b"")
        image = b"\0" * 1022 + b"mark" + b"\0" * 3000
        pathlib.Path(d, "image").write_bytes(image)
        done = run(program, f"{d}/in", f"{d}/image", f"{d}/out")
        check(done.returncode == 0, (done.returncode, done.stderr))
        check(done.stdout.splitlines() == [
            "version 7, none: no such file or directory",
            "child ok, of us", "pipe: broken pipe",
            "disk: 1024 bytes, mark", "halted"], done.stdout)
        check(pathlib.Path(d, "out").read_bytes() == content, "the copy")


def a_component_that_is_missing_is_an_error_in_words():
    with tempfile.TemporaryDirectory() as d:
        program = build(d, "rumpkit-vfs")
        pathlib.Path(d, "file").write_bytes(b"x" * 4096)
        done = run(program, f"{d}/file", f"{d}/file", f"{d}/file")
        check(done.returncode == 1, done.returncode)
        check("not supported by the device (No such device)" in done.stderr,
              done.stderr)


if __name__ == "__main__":
    sys.exit(harness.run([
        ("an application uses files, disks and processes",
         an_application_uses_files_disks_and_processes),
        ("a component that is missing is an error in words",
         a_component_that_is_missing_is_an_error_in_words),
    ]))
