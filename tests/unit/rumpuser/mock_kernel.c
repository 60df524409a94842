/* SPDX-License-Identifier: BSD-2-Clause */
#include "mock_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MAX 256

/* All of the calling thread. */
static __thread struct {
	bool scheduled;
	bool may_block;
	int giant;
	struct rumpuser_mtx *watched_mtx;
	struct rumpuser_cv *watched_cv;
	struct mock_event log[LOG_MAX];
	size_t nlog;
} me;

static pthread_mutex_t cpu_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cpu_cond = PTHREAD_COND_INITIALIZER;
static int cpus_free, cpus_all; /* cpu_lock */

static struct rumpuser_mtx *_Atomic schedlock;
static _Atomic(mock_hook) hook;
static _Atomic int sleepers; /* threads in futex waits */

#define NENV 8
static struct {
	const char *name, *value;
} env[NENV];
static size_t nenv;

void
mock_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "mock kernel: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	abort();
}

/* --- the log --- */

static struct mock_event *
log_add(enum mock_kind kind, long value, void *object)
{
	struct mock_event *e;

	/* A stress test that never looks at its log. */
	if (me.nlog == LOG_MAX)
		me.nlog = 0;
	e = &me.log[me.nlog++];
	memset(e, 0, sizeof(*e));
	e->e_kind = kind;
	e->e_value = value;
	e->e_object = object;
	return e;
}

/* Whether mtx is locked, without leaving a trace. */
static bool
is_locked(struct rumpuser_mtx *mtx)
{
	if (rumpuser_mutex_tryenter(mtx) != 0)
		return true;
	rumpuser_mutex_exit(mtx);
	return false;
}

static void
log_upcall(enum mock_kind kind, long value, void *object)
{
	struct mock_event *e;

	e = log_add(kind, value, object);
	if (me.watched_mtx != NULL) {
		e->e_locked = is_locked(me.watched_mtx);
		rumpuser_mutex_owner(me.watched_mtx, &e->e_owner);
	}
	if (me.watched_cv != NULL)
		rumpuser_cv_has_waiters(me.watched_cv, &e->e_waiters);
}

void
mock_log_clear(void)
{
	me.nlog = 0;
}

size_t
mock_log_count(enum mock_kind kind)
{
	size_t i, n;

	for (i = n = 0; i < me.nlog; i++)
		n += me.log[i].e_kind == kind;
	return n;
}

const struct mock_event *
mock_log_get(enum mock_kind kind, size_t n)
{
	size_t i;

	for (i = 0; i < me.nlog; i++) {
		if (me.log[i].e_kind == kind && n-- == 0)
			return &me.log[i];
	}
	mock_fail("no such event in the log: kind %d", (int)kind);
}

static bool
listed(long nr, const char *shape, const long *numbers)
{
	for (; *shape != '\0'; shape++) {
		if (*shape == '#' && *numbers++ == nr)
			return true;
	}
	return false;
}

static void
log_print(void)
{
	size_t i;

	for (i = 0; i < me.nlog; i++)
		fprintf(stderr, " %c%ld", "RAELNTSC#whu"[me.log[i].e_kind],
		    me.log[i].e_value);
	fprintf(stderr, "\n");
}

void
mock_log_expect(const char *shape, const long *numbers)
{
	static const char letters[] = "RAELNTSC#whu";
	const struct mock_event *e, *previous = NULL;
	const char *p = shape;
	const long *number = numbers;
	size_t i;

	for (i = 0; i < me.nlog; i++) {
		e = &me.log[i];
		if (e->e_kind == MOCK_HOSTCALL &&
		    !listed(e->e_value, shape, numbers))
			continue;
		if (e->e_kind == MOCK_SLEEP && previous != NULL &&
		    previous->e_kind == MOCK_SLEEP)
			continue;
		previous = e;
		if (*p != letters[e->e_kind] ||
		    (*p == '#' && *number++ != e->e_value)) {
			log_print();
			mock_fail("expected %s from here: %s", shape, p);
		}
		p++;
	}
	if (*p != '\0') {
		log_print();
		mock_fail("expected %s, missing %s", shape, p);
	}
}

void
mock_watch(struct rumpuser_mtx *mtx, struct rumpuser_cv *cv)
{
	me.watched_mtx = mtx;
	me.watched_cv = cv;
}

/* --- virtual CPUs --- */

static void
cpu_take(void)
{
	if (me.scheduled)
		mock_fail("schedule: this thread has a CPU");
	pthread_mutex_lock(&cpu_lock);
	while (cpus_free == 0)
		pthread_cond_wait(&cpu_cond, &cpu_lock);
	cpus_free--;
	pthread_mutex_unlock(&cpu_lock);
	me.scheduled = true;
}

