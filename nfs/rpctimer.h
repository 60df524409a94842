/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long to wait for replies, and, over datagrams, how many calls to have in
 * flight.  Arithmetic only; the connection's lock protects it.
 */
#ifndef NFS_RPCTIMER_H
#define NFS_RPCTIMER_H

#include "kern/types.h"

#define RPCTIMER_PROCS 32 /* procedures that are told apart */

struct rpctimer_estimate {
	int64_t es_mean_ns; /* 0: nothing is known yet */
	int64_t es_deviation_ns;
};

struct rpctimer {
	bool tm_udp;
	int64_t tm_timeo_ns;
	struct rpctimer_estimate tm_estimate[RPCTIMER_PROCS];
	unsigned tm_window;   /* calls in flight * RPCTIMER_UNIT */
	unsigned tm_inflight; /* calls */
};
#define RPCTIMER_UNIT 256

void rpctimer_init(struct rpctimer *tm, bool udp, int64_t timeo_ns);
/* The time for a reply to proc, after so many time-outs of the call. */
int64_t rpctimer_timeout(
    const struct rpctimer *tm, uint32_t proc, unsigned timeouts);
/* A call that was sent once was answered after rtt_ns. */
void rpctimer_answered(struct rpctimer *tm, uint32_t proc, int64_t rtt_ns);
/* A call was not answered in time. */
void rpctimer_lost(struct rpctimer *tm);
/* May one more call be sent? */
bool rpctimer_open(const struct rpctimer *tm);

#endif /* !NFS_RPCTIMER_H */
