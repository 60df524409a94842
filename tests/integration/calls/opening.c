/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that open and close: open, openat, openat2, creat, close, ... */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "calls.h"

static char longest[PATH_MAX + 2];

static void
populate(void)
{

	make("file", "contents\n");
	make("unreadable", "x");
	make("script", "#!/bin/sh\n");
	must(chmod("unreadable", 0) == 0, "chmod");
	must(chmod("script", 0755) == 0, "chmod");
	must(mkdir("dir", 0755) == 0, "mkdir");
	must(mkdir("dir/sub", 0755) == 0, "mkdir");
	make("dir/inner", "inner\n");
	must(symlink("file", "link") == 0, "symlink");
	must(symlink("dir", "dirlink") == 0, "symlink");
	must(symlink("none", "dangling") == 0, "symlink");
	must(symlink("loop", "loop") == 0, "symlink");
	must(symlink("made", "willmake") == 0, "symlink");
	must(mkfifo("fifo", 0644) == 0, "mkfifo");
	memset(longest, 'x', sizeof(longest) - 1);
}

/* Those of them that fcntl(2) can change, and the mode of access. */
#define STAYING (O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_PATH | O_ASYNC)

/* Opens, prints the flags that the file then has, and closes. */
static void
try(const char *label, int dirfd, const char *path, int flags, int mode)
{
	int fd;

	fd = syscall(SYS_openat, dirfd, path, flags, mode);
	if (fd < 0) {
		note("%s: %s", label, strerrorname_np(errno));
		return;
	}
	note("%s: %d, flags %#x, FD %d", label, fd,
	    fcntl(fd, F_GETFL) & STAYING, fcntl(fd, F_GETFD));
	close(fd);
}

#define O(path, flags, mode)                                                   \
	try(#path " " #flags " " #mode, AT_FDCWD, path, flags, mode)

static void
access_modes(void)
{

	populate();
	O("file", O_RDONLY, 0);
	O("file", O_WRONLY, 0);
	O("file", O_RDWR, 0);
	O("file", O_RDONLY | O_CLOEXEC, 0);
	O("file", O_RDONLY | O_TRUNC, 0);
	state("file");
	O("file", O_RDWR | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC, 0);
	O("file", O_RDWR | O_ASYNC, 0);
	O("file", O_RDWR | O_NOATIME, 0);
	O("file", O_RDWR | O_NOCTTY | O_LARGEFILE, 0);
	O("file", O_RDWR | 0x80000000, 0);
	O("file", O_RDWR | 0x40000000, 0);
	O("file", -1, 0);
	O("file", O_PATH, 0);
	O("file", O_PATH | O_RDWR | O_TRUNC | O_CREAT | O_APPEND, 0);
	O("file", O_PATH | O_CLOEXEC, 0);
	O("file", O_PATH | O_DIRECTORY, 0);
	O("link", O_PATH | O_NOFOLLOW, 0);
	O("dangling", O_PATH | O_NOFOLLOW, 0);
	O("dangling", O_PATH, 0);
	O("unreadable", O_RDONLY, 0);
	O("unreadable", O_WRONLY, 0);
	O("unreadable", O_PATH, 0);
	O("dir", O_RDONLY, 0);
	O("dir", O_WRONLY, 0);
	O("dir", O_RDWR, 0);
	O("dir", O_RDONLY | O_TRUNC, 0);
	O("dir", O_RDONLY | O_APPEND, 0);
	O("dir", O_RDONLY | O_CREAT, 0644);
	O("dir", O_RDONLY | O_CREAT | O_EXCL, 0644);
	O("dir", O_RDONLY | O_CREAT | O_DIRECTORY, 0644);
	O("dir", O_DIRECTORY | O_NOFOLLOW, 0);
	O("dirlink", O_DIRECTORY, 0);
	O("dirlink", O_DIRECTORY | O_NOFOLLOW, 0);
	O("dirlink/", O_DIRECTORY | O_NOFOLLOW, 0);
	O("file", O_DIRECTORY, 0);
	O("fifo", O_RDONLY | O_NONBLOCK, 0);
	O("fifo", O_WRONLY | O_NONBLOCK, 0);
	O("fifo", O_RDWR | O_NONBLOCK, 0);
	O("fifo", O_DIRECTORY, 0);
	O("fifo", O_PATH, 0);
}

/* Below what was opened by its name alone, whatever it is. */
static void
below_names(void)
{
	static const char *const names[] = { "shut", "dark", "dir", "link",
		"dirlink", "fifo", "unreadable" };
	char text[64];
	int fd, top;

	populate();
	top = open(".", O_RDONLY);
	must(mkdir("shut", 0755) == 0 && mkdir("dark", 0755) == 0, "mkdir");
	make("shut/file", "x");
	make("dark/file", "x");
	must(chmod("shut", 0) == 0 && chmod("dark", 0311) == 0, "chmod");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		note("%s", names[i]);
		fd = open(names[i], O_PATH | O_NOFOLLOW);
		must(fd >= 0, names[i]);
		T(openat(fd, "file", O_RDONLY));
		T(openat(fd, ".", O_PATH));
		T(openat(fd, "../file", O_RDONLY));
		T(openat(fd, "none", O_CREAT | O_WRONLY, 0600));
		T(openat(fd, "", O_RDONLY));
		T(openat(fd, longest, O_RDONLY));
		T(mkdirat(fd, "none", 0755));
		T(faccessat(fd, "file", R_OK, 0));
		snprintf(text, sizeof(text), "/proc/self/fd/%d/file", fd);
		T(open(text, O_RDONLY));
		T(fchdir(fd));
		must(fchdir(top) == 0 && close(fd) == 0, "fchdir");
	}
}

