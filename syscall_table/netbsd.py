# SPDX-License-Identifier: BSD-2-Clause
"""netbsd.tbl: parser, and the C that is made of it."""
import re

import table

MAXSYSCALL = 512
MAXSLOTS = 8
PROVIDERS = ("kern", "vfs", "net", "none")
SCALARS = {"int", "long", "unsigned int", "unsigned long", "size_t", "ssize_t",
           "off_t", "mode_t", "uid_t", "gid_t", "pid_t", "dev_t", "uint32_t",
           "intptr_t"}
RETURNS = SCALARS | {"void"}
POINTEES = SCALARS | {"void", "char"} | {
    "struct rump_" + s for s in (
        "timespec", "timeval", "iovec", "stat", "statvfs", "flock", "pollfd",
        "sockaddr", "msghdr", "rlimit")}
CALL = re.compile(r"^(\d+) (\w+) ([a-z_ ]+?) (\w+)\((.*)\)((?: \S+)*)$")
ARGUMENT = re.compile(r"^(const )?([a-z][\w ]*?) ((?:\*(?:const )?)*)(\w+)$")
NOTE = "/* Generated from syscall_table/netbsd.tbl: do not edit. */\n"


class Arg:
    """A slot: C type with its star, name; a PAD has no type."""

    def __init__(self, row, text):
        self.variadic = text.startswith("... ")
        text = text.removeprefix("... ")
        self.type, self.name = None, "PAD"
        if text == "PAD":
            return
        m = ARGUMENT.match(text)
        if m is None:
            raise row.error(f"'{text}' is not TYPE NAME or PAD")
        const, base, stars, self.name = m.groups()
        if base not in (POINTEES if stars else SCALARS):
            raise row.error(f"type '{base}' of '{text}' is not known")
        if const and not stars:
            raise row.error(f"'{text}': const without a pointer")
        self.type = (const or "") + base + " " + stars

    @property
    def pad(self):
        return self.type is None

    def declare(self):
        return f"{self.type}{self.name}"


class Call:
    """A call that a rump kernel can serve."""

    def __init__(self, row):
        m = CALL.match(row.text)
        if m is None:
            raise row.error("expected NUMBER PROVIDER RETURN NAME(ARGUMENTS) "
                            "FLAGS, or NUMBER - NAME")
        number, self.provider, self.ret, self.name, args, flags = m.groups()
        self.number = table.number(row, number, MAXSYSCALL)
        if self.provider not in PROVIDERS:
            raise row.error(f"provider '{self.provider}' is none of "
                            + ", ".join(PROVIDERS))
        if self.ret not in RETURNS:
            raise row.error(f"return type '{self.ret}' is not known")
        self.args = [] if args == "void" else \
            [Arg(row, a.strip()) for a in args.split(",")]
        self._check_args(row)
        self._parse_flags(row, flags.split())

    def _check_args(self, row):
        if len(self.args) > MAXSLOTS:
            raise row.error(f"more than {MAXSLOTS} slots")
        names = [a.name for a in self.args]
        if len(set(names)) != len(names):
            raise row.error("two arguments have one name")
        if any(a.variadic for a in self.args[:-1]):
            raise row.error("only the last argument can be variadic")

    def _parse_flags(self, row, words):
        self.noerr = self.errno = self.old = self.pair = False
        self.version = ""
        for word in words:
            key, _, value = word.partition("=")
            if word in ("noerr", "errno", "old", "pair"):
                setattr(self, word, True)
            elif key == "version" and value.isdecimal():
                self.version = value
            elif key != "module" or not value:
                raise row.error(f"flag '{word}' is not known")
        if self.errno and not self.noerr:
            raise row.error("errno needs noerr")
        if self.old and self.provider != "none":
            raise row.error("an old call has no provider")

    @property
    def symbol(self):
        if self.pair:
            return f"rump_sys_{self.name}"
        return f"rump___sysimpl_{self.name}{self.version}"

    @property
    def struct(self):
        prefix = "compat_50_" if self.old else ""
        return f"struct {prefix}sys_{self.name}_args"

    @property
    def rename(self):
        return f"RUMP_SYS_RENAME_{self.name.upper()}"

    def parameters(self, variadic):
        if self.pair:
            return ["int *fildes"]
        out = [a.declare() for a in self.args if not a.pad]
        if variadic and self.args and self.args[-1].variadic:
            out[-1] = "..."
        return out or ["void"]


