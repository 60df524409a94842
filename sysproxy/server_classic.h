/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients that speak the genuine protocol, docs/PROTOCOL.md.
 *
 * The loop receives frames.  A system call is carried out by a worker; while it
 * copies, the worker sends requests of its own and sleeps until the loop has the
 * answer.  All that is sent goes through one queue: what the socket does not take
 * at once is sent by the loop later.  A worker whose client reads too slowly
 * waits; the loop never does, and ends a connection that makes it queue too much.
 */
#ifndef SYSPROXY_SERVER_CLASSIC_H
#define SYSPROXY_SERVER_CLASSIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sysproxy/server.h"
#include "sysproxy/wire.h"

struct iovec;
struct worker;

/* Bytes to be sent. */
struct outgoing {
	struct outgoing *og_next;
	size_t og_len, og_sent;
	char og_data[];
};

/* A request of a worker's, on its stack, until it has been answered. */
struct asked {
	struct asked *as_next;
	uint64_t as_reqno;
	enum wire_type as_type;
	size_t as_max; /* the answer may be so long */
	void *as_data; /* the answer, from malloc(3) */
	size_t as_len;
	bool as_done;
};

struct classic {
	struct client *cl_client;    /* i */
	struct peer cl_peer;         /* i: whom the connection is from */
	bool cl_local;               /* i: AF_UNIX, and cl_peer is known */
	struct rump_idmap *cl_idmap; /* i: of its user namespace, or NULL */
	enum wire_state cl_state;    /* l: the loop's */
	struct wire_rx cl_rx;        /* l */
	void *cl_payload;     /* l: of the frame that is being received */
	uint64_t cl_execno;   /* l, then settle's: request of the exec */
	char cl_execname[32]; /* as cl_execno */
	_Atomic bool cl_execing;

	pthread_mutex_t cl_lock; /* all below */
	pthread_cond_t cl_changed;
	struct outgoing *cl_out, **cl_outtail;
	size_t cl_queued; /* bytes in cl_out */
	bool cl_broken;   /* nothing can be sent any more */
	bool cl_ending;   /* workers are not wanted any more */
	uint64_t cl_next; /* number of our next request */
	struct asked *cl_asked;
	struct worker *cl_workers; /* by w_peer */
	unsigned cl_nworkers;
	struct call *cl_calls, **cl_callstail; /* waiting for a worker */
	unsigned cl_ncalls;
};

/* --- server_classic.c ---------------------------------------------------- */

/* Begin with a connection that has been accepted; the banner is sent.  NULL: it
 * cannot be, and fd is still the caller's. */
struct client *classic_begin(int fd, bool local, const struct peer *peer);
/* What settling does with such clients; resume: all goes on, under c_lock. */
void classic_settle_exec(struct client *c);
void classic_resume(struct client *c);
void classic_destroy(struct classic *cl);
/* The workers of c leave (end) or at least the kernel; under c_lock. */
void classic_stop(struct client *c, bool end);

/* --- server_fork.c ------------------------------------------------------- */

/* PREFORK, on a worker bound to the parent's process. */
void prefork_make(struct client *parent, uint64_t reqno);
/* Handshake FORK of c: 0 and a process, or the code that is the answer. */
enum wire_errcode prefork_take(struct client *c, const struct wire_fork *wf);

/* --- server_ask.c -------------------------------------------------------- */

/*
 * Copying for the call that w is carrying out; 0 or EFAULT.  string: *len is the
 * most, and then what came.  anonmmap: or ENOMEM.
 */
int classic_copyin(struct worker *w, uint64_t from, void *to, size_t len);
int classic_copyinstr(struct worker *w, uint64_t from, char *to, size_t *len);
int classic_copyout(
    struct worker *w, const void *from, uint64_t to, size_t len);
int classic_anonmmap(struct worker *w, size_t len, void **addr);
int classic_raise(struct client *c, int sig);

/* From the loop: an answer begins (a place for it, or NULL: nobody wants it),
 * and is complete; data, from malloc(3), is taken over. */
void *ask_place(struct classic *cl, const struct wire_hdr *h, size_t len);
void ask_answered(
    struct classic *cl, const struct wire_hdr *h, void *data, size_t len);

/* --- server_out.c -------------------------------------------------------- */

/*
 * Send a frame of which the first len bytes are at f, with datalen more.  A
 * worker w waits for room; the loop (NULL) does not.  False: the connection is
 * broken, or has to be ended.
 */
bool out_send(struct classic *cl, struct worker *w, const struct wire_frame *f,
    size_t len, const void *data, size_t datalen);
/* From the loop: the socket takes more. */
void out_drain(struct classic *cl);
void out_destroy(struct classic *cl);

#endif /* !SYSPROXY_SERVER_CLASSIC_H */
