/* SPDX-License-Identifier: BSD-2-Clause */
/* What NetBSD has no name for reaches the host socket by marked names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer.h"
#include "rump/rump.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumphostsock.h"

#define assert_errno(call, number)                                             \
	do {                                                                   \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, (number));                             \
	} while (0)

/* A datagram socket on loopback, connected to itself. */
static int
open_loop(void)
{
	struct rump_sockaddr_in sin = { .sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
		.sin_addr = htonl(INADDR_LOOPBACK) };
	uint32_t len = sizeof(sin);
	int fd;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	assert_int_equal(rump_sys_bind(fd, (void *)&sin, sizeof(sin)), 0);
	assert_int_equal(rump_sys_getsockname(fd, (void *)&sin, &len), 0);
	assert_int_equal(rump_sys_connect(fd, (void *)&sin, sizeof(sin)), 0);
	return fd;
}

static void
an_option_of_the_host_reads_back_what_was_set(void **state)
{
	struct tcp_info ti;
	uint32_t len = sizeof(int);
	int fd, on = 1, value = 0;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_HOST | IPPROTO_TCP,
			     TCP_CORK, &on, sizeof(on)),
	    0);
	assert_int_equal(rump_sys_getsockopt(fd, RUMP_SOL_HOST | IPPROTO_TCP,
			     TCP_CORK, &value, &len),
	    0);
	assert_int_equal(value, 1);
	len = sizeof(ti);
	assert_int_equal(rump_sys_getsockopt(fd, RUMP_SOL_HOST | IPPROTO_TCP,
			     TCP_INFO, &ti, &len),
	    0);
	assert_int_equal(ti.tcpi_state, TCP_CLOSE);
	len = sizeof(value);
	assert_errno(rump_sys_getsockopt(
			 fd, RUMP_SOL_HOST | SOL_SOCKET, 9999, &value, &len),
	    RUMP_ENOPROTOOPT);
	rump_sys_close(fd);
}

static void
interface_requests_are_answered_by_the_host(void **state)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	struct rump_hostcall hc = {
		.hc_kind = RUMP_HOSTCALL_IOCTL,
		.hc_request = SIOCGIFFLAGS,
		.hc_arg = (uintptr_t)&ifr,
	};
	int fd;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_SIOCHOST, &hc), 0);
	assert_true((ifr.ifr_flags & IFF_LOOPBACK) != 0);
	hc.hc_arg = 8;
	assert_errno(rump_sys_ioctl(fd, RUMP_SIOCHOST, &hc), RUMP_EFAULT);
	rump_sys_close(fd);
}

static void
the_owner_for_signals_is_the_hosts(void **state)
{
	struct rump_hostcall hc = {
		.hc_kind = RUMP_HOSTCALL_FCNTL,
		.hc_request = F_SETOWN,
		.hc_arg = (uint64_t)-getpgrp(),
	};
	int fd;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_SIOCHOST, &hc), 0);
	hc.hc_request = F_GETOWN;
	assert_int_equal(rump_sys_ioctl(fd, RUMP_SIOCHOST, &hc), 0);
	assert_int_equal(hc.hc_result, -getpgrp());
	rump_sys_close(fd);
}

static void
a_lock_of_a_socket_is_the_hosts(void **state)
{
	struct flock lock = { .l_type = F_WRLCK };
	struct rump_hostcall hc = {
		.hc_kind = RUMP_HOSTCALL_FCNTL,
		.hc_request = F_GETLK,
		.hc_arg = (uint64_t)(uintptr_t)&lock,
	};
	int fd;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_SIOCHOST, &hc), 0);
	assert_int_equal(lock.l_type, F_UNLCK);
	rump_sys_close(fd);
}

static void
calls_that_would_confuse_the_kernel_are_refused(void **state)
{
	static const struct rump_hostcall refused[] = {
		{ .hc_kind = RUMP_HOSTCALL_IOCTL, .hc_request = FIONBIO },
		{ .hc_kind = RUMP_HOSTCALL_IOCTL, .hc_request = FIONCLEX },
		{ .hc_kind = RUMP_HOSTCALL_FCNTL, .hc_request = F_SETFL },
		{ .hc_kind = RUMP_HOSTCALL_FCNTL, .hc_request = F_DUPFD },
		{ .hc_kind = RUMP_HOSTCALL_FCNTL, .hc_request = F_SETLKW },
		{ .hc_kind = 77, .hc_request = F_GETOWN },
	};
	struct rump_hostcall hc;
	size_t i;
	int fd, before;

	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	before = peer_count_fds();
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		hc = refused[i];
		assert_errno(
		    rump_sys_ioctl(fd, RUMP_SIOCHOST, &hc), RUMP_EINVAL);
	}
	assert_int_equal(peer_count_fds(), before);
	rump_sys_close(fd);
}

