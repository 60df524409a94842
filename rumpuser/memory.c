/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small allocator of its own, because a hypercall may come from a signal
 * handler that interrupted the program's malloc().
 *
 * A block of up to SMALL_MAX bytes is a slot of a chunk: CHUNK_BYTES at a
 * multiple of CHUNK_BYTES, cut into slots of one power of two, with the header
 * in place of the first slots.  A slot is aligned to its size, so alignment is
 * a matter of choosing the rank; and the address leads to the header, so
 * free() need not know what was chosen.  Anything else is a mapping at a
 * multiple of CHUNK_BYTES, which no slot ever is: that tells the two apart.
 *
 * The kernel has an allocator of its own above rumpuser_anonmmap() and takes
 * little from here, so one lock and powers of two are good enough.
 */
#include "rump/rumpuser.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "rump/rumpdefs.h"

#include "rumpuser/bug.h"
#include "rumpuser/lockword.h"
#include "rumpuser/pages.h"

#define CHUNK_BYTES 65536UL
#define SLOT_SHIFT_MIN 5
#define SLOT_SHIFT_MAX 14
#define SMALL_MAX (1UL << SLOT_SHIFT_MAX)
#define NRANKS (SLOT_SHIFT_MAX - SLOT_SHIFT_MIN + 1)

struct slot {
	struct slot *s_next;
};

struct chunk {
	LIST_ENTRY(chunk) c_link; /* m: in its list while it has room */
	struct slot *c_free;      /* m: slots that came back */
	unsigned c_rank;          /* i: log2 of the slot size, less the first */
	unsigned c_nused;         /* m */
	size_t c_fresh;           /* m: offset of the first slot never used */
};

static lockword_t memory_lock;            /* m: */
static LIST_HEAD(, chunk) chunks[NRANKS]; /* m: chunks with room */

static size_t
slot_size(unsigned rank)
{
	return 1UL << (rank + SLOT_SHIFT_MIN);
}

static unsigned
rank_of(size_t len)
{
	unsigned rank;

	for (rank = 0; slot_size(rank) < len; rank++)
		continue;
	return rank;
}

static bool
chunk_has_room(const struct chunk *c)
{
	return c->c_free != NULL || c->c_fresh < CHUNK_BYTES;
}

/* A chunk of this rank with room, in *cp. */
static int
chunk_get(unsigned rank, struct chunk **cp)
{
	struct chunk *c;
	void *mem;
	int error;

	c = LIST_FIRST(&chunks[rank]);
	if (c == NULL) {
		error = pages_map(NULL, CHUNK_BYTES, CHUNK_BYTES, 0, &mem);
		if (error != 0)
			return error;
		c = mem;
		c->c_rank = rank;
		c->c_fresh = slot_size(rank_of(sizeof(*c)));
		if (c->c_fresh < slot_size(rank))
			c->c_fresh = slot_size(rank);
		LIST_INSERT_HEAD(&chunks[rank], c, c_link);
	}
	*cp = c;
	return 0;
}

static void *
slot_take(struct chunk *c)
{
	struct slot *s;

	s = c->c_free;
	if (s != NULL) {
		c->c_free = s->s_next;
	} else {
		s = (struct slot *)((char *)c + c->c_fresh);
		c->c_fresh += slot_size(c->c_rank);
	}
	c->c_nused++;
	if (!chunk_has_room(c))
		LIST_REMOVE(c, c_link);
	return s;
}

/* An empty chunk goes back to the host unless it is the last of its rank. */
static void
slot_return(struct chunk *c, struct slot *s)
{
	bool had_room;

	had_room = chunk_has_room(c);
	s->s_next = c->c_free;
	c->c_free = s;
	c->c_nused--;
	if (!had_room)
		LIST_INSERT_HEAD(&chunks[c->c_rank], c, c_link);
	if (c->c_nused != 0 || (LIST_FIRST(&chunks[c->c_rank]) == c &&
				   LIST_NEXT(c, c_link) == NULL))
		return;
	LIST_REMOVE(c, c_link);
	pages_unmap(c, CHUNK_BYTES);
}

static int
small_alloc(size_t len, void **mem)
{
	struct chunk *c;
	int error;

	lockword_enter(&memory_lock);
	error = chunk_get(rank_of(len), &c);
	if (error == 0)
		*mem = slot_take(c);
	lockword_exit(&memory_lock);
	return error;
}

int
rumpuser_malloc(size_t len, int align, void **mem)
{
	size_t want;
	int error;

	CHECK(align >= 0 && (align & (align - 1)) == 0);
	want = len > (size_t)align ? len : (size_t)align;
	if (want <= SMALL_MAX)
		error = small_alloc(want, mem);
	else
		error = pages_map(NULL, len == 0 ? 1 : len,
		    (size_t)align > CHUNK_BYTES ? (size_t)align : CHUNK_BYTES,
		    0, mem);
	if (error != 0) {
		*mem = NULL;
		return RUMP_ENOMEM;
	}
	return 0;
}

void
rumpuser_free(void *mem, size_t len)
{
	uintptr_t offset;

	if (mem == NULL)
		return;
	offset = (uintptr_t)mem & (CHUNK_BYTES - 1);
	if (offset == 0) {
		pages_unmap(mem, len == 0 ? 1 : len);
		return;
	}
	lockword_enter(&memory_lock);
	slot_return((struct chunk *)((char *)mem - offset), mem);
	lockword_exit(&memory_lock);
}
