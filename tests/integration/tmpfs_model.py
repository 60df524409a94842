#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tmpfs_model.py HOST RUMP SEED STEPS: the same random calls on two directories.

HOST is an empty directory of the host, which is the model; RUMP is one of the
file system under test, in the same process.  After each call results and errno
are compared, now and then the trees.  As root, the calls are made as several
users.  The first difference is printed with the last calls, and ends it.
"""
import ctypes
import errno
import os
import random
import stat
import sys

NAMES = ["a", "b", "c", "d", "e"]
USERS = [(0, 0), (1000, 1000), (1001, 1000), (1002, 1002)]
LONG = 255

# Where two things are wrong, which is told first may differ.  Of two paths,
# the host looks at both directories before the last names.
LOOKUP = {"ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENAMETOOLONG"}
EITHER = {
    "rmdir": {"EPERM", "EACCES", "ENOTDIR", "EBUSY", "EINVAL", "ENOTEMPTY"},
    "unlink": {"EPERM", "EISDIR", "EACCES"},
    "open": LOOKUP | {"EISDIR"},
    "rename": LOOKUP | {"EBUSY", "EPERM", "EISDIR", "EINVAL", "ENOTEMPTY"},
    "link": LOOKUP | {"EEXIST"},
}

libc = ctypes.CDLL(None, use_errno=True)


def fallocate(fd, mode, offset, length):
    if libc.fallocate(fd, mode, ctypes.c_long(offset),
                      ctypes.c_long(length)) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


class Difference(Exception):
    pass


class Tree:
    """One of the two directories, and the files that are open in it."""

    def __init__(self, top):
        self.top = top
        self.root = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        self.fds = {}

    def at(self, path):
        return dict(path=path, dir_fd=self.root)


def attributes(st):
    kind = stat.S_IFMT(st.st_mode)
    out = [oct(st.st_mode), st.st_nlink, st.st_uid, st.st_gid]
    if kind != stat.S_IFDIR:
        out.append(st.st_size)
    return out


class Model:
    def __init__(self, host, rump, seed):
        self.trees = [Tree(host), Tree(rump)]
        self.rng = random.Random(seed)
        self.slots = []
        self.next_slot = 0
        self.log = []
        self.users = USERS if os.getuid() == 0 else None

    def path(self):
        rng = self.rng
        parts = [rng.choice(NAMES) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
        odd = rng.random()
        if odd < 0.02:
            parts.insert(rng.randrange(len(parts) + 1), ".")
        elif odd < 0.04 and len(parts) > 1:
            parts.insert(rng.randrange(1, len(parts)), "..")
        elif odd < 0.05:
            parts[-1] = "x" * (LONG + rng.randrange(2))
        elif odd < 0.06:
            parts.append(rng.choice((".", "..")))
        text = "/".join(parts)
        if rng.random() < 0.03:
            text += "/" * rng.randrange(1, 3)
        return text

    def both(self, name, what, function):
        """Call function(tree) for each and compare."""
        results = []
        for tree in self.trees:
            try:
                results.append(("ok", function(tree)))
            except OSError as e:
                results.append(
                    ("error", errno.errorcode.get(e.errno, e.errno)))
        self.log.append(f"{name} {what} -> {str(results[0])[:100]}")
        del self.log[:-60]
        if results[0] != results[1] and (
                results[0][0] == "ok" or results[1][0] == "ok" or
                not {results[0][1], results[1][1]} <=
                EITHER.get(name, set())):
            raise Difference(f"host {str(results[0])[:400]}, "
                             f"here {str(results[1])[:400]}")
        return results[0]

    # Calls on names.

    def do_open(self):
        rng, path = self.rng, self.path()
        flags = rng.choice((os.O_RDONLY, os.O_RDWR, os.O_WRONLY, os.O_RDWR))
        for flag, share in ((os.O_CREAT, 0.6), (os.O_EXCL, 0.1),
                            (os.O_TRUNC, 0.2), (os.O_APPEND, 0.2),
                            (os.O_NOFOLLOW, 0.1), (os.O_DIRECTORY, 0.05)):
            if rng.random() < share:
                flags |= flag
        if flags & os.O_CREAT and flags & os.O_DIRECTORY:
            flags &= ~os.O_DIRECTORY
        mode = rng.choice((0o644, 0o600, 0o666, 0o755, 0o4755, 0o2755, 0))
        slot = self.next_slot

        def call(tree):
            # A pipe would wait, and need not be the same.
            try:
                st = os.stat(path, dir_fd=tree.root)
                if stat.S_ISFIFO(st.st_mode):
                    return "fifo"
            except OSError:
                pass
            tree.fds[slot] = os.open(path, flags, mode, dir_fd=tree.root)
            return "open"
        result = self.both("open", (path, oct(flags), oct(mode)), call)
        if result == ("ok", "open"):
            self.next_slot += 1
            self.slots.append(slot)
            if len(self.slots) > 12:
                self.close(self.slots[0])

    def close(self, slot):
        self.slots.remove(slot)
        self.both("close", slot, lambda t: os.close(t.fds.pop(slot)))

    def do_mkdir(self):
        path, mode = self.path(), self.rng.choice((0o755, 0o777, 0o1777, 0o700,
                                                   0o2775))
        self.both("mkdir", (path, oct(mode)),
                  lambda t: os.mkdir(path, mode, dir_fd=t.root))

    def do_rmdir(self):
        path = self.path()
        self.both("rmdir", path, lambda t: os.rmdir(path, dir_fd=t.root))

    def do_unlink(self):
        path = self.path()
        self.both("unlink", path, lambda t: os.unlink(path, dir_fd=t.root))

    def do_rename(self):
        a, b = self.path(), self.path()
        self.both("rename", (a, b), lambda t: os.rename(
            a, b, src_dir_fd=t.root, dst_dir_fd=t.root))

    def do_link(self):
        a, b = self.path(), self.path()
        # Hosts may keep users from linking what is not theirs.
        if os.geteuid() != os.getuid():
            return
        follow = self.rng.random() < 0.3
        self.both("link", (a, b, follow), lambda t: os.link(
            a, b, src_dir_fd=t.root, dst_dir_fd=t.root,
            follow_symlinks=follow))

    def do_symlink(self):
        target, path = self.path(), self.path()
        self.both("symlink", (target, path),
                  lambda t: os.symlink(target, path, dir_fd=t.root))

    def do_readlink(self):
        path = self.path()
        self.both("readlink", path,
                  lambda t: os.readlink(path, dir_fd=t.root))

    def do_mkfifo(self):
        path = self.path()
        self.both("mkfifo", path,
                  lambda t: os.mkfifo(path, 0o644, dir_fd=t.root))

    def do_stat(self):
        path, follow = self.path(), self.rng.random() < 0.5
        self.both("stat", (path, follow), lambda t: attributes(os.stat(
            path, dir_fd=t.root, follow_symlinks=follow)))

    def do_access(self):
        path, mode = self.path(), self.rng.randrange(8)
        self.both("access", (path, mode), lambda t: os.access(
            path, mode, dir_fd=t.root, effective_ids=True))

    def do_chmod(self):
        path = self.path()
        mode = self.rng.choice((0o644, 0o755, 0o600, 0o777, 0o1777, 0o4755,
                                0o2755, 0o6777, 0o2644, 0))
        self.both("chmod", (path, oct(mode)),
                  lambda t: os.chmod(path, mode, dir_fd=t.root))

    def do_chown(self):
        path = self.path()
        uid, gid = (self.rng.choice((-1, 0, 1000, 1001)) for _ in range(2))
        if self.users is None:
            uid, gid = -1, self.rng.choice((-1, os.getgid()))
        self.both("chown", (path, uid, gid), lambda t: os.chown(
            path, uid, gid, dir_fd=t.root, follow_symlinks=False))

    def do_utime(self):
        path = self.path()
        if self.rng.random() < 0.5:
            self.both("utime now", path,
                      lambda t: os.utime(path, dir_fd=t.root))
            return
        times = (self.rng.randrange(10**18), self.rng.randrange(10**18))

        def call(t):
            os.utime(path, ns=times, dir_fd=t.root, follow_symlinks=False)
            st = os.lstat(path, dir_fd=t.root)
            return st.st_atime_ns, st.st_mtime_ns
        self.both("utime", (path, times), call)

    def do_truncate(self):
        path, size = self.path(), self.rng.choice((0, 1, 4096, 5000, 70000))

        def call(t):
            return os.truncate(f"{t.top}/{path}", size)
        self.both("truncate", (path, size), call)

    def do_list(self):
        path = self.path()

        def call(t):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=t.root)
            try:
                return sorted(os.listdir(fd))
            finally:
                os.close(fd)
        self.both("list", path, call)

    # Calls on open files.

    def slot(self):
        return self.rng.choice(self.slots) if self.slots else None

    def do_write(self):
        slot = self.slot()
        data = bytes([self.rng.randrange(1, 256)]) * self.rng.choice(
            (1, 100, 4096, 5000, 70000))
        where = self.rng.choice((None, 0, 10, 4000, 65536, 100000, 1 << 20))
        if slot is None:
            return
        if where is None:
            self.both("write", (slot, len(data)),
                      lambda t: os.write(t.fds[slot], data))
        else:
            self.both("pwrite", (slot, len(data), where),
                      lambda t: os.pwrite(t.fds[slot], data, where))

    def do_read(self):
        slot, size = self.slot(), self.rng.choice((1, 100, 4096, 70000))
        where = self.rng.choice((None, 0, 10, 4000, 65536, 100000, 1 << 20))
        if slot is None:
            return
        if where is None:
            self.both("read", (slot, size),
                      lambda t: os.read(t.fds[slot], size))
        else:
            self.both("pread", (slot, size, where),
                      lambda t: os.pread(t.fds[slot], size, where))

    def do_seek(self):
        slot = self.slot()
        whence = self.rng.choice((os.SEEK_SET, os.SEEK_CUR, os.SEEK_END))
        off = self.rng.choice((0, -1, 5, 4096, 100000, -5000))

        def call(t):
            # Where a directory's end is, is everybody's own affair.
            if stat.S_ISDIR(os.fstat(t.fds[slot]).st_mode):
                return "directory"
            return os.lseek(t.fds[slot], off, whence)
        if slot is not None:
            self.both("lseek", (slot, off, whence), call)

    def do_ftruncate(self):
        slot = self.slot()
        size = self.rng.choice((0, 1, 4095, 4096, 65536, 70000, 1 << 20))
        if slot is not None:
            self.both("ftruncate", (slot, size),
                      lambda t: os.ftruncate(t.fds[slot], size))

    def do_fallocate(self):
        slot = self.slot()
        off = self.rng.choice((0, 100, 4096, 65536, 200000))
        size = self.rng.choice((0, 1, 4096, 70000))
        mode = self.rng.choice((0, 3))
        if slot is not None:
            self.both("fallocate", (slot, mode, off, size), lambda t:
                      fallocate(t.fds[slot], mode, off, size))

    def do_fstat(self):
        slot = self.slot()
        if slot is not None:
            self.both("fstat", slot,
                      lambda t: attributes(os.fstat(t.fds[slot])))

    def do_fchmod(self):
        slot = self.slot()
        mode = self.rng.choice((0o644, 0o755, 0o600, 0o4755))
        if slot is not None:
            self.both("fchmod", (slot, oct(mode)),
                      lambda t: os.fchmod(t.fds[slot], mode))

    def do_close(self):
        slot = self.slot()
        if slot is not None:
            self.close(slot)

    def do_user(self):
        if self.users is None:
            return
        os.seteuid(0)
        uid, gid = self.rng.choice(self.users)
        os.setegid(gid)
        os.seteuid(uid)
        self.log.append(f"user {uid} {gid}")

    # All of it.

    def compare_trees(self):
        def walk(tree):
            out = []
            for where, dirs, files, fd in os.fwalk(
                    ".", dir_fd=tree.root, follow_symlinks=False):
                dirs.sort()
                for name in sorted(dirs + files):
                    if not os.access(".", os.X_OK, dir_fd=fd):
                        out.append([where, name])
                        continue
                    st = os.lstat(name, dir_fd=fd)
                    row = [where, name, attributes(st)]
                    if stat.S_ISREG(st.st_mode) and os.access(
                            name, os.R_OK, dir_fd=fd):
                        with open(os.open(name, os.O_RDONLY, dir_fd=fd),
                                  "rb") as f:
                            row.append(hash(f.read()))
                    out.append(row)
            return out
        if self.users is not None:
            os.seteuid(0)
            os.setegid(0)
        trees = [walk(t) for t in self.trees]
        for a, b in zip(*trees):
            if a != b:
                raise Difference(f"host {a}, here {b}")
        if len(trees[0]) != len(trees[1]):
            raise Difference(f"{len(trees[0])} and {len(trees[1])} names")

    def run(self, steps):
        calls = [(self.do_open, 12), (self.do_mkdir, 6), (self.do_rmdir, 3),
                 (self.do_unlink, 5), (self.do_rename, 8), (self.do_link, 4),
                 (self.do_symlink, 3), (self.do_readlink, 1),
                 (self.do_mkfifo, 1), (self.do_stat, 6), (self.do_access, 3),
                 (self.do_chmod, 4), (self.do_chown, 3), (self.do_utime, 3),
                 (self.do_truncate, 3), (self.do_list, 3),
                 (self.do_write, 10), (self.do_read, 10), (self.do_seek, 3),
                 (self.do_ftruncate, 4), (self.do_fallocate, 4),
                 (self.do_fstat, 5), (self.do_fchmod, 2), (self.do_close, 6),
                 (self.do_user, 4)]
        functions = [c for c, _ in calls]
        weights = [w for _, w in calls]
        for step in range(steps):
            self.rng.choices(functions, weights)[0]()
            if step % 500 == 499:
                self.compare_trees()
        self.compare_trees()


def main():
    host, rump, seed, steps = sys.argv[1:]
    os.umask(0o022)
    model = Model(host, rump, int(seed))
    try:
        model.run(int(steps))
    except Difference as difference:
        print("\n".join(model.log))
        print(f"seed {seed}: {difference}")
        return 1
    print(f"seed {seed}: {steps} calls alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())
