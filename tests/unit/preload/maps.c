/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maps DIRECTORY: map a file below DIRECTORY in every way, and print what is
 * seen; compared between the host and a rump kernel like matrix.c.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define RANDOM_STEPS 4000
#define RANDOM_SIZE (600 * 1024L)
#define MANY 3000
#define CHANGING 600
#define CHILDREN 150

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static char path[PATH_MAX];
static sigjmp_buf out;
static volatile sig_atomic_t signo, code;
static void *volatile where;
static char *volatile base; /* addresses are printed relative to it */

static void
say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}

#define SAY(call) say(#call, (long)(call))

static void
caught(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	signo = sig;
	code = si->si_code;
	where = si->si_addr;
	siglongjmp(out, 1);
}

/* Read or write one byte; say what came of it. */
static void
touch(volatile char *p, int write)
{
	char c;

	if (sigsetjmp(out, 1) != 0) {
		printf("at %ld: signal %d, code %d, address %ld\n",
		    (long)(p - base), (int)signo, (int)code,
		    (long)((char *)where - base));
		return;
	}
	if (write)
		*p = 'T';
	c = *p;
	printf("at %ld: %d\n", (long)(p - base), c);
}

static int
fresh(long size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || ftruncate(fd, size) != 0)
		err(1, "%s", path);
	return fd;
}

static char *
map(int fd, long len, int prot, int flags)
{
	char *p = mmap(NULL, (size_t)len, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	base = p;
	return p;
}

#define RW (PROT_READ | PROT_WRITE)

static int
byte_at(int fd, long off)
{
	char c = 0;

	return pread(fd, &c, 1, off) == 1 ? c : -1;
}

static void
shared_and_read(void)
{
	int fd = fresh(300000);
	char *p = map(fd, 1 << 20, RW, MAP_SHARED), *q;

	p[0] = 'a';
	p[70000] = 'b';
	p[299999] = 'c';
	SAY(byte_at(fd, 0));
	SAY(byte_at(fd, 70000));
	SAY(byte_at(fd, 299999));
	SAY(pwrite(fd, "X", 1, 5));
	SAY(p[5]);
	q = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 16 * PAGE);
	SAY(q[70000 - 16 * PAGE]);
	p[20 * PAGE - 1] = 'd';
	SAY(q[4 * PAGE - 1]);
	SAY(munmap(q, 4 * PAGE));
	SAY(msync(p, 1 << 20, MS_SYNC));
	SAY(msync(p, 1 << 20, MS_ASYNC));
	SAY(msync(p, 1 << 20, MS_SYNC | MS_ASYNC));
	SAY(msync(p, 1 << 20, 64));
	SAY(msync(p + 1, 1 << 20, MS_SYNC));
	SAY(close(fd));
	p[1] = 'e';
	SAY(munmap(p, 1 << 20));
	SAY(msync(p, PAGE, MS_SYNC));
	fd = open(path, O_RDONLY);
	SAY(byte_at(fd, 1));
	SAY(close(fd));
}

static void
end_of_file(void)
{
	int fd = fresh(300000);
	char *p = map(fd, 1 << 20, RW, MAP_SHARED);

	touch(p + 299999, 1);
	/* The rest of the last page, which file systems later see differently. */
	touch(p + 300001, 1);
	touch(p + 303104, 0);
	touch(p + 303104, 1);
	touch(p + 400000, 1);
	SAY(ftruncate(fd, 500000));
	touch(p + 400000, 1);
	SAY(ftruncate(fd, 70001));
	touch(p + 70000, 0);
	touch(p + 70002, 0);
	touch(p + 80000, 0);
	touch(p + 299999, 1);
	SAY(ftruncate(fd, 500000));
	touch(p + 70002, 0);
	touch(p + 299999, 0);
	SAY(munmap(p, 1 << 20));
	SAY(close(fd));
}

static void
private_copy(void)
{
	int fd = fresh(500000);
	char *p = map(fd, 500000, RW, MAP_SHARED);
	char *q = map(fd, 500000, RW, MAP_PRIVATE);

	q[10] = 'Q';
	SAY(p[10]);
	SAY(byte_at(fd, 10));
	p[20 * PAGE] = 'S';
	SAY(q[20 * PAGE]);
	SAY(ftruncate(fd, 0));
	touch(q + 10, 0);
	base = p;
	touch(p + 10, 1);
	SAY(ftruncate(fd, 2 * PAGE));
	base = q;
	touch(q + 10, 0);
	touch(q + 2 * PAGE, 0);
	q[11] = 'R';
	SAY(madvise(q, PAGE, MADV_DONTNEED));
	SAY(q[11]);
	SAY(munmap(p, 500000));
	SAY(munmap(q, 500000));
	SAY(close(fd));
}