class Table:
    def __init__(self, path):
        self.calls, self.names = [], {}
        taken = set()
        for row in table.rows(path):
            words = row.text.split()
            if len(words) == 3 and words[1] == "-":
                number, name = table.number(row, words[0], MAXSYSCALL), words[2]
            else:
                call = Call(row)
                number, name = call.number, call.name + call.version
                self._enter(row, call, taken)
            if number in self.names:
                raise row.error(f"number {number} is listed twice")
            self.names[number] = name

    def _enter(self, row, call, taken):
        if call.symbol in taken or (call.struct in taken):
            raise row.error(f"{call.name} is listed twice")
        taken |= {call.symbol, call.struct}
        self.calls.append(call)

    def served(self):
        """The calls that have a handler or might get one."""
        return [c for c in self.calls if c.provider != "none"]

    def current(self):
        """The calls that have a prototype."""
        return [c for c in self.calls if not c.old]


def wrap(head, items, tail, indent="    "):
    """Join items by commas into lines of at most 80 columns."""
    lines, line = [], head
    for i, item in enumerate(items):
        item += tail if i == len(items) - 1 else ","
        if len(line.expandtabs()) + len(item) + 1 > 80:
            lines.append(line.rstrip())
            line = indent + item
        else:
            line += item if line.endswith("(") else " " + item
    return "\n".join(lines + [line]) + "\n"


def guard(name, body):
    return (f"/* SPDX-License-Identifier: BSD-2-Clause */\n{NOTE}"
            f"#ifndef {name}\n#define {name}\n\n{body}\n#endif /* !{name} */\n")


def sysargs(t):
    out = ["/*\n * Argument structures: every argument is a slot of 8 bytes, "
           "the value in the\n * low ones.  A caller zeroes the whole first.\n"
           " */\n#if __STDC_HOSTED__\n#include <sys/types.h>\n#else\n"
           "#include \"kern/types.h\"\n#endif\n"
           "#include \"rump/rumpabi.h\"\n\n"
           "#define SYSARG(decl, name) \\\n\tunion { \\\n"
           "\t\tregister_t name##_slot; \\\n\t\tdecl; \\\n\t}\n"]
    for c in t.calls:
        if not c.args:
            continue
        out.append(f"\n{c.struct} {{ /* {c.number} */\n")
        for a in c.args:
            out.append("\tregister_t PAD;\n" if a.pad else
                       f"\tSYSARG({a.declare()}, {a.name});\n")
        out.append("};\n" + wrap("_Static_assert(", [
            f"sizeof({c.struct}) == {8 * len(c.args)}", f"\"{c.name}\""], ");"))
    return guard("SYSCALL_TABLE_SYSARGS_H", "".join(out))


def sysprotos(t):
    out = ["/* Handlers.  A call without arguments gets uap NULL. */\n"
           "#include \"syscall_table/sysargs.h\"\n\nstruct lwp;\n"]
    for c in t.served():
        if not c.args:
            out.append(f"{c.struct};\n")
    out.append("\n")
    for c in t.served():
        out.append(wrap(f"int sys_{c.name}(", [
            "struct lwp *l", f"const {c.struct} *uap", "register_t *retval"],
            ");"))
    return guard("SYSCALL_TABLE_SYSPROTOS_H", "".join(out))


def syscalls(t, provider):
    calls = [c for c in t.calls if c.provider == provider]
    if not calls:
        raise table.TableError("netbsd.tbl", 0, f"nobody is in {provider}")
    name = f"syscalls_{provider}"
    out = ["/* SPDX-License-Identifier: BSD-2-Clause */\n", NOTE,
           "/*\n * A handler that nobody defines is a weak reference that "
           "stays NULL: ENOSYS.\n */\n"
           "#include \"kern/syscall.h\"\n"
           "#include \"syscall_table/sysprotos.h\"\n\n"]
    out += [f"#pragma weak sys_{c.name}\n" for c in calls]
    out.append("\n#define HANDLER(f) ((sy_call_t *)(void (*)(void))(f))\n\n"
               f"extern const struct syscall_entry {name}[];\n"
               f"extern const size_t n{name};\n\n"
               f"const struct syscall_entry {name}[] = {{\n")
    for c in calls:
        out.append(wrap("\t{", [
            str(c.number), str(len(c.args)), "true" if c.noerr else "false",
            f"\"{c.name}\"", f"HANDLER(sys_{c.name})"], " },", "\t    "))
    out.append(f"}};\nconst size_t n{name} = NITEMS({name});\n")
    return "".join(out)


