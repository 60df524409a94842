/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close(2), dup(2) and their like: the map and the host's table of descriptors
 * change together, as fdmap.c says.
 */
#include "preload/fdmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/fdalias.h"
#include "preload/fdshare.h"
#include "preload/fdslots.h"
#include "preload/hidden.h"
#include "preload/nofile.h"
#include "preload/process.h"

/* Not for the program. */
static bool
is_ours(long fd)
{
	return fdmap_is_hidden(fd) || fdalias_is_place(fd);
}

/* The program's number is the host's again, unless the descriptor of ours that
 * had it is still there. */
static void
alias_end(long number)
{
	if (!process_owns_memory())
		return;
	fdalias_forget(number);
	if (fdmap_is_hidden(number) && fdmap_is_placeholder(number))
		hidden_close((int)number);
}

/* A place is given up that is an aliased number as well: something of ours has
 * it from now on, lest the host give it away. */
static long
vacate(long place)
{
	struct rfile *rf = slot_take(place);
	long result;
	int error = 0;

	result = placeholder_dup2(place, O_CLOEXEC);
	if (result < 0 || !fdmap_set_hidden(place, true))
		result = HOST(SYS_close, place, 0, 0, 0, 0, 0);
	if (rf != NULL)
		error = fdmap_put(rf);
	return error > 0 ? -abi_errno_to_linux(error) : result < 0 ? result : 0;
}

static long
close_at(long fd)
{
	struct rfile *rf;
	long result;
	int error = 0;

	fdmap_clean_up();
	rf = process_owns_table() ? slot_take(fd) : NULL;
	result = HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (process_owns_table())
		fdmap_settle((int)fd);
	if (rf != NULL)
		error = fdmap_put(rf);
	if (result == 0 && error != 0)
		return error > 0 ? -abi_errno_to_linux(error) : -EIO;
	return result;
}

long
fdmap_close(long fd)
{
	long place = fdalias_place(fd), result;

	if (place < 0)
		return is_ours(fd) ? -EBADF : close_at(fd);
	result = fdalias_place(place) >= 0 && process_owns_memory()
		     ? vacate(place)
		     : close_at(place);
	alias_end(fd);
	return result;
}

long
host_dup2(long from, long to, long flags)
{
	long result;

	/* Out of the program's way is above its limit, too. */
	if (fdalias_is_place(to))
		return nofile_dup2((int)from, (int)to, flags);
	if (flags < 0)
		result = HOST(SYS_dup2, from, to, 0, 0, 0, 0);
	else
		result = HOST(SYS_dup3, from, to, flags, 0, 0, 0);
	if (result == -EBADF && nofile_in_headroom(to))
		result = nofile_dup2((int)from, (int)to, flags);
	return result;
}

long
host_dup(long from, long min, bool cloexec)
{
	long number = HOST(
	    SYS_fcntl, from, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, min, 0, 0, 0);

	if (number != -EINVAL || !nofile_in_headroom(min))
		return number;
	number = nofile_dup((int)from, (uint64_t)min);
	if (number >= 0 && !cloexec)
		HOST(SYS_fcntl, number, F_SETFD, 0, 0, 0, 0);
	return number;
}

long
fdmap_dup(long fd, long min, bool cloexec)
{
	struct rfile *rf;
	long number;
	int error;

	rf = fdmap_get(fd, &error);
	if (error != 0)
		return -error;
	/* Of a rump file, the placeholder's: fd may be another file by now. */
	if (rf != NULL && rf->rf_fd >= 0 && process_owns_table())
		number = placeholder_dup(min, cloexec);
	else
		number = host_dup(fd, min, cloexec);
	if (rf == NULL)
		return number;
	if (number < 0 || !process_owns_table()) {
		fdmap_put(rf);
		return number;
	}
	return rfile_enter(rf, number);
}

/* What would make the host's dup2 fail, before the old file is touched. */
static int
dup2_check(long from, long to, long flags, bool rump)
{
	if (HOST(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) < 0)
		return EBADF;
	if (flags >= 0 && (flags & ~(long)O_CLOEXEC) != 0)
		return EINVAL;
	return rump && slot_make(to) == NULL ? EBADF : 0;
}

/* Replace what is at to; rf, if from is a rump file, with its reference. */
static long
dup2_replace(long from, long to, long flags, struct rfile *rf)
{
	struct rfile *old = slot_take(to);
	bool rump = rf != NULL && rf->rf_fd >= 0;
	long result =
	    rump ? placeholder_dup2(to, flags) : host_dup2(from, to, flags);

	if (result < 0) {
		if (old != NULL)
			rfile_enter(old, to);
		if (rf != NULL)
			(void)fdmap_put(rf);
		return result;
	}
	if (old != NULL)
		(void)fdmap_put(old);
	if (rf != NULL)
		return rfile_enter(rf, to);
	fdmap_settle(to);
	return result;
}

/* flags: those of dup3(2), or -1 for dup2(2). */
static long
dup2_at(long from, long to, long flags)
{
	struct rfile *rf;
	int error;

	rf = fdmap_get(from, &error);
	if (error == 0 && from != to && process_owns_table()) {
		error = dup2_check(from, to, flags, rf != NULL);
		if (error == 0)
			return dup2_replace(from, to, flags, rf);
	}
	if (rf != NULL)
		(void)fdmap_put(rf);
	return error != 0 ? -error : host_dup2(from, to, flags);
}

