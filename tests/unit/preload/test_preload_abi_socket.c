/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets: addresses, options, messages. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cmocka.h>

#include "preload/abi/socket.h"
#include "preload/abi/sockopt.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

static void
families_and_types_are_translated(void **state)
{
	int out = -1;

	assert_int_equal(abi_family_to_netbsd(AF_INET6, &out), 0);
	assert_int_equal(out, RUMP_AF_INET6);
	assert_int_equal(abi_family_to_linux(RUMP_AF_INET6, &out), 0);
	assert_int_equal(out, AF_INET6);
	assert_int_equal(abi_family_to_netbsd(AF_PACKET, &out), EAFNOSUPPORT);
	assert_int_equal(abi_socktype_to_netbsd(
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, &out),
	    0);
	assert_int_equal(
	    out, RUMP_SOCK_STREAM | RUMP_SOCK_NONBLOCK | RUMP_SOCK_CLOEXEC);
	assert_int_equal(abi_socktype_to_netbsd(0, &out), ESOCKTNOSUPPORT);
	assert_int_equal(
	    abi_socktype_to_netbsd(SOCK_STREAM | 0x100000, &out), EINVAL);
}

static void
internet_addresses_go_both_ways(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(80) },
			   back;
	struct rump_sockaddr_storage ss;
	const struct rump_sockaddr_in *nsin = (const void *)&ss;
	size_t len;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    abi_sockaddr_to_netbsd(&sin, sizeof(sin), &ss, &len), 0);
	assert_int_equal(len, 16);
	assert_int_equal(nsin->sin_len, 16);
	assert_int_equal(nsin->sin_family, RUMP_AF_INET);
	assert_int_equal(nsin->sin_port, htons(80));
	assert_int_equal(nsin->sin_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(
	    abi_sockaddr_to_linux(&ss, len, &back, sizeof(back)), sizeof(back));
	assert_memory_equal(&back, &sin, sizeof(sin));
}

static void
internet6_addresses_change_their_family(void **state)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(443),
		.sin6_scope_id = 7 },
			    back;
	struct rump_sockaddr_storage ss;
	const struct rump_sockaddr_in6 *nsin6 = (const void *)&ss;
	size_t len;

	sin6.sin6_addr.s6_addr[15] = 1;
	assert_int_equal(
	    abi_sockaddr_to_netbsd(&sin6, sizeof(sin6), &ss, &len), 0);
	assert_int_equal(nsin6->sin6_len, 28);
	assert_int_equal(nsin6->sin6_family, RUMP_AF_INET6);
	assert_int_equal(nsin6->sin6_addr[15], 1);
	assert_int_equal(nsin6->sin6_scope_id, 7);
	assert_int_equal(
	    abi_sockaddr_to_linux(&ss, len, &back, sizeof(back)), sizeof(back));
	assert_memory_equal(&back, &sin6, sizeof(sin6));
}

static void
what_is_refused_can_be_wrapped_for_the_host(void **state)
{
	char in[sizeof(struct sockaddr_storage)], out[48];
	struct rump_sockaddr_storage ss;
	struct rump_cmsghdr nh;
	size_t n, len;

	memset(in, 0x5a, sizeof(in));
	for (n = 0; n <= sizeof(in); n++) {
		abi_sockaddr_wrap(in, n, &ss, &len);
		assert_int_equal(ss.ss_family, RUMP_AF_HOST);
		assert_int_equal(len, n + 2 > 128 ? 128 : n + 2);
		assert_int_equal(ss.ss_len, len);
		assert_memory_equal((char *)&ss + 2, in, len - 2);
	}
	memset(out, 0x77, sizeof(out));
	assert_int_equal(abi_cmsg_wrap(in, 17, out, 32, &len), EINVAL);
	assert_int_equal(abi_cmsg_wrap(in, 1, out, 15, &len), EINVAL);
	assert_int_equal(abi_cmsg_wrap(in, 16, out, 32, &len), 0);
	assert_int_equal(len, 32);
	memcpy(&nh, out, sizeof(nh));
	assert_int_equal(nh.cmsg_len, 32);
	assert_int_equal(nh.cmsg_level, RUMP_SOL_HOST_RAW);
	assert_memory_equal(out + 16, in, 16);
	assert_int_equal(out[32], 0x77);
}

