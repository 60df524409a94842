#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What rumpkit shows of a running kernel: kernfs, captures, summary, trace."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import harness
import openmetrics
import pcap
from harness import check

PY = "/usr/bin/python3"
KERN = [("/kern", "kernfs:")]
NET = ["--net", "sockin"]


def python(text, *args):
    return [PY, "-c", text, *map(str, args)]


def run(argv, mounts=(), options=(), **kw):
    done = harness.rumpkit(argv, mounts, options, **kw)
    check(done.returncode == 0, f"{done.returncode}\n{done.stdout!r}\n"
          f"{done.stderr.decode(errors='replace')[-2000:]}")
    return done


@contextlib.contextmanager
def peer(kind=socket.SOCK_STREAM, address="127.0.0.1", serve=None):
    """A native socket of this test; serve(connection) for each client."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.bind((address, 0))
        s.settimeout(120)
        if kind == socket.SOCK_STREAM:
            s.listen()
        thread = None
        if serve is not None:
            def loop():
                with s.accept()[0] as c:
                    serve(c)
            thread = threading.Thread(target=loop)
            thread.start()
        yield s
        if thread is not None:
            thread.join()


def read_all(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


# kernfs


def kernfs_lists_files_that_can_be_read():
    out = run(["ls", "-l", "/kern"], KERN).stdout.decode()
    for name in ("boottime", "hostname", "hz", "metrics", "mounts", "pagesize",
                 "sockets", "time", "version"):
        check(re.search(rf"^-r--r--r-- .* {name}$", out, re.M), name)
    out = run(["cat", "/kern/version", "/kern/mounts"], KERN).stdout.decode()
    check(re.match(r"NetBSD \S+ \(rumpkit\)\n", out), out)
    check("kernfs on /kern type kernfs (read-only)\n" in out, out)


def metrics_are_strict_openmetrics():
    text = run(["cat", "/kern/metrics"], KERN).stdout.decode()
    families = openmetrics.parse(text)
    check(families["rump_kern_lwps_created"][0] == "counter", text)
    check(families["rump_net_sockets_open"][0] == "gauge", text)
    check(all(name.startswith("rump_") for name in families), text)


def the_reader_of_metrics_is_strict():
    good = "# TYPE a counter\n# HELP a b\na_total 1\n# EOF\n"
    openmetrics.parse(good)
    for old, new in (("# EOF\n", ""), ("# EOF\n", "# EOF"), ("_total", ""),
                     ("counter", "gauge"), ("# HELP a b\n", ""),
                     ("1\n", "1\na_total 1\n"), (" 1", " x"), (" 1", ""),
                     ("a_total 1\n", ""), ("counter", "summary"),
                     ("a_total 1", 'a_total{b="c"} 1\na_total 2'),
                     ("# EOF\n", "# TYPE a_created gauge\n# HELP a_created b\n"
                      "a_created 1\n# EOF\n")):
        try:
            openmetrics.parse(good.replace(old, new, 1))
        except ValueError:
            continue
        raise AssertionError(f"accepted with {new!r} for {old!r}")


def metrics_count_what_a_program_does():
    def serve(connection):
        connection.sendall(b"x" * 1000)
        read_all(connection)

    with peer(serve=serve) as s:
        out = run(python("""
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
n = 0
while n < 1000:
    n += len(s.recv(100))
s.sendall(b"y" * 77)
print(open("/kern/metrics").read(), end="")
print(open("/kern/sockets").read(), end="", file=sys.stderr)
""", s.getsockname()[1]), KERN, NET)
        families = openmetrics.parse(out.stdout.decode())

        def value(name):
            return families["rump_" + name][2][None]
        check(value("net_bytes_received") == 1000, families)
        check(value("net_bytes_sent") == 77, families)
        check(value("net_sockets_open") == 1, families)
        check(value("net_sockets_opened") == 1, families)
        port = s.getsockname()[1]
        lines = out.stderr.decode().splitlines()
        check(len(lines) == 2, lines)
        check(re.match(rf"tcp +program +1000 +77 127\.0\.0\.1:\d+ +"
                       rf"127\.0\.0\.1:{port} +ESTABLISHED$", lines[1]),
              lines)


# Captures


TALK = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
s = socket.create_connection((address, port))
for i in range(10):
    s.sendall(bytes([i]) * (i * 20001 + 1))
s.shutdown(socket.SHUT_WR)
data = b""
while piece := s.recv(70001):
    data += piece
assert data == b"answer" * 100000, len(data)
s.close()
"""
SAID = b"".join(bytes([i]) * (i * 20001 + 1) for i in range(10))


