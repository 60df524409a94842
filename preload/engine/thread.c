/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks: 64 KiB over a guard page, kept in a pool when a thread ends.  It gets
 * one for signal frames when it starts, and a kernel stack when it first routes
 * a call.  The pool's lock is only ever tried: a
 * signal handler may have interrupted its holder, so whoever does not get it
 * maps or unmaps a stack of its own instead.
 *
 * Records lie in initial-exec TLS: reaching one costs an instruction and no
 * allocation.  libc hands each new thread a zeroed one.
 */
#include "preload/engine/thread.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/engine/ownthread.h"

#define STACK_SIZE (64 * 1024)
#define GUARD_SIZE 4096
#define POOL_MAX 32
#define SS_AUTODISARM_FLAG (1U << 31)

__thread struct thread engine_thread;
bool engine_threads;

static atomic_flag pool_lock = ATOMIC_FLAG_INIT;
static uintptr_t pool[POOL_MAX]; /* pool_lock */
static unsigned pool_count;      /* pool_lock */
static atomic_bool guests;

bool
thread_is_guest(const struct thread *t)
{
	if (!atomic_load_explicit(&guests, memory_order_relaxed))
		return false;
	return t->t_tid != 0 && HOST(SYS_gettid, 0, 0, 0, 0, 0, 0) != t->t_tid;
}

void
thread_add_guest(void)
{
	atomic_store(&guests, true);
}

static uintptr_t
pool_get(void)
{
	uintptr_t top = 0;

	if (atomic_flag_test_and_set_explicit(&pool_lock, memory_order_acquire))
		return 0;
	if (pool_count > 0)
		top = pool[--pool_count];
	atomic_flag_clear_explicit(&pool_lock, memory_order_release);
	return top;
}

static bool
pool_put(uintptr_t top)
{
	bool kept;

	if (atomic_flag_test_and_set_explicit(&pool_lock, memory_order_acquire))
		return false;
	kept = pool_count < POOL_MAX;
	if (kept)
		pool[pool_count++] = top;
	atomic_flag_clear_explicit(&pool_lock, memory_order_release);
	return kept;
}

static uintptr_t
stack_map(void)
{
	long base;

	base =
	    HOST(SYS_mmap, 0, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (base < 0)
		return 0;
	HOST(SYS_mprotect, base, GUARD_SIZE, PROT_NONE, 0, 0, 0);
	return (uintptr_t)base + GUARD_SIZE + STACK_SIZE;
}

uintptr_t
thread_stack(struct thread *t)
{
	if (t->t_stack_top == 0)
		t->t_stack_top = pool_get();
	if (t->t_stack_top == 0)
		t->t_stack_top = stack_map();
	return t->t_stack_top;
}

static void
put_stack(uintptr_t top)
{
	if (top != 0 && !pool_put(top))
		HOST(SYS_munmap, top - STACK_SIZE - GUARD_SIZE,
		    STACK_SIZE + GUARD_SIZE, 0, 0, 0, 0);
}

static void
drop_spare(struct thread *t)
{
	if (t->t_spare != NULL)
		HOST(SYS_munmap, t->t_spare, t->t_spare_len, 0, 0, 0, 0);
	t->t_spare = NULL;
}

void
thread_drop_exec(struct thread *t)
{
	if (t->t_scratch != NULL) {
		drop_spare(t);
		t->t_spare = t->t_scratch;
		t->t_spare_len = t->t_scratch_len;
	}
	if (t->t_argv != NULL)
		HOST(SYS_munmap, t->t_argv, t->t_argv_len, 0, 0, 0, 0);
	t->t_scratch = t->t_argv = NULL;
}

void
thread_put_stacks(struct thread *t)
{
	uintptr_t top = t->t_stack_top;
	stack_t none = { .ss_flags = SS_DISABLE };

	drop_spare(t);
	t->t_stack_top = 0;
	put_stack(top);
	if (t->t_sigstack_top == 0)
		return;
	HOST(SYS_sigaltstack, &none, 0, 0, 0, 0, 0);
	top = t->t_sigstack_top;
	t->t_sigstack_top = 0;
	put_stack(top);
}

void
thread_take_sigstack(struct thread *t)
{
	stack_t ss;

	if (BROKEN(BREAK_SIGSYS_STACK))
		return;
	t->t_sigstack_top = pool_get();
	if (t->t_sigstack_top == 0)
		t->t_sigstack_top = stack_map();
	ss = thread_host_alt(t);
	HOST(SYS_sigaltstack, &ss, 0, 0, 0, 0, 0);
}

bool
thread_on_sigstack(const struct thread *t, uintptr_t addr)
{
	return addr - (t->t_sigstack_top - STACK_SIZE) < STACK_SIZE &&
	       t->t_sigstack_top != 0;
}

stack_t
thread_host_alt(const struct thread *t)
{
	if (t->t_sigstack_top == 0)
		return (stack_t){ .ss_flags = SS_DISABLE };
	return (stack_t){
		.ss_sp = (void *)(t->t_sigstack_top - STACK_SIZE),
		.ss_size = STACK_SIZE,
	};
}

bool
thread_on_alt(const struct thread *t, uintptr_t addr)
{
	uintptr_t base = (uintptr_t)t->t_alt.ss_sp;

	return ((unsigned)t->t_alt.ss_flags & SS_AUTODISARM_FLAG) == 0 &&
	       addr > base && addr - base <= t->t_alt.ss_size;
}

long
thread_run(struct thread *t, long (*fn)(void *), void *arg)
{
	uintptr_t top = thread_stack(t);
	long result;

	if (top == 0)
		return -ENOMEM;
	/* Before a signal can be deferred: it would be forgotten. */
	if (t->t_interrupted) {
		t->t_interrupted = false;
		if (engine_hooks.eh_interrupt_clear != NULL)
			engine_hooks.eh_interrupt_clear();
	}
	atomic_signal_fence(memory_order_seq_cst);
	t->t_in_kernel = 1;
	atomic_signal_fence(memory_order_seq_cst);
	result = BROKEN(BREAK_KERNEL_STACK) ? fn(arg)
					    : engine_on_stack(fn, arg, top);
	atomic_signal_fence(memory_order_seq_cst);
	t->t_in_kernel = 0;
	atomic_signal_fence(memory_order_seq_cst);
	return result;
}

/* Stacks of threads that the child does not have stay where they are: their
 * owners' records are not reachable.  So do those in the pool: whether an entry
 * was being taken or given by another thread is not to be told. */
void
thread_forked(struct thread *t)
{
	pool_count = 0;
	atomic_flag_clear(&pool_lock);
	atomic_store(&guests, false);
	ownthread_forked();
	engine_threads = false;
	t->t_tid = (int)HOST(SYS_gettid, 0, 0, 0, 0, 0, 0);
	t->t_borrowed = false;
	t->t_vpending = 0;
}
