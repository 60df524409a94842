/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A site is patched at its third trap: most sites of most programs run once or
 * twice, and two traps cost less than a patch.
 *
 * Patching takes all signals blocked and the lock, which is tried and not
 * waited for: the loser's site keeps trapping and has its turn later.  Without
 * it, one thread makes a page executable-only between another's mprotect and
 * its store.  The store itself is one aligned-enough 8-byte store within a
 * cache line, which other processors see whole or not at all; a window that
 * crosses a line is left alone while there are threads.  A slot is complete
 * before the jump to it is stored.
 */
#include "preload/engine/patch.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/broken.h"
#include "preload/engine/entry.h"
#include "preload/engine/insn.h"
#include "preload/engine/late.h"
#include "preload/engine/signals.h"
#include "preload/engine/site.h"
#include "preload/engine/thread.h"

#define PAGE 4096UL
#define LINE 64UL
#define JUMP_LEN 5
#define SITES 2048 /* a power of two */
#define PROBES 16
#define TRAPS_BEFORE_PATCH 3
#define DECIDED 255

static LATE struct {
	_Atomic uintptr_t st_site;
	_Atomic uint8_t st_traps; /* DECIDED: patched or hopeless */
} sites[SITES];

static atomic_flag patch_lock = ATOMIC_FLAG_INIT;
static unsigned slots_used; /* patch_lock */
static atomic_bool stopped;

void
patch_stop(void)
{
	atomic_store(&stopped, true);
}

void
patch_forked(void)
{
	atomic_flag_clear(&patch_lock);
}

static bool
make_writable(uintptr_t addr, size_t len, bool writable)
{
	uintptr_t page = addr & ~(PAGE - 1);
	int prot = PROT_READ | PROT_EXEC | (writable ? PROT_WRITE : 0);

	return HOST(SYS_mprotect, page, addr + len - page, prot, 0, 0, 0) == 0;
}

static bool
fill_slot(uint8_t *slot, const struct site_plan *pl, uintptr_t back)
{
	if (!make_writable((uintptr_t)slot, SLOT_SIZE, true) &&
	    !BROKEN(BREAK_TEXT))
		return false;
	memcpy(slot + SLOT_PREFIX - pl->pl_len, pl->pl_code, pl->pl_len);
	memcpy(slot + SLOT_BACK, &back, sizeof(back));
	make_writable((uintptr_t)slot, SLOT_SIZE, false);
	return true;
}

static bool
crosses_line(uintptr_t at)
{
	return (at & (LINE - 1)) > LINE - JUMP_LEN;
}

