/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that make, change and end mappings of rump files.  The host makes the
 * area, of the kernel's memfd and without access; memory.c does the rest.
 *
 * The table is changed before the host maps something of its own over what is
 * ours, and after it has mapped what becomes ours: in between a fault finds
 * nothing, and never shows pages of the one in the place of the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/abi/memory.h"
#include "preload/descriptor.h"
#include "preload/kernel.h"
#include "preload/mappings.h"
#include "preload/memory.h"
#include "preload/process.h"
#include "preload/readiness.h"
#include "preload/route.h"
#include "preload/windows.h"
#include "rump/rumpdefs.h"
#include "syscall_table/linux_routes.h"

#define PAGE 4096UL
/* Each of them lets the program read, on this processor. */
#define PROT_ANY (PROT_READ | PROT_WRITE | PROT_EXEC)

static uintptr_t
round_up(uintptr_t addr)
{
	return (addr + PAGE - 1) & ~(PAGE - 1);
}

static bool
is_error(long result)
{
	return result < 0 && result > -4096;
}

/* Does [addr, addr + len) concern a mapping of ours? */
static bool
concerns(long addr, long len)
{
	uintptr_t end = round_up((uintptr_t)addr + (uintptr_t)len);
	struct mapping *m;
	bool hit;

	if (mappings_n == 0 || len <= 0 ||
	    ((uintptr_t)addr & (PAGE - 1)) != 0 || end < (uintptr_t)addr)
		return false;
	mappings_lock();
	m = mappings_next_locked((uintptr_t)addr);
	hit = m != NULL && m->m_start < end;
	mappings_unlock();
	return hit;
}

/*
 * The host is about to map something of its own over one of ours.  It is
 * forgotten before: as long as it is in the table, a fault of another thread
 * may take the pages away.
 */
static void
forget_fixed(uintptr_t start, size_t len)
{
	if ((start & (PAGE - 1)) == 0 && len != 0 &&
	    round_up(start + len) > start)
		mappings_remove(start, round_up(start + len));
}

/* Enter what the host has just mapped at addr; takes m's handle over.  addr, or
 * -ENOMEM. */
static long
enter(struct mapping *m, long addr, size_t len)
{
	m->m_start = (uintptr_t)addr;
	m->m_end = m->m_start + round_up(len);
	if (mappings_replace(m))
		return addr;
	HOST(SYS_munmap, addr, len, 0, 0, 0, 0);
	kernel.k_map_destroy(m->m_handle);
	return -ENOMEM;
}

/* --- mmap -------------------------------------------------------------- */

static long
host_mmap(const struct call *c, const struct rump_map *rm)
{
	long flags = c->arg[3] &
		     ~(long)(MAP_POPULATE | MAP_LOCKED | MAP_SHARED_VALIDATE);

	flags |= (c->arg[3] & MAP_SHARED_VALIDATE) == MAP_PRIVATE ? MAP_PRIVATE
								  : MAP_SHARED;
	return HOST(SYS_mmap, c->arg[0], c->arg[1], PROT_NONE, flags,
	    rm->rm_hostfd, rm->rm_hostoff);
}

static long
map_enter(struct call *c, const struct rump_map *rm, bool shared)
{
	bool changes = !shared && (c->arg[2] & PROT_WRITE) != 0;
	struct mapping m = {
		.m_handle = rm->rm_handle,
		.m_file = rm->rm_file,
		.m_off = c->arg[5],
		.m_prot = (int)c->arg[2],
		.m_shared = shared,
		.m_writable = rm->rm_writable,
		.m_memory = rm->rm_memory,
		.m_keep = rm->rm_memory || changes,
	};
	long addr;

	m.m_window = memory_window_size((size_t)c->arg[1], m.m_keep);
	/* A fault on what was there must not show the new pages. */
	if ((c->arg[3] & MAP_FIXED) != 0)
		forget_fixed((uintptr_t)c->arg[0], (size_t)c->arg[1]);
	addr = host_mmap(c, rm);
	kernel.k_map_mapped(rm->rm_hostfd);
	if (!is_error(addr))
		return enter(&m, addr, (size_t)c->arg[1]);
	kernel.k_map_destroy(rm->rm_handle);
	return addr;
}

