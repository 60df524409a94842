/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link: one connection to a server, used by any number of threads at a time.
 * client_link.c has the theory.  All functions but the first two are called
 * with the signals of client_signals_block() blocked.
 */
#ifndef SYSPROXY_CLIENT_LINK_H
#define SYSPROXY_CLIENT_LINK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sysproxy/wire.h"

struct link;

/* A request with its answer. */
struct call {
	struct wire_frame
	    ca_frame; /* by wire_put_*(); the number is filled in */
	size_t ca_framelen;
	const void *ca_data; /* behind it */
	size_t ca_datalen;
	struct wire_hdr ca_answer; /* of class WIRE_RESP or WIRE_ERROR */
	unsigned char ca_payload[sizeof(struct wire_sysret)];
	size_t ca_len;
	bool ca_fault; /* memory that only this call can have named is bad */
};

/*
 * A link over a connected socket fd in the given state, which is made
 * non-blocking.  ours: the server is one of ours, see wire.h.  sigfd: a signalfd,
 * or -1: one is made.  Both descriptors are the link's, also on errors.
 * ENOMEM, or what the host says.
 */
int link_create(
    int fd, int sigfd, enum wire_state state, bool ours, struct link **lkp);
/*
 * This process has inherited lk by fork(2): its descriptors are closed, the
 * reference is dropped, and calls that the fork interrupted are lost.
 */
void link_orphan(struct link *lk);

void link_ref(struct link *lk);
/* The last one closes the connection. */
void link_unref(struct link *lk);
/* The same, but the descriptors are another process's. */
void link_unref_foreign(struct link *lk);

/*
 * Make a call and wait for its answer; mask is what the thread's signals are
 * while it waits.  ENOTCONN: the connection has ended, or ends with it; the
 * server may have carried the call out.
 */
int link_call(struct link *lk, struct call *ca, const sigset_t *mask);
bool link_is_dead(struct link *lk);
bool link_is_ours(const struct link *lk);

/*
 * Bring the stream to the border between two frames and keep it there, for the
 * program to be replaced; thaw goes on.  mask as for link_call().  ENOTCONN.
 */
int link_freeze(struct link *lk, const sigset_t *mask);
void link_thaw(struct link *lk);

/* The socket and the signalfd, to be read; and another number for one of
 * them. */
void link_descriptors(struct link *lk, int fds[2]);
int link_move(struct link *lk, int fd);

#endif /* !SYSPROXY_CLIENT_LINK_H */