static void
paths(void)
{

	populate();
	O("", O_RDONLY, 0);
	O("", O_PATH, 0);
	O(".", O_RDONLY, 0);
	O("..", O_PATH, 0);
	O("dir/..", O_RDONLY, 0);
	O("none", O_RDONLY, 0);
	O("none/x", O_RDONLY, 0);
	O("none/..", O_RDONLY, 0);
	O("file/", O_RDONLY, 0);
	O("file/.", O_RDONLY, 0);
	O("file/..", O_RDONLY, 0);
	O("file/x", O_RDONLY, 0);
	O("link", O_RDONLY, 0);
	O("link/", O_RDONLY, 0);
	O("link", O_NOFOLLOW, 0);
	O("link", O_NOFOLLOW | O_CREAT, 0644);
	O("dangling", O_RDONLY, 0);
	O("dangling", O_NOFOLLOW, 0);
	O("dangling", O_CREAT | O_EXCL | O_WRONLY, 0644);
	O("dangling", O_CREAT | O_NOFOLLOW | O_WRONLY, 0644);
	O("dangling/", O_CREAT | O_WRONLY, 0644);
	O("loop", O_RDONLY, 0);
	O("loop", O_NOFOLLOW, 0);
	O("loop/x", O_RDONLY, 0);
	O("loop", O_CREAT | O_WRONLY, 0644);
	O("willmake", O_CREAT | O_RDWR, 0640);
	state("made");
	O(NULL, O_RDONLY, 0);
	O(NOWHERE, O_RDONLY, 0);
	O(BEYOND, O_RDONLY, 0);
	O(endless("file"), O_RDONLY, 0);
	O(edge_string("file"), O_RDONLY, 0);
	O(longest, O_RDONLY, 0);
	longest[PATH_MAX] = 0;
	O(longest, O_RDONLY, 0);
	longest[PATH_MAX - 1] = 0;
	O(longest, O_RDONLY, 0);
	longest[256] = 0;
	O(longest, O_CREAT | O_RDWR, 0644);
	longest[255] = 0;
	O(longest, O_CREAT | O_RDWR, 0644);
	O("dir//sub///..//inner", O_RDONLY, 0);
	O("dir/inner/", O_CREAT | O_RDWR, 0644);
	O("new/", O_CREAT | O_RDWR, 0644);
	O("new", O_CREAT | O_DIRECTORY | O_RDWR, 0644);
	O("new/new", O_CREAT | O_RDWR, 0644);
	state("new");
}

static void
making(void)
{

	populate();
	O("a", O_CREAT | O_RDONLY, 0);
	state("a");
	O("a", O_CREAT | O_RDWR, 0777);
	O("b", O_CREAT | O_WRONLY | O_EXCL, 0777);
	O("b", O_CREAT | O_WRONLY | O_EXCL, 0777);
	state("b");
	O("c", O_CREAT | O_WRONLY, 07777);
	state("c");
	O("d", O_CREAT | O_WRONLY, 0100644);
	state("d");
	O("e", O_CREAT | O_WRONLY, -1);
	state("e");
	umask(0);
	O("f", O_CREAT | O_WRONLY, 0666);
	state("f");
	umask(0777);
	O("g", O_CREAT | O_RDWR, 0666);
	state("g");
	O("g", O_CREAT | O_RDWR, 0666);
	umask(022);
	O("file", O_CREAT | O_TRUNC | O_RDONLY, 0644);
	state("file");
	make("file", "again");
	O("file", O_CREAT | O_EXCL | O_TRUNC | O_RDWR, 0644);
	state("file");
	O("file", O_EXCL | O_RDWR, 0644);
	T(creat("file", 0600));
	state("file");
	T(creat("h", 0444));
	state("h");
	T(creat("dir", 0644));
	T(creat("unreadable", 0644));
	T(creat("", 0644));
	T(write(3, "x", 1));
	T(read(3, longest, 1));
	T(close(3));
	T(close(3));
	must(mkdir("closed", 0555) == 0, "mkdir");
	O("closed/x", O_CREAT | O_RDWR, 0644);
	O("closed", O_TMPFILE | O_RDWR, 0644);
	must(chmod("closed", 0666) == 0, "chmod");
	O("closed/x", O_RDONLY, 0644);
	must(mkdir("group", 0755) == 0, "mkdir");
	T(chmod("group", 02777));
	O("group/x", O_CREAT | O_RDWR, 06777);
	state("group");
	state("group/x");
	T(mkdir("group/y", 0777));
	state("group/y");
}

