/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/pctree.h"

#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"

#define BITS 6
#define FANOUT (1u << BITS)
#define HEIGHT_MAX ((64 + BITS - 1) / BITS)

struct node {
	unsigned n_used;
	void *n_slot[FANOUT];
};

/* Is index beyond what a tree of this height holds? */
static bool
beyond(unsigned height, uint64_t index)
{
	return height * BITS < 64 && index >> (height * BITS) != 0;
}

static unsigned
slot_of(uint64_t index, unsigned level)
{
	return (unsigned)(index >> (level * BITS)) % FANOUT;
}

void *
pctree_get(const struct pctree *pt, uint64_t index)
{
	void *p = pt->pt_root;

	if (beyond(pt->pt_height, index))
		return NULL;
	for (unsigned level = pt->pt_height; level > 0 && p != NULL; level--)
		p = ((struct node *)p)->n_slot[slot_of(index, level - 1)];
	return p;
}

/* Put a level on top. */
static int
grow(struct pctree *pt)
{
	struct node *n;

	if (pt->pt_root != NULL) {
		n = kmem_zalloc(sizeof(*n), KM_NOSLEEP);
		if (n == NULL)
			return ENOMEM;
		n->n_slot[0] = pt->pt_root;
		n->n_used = 1;
		pt->pt_root = n;
	}
	pt->pt_height++;
	return 0;
}

int
pctree_insert(struct pctree *pt, uint64_t index, void *item)
{
	void **where = &pt->pt_root;
	struct node *parent = NULL;

	while (beyond(pt->pt_height, index)) {
		if (grow(pt) != 0)
			return ENOMEM;
	}
	where = &pt->pt_root;
	for (unsigned level = pt->pt_height; level > 0; level--) {
		if (*where == NULL) {
			*where = kmem_zalloc(sizeof(*parent), KM_NOSLEEP);
			if (*where == NULL)
				goto fail;
			if (parent != NULL)
				parent->n_used++;
		}
		parent = *where;
		where = &parent->n_slot[slot_of(index, level - 1)];
	}
	KASSERT(*where == NULL);
	*where = item;
	if (parent != NULL)
		parent->n_used++;
	return 0;

fail:
	/* Empty nodes on the way go by the way of removal. */
	pctree_remove(pt, index);
	return ENOMEM;
}

void
pctree_replace(struct pctree *pt, uint64_t index, void *item)
{
	void **where = &pt->pt_root;

	KASSERT(!beyond(pt->pt_height, index));
	for (unsigned level = pt->pt_height; level > 0; level--)
		where =
		    &((struct node *)*where)->n_slot[slot_of(index, level - 1)];
	*where = item;
}

void
pctree_remove(struct pctree *pt, uint64_t index)
{
	void **path[HEIGHT_MAX + 1];
	unsigned level;
	void **where = &pt->pt_root;

	KASSERT(!beyond(pt->pt_height, index));
	for (level = pt->pt_height; level > 0 && *where != NULL; level--) {
		path[level] = where;
		where =
		    &((struct node *)*where)->n_slot[slot_of(index, level - 1)];
	}
	if (level == 0 && *where != NULL) {
		*where = NULL;
		if (pt->pt_height > 0)
			((struct node *)*path[1])->n_used--;
	}
	for (level++; level <= pt->pt_height; level++) {
		struct node *n = *path[level];

		if (n->n_used > 0)
			break;
		kmem_free(n, sizeof(*n));
		*path[level] = NULL;
		if (level < pt->pt_height)
			((struct node *)*path[level + 1])->n_used--;
	}
	if (pt->pt_root == NULL)
		pt->pt_height = 0;
}

void *
pctree_next(const struct pctree *pt, uint64_t *index)
{
	uint64_t i = *index;

	while (!beyond(pt->pt_height, i)) {
		void *p = pt->pt_root;
		unsigned level = pt->pt_height;

		while (level > 0 && p != NULL) {
			level--;
			p = ((struct node *)p)->n_slot[slot_of(i, level)];
		}
		if (p != NULL) {
			*index = i;
			return p;
		}
		/* Nothing below this slot: go to the next one. */
		i = (i >> (level * BITS)) + 1;
		if (level * BITS >= 64 || i > UINT64_MAX >> (level * BITS))
			return NULL;
		i <<= level * BITS;
	}
	return NULL;
}
