/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slot belongs to a thread for one call.  Which one it was last is a hint, so
 * that a thread finds the same worker again, and threads that do not call at
 * one time share slots and thereby workers.
 *
 * Slots are mapped when they are first used.  They are no memory of the
 * program's: not in a forked child, which has a connection of its own, and not
 * in a core.  A vfork child has its few at once: what it would note about a
 * descriptor, its parent, whose memory it is, would believe.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/hidden.h"
#include "preload/remote_link.h"
#include "preload/shown.h"
#include "preload/summary.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#include <linux/futex.h>

#define NONE UINT32_MAX
#define TLS __attribute__((tls_model("initial-exec")))

static __thread uint32_t hint TLS;
static __thread uint32_t held_index TLS;
static __thread struct remote *held_by TLS;

static uint64_t
bit_of(uint32_t i)
{
	return (uint64_t)1 << (i % 64);
}

static bool
try_take(struct remote *rm, uint32_t i)
{
	_Atomic uint64_t *word = &rm->rm_busy[i / 64];

	return i < rm->rm_nslots &&
	       (atomic_fetch_or(word, bit_of(i)) & bit_of(i)) == 0;
}

/* The lowest one that is free. */
static uint32_t
find_free(struct remote *rm)
{
	for (uint32_t base = 0; base < rm->rm_nslots; base += 64) {
		uint64_t open = ~atomic_load(&rm->rm_busy[base / 64]);

		for (; open != 0; open &= open - 1) {
			uint32_t i = base + (uint32_t)__builtin_ctzll(open);

			if (try_take(rm, i))
				return i;
		}
	}
	return NONE;
}

static uint32_t
take_any(struct remote *rm)
{
	if (try_take(rm, hint))
		return hint;
	return find_free(rm);
}

/* More callers than slots.  0 or RUMP_ERESTART. */
static int
wait_for_slot(struct remote *rm, bool patient, uint32_t *index)
{
	const volatile uint32_t *intr = patient ? NULL : &remote_interrupted;
	int error = 0;

	atomic_fetch_add(&rm->rm_waiters, 1);
	for (;;) {
		uint32_t seen = atomic_load(&rm->rm_freed);
		const long args[6] = { (long)&rm->rm_freed, FUTEX_WAIT_PRIVATE,
			seen };

		*index = take_any(rm);
		if (*index != NONE)
			break;
		if (intr != NULL && *intr != 0) {
			error = RUMP_ERESTART;
			break;
		}
		engine_host_call_intr(intr, SYS_futex, args);
	}
	atomic_fetch_sub(&rm->rm_waiters, 1);
	return error;
}

