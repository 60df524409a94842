/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of the page cache: blocks of one sparse memfd and the kernel's
 * mappings of them.
 */
#ifndef VFS_ARENA_H
#define VFS_ARENA_H

#include "kern/types.h"
#include "vfs/pagecache.h"

/* Windows begin and end at multiples of this, which is what the kernel maps. */
#define ARENA_CHUNK ((off_t)2 << 20)

struct arena_own;
struct chunk;

struct arena_mem {
	void *am_addr; /* PC_BLOCK bytes */
	off_t am_off;  /* where they lie in the memfd */
	struct chunk *am_chunk;
};

/* At boot: make the memfd.  0 or errno. */
int arena_init(void);
int arena_hostfd(void);
/* Any memfd may be as long as this. */
off_t arena_memfd_size(void);
/* Any block; its pages read as zeros.  0 or ENOMEM. */
int arena_alloc(struct arena_mem *am);
/* The block at off of a window, or of ao unless that is NULL; EBUSY while it is
 * still in use. */
int arena_alloc_at(struct arena_own *ao, off_t off, struct arena_mem *am);
/* Is that block still in use? */
bool arena_busy(const struct arena_own *ao, off_t off);
/* Give the pages back to the host. */
void arena_free(struct arena_mem *am);

/* Reserve len contiguous bytes of the memfd.  0 or ENOMEM. */
int arena_window_alloc(off_t len, off_t *off);
/* Make the window at off len bytes long, where it lies.  0 or ENOMEM. */
int arena_window_grow(off_t off, off_t len);
void arena_window_free(off_t off);
/* At boot: windows lie in [low, high) of the memfd. */
void arena_window_init(off_t low, off_t high);

/*
 * A memfd of one file's own, in which offsets are those of the file.  0, ENOMEM
 * (also when there are too many) or what the host says.
 */
int arena_own_create(struct arena_own **aop);
/* No block of it is in use. */
void arena_own_destroy(struct arena_own *ao);
int arena_own_fd(const struct arena_own *ao);
/*
 * Pages behind size, a multiple of their size, raise SIGBUS in every process
 * that maps them, and in the kernel show nothing of what others see; some may
 * have been shown pages up to shown.  False: there is no memory for that, or
 * ao is firm, and they are accessible with what they show.
 */
bool arena_own_cut(struct arena_own *ao, off_t size, off_t shown);
/* Nobody can cut it from now on.  0 or errno. */
int arena_own_firm(struct arena_own *ao);
/* Pages up to size are going to have contents.  0 or ENOMEM. */
int arena_own_reach(struct arena_own *ao, off_t size);

#endif /* !VFS_ARENA_H */
