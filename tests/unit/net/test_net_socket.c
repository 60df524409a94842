/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets as an in-kernel user (NFS) has them, over real host sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Ahead of <errno.h>, whose ERESTART is another. */
#include "kern/clock.h"
#include "kern/kmem.h"
#include "kern/lwp.h"
#include "kern/uio.h"
#include "net/socketvar.h"
#include "peer.h"
#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define MS 1000000LL
#define MANY 3000 /* more iovecs than one host call takes */

static struct socket *
open_stream(void)
{
	struct socket *so;

	assert_int_equal(
	    socreate(RUMP_AF_INET, &so, RUMP_SOCK_STREAM, 0, curlwp->l_cred),
	    0);
	return so;
}

static struct socket *
open_pair(int *host)
{
	struct rump_sockaddr_in sin;
	struct socket *so;
	int lfd;

	lfd = peer_listen(&sin);
	so = open_stream();
	assert_int_equal(
	    soconnect(so, (void *)&sin, uptime_ns() + 5000 * MS), 0);
	assert_true((so->so_state & SS_ISCONNECTED) != 0);
	*host = accept(lfd, NULL, NULL);
	close(lfd);
	return so;
}

static ssize_t
receive(struct socket *so, void *buf, size_t len, int flags)
{
	struct rump_iovec iov;
	struct uio uio;
	int error;

	uio_init(&uio, &iov, buf, len, 0, UIO_READ, UIO_SYSSPACE);
	error = soreceive(so, &uio, NULL, NULL, NULL, &flags);
	return error != 0 ? -error : (ssize_t)(len - uio.uio_resid);
}

static void
kernel_buffers_go_straight_to_the_peer(void **state)
{
	struct rump_iovec iov[MANY];
	struct socket *so;
	struct uio uio;
	char *data = malloc(MANY), *got = malloc(MANY);
	int host, i;

	so = open_pair(&host);
	for (i = 0; i < MANY; i++) {
		data[i] = (char)(i * 31);
		iov[i] = (struct rump_iovec){ &data[i], 1 };
	}
	uio = (struct uio){
		.uio_iov = iov,
		.uio_iovcnt = MANY,
		.uio_resid = MANY,
		.uio_rw = UIO_WRITE,
		.uio_seg = UIO_SYSSPACE,
	};
	assert_int_equal(sosend(so, &uio, NULL, NULL, 0, 0), 0);
	assert_int_equal(uio.uio_resid, 0);
	peer_read(host, got, MANY);
	assert_memory_equal(got, data, MANY);
	peer_write(host, data, MANY);
	memset(got, 0, MANY);
	assert_int_equal(receive(so, got, MANY, RUMP_MSG_WAITALL), MANY);
	assert_memory_equal(got, data, MANY);
	soclose(so);
	close(host);
	free(data);
	free(got);
}

struct attempt {
	struct rump_sockaddr_in sin;
	struct socket *so;
	int result;
};

/* Fill the accept queue of a host listener, so that the next connection hangs;
 * the descriptors to close afterwards go to fds. */
static void
fill_backlog(const struct rump_sockaddr_in *sin, int lfd, int fds[2])
{
	struct sockaddr_in hin = {
		.sin_family = AF_INET,
		.sin_port = sin->sin_port,
		.sin_addr.s_addr = sin->sin_addr,
	};

	assert_int_equal(listen(lfd, 0), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (void *)&hin, sizeof(hin)), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(fds[1], (void *)&hin, sizeof(hin));
}

static void
a_connection_that_hangs_ends_at_its_deadline(void **state)
{
	struct rump_sockaddr_in sin;
	struct socket *so;
	int64_t start;
	int fds[2], lfd;

	lfd = peer_listen(&sin);
	fill_backlog(&sin, lfd, fds);
	so = open_stream();
	start = uptime_ns();
	assert_int_equal(
	    soconnect(so, (void *)&sin, start + 20 * MS), RUMP_ETIMEDOUT);
	assert_true(uptime_ns() - start >= 20 * MS);
	/* It goes on: asking again does not start a second one. */
	assert_int_equal(
	    soconnect(so, (void *)&sin, SO_DEADLINE_NOW), RUMP_EALREADY);
	soclose(so);
	close(fds[0]);
	close(fds[1]);
	close(lfd);
}

static void
interrupted_connect(void *arg)
{
	struct attempt *at = arg;

	rump_schedule();
	at->result = soconnect(at->so, (void *)&at->sin, 0);
	rump_unschedule();
	rump_interrupt_clear();
}

static void
on_usr1(int sig)
{
	rump_interrupt();
}

static void
a_signal_ends_the_wait_for_a_connection_but_not_the_attempt(void **state)
{
	struct sigaction sa = { .sa_handler = on_usr1 };
	struct attempt at;
	struct sleeper sl;
	int fds[2], lfd;

	sigaction(SIGUSR1, &sa, NULL);
	lfd = peer_listen(&at.sin);
	fill_backlog(&at.sin, lfd, fds);
	at.so = open_stream();
	sleeper_start(&sl, interrupted_connect, &at);
	sleeper_wait_asleep(&sl, SYS_ppoll);
	pthread_kill(sl.sl_thread, SIGUSR1);
	sleeper_join(&sl);
	assert_int_equal(at.result, ERESTART);
	assert_int_equal(
	    soconnect(at.so, (void *)&at.sin, SO_DEADLINE_NOW), RUMP_EALREADY);
	soclose(at.so);
	close(fds[0]);
	close(fds[1]);
	close(lfd);
}

