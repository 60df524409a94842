/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings of rump files into the host program.
 *
 * The first map of a file gives its cache a window of the memfd, with room to
 * grow; the window stays as long as the cache.  Blocks move into it when a map
 * needs them.  A map wires the blocks that it has filled, so that what the
 * program sees is never reclaimed; destroying the map unwires them.
 *
 * The mappings themselves are the host's, which is told through hooks when
 * pages have to be taken away from the program.
 */
#include "vfs/pcmap.h"

#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "vfs/mount.h"
#include "vfs/pcblock.h"
#include "vfs/pcfill.h"
#include "vfs/pcloose.h"
#include "vfs/vnfile.h"
#include "vfs/vnode.h"
#include "vfs/vop.h"

#define WINDOW_LEAST ((off_t)1 << 28)
#define MAP_LIMIT ((off_t)1 << 45)

struct pcmap {
	_Atomic uint32_t m_refcnt;
	_Atomic bool m_dirtied; /* the program has written through it */
	bool m_writable;        /* i: may be written to when shared */
	struct vnode *m_vp;     /* i: reference */
	struct pagecache *m_pc; /* i: reference */
	kauth_cred_t m_cred;    /* i: reference */
	uint64_t m_first;       /* i: first block */
	uint64_t m_nblocks;     /* i */
	uint8_t *m_wired;       /* pc_lock: bit map of blocks */
};

static const struct rump_maphooks *_Atomic hooks; /* set once */

void
rump_map_sethooks(const struct rump_maphooks *h)
{
	atomic_store(&hooks, h);
}

/* Are the programs in other processes? */
static bool
maps_are_apart(void)
{
	const struct rump_maphooks *h = atomic_load(&hooks);

	return h != NULL && h->rmh_apart;
}

static bool
is_mapped(struct pagecache *pc)
{
	bool mapped;

	mutex_enter(&pc->pc_lock);
	mapped = pc->pc_maps != 0;
	mutex_exit(&pc->pc_lock);
	return mapped;
}

void
pcmap_protect(struct pagecache *pc, off_t lo, off_t hi)
{
	const struct rump_maphooks *h = atomic_load(&hooks);

	if (h != NULL && is_mapped(pc))
		h->rmh_protect(pc, lo, hi);
}

bool
pcmap_alone(const struct pagecache *pc)
{
	const struct rump_maphooks *h = atomic_load(&hooks);

	return h == NULL || h->rmh_alone == NULL || h->rmh_alone(pc);
}

void
pcmap_cut(struct pagecache *pc, off_t size)
{
	const struct rump_maphooks *h = atomic_load(&hooks);

	if (h != NULL && is_mapped(pc))
		h->rmh_cut(pc, size);
}

static size_t
bitmap_size(const struct pcmap *m)
{
	return (size_t)(m->m_nblocks + 7) / 8;
}

static bool
is_wired(const struct pcmap *m, uint64_t index)
{
	uint64_t bit = index - m->m_first;

	return (m->m_wired[bit / 8] & 1u << bit % 8) != 0;
}

/* Memory of its own for a file that is mapped for the first time, if that is
 * wanted and there is any. */
static void
window_apart(struct pagecache *pc) REQUIRES(pc->pc_lock)
{
	if (maps_are_apart() && arena_own_create(&pc->pc_own) != 0)
		pc->pc_own = NULL;
}

/* Make the window len bytes long. */
static int
window_resize(struct pagecache *pc, off_t len) REQUIRES(pc->pc_lock)
{
	int error;

	if (pc->pc_own != NULL)
		error = len <= arena_memfd_size() ? 0 : ENOMEM;
	else if (pc->pc_wlen == 0)
		error = arena_window_alloc(len, &pc->pc_woff);
	else
		error = arena_window_grow(pc->pc_woff, len);
	if (error == 0)
		pc->pc_wlen = len;
	return error;
}

