/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfers DIRECTORY: move data between files below DIRECTORY, other files,
 * pipes and sockets by the calls that copy in the kernel, and print what comes
 * of it; compared between the host and a rump kernel like matrix.c.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE 1000000L

static char data[SIZE];
static char dir[PATH_MAX];
static int a, b, host; /* a and b below the directory */

static void
say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}

#define SAY(call) say(#call, (long)(call))

static int
open_in(const char *name, int flags)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags, 0644);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static int
same(int fd)
{
	static char buf[SIZE + 1];

	return pread(fd, buf, sizeof(buf), 0) == SIZE &&
	       memcmp(buf, data, SIZE) == 0;
}

static void
rewind_all(int to)
{
	if (ftruncate(to, 0) != 0)
		err(1, "ftruncate");
	lseek(a, 0, SEEK_SET);
	lseek(b, 0, SEEK_SET);
	lseek(host, 0, SEEK_SET);
}

/* However little a call moves, it is called until nothing is left. */
static long
copy_all(int from, int to, int by_sendfile)
{
	long total = 0, n = 1;

	while (n > 0 && total < SIZE) {
		size_t rest = (size_t)(SIZE - total);

		n = by_sendfile
			? sendfile(to, from, NULL, rest)
			: copy_file_range(from, NULL, to, NULL, rest, 0);
		total += n > 0 ? n : 0;
	}
	return total;
}

static void
whole_files(void)
{
	rewind_all(b);
	SAY(copy_all(a, b, 0));
	SAY(same(b));
	SAY(lseek(a, 0, SEEK_CUR));
	SAY(lseek(b, 0, SEEK_CUR));
	SAY(copy_all(a, b, 0));
	rewind_all(b);
	SAY(copy_all(a, b, 1));
	SAY(same(b));
	rewind_all(host);
	SAY(copy_all(a, host, 1));
	SAY(same(host));
	rewind_all(b);
	SAY(copy_all(host, b, 1));
	SAY(same(b));
	SAY(lseek(host, 0, SEEK_CUR));
}

static void
positions(void)
{
	loff_t from = 100, to = 200000;
	off_t off = SIZE - 10;

	rewind_all(b);
	SAY(copy_file_range(a, &from, b, &to, 1000, 0));
	SAY(from);
	SAY(to);
	SAY(lseek(a, 0, SEEK_CUR));
	SAY(lseek(b, 0, SEEK_END));
	from = SIZE;
	SAY(copy_file_range(a, &from, b, &to, 1000, 0));
	from = 100;
	to = 500;
	SAY(copy_file_range(a, &from, a, &to, 1000, 0));
	SAY(copy_file_range(a, &from, b, &to, 1000, 1));
	SAY(copy_file_range(a, &from, b, &to, 0, 0));
	SAY(sendfile(b, a, &off, 100));
	SAY(off);
	SAY(sendfile(b, a, &off, 100));
	SAY(sendfile(b, a, (off_t *)8, 100));
	off = -5;
	SAY(sendfile(b, a, &off, 100));
}

static void
refusals(void)
{
	int ro = open_in("a", O_RDONLY), wo = open_in("b", O_WRONLY);
	int app = open_in("b", O_WRONLY | O_APPEND),
	    top = open_in(".", O_RDONLY);
	int some = open_in("a", O_PATH), s[2];

	SAY(copy_file_range(wo, NULL, a, NULL, 10, 0));
	SAY(copy_file_range(ro, NULL, ro, NULL, 10, 0));
	SAY(copy_file_range(ro, NULL, app, NULL, 10, 0));
	SAY(copy_file_range(top, NULL, b, NULL, 10, 0));
	SAY(copy_file_range(a, NULL, 777, NULL, 10, 0));
	SAY(copy_file_range(some, NULL, b, NULL, 10, 0));
	SAY(sendfile(app, ro, NULL, 10));
	SAY(sendfile(wo, top, NULL, 10));
	SAY(sendfile(ro, ro, NULL, 10));
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	SAY(sendfile(b, s[0], NULL, 10));
	SAY(copy_file_range(a, NULL, s[0], NULL, 10, 0));
	SAY(splice(a, NULL, b, NULL, 10, 0));
	SAY(tee(a, b, 10, 0));
	SAY(close(ro) + close(wo) + close(app) + close(top) + close(some) +
	    close(s[0]) + close(s[1]));
}

static void
show(int fd, long n, long off)
{
	char buf[64] = "";

	SAY(off < 0 ? read(fd, buf, (size_t)n)
		    : pread(fd, buf, (size_t)n, off));
	printf("%.*s\n", (int)n, buf);
}

