/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sysproxy/address.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static enum address_error
parse(const char *url)
{
	struct address ad;

	return address_parse(url, &ad);
}

static void
test_a_path_is_taken_literally(void **state)
{
	struct address ad;

	assert_int_equal(address_parse("unix:///tmp/sock/", &ad), ADDRESS_OK);
	assert_int_equal(ad.ad_family, ADDRESS_UNIX);
	assert_string_equal(ad.ad_path, "/tmp/sock/");
	assert_false(address_is_relative(&ad));
	assert_int_equal(address_parse("unix://a b:c%20", &ad), ADDRESS_OK);
	assert_string_equal(ad.ad_path, "a b:c%20");
	assert_true(address_is_relative(&ad));
	assert_int_equal(parse("unix://"), ADDRESS_NOPATH);
}

static void
test_a_path_must_fit_with_the_directory_before_it(void **state)
{
	char url[200] = "unix://", cwd[200];
	struct address ad;

	memset(url + 7, 'p', 107);
	assert_int_equal(address_parse(url, &ad), ADDRESS_OK);
	assert_int_equal(strlen(ad.ad_path), 107);
	assert_int_equal(address_make_absolute(&ad, "/"), ADDRESS_TOOLONG);
	url[7 + 107] = 'p';
	assert_int_equal(parse(url), ADDRESS_TOOLONG);

	assert_int_equal(address_parse("unix://s", &ad), ADDRESS_OK);
	memset(cwd, 'd', sizeof(cwd));
	cwd[0] = '/';
	cwd[106] = '\0';
	assert_int_equal(address_make_absolute(&ad, cwd), ADDRESS_TOOLONG);
	assert_string_equal(ad.ad_path, "s");
	cwd[105] = '\0';
	assert_int_equal(address_make_absolute(&ad, cwd), ADDRESS_OK);
	assert_int_equal(strlen(ad.ad_path), 107);
	assert_int_equal(address_make_absolute(&ad, "/x"), ADDRESS_OK);
	assert_int_equal(strlen(ad.ad_path), 107);
}

static void
test_tcp_has_an_address_and_a_port(void **state)
{
	struct address ad;

	assert_int_equal(
	    address_parse("tcp://127.0.0.1:12345/", &ad), ADDRESS_OK);
	assert_int_equal(ad.ad_family, ADDRESS_TCP);
	assert_int_equal(ad.ad_host, 0x7f000001);
	assert_int_equal(ad.ad_port, 12345);
	assert_int_equal(
	    address_parse("tcp://255.1.2.3:65535", &ad), ADDRESS_OK);
	assert_int_equal(ad.ad_host, 0xff010203);
	assert_int_equal(ad.ad_port, 65535);
	assert_int_equal(address_parse("tcp://1.2.3.4:0/x", &ad), ADDRESS_OK);
}

static void
test_any_address_is_for_servers_only(void **state)
{
	struct address ad;

	assert_int_equal(address_parse("tcp://*:1234/", &ad), ADDRESS_OK);
	assert_int_equal(ad.ad_host, 0);
	assert_int_equal(address_check_client(&ad), ADDRESS_WILDCARD);
	assert_int_equal(address_parse("tcp://0:1234/", &ad), ADDRESS_OK);
	assert_int_equal(ad.ad_host, 0);
	assert_int_equal(address_parse("tcp://1.2.3.4:0/", &ad), ADDRESS_OK);
	assert_int_equal(address_check_client(&ad), ADDRESS_WILDCARD);
	assert_int_equal(address_parse("tcp://1.2.3.4:5/", &ad), ADDRESS_OK);
	assert_int_equal(address_check_client(&ad), ADDRESS_OK);
	assert_int_equal(address_parse("unix://x", &ad), ADDRESS_OK);
	assert_int_equal(address_check_client(&ad), ADDRESS_OK);
}

