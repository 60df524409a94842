/* SPDX-License-Identifier: BSD-2-Clause */
/* Host sockets through the kernel's system calls: one thread at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"

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
data_go_both_ways(void **state)
{
	char buf[16];
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_sendto(fd, "hello", 5, 0, NULL, 0), 5);
	peer_read(host, buf, 5);
	assert_memory_equal(buf, "hello", 5);
	peer_write(host, "world!", 6);
	assert_int_equal(
	    rump_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL), 6);
	assert_memory_equal(buf, "world!", 6);
	close(host);
	assert_int_equal(
	    rump_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL), 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
read_and_write_work_on_a_socket(void **state)
{
	char buf[8];
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_write(fd, "abc", 3), 3);
	peer_read(host, buf, 3);
	peer_write(host, buf, 3);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "abc", 3);
	close(host);
	rump_sys_close(fd);
}

static void
one_byte_at_a_time_arrives_in_order(void **state)
{
	unsigned char c;
	int fd, host, i;

	peer_pair(&fd, &host);
	for (i = 0; i < 256; i++) {
		c = (unsigned char)i;
		peer_write(host, &c, 1);
		assert_int_equal(rump_sys_read(fd, &c, 1), 1);
		assert_int_equal(c, i);
		assert_int_equal(rump_sys_write(fd, &c, 1), 1);
		peer_read(host, &c, 1);
		assert_int_equal(c, i);
	}
	close(host);
	rump_sys_close(fd);
}

static void
several_buffers_make_one_message(void **state)
{
	char a[3], b[5], c[8];
	struct rump_iovec out[] = { { "one", 3 }, { "", 0 }, { "three", 5 } };
	struct rump_iovec in[] = { { a, 3 }, { b, 5 }, { c, 8 } };
	struct rump_msghdr msg = { .msg_iov = out, .msg_iovlen = 3 };
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_sendmsg(fd, &msg, 0), 8);
	peer_read(host, c, 8);
	assert_memory_equal(c, "onethree", 8);
	peer_write(host, c, 8);
	msg.msg_iov = in;
	msg.msg_controllen = 0;
	msg.msg_flags = -1;
	assert_int_equal(rump_sys_recvmsg(fd, &msg, 0), 8);
	assert_int_equal(msg.msg_flags, 0);
	assert_memory_equal(a, "one", 3);
	assert_memory_equal(b, "three", 5);
	close(host);
	rump_sys_close(fd);
}

static void
a_half_closed_connection_still_receives(void **state)
{
	char buf[8];
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_shutdown(fd, RUMP_SHUT_WR), 0);
	assert_int_equal(recv(host, buf, sizeof(buf), 0), 0);
	assert_errno(rump_sys_write(fd, "x", 1), RUMP_EPIPE);
	peer_write(host, "late", 4);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 4);
	assert_errno(rump_sys_shutdown(fd, 3), RUMP_EINVAL);
	close(host);
	rump_sys_close(fd);
}

/* Closing with linger time 0 resets the connection. */
static void
reset(int host)
{
	struct linger lg = { .l_onoff = 1 };

	assert_int_equal(
	    setsockopt(host, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg)), 0);
	close(host);
}

static void
a_reset_is_reported_once_and_sending_is_epipe(void **state)
{
	char buf[8];
	int fd, host;

	peer_pair(&fd, &host);
	reset(host);
	wait_ready(fd, RUMP_POLLIN);
	assert_errno(rump_sys_read(fd, buf, sizeof(buf)), RUMP_ECONNRESET);
	assert_int_equal(rump_sys_read(fd, buf, sizeof(buf)), 0);
	assert_errno(rump_sys_write(fd, "x", 1), RUMP_EPIPE);
	rump_sys_close(fd);
}

static void
so_error_tells_a_reset_and_forgets_it(void **state)
{
	uint32_t len = sizeof(int);
	int fd, host, value;

	peer_pair(&fd, &host);
	reset(host);
	wait_ready(fd, RUMP_POLLIN);
	assert_int_equal(rump_sys_getsockopt(
			     fd, RUMP_SOL_SOCKET, RUMP_SO_ERROR, &value, &len),
	    0);
	assert_int_equal(value, RUMP_ECONNRESET);
	assert_int_equal(rump_sys_getsockopt(
			     fd, RUMP_SOL_SOCKET, RUMP_SO_ERROR, &value, &len),
	    0);
	assert_int_equal(value, 0);
	rump_sys_close(fd);
}

