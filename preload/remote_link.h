/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to a server: the control connection, and the slots of the area
 * as far as they are mapped.  Between the files remote*.c.
 */
#ifndef PRELOAD_REMOTE_LINK_H
#define PRELOAD_REMOTE_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "preload/config.h"
#include "sysproxy/fast.h"

enum remote_state {
	REMOTE_NEW,      /* nothing has been said */
	REMOTE_GREETING, /* HELLO is on its way */
	REMOTE_READY,    /* there is an area */
	REMOTE_DEAD,     /* the server, or the process there, is no more */
};

/* A lock whose holder may sleep. */
struct remote_gate {
	_Atomic uint32_t rg_word; /* 0 free, 1 held, 2 ... and waited for */
};

#define REMOTE_BORROWED_SLOTS 2 /* of a vfork child, which has one thread */

/* rm_door */
#define DOOR_NONE CONFIG_DOOR_NONE /* not yet */
#define DOOR_SHUT CONFIG_DOOR_SHUT /* this connection cannot open one */

struct remote {
	atomic_int rm_fd;   /* control connection, -1 none; rm_gate,
				     * once there are threads */
	atomic_int rm_door; /* DOOR_*, or the door of the tree; rm_gate */
	bool rm_elsewhere;  /* rm_fd is a vfork child's number; rm_gate */
	int rm_outer_fd;    /* i: rm_fd of rm_outer, in the child's table */
	_Atomic uint32_t rm_state;  /* enum remote_state; changes under rm_gate,
				    * but for DEAD */
	_Atomic uint32_t rm_epoch;  /* another server has taken over; rm_gate */
	struct remote_gate rm_gate; /* greeting; calls that answer a
				     * descriptor */
	struct remote *rm_outer;    /* i: of the process that made this one */
	bool rm_borrowed;           /* i: of a vfork child */
	bool rm_shares;             /* i: of one whose descriptors are others',
				     * too */
	struct classic *rm_classic; /* NULL: the fast transport; for ever, once
				     * it is there */
	_Atomic uint32_t rm_children; /* FAST_CHILD sent by this image; rm_gate
				       * for writing */

	uint64_t rm_nonce; /* rm_gate: of the HELLO that was said last */

	/* rm_gate; constant once READY */
	int rm_area;       /* descriptor of the area, -1: not needed any more */
	uint32_t rm_flags; /* FAST_BY_VM, FAST_SAMEUSER */
	uint32_t rm_nslots;
	struct fast_slot **rm_slots; /* NULL: not in use yet; the owner of the
				      * bit in rm_busy */
	struct fast_slot *rm_first;  /* if all are mapped together: where */
	_Atomic(struct fast_counts *) rm_counts; /* summary.c: NULL none */

	_Atomic uint64_t rm_busy[FAST_SLOTS / 64]; /* slots in use */
	_Atomic uint32_t rm_freed;                 /* futex: a slot was freed */
	_Atomic uint32_t rm_waiters;               /* for that */
};

/* The connection of the calling process. */
struct remote *remote_current(void);
/* ... and of the process whose memory this is. */
struct remote *remote_of_memory(void);

/* --- interruption ------------------------------------------------------ */

/* Not 0: a signal waits for the thread's way out of the kernel. */
extern __thread volatile uint32_t remote_interrupted
    __attribute__((tls_model("initial-exec")));

/* --- remote_control.c -------------------------------------------------- */

/* RUMP_ERESTART when interrupted, unless patient. */
int gate_enter(struct remote_gate *rg, bool patient);
void gate_exit(struct remote_gate *rg);

/* As gates go: RUMP_ERESTART when interrupted, unless patient. */
int remote_gate_enter(struct remote *rm, bool patient);
void remote_gate_exit(struct remote *rm);

/* Send a message with len bytes of payload, and with descriptor fd unless it is
 * -1.  0, or RUMP_ENOTCONN. */
int remote_send(struct remote *rm, const struct fast_message *fm,
    const void *payload, int fd);
/* fd becomes the connection of a child of this process, which shares its
 * descriptors or has copies.  With the gate held.  0,
 * RUMP_ENOTCONN, or RUMP_EAGAIN: the host has no room for it. */
int remote_send_child(struct remote *rm, int fd, uint32_t shares);
/* The descriptor that a call has answered.  With the gate held.  0 or
 * RUMP_ENOTCONN. */
