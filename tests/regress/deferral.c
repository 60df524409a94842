/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals that arrive while a routed call runs; see fake_router.c for the
 * descriptors.  deferral CASE exits 0 when all is as on a host descriptor.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_race.h"

#define QUEUE(i) (900 + (i))
#define BUSY 915

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__,  \
			    #x, errno);                                        \
			return 1;                                              \
		}                                                              \
	} while (0)

static volatile sig_atomic_t got, seen;
static sigjmp_buf jump;
static char buffer[100000];

static void
handle(int sig, void (*handler)(int), int flags, int blocked)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	if (blocked != 0)
		sigaddset(&sa.sa_mask, blocked);
	sigaction(sig, &sa, NULL);
}

static void
count(int sig)
{
	got++;
}

/* Makes routed calls of its own. */
static void
routed_handler(int sig)
{
	char c;

	got++;
	if (write(QUEUE(1), "h", 1) != 1 || read(QUEUE(1), &c, 1) != 1)
		got = -1000;
}

static int
is_blocked(int sig)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return sigismember(&set, sig);
}

static void
every(int us)
{
	struct itimerval it = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &it, NULL);
}

/* A helper that sends sig to the test's thread once that sleeps for a queue, and
 * then, if it is to write, writes a byte there after the handler has run. */
struct helper {
	pthread_t he_thread, he_target;
	int he_tid, he_sig, he_queue;
	bool he_writes;
};

static void
block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* Until thread tid sleeps in the host. */
static void
await_sleep(int tid)
{
	char path[64], text[256], *state;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	for (;;) {
		f = fopen(path, "r");
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
		text[n] = '\0';
		state = strrchr(text, ')');
		if (state != NULL && state[2] == 'S')
			return;
		sched_yield();
	}
}

/* The same, for a queue. */
static void
await_reader(int tid, int queue)
{
	while (ioctl(QUEUE(queue), 0x777b) == 0)
		sched_yield();
	await_sleep(tid);
}

static void *
help(void *arg)
{
	struct helper *he = arg;
	int before = got;

	block_all();
	await_reader(he->he_tid, he->he_queue);
	pthread_kill(he->he_target, he->he_sig);
	if (!he->he_writes)
		return NULL;
	while (got == before)
		sched_yield();
	await_reader(he->he_tid, he->he_queue);
	if (write(QUEUE(he->he_queue), "d", 1) != 1)
		got = -1000;
	return NULL;
}

static void
helper_start(struct helper *he, int sig, int queue, bool writes)
{
	he->he_target = pthread_self();
	he->he_tid = (int)syscall(SYS_gettid);
	he->he_sig = sig;
	he->he_queue = queue;
	he->he_writes = writes;
	pthread_create(&he->he_thread, NULL, help, he);
}

/* A read of a queue that stays empty, interrupted by sig. */
static int
interrupted_read(int sig)
{
	struct helper he;
	char c;
	long n;

	helper_start(&he, sig, 2, false);
	n = read(QUEUE(2), &c, 1);
	if (n != -1 || errno != EINTR)
		return 0;
	pthread_join(he.he_thread, NULL);
	return 1;
}

/* --- cases ------------------------------------------------------------ */

/* A timer during a computation under the kernel's lock; the handler enters the
 * kernel. */
static int
compute(void)
{
	handle(SIGALRM, routed_handler, SA_RESTART, 0);
	every(500);
	while (got >= 0 && got < 50)
		CHECK(read(BUSY, buffer, 2000) == 2000);
	every(0);
	CHECK(got >= 50);
	return 0;
}

static int
eintr(void)
{
	handle(SIGUSR1, count, 0, 0);
	CHECK(interrupted_read(SIGUSR1) && got == 1);
	return 0;
}

static int
restart(void)
{
	struct helper he;
	char c = 0;

	handle(SIGUSR1, routed_handler, SA_RESTART, 0);
	helper_start(&he, SIGUSR1, 2, true);
	CHECK(read(QUEUE(2), &c, 1) == 1 && c == 'd' && got == 1);
	pthread_join(he.he_thread, NULL);
	return 0;
}

