/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sparse array of pointers, as a radix tree: the blocks of a file by index.
 * A file of one block needs no node.  Not locked.
 */
#ifndef VFS_PCTREE_H
#define VFS_PCTREE_H

#include "kern/types.h"

struct pctree {
	void *pt_root;      /* at height 0 the item of index 0 */
	unsigned pt_height; /* levels of nodes */
};

/* NULL if there is none. */
void *pctree_get(const struct pctree *pt, uint64_t index);
/* Index must be empty.  0 or ENOMEM. */
int pctree_insert(struct pctree *pt, uint64_t index, void *item);
/* Index must not be empty. */
void pctree_replace(struct pctree *pt, uint64_t index, void *item);
void pctree_remove(struct pctree *pt, uint64_t index);
/* The first item at *index or above, and its index; NULL at the end. */
void *pctree_next(const struct pctree *pt, uint64_t *index);

#endif /* !VFS_PCTREE_H */
