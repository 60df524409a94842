/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "nfs/url.h"
#include "rump/rumpdefs.h"

static struct nfs_url
parse(const char *url)
{
	struct nfs_url u;
	char text[256];
	int error = nfs_url_parse(url, &u, text, sizeof(text));

	if (error != 0)
		fail_msg("%s: %s", url, text);
	assert_string_equal(text, "");
	return u;
}

static void
the_parts_are_address_port_and_export(void **state)
{
	struct nfs_url u = parse("nfs://10.20.30.40:2050/srv/data");

	assert_int_equal(u.u_addr.ad_family, RUMP_AF_INET);
	assert_memory_equal(u.u_addr.ad_bytes, "\x0a\x14\x1e\x28", 4);
	assert_int_equal(u.u_port, 2050);
	assert_int_equal(u.u_mountport, 0);
	assert_string_equal(u.u_export, "/srv/data");
	assert_false(u.u_options.o_soft);
	assert_int_equal(u.u_options.o_timeo, 600);
	assert_int_equal(u.u_options.o_acregmin, 3);
	assert_int_equal(u.u_options.o_acdirmin, 30);
	assert_int_equal(parse("nfs://1.2.3.4/x").u_port, 0);
}

static void
slashes_at_the_end_of_the_export_go(void **state)
{
	assert_string_equal(parse("nfs://1.2.3.4/a/b//").u_export, "/a/b");
	assert_string_equal(parse("nfs://1.2.3.4/").u_export, "/");
	assert_string_equal(parse("nfs://1.2.3.4///").u_export, "/");
}

static void
options_of_libnfs_and_mount_nfs_are_known(void **state)
{
	struct nfs_url u = parse(
	    "nfs://127.0.0.1/e?version=3&nfsport=12049"
	    "&mountport=12050&uid=7&gid=0&rsize=65536&timeo=30&retrans=5&soft"
	    "&ro&noac=1&actimeo=9&acregmin=1&readahead=0&proto=tcp"
	    "&mountproto=tcp&nolock&auto-traverse-mounts=0&");
	const struct nfs_options *o = &u.u_options;

	assert_int_equal(u.u_port, 12049);
	assert_int_equal(u.u_mountport, 12050);
	assert_true(o->o_has_uid && o->o_has_gid);
	assert_int_equal(o->o_uid, 7);
	assert_int_equal(o->o_gid, 0);
	assert_int_equal(o->o_rsize, 65536);
	assert_int_equal(o->o_timeo, 30);
	assert_int_equal(o->o_retrans, 5);
	assert_true(o->o_soft);
	assert_true(o->o_noac);
	assert_int_equal(o->o_acregmin, 1);
	assert_int_equal(o->o_acregmax, 9);
	assert_int_equal(o->o_acdirmax, 9);
	assert_true(o->o_has_readahead);
	assert_int_equal(o->o_readahead, 0);
	assert_false(parse("nfs://1.2.3.4/e?soft&hard").u_options.o_soft);
	u = parse("nfs://1.2.3.4/e?autoreconnect=2");
	assert_true(u.u_options.o_soft);
	assert_int_equal(u.u_options.o_retrans, 2);
	u = parse("nfs://1.2.3.4/e?autoreconnect=-1");
	assert_false(u.u_options.o_soft);
}

static void
addresses_of_the_newer_family_stand_in_brackets(void **state)
{
	static const uint8_t one[16] = { [15] = 1 };
	struct nfs_url u = parse("nfs://[::1]/e");

	assert_int_equal(u.u_addr.ad_family, RUMP_AF_INET6);
	assert_memory_equal(u.u_addr.ad_bytes, one, 16);
	assert_int_equal(u.u_port, 0);
	u = parse("nfs://[2001:db8::2]:2050/e/f?soft");
	assert_int_equal(u.u_addr.ad_bytes[0], 0x20);
	assert_int_equal(u.u_port, 2050);
	assert_string_equal(u.u_export, "/e/f");
	assert_true(u.u_options.o_soft);
	assert_int_equal(parse("nfs://[fe80::1%252]/e").u_addr.ad_scope, 2);
	assert_int_equal(parse("nfs://[fe80::1%2]/e").u_addr.ad_scope, 2);
	assert_int_equal(parse("nfs://[fe80::1%25]/e").u_addr.ad_scope, 25);
	assert_int_equal(parse("nfs://[fe80::1%2525]/e").u_addr.ad_scope, 25);
}