static void *
kill_in_window(void *arg)
{
	struct helper *he = arg;

	block_all();
	while (ioctl(QUEUE(3), 0x7777, RACE_ASK) != RACE_HELD)
		sched_yield();
	pthread_kill(he->he_target, SIGUSR1);
	ioctl(QUEUE(3), 0x7777, RACE_GO);
	return NULL;
}

/* The signal falls between "nothing to read" and going to sleep. */
static int
race(void)
{
	struct helper he = { .he_target = pthread_self() };
	char c;
	int i;

	CHECK(ioctl(QUEUE(3), 0x7777, RACE_HOLD) == RACE_OFF);
	handle(SIGUSR1, count, 0, 0);
	for (i = 0; i < 3; i++) {
		got = 0;
		pthread_create(&he.he_thread, NULL, kill_in_window, &he);
		CHECK(read(QUEUE(3), &c, 1) == -1 && errno == EINTR);
		CHECK(got == 1);
		pthread_join(he.he_thread, NULL);
	}
	return 0;
}

static int
resethand(void)
{
	struct sigaction sa;

	handle(SIGUSR1, count, SA_RESETHAND, 0);
	CHECK(interrupted_read(SIGUSR1) && got == 1);
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
	return 0;
}

static char altstack[65536];

static void
where(int sig)
{
	char c;

	got++;
	seen = &c >= altstack && &c < altstack + sizeof(altstack);
}

static int
late_stack(void)
{
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };

	sigaltstack(&ss, NULL);
	handle(SIGUSR1, where, SA_ONSTACK, 0);
	CHECK(interrupted_read(SIGUSR1) && got == 1 && seen == 1);
	seen = 0;
	raise(SIGUSR1);
	CHECK(seen == 1);
	handle(SIGUSR1, where, 0, 0);
	CHECK(interrupted_read(SIGUSR1) && seen == 0);
	return 0;
}

static void
look_at_mask(int sig)
{
	got++;
	seen = is_blocked(SIGUSR2) * 2 + is_blocked(sig);
}

static int
masks(void)
{
	handle(SIGUSR1, look_at_mask, 0, SIGUSR2);
	CHECK(interrupted_read(SIGUSR1) && seen == 3);
	CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2) &&
	      !is_blocked(SIGTERM));
	handle(SIGUSR1, look_at_mask, SA_NODEFER, 0);
	CHECK(interrupted_read(SIGUSR1) && seen == 0);
	return 0;
}

static void
jump_out(int sig)
{
	siglongjmp(jump, 1);
}

static int
long_jump(void)
{
	volatile int i, n = 0;
	char c;

	handle(SIGALRM, jump_out, 0, 0);
	for (i = 0; i < 200; i++) {
		if (sigsetjmp(jump, 1) != 0) {
			n++;
			continue;
		}
		struct itimerval it = { { 0, 0 }, { 0, 300 + i * 7 } };
		setitimer(ITIMER_REAL, &it, NULL);
		for (;;) {
			if (read((i & 1) != 0 ? QUEUE(4) : BUSY, buffer, 50) <
			    0)
				return 1;
		}
	}
	CHECK(n == 200);
	CHECK(write(QUEUE(4), "x", 1) == 1 && read(QUEUE(4), &c, 1) == 1);
	CHECK(!is_blocked(SIGALRM) && !is_blocked(SIGTERM));
	return 0;
}

static int values[64];
static volatile sig_atomic_t flooded;

static void
note_value(int sig, siginfo_t *si, void *uc)
{
	if (got < 64)
		values[got++] = si->si_value.sival_int;
}

