/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that read, write and place: read, pwritev2, lseek, fallocate, ... */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "calls.h"

#define HOLE (64 * 1024)

static char buf[256 * 1024];

static int
fresh(const char *path)
{
	int fd;

	make(path, "0123456789abcdefghij");
	fd = open(path, O_RDWR);
	must(fd >= 0, path);
	return (fd);
}

static void
reading(void)
{
	int fd = fresh("f"), wr, dir, path;

	wr = open("f", O_WRONLY);
	dir = open(".", O_RDONLY);
	path = open("f", O_PATH);
	T(read(fd, buf, 5));
	T(read(fd, buf, 0));
	T(read(fd, NULL, 0));
	T(read(fd, NOWHERE, 0));
	T(read(fd, NOWHERE, 1));
	T(read(fd, BEYOND, 1));
	T(read(fd, NULL, 3));
	T(lseek(fd, 0, SEEK_CUR));
	T(read(fd, edge(4), 8));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(fd, 5, SEEK_SET));
	T(read(fd, buf, 100));
	T(read(fd, buf, 100));
	T(read(fd, NOWHERE, 100));
	S(read, fd, buf, (size_t)-1);
	S(read, fd, buf, (size_t)SSIZE_MAX);
	S(read, fd, edge(16), (size_t)INT_MAX);
	S(read, fd, edge(16), 0x100000001);
	T(read(wr, buf, 1));
	T(read(wr, NOWHERE, 0));
	T(read(dir, buf, 1));
	T(read(dir, buf, 0));
	T(read(path, buf, 1));
	T(read(-1, buf, 1));
	T(read(99, NOWHERE, 1));
	T(pread(fd, buf, 4, 18));
	T(pread(fd, buf, 4, 20));
	T(pread(fd, buf, 4, 21));
	T(pread(fd, buf, 4, -1));
	T(pread(fd, buf, 4, INT64_MAX));
	T(pread(fd, buf, 4, INT64_MIN));
	T(pread(fd, NOWHERE, 4, 0));
	T(pread(fd, NOWHERE, 4, 50));
	T(pread(fd, edge(4), 8, 0));
	T(pread(dir, buf, 4, 0));
	T(pread(wr, buf, 4, 0));
	T(pread(path, buf, 4, 0));
	T(pread(wr, buf, 4, -1));
}

static void
writing(void)
{
	int fd = fresh("f"), rd, end, path, dir;

	rd = open("f", O_RDONLY);
	end = open("f", O_WRONLY | O_APPEND);
	path = open("f", O_PATH);
	dir = open(".", O_RDONLY);
	T(write(fd, "AB", 2));
	T(write(fd, "AB", 0));
	T(write(fd, NULL, 0));
	T(write(fd, NOWHERE, 0));
	T(write(fd, NOWHERE, 3));
	T(write(fd, BEYOND, 3));
	T(write(fd, strcpy(edge(4), "xyz"), 8));
	T(lseek(fd, 0, SEEK_CUR));
	contents("f");
	T(write(rd, "AB", 2));
	T(write(rd, NOWHERE, 0));
	T(write(path, "AB", 2));
	T(write(dir, "AB", 2));
	T(write(-1, "AB", 2));
	T(write(end, "CD", 2));
	T(lseek(end, 0, SEEK_CUR));
	T(pwrite(end, "EF", 2, 0));
	T(lseek(end, 0, SEEK_CUR));
	contents("f");
	T(pwrite(fd, "GH", 2, 30));
	T(pwrite(fd, "GH", 0, 60));
	contents("f");
	T(pwrite(fd, "GH", 2, -1));
	T(pwrite(fd, "GH", 2, INT64_MAX));
	T(pwrite(fd, "GH", 2, INT64_MAX - 1));
	T(pwrite(fd, "GH", 0, INT64_MAX));
	T(pwrite(rd, "GH", 2, -1));
	T(pwrite(fd, NOWHERE, 2, 0));
	T(pwrite(fd, NOWHERE, 2, 0));
	T(lseek(fd, INT64_MAX, SEEK_SET));
	T(write(fd, "x", 0));
	T(lseek(fd, 0, SEEK_SET));
	state("f");
	S(write, fd, buf, (size_t)-1);
	T(lseek(fd, 0, SEEK_SET));
	S(write, fd, buf, (size_t)-1);
	S(write, fd, edge(8192), (size_t)INT_MAX);
	state("f");
}

