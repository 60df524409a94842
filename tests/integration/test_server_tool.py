#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The servers that rumpkit starts: private ones, shared ones, and their life."""
import contextlib
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys

import harness
import pcap
from harness import check

PY = "/usr/bin/python3"
TMPFS = [("/scratch", "tmpfs:")]
TOKEN = "RUMPKIT_TEST_TOKEN"  # tells our servers from others
PATIENCE = 180


def run_argv(argv, mounts=(), options=()):
    out = [harness.RUMPKIT, "run"]
    for path, source in mounts:
        out += ["--mount", f"{path}={source}"]
    return [*out, *options, "--", *argv]


def environment(**more):
    return harness.clean_env(**{TOKEN: f"{os.getpid()}-{os.urandom(8).hex()}",
                                **more})


def run(argv, mounts=(), options=(), status=0, **kw):
    done = subprocess.run(harness.as_user(run_argv(argv, mounts, options)),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, env=kw.pop("env", environment()),
                          cwd="/", check=False, **kw)
    check(done.returncode == status, f"{done.returncode}\n{done.stdout!r}\n"
          f"{done.stderr.decode(errors='replace')[-2000:]}")
    return done


@contextlib.contextmanager
def running(argv, mounts=(), options=(), env=None, **kw):
    """A run that the test talks to; its process group ends with the test."""
    with subprocess.Popen(harness.as_user(run_argv(argv, mounts, options)),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=env or environment(), cwd="/",
                          start_new_session=True, **kw) as p:
        try:
            yield p
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, signal.SIGKILL)


def servers(env):
    """Processes of the name that servers have, with the token of env."""
    mark = f"{TOKEN}={env[TOKEN]}".encode()
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if not name.isdigit():
                continue
            with open(f"/proc/{name}/comm", encoding="ascii") as f:
                if f.read() != "rumpkit-kernel\n":
                    continue
            with open(f"/proc/{name}/environ", "rb") as f:
                if mark in f.read().split(b"\0"):
                    found.append(int(name))
    return found


def the_server(env):
    found = servers(env)
    check(len(found) == 1, found)
    return found[0]


class Ended:
    """Waiting for a process that is not our child."""

    def __init__(self, pid):
        self.fd = os.pidfd_open(pid)

    def now(self):
        return bool(select.select([self.fd], [], [], 0)[0])

    def wait(self):
        check(select.select([self.fd], [], [], PATIENCE)[0],
              "the server does not end")
        os.close(self.fd)


def gone(env):
    for pid in servers(env):
        with contextlib.suppress(ProcessLookupError):
            Ended(pid).wait()


# Private servers


def a_tree_shares_one_kernel():
    done = run(["sh", "-c", "mkdir /scratch/d && (echo one > /scratch/d/f) && "
                "cat /scratch/d/f | sort && "
                f"{PY} -c \"print(open('/scratch/d/f').read(), end='')\""], TMPFS)
    check(done.stdout == b"one\none\n", done)
    check(done.stderr == b"", done)


def the_command_is_the_process_that_was_started():
    with running(["sh", "-c", "echo $$ $PPID $RUMPKIT_KERNEL_PID; "
                  "read line; exit 7"], TMPFS) as p:
        pid, parent, kernel = map(int, p.stdout.readline().split())
        check(pid == p.pid == kernel, (pid, p.pid, kernel))
        check(parent == os.getpid(), parent)
        p.stdin.close()
        check(p.wait(PATIENCE) == 7, "exit status")


def a_signal_that_ends_the_command_is_seen():
    with running(["sh", "-c", "kill -TERM $$"], TMPFS) as p:
        check(p.wait(PATIENCE) == -signal.SIGTERM, p.returncode)