static void *
flood(void *arg)
{
	union sigval v;
	int i;

	block_all();
	while (ioctl(BUSY, 0x777b) == 0)
		sched_yield();
	for (i = 0; i < 50; i++) {
		v.sival_int = i;
		pthread_sigqueue(*(pthread_t *)arg, SIGRTMIN + 3, v);
	}
	flooded = 1;
	return NULL;
}

/* Real-time signals: all of them, with their values, in order. */
static int
queueing(void)
{
	struct sigaction sa = { .sa_sigaction = note_value,
		.sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_t me = pthread_self(), t;
	int i;

	sigaction(SIGRTMIN + 3, &sa, NULL);
	pthread_create(&t, NULL, flood, &me);
	/* The other thread may have missed the first. */
	do
		CHECK(read(BUSY, buffer, 100000) == 100000);
	while (!flooded);
	pthread_join(t, NULL);
	CHECK(got == 50);
	for (i = 0; i < 50; i++)
		CHECK(values[i] == i);
	return 0;
}

/* ppoll's mask is one step with the sleep, and its handler runs although the
 * outer mask blocks it. */
static int
ppoll_mask(void)
{
	struct pollfd p = { .fd = QUEUE(5), .events = POLLIN };
	struct timespec ts = { .tv_sec = 5 };
	sigset_t set, none;
	struct helper he;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	handle(SIGUSR1, look_at_mask, 0, 0);
	raise(SIGUSR1);
	CHECK(got == 0);
	CHECK(ppoll(&p, 1, &ts, &none) == -1 && errno == EINTR && got == 1);
	CHECK(is_blocked(SIGUSR1));
	helper_start(&he, SIGUSR1, 5, false);
	CHECK(ppoll(&p, 1, NULL, &none) == -1 && errno == EINTR && got == 2);
	pthread_join(he.he_thread, NULL);
	ts.tv_sec = 0;
	CHECK(ppoll(&p, 1, &ts, &none) == 0 && is_blocked(SIGUSR1));
	/* The same on the host. */
	raise(SIGUSR1);
	ts.tv_sec = 5;
	CHECK(ppoll(NULL, 0, &ts, &none) == -1 && got == 3);
	return 0;
}

/* In sigsuspend, a handler sees the mask that was waited with. */
static int
suspend_mask(void)
{
	sigset_t set, none;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	handle(SIGUSR1, look_at_mask, 0, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	CHECK(sigsuspend(&none) == -1 && errno == EINTR && got == 1);
	CHECK(seen == 1); /* SIGUSR2 is open in the handler */
	CHECK(is_blocked(SIGUSR2) && is_blocked(SIGUSR1));
	return 0;
}

static volatile sig_atomic_t faults;

static void
catch_fault(int sig)
{
	faults++;
	siglongjmp(jump, 1);
}

static int
wait_status(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return status;
}

static void
fault(void)
{
	volatile uintptr_t bad = 8;

	*(volatile int *)bad = 1;
}

/* A fault in the kernel's copy is EFAULT, whatever the program does with
 * SIGSEGV; its own faults are its own. */
static int
fixup(void)
{
	volatile uintptr_t bad = 8;
	sigset_t all, old, now;
	pid_t pid;
	char c;

	handle(SIGSEGV, catch_fault, 0, 0);
	CHECK(write(QUEUE(6), "abc", 3) == 3);
	CHECK(read(QUEUE(6), (void *)bad, 1) == -1 && errno == EFAULT);
	CHECK(write(QUEUE(6), (void *)bad, 1) == -1 && errno == EFAULT);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	CHECK(read(QUEUE(6), (void *)bad, 1) == -1 && errno == EFAULT);
	raise(SIGSEGV);
	CHECK(faults == 0);
	handle(SIGSEGV, count, 0, 0);
	sigprocmask(SIG_SETMASK, &old, &now);
	CHECK(got == 1);
	CHECK(sigismember(&now, SIGSEGV) == 1);
	handle(SIGSEGV, catch_fault, 0, 0);
	if (sigsetjmp(jump, 1) == 0)
		fault();
	CHECK(faults == 1);
	CHECK(read(QUEUE(6), &c, 1) == 1 && c == 'c');
	pid = fork();
	if (pid == 0) {
		handle(SIGSEGV, SIG_DFL, 0, 0);
		fault();
	}
	CHECK(WTERMSIG(wait_status(pid)) == SIGSEGV);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_BLOCK, &all, NULL);
		fault();
	}
	CHECK(WTERMSIG(wait_status(pid)) == SIGSEGV);
	return 0;
}

