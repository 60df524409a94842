/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * churn FILE SEED STEPS: change a file in every way that there is, at random,
 * and compare it after each step with what plain memory says it must be.  The
 * first difference ends it with status 1 and the step's number; the content at
 * the end is the last file state, for the server's side to be compared with
 * FILE.want.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_MAX (3 << 20)
#define PIECE_MAX 200000

static unsigned char model[FILE_MAX], scratch[FILE_MAX];
static size_t size;
static const char *path;
static int fd = -1;
static int step;

static void
fail(const char *what)
{
	fprintf(stderr, "step %d: %s: %s\n", step, what, strerror(errno));
	exit(1);
}

static size_t
below(size_t n)
{
	return n == 0 ? 0 : (size_t)random() % n;
}

/* A place and a length, small or large, aligned or not. */
static void
choose(size_t limit, size_t *off, size_t *len)
{
	*off = below(limit);
	*len = 1 + below(below(4) == 0 ? PIECE_MAX : 5000);
	if (below(3) == 0)
		*off &= ~4095UL;
	if (below(4) == 0)
		*len = (*len + 4095) & ~4095UL;
	if (*off + *len > limit)
		*len = limit - *off;
}

static void
fill(unsigned char *to, size_t len)
{
	unsigned char c = (unsigned char)random();

	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)(c + i * 7 + (i >> 8));
}

static void
grown(size_t end)
{
	if (end > size)
		size = end;
}

static unsigned
read_byte(size_t off)
{
	unsigned char c = 0;

	if (pread(fd, &c, 1, (off_t)off) != 1)
		return 0x1000;
	return c;
}

static void
check_range(size_t off, const unsigned char *got, size_t len, const char *what)
{
	for (size_t i = 0; i < len; i++) {
		if (got[i] != model[off + i]) {
			fprintf(stderr,
			    "step %d: %s: offset %zu is %02x, should be "
			    "%02x (of [%zu, %zu), size %zu); read() says "
			    "%02x\n",
			    step, what, off + i, got[i], model[off + i], off,
			    off + len, size, read_byte(off + i));
			exit(1);
		}
	}
}

static void
do_write(void)
{
	size_t off, len;
	struct iovec iov[3];
	ssize_t n;

	choose(FILE_MAX, &off, &len);
	fill(scratch, len);
	if (below(4) == 0) {
		iov[0] = (struct iovec){ scratch, len / 3 };
		iov[1] = (struct iovec){ scratch + len / 3, 0 };
		iov[2] = (struct iovec){ scratch + len / 3, len - len / 3 };
		n = pwritev(fd, iov, 3, (off_t)off);
	} else if (below(2) == 0) {
		n = pwrite(fd, scratch, len, (off_t)off);
	} else {
		lseek(fd, (off_t)off, SEEK_SET);
		n = write(fd, scratch, len);
	}
	if (n != (ssize_t)len)
		fail("write");
	memcpy(model + off, scratch, len);
	grown(off + len);
}

static void
do_append(void)
{
	size_t len = 1 + below(3000);
	int a;

	if (size + len > FILE_MAX)
		return;
	a = open(path, O_WRONLY | O_APPEND);
	fill(scratch, len);
	if (a < 0 || write(a, scratch, len) != (ssize_t)len || close(a) != 0)
		fail("append");
	memcpy(model + size, scratch, len);
	size += len;
}

static void
do_read(void)
{
	size_t off, len, want;
	ssize_t n;

	choose(FILE_MAX, &off, &len);
	n = pread(fd, scratch, len, (off_t)off);
	want = off >= size ? 0 : off + len > size ? size - off : len;
	if (n != (ssize_t)want) {
		fprintf(stderr, "step %d: read %zd of %zu at %zu, size %zu\n",
		    step, n, want, off, size);
		exit(1);
	}
	check_range(off, scratch, want, "read");
}

static void
do_truncate(void)
{
	size_t to = below(3) == 0 ? below(FILE_MAX) : below(size + 5000);

	if (to > FILE_MAX)
		to = FILE_MAX;
	if ((below(2) == 0 ? ftruncate(fd, (off_t)to)
			   : truncate(path, (off_t)to)) != 0)
		fail("truncate");
	if (to < size)
		memset(model + to, 0, size - to);
	size = to;
}

