/* SPDX-License-Identifier: BSD-2-Clause */
/* Corners of the socket calls, where a host and a NetBSD kernel differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

#define assert_errno(call, number)                                             \
	do {                                                                   \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, (number));                             \
	} while (0)

static void
wait_ready(int fd, int events)
{
	struct rump_pollfd pfd = { .fd = fd, .events = (short)events };

	assert_int_equal(rump_sys_poll(&pfd, 1, -1), 1);
}

static void
reading_nothing_returns_at_once(void **state)
{
	struct rump_timeval tv = { .tv_usec = 20000 };
	struct rump_iovec iov[2] = { { NULL, 0 }, { NULL, 0 } };
	char c;
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	assert_int_equal(rump_sys_read(fd, &c, 0), 0);
	assert_int_equal(rump_sys_readv(fd, iov, 2), 0);
	close(host);
	rump_sys_close(fd);
}

static void
a_connected_socket_cannot_be_connected_again(void **state)
{
	struct rump_sockaddr_in sin, nowhere = {
		.sin_len = sizeof(nowhere),
		.sin_family = RUMP_AF_UNSPEC,
	};
	int fd, i, lfd;

	lfd = peer_listen(&sin);
	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(
		    rump_sys_connect(fd, (void *)&sin, sizeof(sin)), 0);
		assert_errno(rump_sys_connect(fd, (void *)&sin, sizeof(sin)),
		    RUMP_EISCONN);
		assert_errno(rump_sys_connect(fd, (void *)&sin, sizeof(sin)),
		    RUMP_EISCONN);
		/* Let go, it can be. */
		assert_int_equal(
		    rump_sys_connect(fd, (void *)&nowhere, sizeof(nowhere)), 0);
	}
	close(lfd);
	rump_sys_close(fd);
}

static void
an_accepted_socket_inherits_the_timeouts(void **state)
{
	struct rump_timeval tv = { .tv_sec = 3 }, got;
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
		.sin_addr = htonl(INADDR_LOOPBACK),
	};
	uint32_t len = sizeof(sin);
	int lfd, fd, client;

	lfd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_bind(lfd, (void *)&sin, sizeof(sin)), 0);
	assert_int_equal(rump_sys_listen(lfd, 1), 0);
	assert_int_equal(rump_sys_getsockname(lfd, (void *)&sin, &len), 0);
	assert_int_equal(rump_sys_setsockopt(lfd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	client = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(
	    rump_sys_connect(client, (void *)&sin, sizeof(sin)), 0);
	fd = rump_sys_accept(lfd, NULL, NULL);
	assert_true(fd >= 0);
	len = sizeof(got);
	assert_int_equal(rump_sys_getsockopt(
			     fd, RUMP_SOL_SOCKET, RUMP_SO_RCVTIMEO, &got, &len),
	    0);
	assert_int_equal(got.tv_sec, 3);
	rump_sys_close(client);
	rump_sys_close(fd);
	rump_sys_close(lfd);
}

static void
a_reset_behind_the_first_of_many_messages_is_not_lost(void **state)
{
	struct linger lg = { .l_onoff = 1 };
	struct rump_pollfd pfd = { .events = 0 };
	struct {
		struct rump_msghdr hdr;
		uint32_t len;
	} mm[2];
	struct rump_iovec iov;
	char buf[2];
	int fd, host;

	peer_pair(&fd, &host);
	peer_write(host, "ab", 2);
	wait_ready(fd, RUMP_POLLIN);
	setsockopt(host, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	close(host);
	pfd.fd = fd;
	assert_int_equal(rump_sys_poll(&pfd, 1, -1), 1);
	memset(mm, 0, sizeof(mm));
	iov = (struct rump_iovec){ buf, sizeof(buf) };
	mm[0].hdr.msg_iov = mm[1].hdr.msg_iov = &iov;
	mm[0].hdr.msg_iovlen = mm[1].hdr.msg_iovlen = 1;
	assert_int_equal(rump_sys_recvmmsg(fd, (void *)mm, 2, 0, NULL), 1);
	assert_int_equal(mm[0].len, 2);
	assert_errno(rump_sys_read(fd, buf, 1), RUMP_ECONNRESET);
	assert_int_equal(rump_sys_read(fd, buf, 1), 0);
	rump_sys_close(fd);
}

static void
the_error_of_a_later_receive_is_kept_for_the_next_call(void **state)
{
	struct linger lg = { .l_onoff = 1 };
	char c;
	int fd, host;

	peer_pair(&fd, &host);
	setsockopt(host, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	close(host);
	wait_ready(fd, RUMP_POLLIN);
	assert_errno(
	    rump_sys_recvfrom(fd, &c, 1, RUMP_MSG_HOST_KEEPERROR, NULL, NULL),
	    RUMP_ECONNRESET);
	assert_errno(
	    rump_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), RUMP_ECONNRESET);
	assert_int_equal(rump_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
	rump_sys_close(fd);
}

static void
a_bad_length_of_the_name_loses_no_data(void **state)
{
	struct rump_sockaddr_in sin;
	struct rump_msghdr msg = { .msg_name = &sin };
	struct rump_iovec iov;
	char buf[3];
	int fd, host;

	peer_pair(&fd, &host);
	peer_write(host, "abc", 3);
	wait_ready(fd, RUMP_POLLIN);
	iov = (struct rump_iovec){ buf, sizeof(buf) };
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_namelen = UINT32_MAX;
	assert_errno(rump_sys_recvmsg(fd, &msg, 0), RUMP_EINVAL);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 3);
	close(host);
	rump_sys_close(fd);
}

static int
boot(void **state)
{
	return rump_init();
}

/* Everything that has been sent arrives nevertheless. */
static void
nobody_lingers_at_the_end_of_a_process(void **state)
{
	const struct linger lg = { 1, 3600 };
	static char buf[65536];
	ssize_t n, sent = 0, got = 0;
	int fd, host;

	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_LINGER, &lg, sizeof(lg)),
	    0);
	while ((n = rump_sys_sendto(
		    fd, buf, sizeof(buf), RUMP_MSG_DONTWAIT, NULL, 0)) > 0)
		sent += n;
	rump_pub_lwproc_releaselwp();
	while ((n = read(host, buf, sizeof(buf))) > 0)
		got += n;
	assert_int_equal(n, 0);
	assert_int_equal(got, sent);
	close(host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_nothing_returns_at_once),
		cmocka_unit_test(a_connected_socket_cannot_be_connected_again),
		cmocka_unit_test(an_accepted_socket_inherits_the_timeouts),
		cmocka_unit_test(
		    a_reset_behind_the_first_of_many_messages_is_not_lost),
		cmocka_unit_test(
		    the_error_of_a_later_receive_is_kept_for_the_next_call),
		cmocka_unit_test(a_bad_length_of_the_name_loses_no_data),
		cmocka_unit_test(nobody_lingers_at_the_end_of_a_process),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
