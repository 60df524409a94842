/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool.  An idle worker waits on a word of its own, last come
 * first served, so that those that have just run, and whose stacks are warm, run
 * again.  What finds no worker waits in a queue, for one that becomes idle or, as
 * all may be at work for clients that wait for just that, for a new one: the loop
 * tries to make one now and then.
 *
 * The signal: a sleep in the host is entered through ho_syscall_intr, whose check
 * of a word and sleep are one step for our handler (rumpuser/syscall_intr.h).
 * Whoever wants a worker awake sets a word first and then sends the signal.
 */
#include "sysproxy/server_worker.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "rumpuser/syscall_intr.h"
#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"

#define STACK_BYTES (1024 * 1024)
#define IDLE_MAX 32

struct job {
	struct job *j_next;
	worker_func *j_func;
	void *j_arg;
};

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *idle;                   /* pool_lock */
static unsigned nidle;                        /* pool_lock */
static struct job *jobs, **jobs_tail = &jobs; /* pool_lock */
static __thread struct worker *self __attribute__((tls_model("initial-exec")));

struct worker *
worker_self(void)
{
	return self;
}

bool
worker_bind_lwp(const struct client *c)
{
	int error;

	cpu_upcalls.hyp_schedule();
	error = cpu_upcalls.hyp_lwproc_newlwp(c->c_pid);
	cpu_upcalls.hyp_unschedule();
	return error == 0;
}

void
worker_unbind_lwp(void)
{
	cpu_upcalls.hyp_schedule();
	cpu_upcalls.hyp_lwproc_release();
	cpu_upcalls.hyp_unschedule();
	if (serverkernel.sk_interrupt_clear != NULL)
		serverkernel.sk_interrupt_clear();
}

static int
kick_signal(void)
{
	return SIGRTMAX - 2;
}

static void
kicked(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	greg_t *ip = &uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)si;
	if (self == NULL)
		return;
	if (serverkernel.sk_interrupt != NULL)
		serverkernel.sk_interrupt();
	*ip = (greg_t)syscall_intr_restart((uintptr_t)*ip);
}

void
worker_kick(struct worker *w)
{
	(void)pthread_kill(w->w_thread, kick_signal());
}

/* Until whoever has got w says what for. */
static worker_func *
await_job(struct worker *w, void **arg)
{
	while (atomic_load_explicit(&w->w_go, memory_order_acquire) == 0)
		(void)rumpuser_host_syscall(SYS_futex, &w->w_go,
		    FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0, 0, 0);
	atomic_store_explicit(&w->w_go, 0, memory_order_relaxed);
	*arg = w->w_arg;
	return w->w_func;
}

/* The next thing to do; NULL: too many are waiting. */
static worker_func *
next_job(struct worker *w, void **arg)
{
	worker_func *func;
	struct job *j;
	bool keep;

	pthread_mutex_lock(&pool_lock);
	j = jobs;
	if (j != NULL) {
		jobs = j->j_next;
		if (jobs == NULL)
			jobs_tail = &jobs;
		func = j->j_func;
		*arg = j->j_arg;
		pthread_mutex_unlock(&pool_lock);
		free(j);
		return func;
	}
	keep = nidle < IDLE_MAX;
	if (keep) {
		w->w_next = idle;
		idle = w;
		nidle++;
	}
	pthread_mutex_unlock(&pool_lock);
	return keep ? await_job(w, arg) : NULL;
}

static void *
worker_main(void *cookie)
{
	struct worker *w = cookie;
	worker_func *func;
	sigset_t mask;
	void *arg;

	self = w;
	sigemptyset(&mask);
	sigaddset(&mask, kick_signal());
	pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
	for (func = await_job(w, &arg); func != NULL;
	     func = next_job(w, &arg)) {
		/* Of a signal that came late. */
		if (serverkernel.sk_interrupt_clear != NULL)
			serverkernel.sk_interrupt_clear();
		func(w, arg);
	}
	self = NULL;
	free(w);
	return NULL;
}

static int
spawn(struct worker *w)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int error;

	error = pthread_attr_init(&attr);
	if (error != 0)
		return error;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&w->w_thread, &attr, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

static struct worker *
worker_create(void)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (spawn(w) != 0) {
		free(w);
		return NULL;
	}
	return w;
}

struct worker *
worker_get(void)
{
	struct worker *w;

	pthread_mutex_lock(&pool_lock);
	w = idle;
	if (w != NULL) {
		idle = w->w_next;
		nidle--;
	}
	pthread_mutex_unlock(&pool_lock);
	return w != NULL ? w : worker_create();
}

void
worker_start(struct worker *w, worker_func *func, void *arg)
{
	_Atomic uint32_t *go = &w->w_go;

	w->w_func = func;
	w->w_arg = arg;
	/* The worker may be gone when it is woken: it is but an address then. */
	atomic_store_explicit(go, 1, memory_order_release);
	(void)rumpuser_host_syscall(
	    SYS_futex, go, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

void
worker_idle(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

void
worker_submit(worker_func *func, void *arg)
{
	struct worker *w = worker_get();
	struct job *j;

	if (w != NULL) {
		worker_start(w, func, arg);
		return;
	}
	/* It is the end of a process, most of the time: it cannot be refused. */
	while ((j = malloc(sizeof(*j))) == NULL)
		(void)sched_yield();
	j->j_next = NULL;
	j->j_func = func;
	j->j_arg = arg;
	pthread_mutex_lock(&pool_lock);
	*jobs_tail = j;
	jobs_tail = &j->j_next;
	pthread_mutex_unlock(&pool_lock);
}

bool
workers_retry(void)
{
	struct worker *w;
	bool waiting;

	pthread_mutex_lock(&pool_lock);
	waiting = jobs != NULL;
	pthread_mutex_unlock(&pool_lock);
	if (!waiting)
		return false;
	w = worker_get();
	if (w != NULL)
		worker_start(w, worker_idle, NULL);
	return true;
}

int
workers_init(void)
{
	struct sigaction sa = { .sa_sigaction = kicked,
		.sa_flags = SA_SIGINFO };

	sigfillset(&sa.sa_mask);
	if (sigaction(kick_signal(), &sa, NULL) != 0)
		return rumpuser_component_errtrans(errno);
	return 0;
}
