#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""generate.py names file and line of what it does not understand."""
import os
import subprocess
import sys
import tempfile
import unittest

GENERATE = os.path.join(os.environ["RUMPKIT_SOURCE_ROOT"], "syscall_table",
                        "generate.py")


def generate(table, text, out):
    """Run the generator; returns (exit status, complaint, output)."""
    with tempfile.TemporaryDirectory() as tmp:
        source, target = os.path.join(tmp, table), os.path.join(tmp, out)
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run(
            [sys.executable, "-B", GENERATE, source, target],
            stderr=subprocess.PIPE, text=True, check=False)
        made = ""
        if os.path.exists(target):
            with open(target, encoding="ascii") as f:
                made = f.read()
        return done.returncode, done.stderr.replace(tmp + "/", ""), made


READ = "3 kern int read(int fd)\n"
NETBSD = {
    "3 kern int\n": "1: expected NUMBER",
    "x kern int read(int fd)\n": "1: expected NUMBER",
    READ + "512 kern int write(int fd)\n": "2: '512' is not a number below",
    READ + READ: "2: read is listed twice",
    READ + "3 kern int write(int fd)\n": "2: number 3 is listed twice",
    READ + "3 - gone\n": "2: number 3 is listed twice",
    "# comment\n\n3 disk int read(int fd)\n": "3: provider 'disk' is none of",
    "3 kern bool read(int fd)\n": "1: return type 'bool' is not known",
    "3 kern int read(bool fd)\n": "1: type 'bool' of 'bool fd' is not known",
    "3 kern int read(int)\n": "1: 'int' is not TYPE NAME or PAD",
    "3 kern int read(int fd, int fd)\n": "1: two arguments have one name",
    "3 kern int read(... int a, int b)\n": "1: only the last argument",
    "3 kern int read(const int a)\n": "1: 'const int a': const without",
    "3 kern int read(struct rump_odd *a)\n": "1: type 'struct rump_odd'",
    "3 kern int read(int fd) fast\n": "1: flag 'fast' is not known",
    "3 kern int read(int fd) version=x\n": "1: flag 'version=x' is not known",
    "3 kern int read(int fd) errno\n": "1: errno needs noerr",
    "3 kern int read(int fd) old\n": "1: an old call has no provider",
    "3 kern int read(" + ", ".join(f"int a{i}" for i in range(9)) + ")\n":
        "1: more than 8 slots",
    "  3 kern int read(int fd)\n": "1: continues nothing",
}
LINUX = {
    "0 read fd +\n": "1: expected NUMBER NAME CLASS ROUTE FORMAT",
    "0 read file + f yes\n": "1: class 'file' is none of",
    "0 read fd + fz yes\n": "1: format 'fz' is not up to 6 of",
    "0 read fd + ffffffff yes\n": "1: format 'ffffffff' is not up to 6",
    "0 read fd + Ff yes\n": "1: F must stand before a P",
    "0 read fd + f\n": "1: support must be yes,",
    "0 read fd + f perhaps\n": "1: support must be yes,",
    "0 read host + d\n": "1: a call of class host has no route",
    "0 read host - P\n": "1: a call of class host has no P",
    "0 read fd rm-rf f yes\n": "1: 'rm-rf' is not a route",
    "0 read fd + f yes\n0 write fd + f yes\n": "2: 0 write is listed twice",
    "0 read fd + f yes\n1 read fd + f yes\n": "2: 1 read is listed twice",
}


class Complaints(unittest.TestCase):
    def check(self, table, cases, out):
        for text, expected in cases.items():
            with self.subTest(text=text):
                status, complaint, made = generate(table, text, out)
                self.assertEqual(status, 1)
                self.assertIn(f"{table}:{expected}", complaint)
                self.assertEqual(made, "")

    def test_bad_lines_of_netbsd_tbl_are_named(self):
        self.check("netbsd.tbl", NETBSD, "sysargs.h")

    def test_bad_lines_of_linux_tbl_are_named(self):
        self.check("linux.tbl", LINUX, "linux_calls.c")

    def test_an_unknown_output_is_refused(self):
        status, complaint, _ = generate("netbsd.tbl", READ, "novel.txt")
        self.assertEqual(status, 1)
        self.assertIn("netbsd.tbl makes no novel.txt", complaint)


class Output(unittest.TestCase):
    def test_a_continued_line_is_one_call(self):
        text = "3 kern int read(int fd,\n\tvoid *buf)\n"
        status, _, made = generate("netbsd.tbl", text, "sysargs.h")
        self.assertEqual(status, 0)
        self.assertIn("SYSARG(void *buf, buf);", made)

    def test_a_pad_is_a_slot_without_a_name_of_its_own(self):
        text = "3 kern int seek(int fd, PAD, off_t offset)\n"
        _, _, made = generate("netbsd.tbl", text, "sysargs.h")
        self.assertIn("sizeof(struct sys_seek_args) == 24", made)
        _, _, made = generate("netbsd.tbl", text, "rump_syscalls.h")
        self.assertIn("rump_sys_seek(int fd, off_t offset)", made)

    def test_no_line_is_longer_than_eighty_columns(self):
        root = os.path.dirname(GENERATE)
        for table, outs in (
                ("netbsd.tbl", ("sysargs.h", "sysprotos.h", "rump_syscalls.c",
                                "rump_syscalls.h", "syscalls_vfs.c")),
                ("linux.tbl", ("linux_calls.c", "linux_routes.h"))):
            with open(os.path.join(root, table), encoding="ascii") as f:
                text = f.read()
            for out in outs:
                status, _, made = generate(table, text, out)
                self.assertEqual(status, 0)
                long = [line for line in made.splitlines()
                        if len(line.expandtabs()) > 80]
                self.assertEqual(long, [], out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
