#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shared libraries that lie on a mount, as the dynamic linker finds them.

Programs and libraries are built, copied to a directory of the host and, under
rumpkit run, to a tmpfs mounted at that very place.  The same shell commands
must print the same.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile

import harness

TREES = os.path.dirname(os.path.abspath(__file__)) + "/trees"
SOURCES = {
    # Each says when it is loaded, and counts how often it was.
    "y.c": """
#include <stdio.h>
static int loaded;
static __attribute__((constructor)) void start(void)
{
    printf("y starts %d\\n", ++loaded);
}
int y(void) { return 40 + loaded; }
""",
    "x.c": """
#include <stdio.h>
int y(void);
static __attribute__((constructor)) void start(void) { puts("x starts"); }
int x(void) { return y() + 1; }
""",
    "other.c": "int y(void) { return -1000; }\n",
    "plug.c": """
#include <dlfcn.h>
int plug(void) { return dlopen("libdeep.so", RTLD_NOW) != 0 ? 7 : -7; }
""",
    "deep.c": "int deep(void) { return 3; }\n",
    "needs_deep.c": """
int deep(void);
int plug(void) { return deep() + 6; }
""",
    "getpid.c": "int getpid(void) { return 4711; }\n",
    "probe.c": """
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int x(void);
extern char **environ;
static void show_environment(void)
{
    for (char **e = environ; *e != NULL; e++) {
        if (strncmp(*e, "LD_", 3) == 0 && strncmp(*e, "LD_PRELOAD", 10) != 0)
            puts(*e);
        if (strncmp(*e, "RUMPKIT_LIBRARIES", 17) == 0)
            puts(*e);
    }
}
static void show_descriptors(void)
{
    for (int fd = 0; fd < 256; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            printf("fd %d\\n", fd);
    }
}
static void load(const char *name)
{
    void *h = dlopen(name, RTLD_NOW);
    int (*plug)(void) = h != NULL ? (int (*)(void))dlsym(h, "plug") : NULL;
    printf("%s %d\\n", name, plug != NULL ? plug() : 0);
    if (h == NULL)
        puts(dlerror());
}
int main(int argc, char **argv)
{
    char exe[4096] = "";
    Dl_info info;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("%s %d\\n", argv[0], x());
    dladdr((void *)x, &info);
    printf("%s\\n", info.dli_fname);
    if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0)
        puts(exe);
    printf("again %d\\n", dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_NOW) != 0);
    show_environment();
    show_descriptors();
    for (int i = 1; i < argc; i++)
        load(argv[i]);
    return x();
}
""",
    "hello.c": """
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("hello %d\\n", getpid() == 4711); }
""",
    "forks.c": """
#define _GNU_SOURCE
#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static int count(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}
int main(int argc, char **argv)
{
    char *big = malloc(1 << 20), *args[] = { argv[1], big, NULL };
    char *one[] = { argv[1], NULL };
    int before = count(), status;
    pid_t pid;
    memset(big, 'x', (1 << 20) - 1);
    big[(1 << 20) - 1] = 0;
    for (int i = 0; i < 3; i++) {
        execve(argv[1], args, environ);
        printf("%s\\n", strerror(errno));
    }
    printf("%d more\\n", count() - before);
    fflush(stdout);
    if (vfork() == 0) {
        execve(argv[1], one, environ);
        _exit(127);
    }
    wait(&status);
    printf("%d\\n", WEXITSTATUS(status));
    fflush(stdout);
    posix_spawn(&pid, argv[1], NULL, NULL, one, environ);
    waitpid(pid, &status, 0);
    printf("%d, %d more\\n", WEXITSTATUS(status), count() - before);
}
""",
}


