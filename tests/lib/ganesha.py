# SPDX-License-Identifier: BSD-2-Clause
"""A real NFS server on loopback: nfs-ganesha without systemd or rpcbind.

As a program: ganesha.py start DIRECTORY STATE [key=value ...] prints
"PID NFSPORT MNTPORT" when the server answers; ganesha.py stop STATE ends it.
NOREG names the preload that makes portmapper registration a no-op.
"""
import os
import random
import signal
import socket
import subprocess
import sys
import time

CONFIG = """
NFS_CORE_PARAM {{
    Bind_addr = {bind};
    NFS_Port = {nfs}; MNT_Port = {mnt}; NLM_Port = {nlm};
    Rquota_Port = {rquota};
    Protocols = 3, 4;
    mount_path_pseudo = true;
    Clustered = false;
}}
NFSv4 {{ Graceless = true; RecoveryRoot = "{state}/recovery";
    Only_Numeric_Owners = true; }}
NFS_KRB5 {{ Active_krb5 = false; }}
EXPORT {{
    Export_Id = 1;
    Path = "{directory}";
    Pseudo = /export;
    Access_Type = {access};
    Squash = {squash};
    SecType = sys;
    PrivilegedPort = {privileged};
    Attr_Expiration_Time = {attr};
    {io}
    FSAL {{ Name = VFS; }}
}}
"""


def unassigned_port():
    """A number that no socket gets by itself, if there are such."""
    with open("/proc/sys/net/ipv4/ip_local_port_range",
              encoding="ascii") as f:
        low, high = map(int, f.read().split())
    below, above = max(low - 10000, 0), 65535 - high
    if below + above == 0:
        return 0
    i = random.randrange(below + above)
    return 10000 + i if i < below else high + 1 + i - below


def bound(kind, host, port):
    """A socket on that port, of all addresses if these are IPv4's."""
    if ":" not in host and socket.has_dualstack_ipv6():
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        host = "::"
    else:
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                          kind)
    try:
        s.bind((host, port))
    except OSError:
        s.close()
        raise
    return s


def free_ports(count, host="127.0.0.1"):
    """Port numbers that were free for tcp and udp a moment ago."""
    held, ports = [], []
    while len(ports) < count:
        try:
            held.append(bound(socket.SOCK_STREAM, host, unassigned_port()))
            port = held[-1].getsockname()[1]
            held.append(bound(socket.SOCK_DGRAM, host, port))
        except OSError:
            continue
        ports.append(port)
    for s in held:
        s.close()
    return ports


class Ganesha:
    """One server process; restart() keeps directory, ports and handles."""

    def __init__(self, directory, state, noreg=None, **options):
        self.directory = os.path.realpath(directory)
        self.state = state
        self.noreg = noreg or os.environ["NOREG"]
        self.options = {"bind": "127.0.0.1", "access": "RW",
                        "squash": "no_root_squash", "privileged": "false",
                        "attr": "0", "io": ""}
        self.options.update(options)
        self.process = None
        self.choose_ports()

    def choose_ports(self):
        self.nfs, self.mnt, self.nlm, self.rquota = free_ports(
            4, self.options["bind"])

    def url(self, options="", host=None):
        host = host or self.options["bind"]
        if ":" in host:
            host = f"[{host}]"
        return (f"nfs://{host}/export?nfsport={self.nfs}"
                f"&mountport={self.mnt}{options}")

    def start(self):
        # The server reads the mount table there; minimal systems lack it.
        if not os.path.lexists("/etc/mtab"):
            os.symlink("../proc/self/mounts", "/etc/mtab")
        os.makedirs(f"{self.state}/recovery", exist_ok=True)
        config = f"{self.state}/ganesha.conf"
        log = f"{self.state}/log"
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(directory=self.directory, nfs=self.nfs,
                                  mnt=self.mnt, nlm=self.nlm,
                                  rquota=self.rquota, state=self.state,
                                  **self.options))
        with open(log, "w", encoding="utf-8"):
            pass
        with open(f"{self.state}/out", "wb") as out:
            self.process = subprocess.Popen(
                ["ganesha.nfsd", "-F", "-f", config, "-L", log, "-p",
                 f"{self.state}/pid", "-N", "NIV_EVENT"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
                env={**os.environ, "LD_PRELOAD": self.noreg})
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with open(log, encoding="utf-8", errors="replace") as f:
                text = f.read()
            if "Could not create export" in text:
                break  # it goes on without
            if "NFS SERVER INITIALIZED" in text:
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.kill()
        with open(log, encoding="utf-8", errors="replace") as f:
            raise RuntimeError("ganesha did not start: " + f.read()[-2000:])

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self):
        """SIGKILL, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def start_anywhere(self):
        """On other ports if somebody has taken these meanwhile."""
        for _ in range(3):
            try:
                return self.start()
            except RuntimeError as e:
                if "Address already in use" not in str(e):
                    raise
                self.choose_ports()
        return self.start()

    def __enter__(self):
        return self.start_anywhere()

    def __exit__(self, *exc):
        self.stop()


def main():
    verb, *rest = sys.argv[1:]
    if verb == "start":
        directory, state, *options = rest
        server = Ganesha(directory, state,
                         **dict(o.split("=", 1) for o in options))
        server.start_anywhere()
        print(server.process.pid, server.nfs, server.mnt, flush=True)
    elif verb == "stop":
        with open(f"{rest[0]}/pid", encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            if f.read().strip() != "ganesha.nfsd":
                sys.exit(f"process {pid} is not ours")
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 120
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
            time.sleep(0.02)
        if os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGKILL)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
