/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: the twelve calls of xattr(7) and the four that start at
 * a directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "calls.h"

#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

#define SIZE_MOST 65536
#define NAME_MOST 255

static char value[SIZE_MOST + 16];
static int dir, file, rdwr, path, linkfd, dirpath;

static void
populate(void)
{

	make("file", "contents\n");
	make("other", "x");
	must(mkdir("dir", 0755) == 0 && mkdir("sticky", 01777) == 0, "mkdir");
	make("dir/inner", "inner\n");
	must(chmod("sticky", 01777) == 0, "chmod");
	must(symlink("file", "link") == 0 && symlink("none", "dangling") == 0 &&
		 symlink("loop", "loop") == 0 && mkfifo("fifo", 0666) == 0,
	    "symlink");
	dir = open("dir", O_RDONLY);
	file = open("file", O_RDONLY);
	rdwr = open("file", O_RDWR);
	path = open("file", O_PATH);
	linkfd = open("link", O_PATH | O_NOFOLLOW);
	dirpath = open("dir", O_PATH);
	must(linkfd > 0 && dirpath > 0, "open");
}

static int
by_text(const void *a, const void *b)
{

	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* All that a file has, in an order that no kernel decides. */
static void
listed(const char *file_name)
{
	char names[4096], bytes[4096], *sorted[64];
	ssize_t size = listxattr(file_name, names, sizeof(names));
	size_t n = 0;

	note("%s: %zd bytes of names", file_name, size);
	for (char *p = names; p < names + size; p += strlen(p) + 1)
		sorted[n++] = p;
	qsort(sorted, n, sizeof(sorted[0]), by_text);
	for (size_t i = 0; i < n; i++)
		show(sorted[i], bytes,
		    getxattr(file_name, sorted[i], bytes, sizeof(bytes)));
}

static void
values(void)
{
	char b[64];

	populate();
	T(setxattr("file", "user.one", "1", 1, 0));
	T(setxattr("file", "user.a longer name", "a longer value", 14, 0));
	T(setxattr("file", "user.empty", "", 0, 0));
	T(setxattr("file", "user.empty", NULL, 0, 0));
	T(setxattr("file", "user.\xff\x01", "b\0c", 3, 0));
	T(setxattr("file", "user.UPPER", "U", 1, 0));
	T(setxattr("link", "user.followed", "f", 1, 0));
	T(setxattr("file/", "user.x", "1", 1, 0));
	T(setxattr("dir/", "user.x", "1", 1, 0));
	listed("file");
	listed("dir");
	listed("other");
	T(setxattr("file", "user.one", "replaced", 8, 0));
	T(setxattr("file", "user.one", "no", 2, XATTR_CREATE));
	T(setxattr("file", "user.two", "no", 2, XATTR_REPLACE));
	T(setxattr("file", "user.two", "2", 1, XATTR_CREATE));
	T(setxattr("file", "user.two", "22", 2, XATTR_REPLACE));
	T(setxattr("file", "user.two", "", 0, XATTR_CREATE | XATTR_REPLACE));
	T(setxattr("file", "user.new", "", 0, XATTR_CREATE | XATTR_REPLACE));
	T(setxattr("file", "user.two", "", 0, 4));
	T(setxattr("none", "user.two", "", 0, 4));
	T(setxattr("file", "user.two", "", 0, -1));
	T(removexattr("file", "user.one"));
	T(removexattr("file", "user.one"));
	T(getxattr("file", "user.one", b, sizeof(b)));
	T(removexattr("link", "user.followed"));
	T(rename("file", "moved"));
	T(link("moved", "dir/linked"));
	listed("moved");
	listed("dir/linked");
}

static void
sizes(void)
{
	char name[NAME_MOST + 2] = "user.", b[64];

	populate();
	T(setxattr("file", "user.x", "12345678", 8, 0));
	T(getxattr("file", "user.x", NULL, 0));
	T(getxattr("file", "user.x", b, 0));
	T(getxattr("file", "user.x", b, 7));
	T(getxattr("file", "user.x", b, 8));
	T(getxattr("file", "user.x", b, SIZE_MAX));
	T(getxattr("file", "user.none", b, 1));
	T(listxattr("file", NULL, 0));
	T(listxattr("file", b, 6));
	T(listxattr("file", b, 7));
	T(listxattr("file", b, SIZE_MAX));
	T(listxattr("other", b, 1));
	memset(value, 'v', sizeof(value));
	T(setxattr("file", "user.big", value, SIZE_MOST, 0));
	T(setxattr("file", "user.big", value, SIZE_MOST + 1, 0));
	T(setxattr("none", "user.big", value, SIZE_MOST + 1, 0));
	T(setxattr("file", "user.big", value, SIZE_MAX, 0));
	T(setxattr("file", "user.big", NOWHERE, SIZE_MOST + 1, 0));
	T(getxattr("file", "user.big", value, sizeof(value)));
	T(getxattr("file", "user.big", value, SIZE_MOST));
	T(getxattr("file", "user.big", value, SIZE_MOST - 1));
	memset(name + 5, 'n', NAME_MOST - 4);
	T(setxattr("file", name, "", 0, 0));
	T(getxattr("file", name, b, 1));
	T(removexattr("none", name));
	name[NAME_MOST] = '\0';
	T(setxattr("file", name, "", 0, 0));
	T(getxattr("file", name, b, 1));
	T(listxattr("file", NULL, 0));
	T(removexattr("file", name));
}

/* What the beginning of a name allows. */
static void
kinds(void)
{
	static const char *const names[] = { "user.x", "trusted.x",
		"security.x", "system.x", "system.posix_acl", "none.x", "user",
		"user.", "trusted.", "security.", "x", ".", "", "USER.x",
		" user.x" };
	static const char *const files[] = { "file", "dir", "sticky", "link",
		"dangling", "fifo", "socket", "none" };
	struct sockaddr_un un = { AF_UNIX, "socket" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	char b[64];

	populate();
	must(bind(s, (struct sockaddr *)&un, sizeof(un)) == 0, "bind");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			note("%s, \"%s\"", files[i], names[j]);
			T(lsetxattr(files[i], names[j], "1", 1, 0));
			T(lsetxattr(files[i], names[j], "2", 1, XATTR_REPLACE));
			T(lgetxattr(files[i], names[j], b, sizeof(b)));
			T(llistxattr(files[i], b, sizeof(b)));
			T(getxattr(files[i], names[j], b, sizeof(b)));
			T(lremovexattr(files[i], names[j]));
			T(lremovexattr(files[i], names[j]));
		}
}

/* As an ordinary user: what the modes say.  For root they do not count. */
static void
allowed(void)
{
	static const int modes[] = { 0, 0200, 0400, 0600, 0100, 0077 };
	char b[64];

	populate();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		note("mode %o", modes[i]);
		T(chmod("file", modes[i]));
		T(chmod("dir", modes[i]));
		T(setxattr("file", "user.x", "1", 1, 0));
		T(getxattr("file", "user.x", b, sizeof(b)));
		T(listxattr("file", b, sizeof(b)));
		T(setxattr("file", "none.x", "1", 1, 0));
		T(getxattr("file", "none.x", b, sizeof(b)));
		T(removexattr("file", "user.x"));
		T(fsetxattr(file, "user.x", "1", 1, 0));
		T(fgetxattr(rdwr, "user.x", b, sizeof(b)));
		T(setxattr("dir", "user.x", "1", 1, 0));
		T(getxattr("dir", "user.x", b, sizeof(b)));
		T(getxattr("dir/inner", "user.x", b, sizeof(b)));
	}
	T(chmod("file", 0600));
	T(chmod("dir", 0700));
	listed("file");
	T(setxattr("/", "user.rumpkit", "1", 1, XATTR_REPLACE));
	T(setxattr("/proc/self/stat", "user.x", "1", 1, 0) != 0);
}