/* --- sockets that somebody else has made ----------------------------------- */

static int
host_socket(int type, struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)sin, &len), 0);
	return fd;
}

static void
a_socket_of_the_host_becomes_one_of_the_kernels(void **state)
{
	struct sockaddr_in sin;
	int host, peer, taken, fd = -1, before = peer_count_fds();
	char byte = 0;

	host = host_socket(SOCK_STREAM, &sin);
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0, host, &fd), 0);
	close(host);
	assert_int_equal(rump_sys_listen(fd, 1), 0);
	peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    connect(peer, (struct sockaddr *)&sin, sizeof(sin)), 0);
	taken = rump_sys_accept(fd, NULL, NULL);
	assert_true(taken >= 0);
	assert_int_equal(send(peer, "x", 1, 0), 1);
	assert_int_equal(rump_sys_recvfrom(taken, &byte, 1, 0, NULL, NULL), 1);
	assert_int_equal(byte, 'x');
	close(peer);
	rump_sys_close(taken);
	rump_sys_close(fd);
	assert_int_equal(peer_count_fds(), before);
}

static void
it_waits_or_not_as_its_kind_says(void **state)
{
	struct sockaddr_in sin;
	int host = host_socket(SOCK_DGRAM, &sin), fd = -1;
	char byte;

	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_DGRAM | RUMP_SOCK_NONBLOCK,
		0, host, &fd),
	    0);
	assert_true((fcntl(host, F_GETFL) & O_NONBLOCK) != 0);
	assert_errno(
	    rump_sys_recvfrom(fd, &byte, 1, 0, NULL, NULL), RUMP_EWOULDBLOCK);
	rump_sys_close(fd);
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0, host, &fd), 0);
	assert_true((fcntl(host, F_GETFL) & O_NONBLOCK) == 0);
	rump_sys_close(fd);
	close(host);
}

static void
what_is_no_such_socket_is_not_taken(void **state)
{
	struct sockaddr_in sin;
	int host = host_socket(SOCK_DGRAM, &sin), pair[2], tube[2], fd = -7;
	int before;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(pipe(tube), 0);
	before = peer_count_fds();
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_STREAM, 0, host, &fd),
	    RUMP_EPROTOTYPE);
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET6, RUMP_SOCK_DGRAM, 0, host, &fd),
	    RUMP_EPROTOTYPE);
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0, pair[0], &fd),
	    RUMP_EPROTOTYPE);
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0, tube[0], &fd),
	    RUMP_EPROTOTYPE);
	assert_int_equal(
	    rump_hostsocket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0, -1, &fd),
	    RUMP_EPROTOTYPE);
	assert_int_equal(rump_hostsocket(77, RUMP_SOCK_DGRAM, 0, host, &fd),
	    RUMP_EAFNOSUPPORT);
	assert_int_equal(fd, -7);
	assert_int_equal(peer_count_fds(), before);
	close(pair[0]);
	close(pair[1]);
	close(tube[0]);
	close(tube[1]);
	close(host);
}

/* Receive with room for control data. */
static ssize_t
receive(int fd, void *control, uint32_t *len, int flags, int *result)
{
	char buf[64];
	struct rump_iovec iov = { buf, sizeof(buf) };
	struct rump_msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = *len };
	ssize_t n;

	n = rump_sys_recvmsg(fd, &msg, flags);
	*len = msg.msg_controllen;
	*result = msg.msg_flags;
	return n;
}

static void
control_data_come_and_go_with_messages(void **state)
{
	struct {
		struct rump_cmsghdr h;
		uint32_t pad;
		int ttl;
		int pad2;
	} out = { { 20, RUMP_SOL_HOST | IPPROTO_IP, IP_TTL }, 0, 9, 0 }, in;
	struct rump_iovec iov = { (void *)"x", 1 };
	struct rump_msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &out,
		.msg_controllen = sizeof(out) };
	uint32_t len = sizeof(in);
	int fd, flags, on = 1;

	fd = open_loop();
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_HOST | IPPROTO_IP,
			     IP_RECVTTL, &on, sizeof(on)),
	    0);
	assert_int_equal(rump_sys_sendmsg(fd, &msg, 0), 1);
	assert_int_equal(receive(fd, &in, &len, 0, &flags), 1);
	assert_int_equal(len, sizeof(in));
	assert_int_equal(in.h.cmsg_level, RUMP_SOL_HOST | IPPROTO_IP);
	assert_int_equal(in.h.cmsg_type, IP_TTL);
	assert_int_equal(in.ttl, 9);
	assert_int_equal(flags, 0);
	/* Without room it is cut off, and said so. */
	assert_int_equal(rump_sys_sendmsg(fd, &msg, 0), 1);
	len = 8;
	assert_int_equal(receive(fd, &in, &len, 0, &flags), 1);
	assert_int_equal(flags, RUMP_MSG_CTRUNC);
	out.h.cmsg_len = 4000;
	assert_errno(rump_sys_sendmsg(fd, &msg, 0), RUMP_EINVAL);
	rump_sys_close(fd);
}

