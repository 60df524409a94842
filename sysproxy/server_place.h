/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a worker runs: beside its client, on the same processor, or apart from
 * it, on another one, so that both spin.
 */
#ifndef SYSPROXY_SERVER_PLACE_H
#define SYSPROXY_SERVER_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define PLACE_LOOK 64   /* calls between two looks */
#define PLACE_PROMPT 60 /* so many of them prompt: spinning would pay */
#define PLACE_SURE 2    /* looks that agree before a worker moves away */

struct worker;

struct place {
	int pl_cpu;          /* beside a client on this one; -1: nowhere */
	int pl_away;         /* apart from a client on this one; -1: nowhere */
	uint32_t pl_seen;    /* the client's at the last call */
	uint64_t pl_replied; /* when, in cycles */
	uint32_t pl_calls;   /* since the last look */
	uint32_t pl_prompt;  /* ... that came while it was worth waiting */
	uint32_t pl_sure;    /* looks in a row that found room */
	bool pl_spare;       /* a processor is to spare for spinning */
};

void place_init(struct place *pl);
/* A request has come; a reply has gone to a client on this processor. */
void place_requested(struct place *pl);
void place_replied(struct worker *w, uint32_t cpu);
/* Spinning is of no use. */
void place_tired(struct place *pl);

/*
 * Decide anew after PLACE_LOOK calls, when a reply has gone.  running: threads
 * that want a processor of ncpus now, the caller and its client among them;
 * negative: not known.
 */
void place_look(struct place *pl, long running, unsigned ncpus);

/* Cycles of the time stamp counter that may be spun away: about 50 us. */
#define PLACE_CYCLES 131072u

#endif /* !SYSPROXY_SERVER_PLACE_H */
