/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * A mapping of a rump file maps the kernel's memfd, at first without access.
 * The fault handler has the kernel fill a window of pages around the address
 * and then gives the program the access that it asked for.  Pages behind the
 * end of file stay without access and raise SIGBUS.
 *
 * A shared mapping that may be written to shows its pages for reading first.
 * The first store faults again; under the table's lock the kernel is told that
 * the page is dirty and the page becomes writable.  Before the kernel sends
 * dirty pages it forgets that they are dirty and then has protect_range() make
 * them read-only here, so that every later store is noticed.  Pages of memory files
 * have nowhere to be sent and need none of this; a window that is missed by a store
 * sets the file's times, as on the host.
 *
 * Stores in sequence make ever longer runs writable at a time; a lone store
 * makes one page dirty.  Windows that follow each other grow, too.
 *
 * Whenever a range changes (mprotect, madvise, mremap) it is made inaccessible
 * again, and the next fault finds the pages in the kernel's cache.  A window is
 * filled without the lock: if the file was truncated meanwhile, or the mapping
 * has changed, it is not shown, and the instruction faults again.
 *
 * A kernel in another process cannot tell of a truncation by a third one.  The
 * host does: the memfd ends there.  So a fault on a page that is shown already
 * asks the kernel for it, which makes the memfd longer if the file is.
 */
#include "preload/memory.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/kernel.h"
#include "preload/mappings.h"
#include "preload/windows.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define PAGE 4096UL
#define WINDOW_MIN (64 * 1024UL)
#define WINDOWS_MAX 8192 /* windows of one mapping: each may be an area */
#define RUN_MAX WINDOW_MIN
#define AHEAD_MAX (1024 * 1024UL)       /* window of a sequential reader */
#define PRESENT_MAX (8 * 1024 * 1024UL) /* filled for a buffer of a call */
/* Each of them lets the program read, on this processor. */
#define PROT_ANY (PROT_READ | PROT_WRITE | PROT_EXEC)

/* Internal, beside 0 and a signal: look again. */
#define AGAIN (-1)

static unsigned cuts; /* mappings lock: truncations so far */

size_t
memory_window_size(size_t len, bool keep)
{
	size_t window = WINDOW_MIN;

	while (keep && len / window > WINDOWS_MAX)
		window *= 2;
	return window;
}

/* --- filling ----------------------------------------------------------- */

/* What is wanted: access of kind prot to addr, and if possible up to end. */
struct want {
	uintptr_t addr, end;
	int prot;
	bool fault; /* has just been missed, whatever we know */
};

/* A piece of work that outlives the lock. */
struct fill {
	void *handle;
	uintptr_t start, end; /* addresses of the window */
	int64_t off;          /* file offset of start */
	int64_t size;         /* of the file, if notice */
	unsigned cuts;
	bool shown;  /* the window is accessible already */
	bool notice; /* a store is going to be noticed */
	bool touch;  /* ... or sets the times */
};

static int64_t
offset_of(const struct mapping *m, uintptr_t addr)
{
	return m->m_off + (int64_t)(addr - m->m_start);
}

/* The window of m around addr. */
static void
window_around(
    const struct mapping *m, uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	uint64_t first = (uint64_t)m->m_off;
	uint64_t last = first + (m->m_end - m->m_start);
	uint64_t lo = (uint64_t)offset_of(m, addr) & ~(m->m_window - 1);
	uint64_t hi = lo + m->m_window;

	lo = lo > first ? lo : first;
	hi = hi < last ? hi : last;
	*start = m->m_start + (lo - first);
	*end = *start + (hi - lo);
}

/* How long the run is that a store at addr makes writable. */
static uintptr_t
run_end(const struct mapping *m, uintptr_t addr, const struct want *w,
    uintptr_t limit)
{
	uintptr_t end = addr + PAGE;

	if (addr == m->m_run_end)
		end = addr +
		      (2 * m->m_run_len < RUN_MAX ? 2 * m->m_run_len : RUN_MAX);
	if (end < w->end)
		end = (w->end + PAGE - 1) & ~(PAGE - 1);
	return end < limit ? end : limit;
}

/* The page at w->addr is shown, up to limit: let the program write to it. */
static int
make_writable_locked(
    struct mapping *m, struct want *w, uintptr_t limit, int64_t size)
{
	uintptr_t start = w->addr & ~(PAGE - 1);
	uintptr_t end = run_end(m, start, w, limit);

