#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""librump exports every system call under its genuine symbol."""
import os
import subprocess
import sys
import unittest

TABLES = os.path.join(os.environ["RUMPKIT_SOURCE_ROOT"], "syscall_table")
sys.dont_write_bytecode = True
sys.path.insert(0, TABLES)

import netbsd  # noqa: E402


class Exports(unittest.TestCase):
    def setUp(self):
        self.table = netbsd.Table(os.path.join(TABLES, "netbsd.tbl"))
        lines = subprocess.run(
            ["nm", "-D", "--defined-only", os.environ["RUMPKIT_LIBRUMP"]],
            stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        self.exported = {line.split()[-1] for line in lines}

    def test_every_symbol_of_the_table_is_exported(self):
        wanted = {c.symbol for c in self.table.calls}
        self.assertEqual(wanted - self.exported, set())

    def test_no_other_symbol_looks_like_a_system_call(self):
        wanted = {c.symbol for c in self.table.calls}
        found = {s for s in self.exported
                 if s.startswith(("rump_sys_", "rump___sysimpl_"))}
        self.assertEqual(found - wanted, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
