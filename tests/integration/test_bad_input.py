#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Everything that a user, a server or a machine can get wrong: each has one
clear line of text and loses nothing."""
import contextlib
import functools
import hashlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import harness

CC_STATIC = ["gcc", "-static", "-O1", "-o"]
HELLO = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"
DOCKER = os.environ["SECCOMP_DOCKER"]
SIZE = 24 << 20


def populate(top):
    block = bytes(range(256)) * 4096
    with open(f"{top}/file", "wb") as f:
        for i in range(SIZE // len(block)):
            f.write(block[i:] + block[:i])
    with open(f"{top}/small", "wb") as f:
        f.write(b"small file\n")
    for n in ("file", "small"):
        os.chmod(f"{top}/{n}", 0o644)


def one_line(out, *words, status=125):
    text = out.stderr.decode(errors="replace")
    lines = text.strip().splitlines()
    harness.check(out.returncode == status,
                  f"exit status {out.returncode}, not {status}: {text}")
    harness.check(len(lines) == 1, f"not one line: {text!r}")
    for word in words:
        harness.check(word in lines[0], f"{word!r} is not in {lines[0]!r}")
    harness.check(out.stdout == b"", f"it ran: {out.stdout!r}")


def mount_fails(source, *words, **kw):
    out = harness.rumpkit(["cat", "/data/small"], [("/data", source)], **kw)
    one_line(out, *words)


def wrong_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        mount_fails(f"nfs://127.0.0.1/export?nfsport={port}&mountport={port}",
                    str(port), "refused")


def unreachable():
    harness.need_root()
    out = subprocess.run(
        ["unshare", "-n"] + harness.rumpkit_argv(
            ["cat", "/data/small"],
            [("/data", "nfs://192.0.2.1/export?nfsport=2049&mountport=1")]),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=180,
        env=harness.clean_env(), cwd="/")
    one_line(out, "192.0.2.1", "unreachable")


def silent_server():
    """Accepts connections and never answers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        port = s.getsockname()[1]
        mount_fails(f"nfs://127.0.0.1/export?nfsport={port}&mountport={port}",
                    "127.0.0.1", "time")


def babbling_server():
    """Answers with garbage."""
    def babble(s):
        with contextlib.suppress(OSError):
            while True:
                c, _ = s.accept()
                with contextlib.suppress(OSError):
                    c.recv(100)
                    c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
                    c.close()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        thread = threading.Thread(target=babble, args=(s,), daemon=True)
        thread.start()
        port = s.getsockname()[1]
        mount_fails(f"nfs://127.0.0.1/export?nfsport={port}&mountport={port}",
                    "127.0.0.1")
        s.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def no_such_export(server):
    mount_fails(f"nfs://127.0.0.1/nothing?nfsport={server.nfs}"
                f"&mountport={server.mnt}", "/nothing")


def privileged_port():
    with harness.export(populate, privileged="true") as (_, server):
        mount_fails(server.url(), "insecure", "CAP_NET_BIND_SERVICE",
                    "PrivilegedPort")


def unknown_option(server):
    mount_fails(server.url("&flavour=vanilla"), "flavour")


def bad_value(server):
    mount_fails(server.url("&rsize=lots"), "rsize", "lots")


def malformed_urls():
    for source, word in (("nfs://", "nfs://"), ("nfs:/one", "nfs:/one"),
                         ("nfs://127.0.0.1", "127.0.0.1"),
                         ("nfs://127.0.0.1:99999/x", "99999"),
                         ("nfs://127.0.0.1/%zz", "%zz"),
                         ("gopher://127.0.0.1/x", "gopher"),
                         ("nfs://no-such-host.invalid/x",
                          "no-such-host.invalid")):
        mount_fails(source, word)


def relative_mount_path():
    out = harness.rumpkit(["true"], [("data", "nfs://127.0.0.1/x")])
    one_line(out, "data")


