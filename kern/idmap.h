/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User and group ids as a user namespace of the host has them.  The kernel counts
 * as the host does outside of it; a process in it names other ids, and does not
 * know those that have no name there.
 */
#ifndef KERN_IDMAP_H
#define KERN_IDMAP_H

#include "kern/types.h"

#define IDMAP_NOBODY 65534 /* shown in place of what has no name */

enum idmap_kind { IDMAP_UID, IDMAP_GID, IDMAP_NKINDS };

struct idmap;
struct rump_idmap;

/* One reference; never changes. */
struct idmap *idmap_create(const struct rump_idmap *im);
/* For all of these im may be NULL: outside of every namespace. */
struct idmap *idmap_hold(struct idmap *im);
void idmap_drop(struct idmap *im);

/* Has the kernel's id a name inside?  Which, or IDMAP_NOBODY. */
bool idmap_knows(const struct idmap *im, enum idmap_kind kind, uint32_t id);
uint32_t idmap_inside(
    const struct idmap *im, enum idmap_kind kind, uint32_t id);
/* What *id, a name inside, is to the kernel; -1, no id, stays.  0 or EINVAL: it is
 * no name there. */
int idmap_outside(const struct idmap *im, enum idmap_kind kind, uint32_t *id);

#endif /* !KERN_IDMAP_H */