def tcpdump_is_content(path):
    if shutil.which("tcpdump") is None:
        raise harness.Skip("tcpdump is not installed")
    done = subprocess.run(["tcpdump", "-nn", "-vv", "-r", path],
                          capture_output=True, check=False)
    text = done.stdout.decode(errors="replace")
    check(done.returncode == 0, done.stderr)
    check(re.fullmatch(rb"reading from file .*, link-type RAW \(Raw IP\)"
                       rb".*\n", done.stderr), done.stderr)
    check(not re.search(r"\b(incorrect|bad|truncated|wrong)\b|\[\|", text),
          text)
    return text


def a_client_is_captured_whole():
    def serve(connection):
        check(read_all(connection) == SAID, "what the client said")
        connection.sendall(b"answer" * 100000)

    for address in "127.0.0.1", "::1":
        with harness.scratch() as d, peer(address=address, serve=serve) as s:
            path = f"{d}/f.pcap"
            run(python(TALK, address, s.getsockname()[1]),
                options=[*NET, "--pcap", path])
            tcpdump_is_content(path)
            (((_, server), (out, back)),) = pcap.streams(path).items()
            check(server == s.getsockname()[:2], server)
            check(out.data == SAID and out.fin, "what went out")
            check(back.data == b"answer" * 100000 and back.fin,
                  "what came back")
            check(not out.rst and not back.rst, "a reset")


def a_server_is_captured_whole():
    """Ends: an orderly one, and a reset by SO_LINGER."""
    server = """
import socket, struct, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
for reset in False, True:
    c, _ = s.accept()
    assert c.recv(100) == b"question"
    c.sendall(b"answer")
    if reset:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
    c.close()
"""
    with harness.scratch() as d:
        path = f"{d}/f.pcap"
        with subprocess.Popen(
                harness.rumpkit_argv(python(server),
                                     options=[*NET, "--pcap", path]),
                stdout=subprocess.PIPE, env=harness.clean_env()) as p:
            port = int(p.stdout.readline())
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", port)) as c:
                    c.sendall(b"question")
                    with contextlib.suppress(ConnectionResetError):
                        read_all(c)
            check(p.wait(30) == 0, "the server's status")
        tcpdump_is_content(path)
        found = list(pcap.streams(path).values())
        check(len(found) == 2, found)
        for question, answer in found:
            check(question.data == b"question", question)
            check(answer.data == b"answer", answer)
        check(found[0][1].fin and not found[0][1].rst, "an orderly end")
        check(found[1][1].rst and not found[1][1].fin, "a reset")


def datagrams_are_captured_with_their_addresses():
    text = """
import socket, sys
port = int(sys.argv[1])
a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a.sendto(b"first", ("127.0.0.1", port))
assert a.recv(100) == b"first!"
a.connect(("127.0.0.1", port))
a.send(b"")
assert a.recv(100) == b"!"
b = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
b.sendto(b"mapped" * 5000, ("::ffff:127.0.0.1", port))
assert b.recv(3) == b"map"
"""

    with harness.scratch() as d, peer(socket.SOCK_DGRAM) as s:
        def echo():
            for _ in range(3):
                data, sender = s.recvfrom(65536)
                s.sendto(data + b"!", sender)
        thread = threading.Thread(target=echo)
        thread.start()
        path = f"{d}/f.pcap"
        run(python(text, s.getsockname()[1]), options=[*NET, "--pcap", path])
        thread.join()
        tcpdump_is_content(path)
        found = list(pcap.packets(path))
        check([p.payload for p in found] ==
              [b"first", b"first!", b"", b"!", b"mapped" * 5000, b"map"],
              [p.payload[:20] for p in found])
        for out, back in zip(found[::2], found[1::2]):
            check((out.src, out.dst) == ("127.0.0.1", "127.0.0.1"), out)
            check((out.dport, out.sport) == (s.getsockname()[1], back.dport),
                  (out, back))