static void
test_what_is_wrong_is_told_apart(void **state)
{
	static const struct {
		const char *url;
		enum address_error error;
	} rows[] = {
		{ "", ADDRESS_EMPTY },
		{ "unix", ADDRESS_NOSCHEME },
		{ "unix:", ADDRESS_NOSCHEME },
		{ "unix:/x", ADDRESS_NOSCHEME },
		{ "://x", ADDRESS_NOSCHEME },
		{ "/tmp/sock", ADDRESS_NOSCHEME },
		{ "abcdefghijklmno://x", ADDRESS_UNKNOWN },
		{ "abcdefghijklmnop://x", ADDRESS_NOSCHEME },
		{ "uni://x", ADDRESS_UNKNOWN },
		{ "unixx://x", ADDRESS_UNKNOWN },
		{ "UNIX://x", ADDRESS_UNKNOWN },
		{ "tcp6://[::1]:1/", ADDRESS_TCP6 },
		{ "tcp6://", ADDRESS_TCP6 },
		{ "tcp://", ADDRESS_HOST },
		{ "tcp://localhost:1/", ADDRESS_HOST },
		{ "tcp://1.2.3:1/", ADDRESS_HOST },
		{ "tcp://1.2.3.4.5:1/", ADDRESS_HOST },
		{ "tcp://1.2.3.256:1/", ADDRESS_HOST },
		{ "tcp://1.2.3.4/", ADDRESS_HOST },
		{ "tcp://1.2.3.4", ADDRESS_HOST },
		{ "tcp://1..3.4:1", ADDRESS_HOST },
		{ "tcp://99999999999.2.3.4:1", ADDRESS_HOST },
		{ "tcp://1.2.3.4:", ADDRESS_PORT },
		{ "tcp://1.2.3.4:x", ADDRESS_PORT },
		{ "tcp://1.2.3.4:-1", ADDRESS_PORT },
		{ "tcp://1.2.3.4:65536/", ADDRESS_PORT },
		{ "tcp://1.2.3.4:99999999999/", ADDRESS_PORT },
		{ "tcp://1.2.3.4:12x", ADDRESS_PORT },
		{ "tcp://1.2.3.4:12 /", ADDRESS_PORT },
	};

	assert_int_equal(parse(NULL), ADDRESS_EMPTY);
	for (size_t i = 0; i < NITEMS(rows); i++)
		if (parse(rows[i].url) != rows[i].error)
			fail_msg("%s: %s", rows[i].url,
			    address_strerror(parse(rows[i].url)));
}

static void
test_a_host_of_64_characters_is_too_long(void **state)
{
	char url[128];

	snprintf(url, sizeof(url), "tcp://%057d.2.3.4:1/", 1);
	assert_int_equal(parse(url), ADDRESS_OK);
	snprintf(url, sizeof(url), "tcp://%058d.2.3.4:1/", 1);
	assert_int_equal(parse(url), ADDRESS_HOST);
}

static void
test_an_address_becomes_its_url(void **state)
{
	static const char *const urls[] = {
		"unix:///tmp/x",
		"unix://rel",
		"tcp://127.0.0.1:1/",
		"tcp://255.255.255.255:65535/",
		"tcp://0.0.0.0:0/",
	};
	char url[ADDRESS_URL_MAX];
	struct address ad;

	for (size_t i = 0; i < NITEMS(urls); i++) {
		assert_int_equal(address_parse(urls[i], &ad), ADDRESS_OK);
		address_format(&ad, url);
		assert_string_equal(url, urls[i]);
	}
}

static void
test_errors_become_errno_numbers(void **state)
{
	assert_int_equal(address_errno(ADDRESS_OK, 45, 63), 0);
	assert_int_equal(address_errno(ADDRESS_TCP6, 45, 63), 45);
	assert_int_equal(address_errno(ADDRESS_TOOLONG, 45, 63), 63);
	assert_int_equal(address_errno(ADDRESS_PORT, 45, 63), 22);
	for (int e = ADDRESS_OK; e <= ADDRESS_WILDCARD; e++)
		assert_non_null(address_strerror(e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_is_taken_literally),
		cmocka_unit_test(
		    test_a_path_must_fit_with_the_directory_before_it),
		cmocka_unit_test(test_tcp_has_an_address_and_a_port),
		cmocka_unit_test(test_any_address_is_for_servers_only),
		cmocka_unit_test(test_what_is_wrong_is_told_apart),
		cmocka_unit_test(test_a_host_of_64_characters_is_too_long),
		cmocka_unit_test(test_an_address_becomes_its_url),
		cmocka_unit_test(test_errors_become_errno_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
