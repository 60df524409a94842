/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Armed callouts stand in a list in order of their deadlines.  One thread
 * sleeps until the first of them; it is made when a callout is armed and none
 * exists, and ends when nothing was armed for LINGER_NS.  It knows the function
 * it runs by running alone, so that the function may free its callout.
 */
#include "kern/callout.h"

#include "kern/clock.h"
#include "kern/condvar.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "rump/rumperr.h"

#define LINGER_NS INT64_C(2000000000)

static kmutex_t callout_lock = { .mtx_name = "callout" };
static struct list armed = LIST_INITIALIZER(armed); /* callout_lock */
static struct callout *running;                     /* callout_lock */
static struct lwp *runner;                          /* callout_lock */
static bool have_thread;                            /* callout_lock */
static kcondvar_t changed = {
	.cv_waiters = LIST_INITIALIZER(changed.cv_waiters),
	.cv_name = "callout",
};
static kcondvar_t finished = {
	.cv_waiters = LIST_INITIALIZER(finished.cv_waiters),
	.cv_name = "calloutdone",
};

static struct callout *
first(void)
{
	return list_empty(&armed)
		   ? NULL
		   : LIST_ENTRY(armed.next, struct callout, c_list);
}

static void run(struct callout *c) REQUIRES(callout_lock);

static void
run(struct callout *c)
{
	list_remove(&c->c_list);
	running = c;
	mutex_exit(&callout_lock);
	c->c_func(c->c_arg);
	mutex_enter(&callout_lock);
	running = NULL;
	KSTAT_ADD(&kern_stats[KERN_CALLOUTS], 1);
	cv_broadcast(&finished);
}

/* One step; false when there was nothing to do for long enough. */
static bool step(void) REQUIRES(callout_lock);

static bool
step(void)
{
	struct callout *c = first();
	int64_t now = uptime_ns();

	if (c == NULL)
		return cv_timedwait(&changed, &callout_lock, now + LINGER_NS) !=
			   EWOULDBLOCK ||
		       first() != NULL;
	if (c->c_deadline_ns <= now)
		run(c);
	else
		(void)cv_timedwait(&changed, &callout_lock, c->c_deadline_ns);
	return true;
}

/* Until somebody wants us parked; false when we are not needed any more. */
static bool
work(void)
{
	bool needed = true;

	mutex_enter(&callout_lock);
	runner = curlwp;
	while (needed && !kthread_parking())
		needed = step();
	runner = NULL;
	if (!needed)
		have_thread = false;
	mutex_exit(&callout_lock);
	return needed;
}

static void
callout_thread(void *arg)
{
	do
		kthread_parkpoint();
	while (work());
}

static void
kick(void)
{
	mutex_enter(&callout_lock);
	cv_signal(&changed);
	mutex_exit(&callout_lock);
}

void
callout_boot(void)
{
	kthread_kick_attach(kick);
}

/*
 * Without a thread callouts wait for the next one that is armed; the host is at
 * its limit then, and nothing better can be done.
 */
static void
need_thread(void)
{
	static bool said;
	int error;

	error = kthread_create("callout", callout_thread, NULL);
	if (error == 0) {
		have_thread = true;
	} else if (!said) {
		said = true;
		kprintf("callout: no thread: %s\n", rump_strerror(error));
	}
}

void
callout_init(struct callout *c, void (*func)(void *), void *arg)
{
	list_init(&c->c_list);
	c->c_func = func;
	c->c_arg = arg;
	c->c_deadline_ns = 0;
}

static void
insert(struct callout *c)
{
	struct list *n;

	for (n = armed.prev; n != &armed; n = n->prev)
		if (LIST_ENTRY(n, struct callout, c_list)->c_deadline_ns <=
		    c->c_deadline_ns)
			break;
	list_insert_head(n, &c->c_list);
}

void
callout_schedule(struct callout *c, int64_t delay_ns)
{
	int64_t deadline = deadline_after(delay_ns);

	mutex_enter(&callout_lock);
	list_remove(&c->c_list);
	c->c_deadline_ns = deadline;
	insert(c);
	if (!have_thread)
		need_thread();
	else if (first() == c)
		cv_signal(&changed);
	mutex_exit(&callout_lock);
}

/* Without anything left to wait for the thread has to think of its end. */
static bool
disarm(struct callout *c)
{
	bool pending = !list_empty(&c->c_list);

	list_remove(&c->c_list);
	if (pending && list_empty(&armed))
		cv_signal(&changed);
	return pending;
}

bool
callout_halt(struct callout *c)
{
	bool pending;

	mutex_enter(&callout_lock);
	pending = disarm(c);
	while (running == c && runner != curlwp) {
		cv_wait(&finished, &callout_lock);
		/* The function may have armed it again. */
		pending |= disarm(c);
	}
	mutex_exit(&callout_lock);
	return pending;
}
