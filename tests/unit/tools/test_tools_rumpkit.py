#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rumpkit from outside: exit statuses and messages."""
import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

RUMPKIT = os.environ["RUMPKIT"]
NFS = "/data=nfs://127.0.0.1/export"
with open(RUMPKIT, "rb") as f:
    SANITIZED = b"__asan_init" in f.read()


def rumpkit(*args, env=None, cwd=None):
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("RUMP", "LD_PRELOAD", "ASAN"))}
    clean.update(env or {})
    done = subprocess.run([RUMPKIT, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=clean,
                          cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


class Case(unittest.TestCase):
    def fails(self, status, part, *args, **kw):
        """One line on standard error, nothing on standard output."""
        got, out, err = rumpkit(*args, **kw)
        self.assertIn(part, err)
        self.assertEqual((got, out), (status, ""))
        self.assertEqual(err.count("\n"), 1, err)
        self.assertTrue(err.startswith("rumpkit: "))

    def says(self, part, *args, **kw):
        got, out, err = rumpkit(*args, **kw)
        self.assertEqual((got, err), (0, ""))
        self.assertIn(part, out)


class Usage(Case):
    def test_help_fits_a_screen(self):
        for args in (("--help",), ("help",), ("-h",), ("run", "--help"), ("doctor", "-h"),
                     ("server", "-h"), ("ps", "-h"), ("sysctl", "--help")):
            _, out, _ = rumpkit(*args)
            lines = out.splitlines()
            self.assertLessEqual(len(lines), 24)
            self.assertLessEqual(max(map(len, lines)), 80)

    def test_version_is_one_line(self):
        for args in ("--version",), ("-V",), ("run", "-V"):
            self.says("rumpkit 0.", *args)

    def test_no_subcommand_is_an_error(self):
        self.fails(125, "say what to do")

    def test_an_unknown_subcommand_is_named(self):
        self.fails(125, "fly: no such subcommand", "fly")

    def test_output_that_cannot_be_written_is_an_error(self):
        for args in ("--help",), ("doctor",), ("explain", "openat"):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([RUMPKIT, *args], stdout=full,
                                      stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 125)
            self.assertIn(b"standard output cannot be written", done.stderr)

    def test_what_the_kernel_lacks_is_said_by_name(self):
        for name in "ifconfig", "route":
            self.fails(125, f"{name}: there is nothing to configure", name)


class Clients(Case):
    NAMES = "ps", "mounts", "netstat", "sysctl", "halt"

    def test_which_server_must_be_said(self):
        for name in self.NAMES:
            self.fails(125, f"{name}: which server? say --server URL, or set "
                       "RUMP_SERVER", name)

    def test_a_server_that_is_not_there_is_named(self):
        with tempfile.TemporaryDirectory() as d:
            url = f"unix://{d}/s"
            for name in self.NAMES:
                self.fails(125, f"{name}: {url}: No such file or directory; "
                           "no server listens there", name, "--server", url)
            self.fails(125, f"ps: unix://{os.path.realpath(d)}/s: No such",
                       "ps", env={"RUMP_SERVER": "unix://s"},
                       cwd=os.path.realpath(d))

    def test_a_bad_address_is_named(self):
        for url in "x", "unix://", "http://a", "tcp://*:1/":
            self.fails(125, f"ps: --server '{url}': ", "ps", "--server", url)
        self.fails(125, "only servers at unix:// addresses can be asked",
                   "ps", "--server", "tcp://127.0.0.1:1/")

    def test_operands_that_mean_nothing_are_refused(self):
        self.fails(125, "ps: x: takes no operands", "ps", "x")

    def test_who_is_no_server_is_told_so(self):
        for said, part in ((b"hello\n", "no rump kernel's server"),
                           (b"RUMPSP-0.4-NetBSD-9.99/amd64\n",
                            "not rumpkit's"),
                           (b"RUMPSP-0.5-NetBSD-9.99/amd64 rumpkit-1\n",
                            "not rumpkit's"),
                           (b"x" * 200, "no rump kernel's server"),
                           (b"", "the server hung up"),
                           (b"RUMPSP-0.4-NetBSD-9.99/amd64 rumpkit-1\n",
                            "the server hung up")):
            with tempfile.TemporaryDirectory() as d, \
                    socket.socket(socket.AF_UNIX) as s:
                s.bind(f"{d}/s")
                s.listen()

                def serve():
                    c, _ = s.accept()
                    with c:
                        c.sendall(said)
                        c.shutdown(socket.SHUT_WR)
                        with contextlib.suppress(ConnectionError):
                            while c.recv(4096):
                                pass
                thread = threading.Thread(target=serve)
                thread.start()
                self.fails(125, part, "ps", "--server", f"unix://{d}/s")
                thread.join()

    def upgraded(self, answer):
        """What ps says to a server that goes on with answer(connection)."""
        with tempfile.TemporaryDirectory() as d, \
                socket.socket(socket.AF_UNIX) as s:
            s.bind(f"{d}/s")
            s.listen()

            def serve():
                c, _ = s.accept()
                with c:
                    c.sendall(b"RUMPSP-0.4-NetBSD-9.99/amd64 rumpkit-1\n")
                    c.recv(24 + 8, socket.MSG_WAITALL)
                    c.sendall(struct.pack("=QQHHIi", 28, 1, 1, 0, 0, 0))
                    c.recv(24, socket.MSG_WAITALL)
                    answer(c)
            thread = threading.Thread(target=serve)
            thread.start()
            status, out, err = rumpkit("ps", "--server", f"unix://{d}/s")
            thread.join()
        self.assertEqual((status, out), (125, ""))
        self.assertEqual(err.count("\n"), 1, err)
        return err

    def welcome(self, c, size, seals):
        area = os.memfd_create("area", os.MFD_ALLOW_SEALING)
        os.truncate(area, size)
        fcntl.fcntl(area, fcntl.F_ADD_SEALS, seals)
        socket.send_fds(c, [struct.pack("=IIQII", 1, 5, 0, 0, 0)], [area])
        os.close(area)

    def test_a_server_that_refuses_is_told(self):
        self.assertIn("the server refuses: temporarily unavailable", self.upgraded(
            lambda c: c.sendall(struct.pack("=IIQII", 2, 35, 0, 0, 0))))

    def test_a_welcome_must_bring_memory_that_stays(self):
        stays = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
        self.assertIn("refuses", self.upgraded(
            lambda c: c.sendall(struct.pack("=IIQII", 1, 5, 0, 0, 0))))
        self.assertIn("not sealed", self.upgraded(
            lambda c: self.welcome(c, 1 << 20, 0)))
        self.assertIn("too small", self.upgraded(
            lambda c: self.welcome(c, 4096, stays)))

    def test_a_server_that_ends_in_mid_call_is_noticed(self):
        stays = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW

        def answer(c):
            self.welcome(c, 1 << 20, stays)
            c.recv(24, socket.MSG_WAITALL)
        self.assertIn("the server ended meanwhile", self.upgraded(answer))


class Server(Case):
    def bad(self, part, *args):
        got, out, err = rumpkit("server", *args)
        self.assertEqual((got, out), (125, ""))
        self.assertEqual(err.count("\n"), 1, err)
        self.assertTrue(err.startswith("rumpkit server: "), err)
        self.assertIn(part, err)

    def test_one_address_is_needed(self):
        self.bad("say where to serve")
        self.bad("one URL says where to serve", "unix://a", "unix://b")

    def test_a_bad_address_is_named(self):
        self.bad("'a': ", "a")
        self.bad("'tcp6://[::1]:1/': ", "tcp6://[::1]:1/")

    def test_tcp_must_be_asked_for_twice(self):
        self.bad("--insecure-tcp", "tcp://127.0.0.1:0/")
        _, _, err = rumpkit("server", "--check", "--insecure-tcp",
                            "tcp://127.0.0.1:9/")
        self.assertIn("is root in the kernel", err)
        self.bad("say which port", "--insecure-tcp", "tcp://127.0.0.1:0/")

    def test_what_the_genuine_server_can_do_and_this_one_not_is_said(self):
        self.bad("cannot be loaded", "-m/x", "unix://a")

    def test_a_drive_that_is_none_is_said(self):
        for text, spec in (
                ("'x' has no value", "x"),
                ("absolute path", "key=x,hostpath=/h,size=1"),
                ("needs hostpath=", "key=/x,size=1"),
                ("has room for something", "key=/x,hostpath=/h,size=0"),
                ("needs size=", "key=/x,hostpath=/h"),
                ("needs size=", "key=/x,hostpath=/h,type=chr"),
                ("'1x' is not a number", "key=/x,hostpath=/h,size=1x"),
                ("'' is not a number", "key=/x,hostpath=/h,size="),
                ("'-1' is not a number", "key=/x,hostpath=/h,offset=-1"),
                ("9999999t is too much", "key=/x,hostpath=/h,size=9999999t"),
                ("none of blk", "key=/x,hostpath=/h,type=dir"),
                ("disklabels", "key=/x,hostpath=/h,disklabel=a"),
                ("'q' is not one of", "q=1"),
                ("is too long", "key=/" + "x" * 2000)):
            self.bad(text, "-d", spec, "unix://a")

    def test_check_starts_nothing(self):
        with tempfile.TemporaryDirectory() as d:
            got, out, err = rumpkit("server", "--check", "--mount",
                                    "/k=kernfs:", "unix://s", cwd=d)
            self.assertEqual((got, err), (0, ""))
            self.assertIn(f"server: unix://{os.path.realpath(d)}/s\n", out)
            self.assertIn("mount: /k = kernfs:\n", out)
            self.assertEqual(os.listdir(d), [])


class Run(Case):
    def bad(self, part, *args, **kw):
        self.fails(125, part, "run", "--in-process", *args, **kw)

    def test_a_kernel_cannot_be_here_and_there(self):
        self.bad("--in-process and --server", "--server", "unix:///s", "true")

    def test_a_bad_server_is_named(self):
        self.fails(125, "--server 'x': ", "run", "--server", "x", "true")
        self.fails(125, "RUMP_SERVER='x': ", "run", "true",
                   env={"RUMP_SERVER": "x"})
        self.fails(125, "rumpkit server --pcap", "run", "--server",
                   "unix:///s", "--net", "sockin", "--pcap", "f", "true")
        self.fails(125, "no server listens there", "run", "--server",
                   "unix:///nowhere/s", "--mount", "/k=kernfs:", "true")

    def test_a_command_is_needed(self):
        self.bad("name a command")

    def test_bad_options_are_named(self):
        self.bad("--mnt: no such option; did you mean --mount?", "--mnt", "x")
        self.bad("--mount: 'data=x': must be PATH=SOURCE", "--mount", "data=x",
                 "true")
        self.bad("no such kind of source 'smb:'", "--mount", "/d=smb://h/e",
                 "true")
        self.bad("/data is given twice", "--mount", NFS, "--mount",
                 NFS.replace("/data", "/data/"), "true")
        self.bad("--net: 'tap:x' is not there yet", "--net", "tap:x", "true")
        self.bad("--hijack: 'paths' does not follow the rule", "--hijack",
                 "paths", "true")
        self.bad("--trace: no such class 'x'", "--trace=fd,x", "true")
        self.bad("RUMPKIT_SUMMARY=x: must be 1 or 0", "true",
                 env={"RUMPKIT_SUMMARY": "x"})

    def test_values_that_are_empty_are_shown_as_such(self):
        self.bad("--mount: '': must be", "--mount=", "true")
        self.bad("--net: '' is no network", "--net=", "true")
        self.bad("--log-file: '' is no name", "--log-file=", "true")
        self.fails(127, "'': command not found", "run", "--in-process", "")

    def test_a_mount_point_that_is_too_long_is_cut_in_the_message(self):
        got, _, err = rumpkit("run", "--in-process", "--mount",
                              "/" + "a" * 5000 + "=nfs://127.0.0.1/e", "true")
        self.assertEqual(got, 125)
        self.assertIn("must be shorter than 4096", err)
        self.assertLess(len(err), 200)

    def test_a_server_that_cannot_be_resolved_is_named(self):
        self.bad("does-not-exist.invalid: cannot resolve", "--mount",
                 "/data=nfs://does-not-exist.invalid/e", "true")

    def test_a_mount_below_a_file_is_refused(self):
        with tempfile.NamedTemporaryFile() as f:
            self.bad(f"{f.name} is not a directory", "--mount",
                     f"{f.name}/x=nfs://127.0.0.1/e", "true")

    def test_a_missing_library_is_named(self):
        with tempfile.TemporaryDirectory() as d:
            self.bad(f"RUMPKIT_LIBDIR={d}: no readable librumphijack",
                     "true", env={"RUMPKIT_LIBDIR": d})

    def test_the_environment_stands_for_options(self):
        self.fails(125, "no such kind of source 'smb:'", "run", "true",
                   env={"RUMPKIT_IN_PROCESS": "1",
                        "RUMPKIT_MOUNT": "/d=smb://h/e"})


class Command(Case):
    """With a library of no consequence: what is run, and how it fails."""

    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.env = {"RUMPKIT_LIBDIR": self.tmp.name}
        # A sanitized rumpkit that runs with it asks as it would ask ours.
        subprocess.run(["cc", "-shared", "-x", "c", "-", "-o",
                        os.path.join(self.tmp.name, "librumphijack.so.0")],
                       check=True, text=True,
                       input="const char *__asan_default_options(void) {"
                       'return "verify_asan_link_order=0"; }')

    def tearDown(self):
        self.tmp.cleanup()

    def run_in(self, *args, env=None):
        return rumpkit("run", "--in-process", *args,
                       env={**self.env, **(env or {})})

    def script(self, text, mode=0o755):
        path = os.path.join(self.tmp.name, "script")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def test_the_exit_status_is_the_commands(self):
        self.assertEqual(self.run_in("sh", "-c", "exit 3")[0], 3)

    def test_a_command_that_is_not_found_is_127(self):
        status, _, err = self.run_in("no-such-command")
        self.assertEqual(status, 127)
        self.assertIn("no-such-command: command not found", err)
        self.assertEqual(self.run_in("/nowhere/x")[0], 127)

    def test_a_command_that_cannot_be_executed_is_126(self):
        path = self.script("#!/bin/sh\n", 0o644)
        status, _, err = self.run_in(path)
        self.assertEqual(status, 126)
        self.assertIn(f"{path}: cannot be executed: Permission denied", err)
        self.assertEqual(self.run_in(self.tmp.name)[0], 126)

    def test_a_command_in_a_mount_is_looked_for_there(self):
        link = os.path.join(self.tmp.name, "link")
        os.symlink("/kern", link)
        for path in "/kern/x", "//kern/x", "/bin/../kern/x", link + "/x":
            status, _, err = self.run_in("--mount", "/kern=kernfs:", path)
            self.assertEqual(status, 127, err)
            self.assertIn(f"{path}: command not found", err)
        status, _, err = self.run_in("--hijack", "path=/rump", "/rump/x")
        self.assertEqual(status, 127)
        self.assertIn("/rump/x: command not found", err)
        status, _, err = self.run_in("--mount", NFS, "/data/../nowhere/x")
        self.assertEqual(status, 127)

    def test_path_may_lead_into_a_mount(self):
        path = "/kern:" + os.environ["PATH"]
        run = ("--mount", "/kern=kernfs:")
        self.assertEqual(self.run_in(*run, "sh", "-c", "exit 7",
                                     env={"PATH": path})[0], 7)
        status, _, err = self.run_in(*run, "metrics", env={"PATH": path})
        self.assertEqual(status, 127)
        self.assertIn("metrics: command not found", err)

    def test_a_library_that_ld_preload_cannot_name_is_refused(self):
        for name in "with space", "a:b", "$LIB":
            place = os.path.join(self.tmp.name, name)
            os.mkdir(place)
            shutil.copy(os.path.join(self.tmp.name, "librumphijack.so.0"),
                        place)
            status, _, err = self.run_in("true", env={"RUMPKIT_LIBDIR": place})
            self.assertEqual(status, 125)
            self.assertIn(f"{name}/librumphijack.so.0: LD_PRELOAD cannot hold",
                          err)

    def test_a_command_that_cannot_be_hijacked_is_126(self):
        program = os.path.join(self.tmp.name, "static")
        subprocess.run(["cc", "-static", "-x", "c", "-", "-o", program],
                       input=b"int main(void) { return 0; }", check=True)
        wrapper = self.script(f"#!{program} -x\n")
        for path in program, wrapper:
            status, out, err = self.run_in(path)
            self.assertEqual((status, out), (126, ""))
            self.assertEqual(err, f"rumpkit: {path}: cannot be hijacked: "
                             "statically linked; use one that is dynamically "
                             "linked\n")

    def test_a_set_id_command_names_the_cure(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to make another's set-id program")
        program = os.path.join(self.tmp.name, "setid")
        subprocess.run(["cp", "/bin/true", program], check=True)
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
        status, _, err = self.run_in(program)
        self.assertEqual(status, 126)
        self.assertIn("--no-new-privs", err)

    def test_a_script_without_an_interpreter_is_the_shells(self):
        path = self.script("echo from $0 $1\n")
        status, out, _ = self.run_in(path, "here")
        self.assertEqual((status, out), (0, f"from {path} here\n"))

    def test_the_command_keeps_the_process_id(self):
        status, out, _ = self.run_in(
            "sh", "-c", "test $$ = $RUMPKIT_KERNEL_PID && echo same")
        self.assertEqual((status, out), (0, "same\n"))

    def environment(self, *args, env=None):
        status, out, err = self.run_in(*args, "/usr/bin/env", env=env)
        self.assertEqual((status, err), (0, ""))
        return dict(line.split("=", 1) for line in out.splitlines()
                    if "=" in line)

    def test_the_library_is_told_through_the_environment(self):
        env = self.environment("--mount", NFS, "--trace=fd,path",
                               "--summary", "--log-file", "f.%p", "-q",
                               "--hijack", "blanket=/x")
        self.assertEqual(env["RUMPKIT_IN_PROCESS"], "1")
        self.assertEqual(env["RUMPKIT_MOUNT"], NFS)
        self.assertEqual(env["RUMPKIT_TRACE"], "fd,path")
        self.assertEqual(env["RUMPKIT_SUMMARY"], "1")
        self.assertEqual(env["RUMPKIT_LOG_FILE"],
                         os.path.join(os.getcwd(), "f.%p"))
        self.assertEqual(env["RUMPKIT_QUIET"], "1")
        self.assertEqual(env["RUMPHIJACK"], "blanket=/x")
        library = os.path.join(os.path.realpath(self.tmp.name),
                               "librumphijack.so.0")
        self.assertEqual(env["LD_PRELOAD"], library)
        self.assertNotIn("ASAN_OPTIONS", env)

    def test_nothing_is_hijacked_that_was_not_asked_for(self):
        env = self.environment(env={"RUMP_SERVER": "unix:///s"})
        self.assertEqual(env["RUMPHIJACK"], "")
        for name in ("RUMPKIT_MOUNT", "RUMPKIT_TRACE", "RUMPKIT_SUMMARY",
                     "RUMP_SERVER"):
            self.assertNotIn(name, env)

    @unittest.skipIf(SANITIZED, "ASan wants to be first in LD_PRELOAD")
    def test_what_the_variables_hold_is_kept(self):
        env = self.environment(env={
            "LD_PRELOAD": "/lib/x86_64-linux-gnu/libm.so.6",
            "ASAN_OPTIONS": "detect_leaks=0", "RUMPHIJACK": "path=/r"})
        self.assertRegex(env["LD_PRELOAD"], r"^/\S*hijack\S*:/lib/\S*libm")
        self.assertEqual(env["ASAN_OPTIONS"], "detect_leaks=0")
        self.assertEqual(env["RUMPHIJACK"], "path=/r")

    def test_network_and_capture_are_told_through_the_environment(self):
        pcap = os.path.join(self.tmp.name, "f.pcap")
        env = self.environment("--net", "sockin", "--pcap", pcap,
                               env={"RUMPKIT_CONFIG": "/dev/null"})
        self.assertEqual(env["RUMPKIT_NET"], "sockin")
        self.assertEqual(env["RUMPKIT_PCAP"], pcap)
        self.assertEqual(env["RUMPHIJACK"], "")
        self.assertNotIn("RUMPKIT_CONFIG", env)
        self.assertEqual(os.path.getsize(pcap), 0)

    def test_a_file_of_options_counts_less_than_the_environment(self):
        conf = os.path.join(self.tmp.name, "conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write("# everything\nsummary\nnet sockin\n"
                    f"mount {NFS}\ntrace=fd\nquiet\nlog-file x\n")
        env = self.environment("--config", conf, "--log-file", "y",
                               env={"RUMPKIT_TRACE": "path",
                                    "RUMPKIT_QUIET": "0"})
        self.assertEqual(env["RUMPKIT_SUMMARY"], "1")
        self.assertEqual(env["RUMPKIT_NET"], "sockin")
        self.assertEqual(env["RUMPKIT_MOUNT"], NFS)
        self.assertEqual(env["RUMPKIT_TRACE"], "path")
        self.assertEqual(env["RUMPKIT_LOG_FILE"],
                         os.path.join(os.getcwd(), "y"))
        self.assertNotIn("RUMPKIT_QUIET", env)
        env = self.environment(env={"RUMPKIT_CONFIG": conf})
        self.assertEqual(env["RUMPKIT_LOG_FILE"],
                         os.path.join(os.getcwd(), "x"))

    def environment_of_joined(self, *args, env=None):
        status, out, err = rumpkit("run", *args, "/usr/bin/env",
                                   env={**self.env, **(env or {})})
        self.assertEqual((status, err), (0, ""))
        return dict(line.split("=", 1) for line in out.splitlines()
                    if "=" in line)

    def test_a_server_is_told_through_the_environment(self):
        env = self.environment_of_joined("--server", "unix:///x/s")
        self.assertEqual(env["RUMP_SERVER"], "unix:///x/s")
        self.assertEqual(env["RUMPHIJACK"], "path=/rump")
        for name in "RUMPKIT_IN_PROCESS", "RUMPKIT_KERNEL", "RUMPKIT_SERVER":
            self.assertNotIn(name, env)
        env = self.environment_of_joined("--hijack", "blanket=/a", env={
            "RUMP_SERVER": "unix:///y"})
        self.assertEqual(env["RUMP_SERVER"], "unix:///y")
        self.assertEqual(env["RUMPHIJACK"], "blanket=/a")

    def test_without_anything_to_hijack_there_is_no_kernel(self):
        env = self.environment_of_joined()
        for name in "RUMPKIT_IN_PROCESS", "RUMPKIT_KERNEL", "RUMP_SERVER":
            self.assertNotIn(name, env)

    def test_a_former_capture_is_emptied_only_when_the_command_runs(self):
        pcap = os.path.join(self.tmp.name, "f.pcap")
        with open(pcap, "w", encoding="ascii") as f:
            f.write("old")
        self.run_in("--net", "sockin", "--pcap", pcap, "no-such-command")
        self.assertEqual(os.path.getsize(pcap), 3)
        self.run_in("--net", "sockin", "--pcap", pcap, "true")
        self.assertEqual(os.path.getsize(pcap), 0)


class Check(Case):
    """--check, with the libraries of this tree."""

    def check(self, *args):
        return rumpkit("run", "--in-process", "--check", *args)

    def test_check_starts_nothing_and_says_what_would_be_done(self):
        with tempfile.TemporaryDirectory() as d:
            marker, pcap = os.path.join(d, "marker"), os.path.join(d, "pcap")
            status, out, _ = self.check(
                "--mount", "/data=nfs://127.1/e?soft&timeo=50",
                "--mount", "/kern=kernfs:", "--net", "sockin", "--pcap",
                pcap, "--summary", "--trace=fd", "touch", marker)
            self.assertEqual(os.listdir(d), [])
        self.assertEqual(status, 0)
        for line in ("mount: /data = nfs://127.0.0.1/e?soft&timeo=50",
                     "mount: /kern = kernfs:", "net: sockin", f"pcap: {pcap}",
                     "trace: fd to standard error",
                     "summary: to standard error"):
            self.assertIn(line + "\n", out)
        self.assertRegex(out, r"command: /\S*/touch\n")

    def test_the_keys_of_a_url_are_looked_into(self):
        for key, part in (("sof", "sof"), ("timeo=x", "timeo"),
                          ("vers=2", "vers"), ("rsize=1", "rsize")):
            self.fails(125, part, "run", "--in-process", "--check",
                       "--mount", f"/data=nfs://127.0.0.1/e?{key}", "true")

    def test_each_address_of_a_name_is_named(self):
        status, out, _ = self.check("--mount", "/d=nfs://localhost/e", "true")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"mount: /d = nfs://(127\.0\.0\.1|\[::1\])/e\n")

    def test_a_file_in_a_mount_is_refused(self):
        for option in ("--pcap=/kern/x", "--log-file=/kern/../kern/x"):
            self.fails(125, "lies in a mount", "run", "--in-process",
                       "--check", "--net=sockin", "--mount=/kern=kernfs:",
                       option, "true")

    def test_a_capture_that_cannot_be_made_is_refused(self):
        run = ("run", "--in-process", "--net=sockin")
        self.fails(125, "--pcap: /nowhere/x: No such file", *run,
                   "--pcap=/nowhere/x", "true")
        self.fails(125, "must be a regular file", *run, "--pcap=/dev/null",
                   "true")

    def test_an_error_in_a_file_of_options_is_placed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("net sockin\n\nmnt /x\n")
            f.flush()
            self.fails(125, f"{f.name}:3: mnt: no such option; did you mean "
                       "mount?", "run", "--in-process", "--config", f.name,
                       "true")
            f.write("\0")
            f.flush()
            self.fails(125, "contains a NUL", "explain", "--config", f.name,
                       "read")
        self.fails(125, "--config: /nowhere: No such file", "run",
                   "--in-process", "--config", "/nowhere", "true")


class Explain(Case):
    def test_a_path_in_a_mount_is_the_rump_kernels(self):
        self.says("/data/x: rump, as /data/x: --mount " + NFS, "explain",
                  "--mount", NFS, "/data/x")
        self.says("/a/../data/./x: rump", "explain", "--mount", NFS,
                  "/a/../data/./x")

    def test_the_mount_of_a_component_does_not_take_its_namesakes(self):
        self.says("/data2: host: no rule applies", "explain", "--mount", NFS,
                  "/data2")

    def test_what_leads_to_a_mount_and_is_not_there_is_the_rump_kernels(self):
        mount = "/nowhere/b/c=nfs://127.0.0.1/e"
        self.says("/nowhere/b: rump, as /nowhere/b: on the way to a mount",
                  "explain", "--mount", mount, "/nowhere/b")
        self.says("/: host", "explain", "--mount", mount, "/")
        self.says("/nowhere/b/c/d: rump, as /nowhere/b/c/d: --mount",
                  "explain", "--mount", mount, "/nowhere/b/c/d")

    def test_a_prefix_of_path_is_stripped(self):
        self.says("/rump/a: rump, as /a: --hijack path=/rump", "explain",
                  "--hijack", "path=/rump", "/rump/a")

    def test_a_link_on_the_host_is_followed(self):
        with tempfile.TemporaryDirectory() as d:
            os.symlink("/data", os.path.join(d, "abs"))
            os.symlink("abs/sub", os.path.join(d, "rel"))
            os.symlink("loop", os.path.join(d, "loop"))
            self.says("rump, as /data/x", "explain", "--mount", NFS,
                      os.path.join(d, "abs/x"))
            self.says("rump, as /data/sub/x", "explain", "--mount", NFS,
                      "rel/x", cwd=d)
            self.says("host", "explain", "--mount", NFS, "./loop", cwd=d)

    def test_addresses_follow_the_socket_rule(self):
        self.says("1.2.3.4:80: host", "explain", "1.2.3.4:80")
        self.says("1.2.3.4: rump", "explain", "--hijack", "socket=inet",
                  "1.2.3.4")
        self.says("[::1]:80: host", "explain", "--hijack", "socket=inet",
                  "[::1]:80")
        self.says("::1: rump", "explain", "--hijack", "socket=inet6", "::1")
        for word in "1.2.3.4:80", "::1", "[::1]:80":
            self.says(f"{word}: rump: --net sockin", "explain", "--net",
                      "sockin", word)

    def test_socket_calls_follow_the_network(self):
        self.says("--net host leaves all sockets to the host", "explain",
                  "socket")
        self.says("--net sockin sends to the rump kernel PF_INET and PF_INET6",
                  "explain", "--net", "sockin", "socketpair")
        self.says("--hijack socket=inet sends to the rump kernel PF_INET\n",
                  "explain", "--hijack", "socket=inet", "41")

    def test_a_call_is_explained_by_name_and_number(self):
        self.says("openat (257): routed by path", "explain", "openat")
        self.says("openat (257): routed by path", "explain", "257")

    def test_other_words_are_an_error(self):
        self.fails(125, "'nonsense' is no path", "explain", "nonsense")
        self.fails(125, "name a path", "explain")
        for word in "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:65536", "[::1]80", "[::1":
            self.fails(125, f"'{word}' is no path", "explain", word)


class Doctor(Case):
    def test_every_finding_is_one_line_in_plain_words(self):
        status, out, err = rumpkit("doctor")
        self.assertIn(status, (0, 1))
        self.assertEqual(err, "")
        for word in ("interception", "patching", "seccomp", "mapping",
                     "descriptors", "address space", "ports", "IPv6",
                     "ping sockets", "raw sockets"):
            self.assertRegex(out, rf"(?m)^{word} +(ok|note|MISSING) ")

    @unittest.skipIf(SANITIZED, "ls is not")
    def test_what_works_is_found_by_trial(self):
        """The verdict is that of a program under the library."""
        for limit in "true", "ulimit -n 5":
            doctor = subprocess.run(
                ["sh", "-c", limit + '; exec "$0" doctor', RUMPKIT],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
            trial = subprocess.run(
                ["sh", "-c", limit + '; exec "$0" run --in-process --hijack '
                 'path=/rump ls -d /rump', RUMPKIT],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, check=False)
            self.assertEqual(doctor.returncode == 0, trial.returncode == 0,
                             (limit, doctor.stdout, trial))

    def test_a_library_that_does_nothing_is_found_out(self):
        with tempfile.TemporaryDirectory() as d:
            subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", "-o",
                            os.path.join(d, "librumphijack.so.0")],
                           check=True)
            status, out, _ = rumpkit("doctor", env={"RUMPKIT_LIBDIR": d})
        self.assertEqual(status, 1)
        self.assertRegex(out, "kernel +MISSING ")

    def test_quiet_keeps_only_what_is_wrong(self):
        _, out, _ = rumpkit("doctor", "-q")
        self.assertNotIn(" ok ", out)

    def test_a_missing_library_is_found(self):
        with tempfile.TemporaryDirectory() as d:
            status, out, _ = rumpkit("doctor", env={"RUMPKIT_LIBDIR": d})
        self.assertEqual(status, 1)
        self.assertRegex(out, "library +MISSING ")

    def test_arguments_are_refused(self):
        self.fails(125, "x: takes no arguments", "doctor", "x")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