static void
cpu_drop(void)
{
	if (!me.scheduled)
		mock_fail("unschedule: this thread has no CPU");
	me.scheduled = false;
	pthread_mutex_lock(&cpu_lock);
	cpus_free++;
	pthread_cond_signal(&cpu_cond);
	pthread_mutex_unlock(&cpu_lock);
}

bool
mock_scheduled(void)
{
	return me.scheduled;
}

void
mock_enter(struct lwp *l)
{
	if (l != NULL)
		rumpuser_curlwpop(RUMPUSER_LWP_SET, l);
	cpu_take();
	mock_log_clear();
}

void
mock_leave(void)
{
	struct lwp *l = rumpuser_curlwp();

	cpu_drop();
	if (l != NULL)
		rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, l);
}

void
mock_giant_set(int count)
{
	me.giant = count;
}

int
mock_giant(void)
{
	return me.giant;
}

void
mock_schedlock_set(struct rumpuser_mtx *mtx)
{
	schedlock = mtx;
}

/* --- upcalls --- */

static void
up_schedule(void)
{
	cpu_take();
	log_add(MOCK_ENTER, 0, NULL);
}

static void
up_unschedule(void)
{
	log_add(MOCK_LEAVE, 0, NULL);
	cpu_drop();
}

static void
up_backend_unschedule(int nlocks, int *countp, void *interlock)
{
	if (nlocks != 0)
		mock_fail("backend_unschedule: nlocks %d", nlocks);
	log_upcall(MOCK_RELEASE, me.giant, interlock);
	*countp = me.giant;
	me.giant = 0;
	if (interlock != NULL && interlock == schedlock)
		rumpuser_mutex_enter_nowrap(interlock);
	cpu_drop();
}

static void
up_backend_schedule(int nlocks, void *interlock)
{
	log_upcall(MOCK_ACQUIRE, nlocks, interlock);
	if (interlock != NULL && interlock == schedlock)
		rumpuser_mutex_exit(interlock);
	cpu_take();
	me.giant = nlocks;
}

static void
up_lwproc_switch(struct lwp *l)
{
	log_add(MOCK_SWITCH, me.scheduled, l);
}

static void
up_lwproc_release(void)
{
	log_add(MOCK_RETIRE, me.scheduled, NULL);
}

static int
up_lwproc_newlwp(int32_t pid)
{
	log_add(MOCK_NEWLWP, pid, NULL);
	return 0;
}

static struct lwp *
up_lwproc_curlwp(void)
{
	log_add(MOCK_CURLWP, me.scheduled, NULL);
	return rumpuser_curlwp();
}

const struct rumpuser_hyperup mock_hyperup = {
	.hyp_schedule = up_schedule,
	.hyp_unschedule = up_unschedule,
	.hyp_backend_unschedule = up_backend_unschedule,
	.hyp_backend_schedule = up_backend_schedule,
	.hyp_lwproc_switch = up_lwproc_switch,
	.hyp_lwproc_release = up_lwproc_release,
	.hyp_lwproc_newlwp = up_lwproc_newlwp,
	.hyp_lwproc_curlwp = up_lwproc_curlwp,
};

/* --- the host below --- */

long
mock_hostcall(long nr, const long arg[6])
{
	long result;
	int saved = errno;

	result = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

static bool
is_futex_wait(long nr, const long arg[6])
{
	int op;

	op = (int)arg[1] & FUTEX_CMD_MASK;
	return nr == SYS_futex && (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET);
}

static bool
may_block(long nr, const long arg[6])
{
	switch (nr) {
	case SYS_futex:
		return is_futex_wait(nr, arg);
	case SYS_clock_nanosleep:
	case SYS_fsync:
	case SYS_openat:
	case SYS_pread64:
	case SYS_preadv:
	case SYS_pwrite64:
	case SYS_pwritev:
	case SYS_readv:
	case SYS_writev:
		return true;
	default:
		return false;
	}
}

void
mock_allow_blocking(bool allow)
{
	me.may_block = allow;
}

static long
host_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	const long arg[6] = { a, b, c, d, e, f };
	struct mock_event *event;
	mock_hook h;
	long result;

	event = log_add(
	    is_futex_wait(nr, arg) ? MOCK_SLEEP : MOCK_HOSTCALL, nr, NULL);
	memcpy(event->e_arg, arg, sizeof(event->e_arg));
	if (me.scheduled && !me.may_block && may_block(nr, arg))
		mock_fail("host call %ld while scheduled", nr);
	h = hook;
	if (h != NULL) {
		result = h(nr, arg);
		if (result != MOCK_GO_ON)
			return result;
	}
	if (!is_futex_wait(nr, arg))
		return mock_hostcall(nr, arg);
	sleepers++;
	result = mock_hostcall(nr, arg);
	sleepers--;
	return result;
}