static void
moved_and_grown(void)
{
	long old = 1 << 20, new = 8 << 20;
	int fd = fresh(new);
	char *p = map(fd, old, RW, MAP_SHARED), *q;

	p[0] = 'm';
	p = mremap(p, (size_t)old, (size_t) new, MREMAP_MAYMOVE);
	SAY(p == MAP_FAILED);
	base = p;
	touch(p + new - PAGE, 1);
	SAY(p[0]);
	SAY(byte_at(fd, new - PAGE));
	SAY(mprotect(p, PAGE, PROT_READ));
	touch(p, 1);
	touch(p + PAGE, 1);
	SAY(mprotect(p, PAGE, RW));
	touch(p, 1);
	q = mremap(
	    p, (size_t) new, (size_t) new, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	SAY(q == MAP_FAILED);
	SAY(q[0]);
	p[1] = 'D';
	SAY(q[1]);
	SAY(munmap(p + PAGE, PAGE));
	touch(p + PAGE, 0);
	touch(p + 2 * PAGE, 1);
	SAY(mremap(q, (size_t) new, PAGE, 0) == q);
	base = q;
	touch(q + 1, 0);
	touch(q + PAGE, 0);
	SAY(mremap(q, PAGE, PAGE, MREMAP_FIXED) == MAP_FAILED);
	SAY(mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE) ==
	    p + PAGE);
	SAY(p[PAGE + 1]);
	SAY(munmap(p, (size_t) new));
	SAY(close(fd));
}

static void
permissions(void)
{
	int rw = fresh(PAGE), ro = open(path, O_RDONLY);
	int wo = open(path, O_WRONLY), some = open(path, O_PATH);
	char *p;

#define TRY(prot, flags, fd)                                                   \
	do {                                                                   \
		p = mmap(NULL, PAGE, prot, flags, fd, 0);                      \
		say("mmap " #prot " " #flags " " #fd,                          \
		    p == MAP_FAILED ? -1 : 0);                                 \
	} while (0)
	TRY(RW, MAP_SHARED, ro);
	TRY(RW, MAP_PRIVATE, ro);
	TRY(PROT_WRITE, MAP_SHARED, wo);
	TRY(PROT_READ, MAP_PRIVATE, wo);
	TRY(PROT_READ, MAP_SHARED, some);
	TRY(PROT_READ, 0, ro);
	TRY(PROT_READ, MAP_SHARED_VALIDATE, ro);
	TRY(PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, ro);
	TRY(PROT_NONE, MAP_SHARED, ro);
	TRY(PROT_READ, MAP_SHARED, ro);
	SAY(mprotect(p, PAGE, RW));
	SAY(madvise(p, PAGE, MADV_REMOVE));
	SAY(madvise(p, PAGE, MADV_FREE));
	SAY(madvise(p, PAGE, 12345));
	TRY(PROT_READ, MAP_SHARED, rw);
	SAY(mprotect(p, PAGE, RW));
	base = p;
	touch(p, 1);
	SAY(byte_at(rw, 0));
	SAY(mmap(NULL, 0, PROT_READ, MAP_SHARED, ro, 0) == MAP_FAILED);
	SAY(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 1) == MAP_FAILED);
	if (sigsetjmp(out, 1) == 0)
		((void (*)(void))(uintptr_t)p)();
	printf("execute: signal %d\n", (int)signo);
	TRY(PROT_NONE, MAP_SHARED, rw);
	base = p;
	touch(p, 0);
	SAY(mlock(p, 1) == 0 || errno == ENOMEM);
	SAY(close(rw) + close(ro) + close(wo) + close(some));
}

static void
advice(void)
{
	int fd = fresh(1 << 20);
	char *p = map(fd, 2 << 20, RW, MAP_SHARED);

	SAY(mlock(p, 65536));
	SAY(munlock(p, 65536));
	SAY(madvise(p, 65536, MADV_WILLNEED));
	SAY(madvise(p, 65536, MADV_POPULATE_READ));
	SAY(madvise(p, 65536, MADV_POPULATE_WRITE));
	p[3] = 'k';
	SAY(madvise(p, 65536, MADV_DONTNEED));
	SAY(p[3]);
	SAY(munmap(p, 2 << 20));
	p = map(fd, 1 << 20, RW, MAP_SHARED | MAP_POPULATE);
	SAY(p[3]);
	SAY(mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		-1, 0) == p + PAGE);
	p[PAGE] = 'n';
	SAY(byte_at(fd, PAGE));
	SAY(mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE) == p);
	SAY(p[0]);
	SAY(p[2 * PAGE]);
	SAY(munmap(p, 1 << 20));
	SAY(close(fd));
}

