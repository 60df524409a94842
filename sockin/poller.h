/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readiness that no thread is waiting for in the host: one worker watches all
 * sockets for which a poll is in progress and wakes the polls.
 */
#ifndef SOCKIN_POLLER_H
#define SOCKIN_POLLER_H

#include "kern/types.h"

struct socket;

#define POLLEE_NOSLOT UINT32_MAX

/* A socket's place in the poller; embedded in its protocol control block. */
struct sockin_pollee {
	struct socket *pe_so; /* i */
	int pe_hostfd;        /* i */
	uint32_t pe_slot;     /* p: poller_lock; POLLEE_NOSLOT: not known */
	int pe_armed;         /* p: events watched for */
};

/* Once, when the component starts. */
void sockin_poller_init(void);
void sockin_pollee_init(
    struct sockin_pollee *pe, struct socket *so, int hostfd);
/*
 * Wake the polls recorded in the socket's selinfos when one of events (or an
 * error or hang-up) is there, at once if it is there already.  0, EMFILE,
 * ENOMEM, EAGAIN.  May sleep.
 */
int sockin_poller_arm(struct sockin_pollee *pe, int events);
/* Forget the socket.  No wake-up runs afterwards. */
void sockin_poller_remove(struct sockin_pollee *pe);

#endif /* !SOCKIN_POLLER_H */