def a_refused_connection_is_a_reset():
    text = """
import select, socket, sys
port = int(sys.argv[1])
s = socket.socket()
try:
    s.connect(("127.0.0.1", port))
except ConnectionRefusedError:
    pass
t = socket.socket()
t.setblocking(False)
t.connect_ex(("127.0.0.1", port))
select.select([], [t], [])
print(t.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
"""
    with harness.scratch() as d, socket.socket() as s:
        s.bind(("127.0.0.1", 0))  # nobody listens
        path = f"{d}/f.pcap"
        done = run(python(text, s.getsockname()[1]),
                   options=[*NET, "--pcap", path])
        check(done.stdout == b"111\n", done.stdout)
        tcpdump_is_content(path)
        found = pcap.streams(path)
        check(len(found) == 2, found)
        for _, back in found.values():
            check(back.rst and not back.data, found)


def both_ends_in_one_program_are_one_connection():
    text = """
import socket
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname())
a, _ = s.accept()
c.sendall(b"to the server")
assert a.recv(100) == b"to the server"
a.sendall(b"to the client")
a.close()
assert c.recv(100) == b"to the client" and c.recv(100) == b""
"""
    with harness.scratch() as d:
        path = f"{d}/f.pcap"
        run(python(text), options=[*NET, "--pcap", path])
        tcpdump_is_content(path)
        (out, back), = pcap.streams(path).values()
        check(out.data == b"to the server", out)
        check(back.data == b"to the client", back)


def a_capture_is_appended_to_by_the_next_image():
    text = """
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(sys.argv[2].encode(), ("127.0.0.1", int(sys.argv[1])))
if sys.argv[2] == "one":
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[3], sys.argv[1],
                              "two"])
"""
    with harness.scratch() as d, peer(socket.SOCK_DGRAM) as s:
        path = f"{d}/f.pcap"
        run(python(text, s.getsockname()[1], "one", text),
            options=[*NET, "--pcap", path])
        check([p.payload for p in pcap.packets(path)] == [b"one", b"two"],
              "both images")


def a_capture_that_cannot_grow_ends_and_the_program_goes_on():
    text = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(20):
    s.sendto(b"x" * 100, ("127.0.0.1", int(sys.argv[1])))
print("done")
"""
    with harness.scratch() as d, peer(socket.SOCK_DGRAM) as s:
        path = f"{d}/f.pcap"
        done = run(python(text, s.getsockname()[1]),
                   options=[*NET, "--pcap", path])
        check(done.stdout == b"done\n", done)
        check(done.stderr.count(b"\n") == 1, done.stderr)
        check(b"the capture ends here" in done.stderr, done.stderr)
        check(len(list(pcap.packets(path))) == 6, "whole packets")
        tcpdump_is_content(path)


def what_a_program_leaves_open_ends_with_it():
    def serve(connection):
        connection.sendall(b"hello")
        read_all(connection)

    with harness.scratch() as d, peer(serve=serve) as s:
        path = f"{d}/f.pcap"
        run(python("""
import os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.recv(5, socket.MSG_WAITALL)
os._exit(0)
""", s.getsockname()[1]), options=[*NET, "--pcap", path])
        (out, back), = pcap.streams(path).values()
        check(back.data == b"hello" and out.fin, (out, back))


def nfs_traffic_is_no_traffic_of_the_program():
    def populate(directory):
        with open(f"{directory}/f", "w", encoding="ascii") as f:
            f.write("text\n")

    with harness.export(populate) as (_, server), harness.scratch() as d:
        path = f"{d}/f.pcap"
        done = run(["cat", "/data/f", "/kern/sockets"],
                   [("/data", server.url()), *KERN],
                   [*NET, "--pcap", path])
        check(done.stdout.startswith(b"text\n"), done.stdout)
        check(re.search(rb"\ntcp +kernel .* ESTABLISHED\n", done.stdout),
              done.stdout)
        check(not list(pcap.packets(path)), "packets")


def metrics_count_calls_of_procedures():
    def populate(directory):
        with open(f"{directory}/f", "w", encoding="ascii") as f:
            f.write("text\n")

    with harness.export(populate) as (_, server):
        done = run(["cat", "/data/f", "/kern/metrics"],
                   [("/data", server.url()), *KERN])
    families = openmetrics.parse(
        done.stdout.decode().removeprefix("text\n"))
    calls = families["rump_nfs_calls"][2]
    check(calls['procedure="READ"'] == 1, calls)
    check(calls['procedure="WRITE"'] == 0, calls)
    check(sum(calls.values()) <=
          families["rump_nfs_rpc_calls"][2][None], families)


# Summary and trace


def a_summary_lists_calls_bytes_and_sockets():
    def serve(connection):
        connection.sendall(b"z" * 5000)
        read_all(connection)

    with peer(serve=serve) as s, harness.scratch() as d:
        port = s.getsockname()[1]
        log = f"{d}/log"
        run(python("""
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
n = 0
while n < 5000:
    n += len(s.recv(5000))
