#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""symbols.py OBJECT ...: kernel-side objects stand on hypercalls alone.

No undefined symbol that does not begin with rump, none defined outside the
name space, no thread-local object but rump_tls, of at most 64 bytes.
"""
import re
import subprocess
import sys

ALLOWED = re.compile(r"^(rump|RUMP|__tls_get_addr$|__cxa_finalize$|"
                     r"_GLOBAL_OFFSET_TABLE_$|__asan_|__ubsan_|__tsan_|"
                     r"__sanitizer_|__start_|__stop_)")


def nm(path):
    out = subprocess.run(["readelf", "-W", "-s", path], check=True,
                         capture_output=True, text=True).stdout
    for line in out.splitlines():
        f = line.split()
        if len(f) >= 8 and f[0].rstrip(":").isdigit():
            # number value size type bind visibility section name
            yield int(f[2], 0), f[3], f[4], f[6], f[7].split("@")[0]


def check(path):
    for size, kind, bind, section, name in nm(path):
        if kind == "TLS" and section != "UND":
            if name != "rump_tls" or size > 64:
                yield f"{path}: thread-local object {name} of {size} bytes"
        if bind not in ("GLOBAL", "WEAK") or not name:
            continue
        if not ALLOWED.match(name):
            what = "undefined" if section == "UND" else "exported"
            yield f"{path}: {what} symbol {name}"


def main():
    bad = [text for path in sys.argv[1:] for text in check(path)]
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
