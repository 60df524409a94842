/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads for the kernel.  What they are made of is the host table's affair
 * (ho_thread_create).
 *
 * The kernel ends a thread from deep within its main function.  That is a jump
 * back to thread_main() and not pthread_exit(), which loads the unwinder: a
 * library to be found and memory from malloc(), in a process that may have
 * changed its root since.
 */
#include "rump/rumpuser.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "rump/rumpuser_host.h"

#include "rumpuser/clock.h"
#include "rumpuser/cpu.h"
#include "rumpuser/errtrans.h"
#include "rumpuser/futex.h"
#include "rumpuser/lwp.h"
#include "rumpuser/text.h"

/* Plenty for kernel code, also an instrumented one's; what is not used costs
 * addresses only. */
#define STACK_BYTES (1024 * 1024)

#define CREATE_TRIES 10
#define CREATE_PAUSE_NS (10 * 1000 * 1000)

struct thread {
	void *(*t_func)(void *);  /* i */
	void *t_arg;              /* i */
	uintptr_t t_handle;       /* i: set before anybody can join */
	_Atomic uint32_t t_ended; /* a joiner sleeps on this */
	bool t_mustjoin;          /* i */
	char t_name[16];          /* i: as much as the host takes; may be "" */
};

static void
thread_free(struct thread *t)
{
	rumpuser_free(t, sizeof(*t));
}

static void
thread_prepare(const struct thread *t)
{
	rumpuser_hostops.ho_thread_start();
	if (t->t_name[0] != '\0')
		rumpuser_host_syscall(
		    SYS_prctl, PR_SET_NAME, t->t_name, 0, 0, 0, 0);
}

/* Apart, so that no variable of the caller's lives across the jump. */
static __attribute__((__noinline__)) void
thread_run(void *(*func)(void *), void *arg)
{
	void *exit_point[5];

	thread_state.ts_exit = exit_point;
	if (__builtin_setjmp(exit_point) == 0)
		func(arg);
	thread_state.ts_exit = NULL;
}

static void *
thread_main(void *arg)
{
	struct thread *t = arg;
	void *(*func)(void *) = t->t_func;
	void *func_arg = t->t_arg;

	thread_prepare(t);
	if (t->t_mustjoin)
		thread_state.ts_thread = t;
	else
		thread_free(t);
	thread_run(func, func_arg);
	t = thread_state.ts_thread;
	if (t != NULL) {
		atomic_store_explicit(&t->t_ended, 1, memory_order_release);
		futex_wake(&t->t_ended, 1);
	}
	return NULL;
}

void
rumpuser_thread_exit(void)
{
	/* A thread that came from outside. */
	if (thread_state.ts_exit == NULL)
		pthread_exit(NULL);
	__builtin_longjmp(thread_state.ts_exit, 1);
}

static long
spawn(struct thread *t)
{
	uintptr_t *handle = t->t_mustjoin ? &t->t_handle : NULL;
	long error;
	int tries;

	for (tries = 1;; tries++) {
		error = rumpuser_hostops.ho_thread_create(
		    thread_main, t, STACK_BYTES, handle);
		if (error != -EAGAIN || tries == CREATE_TRIES)
			return error;
		clock_pause(CREATE_PAUSE_NS);
	}
}

int
rumpuser_thread_create(void *(*func)(void *), void *arg, const char *name,
    int mustjoin, int pri, int cpuidx, void **cookie)
{
	struct thread *t;
	void *mem;
	long result;
	int error;

	error = rumpuser_malloc(sizeof(*t), 0, &mem);
	if (error != 0)
		return error;
	t = mem;
	*t = (struct thread){
		.t_func = func,
		.t_arg = arg,
		.t_mustjoin = mustjoin != 0,
	};
	if (name != NULL)
		text_format(t->t_name, sizeof(t->t_name), "%s", name);
	result = spawn(t);
	if (result < 0) {
		thread_free(t);
		return errtrans_result(result);
	}
	/* A thread that nobody joins has freed t by now. */
	if (mustjoin != 0)
		*cookie = t;
	return 0;
}

int
rumpuser_thread_join(void *cookie)
{
	struct thread *t = cookie;
	long result;
	int nlocks;

	nlocks = cpu_release(NULL);
	while (atomic_load_explicit(&t->t_ended, memory_order_acquire) == 0)
		futex_sleep(&t->t_ended, 0, FUTEX_NEVER);
	/* What remains of the end takes no time worth mentioning. */
	result = rumpuser_hostops.ho_thread_join(t->t_handle);
	cpu_acquire(nlocks, NULL);
	if (result == 0)
		thread_free(t);
	return errtrans_result(result);
}
