/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files under the names that /proc has of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "calls.h"

static char buf[512];

static int
by(const char *directory, int fd, int flags)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%d", directory, fd);
	fd = open(name, flags, 0600);
	say(name, fd);
	return (fd);
}

/* What is said of the descriptor, without what changes from run to run. */
static void
linked(const char *what, int fd)
{
	char name[64], here[256], *p;
	long n;

	must(getcwd(here, sizeof(here)) != NULL, "getcwd");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, buf, sizeof(buf) - 1);
	if (n < 0) {
		note("%s: %s", what, strerrorname_np(errno));
		return;
	}
	buf[n] = 0;
	p = buf;
	if (strncmp(p, here, strlen(here)) == 0)
		p += strlen(here);
	if (strncmp(p, "/#", 2) == 0 || strstr(p, ":[") != NULL)
		p[2] = 0;
	note("%s: %s", what, p);
}

static void
removed(void)
{
	int fd, rd, wr, again;

	make("file", "0123456789");
	fd = open("file", O_RDWR);
	rd = open("file", O_RDONLY);
	wr = open("file", O_WRONLY);
	T(read(fd, buf, 3));
	T(unlink("file"));
	again = by("/proc/self/fd", fd, O_RDONLY);
	T(lseek(again, 0, SEEK_CUR));
	T(read(again, buf, 2));
	T(lseek(fd, 0, SEEK_CUR));
	T(write(again, "x", 1));
	note("%#o", fcntl(again, F_GETFL));
	again = by("/proc/self/fd", rd, O_RDWR | O_APPEND);
	T(write(again, "more", 4));
	T(lseek(rd, 0, SEEK_CUR));
	T(fcntl(again, F_GETFL) & O_APPEND);
	again = by("/dev/fd", wr, O_RDONLY);
	T(read(again, buf, 100));
	T(by("/proc/self/fd", fd, O_RDWR | O_CREAT | O_EXCL));
	T(by("/proc/self/fd", fd, O_RDWR | O_CREAT));
	T(by("/proc/self/fd", fd, O_RDWR | O_DIRECTORY));
	T(by("/proc/self/fd", fd, O_RDWR | O_NOFOLLOW));
	T(by("/proc/self/fd", fd, O_RDWR | O_TMPFILE));
	again = by("/proc/self/fd", fd, O_PATH);
	T(read(again, buf, 1));
	T(by("/proc/self/fd", again, O_RDONLY));
	T(fchmod(fd, 0400));
	T(by("/proc/self/fd", fd, O_RDWR));
	T(by("/proc/self/fd", rd, O_RDONLY));
	T(fchmod(fd, 0));
	T(by("/proc/self/fd", rd, O_RDONLY));
	T(fchmod(fd, 0600));
	again = by("/proc/thread-self/fd", rd, O_RDWR | O_TRUNC);
	T(pread(fd, buf, 10, 0));
	T(by("/proc/self/fd", 99, O_RDWR));
	linked("removed", fd);
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", rd);
	T(truncate(buf, 7));
	T(lseek(fd, 0, SEEK_END));
	T(chmod(buf, 0444));
	T(truncate(buf, 9) == 0 || geteuid() != 0);
	T(lseek(fd, 0, SEEK_END) == 9 || geteuid() != 0);
}

static void
unnamed(void)
{
	char name[64];
	struct stat st;
	int fd, again;

	fd = T(open(".", O_TMPFILE | O_RDWR, 0640));
	if (fd < 0)
		return;
	T(write(fd, "hello", 5));
	again = by("/proc/self/fd", fd, O_RDWR);
	T(lseek(again, 0, SEEK_CUR));
	T(read(again, buf, 10));
	T(write(again, "!", 1));
	T(lseek(fd, 0, SEEK_CUR));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", again);
	T(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	contents("named");
	T(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	T(linkat(AT_FDCWD, name, AT_FDCWD, "too", AT_SYMLINK_FOLLOW));
	T(fstat(fd, &st));
	note("links %d", (int)st.st_nlink);
	fd = T(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	T(linkat(AT_FDCWD, name, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
	fd = T(open(".", O_TMPFILE | O_WRONLY, 0));
	T(by("/proc/self/fd", fd, O_RDONLY));
	T(by("/proc/self/fd", fd, O_WRONLY));
}

/* Opened by another name than the one it has now. */
static void
moved(void)
{
	int fd, dir, again, path;

	make("file", "old");
	must(mkdir("dir", 0755) == 0 && mkdir("gone", 0755) == 0, "mkdir");
	fd = open("file", O_RDONLY);
	path = open("file", O_PATH);
	dir = open("gone", O_RDONLY);
	T(rename("file", "dir/moved"));
	make("file", "new");
	again = by("/proc/self/fd", fd, O_RDWR);
	T(write(again, "O", 1));
	contents("dir/moved");
	again = by("/proc/self/fd", path, O_RDONLY);
	T(read(again, buf, 3));
	show("read", buf, 3);
	contents("file");
	T(rmdir("gone"));
	again = by("/proc/self/fd", dir, O_RDONLY | O_DIRECTORY);
	T(by("/proc/self/fd", dir, O_RDWR));
	S(getdents64, again, buf, sizeof(buf));
	T(openat(again, "x", O_CREAT | O_RDWR, 0600));
	linked("a directory that is gone", dir);
}

static void
links(void)
{
	int fd, pipes[2];

	make("file", "x");
	must(mkdir("dir", 0755) == 0, "mkdir");
	must(symlink("file", "link") == 0, "symlink");
	must(mkfifo("fifo", 0600) == 0, "mkfifo");
	must(pipe(pipes) == 0, "pipe");
	fd = open("file", O_RDONLY);
	linked("a file", fd);
	linked("a directory", open("dir", O_RDONLY));
	linked("this directory", open(".", O_RDONLY));
	linked("by a long way", open("dir/../dir/./../file", O_RDONLY));
	linked("by a link", open("link", O_RDONLY));
	linked("of a directory", openat(open("dir", O_RDONLY), "../file", 0));
	linked("a name alone", open("file", O_PATH));
	linked("a link", open("link", O_PATH | O_NOFOLLOW));
	linked("a FIFO's name", open("fifo", O_PATH));
	linked("a pipe", pipes[0]);
	T(link("file", "another"));
	linked("with two names", fd);
	linked("by the other", open("./another", O_RDONLY));
	T(unlink("file"));
	linked("after it was removed", fd);
	make("file", "another");
	linked("with another in its place", fd);
	fd = open("dir", O_RDONLY);
	T(rename("dir", "folder"));
	linked("a directory after it was moved", fd);
	linked("closed", 99);
}

const struct section again_sections[] = {
	{ "again-removed", removed },
	{ "again-unnamed", unnamed },
	{ "again-moved", moved },
	{ "again-links", links },
	{ NULL, NULL },
};
