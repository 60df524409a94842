/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small mbufs and clusters come from kmem's size classes, which are cached per
 * thread; there is no pool of their own.  A cluster is external storage whose
 * free routine is kmem's.
 */
#include "net/mbuf.h"

#include "kern/libkern.h"
#include "kern/uio.h"

static void
cluster_free(void *buf, size_t size, void *arg)
{
	kmem_free(buf, size);
}

struct mbuf *
m_get(enum kmem_flag how)
{
	struct mbuf *m;

	m = kmem_alloc(MBUF_SIZE, how);
	if (m == NULL)
		return NULL;
	m->m_next = NULL;
	m->m_nextpkt = NULL;
	m->m_data = m->m_dat;
	m->m_len = 0;
	m->m_ext = NULL;
	return m;
}

struct mbuf *
m_getext(
    void *buf, size_t size, m_extfree_t *func, void *arg, enum kmem_flag how)
{
	struct mbuf_ext *ext;
	struct mbuf *m;

	m = m_get(how);
	if (m == NULL)
		return NULL;
	ext = kmem_alloc(sizeof(*ext), how);
	if (ext == NULL)
		goto fail_free;
	atomic_init(&ext->ext_refcnt, 1);
	ext->ext_buf = buf;
	ext->ext_size = size;
	ext->ext_free = func;
	ext->ext_arg = arg;
	m->m_ext = ext;
	m->m_data = buf;
	m->m_len = size;
	return m;

fail_free:
	m_free(m);
	return NULL;
}

struct mbuf *
m_getcl(enum kmem_flag how)
{
	struct mbuf *m;
	void *buf;

	buf = kmem_alloc(MBUF_CLUSTER, how);
	if (buf == NULL)
		return NULL;
	m = m_getext(buf, MBUF_CLUSTER, cluster_free, NULL, how);
	if (m == NULL) {
		kmem_free(buf, MBUF_CLUSTER);
		return NULL;
	}
	m->m_len = 0;
	return m;
}

static void
ext_unref(struct mbuf_ext *ext)
{
	if (atomic_fetch_sub_explicit(
		&ext->ext_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	ext->ext_free(ext->ext_buf, ext->ext_size, ext->ext_arg);
	kmem_free(ext, sizeof(*ext));
}

struct mbuf *
m_free(struct mbuf *m)
{
	struct mbuf *next;

	next = m->m_next;
	if (m->m_ext != NULL)
		ext_unref(m->m_ext);
	kmem_free(m, MBUF_SIZE);
	return next;
}

void
m_freem(struct mbuf *m)
{
	while (m != NULL)
		m = m_free(m);
}

size_t
m_length(const struct mbuf *m)
{
	size_t len;

	for (len = 0; m != NULL; m = m->m_next)
		len += m->m_len;
	return len;
}

size_t
m_trailingspace(const struct mbuf *m)
{
	const struct mbuf_ext *ext;

	ext = m->m_ext;
	if (ext == NULL)
		return (size_t)((const char *)m + MBUF_SIZE - m->m_data) -
		       m->m_len;
	if (atomic_load_explicit(&ext->ext_refcnt, memory_order_acquire) != 1)
		return 0;
	return (size_t)(ext->ext_buf + ext->ext_size - m->m_data) - m->m_len;
}

void
m_adj(struct mbuf *m, size_t n)
{
	size_t cut;

	for (; n > 0; m = m->m_next) {
		KASSERT(m != NULL);
		cut = MIN(n, m->m_len);
		m->m_data += cut;
		m->m_len -= cut;
		n -= cut;
	}
}

void
m_copydata(const struct mbuf *m, size_t off, size_t len, void *buf)
{
	char *dst = buf;
	size_t n;

	for (; len > 0; m = m->m_next) {
		KASSERT(m != NULL);
		if (off >= m->m_len) {
			off -= m->m_len;
			continue;
		}
		n = MIN(len, m->m_len - off);
		memcpy(dst, m->m_data + off, n);
		dst += n;
		len -= n;
		off = 0;
	}
}

/* A copy of the first len (<= m_len) bytes of one mbuf. */
static struct mbuf *
copy_one(const struct mbuf *m, size_t len, enum kmem_flag how)
{
	struct mbuf *n;

	n = m_get(how);
	if (n == NULL)
		return NULL;
	n->m_len = len;
	if (m->m_ext == NULL) {
		memcpy(n->m_data, m->m_data, len);
		return n;
	}
	atomic_fetch_add_explicit(
	    &m->m_ext->ext_refcnt, 1, memory_order_relaxed);
	n->m_ext = m->m_ext;
	n->m_data = m->m_data;
	return n;
}

struct mbuf *
m_copym(const struct mbuf *m, size_t len, enum kmem_flag how)
{
	struct mbuf *first, **tail;
	size_t n;

	first = NULL;
	tail = &first;
	for (; len > 0; m = m->m_next) {
		KASSERT(m != NULL);
		n = MIN(len, m->m_len);
		*tail = copy_one(m, n, how);
		if (*tail == NULL) {
			m_freem(first);
			return NULL;
		}
		tail = &(*tail)->m_next;
		len -= n;
	}
	return first;
}

int
m_fromuio(struct uio *uio, size_t n, struct mbuf **mp)
{
	struct mbuf *first, **tail, *m;
	size_t len;
	int error;

	first = NULL;
	tail = &first;
	while (n > 0) {
		m = n > MBUF_LEN ? m_getcl(KM_SLEEP) : m_get(KM_SLEEP);
		*tail = m;
		tail = &m->m_next;
		len = MIN(n, m_trailingspace(m));
		error = uiomove(m->m_data, len, uio);
		if (error != 0) {
			m_freem(first);
			return error;
		}
		m->m_len = len;
		n -= len;
	}
	*mp = first;
	return 0;
}

int
m_touio(struct mbuf *m, struct uio *uio)
{
	size_t before, moved;
	int error;

	for (; m != NULL; m = m->m_next) {
		if (m->m_len == 0)
			continue;
		before = uio->uio_resid;
		error = uiomove(m->m_data, m->m_len, uio);
		moved = before - uio->uio_resid;
		m->m_data += moved;
		m->m_len -= moved;
		if (error != 0)
			return error;
	}
	return 0;
}