void
remote_slot_put(struct remote *rm, uint32_t i)
{
	atomic_fetch_and(&rm->rm_busy[i / 64], ~bit_of(i));
	if (atomic_load(&rm->rm_waiters) == 0)
		return;
	atomic_fetch_add(&rm->rm_freed, 1);
	HOST(SYS_futex, &rm->rm_freed, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

void
remote_slot_hold(struct remote *rm, uint32_t i)
{
	/* A vfork child has its parent's record of this. */
	remote_slot_release();
	held_by = rm;
	held_index = i;
}

void
remote_slot_release(void)
{
	if (held_by != NULL)
		remote_slot_put(held_by, held_index);
	held_by = NULL;
}

/* --- mapping ----------------------------------------------------------- */

/* NULL: the host does not want to.  What a vfork child has, a forked one takes
 * away by itself. */
static struct fast_slot *
map_slots(int area, uint32_t first, uint32_t n, bool inherited)
{
	size_t len = (size_t)n * FAST_SLOT_SIZE;
	long r = HOST(SYS_mmap, 0, len, PROT_READ | PROT_WRITE, MAP_SHARED,
	    area, (int64_t)first * FAST_SLOT_SIZE);

	if (r < 0 && r > -4096)
		return NULL;
	if (!inherited)
		HOST(SYS_madvise, r, len, MADV_DONTFORK, 0, 0, 0);
	HOST(SYS_madvise, r, len, MADV_DONTDUMP, 0, 0, 0);
	return (struct fast_slot *)r;
}

/* The worker of the slot is wanted from now on. */
static int
start_slot(struct remote *rm, uint32_t i)
{
	struct fast_message fm = { .fm_type = FAST_START, .fm_arg = i };

	return remote_send(rm, &fm, NULL, -1);
}

/* The caller has the slot's bit. */
static int
open_slot(struct remote *rm, uint32_t i)
{
	struct fast_slot *sl = rm->rm_slots[i];
	int error;

	if (sl != NULL)
		return 0;
	sl = rm->rm_first != NULL ? fast_slot(rm->rm_first, i)
				  : map_slots(rm->rm_area, i, 1, false);
	if (sl == NULL)
		return RUMP_ENOMEM;
	error = start_slot(rm, i);
	if (error == 0 && i == 0 && rm == remote_of_memory())
		shown_begin(sl);
	if (error == 0)
		rm->rm_slots[i] = sl;
	else if (rm->rm_first == NULL)
		HOST(SYS_munmap, sl, FAST_SLOT_SIZE, 0, 0, 0, 0);
	return error;
}

int
remote_slot_take(
    struct remote *rm, bool patient, uint32_t *index, struct fast_slot **sl)
{
	int error = 0;

	if (held_by == rm)
		*index = held_index;
	else
		*index = take_any(rm);
	held_by = held_by == rm ? NULL : held_by;
	if (*index == NONE)
		error = wait_for_slot(rm, patient, index);
	if (error != 0)
		return error;
	hint = *index;
	error = open_slot(rm, *index);
	if (error != 0) {
		remote_slot_put(rm, *index);
		return error;
	}
	*sl = rm->rm_slots[*index];
	return 0;
}

/* --- life -------------------------------------------------------------- */

static size_t
table_size(const struct remote *rm)
{
	return rm->rm_nslots * sizeof(rm->rm_slots[0]);
}

/* All at once: the descriptor is not needed any more. */
static bool
map_first(struct remote *rm, int area)
{
	rm->rm_first = map_slots(area, 0, rm->rm_nslots, rm->rm_borrowed);
	HOST(SYS_close, area, 0, 0, 0, 0, 0);
	rm->rm_area = -1;
	return rm->rm_first != NULL;
}

int
remote_slots_begin(struct remote *rm, int area)
{
	long r;

	rm->rm_nslots = rm->rm_borrowed ? REMOTE_BORROWED_SLOTS : FAST_SLOTS;
	if (rm->rm_borrowed || rm->rm_shares
		? !map_first(rm, area)
		: (rm->rm_area = (int)hidden_take(area)) < 0)
		return RUMP_ENOMEM;
	r = HOST(SYS_mmap, 0, table_size(rm), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return RUMP_ENOMEM;
	rm->rm_slots = (struct fast_slot **)r;
	return 0;
}

void
remote_slots_unmap(struct remote *rm)
{
	if (rm == remote_of_memory())
		shown_end();
	for (uint32_t i = 0;
	     rm->rm_slots != NULL && rm->rm_first == NULL && i < rm->rm_nslots;
	     i++) {
		if (rm->rm_slots[i] != NULL)
			HOST(SYS_munmap, rm->rm_slots[i], FAST_SLOT_SIZE, 0, 0,
			    0, 0);
	}
	remote_slots_end(rm);
}

void
remote_slots_end(struct remote *rm)
{
	if (held_by == rm)
		held_by = NULL;
	if (rm == remote_of_memory())
		shown_end();
	summary_detach(rm);
	if (rm->rm_first != NULL)
		HOST(SYS_munmap, rm->rm_first,
		    (size_t)rm->rm_nslots * FAST_SLOT_SIZE, 0, 0, 0, 0);
	if (rm->rm_slots != NULL)
		HOST(SYS_munmap, rm->rm_slots, table_size(rm), 0, 0, 0, 0);
	rm->rm_first = NULL;
	rm->rm_slots = NULL;
	for (size_t i = 0; i < FAST_SLOTS / 64; i++)
		atomic_store(&rm->rm_busy[i], 0);
}
