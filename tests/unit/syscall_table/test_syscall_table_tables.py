#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tables say what the genuine kernel and the host's headers say."""
import os
import re
import sys
import unittest

ROOT = os.environ["RUMPKIT_SOURCE_ROOT"]
TABLES = os.path.join(ROOT, "syscall_table")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, TABLES)

import linux  # noqa: E402
import netbsd  # noqa: E402

UNISTD = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"


class Netbsd(unittest.TestCase):
    def setUp(self):
        self.table = netbsd.Table(os.path.join(TABLES, "netbsd.tbl"))
        with open(os.path.join(HERE, "genuine.txt"), encoding="ascii") as f:
            self.genuine = {
                (int(n), symbol, int(size)) for n, symbol, size in
                (line.split() for line in f if not line.startswith("#"))}

    def test_numbers_symbols_and_sizes_are_the_genuine_ones(self):
        ours = {(c.number, c.symbol, 8 * len(c.args))
                for c in self.table.calls}
        self.assertEqual(ours ^ self.genuine, set())

    def inputs(self, name):
        """(slot, kind, count, size) of what the call reads."""
        call = next(c for c in self.table.calls if c.name == name)
        found = [(slot, netbsd.one_input(call, slot))
                 for slot in range(len(call.args))]
        return [(slot, *i) for slot, i in found if i is not None]

    def test_what_calls_read_of_their_callers_memory(self):
        none = "NETBSD_NO_COUNT"
        self.assertEqual(self.inputs("getpid"), [])
        self.assertEqual(self.inputs("read"), [])
        self.assertEqual(self.inputs("write"), [(1, "BYTES", "2", "1")])
        self.assertEqual(self.inputs("rename"), [(0, "STRING", none, "0"),
                                                 (1, "STRING", none, "0")])
        self.assertEqual(self.inputs("readv"), [(1, "IOVECS", "2", "0")])
        self.assertEqual(self.inputs("pwritev"), [(1, "DATA", "2", "0")])
        self.assertEqual(self.inputs("fcntl"), [(2, "FCNTL", "1", "0")])
        self.assertEqual(self.inputs("accept"),
                         [(2, "BYTES", none, "sizeof(uint32_t)")])
        self.assertEqual(self.inputs("poll"),
                         [(0, "BYTES", "1", "sizeof(struct rump_pollfd)")])
        self.assertEqual(self.inputs("utimensat")[1],
                         (2, "BYTES", none,
                          "2 * sizeof(struct rump_timespec)"))

    def test_no_call_reads_more_than_there_is_room_for(self):
        for call in self.table.served():
            self.assertLessEqual(len(self.inputs(call.name)),
                                 netbsd.INPUTS_MAX, call.name)

    def test_the_header_has_206_prototypes(self):
        self.assertEqual(len(self.table.current()), 206)

    def test_names_of_handlers_are_unique(self):
        names = [c.name for c in self.table.served()]
        self.assertEqual(len(names), len(set(names)))

    def test_an_offset_is_padded_to_an_even_slot(self):
        for c in self.table.calls:
            for i, a in enumerate(c.args):
                if a.pad:
                    self.assertEqual(i % 2, 1, c.name)
                    self.assertIn(c.args[i + 1].type, ("off_t ", "dev_t "))


class Linux(unittest.TestCase):
    def setUp(self):
        self.table = linux.Table(os.path.join(TABLES, "linux.tbl"))
        self.ours = {c.name: c.number for c in self.table.calls}

    def test_every_call_of_the_host_headers_is_listed(self):
        if not os.path.exists(UNISTD):
            self.skipTest(f"{UNISTD} is not installed")
        with open(UNISTD, encoding="ascii") as f:
            theirs = {name: int(n) for name, n in re.findall(
                r"#define __NR_(\w+) (\d+)", f.read())}
        wrong = {n: v for n, v in theirs.items() if self.ours.get(n) != v}
        self.assertEqual(wrong, {})

    def test_every_call_that_says_yes_has_a_route(self):
        for c in self.table.calls:
            if c.support == "yes" and c.name not in (
                    "rt_sigreturn", "epoll_wait"):
                self.assertIsNotNone(c.route, c.name)

    def test_a_refusal_names_the_error_of_its_route(self):
        for c in self.table.calls:
            if c.route and c.route.startswith("route_refuse_"):
                errno = c.route.removeprefix("route_refuse_").upper()
                self.assertTrue(
                    c.support.startswith(f"refused: {errno}"), c.name)

    def test_calls_routed_by_descriptor_have_one(self):
        for c in self.table.calls:
            if c.cls == "fd":
                self.assertGreaterEqual(c.indices("fF")[0], 0, c.name)

    def test_the_document_is_what_the_table_makes(self):
        path = os.path.join(ROOT, "docs", "SYSCALLS.md")
        with open(path, encoding="ascii") as f:
            self.assertEqual(
                f.read(), linux.markdown(self.table),
                "copy the build's syscall_table/SYSCALLS.md to docs/")


if __name__ == "__main__":
    unittest.main(verbosity=2)
