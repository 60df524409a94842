/* SPDX-License-Identifier: BSD-2-Clause */
/* Trap 30, and calls that the host makes with memory that is not there yet. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "trap.h"

static void
fault(void)
{
	volatile uintptr_t bad = 8;

	*(volatile int *)bad = 1;
}

static void
fault_again(int sig)
{
	got++;
	if (got < 3)
		fault();
	_exit(got);
}

static volatile int blocked;

static void
look_at_mask(int sig, siginfo_t *si, void *context)
{
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	blocked = sigismember(&set, SIGSEGV) * 4 +
		  sigismember(&set, SIGBUS) * 2 +
		  sigismember(&((ucontext_t *)context)->uc_sigmask, SIGBUS);
	sigaddset(&set, SIGBUS);
	sigprocmask(SIG_SETMASK, &set, NULL); /* undone by the return */
}

static int
fault_status(int flags)
{
	pid_t pid = fork();

	if (pid == 0) {
		handle(SIGSEGV, fault_again, flags);
		fault();
	}
	return exit_status(pid);
}

static int
handler_faults(void)
{
	struct sigaction sa = { .sa_sigaction = look_at_mask,
		.sa_flags = SA_SIGINFO };
	sigset_t set;

	CHECK(fault_status(0) == 128 + SIGSEGV);
	CHECK(fault_status(SA_NODEFER) == 3);
	sigaddset(&sa.sa_mask, SIGSEGV);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	CHECK(blocked == 4);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(!sigismember(&set, SIGBUS) && !sigismember(&set, SIGSEGV));
	mask(SIG_BLOCK, SIGBUS);
	raise(SIGUSR1);
	CHECK(blocked == 7);
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(sigismember(&set, SIGBUS) && !sigismember(&set, SIGSEGV));
	/* Sent while blocked in its own handler: afterwards. */
	handle(SIGSEGV, count, 0);
	mask(SIG_UNBLOCK, SIGBUS);
	got = 0;
	mask(SIG_BLOCK, SIGSEGV);
	raise(SIGSEGV);
	CHECK(got == 0);
	mask(SIG_UNBLOCK, SIGSEGV);
	CHECK(got == 1);
	return 0;
}

static char *pages;

static void
hide(void)
{
	ioctl(900, 0x7778, pages);
}

static int
efault(void)
{
	struct iovec iov[2];
	struct timespec *ts;
	int i, fds[2], sk[2], file;
	char buf[20000];

	pages = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(pages, 'a', 16384);
	ts = memset(pages + 8192, 0, sizeof(*ts));
	file = memfd_create("file", 0);
	CHECK(pipe(fds) == 0 && file >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sk) == 0);
	for (i = 0; i < 6; i++) {
		hide();
		CHECK(write(fds[1], pages, 8000) == 8000);
		CHECK(read(fds[0], buf, 8000) == 8000 && buf[0] == 'a');
		hide();
		iov[0].iov_base = buf;
		iov[0].iov_len = 0;
		iov[1].iov_base = pages;
		iov[1].iov_len = 8000;
		CHECK(writev(fds[1], iov, 2) == 8000);
		CHECK(read(fds[0], buf, 8000) == 8000);
		hide();
		CHECK(send(sk[0], pages, 4000, 0) == 4000);
		CHECK(recv(sk[1], buf, 4000, 0) == 4000);
		hide();
		CHECK(pwrite(file, pages, 8000, i) == 8000);
		hide();
		CHECK(nanosleep(ts, NULL) == 0);
		hide();
		CHECK(access(pages, F_OK) == -1 && errno == ENAMETOOLONG);
		hide();
		CHECK(pages[0] == 'a');
	}
	ts = (struct timespec *)(uintptr_t)got + 1; /* not mapped */
	CHECK(write(fds[1], ts, 10) == -1 && errno == EFAULT);
	CHECK(nanosleep(ts, NULL) == -1 && errno == EFAULT);
	return 0;
}

const struct trap_case fault_cases[] = {
	{ "handler_faults", handler_faults },
	{ "efault", efault },
	{ NULL, NULL },
};