def two_kernels():
    out = harness.rumpkit(["true"], options=["--server", "unix:///x"])
    one_line(out, "--in-process and --server")


def refused_program(build, *words):
    harness.need_root()
    with harness.scratch() as d:
        path = f"{d}/program"
        build(d, path)
        out = harness.rumpkit([path],
                              [("/data", "nfs://127.0.0.1/x?nfsport=1"
                                "&mountport=1")])
        one_line(out, path, *words, status=126)


def compile_with(*compiler):
    def build(d, path):
        if shutil.which(compiler[0]) is None:
            raise harness.Skip(f"no {compiler[0]}")
        with open(f"{d}/hello.c", "w", encoding="ascii") as f:
            f.write(HELLO)
        done = subprocess.run([*compiler, "-o", path, f"{d}/hello.c"],
                              capture_output=True)
        if done.returncode != 0:
            raise harness.Skip(f"{compiler[0]} cannot build this here")
    return build


def set_uid(_, path):
    shutil.copy("/bin/true", path)
    os.chmod(path, 0o4755)


def with_capability(_, path):
    shutil.copy("/bin/true", path)
    subprocess.run(["setcap", "cap_net_raw+ep", path], check=True)


def run_without_nnp(argv):
    """no_new_privs makes set-id and capabilities harmless: leave it off."""
    return [a for a in argv if a != "--no-new-privs"]


def refused_privileged(build, *words):
    harness.need_root()
    harness.need_set_id()
    with harness.scratch() as d:
        path = f"{d}/program"
        build(d, path)
        os.chown(path, 0, 0)
        build_again = {set_uid: lambda: os.chmod(path, 0o4755),
                       with_capability: lambda: subprocess.run(
                           ["setcap", "cap_net_raw+ep", path], check=True)}
        build_again[build]()
        out = subprocess.run(
            run_without_nnp(harness.rumpkit_argv(
                [path], [("/data", "nfs://127.0.0.1/x?nfsport=1&"
                          "mountport=1")])),
            capture_output=True, timeout=120, env=harness.clean_env(), cwd="/")
        one_line(out, path, *words, status=126)


def not_found():
    out = harness.rumpkit(["/nonexistent/program"])
    one_line(out, "/nonexistent/program", status=127)


def unreadable_library():
    harness.need_root()
    with harness.scratch() as d:
        shutil.copytree(harness.STAGE, f"{d}/stage", symlinks=True)
        hidden = []
        for top, _, files in os.walk(f"{d}/stage"):
            hidden += [f"{top}/{n}" for n in files
                       if n.startswith("librumphijack.so")]
        for path in hidden:
            os.chmod(path, 0o600)
        argv = harness.rumpkit_argv(["true"])
        argv[argv.index(harness.RUMPKIT)] = f"{d}/stage/bin/rumpkit"
        out = subprocess.run(argv, capture_output=True, timeout=120,
                             env=harness.clean_env(), cwd="/")
        one_line(out, "librumphijack.so")


def under_docker_profile(server):
    argv = harness.rumpkit_argv(["sha256sum", "/data/file"],
                                [("/data", server.url())])
    at = argv.index(harness.RUMPKIT)
    out = subprocess.run(argv[:at] + [DOCKER] + argv[at:],
                         capture_output=True, timeout=180,
                         env=harness.clean_env(), cwd="/")
    harness.check(out.returncode == 0 and len(out.stdout.split()[0]) == 64,
                  str(out))


def limited(server, which, value, argv, want):
    out = harness.rumpkit(
        argv, [("/data", server.url())],
        preexec_fn=lambda: resource.setrlimit(which, (value, value)))
    harness.check(out.returncode == 0 and want in out.stdout, str(out))


def few_descriptors(server):
    limited(server, resource.RLIMIT_NOFILE, 16, ["cat", "/data/small"],
            b"small file\n")