s.sendmsg([b"a" * 10, b"b" * 5])
open("/kern/hz").read()
""", port), KERN, [*NET, "--summary", "--log-file", log])
        with open(log, encoding="ascii") as f:
            text = f.read()
    check(re.search(r"^\d+ summary: \d+ calls routed \(\d+ failed\), \d+ passed"
                    r" through, 0 refused; 5004 bytes in, 15 bytes out; "
                    r"\d+\.\d{3} ms in the kernel$", text, re.M), text)
    check(re.search(r"routed by class: path \d+, fd \d+, socket \d+$", text,
                    re.M), text)
    check(re.search(r"net_bytes_received 5000$", text, re.M), text)
    check(re.search(rf"summary: tcp +program +5000 +15 127\.0\.0\.1:\d+ +"
                    rf"127\.0\.0\.1:{port} +closed$", text, re.M), text)


def without_sockets_a_summary_has_no_table():
    done = run(["cat", "/kern/hz"], KERN, ["--summary"])
    check(b"calls routed" in done.stderr, done.stderr)
    check(b"Foreign address" not in done.stderr, done.stderr)


def a_trace_speaks_in_names():
    text = """
import os, socket, sys
port = int(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.connect(("127.0.0.1", port))
s.getpeername()
s.send(b"hello", socket.MSG_NOSIGNAL)
s.shutdown(socket.SHUT_WR)
s.recv(10, socket.MSG_WAITALL)
try:
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).connect(
        ("::1", port, 0, 0))
except OSError:
    pass
fd = os.open("/kern/hz", os.O_RDONLY | os.O_NOFOLLOW)
os.lseek(fd, 1, os.SEEK_SET)
os.access("/kern/hz", os.R_OK | os.W_OK)
os.read(fd, 10)
"""

    def serve(connection):
        check(read_all(connection) == b"hello", "what was said")
        connection.sendall(b"reply")

    with peer(serve=serve) as s, harness.scratch() as d:
        port = s.getsockname()[1]
        run(python(text, port), KERN, [*NET, "--trace",
                                       f"--log-file={d}/log.%p"])
        name, = os.listdir(d)
        check(re.fullmatch(r"log\.\d+", name), name)
        with open(f"{d}/{name}", encoding="ascii") as f:
            trace = f.read()
    for line in (
            "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = @ ",
            "setsockopt(@, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0 ",
            "setsockopt(@, IPPROTO_TCP, TCP_NODELAY, [1], 4) = 0 ",
            f"connect(@, {{AF_INET 127.0.0.1:{port}}}, 16) = 0 ",
            f"= 0 => {{AF_INET 127.0.0.1:{port}}} <rump:fd>",
            'sendto(@, "hello", 5, MSG_NOSIGNAL, NULL, 0) = 5 ',
            "shutdown(@, SHUT_WR) = 0 ",
            'MSG_WAITALL, NULL, NULL) = 5 => "reply" ',
            f"connect(@, {{AF_INET6 [0:0:0:0:0:0:0:1]:{port}}}, 28) = ",
            'openat(AT_FDCWD, "/kern/hz", O_RDONLY|O_NOFOLLOW|O_CLOEXEC',
            "lseek(@, 1, SEEK_SET) = 1 ",
            'access("/kern/hz", R_OK|W_OK) = -1 ',
            ', 10) = 3 => "00\\n" '):
        pattern = re.escape(line).replace("@", r"\d+")
        check(re.search(pattern, trace), f"{line}\n{trace}")


def a_trace_is_confined_to_its_classes():
    for classes, there, absent in (("socket", "socket(", "openat("),
                                   ("path", "openat(", "socket("),
                                   ("path,socket", "socket(", "read(")):
        done = run(python("""
