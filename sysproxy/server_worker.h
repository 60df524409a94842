/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The server's threads.  A worker sleeps until it is given something to do,
 * does it, and sleeps again; who has been idle while many others were ends.  All
 * signals are blocked in it but the one that ends sleeps.
 */
#ifndef SYSPROXY_SERVER_WORKER_H
#define SYSPROXY_SERVER_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sysproxy/fast.h"
#include "sysproxy/server_place.h"

struct client;

struct worker;
typedef void worker_func(struct worker *w, void *arg);

/* Something to do, in a queue. */
struct job {
	struct job *j_next;
	worker_func *j_func;
	void *j_arg;
};
/* At the end of no queue; to be freed. */
struct job *job_create(worker_func *func, void *arg);

struct worker {
	struct worker *w_next; /* pool_lock: idle, or without a thread */
	bool w_threadless;   /* by who has got it: no thread will come for it */
	_Atomic bool w_runs; /* w_thread is set */
	pthread_t w_thread;
	_Atomic uint32_t w_go; /* a futex: w_func and w_arg are set */
	worker_func *w_func;   /* by who has got it */
	void *w_arg;

	/* While it serves a client. */
	struct client *w_client;
	unsigned w_slot;
	struct fast_slot *w_sl;
	_Atomic uint32_t w_stop; /* set by anybody: leave the client */
	/* Sequence number of the call that is under way, with bit 32 set, and of
	 * the one that is to be interrupted. */
	_Atomic uint64_t w_current, w_interrupt;
	uint64_t w_reqno;      /* ... of a classic client */
	struct worker *w_peer; /* cl_lock: works for the same classic client */
	bool w_escape;         /* as the kernel has it for this thread */
	uint32_t w_cred;       /* sl_cred of the credentials it has */

	struct place w_place; /* where this thread runs */
	bool w_apart;         /* ... not where the client does */
	unsigned w_skip;      /* sleeps without spinning first */
	unsigned w_left;      /* ... of which so many are to come */

	/* The call under way: a copy of what the client has said. */
	uint32_t w_nin, w_inlen;
	struct fast_range w_in[FAST_RANGES];
	/* ... and what it will find in its data area. */
	uint32_t w_nout, w_outlen; /* the area is used up to w_outlen */
	struct fast_range w_out[FAST_RANGES];
};

/* An idle or new worker, which the caller alone knows.  Where the host has no more
 * threads it has none yet. */
struct worker *worker_get(void);
/* Let w, just got, run func(w, arg). */
void worker_start(struct worker *w, worker_func *func, void *arg);
/* A function that does nothing: the worker goes back. */
void worker_idle(struct worker *w, void *arg);
/* Have func(w, arg) run by some worker. */
void worker_submit(worker_func *func, void *arg);
/* For the loop: false if no worker waits for a thread; else it has been tried again
 * to make one, which may have to be repeated. */
bool workers_retry(void);
/* Get w out of a sleep; what for has been written before. */
void worker_kick(struct worker *w);
/* The worker that the calling thread is, or NULL. */
struct worker *worker_self(void);

/* The calling thread works for c's process; false: that is ending. */
bool worker_bind_lwp(const struct client *c);
void worker_unbind_lwp(void);

/* Once, before the first.  0 or a NetBSD errno. */
int workers_init(void);

#endif /* !SYSPROXY_SERVER_WORKER_H */