def compile_all(top, final):
    """Everything that the cases use, in top, to be found in final."""
    os.makedirs(f"{top}/lib")
    os.makedirs(f"{top}/lib2")
    os.makedirs(f"{top}/bin")
    for name, text in SOURCES.items():
        with open(f"{top}/{name}", "w", encoding="ascii") as f:
            f.write(text)

    def cc(*args):
        subprocess.run(["gcc", "-w", *args], check=True, cwd=top)

    def library(source, out, *args):
        cc("-shared", "-fPIC", source, "-o", out, *args)
    library("y.c", "lib/liby.so")
    library("other.c", "lib2/liby.so")
    library("deep.c", "lib2/libdeep.so")
    library("x.c", "lib/libx.so.1.2", "-Wl,-soname,libx.so.1", "-Llib", "-ly",
            "-Wl,-rpath,$ORIGIN")
    library("x.c", "lib/libw.so", "-Llib", "-ly")
    library("x.c", "lib2/libxo.so", "-Llib", "-ly", "-Wl,-rpath,$ORIGIN/../lib")
    library("plug.c", "lib/libplug.so", "-Wl,-rpath,$ORIGIN/../lib2")
    library("needs_deep.c", "lib/libneeds.so", "-Llib2", "-ldeep",
            "-Wl,-rpath,$ORIGIN/../lib2")
    library("getpid.c", "lib/getpid.so")
    os.symlink("libx.so.1.2", f"{top}/lib/libx.so.1")
    os.symlink("libx.so.1", f"{top}/lib/libx.so")

    def probe(out, *args):
        cc("probe.c", "-o", f"bin/{out}", "-Wl,-rpath-link,lib", *args)
    probe("plain", "-Llib", "-lx")
    probe("origin", "-Llib", "-lx", "-Wl,-rpath,$ORIGIN/../lib")
    probe("rpath", "-Llib", "-lw", f"-Wl,-rpath,{final}/lib",
          "-Wl,--disable-new-dtags")
    probe("runpath", "-Llib", "-lw", f"-Wl,-rpath,{final}/lib")
    probe("both", "-Llib2", "-lxo", "-Llib", "-lx",
          "-Wl,-rpath,$ORIGIN/../lib:$ORIGIN/../lib2")
    probe("slash", "lib2/libxo.so")
    probe("double", "-Llib", "-lx", "-ly", "-Wl,-rpath,$ORIGIN/../lib")
    cc("hello.c", "-o", "bin/hello")
    cc("forks.c", "-o", "bin/forks")
    os.symlink("../bin/origin", f"{top}/lib2/link")
    with open(f"{top}/script", "w", encoding="ascii") as f:
        f.write(f"#!{final}/bin/plain\n")
    os.chmod(f"{top}/script", 0o755)


def run(argv):
    r = subprocess.run(argv, stdin=subprocess.DEVNULL, cwd="/", check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       env=harness.clean_env(LC_ALL="C"), timeout=180)
    return r.returncode, r.stdout.decode(errors="replace")


@contextlib.contextmanager
def built():
    top = tempfile.mkdtemp(prefix="rumpkit-test.")
    os.chmod(top, 0o755)
    try:
        compile_all(f"{top}/build", f"{top}/final")
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)


def compare(top, commands, options=()):
    final = f"{top}/final"
    # The programs of a tree that lies on the host alone are in $outside.
    script = (f"cp -r {top}/build {final}/all && mv {final}/all/* {final} && "
              f"cd {final} || exit 99\noutside={top}/build\n" + commands)
    os.mkdir(final)
    try:
        host = run(["bash", "-c", script])
    finally:
        shutil.rmtree(final)
    os.mkdir(final)
    try:
        rump = run([harness.RUMPKIT, "run", *options, "--mount",
                    f"{final}=tmpfs:", "--", "bash", "-c", script])
        left = os.listdir(final)
    finally:
        shutil.rmtree(final)
    harness.check(rump == host, f"on the host: {host}\nrumpkit: {rump}")
    harness.check(left == [], f"on the host: {left}")
    return host


def case(commands, *expected):
    def check():
        with built() as top:
            status, out = compare(top, commands)
        for text in expected:
            harness.check(text in out, f"not {text!r} in {status}: {out}")
    return check


def user_audit():
    """LD_AUDIT of the program's own stays as it is."""
    source = ('#include <stdio.h>\n'
              'unsigned la_version(unsigned v) { puts("audited"); return v; }')
    with built() as top:
        subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-x", "c", "-", "-o",
                        f"{top}/build/audit.so"], check=True,
                       input=source.encode())
        compare(top, "export LD_AUDIT=$outside/audit.so; exec bin/origin")


