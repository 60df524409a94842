/* SPDX-License-Identifier: BSD-2-Clause */
/* What an open file keeps of how it was opened, and is told later. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "calls.h"

static char buf[64];

static void
populate(void)
{

	make("file", "contents\n");
	must(mkdir("dir", 0755) == 0, "mkdir");
	must(symlink("dir", "dirlink") == 0, "symlink");
	must(symlink("file", "link") == 0, "symlink");
	make("nobody", "x");
	must(chmod("nobody", 0444) == 0, "chmod");
	make("writable", "x");
	must(chmod("writable", 0200) == 0, "chmod");
}

static void
opened(const char *label, const char *path, int flags)
{
	int fd;

	fd = syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
	if (fd < 0) {
		note("%s: %s", label, strerrorname_np(errno));
		return;
	}
	note("%s: %#o", label, fcntl(fd, F_GETFL));
	must(fcntl(fd, F_SETFL, O_APPEND) == 0 || errno == EBADF, label);
	note("  then %#o", fcntl(fd, F_GETFL));
	close(fd);
}

#define O(path, flags) opened(#path " " #flags, path, flags)

static void
kept(void)
{

	populate();
	O("file", O_RDONLY);
	O("file", O_RDWR | O_NOFOLLOW);
	O("link", O_RDWR);
	O("file", O_RDWR | O_NOATIME);
	O("file", O_WRONLY | O_NOATIME | O_NOFOLLOW | O_TRUNC | O_NONBLOCK);
	O("file", O_RDWR | O_CREAT | O_NOCTTY | O_CLOEXEC);
	O("new", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
	O("dir", O_RDONLY | O_DIRECTORY);
	O("dirlink", O_RDONLY | O_DIRECTORY);
	O("dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME);
	O("dir", O_RDONLY);
	O("dir", O_TMPFILE | O_RDWR);
	O("dir", O_TMPFILE | O_WRONLY | O_EXCL | O_NOFOLLOW);
	O("file", O_PATH);
	O("file", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	O("dir", O_PATH | O_DIRECTORY);
	O("dir", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_APPEND);
	O("link", O_PATH | O_NOFOLLOW);
	O("file", O_PATH | O_NOATIME | O_RDWR);
	O("/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/* Only the owner may leave no trace of reading. */
static void
untraced(void)
{
	int fd;

	populate();
	fd = open("file", O_RDONLY);
	T(fcntl(fd, F_SETFL, O_NOATIME));
	note("%#o", fcntl(fd, F_GETFL));
	T(fcntl(fd, F_SETFL, O_NONBLOCK));
	note("%#o", fcntl(fd, F_GETFL));
	T(fcntl(fd, F_SETFL, O_DIRECTORY | O_NOFOLLOW));
	note("%#o", fcntl(fd, F_GETFL));
	if (geteuid() != 0)
		return;
	T(chmod("..", 0777));
	T(chmod(".", 0777));
	T(chmod("file", 0666));
	T(seteuid(65534));
	T(open("file", O_RDONLY | O_NOATIME));
	T(open("none", O_RDONLY | O_NOATIME));
	T(open("dir", O_RDONLY | O_NOATIME));
	T(fcntl(fd, F_SETFL, O_NOATIME));
	note("%#o", fcntl(fd, F_GETFL));
	T(open("mine", O_RDWR | O_CREAT | O_NOATIME, 0600));
	T(open("dir", O_TMPFILE | O_RDWR | O_NOATIME, 0600));
	T(open("file", O_PATH | O_NOATIME));
	T(seteuid(0));
}

/* Access mode 3: what can be had from a file that is neither read nor
 * written. */