/* See to a window that reaches to end. */
static int
window_reserve(struct pagecache *pc, off_t end) REQUIRES(pc->pc_lock)
{
	if (end <= pc->pc_wlen)
		return 0;
	if (pc->pc_wlen == 0 && pc->pc_own == NULL)
		window_apart(pc);
	end = ROUNDUP(end, PC_BLOCK);
	if (window_resize(pc, MAX(4 * end, WINDOW_LEAST)) == 0)
		return 0;
	return window_resize(pc, end);
}

static int
window_hostfd(const struct pagecache *pc) REQUIRES(pc->pc_lock)
{
	return pc->pc_own != NULL ? arena_own_fd(pc->pc_own) : arena_hostfd();
}

static int
check_access(const struct file *fp, int prot, int flags)
{
	const struct vnode *vp = fp->f_data;
	uint32_t fflags = atomic_load(&fp->f_flag);

	if ((fflags & FREAD) == 0)
		return EACCES;
	if ((flags & MAP_SHARED) != 0 && (prot & PROT_WRITE) != 0 &&
	    (fflags & FWRITE) == 0)
		return EACCES;
	if (vp->v_type != VREG || (vp->v_mount->mnt_iflag & IMNT_NOMAP) != 0)
		return ENODEV;
	return 0;
}

/* What is stored in such a mapping need not be at the end.  mmap(2), EACCES. */
static int
check_append(const struct file *fp)
{
	struct vattr va;
	int error;

	if ((atomic_load(&fp->f_flag) & FWRITE) == 0)
		return 0;
	error = VOP_GETATTR(fp->f_data, &va, fp->f_cred);
	if (error != 0)
		return error;
	return (va.va_flags & (UF_APPEND | SF_APPEND)) != 0 ? EACCES : 0;
}

/* Bounds that sums and windows can stand. */
static int
check_range(off_t off, size_t len)
{
	if (off < 0 || off % PC_PAGE != 0 || len == 0)
		return EINVAL;
	if (off > MAP_LIMIT || len > (size_t)(MAP_LIMIT - off))
		return ENOMEM;
	return 0;
}

static int
map_create(struct vnode *vp, kauth_cred_t cred, bool writable, off_t off,
    size_t len, struct rump_map *rm)
{
	struct vattr va;
	struct pcmap *m;
	int error;

	error = VOP_GETATTR(vp, &va, curlwp->l_cred);
	if (error != 0)
		return error;
	m = kmem_zalloc(sizeof(*m), KM_SLEEP);
	atomic_init(&m->m_refcnt, 1);
	m->m_writable = writable;
	m->m_first = (uint64_t)off / PC_BLOCK;
	m->m_nblocks = ((uint64_t)off + len - 1) / PC_BLOCK - m->m_first + 1;
	m->m_wired = kmem_zalloc(bitmap_size(m), KM_NOSLEEP);
	if (m->m_wired == NULL) {
		error = ENOMEM;
		goto fail_free;
	}
	m->m_pc = pagecache_of(vp);
	mutex_enter(&m->m_pc->pc_lock);
	error = window_reserve(
	    m->m_pc, MAX(off + (off_t)len, MIN(va.va_size, MAP_LIMIT)));
	if (error == 0) {
		m->m_pc->pc_maps++;
		rm->rm_hostfd = window_hostfd(m->m_pc);
		rm->rm_hostoff = m->m_pc->pc_woff + off;
		rm->rm_apart = m->m_pc->pc_own != NULL;
	}
	mutex_exit(&m->m_pc->pc_lock);
	if (error != 0)
		goto fail_bitmap;
	pagecache_ref(m->m_pc);
	vref(vp);
	m->m_vp = vp;
	kauth_cred_hold(cred);
	m->m_cred = cred;
	rm->rm_handle = m;
	rm->rm_file = m->m_pc;
	rm->rm_writable = writable;
	rm->rm_memory = m->m_pc->pc_memory;
	return 0;

fail_bitmap:
	kmem_free(m->m_wired, bitmap_size(m));
fail_free:
	kmem_free(m, sizeof(*m));
	return error;
}