/* Protection that the host does not know is ignored by mmap(2). */
static int
check_arguments(struct call *c, int *prot, int *flags)
{
	int64_t end;
	int error;

	c->arg[2] &= PROT_READ | PROT_WRITE | PROT_EXEC;
	error = abi_prot_to_netbsd((int)c->arg[2], prot);
	if (error == 0)
		error = abi_mapflags_to_netbsd((int)c->arg[3], flags);
	if (error != 0)
		return error;
	if (c->arg[1] == 0 || ((unsigned long)c->arg[5] & (PAGE - 1)) != 0)
		return EINVAL;
	if (c->arg[5] < 0)
		return EOVERFLOW;
	/* A length that is none is judged later. */
	if (c->arg[1] > 0 && __builtin_add_overflow(c->arg[5], c->arg[1], &end))
		return EOVERFLOW;
	return 0;
}

static long
mmap_rump(struct call *c, struct rfile *rf)
{
	struct rump_map rm;
	int prot, flags, error;
	long result;

	error = check_arguments(c, &prot, &flags);
	if (error != 0)
		return -error;
	if (!backend_reachable())
		return -process_refuse(c);
	error = kernel.k_map_create(
	    rf->rf_fd, c->arg[5], (size_t)c->arg[1], prot, flags, &rm);
	if (error != 0)
		return -abi_errno_to_linux(error);
	result = map_enter(c, &rm, flags == RUMP_MAP_SHARED);
	if (!is_error(result) && (c->arg[3] & MAP_POPULATE) != 0)
		(void)memory_present(
		    (uintptr_t)result, (size_t)c->arg[1], false);
	return result;
}

/* A socket of the kernel's rides on one of the host's, which can show what it
 * has received (TCP_ZEROCOPY_RECEIVE): the mapping is the host's alone. */
static bool
mmap_socket(struct call *c, struct rfile *rf, long *result)
{
	int hostfd;

	if (member_of_file(rf, &hostfd) != MEMBER_PROXY)
		return false;
	/* The host refuses what is odd before it takes anything away. */
	if ((c->arg[3] & MAP_FIXED) != 0 && c->arg[1] != 0 &&
	    ((c->arg[0] | c->arg[5]) & (PAGE - 1)) == 0)
		forget_fixed((uintptr_t)c->arg[0], (size_t)c->arg[1]);
	*result = HOST(SYS_mmap, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
	    hostfd, c->arg[5]);
	return true;
}

static bool
host_can_map(const struct call *c)
{
	return (c->arg[3] & MAP_ANONYMOUS) != 0 ||
	       HOST(SYS_fcntl, c->arg[4], F_GETFD, 0, 0, 0, 0) >= 0;
}

static long
mmap_run(struct call *c)
{
	bool fixed = (c->arg[3] & MAP_FIXED) != 0;
	struct rfile *rf = NULL;
	long result;
	int error = 0;

	if ((c->arg[3] & MAP_ANONYMOUS) == 0)
		rf = fdmap_get_rump(c->arg[4], &error);
	if (error != 0)
		return -error;
	if (rf == NULL) {
		if (fixed && mappings_n != 0 && host_can_map(c))
			forget_fixed((uintptr_t)c->arg[0], (size_t)c->arg[1]);
		return CALL_TO_HOST;
	}
	route_mark_rump(c, rf->rf_rule);
	if (rf->rf_path_only)
		result = -EBADF;
	else if (!mmap_socket(c, rf, &result))
		result = mmap_rump(c, rf);
	(void)fdmap_put(rf);
	return result;
}
ROUTE(mmap, mmap_run)

static long
munmap_run(struct call *c)
{
	if (concerns(c->arg[0], c->arg[1])) {
		route_mark_rump(c, -1);
		mappings_remove((uintptr_t)c->arg[0],
		    round_up((uintptr_t)c->arg[0] + (uintptr_t)c->arg[1]));
		/* Does not block, and must be done before anybody maps
		 * something there. */
		return HOST(SYS_munmap, c->arg[0], c->arg[1], 0, 0, 0, 0);
	}
	return CALL_TO_HOST;
}
ROUTE(munmap, munmap_run)

/* --- changes of mapped ranges ------------------------------------------ */