static void
neither(void)
{
	struct flock l = { .l_type = F_RDLCK };
	struct statfs sf;
	struct stat st;
	int fd, other, n;

	populate();
	T(open("none", O_ACCMODE));
	T(open("dir", O_ACCMODE));
	T(open("nobody", O_ACCMODE));
	T(open("writable", O_ACCMODE));
	T(open("made", O_ACCMODE | O_CREAT, 0600));
	state("made");
	fd = T(open("file", O_ACCMODE | O_APPEND | O_NOFOLLOW));
	note("%#o", fcntl(fd, F_GETFL));
	T(read(fd, buf, 4));
	T(pread(fd, buf, 4, 0));
	T(write(fd, buf, 4));
	T(pwrite(fd, buf, 4, 0));
	T(readv(fd, &(struct iovec){ buf, 4 }, 1));
	T(lseek(fd, 3, SEEK_SET));
	T(ftruncate(fd, 2));
	T(fallocate(fd, 0, 0, 2));
	T(fstat(fd, &st));
	T(fstatfs(fd, &sf));
	T(fchmod(fd, 0640));
	T(fsync(fd));
	T(fcntl(fd, F_SETLK, &l));
	l.l_type = F_WRLCK;
	T(fcntl(fd, F_SETLK, &l));
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	T(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	T(ioctl(fd, FIONREAD, &n));
	other = open("file", O_RDWR);
	T(sendfile(fd, other, NULL, 2));
	T(copy_file_range(other, NULL, fd, NULL, 2, 0));
	T(fcntl(fd, F_SETFL, O_NONBLOCK));
	note("%#o", fcntl(fd, F_GETFL));
	T(open("file", O_ACCMODE | O_TRUNC));
	state("file");
	T(close(fd));
	T(open("dir", O_TMPFILE | O_ACCMODE, 0600) >= 0);
}

static void
who(int fd)
{
	struct f_owner_ex ex = { -1, -1 };

	int own = fcntl(fd, F_GETOWN);

	note("own %d sig %d", own == getpid() ? 1 : own, fcntl(fd, F_GETSIG));
	T(fcntl(fd, F_GETOWN_EX, &ex));
	note("type %d pid %d", ex.type, ex.pid == getpid() ? 1 : ex.pid);
}

static void
owned(void)
{
	struct f_owner_ex ex;
	int fd, path, twin;

	populate();
	fd = open("file", O_RDWR);
	twin = dup(fd);
	path = open("file", O_PATH);
	who(fd);
	T(fcntl(fd, F_SETOWN, getpid()) == 0);
	note("mine %d", fcntl(twin, F_GETOWN) == getpid());
	T(fcntl(fd, F_SETOWN, -getpgrp()) == 0);
	note("ours %d", fcntl(twin, F_GETOWN) == -getpgrp());
	T(fcntl(fd, F_GETOWN_EX, &ex));
	note("type %d group %d", ex.type, ex.pid == getpgrp());
	T(fcntl(fd, F_SETOWN, 0));
	who(fd);
	T(fcntl(fd, F_SETOWN, 0x3fffffff));
	T(fcntl(fd, F_SETOWN, -0x3fffffff));
	T(syscall(SYS_fcntl, fd, F_SETOWN, INT32_MIN));
	ex = (struct f_owner_ex){ F_OWNER_TID, getpid() };
	T(fcntl(fd, F_SETOWN_EX, &ex));
	who(fd);
	ex = (struct f_owner_ex){ 3, getpid() };
	T(fcntl(fd, F_SETOWN_EX, &ex));
	ex = (struct f_owner_ex){ F_OWNER_PID, 0x3fffffff };
	T(fcntl(fd, F_SETOWN_EX, &ex));
	ex = (struct f_owner_ex){ F_OWNER_PID, -5 };
	T(fcntl(fd, F_SETOWN_EX, &ex));
	ex = (struct f_owner_ex){ F_OWNER_PGRP, getpgrp() };
	T(fcntl(fd, F_SETOWN_EX, &ex));
	note("ours %d", fcntl(fd, F_GETOWN) == -getpgrp());
	T(fcntl(fd, F_SETOWN_EX, NOWHERE));
	T(fcntl(fd, F_GETOWN_EX, NOWHERE));
	T(fcntl(fd, F_SETSIG, SIGUSR1));
	T(fcntl(twin, F_GETSIG));
	T(fcntl(fd, F_SETSIG, 65));
	T(fcntl(fd, F_SETSIG, -1));
	T(fcntl(fd, F_GETSIG));
	T(fcntl(fd, F_SETSIG, 0));
	T(fcntl(fd, F_GETSIG));
	T(fcntl(open("file", O_RDONLY), F_GETOWN));
	T(fcntl(path, F_GETOWN));
	T(fcntl(path, F_SETOWN, 0));
	T(fcntl(path, F_SETSIG, 0));
	T(fcntl(open("dir", O_RDONLY), F_SETSIG, SIGUSR2));
	T(fcntl(99, F_GETSIG));
}

static void
hinted(void)
{
	uint64_t hint = 77;
	int fd, rd, path, cmd, dir;

	populate();
	fd = open("file", O_RDWR);
	rd = open("file", O_RDONLY);
	dir = open("dir", O_RDONLY);
	path = open("file", O_PATH);
	T(fcntl(fd, F_GET_RW_HINT, &hint));
	note("%lu", (unsigned long)hint);
	for (hint = 0; hint < 8; hint++)
		T(fcntl(fd, F_SET_RW_HINT, &hint));
	hint = RWH_WRITE_LIFE_LONG;
	T(fcntl(fd, F_SET_RW_HINT, &hint));
	hint = 0;
	T(fcntl(rd, F_GET_RW_HINT, &hint));
	note("%lu", (unsigned long)hint);
	T(close(fd));
	hint = 0;
	T(fcntl(open("file", O_RDONLY), F_GET_RW_HINT, &hint));
	note("%lu", (unsigned long)hint);
	hint = RWH_WRITE_LIFE_SHORT;
	T(fcntl(rd, F_SET_RW_HINT, &hint));
	T(fcntl(dir, F_SET_RW_HINT, &hint));
	T(fcntl(dir, F_GET_RW_HINT, &hint));
	T(fcntl(path, F_GET_RW_HINT, &hint));
	T(fcntl(rd, F_GET_RW_HINT, NOWHERE));
	T(fcntl(rd, F_SET_RW_HINT, NOWHERE));
	hint = 1ul << 33;
	T(fcntl(rd, F_SET_RW_HINT, &hint));
	for (cmd = F_GET_FILE_RW_HINT; cmd <= F_SET_FILE_RW_HINT; cmd++)
		T(fcntl(rd, cmd, &hint));
}

/* An O_PATH descriptor comes and goes without a lock's end. */
static void
passing(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 4 };
	int fd, path, twin;

	populate();
	fd = open("file", O_RDWR);
	T(fcntl(fd, F_SETLK, &l));
	path = open("file", O_PATH);
	twin = dup(path);
	T(close(path));
	l = (struct flock){ .l_type = F_WRLCK };
	T(fcntl(open("file", O_RDWR), F_OFD_GETLK, &l));
	note("type %d %ld+%ld", l.l_type, (long)l.l_start, (long)l.l_len);
	T(close(twin));
	l = (struct flock){ .l_type = F_WRLCK };
	T(fcntl(open("file", O_RDWR), F_OFD_GETLK, &l));
	note("type %d %ld+%ld", l.l_type, (long)l.l_start, (long)l.l_len);
	T(close(open("file", O_RDONLY)));
	l = (struct flock){ .l_type = F_WRLCK };
	T(fcntl(open("file", O_RDWR), F_OFD_GETLK, &l));
	note("type %d %ld+%ld", l.l_type, (long)l.l_start, (long)l.l_len);
}

const struct section status_sections[] = {
	{ "status-kept", kept },
	{ "status-untraced", untraced },
	{ "status-neither", neither },
	{ "status-owned", owned },
	{ "status-hinted", hinted },
	{ "status-passing", passing },
	{ NULL, NULL },
};