/* Whoever maps a file is taken to read it. */
static void
note_access(struct file *fp)
{
	struct rump_iovec iov;
	struct uio uio;

	if ((atomic_load(&fp->f_flag) & RUMP_O_NOATIME) != 0)
		return;
	uio_init(&uio, &iov, NULL, 0, 0, UIO_READ, UIO_SYSSPACE);
	(void)VOP_READ(fp->f_data, &uio, 0, fp->f_cred);
}

int
rump_map_create(
    int fd, int64_t off, size_t len, int prot, int flags, struct rump_map *rm)
{
	struct file *fp;
	int error = check_range(off, len);

	if (error != 0)
		return error;
	rump_schedule();
	fp = fd_getfile(fd);
	if (fp == NULL) {
		rump_unschedule();
		return EBADF;
	}
	error = ENODEV;
	if (fp->f_type == DTYPE_VNODE)
		error = check_access(fp, prot, flags);
	if (error == 0 && (flags & MAP_SHARED) != 0)
		error = check_append(fp);
	if (error == 0)
		error = map_create(fp->f_data, fp->f_cred,
		    (atomic_load(&fp->f_flag) & FWRITE) != 0, off, len, rm);
	if (error == 0)
		note_access(fp);
	fd_putfile(fp);
	rump_unschedule();
	return error;
}

int
rump_map_again(void *handle, int64_t off, size_t len, struct rump_map *rm)
{
	struct pcmap *m = handle;
	int error = check_range(off, len);

	if (error != 0)
		return error;
	rump_schedule();
	error = map_create(m->m_vp, m->m_cred, m->m_writable, off, len, rm);
	rump_unschedule();
	return error;
}

int
rump_map_firm(void *handle)
{
	struct pcmap *m = handle;
	struct arena_own *ao;
	int error = ENODEV;

	rump_schedule();
	mutex_enter(&m->m_pc->pc_lock);
	ao = m->m_pc->pc_own;
	mutex_exit(&m->m_pc->pc_lock);
	if (ao != NULL)
		error = arena_own_firm(ao);
	rump_unschedule();
	return error;
}

static void
wire(struct pcmap *m, struct pcblock *b) REQUIRES(b->pb_pc->pc_lock)
{
	uint64_t bit = b->pb_index - m->m_first;

	if (is_wired(m, b->pb_index))
		return;
	m->m_wired[bit / 8] |= (uint8_t)(1u << bit % 8);
	pcblock_wire(b);
}

static void
unwire(struct pcmap *m, uint64_t index) REQUIRES(m->m_pc->pc_lock)
{
	uint64_t bit = index - m->m_first;
	struct pcblock *b;

	if (!is_wired(m, index))
		return;
	m->m_wired[bit / 8] &= (uint8_t) ~(1u << bit % 8);
	b = pcblock_find(m->m_pc, index);
	KASSERT(b != NULL);
	if (b->pb_wired == 1)
		pcloose_end(b);
	pcblock_unwire(b);
}

/* Ask for all of it before waiting for the first. */
static void
map_ask(struct pcmap *m, off_t lo, off_t hi)
{
	struct pcfill *first = NULL;

	(void)pcfill_start(m->m_vp, m->m_pc, lo, hi, m->m_cred, &first);
	if (first != NULL)
		pcfill_unref(first);
}

static int
map_fill(struct pcmap *m, off_t lo, off_t hi, uint32_t cuts)
{
	int error = 0;

	if (hi - lo > PC_BLOCK && !m->m_pc->pc_memory)
		map_ask(m, lo, hi);
	while (lo < hi && error == 0) {
		off_t end = MIN(hi, lo - lo % PC_BLOCK + PC_BLOCK);
		struct pcblock *b;

		error = pagecache_present(
		    m->m_vp, m->m_pc, lo, end, m->m_cred, cuts, &b);
		if (error != 0)
			break;
		wire(m, b);
		mutex_exit(&m->m_pc->pc_lock);
		pcblock_unpin(b);
		lo = end;
	}
	return error;
}

