#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""cpython_suite.py LOG [-m TEST ...] MODULE ...

Run modules of CPython's own test suite in the current directory, or of their
tests those that are named.  LOG gets a JSON list a line: a test's name and
what became of it, "start" first, so that a crash or a hang leaves its name.
"""
import json
import sys
import time
import unittest

from test import support


class Log(unittest.TestResult):
    """Writes each event down at once."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def say(self, test, what, more=""):
        self.file.write(json.dumps([test.id(), what, more]) + "\n")
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.say(test, "start")
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.say(test, "end", round(time.monotonic() - self.began, 2))

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say(test, "ok")

    def addError(self, test, err):
        super().addError(test, err)
        self.say(test, "fail", self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(test, "fail", self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say(test, "fail", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say(test, "skip", reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.say(test, "ok")


def chosen(suite, names):
    """The tests of suite with one of names."""
    out = unittest.TestSuite()
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            out.addTest(chosen(part, names))
        elif part.id() in names:
            out.addTest(part)
    return out


def main():
    log, argv, names = sys.argv[1], sys.argv[2:], set()
    while argv[0] == "-m":
        names.add(argv[1])
        argv = argv[2:]
    support.use_resources = ["cpu", "walltime", "subprocess"]
    support.verbose = 0
    loader = unittest.TestLoader()
    suite = loader.loadTestsFromNames([f"test.{name}" for name in argv])
    if names:
        suite = chosen(suite, names)
    with open(log, "w", encoding="utf-8") as file:
        result = Log(file)
        suite.run(result)
        file.write(json.dumps(["", "done", result.testsRun]) + "\n")


if __name__ == "__main__":
    main()
