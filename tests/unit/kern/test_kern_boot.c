/* SPDX-License-Identifier: BSD-2-Clause */
/* Booting, each time in a process of its own, and what comes before it. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/boot.h"
#include "kern/callout.h"
#include "kern/component.h"
#include "kern/kthread.h"
#include "kern/lwp.h"
#include "kern/stats.h"
#include "kern/syscall.h"
#include "rump/rump_syscalls.h"
#include "rump/rumphost.h"

/* Run func in a child; its exit status, and what it wrote. */
static int
in_child(int (*func)(void), char *text, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	fflush(NULL);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		_exit(func());
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
boot_only(void)
{
	return rump_init();
}

static int
boot_with(const char *name, const char *value, char *text, size_t size)
{
	int error;

	setenv(name, value, 1);
	error = in_child(boot_only, text, size);
	unsetenv(name);
	return error;
}

static void
booting_is_silent_unless_asked(void **state)
{
	char text[512];

	assert_int_equal(in_child(boot_only, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(boot_with("RUMP_VERBOSE", "1", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "NetBSD"));
	assert_int_equal(boot_with("RUMP_VERBOSE", "0", text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void
bad_parameters_are_errors_that_name_the_parameter(void **state)
{
	static const char *const ncpu[] = { "0", "-1", "many", "2x",
		"99999999999999999999999" };
	static const char *const limit[] = { "", "x", "-1", "10q", "10kk", "0",
		"99999999999999999999999", "18446744073709551615g" };
	char text[512];

	for (size_t i = 0; i < NITEMS(ncpu); i++) {
		assert_int_equal(
		    boot_with("RUMP_NCPU", ncpu[i], text, sizeof(text)),
		    RUMP_EINVAL);
		assert_non_null(strstr(text, "RUMP_NCPU"));
	}
	for (size_t i = 0; i < NITEMS(limit); i++) {
		assert_int_equal(
		    boot_with("RUMP_MEMLIMIT", limit[i], text, sizeof(text)),
		    RUMP_EINVAL);
		assert_non_null(strstr(text, "RUMP_MEMLIMIT"));
	}
	assert_int_equal(
	    boot_with("RUMP_MEMLIMIT", "64k", text, sizeof(text)), RUMP_ENOMEM);
	assert_non_null(strstr(text, "RUMP_MEMLIMIT"));
	assert_int_equal(boot_with("RUMP_NCPU", "8", text, sizeof(text)), 0);
	assert_int_equal(
	    boot_with("RUMP_MEMLIMIT", "64m", text, sizeof(text)), 0);
}

static int
start_a_thread(void)
{
	struct callout c;

	if (rump_init() != 0)
		return 99;
	rump_schedule();
	callout_init(&c, NULL, NULL);
	callout_schedule(&c, (int64_t)3600 * 1000000000);
	(void)callout_halt(&c);
	return kthread_create("t", NULL, NULL);
}

static void
threads_may_be_forbidden(void **state)
{
	char text[512];

	setenv("RUMP_THREADS", "0", 1);
	assert_int_equal(
	    in_child(start_a_thread, text, sizeof(text)), RUMP_ENOTSUP);
	assert_non_null(strstr(text, "no thread"));
	unsetenv("RUMP_THREADS");
}

/* The child's child has booted, and the child waits for its word. */
static int
boot_in_the_background(void)
{
	int error;

	if (rump_daemonize_begin() != 0)
		return 98;
	error = rump_init();
	if (error == 0 && rump_daemonize_begin() != RUMP_EALREADY)
		error = 97;
	if (error == 0)
		error = 55;
	(void)rump_daemonize_done(error);
	return 0;
}

static void
a_kernel_may_boot_in_the_background(void **state)
{
	char text[512];

	assert_int_equal(
	    in_child(boot_in_the_background, text, sizeof(text)), 55);
	assert_int_equal(rump_daemonize_done(0), RUMP_ENOENT);
}

static int
print_counters(void)
{
	if (rump_init() != 0)
		return 99;
	rump_printevcnts();
	return rump_nativeabi_p();
}

static void
counters_are_printed_a_line_each(void **state)
{
	char text[4096];

	assert_int_equal(in_child(print_counters, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "kern_threads_created 0\n"));
}

static void
sizes_have_units(void **state)
{
	size_t n;

	assert_int_equal(boot_parse_memlimit("17", &n), 0);
	assert_int_equal(n, 17);
	assert_int_equal(boot_parse_memlimit("3k", &n), 0);
	assert_int_equal(n, 3 << 10);
	assert_int_equal(boot_parse_memlimit("3m", &n), 0);
	assert_int_equal(n, 3 << 20);
	assert_int_equal(boot_parse_memlimit("3g", &n), 0);
	assert_int_equal(n, 3ul << 30);
}

static int
fail_then_boot(void)
{
	setenv("RUMP_NCPU", "none", 1);
	if (rump_init() != RUMP_EINVAL)
		return 1;
	unsetenv("RUMP_NCPU");
	if (rump_init() != 0 || rump_init() != 0)
		return 2;
	return rump_sys_getpid() == 1 ? 0 : 3;
}

static void
a_refused_boot_may_be_tried_again_and_a_second_one_is_nothing(void **state)
{
	char text[512];

	assert_int_equal(in_child(fail_then_boot, text, sizeof(text)), 0);
}

static int
call_unbooted(void)
{
	int64_t retval[2];

	return rump_syscall(20, NULL, 0, retval) == RUMP_ENOSYS &&
		       rump_pub_lwproc_curlwp() == NULL
		   ? 0
		   : 1;
}

static void
a_call_before_boot_is_enosys(void **state)
{
	char text[512];

	assert_int_equal(in_child(call_unbooted, text, sizeof(text)), 0);
}

static int
boot_and_reboot(void)
{
	(void)rump_init();
	rump_sys_reboot(RUMP_RB_AUTOBOOT, NULL);
	return 99;
}

static void
note_shutdown(int howto)
{
	printf("hook %d\n", howto);
	fflush(stdout);
}

static int
boot_hook_and_reboot(void)
{
	(void)rump_init();
	shutdown_hook_attach(note_shutdown);
	rump_set_hostcred(1, 1, 1, 1, 0, NULL);
	if (rump_sys_reboot(0, NULL) != -1)
		return 98;
	rump_set_hostcred(0, 0, 0, 0, 0, NULL);
	rump_sys_reboot(RUMP_RB_NOSYNC, NULL);
	return 99;
}

static void
reboot_ends_the_process_after_its_hooks(void **state)
{
	char text[512];

	assert_int_equal(in_child(boot_and_reboot, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "halted"));
	assert_int_equal(in_child(boot_hook_and_reboot, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "hook 4\n"));
}

static _Atomic bool in_hook;

static void
take_long(int howto)
{
	atomic_store(&in_hook, true);
	for (int i = 0; i < 2000; i++)
		sched_yield();
	printf("synced\n");
	fflush(stdout);
}

static void *
reboot_too(void *arg)
{
	AWAIT(in_hook);
	rump_sys_reboot(RUMP_RB_AUTOBOOT, NULL);
	return NULL;
}

static int
boot_and_reboot_twice(void)
{
	(void)rump_init();
	shutdown_hook_attach(take_long);
	(void)spawn(reboot_too, NULL);
	rump_sys_reboot(RUMP_RB_AUTOBOOT, NULL);
	return 99;
}

static void
a_second_reboot_lets_the_first_one_finish(void **state)
{
	char text[512];

	assert_int_equal(
	    in_child(boot_and_reboot_twice, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "synced\n"));
}

/* Components, registered in the wrong order. */
static char inits[16];

#define COMPONENT(type, letter)                                                \
	RUMP_COMPONENT(type, letter)                                           \
	{                                                                      \
		assert_ptr_equal(curlwp, &lwp0);                               \
		strcat(inits, #letter);                                        \
	}
COMPONENT(RUMP_COMPONENT_SYSCALL, h)
COMPONENT(RUMP_COMPONENT_NET, d)
COMPONENT(RUMP__FACTION_NET, c)
COMPONENT(RUMP_COMPONENT_KERN_VFS, f)
COMPONENT(RUMP_COMPONENT_VFS, b)
COMPONENT(RUMP_COMPONENT_KERN, a)
COMPONENT(RUMP_COMPONENT_DEV, e)
COMPONENT(RUMP_COMPONENT_POSTINIT, g)

static void
components_start_in_the_order_of_their_types(void **state)
{
	static struct rump_component late = { .rc_type = 0 };

	/* Once more: ignored. */
	rump_component_load(&rump_component_a);
	assert_int_equal(rump_init(), 0);
	assert_string_equal(inits, "abcdefgh");
	rump_component_load(&late);
	assert_null(late.rc_prevp);
	assert_int_equal(rump_getversion(), 799003400);
	assert_int_equal(rump_pub_getversion(), 799003400);
}

static void
numbers_and_lengths_that_are_wrong_are_refused(void **state)
{
	static const int numbers[] = { -1, INT32_MIN, 512, INT32_MAX, 0, 250 };
	int64_t args[8] = { 0 }, retval[2];

	for (size_t i = 0; i < NITEMS(numbers); i++)
		assert_int_equal(
		    rump_syscall(numbers[i], args, sizeof(args), retval),
		    RUMP_ENOSYS);
	assert_int_equal(rump_syscall(3, args, 23, retval), RUMP_EINVAL);
	assert_int_equal(rump_syscall(3, args, 24, retval), RUMP_EBADF);
	assert_int_equal(rump_syscall(20, NULL, 0, retval), 0);
	assert_int_equal(retval[0], 1);
	assert_int_equal(retval[1], 0);
}

static struct kstat some[] = {
	{ .ks_name = "test_a", .ks_help = "first" },
	{ .ks_name = "test_b", .ks_help = "second" },
};

static void
sum_up(const char *name, const char *help, uint64_t value, void *arg)
{
	if (strncmp(name, "test_", 5) == 0)
		*(uint64_t *)arg = *(uint64_t *)arg * 10 + value;
}

static void
statistics_are_listed_in_order_of_attachment(void **state)
{
	uint64_t digits = 0;

	kstat_attach(some, NITEMS(some));
	KSTAT_ADD(&some[0], 3);
	KSTAT_ADD(&some[1], 1);
	KSTAT_ADD(&some[1], 1);
	rump_stats_iterate(sum_up, &digits);
	assert_int_equal(digits, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_before_boot_is_enosys),
		cmocka_unit_test(booting_is_silent_unless_asked),
		cmocka_unit_test(
		    bad_parameters_are_errors_that_name_the_parameter),
		cmocka_unit_test(threads_may_be_forbidden),
		cmocka_unit_test(a_kernel_may_boot_in_the_background),
		cmocka_unit_test(counters_are_printed_a_line_each),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(
		    a_refused_boot_may_be_tried_again_and_a_second_one_is_nothing),
		cmocka_unit_test(reboot_ends_the_process_after_its_hooks),
		cmocka_unit_test(a_second_reboot_lets_the_first_one_finish),
		cmocka_unit_test(components_start_in_the_order_of_their_types),
		cmocka_unit_test(
		    numbers_and_lengths_that_are_wrong_are_refused),
		cmocka_unit_test(statistics_are_listed_in_order_of_attachment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
