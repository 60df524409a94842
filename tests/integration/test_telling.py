#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a tree tells of all its processes: summary, trace, ps, netstat, captures
and counters."""
import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import threading

import harness
import openmetrics
import pcap
from harness import check

PY = "/usr/bin/python3"
MOUNT = ["--mount", "/s=tmpfs:"]
OTHER = 12345  # nobody's
PATIENCE = 180

COUNTS = re.compile(r"(\d+) calls routed \((\d+) failed\), (\d+) passed "
                    r"through, (\d+) refused; (\d+) bytes in, (\d+) bytes out; ")
LINE = re.compile(r"(\d+) (\w+)\((.*)\) = (-?\w+|-1 E\w+|\? ERESTARTSYS)"
                  r"( => .*)? <(rump|host)(:[^>]*)?>( \(.*\))?")


def run(argv, options=(), user=True, **kw):
    command = [harness.RUMPKIT, "run", *options, "--", *argv]
    done = subprocess.run(harness.as_user(command) if user else command,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, env=harness.clean_env(), cwd="/",
                          check=False, **kw)
    check(done.returncode == 0, f"{done.returncode}\n{done.stdout!r}\n"
          f"{done.stderr.decode(errors='replace')[-2000:]}")
    return done


def python(text, *args):
    return [PY, "-c", text, *map(str, args)]


class Told:
    """A log file of --trace=all,host and --summary."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            text = f.read()
        check(text.endswith("\n"), text[-100:])
        self.summary, self.calls = [], []
        for line in text.splitlines():
            m = re.fullmatch(r"\d+ summary: (.*)", line)
            if m:
                self.summary.append(m[1])
                continue
            m = LINE.fullmatch(line)
            check(m, line)
            self.calls.append((int(m[1]), m[2], m[3], m[4], m[6]))

    def total(self):
        found = [tuple(map(int, m.groups())) for line in self.summary
                 if (m := COUNTS.match(line))]
        check(len(found) == 1, self.summary)
        return found[0]

    def users(self):
        found = {}
        for line in self.summary:
            m = re.match(r"user (\d+): (\d+) programs executed, (.*)", line)
            if m:
                found[int(m[1])] = (int(m[2]), *map(
                    int, COUNTS.match(m[3]).groups()))
        return found

    def programs(self):
        found = [int(m[1]) for line in self.summary
                 if (m := re.match(r"(\d+) programs executed$", line))]
        return found[0] if found else 1

    def count(self, name, argument, kernel="rump"):
        return sum(c[1] == name and c[4] == kernel and argument in c[2]
                   for c in self.calls)


def tell(argv, *options, **kw):
    with harness.scratch() as d:
        run(argv, [*MOUNT, "--summary", "--trace=all,host",
                   f"--log-file={d}/log", *options], **kw)
        return Told(f"{d}/log")


def agree(told):
    """The summary and the trace say the same."""
    routed, failed, passed, refused, _, _ = told.total()
    rump = [c for c in told.calls if c[4] == "rump"]
    check(routed == len(rump), (routed, len(rump)))
    check(failed == sum(c[3].startswith("-1 ") or c[3].startswith("?")
                        for c in rump), failed)
    check(passed == len(told.calls) - len(rump), (passed, len(told.calls)))
    check(refused == 0, refused)
    if told.users():
        for i, whole in enumerate(told.total()):
            check(whole == sum(u[i + 1] for u in told.users().values()), i)
        check(told.programs() == sum(u[0] for u in told.users().values()),
              told.summary)


# Counts


