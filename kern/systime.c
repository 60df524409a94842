/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks and sleeping.  The clocks are the host's and cannot be set.  A sleep
 * that a signal ended is never restarted, as POSIX has it.
 */
#include "kern/clock.h"
#include "kern/copy.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"

#define NSEC 1000000000

static struct rump_timespec
ns_to_timespec(int64_t ns)
{
	return (struct rump_timespec){ ns / NSEC, ns % NSEC };
}

static int
clock_read(int id, struct rump_timespec *ts)
{
	switch (id) {
	case CLOCK_REALTIME:
		getnanotime(ts);
		return 0;
	case CLOCK_MONOTONIC:
		*ts = ns_to_timespec(uptime_ns());
		return 0;
	default:
		return EINVAL;
	}
}

int
sys_clock_gettime(
    struct lwp *l, const struct sys_clock_gettime_args *uap, register_t *retval)
{
	struct rump_timespec ts;
	int error;

	error = clock_read(uap->clock_id, &ts);
	return error != 0 ? error : copyout(&ts, uap->tp, sizeof(ts));
}

int
sys_clock_getres(
    struct lwp *l, const struct sys_clock_getres_args *uap, register_t *retval)
{
	struct rump_timespec ts;
	int error;

	error = clock_read(uap->clock_id, &ts);
	if (error != 0 || uap->tp == NULL)
		return error;
	ts = ns_to_timespec(1);
	return copyout(&ts, uap->tp, sizeof(ts));
}

int
sys_gettimeofday(
    struct lwp *l, const struct sys_gettimeofday_args *uap, register_t *retval)
{
	struct rump_timeval tv = { 0 };
	struct rump_timespec ts;

	if (uap->tp == NULL)
		return 0;
	getnanotime(&ts);
	tv.tv_sec = ts.tv_sec;
	tv.tv_usec = ts.tv_nsec / 1000;
	return copyout(&tv, uap->tp, sizeof(tv));
}

/* Sleep until deadline_ns: 0 or EINTR. */
static int
sleep_until(struct lwp *l, int64_t deadline_ns)
{
	_Atomic uint32_t never = 0;

	return lwp_park(l, &never, deadline_ns, true) == ERESTART ? EINTR : 0;
}

/* Sleep for rqt; tell what is left of it if a signal came. */
static int
sleep_for(
    struct lwp *l, const struct rump_timespec *rqt, struct rump_timespec *urmt)
{
	struct rump_timespec rmt;
	int64_t ns, deadline;
	int error, copyerror;

	if (!timespec_to_ns(rqt, &ns))
		return EINVAL;
	if (ns == 0)
		return 0;
	deadline = deadline_after(ns);
	error = sleep_until(l, deadline);
	if (error == 0 || urmt == NULL)
		return error;
	rmt = ns_to_timespec(MAX(deadline - uptime_ns(), 0));
	copyerror = copyout(&rmt, urmt, sizeof(rmt));
	return copyerror != 0 ? copyerror : error;
}

int
sys_nanosleep(
    struct lwp *l, const struct sys_nanosleep_args *uap, register_t *retval)
{
	struct rump_timespec rqt;
	int error;

	error = copyin(uap->rqtp, &rqt, sizeof(rqt));
	return error != 0 ? error : sleep_for(l, &rqt, uap->rmtp);
}

/* Sleep until the clock shows rqt. */
static int
sleep_to(struct lwp *l, int id, const struct rump_timespec *rqt)
{
	struct rump_timespec now;
	int64_t then_ns, now_ns;

	if (!timespec_to_ns(rqt, &then_ns))
		return EINVAL;
	(void)clock_read(id, &now);
	(void)timespec_to_ns(&now, &now_ns);
	if (then_ns <= now_ns)
		return 0;
	return sleep_until(l, deadline_after(then_ns - now_ns));
}

int
sys_clock_nanosleep(struct lwp *l, const struct sys_clock_nanosleep_args *uap,
    register_t *retval)
{
	struct rump_timespec rqt;
	int error;

	/* The error is the result of this call. */
	error = clock_read(uap->clock_id, &rqt);
	if (error == 0 && (uap->flags & ~TIMER_ABSTIME) != 0)
		error = EINVAL;
	if (error == 0)
		error = copyin(uap->rqtp, &rqt, sizeof(rqt));
	if (error == 0)
		error = (uap->flags & TIMER_ABSTIME) != 0
			    ? sleep_to(l, uap->clock_id, &rqt)
			    : sleep_for(l, &rqt, uap->rmtp);
	*retval = error;
	return 0;
}