static void
linger_zero_set_here_resets_the_peer(void **state)
{
	struct rump_linger lg = { .l_onoff = 1 };
	char c;
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_LINGER, &lg, sizeof(lg)),
	    0);
	rump_sys_close(fd);
	assert_int_equal(recv(host, &c, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(host);
}

static void
a_refused_connection_is_refused(void **state)
{
	struct rump_sockaddr_in sin;
	int fd;

	peer_nobody(&sin);
	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_errno(
	    rump_sys_connect(fd, (void *)&sin, sizeof(sin)), RUMP_ECONNREFUSED);
	rump_sys_close(fd);
}

static void
a_nonblocking_connection_is_finished_by_poll(void **state)
{
	struct rump_sockaddr_in sin;
	uint32_t len = sizeof(int);
	int fd, host, lfd, value;

	lfd = peer_listen(&sin);
	fd = rump_sys_socket(
	    RUMP_PF_INET, RUMP_SOCK_STREAM | RUMP_SOCK_NONBLOCK, 0);
	assert_errno(
	    rump_sys_connect(fd, (void *)&sin, sizeof(sin)), RUMP_EINPROGRESS);
	wait_ready(fd, RUMP_POLLOUT);
	assert_int_equal(rump_sys_getsockopt(
			     fd, RUMP_SOL_SOCKET, RUMP_SO_ERROR, &value, &len),
	    0);
	assert_int_equal(value, 0);
	host = accept(lfd, NULL, NULL);
	peer_write(host, "x", 1);
	wait_ready(fd, RUMP_POLLIN);
	assert_int_equal(rump_sys_read(fd, &value, 1), 1);
	assert_errno(rump_sys_read(fd, &value, 1), RUMP_EAGAIN);
	close(host);
	close(lfd);
	rump_sys_close(fd);
}

static void
a_rump_socket_can_be_the_server(void **state)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
		.sin_addr = htonl(INADDR_LOOPBACK),
	}, peer;
	struct sockaddr_in hin = { .sin_family = AF_INET };
	struct rump_sockaddr_in own;
	uint32_t len = sizeof(own);
	socklen_t hlen = sizeof(hin);
	int fd, host, lfd, one = 1;
	char c;

	lfd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_setsockopt(lfd, RUMP_SOL_SOCKET,
			     RUMP_SO_REUSEADDR, &one, sizeof(one)),
	    0);
	assert_int_equal(rump_sys_bind(lfd, (void *)&sin, sizeof(sin)), 0);
	assert_int_equal(rump_sys_listen(lfd, 5), 0);
	assert_int_equal(rump_sys_getsockname(lfd, (void *)&own, &len), 0);
	assert_int_equal(len, sizeof(own));
	assert_int_equal(own.sin_len, sizeof(own));
	assert_int_equal(own.sin_addr, htonl(INADDR_LOOPBACK));
	assert_int_not_equal(own.sin_port, 0);

	hin.sin_port = own.sin_port;
	hin.sin_addr.s_addr = own.sin_addr;
	host = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(host, (void *)&hin, sizeof(hin)), 0);
	assert_int_equal(getsockname(host, (void *)&hin, &hlen), 0);
	fd = rump_sys_accept(lfd, (void *)&peer, &len);
	assert_true(fd >= 0);
	assert_int_equal(peer.sin_family, RUMP_AF_INET);
	assert_int_equal(peer.sin_port, hin.sin_port);
	assert_int_equal(rump_sys_write(fd, "s", 1), 1);
	peer_read(host, &c, 1);
	assert_int_equal(c, 's');
	assert_int_equal(rump_sys_getpeername(fd, (void *)&own, &len), 0);
	assert_memory_equal(&own, &peer, sizeof(peer));

	assert_int_equal(rump_sys_fcntl(lfd, RUMP_F_SETFL, RUMP_O_NONBLOCK), 0);
	assert_errno(rump_sys_accept(lfd, NULL, NULL), RUMP_EWOULDBLOCK);
	close(host);
	rump_sys_close(fd);
	rump_sys_close(lfd);
}