import socket
socket.socket()
open("/kern/hz").read()
"""), KERN, [*NET, f"--trace={classes}"])
        check(there.encode() in done.stderr, done.stderr)
        check(absent.encode() not in done.stderr, done.stderr)


def the_next_address_of_a_name_is_tried():
    """As the tool hands addresses on: alternatives are lines of one path."""
    def populate(directory):
        with open(f"{directory}/f", "w", encoding="ascii") as f:
            f.write("text\n")

    with harness.export(populate) as (_, server), socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        good = server.url()
        bad = re.sub(r"nfsport=\d+", f"nfsport={closed.getsockname()[1]}",
                     good)
        check(good != bad, good)
        library = f"{harness.STAGE}/lib/librumphijack.so.0"
        for lines, status in ((f"/data={bad}\n/data={good}", 0),
                              (f"/data={bad}\n/data={bad}", 125)):
            done = subprocess.run(
                harness.as_user(["env", f"LD_PRELOAD={library}",
                                 "RUMPKIT_IN_PROCESS=1",
                                 f"RUMPKIT_MOUNT={lines}", "cat", "/data/f"]),
                capture_output=True, env=harness.clean_env(), timeout=180,
                check=False)
            check(done.returncode == status, done)
            check(done.stdout == (b"" if status else b"text\n"), done)
            check(done.stderr.count(b"rumpkit: /data=") ==
                  (2 if status else 0), done.stderr)


def a_name_with_several_addresses_is_mounted():
    """With a hosts file of the test's own; the server is at the second."""
    def populate(directory):
        with open(f"{directory}/f", "w", encoding="ascii") as f:
            f.write("text\n")

    with harness.export(populate) as (_, server), harness.scratch() as d:
        with open(f"{d}/hosts", "w", encoding="ascii") as f:
            f.write("::1 twofold\n127.0.0.1 twofold\n")
        os.chmod(f"{d}/hosts", 0o644)
        inside = ["unshare", "-m", "sh", "-c",
                  f'mount --bind {d}/hosts /etc/hosts && exec "$@"', "sh"]
        if subprocess.run([*inside, "true"], capture_output=True,
                          check=False).returncode != 0:
            raise harness.Skip("no mount name space of its own")
        url = server.url().replace("127.0.0.1", "twofold")
        done = subprocess.run(
            [*inside, *harness.rumpkit_argv(["cat", "/data/f", "/kern/mounts"],
                                            [("/data", url), *KERN])],
            capture_output=True, env=harness.clean_env(), timeout=180,
            check=False)
    check(done.returncode == 0, done)
    check(done.stdout.startswith(b"text\n"), done)
    check(b"127.0.0.1:/export on /data type nfs" in done.stdout, done)
    check(done.stderr == b"", done)


CASES = [(f.__name__.replace("_", " "), f) for f in (
    kernfs_lists_files_that_can_be_read,
    metrics_are_strict_openmetrics,
    the_reader_of_metrics_is_strict,
    metrics_count_what_a_program_does,
    a_client_is_captured_whole,
    a_server_is_captured_whole,
    datagrams_are_captured_with_their_addresses,
    a_refused_connection_is_a_reset,
    both_ends_in_one_program_are_one_connection,
    a_capture_is_appended_to_by_the_next_image,
    a_capture_that_cannot_grow_ends_and_the_program_goes_on,
    what_a_program_leaves_open_ends_with_it,
    nfs_traffic_is_no_traffic_of_the_program,
    metrics_count_calls_of_procedures,
    a_summary_lists_calls_bytes_and_sockets,
    without_sockets_a_summary_has_no_table,
    a_trace_speaks_in_names,
    a_trace_is_confined_to_its_classes,
    the_next_address_of_a_name_is_tried,
    a_name_with_several_addresses_is_mounted,
)]

if __name__ == "__main__":
    sys.exit(harness.run(CASES))