def the_server_is_not_seen_by_the_command():
    env = environment()
    with running(["sh", "-c", "echo ready; read line; exec sleep 1000"], TMPFS,
                 env=env) as p:
        p.stdout.readline()
        pid = the_server(env)
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        parent, group, session, tty = map(int, fields[1:5])
        check(parent != p.pid, "a child of the command")
        check(session not in (p.pid, os.getsid(0)), "the session")
        check(group == session != pid, "could take a terminal")
        check(tty == 0, "a terminal")
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            check(f.read().rstrip(b"\0") == b"rumpkit-kernel", "arguments")
        check(os.readlink(f"/proc/{pid}/cwd") == "/", "directory")
        for fd in 0, 1:  # what cannot be saved is said on the other
            check(os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null", fd)
        with open(f"/proc/{p.pid}/task/{p.pid}/children",
                  encoding="ascii") as f:
            check(f.read() == "", "children of the command")


def the_server_holds_nothing_of_the_caller():
    """A pipe has hung up when the command has closed it."""
    r, w = os.pipe()
    with running(["sh", "-c", f"exec {w}>&-; echo ready; read line"], TMPFS,
                 pass_fds=[w]) as p:
        os.close(w)
        p.stdout.readline()
        check(select.select([r], [], [], PATIENCE)[0], "held open")
        check(os.read(r, 1) == b"", "hung up")
        p.stdin.close()
        p.wait(PATIENCE)
    os.close(r)


def the_server_ends_with_its_last_client():
    env = environment()
    with running(["sh", "-c", "echo text > /scratch/f\n"
                  "setsid sh -c 'echo child; read line; cat /scratch/f' &\n"
                  "exit 3"], TMPFS, env=env) as p:
        check(p.stdout.readline() == b"child\n", "child")
        check(p.wait(PATIENCE) == 3, "the command has ended")
        # An asynchronous command of sh has no standard input: it ends soon.
    gone(env)
    with running([PY, "-c", """
import os, sys
open("/scratch/f", "w").write("text")
if os.fork() == 0:
    os.setsid()
    print("child", flush=True)
    sys.stdin.readline()
    print(open("/scratch/f").read(), flush=True)
    os._exit(0)
os._exit(3)
"""], TMPFS, env=env) as p:
        check(p.stdout.readline() == b"child\n", "child")
        check(p.wait(PATIENCE) == 3, "the command has ended")
        end = Ended(the_server(env))
        check(not end.now(), "the kernel has ended too early")
        p.stdin.write(b"\n")
        p.stdin.close()
        check(p.stdout.readline() == b"text\n", "the daemon's file")
        end.wait()


def signals_to_the_terminal_do_not_end_the_server():
    with running(["sh", "-c", "echo text > /scratch/f; trap 'cat /scratch/f; "
                  "exit 5' INT; echo ready; read line; read line"],
                 TMPFS) as p:
        p.stdout.readline()
        os.killpg(p.pid, signal.SIGINT)
        check(p.stdout.read() == b"text\n", "the file")
        check(p.wait(PATIENCE) == 5, p.returncode)


def a_polite_request_to_end_leaves_the_server_to_its_clients():
    """As init makes to everybody when a system goes down."""
    env = environment()
    with running(["sh", "-c", "echo ready; read line; echo text > /scratch/f; "
                  "cat /scratch/f"], TMPFS, env=env) as p:
        p.stdout.readline()
        pid = the_server(env)
        end = Ended(pid)
        for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT,
                    signal.SIGPIPE, signal.SIGALRM, signal.SIGUSR1):
            os.kill(pid, sig)
        p.stdin.write(b"\n")
        p.stdin.close()
        check(p.stdout.read() == b"text\n", "the file")
        check(p.wait(PATIENCE) == 0, p.returncode)
        end.wait()


