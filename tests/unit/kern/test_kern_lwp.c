/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and threads as the host program sees them. */
#include <stdatomic.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/kern/kern_test.h"

#include "kern/kmem.h"
#include "kern/lwp.h"
#include "rump/rump_syscalls.h"
#include "rump/rumphost.h"

static void
a_thread_without_an_lwp_belongs_to_process_one(void **state)
{
	assert_null(rump_pub_lwproc_curlwp());
	assert_int_equal(rump_sys_getpid(), 1);
	assert_int_equal(rump_sys_getppid(), 0);
	assert_null(rump_pub_lwproc_curlwp());
}

static void
rfork_makes_a_child_that_ends_with_its_last_lwp(void **state)
{
	struct lwp *first;
	int pid;

	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	first = rump_pub_lwproc_curlwp();
	assert_non_null(first);
	pid = rump_sys_getpid();
	assert_true(pid > 1);
	assert_int_equal(rump_sys_getppid(), 1);
	assert_int_equal(rump_pub_lwproc_newlwp(pid), 0);
	assert_ptr_not_equal(rump_pub_lwproc_curlwp(), first);
	assert_int_equal(rump_sys_getpid(), pid);
	rump_pub_lwproc_releaselwp();
	assert_null(rump_pub_lwproc_curlwp());
	assert_int_equal(rump_sys_getpid(), 1);
	assert_int_equal(rump_pub_lwproc_newlwp(pid), 0);
	rump_pub_lwproc_releaselwp();
	rump_pub_lwproc_switch(first);
	assert_int_equal(rump_sys_getpid(), pid);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_pub_lwproc_newlwp(pid), RUMP_ESRCH);
	/* With nothing bound there is nothing to release. */
	rump_pub_lwproc_releaselwp();
}

static void
children_of_a_process_that_ends_go_to_process_one(void **state)
{
	struct lwp *parent, *child;

	assert_int_equal(rump_pub_lwproc_rfork(0), 0);
	parent = rump_pub_lwproc_curlwp();
	assert_int_equal(rump_pub_lwproc_rfork(0), 0);
	child = rump_pub_lwproc_curlwp();
	assert_int_not_equal(rump_sys_getppid(), 1);
	rump_pub_lwproc_switch(parent);
	rump_pub_lwproc_releaselwp();
	rump_pub_lwproc_switch(child);
	assert_int_equal(rump_sys_getppid(), 1);
	rump_pub_lwproc_releaselwp();
}

static void
flags_that_contradict_are_refused(void **state)
{
	assert_int_equal(
	    rump_pub_lwproc_rfork(RUMP_RFFDG | RUMP_RFCFDG), RUMP_EINVAL);
	assert_int_equal(rump_pub_lwproc_rfork(8), RUMP_EINVAL);
	assert_int_equal(rump_pub_lwproc_newlwp(-5), RUMP_ESRCH);
	assert_null(rump_pub_lwproc_curlwp());
}

static void
descriptors_are_shared_copied_or_dropped(void **state)
{
	int p[2];

	assert_int_equal(rump_sys_pipe(p), 0);
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFFDG), 0);
	assert_int_equal(rump_sys_close(p[0]), 0);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	assert_int_equal(rump_sys_close(p[0]), -1);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_write(p[1], "x", 1), 1);
	assert_int_equal(rump_pub_lwproc_rfork(0), 0);
	assert_int_equal(rump_sys_close(p[0]), 0);
	assert_int_equal(rump_sys_close(p[1]), 0);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_close(p[0]), -1);
}

static void *
call_once(void *arg)
{
	assert_int_equal(rump_sys_getpid(), 1);
	return NULL;
}

static void *
bind_and_end(void *arg)
{
	assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
	*(struct lwp **)arg = rump_pub_lwproc_curlwp();
	return NULL;
}

static void
short_threads_leave_nothing_behind(void **state)
{
	size_t before, host;

	join(spawn(call_once, NULL));
	before = kmem_outstanding();
	host = kmem_hostbytes();
	for (int i = 0; i < 2000; i++)
		join(spawn(call_once, NULL));
	assert_int_equal(kmem_outstanding(), before);
	assert_int_equal(kmem_hostbytes(), host);
}

static void *
fork_and_call(void *arg)
{
	for (int i = 0; i < 300; i++) {
		assert_int_equal(rump_pub_lwproc_rfork(
				     i % 2 == 0 ? RUMP_RFCFDG : RUMP_RFFDG),
		    0);
		assert_true(rump_sys_getpid() > 1);
		rump_pub_lwproc_releaselwp();
		assert_int_equal(rump_sys_getpid(), 1);
	}
	return NULL;
}

static void
processes_may_come_and_go_in_many_threads(void **state)
{
	size_t before;
	pthread_t t[4];

	join(spawn(fork_and_call, NULL));
	before = kmem_outstanding();
	for (int i = 0; i < 4; i++)
		t[i] = spawn(fork_and_call, NULL);
	for (int i = 0; i < 4; i++)
		join(t[i]);
	assert_int_equal(kmem_outstanding(), before);
}

