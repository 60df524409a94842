/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of windows in order of age.  It bounds what the maps keep in the
 * kernel's cache: the oldest window is made inaccessible, dropped from the
 * process and unwired, as long as the program cannot have changes of its own
 * there.  Forgotten windows leave holes of length 0.
 *
 * Each window and each run of writable pages in it may be an area of its own
 * for the host, which has a limit for these; near it everything is taken away
 * once, and comes back as it is used.
 */
#include "preload/windows.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/late.h"
#include "preload/kernel.h"
#include "preload/mappings.h"

#define RING 1024
#define RESIDENT_MAX (16 * 1024 * 1024UL)
#define RUNS_MAX 8192 /* writable runs: at most two more areas each */

static LATE struct window {
	uintptr_t w_start, w_end;
} ring[RING];
static unsigned head, nring;
static size_t resident;
static unsigned runs;

bool
windows_tracked(const struct mapping *m)
{
	return m->m_shared && !m->m_memory;
}

int
windows_first_prot(const struct mapping *m)
{
	if (!windows_tracked(m) || (m->m_prot & PROT_WRITE) == 0)
		return m->m_prot;
	/* The processor lets nobody write who cannot read. */
	return (m->m_prot & ~PROT_WRITE) | PROT_READ;
}

static bool
protect(uintptr_t start, uintptr_t end, int prot)
{
	return HOST(SYS_mprotect, start, end - start, prot, 0, 0, 0) == 0;
}

/* --- the ring ---------------------------------------------------------- */

static struct window *
at(unsigned i)
{
	return &ring[(head + i) % RING];
}

static void
append(uintptr_t start, uintptr_t end)
{
	*at(nring++) = (struct window){ start, end };
	resident += end - start;
}

/* Make a window inaccessible and give its pages back. */
static void
drop(const struct window *w)
{
	const struct mapping *m = mappings_find_locked(w->w_start);

	if (m == NULL || m->m_end < w->w_end || m->m_keep ||
	    !protect(w->w_start, w->w_end, PROT_NONE))
		return;
	HOST(SYS_madvise, w->w_start, w->w_end - w->w_start, MADV_DONTNEED, 0,
	    0, 0);
	kernel.k_map_drop(m->m_handle,
	    m->m_off + (int64_t)(w->w_start - m->m_start),
	    w->w_end - w->w_start);
}

static void
drop_oldest(void)
{
	struct window old = *at(0);

	head++;
	nring--;
	resident -= old.w_end - old.w_start;
	if (old.w_end > old.w_start)
		drop(&old);
}

bool
windows_find(uintptr_t addr, uintptr_t *end)
{
	for (unsigned i = nring; i-- > 0;) {
		const struct window *w = at(i);

		if (addr >= w->w_start && addr < w->w_end) {
			*end = w->w_end;
			return true;
		}
	}
	return false;
}

void
windows_forget(uintptr_t start, uintptr_t end)
{
	uintptr_t tail = 0, tail_end = 0;

	for (unsigned i = 0; i < nring; i++) {
		struct window *w = at(i);
		uintptr_t from = w->w_start > start ? w->w_start : start;
		uintptr_t to = w->w_end < end ? w->w_end : end;

		if (from >= to)
			continue;
		resident -= to - from;
		if (from == w->w_start) {
			w->w_start = to;
		} else {
			/* Only one window can reach over both ends. */
			if (to < w->w_end) {
				tail = to;
				tail_end = w->w_end;
				resident -= tail_end - tail;
			}
			w->w_end = from;
		}
	}
	if (tail == 0)
		return;
	if (nring == RING)
		drop_oldest();
	append(tail, tail_end);
}

/* --- access ------------------------------------------------------------ */

void
windows_conceal(uintptr_t start, uintptr_t end)
{
	(void)protect(start, end, PROT_NONE);
	windows_forget(start, end);
}

/* What can be read stays so: a child that is forked now has no kernel that could
 * show it once more. */
void
windows_guard(const struct mapping *m, uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; i < nring; i++) {
		const struct window *w = at(i);
		uintptr_t from = w->w_start > start ? w->w_start : start;
		uintptr_t to = w->w_end < end ? w->w_end : end;

		if (from < to && !protect(from, to, windows_first_prot(m))) {
			windows_conceal(start, end);
			return;
		}
	}
}

/* Every mapping becomes one area for the host again. */
static void
conceal_all(void)
{
	const struct mapping *m;
	uintptr_t from = 0;

	for (; (m = mappings_next_locked(from)) != NULL; from = m->m_end)
		windows_conceal(m->m_start, m->m_end);
	runs = 0;
}

static bool
protect_at_any_cost(uintptr_t start, uintptr_t end, int prot)
{
	if (protect(start, end, prot))
		return true;
	conceal_all();
	return protect(start, end, prot);
}

bool
windows_show(const struct mapping *m, uintptr_t start, uintptr_t end)
{
	windows_forget(start, end);
	if (!protect_at_any_cost(start, end, windows_first_prot(m)))
		return false;
	append(start, end);
	while (nring == RING || (resident > RESIDENT_MAX && nring > 1))
		drop_oldest();
	return true;
}

bool
windows_show_writable(const struct mapping *m, uintptr_t start, uintptr_t end)
{
	if (runs++ < RUNS_MAX && protect(start, end, m->m_prot))
		return true;
	conceal_all();
	return windows_show(m, start, end) && protect(start, end, m->m_prot);
}

void
windows_forked(void)
{
	for (unsigned i = 0; i < nring; i++) {
		const struct window *w = at(i);
		const struct mapping *m = mappings_find_locked(w->w_start);

		if (w->w_end > w->w_start && m != NULL && windows_tracked(m))
			(void)protect(
			    w->w_start, w->w_end, windows_first_prot(m));
	}
}
