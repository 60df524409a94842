/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rump_sys_ functions marshal their arguments into zeroed slots and turn
 * results into what C programs expect.  The kernel's entrance is a recorder.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rump/rump_syscallnum.h"
#include "rump/rump_syscalls.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

static struct {
	int num;
	size_t len;
	uint64_t slot[8];
	int error; /* to be returned */
	int64_t retval[2];
} kernel;

int
rump_syscall(int num, const void *args, size_t len, int64_t retval[2])
{
	kernel.num = num;
	kernel.len = len;
	memset(kernel.slot, 0xee, sizeof(kernel.slot));
	if (len != 0)
		memcpy(kernel.slot, args, len);
	if (kernel.error == 0)
		memcpy(retval, kernel.retval, sizeof(kernel.retval));
	return kernel.error;
}

static void
kernel_answers(int error, int64_t first, int64_t second)
{
	kernel.error = error;
	kernel.retval[0] = first;
	kernel.retval[1] = second;
}

static void
arguments_lie_in_slots_of_eight_bytes(void **state)
{
	char buf[4];

	kernel_answers(0, 4, 0);
	assert_int_equal(rump_sys_read(7, buf, sizeof(buf)), 4);
	assert_int_equal(kernel.num, RUMP_SYS_read);
	assert_int_equal(kernel.len, 24);
	assert_int_equal(kernel.slot[0], 7);
	assert_ptr_equal((void *)kernel.slot[1], buf);
	assert_int_equal(kernel.slot[2], sizeof(buf));
}

static void
upper_halves_of_narrow_arguments_are_zero(void **state)
{
	kernel_answers(0, 0, 0);
	assert_int_equal(rump_sys_close(-1), 0);
	assert_int_equal(kernel.slot[0], 0xffffffffU);
}

static void
a_pad_is_a_slot_that_holds_zero(void **state)
{
	kernel_answers(0, INT64_MAX, 0);
	assert_int_equal(rump_sys_lseek(3, -2, 1), INT64_MAX);
	assert_int_equal(kernel.len, 32);
	assert_int_equal(kernel.slot[1], 0);
	assert_int_equal(kernel.slot[2], (uint64_t)-2);
	assert_int_equal(kernel.slot[3], 1);
	assert_int_equal(rump_sys_pread(3, NULL, 5, 6), INT64_MAX);
	assert_int_equal(kernel.len, 40);
	assert_int_equal(kernel.slot[3], 0);
	assert_int_equal(kernel.slot[4], 6);
}

static void
variadic_arguments_arrive(void **state)
{
	kernel_answers(0, 3, 0);
	assert_int_equal(rump_sys_open("/f", RUMP_O_CREAT, 0644), 3);
	assert_int_equal(kernel.slot[2], 0644);
	assert_int_equal(rump_sys_openat(9, "/f", RUMP_O_CREAT, 0600), 3);
	assert_int_equal(kernel.slot[3], 0600);
	assert_int_equal(rump_sys_fcntl(4, RUMP_F_SETFL, 4), 3);
	assert_int_equal(kernel.slot[2] & 0xffffffff, 4);
}

static void
calls_without_arguments_pass_no_bytes(void **state)
{
	kernel_answers(0, 42, 1);
	assert_int_equal(rump_sys_getpid(), 42);
	assert_int_equal(kernel.len, 0);
}

static void
an_error_becomes_minus_one_and_a_netbsd_errno(void **state)
{
	kernel_answers(RUMP_EAGAIN, 0, 0);
	errno = 0;
	assert_int_equal(rump_sys_write(1, "x", 1), -1);
	assert_int_equal(errno, RUMP_EAGAIN);
}

static void
success_sets_errno_to_zero(void **state)
{
	kernel_answers(0, 0, 0);
	errno = 77;
	assert_int_equal(rump_sys_close(1), 0);
	assert_int_equal(errno, 0);
}

static void
calls_that_cannot_fail_leave_errno_alone(void **state)
{
	kernel_answers(RUMP_ENOSYS, 0, 0);
	errno = 77;
	assert_int_equal(rump_sys_getuid(), 0);
	rump_sys_sync();
	assert_int_equal(errno, 77);
}

static void
results_that_are_errnos_are_returned_from_either_place(void **state)
{
	errno = 77;
	kernel_answers(RUMP_ENOSYS, 0, 0);
	assert_int_equal(rump_sys_posix_fallocate(3, 0, 1), RUMP_ENOSYS);
	kernel_answers(0, RUMP_ESPIPE, 0);
	assert_int_equal(rump_sys_posix_fadvise(3, 0, 1, 0), RUMP_ESPIPE);
	kernel_answers(RUMP_ERESTART, 0, 0);
	assert_int_equal(
	    rump_sys_clock_nanosleep(0, 0, NULL, NULL), RUMP_EINTR);
	assert_int_equal(errno, 77);
}

static void
an_interrupted_call_is_eintr(void **state)
{
	kernel_answers(RUMP_ERESTART, 0, 0);
	assert_int_equal(rump_sys_read(0, NULL, 0), -1);
	assert_int_equal(errno, RUMP_EINTR);
}

static void
internal_errors_do_not_leave_the_kernel(void **state)
{
	kernel_answers(RUMP_ENAMESPACE, 0, 0);
	assert_int_equal(rump_sys_chdir("/x"), -1);
	assert_int_equal(errno, RUMP_ENOENT);
	kernel_answers(-2, 0, 0);
	assert_int_equal(rump_sys_chdir("/x"), -1);
	assert_int_equal(errno, RUMP_EINVAL);
}

static void
pipe_stores_two_descriptors_on_success_only(void **state)
{
	int fd[2] = { -5, -5 };

	kernel_answers(RUMP_EMFILE, 3, 4);
	assert_int_equal(rump_sys_pipe(fd), -1);
	assert_int_equal(errno, RUMP_EMFILE);
	assert_int_equal(fd[0], -5);
	kernel_answers(0, 3, 4);
	assert_int_equal(rump_sys_pipe(fd), 0);
	assert_int_equal(fd[0], 3);
	assert_int_equal(fd[1], 4);
}

static void
names_lead_to_the_current_versions(void **state)
{
	kernel_answers(0, 0, 0);
	assert_int_equal(rump_sys_stat("/", NULL), 0);
	assert_int_equal(kernel.num, 439);
	assert_int_equal(rump_sys_mount("nfs", "/", 0, NULL, 0), 0);
	assert_int_equal(kernel.num, 410);
	assert_int_equal(rump_sys_select(0, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(kernel.num, RUMP_SYS_select);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_lie_in_slots_of_eight_bytes),
		cmocka_unit_test(upper_halves_of_narrow_arguments_are_zero),
		cmocka_unit_test(a_pad_is_a_slot_that_holds_zero),
		cmocka_unit_test(variadic_arguments_arrive),
		cmocka_unit_test(calls_without_arguments_pass_no_bytes),
		cmocka_unit_test(an_error_becomes_minus_one_and_a_netbsd_errno),
		cmocka_unit_test(success_sets_errno_to_zero),
		cmocka_unit_test(calls_that_cannot_fail_leave_errno_alone),
		cmocka_unit_test(
		    results_that_are_errnos_are_returned_from_either_place),
		cmocka_unit_test(an_interrupted_call_is_eintr),
		cmocka_unit_test(internal_errors_do_not_leave_the_kernel),
		cmocka_unit_test(pipe_stores_two_descriptors_on_success_only),
		cmocka_unit_test(names_lead_to_the_current_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