/* Calls of the host, and of the kernel that has the file, with a buffer in a
 * mapping. */
static void
buffers(void)
{
	int fd = fresh(8 << 20), host = open("/proc/self/exe", O_RDONLY), p[2];
	char *m = map(fd, 8 << 20, RW, MAP_SHARED), magic[4] = "";

	SAY(read(host, m + 65536, 4));
	SAY(pread(fd, magic, 4, 65536));
	SAY(memcmp(magic + 1, "ELF", 3));
	SAY(pipe(p));
	SAY(write(p[1], m + 65537, 3));
	SAY(read(p[0], m + 3 * 65536 - 1, 3));
	SAY(m[3 * 65536]);
	SAY(pwrite(fd, "begin", 5, 0));
	SAY(pread(fd, m + (4 << 20) + 100, 300000, 0));
	SAY(m[(4 << 20) + 104]);
	SAY(pwrite(fd, m + (4 << 20), 300000, 2 << 20));
	SAY(m[(2 << 20) + 104]);
	SAY(getcwd(m + (1 << 20) - 2, 100) != NULL);
	SAY(m[(1 << 20) - 2]);
	SAY(munmap(m, 8 << 20));
	SAY(close(fd) + close(host) + close(p[0]) + close(p[1]));
}

static void
many(void)
{
	int fd = fresh(MANY * PAGE);
	long sum = 0;

	for (long i = 0; i < MANY; i++) {
		char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, i * PAGE);

		if (p == MAP_FAILED)
			err(1, "mmap %ld", i);
		p[i % PAGE] = (char)i;
	}
	for (long i = 0; i < MANY; i++)
		sum += byte_at(fd, i * PAGE + i % PAGE);
	SAY(sum);
	SAY(close(fd));
}

/* The far end of a file that was small when it was mapped first. */
static void
far(void)
{
	int fd = fresh(PAGE);
	char *p = map(fd, PAGE, RW, MAP_SHARED), *q;
	long off = 40L << 30;

	p[0] = 'n';
	SAY(ftruncate(fd, off + PAGE));
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, off);
	SAY(q == MAP_FAILED);
	q[1] = 'f';
	SAY(byte_at(fd, off + 1));
	SAY(byte_at(fd, 0));
	SAY(p[0]);
	SAY(munmap(q, PAGE) + munmap(p, PAGE));
	SAY(ftruncate(fd, 0));
	SAY(close(fd));
}

/* Its faults are none of what the parent has been looking for. */
static pid_t
fork_plainly(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
	}
	return pid;
}

/* A child has what was there, and has been saved; what it writes to a private
 * mapping is its own. */
static void
forked(void)
{
	int fd = fresh(2 * PAGE), status;
	char *p = map(fd, 2 * PAGE, RW, MAP_SHARED);
	char *q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, PAGE);
	pid_t pid;

	p[0] = 's';
	q[0] = 'p';
	SAY(msync(p, PAGE, MS_SYNC));
	fflush(stdout);
	pid = fork_plainly();
	if (pid == 0) {
		q[0] = 'c';
		_exit(p[0] == 's' && q[0] == 'c' ? 7 : 8);
	}
	SAY(waitpid(pid, &status, 0) == pid);
	SAY(status);
	SAY(q[0]);
	SAY(p[0]);
	SAY(munmap(p, 2 * PAGE) + munmap(q, PAGE));
	SAY(close(fd));
}

/* What the host takes out of a queue must find its buffer there. */
static void
messages(void)
{
	int fd = fresh(8 * PAGE), pair[2];
	char *p = map(fd, 8 * PAGE, RW, MAP_SHARED);
	struct iovec iov = { p + 6 * PAGE - 3, 8 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	SAY(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair));
	for (const char *text = "abcd"; *text != '\0'; text++) {
		char message[8];

		memset(message, *text, sizeof(message));
		SAY(send(pair[0], message, sizeof(message), 0));
	}
	SAY(recv(pair[1], p + PAGE - 3, 8, 0));
	SAY(read(pair[1], p + 3 * PAGE, 8));
	SAY(recvmsg(pair[1], &mh, 0));
	SAY(mprotect(p, PAGE, PROT_READ));
	SAY(recv(pair[1], p, 8, 0));
	printf(
	    "%.8s %.8s %.8s\n", p + PAGE - 3, p + 3 * PAGE, p + 6 * PAGE - 3);
	SAY(close(pair[0]) + close(pair[1]));
	SAY(munmap(p, 8 * PAGE));
	SAY(close(fd));
}