/* Would the new protection let the program write to what it may not? */
static bool
not_permitted(uintptr_t start, uintptr_t end, int prot)
{
	struct mapping *m;

	for (; (prot & PROT_WRITE) != 0 &&
	       (m = mappings_next_locked(start)) != NULL && m->m_start < end;
	     start = m->m_end) {
		if (m->m_shared && !m->m_writable)
			return true;
	}
	return false;
}

static void
set_prot(struct mapping *m, int prot)
{
	m->m_prot = prot;
	if (!m->m_shared && (prot & PROT_WRITE) != 0)
		m->m_keep = true;
	windows_conceal(m->m_start, m->m_end);
}

static long
mprotect_locked(uintptr_t start, uintptr_t end, int prot)
{
	long result = 0;

	if (not_permitted(start, end, prot))
		return -EACCES;
	if (!mappings_split_locked(start) || !mappings_split_locked(end))
		return -ENOMEM;
	for (uintptr_t at = start, to; at < end && result == 0; at = to) {
		struct mapping *m = mappings_next_locked(at);

		to = m == NULL || m->m_start >= end ? end : m->m_start;
		if (to > at) {
			result = HOST(SYS_mprotect, at, to - at, prot, 0, 0, 0);
			continue;
		}
		set_prot(m, prot);
		to = m->m_end;
	}
	mappings_join_locked(start, end);
	return result;
}

static long
mprotect_run(struct call *c)
{
	long result;
	int prot;

	if (!concerns(c->arg[0], c->arg[1]))
		return CALL_TO_HOST;
	if (abi_prot_to_netbsd((int)c->arg[2], &prot) != 0)
		return -EINVAL;
	route_mark_rump(c, -1);
	mappings_lock();
	result = mprotect_locked((uintptr_t)c->arg[0],
	    round_up((uintptr_t)c->arg[0] + (uintptr_t)c->arg[1]), prot);
	mappings_unlock();
	return result;
}
ROUTE(mprotect, mprotect_run)
/* Protection keys do not apply to what is made accessible page by page. */
ROUTE(pkey_mprotect, mprotect_run)

/* Make what is ours in the range inaccessible, so that it is filled anew. */
static void
conceal(uintptr_t start, uintptr_t end)
{
	struct mapping *m;

	mappings_lock();
	while ((m = mappings_next_locked(start)) != NULL && m->m_start < end) {
		uintptr_t from = m->m_start > start ? m->m_start : start;
		uintptr_t to = m->m_end < end ? m->m_end : end;

		windows_conceal(from, to);
		start = m->m_end;
	}
	mappings_unlock();
}

/* Copies of what is ours in the range, one after the other: the next one from
 * *start on, cut to the range, with a reference.  False: no more. */
