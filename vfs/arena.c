/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.  The memfd is far larger than memory and all holes.  Its
 * lower quarter is cut into chunks for loose blocks; in the rest each mapped
 * file has a window of its own, unless it has a memfd of its own (arenaown.c).
 * The kernel maps whole chunks, a few at a time, so that a limit on the address
 * space costs cache and nothing else.
 *
 * arena_lock is held across mmap, munmap and fallocate: these do not sleep for
 * long, and they order a block's punching before its reuse.
 */
#include "vfs/arena.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/arenaown.h"
#include "vfs/user.h"

#define MEMFD_MAX ((off_t)1 << 46)
#define MEMFD_MIN ((off_t)1 << 26)
#define CHUNK ARENA_CHUNK
#define CHUNK_BLOCKS (CHUNK / PC_BLOCK)
#define HASH_SIZE 4096

_Static_assert(CHUNK_BLOCKS == 32, "ck_free is a bit map of 32");

kmutex_t arena_lock;     /* a */
static int hostfd = -1;  /* i */
static off_t memfd_size; /* i */
/* Chunks with free blocks in front. */
static struct list loose_chunks = LIST_INITIALIZER(loose_chunks);
static off_t loose_next; /* a: never used from here on */
static struct list buckets[HASH_SIZE];

static off_t
window_base(void)
{
	return memfd_size / 4;
}

int
arena_init(void)
{
	int error = EFBIG;

	mutex_init(&arena_lock, "arena");
	for (size_t i = 0; i < HASH_SIZE; i++)
		list_init(&buckets[i]);
	/* A hard limit on file sizes counts for the memfd, too. */
	for (memfd_size = MEMFD_MAX; memfd_size >= MEMFD_MIN; memfd_size /= 4) {
		error = rumpcomp_vfs_memfd(memfd_size, &hostfd);
		if (error != EFBIG)
			break;
	}
	if (error == 0)
		arena_window_init(ROUNDUP(window_base(), CHUNK), memfd_size);
	return error;
}

int
arena_hostfd(void)
{
	return hostfd;
}

off_t
arena_memfd_size(void)
{
	return memfd_size;
}

static int
hostfd_of(const struct arena_own *ao)
{
	return ao == NULL ? hostfd : ao->ao_fd;
}

/* Map the chunk at off, of ao's memfd or the shared one. */
static int
chunk_create(struct arena_own *ao, off_t off, bool loose, struct chunk **ckp)
    REQUIRES(arena_lock)
{
	struct chunk *ck = kmem_alloc(sizeof(*ck), KM_NOSLEEP);
	int error;

	if (ck == NULL)
		return ENOMEM;
	error =
	    rumpcomp_vfs_map(hostfd_of(ao), off, (size_t)CHUNK, &ck->ck_addr);
	if (error != 0)
		goto fail_free;
	ck->ck_own = ao;
	ck->ck_off = off;
	ck->ck_free = UINT32_MAX;
	ck->ck_used = 0;
	ck->ck_loose = loose;
	list_init(&ck->ck_list);
	list_init(&ck->ck_own_list);
	if (ao != NULL)
		error = arena_own_chunk(ao, ck);
	if (error != 0)
		goto fail_unmap;
	*ckp = ck;
	return 0;

fail_unmap:
	rumpcomp_vfs_unmap(ck->ck_addr, (size_t)CHUNK);
fail_free:
	kmem_free(ck, sizeof(*ck));
	return ENOMEM;
}

static void
chunk_destroy(struct chunk *ck)
{
	list_remove(&ck->ck_list);
	list_remove(&ck->ck_own_list);
	rumpcomp_vfs_unmap(ck->ck_addr, (size_t)CHUNK);
	kmem_free(ck, sizeof(*ck));
}

static uint32_t
block_bit(const struct chunk *ck, off_t off)
{
	return UINT32_C(1) << (off - ck->ck_off) / PC_BLOCK;
}

static void
block_at(struct chunk *ck, off_t off, struct arena_mem *am)
{
	ck->ck_free &= ~block_bit(ck, off);
	ck->ck_used++;
	am->am_chunk = ck;
	am->am_off = off;
	am->am_addr = (char *)ck->ck_addr + (off - ck->ck_off);
}

/* The place for a new loose chunk: where one has been given up, or fresh. */
static off_t given_up[64]; /* a */
static size_t ngiven_up;   /* a */

