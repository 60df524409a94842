/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault ladder: the first, second, ... host call that sockin makes on behalf of
 * this thread fails.  Whatever happens, no host descriptor is left behind, each
 * one that was hidden is given back, and a call that failed says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumpuser_host.h"

static struct rumpuser_hostops plain, faulty;
static _Atomic int hidden; /* descriptors hidden and not given back */
/* Calls of this thread until one fails; negative: none does. */
static __thread int countdown = -1;
static __thread bool failed;

/* Calls whose failure a program must be able to live with. */
static bool
may_fail(long nr)
{
	switch (nr) {
	case SYS_socket:
	case SYS_connect:
	case SYS_accept4:
	case SYS_bind:
	case SYS_listen:
	case SYS_getsockname:
	case SYS_setsockopt:
	case SYS_getsockopt:
	case SYS_sendmsg:
	case SYS_sendto:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_ppoll:
	case SYS_epoll_create1:
	case SYS_epoll_ctl:
	case SYS_eventfd2:
		return true;
	}
	return false;
}

static bool
fails_now(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	failed = true;
	return true;
}

/* The next wait of the poller finds its descriptor closed. */
static _Atomic bool break_watch;

static long
faulty_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_epoll_wait && atomic_exchange(&break_watch, false))
		return -EBADF;
	if (may_fail(nr) && fails_now())
		return -ENOBUFS;
	return plain.ho_syscall(nr, a, b, c, d, e, f);
}

/* A signal comes while the next ppoll(2) that does not wait looks. */
static __thread bool interrupt_look;

static bool
interrupted_look(long nr, const long args[6])
{
	const struct timespec *ts = (const struct timespec *)args[2];

	if (!interrupt_look || nr != SYS_ppoll || ts == NULL ||
	    ts->tv_sec != 0 || ts->tv_nsec != 0)
		return false;
	interrupt_look = false;
	return true;
}

static long
faulty_syscall_intr(const volatile uint32_t *intr, long nr, const long args[6])
{
	if (interrupted_look(nr, args))
		return -EINTR;
	if (may_fail(nr) && fails_now())
		return -ENOBUFS;
	return plain.ho_syscall_intr(intr, nr, args);
}

static long
faulty_fd_hide(int fd)
{
	long r;

	if (fails_now()) {
		close(fd);
		return -EMFILE;
	}
	r = plain.ho_fd_hide(fd);
	if (r >= 0)
		hidden++;
	return r;
}

static void
faulty_fd_close(int fd)
{
	hidden--;
	plain.ho_fd_close(fd);
}

static void
ladder_begin(int step)
{
	failed = false;
	countdown = step;
}

static bool
ladder_end(void)
{
	countdown = -1;
	return failed;
}

/* A client's life.  False as soon as a call fails. */
static bool
client_life(const struct rump_sockaddr_in *sin, int *fd)
{
	struct rump_pollfd pfd = { .events = RUMP_POLLIN };
	int on = 1;
	char c;

	*fd = rump_sys_socket(
	    RUMP_PF_INET, RUMP_SOCK_STREAM | RUMP_SOCK_NONBLOCK, 0);
	if (*fd == -1)
		return false;
	if (rump_sys_setsockopt(
		*fd, RUMP_IPPROTO_TCP, RUMP_TCP_NODELAY, &on, sizeof(on)) == -1)
		return false;
	if (rump_sys_connect(*fd, (const void *)sin, sizeof(*sin)) == -1 &&
	    errno != RUMP_EINPROGRESS)
		return false;
	pfd.fd = *fd;
	if (rump_sys_poll(&pfd, 1, 1) != 0)
		return false;
	if (rump_sys_read(*fd, &c, 1) == -1 && errno != RUMP_EWOULDBLOCK)
		return false;
	return rump_sys_write(*fd, "x", 1) == 1;
}

static void
a_client_leaks_nothing_wherever_it_fails(void **state)
{
	struct rump_sockaddr_in sin;
	int before, fd, host, lfd, step;
	bool done;

	lfd = peer_listen(&sin);
	assert_int_equal(fcntl(lfd, F_SETFL, O_NONBLOCK), 0);
	before = peer_count_fds();
	for (done = false, step = 0; !done; step++) {
		assert_true(step < 100);
		ladder_begin(step);
		done = client_life(&sin, &fd);
		assert_int_equal(ladder_end(), !done);
		if (fd != -1)
			assert_int_equal(rump_sys_close(fd), 0);
		while ((host = accept(lfd, NULL, NULL)) != -1)
			close(host);
		assert_int_equal(hidden, 2 + 1);
		assert_int_equal(peer_count_fds(), before);
	}
	assert_in_range(step, 6, 99);
	close(lfd);
}