static void
descriptors(void)
{
	char b[64], name[64];

	populate();
	T(fsetxattr(file, "user.x", "read", 4, 0));
	T(fgetxattr(rdwr, "user.x", b, sizeof(b)));
	T(flistxattr(file, b, sizeof(b)));
	T(fremovexattr(file, "user.x"));
	T(fsetxattr(dir, "user.d", "dir", 3, 0));
	T(fgetxattr(dir, "user.d", b, sizeof(b)));
	T(fsetxattr(path, "user.x", "1", 1, 0));
	T(fgetxattr(path, "user.x", b, sizeof(b)));
	T(flistxattr(path, b, sizeof(b)));
	T(fremovexattr(path, "user.x"));
	T(fgetxattr(linkfd, "user.x", b, sizeof(b)));
	T(fgetxattr(dirpath, "user.d", b, sizeof(b)));
	T(fgetxattr(99, "user.x", b, sizeof(b)));
	T(fgetxattr(-1, "", b, sizeof(b)));
	T(fsetxattr(99, "user.x", "1", 1, 8));
	T(flistxattr(99, b, sizeof(b)));
	T(fremovexattr(99, "user.x"));
	T(fgetxattr(AT_FDCWD, "user.x", b, sizeof(b)));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", path);
	T(setxattr(name, "user.p", "path", 4, 0));
	T(getxattr(name, "user.p", b, sizeof(b)));
	T(listxattr(name, b, sizeof(b)));
	T(removexattr(name, "user.p"));
	snprintf(name, sizeof(name), "/proc/self/fd/%d/inner", dirpath);
	T(setxattr(name, "user.p", "inner", 5, 0));
	T(lgetxattr(name, "user.p", b, sizeof(b)));
	T(unlink("file"));
	T(fsetxattr(file, "user.gone", "1", 1, 0));
	T(fgetxattr(rdwr, "user.gone", b, sizeof(b)));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", rdwr);
	T(getxattr(name, "user.gone", b, sizeof(b)));
	T(getxattr("dangling", "user.x", b, sizeof(b)));
	T(getxattr("loop", "user.x", b, sizeof(b)));
	T(getxattr("file/x", "user.x", b, sizeof(b)));
	T(getxattr("", "user.x", b, sizeof(b)));
	T(llistxattr("dangling/x", b, sizeof(b)));
}