static void
bad_address_lengths_are_refused(void **state)
{
	struct sockaddr_storage ls = { .ss_family = AF_INET };
	struct rump_sockaddr_storage ss;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len;

	for (size_t n = 0; n < sizeof(struct sockaddr_in); n++)
		assert_int_equal(
		    abi_sockaddr_to_netbsd(&ls, n, &ss, &len), EINVAL);
	assert_int_equal(abi_sockaddr_to_netbsd(&ls, sizeof(ls), &ss, &len), 0);
	assert_int_equal(len, 16);
	assert_int_equal(
	    abi_sockaddr_to_netbsd(&ls, sizeof(ls) + 1, &ss, &len), EINVAL);
	assert_int_equal(
	    abi_sockaddr_to_netbsd(&sun, sizeof(sun), &ss, &len), EINVAL);
	ls.ss_family = AF_PACKET;
	assert_int_equal(
	    abi_sockaddr_to_netbsd(&ls, 16, &ss, &len), EAFNOSUPPORT);
}

static void
a_short_buffer_gets_the_head_of_an_address(void **state)
{
	struct rump_sockaddr_storage ss = { .ss_len = 16,
		.ss_family = RUMP_AF_INET };
	char buf[8];

	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(abi_sockaddr_to_linux(&ss, 16, buf, 4), 16);
	assert_int_equal(buf[4], 0x5a);
	assert_int_equal(abi_sockaddr_to_linux(&ss, 0, buf, 4), 0);
}

static void
message_flags_are_translated(void **state)
{
	assert_int_equal(abi_msgflags_to_netbsd(
			     MSG_PEEK | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE),
	    RUMP_MSG_PEEK | RUMP_MSG_DONTWAIT | RUMP_MSG_NOSIGNAL |
		RUMP_MSG_HOST_MORE);
	/* Linux minds no bits that mean nothing. */
	assert_int_equal(
	    abi_msgflags_to_netbsd(MSG_ERRQUEUE | MSG_FIN | MSG_SYN),
	    RUMP_MSG_HOST_ERRQUEUE);
	assert_int_equal(
	    abi_msgflags_to_linux(RUMP_MSG_HOST_ERRQUEUE), MSG_ERRQUEUE);
	assert_int_equal(abi_msgflags_to_linux(RUMP_MSG_TRUNC | RUMP_MSG_EOR),
	    MSG_TRUNC | MSG_EOR);
}

static void
socket_options_keep_their_meaning(void **state)
{
	const struct abi_sockopt *so =
	    abi_sockopt_find(SOL_SOCKET, SO_RCVTIMEO);
	struct timeval tv = { 3, 500000 }, back;
	struct rump_timeval ntv;
	char buf[ABI_SOCKOPT_MAX];
	size_t len;
	int value;

	assert_non_null(so);
	assert_int_equal(so->as_netbsd_name, RUMP_SO_RCVTIMEO);
	assert_int_equal(so->as_size, sizeof(tv));
	assert_int_equal(abi_sockopt_set(so, &tv, buf, &len), 0);
	assert_int_equal(len, sizeof(ntv));
	memcpy(&ntv, buf, sizeof(ntv));
	assert_int_equal(ntv.tv_usec, 500000);
	assert_int_equal(
	    abi_sockopt_get(so, &ntv, sizeof(ntv), &back, sizeof(back)),
	    sizeof(back));
	assert_memory_equal(&back, &tv, sizeof(tv));
	tv.tv_usec = 1000000;
	assert_int_equal(abi_sockopt_set(so, &tv, buf, &len), EDOM);

	so = abi_sockopt_find(SOL_SOCKET, SO_ERROR);
	value = RUMP_ECONNREFUSED;
	assert_int_equal(abi_sockopt_get(so, &value, 4, &value, 4), 4);
	assert_int_equal(value, ECONNREFUSED);
	assert_int_equal(abi_sockopt_set(so, &value, buf, &len), ENOPROTOOPT);

	so = abi_sockopt_find(SOL_SOCKET, SO_KEEPALIVE);
	value = RUMP_SO_KEEPALIVE;
	assert_int_equal(abi_sockopt_get(so, &value, 4, &value, 4), 4);
	assert_int_equal(value, 1);

	so = abi_sockopt_find(IPPROTO_TCP, TCP_KEEPIDLE);
	assert_int_equal(so->as_netbsd_name, RUMP_TCP_KEEPIDLE);
	assert_null(abi_sockopt_find(SOL_SOCKET, SO_PEERCRED));
}