static void
the_error_queue_tells_who_refused(void **state)
{
	struct rump_sockaddr_in sin;
	struct rump_pollfd pfd = { .events = RUMP_POLLERR };
	char control[256];
	struct rump_cmsghdr nh;
	uint32_t len = sizeof(control);
	int fd, flags, on = 1;

	peer_nobody(&sin);
	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, 0);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_HOST | IPPROTO_IP,
			     IP_RECVERR, &on, sizeof(on)),
	    0);
	assert_int_equal(
	    rump_sys_sendto(fd, "lost", 4, 0, (void *)&sin, sizeof(sin)), 4);
	pfd.fd = fd;
	assert_int_equal(rump_sys_poll(&pfd, 1, -1), 1);
	assert_int_equal(
	    receive(fd, control, &len, RUMP_MSG_HOST_ERRQUEUE, &flags), 4);
	assert_true((flags & RUMP_MSG_HOST_ERRQUEUE) != 0);
	memcpy(&nh, control, sizeof(nh));
	assert_int_equal(nh.cmsg_level, RUMP_SOL_HOST | IPPROTO_IP);
	assert_int_equal(nh.cmsg_type, IP_RECVERR);
	rump_sys_close(fd);
}

static void
truncation_tells_the_whole_length(void **state)
{
	char c;
	int fd;

	fd = open_loop();
	assert_int_equal(rump_sys_sendto(fd, "datagram", 8, 0, NULL, 0), 8);
	assert_int_equal(rump_sys_recvfrom(fd, &c, 1,
			     RUMP_MSG_TRUNC | RUMP_MSG_PEEK, NULL, NULL),
	    8);
	assert_int_equal(c, 'd');
	assert_int_equal(rump_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 1);
	rump_sys_close(fd);
}

static void
a_blocking_call_waits_in_the_host_and_an_impatient_one_does_not(void **state)
{
	struct rump_timeval tv = { .tv_usec = 20000 };
	char c;
	int fd, host, off = 0, on = 1;

	peer_pair(&fd, &host);
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	assert_errno(rump_sys_read(fd, &c, 1), RUMP_EWOULDBLOCK);
	/* With a timeout of for ever, only O_NONBLOCK can end these. */
	tv.tv_usec = 0;
	assert_int_equal(rump_sys_setsockopt(fd, RUMP_SOL_SOCKET,
			     RUMP_SO_RCVTIMEO, &tv, sizeof(tv)),
	    0);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_FIONBIO, &on), 0);
	assert_errno(rump_sys_read(fd, &c, 1), RUMP_EWOULDBLOCK);
	assert_int_equal(rump_sys_ioctl(fd, RUMP_FIONBIO, &off), 0);
	assert_errno(
	    rump_sys_recvfrom(fd, &c, 1, RUMP_MSG_DONTWAIT, NULL, NULL),
	    RUMP_EWOULDBLOCK);
	peer_write(host, "x", 1);
	assert_int_equal(rump_sys_read(fd, &c, 1), 1);
	close(host);
	rump_sys_close(fd);
}

static void
types_that_the_host_has_are_there(void **state)
{
	int fd, host;

	host = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	fd = rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_DGRAM, IPPROTO_ICMP);
	assert_int_equal(fd < 0, host < 0);
	if (host >= 0) {
		close(host);
		rump_sys_close(fd);
	}
	assert_errno(rump_sys_socket(RUMP_PF_INET, RUMP_SOCK_STREAM, 99),
	    RUMP_EPROTONOSUPPORT);
}

static int
setup(void **state)
{
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_option_of_the_host_reads_back_what_was_set),
		cmocka_unit_test(interface_requests_are_answered_by_the_host),
		cmocka_unit_test(the_owner_for_signals_is_the_hosts),
		cmocka_unit_test(a_lock_of_a_socket_is_the_hosts),
		cmocka_unit_test(
		    calls_that_would_confuse_the_kernel_are_refused),
		cmocka_unit_test(control_data_come_and_go_with_messages),
		cmocka_unit_test(the_error_queue_tells_who_refused),
		cmocka_unit_test(truncation_tells_the_whole_length),
		cmocka_unit_test(
		    a_blocking_call_waits_in_the_host_and_an_impatient_one_does_not),
		cmocka_unit_test(types_that_the_host_has_are_there),
		cmocka_unit_test(
		    a_socket_of_the_host_becomes_one_of_the_kernels),
		cmocka_unit_test(it_waits_or_not_as_its_kind_says),
		cmocka_unit_test(what_is_no_such_socket_is_not_taken),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
