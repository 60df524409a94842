/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on attributes: stat, statx, chmod, chown, utimensat, access, ... */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <utime.h>

#include "calls.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static char longest[PATH_MAX + 2];
static int dir, file, rdwr, path, linkfd, pipes[2];

static void
populate(void)
{

	make("file", "contents\n");
	must(mkdir("dir", 0755) == 0, "mkdir");
	make("dir/inner", "inner\n");
	must(symlink("file", "link") == 0 && symlink("none", "dangling") == 0 &&
		 symlink("loop", "loop") == 0,
	    "symlink");
	memset(longest, 'x', sizeof(longest) - 1);
	dir = open("dir", O_RDONLY);
	file = open("file", O_RDONLY);
	rdwr = open("file", O_RDWR);
	path = open("file", O_PATH);
	linkfd = open("link", O_PATH | O_NOFOLLOW);
	must(linkfd > 0 && pipe(pipes) == 0, "pipe");
}

static void
looking(void)
{
	struct stat st;

	populate();
	T(stat("file", &st));
	T(stat("file", NOWHERE));
	T(stat("file", NULL));
	T(stat("file", edge(sizeof(st) - 8)));
	T(stat("none", NOWHERE));
	T(stat("", &st));
	T(stat(NULL, &st));
	T(stat("file/", &st));
	T(stat("dangling", &st));
	T(lstat("dangling", &st));
	T(lstat("dangling/", &st));
	T(stat("loop", &st));
	T(lstat("loop", &st));
	T(stat(longest, &st));
	T(fstat(file, NOWHERE));
	T(fstat(99, NOWHERE));
	T(fstat(path, &st));
	T(fstat(linkfd, &st));
	note("a link: %o %ld", st.st_mode, st.st_size);
	T(fstatat(dir, "inner", &st, 0));
	T(fstatat(file, "inner", &st, 0));
	T(fstatat(file, "", &st, 0));
	T(fstatat(file, "", &st, AT_EMPTY_PATH));
	T(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	T(fstatat(99, "", &st, AT_EMPTY_PATH));
	T(fstatat(-1, "", &st, AT_EMPTY_PATH));
	T(fstatat(dir, "inner", &st, 0x80));
	T(fstatat(dir, "inner", &st, AT_NO_AUTOMOUNT));
	T(fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_FOLLOW));
	S(newfstatat, file, NULL, &st, 0);
}

static void
extended(void)
{
	struct statx sx;
	unsigned mask;

	populate();
	for (mask = 1; mask <= 0x2000; mask <<= 1) {
		memset(&sx, 0, sizeof(sx));
		note("%#x: %ld, %#x", mask,
		    syscall(SYS_statx, AT_FDCWD, "file", 0, mask, &sx),
		    sx.stx_mask & STATX_BASIC_STATS & mask);
	}
	memset(&sx, 0, sizeof(sx));
	S(statx, AT_FDCWD, "file", 0, 0, &sx);
	S(statx, AT_FDCWD, "file", 0, 0x7fffffff, &sx);
	note("%o %u %lld %u:%u", sx.stx_mode, sx.stx_nlink,
	    (long long)sx.stx_size, sx.stx_uid, sx.stx_gid);
	S(statx, AT_FDCWD, "file", 0, 0x80000000, &sx);
	S(statx, AT_FDCWD, "file", AT_STATX_FORCE_SYNC, 0x7ff, &sx);
	S(statx, AT_FDCWD, "file", AT_STATX_DONT_SYNC, 0x7ff, &sx);
	S(statx, AT_FDCWD, "file", AT_STATX_SYNC_TYPE, 0x7ff, &sx);
	S(statx, AT_FDCWD, "file", 0x80, 0x7ff, &sx);
	S(statx, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, 0x7ff, &sx);
	note("%o", sx.stx_mode);
	S(statx, file, "", 0, 0x7ff, &sx);
	S(statx, file, "", AT_EMPTY_PATH, 0x7ff, &sx);
	S(statx, file, NULL, 0, 0x7ff, &sx);
	S(statx, 99, "", AT_EMPTY_PATH, 0x7ff, &sx);
	S(statx, file, "x", 0, 0x7ff, &sx);
	S(statx, AT_FDCWD, "file", 0, 0x7ff, NOWHERE);
	S(statx, AT_FDCWD, "file", 0, 0x7ff, edge(100));
	S(statx, AT_FDCWD, "none", 0, 0x7ff, &sx);
}