def first_command():
    """rumpkit itself is not hijacked when it executes the command."""
    with built() as top:
        lib = f"{top}/mnt/lib"
        env = harness.clean_env(LD_LIBRARY_PATH=lib)
        command = f"cp -r {top}/build {top}/mnt/b && cp -r {top}/mnt/b/lib " \
                  f"{lib} && exec {top}/build/bin/plain"
        argv = [harness.RUMPKIT, "run", "--mount", f"{top}/mnt=tmpfs:", "--"]
        r = subprocess.run([*argv, "bash", "-c", command], env=env,
                           capture_output=True, check=False, timeout=180)
        harness.check(r.returncode == 42, r)
        # The preload is there before the first program of all is.
        env = harness.clean_env(LD_PRELOAD=f"{top}/mnt/getpid.so")
        r = subprocess.run([*argv, "true"], env=env, capture_output=True,
                           check=False, timeout=180)
        harness.check(r.returncode == 0 and b"getpid.so" in r.stderr, r)


def in_process():
    """A kernel in the process copies before it ends with its image."""
    def populate(top):
        compile_all(f"{top}/all", "/data/all")
    with harness.export(populate) as (_, server):
        r = harness.rumpkit(["/data/all/bin/origin", "libneeds.so"],
                            [("/data", server.url())])
    lines = r.stdout.decode().splitlines()
    harness.check(r.returncode == 42 and lines[:4] ==
                  ["y starts 1", "x starts", "/data/all/bin/origin 42",
                   "/data/all/bin/../lib/libx.so.1"], r)
    harness.check(lines[-1] == "libneeds.so 9", r)


def in_process_root():
    """So does one in another root directory, of whoever it has become."""
    if os.geteuid() != 0:
        raise harness.Skip("chroot(2) is root's")

    def populate(top):
        subprocess.run(["bash", "-c", ". \"$1\"; root_of \"$2\" bash cat",
                        "-", f"{TREES}/prelude.sh", f"{top}/jail"],
                       check=True)
        with open(f"{top}/jail/text", "w", encoding="ascii") as f:
            f.write("text\n")
    with harness.export(populate) as (_, server):
        for user in ("0:0", "65534:65534"):
            got = run([harness.RUMPKIT, "run", "--in-process", "--mount",
                       f"/data={server.url()}", "--", "chroot",
                       f"--userspec={user}", "/data/jail", "/bin/bash", "-c",
                       "echo $PWD; test -e /etc/passwd; echo $?; "
                       "exec cat /text"])
            harness.check(got == (0, "/\n1\ntext\n"), (user, got))


def foreign_linker():
    """Programs of the mount can have a dynamic linker there; to those of the
    host it is refused by name."""
    with built() as top:
        final = f"{top}/final"
        subprocess.run(["gcc", "-w", "hello.c", "-o", "bin/foreign",
                        f"-Wl,--dynamic-linker={final}/ld-linux.so"],
                       check=True, cwd=f"{top}/build")
        os.mkdir(final)
        got = run([harness.RUMPKIT, "run", "--mount", f"{final}=tmpfs:", "--",
                   "bash", "-c", f"cp /lib64/ld-linux-x86-64.so.2 {final}/"
                   f"ld-linux.so; cp {top}/build/bin/foreign {final};"
                   f"{final}/foreign; echo $?; {top}/build/bin/foreign"])
        harness.check(got[1].count("ld-linux.so: a dynamic linker that lies on "
                                   "a rump file system cannot be used") == 1 and
                      got[1].startswith("hello") and got[0] == 127, got)


def many_threads():
    """Programs with libraries of a mount, from several threads at a time."""
    code = """
import subprocess, sys, threading
bad = []
def work(name):
    for _ in range(5):
        r = subprocess.run([name], capture_output=True)
        if r.returncode != 42:
            bad.append(r)
threads = [threading.Thread(target=work, args=("bin/" + n,))
           for n in ("plain", "origin", "rpath", "plain")]
[t.start() for t in threads]
[t.join() for t in threads]
print(bad)
"""
    with built() as top:
        with open(f"{top}/build/threads.py", "w", encoding="ascii") as f:
            f.write(code)
        got = compare(top, LD + "lib; python3 threads.py")
        harness.check(got == (0, "[]\n"), got)


