#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The examples of the manual pages can be typed as they stand.

Those of rumpkit(1) and rump_server(1) are executed in their order, in a
directory that stands for /tmp; what needs an NFS or web server with --check.
The program of rump(3) is compiled and run.
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


def examples(name):
    return re.findall(r"^\.Dl (rump\w+ .*)$", page(name), re.M)


PAGES = "rumpkit.1", "rump_server.1"
TOOLS = {"rumpkit": RUMPKIT, "rump_server": os.environ["RUMP_SERVER_TOOL"]}


class Rumpkit(unittest.TestCase):
    def test_there_are_examples(self):
        for name in PAGES:
            self.assertGreaterEqual(len(examples(name)), 3)

    def test_what_the_shell_would_take_is_quoted(self):
        for name in PAGES:
            for line in examples(name):
                bare = re.sub(r"'[^']*'", "", line)
                self.assertNotRegex(bare, r"[][?&*;<>|$()]", line)

    def perform(self, line, tmp):
        words = shlex.split(line)
        words = [w.replace("/tmp/", tmp + "/") for w in words]
        words[0] = TOOLS[words[0]]
        needs_server = "//server/" in line or "nfs://" in line
        if words[1] == "run" and needs_server and "--check" not in words:
            words.insert(2, "--check")
        words = [w.replace("//server/", "//127.0.0.1/") for w in words]
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("RUMP")}
        done = subprocess.run(words, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, env=env, timeout=180,
                              check=False)
        self.assertEqual(done.returncode, 0, line + "\n" + done.stdout)

    def test_every_example_is_accepted(self):
        for name in PAGES:
            with tempfile.TemporaryDirectory() as tmp:
                try:
                    for line in examples(name):
                        self.perform(line, tmp)
                finally:
                    left = os.path.join(tmp, "kernel")
                    if os.path.exists(left):
                        subprocess.run([RUMPKIT, "halt", "--server",
                                        "unix://" + left], check=False)


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