static uint32_t
cuts_of(struct pagecache *pc)
{
	uint32_t cuts;

	mutex_enter(&pc->pc_lock);
	cuts = pc->pc_cuts;
	mutex_exit(&pc->pc_lock);
	return cuts;
}

/* Fill [off, end) as far as it lies within the file. */
static int
map_fill_file(struct pcmap *m, off_t off, off_t end)
{
	uint32_t cuts = cuts_of(m->m_pc);
	struct vattr va;
	int error;

	error = VOP_GETATTR(m->m_vp, &va, m->m_cred);
	if (error != 0)
		return error;
	if (off >= va.va_size)
		return EFAULT;
	if (end > va.va_size)
		end = ROUNDUP(va.va_size, PC_PAGE);
	return map_fill(m, off, end, cuts);
}

int
rump_map_fill(void *handle, int64_t off, size_t len)
{
	struct pcmap *m = handle;
	off_t end = (off_t)(m->m_first + m->m_nblocks) * PC_BLOCK;
	int error;

	if (off % PC_PAGE != 0 || len == 0 ||
	    off < (off_t)m->m_first * PC_BLOCK || off >= end)
		return EINVAL;
	if (len < (size_t)(end - off))
		end = ROUNDUP(off + (off_t)len, PC_PAGE);
	rump_schedule();
	/* It may be cut off meanwhile, and longer or shorter afterwards. */
	do
		error = map_fill_file(m, off, end);
	while (error == PC_CUT);
	rump_unschedule();
	return error;
}

/* Cut [off, off + len) down to what the map covers. */
static bool
within(const struct pcmap *m, off_t *off, off_t *end, size_t len)
{
	off_t first = (off_t)m->m_first * PC_BLOCK;
	off_t last = first + (off_t)m->m_nblocks * PC_BLOCK;

	if (*off < first || *off >= last)
		return false;
	*end = len < (size_t)(last - *off) ? *off + (off_t)len : last;
	return true;
}

int
rump_map_size(void *handle, int64_t *size)
{
	struct pcmap *m = handle;
	struct vattr va;
	int error;

	rump_schedule();
	error = VOP_GETATTR(m->m_vp, &va, m->m_cred);
	if (error == 0)
		*size = va.va_size;
	rump_unschedule();
	return error;
}

static int
map_touch(struct pcmap *m)
{
	struct vattr va;

	vattr_null(&va);
	va.va_vaflags = VA_MTIME_NOW;
	return VOP_SETATTR(m->m_vp, &va, kauth_cred_kernel());
}

static int
map_dirty(struct pcmap *m, off_t off, off_t end, off_t size)
{
	if (m->m_pc->pc_memory)
		return map_touch(m);
	atomic_store_explicit(&m->m_dirtied, true, memory_order_relaxed);
	return pagecache_map_dirty(m->m_vp, off, end, size);
}

int
rump_map_dirty(void *handle, int64_t off, size_t len, int64_t size)
{
	struct pcmap *m = handle;
	off_t end;
	int error;

	KASSERT(m->m_writable);
	if (off % PC_PAGE != 0 || !within(m, &off, &end, len))
		return EINVAL;
	rump_schedule();
	error = map_dirty(m, off, end, size);
	rump_unschedule();
	return error;
}

int
rump_map_punch(void *handle, int64_t off, size_t len)
{
	struct pcmap *m = handle;
	off_t end;
	int error;

	KASSERT(m->m_writable);
	if (off % PC_PAGE != 0 || !within(m, &off, &end, len))
		return EINVAL;
	rump_schedule();
	error = VOP_FDISCARD(m->m_vp, off, end - off, m->m_cred);
	rump_unschedule();
	return error;
}

static int
map_sync(struct pcmap *m, off_t lo, off_t hi)
{
	return VOP_FSYNC(
	    m->m_vp, m->m_cred, FSYNC_WAIT | FSYNC_DATAONLY, lo, hi);
}

