/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * A mapping of a rump file maps the kernel's memfd, at first without access.
 * The fault handler has the kernel fill a window of pages around the address
 * and then gives the program the access that it asked for.  Pages behind the
 * end of file stay without access and raise SIGBUS.
 *
 * Nothing records which pages are accessible: whenever a range changes
 * (mprotect, madvise, mremap) it is made inaccessible again, and the next fault
 * finds the pages in the kernel's cache.
 *
 * Filled windows are wired in the cache.  A ring of them bounds how much that
 * is: the oldest is made inaccessible, dropped from the process and unwired, as
 * long as the program cannot have changed it.
 */
#include "preload/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/abi/memory.h"
#include "preload/descriptor.h"
#include "preload/engine/engine.h"
#include "preload/kernel.h"
#include "preload/mappings.h"
#include "preload/process.h"
#include "preload/route.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "syscall_table/linux_routes.h"

#define PAGE 4096UL
#define WINDOW_MIN (64 * 1024UL)
#define WINDOWS_MAX 8192 /* windows of one mapping: each may be a VMA */
#define RESIDENT_MAX (16 * 1024 * 1024UL)
#define RING 1024
#define PRESENT_MAX (RESIDENT_MAX / 2) /* filled for a buffer of a call */
/* Each of them lets the program read, on this processor. */
#define PROT_ANY (PROT_READ | PROT_WRITE | PROT_EXEC)

static struct window {
	uintptr_t start;
	size_t len;
} ring[RING];                      /* mappings lock */
static unsigned ring_head, ring_n; /* mappings lock */
static size_t resident;            /* mappings lock */

static uintptr_t
round_up(uintptr_t addr)
{
	return (addr + PAGE - 1) & ~(PAGE - 1);
}

static size_t
window_size(size_t len)
{
	size_t window = WINDOW_MIN;

	while (len / window > WINDOWS_MAX)
		window *= 2;
	return window;
}

/* --- filling ----------------------------------------------------------- */

static long
protect(uintptr_t start, uintptr_t end, int prot)
{
	return HOST(SYS_mprotect, start, end - start, prot, 0, 0, 0);
}

/* Make a window inaccessible and give its pages back. */
static void
drop(uintptr_t start, size_t len)
{
	struct mapping *m = mappings_find_locked(start);

	if (m == NULL || m->m_end - start < len || m->m_keep)
		return;
	protect(start, start + len, PROT_NONE);
	HOST(SYS_madvise, start, len, MADV_DONTNEED, 0, 0, 0);
	if (kernel.k_map_drop != NULL)
		kernel.k_map_drop(
		    m->m_handle, m->m_off + (int64_t)(start - m->m_start), len);
}

static void
ring_add(uintptr_t start, size_t len)
{
	resident += len;
	while (ring_n == RING || (resident > RESIDENT_MAX && ring_n > 0)) {
		struct window *old = &ring[ring_head % RING];

		resident -= old->len;
		drop(old->start, old->len);
		ring_head++;
		ring_n--;
	}
	ring[(ring_head + ring_n++) % RING] = (struct window){ start, len };
}

/* A piece of work that outlives the lock. */
struct fill {
	void *handle;
	uintptr_t start, end; /* addresses of the window */
	int64_t off;          /* file offset of start */
};

/* The window around addr, with a reference.  0 or a signal. */
static int
fill_begin(struct fill *f, uintptr_t addr, bool write)
{
	struct mapping *m;
	int error = SIGSEGV;

	mappings_lock();
	m = mappings_find_locked(addr);
	if (m != NULL && (m->m_prot & (write ? PROT_WRITE : PROT_ANY)) != 0) {
		uint64_t off = (uint64_t)m->m_off + (addr - m->m_start);
		uint64_t lo = off & ~(uint64_t)(m->m_window - 1);
		uint64_t hi = lo + m->m_window;
		uint64_t last = (uint64_t)m->m_off + (m->m_end - m->m_start);

		lo = lo > (uint64_t)m->m_off ? lo : (uint64_t)m->m_off;
		hi = hi < last ? hi : last;
		f->handle = m->m_handle;
		f->off = (int64_t)lo;
		f->start = m->m_start + (lo - (uint64_t)m->m_off);
		f->end = f->start + (hi - lo);
		kernel.k_map_ref(m->m_handle);
		error = 0;
	}
	mappings_unlock();
	return error;
}