static void
the_number_of_processes_is_limited(void **state)
{
	static struct lwp *l[PROC_MAX];
	int n = 0;

	while (n < PROC_MAX && rump_pub_lwproc_rfork(0) == 0)
		l[n++] = rump_pub_lwproc_curlwp();
	/* Process 0 and process 1 count. */
	assert_int_equal(n, PROC_MAX - 2);
	assert_int_equal(rump_pub_lwproc_rfork(0), RUMP_EAGAIN);
	while (n-- > 0) {
		rump_pub_lwproc_switch(l[n]);
		rump_pub_lwproc_releaselwp();
	}
	assert_int_equal(rump_pub_lwproc_rfork(0), 0);
	rump_pub_lwproc_releaselwp();
}

/* Of a key younger than the kernel's: comes after its destructor. */
static void
end_well(void *arg)
{
	_exit(0);
}

/* Its locks may be those of threads that are not there. */
static void
a_forked_child_leaves_the_kernel_alone(void **state)
{
	pthread_key_t key;
	int status;
	pid_t pid;

	(void)rump_sys_getpid();
	assert_int_equal(pthread_key_create(&key, end_well), 0);
	mutex_enter(&initproc.p_lock);
	pid = fork();
	if (pid == 0) {
		alarm(100);
		(void)pthread_setspecific(key, &key);
		pthread_exit(NULL);
	}
	mutex_exit(&initproc.p_lock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pthread_key_delete(key), 0);
}

static void *
set_own_id(void *arg)
{
	for (int i = 0; i < 20000; i++)
		(void)rump_sys_setegid(0);
	return NULL;
}

static void
the_host_credential_and_a_call_may_change_ids_at_once(void **state)
{
	pthread_t t = spawn(set_own_id, NULL);

	for (int i = 0; i < 20000; i++)
		rump_set_hostcred(0, 0, 0, 0, 0, NULL);
	join(t);
	assert_int_equal(rump_sys_geteuid(), 0);
}

static _Atomic uint32_t *condition; /* on a page of its own */
static uint32_t word_seen;

static void
condition_is_stored(int sig)
{
	word_seen = curlwp->l_wake;
	(void)mprotect(condition, 4096, PROT_READ | PROT_WRITE);
}

/*
 * The other way round a sleeper that reads the new word and the old condition
 * may go to sleep after the hypercall that was to wake it.
 */
static void
a_wake_up_sets_the_condition_before_the_park_word(void **state)
{
	struct sigaction act = { .sa_handler = condition_is_stored }, old;
	uint32_t before;

	(void)rump_sys_getpid();
	before = curlwp->l_wake;
	condition =
	    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(condition, MAP_FAILED);
	assert_int_equal(sigaction(SIGSEGV, &act, &old), 0);
	lwp_unpark(curlwp, condition);
	assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
	assert_int_equal(*condition, 1);
	assert_int_equal(word_seen, before);
	assert_int_equal(curlwp->l_wake, before + 1);
	assert_int_equal(munmap(condition, 4096), 0);
}

static pthread_barrier_t together;

static void *
share_process(void *arg)
{
	assert_int_equal(rump_pub_lwproc_newlwp((int)(intptr_t)arg), 0);
	pthread_barrier_wait(&together);
	rump_pub_lwproc_releaselwp();
	return NULL;
}

/* Which of them is the last is decided anew each time. */
static void
lwps_of_one_process_may_leave_at_once(void **state)
{
	size_t before = 0;
	pthread_t t[3];
	intptr_t pid;

	pthread_barrier_init(&together, NULL, 4);
	for (int round = 0; round < 100; round++) {
		assert_int_equal(rump_pub_lwproc_rfork(RUMP_RFCFDG), 0);
		pid = rump_sys_getpid();
		for (int i = 0; i < 3; i++)
			t[i] = spawn(share_process, (void *)pid);
		pthread_barrier_wait(&together);
		rump_pub_lwproc_releaselwp();
		for (int i = 0; i < 3; i++)
			join(t[i]);
		if (round == 0)
			before = kmem_outstanding();
	}
	assert_int_equal(kmem_outstanding(), before);
	pthread_barrier_destroy(&together);
}

static void
an_lwp_outlives_the_thread_that_bound_it(void **state)
{
	struct lwp *l = NULL;

	join(spawn(bind_and_end, &l));
	rump_pub_lwproc_switch(l);
	assert_true(rump_sys_getpid() > 1);
	rump_pub_lwproc_releaselwp();
}

static void *
bind_allocate_and_end(void *arg)
{
	rump_pub_lwproc_switch(arg);
	kmem_free(kmem_alloc(100, KM_SLEEP), 100);
	return NULL;
}

/* It never had an implicit lwp, but it had magazines. */
static void
a_thread_that_only_bound_an_lwp_leaves_nothing_behind(void **state)
{
	struct lwp *l = NULL;
	size_t host = 0;

	join(spawn(bind_and_end, &l));
	for (int i = 0; i < 3000; i++) {
		join(spawn(bind_allocate_and_end, l));
		if (i == 0)
			host = kmem_hostbytes();
	}
	assert_int_equal(kmem_hostbytes(), host);
	rump_pub_lwproc_switch(l);
	rump_pub_lwproc_releaselwp();
}