static atomic_bool enough;

/* Change the set of mappings all the time. */
static void *
change(void *arg)
{
	static char *maps[CHANGING];
	int fd = *(int *)arg;

	for (unsigned i = 0; !enough; i = (i * 5 + 1) % CHANGING) {
		if (maps[i] != NULL)
			munmap(maps[i], 2 * PAGE);
		maps[i] = maps[i] != NULL
			      ? NULL
			      : map(fd, 2 * PAGE, PROT_READ, MAP_SHARED);
	}
	return NULL;
}

/* A child uses what its parent has mapped, whatever else is going on there. */
static int
child_of_changes(char *p, long len)
{
	int status;
	pid_t pid = fork_plainly();

	if (pid == 0) {
		for (long i = 0; i < len; i += PAGE) {
			if (p[i] != 'x')
				_exit(1);
		}
		_exit(munmap(p, (size_t)len) != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err(1, "fork");
	return status;
}

static void
forked_while_changing(void)
{
	int fd = fresh(16 * PAGE), failed = 0;
	char *p = map(fd, 16 * PAGE, RW, MAP_SHARED);
	pthread_t thread;

	memset(p, 'x', 16 * PAGE);
	SAY(msync(p, 16 * PAGE, MS_SYNC));
	if (pthread_create(&thread, NULL, change, &fd) != 0)
		errx(1, "pthread_create");
	for (int i = 0; i < CHILDREN; i++)
		failed += child_of_changes(p, 16 * PAGE) != 0;
	enough = true;
	pthread_join(thread, NULL);
	printf("%d children failed\n", failed);
	SAY(munmap(p, 16 * PAGE));
	SAY(close(fd));
}

static uint32_t
next(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

static uint64_t
sum_of(int fd)
{
	static char buf[RANDOM_SIZE];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	uint64_t sum = (uint64_t)n;

	for (ssize_t i = 0; i < n; i++)
		sum = sum * 31 + (uint8_t)buf[i];
	return sum;
}

/* One random change of the file by a call or through a mapping. */
static void
random_step(int fd, char *p, long *size)
{
	long off = next() % RANDOM_SIZE, n = next() % 30000;
	char buf[64];

	memset(buf, (int)next(), sizeof(buf));
	switch (next() % 8) {
	case 0:
		*size = off;
		if (ftruncate(fd, off) != 0)
			err(1, "ftruncate");
		break;
	case 1:
	case 2:
		if (pwrite(fd, buf, sizeof(buf), off) != sizeof(buf))
			err(1, "pwrite");
		if (off + (long)sizeof(buf) > *size)
			*size = off + (long)sizeof(buf);
		break;
	case 3:
		if (mprotect(p, RANDOM_SIZE, next() % 2 ? RW : PROT_READ) != 0)
			err(1, "mprotect");
		break;
	case 4:
		(void)madvise(p, RANDOM_SIZE, MADV_DONTNEED);
		break;
	default:
		if (mprotect(p, RANDOM_SIZE, RW) != 0)
			err(1, "mprotect");
		if (off < *size)
			memset(p + off, (int)next(),
			    (size_t)(off + n < *size ? n : *size - off));
		break;
	}
}

static void
random_changes(void)
{
	int fd = fresh(RANDOM_SIZE);
	char *p = map(fd, RANDOM_SIZE, RW, MAP_SHARED);
	long size = RANDOM_SIZE;

	for (int i = 0; i < RANDOM_STEPS; i++) {
		random_step(fd, p, &size);
		if (i % 100 == 0)
			printf(
			    "%d: %016llx\n", i, (unsigned long long)sum_of(fd));
	}
	SAY(munmap(p, RANDOM_SIZE));
	SAY(close(fd));
}

int
main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = caught,
		.sa_flags = SA_SIGINFO };

	if (argc != 2)
		errx(1, "usage: maps DIRECTORY");
	snprintf(path, sizeof(path), "%s/map", argv[1]);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	shared_and_read();
	end_of_file();
	private_copy();
	moved_and_grown();
	permissions();
	advice();
	buffers();
	many();
	far();
	forked();
	messages();
	forked_while_changing();
	random_changes();
	SAY(unlink(path));
	return 0;
}
