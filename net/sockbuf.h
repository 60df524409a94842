/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket buffers: queues of records, each a chain of mbufs.  A stream keeps one
 * record.  All functions want so_lock of the socket that the buffer is in.
 */
#ifndef NET_SOCKBUF_H
#define NET_SOCKBUF_H

#include "net/socketvar.h"

#define SB_DEFAULT 65536    /* sb_hiwat of a new socket */
#define SB_MAX (16UL << 20) /* what SO_SNDBUF and SO_RCVBUF may ask for */

void sb_init(struct sockbuf *sb);
/* Free what is queued; nobody may poll for the buffer any more. */
void sb_fini(struct sockbuf *sb);
/* Bytes that may still be queued. */
size_t sb_space(const struct sockbuf *sb);
/* Queue a chain (consumed) at the end of the stream. */
void sb_append_stream(struct sockbuf *sb, struct mbuf *m);
/* Queue a chain (consumed) as a record of its own. */
void sb_append_record(struct sockbuf *sb, struct mbuf *m);
/*
 * Unlink at most n bytes of the first record and return them; the first record
 * goes away when it is empty.  NULL when there is no record.  May allocate.
 */
struct mbuf *sb_take(struct sockbuf *sb, size_t n);
/* Put back what sb_take() returned, in front of the first record. */
void sb_untake(struct sockbuf *sb, struct mbuf *m);
/* Unlink and free the rest of the first record. */
void sb_droprecord(struct sockbuf *sb);
void sb_flush(struct sockbuf *sb);

/* Wake threads that wait for so in cv or poll; wants so_lock held. */
void sorwakeup(struct socket *so) REQUIRES(so->so_lock);
void sowwakeup(struct socket *so) REQUIRES(so->so_lock);
/* State changes that protocols report; want so_lock held. */
void soisconnected(struct socket *so) REQUIRES(so->so_lock);
void soisdisconnected(struct socket *so) REQUIRES(so->so_lock);
void socantrcvmore(struct socket *so) REQUIRES(so->so_lock);
void socantsendmore(struct socket *so) REQUIRES(so->so_lock);

/* The buffered halves of sosend(), soreceive(), sowait() and sopoll(). */
int sockbuf_send(
    struct socket *so, struct uio *uio, int flags, int64_t deadline_ns);
int sockbuf_receive(
    struct socket *so, struct uio *uio, int *flags, int64_t deadline_ns);
int sockbuf_wait(struct socket *so, int events, int64_t deadline_ns);
int sockbuf_poll(struct socket *so, int events, struct selector *sel);

#endif /* !NET_SOCKBUF_H */
