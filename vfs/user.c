/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host half of the page cache and of FIFOs.  Everything goes through the table
 * of host calls; nothing here allocates or locks.
 */
#include "vfs/user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>

#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

static int
result(long r)
{
	return r < 0 ? rumpuser_component_errtrans((int)-r) : 0;
}

/*
 * Growing a file beyond RLIMIT_FSIZE is an error and a signal, even for one
 * that is all holes: have a limit of just that for a moment.  No more than the
 * hard one, but for who may raise it.
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
	wide = old;
	if (wide.rlim_max < (rlim_t)size)
		wide.rlim_max = (rlim_t)size;
	wide.rlim_cur = wide.rlim_max;
	r = rumpuser_host_syscall(
	    SYS_prlimit64, 0, RLIMIT_FSIZE, &wide, NULL, 0, 0);
	if (r < 0)
		return r == -EPERM ? -EFBIG : r;
	r = rumpuser_host_syscall(SYS_ftruncate, fd, size, 0, 0, 0, 0);
	(void)rumpuser_host_syscall(
	    SYS_prlimit64, 0, RLIMIT_FSIZE, &old, NULL, 0, 0);
	return r;
}

int
rumpcomp_vfs_memfd(off_t size, int *hostfd)
{
	long fd, r;

	fd = rumpuser_host_syscall(SYS_memfd_create, "rumpkit",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0, 0);
	if (fd < 0)
		return result(fd);
	r = rumpuser_host_syscall(SYS_fchmod, fd, 0600, 0, 0, 0, 0);
	if (r >= 0)
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
rumpcomp_vfs_seal(int hostfd)
{
	const long bad = F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	long r = rumpuser_host_syscall(SYS_fcntl, hostfd, F_ADD_SEALS,
	    F_SEAL_SHRINK | F_SEAL_SEAL, 0, 0, 0);

	if (r >= 0)
		r = rumpuser_host_syscall(
		    SYS_fcntl, hostfd, F_GET_SEALS, 0, 0, 0, 0);
	return result(r >= 0 && (r & bad) != 0 ? -EPERM : r < 0 ? r : 0);
}

int
rumpcomp_vfs_resize(int hostfd, off_t size)
{
	return result(grow(hostfd, size));
}

static int
map(void *where, size_t len, int flags, int hostfd, off_t off, void **addr)
{
	long r;

	r = rumpuser_host_syscall(
	    SYS_mmap, where, len, PROT_READ | PROT_WRITE, flags, hostfd, off);
	if (r < 0 && r >= -4095)
		return result(r);
	/* A cache is of no use in a core dump. */
	(void)rumpuser_host_syscall(
	    SYS_madvise, r, len, MADV_DONTDUMP, 0, 0, 0);
	*addr = (void *)r;
	return 0;
}

int
rumpcomp_vfs_map(int hostfd, off_t off, size_t len, void **addr)
{
	return map(NULL, len, MAP_SHARED, hostfd, off, addr);
}

int
rumpcomp_vfs_remap(void *addr, size_t len, int hostfd, off_t off)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	if (hostfd >= 0)
		flags = MAP_SHARED;
	return map(addr, len, MAP_FIXED | flags, hostfd, off, &addr);
}

void
rumpcomp_vfs_forget(void *addr, size_t len)
{
	(void)rumpuser_host_syscall(
	    SYS_madvise, addr, len, MADV_DONTNEED, 0, 0, 0);
}

uint32_t
rumpcomp_vfs_descriptors(void)
{
	struct rlimit rl;

	if (rumpuser_host_syscall(
		SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &rl, 0, 0) < 0)
		return 0;
	return rl.rlim_cur < UINT32_MAX ? (uint32_t)rl.rlim_cur : UINT32_MAX;
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

static const char base_prefix[] = "rumpkit-";
#define BASE_DIGITS 16
static const char hex_digits[] = "0123456789abcdef";

/* A name in dir that nobody can guess, in path. */
static long
unknown_name(const char *dir, char *path, size_t size)
{
	unsigned char random[BASE_DIGITS / 2];
	size_t n = 0;
	long r;

	r = rumpuser_host_syscall(
	    SYS_getrandom, random, sizeof(random), 0, 0, 0, 0);
	if (r != (long)sizeof(random))
		return r < 0 ? r : -EIO;
	for (size_t i = 0; dir[i] != '\0' && n < size - 1; i++)
		path[n++] = dir[i];
	if (n < size - 1)
		path[n++] = '/';
	for (size_t i = 0; base_prefix[i] != '\0' && n < size - 1; i++)
		path[n++] = base_prefix[i];
	for (size_t i = 0; i < BASE_DIGITS && n < size - 1; i++)
		path[n++] = hex_digits[random[i / 2] >> i % 2 * 4 & 0xf];
	path[n] = '\0';
	return 0;
}

/* "." and number, in hexadecimal digits, behind path. */
static void
append_number(char *path, size_t size, uint64_t number)
{
	size_t n = 0;
	int shift = 60;

	while (path[n] != '\0')
		n++;
	if (n < size - 1)
		path[n++] = '.';
	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0 && n < size - 1; shift -= 4)
		path[n++] = hex_digits[number >> shift & 0xf];
	path[n] = '\0';
}

