/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a thread that waits for a reply looks for it a while before it sleeps.
 * To fall asleep and to be woken takes longer than a server on this host, or on
 * a fast network, needs for an answer; where looking does not pay it is rarely
 * tried.  Arithmetic only; belongs to the receiver.
 */
#ifndef NFS_RPCSPIN_H
#define NFS_RPCSPIN_H

#include "kern/types.h"

/* How long to look: what a sleep costs, at most twice. */
#define RPCSPIN_NS INT64_C(100000)
/* A look that lasts that much longer than one step should shares its processor
 * with others. */
#define RPCSPIN_STOLEN INT64_C(50000)
/* Waits in a row that are slept through after looks that were in vain. */
#define RPCSPIN_REST 255

struct rpcspin {
	unsigned rs_rest;    /* waits still to be slept through */
	unsigned rs_penalty; /* so many after the latest look in vain */
};

/* Is this wait to begin with a look? */
bool rpcspin_due(struct rpcspin *rs);
/* How it ended. */
enum rpcspin_end {
	RPCSPIN_CAME,   /* what was waited for */
	RPCSPIN_VAIN,   /* with nothing */
	RPCSPIN_SHARED, /* others have a use for the processor */
};
void rpcspin_note(struct rpcspin *rs, enum rpcspin_end end);

#endif /* !NFS_RPCSPIN_H */
