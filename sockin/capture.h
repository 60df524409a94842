/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs send and receive, as packets in a file (RUMPKIT_PCAP).
 *
 * A flow belongs to one socket of a program and is told what becomes of it;
 * flows are NULL when nothing is captured.  Nothing here changes the result of
 * a call, and a file that cannot be written any more ends the capture with a
 * line on the console.  Functions may sleep, and make host calls.
 */
#ifndef SOCKIN_CAPTURE_H
#define SOCKIN_CAPTURE_H

#include "kern/types.h"
#include "kern/uio.h"

struct capture_flow;
struct socket;

/* Open the file, if one is asked for; part of booting. */
void capture_init(void);

/* The flow of a new socket of the protocol (0: the type's), or NULL. */
struct capture_flow *capture_open(
    const struct socket *so, int hostfd, int protocol);
/* The socket is about to be closed. */
void capture_close(struct capture_flow *cf);

/* A connect to sa has returned error; or SO_ERROR has given it, then sa is
 * NULL. */
void capture_connect(
    struct capture_flow *cf, const struct rump_sockaddr *sa, int error);
/* The socket has come from accept. */
void capture_accept(struct capture_flow *cf);
void capture_shutdown(struct capture_flow *cf, int how);
/* A call has failed. */
void capture_error(struct capture_flow *cf, int error);

/*
 * Data have moved: the first len bytes of iov, of which iovcnt is enough, in
 * the memory that seg says.  peer: the address of this message, or NULL.
 */
struct capture_data {
	const struct rump_iovec *cd_iov;
	enum uio_seg cd_seg;
	size_t cd_len;
	const struct rump_sockaddr *cd_peer;
};
void capture_send(struct capture_flow *cf, const struct capture_data *cd);
void capture_receive(struct capture_flow *cf, const struct capture_data *cd);
/* len bytes of a stream were received and thrown away. */
void capture_discard(struct capture_flow *cf, size_t len);
/* The peer sends no more. */
void capture_eof(struct capture_flow *cf);

#endif /* !SOCKIN_CAPTURE_H */
