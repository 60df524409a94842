/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool.  An idle worker waits on a word of its own, last come
 * first served, so that those that have just run, and whose stacks are warm, run
 * again.  Where the host has no thread for one, it waits in a queue with what it is
 * to do: for a thread that has nothing else to do or, as all may be at work for
 * clients that wait for just that, for a new one, which the loop tries to make now
 * and then.
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

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *idle; /* pool_lock */
static unsigned nidle;      /* pool_lock */
/* Without a thread, each with something to do; pool_lock. */
static struct worker *waiting, **waiting_tail = &waiting;
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
	/* Without a thread it sleeps nowhere. */
	if (atomic_load(&w->w_runs))
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

static struct worker *
take_waiting_locked(void)
{
	struct worker *w = waiting;

	if (w == NULL)
		return NULL;
	waiting = w->w_next;
	if (waiting == NULL)
		waiting_tail = &waiting;
	return w;
}

/* What the thread of w, which has nothing to do, is next: w, or one without a
 * thread; NULL: too many are idle. */
static struct worker *
next_worker(struct worker *w)
{
	struct worker *next;

	pthread_mutex_lock(&pool_lock);
	next = take_waiting_locked();
	if (next == NULL && nidle < IDLE_MAX) {
		w->w_next = idle;
		idle = next = w;
		nidle++;
	}
	pthread_mutex_unlock(&pool_lock);
	return next;
}

/* The calling thread is w's from now on. */
static void
become(struct worker *w)
{
	self = w;
	w->w_thread = pthread_self();
	atomic_store(&w->w_runs, true);
}

static void *
worker_main(void *cookie)
{
	struct worker *w = cookie, *next;
	worker_func *func;
	sigset_t mask;
	void *arg;

	sigemptyset(&mask);
	sigaddset(&mask, kick_signal());
	pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
	become(w);
	for (;;) {
		func = await_job(w, &arg);
		/* Of a signal that came late. */
		if (serverkernel.sk_interrupt_clear != NULL)
			serverkernel.sk_interrupt_clear();
		func(w, arg);
		next = next_worker(w);
		if (next == w)
			continue;
		self = NULL;
		free(w);
		if (next == NULL)
			return NULL;
		w = next;
		become(w);
	}
}

static bool
spawn(struct worker *w)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int error;

	error = pthread_attr_init(&attr);
	if (error != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, &attr, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return error == 0;
}

/* It is the end of something, most of the time: it cannot be refused. */
static void *
allocate(size_t size)
{
	void *p;

	while ((p = calloc(1, size)) == NULL)
		(void)sched_yield();
	return p;
}

static struct worker *
worker_create(void)
{
	struct worker *w = allocate(sizeof(*w));

	w->w_threadless = !spawn(w);
	return w;
}

static struct worker *
take_idle_locked(void)
{
	struct worker *w = idle;

	if (w == NULL)
		return NULL;
	idle = w->w_next;
	nidle--;
	return w;
}

struct worker *
worker_get(void)
{
	struct worker *w;

	pthread_mutex_lock(&pool_lock);
	w = take_idle_locked();
	pthread_mutex_unlock(&pool_lock);
	return w != NULL ? w : worker_create();
}

/* Its thread is w's. */
static void
wake(struct worker *w, worker_func *func, void *arg)
{
	_Atomic uint32_t *go = &w->w_go;

	w->w_func = func;
	w->w_arg = arg;
	/* The worker may be gone when it is woken: it is but an address then. */
	atomic_store_explicit(go, 1, memory_order_release);
	(void)rumpuser_host_syscall(
	    SYS_futex, go, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

/* While none was waiting somebody may have become idle, who looks for the waiting
 * when he has done nothing. */
static void
unlock_waiting(void)
{
	struct worker *w = take_idle_locked();

	pthread_mutex_unlock(&pool_lock);
	if (w != NULL)
		wake(w, worker_idle, NULL);
}

static void
enqueue(struct worker *w)
{
	w->w_threadless = false;
	atomic_store_explicit(&w->w_go, 1, memory_order_release);
	pthread_mutex_lock(&pool_lock);
	w->w_next = NULL;
	*waiting_tail = w;
	waiting_tail = &w->w_next;
	unlock_waiting();
}

/* It was the first. */
static void
requeue(struct worker *w)
{
	pthread_mutex_lock(&pool_lock);
	w->w_next = waiting;
	if (waiting == NULL)
		waiting_tail = &w->w_next;
	waiting = w;
	unlock_waiting();
}

void
worker_start(struct worker *w, worker_func *func, void *arg)
{
	if (!w->w_threadless) {
		wake(w, func, arg);
		return;
	}
	w->w_func = func;
	w->w_arg = arg;
	enqueue(w);
}

void
worker_idle(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

struct job *
job_create(worker_func *func, void *arg)
{
	struct job *j = allocate(sizeof(*j));

	*j = (struct job){ NULL, func, arg };
	return j;
}

void
worker_submit(worker_func *func, void *arg)
{
	worker_start(worker_get(), func, arg);
}

bool
workers_retry(void)
{
	struct worker *w;

	pthread_mutex_lock(&pool_lock);
	w = take_waiting_locked();
	pthread_mutex_unlock(&pool_lock);
	if (w == NULL)
		return false;
	if (!spawn(w))
		requeue(w);
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
