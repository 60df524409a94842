/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that shares a program's memory while that goes on has no record of
 * its own here, and no use of the kernel.  What it asks of the host alone goes
 * there: decided on its own stack, without the record, which is its parent's.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/mappings.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/route.h"

/* What cannot be looked up fails there, too. */
static bool
is_host_path(long dirfd, long path)
{
	struct place *pl = place_create();
	bool host = true;

	if (pl == NULL)
		return false;
	if (place_find(pl, dirfd, path, PLACE_EMPTY | PLACE_LINKS) == 0)
		host = !pl->pl_rump;
	place_destroy(pl);
	return host;
}

/* Argument `path' of c, relative to argument `dir', -1: none. */
static bool
names_host(const struct call *c, int dir, int path)
{
	return path < 0 ||
	       is_host_path(dir >= 0 ? c->arg[dir] : AT_FDCWD, c->arg[path]);
}

static bool
is_host_memory(const struct call *c, const struct linux_call *lc)
{
	uintptr_t start = (uintptr_t)c->arg[0], size = (uintptr_t)c->arg[1];
	const struct mapping *m;
	bool host;

	if (lc->lc_fd >= 0 && fdmap_is_rump(c->arg[lc->lc_fd]))
		return false;
	if (atomic_load(&mappings_n) == 0)
		return true;
	/* Where a mapping moves to is not known beforehand. */
	if (c->nr == SYS_mremap)
		return false;
	mappings_lock();
	m = mappings_next_locked(start);
	host = m == NULL || m->m_start - start >= size;
	mappings_unlock();
	return host;
}

bool
router_is_host(const struct call *c)
{
	const struct linux_call *lc = &linux_calls[c->nr];

	switch (lc->lc_class) {
	case CALL_PATH:
		return names_host(c, lc->lc_fd, lc->lc_path) &&
		       names_host(c, lc->lc_fd2, lc->lc_path2);
	case CALL_MEMORY:
		return is_host_memory(c, lc);
	default:
		return false;
	}
}
