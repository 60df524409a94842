/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on names: link, rename, unlink, mkdir, getdents64, chdir, ... */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "calls.h"

static char longest[PATH_MAX + 2];
static char buf[65536];
static int dir, file, path, gone;

static void
populate(void)
{

	make("file", "contents\n");
	make("other", "other\n");
	must(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0 &&
		 mkdir("empty", 0755) == 0 && mkdir("gone", 0755) == 0,
	    "mkdir");
	make("dir/inner", "inner\n");
	must(symlink("file", "link") == 0 && symlink("dir", "dirlink") == 0 &&
		 symlink("none", "dangling") == 0 &&
		 symlink("loop", "loop") == 0,
	    "symlink");
	must(mkfifo("fifo", 0644) == 0, "mkfifo");
	must(mkdir("shut", 0755) == 0, "mkdir");
	make("shut/file", "x");
	must(chmod("shut", 0555) == 0, "chmod");
	memset(longest, 'x', sizeof(longest) - 1);
	dir = open("dir", O_RDONLY);
	file = open("file", O_RDONLY);
	path = open("dir", O_PATH);
	gone = open("gone", O_RDONLY);
	must(gone > 0 && rmdir("gone") == 0, "rmdir");
}

static int
by_name(const void *a, const void *b)
{

	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* Prints the names in directory, sorted, with their kinds. */
static void
list(const char *directory)
{
	char *names[64];
	struct dirent *e;
	size_t n = 0, i;
	DIR *d;

	d = opendir(directory);
	must(d != NULL, directory);
	while (n < 64 && (e = readdir(d)) != NULL)
		asprintf(&names[n++], "%s(%d)", e->d_name, e->d_type);
	closedir(d);
	qsort(names, n, sizeof(names[0]), by_name);
	for (i = 0; i < n; i++) {
		note("%s: %s", directory, names[i]);
		free(names[i]);
	}
}

static void
linking(void)
{

	populate();
	T(link("file", "hard"));
	state("hard");
	T(link("file", "hard"));
	T(link("file", "dir"));
	T(link("file", "dir/hard"));
	T(link("file", "none/hard"));
	T(link("file", "other/hard"));
	T(link("file", "new/"));
	T(link("file/", "new"));
	T(link("none", "new"));
	T(link("none", "hard"));
	T(link("dir", "new"));
	T(link("dir", "file"));
	T(link("link", "linked"));
	state("linked");
	T(link("dangling", "linked2"));
	T(link("file", "dangling"));
	T(link("fifo", "fifo2"));
	state("fifo2");
	T(link("loop/x", "new"));
	T(link("file", "loop/x"));
	T(link("file", "shut/new"));
	T(link("shut/file", "new1"));
	T(link("", "new"));
	T(link("file", ""));
	T(link(NULL, "new"));
	T(link("file", NULL));
	T(link(NOWHERE, "new"));
	T(link("file", NOWHERE));
	T(link(longest, "new"));
	T(link("file", longest));
	T(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	state("followed");
	T(linkat(AT_FDCWD, "dangling", AT_FDCWD, "f2", AT_SYMLINK_FOLLOW));
	T(linkat(AT_FDCWD, "file", AT_FDCWD, "f2", 0x8000));
	T(linkat(AT_FDCWD, "file", AT_FDCWD, "f2", AT_SYMLINK_NOFOLLOW));
	T(linkat(dir, "inner", AT_FDCWD, "f2", 0));
	T(linkat(dir, "inner", path, "f3", 0));
	T(linkat(dir, "inner", file, "f4", 0));
	T(linkat(file, "inner", dir, "f4", 0));
	T(linkat(dir, "inner", gone, "f4", 0));
	T(linkat(99, "inner", dir, "f4", 0));
	T(linkat(dir, "inner", 99, "f4", 0));
	T(linkat(file, "", AT_FDCWD, "f5", 0));
	T(linkat(dir, "", AT_FDCWD, "f6", AT_EMPTY_PATH));
	T(linkat(AT_FDCWD, "", AT_FDCWD, "f6", AT_EMPTY_PATH));
	list("dir");
}

static void
renaming(void)
{

	populate();
	T(rename("file", "file"));
	T(rename("file", "moved"));
	T(rename("file", "moved"));
	T(rename("moved", "other"));
	contents("other");
	T(rename("other", "dir"));
	T(rename("other", "empty"));
	T(rename("dir", "other"));
	T(rename("dir", "empty"));
	T(rename("empty", "dir"));
	must(mkdir("empty", 0755) == 0 && mkdir("full", 0755) == 0, "mkdir");
	make("full/x", "x");
	T(rename("empty", "full"));
	T(rename("dir", "dir/sub/x"));
	T(rename("dir", "dir/x"));
	T(rename("dir/sub", "dir"));
	T(rename("dir/sub", "."));
	T(rename(".", "x"));
	T(rename("..", "x"));
	T(rename("dir/.", "x"));
	T(rename("dir/..", "x"));
	T(rename("other", "."));
	T(rename("other", ".."));
	T(rename("other", "new/"));
	T(rename("other/", "new"));
	T(rename("empty/", "empty2/"));
	T(rename("link", "link2"));
	T(rename("link2/", "link3"));
	T(rename("dirlink", "dirlink2"));
	T(rename("dirlink2/", "dirlink3"));
	T(rename("other", "dangling"));
	T(rename("dangling", "loop"));
	contents("loop");
	T(rename("none", "x"));
	T(rename("none", "none"));
	T(rename("none/x", "x"));
	T(rename("loop", "none/x"));
	T(rename("loop", "loop/x"));
	T(rename("shut/file", "x"));
	T(rename("loop", "shut/x"));
	T(rename("", "x"));
	T(rename("loop", ""));
	T(rename(NULL, "x"));
	T(rename("loop", NULL));
	T(rename(NOWHERE, "x"));
	T(rename("loop", longest));
	T(rename(longest, "loop"));
	T(renameat(dir, "inner", path, "inner2"));
	T(renameat(dir, "inner2", file, "inner3"));
	T(renameat(99, "inner2", dir, "inner3"));
	T(renameat(dir, "inner2", gone, "x"));
	T(renameat2(dir, "inner2", dir, "x", 8));
	T(renameat2(dir, "inner2", dir, "x", 3));
	T(renameat2(dir, "inner2", dir, "inner2", RENAME_NOREPLACE));
	T(renameat2(dir, "inner2", dir, "none", RENAME_EXCHANGE));
	T(renameat2(dir, "inner2", dir, "inner2", RENAME_EXCHANGE));
	list(".");
	list("dir");
}

static void
removing(void)
{

	populate();
	T(unlink("none"));
	T(unlink("none/x"));
	T(unlink("file/x"));
	T(unlink("file/"));
	T(unlink("dir"));
	T(unlink("dir/"));
	T(unlink("."));
	T(unlink(".."));
	T(unlink(""));
	T(unlink(NULL));
	T(unlink(NOWHERE));
	T(unlink(longest));
	T(unlink("loop/x"));
	T(unlink("loop"));
	T(unlink("link/"));
	T(unlink("dirlink/"));
	T(unlink("dirlink"));
	T(unlink("shut/file"));
	T(unlink("fifo"));
	T(unlink("file"));
	T(read(file, buf, 10));
	T(unlinkat(file, "x", 0));
	T(unlinkat(99, "x", 0));
	T(unlinkat(dir, "inner", AT_REMOVEDIR));
	T(unlinkat(dir, "sub", 0));
	T(unlinkat(dir, "inner", 1));
	T(unlinkat(path, "inner", 0));
	T(unlinkat(dir, "sub", AT_REMOVEDIR));
	T(unlinkat(dir, "", AT_REMOVEDIR));
	T(unlinkat(gone, "x", 0));
	T(rmdir("none"));
	T(rmdir("other"));
	T(rmdir("link"));
	T(rmdir("."));
	T(rmdir(".."));
	T(rmdir("empty/."));
	T(rmdir("empty/.."));
	T(rmdir("shut"));
	T(rmdir(""));
	T(rmdir(NULL));
	T(rmdir("/"));
	T(rmdir("empty/"));
	must(mkdir("dir2", 0755) == 0 && symlink("dir2", "to2") == 0, "dir2");
	T(rmdir("to2"));
	T(rmdir("to2/"));
	list(".");
}

static void
making(void)
{

	populate();
	T(mkdir("file", 0755));
	T(mkdir("dir", 0755));
	T(mkdir("dangling", 0755));
	T(mkdir("loop", 0755));
	T(mkdir("none/x", 0755));
	T(mkdir("file/x", 0755));
	T(mkdir("a/", 0755));
	T(mkdir("a/.", 0755));
	T(mkdir("a/..", 0755));
	T(mkdir("b/.", 0755));
	T(mkdir(".", 0755));
	T(mkdir("/", 0755));
	T(mkdir("", 0755));
	T(mkdir(NULL, 0755));
	T(mkdir(NOWHERE, 0755));
	T(mkdir(longest, 0755));
	T(mkdir("shut/x", 0755));
	T(mkdir("c", 07777));
	state("c");
	T(mkdir("d", -1));
	state("d");
	T(mkdirat(dir, "x", 0));
	state("dir/x");
	T(mkdirat(file, "x", 0));
	T(mkdirat(gone, "x", 0));
	T(mkdirat(99, "x", 0));
	T(mknod("m1", 0600, 0));
	state("m1");
	T(mknod("m2", S_IFREG | 07777, 0));
	state("m2");
	T(mknod("m3", S_IFIFO | 0600, 0));
	state("m3");
	T(mknod("m4", S_IFSOCK | 0600, 0));
	state("m4");
	T(mknod("m5", S_IFDIR | 0600, 0));
	T(mknod("m6", S_IFLNK | 0600, 0));
	T(mknod("m7", 0170000 | 0600, 0));
	T(mknod("", 0170000 | 0600, 0));
	T(mknod("none/x", S_IFDIR | 0600, 0));
	T(mknodat(99, "m8", S_IFLNK | 0600, 0));
	T(mknod(NOWHERE, 0030000, 0));
	T(mknod("m1", S_IFREG | 0600, 0));
	T(mknod("dangling", S_IFREG | 0600, 0));
	T(mknod("x/", S_IFREG | 0600, 0));
	T(mknod("none/x", S_IFREG | 0600, 0));
	T(mknod("", S_IFREG | 0600, 0));
	T(mknod(NOWHERE, S_IFREG | 0600, 0));
	T(mknod("shut/x", S_IFREG | 0600, 0));
	T(mknodat(file, "x", S_IFREG | 0600, 0));
	T(mknodat(dir, "y", S_IFIFO | 0600, 0));
	T(open("m4", O_RDONLY));
	T(open("m4", O_RDWR | O_NONBLOCK));
	T(open("m4", O_PATH));
	list("dir");
}

static void
pointing(void)
{
	int fd;

	populate();
	T(symlink("x", "s"));
	state("s");
	T(symlink("x", "s"));
	T(symlink("x", "file"));
	T(symlink("x", "dangling"));
	T(symlink("", "s1"));
	T(symlink("x", ""));
	T(symlink("x", "s2/"));
	T(symlink("x", "none/s"));
	T(symlink("x", "file/s"));
	T(symlink("x", "shut/s"));
	T(symlink(NULL, "s3"));
	T(symlink(NOWHERE, "s3"));
	T(symlink(endless("abc"), "s3"));
	T(symlink("x", NULL));
	T(symlink(longest, "s4"));
	longest[PATH_MAX] = 0;
	T(symlink(longest, "s4"));
	longest[PATH_MAX - 1] = 0;
	T(symlink(longest, "s4"));
	T(readlink("s4", buf, sizeof(buf)));
	T(open("s4", O_RDONLY));
	snprintf(longest, sizeof(longest), "grows/%03900d", 0);
	T(symlink(longest, "grows"));
	T(open("grows", O_RDONLY));
	for (char *p = longest + 5; *p != 0 && p[1] != 0; p += 200)
		*p = '/';
	T(symlink(longest, "grow"));
	T(rename("grow", "grows"));
	T(open("grows", O_RDONLY));
	T(mkdir("grows/x", 0755));
	T(readlink("link", buf, 100));
	T(readlink("link", buf, 2));
	T(readlink("link", buf, 0));
	T(readlink("link", buf, -1));
	T(readlink("link", NOWHERE, 5));
	T(readlink("link", edge(2), 5));
	T(readlink("link", edge(4), 5));
	T(readlink("file", buf, 100));
	T(readlink("dir", buf, 100));
	T(readlink("none", buf, 100));
	T(readlink("link/", buf, 100));
	T(readlink("dirlink/", buf, 100));
	T(readlink("", buf, 100));
	T(readlink(NULL, buf, 100));
	T(readlinkat(dir, "inner", buf, 100));
	T(readlinkat(file, "x", buf, 100));
	T(readlinkat(file, "", buf, 100));
	T(readlinkat(99, "x", buf, 100));
	fd = T(open("link", O_PATH | O_NOFOLLOW));
	T(readlinkat(fd, "", buf, 100));
	show("link", buf, 4);
	T(symlinkat("y", dir, "s5"));
	T(symlinkat("y", file, "s5"));
	T(symlinkat("y", gone, "s5"));
	T(symlinkat("y", 99, "s5"));
	T(unlinkat(fd, "", 0));
	T(fchmod(fd, 0600));
	T(fchdir(fd));
	T(symlink("many/../many", "many"));
	T(open("many", O_RDONLY));
	list(".");
}

static void
chains(void)
{
	char a[16], b[16];
	int i;

	populate();
	must(symlink("file", "c0") == 0, "symlink");
	for (i = 1; i < 43; i++) {
		snprintf(a, sizeof(a), "c%d", i - 1);
		snprintf(b, sizeof(b), "c%d", i);
		must(symlink(a, b) == 0, b);
	}
	T(open("c38", O_RDONLY));
	T(open("c39", O_RDONLY));
	T(open("c40", O_RDONLY));
	T(open("c40", O_PATH | O_NOFOLLOW));
	T(open("c41", O_PATH | O_NOFOLLOW));
	T(access("c39", R_OK));
	T(access("c40", R_OK));
	T(truncate("c40", 1));
	T(chdir("c39"));
}

/* Entries are counted, as their order and size are the file system's. */
static long
entries(int fd, void *data, size_t size)
{
	struct dirent64 *e;
	long got, at, n = 0;

	got = syscall(SYS_getdents64, fd, data, size);
	if (got < 0)
		return (got);
	for (at = 0; at < got; at += e->d_reclen) {
		e = (struct dirent64 *)((char *)data + at);
		n++;
	}
	return (n);
}

static void
listing(void)
{
	char name[300];
	int fd, i, again, total, n;
	off_t at;

	populate();
	must(mkdir("many", 0755) == 0, "mkdir");
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/file-number-%d", i);
		make(name, "");
	}
	fd = open("many", O_RDONLY);
	T(entries(fd, buf, 0));
	T(entries(fd, buf, 1));
	T(entries(fd, buf, 23));
	T(entries(fd, NOWHERE, 100));
	T(entries(fd, NULL, 4096));
	T(entries(file, buf, 4096));
	T(entries(path, buf, 4096));
	T(entries(gone, buf, 4096));
	T(entries(99, buf, 4096));
	S(getdents64, fd, buf, (unsigned)-1 & 0);
	T(lseek(fd, 0, SEEK_SET));
	T(entries(fd, buf, sizeof(buf)));
	T(entries(fd, buf, sizeof(buf)));
	T(entries(fd, buf, 0));
	T(lseek(fd, 0, SEEK_SET));
	for (total = 0; (n = entries(fd, buf, 64)) > 0; total += n)
		continue;
	note("by small pieces %d", total);
	T(lseek(fd, 0, SEEK_SET));
	entries(fd, buf, 2048);
	at = lseek(fd, 0, SEEK_CUR);
	for (total = 0; (n = entries(fd, buf, 512)) > 0; total += n)
		continue;
	must(lseek(fd, at, SEEK_SET) == at, "lseek");
	for (again = 0; (n = entries(fd, buf, 1024)) > 0; again += n)
		continue;
	note("from there %d", again - total);
	T(lseek(fd, 0, SEEK_SET));
	for (total = 0; (n = entries(fd, buf, 200)) > 0; total += n) {
		struct dirent64 *e = (struct dirent64 *)buf;

		snprintf(name, sizeof(name), "many/%.255s", e->d_name);
		if (e->d_name[0] != '.')
			must(unlink(name) == 0, name);
	}
	note("while removing %d", total);
}

static void
working(void)
{
	char long_name[256];
	int i;

	populate();
	memset(long_name, 'd', 255);
	long_name[255] = 0;
	T(chdir("file"));
	T(chdir("none"));
	T(chdir(""));
	T(chdir(NULL));
	T(chdir("loop"));
	T(chdir(longest));
	T(chdir("fifo"));
	T(fchdir(file));
	T(fchdir(99));
	T(fchdir(path));
	S(getcwd, buf, 0);
	S(getcwd, buf, 1);
	S(getcwd, NOWHERE, 100);
	S(getcwd, edge(3), 100);
	S(getcwd, NULL, 0);
	T(chdir(".."));
	T(chdir("dirlink"));
	T(access("inner", F_OK));
	T(chdir(".."));
	T(mkdir("noentry", 0));
	T(chdir("noentry"));
	T(fchdir(gone));
	S(getcwd, buf, 4096);
	T(access(".", F_OK));
	T(access("..", F_OK));
	T(mkdir("x", 0755));
	T(open("x", O_CREAT | O_RDWR, 0644));
	T(chdir(".."));
	T(chdir("."));
	T(fchdir(dir));
	for (i = 0; i < 20; i++)
		if (mkdir(long_name, 0755) != 0 || chdir(long_name) != 0)
			break;
	note("levels %d: %s", i, strerrorname_np(errno));
	S(getcwd, buf, 4096);
	T(access("../..", F_OK));
	make("deep", "deep");
	contents("deep");
	T(unlink("deep"));
	for (; i > 0; i--)
		if (chdir("..") != 0 || rmdir(long_name) != 0)
			break;
	note("left %d", i);
	T(syscall(SYS_getcwd, buf, 4096) > 0);
}

/* With both its counters of links and of bytes. */
static void
times_and_links(void)
{
	struct stat before, after;

	populate();
	stat("dir", &before);
	must(mkdir("dir/more", 0755) == 0, "mkdir");
	stat("dir", &after);
	note("links of a directory %+ld",
	    (long)after.st_nlink - (long)before.st_nlink);
	T(rename("dir/more", "empty/more"));
	stat("dir", &after);
	note("after its move %+ld",
	    (long)after.st_nlink - (long)before.st_nlink);
	T(link("file", "dir/file"));
	T(rename("file", "dir/file"));
	state("file");
	T(unlink("dir/file"));
	state("file");
	fstat(file, &after);
	note("still open: %lu", (unsigned long)after.st_nlink);
	T(unlink("file"));
	fstat(file, &after);
	note("and removed: %lu", (unsigned long)after.st_nlink);
	fstat(gone, &after);
	note("a removed directory: %lu", (unsigned long)after.st_nlink);
	T(linkat(
	    AT_FDCWD, "/proc/self/fd/4", AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
}

const struct section name_sections[] = {
	{ "names-linking", linking },
	{ "names-renaming", renaming },
	{ "names-removing", removing },
	{ "names-making", making },
	{ "names-pointing", pointing },
	{ "names-chains", chains },
	{ "names-listing", listing },
	{ "names-working", working },
	{ "names-links", times_and_links },
	{ NULL, NULL },
};