def syscallnum(t):
    out = ["/* NetBSD system call numbers; the superseded ones have their own "
           "names. */\n"]
    for c in t.calls:
        name = f"compat_50_{c.name}" if c.old else c.name
        out.append(f"#define RUMP_SYS_{name} {c.number}\n")
    out.append(f"#define RUMP_SYS_MAXSYSCALL {MAXSYSCALL}\n")
    return guard("RUMP_RUMP_SYSCALLNUM_H", "".join(out))


def names(t):
    out = ["/* SPDX-License-Identifier: BSD-2-Clause */\n", NOTE,
           "#include \"syscall_table/syscall_names.h\"\n\n"
           f"const char *const netbsd_syscall_names[{MAXSYSCALL}] = {{\n"]
    out += [f"\t[{n}] = \"{t.names[n]}\",\n" for n in sorted(t.names)]
    return "".join(out) + "};\n"


def header(t):
    out = ["/*\n * System calls as functions: NetBSD structures, flags and "
           "error numbers.  They\n * return -1 and set errno on error, and set "
           "it to 0 otherwise; those that\n * cannot fail leave it alone.\n"
           " * A RUMP_SYS_RENAME_ macro may be defined beforehand to bind a "
           "function to\n * another symbol.\n */\n"
           "#include <stddef.h>\n#include <stdint.h>\n#include <sys/types.h>"
           "\n\n#include <rump/rumpabi.h>\n\n"
           "#define RUMP_SYS_STRING_(s) #s\n"
           "#define RUMP_SYS_STRING(s) RUMP_SYS_STRING_(s)\n"
           "#define RUMP_SYS_SYMBOL(s) __asm__(RUMP_SYS_STRING(s))\n\n"
           "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"]
    for c in t.current():
        star = f"{c.ret} rump_sys_{c.name}("
        if c.pair:
            out.append(wrap(star, c.parameters(True), ");") + "\n")
            continue
        out.append(f"#ifndef {c.rename}\n#define {c.rename} {c.symbol}\n"
                   "#endif\n")
        out.append(wrap(star, c.parameters(True), ")")
                   + f"    RUMP_SYS_SYMBOL({c.rename});\n\n")
    out.append("#ifdef __cplusplus\n}\n#endif\n")
    return guard("RUMP_RUMP_SYSCALLS_H", "".join(out))


STUBS = '''\
/*
 * The functions of rump/rump_syscalls.h under the symbols of the genuine
 * system.  Host-side code: the only place of this edge where an error becomes
 * -1 and errno.
 */
#include <errno.h>

#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/sysargs.h"

/* What the kernel may say beyond an errno; none of it leaves by this door. */
static int
visible(int error)
{
	if (error == RUMP_ERESTART)
		return RUMP_EINTR;
	if (error == RUMP_ENAMESPACE)
		return RUMP_ENOENT;
	return error < 0 ? RUMP_EINVAL : error;
}

static int64_t
call(int num, const void *args, size_t len)
{
	int64_t retval[2] = { 0, 0 };
	int error;

	error = visible(rump_syscall(num, args, len, retval));
	errno = error;
	return error != 0 ? -1 : retval[0];
}

/* The result cannot be an error; errno stays. */
static int64_t
call_noerr(int num, const void *args, size_t len)
{
	int64_t retval[2] = { 0, 0 };

	(void)rump_syscall(num, args, len, retval);
	return retval[0];
}

/* The result is an errno, wherever the kernel reported it. */
static int64_t
call_errno(int num, const void *args, size_t len)
{
	int64_t retval[2] = { 0, 0 };
	int error;

	error = visible(rump_syscall(num, args, len, retval));
	return error != 0 ? error : retval[0];
}

/* Two results, which the C function stores. */
static int
call_pair(int num, int *pair)
{
	int64_t retval[2] = { 0, 0 };
	int error;

	error = visible(rump_syscall(num, NULL, 0, retval));
	errno = error;
	if (error != 0)
		return -1;
	pair[0] = (int)retval[0];
	pair[1] = (int)retval[1];
	return 0;
}
'''


