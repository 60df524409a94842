# SPDX-License-Identifier: BSD-2-Clause
"""What test_calls may find different on NFS, line by line, and why.

Each entry is a reason, a section, and pairs of regular expressions: a line of
the host's and the line in its place, "" where there is none.
"""
import re

NO_UNNAMED = ("The protocol has no files without a name: the kernel says "
              "EOPNOTSUPP, and what would be done with one is not done.")
STALE = ("What has been removed is gone at once: the server knows its handle "
         "no more, whoever has it open.")
NO_SPACE = "The protocol can neither reserve space nor give it back."
SAVED = "Times are the server's, which learns of stores when they are saved."
NO_HOLES = "The protocol does not tell where holes are: all is data."
SERVER = "The server does it in its own way."
NO_EXCHANGE = "The protocol cannot exchange names."
OWN_NUMBERS = "A file system has a type and sizes of its own."
UNSIGNED = "Times of the protocol are unsigned numbers of 32 bits."
OTHER_NAME = ("Names of files are remembered here: one that is left is taken "
              "for the new one.")
ANOTHER_WAY = ("A file's handle can be given a name whatever way it was "
               "opened.")
NO_XATTRS = "The protocol knows no extended attributes."
NO_FLAGS = "The protocol knows no flags of files."
XATTRS = [f"xattrs-{name}" for name in (
    "values", "sizes", "kinds", "allowed", "descriptors", "addresses",
    "mapped", "times", "capabilities", "at")]

