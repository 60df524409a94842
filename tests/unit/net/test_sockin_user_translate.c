/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"
#include "sockin/user_translate.h"

static void
families_that_sockin_has_are_translated(void **state)
{
	assert_int_equal(sockin_family_to_host(RUMP_AF_INET), AF_INET);
	assert_int_equal(sockin_family_to_host(RUMP_AF_INET6), AF_INET6);
	assert_int_equal(sockin_family_to_host(RUMP_AF_LOCAL), -1);
	assert_int_equal(sockin_family_to_host(AF_INET6), -1);
	assert_int_equal(sockin_type_to_host(RUMP_SOCK_STREAM), SOCK_STREAM);
	assert_int_equal(sockin_type_to_host(RUMP_SOCK_DGRAM), SOCK_DGRAM);
	assert_int_equal(sockin_type_to_host(RUMP_SOCK_RAW), SOCK_RAW);
	assert_int_equal(sockin_type_to_host(9), -1);
}

static void
an_ipv4_address_survives_the_round_trip(void **state)
{
	struct rump_sockaddr_in sin = {
		.sin_len = sizeof(sin),
		.sin_family = RUMP_AF_INET,
		.sin_port = 0x1234,
		.sin_addr = 0x0100007f,
	};
	struct rump_sockaddr_in back;
	struct sockaddr_storage hs;
	socklen_t hlen;

	assert_int_equal(
	    sockin_addr_to_host((void *)&sin, sizeof(sin), &hs, &hlen), 0);
	assert_int_equal(hlen, sizeof(struct sockaddr_in));
	assert_int_equal(hs.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&hs)->sin_addr.s_addr,
	    htonl(INADDR_LOOPBACK));
	memset(&back, 0xff, sizeof(back));
	assert_int_equal(
	    sockin_addr_from_host(&hs, hlen, (void *)&back, sizeof(back)),
	    sizeof(back));
	assert_memory_equal(&back, &sin, sizeof(sin));
}

static void
an_ipv6_address_survives_the_round_trip(void **state)
{
	struct rump_sockaddr_in6 sin6 = {
		.sin6_len = sizeof(sin6),
		.sin6_family = RUMP_AF_INET6,
		.sin6_port = 0x4321,
		.sin6_flowinfo = 7,
		.sin6_addr = { 0xfe, 0x80, [15] = 1 },
		.sin6_scope_id = 3,
	};
	struct rump_sockaddr_in6 back;
	struct sockaddr_storage hs;
	socklen_t hlen;

	assert_int_equal(
	    sockin_addr_to_host((void *)&sin6, sizeof(sin6), &hs, &hlen), 0);
	assert_int_equal(hlen, sizeof(struct sockaddr_in6));
	assert_int_equal(hs.ss_family, AF_INET6);
	assert_int_equal(
	    sockin_addr_from_host(&hs, hlen, (void *)&back, sizeof(back)),
	    sizeof(back));
	assert_memory_equal(&back, &sin6, sizeof(sin6));
}

static void
a_short_address_is_refused(void **state)
{
	struct rump_sockaddr_storage ss = { .ss_family = RUMP_AF_INET };
	struct sockaddr_storage hs;
	socklen_t hlen = 77;
	int len;

	for (len = -1; len < (int)sizeof(struct rump_sockaddr_in); len++)
		assert_int_equal(
		    sockin_addr_to_host((void *)&ss, len, &hs, &hlen),
		    RUMP_EINVAL);
	ss.ss_family = RUMP_AF_INET6;
	for (len = 0; len < (int)sizeof(struct rump_sockaddr_in6); len++)
		assert_int_equal(
		    sockin_addr_to_host((void *)&ss, len, &hs, &hlen),
		    RUMP_EINVAL);
	ss.ss_family = 0xff; /* nobody has */
	assert_int_equal(sockin_addr_to_host((void *)&ss, 128, &hs, &hlen),
	    RUMP_EAFNOSUPPORT);
	assert_int_equal(hlen, 77);
}

static void
a_foreign_address_goes_to_the_host_with_its_length(void **state)
{
	static const struct {
		uint8_t family;
		sa_family_t host;
	} foreign[] = {
		{ RUMP_AF_UNSPEC, AF_UNSPEC },
		{ RUMP_AF_LOCAL, AF_UNIX },
	};
	struct rump_sockaddr_un sun = { .sun_path = "name" };
	struct sockaddr_storage hs;
	socklen_t hlen;
	size_t i;
	int len;

	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		sun.sun_family = foreign[i].family;
		for (len = 2; len <= (int)sizeof(sun); len++) {
			assert_int_equal(
			    sockin_addr_to_host((void *)&sun, len, &hs, &hlen),
			    0);
			assert_int_equal(hlen, len);
			assert_int_equal(hs.ss_family, foreign[i].host);
			assert_memory_equal(
			    (char *)&hs + 2, sun.sun_path, (size_t)len - 2);
		}
	}
}

