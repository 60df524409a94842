/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host threads for the kernel.
 *
 * They are pthreads, because program and libc must be able to live with them,
 * and the one place where a hypercall calls into libc: vector registers and
 * errno are the program's and kept for it.
 *
 * No signal of the program's is ever delivered to one of them: all are blocked
 * around the creation, except SIGSYS, because a hijack library may have to
 * emulate the calls that libc makes there, and the thread blocks that too as
 * soon as the hijack library knows it for ours.
 *
 * The kernel ends a thread from deep within its main function.  That is a jump
 * back to thread_main() and not pthread_exit(), which loads the unwinder: a
 * library to be found and memory from malloc(), in a process that may have
 * changed its root since.
 */
#include "rump/rumpuser.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "rump/rumpuser_host.h"

#include "rumpuser/bug.h"
#include "rumpuser/clock.h"
#include "rumpuser/cpu.h"
#include "rumpuser/errtrans.h"
#include "rumpuser/futex.h"
#include "rumpuser/lwp.h"
#include "rumpuser/signals.h"
#include "rumpuser/text.h"
#include "rumpuser/vector.h"

/* Enough for kernel code; instrumented code has larger frames. */
#ifdef RUMPUSER_LARGE_STACKS
#define STACK_BYTES (1024 * 1024)
#else
#define STACK_BYTES (256 * 1024)
#endif

#define CREATE_TRIES 10
#define CREATE_PAUSE_NS (10 * 1000 * 1000)

struct thread {
	void *(*t_func)(void *);  /* i */
	void *t_arg;              /* i */
	pthread_t t_pthread;      /* i: set before anybody can join */
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
	signals_set_mask(~SIGNALS_OF_LIBC);
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

static int
spawn_once(struct thread *t, size_t stack_bytes)
{
	bool joinable = t->t_mustjoin;
	pthread_attr_t attr;
	pthread_t pthread;
	int error;

	error = pthread_attr_init(&attr);
	if (error != 0)
		return error;
	if (!joinable)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_bytes != 0)
		pthread_attr_setstacksize(&attr, stack_bytes);
	error = pthread_create(&pthread, &attr, thread_main, t);
	pthread_attr_destroy(&attr);
	/* A detached thread has freed t by now. */
	if (error == 0 && joinable)
		t->t_pthread = pthread;
	return error;
}

/*
 * A program with very much thread-local storage needs more than our stack has
 * room for: then EINVAL, and libc's default size will do.
 */
static int
spawn_retrying(struct thread *t)
{
	size_t stack_bytes = STACK_BYTES;
	int error, tries;

	for (tries = 1;; tries++) {
		error = spawn_once(t, stack_bytes);
		if (error == EINVAL && stack_bytes != 0) {
			stack_bytes = 0;
			continue;
		}
		if (error != EAGAIN || tries == CREATE_TRIES)
			return error;
		clock_pause(CREATE_PAUSE_NS);
	}
}

static int
spawn(struct thread *t)
{
	struct vector_state vs;
	uint64_t mask;
	int error, saved_errno;

	vector_save(&vs);
	saved_errno = errno;
	mask = signals_set_mask(~(SIGNALS_OF_LIBC | SIGNAL_BIT(SIGSYS)));
	error = spawn_retrying(t);
	signals_set_mask(mask);
	errno = saved_errno;
	vector_restore(&vs);
	return error;
}

int
rumpuser_thread_create(void *(*func)(void *), void *arg, const char *name,
    int mustjoin, int pri, int cpuidx, void **cookie)
{
	struct thread *t;
	void *mem;
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
	error = spawn(t);
	if (error != 0) {
		thread_free(t);
		return rumpuser_component_errtrans(error);
	}
	if (mustjoin != 0)
		*cookie = t;
	return 0;
}

/* libc's part of the end takes no time worth mentioning. */
static int
reap(struct thread *t)
{
	struct vector_state vs;
	int error, saved_errno;

	vector_save(&vs);
	saved_errno = errno;
	error = pthread_join(t->t_pthread, NULL);
	errno = saved_errno;
	vector_restore(&vs);
	return error;
}

int
rumpuser_thread_join(void *cookie)
{
	struct thread *t = cookie;
	int error, nlocks;

	nlocks = cpu_release(NULL);
	while (atomic_load_explicit(&t->t_ended, memory_order_acquire) == 0)
		futex_sleep(&t->t_ended, 0, FUTEX_NEVER);
	error = reap(t);
	cpu_acquire(nlocks, NULL);
	if (error == 0)
		thread_free(t);
	return rumpuser_component_errtrans(error);
}