/* A place for a number that something of ours has, or -1. */
static long
alias_make(long number)
{
	long place = -1;

	/* While others have the number nothing is different for them. */
	if (process_owns_memory() && !fdshare_on())
		place = placeholder_away();

	if (place < 0 || fdalias_enter(number, place))
		return place;
	HOST(SYS_close, place, 0, 0, 0, 0, 0);
	return -1;
}

/* It may have been made with one, or have unshared its parent's. */
static bool
child_has_own_table(void)
{
	return !engine_thread.t_shares_table ||
	       HOST(SYS_kcmp, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		   HOST(SYS_getppid, 0, 0, 0, 0, 0, 0), KCMP_FILES, 0, 0,
		   0) > 0;
}

/* A vfork child with a table of the host's of its own needs none of what is hidden
 * in it but its connection to a server.  In its map a socket's duplicate there is
 * forgotten, and asked for anew. */
static bool
child_gives_way(long number)
{
	bool found = false;
	struct rfile *rf;
	int error;

	if (engine_thread.t_view == NULL)
		return child_has_own_table();
	if (fdmap_view() == &fdmap_own)
		return false;
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		if (rf->rf_hostfd == number) {
			atomic_store(&rf->rf_hostfd, RF_HOSTFD_UNKNOWN);
			found = true;
		}
		(void)fdmap_put(rf);
	}
	if (found)
		(void)fdmap_set_hidden(number, false);
	return found;
}

/* Onto a number that something of ours has. */
static long
dup2_aliased(long from, long to, long flags)
{
	int error = dup2_check(from, to, flags, false);
	long place, result;

	if (error == 0 && (uint64_t)to >= nofile_told())
		error = EBADF;
	if (error != 0)
		return -error;
	if (fdmap_is_hidden(to) && hidden_make_way((int)to))
		return dup2_at(from, to, flags);
	if (!process_owns_memory() && !fdalias_is_place(to) &&
	    child_gives_way(to))
		return dup2_at(from, to, flags);
	place = alias_make(to);
	if (place < 0)
		return -EBADF;
	result = dup2_at(from, place, flags);
	if (result >= 0)
		return to;
	HOST(SYS_close, place, 0, 0, 0, 0, 0);
	alias_end(to);
	return result;
}

long
fdmap_dup2(long from, long to, long flags)
{
	long place = fdalias_place(to), result;

	if (place >= 0) {
		result = -EBADF;
		if ((uint64_t)to < nofile_told())
			result = dup2_at(from, place, flags);
		return result < 0 ? result : to;
	}
	if (is_ours(to))
		return dup2_aliased(from, to, flags);
	return dup2_at(from, to, flags);
}

/* The end of the range that begins at fd and has no number of ours in it. */
static unsigned long
open_until(unsigned long fd, unsigned long last)
{
	while (fd < last && fd + 1 < FD_MAX && !is_ours((long)fd + 1)) {
		fd++;
		/* Skip tables that do not exist. */
		if (fd % FD_SECOND == 0 && slot_find((long)fd) == NULL)
			fd += FD_SECOND - 1;
	}
	return fd + 1 >= FD_MAX || fd > last ? last : fd;
}

static void
settle_range(unsigned long first, unsigned long last)
{
	for (unsigned long fd = first; fd <= last && fd < FD_MAX; fd++) {
		if (slot_find((long)fd) == NULL)
			fd |= FD_SECOND - 1;
		else
			fdmap_settle((long)fd);
	}
}

static void
take_range(unsigned long first, unsigned long last)
{
	for (unsigned long fd = first; fd <= last && fd < FD_MAX; fd++) {
		struct rfile *rf;

		if (slot_find((long)fd) == NULL) {
			fd |= FD_SECOND - 1;
			continue;
		}
		rf = slot_take((long)fd);
		if (rf != NULL)
			(void)fdmap_put(rf);
	}
}

static void
close_aliases(unsigned long first, unsigned long last)
{
	for (long n = fdalias_next((long)first);
	     n >= 0 && (unsigned long)n <= last; n = fdalias_next(n + 1))
		(void)fdmap_close(n);
}

static void
mark_aliases(unsigned long first, unsigned long last)
{
	for (long n = fdalias_next((long)first);
	     n >= 0 && (unsigned long)n <= last; n = fdalias_next(n + 1))
		HOST(SYS_fcntl, fdalias_place(n), F_SETFD, FD_CLOEXEC, 0, 0, 0);
}

long
fdmap_close_range(unsigned long first, unsigned long last, long flags)
{
	unsigned long from, to;
	long result = 0;

	/* What only marks descriptors harms neither us nor the table. */
	if (first > last || last > UINT32_MAX || (flags & ~2L) != 0) {
		if (flags == CLOSE_RANGE_CLOEXEC)
			mark_aliases(first, last);
		return HOST(SYS_close_range, first, last, flags, 0, 0, 0);
	}
	close_aliases(first, last);
	for (from = first; from <= last && result == 0; from = to + 1) {
		if (is_ours((long)from)) {
			to = from;
			continue;
		}
		to = open_until(from, last);
		if (process_owns_table())
			take_range(from, to);
		result = HOST(SYS_close_range, from, to, flags, 0, 0, 0);
		if (process_owns_table() && engine_is_threaded())
			settle_range(from, to);
	}
	return result;
}