static void
a_wrapped_address_reaches_the_host_as_it_is(void **state)
{
	struct rump_sockaddr_storage ss = { .ss_family = RUMP_AF_HOST };
	struct sockaddr_storage hs;
	socklen_t hlen;
	int len;

	memset((char *)&ss + 2, 0x5a, sizeof(ss) - 2);
	for (len = 2; len <= 128; len++) {
		memset(&hs, 0, sizeof(hs));
		assert_int_equal(
		    sockin_addr_to_host((void *)&ss, len, &hs, &hlen), 0);
		assert_int_equal(hlen, len - 2);
		assert_memory_equal(&hs, (char *)&ss + 2, hlen);
		assert_int_equal(((char *)&hs)[hlen], 0);
	}
}

static void
an_address_is_cut_to_the_room_there_is(void **state)
{
	struct sockaddr_storage hs = { .ss_family = AF_INET };
	unsigned char room[16];

	memset(room, 0xaa, sizeof(room));
	assert_int_equal(sockin_addr_from_host(
			     &hs, sizeof(struct sockaddr_in), (void *)room, 3),
	    sizeof(struct rump_sockaddr_in));
	assert_int_equal(room[0], 16);
	assert_int_equal(room[1], RUMP_AF_INET);
	assert_int_equal(room[3], 0xaa);
}

static void
no_host_address_is_no_address(void **state)
{
	struct sockaddr_storage hs = { .ss_family = AF_UNIX };
	struct rump_sockaddr_storage ss = { .ss_len = 9 };

	assert_int_equal(
	    sockin_addr_from_host(&hs, 0, (void *)&ss, sizeof(ss)), 0);
	assert_int_equal(
	    sockin_addr_from_host(&hs, sizeof(hs), (void *)&ss, sizeof(ss)), 0);
	assert_int_equal(ss.ss_len, 9);
}