/* Other threads give a broken build time to be caught. */
static void
dawdle(void)
{
	int i;

	for (i = 0; i < 200; i++)
		HOST(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

/* Not seen as one: there is one thread. */
static void
store_bytes(uint8_t *at, const uint8_t jump[JUMP_LEN])
{
	int i;

	for (i = 0; i < JUMP_LEN; i++) {
		((volatile uint8_t *)at)[i] = jump[i];
		if (BROKEN(BREAK_TORN) || BROKEN(BREAK_LINE))
			dawdle();
	}
}

/* The 8 bytes around the window that lie in its cache line. */
static void
store_jump(uint8_t *at, const uint8_t jump[JUMP_LEN])
{
	uintptr_t line = (uintptr_t)at & ~(LINE - 1);
	uint8_t *word = at;
	union {
		uint64_t v;
		uint8_t b[8];
	} u;

	if (crosses_line((uintptr_t)at) || BROKEN(BREAK_TORN)) {
		store_bytes(at, jump);
		return;
	}
	if ((uintptr_t)at + 8 > line + LINE)
		word = (uint8_t *)(line + LINE - 8);
	memcpy(u.b, word, 8);
	memcpy(u.b + (at - word), jump, JUMP_LEN);
	*(volatile uint64_t *)(void *)word = u.v;
}

static bool
patch_at(uint8_t *at, const uint8_t *target)
{
	intptr_t distance = target - (at + JUMP_LEN);
	int32_t d32 = (int32_t)distance;
	uint8_t jump[JUMP_LEN] = { 0xe9 };

	if (d32 != distance || (engine_threads && !BROKEN(BREAK_LINE) &&
				   crosses_line((uintptr_t)at)))
		return false;
	memcpy(jump + 1, &d32, sizeof(d32));
	/* The vDSO stays as it is, and says nothing of other text. */
	if (!make_writable((uintptr_t)at, JUMP_LEN, true) &&
	    !BROKEN(BREAK_TEXT)) {
		if (BROKEN(BREAK_VDSO))
			patch_stop();
		return false;
	}
	if (BROKEN(BREAK_PATCH_LOCK))
		dawdle();
	store_jump(at, jump);
	make_writable((uintptr_t)at, JUMP_LEN, false);
	return true;
}

/* The lock is held. */
static void
patch_site(const uint8_t *site, long nr, const uint8_t *hdr)
{
	uint8_t *slot = engine_slots + (size_t)slots_used * SLOT_SIZE;
	struct site_plan pl;

	if (slots_used == SLOT_COUNT ||
	    !site_make_plan(
		site, nr, hdr, engine_slots, slot + SLOT_PREFIX, &pl))
		return;
	if (BROKEN(BREAK_WINDOW))
		pl.pl_at = site;
	if (!fill_slot(slot, &pl, (uintptr_t)site + 2)) {
		patch_stop();
		return;
	}
	/* First: a child that is forked in between must not use it again. */
	slots_used++;
	atomic_signal_fence(memory_order_seq_cst);
	if (!patch_at(
		(uint8_t *)(uintptr_t)pl.pl_at, slot + SLOT_PREFIX - pl.pl_len))
		slots_used--;
}

/* The site's entry, made if need be; -1 when the table is crowded there. */
static int
site_index(uintptr_t site)
{
	uint64_t hash = (site * 0x9e3779b97f4a7c15UL) >> 40;
	uintptr_t seen;
	unsigned i;
	int at;

	for (i = 0; i < PROBES; i++) {
		at = (int)((hash + i) & (SITES - 1));
		seen = 0;
		if (atomic_compare_exchange_strong(
			&sites[at].st_site, &seen, site) ||
		    seen == site)
			return at;
	}
	return -1;
}

static bool
try_lock(void)
{
	if (BROKEN(BREAK_PATCH_LOCK))
		return true;
	return !atomic_flag_test_and_set_explicit(
	    &patch_lock, memory_order_acquire);
}

void
patch_hit(uintptr_t site, long nr)
{
	struct dl_find_object object;
	uint64_t mask;
	int at;

	/* The last call of all need not be counted. */
	if (nr == SYS_exit_group ||
	    atomic_load_explicit(&stopped, memory_order_relaxed))
		return;
	at = site_index(site);
	if (at < 0 || sites[at].st_traps == DECIDED)
		return;
	if (++sites[at].st_traps < TRAPS_BEFORE_PATCH)
		return;
	mask = signal_block_all();
	if (try_lock()) {
		sites[at].st_traps = DECIDED;
		if (_dl_find_object((void *)site, &object) == 0)
			patch_site(
			    (const uint8_t *)site, nr, object.dlfo_eh_frame);
		atomic_flag_clear_explicit(&patch_lock, memory_order_release);
	} else {
		sites[at].st_traps = TRAPS_BEFORE_PATCH - 1;
	}
	signal_set_mask(mask);
}

/* --- everything at once ------------------------------------------------ */

static bool
is_syscall(const uint8_t *p)
{
	return p[0] == 0x0f && p[1] == 0x05;
}

/*
 * libc's clone(2) and clone3(2) end their unwind information right before the
 * instruction, since it is wrong in the child.  The instruction before says the
 * number.  text: where the bytes that are mapped end.
 */
static void
patch_behind(const uint8_t *last, const uint8_t *end, const uint8_t *text,
    const uint8_t *hdr)
{
	int32_t nr;

	if (last == NULL || end - last != JUMP_LEN || last[0] != 0xb8 ||
	    text - end < 2 || !is_syscall(end))
		return;
	memcpy(&nr, last + 1, sizeof(nr));
	patch_site(end, nr, hdr);
}

static void
patch_function(const uint8_t *begin, const uint8_t *end, const uint8_t *text,
    const uint8_t *hdr)
{
	const uint8_t *p, *last = NULL;
	struct insn in;

	for (p = begin; p < end; p += in.in_len) {
		if (insn_decode(p, &in) == 0)
			return;
		if (in.in_len == 2 && is_syscall(p))
			patch_site(p, -1, hdr);
		last = p;
	}
	if (p == end)
		patch_behind(last, end, text, hdr);
}

/* The end of the executable segment with p in it; p: there is none. */
static const uint8_t *
text_end(const struct dl_phdr_info *info, const uint8_t *p)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const uint8_t *from =
		    (const uint8_t *)(info->dlpi_addr + ph->p_vaddr);

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X) != 0 &&
		    p >= from && p < from + ph->p_filesz)
			return from + ph->p_filesz;
	}
	return p;
}

static int
patch_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uint8_t *begin, *end, *hdr = NULL;
	const int32_t *table;
	uint32_t n, i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			hdr = (const uint8_t *)(info->dlpi_addr +
						info->dlpi_phdr[i].p_vaddr);
	}
	/* The vDSO's text is not ours to change. */
	if (hdr == NULL || strlen(info->dlpi_name) == 0 ||
	    memcmp(info->dlpi_name, "linux-vdso", 10) == 0)
		return 0;
	if (hdr[3] != 0x3b)
		return 0;
	memcpy(&n, hdr + 8, sizeof(n));
	table = (const int32_t *)(const void *)(hdr + 12);
	for (i = 0; i < n; i++) {
		if (site_function(hdr, hdr + table[2 * i], &begin, &end) &&
		    (begin < engine_range_begin || begin >= engine_range_end))
			patch_function(begin, end, text_end(info, begin), hdr);
	}
	return 0;
}

void
patch_everything(void)
{
	uint64_t mask = signal_block_all();

	while (!try_lock())
		HOST(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	if (!atomic_load(&stopped))
		dl_iterate_phdr(patch_object, NULL);
	atomic_flag_clear_explicit(&patch_lock, memory_order_release);
	signal_set_mask(mask);
}