static long
host_fd_hide(int fd)
{
	log_add(MOCK_HIDE, fd, NULL);
	return fd;
}

static void
host_fd_close(int fd)
{
	log_add(MOCK_UNHIDE, fd, NULL);
	(void)host_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

static const char *
host_getenv(const char *name)
{
	size_t i;

	for (i = 0; i < nenv; i++) {
		if (strcmp(env[i].name, name) == 0)
			return env[i].value;
	}
	return NULL;
}

void
mock_env_set(const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < nenv && strcmp(env[i].name, name) != 0; i++)
		continue;
	MOCK_CHECK(i < NENV);
	env[i].name = name;
	env[i].value = value;
	if (i == nenv)
		nenv++;
}

void
mock_hook_set(mock_hook h)
{
	hook = h;
}

/* The library's own way of making threads. */
static long (*plain_create)(void *(*)(void *), void *, size_t, uintptr_t *);
static long refusal;
_Atomic int mock_threads_made, mock_threads_alive;

struct thread_start {
	void *(*func)(void *);
	void *arg;
};

static void *
thread_main(void *arg)
{
	struct thread_start ts = *(struct thread_start *)arg;

	free(arg);
	ts.func(ts.arg);
	mock_threads_alive--;
	return NULL;
}

static long
host_thread_create(
    void *(*func)(void *), void *arg, size_t stack_bytes, uintptr_t *handle)
{
	struct thread_start *ts;
	long error = refusal;

	if (error != 0)
		return error;
	ts = malloc(sizeof(*ts));
	MOCK_CHECK(ts != NULL);
	*ts = (struct thread_start){ func, arg };
	mock_threads_alive++;
	error = plain_create(thread_main, ts, stack_bytes, handle);
	if (error == 0) {
		mock_threads_made++;
		return 0;
	}
	mock_threads_alive--;
	free(ts);
	return error;
}

void
mock_refuse_threads(long error)
{
	refusal = error;
}

static const struct rumpuser_hostops mock_hostops = {
	.ho_syscall = host_syscall,
	.ho_fd_hide = host_fd_hide,
	.ho_fd_close = host_fd_close,
	.ho_thread_create = host_thread_create,
	.ho_getenv = host_getenv,
};

/* --- life --- */

void
mock_start(int ncpu)
{
	static const struct rumpuser_hostops plain;

	rumpuser_set_hostops(&plain);
	plain_create = rumpuser_hostops.ho_thread_create;
	mock_refuse_threads(0);
	mock_threads_made = 0;
	cpus_all = cpus_free = ncpu;
	mock_hook_set(NULL);
	mock_schedlock_set(NULL);
	memset(&me, 0, sizeof(me));
	nenv = 0;
	rumpuser_set_hostops(&mock_hostops);
	MOCK_CHECK(rumpuser_init(RUMPUSER_VERSION, &mock_hyperup) == 0);
}

void
mock_stop(void)
{
	static const struct rumpuser_hostops plain;

	MOCK_CHECK(!me.scheduled);
	MOCK_CHECK(rumpuser_curlwp() == NULL);
	pthread_mutex_lock(&cpu_lock);
	MOCK_CHECK(cpus_free == cpus_all);
	pthread_mutex_unlock(&cpu_lock);
	rumpuser_set_hostops(&plain);
}

int
mock_setup(void **state)
{
	mock_start(2);
	return 0;
}

int
mock_teardown(void **state)
{
	bool kept = mock_scheduled();

	/* A test that failed leaves with its CPU; cmocka tells about it. */
	if (kept)
		mock_leave();
	mock_stop();
	return kept ? -1 : 0;
}

void
mock_wait_for(_Atomic int *flag, int value)
{
	while (*flag != value)
		sched_yield();
}

void
mock_wait_sleepers(int n)
{
	mock_wait_for(&sleepers, n);
}

int
mock_in_child(void (*func)(void))
{
	int fd, status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	MOCK_CHECK(pid != -1);
	if (pid == 0) {
		fd = open("/dev/null", O_WRONLY);
		dup2(fd, STDERR_FILENO);
		func();
		_exit(0);
	}
	MOCK_CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}