static void
the_host_may_wait_when_asked_to_but_never_raises_sigpipe(void **state)
{
	int hflags;

	assert_true(sockin_msgflags_to_host(RUMP_MSG_WAITALL, &hflags));
	assert_int_equal(hflags, MSG_WAITALL | MSG_NOSIGNAL);
	assert_true(sockin_msgflags_to_host(
	    RUMP_MSG_PEEK | RUMP_MSG_OOB | RUMP_MSG_NBIO, &hflags));
	assert_int_equal(
	    hflags, MSG_PEEK | MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_true(sockin_msgflags_to_host(
	    RUMP_MSG_HOST_ERRQUEUE | RUMP_MSG_DONTWAIT, &hflags));
	assert_int_equal(hflags, MSG_ERRQUEUE | MSG_DONTWAIT | MSG_NOSIGNAL);
	/* It says when to stop taking messages, and nothing of one message. */
	assert_true(sockin_msgflags_to_host(RUMP_MSG_WAITFORONE, &hflags));
	assert_int_equal(hflags, MSG_NOSIGNAL);
}

static void
an_unknown_message_flag_is_told_from_a_known_one(void **state)
{
	int hflags;

	assert_false(sockin_msgflags_to_host(RUMP_MSG_NOTIFICATION, &hflags));
	assert_false(sockin_msgflags_to_host(0x8000, &hflags));
}

static void
flags_of_a_received_message_are_translated(void **state)
{
	assert_int_equal(sockin_msgflags_from_host(
			     MSG_TRUNC | MSG_CTRUNC | MSG_EOR | MSG_OOB),
	    RUMP_MSG_TRUNC | RUMP_MSG_CTRUNC | RUMP_MSG_EOR | RUMP_MSG_OOB);
	assert_int_equal(sockin_msgflags_from_host(MSG_DONTWAIT), 0);
}

static void
poll_events_are_translated_both_ways(void **state)
{
	static const struct {
		int here, there;
	} t[] = {
		{ RUMP_POLLIN, POLLIN },
		{ RUMP_POLLPRI, POLLPRI },
		{ RUMP_POLLOUT, POLLOUT },
		{ RUMP_POLLERR, POLLERR },
		{ RUMP_POLLHUP, POLLHUP },
		{ RUMP_POLLRDNORM, POLLRDNORM },
		{ RUMP_POLLRDBAND, POLLRDBAND },
		{ RUMP_POLLWRBAND, POLLWRBAND },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(sockin_events_to_host(t[i].here), t[i].there);
		assert_int_equal(
		    sockin_events_from_host(t[i].there), t[i].here);
	}
}

static void
every_option_goes_to_its_own_host_option(void **state)
{
	static const struct {
		int level, name, hlevel, hname, size;
	} t[] = {
		{ RUMP_SOL_SOCKET, RUMP_SO_REUSEADDR, SOL_SOCKET, SO_REUSEADDR,
		    4 },
		{ RUMP_SOL_SOCKET, RUMP_SO_REUSEPORT, SOL_SOCKET, SO_REUSEPORT,
		    4 },
		{ RUMP_SOL_SOCKET, RUMP_SO_KEEPALIVE, SOL_SOCKET, SO_KEEPALIVE,
		    4 },
		{ RUMP_SOL_SOCKET, RUMP_SO_BROADCAST, SOL_SOCKET, SO_BROADCAST,
		    4 },
		{ RUMP_SOL_SOCKET, RUMP_SO_LINGER, SOL_SOCKET, SO_LINGER, 8 },
		{ RUMP_SOL_SOCKET, RUMP_SO_SNDBUF, SOL_SOCKET, SO_SNDBUF, 4 },
		{ RUMP_SOL_SOCKET, RUMP_SO_RCVBUF, SOL_SOCKET, SO_RCVBUF, 4 },
		{ RUMP_SOL_SOCKET, RUMP_SO_ERROR, SOL_SOCKET, SO_ERROR, 4 },
		{ RUMP_IPPROTO_IP, RUMP_IP_TTL, IPPROTO_IP, IP_TTL, 4 },
		{ RUMP_IPPROTO_IP, RUMP_IP_TOS, IPPROTO_IP, IP_TOS, 4 },
		{ RUMP_IPPROTO_IPV6, RUMP_IPV6_V6ONLY, IPPROTO_IPV6,
		    IPV6_V6ONLY, 4 },
		{ RUMP_IPPROTO_IPV6, RUMP_IPV6_UNICAST_HOPS, IPPROTO_IPV6,
		    IPV6_UNICAST_HOPS, 4 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_NODELAY, IPPROTO_TCP, TCP_NODELAY,
		    4 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_KEEPIDLE, IPPROTO_TCP,
		    TCP_KEEPIDLE, 4 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_KEEPINTVL, IPPROTO_TCP,
		    TCP_KEEPINTVL, 4 },
		{ RUMP_IPPROTO_TCP, RUMP_TCP_KEEPCNT, IPPROTO_TCP, TCP_KEEPCNT,
		    4 },
	};
	const struct sockin_option *op;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		op = sockin_option_find(t[i].level, t[i].name);
		assert_non_null(op);
		assert_int_equal(op->op_hlevel, t[i].hlevel);
		assert_int_equal(op->op_hname, t[i].hname);
		assert_int_equal(op->op_size, t[i].size);
	}
}

static void
options_without_a_counterpart_are_not_found(void **state)
{
	assert_null(sockin_option_find(RUMP_SOL_SOCKET, RUMP_SO_SNDLOWAT));
	assert_null(sockin_option_find(RUMP_SOL_SOCKET, RUMP_SO_NOSIGPIPE));
	assert_null(sockin_option_find(RUMP_IPPROTO_TCP, RUMP_TCP_INFO));
	assert_null(sockin_option_find(RUMP_IPPROTO_IP, RUMP_IP_PORTRANGE));
	assert_null(sockin_option_find(1, RUMP_SO_ERROR));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_that_sockin_has_are_translated),
		cmocka_unit_test(an_ipv4_address_survives_the_round_trip),
		cmocka_unit_test(an_ipv6_address_survives_the_round_trip),
		cmocka_unit_test(a_short_address_is_refused),
		cmocka_unit_test(
		    a_foreign_address_goes_to_the_host_with_its_length),
		cmocka_unit_test(a_wrapped_address_reaches_the_host_as_it_is),
		cmocka_unit_test(an_address_is_cut_to_the_room_there_is),
		cmocka_unit_test(no_host_address_is_no_address),
		cmocka_unit_test(
		    the_host_may_wait_when_asked_to_but_never_raises_sigpipe),
		cmocka_unit_test(
		    an_unknown_message_flag_is_told_from_a_known_one),
		cmocka_unit_test(flags_of_a_received_message_are_translated),
		cmocka_unit_test(poll_events_are_translated_both_ways),
		cmocka_unit_test(every_option_goes_to_its_own_host_option),
		cmocka_unit_test(options_without_a_counterpart_are_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
