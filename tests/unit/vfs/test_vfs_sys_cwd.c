/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/vfs/vfs_test.h"

static void
assert_cwd(const char *path)
{
	char buf[1024];

	assert_int_equal(rump_sys___getcwd(buf, sizeof(buf)), strlen(path) + 1);
	assert_string_equal(buf, path);
}

static void
the_working_directory_has_a_path(void **state)
{
	char buf[8];

	assert_cwd("/");
	OK(rump_sys_mkdir("/c", 0755));
	OK(rump_sys_mkdir("/c/.d", 0755));
	OK(rump_sys_mkdir("/c/.d/e", 0755));
	OK(rump_sys_chdir("c/.d"));
	assert_cwd("/c/.d");
	OK(rump_sys_chdir("e"));
	assert_cwd("/c/.d/e");
	FAILS(ERANGE, rump_sys___getcwd(buf, sizeof(buf) - 1));
	OK(rump_sys_rename("/c/.d", "/c/x"));
	assert_cwd("/c/x/e");
	OK(rump_sys_rmdir("/c/x/e"));
	FAILS(ENOENT, rump_sys___getcwd(buf, sizeof(buf)));
	OK(rump_sys_chdir("/"));
	FAILS(ENOENT, rump_sys_chdir("nothing"));
	FAILS(ENOTDIR, rump_sys_chdir("/dev/null"));
	assert_cwd("/");
}

static void
mounts_are_part_of_the_path(void **state)
{
	OK(rump_sys_mkdir("/m", 0755));
	OK(rump_sys_mount("rumpfs", "/m", 0, NULL, 0));
	OK(rump_sys_mkdir("/m/in", 0755));
	OK(rump_sys_chdir("/m/in"));
	assert_cwd("/m/in");
	OK(rump_sys_chdir(".."));
	assert_cwd("/m");
	OK(rump_sys_chdir(".."));
	assert_cwd("/");
}

static void
descriptors_and_permissions_count(void **state)
{
	int fd = rump_sys_open("/dev", RUMP_O_RDONLY);

	OK(fd);
	OK(rump_sys_fchdir(fd));
	assert_cwd("/dev");
	OK(rump_sys_close(fd));
	FAILS(EBADF, rump_sys_fchdir(fd));
	fd = rump_sys_open("/dev/null", RUMP_O_RDONLY);
	FAILS(ENOTDIR, rump_sys_fchdir(fd));
	OK(rump_sys_close(fd));
	OK(rump_sys_mkdir("/locked", 0600));
	become(1000, 1000);
	FAILS(EACCES, rump_sys_chdir("/locked"));
	FAILS(EPERM, rump_sys_chroot("/dev"));
	become(0, 0);
	OK(rump_sys_chdir("/"));
}

static void
set_mask(int32_t pid, int mask)
{
	const struct rump_hostcred hc = { .hc_umask = mask };

	assert_int_equal(rump_proc_setcred(pid, &hc), 0);
}

/* A process of its own, since the change is for good. */
static void
processes_have_their_own_directories(void **state)
{
	char path[64];

	OK(rump_sys_mkdir("/jail", 0755));
	OK(rump_sys_mkdir("/jail/in", 0755));
	OK(rump_sys_chdir("/jail"));
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	assert_cwd("/jail");
	OK(rump_sys_chroot("/jail"));
	OK(rump_sys_chdir("/in"));
	assert_cwd("/in");
	/* What others are told of it, whose root is another one. */
	assert_int_equal(rump_cwd_path(path, sizeof(path)), 0);
	assert_string_equal(path, "/jail/in");
	OK(rump_sys_chdir("../.."));
	assert_cwd("/");
	assert_true(exists("/in"));
	assert_false(exists("/jail"));
	rump_pub_lwproc_releaselwp();
	assert_cwd("/jail");
	OK(rump_sys_chdir("/"));
	OK(rump_sys_rmdir("/jail/in"));
	OK(rump_sys_rmdir("/jail"));
}

/* What each of two processes does is the other's, too. */
static void
processes_can_have_one_working_directory_and_mask(void **state)
{
	struct lwp *first, *second;
	int32_t pid;

	OK(rump_sys_mkdir("/one", 0755));
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	first = rump_pub_lwproc_curlwp();
	assert_int_equal(
	    rump_pub_lwproc_rfork(RUMP_RFCFDG | RUMP_RFCWD_SHARE), 0);
	second = rump_pub_lwproc_curlwp();
	pid = rump_sys_getpid();
	OK(rump_sys_chdir("/one"));
	(void)rump_sys_umask(077);
	rump_pub_lwproc_switch(first);
	assert_cwd("/one");
	assert_int_equal(rump_sys_umask(011), 077);
	OK(rump_sys_chdir("/"));
	rump_pub_lwproc_switch(second);
	assert_cwd("/");
	assert_int_equal(rump_sys_umask(022), 011);
	rump_pub_lwproc_switch(first);
	set_mask(pid, 033);
	assert_int_equal(rump_sys_umask(022), 033);
	rump_pub_lwproc_releaselwp();
	rump_pub_lwproc_switch(second);
	OK(rump_sys_chdir("/one"));
	assert_cwd("/one");
	rump_pub_lwproc_releaselwp();
	assert_cwd("/");
	OK(rump_sys_rmdir("/one"));
}

static void
a_process_stops_sharing_its_directory(void **state)
{
	struct lwp *first, *second;

	OK(rump_sys_mkdir("/one", 0755));
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	first = rump_pub_lwproc_curlwp();
	assert_int_equal(
	    rump_pub_lwproc_rfork(RUMP_RFFDG | RUMP_RFCWD_SHARE), 0);
	second = rump_pub_lwproc_curlwp();
	OK(rump_sys_chdir("/one"));
	rump_cwd_unshare();
	assert_cwd("/one");
	OK(rump_sys_chdir("/"));
	(void)rump_sys_umask(077);
	rump_cwd_unshare();
	rump_pub_lwproc_switch(first);
	assert_cwd("/one");
	assert_int_equal(rump_sys_umask(022), 022);
	rump_pub_lwproc_releaselwp();
	rump_pub_lwproc_switch(second);
	assert_cwd("/");
	rump_pub_lwproc_releaselwp();
	OK(rump_sys_rmdir("/one"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_working_directory_has_a_path),
		cmocka_unit_test(mounts_are_part_of_the_path),
		cmocka_unit_test(descriptors_and_permissions_count),
		cmocka_unit_test(processes_have_their_own_directories),
		cmocka_unit_test(
		    processes_can_have_one_working_directory_and_mask),
		cmocka_unit_test(a_process_stops_sharing_its_directory),
	};

	return cmocka_run_group_tests(tests, boot_kernel, NULL);
}