static void
vectors(void)
{
	static struct iovec many[1026];
	struct iovec v[4], *last;
	int fd = fresh("f"), i;

	for (i = 0; i < 1026; i++)
		many[i] = (struct iovec){ buf + i, 1 };
	T(readv(fd, many, 1024));
	T(readv(fd, many, 1025));
	T(readv(fd, many, -1));
	T(readv(fd, many, 0));
	T(readv(fd, NULL, 0));
	T(readv(fd, NULL, 1));
	T(readv(fd, NOWHERE, 1));
	T(readv(99, NOWHERE, 1));
	T(writev(fd, many, 1025));
	T(writev(fd, many, 1024));
	T(writev(fd, many, 0));
	state("f");
	fd = fresh("g");
	v[0] = (struct iovec){ "abcd", 4 };
	v[1] = (struct iovec){ NOWHERE, 4 };
	v[2] = (struct iovec){ "efgh", 4 };
	T(writev(fd, v, 3));
	contents("g");
	T(lseek(fd, 0, SEEK_CUR));
	v[0] = (struct iovec){ strcpy(edge(3), "ij"), 6 };
	T(pwritev(fd, v, 3, 10));
	contents("g");
	v[1] = (struct iovec){ buf, 4 };
	T(preadv(fd, v, 2, 0));
	T(readv(fd, v, 2));
	T(lseek(fd, 0, SEEK_CUR));
	v[2] = (struct iovec){ buf + 4, 4 };
	v[1] = (struct iovec){ buf, (size_t)-1 };
	T(preadv(fd, v, 3, 0));
	T(writev(fd, v, 3));
	T(preadv(fd, v, 1, -1));
	T(pwritev(fd, v, 1, -1));
	v[0] = (struct iovec){ NOWHERE, 0 };
	v[1] = (struct iovec){ buf, 3 };
	T(preadv(fd, v, 2, 0));
	last = edge(sizeof(*last));
	*last = (struct iovec){ buf, 3 };
	T(preadv(fd, last, 1, 0));
	T(preadv(fd, last, 2, 0));
}

static void
flagged(void)
{
	struct iovec v = { buf, 4 };
	int fd = fresh("f");

	memset(buf, 'w', 4);
	T(preadv2(fd, &v, 1, 0, 0));
	memset(buf, 'w', 4);
	T(preadv2(fd, &v, 1, -1, 0));
	T(lseek(fd, 0, SEEK_CUR));
	T(preadv2(fd, &v, 1, -2, 0));
	T(preadv2(fd, &v, 1, 0, RWF_HIPRI));
	T(preadv2(fd, &v, 1, 0, RWF_APPEND));
	T(preadv2(fd, &v, 1, 0, 0x40000000));
	memset(buf, 'w', 4);
	T(pwritev2(fd, &v, 1, 2, RWF_DSYNC));
	T(pwritev2(fd, &v, 1, 2, RWF_SYNC));
	T(pwritev2(fd, &v, 1, 2, RWF_HIPRI));
	T(pwritev2(fd, &v, 1, 2, RWF_APPEND));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwritev2(fd, &v, 1, -1, RWF_APPEND));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwritev2(fd, &v, 1, -1, 0));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwritev2(fd, &v, 1, 0, 0x40000000));
	contents("f");
}

static void
seeking(void)
{
	int fd = fresh("f"), dir, path, end;

	dir = open(".", O_RDONLY);
	path = open("f", O_PATH);
	end = open("f", O_RDWR | O_APPEND);
	T(lseek(fd, 5, SEEK_SET));
	T(lseek(fd, -6, SEEK_CUR));
	T(lseek(fd, -5, SEEK_CUR));
	T(lseek(fd, -1, SEEK_SET));
	T(lseek(fd, 0, SEEK_END));
	T(lseek(fd, -21, SEEK_END));
	T(lseek(fd, 1000, SEEK_END));
	T(read(fd, buf, 1));
	T(lseek(fd, INT64_MAX, SEEK_SET));
	T(lseek(fd, 1, SEEK_CUR));
	T(lseek(fd, INT64_MAX, SEEK_END));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(fd, 0, 5));
	T(lseek(fd, 0, -1));
	T(lseek(path, 0, SEEK_SET));
	T(lseek(path, 0, 9));
	T(lseek(99, 0, 9));
	T(lseek(fd, 0, SEEK_DATA));
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, 19, SEEK_HOLE));
	T(lseek(fd, 20, SEEK_HOLE));
	T(lseek(fd, 20, SEEK_DATA));
	T(lseek(fd, -1, SEEK_DATA));
	T(lseek(fd, -1, SEEK_HOLE));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(end, 0, SEEK_CUR));
	T(write(end, "x", 1));
	T(lseek(end, 0, SEEK_CUR));
	T(lseek(dir, 0, SEEK_SET));
	T(lseek(dir, -1, SEEK_SET));
	T(lseek(dir, 0, 9));
	T(lseek(dir, 0, SEEK_DATA));
	T(ftruncate(fd, 4 * HOLE));
	T(pwrite(fd, "data", 4, 2 * HOLE));
	T(lseek(fd, 4096, SEEK_DATA));
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, 2 * HOLE, SEEK_HOLE));
	T(lseek(fd, 2 * HOLE + 2, SEEK_DATA));
	T(lseek(fd, 3 * HOLE, SEEK_DATA));
	T(lseek(fd, 3 * HOLE + 5, SEEK_HOLE));
	T(lseek(fd, 4 * HOLE, SEEK_HOLE));
}