def standard_descriptors_may_be_closed():
    for closed in (0,), (1,), (2,), (0, 1, 2):
        env = environment()
        with harness.scratch() as d:
            out = f"{d}/out"
            done = subprocess.run(harness.as_user([
                "sh", "-c", " ".join(f"{fd}>&-" for fd in closed).join(
                    ("exec ", "; exec \"$@\"")), "sh",
                *run_argv([PY, "-c", f"""
import os
open("/scratch/f", "w").write("text")
closed = [fd for fd in range(3) if not os.path.exists(f"/proc/self/fd/{{fd}}")]
open({out!r}, "w").write(open("/scratch/f").read() + repr(closed))
"""], TMPFS)]), env=env, stdin=subprocess.DEVNULL,
                timeout=PATIENCE, check=False)
            check(done.returncode == 0, (closed, done))
            # Nor does the server hold the end that it watches.
            gone(env)
            with open(out, encoding="ascii") as f:
                text = f.read()
        # The dynamic linker or Python may open one of those anew.
        check(text.startswith("text["), (closed, text))


def a_mount_that_fails_is_said_and_nothing_is_run():
    with socket.socket() as s, harness.scratch() as d:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        source = f"nfs://127.0.0.1/e?nfsport={port}&mountport={port}"
        env = environment()
        done = run(["touch", f"{d}/ran"], [("/data", source)], status=125,
                   env=env)
        check(done.stdout == b"", done)
        check(re.fullmatch(rb"rumpkit: /data=nfs://127\.0\.0\.1/e\?\S+: .*\n",
                           done.stderr), done)
        check(os.listdir(d) == [], "it was run")
        gone(env)


def what_keeps_the_kernel_from_starting_is_said():
    for variable, value in ("RUMP_NCPU", "x"), ("RUMP_MEMLIMIT", "7x"):
        env = environment(**{variable: value})
        done = run(["true"], TMPFS, status=125, env=env)
        check(variable.encode() in done.stderr or b"boot" in done.stderr, done)
        gone(env)


def a_start_that_hangs_ends_with_rumpkit():
    """A server of files that accepts and then says nothing."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        source = f"nfs://127.0.0.1/e?nfsport={port}&mountport={port}"
        with subprocess.Popen(
                harness.as_user(run_argv(["true"], [("/data", source)])),
                env=environment(), stderr=subprocess.PIPE) as p:
            c, _ = s.accept()
            with c:
                p.kill()
                p.wait(PATIENCE)
                c.settimeout(PATIENCE)
                while c.recv(4096):
                    pass
            # Whoever held the connection is gone, and standard error with it.
            p.stderr.read()


def a_command_that_cannot_be_run_leaves_no_server():
    env = environment()
    with harness.scratch() as d:
        path = f"{d}/script"
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/nowhere/interpreter\n")
        os.chmod(path, 0o755)
        done = run([path], TMPFS, status=127, env=env)
        check(b"/script: cannot be executed" in done.stderr, done)
    gone(env)


def a_program_on_a_mount_is_executed():
    done = run(["sh", "-c", "cp /bin/echo /scratch/e && exec /scratch/e hello"],
               TMPFS)
    check(done.stdout == b"hello\n", done)


def few_descriptors_suffice():
    for limit in 24, 64:
        done = subprocess.run(harness.as_user([
            "sh", "-c", f"ulimit -Sn {limit}; exec \"$@\"", "sh",
            *run_argv(["sh", "-c", "echo x > /scratch/f; cat /scratch/f"], TMPFS)]),
            env=environment(), capture_output=True, timeout=PATIENCE,
            check=False)
        check((done.returncode, done.stdout) == (0, b"x\n"), (limit, done))


def a_tree_can_look_at_its_kernel():
    text = run(["sh", "-c", f"for i in ps mounts netstat sysctl; do "
                f"{harness.RUMPKIT} $i || exit 1; done"], TMPFS
               ).stdout.decode()
    for part in (r"^ *\d+ +\d+ +\d+ +\d+ +\d+ +fast +sh$",
                 r"^tmpfs on /scratch type tmpfs ", r"^Proto ",
                 r"^kern\.ostype = NetBSD$"):
        check(re.search(part, text, re.M), text)
    done = run([harness.RUMPKIT, "halt"], TMPFS, status=125)
    check(b"ends with its last process" in done.stderr, done)


def a_tree_has_one_kernel():
    """Also where the one outside has none, or has it in its process."""
    for mounts, options in (TMPFS, []), ([], []), (TMPFS, ["--in-process"]):
        done = run([harness.RUMPKIT, "run", "--mount", "/k=kernfs:", "true"],
                   mounts, options, status=125)
        check(b"a tree of processes has one kernel" in done.stderr, done)
    done = run([harness.RUMPKIT, "doctor"], TMPFS, status=125)
    check(b"doctor: this is a program under rumpkit run" in done.stderr, done)


def what_was_written_is_on_the_server_when_the_command_ends():
    with harness.export(lambda d: os.chmod(d, 0o777)) as (path, server):
        run(["sh", "-c", "for i in 1 2 3; do (head -c 300000 /dev/zero > "
             "/data/f$i; mv /data/f$i /data/g$i); done"],
            [("/data", server.url())])
        check(sorted(os.listdir(path)) == ["g1", "g2", "g3"],
              os.listdir(path))
        for name in os.listdir(path):
            check(os.path.getsize(f"{path}/{name}") == 300000, name)


# What a run tells


def a_summary_knows_what_sockets_carried():
    done = run([PY, "-c", """