static bool
next_piece(uintptr_t *start, uintptr_t end, struct mapping *piece)
{
	struct mapping *m;
	bool found;

	mappings_lock();
	m = mappings_next_locked(*start);
	found = m != NULL && m->m_start < end;
	if (found) {
		*piece = *m;
		if (piece->m_start < *start) {
			piece->m_off += (int64_t)(*start - piece->m_start);
			piece->m_start = *start;
		}
		if (piece->m_end > end)
			piece->m_end = end;
		*start = m->m_end;
		kernel.k_map_ref(piece->m_handle);
	}
	mappings_unlock();
	return found;
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* A hole in the file, by who may write to it. */
static long
remove_piece(const struct mapping *m)
{
	int error;

	if (!m->m_shared || !m->m_writable)
		return -EACCES;
	error =
	    kernel.k_map_punch(m->m_handle, m->m_off, m->m_end - m->m_start);
	return error == RUMP_ERESTART ? -EINTR : -abi_errno_to_linux(error);
}

static long
remove_host(uintptr_t start, uintptr_t end)
{
	if (start >= end)
		return 0;
	return HOST(SYS_madvise, start, end - start, MADV_REMOVE, 0, 0, 0);
}

static long
remove_pages(struct call *c, uintptr_t start, uintptr_t end)
{
	uintptr_t done = start;
	struct mapping piece;
	long result = 0;

	if (!backend_reachable())
		return -process_refuse(c);
	while (result == 0 && next_piece(&start, end, &piece)) {
		result = remove_host(done, piece.m_start);
		if (result == 0)
			result = remove_piece(&piece);
		kernel.k_map_destroy(piece.m_handle);
		done = piece.m_end;
	}
	return result == 0 ? remove_host(done, end) : result;
}

/* May all of ours in the range be accessed in one of these ways? */
static bool
is_permitted(uintptr_t at, uintptr_t end, int prot)
{
	struct mapping piece;
	bool permitted = true;

	while (permitted && next_piece(&at, end, &piece)) {
		permitted = (piece.m_prot & prot) != 0;
		kernel.k_map_destroy(piece.m_handle);
	}
	return permitted;
}

/* What is not permitted is not begun. */
static long
populate(struct call *c, uintptr_t start, uintptr_t end, int prot)
{
	if (!backend_reachable())
		return -process_refuse(c);
	if (!is_permitted(start, end, prot))
		return -EINVAL;
	return memory_present(start, (size_t)c->arg[1], prot == PROT_WRITE)
		   ? 0
		   : -EFAULT;
}

static long
madvise_run(struct call *c)
{
	uintptr_t start = (uintptr_t)c->arg[0];
	uintptr_t end = round_up(start + (uintptr_t)c->arg[1]);

	if (!concerns(c->arg[0], c->arg[1]))
		return CALL_TO_HOST;
	route_mark_rump(c, -1);
	switch ((int)c->arg[2]) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		conceal(start, end);
		return CALL_TO_HOST;
	case MADV_WILLNEED:
		return 0;
	case MADV_POPULATE_READ:
		return populate(c, start, end, PROT_ANY);
	case MADV_POPULATE_WRITE:
		return populate(c, start, end, PROT_WRITE);
	case MADV_FREE:
		return -EINVAL;
	case MADV_REMOVE:
		return remove_pages(c, start, end);
	default:
		return CALL_TO_HOST;
	}
}
ROUTE(madvise, madvise_run)

/* What is in memory is a question about the pages of the memfd. */
static long
mincore_run(struct call *c)
{
	return CALL_TO_HOST;
}
ROUTE(mincore, mincore_run)

/* The pages are read, but it is the kernel's cache that they stay in. */
static long
mlock_run(struct call *c)
{
	if (!concerns(c->arg[0], c->arg[1]) || !backend_reachable())
		return CALL_TO_HOST;
	if (c->nr == SYS_mlock2 && (c->arg[2] & ~(long)MLOCK_ONFAULT) != 0)
		return -EINVAL;
	route_mark_rump(c, -1);
	(void)memory_present((uintptr_t)c->arg[0], (size_t)c->arg[1], false);
	return 0;
}
ROUTE(mlock, mlock_run)
ROUTE(mlock2, mlock_run)

/* The host looks at the arguments, and whether all of the range is mapped. */
static long
msync_run(struct call *c)
{
	uintptr_t start = (uintptr_t)c->arg[0];
	uintptr_t end = round_up(start + (uintptr_t)c->arg[1]);
	struct mapping piece;
	int error = 0;

	if ((int)(c->arg[2] & (MS_SYNC | MS_ASYNC)) != MS_SYNC ||
	    (c->arg[2] & ~(long)(MS_SYNC | MS_INVALIDATE)) != 0 ||
	    !concerns(c->arg[0], c->arg[1]) || !backend_reachable())
		return CALL_TO_HOST;
	route_mark_rump(c, -1);
	while (error == 0 && next_piece(&start, end, &piece)) {
		if (windows_tracked(&piece) && piece.m_writable)
			error = kernel.k_map_sync(piece.m_handle, piece.m_off,
			    piece.m_end - piece.m_start);
		kernel.k_map_destroy(piece.m_handle);
	}
	if (error == RUMP_ERESTART)
		return CALL_RESTART;
	return error != 0 ? -abi_errno_to_linux(error) : CALL_TO_HOST;
}
ROUTE(msync, msync_run)

/* --- mremap ------------------------------------------------------------ */

/*
 * Take [start, end), which has to be one mapping or a part of one, out as a
 * copy with a reference, inaccessible: it is one area for the host then.  0,
 * -EFAULT or -ENOMEM.
 */