DIFFERENT = [
    (NO_UNNAMED, "opening-unnamed", [
        (r'"dir(link)?" O_TMPFILE \| .* 0600: 3, .*',
         r'"dir(link)?" O_TMPFILE \| .* 0600: EOPNOTSUPP'),
        (r'open\("dir", O_TMPFILE .* = 3', r"open\(.* = EOPNOTSUPP"),
        (r"(write|pwrite|linkat|pread|ftruncate)\(.*", ""),
        (r"named: .*", ""),
    ]),
    (NO_UNNAMED, "opening-how", [
        (r"dir 0x410002 0 0 24 = 3", r"dir 0x410002 0 0 24 = EOPNOTSUPP"),
    ]),
    (NO_UNNAMED, "opening-limits", [
        (r"openat\(.*O_TMPFILE.* = EMFILE", r"openat\(.* = EOPNOTSUPP"),
    ]),
    (NO_UNNAMED, "again-unnamed", [
        (r"open\(.*O_TMPFILE.* = 3", r"open\(.* = EOPNOTSUPP"),
        (r".*", ""),
    ]),
    (NO_UNNAMED, "status-kept", [
        (r'"dir" O_TMPFILE .*: 020[37]00002', r".*: EOPNOTSUPP"),
        (r'"dir" O_TMPFILE .*: 020[37]00001', r".*: EOPNOTSUPP"),
        (r"then 0207?3?0200[12]", ""),
    ]),
    (NO_UNNAMED, "status-neither", [
        (r"open\(.*O_TMPFILE.* = 1", r"open\(.* = 0"),
    ]),
    (NO_SPACE, "mappings-removed", [
        (r"madvise\(p.*REMOVE\) = 0", r"madvise\(.* = EOPNOTSUPP"),
        (r"0 (0|113) 0", r"100 (100|113) 100"),
        (r'file: 20580 ".*"', r'file: 20580 "d.20580."'),
    ]),
    (NO_SPACE, "mappings-dated", [
        (r"madvise\(.*REMOVE\) = 0", r"madvise\(.* = EOPNOTSUPP"),
        (r"hole: now", r"hole: .*"),
    ]),
    (SAVED, "mappings-dated", [
        (r".*: (now|as it was)", r".*: (now|as it was)"),
    ]),
    (STALE, "opening-at", [
        (r".*removed directory: (ENOENT|7, flags 0, FD 0)",
         r".*removed directory: ESTALE"),
    ]),
    (STALE, "names-linking", [
        (r"linkat\(.*gone.* = ENOENT", r"linkat\(.*gone.* = ESTALE"),
    ]),
    (STALE, "names-renaming", [
        (r"renameat\(.*gone.* = ENOENT", r"renameat\(.*gone.* = ESTALE"),
    ]),
    (STALE, "names-removing", [
        (r"unlinkat\(gone.* = ENOENT", r"unlinkat\(gone.* = ESTALE"),
    ]),
    (STALE, "names-making", [
        (r"mkdirat\(gone.* = ENOENT", r"mkdirat\(gone.* = ESTALE"),
    ]),
    (STALE, "names-pointing", [
        (r"symlinkat\(.*gone.* = ENOENT", r"symlinkat\(.*gone.* = ESTALE"),
    ]),
    (STALE, "names-working", [
        (r"getcwd\(buf, 4096\) = ENOENT", r"getcwd\(buf, 4096\) = ESTALE"),
        (r'(access|chdir)\("\.\.".* = 0', r"(access|chdir)\(.* = ESTALE"),
        (r'(mkdir|open)\("x".* = ENOENT', r"(mkdir|open)\(.* = ESTALE"),
    ]),
    (STALE, "again-moved", [
        (r"/proc/self/fd/5 = 8", r"/proc/self/fd/5 = ESTALE"),
        (r"(getdents64|openat)\(again.* = ENOENT",
         r"(getdents64|openat)\(again.* = EBADF"),
    ]),
    (OTHER_NAME, "again-links", [
        (r"(after it was removed|with another.*): /file \(deleted\)",
         r"(after it was removed|with another.*): /another"),
    ]),
    (SERVER, "names-listing", [
        (r"entries\(gone.* = ENOENT", r"entries\(gone.* = (ENOTDIR|ESTALE)"),
    ]),
    (NO_HOLES, "data-seeking", [
        (r"lseek\(fd, .*, SEEK_(DATA|HOLE)\) = .*",
         r"lseek\(fd, .*, SEEK_(DATA|HOLE)\) = .*"),
    ]),
    (SERVER, "data-truncating", [
        (r"f: mode 100755 .*", r"f: mode 106755 .*"),
    ]),
    (NO_SPACE, "data-allocating", [
        (r"fallocate\( ?fd, .* = 0", r"fallocate\( ?fd, .* = EOPNOTSUPP"),
        (r"f: .*", r'f: 20 "0123456789abcdefghij"'),
        (r"size \d+, \d+ KiB", r"size \d+, \d+ KiB"),
    ]),
    (NO_EXCHANGE, "names-renaming", [
        (r"renameat2\(.*RENAME_EXCHANGE\) = 0", r"renameat2\(.* = EINVAL"),
    ]),
    (ANOTHER_WAY, "names-links", [
        (r"linkat\(.*/proc/self/fd/4.* = ENOENT", r"linkat\(.* = 0"),
    ]),
    (SERVER, "attributes-owners", [
        (r"dir: mode 46755 .*", r"dir: mode 40755 .*"),
    ]),
    (UNSIGNED, "attributes-times", [
        (r"file: -5\.000000000 -6\.999999999",
         r"file: 0\.000000000 0\.000000000"),
        (r"file: 4294967296\.0* 8589934592\.0*9",
         r"file: 4294967295\.0* 4294967295\.0*"),
    ]),
    (SERVER, "attributes-times", [
        (r"link: 1\.0*2 3\.0*4", r"link: \d+\.\d+ \d+\.\d+"),
    ]),
    (OWN_NUMBERS, "attributes-statfs", [
        (r"0x1021994, (.*)", r"0x6969, (.*)"),
    ]),
    (OWN_NUMBERS, "attributes-ioctl", [
        (r"4096", r"65536"),
    ]),
    *((NO_XATTRS, section, [
        (r".*xattr(at)?\(.*", r".*xattr(at)?\(.* = EOPNOTSUPP"),
        (r".*: \d+ bytes of names", r".*: -1 bytes of names"),
        (r"user\..*: .*", ""),
        (r"the mapping: .*", r"the mapping: .*"),
        (r"value", r""),
    ]) for section in XATTRS),
    *((NO_FLAGS, f"flags-{name}", [
        (r"set\(.*", r"set\(.* = (0|ENOTTY)"),
        (r"ioctl\(.*FS_IOC.*", r"ioctl\(.* = ENOTTY"),
        (r"fallocate\(.* = 0", r"fallocate\(.* = EOPNOTSUPP"),
        (r"file: mode .*", r"file: mode .*"),
        (r"(file|dir|heir|sub): .*", r"(file|dir|heir|sub): 0xffffffff 0 0"),
        (r".*xattr\(.*", r".*xattr\(.* = EOPNOTSUPP"),
    ]) for name in ("immutable", "growing", "directories", "requests")),
]


def may_differ(section, host, here):
    """Is here what stands in NFS's place of the host's line?"""
    return any(re.fullmatch(a, host.strip()) and re.fullmatch(b, here.strip())
               for _, name, pairs in DIFFERENT if name == section
               for a, b in pairs)
