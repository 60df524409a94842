# SPDX-License-Identifier: BSD-2-Clause
"""What the integration tests have in common.

STAGE names an installed tree (bin/rumpkit, lib/...), NOREG the preload for
ganesha.  Programs run as an ordinary user (uid 65534) when the tests run as
root, which the NFS server needs; without root a test that needs the server
skips.  Results are printed as TAP.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

from ganesha import Ganesha

STAGE = os.environ.get("STAGE", "")
RUMPKIT = f"{STAGE}/bin/rumpkit"
NOBODY = 65534
MOUNT = "/data"


class Skip(Exception):
    """Raised by a case that cannot run here; its text is the reason."""


def reserve_standard_descriptors():
    """Whoever runs the tests may have been started without any."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= 2:
        os.set_inheritable(fd, True)
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


reserve_standard_descriptors()
os.umask(0o022)


def need_root():
    if os.geteuid() != 0:
        raise Skip("nfs-ganesha needs root (open_by_handle_at)")
    if shutil.which("ganesha.nfsd") is None:
        raise Skip("nfs-ganesha is not installed")


def need_set_id():
    with open("/proc/self/status", encoding="ascii") as f:
        if "NoNewPrivs:\t1" in f.read():
            raise Skip("no_new_privs makes set-id and capabilities harmless")


def as_user(argv):
    """argv as run by an ordinary user without any capability."""
    if os.geteuid() != 0:
        return argv
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
            "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
            "--no-new-privs", *argv]


def clean_env(**more):
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                   "/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
           "PYTHONDONTWRITEBYTECODE": "1"}
    # It is set where programs cannot use /tmp.
    if "TMPDIR" in os.environ:
        env["TMPDIR"] = os.environ["TMPDIR"]
    env.update(more)
    return env


def native(argv, timeout=180, **kw):
    """Run argv as the ordinary user, unhijacked."""
    return subprocess.run(as_user(argv), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout,
                          env=kw.pop("env", clean_env()), cwd="/", **kw)


def rumpkit_argv(argv, mounts=(), options=()):
    out = [RUMPKIT, "run", "--in-process"]
    for path, source in mounts:
        out += ["--mount", f"{path}={source}"]
    return as_user(out + list(options) + ["--"] + list(argv))


def rumpkit(argv, mounts=(), options=(), timeout=180, **kw):
    """Run argv under rumpkit as the ordinary user."""
    return subprocess.run(rumpkit_argv(argv, mounts, options),
                          stdin=kw.pop("stdin", subprocess.DEVNULL),
                          capture_output=True, timeout=timeout,
                          env=kw.pop("env", clean_env()),
                          cwd=kw.pop("cwd", "/"), **kw)


@contextlib.contextmanager
def scratch():
    """A directory that the ordinary user can write; removed afterwards."""
    path = tempfile.mkdtemp(prefix="rumpkit-test.")
    try:
        os.chmod(path, 0o777)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def export(populate, **options):
    """An exported directory filled by populate(path), and its server."""
    need_root()
    with scratch() as top:
        directory = f"{top}/export"
        os.mkdir(directory)
        os.chmod(directory, 0o755)
        populate(directory)
        with Ganesha(directory, f"{top}/server", **options) as server:
            yield directory, server


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def same(hijacked, plain, directory, path=MOUNT):
    """Compare two completed processes, paths on the export renamed."""
    def rename(data):
        return data.replace(directory.encode(), path.encode())
    check(hijacked.returncode == plain.returncode,
          f"exit status {hijacked.returncode}, native {plain.returncode}\n"
          f"stderr: {hijacked.stderr.decode(errors='replace')[-1500:]}")
    check(hijacked.stdout == rename(plain.stdout),
          "output differs\n--- native\n"
          f"{rename(plain.stdout)[:1500].decode(errors='replace')}\n"
          "--- hijacked\n"
          f"{hijacked.stdout[:1500].decode(errors='replace')}\n"
          f"--- stderr\n{hijacked.stderr[:800].decode(errors='replace')}")
    check(hijacked.stderr == rename(plain.stderr),
          "standard error differs\n--- native\n"
          f"{rename(plain.stderr)[:1500].decode(errors='replace')}\n"
          "--- hijacked\n"
          f"{hijacked.stderr[:1500].decode(errors='replace')}")


def run(cases):
    """Run (name, function) pairs; print TAP; return the exit status."""
    only = sys.argv[1:]
    cases = [c for c in cases if not only or c[0] in only]
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(cases, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except BaseException:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    return 1 if failed else 0
