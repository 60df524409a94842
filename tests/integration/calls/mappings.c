/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings: mmap, munmap, mremap, mprotect, msync, madvise, mincore, ... */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "calls.h"

#define PAGE 4096ul
#define SIZE (5 * PAGE + 100)

static int rd, wr, both, end, dir, path, pipes[2];
static char *room;
static sigjmp_buf out;
static volatile int code;

static void
populate(void)
{
	static char data[SIZE];

	memset(data, 'd', SIZE);
	both = open("file", O_RDWR | O_CREAT, 0644);
	must(pwrite(both, data, SIZE, 0) == (ssize_t)SIZE, "pwrite");
	rd = open("file", O_RDONLY);
	wr = open("file", O_WRONLY);
	end = open("file", O_RDWR | O_APPEND);
	dir = open(".", O_RDONLY);
	path = open("file", O_PATH);
	must(path > 0 && pipe(pipes) == 0, "pipe");
	room = mmap(
	    NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(room != MAP_FAILED, "mmap");
}

/* Maps, says whether that worked, and unmaps again. */
static void
try(const char *label, void *at, size_t size, int prot, int flags, int fd,
    off_t offset)
{
	void *p;

	p = (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
	note("%s: %s", label,
	    p == MAP_FAILED                ? strerrorname_np(errno)
	    : flags & MAP_FIXED && p != at ? "elsewhere"
					   : "mapped");
	if (p != MAP_FAILED && p != at)
		munmap(p, size);
}

#define M(at, size, prot, flags, fd, offset)                                   \
	try(#size " " #prot " " #flags " " #fd " " #offset, at, size, prot,    \
	    flags, fd, offset)
#define RW (PROT_READ | PROT_WRITE)

static void
mapping(void)
{

	populate();
	M(NULL, SIZE, PROT_READ, MAP_SHARED, rd, 0);
	M(NULL, SIZE, PROT_READ, MAP_PRIVATE, rd, 0);
	M(NULL, SIZE, RW, MAP_SHARED, rd, 0);
	M(NULL, SIZE, RW, MAP_PRIVATE, rd, 0);
	M(NULL, SIZE, PROT_READ, MAP_SHARED, wr, 0);
	M(NULL, SIZE, PROT_WRITE, MAP_SHARED, wr, 0);
	M(NULL, SIZE, PROT_WRITE, MAP_PRIVATE, wr, 0);
	M(NULL, SIZE, RW, MAP_SHARED, end, 0);
	M(NULL, SIZE, PROT_NONE, MAP_SHARED, both, 0);
	M(NULL, SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, rd, 0);
	M(NULL, SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, rd, 0);
	M(NULL, SIZE, RW, MAP_SHARED_VALIDATE, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_PRIVATE, both, 0);
	M(NULL, SIZE, RW, 0, both, 0);
	M(NULL, SIZE, RW, 4, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_SYNC, both, 0);
	M(NULL, 0, RW, MAP_SHARED, both, 0);
	M(NULL, SIZE_MAX, RW, MAP_SHARED, both, 0);
	M(NULL, 1ul << 62, RW, MAP_SHARED, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED, both, 1);
	M(NULL, SIZE, RW, MAP_SHARED, both, -4096);
	M(NULL, SIZE, RW, MAP_SHARED, both, 1L << 40);
	M(NULL, SIZE, RW, MAP_SHARED, both, 0x7ffffffffffff000);
	M(NULL, SIZE, RW, MAP_SHARED, path, 0);
	M(NULL, SIZE, RW, MAP_SHARED, pipes[0], 0);
	M(NULL, SIZE, RW, MAP_SHARED, 99, 0);
	M(NULL, SIZE, RW, MAP_SHARED, -1, 0);
	M(NULL, 0, RW, MAP_SHARED, 99, 0);
	M(NULL, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, both, 1);
	M(NULL, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, both, 4096);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_POPULATE, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_LOCKED, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_NORESERVE | MAP_DENYWRITE, both, 0);
	M(NULL, SIZE, RW, MAP_PRIVATE | MAP_GROWSDOWN, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_GROWSDOWN, both, 0);
	M(NULL, SIZE, RW, MAP_PRIVATE | MAP_STACK | MAP_32BIT, both, 0);
	M(NULL, SIZE, RW, MAP_SHARED | MAP_HUGETLB, both, 0);
	M(room, SIZE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, both, 0);
	M(room + 1, SIZE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	M(room, SIZE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	M((void *)0x1000000000000, SIZE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	M(NULL, SIZE, -1, MAP_SHARED, both, 0);
	M(NULL, SIZE, 0x10, MAP_SHARED, both, 0);
}

static void
unmapping(void)
{
	char *p;

	populate();
	p = mmap(room, SIZE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	must(p == room, "mmap");
	T(munmap(p + 1, PAGE));
	T(munmap(p, 0));
	T(munmap(p + PAGE, PAGE));
	T(munmap(p + PAGE, PAGE));
	T(munmap(p, SIZE_MAX));
	T(munmap(BEYOND, PAGE));
	p[0] = 'A';
	p[2 * PAGE] = 'B';
	T(msync(p, PAGE, MS_SYNC));
	T(msync(p, 3 * PAGE, MS_SYNC));
	T(msync(p + 1, PAGE, MS_SYNC));
	T(msync(p, PAGE, MS_SYNC | MS_ASYNC));
	T(msync(p, PAGE, 8));
	T(msync(p, 0, MS_SYNC));
	T(msync(p, SIZE_MAX, MS_SYNC));
	T(msync(p + 2 * PAGE, PAGE, MS_ASYNC));
	T(msync(p + 2 * PAGE, PAGE, MS_INVALIDATE));
	T(msync(p + 2 * PAGE, PAGE, MS_SYNC | MS_INVALIDATE));
	T(msync(p + 2 * PAGE, PAGE, 0));
	T(mprotect(p, PAGE, PROT_READ));
	T(mprotect(p, 3 * PAGE, PROT_READ));
	T(mprotect(p + 1, PAGE, PROT_READ));
	T(mprotect(p, 0, PROT_READ));
	T(mprotect(p, PAGE, 0x40));
	T(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
	T(mprotect(p, PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN));
	p = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, rd, 0);
	T(mprotect(p, PAGE, RW));
	T(mprotect(p, PAGE, PROT_EXEC | PROT_READ));
	T(munmap(p, SIZE));
	p = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, rd, 0);
	T(mprotect(p, PAGE, RW));
	T(munmap(p, SIZE));
}

static void
moved(const char *label, char *old, size_t size, size_t grown, int flags,
    void *to)
{
	char *p;

	p = (char *)syscall(SYS_mremap, old, size, grown, flags, to);
	if (p == MAP_FAILED) {
		note("%s: %s", label, strerrorname_np(errno));
		return;
	}
	note("%s: %s, %c", label,
	    p == old  ? "stayed"
	    : p == to ? "there"
		      : "moved",
	    p[0]);
}

#define R(old, size, grown, flags, to)                                         \
	moved(#old " " #size " " #grown " " #flags, old, size, grown, flags, to)

static void
moving(void)
{
	char *p;

	populate();
	p = mmap(room, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	must(p == room, "mmap");
	R(p, 4 * PAGE, 2 * PAGE, 0, NULL);
	R(p, 2 * PAGE, 4 * PAGE, 0, NULL);
	R(p, 2 * PAGE, 6 * PAGE, 0, NULL);
	R(p + 1, PAGE, PAGE, 0, NULL);
	R(p, PAGE, 0, 0, NULL);
	R(p, PAGE, PAGE, 8, NULL);
	R(p, PAGE, PAGE, MREMAP_FIXED, room + 20 * PAGE);
	R(p, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, room + 20 * PAGE + 1);
	R(p, 2 * PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, room + 20 * PAGE);
	p = room + 20 * PAGE;
	R(p, PAGE, 3 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, room + 30 * PAGE);
	p = room + 30 * PAGE;
	p[2 * PAGE] = 'G';
	R(p, SIZE_MAX, PAGE, 0, NULL);
	R(p, PAGE, SIZE_MAX, MREMAP_MAYMOVE, NULL);
	R(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL);
	R(p, 3 * PAGE, 3 * PAGE, MREMAP_DONTUNMAP, NULL);
	T(pread(both, edge(3), 3, 2 * PAGE));
	show("page", edge(3), 3);
}

static void
advising(void)
{
	unsigned char in[8];
	int advice;
	char *p;

	populate();
	p = mmap(room, SIZE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	must(p == room, "mmap");
	for (advice = 0; advice < 26; advice++) {
		errno = 0;
		/* MADV_REMOVE is for shared memory. */
		if (advice == MADV_REMOVE || advice == MADV_HUGEPAGE ||
		    advice == MADV_NOHUGEPAGE)
			continue;
		note("%d: %d %s", advice, madvise(p, 2 * PAGE, advice),
		    strerrorname_np(errno));
	}
	T(madvise(p + 1, PAGE, MADV_NORMAL));
	T(madvise(p, 0, MADV_NORMAL));
	T(madvise(p, SIZE_MAX, MADV_NORMAL));
	T(madvise(room + 100 * PAGE, 0, 99));
	contents("file");
	p[0] = p[3 * PAGE] = 'M';
	T(madvise(p, 5 * PAGE, MADV_DONTNEED));
	note("%c %c", p[0], p[3 * PAGE]);
	T(mincore(p, PAGE, in));
	T(mincore(p, 0, in));
	T(mincore(p + 1, PAGE, in));
	T(mincore(p, PAGE, NOWHERE));
	T(mincore(p, 8 * PAGE, in));
	T(mlock(p, PAGE));
	T(mlock(p, 6 * PAGE));
	T(mlock(p, 0));
	T(munlock(p, PAGE));
	T(mlock2(p, PAGE, MLOCK_ONFAULT));
	T(mlock2(p, PAGE, 4));
	T(munlock(p, 6 * PAGE));
}

/* What madvise can do to the file. */
static void
removing(void)
{
	char *p, *q, *r;

	populate();
	p = mmap(room, SIZE, RW, MAP_SHARED | MAP_FIXED, both, 0);
	q = mmap(NULL, SIZE, RW, MAP_PRIVATE, both, 0);
	r = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, rd, 0);
	must(p == room && q != MAP_FAILED && r != MAP_FAILED, "mmap");
	T(madvise(q, PAGE, MADV_REMOVE));
	T(madvise(r, PAGE, MADV_REMOVE));
	T(madvise(p + 1, PAGE, MADV_REMOVE));
	T(madvise(p, 0, MADV_REMOVE));
	q[PAGE] = 'q';
	note("%d %d %d", p[0], q[0], r[0]);
	T(madvise(p, PAGE, MADV_REMOVE));
	note("%d %d %d", p[0], q[0], r[0]);
	T(madvise(p + PAGE, 1, MADV_REMOVE));
	note("%d %d %d", p[PAGE], q[PAGE], r[2 * PAGE - 1]);
	T(madvise(p + 3 * PAGE, SIZE - 3 * PAGE, MADV_REMOVE));
	T(mprotect(p, SIZE, PROT_READ));
	contents("file");
	state("file");
	T(madvise(p, SIZE, MADV_POPULATE_WRITE));
	T(madvise(r, SIZE, MADV_POPULATE_WRITE));
	T(madvise(q, SIZE, MADV_POPULATE_WRITE));
	T(mprotect(p, SIZE, PROT_NONE));
	T(madvise(p, SIZE, MADV_POPULATE_READ));
	T(madvise(r, SIZE, MADV_POPULATE_READ));
}

/* Says whether something has set the time since it was set here. */
static void
dated(const char *what)
{
	static const struct timespec past[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st;

	must(fstat(both, &st) == 0, "fstat");
	note("%s: %s", what, st.st_mtime == 1000 ? "as it was" : "now");
	must(futimens(both, past) == 0, "futimens");
}

static void
dating(void)
{
	volatile char *p, *q;

	populate();
	dated("write");
	p = mmap(NULL, SIZE, RW, MAP_SHARED, both, 0);
	q = mmap(NULL, SIZE, RW, MAP_SHARED, both, 0);
	must(p != MAP_FAILED && q != MAP_FAILED, "mmap");
	dated("mmap");
	p[0] = 'a';
	dated("store");
	p[0] = 'b';
	dated("another store");
	T(msync((char *)p, SIZE, MS_SYNC));
	T(munmap((char *)p, SIZE));
	dated("munmap");
	note("%c", q[0]);
	dated("load");
	q[0] = 'c';
	dated("store where something was loaded");
	p = mmap(NULL, SIZE, RW, MAP_SHARED, both, 0);
	q = mmap(NULL, SIZE, RW, MAP_PRIVATE, both, 0);
	must(p != MAP_FAILED && q != MAP_FAILED, "mmap");
	q[0] = 'd';
	dated("store of one's own");
	T(pread(rd, (char *)p, 10, 5));
	dated("data read into it");
	T(madvise((char *)p, PAGE, MADV_REMOVE));
	dated("hole");
}

static void
caught(int number, siginfo_t *info, void *context)
{

	(void)context;
	code = number << 8 | info->si_code;
	siglongjmp(out, 1);
}

/* Stores, and says by which signal that failed. */
static void
touch(const char *what, volatile char *at, int store)
{

	code = 0;
	if (sigsetjmp(out, 1) == 0) {
		if (store)
			*at = 't';
		else
			(void)*at;
	}
	note("%s %s: %s %d", store ? "a store" : "a load", what,
	    code == 0 ? "fine" : sigabbrev_np(code >> 8), code & 0xff);
}

static void
faulting(void)
{
	struct sigaction sa = { .sa_sigaction = caught,
		.sa_flags = SA_SIGINFO };
	char *p, *r, *q;

	populate();
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, both, 0);
	r = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, rd, 0);
	q = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE, both, 0);
	must(p != MAP_FAILED && r != MAP_FAILED && q != MAP_FAILED, "mmap");
	touch("inside", p, 1);
	touch("in the last page behind the end", p + SIZE + 5, 1);
	touch("behind the last page", p + 6 * PAGE, 1);
	touch("behind the last page", p + 6 * PAGE, 0);
	touch("to what is read only", r, 1);
	touch("behind the end of what is read only", r + 7 * PAGE, 0);
	touch("behind the end of a private one", q + 7 * PAGE, 1);
	touch("in a private one", q, 1);
	T(pread(both, p + 6 * PAGE, 10, 0));
	T(pread(both, r, 10, 0));
	T(write(pipes[1], p + 6 * PAGE, 10));
	T(write(pipes[1], p + SIZE, 10));
	T(ftruncate(both, PAGE + 10));
	touch("behind the new end", p + 2 * PAGE, 0);
	touch("behind the new end of a private one", q + 2 * PAGE, 0);
	T(ftruncate(both, 8 * PAGE));
	touch("after it grew", p + 7 * PAGE, 1);
	touch("after it grew, a private one", q + 7 * PAGE, 0);
	note("%d %d", p[SIZE + 5], p[PAGE + 11]);
	T(mprotect(p, PAGE, PROT_NONE));
	touch("to what is protected", p, 0);
	T(mprotect(p, PAGE, PROT_READ));
	touch("to what is protected", p, 1);
	touch("to what is protected", p, 0);
	T(close(both));
	T(unlink("file"));
	touch("of a removed file", p + PAGE, 1);
}

/* Data given by and put into mappings of the file that is written or read. */
static void
looping(void)
{
	char *p;

	populate();
	p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, both, 0);
	must(p != MAP_FAILED, "mmap");
	memcpy(p, "0123456789", 10);
	T(pwrite(both, p, SIZE, 2 * PAGE));
	state("file");
	T(ftruncate(both, 3 * PAGE));
	T(pwrite(both, p + 2 * PAGE, 2 * PAGE, 0));
	T(write(end, p, 3 * PAGE));
	state("file");
}

const struct section mapping_sections[] = {
	{ "mappings-made", mapping },
	{ "mappings-unmade", unmapping },
	{ "mappings-moved", moving },
	{ "mappings-advised", advising },
	{ "mappings-removed", removing },
	{ "mappings-dated", dating },
	{ "mappings-faults", faulting },
	{ "mappings-looping", looping },
	{ NULL, NULL },
};