static long
single_piece(uintptr_t start, uintptr_t end, struct mapping *piece)
{
	struct mapping *m;
	long result = -EFAULT;

	mappings_lock();
	m = mappings_find_locked(start);
	if (m != NULL && m->m_end >= end) {
		result = -ENOMEM;
		if (mappings_split_locked(start) &&
		    mappings_split_locked(end)) {
			m = mappings_find_locked(start);
			windows_conceal(start, end);
			kernel.k_map_ref(m->m_handle);
			*piece = *m;
			result = 0;
		}
	}
	mappings_unlock();
	return result;
}

/* Replace piece's reference by one to a map that is len bytes long. */
static int
widen(struct mapping *piece, size_t len)
{
	struct rump_map rm;
	int error;

	error = kernel.k_map_again(piece->m_handle, piece->m_off, len, &rm);
	if (error != 0)
		return ENOMEM;
	kernel.k_map_destroy(piece->m_handle);
	piece->m_handle = rm.rm_handle;
	piece->m_window = memory_window_size(len, piece->m_keep);
	return 0;
}

/* Move and grow what is at [start, end) as the call says. */
static long
remap(struct call *c, uintptr_t start, uintptr_t end)
{
	size_t len = (size_t)c->arg[2];
	struct mapping piece;
	const void *old;
	long result;

	result = single_piece(start, end, &piece);
	if (result != 0)
		return result;
	old = piece.m_handle;
	if (round_up(len) > end - start && widen(&piece, len) != 0) {
		result = -ENOMEM;
		goto fail;
	}
	if ((c->arg[3] & MREMAP_FIXED) != 0)
		forget_fixed((uintptr_t)c->arg[4], len);
	result =
	    HOST(SYS_mremap, start, end - start, len, c->arg[3], c->arg[4], 0);
	if (is_error(result))
		goto fail;
	result = enter(&piece, result, len);
	/* Others may have mapped something where it was. */
	if ((c->arg[3] & MREMAP_DONTUNMAP) == 0 && result != (long)start)
		mappings_remove_handle(start, end, old);
	return result;

fail:
	kernel.k_map_destroy(piece.m_handle);
	return result == -EFAULT ? -ENOMEM : result;
}

static bool
valid_flags(const struct call *c)
{
	long flags = c->arg[3];

	if ((flags &
		~(long)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0)
		return false;
	if ((flags & MREMAP_MAYMOVE) == 0)
		return (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) == 0;
	return (flags & MREMAP_DONTUNMAP) == 0 ||
	       round_up((uintptr_t)c->arg[1]) == round_up((uintptr_t)c->arg[2]);
}

static long
mremap_run(struct call *c)
{
	uintptr_t start = (uintptr_t)c->arg[0];
	uintptr_t end = round_up(start + (uintptr_t)c->arg[1]);
	uintptr_t wanted = round_up(start + (uintptr_t)c->arg[2]);
	bool move = (c->arg[3] & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0;

	/* An old length of 0 makes another mapping of the same pages. */
	if (!concerns(c->arg[0], c->arg[1] == 0 ? 1 : c->arg[1])) {
		if ((c->arg[3] & MREMAP_FIXED) != 0 && mappings_n != 0)
			forget_fixed((uintptr_t)c->arg[4], (size_t)c->arg[2]);
		return CALL_TO_HOST;
	}
	route_mark_rump(c, -1);
	if (c->arg[2] <= 0 || wanted <= start || c->arg[1] == 0 ||
	    !valid_flags(c))
		return -EINVAL;
	if (!backend_reachable())
		return -ENOMEM;
	if (wanted < end) {
		mappings_remove(wanted, end);
		HOST(SYS_munmap, wanted, end - wanted, 0, 0, 0, 0);
		end = wanted;
	}
	return move || wanted > end ? remap(c, start, end) : c->arg[0];
}
ROUTE(mremap, mremap_run)

/* It would show other pages than the table knows. */
static long
remap_file_pages_run(struct call *c)
{
	if (!concerns(c->arg[0], c->arg[1]))
		return CALL_TO_HOST;
	route_note(c, "not on mappings of rump files");
	return -EINVAL;
}
ROUTE(remap_file_pages, remap_file_pages_run)
