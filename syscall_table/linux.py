# SPDX-License-Identifier: BSD-2-Clause
"""linux.tbl: parser, and the C and Markdown that are made of it."""
import re

import table

MAXCALL = 1024
CLASSES = {
    "host": "always the host's",
    "path": "routed by path",
    "fd": "routed by descriptor",
    "create": "makes a descriptor",
    "readiness": "mixed readiness",
    "memory": "memory",
    "process": "process",
    "signal": "signals",
    "both": "both kernels",
    "refused": "refused when anything is routed",
}
LETTERS = "fFPsomduxpbaS"
MAXARGS = 6
IDENTIFIER = re.compile(r"^[a-z_][a-z0-9_]*$")
SUPPORT = re.compile(r"^(yes|host|(partly|refused|host): .+)$")
NOTE = "/* Generated from syscall_table/linux.tbl: do not edit. */\n"


class Call:
    def __init__(self, row):
        words = row.text.split(None, 5)
        if len(words) < 5:
            raise row.error("expected NUMBER NAME CLASS ROUTE FORMAT [SUPPORT]")
        number, self.name, self.cls, route, letters = words[:5]
        self.number = table.number(row, number, MAXCALL)
        self.letters = "" if letters == "-" else letters
        self.support = words[5] if len(words) > 5 else ""
        self._check(row)
        self.route = self._route(row, route)

    def _check(self, row):
        if not IDENTIFIER.match(self.name):
            raise row.error(f"'{self.name}' is not a name")
        if self.cls not in CLASSES:
            raise row.error(f"class '{self.cls}' is none of "
                            + ", ".join(CLASSES))
        bad = self.letters.strip(LETTERS)
        if bad or len(self.letters) > MAXARGS:
            raise row.error(f"format '{self.letters}' is not up to {MAXARGS} "
                            f"of {LETTERS}")
        if re.search("F(?!P)", self.letters):
            raise row.error("F must stand before a P")
        if self.cls == "host" and "P" in self.letters:
            raise row.error("a call of class host has no P")
        if not self.support and self.cls == "host":
            self.support = "host"
        if not SUPPORT.match(self.support):
            raise row.error("support must be yes, partly: ..., refused: ... "
                            "or host")

    def _route(self, row, word):
        if word == "-":
            return None
        if self.cls == "host":
            raise row.error("a call of class host has no route")
        name = self.name if word == "+" else word
        if not IDENTIFIER.match(name):
            raise row.error(f"'{word}' is not a route")
        return "route_" + name

    def indices(self, letters):
        """Places of the first two arguments of these kinds, -1 for none."""
        found = [i for i, c in enumerate(self.letters) if c in letters]
        return (found + [-1, -1])[:2]


class Table:
    def __init__(self, path):
        self.calls = []
        numbers, names = set(), set()
        for row in table.rows(path):
            call = Call(row)
            if call.number in numbers or call.name in names:
                raise row.error(f"{call.number} {call.name} is listed twice")
            numbers.add(call.number)
            names.add(call.name)
            self.calls.append(call)


def entry(c):
    fds = c.indices("fF")
    # The address of a socket may be a path, which is for the route to see.
    paths = c.indices("a" if c.cls == "fd" else "P")
    where = ", ".join(str(i) for i in fds + paths)
    return (f"\t[{c.number}] = {{ \"{c.name}\", CALL_{c.cls.upper()}, "
            f"{len(c.letters)}, {where},\n"
            f"\t    \"{c.letters.replace('P', 's')}\", "
            f"{'true' if c.route else 'false'} }},\n")


def linux_calls(t):
    out = ["/* SPDX-License-Identifier: BSD-2-Clause */\n", NOTE,
           "#include \"preload/call.h\"\n"
           "#include \"syscall_table/linux_routes.h\"\n\n"
           "const struct linux_call linux_calls[] = {\n"]
    out += [entry(c) for c in t.calls]
    out.append("};\nconst unsigned linux_ncalls = sizeof(linux_calls) / "
               "sizeof(linux_calls[0]);\n\n"
               "long\nlinux_call_run(struct call *c)\n{\n"
               "\tswitch (c->nr) {\n")
    out += [f"\tcase {c.number}:\n\t\treturn {c.route}(c);\n"
            for c in t.calls if c.route]
    out.append("\tdefault:\n\t\treturn CALL_TO_HOST;\n\t}\n}\n")
    return "".join(out)


def linux_routes(t):
    routes = sorted({c.route for c in t.calls if c.route})
    return ("/* SPDX-License-Identifier: BSD-2-Clause */\n" + NOTE +
            "#ifndef SYSCALL_TABLE_LINUX_ROUTES_H\n"
            "#define SYSCALL_TABLE_LINUX_ROUTES_H\n\n"
            "/* Every route that the table names; see preload/call.h. */\n"
            "struct call;\n\n"
            + "".join(f"long {r}(struct call *c);\n" for r in routes) +
            "\n#endif /* !SYSCALL_TABLE_LINUX_ROUTES_H */\n")


def linux_names(t):
    return ("/* SPDX-License-Identifier: BSD-2-Clause */\n" + NOTE +
            "#include \"syscall_table/linux_names.h\"\n\n"
            "const struct linux_name linux_names[] = {\n"
            + "".join(f"\t{{ {c.number}, \"{c.name}\", \"{CLASSES[c.cls]}\",\n"
                      f"\t    \"{c.support}\" }},\n" for c in t.calls)
            + "};\nconst size_t linux_nnames = sizeof(linux_names) / "
              "sizeof(linux_names[0]);\n")


INTRODUCTION = """\
<!-- Generated from syscall_table/linux.tbl: do not edit. -->
# Linux system calls under rumpkit

What happens when a program's system call meets an object of a rump kernel: a
path below a mount, a descriptor of a rump file or socket, a mapping.  Calls
that meet none go to the host unchanged.

- **yes**: does on a rump object what it does on a host one, as far as the file
  system or the socket allows it (NFS mounts are read-only today: EROFS).
- **partly**: with the limits stated.
- **refused**: fails with the error stated; the trace names it.
- **host**: knows nothing of rump kernels.  Given a rump descriptor it meets the
  placeholder that keeps the number and fails with EBADF.

"""


def markdown(t):
    out = [INTRODUCTION]
    count = {}
    for c in t.calls:
        word = c.support.split(":")[0]
        count[word] = count.get(word, 0) + 1
    out.append(f"{len(t.calls)} calls: "
               + ", ".join(f"{count.get(w, 0)} {w}"
                           for w in ("yes", "partly", "refused", "host"))
               + ".\n\n| number | call | class | on a rump object |\n"
                 "|---|---|---|---|\n")
    out += [f"| {c.number} | {c.name} | {CLASSES[c.cls]} | {c.support} |\n"
            for c in t.calls]
    return "".join(out)


OUTPUTS = {
    "linux_calls.c": linux_calls,
    "linux_routes.h": linux_routes,
    "linux_names.c": linux_names,
    "SYSCALLS.md": markdown,
}