static void
peeking_leaves_the_data_and_waitall_collects_them(void **state)
{
	char buf[8];
	int fd, host;

	peer_pair(&fd, &host);
	peer_write(host, "abcd", 4);
	assert_int_equal(rump_sys_recvfrom(fd, buf, 4,
			     RUMP_MSG_WAITALL | RUMP_MSG_PEEK, NULL, NULL),
	    4);
	assert_int_equal(
	    rump_sys_recvfrom(fd, buf, 2, RUMP_MSG_WAITALL, NULL, NULL), 2);
	assert_memory_equal(buf, "ab", 2);
	/* End of file cuts a full request short. */
	shutdown(host, SHUT_WR);
	assert_int_equal(
	    rump_sys_recvfrom(fd, buf, 8, RUMP_MSG_WAITALL, NULL, NULL), 2);
	close(host);
	rump_sys_close(fd);
}

static void
dontwait_never_waits(void **state)
{
	char c;
	int fd, host;

	peer_pair(&fd, &host);
	assert_errno(
	    rump_sys_recvfrom(fd, &c, 1, RUMP_MSG_DONTWAIT, NULL, NULL),
	    RUMP_EWOULDBLOCK);
	close(host);
	rump_sys_close(fd);
}

static void
ioctls_tell_what_is_queued_and_switch_blocking(void **state)
{
	int fd, host, on = 1, value = -1;

	peer_pair(&fd, &host);
	peer_write(host, "12345", 5);
	wait_ready(fd, RUMP_POLLIN);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_FIONREAD, &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_SIOCATMARK, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_FIONBIO, &on), 0);
	assert_int_equal(rump_sys_recvfrom(fd, &value, 4, 0, NULL, NULL), 4);
	assert_int_equal(rump_sys_recvfrom(fd, &value, 4, 0, NULL, NULL), 1);
	assert_errno(
	    rump_sys_recvfrom(fd, &value, 4, 0, NULL, NULL), RUMP_EWOULDBLOCK);
	assert_errno(rump_sys_ioctl(fd, RUMP_SIOCGIFADDR, &value), RUMP_ENOTTY);
	for (value = 1; value >= 0; value--)
		assert_int_equal(rump_sys_ioctl(fd, RUMP_FIOASYNC, &value), 0);
	close(host);
	rump_sys_close(fd);
}

static void
a_receive_timeout_ends_the_wait(void **state)
{
	struct rump_timeval tv = { .tv_usec = 20000 }, got;
	uint32_t len = sizeof(got);
	char c;
	int fd, host;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	assert_int_equal(rump_sys_getsockopt(
			     fd, RUMP_SOL_SOCKET, RUMP_SO_RCVTIMEO, &got, &len),
	    0);
	assert_int_equal(len, sizeof(got));
	assert_int_equal(got.tv_sec, 0);
	assert_int_equal(got.tv_usec, 20000);
	assert_errno(rump_sys_read(fd, &c, 1), RUMP_EWOULDBLOCK);
	tv.tv_usec = 1000000;
	assert_errno(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET, RUMP_SO_RCVTIMEO,
			 &tv, sizeof(tv)),
	    RUMP_EDOM);
	close(host);
	rump_sys_close(fd);
}

/* For which the host wants CAP_NET_ADMIN. */
static bool
host_debugs(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	bool set = setsockopt(fd, SOL_SOCKET, SO_DEBUG, &one, sizeof(one)) == 0;

	close(fd);
	return set;
}

static void
options_read_back_what_was_set(void **state)
{
	static const struct {
		int level, name, value;
	} t[] = {
		{ RUMP_SOL_SOCKET, RUMP_SO_KEEPALIVE, 1 },
		{ RUMP_SOL_SOCKET, RUMP_SO_REUSEADDR, 1 },
		{ RUMP_SOL_SOCKET, RUMP_SO_DEBUG, 1 },
		{ RUMP_SOL_SOCKET, RUMP_SO_OOBINLINE, 1 },
		{ RUMP_SOL_SOCKET, RUMP_SO_RCVLOWAT, 3 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_NODELAY, 1 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_KEEPIDLE, 77 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_KEEPINTVL, 7 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_KEEPCNT, 5 },
		{ RUMP_IPPROTO_IP, RUMP_IP_TTL, 33 },
		{ RUMP_IPPROTO_IP, RUMP_IP_TOS, 0x10 },
	};
	uint32_t len;
	size_t i;
	int fd, value;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (t[i].name == RUMP_SO_DEBUG &&
		    t[i].level == RUMP_SOL_SOCKET && !host_debugs())
			continue;
		assert_int_equal(rump_sys_setsockopt(fd, t[i].level, t[i].name,
				     &t[i].value, sizeof(int)),
		    0);
		len = sizeof(value);
		value = -1;
		assert_int_equal(rump_sys_getsockopt(
				     fd, t[i].level, t[i].name, &value, &len),
		    0);
		assert_int_equal(len, sizeof(value));
		assert_int_equal(value, t[i].value);
	}
	rump_sys_close(fd);
}

