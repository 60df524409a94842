/* SPDX-License-Identifier: BSD-2-Clause */
/* The insides of the descriptor map, for fdmap.c, fdnumbers.c and fdview.c. */
#ifndef PRELOAD_FDSLOTS_H
#define PRELOAD_FDSLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/engine/thread.h"
#include "preload/fdmap.h"

#define FD_SECOND 1024 /* slots of a second-level table */
#define FD_FIRST 1024
#define FD_MAX (FD_FIRST * FD_SECOND)
#define FD_HIDDEN ((struct rfile *)1)

typedef _Atomic(struct rfile *) slot_t;

struct fdview {
	atomic_ulong
	    fv_n; /* entries of fv_table so far; the others are not set */
	_Atomic(slot_t *) fv_table[FD_FIRST];
};

/* The process's own map. */
extern struct fdview fdmap_own;

/* The map of the calling process. */
static inline struct fdview *
fdmap_view(void)
{
	struct fdview *fv = engine_thread.t_view;

	return fv != NULL ? fv : &fdmap_own;
}

static inline slot_t *
slot_find(long fd)
{
	struct fdview *fv = fdmap_view();
	unsigned long first = (unsigned long)fd / FD_SECOND;
	slot_t *second;

	if (first >= atomic_load_explicit(&fv->fv_n, memory_order_acquire))
		return NULL;
	second =
	    atomic_load_explicit(&fv->fv_table[first], memory_order_acquire);
	return second == NULL ? NULL : &second[fd % FD_SECOND];
}

static inline struct rfile *
slot_load(long fd)
{
	slot_t *slot = slot_find(fd);

	return slot == NULL ? NULL
			    : atomic_load_explicit(slot, memory_order_acquire);
}

static inline bool
slot_is_file(const struct rfile *rf)
{
	return rf != NULL && rf != FD_HIDDEN;
}

/* As slot_find(), making the table; NULL when memory or numbers are out. */
slot_t *slot_make(long fd);
/* An empty second-level table for a view, or NULL. */
slot_t *fdview_second(void);
/* Empty a slot that is not hidden; returns what it held, with its reference. */
struct rfile *slot_take(long fd);

/* Put rf, with its reference, into the slot of a host number that is new.  The
 * number or -errno. */
long rfile_enter(struct rfile *rf, long number);
/* A file with one reference; NULL when memory is out. */
struct rfile *rfile_create(
    int fd, enum rfile_kind kind, int rule, bool path_only);
/* A file like rf, for another process's map, with one reference; NULL when
 * memory is out. */
struct rfile *rfile_copy(const struct rfile *rf);
/* Forget rf, whose file is not for this process to close. */
void rfile_free(struct rfile *rf);

/* Files that vfork children without a map of their own have left behind are
 * closed. */
void fdmap_clean_up(void);
void fdmap_forget_left(void);
/* Another thread may have changed the number at the same time. */
void fdmap_settle(long number);
/* Duplicate the placeholder: lowest number >= min; out of the program's way; to
 * a given one, with the flags of dup3(2) or -1.  The number or -errno. */
long placeholder_dup(long min, bool cloexec);
long placeholder_away(void);
long placeholder_dup2(long to, long flags);
/* dup2(2), or dup3(2) with flags >= 0, of the host. */
long host_dup2(long from, long to, long flags);
/* F_DUPFD, or F_DUPFD_CLOEXEC; likewise. */
long host_dup(long from, long min, bool cloexec);

#endif /* !PRELOAD_FDSLOTS_H */
