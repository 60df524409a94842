/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "tests/unit/kern/kern_test.h"

#include "rump/rump_syscalls.h"

#define FAILS(call, error)                                                     \
	do {                                                                   \
		assert_int_equal((call), -1);                                  \
		assert_int_equal(errno, (error));                              \
	} while (0)

static const int ostype[2] = { 1, 1 }, hostname[2] = { 1, 10 };
static const int ncpu[2] = { 6, 3 }, pagesize[2] = { 6, 7 };

static void
texts_and_numbers_are_told_with_their_size(void **state)
{
	char buf[256];
	size_t len = sizeof(buf);
	int n;

	assert_int_equal(rump_sys___sysctl(ostype, 2, buf, &len, NULL, 0), 0);
	assert_string_equal(buf, "NetBSD");
	assert_int_equal(len, 7);
	len = sizeof(n);
	assert_int_equal(rump_sys___sysctl(pagesize, 2, &n, &len, NULL, 0), 0);
	assert_int_equal(n, 4096);
	assert_int_equal(rump_sys___sysctl(ncpu, 2, &n, &len, NULL, 0), 0);
	assert_true(n >= 1);
	len = 99;
	assert_int_equal(rump_sys___sysctl(ostype, 2, NULL, &len, NULL, 0), 0);
	assert_int_equal(len, 7);
	assert_int_equal(rump_sys___sysctl(ostype, 2, buf, NULL, NULL, 0), 0);
}

static void
too_small_a_buffer_gets_what_fits_and_enomem(void **state)
{
	char buf[8] = "zzzzzzz";
	size_t len = 3;

	FAILS(rump_sys___sysctl(ostype, 2, buf, &len, NULL, 0), RUMP_ENOMEM);
	assert_int_equal(len, 7);
	assert_string_equal(buf, "Netzzzz");
}

static void
other_names_do_not_exist(void **state)
{
	const int name[13] = { 1, 9999 };
	size_t len = 0;

	FAILS(rump_sys___sysctl(name, 2, NULL, &len, NULL, 0), RUMP_ENOENT);
	FAILS(rump_sys___sysctl(name, 3, NULL, &len, NULL, 0), RUMP_ENOENT);
	FAILS(rump_sys___sysctl(name, 0, NULL, &len, NULL, 0), RUMP_EINVAL);
	FAILS(rump_sys___sysctl(name, 13, NULL, &len, NULL, 0), RUMP_EINVAL);
}

static void
only_the_host_name_can_be_set_and_only_by_root(void **state)
{
	char buf[256];
	size_t len = sizeof(buf);

	assert_int_equal(
	    rump_sys___sysctl(hostname, 2, buf, &len, "box", 3), 0);
	assert_true(strncmp(buf, "rump-", 5) == 0);
	len = sizeof(buf);
	assert_int_equal(rump_sys___sysctl(hostname, 2, buf, &len, NULL, 0), 0);
	assert_string_equal(buf, "box");
	memset(buf, 'x', sizeof(buf));
	FAILS(rump_sys___sysctl(hostname, 2, NULL, NULL, buf, sizeof(buf)),
	    RUMP_EINVAL);
	FAILS(rump_sys___sysctl(ostype, 2, NULL, NULL, "Plan9", 5), RUMP_EPERM);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	assert_int_equal(rump_sys_setuid(1), 0);
	FAILS(rump_sys___sysctl(hostname, 2, NULL, NULL, "a", 1), RUMP_EPERM);
	rump_pub_lwproc_releaselwp();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_numbers_are_told_with_their_size),
		cmocka_unit_test(too_small_a_buffer_gets_what_fits_and_enomem),
		cmocka_unit_test(other_names_do_not_exist),
		cmocka_unit_test(
		    only_the_host_name_can_be_set_and_only_by_root),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