import socket
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname())
a, _ = s.accept()
c.sendall(b"x" * 1000)
a.recv(1000, socket.MSG_WAITALL)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.sendto(b"z" * 70, s.getsockname())
"""], options=["--net", "sockin", "--summary"])
    text = done.stderr.decode()
    check(re.search(r"summary: net_bytes_received 1000$", text, re.M), text)
    check(re.search(r"summary: net_bytes_sent 1070$", text, re.M), text)
    check(re.search(r"summary: udp +program +0 +70 ", text), text)


def a_summary_counts_the_tree_and_is_told_once():
    done = run(["sh", "-c", "for i in 1 2 3; do head -c 1000 /dev/zero > "
                "/scratch/$i; done; cat /scratch/* | wc -c"], TMPFS, ["--summary"])
    check(done.stdout == b"3000\n", done)
    text = done.stderr.decode()
    lines = re.findall(r"^\d+ summary: (\d+) calls routed .*; (\d+) bytes in, "
                       r"(\d+) bytes out;", text, re.M)
    check(len(lines) == 1, text)
    check(int(lines[0][1]) == 3000 and int(lines[0][2]) == 3000, lines)
    check(re.search(r"^\d+ summary: [6-9] programs executed$", text, re.M),
          text)
    check(re.search(r"^\d+ summary: kern_\w+ \d+$", text, re.M), text)


def a_trace_has_a_file_for_each_process():
    with harness.scratch() as d:
        run(["sh", "-c", "echo x > /scratch/f; cat /scratch/f"], TMPFS,
            ["--trace", f"--log-file={d}/log.%p"])
        texts = {}
        for name in os.listdir(d):
            check(re.fullmatch(r"log\.\d+", name), name)
            with open(f"{d}/{name}", encoding="ascii") as f:
                texts[name] = f.read()
        for name, text in texts.items():
            for line in text.splitlines():
                check(line.startswith(name.split(".")[1] + " "), line)
        check(len(texts) == 2, texts)
        check(sum("openat(" in t for t in texts.values()) == 2, texts)


def a_trace_of_all_processes_goes_to_one_file():
    """Its name means the same whatever directory they are in."""
    with harness.scratch() as d:
        done = subprocess.run(harness.as_user(run_argv(
            ["sh", "-c", "cd /; echo x > /scratch/f; cat /scratch/f"], TMPFS,
            ["--trace", "--log-file=log"])), cwd=d, env=environment(),
            capture_output=True, timeout=PATIENCE, check=False)
        check((done.returncode, done.stdout) == (0, b"x\n"), done)
        check(os.listdir(d) == ["log"], os.listdir(d))
        with open(f"{d}/log", encoding="ascii") as f:
            pids = {line.split()[0] for line in f}
        check(len(pids) == 2, pids)


def a_capture_has_what_all_processes_sent():
    text = """