def no_descriptors(server):
    """Too few to boot: an error in words, never a crash."""
    for limit in range(4, 16):
        out = harness.rumpkit(
            ["cat", "/data/small"], [("/data", server.url())],
            preexec_fn=lambda n=limit: resource.setrlimit(
                resource.RLIMIT_NOFILE, (n, n)))
        if out.returncode == 0:
            harness.check(out.stdout == b"small file\n", str(out))
        else:
            harness.check(out.returncode in (125, 126, 127) and
                          b"rumpkit" in out.stderr or
                          b"loading shared libraries" in out.stderr, str(out))


def little_address_space(server):
    limited(server, resource.RLIMIT_AS, 96 << 20, ["cat", "/data/small"],
            b"small file\n")
    limited(server, resource.RLIMIT_AS, 192 << 20,
            ["wc", "-c", "/data/file"], str(SIZE).encode())


def descriptors_run_out(server):
    """The program gets EMFILE as on the host, and can go on."""
    out = harness.rumpkit(["/usr/bin/python3", "-c", """
import os, errno
held = []
try:
    while True: held.append(os.open('/data/small', os.O_RDONLY))
except OSError as e: print(e.errno == errno.EMFILE, len(held) > 20)
for fd in held: os.close(fd)
print(open('/data/small').read(), end='')
"""], [("/data", server.url())], preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (64, 64)))
    harness.check(out.stdout == b"True True\nsmall file\n", str(out))


