/* SPDX-License-Identifier: BSD-2-Clause */
/* The upcalls, called as the server half of the hypercall layer would. */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/condvar.h"
#include "kern/hyperup.h"
#include "kern/lwp.h"
#include "rump/rump_syscalls.h"
#include "rump/rumphost.h"

static long
call(int num, long a, long b, long *result)
{
	long args[8] = { a, b }, retval[2] = { -1, -1 };
	int error;

	error = hyperup.hyp_syscall(num, args, retval);
	*result = retval[0];
	return error;
}

static void
a_client_gets_a_process_a_name_and_calls(void **state)
{
	long result;
	int pid;

	hyperup.hyp_schedule();
	assert_int_equal(
	    hyperup.hyp_lwproc_rfork(NULL, RUMP_RFCFDG, "client"), 0);
	pid = hyperup.hyp_getpid();
	assert_true(pid > 1);
	assert_string_equal(curproc->p_comm, "client");
	assert_ptr_equal(hyperup.hyp_lwproc_curlwp(), curlwp);
	assert_int_equal(call(20, 0, 0, &result), 0);
	assert_int_equal(result, pid);
	assert_int_equal(call(6, 5, 0, &result), RUMP_EBADF);
	assert_int_equal(call(-3, 0, 0, &result), RUMP_ENOSYS);
	assert_int_equal(call(512, 0, 0, &result), RUMP_ENOSYS);
	hyperup.hyp_lwproc_release();
	/* Still inside: there is an lwp, but not one that can be seen. */
	assert_non_null(curlwp);
	assert_null(hyperup.hyp_lwproc_curlwp());
	hyperup.hyp_unschedule();
	assert_int_equal(hyperup.hyp_lwproc_newlwp(pid), RUMP_ESRCH);
	assert_int_equal(hyperup.hyp_lwproc_rfork(NULL, 3, "x"), RUMP_EINVAL);
}

static char *client_name; /* on a page of its own */
static _Atomic bool may_intrude, has_intruded;
static _Atomic int intruded;

/* Become, for a moment, a thread of whatever process is new. */
static void *
intrude(void *arg)
{
	AWAIT(may_intrude);
	for (int pid = 2; pid < 100; pid++) {
		if (hyperup.hyp_lwproc_newlwp(pid) != 0)
			continue;
		hyperup.hyp_lwproc_release();
		intruded++;
	}
	has_intruded = true;
	return NULL;
}

static void
name_is_read(int sig)
{
	may_intrude = true;
	AWAIT(has_intruded);
	(void)mprotect(client_name, 4096, PROT_READ | PROT_WRITE);
}

/* Its first lwp must not find that it has gone with its second. */
static void
nobody_sees_a_process_before_its_first_lwp(void **state)
{
	struct sigaction act = { .sa_handler = name_is_read }, old;
	pthread_t t = spawn(intrude, NULL);

	client_name =
	    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(client_name, MAP_FAILED);
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	assert_int_equal(
	    hyperup.hyp_lwproc_rfork(NULL, RUMP_RFCFDG, client_name), 0);
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	join(t);
	assert_int_equal(intruded, 0);
	hyperup.hyp_lwproc_release();
	assert_int_equal(munmap(client_name, 4096), 0);
}

static void
an_exec_closes_what_is_marked_and_renames(void **state)
{
	int p[2];

	assert_int_equal(hyperup.hyp_lwproc_rfork(NULL, RUMP_RFCFDG, NULL), 0);
	assert_int_equal(rump_sys_pipe(p), 0);
	assert_int_equal(rump_sys_fcntl(p[1], RUMP_F_SETFD, (void *)1), 0);
	hyperup.hyp_execnotify("a name that is longer than there is room for");
	assert_int_equal(strlen(curproc->p_comm), sizeof(curproc->p_comm) - 1);
	assert_int_equal(rump_sys_close(p[0]), 0);
	assert_int_equal(rump_sys_close(p[1]), -1);
	hyperup.hyp_lwproc_release();
}

static kmutex_t mtx;
static kcondvar_t cv;

static void *
sleep_in_process(void *arg)
{
	int error;

	assert_int_equal(rump_pub_lwproc_newlwp((int)(intptr_t)arg), 0);
	mutex_enter(&mtx);
	error = cv_wait_sig(&cv, &mtx);
	mutex_exit(&mtx);
	rump_pub_lwproc_releaselwp();
	return (void *)(intptr_t)error;
}

static void
lwpexit_wakes_the_others_and_not_the_caller(void **state)
{
	pthread_t t;
	void *error;

	mutex_init(&mtx, "test");
	cv_init(&cv, "test");
	assert_int_equal(hyperup.hyp_lwproc_rfork(NULL, RUMP_RFCFDG, "two"), 0);
	t = spawn(sleep_in_process, (void *)(intptr_t)hyperup.hyp_getpid());
	AWAIT(cv_has_waiters(&cv));
	hyperup.hyp_lwpexit();
	assert_int_equal(pthread_join(t, &error), 0);
	assert_int_equal((intptr_t)error, RUMP_ERESTART);
	mutex_enter(&mtx);
	assert_int_equal(cv_timedwait_sig(&cv, &mtx, 1), RUMP_EWOULDBLOCK);
	mutex_exit(&mtx);
	hyperup.hyp_lwproc_release();
}

static void
blocking_in_a_hypercall_gives_nothing_up(void **state)
{
	int count = 77;

	hyperup.hyp_schedule();
	hyperup.hyp_backend_unschedule(0, &count, NULL);
	assert_int_equal(count, 0);
	hyperup.hyp_backend_schedule(count, NULL);
	assert_non_null(curlwp);
	hyperup.hyp_unschedule();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_gets_a_process_a_name_and_calls),
		cmocka_unit_test(nobody_sees_a_process_before_its_first_lwp),
		cmocka_unit_test(an_exec_closes_what_is_marked_and_renames),
		cmocka_unit_test(lwpexit_wakes_the_others_and_not_the_caller),
		cmocka_unit_test(blocking_in_a_hypercall_gives_nothing_up),
	};

	return rump_init() != 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
