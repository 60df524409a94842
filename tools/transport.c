/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This process plays the program and a grandchild the server, as in a run: the
 * one tells the other by a futex in shared memory that it may look (a Yama rule
 * may want to be told so, too), and the other one looks and answers.
 */
#include "tools/transport.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 5

enum turn { NOBODY, PROGRAM, SERVER, DONE };

struct trial {
	_Atomic uint32_t tl_turn;
	pid_t tl_server;
	int tl_vm; /* what the server found */
};

static const char shown[] = "rumpkit";
static char written[sizeof(shown)];

static void
give_turn(struct trial *tl, enum turn to)
{
	atomic_store(&tl->tl_turn, to);
	syscall(SYS_futex, &tl->tl_turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* 0, or the errno of waiting. */
static int
await_turn(struct trial *tl, enum turn mine)
{
	struct timespec ts = { .tv_sec = PATIENCE_S };
	uint32_t now;

	while ((now = atomic_load(&tl->tl_turn)) != mine) {
		if (syscall(SYS_futex, &tl->tl_turn, FUTEX_WAIT, now, &ts, NULL,
			0) != 0 &&
		    errno != EAGAIN && errno != EINTR)
			return errno;
	}
	return 0;
}

/* Read from the program and write to it. */
static int
try_vm(pid_t program)
{
	char seen[sizeof(shown)];
	struct iovec mine = { seen, sizeof(seen) };
	struct iovec from = { (void *)shown, sizeof(shown) };
	struct iovec to = { written, sizeof(written) };

	if (process_vm_readv(program, &mine, 1, &from, 1, 0) != sizeof(shown) ||
	    process_vm_writev(program, &mine, 1, &to, 1, 0) != sizeof(shown))
		return errno;
	return memcmp(seen, shown, sizeof(shown)) == 0 ? 0 : EIO;
}

static void __attribute__((__noreturn__))
play_server(struct trial *tl, pid_t program)
{
	tl->tl_server = getpid();
	give_turn(tl, PROGRAM);
	if (await_turn(tl, SERVER) == 0) {
		tl->tl_vm = try_vm(program);
		give_turn(tl, DONE);
	}
	_exit(0);
}

static int
start_server(struct trial *tl)
{
	pid_t program = getpid(), pid = fork();

	if (pid < 0)
		return errno;
	if (pid == 0) {
		if (fork() == 0)
			play_server(tl, program);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return 0;
}

static void
play_program(struct trial *tl, struct transport *tr)
{
	tr->tr_futex = await_turn(tl, PROGRAM);
	tr->tr_vm = EPERM;
	if (tr->tr_futex != 0)
		return;
	prctl(PR_SET_PTRACER, tl->tl_server, 0L, 0L, 0L);
	give_turn(tl, SERVER);
	tr->tr_futex = await_turn(tl, DONE);
	if (tr->tr_futex == 0)
		tr->tr_vm = tl->tl_vm;
	prctl(PR_SET_PTRACER, 0L, 0L, 0L, 0L);
}

int
transport_try(struct transport *tr)
{
	struct trial *tl;
	int error, fd;

	fd = memfd_create("rumpkit-doctor", MFD_CLOEXEC);
	if (fd < 0)
		return errno;
	tl = MAP_FAILED;
	if (ftruncate(fd, sizeof(*tl)) == 0)
		tl = mmap(NULL, sizeof(*tl), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	error = tl == MAP_FAILED ? errno : 0;
	close(fd);
	if (error != 0)
		return error;
	error = start_server(tl);
	if (error == 0)
		play_program(tl, tr);
	munmap(tl, sizeof(*tl));
	return error;
}
