/* SPDX-License-Identifier: BSD-2-Clause */
/* openat2(2): walking a path under restrictions. */
#ifndef PRELOAD_SCOPED_H
#define PRELOAD_SCOPED_H

#include <stdint.h>

struct call;
struct place;

/*
 * Find what pl names with RESOLVE_BENEATH, _IN_ROOT, _NO_SYMLINKS or _NO_XDEV
 * in resolve, for an open(2) with flags: *at becomes the place of the object's
 * name in its directory, where no link is to be followed, *atflags the flags to
 * open it with.  Then scoped_done() has to be called.  0, ROUTE_RESTART,
 * ROUTE_ESCAPED (not with BENEATH and IN_ROOT), or a Linux errno.
 */
int scoped_walk(struct call *c, const struct place *pl, uint64_t resolve,
    int flags, struct place *at, int *atflags);
void scoped_done(struct call *c, struct place *at);

#endif /* !PRELOAD_SCOPED_H */