static void
truncating(void)
{
	int fd = fresh("f"), rd, end, path, dir;

	rd = open("f", O_RDONLY);
	end = open("f", O_RDWR | O_APPEND);
	path = open("f", O_PATH);
	dir = open(".", O_RDONLY);
	must(mkdir("dir", 0755) == 0, "mkdir");
	must(symlink("f", "link") == 0, "symlink");
	must(symlink("loop", "loop") == 0, "symlink");
	must(mkfifo("fifo", 0644) == 0, "mkfifo");
	T(ftruncate(fd, 5));
	T(ftruncate(fd, 10));
	contents("f");
	T(ftruncate(fd, -1));
	T(ftruncate(rd, 3));
	T(ftruncate(rd, -1));
	T(ftruncate(path, 3));
	T(ftruncate(dir, 3));
	T(ftruncate(99, 3));
	T(ftruncate(99, -1));
	T(ftruncate(end, 3));
	T(lseek(end, 0, SEEK_CUR));
	T(ftruncate(fd, 1L << 40));
	state("f");
	T(truncate("f", 2));
	T(truncate("link", 1));
	T(truncate("f", -1));
	T(truncate("none", 1));
	T(truncate("none", -1));
	T(truncate("dir", 1));
	T(truncate("fifo", 1));
	T(truncate("f/", 1));
	T(truncate("f/x", 1));
	T(truncate("loop", 1));
	T(truncate("", 1));
	T(truncate(NULL, 1));
	T(truncate(NOWHERE, 1));
	T(chmod("f", 0444));
	T(truncate("f", 1));
	T(ftruncate(fd, 1));
	contents("f");
	T(chmod("f", 06755));
	T(truncate("f", 1));
	state("f");
	T(ftruncate(fd, 0));
	state("f");
	T(chmod("f", 06755));
	T(write(fd, "x", 1));
	state("f");
}

static void
blocks(const char *path)
{
	struct stat st;

	must(stat(path, &st) == 0, path);
	note("size %ld, %ld KiB", st.st_size, st.st_blocks / 2);
}

static void
allocating(void)
{
	int fd = fresh("f"), rd, dir, path, mode;
	int pipes[2];

	rd = open("f", O_RDONLY);
	dir = open(".", O_RDONLY);
	path = open("f", O_PATH);
	must(pipe(pipes) == 0, "pipe");
	T(fallocate(fd, 0, 0, 10));
	T(fallocate(fd, 0, 0, 100));
	contents("f");
	T(fallocate(fd, 0, 8192, 4096));
	blocks("f");
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536));
	blocks("f");
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
	T(fallocate(
	    fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1L << 50));
	blocks("f");
	contents("f");
	T(fallocate(fd, 0, 0, 0));
	T(fallocate(fd, 0, 0, -1));
	T(fallocate(fd, 0, -1, 1));
	T(fallocate(fd, 0, INT64_MAX, 1));
	T(fallocate(fd, 0, INT64_MAX, INT64_MAX));
	T(fallocate(rd, 0, 0, 1));
	T(fallocate(dir, 0, 0, 1));
	T(fallocate(path, 0, 0, 1));
	T(fallocate(99, 0, 0, 1));
	T(fallocate(99, 0, 0, -1));
	T(fallocate(pipes[1], 0, 0, 1));
	for (mode = 4; mode <= 0x200; mode <<= 1) {
		note("mode %#x", mode);
		T(fallocate(fd, mode, 0, 4096));
		T(fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, 0, 4096));
	}
	T(posix_fallocate(fd, 0, 20000));
	T(posix_fallocate(fd, 0, 0));
	T(posix_fallocate(rd, 0, 10));
	T(posix_fallocate(pipes[0], 0, 10));
	blocks("f");
	T(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	T(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL));
	T(posix_fadvise(fd, -5, 1, POSIX_FADV_SEQUENTIAL));
	T(posix_fadvise(fd, 0, 0, 77));
	T(posix_fadvise(pipes[0], 0, 0, POSIX_FADV_NORMAL));
	T(posix_fadvise(path, 0, 0, POSIX_FADV_NORMAL));
	T(posix_fadvise(dir, 0, 0, POSIX_FADV_NORMAL));
	T(readahead(fd, 0, 4096));
	T(readahead(dir, 0, 4096));
	T(readahead(path, 0, 4096));
	T(readahead(99, 0, 4096));
}