static void
a_connection_that_does_not_wait_is_in_progress(void **state)
{
	struct rump_sockaddr_in sin;
	struct socket *so;
	int lfd;

	lfd = peer_listen(&sin);
	so = open_stream();
	so->so_state |= SS_NBIO;
	assert_int_equal(soconnect(so, (void *)&sin, 0), RUMP_EINPROGRESS);
	assert_int_equal(sowait(so, RUMP_POLLOUT, 0), 0);
	assert_int_equal(soconnect(so, (void *)&sin, 0), 0);
	soclose(so);
	close(lfd);
}

static void
nobody_there_is_connection_refused(void **state)
{
	struct rump_sockaddr_in sin;
	struct socket *so;

	peer_nobody(&sin);
	so = open_stream();
	assert_int_equal(soconnect(so, (void *)&sin, 0), RUMP_ECONNREFUSED);
	soclose(so);
}

struct wait {
	struct socket *so;
	ssize_t result;
};

static void
wait_for_data(void *arg)
{
	struct wait *w = arg;
	char c;

	rump_schedule();
	w->result = receive(w->so, &c, 1, 0);
	rump_unschedule();
}

static void
closing_under_a_sleeper_wakes_it(void **state)
{
	struct sleeper sl;
	struct wait w;
	int before, host;

	before = peer_count_fds();
	w.so = open_pair(&host);
	sleeper_start(&sl, wait_for_data, &w);
	sleeper_wait_asleep(&sl, SYS_ppoll);
	soclose(w.so);
	sleeper_join(&sl);
	assert_int_equal(w.result, 0);
	close(host);
	assert_int_equal(peer_count_fds(), before);
}

static void
several_sleepers_share_what_comes(void **state)
{
	struct sleeper sl[4];
	struct wait w[4];
	struct socket *so;
	int host, i;

	so = open_pair(&host);
	for (i = 0; i < 4; i++) {
		w[i].so = so;
		sleeper_start(&sl[i], wait_for_data, &w[i]);
	}
	for (i = 0; i < 4; i++)
		sleeper_wait_asleep(&sl[i], SYS_ppoll);
	peer_write(host, "1234", 4);
	for (i = 0; i < 4; i++) {
		sleeper_join(&sl[i]);
		assert_int_equal(w[i].result, 1);
	}
	soclose(so);
	close(host);
}

static void
waiting_ends_at_the_deadline_or_at_once(void **state)
{
	struct socket *so;
	int64_t start;
	int host;

	so = open_pair(&host);
	assert_int_equal(
	    sowait(so, RUMP_POLLIN, SO_DEADLINE_NOW), RUMP_EWOULDBLOCK);
	start = uptime_ns();
	assert_int_equal(
	    sowait(so, RUMP_POLLIN, start + 10 * MS), RUMP_EWOULDBLOCK);
	assert_true(uptime_ns() - start >= 10 * MS);
	assert_int_equal(sowait(so, RUMP_POLLIN | RUMP_POLLOUT, 0), 0);
	soclose(so);
	close(host);
}

static void
a_kernel_listener_accepts(void **state)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
	};
	struct rump_sockaddr_storage peer, own;
	struct socket *lso, *newso, *so;

	lso = open_stream();
	assert_int_equal(sobind(lso, (void *)&sin), 0);
	assert_int_equal(solisten(lso, 1), 0);
	assert_int_equal(
	    soaccept(lso, &newso, &peer, SO_DEADLINE_NOW, 0), RUMP_EWOULDBLOCK);
	assert_int_equal(soaccept(lso, &newso, &peer, uptime_ns() + MS, 0),
	    RUMP_EWOULDBLOCK);
	assert_int_equal(lso->so_proto->pr_sockaddr(lso, &own), 0);
	((struct rump_sockaddr_in *)&own)->sin_addr = htonl(INADDR_LOOPBACK);
	so = open_stream();
	assert_int_equal(soconnect(so, (void *)&own, 0), 0);
	assert_int_equal(soaccept(lso, &newso, &peer, 0, 0), 0);
	assert_int_equal(peer.ss_family, RUMP_AF_INET);
	soclose(newso);
	soclose(so);
	soclose(lso);
}

static size_t outstanding;

static int
enter(void **state)
{
	rump_schedule();
	outstanding = kmem_outstanding();
	return 0;
}

/* A test that leaves kernel memory behind has failed. */
static int
leave(void **state)
{
	size_t now;

	now = kmem_outstanding();
	rump_unschedule();
	if (now != outstanding)
		print_error("%zu bytes before, %zu after\n", outstanding, now);
	return now != outstanding;
}

static int
boot(void **state)
{
	return rump_init();
}

#define KERNEL_TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KERNEL_TEST(kernel_buffers_go_straight_to_the_peer),
		KERNEL_TEST(a_connection_that_hangs_ends_at_its_deadline),
		KERNEL_TEST(
		    a_signal_ends_the_wait_for_a_connection_but_not_the_attempt),
		KERNEL_TEST(a_connection_that_does_not_wait_is_in_progress),
		KERNEL_TEST(nobody_there_is_connection_refused),
		KERNEL_TEST(closing_under_a_sleeper_wakes_it),
		KERNEL_TEST(several_sleepers_share_what_comes),
		KERNEL_TEST(waiting_ends_at_the_deadline_or_at_once),
		KERNEL_TEST(a_kernel_listener_accepts),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