/* Is the page at addr within the file?  0, or what the kernel says. */
static int
page_fill(const struct fill *f, uintptr_t addr)
{
	return kernel.k_map_fill(
	    f->handle, f->off + (int64_t)(addr - f->start), PAGE);
}

/* Cut a window that reaches behind the end of file; addr is within. */
static void
fill_cut(struct fill *f, uintptr_t addr)
{
	uintptr_t in = addr & ~(PAGE - 1), out = f->end;

	if (page_fill(f, out - PAGE) != RUMP_EFAULT)
		return;
	while (out - in > PAGE) {
		uintptr_t mid = in + ((out - in) / 2 & ~(PAGE - 1));

		if (page_fill(f, mid) == RUMP_EFAULT)
			out = mid;
		else
			in = mid;
	}
	f->end = out;
}

/* Give the program access, if the mapping is still the one that was filled. */
static void
fill_show(const struct fill *f)
{
	struct mapping *m;

	mappings_lock();
	m = mappings_find_locked(f->start);
	if (m != NULL && m->m_handle == f->handle && m->m_end >= f->end &&
	    m->m_off + (int64_t)(f->start - m->m_start) == f->off) {
		ring_add(f->start, f->end - f->start);
		protect(f->start, f->end, m->m_prot);
	}
	mappings_unlock();
}

static int
fill_signal(int error)
{
	if (error == RUMP_ERESTART)
		return 0;
	return SIGBUS;
}

/* Make the window around addr accessible.  0 and *end, or a signal. */
static int
window_present(uintptr_t addr, bool write, uintptr_t *end)
{
	struct fill f;
	int error, sig;

	sig = fill_begin(&f, addr, write);
	if (sig != 0)
		return sig;
	error = kernel.k_map_fill(f.handle, f.off, f.end - f.start);
	/* The window begins within the file, but does the page lie there? */
	if (error == 0)
		error = page_fill(&f, addr & ~(PAGE - 1));
	if (error == 0) {
		fill_cut(&f, addr);
		fill_show(&f);
	}
	kernel.k_map_destroy(f.handle);
	*end = f.end;
	return error != 0 ? fill_signal(error) : 0;
}

static bool
is_mapped(uintptr_t addr)
{
	bool mapped;

	mappings_lock();
	mapped = mappings_find_locked(addr) != NULL;
	mappings_unlock();
	return mapped;
}

int
router_fault(uintptr_t addr, bool write)
{
	uintptr_t end;

	if (mappings_n == 0 || !is_mapped(addr))
		return SIGSEGV;
	if (backend_reachable())
		return window_present(addr, write, &end);
	engine_say("a page of a mapped rump file is not here: the kernel is "
		   "in another process");
	return SIGBUS;
}

/* The first address from at on, before end, that is mapped; or end. */
static uintptr_t
next_mapped(uintptr_t at, uintptr_t end)
{
	struct mapping *m;

	mappings_lock();
	m = mappings_next_locked(at);
	if (m == NULL || m->m_start >= end)
		at = end;
	else if (m->m_start > at)
		at = m->m_start;
	mappings_unlock();
	return at;
}

bool
memory_present(uintptr_t addr, size_t len, bool write)
{
	uintptr_t end;
	bool done = false;

	if (mappings_n == 0 || !backend_reachable())
		return false;
	end = addr + (len < PRESENT_MAX ? len : PRESENT_MAX);
	while ((addr = next_mapped(addr, end)) < end) {
		if (window_present(addr, write, &addr) != 0)
			break;
		done = true;
	}
	return done;
}