static void
transports_have_their_own_time_outs(void **state)
{
	struct nfs_options o = parse("nfs://1.2.3.4/e").u_options;

	assert_int_equal(o.o_proto, NFS_TCP);
	assert_int_equal(o.o_mountproto, NFS_ANY);
	assert_int_equal(o.o_retrans, 2);
	o = parse("nfs://1.2.3.4/e?udp").u_options;
	assert_int_equal(o.o_proto, NFS_UDP);
	assert_int_equal(o.o_timeo, 11);
	assert_int_equal(o.o_retrans, 3);
	o = parse("nfs://1.2.3.4/e?timeo=50&proto=udp6&retrans=9").u_options;
	assert_int_equal(o.o_proto, NFS_UDP);
	assert_int_equal(o.o_timeo, 50);
	assert_int_equal(o.o_retrans, 9);
	o = parse("nfs://1.2.3.4/e?udp&tcp&mountproto=udp").u_options;
	assert_int_equal(o.o_proto, NFS_TCP);
	assert_int_equal(o.o_mountproto, NFS_UDP);
	assert_int_equal(o.o_timeo, 600);
	assert_int_equal(
	    parse("nfs://1.2.3.4/e?timeout=250").u_options.o_timeo, 3);
}

static void
the_last_of_two_switches_counts(void **state)
{
	struct nfs_options o = parse("nfs://1.2.3.4/e").u_options;

	assert_false(o.o_resvport || o.o_noresvport || o.o_ro);
	o = parse("nfs://1.2.3.4/e?noresvport&resvport&rw&ro").u_options;
	assert_true(o.o_resvport && !o.o_noresvport && o.o_ro);
	o = parse("nfs://1.2.3.4/e?resvport&noresvport&ro&rw").u_options;
	assert_true(!o.o_resvport && o.o_noresvport && !o.o_ro);
}

static void
escapes_are_data_not_syntax(void **state)
{
	struct nfs_url u = parse("nfs://1.2.3.4/a%20b%3Fc%26d%25%2f?ti%6deo=4"
				 "%32");

	assert_string_equal(u.u_export, "/a b?c&d%");
	assert_int_equal(u.u_options.o_timeo, 42);
}

static const struct {
	const char *url;
	const char *says[3];
} bad[] = {
	{ "", { "\"\"", "nfs://" } },
	{ "http://1.2.3.4/x", { "\"http://1.2.3.4/x\"", "nfs://" } },
	{ "nfs://", { "A.B.C.D" } },
	{ "nfs:///export", { "server \"\"", "A.B.C.D" } },
	{ "nfs://host/export", { "\"host\"", "numeric" } },
	{ "nfs://1.2.3/e", { "\"1.2.3\"" } },
	{ "nfs://1.2.3.4.5/e", { "\"1.2.3.4.5\"" } },
	{ "nfs://1.2.3.256/e", { "\"1.2.3.256\"" } },
	{ "nfs://1.2.3.04/e", { "\"1.2.3.04\"" } },
	{ "nfs://1.2.3.4", { "no export", "/export" } },
	{ "nfs://1.2.3.4?ro", { "no export" } },
	{ "nfs://1.2.3.4:/e", { "port \"\"", "65535" } },
	{ "nfs://1.2.3.4:0/e", { "port \"0\"" } },
	{ "nfs://1.2.3.4:65536/e", { "port \"65536\"" } },
	{ "nfs://1.2.3.4:99999999999/e", { "port" } },
	{ "nfs://1.2.3.4/e?nosuch=1",
	    { "unknown option \"nosuch\"", "nfsport", "soft" } },
	{ "nfs://1.2.3.4/e?=1", { "unknown option" } },
	{ "nfs://1.2.3.4/e?\x01\xff=1", { "\"\\x01\\xff\"" } },
	{ "nfs://1.2.3.4/e?version=4", { "version", "\"4\"", "works: 3" } },
	{ "nfs://1.2.3.4/e?version", { "version", "needs a value" } },
	{ "nfs://1.2.3.4/e?proto=rdma", { "\"rdma\"", "tcp udp" } },
	{ "nfs://1.2.3.4/e?proto", { "proto", "needs a value" } },
	{ "nfs://1.2.3.4/e?udp=2", { "udp", "switch" } },
	{ "nfs://1.2.3.4/e?nfsport=0", { "nfsport", "1 to 65535" } },
	{ "nfs://1.2.3.4/e?nfsport=x", { "nfsport", "\"x\"" } },
	{ "nfs://1.2.3.4/e?rsize=1", { "rsize", "1024 to 1048576" } },
	{ "nfs://1.2.3.4/e?rsize=", { "rsize" } },
	{ "nfs://1.2.3.4/e?timeo=-1", { "timeo", "\"-1\"" } },
	{ "nfs://1.2.3.4/e?uid=4294967295", { "uid" } },
	{ "nfs://1.2.3.4/e?soft=maybe", { "soft", "\"maybe\"", "switch" } },
	{ "nfs://1.2.3.4/e?rw=0", { "rw", "switch" } },
	{ "nfs://::1/e", { "brackets" } },
	{ "nfs://[::1/e", { "bracket is missing" } },
	{ "nfs://[]/e", { "IPv6" } },
	{ "nfs://[1.2.3.4]/e", { "IPv6" } },
	{ "nfs://[::1]x/e", { "only a port" } },
	{ "nfs://[::1]:/e", { "port \"\"" } },
	{ "nfs://[::1]:99999/e", { "port" } },
	{ "nfs://[fe80::1]/e", { "link-local", "interface" } },
	{ "nfs://[fe80::1%25eth0]/e", { "number of an interface" } },
	{ "nfs://[1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21:22:23:"
	  "24]/e",
	    { "IPv6" } },
	{ "nfs://1.2.3.4/e%", { "escape", "%25" } },
	{ "nfs://1.2.3.4/e%4", { "escape" } },
	{ "nfs://1.2.3.4/e%4g", { "escape" } },
	{ "nfs://1.2.3.4/e%00x", { "escape" } },
	{ "nfs://1.2.3.4/e?timeo=%zz", { "escape" } },
};

