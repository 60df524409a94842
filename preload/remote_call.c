/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call: filled in, handed over, waited for, and now and then asked to help
 * with the caller's memory meanwhile.
 *
 * A signal that arrives while a thread waits is held back until the thread
 * leaves the kernel, and makes remote_interrupted nonzero.  Looking at that word
 * and going to sleep are one step.  The server is told once; the call then ends
 * in its own time, as a sleep in the kernel does that cannot be interrupted.
 *
 * Whoever sleeps looks now and then whether the server is still there, which
 * tells nobody when it dies.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/call.h"
#include "preload/config.h"
#include "preload/cred.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/memory.h"
#include "preload/remote_classic.h"
#include "preload/remote_link.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpsignal.h"

#define LOOK_SECONDS 1
/* The selector whose limit holds the number of the processor, by which the
 * host's vDSO finds it. */
#define CPU_SELECTOR 0x7b
#define CPU_MASK 0xfff

#define SPIN_CYCLES 131072u /* of the time stamp counter, about 50 us */
#define SPIN_SKIP 63        /* sleeps without spinning first, at most */

#define TLS __attribute__((tls_model("initial-exec")))

__thread volatile uint32_t remote_interrupted;
__thread bool remote_unbegun TLS;
static __thread uint32_t spin_skip TLS, spin_left TLS;

static uint32_t
cpu_number(void)
{
	uint32_t limit = 0;

	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(CPU_SELECTOR) : "cc");
	return limit & CPU_MASK;
}

/* --- handing over and waiting ------------------------------------------ */

/* Hand the slot over.  False: the server has given it up. */
static bool
hand_over(struct fast_slot *sl, uint32_t from, uint32_t to)
{
	if (!atomic_compare_exchange_strong(&sl->sl_state, &from, to))
		return false;
	if ((atomic_load(&sl->sl_sleeping) & FAST_SLEEPS_SERVER) != 0)
		HOST(SYS_futex, &sl->sl_state, FUTEX_WAKE, 1, 0, 0, 0);
	return true;
}

static void
tell_interrupt(struct remote *rm, const struct fast_slot *sl, uint32_t index)
{
	struct fast_message fm = {
		.fm_type = FAST_INTR,
		.fm_arg = index,
		.fm_addr = sl->sl_sequence,
	};

	(void)remote_send(rm, &fm, NULL, -1);
}

/* One sleep at most; intr as in engine_host_call_intr().  False: time is up. */
static bool
sleep_while(struct fast_slot *sl, uint32_t state, const volatile uint32_t *intr)
{
	struct timespec ts = { LOOK_SECONDS, 0 };
	const long args[6] = { (long)&sl->sl_state, FUTEX_WAIT, state,
		(long)&ts };
	long r;

	atomic_fetch_or(&sl->sl_sleeping, FAST_SLEEPS_CLIENT);
	r = engine_host_call_intr(intr, SYS_futex, args);
	atomic_fetch_and(&sl->sl_sleeping, ~FAST_SLEEPS_CLIENT);
	return r != -ETIMEDOUT;
}

/*
 * Where the worker is on another processor for good, to sleep and be woken costs
 * more than most calls take: spin first.  What spins in vain sleeps at once the
 * next time, then the next three times, and so on.
 */
static bool
spin_while(const struct fast_slot *sl, uint32_t state)
{
	uint64_t start;

	if (sl->sl_apart == 0)
		return false;
	if (spin_left > 0) {
		spin_left--;
		return false;
	}
	start = __builtin_ia32_rdtsc();
	do {
		if (atomic_load_explicit(&sl->sl_state, memory_order_acquire) !=
		    state) {
			spin_skip = 0;
			return true;
		}
		__builtin_ia32_pause();
	} while (__builtin_ia32_rdtsc() - start < SPIN_CYCLES);
	if (spin_skip < SPIN_SKIP)
		spin_skip = 2 * spin_skip + 1;
	spin_left = spin_skip;
	return false;
}

struct turn {
	struct remote *tu_rm;
	struct fast_slot *tu_sl;
	uint32_t tu_index;
	uint32_t tu_epoch;
	bool tu_told; /* the server knows of the signal */
};

/* Is the server still there that the call was handed to? */
static bool
is_alone(const struct turn *tu)
{
	return atomic_load(&tu->tu_rm->rm_epoch) != tu->tu_epoch ||
	       remote_hung_up(tu->tu_rm);
}

/* Wait until the slot is not in state any more. */
static uint32_t
await(struct turn *tu, uint32_t state)
{
	struct fast_slot *sl = tu->tu_sl;
	uint32_t now;

	while ((now = atomic_load(&sl->sl_state)) == state) {
		const volatile uint32_t *intr = &remote_interrupted;

		if (spin_while(sl, state))
			continue;
		if (*intr != 0 && !tu->tu_told) {
			tell_interrupt(tu->tu_rm, sl, tu->tu_index);
			tu->tu_told = true;
		}
		if (!sleep_while(sl, state, tu->tu_told ? NULL : intr) &&
		    is_alone(tu))
			return FAST_DEAD;
	}
	return now;
}