static void
accessing(void)
{
	int mode;

	populate();
	for (mode = 0; mode <= 0777; mode += 0111) {
		must(chmod("file", mode) == 0, "chmod");
		note("mode %o: r %d w %d x %d", mode, access("file", R_OK),
		    access("file", W_OK), access("file", X_OK));
	}
	T(access("file", F_OK));
	T(access("file", 8));
	T(access("file", -1));
	T(access("dir", X_OK | R_OK | W_OK));
	T(access("none", F_OK));
	T(access("none", 8));
	T(access("dangling", F_OK));
	T(access("loop", F_OK));
	T(access("file/", F_OK));
	T(access("", F_OK));
	T(access(NULL, F_OK));
	T(access(NOWHERE, F_OK));
	T(access(longest, F_OK));
	T(chmod("dir", 0644));
	T(access("dir/inner", F_OK));
	T(chmod("dir", 0755));
	S(faccessat, dir, "inner", R_OK);
	S(faccessat2, dir, "inner", R_OK, 0);
	S(faccessat2, dir, "inner", R_OK, AT_EACCESS);
	S(faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW);
	S(faccessat2, file, "", R_OK, AT_EMPTY_PATH);
	S(faccessat2, file, "", R_OK, 0);
	S(faccessat2, path, "", R_OK, AT_EMPTY_PATH);
	S(faccessat2, 99, "", R_OK, AT_EMPTY_PATH);
	S(faccessat2, dir, "inner", R_OK, 0x80);
	S(faccessat2, file, "x", R_OK, 0);
	S(faccessat2, 99, "x", R_OK, 0);
}

static void
modes(void)
{

	populate();
	T(chmod("file", 07777));
	state("file");
	T(chmod("file", -1));
	state("file");
	T(chmod("file", 0100000));
	state("file");
	T(chmod("link", 0640));
	state("file");
	T(chmod("dangling", 0640));
	T(chmod("loop", 0640));
	T(chmod("none", 0640));
	T(chmod("file/", 0640));
	T(chmod("", 0640));
	T(chmod(NULL, 0640));
	T(chmod(NOWHERE, 0640));
	T(chmod(longest, 0640));
	T(chmod("/", 0755));
	T(fchmod(file, 0604));
	T(fchmod(path, 0604));
	T(fchmod(linkfd, 0604));
	T(fchmod(99, 0604));
	T(fchmod(dir, 01777));
	state("dir");
	S(fchmodat, dir, "inner", 0600);
	S(fchmodat, file, "inner", 0600);
	S(fchmodat, 99, "inner", 0600);
	S(fchmodat, dir, "", 0600);
	S(fchmodat2, dir, "inner", 0611, 0);
	S(fchmodat2, dir, "inner", 0611, 0x80);
	S(fchmodat2, AT_FDCWD, "link", 0611, AT_SYMLINK_NOFOLLOW);
	S(fchmodat2, file, "", 0611, AT_EMPTY_PATH);
	S(fchmodat2, path, "", 0612, AT_EMPTY_PATH);
	S(fchmodat2, 99, "", 0612, AT_EMPTY_PATH);
	state("file");
	state("link");
	T(umask(0777));
	T(umask(-1));
	T(umask(0));
}

static void
owners(void)
{
	uid_t u = getuid();
	gid_t g = getgid();

	populate();
	T(chown("file", -1, -1));
	T(chown("file", u, g));
	T(chown("file", u, -1));
	T(chown("file", -1, g));
	T(chown("file", 1234, -1));
	T(chown("file", -1, 1234));
	state("file");
	T(chmod("file", 06755));
	T(chown("file", u, g));
	state("file");
	T(chmod("file", 06745));
	T(chown("file", u, -1));
	state("file");
	T(chmod("file", 06755));
	T(chown("file", -1, -1));
	state("file");
	T(chmod("dir", 06755));
	T(chown("dir", u, g));
	state("dir");
	T(chown("link", u, g));
	T(lchown("link", u, g));
	T(lchown("link", 1234, 1234));
	state("link");
	T(lchown("dangling", u, g));
	T(chown("dangling", u, g));
	T(chown("none", u, g));
	T(chown("loop", u, g));
	T(chown("", u, g));
	T(chown(NULL, u, g));
	T(chown(NOWHERE, u, g));
	T(chown(longest, u, g));
	T(chown("file/", u, g));
	T(fchown(file, u, g));
	T(fchown(path, u, g));
	T(fchown(linkfd, u, g));
	T(fchown(99, u, g));
	T(fchownat(dir, "inner", u, g, 0));
	T(fchownat(dir, "", u, g, 0));
	T(fchownat(dir, "", u, g, AT_EMPTY_PATH));
	T(fchownat(path, "", u, g, AT_EMPTY_PATH));
	T(fchownat(linkfd, "", u, g, AT_EMPTY_PATH));
	T(fchownat(dir, "inner", u, g, 0x80));
	T(fchownat(AT_FDCWD, "dangling", u, g, AT_SYMLINK_NOFOLLOW));
	T(fchownat(file, "x", u, g, 0));
	T(fchownat(99, "x", u, g, 0));
	state("dir");
}

