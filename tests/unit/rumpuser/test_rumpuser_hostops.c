/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpuser_host.h"

static void
a_plain_call_gives_the_result_or_minus_errno(void **state)
{
	errno = 4711;
	assert_int_equal(
	    rumpuser_host_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
	assert_int_equal(
	    rumpuser_host_syscall(SYS_close, -1, 0, 0, 0, 0, 0), -EBADF);
	assert_int_equal(errno, 4711);
}

static void
all_six_arguments_arrive(void **state)
{
	int fd;
	long p;

	fd = memfd_create("six", 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(pwrite(fd, "here", 4, 4096), 4);
	p = rumpuser_host_syscall(
	    SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	assert_true(p > 0);
	assert_memory_equal((void *)p, "here", 4);
	munmap((void *)p, 4096);
	close(fd);
}

static void
an_interrupted_call_is_not_made(void **state)
{
	static const long args[6];
	volatile uint32_t intr = 0;

	assert_int_equal(
	    rumpuser_hostops.ho_syscall_intr(NULL, SYS_getpid, args), getpid());
	assert_int_equal(
	    rumpuser_hostops.ho_syscall_intr(&intr, SYS_getpid, args),
	    getpid());
	intr = 1;
	assert_int_equal(
	    rumpuser_hostops.ho_syscall_intr(&intr, SYS_getpid, args), -EINTR);
}

static void
hiding_makes_a_descriptor_close_on_exec(void **state)
{
	int fd;

	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(rumpuser_hostops.ho_fd_hide(fd), fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	rumpuser_hostops.ho_fd_close(fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(rumpuser_hostops.ho_fd_hide(fd), -EBADF);
}

static long calls;

static long
answer(long nr, long a, long b, long c, long d, long e, long f)
{
	calls++;
	return nr + f;
}

static void
what_is_not_replaced_uses_what_is(void **state)
{
	static const struct rumpuser_hostops mine = { .ho_syscall = answer };
	static const struct rumpuser_hostops plain;
	static const long args[6] = { 0, 0, 0, 0, 0, 7 };

	rumpuser_set_hostops(&mine);
	assert_int_equal(
	    rumpuser_hostops.ho_syscall_intr(NULL, 100, args), 107);
	assert_int_equal(rumpuser_hostops.ho_fd_hide(5), 5);
	assert_int_equal(calls, 2);
	rumpuser_set_hostops(&plain);
	assert_int_equal(
	    rumpuser_host_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
	assert_int_equal(calls, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_call_gives_the_result_or_minus_errno),
		cmocka_unit_test(all_six_arguments_arrive),
		cmocka_unit_test(an_interrupted_call_is_not_made),
		cmocka_unit_test(hiding_makes_a_descriptor_close_on_exec),
		cmocka_unit_test(what_is_not_replaced_uses_what_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