def calls_of_children_of_all_kinds_are_counted():
    """Ended by _exit, SIGKILL, exec, vfork and exec, in threads."""
    told = tell(python("""
import os, signal, subprocess, threading
open("/s/marked", "w").write("0123456789")
look = lambda n: [os.stat("/s/marked") for _ in range(n)]
for i in range(40):
    pid = os.fork()
    if pid == 0:
        look(2)
        if i % 4 == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if i % 4 == 2:
            os.execv("/bin/cat", ["cat", "/s/marked"])
        if i % 4 == 3:
            t = [threading.Thread(target=look, args=(3,)) for _ in range(4)]
            [x.start() for x in t]
            [x.join() for x in t]
        os._exit(0)
    os.waitpid(pid, 0)
for i in range(10):
    subprocess.run(["/bin/cat", "marked"], cwd="/s", check=True)
"""))
    agree(told)
    check(told.programs() == 1 + 10 + 10, told.summary)
    # newfstatat of python and fstat(2) of cat, which names no path.
    check(told.count("newfstatat", "/s/marked") == 40 * 2 + 10 * 12,
          told.count("newfstatat", "/s/marked"))
    check(told.count("openat", "marked\\", "rump") == 0, "quoting")
    check(told.count("openat", "marked") == 1 + 10 + 10, "openat")
    check(told.total()[4:] == (20 * 10, 10), told.total())


def calls_of_the_vfork_children_of_a_killed_process_are_counted():
    """It has not needed the kernel itself."""
    told = tell(python("""
import os, signal
fd = os.open("/s", os.O_RDONLY)
for i in range(20):
    pid = os.fork()
    if pid == 0:
        child = os.posix_spawn("/bin/true", ["true"], os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, fd, 50), (os.POSIX_SPAWN_CLOSE, fd)])
        os.waitid(os.P_PID, child, os.WEXITED)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
"""))
    agree(told)
    check(told.programs() == 21, told.summary)
    # The listing of the mount's parent, for which python looks, is the host's.
    closed = {c[0] for c in told.calls if c[1:] == ("close", "3", "0", "rump")}
    check(len(closed) == 20, closed)


def short_processes_by_the_thousand_are_counted():
    told = tell(python("""
import os
for i in range(50):
    pids = []
    for j in range(20):
        pid = os.fork()
        if pid == 0:
            os.stat("/s")
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
"""))
    agree(told)
    check(told.count("newfstatat", '"/s"') == 1000, told.total())
    check(len({c[0] for c in told.calls if '"/s"' in c[2]}) == 1000, "pids")


def a_child_that_never_needs_the_kernel_is_counted_too():
    told = tell(["sh", "-c", "cat /dev/null; (exec cat /dev/null); :"])
    agree(told)
    check(told.total()[0] == 0, told.total())
    check(told.programs() == 3, told.summary)


def a_run_at_a_server_counts_its_own_tree_alone():
    with harness.scratch() as d:
        url = f"unix://{d}/sock"
        tool = lambda *argv: subprocess.run(
            harness.as_user([harness.RUMPKIT, *argv]), timeout=PATIENCE,
            env=harness.clean_env(), cwd="/", check=True, capture_output=True)
        tool("server", "--mount", "/s=tmpfs:", url)
        try:
            work = ["sh", "-c", "echo x > /rump/s/f; cat /rump/s/f; cat "
                    "/rump/s/f; :"]
            for _ in range(2):
                run(work, ["--server", url, "--summary", "--trace=all,host",
                           f"--log-file={d}/log"])
                told = Told(f"{d}/log")
                os.unlink(f"{d}/log")
                agree(told)
                check(told.programs() == 3, told.summary)
                check(told.total()[4:] == (4, 2), told.total())
        finally:
            tool("halt", "--server", url)


