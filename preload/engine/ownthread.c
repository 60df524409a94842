/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.
 *
 * A thread of ours is a bare thread of the host.  pthread_create() would take
 * memory from malloc(), whose lock the interrupted program may hold; it would
 * count the thread among those that keep the process alive, and send it its own
 * signals 32 and 33.
 *
 * The code that runs there is the kernel's, the hypercalls' and the engine's:
 * freestanding, but for thread-local objects, which are all of the initial-exec
 * kind.  So the thread has a block of its own in place of libc's: as far below
 * the thread pointer as our objects reach, with their initial values, and one
 * page above it.  That page has what compilers expect (a pointer to itself,
 * the canary); the rest, libc's descriptor of the thread, is zero: a stray
 * pthread_setspecific() in a host half finds memory there and harms nobody.
 *
 *   base  guard page | stack ... | thread-local objects | one page   base + size
 *                                                       ^ thread pointer
 *
 * All signals are blocked, also 32 and 33: libc sends them to threads it knows.
 * The host clears ow_tid when the thread is done; its memory it gives back
 * itself, with the last two instructions that it executes.  On the host's lists
 * it stays a while after that, under load for many milliseconds, and longer if
 * it is traced; and they are what makes a process one of several threads.
 */
#include "preload/engine/ownthread.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/late.h"
#include "preload/engine/signals.h"
#include "preload/engine/thread.h"

#define OWN_MAX 64
#define PAGE 4096UL
#define PATIENCE_S 5
#define NAP_MIN_NS 1000L
#define NAP_MAX_NS 1000000L

#define OWN_FLAGS                                                              \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |    \
	    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |               \
	    CLONE_CHILD_CLEARTID)

enum { OWN_FREE, OWN_STARTING, OWN_DETACHED, OWN_JOINABLE };

struct own {
	_Atomic unsigned ow_state;
	_Atomic int ow_tid;        /* 0: done; the host writes it */
	_Atomic int ow_listed;     /* what ow_tid was, while it may be listed */
	_Atomic uintptr_t ow_base; /* its memory; 0: being given back */
	size_t ow_size;            /* i */
};
static LATE struct own owns[OWN_MAX];

/* At the top of a new thread's stack. */
struct start {
	void *(*st_func)(void *);
	void *st_arg;
	struct own *st_own;
};

/* --- thread-local objects ---------------------------------------------- */

#define IMAGES_MAX 8
static struct {
	size_t im_below; /* where it begins, seen from the thread pointer */
	const void *im_bytes;
	size_t im_len;
} images[IMAGES_MAX]; /* i */
static unsigned nimages;
static size_t tls_size; /* i: of all of ours; 0: not known yet */

/* The argument of the dynamic linker's function. */
struct tls_index {
	unsigned long ti_module, ti_offset;
};
void *__tls_get_addr(struct tls_index *ti);

static uintptr_t
thread_pointer(void)
{
	uintptr_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

static bool
is_ours(const struct dl_phdr_info *info)
{
	const char *slash = strrchr(info->dlpi_name, '/');
	uintptr_t self = (uintptr_t)engine_range_begin - info->dlpi_addr;
	unsigned i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && self - ph->p_vaddr < ph->p_memsz)
			return true;
	}
	return slash != NULL && strncmp(slash + 1, "librump", 7) == 0;
}

static void
learn_object(const struct dl_phdr_info *info, const ElfW(Phdr) * ph)
{
	struct tls_index ti = { .ti_module = info->dlpi_tls_modid };
	size_t below = thread_pointer() - (uintptr_t)__tls_get_addr(&ti);

	if (below > tls_size)
		tls_size = below;
	if (ph->p_filesz == 0 || nimages == IMAGES_MAX)
		return;
	images[nimages].im_below = below;
	images[nimages].im_bytes = (void *)(info->dlpi_addr + ph->p_vaddr);
	images[nimages].im_len = ph->p_filesz;
	nimages++;
}

static int
look_at(struct dl_phdr_info *info, size_t size, void *arg)
{
	unsigned i;

	if (info->dlpi_tls_modid == 0 || !is_ours(info))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_TLS)
			learn_object(info, &info->dlpi_phdr[i]);
	}
	return 0;
}

void
engine_learn_tls(void)
{
	nimages = 0;
	tls_size = 0;
	dl_iterate_phdr(look_at, NULL);
}

/* --- birth -------------------------------------------------------------- */