static int
loose_grow(struct chunk **ckp) REQUIRES(arena_lock)
{
	off_t off;
	int error;

	off = ngiven_up > 0 ? given_up[ngiven_up - 1] : loose_next;
	if (off + CHUNK > window_base())
		return ENOMEM;
	error = chunk_create(NULL, off, true, ckp);
	if (error != 0)
		return error;
	if (ngiven_up > 0)
		ngiven_up--;
	else
		loose_next += CHUNK;
	list_insert_head(&loose_chunks, &(*ckp)->ck_list);
	return 0;
}

int
arena_alloc(struct arena_mem *am)
{
	struct chunk *ck = NULL;
	int error = 0, bit;

	mutex_enter(&arena_lock);
	if (!list_empty(&loose_chunks))
		ck = LIST_ENTRY(loose_chunks.next, struct chunk, ck_list);
	if (ck == NULL || ck->ck_free == 0)
		error = loose_grow(&ck);
	if (error == 0) {
		bit = __builtin_ctz(ck->ck_free);
		block_at(ck, ck->ck_off + bit * (off_t)PC_BLOCK, am);
		if (ck->ck_free == 0) {
			list_remove(&ck->ck_list);
			list_insert_tail(&loose_chunks, &ck->ck_list);
		}
	}
	mutex_exit(&arena_lock);
	return error;
}

static struct list *
bucket(const struct arena_own *ao, off_t off)
{
	uint64_t hash = (uint64_t)(off / CHUNK) + (uintptr_t)ao / 64;

	return &buckets[hash % HASH_SIZE];
}

static struct chunk *
window_chunk(const struct arena_own *ao, off_t off) REQUIRES(arena_lock)
{
	struct list *head = bucket(ao, off), *n;

	LIST_FOREACH (n, head) {
		struct chunk *ck = LIST_ENTRY(n, struct chunk, ck_list);

		if (ck->ck_off == off && ck->ck_own == ao)
			return ck;
	}
	return NULL;
}

int
arena_alloc_at(struct arena_own *ao, off_t off, struct arena_mem *am)
{
	off_t start = off - off % CHUNK;
	struct chunk *ck;
	int error = 0;

	mutex_enter(&arena_lock);
	ck = window_chunk(ao, start);
	if (ck == NULL) {
		error = chunk_create(ao, start, false, &ck);
		if (error == 0)
			list_insert_head(bucket(ao, start), &ck->ck_list);
	}
	if (error == 0 && (ck->ck_free & block_bit(ck, off)) == 0)
		error = EBUSY;
	if (error == 0)
		block_at(ck, off, am);
	mutex_exit(&arena_lock);
	return error;
}

bool
arena_busy(const struct arena_own *ao, off_t off)
{
	const struct chunk *ck;
	bool busy;

	mutex_enter(&arena_lock);
	ck = window_chunk(ao, off - off % CHUNK);
	busy = ck != NULL && (ck->ck_free & block_bit(ck, off)) == 0;
	mutex_exit(&arena_lock);
	return busy;
}

/* Is there a loose chunk with a block to offer?  They stand in front. */
static bool
loose_offer(void) REQUIRES(arena_lock)
{
	return !list_empty(&loose_chunks) &&
	       LIST_ENTRY(loose_chunks.next, struct chunk, ck_list)->ck_free !=
		   0;
}

/*
 * A loose chunk has a block to offer, or is not in use at all any more.  The
 * last that has something to offer stays, lest it be mapped again at once.
 */
static void
loose_freed(struct chunk *ck) REQUIRES(arena_lock)
{
	list_remove(&ck->ck_list);
	if (ck->ck_used == 0 && loose_offer() && ngiven_up < NITEMS(given_up)) {
		given_up[ngiven_up++] = ck->ck_off;
		chunk_destroy(ck);
		return;
	}
	list_insert_head(&loose_chunks, &ck->ck_list);
}

void
arena_free(struct arena_mem *am)
{
	struct chunk *ck = am->am_chunk;

	mutex_enter(&arena_lock);
	rumpcomp_vfs_punch(hostfd_of(ck->ck_own), am->am_off, PC_BLOCK);
	if (ck->ck_own != NULL && am->am_off + PC_BLOCK > ck->ck_own->ao_size)
		rumpcomp_vfs_forget(am->am_addr, PC_BLOCK);
	ck->ck_free |= block_bit(ck, am->am_off);
	ck->ck_used--;
	if (ck->ck_loose)
		loose_freed(ck);
	else if (ck->ck_used == 0)
		chunk_destroy(ck);
	mutex_exit(&arena_lock);
}
