/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A router with a small kernel behind it, to test the engine alone: one lock,
 * sleeping readers, byte queues.
 *
 *   descriptors 900..914   byte queues; read sleeps, write wakes
 *   descriptor 915         read of n bytes computes n microseconds with the
 *                          kernel's lock held
 *   getppid()              4242, so that a process can tell whether its calls
 *                          are still intercepted
 *   ioctl(900, 0x7777, step) hold whoever is between "nothing to read" and
 *                          going to sleep (fake_race.h); returns the step before
 *   ioctl(queue, 0x777b)   does anybody sleep there, or is about to?
 *   ioctl(915, 0x777b)     does anybody compute there?
 *   ioctl(900, 0x7778, addr) take away the access to 16 KiB, as of a mapped file
 *                          that is not there yet: until the first fault
 *   ioctl(900, 0x7779, on) the working directory is one of ours
 *   ioctl(900, 0x777a, addr) count births of processes in a struct fake_births
 *                          of shared memory
 *   sched_get_priority_max(4243)  start a thread of ours; returns what
 *                          getppid() says in it
 *   sched_get_priority_max(4244)  the same with one that runs on until it is
 *                          parked; 4245: how many of these run; 4246: end them;
 *                          4247, n: make n that end at once
 *
 * FAKE_IDLE=1: nothing is routed.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fake_births.h"
#include "fake_race.h"
#include "fake_threads.h"
#include "preload/engine/engine.h"
#include "preload/engine/layout.h"
#include "syscall_table/linux_routes.h"

#define FD_FIRST 900
#define FD_BUSY 915
#define NQUEUES 15
#define QUEUE_SIZE 4096
#define MAGIC_PPID 4242

bool router_idle;
bool router_names;

/* --- copies with a fixup ---------------------------------------------- */

size_t fake_copy(void *to, const void *from, size_t n);
extern uint8_t fake_copy_insn[], fake_copy_fixup[];
__asm__(".text\n"
	".hidden fake_copy, fake_copy_insn, fake_copy_fixup\n"
	".globl fake_copy, fake_copy_insn, fake_copy_fixup\n"
	"fake_copy:\n"
	"	mov %rdx, %rcx\n"
	"fake_copy_insn:\n"
	"	rep movsb\n"
	"fake_copy_fixup:\n"
	"	mov %rcx, %rax\n"
	"	ret\n");

static uintptr_t
copy_fixup(uintptr_t ip)
{
	return ip == (uintptr_t)fake_copy_insn ? (uintptr_t)fake_copy_fixup : 0;
}

/* --- sleeping --------------------------------------------------------- */

struct waiter {
	_Atomic uint32_t *wa_word;
	struct waiter *wa_next;
};

static struct queue {
	char q_bytes[QUEUE_SIZE];
	unsigned q_head, q_tail;
	struct waiter *q_waiters;
} queues[NQUEUES]; /* kernel_lock */

static _Atomic uint32_t kernel_lock;
static atomic_int race_step; /* of fake_race.h */
static __thread _Atomic uint32_t word
    __attribute__((tls_model("initial-exec")));
static __thread volatile uint32_t interrupted
    __attribute__((tls_model("initial-exec")));

static void
interrupt(void)
{
	interrupted = 1;
}

static void
interrupt_clear(void)
{
	interrupted = 0;
}

