/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"
#include "sockin/user_cmsg.h"

/* Append a NetBSD control message; returns where the next one goes. */
static size_t
put(char *buf, size_t at, uint32_t len, int level, int type)
{
	struct rump_cmsghdr nh = { len, level, type };

	memcpy(buf + at, &nh, sizeof(nh));
	return at + ((len + 7) & ~7UL);
}

static struct cmsghdr
host_header(const char *buf, size_t at)
{
	struct cmsghdr hh;

	memcpy(&hh, buf + at, sizeof(hh));
	return hh;
}

static void
headers_change_and_data_stay(void **state)
{
	_Alignas(8) char buf[128] = { 0 }, before[128];
	struct cmsghdr hh;
	size_t len, second;

	second = put(buf, 0, 20, RUMP_IPPROTO_IPV6, RUMP_IPV6_HOPLIMIT);
	len = put(buf, second, 28, RUMP_SOL_HOST | IPPROTO_IP, IP_PKTINFO);
	memcpy(buf + 16, "hops", 4);
	memcpy(buf + second + 16, "packet info.", 12);
	memcpy(before, buf, sizeof(buf));

	assert_int_equal(sockin_cmsg_to_host(buf, len), 0);
	hh = host_header(buf, 0);
	assert_int_equal(hh.cmsg_len, 20);
	assert_int_equal(hh.cmsg_level, IPPROTO_IPV6);
	assert_int_equal(hh.cmsg_type, IPV6_HOPLIMIT);
	assert_memory_equal(buf + 16, "hops", 4);
	hh = host_header(buf, second);
	assert_int_equal(hh.cmsg_len, 28);
	assert_int_equal(hh.cmsg_level, IPPROTO_IP);
	assert_int_equal(hh.cmsg_type, IP_PKTINFO);
	assert_memory_equal(buf + second + 16, "packet info.", 12);

	sockin_cmsg_from_host(buf, len);
	assert_memory_equal(buf, before, sizeof(buf));
}

static void
a_kind_that_nobody_knows_is_refused(void **state)
{
	_Alignas(8) char buf[64] = { 0 };
	size_t len = put(buf, 0, 20, RUMP_IPPROTO_IP, RUMP_IP_TTL);

	assert_int_equal(sockin_cmsg_to_host(buf, len), RUMP_EINVAL);
}

static void
what_is_marked_as_raw_is_behind_its_header(void **state)
{
	_Alignas(8) char buf[64] = { 0 };
	size_t len = put(buf, 0, 20, RUMP_SOL_HOST_RAW, 0);

	assert_int_equal(sockin_cmsg_raw(buf, len), 16);
	assert_int_equal(sockin_cmsg_raw(buf, 15), 0);
	len = put(buf, 0, 20, RUMP_SOL_HOST, 0);
	assert_int_equal(sockin_cmsg_raw(buf, len), 0);
}

static void
lengths_that_lie_are_refused(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 15, 25, 4096, UINT32_MAX,
		UINT32_MAX - 6 };
	_Alignas(8) char buf[64] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(buf, 0, lengths[i], RUMP_SOL_HOST, 1);
		assert_int_equal(sockin_cmsg_to_host(buf, 24), RUMP_EINVAL);
	}
}

static void
a_message_that_the_host_cut_short_stays_inside(void **state)
{
	_Alignas(8) char buf[64];
	struct cmsghdr hh = { 56, SOL_SOCKET, SCM_TIMESTAMP };
	struct rump_cmsghdr nh;

	memset(buf, 0x5a, sizeof(buf));
	memcpy(buf, &hh, sizeof(hh));
	sockin_cmsg_from_host(buf, 20);
	memcpy(&nh, buf, sizeof(nh));
	assert_int_equal(nh.cmsg_len, 20);
	assert_int_equal(nh.cmsg_level, RUMP_SOL_SOCKET);
	assert_int_equal(nh.cmsg_type, RUMP_SCM_TIMESTAMP);
	assert_int_equal(buf[20], 0x5a);
}

/* Heap blocks of the exact size, for the address sanitizer. */
static void
random_bytes_never_lead_outside(void **state)
{
	size_t i, len, round;
	char *buf;

	srandom(1);
	for (round = 0; round < 20000; round++) {
		len = (size_t)random() % 80;
		buf = malloc(len + 1);
		for (i = 0; i < len; i++)
			buf[i] = (char)(random() % 4 == 0 ? random() : 0);
		if (len > 0)
			buf[0] = (char)(random() % 48);
		buf[len] = 0x77;
		(void)sockin_cmsg_to_host(buf, len);
		sockin_cmsg_from_host(buf, len);
		assert_int_equal(buf[len], 0x77);
		free(buf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_change_and_data_stay),
		cmocka_unit_test(a_kind_that_nobody_knows_is_refused),
		cmocka_unit_test(what_is_marked_as_raw_is_behind_its_header),
		cmocka_unit_test(lengths_that_lie_are_refused),
		cmocka_unit_test(
		    a_message_that_the_host_cut_short_stays_inside),
		cmocka_unit_test(random_bytes_never_lead_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