static _Atomic int kthread_ran;

static void
kthread_body(void *arg)
{
	assert_ptr_equal(curproc, &proc0);
	atomic_fetch_add(&kthread_ran, (int)(intptr_t)arg);
}

static void
kernel_threads_run_in_process_zero_and_end(void **state)
{
	size_t before = kmem_outstanding();

	assert_int_equal(kthread_create("test", kthread_body, (void *)2), 0);
	assert_int_equal(kthread_create("test", kthread_body, (void *)3), 0);
	AWAIT(kthread_count() == 0);
	assert_int_equal(kthread_ran, 5);
	assert_int_equal(kmem_outstanding(), before);
}

static void
no_memory_for_a_kernel_thread_is_an_error(void **state)
{
	size_t before = kmem_outstanding();

	kmem_fail_nth(1);
	assert_int_equal(
	    kthread_create("test", kthread_body, NULL), RUMP_ENOMEM);
	assert_int_equal(kmem_outstanding(), before);
	assert_int_equal(kthread_count(), 0);
}

static void
the_host_credential_reaches_every_thread_of_process_one(void **state)
{
	const uint32_t groups[] = { 7, 8, 9 };
	uint32_t got[16];

	assert_int_equal(rump_sys_getuid(), 0);
	rump_set_hostcred(1000, 1001, 2000, 2001, 3, groups);
	assert_int_equal(rump_sys_getuid(), 1000);
	assert_int_equal(rump_sys_geteuid(), 1001);
	assert_int_equal(rump_sys_getgid(), 2000);
	assert_int_equal(rump_sys_getegid(), 2001);
	assert_int_equal(rump_sys_getgroups(16, got), 3);
	assert_memory_equal(got, groups, sizeof(groups));
	rump_set_hostcred(0, 0, 0, 0, 0, NULL);
	assert_int_equal(rump_sys_getuid(), 0);
}

static void *
look_with_process(void *arg)
{
	assert_int_equal(rump_sys_geteuid(), 1001);
	return NULL;
}

static void
a_thread_may_have_a_credential_of_its_own(void **state)
{
	const uint32_t groups[] = { 7, 8 };
	const struct rump_hostcred hc = { .hc_uid = { 1, 2, 3 },
		.hc_gid = { 4, 5, 6 },
		.hc_ngroups = 2,
		.hc_groups = groups,
		.hc_umask = -1 };
	pthread_t thread;
	uint32_t got[16];

	rump_lwp_setcred(&hc);
	rump_set_hostcred(1000, 1001, 2000, 2001, 0, NULL);
	assert_int_equal(rump_sys_getuid(), 1);
	assert_int_equal(rump_sys_geteuid(), 2);
	assert_int_equal(rump_sys_getegid(), 5);
	assert_int_equal(rump_sys_getgroups(16, got), 2);
	assert_int_equal(
	    pthread_create(&thread, NULL, look_with_process, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	rump_lwp_setcred(&hc);
	assert_int_equal(rump_sys_geteuid(), 2);
	rump_lwp_setcred(NULL);
	assert_int_equal(rump_sys_geteuid(), 1001);
	rump_set_hostcred(0, 0, 0, 0, 0, NULL);
	assert_int_equal(rump_sys_geteuid(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_may_have_a_credential_of_its_own),
		cmocka_unit_test(
		    a_thread_without_an_lwp_belongs_to_process_one),
		cmocka_unit_test(lwps_of_one_process_may_leave_at_once),
		cmocka_unit_test(
		    rfork_makes_a_child_that_ends_with_its_last_lwp),
		cmocka_unit_test(
		    children_of_a_process_that_ends_go_to_process_one),
		cmocka_unit_test(flags_that_contradict_are_refused),
		cmocka_unit_test(descriptors_are_shared_copied_or_dropped),
		cmocka_unit_test(short_threads_leave_nothing_behind),
		cmocka_unit_test(processes_may_come_and_go_in_many_threads),
		cmocka_unit_test(an_lwp_outlives_the_thread_that_bound_it),
		cmocka_unit_test(
		    a_thread_that_only_bound_an_lwp_leaves_nothing_behind),
		cmocka_unit_test(kernel_threads_run_in_process_zero_and_end),
		cmocka_unit_test(no_memory_for_a_kernel_thread_is_an_error),
		cmocka_unit_test(
		    the_host_credential_reaches_every_thread_of_process_one),
		cmocka_unit_test(
		    a_wake_up_sets_the_condition_before_the_park_word),
		cmocka_unit_test(the_number_of_processes_is_limited),
		cmocka_unit_test(a_forked_child_leaves_the_kernel_alone),
		cmocka_unit_test(
		    the_host_credential_and_a_call_may_change_ids_at_once),
	};

	return rump_init() != 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