static void
stamps(const char *name)
{
	struct stat st;

	must(lstat(name, &st) == 0, name);
	note("%s: %ld.%09ld %ld.%09ld", name, st.st_atim.tv_sec,
	    st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

#define TWO(a, b, c, d) ((struct timespec[]){ { a, b }, { c, d } })

static void
times(void)
{
	const struct timeval odd[2] = { { 3, 1000000 }, { 4, 5 } };
	const struct timeval tv[2] = { { 3, 999999 }, { 4, 5 } };
	const struct utimbuf ub = { 7, 8 };

	populate();
	T(utimensat(AT_FDCWD, "file", TWO(1, 2, 3, 4), 0));
	stamps("file");
	T(utimensat(AT_FDCWD, "file", TWO(0, UTIME_OMIT, 5, 6), 0));
	stamps("file");
	T(utimensat(AT_FDCWD, "none", TWO(0, UTIME_OMIT, 0, UTIME_OMIT), 0));
	T(utimensat(99, "none", TWO(0, UTIME_OMIT, 0, UTIME_OMIT), 0));
	T(utimensat(AT_FDCWD, "file", TWO(0, UTIME_NOW, 0, 1), 0));
	T(utimensat(AT_FDCWD, "file", TWO(0, 1000000000, 0, 1), 0));
	T(utimensat(AT_FDCWD, "file", TWO(0, -1, 0, 1), 0));
	T(utimensat(AT_FDCWD, "file", TWO(-5, 0, -6, 999999999), 0));
	stamps("file");
	T(utimensat(AT_FDCWD, "file", TWO(1L << 32, 0, 1L << 33, 9), 0));
	stamps("file");
	T(utimensat(AT_FDCWD, "file", NOWHERE, 0));
	T(utimensat(AT_FDCWD, "file", edge(16), 0));
	T(utimensat(AT_FDCWD, "file", NULL, 0));
	T(utimensat(AT_FDCWD, "file", TWO(1, 2, 3, 4), 0x80));
	T(utimensat(AT_FDCWD, "link", TWO(1, 2, 3, 4), AT_SYMLINK_NOFOLLOW));
	stamps("link");
	T(utimensat(AT_FDCWD, "dangling", TWO(1, 2, 3, 4), 0));
	T(utimensat(dir, "inner", TWO(1, 2, 3, 4), 0));
	T(utimensat(file, "inner", TWO(1, 2, 3, 4), 0));
	T(utimensat(dir, "", TWO(1, 2, 3, 4), 0));
	T(utimensat(dir, "", TWO(1, 2, 3, 4), AT_EMPTY_PATH));
	S(utimensat, file, NULL, TWO(11, 12, 13, 14), 0);
	stamps("file");
	S(utimensat, path, NULL, TWO(11, 12, 13, 14), 0);
	S(utimensat, 99, NULL, TWO(11, 12, 13, 14), 0);
	S(utimensat, file, NULL, TWO(1, 2, 3, 4), AT_SYMLINK_NOFOLLOW);
	S(utimensat, AT_FDCWD, NULL, TWO(1, 2, 3, 4), 0);
	S(utimes, "file", tv);
	stamps("file");
	S(utimes, "file", odd);
	S(utimes, "file", NOWHERE);
	S(utimes, "file", NULL);
	S(futimesat, dir, "inner", tv);
	S(futimesat, file, NULL, tv);
	S(futimesat, dir, NULL, odd);
	S(utime, "file", &ub);
	stamps("file");
	S(utime, "file", NULL);
	S(utime, "none", &ub);
	S(utime, "file", NOWHERE);
	T(chmod("file", 0444));
	S(utime, "file", NULL);
	S(utime, "file", &ub);
	S(utime, "/", NULL);
	S(utime, "/", &ub);
}

static void
file_systems(void)
{
	struct statfs sf;

	populate();
	T(statfs("file", &sf));
	note("%#lx, names %ld, block %d", (long)sf.f_type, (long)sf.f_namelen,
	    sf.f_bsize == sf.f_frsize);
	T(statfs("none", &sf));
	T(statfs("", &sf));
	T(statfs("file/", &sf));
	T(statfs("loop", &sf));
	T(statfs("file", NOWHERE));
	T(statfs(NULL, &sf));
	T(fstatfs(file, &sf));
	T(fstatfs(path, &sf));
	T(fstatfs(linkfd, &sf));
	T(fstatfs(99, &sf));
	T(fstatfs(file, NOWHERE));
	T(pathconf("file", _PC_NAME_MAX));
	T(pathconf("file", _PC_LINK_MAX) > 0);
	T(fpathconf(file, _PC_PIPE_BUF));
	T(fpathconf(file, _PC_2_SYMLINKS));
}

static void
controls(void)
{
	int value = 0;

	populate();
	T(ioctl(file, FIONREAD, &value));
	note("%d", value);
	T(ioctl(file, FIONREAD, NOWHERE));
	T(lseek(file, 4, SEEK_SET));
	T(ioctl(file, FIONREAD, &value));
	note("%d", value);
	T(ioctl(dir, FIONREAD, &value));
	T(ioctl(file, FIOCLEX, 0));
	T(fcntl(file, F_GETFD));
	T(ioctl(file, FIONCLEX, 0));
	T(fcntl(file, F_GETFD));
	value = 1;
	T(ioctl(file, FIONBIO, &value));
	T(fcntl(file, F_GETFL));
	T(ioctl(file, FIONBIO, NOWHERE));
	T(ioctl(file, FIOQSIZE, edge(8)));
	T(ioctl(file, FIGETBSZ, &value));
	note("%d", value);
	T(ioctl(file, FIGETBSZ, NOWHERE));
	T(ioctl(path, FIONREAD, &value));
	T(ioctl(path, FIOCLEX, 0));
	T(ioctl(99, FIOCLEX, 0));
	T(ioctl(99, 0x12345, 0));
	T(ioctl(file, 0x12345, 0));
	T(ioctl(file, 0x5401, edge(100)));
	T(ioctl(file, 0x5413, edge(8)));
	T(isatty(file));
}

static void
shown(const char *what, int fd)
{
	struct stat st, raw, by;

	must(syscall(SYS_fstat, fd, &raw) == 0, what);
	must(fstat(fd, &st) == 0, what);
	note("%s: mode %o links %d owner %u:%u, times %ld %ld", what,
	    raw.st_mode, (int)raw.st_nlink, raw.st_uid, raw.st_gid,
	    raw.st_atime < 5000 ? raw.st_atime : 5000,
	    raw.st_mtime < 5000 ? raw.st_mtime : 5000);
	note("the same %d", st.st_ino == raw.st_ino &&
				st.st_mode == raw.st_mode &&
				st.st_mtime == raw.st_mtime);
	if (stat("fifo", &by) == 0)
		note("by name %d", by.st_ino == raw.st_ino &&
				       by.st_dev == raw.st_dev &&
				       by.st_mode == raw.st_mode);
}

/* What is open is the host's own, what is shown is the node's. */
static void
of_a_fifo(void)
{
	struct timespec times[2] = { { 1000, 0 }, { 2000, 0 } };
	struct statx stx;
	int fd, twin;

	must(mkfifo("fifo", 0640) == 0, "mkfifo");
	fd = T(open("fifo", O_RDWR | O_NONBLOCK));
	twin = dup(fd);
	shown("at first", fd);
	T(fchmod(fd, 0604));
	shown("with another mode", twin);
	state("fifo");
	T(chmod("fifo", 0600));
	shown("by name", fd);
	T(futimens(fd, times));
	shown("with other times", fd);
	T(fchown(fd, -1, getegid()));
	T(fchown(fd, 12, 13));
	T(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &stx));
	note("%o %u:%u %u", stx.stx_mode, stx.stx_uid, stx.stx_gid,
	    stx.stx_nlink);
	must(link("fifo", "another") == 0, "link");
	shown("with two names", fd);
	T(fchmod(fd, 0444));
	T(futimens(twin, NULL));
	T(write(fd, "x", 1));
	T(fcntl(fd, F_GETFL));
	T(unlink("another"));
	T(unlink("fifo"));
	T(S(fstat, fd, &stx));
	fd = open("/dev/null", O_RDWR);
	T(fchmod(99, 0600));
	T(fchown(99, 1, 1));
}

const struct section attribute_sections[] = {
	{ "attributes-looking", looking },
	{ "attributes-extended", extended },
	{ "attributes-access", accessing },
	{ "attributes-modes", modes },
	{ "attributes-owners", owners },
	{ "attributes-times", times },
	{ "attributes-statfs", file_systems },
	{ "attributes-ioctl", controls },
	{ "attributes-fifo", of_a_fifo },
	{ NULL, NULL },
};
