/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks are read through the vDSO, which costs no system call and can be
 * called from any context: it is code of the kernel's without state, locks or
 * vector registers.  Where there is none (valgrind), the system call does.
 */
#include "rumpuser/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"
#include "rump/rumpuser_host.h"

#include "rumpuser/bug.h"
#include "rumpuser/cpu.h"
#include "rumpuser/elfsyms.h"
#include "rumpuser/errtrans.h"
#include "rumpuser/futex.h"

typedef int (*gettime_fn)(clockid_t, struct timespec *);

static int
gettime_syscall(clockid_t id, struct timespec *ts)
{
	return (int)rumpuser_host_syscall(
	    SYS_clock_gettime, id, ts, 0, 0, 0, 0);
}

static _Atomic(gettime_fn) gettime = gettime_syscall;

void
clock_init(void)
{
	uintptr_t vdso, func;

	vdso = getauxval(AT_SYSINFO_EHDR);
	if (vdso == 0)
		return;
	func = elf_image_symbol(vdso, "__vdso_clock_gettime");
	if (func != 0)
		atomic_store_explicit(
		    &gettime, (gettime_fn)func, memory_order_relaxed);
}

static clockid_t
host_clock(int clk)
{
	CHECK(clk == RUMPUSER_CLOCK_RELWALL || clk == RUMPUSER_CLOCK_ABSMONO);
	return clk == RUMPUSER_CLOCK_RELWALL ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

/* Reading the two clocks cannot fail. */
static struct timespec
clock_read(clockid_t id)
{
	struct timespec ts;
	int error;

	error = atomic_load_explicit(&gettime, memory_order_relaxed)(id, &ts);
	CHECK(error == 0);
	return ts;
}

int
rumpuser_clock_gettime(int clk, int64_t *sec, long *nsec)
{
	struct timespec ts;

	ts = clock_read(host_clock(clk));
	*sec = ts.tv_sec;
	*nsec = ts.tv_nsec;
	return 0;
}

int64_t
clock_deadline(int64_t sec, int64_t nsec)
{
	struct timespec ts;
	int64_t deadline, delay, now;

	ts = clock_read(CLOCK_MONOTONIC);
	now = ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	if (__builtin_mul_overflow(sec, NSEC_PER_SEC, &delay) ||
	    __builtin_add_overflow(delay, nsec, &delay))
		return sec < 0 ? now : FUTEX_NEVER;
	if (delay < 0)
		return now;
	if (__builtin_add_overflow(now, delay, &deadline))
		return FUTEX_NEVER;
	return deadline;
}

/* Sleep through signals; a relative sleep goes on with what is left. */
static long
sleep_through(clockid_t id, int flags, struct timespec *ts)
{
	long error;

	do
		error = rumpuser_host_syscall(
		    SYS_clock_nanosleep, id, flags, ts, ts, 0, 0);
	while (error == -EINTR);
	return error;
}

int
rumpuser_clock_sleep(int clk, int64_t sec, long nsec)
{
	struct timespec ts = { .tv_sec = sec, .tv_nsec = nsec };
	clockid_t id;
	long error;
	int nlocks;

	id = host_clock(clk);
	nlocks = cpu_release(NULL);
	error = sleep_through(
	    id, clk == RUMPUSER_CLOCK_ABSMONO ? TIMER_ABSTIME : 0, &ts);
	cpu_acquire(nlocks, NULL);
	return errtrans_result(error);
}

void
clock_pause(long nsec)
{
	struct timespec ts = { .tv_nsec = nsec };

	sleep_through(CLOCK_MONOTONIC, 0, &ts);
}