void
memory_forked(void)
{
	mappings_reset();
}

/* --- mmap -------------------------------------------------------------- */

static long
host_mmap(const struct call *c, const struct rump_map *rm)
{
	long flags = c->arg[3] &
		     ~(long)(MAP_POPULATE | MAP_LOCKED | MAP_SHARED_VALIDATE);

	flags |= (c->arg[3] & MAP_SHARED_VALIDATE) == MAP_PRIVATE ? MAP_PRIVATE
								  : MAP_SHARED;
	return HOST(SYS_mmap, c->arg[0], c->arg[1], PROT_NONE, flags,
	    rm->rm_hostfd, rm->rm_hostoff);
}

/*
 * The host is about to map something of its own over one of ours.  It is
 * forgotten before: as long as it is in the table, a fault of another thread
 * may take the pages away.
 */
static void
forget_fixed(uintptr_t start, size_t len)
{
	if ((start & (PAGE - 1)) == 0 && len != 0 &&
	    round_up(start + len) > start)
		mappings_remove(start, round_up(start + len));
}

static long
map_enter(struct call *c, const struct rump_map *rm, bool shared)
{
	struct mapping m = {
		.m_handle = rm->rm_handle,
		.m_off = c->arg[5],
		.m_prot = (int)c->arg[2],
		.m_shared = shared,
		.m_keep = !shared && (c->arg[2] & PROT_WRITE) != 0,
		.m_window = window_size((size_t)c->arg[1]),
	};
	long addr;
	bool entered;

	/* A fault on what was there must not show the new pages. */
	if ((c->arg[3] & MAP_FIXED) != 0)
		forget_fixed((uintptr_t)c->arg[0], (size_t)c->arg[1]);
	addr = host_mmap(c, rm);
	if (addr < 0 && addr > -4096)
		return addr;
	m.m_start = (uintptr_t)addr;
	m.m_end = m.m_start + round_up((size_t)c->arg[1]);
	mappings_remove(m.m_start, m.m_end);
	mappings_lock();
	entered = mappings_insert_locked(&m);
	mappings_unlock();
	if (!entered) {
		HOST(SYS_munmap, addr, c->arg[1], 0, 0, 0, 0);
		return -ENOMEM;
	}
	return addr;
}

static long
mmap_rump(struct call *c, struct rfile *rf)
{
	struct rump_map rm;
	int prot, flags, error;
	long result;

	error = abi_prot_to_netbsd((int)c->arg[2], &prot);
	if (error == 0)
		error = abi_mapflags_to_netbsd((int)c->arg[3], &flags);
	if (error == 0 && (c->arg[1] == 0 || c->arg[5] < 0 ||
			      ((unsigned long)c->arg[5] & (PAGE - 1)) != 0))
		error = EINVAL;
	if (error != 0)
		return -error;
	if (flags == RUMP_MAP_SHARED && (prot & PROT_WRITE) != 0) {
		route_note(c, "shared writable mapping");
		return -EACCES;
	}
	if (!backend_reachable())
		return -process_refuse(c);
	error = kernel.k_map_create(
	    rf->rf_fd, c->arg[5], (size_t)c->arg[1], prot, flags, &rm);
	if (error != 0)
		return -abi_errno_to_linux(error);
	result = map_enter(c, &rm, flags == RUMP_MAP_SHARED);
	if (result < 0 && result > -4096)
		kernel.k_map_destroy(rm.rm_handle);
	else if ((c->arg[3] & MAP_POPULATE) != 0)
		(void)memory_present(
		    (uintptr_t)result, (size_t)c->arg[1], false);
	return result;
}

static bool
host_can_map(const struct call *c)
{
	return (c->arg[3] & MAP_ANONYMOUS) != 0 ||
	       HOST(SYS_fcntl, c->arg[4], F_GETFD, 0, 0, 0, 0) >= 0;
}