def a_tree_without_rumpkit_has_a_summary_too():
    with harness.scratch() as d:
        url = f"unix://{d}/sock"
        server = [harness.RUMPKIT, "server", "--mount", "/s=tmpfs:", url]
        subprocess.run(harness.as_user(server), env=harness.clean_env(),
                       timeout=PATIENCE, check=True)
        try:
            done = subprocess.run(
                harness.as_user([
                    "/usr/bin/env", f"RUMP_SERVER={url}", "RUMPKIT_SUMMARY=1",
                    f"LD_PRELOAD={harness.STAGE}/lib/librumphijack.so.0",
                    "/bin/sh", "-c", "echo x > /rump/s/f; cat /rump/s/f; "
                    "exec cat /rump/s/f"]), env=harness.clean_env(),
                capture_output=True, timeout=PATIENCE, check=True)
        finally:
            subprocess.run(harness.as_user([harness.RUMPKIT, "halt",
                                            "--server", url]),
                           env=harness.clean_env(), timeout=PATIENCE,
                           check=True)
    text = done.stderr.decode()
    check(re.search(r"^\d+ summary: 3 programs executed$", text, re.M), text)
    check(len(COUNTS.findall(text)) == 1, text)
    check(COUNTS.search(text).groups()[4:] == ("4", "2"), text)


# Other users


OTHERS = """
import os, sys
open("/s/f", "w").write("x" * 100)
os.chmod("/s/f", 0o666)
for uid in int(sys.argv[1]), int(sys.argv[1]) + 1:
    pid = os.fork()
    if pid == 0:
        os.setgid(uid)
        os.setuid(uid)
        os.stat("/s/f")
        os.execv("/bin/sh", ["sh", "-c", "cat < /s/f; exec cat /s/f"])
    os.waitpid(pid, 0)
"""


def processes_of_other_users_count_in_lines_of_their_own():
    harness.need_root()
    with harness.scratch() as d:
        os.chmod(d, 0o700)
        run(python(OTHERS, OTHER), [
            *MOUNT, "--summary", "--trace=all,host", f"--log-file={d}/log"],
            user=False)
        check(os.stat(f"{d}/log").st_uid == 0, "owner")
        told = Told(f"{d}/log")
    agree(told)
    users = told.users()
    check(set(users) == {0, OTHER, OTHER + 1}, users)
    for uid in OTHER, OTHER + 1:
        # sh and two cats, each of which reads 100 bytes.
        check((users[uid][0], users[uid][5]) == (3, 200), users)
    check(users[0][0] == 1 and users[0][6] == 100, users)


def a_file_for_each_process_is_also_made_for_other_users():
    harness.need_root()
    with harness.scratch() as d:
        os.chmod(d, 0o700)
        run(python(OTHERS, OTHER), [
            *MOUNT, "--trace", f"--log-file={d}/log.%p"], user=False)
        told = {name: Told(f"{d}/{name}") for name in os.listdir(d)}
    check(len(told) == 5, told)
    for name, one in told.items():
        check({f"log.{c[0]}" for c in one.calls} == {name}, name)


def a_link_that_is_in_the_way_of_a_trace_is_not_followed():
    """Who can write to the directory cannot have other files written."""
    harness.need_root()
    with harness.scratch() as d:
        os.chmod(d, 0o777)
        with open(f"{d}/precious", "w", encoding="ascii"):
            pass
        done = run(python("""
import os, sys
pid = os.fork()
if pid == 0:
    log = f"{sys.argv[1]}/log.{os.getpid()}"
    os.unlink(log)
    os.symlink(sys.argv[1] + "/precious", log)
    os.setuid(int(sys.argv[2]))
    os.execv("/bin/cat", ["cat", "/s/none"])
os.waitpid(pid, 0)
""", d, OTHER), [*MOUNT, "--trace", f"--log-file={d}/log.%p"], user=False)
        check(os.path.getsize(f"{d}/precious") == 0, "followed")
        check(b"its trace ends here" in done.stderr, done.stderr)


# Lines


def a_program_on_a_mount_that_is_executed_has_a_line():
    told = tell(["sh", "-c", "cp /bin/true /s/t; /s/t; printf '#!/s/t\\n' > "
                 "/s/x; chmod 700 /s/x; /s/x; chmod 600 /s/x; /s/x; exec /s/t"])
    agree(told)
    check([(c[2].split(",")[0], c[3]) for c in told.calls
           if c[1] == "execve"] ==
          [('"/s/t"', "0"), ('"/s/x"', "0"), ('"/s/x"', "-1 EACCES"),
           ('"/s/t"', "0")], told.calls)


