/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker and its slot.
 *
 * Hand-over.  Both sides wait for sl_state to become what they want; who is
 * going to sleep says so in sl_sleeping first and looks at sl_state again, and
 * who changes sl_state looks at sl_sleeping afterwards.  When client and worker
 * share a processor spinning is of no use: the sleeper is woken, and runs when the
 * other one sleeps.  Apart (server_place.h) both spin for a short time before they
 * sleep, less and less often when that was in vain.
 *
 * Interruption.  w_current names the call under way, w_interrupt the one to be
 * ended.  Worker and loop each write theirs before they read the other's, so that
 * one of them notices.  A signal that comes too late interrupts the next call:
 * the client repeats what ended with ERESTART without a reason of its own.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_worker.h"

#define UNDER_WAY (UINT64_C(1) << 32)

#define SPIN_SKIP 63 /* sleeps without spinning first, at most */

/* The compiler reads it here, once. */
#define ONCE(x) (*(volatile __typeof__(x) *)&(x))

static void
futex_wake_shared(_Atomic uint32_t *word)
{
	(void)rumpuser_host_syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0);
}

/* What has spun in vain does not do so the next time, then the next three times,
 * and so on. */
static void
spin_learn(struct worker *w, bool success)
{
	if (success)
		w->w_skip = 0;
	else if (w->w_skip < SPIN_SKIP)
		w->w_skip = 2 * w->w_skip + 1;
	w->w_left = w->w_skip;
}

static bool
is_spinning_due(struct worker *w)
{
	if (!w->w_apart)
		return false;
	if (w->w_left == 0)
		return true;
	w->w_left--;
	return false;
}

static bool
spin(struct worker *w, struct fast_slot *sl, uint32_t wanted)
{
	uint64_t start;

	if (!is_spinning_due(w))
		return false;
	start = __builtin_ia32_rdtsc();
	do {
		if (atomic_load_explicit(&sl->sl_state, memory_order_acquire) ==
		    wanted) {
			spin_learn(w, true);
			return true;
		}
		__builtin_ia32_pause();
	} while (__builtin_ia32_rdtsc() - start < PLACE_CYCLES &&
		 atomic_load_explicit(&w->w_stop, memory_order_relaxed) == 0);
	spin_learn(w, false);
	return false;
}

static void
sleep_once(struct worker *w, struct fast_slot *sl, uint32_t wanted)
{
	long args[6] = { (long)&sl->sl_state, FUTEX_WAIT };
	uint32_t state;

	atomic_fetch_or(&sl->sl_sleeping, FAST_SLEEPS_SERVER);
	state = atomic_load(&sl->sl_state);
	if (state != wanted) {
		args[2] = state;
		(void)rumpuser_hostops.ho_syscall_intr(
		    (const volatile uint32_t *)&w->w_stop, SYS_futex, args);
	}
	atomic_fetch_and_explicit(
	    &sl->sl_sleeping, ~FAST_SLEEPS_SERVER, memory_order_relaxed);
}

/* Until the client has set the state wanted; false: leave. */
static bool
await(struct worker *w, struct fast_slot *sl, uint32_t wanted)
{
	for (;;) {
		if (atomic_load_explicit(&w->w_stop, memory_order_acquire) != 0)
			return false;
		if (atomic_load_explicit(&sl->sl_state, memory_order_acquire) ==
		    wanted)
			return true;
		if (!spin(w, sl, wanted))
			sleep_once(w, sl, wanted);
	}
}

static void
hand_over(struct fast_slot *sl, uint32_t state)
{
	atomic_store(&sl->sl_state, state);
	if ((atomic_load(&sl->sl_sleeping) & FAST_SLEEPS_CLIENT) != 0)
		futex_wake_shared(&sl->sl_state);
}

bool
slot_service(struct worker *w, enum fast_op op)
{
	struct fast_slot *sl = w->w_sl;

	if (atomic_load_explicit(&w->w_stop, memory_order_acquire) != 0)
		return false;
	sl->sl_op = op;
	hand_over(sl, FAST_SERVICE);
	return await(w, sl, FAST_SERVED);
}

/* Copy and check the request's ranges. */
static bool
take_ranges(struct worker *w, const struct fast_slot *sl)
{
	w->w_nin = ONCE(sl->sl_nin);
	w->w_inlen = ONCE(sl->sl_inlen);
	w->w_nout = 0;
	if (w->w_nin > FAST_RANGES || w->w_inlen > FAST_IN)
		return false;
	w->w_outlen = (w->w_inlen + 63) & ~63u;
	for (uint32_t i = 0; i < w->w_nin; i++) {
		struct fast_range *r = &w->w_in[i];

		r->fr_addr = ONCE(sl->sl_in[i].fr_addr);
		r->fr_len = ONCE(sl->sl_in[i].fr_len);
		r->fr_off = ONCE(sl->sl_in[i].fr_off);
		if (r->fr_off > w->w_inlen ||
		    r->fr_len > w->w_inlen - r->fr_off)
			return false;
	}
	return true;
}

/* The thread that calls may have credentials of its own. */
static int
take_cred(struct worker *w, const struct fast_slot *sl)
{
	uint32_t number = ONCE(sl->sl_cred);
	int error = 0;

	if (number == w->w_cred || serverkernel.sk_lwp_setcred == NULL)
		return 0;
	if (number == 0)
		serverkernel.sk_lwp_setcred(NULL);
	else
		error = client_lendcred(w->w_client, (pid_t)ONCE(sl->sl_tid));
	if (error == 0)
		w->w_cred = number;
	return error;
}

