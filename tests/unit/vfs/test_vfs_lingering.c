/* SPDX-License-Identifier: BSD-2-Clause */
/* Which processes end without waiting for anybody. */
#include "tests/unit/vfs/servfs.h"
#include "tests/unit/vfs/vfs_test.h"

static void
a_process_lingers_with_a_file_or_a_directory_elsewhere(void **state)
{
	struct lwp *own = rump_pub_lwproc_curlwp(), *l;
	int fd;

	assert_int_equal(servfs_mount("/far"), 0);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	l = rump_pub_lwproc_curlwp();
	assert_false(rump_proc_lingers(l));
	fd = rump_sys_open("/dev/null", RUMP_O_RDONLY);
	OK(fd);
	assert_true(rump_proc_lingers(l));
	OK(rump_sys_close(fd));
	assert_false(rump_proc_lingers(l));
	OK(rump_sys_chdir("/dev"));
	assert_false(rump_proc_lingers(l));
	OK(rump_sys_chdir("/far"));
	assert_true(rump_proc_lingers(l));
	OK(rump_sys_chdir("/"));
	assert_false(rump_proc_lingers(l));
	OK(rump_sys_chroot("/far"));
	assert_true(rump_proc_lingers(l));
	rump_pub_lwproc_switch(own);
	assert_true(rump_proc_lingers(l));
	rump_pub_lwproc_switch(l);
	rump_pub_lwproc_releaselwp();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_process_lingers_with_a_file_or_a_directory_elsewhere),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