static long
mmap_run(struct call *c)
{
	bool fixed = (c->arg[3] & MAP_FIXED) != 0;
	struct rfile *rf = NULL;
	long result;
	int error = 0;

	if ((c->arg[3] & MAP_ANONYMOUS) == 0)
		rf = fdmap_get_rump(c->arg[4], &error);
	if (error != 0)
		return -error;
	if (rf == NULL) {
		if (fixed && mappings_n != 0 && host_can_map(c))
			forget_fixed((uintptr_t)c->arg[0], (size_t)c->arg[1]);
		return CALL_TO_HOST;
	}
	route_mark_rump(c, rf->rf_rule);
	result = rf->rf_path_only ? -EBADF : mmap_rump(c, rf);
	(void)fdmap_put(rf);
	return result;
}
ROUTE(mmap, mmap_run)

/* --- changes of mapped ranges ------------------------------------------ */

/* Does [addr, addr + len) concern a mapping of ours? */
static bool
concerns(long addr, long len)
{
	uintptr_t end = round_up((uintptr_t)addr + (uintptr_t)len);
	struct mapping *m;
	bool hit;

	if (mappings_n == 0 || len <= 0 ||
	    ((uintptr_t)addr & (PAGE - 1)) != 0 || end < (uintptr_t)addr)
		return false;
	mappings_lock();
	m = mappings_next_locked((uintptr_t)addr);
	hit = m != NULL && m->m_start < end;
	mappings_unlock();
	return hit;
}

static long
munmap_run(struct call *c)
{
	if (concerns(c->arg[0], c->arg[1])) {
		route_mark_rump(c, -1);
		mappings_remove((uintptr_t)c->arg[0],
		    round_up((uintptr_t)c->arg[0] + (uintptr_t)c->arg[1]));
		/* Does not block, and must be done before anybody maps
		 * something there. */
		return HOST(SYS_munmap, c->arg[0], c->arg[1], 0, 0, 0, 0);
	}
	return CALL_TO_HOST;
}
ROUTE(munmap, munmap_run)

/* Would the new protection let the program write to a shared mapping? */
static bool
would_share(uintptr_t start, uintptr_t end, int prot)
{
	struct mapping *m;

	for (; (prot & PROT_WRITE) != 0 &&
	       (m = mappings_next_locked(start)) != NULL && m->m_start < end;
	     start = m->m_end) {
		if (m->m_shared)
			return true;
	}
	return false;
}

static long
mprotect_locked(uintptr_t start, uintptr_t end, int prot)
{
	long result = 0;

	if (would_share(start, end, prot))
		return -EACCES;
	if (!mappings_split_locked(start) || !mappings_split_locked(end))
		return -ENOMEM;
	while (start < end && result == 0) {
		struct mapping *m = mappings_next_locked(start);
		uintptr_t to =
		    m == NULL || m->m_start >= end ? end : m->m_start;

		if (to > start) {
			result = protect(start, to, prot);
			start = to;
			continue;
		}
		m->m_prot = prot;
		m->m_keep = m->m_keep || (prot & PROT_WRITE) != 0;
		result = protect(start, m->m_end, PROT_NONE);
		start = m->m_end;
	}
	return result;
}

static long
mprotect_run(struct call *c)
{
	long result;
	int prot;

	if (!concerns(c->arg[0], c->arg[1]))
		return CALL_TO_HOST;
	if (abi_prot_to_netbsd((int)c->arg[2], &prot) != 0)
		return -EINVAL;
	route_mark_rump(c, -1);
	mappings_lock();
	result = mprotect_locked((uintptr_t)c->arg[0],
	    round_up((uintptr_t)c->arg[0] + (uintptr_t)c->arg[1]), prot);
	mappings_unlock();
	return result;
}
ROUTE(mprotect, mprotect_run)
/* Protection keys do not apply to what is made accessible page by page. */
ROUTE(pkey_mprotect, mprotect_run)

