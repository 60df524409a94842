/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host half of the page cache and of FIFOs.  Everything goes through the table
 * of host calls; nothing here allocates or locks.
 */
#include "vfs/user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

static int
result(long r)
{
	return r < 0 ? rumpuser_component_errtrans((int)-r) : 0;
}

/*
 * Growing a file beyond RLIMIT_FSIZE is an error and a signal, even for one
 * that is all holes: use the hard limit for a moment, and no more than it.
 */
static long
grow(int fd, off_t size)
{
	struct rlimit old, wide;
	long r;

	r = rumpuser_host_syscall(
	    SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &old, 0, 0);
	if (r < 0 || old.rlim_cur >= (rlim_t)size)
		return rumpuser_host_syscall(
		    SYS_ftruncate, fd, size, 0, 0, 0, 0);
	if (old.rlim_max < (rlim_t)size)
		return -EFBIG;
	wide = old;
	wide.rlim_cur = wide.rlim_max;
	r = rumpuser_host_syscall(
	    SYS_prlimit64, 0, RLIMIT_FSIZE, &wide, NULL, 0, 0);
	if (r < 0)
		return r;
	r = rumpuser_host_syscall(SYS_ftruncate, fd, size, 0, 0, 0, 0);
	(void)rumpuser_host_syscall(
	    SYS_prlimit64, 0, RLIMIT_FSIZE, &old, NULL, 0, 0);
	return r;
}

int
rumpcomp_vfs_memfd(off_t size, int *hostfd)
{
	long fd, r;

	fd = rumpuser_host_syscall(
	    SYS_memfd_create, "rumpkit", MFD_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return result(fd);
	r = grow((int)fd, size);
	if (r < 0) {
		(void)rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
		return result(r);
	}
	fd = rumpuser_hostops.ho_fd_hide((int)fd);
	if (fd < 0)
		return result(fd);
	*hostfd = (int)fd;
	return 0;
}

int
rumpcomp_vfs_map(int hostfd, off_t off, size_t len, void **addr)
{
	long r;

	r = rumpuser_host_syscall(SYS_mmap, NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED, hostfd, off);
	if (r < 0 && r >= -4095)
		return result(r);
	/* A cache is of no use in a core dump. */
	(void)rumpuser_host_syscall(
	    SYS_madvise, r, len, MADV_DONTDUMP, 0, 0, 0);
	*addr = (void *)r;
	return 0;
}

void
rumpcomp_vfs_populate(void *addr, size_t len)
{
	(void)rumpuser_host_syscall(
	    SYS_madvise, addr, len, MADV_POPULATE_WRITE, 0, 0, 0);
}

void
rumpcomp_vfs_unmap(void *addr, size_t len)
{
	(void)rumpuser_host_syscall(SYS_munmap, addr, len, 0, 0, 0, 0);
}

void
rumpcomp_vfs_punch(int hostfd, off_t off, off_t len)
{
	(void)rumpuser_host_syscall(SYS_fallocate, hostfd,
	    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len, 0, 0);
}

/* A name in dir that nobody can guess, in path. */
static long
fifo_name(const char *dir, char *path, size_t size)
{
	static const char prefix[] = "/rumpkit-", digits[] = "0123456789abcdef";
	unsigned char random[8];
	size_t n = 0;
	long r;

	r = rumpuser_host_syscall(
	    SYS_getrandom, random, sizeof(random), 0, 0, 0, 0);
	if (r != (long)sizeof(random))
		return r < 0 ? r : -EIO;
	for (size_t i = 0; dir[i] != '\0' && n < size - 1; i++)
		path[n++] = dir[i];
	for (size_t i = 0; prefix[i] != '\0' && n < size - 1; i++)
		path[n++] = prefix[i];
	for (size_t i = 0; i < 2 * sizeof(random) && n < size - 1; i++)
		path[n++] = digits[random[i / 2] >> i % 2 * 4 & 0xf];
	path[n] = '\0';
	return 0;
}

/* The descriptor, or -errno. */
static long
fifo_in(const char *dir)
{
	char path[64];
	long fd, r;

	r = fifo_name(dir, path, sizeof(path));
	if (r == 0)
		r = rumpuser_host_syscall(
		    SYS_mknod, path, S_IFIFO | 0600, 0, 0, 0, 0);
	if (r < 0)
		return r;
	fd = rumpuser_host_syscall(
	    SYS_open, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0, 0);
	/* Whatever the umask; and who has the descriptor may open it. */
	r = rumpuser_host_syscall(SYS_chmod, path, 0666, 0, 0, 0, 0);
	(void)rumpuser_host_syscall(SYS_unlink, path, 0, 0, 0, 0, 0);
	if (fd >= 0 && r < 0) {
		(void)rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
		return r;
	}
	return fd;
}

int
rumpcomp_vfs_fifo(int *hostfd)
{
	static const char *const dirs[] = { "/dev/shm", "/tmp", "/var/tmp" };
	long fd = -ENOENT;

	for (size_t i = 0; fd < 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		fd = fifo_in(dirs[i]);
	if (fd >= 0)
		fd = rumpuser_hostops.ho_fd_hide((int)fd);
	if (fd < 0)
		return result(fd);
	*hostfd = (int)fd;
	return 0;
}

void
rumpcomp_vfs_close(int hostfd)
{
	rumpuser_hostops.ho_fd_unhide(hostfd);
	(void)rumpuser_host_syscall(SYS_close, hostfd, 0, 0, 0, 0, 0);
}

uint64_t
rumpcomp_vfs_memory(void)
{
	struct sysinfo si;

	if (rumpuser_host_syscall(SYS_sysinfo, &si, 0, 0, 0, 0, 0) < 0)
		return 0;
	return (uint64_t)si.totalram * si.mem_unit;
}