static void
buffer_sizes_are_the_hosts(void **state)
{
	uint32_t len = sizeof(int);
	int big, fd, small = 8192;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_SNDBUF, &small, sizeof(small)),
	    0);
	assert_int_equal(rump_sys_getsockopt(
			     fd, RUMP_SOL_SOCKET, RUMP_SO_SNDBUF, &big, &len),
	    0);
	assert_in_range(big, small, 4 * small);
	/* The host takes it for a wish for the least that there is. */
	small = 0;
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_SNDBUF, &small, sizeof(small)),
	    0);
	rump_sys_close(fd);
}

static void
bad_options_are_refused_by_name(void **state)
{
	char wide[2000];
	uint32_t len = sizeof(int);
	int fd, value = 1;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_errno(rump_sys_setsockopt(
			 fd, RUMP_SOL_SOCKET, 0x7777, &value, sizeof(value)),
	    RUMP_ENOPROTOOPT);
	assert_errno(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET, RUMP_SO_ERROR,
			 &value, sizeof(value)),
	    RUMP_ENOPROTOOPT);
	assert_errno(rump_sys_setsockopt(
			 fd, RUMP_IPPROTO_TCP, 0x7777, &value, sizeof(value)),
	    RUMP_ENOPROTOOPT);
	assert_errno(rump_sys_setsockopt(
			 fd, RUMP_IPPROTO_TCP, RUMP_TCP_NODELAY, &value, 3),
	    RUMP_EINVAL);
	assert_errno(rump_sys_setsockopt(
			 fd, RUMP_SOL_SOCKET, RUMP_SO_KEEPALIVE, &value, 1),
	    RUMP_EINVAL);
	assert_errno(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET, RUMP_SO_LINGER,
			 &value, sizeof(value)),
	    RUMP_EINVAL);
	assert_errno(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET, RUMP_SO_DEBUG,
			 wide, sizeof(wide)),
	    RUMP_EINVAL);
	assert_errno(
	    rump_sys_getsockopt(fd, RUMP_SOL_SOCKET, 0x7777, &value, &len),
	    RUMP_ENOPROTOOPT);
	assert_errno(
	    rump_sys_getsockopt(fd, 12345, 1, &value, &len), RUMP_ENOPROTOOPT);
	rump_sys_close(fd);
}

static void
bad_arguments_are_errors(void **state)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
	};
	struct rump_msghdr msg = { .msg_iovlen = RUMP_IOV_MAX + 1 };
	struct rump_iovec iov[2] = { { NULL, SIZE_MAX / 2 },
		{ NULL, SIZE_MAX / 2 } };
	char c;
	int fd;

	assert_errno(rump_sys_socket(RUMP_PF_LOCAL, RUMP_SOCK_STREAM, 0),
	    RUMP_EAFNOSUPPORT);
	assert_errno(rump_sys_socket(RUMP_PF_INET, 9, 0), RUMP_EPROTOTYPE);
	assert_errno(rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 99),
	    RUMP_EPROTONOSUPPORT);
	assert_errno(
	    rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, RUMP_IPPROTO_UDP),
	    RUMP_EPROTONOSUPPORT);
	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_errno(rump_sys_bind(fd, (void *)&sin, 1), RUMP_EINVAL);
	assert_errno(rump_sys_bind(fd, (void *)&sin, 8), RUMP_EINVAL);
	assert_errno(rump_sys_bind(fd, (void *)&sin, 4096), RUMP_EINVAL);
	sin.sin_family = RUMP_AF_LOCAL;
	assert_errno(
	    rump_sys_bind(fd, (void *)&sin, sizeof(sin)), RUMP_EAFNOSUPPORT);
	assert_errno(rump_sys_sendmsg(fd, &msg, 0), RUMP_EMSGSIZE);
	msg.msg_iovlen = -1;
	assert_errno(rump_sys_recvmsg(fd, &msg, 0), RUMP_EMSGSIZE);
	msg.msg_iov = iov;
	msg.msg_iovlen = 2;
	assert_errno(rump_sys_sendmsg(fd, &msg, 0), RUMP_EINVAL);
	assert_errno(
	    rump_sys_sendto(fd, &c, SIZE_MAX, 0, NULL, 0), RUMP_EINVAL);
	assert_errno(rump_sys_sendto(fd, &c, 1, RUMP_MSG_NOTIFICATION, NULL, 0),
	    RUMP_EOPNOTSUPP);
	assert_errno(
	    rump_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), RUMP_ENOTCONN);
	assert_errno(rump_sys_accept(fd, NULL, NULL), RUMP_EINVAL);
	rump_sys_close(fd);
	assert_errno(rump_sys_listen(fd, 1), RUMP_EBADF);
}