static unsigned char *
map_at(size_t off, size_t len, int prot, int flags, size_t *before)
{
	unsigned char *p;

	*before = off & 4095;
	p = mmap(NULL, *before + len, prot, flags, fd, (off_t)(off - *before));
	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void
do_map_write(void)
{
	size_t off, len, before;
	unsigned char *p;

	if (size == 0)
		return;
	choose(size, &off, &len);
	p = map_at(off, len, PROT_READ | PROT_WRITE, MAP_SHARED, &before);
	fill(scratch, len);
	memcpy(p + before, scratch, len);
	memcpy(model + off, scratch, len);
	if (below(2) == 0 && msync(p, before + len, MS_SYNC) != 0)
		fail("msync");
	/* Seen by read() at once. */
	if (below(2) == 0) {
		if (pread(fd, scratch, len, (off_t)off) != (ssize_t)len)
			fail("read of a mapping");
		check_range(off, scratch, len, "read of a mapping");
	}
	if (munmap(p, before + len) != 0)
		fail("munmap");
}

static void
do_map_read(void)
{
	size_t off, len, before;
	unsigned char *p;
	int private = below(2) == 0;

	if (size == 0)
		return;
	choose(size, &off, &len);
	p = map_at(off, len, private ? PROT_READ | PROT_WRITE : PROT_READ,
	    private ? MAP_PRIVATE : MAP_SHARED, &before);
	check_range(off, p + before, len, "mapping");
	if (private)
		memset(p + before, 0xee, len);
	munmap(p, before + len);
}

/* A mapping that stays over the next steps. */
static unsigned char *kept;
static size_t kept_len;

static void
do_keep(void)
{
	size_t off;

	if (kept != NULL) {
		if (kept_len > size) { /* the rest is not there any more */
			munmap(kept, kept_len);
			kept = NULL;
			return;
		}
		check_range(0, kept, kept_len, "kept mapping");
		off = below(kept_len);
		kept[off] = model[off] = (unsigned char)random();
		if (below(3) == 0) {
			munmap(kept, kept_len);
			kept = NULL;
		}
		return;
	}
	if (size == 0)
		return;
	kept_len = size;
	kept = mmap(NULL, kept_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (kept == MAP_FAILED)
		fail("mmap of all");
}

static void
do_reopen(void)
{
	if (close(fd) != 0)
		fail("close");
	fd = open(path, O_RDWR | (below(8) == 0 ? O_SYNC : 0));
	if (fd < 0)
		fail("open");
}

static void
do_sync(void)
{
	if ((below(2) == 0 ? fsync(fd) : fdatasync(fd)) != 0)
		fail("fsync");
}

static void
do_rename(void)
{
	char other[4096];

	snprintf(other, sizeof(other), "%s.other", path);
	if (rename(path, other) != 0 || rename(other, path) != 0)
		fail("rename");
}

static void
do_copy(void)
{
	size_t from, to, len;
	off_t in, out;
	ssize_t n;

	if (size == 0)
		return;
	choose(size, &from, &len);
	to = below(FILE_MAX - len);
	if (from < to + len && to < from + len)
		return;
	in = (off_t)from;
	out = (off_t)to;
	n = copy_file_range(fd, &in, fd, &out, len, 0);
	if (n < 0 && (errno == EINVAL || errno == EXDEV || errno == ENOSYS ||
			 errno == EOPNOTSUPP))
		return;
	if (n <= 0 || (size_t)n > len)
		fail("copy_file_range");
	memmove(model + to, model + from, (size_t)n);
	grown(to + (size_t)n);
}

static void
do_stat(void)
{
	struct stat a, b;

	if (fstat(fd, &a) != 0 || stat(path, &b) != 0)
		fail("stat");
	if (a.st_size != (off_t)size || b.st_size != (off_t)size) {
		fprintf(stderr, "step %d: sizes %lld, %lld, should be %zu\n",
		    step, (long long)a.st_size, (long long)b.st_size, size);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	static void (*const steps[])(void) = { do_write, do_write, do_write,
		do_append, do_read, do_read, do_truncate, do_map_write,
		do_map_read, do_keep, do_keep, do_reopen, do_sync, do_rename,
		do_copy, do_stat };
	int count, want;
	char name[4096];

	if (argc != 4)
		return 2;
	path = argv[1];
	srandom((unsigned)atoi(argv[2]));
	count = atoi(argv[3]);
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);
	if (fd < 0)
		fail("create");
	for (step = 0; step < count; step++)
		steps[below(sizeof(steps) / sizeof(steps[0]))]();
	if (pread(fd, scratch, FILE_MAX, 0) != (ssize_t)size)
		fail("read of all");
	check_range(0, scratch, size, "read of all");
	if (close(fd) != 0)
		fail("close");
	snprintf(name, sizeof(name), "%s.want", path);
	want = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (want < 0 || write(want, model, size) != (ssize_t)size ||
	    close(want) != 0)
		fail("write of what is wanted");
	return 0;
}