/* A server's life. */
static bool
server_life(int *lfd, int *fd, int *host)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
		.sin_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in hin = { .sin_family = AF_INET };
	uint32_t len = sizeof(sin);

	*lfd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	if (*lfd == -1)
		return false;
	if (rump_sys_bind(*lfd, (void *)&sin, sizeof(sin)) == -1 ||
	    rump_sys_listen(*lfd, 1) == -1 ||
	    rump_sys_getsockname(*lfd, (void *)&sin, &len) == -1)
		return false;
	hin.sin_port = sin.sin_port;
	hin.sin_addr.s_addr = sin.sin_addr;
	*host = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(*host, (void *)&hin, sizeof(hin)), 0);
	*fd = rump_sys_accept(*lfd, NULL, NULL);
	return *fd != -1;
}

static void
a_server_leaks_nothing_wherever_it_fails(void **state)
{
	int before, fd, host, lfd, step;
	bool done;

	before = peer_count_fds();
	for (done = false, step = 0; !done; step++) {
		assert_true(step < 100);
		lfd = fd = host = -1;
		ladder_begin(step);
		done = server_life(&lfd, &fd, &host);
		assert_int_equal(ladder_end(), !done);
		if (fd != -1)
			rump_sys_close(fd);
		if (lfd != -1)
			rump_sys_close(lfd);
		if (host != -1)
			close(host);
		assert_int_equal(hidden, 2 + 1);
		assert_int_equal(peer_count_fds(), before);
	}
	assert_in_range(step, 6, 99);
}

/* The first poll of a process starts the poller, which may fail, too. */
static void
a_poll_that_cannot_be_watched_says_so_and_leaks_nothing(void **state)
{
	struct rump_pollfd pfd = { .events = RUMP_POLLIN };
	int before, fd, host, step;
	bool done;

	peer_pair(&fd, &host);
	pfd.fd = fd;
	before = peer_count_fds();
	assert_int_equal(hidden, 1);
	for (done = false, step = 0; !done; step++) {
		assert_true(step < 100);
		ladder_begin(step);
		done = rump_sys_poll(&pfd, 1, 1) == 0;
		assert_int_equal(ladder_end(), !done);
		if (done)
			break;
		assert_int_equal(pfd.revents, RUMP_POLLERR);
		/* The poller is there or not, but never a half of it. */
		assert_true(hidden == 1 || hidden == 2 + 1);
		assert_int_equal(peer_count_fds(), before - 1 + hidden);
	}
	assert_int_equal(hidden, 2 + 1);
	close(host);
	/* fd stays, to keep the poller for the tests that follow. */
}

struct one_poll {
	struct rump_pollfd pfd;
	int result;
};

static void
poll_one(void *arg)
{
	struct one_poll *op = arg;

	op->result = rump_sys_poll(&op->pfd, 1, -1);
}

static void
a_poller_that_lost_its_descriptor_is_replaced(void **state)
{
	struct one_poll a = { .pfd.events = RUMP_POLLIN };
	struct one_poll b = { .pfd.events = RUMP_POLLIN };
	struct sleeper sla, slb;
	int hosta, hostb;

	peer_pair(&a.pfd.fd, &hosta);
	peer_pair(&b.pfd.fd, &hostb);
	sleeper_start(&sla, poll_one, &a);
	sleeper_start(&slb, poll_one, &b);
	sleeper_wait_asleep(&sla, SYS_futex);
	sleeper_wait_asleep(&slb, SYS_futex);
	break_watch = true;
	peer_write(hosta, "a", 1);
	sleeper_join(&sla);
	assert_int_equal(a.pfd.revents, RUMP_POLLIN);
	while (break_watch)
		sched_yield();
	peer_write(hostb, "b", 1);
	sleeper_join(&slb);
	assert_int_equal(b.pfd.revents, RUMP_POLLIN);
	rump_sys_close(a.pfd.fd);
	rump_sys_close(b.pfd.fd);
	close(hosta);
	close(hostb);
}

static void
a_signal_during_the_look_of_a_poll_is_no_error(void **state)
{
	struct rump_pollfd pfd = { .events = RUMP_POLLIN };
	int host;

	peer_pair(&pfd.fd, &host);
	interrupt_look = true;
	assert_int_equal(rump_sys_poll(&pfd, 1, 0), 0);
	assert_false(interrupt_look);
	peer_write(host, "a", 1);
	interrupt_look = true;
	assert_int_equal(rump_sys_poll(&pfd, 1, -1), 1);
	assert_int_equal(pfd.revents, RUMP_POLLIN);
	rump_sys_close(pfd.fd);
	close(host);
}

static int
boot(void **state)
{
	plain = rumpuser_hostops;
	faulty = plain;
	faulty.ho_syscall = faulty_syscall;
	faulty.ho_syscall_intr = faulty_syscall_intr;
	faulty.ho_fd_hide = faulty_fd_hide;
	faulty.ho_fd_close = faulty_fd_close;
	rumpuser_set_hostops(&faulty);
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_poll_that_cannot_be_watched_says_so_and_leaks_nothing),
		cmocka_unit_test(a_client_leaks_nothing_wherever_it_fails),
		cmocka_unit_test(a_server_leaks_nothing_wherever_it_fails),
		cmocka_unit_test(a_poller_that_lost_its_descriptor_is_replaced),
		cmocka_unit_test(
		    a_signal_during_the_look_of_a_poll_is_no_error),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
