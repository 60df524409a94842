/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network buffers, after mbuf(9).  A record is a chain linked by m_next; a
 * queue of records is linked by m_nextpkt.  Data stand in the mbuf itself, in
 * a cluster, or in storage of somebody else that is given back by a free
 * routine.  Clusters and external storage are shared between copies and are
 * read-only while shared.  A chain has one owner; mbufs are not locked.
 */
#ifndef NET_MBUF_H
#define NET_MBUF_H

#include <stdatomic.h>

#include "kern/kmem.h"
#include "kern/types.h"

struct uio;

#define MBUF_SIZE 256     /* a small mbuf with its header */
#define MBUF_CLUSTER 2048 /* a cluster */

typedef void m_extfree_t(void *buf, size_t size, void *arg);

struct mbuf_ext {
	_Atomic uint32_t ext_refcnt;
	char *ext_buf;         /* i */
	size_t ext_size;       /* i */
	m_extfree_t *ext_free; /* i: runs in the thread of the last m_free() */
	void *ext_arg;         /* i */
};

struct mbuf {
	struct mbuf *m_next;
	struct mbuf *m_nextpkt;
	char *m_data;
	size_t m_len;
	struct mbuf_ext *m_ext; /* NULL: data are in m_dat */
	char m_dat[];
};
#define MBUF_LEN (MBUF_SIZE - sizeof(struct mbuf))

/* An empty mbuf; NULL only with KM_NOSLEEP. */
struct mbuf *m_get(enum kmem_flag how);
/* The same with room for MBUF_CLUSTER. */
struct mbuf *m_getcl(enum kmem_flag how);
/*
 * An mbuf of size bytes that stand in buf, which belongs to the mbuf and its
 * copies until func(buf, size, arg).  NULL only with KM_NOSLEEP; then buf stays
 * the caller's.
 */
struct mbuf *m_getext(
    void *buf, size_t size, m_extfree_t *func, void *arg, enum kmem_flag how);
/* Free one mbuf; returns its m_next. */
struct mbuf *m_free(struct mbuf *m);
/* Free a record.  m may be NULL. */
void m_freem(struct mbuf *m);

/* Bytes in a record. */
size_t m_length(const struct mbuf *m);
/* Room behind the data of one mbuf; 0 when its storage is shared. */
size_t m_trailingspace(const struct mbuf *m);
/* Cut n bytes (n <= length) from the front; keeps the mbufs, maybe empty. */
void m_adj(struct mbuf *m, size_t n);
/* Copy [off, off + len) (within the record) to buf. */
void m_copydata(const struct mbuf *m, size_t off, size_t len, void *buf);
/* A copy of the first len bytes that shares clusters and external storage. */
struct mbuf *m_copym(const struct mbuf *m, size_t len, enum kmem_flag how);
/*
 * A new record with n (0 < n <= uio_resid) bytes that are taken from uio; small
 * mbufs or clusters as the length asks for.  0 or EFAULT.  May sleep.
 */
int m_fromuio(struct uio *uio, size_t n, struct mbuf **mp);
/* Move the data of a record to uio; leaves in the record what a fault kept from
 * moving.  0 or EFAULT. */
int m_touio(struct mbuf *m, struct uio *uio);

#endif /* !NET_MBUF_H */
