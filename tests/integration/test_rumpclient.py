#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""librumpclient, in a program that is written for it, against rump_server."""
import contextlib
import os
import select
import signal
import subprocess
import sys

import harness
from harness import check
from test_sysproxy import PATIENCE, Server, free_port, serving

PROBE = os.environ.get("CLIENTPROBE", "")


def environment(server, **more):
    return harness.clean_env(RUMP_SERVER=server.url,
                             LD_LIBRARY_PATH=f"{harness.STAGE}/lib", **more)


def probe(server, case, **kw):
    done = subprocess.run([PROBE, case], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=PATIENCE,
                          env=environment(server), check=False, **kw)
    check(done.returncode == 0, f"{case}: {done}")
    return done


@contextlib.contextmanager
def servers():
    """One on a unix socket, and one on TCP."""
    with serving() as unix:
        url = f"tcp://127.0.0.1:{free_port()}/"
        with serving(url, ["--insecure-tcp"]) as tcp:
            yield unix, tcp


def on_both(case):
    with servers() as both:
        for server in both:
            probe(server, case)
            server.well()


def calls_and_files():
    on_both("calls")


def large_files():
    on_both("large")


def bad_addresses_are_errors():
    on_both("faults")


def a_hundred_threads():
    on_both("threads")


def calls_that_wait():
    on_both("blocked")


def forks():
    on_both("fork")
    on_both("tree")


def vforks():
    on_both("vfork")


def execs():
    on_both("exec")


def execs_of_vfork_children():
    on_both("spawn")


def execs_with_threads():
    with servers() as both:
        for server in both:
            for _ in range(5):
                probe(server, "exec-with-threads")
                with server.guest() as c:
                    # The files of threads that were replaced.
                    for i in range(20):
                        c.call(10, c.text(f"/tmp/thread{i}"))
                    for name in "/tmp/exec", "/tmp/closed":
                        c.call(10, c.text(name))
            server.well()


def signals_of_the_kernel():
    on_both("sigpipe")


def daemons():
    with serving() as s:
        r, w = os.pipe()
        # Descriptor 9 of the probe.
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" daemon 9>&{w}', PROBE],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
            env=environment(s), pass_fds=[w], check=False)
        os.close(w)
        check(done.returncode == 0, done)
        check(select.select([r], [], [], PATIENCE)[0], "the daemon")
        check(os.read(r, 1) == b"k", "the daemon has failed")
        os.close(r)
        s.well()


def a_relative_socket_is_found_from_elsewhere():
    with serving("unix://sock") as s:
        done = subprocess.run([PROBE, "exec"], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE,
                              env=environment(s), cwd=os.path.dirname(s.log),
                              check=False)
        check(done.returncode == 0, done)


@contextlib.contextmanager
def waiting(server, case):
    """A probe in the middle of a call."""
    with subprocess.Popen([PROBE, case], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment(server)) as p:
        try:
            check(p.stdout.readline() == b"waiting\n", "probe")
            yield p
        finally:
            p.kill()


def kill(server):
    signal.pidfd_send_signal(server.pidfd, signal.SIGKILL)
    check(server.ended(), "killed")
    os.close(server.pidfd)


def a_server_that_is_killed():
    with harness.scratch() as directory:
        s = Server(directory, f"unix://{directory}/sock")
        check(s.status == 0, s.said())
        with waiting(s, "lose") as p:
            kill(s)
            check(p.wait(PATIENCE) == 0, p.stderr.read())


def a_server_that_comes_back():
    with harness.scratch() as directory:
        url = f"unix://{directory}/sock"
        s = Server(directory, url)
        check(s.status == 0, s.said())
        with waiting(s, "find-again") as p:
            kill(s)
            os.unlink(f"{directory}/sock")
            s = Server(directory, url)
            check(s.status == 0, s.said())
            try:
                check(p.wait(PATIENCE) == 0, p.stderr.read())
            finally:
                s.stop()


def halting():
    with harness.scratch() as directory:
        s = Server(directory, f"unix://{directory}/sock")
        check(s.status == 0, s.said())
        probe(s, "halt")
        check(s.ended(), "the server goes on")
        os.close(s.pidfd)


CASES = [(f.__name__.replace("_", " "), f) for f in (
    calls_and_files,
    large_files,
    bad_addresses_are_errors,
    a_hundred_threads,
    calls_that_wait,
    forks,
    vforks,
    execs,
    execs_of_vfork_children,
    execs_with_threads,
    signals_of_the_kernel,
    daemons,
    a_relative_socket_is_found_from_elsewhere,
    a_server_that_is_killed,
    a_server_that_comes_back,
    halting,
)]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