def a_vfork_child_has_lines_of_its_own():
    with harness.scratch() as d:
        run(python("""
import os, subprocess
open("/s/f", "w").write("x")
subprocess.run(["/bin/cat", "f"], cwd="/s", check=True)
"""), [*MOUNT, "--trace", f"--log-file={d}/log.%p"])
        told = {name: Told(f"{d}/{name}") for name in os.listdir(d)}
    check(len(told) == 2, told)
    for name, one in told.items():
        check({f"log.{c[0]}" for c in one.calls} == {name}, name)
    check(sorted(one.count("chdir", '"/s"') for one in told.values()) ==
          [0, 1], told)


def a_log_file_that_cannot_be_made_is_said_and_nothing_is_run():
    with harness.scratch() as d:
        for name, why in (f"{d}/none/log", "No such file"), (d, "directory"):
            done = subprocess.run(harness.as_user(
                [harness.RUMPKIT, "run", *MOUNT, "--trace", "--log-file",
                 name, "touch", f"{d}/ran"]), env=harness.clean_env(),
                capture_output=True, timeout=PATIENCE, check=False)
            check(done.returncode == 125 and why in done.stderr.decode(), done)
            check(not os.path.exists(f"{d}/ran"), "ran")


# ps


def ps_names_processes_as_the_host_does():
    text = run(python("""
import os, signal, subprocess, sys, threading
os.chdir("/s")
def child(begin):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        begin()
        os.write(w, b".")
        signal.pause()
    os.read(r, 1)
    os.close(r)
    os.close(w)
    return pid
def rename():
    os.stat("/s")
    open("/proc/self/comm", "w").write("an other")
pids = {"renamed": child(rename), "stopped": child(lambda: os.stat("/s"))}
os.kill(pids["stopped"], signal.SIGSTOP)
zombie = os.fork()
if zombie == 0:
    os.stat("/s")
    os._exit(0)
os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
p = subprocess.Popen(["/bin/sh", "-c", "cd /s; exec cat"],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
pids["executed"] = p.pid
p.stdin.write(b"go\\n")
p.stdin.flush()
while p.stdout.readline() != b"go\\n":
    pass
print(zombie, *(f"{k}={v}" for k, v in pids.items()), flush=True)
subprocess.run([sys.argv[1], "ps"], check=True)
for pid in pids.values():
    os.kill(pid, signal.SIGKILL)
""", harness.RUMPKIT), MOUNT).stdout.decode()
    first, *table = text.splitlines()
    zombie, *rest = first.split()
    pids = dict(word.split("=") for word in rest)
    rows = {r[0]: r for r in (line.split(None, 6) for line in table)}
    check(rows[pids["renamed"]][6] == "an other", text)
    check(rows[pids["stopped"]][6] == "python3", text)
    check(rows[pids["executed"]][6] == "cat", text)
    check(zombie not in rows, text)


def ps_tells_the_user_of_each_process():
    harness.need_root()
    text = run(python("""
import os, signal, subprocess, sys
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.setuid(int(sys.argv[2]))
    os.stat("/s")
    os.write(w, b".")
    signal.pause()
os.read(r, 1)
print(os.getpid(), pid, flush=True)
subprocess.run([sys.argv[1], "ps"], check=True)
os.kill(pid, signal.SIGKILL)
""", harness.RUMPKIT, OTHER), MOUNT, user=False).stdout.decode()
    first, *table = text.splitlines()
    rows = {r[0]: r for r in (line.split(None, 6) for line in table)}
    parent, child = first.split()
    check((rows[parent][2], rows[child][2]) == ("0", str(OTHER)), text)