static void
addresses(void)
{
	char b[64];

	populate();
	T(setxattr("file", "user.x", "12345678", 8, 0));
	T(setxattr(NOWHERE, "user.x", "1", 1, 0));
	T(setxattr(NULL, "user.x", "1", 1, 0));
	T(setxattr("file", NOWHERE, "1", 1, 0));
	T(setxattr("file", NULL, "1", 1, 0));
	T(setxattr("none", NOWHERE, "1", 1, 0));
	T(setxattr("file", edge_string("user.x"), "edge", 4, 0));
	T(setxattr("file", endless("user.x"), "1", 1, 0));
	T(setxattr("file", "user.x", NOWHERE, 1, 0));
	T(setxattr("file", "user.x", NULL, 1, 0));
	T(setxattr("none", "user.x", NULL, 1, 0));
	T(setxattr("file", "user.x", edge(4), 5, 0));
	T(setxattr("file", "user.x", BEYOND, 1, 0));
	T(setxattr("file", "user.x", "12345678", 8, 0));
	T(getxattr("file", "user.x", NOWHERE, 8));
	T(getxattr("file", "user.x", edge(8), 8));
	T(getxattr("file", "user.x", edge(8), 64));
	T(getxattr("file", "user.x", edge(7), 64));
	T(getxattr("file", "user.x", NULL, 8));
	T(getxattr("file", "user.none", NOWHERE, 8));
	T(getxattr(NOWHERE, "user.x", b, 64));
	T(getxattr("file", NOWHERE, b, 64));
	T(getxattr("none", NOWHERE, b, 64));
	T(listxattr("file", NOWHERE, 64));
	T(listxattr("file", edge(7), 64));
	T(listxattr("other", NOWHERE, 64));
	T(listxattr(NOWHERE, b, 64));
	T(removexattr("file", NOWHERE));
	T(removexattr(NOWHERE, "user.x"));
	listed("file");
}

/* Values and names in a mapping of a file of the same file system. */
static void
mapped(void)
{
	char *p;

	populate();
	must(ftruncate(rdwr, 8192) == 0 && pwrite(rdwr, "user.x", 7, 4090) == 7,
	    "write");
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, rdwr, 0);
	must(p != MAP_FAILED, "mmap");
	T(setxattr("file", p + 4090, "1234", 4, 0));
	T(getxattr("file", "user.x", p, 100));
	show("the mapping", p, 8);
	T(setxattr("file", "user.big", p, 8192, 0));
	T(getxattr("file", "user.big", p, 8192));
	T(listxattr("file", p + 8, 100));
	show("the mapping", p + 8, 2);
}