static void
saving(void)
{
	int fd = fresh("f"), rd, dir, path;
	int pipes[2];

	rd = open("f", O_RDONLY);
	dir = open(".", O_RDONLY);
	path = open("f", O_PATH);
	must(pipe(pipes) == 0, "pipe");
	T(fsync(fd));
	T(fsync(rd));
	T(fsync(dir));
	T(fsync(path));
	T(fsync(99));
	T(fsync(pipes[0]));
	T(fdatasync(fd));
	T(fdatasync(rd));
	T(fdatasync(dir));
	T(fdatasync(path));
	T(fdatasync(99));
	T(syncfs(fd));
	T(syncfs(dir));
	T(syncfs(path));
	T(syncfs(99));
	T(sync_file_range(fd, 0, 0, 0));
	T(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WRITE));
	T(sync_file_range(fd, 0, 4, 7));
	T(sync_file_range(fd, 0, 4, 8));
	T(sync_file_range(fd, -1, 4, 0));
	T(sync_file_range(fd, 0, -1, 0));
	T(sync_file_range(fd, INT64_MAX, 4, 0));
	T(sync_file_range(dir, 0, 4, 0));
	T(sync_file_range(path, 0, 4, 0));
	T(sync_file_range(pipes[0], 0, 4, 0));
	T(sync_file_range(99, 0, 4, 0));
	T((sync(), 0));
}

/* O_DIRECT on tmpfs differs from kernel to kernel: who accepts it keeps it. */
static void
direct(void)
{
	char *p = aligned_alloc(4096, 8192);
	int fd;

	make("f", "");
	fd = open("f", O_RDWR | O_SYNC);
	memset(p, 'd', 8192);
	T(pwrite(fd, p, 8192, 0));
	T(pread(fd, p, 4096, 4096));
	T(pread(fd, p + 1, 4096, 4096));
	T(pread(fd, p, 100, 8190));
	T(fcntl(fd, F_GETFL) & O_SYNC);
	free(p);
}

/* Goes on until nothing moves, as how much one call moves is its own affair. */
static void
whole(const char *what, int fd, char *p, size_t size, int store)
{
	size_t done = 0;
	ssize_t n;

	do {
		if (store)
			n = write(fd, p + done, size - done);
		else
			n = read(fd, p + done, size - done);
		done += n > 0 ? (size_t)n : 0;
	} while (n > 0 && done < size);
	note("%s: %zu, then %s", what, done,
	    n < 0 ? strerrorname_np(errno) : "nothing");
	T(lseek(fd, 0, SEEK_CUR));
}

/* Buffers that end somewhere in a transfer of many pages. */
static void
large(void)
{
	static const size_t there[] = { 1, 4096, 65535, 65537, 300001,
		1000000 };
	int fd = fresh("f");
	size_t i, k;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7 / 5);
	T(pwrite(fd, buf, sizeof(buf), 100000));
	T(ftruncate(fd, 1 << 21));
	for (i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		char *p = edge(there[i]);

		note("%zu bytes", there[i]);
		T(lseek(fd, 100000, SEEK_SET));
		whole("read", fd, p, 1 << 20, 0);
		for (k = 0; k < there[i] && k < sizeof(buf); k++)
			if (p[k] != buf[k])
				break;
		note("%zu are right", k);
		T(lseek(fd, 0, SEEK_END));
		whole("written", fd, p, 1 << 20, 1);
		state("f");
	}
}

static void
ends(void)
{
	long at;
	int fd = fresh("f");

	for (at = 4090; at < 4100; at += 3) {
		T(pwrite(fd, "0123456789", 10, at));
		T(pread(fd, buf, sizeof(buf), at - 5));
		show("read", buf, 15);
	}
	T(ftruncate(fd, 4093));
	T(ftruncate(fd, 4110));
	T(pread(fd, buf, sizeof(buf), 4085));
	show("read", buf, 25);
	memset(buf, 'z', sizeof(buf));
	T(pwrite(fd, buf, sizeof(buf), 65530));
	T(pread(fd, buf, sizeof(buf), 65520));
	show("read", buf, 65536);
	T(pread(fd, buf, sizeof(buf), 65530 + sizeof(buf) - 1));
	state("f");
}

const struct section data_sections[] = {
	{ "data-reading", reading },
	{ "data-writing", writing },
	{ "data-vectors", vectors },
	{ "data-flagged", flagged },
	{ "data-seeking", seeking },
	{ "data-truncating", truncating },
	{ "data-allocating", allocating },
	{ "data-saving", saving },
	{ "data-direct", direct },
	{ "data-large", large },
	{ "data-ends", ends },
	{ NULL, NULL },
};