def a_program_with_threads_that_changes_its_user_is_another_users():
    if os.geteuid() != 0:
        raise harness.Skip("needs root")
    done = run(python('''
import os, subprocess, sys, threading
os.stat("/m")
end = threading.Event()
t = threading.Thread(target=end.wait)
t.start()
os.setresuid(65534, 65534, 65534)
print(os.getpid(), flush=True)
subprocess.run([sys.argv[1], "ps"], check=True)
end.set()
''', harness.RUMPKIT), ["--mount", "/m=tmpfs:?mode=0777"], user=False)
    pid, _, *lines = done.stdout.decode().splitlines()
    (user,) = [line.split()[2] for line in lines if line.split()[0] == pid]
    check(user == str(harness.NOBODY), done.stdout)


# netstat


def netstat_knows_what_went_past_the_kernel():
    text = run(python("""
import socket, subprocess, sys
a = socket.create_server(("127.0.0.1", 0))
def pair():
    c = socket.create_connection(a.getsockname())
    return c, a.accept()[0]
c, s = pair()
c.sendall(b"x" * 1000)
s.recv(1000, socket.MSG_WAITALL)
d, e = pair()
d.sendall(b"x" * 50)
d.shutdown(socket.SHUT_WR)
while e.recv(50):
    pass
e.sendall(b"y" * 20)
e.shutdown(socket.SHUT_WR)
while d.recv(50):
    pass
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
u.sendto(b"z" * 7, u.getsockname())
u.recv(7)
for x in c, s, d, e, u:
    print(x.getsockname()[1])
sys.stdout.flush()
subprocess.run([sys.argv[1], "netstat"], check=True)
""", harness.RUMPKIT), ["--net", "sockin"]).stdout.decode()
    lines = text.splitlines()
    client, server, half, _, datagrams = lines[:5]
    table = [line.split() for line in lines[6:]]

    def bytes_of(own, peer):
        found = [row[2:4] for row in table if row[4] == f"127.0.0.1:{own}" and
                 row[5] == peer]
        check(len(found) == 1, text)
        return found[0]

    check(bytes_of(client, f"127.0.0.1:{server}") == ["0", "1000"], text)
    check(bytes_of(server, f"127.0.0.1:{client}") == ["1000", "0"], text)
    check(bytes_of(half, "*:*") == ["20", "50"], text)
    check(["50", "20"] in [row[2:4] for row in table], text)
    # The host counts none of a datagram socket's, and nobody claims it.
    check(bytes_of(datagrams, "*:*") == ["-", "-"], text)


# Captures and counters


TALK = """
import os, random, select, socket, sys, threading
port, children, threads, other = map(int, sys.argv[1:])

def talk(number):
    r = random.Random(number)
    out, got, sent = r.randbytes(200000), b"", 0
    s = socket.create_connection(("127.0.0.1", port))
    s.setblocking(number % 2 == 0)
    while len(got) < len(out):
        a, b, _ = select.select([s], [s] if sent < len(out) else [], [])
        n = r.choice([1, 100, 5000, 70000])
        try:
            if b:
                some = [out[sent:sent + n], out[sent + n:sent + 2 * n]]
                sent += s.sendmsg(some if number % 3 else some[:1])
            if a:
                got += s.recv(n)
        except BlockingIOError:
            pass
    assert got == out
    s.close()

def work(child):
    each = [threading.Thread(target=talk, args=(100 * child + i,))
            for i in range(threads)]
    [t.start() for t in each]
    [t.join() for t in each]

pids = []
for child in range(children):
    pid = os.fork()
    if pid == 0:
        if child % 2 and other:
            os.setuid(other)
        work(child)
        os._exit(0)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
if not children:
    work(0)
"""


def echo(connection):
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def serve(listening):
    with contextlib.suppress(OSError):
        while True:
            connection = listening.accept()[0]
            threading.Thread(target=echo, args=(connection,),
                             daemon=True).start()


