/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "nfs/addr.h"
#include "nfs/rpcbind.h"
#include "rump/rumpdefs.h"

static const struct {
	const char *text;
	const char *canonical; /* NULL: bad */
} cases[] = {
	{ "1.2.3.4", "1.2.3.4" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "1::", "1::" },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
	{ "1:0:0:2:0:0:0:3", "1:0:0:2::3" },
	{ "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7" },
	{ "2001:0DB8::00ff", "2001:db8::ff" },
	{ "0:0:1:0:0:1:0:0", "::1:0:0:1:0:0" },
	{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
	{ "::ffff:1.2.3.4", "::ffff:102:304" },
	{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
	{ "fe80::1%2", "fe80::1%2" },
	{ "fe80::1%4294967295", "fe80::1%4294967295" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "", NULL },
	{ ":", NULL },
	{ ":::", NULL },
	{ "1", NULL },
	{ "1:", NULL },
	{ ":1", NULL },
	{ "1:2:3:4:5:6:7", NULL },
	{ "1:2:3:4:5:6:7:8:9", NULL },
	{ "1:2:3:4:5:6:7:8::", NULL },
	{ "1::2::3", NULL },
	{ "1:2:3:4::5:6:7:8", NULL },
	{ "12345::", NULL },
	{ "g::", NULL },
	{ "::1.2.3", NULL },
	{ "::1.2.3.4:5", NULL },
	{ "1:2:3:4:5:6:7:1.2.3.4", NULL },
	{ "1.2.3", NULL },
	{ "1.2.3.4.5", NULL },
	{ "1.2.3.256", NULL },
	{ "1.2.3.04", NULL },
	{ "1.2.3.4 ", NULL },
	{ "1.2.3.4%1", NULL },
	{ "fe80::1%", NULL },
	{ "fe80::1%0", NULL },
	{ "fe80::1%eth0", NULL },
	{ "fe80::1%4294967296", NULL },
};

static void
addresses_are_read_and_written(void **state)
{
	for (size_t i = 0; i < NITEMS(cases); i++) {
		struct nfs_addr ad = { .ad_scope = 77 };
		char text[NFS_ADDR_TEXT];
		bool good =
		    nfs_addr_parse(cases[i].text, strlen(cases[i].text), &ad);

		if (good != (cases[i].canonical != NULL))
			fail_msg("\"%s\"", cases[i].text);
		if (!good) {
			assert_int_equal(ad.ad_scope, 77);
			continue;
		}
		nfs_addr_format(&ad, text, sizeof(text));
		assert_string_equal(text, cases[i].canonical);
	}
}

static struct nfs_addr
addr(const char *text)
{
	struct nfs_addr ad;

	assert_true(nfs_addr_parse(text, strlen(text), &ad));
	return ad;
}

static void
hosts_of_the_newer_family_stand_in_brackets(void **state)
{
	char text[NFS_ADDR_TEXT];
	struct nfs_addr ad = addr("::1");

	nfs_addr_format_host(&ad, text, sizeof(text));
	assert_string_equal(text, "[::1]");
	ad = addr("1.2.3.4");
	nfs_addr_format_host(&ad, text, sizeof(text));
	assert_string_equal(text, "1.2.3.4");
}

static void
socket_addresses_come_back_as_they_went(void **state)
{
	static const char *const texts[] = { "1.2.3.4", "fe80::1%3" };
	struct rump_sockaddr_storage ss;
	uint16_t port = 0;

	for (size_t i = 0; i < NITEMS(texts); i++) {
		struct nfs_addr ad = addr(texts[i]), again;

		nfs_addr_to_sockaddr(&ad, 2049, &ss);
		assert_int_equal(
		    nfs_addr_from_sockaddr(&ss, ss.ss_len, &again, &port), 0);
		assert_memory_equal(&ad, &again, sizeof(ad));
		assert_int_equal(port, 2049);
		for (size_t len = 0; len < ss.ss_len; len++)
			assert_int_equal(
			    nfs_addr_from_sockaddr(&ss, len, &again, &port),
			    RUMP_EINVAL);
	}
	ss.ss_family = 1;
	assert_int_equal(nfs_addr_from_sockaddr(&ss, ss.ss_len, NULL, &port),
	    RUMP_EAFNOSUPPORT);
}

static void
link_local_addresses_are_told(void **state)
{
	struct nfs_addr ad = addr("fe80::1");

	assert_true(nfs_addr_is_linklocal(&ad));
	ad = addr("febf::1");
	assert_true(nfs_addr_is_linklocal(&ad));
	ad = addr("fec0::1");
	assert_false(nfs_addr_is_linklocal(&ad));
	ad = addr("254.128.0.1");
	assert_false(nfs_addr_is_linklocal(&ad));
}

/* Universal addresses. */

static const struct {
	const char *uaddr;
	int error;
	uint16_t port;
} uaddrs[] = {
	{ "", 0, 0 },
	{ "127.0.0.1.8.1", 0, 2049 },
	{ "0.0.0.0.0.111", 0, 111 },
	{ "::.8.1", 0, 2049 },
	{ "fe80::1%eth0.255.255", 0, 65535 },
	{ ".8.1", 0, 2049 },
	{ "1", RUMP_EBADRPC, 0 },
	{ ".1", RUMP_EBADRPC, 0 },
	{ "::1", RUMP_EBADRPC, 0 },
	{ "::1.0.0", RUMP_EBADRPC, 0 },
	{ "::1.256.1", RUMP_EBADRPC, 0 },
	{ "::1.1.1000", RUMP_EBADRPC, 0 },
	{ "::1.1.", RUMP_EBADRPC, 0 },
	{ "::1..1", RUMP_EBADRPC, 0 },
	{ "::1.-1.1", RUMP_EBADRPC, 0 },
};

static void
universal_addresses_end_in_the_port(void **state)
{
	for (size_t i = 0; i < NITEMS(uaddrs); i++) {
		uint8_t buf[160];
		struct xdr_out xo;
		struct xdr_in xi;
		uint16_t port = 7;
		int error;

		xdr_out_init(&xo, buf, sizeof(buf));
		xdr_put_opaque(&xo, uaddrs[i].uaddr, strlen(uaddrs[i].uaddr));
		xdr_in_init(&xi, buf, xo.xo_len);
		error = rpcbind_getaddr_result(&xi, &port);
		if (error != uaddrs[i].error)
			fail_msg("\"%s\": %d", uaddrs[i].uaddr, error);
		assert_int_equal(port, error == 0 ? uaddrs[i].port : 7);
	}
}

static void
getaddr_asks_for_a_program_over_a_transport(void **state)
{
	static const uint8_t want[] = { 0, 1, 0x86, 0xa3, 0, 0, 0, 3, 0, 0, 0,
		4, 't', 'c', 'p', '6', 0, 0, 0, 0, 0, 0, 0, 0 };
	uint8_t buf[RPCBIND_ARGS_MAX];
	struct xdr_out xo;

	xdr_out_init(&xo, buf, sizeof(buf));
	rpcbind_getaddr_args(&xo, 100003, 3, "tcp6");
	assert_false(xo.xo_failed);
	assert_int_equal(xo.xo_len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(hosts_of_the_newer_family_stand_in_brackets),
		cmocka_unit_test(socket_addresses_come_back_as_they_went),
		cmocka_unit_test(link_local_addresses_are_told),
		cmocka_unit_test(universal_addresses_end_in_the_port),
		cmocka_unit_test(getaddr_asks_for_a_program_over_a_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