/* The descriptor, or -errno. */
static long
fifo_in(const char *dir, uint64_t dev, uint64_t ino)
{
	char path[96];
	long fd, r;

	r = unknown_name(dir, path, sizeof(path));
	append_number(path, sizeof(path), dev);
	append_number(path, sizeof(path), ino);
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

/* Where everybody may make files. */
static const char *const dirs[] = { "/dev/shm", "/tmp", "/var/tmp" };
#define NDIRS (sizeof(dirs) / sizeof(dirs[0]))

int
rumpcomp_vfs_fifo(uint64_t dev, uint64_t ino, int *hostfd)
{
	long fd = -ENOENT;

	for (size_t i = 0; fd < 0 && i < NDIRS; i++)
		fd = fifo_in(dirs[i], dev, ino);
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
	rumpuser_hostops.ho_fd_close(hostfd);
}

/* --- names of sockets --------------------------------------------------- */

/* Only who may become another user serves others. */
static bool
serves_others(void)
{
	return rumpuser_host_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0) == 0;
}

static long
chmod_host(const char *path, int mode)
{
	return rumpuser_host_syscall(SYS_chmod, path, mode, 0, 0, 0, 0);
}

static long
mkdir_host(const char *path, int mode)
{
	long r;

	r = rumpuser_host_syscall(SYS_mkdir, path, 0700, 0, 0, 0, 0);
	/* Whatever the umask. */
	return r < 0 ? r : chmod_host(path, mode);
}

static long
unlinkat_host(long fd, const char *name, int flags)
{
	return rumpuser_host_syscall(SYS_unlinkat, fd, name, flags, 0, 0, 0);
}

/* Call fn for each name in the directory fd but its two dots. */
static void
each_name(long fd, void (*fn)(long fd, const char *name))
{
	char buf[2048] __attribute__((aligned(8)));
	const struct dirent64 *d;
	long n, at;

	while ((n = rumpuser_host_syscall(
		    SYS_getdents64, fd, buf, sizeof(buf), 0, 0, 0)) > 0) {
		for (at = 0; at < n; at += d->d_reclen) {
			d = (const struct dirent64 *)(const void *)(buf + at);
			if (d->d_name[0] != '.')
				fn(fd, d->d_name);
		}
	}
}

/* A directory for a socket, or a link. */
static void
remove_in_base(long fd, const char *name)
{
	static const char tail[] = "/s";
	char path[16];
	size_t n = 0;

	if (unlinkat_host(fd, name, 0) == 0)
		return;
	for (; name[n] != '\0' && n < sizeof(path) - sizeof(tail); n++)
		path[n] = name[n];
	for (size_t i = 0; i < sizeof(tail); i++)
		path[n + i] = tail[i];
	(void)unlinkat_host(fd, path, 0);
	(void)unlinkat_host(fd, name, AT_REMOVEDIR);
}

/* A directory of our user, or -errno. */
static long
open_own(long dirfd, const char *name)
{
	struct stat st;
	long fd, uid = rumpuser_host_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0);

	fd = rumpuser_host_syscall(SYS_openat, dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return fd;
	if (rumpuser_host_syscall(SYS_fstat, fd, &st, 0, 0, 0, 0) == 0 &&
	    (long)st.st_uid == uid)
		return fd;
	(void)rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return -EPERM;
}

/* Who has a base holds a lock on it, for as long as it lives. */
static bool
lock_base(long fd)
{
	return rumpuser_host_syscall(
		   SYS_flock, fd, LOCK_EX | LOCK_NB, 0, 0, 0, 0) == 0;
}

