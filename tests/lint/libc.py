#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""libc.py LIBRARY: the hijack library calls these functions of libc's, no others.

Behind the entrances of system calls there are vector registers that nobody has
saved, and functions of a name that the program may have defined itself.  What
stands here is called when a program or a thread of the kernel's begins.
"""
import sys

from symbols import nm

ALLOWED = {
    "__tls_get_addr", "_dl_find_object", "_exit", "access", "dl_iterate_phdr",
    "dlerror", "dlopen", "dlsym", "getrlimit64", "snprintf", "strncmp",
    "strrchr", "uselocale",
}


def main():
    bad = [name for _, _, bind, section, name in nm(sys.argv[1])
           if section == "UND" and bind == "GLOBAL" and
           name not in ALLOWED and not name.startswith(("__asan_", "__tsan_",
                                                        "__ubsan_"))]
    for name in sorted(set(bad)):
        print(f"{sys.argv[1]}: {name} is libc's")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
