/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a classic connection, between the files remote_classic*.c.
 *
 * Fields are protected by l: cl_lock; r: cl_rxgate; i: set once.  The gates are
 * entered in the order cl_rxgate, cl_sendgate; cl_lock is the last.
 */
#ifndef PRELOAD_CLASSIC_LINK_H
#define PRELOAD_CLASSIC_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/lock.h"
#include "preload/remote_link.h"
#include "sysproxy/wire.h"

struct pollfd;

#define CLASSIC_BUFFER 65536

enum request_state {
	REQUEST_WAITING,
	REQUEST_ANSWERED,
	REQUEST_LOST,
};

/* On its thread's kernel stack, which no handler of the program's leaves. */
struct request {
	struct request *rq_next; /* l */
	uint64_t rq_number;      /* i */
	enum wire_type rq_type;  /* i */
	bool rq_patient;         /* i: nothing ends it early */
	bool rq_bounded; /* i: of a server that says nothing it is lost */
	/* i: descriptors of the host that are waited for along with it; [0] is
	 * for the connection, rq_nwatched counts it. */
	struct pollfd *rq_watched;
	unsigned rq_nwatched;
	int rq_event; /* i: an eventfd for waking, if watched; -1 none */

	enum request_state rq_state; /* l */
	bool rq_asleep;              /* l */
	bool rq_ended; /* l: an exec has been said while it was under way */
	bool rq_fault; /* l: it has named memory that is bad */
	bool rq_seen;  /* a watched descriptor is ready */
	bool rq_late;  /* nothing has come in time */
	_Atomic uint32_t rq_woken; /* a futex */
	struct wire_hdr rq_answer;
	size_t rq_len;
	unsigned char rq_payload[sizeof(struct wire_sysret)];
};

struct classic {
	_Atomic uint32_t cl_users; /* calls under way; a futex */
	struct remote_gate cl_rxgate;
	struct remote_gate cl_sendgate; /* whole frames are sent */
	struct lock cl_lock;
	bool cl_ours;         /* i */
	_Atomic bool cl_dead; /* l */
	bool cl_held;         /* l: no exec is said */
	bool cl_stale;        /* what the server asks for is the old image's */
	_Atomic enum wire_state cl_state; /* l to change */
	uint64_t cl_number;               /* l: the last one given */
	struct request *cl_requests;      /* l: those that wait */
	struct request *cl_receiver;      /* l */
	_Atomic uint32_t cl_changed;      /* a futex: cl_state, cl_dead */
	struct wire_rx cl_rx;             /* r */
	unsigned char *cl_large;          /* r: payload of a large frame */
	unsigned char cl_small[WIRE_SMALL_MAX]; /* r: that of others */
	unsigned char cl_in[CLASSIC_BUFFER];    /* r */
	unsigned char cl_out[CLASSIC_BUFFER];   /* r */
};

/* --- remote_classic_link.c --------------------------------------------- */

/*
 * Send a request whose frame is f, with datalen more bytes at data, and wait for
 * the answer in rq.  0, RUMP_ERESTART (nothing was sent), RUMP_ENOTCONN.
 */
int classic_request(struct remote *rm, struct request *rq, struct wire_frame *f,
    size_t len, const void *data, size_t datalen);
/* Send an answer.  RUMP_ENOTCONN. */
int classic_answer(struct remote *rm, const struct wire_frame *f, size_t len,
    const void *data, size_t datalen);

/* Of the receiver: an answer has come, RUMP_ENOTCONN: it makes no sense. */
int classic_deliver(
    struct classic *cl, const struct wire_hdr *h, const void *data, size_t len);
/* The only system call that waits, if there is one, gets EFAULT. */
void classic_blame(struct classic *cl);
/* Does nobody else wait? */
bool classic_is_alone(struct classic *cl);
/* No request is answered any more. */
void classic_die(struct remote *rm);

/* --- remote_classic_call.c --------------------------------------------- */

/* The call has to be made again; no errno. */
#define CLASSIC_AGAIN (-1000)

/*
 * Before and after classic_syscall().  0, RUMP_ERESTART, RUMP_ENOTCONN; error is
 * what came of the call.
 */
int classic_enter(struct remote *rm, bool patient);
void classic_leave(struct remote *rm, int error);
/* One system call, whose rq says how it waits.  As remote_call(), or
 * CLASSIC_AGAIN; RUMP_EINTR where what it watches has ended it. */
int classic_syscall(struct remote *rm, struct request *rq, int num,
    const int64_t *args, size_t n, int64_t *retval);

/* --- remote_classic_receive.c ------------------------------------------ */

/* Take what has come, not beyond the frame that has begun if exact.
 * RUMP_ENOTCONN: the end.  With cl_rxgate. */
int classic_receive(struct remote *rm, bool exact);

/* --- remote_classic_serve.c -------------------------------------------- */

/* Carry out a request of the server's; with cl_rxgate.  RUMP_ENOTCONN. */
int classic_serve(struct remote *rm, const void *data, size_t len);
/* Memory of ours. */
void *classic_map(size_t size);
void classic_unmap(void *mem, size_t size);

#endif /* !PRELOAD_CLASSIC_LINK_H */