static void
remove_stale(long dirfd, const char *name)
{
	size_t i;
	long fd;

	for (i = 0; base_prefix[i] != '\0'; i++) {
		if (name[i] != base_prefix[i])
			return;
	}
	for (; name[i] != '\0'; i++)
		continue;
	if (i != sizeof(base_prefix) - 1 + BASE_DIGITS)
		return;
	fd = open_own(dirfd, name);
	if (fd < 0)
		return;
	if (lock_base(fd)) {
		each_name(fd, remove_in_base);
		(void)unlinkat_host(dirfd, name, AT_REMOVEDIR);
	}
	(void)rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* The descriptor that keeps it, or -errno. */
static long
base_in(const char *dir, char *base)
{
	long fd, r;

	fd = rumpuser_host_syscall(
	    SYS_open, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0, 0);
	if (fd >= 0) {
		each_name(fd, remove_stale);
		(void)rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	}
	r = unknown_name(dir, base, SOCKBASE_MAX);
	if (r == 0)
		r = mkdir_host(base, serves_others() ? 0711 : 0700);
	if (r < 0)
		return r;
	fd = open_own(AT_FDCWD, base);
	if (fd >= 0)
		(void)lock_base(fd);
	return fd;
}

int
rumpcomp_vfs_sockbase(char *base, int *hostfd)
{
	long fd = -ENOENT;

	for (size_t i = 0; fd < 0 && i < NDIRS; i++)
		fd = base_in(dirs[i], base);
	if (fd >= 0)
		fd = rumpuser_hostops.ho_fd_hide((int)fd);
	if (fd < 0)
		return result(fd);
	*hostfd = (int)fd;
	return 0;
}

int
rumpcomp_vfs_sockdir(const char *dir, uid_t uid, gid_t gid)
{
	long r;

	r = mkdir_host(dir, 0700);
	/* Where he has no number here he cannot bind, and nobody else can. */
	if (r == 0 && serves_others())
		(void)rumpuser_host_syscall(SYS_chown, dir, uid, gid, 0, 0, 0);
	return result(r);
}

int
rumpcomp_vfs_sockopen(const char *path, int *hostfd)
{
	long fd;

	fd = rumpuser_host_syscall(
	    SYS_open, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0, 0);
	if (fd >= 0)
		fd = rumpuser_hostops.ho_fd_hide((int)fd);
	if (fd < 0)
		return result(fd);
	*hostfd = (int)fd;
	return 0;
}

void
rumpcomp_vfs_sockopenall(const char *path, uid_t uid)
{
	long old;

	/* Of this thread alone. */
	old = rumpuser_host_syscall(SYS_setfsuid, uid, 0, 0, 0, 0, 0);
	(void)chmod_host(path, 0666);
	(void)rumpuser_host_syscall(SYS_setfsuid, old, 0, 0, 0, 0, 0);
}

/* A socket of datagrams that connects leaves no trace, and gets no further with
 * those of other types than to learn that they are there. */
bool
rumpcomp_vfs_sockbound(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	long fd, r;

	for (size_t i = 0; path[i] != '\0' && i < sizeof(sun.sun_path) - 1; i++)
		sun.sun_path[i] = path[i];
	fd = rumpuser_host_syscall(
	    SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return true;
	r = rumpuser_host_syscall(SYS_connect, fd, &sun, sizeof(sun), 0, 0, 0);
	(void)rumpuser_host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return r != -ECONNREFUSED && r != -ENOENT;
}

int
rumpcomp_vfs_symlink(const char *target, const char *path)
{
	return result(
	    rumpuser_host_syscall(SYS_symlink, target, path, 0, 0, 0, 0));
}

void
rumpcomp_vfs_unlink(const char *path, bool directory)
{
	(void)rumpuser_host_syscall(
	    directory ? SYS_rmdir : SYS_unlink, path, 0, 0, 0, 0, 0);
}

uint64_t
rumpcomp_vfs_memory(void)
{
	struct sysinfo si;

	if (rumpuser_host_syscall(SYS_sysinfo, &si, 0, 0, 0, 0, 0) < 0)
		return 0;
	return (uint64_t)si.totalram * si.mem_unit;
}

uint32_t
rumpcomp_vfs_setting(const char *path)
{
	char digit = '0';
	long fd, n;

	fd = rumpuser_host_syscall(
	    SYS_open, path, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return 0;
	n = rumpuser_host_syscall(SYS_read, fd, &digit, 1, 0, 0, 0);
	rumpcomp_vfs_close((int)fd);
	return n == 1 && digit >= '0' && digit <= '9' ? (uint32_t)(digit - '0')
						      : 0;
}