static void
enter(void)
{
	uint32_t expect = 0;

	if (atomic_compare_exchange_strong(&kernel_lock, &expect, 1))
		return;
	while (atomic_exchange(&kernel_lock, 2) != 0)
		HOST(SYS_futex, &kernel_lock, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

static void
leave(void)
{
	if (atomic_exchange(&kernel_lock, 0) == 2)
		HOST(SYS_futex, &kernel_lock, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static void
compute(int64_t ns)
{
	int64_t end = now_ns() + ns;

	while (now_ns() < end)
		continue;
}

static void
forget(struct queue *q, const struct waiter *w)
{
	struct waiter **p;

	for (p = &q->q_waiters; *p != NULL; p = &(*p)->wa_next) {
		if (*p == w) {
			*p = w->wa_next;
			return;
		}
	}
}

/* Until somebody says so; whatever came before that has arrived then. */
static void
stay_in_window(void)
{
	int step = RACE_HOLD;

	if (!atomic_compare_exchange_strong(&race_step, &step, RACE_HELD))
		return;
	while (atomic_load(&race_step) != RACE_GO)
		HOST(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	HOST(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	atomic_store(&race_step, RACE_HOLD);
}

/* Until q has a byte; deadline 0 none.  The lock is held, and dropped while
 * asleep. */
static long
queue_sleep(struct queue *q, int64_t deadline)
{
	struct waiter w = { .wa_word = &word };
	struct timespec ts = { deadline / 1000000000L, deadline % 1000000000L };
	uint32_t seen;
	long r;

	for (;;) {
		seen = atomic_load(&word);
		if (q->q_head != q->q_tail)
			return 0;
		w.wa_next = q->q_waiters;
		__atomic_store_n(&q->q_waiters, &w, __ATOMIC_RELEASE);
		leave();
		stay_in_window();
		r = engine_hostops.ho_syscall_intr(&interrupted, SYS_futex,
		    (long[6]){ (long)&word, FUTEX_WAIT_BITSET_PRIVATE, seen,
			deadline != 0 ? (long)&ts : 0, 0, -1 });
		enter();
		forget(q, &w);
		if (r == -ETIMEDOUT)
			return r;
		if (interrupted)
			return CALL_RESTART;
	}
}

/* --- calls ------------------------------------------------------------ */

bool router_looks;
bool router_no_paths;
void *_Atomic router_numbers;

long
router_direct(long fd)
{
	return -1;
}

void
router_look(struct call *c)
{
}

bool
fdmap_is_rump(long fd)
{
	return fd >= FD_FIRST && fd <= FD_BUSY;
}

static void
tell_numbers(void)
{
	static void *numbers[ROUTER_NUMBERS];

	for (int fd = FD_FIRST; fd <= FD_BUSY; fd++)
		numbers[fd] = numbers;
	router_numbers = numbers;
}

static long
queue_read(struct queue *q, char *to, size_t n)
{
	volatile char room[24 * 1024]; /* kernels need some stack */
	char bytes[256];
	size_t k = 0;
	long r;

	for (k = 0; k < sizeof(room); k += 1024)
		room[k] = 1;
	k = 0;
	enter();
	r = queue_sleep(q, 0);
	if (r == 0) {
		while (k < n && k < sizeof(bytes) && q->q_head != q->q_tail)
			bytes[k++] = q->q_bytes[q->q_head++ % QUEUE_SIZE];
		/* With the lock held, to test the fault path. */
		r = fake_copy(to, bytes, k) != 0 ? -EFAULT : (long)k;
	}
	leave();
	return r;
}

static long
queue_write(struct queue *q, const char *from, size_t n)
{
	char bytes[256];
	struct waiter *w;
	size_t k;

	if (n > sizeof(bytes))
		n = sizeof(bytes);
	enter();
	if (fake_copy(bytes, from, n) != 0) {
		leave();
		return -EFAULT;
	}
	for (k = 0; k < n; k++)
		q->q_bytes[q->q_tail++ % QUEUE_SIZE] = bytes[k];
	for (w = q->q_waiters; w != NULL; w = w->wa_next) {
		atomic_fetch_add(w->wa_word, 1);
		HOST(SYS_futex, w->wa_word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	}
	leave();
	return (long)n;
}

long
route_read(struct call *c)
{
	if (c->arg[0] == FD_BUSY) {
		enter();
		compute(c->arg[2] * 1000);
		leave();
		return c->arg[2];
	}
	return queue_read(&queues[c->arg[0] - FD_FIRST], (char *)c->arg[1],
	    (size_t)c->arg[2]);
}

/* Routes take more stack than a program need have. */
static __attribute__((noinline)) void
take_stack(void)
{
	char space[1024];

	__asm__ volatile("" : : "r"(space) : "memory");
}

long
route_write(struct call *c)
{
	take_stack();
	if (c->arg[0] == FD_BUSY)
		return -EBADF;
	return queue_write(&queues[c->arg[0] - FD_FIRST],
	    (const char *)c->arg[1], (size_t)c->arg[2]);
}

#define HIDDEN_SIZE 16384
static uintptr_t hidden_pages;
static bool in_fake_directory;

static bool
show_pages(void)
{
	return hidden_pages != 0 &&
	       HOST(SYS_mprotect, hidden_pages, HIDDEN_SIZE,
		   PROT_READ | PROT_WRITE, 0, 0, 0) == 0;
}

long
route_ioctl(struct call *c)
{
	switch (c->arg[1]) {
	case 0x7777:
		if (c->arg[2] == RACE_ASK)
			return atomic_load(&race_step);
		return atomic_exchange(&race_step, (int)c->arg[2]);
	case 0x777b:
		if (c->arg[0] == FD_BUSY)
			return atomic_load(&kernel_lock) != 0;
		return __atomic_load_n(&queues[c->arg[0] - FD_FIRST].q_waiters,
			   __ATOMIC_ACQUIRE) != NULL;
	case 0x7778:
		hidden_pages = (uintptr_t)c->arg[2];
		return HOST(SYS_mprotect, hidden_pages, HIDDEN_SIZE, PROT_NONE,
		    0, 0, 0);
	case 0x7779:
		in_fake_directory = c->arg[2] != 0;
		return 0;
	case 0x777a:
		fake_births_start((struct fake_births *)c->arg[2]);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* One descriptor of ours; mask and time-out honoured. */
long
route_ppoll(struct call *c)
{
	struct pollfd p;
	struct timespec ts;
	int64_t deadline = 0;
	long r;

	if (c->arg[1] != 1 ||
	    engine_copy(&p, (void *)c->arg[0], sizeof(p)) != 0 ||
	    !fdmap_is_rump(p.fd) || p.fd == FD_BUSY) {
		r = engine_filter_mask(c);
		return r != 0 ? r : CALL_TO_HOST;
	}
	if (c->arg[2] != 0) {
		engine_copy(&ts, (void *)c->arg[2], sizeof(ts));
		deadline = now_ns() + ts.tv_sec * 1000000000L + ts.tv_nsec;
	}
	r = engine_swap_mask((void *)c->arg[3]);
	if (r != 0)
		return r;
	enter();
	r = queue_sleep(&queues[p.fd - FD_FIRST], deadline);
	leave();
	if (r == CALL_RESTART)
		return -EINTR;
	p.revents = r == 0 ? POLLIN : 0;
	engine_copy((void *)c->arg[0], &p, sizeof(p));
	return r == 0;
}

static long
route_masked(struct call *c)
{
	long r = engine_filter_mask(c);

	return r != 0 ? r : CALL_TO_HOST;
}

static long
route_getppid(struct call *c)
{
	return MAGIC_PPID;
}

static void *
own_thread(void *arg)
{
	engine_own_thread();
	*(long *)arg = getppid();
	return NULL;
}

static long
start_thread(void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, own_thread, arg) != 0)
		return -1;
	return pthread_join(t, NULL);
}

static long
route_thread(struct call *c)
{
	long ppid = -1;

	switch (c->arg[0]) {
	case 4243:
		break;
	case 4244:
		return fake_threads_start();
	case 4245:
		return fake_threads_running();
	case 4246:
		return fake_threads_stop();
	case 4247:
		return fake_threads_burst(c->arg[1]);
	default:
		return CALL_TO_HOST;
	}
	return engine_call_saved(start_thread, &ppid) != 0 ? -EAGAIN : ppid;
}

#define ENTRY(name, class, fd)                                                 \
	[SYS_##name] = {                                                       \
		.lc_name = #name,                                              \
		.lc_class = (class),                                           \
		.lc_fd = (fd),                                                 \
		.lc_fd2 = -1,                                                  \
		.lc_path = -1,                                                 \
		.lc_path2 = -1,                                                \
		.lc_routed = true,                                             \
	},
#define ROUTED(name, nr)                                                       \
	[nr] = {                                                               \
		.lc_name = #name,                                              \
		.lc_class = CALL_READINESS,                                    \
		.lc_fd = -1,                                                   \
		.lc_fd2 = -1,                                                  \
		.lc_path = -1,                                                 \
		.lc_path2 = -1,                                                \
		.lc_routed = true,                                             \
	},

/* Every call of the table. */
#define CALLS(ENTRY, ROUTED)                                                   \
	ENTRY(read, CALL_FD, 0)                                                \
	ENTRY(write, CALL_FD, 0)                                               \
	ENTRY(ioctl, CALL_FD, 0)                                               \
	ENTRY(getppid, CALL_BOTH, -1)                                          \
	ROUTED(thread, SYS_sched_get_priority_max)                             \
	ENTRY(ppoll, CALL_READINESS, -1)                                       \
	ROUTED(masked, SYS_pselect6)                                           \
	ROUTED(masked, SYS_epoll_pwait)                                        \
	ROUTED(masked, SYS_epoll_pwait2)                                       \
	ENTRY(rt_sigaction, CALL_SIGNAL, -1)                                   \
	ENTRY(rt_sigprocmask, CALL_SIGNAL, -1)                                 \
	ENTRY(rt_sigreturn, CALL_SIGNAL, -1)                                   \
	ENTRY(rt_sigsuspend, CALL_SIGNAL, -1)                                  \
	ENTRY(rt_sigtimedwait, CALL_SIGNAL, -1)                                \
	ENTRY(rt_sigpending, CALL_SIGNAL, -1)                                  \
	ENTRY(sigaltstack, CALL_SIGNAL, -1)                                    \
	ENTRY(signalfd, CALL_SIGNAL, -1)                                       \
	ENTRY(signalfd4, CALL_SIGNAL, -1)                                      \
	ENTRY(clone, CALL_PROCESS, -1)                                         \
	ENTRY(clone3, CALL_PROCESS, -1)                                        \
	ENTRY(fork, CALL_PROCESS, -1)                                          \
	ENTRY(vfork, CALL_PROCESS, -1)                                         \
	ENTRY(execve, CALL_PROCESS, -1)                                        \
	ENTRY(execveat, CALL_PROCESS, -1)                                      \
	ENTRY(exit, CALL_PROCESS, -1)                                          \
	ENTRY(exit_group, CALL_PROCESS, -1)                                    \
	ENTRY(prctl, CALL_PROCESS, -1)                                         \
	ENTRY(seccomp, CALL_PROCESS, -1)                                       \
	ENTRY(unshare, CALL_PROCESS, -1)                                       \
	ENTRY(setns, CALL_PROCESS, -1)

const struct linux_call linux_calls[] = { CALLS(ENTRY, ROUTED) };
const unsigned linux_ncalls = sizeof(linux_calls) / sizeof(linux_calls[0]);

#define RUN(name, class, fd)                                                   \
	case SYS_##name:                                                       \
		return route_##name(c);
#define RUN_ROUTED(name, nr)                                                   \
	case nr:                                                               \
		return route_##name(c);

long
linux_call_run(struct call *c)
{
	switch (c->nr) {
		CALLS(RUN, RUN_ROUTED)
	default:
		return CALL_TO_HOST;
	}
}

/* --- the router's side of preload/call.h ------------------------------- */

void
router_init(int argc, char **argv, char **envp)
{
	const char *v = engine_getenv("FAKE_IDLE");

	if (v == NULL)
		v = engine_getenv("RUMP_FAKE_IDLE");
	router_idle = v != NULL && v[0] == '1';
	engine_hooks.eh_interrupt = interrupt;
	engine_hooks.eh_interrupt_clear = interrupt_clear;
	engine_hooks.eh_copy_fixup = copy_fixup;
	tell_numbers();
	fake_threads_init();
}

void
router_exit(void)
{
}

bool
router_is_host(const struct call *c)
{
	return false;
}

bool
router_leaves_quietly(void)
{
	return router_idle;
}

bool
router_is_on_host(void)
{
	return true;
}

void
router_forked(uint64_t flags)
{
	fake_births_forked((flags & CLONE_FILES) != 0);
	fake_threads_forked();
}

int
router_fault(uintptr_t addr, int prot)
{
	if (addr - hidden_pages < HIDDEN_SIZE && show_pages())
		return 0;
	return 11; /* SIGSEGV */
}

bool
router_efault(struct call *c)
{
	return show_pages();
}

size_t
router_exec_env(unsigned which, char *buf, size_t size)
{
	static const char entry[] = "RUMPKIT_CWD=/fake";

	if (which != 0 || !in_fake_directory)
		return 0;
	memcpy(buf, entry, sizeof(entry));
	return sizeof(entry) - 1;
}
