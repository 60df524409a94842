/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes that we make ourselves to a file or a directory, and how they are
 * told from those of others.
 *
 * The reply to a call that changes something says how the file was just before
 * (size and times).  If that is how we know it, nobody else has changed it, and
 * what is cached of its contents stays good; the caller adapts what he has
 * changed himself.  Otherwise n_change moves on, which makes everybody forget.
 *
 * Calls that are in flight together see each other's work: their states count
 * as ours, too, in whatever order the replies come.  What a server shows that
 * does not order calls is nobody's then.  In a directory it counts as a change
 * by others; in a file that several WRITEs of ours are on their way to it does
 * not, for else streams would lose their pages, and what others do meanwhile is
 * seen, as close-to-open promises, by the next open.
 */
#ifndef NFS_CHANGE_H
#define NFS_CHANGE_H

#include "nfs/proto.h"

struct nfsnode;

#define NFSCHANGE_STATES 8

/* All under n_lock. */
struct nfschanges {
	unsigned cs_running; /* calls in flight */
	uint64_t cs_count;   /* beginnings and ends so far; never 0 */
	int64_t cs_ended_ns; /* when the last one ended */
	int64_t cs_blind_ns; /* ... that did not tell of attributes */
	/* While calls are in flight: */
	struct nfs3_wcc_attr cs_ours[NFSCHANGE_STATES];
	unsigned cs_nours, cs_next;
	struct nfs3_wcc_attr cs_strange[NFSCHANGE_STATES];
	unsigned cs_nstrange;
	bool cs_foreign;
	bool cs_parallel; /* there was more than one at a time */
};

/* A call that changes np. */
struct nfschange {
	struct nfsnode *c_node;
	uint64_t c_count; /* 0: others were in flight already */
	int64_t c_asked_ns;
};

void nfschange_begin(struct nfschange *c, struct nfsnode *np);
/*
 * Has no other call of ours changed the node since c began?  Then the order of
 * things is known, and names can be entered into caches.
 */
bool nfschange_alone(const struct nfschange *c);
/* The call is over; wcc: what its reply said of the node, NULL: nothing. */
void nfschange_end(struct nfschange *c, const struct nfs3_wcc *wcc);

/*
 * What is learned by a call that only looks is good for a cache if nothing has
 * changed from before it until after it was entered there.
 */
struct nfsview {
	uint64_t v_count; /* 0: good for nothing */
	uint64_t v_change;
};
struct nfsview nfschange_view(struct nfsnode *np);
bool nfschange_unseen(struct nfsnode *np, const struct nfsview *view);

/* For node.c, under n_lock: attributes have been seen. */
void nfschange_see(struct nfsnode *np, const struct nfs3_attr *attr);

#endif /* !NFS_CHANGE_H */
