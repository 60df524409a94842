/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changed under actions_lock, read without it: changing counts up before a
 * change and after it, so that who has read knows whether that was all of one
 * disposition.  Fields are stored with release and read with acquire, which
 * orders them against the count without a fence.
 *
 * A fork may come while another thread is in the midst of a change.  The child
 * has no such thread: it completes what coming says.
 */
#include "preload/engine/actions.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/signals.h"

struct kept {
	_Atomic uint64_t ke_handler;
	_Atomic uint64_t ke_flags;
	_Atomic uint64_t ke_restorer;
	_Atomic uint64_t ke_mask;
};

static struct kept actions[NSIGNALS + 1];
static _Atomic uint64_t known; /* have been asked for or set */
static _Atomic uint64_t plain; /* action_is_plain(), in the host as well */
static _Atomic uint64_t changing;
static struct action coming; /* actions_lock */
static int coming_signal;    /* actions_lock */
static atomic_flag actions_lock = ATOMIC_FLAG_INIT;

bool
action_is_plain(const struct action *a)
{
	return a->ac_handler == (uintptr_t)SIG_DFL && a->ac_mask == 0 &&
	       (a->ac_flags & ~SA_RESTORER_FLAG) == 0;
}

void
actions_enter(void)
{
	while (atomic_flag_test_and_set_explicit(
	    &actions_lock, memory_order_acquire))
		__builtin_ia32_pause();
}

void
actions_leave(void)
{
	atomic_flag_clear_explicit(&actions_lock, memory_order_release);
}

static uint64_t
get(const _Atomic uint64_t *field)
{
	return atomic_load_explicit(field, memory_order_acquire);
}

static void
put(_Atomic uint64_t *field, uint64_t value)
{
	atomic_store_explicit(field, value, memory_order_release);
}

struct action
action_now(int sig)
{
	const struct kept *ke = &actions[sig];

	return (struct action){
		.ac_handler = get(&ke->ke_handler),
		.ac_flags = get(&ke->ke_flags),
		.ac_restorer = get(&ke->ke_restorer),
		.ac_mask = get(&ke->ke_mask),
	};
}

uintptr_t
action_handler(int sig)
{
	return get(&actions[sig].ke_handler);
}

uint64_t
action_flags(int sig)
{
	return get(&actions[sig].ke_flags);
}

static void
keep(int sig, const struct action *a)
{
	struct kept *ke = &actions[sig];

	put(&ke->ke_handler, a->ac_handler);
	put(&ke->ke_flags, a->ac_flags);
	put(&ke->ke_restorer, a->ac_restorer);
	put(&ke->ke_mask, a->ac_mask);
}

/* *a is the disposition of sig here and in the host. */
static void
note(int sig, const struct action *a)
{
	if (action_is_plain(a) && (SIGBIT(sig) & SIGNAL_STRIP) == 0)
		plain |= SIGBIT(sig);
	known |= SIGBIT(sig);
}

bool
action_peek(int sig, struct action *a)
{
	uint64_t before = changing;

	if ((known & SIGBIT(sig)) == 0 || (before & 1) != 0)
		return false;
	*a = action_now(sig);
	return changing == before;
}

struct action
action_ask(int sig)
{
	struct action a = { 0 };

	if ((known & SIGBIT(sig)) != 0)
		return action_now(sig);
	HOST(SYS_rt_sigaction, sig, 0, &a, SIGSET_SIZE, 0, 0);
	keep(sig, &a);
	note(sig, &a);
	return a;
}

/* The second half of a change. */
static void
complete(void (*install)(int sig))
{
	keep(coming_signal, &coming);
	install(coming_signal);
	changing++;
	note(coming_signal, &coming);
}

void
action_set(int sig, const struct action *a, void (*install)(int sig))
{
	coming = *a;
	coming.ac_mask &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
	coming_signal = sig;
	plain &= ~SIGBIT(sig);
	changing++;
	complete(install);
}

void
action_reset(int sig)
{
	put(&actions[sig].ke_handler, (uintptr_t)SIG_DFL);
}

void
actions_forked(void (*install)(int sig))
{
	atomic_flag_clear(&actions_lock);
	if ((changing & 1) != 0)
		complete(install);
}

uint64_t
actions_known(void)
{
	return known;
}

uint64_t
actions_plain(void)
{
	return plain;
}

uint64_t
actions_changes(void)
{
	return changing;
}

void
actions_learn(uint64_t signals)
{
	actions_enter();
	signals &= ~known;
	plain |= signals;
	known |= signals;
	actions_leave();
}