static size_t
put_cmsg(
    char *buf, size_t at, int level, int type, const void *data, size_t len)
{
	struct cmsghdr ch = { .cmsg_len = CMSG_LEN(len),
		.cmsg_level = level,
		.cmsg_type = type };

	memcpy(buf + at, &ch, sizeof(ch));
	memcpy(buf + at + 16, data, len);
	return at + CMSG_SPACE(len);
}

static void
control_messages_go_both_ways(void **state)
{
	char in[128] = { 0 }, netbsd[128], back[128];
	int ttl = 64, fds[2] = { 3, 4 }, truncated;
	struct rump_cmsghdr nh;
	size_t len, nlen, blen;

	len = put_cmsg(in, 0, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	len = put_cmsg(in, len, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	assert_int_equal(
	    abi_cmsg_to_netbsd(in, len, netbsd, sizeof(netbsd), &nlen), 0);
	assert_int_equal(nlen, len);
	memcpy(&nh, netbsd, sizeof(nh));
	assert_int_equal(nh.cmsg_len, 20);
	assert_int_equal(nh.cmsg_level, RUMP_SOL_HOST | IPPROTO_IP);
	assert_int_equal(nh.cmsg_type, IP_TTL);
	memcpy(&nh, netbsd + 24, sizeof(nh));
	assert_int_equal(nh.cmsg_level, RUMP_IPPROTO_IPV6);
	assert_int_equal(nh.cmsg_type, RUMP_IPV6_HOPLIMIT);
	assert_int_equal(abi_cmsg_to_linux(netbsd, nlen, back, sizeof(back),
			     &blen, &truncated),
	    0);
	assert_int_equal(blen, len);
	assert_int_equal(truncated, 0);
	assert_memory_equal(back, in, len);
	assert_int_equal(
	    abi_cmsg_to_linux(netbsd, nlen, back, 30, &blen, &truncated), 0);
	assert_int_equal(truncated, 1);
	/* Whose descriptors these are is for the host socket to say. */
	len = put_cmsg(in, 0, SOL_SOCKET, SCM_RIGHTS, fds, sizeof(fds));
	assert_int_equal(
	    abi_cmsg_to_netbsd(in, len, netbsd, sizeof(netbsd), &nlen), 0);
	memcpy(&nh, netbsd, sizeof(nh));
	assert_int_equal(nh.cmsg_level, RUMP_SOL_HOST | SOL_SOCKET);
}

static void
malformed_control_messages_are_refused(void **state)
{
	static const size_t lengths[] = { 0, 15, 4096, SIZE_MAX, SIZE_MAX - 6 };
	char in[64], out[64];
	size_t outlen;
	int ttl = 1;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(in, 0, sizeof(in));
		put_cmsg(in, 0, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		memcpy(in, &lengths[i], sizeof(lengths[i]));
		assert_int_equal(abi_cmsg_to_netbsd(
				     in, sizeof(in), out, sizeof(out), &outlen),
		    EINVAL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_and_types_are_translated),
		cmocka_unit_test(internet_addresses_go_both_ways),
		cmocka_unit_test(internet6_addresses_change_their_family),
		cmocka_unit_test(what_is_refused_can_be_wrapped_for_the_host),
		cmocka_unit_test(bad_address_lengths_are_refused),
		cmocka_unit_test(a_short_buffer_gets_the_head_of_an_address),
		cmocka_unit_test(message_flags_are_translated),
		cmocka_unit_test(socket_options_keep_their_meaning),
		cmocka_unit_test(control_messages_go_both_ways),
		cmocka_unit_test(malformed_control_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