static struct own *
own_get(void)
{
	struct own *ow;
	unsigned state;

	for (ow = owns; ow < owns + OWN_MAX; ow++) {
		state = atomic_load(&ow->ow_state);
		if ((state != OWN_FREE && state != OWN_DETACHED) ||
		    atomic_load(&ow->ow_tid) != 0 ||
		    !atomic_compare_exchange_strong(
			&ow->ow_state, &state, OWN_STARTING))
			continue;
		/* Another may have had it meanwhile, and detached. */
		if (atomic_load(&ow->ow_tid) == 0)
			return ow;
		atomic_store(&ow->ow_state, OWN_DETACHED);
	}
	return NULL;
}

static size_t
page_round(size_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static long
own_map(struct own *ow, size_t stack_bytes)
{
	long base;

	ow->ow_size =
	    PAGE + page_round(stack_bytes) + page_round(tls_size) + PAGE;
	base = HOST(SYS_mmap, 0, ow->ow_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (base < 0)
		return -EAGAIN;
	HOST(SYS_mprotect, base, PAGE, PROT_NONE, 0, 0, 0);
	ow->ow_base = (uintptr_t)base;
	return 0;
}

/* Fill in the thread's own block; the thread pointer. */
static uintptr_t
own_tls(const struct own *ow)
{
	uintptr_t tp = ow->ow_base + ow->ow_size - PAGE;
	uintptr_t *tcb = (uintptr_t *)tp;
	unsigned i;

	for (i = 0; i < nimages; i++)
		memcpy((void *)(tp - images[i].im_below), images[i].im_bytes,
		    images[i].im_len);
	tcb[0] = tcb[2] = tp;
	__asm__("mov %%fs:0x28, %0" : "=r"(tcb[5])); /* stack protector */
	__asm__("mov %%fs:0x30, %0" : "=r"(tcb[6])); /* libc's pointers */
	return tp;
}

/* Called on the new thread's stack. */
static _Noreturn void
own_main(void *top)
{
	const struct start *st = top;
	struct own *ow = st->st_own;

	engine_thread.t_own = true;
	atomic_store(&ow->ow_listed, atomic_load(&ow->ow_tid));
	(void)st->st_func(st->st_arg);
	/* Libc calls no destructors here. */
	if (engine_hooks.eh_thread_exit != NULL)
		engine_hooks.eh_thread_exit();
	/* A child of fork must not unmap what may be somebody else's by then. */
	engine_end_own(atomic_exchange(&ow->ow_base, 0), ow->ow_size);
}

/* With all signals blocked, which the thread inherits. */
static long
own_clone(struct own *ow, void *(*func)(void *), void *arg)
{
	uintptr_t tp = own_tls(ow);
	struct start *st =
	    (struct start *)((tp - page_round(tls_size) - sizeof(*st)) & -16UL);

	*st = (struct start){
		.st_func = func,
		.st_arg = arg,
		.st_own = ow,
	};
	return engine_clone_own(
	    OWN_FLAGS, st, &ow->ow_tid, &ow->ow_tid, tp, own_main);
}

#ifdef ENGINE_BREAK
struct request {
	void *(*rq_func)(void *);
	void *rq_arg;
};

static void *
pthread_main(void *arg)
{
	struct request rq = *(struct request *)arg;

	(void)signal_block_all();
	return rq.rq_func(rq.rq_arg);
}

static long
create_pthread(void *arg)
{
	pthread_t t;

	return -pthread_create(&t, NULL, pthread_main, arg);
}

/* What would be done without this file. */
static long
broken_create(void *(*func)(void *), void *arg)
{
	static struct request rq;
	uint64_t mask = signal_block_all();
	long r;

	rq = (struct request){ func, arg };
	signal_set_mask(~SIGBIT(SIGSYS));
	r = engine_call_saved(create_pthread, &rq);
	signal_set_mask(mask);
	return r;
}
#endif

long
ownthread_create(
    void *(*func)(void *), void *arg, size_t stack_bytes, uintptr_t *handle)
{
	struct own *ow;
	uint64_t mask;
	long r;

#ifdef ENGINE_BREAK
	if (BROKEN(BREAK_BARE))
		return broken_create(func, arg);
#endif
	if (tls_size == 0 || engine_thread.t_borrowed)
		return -EPERM;
	ow = own_get();
	if (ow == NULL)
		return -EAGAIN;
	r = own_map(ow, stack_bytes);
	if (r != 0)
		goto fail_slot;
	mask = signal_block_all();
	if (BROKEN(BREAK_OWN_MASK))
		signal_set_mask(mask);
	r = own_clone(ow, func, arg);
	signal_set_mask(mask);
	if (r < 0)
		goto fail_map;
	if (handle != NULL)
		*handle = (uintptr_t)ow;
	atomic_store(
	    &ow->ow_state, handle != NULL ? OWN_JOINABLE : OWN_DETACHED);
	return 0;

fail_map:
	HOST(SYS_munmap, ow->ow_base, ow->ow_size, 0, 0, 0, 0);
fail_slot:
	atomic_store(&ow->ow_state, OWN_FREE);
	return r;
}

/* --- death -------------------------------------------------------------- */

/* The host wakes one sleeper, at an address that it does not know as private;
 * that one wakes the others. */
static bool
own_await(struct own *ow, const struct timespec *until)
{
	bool slept = false;
	int tid;
	long r;

	while ((tid = atomic_load(&ow->ow_tid)) != 0) {
		r = HOST(SYS_futex, &ow->ow_tid, FUTEX_WAIT_BITSET, tid, until,
		    0, FUTEX_BITSET_MATCH_ANY);
		if (r == -ETIMEDOUT)
			return false;
		slept = true;
	}
	if (slept)
		HOST(SYS_futex, &ow->ow_tid, FUTEX_WAKE, INT_MAX, 0, 0, 0);
	return true;
}

static struct timespec
patience(void)
{
	struct timespec until;

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &until, 0, 0, 0, 0);
	until.tv_sec += PATIENCE_S;
	return until;
}

long
ownthread_join(uintptr_t handle)
{
	struct own *ow = (struct own *)handle;

	(void)own_await(ow, NULL);
	atomic_store(&ow->ow_state, OWN_FREE);
	return 0;
}

bool
ownthread_any(void)
{
	struct own *ow;

	for (ow = owns; ow < owns + OWN_MAX; ow++) {
		if (atomic_load(&ow->ow_state) == OWN_STARTING ||
		    atomic_load(&ow->ow_tid) != 0)
			return true;
	}
	return false;
}

bool
ownthread_await(void)
{
	struct timespec until = patience();
	struct own *ow;

	for (ow = owns; ow < owns + OWN_MAX; ow++) {
		if (!own_await(ow, &until))
			return false;
	}
	return true;
}

/* Does the host count it among the process's threads? */
static bool
own_listed(struct own *ow)
{
	int pid, tid = atomic_load(&ow->ow_listed);

	if (tid == 0)
		return false;
	pid = (int)HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
	if (HOST(SYS_tgkill, pid, tid, 0, 0, 0, 0) != -ESRCH)
		return true;
	(void)atomic_compare_exchange_strong(&ow->ow_listed, &tid, 0);
	return false;
}

bool
ownthread_listed(void)
{
	struct own *ow;

	for (ow = owns; ow < owns + OWN_MAX; ow++) {
		if (own_listed(ow))
			return true;
	}
	return false;
}

static bool
is_past(const struct timespec *until)
{
	struct timespec now;

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &now, 0, 0, 0, 0);
	return now.tv_sec > until->tv_sec ||
	       (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Nothing tells when a thread leaves the lists. */
bool
ownthread_await_unlisted(void)
{
	struct timespec nap = { .tv_nsec = NAP_MIN_NS };
	struct timespec until = patience();

	while (ownthread_listed()) {
		if (is_past(&until))
			return false;
		HOST(SYS_nanosleep, &nap, 0, 0, 0, 0, 0);
		if (nap.tv_nsec < NAP_MAX_NS)
			nap.tv_nsec *= 2;
	}
	return true;
}

void
ownthread_forked(void)
{
	struct own *ow;

	if (BROKEN(BREAK_OWN_FORK))
		return;
	for (ow = owns; ow < owns + OWN_MAX; ow++) {
		/* To write is to have the page copied. */
		if (atomic_load(&ow->ow_tid) == 0 &&
		    atomic_load(&ow->ow_listed) == 0 &&
		    atomic_load(&ow->ow_state) == OWN_FREE)
			continue;
		if (atomic_load(&ow->ow_tid) != 0 &&
		    atomic_load(&ow->ow_base) != 0)
			HOST(SYS_munmap, ow->ow_base, ow->ow_size, 0, 0, 0, 0);
		atomic_store(&ow->ow_tid, 0);
		atomic_store(&ow->ow_listed, 0);
		atomic_store(&ow->ow_state, OWN_FREE);
	}
}
