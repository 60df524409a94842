#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The examples of the manual pages can be typed as they stand.

Those of rumpkit(1) that need no server are executed as they are, those that
need one with --check.  The program of rump(3) is compiled and run.
"""
import os
import re
import shlex
import subprocess
import tempfile
import unittest

ROOT = os.environ["RUMPKIT_SOURCE_ROOT"]
RUMPKIT = os.environ["RUMPKIT"]
LIBRARY = os.environ["RUMPKIT_LIBRUMP"]
INCLUDES = os.environ["RUMPKIT_INCLUDES"].split(":")


def page(name):
    with open(os.path.join(ROOT, "docs", "man", name), encoding="ascii") as f:
        return f.read()


def examples(text):
    return re.findall(r"^\.Dl (rumpkit .*)$", text, re.M)


class Rumpkit(unittest.TestCase):
    def setUp(self):
        self.lines = examples(page("rumpkit.1"))

    def test_there_are_examples(self):
        self.assertGreaterEqual(len(self.lines), 5)

    def test_what_the_shell_would_take_is_quoted(self):
        for line in self.lines:
            bare = re.sub(r"'[^']*'", "", line)
            self.assertNotRegex(bare, r"[][?&*;<>|$()]", line)

    def test_every_example_is_accepted(self):
        for line in self.lines:
            words = shlex.split(line)
            words[0] = RUMPKIT
            needs_server = "//server/" in line or "nfs://" in line
            if words[1] == "run" and needs_server and "--check" not in words:
                words.insert(2, "--check")
            words = [w.replace("//server/", "//127.0.0.1/") for w in words]
            done = subprocess.run(words, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, line + "\n" + done.stdout)


class Rump(unittest.TestCase):
    def test_the_program_of_rump_3_runs(self):
        text = page("rump.3").split(".Bd -literal -offset indent\n")[1]
        text = text.split(".Ed")[0].replace("\\e", "\\")
        with tempfile.TemporaryDirectory() as tmp:
            program = os.path.join(tmp, "example")
            subprocess.run(
                ["cc", "-x", "c", "-", "-o", program,
                 *("-I" + i for i in INCLUDES), "-x", "none", LIBRARY,
                 "-Wl,-rpath," + os.path.dirname(LIBRARY),
                 "-Wl,--allow-shlib-undefined"],
                input=text.encode(), check=True)
            # Libraries of the build tree name each other by where they are.
            done = subprocess.run([program], stdout=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^\d+\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
