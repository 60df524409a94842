/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that wait: in the host on one socket, in the kernel on several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define BULK (4u << 20)
#define NSOCKETS 8

static int fds_at_boot;

/* A call that a thread makes, and what came of it. */
struct attempt {
	int fd;
	char *buf;
	size_t len;
	ssize_t result;
	int error;
};

static void
attempt_read(void *arg)
{
	struct attempt *at = arg;

	at->result = rump_sys_read(at->fd, at->buf, at->len);
	at->error = errno;
}

static void
attempt_write(void *arg)
{
	struct attempt *at = arg;

	at->result = rump_sys_write(at->fd, at->buf, at->len);
	at->error = errno;
}

static void
attempt_waitall(void *arg)
{
	struct attempt *at = arg;

	at->result = rump_sys_recvfrom(
	    at->fd, at->buf, at->len, RUMP_MSG_WAITALL, NULL, NULL);
	at->error = errno;
}

static void
attempt_accept(void *arg)
{
	struct attempt *at = arg;

	at->result = rump_sys_accept(at->fd, NULL, NULL);
	at->error = errno;
}

static void
a_blocked_reader_wakes_when_data_come(void **state)
{
	char c = 0;
	struct attempt at = { .buf = &c, .len = 1 };
	struct sleeper sl;
	int host;

	peer_pair(&at.fd, &host);
	sleeper_start(&sl, attempt_read, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	peer_write(host, "!", 1);
	sleeper_join(&sl);
	assert_int_equal(at.result, 1);
	assert_int_equal(c, '!');
	close(host);
	rump_sys_close(at.fd);
}

static void
a_full_request_waits_for_all_of_it(void **state)
{
	char buf[6];
	struct attempt at = { .buf = buf, .len = 6 };
	struct sleeper sl;
	int host;

	peer_pair(&at.fd, &host);
	peer_write(host, "abc", 3);
	sleeper_start(&sl, attempt_waitall, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	peer_write(host, "def", 3);
	sleeper_join(&sl);
	assert_int_equal(at.result, 6);
	assert_memory_equal(buf, "abcdef", 6);
	close(host);
	rump_sys_close(at.fd);
}

/* The host's own low-water mark would count what has been taken already. */
static void
a_low_water_mark_is_reached_in_pieces(void **state)
{
	struct rump_timeval tv = { .tv_sec = 5 };
	char buf[8];
	struct attempt at = { .buf = buf, .len = sizeof(buf) };
	struct sleeper sl;
	int host, mark = 4;

	peer_pair(&at.fd, &host);
	assert_int_equal(rump_sys_setsockopt(at.fd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	assert_int_equal(rump_sys_setsockopt(at.fd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVLOWAT, &mark, sizeof(mark)),
	    0);
	peer_write(host, "ab", 2);
	sleeper_start(&sl, attempt_read, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	peer_write(host, "cd", 2);
	sleeper_join(&sl);
	assert_int_equal(at.result, 4);
	assert_memory_equal(buf, "abcd", 4);
	close(host);
	rump_sys_close(at.fd);
}

static void
a_peer_that_does_not_read_stops_the_writer(void **state)
{
	struct attempt at = { .len = BULK };
	char *got;
	struct sleeper sl;
	size_t i;
	int host;

	at.buf = malloc(BULK);
	got = malloc(BULK);
	for (i = 0; i < BULK; i++)
		at.buf[i] = (char)(i * 7 + (i >> 12));
	peer_pair(&at.fd, &host);
	sleeper_start(&sl, attempt_write, &at);
	sleeper_wait_asleep(&sl, SYS_sendto);
	peer_read(host, got, BULK);
	sleeper_join(&sl);
	assert_int_equal(at.result, BULK);
	assert_memory_equal(got, at.buf, BULK);
	close(host);
	rump_sys_close(at.fd);
	free(at.buf);
	free(got);
}

static void
a_nonblocking_writer_is_told_to_come_back(void **state)
{
	static char block[65536];
	struct rump_pollfd pfd;
	ssize_t n;
	size_t total, got;
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_fcntl(fd, RUMP_F_SETFL, RUMP_O_NONBLOCK), 0);
	for (total = 0;; total += (size_t)n) {
		n = rump_sys_write(fd, block, sizeof(block));
		if (n == -1)
			break;
	}
	assert_int_equal(errno, RUMP_EWOULDBLOCK);
	pfd = (struct rump_pollfd){ .fd = fd, .events = RUMP_POLLOUT };
	assert_int_equal(rump_sys_poll(&pfd, 1, 0), 0);
	for (got = 0; got < total; got += (size_t)n) {
		n = recv(host, block, sizeof(block), 0);
		assert_true(n > 0);
	}
	assert_int_equal(rump_sys_poll(&pfd, 1, -1), 1);
	assert_int_equal(pfd.revents, RUMP_POLLOUT);
	close(host);
	rump_sys_close(fd);
}

static void
shutdown_wakes_a_blocked_reader(void **state)
{
	char c;
	struct attempt at = { .buf = &c, .len = 1 };
	struct sleeper sl;
	int host;

	peer_pair(&at.fd, &host);
	sleeper_start(&sl, attempt_read, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	assert_int_equal(rump_sys_shutdown(at.fd, RUMP_SHUT_RD), 0);
	sleeper_join(&sl);
	assert_int_equal(at.result, 0);
	close(host);
	rump_sys_close(at.fd);
}

static void
closing_under_a_reader_takes_effect_when_its_call_ends(void **state)
{
	char c = 0;
	struct attempt at = { .buf = &c, .len = 1 };
	struct sleeper sl;
	int before, host;

	before = peer_count_fds();
	peer_pair(&at.fd, &host);
	sleeper_start(&sl, attempt_read, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	assert_int_equal(rump_sys_close(at.fd), 0);
	assert_int_equal(rump_sys_fcntl(at.fd, RUMP_F_GETFL), -1);
	assert_int_equal(errno, RUMP_EBADF);
	/* The host descriptor is still the sleeper's. */
	assert_int_equal(peer_count_fds(), before + 2);
	peer_write(host, "z", 1);
	sleeper_join(&sl);
	assert_int_equal(at.result, 1);
	assert_int_equal(c, 'z');
	assert_int_equal(recv(host, &c, 1, 0), 0);
	close(host);
	assert_int_equal(peer_count_fds(), before);
}

static void
on_usr1(int sig)
{
	rump_interrupt();
}

static void
on_usr2(int sig)
{
}

/* A sleeper that lets itself be interrupted once. */
static void
interrupted_read(void *arg)
{
	attempt_read(arg);
	rump_interrupt_clear();
}

static void
interrupted_accept(void *arg)
{
	attempt_accept(arg);
	rump_interrupt_clear();
}

static void
a_signal_ends_a_wait_before_data_moved(void **state)
{
	char c;
	struct attempt at = { .buf = &c, .len = 1 };
	struct sigaction sa = { .sa_handler = on_usr1 };
	struct sleeper sl;
	int host;

	sigaction(SIGUSR1, &sa, NULL);
	peer_pair(&at.fd, &host);
	sleeper_start(&sl, interrupted_read, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	pthread_kill(sl.sl_thread, SIGUSR1);
	sleeper_join(&sl);
	assert_int_equal(at.result, -1);
	assert_int_equal(at.error, RUMP_EINTR);
	close(host);
	rump_sys_close(at.fd);
}

static void
wait_and_read(void *arg)
{
	struct attempt *at = arg;

	at->result = rump_sys_recvfrom(
	    at->fd, at->buf, at->len, RUMP_MSG_WAITALL, NULL, NULL);
	at->error = errno;
	rump_interrupt_clear();
}

static void
a_signal_after_data_moved_gives_a_short_count(void **state)
{
	char buf[8];
	struct attempt at = { .buf = buf, .len = 8 };
	struct sigaction sa = { .sa_handler = on_usr1 };
	struct sleeper sl;
	int host;

	sigaction(SIGUSR1, &sa, NULL);
	peer_pair(&at.fd, &host);
	peer_write(host, "abc", 3);
	sleeper_start(&sl, wait_and_read, &at);
	sleeper_wait_asleep(&sl, SYS_recvfrom);
	pthread_kill(sl.sl_thread, SIGUSR1);
	sleeper_join(&sl);
	assert_int_equal(at.result, 3);
	close(host);
	rump_sys_close(at.fd);
}

static void
other_signals_do_not_end_a_wait(void **state)
{
	char c;
	struct attempt at = { .buf = &c, .len = 1 };
	struct sigaction sa = { .sa_handler = on_usr2 };
	struct sleeper sl;
	int host, i;

	sigaction(SIGUSR2, &sa, NULL);
	peer_pair(&at.fd, &host);
	sleeper_start(&sl, attempt_read, &at);
	for (i = 0; i < 20; i++) {
		sleeper_wait_asleep(&sl, SYS_recvfrom);
		pthread_kill(sl.sl_thread, SIGUSR2);
	}
	peer_write(host, "k", 1);
	sleeper_join(&sl);
	assert_int_equal(at.result, 1);
	close(host);
	rump_sys_close(at.fd);
}

static void
an_interrupted_accept_loses_no_descriptor(void **state)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
	};
	struct sigaction sa = { .sa_handler = on_usr1 };
	struct attempt at = { .fd = -1 };
	struct sleeper sl;
	int before;

	sigaction(SIGUSR1, &sa, NULL);
	before = peer_count_fds();
	at.fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_bind(at.fd, (void *)&sin, sizeof(sin)), 0);
	assert_int_equal(rump_sys_listen(at.fd, 1), 0);
	sleeper_start(&sl, interrupted_accept, &at);
	sleeper_wait_asleep(&sl, SYS_accept4);
	pthread_kill(sl.sl_thread, SIGUSR1);
	sleeper_join(&sl);
	assert_int_equal(at.result, -1);
	assert_int_equal(at.error, RUMP_EINTR);
	rump_sys_close(at.fd);
	assert_int_equal(peer_count_fds(), before);
}

struct group {
	struct rump_pollfd pfd[NSOCKETS];
	int result;
};

static void
poll_group(void *arg)
{
	struct group *g = arg;

	g->result = rump_sys_poll(g->pfd, NSOCKETS, -1);
}

static void
group_open(struct group *g, int host[NSOCKETS], int events)
{
	int i;

	for (i = 0; i < NSOCKETS; i++) {
		peer_pair(&g->pfd[i].fd, &host[i]);
		g->pfd[i].events = (short)events;
	}
}

static void
group_close(struct group *g, int host[NSOCKETS])
{
	int i;

	for (i = 0; i < NSOCKETS; i++) {
		rump_sys_close(g->pfd[i].fd);
		close(host[i]);
	}
}

static void
poll_wakes_for_each_of_several_sockets(void **state)
{
	struct group g;
	struct sleeper sl;
	int host[NSOCKETS], i, j;
	char c;

	group_open(&g, host, RUMP_POLLIN);
	for (i = 0; i < NSOCKETS; i++) {
		sleeper_start(&sl, poll_group, &g);
		sleeper_wait_asleep(&sl, SYS_futex);
		peer_write(host[i], "p", 1);
		sleeper_join(&sl);
		assert_int_equal(g.result, 1);
		for (j = 0; j < NSOCKETS; j++)
			assert_int_equal(
			    g.pfd[j].revents, i == j ? RUMP_POLLIN : 0);
		assert_int_equal(rump_sys_read(g.pfd[i].fd, &c, 1), 1);
	}
	group_close(&g, host);
}

static void
poll_reports_a_hangup_that_nobody_asked_for(void **state)
{
	struct linger lg = { .l_onoff = 1 };
	struct group g;
	struct sleeper sl;
	int host[NSOCKETS];

	group_open(&g, host, 0);
	sleeper_start(&sl, poll_group, &g);
	sleeper_wait_asleep(&sl, SYS_futex);
	assert_int_equal(
	    setsockopt(host[3], SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)), 0);
	close(host[3]);
	host[3] = -1;
	sleeper_join(&sl);
	assert_int_equal(g.result, 1);
	assert_true((g.pfd[3].revents & RUMP_POLLHUP) != 0);
	group_close(&g, host);
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

/* The wake-up of one waiter must not use up what the other waits for. */
static void
polls_for_both_directions_of_a_socket_all_wake(void **state)
{
	static char block[65536];
	struct one_poll in, out;
	struct sleeper slin, slout;
	size_t got, total;
	ssize_t n;
	int fd, host;
	char c;

	peer_pair(&fd, &host);
	for (total = 0;; total += (size_t)n) {
		n = rump_sys_sendto(
		    fd, block, sizeof(block), RUMP_MSG_DONTWAIT, NULL, 0);
		if (n == -1)
			break;
	}
	in.pfd = (struct rump_pollfd){ .fd = fd, .events = RUMP_POLLIN };
	out.pfd = (struct rump_pollfd){ .fd = fd, .events = RUMP_POLLOUT };
	sleeper_start(&slin, poll_one, &in);
	sleeper_start(&slout, poll_one, &out);
	sleeper_wait_asleep(&slin, SYS_futex);
	sleeper_wait_asleep(&slout, SYS_futex);
	peer_write(host, "x", 1);
	sleeper_join(&slin);
	assert_int_equal(in.pfd.revents, RUMP_POLLIN);
	assert_int_equal(rump_sys_read(fd, &c, 1), 1);
	for (got = 0; got < total; got += (size_t)n) {
		n = recv(host, block, sizeof(block), 0);
		assert_true(n > 0);
	}
	sleeper_join(&slout);
	assert_int_equal(out.pfd.revents, RUMP_POLLOUT);
	close(host);
	rump_sys_close(fd);
}

static void
closing_a_polled_socket_does_not_disturb_the_others(void **state)
{
	struct group g;
	struct sleeper sl;
	int host[NSOCKETS];

	group_open(&g, host, RUMP_POLLIN);
	sleeper_start(&sl, poll_group, &g);
	sleeper_wait_asleep(&sl, SYS_futex);
	rump_sys_close(g.pfd[0].fd);
	peer_write(host[7], "7", 1);
	sleeper_join(&sl);
	assert_int_equal(g.result, 1);
	assert_int_equal(g.pfd[7].revents, RUMP_POLLIN);
	group_close(&g, host);
}

static void
listed(const char *name, const char *help, uint64_t value, void *arg)
{
	if (strcmp(name, "sockin_poller_starts") == 0)
		*(uint64_t *)arg = value;
}

/* Sockets come and go, polled each time, while others are polled: no event of
 * one that has gone reaches its successor in the same place. */
static void
churn(void *arg)
{
	struct one_poll op;
	char c;
	int host, i;

	for (i = 0; i < 200; i++) {
		peer_pair(&op.pfd.fd, &host);
		op.pfd.events = RUMP_POLLIN;
		assert_int_equal(rump_sys_poll(&op.pfd, 1, 0), 0);
		peer_write(host, "c", 1);
		poll_one(&op);
		assert_int_equal(op.pfd.revents & RUMP_POLLIN, RUMP_POLLIN);
		assert_int_equal(rump_sys_read(op.pfd.fd, &c, 1), 1);
		close(host);
		rump_sys_close(op.pfd.fd);
	}
}

static void
sockets_come_and_go_under_the_poller(void **state)
{
	struct sleeper sl[4];
	int before, i;

	before = peer_count_fds();
	for (i = 0; i < 4; i++)
		sleeper_start(&sl[i], churn, NULL);
	for (i = 0; i < 4; i++)
		sleeper_join(&sl[i]);
	/* The poller's own two may be there or not. */
	assert_in_range(
	    peer_count_fds(), before > 2 ? before - 2 : 0, before + 2);
}

static void
the_poller_runs_only_while_it_is_needed(void **state)
{
	struct one_poll op = { .pfd.events = RUMP_POLLIN };
	struct sleeper sl;
	uint64_t starts, again;
	int host;

	/* No socket is left, so the worker gives its descriptors back soon. */
	while (peer_count_fds() != fds_at_boot)
		poll(NULL, 0, 10);
	rump_stats_iterate(listed, &starts);
	peer_pair(&op.pfd.fd, &host);
	sleeper_start(&sl, poll_one, &op);
	sleeper_wait_asleep(&sl, SYS_futex);
	peer_write(host, "x", 1);
	sleeper_join(&sl);
	rump_stats_iterate(listed, &again);
	assert_int_equal(again, starts + 1);
	close(host);
	rump_sys_close(op.pfd.fd);
}

static int
boot(void **state)
{
	int error;

	error = rump_init();
	fds_at_boot = peer_count_fds();
	return error;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_blocked_reader_wakes_when_data_come),
		cmocka_unit_test(a_full_request_waits_for_all_of_it),
		cmocka_unit_test(a_low_water_mark_is_reached_in_pieces),
		cmocka_unit_test(a_peer_that_does_not_read_stops_the_writer),
		cmocka_unit_test(a_nonblocking_writer_is_told_to_come_back),
		cmocka_unit_test(shutdown_wakes_a_blocked_reader),
		cmocka_unit_test(
		    closing_under_a_reader_takes_effect_when_its_call_ends),
		cmocka_unit_test(a_signal_ends_a_wait_before_data_moved),
		cmocka_unit_test(a_signal_after_data_moved_gives_a_short_count),
		cmocka_unit_test(other_signals_do_not_end_a_wait),
		cmocka_unit_test(an_interrupted_accept_loses_no_descriptor),
		cmocka_unit_test(poll_wakes_for_each_of_several_sockets),
		cmocka_unit_test(poll_reports_a_hangup_that_nobody_asked_for),
		cmocka_unit_test(
		    polls_for_both_directions_of_a_socket_all_wake),
		cmocka_unit_test(
		    closing_a_polled_socket_does_not_disturb_the_others),
		cmocka_unit_test(sockets_come_and_go_under_the_poller),
		cmocka_unit_test(the_poller_runs_only_while_it_is_needed),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
