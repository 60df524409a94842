/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a link, for its parts: client_link.c (requests and waiting),
 * client_receive.c (what arrives), client_serve.c (what the server asks for).
 *
 * Fields are protected by l: lk_lock; r: the receiver's role; s: the sender's
 * role; i: set once.
 */
#ifndef SYSPROXY_CLIENT_LINKVAR_H
#define SYSPROXY_CLIENT_LINKVAR_H

#include "sysproxy/client_link.h"

#include <pthread.h>
#include <stdatomic.h>

#define LINK_BUFFER 65536
#define LINK_POOL 64

enum request_state {
	REQUEST_FREE,
	REQUEST_WAITING,
	REQUEST_ANSWERED,
	REQUEST_LOST,
};

/* Not on its thread's stack: a signal handler may jump away. */
struct request {
	struct request *rq_next; /* l */
	uint64_t rq_reqno;
	enum wire_type rq_type;
	enum request_state rq_state; /* l */
	bool rq_pooled;              /* i */
	bool rq_asleep;              /* l: waits for rq_wake */
	bool rq_fault;               /* l */
	_Atomic uint32_t rq_wake;    /* a futex */
	struct wire_hdr rq_answer;
	size_t rq_len;
	unsigned char rq_payload[sizeof(struct wire_sysret)];
};

struct link {
	pthread_mutex_t lk_lock;
	pthread_cond_t lk_changed; /* lk_sending, lk_processing, lk_frozen */
	_Atomic unsigned lk_refs;
	_Atomic int lk_fd;
	_Atomic int lk_sigfd;
	bool lk_ours;                     /* i */
	_Atomic enum wire_state lk_state; /* l to change */
	uint64_t lk_reqno;                /* l: the last one given */
	bool lk_dead;                     /* l */
	bool lk_receiving;                /* l: somebody is the receiver */
	bool lk_processing;               /* l: and reads from the socket */
	bool lk_sending;                  /* l: somebody is the sender */
	bool lk_frozen;                   /* l */
	pthread_t lk_freezer;             /* l */
	struct request *lk_requests;      /* l: those that wait */
	sigset_t lk_sigmask;              /* r: of lk_sigfd */
	struct wire_rx lk_rx;             /* r */
	unsigned char *lk_large;          /* r: payload of a large frame */
	const sigset_t *lk_mask; /* r: the receiver's own signal mask */
	struct request lk_pool[LINK_POOL];      /* l */
	unsigned char lk_small[WIRE_SMALL_MAX]; /* r: payload */
	unsigned char lk_buffer[LINK_BUFFER];   /* r */
};

/*
 * Read what is there and carry it out; exact: not beyond the frame that has
 * begun.  Called by the receiver without lk_lock.  0, or ENOTCONN: the end.
 */
int link_receive(struct link *lk, bool exact);

/* The receiver has a request of the server's with its payload. */
int link_serve(struct link *lk, const void *data, size_t len);

/* Send a frame in one piece; called by the sender-to-be without lk_lock.
 * ENOTCONN. */
int link_send(struct link *lk, const struct wire_frame *f, size_t framelen,
    const void *data, size_t datalen, const sigset_t *mask);

/* The only system call that waits, if there is one, gets EFAULT. */
void link_blame(struct link *lk);
/* Is the calling thread the only one that waits? */
bool link_is_alone(struct link *lk);

/* Answer h with len bytes at data has come: give it to its request. */
int link_deliver(
    struct link *lk, const struct wire_hdr *h, const void *data, size_t len);

#endif /* !SYSPROXY_CLIENT_LINKVAR_H */