	if (kernel.k_map_dirty(
		m->m_handle, offset_of(m, start), end - start, size) != 0) {
		windows_conceal(start, end);
		return AGAIN;
	}
	if (!windows_show_writable(m, start, end))
		return SIGBUS;
	m->m_run_end = end;
	m->m_run_len = end - start;
	w->end = end;
	return 0;
}

static bool
needs_notice(const struct mapping *m, const struct want *w)
{
	return w->prot == PROT_WRITE && windows_tracked(m);
}

/* The window was missed by a store to a memory file. */
static bool
needs_touch(const struct fill *f, const struct mapping *m, const struct want *w)
{
	return w->prot == PROT_WRITE && !f->shown && m->m_shared && m->m_memory;
}

/* f is the window around the address, or what is shown of it already. */
static void
fill_prepare(struct fill *f, const struct mapping *m, uintptr_t addr)
{
	uintptr_t limit;

	f->shown = windows_find(addr, &limit);
	window_around(m, addr, &f->start, &f->end);
	if (f->shown) {
		f->start = addr & ~(PAGE - 1);
		f->end = limit;
	} else if (f->start == m->m_fill_end) {
		limit = f->start + (2 * m->m_fill_len < AHEAD_MAX
					   ? 2 * m->m_fill_len
					   : AHEAD_MAX);
		limit = limit < m->m_end ? limit : m->m_end;
		f->end = limit > f->end ? limit : f->end;
	}
	f->handle = m->m_handle;
	f->off = offset_of(m, f->start);
	f->cuts = cuts;
}