def captured(children, threads, options=(), other=0):
    with harness.scratch() as d, socket.create_server(("127.0.0.1", 0)) as s:
        threading.Thread(target=serve, args=(s,), daemon=True).start()
        run(python(TALK, s.getsockname()[1], children, threads, other),
            ["--net", "sockin", "--pcap", f"{d}/f", *options], user=not other)
        s.shutdown(socket.SHUT_RDWR)
        found = pcap.streams(f"{d}/f").values()
    expected = sorted(random.Random(100 * child + i).randbytes(200000)
                      for child in range(max(children, 1))
                      for i in range(threads))
    check(sorted(bytes(out.data) for out, _ in found) == expected, "sent")
    for out, back in found:
        check(out.data == back.data, "received")
        check(out.fin and not out.rst and not back.rst, "ends")


def a_capture_of_busy_threads_is_whole():
    captured(0, 16, ["--in-process"])


def a_capture_of_busy_processes_is_whole():
    captured(4, 4)


def a_capture_has_what_other_users_sent():
    harness.need_root()
    captured(2, 2, other=OTHER)


def counters_only_grow_and_count_the_tree():
    text = run(python("""
import os, socket, sys, threading
def look():
    text = open("/k/metrics").read()
    print(text, end="")
look()
def work():
    for i in range(5):
        pid = os.fork()
        if pid == 0:
            u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            u.bind(("127.0.0.1", 0))
            u.sendto(b"x" * 100, u.getsockname())
            u.recv(50)
            os._exit(0)
        os.waitpid(pid, 0)
t = threading.Thread(target=work)
t.start()
while t.is_alive():
    look()
t.join()
open("/s/f", "w").write("x" * 1000000)
look()
"""), [*MOUNT, "--mount", "/k=kernfs:", "--net", "sockin"]).stdout.decode()
    reports = [openmetrics.parse(part + "# EOF\n")
               for part in text.split("# EOF\n")[:-1]]
    check(len(reports) >= 3, len(reports))
    for before, after in zip(reports, reports[1:]):
        check(before.keys() == after.keys(), "families")
        for name, (kind, _, samples) in before.items():
            for labels, value in samples.items():
                check(kind == "gauge" or after[name][2][labels] >= value, name)

    def grown(name):
        return (reports[-1]["rump_" + name][2][None] -
                reports[0]["rump_" + name][2][None])
    check(grown("kern_processes_forked") == 5, grown("kern_processes_forked"))
    check(grown("net_bytes_sent") == 500, grown("net_bytes_sent"))
    check(grown("net_bytes_received") == 250, grown("net_bytes_received"))
    check(grown("net_sockets_opened") == 5, grown("net_sockets_opened"))
    check(1000000 <= grown("vfs_memory_files_bytes") < 1100000,
          grown("vfs_memory_files_bytes"))


CASES = [(f.__name__.replace("_", " "), f) for f in (
    calls_of_children_of_all_kinds_are_counted,
    calls_of_the_vfork_children_of_a_killed_process_are_counted,
    short_processes_by_the_thousand_are_counted,
    a_child_that_never_needs_the_kernel_is_counted_too,
    a_run_at_a_server_counts_its_own_tree_alone,
    a_tree_without_rumpkit_has_a_summary_too,
    processes_of_other_users_count_in_lines_of_their_own,
    a_file_for_each_process_is_also_made_for_other_users,
    a_link_that_is_in_the_way_of_a_trace_is_not_followed,
    a_program_on_a_mount_that_is_executed_has_a_line,
    a_vfork_child_has_lines_of_its_own,
    a_log_file_that_cannot_be_made_is_said_and_nothing_is_run,
    ps_names_processes_as_the_host_does,
    ps_tells_the_user_of_each_process,
    a_program_with_threads_that_changes_its_user_is_another_users,
    netstat_knows_what_went_past_the_kernel,
    a_capture_of_busy_threads_is_whole,
    a_capture_of_busy_processes_is_whole,
    a_capture_has_what_other_users_sent,
    counters_only_grow_and_count_the_tree,
)]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