/* Make what is ours in the range inaccessible, so that it is filled anew. */
static void
conceal(uintptr_t start, uintptr_t end)
{
	struct mapping *m;

	mappings_lock();
	while ((m = mappings_next_locked(start)) != NULL && m->m_start < end) {
		uintptr_t from = m->m_start > start ? m->m_start : start;
		uintptr_t to = m->m_end < end ? m->m_end : end;

		protect(from, to, PROT_NONE);
		start = m->m_end;
	}
	mappings_unlock();
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static long
madvise_run(struct call *c)
{
	uintptr_t start = (uintptr_t)c->arg[0];

	if (!concerns(c->arg[0], c->arg[1]))
		return CALL_TO_HOST;
	route_mark_rump(c, -1);
	switch ((int)c->arg[2]) {
	case MADV_DONTNEED:
		conceal(start, round_up(start + (uintptr_t)c->arg[1]));
		return CALL_TO_HOST;
	case MADV_WILLNEED:
		return 0;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return memory_present(start, (size_t)c->arg[1],
			   (int)c->arg[2] == MADV_POPULATE_WRITE)
			   ? 0
			   : -EFAULT;
	case MADV_FREE:
	case MADV_REMOVE:
		return -EINVAL;
	default:
		return CALL_TO_HOST;
	}
}
ROUTE(madvise, madvise_run)

/* What is in memory is a question about the pages of the memfd. */
static long
host_run(struct call *c)
{
	return CALL_TO_HOST;
}
ROUTE(mincore, host_run)
ROUTE(msync, host_run)

/* Move a whole mapping: inaccessible, it is one area for the host. */
static long
move(struct call *c, uintptr_t start, uintptr_t end)
{
	struct mapping moved, *m;
	long addr;
	bool entered;

	if (!backend_reachable())
		return -ENOMEM;
	mappings_lock();
	m = mappings_find_locked(start);
	if (m == NULL || m->m_start != start || m->m_end != end) {
		mappings_unlock();
		return -ENOMEM;
	}
	moved = *m;
	kernel.k_map_ref(moved.m_handle);
	protect(start, end, PROT_NONE);
	mappings_unlock();
	addr = HOST(SYS_mremap, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
	    c->arg[4], 0);
	if (addr < 0 && addr > -4096) {
		kernel.k_map_destroy(moved.m_handle);
		return addr == -EFAULT ? -ENOMEM : addr;
	}
	mappings_remove(start, end);
	moved.m_start = (uintptr_t)addr;
	moved.m_end = moved.m_start + (end - start);
	mappings_remove(moved.m_start, moved.m_end);
	mappings_lock();
	entered = mappings_insert_locked(&moved);
	mappings_unlock();
	return entered ? addr : -ENOMEM;
}

static long
mremap_run(struct call *c)
{
	uintptr_t start = (uintptr_t)c->arg[0];
	uintptr_t end = round_up(start + (uintptr_t)c->arg[1]);
	uintptr_t wanted = round_up(start + (uintptr_t)c->arg[2]);

	if (!concerns(c->arg[0], c->arg[1])) {
		if ((c->arg[3] & MREMAP_FIXED) != 0 && mappings_n != 0)
			forget_fixed((uintptr_t)c->arg[4], (size_t)c->arg[2]);
		return CALL_TO_HOST;
	}
	route_mark_rump(c, -1);
	if (c->arg[2] <= 0 ||
	    (c->arg[3] & ~(long)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0 ||
	    (c->arg[3] & (MREMAP_MAYMOVE | MREMAP_FIXED)) == MREMAP_FIXED)
		return -EINVAL;
	if (wanted > end || wanted < start) {
		route_note(c, "a mapping of a rump file cannot grow");
		return -ENOMEM;
	}
	if (wanted < end) {
		mappings_remove(wanted, end);
		HOST(SYS_munmap, wanted, end - wanted, 0, 0, 0, 0);
		c->arg[1] = c->arg[2];
	}
	return (c->arg[3] & MREMAP_FIXED) != 0 ? move(c, start, wanted)
					       : c->arg[0];
}
ROUTE(mremap, mremap_run)
