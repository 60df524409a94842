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
/* Waits in a row that are slept through after looks that were in vain. */
#define RPCSPIN_REST 255

struct rpcspin {
	unsigned rs_rest;    /* waits still to be slept through */
	unsigned rs_penalty; /* so many after the latest look in vain */
};

/* Is this wait to begin with a look? */
bool rpcspin_due(struct rpcspin *rs);
/* It was; something came meanwhile, or nothing did. */
void rpcspin_note(struct rpcspin *rs, bool came);

#endif /* !NFS_RPCSPIN_H */