int
rump_map_sync(void *handle, int64_t off, size_t len)
{
	struct pcmap *m = handle;
	off_t end;
	int error;

	if (!within(m, &off, &end, len))
		return EINVAL;
	rump_schedule();
	error = map_sync(m, off, end);
	rump_unschedule();
	return error;
}

void
rump_map_drop(void *handle, int64_t off, size_t len)
{
	struct pcmap *m = handle;
	uint64_t first = ((uint64_t)off + PC_BLOCK - 1) / PC_BLOCK;
	uint64_t last = ((uint64_t)off + len) / PC_BLOCK;
	bool stream = (off_t)m->m_nblocks * PC_BLOCK > pcblock_capacity();
	struct pcblock *b;

	first = MAX(first, m->m_first);
	last = MIN(last, m->m_first + m->m_nblocks);
	rump_schedule();
	mutex_enter(&m->m_pc->pc_lock);
	for (; first < last; first++) {
		if (!is_wired(m, first))
			continue;
		unwire(m, first);
		b = pcblock_find(m->m_pc, first);
		if (stream && b->pb_wired == 0)
			pcblock_spend(b);
	}
	mutex_exit(&m->m_pc->pc_lock);
	rump_unschedule();
}

/* All that old has wired. */
static void
wire_same(struct pcmap *m, const struct pcmap *old) REQUIRES(m->m_pc->pc_lock)
{
	for (uint64_t i = 0; i < m->m_nblocks; i++) {
		if (is_wired(old, m->m_first + i))
			wire(m, pcblock_find(m->m_pc, m->m_first + i));
	}
}

void *
rump_map_clone(void *handle)
{
	struct pcmap *old = handle, *m;

	rump_schedule();
	m = kmem_zalloc(sizeof(*m), KM_SLEEP);
	atomic_init(&m->m_refcnt, 1);
	atomic_init(&m->m_dirtied, atomic_load(&old->m_dirtied));
	m->m_writable = old->m_writable;
	m->m_vp = old->m_vp;
	m->m_pc = old->m_pc;
	m->m_cred = old->m_cred;
	m->m_first = old->m_first;
	m->m_nblocks = old->m_nblocks;
	m->m_wired = kmem_zalloc(bitmap_size(m), KM_NOSLEEP);
	if (m->m_wired == NULL) {
		kmem_free(m, sizeof(*m));
		rump_unschedule();
		return NULL;
	}
	mutex_enter(&m->m_pc->pc_lock);
	wire_same(m, old);
	m->m_pc->pc_maps++;
	mutex_exit(&m->m_pc->pc_lock);
	vref(m->m_vp);
	pagecache_ref(m->m_pc);
	kauth_cred_hold(m->m_cred);
	rump_unschedule();
	return m;
}

void
rump_map_ref(void *handle)
{
	struct pcmap *m = handle;

	atomic_fetch_add(&m->m_refcnt, 1);
}

void
rump_map_destroy(void *handle)
{
	struct pcmap *m = handle;
	int error = 0;

	if (atomic_fetch_sub(&m->m_refcnt, 1) != 1)
		return;
	rump_schedule();
	/* Errors stay with the file: fsync(2) and close(2) report them.  A
	 * program that has ended asks no more. */
	if (atomic_load_explicit(&m->m_dirtied, memory_order_relaxed))
		error = map_sync(m, (off_t)m->m_first * PC_BLOCK,
		    (off_t)(m->m_first + m->m_nblocks) * PC_BLOCK);
	if (error != 0 && error != ERESTART && maps_are_apart())
		vn_sayerror(m->m_vp, error);
	mutex_enter(&m->m_pc->pc_lock);
	for (uint64_t i = 0; i < m->m_nblocks; i++)
		unwire(m, m->m_first + i);
	m->m_pc->pc_maps--;
	mutex_exit(&m->m_pc->pc_lock);
	vrele(m->m_vp);
	pagecache_unref(m->m_pc);
	kauth_cred_free(m->m_cred);
	kmem_free(m->m_wired, bitmap_size(m));
	kmem_free(m, sizeof(*m));
	rump_unschedule();
}