def python_on(server, script, options=""):
    return subprocess.Popen(
        harness.rumpkit_argv(["/usr/bin/python3", "-c", script],
                             [("/data", server.url(options))]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=harness.clean_env(), cwd="/")


def proceed(child):
    child.stdin.write(b"go on\n")
    child.stdin.flush()


def stale_handle():
    with harness.export(populate) as (directory, server):
        child = python_on(server, """
import os, errno, sys
f = os.open('/data/small', os.O_RDONLY)
print(os.read(f, 5), flush=True)
sys.stdin.readline()
try: print(os.pread(f, 5, 0), os.fstat(f).st_size)
except OSError as e: print(e.errno == errno.ESTALE)
""", "&noac")
        child.stdout.readline()
        os.unlink(f"{directory}/small")
        server.stop()  # a running server keeps its descriptor of the file
        server.start()
        proceed(child)
        out, err = child.communicate(timeout=180)
        harness.check(out == b"True\n", f"{out} {err}")


def killed_server(options, restart, check_out):
    with harness.export(populate) as (directory, server):
        child = python_on(server, """
import hashlib, sys
h = hashlib.sha256()
with open('/data/file', 'rb', buffering=0) as f:
    h.update(f.read(1 << 20)); print('begun', flush=True)
    sys.stdin.readline()
    try:
        while b := f.read(65536): h.update(b)
        print(h.hexdigest())
    except OSError as e: print(e.errno)
""", options)
        child.stdout.readline()
        server.kill()
        proceed(child)
        if restart:
            wait_asleep(child.pid)
            server.start()
        out, err = child.communicate(timeout=120)
        with open(f"{directory}/file", "rb") as f:
            check_out(out, err, hashlib.file_digest(f, "sha256").hexdigest())


def wait_asleep(pid):
    """Until the process waits in a poll or futex call of the kernel's."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as f:
            if f.read().split()[0] in ("7", "202", "271"):
                return
        time.sleep(0.01)
    raise AssertionError("the program never came to wait")


def hard_mount_resumes():
    def good(out, err, digest):
        harness.check(out.decode().strip() == digest, f"{out} {err}")
    killed_server("&timeo=10", True, good)


def soft_mount_times_out():
    def timed_out(out, err, _):
        harness.check(out.strip() == b"110", f"{out} {err}")
    killed_server("&soft&timeo=5&retrans=2", False, timed_out)


def interrupt_ends_a_hang():
    with harness.export(populate) as (_, server):
        child = python_on(server, """
import os, sys
f = os.open('/data/file', os.O_RDONLY)
print('open', flush=True); sys.stdin.readline()
os.pread(f, 100, 20 << 20)
""", "&noac")
        child.stdout.readline()
        server.kill()
        proceed(child)
        wait_asleep(child.pid)
        child.send_signal(signal.SIGINT)
        try:
            _, err = child.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise
        harness.check(b"KeyboardInterrupt" in err, str(err))


def kill_leaves_nothing(server):
    before = listing()
    child = subprocess.Popen(
        harness.rumpkit_argv(["/usr/bin/python3", "-c", """
import os, mmap
f = os.open('/data/file', os.O_RDONLY)
m = mmap.mmap(f, 0, access=mmap.ACCESS_READ); m[5000000]
print('ready', flush=True)
while True: os.pread(f, 65536, 0)
"""], [("/data", server.url())]), stdout=subprocess.PIPE,
        env=harness.clean_env(), cwd="/")
    child.stdout.readline()
    child.kill()
    child.communicate()
    harness.check(listing() == before,
                  f"left behind: {listing() - before}")


def listing():
    found = set()
    for d in ("/tmp", "/dev/shm", "/run", "/var/tmp"):
        with contextlib.suppress(OSError):
            found |= {f"{d}/{n}" for n in os.listdir(d)
                      if "rump" in n and "rumpkit-test" not in n}
    return found


def environment_twins(server):
    out = subprocess.run(
        harness.as_user([harness.RUMPKIT, "run", "cat", "/data/small"]),
        capture_output=True, timeout=120, cwd="/",
        env=harness.clean_env(RUMPKIT_IN_PROCESS="1",
                              RUMPKIT_MOUNT=f"/data={server.url()}"))
    harness.check(out.stdout == b"small file\n", str(out))


def statuses(server):
    for status in (0, 1, 77):
        out = harness.rumpkit(["sh", "-c", f"exit {status}"],
                              [("/data", server.url())])
        harness.check(out.returncode == status, str(out))


def main():
    alone = [
        ("wrong port", wrong_port),
        ("unreachable server", unreachable),
        ("a server that never answers", silent_server),
        ("a server that babbles", babbling_server),
        ("refused: privileged port wanted", privileged_port),
        ("malformed URLs", malformed_urls),
        ("relative mount path", relative_mount_path),
        ("two kernels", two_kernels),
        ("static program", functools.partial(
            refused_program, compile_with("gcc", "-static"), "static")),
        ("musl program", functools.partial(
            refused_program, compile_with("musl-gcc"), "musl")),
        ("32-bit program", functools.partial(
            refused_program, compile_with("gcc", "-m32"), "32")),
        ("set-uid program", functools.partial(
            refused_privileged, set_uid, "set")),
        ("program with file capabilities", functools.partial(
            refused_privileged, with_capability, "capabilit")),
        ("command not found", not_found),
        ("unreadable library", unreadable_library),
        ("stale handle", stale_handle),
        ("hard mount: server killed in mid-read", hard_mount_resumes),
        ("soft mount: ETIMEDOUT", soft_mount_times_out),
        ("SIGINT ends a hang on a dead server", interrupt_ends_a_hang),
    ]
    served = [
        ("no such export", no_such_export),
        ("unknown mount option", unknown_option),
        ("bad option value", bad_value),
        ("Docker's default seccomp profile", under_docker_profile),
        ("low RLIMIT_NOFILE", few_descriptors),
        ("too few descriptors to boot", no_descriptors),
        ("low RLIMIT_AS", little_address_space),
        ("descriptors run out", descriptors_run_out),
        ("kill -9 leaves nothing behind", kill_leaves_nothing),
        ("environment twins of options", environment_twins),
        ("exit status is the command's", statuses),
    ]
    try:
        harness.need_root()
    except harness.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with harness.export(populate) as (_, server):
        return harness.run(alone + [
            (name, functools.partial(function, server))
            for name, function in served])


if __name__ == "__main__":
    sys.exit(main())
