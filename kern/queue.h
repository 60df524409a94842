/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One intrusive doubly linked list.  A node on no list points at itself, so
 * removal is idempotent and membership can be asked.  Not locked.
 */
#ifndef KERN_QUEUE_H
#define KERN_QUEUE_H

#include "kern/types.h"

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INITIALIZER(l)                                                    \
	{                                                                      \
		&(l), &(l)                                                     \
	}
#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)
#define LIST_FOREACH(n, head)                                                  \
	for ((n) = (head)->next; (n) != (head); (n) = (n)->next)
/* As above; the current node may be removed in the body. */
#define LIST_FOREACH_SAFE(n, t, head)                                          \
	for ((n) = (head)->next; ((t) = (n)->next), (n) != (head); (n) = (t))

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_insert_tail(struct list *head, struct list *n)
{
	n->next = head;
	n->prev = head->prev;
	head->prev->next = n;
	head->prev = n;
}

static inline void
list_insert_head(struct list *head, struct list *n)
{
	list_insert_tail(head->next, n);
}

static inline void
list_remove(struct list *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
	list_init(n);
}

#endif /* !KERN_QUEUE_H */
