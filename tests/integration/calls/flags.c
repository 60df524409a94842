/* SPDX-License-Identifier: BSD-2-Clause */
/* The flags of chattr(1), and what they forbid to root and to others. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "calls.h"

#define SHOWN (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP)

static int file, dir, rdwr, append;

/* What mmap(2) says; where the file is does not matter. */
static void
mapped(int fd, int prot, int flags)
{
	void *p;

	errno = 0;
	p = mmap(NULL, 4096, prot, flags, fd, 0);
	note("mmap %d %d = %s", prot, flags,
	    p == MAP_FAILED ? strerrorname_np(errno) : "there");
	if (p != MAP_FAILED)
		munmap(p, 4096);
}

static void
populate(void)
{

	make("file", "contents\n");
	make("other", "other\n");
	must(mkdir("dir", 0755) == 0, "mkdir");
	make("dir/inner", "inner\n");
	file = open("file", O_RDONLY);
	rdwr = open("file", O_RDWR);
	append = open("file", O_WRONLY | O_APPEND);
	dir = open("dir", O_RDONLY);
	must(dir > 0, "open");
}

static void
flags(const char *what, int fd)
{
	struct fsxattr fx = { 0 };
	struct statx sx = { 0 };
	int value = -1;

	T(ioctl(fd, FS_IOC_GETFLAGS, &value));
	T(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
	T(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx));
	note("%s: %#x %#x %#x", what, value, fx.fsx_xflags,
	    (int)sx.stx_attributes & SHOWN);
}

static long
set(int fd, int value)
{

	return (ioctl(fd, FS_IOC_SETFLAGS, &value));
}

static void
attempts(void)
{
	T(open("file", O_WRONLY) < 0 ? -1 : 0);
	T(open("file", O_WRONLY | O_APPEND) < 0 ? -1 : 0);
	T(open("file", O_RDWR | O_TRUNC | O_APPEND) < 0 ? -1 : 0);
	T(access("file", W_OK));
	T(write(append, "x", 1));
	T(truncate("file", 1));
	T(truncate("file", 100));
	T(ftruncate(append, 3));
	T(fallocate(append, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1));
	T(fallocate(append, 0, 0, 50));
	mapped(rdwr, PROT_READ | PROT_WRITE, MAP_SHARED);
	mapped(rdwr, PROT_READ, MAP_SHARED);
	mapped(rdwr, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	mapped(append, PROT_READ, MAP_SHARED);
	T(chmod("file", 0600));
	T(chown("file", getuid(), getgid()));
	T(utimensat(AT_FDCWD, "file", NULL, 0));
	T(utimensat(
	    AT_FDCWD, "file", (struct timespec[2]){ { 1, 2 }, { 3, 4 } }, 0));
	T(setxattr("file", "user.x", "1", 1, 0));
	T(removexattr("file", "user.x"));
	T(link("file", "linked"));
	T(rename("file", "moved"));
	T(rename("other", "file"));
	T(renameat2(AT_FDCWD, "file", AT_FDCWD, "other", RENAME_EXCHANGE));
	T(unlink("file"));
	state("file");
}

static void
attempts_in(void)
{
	T(open("dir/new", O_CREAT | O_EXCL | O_WRONLY, 0600) < 0 ? -1 : 0);
	T(mkdir("dir/made", 0755));
	T(link("other", "dir/linked"));
	T(rename("other", "dir/other"));
	T(rename("dir/inner", "dir/moved"));
	T(rename("dir/inner", "out"));
	T(unlink("dir/inner"));
	T(rmdir("dir/made"));
	T(chmod("dir", 0700));
	T(rename("dir", "elsewhere"));
	T(rename("elsewhere", "dir"));
	T(rmdir("dir"));
	T(open("dir/inner", O_WRONLY) < 0 ? -1 : 0);
	T(setxattr("dir", "user.x", "1", 1, 0));
}

static void
immutable(void)
{

	populate();
	flags("file", file);
	T(set(file, FS_IMMUTABLE_FL));
	flags("file", file);
	attempts();
	T(set(file, 0));
	attempts();
}

static void
growing(void)
{

	populate();
	T(set(file, FS_APPEND_FL));
	flags("file", file);
	attempts();
	T(set(file, FS_APPEND_FL | FS_NODUMP_FL));
	flags("file", file);
	T(set(file, 0));
	attempts();
}

static void
directories(void)
{

	populate();
	T(set(dir, FS_IMMUTABLE_FL));
	attempts_in();
	T(set(dir, FS_APPEND_FL));
	attempts_in();
	T(set(dir, 0));
	attempts_in();
}

static void
requests(void)
{
	struct fsxattr fx = { 0 };
	int value = 0, fd;

	populate();
	T(ioctl(file, FS_IOC_GETFLAGS, NOWHERE));
	T(ioctl(file, FS_IOC_SETFLAGS, NOWHERE));
	T(ioctl(file, FS_IOC_FSGETXATTR, NOWHERE));
	T(ioctl(file, FS_IOC_FSSETXATTR, NOWHERE));
	T(set(file, FS_SYNC_FL));
	T(set(file, -1) < 0 && errno != 0 ? 0 : 1);
	fx.fsx_xflags = FS_XFLAG_NODUMP;
	T(ioctl(rdwr, FS_IOC_FSSETXATTR, &fx));
	flags("file", rdwr);
	fx.fsx_projid = 3;
	T(ioctl(rdwr, FS_IOC_FSSETXATTR, &fx));
	T(set(dir, FS_NODUMP_FL));
	flags("dir", dir);
	fd = open("dir/heir", O_CREAT | O_RDWR, 0600);
	flags("heir", fd);
	must(mkdir("dir/sub", 0755) == 0, "mkdir");
	flags("sub", open("dir/sub", O_RDONLY));
	fd = open("file", O_PATH);
	T(ioctl(fd, FS_IOC_GETFLAGS, &value));
	T(ioctl(file, FIBMAP, &value));
	T(ioctl(dir, FIBMAP, &value));
	T(ioctl(file, FIFREEZE, 0));
	T(ioctl(file, FITHAW, 0));
	T(ioctl(file, FICLONE, rdwr));
	T(ioctl(rdwr, FICLONE, file));
	T(ioctl(rdwr, FICLONE, 99));
	T(ioctl(dir, FICLONE, file));
	T(ioctl(file, FS_IOC_GETVERSION, &value));
	T(ioctl(file, FS_IOC_GETFSLABEL, &value));
}

const struct section flag_sections[] = {
	{ "flags-immutable", immutable },
	{ "flags-growing", growing },
	{ "flags-directories", directories },
	{ "flags-requests", requests },
	{ NULL, NULL },
};