/* What is to be done, with a reference.  0: nothing; AGAIN: f; or a signal. */
static int
fill_begin(struct fill *f, struct want *w)
{
	int need = w->prot == PROT_READ ? PROT_ANY : w->prot;
	int result = SIGSEGV;
	struct mapping *m;

	mappings_lock();
	m = mappings_find_locked(w->addr);
	if (m != NULL && (m->m_prot & need) != 0) {
		fill_prepare(f, m, w->addr);
		f->notice = needs_notice(m, w);
		f->touch = needs_touch(f, m, w);
		result = f->shown && !f->notice && !w->fault ? 0 : AGAIN;
		if (result == 0)
			w->end = f->end;
		else
			kernel.k_map_ref(m->m_handle);
	}
	mappings_unlock();
	return result;
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

static bool
fill_holds(const struct fill *f, const struct mapping *m)
{
	uintptr_t end;

	return m != NULL && m->m_handle == f->handle && m->m_end >= f->end &&
	       offset_of(m, f->start) == f->off && cuts == f->cuts &&
	       (!f->shown || windows_find(f->start, &end));
}

/* Give the program access, if everything is still as it was: else 0 too, and
 * the next fault looks again. */
static int
fill_show(const struct fill *f, struct want *w)
{
	struct mapping *m;
	int result = 0;

	mappings_lock();
	m = mappings_find_locked(f->start);
	if (fill_holds(f, m)) {
		if (!f->shown) {
			m->m_fill_end = f->end;
			m->m_fill_len = f->end - f->start;
		}
		if (!f->shown && !windows_show(m, f->start, f->end))
			result = SIGBUS;
		else if (needs_notice(m, w))
			result = make_writable_locked(m, w, f->end, f->size);
		else
			w->end = f->end;
	}
	mappings_unlock();
	return result == AGAIN ? 0 : result;
}

static int
fill_signal(int error)
{
	return error == 0 || error == RUMP_ERESTART ? 0 : SIGBUS;
}

/* Fill the window and cut it to the file.  0, or what the kernel says. */
static int
fill_run(struct fill *f, uintptr_t addr)
{
	int error = kernel.k_map_fill(f->handle, f->off, f->end - f->start);

	/* The window begins within the file, but does the page lie there? */
	if (error == 0)
		error = page_fill(f, addr & ~(PAGE - 1));
	if (error == 0)
		fill_cut(f, addr);
	return error;
}

/* Make what is wanted accessible, and say in w->end how far that goes.  0 (try
 * again), or a signal. */
static int
window_present(struct want *w)
{
	struct fill f;
	int error = 0, sig;

	sig = fill_begin(&f, w);
	if (sig != AGAIN)
		return sig;
	if (f.notice)
		error = kernel.k_map_size(f.handle, &f.size);
	if (error == 0 && f.shown && !f.notice)
		error = page_fill(&f, w->addr & ~(PAGE - 1));
	else if (error == 0 && !f.shown)
		error = fill_run(&f, w->addr);
	if (error == 0 && f.touch)
		error = kernel.k_map_dirty(f.handle, f.off, PAGE, 0);
	sig = error == 0 ? fill_show(&f, w) : fill_signal(error);
	kernel.k_map_destroy(f.handle);
	return sig;
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
router_fault(uintptr_t addr, int prot)
{
	struct want w = { addr, addr, prot, true };

	if (mappings_n == 0 || !is_mapped(addr))
		return SIGSEGV;
	if (backend_reachable())
		return window_present(&w);
	engine_say("a page of a mapped rump file is not here, or cannot be "
		   "written to: the kernel is in another process");
	return SIGBUS;
}

/* The next piece of [w->addr, end) that is mapped, and what access to it is
 * possible.  False: there is none. */
static bool
next_piece(struct want *w, uintptr_t end, bool write)
{
	struct mapping *m;
	bool found;

	mappings_lock();
	m = mappings_next_locked(w->addr);
	found = m != NULL && m->m_start < end;
	if (found) {
		if (m->m_start > w->addr)
			w->addr = m->m_start;
		w->end = end < m->m_end ? end : m->m_end;
		w->prot = write && (m->m_prot & PROT_WRITE) != 0 ? PROT_WRITE
								 : PROT_READ;
	}
	mappings_unlock();
	return found;
}

bool
memory_present(uintptr_t addr, size_t len, bool write)
{
	struct want w = { .addr = addr };
	uintptr_t end = addr + (len < PRESENT_MAX ? len : PRESENT_MAX);
	bool done = false;

	if (mappings_n == 0 || !backend_reachable())
		return false;
	while (next_piece(&w, end, write)) {
		if (window_present(&w) != 0)
			break;
		done = true;
		w.addr = w.end;
	}
	return done;
}

void
memory_forked(unsigned birth)
{
	mappings_forked(birth);
	windows_forked();
}

/* --- what the kernel asks for ------------------------------------------ */

/* Each mapping that has a part of [lo, hi) of file: address range in *start and
 * *end.  The first one at or behind *from. */
static struct mapping *
next_of_file(const void *file, int64_t lo, int64_t hi, uintptr_t *from,
    uintptr_t *start, uintptr_t *end)
{
	struct mapping *m;

	while ((m = mappings_next_locked(*from)) != NULL) {
		int64_t last = offset_of(m, m->m_end);

		*from = m->m_end;
		if (m->m_file != file || m->m_off >= hi || last <= lo)
			continue;
		*start = m->m_start;
		*end = m->m_end;
		if (lo > m->m_off)
			*start += (uintptr_t)(lo - m->m_off);
		if (hi < last)
			*end -= (uintptr_t)(last - hi);
		return m;
	}
	return NULL;
}

static void
protect_range(const void *file, int64_t lo, int64_t hi)
{
	uintptr_t from = 0, start, end, ignored;
	struct mapping *m;

	mappings_lock();
	while ((m = next_of_file(file, lo, hi, &from, &start, &end)) != NULL) {
		if (!windows_tracked(m))
			continue;
		/* Whole windows: each is one area for the host again. */
		window_around(m, start, &start, &ignored);
		window_around(m, end - 1, &ignored, &end);
		windows_guard(m, start, end);
	}
	mappings_unlock();
}

static void
cut_file(const void *file, int64_t size)
{
	int64_t lo = (size + (int64_t)PAGE - 1) & ~((int64_t)PAGE - 1);
	uintptr_t from = 0, start, end;
	struct mapping *m;

	mappings_lock();
	cuts++;
	while ((m = next_of_file(file, lo, INT64_MAX, &from, &start, &end)) !=
	       NULL) {
		windows_conceal(start, end);
		HOST(SYS_madvise, start, end - start, MADV_DONTNEED, 0, 0, 0);
	}
	mappings_unlock();
}

const struct rump_maphooks memory_hooks = {
	.rmh_protect = protect_range,
	.rmh_cut = cut_file,
};