import os, socket, sys
def say(what):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(what, ("127.0.0.1", int(sys.argv[1])))
say(b"parent")
pid = os.fork()
if pid == 0:
    say(b"child")
    os._exit(0)
os.waitpid(pid, 0)
"""
    with harness.scratch() as d, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        env = environment()
        run([PY, "-c", text, str(s.getsockname()[1])],
            options=["--net", "sockin", "--pcap", f"{d}/f.pcap"], env=env)
        gone(env)
        check([p.payload for p in pcap.packets(f"{d}/f.pcap")] ==
              [b"parent", b"child"], "packets")


# Shared servers


@contextlib.contextmanager
def shared(*options, user=True):
    """A server in the background; its address, and its environment."""
    env = environment()
    with harness.scratch() as d:
        url = f"unix://{d}/s"
        argv = [harness.RUMPKIT, "server", *options, "--pid-file", f"{d}/pid",
                url]
        done = subprocess.run(harness.as_user(argv) if user else argv, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE, check=False)
        check((done.returncode, done.stderr) == (0, b""), done)
        with open(f"{d}/pid", encoding="ascii") as f:
            pid = int(f.read())
        try:
            yield url, d, pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                end = Ended(pid)
                os.kill(pid, signal.SIGTERM)
                end.wait()


def tool(*args, status=0, user=True):
    argv = [harness.RUMPKIT, *args]
    done = subprocess.run(harness.as_user(argv) if user else argv,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment(), timeout=PATIENCE, check=False)
    check(done.returncode == status, done)
    return done


def a_server_keeps_files_from_one_run_to_the_next():
    with shared("--mount", "/scratch=tmpfs:") as (url, _, _):
        join = ["--server", url]
        run(["sh", "-c", "echo kept > /scratch/f"], TMPFS, join)
        check(run(["cat", "/scratch/f"], TMPFS, join).stdout == b"kept\n", "mount")
        check(run(["cat", "/rump/scratch/f"], (), join).stdout == b"kept\n",
              "the default place")
        check(run(["cat", "/scratch/f"], TMPFS, (), env=environment(
            RUMP_SERVER=url)).stdout == b"kept\n", "RUMP_SERVER")


def a_mount_of_a_run_is_made_once_and_stays():
    with shared() as (url, _, _):
        join = ["--server", url]
        run(["sh", "-c", "echo kept > /scratch/f"], TMPFS, join)
        check(run(["cat", "/scratch/f"], TMPFS, join).stdout == b"kept\n", "again")
        text = tool("mounts", "--server", url).stdout.decode()
        check(len(re.findall(r" on /scratch type tmpfs ", text)) == 1, text)
        done = run(["true"], [("/scratch", "kernfs:")], join, status=125)
        check(b"the server has something else there" in done.stderr, done)
        done = run(["true"], [("/k", "nfs://127.0.0.1/e?nfsport=1&mountport=1"
                               )], join, status=125)
        check(done.stderr.startswith(b"rumpkit: /k=nfs://127.0.0.1/e"), done)


def a_command_on_a_mount_is_run():
    with shared("--mount", "/scratch=tmpfs:") as (url, _, _):
        join = ["--server", url]
        run(["cp", "/bin/echo", "/scratch/e"], TMPFS, join)
        check(run(["/scratch/e", "hello"], TMPFS, join).stdout == b"hello\n", "")
        done = run(["/scratch/none"], TMPFS, join, status=127)
        check(b"/scratch/none: command not found" in done.stderr, done)


def what_a_server_does_can_be_looked_at():
    with shared("--mount", "/scratch=tmpfs:") as (url, _, _), \
            running([PY, "-c", "import socket; s = socket.create_server("
                     "('127.0.0.1', 0)); c = socket.create_connection("
                     "s.getsockname()); a, _ = s.accept(); "
                     "c.sendall(b'x' * 1000); "
                     "a.recv(1000, socket.MSG_WAITALL); a.send(b'y'); "
                     "c.recv(1); print(s.getsockname()[1], flush=True); "
                     "input()"], (),
                    ["--server", url, "--net", "sockin"]) as p:
        port = int(p.stdout.readline())
        text = tool("ps", "--server", url).stdout.decode()
        check(re.search(rf"\b{p.pid}\b.*\bpython3", text), text)
        text = tool("netstat", "--server", url).stdout.decode()
        check(re.search(rf"tcp +program .* 127\.0\.0\.1:{port} +.*LISTEN",
                        text), text)
        for counts in rf"1 +1000 127\.0\.0\.1:\d+ +127\.0\.0\.1:{port} ", \
                rf"1000 +1 127\.0\.0\.1:{port} ":
            check(re.search(rf"tcp +program +{counts}", text), text)
        text = tool("mounts", "--server", url).stdout.decode()
        check(" on /scratch type tmpfs (read-write)\n" in text, text)
        text = tool("sysctl", "--server", url).stdout.decode()
        check("kern.ostype = NetBSD\n" in text, text)
        check(re.search(r"^hw\.ncpu = \d+$", text, re.M), text)
        done = tool("sysctl", "--server", url, "hw.pagesize", "kern.ostype")
        check(done.stdout == b"hw.pagesize = 4096\nkern.ostype = NetBSD\n",
              done)
        done = tool("sysctl", "--server", url, "kern.nothing", status=125)
        check(b"kern.nothing: no such variable" in done.stderr, done)
        done = tool("sysctl", "--server", url, "hw.ncpu=x", status=125)
        check(b"must be a number" in done.stderr, done)
        done = tool("sysctl", "--server", url, "hw.ncpu=3", status=125)
        check(b"hw.ncpu=3: it cannot be set, or only by the server's own"
              in done.stderr, done)


def options_of_a_server_reach_its_kernel():
    with shared("-c", "3", "-r", "64m") as (url, _, _):
        done = tool("sysctl", "--server", url, "hw.ncpu")
        check(done.stdout == b"hw.ncpu = 3\n", done)


DRIVES = """
import os, stat
st = os.stat("/rump/disk")
assert stat.S_ISBLK(st.st_mode) and st.st_size == 1 << 20, st
disk = os.open("/rump/disk", os.O_RDWR)
assert os.pread(disk, 4, 510) == b"mark", os.pread(disk, 4, 510)
assert os.pwrite(disk, b"written", 1000) == 7
with open("/rump/etc/some.conf") as f:
    print(f.read(), end="")