int remote_receive_fd(struct remote *rm, int *fd);
/* The iov with descriptor fd.  The host's result. */
long remote_send_right(int to, const struct iovec *iov, int n, int fd);
/* HELLO, and what follows, if it has not been said.  0, RUMP_ENOTCONN,
 * RUMP_ENOMEM, what the server refuses with, RUMP_ERESTART (unless patient). */
int remote_greet(struct remote *rm, bool patient);
/* Has the other end gone? */
bool remote_hung_up(const struct remote *rm);
/* No call works any more.  why: a line for standard error. */
#define REMOTE_LOST "the server of the rump kernel has ended"
/* This process is about to end: nobody is to be told of the connection's. */
extern atomic_bool remote_ending;
void remote_die(struct remote *rm, const char *why);

/* --- remote.c ---------------------------------------------------------- */

/* A number that the host tells of a socket (SOL_SOCKET), or -1. */
int remote_socket_option(int fd, int option);

/* --- remote_door.c ----------------------------------------------------- */

/* Use the door that is descriptor fd (hidden), or DOOR_*.  False: it is none. */
bool remote_door_attach(struct remote *rm, int fd);
/* Is there a door?  It is opened if need be.  With the gate held. */
bool remote_door_open(struct remote *rm);
/* A connection for rm, which has none, by its door.  With the gate held.  0,
 * RUMP_ENOTCONN, RUMP_EAGAIN, RUMP_EMFILE ... */
int remote_door_enter(struct remote *rm);
/* A new connection: the first end is out of the program's way, the other one is for
 * the server.  0 or a Linux errno. */
int remote_pair(int fds[2]);

/* --- remote_slot.c ----------------------------------------------------- */

/*
 * A slot for a call of this thread; waits for one.  0 and *index and *sl,
 * RUMP_ERESTART, RUMP_ENOMEM, RUMP_ENOTCONN.
 */
int remote_slot_take(
    struct remote *rm, bool patient, uint32_t *index, struct fast_slot **sl);
void remote_slot_put(struct remote *rm, uint32_t index);
/* Keep it for the thread's next call, which finds there what this one left. */
void remote_slot_hold(struct remote *rm, uint32_t index);
/* The thread makes no other call. */
void remote_slot_release(void);
/* The area, a descriptor that is consumed.  With the gate held.  0 or
 * RUMP_ENOMEM. */
int remote_slots_begin(struct remote *rm, int area);
/* The connection has ended here, or is that of a parent in whose forked child we
 * are: what was mapped one by one is not there. */
void remote_slots_end(struct remote *rm);
/* The process goes on with another connection. */
void remote_slots_unmap(struct remote *rm);

/* --- remote_input.c ---------------------------------------------------- */

/* Put what the call is going to read into the slot. */
void remote_stage(const struct remote *rm, struct fast_slot *sl, int num,
    const int64_t *args);

/* --- remote_call.c ----------------------------------------------------- */

/*
 * A call of NetBSD's or FASTCALL_* with n arguments.  0 and retval (may be
 * NULL), a NetBSD errno, RUMP_ERESTART, RUMP_ENAMESPACE.
 */
int remote_call(
    struct remote *rm, int num, const int64_t *args, size_t n, int64_t *retval);
/* The same, without interruption. */
int remote_call_patient(
    struct remote *rm, int num, const int64_t *args, size_t n, int64_t *retval);
/* ... of one that answers a descriptor. */
int remote_call_fd(
    struct remote *rm, int num, const int64_t *args, size_t n, int *fd);

/* NetBSD signal number is raised: for this thread, if it is the one, or for the
 * process. */
void remote_raise(int64_t number, bool here);

/* --- remote_address.c -------------------------------------------------- */

/* Connect to the server at address.  False and one line in text. */
bool remote_connect(
    struct remote *rm, const char *address, char *text, size_t size);
/* Another connection to the classic server that rm is one to, which has greeted:
 * a descriptor, or -errno. */
long remote_connect_again(struct remote *rm);

/* --- remote_retry.c ---------------------------------------------------- */

/*
 * rm is dead: look for a new server, as RUMPHIJACK_RETRYCONNECT says.  With the
 * gate held; sleeps.  0: rm is new; RUMP_ENOTCONN, RUMP_ERESTART.
 */
int remote_retry(struct remote *rm);

/* --- remote_kernel.c --------------------------------------------------- */

/* Fill the table of kernel.h, and the engine's hooks. */
void remote_kernel_init(void);

#endif /* !PRELOAD_REMOTE_LINK_H */
