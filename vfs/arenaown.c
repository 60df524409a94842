/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of one mapped file's own.
 *
 * Where the maps are those of other processes, nobody can take pages away from
 * all of them when a file is cut off.  The host can: pages behind the end of a
 * memfd raise SIGBUS in whatever process maps them, and come back when it grows.
 * So such a file has a memfd of its own, whose size is that of the file as soon
 * as that matters.
 *
 * The kernel itself must never meet such a page, since nobody counts who is
 * reading or receiving into one.  Its own mapping of a chunk is therefore the
 * memfd's up to the size, and private memory behind it, which is put there before
 * the memfd is cut and taken away after it has grown.  What the kernel stores
 * there is lost: whoever is going to give a page contents says so before
 * (pcblock_reach()).
 *
 * As long as nobody has been cut off the size is larger than any file.
 *
 * Whoever may store into the memory through a descriptor could cut it, too, under
 * our feet.  Before somebody gets one whom we do not trust with that the memfd is
 * made firm: it is never cut again, and truncation hides nothing from those that
 * map the file.  It is as large then as it can be: others may make it larger, so
 * that we could not any more.
 */
#include "vfs/arenaown.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "vfs/user.h"

static uint32_t nowns; /* arena_lock */
static uint32_t owns_most;

int
arena_own_create(struct arena_own **aop)
{
	struct arena_own *ao;
	bool many;
	int error;

	mutex_enter(&arena_lock);
	if (owns_most == 0)
		owns_most = MAX(rumpcomp_vfs_descriptors() / 4, 1);
	many = nowns >= owns_most;
	if (!many)
		nowns++;
	mutex_exit(&arena_lock);
	if (many)
		return ENOMEM;
	ao = kmem_zalloc(sizeof(*ao), KM_SLEEP);
	ao->ao_size = ao->ao_hostsize = arena_memfd_size();
	list_init(&ao->ao_chunks);
	error = rumpcomp_vfs_memfd(ao->ao_size, &ao->ao_fd);
	if (error == 0) {
		*aop = ao;
		return 0;
	}
	kmem_free(ao, sizeof(*ao));
	mutex_enter(&arena_lock);
	nowns--;
	mutex_exit(&arena_lock);
	return error;
}

void
arena_own_destroy(struct arena_own *ao)
{
	KASSERT(list_empty(&ao->ao_chunks));
	rumpcomp_vfs_close(ao->ao_fd);
	kmem_free(ao, sizeof(*ao));
	mutex_enter(&arena_lock);
	nowns--;
	mutex_exit(&arena_lock);
}

int
arena_own_fd(const struct arena_own *ao)
{
	return ao->ao_fd;
}

/* The part of ck that lies in [lo, hi) becomes the memfd's, or private. */
static int
chunk_remap(struct arena_own *ao, struct chunk *ck, off_t lo, off_t hi,
    bool memfd) REQUIRES(arena_lock)
{
	lo = MAX(lo, ck->ck_off);
	hi = MIN(hi, ck->ck_off + ARENA_CHUNK);
	if (lo >= hi)
		return 0;
	return rumpcomp_vfs_remap((char *)ck->ck_addr + (lo - ck->ck_off),
	    (size_t)(hi - lo), memfd ? ao->ao_fd : -1, lo);
}

static int
remap(struct arena_own *ao, off_t lo, off_t hi, bool memfd) REQUIRES(arena_lock)
{
	int error = 0;
	struct list *n;

	LIST_FOREACH (n, &ao->ao_chunks) {
		struct chunk *ck = LIST_ENTRY(n, struct chunk, ck_own_list);

		error = chunk_remap(ao, ck, lo, hi, memfd);
		if (error != 0)
			break;
	}
	return error;
}

int
arena_own_chunk(struct arena_own *ao, struct chunk *ck)
{
	int error;

	error = chunk_remap(ao, ck, ao->ao_size, INT64_MAX, false);
	if (error == 0)
		list_insert_head(&ao->ao_chunks, &ck->ck_own_list);
	return error;
}

bool
arena_own_cut(struct arena_own *ao, off_t size, off_t shown)
{
	bool cut;

	mutex_enter(&arena_lock);
	if (size < ao->ao_size && !ao->ao_firm) {
		/* Without memory for that the pages stay as they are, and come
		 * back by arena_own_reach(), too. */
		if (remap(ao, size, INT64_MAX, false) == 0 &&
		    rumpcomp_vfs_resize(ao->ao_fd, size) == 0)
			ao->ao_hostsize = size;
		ao->ao_size = size;
		ao->ao_shown = MAX(ao->ao_shown, shown);
	}
	cut = ao->ao_hostsize <= size;
	mutex_exit(&arena_lock);
	return cut;
}

/* All of ao up to size is the memfd's. */
static int
extend(struct arena_own *ao, off_t size) REQUIRES(arena_lock)
{
	int error = 0;

	if (size > ao->ao_hostsize)
		error = rumpcomp_vfs_resize(ao->ao_fd, size);
	if (error == 0) {
		ao->ao_hostsize = MAX(ao->ao_hostsize, size);
		error = remap(ao, ao->ao_size, size, true);
	}
	if (error == 0)
		ao->ao_size = size;
	return error;
}

int
arena_own_firm(struct arena_own *ao)
{
	int error = 0;

	mutex_enter(&arena_lock);
	if (!ao->ao_firm) {
		error = extend(ao, arena_memfd_size());
		if (error == 0)
			error = rumpcomp_vfs_seal(ao->ao_fd);
		ao->ao_firm = error == 0;
	}
	mutex_exit(&arena_lock);
	return error;
}

int
arena_own_reach(struct arena_own *ao, off_t size)
{
	int error = 0;

	mutex_enter(&arena_lock);
	if (size > ao->ao_size) {
		/* Nobody has anything behind that, and need not be hindered. */
		if (size >= ao->ao_shown)
			size = arena_memfd_size();
		error = extend(ao, size);
	}
	mutex_exit(&arena_lock);
	return error == 0 ? 0 : ENOMEM;
}