"""


def a_server_has_files_of_the_host_as_disks():
    if os.geteuid() != 0:
        raise harness.Skip("in the kernel they are the superuser's")
    with harness.scratch() as d:
        with open(f"{d}/image", "wb") as f:
            f.write(b"\0" * 1022 + b"mark")
        with open(f"{d}/conf", "w", encoding="ascii") as f:
            f.write("from the host\n")
        for name in "image", "conf":
            os.chmod(f"{d}/{name}", 0o666)
        with shared("-d", f"key=/disk,hostpath={d}/image,offset=512,size=1m",
                    "-d", f"key=/etc/some.conf,hostpath={d}/conf,type=reg",
                    user=False) as (url, _, _):
            done = subprocess.run(
                [harness.RUMPKIT, "run", "--server", url, "--hijack",
                 "path=/rump", "--", PY, "-c", DRIVES], env=environment(),
                capture_output=True, timeout=PATIENCE, check=False)
            check((done.returncode, done.stdout) == (0, b"from the host\n"),
                  done)
        check(os.stat(f"{d}/image").st_size == (1 << 20) + 512, "its size")
        with open(f"{d}/image", "rb") as f:
            f.seek(1512)
            check(f.read(8) == b"written\0", "what was written")


def halt_returns_when_the_server_has_ended():
    with shared() as (url, d, pid):
        end = Ended(pid)
        tool("halt", "--server", url)
        end.wait()
        check(not os.path.exists(f"{d}/s"), "the socket")
        check(not os.path.exists(f"{d}/pid"), "the file with its number")
        tool("ps", "--server", url, status=125)


def a_signal_ends_a_server_and_removes_its_address():
    for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        with shared() as (_, d, pid):
            end = Ended(pid)
            os.kill(pid, sig)
            end.wait()
            check(not os.path.exists(f"{d}/s"), "the socket")


def a_server_in_the_foreground_says_halted():
    with harness.scratch() as d, subprocess.Popen(
            harness.as_user([f"{harness.STAGE}/bin/rump_server", "-s",
                             f"unix://{d}/s"]), env=environment(),
            stdout=subprocess.PIPE) as p:
        try:
            while tool_status("ps", f"unix://{d}/s") != 0:
                check(p.poll() is None, "it has ended")
            tool("halt", "--server", f"unix://{d}/s")
            check(p.stdout.read() == b"halted\n", "console")
            check(p.wait(PATIENCE) == 0, p.returncode)
        finally:
            p.kill()


def tool_status(name, url):
    return subprocess.run(
        harness.as_user([harness.RUMPKIT, name, "--server", url]),
        capture_output=True, env=environment(), timeout=PATIENCE,
        check=False).returncode


def attempt(program, url, status, text):
    argv = {"rumpkit server": [harness.RUMPKIT, "server"],
            "rump_server": [f"{harness.STAGE}/bin/rump_server"]}[program]
    done = subprocess.run(harness.as_user([*argv, url]), env=environment(),
                          capture_output=True, timeout=PATIENCE, check=False)
    check((done.returncode, done.stdout) == (status, b""), done)
    check(done.stderr.startswith(f"{program}: {url}: {text}".encode()), done)
    check(done.stderr.count(b"\n") == 1, done)


def an_address_that_is_taken_is_refused():
    with shared() as (url, d, pid):
        attempt("rumpkit server", url, 125, "somebody listens there")
        attempt("rump_server", url, 1, "somebody listens there")
        end = Ended(pid)
        check(not end.now(), "the first has ended")
        tool("ps", "--server", url)
        attempt("rumpkit server", f"unix://{d}/pid", 125,
                "a file that is no socket has that name")
        attempt("rumpkit server", f"unix://{d}/no/s", 125,
                "no socket can be made there: No such file or directory")


def the_socket_of_a_server_that_was_killed_is_replaced():
    with shared() as (url, d, pid):
        end = Ended(pid)
        os.kill(pid, signal.SIGKILL)
        end.wait()
        attempt("rump_server", url, 1, "nobody listens there, but the socket")
        done = subprocess.run(
            harness.as_user([harness.RUMPKIT, "server", url]),
            env=environment(), capture_output=True, timeout=PATIENCE,
            check=False)
        check((done.returncode, done.stderr) == (0, b""), done)
        tool("halt", "--server", url)
        check(not os.path.exists(f"{d}/s"), "the socket")


def the_genuine_options_are_accepted():
    with harness.scratch() as d:
        server = f"{harness.STAGE}/bin/rump_server"
        url = f"unix://{d}/s"
        done = subprocess.run(
            harness.as_user([server, "-v", "-c2", "-lrumpvfs", "-l", "rumpnet",
                             "-lrumpnet_sockin", "-r", "64m", url]),
            env=environment(), capture_output=True, timeout=PATIENCE,
            check=False)
        check(done.returncode == 0, done)
        tool("halt", "--server", url)
        for options, text in ((["-lrumpno_such"], b"rumpno_such"),
                              (["-d", "key=/x"], b"needs hostpath="),
                              (["-m", "x"], b"cannot be loaded"), ([url],
                                                                   b"one URL")):
            done = subprocess.run(
                harness.as_user([server, *options, url]), env=environment(),
                capture_output=True, timeout=PATIENCE, check=False)
            check(done.returncode == 1, done)
            check(done.stderr.startswith(b"rump_server: "), done)
            check(text in done.stderr and done.stderr.count(b"\n") == 1, done)
            check(not os.path.exists(f"{d}/s"), "it runs")


def a_server_starts_without_standard_descriptors():
    for server in "rumpkit server", "rump_server":
        with harness.scratch() as d:
            url = f"unix://{d}/s"
            done = subprocess.run(harness.as_user(
                ["sh", "-c", "exec <&- >&- 2>&-; exec \"$@\"", "sh",
                 *f"{harness.STAGE}/bin/{server}".split(), url]),
                env=environment(), timeout=PATIENCE, check=False)
            check(done.returncode == 0, done)
            tool("halt", "--server", url)


def other_users_are_kept_out():
    harness.need_root()
    with shared(user=False) as (url, d, _):
        check(stat.S_IMODE(os.stat(f"{d}/s").st_mode) == 0o600, "mode")
        os.chmod(f"{d}/s", 0o777)
        done = tool("ps", "--server", url, status=125)
        check(b"the server hung up" in done.stderr, done)
        done = run(["true"], options=["--server", url], status=125)
        check(b"the server hung up; it may be full, or not admit this user"
              in done.stderr, done)
        tool("ps", "--server", url, user=False)


def other_users_are_let_in_as_who_they_are():
    harness.need_root()
    with shared("--all-users", "--mount", "/scratch=tmpfs:", user=False) as (
            url, _, _):
        join = ["--server", url, "--hijack", "blanket=/scratch"]
        done = run(["sh", "-c", "echo x > /scratch/f; stat -c %u:%g /scratch/f"],
                   (), join)
        check(done.stdout == f"{harness.NOBODY}:{harness.NOBODY}\n".encode(),
              done)
        done = tool("halt", "--server", url, status=125)
        check(b"only the server's own user and root" in done.stderr, done)
        done = run(["true"], [("/x", "tmpfs:")], ["--server", url], status=125)
        check(b"only the server's own user and root may mount" in done.stderr,
              done)


CASES = [(f.__name__.replace("_", " "), f) for f in (
    a_tree_shares_one_kernel,
    the_command_is_the_process_that_was_started,
    a_signal_that_ends_the_command_is_seen,
    the_server_is_not_seen_by_the_command,
    the_server_holds_nothing_of_the_caller,
    the_server_ends_with_its_last_client,
    signals_to_the_terminal_do_not_end_the_server,
    a_polite_request_to_end_leaves_the_server_to_its_clients,
    standard_descriptors_may_be_closed,
    a_mount_that_fails_is_said_and_nothing_is_run,
    what_keeps_the_kernel_from_starting_is_said,
    a_start_that_hangs_ends_with_rumpkit,
    a_command_that_cannot_be_run_leaves_no_server,
    a_program_on_a_mount_is_executed,
    few_descriptors_suffice,
    a_tree_can_look_at_its_kernel,
    a_tree_has_one_kernel,
    what_was_written_is_on_the_server_when_the_command_ends,
    a_summary_knows_what_sockets_carried,
    a_summary_counts_the_tree_and_is_told_once,
    a_trace_has_a_file_for_each_process,
    a_trace_of_all_processes_goes_to_one_file,
    a_capture_has_what_all_processes_sent,
    a_server_keeps_files_from_one_run_to_the_next,
    a_mount_of_a_run_is_made_once_and_stays,
    a_command_on_a_mount_is_run,
    what_a_server_does_can_be_looked_at,
    options_of_a_server_reach_its_kernel,
    a_server_has_files_of_the_host_as_disks,
    halt_returns_when_the_server_has_ended,
    a_signal_ends_a_server_and_removes_its_address,
    a_server_in_the_foreground_says_halted,
    an_address_that_is_taken_is_refused,
    the_socket_of_a_server_that_was_killed_is_replaced,
    the_genuine_options_are_accepted,
    a_server_starts_without_standard_descriptors,
    other_users_are_kept_out,
    other_users_are_let_in_as_who_they_are,
)]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