static void
pipes(void)
{
	loff_t off = 5;
	int p[2];

	rewind_all(b);
	SAY(pipe(p));
	SAY(splice(p[0], &off, b, NULL, 10, 0));
	SAY(splice(p[0], NULL, b, NULL, 10, SPLICE_F_NONBLOCK));
	SAY(splice(p[0], NULL, b, NULL, 10, 0x100));
	SAY(write(p[1], "hello pipe", 10));
	SAY(splice(p[0], NULL, b, NULL, 6, 0));
	SAY(splice(p[0], NULL, b, NULL, 100, 0));
	SAY(lseek(b, 0, SEEK_CUR));
	show(b, 10, 0);
	SAY(splice(b, &off, p[1], NULL, 5, 0));
	SAY(off);
	show(p[0], 5, -1);
	SAY(write(p[1], "abcdef", 6));
	off = 50;
	SAY(splice(p[0], NULL, b, &off, 4, 0));
	SAY(off);
	show(p[0], 2, -1);
	show(b, 4, 50);
	while (splice(a, NULL, p[1], NULL, 65536, SPLICE_F_NONBLOCK) > 0)
		continue;
	SAY(errno == EAGAIN);
	SAY(close(p[1]));
	SAY(splice(p[0], NULL, b, NULL, 10, 0));
	SAY(close(p[0]));
	SAY(pipe(p));
	SAY(close(p[1]));
	SAY(splice(p[0], NULL, b, NULL, 10, 0));
	SAY(close(p[0]));
	SAY(pipe(p));
	SAY(close(p[0]));
	SAY(splice(a, NULL, p[1], NULL, 10, 0));
	SAY(close(p[1]));
}

static void
sockets(void)
{
	off_t off = 1000;
	char buf[64];
	int s[2];

	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	SAY(sendfile(s[0], a, &off, 50));
	SAY(off);
	SAY(recv(s[1], buf, sizeof(buf), 0));
	SAY(memcmp(buf, data + 1000, 50));
	SAY(fcntl(s[0], F_SETFL, O_NONBLOCK));
	lseek(a, 0, SEEK_SET);
	while (sendfile(s[0], a, NULL, 65536) > 0)
		continue;
	SAY(errno == EAGAIN);
	SAY(close(s[1]));
	lseek(a, 0, SEEK_SET);
	SAY(sendfile(s[0], a, NULL, 10));
	SAY(lseek(a, 0, SEEK_CUR));
	SAY(close(s[0]));
}

static void
flags_of_vectors(void)
{
	struct iovec iov = { data, 5 };
	struct stat st;

	rewind_all(b);
	SAY(pwritev2(b, &iov, 1, 10, RWF_SYNC));
	SAY(pwritev2(b, &iov, 1, 20, RWF_DSYNC | RWF_HIPRI));
	SAY(lseek(b, 0, SEEK_CUR));
	SAY(pwritev2(b, &iov, 1, 0, RWF_APPEND));
	SAY(pwritev2(b, &iov, 1, -1, RWF_APPEND));
	SAY(lseek(b, 0, SEEK_CUR));
	SAY(pwritev2(b, &iov, 1, 0, 0x1000));
	SAY(preadv2(b, &iov, 1, 0, RWF_HIPRI));
	SAY(preadv2(b, &iov, 0, -1, 0));
	SAY(preadv2(b, &iov, 1, -2, 0));
	SAY(fstat(b, &st));
	SAY(st.st_size);
}

static void
saving(void)
{
	int ro = open_in("a", O_RDONLY), wo = open_in("b", O_WRONLY);
	int top = open_in(".", O_RDONLY), some = open_in("a", O_PATH);
	struct stat st;

	SAY(sync_file_range(b, 0, 0, SYNC_FILE_RANGE_WRITE));
	SAY(sync_file_range(b, 0, 0, 7));
	SAY(sync_file_range(b, -1, 0, 7));
	SAY(sync_file_range(b, 0, 0, 77));
	SAY(fsync(b) + fdatasync(b) + syncfs(b) + fdatasync(top));
	SAY(fsync(some));
	SAY(readahead(a, 0, 100));
	SAY(readahead(wo, 0, 100));
	SAY(readahead(top, 0, 100));
	SAY(posix_fadvise(a, 0, 0, POSIX_FADV_DONTNEED));
	SAY(posix_fadvise(a, 0, 0, 99));
	SAY(posix_fallocate(b, 0, 2 * SIZE));
	SAY(fstat(b, &st));
	SAY(st.st_size);
	SAY(fallocate(b, 0, 0, 0));
	SAY(fallocate(b, 0, -1, 10));
	SAY(fallocate(ro, 0, 0, 10));
	SAY(close(ro) + close(wo) + close(top) + close(some));
}

int
main(int argc, char **argv)
{
	if (argc != 2)
		errx(1, "usage: transfers DIRECTORY");
	snprintf(dir, sizeof(dir), "%s", argv[1]);
	signal(SIGPIPE, SIG_IGN);
	for (long i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 + i / 256);
	a = open_in("a", O_RDWR | O_CREAT | O_TRUNC);
	b = open_in("b", O_RDWR | O_CREAT | O_TRUNC);
	host = memfd_create("host", MFD_CLOEXEC);
	SAY(write(a, data, SIZE));
	whole_files();
	positions();
	refusals();
	pipes();
	sockets();
	flags_of_vectors();
	saving();
	return 0;
}