static void
bad_urls_are_refused_by_name(void **state)
{
	for (size_t i = 0; i < NITEMS(bad); i++) {
		struct nfs_url u = { .u_port = 4711 };
		char text[1024];

		assert_int_equal(
		    nfs_url_parse(bad[i].url, &u, text, sizeof(text)),
		    RUMP_EINVAL);
		assert_int_equal(u.u_port, 4711);
		assert_null(strchr(text, '\n'));
		for (size_t j = 0; j < 3 && bad[i].says[j] != NULL; j++) {
			if (strstr(text, bad[i].says[j]) == NULL)
				fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].url,
				    text, bad[i].says[j]);
		}
	}
}

static void
what_is_too_long_is_refused(void **state)
{
	char url[4096], text[256];
	struct nfs_url u;
	int head = snprintf(url, sizeof(url), "nfs://1.2.3.4/");

	memset(url + head, 'a', 1023);
	url[head + 1023] = '\0';
	assert_int_equal(nfs_url_parse(url, &u, text, sizeof(text)), 0);
	assert_int_equal(strlen(u.u_export), 1024);
	memset(url + head, 'a', 1024);
	url[head + 1024] = '\0';
	assert_int_equal(
	    nfs_url_parse(url, &u, text, sizeof(text)), RUMP_EINVAL);
	assert_non_null(strstr(text, "too long"));
	assert_true(strlen(text) < 200);
	strcpy(url, "nfs://1.2.3.4/e?timeo=");
	memset(url + strlen(url), '1', 1000);
	url[1000] = '\0';
	assert_int_equal(
	    nfs_url_parse(url, &u, text, sizeof(text)), RUMP_EINVAL);
}

static void
messages_end_where_the_buffer_does(void **state)
{
	char text[128];
	struct nfs_url u;

	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		assert_int_equal(
		    nfs_url_parse("nfs://1.2.3.4/e?bogus=1", &u, text, size),
		    RUMP_EINVAL);
		assert_int_equal(strlen(text), size - 1);
		assert_int_equal(text[size], 'x');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parts_are_address_port_and_export),
		cmocka_unit_test(slashes_at_the_end_of_the_export_go),
		cmocka_unit_test(options_of_libnfs_and_mount_nfs_are_known),
		cmocka_unit_test(
		    addresses_of_the_newer_family_stand_in_brackets),
		cmocka_unit_test(transports_have_their_own_time_outs),
		cmocka_unit_test(the_last_of_two_switches_counts),
		cmocka_unit_test(escapes_are_data_not_syntax),
		cmocka_unit_test(bad_urls_are_refused_by_name),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(messages_end_where_the_buffer_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
