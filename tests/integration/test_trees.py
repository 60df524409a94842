#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Trees of real programs in a directory of the rump kernel.

trees/*.tbl has the cases: shell scripts that run once on the host, in a
directory there, and once under rumpkit run with a tmpfs mounted at the very
same place (and with rump sockets where they talk).  Exit status, output,
standard error and the resulting tree must be the same, no process may be left
over, and the directory of the host must have stayed empty under rumpkit, or
something fell through.  Some run on an NFS export in place of the tmpfs, too.

Usage: test_trees.py [--host] [case ...]; with --host both runs are the host's,
which shows whether a case says the same twice.
"""
import difflib
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import harness
import reaper
from ganesha import free_ports

HERE = os.path.dirname(os.path.realpath(__file__))
NPORTS = 3
LIMIT = 180
SLOWER = 4  # than on the host, beyond a limit
ON_NFS = ["rsync", "git-commits", "make-project", "bash-redirections",
          "python-subprocess", "fifos", "unix-socat-and-nc",
          "unix-socket-nodes", "unix-python-servers",
          "file-size-limit", "proc-shell-and-its-children",
          "proc-other-processes"]
FLAGS = {"net", "netns", "root", "xattrs"}
PATH = harness.clean_env()["PATH"]


class Case:
    """One case of a table."""

    def __init__(self, name):
        self.name = name
        self.needs = []
        self.flags = set()
        self.ignore = []
        self.limit = LIMIT
        self.script = []

    def directive(self, words, where):
        if words[0] == "needs":
            self.needs += words[1:]
        elif words[0] == "with":
            if not set(words[1:]) <= FLAGS:
                raise ValueError(f"{where}: with: {' '.join(sorted(FLAGS))}")
            self.flags |= set(words[1:])
        elif words[0] == "ignore":
            self.ignore += words[1:]
        elif words[0] == "limit":
            self.limit = int(words[1])
        else:
            raise ValueError(f"{where}: what is {words[0]}?")


def read_table(path, prelude):
    cases, target = [], None
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            where = f"{os.path.basename(path)}:{number}"
            line = line.rstrip("\n")
            if line.startswith("#"):
                continue
            if line.startswith("\t") or not line:
                if target is not None:
                    target.append(line[1:])
                continue
            words = line.split()
            if words[0] == "case" and len(words) == 2:
                cases.append(Case(words[1]))
                target = cases[-1].script
                target += prelude
            elif cases:
                cases[-1].directive(words, where)
            else:
                raise ValueError(f"{where}: case NAME comes first")
    return cases


def tables():
    cases = []
    with open(f"{HERE}/trees/prelude.sh", encoding="utf-8") as f:
        prelude = f.read().splitlines()
    for path in sorted(glob.glob(f"{HERE}/trees/*.tbl")):
        cases += read_table(path, prelude)
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"cases with one name: {twice}")
    return cases


# --- one run ---------------------------------------------------------------

class Outcome:
    """What a run left: to be compared."""

    def __init__(self, status, left, output, errors):
        self.status = status
        self.left = left
        self.output = output
        self.errors = errors


def environment(case, work, host, ports):
    env = harness.clean_env(HOME=work, TMPDIR=host, HOST=host, TZ="UTC",
                            IGNORE=" ".join(case.ignore), USER="nobody",
                            LOGNAME="nobody", SHELL="/bin/bash", TERM="vt100")
    for i, port in enumerate(ports, 1):
        env[f"PORT{i}"] = str(port)
    return env


def command(case, work, script, source):
    argv = ["bash", f"{HERE}/trees/run.sh", work, script]
    if source is not None:
        options = ["--net", "sockin"] if "net" in case.flags else []
        argv = [harness.RUMPKIT, "run", "--mount", f"{work}={source}",
                *options, "--", *argv]
    return argv if "root" in case.flags else harness.as_user(argv)


def run_once(case, work, host, source, limit):
    """Run a case; work and host are empty directories, and source is what is
    to be mounted on work, or None."""
    ports = free_ports(NPORTS)
    with tempfile.TemporaryDirectory(prefix="rumpkit-test.") as top:
        os.chmod(top, 0o755)
        script = f"{top}/{case.name}"
        with open(script, "w", encoding="utf-8") as f:
            f.write("\n".join(case.script) + "\n")
        with open(f"{top}/out", "w+b") as out, \
                open(f"{top}/err", "w+b") as err:
            subprocess.run(
                [sys.executable, reaper.__file__, f"{top}/report",
                 str(limit), *command(case, work, script, source)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/",
                env=environment(case, work, host, ports),
                start_new_session=True, check=True)
            out.seek(0)
            err.seek(0)
            texts = [plain_text(f.read(), script, ports) for f in (out, err)]
        with open(f"{top}/report", encoding="utf-8") as f:
            report = json.load(f)
    return Outcome(report["status"], report["left"], *texts)


def plain_text(data, script, ports):
    text = data.decode(errors="backslashreplace").replace(script, "SCRIPT")
    for i, port in enumerate(ports, 1):
        text = re.sub(rf"(?<!\w){port}(?!\w)", f"PORT{i}", text)
    return text


def empty_directory(path):
    if os.path.lexists(path):
        # Cases leave directories that their owner must not read.
        subprocess.run(["chmod", "-R", "u+rwX", path], check=True)
        shutil.rmtree(path)
    os.mkdir(path)
    os.chmod(path, 0o777)


# --- comparison ------------------------------------------------------------

def difference(what, host, rump):
    if host == rump:
        return ""
    lines = list(difflib.unified_diff(
        host.splitlines(), rump.splitlines(), "host", "rumpkit", "", "", 1,
        lineterm=""))
    more = [f"... {len(lines) - 60} lines more"] if len(lines) > 60 else []
    return "\n".join([f"{what} differs:", *lines[:60], *more, ""])


def ended(outcome):
    if outcome.status is None:
        return f"the time was over, {outcome.left} killed"
    return f"status {outcome.status}, left over {outcome.left}"


def need_namespaces(case):
    argv = ["unshare", "-Urn", "true"]
    if "root" not in case.flags:
        argv = harness.as_user(argv)
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, env=harness.clean_env())
    if done.returncode != 0:
        raise harness.Skip(f"no namespaces: {done.stderr.decode().strip()}")


def need_xattrs(path):
    try:
        os.setxattr(path, "user.rumpkit", b"")
        os.removexattr(path, "user.rumpkit")
    except OSError as e:
        raise harness.Skip(f"no extended attributes on {path}: {e}") from e


def compare(case, source):
    """source is what rumpkit mounts, or None to compare the host with itself.
    """
    if "root" in case.flags and os.geteuid() != 0:
        raise harness.Skip("needs root")
    for program in case.needs:
        if shutil.which(program, path=PATH) is None:
            raise harness.Skip(f"{program} is not installed")
    if "netns" in case.flags:
        need_namespaces(case)
    with harness.scratch() as top:
        work, host = f"{top}/work", f"{top}/host"
        if "xattrs" in case.flags:
            need_xattrs(top)
        outcomes = []
        limit = case.limit
        for mounted in (None, source):
            empty_directory(work)
            empty_directory(host)
            began = time.monotonic()
            outcomes.append(run_once(case, work, host, mounted, limit))
            limit += SLOWER * (time.monotonic() - began)
            if mounted is not None:
                harness.check(not os.listdir(work), "fell through to the host:"
                              f" {os.listdir(work)[:20]}")
    plain, rump = outcomes
    harness.check(plain.status is not None and not plain.left,
                  f"on the host: {ended(plain)}\n{plain.errors[-1500:]}")
    text = difference("output", plain.output, rump.output)
    text += difference("standard error", plain.errors, rump.errors)
    if (plain.status, plain.left) != (rump.status, rump.left):
        text += f"host: {ended(plain)}; rumpkit: {ended(rump)}\n"
    harness.check(not text, text)


def compare_nfs(case):
    def populate(path):
        os.chmod(path, 0o777)
    with harness.export(populate) as (_directory, server):
        compare(case, server.url())


CREATING = """
import os, threading
os.chdir('/data/d'); stop = False; bad = []
def churn(k):
    while not stop:
        os.close(os.open('t%d' % k, os.O_CREAT | os.O_WRONLY))
        os.unlink('t%d' % k)
def make(k):
    for i in range(k, 400, 4):
        try: os.close(os.open('f%d' % i, os.O_CREAT | os.O_WRONLY))
        except OSError as e: bad.append((i, str(e)))
c = [threading.Thread(target=churn, args=(k,)) for k in range(4)]
m = [threading.Thread(target=make, args=(k,)) for k in range(4)]
[t.start() for t in c + m]; [t.join() for t in m]
stop = True; [t.join() for t in c]; print(len(bad), bad[:5])
"""


def creating_what_exists():
    """As the parallel make above does with what it has made before."""
    def populate(path):
        os.mkdir(f"{path}/d")
        os.chmod(f"{path}/d", 0o777)
        for i in range(400):
            with open(f"{path}/d/f{i}", "w", encoding="ascii"):
                pass
            os.chmod(f"{path}/d/f{i}", 0o666)
    with harness.export(populate) as (_directory, server):
        out = harness.rumpkit(["python3", "-c", CREATING],
                              [(harness.MOUNT, server.url())])
        harness.check(out.stdout == b"0 []\n", str(out)[:2000])


def main():
    source = "tmpfs:"
    if "--host" in sys.argv:
        sys.argv.remove("--host")
        source = None
    cases = tables()
    return harness.run(
        [(case.name, functools.partial(compare, case, source))
         for case in cases] +
        [(f"{case.name} on NFS", functools.partial(compare_nfs, case))
         for case in cases if case.name in ON_NFS and source is not None] +
        [("files are opened for creation while others are made on NFS",
          creating_what_exists)])


if __name__ == "__main__":
    sys.exit(main())
