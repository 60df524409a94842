/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of one mapped file's own, between the files arena*.c; see
 * arenaown.c. */
#ifndef VFS_ARENAOWN_H
#define VFS_ARENAOWN_H

#include "kern/mutex.h"
#include "kern/queue.h"
#include "vfs/arena.h"

extern kmutex_t arena_lock; /* a */

struct chunk {
	struct list ck_list;     /* a: loose_chunks or a bucket of windows */
	struct list ck_own_list; /* a: of ck_own */
	struct arena_own
	    *ck_own;      /* i: whose memfd it is in; NULL: the shared */
	off_t ck_off;     /* i */
	void *ck_addr;    /* i */
	uint32_t ck_free; /* a: blocks not in use */
	uint32_t ck_used; /* a: blocks in use */
	bool ck_loose;    /* i */
};

struct arena_own {
	int ao_fd;             /* i */
	off_t ao_size;         /* a: up to here the kernel maps the memfd */
	off_t ao_hostsize;     /* a: not less: the size of the memfd */
	off_t ao_shown;        /* a: nobody has been shown pages behind that
				  and been cut off */
	bool ao_firm;          /* a: the memfd cannot be cut any more */
	struct list ao_chunks; /* a */
};

/* ck is a new chunk of ao, mapped as a whole.  0 or ENOMEM. */
int arena_own_chunk(struct arena_own *ao, struct chunk *ck)
    REQUIRES(arena_lock);

#endif /* !VFS_ARENAOWN_H */
