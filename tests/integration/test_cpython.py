#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""CPython's own test suites, natively and under rumpkit run.

All run in a directory on a tmpfs of the rump kernel, where their AF_UNIX sockets
have their names too, and modules that talk with rump sockets besides.  A test that passes natively must pass under rumpkit;
one that did not is tried once more, alone, natively too, so that only a steady
difference counts.  What was tried again is printed.

Usage: test_cpython.py [--slow] [case ...]; --slow runs what takes longer.
"""
import concurrent.futures
import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import harness
import reaper

PY = "/usr/bin/python3"
SUITE = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                     "cpython_suite.py")
LIMIT = 240
SLOWER = 4  # than natively, beyond that
AT_ONCE = 3  # most of these tests sleep

# What is run, whether it talks, and the parts of it for --slow.
QUICK = [
    ("socket", ["test_socket"], True),
    ("selectors", ["test_selectors"], True),
    ("os", ["test_os"], False),
    ("posix", ["test_posix"], False),
    ("mmap", ["test_mmap"], False),
    ("subprocess", ["test_subprocess"], False),
    ("signal", ["test_signal"], False),
    ("asyncio-loops", [f"test_asyncio.test_{m}" for m in (
        "base_events", "buffered_proto", "selector_events", "server",
        "sock_lowlevel", "streams", "subprocess", "unix_events")], True),
]
SLOW = [
    ("asyncio", ["test_asyncio"], True),
    ("siginterrupt", ["test_signal.SiginterruptTest"], False),
]
# Tests that --slow has.
LEFT_OUT = ["test.test_signal.SiginterruptTest.test_siginterrupt_off"]
# Skipped under rumpkit, by the beginning of their names.
MAY_SKIP = {
    "test.test_os.ExtendedAttributeTests": "no file has extended attributes",
}


class Run:
    """One run of some modules: what became of each test."""

    def __init__(self):
        self.results = {}
        self.details = {}
        self.problem = ""
        self.seconds = 0

    def read(self, path):
        started, done = None, False
        with open(path, encoding="utf-8") as f:
            for line in f:
                name, what, more = json.loads(line)
                if what == "done":
                    done = True
                elif what == "start":
                    started = name
                elif what in ("ok", "fail", "skip") and \
                        self.results.get(name) != "fail":
                    self.results[name] = what
                    self.details[name] = more
        if not done:
            self.problem += f"ended in {started}; "


def suite_argv(log, modules, names):
    argv = [PY, "-B", SUITE, log]
    for name in names:
        argv += ["-m", name]
    return argv + modules


def run_suite(modules, options, names=(), limit=LIMIT):
    """Run modules natively (options None) or under rumpkit."""
    with harness.scratch() as top:
        os.mkdir(f"{top}/work")
        os.chmod(f"{top}/work", 0o777)
        argv = suite_argv(f"{top}/log", modules, names)
        shell = ["sh", "-c", 'cd "$0" && exec "$@"', f"{top}/work", *argv]
        if options is not None:
            shell = [harness.RUMPKIT, "run", *[
                o.replace("{work}", f"{top}/work") for o in options],
                "--", *shell]
        began = time.monotonic()
        with open(f"{top}/out", "w+b") as out:
            subprocess.run(
                [sys.executable, reaper.__file__, f"{top}/report", str(limit),
                 *harness.as_user(shell)], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, cwd="/", start_new_session=True,
                env=harness.clean_env(HOME=f"{top}/work",
                                      TMPDIR=f"{top}/work"), check=True)
            out.seek(0)
            text = out.read().decode(errors="replace")
        run = Run()
        run.seconds = time.monotonic() - began
        with open(f"{top}/report", encoding="utf-8") as f:
            report = json.load(f)
        if report["status"] is None:
            run.problem += f"the time was over, {report['left']} killed; "
        elif report["left"]:
            run.problem += f"left over: {report['left']}; "
        if os.path.exists(f"{top}/log"):
            run.read(f"{top}/log")
        else:
            run.problem += f"did not start: {text[-1500:]}"
        if run.problem:
            run.problem += text[-1000:]
        return run


LOCK = threading.Lock()
SLOTS = threading.Semaphore(AT_ONCE)
NATIVE = {}


def native(modules):
    """The native run, made once."""
    key = " ".join(modules)
    with LOCK:
        if key not in NATIVE:
            NATIVE[key] = concurrent.futures.Future()
            mine = True
        else:
            mine = False
    if mine:
        with SLOTS:
            NATIVE[key].set_result(run_suite(modules, None))
    return NATIVE[key].result()


def worse(plain, rump, left_out):
    """Tests that pass natively only."""
    return [name for name, what in plain.results.items()
            if what == "ok" and rump.results.get(name) != "ok" and
            name not in left_out and
            not (rump.results.get(name) == "skip" and
                 name.startswith(tuple(MAY_SKIP)))]


def compare(modules, options, left_out):
    plain = native(modules)
    harness.check(plain.results, f"natively: {plain.problem}")
    names = [n for n in plain.results if n not in left_out]
    with SLOTS:
        rump = run_suite(modules, options,
                         names if len(names) < len(plain.results) else (),
                         LIMIT + SLOWER * plain.seconds)
        bad = worse(plain, rump, left_out)
        if bad and not rump.problem:
            again = (run_suite(modules, None, bad),
                     run_suite(modules, options, bad))
            print(f"# tried again: {bad}")
            rump.results.update(again[1].results)
            rump.details.update(again[1].details)
            bad = [name for name in worse(plain, rump, left_out)
                   if again[0].results.get(name) == "ok"]
    text = "\n".join(f"{name}: {rump.results.get(name, 'not run')}: "
                     f"{rump.details.get(name, '')}" for name in bad)
    harness.check(not bad and not rump.problem,
                  f"{len(bad)} of {len(plain.results)} tests; {rump.problem}\n"
                  f"{text[:20000]}")


def cases(slow):
    out = []
    left_out = () if slow else LEFT_OUT
    for name, modules, talks in SLOW if slow else QUICK:
        how, options = (
            ("with rump sockets on tmpfs", ["--net", "sockin"]) if talks
            else ("on tmpfs", []))
        options += ["--mount", "{work}=tmpfs:"]
        out.append((f"{name} {how}", functools.partial(
            compare, modules, options, left_out)))
    return out


def started_early(pairs):
    """All cases at once, as many as there are slots; results in order."""
    pool = concurrent.futures.ThreadPoolExecutor(len(pairs) or 1)
    return [(name, pool.submit(function).result) for name, function in pairs]


def main():
    slow = "--slow" in sys.argv
    if slow:
        sys.argv.remove("--slow")
    if importlib.util.find_spec("test.test_socket") is None or \
            shutil.which("python3") is None:
        print("1..0 # SKIP CPython's tests are not installed")
        return 0
    only = sys.argv[1:]
    return harness.run(started_early(
        [c for c in cases(slow) if not only or c[0] in only]))


if __name__ == "__main__":
    sys.exit(main())