LD = "export LD_LIBRARY_PATH="
CASES = [
    ("LD_LIBRARY_PATH, absolute, relative and empty", case(
        "(" + LD + "$PWD/lib; bin/plain); (" + LD + "/none:lib; bin/plain)\n"
        "cd lib; (" + LD + ".; ../bin/plain); (" + LD + ":/x; ../bin/plain)\n"
        "(" + LD + "'/none;../lib'; exec ../bin/plain libplug.so)", "42\n")),
    ("DT_RPATH, DT_RUNPATH and $ORIGIN", case(
        # Only the older one of both is good for what a library needs.
        "for p in origin rpath runpath; do bin/$p; echo $?; done\n"
        "export LD_LIBRARY_PATH=lib2; bin/origin; bin/rpath; bin/runpath\n"
        "cd bin; ./origin; PATH=.:$PATH; origin", "-999", "42\n")),
    ("a symbolic link to a program has the origin of what it leads to", case(
        "lib2/link; cd lib2; ./link", "/lib/libx.so.1\n")),
    ("libraries are loaded once, whatever they are called by", case(
        "bin/both; bin/double; cp -r lib lib3; bin/double; "
        "LD_LIBRARY_PATH=$PWD/lib bin/double $PWD/lib/libx.so", "y starts 1")),
    ("names with slashes and libraries without a name of their own", case(
        "bin/slash; echo $?; cd lib2; ../bin/slash; echo $?; cd ..\n"
        "mkdir a; cd a; ../bin/slash; echo $?", "127\n", "42\n")),
    ("what is not to be found is said as on the host", case(
        "bin/plain; echo $?; bin/plain -x; rm lib/liby.so; bin/origin; echo $?",
        "libx.so.1: cannot open shared object", "liby.so: cannot open",
        "127")),
    ("programs of the host", case(
        "(" + LD + "$PWD/lib; $outside/bin/plain libplug.so; echo $?)\n"
        "$outside/bin/rpath; $outside/bin/runpath; " + LD + "lib2; ls | wc -l",
        "42\n")),
    ("dlopen finds what the start has passed by", case(
        "bin/origin libplug.so libneeds.so libnone.so\n" + LD + "lib:lib2\n"
        "bin/plain libdeep.so libplug.so; bin/rpath libplug.so libneeds.so\n"
        "lib2/link libneeds.so; bin/origin $PWD/lib2/../lib/libneeds.so",
        "libplug.so 7\n", "libneeds.so 9\n", "libnone.so 0\n")),
    ("LD_PRELOAD of a mount", case(
        "export LD_PRELOAD=$PWD/lib/getpid.so; bin/hello; $outside/bin/hello\n"
        "LD_PRELOAD=./lib/getpid.so bin/hello; cd lib\n"
        "LD_LIBRARY_PATH=. LD_PRELOAD=getpid.so ../bin/hello", "hello 1\n")),
    ("scripts pass libraries on to their interpreters", case(
        LD + "lib; printf '#!%s/bin/plain\\n' $outside > s; chmod +x s; ./s\n"
        "./script; cp script $outside/script; $outside/script", "42\n")),
    ("an exec that fails leaves no descriptor behind", case(
        LD + "lib; bin/forks bin/plain; $outside/bin/forks bin/origin\n"
        "bin/forks $outside/bin/plain", "Argument list too long", "0 more")),
    ("the environment may be anything", case(
        "env -i bin/origin; env -i A= LD_LIBRARY_PATH= =x bin/origin\n"
        "env -i LD_LIBRARY_PATH=lib $outside/bin/plain; "
        "env -i LD_LIBRARY_PATH=$(printf '%200s' '' | tr ' ' x):lib bin/plain",
        "42\n")),
    ("ld.so as a program", case(
        "ld=$(echo /lib64/ld-linux-x86-64.so.*)\n$ld bin/hello; $ld bin/none; "
        "echo $?; $ld --library-path lib bin/plain | grep -v /ld-; "
        "$ld --argv0 me bin/origin libneeds.so | grep -v /ld-; "
        "$ld --verify bin/hello; echo $?; $ld --verify script; echo $?\n"
        "ldd bin/hello | grep -c libc.so.6; ldd script; echo $?; "
        "ldd bin/origin | grep -v -e vdso -e rumphijack | "
        "sed 's/ (0x.*//' | sort; "
        "ldd bin/plain | grep 'not found'")),
    ("ld.so by its other name", case(
        "ln -sf /lib64/ld-linux-x86-64.so.* $outside/ld.so\n"
        "$outside/ld.so bin/hello; echo $?; cd bin; $outside/ld.so ./hello",
        "hello 0\n0\nhello 0\n")),
    ("the program's own LD_AUDIT", user_audit),
    ("a root directory, in process", in_process_root),
    ("a dynamic linker on the mount", foreign_linker),
    ("programs that threads start", many_threads),
    ("the first command of a tree", first_command),
    ("a kernel in the process", in_process),
]

if __name__ == "__main__":
    raise SystemExit(harness.run(CASES))
