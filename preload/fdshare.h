/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table of descriptors, several processes with memory of their own: what
 * clone(2) makes with CLONE_FILES and without CLONE_VM.  The host shares its
 * table, a server the kernel's; this shares what the map says of them.
 *
 * Each process goes on with its own map.  What it changes there it tells, and
 * what others have told it takes over before its next call.
 */
#ifndef PRELOAD_FDSHARE_H
#define PRELOAD_FDSHARE_H

#include <stdbool.h>

#include "preload/fdslots.h"

/* A child is about to share the calling process's table.  0 or a Linux errno. */
int fdshare_begin(void);
/* The table is the calling process's own from now on. */
void fdshare_end(void);
/* In a child that shares it. */
void fdshare_forked(void);
/* Is it another one's, too? */
bool fdshare_on(void);

/* Take over what others have changed. */
void fdshare_sync(void);
/* ... of this number. */
void fdshare_look(long fd);
/* The map's slot of number fd holds rf, FD_HIDDEN or NULL from now on, and others
 * know: what it has held. */
struct rfile *fdshare_set(long fd, slot_t *slot, struct rfile *rf);
/* It holds nothing any more, if it has held rf: whether it has. */
bool fdshare_take(long fd, slot_t *slot, struct rfile *rf);
/* The same, unless another process has said something else of the number. */
bool fdshare_drop(long fd, slot_t *slot, struct rfile *rf);
/* The hidden descriptor fd is of no use to who has had it: whoever still has it
 * in his table may close it. */
void fdshare_leave_behind(long fd);

/* rf goes from this process's map: is its file to be closed, because it has gone
 * from all? */
bool fdshare_closes(struct rfile *rf);
/* The hidden duplicate for rf's socket that all have: fd, if there is none yet
 * and fd is one, or what there is. */
int fdshare_hostfd(struct rfile *rf, int fd);

#endif /* !PRELOAD_FDSHARE_H */