static void
unnamed(void)
{
	char b[8];
	int fd;

	populate();
	O("dir", O_TMPFILE | O_RDONLY, 0600);
	O("dir", O_TMPFILE | O_WRONLY, 0600);
	O("dir", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	O("dir", O_TMPFILE | O_RDWR | O_CREAT, 0600);
	O("dir", O_TMPFILE | O_RDWR | O_TRUNC, 0600);
	O("dir", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600);
	O("dir", O_TMPFILE | O_RDWR | O_PATH, 0600);
	O("file", O_TMPFILE | O_RDWR, 0600);
	O("none", O_TMPFILE | O_RDWR, 0600);
	O("dir/none", O_TMPFILE | O_RDWR, 0600);
	O("dirlink", O_TMPFILE | O_RDWR, 0600);
	O("dirlink", O_TMPFILE | O_RDWR | O_NOFOLLOW, 0600);
	fd = T(open("dir", O_TMPFILE | O_RDWR | O_APPEND, 0640));
	if (fd < 0)
		return;
	T(write(fd, "hello", 5));
	T(pwrite(fd, "J", 1, 0));
	T(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", 0));
	T(linkat(
	    AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	T(pread(fd, b, 8, 0));
	contents("named");
	state("named");
	T(ftruncate(fd, 2));
	state("named");
}

static void
at(void)
{
	int dir, file, path, gone;

	populate();
	must(mkdir("gone", 0755) == 0, "mkdir");
	dir = open("dir", O_RDONLY);
	file = open("file", O_RDONLY);
	path = open("dir", O_PATH);
	gone = open("gone", O_RDONLY);
	must(rmdir("gone") == 0, "rmdir");
	try("in a directory", dir, "inner", O_RDONLY, 0);
	try("upwards", dir, "../file", O_RDONLY, 0);
	try("in an O_PATH directory", path, "inner", O_RDONLY, 0);
	try("in a file", file, "inner", O_RDONLY, 0);
	try("an empty path", dir, "", O_RDONLY, 0);
	try("an empty path of a file", file, "", O_RDONLY, 0);
	try("the directory", dir, ".", O_RDONLY, 0);
	try("in a removed directory", gone, "x", O_RDONLY, 0);
	try("made in a removed directory", gone, "x", O_CREAT | O_RDWR, 0644);
	try("the removed directory", gone, ".", O_RDONLY, 0);
	try("above the removed directory", gone, "..", O_RDONLY, 0);
	try("no descriptor", -1, "x", O_RDONLY, 0);
	try("a closed descriptor", 99, "x", O_RDONLY, 0);
	try("a negative one", INT_MIN, "x", O_RDONLY, 0);
	try("an absolute path", -1, "/", O_RDONLY, 0);
	try("an absolute path and a file", file, "/", O_RDONLY, 0);
	try("no path", dir, NULL, O_RDONLY, 0);
	try("no descriptor and an empty path", 99, "", O_RDONLY, 0);
}

static void
how(const char *path, unsigned long flags, unsigned long mode,
    unsigned long resolve, size_t size)
{
	struct open_how h[2];
	char label[128];

	memset(h, 0, sizeof(h));
	h[0].flags = flags;
	h[0].mode = mode;
	h[0].resolve = resolve;
	snprintf(label, sizeof(label), "%s %#lx %#lo %#lx %zu", path, flags,
	    mode, resolve, size);
	errno = 0;
	close(say(label, syscall(SYS_openat2, AT_FDCWD, path, h, size)));
}

static void
with_how(void)
{
	const size_t all = sizeof(struct open_how);
	struct open_how h = { .flags = O_RDONLY };
	struct {
		struct open_how how;
		long more;
	} longer = { .how = h, .more = 1 };
	unsigned long r;

	populate();
	how("file", O_RDONLY, 0, 0, all);
	how("file", O_RDONLY, 0644, 0, all);
	how("file", O_RDONLY | O_CREAT, 010644, 0, all);
	how("file", O_RDONLY | O_CREAT, 0644, 0, all);
	how("file", 0x80000000, 0, 0, all);
	how("file", 0x100000000, 0, 0, all);
	how("file", O_PATH | O_RDWR, 0, 0, all);
	how("file", O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, 0, all);
	how("file", O_RDONLY, 0, 0, 0);
	how("file", O_RDONLY, 0, 0, all - 1);
	how("file", O_RDONLY, 0, 0, all + 8);
	how("file", O_RDONLY, 0, 0, 5000);
	how("dir", O_TMPFILE | O_RDWR, 0, 0, all);
	how("dir", O_DIRECTORY | O_CREAT, 0644, 0, all);
	S(openat2, AT_FDCWD, "file", NOWHERE, sizeof(struct open_how));
	S(openat2, AT_FDCWD, "file", edge(8), sizeof(struct open_how));
	S(openat2, AT_FDCWD, "file", &longer, sizeof(longer));
	S(openat2, AT_FDCWD, NULL, &h, sizeof(h));
	for (r = 1; r <= 0x40; r <<= 1) {
		if (r == RESOLVE_CACHED)
			continue;
		how("file", O_RDONLY, 0, r, all);
		how("link", O_RDONLY, 0, r, all);
		how("dir/../file", O_RDONLY, 0, r, all);
		how("dirlink/inner", O_RDONLY, 0, r, all);
		how("../x", O_RDONLY, 0, r, all);
		how("/", O_RDONLY, 0, r, all);
		how("link", O_PATH | O_NOFOLLOW, 0, r, all);
	}
	how("file", O_RDONLY, 0, RESOLVE_IN_ROOT | RESOLVE_BENEATH, all);
	how("/file", O_RDONLY, 0, RESOLVE_IN_ROOT, all);
	how("/../../file", O_RDONLY, 0, RESOLVE_IN_ROOT, all);
	how("new", O_CREAT | O_RDWR, 0600, RESOLVE_BENEATH, all);
	state("new");
}

static void
ranges(void)
{
	int i;

	populate();
	for (i = 3; i < 12; i++)
		T(open("file", O_RDONLY));
	S(close_range, 5, 4, 0);
	S(close_range, 5, 6, 8);
	S(close_range, 5, 6, 0);
	S(close_range, 7, 7, CLOSE_RANGE_CLOEXEC);
	S(close_range, 9, ~0U, CLOSE_RANGE_CLOEXEC);
	for (i = 3; i < 13; i++)
		T(fcntl(i, F_GETFD));
	S(close_range, 8, 9, CLOSE_RANGE_UNSHARE);
	for (i = 3; i < 13; i++)
		T(fcntl(i, F_GETFD));
	S(close_range, 3, ~0U, CLOSE_RANGE_UNSHARE);
	T(open("file", O_RDONLY));
	T(close(-1));
	T(close(INT_MAX));
	T(close(3));
	T(close(3));
}

static void
limits(void)
{
	struct rlimit old, few;
	int i;

	populate();
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = 6;
	T(setrlimit(RLIMIT_NOFILE, &few));
	for (i = 0; i < 5; i++)
		T(open("file", O_RDONLY));
	T(open("x", O_RDWR | O_CREAT, 0644));
	state("x");
	T(open("file", O_RDWR | O_TRUNC));
	state("file");
	T(dup(3));
	T(dup2(3, 6));
	T(dup2(3, 5));
	T(fcntl(3, F_DUPFD, 5));
	T(fcntl(3, F_DUPFD, 6));
	T(openat(AT_FDCWD, "dir", O_TMPFILE | O_RDWR, 0600));
	few.rlim_cur = 4;
	T(setrlimit(RLIMIT_NOFILE, &few));
	T(read(5, longest, 3));
	T(dup2(3, 5));
	T(dup2(5, 3));
	T(open("file", O_RDONLY));
	T(close(5));
	T(close(0));
	T(open("file", O_RDONLY));
	T(setrlimit(RLIMIT_NOFILE, &old));
}

const struct section opening_sections[] = {
	{ "opening-modes", access_modes },
	{ "opening-paths", paths },
	{ "opening-below", below_names },
	{ "opening-making", making },
	{ "opening-unnamed", unnamed },
	{ "opening-at", at },
	{ "opening-how", with_how },
	{ "opening-ranges", ranges },
	{ "opening-limits", limits },
	{ NULL, NULL },
};
