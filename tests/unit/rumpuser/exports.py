#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""exports.py LIBRARY HYPERCALLS HEADER ...: what librumpuser offers, needs and
contains.

It has the name that kernels ask for, and loads with everything bound at once;
it exports what its headers declare and nothing else, without versions; and no
instruction of it touches a vector register, save those that keep the caller's.
The hypercalls, an archive, take from libc only the functions listed here; the
server, which is the rest of the library, what it likes.
"""
import os
import re
import subprocess
import sys

FROM_LIBC = {
    "environ", "__environ", "__errno_location", "dladdr1", "exit", "fork",
    "getauxval", "pthread_attr_destroy", "pthread_attr_init",
    "pthread_attr_setdetachstate", "pthread_attr_setstacksize",
    "pthread_create", "pthread_exit", "pthread_join",
}
WEAK = {"_GLOBAL_OFFSET_TABLE_", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable",
        "__cxa_finalize", "__gmon_start__"}


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def symbols(library, *flags):
    return {line.split()[-1] for line in
            output("nm", *flags, library).splitlines()
            if line.strip() and not line.endswith(":")}


def declared(headers):
    names = set()
    for header in headers:
        with open(header, encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        text = re.sub(r"^#.*(\\\n.*)*", "", text, flags=re.M)
        names |= set(re.findall(r"\b(rumpuser_\w+)\(", text))
        names |= set(re.findall(r"^extern .*\b(rump\w+);", text,
                                flags=re.M))
    return names


def main():
    library, hypercalls, *headers = sys.argv[1:]
    complaints = []
    exported, wanted = symbols(library, "-D", "--defined-only"), \
        declared(headers)
    for name in sorted(exported - wanted):
        complaints.append(f"{name} is exported but not declared")
    for name in sorted(wanted - exported):
        complaints.append(f"{name} is declared but not exported")
    needed = symbols(hypercalls, "--undefined-only") - \
        symbols(hypercalls, "--defined-only")
    for name in sorted(needed - FROM_LIBC - WEAK):
        complaints.append(f"the hypercalls take {name} from libc")
    if "[librumpuser.so.0]" not in output("readelf", "-d", library):
        complaints.append("its soname is not librumpuser.so.0")
    if re.search(r"\.gnu\.version_d", output("readelf", "-S", "-W", library)):
        complaints.append("it defines versions")
    load = "import ctypes, sys; ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)"
    if subprocess.run([sys.executable, "-c", load, library], check=False,
                      env=dict(os.environ, LD_BIND_NOW="1")).returncode != 0:
        complaints.append("it does not load with LD_BIND_NOW=1")
    for line in output("objdump", "-d", "--no-show-raw-insn",
                       library).splitlines():
        if re.search(r"%([xyz]mm|mm|st\b|k[0-7]\b)", line):
            complaints.append("vector register: " + line.strip())
    for line in complaints:
        print(f"{library}: {line}", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