static int
call(struct worker *w, struct fast_slot *sl, int64_t *retval)
{
	int32_t num = ONCE(sl->sl_num);
	bool escape = (ONCE(sl->sl_flags) & FAST_ESCAPE) != 0;
	int64_t args[FAST_ARGS];
	int error;

	for (int i = 0; i < FAST_ARGS; i++)
		args[i] = ONCE(sl->sl_args[i]);
	if (escape != w->w_escape && serverkernel.sk_escape != NULL) {
		serverkernel.sk_escape(escape);
		w->w_escape = escape;
	}
	error = take_cred(w, sl);
	if (error != 0)
		return error;
	if (num >= FASTCALL_FIRST)
		return fastcall(w, num, args, retval);
	client_allow_reboot(w->w_client, num);
	return serverkernel.sk_syscall(num, args, sizeof(args), retval);
}

static void
publish_call(struct worker *w, uint32_t sequence)
{
	serverkernel.sk_interrupt_clear();
	atomic_store(&w->w_current, UNDER_WAY | sequence);
	if (atomic_load(&w->w_interrupt) == (UNDER_WAY | sequence) ||
	    atomic_load(&w->w_stop) != 0)
		serverkernel.sk_interrupt();
}

static void
reply(struct worker *w, int error, const int64_t *retval)
{
	struct fast_slot *sl = w->w_sl;

	sl->sl_error = error;
	sl->sl_retval[0] = retval[0];
	sl->sl_retval[1] = retval[1];
	for (uint32_t i = 0; i < w->w_nout; i++)
		sl->sl_out[i] = w->w_out[i];
	sl->sl_nout = w->w_nout;
	sl->sl_apart = w->w_apart;
	hand_over(sl, FAST_REPLY);
}

void
slot_reply(struct worker *w, int error)
{
	reply(w, error, (const int64_t[2]){ 0, 0 });
}

static void
serve_request(struct worker *w)
{
	struct fast_slot *sl = w->w_sl;
	int64_t retval[2] = { 0, 0 };
	int error = RUMP_EINVAL;

	if (take_ranges(w, sl) && child_await(w, ONCE(sl->sl_children))) {
		publish_call(w, ONCE(sl->sl_sequence));
		error = call(w, sl, retval);
		atomic_store_explicit(&w->w_current, 0, memory_order_relaxed);
	}
	reply(w, error, retval);
	place_replied(w, ONCE(sl->sl_cpu));
}

static void
serve(struct worker *w, void *arg)
{
	struct client *c = arg;

	if (worker_bind_lwp(c)) {
		while (await(w, w->w_sl, FAST_REQUEST)) {
			atomic_fetch_add_explicit(
			    &c->c_calls, 1, memory_order_relaxed);
			place_requested(&w->w_place);
			serve_request(w);
		}
		worker_unbind_lwp();
	}
	hand_over(w->w_sl, FAST_DEAD);
	pthread_mutex_lock(&c->c_lock);
	c->c_workers[w->w_slot] = NULL;
	pthread_mutex_unlock(&c->c_lock);
	w->w_client = NULL;
	client_leave(c);
}

static void
prepare(struct worker *w, struct client *c, unsigned slot)
{
	w->w_client = c;
	w->w_slot = slot;
	w->w_sl = fast_slot(c->c_area, slot);
	w->w_escape = false;
	w->w_cred = 0;
	place_init(&w->w_place);
	w->w_apart = false;
	w->w_skip = w->w_left = 0;
	atomic_store(&w->w_stop, 0);
	atomic_store(&w->w_current, 0);
	atomic_store(&w->w_interrupt, 0);
}

bool
slot_start(struct client *c, unsigned slot)
{
	bool fits = false;
	struct worker *w = worker_get();

	pthread_mutex_lock(&c->c_lock);
	if (!c->c_quiescing && c->c_workers != NULL && slot < FAST_SLOTS &&
	    c->c_workers[slot] == NULL) {
		fits = true;
		c->c_workers[slot] = w;
		c->c_nworkers++;
		prepare(w, c, slot);
	}
	pthread_mutex_unlock(&c->c_lock);
	worker_start(w, fits ? serve : worker_idle, c);
	return fits;
}

void
slot_interrupt(struct client *c, unsigned slot, uint32_t sequence)
{
	struct worker *w = NULL;

	pthread_mutex_lock(&c->c_lock);
	if (slot < FAST_SLOTS && c->c_workers != NULL)
		w = c->c_workers[slot];
	if (w != NULL) {
		atomic_store(&w->w_interrupt, UNDER_WAY | sequence);
		if (atomic_load(&w->w_current) == (UNDER_WAY | sequence))
			worker_kick(w);
	}
	pthread_mutex_unlock(&c->c_lock);
}

void
slot_stop(struct worker *w)
{
	atomic_store(&w->w_stop, 1);
	worker_kick(w);
	/* Where signals are held back, as under a sanitizer. */
	hand_over(w->w_sl, FAST_DEAD);
	futex_wake_shared(&w->w_sl->sl_state);
}