/* --- what the server asks for meanwhile -------------------------------- */

/* Signals are the host's in number and effect.  A broken pipe and the limit of
 * a file's size are known to the caller by their errno, and raised there. */
void
remote_raise(int64_t number, bool here)
{
	int sig = 0;

	if (number > 0 && number < RUMP_NSIG && number != RUMP_SIGPIPE)
		sig = rump_signal2host((int)number);
	if (sig == 0)
		return;
	if (here)
		HOST(SYS_tgkill, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    HOST(SYS_gettid, 0, 0, 0, 0, 0, 0), sig, 0, 0, 0);
	else
		HOST(SYS_kill, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0), sig, 0, 0, 0,
		    0);
}

static uint32_t
copy_string(struct fast_slot *sl, void *data, uint64_t addr, uint64_t max)
{
	long len = engine_copy_string(data, (const void *)addr, max);

	if (len < 0)
		return len == -EFAULT ? RUMP_EFAULT : RUMP_ENAMETOOLONG;
	sl->sl_len = (uint64_t)len + 1;
	return 0;
}

static uint32_t
copy_service(struct fast_slot *sl)
{
	uint64_t addr = sl->sl_addr, len = sl->sl_len, off = sl->sl_off;
	void *data = fast_data(sl) + off, *mem = (void *)addr;

	if (off > FAST_DATA || len > FAST_DATA - off)
		return RUMP_EFAULT;
	switch (sl->sl_op) {
	case FAST_COPYIN:
		return engine_copy(data, mem, len) != 0 ? RUMP_EFAULT : 0;
	case FAST_COPYOUT:
		return engine_copy(mem, data, len) != 0 ? RUMP_EFAULT : 0;
	default:
		return copy_string(sl, data, addr, len);
	}
}

/* Pages of mapped files that are missing are not filled here: the server may
 * hold what is needed for that.  The call ends with EFAULT and is repeated. */
static uint32_t
serve(struct fast_slot *sl)
{
	const void *file = (const void *)sl->sl_addr;

	switch (sl->sl_op) {
	case FAST_COPYIN:
	case FAST_COPYOUT:
	case FAST_COPYINSTR:
		return copy_service(sl);
	case FAST_PROTECT:
		memory_hooks.rmh_protect(file, sl->sl_arg[0], sl->sl_arg[1]);
		return 0;
	case FAST_CUT:
		memory_hooks.rmh_cut(file, sl->sl_arg[0]);
		return 0;
	case FAST_RAISE:
		remote_raise(sl->sl_arg[0], true);
		return 0;
	default:
		return RUMP_EFAULT;
	}
}

/* --- the call ---------------------------------------------------------- */

static int
dead(const struct turn *tu)
{
	if (atomic_load(&tu->tu_rm->rm_epoch) == tu->tu_epoch)
		remote_die(tu->tu_rm, REMOTE_LOST);
	return RUMP_ENOTCONN;
}

static void
fill(const struct remote *rm, struct fast_slot *sl, int num,
    const int64_t *args, size_t n)
{
	sl->sl_cpu = cpu_number();
	sl->sl_sequence++;
	sl->sl_num = num;
	sl->sl_children = atomic_load(&rm->rm_children);
	sl->sl_cred = cred_number();
	if (sl->sl_cred != 0)
		sl->sl_tid = (uint32_t)HOST(SYS_gettid, 0, 0, 0, 0, 0, 0);
	sl->sl_flags = config.cf_nmounts != 0 ? FAST_ESCAPE : 0;
	for (size_t i = 0; i < FAST_ARGS; i++)
		sl->sl_args[i] = i < n ? args[i] : 0;
}

/* Out of the slot until it is the client's again.  0 or RUMP_ENOTCONN. */
static int
exchange(struct turn *tu)
{
	struct fast_slot *sl = tu->tu_sl;
	uint32_t state = FAST_REQUEST;

	if (!hand_over(sl, FAST_IDLE, state))
		return dead(tu);
	for (;;) {
		uint32_t now = await(tu, state);

		if (now == FAST_REPLY)
			return 0;
		if (now != FAST_SERVICE)
			return dead(tu);
		sl->sl_status = serve(sl);
		state = FAST_SERVED;
		if (!hand_over(sl, FAST_SERVICE, state))
			return dead(tu);
	}
}