def stub(c):
    star = "" if c.ret.endswith("*") else " "
    params = c.parameters(False)
    out = ["\n", wrap(f"{c.ret}{star}{c.symbol}(", params, ");"),
           wrap(f"{c.ret}\n{c.symbol}(", params, ")"), "{\n"]
    if c.pair:
        return "".join(out) + f"\treturn call_pair({c.number}, fildes);\n}}\n"
    how = "call_errno" if c.errno else "call_noerr" if c.noerr else "call"
    what = "NULL, 0"
    if c.args:
        what = "&uap, sizeof(uap)"
        out.append(f"\t{c.struct} uap = {{ 0 }};\n\n")
        out += [f"\tuap.{a.name} = {a.name};\n"
                for a in c.args if not a.pad]
    cast = "(void)" if c.ret == "void" else f"return ({c.ret})"
    out.append(f"\t{cast}{how}({c.number}, {what});\n}}\n")
    return "".join(out)


def stubs(t):
    return ("/* SPDX-License-Identifier: BSD-2-Clause */\n" + NOTE + STUBS
            + "".join(stub(c) for c in t.calls))


COUNTS = {"size_t", "uint32_t", "unsigned int"}
INPUTS_MAX = 3


def one_input(c, slot):
    """What the call reads through its argument in slot: (kind, count, size),
    or None."""
    a, none = c.args[slot], "NETBSD_NO_COUNT"
    if a.pad or not a.type.endswith("*"):
        return None
    base = a.type.removesuffix("*").removeprefix("const ").strip()
    const = a.type.startswith("const ")
    after = c.args[slot + 1] if slot + 1 < len(c.args) else None
    counted = after is not None and not after.pad and \
        after.type.strip() in COUNTS
    count = str(slot + 1) if counted else none
    if c.name in ("fcntl", "ioctl"):
        return c.name.upper(), str(slot - 1), "0"
    if base == "struct rump_iovec":
        writes = c.name.startswith(("write", "pwrite"))
        return "DATA" if writes else "IOVECS", str(slot + 1), "0"
    if base == "struct rump_msghdr":
        return "SENDMSG" if const else "RECVMSG", none, "0"
    if const and base == "char":
        return "STRING", none, "0"
    if const and base in ("void", "struct rump_sockaddr"):
        return ("BYTES", count, "1") if counted else None
    if base == "struct rump_pollfd" or (const and counted):
        return "BYTES", count, f"sizeof({base})"
    if const and base.startswith("struct "):
        # A tptr is a pair: access and modification.
        return "BYTES", none, ("2 * " if a.name == "tptr" else "") + \
            f"sizeof({base})"
    # Lengths that come back changed.
    if not const and base in ("uint32_t", "size_t"):
        return "BYTES", none, f"sizeof({base})"
    return None


def inputs(t):
    out = ["/* SPDX-License-Identifier: BSD-2-Clause */\n", NOTE,
           "#include \"syscall_table/netbsd_inputs.h\"\n\n"
           "#include <stddef.h>\n\n#include \"rump/rumpabi.h\"\n\n"
           "const struct netbsd_input\n    netbsd_inputs[NETBSD_INPUT_CALLS]"
           "[NETBSD_INPUTS_MAX] = {\n"]
    for c in t.served():
        found = [(slot, one_input(c, slot)) for slot in range(len(c.args))]
        found = [(slot, i) for slot, i in found if i is not None][:INPUTS_MAX]
        if not found:
            continue
        out.append(f"\t[{c.number}] = {{ /* {c.name} */\n")
        for slot, (kind, count, size) in found:
            out.append(wrap("\t\t{", [f"NETBSD_INPUT_{kind}", str(slot), count,
                                     size], " },", "\t\t    "))
        out.append("\t},\n")
    return "".join(out) + "};\n"


OUTPUTS = {
    "netbsd_inputs.c": inputs,
    "sysargs.h": sysargs,
    "sysprotos.h": sysprotos,
    "syscalls_kern.c": lambda t: syscalls(t, "kern"),
    "syscalls_vfs.c": lambda t: syscalls(t, "vfs"),
    "syscalls_net.c": lambda t: syscalls(t, "net"),
    "rump_syscallnum.h": syscallnum,
    "rump_syscalls.h": header,
    "rump_syscalls.c": stubs,
    "syscall_names.c": names,
}
