/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of the program's mappings of rump files: disjoint intervals in
 * order of address.  Functions whose name ends in _locked want the table
 * locked.
 */
#ifndef PRELOAD_MAPPINGS_H
#define PRELOAD_MAPPINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
	uintptr_t m_start, m_end;
	void *m_handle; /* of rump_map_create(); one reference each */
	const void *m_file;
	int64_t m_off; /* file offset of m_start */
	int m_prot;    /* what the program asked for */
	bool m_shared;
	bool m_writable;  /* shared: may be written to */
	bool m_memory;    /* of a memory file */
	bool m_keep;      /* pages must not be taken away: may hold changes that
			  * nobody else has */
	size_t m_window;  /* bytes made accessible at a time */
	unsigned m_birth; /* as rf_birth */
	/* The last window and the last run of writable pages: what follows is
	 * longer. */
	uintptr_t m_fill_end, m_run_end;
	size_t m_fill_len, m_run_len;
};

/* No mapping at all: a fast test, without the lock. */
extern atomic_uint mappings_n;

void mappings_lock(void);
void mappings_unlock(void);
/* In a forked child: unlock, and forget what its process in the kernel, made
 * before the host's copy of this table was, cannot know.  birth: as
 * fdmap_forked(). */
void mappings_forked(unsigned birth);

/* Enter a mapping where there is none; takes over m's handle.  False when
 * memory is out. */
bool mappings_insert_locked(const struct mapping *m);
/* The mapping at addr, or NULL; valid while locked. */
struct mapping *mappings_find_locked(uintptr_t addr);
/* The first mapping that ends behind addr, or NULL. */
struct mapping *mappings_next_locked(uintptr_t addr);
/* Make addr, if it lies within a mapping, a border.  False: out of memory. */
bool mappings_split_locked(uintptr_t addr);

/* Make one mapping again of those in and around [start, end) that only differ
 * in their place. */
void mappings_join_locked(uintptr_t start, uintptr_t end);

/* Forget [start, end), splitting what overlaps; drops the references.  Takes
 * the lock itself; may sleep. */
void mappings_remove(uintptr_t start, uintptr_t end);
/* ... but only what has this handle: others may have mapped something there. */
void mappings_remove_handle(uintptr_t start, uintptr_t end, const void *handle);
/* Enter m in place of what is there, at once.  As mappings_insert_locked() and
 * mappings_remove(). */
bool mappings_replace(const struct mapping *m);

#endif /* !PRELOAD_MAPPINGS_H */