static volatile int cleaned;

static void
cleanup(void *arg)
{
	cleaned = 1;
}

static void *
cancelled(void *arg)
{
	char c;

	pthread_cleanup_push(cleanup, NULL);
	if (read(QUEUE(7), &c, 1) != 1)
		cleaned = -1;
	pthread_cleanup_pop(0);
	return NULL;
}

static _Atomic int reader_tid;

static void *
reader(void *arg)
{
	char c = 0;

	reader_tid = (int)syscall(SYS_gettid);
	return read(QUEUE(8), &c, 1) == 1 && c == 'y' ? arg : NULL;
}

/* Cancellation and the broadcast of setuid() reach a sleeping routed call. */
static int
threads(void)
{
	pthread_t t;
	void *r;

	pthread_create(&t, NULL, cancelled, NULL);
	CHECK(pthread_cancel(t) == 0 && pthread_join(t, &r) == 0);
	CHECK(r == PTHREAD_CANCELED);
	pthread_create(&t, NULL, reader, buffer);
	while (reader_tid == 0)
		sched_yield();
	await_sleep(reader_tid);
	CHECK(setuid(getuid()) == 0);
	await_sleep(reader_tid);
	CHECK(write(QUEUE(8), "y", 1) == 1);
	CHECK(pthread_join(t, &r) == 0 && r == buffer);
	return 0;
}

static volatile int stop;
static _Atomic int handled;

static void
busy_handler(int sig)
{
	char c = 0;

	if (write(QUEUE(10), &c, 1) == 1 && read(QUEUE(10), &c, 1) == 1)
		handled++;
}

static void *
worker(void *arg)
{
	int q = (int)(intptr_t)arg;
	char b[4];

	while (!stop) {
		if (write(QUEUE(q), "ab", 2) != 2)
			return arg;
		if (read(QUEUE(q), b, 2) < 0 && errno != EINTR)
			return arg;
		if (read(BUSY, b, 3) != 3)
			return arg;
	}
	return NULL;
}

static int
stress(void)
{
	pthread_t t[4];
	union sigval v = { .sival_int = 1 };
	int i, sent = 0;
	void *bad;

	handle(SIGRTMIN + 4, busy_handler, SA_RESTART, 0);
	handle(SIGALRM, routed_handler, SA_RESTART, 0);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, worker, (void *)(intptr_t)(11 + i));
	every(700);
	for (i = 0; i < 3000; i++) {
		sent += pthread_sigqueue(t[i & 3], SIGRTMIN + 4, v) == 0;
		if ((i & 15) == 0)
			sched_yield();
	}
	while (handled < sent)
		sched_yield();
	every(0);
	stop = 1;
	for (i = 0; i < 4; i++)
		CHECK(write(QUEUE(11 + i), "xxxx", 4) == 4);
	for (i = 0; i < 4; i++)
		CHECK(pthread_join(t[i], &bad) == 0 && bad == NULL);
	CHECK(got >= 0);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "compute", compute },
	{ "eintr", eintr },
	{ "restart", restart },
	{ "race", race },
	{ "resethand", resethand },
	{ "late_stack", late_stack },
	{ "masks", masks },
	{ "long_jump", long_jump },
	{ "queueing", queueing },
	{ "ppoll_mask", ppoll_mask },
	{ "suspend_mask", suspend_mask },
	{ "fixup", fixup },
	{ "threads", threads },
	{ "stress", stress },
};

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0)
			return cases[i].run();
	}
	return 2;
}
