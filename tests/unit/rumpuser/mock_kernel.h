/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel without content, which drives the hypercall library as a foreign
 * kernel would and checks how the library keeps the interface's rules:
 *
 *  - virtual CPUs are real: there are as many as mock_start() says, and a
 *    thread that wants one waits for it;
 *  - every upcall and every host call of a thread is an event in its log;
 *  - a host call that may block is a failure while the thread has a CPU.
 *
 * A broken rule prints what happened and aborts the test program, in whatever
 * thread it is.
 */
#ifndef MOCK_KERNEL_H
#define MOCK_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

struct lwp {
	int l_id;
};

enum mock_kind {
	MOCK_RELEASE, /* hyp_backend_unschedule: value nlocks, object interlock */
	MOCK_ACQUIRE, /* hyp_backend_schedule: the same */
	MOCK_ENTER,   /* hyp_schedule */
	MOCK_LEAVE,   /* hyp_unschedule */
	MOCK_NEWLWP,  /* value pid */
	MOCK_RETIRE,  /* hyp_lwproc_release */
	MOCK_SWITCH,  /* object lwp */
	MOCK_CURLWP,
	MOCK_HOSTCALL, /* value number; argument: first three */
	MOCK_SLEEP,    /* a host call that waits on a futex */
	MOCK_HIDE,     /* value fd */
	MOCK_UNHIDE,
};

struct mock_event {
	enum mock_kind e_kind;
	long e_value;
	void *e_object;
	long e_arg[3];
	/* As mock_watch()ed objects were when an upcall was made: */
	struct lwp *e_owner;
	bool e_locked;
	int e_waiters;
};

/*
 * Boot with ncpu virtual CPUs and hand the calling thread none.  To be undone
 * by mock_stop(), which checks that all CPUs are free.
 */
void mock_start(int ncpu);
void mock_stop(void);
extern const struct rumpuser_hyperup mock_hyperup;

/* Take a CPU and, if l is not NULL, become l; and back. */
void mock_enter(struct lwp *l);
void mock_leave(void);
bool mock_scheduled(void);

/* How often the calling thread holds the giant lock, as the upcalls see it. */
void mock_giant_set(int count);
int mock_giant(void);

/* The kernel's scheduler lock: what is special about it as an interlock. */
void mock_schedlock_set(struct rumpuser_mtx *mtx);

/* The calling thread may block in host calls although it has a CPU. */
void mock_allow_blocking(bool allow);

/* Take note of these in the events of upcalls; either may be NULL. */
void mock_watch(struct rumpuser_mtx *mtx, struct rumpuser_cv *cv);

/* The calling thread's log. */
void mock_log_clear(void);
size_t mock_log_count(enum mock_kind kind);
/* The nth event of that kind, from 0; fails if there is none. */
const struct mock_event *mock_log_get(enum mock_kind kind, size_t n);
/*
 * Check that the log consists of exactly these kinds: a string of the letters
 * R A E L N T S C (the upcalls in the order above), w (one sleep or several),
 * h and u (hide, unhide), and # for a host call with the next of the numbers.
 * Host calls with other numbers are left out.
 */
void mock_log_expect(const char *shape, const long *numbers);

/*
 * Called at each host call of any thread before it is made, with the number of
 * host calls so far; a result other than MOCK_GO_ON replaces the call.
 */
#define MOCK_GO_ON INT64_MIN
typedef long (*mock_hook)(long nr, const long arg[6]);
void mock_hook_set(mock_hook hook);
/* The real thing, for hooks. */
long mock_hostcall(long nr, const long arg[6]);

/* Value of RUMP_* variables instead of the environment; NULL: unset. */
void mock_env_set(const char *name, const char *value);

/* Threads that the library has made since mock_start(), and those of them that
 * have not ended. */
extern _Atomic int mock_threads_made, mock_threads_alive;
/* Let the host refuse threads with this -errno from now on; 0: no more. */
void mock_refuse_threads(long error);

/* Wait until *flag is value. */
void mock_wait_for(_Atomic int *flag, int value);
/* Wait until n threads are in host calls that wait on a futex. */
void mock_wait_sleepers(int n);

/*
 * Run func in a child process with stderr silenced; returns the wait(2) status.
 */
int mock_in_child(void (*func)(void));

void mock_fail(const char *fmt, ...)
    __attribute__((__noreturn__, __format__(__printf__, 1, 2)));

#define MOCK_CHECK(e)                                                          \
	do {                                                                   \
		if (!(e))                                                      \
			mock_fail("%s:%d: %s", __FILE__, __LINE__, #e);        \
	} while (0)

/* A test between mock_start(2) and mock_stop(). */
#define MOCK_TEST(f)                                                           \
	{                                                                      \
		.name = #f, .test_func = (f), .setup_func = mock_setup,        \
		.teardown_func = mock_teardown                                 \
	}
int mock_setup(void **state);
int mock_teardown(void **state);

#endif /* !MOCK_KERNEL_H */
