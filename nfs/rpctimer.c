/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP delivers by itself: a time-out there only guards against a server that
 * has lost a call, and grows linearly from what the mount says.
 *
 * Over datagrams the time-out is the mean round trip of the procedure plus four
 * mean deviations (RFC 6298's estimator), because reading attributes is quick
 * where committing is not; it doubles with each loss.  Only calls that were sent
 * once are measured, since the reply does not say which sending it answers.
 * The number of calls in flight grows by one per round of replies and is halved
 * by a loss, as a burst of large replies overflows the socket's buffer.
 */
#include "nfs/rpctimer.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

#define SECOND INT64_C(1000000000)
#define LINEAR_MAX (600 * SECOND)
#define DOUBLING_MAX (60 * SECOND)
#define DATAGRAM_MIN (SECOND / 10)
#define WINDOW_FIRST (4 * RPCTIMER_UNIT)
#define WINDOW_MIN (2 * RPCTIMER_UNIT)
#define WINDOW_MAX (16 * RPCTIMER_UNIT)

void
rpctimer_init(struct rpctimer *tm, bool udp, int64_t timeo_ns)
{
	*tm = (struct rpctimer){
		.tm_udp = udp,
		.tm_timeo_ns = timeo_ns,
		.tm_window = WINDOW_FIRST,
	};
}

/* The first time-out over datagrams. */
static int64_t
estimated(const struct rpctimer *tm, uint32_t proc)
{
	const struct rpctimer_estimate *es =
	    &tm->tm_estimate[proc % RPCTIMER_PROCS];
	int64_t ns = es->es_mean_ns + 4 * es->es_deviation_ns;

	if (es->es_mean_ns == 0)
		return tm->tm_timeo_ns;
	return MIN(MAX(ns, DATAGRAM_MIN), tm->tm_timeo_ns);
}

int64_t
rpctimer_timeout(const struct rpctimer *tm, uint32_t proc, unsigned timeouts)
{
	int64_t ns;

	if (!tm->tm_udp) {
		/* No overflow: a mount's time-out is ten minutes at most. */
		ns = tm->tm_timeo_ns * (int64_t)(MIN(timeouts, 10000u) + 1);
		return MIN(ns, MAX(LINEAR_MAX, tm->tm_timeo_ns));
	}
	ns = estimated(tm, proc);
	for (; timeouts > 0 && ns < DOUBLING_MAX; timeouts--)
		ns *= 2;
	return MIN(ns, MAX(DOUBLING_MAX, tm->tm_timeo_ns));
}

void
rpctimer_answered(struct rpctimer *tm, uint32_t proc, int64_t rtt_ns)
{
	struct rpctimer_estimate *es = &tm->tm_estimate[proc % RPCTIMER_PROCS];
	int64_t off;

	if (!tm->tm_udp)
		return;
	rtt_ns = MAX(rtt_ns, INT64_C(1));
	if (es->es_mean_ns == 0) {
		es->es_mean_ns = rtt_ns;
		es->es_deviation_ns = rtt_ns / 2;
	} else {
		off = rtt_ns - es->es_mean_ns;
		es->es_mean_ns = MAX(es->es_mean_ns + off / 8, INT64_C(1));
		off = off < 0 ? -off : off;
		es->es_deviation_ns += (off - es->es_deviation_ns) / 4;
	}
	tm->tm_window += RPCTIMER_UNIT * RPCTIMER_UNIT / tm->tm_window;
	tm->tm_window = MIN(tm->tm_window, (unsigned)WINDOW_MAX);
}

void
rpctimer_lost(struct rpctimer *tm)
{
	tm->tm_window = MAX(tm->tm_window / 2, (unsigned)WINDOW_MIN);
}

bool
rpctimer_open(const struct rpctimer *tm)
{
	return !tm->tm_udp || tm->tm_inflight * RPCTIMER_UNIT < tm->tm_window;
}