static void
a_bad_buffer_is_efault_and_loses_nothing(void **state)
{
	char buf[4];
	int fd, host;

	peer_pair(&fd, &host);
	assert_errno(rump_sys_write(fd, (void *)8, 4), RUMP_EFAULT);
	peer_write(host, "keep", 4);
	wait_ready(fd, RUMP_POLLIN);
	assert_errno(rump_sys_read(fd, (void *)8, 4), RUMP_EFAULT);
	assert_int_equal(rump_sys_read(fd, buf, 4), 4);
	assert_memory_equal(buf, "keep", 4);
	close(host);
	rump_sys_close(fd);
}

static void
datagrams_keep_their_borders_and_senders(void **state)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
		.sin_addr = htonl(INADDR_LOOPBACK),
	}, from;
	struct rump_iovec iov;
	struct rump_msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint32_t len = sizeof(sin);
	char buf[8];
	int a, b;

	a = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	b = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, RUMP_IPPROTO_UDP);
	assert_int_equal(rump_sys_bind(a, (void *)&sin, sizeof(sin)), 0);
	assert_int_equal(rump_sys_getsockname(a, (void *)&sin, &len), 0);
	assert_int_equal(
	    rump_sys_sendto(b, "abcdef", 6, 0, (void *)&sin, sizeof(sin)), 6);
	assert_int_equal(
	    rump_sys_sendto(b, "", 0, 0, (void *)&sin, sizeof(sin)), 0);
	iov = (struct rump_iovec){ buf, 4 };
	msg.msg_name = &from;
	msg.msg_namelen = sizeof(from);
	assert_int_equal(rump_sys_recvmsg(a, &msg, 0), 4);
	assert_int_equal(msg.msg_flags, RUMP_MSG_TRUNC);
	assert_int_equal(msg.msg_namelen, sizeof(from));
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(
	    rump_sys_recvfrom(a, buf, sizeof(buf), 0, NULL, NULL), 0);
	assert_int_equal(rump_sys_connect(a, (void *)&from, sizeof(from)), 0);
	assert_int_equal(rump_sys_write(a, "re", 2), 2);
	assert_int_equal(rump_sys_read(b, buf, sizeof(buf)), 2);
	/* AF_UNSPEC takes the peer away again. */
	from.sin_family = RUMP_AF_UNSPEC;
	assert_int_equal(rump_sys_connect(a, (void *)&from, sizeof(from)), 0);
	assert_errno(rump_sys_write(a, "no", 2), RUMP_EDESTADDRREQ);
	rump_sys_close(a);
	rump_sys_close(b);
}

static void
an_address_with_a_two_byte_family_is_understood(void **state)
{
	struct sockaddr_in hin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct rump_sockaddr_in own;
	uint32_t len = sizeof(own);
	int fd;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_bind(fd, (void *)&hin, sizeof(hin)), 0);
	assert_int_equal(rump_sys_getsockname(fd, (void *)&own, &len), 0);
	assert_int_equal(own.sin_family, RUMP_AF_INET);
	assert_int_equal(own.sin_addr, htonl(INADDR_LOOPBACK));
	rump_sys_close(fd);
}