static void
times(void)
{
	static const struct timespec old[2] = { { 100, 0 }, { 200, 0 } };
	struct stat before, after;
	char b[8];

	populate();
	must(utimensat(AT_FDCWD, "file", old, 0) == 0, "utimensat");
	T(stat("file", &before));
	T(setxattr("file", "user.x", "1", 1, XATTR_REPLACE));
	T(removexattr("file", "user.x"));
	T(listxattr("file", b, 8));
	T(stat("file", &after));
	note("untouched %d", memcmp(&before, &after, sizeof(before)) == 0);
	do
		must(stat("file", &after) == 0, "stat");
	while (setxattr("file", "user.x", "1", 1, 0) == 0 &&
	       after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	       after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	note("%ld %ld", (long)after.st_atim.tv_sec, (long)after.st_mtim.tv_sec);
}

/* A file's capabilities go when it is written to, cut or given away. */
static void
capabilities(void)
{
	/* Version 2, effective: CAP_NET_RAW. */
	static const char cap[20] = "\1\0\0\2\0\40";
	char b[64];

	populate();
	T(setxattr("file", "security.capability", cap, sizeof(cap), 0));
	T(getxattr("file", "security.capability", b, sizeof(b)));
	T(chmod("file", 0755));
	T(getxattr("file", "security.capability", b, sizeof(b)));
	T(write(rdwr, "x", 1));
	T(getxattr("file", "security.capability", b, sizeof(b)));
	T(setxattr("file", "security.capability", cap, sizeof(cap), 0));
	T(truncate("file", 1));
	T(getxattr("file", "security.capability", b, sizeof(b)));
	T(setxattr("file", "security.capability", cap, sizeof(cap), 0));
	T(chown("file", getuid(), 7));
	T(getxattr("file", "security.capability", b, sizeof(b)));
	T(setxattr("file", "security.capability", cap, sizeof(cap), 0));
	T(rename("file", "dir/inner"));
	T(getxattr("dir/inner", "security.capability", b, sizeof(b)));
}

struct args {
	uint64_t addr;
	uint32_t size, flags;
	uint64_t later;
};

static void
at_directories(void)
{
	static char b[64];
	struct args a = { (uintptr_t) "value", 5, 0, 0 };
	struct args g = { (uintptr_t)b, sizeof(b), 0, 0 }, bad = g;
	struct args nowhere = { (uintptr_t)NOWHERE, 5, 0, 0 };

	populate();
	S(listxattrat, dir, "inner", 0, b, 64);
	S(setxattrat, dir, "inner", 0, "user.x", &a, 16);
	S(getxattrat, dir, "inner", 0, "user.x", &g, 16);
	note("%.5s", b);
	S(listxattrat, dir, "inner", 0, b, sizeof(b));
	S(removexattrat, dir, "inner", 0, "user.x");
	S(removexattrat, dir, "inner", 0, "user.x");
	S(setxattrat, AT_FDCWD, "link", 0, "user.l", &a, 16);
	S(setxattrat, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "user.l", &a, 16);
	S(getxattrat, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "user.l", &g, 16);
	S(listxattrat, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, b, sizeof(b));
	S(setxattrat, dir, "../link", 0, "user.m", &a, 16);
	S(setxattrat, dir, "../link", AT_SYMLINK_NOFOLLOW, "user.m", &a, 16);
	S(getxattrat, dir, "../fifo", 0, "user.m", &g, 16);
	S(listxattrat, dir, "../fifo", 0, b, sizeof(b));
	S(listxattrat, dir, "../dangling", 0, b, sizeof(b));
	S(listxattrat, dir, "../dangling", AT_SYMLINK_NOFOLLOW, b, sizeof(b));
	T(chmod("dir/inner", 0200));
	S(setxattrat, dir, "inner", 0, "user.w", &a, 16);
	S(getxattrat, dir, "inner", 0, "user.w", &g, 16);
	T(chmod("dir/inner", 0));
	S(listxattrat, dir, "inner", 0, b, sizeof(b));
	listed("file");
	S(setxattrat, file, "", AT_EMPTY_PATH, "user.e", &a, 16);
	S(setxattrat, file, NULL, AT_EMPTY_PATH, "user.n", &a, 16);
	S(setxattrat, file, "", 0, "user.e", &a, 16);
	S(setxattrat, file, NULL, 0, "user.e", &a, 16);
	S(getxattrat, path, "", AT_EMPTY_PATH, "user.e", &g, 16);
	S(getxattrat, dirpath, "inner", 0, "user.w", &g, 16);
	S(listxattrat, file, "x", 0, b, sizeof(b));
	S(listxattrat, 99, "x", 0, b, sizeof(b));
	S(listxattrat, 99, "", AT_EMPTY_PATH, b, sizeof(b));
	S(listxattrat, 99, "x", 4, b, sizeof(b));
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", &a, 15);
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", &a, 24);
	a.later = 1;
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", &a, 24);
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", value, 4097);
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", NOWHERE, 16);
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", &nowhere, 16);
	a.flags = XATTR_CREATE;
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", &a, 16);
	a.flags = 8;
	S(setxattrat, AT_FDCWD, "file", 0, "user.e", &a, 16);
	bad.flags = 1;
	S(getxattrat, AT_FDCWD, "file", 0, "user.e", &bad, 16);
	g.size = 4;
	S(getxattrat, AT_FDCWD, "file", 0, "user.e", &g, 16);
	g.size = 0;
	S(getxattrat, AT_FDCWD, "file", 0, "user.e", &g, 16);
	listed("file");
}

const struct section xattr_sections[] = {
	{ "xattrs-values", values },
	{ "xattrs-sizes", sizes },
	{ "xattrs-kinds", kinds },
	{ "xattrs-allowed", allowed },
	{ "xattrs-descriptors", descriptors },
	{ "xattrs-addresses", addresses },
	{ "xattrs-mapped", mapped },
	{ "xattrs-times", times },
	{ "xattrs-capabilities", capabilities },
	{ "xattrs-at", at_directories },
	{ NULL, NULL },
};
