#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""librumpclient exports what the genuine one does, and nothing else."""
import os
import subprocess
import sys
import unittest

TABLES = os.path.join(os.environ["RUMPKIT_SOURCE_ROOT"], "syscall_table")
sys.dont_write_bytecode = True
sys.path.insert(0, TABLES)

import netbsd  # noqa: E402

CLIENT = {"init", "syscall", "fork", "prefork", "fork_init", "fork_cancel",
          "fork_vparent", "exec", "daemon", "setconnretry", "_closenotify",
          "_forked"}
HOST = {"socket", "close", "connect", "fcntl", "poll", "read", "sendmsg",
        "setsockopt", "dup", "execve", "signalfd"}


class Exports(unittest.TestCase):
    def setUp(self):
        lines = subprocess.run(
            ["nm", "-D", "--defined-only", os.environ["RUMPKIT_LIBRUMPCLIENT"]],
            stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        self.exported = {line.split()[-1]: line.split()[-2] for line in lines}

    def test_the_interface_is_exported_and_nothing_else(self):
        table = netbsd.Table(os.path.join(TABLES, "netbsd.tbl"))
        wanted = {c.symbol for c in table.calls}
        wanted |= {f"rumpclient_{name}" for name in CLIENT}
        wanted |= {f"host_{name}" for name in HOST}
        wanted |= {"rumphijack_dlsym"}
        self.assertEqual(set(self.exported), wanted)

    def test_a_hijack_library_can_replace_how_functions_are_found(self):
        self.assertEqual(self.exported["rumphijack_dlsym"], "W")


if __name__ == "__main__":
    unittest.main(verbosity=2)