static void
ipv6_works_where_the_host_has_it(void **state)
{
	struct rump_sockaddr_in6 sin6 = {
		.sin6_len = sizeof(sin6),
		.sin6_family = RUMP_AF_INET6,
		.sin6_addr = { [15] = 1 },
	}, own;
	uint32_t len = sizeof(own);
	int a, b, c;
	char x;

	a = rump_sys_socket(RUMP_PF_INET6, RUMP_SOCK_STREAM, 0);
	if (a == -1 || rump_sys_bind(a, (void *)&sin6, sizeof(sin6)) != 0)
		skip();
	assert_int_equal(rump_sys_listen(a, 1), 0);
	assert_int_equal(rump_sys_getsockname(a, (void *)&own, &len), 0);
	assert_int_equal(len, sizeof(own));
	b = rump_sys_socket(RUMP_PF_INET6, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_connect(b, (void *)&own, sizeof(own)), 0);
	c = rump_sys_accept(a, NULL, NULL);
	assert_int_equal(rump_sys_write(b, "6", 1), 1);
	assert_int_equal(rump_sys_read(c, &x, 1), 1);
	assert_int_equal(x, '6');
	rump_sys_close(a);
	rump_sys_close(b);
	rump_sys_close(c);
}

static void
closing_a_socket_closes_the_host_descriptor(void **state)
{
	int before, fd, host;

	before = peer_count_fds();
	peer_pair(&fd, &host);
	assert_int_equal(peer_count_fds(), before + 2);
	rump_sys_close(fd);
	assert_int_equal(peer_count_fds(), before + 1);
	close(host);
}

static void
a_socket_can_be_duplicated_and_examined(void **state)
{
	struct rump_stat st;
	int copy, fd, host;
	char c;

	peer_pair(&fd, &host);
	copy = rump_sys_dup(fd);
	assert_true(copy > fd);
	rump_sys_close(fd);
	assert_int_equal(rump_sys_fstat(copy, &st), 0);
	assert_int_equal(st.st_mode & RUMP_S_IFMT, RUMP_S_IFSOCK);
	assert_int_equal(rump_sys_write(copy, "d", 1), 1);
	peer_read(host, &c, 1);
	rump_sys_close(copy);
	assert_int_equal(recv(host, &c, 1, 0), 0);
	close(host);
}

static int
boot(void **state)
{
	/* Sending where nobody receives is an error here, and no signal. */
	rump_boot_setsigmodel(RUMP_SIGMODEL_IGNORE);
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_go_both_ways),
		cmocka_unit_test(read_and_write_work_on_a_socket),
		cmocka_unit_test(one_byte_at_a_time_arrives_in_order),
		cmocka_unit_test(several_buffers_make_one_message),
		cmocka_unit_test(a_half_closed_connection_still_receives),
		cmocka_unit_test(a_reset_is_reported_once_and_sending_is_epipe),
		cmocka_unit_test(so_error_tells_a_reset_and_forgets_it),
		cmocka_unit_test(linger_zero_set_here_resets_the_peer),
		cmocka_unit_test(a_refused_connection_is_refused),
		cmocka_unit_test(a_nonblocking_connection_is_finished_by_poll),
		cmocka_unit_test(a_rump_socket_can_be_the_server),
		cmocka_unit_test(
		    peeking_leaves_the_data_and_waitall_collects_them),
		cmocka_unit_test(dontwait_never_waits),
		cmocka_unit_test(
		    ioctls_tell_what_is_queued_and_switch_blocking),
		cmocka_unit_test(a_receive_timeout_ends_the_wait),
		cmocka_unit_test(options_read_back_what_was_set),
		cmocka_unit_test(buffer_sizes_are_the_hosts),
		cmocka_unit_test(bad_options_are_refused_by_name),
		cmocka_unit_test(bad_arguments_are_errors),
		cmocka_unit_test(a_bad_buffer_is_efault_and_loses_nothing),
		cmocka_unit_test(datagrams_keep_their_borders_and_senders),
		cmocka_unit_test(
		    an_address_with_a_two_byte_family_is_understood),
		cmocka_unit_test(ipv6_works_where_the_host_has_it),
		cmocka_unit_test(closing_a_socket_closes_the_host_descriptor),
		cmocka_unit_test(a_socket_can_be_duplicated_and_examined),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