/* What was read from a queue is there no more: pages that miss are filled. */
static int
copy_out(struct fast_slot *sl)
{
	uint32_t n = sl->sl_nout;
	int error = 0;

	for (uint32_t i = 0; i < n && i < FAST_RANGES && error == 0; i++) {
		struct fast_range fr = sl->sl_out[i];

		if (fr.fr_off > FAST_DATA || fr.fr_len > FAST_DATA - fr.fr_off)
			return RUMP_EFAULT;
		error = usercopy_out(
		    fast_data(sl) + fr.fr_off, (void *)fr.fr_addr, fr.fr_len);
	}
	return error != 0 ? RUMP_EFAULT : 0;
}

static int
finish(struct fast_slot *sl, int64_t *retval, int64_t *undelivered)
{
	int error = (int)sl->sl_error, copied = copy_out(sl);

	if (error == 0 && copied != 0)
		*undelivered = sl->sl_retval[0];
	if (retval != NULL) {
		retval[0] = sl->sl_retval[0];
		retval[1] = sl->sl_retval[1];
	}
	/* Nobody waits for that.  If the slot is dead, the next call sees it. */
	(void)atomic_compare_exchange_strong(
	    &sl->sl_state, &(uint32_t){ FAST_REPLY }, FAST_IDLE);
	return error != 0 ? error : copied;
}

static int call_greeted(struct remote *rm, bool patient, int num,
    const int64_t *args, size_t n, int64_t *retval);

/* The server has read what could not be put into the program's memory: the
 * position goes back, as if it had not.  Where there is none it is lost. */
static void
read_again(struct remote *rm, int num, const int64_t *args, int64_t n)
{
	const int64_t seek[] = { args[0], 0, -n, RUMP_SEEK_CUR };
	int64_t retval[2];

	if (num == RUMP_SYS_read || num == RUMP_SYS_readv)
		(void)call_greeted(rm, true, RUMP_SYS_lseek, seek,
		    sizeof(seek) / sizeof(seek[0]), retval);
}

/* rm has been greeted. */
static int
call_greeted(struct remote *rm, bool patient, int num, const int64_t *args,
    size_t n, int64_t *retval)
{
	struct turn tu = {
		.tu_rm = rm,
		.tu_epoch = atomic_load(&rm->rm_epoch),
		.tu_told = patient,
	};
	int64_t undelivered = 0;
	int error;

	error = remote_slot_take(rm, patient, &tu.tu_index, &tu.tu_sl);
	remote_unbegun = error == RUMP_ERESTART;
	if (error != 0)
		return error;
	fill(rm, tu.tu_sl, num, args, n);
	remote_stage(rm, tu.tu_sl, num, tu.tu_sl->sl_args);
	error = exchange(&tu);
	if (error == 0)
		error = finish(tu.tu_sl, retval, &undelivered);
	if (error == RUMP_ENAMESPACE)
		remote_slot_hold(rm, tu.tu_index);
	else
		remote_slot_put(rm, tu.tu_index);
	if (undelivered > 0)
		read_again(rm, num, args, undelivered);
	return error;
}

static int
call_once(struct remote *rm, bool patient, int num, const int64_t *args,
    size_t n, int64_t *retval)
{
	int error = remote_greet(rm, patient);

	remote_unbegun = error == RUMP_ERESTART;
	if (error != 0)
		return error;
	return call_greeted(rm, patient, num, args, n, retval);
}

int
remote_call(
    struct remote *rm, int num, const int64_t *args, size_t n, int64_t *retval)
{
	int error;

	if (rm->rm_classic != NULL)
		return classic_call(rm, false, num, args, n, retval);
	do
		error = call_once(rm, false, num, args, n, retval);
	while (error == RUMP_ERESTART && remote_interrupted == 0);
	/* Nobody makes that one again: the program's number is gone. */
	if (num == RUMP_SYS_close && error == RUMP_ERESTART && remote_unbegun)
		error = remote_call_patient(rm, num, args, n, retval);
	return error;
}

int
remote_call_patient(
    struct remote *rm, int num, const int64_t *args, size_t n, int64_t *retval)
{
	int error;

	if (rm->rm_classic != NULL)
		return classic_call(rm, true, num, args, n, retval);
	do
		error = call_once(rm, true, num, args, n, retval);
	while (error == RUMP_ERESTART);
	return error;
}

int
remote_call_fd(
    struct remote *rm, int num, const int64_t *args, size_t n, int *fd)
{
	int error;

	if (rm->rm_classic != NULL)
		return RUMP_EOPNOTSUPP;
	error = remote_greet(rm, true);
	if (error == 0)
		error = remote_gate_enter(rm, true);
	if (error != 0)
		return error;
	/* To greet is to enter the gate. */
	do
		error = call_greeted(rm, true, num, args, n, NULL);
	while (error == RUMP_ERESTART);
	if (error == 0)
		error = remote_receive_fd(rm, fd);
	remote_gate_exit(rm);
	return error;
}
